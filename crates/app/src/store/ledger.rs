//! The one write of a sync, what it starts from, and the page of the completeness ledger.
//!
//! A worker that has lost its lease is told so before it asks anybody anything.

use async_trait::async_trait;
use threadkeep_core::id::{AccountId, ConversationId};

use super::commit::due;
use super::dialect::Dialect;
use super::rows::{self, ACCOUNT, TRACK};
use super::statement::{Row, sql};
use super::verify::{VERDICT, verdict};
use super::{Commit, Committed, Lease, Ledger, LedgerFilter, Ledgered, SqlStore, StoreError, StoreResult, WorkState};

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

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn ledger_page(
        &self,
        account: &AccountId,
        filter: &LedgerFilter,
        limit: u32,
    ) -> StoreResult<Vec<Ledgered>> {
        let mut text = format!(
            "SELECT c.id, {TRACK}, c.is_deleted, c.newest_at, \
             (SELECT COUNT(*) FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0), \
             (SELECT MIN(m.delivered_at) FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0), \
             COALESCE(o.odd, 0), {VERDICT} FROM conversations c JOIN tracks t ON t.conversation_pk = c.pk \
             LEFT JOIN verdicts v ON v.account_pk = c.account_pk AND v.conversation_id = c.id \
             LEFT JOIN (SELECT d.account_pk, d.conversation_id, COUNT(*) AS odd FROM oddities d \
             GROUP BY d.account_pk, d.conversation_id) o ON o.account_pk = c.account_pk AND o.conversation_id = c.id \
             WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id > ?"
        );
        if filter.incomplete {
            text.push_str(" AND c.is_deleted = 0 AND t.completeness NOT IN ('complete', 'out_of_scope')");
        }
        if filter.with_drift {
            text.push_str(" AND v.listed_drift + v.read_drift > 0");
        }
        text.push_str(" ORDER BY c.id LIMIT ?");
        let after = filter.after.as_ref().map_or("", ConversationId::as_str);
        let rows = self.rows(sql!(text, account, after, limit)).await?;
        let read = |row: Row| {
            let mut row = row.columns("tracks");
            let conversation: ConversationId = row.id("conversation_id")?;
            Ok(Ledgered {
                track: rows::track(&mut row, conversation.clone())?,
                is_deleted: row.flag("is_deleted")?,
                newest_at: row.time_or_null("newest_at")?,
                messages: row.count("messages")?,
                oldest_at: row.time_or_null("oldest_at")?,
                oddities: row.count("oddities")?,
                verdict: verdict(&mut row, conversation)?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}
