//! One conversation, who takes part in it, one message with its earlier texts, and its reactions.
//!
//! Ours, in the style of the contract. Everything comes from the mirror; what is deleted or out of reach is not found.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use threadkeep_core::id::{AccountId, InvalidId, MessageId};
use threadkeep_core::message::PriorText;
use utoipa::ToSchema;

use super::Room;
use super::answer::{Fault, date_time, invalid};
use super::caller::Reader;
use super::document::AccountParam;
use super::messages::{candidates, conversation_id};
use super::params::Params;
use super::shape::{
    ConversationItem, Mailbox, MessageItem, Participant, ReactionItem, conversation, message, participants, reactions,
};
use crate::refusal::Refusal;
use crate::store::{Account, ConversationRow};
use crate::verbs::keys::Caller;
use crate::verbs::read::{self, MessageFound};

/// One conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationAnswer {
    success: bool,
    account_id: String,
    conversation: ConversationItem<'static>,
}

/// Who takes part in a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParticipantsAnswer {
    success: bool,
    account_id: String,
    conversation_id: String,
    conversation_urn: String,
    participants: Vec<Participant>,
}

/// One message and what it said before.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageAnswer<'a> {
    success: bool,
    account_id: String,
    conversation_id: String,
    conversation_urn: String,
    message: MessageItem<'a>,
    version: u32,
    prior_versions: Vec<PriorVersion>,
}

/// An earlier text of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PriorVersion {
    version: u32,
    text: String,
    #[schema(format = DateTime)]
    replaced_at: String,
}

/// The reactions to a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReactionsAnswer {
    success: bool,
    account_id: String,
    message_id: String,
    message_urn: String,
    reactions: Vec<ReactionItem>,
}

/// One conversation
#[utoipa::path(get, path = "/conversations/{conversationUrn}", operation_id = "get-conversation", tag = "conversations",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "The conversation", body = ConversationAnswer),
        (status = 404, description = "account_not_found, conversation_not_found")
    ))]
pub(super) async fn one(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<ConversationAnswer>, Fault> {
    let (account, row) = kept_conversation(&room, &caller, path, params).await?;
    let conversation = conversation(&row, &account);
    Ok(Json(ConversationAnswer { success: true, account_id: account.id.to_string(), conversation }))
}

/// Who takes part in a conversation
#[utoipa::path(get, path = "/conversations/{conversationUrn}/participants", operation_id = "list-conversation-participants", tag = "conversations",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "Who takes part", body = ParticipantsAnswer),
        (status = 404, description = "account_not_found, conversation_not_found")
    ))]
pub(super) async fn people(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<ParticipantsAnswer>, Fault> {
    let (account, row) = kept_conversation(&room, &caller, path, params).await?;
    Ok(Json(ParticipantsAnswer {
        success: true,
        account_id: account.id.to_string(),
        conversation_id: row.conversation.id.to_string(),
        conversation_urn: row.conversation.id.urn(&account.member),
        participants: participants(&row.participants, &account.member),
    }))
}

/// One message
///
/// With its earlier texts, oldest first.
#[utoipa::path(get, path = "/messages/{messageUrn}", operation_id = "get-message", tag = "conversations",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "The message", body = MessageAnswer),
        (status = 404, description = "account_not_found, not_found")
    ))]
pub(super) async fn message_by_id(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, Fault> {
    let (account, found) = kept_message(&room, &caller, path, params).await?;
    let MessageFound { message: kept, sender, media, .. } = found;
    let mailbox = Mailbox { account: &account.id, owner: &account.member, media: &media };
    let answer = MessageAnswer {
        success: true,
        account_id: account.id.to_string(),
        conversation_id: kept.conversation.to_string(),
        conversation_urn: kept.conversation.urn(&account.member),
        message: message(&kept, sender.as_ref(), mailbox),
        version: kept.version,
        prior_versions: kept.prior.iter().map(prior).collect(),
    };
    Ok(Json(answer).into_response())
}

/// The reactions to a message
#[utoipa::path(get, path = "/messages/{messageUrn}/reactions", operation_id = "list-message-reactions", tag = "conversations",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "The reactions", body = ReactionsAnswer),
        (status = 404, description = "account_not_found, not_found")
    ))]
pub(super) async fn reactions_of(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<ReactionsAnswer>, Fault> {
    let (account, found) = kept_message(&room, &caller, path, params).await?;
    Ok(Json(ReactionsAnswer {
        success: true,
        account_id: account.id.to_string(),
        message_id: found.message.id.to_string(),
        message_urn: found.message.id.urn(&account.member),
        reactions: reactions(&found.message),
    }))
}

/// The conversation that a request names, with its account.
pub(super) async fn owned(
    room: &Room,
    caller: &Caller,
    named: Option<&str>,
    id: &threadkeep_core::id::ConversationId,
) -> Result<(Account, ConversationRow), Fault> {
    let accounts = candidates(room, caller, named).await?;
    let row = read::conversation(&room.app, &ids(&accounts), id).await?;
    let owner = accounts.into_iter().find(|account| account.id == row.account).ok_or(Refusal::NoConversation)?;
    Ok((owner, row))
}

async fn kept_conversation(
    room: &Room,
    caller: &Caller,
    path: Result<Path<String>, PathRejection>,
    mut params: Params,
) -> Result<(Account, ConversationRow), Fault> {
    let named = params.take("accountId");
    params.finish()?;
    owned(room, caller, named.as_deref(), &conversation_id(path)?).await
}

async fn kept_message(
    room: &Room,
    caller: &Caller,
    path: Result<Path<String>, PathRejection>,
    mut params: Params,
) -> Result<(Account, MessageFound), Fault> {
    let named = params.take("accountId");
    params.finish()?;
    let malformed = || invalid("messageUrn", "the URN or the bare id of a message, URL-encoded");
    let Path(text) = path.map_err(|_| malformed())?;
    let unknown = || Refusal::NotFound("no such message".into());
    let id = MessageId::parse(&text).map_err(|error| match error {
        InvalidId::WrongKind => unknown().into(),
        _ => malformed(),
    })?;
    let accounts = candidates(room, caller, named.as_deref()).await?;
    let found = read::message(&room.app, &ids(&accounts), &id).await?;
    let owner = accounts.into_iter().find(|account| account.id == found.account).ok_or_else(unknown)?;
    Ok((owner, found))
}

fn ids(accounts: &[Account]) -> Vec<AccountId> {
    accounts.iter().map(|account| account.id.clone()).collect()
}

fn prior(kept: &PriorText) -> PriorVersion {
    PriorVersion { version: kept.version, text: kept.body.clone(), replaced_at: date_time(kept.replaced_at) }
}
