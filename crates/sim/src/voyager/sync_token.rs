//! Sync tokens in the form that captures show (upstream protocol 3.5): stateless, two times and a fabric name.
//!
//! A token names neither a mailbox nor a thread. Nothing here may remember anything; see `token_memory` for the switch
//! that tells foreign tokens apart.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::world::model::Ms;

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncToken {
    /// Time of the newest change that was known, A in the protocol.
    pub newest_ms: Ms,
    /// Server time of the answer, B in the protocol: everything newer is news.
    pub issued_ms: Ms,
}

const FABRIC: &str = "urn:li:fabric:prod-ltx1";
/// A varint of 64 bits has at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;
/// No token of ours is longer; a longer text is not decoded at all.
const TOKEN_TEXT_MAX: usize = 256;

impl SyncToken {
    /// The text of this token.
    pub fn encode(self) -> String {
        let mut bytes = Vec::with_capacity(48);
        put_varint(self.newest_ms, &mut bytes);
        put_varint(self.issued_ms, &mut bytes);
        put_varint(i64::try_from(FABRIC.len()).unwrap_or(0), &mut bytes);
        bytes.extend_from_slice(FABRIC.as_bytes());
        bytes.push(0);
        URL_SAFE.encode(bytes)
    }

    /// Reads a token; `None` when it is none of ours.
    pub fn decode(text: &str) -> Option<Self> {
        if text.len() > TOKEN_TEXT_MAX {
            return None;
        }
        let bytes = URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
        let mut rest = bytes.as_slice();
        let newest_ms = take_varint(&mut rest)?;
        let issued_ms = take_varint(&mut rest)?;
        let length = usize::try_from(take_varint(&mut rest)?).ok()?;
        let fabric = rest.get(..length)?;
        let known = fabric.starts_with(b"urn:li:fabric:") && rest.get(length..) == Some(&[0]);
        known.then_some(Self { newest_ms, issued_ms })
    }
}

fn put_varint(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap_or(0));
}

fn take_varint(rest: &mut &[u8]) -> Option<i64> {
    let mut number: u64 = 0;
    for position in 0..VARINT_BYTES_MAX {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        let shift = u32::try_from(position * 7).ok()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            let magnitude = (number >> 1).cast_signed();
            return Some(if number & 1 == 0 { magnitude } else { !magnitude });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_a_round_trip() {
        for (newest_ms, issued_ms) in [(0, 0), (1_700_000_000_001, 1_700_000_123_456), (-5, i64::MAX)] {
            let token = SyncToken { newest_ms, issued_ms };
            assert_eq!(SyncToken::decode(&token.encode()), Some(token));
        }
    }

    #[test]
    fn other_texts_are_not_tokens() {
        for text in ["", "AAAA", "not base64!", "gICAgICAgICAgICA"] {
            assert_eq!(SyncToken::decode(text), None);
        }
    }
}
