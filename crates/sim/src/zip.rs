//! Writes a zip, as LinkedIn's export comes: entries one behind the other, sizes behind the data.
//!
//! Only for archives of a simulated mailbox; it never reads one.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// A zip of these files, packed.
pub fn zipped<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let mut count = 0_u16;
    for (name, bytes) in files {
        let at = small(out.len())?;
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
        packer.write_all(bytes)?;
        let packed = packer.finish()?;
        // Version 2.0, sizes told behind the data, names in UTF-8, packed, no time.
        let head: Vec<u8> = [20, 0, 8, 8, 8, 0, 0, 0, 0, 0].into();
        let name_size = u16::try_from(name.len()).map_err(|_| too_large())?.to_le_bytes();
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&head);
        out.extend_from_slice(&[0; 12]);
        out.extend_from_slice(&name_size);
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&packed);
        let sizes: Vec<u8> =
            [crc.sum(), small(packed.len())?, small(bytes.len())?].into_iter().flat_map(u32::to_le_bytes).collect();
        out.extend_from_slice(b"PK\x07\x08");
        out.extend_from_slice(&sizes);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&head);
        directory.extend_from_slice(&sizes);
        directory.extend_from_slice(&name_size);
        directory.extend_from_slice(&[0; 12]);
        directory.extend_from_slice(&at.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
        count += 1;
    }
    let (at, size) = (small(out.len())?, small(directory.len())?);
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    Ok(out)
}

fn small(size: usize) -> std::io::Result<u32> {
    u32::try_from(size).map_err(|_| too_large())
}

fn too_large() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::FileTooLarge, "the archive is too large for this writer")
}
