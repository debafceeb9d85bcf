//! Records of a comma-separated file, one at a time, with every size bounded.
//!
//! The parser is the `csv` crate's own core, over buffers of ours: a record without an end must cost neither memory nor
//! time. Errors tell the line in which a record begins and never what is in it.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader};

use super::ArchiveError;
use super::text::Utf8;

/// Longest record, in bytes; the longest message of LinkedIn's has some ten thousand.
pub(super) const RECORD_BYTES_MAX: usize = 8 << 20;
/// Most cells of a record.
pub(super) const CELLS_MAX: usize = 1_000;
/// Buffers at the beginning; they grow up to their limits.
const RECORD_BYTES: usize = 16 * 1024;
const CELLS: usize = 32;

/// Reads records.
pub(super) struct Table<R> {
    from: Utf8<R>,
    parser: Reader,
    input: Vec<u8>,
    taken: usize,
    is_over: bool,
    output: Vec<u8>,
    ends: Vec<usize>,
    /// Bytes of the file, as UTF-8, that were read.
    pub(super) bytes_read: u64,
}

/// A record, valid until the next is read.
pub(super) struct Record<'a> {
    /// The line in which it begins.
    pub(super) line: u64,
    output: &'a [u8],
    ends: &'a [usize],
}

impl Record<'_> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of a cell; a record that is too short has empty ones at its end.
    pub(super) fn cell(&self, at: usize) -> &[u8] {
        let Some(end) = self.ends.get(at) else { return &[] };
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.output.get(begin..*end).unwrap_or_default()
    }

    /// All cells.
    pub(super) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.cell(at))
    }
}

impl<R: Read> Table<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from: Utf8::new(from),
            parser: Reader::new(),
            input: Vec::new(),
            taken: 0,
            is_over: false,
            output: vec![0; RECORD_BYTES],
            ends: vec![0; CELLS],
            bytes_read: 0,
        }
    }

    /// The next record; blank lines are none.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, ArchiveError> {
        let line = self.parser.line();
        let (mut written, mut cells) = (0, 0);
        loop {
            if self.taken == self.input.len() && !self.is_over {
                self.refill()?;
            }
            let (result, taken, wrote, ended) = self.parser.read_record(
                &self.input[self.taken..],
                &mut self.output[written..],
                &mut self.ends[cells..],
            );
            self.taken += taken;
            written += wrote;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    grow(&mut self.output, RECORD_BYTES_MAX, line, "is longer than any message")?
                }
                ReadRecordResult::OutputEndsFull => {
                    grow(&mut self.ends, CELLS_MAX, line, "has more cells than any export")?
                }
                ReadRecordResult::Record => {
                    return Ok(Some(Record { line, output: &self.output[..written], ends: &self.ends[..cells] }));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn refill(&mut self) -> Result<(), ArchiveError> {
        self.input.clear();
        self.taken = 0;
        // The parser takes an empty input for the end, so what gives nothing yet is asked again.
        while self.input.is_empty() && !self.is_over {
            let has_more = self.from.fill(&mut self.input).map_err(|error| ArchiveError::reading(&error))?;
            self.is_over = !has_more;
        }
        self.bytes_read += self.input.len() as u64;
        Ok(())
    }
}

fn grow<T: Clone + Default>(buffer: &mut Vec<T>, max: usize, line: u64, what: &str) -> Result<(), ArchiveError> {
    if buffer.len() >= max {
        return Err(ArchiveError::rejected(format!(
            "the record that begins in line {line} {what}: a quotation mark is probably missing there"
        )));
    }
    let size = (buffer.len() * 2).min(max);
    buffer.resize(size, T::default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut table = Table::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(record) = table.next().unwrap() {
            all.push((record.line, record.cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()));
        }
        all
    }

    #[test]
    fn quotes_breaks_and_ends_of_every_kind_are_read() {
        let found = records("a,\"b \"\"x\"\"\r\nc\"\r\n\r\n,d\nlast");
        let cells = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(found[0].1, cells(&["a", "b \"x\"\r\nc"]));
        assert_eq!(found[1].1, cells(&["", "d"]));
        assert_eq!(found[2].1, cells(&["last"]));
    }

    #[test]
    fn a_record_without_an_end_is_an_error_with_its_line() {
        let text = format!("a,b\n1,\"{}", "x".repeat(RECORD_BYTES_MAX + 10));
        let mut table = Table::new(text.as_bytes());
        table.next().unwrap();
        let Err(ArchiveError::Rejected(what)) = table.next() else { panic!("it was read") };
        assert!(what.contains("line 2"), "{what}");
        let wide = ",".repeat(CELLS_MAX + 5);
        assert!(Table::new(wide.as_bytes()).next().is_err());
    }
}
