//! Attachments for workers: what to fetch next, and the one write of what came of it.
//!
//! As with a sync, every write proves the lease, and what one request taught is one transaction (invariant I2).

use threadkeep_core::time::Timestamp;

use super::accounts::login_expiry;
use super::dialect::Dialect;
use super::media::{ATTACHMENT, attachment};
use super::statement::{Kind, Outcome, Statement, Value, json, sql};
use super::{
    DUE_WITHIN_MS, Lease, MediaCommit, MediaCommitted, MediaOutcome, MediaTask, SealedSession, SqlStore, StoreError,
    StoreResult, StoredObject, url_digest,
};
use crate::planted::{self, Bug};

/// Rows with these columns give a task.
const TASK_FROM: &str = "FROM attachments t JOIN jobs j ON j.account_pk = t.account_pk \
     LEFT JOIN messages m ON m.account_pk = t.account_pk AND m.id = t.message_id AND m.is_deleted = 0 \
     LEFT JOIN conversations c ON c.pk = m.conversation_pk \
     WHERE j.id = ? AND j.epoch = ? AND j.state = 'running'";
/// What is due, most urgent first: what somebody waits for, then what failed before, then the rest. The last two are
/// for those who fetch everything.
const DUE: [&str; 3] = [
    "t.asked_at IS NOT NULL AND (t.not_before <= ? OR t.not_before > ?) ORDER BY t.asked_at, t.pk",
    "t.asked_at IS NULL AND t.state = 'failed' AND (t.not_before <= ? OR t.not_before > ?) ORDER BY t.pk",
    "t.asked_at IS NULL AND t.state = 'remote' AND (t.not_before IS NULL OR t.not_before <= ? OR t.not_before > ?) \
     ORDER BY t.pk",
];

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn next_task(
        &self,
        lease: &Lease,
        is_eager: bool,
        now: Timestamp,
    ) -> StoreResult<Option<MediaTask>> {
        let beyond = now.plus_ms(DUE_WITHIN_MS);
        for due in DUE.into_iter().take(if is_eager { DUE.len() } else { 1 }) {
            let text = format!("SELECT {ATTACHMENT}, c.id, m.delivered_at {TASK_FROM} AND {due} LIMIT 1");
            let Some(row) = self.row(sql!(text, lease.job, lease.epoch, now, beyond)).await? else {
                continue;
            };
            let mut row = row.columns("attachments");
            let attachment = attachment(&mut row)?;
            let origin = row.id_or_null("conversation_id")?.zip(row.time_or_null("delivered_at")?);
            return Ok(Some(MediaTask { attachment, origin }));
        }
        Ok(None)
    }

    pub(super) async fn commit_task(&self, commit: &MediaCommit<'_>) -> StoreResult<MediaCommitted> {
        let lease = commit.lease;
        let mut first = vec![sql!(
            format!(
                "SELECT a.pk, j.cancel_requested, a.media_asks FROM accounts a JOIN jobs j ON j.account_pk = a.pk \
                 WHERE a.id = ? AND j.id = ? AND j.epoch = ? AND j.state = 'running'{}",
                D::LOCKING
            ),
            &lease.account,
            lease.job,
            lease.epoch,
        )];
        if let MediaOutcome::Stored { object, .. } = commit.outcome {
            let text = format!("SELECT o.state FROM media_objects o WHERE o.hash = ?{}", D::LOCKING);
            first.push(sql!(text, &object.hash));
        }
        let own = Own::of(commit)?;
        let (_, committed) = self.db.transact(first, move |answers| own.script(answers)).await?;
        Ok(committed)
    }
}

/// A commit that can go along with its transaction.
struct Own {
    lease: Lease,
    pk: i64,
    digest: String,
    outcome: MediaOutcome,
    sealed_session: Option<SealedSession>,
    next_request_at: Timestamp,
    lease_until: Timestamp,
    progress: String,
    now: Timestamp,
}

impl Own {
    fn of(commit: &MediaCommit<'_>) -> StoreResult<Self> {
        let attachment = &commit.task.attachment;
        Ok(Self {
            lease: commit.lease.clone(),
            pk: attachment.pk,
            digest: attachment.url.as_deref().map(url_digest).unwrap_or_default(),
            outcome: commit.outcome.clone(),
            sealed_session: commit.sealed_session.cloned(),
            next_request_at: commit.next_request_at,
            lease_until: commit.lease_until,
            progress: json(commit.progress)?,
            now: commit.now,
        })
    }

