//! Nodes that are killed and paused at any moment: nothing is lost, nothing is there twice, and who was away for longer
//! than its lease writes nothing any more.
//!
//! `THREADKEEP_TEST_SEED=N` plays a run's choices again; the seed is printed at the start and with a failure.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use threadkeep::clock::{Clock as _, SystemClock};
use threadkeep_sim::Purpose;

use crate::nodes_cluster::{Cluster, Node, until, world};
use crate::pg;

const LEASE_MS: i64 = 2_000;
/// What is done to nodes in a run.
const BLOWS: usize = 10;

/// The choices of a run.
struct Dice(u64);

impl Dice {
    /// The seed that was asked for, or another one each time.
    fn cast() -> Result<Self> {
        let seed = match pg::environment("THREADKEEP_TEST_SEED") {
            Some(text) => text.parse().context("THREADKEEP_TEST_SEED")?,
            None => SystemClock.now().0.unsigned_abs(),
        };
        println!("THREADKEEP_TEST_SEED={seed}");
        Ok(Self(seed))
    }

    fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What happens to a node.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Killed,
    PausedBriefly,
    PausedForLong,
}

/// Lets a moment of the sync go by.
async fn a_moment(ms: u64) {
    let until_ms = SystemClock.passed_ms().saturating_add_unsigned(ms);
    while SystemClock.passed_ms() < until_ms {
        SystemClock.pass(until_ms - SystemClock.passed_ms()).await;
    }
}

/// Strikes one of the nodes, and makes it whole again.
async fn strike(cluster: &Cluster, nodes: &mut Vec<Node>, which: usize, blow: Blow, dice: &mut Dice) -> Result<()> {
    let lease_ms = LEASE_MS.unsigned_abs();
    match blow {
        Blow::Killed => {
            nodes.remove(which).kill()?;
            a_moment(dice.below(lease_ms)).await;
            nodes.push(cluster.node("n").await?);
        }
        Blow::PausedBriefly => {
            nodes[which].signal("STOP")?;
            a_moment(dice.below(lease_ms / 2)).await;
            nodes[which].signal("CONT")?;
        }
        Blow::PausedForLong => {
            nodes[which].signal("STOP")?;
            a_moment(lease_ms * 5 / 4 + dice.below(lease_ms / 2)).await;
            nodes[which].signal("CONT")?;
        }
    }
    Ok(())
}

