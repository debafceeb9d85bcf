//! `POST /conversations/sync`: asks for a sync, waits, and tells the truth about how far it came.
//!
//! The answer has the seed's fields whatever happened (HTTP contract 2.1, design 5); the work itself is done by workers
//! and goes on when the caller has left.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use threadkeep_core::id::AccountId;
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::Room;
use super::accounts::choose;
use super::answer::{Fault, date_time};
use super::body::Fields;
use super::caller::Syncer;
use super::document::{AccountParam, PreferParam};
use super::params::Params;
use super::prefer::patience;
use crate::refusal::Refusal;
use crate::store::{Job, JobState};
use crate::verbs::sync::{self, Ticket};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What is asked for; no body at all is the same as an empty one.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct SyncBody {
    /// The account; left out it is the one that was synced last among those that the key reaches.
    account_id: Option<String>,
    /// Sync even when the last sync is recent; left out it is `false`.
    force: Option<bool>,
}

/// How a sync stands.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SyncAnswer {
    success: bool,
    account_id: String,
    conversations_processed: u64,
    messages_processed: u64,
    duration_ms: i64,
    duration_seconds: String,
    error: Option<String>,
    message: Option<String>,
    code: Option<String>,
    completed: bool,
    skipped: bool,
    joined: bool,
    run_id: Option<i64>,
    state: &'static str,
    status_url: String,
    #[schema(format = DateTime)]
    not_before: Option<String>,
    #[schema(format = DateTime)]
    last_sync_at: Option<String>,
    requests: u64,
    messages_new: u64,
    messages_changed: u64,
    conversations_finished: u64,
    oddities: u64,
}

/// Sync an account and wait
///
/// Puts a run into the queue, or joins the one that is going on, and waits: for as long as `Prefer` says, else as
/// configured. A run that failed is answered with 200, `success: false`, a code, and the counts of what was kept.
#[utoipa::path(post, path = "/conversations/sync", operation_id = "conversations-sync", tag = "sync",
    security(("key" = ["sync"])),
    params(PreferParam, AccountParam),
    request_body = SyncBody,
    responses(
        (status = 200, description = "It ended, was not needed, or cannot go on", body = SyncAnswer),
        (status = 202, description = "It goes on", body = SyncAnswer, headers(("Location" = String, description = "Where to ask how it goes on"), ("Preference-Applied" = Option<String>, description = "What was obeyed"))),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn run(
    State(room): State<Arc<Room>>,
    Syncer(caller): Syncer,
    headers: HeaderMap,
    mut params: Params,
    body: Body,
) -> Result<Response, Fault> {
    // The account belongs into the body; in the query it means the same, and nothing is ignored in silence.
    let in_query = params.take("accountId");
    params.finish()?;
    let mut fields = Fields::read(body, &room.settings).await?;
    let asked = SyncBody { account_id: fields.take_text("accountId")?, force: fields.take_flag("force")? };
    fields.finish()?;

    let named = asked.account_id.or(in_query);
    let account = choose(&room.app, &caller, named.as_deref()).await?.id;
    let patience = patience(&headers, &room.app.sync);
    let answer = match sync::request(&room.app, &account, asked.force.unwrap_or(false)).await? {
        Ticket::Job { job, joined } => {
            let job = wait(&room, *job, patience.wait_ms).await?;
            SyncAnswer { joined, ..of_job(&job, room.app.clock.now()) }
        }
        Ticket::Recent { last_sync_at } => skipped(&account, last_sync_at),
        Ticket::Stopped { code, what } => stopped(&account, code, &what),
    };
    let mut response = respond(&answer);
    if let Some(applied) = patience.applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// Waits for a run for at most so long; not when it cannot go on by then, and not when the server is stopping.
pub(super) async fn wait(room: &Room, job: Job, wait_ms: i64) -> Result<Job, Refusal> {
    let until = room.app.clock.now().plus_ms(wait_ms);
    let rests_longer = job.state == JobState::Waiting && job.not_before > until;
    if wait_ms <= 0 || rests_longer || job.state.is_over() {
        return Ok(job);
    }
    tokio::select! {
        waited = sync::wait(&room.app, job.id, until) => waited,
        () = room.stop.asked() => Ok(job),
    }
}

/// Where to ask how a sync goes on; always the form with the prefix.
pub(super) fn status_url(account: &AccountId) -> String {
    format!("/linkedin/conversations/sync/status?accountId={account}")
}

fn respond(answer: &SyncAnswer) -> Response {
    if answer.completed {
        return Json(answer).into_response();
    }
    let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
    if let Ok(url) = HeaderValue::from_str(&answer.status_url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}

fn of_job(job: &Job, now: Timestamp) -> SyncAnswer {
    let done = &job.progress;
    let duration_ms = job.started_at.map_or(0, |began| job.finished_at.unwrap_or(now).since_ms(began).max(0));
    let (error, code) = match (&job.failure, job.state) {
        (Some(failure), _) => (Some(failure.what.clone()), Some(failure.code.clone())),
        (None, JobState::Cancelled) => (Some("the sync was cancelled".into()), Some("cancelled".into())),
        (None, JobState::Failed) => (Some("the sync failed".into()), Some("internal_error".into())),
        (None, _) => (None, None),
    };
    SyncAnswer {
        success: error.is_none(),
        conversations_processed: done.conversations_changed,
        messages_processed: done.messages_new + done.messages_changed,
        duration_ms,
        duration_seconds: seconds(duration_ms),
        message: error.clone(),
        error,
        code,
        completed: job.state.is_over(),
        run_id: Some(job.id),
        state: job.state.as_str(),
        not_before: (job.state == JobState::Waiting).then(|| date_time(job.not_before)),
        last_sync_at: job.finished_at.filter(|_| job.state == JobState::Done).map(date_time),
        requests: done.requests,
        messages_new: done.messages_new,
        messages_changed: done.messages_changed,
        conversations_finished: done.conversations_finished,
        oddities: done.oddities,
        ..nothing_done(&job.account)
    }
}

fn skipped(account: &AccountId, last_sync_at: Timestamp) -> SyncAnswer {
    SyncAnswer {
        success: true,
        skipped: true,
        state: "skipped",
        last_sync_at: Some(date_time(last_sync_at)),
        ..nothing_done(account)
    }
}

fn stopped(account: &AccountId, code: &str, what: &str) -> SyncAnswer {
    SyncAnswer {
        error: Some(what.into()),
        message: Some(what.into()),
        code: Some(code.into()),
        state: "stopped",
        ..nothing_done(account)
    }
}

fn nothing_done(account: &AccountId) -> SyncAnswer {
    SyncAnswer {
        account_id: account.to_string(),
        duration_seconds: seconds(0),
        completed: true,
        status_url: status_url(account),
        ..SyncAnswer::default()
    }
}

/// Seconds with two decimals, as the text that the contract asks for.
fn seconds(ms: i64) -> String {
    format!("{}.{:02}", ms / 1_000, ms % 1_000 / 10)
}
