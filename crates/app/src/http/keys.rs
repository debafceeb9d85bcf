//! API keys over HTTP: making, listing and revoking them. Ours; admin only.
//!
//! The text of a key is in the answer to its making and never again. A key that is limited to some accounts makes, sees
//! and revokes only keys that reach no others.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use threadkeep_core::id::AccountId;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

use super::Room;
use super::answer::{Fault, date_time, invalid};
use super::body::Fields;
use super::caller::Admin;
use super::params::Params;
use crate::refusal::Refusal;
use crate::store::KeyRow;
use crate::verbs::keys::{self, NewKey, Scope};

/// Longest id of a key that is looked up, in bytes.
const ID_MAX: usize = 64;

/// The key that is wanted.
#[derive(Debug, ToSchema)]
struct KeyBody {
    /// What it may do.
    #[schema(schema_with = scope_names)]
    scopes: Vec<String>,
    /// The accounts that it reaches; left out it is all, or those of the asking key.
    #[schema(min_items = 1, max_items = 1000)]
    accounts: Option<Vec<String>>,
    /// A name for people.
    #[schema(max_length = 100, pattern = "^[ -~]*$")]
    label: Option<String>,
}

/// A key without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KeyItem {
    id: String,
    label: Option<String>,
    scopes: Vec<String>,
    accounts: Option<Vec<String>>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

/// A key that was made.
// It is never printed: it has no `Debug`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeAnswer {
    success: bool,
    key: String,
    #[serde(flatten)]
    item: KeyItem,
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeysAnswer {
    success: bool,
    keys: Vec<KeyItem>,
}

/// A key that works no longer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevokedAnswer {
    success: bool,
    id: String,
}

/// Make a key
///
/// Its text is in this answer and never shown again. An admin key that is limited to some accounts makes only keys
/// that reach no others.
#[utoipa::path(post, path = "/keys", operation_id = "create-key", tag = "keys",
    security(("key" = ["admin"])),
    request_body = KeyBody,
    responses(
        (status = 201, description = "The key", body = MadeAnswer),
        (status = 404, description = "account_not_found"),
        (status = 409, description = "conflict"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn create(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    params: Params,
    body: Body,
) -> Result<(StatusCode, Json<MadeAnswer>), Fault> {
    params.finish()?;
    let mut fields = Fields::read(body, &room.settings).await?;
    let asked = KeyBody {
        scopes: fields.take_texts("scopes")?.unwrap_or_default(),
        accounts: fields.take_texts("accounts")?,
        label: fields.take_text("label")?,
    };
    fields.finish()?;
    let mut wanted = NewKey { scopes: Vec::new(), accounts: None, label: asked.label };
    for name in &asked.scopes {
        let scope = Scope::parse(name)?;
        if !wanted.scopes.contains(&scope) {
            wanted.scopes.push(scope);
        }
    }
    if let Some(named) = asked.accounts {
        let ids: Result<Vec<AccountId>, Refusal> =
            named.iter().map(|id| AccountId::new(id).map_err(|_| Refusal::NoAccount)).collect();
        wanted.accounts = Some(ids?);
    }
    let (key, row) = keys::create_within(&room.app, &caller, wanted).await?;
    Ok((StatusCode::CREATED, Json(MadeAnswer { success: true, key, item: item(row) })))
}

/// List the keys
///
/// Without their secrets. An admin key that is limited to some accounts sees only keys that reach no others.
#[utoipa::path(get, path = "/keys", operation_id = "list-keys", tag = "keys",
    security(("key" = ["admin"])),
    responses((status = 200, description = "The keys", body = KeysAnswer)))]
pub(super) async fn list(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    params: Params,
) -> Result<Json<KeysAnswer>, Fault> {
    params.finish()?;
    let rows = keys::list_within(&room.app, &caller).await?;
    Ok(Json(KeysAnswer { success: true, keys: rows.into_iter().map(item).collect() }))
}

/// Revoke a key
///
/// It stops working at once.
#[utoipa::path(delete, path = "/keys/{keyId}", operation_id = "revoke-key", tag = "keys",
    security(("key" = ["admin"])),
    responses(
        (status = 200, description = "It works no longer", body = RevokedAnswer),
        (status = 404, description = "not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn revoke(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<RevokedAnswer>, Fault> {
    params.finish()?;
    let malformed = || invalid("id", "the public part of a key: the digits between tk_ and the next _");
    let Path(id) = path.map_err(|_| malformed())?;
    if id.len() > ID_MAX || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    keys::revoke_within(&room.app, &caller, &id).await?;
    Ok(Json(RevokedAnswer { success: true, id }))
}

fn scope_names() -> Array {
    let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Scope::ALL.map(Scope::as_str)));
    ArrayBuilder::new().items(name).min_items(Some(1)).build()
}

fn item(row: KeyRow) -> KeyItem {
    KeyItem {
        id: row.id,
        label: row.label,
        scopes: row.scopes,
        accounts: row.accounts.map(|ids| ids.iter().map(ToString::to_string).collect()),
        created_at: date_time(row.created_at),
        last_used_at: row.last_used_at.map(date_time),
        revoked_at: row.revoked_at.map(date_time),
    }
}
