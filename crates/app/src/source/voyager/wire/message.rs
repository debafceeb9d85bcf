//! Messages on the wire (upstream protocol 4.3 to 4.5).

use serde::Deserialize;

use super::person::{Participant, VectorImage};
use super::{Attributed, List, Text, Told, Union, Words, told};

/// A message; its sender may be left unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "S: Deserialize<'de>"))]
pub struct Message<'a, S = Participant<'a>> {
    /// `urn:li:msg_message:(…)`
    #[serde(borrow, default)]
    pub entity_urn: Option<Text<'a>>,
    /// `urn:li:messagingMessage:…`
    #[serde(borrow, default)]
    pub backend_urn: Option<Text<'a>>,
    /// `urn:li:messagingThread:…`
    #[serde(borrow, default)]
    pub backend_conversation_urn: Option<Text<'a>>,
    /// The thread, as a stub.
    #[serde(borrow, default)]
    pub conversation: Option<Reference<'a>>,
    /// The thread, in rare answers.
    #[serde(borrow, default)]
    pub conversation_urn: Option<Text<'a>>,
    /// When it was delivered.
    #[serde(default)]
    pub delivered_at: Option<i64>,
    /// When it was made; stands in for a missing delivery.
    #[serde(default)]
    pub created_at: Option<i64>,
    /// Who wrote it.
    #[serde(default)]
    pub sender: Option<S>,
    /// Its text.
    #[serde(borrow, default, deserialize_with = "told")]
    pub body: Told<Attributed<'a>>,
    /// Subject of an InMail.
    #[serde(borrow, default, deserialize_with = "told")]
    pub subject: Told<Words<'a>>,
    /// Sent, edited, recalled, system.
    #[serde(borrow, default)]
    pub message_body_render_format: Option<Text<'a>>,
    /// What it carries besides text.
    #[serde(borrow, default, deserialize_with = "told")]
    pub render_content: Told<List<Option<Union<'a>>>>,
    /// Text to show for content of an unknown kind.
    #[serde(borrow, default, deserialize_with = "told")]
    pub render_content_fallback_text: Told<Words<'a>>,
    /// Reactions.
    #[serde(borrow, default, deserialize_with = "told")]
    pub reaction_summaries: Told<List<Option<Reaction<'a>>>>,
}

/// Something named by its URN.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference<'a> {
    /// Its URN.
    #[serde(borrow, default)]
    pub entity_urn: Option<Text<'a>>,
}

/// An emoji and how many chose it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction<'a> {
    /// The emoji.
    #[serde(borrow)]
    pub emoji: Text<'a>,
    /// How many.
    #[serde(default)]
    pub count: Option<i64>,
    /// When the first did.
    #[serde(default)]
    pub first_reacted_at: Option<i64>,
    /// Whether the member is one of them.
    #[serde(default)]
    pub viewer_reacted: Option<bool>,
}

/// `entity` of a span.
#[derive(Deserialize)]
pub struct Entity<'a> {
    /// Who is mentioned.
    #[serde(borrow, default)]
    pub urn: Option<Text<'a>>,
}

/// `hyperlink` of a span.
#[derive(Deserialize)]
pub struct Hyperlink<'a> {
    /// Where it leads.
    #[serde(borrow, default)]
    pub url: Option<Text<'a>>,
}

/// `list` of a span.
#[derive(Deserialize)]
pub struct ListKind {
    /// Whether it is numbered.
    #[serde(default)]
    pub ordered: Option<bool>,
}

/// `file`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File<'a> {
    /// URN of the asset.
    #[serde(borrow, default)]
    pub asset_urn: Option<Text<'a>>,
    /// Size in bytes.
    #[serde(default)]
    pub byte_size: Option<i64>,
    /// Media type.
    #[serde(borrow, default)]
    pub media_type: Option<Text<'a>>,
    /// Name.
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    /// Link.
    #[serde(borrow, default)]
    pub url: Option<Text<'a>>,
}

/// `video`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Video<'a> {
    /// URN of the media.
    #[serde(borrow, default)]
    pub media: Option<Text<'a>>,
    /// Length in milliseconds.
    #[serde(default)]
    pub duration: Option<i64>,
    /// Streams; none while it is being processed.
    #[serde(borrow, default)]
    pub progressive_streams: Option<List<Stream<'a>>>,
}

/// A stream of a video.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream<'a> {
    /// Width in pixels.
    #[serde(default)]
    pub width: Option<i64>,
    /// Height in pixels.
    #[serde(default)]
    pub height: Option<i64>,
    /// Media type.
    #[serde(borrow, default)]
    pub media_type: Option<Text<'a>>,
    /// Media type under its other name.
    #[serde(borrow, default)]
    pub mime_type: Option<Text<'a>>,
    /// Where it is.
    #[serde(borrow, default)]
    pub streaming_locations: Option<List<Hyperlink<'a>>>,
}

/// `audio`
#[derive(Deserialize)]
pub struct Audio<'a> {
    /// Length in milliseconds.
    #[serde(default)]
    pub duration: Option<i64>,
    /// Link.
    #[serde(borrow, default)]
    pub url: Option<Text<'a>>,
}

/// `externalMedia`
#[derive(Deserialize)]
pub struct External<'a> {
    /// Title.
    #[serde(borrow, default)]
    pub title: Option<Words<'a>>,
    /// The medium.
    #[serde(borrow, default)]
    pub media: Option<ExternalImage<'a>>,
}

/// A medium on another site.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalImage<'a> {
    /// Link.
    #[serde(borrow, default)]
    pub url: Option<Text<'a>>,
    /// Width in pixels.
    #[serde(default)]
    pub original_width: Option<i64>,
    /// Height in pixels.
    #[serde(default)]
    pub original_height: Option<i64>,
}

/// `forwardedMessageContent`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forwarded<'a> {
    /// Its text.
    #[serde(borrow, default)]
    pub forwarded_body: Option<Words<'a>>,
    /// Who wrote it.
    #[serde(borrow, default)]
    pub original_sender: Option<Participant<'a>>,
    /// When it was sent.
    #[serde(default)]
    pub original_send_at: Option<i64>,
}

/// `repliedMessageContent`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replied<'a> {
    /// Which message.
    #[serde(borrow, default)]
    pub original_message: Option<Reference<'a>>,
    /// Who wrote it.
    #[serde(borrow, default)]
    pub original_sender: Option<Participant<'a>>,
    /// When it was sent.
    #[serde(default)]
    pub original_send_at: Option<i64>,
    /// Its text.
    #[serde(borrow, default)]
    pub message_body: Option<Words<'a>>,
}

/// `hostUrnData`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostUrn<'a> {
    /// What it is.
    #[serde(borrow, default, rename = "type")]
    pub type_name: Option<Text<'a>>,
    /// Its URN.
    #[serde(borrow, default)]
    pub host_urn: Option<Text<'a>>,
}

/// `awayMessage`
#[derive(Deserialize)]
pub struct Away<'a> {
    /// Its text.
    #[serde(borrow, default)]
    pub text: Option<Words<'a>>,
}

/// `conversationAdsMessageContent` and `messageAdRenderContent`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ad<'a> {
    /// URN of the one.
    #[serde(borrow, default)]
    pub sponsored_message_content_urn: Option<Text<'a>>,
    /// URN of the other.
    #[serde(borrow, default)]
    pub sponsored_campaign_urn: Option<Text<'a>>,
}

/// `vectorImage`
pub type Image<'a> = VectorImage<'a>;
