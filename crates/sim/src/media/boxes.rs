//! Files made of parts: PDF, ZIP (which office documents are too) and MP4, each as small as it can be.
//!
//! Spare bytes go where the format has room for them, so that a file of any wanted size is still a real one.

use flate2::Crc;

use super::bytes::octets;

/// Bytes of a ZIP entry around its name and content, in both directories.
const ZIP_ENTRY_FRAME: usize = 30 + 46;
/// Name of the entry that fills a ZIP up.
const ZIP_FILLING: &str = "filling.bin";
/// Bytes of invented sound or picture in an MP4.
const MP4_CONTENT: usize = 512;

/// A PDF with one empty page, of at least so many bytes.
pub fn pdf(seed: &str, wanted: usize) -> Vec<u8> {
    let plain = pdf_with(seed, 0);
    let mut filling = wanted.saturating_sub(plain.len());
    // The offset of the directory may take more digits in a longer file.
    for _ in 0..3 {
        let length = pdf_with(seed, filling).len();
        filling = filling.saturating_sub(length.saturating_sub(wanted));
    }
    if wanted > plain.len() { pdf_with(seed, filling) } else { plain }
}

/// A ZIP with these entries, not compressed, of at least so many bytes.
pub fn zip(entries: &[(&str, &str)], wanted: usize) -> Vec<u8> {
    let named: Vec<(&str, Vec<u8>)> = entries.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect();
    let plain = zip_with(&named);
    let frame = ZIP_ENTRY_FRAME + 2 * ZIP_FILLING.len();
    match wanted.checked_sub(plain.len() + frame) {
        None => plain,
        Some(spare) => zip_with(&[named, vec![(ZIP_FILLING, vec![0; spare])]].concat()),
    }
}

/// A file with the boxes of an MP4, of at least so many bytes; nobody can play it.
pub fn mp4(seed: &str, brand: [u8; 4], wanted: usize) -> Vec<u8> {
    let mut bytes = mp4_box(*b"ftyp", &[&brand[..], &[0, 0, 2, 0], b"isommp42"].concat());
    let content = mp4_box(*b"mdat", &octets(seed, MP4_CONTENT));
    if let Some(spare) = wanted.checked_sub(bytes.len() + content.len() + 8) {
        bytes.extend(mp4_box(*b"free", &vec![0; spare]));
    }
    bytes.extend(content);
    bytes
}

fn pdf_with(seed: &str, filling: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    let title: String = seed.chars().filter(char::is_ascii_alphanumeric).collect();
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] >>".to_owned(),
        format!("<< /Title (Invented {title}) >>"),
    ];
    for (index, object) in objects.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    if filling > 0 {
        bytes.push(b'%');
        bytes.resize(bytes.len() + filling.saturating_sub(2), b'.');
        bytes.push(b'\n');
    }
    let directory = bytes.len();
    bytes.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        bytes.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let size = objects.len() + 1;
    let trailer = format!("trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{directory}\n%%EOF\n");
    bytes.extend_from_slice(trailer.as_bytes());
    bytes
}

fn zip_with(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let offset = little(bytes.len());
        let mut sum = Crc::new();
        sum.update(content);
        let (crc, length) = (sum.sum().to_le_bytes(), little(content.len()));
        let name_length = u16::try_from(name.len()).unwrap_or(0).to_le_bytes();
        // Version 2.0, no flags, stored, made on 1 January 1980.
        let about = [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..], &crc, &length, &length, &name_length, &[0, 0]].concat();
        bytes.extend_from_slice(&[&b"PK\x03\x04"[..], &about, name.as_bytes(), content].concat());
        let behind = [0; 10];
        directory.extend_from_slice(&[&b"PK\x01\x02\x14\0"[..], &about, &behind, &offset, name.as_bytes()].concat());
    }
    let count = u16::try_from(entries.len()).unwrap_or(0).to_le_bytes();
    let (size, start) = (little(directory.len()), little(bytes.len()));
    bytes.extend(directory);
    bytes.extend_from_slice(&[&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &start, &[0, 0]].concat());
    bytes
}

fn mp4_box(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap_or(8);
    [&length.to_be_bytes()[..], &name, content].concat()
}

fn little(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(0).to_le_bytes()
}
