//! Attachments for those who read and ask: pages, one by its link or place, wishes, counts.
//!
//! Asking writes rows and never a request; what is fetched is the workers' work. No error here may carry a link.

use async_trait::async_trait;
use threadkeep_core::id::{AccountId, MessageId};
use threadkeep_core::time::Timestamp;

use super::commit::attachment_rows;
use super::dialect::Dialect;
use super::jobs::OPEN;
use super::rows::{self, JOB};
use super::statement::{Columns, Outcome, Row, Statement, Value, for_keys, json, sql};
use super::{
    AttachmentName, AttachmentRow, AttachmentState, Job, Lease, Media, MediaCommit, MediaCommitted, MediaCounts,
    MediaPolicy, MediaTask, NewAttachment, Progress, Renewal, SqlStore, StoreError, StoreResult, StoredObject,
    url_digest,
};
use crate::planted::{self, Bug};

/// Columns of an attachment, from `attachments t`.
pub(super) const ATTACHMENT: &str = "t.pk, t.message_id, t.ordinal, t.url, t.kind, t.name, t.state, t.renewal, \
     t.asked_at, t.tries, t.not_before, t.failure_code, t.object_hash, t.media_type, t.size_bytes, t.fetched_at";
/// Rows of one page, whatever is asked for.
const PAGE_MAX: u32 = 1_000;

#[async_trait]
impl<D: Dialect> Media for SqlStore<D> {
    async fn set_media_policy(&self, account: &AccountId, policy: MediaPolicy) -> StoreResult<bool> {
        let outcomes = self.write(deciding(account, policy)).await?;
        Ok(outcomes.last().is_some_and(|one| one.affected > 0))
    }

    async fn attachments(&self, account: &AccountId, messages: &[MessageId]) -> StoreResult<Vec<AttachmentRow>> {
        let mut script = Vec::new();
        for_keys(
            &mut script,
            &format!(
                "SELECT {ATTACHMENT} FROM attachments t \
                 WHERE t.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND t.message_id"
            ),
            "ORDER BY t.message_id, t.ordinal",
            &[account.into()],
            messages.iter(),
        );
        if script.is_empty() {
            return Ok(Vec::new());
        }
        rows::rows(self.db.glance(script).await?).map(row).collect()
    }

    async fn attachment(&self, account: &AccountId, name: AttachmentName<'_>) -> StoreResult<Option<AttachmentRow>> {
        self.row(named(account, name)).await?.map(row).transpose()
    }

