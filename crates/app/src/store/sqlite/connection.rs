//! One connection: how it is set up, and how statements are run on it. Runs on the connection's thread alone.
//!
//! Every text is prepared once and kept; rows to insert go one by one through the text for one row, which spares
//! SQLite the journal that a statement of many rows needs.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use crate::store::failure::{refused, sqlite_failure};
use crate::store::look::{Look, Viewer};
use crate::store::statement::{Kind, Outcome, Row, Statement, Value};
use crate::store::{StoreError, StoreResult};

/// How long a statement waits for another program's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared texts kept by each connection.
const PREPARED_MAX: usize = 256;
/// For every connection: an acknowledged commit is on the disk, and a schema that somebody has tampered with can call
/// nothing, and what is removed does not stay in the file.
const PRAGMAS: &str = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
                       PRAGMA secure_delete = ON;";
/// Pages that a connection keeps, in KiB: little, so that memory does not grow with the mailbox. The system's cache holds
/// the rest. Enough for the upper levels of the trees of a large mailbox.
const READER_CACHE_KIB: u32 = 2_000;
/// The same for the one that only asks whether something was written.
const WATCH_CACHE_KIB: u32 = 256;
/// How much of the file is seen through the system's cache, without a copy, by those who read pages; what lies behind it is
/// read page by page. Not by other readers: where the disk is asked, the system reads megabytes around each page of a map
/// that it does not have, and a search asks for pages all over the file.
const PAGE_MAP_BYTES: u64 = 2_000 << 20;
const WRITER_CACHE_KIB: u32 = 1_000;
/// For the writer of a file. The log is written back after four times as many pages as SQLite would by itself, because
/// index pages are written over and over during an import, and is cut to 64 MiB then.
const LOG_PRAGMAS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;";

/// How often a connection asks for the log while others open the same file.
const LOG_TRIES_MAX: usize = 20;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    /// Tells whether something was written, and never waits.
    Watch,
    /// Reads pages, and never waits.
    Page,
}

/// How to make a connection.
#[derive(Clone)]
pub(super) struct Settings {
    /// The file; `None` for a database in memory.
    pub(super) path: Option<PathBuf>,
    pub(super) pages_max: Option<u32>,
    pub(super) access: Access,
}

impl Settings {
    /// Makes the connection.
    pub(super) fn connect(&self) -> rusqlite::Result<Connection> {
        let access = match self.access {
            Access::Read | Access::Watch | Access::Page => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        // One thread uses the connection, so SQLite need not lock it.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match &self.path {
            Some(path) => Connection::open_with_flags(path, flags)?,
            None => Connection::open_in_memory_with_flags(flags | OpenFlags::SQLITE_OPEN_CREATE)?,
        };
        connection.busy_timeout(match self.access {
            Access::Read | Access::Write => BUSY_TIMEOUT,
            Access::Watch | Access::Page => Duration::ZERO,
        })?;
        connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
        // Otherwise SQLite plans many statements anew for each value that is bound, which takes longer than a page does.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(PRAGMAS)?;
        let cache_kib = match self.access {
            Access::Read | Access::Page => READER_CACHE_KIB,
            Access::Watch => WATCH_CACHE_KIB,
            Access::Write => WRITER_CACHE_KIB,
        };
        connection.execute_batch(&format!("PRAGMA cache_size = -{cache_kib}"))?;
        if self.access == Access::Page {
            connection.execute_batch(&format!("PRAGMA mmap_size = {PAGE_MAP_BYTES}"))?;
        }
        if self.access == Access::Write {
            if self.path.is_some() {
                set_up_log(&connection)?;
            }
            if let Some(pages) = self.pages_max {
                connection.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
            }
        }
        Ok(connection)
    }
}

/// Turns the log on. Of several that open a new file at once one does it, and the others are refused without having waited:
/// SQLite does not wait when a reader becomes a writer, as here. They wait as somebody who only writes, and ask again.
fn set_up_log(connection: &Connection) -> rusqlite::Result<()> {
    for _ in 0..LOG_TRIES_MAX {
        match connection.execute_batch(LOG_PRAGMAS) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
            }
            done => return done,
        }
    }
    connection.execute_batch(LOG_PRAGMAS)
}

