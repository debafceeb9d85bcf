//! What an answer taught.
//!
//! Everything that an answer brings and everything that follows from it for the tracks is one [`Batch`]. A mark is
//! replaced only in the batch that carries what it covers.

use crate::message::{MessageSeen, Origin};
use crate::page::{
    ConversationChanges, ConversationPage, ListedConversation, MessageChanges, MessagePage, Oddity, Reply,
};
use crate::planted::{self, Bug};
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

/// Answers in a row with records that could not be read, after which they are taken as they are.
pub const ODD_MAX: u32 = 3;

/// What an answer taught.
pub fn absorb(state: &SyncState, step: &Step, reply: Reply, now: Timestamp) -> Batch {
    let mut batch = Batch::unchanged(state);
    batch.inbox.attempts = if planted::is(Bug::FailuresNeverForgotten) { batch.inbox.attempts } else { 0 };
    batch.inbox.rate_limits = 0;
    let is_odd = !oddities(&reply).is_empty();
    if is_odd && !planted::is(Bug::OddAnswerNotAskedAgain) && asks_again(state, step, &mut batch) {
        return batch;
    }
    batch.inbox.odd = 0;
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

fn oddities(reply: &Reply) -> &[Oddity] {
    match reply {
        Reply::ConversationChanges(reply) => &reply.oddities,
        Reply::Conversations(page) => &page.oddities,
        Reply::Messages(page) => &page.oddities,
        Reply::MessageChanges(reply) => &reply.oddities,
    }
}

/// A record that could not be read may have been damaged on its way: the same is asked again a few times.
fn asks_again(state: &SyncState, step: &Step, batch: &mut Batch) -> bool {
    let count = match step {
        Step::Messages { .. } | Step::MessageChanges { .. } => {
            batch.track.clone_from(&state.due);
            batch.track.as_mut().map(|track| &mut track.detail.odd)
        }
        _ => Some(&mut batch.inbox.odd),
    };
    match count {
        Some(count) if *count < ODD_MAX => {
            *count += 1;
            true
        }
        _ => {
            batch.track = None;
            false
        }
    }
}

fn start(state: &SyncState, mut batch: Batch, reply: ConversationChanges, now: Timestamp) -> Batch {
    let high = newest_activity(&reply.listed);
    let inbox = &mut batch.inbox;
    inbox.token = reply.token;
    inbox.token_at = Some(now);
    inbox.marked_by = Some(state.run);
    inbox.high = inbox.high.max(high);
    inbox.more = false;
    inbox.stirred = false;
    inbox.resets = 0;
    inbox.drains = 0;
    inbox.glanced_at = Some(now);
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
            0 if !planted::is(Bug::LostMarkBelievedAtOnce) => {
                batch.inbox.resets = 1;
                batch
            }
            _ => start(state, batch, reply, now),
        };
    }
    let high = newest_activity(&reply.listed);
    let inbox = &mut batch.inbox;
    let is_first_of_run = inbox.marked_by != Some(state.run);
    inbox.drains = if is_first_of_run { 1 } else { inbox.drains.saturating_add(1) };
    let is_full = reply.listed.len() + reply.deleted.len() >= DELTA_FULL && !planted::is(Bug::FullInboxDeltaIsAll);
    inbox.more = is_full && inbox.drains < super::step::DRAINS_MAX;
    inbox.token = reply.token.filter(|_| !planted::is(Bug::DrainedTokenDropped)).or(inbox.token.take());
    inbox.token_at = Some(now);
    inbox.marked_by = Some(state.run);
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
    batch.inbox.glanced_at = Some(now);
    batch.inbox.stirred |= newest_activity(&page.listed) > high && !planted::is(Bug::StirNotNoticed);
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