    async fn attachments_page(
        &self,
        account: &AccountId,
        state: Option<AttachmentState>,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<AttachmentRow>> {
        let of_state = if state.is_some() { " AND t.state = ?" } else { "" };
        let text = format!(
            "SELECT {ATTACHMENT} FROM attachments t WHERE t.account_pk = (SELECT pk FROM accounts WHERE id = ?) \
             AND t.pk > ?{of_state} ORDER BY t.pk LIMIT ?"
        );
        let mut values = vec![account.into(), after.into()];
        values.extend(state.map(|state| Value::from(state.as_str())));
        values.push(limit.min(PAGE_MAX).into());
        self.rows(Statement::new(text, values)).await?.into_iter().map(row).collect()
    }

    async fn want(
        &self,
        account: &AccountId,
        wanted: &NewAttachment,
        is_anew: bool,
        now: Timestamp,
    ) -> StoreResult<AttachmentRow> {
        let first = vec![
            sql!(format!("SELECT a.pk FROM accounts a WHERE a.id = ?{}", D::LOCKING), account),
            named(account, name_of(wanted)),
        ];
        let (account, wanted) = (account.clone(), wanted.clone());
        let then = move |answers| wish(answers, &account, wanted, is_anew, now).map(|script| (script, ()));
        let (answers, ()) = self.db.transact(first, then).await?;
        let found = rows::rows(answers).last();
        found
            .map(row)
            .transpose()?
            .ok_or_else(|| StoreError::Unavailable("the attachment is not there any more".to_owned()))
    }

    async fn want_all(&self, account: &AccountId, states: &[AttachmentState], now: Timestamp) -> StoreResult<u64> {
        let mut asked = 0;
        for state in states {
            let text = "UPDATE attachments SET state = 'wanted', asked_at = ?, not_before = ?, tries = 0, \
                 renewal = 'none', failure_code = NULL \
                 WHERE account_pk = (SELECT pk FROM accounts WHERE id = ?) AND state = ? AND state <> 'stored'";
            asked += self.write_one(sql!(text, now, now, account, state.as_str())).await?;
        }
        let noticed = sql!("UPDATE accounts SET media_asks = media_asks + 1 WHERE id = ?", account);
        self.write(vec![noticed, job(account, now)?]).await?;
        Ok(asked)
    }

    async fn lose_object(&self, hash: &str) -> StoreResult<()> {
        let text = "UPDATE attachments SET state = 'remote', object_hash = NULL, media_type = NULL, \
             size_bytes = NULL, fetched_at = NULL, renewal = 'none', tries = 0 WHERE object_hash = ?";
        let loosened = sql!("UPDATE media_objects SET is_loose = 1 WHERE hash = ?", hash);
        self.write(vec![sql!(text, hash), loosened]).await.map(|_| ())
    }

    async fn next_media(&self, lease: &Lease, is_eager: bool, now: Timestamp) -> StoreResult<Option<MediaTask>> {
        self.next_task(lease, is_eager, now).await
    }

    async fn prolong(&self, lease: &Lease, until: Timestamp) -> StoreResult<()> {
        let text = "UPDATE jobs SET due_at = ? WHERE id = ? AND epoch = ? AND state = 'running'";
        match self.write_one(sql!(text, until, lease.job, lease.epoch)).await? {
            0 => Err(StoreError::LeaseLost),
            _ => Ok(()),
        }
    }

    async fn media_due_at(&self, account: &AccountId) -> StoreResult<Option<Timestamp>> {
        let text = "SELECT MIN(t.not_before) FROM attachments t \
             WHERE t.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND t.asked_at IS NOT NULL";
        let row = self.row(sql!(text, account)).await?;
        row.map(|row| row.columns("attachments").time_or_null("not_before")).transpose().map(Option::flatten)
    }

    async fn enqueue_media(&self, account: &AccountId, now: Timestamp) -> StoreResult<()> {
        // As whoever asks for a sync does, so that the two see each other's jobs.
        let locked = sql!(format!("SELECT a.pk FROM accounts a WHERE a.id = ?{}", D::LOCKING), account);
        self.write(vec![locked, job(account, now)?]).await.map(|_| ())
    }

    async fn expect_object(&self, object: &StoredObject, until: Timestamp) -> StoreResult<bool> {
        self.announce_object(object, until).await
    }

    async fn commit_media(&self, commit: &MediaCommit<'_>) -> StoreResult<MediaCommitted> {
        self.commit_task(commit).await
    }

    async fn media_counts(&self, account: &AccountId) -> StoreResult<MediaCounts> {
        let text = "SELECT t.state, COUNT(*), CAST(COALESCE(SUM(t.size_bytes), 0) AS BIGINT) FROM attachments t \
             WHERE t.account_pk = (SELECT pk FROM accounts WHERE id = ?) GROUP BY t.state";
        let mut counts = MediaCounts::default();
        for row in self.rows(sql!(text, account)).await? {
            count(&mut counts, &mut row.columns("attachments"))?;
        }
        Ok(counts)
    }

    async fn media_jobs(&self, account: &AccountId, limit: u32) -> StoreResult<Vec<Job>> {
        let text = format!(
            "SELECT {JOB} FROM jobs j JOIN accounts a ON a.pk = j.account_pk \
             WHERE j.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND j.media_only = 1 \
             ORDER BY j.id DESC LIMIT ?"
        );
        let rows = self.rows(sql!(text, account, limit)).await?;
        rows.into_iter().map(|row| rows::job(&mut row.columns("jobs"))).collect()
    }

    async fn leaving_objects(&self, limit: u32, now: Timestamp) -> StoreResult<Vec<String>> {
        self.mark_leaving(limit.min(PAGE_MAX), now).await
    }

    async fn disown_object(&self, object: &StoredObject) -> StoreResult<bool> {
        self.mark_unknown(object).await
    }

    async fn forget_object(&self, hash: &str) -> StoreResult<()> {
        let text = "DELETE FROM media_objects WHERE hash = ? AND state = 'leaving'";
        self.write_one(sql!(text, hash)).await.map(|_| ())
    }
}

fn name_of(wanted: &NewAttachment) -> AttachmentName<'_> {
    match &wanted.message {
        Some(message) => AttachmentName::Place { message, ordinal: wanted.ordinal },
        None => AttachmentName::Url(wanted.url.as_deref().unwrap_or_default()),
    }
}

