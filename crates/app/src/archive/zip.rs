//! The directory of a zip, read strictly before anything is unpacked.
//!
//! What a careless reader would be tricked by is refused as a whole: names that lead elsewhere, two entries of one name,
//! entries that share bytes, a directory that differs from the entries' own heads, links, devices, encryption, more
//! entries or bytes than any export has. The directory is read as bytes because a lenient parser hides all that.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::ArchiveError;
use super::entry::EntryReader;

/// Most entries of an archive.
pub(super) const ENTRIES_MAX: u64 = 10_000;
/// Most bytes of an archive when it is unpacked.
pub(super) const UNPACKED_BYTES_MAX: u64 = 2 << 30;
/// How many times larger an entry may become.
pub(super) const RATIO_MAX: u64 = 100;
/// Entries up to this size may be packed however well.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// Largest directory, in bytes.
const DIRECTORY_BYTES_MAX: u64 = 8 << 20;
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 1_024;
/// The end record without its comment, and the longest comment.
const END_BYTES: u64 = 22;
const COMMENT_BYTES_MAX: u64 = 65_535;
/// The head of an entry in the directory and at the entry itself, without names and extras.
const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;
/// Stands in a field of 4 bytes whose value is in the extra field.
const ELSEWHERE: u64 = 0xffff_ffff;

/// A file that several readers look into by turns.
#[derive(Clone)]
pub(super) struct Bytes {
    file: Arc<Mutex<File>>,
    len: u64,
}

/// A zip whose directory was found sound.
pub(super) struct Zip {
    bytes: Bytes,
    /// Its files, in the order of their places.
    pub(super) entries: Vec<Entry>,
}

/// A file in a zip.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The name with `/` between its parts.
    pub(super) name: String,
    /// Whether it is packed; otherwise it lies there as it is.
    pub(super) is_packed: bool,
    pub(super) crc: u32,
    pub(super) packed_bytes: u64,
    pub(super) bytes: u64,
    raw_name: Vec<u8>,
    flags: u16,
    head_at: u64,
    pub(super) data_at: u64,
}

impl Bytes {
    pub(super) fn new(mut file: File) -> Result<Self, ArchiveError> {
        let len = file.seek(SeekFrom::End(0)).map_err(|error| ArchiveError::reading(&error))?;
        Ok(Self { file: Arc::new(Mutex::new(file)), len })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Reads some bytes from a place.
    pub(super) fn read_some(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read(into)
    }

    /// Reads exactly so many bytes from a place.
    pub(super) fn read_at(&self, at: u64, size: usize) -> Result<Vec<u8>, ArchiveError> {
        let is_within = at.checked_add(size as u64).is_some_and(|end| end <= self.len);
        if !is_within {
            return Err(damaged("something of it is missing"));
        }
        let mut bytes = vec![0; size];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|error| ArchiveError::reading(&error))?;
        Ok(bytes)
    }
}

impl Zip {
    /// Reads the directory and holds it against the entries.
    pub(super) fn open(bytes: Bytes) -> Result<Self, ArchiveError> {
        let directory = find_directory(&bytes)?;
        let raw = bytes.read_at(directory.at, usize::try_from(directory.size).map_err(|_| too_many())?)?;
        let mut entries = read_directory(&raw, directory.entries)?;
        entries.sort_by_key(|entry| entry.head_at);
        check_names(&entries)?;
        check_sizes(&entries)?;
        place_all(&bytes, &mut entries, directory.at)?;
        entries.retain(|entry| !entry.name.ends_with('/'));
        Ok(Self { bytes, entries })
    }

    /// The bytes of an entry, checked as they are read.
    pub(super) fn read(&self, entry: &Entry) -> EntryReader {
        EntryReader::new(self.bytes.clone(), entry)
    }
}

struct Directory {
    at: u64,
    size: u64,
    entries: u64,
}

fn damaged(what: &str) -> ArchiveError {
    ArchiveError::rejected(format!("the archive is damaged: {what}; download it again"))
}

fn hostile(what: &str) -> ArchiveError {
    ArchiveError::rejected(format!("this is not an archive as LinkedIn makes them: {what}"))
}

fn too_many() -> ArchiveError {
    hostile("it has more entries or bytes than an export can have")
}

