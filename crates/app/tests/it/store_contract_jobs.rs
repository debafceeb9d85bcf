//! The contract of jobs: one for an account, held by one at a time, never lost.

use anyhow::Context;
use threadkeep::store::{Commit, JobEnd, JobFailure, JobState, NewAttachment, Progress, StoreError};
use threadkeep_core::sync::track::{CONVERSATION_ATTEMPTS_MAX, Completeness};
use threadkeep_core::sync::{Batch, Hold, HoldReason};
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{LEASE_MS, NOW, Worker, account_id, batch, conversation, listed, login};

crate::on_both_databases!(
    a_second_request_joins_the_first,
    a_job_is_claimed_by_one_alone,
    an_expired_lease_is_due_again,
    a_commit_extends_the_lease,
    a_waiting_job_is_due_at_its_time,
    the_end_of_a_run_is_noted_at_its_account,
    a_cancelled_job_stops,
    idle_accounts_are_enqueued,
    each_account_is_idle_by_itself,
    a_wait_ends_for_whoever_asks_and_for_nobody_else,
    a_commit_keeps_what_was_counted,
    fetching_media_is_no_sync,
    somebody_who_asks_and_the_schedule_of_another_node_get_one_job,
    forcing_gives_set_aside_conversations_one_more_try,
    an_unknown_account_gets_no_job,
    old_jobs_are_forgotten,
    the_lease_of_a_process_that_is_gone_ends_at_once,
);

fn until() -> Timestamp {
    NOW.plus_ms(LEASE_MS)
}

async fn a_second_request_joins_the_first(db: &Database) -> anyhow::Result<()> {
    db.store.log_in(&login(1)?, NOW).await?;
    let (first, joined) = db.store.enqueue_sync(&account_id(1)?, false, NOW).await?;
    assert!(!joined && !first.forced && first.state == JobState::Queued);
    let (second, joined) = db.store.enqueue_sync(&account_id(1)?, true, NOW.plus_ms(9)).await?;
    assert_eq!((second.id, joined, second.forced, second.created_at), (first.id, true, true, NOW));
    let third = db.second().await?;
    let both = tokio::join!(
        third.enqueue_sync(&second.account, false, NOW),
        db.store.enqueue_sync(&second.account, false, NOW)
    );
    assert_eq!((both.0?.0.id, both.1?.0.id), (first.id, first.id));
    third.close().await;
    Ok(())
}

async fn somebody_who_asks_and_the_schedule_of_another_node_get_one_job(db: &Database) -> anyhow::Result<()> {
    db.store.log_in(&login(1)?, NOW).await?;
    let account = account_id(1)?;
    let other = db.second().await?;
    for round in 1..=100 {
        let (asked, scheduled, fetched) = tokio::join!(
            db.store.enqueue_sync(&account, true, NOW),
            other.enqueue_idle(NOW.plus_ms(round), NOW.plus_ms(round)),
            other.enqueue_media(&account, NOW),
        );
        let (job, _) = asked?;
        scheduled?;
        fetched?;
        assert_eq!(db.count("SELECT COUNT(*) FROM jobs WHERE state = 'queued'").await?, 1, "round {round}");
        assert!(db.store.request_cancel(job.id, NOW).await?);
    }
    other.close().await;
    Ok(())
}

async fn a_job_is_claimed_by_one_alone(db: &Database) -> anyhow::Result<()> {
    const JOBS: u32 = 12;
    for number in 1..=JOBS {
        db.store.log_in(&login(number)?, NOW).await?;
        db.store.enqueue_sync(&account_id(number)?, false, NOW).await?;
    }
    let second = db.second().await?;
    let mut claimed = Vec::new();
    for _ in 0..=JOBS {
        let (a, b) =
            tokio::join!(db.store.claim(None, "tester", NOW, until()), second.claim(None, "tester", NOW, until()));
        let found = [a?, b?];
        claimed.extend(found.into_iter().flatten().map(|one| one.lease.job));
    }
    claimed.sort_unstable();
    let count = claimed.len();
    claimed.dedup();
    assert_eq!((claimed.len(), count), (12, 12));
    assert_eq!(db.store.claim(Some(&account_id(3)?), "tester", NOW, until()).await?, None);
    second.close().await;
    Ok(())
}

