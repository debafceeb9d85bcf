//! A mirror that takes in a generated inbox of the simulated LinkedIn, for the measurements.
//!
//! Everything passes the real parser, engine and store. Time stands still here, so that a run repeats to the byte.

use std::path::Path;

use anyhow::{Context, Result};
use threadkeep::source::egress::Upstream;
use threadkeep::source::voyager::request::url;
use threadkeep::source::voyager::{QueryIds, account_id};
use threadkeep::store::{Commit, Lease, Login, MediaPolicy, OpenOptions, Progress, SealedSession, SharedStore, open};
use threadkeep_core::id::PersonId;
use threadkeep_core::sync::track::RunId;
use threadkeep_core::sync::{Batch, Step, SyncState};
use threadkeep_core::time::Timestamp;
use threadkeep_sim::{GenerateOptions, Outcome, Request, Simulator, SimulatorOptions, World};

/// When everything happens.
pub const NOW_MS: i64 = 1_790_000_000_000;
const LEASE_MS: i64 = 60_000;

/// The simulated inbox.
pub struct Inbox {
    simulator: Simulator,
    cookie: String,
    upstream: Upstream,
    pub member: PersonId,
}

impl Inbox {
    /// Invents an inbox of this many conversations with so many messages each in the mean.
    pub fn generate(conversations: usize, messages_mean: f64) -> Result<Self> {
        let world =
            World::generate(&GenerateOptions { seed: 1, conversations, messages_mean, ..GenerateOptions::at(NOW_MS) });
        let mut simulator = Simulator::new(world, SimulatorOptions::default());
        let login = simulator.credentials().into_iter().next().context("an account")?;
        let upstream = Upstream::parse("http://127.0.0.1:9")?;
        Ok(Self { simulator, cookie: login.cookie, upstream, member: PersonId::parse(&login.member_urn)? })
    }

    /// The answer to a step.
    pub fn answer(&mut self, step: &Step) -> Result<Vec<u8>> {
        let target = url(&self.upstream, &QueryIds::default(), &self.member, step)?;
        let target = format!("{}?{}", target.path(), target.query().unwrap_or_default());
        let rest = self.cookie.split("JSESSIONID=").nth(1);
        let session = rest.and_then(|rest| rest.split(';').next()).context("a session")?;
        let request = Request::get(&target)
            .header("cookie", &self.cookie)
            .header("csrf-token", session.trim_matches('"'))
            .header("accept", "application/graphql");
        match self.simulator.respond(NOW_MS, &request) {
            Outcome::Answer(answer) if answer.status == 200 => Ok(answer.body),
            Outcome::Answer(answer) => anyhow::bail!("status {}", answer.status),
            Outcome::Reset => anyhow::bail!("reset"),
        }
    }
}

/// A mirror with a claimed job.
pub struct Mirror {
    store: SharedStore,
    lease: Lease,
    progress: Progress,
    pub state: SyncState,
}

impl Mirror {
    /// Opens a new database with one account and claims its sync.
    pub async fn open(path: &Path, member: &PersonId) -> Result<Self> {
        let store = open(&format!("sqlite:{}", path.display()), OpenOptions::default()).await?;
        let now = Timestamp(NOW_MS);
        let id = account_id(member)?;
        let login = Login {
            id: id.clone(),
            member: member.clone(),
            first_name: "Olga".into(),
            last_name: "Owner".into(),
            public_id: "olga-owner".into(),
            picture_url: None,
            premium: None,
            scope: threadkeep_core::sync::DEFAULT_CATEGORIES.map(String::from).to_vec(),
            new_media_policy: MediaPolicy::Lazy,
            media_policy: None,
            sealed_session: SealedSession { sealed: vec![0; 64], login_expires_at: None },
        };
        store.log_in(&login, now).await?;
        store.enqueue_sync(&id, true, now).await?;
        let claimed = store.claim(None, "tester", now, now.plus_ms(LEASE_MS)).await?.context("the job")?;
        let work = store.work_state(&claimed.lease).await?;
        let state = SyncState {
            scope: work.account.scope,
            inbox: work.account.inbox,
            due: work.due,
            hold: None,
            run: RunId { job: 1, started_at: now },
        };
        Ok(Self { store, lease: claimed.lease, progress: Progress::default(), state })
    }

    /// The present, which stands still.
    pub fn now(&self) -> Timestamp {
        Timestamp(NOW_MS)
    }

    /// Commits a batch; gives the number of new messages so far and that of the events of this batch.
    pub async fn commit(&mut self, batch: Batch) -> Result<(u64, u64)> {
        let now = self.now();
        let committed = self
            .store
            .commit(&Commit {
                lease: &self.lease,
                batch: &batch,
                sealed_session: None,
                next_request_at: now,
                lease_until: now.plus_ms(LEASE_MS),
                progress: &self.progress,
                now,
            })
            .await?;
        self.progress = committed.progress;
        self.state.inbox = batch.inbox;
        self.state.due = committed.due;
        Ok((self.progress.messages_new, committed.events))
    }

    /// Closes the database.
    pub async fn close(self) {
        self.store.close().await;
    }
}
