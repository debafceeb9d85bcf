//! Several nodes on one database share the work: each account is asked by one at a time, a stop hands over at once, and
//! what is wrong with one account is nobody else's business.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use threadkeep::verbs::keys::{self, NewKey, Scope};
use threadkeep_sim::switches::DeadForm;

use crate::nodes_cluster::{Cluster, Node, until, world};

/// A lease that nobody who is alive loses, however busy the machine is.
const LEASE_MS: i64 = 60_000;
/// Accounts: as many as three nodes have workers.
const ACCOUNTS: usize = 12;

async fn share_the_work(test: &str, count: usize) -> Result<()> {
    let Some(cluster) = Cluster::start(test, world(ACCOUNTS, 8, 31), LEASE_MS).await? else { return Ok(()) };
    cluster.ask_for_syncs().await?;
    // Nobody is done before everybody has begun, also on a machine where a node takes long to start.
    cluster.slow_down(2_000, 2_200)?;
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"].iter().take(count) {
        nodes.push(cluster.node(name).await?);
    }
    let wanted = i64::try_from(count)?;
    until("every node works", async || Ok(cluster.nodes_that_worked().await? == wanted)).await?;
    cluster.slow_down(1, 3)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    ensure!(cluster.most_in_flight()? == 1, "{} requests of one account at once", cluster.most_in_flight()?);
    let taken = cluster.taken().await?;
    ensure!(taken == 0, "{taken} jobs were taken from somebody who was alive");
    cluster.finish(nodes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_the_work_and_ask_for_each_account_one_at_a_time() -> Result<()> {
    share_the_work("two_nodes_share_the_work", 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_share_the_work_and_ask_for_each_account_one_at_a_time() -> Result<()> {
    share_the_work("three_nodes_share_the_work", 3).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_hands_over_without_waiting_for_a_lease() -> Result<()> {
    // Whoever waited for a lease would wait longer than this test waits for anything.
    const LEASE_MS: i64 = 600_000;
    let Some(cluster) = Cluster::start("a_rolling_restart", world(6, 25, 32), LEASE_MS).await? else { return Ok(()) };
    cluster.ask_for_syncs().await?;
    cluster.slow_down(20, 40)?;
    let mut nodes = vec![cluster.node("a").await?, cluster.node("b").await?];
    let mut handed_over = 0;
    for round in 0..4 {
        let mut old = nodes.remove(0);
        until("it works", async || Ok(cluster.held_by(&old).await? > 0)).await?;
        old.signal("TERM")?;
        let status = old.ended().await?;
        ensure!(status.code() == Some(0), "round {round}: {status}: {}", old.told());
        ensure!(cluster.held_by(&old).await? == 0, "it went with a job: {}", old.told());
        handed_over += cluster.grants_of(&old).await?;
        nodes.push(cluster.node("n").await?);
    }
    cluster.slow_down(1, 2)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    ensure!(cluster.most_in_flight()? == 1, "{} requests of one account at once", cluster.most_in_flight()?);
    ensure!(handed_over > 0, "nobody worked before a restart");
    cluster.finish(nodes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_in_trouble_stops_nobody_else_on_any_node() -> Result<()> {
    let Some(cluster) = Cluster::start("an_account_in_trouble", world(5, 10, 33), LEASE_MS).await? else {
        return Ok(());
    };
    let poisoned = &cluster.accounts[2];
    cluster.story.linkedin.simulator()?.kill_sessions(&poisoned.owner, DeadForm::RevokedRedirect);
    cluster.ask_for_syncs().await?;
    let nodes = vec![cluster.node("a").await?, cluster.node("b").await?];
    cluster.settle().await?;
    for member in cluster.accounts.iter().filter(|member| member.owner != poisoned.owner) {
        cluster.assert_equal(member).await?;
    }
    let stopped = "SELECT COUNT(*) FROM accounts WHERE health = 'needs_login'";
    ensure!(cluster.database.count(stopped).await? == 1, "only the one whose session died needs a login");
    let asked = {
        let simulator = cluster.story.linkedin.simulator()?;
        let is_its = |account: &Option<String>| account.as_ref().is_some_and(|urn| urn.ends_with(&poisoned.owner));
        simulator.ledger().lines().filter(|line| is_its(&line.account) && line.status != 200).count()
    };
    ensure!((1..=2).contains(&asked), "a dead session was asked {asked} times");
    cluster.finish(nodes).await
}

/// Reads from a node until told to stop; gives the number of answers, all of which were good.
async fn read_all_the_time(node: &Node, key: &str, is_over: &AtomicBool) -> Result<u32> {
    let mut answers = 0;
    while !is_over.load(Ordering::SeqCst) {
        for path in ["/conversations?limit=20", "/accounts", "/health"] {
            let (status, body) = node.get(path, Some(key)).await?;
            ensure!(status == 200, "{path}: {status} {body}");
            answers += 1;
        }
    }
    Ok(answers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_are_answered_while_every_node_takes_in() -> Result<()> {
    let Some(cluster) = Cluster::start("readers_are_answered", world(6, 20, 34), LEASE_MS).await? else {
        return Ok(());
    };
    let wanted = NewKey { scopes: vec![Scope::Read], accounts: None, label: None };
    let key = keys::create(&cluster.story.app, &threadkeep::store::Actor::Setup, wanted).await?.0;
    cluster.slow_down(1, 2)?;
    cluster.ask_for_syncs().await?;
    let nodes = vec![cluster.node("a").await?, cluster.node("b").await?];
    let is_over = AtomicBool::new(false);
    let reading = async {
        let (one, other) =
            tokio::join!(read_all_the_time(&nodes[0], &key, &is_over), read_all_the_time(&nodes[1], &key, &is_over));
        anyhow::Ok((one?, other?))
    };
    let settling = async {
        let settled = cluster.settle().await;
        is_over.store(true, Ordering::SeqCst);
        settled
    };
    let (answers, settled) = tokio::join!(reading, settling);
    settled?;
    let (one, other) = answers?;
    ensure!(one > 0 && other > 0, "nobody read");
    cluster.assert_converged().await?;
    cluster.finish(nodes).await
}
