//! The denominator: the rows of a run by prepared statements, and nothing else.
//!
//! What a page of the pipeline has written is one transaction here as well: its messages, conversations and people, its
//! part of the log, the track, the account's row and the job's. Same schema, same settings, same file system; no
//! parsing, no merging, no reading. Which rows belong to which page is worked out before the clock starts.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};

type Row = Vec<Value>;

/// Tables in the order in which a page fills them, each with the key by which a second write finds its row; the log's
/// rows are written once.
const TABLES: [(&str, &str); 7] = [
    ("people", "account_pk, id"),
    ("conversations", "pk"),
    ("conversation_categories", "conversation_pk, category"),
    ("conversation_people", "conversation_pk, person_id"),
    ("messages", "account_pk, id"),
    ("events", ""),
    ("tracks", "conversation_pk"),
];

/// What one page wrote: rows of each of the [`TABLES`].
#[derive(Default)]
struct Page<'a>([Vec<&'a Row>; TABLES.len()]);

/// Writes the rows of one database into a new one; `events` are the numbers of events of the pages.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub fn write(from: &Path, to: &Path, events: &[u64]) -> Result<Duration> {
    let source = Connection::open(from)?;
    let kept = Kept::read(&source)?;
    let pages = kept.pages(events);
    let account = rows(
        &source,
        "SELECT inbox, next_request_at, event_seq, conversation_seq, message_count, \
         oldest_message_at, pk FROM accounts",
    )?;
    let job = rows(&source, "SELECT due_at, progress, id FROM jobs")?;
    let (mut target, inserts) = prepare(&source, to)?;
    let start = Instant::now();
    for page in &pages {
        let transaction = target.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (rows, insert) in page.0.iter().zip(&inserts) {
            put(&transaction, insert, rows.iter().copied())?;
        }
        put(
            &transaction,
            "UPDATE accounts SET inbox = ?, next_request_at = ?, event_seq = ?, conversation_seq = ?, \
             message_count = ?, oldest_message_at = ? WHERE pk = ?",
            account.iter(),
        )?;
        put(&transaction, "UPDATE jobs SET due_at = ?, progress = ? WHERE id = ?", job.iter())?;
        transaction.commit()?;
    }
    Ok(start.elapsed())
}

fn put<'a>(transaction: &Transaction<'_>, text: &str, rows: impl Iterator<Item = &'a Row>) -> Result<()> {
    let mut statement = transaction.prepare_cached(text)?;
    for row in rows {
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

/// All that the pipeline has written, by the ids under which the log names it.
struct Kept {
    events: Vec<Row>,
    messages: HashMap<String, Row>,
    conversations: HashMap<String, Row>,
    people: HashMap<String, Row>,
    /// By the conversation's key.
    categories: HashMap<i64, Vec<Row>>,
    participants: HashMap<i64, Vec<Row>>,
    tracks: HashMap<i64, Row>,
}

impl Kept {
    fn read(source: &Connection) -> Result<Self> {
        let by_text = |table: &str, column: usize| -> Result<HashMap<String, Row>> {
            let rows = rows(source, &format!("SELECT * FROM {table}"))?.into_iter();
            Ok(rows.map(|row| (text(row.get(column)), row)).collect())
        };
        let of_conversation = |table: &str| -> Result<HashMap<i64, Vec<Row>>> {
            let mut all: HashMap<i64, Vec<Row>> = HashMap::new();
            for row in rows(source, &format!("SELECT * FROM {table}"))? {
                all.entry(integer(row.first())).or_default().push(row);
            }
            Ok(all)
        };
        let tracks = rows(source, "SELECT * FROM tracks")?;
        Ok(Self {
            events: rows(source, "SELECT * FROM events ORDER BY seq")?,
            messages: by_text("messages", 1)?,
            conversations: by_text("conversations", 2)?,
            people: by_text("people", 1)?,
            categories: of_conversation("conversation_categories")?,
            participants: of_conversation("conversation_people")?,
            tracks: tracks.into_iter().map(|row| (integer(row.first()), row)).collect(),
        })
    }

    /// The log says which page wrote what.
    fn pages(&self, events: &[u64]) -> Vec<Page<'_>> {
        let mut log = self.events.iter();
        let mut written = HashSet::new();
        let count = |events: &u64| usize::try_from(*events).unwrap_or(usize::MAX);
        events.iter().map(|events| self.page(log.by_ref().take(count(events)), &mut written)).collect()
    }

    fn page<'a>(&'a self, told: impl Iterator<Item = &'a Row>, written: &mut HashSet<&'a str>) -> Page<'a> {
        let mut page = Page::default();
        let [people, conversations, categories, participants, messages, events, tracks] = &mut page.0;
        let mut tracked = Vec::new();
        for event in told {
            events.push(event);
            let object = text(event.get(4));
            if let Some(message) = self.messages.get(&object) {
                messages.push(message);
                tracked.push(integer(message.get(2)));
            } else if let Some(conversation) = self.conversations.get(&object) {
                conversations.push(conversation);
                let pk = integer(conversation.first());
                tracked.push(pk);
                categories.extend(self.categories.get(&pk).into_iter().flatten());
                for participant in self.participants.get(&pk).into_iter().flatten() {
                    participants.push(participant);
                    let person = self.people.get_key_value(&text(participant.get(1)));
                    people.extend(person.filter(|(id, _)| written.insert(id.as_str())).map(|(_, row)| row));
                }
            }
        }
        tracked.dedup();
        tracks.extend(tracked.iter().filter_map(|pk| self.tracks.get(pk)));
        page
    }
}

/// A database with the same schema and settings, the account and its job; and the statements that fill the tables.
fn prepare(source: &Connection, to: &Path) -> Result<(Connection, Vec<String>)> {
    let schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'index') \
                  AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%' AND name NOT GLOB 'search_*' \
                  ORDER BY type DESC";
    let target = Connection::open(to)?;
    target.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA wal_autocheckpoint = 4000;",
    )?;
    for row in rows(source, schema)? {
        target.execute_batch(&text(row.first()))?;
    }
    for table in ["accounts", "jobs"] {
        let insert = format!("INSERT INTO {table} VALUES ({})", marks(columns(source, table)?.len()));
        for row in &rows(source, &format!("SELECT * FROM {table}"))? {
            target.execute(&insert, params_from_iter(row))?;
        }
    }
    let mut inserts = Vec::new();
    for (table, key) in TABLES {
        let columns = columns(source, table)?;
        let others = columns.iter().filter(|column| !key.split(", ").any(|part| part == *column));
        let sets: Vec<String> = others.map(|column| format!("{column} = excluded.{column}")).collect();
        let tail = match (key, sets.as_slice()) {
            ("", _) => String::new(),
            (_, []) => format!("ON CONFLICT ({key}) DO NOTHING"),
            _ => format!("ON CONFLICT ({key}) DO UPDATE SET {}", sets.join(", ")),
        };
        inserts.push(format!("INSERT INTO {table} VALUES ({}) {tail}", marks(columns.len())));
    }
    Ok((target, inserts))
}

fn columns(source: &Connection, table: &str) -> Result<Vec<String>> {
    let names = rows(source, &format!("SELECT name FROM pragma_table_info('{table}')"))?;
    Ok(names.iter().map(|row| text(row.first())).collect())
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

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn integer(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::Integer(number)) => *number,
        _ => 0,
    }
}
