//! The driver of a verification: what the core says, asked, compared with the rows, and committed.
//!
//! It runs only when the sync has nothing left to do, inside the same job, so an account never has two requests under
//! way. It decides nothing, and without a repair it writes no record.

use threadkeep_core::page::Reply;
use threadkeep_core::sync::{Batch, Step};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::look::{chosen, finished, found, judged, listed, read, take, troubled};
use threadkeep_core::verify::{Ask, Doing, Verification, VerifyBatch, next};

use super::sync::{After, Outcome, Run, is_fatal};
use crate::app::App;
use crate::lifecycle::Stop;
use crate::refusal::Refusal;
use crate::source::{FetchFailed, Fetched};
use crate::store::{Account, Job};
use crate::tenure::StillOurs;

/// Where the verification of a job is: where it was left, or its beginning; `None` when it has none.
pub(super) async fn of_job(app: &App, account: &Account, job: &Job) -> Result<Option<Verification>, Refusal> {
    let Some(ask) = job.verify else { return Ok(None) };
    let is_of_job = |id: i64, asked: Ask| id == job.id && asked == ask;
    let kept = app.store.verification(&account.id).await?.filter(|kept| is_of_job(kept.job, kept.asked));
    Ok(Some(kept.map_or_else(|| Verification::begin(ask, job.id, &account.scope), |kept| kept.state)))
}

impl Run<'_> {
    /// The next step of a verification, when the sync has nothing to do.
    pub(super) async fn verify(&mut self, at: Verification, stop: &Stop, now: Timestamp) -> Result<After, Refusal> {
        self.progress.phase = "verify".into();
        self.progress.current = None;
        match next(&at, &self.state, now) {
            Doing::Drain(step) => {
                // Each drain of a verification may be followed by as many as the first of a run.
                self.state.inbox.drains = 0;
                self.ask(&step, stop, now).await
            }
            Doing::Look(step) => self.look(&at, &step, stop, now).await,
            Doing::Choose(after) => {
                let conversation = self.app.store.next_to_read(&self.account.id, after.as_ref()).await?;
                let written = chosen(&at, conversation);
                match next(&written.state, &self.state, now) {
                    // The choice is written with the first page.
                    Doing::Look(step) => self.look(&written.state, &step, stop, now).await,
                    _ => self.write(written).await,
                }
            }
            Doing::Judge => self.write(judged(&at)).await,
            Doing::Find => {
                let unlisted = self.app.store.unlisted(&self.account.id, at.pass_number()).await?;
                self.write(found(&at, unlisted)).await
            }
            Doing::Finish => self.write(finished(&at)).await,
            Doing::Done => self.close(stop, now).await,
            // The caller has seen that the sync is done.
            Doing::Sync(_) => {
                self.put_back(now).await?;
                Ok(After::Over)
            }
        }
    }

    async fn write(&mut self, written: VerifyBatch) -> Result<After, Refusal> {
        let batch = Batch { verification: Some(written), ..Batch::unchanged(&self.state) };
        self.commit(Outcome { batch, renewed: None, requests: 0, is_trouble: false }).await
    }

    async fn look(&mut self, at: &Verification, step: &Step, stop: &Stop, now: Timestamp) -> Result<After, Refusal> {
        if let Step::Messages { conversation, .. } = step {
            self.progress.current = Some(conversation.clone());
        }
        self.tenure.ensure(self.app).await?;
        let leave = StillOurs { app: self.app, tenure: &self.tenure };
        let fetched = tokio::select! {
            biased;
            fetched = self.source.fetch(step, &leave) => fetched,
            lost = self.tenure.keep(self.app) => return Err(lost),
            () = stop.asked() => {
                self.put_back(now).await?;
                return Ok(After::Over);
            }
        };
        let outcome = match fetched {
            Ok(Fetched { reply, renewed, requests }) => {
                let batch = self.compared(at, step, reply, now).await?;
                Outcome { batch, renewed, requests, is_trouble: requests > 1 }
            }
            Err(FetchFailed { trouble, renewed, requests }) => {
                tracing::warn!(job = self.lease.job, account = %self.account.id, "verify: {trouble}");
                let now = self.app.clock.now();
                let batch = troubled(at, &self.state, step, &trouble, self.app.sync.pace, now);
                let renewed = renewed.filter(|_| !is_fatal(&trouble));
                Outcome { batch, renewed, requests, is_trouble: true }
            }
        };
        self.commit(outcome).await
    }

    async fn compared(&self, at: &Verification, step: &Step, reply: Reply, now: Timestamp) -> Result<Batch, Refusal> {
        let (store, account) = (&self.app.store, &self.account.id);
        match (step, reply) {
            (Step::List { category, .. }, Reply::Conversations(page)) => {
                let shown: Vec<_> = page.listed.iter().map(|one| one.conversation.id.clone()).collect();
                let newest: Vec<_> =
                    page.listed.iter().filter_map(|one| Some(one.newest.as_ref()?.id.clone())).collect();
                let kept = store.kept(account, &shown, &newest).await?;
                Ok(listed(at, &self.state, category, page, &kept, now))
            }
            (Step::Messages { conversation, .. }, Reply::Messages(page)) => {
                let shown: Vec<_> = page.messages.iter().map(|one| one.id.clone()).collect();
                let kept = store.kept(account, &[], &shown).await?;
                let taken = take(at, conversation, page);
                let stretch = match taken.window {
                    Some(window) => store.stretch(account, conversation, window).await?,
                    None => Vec::new(),
                };
                Ok(read(at, &self.state, taken, &kept, &stretch, now))
            }
            // An answer of another kind than the question teaches nothing; sources cannot produce it.
            _ => Ok(Batch::unchanged(&self.state)),
        }
    }
}