fn find_directory(bytes: &Bytes) -> Result<Directory, ArchiveError> {
    let tail_size = bytes.len().min(END_BYTES + COMMENT_BYTES_MAX);
    let tail_at = bytes.len() - tail_size;
    let tail = bytes.read_at(tail_at, usize::try_from(tail_size).map_err(|_| too_many())?)?;
    let is_end = |at: &usize| {
        let comment = tail.get(at + 20..at + 22).map_or(0, |pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])));
        tail[*at..].starts_with(b"PK\x05\x06") && at + 22 + comment == tail.len()
    };
    let last = tail.len().checked_sub(22).ok_or_else(|| damaged("it has no end"))?;
    let at = (0..=last).rev().find(is_end).ok_or_else(|| damaged("its end is missing"))?;
    let end = Fields(&tail[at..]);
    if end.short(4) != 0 || end.short(6) != 0 || end.short(8) != end.short(10) {
        return Err(hostile("it is one part of several"));
    }
    let end_at = tail_at + at as u64;
    let mut found = Directory { at: end.long(16), size: end.long(12), entries: u64::from(end.short(10)) };
    let mut ends_before = end_at;
    if found.at == ELSEWHERE || found.size == ELSEWHERE || found.entries == 0xffff {
        (found, ends_before) = large_directory(bytes, end_at)?;
    }
    if found.entries > ENTRIES_MAX || found.size > DIRECTORY_BYTES_MAX {
        return Err(too_many());
    }
    if found.at.checked_add(found.size) != Some(ends_before) {
        return Err(damaged("its directory is not where it should be"));
    }
    Ok(found)
}

/// The directory as the larger end record tells it.
fn large_directory(bytes: &Bytes, end_at: u64) -> Result<(Directory, u64), ArchiveError> {
    let locator_at = end_at.checked_sub(20).ok_or_else(|| damaged("its end is missing"))?;
    let raw = bytes.read_at(locator_at, 20)?;
    let locator = Fields(&raw);
    if !raw.starts_with(b"PK\x06\x07") {
        return Err(damaged("its end is missing"));
    }
    let record_at = locator.wide(8);
    let raw = bytes.read_at(record_at, 56)?;
    let record = Fields(&raw);
    let is_sound = raw.starts_with(b"PK\x06\x06") && record_at.checked_add(56) == Some(locator_at);
    if !is_sound || record.wide(24) != record.wide(32) {
        return Err(damaged("its end does not fit"));
    }
    Ok((Directory { at: record.wide(48), size: record.wide(40), entries: record.wide(32) }, record_at))
}

fn read_directory(raw: &[u8], count: u64) -> Result<Vec<Entry>, ArchiveError> {
    let mut entries = Vec::new();
    let mut rest = raw;
    for _ in 0..count {
        let (entry, size) = read_entry(rest)?;
        entries.push(entry);
        rest = rest.get(size..).ok_or_else(|| damaged("its directory is cut off"))?;
    }
    match rest.is_empty() {
        true => Ok(entries),
        false => Err(damaged("its directory has more in it than it tells")),
    }
}

fn read_entry(raw: &[u8]) -> Result<(Entry, usize), ArchiveError> {
    let cut_off = || damaged("its directory is cut off");
    let head = Fields(raw.get(..CENTRAL_BYTES).ok_or_else(cut_off)?);
    if !raw.starts_with(b"PK\x01\x02") {
        return Err(damaged("its directory cannot be read"));
    }
    let (name_size, extra_size, note_size) =
        (usize::from(head.short(28)), usize::from(head.short(30)), usize::from(head.short(32)));
    let name_end = CENTRAL_BYTES + name_size;
    let raw_name = raw.get(CENTRAL_BYTES..name_end).ok_or_else(cut_off)?.to_vec();
    let extra = raw.get(name_end..name_end + extra_size).ok_or_else(cut_off)?;
    let flags = head.short(8);
    if flags & 0b10_0000_0100_0001 != 0 {
        return Err(hostile("it is encrypted"));
    }
    let method = head.short(10);
    if method != 0 && method != 8 {
        return Err(hostile("it is packed in an unusual way"));
    }
    check_kind(head.short(4), head.long(38))?;
    let mut sizes = [head.long(24), head.long(20), head.long(42)];
    widen(&mut sizes, extra)?;
    let [bytes, packed_bytes, head_at] = sizes;
    if method == 0 && bytes != packed_bytes {
        return Err(damaged("sizes do not fit"));
    }
    let name = String::from_utf8_lossy(&raw_name).replace('\\', "/");
    let crc = u32::try_from(head.long(16)).unwrap_or_default();
    let entry = Entry { name, is_packed: method == 8, crc, packed_bytes, bytes, raw_name, flags, head_at, data_at: 0 };
    Ok((entry, name_end + extra_size + note_size))
}