fn named(account: &AccountId, name: AttachmentName<'_>) -> Statement {
    let of_account =
        format!("SELECT {ATTACHMENT} FROM attachments t WHERE t.account_pk = (SELECT pk FROM accounts WHERE id = ?)");
    match name {
        AttachmentName::Url(url) => sql!(
            format!(
                "{of_account} AND t.url_digest = ? ORDER BY CASE WHEN t.state = 'stored' THEN 0 ELSE 1 END, \
                 CASE WHEN t.message_id IS NULL THEN 1 ELSE 0 END, t.pk LIMIT 1"
            ),
            account,
            url_digest(url),
        ),
        AttachmentName::Place { message, ordinal } => {
            sql!(format!("{of_account} AND t.message_id = ? AND t.ordinal = ?"), account, message, ordinal)
        }
    }
}

/// The statements of a wish; the last one shows the attachment as it then is.
fn wish(
    answers: Vec<Outcome>,
    account: &AccountId,
    wanted: NewAttachment,
    is_anew: bool,
    now: Timestamp,
) -> StoreResult<Vec<Statement>> {
    let mut answers = answers.into_iter().map(|one| one.rows.into_iter().next());
    let Some(found) = answers.next().flatten() else {
        return Err(StoreError::Unavailable("the account is not there any more".to_owned()));
    };
    let account_pk = found.columns("accounts").int("pk")?;
    let known = answers.next().flatten().map(row).transpose()?;
    let mut script = Vec::new();
    // A row that is there is meant, also when a link was asked for that it has.
    let (place, values) = match &known {
        Some(known) => ("t.pk = ?", vec![Value::from(known.pk)]),
        None => match &wanted.message {
            Some(message) => (
                "t.account_pk = ? AND t.message_id = ? AND t.ordinal = ?",
                vec![account_pk.into(), message.into(), wanted.ordinal.into()],
            ),
            None => (
                "t.account_pk = ? AND t.url_digest = ? AND t.message_id IS NULL",
                vec![account_pk.into(), wanted.url.as_deref().map(url_digest).into()],
            ),
        },
    };
    match &known {
        Some(known) => script.extend(newer_link(known, wanted.url.as_deref())),
        None => attachment_rows(&mut script, account_pk, std::iter::once(wanted)),
    }
    let askable = if is_anew || planted::is(Bug::GivenUpAskedAgain) {
        "('remote', 'failed', 'refused', 'gone')"
    } else {
        "('remote', 'failed')"
    };
    let mut asked = vec![Value::from(now), now.into()];
    asked.extend(values.iter().cloned());
    script.push(Statement::new(
        format!(
            "UPDATE attachments SET state = 'wanted', asked_at = ?, not_before = ?, tries = 0, renewal = 'none', \
             failure_code = NULL WHERE pk IN (SELECT t.pk FROM attachments t WHERE {place} AND t.state IN {askable})"
        ),
        asked,
    ));
    script.push(sql!("UPDATE accounts SET media_asks = media_asks + 1 WHERE pk = ?", account_pk));
    script.push(job(account, now)?);
    script.push(sql!(
        format!(
            "UPDATE jobs SET due_at = ?, not_before = ? \
             WHERE account_pk = ? AND media_only = 1 AND state = 'waiting' AND due_at > ?"
        ),
        now,
        now,
        account_pk,
        now,
    ));
    script.push(Statement::new(format!("SELECT {ATTACHMENT} FROM attachments t WHERE {place}"), values));
    Ok(script)
}

