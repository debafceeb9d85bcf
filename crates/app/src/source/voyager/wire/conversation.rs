//! Conversations on the wire (upstream protocol 3.4).

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::person::Participant;
use super::{List, Text, Told, Words, told};

/// A conversation, whose newest message is read as `M`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "M: Deserialize<'de>"))]
pub struct Conversation<'a, M> {
    /// `urn:li:msg_conversation:(…)`
    #[serde(borrow, default)]
    pub entity_urn: Option<Text<'a>>,
    /// `urn:li:messagingThread:…`
    #[serde(borrow, default)]
    pub backend_urn: Option<Text<'a>>,
    /// Folders and marks.
    #[serde(borrow, default)]
    pub categories: Option<List<Text<'a>>>,
    /// Whether it is a group.
    #[serde(default)]
    pub group_chat: Option<bool>,
    /// Name of a group.
    #[serde(borrow, default, deserialize_with = "told")]
    pub title: Told<Words<'a>>,
    /// State of a message request.
    #[serde(borrow, default, deserialize_with = "told")]
    pub state: Told<Text<'a>>,
    /// Label.
    #[serde(borrow, default, deserialize_with = "told")]
    pub conversation_type_text: Told<Words<'a>>,
    /// Advertisements have it.
    #[serde(default, deserialize_with = "told")]
    pub content_metadata: Told<ContentMetadata>,
    /// Everybody in it.
    #[serde(borrow, default)]
    pub conversation_participants: Option<List<Option<Participant<'a>>>>,
    /// When it began.
    #[serde(default, deserialize_with = "told")]
    pub created_at: Told<i64>,
    /// When something last happened.
    #[serde(default)]
    pub last_activity_at: Option<i64>,
    /// When the member last read it.
    #[serde(default, deserialize_with = "told")]
    pub last_read_at: Told<i64>,
    /// Whether the member has read it.
    #[serde(default)]
    pub read: Option<bool>,
    /// How many messages are unread.
    #[serde(default)]
    pub unread_count: Option<i64>,
    /// `ACTIVE` or muted.
    #[serde(borrow, default)]
    pub notification_status: Option<Text<'a>>,
    /// The newest message.
    #[serde(default = "Option::default")]
    pub messages: Option<Embedded<M>>,
}

/// The newest message of a conversation.
#[derive(Deserialize)]
#[serde(bound(deserialize = "M: Deserialize<'de>"))]
pub struct Embedded<M> {
    /// At most one.
    #[serde(default = "Option::default")]
    pub elements: Option<List<Option<M>>>,
}

/// What sort of content a conversation has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentMetadata {
    /// Not null for an advertisement.
    #[serde(default)]
    pub conversation_ad_content: Option<IgnoredAny>,
}
