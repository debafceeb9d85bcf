//! The one write of a sync: what a step taught becomes rows, in one transaction and two scripts.
//!
//! The first script locks the job and reads the old rows of exactly the ids that the batch names; the core says what
//! they become; the second script writes what changed and commits. An answer without news writes no record, and a
//! step whose lease is lost writes nothing at all.

mod adopt;
mod adopt_alone;
mod archive;
mod archive_people;
mod attach;
mod fold;
mod gather;
mod ready;
mod verified;
mod write;

use threadkeep_core::sync::Batch;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::drift_of;

use super::dialect::Dialect;
use super::rows;
use super::statement::{Outcome, Statement};
use super::{Commit, Committed, Lease, Progress, SealedSession, SqlStore, StoreError, StoreResult};
use adopt::Adopted;
pub(super) use adopt::renamed;
pub(super) use archive::{ALIAS_HEAD, ARCHIVED_HEAD, ArchiveCounts, twin_of};
pub(super) use attach::rows as attachment_rows;
pub(super) use ready::NEWEST;
pub(super) use write::{
    CATEGORY_LENGTH_MAX, CONVERSATIONS_HEAD, EVENTS_HEAD, MESSAGES_HEAD, ODDITIES_HEAD, PEOPLE_HEAD, due, track_rows,
};

use fold::Folded;
use gather::Before;

/// Conversations of one account that can have a number of their own: a key is the account's times this plus a number.
pub(super) const CONVERSATIONS_OF_ACCOUNT: i64 = 1 << 32;

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn commit_step(&self, commit: &Commit<'_>) -> StoreResult<Committed> {
        let (questions, script) = gather::script(commit, D::LOCKING);
        let own = Own::copied(commit);
        let then = move |answers| {
            let commit = own.lent();
            match gather::read(&questions, answers, &commit)? {
                Some(before) if before.has_archive => Ok((Vec::new(), None)),
                before => plan(&commit, before, &Adopted::default()).map(|(script, plan)| (script, Some(plan))),
            }
        };
        let (answers, plan) = match self.db.transact(script, then).await? {
            (answers, Some(plan)) => (answers, plan),
            // Something of the account came from an archive, and this step may tell the same messages.
            (_, None) => self.commit_adopting(commit).await?,
        };
        if let Some(account_pk) = plan.lay {
            self.lay(account_pk).await;
        }
        plan.committed(answers)
    }
}

impl<D: Dialect> SqlStore<D> {
    /// The same in more scripts, because rows of archives have to be found and taken over first.
    async fn commit_adopting(&self, commit: &Commit<'_>) -> StoreResult<(Vec<Outcome>, Plan)> {
        let mut tx = self.db.begin().await?;
        let answers = self.db.run(&mut tx, vec![gather::lease(commit, D::LOCKING)]).await?;
        let planned = match rows::rows(answers).next() {
            Some(row) => self.plan_adopting(&mut tx, commit, adopt::Place::read(row)?).await,
            None => Err(StoreError::LeaseLost),
        };
        match planned {
            Ok((script, plan)) => Ok((self.db.finish(tx, script).await?, plan)),
            Err(error) => {
                self.db.abandon(tx).await;
                Err(error)
            }
        }
    }

    async fn plan_adopting(
        &self,
        tx: &mut D::Tx,
        commit: &Commit<'_>,
        place: adopt::Place,
    ) -> StoreResult<(Vec<Statement>, Plan)> {
        let adopted = self.adopt(tx, commit, &place).await?;
        let batch = adopted.extended(commit.batch);
        let commit = Commit { batch: &batch, ..*commit };
        let (questions, script) = gather::script(&commit, D::LOCKING);
        let answers = self.db.run(tx, script).await?;
        let before = gather::read(&questions, answers, &commit)?;
        plan(&commit, before, &adopted)
    }
}

