//! The driver of a sync: state, step, fetch, absorb, commit, again.
//!
//! It decides nothing: what to ask and what an answer means is the engine's, what is written is the store's. It must
//! never send a request that the row does not allow yet, and never keep anything that a commit did not write.

use std::sync::Arc;

use threadkeep_core::page::Trouble;
use threadkeep_core::sync::pace::GAP_MAX_MS;
use threadkeep_core::sync::track::RunId;
use threadkeep_core::sync::{Batch, Step, SyncState, absorb, next_step, settle};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::look::heard;
use threadkeep_core::verify::{Stage, Verification};

use crate::app::App;
use crate::lifecycle::Stop;
use crate::planted::{self, Bug};
use crate::refusal::Refusal;
use crate::source::voyager::Session;
use crate::source::{FetchFailed, Fetched, Source};
use crate::store::{Account, Claimed, Commit, JobEnd, JobFailure, Lease, Progress, SealedSession};
use crate::tenure::{StillOurs, Tenure};
use crate::verbs::accounts::{open_session, seal_session};
use crate::verbs::sync::stopped;

use super::media::MediaTurn;
use super::verify;

/// Steps of one claim; then other accounts have their turn.
const SLICE_STEPS: u32 = 5_000;

/// One claim of a job.
pub(super) struct Run<'a> {
    pub(super) app: &'a App,
    pub(super) lease: Lease,
    pub(super) tenure: Arc<Tenure>,
    pub(super) account: Account,
    pub(super) state: SyncState,
    pub(super) progress: Progress,
    pub(super) source: Box<dyn Source>,
    pub(super) media: MediaTurn,
    /// The verification that the job is asked for.
    pub(super) verification: Option<Verification>,
    /// Whether what lists have shown is still to be compared with what was brought, before the job is done.
    pub(super) checks_lag: bool,
}

/// What follows a step.
pub(super) enum After {
    /// The next step, now.
    GoOn,
    /// The job was put back or ended.
    Over,
}

/// What an answer or a failure means, and what is to be kept of it.
pub(super) struct Outcome {
    pub(super) batch: Batch,
    pub(super) renewed: Option<Session>,
    pub(super) requests: u32,
    pub(super) is_trouble: bool,
}

/// Works on a job that has just been claimed until it is done, has to wait, or a stop is asked for.
pub async fn work(app: &App, stop: &Stop, claimed: Claimed) -> Result<(), Refusal> {
    work_since(app, stop, claimed, app.clock.passed_ms()).await
}

/// The same for a claim that began at this point of the clock's passing time.
pub(super) async fn work_since(app: &App, stop: &Stop, claimed: Claimed, since_ms: i64) -> Result<(), Refusal> {
    let Claimed { job, lease } = claimed;
    if job.cancel_requested {
        return Ok(app.store.finish(&lease, &JobEnd::Cancelled, &job.progress, app.clock.now()).await?);
    }
    let work = app.store.work_state(&lease).await?;
    if let Some((code, what)) = stopped(&work.account) {
        let end = JobEnd::Failed(JobFailure { code: code.into(), what });
        return Ok(app.store.finish(&lease, &end, &job.progress, app.clock.now()).await?);
    }
    let source = match connect(app, &work.account).await {
        Ok(source) => source,
        Err(Refusal::Store(error)) => return Err(error.into()),
        Err(refusal) => {
            let end = JobEnd::Failed(JobFailure { code: refusal.code().into(), what: refusal.to_string() });
            return Ok(app.store.finish(&lease, &end, &job.progress, app.clock.now()).await?);
        }
    };
    let state = SyncState {
        scope: work.account.scope.clone(),
        inbox: work.account.inbox.clone(),
        due: work.due,
        hold: work.account.hold.clone(),
        run: RunId { job: job.id, started_at: job.started_at.unwrap_or(job.created_at) },
    };
    let media = MediaTurn::new(work.account.media_policy, job.media_only);
    let verification = verify::of_job(app, &work.account, &job).await?;
    let tenure = Tenure::new(lease.clone(), app.sync.lease_ms, since_ms);
    let (account, progress) = (work.account, job.progress);
    let run = Run { app, lease, tenure, account, state, progress, source, media, verification, checks_lag: true };
    run.steps(stop).await
}

