//! The values of a copy: an account with everything that was mirrored for it, as it leaves a database and enters one.
//!
//! No session, no key and no job is among them, and no bytes of attachments.

use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
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
    /// Whether anything of it came from an export of LinkedIn's.
    pub has_archive: bool,
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

/// An export of LinkedIn's that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedImport {
    /// What tells its file apart.
    pub digest: Option<String>,
    /// Second of its newest message.
    pub newest_second: Option<i64>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
    /// Who asked for it.
    pub asked_by: Option<String>,
    /// What it brought, as JSON.
    pub report: Option<String>,
}

/// The place of a row of an export: conversation, second, and what tells it apart within that.
pub type ArchivedPlace = (ConversationId, i64, String);

/// A row of an export and the message that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedArchived {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its second.
    pub second: i64,
    /// What tells it apart within the second.
    pub fingerprint: String,
    /// The message.
    pub message: MessageId,
    /// The import that brought it: the database's number of it, or, in a copy, its place among the copy's imports, from 1.
    pub import: i64,
    /// Its text, when the message has another one.
    pub other_body: Option<String>,
}

/// Another name of somebody, as exports have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedAlias {
    /// The name.
    pub alias: String,
    /// Who that is.
    pub person: PersonId,
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
    /// Exports that were taken in, in their order; those of rows have come before.
    pub imports: Vec<CopiedImport>,
    /// Rows of exports.
    pub archived: Vec<CopiedArchived>,
    /// Other names of people.
    pub aliases: Vec<CopiedAlias>,
}

impl CopiedRows {
    /// How many there are.
    pub fn len(&self) -> usize {
        let mirrored = self.people.len() + self.conversations.len() + self.messages.len();
        let around = self.events.len() + self.oddities.len();
        mirrored + around + self.imports.len() + self.archived.len() + self.aliases.len()
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
