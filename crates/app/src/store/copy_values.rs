//! The values of a copy: an account with everything that was mirrored for it, as it leaves a database and enters one.
//!
//! No session, no key and no job is among them, and no bytes of attachments.

use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, ConversationId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::{ConversationTrack, InboxTrack};
use threadkeep_core::time::Timestamp;

use super::MediaPolicy;

/// An account without its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedAccount {
    /// Its id in this program.
    pub id: AccountId,
    /// The member's profile id.
    pub member: PersonId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Public slug.
    pub public_id: String,
    /// Link to the picture.
    pub picture_url: Option<String>,
    /// Whether the member has a paid plan, where told.
    pub premium: Option<bool>,
    /// Categories that are mirrored.
    pub scope: Vec<String>,
    /// How far we are sure of the inbox.
    pub inbox: InboxTrack,
    /// When it was added.
    pub created_at: Timestamp,
    /// When a run last ended having done its work.
    pub last_sync_at: Option<Timestamp>,
    /// When its media are fetched.
    pub media_policy: MediaPolicy,
    /// The number of the last login that was lost.
    pub logins_lost: i64,
}

/// A conversation with what lies around its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedConversation {
    /// The conversation.
    pub conversation: Conversation,
    /// People who were in it or wrote in it and are no participants now.
    pub former: Vec<PersonId>,
    /// How far we are sure of it.
    pub track: Option<ConversationTrack>,
}

/// A line of the log of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedEvent {
    /// Its number.
    pub seq: i64,
    /// Its stable id.
    pub id: String,
    /// Its name.
    pub kind: String,
    /// The record that it is about.
    pub object: String,
    /// The record's version after it.
    pub version: u32,
    /// When it was seen.
    pub at: Timestamp,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedOddity {
    /// What tells it apart.
    pub digest: String,
    /// The conversation it belongs to, where known.
    pub conversation: Option<ConversationId>,
    /// What was odd.
    pub what: String,
    /// The record as it came.
    pub raw: String,
    /// How often it came.
    pub times: i64,
    /// When it came first.
    pub first_seen_at: Timestamp,
    /// When it came last.
    pub last_seen_at: Timestamp,
}

/// Some records of a copy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CopiedRows {
    /// People.
    pub people: Vec<Person>,
    /// Conversations; those of messages have come before.
    pub conversations: Vec<CopiedConversation>,
    /// Messages.
    pub messages: Vec<Message>,
    /// Lines of the log of changes.
    pub events: Vec<CopiedEvent>,
    /// Records that could not be read.
    pub oddities: Vec<CopiedOddity>,
}

impl CopiedRows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.people.len() + self.conversations.len() + self.messages.len() + self.events.len() + self.oddities.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What comes next out of a copy.
#[derive(Debug, Clone, PartialEq)]
pub enum Copied {
    /// More records.
    Rows(CopiedRows),
    /// Nothing more: the copy was whole.
    End,
    /// Something that cannot be believed: nothing of the copy may stay.
    Broken,
}

/// A copy that is read from the beginning to its end.
pub trait CopySource: Send {
    /// The account that it is of.
    fn account(&self) -> &CopiedAccount;
    /// What comes next.
    fn next_rows(&mut self) -> Copied;
}

/// What became of a copy that was to be put into the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyOutcome {
    /// All of it is there.
    Restored,
    /// The account is there already: nothing was changed.
    AccountExists,
    /// The copy was broken: nothing was changed.
    Broken,
}
