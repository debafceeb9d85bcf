//! One `Set-Cookie` header: name, value and the three attributes that matter to us.
//!
//! Pure, and as lenient as browsers are; anything it cannot use is `None`.

use threadkeep_core::time::Timestamp;

use super::http_date;

/// Longest header that is looked at, in bytes.
const LENGTH_MAX: usize = 16 * 1024;
/// Most attributes that are looked at.
const ATTRIBUTES_MAX: usize = 32;

/// What a `Set-Cookie` header says.
pub struct SetCookie<'a> {
    /// The name.
    pub name: &'a str,
    /// The value as it came.
    pub value: &'a str,
    /// The domain, without its leading dot.
    pub domain: Option<&'a str>,
    expires_ms: Option<i64>,
    max_age_s: Option<i64>,
}

impl<'a> SetCookie<'a> {
    /// Reads a header.
    pub fn parse(header: &'a str) -> Option<Self> {
        if header.len() > LENGTH_MAX {
            return None;
        }
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let mut set = Self { name: name.trim(), value: value.trim(), domain: None, expires_ms: None, max_age_s: None };
        for part in parts.take(ATTRIBUTES_MAX) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let (key, value) = (key.trim(), value.trim());
            if key.eq_ignore_ascii_case("domain") {
                set.domain = Some(value.strip_prefix('.').unwrap_or(value)).filter(|domain| !domain.is_empty());
            } else if key.eq_ignore_ascii_case("expires") {
                set.expires_ms = http_date::parse(value);
            } else if key.eq_ignore_ascii_case("max-age") {
                set.max_age_s = value.parse().ok();
            }
        }
        Some(set)
    }

    /// The end of it, where it tells one that can be: `Max-Age` wins over `Expires`. Absurd ages and dates tell nothing.
    pub fn expires_at(&self, now_ms: i64) -> Option<Timestamp> {
        let at_ms = match self.max_age_s {
            Some(age_s) => age_s.checked_mul(1_000)?.checked_add(now_ms)?,
            None => self.expires_ms?,
        };
        Timestamp::from_upstream(at_ms)
    }

    /// Whether it is out of date at once, which is how a cookie is deleted. `Max-Age` wins over `Expires`.
    pub fn deletes(&self, now_ms: i64) -> bool {
        match (self.max_age_s, self.expires_ms) {
            (Some(age_s), _) => age_s <= 0,
            (None, Some(at_ms)) => at_ms <= now_ms,
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_359_600_000;

    #[test]
    fn row_43_an_end_is_told_or_unknown_and_never_absurd() {
        let year_on = Some(Timestamp(NOW_MS + 31_536_000_000));
        let cases = [
            ("li_at=a; Max-Age=31536000", year_on),
            ("li_at=a; Expires=Mon, 22 Nov 2027 15:00:00 GMT", year_on),
            ("li_at=a; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=31536000", year_on),
            ("li_at=a", None),
            ("li_at=a; Max-Age=", None),
            ("li_at=a; Max-Age=soon", None),
            // Not a number that fits: as if it were not there.
            ("li_at=a; Max-Age=99999999999999999999; Expires=Mon, 22 Nov 2027 15:00:00 GMT", year_on),
            ("li_at=a; Max-Age=9223372036854775807", None),
            ("li_at=a; Max-Age=9223372036854775", None),
            ("li_at=a; Max-Age=-9223372036854775808", None),
            ("li_at=a; Max-Age=300000000000", None),
            ("li_at=a; Expires=Tue, 28 Dec 9999 23:59:59 GMT", Some(Timestamp(253_402_041_599_000))),
            ("li_at=a; Expires=Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("li_at=a; Expires=Fri, 31 Dec 99999 23:59:59 GMT", None),
            ("li_at=a; Expires=Mon, 22 Nov -2027 15:00:00 GMT", year_on),
            ("li_at=a; Expires=never", None),
        ];
        for (header, expected) in cases {
            assert_eq!(SetCookie::parse(header).unwrap().expires_at(NOW_MS), expected, "{header}");
        }
    }
}
