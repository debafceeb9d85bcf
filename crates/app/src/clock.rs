//! The one door through which time enters, and the only place that sleeps.
//!
//! Everything else receives the present as an argument. Waiting that matters is a row with a not-before time; a sleep
//! here only saves looking at the rows all the time, and nothing may depend on it ending on time. Several nodes go by
//! one time, that of their database (decision 0009): what a node believes to be the hour must not matter.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use threadkeep_core::time::Timestamp;

/// Longest single sleep, so that rows are looked at again even when the wall clock jumps.
pub const NAP_MAX_MS: i64 = 1_000;
/// The database is asked for its time again after this long.
const ASK_AGAIN_MS: i64 = 10_000;
/// When the wall clock has moved this much more or less than the time that passed, the machine may have slept.
const JUMP_MS: i64 = 500;
/// An answer that took longer says too little about when it was given: it may be wrong by half of this.
const ANSWER_MAX_MS: i64 = 250;

/// Tells the time and waits.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
    /// Sleeps until about this time, [`NAP_MAX_MS`] at most.
    async fn nap_until(&self, until: Timestamp);

    /// Milliseconds that only pass: no change of any clock moves them back or forth.
    fn passed_ms(&self) -> i64 {
        self.now().0
    }

    /// Sleeps until this much has passed, [`NAP_MAX_MS`] at most. Where time is moved by hand, nothing passes by itself.
    async fn pass(&self, _span_ms: i64) {
        std::future::pending().await
    }

    /// Whether the database should be asked for its time.
    fn wants_time(&self) -> bool {
        false
    }

    /// Goes by the time that the database told, when it was asked at this point of [`Clock::passed_ms`]; false when the
    /// answer took too long to be of use.
    fn heed(&self, _told: Timestamp, _asked_ms: i64) -> bool {
        true
    }
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

    async fn nap_until(&self, until: Timestamp) {
        self.pass(until.since_ms(self.now())).await;
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door through which time enters")]
    fn passed_ms(&self) -> i64 {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        i64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the only sleep")]
    async fn pass(&self, span_ms: i64) {
        tokio::time::sleep(Duration::from_millis(span_ms.clamp(0, NAP_MAX_MS).unsigned_abs())).await;
    }
}

/// The time of the database's server, which all nodes share.
///
/// Between two answers of the database it goes by the time that passed, so a wall clock that is wrong or is set does not
/// matter.
#[derive(Debug)]
pub struct DatabaseClock {
    /// How far the database's time is ahead of what has passed here.
    ahead_ms: AtomicI64,
    /// How far the wall clock was ahead of it when the database was asked.
    wall_ahead_ms: AtomicI64,
    asked_ms: AtomicI64,
}

impl DatabaseClock {
    /// A clock that goes by this answer of the database, however long it took; see [`Clock::heed`].
    pub fn new(told: Timestamp, asked_ms: i64) -> Self {
        let clock = Self { ahead_ms: AtomicI64::new(0), wall_ahead_ms: AtomicI64::new(0), asked_ms: AtomicI64::new(0) };
        clock.go_by(told, asked_ms, SystemClock.passed_ms());
        clock
    }

    fn go_by(&self, told: Timestamp, asked_ms: i64, answered_ms: i64) {
        // It was told somewhere between question and answer.
        let middle_ms = asked_ms.saturating_add(answered_ms.saturating_sub(asked_ms) / 2);
        self.ahead_ms.store(told.0.saturating_sub(middle_ms), Ordering::Relaxed);
        self.wall_ahead_ms.store(wall_ahead_ms(answered_ms), Ordering::Relaxed);
        self.asked_ms.store(answered_ms, Ordering::Relaxed);
    }
}

#[async_trait::async_trait]
impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.passed_ms().saturating_add(self.ahead_ms.load(Ordering::Relaxed)))
    }

    async fn nap_until(&self, until: Timestamp) {
        self.pass(until.since_ms(self.now())).await;
    }

    fn passed_ms(&self) -> i64 {
        SystemClock.passed_ms()
    }

    async fn pass(&self, span_ms: i64) {
        SystemClock.pass(span_ms).await;
    }

    fn wants_time(&self) -> bool {
        let passed_ms = self.passed_ms();
        let jumped_ms = wall_ahead_ms(passed_ms).saturating_sub(self.wall_ahead_ms.load(Ordering::Relaxed));
        passed_ms.saturating_sub(self.asked_ms.load(Ordering::Relaxed)) >= ASK_AGAIN_MS
            || jumped_ms.saturating_abs() > JUMP_MS
    }

    fn heed(&self, told: Timestamp, asked_ms: i64) -> bool {
        let answered_ms = self.passed_ms();
        let is_of_use = answered_ms.saturating_sub(asked_ms) <= ANSWER_MAX_MS;
        if is_of_use {
            self.go_by(told, asked_ms, answered_ms);
        }
        is_of_use
    }
}

fn wall_ahead_ms(passed_ms: i64) -> i64 {
    SystemClock.now().0.saturating_sub(passed_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_tells_the_time_and_a_late_answer_does_not() {
        let asked_ms = SystemClock.passed_ms();
        let clock = DatabaseClock::new(Timestamp(5_000_000), asked_ms);
        assert!(clock.now().since_ms(Timestamp(5_000_000)) >= 0, "time passes from there");
        assert!(clock.now().0 < SystemClock.now().0 / 2, "the machine's own clock plays no part");
        assert!(!clock.heed(Timestamp(9_000_000), asked_ms - ANSWER_MAX_MS - 1));
        assert!(clock.now().0 < 9_000_000, "nobody knows when that was told");
        assert!(clock.heed(Timestamp(9_000_000), SystemClock.passed_ms()));
        assert!(clock.now().0 >= 9_000_000);
        assert!(!clock.wants_time());
        clock.asked_ms.fetch_sub(ASK_AGAIN_MS, Ordering::Relaxed);
        assert!(clock.wants_time(), "it was told long ago");
        clock.heed(Timestamp(9_000_000), SystemClock.passed_ms());
        clock.wall_ahead_ms.fetch_add(2 * JUMP_MS, Ordering::Relaxed);
        assert!(clock.wants_time(), "the wall clock was set, or the machine slept");
    }
}
