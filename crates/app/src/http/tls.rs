//! TLS for the API's own listener: reads a certificate and its key, and refuses what could not protect anybody.
//!
//! TLS 1.2 is the least that is spoken, HTTP/1.1 all that is offered. Files that were renewed are read again without a
//! restart; until both can be used, the ones before are. The key is never shown; no part of a file may reach an error.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use threadkeep_core::time::Timestamp;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};

use super::validity::{Validity, validity};

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

/// The files are looked at for a renewal at most this often, when somebody connects.
const LOOK_MS: i64 = 60_000;

/// What the listener speaks TLS with.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    current: Arc<Mutex<Current>>,
}

struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// What was read of the files.
struct Current {
    acceptor: TlsAcceptor,
    mark: Mark,
    looked_at: Timestamp,
}

/// Tells versions of the two files apart: when each was changed, and its size.
type Mark = [Option<(SystemTime, u64)>; 2];

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and the key of that one; both as PEM.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsRefused> {
        let files = Files { cert: cert.to_owned(), key: key.to_owned() };
        let mark = files.mark();
        let current = Current { acceptor: files.read()?, mark, looked_at: Timestamp(0) };
        Ok(Self { files: Arc::new(files), current: Arc::new(Mutex::new(current)) })
    }

    /// From when until when the server's own certificate holds; `None` when it does not tell.
    pub fn validity(cert: &Path) -> Result<Option<Validity>, TlsRefused> {
        Ok(chain(cert)?.first().and_then(|own| validity(own)))
    }

    /// What takes a connection through its handshake: made of the files as they are now, or of the last ones that could be
    /// used.
    pub(super) fn acceptor(&self, now: Timestamp) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since_ms(current.looked_at) >= LOOK_MS {
            current.looked_at = now;
            let mark = self.files.mark();
            if mark != current.mark {
                match self.files.read() {
                    Ok(acceptor) => {
                        tracing::info!("the certificate was renewed");
                        (current.acceptor, current.mark) = (acceptor, mark);
                    }
                    Err(refused) => {
                        let remedy = refused.remedy();
                        tracing::warn!(%refused, remedy, "the new certificate is not used yet; the one before is");
                    }
                }
            }
        }
        current.acceptor.clone()
    }
}

impl Files {
    fn mark(&self) -> Mark {
        let of = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        [of(&self.cert), of(&self.key)]
    }

    fn read(&self) -> Result<TlsAcceptor, TlsRefused> {
        let Self { cert, key } = self;
        let chain = chain(cert)?;
        refuse_exposed(key)?;
        let own = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| TlsRefused::Nothing { path: key.clone(), wanted: "private key" })?;
        let unusable = |error: rustls::Error| TlsRefused::Unusable { path: cert.clone(), problem: error.to_string() };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, own)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => TlsRefused::Mismatch { cert: cert.clone(), key: key.clone() },
                other => unusable(other),
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
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