fn turn_list(inbox: &mut InboxTrack, category: &str, items: &[(Timestamp, &str)], next: Option<crate::page::Cursor>) {
    let Some(list) = inbox.lists.iter_mut().find(|list| list.category == category) else {
        return;
    };
    if let ListWalk::Walking { paging } = &mut list.walk {
        match paging.advance(items, next) {
            Turn::GoOn => {}
            Turn::Ended | Turn::Probed => list.walk = ListWalk::Done { proven: true },
            Turn::Unproven => list.walk = ListWalk::Done { proven: false },
        }
    }
}

fn messages(state: &SyncState, mut batch: Batch, is_first: bool, mut page: MessagePage) -> Batch {
    let Some(track) = &state.due else {
        return batch;
    };
    let mut track = track.clone();
    if planted::is(Bug::SameTimeSameMessage) {
        page.messages.dedup_by_key(|one| one.delivered_at);
    }
    let newest = page.messages.iter().map(|one| one.delivered_at).max();
    batch.inbox.stirred |= newest.is_some_and(|at| at > batch.inbox.high);
    let freshness = match is_first {
        true => freshness(&mut track, &page.messages),
        false => Freshness::Fresh,
    };
    if freshness == Freshness::Stale {
        batch.track = Some(track);
        return batch;
    }
    let mut walk = track.detail.walk.take().unwrap_or_else(|| begin_walk(state, &track));
    let items: Vec<_> = page.messages.iter().map(|one| (one.delivered_at, one.id.as_str())).collect();
    if planted::is(Bug::MarkTakenAtWalkEnd) {
        walk.mark = begin_walk(state, &ConversationTrack::new(track.conversation.clone())).mark;
    }
    let turn = walk.paging.advance(&items, page.older);
    let has_vanished = is_first && items.is_empty() && track.detail.newest.is_some();
    if has_vanished && planted::is(Bug::VanishedIsDeleted) {
        batch.deleted_conversations.push(track.conversation.clone());
    }
    walk.is_doubtful |= freshness == Freshness::Doubtful || has_vanished || !page.oddities.is_empty();
    let detail = &mut track.detail;
    match detail.need {
        // What changed between its mark and this walk is still to be asked.
        Need::Fill | Need::Sweep if detail.stirred => detail.need = Need::Changes,
        Need::Fill | Need::Sweep => detail.need = Need::Nothing,
        Need::Changes | Need::Nothing => {}
    }
    detail.stirred = false;
    detail.attempts = 0;
    detail.odd = 0;
    detail.oldest = walk.paging.lowest.or(detail.oldest);
    match turn {
        Turn::GoOn if planted::is(Bug::FirstPageFinishes) => finish_walk(&mut track, walk, Completeness::Complete),
        Turn::GoOn => {
            detail.completeness = Completeness::Partial;
            detail.walk = Some(walk);
        }
        Turn::Probed if !walk.is_doubtful => {
            detail.probed = detail.probed.saturating_add(1);
            finish_walk(&mut track, walk, Completeness::Complete);
        }
        Turn::Ended if !walk.is_doubtful => {
            detail.probed = 0;
            finish_walk(&mut track, walk, Completeness::Complete);
        }
        Turn::Ended | Turn::Probed | Turn::Unproven => finish_walk(&mut track, walk, Completeness::EndUnproven),
    }
    if !page.oddities.is_empty() {
        track.detail.trouble = Some("a message could not be read".to_owned());
    }
    batch.track = Some(track);
    batch.people = page.people;
    batch.oddities = page.oddities;
    batch.messages = page.messages;
    batch
}

/// The mark was taken before anything of the conversation was seen, so that it covers what changes from then on.
fn begin_walk(state: &SyncState, track: &ConversationTrack) -> MessageWalk {
    let borrowed = || state.inbox.token.clone().map(|token| MessageMark { token, borrowed: true });
    MessageWalk {
        paging: Paging::default(),
        target: track.activity,
        mark: track.detail.mark.clone().or_else(borrowed),
        is_doubtful: false,
    }
}

