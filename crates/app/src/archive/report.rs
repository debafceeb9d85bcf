//! What became of an archive, in numbers and in words (official sources B6).
//!
//! A report names lines and files and never a text or a person.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use threadkeep_core::time::Timestamp;

/// Bad records that are told with their lines; the others are counted.
const BAD_TOLD_MAX: usize = 50;

/// What became of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportReport {
    /// Rows of messages in it, drafts among them.
    pub rows: u64,
    /// Messages that are new.
    pub imported: u64,
    /// Rows that are messages which another source has told before.
    pub joined: u64,
    /// Messages of an older archive whose text this one has in a newer form.
    pub changed: u64,
    /// Rows that were taken in before.
    pub known: u64,
    /// Rows that are in the file more than once.
    pub duplicates: u64,
    /// Rows that are no messages.
    pub skipped: Skipped,
    /// Rows without a date that can be read.
    pub no_time: u64,
    /// Rows without the id of a conversation: sorted by those who take part.
    pub no_conversation_id: u64,
    /// Rows without a link to the sender's profile.
    pub no_sender_url: u64,
    /// Advertisements.
    pub sponsored: u64,
    /// Messages in the spam folder.
    pub spam: u64,
    /// Rows in which bytes that are no text were replaced.
    pub repaired: u64,
    /// Conversations that are new.
    pub conversations: u64,
    /// People that are new.
    pub people: u64,
    /// Files that look like messages and are none.
    pub decoys: Vec<String>,
    /// Other files with messages in it, which were left alone.
    pub others: Vec<String>,
    /// Records that could not be read, the first of them.
    pub bad: Vec<BadRecord>,
    /// How many there are.
    pub bad_count: u64,
    /// The oldest message, in milliseconds since 1970.
    pub oldest: Option<Timestamp>,
    /// The newest message, in milliseconds since 1970.
    pub newest: Option<Timestamp>,
    /// How the owner was found: `named`, `invitations`, `direction`, `profile`, `presence`, `elimination`, or `unknown`.
    pub owner: String,
    /// Whether exactly this archive was imported before, so that nothing was to be done.
    pub is_repeated: bool,
    /// Whether it was only looked at.
    pub is_dry_run: bool,
}

/// Rows that are no messages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Skipped {
    /// Drafts.
    pub drafts: u64,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BadRecord {
    /// The line in which it begins.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

impl ImportReport {
    pub(super) fn note_bad(&mut self, line: u64, what: &str) {
        self.bad_count += 1;
        if self.bad.len() < BAD_TOLD_MAX {
            self.bad.push(BadRecord { line, what: what.to_owned() });
        }
    }

    pub(super) fn see_second(&mut self, second: Option<i64>) {
        let Some(at) = second.map(|second| Timestamp(second.saturating_mul(1_000))) else { return };
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        self.newest = Some(self.newest.map_or(at, |newest| newest.max(at)));
    }

    /// The report for people, one fact a line.
    pub fn words(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let mut line = |what: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{what}");
        };
        if self.is_repeated {
            return "this archive was imported before: nothing was changed".to_owned();
        }
        if self.is_dry_run {
            line(format_args!("nothing was written; an import would bring:"));
        }
        line(format_args!("{} rows: {} messages imported", self.rows, self.imported));
        let counted = [
            (self.joined, "known from LinkedIn itself, joined with what is here"),
            (self.changed, "edited since an older archive"),
            (self.known, "known from an earlier import"),
            (self.duplicates, "more than once in the file"),
            (self.skipped.drafts, "drafts, skipped"),
            (self.no_time, "without a date that can be read"),
            (self.no_conversation_id, "without the id of a conversation, sorted by the people in it"),
            (self.no_sender_url, "without a link to the sender"),
            (self.sponsored, "advertisements"),
            (self.spam, "in the spam folder"),
            (self.repaired, "with bytes that are no text, replaced"),
            (self.bad_count, "records that could not be read"),
            (self.conversations, "new conversations"),
            (self.people, "new people"),
        ];
        for (count, what) in counted.into_iter().filter(|(count, _)| *count > 0) {
            line(format_args!("  {count} {what}"));
        }
        for bad in &self.bad {
            line(format_args!("  line {}: {}", bad.line, bad.what));
        }
        for (names, what) in [(&self.decoys, "no conversations, ignored"), (&self.others, "messages too, left alone")] {
            for name in names {
                line(format_args!("  {}: {what}", name.escape_debug()));
            }
        }
        if let (Some(oldest), Some(newest)) = (self.oldest, self.newest) {
            line(format_args!("  from {} to {}", shown(oldest), shown(newest)));
        }
        if self.owner == "unknown" {
            let first = if self.is_dry_run { "" } else { "remove the account again (threadkeep account remove) and " };
            line(format_args!(
                "  whose archive this is could not be told, so no message is marked as your own: {first}import it with \
                 --me https://www.linkedin.com/in/YOU"
            ));
        }
        text.trim_end().to_owned()
    }
}

fn shown(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}
