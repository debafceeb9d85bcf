//! `POST /conversations/refresh`: asks for news of a conversation and answers at once (HTTP contract 3.4).
//!
//! LinkedIn tells changes for the whole mailbox, so a sync of the account is asked for. Nothing is waited for.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::Serialize;

use super::Room;
use super::answer::{Fault, invalid};
use super::body::Fields;
use super::caller::Syncer;
use super::messages::parse_conversation;
use super::sync::status_url;
use super::thread::owned;
use crate::verbs::sync::{self, Ticket};

/// The answer; the contract's fields first.
#[derive(Debug, Serialize)]
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

/// `POST /conversations/refresh`
pub(super) async fn ask(
    State(room): State<Arc<Room>>,
    Syncer(caller): Syncer,
    body: Body,
) -> Result<Json<RefreshAnswer>, Fault> {
    let mut fields = Fields::read(body, &room.settings).await?;
    let named = fields.take_text("accountId")?;
    let urn = fields.take_text("conversationUrn")?;
    fields.finish()?;
    let urn = urn.ok_or_else(|| invalid("conversationUrn", "it is required"))?;
    let (account, row) = owned(&room, &caller, named.as_deref(), &parse_conversation(&urn)?).await?;
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
