//! SQLite: one writer connection, a few readers, and whole scripts in one call.
//!
//! Each call to this driver crosses to the connection's thread and back, which costs more than a small statement. So a
//! script is sent as one text: its first part begins the transaction, its last commits it. A transaction that was
//! dropped half-way is rolled back before anybody writes again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, Decode, Either, Executor, Row as _, Sqlite};
use sqlx::{SqliteConnection, TypeInfo, ValueRef};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::dialect::Dialect;
use super::failure::store_error;
use super::migrate;
use super::statement::{Kind, Outcome, Row, Statement, Value, sql};
use super::{StoreError, StoreResult};

/// Connections that only read.
const READERS: u32 = 3;
/// How long a statement waits for another program's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reader waits for a free connection.
const READER_WAIT: Duration = Duration::from_secs(10);
/// Statements in one text; longer scripts are sent in parts.
const SCRIPT_MAX: usize = 64;
/// Prepared texts kept by the writer.
const PREPARED_MAX: usize = 64;
/// Pages of the log after which they are written back: four times SQLite's own, because index pages are written over
/// and over during an import.
const CHECKPOINT_PAGES: &str = "4000";
/// Size to which the log is cut after it was written back, in bytes.
const LOG_SIZE_LIMIT: &str = "67108864";
/// Oldest SQLite without the WAL-reset bug, which could damage a file with two connections.
const SQLITE_OLDEST: [u32; 3] = [3, 51, 3];

/// Where the one writer connection lives.
#[derive(Default)]
struct Writer {
    connection: Option<SqliteConnection>,
    /// Whether a transaction may be open that nobody holds any more.
    is_open: bool,
    is_closed: bool,
}

/// A SQLite database.
pub(super) struct SqliteDialect {
    writer: Arc<Mutex<Writer>>,
    options: SqliteConnectOptions,
    /// `None` for a database in memory, which only its one connection sees.
    readers: Option<SqlitePool>,
    path: Option<PathBuf>,
}

/// A write transaction: the only holder of the writer connection. It begins with its first script.
pub(super) struct SqliteTx {
    writer: OwnedMutexGuard<Writer>,
    has_begun: bool,
}

impl SqliteDialect {
    /// Opens the file at this path, or a private database in memory.
    pub(super) async fn open(path: Option<PathBuf>, pages_max: Option<u32>) -> StoreResult<Self> {
        let options = match &path {
            Some(path) => SqliteConnectOptions::new().filename(path),
            None => SqliteConnectOptions::new().in_memory(true),
        };
        let options = options
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("trusted_schema", "OFF")
            .statement_cache_capacity(PREPARED_MAX)
            .disable_statement_logging();
        let readers = path.is_some().then(|| {
            SqlitePoolOptions::new()
                .max_connections(READERS)
                .acquire_timeout(READER_WAIT)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(options.clone().read_only(true))
        });
        let options = match &path {
            Some(_) => options
                .journal_mode(SqliteJournalMode::Wal)
                .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
                .pragma("journal_size_limit", LOG_SIZE_LIMIT),
            None => options,
        };
        let options = match pages_max {
            Some(pages) => options.pragma("max_page_count", pages.to_string()),
            None => options,
        };
        let dialect = Self { writer: Arc::default(), options, readers, path };
        dialect.check_version().await?;
        Ok(dialect)
    }

    async fn check_version(&self) -> StoreResult<()> {
        let found = self.version().await?;
        let numbers: Vec<u32> = found.split('.').filter_map(|part| part.parse().ok()).collect();
        if numbers.as_slice() < SQLITE_OLDEST.as_slice() {
            return Err(StoreError::Unavailable(format!(
                "SQLite {found} may damage databases; build with 3.51.3 or newer"
            )));
        }
        Ok(())
    }

    async fn version(&self) -> StoreResult<String> {
        self.ask_writer(sql!("SELECT sqlite_version()")).await?.columns("sqlite").text("version")
    }

    /// The first row of a statement that has one, asked of the writer connection outside of a transaction.
    async fn ask_writer(&self, statement: Statement) -> StoreResult<Row> {
        let mut writer = self.writer().await?;
        let outcomes = writer.send("", vec![statement], "").await.map_err(store_error)?;
        outcomes
            .into_iter()
            .flat_map(|one| one.rows)
            .next()
            .ok_or_else(|| StoreError::Unavailable("SQLite gave no answer".to_owned()))
    }

    async fn writer(&self) -> StoreResult<OwnedMutexGuard<Writer>> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if writer.is_closed {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        if writer.connection.is_none() {
            writer.connection = Some(self.options.connect().await.map_err(store_error)?);
            writer.is_open = false;
        }
        writer.roll_back().await;
        Ok(writer)
    }
}

impl Writer {
    /// Undoes what a dropped transaction has left.
    async fn roll_back(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        if let Some(connection) = &mut self.connection {
            // Refused when the transaction had not begun or was already over; both are fine.
            let _ = connection.execute("ROLLBACK").await;
        }
    }

    async fn send(&mut self, before: &str, script: Vec<Statement>, after: &str) -> Result<Vec<Outcome>, sqlx::Error> {
        let Some(connection) = &mut self.connection else {
            return Err(sqlx::Error::WorkerCrashed);
        };
        let sent = send(connection, before, script, after).await;
        if matches!(sent, Err(sqlx::Error::WorkerCrashed)) {
            self.connection = None;
        }
        sent
    }
}

