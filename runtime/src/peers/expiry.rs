//! When a certificate ends, and what is said of that.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use tracing::warn;

/// How long before the end of a certificate its owner is warned.
pub const WARN_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The last second that a certificate can name: the end of the year 9999, which stands for no end at all.
const LAST_SECOND: u64 = 253_402_300_799;

/// The end of this server's certificate, by the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateEnd {
    seconds: u64,
}

/// What is to be said of a certificate's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// It comes within [`WARN_BEFORE`].
    Near(CertificateEnd),
    /// It has come.
    Past(CertificateEnd),
}

impl CertificateEnd {
    /// The end of the first certificate of `chain`; none of one that never ends, or that no authority counts for.
    ///
    /// The verifier that decides in a handshake is asked, so this is what the others will find.
    pub(super) fn of(chain: &[CertificateDer<'_>], roots: &Arc<RootCertStore>) -> Option<Self> {
        let (first, others) = chain.split_first()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::clone(roots);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        // The end is looked at before the name.
        let name = ServerName::try_from("localhost").ok()?;
        let last = UnixTime::since_unix_epoch(Duration::from_secs(LAST_SECOND));
        match verifier
            .ok()?
            .verify_server_cert(first, others, &name, &[], last)
        {
            Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after,
                ..
            })) => Some(Self {
                seconds: not_after.as_secs(),
            }),
            _ => None,
        }
    }

    /// In seconds since 1970.
    #[must_use]
    pub const fn unix_seconds(self) -> u64 {
        self.seconds
    }

    /// What is to be said of it at `now`; none while it is far.
    #[must_use]
    pub fn warning(self, now: SystemTime) -> Option<Warning> {
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        if self.seconds < now {
            return Some(Warning::Past(self));
        }
        let is_near = self.seconds - now <= WARN_BEFORE.as_secs();
        is_near.then_some(Warning::Near(self))
    }
}

impl fmt::Display for CertificateEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(self.seconds));
        match at {
            Some(at) => humantime::format_rfc3339_seconds(at).fmt(f),
            None => self.seconds.fmt(f),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Near(end) => write!(
                f,
                "the certificate of this server ends on {end}; give it a new one before"
            ),
            Self::Past(end) => write!(
                f,
                "the certificate of this server has ended on {end}; no other server takes a connection from it"
            ),
        }
    }
}

/// Says to the log what is to be said of `end` by this server's calendar. Nothing is decided by it.
#[expect(
    clippy::disallowed_methods,
    reason = "certificates count by the calendar"
)]
pub(crate) fn tell(end: Option<CertificateEnd>) {
    if let Some(warning) = end.and_then(|end| end.warning(SystemTime::now())) {
        warn!("{warning}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_warned_of_a_month_before_it() {
        let end = CertificateEnd {
            seconds: 2_000_000_000,
        };
        let at = |seconds: u64| end.warning(UNIX_EPOCH + Duration::from_secs(seconds));
        let month = WARN_BEFORE.as_secs();
        assert_eq!(at(2_000_000_000 - month - 1), None);
        assert_eq!(at(2_000_000_000 - month), Some(Warning::Near(end)));
        assert_eq!(at(2_000_000_000), Some(Warning::Near(end)));
        assert_eq!(at(2_000_000_001), Some(Warning::Past(end)));
        assert_eq!(end.to_string(), "2033-05-18T03:33:20Z");
    }
}
