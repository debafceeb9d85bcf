//! Names of files as strangers gave them, made safe for a disk, a header and an eye.
//!
//! A name is never a path, never reaches a header as it came, and never decides where or as what bytes are stored.

use reqwest::header::{CONTENT_DISPOSITION, HeaderMap, HeaderValue};

/// Longest name, in bytes.
pub const FILE_NAME_MAX: usize = 180;
/// Longest ending that is kept when a name is cut, in bytes.
const ENDING_MAX: usize = 16;
/// Most letters of a given name that are looked at.
const LOOK_MAX: usize = 8_192;
/// What a name is that has nothing left.
const NAMELESS: &str = "attachment";
/// Names that mean devices on some systems, whatever follows a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A name that is safe everywhere: one part of a path, visible letters, bounded.
pub fn safe_file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let kept: String = last
        .chars()
        .take(LOOK_MAX)
        .filter(|letter| !letter.is_control() && !is_invisible(*letter))
        .map(|letter| if "<>:\"|?*".contains(letter) { '_' } else { letter })
        .collect();
    let trimmed = kept.trim_matches(|letter: char| letter == '.' || letter.is_whitespace());
    let bounded = bounded(trimmed);
    match bounded.as_str() {
        "" => NAMELESS.to_owned(),
        name if is_device(name) => format!("_{name}"),
        _ => bounded,
    }
}

/// The `Content-Disposition` of a name (RFC 6266): an ASCII form for old clients and the whole one for all others.
pub fn content_disposition(name: &str, is_inline: bool) -> HeaderValue {
    let name = safe_file_name(name);
    let kind = if is_inline { "inline" } else { "attachment" };
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '"' | '\\' | '%') || letter == ' ';
    let ascii: String = name.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect();
    let header = format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{}", encoded(&name));
    // Cannot fail: all of it is printable ASCII.
    HeaderValue::from_str(&header).unwrap_or(HeaderValue::from_static("attachment"))
}

/// The name that came with an answer, made safe.
pub(super) fn of_headers(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(CONTENT_DISPOSITION)?;
    let text = String::from_utf8_lossy(header.as_bytes());
    let parameters = parameters(&text);
    let named = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let extended = named("filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_, coded) = rest.split_once('\'')?;
        charset.eq_ignore_ascii_case("utf-8").then(|| decoded(coded))
    });
    let given = extended.or_else(|| named("filename").map(str::to_owned))?;
    (!given.trim().is_empty()).then(|| safe_file_name(&given))
}

/// The parameters of a header: names in lower case, values without their quotes.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut parts = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for letter in text.chars().take(LOOK_MAX) {
        match letter {
            _ if is_escaped => {
                is_escaped = false;
                push(&mut parts, letter);
            }
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => parts.push(String::new()),
            _ => push(&mut parts, letter),
        }
    }
    let pairs = parts.iter().filter_map(|part| part.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect()
}

fn push(parts: &mut [String], letter: char) {
    if let Some(part) = parts.last_mut() {
        part.push(letter);
    }
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    let piece = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(piece).collect()
}

/// Letters that change how others are read, or that nobody sees.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let is_port = |stem: &str| {
        let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
        number.is_some_and(|number| matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9"))
    };
    DEVICES.contains(&stem.as_str()) || is_port(&stem)
}

/// The name within [`FILE_NAME_MAX`], its ending kept when that is short.
fn bounded(name: &str) -> String {
    if name.len() <= FILE_NAME_MAX {
        return name.to_owned();
    }
    let ending = name.rfind('.').and_then(|dot| name.get(dot..)).filter(|ending| ending.len() <= ENDING_MAX);
    let ending = ending.unwrap_or_default();
    let mut end = FILE_NAME_MAX - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let start = name.get(..end).unwrap_or_default().trim_end_matches(['.', ' ']);
    format!("{start}{ending}")
}

#[cfg(test)]
#[path = "file_name/tests.rs"]
mod tests;
