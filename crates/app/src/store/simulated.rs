//! The door by which a simulation stands at every durable effect of the store.
//!
//! Compiled only for `crates/seeds`; no build of the program has it. The store above it is the whole real one. What a
//! [`Seam`] does with an effect (fail it, let others act, never return) is its own affair.

use std::sync::Arc;

use async_trait::async_trait;
use threadkeep_core::time::Timestamp;

use super::dialect::{DatabaseState, Dialect};
use super::look::Viewer;
use super::postgres::PostgresDialect;
use super::sqlite::DirectDialect;
use super::statement::{Outcome, Statement, Value};
use super::{SharedStore, SqlStore, StoreResult};

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Something is about to be read, outside of a transaction.
    BeforeRead,
    /// A transaction is about to begin.
    BeforeWrite,
    /// A transaction has read, has not written, and goes on.
    Inside,
    /// The transaction is through; its caller does not know yet.
    AfterWrite,
}

/// Stands at every effect.
#[async_trait]
pub trait Seam: Send + Sync {
    /// Lets an effect pass, or fails it. After [`Moment::AfterWrite`] a failure is an outcome that is not known.
    async fn pass(&self, moment: Moment) -> StoreResult<()>;
}

/// A value out of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A database on which several stores work, as several processes would.
pub struct Ground(Kind);

enum Kind {
    Memory(Arc<DirectDialect>),
    Postgres(Arc<PostgresDialect>),
}

const TABLES_OF_SQLITE: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
     AND name <> '_sqlx_migrations' ORDER BY name";
const TABLES_OF_POSTGRES: &str = "SELECT table_name::text FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations' \
     ORDER BY table_name";

impl Ground {
    /// SQLite in memory, with the newest schema.
    pub async fn memory() -> StoreResult<Self> {
        let dialect = DirectDialect::open()?;
        dialect.migrate().await?;
        Ok(Self(Kind::Memory(Arc::new(dialect))))
    }

    /// A PostgreSQL database, with the newest schema.
    pub async fn postgres(url: &str) -> StoreResult<Self> {
        let dialect = PostgresDialect::open(url).await?;
        dialect.migrate().await?;
        Ok(Self(Kind::Postgres(Arc::new(dialect))))
    }

    /// A store as a process that starts would have it.
    pub async fn store(&self, seam: Arc<dyn Seam>) -> StoreResult<SharedStore> {
        match &self.0 {
            Kind::Memory(inner) => opened(Seamed { inner: Arc::clone(inner), seam }).await,
            Kind::Postgres(inner) => opened(Seamed { inner: Arc::clone(inner), seam }).await,
        }
    }

    /// The rows of a reading statement, asked behind every store's back.
    pub async fn ask(&self, text: &str, values: &[i64]) -> StoreResult<Vec<Vec<Cell>>> {
        let values = values.iter().copied().map(Value::from).collect();
        let outcomes = self.send(vec![Statement::new(text.to_owned(), values)]).await?;
        let rows = outcomes.into_iter().flat_map(|one| one.rows);
        Ok(rows.map(|row| row.0.into_iter().map(Cell::from).collect()).collect())
    }

    /// Empties every table, so that the next simulation finds a new database.
    pub async fn clear(&self) -> StoreResult<()> {
        let text = match &self.0 {
            Kind::Memory(_) => TABLES_OF_SQLITE,
            Kind::Postgres(_) => TABLES_OF_POSTGRES,
        };
        let names = self.ask(text, &[]).await?.into_iter().flatten().filter_map(|cell| match cell {
            Cell::Text(name) => Some(name),
            _ => None,
        });
        let texts: Vec<String> = match &self.0 {
            Kind::Memory(_) => std::iter::once("PRAGMA defer_foreign_keys = ON".to_owned())
                .chain(names.map(|name| format!("DELETE FROM {name}")))
                .chain(["DELETE FROM sqlite_sequence".to_owned()])
                .collect(),
            Kind::Postgres(_) => {
                vec![format!("TRUNCATE {} RESTART IDENTITY CASCADE", names.collect::<Vec<_>>().join(", "))]
            }
        };
        let script = texts.into_iter().map(|text| Statement::new(text, Vec::new())).collect();
        match &self.0 {
            Kind::Memory(inner) => inner.finish(inner.begin().await?, script).await.map(drop),
            Kind::Postgres(inner) => inner.finish(inner.begin().await?, script).await.map(drop),
        }
    }

    async fn send(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        match &self.0 {
            Kind::Memory(inner) => inner.read(script).await,
            Kind::Postgres(inner) => inner.read(script).await,
        }
    }
}

async fn opened<D: Dialect>(dialect: D) -> StoreResult<SharedStore> {
    let store = SqlStore::new(dialect);
    store.fill_attachments().await?;
    store.lay_all().await;
    Ok(Arc::new(store))
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null(_) => Self::Null,
            Value::Int(value) => Self::Int(value),
            Value::Text(value) => Self::Text(value),
            Value::Blob(value) => Self::Blob(value),
        }
    }
}

/// A dialect with a seam at every effect.
struct Seamed<D> {
    inner: Arc<D>,
    seam: Arc<dyn Seam>,
}

#[async_trait]
impl<D: Dialect> Dialect for Seamed<D> {
    type Tx = D::Tx;

    const LOCKING: &'static str = D::LOCKING;
    const SKIPPING_LOCKED: &'static str = D::SKIPPING_LOCKED;

    async fn begin(&self) -> StoreResult<Self::Tx> {
        self.seam.pass(Moment::BeforeWrite).await?;
        self.inner.begin().await
    }

    async fn run(&self, tx: &mut Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        let outcomes = self.inner.run(tx, script).await?;
        self.seam.pass(Moment::Inside).await?;
        Ok(outcomes)
    }

    async fn finish(&self, tx: Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        let outcomes = self.inner.finish(tx, script).await?;
        self.seam.pass(Moment::AfterWrite).await?;
        Ok(outcomes)
    }

    async fn abandon(&self, tx: Self::Tx) {
        self.inner.abandon(tx).await;
    }

    async fn transact<T, F>(&self, first: Vec<Statement>, then: F) -> StoreResult<(Vec<Outcome>, T)>
    where
        T: Send + 'static,
        F: FnOnce(Vec<Outcome>) -> StoreResult<(Vec<Statement>, T)> + Send + 'static,
    {
        self.seam.pass(Moment::BeforeWrite).await?;
        let done = self.inner.transact(first, then).await?;
        self.seam.pass(Moment::AfterWrite).await?;
        Ok(done)
    }

    async fn read(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        self.seam.pass(Moment::BeforeRead).await?;
        self.inner.read(script).await
    }

    async fn show<V: Viewer + 'static>(&self, script: Vec<Statement>, viewer: V) -> StoreResult<V> {
        self.seam.pass(Moment::BeforeRead).await?;
        self.inner.show(script, viewer).await
    }

    fn state(&self) -> Option<DatabaseState> {
        self.inner.state()
    }

    async fn migrate(&self) -> StoreResult<()> {
        self.inner.migrate().await
    }

    async fn applied(&self) -> StoreResult<Vec<i64>> {
        self.inner.applied().await
    }

    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>> {
        self.inner.examine().await
    }

    /// The database goes on without this store.
    async fn time(&self) -> StoreResult<Option<Timestamp>> {
        self.inner.time().await
    }

    async fn close(&self) {}
}
