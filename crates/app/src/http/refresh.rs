//! `POST /conversations/refresh`: asks for news of a conversation and answers at once (HTTP contract 3.4).
//!
//! LinkedIn tells changes for the whole mailbox, so a sync of the account is asked for. Nothing is waited for.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Room;
use super::answer::{Fault, invalid};
use super::body::Fields;
use super::caller::Syncer;
use super::messages::parse_conversation;
use super::sync::status_url;
use super::thread::owned;
use crate::verbs::sync::{self, Ticket};

/// What is asked for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct RefreshBody {
    /// The bare id `2-…` of the conversation, or any URN that names it.
    conversation_urn: String,
    /// The account; left out the one that has the conversation is found.
    account_id: Option<String>,
}

/// What came of asking for news.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefreshAnswer {
    success: bool,
    message: String,
    conversation_urn: String,
    account_id: String,
    error: Option<String>,
    code: Option<&'static str>,
    run_id: Option<i64>,
    joined: bool,
    status_url: String,
}

/// Ask for news of a conversation
///
/// LinkedIn tells changes for a whole mailbox, so this asks for a sync of the account, and answers at once.
#[utoipa::path(post, path = "/conversations/refresh", operation_id = "conversations-refresh", tag = "sync",
    security(("key" = ["sync"])),
    request_body = RefreshBody,
    responses(
        (status = 200, description = "What was done", body = RefreshAnswer),
        (status = 404, description = "account_not_found, conversation_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn ask(
    State(room): State<Arc<Room>>,
    Syncer(caller): Syncer,
    body: Body,
) -> Result<Json<RefreshAnswer>, Fault> {
    let mut fields = Fields::read(body, &room.settings).await?;
    let (account_id, urn) = (fields.take_text("accountId")?, fields.take_text("conversationUrn")?);
    fields.finish()?;
    let conversation_urn = urn.ok_or_else(|| invalid("conversationUrn", "it is required"))?;
    let asked = RefreshBody { conversation_urn, account_id };
    let id = parse_conversation(&asked.conversation_urn)?;
    let (account, row) = owned(&room, &caller, asked.account_id.as_deref(), &id).await?;
    let answer = RefreshAnswer {
        success: true,
        message: String::new(),
        conversation_urn: row.conversation.id.urn(&account.member),
        account_id: account.id.to_string(),
        error: None,
        code: None,
        run_id: None,
        joined: false,
        status_url: status_url(&account.id),
    };
    Ok(Json(match sync::request(&room.app, &account.id, false).await? {
        Ticket::Job { job, joined } => {
            let message = match joined {
                true => "a sync of the account is already going on: ask statusUrl how it stands",
                false => "a sync of the account was asked for: ask statusUrl how it stands",
            };
            RefreshAnswer { message: message.into(), run_id: Some(job.id), joined, ..answer }
        }
        Ticket::Recent { .. } => RefreshAnswer { message: "the account was synced just now".into(), ..answer },
        Ticket::Stopped { code, what } => {
            RefreshAnswer { success: false, message: what.clone(), error: Some(what), code: Some(code), ..answer }
        }
    }))
}
