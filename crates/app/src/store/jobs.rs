//! What is due: jobs that are asked for, taken by a lease with an epoch, put back, and ended.
//!
//! A job that is not over is unique for its account. Its `due_at` says when somebody may take it: its not-before time,
//! or the end of the lease while it runs. No write of a worker may succeed with an older epoch.

use async_trait::async_trait;
use threadkeep_core::id::AccountId;
use threadkeep_core::sync::track::revive;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::Ask;

use super::commit::track_rows;
use super::dialect::Dialect;
use super::rows::{self, JOB};
use super::statement::{Outcome, Row, Statement, Value, json, sql};
use super::{Claimed, DUE_WITHIN_MS, Job, JobEnd, JobState, Jobs, Lease, Progress, SqlStore, StoreError, StoreResult};
use crate::planted::{self, Bug};

/// Jobs of an account that are kept; older ones that are over are forgotten.
const JOBS_KEPT_MAX: i64 = 200;
/// The states of jobs that are not over, as the partial indexes have them.
pub(super) const OPEN: &str = "('queued', 'running', 'waiting')";
/// Columns of a job where only its own table is at hand.
const JOB_ALONE: &str = "jobs.id, (SELECT a.id FROM accounts a WHERE a.pk = jobs.account_pk), jobs.state, \
     jobs.is_forced, jobs.cancel_requested, jobs.media_only, jobs.verify, jobs.not_before, jobs.due_at, jobs.created_at, \
     jobs.started_at, \
     jobs.finished_at, jobs.failure_code, jobs.failure, jobs.progress";

#[async_trait]
impl<D: Dialect> Jobs for SqlStore<D> {
    async fn enqueue_sync(&self, account: &AccountId, forced: bool, now: Timestamp) -> StoreResult<(Job, bool)> {
        self.enqueue(account, forced, None, now).await
    }