fn finish_walk(track: &mut ConversationTrack, walk: MessageWalk, completeness: Completeness) {
    let target = if planted::is(Bug::SyncedToNewestSeen) { track.activity } else { walk.target };
    track.synced_to = track.synced_to.max(Some(target));
    let detail = &mut track.detail;
    detail.unproven = if completeness == Completeness::Complete { 0 } else { detail.unproven.saturating_add(1) };
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
    let freshness = freshness(&mut track, &reply.messages);
    if freshness == Freshness::Stale {
        batch.track = Some(track);
        return batch;
    }
    // An empty answer is also what a conversation gives that is gone for a moment: the old mark stays good.
    let is_empty = !reply.reset && reply.messages.is_empty() && reply.deleted.is_empty();
    let is_odd = !reply.oddities.is_empty();
    let is_good =
        (!is_empty || planted::is(Bug::MarkOfEmptyAnswerTaken)) && (!is_odd || planted::is(Bug::MarkOfOddAnswerTaken));
    let own = reply.token.filter(|_| is_good).map(|token| MessageMark { token, borrowed: false });
    let detail = &mut track.detail;
    detail.attempts = 0;
    detail.resets = 0;
    detail.odd = 0;
    detail.trouble = None;
    detail.mark = own.or(detail.mark.take());
    if freshness == Freshness::Doubtful || is_odd {
        detail.completeness = Completeness::EndUnproven;
    }
    if reply.reset {
        detail.need = Need::Sweep;
        detail.completeness = Completeness::Partial;
    } else {
        batch.origin = if planted::is(Bug::DeltaTakenForPage) { Origin::Walk } else { Origin::Delta };
        batch.deleted_messages = reply.deleted;
        let is_full =
            reply.messages.len() + batch.deleted_messages.len() >= DELTA_FULL && !planted::is(Bug::FullDeltaIsAll);
        detail.need = if is_full { Need::Changes } else { Need::Nothing };
        track.synced_to = track.synced_to.max(Some(track.activity));
    }
    batch.track = Some(track);
    batch.people = reply.people;
    batch.oddities = reply.oddities;
    batch.messages = reply.messages;
    batch
}

/// Whether an answer shows what a list has just shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// It does, or nothing was expected.
    Fresh,
    /// It lacks the message: it comes from an older state and is asked again.
    Stale,
    /// It lacks the message again and again; it is taken as it is, but proves nothing.
    Doubtful,
}

fn freshness(track: &mut ConversationTrack, shown: &[MessageSeen]) -> Freshness {
    let detail = &mut track.detail;
    let lacks = detail
        .expected
        .as_ref()
        .is_some_and(|(at, id)| !shown.iter().any(|one| one.id == *id || one.delivered_at > *at));
    if lacks && detail.stale < STALE_MAX && !planted::is(Bug::StaleAnswerBelieved) {
        detail.stale += 1;
        detail.attempts = detail.attempts.max(1);
        return Freshness::Stale;
    }
    detail.expected = None;
    detail.stale = 0;
    detail.newest = detail.newest.max(shown.iter().map(|one| one.delivered_at).max());
    if lacks { Freshness::Doubtful } else { Freshness::Fresh }
}

fn newest_activity(listed: &[ListedConversation]) -> Timestamp {
    listed.iter().filter_map(|one| one.conversation.last_activity_at).max().unwrap_or_default()
}

fn take_listed(batch: &mut Batch, scope: &[String], listed: Vec<ListedConversation>, changed: bool) {
    for one in listed {
        let newest: Option<&MessageSeen> = one.newest.as_ref();
        let newest = newest.map(|message| (message.delivered_at, message.id.clone()));
        let mark = batch.inbox.token.clone();
        batch.sightings.push(Sighting { changed, mark, ..Sighting::of(&one.conversation, newest, scope) });
        batch.conversations.push(one.conversation);
        batch.messages.extend(one.newest);
    }
}
