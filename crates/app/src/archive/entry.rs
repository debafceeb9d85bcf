//! The bytes of one entry of a zip, unpacked and checked while they are read.
//!
//! An entry never gives more bytes than its directory has told, and its end is only reached when size and checksum fit.

use std::io::{self, BufReader, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::ArchiveError;
use super::zip::{Bytes, Entry};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Reads one entry.
pub(super) struct EntryReader {
    from: Packed,
    crc: Crc,
    told_crc: u32,
    told_bytes: u64,
    read_bytes: u64,
}

enum Packed {
    Plain(Section),
    Deflated(Box<DeflateDecoder<BufReader<Section>>>),
}

/// Some bytes in the middle of a file.
pub(super) struct Section {
    bytes: Bytes,
    at: u64,
    left: u64,
}

impl Section {
    /// All bytes of a file.
    pub(super) fn whole(bytes: Bytes) -> Self {
        let left = bytes.len();
        Self { bytes, at: 0, left }
    }
}

impl EntryReader {
    pub(super) fn new(bytes: Bytes, entry: &Entry) -> Self {
        let section = Section { bytes, at: entry.data_at, left: entry.packed_bytes };
        let from = match entry.is_packed {
            true => Packed::Deflated(Box::new(DeflateDecoder::new(BufReader::with_capacity(READ_BYTES, section)))),
            false => Packed::Plain(section),
        };
        Self { from, crc: Crc::new(), told_crc: entry.crc, told_bytes: entry.bytes, read_bytes: 0 }
    }

    fn check(&self, is_end: bool) -> io::Result<()> {
        let is_wrong = match is_end {
            true => self.read_bytes != self.told_bytes || self.crc.sum() != self.told_crc,
            false => self.read_bytes > self.told_bytes,
        };
        match is_wrong {
            true => Err(ArchiveError::rejected(
                "the archive is damaged: a file in it is not what its directory tells; download it again",
            )
            .carried()),
            false => Ok(()),
        }
    }
}

impl Read for EntryReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.from {
            Packed::Plain(section) => section.read(into)?,
            Packed::Deflated(decoder) => decoder.read(into)?,
        };
        self.crc.update(into.get(..read).unwrap_or_default());
        self.read_bytes += read as u64;
        self.check(read == 0 && !into.is_empty())?;
        Ok(read)
    }
}

impl Read for Section {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let Some(into) = into.get_mut(..size).filter(|into| !into.is_empty()) else { return Ok(0) };
        let read = self.bytes.read_some(self.at, into)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
