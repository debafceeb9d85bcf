//! Secrets at rest: everything that must not be read from a copied database is sealed.
//!
//! One master key wraps a data key for each account, and the data key seals the account's secrets. What is sealed or
//! wrapped is bound to its table, column, account and key, so that it cannot be moved. A wrong key is noticed at once and
//! never overwrites anything. No key and no plain text may reach a log, an error or a `Debug` output.
//!
//! Forms (XChaCha20-Poly1305 each; the tag stands at the end of the ciphertext):
//! a secret: 2 ‖ version of the data key (4 bytes) ‖ nonce (24) ‖ ciphertext;
//! a wrapped data key: 1 ‖ nonce (24) ‖ ciphertext;
//! a secret of the first databases, sealed by the master key itself: 1 ‖ key id (4) ‖ nonce (24) ‖ ciphertext.

mod key_file;
mod key_source;
mod master;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use threadkeep_core::id::AccountId;
use zeroize::Zeroizing;

pub use key_file::{KeyFile, load_key};
pub use key_source::KeySource;
pub use master::MasterKey;

/// Length of a key, in bytes.
pub const KEY_LENGTH: usize = 32;
/// Length of a nonce, in bytes.
pub const NONCE_LENGTH: usize = 24;

/// A secret that the master key itself has sealed.
const VERSION_DIRECT: u8 = 1;
/// A secret that a data key has sealed.
const VERSION_ENVELOPE: u8 = 2;
/// The form of a wrapped data key.
const WRAPPED_FORM: u8 = 1;
/// Bytes before the nonce of a secret: its form, and the id or version of its key.
const HEAD_LENGTH: usize = 5;

/// Why a value cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed with another master key.
    #[error(
        "this was sealed with another master key; give the key that the database uses now (THREADKEEP_MASTER_KEY or the \
         key file), and start again"
    )]
    WrongKey,
    /// Damaged, of an unknown version, or moved here from somewhere else.
    #[error("the sealed value is damaged or was moved here from another record; connect the account again")]
    Corrupt,
    /// Too large to be sealed.
    #[error("the value is too large to be sealed")]
    TooLarge,
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither 64 hex digits nor base64 of 32 bytes.
    #[error(
        "the master key from {origin} is not a key: it must be 32 bytes as 64 hex digits or as base64, for example made \
         by `openssl rand -hex 32`"
    )]
    Malformed {
        /// Where it came from.
        origin: String,
    },
    /// Others may read the key file.
    #[error("the key file {path} can be read by others; run `chmod 600 {path}` and start again")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read or made.
    #[error("the key file {path} cannot be {action}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl KeyError {
    /// Whether a key could not be put somewhere because another one is there.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    }
}

/// What a secret is bound to besides its account: where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The purpose by which values of the first form were bound.
    pub purpose: &'static str,
}

/// Where the sessions of accounts lie.
pub const SESSIONS: Place = Place { table: "sessions", column: "sealed", purpose: "session" };

/// The key that seals the secrets of one account.
pub struct DataKey {
    version: u32,
    key: Zeroizing<[u8; KEY_LENGTH]>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    /// A key out of fresh randomness.
    pub fn new(version: u32, random: [u8; KEY_LENGTH]) -> Self {
        Self { version, key: Zeroizing::new(random) }
    }

    /// Counts the keys of an account, from 1.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Seals a secret of an account. A nonce must never be used twice: it has to be fresh randomness.
    pub fn seal(
        &self,
        place: Place,
        account: &AccountId,
        plaintext: &[u8],
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<Vec<u8>, SealError> {
        let head = self.head();
        let aad = bound(&[place.table.as_bytes(), place.column.as_bytes(), account.as_str().as_bytes(), &head]);
        let sealed = encrypt(&self.cipher(), &aad, plaintext, nonce)?;
        Ok([&head[..], &nonce, &sealed].concat())
    }

    /// Opens a secret that this key has sealed for the same place and account.
    pub fn open(&self, place: Place, account: &AccountId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let head = self.head();
        let rest = sealed.strip_prefix(&head).ok_or(SealError::Corrupt)?;
        let aad = bound(&[place.table.as_bytes(), place.column.as_bytes(), account.as_str().as_bytes(), &head]);
        decrypt(&self.cipher(), &aad, rest)
    }

    fn head(&self) -> [u8; HEAD_LENGTH] {
        let [a, b, c, d] = self.version.to_be_bytes();
        [VERSION_ENVELOPE, a, b, c, d]
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(<&Key>::from(&*self.key))
    }
}

/// By which key a secret was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedBy {
    /// By a master key itself, as the first databases have it.
    Master,
    /// By its account's data key of this version.
    Data(u32),
}

impl SealedBy {
    /// Reads it from the beginning of a sealed secret.
    pub fn of(sealed: &[u8]) -> Result<Self, SealError> {
        match sealed.split_first_chunk::<HEAD_LENGTH>() {
            Some(([VERSION_DIRECT, ..], _)) => Ok(Self::Master),
            Some(([VERSION_ENVELOPE, a, b, c, d], _)) => Ok(Self::Data(u32::from_be_bytes([*a, *b, *c, *d]))),
            _ => Err(SealError::Corrupt),
        }
    }
}

