//! TLS for the API's own listener: reads a certificate and its key, and refuses what could not protect anybody.
//!
//! TLS 1.2 is the least that is spoken, HTTP/1.1 all that is offered. The key is read once at start and never shown; no
//! part of a file may reach an error.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};

/// Largest file with a certificate or key, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Most certificates in a chain.
const CHAIN_MAX: usize = 20;
/// What nobody but the owner may do with a key file; its group may read it, as that of a web server does.
#[cfg(unix)]
const EXPOSED: u32 = 0o037;

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsRefused {
    /// A file cannot be read.
    #[error("{} cannot be read: {problem}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// A file that is no certificate or key.
    #[error("{} holds no usable {wanted}", path.display())]
    Nothing {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// Others than its owner can read or change the key.
    #[error("the key file {} is open to others on this machine", path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
    },
    /// The key is not that of the certificate.
    #[error("the key in {} does not belong to the first certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// Anything else that the TLS library does not accept.
    #[error("the certificate in {} cannot be used: {problem}", path.display())]
    Unusable {
        /// The file with the certificate.
        path: PathBuf,
        /// What the library says.
        problem: String,
    },
}

impl TlsRefused {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "is the path right, and may this user read it?",
            Self::Nothing { wanted: "certificate", .. } => {
                "give a PEM file that begins with -----BEGIN CERTIFICATE-----, the server's own certificate first"
            }
            Self::Nothing { .. } => "give a PEM file with one unencrypted private key, -----BEGIN PRIVATE KEY-----",
            Self::Exposed { .. } => "make it the owner's alone (chmod 600); its group may read it (chmod 640)",
            Self::Mismatch { .. } | Self::Unusable { .. } => {
                "give the key that the certificate was made for, and the server's own certificate first in its file"
            }
        }
    }
}

/// What the listener speaks TLS with.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and the key of that one; both as PEM.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsRefused> {
        let chain = chain(cert)?;
        refuse_exposed(key)?;
        let own = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| TlsRefused::Nothing { path: key.to_owned(), wanted: "private key" })?;
        let unusable =
            |error: rustls::Error| TlsRefused::Unusable { path: cert.to_owned(), problem: error.to_string() };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, own)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    TlsRefused::Mismatch { cert: cert.to_owned(), key: key.to_owned() }
                }
                other => unusable(other),
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// What takes a connection through its handshake.
    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsRefused> {
    let nothing = || TlsRefused::Nothing { path: path.to_owned(), wanted: "certificate" };
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).take(CHAIN_MAX).collect();
    found.ok().filter(|chain| !chain.is_empty()).ok_or_else(nothing)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsRefused> {
    let unreadable = |problem: String| TlsRefused::Unreadable { path: path.to_owned(), problem };
    let file = fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= FILE_BYTES_MAX) {
        true => Ok(bytes),
        false => Err(unreadable(format!("it is larger than {FILE_BYTES_MAX} bytes"))),
    }
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), TlsRefused> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = fs::metadata(path)
        .map_err(|error| TlsRefused::Unreadable { path: path.to_owned(), problem: error.to_string() })?;
    match metadata.permissions().mode() & EXPOSED {
        0 => Ok(()),
        _ => Err(TlsRefused::Exposed { path: path.to_owned() }),
    }
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<(), TlsRefused> {
    Ok(())
}
