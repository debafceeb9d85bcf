//! Dates of HTTP headers, read as leniently as browsers read them.
//!
//! Pure: no clock. What cannot be read is `None`, never a guess.

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Longest text that is looked at, in bytes.
const LENGTH_MAX: usize = 64;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Milliseconds since 1970 of a date such as `Thu, 01 Jan 1970 00:00:00 GMT` or `Thu, 01-Jan-70 00:00:00 GMT`.
pub fn parse(text: &str) -> Option<i64> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let mut numbers = Vec::new();
    let (mut month, mut time) = (None, None);
    for word in lower.split([' ', ',', '-', '\t']).filter(|word| !word.is_empty()) {
        if word.contains(':') {
            time = time.or_else(|| clock(word));
        } else if let Ok(number) = word.parse::<i16>() {
            numbers.push(number);
        } else if month.is_none() {
            month = MONTHS.iter().position(|name| word.starts_with(name));
        }
    }
    let [day, year] = numbers.as_slice() else {
        return None;
    };
    let year = match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        _ => *year,
    };
    let month = i8::try_from(month? + 1).ok()?;
    let (hour, minute, second) = time?;
    let date = Date::new(year, month, i8::try_from(*day).ok()?).ok()?;
    let moment = jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    Some(date.to_datetime(moment).to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn clock(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some((hour, minute, second.min(59)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_are_read_in_the_forms_that_occur() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 01-Jan-1970 00:00:10 GMT", Some(10_000)),
            ("Thu, 01-Jan-70 00:00:00 GMT", Some(0)),
            ("Sun, 22 Nov 2026 15:00:00 GMT", Some(1_795_359_600_000)),
            ("Wed, 31 Feb 2026 00:00:00 GMT", None),
            ("soon", None),
            ("", None),
            ("1 2 3 4 5", None),
            ("Thu, 01 Jan 1970 99:00:00 GMT", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
