//! What an answer taught.
//!
//! Everything that an answer brings and everything that follows from it for the tracks is one [`Batch`]. A mark is
//! replaced only in the batch that carries what it covers.

use crate::id::MessageId;
use crate::message::{MessageSeen, Origin};
use crate::page::{ConversationChanges, ConversationPage, ListedConversation, MessageChanges, MessagePage, Reply};
use crate::sync::paging::{Paging, Turn};
use crate::sync::step::Step;
use crate::sync::track::{
    Completeness, ConversationTrack, InboxTrack, ListWalk, MessageMark, MessageWalk, Need, Sighting,
};
use crate::sync::{Batch, SyncState};
use crate::time::Timestamp;

/// Records in a delta from which on there may be more of them.
pub const DELTA_FULL: usize = 20;
/// Answers in a row without an expected message that are taken for stale.
pub const STALE_MAX: u32 = 5;

/// What an answer taught.
pub fn absorb(state: &SyncState, step: &Step, reply: Reply, now: Timestamp) -> Batch {
    let mut batch = Batch::unchanged(state);
    batch.inbox.attempts = 0;
    batch.inbox.rate_limits = 0;
    match (step, reply) {
        (Step::StartToken, Reply::ConversationChanges(reply)) => start(state, batch, reply, now),
        (Step::Delta { .. }, Reply::ConversationChanges(reply)) => delta(state, batch, reply, now),
        (Step::List { category, .. }, Reply::Conversations(page)) => list(state, batch, category, page, now),
        (Step::Messages { cursor, .. }, Reply::Messages(page)) => messages(state, batch, cursor.is_none(), page),
        (Step::MessageChanges { .. }, Reply::MessageChanges(reply)) => changes(state, batch, reply),
        // An answer of another kind than the question teaches nothing; sources cannot produce it.
        _ => batch,
    }
}

fn start(state: &SyncState, mut batch: Batch, reply: ConversationChanges, now: Timestamp) -> Batch {
    let high = newest_activity(&reply.listed);
    let inbox = &mut batch.inbox;
    inbox.token = reply.token;
    inbox.token_at = Some(now);
    inbox.high = inbox.high.max(high);
    inbox.more = false;
    inbox.stirred = false;
    inbox.resets = 0;
    inbox.drains = 0;
    inbox.restart_lists(&state.scope);
    batch.people = reply.people;
    batch.oddities = reply.oddities;
    take_listed(&mut batch, &state.scope, reply.listed, false);
    batch
}

fn delta(state: &SyncState, mut batch: Batch, reply: ConversationChanges, now: Timestamp) -> Batch {
    if reply.reset {
        // A lost mark costs a walk of every list: it is asked once more before it is believed.
        return match batch.inbox.resets {
            0 => {
                batch.inbox.resets = 1;
                batch
            }
            _ => start(state, batch, reply, now),
        };
    }
    let high = newest_activity(&reply.listed);
    let inbox = &mut batch.inbox;
    let is_first_of_run = inbox.token_at.is_none_or(|at| at < state.run_started_at);
    inbox.drains = if is_first_of_run { 1 } else { inbox.drains.saturating_add(1) };
    inbox.more = reply.listed.len() + reply.deleted.len() >= DELTA_FULL && inbox.drains < super::step::DRAINS_MAX;
    inbox.token = reply.token.or(inbox.token.take());
    inbox.token_at = Some(now);
    inbox.high = inbox.high.max(high);
    inbox.stirred = false;
    inbox.resets = 0;
    batch.origin = Origin::Delta;
    batch.people = reply.people;
    batch.oddities = reply.oddities;
    batch.deleted_conversations = reply.deleted;
    take_listed(&mut batch, &state.scope, reply.listed, true);
    batch
}

fn list(state: &SyncState, mut batch: Batch, category: &str, page: ConversationPage, now: Timestamp) -> Batch {
    let high = batch.inbox.high;
    batch.inbox.stirred |= newest_activity(&page.listed) > high;
    let items: Vec<_> = page
        .listed
        .iter()
        .filter_map(|one| one.conversation.last_activity_at.map(|at| (at, one.conversation.id.as_str())))
        .collect();
    turn_list(&mut batch.inbox, category, &items, page.next);
    if batch.inbox.open_list().is_none() {
        batch.inbox.imported_at.get_or_insert(now);
    }
    batch.people = page.people;
    batch.oddities = page.oddities;
    take_listed(&mut batch, &state.scope, page.listed, false);
    batch
}

fn turn_list(
    inbox: &mut InboxTrack,
    category: &str,
    items: &[(Timestamp, &str)],
    next: Option<crate::page::Cursor>,
) {
    let Some(list) = inbox.lists.iter_mut().find(|list| list.category == category) else {
        return;
    };
    if let ListWalk::Walking { paging } = &mut list.walk {
        match paging.advance(items, next) {
            Turn::GoOn => {}
            Turn::Ended => list.walk = ListWalk::Done { proven: true },
            Turn::Unproven => list.walk = ListWalk::Done { proven: false },
        }
    }
}