async fn an_expired_lease_is_due_again(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let before = until().plus_ms(-1);
    assert_eq!(db.store.claim(None, "tester", before, until()).await?, None);
    assert_eq!(db.store.next_due().await?, Some(until()));
    let again = db.store.claim(None, "tester", until(), until().plus_ms(LEASE_MS)).await?.context("not due")?;
    assert_eq!((again.lease.job, again.lease.epoch), (worker.lease.job, worker.lease.epoch + 1));
    assert_eq!(again.job.started_at, Some(NOW), "it goes on, it does not start anew");
    assert_eq!(again.job.lease_until, Some(until().plus_ms(LEASE_MS)));
    let progress = Progress::default();
    let late = db.store.finish(&worker.lease, &JobEnd::Done, &progress, NOW).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    let late = db.store.put_back(&worker.lease, NOW, &progress).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    assert!(db.store.account(worker.account()).await?.is_some_and(|one| one.last_sync_at.is_none()));
    Ok(())
}

async fn a_commit_extends_the_lease(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let later = until().plus_ms(LEASE_MS);
    let batch = batch();
    db.store.commit(&Commit { lease_until: later, ..worker.step(&batch) }).await?;
    assert_eq!(db.store.next_due().await?, Some(later));
    assert_eq!(db.store.claim(None, "tester", until(), later).await?, None);
    Ok(())
}

async fn a_waiting_job_is_due_at_its_time(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let progress = Progress { requests: 3, phase: "wait".into(), ..Progress::default() };
    let later = NOW.plus_ms(5_000);
    db.store.put_back(&worker.lease, later, &progress).await?;
    let job = db.store.job(worker.lease.job).await?.context("no job")?;
    assert_eq!((job.state, job.not_before, &job.progress), (JobState::Waiting, later, &progress));
    assert_eq!(job.lease_until, None);
    assert_eq!(db.store.next_due().await?, Some(later));
    assert_eq!(db.store.claim(None, "tester", later.plus_ms(-1), until()).await?, None);
    let claimed = db.store.claim(Some(worker.account()), "tester", later, until()).await?.context("not due")?;
    assert_eq!((claimed.job.progress, claimed.lease.epoch), (progress, worker.lease.epoch + 1));
    Ok(())
}

async fn the_end_of_a_run_is_noted_at_its_account(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let id = account_id(1)?;
    let failure = JobFailure { code: "rate_limited".into(), what: "too often".into() };
    let hold = Hold { until: NOW.plus_ms(9_000), why: HoldReason::RateLimited };
    worker.commit(&Batch { hold: Some(hold), ..batch() }).await?;
    let end = JobEnd::Failed(failure.clone());
    db.store.finish(&worker.lease, &end, &worker.progress, NOW.plus_ms(1)).await?;
    let account = db.store.account(&id).await?.context("no account")?;
    assert_eq!((account.consecutive_failures, account.last_error), (1, Some(failure.clone())));
    assert!(account.last_sync_at.is_none() && account.hold.is_some());
    let job = db.store.job(worker.lease.job).await?.context("no job")?;
    assert_eq!((job.state, job.failure, job.finished_at), (JobState::Failed, Some(failure), Some(NOW.plus_ms(1))));
    let worker = Worker::new(&db.store, 1).await?;
    db.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW.plus_ms(7)).await?;
    let account = db.store.account(&id).await?.context("no account")?;
    assert_eq!((account.consecutive_failures, account.last_error, account.hold), (0, None, None));
    assert_eq!(account.last_sync_at, Some(NOW.plus_ms(7)));
    let states: Vec<JobState> = db.store.jobs(&id, 10).await?.into_iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Done, JobState::Failed]);
    assert_eq!(db.store.jobs(&id, 1).await?.len(), 1);
    assert_eq!(db.store.next_due().await?, None);
    Ok(())
}

