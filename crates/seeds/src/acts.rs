//! What people do while the program works: by the program's own verbs, through a process that serves them.
//!
//! A refusal is a fine answer to a person; what a verb has promised must hold afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use threadkeep::app::App;
use threadkeep::refusal::Refusal;
use threadkeep::store::{Account, Actor, ConversationFilter};
use threadkeep::verbs::keys::{self, NewKey, Scope};
use threadkeep::verbs::{accounts, media, read, sync};
use threadkeep_sim::switches::DeadForm;

use crate::breach;
use crate::checks::ending;
use crate::plan::Act;
use crate::stage::{Stage, Who};

/// Conversations on a page of a walk through the own list.
const PAGE_ROWS: u32 = 2;

/// Does something, tells what came of it.
pub async fn perform(stage: &Arc<Stage>, act: Act) {
    stage.with(|state| state.tally.acts += 1);
    let told = match attempt(stage, act).await {
        Ok(told) => told,
        Err(refusal) => format!("refused: {}", refusal.code()),
    };
    stage.tell(Who::Person, format_args!("{act:?}: {told}"));
}

async fn attempt(stage: &Arc<Stage>, act: Act) -> Result<String, Refusal> {
    let app = stage.desk.app(stage).await?;
    let all = accounts::list(&app).await?;
    let Some(account) = all.first() else {
        return add(stage, &app).await;
    };
    match act {
        Act::Sync | Act::ForceSync => ask_for_sync(stage, &app, account, act == Act::ForceSync).await,
        Act::Cancel => cancel(&app, account).await,
        Act::Pause | Act::Resume => {
            accounts::set_paused(&app, &Actor::Setup, &account.id, act == Act::Pause).await?;
            Ok("done".to_owned())
        }
        Act::Reconnect => reconnect(stage, &app, account).await,
        Act::ReconnectStranger => reconnect_stranger(stage, &app, account).await,
        Act::Remove => {
            accounts::remove(&app, &Actor::Setup, &account.id).await?;
            Ok("removed".to_owned())
        }
        Act::WantMedia => Ok(format!("{} are wanted", media::want_all(&app, account, true).await?)),
        Act::Export => Ok(format!("{} bytes", ending::exported(&app, account).await?.len())),
        Act::ReadPage => read_page(stage, &app, account).await,
        Act::TurnKey => turn_key(stage, &app).await,
        Act::EndSessions => {
            let member = account.member.as_str().to_owned();
            let ended = stage.with(|state| state.simulator.kill_sessions(&member, DeadForm::RevokedRedirect));
            Ok(format!("{ended} sessions"))
        }
    }
}

/// Adds every member of the world that has no account.
pub async fn add(stage: &Arc<Stage>, app: &App) -> Result<String, Refusal> {
    let cookies: Vec<String> =
        stage.with(|state| state.simulator.credentials().into_iter().map(|one| one.cookie).collect());
    let mut added = 0;
    for cookie in &cookies {
        let account = accounts::add(app, &Actor::Setup, cookie).await?;
        stage.with(|state| {
            state.tally.logins += 1;
            if let Some(pk) = state.book.account_of(account.member.as_str()) {
                state.manners.logged_in(pk);
            }
        });
        added += 1;
    }
    Ok(format!("{added} accounts added"))
}

/// Asks for a sync.
pub async fn ask_for_sync(
    stage: &Arc<Stage>,
    app: &App,
    account: &Account,
    is_forced: bool,
) -> Result<String, Refusal> {
    let ticket = sync::request(app, &account.id, is_forced).await?;
    if is_forced && matches!(ticket, sync::Ticket::Job { .. }) {
        stage.with(|state| {
            if let Some(pk) = state.book.account_of(account.member.as_str()) {
                state.manners.forced(pk);
            }
        });
    }
    Ok(match ticket {
        sync::Ticket::Job { job, joined } => format!("job {}, joined: {joined}", job.id),
        sync::Ticket::Recent { .. } => "recent".to_owned(),
        sync::Ticket::Stopped { code, .. } => format!("stopped: {code}"),
    })
}

async fn cancel(app: &App, account: &Account) -> Result<String, Refusal> {
    let (jobs, _) = sync::runs(app, &account.id, None, 1).await?;
    let Some(job) = jobs.first() else { return Ok("nothing to cancel".to_owned()) };
    let job = sync::cancel(app, &Actor::Setup, None, job.id).await?;
    Ok(format!("job {} is {:?}", job.id, job.state))
}

