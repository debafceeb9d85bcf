//! PostgreSQL: a pool of connections, one round trip a statement.
//!
//! PostgreSQL cannot keep the character U+0000 in a text; it is written as an escape and read back, so that both
//! databases keep exactly what came. Row locks are taken in the order jobs, accounts.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection as _, Decode, Either, Executor, PgConnection, Postgres,
    Row as _,
};
use sqlx::{Transaction, TypeInfo, ValueRef};
use threadkeep_core::time::Timestamp;
use tokio::sync::Mutex;

use super::dialect::{DatabaseState, Dialect, SearchForm};
use super::failure::store_error;
use super::look::{Look, Viewer};
use super::migrate;
use super::statement::{Kind, Outcome, Row, Statement, Value, sql};
use super::{StoreError, StoreResult};

/// Connections of one process.
const CONNECTIONS_MAX: u32 = 10;
/// How long a caller waits for a free connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);
/// How long a transaction that is held may lie idle: as long as somebody who takes an export may stop to.
const HELD_IDLE: (&str, &str) = ("idle_in_transaction_session_timeout", "900s");
/// How long closing all connections may take.
const CLOSING_MAX: Duration = Duration::from_secs(1);
/// Prepared statements kept by each connection.
const PREPARED_MAX: usize = 128;
/// The oldest major version that the tests are run with.
const TESTED_FROM: u32 = 15;
/// How long a statement waits for a lock, and how long a transaction may lie idle before the server ends it.
const SERVER_OPTIONS: [(&str, &str); 3] =
    [("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s"), ("client_min_messages", "warning")];
/// The server's own time, whatever transaction it is asked in.
const TIME: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
/// Stands before `0` for U+0000 and before `1` for itself; a noncharacter that no text should have.
const ESCAPE: char = '\u{FDD0}';

/// A PostgreSQL database.
pub(super) struct PostgresDialect {
    pool: PgPool,
    /// The one connection that is read from, when the database is held as it was at a moment.
    held: Option<Mutex<PgConnection>>,
}

impl PostgresDialect {
    /// Connects to the database at this address.
    pub(super) async fn open(url: &str) -> StoreResult<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::BadAddress("it is not postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned()))?
            .application_name("threadkeep")
            .options(SERVER_OPTIONS)
            .statement_cache_capacity(PREPARED_MAX)
            .disable_statement_logging();
        // The pool would try again until its time is over, and then tell only that.
        connect(&options).await?.close().await.map_err(store_error)?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECTION_WAIT)
            .connect_with(options)
            .await
            .map_err(store_error)?;
        Ok(Self { pool, held: None })
    }
}

impl PostgresDialect {
    async fn setting(&self, name: &str) -> StoreResult<String> {
        let asked = self.read(vec![sql!("SELECT current_setting(?)", name)]).await?;
        let row = asked.into_iter().flat_map(|one| one.rows).next();
        Ok(row.map(|row| row.columns("postgres").text("setting")).transpose()?.unwrap_or_default())
    }
}

/// One connection beside the pool.
async fn connect(options: &PgConnectOptions) -> StoreResult<PgConnection> {
    let made = tokio::time::timeout(CONNECTION_WAIT, PgConnection::connect_with(options)).await;
    made.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))).map_err(store_error)
}

#[async_trait]
impl Dialect for PostgresDialect {
    type Tx = Transaction<'static, Postgres>;

    const LOCKING: &'static str = " FOR NO KEY UPDATE";
    const SKIPPING_LOCKED: &'static str = " FOR UPDATE SKIP LOCKED";
    const HAS_ONE_WRITER: bool = false;
    const SEARCH: SearchForm = SearchForm::TsVector;

    async fn begin(&self) -> StoreResult<Self::Tx> {
        self.pool.begin().await.map_err(store_error)
    }

    async fn run(&self, tx: &mut Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        send(tx, script).await.map_err(store_error)
    }

    async fn finish(&self, mut tx: Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        let outcomes = send(&mut tx, script).await.map_err(store_error)?;
        tx.commit().await.map_err(store_error)?;
        Ok(outcomes)
    }