    async fn claim(
        &self,
        only: Option<&AccountId>,
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> StoreResult<Option<Claimed>> {
        let of_account = if only.is_some() { " AND j.account_pk = (SELECT pk FROM accounts WHERE id = ?)" } else { "" };
        let or_alive = if planted::is(Bug::LiveLeaseClaimed) { " OR j.state = 'running'" } else { "" };
        let text = format!(
            "UPDATE jobs SET state = 'running', epoch = epoch + 1, owner = ?, due_at = ?, \
             started_at = COALESCE(started_at, ?) \
             WHERE id = COALESCE((SELECT j.id FROM jobs j WHERE j.state IN {OPEN} AND (j.due_at <= ?{or_alive}){of_account} \
             ORDER BY j.due_at, j.id LIMIT 1{skipping}), (SELECT j.id FROM jobs j WHERE j.state IN {OPEN} \
             AND j.due_at > ?{of_account} ORDER BY j.due_at, j.id LIMIT 1{skipping})) \
             RETURNING jobs.epoch, {JOB_ALONE}",
            skipping = D::SKIPPING_LOCKED
        );
        let mut values: Vec<Value> = vec![owner.into(), lease_until.into(), now.into()];
        for due in [now, now.plus_ms(DUE_WITHIN_MS)] {
            values.push(due.into());
            values.extend(only.map(Value::from));
        }
        let answers = self.write(vec![Statement::new(text, values)]).await?;
        let Some(row) = rows::rows(answers).next() else {
            return Ok(None);
        };
        let mut row = row.columns("jobs");
        let epoch = row.int("epoch")?;
        let job = rows::job(&mut row)?;
        let lease = Lease { job: job.id, account: job.account.clone(), epoch };
        Ok(Some(Claimed { job, lease }))
    }

    async fn release(&self, owner: &str, now: Timestamp) -> StoreResult<u64> {
        let text = "UPDATE jobs SET due_at = ? WHERE owner = ? AND state = 'running' AND due_at > ?";
        self.write_one(sql!(text, now, owner, now)).await
    }

    async fn put_back(&self, lease: &Lease, not_before: Timestamp, progress: &Progress) -> StoreResult<()> {
        let text = "UPDATE jobs SET state = 'waiting', not_before = ?, due_at = ?, progress = ? \
             WHERE id = ? AND epoch = ? AND state = 'running'";
        let none = planted::is(Bug::PutBackLosesProgress).then(Progress::default);
        let due_at = if planted::is(Bug::WaitNotKept) { Timestamp(0) } else { not_before };
        let progress = json(none.as_ref().unwrap_or(progress))?;
        let statement = sql!(text, not_before, due_at, progress, lease.job, lease.epoch);
        match self.write_one(statement).await? {
            0 => Err(StoreError::LeaseLost),
            _ => Ok(()),
        }
    }

    async fn finish(&self, lease: &Lease, end: &JobEnd, progress: &Progress, now: Timestamp) -> StoreResult<()> {
        let progress = json(progress)?;
        let mut tx = self.db.begin().await?;
        let answers = self.db.run(&mut tx, vec![locked(lease, D::LOCKING)]).await?;
        let Some(row) = rows::rows(answers).next() else {
            self.db.abandon(tx).await;
            return Err(StoreError::LeaseLost);
        };
        let mut row = row.columns("accounts");
        let account_pk = row.int("pk")?;
        let media_only = row.flag("media_only")?;
        let is_unverified = row.flag("is_unverified")?;
        let is_done = *end == JobEnd::Done || planted::is(Bug::FailedRunGoesOn);
        if (*end == JobEnd::MediaDone && !media_only) || (is_done && is_unverified) {
            // Somebody asked for a sync or a verification meanwhile, and this job has become it.
            return self.db.finish(tx, vec![due_now(lease, now)]).await.map(|_| ());
        }
        let mut script = Vec::new();
        script.extend(outcome(account_pk, end, now));
        script.push(ended(lease, end, progress, now));
        script.push(sql!(
            format!(
                "DELETE FROM jobs WHERE account_pk = ? AND media_only = ? AND state NOT IN {OPEN} \
                 AND id < (SELECT MIN(newest.id) FROM (SELECT j.id FROM jobs j \
                 WHERE j.account_pk = ? AND j.media_only = ? ORDER BY j.id DESC LIMIT ?) newest)"
            ),
            account_pk,
            media_only,
            account_pk,
            media_only,
            JOBS_KEPT_MAX,
        ));
        self.db.finish(tx, script).await.map(|_| ())
    }

    async fn job(&self, id: i64) -> StoreResult<Option<Job>> {
        let text = format!("SELECT {JOB} FROM jobs j JOIN accounts a ON a.pk = j.account_pk WHERE j.id = ?");
        let row = self.row(sql!(text, id)).await?;
        row.map(|row| rows::job(&mut row.columns("jobs"))).transpose()
    }

    async fn jobs(&self, account: &AccountId, limit: u32) -> StoreResult<Vec<Job>> {
        let text = format!(
            "SELECT {JOB} FROM jobs j JOIN accounts a ON a.pk = j.account_pk \
             WHERE j.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND j.media_only = 0 \
             ORDER BY j.id DESC LIMIT ?"
        );
        let rows = self.rows(sql!(text, account, limit)).await?;
        rows.into_iter().map(|row| rows::job(&mut row.columns("jobs"))).collect()
    }

    async fn request_cancel(&self, id: i64, now: Timestamp) -> StoreResult<bool> {
        Ok(self.write_one(cancelling(id, now)).await? > 0)
    }

    async fn enqueue_idle(&self, before: Timestamp, now: Timestamp) -> StoreResult<u64> {
        let text = format!(
            "INSERT INTO jobs (account_pk, kind, state, is_forced, due_at, not_before, created_at, progress) \
             SELECT a.pk, 'sync', 'queued', 0, ?, ?, ?, ? FROM accounts a WHERE a.health = 'connected' \
             AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.account_pk = a.pk \
             AND (j.state IN {OPEN} OR (j.media_only = 0 AND j.finished_at > ? AND j.finished_at <= ?))){} \
             ON CONFLICT DO NOTHING",
            // Who asks for a sync of an account meanwhile, on any node, is let by.
            D::SKIPPING_LOCKED
        );
        self.write_one(sql!(text, now, now, now, json(&Progress::default())?, before, now)).await
    }

    async fn next_due(&self) -> StoreResult<Option<Timestamp>> {
        let row = self.row(sql!(format!("SELECT MIN(due_at) FROM jobs WHERE state IN {OPEN}"))).await?;
        row.map(|row| row.columns("jobs").time_or_null("due_at")).transpose().map(Option::flatten)
    }
}

impl<D: Dialect> SqlStore<D> {
    /// Writes a job of an account, or joins the open one.
    pub(super) async fn enqueue(
        &self,
        account: &AccountId,
        forced: bool,
        verify: Option<Ask>,
        now: Timestamp,
    ) -> StoreResult<(Job, bool)> {
        let mut tx = self.db.begin().await?;
        let mut asked = vec![
            sql!(format!("SELECT a.pk FROM accounts a WHERE a.id = ?{}", D::LOCKING), account),
            sql!(
                format!(
                    "SELECT j.media_only, j.verify FROM jobs j JOIN accounts a ON a.pk = j.account_pk \
                     WHERE a.id = ? AND j.state IN {OPEN}"
                ),
                account
            ),
        ];
        if forced {
            asked.push(set_aside(account));
        }
        let answers = self.db.run(&mut tx, asked).await?;
        let script = match enqueued(answers, forced, verify, now) {
            Ok(found) => found,
            Err(error) => {
                self.db.abandon(tx).await;
                return Err(error);
            }
        };
        let Some((joined, script)) = script else {
            self.db.abandon(tx).await;
            return Err(StoreError::Unavailable("the account is not there any more".to_owned()));
        };
        let answers = self.db.finish(tx, script).await?;
        let row = rows::rows(answers).last();
        let row = row.ok_or_else(|| StoreError::Unavailable("the job is not there any more".to_owned()))?;
        Ok((rows::job(&mut row.columns("jobs"))?, joined))
    }
}

/// Asks an unfinished job to stop.
pub(super) fn cancelling(id: i64, now: Timestamp) -> Statement {
    // Nobody works on one that is queued or waiting: it ends here and now.
    let text = format!(
        "UPDATE jobs SET cancel_requested = 1, \
         finished_at = CASE WHEN state = 'running' THEN finished_at ELSE ? END, \
         state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END \
         WHERE id = ? AND state IN {OPEN}"
    );
    sql!(text, now, id)
}

/// Locks account and job of a lease that still holds.
fn locked(lease: &Lease, locking: &str) -> Statement {
    let same = if planted::is(Bug::StaleFinishAccepted) { ">=" } else { "=" };
    let text = format!(
        "SELECT a.pk, j.media_only, CASE WHEN j.verify IS NOT NULL AND NOT EXISTS (SELECT 1 FROM verifications v \
         WHERE v.account_pk = a.pk AND v.job_id = j.id AND v.asked = j.verify AND v.finished_at IS NOT NULL) \
         THEN 1 ELSE 0 END FROM accounts a JOIN jobs j ON j.account_pk = a.pk \
         WHERE a.id = ? AND j.id = ? AND j.epoch {same} ? AND j.state = 'running'{locking}"
    );
    sql!(text, &lease.account, lease.job, lease.epoch)
}

fn due_now(lease: &Lease, now: Timestamp) -> Statement {
    let text = "UPDATE jobs SET state = 'waiting', not_before = ?, due_at = ? WHERE id = ?";
    sql!(text, now, now, lease.job)
}

/// Makes a sync of the open job that only fetches media; an account never has two.
fn grown_to_sync(account_pk: i64, forced: bool, now: Timestamp) -> StoreResult<Statement> {
    let text = format!(
        "UPDATE jobs SET media_only = 0, is_forced = ?, created_at = ?, progress = ?, \
         started_at = CASE WHEN state = 'running' THEN ? END, \
         due_at = CASE WHEN state = 'waiting' THEN ? ELSE due_at END, \
         not_before = CASE WHEN state = 'waiting' THEN ? ELSE not_before END \
         WHERE account_pk = ? AND state IN {OPEN}"
    );
    Ok(sql!(text, forced, now, json(&Progress::default())?, now, now, now, account_pk))
}

fn ended(lease: &Lease, end: &JobEnd, progress: String, now: Timestamp) -> Statement {
    let (state, failure) = match end {
        JobEnd::Done | JobEnd::MediaDone => (JobState::Done, None),
        JobEnd::Failed(failure) => (JobState::Failed, Some(failure)),
        JobEnd::Cancelled => (JobState::Cancelled, None),
    };
    let [code, what] = rows::failure_values(failure);
    sql!(
        "UPDATE jobs SET state = ?, finished_at = ?, failure_code = ?, failure = ?, progress = ? WHERE id = ?",
        state.as_str(),
        now,
        code,
        what,
        progress,
        lease.job,
    )
}

/// What the end of a run means for its account.
fn outcome(account_pk: i64, end: &JobEnd, now: Timestamp) -> Option<Statement> {
    match end {
        JobEnd::Done => Some(sql!(
            "UPDATE accounts SET last_sync_at = COALESCE(?, last_sync_at), consecutive_failures = 0, last_error_code = NULL, \
             last_error = NULL, hold_until = CASE WHEN hold_why = 'blocked' THEN hold_until END, \
             hold_why = CASE WHEN hold_why = 'blocked' THEN hold_why END WHERE pk = ?",
            Some(now).filter(|_| !planted::is(Bug::QuietRunNotNoted)),
            account_pk,
        )),
        JobEnd::Failed(failure) => Some(sql!(
            "UPDATE accounts SET consecutive_failures = consecutive_failures + 1, last_error_code = ?, \
             last_error = ? WHERE pk = ?",
            &failure.code,
            &failure.what,
            account_pk,
        )),
        JobEnd::Cancelled | JobEnd::MediaDone => None,
    }
}

fn set_aside(account: &AccountId) -> Statement {
    let text = format!(
        "SELECT t.conversation_pk, c.id, {} FROM tracks t JOIN conversations c ON c.pk = t.conversation_pk \
         WHERE t.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND t.completeness IN ('set_aside', 'end_unproven')",
        rows::TRACK
    );
    sql!(text, account)
}

/// Whether there is a job to join, and the script that enqueues or joins; `None` without an account.
fn enqueued(
    answers: Vec<Outcome>,
    forced: bool,
    verify: Option<Ask>,
    now: Timestamp,
) -> StoreResult<Option<(bool, Vec<Statement>)>> {
    let mut answers = answers.into_iter();
    let Some(row) = answers.next().and_then(|one| one.rows.into_iter().next()) else {
        return Ok(None);
    };
    let account_pk = row.columns("accounts").int("pk")?;
    let open = answers.next().and_then(|one| one.rows.into_iter().next());
    let open = open.map(open_job).transpose()?;
    let joined = open.is_some_and(|(media_only, _)| !media_only);
    let mut revived = Vec::new();
    for row in answers.flat_map(|one| one.rows) {
        let mut row = row.columns("tracks");
        let pk = row.int("conversation_pk")?;
        let conversation = row.id("conversation_id")?;
        revived.extend(revive(&rows::track(&mut row, conversation)?).map(|track| (pk, track)));
    }
    let mut script = Vec::new();
    track_rows(&mut script, account_pk, &revived)?;
    if open.is_some_and(|(media_only, _)| media_only) {
        script.push(grown_to_sync(account_pk, forced, now)?);
    } else if !joined || planted::is(Bug::SecondJob) {
        script.push(sql!(
            "INSERT INTO jobs (account_pk, kind, state, is_forced, due_at, not_before, created_at, progress) \
             VALUES (?, 'sync', 'queued', ?, ?, ?, ?, ?)",
            account_pk,
            forced,
            now,
            now,
            now,
            json(&Progress::default())?,
        ));
    } else if forced && !planted::is(Bug::ForcedWaits) {
        // A waiting one is looked at again at once: what it waited for may have been ended by a person. The account's
        // own wait still holds.
        let text = format!(
            "UPDATE jobs SET is_forced = 1, due_at = CASE WHEN state = 'waiting' THEN ? ELSE due_at END, \
             not_before = CASE WHEN state = 'waiting' THEN ? ELSE not_before END \
             WHERE account_pk = ? AND state IN {OPEN}"
        );
        script.push(sql!(text, now, now, account_pk));
    }
    if let Some(ask) = verify {
        let all = open.and_then(|(_, asked)| asked).map_or(ask, |asked| asked.with(ask));
        script.push(verifying(account_pk, all, now));
    }
    let text = format!("SELECT {JOB_ALONE} FROM jobs WHERE account_pk = ? AND state IN {OPEN}");
    script.push(sql!(text, account_pk));
    Ok(Some((joined, script)))
}

/// Whether the open job only fetches media, and what it verifies.
fn open_job(row: Row) -> StoreResult<(bool, Option<Ask>)> {
    let mut row = row.columns("jobs");
    let media_only = row.flag("media_only")?;
    let asked = row.text_or_null("verify")?.and_then(|name| Ask::from_name(&name));
    Ok((media_only, asked))
}

/// Lets the open job verify, and looks at it again at once when it waits.
fn verifying(account_pk: i64, ask: Ask, now: Timestamp) -> Statement {
    let text = format!(
        "UPDATE jobs SET verify = ?, due_at = CASE WHEN state = 'waiting' THEN ? ELSE due_at END, \
         not_before = CASE WHEN state = 'waiting' THEN ? ELSE not_before END \
         WHERE account_pk = ? AND state IN {OPEN}"
    );
    sql!(text, ask.as_str(), now, now, account_pk)
}
