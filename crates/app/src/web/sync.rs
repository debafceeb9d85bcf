//! The accounts and their syncs: how fresh, how complete, what is missing and why, starting a sync and cancelling it.
//!
//! Starting only writes a job, as everywhere; the page then shows how it goes.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use threadkeep_core::time::Timestamp;

use super::faces::{self, Face, face};
use super::form::Form;
use super::missing::{Gap, gaps, is_whole};
use super::page::{self, Empty, Frame};
use super::parts::size;
use super::progress::{Live, ago, doing, live};
use super::visitor::Visitor;
use super::when::{Stamp, full};
use crate::http::{Fault, Params, Room, invalid, within_reach};
use crate::store::{Account, Job};
use crate::verbs::keys::Scope;
use crate::verbs::login_end::{LoginEnd, login_end, renewal};
use crate::verbs::read;
use crate::verbs::sync::{self, Status, Ticket, stopped};

/// Conversations that the page names of those that are not complete.
const GAPS_SHOWN: u32 = 5;
/// Runs that the page lists.
const RUNS_SHOWN: u32 = 5;

/// An account on the page.
struct Card {
    id: String,
    name: String,
    face: Face,
    live: Live,
    /// What has to be done before it can be synced.
    stopped: Option<String>,
    login: Option<LoginLine>,
    /// The run that goes on.
    run: Option<i64>,
    is_cancelling: bool,
    conversations: u64,
    partial: u64,
    set_aside: u64,
    out_of_scope: u64,
    oddities: u64,
    media_missing: u64,
    media_size: String,
    oldest: Option<Stamp>,
    last_sync: Option<String>,
    verified: String,
    gaps: Vec<Gap>,
    gaps_more: bool,
    is_whole: bool,
    runs: Vec<Run>,
}

/// When the login ends.
struct LoginLine {
    says: &'static str,
    at: Stamp,
    /// What has to be done, when it is time for that.
    remedy: Option<String>,
}

/// A run that is over, or goes on.
struct Run {
    id: i64,
    at: Stamp,
    outcome: String,
    requests: u64,
    new: u64,
}

#[derive(Template)]
#[template(path = "sync.html", whitespace = "minimize")]
struct SyncPage {
    frame: Frame,
    cards: Vec<Card>,
    is_running: bool,
    notice: Option<&'static str>,
    empty: Option<Empty>,
}

/// `GET /ui/sync`
pub(super) async fn page(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    mut params: Params,
) -> Result<Response, Fault> {
    let notice = params.take("told").and_then(|told| notice(&told));
    params.finish()?;
    let accounts = read::accounts(&room.app, visitor.caller.reach()).await?;
    let now = room.app.clock.now();
    let mut cards = Vec::with_capacity(accounts.len());
    for one in sync::status(&room.app, accounts).await? {
        cards.push(card(&room, &one, now).await?);
    }
    let empty = cards.is_empty().then(|| Empty {
        what: "There is no account yet".to_owned(),
        remedy: "`threadkeep account add` connects one; an archive of LinkedIn's needs none.".to_owned(),
        link: Some(("/ui/import".to_owned(), "Import an archive")),
    });
    let is_running = cards.iter().any(|card| card.live.running);
    page::show(&SyncPage { frame: Frame::of(&visitor, "sync", "Accounts and sync"), cards, is_running, notice, empty })
}

/// `POST /ui/sync/start`
pub(super) async fn start(State(room): State<Arc<Room>>, visitor: Visitor, body: Body) -> Result<Response, Fault> {
    visitor.caller.must(Scope::Sync)?;
    let mut form = Form::of(&visitor, &room, body).await?;
    let account = within_reach(&room.app, &visitor.caller, &form.need("account")?).await?;
    let told = match sync::request(&room.app, &account.id, form.take("force").is_some()).await? {
        Ticket::Job { .. } => "started",
        Ticket::Recent { .. } => "recent",
        Ticket::Stopped { .. } => "stopped",
    };
    Ok(Redirect::to(&format!("/ui/sync?told={told}")).into_response())
}

/// `POST /ui/sync/cancel`
pub(super) async fn cancel(State(room): State<Arc<Room>>, visitor: Visitor, body: Body) -> Result<Response, Fault> {
    visitor.caller.must(Scope::Admin)?;
    let mut form = Form::of(&visitor, &room, body).await?;
    let run = form.need("run")?.parse().map_err(|_| invalid("run", "the number of a run"))?;
    sync::cancel(&room.app, &visitor.caller.actor(), visitor.caller.reach(), run).await?;
    Ok(Redirect::to("/ui/sync?told=cancelled").into_response())
}

fn notice(told: &str) -> Option<&'static str> {
    match told {
        "recent" => Some("The last sync has only just ended, so nothing was asked. “Sync again” asks all the same."),
        "stopped" => Some("This account cannot be synced until somebody acts: see below."),
        "cancelled" => Some("The run stops after its present step; what it has brought stays."),
        _ => None,
    }
}

async fn card(room: &Room, one: &Status, now: Timestamp) -> Result<Card, Fault> {
    let (account, overview) = (&one.account, &one.overview);
    let (gaps, more) = gaps(room, account, None, GAPS_SHOWN).await?;
    let (runs, _) = sync::runs(&room.app, &account.id, None, RUNS_SHOWN).await?;
    let name = faces::owner(account);
    let going = one.job.as_ref().filter(|job| job.is_in_progress(now));
    Ok(Card {
        id: account.id.to_string(),
        face: face(&name, account.member.as_str()),
        live: live(one, now),
        stopped: stopped(account).map(|(_, what)| what),
        login: login(account, now),
        run: going.map(|job| job.id),
        is_cancelling: going.is_some_and(|job| job.cancel_requested),
        conversations: overview.conversations,
        partial: overview.partial,
        set_aside: overview.set_aside,
        out_of_scope: overview.out_of_scope,
        oddities: overview.oddities,
        media_missing: one.media.remote + one.media.wanted + one.media.failed,
        media_size: size(one.media.stored_bytes),
        oldest: overview.oldest_message_at.map(full),
        last_sync: account.last_sync_at.map(|at| ago(at, now)),
        verified: verified(one, now),
        gaps,
        gaps_more: more.is_some(),
        is_whole: is_whole(overview),
        runs: runs.iter().map(|job| run(job, now)).collect(),
        name,
    })
}

fn login(account: &Account, now: Timestamp) -> Option<LoginLine> {
    let end = login_end(account, now)?;
    let says = match end {
        LoginEnd::Unknown => return None,
        LoginEnd::Later(_) => "The login ends on",
        LoginEnd::Soon(_) => "The login ends soon, on",
        LoginEnd::Past(_) => "The login ended on",
        LoginEnd::Outlived(_) => "LinkedIn still takes the login, which was to end on",
    };
    Some(LoginLine { says, at: full(end.at()?), remedy: end.is_due().then(|| renewal(account)) })
}

fn verified(one: &Status, now: Timestamp) -> String {
    let Some(found) = &one.verified else { return "Never compared with LinkedIn".to_owned() };
    match (found.finished_at, one.overview.drifted) {
        (None, _) => "A comparison is not finished".to_owned(),
        (Some(at), 0) => format!("Compared {}, no difference", ago(at, now)),
        (Some(at), drifted) => format!("Compared {}, {drifted} conversations differ", ago(at, now)),
    }
}

fn run(job: &Job, now: Timestamp) -> Run {
    Run {
        id: job.id,
        at: full(job.started_at.unwrap_or(job.created_at)),
        outcome: doing(job, now),
        requests: job.progress.requests,
        new: job.progress.messages_new,
    }
}
