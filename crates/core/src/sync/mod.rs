//! The algorithm of a sync, as functions of values.
//!
//! Upstream lists are newest first. A *walk* goes down a list to its true end, one page a request, with its cursor in a
//! row. The inbox has a walk for each category; each conversation has one through its messages.
//!
//! Changes have a stream of their own: a *sync token* is a mark in it. The mark is taken **before** the walks begin (low
//! watermark) and asked from **after** them (high watermark), so that what moves while we walk is told afterwards. A
//! mark moves only in the transaction that stores what it covers.
//!
//! A conversation is *due* when a list shows activity above the one its last finished walk was **started for**, or when
//! a delta names it. It is filled by a walk once; later only its changes are asked for, from its own mark. An answer
//! that lacks the message which the list has just shown is stale and is asked again.
//!
//! [`next_step`] says what to ask, [`absorb()`] what an answer taught, [`settle()`] what a failure means. The three
//! never do anything: the worker asks, the store commits the [`Batch`], and a crash anywhere repeats one page.

mod absorb;
pub mod pace;
pub mod paging;
mod settle;
mod step;
pub mod track;

pub use absorb::{DELTA_FULL, absorb};
pub use settle::settle;
pub use step::{GLANCE_AFTER_MS, Step, next_step};

use crate::conversation::ConversationSeen;
use crate::id::{ConversationId, MessageId};
use crate::message::{MessageSeen, Origin};
use crate::page::Oddity;
use crate::person::PersonSeen;
use crate::sync::track::{ConversationTrack, InboxTrack, RunId, Sighting};
use crate::time::Timestamp;
use crate::verify::VerifyBatch;

/// The categories that are mirrored unless the configuration says otherwise, in the order of their walks.
pub const DEFAULT_CATEGORIES: [&str; 2] = ["INBOX", "ARCHIVE"];

/// All that the next step depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncState {
    /// Categories to mirror, in the order of their walks.
    pub scope: Vec<String>,
    /// How far we are sure of the inbox.
    pub inbox: InboxTrack,
    /// The conversation that is due first, by [`ConversationTrack::due_rank`] and then newest activity.
    pub due: Option<ConversationTrack>,
    /// Nothing may be asked before this.
    pub hold: Option<Hold>,
    /// The run: a delta is asked once in each.
    pub run: RunId,
}

/// A wait that is stored, so that it holds across restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Nothing is asked before this.
    pub until: Timestamp,
    /// Why.
    pub why: HoldReason,
}

/// Why an account waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldReason {
    /// A 429.
    RateLimited,
    /// A passing failure.
    Unavailable,
    /// A 999; a person may end the wait by asking for a sync.
    Blocked,
}

impl Hold {
    /// Whether it still holds. One that ends later than any of its kind can was set by a clock that was wrong.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until > now && self.until.since_ms(now) <= self.why.longest_ms()
    }
}

impl HoldReason {
    /// The longest wait of this kind.
    pub fn longest_ms(self) -> i64 {
        match self {
            Self::RateLimited => pace::RATE_LIMIT_MAX_MS,
            Self::Unavailable => pace::RETRY_MAX_MS,
            Self::Blocked => pace::BLOCKED_MS,
        }
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Blocked => "blocked",
        }
    }

    /// The reason with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::RateLimited, Self::Unavailable, Self::Blocked].into_iter().find(|one| one.as_str() == name)
    }
}

/// Whether an account can be synced, and if not, what has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing is known to be wrong.
    Connected,
    /// The session is dead: new cookies are needed.
    NeedsLogin,
    /// LinkedIn asks for a check in the browser, then for new cookies.
    Challenged,
    /// The member paused it.
    Paused,
}

impl Health {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::NeedsLogin => "needs_login",
            Self::Challenged => "challenged",
            Self::Paused => "paused",
        }
    }

    /// The health with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Connected, Self::NeedsLogin, Self::Challenged, Self::Paused].into_iter().find(|one| one.as_str() == name)
    }
}

/// Why a run ended before its work was done. The names are the API's closed set of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFailure {
    /// Stable code.
    pub code: FailureCode,
    /// What happened, in words that name no content.
    pub what: String,
}

/// The stable codes of failed runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCode {
    /// New cookies are needed.
    NeedsLogin,
    /// A check in the browser is needed.
    Challenged,
    /// The bot wall.
    UpstreamBlocked,
    /// Too many 429 in a row.
    RateLimited,
    /// Too many failures in a row.
    UpstreamUnavailable,
    /// Too many unreadable answers in a row.
    UpstreamUnreadable,
    /// LinkedIn refused a request that is not about a lost position: a query id has probably rotated.
    UpstreamRefused,
}

impl FailureCode {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeedsLogin => "needs_login",
            Self::Challenged => "challenged",
            Self::UpstreamBlocked => "upstream_blocked",
            Self::RateLimited => "rate_limited",
            Self::UpstreamUnavailable => "upstream_unavailable",
            Self::UpstreamUnreadable => "upstream_unreadable",
            Self::UpstreamRefused => "upstream_refused",
        }
    }
}

/// What one answer or failure taught; written in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// What kind of answer the records came from.
    pub origin: Origin,
    /// People who were described.
    pub people: Vec<PersonSeen>,
    /// Conversations that were shown.
    pub conversations: Vec<ConversationSeen>,
    /// Conversations that a tombstone removed.
    pub deleted_conversations: Vec<ConversationId>,
    /// Messages that were shown.
    pub messages: Vec<MessageSeen>,
    /// Messages that a tombstone removed.
    pub deleted_messages: Vec<MessageId>,
    /// Records that could not be read.
    pub oddities: Vec<Oddity>,
    /// What was said about conversations; each is folded into its track by [`track::sight`].
    pub sightings: Vec<Sighting>,
    /// The inbox's track afterwards.
    pub inbox: InboxTrack,
    /// The track of the conversation that was asked about, afterwards.
    pub track: Option<ConversationTrack>,
    /// A wait that begins.
    pub hold: Option<Hold>,
    /// The account's health, when it changed.
    pub health: Option<Health>,
    /// Set when the run ends here without having done its work.
    pub failure: Option<RunFailure>,
    /// What the step means for the verification that is going on.
    pub verification: Option<VerifyBatch>,
}

impl Batch {
    /// A batch that changes nothing yet.
    pub fn unchanged(state: &SyncState) -> Self {
        Self {
            origin: Origin::Walk,
            people: Vec::new(),
            conversations: Vec::new(),
            deleted_conversations: Vec::new(),
            messages: Vec::new(),
            deleted_messages: Vec::new(),
            oddities: Vec::new(),
            sightings: Vec::new(),
            inbox: state.inbox.clone(),
            track: None,
            hold: None,
            health: None,
            failure: None,
            verification: None,
        }
    }
}
