//! The one store over both databases: a dialect and the statements of the topic files.
//!
//! Which methods need a transaction of two scripts is decided there; everything else is one script.

use super::StoreResult;
use super::dialect::Dialect;
use super::known::Known;
use super::statement::{Outcome, Row, Statement};

/// A store on one of the two databases.
pub(super) struct SqlStore<D> {
    pub(super) db: D,
    pub(super) known: Known,
}

impl<D: Dialect> SqlStore<D> {
    /// A store on an open database whose schema is up to date.
    pub(super) fn new(db: D) -> Self {
        Self { db, known: Known::default() }
    }

    /// One script as one transaction.
    pub(super) async fn write(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        let tx = self.db.begin().await?;
        self.db.finish(tx, script).await
    }

    /// One statement as one transaction; gives the number of rows it changed.
    pub(super) async fn write_one(&self, statement: Statement) -> StoreResult<u64> {
        let outcomes = self.write(vec![statement]).await?;
        Ok(outcomes.first().map_or(0, |one| one.affected))
    }

    /// The rows of one reading statement.
    pub(super) async fn rows(&self, statement: Statement) -> StoreResult<Vec<Row>> {
        let outcomes = self.db.read(vec![statement]).await?;
        Ok(outcomes.into_iter().flat_map(|one| one.rows).collect())
    }

    /// The first row of one reading statement.
    pub(super) async fn row(&self, statement: Statement) -> StoreResult<Option<Row>> {
        Ok(self.rows(statement).await?.into_iter().next())
    }
}
