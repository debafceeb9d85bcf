//! The runs of an account: the list, one of them, and asking one to stop. Ours, in the style of the contract.
//!
//! A run of an account out of reach is answered exactly as one that does not exist.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::Room;
use super::accounts::choose;
use super::answer::{Fault, date_time, invalid};
use super::caller::{Reader, Syncer};
use super::conversations::{COUNT_DEFAULT, count};
use super::cursor::Cursors;
use super::document::{AccountParam, PageParams};
use super::params::Params;
use super::status::{Counters, counters};
use crate::store::{Job, JobState};
use crate::verbs::sync;

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunsAnswer {
    success: bool,
    account_id: String,
    runs: Vec<RunItem>,
    next_cursor: Option<String>,
    has_more: bool,
}

/// One run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunAnswer {
    success: bool,
    run: RunItem,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RunItem {
    run_id: i64,
    account_id: String,
    state: &'static str,
    completed: bool,
    is_forced: bool,
    is_interrupted: bool,
    cancel_requested: bool,
    phase: String,
    current_conversation_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    #[schema(format = DateTime)]
    not_before: Option<String>,
    duration_ms: i64,
    error: Option<String>,
    code: Option<String>,
    counters: Counters,
}

/// A position as it stands in a cursor.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    run: i64,
}

/// List the runs of an account
///
/// Newest first; about 200 are kept.
#[utoipa::path(get, path = "/conversations/sync/runs", operation_id = "list-sync-runs", tag = "sync",
    security(("key" = ["read"])),
    params(AccountParam, PageParams),
    responses(
        (status = 200, description = "A page of runs", body = RunsAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn list(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<RunsAnswer>, Fault> {
    let named = params.take("accountId");
    let count = count(&mut params, COUNT_DEFAULT)?;
    let cursor = params.take("nextCursor");
    params.finish()?;
    let account = choose(&room.app, &caller, named.as_deref()).await?;
    let cursors = Cursors::of(&room, vec!["runs/1".into(), account.id.to_string()]).await?;
    let before: Option<Position> = cursor.as_deref().map(|cursor| cursors.open(cursor)).transpose()?;
    let (jobs, has_more) = sync::runs(&room.app, &account.id, before.map(|position| position.run), count).await?;
    let last = jobs.last().filter(|_| has_more).map(|job| Position { run: job.id });
    let now = room.app.clock.now();
    Ok(Json(RunsAnswer {
        success: true,
        account_id: account.id.to_string(),
        runs: jobs.iter().map(|job| item(job, now)).collect(),
        next_cursor: last.map(|last| cursors.seal(&last)).transpose()?,
        has_more,
    }))
}

/// One run
#[utoipa::path(get, path = "/conversations/sync/runs/{runId}", operation_id = "get-sync-run", tag = "sync",
    security(("key" = ["read"])),
    responses(
        (status = 200, description = "The run", body = RunAnswer),
        (status = 404, description = "not_found")
    ))]

pub(super) async fn one(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<RunAnswer>, Fault> {
    params.finish()?;
    let job = sync::run(&room.app, caller.reach(), number(path)?).await?;
    Ok(Json(RunAnswer { success: true, run: item(&job, room.app.clock.now()) }))
}

/// Cancel a run
///
/// One that rests ends at once, one that is worked on at its next step; what was mirrored stays.
#[utoipa::path(post, path = "/conversations/sync/runs/{runId}/cancel", operation_id = "cancel-sync-run", tag = "sync",
    security(("key" = ["sync"])),
    responses(
        (status = 200, description = "The run", body = RunAnswer),
        (status = 404, description = "not_found"),
        (status = 409, description = "conflict"),
        (status = 507, description = "storage_full")
    ))]

pub(super) async fn cancel(
    State(room): State<Arc<Room>>,
    Syncer(caller): Syncer,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<RunAnswer>, Fault> {
    params.finish()?;
    let job = sync::cancel(&room.app, &caller.actor(), caller.reach(), number(path)?).await?;
    Ok(Json(RunAnswer { success: true, run: item(&job, room.app.clock.now()) }))
}

/// Cancel a run, asked for by DELETE
///
/// The same as `POST /conversations/sync/runs/{runId}/cancel`.
#[utoipa::path(delete, path = "/conversations/sync/runs/{runId}", operation_id = "delete-sync-run", tag = "sync",
    security(("key" = ["sync"])),
    responses(
        (status = 200, description = "The run", body = RunAnswer),
        (status = 404, description = "not_found"),
        (status = 409, description = "conflict"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn cancel_by_delete(
    room: State<Arc<Room>>,
    syncer: Syncer,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<RunAnswer>, Fault> {
    cancel(room, syncer, path, params).await
}

fn number(path: Result<Path<String>, PathRejection>) -> Result<i64, Fault> {
    let malformed = || invalid("runId", "the number of a run");
    let Path(text) = path.map_err(|_| malformed())?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or_else(malformed)
}

fn item(job: &Job, now: Timestamp) -> RunItem {
    let duration_ms = job.started_at.map_or(0, |began| job.finished_at.unwrap_or(now).since_ms(began).max(0));
    RunItem {
        run_id: job.id,
        account_id: job.account.to_string(),
        state: job.state.as_str(),
        completed: job.state.is_over(),
        is_forced: job.forced,
        is_interrupted: job.is_interrupted(now),
        cancel_requested: job.cancel_requested,
        phase: job.progress.phase.clone(),
        current_conversation_id: job.progress.current.as_ref().map(ToString::to_string),
        created_at: date_time(job.created_at),
        started_at: job.started_at.map(date_time),
        finished_at: job.finished_at.map(date_time),
        not_before: (job.state == JobState::Waiting).then(|| date_time(job.not_before)),
        duration_ms,
        error: job.failure.as_ref().map(|failure| failure.what.clone()),
        code: job.failure.as_ref().map(|failure| failure.code.clone()),
        counters: counters(&job.progress),
    }
}
