//! From when until when a certificate holds, read out of its own bytes.
//!
//! Pure, and only as much of the form (X.509, RFC 5280 4.1) as lies before those two dates. It judges nothing else of a
//! certificate, and nothing may be believed because of it. Our own, because a library for all of the form brings eight more
//! crates, a third calendar among them, for two dates that are only shown.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use threadkeep_core::time::Timestamp;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// The version, which the first form does not have.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Two digits of a year stand for this century below fifty, and for the one before from there on.
const CENTURY_ENDS: i16 = 50;

/// When a certificate begins and ends to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From then on.
    pub begins_at: Timestamp,
    /// Until then.
    pub ends_at: Timestamp,
}

/// Reads the two dates; `None` when the bytes are no certificate, or its dates are none.
pub fn validity(certificate: &[u8]) -> Option<Validity> {
    let (outer, _) = of_tag(SEQUENCE, certificate)?;
    let (mut rest, _) = of_tag(SEQUENCE, outer)?;
    if let Some((_, behind)) = of_tag(VERSION, rest) {
        rest = behind;
    }
    let (_, rest) = of_tag(INTEGER, rest)?;
    let (_, rest) = of_tag(SEQUENCE, rest)?;
    let (_, rest) = of_tag(SEQUENCE, rest)?;
    let (dates, _) = of_tag(SEQUENCE, rest)?;
    let (begins_at, rest) = date(dates)?;
    let (ends_at, _) = date(rest)?;
    Some(Validity { begins_at, ends_at })
}

/// The contents of the element at the beginning, and what comes behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (contents, behind) = rest.split_at_checked(length)?;
    Some((tag, contents, behind))
}

fn of_tag(wanted: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(tag, ..)| *tag == wanted).map(|(_, contents, behind)| (contents, behind))
}

fn date(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, contents, behind) = element(bytes)?;
    let text = std::str::from_utf8(contents).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = digits(year)?;
            (if year < CENTURY_ENDS { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (digits(year)?, rest)
        }
        _ => return None,
    };
    let two = |at: usize| -> Option<i8> { digits(rest.get(at..at + 2)?) };
    let day = Date::new(year, two(0)?, two(2)?).ok()?;
    let time = Time::new(two(4)?, two(6)?, two(8)?, 0).ok().filter(|_| rest.len() == 10)?;
    let at = day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    Some((Timestamp(at), behind))
}

fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u8::try_from(contents.len()).unwrap();
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, contents.to_vec()].concat()
    }

    fn certificate(dates: &[u8]) -> Vec<u8> {
        let inner = [
            wrapped(VERSION, &wrapped(INTEGER, &[2])),
            wrapped(INTEGER, &[1; 20]),
            wrapped(SEQUENCE, &[]),
            wrapped(SEQUENCE, &[0; 90]),
            wrapped(SEQUENCE, dates),
        ];
        wrapped(SEQUENCE, &wrapped(SEQUENCE, &inner.concat()))
    }

    #[test]
    fn both_forms_of_dates_are_read() {
        let dates = [wrapped(UTC_TIME, b"700101000000Z"), wrapped(GENERALIZED_TIME, b"20261122150000Z")].concat();
        let expected = Validity { begins_at: Timestamp(0), ends_at: Timestamp(1_795_359_600_000) };
        assert_eq!(validity(&certificate(&dates)), Some(expected));
    }

    #[test]
    fn damaged_bytes_have_no_dates() {
        for text in
            ["20261322150000Z", "20261122150000", "2026112215000 Z", "2026112215000000Z", "99991231235959Z", "Z", ""]
        {
            let one = wrapped(GENERALIZED_TIME, text.as_bytes());
            assert_eq!(validity(&certificate(&[one.clone(), one].concat())), None, "{text}");
        }
        let dates = [wrapped(UTC_TIME, b"260101000000Z"), wrapped(UTC_TIME, b"261122150000Z")].concat();
        let whole = certificate(&dates);
        assert!(validity(&whole).is_some());
        for cut in 0..whole.len() {
            assert_eq!(validity(&whole[..cut]), None, "{cut}");
            let mut changed = whole.clone();
            for byte in [0, 0x7f, 0x80, 0x84, 0xff] {
                changed[cut] = byte;
                // Whatever comes of it: no panic.
                let _ = validity(&changed);
            }
        }
    }
}