/// Runs a script of a write transaction; its first script begins the transaction, its last one commits it. After an
/// error the transaction is undone.
pub(super) fn transact(
    connection: &Connection,
    script: Vec<Statement>,
    is_first: bool,
    is_last: bool,
) -> StoreResult<Vec<Outcome>> {
    let done = attempt(connection, script, is_first, is_last);
    if done.is_err() {
        roll_back(connection);
    }
    done
}

fn attempt(
    connection: &Connection,
    script: Vec<Statement>,
    is_first: bool,
    is_last: bool,
) -> StoreResult<Vec<Outcome>> {
    if is_first {
        once(connection, "BEGIN IMMEDIATE")?;
    } else if connection.is_autocommit() {
        return Err(StoreError::Unavailable("the transaction is already over".to_owned()));
    }
    let outcomes = run(connection, &script)?;
    if is_last {
        once(connection, "COMMIT")?;
    }
    Ok(outcomes)
}

/// Undoes the open transaction, if there is one.
pub(super) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // SQLite has undone it already when this is refused.
        let _ = once(connection, "ROLLBACK");
    }
}

/// From here on the connection sees the database as it is now.
pub(super) fn hold(connection: &Connection) -> StoreResult<()> {
    once(connection, "BEGIN")?;
    // The moment is that of the first read, not that of the beginning.
    run(connection, &[Statement::new("SELECT COUNT(*) FROM sqlite_schema", Vec::new())]).map(drop)
}

fn once(connection: &Connection, text: &'static str) -> StoreResult<()> {
    let done = connection.prepare_cached(text).and_then(|mut prepared| prepared.execute([]));
    done.map(|_| ()).map_err(|error| sqlite_failure(&error))
}

/// Runs statements; gives one outcome for each.
pub(super) fn run(connection: &Connection, script: &[Statement]) -> StoreResult<Vec<Outcome>> {
    script.iter().map(|statement| run_one(connection, statement)).collect()
}

fn run_one(connection: &Connection, statement: &Statement) -> StoreResult<Outcome> {
    let failed = |error| sqlite_failure(&error);
    let mut prepared = connection.prepare_cached(&statement.of_rows(1)).map_err(failed)?;
    let columns = prepared.column_count();
    let is_reading = prepared.readonly();
    let width = prepared.parameter_count();
    let mut outcome = Outcome::default();
    for values in statement.rounds() {
        if values.len() != width {
            return Err(refused("a statement has another number of values than of places"));
        }
        for (position, value) in values.iter().enumerate() {
            prepared.raw_bind_parameter(position + 1, value).map_err(failed)?;
        }
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            outcome.rows.push(row_of(row, columns)?);
        }
        if !is_reading {
            outcome.affected += connection.changes();
        }
    }
    Ok(outcome)
}

/// Runs statements and shows their rows to somebody where they lie. All of them see the database as it is at the first
/// one; besides, locks are taken once and not for each.
pub(super) fn show(connection: &Connection, script: &[Statement], viewer: &mut impl Viewer) -> StoreResult<()> {
    once(connection, "BEGIN")?;
    let shown = show_each(connection, script, viewer).and_then(|()| once(connection, "COMMIT"));
    roll_back(connection);
    shown
}

fn show_each(connection: &Connection, script: &[Statement], viewer: &mut impl Viewer) -> StoreResult<()> {
    let failed = |error| sqlite_failure(&error);
    for (number, statement) in script.iter().enumerate() {
        let mut prepared = connection.prepare_cached(&statement.text).map_err(failed)?;
        if statement.values.len() != prepared.parameter_count() {
            return Err(refused("a statement has another number of values than of places"));
        }
        for (position, value) in statement.values.iter().enumerate() {
            prepared.raw_bind_parameter(position + 1, value).map_err(failed)?;
        }
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            viewer.see(number, &mut Look::at_sqlite(row))?;
        }
    }
    Ok(())
}

