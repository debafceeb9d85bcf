//! The one door through which time enters, and the only place that sleeps.
//!
//! Everything else receives the present as an argument. Waiting that matters is a row with a not-before time; a sleep
//! here only saves looking at the rows all the time, and nothing may depend on it ending on time.

use std::sync::Arc;
use std::time::Duration;

use threadkeep_core::time::Timestamp;

/// Longest single sleep, so that rows are looked at again even when the wall clock jumps.
pub const NAP_MAX_MS: i64 = 1_000;

/// Tells the time and waits.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
    /// Sleeps until about this time, [`NAP_MAX_MS`] at most.
    async fn nap_until(&self, until: Timestamp);
}

/// A clock that is shared.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door through which time enters")]
    fn now(&self) -> Timestamp {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the only sleep")]
    async fn nap_until(&self, until: Timestamp) {
        let ms = until.since_ms(self.now()).clamp(0, NAP_MAX_MS);
        tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
    }
}
