//! `GET /conversations/sync/status`: how the mirror of each account stands.
//!
//! The contract's shape (HTTP contract 2.2) with three additions: the current run, the completeness, the health. Reads
//! the database only.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use threadkeep_core::sync::pace::{GAP_MAX_MS, GAP_MIN_MS, Pace};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::Depth;
use utoipa::ToSchema;

use super::Room;
use super::accounts::within_reach;
use super::answer::{Fault, date_time};
use super::caller::Reader;
use super::document::AccountParam;
use super::params::Params;
use super::shape::full_name;
use crate::store::{Account, Job, Overview, Progress};
use crate::verbs::freshness::Freshness;
use crate::verbs::verify::Found;
use crate::verbs::{read, sync};

/// How the mirror of each account stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusAnswer {
    success: bool,
    accounts: Vec<AccountStanding>,
}

/// How the mirror of one account stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AccountStanding {
    account_id: String,
    account_name: String,
    account_picture: String,
    sync_state: SyncState,
    current_run: Option<Run>,
    completeness: Holdings,
    health: HealthState,
    freshness: FreshnessState,
}

/// The state of the last syncs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SyncState {
    #[schema(format = DateTime)]
    last_sync_at: Option<String>,
    sync_in_progress: bool,
    total_conversations: u64,
    total_messages: u64,
    consecutive_failures: u32,
    last_error: Option<String>,
    last_error_code: Option<String>,
    initial_sync_completed: bool,
}

/// The run that is going on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Run {
    run_id: i64,
    state: &'static str,
    is_interrupted: bool,
    is_forced: bool,
    cancel_requested: bool,
    phase: String,
    current_conversation_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    not_before: Option<String>,
    counters: Counters,
    estimate: Option<Estimate>,
}

/// What a run has done so far.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counters {
    requests: u64,
    troubles: u64,
    list_pages: u64,
    message_pages: u64,
    conversations_changed: u64,
    conversations_finished: u64,
    messages_new: u64,
    messages_changed: u64,
    oddities: u64,
    media_fetched: u64,
    media_failed: u64,
    media_remaining: u64,
    verified: u64,
    drift: u64,
}

/// The least that is left: each conversation that is due costs a request or more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Estimate {
    requests_at_least: u64,
    duration_ms_at_least: u64,
}

/// How complete the copy is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Holdings {
    conversations_complete: u64,
    conversations_partial: u64,
    conversations_quarantined: u64,
    conversations_due: u64,
    conversations_listed_only: u64,
    conversations_end_unproven: u64,
    conversations_with_drift: u64,
    oddities: u64,
    #[schema(format = DateTime)]
    oldest_message_at: Option<String>,
    #[schema(format = DateTime)]
    verified_at: Option<String>,
    verified_deep: Option<bool>,
}

/// Whether the account can be synced.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HealthState {
    status: &'static str,
    detail: Option<String>,
    hold_reason: Option<&'static str>,
    #[schema(format = DateTime)]
    hold_until: Option<String>,
    /// When the login ends, by the date of its cookie; null is not known.
    #[schema(format = DateTime)]
    login_expires_at: Option<String>,
}

/// How fresh the copy is, judged by what it holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FreshnessState {
    state: &'static str,
    #[schema(format = DateTime)]
    as_of: Option<String>,
    #[schema(format = DateTime)]
    since: Option<String>,
    #[schema(format = DateTime)]
    until: Option<String>,
    reason: Option<&'static str>,
}

/// How the mirror of each account stands
///
/// Always an array. Besides the state of the last syncs: the run that is going on, how complete and how fresh the copy
/// is, and whether the account can be synced.
#[utoipa::path(get, path = "/conversations/sync/status", operation_id = "conversations-sync-status", tag = "sync",
    security(("key" = ["read"])),
    params(AccountParam),
    responses(
        (status = 200, description = "How each account stands", body = StatusAnswer),
        (status = 404, description = "account_not_found")
    ))]