fn row_of(row: &rusqlite::Row<'_>, columns: usize) -> StoreResult<Row> {
    let mut values = Vec::with_capacity(columns);
    for position in 0..columns {
        values.push(match row.get_ref(position).map_err(|error| sqlite_failure(&error))? {
            ValueRef::Null => Value::Null(Kind::Text),
            ValueRef::Integer(value) => Value::Int(value),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(_) => return Err(refused("a text is not UTF-8")),
            },
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            ValueRef::Real(_) => return Err(refused("a column has an unexpected type")),
        });
    }
    Ok(Row(values))
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null(_) => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    /// Whether somebody waits for the one who writes.
    static HAS_WAITED: AtomicBool = AtomicBool::new(false);

    #[test]
    fn who_turns_the_log_on_waits_for_who_makes_the_schema() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fresh.db");
        let first = Connection::open(&path).unwrap();
        first.execute_batch("BEGIN IMMEDIATE; CREATE TABLE t (a)").unwrap();
        let second = Connection::open(&path).unwrap();
        let asked = |_| {
            HAS_WAITED.store(true, Ordering::Release);
            true
        };
        second.busy_handler(Some(asked)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while !HAS_WAITED.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                first.execute_batch("COMMIT").unwrap();
            });
            let done = set_up_log(&second);
            // Whatever came of it, the other one ends.
            HAS_WAITED.store(true, Ordering::Release);
            done.unwrap();
        });
        let mode: String = second.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    use crate::store::statement::{insert_rows, sql};

    fn memory() -> Connection {
        let connection = Settings { path: None, pages_max: None, access: Access::Write }.connect().unwrap();
        connection.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT").unwrap();
        connection
    }

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn rows_are_inserted_one_by_one_and_counted_together() {
        let connection = memory();
        let mut script = Vec::new();
        let values = (0..7i64).flat_map(|n| [Value::from(n), Value::from("x\0y")]).collect();
        insert_rows(&mut script, "INSERT INTO t (a, b) VALUES", "ON CONFLICT (a) DO NOTHING", 2, values);
        script.push(sql!("SELECT b FROM t WHERE a = ?", 6i64));
        let outcomes = transact(&connection, script, true, true).unwrap();
        assert_eq!(outcomes.iter().map(|one| one.affected).collect::<Vec<_>>(), [7, 0]);
        assert!(outcomes[1].rows[0].0[0] == Value::from("x\0y"));
        assert!(connection.is_autocommit());
    }

    #[test]
    fn an_error_undoes_the_transaction_and_ends_it() {
        let connection = memory();
        let one = || sql!("INSERT INTO t (a, b) VALUES (?, ?)", 1i64, "x");
        transact(&connection, vec![one()], true, false).unwrap();
        assert!(matches!(transact(&connection, vec![one()], false, true), Err(StoreError::Corrupt { .. })));
        assert!(matches!(transact(&connection, vec![one()], false, true), Err(StoreError::Unavailable(_))));
        assert_eq!(count(&connection), 0);
    }

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound() {
        let connection = memory();
        connection.execute_batch("CREATE INDEX few ON t (b, a) WHERE a > 0").unwrap();
        let text = "SELECT a FROM t WHERE a > 0 AND (b, a) < (?, ?) ORDER BY b DESC, a DESC LIMIT ?";
        for limit in 1..5i64 {
            run(&connection, &[sql!(text, "x", 7i64, limit)]).unwrap();
        }
        let prepared = connection.prepare_cached(text).unwrap();
        assert_eq!(prepared.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn a_missing_value_is_refused() {
        let connection = memory();
        let lacking = Statement::new("INSERT INTO t (a, b) VALUES (?, ?)", vec![Value::from(1i64)]);
        assert!(matches!(run(&connection, &[lacking]), Err(StoreError::Corrupt { .. })));
        assert_eq!(count(&connection), 0);
    }
}
