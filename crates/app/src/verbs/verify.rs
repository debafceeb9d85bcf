//! Asking whether the mirror holds what LinkedIn shows, and telling what was found.
//!
//! Asking only writes a job, as for a sync; the work is done by workers. Nothing here asks LinkedIn for anything.

use std::collections::BTreeMap;

use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::sync::HoldReason;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::look::weighed;
use threadkeep_core::verify::{Ask, Kind, Weight};

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{VerdictRow, VerificationRow};
use crate::verbs::sync::{Ticket, blocked_until, stopped};

/// Largest page of verdicts.
pub const VERDICTS_PAGE_MAX: u32 = 100;

/// What the newest verification of an account found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The run.
    pub run: i64,
    /// What was asked for.
    pub asked: Ask,
    /// When it began.
    pub started_at: Timestamp,
    /// When it had compared everything.
    pub finished_at: Option<Timestamp>,
    /// Conversations that lists have shown.
    pub listed: u64,
    /// Conversations whose messages were read to their end.
    pub read: u64,
    /// Findings by kind.
    pub totals: BTreeMap<Kind, u64>,
    /// Drift that was found, repaired or not.
    pub drift: u64,
    /// Drift of this that was repaired.
    pub repaired: u64,
    /// What is here and not shown there.
    pub kept: u64,
    /// What could not be judged.
    pub unsure: u64,
}

impl Found {
    /// What a kept verification found.
    pub fn of(row: &VerificationRow) -> Self {
        let state = &row.state;
        Self {
            run: row.job,
            asked: row.asked,
            started_at: row.started_at,
            finished_at: row.finished_at,
            listed: state.listed,
            read: state.read,
            drift: weighed(&state.totals, Weight::Drift),
            repaired: state.repaired,
            kept: weighed(&state.totals, Weight::Kept),
            unsure: weighed(&state.totals, Weight::Unsure).saturating_add(state.moved_count),
            totals: state.totals.clone(),
        }
    }

    /// Drift that is still there.
    pub fn drift_left(&self) -> u64 {
        self.drift.saturating_sub(self.repaired)
    }
}

/// Asks for a verification of an account.
pub async fn request(app: &App, account: &AccountId, ask: Ask) -> Result<Ticket, Refusal> {
    let now = app.clock.now();
    let kept = app.store.account(account).await?.ok_or(Refusal::NoAccount)?;
    if let Some((code, what)) = stopped(&kept) {
        return Ok(Ticket::Stopped { code, what });
    }
    let blocked = kept.hold.as_ref().filter(|hold| hold.why == HoldReason::Blocked && hold.until > now);
    if let Some(hold) = blocked {
        return Ok(Ticket::Stopped { code: "upstream_blocked", what: blocked_until(hold.until) });
    }
    let (job, joined) = app.store.enqueue_verify(account, ask, now).await?;
    if !joined {
        app.storage.note(None);
    }
    app.bell.notify_waiters();
    Ok(Ticket::Job { job: Box::new(job), joined })
}

/// What the newest verification of an account found so far; `None` when there was none.
pub async fn newest(app: &App, account: &AccountId) -> Result<Option<Found>, Refusal> {
    Ok(app.store.verification(account).await?.as_ref().map(Found::of))
}

/// A page of conversations in which verifications found something, by id, and whether there are more.
pub async fn verdicts(
    app: &App,
    account: &AccountId,
    after: Option<&ConversationId>,
    limit: u32,
) -> Result<(Vec<VerdictRow>, bool), Refusal> {
    let limit = limit.clamp(1, VERDICTS_PAGE_MAX);
    let mut rows = app.store.verdicts(account, after, limit + 1).await?;
    let limit = usize::try_from(limit).unwrap_or(1);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, has_more))
}

/// What a finding means and what can be done, in words.
pub fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::ConversationMissing => "a conversation is not here",
        Kind::ActivityOlder => "LinkedIn shows newer activity",
        Kind::ReadState => "the read mark differs",
        Kind::Title => "the title differs",
        Kind::Participants => "the participants differ",
        Kind::Categories => "the folders differ",
        Kind::Details => "other details differ",
        Kind::MessageMissing => "messages are not here",
        Kind::MessageOlder => "messages are older here",
        Kind::Reactions => "reactions differ",
        Kind::HereOnly => "messages are here only",
        Kind::NotListed => "no list shows the conversation",
        Kind::DeletedHere => "LinkedIn shows what it said was gone",
        Kind::ActivityNewer => "the activity kept is newer than the one shown",
        Kind::Moved => "it changed while it was looked at",
        Kind::Unreadable => "it could not be read",
        Kind::EndUnproven => "its end could not be proved",
    }
}
