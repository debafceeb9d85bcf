//! The one write of a sync, and what it starts from.
//!
//! A worker that has lost its lease is told so before it asks anybody anything.

use async_trait::async_trait;

use super::commit::due;
use super::dialect::Dialect;
use super::rows::{self, ACCOUNT};
use super::statement::sql;
use super::{Commit, Committed, Lease, Ledger, SqlStore, StoreError, StoreResult, WorkState};

#[async_trait]
impl<D: Dialect> Ledger for SqlStore<D> {
    async fn work_state(&self, lease: &Lease) -> StoreResult<WorkState> {
        let text = format!(
            "SELECT a.pk, {ACCOUNT} FROM accounts a JOIN jobs j ON j.account_pk = a.pk \
             WHERE a.id = ? AND j.id = ? AND j.epoch = ? AND j.state = 'running'"
        );
        let row = self.row(sql!(text, &lease.account, lease.job, lease.epoch)).await?.ok_or(StoreError::LeaseLost)?;
        let mut row = row.columns("accounts");
        let pk = row.int("pk")?;
        let account = rows::account(&mut row)?;
        let due = match self.row(due(pk)).await? {
            Some(row) => {
                let mut row = row.columns("tracks");
                let conversation = row.id("conversation_id")?;
                Some(rows::track(&mut row, conversation)?)
            }
            None => None,
        };
        Ok(WorkState { account, due })
    }

    async fn commit(&self, commit: &Commit<'_>) -> StoreResult<Committed> {
        self.commit_step(commit).await
    }
}
