//! The whole pipeline: parse, absorb, commit; each page is one transaction.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use threadkeep::source::voyager::{account_id, parse_reply};
use threadkeep::store::{Commit, Lease, Login, OpenOptions, Progress, SharedStore, open};
use threadkeep_core::id::PersonId;
use threadkeep_core::sync::{Batch, SyncState, absorb, next_step};
use threadkeep_core::time::Timestamp;

use crate::recording::{NOW_MS, Recording};

const LEASE_MS: i64 = 60_000;

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
            sealed_session: vec![0; 64],
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
            run_started_at: now,
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

/// Takes in a recording; gives the time from the first byte to the last commit, and the number of events of each page.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub async fn take_in(path: &Path, recording: &Recording) -> Result<(Duration, Vec<u64>)> {
    let mut mirror = Mirror::open(path, &recording.member).await?;
    let mut events = Vec::with_capacity(recording.answers.len());
    let mut messages = 0;
    let start = Instant::now();
    for (step, body) in &recording.answers {
        ensure!(next_step(&mirror.state, mirror.now()) == *step, "the recording does not fit");
        let reply = parse_reply(step, body)?;
        let batch = absorb(&mirror.state, step, reply, mirror.now());
        let (so_far, told) = mirror.commit(batch).await?;
        messages = so_far;
        events.push(told);
    }
    let time = start.elapsed();
    ensure!(messages == recording.messages, "{messages} messages, expected {}", recording.messages);
    mirror.close().await;
    Ok((time, events))
}
