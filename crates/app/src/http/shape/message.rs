//! Messages and their attachments in answers (HTTP contract 3.2).
//!
//! Who wrote a message is decided by ids, never by names. What is neither text nor an attachment stands in `contents`
//! as it is kept.

use serde::Serialize;
use threadkeep_core::attachment::{Attachment as Attached, attachments, is_attachment};
use threadkeep_core::content::{Content, Reaction};
use threadkeep_core::id::{AccountId, MessageId, PersonId};
use threadkeep_core::message::{Message, MessageFormat};
use threadkeep_core::person::Person;
use utoipa::ToSchema;

use super::person::shown_name;
use crate::store::{AttachmentRow, AttachmentState};

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageItem {
    message_urn: String,
    text: String,
    sent_at: i64,
    sender_profile_id: String,
    sender_name: String,
    sender_photo: String,
    is_sent_by_owner: bool,
    has_attachment: bool,
    attachments: Vec<Attachment>,
    message_id: String,
    backend_message_urn: String,
    sender_urn: Option<String>,
    subject: Option<String>,
    format: String,
    is_edited: bool,
    is_recalled: bool,
    is_system: bool,
    fallback_text: Option<String>,
    reactions: Vec<ReactionItem>,
    #[schema(value_type = Vec<Object>)]
    contents: Vec<Content>,
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
struct Attachment {
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

/// A kept message as the contract shows it.
pub(crate) fn message(kept: &Message, sender: Option<&Person>, mailbox: Mailbox<'_>) -> MessageItem {
    let owner = mailbox.owner;
    let attachments: Vec<Attachment> =
        attachments(&kept.content).map(|one| attachment(&kept.id, &one, mailbox)).collect();
    MessageItem {
        message_urn: kept.id.urn(owner),
        text: kept.body.clone(),
        sent_at: kept.delivered_at.0,
        sender_profile_id: kept.sender.as_ref().map(ToString::to_string).unwrap_or_default(),
        sender_name: match kept.sender {
            Some(_) => shown_name(&sender.map(Person::full_name).unwrap_or_default()),
            None => String::new(),
        },
        sender_photo: sender.and_then(|person| person.picture_url.clone()).unwrap_or_default(),
        is_sent_by_owner: kept.sender.as_ref() == Some(owner),
        has_attachment: !attachments.is_empty(),
        attachments,
        message_id: kept.id.to_string(),
        backend_message_urn: format!("urn:li:messagingMessage:{}", kept.id),
        sender_urn: kept.sender.as_ref().map(PersonId::urn),
        subject: kept.subject.clone(),
        format: kept.format.as_str().to_owned(),
        is_edited: kept.format == MessageFormat::Edited,
        is_recalled: kept.format == MessageFormat::Recalled,
        is_system: kept.format == MessageFormat::System,
        fallback_text: kept.fallback_text.clone(),
        reactions: reactions(kept),
        contents: kept.content.iter().filter(|content| !is_attachment(content)).cloned().collect(),
    }
}

/// The reactions to a message, one for each emoji.
pub(crate) fn reactions(kept: &Message) -> Vec<ReactionItem> {
    kept.reactions.iter().map(reaction).collect()
}

/// Whether something came with a message that can be opened.
pub(super) fn has_attachment(kept: &Message) -> bool {
    kept.content.iter().any(is_attachment)
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