/// Gives an account the cookies of a living session.
pub async fn reconnect(stage: &Arc<Stage>, app: &App, account: &Account) -> Result<String, Refusal> {
    let own = account.member.urn();
    let cookie = stage.with(|state| {
        let all = state.simulator.credentials();
        all.into_iter().find(|one| one.member_urn == own).map(|one| one.cookie)
    });
    let Some(cookie) = cookie else { return Ok("nobody has this account".to_owned()) };
    accounts::reconnect(app, &Actor::Setup, &account.id, &cookie).await?;
    stage.with(|state| {
        if let Some(pk) = state.book.account_of(account.member.as_str()) {
            state.manners.logged_in(pk);
        }
    });
    Ok("connected".to_owned())
}

async fn reconnect_stranger(stage: &Arc<Stage>, app: &App, account: &Account) -> Result<String, Refusal> {
    let own = account.member.urn();
    let cookie = stage.with(|state| {
        let all = state.simulator.credentials();
        all.into_iter().find(|one| one.member_urn != own).map(|one| one.cookie)
    });
    let Some(cookie) = cookie else { return Ok("there is no other member".to_owned()) };
    if accounts::reconnect(app, &Actor::Setup, &account.id, &cookie).await.is_ok() {
        stage.report(breach!("strangers are refused", "an account took the cookies of another member"));
    }
    Ok("refused, as it has to be".to_owned())
}

/// A walk through the own list, one page now and then.
#[derive(Debug, Clone, Default)]
pub struct ListWalk {
    filter: ConversationFilter,
    /// What there was when it began, with its place.
    first: BTreeMap<String, i64>,
    seen: BTreeSet<String>,
}

/// What people remember.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    walk: Option<ListWalk>,
    /// An API key as it was shown, its public part, and whether it was revoked.
    key: Option<(String, String, bool)>,
}

async fn read_page(stage: &Arc<Stage>, app: &App, account: &Account) -> Result<String, Refusal> {
    let mut walk = match stage.with(|state| state.memory.walk.take()) {
        Some(walk) if walk.filter.accounts.contains(&account.id) => walk,
        _ => {
            let filter = ConversationFilter { accounts: vec![account.id.clone()], ..ConversationFilter::default() };
            ListWalk { first: places(app, &filter).await?, filter, ..ListWalk::default() }
        }
    };
    let page = read::conversations(app, &walk.filter, PAGE_ROWS).await?;
    for row in &page.rows {
        let id = row.conversation.id.to_string();
        if walk.seen.contains(&id) {
            stage.report(breach!("own pages are stable", "{id} came twice in one walk"));
        }
        walk.seen.insert(id);
    }
    let has_more = page.next.is_some();
    walk.filter.after = page.next;
    if !has_more {
        let all = ConversationFilter { after: None, ..walk.filter.clone() };
        let last = places(app, &all).await?;
        let missed = walk.first.iter().find(|(id, at)| last.get(*id) == Some(at) && !walk.seen.contains(*id));
        if let Some((id, _)) = missed {
            stage.report(breach!("own pages are stable", "{id} stayed where it was and did not come"));
        }
    }
    let told = format!("{} of a walk", page.rows.len());
    stage.with(|state| state.memory.walk = has_more.then_some(walk));
    Ok(told)
}

/// Where every conversation stands in the list.
async fn places(app: &App, filter: &ConversationFilter) -> Result<BTreeMap<String, i64>, Refusal> {
    let page = read::conversations(app, filter, read::PAGE_MAX).await?;
    Ok(page
        .rows
        .into_iter()
        .map(|row| (row.conversation.id.to_string(), row.conversation.last_activity_at.0))
        .collect())
}

async fn turn_key(stage: &Arc<Stage>, app: &App) -> Result<String, Refusal> {
    let kept = stage.with(|state| state.memory.key.clone());
    let Some((presented, id, is_revoked)) = kept else {
        let wanted = NewKey { scopes: Scope::ALL.to_vec(), accounts: None, label: None };
        let (presented, row) = keys::create(app, &Actor::Setup, wanted).await?;
        stage.with(|state| state.memory.key = Some((presented, row.id.clone(), false)));
        return Ok("a key was made".to_owned());
    };
    if is_revoked {
        if keys::authenticate(app, &presented).await.is_ok() {
            stage.report(breach!("a revoked key stays so", "a revoked key was accepted"));
        }
        return Ok("the revoked key is refused".to_owned());
    }
    keys::revoke(app, &Actor::Setup, &id).await?;
    stage.with(|state| state.memory.key = Some((presented, id, true)));
    Ok("the key was revoked".to_owned())
}
