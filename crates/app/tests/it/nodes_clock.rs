//! Nodes whose clocks are hours apart, and clocks that are set while a node works: no lease is stolen from who is alive,
//! none is kept for who is dead, and nothing is put off.
//!
//! The clock of a real process is moved by a small library that is loaded before the system's and answers its question
//! for the time of day; nothing in the program knows of it. Without a C compiler or on another system the tests say that
//! they are skipped.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::nodes_cluster::{Cluster, Node, until, world};

/// A lease that nobody who is alive loses, however busy the machine is.
const LONG_LEASE_MS: i64 = 60_000;
const SHORT_LEASE_MS: i64 = 2_000;
const HOUR_S: i64 = 3_600;
/// As much as a clock that was asked of the database may be wrong on a busy machine.
const CLOCK_ERROR_MS: i64 = 2_000;
/// Longer than any wait of these tests, and less than any clock here is set by.
const WAIT_MAX_MS: i64 = 1_800_000;
/// Answers for the time of day with as many seconds more as the file says, whose pages are shared with the test.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static volatile const long long *shift;
__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("TEST_CLOCK_FILE"), O_RDONLY);
    void *page = mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) shift = page;
    close(file);
}
int clock_gettime(clockid_t which, struct timespec *time) {
    int failed = (int)syscall(SYS_clock_gettime, which, time);
    if (!failed && which == CLOCK_REALTIME && shift) time->tv_sec += *shift;
    return failed;
}
"#;

/// Clocks that a test can set.
struct Clocks {
    folder: tempfile::TempDir,
    shim: PathBuf,
}

impl Clocks {
    fn make(test: &str) -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let (source, shim) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
        std::fs::write(&source, SHIM)?;
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&shim, &source]).output();
        if cfg!(all(target_os = "linux", target_env = "gnu")) && built.is_ok_and(|output| output.status.success()) {
            return Ok(Some(Self { folder, shim }));
        }
        writeln!(std::io::stderr(), "SKIPPED {test}: the clock of a process cannot be moved here")?;
        Ok(None)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets a clock this many seconds off.
    fn set(&self, name: &str, seconds: i64) -> Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(self.file(name))?;
        Ok(file.write_all(&seconds.to_ne_bytes())?)
    }

    /// A node with a clock of its own.
    async fn node(&self, cluster: &Cluster, name: &str, seconds: i64) -> Result<Node> {
        self.set(name, seconds)?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path");
        let (shim, file) = (text(&self.shim)?, text(&self.file(name))?);
        let node =
            cluster.node_with(name, &[("LD_PRELOAD", shim.as_str()), ("TEST_CLOCK_FILE", file.as_str())]).await?;
        Ok(node)
    }
}

