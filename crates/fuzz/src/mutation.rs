//! How an input is changed: bits, bytes, numbers, pieces of itself and of others, words of the target.
//!
//! A change may make the input longer, but never longer than [`INPUT_MAX`].

use crate::chance::Chance;

/// Longest input, in bytes.
pub const INPUT_MAX: usize = 64 * 1024;
/// Most changes of one input.
const CHANGES_MAX: usize = 8;
/// Longest piece that is moved, in bytes.
const PIECE_MAX: usize = 256;
/// Bytes that parsers stumble over.
const BYTES: &[u8] = b"\0\x01\t\n\r \"'\\/{}[]():,;=&?%#@+-.0189eEuUxX<>|~\x7f\x80\xbf\xc0\xe2\xed\xef\xf4\xff";
/// Texts that parsers stumble over.
const TEXTS: &[&str] = &[
    "\u{feff}",
    "\u{202e}",
    "\\ud83d",
    "\\u0000",
    "%00",
    "%2e%2e/",
    "../",
    "-1",
    "1e309",
    "9223372036854775808",
    "18446744073709551616",
    "null",
    "true",
    "[[[[[[[[",
    "{\"a\":",
    "\r\n",
    "canary-7f3a",
];

/// A changed copy.
pub fn mutated(input: &[u8], pool: &[Vec<u8>], words: &[&str], chance: &mut Chance) -> Vec<u8> {
    let mut text = input.to_vec();
    for _ in 0..=chance.below(CHANGES_MAX) {
        change(&mut text, pool, words, chance);
    }
    text.truncate(INPUT_MAX);
    text
}

fn change(text: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str], chance: &mut Chance) {
    let at = chance.below(text.len() + 1);
    let end = (at + 1 + chance.below(PIECE_MAX)).min(text.len());
    match chance.below(11) {
        0 => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        1 => {
            if let (Some(byte), Some(strange)) = (text.get_mut(at), chance.one(BYTES)) {
                *byte = *strange;
            }
        }
        2 => text.insert(at, chance.one(BYTES).copied().unwrap_or_default()),
        3 => text.insert(at, chance.byte()),
        4 if at < end => drop(text.drain(at..end)),
        5 => text.truncate(at),
        6 if at < end => {
            let piece = text[at..end].to_vec();
            let to = chance.below(text.len() + 1);
            text.splice(to..to, piece);
        }
        7 => put(text, at, chance.one(TEXTS).copied().unwrap_or_default().as_bytes(), chance),
        8 => put(text, at, chance.one(words).copied().unwrap_or_default().as_bytes(), chance),
        9 => {
            // The end of another input.
            let other = chance.one(pool).map_or(&[][..], Vec::as_slice);
            let from = chance.below(other.len() + 1);
            text.truncate(at);
            text.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        _ => renumber(text, at, chance),
    }
}

/// Puts a piece into a text, or over what is there.
fn put(text: &mut Vec<u8>, at: usize, piece: &[u8], chance: &mut Chance) {
    let end = match chance.below(2) {
        0 => at,
        _ => (at + piece.len()).min(text.len()),
    };
    text.splice(at..end, piece.iter().copied());
}

/// Replaces the next number by another one.
fn renumber(text: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let Some(start) = text.iter().skip(at).position(u8::is_ascii_digit).map(|more| at + more) else { return };
    let length = text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = chance.draw() >> chance.below(64);
    text.splice(start..start + length, number.to_string().into_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_change_equally_and_nothing_grows_without_bound() {
        let pool = vec![b"{\"number\":17}".to_vec(), vec![b'x'; INPUT_MAX]];
        let (mut one, mut other) = (Chance::seeded(5), Chance::seeded(5));
        let mut distinct = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let text = mutated(&pool[0], &pool, &["word"], &mut one);
            assert_eq!(text, mutated(&pool[0], &pool, &["word"], &mut other));
            assert!(text.len() <= INPUT_MAX);
            distinct.insert(text);
        }
        assert!(distinct.len() > 400, "{}", distinct.len());
        assert!(mutated(&[], &[], &[], &mut one).len() < 100);
    }
}
