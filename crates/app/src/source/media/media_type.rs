//! What bytes are, by looking at them; what somebody declared is never believed.
//!
//! A closed list: whatever is not on it is nameless bytes. Only four kinds of raster images may ever be shown in place;
//! nothing that a browser could run (HTML, SVG, XML) has a name of its own here.

/// The kind of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType {
    essence: &'static str,
    is_inline: bool,
}

/// Bytes of no known kind.
const UNKNOWN: MediaType = MediaType { essence: "application/octet-stream", is_inline: false };
const TEXT: MediaType = MediaType { essence: "text/plain", is_inline: false };

/// How much of a text is looked at, in bytes.
const TEXT_LOOK_MAX: usize = 64 * 1024;

/// Images that may be shown in place, with how they begin: bytes, and further bytes at a position.
const IMAGES: [(&str, &[u8], usize, &[u8]); 5] = [
    ("image/png", b"\x89PNG\r\n\x1a\n", 0, b""),
    ("image/jpeg", b"\xff\xd8\xff", 0, b""),
    ("image/gif", b"GIF87a", 0, b""),
    ("image/gif", b"GIF89a", 0, b""),
    ("image/webp", b"RIFF", 8, b"WEBP"),
];

/// Kinds that keep their name and are only ever downloaded.
const DOWNLOADS: [&str; 31] = [
    "application/epub+zip",
    "application/gzip",
    "application/pdf",
    "application/rtf",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-tar",
    "application/zip",
    "audio/aac",
    "audio/amr",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/x-flac",
    "audio/x-wav",
    "image/avif",
    "image/bmp",
    "image/heif",
    "image/tiff",
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "video/x-m4v",
];

impl MediaType {
    /// Looks at bytes.
    pub fn of(bytes: &[u8]) -> Self {
        if let Some(image) = image(bytes) {
            return image;
        }
        match infer::get(bytes).map(|found| Self::named(found.mime_type())) {
            Some(kind) if !kind.is_inline => kind,
            // The library is content with less of an image's beginning than we are.
            _ if is_text(bytes) && !looks_like_markup(bytes) => TEXT,
            _ => UNKNOWN,
        }
    }

    /// The kind of this name, as it was stored; bytes of no known kind when it is not on the list.
    pub fn named(essence: &str) -> Self {
        // Libraries say `audio/m4a`, and so do rows of older programs; the registered name is another (RFC 4337).
        let essence = if essence == "audio/m4a" { "audio/mp4" } else { essence };
        if let Some((essence, ..)) = IMAGES.iter().find(|(known, ..)| *known == essence) {
            return Self { essence, is_inline: true };
        }
        let known = DOWNLOADS.iter().find(|known| **known == essence);
        match known {
            Some(essence) => Self { essence, is_inline: false },
            None if essence == TEXT.essence => TEXT,
            None => UNKNOWN,
        }
    }

    /// The name, for a `Content-Type`.
    pub fn as_str(self) -> &'static str {
        self.essence
    }

    /// Whether a browser may show it in place.
    pub fn is_inline(self) -> bool {
        self.is_inline
    }

    /// Whether somebody who declared this spoke of the same kind.
    pub fn agrees_with(self, declared: &str) -> bool {
        let family = |essence: &str| match essence {
            "image/jpg" | "image/pjpeg" => "image/jpeg".to_owned(),
            "image/heic" | "image/heif-sequence" | "image/heic-sequence" => "image/heif".to_owned(),
            "audio/mp3" => "audio/mpeg".to_owned(),
            "audio/opus" | "application/ogg" => "audio/ogg".to_owned(),
            "audio/mp4" | "audio/x-m4a" | "video/x-m4v" | "audio/m4a" => "video/mp4".to_owned(),
            "application/x-zip-compressed" => "application/zip".to_owned(),
            _ => essence.replace("/x-", "/"),
        };
        let is_vague = declared == UNKNOWN.essence || declared == "binary/octet-stream";
        let is_some_text = self == TEXT && (declared.starts_with("text/") || declared == "application/json");
        is_vague || is_some_text || family(self.essence) == family(declared)
    }
}

impl std::fmt::Display for MediaType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.essence)
    }
}

fn image(bytes: &[u8]) -> Option<MediaType> {
    let begins = |(_, start, at, further): &&(&str, &[u8], usize, &[u8])| {
        bytes.starts_with(start) && bytes.get(*at..).is_some_and(|rest| rest.starts_with(further))
    };
    IMAGES.iter().find(begins).map(|(essence, ..)| MediaType { essence, is_inline: true })
}

/// Whether bytes begin as a page or a drawing of the web does.
pub fn looks_like_markup(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let sign = |second: &u8| second.is_ascii_alphabetic() || matches!(second, b'!' | b'?' | b'/');
    // UTF-16 begins with its mark; its second letter of every pair is zero.
    let wide = bytes.starts_with(b"\xff\xfe<\0") || bytes.starts_with(b"\xfe\xff\0<");
    wide || (text.first() == Some(&b'<') && text.get(1).is_some_and(sign))
}

fn is_text(bytes: &[u8]) -> bool {
    let looked_at = bytes.get(..TEXT_LOOK_MAX).unwrap_or(bytes);
    let is_whole = match std::str::from_utf8(looked_at) {
        Ok(_) => true,
        // A letter may be cut where the look ends.
        Err(error) => error.error_len().is_none() && looked_at.len() < bytes.len(),
    };
    let is_control = |byte: &u8| (*byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)) || *byte == 0x7f;
    is_whole && !looked_at.iter().any(is_control)
}

#[cfg(test)]
#[path = "media_type/tests.rs"]
mod tests;
