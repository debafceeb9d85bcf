//! The door by which a simulation stands at every durable effect of the store.
//!
//! Compiled only for `crates/seeds`; no build of the program has it. The store above it is the whole real one. What a
//! [`Seam`] does with an effect (fail it, let others act, never return) is its own affair.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use threadkeep_core::time::Timestamp;

use super::dialect::{DatabaseState, Dialect, SearchForm};
use super::look::Viewer;
use super::open::create_file;
use super::postgres::PostgresDialect;
use super::sqlite::{DirectDialect, SqliteDialect};
use super::statement::{Outcome, Statement, Value};
use super::{OpenOptions, SharedStore, SqlStore, StoreResult};

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
    /// With the statements that empty it.
    Memory(Arc<DirectDialect>, Vec<String>),
    /// Each process has connections and threads of its own; these are for whoever looks behind their backs.
    File(PathBuf, Arc<SqliteDialect>, Vec<String>),
    Postgres(Arc<PostgresDialect>),
}

const TABLES_OF_SQLITE: &str = "SELECT t.name, f.\"table\" FROM sqlite_schema t \
     LEFT JOIN pragma_foreign_key_list(t.name) f ON f.\"table\" <> t.name \
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations' \
     AND t.name NOT LIKE 'search_index%' ORDER BY t.name";
/// The tables of an index are the index's own.
const EMPTY_INDEX: &str = "INSERT INTO search_index (search_index) VALUES ('delete-all')";
const TABLES_OF_POSTGRES: &str = "SELECT table_name::text FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations' \
     ORDER BY table_name";

impl Ground {
    /// SQLite in memory, with the newest schema.
    pub async fn memory() -> StoreResult<Self> {
        let dialect = DirectDialect::open()?;
        dialect.migrate().await?;
        let emptying = emptying(&dialect).await?;
        Ok(Self(Kind::Memory(Arc::new(dialect), emptying)))
    }

    /// A SQLite file, with the newest schema.
    pub async fn file(path: PathBuf) -> StoreResult<Self> {
        create_file(&path)?;
        let dialect = SqliteDialect::open(Some(path.clone()), OpenOptions::default())?;
        dialect.migrate().await?;
        let emptying = emptying(&dialect).await?;
        Ok(Self(Kind::File(path, Arc::new(dialect), emptying)))
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
            Kind::Memory(inner, _) => opened(Seamed { inner: Arc::clone(inner), seam }).await,
            Kind::File(path, ..) => {
                let inner = Arc::new(SqliteDialect::open(Some(path.clone()), OpenOptions::default())?);
                opened(Seamed { inner, seam }).await
            }
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

    /// A number that goes up whenever a row is written, where it is known: as long as it stays, there is nothing new.
    pub fn rows_written(&self) -> Option<i64> {
        match &self.0 {
            Kind::Memory(inner, _) => inner.state().map(|state| state.0),
            Kind::File(..) | Kind::Postgres(_) => None,
        }
    }

    /// Empties every table, so that the next simulation finds a new database.
    pub async fn clear(&self) -> StoreResult<()> {
        match &self.0 {
            Kind::Memory(inner, emptying) => empty(inner.as_ref(), emptying).await,
            Kind::File(_, inner, emptying) => empty(inner.as_ref(), emptying).await,
            Kind::Postgres(inner) => {
                let rows = self.ask(TABLES_OF_POSTGRES, &[]).await?;
                let names = rows.into_iter().flatten().filter_map(|cell| match cell {
                    Cell::Text(name) => Some(name),
                    _ => None,
                });
                let names = names.collect::<Vec<_>>().join(", ");
                let text = format!("TRUNCATE {names} RESTART IDENTITY CASCADE");
                inner.finish(inner.begin().await?, vec![Statement::new(text, Vec::new())]).await.map(drop)
            }
        }
    }

    async fn send(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        match &self.0 {
            Kind::Memory(inner, _) => inner.read(script).await,
            Kind::File(_, inner, _) => inner.read(script).await,
            Kind::Postgres(inner) => inner.read(script).await,
        }
    }
}

async fn empty<D: Dialect>(dialect: &D, emptying: &[String]) -> StoreResult<()> {
    let script = emptying.iter().map(|text| Statement::new(text.clone(), Vec::new())).collect();
    dialect.finish(dialect.begin().await?, script).await.map(drop)
}

/// Statements that empty all tables of a SQLite database.
async fn emptying<D: Dialect>(dialect: &D) -> StoreResult<Vec<String>> {
    let outcomes = dialect.read(vec![Statement::new(TABLES_OF_SQLITE, Vec::new())]).await?;
    let rows = outcomes.into_iter().flat_map(|one| one.rows);
    Ok(in_order(rows.map(|row| row.0.into_iter().map(text).collect()).collect()))
}

/// No table before those that refer to it. A pragma that puts the checks of references off would do with any order, and
/// would have every statement prepared anew for each simulation.
fn in_order(references: Vec<Vec<String>>) -> Vec<String> {
    let mut left: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in references {
        let mut names = row.into_iter();
        let referred = left.entry(names.next().unwrap_or_default()).or_default();
        referred.extend(names.filter(|name| !name.is_empty()));
    }
    let mut texts = Vec::new();
    while !left.is_empty() {
        let referred: BTreeSet<String> = left.values().flatten().cloned().collect();
        let free = left.keys().find(|name| !referred.contains(*name)).or(left.keys().next()).cloned();
        left.remove(&free.clone().unwrap_or_default());
        texts.extend(free.map(|name| format!("DELETE FROM {name}")));
    }
    texts.extend(["DELETE FROM sqlite_sequence", EMPTY_INDEX].map(str::to_owned));
    texts
}

fn text(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        _ => String::new(),
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
    const HAS_ONE_WRITER: bool = D::HAS_ONE_WRITER;
    const SEARCH: SearchForm = D::SEARCH;

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

    async fn held(&self) -> StoreResult<Self> {
        self.seam.pass(Moment::BeforeRead).await?;
        Ok(Self { inner: Arc::new(self.inner.held().await?), seam: Arc::clone(&self.seam) })
    }

    async fn release(self) {
        if let Some(inner) = Arc::into_inner(self.inner) {
            inner.release().await;
        }
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
