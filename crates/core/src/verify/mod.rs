//! Looking whether the mirror holds what LinkedIn shows, as functions of values.
//!
//! A verification is a tail of a sync: first everything that is due is brought, so that the mark covers all that is
//! here; then lists, and when it goes deep all pages of messages, are read once more and compared. Nothing that is kept
//! is changed by a comparison, and nothing at all is ever deleted.
//!
//! What moves meanwhile is no drift. A difference is only *pending* until the stream of changes was asked again, twice
//! (the *drains*): a conversation that the answer names has moved, so its difference means nothing; it is dropped, and
//! its messages are read again. What the stream does not name was the same before and after the look, and here it is
//! not: that is drift.
//!
//! A difference is drift when a sync's own rules of merging would take what was shown; so what is called drift is
//! exactly what a repair heals, and a page from an older state is never called drift. What is here and not shown there
//! is told apart ([`Weight::Kept`]): a mirror keeps.
//!
//! [`next`] says what to do, [`compare`] what a page shows, [`look`] what follows from it. The three never do anything.

pub mod compare;
mod finding;
pub mod look;

pub use finding::{Ask, Depth, Finding, Kind, Verdict, Weight, drift_of};
pub use look::Look;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::ConversationId;
use crate::sync::paging::Paging;
use crate::sync::track::{ListTrack, ListWalk};
use crate::sync::{Step, SyncState, next_step};
use crate::time::Timestamp;

/// Differences that wait for a drain; then it is asked for at once.
pub const PENDING_MAX: usize = 100;
/// Drains before a difference is called drift: one answer may come from a replica that lags behind the page.
pub const DRAINS_BEFORE_DRIFT: u32 = 2;
/// Age of the mark at which a drain is asked for in the middle, so that news do not wait for the end.
pub const MARK_MS: i64 = 2 * 60_000;
/// How often the messages of a conversation are read again because it moved meanwhile.
pub const TRIES_MAX: u32 = 3;
/// How often the lists are walked when conversations are missing in them that may have moved.
pub const PASSES_MAX: u32 = 3;
/// Numbers of passes that each run has of its own.
const PASSES_OF_RUN: i64 = 8;

/// Where a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The lists are walked.
    Lists,
    /// The messages of conversations are read.
    Messages,
    /// Everything was compared.
    Closing,
    /// It is over.
    Done,
}

/// A difference that the stream of changes may still explain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Where and what.
    pub verdict: Verdict,
    /// How often it was looked at.
    pub tries: u32,
}

/// A conversation whose messages are to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Which.
    pub conversation: ConversationId,
    /// How often it was read.
    pub tries: u32,
}

/// A verification that is going on, as it is stored between two requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// What was asked for.
    pub ask: Ask,
    /// The run that carries it out.
    pub run: i64,
    /// Where it is.
    pub stage: Stage,
    /// Which walk of the lists this is, from 1.
    pub pass: u32,
    /// The walk of each category.
    pub lists: Vec<ListTrack>,
    /// Whether something moved since this walk of the lists began.
    pub moved: bool,
    /// Drains that are to be asked for before what was looked at can be judged.
    pub undrained: u32,
    /// Differences that wait for it.
    pub pending: Vec<Pending>,
    /// The conversation that was chosen last; they are read in the order of their ids.
    pub after: Option<ConversationId>,
    /// Whether there is none after it.
    pub exhausted: bool,
    /// Conversations that moved while they were read.
    pub again: Vec<Again>,
    /// The conversation that is being read.
    pub look: Option<Look>,
    /// Conversations that lists have shown.
    pub listed: u64,
    /// Conversations whose messages were read to their end.
    pub read: u64,
    /// Conversations that moved and were not judged by a list.
    pub moved_count: u64,
    /// Findings by kind.
    pub totals: BTreeMap<Kind, u64>,
    /// Drift of these that was repaired.
    pub repaired: u64,
}

/// What is to be written of a verification, in the transaction of its step.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifyBatch {
    /// Where it is afterwards.
    pub state: Verification,
    /// Conversations that this pass of the lists has shown, or that are known to have moved since it began.
    pub shown: Vec<ConversationId>,
    /// What was found out.
    pub verdicts: Vec<Verdict>,
    /// Conversations that are to be walked again by the sync.
    pub sweeps: Vec<ConversationId>,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// A step of the sync itself: what is due goes first.
    Sync(Step),
    /// Ask the stream of changes what has moved.
    Drain(Step),
    /// Ask for a page and compare it.
    Look(Step),
    /// Judge what was found before the drain.
    Judge,
    /// Find the conversations that no list has shown.
    Find,
    /// Choose the conversation after this one.
    Choose(Option<ConversationId>),
    /// Write that it is over.
    Finish,
    /// Nothing is left.
    Done,
}

