//! The two reads of the older family, answered directly with everything that the old and the new shapes have
//! (HTTP contract 6).
//!
//! No redirect: scripts that do not follow one go on working. A record is the new one with the old fields laid over it,
//! so that nothing of the new shape can be missing here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value, json};
use threadkeep_core::id::PersonId;
use threadkeep_core::message::Message;
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::Room;
use super::accounts::choose;
use super::answer::{Fault, invalid};
use super::caller::Reader;
use super::conversations::{self, COUNT_DEFAULT, Chosen, Question, Sift, count};
use super::document::{
    AccountParam, ConversationParam, DetailsAnswer, DetailsParams, MessagesParams, PageParams, RecentConversation,
    RecentParams,
};
use super::exists::{self, checked_profile};
use super::messages::{self, Loaded, TIME_MAX_MS, parse_conversation};
use super::params::Params;
use super::shape::{AccountName, conversation};
use crate::refusal::Refusal;
use crate::store::{Account, ConversationRow};
use crate::verbs::read;

/// Longest search text, in characters.
const KEYWORDS_MAX: usize = 256;
/// Most words of a search.
const WORDS_MAX: usize = 16;
type Object = Map<String, Value>;

/// The old list with the new one's fields.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecentAnswer {
    success: bool,
    account_id: String,
    profile_urn: String,
    #[schema(value_type = Vec<RecentConversation>)]
    conversations: Vec<Object>,
    total: usize,
    next_cursor: Option<String>,
    accounts: Vec<AccountName>,
    has_more: bool,
    from_cache: bool,
}

/// List conversations (older family)
///
/// Every field that `GET /conversations` gives, and the older fields besides; where both have a field of the same
/// name and another form, the older form. Never a redirect.
#[utoipa::path(get, path = "/messaging/recent-messages", operation_id = "get-recent-messages", tag = "messaging",
    security(("key" = ["read"])),
    params(AccountParam, PageParams, RecentParams),
    responses(
        (status = 200, description = "A page of conversations", body = RecentAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn recent(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    params: Params,
) -> Result<Json<RecentAnswer>, Fault> {
    let question = recent_question(params)?;
    let listed = conversations::list(&room, &caller, &question).await?;
    let account = listed.accounts.first().ok_or(Refusal::NoAccount)?;
    let items: Result<Vec<Object>, Fault> = listed.items().map(|(row, account)| old_item(row, account)).collect();
    let items = items?;
    Ok(Json(RecentAnswer {
        success: true,
        account_id: account.id.to_string(),
        profile_urn: account.member.urn(),
        total: items.len(),
        conversations: items,
        has_more: listed.next_cursor.is_some(),
        next_cursor: listed.next_cursor.clone(),
        accounts: listed.accounts.iter().map(AccountName::of).collect(),
        from_cache: true,
    }))
}

/// Messages of a conversation (older family)
///
/// Every field that `GET /conversations/{conversationUrn}/messages` gives, and the older fields besides. Never a
/// redirect.
#[utoipa::path(get, path = "/messaging/conversation-details", operation_id = "get-conversation-details", tag = "messaging",
    security(("key" = ["read"])),
    params(ConversationParam, AccountParam, MessagesParams, DetailsParams),
    responses(
        (status = 200, description = "A page of messages", body = DetailsAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 404, description = "account_not_found, conversation_not_found"),
        (status = 507, description = "storage_full")
    ))]

