//! Messages and their attachments in answers (HTTP contract 3.2).
//!
//! Who wrote a message is decided by ids, never by names. What is neither text nor an attachment stands in `contents`
//! as it is kept.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use threadkeep_core::attachment::{Attachment as Attached, attachments, is_attachment};
use threadkeep_core::content::{Content, Reaction};
use threadkeep_core::id::{AccountId, MessageId, PersonId};
use threadkeep_core::message::{Message, MessageFormat};
use threadkeep_core::person::Person;
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::person::shown_name;
use crate::store::{AttachmentRow, AttachmentState, SpokenLook};

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageItem<'a> {
    message_urn: String,
    text: Cow<'a, str>,
    sent_at: i64,
    sender_profile_id: Cow<'a, str>,
    sender_name: Cow<'a, str>,
    sender_photo: Cow<'a, str>,
    is_sent_by_owner: bool,
    has_attachment: bool,
    message_id: Cow<'a, str>,
    backend_message_urn: String,
    sender_urn: Option<String>,
    subject: Option<Cow<'a, str>>,
    format: Cow<'a, str>,
    is_edited: bool,
    is_recalled: bool,
    is_system: bool,
    fallback_text: Option<Cow<'a, str>>,
    reactions: Vec<ReactionItem>,
    #[schema(value_type = Vec<Object>)]
    contents: Vec<Content>,
    // Last, so that it can be filled in behind a message that is written already.
    attachments: Vec<Attachment>,
}

/// A reaction with how many gave it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReactionItem {
    emoji: String,
    count: u32,
    first_reacted_at: Option<i64>,
    viewer_reacted: bool,
}

/// Something that came with a message; a field that its kind does not have is null.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attachment {
    #[serde(rename = "type")]
    kind: &'static str,
    name: Option<String>,
    media_type: Option<String>,
    byte_size: Option<i64>,
    url: Option<String>,
    asset: Option<String>,
    duration_ms: Option<i64>,
    width: Option<i64>,
    height: Option<i64>,
    link: String,
    state: &'static str,
    hash: Option<String>,
    size: Option<u64>,
    content_type: Option<String>,
    failure: Option<String>,
}

/// Whose mailbox a message is in, and the attachments that are known there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mailbox<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) owner: &'a PersonId,
    pub(crate) media: &'a [AttachmentRow],
}

/// A message that attachments came with, by its id and all its contents.
pub(super) type Carrier = (MessageId, Vec<Content>);

/// A kept message as the contract shows it.
pub(crate) fn message<'a>(kept: &'a Message, sender: Option<&'a Person>, mailbox: Mailbox<'_>) -> MessageItem<'a> {
    let look = Look {
        id: &kept.id,
        sender: kept.sender.as_ref(),
        sender_name: shown_name(&sender.map(Person::full_name).unwrap_or_default()).into(),
        sender_photo: sender.and_then(|person| person.picture_url.as_deref()).unwrap_or_default(),
        delivered_at: kept.delivered_at,
        body: &kept.body,
        subject: kept.subject.as_deref(),
        format: kept.format.as_str(),
        fallback_text: kept.fallback_text.as_deref(),
    };
    let attachments = attachments_of(&kept.id, &kept.content, mailbox);
    MessageItem { attachments, ..item(look, &kept.content, &kept.reactions, mailbox.owner) }
}

/// What is taken over as it is.
struct Look<'a, 'b> {
    id: &'b MessageId,
    sender: Option<&'b PersonId>,
    sender_name: Cow<'a, str>,
    sender_photo: &'a str,
    delivered_at: Timestamp,
    body: &'a str,
    subject: Option<&'a str>,
    format: &'a str,
    fallback_text: Option<&'a str>,
}

/// A message as it lies ready, from a sender with this name and picture, still without its attachments; beside it what they
/// are made of, when there are some.
pub(super) fn spoken<'a>(
    row: &SpokenLook<'a>,
    (sender_name, sender_photo): (&'a str, &'a str),
    owner: &PersonId,
) -> Option<(MessageItem<'a>, Option<Carrier>)> {
    let sender = row.sender.map(PersonId::new).transpose().ok()?;
    let (id, contents) = (MessageId::new(row.id).ok()?, read_list(row.content)?);
    let look = Look {
        id: &id,
        sender: sender.as_ref(),
        sender_name: sender_name.into(),
        sender_photo,
        delivered_at: row.delivered_at,
        body: row.body,
        subject: row.subject,
        format: row.format,
        fallback_text: row.fallback_text,
    };
    let item = item(look, &contents, &read_list(row.reactions)?, owner);
    let carried = item.has_attachment.then_some((id, contents));
    Some((item, carried))
}

