//! How fast we may ask: gaps between requests and the waits after trouble.
//!
//! There is no randomness here: jitter comes from a number that the caller derives from an id, so that a wait is the
//! same when it is computed again after a crash. Figures: upstream protocol 8.

use serde::{Deserialize, Serialize};

use crate::planted::{self, Bug};

/// Shortest gap between two requests of one account.
pub const GAP_MIN_MS: i64 = 1_500;
/// Longest gap between two requests of one account.
pub const GAP_MAX_MS: i64 = 4_000;
/// An idle account is asked for changes at most this often.
pub const IDLE_MS: i64 = 60_000;
/// First wait after a 429 that does not say how long.
pub const RATE_LIMIT_MS: i64 = 15 * 60_000;
/// Longest wait after a 429, whatever it says.
pub const RATE_LIMIT_MAX_MS: i64 = 24 * 3_600_000;
/// Wait after a 999 before a person may try again.
pub const BLOCKED_MS: i64 = 24 * 3_600_000;
/// First wait after a passing failure; doubles.
pub const RETRY_MS: i64 = 2_000;
/// Longest wait after a passing failure.
pub const RETRY_MAX_MS: i64 = 5 * 60_000;

/// How fast to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// As a careful person would; the only pace for the real LinkedIn.
    #[default]
    Polite,
    /// As fast as it goes, with token waits; for a simulator on loopback.
    Open,
}

impl Pace {
    /// Gap before the next request; `dice` is any number that differs from request to request.
    pub fn gap_ms(self, dice: u64) -> i64 {
        match self {
            Self::Polite => GAP_MIN_MS + i64::try_from(dice % 2_501).unwrap_or(0),
            Self::Open => 0,
        }
    }

    /// How long an account that is up to date is left alone.
    pub fn idle_ms(self) -> i64 {
        match self {
            Self::Polite => IDLE_MS,
            Self::Open => 1_000,
        }
    }

    /// Wait after the `count`-th 429 in a row. What upstream asks for is always obeyed, up to a day.
    pub fn rate_limit_ms(self, count: u32, retry_after_ms: Option<i64>) -> i64 {
        let own = match self {
            Self::Polite => doubled(RATE_LIMIT_MS, count, RATE_LIMIT_MAX_MS),
            Self::Open => doubled(50, count, 2_000),
        };
        match retry_after_ms {
            Some(asked) if asked >= 0 && !planted::is(Bug::RetryAfterIgnored) => asked.min(RATE_LIMIT_MAX_MS),
            _ => own,
        }
    }

    /// Wait after the `count`-th passing failure in a row.
    pub fn retry_ms(self, count: u32) -> i64 {
        match self {
            Self::Polite => doubled(RETRY_MS, count, RETRY_MAX_MS),
            Self::Open => doubled(5, count, 200),
        }
    }

    /// Wait after a 999.
    pub fn blocked_ms(self) -> i64 {
        match self {
            Self::Polite => BLOCKED_MS,
            Self::Open => 100,
        }
    }
}

fn doubled(first: i64, count: u32, max: i64) -> i64 {
    let factor = 1_i64.checked_shl(count.saturating_sub(1).min(40)).unwrap_or(i64::MAX);
    first.saturating_mul(factor).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_bounded() {
        assert_eq!(Pace::Polite.rate_limit_ms(1, None), 15 * 60_000);
        assert_eq!(Pace::Polite.rate_limit_ms(2, None), 30 * 60_000);
        assert_eq!(Pace::Polite.rate_limit_ms(60, None), RATE_LIMIT_MAX_MS);
        assert_eq!(Pace::Polite.rate_limit_ms(1, Some(i64::MAX)), RATE_LIMIT_MAX_MS);
        assert_eq!(Pace::Polite.rate_limit_ms(1, Some(-5)), 15 * 60_000);
        assert_eq!(Pace::Open.rate_limit_ms(1, Some(3_000)), 3_000);
        assert_eq!(Pace::Polite.retry_ms(3), 8_000);
    }

    #[test]
    fn gaps_stay_in_their_range() {
        for dice in [0, 1, 2_500, 2_501, u64::MAX] {
            let gap = Pace::Polite.gap_ms(dice);
            assert!((GAP_MIN_MS..=GAP_MAX_MS).contains(&gap), "{gap}");
        }
    }
}
