//! The connection to PostgreSQL is cut before and after each COMMIT, and the server is restarted (invariant I22).
//!
//! After a cut nobody knows whether the transaction was committed. Nothing may be lost then, and no event may be there
//! twice or be missing.

use std::net::ToSocketAddrs as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use threadkeep::clock::{Clock, SystemClock};
use threadkeep::store::{OpenOptions, open};
use threadkeep_core::time::Timestamp;
use threadkeep_sim::{GenerateOptions, World};

use crate::dose::Dose;
use crate::harness::Harness;
use crate::pg;
use crate::proxy::{Cut, Proxy};
use crate::store_database::Database;

const NOW_MS: i64 = 1_790_000_000_000;
/// One of so many points is tried in an ordinary test run.
const EVERY: u64 = 6;
/// Runs that a cut or a restart may take.
const RUNS_MAX: u32 = 60;
/// How long one of them is waited for.
const RUN_MS: i64 = 4_000;
/// Looks at the proxy before a run is taken for stuck.
const LOOKS_MAX: u32 = 50_000_000;
/// The lease of a run whose claim was cut off runs out after this long.
const LEASE_MS: i64 = 100;
/// Mirrored tables; their rows must be the same however often the connection was cut.
const MIRRORED: [&str; 6] =
    ["people", "conversations", "conversation_categories", "conversation_people", "messages", "attachments"];

/// The machine's clock, with short naps: what waits is tried again at once.
struct Brisk;

#[async_trait::async_trait]
impl Clock for Brisk {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    async fn nap_until(&self, until: Timestamp) {
        SystemClock.nap_until(until.min(self.now().plus_ms(2))).await;
    }
}

/// A story whose program speaks to the database through a proxy.
struct Story {
    database: Database,
    story: Harness,
    proxy: Proxy,
}

/// What a database holds, as numbers.
#[derive(Debug, PartialEq, Eq)]
struct Sums {
    rows: Vec<i64>,
    events: i64,
    events_sum: i64,
}

impl Story {
    async fn begin(server: &str) -> Result<Self> {
        let database = Database::on_server(server).await?;
        let options = GenerateOptions { seed: 41, conversations: 4, messages_mean: 5.0, ..GenerateOptions::at(NOW_MS) };
        let mut story = Harness::connect(&database, World::generate(&options)).await?;
        let mut url = url::Url::parse(&database.url)?;
        let behind = (url.host_str().context("a host")?, url.port().unwrap_or(5432)).to_socket_addrs()?.next();
        let proxy = Proxy::before(behind.context("an address")?).await?;
        url.set_ip_host(proxy.address().ip()).map_err(|()| anyhow::anyhow!("the address"))?;
        url.set_port(Some(proxy.address().port())).map_err(|()| anyhow::anyhow!("the port"))?;
        url.set_query(Some("sslmode=disable"));
        story.app.store = open(url.as_str(), OpenOptions::default()).await?;
        story.app.clock = Arc::new(Brisk);
        story.app.sync.lease_ms = LEASE_MS;
        Ok(Self { database, story, proxy })
    }

    /// Syncs until a run is done; whoever asked has to ask again when the database failed.
    async fn sync(&self) -> Result<()> {
        let mut last = None;
        for _ in 0..RUNS_MAX {
            match self.story.sync_until(RUN_MS).await {
                Ok(job) if job.state.is_over() => {
                    ensure!(job.failure.is_none(), "{:?}", job.failure);
                    return Ok(());
                }
                // The worker has given up, as it does at a command line; the next run goes on.
                Ok(_) => last = Some(anyhow::anyhow!("the run is not over")),
                Err(error) => {
                    last = Some(error);
                    self.story.app.clock.nap_until(self.story.app.clock.now().plus_ms(LEASE_MS)).await;
                }
            }
        }
        Err(last.context("not tried")?)
    }