async fn a_cancelled_job_stops(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    assert!(db.store.request_cancel(worker.lease.job, NOW).await?);
    assert!(worker.commit(&batch()).await?.cancel_requested);
    db.store.finish(&worker.lease, &JobEnd::Cancelled, &worker.progress, NOW).await?;
    assert!(!db.store.request_cancel(worker.lease.job, NOW).await?);
    let (queued, _) = db.store.enqueue_sync(&account_id(1)?, false, NOW).await?;
    assert!(db.store.request_cancel(queued.id, NOW).await?);
    let job = db.store.job(queued.id).await?.context("no job")?;
    assert_eq!((job.state, job.finished_at), (JobState::Cancelled, Some(NOW)));
    assert!(!db.store.request_cancel(9_999, NOW).await?);
    assert_eq!(db.store.job(9_999).await?, None);
    Ok(())
}

async fn idle_accounts_are_enqueued(db: &Database) -> anyhow::Result<()> {
    for number in 1..=3 {
        db.store.log_in(&login(number)?, NOW).await?;
    }
    db.store.set_paused(&account_id(3)?, true).await?;
    assert_eq!(db.store.enqueue_idle(NOW, NOW).await?, 2);
    assert_eq!(db.store.enqueue_idle(NOW, NOW).await?, 0);
    for _ in 0..2 {
        let claimed = db.store.claim(None, "tester", NOW, until()).await?.context("not due")?;
        db.store.finish(&claimed.lease, &JobEnd::Done, &claimed.job.progress, NOW).await?;
    }
    assert_eq!(db.store.enqueue_idle(NOW.plus_ms(-1), NOW).await?, 0);
    assert_eq!(db.store.enqueue_idle(NOW, NOW).await?, 2);
    Ok(())
}

async fn each_account_is_idle_by_itself(db: &Database) -> anyhow::Result<()> {
    // One is being synced, one ended just now, one by a clock that was ahead.
    Worker::new(&db.store, 1).await?;
    for (number, ended_at) in [(2, NOW), (3, NOW.plus_ms(1_000_000))] {
        let worker = Worker::new(&db.store, number).await?;
        db.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, ended_at).await?;
    }
    assert_eq!(db.store.enqueue_idle(NOW.plus_ms(-1), NOW).await?, 1);
    let newest = async |number: u32| anyhow::Ok(db.store.jobs(&account_id(number)?, 1).await?.remove(0));
    assert_eq!(newest(3).await?.state, JobState::Queued, "nobody knows when it really ended");
    assert_eq!((newest(2).await?.state, newest(1).await?.state), (JobState::Done, JobState::Running));
    Ok(())
}

async fn a_wait_ends_for_whoever_asks_and_for_nobody_else(db: &Database) -> anyhow::Result<()> {
    let later = NOW.plus_ms(1_000);
    let link = |name: &str| NewAttachment::link(&format!("https://media.licdn.com/dms/image/{name}?t=1"));
    let mut jobs = Vec::new();
    // Syncs of the first two wait, and so does what the others want to be fetched.
    for number in 1..=4 {
        let mut worker = Worker::new(&db.store, number).await?;
        if number > 2 {
            db.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?;
            db.store.want(worker.account(), &link("a"), false, NOW).await?;
            let claimed = db.store.claim(Some(worker.account()), "tester", NOW, until()).await?;
            worker.lease = claimed.context("the wish")?.lease;
        }
        db.store.put_back(&worker.lease, later, &worker.progress).await?;
        jobs.push(worker.lease.job);
    }
    let waits = async || {
        let mut told = Vec::new();
        for id in &jobs {
            told.push(db.store.job(*id).await?.context("a job")?.not_before);
        }
        anyhow::Ok(told)
    };
    db.store.want(&account_id(1)?, &link("b"), false, NOW.plus_ms(3)).await?;
    assert_eq!(waits().await?, [later; 4], "a sync waits on; the file comes with it");
    db.store.want(&account_id(3)?, &link("b"), false, NOW.plus_ms(3)).await?;
    assert_eq!(waits().await?, [later, later, NOW.plus_ms(3), later]);
    db.store.enqueue_sync(&account_id(1)?, true, NOW.plus_ms(4)).await?;
    assert_eq!(waits().await?, [NOW.plus_ms(4), later, NOW.plus_ms(3), later]);
    for job in [jobs[2], jobs[0]] {
        let claimed = db.store.claim(None, "next", NOW.plus_ms(5), until()).await?.context("it is due")?;
        assert_eq!(claimed.job.id, job);
        // Whoever asks now finds it running, which needs no hurry.
        db.store.enqueue_sync(&claimed.job.account, true, NOW.plus_ms(6)).await?;
        let again = db.store.claim(Some(&claimed.job.account), "another", NOW.plus_ms(7), until()).await?;
        assert_eq!(again, None);
    }
    Ok(())
}

