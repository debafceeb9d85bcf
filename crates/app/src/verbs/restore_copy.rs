//! Reading a complete copy back into the database: `docs/EXPORT.md`, the complete copy.
//!
//! A copy is believed whole or not at all: every line is checked for its form and its place, and the last one tells counts
//! and hash of what stood before it. The account gets everything but a login; one that is here is never touched.

use std::io::BufRead;

use sha2::{Digest, Sha256};

use super::export::copy_lines::{EndLine, FORM, HeaderLine, Line, VERSION};
use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{Copied, CopiedAccount, CopiedRows, CopyOutcome, CopySource};

/// Longest line, in bytes: far above any message with all its earlier texts.
const LINE_MAX_BYTES: u64 = 64 << 20;
/// Records of one part.
const PART_ROWS: usize = 500;
/// Bytes of lines after which a part ends early.
const PART_BYTES: usize = 4 << 20;
/// Most lines: far above any mailbox.
const LINES_MAX: u64 = 10_000_000_000;

/// What was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The account.
    pub account: threadkeep_core::id::AccountId,
    /// Conversations.
    pub conversations: u64,
    /// Messages.
    pub messages: u64,
    /// People.
    pub people: u64,
}

/// Whether a file that begins so is a complete copy.
pub fn is_copy(beginning: &[u8]) -> bool {
    let form = format!("\"form\":\"{FORM}\"");
    beginning.starts_with(b"{\"account\":{") && String::from_utf8_lossy(beginning).contains(&form)
}

/// Reads a copy; nothing is changed unless all of it can be believed.
pub async fn restore(app: &App, copy: impl BufRead + Send) -> Result<Restored, Refusal> {
    let mut reader = Reader::begin(copy)?;
    let put = app.store.put_copy(&mut reader).await;
    // What a copy says against itself, such as the same message twice, is found by the database.
    let outcome = match (put, reader.is_ended) {
        (Err(crate::store::StoreError::Corrupt { .. }), false) => CopyOutcome::Broken,
        (put, _) => put?,
    };
    match outcome {
        CopyOutcome::Restored => Ok(reader.restored()),
        CopyOutcome::AccountExists => Err(Refusal::Conflict(
            "the account of this copy is here already: nothing was changed; remove it first with \
             `threadkeep account remove`, or restore into another database"
                .into(),
        )),
        CopyOutcome::Broken => {
            Err(broken(reader.line, reader.trouble.unwrap_or("it does not fit to what stands before")))
        }
    }
}

fn broken(line: u64, what: &str) -> Refusal {
    Refusal::Invalid(format!(
        "this is not a copy as threadkeep has written it (line {line}: {what}): nothing was changed; take an unchanged \
         file from `threadkeep export --format jsonl --complete`"
    ))
}

/// The sections of a copy, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    People,
    Conversations,
    Messages,
    Events,
    Oddities,
    Imports,
    Archived,
    Aliases,
}

struct Reader<R> {
    lines: R,
    account: CopiedAccount,
    hash: Sha256,
    /// The line that was read last, from 1.
    line: u64,
    trouble: Option<&'static str>,
    is_ended: bool,
    section: Section,
    /// The key of the record before, in its section.
    last: Key,
    counts: EndLine,
}

/// What records of a section are sorted by.
type Key = (String, i64, String);

