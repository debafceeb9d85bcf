//! What a verification asks of the store, and what it left there: the run's place, the verdicts, the records that were
//! kept in their raw form.
//!
//! Comparing only reads. What a step of a verification writes goes through the one commit of a sync.

use std::collections::HashMap;

use async_trait::async_trait;
use threadkeep_core::id::{AccountId, ConversationId, MessageId};
use threadkeep_core::message::Message;
use threadkeep_core::sync::track::rouse;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::compare::{Kept, Window};
use threadkeep_core::verify::{Ask, Finding};

use super::commit::track_rows;
use super::dialect::Dialect;
use super::rows::{self, CONVERSATION, MESSAGE, TRACK};
use super::statement::{Columns, Row, Statement, Value, for_keys, sql};
use super::{Job, Lease, OddityRow, SqlStore, StoreError, StoreResult, VerdictRow, VerificationRow, Verifications};

/// Rows of one page, whatever is asked for.
const PAGE_MAX: u32 = 5_000;
/// Conversations that are made due at once.
const ROUSED_MAX: u32 = 100;
/// Columns of a verdict, from `verdicts v` without its conversation.
pub(super) const VERDICT: &str = "v.listed_at, v.listed_drift, v.listed_findings, v.read_at, v.read_drift, \
     v.read_findings, v.upstream_messages, v.repaired_at";
/// The conversations of an account that are walked.
const WALKED: &str = "FROM conversations c JOIN tracks t ON t.conversation_pk = c.pk \
     WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.is_deleted = 0 \
     AND t.completeness <> 'out_of_scope'";

#[async_trait]
impl<D: Dialect> Verifications for SqlStore<D> {
    async fn enqueue_verify(&self, account: &AccountId, ask: Ask, now: Timestamp) -> StoreResult<(Job, bool)> {
        self.enqueue(account, ask.repairs, Some(ask), now).await
    }

    async fn verification(&self, account: &AccountId) -> StoreResult<Option<VerificationRow>> {
        let text = "SELECT v.job_id, v.asked, v.started_at, v.finished_at, v.state FROM verifications v \
             WHERE v.account_pk = (SELECT pk FROM accounts WHERE id = ?)";
        let Some(row) = self.row(sql!(text, account)).await? else { return Ok(None) };
        let mut row = row.columns("verifications");
        Ok(Some(VerificationRow {
            job: row.int("job_id")?,
            asked: row.named("asked", Ask::from_name)?,
            started_at: row.time("started_at")?,
            finished_at: row.time_or_null("finished_at")?,
            state: row.json("state")?,
        }))
    }

    async fn kept(
        &self,
        account: &AccountId,
        conversations: &[ConversationId],
        messages: &[MessageId],
    ) -> StoreResult<Kept> {
        let first = [Value::from(account)];
        let mut script = Vec::new();
        let of_account = "account_pk = (SELECT pk FROM accounts WHERE id = ?)";
        let head = format!("SELECT {CONVERSATION} FROM conversations c WHERE c.{of_account} AND c.id");
        for_keys(&mut script, &head, "", &first, conversations.iter());
        let questions = script.len();
        let head = format!(
            "SELECT c.id, {MESSAGE} FROM messages m JOIN conversations c ON c.pk = m.conversation_pk \
             WHERE m.{of_account} AND m.id"
        );
        for_keys(&mut script, &head, "", &first, messages.iter());
        if script.is_empty() {
            return Ok(Kept::default());
        }
        let mut answers = self.db.read(script).await?.into_iter();
        let mut kept = Kept { conversations: HashMap::new(), messages: HashMap::new() };
        for row in answers.by_ref().take(questions).flat_map(|one| one.rows) {
            let one = rows::conversation(&mut row.columns("conversations"))?;
            kept.conversations.insert(one.id.clone(), one);
        }
        for row in answers.flat_map(|one| one.rows) {
            let mut row = row.columns("messages");
            let conversation = row.id("conversation_id")?;
            let one = rows::message(&mut row, conversation)?;
            kept.messages.insert(one.id.clone(), one);
        }
        Ok(kept)
    }

    async fn stretch(
        &self,
        account: &AccountId,
        conversation: &ConversationId,
        window: Window,
    ) -> StoreResult<Vec<Message>> {
        let mut text = format!(
            "SELECT {MESSAGE} FROM messages m WHERE m.conversation_pk = (SELECT c.pk FROM conversations c \
             WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id = ?)"
        );
        let mut values = vec![Value::from(account), conversation.into()];
        for (condition, at) in [(" AND m.delivered_at > ?", window.after), (" AND m.delivered_at <= ?", window.up_to)] {
            if let Some(at) = at {
                text.push_str(condition);
                values.push(at.into());
            }
        }
        text.push_str(" ORDER BY m.delivered_at, m.id LIMIT ?");
        values.push(PAGE_MAX.into());
        let rows = self.rows(Statement::new(text, values)).await?;
        rows.into_iter().map(|row| rows::message(&mut row.columns("messages"), conversation.clone())).collect()
    }

    async fn next_to_read(
        &self,
        account: &AccountId,
        after: Option<&ConversationId>,
    ) -> StoreResult<Option<ConversationId>> {
        let text = format!("SELECT c.id {WALKED} AND c.id > ? ORDER BY c.id LIMIT 1");
        let row = self.row(sql!(text, account, after.map_or("", ConversationId::as_str))).await?;
        row.map(|row| row.columns("conversations").id("id")).transpose()
    }

