//! One connection used where it is asked, for a simulation in which everything happens in one order.
//!
//! Compiled only for `crates/seeds`. Statements and transactions are run by the same code as on the threads; only the way
//! to a thread is left out. Nobody else may ask while a transaction is open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;
use threadkeep_core::time::Timestamp;

use super::connection::{self, Access, Settings, run, show, transact};
use super::schema;
use crate::store::dialect::{DatabaseState, Dialect, SearchForm};
use crate::store::failure::sqlite_failure;
use crate::store::look::Viewer;
use crate::store::statement::{Outcome, Statement};
use crate::store::{StoreError, StoreResult};

/// A private database in memory.
#[derive(Clone)]
pub(in crate::store) struct DirectDialect {
    connection: Arc<Mutex<Connection>>,
}

/// A write transaction; it begins with its first script and is undone when it is dropped.
pub(in crate::store) struct DirectTx {
    connection: Arc<Mutex<Connection>>,
    is_begun: bool,
}

impl DirectDialect {
    /// Opens a database.
    pub(in crate::store) fn open() -> StoreResult<Self> {
        let settings = Settings { path: None, pages_max: None, access: Access::Write };
        let connection = settings.connect().map_err(|error| sqlite_failure(&error))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    fn own(&self) -> MutexGuard<'_, Connection> {
        owned(&self.connection)
    }
}

fn owned(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DirectTx {
    fn send(&mut self, script: Vec<Statement>, is_last: bool) -> StoreResult<Vec<Outcome>> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        transact(&owned(&self.connection), script, is_first, is_last)
    }
}

impl Drop for DirectTx {
    fn drop(&mut self) {
        if self.is_begun {
            connection::roll_back(&owned(&self.connection));
        }
    }
}

#[async_trait]
impl Dialect for DirectDialect {
    type Tx = DirectTx;

    const LOCKING: &'static str = "";
    const SKIPPING_LOCKED: &'static str = "";
    const HAS_ONE_WRITER: bool = true;
    const SEARCH: SearchForm = SearchForm::Fts5;

    async fn begin(&self) -> StoreResult<Self::Tx> {
        match self.own().is_autocommit() {
            true => Ok(DirectTx { connection: Arc::clone(&self.connection), is_begun: false }),
            false => Err(StoreError::Unavailable("a transaction is open".to_owned())),
        }
    }

    async fn run(&self, tx: &mut Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        tx.send(script, false)
    }

    async fn finish(&self, mut tx: Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        tx.send(script, true)
    }

    async fn abandon(&self, tx: Self::Tx) {
        drop(tx);
    }

    async fn transact<T, F>(&self, first: Vec<Statement>, then: F) -> StoreResult<(Vec<Outcome>, T)>
    where
        T: Send + 'static,
        F: FnOnce(Vec<Outcome>) -> StoreResult<(Vec<Statement>, T)> + Send + 'static,
    {
        let connection = self.own();
        let answers = transact(&connection, first, true, false)?;
        let (script, rest) = then(answers).inspect_err(|_| connection::roll_back(&connection))?;
        Ok((transact(&connection, script, false, true)?, rest))
    }

    async fn read(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        run(&self.own(), &script)
    }

    async fn show<V: Viewer + 'static>(&self, script: Vec<Statement>, mut viewer: V) -> StoreResult<V> {
        show(&self.own(), &script, &mut viewer).map(|()| viewer)
    }

    /// A simulation writes nothing while it reads.
    async fn held(&self) -> StoreResult<Self> {
        Ok(self.clone())
    }

    async fn release(self) {}

    fn state(&self) -> Option<DatabaseState> {
        i64::try_from(self.own().total_changes()).ok().map(DatabaseState)
    }

    async fn migrate(&self) -> StoreResult<()> {
        schema::migrate(&mut self.own())
    }

    async fn applied(&self) -> StoreResult<Vec<i64>> {
        schema::applied(&self.own())
    }

    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>> {
        Ok(Vec::new())
    }

    async fn time(&self) -> StoreResult<Option<Timestamp>> {
        Ok(None)
    }

    async fn close(&self) {}
}
