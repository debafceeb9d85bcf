//! The bytes of a file as UTF-8, whatever a spreadsheet program has made of them.
//!
//! LinkedIn writes UTF-8; a file that was saved again may be UTF-16 with a mark. Bytes that are no text are replaced
//! where the cells are read, so that one of them never makes a file unreadable.

use std::io::{self, Read};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes that are looked at to tell UTF-16 without a mark.
const LOOK_BYTES: usize = 64;

/// A reader of UTF-8 over a reader of anything.
pub(super) struct Utf8<R> {
    from: R,
    form: Option<Form>,
    chunk: Vec<u8>,
    /// The first byte of a unit whose second is in the next chunk, and the first unit of a pair.
    odd: Option<u8>,
    high: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Utf8,
    Utf16 { is_little: bool },
}

impl<R: Read> Utf8<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, form: None, chunk: vec![0; CHUNK_BYTES], odd: None, high: None }
    }

    /// Appends the next bytes; false at the end.
    pub(super) fn fill(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let read = self.read_chunk()?;
        let chunk = std::mem::take(&mut self.chunk);
        let bytes = &chunk[..read];
        let (form, bytes) = match self.form {
            Some(form) => (form, bytes),
            None => recognise(bytes),
        };
        self.form = Some(form);
        match form {
            Form::Utf8 => into.extend_from_slice(bytes),
            Form::Utf16 { is_little } => self.convert(bytes, is_little, read == 0, into),
        }
        self.chunk = chunk;
        Ok(read > 0)
    }

    /// Reads until the chunk is full or the end has come, so that what a file begins with is seen at once.
    fn read_chunk(&mut self) -> io::Result<usize> {
        let mut filled = 0;
        while filled < self.chunk.len() {
            match self.from.read(&mut self.chunk[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    fn convert(&mut self, bytes: &[u8], is_little: bool, is_end: bool, into: &mut Vec<u8>) {
        let mut push = |letter: char| into.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        for byte in bytes {
            let Some(first) = self.odd.take() else {
                self.odd = Some(*byte);
                continue;
            };
            let unit = if is_little { u16::from_le_bytes([first, *byte]) } else { u16::from_be_bytes([first, *byte]) };
            let high = self.high.take();
            if (0xd800..0xdc00).contains(&unit) {
                high.inspect(|_| push(char::REPLACEMENT_CHARACTER));
                self.high = Some(unit);
                continue;
            }
            let units = high.into_iter().chain([unit]);
            char::decode_utf16(units).for_each(|letter| push(letter.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        if is_end && (self.odd.take().is_some() || self.high.take().is_some()) {
            push(char::REPLACEMENT_CHARACTER);
        }
    }
}

fn recognise(bytes: &[u8]) -> (Form, &[u8]) {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => (Form::Utf8, rest),
        [0xff, 0xfe, rest @ ..] => (Form::Utf16 { is_little: true }, rest),
        [0xfe, 0xff, rest @ ..] => (Form::Utf16 { is_little: false }, rest),
        _ => {
            let look = &bytes[..bytes.len().min(LOOK_BYTES)];
            // Header names are plain letters: every other byte of them is nothing in UTF-16. What follows need not be.
            let zeros = |from: usize| look.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
            let half = look.len() / 2;
            match () {
                () if half > 4 && zeros(1) * 4 >= half * 3 => (Form::Utf16 { is_little: true }, bytes),
                () if half > 4 && zeros(0) * 4 >= half * 3 => (Form::Utf16 { is_little: false }, bytes),
                () => (Form::Utf8, bytes),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> String {
        let mut reader = Utf8::new(bytes);
        let mut all = Vec::new();
        while reader.fill(&mut all).unwrap() {}
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn every_form_gives_the_same_text() {
        let text = "FROM,CONTENT\nOlga,\u{1f44d} h\u{e9}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(text.as_bytes()), text);
        assert_eq!(read(&[&[0xef, 0xbb, 0xbf], text.as_bytes()].concat()), text);
        assert_eq!(read(&[&[0xff, 0xfe], &little[..]].concat()), text);
        assert_eq!(read(&[&[0xfe, 0xff], &big[..]].concat()), text);
        assert_eq!((read(&little).as_str(), read(&big).as_str()), (text, text));
    }

    #[test]
    fn half_letters_are_replaced() {
        assert_eq!(read(&[0xff, 0xfe, 0x3d, 0xd8, 0x41, 0x00, 0x42]), "\u{fffd}A\u{fffd}");
        assert_eq!(read(&[]), "");
    }
}
