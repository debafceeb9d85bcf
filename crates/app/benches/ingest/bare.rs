//! The denominator: the same rows by prepared statements, and nothing else.
//!
//! Twenty messages with their events and the track's new position are one transaction, as a page is. Same schema, same
//! settings, same file system; no parsing, no merging, no reading.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

const PAGE: usize = 20;

/// What a round wrote.
pub struct Written {
    pub messages: u64,
    pub time: Duration,
}

type Row = Vec<Value>;

/// Writes the rows of one database into a new one.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub fn write(from: &Path, to: &Path) -> Result<Written> {
    let source = Connection::open(from)?;
    let messages = rows(&source, "SELECT * FROM messages ORDER BY rowid")?;
    let events = rows(&source, "SELECT * FROM events WHERE kind LIKE 'message.%' ORDER BY seq")?;
    let tracks = rows(&source, "SELECT conversation_pk, detail FROM tracks")?;
    let mut target = prepare(&source, to)?;
    let details: std::collections::HashMap<i64, Value> =
        tracks.into_iter().filter_map(|row| Some((integer(row.first()?)?, row.get(1)?.clone()))).collect();
    let width = messages.first().map_or(0, Vec::len);
    let insert = format!(
        "INSERT INTO messages VALUES ({}) ON CONFLICT (account_pk, id) DO UPDATE SET body = excluded.body",
        marks(width)
    );
    let event = format!("INSERT INTO events VALUES ({})", marks(events.first().map_or(0, Vec::len)));
    let start = Instant::now();
    for (page, told) in messages.chunks(PAGE).zip(events.chunks(PAGE)) {
        let transaction = target.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(&insert)?;
            let mut event = transaction.prepare_cached(&event)?;
            let mut track = transaction.prepare_cached("UPDATE tracks SET detail = ?1 WHERE conversation_pk = ?2")?;
            for (message, told) in page.iter().zip(told) {
                insert.execute(params_from_iter(message))?;
                event.execute(params_from_iter(told))?;
            }
            if let Some(conversation) = page.first().and_then(|row| integer(row.get(2)?)) {
                track.execute((details.get(&conversation), conversation))?;
            }
        }
        transaction.commit()?;
    }
    let time = start.elapsed();
    Ok(Written { messages: messages.len() as u64, time })
}

/// A database with the same schema and settings, and everything that messages refer to.
fn prepare(source: &Connection, to: &Path) -> Result<Connection> {
    let schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'index') \
                  AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%' ORDER BY type DESC";
    let target = Connection::open(to)?;
    target.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA wal_autocheckpoint = 4000;",
    )?;
    for row in rows(source, schema)? {
        if let Some(Value::Text(sql)) = row.first() {
            target.execute_batch(sql)?;
        }
    }
    for table in ["accounts", "people", "conversations", "tracks"] {
        let rows = rows(source, &format!("SELECT * FROM {table}"))?;
        let insert = format!("INSERT INTO {table} VALUES ({})", marks(rows.first().map_or(1, Vec::len)));
        let mut insert = target.prepare(&insert)?;
        for row in &rows {
            insert.execute(params_from_iter(row))?;
        }
    }
    Ok(target)
}

fn rows(source: &Connection, query: &str) -> Result<Vec<Row>> {
    let mut statement = source.prepare(query)?;
    let width = statement.column_count();
    let rows =
        statement.query_map([], |row| (0..width).map(|index| row.get(index)).collect::<rusqlite::Result<Row>>())?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}
