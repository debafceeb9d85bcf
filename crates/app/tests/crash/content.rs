//! What a database file holds, read past the program: whether it is sound, and what no run may change or lose.
//!
//! Nothing is written here; reading a log that a killed process left behind may bring it into the file.

use std::path::Path;

use anyhow::{Result, ensure};
use rusqlite::Connection;
use rusqlite::types::Value;

/// Tables with what was mirrored, as opposed to who works on what.
const MIRRORED: [&str; 10] = [
    "people",
    "conversations",
    "conversation_categories",
    "conversation_people",
    "messages",
    "tracks",
    "events",
    "attachments",
    "media_objects",
    "oddities",
];

/// A look at one database.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// All rows of the mirrored tables, as text.
    pub rows: Vec<String>,
    /// The ids of all events, sorted.
    pub events: Vec<String>,
}

impl Content {
    /// Reads it; fails when the file is damaged or the numbers of the events have gaps.
    pub fn of(path: &Path) -> Result<Self> {
        is_sound(path)?;
        let connection = Connection::open(path)?;
        let gaps: i64 = connection.query_row(
            "SELECT COUNT(*) FROM (SELECT MAX(seq) - COUNT(*) AS gaps, MIN(seq) AS first FROM events GROUP BY account_pk) \
             WHERE gaps <> 0 OR first <> 1",
            [],
            |row| row.get(0),
        )?;
        ensure!(gaps == 0, "the numbers of the events have gaps");
        let mut rows = Vec::new();
        for table in MIRRORED {
            rows.extend(
                texts(&connection, &format!("SELECT * FROM {table}"))?.into_iter().map(|row| format!("{table} {row}")),
            );
        }
        let events = texts(&connection, "SELECT id FROM events ORDER BY id")?;
        ensure!(events.windows(2).all(|two| two[0] != two[1]), "an event is there twice");
        Ok(Self { rows, events })
    }

    /// The first row that differs.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let here = self.rows.iter().find(|row| !other.rows.contains(row));
        let there = other.rows.iter().find(|row| !self.rows.contains(row));
        (self.rows != other.rows).then(|| format!("{here:?} became {there:?}"))
    }
}

/// Fails when a database file is damaged.
pub fn is_sound(path: &Path) -> Result<()> {
    let connection = Connection::open(path)?;
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(sound == "ok", "integrity_check: {sound}");
    let orphans = connection.prepare("PRAGMA foreign_key_check")?.exists([])?;
    ensure!(!orphans, "a row refers to nothing");
    Ok(())
}

/// One number out of a database file.
pub fn number(path: &Path, text: &str) -> Result<i64> {
    Ok(Connection::open(path)?.query_row(text, [], |row| row.get(0))?)
}

fn texts(connection: &Connection, text: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(text)?;
    let width = statement.column_count();
    let rows = statement
        .query_map([], |row| (0..width).map(|at| row.get::<_, Value>(at)).collect::<rusqlite::Result<Vec<_>>>())?;
    rows.map(|row| Ok(format!("{:?}", row?))).collect()
}