async fn a_commit_keeps_what_was_counted(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let other = Worker::new(&db.store, 2).await?;
    let committed = worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?;
    assert_ne!(committed.progress, Progress::default());
    let kept = async |worker: &Worker| anyhow::Ok(db.store.job(worker.lease.job).await?.context("a job")?.progress);
    assert_eq!(kept(&worker).await?, committed.progress);
    assert_eq!(kept(&other).await?, Progress::default());
    Ok(())
}

async fn fetching_media_is_no_sync(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let account = worker.account().clone();
    db.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?;
    let wanted = NewAttachment::link("https://media.licdn.com/dms/image/x?t=1");
    db.store.want(&account, &wanted, false, NOW).await?;
    let claimed = db.store.claim(None, "tester", NOW, until()).await?.context("the wish")?;
    let later = NOW.plus_ms(100);
    db.store.finish(&claimed.lease, &JobEnd::MediaDone, &claimed.job.progress, later).await?;
    assert_eq!(db.store.enqueue_idle(NOW.plus_ms(50), later).await?, 1, "the last sync is long ago");
    Ok(())
}

async fn forcing_gives_set_aside_conversations_one_more_try(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let due = worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?.due;
    let mut track = due.context("nothing due")?;
    track.detail.completeness = Completeness::SetAside;
    track.detail.attempts = CONVERSATION_ATTEMPTS_MAX;
    assert_eq!(worker.commit(&Batch { track: Some(track), ..batch() }).await?.due, None);
    assert_eq!(db.store.overview(worker.account()).await?.set_aside, 1);
    db.store.enqueue_sync(worker.account(), false, NOW).await?;
    assert_eq!(db.store.work_state(&worker.lease).await?.due, None);
    db.store.enqueue_sync(worker.account(), true, NOW).await?;
    let due = db.store.work_state(&worker.lease).await?.due.context("nothing due")?;
    assert_eq!(due.detail.attempts, CONVERSATION_ATTEMPTS_MAX - 1);
    assert_eq!((due.detail.completeness, due.due_rank()), (Completeness::Listed, Some(2)));
    Ok(())
}

async fn an_unknown_account_gets_no_job(db: &Database) -> anyhow::Result<()> {
    assert!(db.store.enqueue_sync(&account_id(1)?, true, NOW).await.is_err());
    assert_eq!(db.count("SELECT COUNT(*) FROM jobs").await?, 0);
    db.store.log_in(&login(1)?, NOW).await?;
    assert!(!db.store.enqueue_sync(&account_id(1)?, true, NOW).await?.1);
    Ok(())
}

async fn old_jobs_are_forgotten(db: &Database) -> anyhow::Result<()> {
    for _ in 0..205 {
        let worker = Worker::new(&db.store, 1).await?;
        db.store.finish(&worker.lease, &JobEnd::Cancelled, &worker.progress, NOW).await?;
    }
    assert_eq!(db.count("SELECT COUNT(*) FROM jobs").await?, 200);
    Ok(())
}

async fn the_lease_of_a_process_that_is_gone_ends_at_once(db: &Database) -> anyhow::Result<()> {
    Worker::new(&db.store, 1).await?;
    assert_eq!(db.store.release("somebody else", NOW).await?, 0);
    assert_eq!(db.store.claim(None, "next", NOW, until()).await?, None);
    assert_eq!(db.store.release("tester", NOW).await?, 1);
    assert!(db.store.claim(None, "next", NOW, until()).await?.is_some());
    assert_eq!(db.store.release("tester", NOW).await?, 0, "it is the next one's now");
    let waiting = Worker::new(&db.store, 2).await?;
    db.store.put_back(&waiting.lease, NOW.plus_ms(9), &waiting.progress).await?;
    assert_eq!(db.store.release("tester", NOW).await?, 0);
    assert_eq!(db.store.claim(None, "next", NOW, until()).await?, None, "what waits waits on");
    Ok(())
}
