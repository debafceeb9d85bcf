//! The calm after the storm: nothing goes wrong any more, and within three syncs everything has to be as it should.
//!
//! Then one more sync must ask once for each account, write nothing and tell nothing.

use std::sync::Arc;

use threadkeep::app::App;
use threadkeep::refusal::Refusal;
use threadkeep::store::{Account, Actor, DUE_WITHIN_MS};
use threadkeep::verbs::accounts;
use threadkeep_core::sync::track::InboxTrack;
use threadkeep_core::sync::{GLANCE_AFTER_MS, Health};
use threadkeep_core::time::Timestamp;
use threadkeep_sim::{Faults, Switches};

use crate::acts;
use crate::breach;
use crate::checks::{budget, ending, files};
use crate::node::TurnEnd;
use crate::stage::{Breach, Stage, Who};
use crate::storm::pass_until_due;

/// Syncs after which everything has to be well.
const CYCLES_MAX: u32 = 3;
/// Turns of one of them; more is a livelock.
const TURNS_MAX: u32 = 4_000;
/// Longest time that one may take beyond the longest wait that LinkedIn may ask for.
const CYCLE_MAX_MS: i64 = 26 * 3_600_000;

/// Lets everything come to rest and says what does not hold.
pub async fn settle(stage: &Arc<Stage>) -> Result<(), Refusal> {
    stage.with(|state| {
        state.simulator.set_faults(Faults::default());
        // A mark that grows old by itself is trouble, too.
        let switches = Switches { token_lifetime_ms: None, ..state.simulator.switches().clone() };
        state.simulator.set_switches(switches);
    });
    stage.tell(Who::Nature, format_args!("-- the trouble is over --"));
    let app = stage.desk.app(stage).await?;
    let mut found = None;
    for cycle in 1..=CYCLES_MAX {
        found = cycle_once(stage, &app, cycle > 1).await?;
        // What moved while the last mark was taken is told by the sync after it, so the first is not judged.
        if found.is_none() && cycle > 1 {
            break;
        }
        stage.tell(Who::Nature, format_args!("after sync {cycle}: {}", found.as_ref().map_or("", |one| one.invariant)));
        if stage.is_broken() {
            return Ok(());
        }
    }
    match found {
        Some(breach) => stage.report(breach),
        None => quiet(stage, &app).await?,
    }
    Ok(())
}

async fn cycle_once(stage: &Arc<Stage>, app: &App, is_judged: bool) -> Result<Option<Breach>, Refusal> {
    pass_until_files_are_due(stage).await?;
    let mut all = accounts::list(app).await?;
    let members = stage.with(|state| state.simulator.world().owners().len());
    if all.len() < members {
        acts::add(stage, app).await?;
        all = accounts::list(app).await?;
    }
    for account in &all {
        if account.health == Health::Paused {
            accounts::set_paused(app, &Actor::Setup, &account.id, false).await?;
        }
        if account.health != Health::Connected {
            acts::reconnect(stage, app, account).await?;
        }
        let told = acts::ask_for_sync(stage, app, account, true).await?;
        stage.tell(Who::Person, format_args!("ForceSync: {told}"));
    }
    if let Some(breach) = run(stage).await? {
        return Ok(Some(breach));
    }
    if !is_judged {
        return Ok(None);
    }
    let all = accounts::list(app).await?;
    if let Some(account) = all.iter().find(|account| account.health != Health::Connected) {
        // Its last session died in the storm, and only its next request shows it.
        return Ok(Some(breach!("everything comes to rest", "an account is {:?}", account.health)));
    }
    if let Some(breach) = ending::rest(stage, app).await? {
        return Ok(Some(breach));
    }
    if let Some(breach) = files::kept(stage).await? {
        return Ok(Some(breach));
    }
    ending::equality(stage, app, &all).await
}

/// A file that could not be fetched is tried again with the first sync after a while, and not by a job of its own.
async fn pass_until_files_are_due(stage: &Arc<Stage>) -> Result<(), Refusal> {
    let wait_ms = files::put_off_until(stage).await?.unwrap_or_default() - stage.wall_ms();
    // What a wrong clock has put off longer than anything can be is taken at once.
    if (1..=DUE_WITHIN_MS).contains(&wait_ms) {
        stage.let_pass(wait_ms);
        stage.tell(Who::Nature, format_args!("{} s pass until a file is due", wait_ms / 1_000));
    }
    Ok(())
}

/// Turns until no job is open.
async fn run(stage: &Arc<Stage>) -> Result<Option<Breach>, Refusal> {
    let begun_ms = stage.true_ms();
    for turn in 0..TURNS_MAX {
        pass_until_due(stage).await;
        let number = usize::try_from(turn).unwrap_or(0) % stage.nodes().len().max(1);
        let Some(node) = stage.nodes().get(number) else { break };
        if let TurnEnd::Failed(code) = node.turn(stage).await {
            return Ok(Some(breach!("nothing fails in the calm", "a turn of node {number} failed: {code}")));
        }
        if stage.is_broken() {
            return Ok(None);
        }
        if stage.true_ms() - begun_ms > CYCLE_MAX_MS {
            let hours = (stage.true_ms() - begun_ms) / 3_600_000;
            return Ok(Some(breach!("everything comes to rest", "a sync goes on after {hours} hours")));
        }
        if ending::open_jobs(stage).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(breach!("everything comes to rest", "a sync does not end in {TURNS_MAX} turns")))
}

/// A sync without news.
async fn quiet(stage: &Arc<Stage>, app: &App) -> Result<(), Refusal> {
    let all = accounts::list(app).await?;
    let before = (ending::contents(stage).await?, stage.with(|state| state.tally.requests));
    stage.tell(Who::Nature, format_args!("-- a sync without news --"));
    stage.let_pass(120_000);
    for account in &all {
        acts::ask_for_sync(stage, app, account, false).await?;
    }
    if let Some(breach) = run(stage).await? {
        stage.report(breach);
        return Ok(());
    }
    let requests = stage.with(|state| state.tally.requests) - before.1;
    let count = |accounts: usize| u64::try_from(accounts).unwrap_or(u64::MAX);
    // Every six hours the list is glanced at besides.
    let now = Timestamp(stage.wall_ms());
    let glances = all.iter().filter(|account| is_glance_due(&account.inbox, now)).count();
    if !(count(all.len())..=count(all.len() + glances)).contains(&requests) {
        stage.report(breach!("quiet when quiet", "{requests} requests for {} accounts", all.len()));
    }
    let after = ending::contents(stage).await?;
    let changed = before.0.iter().find(|(table, rows)| after.get(*table) != Some(*rows));
    if let Some((table, _)) = changed {
        stage.report(breach!("quiet when quiet", "something was written: {table}"));
    }
    if let Err(breach) = budget::within(stage, u64::from(CYCLES_MAX) + 1) {
        stage.report(breach);
    }
    Ok(())
}

fn is_glance_due(inbox: &InboxTrack, now: Timestamp) -> bool {
    let seen_at = inbox.glanced_at.or(inbox.imported_at);
    seen_at.is_some_and(|seen_at| now.since_ms(seen_at) > GLANCE_AFTER_MS)
}

/// Connects every member of the world, before anything goes wrong.
pub async fn begin(stage: &Arc<Stage>) -> Result<(), Refusal> {
    let app = stage.desk.app(stage).await?;
    let told = acts::add(stage, &app).await?;
    stage.tell(Who::Person, format_args!("{told}"));
    let all: Vec<Account> = accounts::list(&app).await?;
    for account in &all {
        acts::ask_for_sync(stage, &app, account, false).await?;
    }
    Ok(())
}
