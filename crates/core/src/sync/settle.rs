//! What a failure means.
//!
//! A failure never removes anything. What only passes is waited out in a row; what belongs to one conversation sets that
//! one aside; what belongs to the session stops the account until a person acts.

use crate::page::Trouble;
use crate::planted::{self, Bug};
use crate::sync::pace::Pace;
use crate::sync::paging::Paging;
use crate::sync::step::Step;
use crate::sync::track::{
    CONVERSATION_ATTEMPTS_MAX, Completeness, ConversationTrack, INBOX_ATTEMPTS_MAX, ListWalk, Need,
};
use crate::sync::{Batch, FailureCode, Health, Hold, HoldReason, RunFailure, SyncState};
use crate::time::Timestamp;

/// Answers in a row that ask to slow down after which a run ends.
pub const RATE_LIMITS_MAX: u32 = 12;

/// What a conversation that has to be set aside counts among the failures of the inbox.
const SET_ASIDE_WEIGHT: u32 = 2;

/// What a failure means.
pub fn settle(state: &SyncState, step: &Step, trouble: &Trouble, pace: Pace, now: Timestamp) -> Batch {
    let batch = Batch::unchanged(state);
    match trouble {
        Trouble::RateLimited { retry_after_ms } => slow_down(batch, *retry_after_ms, pace, now),
        Trouble::Unavailable { .. } => again(state, batch, step, trouble, pace, now),
        Trouble::Unreadable { .. } => again(state, batch, step, trouble, pace, now),
        Trouble::Refused { .. } => refused(state, batch, step, trouble, pace, now),
        Trouble::NeedsLogin { .. } if planted::is(Bug::DeadSessionAsksAgain) => {
            again(state, batch, step, trouble, pace, now)
        }
        Trouble::NeedsLogin { .. } => stop(batch, Some(Health::NeedsLogin), FailureCode::NeedsLogin, trouble),
        Trouble::Challenged { .. } => stop(batch, Some(Health::Challenged), FailureCode::Challenged, trouble),
        Trouble::Blocked if planted::is(Bug::BlockedIsRetried) => again(state, batch, step, trouble, pace, now),
        Trouble::Blocked => {
            let mut batch = stop(batch, None, FailureCode::UpstreamBlocked, trouble);
            batch.hold = Some(Hold { until: now.plus_ms(pace.blocked_ms()), why: HoldReason::Blocked });
            batch
        }
    }
}

fn stop(mut batch: Batch, health: Option<Health>, code: FailureCode, trouble: &Trouble) -> Batch {
    batch.health = health;
    batch.failure = Some(RunFailure { code, what: trouble.to_string() });
    batch
}

fn slow_down(mut batch: Batch, retry_after_ms: Option<i64>, pace: Pace, now: Timestamp) -> Batch {
    batch.inbox.rate_limits = batch.inbox.rate_limits.saturating_add(1);
    let count = batch.inbox.rate_limits;
    let doubling = if planted::is(Bug::RateLimitNotDoubled) { 1 } else { count };
    let until = now.plus_ms(pace.rate_limit_ms(doubling, retry_after_ms));
    batch.hold = Some(Hold { until, why: HoldReason::RateLimited });
    if count >= RATE_LIMITS_MAX {
        let what = format!("LinkedIn asked to slow down {count} times in a row");
        batch.failure = Some(RunFailure { code: FailureCode::RateLimited, what });
    }
    batch
}

/// A passing failure: counted for the conversation and for the inbox, waited out, and given up after some in a row.
fn again(state: &SyncState, mut batch: Batch, step: &Step, trouble: &Trouble, pace: Pace, now: Timestamp) -> Batch {
    let is_about_conversation = is_about_conversation(step);
    if is_about_conversation {
        batch.track = state.due.clone().map(|track| failed(track, trouble));
    }
    let tries = batch.track.as_ref().map_or(0, |track| track.detail.attempts);
    let is_set_aside = batch.track.as_ref().is_some_and(|track| track.detail.completeness == Completeness::SetAside);
    // An unreadable answer is an answer: the conversation is to blame, unless several have to be set aside in a row.
    batch.inbox.attempts += match (is_about_conversation, trouble) {
        (true, Trouble::Unreadable { .. }) if is_set_aside => SET_ASIDE_WEIGHT,
        (true, Trouble::Unreadable { .. }) if !planted::is(Bug::OneConversationStopsAll) => 0,
        _ => 1,
    };
    let attempts = batch.inbox.attempts;
    let wait_ms = pace.retry_ms(attempts.max(tries));
    batch.hold = Some(Hold { until: now.plus_ms(wait_ms), why: HoldReason::Unavailable });
    if attempts >= INBOX_ATTEMPTS_MAX {
        batch.inbox.attempts = 0;
        let code = match trouble {
            Trouble::Unreadable { .. } => FailureCode::UpstreamUnreadable,
            Trouble::Refused { .. } => FailureCode::UpstreamRefused,
            _ => FailureCode::UpstreamUnavailable,
        };
        batch.failure = Some(RunFailure { code, what: trouble.to_string() });
    }
    batch
}

fn is_about_conversation(step: &Step) -> bool {
    matches!(step, Step::Messages { .. } | Step::MessageChanges { .. })
}

fn failed(mut track: ConversationTrack, trouble: &Trouble) -> ConversationTrack {
    let detail = &mut track.detail;
    detail.attempts = detail.attempts.saturating_add(1);
    detail.trouble = Some(trouble.to_string());
    if detail.attempts >= CONVERSATION_ATTEMPTS_MAX {
        detail.completeness = Completeness::SetAside;
    }
    track
}

/// A refusal (400): the position is lost, so the walk begins anew; what is stored stays.
fn refused(state: &SyncState, batch: Batch, step: &Step, trouble: &Trouble, pace: Pace, now: Timestamp) -> Batch {
    let mut batch = again(state, batch, step, trouble, pace, now);
    match step {
        Step::Delta { .. } if batch.inbox.resets == 0 => batch.inbox.resets = 1,
        Step::Delta { .. } => {
            batch.inbox.token = None;
            batch.inbox.resets = 0;
        }
        Step::List { category, cursor: Some(_) } => {
            for list in batch.inbox.lists.iter_mut().filter(|list| list.category == *category) {
                list.walk = ListWalk::Walking { paging: Paging::default() };
            }
        }
        Step::Messages { cursor: Some(_), .. } if !planted::is(Bug::LostCursorKept) => {
            if let Some(walk) = batch.track.as_mut().and_then(|track| track.detail.walk.as_mut()) {
                walk.paging = Paging::default();
            }
        }
        Step::MessageChanges { .. } => {
            if let Some(track) = &mut batch.track {
                track.detail.mark.take_if(|_| !planted::is(Bug::RefusedMarkKept));
                track.detail.need = Need::Sweep;
            }
        }
        _ => {}
    }
    batch
}
