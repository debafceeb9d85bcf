//! Adding an account with pasted cookies, giving it a new login, pausing, resuming and removing it. Ours; admin only.
//!
//! Cookies come in here, are handed to the verb and are never shown or logged. A login is proved at LinkedIn by one
//! request before anything is stored.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::Room;
use super::accounts::{AccountState, from_path, state};
use super::answer::{Fault, invalid};
use super::body::Fields;
use super::caller::Admin;
use super::params::Params;
use crate::refusal::Refusal;
use crate::verbs::accounts;

/// An account after something was done with it.
#[derive(Debug, Serialize)]
pub(super) struct AccountAnswer {
    success: bool,
    account: AccountState,
}

/// An account that is gone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RemovedAnswer {
    success: bool,
    account_id: String,
}

/// `POST /accounts`
pub(super) async fn add(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    params: Params,
    body: Body,
) -> Result<(StatusCode, Json<AccountAnswer>), Fault> {
    params.finish()?;
    if caller.reach().is_some() {
        // Whose cookies these are is known only afterwards, and the account may be out of the key's reach.
        return Err(Refusal::ScopeRequired("admin for all accounts").into());
    }
    let pasted = cookies(&room, body).await?;
    let began = room.app.clock.now();
    let account = accounts::add(&room.app, &caller.actor(), &pasted).await?;
    let status = match account.created_at >= began {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(AccountAnswer { success: true, account: state(&account) })))
}

/// `POST /accounts/{id}/reconnect`
pub(super) async fn reconnect(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<AccountAnswer>, Fault> {
    let known = from_path(&room.app, &caller, path).await?;
    let pasted = cookies(&room, body).await?;
    let account = accounts::reconnect(&room.app, &caller.actor(), &known.id, &pasted).await?;
    Ok(Json(AccountAnswer { success: true, account: state(&account) }))
}

/// `POST /accounts/{id}/pause`
pub(super) async fn pause(
    room: State<Arc<Room>>,
    caller: Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<AccountAnswer>, Fault> {
    set_paused(room, caller, path, params, true).await
}

/// `POST /accounts/{id}/resume`
pub(super) async fn resume(
    room: State<Arc<Room>>,
    caller: Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<AccountAnswer>, Fault> {
    set_paused(room, caller, path, params, false).await
}

/// `DELETE /accounts/{id}`
pub(super) async fn remove(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<RemovedAnswer>, Fault> {
    params.finish()?;
    let known = from_path(&room.app, &caller, path).await?;
    accounts::remove(&room.app, &caller.actor(), &known.id).await?;
    Ok(Json(RemovedAnswer { success: true, account_id: known.id.to_string() }))
}

async fn set_paused(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
    is_paused: bool,
) -> Result<Json<AccountAnswer>, Fault> {
    params.finish()?;
    let known = from_path(&room.app, &caller, path).await?;
    accounts::set_paused(&room.app, &caller.actor(), &known.id, is_paused).await?;
    let account = accounts::find(&room.app, &known.id).await?;
    Ok(Json(AccountAnswer { success: true, account: state(&account) }))
}

async fn cookies(room: &Room, body: Body) -> Result<String, Fault> {
    let mut fields = Fields::read(body, &room.settings).await?;
    let pasted = fields.take_text("cookies")?;
    fields.finish()?;
    pasted.ok_or_else(|| invalid("cookies", "the copied request or the cookies as text, in one field"))
}