impl Verification {
    /// A verification that begins, of these categories.
    pub fn begin(ask: Ask, run: i64, scope: &[String]) -> Self {
        let mut begun = Self {
            ask,
            run,
            stage: Stage::Lists,
            pass: 0,
            lists: Vec::new(),
            moved: false,
            undrained: 0,
            pending: Vec::new(),
            after: None,
            exhausted: false,
            again: Vec::new(),
            look: None,
            listed: 0,
            read: 0,
            moved_count: 0,
            totals: BTreeMap::new(),
            repaired: 0,
        };
        begun.walk_lists(scope.iter().cloned());
        begun
    }

    /// The number of this walk of the lists; no other walk of the account has it.
    pub fn pass_number(&self) -> i64 {
        self.run.saturating_mul(PASSES_OF_RUN).saturating_add(i64::from(self.pass))
    }

    /// Whether every list was walked to a plain end.
    pub fn is_proven(&self) -> bool {
        self.lists.iter().all(|list| matches!(list.walk, ListWalk::Done { proven: true }))
    }

    /// The same with nothing to write besides.
    pub fn alone(self) -> VerifyBatch {
        VerifyBatch { state: self, shown: Vec::new(), verdicts: Vec::new(), sweeps: Vec::new() }
    }

    fn open_list(&self) -> Option<(&str, &Paging)> {
        self.lists.iter().find_map(|list| match &list.walk {
            ListWalk::Walking { paging } => Some((list.category.as_str(), paging)),
            ListWalk::Done { .. } => None,
        })
    }

    fn walk_lists(&mut self, scope: impl Iterator<Item = String>) {
        let walking = |category| ListTrack { category, walk: ListWalk::Walking { paging: Paging::default() } };
        self.lists = scope.map(walking).collect();
        self.pass = self.pass.saturating_add(1);
        self.moved = false;
    }

    /// Whether nothing can be done before a drain.
    fn waits_for_drain(&self) -> bool {
        match self.stage {
            Stage::Lists => self.open_list().is_none(),
            Stage::Messages => self.exhausted && self.look.is_none() && self.again.is_empty(),
            Stage::Closing | Stage::Done => false,
        }
    }
}

/// The next thing to do.
pub fn next(verification: &Verification, state: &SyncState, now: Timestamp) -> Doing {
    match next_step(state, now) {
        Step::Done => {}
        step => return Doing::Sync(step),
    }
    let token = state.inbox.token.clone().filter(|_| verification.undrained > 0);
    if let Some(token) = token.filter(|_| wants_drain(verification, state, now)) {
        return Doing::Drain(Step::Delta { token });
    }
    if verification.undrained == 0 && !verification.pending.is_empty() {
        return Doing::Judge;
    }
    match verification.stage {
        Stage::Lists => match verification.open_list() {
            Some((category, paging)) => {
                Doing::Look(Step::List { category: category.to_owned(), cursor: paging.cursor.clone() })
            }
            None => Doing::Find,
        },
        Stage::Messages => read_on(verification, now),
        Stage::Closing => Doing::Finish,
        Stage::Done => Doing::Done,
    }
}

fn wants_drain(verification: &Verification, state: &SyncState, now: Timestamp) -> bool {
    let is_old = state.inbox.token_at.is_none_or(|at| now.since_ms(at) > MARK_MS);
    is_old || verification.pending.len() >= PENDING_MAX || verification.waits_for_drain()
}

fn read_on(verification: &Verification, now: Timestamp) -> Doing {
    let looked_at = verification.look.as_ref().map(|look| (&look.conversation, look.paging.cursor.clone()));
    let again = || verification.again.first().map(|again| (&again.conversation, None));
    match looked_at.or_else(again) {
        Some((conversation, cursor)) => {
            Doing::Look(Step::Messages { conversation: conversation.clone(), anchor: now.plus_ms(ANCHOR_MS), cursor })
        }
        None if verification.exhausted => Doing::Finish,
        None => Doing::Choose(verification.after.clone()),
    }
}

/// How far after now the first page of a conversation begins, for clocks that differ.
const ANCHOR_MS: i64 = 3_600_000;
