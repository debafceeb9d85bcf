//! What a source hands over: one answer as records, cursors and oddities, or the trouble that came instead.
//!
//! Reading a page never fails because of one strange record (invariant I5): the record becomes an [`Oddity`], the
//! rest is used. Cursors and sync tokens are opaque: nothing may look inside.

use serde::{Deserialize, Serialize};

use crate::conversation::ConversationSeen;
use crate::id::{ConversationId, MessageId};
use crate::message::MessageSeen;
use crate::person::PersonSeen;

/// An opaque position in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// An opaque mark in the stream of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SyncToken(pub String);

/// A record that could not be read, kept in its raw form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The conversation it belongs to, where that much is known.
    pub conversation: Option<ConversationId>,
    /// What was odd, in words that name no content.
    pub what: String,
    /// The record as it came, cut to [`ODDITY_RAW_MAX`] bytes.
    pub raw: String,
}

/// Longest raw form of an oddity that is kept, in bytes.
pub const ODDITY_RAW_MAX: usize = 16_384;

/// A conversation in a list, with the newest message that came inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedConversation {
    /// The conversation.
    pub conversation: ConversationSeen,
    /// Its newest message, where the list shows one.
    pub newest: Option<MessageSeen>,
}

/// An answer to a sync token of the mailbox, or the first load without one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConversationChanges {
    /// What changed, or the newest page of the mailbox.
    pub listed: Vec<ListedConversation>,
    /// Conversations that are gone.
    pub deleted: Vec<ConversationId>,
    /// The mark for the next question.
    pub token: Option<SyncToken>,
    /// Upstream could not say what changed and shows the newest page instead.
    pub reset: bool,
    /// Everybody who was described.
    pub people: Vec<PersonSeen>,
    /// Records that could not be read.
    pub oddities: Vec<Oddity>,
}

/// A page of a category's list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConversationPage {
    /// The conversations, newest activity first.
    pub listed: Vec<ListedConversation>,
    /// Where the list goes on.
    pub next: Option<Cursor>,
    /// Everybody who was described.
    pub people: Vec<PersonSeen>,
    /// Records that could not be read.
    pub oddities: Vec<Oddity>,
}

/// A page of a conversation's messages; in any order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<MessageSeen>,
    /// Where older ones are.
    pub older: Option<Cursor>,
    /// Everybody who was described.
    pub people: Vec<PersonSeen>,
    /// Records that could not be read.
    pub oddities: Vec<Oddity>,
}

/// An answer to a sync token of one conversation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageChanges {
    /// What changed, or the newest page of the conversation.
    pub messages: Vec<MessageSeen>,
    /// Messages that are gone.
    pub deleted: Vec<MessageId>,
    /// The mark for the next question.
    pub token: Option<SyncToken>,
    /// Upstream could not say what changed and shows the newest page instead.
    pub reset: bool,
    /// Everybody who was described.
    pub people: Vec<PersonSeen>,
    /// Records that could not be read.
    pub oddities: Vec<Oddity>,
}

/// One answer, by the kind of the question.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To a start token or a delta.
    ConversationChanges(ConversationChanges),
    /// To a page of a list.
    Conversations(ConversationPage),
    /// To a page of messages.
    Messages(MessagePage),
    /// To a message delta.
    MessageChanges(MessageChanges),
}

/// Why there is no answer, sorted by what has to be done about it (upstream protocol 1.5).
///
/// The texts name what happened and never carry content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Too many requests: wait this long, or as the pace says when upstream does not say.
    #[error("LinkedIn asked to slow down (429)")]
    RateLimited {
        /// What `Retry-After` said.
        retry_after_ms: Option<i64>,
    },
    /// No or a passing answer: a network error, a timeout, a cut body, a 5xx. Ask again.
    #[error("LinkedIn did not answer properly: {what}")]
    Unavailable {
        /// What happened.
        what: String,
    },
    /// An answer that cannot be read as what was asked for. Ask again a few times, then set aside.
    #[error("LinkedIn's answer could not be read: {what}")]
    Unreadable {
        /// What was wrong with it.
        what: String,
    },
    /// The question itself was refused (400): a lost cursor or token, or a query id that is no longer known.
    #[error("LinkedIn refused the request: {what}")]
    Refused {
        /// What was refused.
        what: String,
    },
    /// The session is dead. Stop, keep everything, ask the member for a new login.
    #[error("the LinkedIn session has ended: {what}")]
    NeedsLogin {
        /// How it showed.
        what: String,
    },
    /// LinkedIn wants a person to prove something in a browser. Stop.
    #[error("LinkedIn asks for a check in the browser: {what}")]
    Challenged {
        /// How it showed.
        what: String,
    },
    /// The bot wall (999). Stop until a person looks.
    #[error("LinkedIn blocked the request (999)")]
    Blocked,
}
