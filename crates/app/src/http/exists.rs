//! `GET /conversations/exists/{profileId}`: whether there is a conversation with somebody (HTTP contract 3.3).
//!
//! Answered from the mirror, which knows only those whom the account has met; anybody else is 404 and the text says so.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use threadkeep_core::id::{ConversationId, PersonId};
use utoipa::ToSchema;

use super::Room;
use super::accounts::choose;
use super::answer::{Fault, invalid};
use super::caller::Reader;
use super::document::AccountParam;
use super::params::Params;
use crate::store::Account;
use crate::verbs::read;

/// Longest profile id or vanity name, in bytes.
const PROFILE_MAX: usize = 400;

/// Whether there is a conversation with somebody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExistsAnswer {
    success: bool,
    has_conversation: bool,
    conversation_urn: Option<String>,
    profile_urn: String,
    account_id: String,
    conversation_id: Option<String>,
    from_cache: bool,
}

/// Is there a conversation with somebody
///
/// Answered from the database. Only a conversation with that person alone counts, not a group; anybody whom the
/// account has never met is 404 `not_found`.
#[utoipa::path(get, path = "/conversations/exists/{profileId}", operation_id = "conversation-exists", tag = "conversations",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "Whether there is one", body = ExistsAnswer),
        (status = 404, description = "account_not_found, not_found")
    ))]
pub(super) async fn check(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    mut params: Params,
) -> Result<Json<ExistsAnswer>, Fault> {
    let named = params.take("accountId");
    params.finish()?;
    let Path(text) = path.map_err(|_| malformed())?;
    let text = checked_profile(text)?;
    let account = choose(&room.app, &caller, named.as_deref()).await?;
    let Met { person, conversation } = find(&room, &account, &text).await?;
    Ok(Json(ExistsAnswer {
        success: true,
        has_conversation: conversation.is_some(),
        conversation_urn: conversation.as_ref().map(|id| id.urn(&account.member)),
        profile_urn: person.urn(),
        account_id: account.id.to_string(),
        conversation_id: conversation.map(|id| id.to_string()),
        from_cache: true,
    }))
}

/// Somebody whom an account has met, and the conversation of the two.
pub(super) struct Met {
    person: PersonId,
    pub(super) conversation: Option<ConversationId>,
}

/// Finds somebody by a profile id, its URN, or the last part of the profile's address.
pub(super) async fn find(room: &Room, account: &Account, text: &str) -> Result<Met, Fault> {
    let profile = profile(text);
    let person = match profile.eq_ignore_ascii_case(&account.public_id) {
        true => account.member.clone(),
        false => read::person(&room.app, &account.id, &profile).await?.id,
    };
    let conversation = read::conversation_with(&room.app, account, &person).await?;
    Ok(Met { person, conversation })
}

/// The text when it can name a profile.
pub(super) fn checked_profile(text: String) -> Result<String, Fault> {
    match text.len() > PROFILE_MAX || text.trim().is_empty() || text.chars().any(char::is_control) {
        true => Err(malformed()),
        false => Ok(text),
    }
}

fn malformed() -> Fault {
    invalid("profileId", "the last part of a profile's address, or a profile id")
}

/// The id in a URN, else the text as it came: a vanity name may have letters that no id has.
fn profile(text: &str) -> String {
    match PersonId::parse(text) {
        Ok(id) => id.to_string(),
        Err(_) => text.to_owned(),
    }
}
