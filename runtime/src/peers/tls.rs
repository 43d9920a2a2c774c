//! Who is who: certificates of the site's own authority, both ways, over TLS 1.3.
//!
//! A server is whoever holds a key whose certificate the site's authority has signed for its host name.
//! The file of authorities may hold several: while keys are rotated the old and the new one count.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{Resumption, verify_server_name};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls::server::{
    NoServerSessionStorage, ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::{ClientConfig, RootCertStore, ServerConfig, version::TLS13};
use tetrarch_core::ServerId;
use tetrarch_core::data::GroupData;
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::expiry::CertificateEnd;

/// The version of the frames, agreed on in the handshake.
const ALPN: &[u8] = b"tetrarch/1";

/// The files that tell who this server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities whose certificates count, in PEM.
    pub authorities: PathBuf,
    /// This server's certificate, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM; readable for its owner alone.
    pub key: PathBuf,
}

/// Why these files cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{}: expected {expected} in PEM: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// A key that others can read is no secret.
    #[error("{}: expected a key that its owner alone can read (mode 0600), found mode {found:04o}", path.display())]
    Open {
        /// The key.
        path: PathBuf,
        /// Its mode.
        found: u32,
    },
    /// The mode of the key cannot be told.
    #[error("{}: {source}", path.display())]
    Path {
        /// The key.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The certificate, the key or the authorities do not fit.
    #[error("{}: {source}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The authorities verify nobody.
    #[error("{}: {source}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: VerifierBuilderError,
    },
    /// A host name that no certificate can be for.
    #[error("host {name}: {source}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        source: InvalidDnsNameError,
    },
}

/// This server's side of all handshakes.
#[derive(Clone)]
pub struct Credentials {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    names: Arc<[ServerName<'static>]>,
    end: Option<CertificateEnd>,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // The key is none of the log's business.
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the files, for a server of `group`.
    ///
    /// # Errors
    ///
    /// Names the file that cannot be used, and says what was expected.
    pub fn load(files: &TlsFiles, group: &GroupData) -> Result<Self, TlsError> {
        let roots = Arc::new(authorities(&files.authorities)?);
        let unfit = |path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::Unfit { path, source }
        };
        let chain = certificates(&files.certificate, "this server's certificate")?;
        let end = CertificateEnd::of(&chain, &roots);
        let key = key(&files.key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .build()
                .map_err(|source| TlsError::Authorities {
                    path: files.authorities.clone(),
                    source,
                })?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(unfit(&files.key))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(unfit(&files.certificate))?;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(unfit(&files.key))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(unfit(&files.certificate))?;
        // Each connection proves who is who anew: a resumed session would outlive a rotated key.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        client.resumption = Resumption::disabled();
        server.alpn_protocols = vec![ALPN.to_vec()];
        client.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            acceptor: Arc::new(server).into(),
            connector: Arc::new(client).into(),
            names: names(group)?,
            end,
        })
    }

    /// When this server's certificate ends; none of one that never does.
    #[must_use]
    pub const fn end(&self) -> Option<CertificateEnd> {
        self.end
    }

    /// Accepts connections.
    #[must_use]
    pub const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Begins connections.
    #[must_use]
    pub const fn connector(&self) -> &TlsConnector {
        &self.connector
    }

    /// The name that `server`'s certificate must be for.
    pub(crate) fn name(&self, server: ServerId) -> Option<ServerName<'static>> {
        self.names.get(server.index()).cloned()
    }

    /// The server of the group that holds this certificate, which was found to be good.
    pub(crate) fn who(&self, certificate: &CertificateDer<'_>) -> Option<ServerId> {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        ServerId::all(self.names.len()).find(|server| {
            let name = &self.names[server.index()];
            verify_server_name(&parsed, name).is_ok()
        })
    }
}

/// When this server's certificate ends, by its files; none of one that never does.
///
/// # Errors
///
/// Names the file that cannot be used.
pub fn certificate_end(files: &TlsFiles) -> Result<Option<CertificateEnd>, TlsError> {
    let roots = Arc::new(authorities(&files.authorities)?);
    let chain = certificates(&files.certificate, "this server's certificate")?;
    Ok(CertificateEnd::of(&chain, &roots))
}

fn names(group: &GroupData) -> Result<Arc<[ServerName<'static>]>, TlsError> {
    let name = |data: &tetrarch_core::data::ManagementData| {
        let name = data.host().as_str().to_owned();
        ServerName::try_from(name.clone()).map_err(|source| TlsError::Name { name, source })
    };
    group.members().iter().map(name).collect()
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, "the certificates of the site's authorities")? {
        roots.add(certificate).map_err(|source| TlsError::Unfit {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(roots)
}

fn certificates(
    path: &Path,
    expected: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refuse = |source| TlsError::Pem {
        path: path.to_owned(),
        expected,
        source,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(refuse)?
        .collect();
    match found.map_err(refuse)? {
        none if none.is_empty() => Err(refuse(pem::Error::NoItemsFound)),
        found => Ok(found),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let metadata = std::fs::metadata(path).map_err(|source| TlsError::Path {
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TlsError::Open {
            path: path.to_owned(),
            found: mode,
        });
    }
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::Pem {
        path: path.to_owned(),
        expected: "this server's key",
        source,
    })
}