async fn run_under_blows(cluster: &Cluster, dice: &mut Dice) -> Result<()> {
    let mut nodes = vec![cluster.node("a").await?, cluster.node("b").await?, cluster.node("c").await?];
    cluster.slow_down(5, 30)?;
    cluster.ask_for_syncs().await?;
    for number in 0..BLOWS {
        let blow = [Blow::Killed, Blow::PausedBriefly, Blow::PausedForLong][usize::try_from(dice.below(3))?];
        let which = usize::try_from(dice.below(3))?;
        strike(cluster, &mut nodes, which, blow, dice).await?;
        let verb = json!({"verb": "random", "seed": dice.below(1 << 20), "count": 3});
        cluster.story.mutate(verb)?;
        a_moment(dice.below(120)).await;
        if number % 4 == 3 {
            // There is always something going on.
            cluster.ask_for_syncs().await?;
        }
    }
    cluster.slow_down(0, 2)?;
    cluster.settle().await?;
    cluster.ask_for_syncs().await?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    // One request may have been on its way out when its node was stopped.
    let most = cluster.most_in_flight()?;
    ensure!(most <= 2, "{most} requests of one account at once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kills_and_pauses_at_any_moment_nothing_is_lost_or_doubled_or_stale() -> Result<()> {
    let Some(cluster) = Cluster::start("after_kills_and_pauses", world(5, 30, 41), LEASE_MS).await? else {
        return Ok(());
    };
    let mut dice = Dice::cast()?;
    let seed = dice.0;
    run_under_blows(&cluster, &mut dice).await.with_context(|| format!("THREADKEEP_TEST_SEED={seed}"))?;
    cluster.finish(Vec::new()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_paused_for_longer_than_its_lease_finds_out_and_writes_nothing() -> Result<()> {
    let Some(cluster) = Cluster::start("a_paused_node", world(1, 20, 42), LEASE_MS).await? else { return Ok(()) };
    cluster.slow_down(300, 300)?;
    let one = cluster.node("a").await?;
    cluster.ask_for_syncs().await?;
    let is_page = |line: &&threadkeep_sim::LedgerLine| line.purpose == Purpose::Messages;
    let pages = || anyhow::Ok(cluster.story.linkedin.simulator()?.ledger().lines().filter(is_page).count());
    until("a page is on its way", async || Ok(pages()? >= 3)).await?;
    one.signal("STOP")?;
    let asked_before = cluster.story.linkedin.requests()?;
    let writes = format!("SELECT COUNT(*) FROM test_writes WHERE node = '{}'", one.name);
    let written_before = cluster.database.count(&writes).await?;
    let other = cluster.node("b").await?;
    until("the other one has the job", async || Ok(cluster.held_by(&other).await? == 1)).await?;
    let page = cluster.story.linkedin.requests()?;
    until("the other one goes on", async || Ok(cluster.story.linkedin.requests()? > page + 1)).await?;
    one.signal("CONT")?;
    until("it has found out", async || Ok(one.told().contains("the lease of a job was lost"))).await?;
    cluster.slow_down(0, 1)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    let grants = cluster.database.count("SELECT COUNT(*) FROM test_grants").await?;
    if cluster.grants_of(&one).await? == 1 {
        ensure!(cluster.database.count(&writes).await? == written_before, "it wrote after it was paused");
    }
    let (asked, least) = (cluster.story.linkedin.requests()?, cluster.story.linkedin.least_requests()?);
    ensure!(asked_before < least, "it was paused too late to tell");
    // The page that was on its way was asked for again, and nothing else. On a very busy machine the job may have
    // changed hands once more.
    let most = least + u64::try_from(grants - 1)?;
    ensure!((least..=most).contains(&asked), "{asked} requests for {grants} grants, where {least} would do alone");
    ensure!(cluster.most_in_flight()? == 1, "both asked at once");
    cluster.finish(vec![one, other]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_takes_longer_than_a_lease_does_not_lose_it() -> Result<()> {
    // Long enough for a machine that has much else to do.
    const LEASE_MS: i64 = 4_000;
    let Some(cluster) = Cluster::start("an_answer_that_takes_long", world(1, 1, 43), LEASE_MS).await? else {
        return Ok(());
    };
    cluster.slow_down(9_000, 9_000)?;
    cluster.ask_for_syncs().await?;
    let nodes = vec![cluster.node("a").await?, cluster.node("b").await?];
    until("a request was sent", async || Ok(cluster.story.linkedin.requests()? >= 1)).await?;
    cluster.slow_down(0, 0)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    let taken = cluster.database.count("SELECT COUNT(*) FROM test_grants WHERE epoch > 1").await?;
    ensure!(taken == 0, "the job was taken from a node that was waiting for LinkedIn");
    ensure!(
        cluster.story.linkedin.requests()? == cluster.story.linkedin.least_requests()?,
        "something was asked twice"
    );
    ensure!(cluster.most_in_flight()? == 1, "both asked at once");
    cluster.finish(nodes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_dead_node_is_taken_over() -> Result<()> {
    let Some(cluster) = Cluster::start("the_work_of_a_dead_node", world(4, 20, 44), LEASE_MS).await? else {
        return Ok(());
    };
    cluster.slow_down(40, 60)?;
    cluster.ask_for_syncs().await?;
    let one = cluster.node("a").await?;
    until("it has work", async || Ok(cluster.held_by(&one).await? == 4)).await?;
    let other = cluster.node("b").await?;
    one.kill()?;
    until("the other one has all of it", async || Ok(cluster.held_by(&other).await? == 4)).await?;
    cluster.slow_down(0, 1)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    cluster.finish(vec![other]).await
}
