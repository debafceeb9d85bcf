//! What changed, as it is written to the event log.
//!
//! One change of one record is one event, numbered by the record's version, so that a repeated page can never tell
//! the same thing twice. No event carries text or names: readers look the record up.

use crate::message::MessageChange;

/// The kinds of events; their names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A conversation was seen for the first time.
    ConversationCreated,
    /// A conversation changed.
    ConversationUpdated,
    /// A tombstone removed a conversation.
    ConversationDeleted,
    /// A message was seen for the first time.
    MessageCreated,
    /// A message's text or content changed.
    MessageEdited,
    /// A message was taken back by its sender.
    MessageRecalled,
    /// A tombstone removed a message.
    MessageDeleted,
    /// Something else of a message changed, such as its reactions.
    MessageUpdated,
    /// The account needs a new login.
    AccountNeedsLogin,
}

impl EventKind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationCreated => "conversation.created",
            Self::ConversationUpdated => "conversation.updated",
            Self::ConversationDeleted => "conversation.deleted",
            Self::MessageCreated => "message.created",
            Self::MessageEdited => "message.edited",
            Self::MessageRecalled => "message.recalled",
            Self::MessageDeleted => "message.deleted",
            Self::MessageUpdated => "message.updated",
            Self::AccountNeedsLogin => "account.needs_login",
        }
    }
}

impl From<MessageChange> for EventKind {
    fn from(change: MessageChange) -> Self {
        match change {
            MessageChange::Created => Self::MessageCreated,
            MessageChange::Edited => Self::MessageEdited,
            MessageChange::Recalled => Self::MessageRecalled,
            MessageChange::Deleted => Self::MessageDeleted,
            MessageChange::Updated => Self::MessageUpdated,
        }
    }
}
