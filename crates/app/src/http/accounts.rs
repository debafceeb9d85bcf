//! Accounts: which one a request means, the list, and the state of one (HTTP contract 1.3, 3.5).
//!
//! An account that the key does not reach is answered exactly as one that does not exist.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use threadkeep_core::id::{ACCOUNT_ID_LENGTH, AccountId};
use threadkeep_core::sync::Health;
use utoipa::ToSchema;

use super::Room;
use super::answer::{Fault, date_time, invalid};
use super::caller::Reader;
use super::document::{AccountParam, SearchParam};
use super::params::Params;
use super::shape::full_name;
use crate::app::App;
use crate::refusal::Refusal;
use crate::store::Account;
use crate::verbs::keys::Caller;
use crate::verbs::read;

/// Longest search text, in characters.
const SEARCH_MAX: usize = 256;

/// The account of this id; any text that is no id of an account names none.
pub(crate) async fn within_reach(app: &App, caller: &Caller, id: &str) -> Result<Account, Fault> {
    let id = AccountId::new(id).map_err(|_| Refusal::NoAccount)?;
    Ok(read::account(app, caller.reach(), &id).await?)
}

/// The named account, or the default one of the key.
pub(super) async fn choose(app: &App, caller: &Caller, named: Option<&str>) -> Result<Account, Fault> {
    match named {
        Some(id) => within_reach(app, caller, id).await,
        None => Ok(read::default_account(app, caller.reach()).await?),
    }
}

/// An account in the list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountItem {
    id: String,
    first_name: String,
    last_name: String,
    public_id: String,
    picture: Option<String>,
    status: &'static str,
    enabled: bool,
    api_seat_allocated: bool,
    health: &'static str,
}

/// The state of an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountState {
    id: String,
    first_name: String,
    last_name: String,
    public_id: String,
    platform: &'static str,
    status: &'static str,
    enabled: bool,
    #[schema(format = DateTime)]
    last_used: Option<String>,
    has_tokens: bool,
    /// When the login ends, by the date of its cookie; null is not known.
    #[schema(format = DateTime)]
    login_expires_at: Option<String>,
    linkedin_plan: Plan,
    picture: Option<String>,
    profile_id: String,
    profile_urn: String,
    health: &'static str,
    health_detail: Option<String>,
    media: &'static str,
}

/// The member's plan; a mirror is told only whether there is a paid one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Plan {
    premium_type: &'static str,
    is_premium: bool,
    has_sales_navigator: bool,
    has_recruiter: bool,
    has_away_messages: bool,
    has_advertise_badge: bool,
    has_hiring_manager: bool,
}

/// List the accounts
///
/// A bare array of the accounts that the key reaches. Never asks LinkedIn.
#[utoipa::path(get, path = "/accounts", operation_id = "list-linkedin-accounts", tag = "accounts",
    security(("key" = ["read"])),
    params(SearchParam),
    responses((status = 200, description = "The accounts", body = Vec<AccountItem>)))]
pub(super) async fn list(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<Vec<AccountItem>>, Fault> {
    let search = params.take("q");
    params.finish()?;
    if search.as_ref().is_some_and(|text| text.chars().count() > SEARCH_MAX) {
        return Err(invalid("q", &format!("at most {SEARCH_MAX} characters")));
    }
    let accounts = read::accounts(&room.app, caller.reach()).await?;
    let found = accounts.iter().filter(|account| search.as_ref().is_none_or(|text| matches(account, text)));
    Ok(Json(found.map(item).collect()))
}

/// State of one account
///
/// A bare object: the state of the account, of its login and of its plan.
#[utoipa::path(get, path = "/account/status", operation_id = "get-account-status", tag = "accounts",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "The state", body = AccountState),
        (status = 404, description = "account_not_found")
    ))]
