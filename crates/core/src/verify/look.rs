//! What a look at a page, a drain or a failure means for a verification.
//!
//! A difference becomes a verdict only after a drain that does not name its conversation; nothing else may write drift.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{ConversationId, MessageId};
use crate::message::Origin;
use crate::page::{ConversationPage, ListedConversation, MessagePage, Trouble};
use crate::sync::pace::Pace;
use crate::sync::paging::{Paging, Turn};
use crate::sync::track::{ListWalk, Sighting};
use crate::sync::{Batch, DELTA_FULL, Hold, HoldReason, Step, SyncState, settle};
use crate::time::Timestamp;
use crate::verify::compare::{self, Kept, Window};
use crate::verify::{
    Again, DRAINS_BEFORE_DRIFT, Depth, Finding, Kind, PASSES_MAX, Pending, Stage, TRIES_MAX, Verdict, Verification,
    VerifyBatch, Weight, drift_of,
};

/// Failures in a row after which a conversation is left unjudged.
pub const LOOK_ATTEMPTS_MAX: u32 = 3;
/// Messages at one millisecond that are remembered between two pages.
const BORDER_MAX: usize = 200;
/// Conversations that wait to be read again; more that move are left unjudged.
const AGAIN_MAX: usize = 500;

/// A conversation whose messages are being read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Which.
    pub conversation: ConversationId,
    /// Where in its messages.
    pub paging: Paging,
    /// How often it was read before.
    pub tries: u32,
    /// Failures in a row.
    pub attempts: u32,
    /// What was found so far.
    pub found: BTreeMap<Kind, u32>,
    /// Messages that were shown so far.
    pub shown: u32,
    /// Messages at the lowest point so far.
    pub border: Vec<MessageId>,
    /// Records that could not be read.
    pub odd: u32,
}

impl Look {
    fn new(conversation: ConversationId, tries: u32) -> Self {
        Self {
            conversation,
            paging: Paging::default(),
            tries,
            attempts: 0,
            found: BTreeMap::new(),
            shown: 0,
            border: Vec::new(),
            odd: 0,
        }
    }
}

/// A page of messages that was taken in, and what has to be known to compare it.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    page: MessagePage,
    look: Look,
    turn: Turn,
    border: Vec<MessageId>,
    /// The stretch that it shows completely; of this the kept messages are needed.
    pub window: Option<Window>,
}

/// Takes in a page of a list: what it shows is compared with what is kept.
pub fn listed(
    verification: &Verification,
    state: &SyncState,
    category: &str,
    page: ConversationPage,
    kept: &Kept,
    now: Timestamp,
) -> Batch {
    let mut new = verification.clone();
    let items: Vec<_> = page
        .listed
        .iter()
        .filter_map(|one| one.conversation.last_activity_at.map(|at| (at, one.conversation.id.as_str())))
        .collect();
    for list in new.lists.iter_mut().filter(|list| list.category == category) {
        if let ListWalk::Walking { paging } = &mut list.walk {
            match paging.advance(&items, page.next.clone()) {
                Turn::GoOn => {}
                Turn::Ended | Turn::Probed => list.walk = ListWalk::Done { proven: page.oddities.is_empty() },
                Turn::Unproven => list.walk = ListWalk::Done { proven: false },
            }
        }
    }
    let mut written = new.alone();
    for one in &page.listed {
        let verdict = Verdict {
            conversation: one.conversation.id.clone(),
            depth: Depth::Lists,
            findings: compare::listed(one, kept, now),
            upstream_messages: None,
            is_repaired: false,
        };
        written.shown.push(one.conversation.id.clone());
        written.take(verdict, 0);
    }
    written.state.wait_for_drains();
    written.state.listed += u64::try_from(page.listed.len()).unwrap_or(0);
    let mut batch = rested(state);
    batch.oddities = page.oddities;
    if verification.ask.repairs {
        batch.people = page.people;
        take_listed(&mut batch, &state.scope, page.listed);
    }
    batch.verification = Some(written);
    batch
}

/// As a walk of a sync takes what a list shows.
fn take_listed(batch: &mut Batch, scope: &[String], listed: Vec<ListedConversation>) {
    for one in listed {
        let newest = one.newest.as_ref().map(|message| (message.delivered_at, message.id.clone()));
        let mark = batch.inbox.token.clone();
        batch.sightings.push(Sighting { mark, ..Sighting::of(&one.conversation, newest, scope) });
        batch.conversations.push(one.conversation);
        batch.messages.extend(one.newest);
    }
}

