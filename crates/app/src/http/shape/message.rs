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
use utoipa::ToSchema;

use super::owner::Owner;
use super::person::shown_name;
use super::senders::{Sender, Senders};
use super::text::Text;
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
    // Last, so that it can be filled in behind a message that is written already (`write_spoken`).
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
    let sender_name = match &kept.sender {
        Some(_) => shown_name(&sender.map(Person::full_name).unwrap_or_default()),
        None => String::new(),
    };
    MessageItem {
        message_urn: kept.id.urn(mailbox.owner),
        text: kept.body.as_str().into(),
        sent_at: kept.delivered_at.0,
        sender_profile_id: kept.sender.as_ref().map(ToString::to_string).unwrap_or_default().into(),
        sender_name: sender_name.into(),
        sender_photo: sender.and_then(|person| person.picture_url.as_deref()).unwrap_or_default().into(),
        is_sent_by_owner: kept.sender.as_ref() == Some(mailbox.owner),
        has_attachment: has_attachment(&kept.content),
        message_id: kept.id.to_string().into(),
        backend_message_urn: format!("urn:li:messagingMessage:{}", kept.id),
        sender_urn: kept.sender.as_ref().map(PersonId::urn),
        subject: kept.subject.as_deref().map(Into::into),
        format: kept.format.as_str().into(),
        is_edited: kept.format == MessageFormat::Edited,
        is_recalled: kept.format == MessageFormat::Recalled,
        is_system: kept.format == MessageFormat::System,
        fallback_text: kept.fallback_text.as_deref().map(Into::into),
        reactions: kept.reactions.iter().map(reaction).collect(),
        contents: kept.content.iter().filter(|content| !is_attachment(content)).cloned().collect(),
        attachments: attachments_of(&kept.id, &kept.content, mailbox),
    }
}

/// Writes a message as it lies ready, up to the list of its attachments, which is left open and still empty. Gives what they
/// are made of, when there are some; `None` when it cannot be written. The same fields in the same order as [`MessageItem`].
pub(super) fn write_spoken(
    text: &mut Text,
    row: &SpokenLook<'_>,
    page: (&mut Senders, &Owner),
) -> Option<Option<Carrier>> {
    let (senders, owner) = page;
    let contents = read_list::<Content>(row.content)?;
    let has_attachment = has_attachment(&contents);
    text.raw("{\"messageUrn\":\"urn:li:msg_message:(urn:li:fsd_profile:").raw(owner.id()).raw(",").inside(row.id);
    text.raw(")\",\"text\":").string(row.body).raw(",\"sentAt\":").number(row.delivered_at.0);
    let sender = match row.sender {
        Some(id) => Some(senders.get(id)?),
        None => None,
    };
    write_sender(text, sender);
    text.raw(",\"isSentByOwner\":").flag(row.sender == Some(owner.id()));
    text.raw(",\"hasAttachment\":").flag(has_attachment);
    text.raw(",\"messageId\":\"").inside(row.id);
    text.raw("\",\"backendMessageUrn\":\"urn:li:messagingMessage:").inside(row.id).raw("\",\"senderUrn\":");
    text.raw(sender.map_or(b"null".as_slice(), |sender| sender.urn.as_bytes()));
    text.raw(",\"subject\":").string_or_null(row.subject).raw(",\"format\":").string(row.format);
    text.raw(",\"isEdited\":").flag(row.format == MessageFormat::Edited.as_str());
    text.raw(",\"isRecalled\":").flag(row.format == MessageFormat::Recalled.as_str());
    text.raw(",\"isSystem\":").flag(row.format == MessageFormat::System.as_str());
    text.raw(",\"fallbackText\":").string_or_null(row.fallback_text).raw(",\"reactions\":");
    let reactions: Vec<ReactionItem> = read_list::<Reaction>(row.reactions)?.iter().map(reaction).collect();
    let others: Vec<&Content> = contents.iter().filter(|content| !is_attachment(content)).collect();
    let is_written = text.value(&reactions) && text.raw(",\"contents\":").value(&others);
    text.raw(",\"attachments\":[");
    match has_attachment {
        _ if !is_written => None,
        false => Some(None),
        true => Some(Some((MessageId::new(row.id).ok()?, contents))),
    }
}

/// Id, name and picture of whoever wrote a message.
fn write_sender(text: &mut Text, sender: Option<&Sender>) {
    let Some(Sender { id, name, photo, .. }) = sender else {
        text.raw(",\"senderProfileId\":\"\",\"senderName\":\"\",\"senderPhoto\":\"\"");
        return;
    };
    text.raw(",\"senderProfileId\":").string(id.as_str());
    text.raw(",\"senderName\":").raw(name.as_bytes()).raw(",\"senderPhoto\":").raw(photo.as_bytes());
}

/// The attachments of a message in their order.
pub(super) fn attachments_of(id: &MessageId, contents: &[Content], mailbox: Mailbox<'_>) -> Vec<Attachment> {
    attachments(contents).map(|one| attachment(id, &one, mailbox)).collect()
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