impl SqliteTx {
    async fn send(&mut self, script: Vec<Statement>, is_last: bool) -> StoreResult<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        let mut script = script.into_iter().peekable();
        loop {
            let part: Vec<Statement> = script.by_ref().take(SCRIPT_MAX).collect();
            let before = if self.has_begun { "" } else { "BEGIN IMMEDIATE;" };
            let after = if is_last && script.peek().is_none() { "COMMIT;" } else { "" };
            self.writer.is_open = true;
            match self.writer.send(before, part, after).await {
                Ok(more) => outcomes.extend(more),
                Err(error) => {
                    self.writer.roll_back().await;
                    return Err(store_error(error));
                }
            }
            self.has_begun = true;
            if script.peek().is_none() {
                break;
            }
        }
        if is_last {
            self.writer.is_open = false;
        }
        Ok(outcomes)
    }
}

#[async_trait]
impl Dialect for SqliteDialect {
    type Tx = SqliteTx;

    // There is one writer: nobody else is about to change anything.
    const LOCKING: &'static str = "";
    const SKIPPING_LOCKED: &'static str = "";

    async fn begin(&self) -> StoreResult<Self::Tx> {
        Ok(SqliteTx { writer: self.writer().await?, has_begun: false })
    }

    async fn run(&self, tx: &mut Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        tx.send(script, false).await
    }

    async fn finish(&self, mut tx: Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        tx.send(script, true).await
    }

    async fn abandon(&self, mut tx: Self::Tx) {
        tx.writer.roll_back().await;
    }

    async fn read(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        match &self.readers {
            Some(readers) => {
                let mut connection = readers.acquire().await.map_err(store_error)?;
                send(&mut connection, "", script, "").await.map_err(store_error)
            }
            None => self.writer().await?.send("", script, "").await.map_err(store_error),
        }
    }

    async fn migrate(&self) -> StoreResult<()> {
        let mut writer = self.writer().await?;
        let Some(connection) = &mut writer.connection else {
            return Err(StoreError::Unavailable("SQLite gave no connection".to_owned()));
        };
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(store_error)?;
        migrate::run(&migrate::sqlite_migrations(), &mut *tx).await?;
        tx.commit().await.map_err(store_error)
    }

    async fn applied(&self) -> StoreResult<Vec<i64>> {
        let mut writer = self.writer().await?;
        let exists = sql!("SELECT COUNT(*) FROM sqlite_schema WHERE name = ?", migrate::TABLE);
        let found = writer.send("", vec![exists], "").await.map_err(store_error)?;
        if migrate::versions(found)?.first() == Some(&0) {
            return Ok(Vec::new());
        }
        let applied = writer.send("", vec![sql!(migrate::APPLIED)], "").await.map_err(store_error)?;
        migrate::versions(applied)
    }

    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>> {
        let version = self.version().await?;
        let check = self.ask_writer(sql!("PRAGMA quick_check(1)")).await?.columns("sqlite").text("quick_check")?;
        let mode = self.ask_writer(sql!("PRAGMA journal_mode")).await?.columns("sqlite").text("journal_mode")?;
        let is_wal = self.path.is_none() || mode == "wal";
        let is_sound = check == "ok";
        let found = if is_sound { "sound" } else { "damaged: restore a backup" };
        let place = self.path.as_ref().map_or("in memory".to_owned(), |path| path.display().to_string());
        Ok(vec![
            ("database".to_owned(), format!("SQLite {version}, {place}"), true),
            ("journal".to_owned(), mode, is_wal),
            ("file".to_owned(), found.to_owned(), is_sound),
        ])
    }

    async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        writer.roll_back().await;
        writer.is_closed = true;
        if let Some(connection) = writer.connection.take() {
            // Nothing can be done about a failed close; what was committed is on disk.
            let _ = connection.close().await;
        }
    }
}

/// Sends statements as one text; the parts around them give no outcome.
async fn send(
    connection: &mut SqliteConnection,
    before: &str,
    script: Vec<Statement>,
    after: &str,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let length = script.iter().map(|one| one.text.len() + 1).sum::<usize>();
    let mut text = String::with_capacity(before.len() + length + after.len());
    text.push_str(before);
    let count = script.len();
    let mut arguments = SqliteArguments::default();
    for statement in script {
        text.push_str(&statement.text);
        text.push(';');
        for value in statement.values {
            match value {
                Value::Null(_) => arguments.add(None::<i64>),
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Blob(value) => arguments.add(value),
            }
            .map_err(sqlx::Error::Encode)?;
        }
    }
    text.push_str(after);
    let mut outcomes = Vec::with_capacity(count + 2);
    let mut rows = Vec::new();
    let mut steps = connection.fetch_many(sqlx::query_with(AssertSqlSafe(text), arguments));
    while let Some(step) = steps.try_next().await? {
        match step {
            Either::Left(done) => {
                outcomes.push(Outcome { rows: std::mem::take(&mut rows), affected: done.rows_affected() });
            }
            Either::Right(row) => rows.push(row_of(&row)?),
        }
    }
    if !before.is_empty() {
        outcomes.remove(0);
    }
    outcomes.truncate(count);
    Ok(outcomes)
}

fn row_of(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let mut values = Vec::with_capacity(row.len());
    for position in 0..row.len() {
        let raw = row.try_get_raw(position)?;
        let kind = raw.type_info().name().to_owned();
        values.push(match kind.as_str() {
            _ if raw.is_null() => Value::Null(Kind::Text),
            "INTEGER" => Value::Int(decoded::<i64>(raw)?),
            "TEXT" => Value::Text(decoded::<String>(raw)?),
            "BLOB" => Value::Blob(decoded::<Vec<u8>>(raw)?),
            _ => return Err(sqlx::Error::Decode("a column has an unexpected type".into())),
        });
    }
    Ok(Row(values))
}

fn decoded<'r, T: Decode<'r, Sqlite>>(raw: <Sqlite as sqlx::Database>::ValueRef<'r>) -> Result<T, sqlx::Error> {
    T::decode(raw).map_err(|_| sqlx::Error::Decode("a column cannot be decoded".into()))
}
