//! Fetching attachments: between the steps of a sync when somebody waits, after its messages when all are wanted, or as
//! the only work of a job.
//!
//! What a refusal of the account means is the engine's to say, as in a sync. A link that died is renewed once, by asking
//! its message again (upstream protocol 6.2). Bytes are kept before the row says so, and never the other way round.

use std::sync::Arc;

use threadkeep_core::page::{Reply, Trouble};
use threadkeep_core::sync::{Batch, Step, settle};
use threadkeep_core::time::Timestamp;

use super::sync::{After, Outcome, Run};
use crate::lifecycle::Stop;
use crate::planted::{self, Bug};
use crate::refusal::Refusal;
use crate::source::media::{MediaAddress, MediaBody, MediaFault};
use crate::source::voyager::Session;
use crate::source::{FetchFailed, Fetched};
use crate::store::{DUE_WITHIN_MS, JobEnd, MediaCommit, MediaOutcome, MediaPolicy, MediaTask, Renewal, StoredObject};
use crate::tenure::StillOurs;
use crate::vault::ObjectHash;
use crate::verbs::media::remove_loose;

/// How often one attachment is tried before it is given up until somebody asks again.
const TRIES_MAX: u32 = 5;
/// The failure of bytes that could not be kept because the same ones were being removed.
const BUSY: &str = "media_store_busy";

/// What a run does about media.
pub(super) struct MediaTurn {
    /// Whether fetching is allowed at all.
    is_allowed: bool,
    /// Whether everything is fetched after the messages.
    is_eager: bool,
    /// Whether media are all that the job is for.
    pub(super) is_all: bool,
    /// Whether somebody may have asked since we last looked.
    may_be_asked: bool,
    /// The count of wishes when we last looked.
    asks_seen: Option<i64>,
    /// Whether what remains was counted in this claim.
    is_counted: bool,
}

impl MediaTurn {
    pub(super) fn new(policy: MediaPolicy, is_all: bool) -> Self {
        Self {
            is_allowed: policy != MediaPolicy::Off,
            is_eager: policy == MediaPolicy::Eager && !is_all,
            is_all,
            may_be_asked: true,
            asks_seen: None,
            is_counted: false,
        }
    }

    /// Takes note of the count of wishes that a commit has seen.
    pub(super) fn notice(&mut self, asks: i64) {
        self.may_be_asked |= self.asks_seen != Some(asks);
        self.asks_seen = Some(asks);
    }
}

/// What asking for an attachment came to.
enum Answer {
    /// Something to write about the attachment.
    Settled { outcome: MediaOutcome, renewed: Option<Session>, requests: u32 },
    /// Its message was shown again.
    Shown(Box<Outcome>),
    /// Trouble that concerns the account; the attachment stays as it is.
    Trouble { trouble: Trouble, renewed: Option<Session> },
}

impl Answer {
    fn asked(outcome: MediaOutcome) -> Self {
        Self::Settled { outcome, renewed: None, requests: 1 }
    }

    fn unasked(outcome: MediaOutcome) -> Self {
        Self::Settled { outcome, renewed: None, requests: 0 }
    }
}

