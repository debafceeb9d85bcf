//! How a run behaves on its way, on both databases: it keeps the pace, and stops when somebody asks it to.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::store::{Actor, Job, JobState, MediaPolicy};
use threadkeep::verbs::sync::{self, Ticket};
use threadkeep::worker;
use threadkeep_core::sync::pace::{GAP_MIN_MS, Pace};
use threadkeep_sim::{GenerateOptions, World};

use crate::api_world::{BEGIN, HandClock};
use crate::harness::Harness;
use crate::store_database::Database;

/// Looks at a job until it runs; far more than it takes.
const LOOKS_MAX: u32 = 1_000_000;

fn world(conversations: usize, seed: u64) -> World {
    World::generate(&GenerateOptions { seed, conversations, messages_mean: 8.0, ..GenerateOptions::at(BEGIN.0) })
}

async fn asked(story: &Harness) -> Result<Job> {
    match sync::request(&story.app, &story.account, true).await? {
        Ticket::Job { job, .. } => Ok(*job),
        other => anyhow::bail!("no job: {other:?}"),
    }
}

/// The job, once it is as wanted.
async fn seen(story: &Harness, id: i64, is_wanted: fn(&Job) -> bool) -> Result<Job> {
    for _ in 0..LOOKS_MAX {
        if let Some(job) = story.app.store.job(id).await?.filter(is_wanted) {
            return Ok(job);
        }
        tokio::task::yield_now().await;
    }
    anyhow::bail!("the job never became what was waited for")
}

async fn between_two_requests_there_is_a_pause(database: &Database) -> Result<()> {
    let mut story = Harness::connect(database, world(12, 7)).await?;
    let clock = Arc::new(HandClock::default());
    clock.pass(story.app.clock.now().0);
    clock.move_when_waited_for();
    story.app.clock = clock.clone();
    story.app.sync.pace = Pace::Polite;
    let begun_at = story.app.clock.now();
    let job = asked(&story).await?;
    // Nobody but the worker waits here, so that time passes only by its waits.
    let stop = Stop::default();
    let worker = spawn(worker::run_account(story.app.clone(), stop.clone(), story.account.clone()));
    let job = seen(&story, job.id, |job| job.state.is_over()).await?;
    stop.ask();
    worker.await??;
    ensure!(job.state == JobState::Done, "{:?}", job.failure);
    let requests = i64::try_from(story.linkedin.requests()?)?;
    let passed_ms = story.app.clock.now().since_ms(begun_at);
    ensure!(requests > 10 && passed_ms >= (requests - 1) * GAP_MIN_MS, "{requests} requests in {passed_ms} ms");
    ensure!(job.progress.requests == story.linkedin.requests()?, "what was asked is counted through every pause");
    let conversations =
        story.linkedin.truth()?.lines().filter(|line| line.contains("\"kind\":\"conversation\"")).count();
    let finished = job.progress.conversations_finished;
    ensure!(usize::try_from(finished)? == conversations, "{finished} of {conversations} were finished by a commit");
    story.assert_equal().await
}

async fn files_keep_the_pace_too(database: &Database) -> Result<()> {
    let mut story = Harness::connect(database, world(30, 21)).await?;
    story.sync().await?;
    threadkeep::verbs::media::set_policy(&story.app, &Actor::Setup, &story.account, MediaPolicy::Eager).await?;
    let clock = Arc::new(HandClock::default());
    clock.pass(story.app.clock.now().0);
    clock.move_when_waited_for();
    story.app.clock = clock.clone();
    story.app.sync.pace = Pace::Polite;
    let begun_at = story.app.clock.now();
    let before = story.linkedin.requests()?;
    let job = asked(&story).await?;
    let stop = Stop::default();
    let worker = spawn(worker::run_account(story.app.clone(), stop.clone(), story.account.clone()));
    let job = seen(&story, job.id, |job| job.state.is_over()).await?;
    stop.ask();
    worker.await??;
    ensure!(job.state == JobState::Done && job.progress.media_fetched > 5, "{job:?}");
    let requests = i64::try_from(story.linkedin.requests()? - before)?;
    let passed_ms = story.app.clock.now().since_ms(begun_at);
    ensure!(passed_ms >= (requests - 1) * GAP_MIN_MS, "{requests} requests in {passed_ms} ms");
    ensure!(i64::try_from(job.progress.requests)? == requests, "{} of {requests} are told", job.progress.requests);
    Ok(())
}

async fn a_run_that_is_cancelled_among_its_files_stops(database: &Database) -> Result<()> {
    let mut story = Harness::connect(database, world(30, 21)).await?;
    story.sync().await?;
    threadkeep::verbs::media::set_policy(&story.app, &Actor::Setup, &story.account, MediaPolicy::Eager).await?;
    let clock = Arc::new(HandClock::default());
    clock.pass(story.app.clock.now().0);
    story.app.clock = clock.clone();
    story.app.sync.pace = Pace::Polite;
    let job = asked(&story).await?;
    let stop = Stop::default();
    let worker = spawn(worker::run_account(story.app.clone(), stop.clone(), story.account.clone()));
    // Time passes only as long as somebody looks, so that nothing is fetched between the look and the wish.
    for _ in 0..LOOKS_MAX {
        let kept = story.app.store.job(job.id).await?.context("the job")?;
        if kept.progress.media_fetched > 0 || kept.state.is_over() {
            break;
        }
        clock.pass(100);
        tokio::task::yield_now().await;
    }
    sync::cancel(&story.app, &Actor::Setup, None, job.id).await?;
    clock.move_when_waited_for();
    let over = seen(&story, job.id, |job| job.state.is_over()).await?;
    stop.ask();
    worker.await??;
    ensure!(over.state == JobState::Cancelled, "{over:?}");
    ensure!((1..4).contains(&over.progress.media_fetched), "it went on: {:?}", over.progress);
    let next = story.sync().await?;
    ensure!(next.progress.media_fetched > 3, "the next one goes on: {:?}", next.progress);
    Ok(())
}

async fn a_run_that_is_cancelled_on_its_way_stops_and_the_next_goes_on(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(80, 8)).await?;
    let job = asked(&story).await?;
    let stop = Stop::default();
    let worker = spawn(worker::run_account(story.app.clone(), stop.clone(), story.account.clone()));
    seen(&story, job.id, |job| job.state == JobState::Running).await?;
    sync::cancel(&story.app, &Actor::Setup, None, job.id).await?;
    let over = sync::wait(&story.app, job.id, story.app.clock.now().plus_ms(120_000)).await?;
    stop.ask();
    worker.await??;
    ensure!(over.state == JobState::Cancelled, "{:?}", over.state);
    ensure!(story.linkedin.requests()? < story.linkedin.least_requests()?, "it went on to its end");
    story.sync().await?;
    story.assert_equal().await
}

crate::on_both_databases! {
    between_two_requests_there_is_a_pause,
    files_keep_the_pace_too,
    a_run_that_is_cancelled_among_its_files_stops,
    a_run_that_is_cancelled_on_its_way_stops_and_the_next_goes_on,
}
