//! The workers: claim what is due, do it, look again.
//!
//! A worker takes no input but the rows, so a crash is followed by the same work. Between two requests of a polite pace
//! the job goes back to its row: nobody waits in memory (invariant I3), and a few workers serve many accounts.

mod index;
mod media;
pub mod presence;
pub mod sync;
mod verify;

use std::time::Duration;

use threadkeep_core::id::AccountId;
use threadkeep_core::sync::pace::Pace;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::lifecycle::{Stop, spawn_bound};
use crate::refusal::Refusal;
use crate::store::{Claimed, StoreError};
use crate::verbs::media::remove_loose;

/// Workers of a server; each works on another account.
pub const WORKERS: usize = 4;
/// A worker without work looks again after this long at the latest.
const LOOK_MS: i64 = 500;
/// What is due and was not to be had is somebody else's, or will be again; looking for it all the time helps nobody.
const NUDGE_MS: i64 = 50;
/// A stop waits this long for the database to take back what a worker has left behind.
const RELEASE_MS: u64 = 5_000;
/// A server waits this long after the database failed.
const STORE_RETRY_MS: i64 = 1_000;
/// Failures of the database in a row that are waited out before they end a run of the command line.
const STORE_TRIES: u32 = 3;
/// An account that is up to date is asked again after this long by a server.
const IDLE_MS: i64 = 60_000;
/// A server removes the bytes of removed messages this often.
const TIDY_MS: i64 = 60_000;

/// Runs the workers of a server until a stop is asked for; failures of the database are waited out.
pub async fn serve(app: App, stop: Stop) {
    let mut tasks = Vec::with_capacity(WORKERS);
    for number in 0..WORKERS {
        // Whoever ends this task ends the workers: none may go on with a job that was released.
        tasks.push(spawn_bound(serve_one(app.clone(), stop.clone(), number == 0)));
    }
    tasks.push(spawn_bound(index::serve(app.clone(), stop.clone())));
    for mut task in tasks {
        // A worker that panicked has left its job to the others; the rest goes on.
        if !task.ended().await {
            tracing::error!("a worker panicked; its job is taken over when its lease ends");
        }
    }
}

