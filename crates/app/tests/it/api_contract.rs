//! The HTTP contract, field by field: every documented field of every read is there with its type, on a synced world.
//!
//! Written from the contract, not from the program. A line is a place and the type that it has to have; `*` stands for
//! every item of a list. A type with `?` may be null, where the contract says so or an item may lack it; some item has
//! to have it all the same. `-` marks what an invented inbox cannot have.

use anyhow::{Result, ensure};
use serde_json::Value;
use threadkeep::verbs::keys::Scope;

use crate::api_operations::{Records, Synced};

/// 2.1
const SYNC: &str = "success boolean | accountId string | conversationsProcessed number | messagesProcessed number | \
    durationMs number | durationSeconds string | error -string?";
/// 2.2
const STATUS: &str = "success boolean | accounts/*/accountId string | accounts/*/accountName string | \
    accounts/*/accountPicture string | accounts/*/syncState/lastSyncAt date-time | \
    accounts/*/syncState/syncInProgress boolean | accounts/*/syncState/totalConversations number | \
    accounts/*/syncState/totalMessages number | accounts/*/syncState/consecutiveFailures number | \
    accounts/*/syncState/lastError -string? | accounts/*/syncState/initialSyncCompleted boolean";
/// 3.1
const CONVERSATIONS: &str = "success boolean | conversations/*/conversationUrn string | \
    conversations/*/conversationId string | conversations/*/lastActivityAt date-time | conversations/*/unreadCount number | \
    conversations/*/participants/*/profileId string | conversations/*/participants/*/name string | \
    conversations/*/participants/*/headline string | conversations/*/participants/*/profileUrl string | \
    conversations/*/participants/*/profilePicture string | conversations/*/participants/*/distance string | \
    conversations/*/latestMessage/text string | conversations/*/latestMessage/sentAt number | \
    conversations/*/latestMessage/senderName string | conversations/*/latestMessage/hasAttachment boolean | \
    conversations/*/source string | accounts/*/id string | accounts/*/name string | nextCursor string | hasMore boolean | \
    fromCache boolean";
/// 3.2
const MESSAGES: &str = "success boolean | messages/*/messageUrn string | messages/*/text string | messages/*/sentAt number | \
    messages/*/senderProfileId string | messages/*/senderName string | messages/*/senderPhoto string | \
    messages/*/isSentByOwner boolean | messages/*/hasAttachment boolean | messages/*/attachments array | \
    participants/*/profileId string | participants/*/name string | participants/*/headline string | \
    participants/*/profilePicture string | hasMore boolean | cursor string | note string";
/// 3.3
const EXISTS: &str =
    "success boolean | hasConversation boolean | conversationUrn string | profileUrn string | accountId string";
/// 3.4
const REFRESH: &str = "success boolean | message string | conversationUrn string | accountId string";
/// 3.5
const ACCOUNTS: &str = "*/id string | */firstName string | */lastName string | */publicId string | */picture string? | \
    */status string | */enabled boolean | */apiSeatAllocated boolean";
/// 3.5
const ACCOUNT: &str = "id string | firstName string | lastName string | publicId string | platform string | status string | \
    enabled boolean | lastUsed date-time | hasTokens boolean | linkedinPlan/premiumType string | \
    linkedinPlan/isPremium boolean | linkedinPlan/hasSalesNavigator boolean | linkedinPlan/hasRecruiter boolean | \
    linkedinPlan/hasAwayMessages boolean | linkedinPlan/hasAdvertiseBadge boolean | linkedinPlan/hasHiringManager boolean";
/// 3.5
const QUOTA: &str = "accountId string | quotas/*/feature string | quotas/*/window string | quotas/*/used number | \
    quotas/*/limit number | quotas/*/linkedinLimit -number? | quotas/*/remaining number | quotas/*/limitReached boolean | \
    quotas/*/limitReachedAt -date-time? | quotas/*/resetAt date-time";
/// 6
const RECENT: &str = "success boolean | accountId string | profileUrn string | total number | nextCursor string | \
    conversations/*/conversationId string | conversations/*/conversationUrn string | \
    conversations/*/backendConversationUrn string | conversations/*/conversationUrl string | \
    conversations/*/unreadCount number | conversations/*/lastActivityAt number | conversations/*/createdAt number | \
    conversations/*/lastReadAt number? | conversations/*/isRead boolean | conversations/*/state -string? | \
    conversations/*/participants/*/profileId string | conversations/*/participants/*/name string | \
    conversations/*/participants/*/headline string | conversations/*/participants/*/profileUrl string | \
    conversations/*/participants/*/profilePicture string | conversations/*/participants/*/distance string | \
    conversations/*/participants/*/memberBadgeType -string? | conversations/*/participants/*/participantUrn string | \
    conversations/*/participants/*/backendUrn string? | conversations/*/participants/*/hostIdentityUrn string | \
    conversations/*/latestMessage/messageUrn string | conversations/*/latestMessage/backendMessageUrn string | \
    conversations/*/latestMessage/text string | conversations/*/latestMessage/sentAt number | \
    conversations/*/latestMessage/senderName string | conversations/*/latestMessage/senderProfileUrl string | \
    conversations/*/latestMessage/senderUrn string | conversations/*/latestMessage/hasAttachment boolean";
