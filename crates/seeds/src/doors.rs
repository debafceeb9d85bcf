//! Time and chance of a simulated life.
//!
//! The true time only goes forward and is LinkedIn's; the machine's wall clock is the true time and what it is wrong by.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threadkeep::chance::Chance;
use threadkeep::clock::Clock;
use threadkeep_core::time::Timestamp;

use crate::stage::Stage;

/// When every life begins.
pub const BEGIN_MS: i64 = 1_790_000_000_000;

/// The wall clock of the simulated machine.
pub struct WallClock(pub Arc<Stage>);

#[async_trait::async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.wall_ms())
    }

    /// Nobody else acts while somebody naps: that is for the plan to say.
    async fn nap_until(&self, until: Timestamp) {
        self.0.let_pass((until.0 - self.0.wall_ms()).clamp(0, threadkeep::clock::NAP_MAX_MS));
    }

    fn passed_ms(&self) -> i64 {
        self.0.true_ms()
    }
}

/// Randomness that follows from a seed.
pub struct SeededChance(Mutex<ChaCha8Rng>);

impl SeededChance {
    /// The randomness of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}

impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time in the form of HTTP headers (RFC 9110 5.6.7).
pub fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01 in cycles of 400 years.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_of_shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_of_shifted + 2) / 5 + 1;
    let month = (month_of_shifted + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days.rem_euclid(7)),
        name(&MONTHS, month),
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

/// The seconds of such a text, found again by trying: the checks must not read dates as the program does.
pub fn seconds_of_http_date(text: &str) -> Option<i64> {
    let (mut low, mut high) = (0, 4_102_444_800);
    // Dates do not sort as texts, so day and time are put in front of each other by their numbers.
    let key = |text: &str| {
        let mut words = text.split_whitespace().skip(1);
        let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let month = MONTHS.iter().position(|name| *name == month)?;
        Some(format!("{year}{month:02}{day}{time}"))
    };
    let wanted = key(text)?;
    while low < high {
        let middle = (low + high) / 2;
        if key(&http_date(middle))? < wanted { low = middle + 1 } else { high = middle }
    }
    (http_date(low) == text).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_standard() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        for seconds in [0, 951_782_399, 951_782_400, 784_111_777, BEGIN_MS / 1_000] {
            assert_eq!(seconds_of_http_date(&http_date(seconds)), Some(seconds));
        }
        assert_eq!(seconds_of_http_date("99999999999999999999"), None);
    }
}
