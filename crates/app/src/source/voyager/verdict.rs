//! What an answer means before anybody reads its body: good, or which trouble (upstream protocol 1.5).
//!
//! A dead session seldom looks like a clean 401, so everything doubtful stops the account rather than asks again. The
//! texts name how it showed and never repeat an address or a body.

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER, SET_COOKIE};
use threadkeep_core::page::Trouble;

use super::cookies::CookieChange;
use super::http_date;
use super::session::Session;
use crate::planted::{self, Bug};
use crate::source::egress::{Answer, EgressFault};

/// Longest wait that is believed, in milliseconds; a longer one is a mistake.
pub const RETRY_AFTER_MAX_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Most `Set-Cookie` headers of one answer that are looked at.
const SET_COOKIES_MAX: usize = 100;
/// How much of a page is searched for a challenge, in bytes.
const PAGE_SEARCH_MAX: usize = 256 * 1024;

/// The sign of a rotated or missing CSRF secret; plain text, not JSON.
const CSRF_FAILED: &[u8] = b"CSRF check failed";
/// Where a session that is over or doubted is sent.
const LOGIN_PLACES: [&[u8]; 5] = [b"/checkpoint/", b"/uas/login", b"/authwall", b"/login", b"/uas/authenticate"];

/// What an answer is.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One whose body may be read.
    Good,
    /// The CSRF secret was refused: read it from the jar again, once.
    CsrfRefused,
    /// Trouble.
    Bad(Trouble),
}

impl Verdict {
    /// Whether the session is over, so that nothing of this answer may touch the stored jar (upstream protocol 1.6).
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Bad(Trouble::NeedsLogin { .. } | Trouble::Challenged { .. } | Trouble::Blocked))
    }
}

/// What an answer means.
pub fn verdict(answer: &Answer, now_ms: i64) -> Verdict {
    let bad = match answer.status {
        200 => return of_page(&answer.body),
        300..=399 if planted::is(Bug::RedirectIsPassing) => Trouble::Unavailable { what: "redirected".to_owned() },
        300..=399 => redirected(&answer.headers),
        401 => Trouble::NeedsLogin { what: "the session was not accepted (401)".to_owned() },
        403 if answer.body.trim_ascii_start().starts_with(CSRF_FAILED) => return Verdict::CsrfRefused,
        // A read of the member's own mailbox is forbidden only to a session that is no longer theirs.
        403 => Trouble::NeedsLogin { what: "the session may not read (403)".to_owned() },
        400 => Trouble::Refused { what: "bad request (400): a lost position or an outdated query id".to_owned() },
        429 => Trouble::RateLimited { retry_after_ms: retry_after(&answer.headers, now_ms) },
        999 => Trouble::Blocked,
        408 | 500..=599 => Trouble::Unavailable { what: format!("status {}", answer.status) },
        status @ 401..=499 => Trouble::Refused { what: format!("status {status}") },
        status => Trouble::Unreadable { what: format!("status {status}") },
    };
    Verdict::Bad(bad)
}

/// What a missing answer means.
pub fn of_fault(fault: EgressFault) -> Trouble {
    let what = fault.to_string();
    match fault {
        EgressFault::NoConnection | EgressFault::Timeout | EgressFault::Cut | EgressFault::Failed => {
            Trouble::Unavailable { what }
        }
        EgressFault::TooLarge => Trouble::Unreadable { what },
        EgressFault::ForbiddenAddress | EgressFault::BadRequest => Trouble::Refused { what },
    }
}

/// Takes over the cookies of an answer. True when one of them ends the session; the jar is then to be thrown away.
pub fn merge_cookies(session: &mut Session, headers: &HeaderMap, host: &str, now_ms: i64) -> bool {
    let set = headers.get_all(SET_COOKIE).into_iter().take(SET_COOKIES_MAX);
    set.filter_map(|header| header.to_str().ok())
        .any(|header| session.cookies.merge_set_cookie(header, host, now_ms) == CookieChange::SessionRevoked)
}

fn of_page(body: &[u8]) -> Verdict {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if !body.starts_with(b"<") || planted::is(Bug::LoginPageIsOdd) {
        return Verdict::Good;
    }
    let searched = body.get(..PAGE_SEARCH_MAX).unwrap_or(body);
    let what = "a page came instead of data".to_owned();
    Verdict::Bad(match contains(searched, b"checkpoint/challenge") {
        true => Trouble::Challenged { what },
        false => Trouble::NeedsLogin { what },
    })
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}

/// What a redirect of a question means.
fn redirected(headers: &HeaderMap) -> Trouble {
    let target = target(headers);
    // `/checkpoint/lg/…` are login forms.
    let is_challenge = contains(&target, b"/checkpoint/") && !contains(&target, b"/checkpoint/lg/");
    match is_challenge {
        true => Trouble::Challenged { what: "redirected to a check".to_owned() },
        false => Trouble::NeedsLogin { what: "redirected instead of answered".to_owned() },
    }
}

/// Where a redirect leads to, in lower case.
fn target(headers: &HeaderMap) -> Vec<u8> {
    headers.get(LOCATION).map(|target| target.as_bytes().to_ascii_lowercase()).unwrap_or_default()
}

/// What a redirect of a file means: trouble only when it leads to a login or a check (upstream protocol 6.2).
pub fn redirected_to_login(headers: &HeaderMap) -> Option<Trouble> {
    let target = target(headers);
    let is_login = LOGIN_PLACES.iter().any(|place| contains(&target, place));
    is_login.then(|| redirected(headers))
}

/// Seconds or a date; anything absurd or past is as if it had not been said.
pub fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait_ms = match text.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(1_000)?,
        Err(_) if planted::is(Bug::RetryDateAsSpan) => http_date::parse(text)?,
        Err(_) => http_date::parse(text)?.checked_sub(now_ms)?,
    };
    (0..=RETRY_AFTER_MAX_MS).contains(&wait_ms).then_some(wait_ms)
}
