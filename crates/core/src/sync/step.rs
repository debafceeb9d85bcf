//! What to ask next.
//!
//! The most useful due thing goes first: the mark, then the newest page of conversations that are due, then the lists,
//! then history. The decision uses the state alone, so that it is the same after a crash.

use crate::id::ConversationId;
use crate::page::{Cursor, SyncToken};
use crate::planted::{self, Bug};
use crate::sync::track::{ConversationTrack, InboxTrack, ListWalk, Need};
use crate::sync::{Hold, SyncState};
use crate::time::Timestamp;

/// Deltas in one run; what changes faster than that is left to the next run.
pub const DRAINS_MAX: u32 = 10;
/// Age of the mark beyond which a run ends with one more delta, even when nothing was seen to change.
pub const DRAIN_AFTER_MS: i64 = 10 * 60_000;

/// How long a stream of changes that says nothing is trusted; then a run looks at the top of the first list, too.
pub const GLANCE_AFTER_MS: i64 = 6 * 3_600_000;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask for a mark and the newest conversations.
    StartToken,
    /// Ask what changed in the mailbox since a mark.
    Delta {
        /// The mark.
        token: SyncToken,
    },
    /// Ask for a page of a category.
    List {
        /// Its upstream name.
        category: String,
        /// Which page; `None` is the first.
        cursor: Option<Cursor>,
    },
    /// Ask for a page of a conversation's messages.
    Messages {
        /// Which conversation.
        conversation: ConversationId,
        /// The first page shows messages before this time.
        anchor: Timestamp,
        /// Which page; `None` is the first.
        cursor: Option<Cursor>,
    },
    /// Ask what changed in a conversation since a mark.
    MessageChanges {
        /// Which conversation.
        conversation: ConversationId,
        /// The mark.
        token: SyncToken,
    },
    /// Wait; nothing may be asked now.
    Rest(Hold),
    /// Everything is done.
    Done,
}

/// The next thing to do.
pub fn next_step(state: &SyncState, now: Timestamp) -> Step {
    if let Some(hold) = state.hold.as_ref().filter(|hold| hold.holds_at(now) && !planted::is(Bug::HoldIgnored)) {
        return Step::Rest(hold.clone());
    }
    let inbox = &state.inbox;
    let Some(token) = &inbox.token else {
        return Step::StartToken;
    };
    let is_of_this_run = match inbox.marked_by {
        Some(_) if planted::is(Bug::DeltaOnlyOnce) => true,
        marked_by => marked_by == Some(state.run),
    };
    if !is_of_this_run || inbox.more {
        return Step::Delta { token: token.clone() };
    }
    match (&state.due, inbox.open_list()) {
        (Some(track), _) if track.due_rank() == Some(0) => conversation_step(track, now),
        (_, Some(list)) => match &list.walk {
            ListWalk::Walking { paging } => {
                Step::List { category: list.category.clone(), cursor: paging.cursor.clone() }
            }
            ListWalk::Done { .. } => Step::Done,
        },
        (Some(track), None) => conversation_step(track, now),
        (None, None) if wants_drain(inbox, now) => Step::Delta { token: token.clone() },
        (None, None) => glance(state, now).unwrap_or(Step::Done),
    }
}

/// The top of the first list, when nobody has looked at it for long. A run that succeeds by the word of the stream alone
/// would never notice a stream that has fallen silent; what a list shows above what was brought makes its conversation due.
fn glance(state: &SyncState, now: Timestamp) -> Option<Step> {
    let seen_at = state.inbox.glanced_at.or(state.inbox.imported_at)?;
    let category = state.scope.first().filter(|_| now.since_ms(seen_at) > GLANCE_AFTER_MS)?;
    Some(Step::List { category: category.clone(), cursor: None })
}

/// Whether something may have moved while we walked.
fn wants_drain(inbox: &InboxTrack, now: Timestamp) -> bool {
    let is_old = inbox.token_at.is_some_and(|at| now.since_ms(at) > DRAIN_AFTER_MS);
    (inbox.stirred || is_old) && inbox.drains < DRAINS_MAX && !planted::is(Bug::DrainNotAsked)
}

fn conversation_step(track: &ConversationTrack, now: Timestamp) -> Step {
    let detail = &track.detail;
    let conversation = track.conversation.clone();
    if let (None, Need::Changes, Some(mark)) = (&detail.walk, detail.need, &detail.mark) {
        return Step::MessageChanges { conversation, token: mark.token.clone() };
    }
    Step::Messages {
        conversation,
        anchor: now.max(track.activity).plus_ms(i64::from(!planted::is(Bug::AnchorAtNewest))),
        cursor: detail.walk.as_ref().and_then(|walk| walk.paging.cursor.clone()),
    }
}