    async fn abandon(&self, tx: Self::Tx) {
        // When it fails the connection is broken, and the server undoes the transaction by itself.
        let _ = tx.rollback().await;
    }

    async fn transact<T, F>(&self, first: Vec<Statement>, then: F) -> StoreResult<(Vec<Outcome>, T)>
    where
        T: Send + 'static,
        F: FnOnce(Vec<Outcome>) -> StoreResult<(Vec<Statement>, T)> + Send + 'static,
    {
        let mut tx = self.begin().await?;
        let answers = self.run(&mut tx, first).await?;
        match then(answers) {
            Ok((script, rest)) => Ok((self.finish(tx, script).await?, rest)),
            Err(error) => {
                self.abandon(tx).await;
                Err(error)
            }
        }
    }

    async fn read(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        if let Some(held) = &self.held {
            return send(&mut *held.lock().await, script).await.map_err(store_error);
        }
        let mut connection = self.pool.acquire().await.map_err(store_error)?;
        send(&mut connection, script).await.map_err(store_error)
    }

    async fn show<V: Viewer + 'static>(&self, script: Vec<Statement>, mut viewer: V) -> StoreResult<V> {
        for (statement, outcome) in self.read(script).await?.into_iter().enumerate() {
            for row in outcome.rows {
                viewer.see(statement, &mut Look::at_values(&row.0))?;
            }
        }
        Ok(viewer)
    }

    /// A connection of its own, so that exports that take long leave the pool to others.
    async fn held(&self) -> StoreResult<Self> {
        let options = PgConnectOptions::clone(&self.pool.connect_options()).options([HELD_IDLE]);
        let mut connection = connect(&options).await?;
        // The moment is that of the first read, not that of the beginning.
        let script = vec![sql!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), sql!(TIME)];
        send(&mut connection, script).await.map_err(store_error)?;
        Ok(Self { pool: self.pool.clone(), held: Some(Mutex::new(connection)) })
    }

    async fn release(self) {
        if let Some(held) = self.held {
            // When it fails the connection is broken, and the server ends the transaction by itself.
            let _ = held.into_inner().close().await;
        }
    }

    fn state(&self) -> Option<DatabaseState> {
        // Asking costs as much as reading.
        None
    }

    async fn migrate(&self) -> StoreResult<()> {
        let mut tx = self.pool.begin().await.map_err(store_error)?;
        send(&mut tx, vec![sql!("SELECT pg_advisory_xact_lock(?)", migrate::LOCK_KEY)]).await.map_err(store_error)?;
        migrate::run(&migrate::postgres_migrations(), &mut *tx).await?;
        tx.commit().await.map_err(store_error)
    }

    async fn applied(&self) -> StoreResult<Vec<i64>> {
        let exists = sql!("SELECT COUNT(to_regclass(?))", migrate::TABLE);
        if migrate::versions(self.read(vec![exists]).await?)?.first() == Some(&0) {
            return Ok(Vec::new());
        }
        migrate::versions(self.read(vec![sql!(migrate::APPLIED)]).await?)
    }

    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>> {
        let version = self.setting("server_version").await?;
        let durable = self.setting("synchronous_commit").await?;
        // A standby says so itself, whatever its default is.
        let read_only = self.setting("transaction_read_only").await?;
        let (is_durable, is_writable) = (durable != "off", read_only != "on");
        let writing = if is_writable { "allowed" } else { "not allowed: it only reads" };
        Ok(vec![
            ("server".to_owned(), format!("PostgreSQL {version}"), is_recent(&version)),
            ("synchronous_commit".to_owned(), durable, is_durable),
            ("writing".to_owned(), writing.to_owned(), is_writable),
        ])
    }

    async fn time(&self) -> StoreResult<Option<Timestamp>> {
        let asked = self.read(vec![sql!(TIME)]).await?;
        let row = asked.into_iter().flat_map(|one| one.rows).next();
        row.map(|row| row.columns("postgres").time("clock_timestamp")).transpose()
    }

    async fn close(&self) {
        // Connections to a server that says nothing cannot be closed politely; it undoes what was not committed.
        let _ = tokio::time::timeout(CLOSING_MAX, self.pool.close()).await;
    }
}

