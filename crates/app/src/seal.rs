//! Secrets at rest: everything that must not be read from a copied database is sealed with one master key.
//!
//! A sealed value is bound to its purpose and account, so that it cannot be moved to another row. A wrong key is noticed
//! at once and never overwrites anything. No key and no plain text may reach a log, an error or a `Debug` output.
//!
//! Form of a value: version (1 byte) ‖ key id (4) ‖ nonce (24) ‖ ciphertext with its tag (XChaCha20-Poly1305).

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use threadkeep_core::id::AccountId;
use zeroize::Zeroizing;

use crate::chance::Chance;

/// Length of the master key, in bytes.
pub const KEY_LENGTH: usize = 32;
/// Length of a nonce, in bytes.
pub const NONCE_LENGTH: usize = 24;

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 4;
const HEAD_LENGTH: usize = 1 + KEY_ID_LENGTH;
/// Longest key file that is read, in bytes.
const KEY_FILE_MAX: u64 = 1024;

/// Why a value cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed with another master key.
    #[error(
        "this was sealed with another master key; give the key that the database was made with (THREADKEEP_MASTER_KEY \
         or the key file)"
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

/// The key that seals everything.
pub struct MasterKey(Zeroizing<[u8; KEY_LENGTH]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Reads a key as hex or base64, as the value of `THREADKEEP_MASTER_KEY`.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        Self::decode(text).ok_or_else(|| KeyError::Malformed { origin: "THREADKEEP_MASTER_KEY".to_owned() })
    }

    /// Reads the key file; makes it, readable by its owner alone, when there is none.
    pub fn load_or_create(path: &Path, chance: &dyn Chance) -> Result<Self, KeyError> {
        match Self::create(path, chance) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(source) => Err(KeyError::File { path: path.to_owned(), action: "created", source }),
            Ok(key) => Ok(key),
        }
    }

    fn create(path: &Path, chance: &dyn Chance) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            private_folder(folder)?;
        }
        let mut file = new_private_file(path)?;
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        chance.fill(&mut *key);
        let text = Zeroizing::new(hex(&*key) + "\n");
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a key would be refused at every later start.
            let _ = fs::remove_file(path);
            return Err(error);
        }
        Ok(Self(key))
    }

    fn load(path: &Path) -> Result<Self, KeyError> {
        let broken = |source| KeyError::File { path: path.to_owned(), action: "read", source };
        let file = fs::File::open(path).map_err(broken)?;
        if is_exposed(&file.metadata().map_err(broken)?) {
            return Err(KeyError::Exposed { path: path.to_owned() });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(KEY_FILE_MAX).read_to_string(&mut text).map_err(broken)?;
        Self::decode(&text).ok_or_else(|| KeyError::Malformed { origin: path.display().to_string() })
    }

    fn decode(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = match text.len() {
            64 => from_hex(text),
            _ => [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
                .into_iter()
                .find_map(|form| form.decode(text).ok()),
        };
        let bytes = Zeroizing::new(bytes?);
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        if bytes.len() != KEY_LENGTH {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some(Self(key))
    }
}

/// What a sealed value is bound to: its purpose and its account.
pub fn bound_to(purpose: &str, account: &AccountId) -> Vec<u8> {
    [purpose.as_bytes(), &[0], account.as_str().as_bytes()].concat()
}

/// Seals and opens values.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    head: [u8; HEAD_LENGTH],
    fingerprint: String,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// Seals with this key.
    pub fn new(key: &MasterKey) -> Self {
        let digest = |label: &[u8]| Sha256::new().chain_update(label).chain_update(*key.0).finalize();
        let mut head = [VERSION; HEAD_LENGTH];
        for (to, from) in head.iter_mut().skip(1).zip(digest(b"threadkeep key id\0")) {
            *to = from;
        }
        let print = digest(b"threadkeep key fingerprint\0");
        let print: Vec<u8> = print.iter().copied().take(16).collect();
        Self { cipher: XChaCha20Poly1305::new((&*key.0).into()), head, fingerprint: hex(&print) }
    }

    /// A text that tells keys apart and gives nothing away, for the check at the start.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Seals a value. A nonce must never be used twice: it has to be fresh randomness.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8], nonce: [u8; NONCE_LENGTH]) -> Result<Vec<u8>, SealError> {
        let bound = self.bound(aad);
        let payload = Payload { msg: plaintext, aad: &bound };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::TooLarge)?;
        Ok([&self.head[..], &nonce, &sealed].concat())
    }

    /// Opens a value that was sealed for the same purpose and account.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (head, rest) = sealed.split_at_checked(HEAD_LENGTH).ok_or(SealError::Corrupt)?;
        if head.first() != Some(&VERSION) {
            return Err(SealError::Corrupt);
        }
        if head != self.head {
            return Err(SealError::WrongKey);
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Corrupt)?;
        let bound = self.bound(aad);
        let payload = Payload { msg: ciphertext, aad: &bound };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Corrupt)?;
        Ok(Zeroizing::new(opened))
    }

    fn bound(&self, aad: &[u8]) -> Vec<u8> {
        [&self.head[..], aad].concat()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? * 16 + digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn new_private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn new_private_file(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(not(unix))]
fn is_exposed(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Chance for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (position, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from(position % 251).unwrap();
            }
        }
    }

    fn sealer(seed: u8) -> Sealer {
        Sealer::new(&MasterKey::from_text(&hex(&[seed; KEY_LENGTH])).unwrap())
    }

    fn account(digit: &str) -> AccountId {
        AccountId::new(&digit.repeat(24)).unwrap()
    }

    #[test]
    fn a_value_opens_only_where_it_was_sealed_and_with_its_key() {
        let aad = bound_to("session", &account("a"));
        let sealed = sealer(1).seal(&aad, b"cookie jar", [7; NONCE_LENGTH]).unwrap();
        assert_eq!(sealer(1).open(&aad, &sealed).unwrap().as_slice(), b"cookie jar");
        assert!(!sealed.windows(6).any(|part| part == b"cookie"));
        assert_eq!(sealer(2).open(&aad, &sealed).err(), Some(SealError::WrongKey));
        let moved = [bound_to("session", &account("b")), bound_to("webhook", &account("a"))];
        for aad in moved {
            assert_eq!(sealer(1).open(&aad, &sealed).err(), Some(SealError::Corrupt));
        }
        assert_ne!(sealer(1).fingerprint(), sealer(2).fingerprint());
        assert_eq!(format!("{:?}", sealer(1)), "Sealer(…)");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let aad = bound_to("session", &account("a"));
        let sealed = sealer(1).seal(&aad, b"x", [7; NONCE_LENGTH]).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer(1).open(&aad, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(sealer(1).open(&aad, &sealed[..length]).err(), Some(SealError::Corrupt), "{length}");
        }
    }

    #[test]
    fn keys_are_read_as_hex_or_base64_and_nothing_else() {
        let fingerprint = |text: &str| MasterKey::from_text(text).map(|key| Sealer::new(&key).fingerprint().to_owned());
        let expected = fingerprint(&hex(&[255; KEY_LENGTH])).unwrap();
        let forms = [
            hex(&[255; KEY_LENGTH]).to_uppercase(),
            STANDARD.encode([255; KEY_LENGTH]),
            format!(" {}\n", URL_SAFE_NO_PAD.encode([255; KEY_LENGTH])),
        ];
        for form in forms {
            assert_eq!(fingerprint(&form).unwrap(), expected);
        }
        for bad in ["", "secret", &"g".repeat(64), &"a".repeat(63), &STANDARD.encode([1; 31])] {
            let error = fingerprint(bad).err().unwrap().to_string();
            assert!(error.contains("THREADKEEP_MASTER_KEY") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.key");
        let made = Sealer::new(&MasterKey::load_or_create(&path, &Counting).unwrap());
        let read = Sealer::new(&MasterKey::load_or_create(&path, &Counting).unwrap());
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert_eq!(fs::read_to_string(&path).unwrap().trim().len(), 64);
        fs::write(&path, "half a key").unwrap();
        assert!(matches!(MasterKey::load_or_create(&path, &Counting), Err(KeyError::Malformed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "half a key");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_private_and_an_exposed_one_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::load_or_create(&path, &Counting).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(MasterKey::load_or_create(&path, &Counting), Err(KeyError::Exposed { .. })));
    }
}
