//! The bytes of a file: they follow from the name of the upload and from what the message says about it.
//!
//! Equal uploads have equal bytes in every run and on every machine. Small images, documents and archives are real ones;
//! nothing in them is anybody's.

use std::iter;

use crate::chance::stable_hash;

use super::boxes;
use super::catalog::Upload;
use super::images;

/// Largest file that is handed out; one that is said to be larger has the bytes of one that says nothing.
pub const UPLOAD_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Size of a file without a form of its own about which nothing is said.
const PLAIN_BYTES: usize = 1_024;

/// The bytes of a file. They are as many as the message says, unless that is more than `UPLOAD_BYTES_MAX` or less
/// than a file of this type can have.
pub fn bytes_of(upload: &Upload) -> Vec<u8> {
    let wanted = upload.declared_bytes.filter(|bytes| *bytes <= UPLOAD_BYTES_MAX);
    let wanted = wanted.and_then(|bytes| usize::try_from(bytes).ok());
    let seed = upload.seed.as_str();
    let essence = upload.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let bytes = match essence.as_str() {
        "image/png" => images::png(seed, wanted.unwrap_or(0)),
        "image/jpeg" | "image/jpg" => images::jpeg(seed),
        "image/gif" => images::gif(seed),
        "application/pdf" => boxes::pdf(seed, wanted.unwrap_or(0)),
        "application/zip" => boxes::zip(&[("read me.txt", seed)], wanted.unwrap_or(0)),
        office if office.starts_with("application/vnd.openxmlformats") => {
            let parts = [("[Content_Types].xml", CONTENT_TYPES), ("word/document.xml", seed)];
            boxes::zip(&parts, wanted.unwrap_or(0))
        }
        "video/mp4" | "video/quicktime" => boxes::mp4(seed, *b"isom", wanted.unwrap_or(0)),
        "audio/mp4" | "audio/m4a" | "audio/x-m4a" => boxes::mp4(seed, *b"M4A ", wanted.unwrap_or(0)),
        "image/svg+xml" => {
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><title>{seed}</title></svg>\n").into_bytes()
        }
        "text/html" => format!("<!DOCTYPE html><title>{seed}</title>\n").into_bytes(),
        text if text.starts_with("text/") => format!("Invented text of {seed}\n").into_bytes(),
        _ => octets(seed, wanted.unwrap_or(PLAIN_BYTES)),
    };
    filled(bytes, &essence, wanted)
}

/// So many octets without any form.
pub fn octets(seed: &str, count: usize) -> Vec<u8> {
    let mut state = stable_hash(seed);
    let words = iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).to_le_bytes()
    });
    words.flatten().take(count).collect()
}

const CONTENT_TYPES: &str =
    "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";

/// What a form cannot fill up inside is filled up behind its end, where readers do not look.
fn filled(mut bytes: Vec<u8>, essence: &str, wanted: Option<usize>) -> Vec<u8> {
    let filling = if essence.starts_with("text/") || essence == "image/svg+xml" { b'\n' } else { 0 };
    if let Some(wanted) = wanted.filter(|wanted| *wanted > bytes.len()) {
        bytes.resize(wanted, filling);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::catalog::Host;

    fn upload(content_type: &str, declared_bytes: Option<u64>) -> Upload {
        Upload {
            host: Host::Site,
            seed: "D4E0seed".to_owned(),
            content_type: content_type.to_owned(),
            file_name: None,
            declared_bytes,
        }
    }

    #[test]
    fn a_file_is_as_long_as_its_message_says_and_begins_as_its_type_does() {
        let cases: [(&str, &[u8]); 12] = [
            ("image/png", b"\x89PNG\r\n\x1a\n"),
            ("image/jpeg", b"\xff\xd8\xff\xe0"),
            ("image/gif", b"GIF89a"),
            ("application/pdf", b"%PDF-1."),
            ("application/zip", b"PK\x03\x04"),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04"),
            ("video/mp4", b"\0\0\0\x18ftypisom"),
            ("audio/mp4", b"\0\0\0\x18ftypM4A "),
            ("text/plain; charset=utf-8", b"Invented text"),
            ("text/html", b"<!DOCTYPE html>"),
            ("image/svg+xml", b"<svg"),
            ("application/octet-stream", b""),
        ];
        for (content_type, magic) in cases {
            for size in [4_096, 100_001] {
                let bytes = bytes_of(&upload(content_type, Some(size)));
                assert_eq!(bytes.len() as u64, size, "{content_type}");
                assert!(bytes.starts_with(magic), "{content_type}");
            }
            let natural = bytes_of(&upload(content_type, None));
            assert!(!natural.is_empty() && natural.starts_with(magic));
            assert_eq!(bytes_of(&upload(content_type, Some(UPLOAD_BYTES_MAX + 1))), natural);
        }
    }
}
