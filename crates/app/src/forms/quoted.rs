//! Text in messages of mail: encoded words (RFC 2047), quoted-printable and base64 bodies (RFC 2045).
//!
//! Whatever comes in, what goes out is lines of printable ASCII of at most 76 letters: no text can end a header, add one,
//! or end a part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest line of an encoded body.
const LINE_MAX: usize = 76;
/// Bytes of text in one encoded word, so that the word has at most 75 letters.
const WORD_BYTES: usize = 45;

/// Text of a header as it may stand there; continued lines begin with a blank.
pub(super) fn header(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?");
    if is_plain && text.len() <= LINE_MAX - 20 && text.trim() == text {
        return text.to_owned();
    }
    words(text)
}

/// A name in front of an address.
pub(super) fn phrase(text: &str) -> String {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    if is_plain && text.len() <= LINE_MAX - 20 && text.trim() == text {
        return text.to_owned();
    }
    words(text)
}

fn words(text: &str) -> String {
    let mut parts = vec![String::new()];
    for letter in text.chars().map(|one| if one.is_control() { ' ' } else { one }) {
        match parts.last_mut() {
            Some(last) if last.len() + letter.len_utf8() <= WORD_BYTES => last.push(letter),
            _ => parts.push(letter.into()),
        }
    }
    let words = parts.iter().map(|part| format!("=?UTF-8?B?{}?=", STANDARD.encode(part)));
    words.collect::<Vec<_>>().join("\n ")
}

/// A text as a quoted-printable body, ending with a line end.
pub(super) fn printable(text: &str, out: &mut Vec<u8>) {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in text.split('\n') {
        let mut width = 0;
        let bytes = line.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let is_last = at + 1 == bytes.len();
            let is_plain = match byte {
                b'=' => false,
                // A blank at the end of a line would get lost.
                b' ' | b'\t' => !is_last,
                // The line that begins a message of a mailbox begins so, and so does the one that ends a message of SMTP.
                b'F' | b'>' | b'.' => width > 0,
                byte => (b'!'..=b'~').contains(byte),
            };
            let cost = if is_plain { 1 } else { 3 };
            if width + cost >= LINE_MAX {
                out.extend_from_slice(b"=\n");
                width = 0;
            }
            match is_plain && !(width == 0 && matches!(byte, b'F' | b'>' | b'.')) {
                true => out.push(*byte),
                false => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
            }
            width += cost;
        }
        out.push(b'\n');
    }
}

/// Bytes as a base64 body, ending with a line end.
pub(super) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    for part in bytes.chunks(LINE_MAX / 4 * 3) {
        out.extend_from_slice(STANDARD.encode(part).as_bytes());
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> String {
        let mut out = Vec::new();
        printable(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn headers_cannot_be_ended_or_added() {
        let hostile = header("hi\r\nBcc: everybody@example.org\n\nbody");
        assert!(hostile.lines().all(|line| line.trim_start().starts_with("=?UTF-8?B?")), "{hostile}");
        assert_eq!(header("Plain subject"), "Plain subject");
        assert_eq!(phrase("Olga Test"), "Olga Test");
        assert!(phrase("Olga <olga@example.org>").starts_with("=?UTF-8?B?"));
        let long = header(&"é日".repeat(100));
        assert!(long.lines().all(|line| line.len() <= LINE_MAX), "{long}");
    }

    #[test]
    fn bodies_are_short_lines_of_ascii_and_lose_nothing() {
        assert_eq!(body("a=b é \nFrom me\n>From\n.\n"), "a=3Db =C3=A9=20\n=46rom me\n=3EFrom\n=2E\n\n");
        let long = body(&"x".repeat(200));
        assert!(long.lines().all(|line| line.len() <= LINE_MAX));
        assert_eq!(long.replace("=\n", ""), format!("{}\n", "x".repeat(200)));
        let tricky = body(&format!("{}From", "y".repeat(75)));
        assert!(tricky.lines().all(|line| !line.starts_with("From")), "{tricky}");
    }
}