    fn script(self, answers: Vec<Outcome>) -> StoreResult<(Vec<Statement>, MediaCommitted)> {
        let mut answers = answers.into_iter().map(|one| one.rows.into_iter().next());
        let mut row = answers.next().flatten().ok_or(StoreError::LeaseLost)?.columns("accounts");
        let account_pk = row.int("pk")?;
        let (cancel_requested, asks) = (row.flag("cancel_requested")?, row.int("media_asks")?);
        let object_state =
            answers.next().flatten().map(|row| row.columns("media_objects").text("state")).transpose()?;
        let is_written = !matches!(self.outcome, MediaOutcome::Stored { .. })
            || object_state.as_deref() == Some("kept")
            || planted::is(Bug::BytesBeforeRow);
        let mut script = Vec::new();
        if is_written {
            self.write_attachment(&mut script, account_pk);
        }
        if let Some(session) = &self.sealed_session {
            script.push(sql!(
                "UPDATE sessions SET sealed = ?, updated_at = ? WHERE account_pk = ?",
                session.sealed.as_slice(),
                self.now,
                account_pk
            ));
            script.push(login_expiry(account_pk, session));
        }
        script.push(sql!("UPDATE accounts SET next_request_at = ? WHERE pk = ?", self.next_request_at, account_pk));
        script.push(sql!(
            "UPDATE jobs SET due_at = ?, progress = ? WHERE id = ?",
            self.lease_until,
            &self.progress,
            self.lease.job
        ));
        Ok((script, MediaCommitted { is_written, cancel_requested, asks }))
    }

    fn write_attachment(&self, script: &mut Vec<Statement>, account_pk: i64) {
        let (set, mut values): (&str, Vec<Value>) = match &self.outcome {
            MediaOutcome::Stored { object, name } => {
                self.write_copies(script, account_pk, object);
                let set = "state = 'stored', object_hash = ?, media_type = ?, size_bytes = ?, fetched_at = ?, \
                     name = COALESCE(name, ?), asked_at = NULL, not_before = NULL, failure_code = NULL, \
                     renewal = 'none'";
                (set, kept(object, self.now).into_iter().chain([name.as_deref().into()]).collect())
            }
            MediaOutcome::Refused { code } => {
                let set = "state = 'refused', failure_code = ?, asked_at = NULL, not_before = NULL, renewal = 'none'";
                (set, vec![(*code).into()])
            }
            MediaOutcome::Gone => {
                let set = "state = 'gone', failure_code = 'media_gone', asked_at = NULL, not_before = NULL, \
                     renewal = 'none'";
                (set, Vec::new())
            }
            MediaOutcome::Failed { code, not_before } => {
                let set = "state = 'failed', failure_code = ?, not_before = ?, tries = tries + 1, \
                     asked_at = CASE WHEN ? = 1 THEN asked_at END";
                (set, vec![(*code).into(), (*not_before).into(), not_before.is_some().into()])
            }
            MediaOutcome::LinkExpired => ("renewal = 'due'", Vec::new()),
            // The link may just have been renewed, so it is not looked at.
            MediaOutcome::LinkRenewed => {
                let text =
                    "UPDATE attachments SET renewal = 'done' WHERE pk = ? AND account_pk = ? AND renewal = 'due'";
                script.push(sql!(text, self.pk, account_pk));
                return;
            }
        };
        let text =
            format!("UPDATE attachments SET {set} WHERE pk = ? AND account_pk = ? AND COALESCE(url_digest, '') = ?");
        values.extend([self.pk.into(), account_pk.into(), (&self.digest).into()]);
        script.push(Statement::new(text, values));
    }

    /// The object is referred to from now on, and every other attachment of the account with this link has it too.
    fn write_copies(&self, script: &mut Vec<Statement>, account_pk: i64, object: &StoredObject) {
        script.push(sql!("UPDATE media_objects SET is_loose = 0, expected_until = NULL WHERE hash = ?", &object.hash));
        let text = "UPDATE attachments SET state = 'stored', object_hash = ?, media_type = ?, size_bytes = ?, \
             fetched_at = ?, asked_at = NULL, not_before = NULL, failure_code = NULL, renewal = 'none' \
             WHERE account_pk = ? AND url_digest = ? AND state <> 'stored' AND pk <> ?";
        let mut values = kept(object, self.now).to_vec();
        values.extend([account_pk.into(), Value::from(&self.digest), self.pk.into()]);
        script.push(Statement::new(text, values));
    }
}

fn kept(object: &StoredObject, now: Timestamp) -> [Value; 4] {
    let size = i64::try_from(object.size_bytes).map_or(Value::Null(Kind::Int), Value::Int);
    [(&object.hash).into(), (&object.media_type).into(), size, now.into()]
}