pub(super) async fn all(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<StatusAnswer>, Fault> {
    let named = params.take("accountId");
    params.finish()?;
    let accounts = match named {
        Some(id) => vec![within_reach(&room.app, &caller, &id).await?],
        None => read::accounts(&room.app, caller.reach()).await?,
    };
    let now = room.app.clock.now();
    let all = sync::status(&room.app, accounts).await?;
    let accounts = all.iter().map(|one| standing(one, room.app.sync.pace, now)).collect();
    Ok(Json(StatusAnswer { success: true, accounts }))
}

fn standing(status: &sync::Status, pace: Pace, now: Timestamp) -> AccountStanding {
    let sync::Status { account, overview, job, .. } = status;
    let open = job.as_ref().filter(|job| !job.state.is_over());
    AccountStanding {
        account_id: account.id.to_string(),
        account_name: full_name(account),
        account_picture: account.picture_url.clone().unwrap_or_default(),
        sync_state: SyncState {
            last_sync_at: account.last_sync_at.map(date_time),
            sync_in_progress: status.in_progress(now),
            total_conversations: overview.conversations,
            total_messages: overview.messages,
            consecutive_failures: account.consecutive_failures,
            last_error: account.last_error.as_ref().map(|failure| failure.what.clone()),
            last_error_code: account.last_error.as_ref().map(|failure| failure.code.clone()),
            initial_sync_completed: account.inbox.imported_at.is_some(),
        },
        current_run: open.map(|job| run(job, status.is_interrupted(now), overview, pace)),
        completeness: holdings(overview, status.verified.as_ref()),
        health: health(account, now),
        freshness: fresh(status.freshness(now)),
    }
}

fn fresh(found: Freshness) -> FreshnessState {
    FreshnessState {
        state: found.as_str(),
        as_of: found.as_of().map(date_time),
        since: found.since().map(date_time),
        until: found.held().map(|(until, _)| date_time(until)),
        reason: found.held().map(|(_, why)| why.as_str()),
    }
}

fn run(job: &Job, is_interrupted: bool, overview: &Overview, pace: Pace) -> Run {
    Run {
        run_id: job.id,
        state: job.state.as_str(),
        is_interrupted,
        is_forced: job.forced,
        cancel_requested: job.cancel_requested,
        phase: job.progress.phase.clone(),
        current_conversation_id: job.progress.current.as_ref().map(ToString::to_string),
        created_at: date_time(job.created_at),
        started_at: job.started_at.map(date_time),
        not_before: (job.state == crate::store::JobState::Waiting).then(|| date_time(job.not_before)),
        counters: counters(&job.progress),
        estimate: job.started_at.map(|_| estimate(overview, pace)),
    }
}

/// The counters of a run's report.
pub(super) fn counters(done: &Progress) -> Counters {
    Counters {
        requests: done.requests,
        troubles: done.troubles,
        list_pages: done.list_pages,
        message_pages: done.message_pages,
        conversations_changed: done.conversations_changed,
        conversations_finished: done.conversations_finished,
        messages_new: done.messages_new,
        messages_changed: done.messages_changed,
        oddities: done.oddities,
        media_fetched: done.media_fetched,
        media_failed: done.media_failed,
        media_remaining: done.media_remaining,
        verified: done.verified,
        drift: done.drift,
    }
}

fn estimate(overview: &Overview, pace: Pace) -> Estimate {
    let gap_ms = match pace {
        Pace::Polite => (GAP_MIN_MS + GAP_MAX_MS).unsigned_abs() / 2,
        Pace::Open => 0,
    };
    Estimate { requests_at_least: overview.due, duration_ms_at_least: overview.due.saturating_mul(gap_ms) }
}

fn holdings(overview: &Overview, verified: Option<&Found>) -> Holdings {
    Holdings {
        conversations_complete: overview.complete,
        conversations_partial: overview.partial,
        conversations_quarantined: overview.set_aside,
        conversations_due: overview.due,
        conversations_listed_only: overview.listed,
        conversations_end_unproven: overview.end_unproven,
        conversations_with_drift: overview.drifted,
        oddities: overview.oddities,
        oldest_message_at: overview.oldest_message_at.map(date_time),
        verified_at: verified.and_then(|found| found.finished_at).map(date_time),
        verified_deep: verified
            .filter(|found| found.finished_at.is_some())
            .map(|found| found.asked.depth == Depth::Messages),
    }
}

fn health(account: &Account, now: Timestamp) -> HealthState {
    let hold = account.hold.as_ref().filter(|hold| hold.until > now);
    HealthState {
        status: account.health.as_str(),
        detail: account.health_detail.clone(),
        hold_reason: hold.map(|hold| hold.why.as_str()),
        hold_until: hold.map(|hold| date_time(hold.until)),
        login_expires_at: account.login_expires_at.map(date_time),
    }
}