/// Only files and folders; attributes of a Unix file are in the upper half.
fn check_kind(made_by: u16, attributes: u64) -> Result<(), ArchiveError> {
    let kind = (attributes >> 16) & 0o170_000;
    match made_by >> 8 == 3 && !matches!(kind, 0 | 0o100_000 | 0o040_000) {
        true => Err(hostile("it holds a link or a device")),
        false => Ok(()),
    }
}

/// Replaces what is told elsewhere by what the extra field tells.
fn widen(sizes: &mut [u64; 3], extra: &[u8]) -> Result<(), ArchiveError> {
    if !sizes.contains(&ELSEWHERE) {
        return Ok(());
    }
    let mut rest = extra;
    while rest.len() >= 4 {
        let field = Fields(rest);
        let size = usize::from(field.short(2));
        let body = rest.get(4..4 + size).ok_or_else(|| damaged("sizes are missing"))?;
        if field.short(0) == 1 {
            let mut wide = body.chunks_exact(8);
            for size in sizes.iter_mut().filter(|size| **size == ELSEWHERE) {
                *size = Fields(wide.next().ok_or_else(|| damaged("sizes are missing"))?).wide(0);
            }
            return Ok(());
        }
        rest = &rest[4 + size..];
    }
    Err(damaged("sizes are missing"))
}

fn check_names(entries: &[Entry]) -> Result<(), ArchiveError> {
    let mut known = BTreeSet::new();
    for entry in entries {
        let name = &entry.name;
        let is_drive = name.as_bytes().get(1) == Some(&b':');
        let leads_out = name.split('/').any(|part| part == ".." || part == ".");
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.starts_with('/') || is_drive || leads_out {
            return Err(hostile("a name in it leads outside"));
        }
        if name.chars().any(char::is_control) {
            return Err(hostile("a name in it has characters that no name has"));
        }
        if !known.insert(name.to_lowercase()) {
            return Err(hostile("two entries have one name"));
        }
    }
    Ok(())
}

fn check_sizes(entries: &[Entry]) -> Result<(), ArchiveError> {
    let mut unpacked = 0_u64;
    for entry in entries {
        unpacked = unpacked.saturating_add(entry.bytes);
        let is_swollen = entry.bytes > RATIO_FREE_BYTES && entry.bytes / RATIO_MAX > entry.packed_bytes;
        if is_swollen || unpacked > UNPACKED_BYTES_MAX {
            return Err(hostile("it would become far larger than an export is"));
        }
    }
    Ok(())
}

/// Finds where each entry's bytes begin; no two entries may share a byte, and their own heads have to tell the same.
fn place_all(bytes: &Bytes, entries: &mut [Entry], directory_at: u64) -> Result<(), ArchiveError> {
    let mut free_from = 0;
    for entry in entries {
        if entry.head_at < free_from {
            return Err(hostile("entries in it share bytes"));
        }
        let raw = bytes.read_at(entry.head_at, LOCAL_BYTES)?;
        let head = Fields(&raw);
        if !raw.starts_with(b"PK\x03\x04") {
            return Err(damaged("an entry is not where it should be"));
        }
        let name_size = usize::from(head.short(26));
        let name = bytes.read_at(entry.head_at + LOCAL_BYTES as u64, name_size)?;
        let is_packed = head.short(8) == 8;
        let is_told_later = entry.flags & 8 != 0;
        let tells = |at: usize, value: u64| head.long(at) == value || head.long(at) == ELSEWHERE;
        let is_same_size = is_told_later
            || (tells(14, u64::from(entry.crc)) && tells(18, entry.packed_bytes) && tells(22, entry.bytes));
        if name != entry.raw_name
            || is_packed != entry.is_packed
            || head.short(6) & 0xfff7 != entry.flags & 0xfff7
            || !is_same_size
        {
            return Err(hostile("its directory tells something else than its entries"));
        }
        entry.data_at = entry.head_at + LOCAL_BYTES as u64 + name_size as u64 + u64::from(head.short(28));
        let end = entry.data_at.checked_add(entry.packed_bytes).filter(|end| *end <= directory_at);
        free_from = end.ok_or_else(|| hostile("entries in it share bytes"))?;
    }
    Ok(())
}

/// Numbers in bytes, the lowest byte first; what is not there is 0.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&self, at: usize, size: usize) -> u64 {
        let bytes = self.0.get(at..at + size).unwrap_or_default();
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn short(&self, at: usize) -> u16 {
        u16::try_from(self.number(at, 2)).unwrap_or_default()
    }

    fn long(&self, at: usize) -> u64 {
        self.number(at, 4)
    }

    fn wide(&self, at: usize) -> u64 {
        self.number(at, 8)
    }
}
