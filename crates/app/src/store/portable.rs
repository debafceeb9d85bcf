//! The export as a SQLite file of its own: plain tables with the names of the documented views, and nothing of the program.
//!
//! The file is nobody's mirror: it has no session, key, job or mark of a sync, and threadkeep does not read it back. It is
//! written by one transaction without a journal, because a file that is not finished is thrown away. A call here blocks as
//! writing any file does.

use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};
use serde::Serialize;
use threadkeep_core::person::Person;

use super::failure::sqlite_failure;
use super::{StoreError, StoreResult};
use crate::forms::{Attached, Form, Head, Spoken, Thread, date_time, shown};

/// The tables; their names are those of the views of `docs/SQL.md` without `v_`.
const TABLES: &str = "
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF;
BEGIN;
CREATE TABLE account (account_id TEXT PRIMARY KEY, member_id TEXT NOT NULL, name TEXT NOT NULL) STRICT;
CREATE TABLE people (person_id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, headline TEXT,
    profile_url TEXT) STRICT;
CREATE TABLE conversations (conversation_id TEXT PRIMARY KEY, title TEXT NOT NULL, is_group INTEGER NOT NULL,
    categories TEXT NOT NULL, label TEXT, is_sponsored INTEGER NOT NULL, unread_count INTEGER NOT NULL,
    is_read INTEGER NOT NULL, last_activity_at TEXT NOT NULL, created_at TEXT, is_deleted INTEGER NOT NULL,
    completeness TEXT) STRICT;
CREATE TABLE participants (conversation_id TEXT NOT NULL, person_id TEXT NOT NULL,
    PRIMARY KEY (conversation_id, person_id)) STRICT, WITHOUT ROWID;
CREATE TABLE messages (message_id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL, delivered_at TEXT NOT NULL,
    delivered_ms INTEGER NOT NULL, sender_id TEXT, sender_name TEXT NOT NULL, is_mine INTEGER NOT NULL, subject TEXT,
    body TEXT NOT NULL, format TEXT NOT NULL, reply_to TEXT, is_deleted INTEGER NOT NULL, attributes TEXT, content TEXT
    ) STRICT;
CREATE TABLE reactions (message_id TEXT NOT NULL, emoji TEXT NOT NULL, count INTEGER NOT NULL,
    is_mine INTEGER NOT NULL, first_reacted_at TEXT, PRIMARY KEY (message_id, emoji)) STRICT, WITHOUT ROWID;
CREATE TABLE attachments (message_id TEXT NOT NULL, ordinal INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    media_type TEXT, size_bytes INTEGER, sha256 TEXT, bytes BLOB, PRIMARY KEY (message_id, ordinal)) STRICT;
CREATE TABLE message_versions (message_id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    replaced_at TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (message_id, place)) STRICT, WITHOUT ROWID;
";
/// Made at the end, when it costs least.
const INDEXES: &str = "
CREATE INDEX messages_in_conversation ON messages (conversation_id, delivered_ms);
CREATE INDEX messages_by_time ON messages (delivered_ms);
COMMIT;";
/// Prepared statements that are kept.
const PREPARED_MAX: usize = 16;

/// Makes the form that writes into this file, which is empty.
pub fn portable_file(path: &Path) -> StoreResult<Box<dyn Form>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| sqlite_failure(&error))?;
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    Ok(Box::new(Portable { connection }))
}

struct Portable {
    connection: Connection,
}

impl Form for Portable {
    fn begin(&mut self, head: &Head<'_>, _: &mut Vec<u8>) -> io::Result<()> {
        self.connection.execute_batch(TABLES).map_err(failed)?;
        let owner = params![head.account.as_str(), head.owner.as_str(), head.owner_name];
        self.run("INSERT INTO account VALUES (?, ?, ?)", owner)
    }