/// Holds the master keys: the one that the database uses now, and those that it may still need.
///
/// Which one is in use is told by the database. When a key is asked for that is not here, its source is read again, so
/// that a running server follows a change of the key file.
pub struct Sealer {
    ring: RwLock<Ring>,
    source: Option<KeySource>,
}

struct Ring {
    current: Arc<MasterKey>,
    others: Vec<Arc<MasterKey>>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// With this key alone.
    pub fn new(key: &MasterKey) -> Self {
        Self { ring: RwLock::new(Ring { current: Arc::new(key.clone()), others: Vec::new() }), source: None }
    }

    /// With this key, and those of a source when they are needed.
    pub fn with_source(key: &MasterKey, source: KeySource) -> Self {
        Self { source: Some(source), ..Self::new(key) }
    }

    /// Where its keys come from; `None` when it was given one alone.
    pub fn source(&self) -> Option<&KeySource> {
        self.source.as_ref()
    }

    /// The fingerprint of the key that is in use.
    pub fn fingerprint(&self) -> String {
        self.current().fingerprint()
    }

    /// From now on wraps with the key of this fingerprint.
    pub fn follow(&self, fingerprint: &str) -> Result<(), SealError> {
        let wanted = self.named(fingerprint).ok_or(SealError::WrongKey)?;
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut ring.current, wanted);
        ring.others.push(before);
        ring.others.retain(|key| key.fingerprint() != fingerprint);
        Ok(())
    }

    /// Whether there is a key with this fingerprint.
    pub fn has(&self, fingerprint: &str) -> bool {
        self.named(fingerprint).is_some()
    }

    /// Wraps a data key of an account with the key that is in use; gives that key's fingerprint, too.
    pub fn wrap(
        &self,
        account: &AccountId,
        key: &DataKey,
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<(String, Vec<u8>), SealError> {
        let master = self.current();
        let fingerprint = master.fingerprint();
        let aad = wrapped_bound(account, key.version, &fingerprint);
        let wrapped = encrypt(&master.cipher(), &aad, &*key.key, nonce)?;
        Ok((fingerprint, [&[WRAPPED_FORM][..], &nonce, &wrapped].concat()))
    }

    /// Unwraps a data key that the master key of this fingerprint has wrapped.
    pub fn unwrap(
        &self,
        account: &AccountId,
        version: u32,
        (fingerprint, wrapped): (&str, &[u8]),
    ) -> Result<DataKey, SealError> {
        let master = self.named(fingerprint).ok_or(SealError::WrongKey)?;
        let rest = wrapped.strip_prefix(&[WRAPPED_FORM]).ok_or(SealError::Corrupt)?;
        let opened = decrypt(&master.cipher(), &wrapped_bound(account, version, fingerprint), rest)?;
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        if opened.len() != KEY_LENGTH {
            return Err(SealError::Corrupt);
        }
        key.copy_from_slice(&opened);
        Ok(DataKey { version, key })
    }

    /// Opens a secret that a master key itself has sealed.
    pub fn open_direct(
        &self,
        place: Place,
        account: &AccountId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (head, rest) = sealed.split_first_chunk::<HEAD_LENGTH>().ok_or(SealError::Corrupt)?;
        if head.first() != Some(&VERSION_DIRECT) {
            return Err(SealError::Corrupt);
        }
        let master = self.find(|key| key.head() == *head).ok_or(SealError::WrongKey)?;
        let aad = [&head[..], place.purpose.as_bytes(), &[0], account.as_str().as_bytes()].concat();
        decrypt(&master.cipher(), &aad, rest)
    }

    fn current(&self) -> Arc<MasterKey> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner).current)
    }

    fn named(&self, fingerprint: &str) -> Option<Arc<MasterKey>> {
        self.find(|key| key.fingerprint() == fingerprint)
    }

    /// A key here, or one of the source, which then stays here.
    fn find(&self, is_wanted: impl Fn(&MasterKey) -> bool) -> Option<Arc<MasterKey>> {
        let here = {
            let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
            std::iter::once(&ring.current).chain(&ring.others).find(|key| is_wanted(key)).cloned()
        };
        if here.is_some() {
            return here;
        }
        let found = Arc::new(self.source.as_ref()?.all().into_iter().find(|key| is_wanted(key))?);
        self.ring.write().unwrap_or_else(PoisonError::into_inner).others.push(Arc::clone(&found));
        Some(found)
    }
}

fn wrapped_bound(account: &AccountId, version: u32, fingerprint: &str) -> Vec<u8> {
    let version = version.to_be_bytes();
    bound(&[b"data_keys", b"wrapped", account.as_str().as_bytes(), &version, fingerprint.as_bytes()])
}

/// Parts with their lengths, so that no two lists of parts give the same bytes.
fn bound(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn encrypt(
    cipher: &XChaCha20Poly1305,
    aad: &[u8],
    plaintext: &[u8],
    nonce: [u8; NONCE_LENGTH],
) -> Result<Vec<u8>, SealError> {
    cipher.encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad }).map_err(|_| SealError::TooLarge)
}

/// Opens nonce ‖ ciphertext.
fn decrypt(cipher: &XChaCha20Poly1305, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Corrupt)?;
    let payload = Payload { msg: ciphertext, aad };
    cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| SealError::Corrupt)
}

#[cfg(test)]
mod tests;
