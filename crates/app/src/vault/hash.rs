//! The name of an object: the SHA-256 of its bytes.

use sha2::{Digest, Sha256};

/// Bytes of a hash.
const LENGTH: usize = 32;

/// The hash of some bytes, which is also their name in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectHash([u8; LENGTH]);

/// A text that is not a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: it has 64 hexadecimal digits in lower case")]
pub struct HashInvalid;

impl ObjectHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads what [`std::fmt::Display`] wrote.
    pub fn parse(text: &str) -> Result<Self, HashInvalid> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(HashInvalid),
        };
        let pairs = text.as_bytes().chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(HashInvalid);
        }
        let bytes: Result<Vec<u8>, HashInvalid> = pairs
            .map(|pair| match pair {
                [high, low] => Ok(digit(*high)? * 16 + digit(*low)?),
                _ => Err(HashInvalid),
            })
            .collect();
        Ok(Self(bytes?.try_into().map_err(|_| HashInvalid)?))
    }
}

impl std::fmt::Display for ObjectHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_and_read() {
        let hash = ObjectHash::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(ObjectHash::parse(text), Ok(hash));
        let wrong =
            [String::new(), text.to_uppercase(), format!("{text}0"), format!("{text}00"), text.replace('b', "g")];
        for bad in wrong.iter().map(String::as_str).chain(["../../../etc/passwd", &text[1..]]) {
            assert_eq!(ObjectHash::parse(bad), Err(HashInvalid), "{bad}");
        }
    }
}