/// The attachments of a message in their order.
pub(super) fn attachments_of(id: &MessageId, contents: &[Content], mailbox: Mailbox<'_>) -> Vec<Attachment> {
    attachments(contents).map(|one| attachment(id, &one, mailbox)).collect()
}

/// All but the attachments.
fn item<'a>(look: Look<'a, '_>, content: &[Content], reactions: &[Reaction], owner: &PersonId) -> MessageItem<'a> {
    MessageItem {
        message_urn: look.id.urn(owner),
        text: look.body.into(),
        sent_at: look.delivered_at.0,
        sender_profile_id: look.sender.map(ToString::to_string).unwrap_or_default().into(),
        sender_name: if look.sender.is_some() { look.sender_name } else { Cow::default() },
        sender_photo: look.sender_photo.into(),
        is_sent_by_owner: look.sender == Some(owner),
        has_attachment: has_attachment(content),
        message_id: look.id.to_string().into(),
        backend_message_urn: format!("urn:li:messagingMessage:{}", look.id),
        sender_urn: look.sender.map(PersonId::urn),
        subject: look.subject.map(Into::into),
        format: look.format.into(),
        is_edited: look.format == MessageFormat::Edited.as_str(),
        is_recalled: look.format == MessageFormat::Recalled.as_str(),
        is_system: look.format == MessageFormat::System.as_str(),
        fallback_text: look.fallback_text.map(Into::into),
        reactions: reactions.iter().map(reaction).collect(),
        contents: content.iter().filter(|content| !is_attachment(content)).cloned().collect(),
        attachments: Vec::new(),
    }
}

/// A list in JSON; none is an empty one.
pub(super) fn read_list<T: DeserializeOwned>(text: Option<&str>) -> Option<Vec<T>> {
    text.map_or(Some(Vec::new()), |text| serde_json::from_str(text).ok())
}

/// The reactions to a message, one for each emoji.
pub(crate) fn reactions(kept: &Message) -> Vec<ReactionItem> {
    kept.reactions.iter().map(reaction).collect()
}

/// Whether something that can be opened is in what came with a message.
pub(super) fn has_attachment(contents: &[Content]) -> bool {
    contents.iter().any(is_attachment)
}

fn reaction(kept: &Reaction) -> ReactionItem {
    ReactionItem {
        emoji: kept.emoji.clone(),
        count: kept.count,
        first_reacted_at: kept.first_reacted_at.map(|at| at.0),
        viewer_reacted: kept.viewer_reacted,
    }
}

fn attachment(message: &MessageId, one: &Attached<'_>, mailbox: Mailbox<'_>) -> Attachment {
    let told = told(one);
    let row = mailbox.media.iter().find(|row| row.message.as_ref() == Some(message) && row.ordinal == one.ordinal);
    let object = row.and_then(|row| row.object.as_ref());
    Attachment {
        link: format!("/linkedin/media/{}/{}/{}", mailbox.account, in_path(message), one.ordinal),
        state: row.map_or(AttachmentState::Remote, |row| row.state).as_str(),
        hash: object.map(|object| format!("sha256-{}", object.hash)),
        size: object.map(|object| object.size_bytes),
        content_type: object.map(|object| object.media_type.clone()),
        failure: row.and_then(|row| row.failure_code.clone()),
        ..told
    }
}

/// What its message tells of an attachment.
fn told(one: &Attached<'_>) -> Attachment {
    let none = Attachment { kind: one.kind(), ..Attachment::default() };
    match one.content.clone() {
        Content::Image { asset, url } => Attachment { asset, url, ..none },
        Content::File { asset, byte_size, media_type, name, url } => {
            Attachment { asset, byte_size, media_type, name, url, ..none }
        }
        Content::Video { asset, duration_ms, media_type, url } => {
            Attachment { asset, duration_ms, media_type, url, ..none }
        }
        Content::Audio { duration_ms, url } => Attachment { duration_ms, url, ..none },
        Content::External { title, url, width, height } => Attachment { name: title, url, width, height, ..none },
        _ => none,
    }
}

/// An id as a segment of a path.
fn in_path(id: &MessageId) -> String {
    url::form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect()
}
