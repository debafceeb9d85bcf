//! Conversations in answers (HTTP contract 3.1).
//!
//! URNs are made for the mailbox of the account; they are never keys (design 5).

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use threadkeep_core::content::Content;
use utoipa::ToSchema;

use super::message::{has_attachment, read_list};
use super::owner::Owner;
use super::person::{Participant, participants, shown_name};
use super::senders::push_name;
use super::text::Text;
use crate::http::answer::date_time;
use crate::store::{Account, ConversationRow, ListedLook, NewestLook};

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

/// Writes a conversation as it lies ready up to the list of its participants, which is left open; false when it cannot be
/// written. The same fields in the same order as [`ConversationItem`].
pub(super) fn write_listed(text: &mut Text, row: &ListedLook<'_>, owner: &Owner) -> bool {
    let Some(categories) = row.categories.strip_prefix('[').filter(|list| list.ends_with(']')) else { return false };
    text.raw("{\"conversationUrn\":\"urn:li:msg_conversation:(urn:li:fsd_profile:").raw(owner.id()).raw(",");
    text.inside(row.id).raw(")\",\"conversationId\":\"").inside(row.id);
    text.raw("\",\"lastActivityAt\":").date_time(row.last_activity_at);
    text.raw(",\"unreadCount\":").number(row.unread_count.into()).raw(",\"latestMessage\":");
    let is_written = match &row.newest {
        Some(newest) => write_newest(text, newest, owner),
        None => {
            text.raw("null");
            true
        }
    };
    text.raw(",\"source\":\"linkedin\",\"accountId\":").string(row.account);
    text.raw(",\"backendConversationUrn\":\"urn:li:messagingThread:").inside(row.id);
    text.raw("\",\"conversationUrl\":\"https://www.linkedin.com/messaging/thread/").inside(row.id);
    text.raw("/\",\"title\":").string_or_null(row.title);
    text.raw(",\"isGroup\":").flag(row.group).raw(",\"isRead\":").flag(row.read);
    text.raw(",\"categories\":[").raw(categories).raw(",\"state\":").string_or_null(row.state);
    text.raw(",\"label\":").string_or_null(row.label);
    text.raw(",\"isSponsored\":").flag(row.sponsored).raw(",\"isMuted\":").flag(row.muted);
    text.raw(",\"createdAt\":").millis_or_null(row.created_at);
    text.raw(",\"lastReadAt\":").millis_or_null(row.last_read_at);
    text.raw(",\"completeness\":").string(row.completeness.as_str()).raw(",\"participants\":[");
    is_written
}

/// The same fields in the same order as [`LatestMessage`].
fn write_newest(text: &mut Text, newest: &NewestLook<'_>, owner: &Owner) -> bool {
    let Some(contents) = read_list::<Content>(newest.content) else { return false };
    let is_owners = newest.sender == Some(owner.id());
    text.raw("{\"text\":").string(newest.body).raw(",\"sentAt\":").number(newest.delivered_at.0);
    text.raw(",\"senderName\":");
    if is_owners {
        text.raw(owner.sender().name.as_bytes());
    } else {
        push_name(text, newest.sender_names);
    }
    text.raw(",\"hasAttachment\":").flag(has_attachment(&contents));
    text.raw(",\"messageUrn\":\"urn:li:msg_message:(urn:li:fsd_profile:").raw(owner.id()).raw(",");
    text.inside(newest.id).raw(")\",\"messageId\":\"").inside(newest.id);
    text.raw("\",\"isSentByOwner\":").flag(is_owners).raw("}");
    true
}

#[cfg(test)]
mod tests {
    use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
    use threadkeep_core::person::{Person, PersonSeen, merge_person};
    use threadkeep_core::sync::track::Completeness;
    use threadkeep_core::time::Timestamp;

    use super::*;

    /// The same as records make it.
    fn item<'a>(row: &ListedLook<'a>, owner: &PersonId, sender_name: String) -> ConversationItem<'a> {
        let id = ConversationId::new(row.id).unwrap();
        let latest_message = row.newest.as_ref().map(|newest| LatestMessage {
            has_attachment: has_attachment(&read_list::<Content>(newest.content).unwrap()),
            message_urn: MessageId::new(newest.id).unwrap().urn(owner),
            message_id: newest.id.into(),
            is_sent_by_owner: newest.sender == Some(owner.as_str()),
            text: newest.body.into(),
            sent_at: newest.delivered_at.0,
            sender_name,
        });
        ConversationItem {
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
            categories: serde_json::from_str(row.categories).unwrap(),
            state: row.state.map(Into::into),
            label: row.label.map(Into::into),
            is_sponsored: row.sponsored,
            is_muted: row.muted,
            created_at: row.created_at.map(|at| at.0),
            last_read_at: row.last_read_at.map(|at| at.0),
            completeness: row.completeness.as_str(),
            participants: Vec::new(),
        }
    }

    fn newest<'a>(sender: Option<&'a str>, content: Option<&'a str>) -> Option<NewestLook<'a>> {
        Some(NewestLook {
            id: "2-bmV3ZXN0==",
            delivered_at: Timestamp(1_789_999_999_123),
            sender,
            sender_names: ("Olga \"Q\"", "Test"),
            body: "first line\nsecond \u{1F680} \\ line",
            content,
        })
    }

    #[test]
    fn a_conversation_that_lies_ready_is_written_as_records_are() {
        let owner = PersonId::new("ACoAAOwner").unwrap();
        let person = merge_person(None, &PersonSeen::only_id(owner.clone())).unwrap();
        let person = Person { first_name: "Ines".into(), last_name: "Sample".into(), ..person };
        let account = AccountId::new("0123456789abcdef01234567").unwrap();
        let shown = Owner::of(account.clone(), person).unwrap();
        let image = r#"[{"kind":"image","asset":null,"url":"https://media.example.org/1"}]"#;
        let full = ListedLook {
            account: account.as_str(),
            id: "2-dGhyZWFk==",
            categories: r#"["INBOX","a \"b\""]"#,
            group: true,
            title: Some("a \"title\"\t"),
            state: Some("PENDING"),
            label: Some("InMail"),
            sponsored: false,
            created_at: Some(Timestamp(-5)),
            last_activity_at: Timestamp(1_790_000_000_007),
            last_read_at: Some(Timestamp(0)),
            read: true,
            unread_count: 7,
            muted: false,
            others: "",
            has_owner: true,
            newest: newest(Some("ACoAASomebody"), None),
            completeness: Completeness::Complete,
        };
        let none = ListedLook {
            categories: "[]",
            title: None,
            state: None,
            label: None,
            created_at: None,
            last_read_at: None,
            newest: None,
            ..full.clone()
        };
        let own = ListedLook { newest: newest(Some("ACoAAOwner"), Some(image)), group: false, ..full.clone() };
        let strangers = ListedLook { newest: newest(None, Some("[]")), sponsored: true, muted: true, ..full.clone() };
        for (row, name) in [(full, "Olga \"Q\" Test"), (none, ""), (own, "Ines Sample"), (strangers, "Olga \"Q\" Test")]
        {
            let mut text = Text::default();
            assert!(write_listed(&mut text, &row, &shown));
            let expected = serde_json::to_string(&item(&row, &owner, name.into())).unwrap();
            assert_eq!(String::from_utf8(text.raw("]}").as_bytes().to_vec()).unwrap(), expected);
        }
    }
}
