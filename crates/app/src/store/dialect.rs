//! What differs between the two databases, and nothing else: how a transaction begins and ends, how rows are locked,
//! how statements are sent, how the schema is brought up to date.
//!
//! Everything above this trait is written once. A transaction that is dropped without [`Dialect::finish`] must leave
//! nothing behind.

use async_trait::async_trait;
use threadkeep_core::time::Timestamp;

use super::StoreResult;
use super::look::Viewer;
use super::statement::{Outcome, Statement};

/// Tells states of a database apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DatabaseState(pub(super) i64);

/// How a database is handed the words of a message and what to look for among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchForm {
    /// A table of SQLite's FTS5.
    Fts5,
    /// A `tsvector` of PostgreSQL.
    TsVector,
}

/// One of the two databases.
#[async_trait]
pub(super) trait Dialect: Send + Sync + Sized + 'static {
    /// A write transaction.
    type Tx: Send;

    /// Stands after a SELECT whose rows this transaction is going to change.
    const LOCKING: &'static str;
    /// Stands after a SELECT of one row to take that nobody else is about to take.
    const SKIPPING_LOCKED: &'static str;
    /// Whether nobody else can write as long as a transaction that writes is open.
    const HAS_ONE_WRITER: bool;
    /// The form of its index of search.
    const SEARCH: SearchForm;

    /// Begins a write transaction.
    async fn begin(&self) -> StoreResult<Self::Tx>;
    /// Runs statements in it; gives one outcome for each. After an error the transaction is over.
    async fn run(&self, tx: &mut Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>>;
    /// Runs statements in it and commits.
    async fn finish(&self, tx: Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>>;
    /// Undoes it.
    async fn abandon(&self, tx: Self::Tx);
    /// A transaction of two scripts: `then` makes the second one out of the answers to the first, and tells what is
    /// left to do with the answers to the second. Its error undoes the transaction.
    async fn transact<T, F>(&self, first: Vec<Statement>, then: F) -> StoreResult<(Vec<Outcome>, T)>
    where
        T: Send + 'static,
        F: FnOnce(Vec<Outcome>) -> StoreResult<(Vec<Statement>, T)> + Send + 'static;
    /// Runs statements that only read, outside of a transaction.
    async fn read(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>>;
    /// Runs such statements, of a few rows each that a key leads to, at once where that can be done.
    async fn glance(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        self.read(script).await
    }

    /// Runs such statements and shows their rows to somebody where they lie; gives the viewer back.
    async fn show<V: Viewer + 'static>(&self, script: Vec<Statement>, viewer: V) -> StoreResult<V>;
    /// The same database as it is at this moment, for reading alone, however much others write meanwhile. One in memory
    /// has no second reader and is not held.
    async fn held(&self) -> StoreResult<Self>;
    /// Lets go of what [`Dialect::held`] has given; when it is only dropped, that happens by itself a little later.
    async fn release(self);
    /// The state of the database, where it costs next to nothing to tell: as long as it is the same, nobody has committed
    /// anything. `None` where it is not known.
    fn state(&self) -> Option<DatabaseState>;

    /// Brings the schema up to date, one process at a time.
    async fn migrate(&self) -> StoreResult<()>;
    /// The versions of the migrations that were applied.
    async fn applied(&self) -> StoreResult<Vec<i64>>;
    /// What `doctor` looks at in the database itself.
    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>>;
    /// The time of the database's server; `None` where the database has no clock of its own.
    async fn time(&self) -> StoreResult<Option<Timestamp>>;
    /// Closes all connections.
    async fn close(&self);
}