/// Works on the jobs of one account until a stop is asked for; a failure of the database that does not pass ends it.
pub async fn run_account(app: App, stop: Stop, only: AccountId) -> Result<(), Refusal> {
    let mut failures = 0;
    while !stop.is_asked() {
        match work_or_rest(&app, &stop, &only).await {
            Ok(()) => failures = 0,
            Err(Refusal::Store(StoreError::Unavailable(_))) if failures < STORE_TRIES => {
                failures += 1;
                nap(&app, &stop, app.clock.now().plus_ms(STORE_RETRY_MS)).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn work_or_rest(app: &App, stop: &Stop, only: &AccountId) -> Result<(), Refusal> {
    match work_once(app, stop, Some(only)).await? {
        true => Ok(()),
        false => rest(app, stop).await,
    }
}

async fn serve_one(app: App, stop: Stop, schedules: bool) {
    let mut tidied_at = Timestamp(0);
    while !stop.is_asked() {
        let now = app.clock.now();
        if schedules && now.since_ms(tidied_at) >= TIDY_MS {
            tidied_at = now;
            tidy(&app).await;
        }
        match turn(&app, &stop, schedules).await {
            Ok(true) => {}
            Ok(false) => {
                if rest(&app, &stop).await.is_err() {
                    nap(&app, &stop, app.clock.now().plus_ms(STORE_RETRY_MS)).await;
                }
            }
            Err(error) => {
                tracing::error!(code = error.code(), "{error}; trying again");
                nap(&app, &stop, app.clock.now().plus_ms(STORE_RETRY_MS)).await;
            }
        }
    }
}

/// One turn of a server's worker: asks for what was left alone for long enough, if that is its part, and works on one
/// job that is due. False when there is none.
pub async fn turn(app: &App, stop: &Stop, schedules: bool) -> Result<bool, Refusal> {
    let worked = schedule_and_work(app, stop, schedules).await;
    match &worked {
        Ok(true) => app.storage.note(None),
        // Nothing was due, but the database was asked to take a claim.
        Ok(false) => app.storage.note_answer(),
        Err(Refusal::Store(error)) => app.storage.note(Some(error)),
        Err(_) => {}
    }
    worked
}

async fn schedule_and_work(app: &App, stop: &Stop, schedules: bool) -> Result<bool, Refusal> {
    if schedules {
        schedule(app).await?;
    }
    work_once(app, stop, None).await
}

/// Removes bytes that no attachment refers to any more; what does not work now is done another time.
async fn tidy(app: &App) {
    if let Err(refusal) = remove_loose(app).await {
        tracing::warn!(code = refusal.code(), "media without a message could not be removed");
    }
}

/// Enqueues a sync for each account that was left alone for long enough.
async fn schedule(app: &App) -> Result<(), Refusal> {
    let now = app.clock.now();
    let idle_ms = match app.sync.pace {
        Pace::Polite => IDLE_MS,
        Pace::Open => app.sync.recent_ms.max(app.sync.pace.idle_ms()),
    };
    app.store.enqueue_idle(now.plus_ms(-idle_ms), now).await?;
    Ok(())
}

async fn work_once(app: &App, stop: &Stop, only: Option<&AccountId>) -> Result<bool, Refusal> {
    heed_database(app).await?;
    app.presence.make_durable();
    let claimed = match claim(app, only).await? {
        None if release_gone(app).await? => claim(app, only).await?,
        claimed => claimed,
    };
    let Some((claimed, since_ms)) = claimed else {
        return Ok(false);
    };
    let job = claimed.job.id;
    match sync::work_since(app, stop, claimed, since_ms).await {
        Err(Refusal::Store(StoreError::LeaseLost)) => {
            // Somebody else has the job now, or takes it; there is nothing to do.
            tracing::warn!(job, "the lease of a job was lost, so its last page is left to whoever has it now");
            Ok(true)
        }
        other => other.map(|()| true),
    }
}

/// Claims a due job, and tells when the claim began in the clock's passing time.
async fn claim(app: &App, only: Option<&AccountId>) -> Result<Option<(Claimed, i64)>, Refusal> {
    let since_ms = app.clock.passed_ms();
    let now = app.clock.now();
    let claimed = app.store.claim(only, app.presence.id(), now, now.plus_ms(app.sync.lease_ms)).await?;
    Ok(claimed.map(|claimed| (claimed, since_ms)))
}

/// Goes by the database's time, where it has one and was not asked for long.
async fn heed_database(app: &App) -> Result<(), Refusal> {
    if !app.clock.wants_time() {
        return Ok(());
    }
    let asked_ms = app.clock.passed_ms();
    if let Some(told) = app.store.time().await? {
        app.clock.heed(told, asked_ms);
    }
    Ok(())
}

/// Ends the leases that this process still holds when its workers were not waited for; a stop is not held up by it.
pub async fn leave(app: &App) {
    let left = app.store.release(app.presence.id(), app.clock.now());
    if !matches!(tokio::time::timeout(Duration::from_millis(RELEASE_MS), left).await, Ok(Ok(_))) {
        tracing::warn!("what this process was working on is free for others when its leases end");
    }
}

/// Ends the leases of processes on this machine that are gone, so that nobody waits for the leases to run out.
async fn release_gone(app: &App) -> Result<bool, Refusal> {
    let mut released = 0;
    for gone in app.presence.gone() {
        released += app.store.release(gone.id(), app.clock.now()).await?;
        gone.forget();
    }
    Ok(released > 0)
}

/// Waits until a job is due, the bell rings, or a stop is asked for.
async fn rest(app: &App, stop: &Stop) -> Result<(), Refusal> {
    let now = app.clock.now();
    let latest = now.plus_ms(LOOK_MS);
    let until = match app.store.next_due().await? {
        Some(due) if due > now => due.min(latest),
        Some(_) => now.plus_ms(NUDGE_MS),
        None => latest,
    };
    nap(app, stop, until).await;
    Ok(())
}

async fn nap(app: &App, stop: &Stop, until: Timestamp) {
    tokio::select! {
        () = app.clock.nap_until(until) => {}
        () = app.bell.notified() => {}
        () = stop.asked() => {}
    }
}
