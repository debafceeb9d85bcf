//! Dates as they stand in a question: a day, a month or a year in UTC.
//!
//! Plain arithmetic on the calendar of today, which is good for every date a message can have.

use crate::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// The first moment of `2024`, `2024-05` or `2024-05-17`.
pub(super) fn begin_of(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |part| number(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| number(part, 2))?;
    let is_there = (1..=12).contains(&month) && day >= 1 && day <= days_of(year, month) && year >= 1970;
    (is_there && parts.next().is_none()).then(|| Timestamp(days_before(year, month, day) * DAY_MS))
}

/// The day on which a moment lies, as it is written in a question; moments outside of four-digit years are cut.
pub(super) fn shown(at: Timestamp) -> String {
    let days = at.0.div_euclid(DAY_MS);
    let mut year = (1970..=9_999).rev().find(|year| days_before(*year, 1, 1) <= days).unwrap_or(1970);
    year = year.clamp(1970, 9_999);
    let month = (1..=12).rev().find(|month| days_before(year, *month, 1) <= days).unwrap_or(1);
    let day = (days - days_before(year, month, 1)).clamp(0, 30) + 1;
    format!("{year:04}-{month:02}-{day:02}")
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a day.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let past = year - 1;
    let of_years = past * 365 + past / 4 - past / 100 + past / 400;
    let of_months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    of_years + of_months + day - 1 - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_months_and_years_begin_where_the_calendar_says() {
        assert_eq!(begin_of("1970"), Some(Timestamp(0)));
        assert_eq!(begin_of("2024-05-17"), Some(Timestamp(1_715_904_000_000)));
        assert_eq!(begin_of("2024-05"), begin_of("2024-05-01"));
        assert_eq!(begin_of("2000-02-29").map(shown).as_deref(), Some("2000-02-29"));
        assert_eq!(begin_of("9999-12-31").map(shown).as_deref(), Some("9999-12-31"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "24", "2024-13", "2023-02-29", "2024-5-1", "1969", "2024-01-01-01", "2024-", "+024", "2024-00"]
        {
            assert_eq!(begin_of(text), None, "{text}");
        }
        assert_eq!(begin_of("2100-02-29"), None, "the last year of most centuries has no such day");
    }
}
