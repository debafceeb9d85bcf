//! The whole program against the simulated LinkedIn: real HTTP on loopback, a real database, the open pace.
//!
//! A test speaks the domain (sync, truth, export, requests); only this file knows how the parts are put together.

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use threadkeep::app::{App, Media, MediaSettings, SyncSettings, Upstream};
use threadkeep::chance::SystemChance;
use threadkeep::clock::SystemClock;
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::seal::{MasterKey, Sealer};
use threadkeep::source::egress;
use threadkeep::source::voyager::QueryIds;
use threadkeep::store::{Actor, Job};
use threadkeep::verbs::sync::Ticket;
use threadkeep::verbs::{accounts, export, sync};
use threadkeep::worker;
use threadkeep::worker::presence::Presence;
use threadkeep_core::id::AccountId;
use threadkeep_core::sync::pace::Pace;
use threadkeep_sim::{Faults, Mutation, Purpose, RunningServer, Simulator, SimulatorOptions, Switches, World};

use crate::store_database::Database;

/// A run takes longer than this only when something is wrong.
const RUN_MAX_MS: i64 = 120_000;

/// A simulated LinkedIn on loopback with one account that matters.
pub struct SimulatedLinkedIn {
    server: RunningServer,
    member: String,
}

impl SimulatedLinkedIn {
    /// Serves a world.
    pub async fn start(world: World) -> Result<Self> {
        Self::start_with(world, Switches::default()).await
    }

    /// Serves a world that behaves in a special way.
    pub async fn start_with(world: World, switches: Switches) -> Result<Self> {
        let options = SimulatorOptions { switches, ..SimulatorOptions::default() };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = RunningServer::start(address, Simulator::new(world, options)).await?;
        let mut linkedin = Self { server, member: String::new() };
        linkedin.member = linkedin.credentials()?.0;
        Ok(linkedin)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The first account's member URN and a live `Cookie` header.
    pub fn credentials(&self) -> Result<(String, String)> {
        let first = self.simulator()?.credentials().into_iter().next().context("an account")?;
        Ok((first.member_urn, first.cookie))
    }

    /// A live `Cookie` header of every account.
    pub fn all_cookies(&self) -> Result<Vec<String>> {
        Ok(self.simulator()?.credentials().into_iter().map(|one| one.cookie).collect())
    }

    /// What LinkedIn would show, in canonical form.
    pub fn truth(&self) -> Result<String> {
        let owner = self.member.rsplit(':').next().context("a member URN")?;
        Ok(self.simulator()?.world().truth_text(owner))
    }

    /// Changes the world.
    pub fn mutate(&self, verb: &Value, now_ms: i64) -> Result<()> {
        let mutation = Mutation::from_json(verb).map_err(|error| anyhow::anyhow!("{error}"))?;
        self.simulator()?.mutate(&mutation, now_ms).map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(())
    }

    /// Sets the trouble from a faults object.
    pub fn set_faults(&self, faults: &Value) -> Result<()> {
        let faults = Faults::from_json(faults.to_string().as_bytes()).map_err(|error| anyhow::anyhow!("{error}"))?;
        self.simulator()?.set_faults(faults);
        Ok(())
    }

    /// How often trouble has struck.
    pub fn faults_struck(&self) -> Result<u64> {
        Ok(self.simulator()?.faults_struck().values().sum())
    }

    /// Requests since the simulator began, without those that prove a login.
    pub fn requests(&self) -> Result<u64> {
        Ok(self.simulator()?.ledger().lines().filter(|line| line.purpose != Purpose::Me).count() as u64)
    }

    /// Fails unless every request only read.
    pub fn assert_only_read(&self) -> Result<()> {
        ensure!(self.simulator()?.ledger().lines().all(|line| !line.writes), "a writing request was sent");
        Ok(())
    }

    /// The least number of requests that a clean full sync takes: the mark, the lists, the messages.
    pub fn least_requests(&self) -> Result<u64> {
        let truth = self.truth()?;
        let mut lists = [0_u64; 2];
        let mut messages = std::collections::BTreeMap::<String, u64>::new();
        for line in truth.lines() {
            let record: Value = serde_json::from_str(line)?;
            match record["kind"].as_str() {
                Some("conversation") => {
                    let has = |name: &str| record["categories"].to_string().contains(&format!("\"{name}\""));
                    lists[0] += u64::from(has("INBOX"));
                    lists[1] += u64::from(has("ARCHIVE"));
                    messages.entry(record["id"].to_string()).or_default();
                }
                Some("message") => *messages.entry(record["conversation"].to_string()).or_default() += 1,
                _ => {}
            }
        }
        let pages = |count: u64| count.div_ceil(20).max(1);
        Ok(1 + lists.into_iter().map(pages).sum::<u64>() + messages.into_values().map(pages).sum::<u64>())
    }

    /// The profile id of the account that matters.
    pub fn owner(&self) -> Result<String> {
        Ok(self.member.rsplit(':').next().context("a member URN")?.to_owned())
    }

    /// Where the hosts without cookies are.
    pub fn media_url(&self) -> String {
        self.server.media_url()
    }

    /// The simulator itself.
    pub fn simulator(&self) -> Result<MutexGuard<'_, Simulator>> {
        self.server.simulator().lock().map_err(|_| anyhow::anyhow!("the simulator panicked"))
    }
}

