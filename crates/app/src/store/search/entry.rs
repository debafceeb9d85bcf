//! What stands in the index for a message, and how the two databases are handed it: words in their order, and marks.
//!
//! A mark tells whose mailbox the message is in, in which conversation, who wrote it. It begins with a character that no
//! word of a text can have, so that nobody finds marks by writing them. No text may reach a database in another way than
//! as words: they hold no sign that either database would understand.

use std::collections::BTreeMap;

use threadkeep_core::attachment::{attachments, is_attachment};
use threadkeep_core::content::Content;
use threadkeep_core::search::words_alone;

use crate::store::dialect::SearchForm;
use crate::store::statement::{Statement, Value, insert_rows};

/// Words of one message that are found; what a longer one says after them is not.
const WORDS_MAX: usize = 10_000;
/// What a mark begins with: a character of private use, which separates words.
const MARK: char = '\u{F8FF}';
/// PostgreSQL keeps no place of a word behind this one.
const POSITION_MAX: usize = 16_383;
/// Entries of one statement at PostgreSQL.
const ENTRIES_AT_ONCE: usize = 50;

/// Whose mailbox.
pub(super) fn of_account(account_pk: i64) -> String {
    format!("{MARK}a{account_pk}")
}

/// In which conversation.
pub(super) fn of_conversation(conversation_pk: i64) -> String {
    format!("{MARK}c{conversation_pk}")
}

/// By whom, as a number that depends on the id alone: two people share one about as often as never.
pub(super) fn of_sender(sender: &str) -> String {
    format!("{MARK}s{:016x}", digest(sender))
}

/// By the owner of the mailbox.
pub(super) fn of_owner() -> String {
    format!("{MARK}m")
}

/// With an attachment.
pub(super) fn with_attachment() -> String {
    format!("{MARK}f")
}

/// What no message has.
pub(super) fn of_nothing() -> String {
    format!("{MARK}z")
}

/// A number of a text that depends on nothing else (FNV-1a).
pub(super) fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a message is in the index.
pub(super) struct Entry {
    /// Words in their order; nothing between two texts is a phrase.
    words: Vec<String>,
    marks: Vec<String>,
}

impl Entry {
    pub(super) fn new(place: (i64, i64), sender: Option<&str>, owner: &str) -> Self {
        let (account_pk, conversation_pk) = place;
        let mut marks = vec![of_account(account_pk), of_conversation(conversation_pk)];
        if let Some(sender) = sender {
            marks.push(of_sender(sender));
            marks.extend((sender == owner).then(of_owner));
        }
        Self { words: Vec::new(), marks }
    }

    pub(super) fn add_text(&mut self, text: &str) {
        if !self.words.is_empty() {
            self.words.push(MARK.to_string());
        }
        let left = WORDS_MAX.saturating_sub(self.words.len());
        self.words.extend(words_alone(text, left));
    }

    pub(super) fn add_contents(&mut self, contents: &[Content]) {
        self.marks.extend(contents.iter().any(is_attachment).then(with_attachment));
        attachments(contents).filter_map(|one| one.name()).for_each(|name| self.add_text(name));
    }

    fn fts5(&self) -> String {
        let all: Vec<&str> = self.words.iter().chain(&self.marks).map(String::as_str).collect();
        all.join(" ")
    }

    fn ts_vector(&self) -> String {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, word) in self.words.iter().enumerate() {
            places.entry(word).or_default().push((at + 1).min(POSITION_MAX));
        }
        let mut text = String::new();
        for (word, at) in places {
            let at: Vec<String> = at.iter().map(usize::to_string).collect();
            text.push_str(&format!("'{word}':{} ", at.join(",")));
        }
        self.marks.iter().for_each(|mark| text.push_str(&format!("'{mark}' ")));
        text
    }
}

/// Writes entries to the index, each under its place, in the order of their places.
pub(super) fn write(script: &mut Vec<Statement>, form: SearchForm, entries: &BTreeMap<i64, Entry>) {
    match form {
        SearchForm::Fts5 => {
            let values = entries.iter().flat_map(|(place, entry)| [Value::from(*place), entry.fts5().into()]).collect();
            insert_rows(script, "INSERT INTO search_index (rowid, words) VALUES", "", 2, values);
        }
        SearchForm::TsVector => {
            let all: Vec<_> = entries.iter().collect();
            for part in all.chunks(ENTRIES_AT_ONCE) {
                let rows = vec!["(?, CAST(? AS tsvector))"; part.len()].join(", ");
                let values = part.iter().flat_map(|(place, entry)| [Value::from(**place), entry.ts_vector().into()]);
                let text = format!("INSERT INTO search_index (rowid, words) VALUES {rows}");
                script.push(Statement::new(text, values.collect()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_words_and_marks_in_both_forms() {
        let mut entry = Entry::new((7, 9), Some("ACoAAOlga"), "ACoAAOlga");
        entry.add_text("It's 'quoted' \\ Text");
        entry.add_text("text");
        let fts5 = entry.fts5();
        assert!(fts5.starts_with("it s quoted text \u{F8FF} text \u{F8FF}a7 \u{F8FF}c9 \u{F8FF}s"), "{fts5}");
        assert!(fts5.ends_with(" \u{F8FF}m"));
        let vector = entry.ts_vector();
        assert!(vector.contains("'text':4,6 ") && vector.contains("'\u{F8FF}a7' "), "{vector}");
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let mut entry = Entry::new((1, 1), None, "x");
        entry.add_text(&"a ".repeat(WORDS_MAX * 2));
        entry.add_text("more");
        assert!(entry.words.len() <= WORDS_MAX + 1);
    }
}