impl<R: BufRead + Send> Reader<R> {
    fn begin(mut lines: R) -> Result<Self, Refusal> {
        let mut hash = Sha256::new();
        let text = match next_line(&mut lines) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(broken(1, "the file is empty")),
            Err(what) => return Err(broken(1, what)),
        };
        hash.update(text.as_bytes());
        let Some(Line::Header(header)) = Line::read(&text) else {
            let what = "it has no header: plain jsonl is for other programs, only --complete can be read back";
            return Err(broken(1, what));
        };
        let HeaderLine { form, version, account } = *header;
        if form != FORM || version != VERSION {
            let what = format!(
                "this copy has version {version} of its form, and this program reads {VERSION}: install the threadkeep \
                 that has written it; nothing was changed"
            );
            return Err(Refusal::Invalid(what));
        }
        let account = account.account().ok_or_else(|| broken(1, "its account is none"))?;
        Ok(Self {
            lines,
            account,
            hash,
            line: 1,
            trouble: None,
            is_ended: false,
            section: Section::People,
            last: Key::default(),
            counts: EndLine::default(),
        })
    }

    fn restored(self) -> Restored {
        let EndLine { people, conversations, messages, .. } = self.counts;
        Restored { account: self.account.id, conversations, messages, people }
    }

    fn part(&mut self) -> Result<Copied, &'static str> {
        let mut rows = CopiedRows::default();
        let mut size_bytes = 0;
        while rows.len() < PART_ROWS && size_bytes < PART_BYTES && self.line < LINES_MAX {
            self.line += 1;
            let text = next_line(&mut self.lines)?.ok_or("it ends too early")?;
            let line = Line::read(&text).ok_or("it is no record of a copy")?;
            if let Line::End(end) = line {
                self.line -= 1;
                return self.end(rows, end);
            }
            size_bytes += text.len();
            self.hash.update(text.as_bytes());
            self.take(line, &mut rows)?;
        }
        Ok(Copied::Rows(rows))
    }

    /// The end; records that stand right before it are handed on first, and the end is read again from memory.
    fn end(&mut self, rows: CopiedRows, end: EndLine) -> Result<Copied, &'static str> {
        self.line += 1;
        let sha256: String = self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.counts.sha256 = sha256;
        if self.counts != end {
            return Err("counts or hash differ: the file was changed or cut");
        }
        if next_line(&mut self.lines)?.is_some() {
            return Err("something follows the end");
        }
        self.is_ended = true;
        Ok(if rows.is_empty() { Copied::End } else { Copied::Rows(rows) })
    }

    /// Takes a record that stands in its place.
    fn take(&mut self, line: Line, rows: &mut CopiedRows) -> Result<(), &'static str> {
        let text = |id: &str| (id.to_owned(), 0, String::new());
        match line {
            Line::Person(one) => {
                self.step(Section::People, text(one.id.as_str()))?;
                self.counts.people += 1;
                rows.people.push(one.into());
            }
            Line::Conversation(one) => {
                self.step(Section::Conversations, text(one.id.as_str()))?;
                self.counts.conversations += 1;
                rows.conversations.push((*one).into());
            }
            Line::Message(one) => {
                let key = (one.conversation.to_string(), one.delivered_at.0, one.id.to_string());
                self.step(Section::Messages, key)?;
                self.counts.messages += 1;
                rows.messages.push((*one).into());
            }
            Line::Event(one) => {
                self.step(Section::Events, (String::new(), one.seq, String::new()))?;
                self.counts.events += 1;
                rows.events.push(one.into());
            }
            Line::Oddity(one) => {
                self.step(Section::Oddities, text(&one.digest))?;
                self.counts.oddities += 1;
                rows.oddities.push(one.into());
            }
            Line::Import(one) => {
                self.counts.imports += 1;
                let place = i64::try_from(self.counts.imports).unwrap_or(i64::MAX);
                self.step(Section::Imports, (String::new(), place, String::new()))?;
                rows.imports.push(one.into());
            }
            Line::Archived(one) => {
                let key = (one.conversation.to_string(), one.second, one.fingerprint.clone());
                self.step(Section::Archived, key)?;
                self.counts.archived += 1;
                rows.archived.push(one.into());
            }
            Line::Alias(one) => {
                self.step(Section::Aliases, text(&one.alias))?;
                self.counts.aliases += 1;
                rows.aliases.push(one.into());
            }
            Line::Header(_) | Line::End(_) => return Err("it stands in the wrong place"),
        }
        Ok(())
    }

    fn step(&mut self, section: Section, key: Key) -> Result<(), &'static str> {
        let is_first = section > self.section || self.last == Key::default();
        if section < self.section || (!is_first && key <= self.last) {
            return Err("it is out of order");
        }
        self.section = section;
        self.last = key;
        Ok(())
    }
}

impl<R: BufRead + Send> CopySource for Reader<R> {
    fn account(&self) -> &CopiedAccount {
        &self.account
    }

    fn next_rows(&mut self) -> Copied {
        if self.is_ended {
            return Copied::End;
        }
        self.part().unwrap_or_else(|what| {
            self.trouble = Some(what);
            Copied::Broken
        })
    }
}

/// The next line with its line end; `None` at the end of the file.
fn next_line(lines: &mut (impl BufRead + ?Sized)) -> Result<Option<String>, &'static str> {
    let mut bytes = Vec::new();
    let read = std::io::Read::take(lines, LINE_MAX_BYTES).read_until(b'\n', &mut bytes);
    match read {
        Err(_) => Err("it cannot be read"),
        Ok(0) => Ok(None),
        Ok(_) if bytes.last() != Some(&b'\n') => Err("it has no end"),
        Ok(_) => String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8"),
    }
}