pub(super) async fn details(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<Object>, Fault> {
    let urn = params.take("conversationUrn");
    let profile = params.take("profileId").map(checked_profile).transpose()?;
    let mut question = details_question(params)?;
    let id = match (urn, profile) {
        // The old page wants the other side's profile besides; the conversation says it already.
        (Some(urn), _) => parse_conversation(&urn)?,
        // Clients of the original name only the other side.
        (None, Some(profile)) => {
            let account = choose(&room.app, &caller, question.account.as_deref()).await?;
            let met = exists::find(&room, &account, &profile).await?;
            question.account = Some(account.id.to_string());
            met.conversation.ok_or(Refusal::NoConversation)?
        }
        (None, None) => return Err(invalid("conversationUrn", "it is required, or profileId")),
    };
    let loaded = messages::load(&room, &caller, &question, &id).await?;
    let mut answer = object(&messages::answer(&loaded))?;
    let olds: Vec<Object> = loaded.found.messages.iter().map(|kept| old_message(kept, &loaded)).collect();
    let briefs: Vec<Value> = loaded.found.messages.iter().map(|kept| brief(kept, &loaded)).collect();
    if let Some(Value::Array(items)) = answer.get_mut("messages") {
        for (item, old) in items.iter_mut().zip(olds) {
            lay_over(item, old);
        }
    }
    answer.insert("profileUrn".into(), loaded.account.member.urn().into());
    answer.insert("total".into(), briefs.len().into());
    answer.insert("conversationDetails".into(), json!({ "messages": briefs }));
    Ok(Json(answer))
}

fn recent_question(mut params: Params) -> Result<Question, Fault> {
    let chosen = match params.take("accountId") {
        Some(id) => Chosen::Named([id].into()),
        None => Chosen::Default,
    };
    let given = params.take("keywords").unwrap_or_default();
    let keywords = given.to_lowercase();
    let words: Vec<String> = keywords.split_whitespace().map(ToOwned::to_owned).collect();
    if given.chars().count() > KEYWORDS_MAX || words.len() > WORDS_MAX {
        return Err(invalid("keywords", &format!("at most {KEYWORDS_MAX} characters and {WORDS_MAX} words")));
    }
    let read = params.take_flag("read")?;
    let unread_only = params.take_flag("unreadOnly")?.unwrap_or(false) || read == Some(false);
    let read_only = read == Some(true);
    let question = Question {
        chosen,
        unread_only,
        labelled_only: false,
        sift: (read_only || !words.is_empty()).then_some(Sift { read_only, words }),
        count: count(&mut params, COUNT_DEFAULT)?,
        cursor: params.take("nextCursor"),
    };
    params.finish()?;
    Ok(question)
}

fn details_question(mut params: Params) -> Result<messages::Question, Fault> {
    let at = params.take_number("deliveredAt", 0..=TIME_MAX_MS)?;
    let before = params.take_number("countBefore", 0..=i64::from(read::PAGE_MAX))?;
    let after = params.take_number("countAfter", 0..=i64::from(read::PAGE_MAX))?;
    let mut question = messages::take_question(&mut params)?;
    params.finish()?;
    let size = |count: i64| u32::try_from(count).unwrap_or(read::PAGE_MAX);
    match at {
        Some(at) => {
            if question.cursor.is_some() || question.since.is_some() {
                return Err(invalid("deliveredAt", "not together with cursor or since"));
            }
            let counts = (before.map_or(question.count, size), after.map_or(0, size));
            question.around = Some((Timestamp(at), counts));
        }
        // Without a time everything is before now.
        None => question.count = before.map_or(question.count, size).max(1),
    }
    Ok(question)
}

fn old_item(row: &ConversationRow, account: &Account) -> Result<Object, Fault> {
    let mut item = object(&conversation(row, account))?;
    item.insert("lastActivityAt".into(), row.conversation.last_activity_at.0.into());
    if let Some(Value::Array(people)) = item.get_mut("participants") {
        for person in people {
            let urn = person.get("profileUrn").cloned().unwrap_or(Value::Null);
            lay_over(
                person,
                Object::from_iter([("memberBadgeType".into(), Value::Null), ("hostIdentityUrn".into(), urn)]),
            );
        }
    }
    if let (Some(latest), Some((newest, _))) = (item.get_mut("latestMessage"), &row.newest) {
        let sender = newest.sender.as_ref();
        let person = sender.and_then(|id| row.participants.iter().find(|person| person.id == *id));
        let url = person.and_then(|person| person.profile_url.clone()).or_else(|| sender.map(link)).unwrap_or_default();
        let urn = sender.map(PersonId::urn);
        let backend = format!("urn:li:messagingMessage:{}", newest.id);
        let old = json!({ "backendMessageUrn": backend, "senderProfileUrl": url, "senderUrn": urn });
        if let Value::Object(old) = old {
            lay_over(latest, old);
        }
    }
    Ok(item)
}

fn old_message(kept: &Message, loaded: &Loaded) -> Object {
    let owner = &loaded.account.member;
    Object::from_iter([
        // In this family the id is the whole URN (HTTP contract 1.4).
        ("messageId".into(), kept.id.urn(owner).into()),
        ("sender".into(), sender(kept, loaded)),
        ("body".into(), kept.body.clone().into()),
        ("createdAt".into(), kept.delivered_at.0.into()),
    ])
}

/// A message as the oldest pages nest it.
fn brief(kept: &Message, loaded: &Loaded) -> Value {
    json!({
        "messageUrn": kept.id.urn(&loaded.account.member),
        "body": kept.body,
        "sender": sender(kept, loaded),
        "createdAt": kept.delivered_at.0,
    })
}

fn sender(kept: &Message, loaded: &Loaded) -> Value {
    let id = kept.sender.as_ref();
    let person = id.and_then(|id| loaded.found.people.get(id));
    let urn = id.map(PersonId::urn);
    json!({
        "profileId": id.map(ToString::to_string).unwrap_or_default(),
        "name": person.map(threadkeep_core::person::Person::full_name).unwrap_or_default(),
        "profileUrl": person.and_then(|person| person.profile_url.clone()).or_else(|| id.map(link)).unwrap_or_default(),
        "profilePicture": person.and_then(|person| person.picture_url.clone()).unwrap_or_default(),
        "participantUrn": urn.map(|urn| format!("urn:li:msg_messagingParticipant:{urn}")).unwrap_or_default(),
    })
}

/// The link that any profile id makes; what is no member has none.
fn link(id: &PersonId) -> String {
    match id.is_profile() {
        true => format!("https://www.linkedin.com/in/{id}"),
        false => String::new(),
    }
}

fn object(record: &impl Serialize) -> Result<Object, Fault> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::Internal("a record could not be written".into()).into()),
    }
}

fn lay_over(item: &mut Value, fields: Object) {
    if let Value::Object(known) = item {
        known.extend(fields);
    }
}
