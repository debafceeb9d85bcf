//! The verbs that change the truth while the simulator runs, as they are written in JSON.
//!
//! A verb that cannot be done says why and changes nothing. What each verb does stands in `verbs/`.

mod apply;
mod messages;
mod random;
mod threads;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::model::{MessageId, Ms, PersonId, ThreadId};
use super::reading::FieldError;

/// A conversation or a message: its id or URN (or the key of the world file), or its place, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Selector {
    /// A bare id, any URN that holds it, or a key of the world file.
    Named(String),
    /// The nth newest one, from 0; what is deleted does not count.
    Newest(usize),
}

impl TryFrom<Value> for Selector {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        const WANTED: &str = "expected an id, or {\"index\":n} for the nth newest from 0";
        match &value {
            Value::String(name) => Ok(Self::Named(name.clone())),
            Value::Object(map) if map.len() == 1 => {
                let index = map.get("index").and_then(Value::as_u64).and_then(|index| index.try_into().ok());
                index.map(Self::Newest).ok_or(WANTED)
            }
            _ => Err(WANTED),
        }
    }
}

impl From<Selector> for Value {
    fn from(selector: Selector) -> Self {
        match selector {
            Selector::Named(name) => Self::String(name),
            Selector::Newest(index) => json!({"index": index}),
        }
    }
}

/// A new message, and with `with` a new conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Arrival {
    /// Whose mailbox; the first account when absent.
    pub account: Option<String>,
    /// An existing conversation.
    pub conversation: Option<Selector>,
    /// The others of a new conversation, instead of `conversation`.
    pub with: Option<Vec<String>>,
    /// Title of a new group.
    pub title: Option<String>,
    /// The sender; somebody else than the owner when absent.
    pub from: Option<String>,
    /// The text; an invented one when there is neither text nor content.
    pub text: Option<String>,
    /// Delivery time; the time of the change when absent.
    pub at: Option<Ms>,
    /// Subject of an InMail.
    pub subject: Option<String>,
    /// `messageBodyRenderFormat`.
    pub format: Option<String>,
    /// Spans as in a world file.
    pub attributes: Vec<Value>,
    /// Attachments as in a world file.
    pub content: Vec<Value>,
}

/// One change of the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields mean the same in every verb and are described in WORLD.md")]
pub enum Mutation {
    /// A message arrives, perhaps in a new conversation.
    MessageArrives(Box<Arrival>),
    /// The text of a message is replaced.
    MessageEdited { account: Option<String>, conversation: Selector, message: Selector, text: String },
    /// A message is deleted for everyone and stays as a tombstone.
    MessageRecalled { account: Option<String>, conversation: Selector, message: Selector },
    /// A message vanishes.
    MessageDeleted { account: Option<String>, conversation: Selector, message: Selector },
    /// Somebody reacts to a message.
    ReactionAdded {
        account: Option<String>,
        conversation: Selector,
        message: Selector,
        emoji: String,
        by: Option<String>,
    },
    /// Somebody takes a reaction back.
    ReactionRemoved {
        account: Option<String>,
        conversation: Selector,
        message: Selector,
        emoji: String,
        by: Option<String>,
    },
    /// A group gets another title, or none.
    ConversationRenamed { account: Option<String>, conversation: Selector, title: Option<String>, by: Option<String> },
    /// A conversation moves from the inbox to the archive.
    ConversationArchived { account: Option<String>, conversation: Selector },
    /// A conversation moves from the archive to the inbox.
    ConversationRestored { account: Option<String>, conversation: Selector },
    /// A conversation moves to `INBOX`, `ARCHIVE` or `SPAM`.
    ConversationMoved { account: Option<String>, conversation: Selector, to: String },
    /// The owner reads a conversation.
    MarkedRead { account: Option<String>, conversation: Selector },
    /// The owner marks a conversation as unread.
    MarkedUnread { account: Option<String>, conversation: Selector },
    /// The owner mutes a conversation.
    ConversationMuted { account: Option<String>, conversation: Selector },
    /// The owner unmutes a conversation.
    ConversationUnmuted { account: Option<String>, conversation: Selector },
    /// The owner deletes a conversation from the own mailbox.
    ConversationDeleted { account: Option<String>, conversation: Selector },
    /// Somebody joins a group.
    MemberJoined { account: Option<String>, conversation: Selector, person: String, by: Option<String> },
    /// Somebody leaves a group.
    MemberLeft { account: Option<String>, conversation: Selector, person: Option<String> },
    /// The server can no longer show the conversation.
    ConversationPoisoned { account: Option<String>, conversation: Selector, reason: Option<String> },
    /// The server can show the conversation again.
    ConversationHealed { account: Option<String>, conversation: Selector },
    /// Many random changes of all kinds, or of the kinds in `only`.
    Random { seed: u64, count: usize, only: Option<Vec<String>> },
}

/// What a verb did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The verb.
    pub verb: &'static str,
    /// The time that the change got.
    pub at_ms: Ms,
    /// Whose mailbox was meant.
    pub account: Option<PersonId>,
    /// The conversation that changed.
    pub conversation: Option<ThreadId>,
    /// The message that changed or came.
    pub message: Option<MessageId>,
    /// What each of the random changes did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Applied>,
}

/// Why a verb was not done. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MutationError {
    /// The JSON is no verb.
    #[error("not a verb: {0}")]
    Malformed(String),
    /// A part of the message cannot be used.
    #[error("in {0}")]
    Field(#[from] FieldError),
    /// No account has this key or id.
    #[error("no account {0:?} here; GET /_sim/credentials lists them")]
    UnknownAccount(String),
    /// The mailbox has no such conversation.
    #[error("no such conversation in this mailbox; GET /_sim/truth lists them")]
    UnknownConversation,
    /// The conversation has no such message.
    #[error("no such message in this conversation; GET /_sim/truth lists them")]
    UnknownMessage,
    /// Nobody has this key or id.
    #[error("nobody here has the key or id {0:?}; GET /_sim/truth lists people")]
    UnknownPerson(String),
    /// The verb does not fit the present state.
    #[error("cannot be done now: {0}")]
    NotPossible(&'static str),
}

impl Mutation {
    /// Reads a verb from its JSON form.
    pub fn from_json(value: &Value) -> Result<Self, MutationError> {
        Self::deserialize(value).map_err(|error| MutationError::Malformed(error.to_string()))
    }

    /// The verb as it is written in JSON.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::MessageArrives(_) => "message_arrives",
            Self::MessageEdited { .. } => "message_edited",
            Self::MessageRecalled { .. } => "message_recalled",
            Self::MessageDeleted { .. } => "message_deleted",
            Self::ReactionAdded { .. } => "reaction_added",
            Self::ReactionRemoved { .. } => "reaction_removed",
            Self::ConversationRenamed { .. } => "conversation_renamed",
            Self::ConversationArchived { .. } => "conversation_archived",
            Self::ConversationRestored { .. } => "conversation_restored",
            Self::ConversationMoved { .. } => "conversation_moved",
            Self::MarkedRead { .. } => "marked_read",
            Self::MarkedUnread { .. } => "marked_unread",
            Self::ConversationMuted { .. } => "conversation_muted",
            Self::ConversationUnmuted { .. } => "conversation_unmuted",
            Self::ConversationDeleted { .. } => "conversation_deleted",
            Self::MemberJoined { .. } => "member_joined",
            Self::MemberLeft { .. } => "member_left",
            Self::ConversationPoisoned { .. } => "conversation_poisoned",
            Self::ConversationHealed { .. } => "conversation_healed",
            Self::Random { .. } => "random",
        }
    }
}
