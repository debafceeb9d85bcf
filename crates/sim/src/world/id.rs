//! Makes and takes apart the ids of people, threads and messages in their exact form (upstream protocol 2.1, 2.2).
//!
//! Every id comes from a given generator or from given words, never from the clock: the same world has the same ids.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::model::{MessageId, Ms, PersonId, ThreadId};

/// The generator of everything that is invented.
pub type WorldRng = ChaCha8Rng;

/// Coprime to 100,000, so that message numbers scatter without ever meeting.
const SERIAL_STEP: u64 = 40_503;
const SERIALS: u64 = 100_000;
/// The embedded time differs from the delivery time by at most this much.
const EMBEDDED_DRIFT_MS: i64 = 400;
const SMALLEST_EMBEDDED_MS: i64 = 1_000_000_000_000;
const LARGEST_EMBEDDED_MS: i64 = 9_999_999_999_999;
/// Random part of a profile id: 26 bytes give 35 characters, of which 34 are used.
const PROFILE_RANDOM_BYTES: usize = 26;
const PROFILE_RANDOM_CHARS: usize = 34;

/// A generator that depends only on the given words.
pub fn rng_of(words: &[&str]) -> WorldRng {
    WorldRng::seed_from_u64(hash_of(words))
}

/// A profile id: `ACoAA` and 34 base64url characters.
pub fn profile_id(rng: &mut WorldRng) -> PersonId {
    let mut bytes = [0u8; PROFILE_RANDOM_BYTES];
    rng.fill_bytes(&mut bytes);
    let mut text = String::with_capacity(PROFILE_RANDOM_BYTES * 2);
    text.push_str("ACoAA");
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    text.truncate("ACoAA".len() + PROFILE_RANDOM_CHARS);
    text
}

/// A version 4 uuid.
pub fn uuid(rng: &mut WorldRng) -> String {
    let mut bytes = [0u8; 16];
    rng.fill_bytes(&mut bytes);
    let value = (u128::from_be_bytes(bytes) & !(0xF << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{value:032x}");
    let parts = [hex.get(0..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..32)];
    parts.map(Option::unwrap_or_default).join("-")
}

/// What thread and message ids have in common: `<uuid>_<3 digits>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem(String);

impl Stem {
    /// A new one.
    pub fn random(rng: &mut WorldRng) -> Self {
        let suffix = *[12, 13, 100, 500, 501].get(rng.random_range(0..5)).unwrap_or(&100);
        Self(format!("{}_{suffix:03}", uuid(rng)))
    }

    /// The stem inside a thread id; a hand-made id that holds none gets one of its own.
    pub fn of_thread(thread_id: &str) -> Self {
        let inner = thread_id.strip_prefix("2-").and_then(|text| STANDARD.decode(text).ok());
        match inner.and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(text) if text.len() == 40 => Self(text),
            _ => Self::random(&mut rng_of(&["stem", thread_id])),
        }
    }

    /// The thread id made of it.
    pub fn thread_id(&self) -> ThreadId {
        bare_id(self.0.as_bytes())
    }

    /// The id of the message with this number in its thread: the same number never gives the same id twice.
    pub fn message_id(&self, at_ms: Ms, number: usize) -> MessageId {
        let number = number as u64;
        let offset = hash_of(&[self.0.as_str()]);
        let serial = (number % SERIALS * SERIAL_STEP + offset % SERIALS) % SERIALS;
        let node = (number / SERIALS + offset / SERIALS) % 1_000;
        let drift = (serial as i64 * 7) % (EMBEDDED_DRIFT_MS + 1);
        let embedded = (at_ms - drift).clamp(SMALLEST_EMBEDDED_MS, LARGEST_EMBEDDED_MS);
        bare_id(format!("{embedded:013}b{serial:05}-{node:03}&{}", self.0).as_bytes())
    }
}

/// The bare id inside any URN of a thread or a message; a bare id stays as it is.
pub fn bare(text: &str) -> &str {
    let inner = text.strip_suffix(')').unwrap_or(text);
    inner.rsplit([',', ':']).next().unwrap_or(inner)
}

/// The person id inside any URN of a person; a person id stays as it is.
pub fn bare_person(text: &str) -> &str {
    let text = text.strip_prefix("urn:li:msg_messagingParticipant:").unwrap_or(text);
    let text = text.strip_prefix("urn:li:").unwrap_or(text);
    text.strip_prefix("fsd_profile:").unwrap_or(text)
}

/// The URN of a person, `urn:li:fsd_profile:<id>` for a member.
pub fn person_urn(id: &str) -> String {
    if id.contains(':') { format!("urn:li:{id}") } else { format!("urn:li:fsd_profile:{id}") }
}

fn bare_id(inner: &[u8]) -> String {
    let mut text = String::with_capacity(96);
    text.push_str("2-");
    STANDARD.encode_string(inner, &mut text);
    text
}

/// FNV-1a: stable between builds and machines, unlike the hashers of the standard library.
fn hash_of(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0xFF]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_have_the_form_of_the_protocol() {
        let mut rng = rng_of(&["ids"]);
        let person = profile_id(&mut rng);
        assert_eq!((person.len(), person.starts_with("ACoAA")), (39, true));
        let stem = Stem::random(&mut rng);
        let thread = stem.thread_id();
        assert_eq!(thread.len(), 2 + 56);
        assert_eq!(Stem::of_thread(&thread), stem);
        let message = stem.message_id(1_700_000_000_000, 3);
        let inner = STANDARD.decode(message.strip_prefix("2-").unwrap()).unwrap();
        let inner = String::from_utf8(inner).unwrap();
        let (head, tail) = inner.split_once('&').unwrap();
        assert_eq!(tail, stem.0);
        assert_eq!((head.len(), head.as_bytes()[13], head.as_bytes()[19]), (23, b'b', b'-'));
        assert!(message.ends_with("=="));
        let version = stem.0.as_bytes()[14];
        assert_eq!(version, b'4');
    }

    #[test]
    fn numbers_never_share_an_id() {
        let stem = Stem::random(&mut rng_of(&["unique"]));
        let ids: HashSet<_> = (0..120_000).map(|number| stem.message_id(1_700_000_000_000, number)).collect();
        assert_eq!(ids.len(), 120_000);
    }

    #[test]
    fn urns_are_taken_apart() {
        assert_eq!(bare("urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAx,2-abc==)"), "2-abc==");
        assert_eq!(bare("urn:li:messagingMessage:2-abc=="), "2-abc==");
        assert_eq!(bare("2-abc=="), "2-abc==");
        assert_eq!(bare_person("urn:li:msg_messagingParticipant:urn:li:fsd_company:7"), "fsd_company:7");
        assert_eq!(bare_person("urn:li:fsd_profile:ACoAAx"), "ACoAAx");
        assert_eq!(person_urn("fsd_company:7"), "urn:li:fsd_company:7");
    }
}