/// A link that stands by itself has nobody to renew it but those who ask.
fn newer_link(known: &AttachmentRow, url: Option<&str>) -> Option<Statement> {
    let url = url.filter(|url| known.message.is_none() && known.url.as_deref() != Some(url))?;
    let text = "UPDATE attachments SET url = ?, state = CASE WHEN state = 'gone' THEN 'remote' ELSE state END, \
         failure_code = CASE WHEN state = 'gone' THEN NULL ELSE failure_code END WHERE pk = ? AND state <> 'stored'";
    Some(sql!(text, url, known.pk))
}

/// A job for what somebody asked for, when something is left of it and no job is open that will see to it.
fn job(account: &AccountId, now: Timestamp) -> StoreResult<Statement> {
    let text = format!(
        "INSERT INTO jobs (account_pk, kind, state, is_forced, media_only, due_at, not_before, created_at, progress) \
         SELECT a.pk, 'sync', 'queued', 0, 1, d.due_at, d.due_at, ?, ? FROM accounts a JOIN (SELECT t.account_pk, \
         MIN(t.not_before) AS due_at FROM attachments t WHERE t.asked_at IS NOT NULL AND t.not_before IS NOT NULL \
         AND t.account_pk = (SELECT pk FROM accounts WHERE id = ?) GROUP BY t.account_pk) d ON d.account_pk = a.pk \
         WHERE a.id = ? AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.account_pk = a.pk AND j.state IN {OPEN}) \
         ON CONFLICT DO NOTHING"
    );
    Ok(sql!(text, now, json(&Progress::default())?, account, account))
}

fn count(counts: &mut MediaCounts, row: &mut Columns) -> StoreResult<()> {
    let state = row.named("state", AttachmentState::from_name)?;
    let (number, bytes) = (row.count("count")?, row.count("size_bytes")?);
    match state {
        AttachmentState::Remote => counts.remote = number,
        AttachmentState::Wanted => counts.wanted = number,
        AttachmentState::Stored => (counts.stored, counts.stored_bytes) = (number, bytes),
        AttachmentState::Refused => counts.refused = number,
        AttachmentState::Gone => counts.gone = number,
        AttachmentState::Failed => counts.failed = number,
    }
    Ok(())
}

/// Decides when the media of an account are fetched; without any, nothing is asked for any more. The last statement is
/// the one that finds the account.
pub(super) fn deciding(account: &AccountId, policy: MediaPolicy) -> Vec<Statement> {
    let mut script = Vec::new();
    if policy == MediaPolicy::Off {
        script.push(sql!(
            "UPDATE attachments SET state = 'remote', asked_at = NULL, not_before = NULL, renewal = 'none' \
             WHERE account_pk = (SELECT pk FROM accounts WHERE id = ?) AND asked_at IS NOT NULL",
            account
        ));
    }
    script.push(sql!("UPDATE accounts SET media_policy = ? WHERE id = ?", policy.as_str(), account));
    script
}

/// An attachment out of the columns of [`ATTACHMENT`].
pub(super) fn attachment(row: &mut Columns) -> StoreResult<AttachmentRow> {
    let mut one = AttachmentRow {
        pk: row.int("pk")?,
        message: row.id_or_null("message_id")?,
        ordinal: row.number("ordinal")?,
        url: row.text_or_null("url")?,
        kind: row.text("kind")?,
        name: row.text_or_null("name")?,
        state: row.named("state", AttachmentState::from_name)?,
        renewal: row.named("renewal", Renewal::from_name)?,
        is_asked: row.int_or_null("asked_at")?.is_some(),
        tries: row.number("tries")?,
        not_before: row.time_or_null("not_before")?,
        failure_code: row.text_or_null("failure_code")?,
        object: None,
        fetched_at: None,
    };
    let (hash, media_type) = (row.text_or_null("object_hash")?, row.text_or_null("media_type")?);
    let size_bytes = row.int_or_null("size_bytes")?.and_then(|size| u64::try_from(size).ok());
    if let (Some(hash), Some(media_type), Some(size_bytes)) = (hash, media_type, size_bytes) {
        one.object = Some(StoredObject { hash, size_bytes, media_type });
    }
    one.fetched_at = row.time_or_null("fetched_at")?;
    Ok(one)
}

fn row(row: Row) -> StoreResult<AttachmentRow> {
    attachment(&mut row.columns("attachments"))
}
