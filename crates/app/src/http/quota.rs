//! `GET /account/{accountId}/quota`: how many requests to LinkedIn the pace allows, and how many recent runs have made.
//!
//! The contract's shape (HTTP contract 3.5). The budget is our own: LinkedIn tells none, so `linkedinLimit` is null. Only
//! the runs that are kept are counted; `isExact` says whether these are all of the window.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use threadkeep_core::sync::pace::{GAP_MAX_MS, GAP_MIN_MS, Pace};
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::Room;
use super::accounts::from_path;
use super::answer::{Fault, date_time};
use super::caller::Reader;
use super::params::Params;
use crate::store::{Account, Job};
use crate::verbs::sync;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600_000;
/// Days of a week.
const WEEK_DAYS: i64 = 7;
/// 1970 began on a Thursday, so many days after a Monday.
const FIRST_WEEKDAY: i64 = 3;
/// Fewer kept runs than this are all that there were.
const RUNS_FORGOTTEN_FROM: usize = 200;

/// The request budget of an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaAnswer {
    account_id: String,
    quotas: Vec<Quota>,
}

/// The budget of one window.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Quota {
    feature: &'static str,
    window: &'static str,
    used: u64,
    limit: u64,
    linkedin_limit: Option<u64>,
    remaining: u64,
    limit_reached: bool,
    #[schema(format = DateTime)]
    limit_reached_at: Option<String>,
    #[schema(format = DateTime)]
    reset_at: String,
    is_exact: bool,
    hold_reason: Option<&'static str>,
}

/// The request budget of an account
///
/// What the configured pace allows and what recent runs have asked, for this day and this week (UTC). The budget is
/// our own: LinkedIn tells none.
#[utoipa::path(get, path = "/account/{accountId}/quota", operation_id = "get-account-quota", tag = "accounts",
    security(("key" = ["read"])),
    responses(
        (status = 200, description = "The budget", body = QuotaAnswer),
        (status = 404, description = "account_not_found")
    ))]
pub(super) async fn of_account(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<QuotaAnswer>, Fault> {
    params.finish()?;
    let account = from_path(&room.app, &caller, path).await?;
    let runs = sync::kept_runs(&room.app, &account.id).await?;
    let now = room.app.clock.now();
    let today = now.0.div_euclid(DAY_MS);
    let monday = today - (today + FIRST_WEEKDAY).rem_euclid(WEEK_DAYS);
    let windows = [("daily", today, 1), ("weekly", monday, WEEK_DAYS)];
    let quotas = windows.map(|(name, first_day, days)| {
        let window = Window { name, begin: Timestamp(first_day * DAY_MS), end: Timestamp((first_day + days) * DAY_MS) };
        quota(&window, &account, &runs, (room.app.sync.pace, now))
    });
    Ok(Json(QuotaAnswer { account_id: account.id.to_string(), quotas: quotas.into() }))
}

/// Calendar days in UTC.
struct Window {
    name: &'static str,
    begin: Timestamp,
    end: Timestamp,
}

fn quota(window: &Window, account: &Account, runs: &[Job], (pace, now): (Pace, Timestamp)) -> Quota {
    let limit = limit(window, pace);
    // A run that began before the window counts in full, so that nothing is promised twice.
    let counted = runs.iter().filter(|run| run.finished_at.is_none_or(|at| at >= window.begin));
    let used: u64 = counted.map(|run| run.progress.requests).sum();
    let oldest = runs.last().and_then(|run| run.finished_at);
    let is_exact = runs.len() < RUNS_FORGOTTEN_FROM || oldest.is_some_and(|at| at < window.begin);
    let hold = account.hold.as_ref().filter(|hold| hold.until > now);
    let reached = used >= limit;
    Quota {
        feature: "sync_requests",
        window: window.name,
        used,
        limit,
        linkedin_limit: None,
        remaining: if hold.is_some() { 0 } else { limit.saturating_sub(used) },
        limit_reached: reached || hold.is_some(),
        limit_reached_at: None,
        reset_at: date_time(hold.map_or(window.end, |hold| hold.until)),
        is_exact,
        hold_reason: hold.map(|hold| hold.why.as_str()),
    }
}

/// What the pace allows at its average gap; an open pace at one request for each millisecond.
fn limit(window: &Window, pace: Pace) -> u64 {
    let gap_ms = match pace {
        Pace::Polite => (GAP_MIN_MS + GAP_MAX_MS) / 2,
        Pace::Open => 1,
    };
    (window.end.since_ms(window.begin) / gap_ms).unsigned_abs()
}