    fn open(&mut self, thread: &Thread, _: &mut Vec<u8>) -> io::Result<()> {
        let one = &thread.conversation;
        self.run(
            "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                one.id.as_str(),
                thread.title,
                one.group,
                json(&one.categories)?,
                one.label,
                one.sponsored,
                one.unread_count,
                one.read,
                date_time(one.last_activity_at),
                one.created_at.map(date_time),
                one.deleted,
                thread.completeness.map(|completeness| completeness.as_str()),
            ],
        )?;
        for person in &thread.people {
            self.person(person)?;
            self.run("INSERT INTO participants VALUES (?, ?)", params![one.id.as_str(), person.id.as_str()])?;
        }
        Ok(())
    }

    fn message(&mut self, thread: &Thread, spoken: &Spoken<'_>, _: &mut Vec<u8>) -> io::Result<()> {
        let one = spoken.message;
        let list = |is_empty: bool, text: io::Result<String>| if is_empty { Ok(None) } else { text.map(Some) };
        self.run(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                one.id.as_str(),
                thread.conversation.id.as_str(),
                date_time(one.delivered_at),
                one.delivered_at.0,
                one.sender.as_ref().map(|id| id.as_str()),
                spoken.sender,
                spoken.is_mine,
                one.subject,
                spoken.text(),
                one.format.as_str(),
                spoken.reply().and_then(|(id, _)| id),
                one.deleted,
                list(one.attributes.is_empty(), json(&one.attributes))?,
                list(one.content.is_empty(), json(&one.content))?,
            ],
        )?;
        for reaction in &one.reactions {
            let first = reaction.first_reacted_at.map(date_time);
            let values = params![one.id.as_str(), reaction.emoji, reaction.count, reaction.viewer_reacted, first];
            self.run("INSERT OR IGNORE INTO reactions VALUES (?, ?, ?, ?, ?)", values)?;
        }
        for attached in &spoken.attachments {
            self.attachment(one.id.as_str(), attached)?;
        }
        // Several texts that only archives have told have one version: the place in the list tells them apart.
        for (place, prior) in one.prior.iter().enumerate().filter(|_| spoken.with_history) {
            let replaced_at = date_time(prior.replaced_at);
            let values = params![one.id.as_str(), prior.version, prior.body, replaced_at, u32::try_from(place).ok()];
            self.run("INSERT INTO message_versions VALUES (?, ?, ?, ?, ?)", values)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> io::Result<()> {
        self.connection.execute_batch(INDEXES).map_err(failed)
    }
}

impl Portable {
    fn run(&self, text: &str, values: impl rusqlite::Params) -> io::Result<()> {
        let mut prepared = self.connection.prepare_cached(text).map_err(failed)?;
        prepared.execute(values).map(|_| ()).map_err(failed)
    }

    fn person(&self, person: &Person) -> io::Result<()> {
        let (kind, name) = (person.kind.as_str(), shown(person));
        let values = params![person.id.as_str(), name, kind, person.headline, person.profile_url];
        self.run("INSERT OR IGNORE INTO people VALUES (?, ?, ?, ?, ?)", values)
    }

    fn attachment(&self, message: &str, one: &Attached) -> io::Result<()> {
        let bytes = one.bytes.as_ref().map(|bytes| bytes.as_ref());
        let size_bytes = one.size_bytes.and_then(|size| i64::try_from(size).ok());
        let values = params![message, one.ordinal, one.kind, one.name, one.media_type, size_bytes, one.hash, bytes];
        self.run("INSERT INTO attachments VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    }
}

fn json<T: Serialize>(value: &T) -> io::Result<String> {
    serde_json::to_string(value).map_err(io::Error::other)
}

/// What failed, without any value: SQLite's own words may quote one.
fn failed(error: rusqlite::Error) -> io::Error {
    match sqlite_failure(&error) {
        StoreError::Full(_) => io::ErrorKind::StorageFull.into(),
        _ => io::Error::other("SQLite cannot write the file"),
    }
}