/// The program, a simulated LinkedIn, and one connected account.
pub struct Harness {
    pub app: App,
    pub account: AccountId,
    pub linkedin: SimulatedLinkedIn,
    _media_folder: TempDir,
}

impl Harness {
    /// Connects the first account of a world.
    pub async fn connect(database: &Database, world: World) -> Result<Self> {
        Self::connect_with(database, world, Switches::default()).await
    }

    /// Connects the first account of a world that behaves in a special way.
    pub async fn connect_with(database: &Database, world: World, switches: Switches) -> Result<Self> {
        let linkedin = SimulatedLinkedIn::start_with(world, switches).await?;
        let media_folder = tempfile::tempdir()?;
        let upstream = Upstream::at(&linkedin.url(), QueryIds::default())?;
        let media = MediaSettings {
            url: Some(egress::Upstream::parse(&linkedin.media_url())?),
            ..MediaSettings::in_folder(media_folder.path().to_owned())
        };
        let app = App {
            media: Arc::new(Media::open(&upstream, media, Arc::new(SystemClock))?),
            store: database.store.clone(),
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance),
            sealer: Arc::new(Sealer::new(&MasterKey::from_text(&"07".repeat(32))?)),
            bell: Arc::default(),
            presence: Arc::new(Presence::alone(&SystemChance)),
            storage: Arc::default(),
            upstream: Arc::new(upstream),
            sync: SyncSettings { pace: Pace::Open, ..SyncSettings::default() },
        };
        let login = linkedin.credentials()?;
        let account = accounts::add(&app, &Actor::Setup, &login.1).await?;
        Ok(Self { app, account: account.id, linkedin, _media_folder: media_folder })
    }

    /// Runs a forced sync to its end.
    pub async fn sync(&self) -> Result<Job> {
        self.sync_until(RUN_MAX_MS).await
    }

    /// Runs a forced sync for at most this long; the job may be unfinished afterwards.
    pub async fn sync_until(&self, run_ms: i64) -> Result<Job> {
        let ticket = sync::request(&self.app, &self.account, true).await?;
        let Ticket::Job { job, .. } = ticket else {
            anyhow::bail!("no job: {ticket:?}");
        };
        let stop = Stop::default();
        let worker = spawn(worker::run_account(self.app.clone(), stop.clone(), self.account.clone()));
        let until = self.app.clock.now().plus_ms(run_ms);
        let job = sync::wait(&self.app, job.id, until).await?;
        stop.ask();
        worker.await??;
        Ok(job)
    }

    /// Syncs until a run succeeds, logging in again whenever the session was lost.
    pub async fn sync_through_trouble(&self, runs_max: u32) -> Result<Job> {
        for _ in 0..runs_max {
            let account = accounts::find(&self.app, &self.account).await?;
            if sync::stopped(&account).is_some() {
                self.log_in_again().await?;
            }
            let job = self.sync().await?;
            if job.failure.is_none() {
                return Ok(job);
            }
        }
        anyhow::bail!("no run succeeded in {runs_max}")
    }

    /// Gives the account the simulator's present cookies; tried a few times, since trouble strikes this request too.
    pub async fn log_in_again(&self) -> Result<()> {
        for _ in 0..20 {
            let (_, cookie) = self.linkedin.credentials()?;
            if accounts::reconnect(&self.app, &Actor::Setup, &self.account, &cookie).await.is_ok() {
                return Ok(());
            }
        }
        anyhow::bail!("the account could not be connected again")
    }

    /// What the mirror holds, in canonical form.
    pub async fn export(&self) -> Result<String> {
        let mut out = Vec::new();
        let wish = export::ExportWish {
            account: self.account.clone(),
            categories: self.app.sync.categories.clone(),
            with_history: false,
            with_deleted: false,
        };
        export::write(self.app.store.as_ref(), &wish, &mut out).await?;
        Ok(String::from_utf8(out)?)
    }

    /// Fails with the first line that differs unless the mirror equals the truth.
    pub async fn assert_equal(&self) -> Result<()> {
        let (truth, export) = (self.linkedin.truth()?, self.export().await?);
        for (number, (left, right)) in truth.lines().zip(export.lines()).enumerate() {
            ensure!(left == right, "line {number}\n truth: {left}\nmirror: {right}");
        }
        let counts = (truth.lines().count(), export.lines().count());
        ensure!(counts.0 == counts.1, "truth has {} lines, the mirror {}", counts.0, counts.1);
        Ok(())
    }

    /// Changes the world.
    pub fn mutate(&self, verb: Value) -> Result<()> {
        self.linkedin.mutate(&verb, self.app.clock.now().0)
    }
}
