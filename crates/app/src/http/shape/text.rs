//! JSON, piece by piece, for answers that are written while the database is read.
//!
//! Every piece gives the very bytes that serde_json gives for the same value. What is added as it is has to be JSON
//! already; whoever is not sure adds it as a string.

use serde::Serialize;
use threadkeep_core::time::Timestamp;

use crate::http::answer::date_time;

/// An answer, or a part of one, that grows.
#[derive(Debug, Clone, Default)]
pub(super) struct Text(Vec<u8>);

impl Text {
    /// A text with room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// The bytes so far.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The finished text.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Something that is JSON already.
    pub(super) fn raw(&mut self, json: impl AsRef<[u8]>) -> &mut Self {
        self.0.extend_from_slice(json.as_ref());
        self
    }

    /// A string.
    pub(super) fn string(&mut self, value: &str) -> &mut Self {
        if needs_escapes(value) {
            self.value(&value);
        } else {
            self.raw("\"").raw(value).raw("\"");
        }
        self
    }

    /// What stands between the quotes of a string, for one that is put together.
    pub(super) fn inside(&mut self, value: &str) -> &mut Self {
        if needs_escapes(value) {
            let quoted = Self::of(&value);
            let bytes = quoted.as_bytes();
            self.raw(bytes.get(1..bytes.len().saturating_sub(1)).unwrap_or_default());
        } else {
            self.raw(value);
        }
        self
    }

    /// A string or null.
    pub(super) fn string_or_null(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.string(value),
            None => self.raw("null"),
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, value: i64) -> &mut Self {
        self.value(&value);
        self
    }

    /// A point in time as milliseconds, or null.
    pub(super) fn millis_or_null(&mut self, at: Option<Timestamp>) -> &mut Self {
        match at {
            Some(at) => self.number(at.0),
            None => self.raw("null"),
        }
    }

    /// A point in time as a date-time string.
    pub(super) fn date_time(&mut self, at: Timestamp) -> &mut Self {
        self.raw("\"").raw(date_time(at).as_str()).raw("\"")
    }

    /// True or false.
    pub(super) fn flag(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// Anything that serde can write; false when it cannot.
    pub(super) fn value(&mut self, value: &impl Serialize) -> bool {
        serde_json::to_writer(&mut self.0, value).is_ok()
    }

    /// A text that is this value alone.
    pub(super) fn of(value: &impl Serialize) -> Self {
        let mut text = Self::default();
        text.value(value);
        text
    }
}

/// Whether a string cannot stand between quotes as it is. Without a way out of the loop, so that many bytes are looked at
/// at once.
fn needs_escapes(value: &str) -> bool {
    value.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_serde_writes_them() {
        let long = "ä long text without anything strange in it, and then some ".repeat(9);
        let texts = ["", "plain", "a\"b", "\\", "\n\t\r\u{8}\u{c}", "\u{0}\u{1f}\u{7f}\u{80}", "🚀/<>&", &long];
        for text in texts {
            let expected = serde_json::to_string(text).unwrap();
            let mut written = Text::default();
            written.string(text);
            assert_eq!(written.as_bytes(), expected.as_bytes());
            let mut inside = Text::default();
            inside.raw("\"").inside(text).raw("\"");
            assert_eq!(inside.as_bytes(), expected.as_bytes());
        }
        for byte in 0..=255_u8 {
            let text = format!("{}x", char::from(byte));
            assert_eq!(Text::default().string(&text).as_bytes(), serde_json::to_string(&text).unwrap().as_bytes());
        }
    }

    #[test]
    fn other_values_are_written_as_serde_writes_them() {
        let mut text = Text::default();
        text.raw("[").number(i64::MIN).raw(",").number(0).raw(",").flag(true).raw(",").flag(false).raw(",");
        text.string_or_null(None).raw(",").string_or_null(Some("x")).raw(",").millis_or_null(None).raw(",");
        text.millis_or_null(Some(Timestamp(7))).raw(",").date_time(Timestamp(1_790_000_000_000)).raw("]");
        let expected = (i64::MIN, 0, true, false, None::<&str>, Some("x"), None::<i64>, 7, "2026-09-21T14:13:20.000Z");
        assert_eq!(text.into_bytes(), serde_json::to_vec(&expected).unwrap());
    }
}