/// The look at a conversation, going on or beginning.
fn look_at(verification: &Verification, conversation: &ConversationId) -> Look {
    let look = verification.look.clone().filter(|look| look.conversation == *conversation);
    look.unwrap_or_else(|| {
        let tries = verification.again.iter().find(|one| one.conversation == *conversation).map_or(0, |one| one.tries);
        Look::new(conversation.clone(), tries)
    })
}

/// Takes in a page of messages; it is compared by [`read`], once the kept messages of its stretch are known.
pub fn take(verification: &Verification, conversation: &ConversationId, page: MessagePage) -> Taken {
    let mut look = look_at(verification, conversation);
    let up_to = look.paging.lowest;
    let border = look.border.clone();
    let items: Vec<_> = page.messages.iter().map(|one| (one.delivered_at, one.id.as_str())).collect();
    let turn = look.paging.advance(&items, page.older.clone());
    let lowest = look.paging.lowest;
    let is_new = |at: Timestamp, id: &MessageId| up_to.is_none_or(|up_to| at <= up_to) && !border.contains(id);
    let news: BTreeSet<_> =
        page.messages.iter().filter(|one| is_new(one.delivered_at, &one.id)).map(|one| &one.id).collect();
    look.shown = look.shown.saturating_add(u32::try_from(news.len()).unwrap_or(u32::MAX));
    if lowest != up_to {
        look.border.clear();
    }
    let at_lowest = page.messages.iter().filter(|one| Some(one.delivered_at) == lowest);
    for one in at_lowest {
        if look.border.len() < BORDER_MAX && !look.border.contains(&one.id) {
            look.border.push(one.id.clone());
        }
    }
    look.odd = look.odd.saturating_add(u32::try_from(page.oddities.len()).unwrap_or(u32::MAX));
    look.attempts = 0;
    let window = match turn {
        Turn::GoOn => lowest.filter(|_| lowest != up_to).map(|after| Window { after: Some(after), up_to }),
        Turn::Ended | Turn::Probed => Some(Window { after: None, up_to }),
        Turn::Unproven => None,
    };
    Taken { page, look, turn, border, window }
}

/// Compares a page of messages that was taken in; `stretch` are the kept messages of its window.
pub fn read(
    verification: &Verification,
    state: &SyncState,
    taken: Taken,
    kept: &Kept,
    stretch: &[crate::message::Message],
    now: Timestamp,
) -> Batch {
    let Taken { page, mut look, turn, border, .. } = taken;
    for (kind, count) in compare::page(&page, kept, stretch, &border, now) {
        *look.found.entry(kind).or_insert(0) += count;
    }
    // Nothing was shown at all: an empty page does not prove that a conversation is empty (upstream protocol 11).
    let is_bare = look.paging.lowest.is_none() && look.found.remove(&Kind::HereOnly).is_some();
    let mut new = verification.clone();
    new.again.retain(|one| one.conversation != look.conversation);
    new.look = None;
    let mut written = new.alone();
    match turn {
        Turn::GoOn => written.state.look = Some(look),
        turn => {
            let tries = look.tries;
            written.state.read += 1;
            written.take(verdict_of(look, is_bare || turn == Turn::Unproven), tries);
        }
    }
    written.state.wait_for_drains();
    let mut batch = rested(state);
    batch.oddities = page.oddities;
    if verification.ask.repairs {
        batch.people = page.people;
        batch.messages = page.messages;
    }
    batch.verification = Some(written);
    batch
}

fn verdict_of(mut look: Look, is_unproven: bool) -> Verdict {
    if look.odd > 0 {
        // A record that could not be read may be any of those that were not shown.
        look.found.remove(&Kind::HereOnly);
        look.found.insert(Kind::Unreadable, look.odd);
    }
    if is_unproven {
        look.found.insert(Kind::EndUnproven, 1);
    }
    Verdict {
        conversation: look.conversation,
        depth: Depth::Messages,
        findings: look.found.into_iter().map(|(kind, count)| Finding { kind, count }).collect(),
        upstream_messages: (!is_unproven && look.odd == 0).then_some(look.shown),
        is_repaired: false,
    }
}