    async fn sums(&self) -> Result<Sums> {
        let mut rows = Vec::new();
        for table in MIRRORED {
            let sum =
                format!("SELECT COALESCE(SUM(hashtextextended(t::text, 0) % 1000000007), 0)::bigint FROM {table} t");
            rows.push(self.database.count(&sum).await?);
        }
        let gaps = "SELECT COUNT(*) FROM (SELECT 1 FROM events GROUP BY account_pk \
             HAVING MAX(seq) <> COUNT(*) OR MIN(seq) <> 1 OR COUNT(DISTINCT id) <> COUNT(*)) x";
        ensure!(self.database.count(gaps).await? == 0, "events have gaps or are there twice");
        let events_sum = "SELECT COALESCE(SUM(hashtextextended(id, 0) % 1000000007), 0)::bigint FROM events";
        Ok(Sums {
            rows,
            events: self.database.count("SELECT COUNT(*) FROM events").await?,
            events_sum: self.database.count(events_sum).await?,
        })
    }

    /// The mirror equals the truth, and one more sync changes nothing.
    async fn end(self) -> Result<Sums> {
        self.proxy.set(None)?;
        self.story.assert_equal().await?;
        let sums = self.sums().await?;
        let requests = self.story.linkedin.requests()?;
        self.sync().await?;
        ensure!(self.story.linkedin.requests()? == requests + 1, "one more sync asked more than once");
        ensure!(self.sums().await? == sums, "one more sync changed something");
        self.story.linkedin.assert_only_read()?;
        self.story.app.store.close().await;
        self.database.finish().await?;
        Ok(sums)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_around_a_commit_loses_and_doubles_nothing() -> Result<()> {
    let Some(server) = pg::server_url()? else { return skipped("cuts") };
    let reference = Story::begin(server).await?;
    reference.proxy.set(None)?;
    reference.sync().await?;
    let commits = reference.proxy.commits();
    ensure!(commits > 8, "{commits} transactions");
    let wanted = reference.end().await?;
    for point in Dose::of_environment(EVERY)?.points("Cut connection", commits * 2)? {
        let cut = Cut { at: point.div_ceil(2), after: point % 2 == 0 };
        let outcome = cut_at(server, cut, &wanted).await;
        outcome.with_context(|| format!("point {point}: {cut:?}; alone: cargo xtask crash --only cut --at {point}"))?;
    }
    Ok(())
}

async fn cut_at(server: &str, cut: Cut, wanted: &Sums) -> Result<()> {
    let story = Story::begin(server).await?;
    story.proxy.set(Some(cut))?;
    story.sync().await?;
    // On a busy machine the run without a cut may have looked at its rows more often.
    ensure!(story.proxy.has_struck() || story.proxy.commits() < cut.at, "it was not cut");
    let sums = story.end().await?;
    ensure!((sums.events, sums.events_sum) == (wanted.events, wanted.events_sum), "other events: {sums:?}, {wanted:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restarted_in_the_middle_of_a_sync_loses_nothing() -> Result<()> {
    let Some(server) = pg::OwnServer::start("")? else { return skipped("restart") };
    let story = Story::begin(&server.url).await?;
    for run in 0..2_i64 {
        // The world changes, so that there is something to do.
        let random = serde_json::json!({"verb": "random", "seed": run, "count": 30});
        story.story.mutate(random)?;
        let before = story.proxy.commits();
        let (synced, restarted) = tokio::join!(story.sync(), async {
            // In the middle: some transactions of this run are committed.
            for _ in 0..LOOKS_MAX {
                if story.proxy.commits() >= before + 4 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            tokio::task::block_in_place(|| server.stop("immediate").and_then(|()| server.go_on()))
        });
        restarted?;
        synced?;
        story.story.assert_equal().await?;
    }
    story.end().await?;
    Ok(())
}

fn skipped(test: &str) -> Result<()> {
    use std::io::Write as _;
    ensure!(!pg::is_required(), "{test} needs PostgreSQL: install its server programs");
    writeln!(std::io::stderr(), "SKIPPED {test}: no PostgreSQL")?;
    Ok(())
}
