//! The cookies of one session: an ordered jar that only ever holds LinkedIn's cookies, within limits.
//!
//! Values are kept byte for byte, with the quotes that some have (upstream protocol 1.1), and reach nothing but a
//! `Cookie` header. No value may reach a log, an error or a `Debug` output (invariant I8).

use std::fmt;

use serde::{Deserialize, Serialize};
use threadkeep_core::time::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::set_cookie::SetCookie;
use crate::planted::{self, Bug};

/// Most cookies in a jar.
pub const COOKIES_MAX: usize = 200;
/// Longest value of one cookie, in bytes.
pub const COOKIE_VALUE_MAX: usize = 8 * 1024;
/// Longest name of a cookie, in bytes.
pub const COOKIE_NAME_MAX: usize = 256;
/// Names and values of a whole jar together, in bytes.
pub const JAR_MAX: usize = 64 * 1024;

/// The session credential.
pub const SESSION_COOKIE: &str = "li_at";
/// The cookie that holds the CSRF secret.
pub const CSRF_COOKIE: &str = "JSESSIONID";
/// A date that moves by less is no news: an answer that only says "a year from now" again is not stored for it.
const DATE_MOVED_MS: i64 = 3_600_000;
/// What is never carried from a browser to another machine: bound to an address, or no legal value (protocol 1.1).
const LEFT_BEHIND: [&str; 2] = ["__cf_bm", "g_state"];

/// Why a cookie cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieRefused {
    /// A control character, such as a line end.
    ControlCharacter,
    /// A character outside ASCII.
    NotAscii,
    /// A semicolon, or a name that is none.
    Malformed,
    /// Beyond a limit for one cookie or for the jar.
    TooLarge,
}

/// What a `Set-Cookie` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieChange {
    /// Of another site, malformed, or beyond a limit.
    Ignored,
    /// The jar had it already.
    Unchanged,
    /// The jar is different now.
    Changed,
    /// It deletes the session credential: the session is dead. The jar was not touched.
    SessionRevoked,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Cookie {
    name: String,
    value: String,
    /// When it ends, where that was told; kept of the session credential alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at_ms: Option<i64>,
}

/// An ordered jar of LinkedIn's cookies.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Cookies {
    cookies: Vec<Cookie>,
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cookies({} …)", self.cookies.len())
    }
}

