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
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::Room;
use super::accounts::{AccountState, from_path, state};
use super::answer::{Fault, invalid};
use super::body::Fields;
use super::caller::Admin;
use super::params::Params;
use crate::refusal::Refusal;
use crate::store::MediaPolicy;
use crate::verbs::{accounts, media};

/// A login.
#[derive(ToSchema)]
struct CookiesBody {
    /// The copied request or the cookies, as text, as `threadkeep account add` takes them.
    #[schema(min_length = 1)]
    cookies: String,
}

/// A login, and when the attachments of a new account are fetched.
#[derive(ToSchema)]
#[expect(dead_code, reason = "told in the document; the handler takes the fields one by one")]
struct NewAccountBody {
    /// The copied request or the cookies, as text, as `threadkeep account add` takes them.
    #[schema(min_length = 1)]
    cookies: String,
    /// `lazy` (when asked for), `eager` (in the sync) or `off`; left out it is what the configuration says.
    #[schema(schema_with = media_policies)]
    media: Option<String>,
}

/// What is to change of an account.
#[derive(ToSchema)]
#[expect(dead_code, reason = "told in the document; the handler takes the fields one by one")]
struct ChangeBody {
    /// `lazy` (when asked for), `eager` (in the sync) or `off`.
    #[schema(schema_with = media_policies)]
    media: Option<String>,
}

fn media_policies() -> ObjectBuilder {
    // Null is the same as leaving it out, as in every body.
    let values = ["eager", "lazy", "off"].map(Value::from);
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
        .enum_values(Some(values.into_iter().chain([Value::Null])))
}

/// An account after something was done with it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountAnswer {
    success: bool,
    account: AccountState,
}

/// An account that is gone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RemovedAnswer {
    success: bool,
    account_id: String,
}

/// Connect an account
///
/// The login is proved at LinkedIn by one request. 200 when the account was there and got a new login. A key that
/// is limited to some accounts cannot add any.
#[utoipa::path(post, path = "/accounts", operation_id = "add-account", tag = "accounts",
    security(("key" = ["admin"])),
    request_body = NewAccountBody,
    responses(
        (status = 201, description = "It is connected", body = AccountAnswer),
        (status = 200, description = "It was there and has a new login", body = AccountAnswer),
        (status = 400, description = "bad_cookies"),
        (status = 409, description = "needs_login"),
        (status = 500, description = "secret_unreadable"),
        (status = 502, description = "upstream_unavailable"),
        (status = 507, description = "storage_full")
    ))]
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
    let mut fields = Fields::read(body, &room.settings).await?;
    let pasted = fields.take_text("cookies")?;
    let policy = media_policy(&mut fields)?;
    fields.finish()?;
    let pasted = pasted.ok_or_else(no_cookies)?;
    let began = room.app.clock.now();
    let account = accounts::add_with(&room.app, &caller.actor(), &pasted, policy).await?;
    let status = match account.created_at >= began {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(AccountAnswer { success: true, account: state(&account) })))
}

/// Give an account a new login
///
/// The cookies of another member are refused; after a refusal everything is as before.
#[utoipa::path(post, path = "/accounts/{accountId}/reconnect", operation_id = "reconnect-account", tag = "accounts",
    security(("key" = ["admin"])),
    request_body = CookiesBody,
    responses(
        (status = 200, description = "It is connected", body = AccountAnswer),
        (status = 400, description = "bad_cookies"),
        (status = 404, description = "account_not_found"),
        (status = 409, description = "needs_login, account_mismatch"),
        (status = 500, description = "secret_unreadable"),
        (status = 502, description = "upstream_unavailable"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn reconnect(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<AccountAnswer>, Fault> {
    let known = from_path(&room.app, &caller, path).await?;
    let pasted = cookies(&room, body).await?;
    let account = accounts::reconnect(&room.app, &caller.actor(), &known.id, &pasted.cookies).await?;
    Ok(Json(AccountAnswer { success: true, account: state(&account) }))
}

/// Change an account
///
/// `media` says when its attachments are fetched.
#[utoipa::path(patch, path = "/accounts/{accountId}", operation_id = "change-account", tag = "accounts",
    security(("key" = ["admin"])),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "As it is now", body = AccountAnswer),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn change(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
    body: Body,
) -> Result<Json<AccountAnswer>, Fault> {
    params.finish()?;
    let known = from_path(&room.app, &caller, path).await?;
    let mut fields = Fields::read(body, &room.settings).await?;
    let policy = media_policy(&mut fields)?;
    fields.finish()?;
    if let Some(policy) = policy {
        media::set_policy(&room.app, &caller.actor(), &known.id, policy).await?;
    }
    let account = accounts::find(&room.app, &known.id).await?;
    Ok(Json(AccountAnswer { success: true, account: state(&account) }))
}

/// Stop syncing an account
///
/// What was mirrored stays and can be read.
#[utoipa::path(post, path = "/accounts/{accountId}/pause", operation_id = "pause-account", tag = "accounts",
    security(("key" = ["admin"])),
    responses(
        (status = 200, description = "It is paused", body = AccountAnswer),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn pause(
    room: State<Arc<Room>>,
    caller: Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<AccountAnswer>, Fault> {
    set_paused(room, caller, path, params, true).await
}

/// Go on syncing an account
#[utoipa::path(post, path = "/accounts/{accountId}/resume", operation_id = "resume-account", tag = "accounts",
    security(("key" = ["admin"])),
    responses(
        (status = 200, description = "It is synced again", body = AccountAnswer),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn resume(
    room: State<Arc<Room>>,
    caller: Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<AccountAnswer>, Fault> {
    set_paused(room, caller, path, params, false).await
}

/// Remove an account
///
/// With everything that was mirrored for it.
#[utoipa::path(delete, path = "/accounts/{accountId}", operation_id = "remove-account", tag = "accounts",
    security(("key" = ["admin"])),
    responses(
        (status = 200, description = "It is gone", body = RemovedAnswer),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
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

async fn cookies(room: &Room, body: Body) -> Result<CookiesBody, Fault> {
    let mut fields = Fields::read(body, &room.settings).await?;
    let pasted = fields.take_text("cookies")?;
    fields.finish()?;
    Ok(CookiesBody { cookies: pasted.ok_or_else(no_cookies)? })
}

fn no_cookies() -> Fault {
    invalid("cookies", "the copied request or the cookies as text, in one field")
}

fn media_policy(fields: &mut Fields) -> Result<Option<MediaPolicy>, Fault> {
    let name = fields.take_text("media")?;
    Ok(name.map(|name| media::policy(&name)).transpose()?)
}
