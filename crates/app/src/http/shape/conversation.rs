//! Conversations in answers (HTTP contract 3.1).
//!
//! URNs are made for the mailbox of the account; they are never keys (design 5).

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::message::has_attachment;
use super::person::{Participant, participants, shown_name};
use crate::http::answer::date_time;
use crate::store::{Account, ConversationRow};

/// A conversation in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationItem {
    conversation_urn: String,
    conversation_id: String,
    #[schema(format = DateTime)]
    last_activity_at: String,
    unread_count: u32,
    participants: Vec<Participant>,
    latest_message: Option<LatestMessage>,
    source: &'static str,
    account_id: String,
    backend_conversation_urn: String,
    conversation_url: String,
    title: Option<String>,
    is_group: bool,
    is_read: bool,
    categories: BTreeSet<String>,
    state: Option<String>,
    label: Option<String>,
    is_sponsored: bool,
    is_muted: bool,
    created_at: Option<i64>,
    last_read_at: Option<i64>,
    completeness: &'static str,
}

/// The newest message of a conversation, in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LatestMessage {
    text: String,
    sent_at: i64,
    sender_name: String,
    has_attachment: bool,
    message_urn: String,
    message_id: String,
    is_sent_by_owner: bool,
}

/// A kept conversation as the contract shows it.
pub(crate) fn conversation(row: &ConversationRow, account: &Account) -> ConversationItem {
    let kept = &row.conversation;
    let owner = &account.member;
    let latest_message = row.newest.as_ref().map(|(message, sender)| LatestMessage {
        text: message.body.clone(),
        sent_at: message.delivered_at.0,
        sender_name: shown_name(sender),
        has_attachment: has_attachment(message),
        message_urn: message.id.urn(owner),
        message_id: message.id.to_string(),
        is_sent_by_owner: message.sender.as_ref() == Some(owner),
    });
    ConversationItem {
        conversation_urn: kept.id.urn(owner),
        conversation_id: kept.id.to_string(),
        last_activity_at: date_time(kept.last_activity_at),
        unread_count: kept.unread_count,
        participants: participants(&row.participants, owner),
        latest_message,
        source: "linkedin",
        account_id: row.account.to_string(),
        backend_conversation_urn: format!("urn:li:messagingThread:{}", kept.id),
        conversation_url: format!("https://www.linkedin.com/messaging/thread/{}/", kept.id),
        title: kept.title.clone(),
        is_group: kept.group,
        is_read: kept.read,
        categories: kept.categories.clone(),
        state: kept.state.clone(),
        label: kept.label.clone(),
        is_sponsored: kept.sponsored,
        is_muted: kept.muted,
        created_at: kept.created_at.map(|at| at.0),
        last_read_at: kept.last_read_at.map(|at| at.0),
        completeness: row.completeness.as_str(),
    }
}
