//! How long the work of a dead node lies: from `kill -9` of one of three `serve` processes on one PostgreSQL to the first
//! request for each account that it held, sent by another one.
//!
//! The nodes have a data directory each, so that they take each other for other machines and a lease has to run out. The
//! figure is printed beside the lease; it is at best the lease less what had passed of it, and never fails a test.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use anyhow::{Context, Result};
use threadkeep::clock::{Clock as _, SystemClock};

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/harness.rs"]
mod harness;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/nodes_cluster.rs"]
mod nodes_cluster;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/pg.rs"]
mod pg;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/store_database.rs"]
mod store_database;

use nodes_cluster::{Cluster, Member, Node, until, world};

/// Kills unless told otherwise.
const KILLS: u64 = 40;
/// Lease unless told otherwise.
const LEASE_MS: i64 = 2_000;
/// As many accounts as two nodes have workers: when one of three dies, the others have room for its work.
const ACCOUNTS: usize = 8;
/// An answer of LinkedIn takes about this long, so that every worker is always at work.
const ANSWER_MS: u64 = 700;
/// The bar: this much more than the lease.
const BAR_MS: i64 = 2_000;

fn main() -> Result<()> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let kills = numbers.first().copied().unwrap_or(KILLS);
    let lease_ms = numbers.get(1).copied().map_or(Ok(LEASE_MS), i64::try_from)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut taken = runtime.block_on(measure(kills, lease_ms))?;
    taken.sort_unstable();
    let at = |part: usize| taken.get((taken.len() * part / 100).min(taken.len() - 1)).copied().unwrap_or_default();
    let (half, most, worst) = (at(50), at(99), at(100));
    println!(
        "takeover: p50 {half} ms, p99 {most} ms, max {worst} ms after the death of a node ({} accounts in {kills} kills; \
         lease {lease_ms} ms; bar for p99: {} ms)",
        taken.len(),
        lease_ms + BAR_MS
    );
    Ok(())
}

/// For each account of each killed node, how long it was left alone, in milliseconds.
async fn measure(kills: u64, lease_ms: i64) -> Result<Vec<i64>> {
    // A page for each answer of the whole run, and some more.
    let span_ms = kills * (lease_ms.unsigned_abs() * 3 / 2 + 2_000);
    let conversations = usize::try_from(span_ms / ANSWER_MS + 50)?;
    let started = Cluster::start("takeover", world(ACCOUNTS, conversations, 3), lease_ms).await?;
    let cluster = started.context("there is no PostgreSQL: install its server programs")?;
    cluster.slow_down(ANSWER_MS - 100, ANSWER_MS + 100)?;
    cluster.ask_for_syncs().await?;
    let mut nodes = vec![cluster.node("a").await?, cluster.node("b").await?, cluster.node("c").await?];
    let mut taken = Vec::new();
    for kill in 0..kills {
        until("all accounts are held", async || Ok(held(&cluster, &nodes).await? >= i64::try_from(ACCOUNTS)?)).await?;
        // Somewhere between two answers, not always at the same place.
        SystemClock.pass(i64::try_from(kill * 137 % ANSWER_MS)?).await;
        let mut victim = 0;
        while cluster.held_by(&nodes[victim]).await? == 0 {
            victim = (victim + 1) % nodes.len();
        }
        let orphans = held_accounts(&cluster, &nodes[victim]).await?;
        let killed_at = SystemClock.now().0;
        nodes.remove(victim).kill()?;
        nodes.push(cluster.node("n").await?);
        for orphan in &orphans {
            let mut asked_at = None;
            until("somebody goes on", async || {
                asked_at = asked_after(&cluster, orphan, killed_at)?;
                Ok(asked_at.is_some())
            })
            .await?;
            taken.push(asked_at.context("a request")? - killed_at);
        }
    }
    cluster.finish(nodes).await?;
    Ok(taken)
}

async fn held(cluster: &Cluster, nodes: &[Node]) -> Result<i64> {
    let mut all = 0;
    for node in nodes {
        all += cluster.held_by(node).await?;
    }
    Ok(all)
}

async fn held_accounts<'a>(cluster: &'a Cluster, node: &Node) -> Result<Vec<&'a Member>> {
    let mut held = Vec::new();
    for member in &cluster.accounts {
        let text = format!(
            "SELECT COUNT(*) FROM jobs j JOIN test_grants g ON g.job = j.id AND g.epoch = j.epoch \
             JOIN accounts a ON a.pk = j.account_pk \
             WHERE j.state = 'running' AND g.node = '{}' AND a.id = '{}'",
            node.name, member.id
        );
        if cluster.database.count(&text).await? > 0 {
            held.push(member);
        }
    }
    Ok(held)
}

/// When the first request for an account came after a time.
fn asked_after(cluster: &Cluster, member: &Member, after_ms: i64) -> Result<Option<i64>> {
    let simulator = cluster.story.linkedin.simulator()?;
    let is_its = |account: &Option<String>| account.as_ref().is_some_and(|urn| urn.ends_with(&member.owner));
    let mut later = simulator.ledger().lines().filter(|line| line.at_ms > after_ms && is_its(&line.account));
    Ok(later.next().map(|line| line.at_ms))
}