    async fn unlisted(&self, account: &AccountId, pass: i64) -> StoreResult<Vec<ConversationId>> {
        let text = format!(
            "SELECT c.id {WALKED} AND NOT EXISTS (SELECT 1 FROM verdicts v WHERE v.account_pk = c.account_pk \
             AND v.conversation_id = c.id AND v.shown_in = ?) ORDER BY c.id LIMIT ?"
        );
        let rows = self.rows(sql!(text, account, pass, PAGE_MAX)).await?;
        rows.into_iter().map(|row| row.columns("conversations").id("id")).collect()
    }

    async fn verdicts(
        &self,
        account: &AccountId,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> StoreResult<Vec<VerdictRow>> {
        let text = format!(
            "SELECT v.conversation_id, {VERDICT} FROM verdicts v \
             WHERE v.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND v.conversation_id > ? \
             AND (v.listed_findings IS NOT NULL OR v.read_findings IS NOT NULL) ORDER BY v.conversation_id LIMIT ?"
        );
        let after = after.map_or("", ConversationId::as_str);
        let rows = self.rows(sql!(text, account, after, limit.min(PAGE_MAX))).await?;
        let read = |row: Row| {
            let mut row = row.columns("verdicts");
            let conversation = row.id("conversation_id")?;
            verdict(&mut row, conversation)
        };
        rows.into_iter().map(read).collect()
    }

    async fn oddities(&self, account: &AccountId, after: Option<&str>, limit: u32) -> StoreResult<Vec<OddityRow>> {
        let text = "SELECT o.digest, o.conversation_id, o.what, o.raw, o.times, o.first_seen_at, o.last_seen_at \
             FROM oddities o WHERE o.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND o.digest > ? \
             ORDER BY o.digest LIMIT ?";
        let rows = self.rows(sql!(text, account, after.unwrap_or_default(), limit.min(PAGE_MAX))).await?;
        let read = |row: Row| {
            let mut row = row.columns("oddities");
            Ok(OddityRow {
                digest: row.text("digest")?,
                conversation: row.id_or_null("conversation_id")?,
                what: row.text("what")?,
                raw: row.text("raw")?,
                times: row.count("times")?,
                first_seen_at: row.time("first_seen_at")?,
                last_seen_at: row.time("last_seen_at")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    async fn rouse(&self, lease: &Lease) -> StoreResult<u64> {
        let mut tx = self.db.begin().await?;
        let held = "SELECT a.pk FROM accounts a JOIN jobs j ON j.account_pk = a.pk \
             WHERE a.id = ? AND j.id = ? AND j.epoch = ? AND j.state = 'running'";
        let lagging = format!(
            "SELECT c.pk, c.id, {TRACK} {WALKED} AND t.completeness <> 'set_aside' AND t.due_rank IS NULL \
             AND (t.synced_to IS NULL OR t.activity > t.synced_to) ORDER BY c.pk LIMIT ?"
        );
        let script = vec![
            sql!(format!("{held}{}", D::LOCKING), &lease.account, lease.job, lease.epoch),
            sql!(lagging, &lease.account, ROUSED_MAX),
        ];
        let mut answers = self.db.run(&mut tx, script).await?.into_iter();
        let Some(row) = answers.next().and_then(|one| one.rows.into_iter().next()) else {
            self.db.abandon(tx).await;
            return Err(StoreError::LeaseLost);
        };
        let roused = roused(row, answers.flat_map(|one| one.rows));
        let script = match roused {
            Ok((_, script)) if script.is_empty() => {
                self.db.abandon(tx).await;
                return Ok(0);
            }
            Ok((count, script)) => (count, script),
            Err(error) => {
                self.db.abandon(tx).await;
                return Err(error);
            }
        };
        self.db.finish(tx, script.1).await?;
        Ok(script.0)
    }
}

/// The script that makes these tracks due, and how many they are.
fn roused(account: Row, lagging: impl Iterator<Item = Row>) -> StoreResult<(u64, Vec<Statement>)> {
    let account_pk = account.columns("accounts").int("pk")?;
    let mut tracks = Vec::new();
    for row in lagging {
        let mut row = row.columns("tracks");
        let pk = row.int("pk")?;
        let conversation = row.id("conversation_id")?;
        tracks.push((pk, rouse(&rows::track(&mut row, conversation)?)));
    }
    let mut script = Vec::new();
    track_rows(&mut script, account_pk, &tracks)?;
    Ok((u64::try_from(tracks.len()).unwrap_or(u64::MAX), script))
}

/// The verdict in a row; without one all of it is empty.
pub(super) fn verdict(row: &mut Columns, conversation: ConversationId) -> StoreResult<VerdictRow> {
    Ok(VerdictRow {
        conversation,
        listed_at: row.time_or_null("listed_at")?,
        listed_drift: counted(row, "listed_drift")?,
        listed_findings: row.list::<Finding>("listed_findings")?,
        read_at: row.time_or_null("read_at")?,
        read_drift: counted(row, "read_drift")?,
        read_findings: row.list::<Finding>("read_findings")?,
        upstream_messages: row.int_or_null("upstream_messages")?.and_then(|count| u64::try_from(count).ok()),
        repaired_at: row.time_or_null("repaired_at")?,
    })
}

/// A count that is null where there is no verdict.
fn counted(row: &mut Columns, column: &'static str) -> StoreResult<u64> {
    let count = row.int_or_null(column)?.unwrap_or_default();
    u64::try_from(count).map_err(|_| row.corrupt(column, "it is negative"))
}