impl Run<'_> {
    /// What somebody waits for, if anything.
    pub(super) async fn asked_media(&mut self, now: Timestamp) -> Result<Option<MediaTask>, Refusal> {
        if !self.media.is_allowed || !self.media.may_be_asked {
            return Ok(None);
        }
        let task = self.app.store.next_media(&self.lease, false, now).await?;
        self.media.may_be_asked = task.is_some();
        Ok(task)
    }

    /// What comes after the messages: the attachments, if all are wanted, and then the end.
    pub(super) async fn close(&mut self, stop: &Stop, now: Timestamp) -> Result<After, Refusal> {
        if self.media.is_eager
            && let Some(task) = self.app.store.next_media(&self.lease, true, now).await?
        {
            if !self.media.is_counted {
                self.media.is_counted = true;
                self.progress.media_remaining = self.app.store.media_counts(&self.account.id).await?.remaining();
            }
            return self.fetch_media(&task, stop, now).await;
        }
        self.progress.media_remaining = 0;
        if self.media.is_all && self.media.is_allowed {
            match self.app.store.media_due_at(&self.account.id).await? {
                // What is put off longer than any wait was put off by a clock that was wrong, and is fetched now.
                Some(at) if at > now && at.since_ms(now) <= DUE_WITHIN_MS => {
                    self.put_back(at).await?;
                    return Ok(After::Over);
                }
                Some(_) => {
                    self.media.may_be_asked = true;
                    return Ok(After::GoOn);
                }
                None => {}
            }
        }
        self.finish(if self.media.is_all { JobEnd::MediaDone } else { JobEnd::Done }).await?;
        if self.media.is_allowed {
            // Somebody may have asked while the job ended, or something is to be tried again later.
            self.app.store.enqueue_media(&self.account.id, now).await?;
        }
        Ok(After::Over)
    }

    /// Fetches one attachment, or does the next thing that this takes.
    pub(super) async fn fetch_media(
        &mut self,
        task: &MediaTask,
        stop: &Stop,
        now: Timestamp,
    ) -> Result<After, Refusal> {
        self.progress.phase = "media".into();
        self.progress.current = task.origin.as_ref().map(|(conversation, _)| conversation.clone());
        self.tenure.ensure(self.app).await?;
        let (app, tenure) = (self.app, Arc::clone(&self.tenure));
        let answer = tokio::select! {
            biased;
            answer = self.ask_media(task) => answer?,
            lost = tenure.keep(app) => return Err(lost),
            () = stop.asked() => {
                self.put_back(now).await?;
                return Ok(After::Over);
            }
        };
        match answer {
            Answer::Settled { outcome, renewed, requests } => self.settle_media(task, outcome, renewed, requests).await,
            Answer::Shown(outcome) => match self.commit(*outcome).await? {
                After::GoOn => self.settle_media(task, MediaOutcome::LinkRenewed, None, 0).await,
                After::Over => Ok(After::Over),
            },
            Answer::Trouble { trouble, renewed } => {
                tracing::warn!(job = self.lease.job, account = %self.account.id, "media: {trouble}");
                let now = self.app.clock.now();
                let batch = settle(&self.state, &Step::Done, &trouble, self.app.sync.pace, now);
                self.commit(Outcome { batch, renewed, requests: 1, is_trouble: true }).await
            }
        }
    }

    async fn ask_media(&mut self, task: &MediaTask) -> Result<Answer, Refusal> {
        let attachment = &task.attachment;
        if attachment.renewal == Renewal::Due {
            return self.ask_message(task).await;
        }
        let Some(url) = attachment.url.as_deref() else {
            return Ok(Answer::unasked(expired(task)));
        };
        let Ok(address) = MediaAddress::parse(url) else {
            return Ok(Answer::unasked(MediaOutcome::Refused { code: "media_host_not_allowed" }));
        };
        let media = self.app.media.clone();
        let limits = media.limits();
        let total_ms = i64::try_from(limits.total_ms).unwrap_or(i64::MAX / 4);
        let until = self.app.clock.now().plus_ms(total_ms.saturating_add(self.app.sync.lease_ms));
        match media.gate.fetch(&address, Some(self.source.session()), limits).await {
            Ok(body) => self.keep(task, body, until).await,
            Err(fault) => Ok(self.meaning(task, fault)),
        }
    }

    /// Puts bytes into the vault.
    async fn keep(&mut self, task: &MediaTask, body: MediaBody, until: Timestamp) -> Result<Answer, Refusal> {
        let MediaBody { bytes, media_type, file_name, renewed, .. } = body;
        if let Some(session) = &renewed {
            self.source.renew(session.clone());
        }
        let object = StoredObject {
            hash: ObjectHash::of(&bytes).to_string(),
            size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            media_type: media_type.as_str().to_owned(),
        };
        let outcome = if !self.announce(task, &object, until).await? {
            self.failed_here(task, BUSY)
        } else if let Err(error) = self.app.media.vault.put(bytes).await {
            tracing::error!(account = %self.account.id, "an attachment could not be kept: {error}");
            self.failed_here(task, "media_store_unavailable")
        } else {
            MediaOutcome::Stored { object, name: file_name }
        };
        Ok(Answer::Settled { outcome, renewed, requests: 1 })
    }

    /// Announces bytes that are to be kept; false while the same ones are being removed. Whoever does that is waited for
    /// once: then it is gone, and what it has left is removed here.
    async fn announce(&self, task: &MediaTask, object: &StoredObject, until: Timestamp) -> Result<bool, Refusal> {
        if self.app.store.expect_object(object, until).await? {
            return Ok(true);
        }
        let has_waited = task.attachment.failure_code.as_deref() == Some(BUSY);
        if !has_waited || planted::is(Bug::LeavingBytesAwaited) {
            return Ok(false);
        }
        if let Err(refusal) = remove_loose(self.app).await {
            tracing::warn!(code = refusal.code(), "media that are being removed could not be removed");
            return Ok(false);
        }
        Ok(self.app.store.expect_object(object, until).await?)
    }

    /// A failure of our own: it is tried again until it is mended, ever more seldom.
    fn failed_here(&self, task: &MediaTask, code: &'static str) -> MediaOutcome {
        let tries = task.attachment.tries.saturating_add(1);
        let again = self.app.clock.now().plus_ms(self.app.sync.pace.retry_ms(tries));
        MediaOutcome::Failed { code, not_before: Some(again) }
    }

    fn meaning(&self, task: &MediaTask, fault: MediaFault) -> Answer {
        let code = fault.slug();
        match fault {
            MediaFault::Account(trouble) => Answer::Trouble { trouble, renewed: None },
            MediaFault::Throttled { retry_after_ms } => {
                Answer::Trouble { trouble: Trouble::RateLimited { retry_after_ms }, renewed: None }
            }
            MediaFault::Expired { .. } => Answer::asked(expired(task)),
            // A page that stands in for a file goes away again; what it replaces does not.
            fault if fault.is_passing() || fault == MediaFault::NotMedia => Answer::asked(self.failed(task, code)),
            _ => Answer::asked(MediaOutcome::Refused { code }),
        }
    }

    fn failed(&self, task: &MediaTask, code: &'static str) -> MediaOutcome {
        let tries = task.attachment.tries.saturating_add(1);
        let again = self.app.clock.now().plus_ms(self.app.sync.pace.retry_ms(tries));
        let is_tried = tries < TRIES_MAX || planted::is(Bug::MediaTriedForEver);
        MediaOutcome::Failed { code, not_before: is_tried.then_some(again) }
    }

    /// Asks the message again, for the link that it has now.
    async fn ask_message(&mut self, task: &MediaTask) -> Result<Answer, Refusal> {
        let (Some((conversation, delivered_at)), Some(message)) = (&task.origin, &task.attachment.message) else {
            return Ok(Answer::unasked(MediaOutcome::Gone));
        };
        let anchor = delivered_at.plus_ms(1);
        let step = Step::Messages { conversation: conversation.clone(), anchor, cursor: None };
        match self.source.fetch(&step, &StillOurs { app: self.app, tenure: &self.tenure }).await {
            Ok(Fetched { reply: Reply::Messages(page), renewed, requests }) => {
                let mut batch = self.rested_batch();
                batch.messages = page.messages.into_iter().filter(|one| one.id == *message).collect();
                if batch.messages.is_empty() {
                    return Ok(Answer::Settled { outcome: MediaOutcome::Gone, renewed, requests });
                }
                let is_trouble = requests > 1;
                Ok(Answer::Shown(Box::new(Outcome { batch, renewed, requests, is_trouble })))
            }
            Ok(Fetched { renewed, requests, .. }) => {
                Ok(Answer::Settled { outcome: self.failed(task, "media_unavailable"), renewed, requests })
            }
            Err(FetchFailed { trouble, renewed, requests }) => Ok(match trouble {
                // The question was answered, only not well: nothing of the account's.
                Trouble::Refused { .. } | Trouble::Unreadable { .. } => {
                    Answer::Settled { outcome: self.failed(task, "media_unavailable"), renewed, requests }
                }
                trouble => {
                    let is_fatal =
                        matches!(trouble, Trouble::NeedsLogin { .. } | Trouble::Challenged { .. } | Trouble::Blocked);
                    Answer::Trouble { trouble, renewed: renewed.filter(|_| !is_fatal) }
                }
            }),
        }
    }

    /// A batch that changes nothing but that failures are not in a row any more.
    fn rested_batch(&self) -> Batch {
        let mut batch = Batch::unchanged(&self.state);
        batch.inbox.attempts = 0;
        batch.inbox.rate_limits = 0;
        batch
    }

    async fn settle_media(
        &mut self,
        task: &MediaTask,
        outcome: MediaOutcome,
        renewed: Option<Session>,
        requests: u32,
    ) -> Result<After, Refusal> {
        let is_failure =
            !matches!(outcome, MediaOutcome::Stored { .. } | MediaOutcome::LinkExpired | MediaOutcome::LinkRenewed);
        let is_over = is_failure || matches!(outcome, MediaOutcome::Stored { .. });
        self.progress.requests += u64::from(requests);
        self.progress.media_fetched += u64::from(matches!(outcome, MediaOutcome::Stored { .. }));
        self.progress.media_failed += u64::from(is_failure);
        self.progress.media_remaining = self.progress.media_remaining.saturating_sub(u64::from(is_over));
        let sealed = self.sealed(renewed.as_ref()).await?;
        let since_ms = self.app.clock.passed_ms();
        let now = self.app.clock.now();
        let next_request_at = self.next_request_at(now, requests);
        let committed = self
            .app
            .store
            .commit_media(&MediaCommit {
                lease: &self.lease,
                task,
                outcome: &outcome,
                sealed_session: sealed.as_ref(),
                next_request_at,
                lease_until: now.plus_ms(self.app.sync.lease_ms),
                progress: &self.progress,
                now,
            })
            .await?;
        self.tenure.confirmed(since_ms);
        if !planted::is(Bug::FileGapForgotten) {
            self.account.next_request_at = next_request_at;
        }
        // What was asked for may have several steps, and somebody may have asked for more.
        self.media.may_be_asked = true;
        self.media.notice(committed.asks);
        // A link that died says nothing about whether LinkedIn wants to be asked again.
        let had_trouble = self.state.inbox.attempts > 0 || self.state.inbox.rate_limits > 0;
        if had_trouble && matches!(outcome, MediaOutcome::Stored { .. }) {
            let batch = self.rested_batch();
            return self.commit(Outcome { batch, renewed: None, requests: 0, is_trouble: false }).await;
        }
        if committed.cancel_requested {
            self.finish(JobEnd::Cancelled).await?;
            return Ok(After::Over);
        }
        Ok(After::GoOn)
    }
}

/// What a dead link means: its message is asked again, once.
fn expired(task: &MediaTask) -> MediaOutcome {
    match task.attachment.renewal == Renewal::None && task.origin.is_some() && !planted::is(Bug::ExpiredLinkNotRenewed)
    {
        true => MediaOutcome::LinkExpired,
        false => MediaOutcome::Gone,
    }
}
