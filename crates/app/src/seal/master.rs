//! The master key: how it is read and written as text, and what tells it from others.
//!
//! A key is never shown: not by `Debug`, not in an error. What names a key is its fingerprint, which gives nothing away.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::KeyInit;
use chacha20poly1305::{Key, XChaCha20Poly1305};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{HEAD_LENGTH, KEY_LENGTH, KeyError, VERSION_DIRECT};
use crate::chance::Chance;

/// Bytes of a fingerprint; written as twice as many hex digits.
const FINGERPRINT_LENGTH: usize = 16;

/// The key that wraps the keys of all accounts.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_LENGTH]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Reads a key as hex or base64, as the value of `THREADKEEP_MASTER_KEY`.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        Self::read(text, "THREADKEEP_MASTER_KEY")
    }

    /// Reads a key as hex or base64; the error names where it came from.
    pub(super) fn read(text: &str, origin: &str) -> Result<Self, KeyError> {
        Self::decode(text).ok_or_else(|| KeyError::Malformed { origin: origin.to_owned() })
    }

    /// A fresh key.
    pub(super) fn random(chance: &dyn Chance) -> Self {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        chance.fill(&mut *key);
        Self(key)
    }

    /// The key as it stands in a key file.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(&*self.0) + "\n")
    }

    /// A text that tells keys apart and gives nothing away.
    pub fn fingerprint(&self) -> String {
        let digest = self.digest(b"threadkeep key fingerprint\0");
        hex(digest.get(..FINGERPRINT_LENGTH).unwrap_or_default())
    }

    /// What begins a value that was sealed by this key itself: the form and the key's id.
    pub(super) fn head(&self) -> [u8; HEAD_LENGTH] {
        let mut head = [VERSION_DIRECT; HEAD_LENGTH];
        for (to, from) in head.iter_mut().skip(1).zip(self.digest(b"threadkeep key id\0")) {
            *to = from;
        }
        head
    }

    pub(super) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(<&Key>::from(&*self.0))
    }

    fn digest(&self, label: &[u8]) -> Vec<u8> {
        Sha256::new().chain_update(label).chain_update(*self.0).finalize().to_vec()
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

pub(super) fn hex(bytes: &[u8]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_hex_or_base64_and_nothing_else() {
        let fingerprint = |text: &str| MasterKey::from_text(text).map(|key| key.fingerprint());
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
    fn the_text_of_a_key_gives_the_same_key() {
        let key = MasterKey::from_text(&hex(&[9; KEY_LENGTH])).unwrap();
        assert_eq!(MasterKey::from_text(&key.to_text()).unwrap().fingerprint(), key.fingerprint());
        assert!(!key.fingerprint().contains("0909") && format!("{key:?}") == "MasterKey(…)");
    }
}