/// Fails if a lease, a wait or a time of a job is one that only a wrong clock gives.
async fn assert_no_odd_times(cluster: &Cluster) -> Result<()> {
    for (what, condition) in [
        ("a lease", format!("state = 'running' AND due_at > test_now_ms() + {}", LONG_LEASE_MS + CLOCK_ERROR_MS)),
        ("a wait", format!("due_at > test_now_ms() + {WAIT_MAX_MS}")),
        ("a beginning", format!("created_at > test_now_ms() + {CLOCK_ERROR_MS}")),
        ("an end", format!("finished_at < created_at - {CLOCK_ERROR_MS}")),
    ] {
        let found = cluster.database.count(&format!("SELECT COUNT(*) FROM jobs WHERE {condition}")).await?;
        ensure!(found == 0, "{what} was written with a time that nobody shares");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_clocks_are_hours_apart_steal_no_live_lease() -> Result<()> {
    let test = "nodes_whose_clocks_are_hours_apart";
    let Some(clocks) = Clocks::make(test)? else { return Ok(()) };
    let Some(cluster) = Cluster::start(test, world(8, 8, 51), LONG_LEASE_MS).await? else { return Ok(()) };
    // So slow that nobody is done before the others have looked many times.
    cluster.slow_down(1_500, 1_600)?;
    cluster.ask_for_syncs().await?;
    let behind = clocks.node(&cluster, "behind", -3 * HOUR_S).await?;
    until("it works", async || Ok(cluster.held_by(&behind).await? == 4)).await?;
    let ahead = clocks.node(&cluster, "ahead", 3 * HOUR_S).await?;
    until("both work", async || Ok(cluster.held_by(&ahead).await? == 4)).await?;
    let nodes = vec![behind, ahead, clocks.node(&cluster, "far", 48 * HOUR_S).await?];
    let before = cluster.story.linkedin.requests()?;
    until("much was asked", async || Ok(cluster.story.linkedin.requests()? >= before + 30)).await?;
    assert_no_odd_times(&cluster).await?;
    cluster.slow_down(0, 2)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    assert_no_odd_times(&cluster).await?;
    ensure!(cluster.taken().await? == 0, "a live lease was stolen");
    ensure!(cluster.most_in_flight()? == 1, "two asked at once");
    cluster.finish(nodes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_clocks_are_hours_apart_keep_no_lease_of_the_dead() -> Result<()> {
    let test = "nodes_whose_clocks_keep_no_lease";
    let Some(clocks) = Clocks::make(test)? else { return Ok(()) };
    let Some(cluster) = Cluster::start(test, world(4, 20, 53), SHORT_LEASE_MS).await? else { return Ok(()) };
    cluster.slow_down(200, 300)?;
    cluster.ask_for_syncs().await?;
    let ahead = clocks.node(&cluster, "ahead", 3 * HOUR_S).await?;
    until("it works", async || Ok(cluster.held_by(&ahead).await? == 4)).await?;
    ahead.kill()?;
    // Its leases end when the time that all share says so, also for one who takes it for hours earlier.
    let behind = clocks.node(&cluster, "behind", -3 * HOUR_S).await?;
    until("the dead one's work is taken", async || Ok(cluster.held_by(&behind).await? == 4)).await?;
    behind.signal("STOP")?;
    let late = clocks.node(&cluster, "late", -5 * HOUR_S).await?;
    until("the paused one's work is taken", async || Ok(cluster.held_by(&late).await? == 4)).await?;
    behind.signal("CONT")?;
    cluster.slow_down(0, 2)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    cluster.assert_nothing_stale().await?;
    cluster.finish(vec![behind, late]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_while_a_node_works_changes_nothing() -> Result<()> {
    let test = "a_clock_that_is_set";
    let Some(clocks) = Clocks::make(test)? else { return Ok(()) };
    let Some(cluster) = Cluster::start(test, world(6, 12, 52), LONG_LEASE_MS).await? else { return Ok(()) };
    let began_ms = cluster.database.count("SELECT test_now_ms()").await?;
    cluster.slow_down(30, 50)?;
    cluster.ask_for_syncs().await?;
    let nodes = vec![clocks.node(&cluster, "one", 0).await?, clocks.node(&cluster, "other", 0).await?];
    for seconds in [-HOUR_S, 87_600 * HOUR_S, -87_600 * HOUR_S, 0] {
        clocks.set("one", seconds)?;
        clocks.set("other", -seconds)?;
        let before = cluster.story.linkedin.requests()?;
        let open = "SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running', 'waiting')";
        until("the work goes on", async || {
            Ok(cluster.story.linkedin.requests()? > before + 10 || cluster.database.count(open).await? == 0)
        })
        .await?;
        assert_no_odd_times(&cluster).await?;
    }
    cluster.slow_down(0, 2)?;
    cluster.settle().await?;
    cluster.assert_converged().await?;
    ensure!(cluster.taken().await? == 0, "a live lease was stolen");
    let off = format!(
        "SELECT COUNT(*) FROM accounts WHERE last_sync_at NOT BETWEEN {} AND test_now_ms() + {CLOCK_ERROR_MS}",
        began_ms - CLOCK_ERROR_MS
    );
    ensure!(cluster.database.count(&off).await? == 0, "an account was synced at a time that nobody shares");
    cluster.finish(nodes).await
}
