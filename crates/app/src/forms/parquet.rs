//! Messages as Parquet: columns for data tools. Built only with the feature `parquet`.
//!
//! Rows are gathered into groups of bounded size, so that memory does not grow with the mailbox. The columns are those of
//! the CSV, with times and flags as what they are.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use threadkeep_core::attachment::attachments;

use super::{Form, Head, Spoken, Thread};

/// Rows of one group.
const GROUP_ROWS: usize = 10_000;
/// Bytes of text after which a group ends early.
const GROUP_BYTES: usize = 16 << 20;
/// The columns: texts, then times, then flags.
const SCHEMA: &str = "message messages {
    required binary account_id (UTF8); required binary conversation_id (UTF8); required binary conversation_title (UTF8);
    required binary message_id (UTF8); optional binary sender_id (UTF8); required binary sender_name (UTF8);
    optional binary subject (UTF8); required binary body (UTF8); required binary format (UTF8);
    optional binary reply_to (UTF8); required binary reactions (UTF8); required binary attachments (UTF8);
    required int64 delivered_at (TIMESTAMP(MILLIS, true));
    required boolean is_mine; required boolean is_deleted;
}";
/// Which of the texts may be missing, in the order of the schema.
const OPTIONAL: [bool; 12] = [false, false, false, false, true, false, true, false, false, true, false, false];

/// The form.
pub struct Parquet {
    account: String,
    rows: Rows,
    ready: Ready,
    writer: Option<SerializedFileWriter<Ready>>,
}

#[derive(Default)]
struct Rows {
    texts: [Vec<Option<ByteArray>>; 12],
    times: Vec<i64>,
    flags: [Vec<bool>; 2],
    size_bytes: usize,
}

/// What the library has written and nobody has taken yet.
#[derive(Clone, Default)]
struct Ready(Arc<Mutex<Vec<u8>>>);

impl Write for Ready {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Ready {
    fn take(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Default for Parquet {
    fn default() -> Self {
        Self::new()
    }
}

impl Parquet {
    /// A file that has not begun.
    pub fn new() -> Self {
        Self { account: String::new(), rows: Rows::default(), ready: Ready::default(), writer: None }
    }

    fn write_group(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let Some(writer) = self.writer.as_mut().filter(|_| !rows.times.is_empty()) else { return Ok(()) };
        let mut group = writer.next_row_group().map_err(failed)?;
        for (texts, is_optional) in rows.texts.iter().zip(OPTIONAL) {
            write_texts(&mut group, texts, is_optional)?;
        }
        let mut column = group.next_column().map_err(failed)?.ok_or_else(missing)?;
        column.typed::<Int64Type>().write_batch(&rows.times, None, None).map_err(failed)?;
        column.close().map_err(failed)?;
        for flags in &rows.flags {
            let mut column = group.next_column().map_err(failed)?.ok_or_else(missing)?;
            column.typed::<BoolType>().write_batch(flags, None, None).map_err(failed)?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.ready.take(out);
        Ok(())
    }
}

impl Form for Parquet {
    fn begin(&mut self, head: &Head<'_>, _: &mut Vec<u8>) -> io::Result<()> {
        self.account = head.account.to_string();
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(failed)?);
        let properties = WriterProperties::builder().set_created_by("threadkeep".to_owned()).build();
        let writer = SerializedFileWriter::new(self.ready.clone(), schema, Arc::new(properties)).map_err(failed)?;
        self.writer = Some(writer);
        Ok(())
    }

    fn open(&mut self, _: &Thread, _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }

    fn message(&mut self, thread: &Thread, spoken: &Spoken<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let message = spoken.message;
        let names = attachments(&message.content).map(|one| one.name().unwrap_or(one.kind()).to_owned());
        let (reactions, names) = (spoken.reactions(), names.collect::<Vec<_>>().join("; "));
        let texts: [Option<&str>; 12] = [
            Some(&self.account),
            Some(thread.conversation.id.as_str()),
            Some(&thread.title),
            Some(message.id.as_str()),
            message.sender.as_ref().map(|id| id.as_str()),
            Some(&spoken.sender),
            message.subject.as_deref(),
            Some(spoken.text()),
            Some(message.format.as_str()),
            spoken.reply().and_then(|(id, _)| id),
            Some(&reactions),
            Some(&names),
        ];
        for (column, text) in self.rows.texts.iter_mut().zip(texts) {
            self.rows.size_bytes += text.map_or(0, str::len);
            column.push(text.map(ByteArray::from));
        }
        self.rows.times.push(message.delivered_at.0);
        let flags = [spoken.is_mine, message.deleted || thread.conversation.deleted];
        self.rows.flags.iter_mut().zip(flags).for_each(|(column, flag)| column.push(flag));
        match self.rows.times.len() >= GROUP_ROWS || self.rows.size_bytes >= GROUP_BYTES {
            true => self.write_group(out),
            false => Ok(()),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.write_group(out)?;
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(failed)?;
        }
        self.ready.take(out);
        Ok(())
    }
}

fn write_texts(
    group: &mut SerializedRowGroupWriter<'_, Ready>,
    texts: &[Option<ByteArray>],
    is_optional: bool,
) -> io::Result<()> {
    let mut column = group.next_column().map_err(failed)?.ok_or_else(missing)?;
    let values: Vec<ByteArray> = texts.iter().flatten().cloned().collect();
    let levels: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
    let levels = Some(levels.as_slice()).filter(|_| is_optional);
    column.typed::<ByteArrayType>().write_batch(&values, levels, None).map_err(failed)?;
    column.close().map_err(failed)
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(format!("the Parquet file cannot be made: {error}"))
}

fn missing() -> io::Error {
    io::Error::other("the Parquet file has a column less than its schema")
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    use super::super::tests::{message, spoken, thread};
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let thread = thread(Some("Team"), &["Olga"]);
        let kept = message("hi");
        let account = threadkeep_core::id::AccountId::new("0123456789abcdef01234567").unwrap();
        let head = Head { title: "x", account: &account, owner: &thread.owner, owner_name: "Owner" };
        let (mut form, mut out) = (Parquet::new(), Vec::new());
        form.begin(&head, &mut out).unwrap();
        form.open(&thread, &mut out).unwrap();
        for _ in 0..GROUP_ROWS + 1 {
            form.message(&thread, &spoken(&kept, "Olga"), &mut out).unwrap();
        }
        form.end(&mut out).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(out)).unwrap();
        assert_eq!((reader.num_row_groups(), reader.metadata().file_metadata().num_rows()), (2, 10_001));
        let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap().to_string();
        assert!(row.contains("body: \"hi\"") && row.contains("subject: null"), "{row}");
    }
}