/// What an answer of the sync itself means: what it names has moved.
pub fn heard(verification: &Verification, step: &Step, batch: &Batch) -> Option<VerifyBatch> {
    if verification.stage == Stage::Lists && verification.undrained == 0 && verification.listed == 0 {
        // Nothing was looked at yet: whatever moved, it moved before.
        return None;
    }
    let mut new = verification.clone();
    match (step, batch.origin) {
        (Step::Delta { .. }, Origin::Delta) => {}
        // The mark was lost, and what moved with it: everything is looked at anew.
        (Step::Delta { .. } | Step::StartToken, _) if batch.inbox.open_list().is_some() => {
            return Some(anew(new).alone());
        }
        _ => return None,
    }
    let named: BTreeSet<&ConversationId> =
        batch.sightings.iter().map(|one| &one.conversation).chain(&batch.deleted_conversations).collect();
    let is_cut = named.len() >= DELTA_FULL && !batch.inbox.more;
    let has_moved = |id: &ConversationId| is_cut || named.contains(id);
    new.moved |= !named.is_empty();
    new.undrained = new.undrained.saturating_sub(u32::from(!batch.inbox.more));
    let (moved, still): (Vec<_>, Vec<_>) =
        new.pending.into_iter().partition(|one| has_moved(&one.verdict.conversation));
    new.pending = still;
    let look = new.look.take_if(|look| has_moved(&look.conversation));
    // What has left the mirrored categories is not brought up to date any more: there is nothing to compare it with.
    let gone = batch.sightings.iter().filter(|one| one.in_scope == Some(false)).map(|one| &one.conversation);
    let gone: BTreeSet<&ConversationId> = gone.chain(&batch.deleted_conversations).collect();
    new.again.retain(|one| !gone.contains(&one.conversation));
    let look = look.filter(|look| !gone.contains(&look.conversation));
    let mut written = new.alone();
    written.shown = named.into_iter().cloned().collect();
    for one in moved.into_iter().filter(|one| !gone.contains(&one.verdict.conversation)) {
        written.look_again(one.verdict.conversation, one.verdict.depth, one.tries);
    }
    if let Some(look) = look {
        written.look_again(look.conversation, Depth::Messages, look.tries);
    }
    Some(written)
}

fn anew(mut new: Verification) -> Verification {
    let scope: Vec<String> = new.lists.iter().map(|list| list.category.clone()).collect();
    new.pending.clear();
    new.look = None;
    if new.pass < PASSES_MAX {
        new.stage = Stage::Lists;
        new.again.clear();
        new.after = None;
        new.exhausted = false;
        new.walk_lists(scope.into_iter());
    } else {
        new.moved = true;
    }
    new
}

/// Judges what was found before the drain.
pub fn judged(verification: &Verification) -> VerifyBatch {
    let mut written = verification.clone().alone();
    for one in std::mem::take(&mut written.state.pending) {
        written.write(one.verdict);
    }
    written
}

/// What follows from the conversations that are here and that no list has shown.
pub fn found(verification: &Verification, unlisted: Vec<ConversationId>) -> VerifyBatch {
    let mut new = verification.clone();
    if !unlisted.is_empty() && new.moved && new.pass < PASSES_MAX {
        // Lists shift while they are walked: only what a quiet walk does not show is not there.
        let scope: Vec<String> = new.lists.iter().map(|list| list.category.clone()).collect();
        new.walk_lists(scope.into_iter());
        return new.alone();
    }
    let kind = match (new.is_proven(), new.moved) {
        (true, false) => Kind::NotListed,
        (true, true) => Kind::Moved,
        (false, _) => Kind::EndUnproven,
    };
    new.stage = match new.ask.depth {
        Depth::Lists => Stage::Closing,
        Depth::Messages => Stage::Messages,
    };
    let mut written = new.alone();
    for conversation in unlisted {
        let findings = vec![Finding::one(kind)];
        let verdict =
            Verdict { conversation, depth: Depth::Lists, findings, upstream_messages: None, is_repaired: false };
        written.write(verdict);
    }
    written
}

/// What follows from the choice of the next conversation.
pub fn chosen(verification: &Verification, conversation: Option<ConversationId>) -> VerifyBatch {
    let mut new = verification.clone();
    match conversation {
        Some(conversation) => {
            new.after = Some(conversation.clone());
            new.look = Some(Look::new(conversation, 0));
        }
        None => new.exhausted = true,
    }
    new.alone()
}

