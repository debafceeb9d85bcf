//! Whether the server can do its work; the only route without a key.
//!
//! Tells nothing about accounts, and answers 503 in the one body of errors when the database does not answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Room;
use super::answer::Fault;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::verbs::read;

/// How long the database may take to answer.
const ANSWER_MS: u64 = 2_000;

/// That it can.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Healthy {
    success: bool,
    status: &'static str,
    version: &'static str,
}

/// Can the server work
///
/// Needs no key, tells nothing about accounts, and is there at the root, too.
#[utoipa::path(get, path = "/health", operation_id = "get-health", tag = "server",
    responses(
        (status = 200, description = "It can", body = Healthy),
        (status = 500, description = "storage_broken"),
        (status = 503, description = "storage_unavailable"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn check(State(room): State<Arc<Room>>) -> Result<Json<Healthy>, Fault> {
    let silent = || Refusal::Store(StoreError::Unavailable("no answer to the health check".into()));
    tokio::time::timeout(Duration::from_millis(ANSWER_MS), read::ping(&room.app)).await.map_err(|_| silent())??;
    // A full disk still answers reads.
    room.app.storage.check().map_err(Refusal::Store)?;
    Ok(Json(Healthy { success: true, status: "ok", version: env!("CARGO_PKG_VERSION") }))
}