pub(super) async fn one(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<AccountState>, Fault> {
    let named = params.take("accountId");
    params.finish()?;
    Ok(Json(state(&choose(&room.app, &caller, named.as_deref()).await?)))
}

/// State of one account, asked for by POST
///
/// The same as `GET /account/status`, for clients that post. The account is named in the query; a body is not read.
#[utoipa::path(post, path = "/account/status", operation_id = "post-account-status", tag = "accounts",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "The state", body = AccountState),
        (status = 404, description = "account_not_found")
    ))]
pub(super) async fn one_by_post(
    room: State<Arc<Room>>,
    reader: Reader,
    params: Params,
) -> Result<Json<AccountState>, Fault> {
    one(room, reader, params).await
}

/// State of an account by its id
///
/// The same object as from `/account/status`.
#[utoipa::path(get, path = "/account/{accountId}/status", operation_id = "get-account-status-by-id", tag = "accounts",
    security(("key" = ["read"])),
    responses(
        (status = 200, description = "The state", body = AccountState),
        (status = 404, description = "account_not_found")
    ))]
pub(super) async fn named(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<AccountState>, Fault> {
    params.finish()?;
    Ok(Json(state(&from_path(&room.app, &caller, path).await?)))
}

/// The account that a path names; here an id that cannot be one is refused as such.
pub(super) async fn from_path(
    app: &App,
    caller: &Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Account, Fault> {
    let malformed = || invalid("accountId", &format!("{ACCOUNT_ID_LENGTH} lower-case hex digits"));
    let Path(id) = path.map_err(|_| malformed())?;
    if id.len() != ACCOUNT_ID_LENGTH || AccountId::new(&id).is_err() {
        return Err(malformed());
    }
    within_reach(app, caller, &id).await
}

/// Whether a search text finds an account: part of its name or slug, its id, or the address of its profile.
fn matches(account: &Account, text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let slug = account.public_id.to_lowercase();
    let from_url = text
        .split_once("linkedin.com/in/")
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned());
    match from_url {
        Some(wanted) => !wanted.is_empty() && (wanted == slug || wanted == account.member.as_str().to_lowercase()),
        None => {
            account.id.as_str() == text || slug.contains(&text) || full_name(account).to_lowercase().contains(&text)
        }
    }
}

/// The contract's word for the state of an account.
fn status(account: &Account) -> &'static str {
    match account.health {
        Health::NeedsLogin | Health::Challenged => "ERROR",
        Health::Connected | Health::Paused if account.inbox.imported_at.is_none() => "WARMUP",
        Health::Connected | Health::Paused => "AVAILABLE",
    }
}

fn item(account: &Account) -> AccountItem {
    AccountItem {
        id: account.id.to_string(),
        first_name: account.first_name.clone(),
        last_name: account.last_name.clone(),
        public_id: account.public_id.clone(),
        picture: account.picture_url.clone(),
        status: status(account),
        enabled: account.health != Health::Paused,
        api_seat_allocated: true,
        health: account.health.as_str(),
    }
}

/// The state of an account as the contract shows it.
pub(super) fn state(account: &Account) -> AccountState {
    AccountState {
        id: account.id.to_string(),
        first_name: account.first_name.clone(),
        last_name: account.last_name.clone(),
        public_id: account.public_id.clone(),
        platform: "LINKEDIN",
        status: status(account),
        enabled: account.health != Health::Paused,
        last_used: account.last_sync_at.map(date_time),
        has_tokens: matches!(account.health, Health::Connected | Health::Paused),
        login_expires_at: account.login_expires_at.map(date_time),
        linkedin_plan: plan(account.premium),
        picture: account.picture_url.clone(),
        profile_id: account.member.to_string(),
        profile_urn: account.member.urn(),
        health: account.health.as_str(),
        health_detail: account.health_detail.clone(),
        media: account.media_policy.as_str(),
    }
}

fn plan(premium: Option<bool>) -> Plan {
    Plan {
        premium_type: match premium {
            Some(true) => "PREMIUM",
            Some(false) => "NON_PREMIUM",
            None => "UNKNOWN",
        },
        is_premium: premium == Some(true),
        has_sales_navigator: false,
        has_recruiter: false,
        has_away_messages: false,
        has_advertise_badge: false,
        has_hiring_manager: false,
    }
}