async fn send(connection: &mut PgConnection, script: Vec<Statement>) -> Result<Vec<Outcome>, sqlx::Error> {
    let mut outcomes = Vec::with_capacity(script.len());
    for statement in script {
        let mut outcome = Outcome::default();
        for (text, values) in statement.into_parts() {
            send_one(connection, &text, values, &mut outcome).await?;
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

async fn send_one(
    connection: &mut PgConnection,
    text: &str,
    values: Vec<Value>,
    outcome: &mut Outcome,
) -> Result<(), sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Null(Kind::Int) => arguments.add(None::<i64>),
            Value::Null(Kind::Text) => arguments.add(None::<String>),
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(escaped(value)),
            Value::Blob(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    let mut steps = connection.fetch_many(sqlx::query_with(AssertSqlSafe(numbered(text)), arguments));
    while let Some(step) = steps.try_next().await? {
        match step {
            Either::Left(done) => outcome.affected += done.rows_affected(),
            Either::Right(row) => outcome.rows.push(row_of(&row)?),
        }
    }
    Ok(())
}

/// Whether it is a version that threadkeep is tested with, or a later one. What tells none is not judged.
fn is_recent(version: &str) -> bool {
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    major.parse().map_or(true, |major: u32| major >= TESTED_FROM)
}

/// Writes `$1`, `$2`, … for each `?`; no text of this program has one in a literal.
fn numbered(text: &str) -> String {
    let mut written = String::with_capacity(text.len() * 2);
    let mut parts = text.split('?');
    written.push_str(parts.next().unwrap_or_default());
    for (position, part) in parts.enumerate() {
        written.push('$');
        written.push_str(&(position + 1).to_string());
        written.push_str(part);
    }
    written
}

fn escaped(text: String) -> String {
    if !text.contains(['\0', ESCAPE]) {
        return text;
    }
    text.replace(ESCAPE, "\u{FDD0}1").replace('\0', "\u{FDD0}0")
}

fn unescaped(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    text.replace("\u{FDD0}0", "\0").replace("\u{FDD0}1", "\u{FDD0}")
}

fn row_of(row: &PgRow) -> Result<Row, sqlx::Error> {
    let mut values = Vec::with_capacity(row.len());
    for position in 0..row.len() {
        let raw = row.try_get_raw(position)?;
        let kind = raw.type_info().name().to_owned();
        values.push(match kind.as_str() {
            _ if raw.is_null() => Value::Null(Kind::Text),
            "INT8" => Value::Int(decoded::<i64>(raw)?),
            "INT4" => Value::Int(i64::from(decoded::<i32>(raw)?)),
            "TEXT" | "VARCHAR" | "NAME" => Value::Text(unescaped(decoded::<String>(raw)?)),
            "BYTEA" => Value::Blob(decoded::<Vec<u8>>(raw)?),
            // What a function without a result gives.
            "VOID" => Value::Null(Kind::Text),
            _ => return Err(sqlx::Error::Decode("a column has an unexpected type".into())),
        });
    }
    Ok(Row(values))
}

fn decoded<'r, T: Decode<'r, Postgres>>(raw: <Postgres as sqlx::Database>::ValueRef<'r>) -> Result<T, sqlx::Error> {
    T::decode(raw).map_err(|_| sqlx::Error::Decode("a column cannot be decoded".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_nobody_tests_with_is_told_by_its_version() {
        assert!(is_recent("15.8 (Debian 15.8-0+deb12u1)") && is_recent("17beta1") && is_recent("devel"));
        assert!(!is_recent("14.13") && !is_recent("9.6.24"));
    }

    #[test]
    fn placeholders_are_numbered() {
        assert_eq!(numbered("a = ? AND b IN (?,?)"), "a = $1 AND b IN ($2,$3)");
        assert_eq!(numbered("a"), "a");
    }

    #[test]
    fn the_null_character_survives() {
        for text in ["", "plain", "a\0b", "\u{FDD0}0\0", "\0\u{FDD0}\u{FDD0}1"] {
            let kept = escaped(text.to_owned());
            assert!(!kept.contains('\0'));
            assert_eq!(unescaped(kept), text);
        }
    }
}