/// It is over.
pub fn finished(verification: &Verification) -> VerifyBatch {
    Verification { stage: Stage::Done, look: None, ..verification.clone() }.alone()
}

/// What a failure of a look means: what belongs to one conversation leaves that one unjudged.
pub fn troubled(
    verification: &Verification,
    state: &SyncState,
    step: &Step,
    trouble: &Trouble,
    pace: Pace,
    now: Timestamp,
) -> Batch {
    let mut new = verification.clone();
    match (step, trouble) {
        (Step::Messages { conversation, cursor, .. }, Trouble::Unreadable { .. } | Trouble::Refused { .. }) => {
            let mut look = look_at(verification, conversation);
            look.attempts = look.attempts.saturating_add(1);
            let mut batch = Batch::unchanged(state);
            batch.hold = Some(Hold { until: now.plus_ms(pace.retry_ms(look.attempts)), why: HoldReason::Unavailable });
            new.again.retain(|one| one.conversation != *conversation);
            new.look = None;
            let mut written = new.alone();
            if look.attempts >= LOOK_ATTEMPTS_MAX {
                written.write(unjudged(look.conversation, Kind::Unreadable));
            } else if cursor.is_some() && matches!(trouble, Trouble::Refused { .. }) {
                // The position is lost.
                let attempts = look.attempts;
                written.state.look = Some(Look { attempts, ..Look::new(look.conversation, look.tries) });
            } else {
                written.state.look = Some(look);
            }
            batch.verification = Some(written);
            batch
        }
        (Step::List { category, cursor: Some(_) }, Trouble::Refused { .. }) => {
            for list in new.lists.iter_mut().filter(|list| list.category == *category) {
                list.walk = ListWalk::Walking { paging: Paging::default() };
            }
            let mut batch = settle(state, &Step::Done, trouble, pace, now);
            batch.verification = Some(new.alone());
            batch
        }
        _ => settle(state, &Step::Done, trouble, pace, now),
    }
}

fn unjudged(conversation: ConversationId, kind: Kind) -> Verdict {
    let findings = vec![Finding::one(kind)];
    Verdict { conversation, depth: Depth::Messages, findings, upstream_messages: None, is_repaired: false }
}

/// A batch that changes nothing but that failures are not in a row any more.
fn rested(state: &SyncState) -> Batch {
    let mut batch = Batch::unchanged(state);
    batch.inbox.attempts = 0;
    batch.inbox.rate_limits = 0;
    batch
}

impl Verification {
    /// Something was looked at: what it means is known after the drains.
    fn wait_for_drains(&mut self) {
        self.undrained = if self.pending.is_empty() { 1 } else { DRAINS_BEFORE_DRIFT };
    }
}

impl VerifyBatch {
    /// A verdict without findings stands; one with findings waits for the drain.
    fn take(&mut self, verdict: Verdict, tries: u32) {
        match verdict.findings.is_empty() {
            true => self.write(verdict),
            false => self.state.pending.push(Pending { verdict, tries }),
        }
    }

    fn write(&mut self, mut verdict: Verdict) {
        let drift = drift_of(&verdict.findings);
        for one in &verdict.findings {
            *self.state.totals.entry(one.kind).or_insert(0) += u64::from(one.count);
        }
        let ask = self.state.ask;
        if ask.repairs && drift > 0 {
            verdict.is_repaired = true;
            self.state.repaired += u64::from(drift);
            // A list has shown one message; the others are walked by the sync, unless they are read anyway.
            if ask.depth == Depth::Lists && verdict.findings.iter().any(|one| one.kind.is_of_messages()) {
                self.sweeps.push(verdict.conversation.clone());
            }
        }
        self.verdicts.push(verdict);
    }

    fn look_again(&mut self, conversation: ConversationId, depth: Depth, tries: u32) {
        let tries = tries.saturating_add(1);
        match depth {
            // The stream has told all that a list would show of it.
            Depth::Lists => self.state.moved_count += 1,
            Depth::Messages if tries < TRIES_MAX && self.state.again.len() < AGAIN_MAX => {
                self.state.again.push(Again { conversation, tries })
            }
            Depth::Messages => self.write(unjudged(conversation, Kind::Moved)),
        }
    }
}

/// How much of these totals has this weight.
pub fn weighed(totals: &BTreeMap<Kind, u64>, weight: Weight) -> u64 {
    totals.iter().filter(|(kind, _)| kind.weight() == weight).map(|(_, count)| count).sum()
}
