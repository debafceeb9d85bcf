//! Points in time as milliseconds since 1970 in UTC.
//!
//! There is no way to ask for the present here: whoever needs it receives it as an argument.

use serde::{Deserialize, Serialize};

/// A point in time, in milliseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Last millisecond of the year 9999: what upstream sends beyond it is a mistake, not a time.
const YEAR_9999_END_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The time this many milliseconds later; stays at the end of the range instead of wrapping.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to here; negative when `earlier` is later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// A time as upstream gives it, or `None` when it lies outside 1970 to 9999.
    pub fn from_upstream(ms: i64) -> Option<Self> {
        (0..=YEAR_9999_END_MS).contains(&ms).then_some(Self(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_times_are_not_times() {
        assert_eq!(Timestamp::from_upstream(-1), None);
        assert_eq!(Timestamp::from_upstream(i64::MAX), None);
        assert_eq!(Timestamp::from_upstream(0), Some(Timestamp(0)));
    }
}
