//! The dates of an export (official sources B3): to the second, in UTC.
//!
//! A date that cannot be read is no date: a guess would put a message where it never was.

/// Years that are believed.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=9999;
const DAY_SECONDS: i64 = 86_400;

/// The second of a date, counted from 1970; `None` when it is none, or not exact.
pub(super) fn second_of(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split(['-', '/']);
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let rest = rest.strip_prefix(['T', 't', ' ', '\u{202f}', '\u{a0}'])?.trim_start();
    let clock_end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != ':' && letter != '.');
    let (clock, zone) = rest.split_at(clock_end.unwrap_or(rest.len()));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| digits(second.split('.').next()?, 2))?;
    let is_possible = YEARS.contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    let days = days_since_1970(year, month, day);
    is_possible.then_some(days * DAY_SECONDS + hour * 3_600 + minute * 60 + second - offset(zone)?)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let zone = zone.trim();
    if ["", "UTC", "GMT", "Z"].iter().any(|utc| zone.eq_ignore_ascii_case(utc)) {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let plain = zone.get(1..)?.replace(':', "");
    let (hours, minutes) = (digits(plain.get(..2)?, 2)?, digits(plain.get(2..)?, 2)?);
    (hours <= 14 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, counted in eras of 400 years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_date_is_the_same_second() {
        for text in [
            "2019-11-06 02:08:20 UTC",
            "2019-11-06T02:08:20",
            "2019-11-06T02:08:20.733Z",
            "2019/11/06 02:08:20 UTC",
            "2019-11-06 03:08:20 +01:00",
            "2019-11-05 21:08:20-0500",
            " 2019-11-06\u{202f}02:08:20 ",
        ] {
            assert_eq!(second_of(text), Some(1_573_006_100), "{text}");
        }
        assert_eq!(second_of("2019-11-06 02:08"), Some(1_573_006_080));
        assert_eq!(second_of("1969-12-31 23:59:59 UTC"), Some(-1));
        assert_eq!(second_of("2000-02-29 00:00:00 UTC"), Some(951_782_400));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2019-11-06",
            "4-Apr-21",
            "2019-13-06 02:08:20 UTC",
            "2019-02-29 02:08:20",
            "99999-01-01 00:00:00",
            "2019-11-06 24:08:20",
            "2019-11-06 02:08:20 PST",
            "2019-11-06 02:08:20 +99:00",
            "\u{1f44d}\u{1f44d}\u{1f44d}",
        ] {
            assert_eq!(second_of(text), None, "{text}");
        }
    }

    #[test]
    fn the_calendar_is_that_of_the_program() {
        for days in (-25_000..=2_900_000).step_by(997) {
            let at = jiff::Timestamp::from_second(days * DAY_SECONDS).unwrap().to_string();
            let (date, rest) = at.split_once('T').unwrap();
            assert_eq!(second_of(&format!("{date} {}", rest.trim_end_matches('Z'))), Some(days * DAY_SECONDS), "{at}");
        }
    }
}