fn messages(state: &SyncState, mut batch: Batch, is_first: bool, page: MessagePage) -> Batch {
    let Some(track) = &state.due else {
        return batch;
    };
    let mut track = track.clone();
    let newest = page.messages.iter().map(|one| one.delivered_at).max();
    batch.inbox.stirred |= newest.is_some_and(|at| at > batch.inbox.high);
    if is_first && lacks_expected(&mut track, page.messages.iter().map(|one| &one.id)) {
        batch.track = Some(track);
        return batch;
    }
    let mut walk = track.detail.walk.take().unwrap_or_else(|| begin_walk(state, &track));
    let items: Vec<_> = page.messages.iter().map(|one| (one.delivered_at, one.id.as_str())).collect();
    let turn = walk.paging.advance(&items, page.older);
    let detail = &mut track.detail;
    if matches!(detail.need, Need::Fill | Need::Sweep) {
        detail.need = Need::Nothing;
    }
    detail.attempts = 0;
    detail.oldest = walk.paging.lowest.or(detail.oldest);
    match turn {
        Turn::GoOn => {
            detail.completeness = Completeness::Partial;
            detail.walk = Some(walk);
        }
        Turn::Ended => finish_walk(&mut track, walk, Completeness::Complete),
        Turn::Unproven => finish_walk(&mut track, walk, Completeness::EndUnproven),
    }
    batch.track = Some(track);
    batch.people = page.people;
    batch.oddities = page.oddities;
    batch.messages = page.messages;
    batch
}

/// A walk that fills uses the inbox's mark, one that sweeps its own: either was taken before this page was asked.
fn begin_walk(state: &SyncState, track: &ConversationTrack) -> MessageWalk {
    let own = track.detail.mark.clone().filter(|mark| track.detail.need == Need::Sweep && !mark.borrowed);
    let borrowed = || state.inbox.token.clone().map(|token| MessageMark { token, borrowed: true });
    MessageWalk { paging: Paging::default(), target: track.activity, mark: own.or_else(borrowed) }
}

fn finish_walk(track: &mut ConversationTrack, walk: MessageWalk, completeness: Completeness) {
    track.synced_to = track.synced_to.max(Some(walk.target));
    let detail = &mut track.detail;
    detail.completeness = completeness;
    detail.mark = walk.mark;
    detail.trouble = None;
}

fn changes(state: &SyncState, mut batch: Batch, reply: MessageChanges) -> Batch {
    let Some(track) = &state.due else {
        return batch;
    };
    let mut track = track.clone();
    if reply.reset && track.detail.resets == 0 {
        track.detail.resets = 1;
        batch.track = Some(track);
        return batch;
    }
    if lacks_expected(&mut track, reply.messages.iter().map(|one| &one.id)) {
        batch.track = Some(track);
        return batch;
    }
    let own = reply.token.map(|token| MessageMark { token, borrowed: false });
    let detail = &mut track.detail;
    detail.attempts = 0;
    detail.resets = 0;
    detail.trouble = None;
    detail.mark = own.or(detail.mark.take());
    if reply.reset {
        detail.need = Need::Sweep;
        detail.completeness = Completeness::Partial;
    } else {
        batch.origin = Origin::Delta;
        batch.deleted_messages = reply.deleted;
        let is_full = reply.messages.len() + batch.deleted_messages.len() >= DELTA_FULL;
        detail.need = if is_full { Need::Changes } else { Need::Nothing };
        track.synced_to = track.synced_to.max(Some(track.activity));
    }
    batch.track = Some(track);
    batch.people = reply.people;
    batch.oddities = reply.oddities;
    batch.messages = reply.messages;
    batch
}

/// Whether an answer is stale because it lacks the message that a list has just shown; a few times in a row at most.
fn lacks_expected<'a>(track: &mut ConversationTrack, mut shown: impl Iterator<Item = &'a MessageId>) -> bool {
    let detail = &mut track.detail;
    let lacks = detail.expected.as_ref().is_some_and(|expected| !shown.any(|id| id == expected));
    if lacks && detail.stale < STALE_MAX {
        detail.stale += 1;
        detail.attempts = detail.attempts.max(1);
        return true;
    }
    detail.expected = None;
    detail.stale = 0;
    false
}

fn newest_activity(listed: &[ListedConversation]) -> Timestamp {
    listed.iter().filter_map(|one| one.conversation.last_activity_at).max().unwrap_or_default()
}

fn take_listed(batch: &mut Batch, scope: &[String], listed: Vec<ListedConversation>, changed: bool) {
    for one in listed {
        let newest: Option<&MessageSeen> = one.newest.as_ref();
        let newest = newest.map(|message| (message.delivered_at, message.id.clone()));
        batch.sightings.push(Sighting::of(&one.conversation, newest, scope, changed));
        batch.conversations.push(one.conversation);
        batch.messages.extend(one.newest);
    }
}
