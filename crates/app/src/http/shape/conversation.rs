//! Conversations in answers (HTTP contract 3.1).
//!
//! URNs are made for the mailbox of the account; they are never keys (design 5).

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use threadkeep_core::content::Content;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use utoipa::ToSchema;

use super::message::{has_attachment, read_list};
use super::person::{Participant, participants, shown_name};
use crate::http::answer::date_time;
use crate::store::{Account, ConversationRow, ListedLook};

/// A conversation in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationItem<'a> {
    conversation_urn: String,
    conversation_id: Cow<'a, str>,
    #[schema(format = DateTime)]
    last_activity_at: String,
    unread_count: u32,
    latest_message: Option<LatestMessage<'a>>,
    source: &'static str,
    account_id: Cow<'a, str>,
    backend_conversation_urn: String,
    conversation_url: String,
    title: Option<Cow<'a, str>>,
    is_group: bool,
    is_read: bool,
    categories: BTreeSet<String>,
    state: Option<Cow<'a, str>>,
    label: Option<Cow<'a, str>>,
    is_sponsored: bool,
    is_muted: bool,
    created_at: Option<i64>,
    last_read_at: Option<i64>,
    completeness: &'static str,
    // Last, so that what lies ready can be written into it.
    participants: Vec<Participant>,
}

/// The newest message of a conversation, in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LatestMessage<'a> {
    text: Cow<'a, str>,
    sent_at: i64,
    sender_name: String,
    has_attachment: bool,
    message_urn: String,
    message_id: Cow<'a, str>,
    is_sent_by_owner: bool,
}

/// A kept conversation as the contract shows it.
pub(crate) fn conversation(row: &ConversationRow, account: &Account) -> ConversationItem<'static> {
    let kept = &row.conversation;
    let owner = &account.member;
    let latest_message = row.newest.as_ref().map(|(message, sender)| LatestMessage {
        text: message.body.clone().into(),
        sent_at: message.delivered_at.0,
        sender_name: shown_name(sender),
        has_attachment: has_attachment(&message.content),
        message_urn: message.id.urn(owner),
        message_id: message.id.to_string().into(),
        is_sent_by_owner: message.sender.as_ref() == Some(owner),
    });
    ConversationItem {
        conversation_urn: kept.id.urn(owner),
        conversation_id: kept.id.to_string().into(),
        last_activity_at: date_time(kept.last_activity_at),
        unread_count: kept.unread_count,
        latest_message,
        source: "linkedin",
        account_id: row.account.to_string().into(),
        backend_conversation_urn: format!("urn:li:messagingThread:{}", kept.id),
        conversation_url: format!("https://www.linkedin.com/messaging/thread/{}/", kept.id),
        title: kept.title.clone().map(Into::into),
        is_group: kept.group,
        is_read: kept.read,
        categories: kept.categories.clone(),
        state: kept.state.clone().map(Into::into),
        label: kept.label.clone().map(Into::into),
        is_sponsored: kept.sponsored,
        is_muted: kept.muted,
        created_at: kept.created_at.map(|at| at.0),
        last_read_at: kept.last_read_at.map(|at| at.0),
        completeness: row.completeness.as_str(),
        participants: participants(&row.participants, owner),
    }
}

/// A conversation as it lies ready, still without its participants; `sender_name` is the one of its newest message.
pub(super) fn bare<'a>(row: &ListedLook<'a>, owner: &PersonId, sender_name: String) -> Option<ConversationItem<'a>> {
    let id = ConversationId::new(row.id).ok()?;
    let latest_message = match &row.newest {
        Some(newest) => Some(LatestMessage {
            has_attachment: has_attachment(&read_list::<Content>(newest.content)?),
            message_urn: MessageId::new(newest.id).ok()?.urn(owner),
            message_id: newest.id.into(),
            is_sent_by_owner: newest.sender == Some(owner.as_str()),
            text: newest.body.into(),
            sent_at: newest.delivered_at.0,
            sender_name,
        }),
        None => None,
    };
    Some(ConversationItem {
        conversation_urn: id.urn(owner),
        conversation_id: row.id.into(),
        last_activity_at: date_time(row.last_activity_at),
        unread_count: row.unread_count,
        latest_message,
        source: "linkedin",
        account_id: row.account.into(),
        backend_conversation_urn: format!("urn:li:messagingThread:{id}"),
        conversation_url: format!("https://www.linkedin.com/messaging/thread/{id}/"),
        title: row.title.map(Into::into),
        is_group: row.group,
        is_read: row.read,
        categories: serde_json::from_str(row.categories).ok()?,
        state: row.state.map(Into::into),
        label: row.label.map(Into::into),
        is_sponsored: row.sponsored,
        is_muted: row.muted,
        created_at: row.created_at.map(|at| at.0),
        last_read_at: row.last_read_at.map(|at| at.0),
        completeness: row.completeness.as_str(),
        participants: Vec::new(),
    })
}