async fn connect(app: &App, account: &Account) -> Result<Box<dyn Source>, Refusal> {
    let session = open_session(app, &account.id).await?;
    Ok(Box::new(app.voyager(session).of_member(account.member.clone())))
}

impl Run<'_> {
    async fn steps(mut self, stop: &Stop) -> Result<(), Refusal> {
        for _ in 0..SLICE_STEPS {
            super::heed_database(self.app).await?;
            let now = self.app.clock.now();
            if stop.is_asked() {
                return self.put_back(now).await;
            }
            let until = self.account.next_request_at;
            // A gap that ends later than any can was set by a clock that was wrong.
            let is_gap = until > now && until.since_ms(now) <= GAP_MAX_MS;
            if is_gap && !planted::is(Bug::GapForgotten) {
                return self.put_back(until).await;
            }
            match self.step(stop, now).await? {
                After::GoOn => {}
                After::Over => return Ok(()),
            }
        }
        let now = self.app.clock.now();
        self.put_back(now).await
    }

    async fn step(&mut self, stop: &Stop, now: Timestamp) -> Result<After, Refusal> {
        let step = next_step(&self.state, now);
        match &step {
            Step::Rest(hold) => {
                self.progress.phase = "wait".into();
                self.put_back(hold.until).await?;
                return Ok(After::Over);
            }
            // Somebody waits for an attachment: that goes before everything else.
            _ => {
                if let Some(task) = self.asked_media(now).await? {
                    return self.fetch_media(&task, stop, now).await;
                }
            }
        }
        if self.media.is_all {
            return self.close(stop, now).await;
        }
        if step != Step::Done {
            self.note(&step);
            return self.ask(&step, stop, now).await;
        }
        if self.rouse().await? {
            return Ok(After::GoOn);
        }
        match self.verification.clone().filter(|at| at.stage != Stage::Done) {
            Some(at) => self.verify(at, stop, now).await,
            None => self.close(stop, now).await,
        }
    }

    /// A run is not done while a list has shown more of a conversation than was brought: that one is due, once.
    async fn rouse(&mut self) -> Result<bool, Refusal> {
        let done = &self.progress;
        let has_seen = done.list_pages + done.message_pages + done.conversations_changed > 0;
        if !std::mem::take(&mut self.checks_lag) || !has_seen {
            return Ok(false);
        }
        let roused = self.app.store.rouse(&self.lease).await?;
        if roused > 0 {
            tracing::warn!(job = self.lease.job, account = %self.account.id, roused, "conversations lag behind their list");
            self.state.due = self.app.store.work_state(&self.lease).await?.due;
        }
        Ok(roused > 0)
    }

    /// Asks what a step of the sync wants to know, and writes what it taught.
    pub(super) async fn ask(&mut self, step: &Step, stop: &Stop, now: Timestamp) -> Result<After, Refusal> {
        self.tenure.ensure(self.app).await?;
        let leave = StillOurs { app: self.app, tenure: &self.tenure };
        let outcome = tokio::select! {
            biased;
            fetched = self.source.fetch(step, &leave) => fetched,
            lost = self.tenure.keep(self.app) => return Err(lost),
            () = stop.asked() => {
                self.put_back(now).await?;
                return Ok(After::Over);
            }
        };
        let outcome = self.judge(step, outcome, now);
        self.commit(outcome).await
    }

    fn judge(&self, step: &Step, fetched: Result<Fetched, FetchFailed>, asked_at: Timestamp) -> Outcome {
        match fetched {
            Ok(Fetched { reply, renewed, requests }) => {
                // What was asked at `asked_at` may show anything up to the answer, never less than that.
                let mut batch = absorb(&self.state, step, reply, asked_at);
                batch.verification = self.verification.as_ref().and_then(|at| heard(at, step, &batch));
                Outcome { batch, renewed, requests, is_trouble: requests > 1 }
            }
            Err(FetchFailed { trouble, renewed, requests }) => {
                let now = self.app.clock.now();
                tracing::warn!(job = self.lease.job, account = %self.account.id, "{trouble}");
                let batch = settle(&self.state, step, &trouble, self.app.sync.pace, now);
                let renewed = renewed.filter(|_| !is_fatal(&trouble));
                Outcome { batch, renewed, requests, is_trouble: true }
            }
        }
    }

    /// Writes a step's result and says what follows.
    pub(super) async fn commit(&mut self, outcome: Outcome) -> Result<After, Refusal> {
        let Outcome { mut batch, renewed, requests, is_trouble } = outcome;
        self.progress.requests += u64::from(requests);
        self.progress.troubles += u64::from(is_trouble);
        let sealed = self.sealed(renewed.as_ref()).await?;
        let since_ms = self.app.clock.passed_ms();
        let now = self.app.clock.now();
        let next_request_at = self.next_request_at(now, requests);
        if planted::is(Bug::CursorBeforeRecords) {
            self.commit_tracks(&batch).await?;
        }
        let committed = self
            .app
            .store
            .commit(&Commit {
                lease: &self.lease,
                batch: &batch,
                sealed_session: sealed.as_ref(),
                next_request_at,
                lease_until: now.plus_ms(self.app.sync.lease_ms),
                progress: &self.progress,
                now,
            })
            .await?;
        self.tenure.confirmed(since_ms);
        self.progress = committed.progress;
        self.account.next_request_at = next_request_at;
        self.state.inbox = batch.inbox;
        self.state.due = committed.due;
        self.state.hold = batch.hold.take();
        self.media.notice(committed.media_asks);
        if let Some(written) = batch.verification {
            self.verification = Some(written.state);
        }
        if let Some(failure) = batch.failure {
            let failure = JobFailure { code: failure.code.as_str().into(), what: failure.what };
            self.finish(JobEnd::Failed(failure)).await?;
            return Ok(After::Over);
        }
        if committed.cancel_requested && !planted::is(Bug::CancelIgnored) {
            self.finish(JobEnd::Cancelled).await?;
            return Ok(After::Over);
        }
        Ok(After::GoOn)
    }

    /// The half of a commit that a planted bug makes first.
    async fn commit_tracks(&self, batch: &Batch) -> Result<(), Refusal> {
        let now = self.app.clock.now();
        let unchanged = Batch::unchanged(&self.state);
        let batch = Batch { inbox: batch.inbox.clone(), track: batch.track.clone(), ..unchanged };
        let commit = Commit {
            lease: &self.lease,
            batch: &batch,
            sealed_session: None,
            next_request_at: self.account.next_request_at,
            lease_until: now.plus_ms(self.app.sync.lease_ms),
            progress: &self.progress,
            now,
        };
        self.app.store.commit(&commit).await?;
        Ok(())
    }

    /// A session that an answer has changed, as it is stored.
    pub(super) async fn sealed(&self, renewed: Option<&Session>) -> Result<Option<SealedSession>, Refusal> {
        match renewed {
            Some(session) => Ok(Some(seal_session(self.app, &self.account.id, session).await?)),
            None => Ok(None),
        }
    }

    /// When the pace allows the next request, after so many.
    pub(super) fn next_request_at(&self, now: Timestamp, requests: u32) -> Timestamp {
        match requests {
            0 => self.account.next_request_at,
            _ => now.plus_ms(self.app.sync.pace.gap_ms(self.dice())),
        }
    }

    /// A number that differs from request to request and is the same after a crash.
    fn dice(&self) -> u64 {
        let seed = self.lease.job.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.progress.requests;
        let mixed = (seed ^ (seed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 29)
    }

    fn note(&mut self, step: &Step) {
        let (phase, current) = match step {
            Step::StartToken => ("start", None),
            Step::Delta { .. } => ("changes", None),
            Step::List { .. } => ("list", None),
            Step::Messages { conversation, .. } | Step::MessageChanges { conversation, .. } => {
                ("messages", Some(conversation.clone()))
            }
            Step::Rest(_) | Step::Done => ("wait", None),
        };
        match phase {
            "messages" => self.progress.message_pages += 1,
            "list" => self.progress.list_pages += 1,
            _ => {}
        }
        self.progress.phase = phase.into();
        self.progress.current = current;
    }

    pub(super) async fn put_back(&self, not_before: Timestamp) -> Result<(), Refusal> {
        Ok(self.app.store.put_back(&self.lease, not_before, &self.progress).await?)
    }

    pub(super) async fn finish(&self, end: JobEnd) -> Result<(), Refusal> {
        Ok(self.app.store.finish(&self.lease, &end, &self.progress, self.app.clock.now()).await?)
    }
}

/// After these the stored session stays as it was before the answer.
pub(super) fn is_fatal(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::NeedsLogin { .. } | Trouble::Challenged { .. } | Trouble::Blocked)
}
