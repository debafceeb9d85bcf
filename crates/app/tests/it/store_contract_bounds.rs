//! The contract of what is kept only so long: the oldest goes first, and nothing of another kind, account or key.

use anyhow::{Context, Result};
use threadkeep::store::{BegunImport, Commit, JobEnd};
use threadkeep_core::page::Oddity;
use threadkeep_core::sync::Batch;

use crate::store_database::Database;
use crate::store_fixture::{LEASE_MS, NOW, Worker, account_id, batch};

crate::on_both_databases!(
    old_runs_go_by_kind_and_account,
    the_oldest_oddities_of_an_account_go_first,
    imports_that_brought_something_stay,
);

/// Runs that are kept of each kind.
const RUNS: i64 = 200;
/// Oddities that are kept of an account.
const ODDITIES: i64 = 1_000;

async fn cancelled(db: &Database, number: u32) -> Result<i64> {
    let worker = Worker::new(&db.store, number).await?;
    db.store.finish(&worker.lease, &JobEnd::Cancelled, &worker.progress, NOW).await?;
    Ok(worker.lease.job)
}

async fn old_runs_go_by_kind_and_account(db: &Database) -> Result<()> {
    let foreign = cancelled(db, 2).await?;
    let fetching = cancelled(db, 1).await?;
    db.raw(&format!("UPDATE jobs SET media_only = 1 WHERE id = {fetching}")).await?;
    let first = cancelled(db, 1).await?;
    let copies = |of: i64, count: i64| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO jobs \
             (account_pk, kind, state, is_forced, media_only, due_at, not_before, created_at, finished_at, progress) \
             SELECT j.account_pk, j.kind, j.state, j.is_forced, j.media_only, j.due_at, j.not_before, j.created_at, \
             j.finished_at, j.progress FROM n, jobs j WHERE j.id = {of}"
        )
    };
    db.raw(&copies(first, RUNS - 1)).await?;
    // Newer runs of other kinds and accounts take nobody's place.
    db.raw(&copies(foreign, 50)).await?;
    db.raw(&copies(fetching, 50)).await?;
    let newest = cancelled(db, 1).await?;
    let of = async |which: &str| db.count(&format!("SELECT COUNT(*) FROM jobs WHERE {which}")).await;
    assert_eq!(of(&format!("id = {first}")).await?, 0, "the oldest of its kind");
    assert_eq!(of(&format!("id IN ({foreign}, {fetching}, {newest})")).await?, 3);
    assert_eq!(db.store.jobs(&account_id(1)?, 1_000).await?.len(), usize::try_from(RUNS)?);
    assert_eq!(of("media_only = 1").await?, 51);
    assert_eq!(db.store.jobs(&account_id(2)?, 1_000).await?.len(), 51);
    Ok(())
}

async fn the_oldest_oddities_of_an_account_go_first(db: &Database) -> Result<()> {
    let odd = |number: i64| Oddity { conversation: None, what: "no id".into(), raw: format!("{{\"n\":{number}}}") };
    let page = |numbers: Vec<i64>| Batch { oddities: numbers.into_iter().map(odd).collect(), ..batch() };
    let mut foreign = Worker::new(&db.store, 2).await?;
    foreign.commit(&page((0..20).collect())).await?;
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&page((0..10).collect())).await?;
    // The first one comes again, and with it so many that five are too many.
    let later = page(std::iter::once(0).chain(10..ODDITIES + 5).collect());
    db.store.commit(&Commit { now: NOW.plus_ms(5), ..worker.step(&later) }).await?;
    let kept = async |number: u32, which: &str| {
        let own = format!("(SELECT a.pk FROM accounts a WHERE a.id = '{}')", account_id(number)?);
        db.count(&format!("SELECT COUNT(*) FROM oddities WHERE account_pk = {own} AND {which}")).await
    };
    assert_eq!(kept(1, "1 = 1").await?, ODDITIES);
    assert_eq!(kept(1, &format!("last_seen_at = {}", NOW.0 + 5)).await?, ODDITIES - 4, "what came last is here");
    assert_eq!(kept(1, &format!("last_seen_at = {} AND times = 2 AND first_seen_at = {}", NOW.0 + 5, NOW.0)).await?, 1);
    assert_eq!(kept(2, "1 = 1").await?, 20, "another account has its own");
    Ok(())
}

async fn imports_that_brought_something_stay(db: &Database) -> Result<()> {
    let begun = BegunImport { asked_by: "tester", owner: "somebody", now: NOW, lease_until: NOW.plus_ms(LEASE_MS) };
    let failed = db.store.begin_import(&begun).await?;
    let done = db.store.begin_import(&begun).await?;
    db.raw(&format!("UPDATE imports SET state = 'failed' WHERE id = {failed}")).await?;
    db.raw(&format!("UPDATE imports SET state = 'done' WHERE id = {done}")).await?;
    let copies = |of: i64, count: u32| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             INSERT INTO imports (state, created_at) SELECT x.state, x.created_at FROM n, imports x WHERE x.id = {of}"
        )
    };
    // Those that have brought something are not counted among the others, and do not go themselves.
    db.raw(&copies(done, 300)).await?;
    db.store.begin_import(&begun).await?;
    let is_here = async |id: i64| anyhow::Ok(db.store.import_job(id).await?.is_some());
    assert!(is_here(failed).await? && is_here(done).await?);
    db.raw(&copies(failed, 250)).await?;
    db.store.begin_import(&begun).await?;
    assert!(!is_here(failed).await? && is_here(done).await?);
    let newest = db.store.newest_import().await?.context("the newest")?;
    assert_eq!(newest.created_at, NOW);
    Ok(())
}
