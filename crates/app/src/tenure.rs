//! How long a job is ours: a lease that the database has confirmed, counted in time that only passes.
//!
//! A request is sent only while the lease certainly holds, and is given up when it can hold no longer (decision 0009).
//! The lease is counted from before the write that confirmed it, so that this process believes in its end before any
//! other does. What protects the data is the epoch that every write proves; this protects upstream from two askers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::source::Leave;
use crate::store::{ImportLease, Lease, StoreError, StoreResult};

/// A lease is renewed when this part of it is over.
const RENEWED_AFTER: i64 = 3;
/// This part of a lease is left unused: by then a request that is under way is given up.
const MARGIN: i64 = 5;
/// A renewal that the database could not write is tried again after this long.
const AGAIN_MS: i64 = 100;

/// What can be ours for a time.
#[async_trait::async_trait]
pub(crate) trait Held: Send + Sync {
    /// Confirms in the database that it is ours until this time.
    async fn prolong(&self, app: &App, until: Timestamp) -> StoreResult<()>;
}

/// Leave to ask once more: somebody who was away for longer than the lease has none.
pub(crate) struct StillOurs<'a> {
    pub(crate) app: &'a App,
    pub(crate) tenure: &'a Tenure,
}

#[async_trait::async_trait]
impl Leave for StillOurs<'_> {
    async fn is_given(&self) -> bool {
        self.tenure.ensure(self.app).await.is_ok()
    }
}

#[async_trait::async_trait]
impl Held for Lease {
    async fn prolong(&self, app: &App, until: Timestamp) -> StoreResult<()> {
        app.store.prolong(self, until).await
    }
}

#[async_trait::async_trait]
impl Held for ImportLease {
    async fn prolong(&self, app: &App, until: Timestamp) -> StoreResult<()> {
        app.store.prolong_import(*self, app.clock.now(), until).await
    }
}

/// The time for which a job is ours.
#[derive(Debug)]
pub(crate) struct Tenure<H = Lease> {
    held: H,
    lease_ms: i64,
    /// When the last write began that confirmed the lease.
    since_ms: AtomicI64,
}

impl<H: Held> Tenure<H> {
    /// A lease that was confirmed by a write that began at this point of the clock's passing time.
    pub(crate) fn new(held: H, lease_ms: i64, since_ms: i64) -> Arc<Self> {
        Arc::new(Self { held, lease_ms, since_ms: AtomicI64::new(since_ms) })
    }

    /// A write that began at this point has confirmed it.
    pub(crate) fn confirmed(&self, since_ms: i64) {
        self.since_ms.store(since_ms, Ordering::Relaxed);
    }

    /// Makes sure, before something is asked, that the job is still ours.
    pub(crate) async fn ensure(&self, app: &App) -> Result<(), Refusal> {
        if self.age_ms(app) < self.lease_ms / RENEWED_AFTER {
            return Ok(());
        }
        self.renew(app).await
    }

    /// Keeps the job ours while an answer is waited for; ends only with the reason why it is ours no longer.
    pub(crate) async fn keep(&self, app: &App) -> Refusal {
        let renewed_after_ms = self.lease_ms / RENEWED_AFTER;
        loop {
            app.clock.pass(renewed_after_ms.saturating_sub(self.age_ms(app)).max(AGAIN_MS)).await;
            if self.age_ms(app) < renewed_after_ms {
                continue;
            }
            let left_ms = (self.lease_ms - self.lease_ms / MARGIN).saturating_sub(self.age_ms(app));
            let Ok(left_ms) = u64::try_from(left_ms) else {
                return StoreError::LeaseLost.into();
            };
            match tokio::time::timeout(Duration::from_millis(left_ms), self.renew(app)).await {
                Ok(Err(Refusal::Store(StoreError::LeaseLost))) | Err(_) => return StoreError::LeaseLost.into(),
                // As long as the lease lasts, the database may come back.
                Ok(Ok(()) | Err(_)) => {}
            }
        }
    }

    /// Confirms it at once.
    pub(crate) async fn renew(&self, app: &App) -> Result<(), Refusal> {
        let since_ms = app.clock.passed_ms();
        self.held.prolong(app, app.clock.now().plus_ms(self.lease_ms)).await?;
        self.confirmed(since_ms);
        Ok(())
    }

    fn age_ms(&self, app: &App) -> i64 {
        app.clock.passed_ms().saturating_sub(self.since_ms.load(Ordering::Relaxed))
    }
}
