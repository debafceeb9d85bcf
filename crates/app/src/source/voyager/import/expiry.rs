//! When a cookie of an export ends, in the forms in which files and extensions say it.
//!
//! Pure, and never a reason to refuse a file: what cannot be read, or cannot be, is an end that is not known.

use serde_json::Value;
use threadkeep_core::time::Timestamp;

use super::super::http_date;

/// Longest text that is looked at, in bytes.
const LENGTH_MAX: usize = 64;
/// Numbers up to here are seconds: the last that has a date in every zone is of the end of the year 9999.
const SECONDS_MAX: i64 = 253_402_207_199;
/// Numbers between these are milliseconds, of 2001 to 2286; as seconds they would be tens of thousands of years ahead.
const MILLISECONDS: std::ops::Range<i64> = 1_000_000_000_000..10_000_000_000_000;

/// The end that a text tells: seconds since 1970, with or without a fraction, or a date. Zero and less is "with the
/// browser", which is no date.
pub(super) fn of_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > LENGTH_MAX {
        return None;
    }
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if let Ok(number) = whole.parse::<i64>() {
        return of_number(number);
    }
    let written = || text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond());
    http_date::parse(text).or_else(written).filter(|at_ms| *at_ms > 0).and_then(Timestamp::from_upstream)
}

/// The same of a value of any type.
pub(super) fn of_json(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => of_number(whole),
            (None, Some(fraction)) => of_text(&format!("{:.0}", fraction.floor())),
            (None, None) => None,
        },
        Value::String(text) => of_text(text),
        _ => None,
    }
}

fn of_number(number: i64) -> Option<Timestamp> {
    let at_ms = match number {
        1..=SECONDS_MAX => number.checked_mul(1_000)?,
        _ if MILLISECONDS.contains(&number) => number,
        _ => return None,
    };
    Timestamp::from_upstream(at_ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn row_40_ends_are_read_in_the_forms_that_occur_and_absurd_ones_are_not_known() {
        let at = Some(Timestamp(1_795_359_600_000));
        let cases = [
            (json!(1_795_359_600), at),
            (json!(1_795_359_600.75), at),
            (json!(1_795_359_600_000_i64), at),
            (json!("1795359600"), at),
            (json!(" 1795359600.123 "), at),
            (json!("Sun, 22 Nov 2026 15:00:00 GMT"), at),
            (json!("2026-11-22T15:00:00.000Z"), at),
            (json!(253_402_207_199_i64), Some(Timestamp(253_402_207_199_000))),
            (json!(253_402_207_200_i64), None),
            (json!("Fri, 31 Dec 9999 23:59:59 GMT"), None),
            (json!(0), None),
            (json!(-1), None),
            (json!(-62_135_596_800_i64), None),
            (json!(i64::MAX), None),
            (json!(i64::MIN), None),
            (json!(u64::MAX), None),
            (json!(1e300), None),
            (json!(-1e300), None),
            (json!("99999999999999999999"), None),
            (json!("9".repeat(100_000)), None),
            (json!("Session"), None),
            (json!("1969-12-31T23:59:59Z"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
            (json!({"at": 1_795_359_600}), None),
            (json!([1_795_359_600]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(of_json(&value), expected, "{:.60}", value.to_string());
        }
    }
}