/// A commit that can go along with its transaction, to wherever that runs.
struct Own {
    lease: Lease,
    batch: Batch,
    sealed_session: Option<SealedSession>,
    next_request_at: Timestamp,
    lease_until: Timestamp,
    progress: Progress,
    now: Timestamp,
}

impl Own {
    fn copied(commit: &Commit<'_>) -> Self {
        Self {
            lease: commit.lease.clone(),
            batch: commit.batch.clone(),
            sealed_session: commit.sealed_session.cloned(),
            next_request_at: commit.next_request_at,
            lease_until: commit.lease_until,
            progress: commit.progress.clone(),
            now: commit.now,
        }
    }

    fn lent(&self) -> Commit<'_> {
        Commit {
            lease: &self.lease,
            batch: &self.batch,
            sealed_session: self.sealed_session.as_ref(),
            next_request_at: self.next_request_at,
            lease_until: self.lease_until,
            progress: &self.progress,
            now: self.now,
        }
    }
}

/// What is left to tell once the transaction is through.
struct Plan {
    progress: Progress,
    events: u64,
    cancel_requested: bool,
    media_asks: i64,
    /// The account in whose lists somebody has to be written anew.
    lay: Option<i64>,
}

fn plan(commit: &Commit<'_>, before: Option<Before>, adopted: &Adopted) -> StoreResult<(Vec<Statement>, Plan)> {
    let before = before.ok_or(StoreError::LeaseLost)?;
    let (cancel_requested, media_asks) = (before.cancel_requested, before.media_asks);
    let mut folded = fold::fold(commit, before, adopted);
    let progress = progress(commit.progress, &folded, commit);
    let attachments = std::mem::take(&mut folded.attachments);
    let script = write::script(commit, &folded, attachments, &progress)?;
    let events = u64::try_from(folded.events.len()).unwrap_or(u64::MAX);
    let lay = folded.lays().then_some(folded.before.account_pk);
    Ok((script, Plan { progress, events, cancel_requested, media_asks, lay }))
}

fn progress(before: &Progress, folded: &Folded, commit: &Commit<'_>) -> Progress {
    let counts = &folded.counts;
    let oddities = u64::try_from(commit.batch.oddities.len()).unwrap_or(u64::MAX);
    Progress {
        conversations_changed: before.conversations_changed + counts.conversations_changed,
        conversations_finished: before.conversations_finished + finished(folded, commit),
        messages_new: before.messages_new + counts.messages_new,
        messages_changed: before.messages_changed + counts.messages_changed,
        oddities: before.oddities + oddities,
        verified: before.verified + verified(commit).0,
        drift: before.drift + verified(commit).1,
        ..before.clone()
    }
}

/// Conversations that a verification has judged in this step, and the drift that it found.
fn verified(commit: &Commit<'_>) -> (u64, u64) {
    let verdicts = commit.batch.verification.iter().flat_map(|one| &one.verdicts);
    verdicts.fold((0, 0), |(count, drift), one| (count + 1, drift + u64::from(drift_of(&one.findings))))
}

/// 1 when the conversation that was asked about was due and now is up to date.
fn finished(folded: &Folded, commit: &Commit<'_>) -> u64 {
    let Some(track) = &commit.batch.track else {
        return 0;
    };
    let was_due = folded.asked_was_due;
    let is_whole = matches!(track.detail.completeness, Completeness::Complete | Completeness::EndUnproven);
    u64::from(was_due && is_whole && track.due_rank().is_none())
}

impl Plan {
    fn committed(self, answers: Vec<Outcome>) -> StoreResult<Committed> {
        let due = match answers.into_iter().last().into_iter().flat_map(|one| one.rows).next() {
            Some(row) => {
                let mut row = row.columns("tracks");
                let conversation = row.id("conversation_id")?;
                Some(rows::track(&mut row, conversation)?)
            }
            None => None,
        };
        let Self { progress, events, cancel_requested, media_asks, lay: _ } = self;
        Ok(Committed { progress, events, due, cancel_requested, media_asks })
    }
}
