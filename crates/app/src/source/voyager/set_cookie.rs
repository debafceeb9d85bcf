//! One `Set-Cookie` header: name, value and the three attributes that matter to us.
//!
//! Pure, and as lenient as browsers are; anything it cannot use is `None`.

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

    /// Whether it is out of date at once, which is how a cookie is deleted. `Max-Age` wins over `Expires`.
    pub fn deletes(&self, now_ms: i64) -> bool {
        match (self.max_age_s, self.expires_ms) {
            (Some(age_s), _) => age_s <= 0,
            (None, Some(at_ms)) => at_ms <= now_ms,
            (None, None) => false,
        }
    }
}