/// 6
const DETAILS: &str = "success boolean | accountId string | profileUrn string | conversationUrn string | total number | \
    messages/*/messageId string | messages/*/backendMessageUrn string | messages/*/text string | \
    messages/*/subject -string? | messages/*/sentAt number | messages/*/sender/profileId string | \
    messages/*/sender/name string | messages/*/sender/profileUrl string | messages/*/sender/profilePicture string | \
    messages/*/sender/participantUrn string | messages/*/attachments array? | messages/*/reactions array? | \
    messages/*/hasAttachment boolean | conversationDetails/messages/*/messageUrn string | \
    conversationDetails/messages/*/body string | conversationDetails/messages/*/sender object | \
    conversationDetails/messages/*/createdAt number";

#[tokio::test]
async fn every_field_of_the_contract_is_there_with_its_type() -> Result<()> {
    let synced = Synced::start().await?;
    let [Records { account, conversation, profile, .. }, _] = &synced.records;
    let key = synced.world.key(&[Scope::Read, Scope::Sync], &[account]).await?;
    let urn: String = url::form_urlencoded::byte_serialize(conversation.as_bytes()).collect();
    let reads = [
        ("/conversations/sync/status".to_owned(), STATUS),
        (format!("/conversations?accountId={account}&count=3"), CONVERSATIONS),
        (format!("/conversations/{urn}/messages"), MESSAGES),
        (format!("/conversations/exists/{profile}"), EXISTS),
        ("/accounts".to_owned(), ACCOUNTS),
        ("/account/status".to_owned(), ACCOUNT),
        (format!("/account/{account}/status"), ACCOUNT),
        (format!("/account/{account}/quota"), QUOTA),
        (format!("/messaging/recent-messages?accountId={account}&count=3"), RECENT),
        (format!("/messaging/conversation-details?conversationUrn={urn}"), DETAILS),
    ];
    let mut wrong = Vec::new();
    for (path, fields) in &reads {
        let answer = synced.world.get(&key, &format!("/linkedin{path}")).await?;
        ensure!(
            answer.status == 200 && answer.header("content-type") == "application/json",
            "{path}: {}",
            answer.status
        );
        wrong.extend(lacking(&answer.json(), fields).into_iter().map(|what| format!("{path}: {what}")));
    }
    let refresh = format!("{{\"conversationUrn\":\"{conversation}\"}}");
    let acts = [("/conversations/refresh", refresh, REFRESH), ("/conversations/sync", String::new(), SYNC)];
    for (path, body, fields) in acts {
        let answer = synced.world.post(&key, &format!("/linkedin{path}"), body).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.status);
        wrong.extend(lacking(&answer.json(), fields).into_iter().map(|what| format!("{path}: {what}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_last_page_of_messages_ends_every_way_of_walking() -> Result<()> {
    let synced = Synced::start().await?;
    let key = synced.world.key(&[Scope::Read], &[]).await?;
    let urn: String = url::form_urlencoded::byte_serialize(synced.records[0].conversation.as_bytes()).collect();
    let path = format!("/conversations/{urn}/messages?count=100");
    let last = synced.world.get(&key, &path).await?.json();
    assert_eq!(last["hasMore"], false);
    let cursor = last["cursor"].as_str().unwrap_or_default();
    let beyond = synced.world.get(&key, &format!("{path}&cursor={cursor}")).await?.json();
    assert_eq!(
        (&beyond["messages"], &beyond["hasMore"], &beyond["cursor"]),
        (&Value::Array(Vec::new()), &false.into(), &Value::Null)
    );
    Ok(())
}

/// The fields that are not as they have to be.
fn lacking(answer: &Value, fields: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for field in fields.split('|') {
        let Some((place, kind)) = field.trim().split_once(' ') else {
            wrong.push(format!("{field} is no line of a table"));
            continue;
        };
        let (plain, may_be_null) = kind.strip_suffix('?').map_or((kind, false), |plain| (plain, true));
        let (plain, is_never) = plain.strip_prefix('-').map_or((plain, false), |plain| (plain, true));
        let seen = at(answer, place);
        let fits = |value: &Option<&Value>| match value {
            None => false,
            Some(Value::Null) => may_be_null,
            Some(value) => is(value, plain),
        };
        let is_seen = is_never || seen.iter().flatten().any(|value| !value.is_null());
        if !is_seen || !seen.iter().all(fits) {
            wrong.push(format!("{place} is not {kind}: {:?}", seen.first()));
        }
    }
    wrong
}

/// Every value at a place; `None` where a field is missing.
fn at<'a>(value: &'a Value, place: &str) -> Vec<Option<&'a Value>> {
    let (first, rest) = place.split_once('/').map_or((place, None), |(first, rest)| (first, Some(rest)));
    let found: Vec<Option<&Value>> = match first {
        "*" => value.as_array().into_iter().flatten().map(Some).collect(),
        name => vec![value.get(name)],
    };
    match rest {
        None => found,
        Some(rest) => found.into_iter().flat_map(|inner| inner.map_or(vec![None], |inner| at(inner, rest))).collect(),
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "date-time" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        _ => false,
    }
}