impl Cookies {
    /// The value of a cookie as it came.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    /// When the session credential ends, by the date that came with it; `None` when none came.
    pub fn login_expires_at(&self) -> Option<Timestamp> {
        let credential = self.cookies.iter().find(|cookie| cookie.name == SESSION_COOKIE)?;
        if planted::is(Bug::LoginEndForgotten) {
            return None;
        }
        credential.expires_at_ms.and_then(Timestamp::from_upstream)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cookies.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// The value of the `Cookie` header.
    pub fn header(&self) -> String {
        let mut header = String::with_capacity(self.size() + 4 * self.cookies.len());
        for cookie in &self.cookies {
            if !header.is_empty() {
                header.push_str("; ");
            }
            header.push_str(&cookie.name);
            header.push('=');
            header.push_str(&cookie.value);
        }
        header
    }

    /// The value of the `csrf-token` header: the CSRF cookie without quotes and backslashes (upstream protocol 1.1).
    pub fn csrf_token(&self) -> Option<String> {
        let token: String = self.get(CSRF_COOKIE)?.chars().filter(|one| !matches!(one, '"' | '\\')).collect();
        Some(token).filter(|token| !token.is_empty())
    }

    /// Puts a cookie of an import into the jar; a later one of the same name replaces the value. What must not move to
    /// another machine is left behind.
    pub fn put_imported(&mut self, name: &str, value: &str) -> Result<(), CookieRefused> {
        self.put_imported_until(name, value, None)
    }

    /// The same of a form that tells when a cookie ends.
    pub fn put_imported_until(
        &mut self,
        name: &str,
        value: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<(), CookieRefused> {
        let is_nothing = value.is_empty() || is_deletion_mark(value);
        if LEFT_BEHIND.contains(&name) || is_nothing {
            return Ok(());
        }
        self.put(name, value, expires_at).map(drop)
    }

    /// Takes over one `Set-Cookie` header of an answer from `host` (upstream protocol 1.6).
    pub fn merge_set_cookie(&mut self, header: &str, host: &str, now_ms: i64) -> CookieChange {
        let Some(set) = SetCookie::parse(header) else {
            return CookieChange::Ignored;
        };
        let is_foreign = set.domain.is_some_and(|domain| !is_own_domain(domain) && domain != host);
        if is_foreign && !planted::is(Bug::ForeignCookieTaken) {
            return CookieChange::Ignored;
        }
        if set.deletes(now_ms) || is_deletion_mark(set.value) {
            return self.remove(set.name);
        }
        match self.put(set.name, set.value, set.expires_at(now_ms)) {
            Ok(true) => CookieChange::Changed,
            Ok(false) => CookieChange::Unchanged,
            Err(_) => CookieChange::Ignored,
        }
    }

    /// Whether the jar is within the limits and every cookie is well formed; for a jar that was stored.
    pub fn check(&self) -> Result<(), CookieRefused> {
        let is_within = self.cookies.len() <= COOKIES_MAX && self.size() <= JAR_MAX;
        if !is_within {
            return Err(CookieRefused::TooLarge);
        }
        self.cookies.iter().try_for_each(|cookie| check_cookie(&cookie.name, &cookie.value))
    }

    /// Whether the jar changed. The date goes with the value: one that came without has none.
    fn put(&mut self, name: &str, value: &str, expires_at: Option<Timestamp>) -> Result<bool, CookieRefused> {
        check_cookie(name, value)?;
        let expires_at_ms = expires_at.map(|at| at.0).filter(|_| name == SESSION_COOKIE);
        let old = self.cookies.iter().position(|cookie| cookie.name == name);
        let old_size = old.and_then(|at| self.cookies.get(at)).map_or(0, |cookie| name.len() + cookie.value.len());
        if self.size() - old_size + name.len() + value.len() > JAR_MAX {
            return Err(CookieRefused::TooLarge);
        }
        let count = self.cookies.len();
        match old.and_then(|at| self.cookies.get_mut(at)) {
            Some(cookie) if cookie.value == value => {
                let is_news = has_moved(cookie.expires_at_ms, expires_at_ms);
                if is_news {
                    cookie.expires_at_ms = expires_at_ms;
                }
                return Ok(is_news);
            }
            Some(cookie) => {
                cookie.value.zeroize();
                value.clone_into(&mut cookie.value);
                cookie.expires_at_ms = expires_at_ms;
            }
            None if count >= COOKIES_MAX => return Err(CookieRefused::TooLarge),
            None => self.cookies.push(Cookie { name: name.to_owned(), value: value.to_owned(), expires_at_ms }),
        }
        Ok(true)
    }

    fn remove(&mut self, name: &str) -> CookieChange {
        match name {
            SESSION_COOKIE => CookieChange::SessionRevoked,
            // Without it nothing can be asked; a dead one shows itself as a failed CSRF check.
            CSRF_COOKIE => CookieChange::Ignored,
            _ => {
                let before = self.cookies.len();
                self.cookies.retain(|cookie| cookie.name != name);
                if self.cookies.len() == before { CookieChange::Unchanged } else { CookieChange::Changed }
            }
        }
    }

    fn size(&self) -> usize {
        self.cookies.iter().map(|cookie| cookie.name.len() + cookie.value.len()).sum()
    }
}

/// Whether a cookie's domain is the one that the messaging pages are served from.
pub fn is_own_domain(domain: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    domain.eq_ignore_ascii_case("linkedin.com") || domain.eq_ignore_ascii_case("www.linkedin.com")
}

/// Whether a date is another one, or was not known before, or is not any more.
fn has_moved(before_ms: Option<i64>, now_ms: Option<i64>) -> bool {
    match (before_ms, now_ms) {
        (Some(before_ms), Some(now_ms)) => before_ms.abs_diff(now_ms) >= DATE_MOVED_MS.unsigned_abs(),
        (before_ms, now_ms) => before_ms != now_ms,
    }
}

/// The literal value by which LinkedIn deletes (upstream protocol 1.5).
fn is_deletion_mark(value: &str) -> bool {
    value.trim_matches('"').trim().eq_ignore_ascii_case("delete me")
}

fn check_cookie(name: &str, value: &str) -> Result<(), CookieRefused> {
    let mut bytes = name.bytes().chain(value.bytes());
    if bytes.any(|byte| byte.is_ascii_control()) {
        return Err(CookieRefused::ControlCharacter);
    }
    if !name.is_ascii() || !value.is_ascii() {
        return Err(CookieRefused::NotAscii);
    }
    if name.len() > COOKIE_NAME_MAX || value.len() > COOKIE_VALUE_MAX {
        return Err(CookieRefused::TooLarge);
    }
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"=;,\"".contains(&byte));
    if is_name && !value.contains(';') { Ok(()) } else { Err(CookieRefused::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_359_600_000;
    const HOST: &str = "www.linkedin.com";

    fn jar() -> Cookies {
        let mut jar = Cookies::default();
        jar.put_imported("li_at", "AQEDtest").unwrap();
        jar.put_imported("JSESSIONID", "\"ajax:0000000000000000001\"").unwrap();
        jar.put_imported("lidc", "\"b=1\"").unwrap();
        jar
    }

    #[test]
    fn the_token_has_no_quotes_and_the_cookie_keeps_them() {
        let mut jar = jar();
        assert_eq!(jar.csrf_token().unwrap(), "ajax:0000000000000000001");
        assert_eq!(jar.header(), "li_at=AQEDtest; JSESSIONID=\"ajax:0000000000000000001\"; lidc=\"b=1\"");
        jar.put_imported("JSESSIONID", "\"\\\"ajax:2\\\"\"").unwrap();
        assert_eq!(jar.csrf_token().unwrap(), "ajax:2");
        jar.put_imported("JSESSIONID", "ajax:3").unwrap();
        assert_eq!(jar.csrf_token().unwrap(), "ajax:3");
        assert_eq!(format!("{jar:?}"), "Cookies(3 …)");
    }

    #[test]
    fn row_43_set_cookies_are_merged_by_what_they_mean() {
        use CookieChange::{Changed, Ignored, SessionRevoked, Unchanged};
        let long = format!("x={}", "a".repeat(COOKIE_VALUE_MAX + 1));
        let cases = [
            ("lidc=\"b=2\"; Path=/; Domain=.linkedin.com; Secure", Changed),
            ("lidc=\"b=1\"; Path=/", Unchanged),
            ("JSESSIONID=\"ajax:9\"; Domain=.www.linkedin.com; Max-Age=600", Changed),
            ("li_at=AQEDnew; Expires=Mon, 22 Nov 2027 15:00:00 GMT", Changed),
            ("li_at=delete me; Expires=Thu, 01 Jan 1970 00:00:10 GMT", SessionRevoked),
            ("li_at=\"delete me\"; Path=/", SessionRevoked),
            ("li_at=AQED; Max-Age=0", SessionRevoked),
            ("li_at=AQED; Max-Age=-5; Expires=Mon, 22 Nov 2027 15:00:00 GMT", SessionRevoked),
            ("li_at=; expires=Thu, 01-Jan-1970 00:00:00 GMT; domain=.linkedin.com", SessionRevoked),
            ("li_at=delete me; Domain=.evil.test; Max-Age=0", Ignored),
            ("JSESSIONID=delete me; Max-Age=0", Ignored),
            ("lidc=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", Changed),
            ("lidc=x; Max-Age=0", Changed),
            ("other=x; Max-Age=0", Unchanged),
            ("a=1; Domain=.com", Ignored),
            ("a=1; Domain=evil.test", Ignored),
            ("a=1; Domain=notlinkedin.com", Ignored),
            ("a=1; Domain=linkedin.com.evil.test", Ignored),
            ("a=1; Domain=ads.linkedin.com", Ignored),
            ("a=1; Domain=WWW.LinkedIn.com", Changed),
            ("a", Ignored),
            ("=b", Ignored),
            ("a b=1", Ignored),
            (long.as_str(), Ignored),
        ];
        for (header, expected) in cases {
            assert_eq!(jar().merge_set_cookie(header, HOST, NOW_MS), expected, "{header:.60}");
        }
        let mut kept = jar();
        kept.merge_set_cookie("li_at=delete me; Max-Age=0", HOST, NOW_MS);
        assert!(kept == jar());
    }

    #[test]
    fn the_date_of_a_login_goes_with_its_value_and_is_that_of_no_other_cookie() {
        use CookieChange::{Changed, Unchanged};
        let hour_ms = 3_600_000;
        let at = |ms: i64| Some(Timestamp(NOW_MS + ms));
        let mut jar = jar();
        let mut told = |header: &str| (jar.merge_set_cookie(header, HOST, NOW_MS), jar.login_expires_at());
        assert_eq!(told("lidc=2; Max-Age=86400"), (Changed, None));
        assert_eq!(told("JSESSIONID=\"ajax:9\"; Max-Age=600"), (Changed, None));
        assert_eq!(told("li_at=AQEDtest; Max-Age=36000"), (Changed, at(10 * hour_ms)));
        assert_eq!(told("li_at=AQEDtest; Max-Age=39000"), (Unchanged, at(10 * hour_ms)), "too little to be news");
        assert_eq!(told("li_at=AQEDtest; Max-Age=39600"), (Changed, at(11 * hour_ms)));
        assert_eq!(told("lidc=3; Max-Age=60"), (Changed, at(11 * hour_ms)));
        assert_eq!(told("li_at=AQEDnew; Max-Age=7200"), (Changed, at(2 * hour_ms)));
        assert_eq!(told("li_at=AQEDnew; Max-Age=9223372036854775807"), (Changed, None), "no date that can be");
        assert_eq!(told("li_at=AQEDnext; Max-Age=7200"), (Changed, at(2 * hour_ms)));
        assert_eq!(told("li_at=AQEDlast"), (Changed, None), "the date was that of another value");
        let stored: Cookies = serde_json::from_str("[{\"name\":\"li_at\",\"value\":\"AQED\"}]").unwrap();
        assert_eq!(stored.login_expires_at(), None, "as sessions were stored before dates were kept");
        let absurd = "[{\"name\":\"li_at\",\"value\":\"AQED\",\"expires_at_ms\":-9223372036854775808}]";
        assert_eq!(serde_json::from_str::<Cookies>(absurd).unwrap().login_expires_at(), None);
    }

    #[test]
    fn row_43_a_flood_of_cookies_stops_at_the_limits() {
        let mut jar = jar();
        for number in 0..10_000 {
            jar.merge_set_cookie(&format!("c{number}=x"), HOST, NOW_MS);
        }
        assert_eq!(jar.len(), COOKIES_MAX);
        let vast = format!("li_at={}", "y".repeat(1024 * 1024));
        assert_eq!(jar.merge_set_cookie(&vast, HOST, NOW_MS), CookieChange::Ignored);
        assert_eq!(jar.get("li_at"), Some("AQEDtest"));
        let big = "y".repeat(COOKIE_VALUE_MAX);
        for number in 0..20 {
            jar.merge_set_cookie(&format!("c{number}={big}"), HOST, NOW_MS);
        }
        assert!(jar.check().is_ok());
        assert!(jar.get("li_at").is_some());
    }
}
