//! The site's own authority: makes the keys and certificates by which servers know each other.

use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use thiserror::Error;

/// How long certificates count, in years. Long, because certificates that run out take the management
/// of all servers away at once; keys are rotated when the operator wants it.
const YEARS: i32 = 20;

/// Why a key or certificate cannot be made.
#[derive(Debug, Error)]
#[error("cannot make a certificate: {0}")]
pub struct AuthorityError(#[from] rcgen::Error);

/// A key and its certificate, in PEM.
#[derive(Clone)]
pub struct KeyAndCertificate {
    /// The key; a secret.
    pub key: String,
    /// The certificate.
    pub certificate: String,
}

impl core::fmt::Debug for KeyAndCertificate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyAndCertificate").finish_non_exhaustive()
    }
}

/// An authority that signs for the servers of one site.
#[derive(Debug)]
pub struct Authority {
    pem: KeyAndCertificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority, for the site `name`.
    ///
    /// # Errors
    ///
    /// When the system gives no randomness, or the name cannot stand in a certificate.
    pub fn new(name: &str) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = params(&format!("Tetrarch authority of {name}"), Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key)?;
        let pem = KeyAndCertificate {
            key: key.serialize_pem(),
            certificate: certificate.pem(),
        };
        let issuer = Issuer::new(params, key);
        Ok(Self { pem, issuer })
    }

    /// The authority's own key and certificate. The key belongs on no server.
    #[must_use]
    pub const fn pem(&self) -> &KeyAndCertificate {
        &self.pem
    }

    /// A new key for the server `host`, with a certificate for that name.
    ///
    /// # Errors
    ///
    /// When the system gives no randomness, or the name cannot stand in a certificate.
    pub fn server(&self, host: &str) -> Result<KeyAndCertificate, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = params(host, vec![host.to_owned()])?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(KeyAndCertificate {
            key: key.serialize_pem(),
            certificate: certificate.pem(),
        })
    }
}

fn params(name: &str, hosts: Vec<String>) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // A server whose clock is a little behind, as after a boot without a battery, still knows its
    // peers, so the years are counted from the beginning of the last one.
    let year = this_year() - 1;
    params.not_before = date_time_ymd(year, 1, 1);
    params.not_after = date_time_ymd(year + YEARS, 1, 1);
    Ok(params)
}

/// The year by this machine's clock, good enough for lengths of years.
#[expect(
    clippy::disallowed_methods,
    reason = "certificates count by the calendar"
)]
fn this_year() -> i32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = since.map_or(0, |since| since.as_secs() / 86_400);
    1970 + i32::try_from(days * 100 / 36_525).unwrap_or(0)
}
