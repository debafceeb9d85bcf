//! Who looks at a page: the session of the cookie, and what becomes of a request without one.
//!
//! The cookie holds a random token and nothing else. It goes to this host alone, over TLS or within this machine, to no
//! script, and with no request that another site has caused.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::page;
use crate::http::{Fault, Room, turned_away, welcomed};
use crate::refusal::Refusal;
use crate::verbs::keys::Caller;
use crate::verbs::sign_in::{self, SESSION_MAX_MS, SignedIn};

/// The cookie; the prefix makes browsers refuse one that is not for this host alone.
const COOKIE_NAME: &str = "__Host-threadkeep";
/// Where a key is given.
const LOGIN: &str = "/ui/login";
/// Longest place that is come back to after the login, in bytes.
const NEXT_MAX: usize = 2_048;

/// Somebody who is signed in.
pub(super) struct Visitor {
    /// What they may do.
    pub(super) caller: Caller,
    /// What their forms carry.
    pub(super) form_secret: String,
}

impl FromRequestParts<Arc<Room>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Self, Response> {
        let token = token(&parts.headers).unwrap_or_default();
        match sign_in::who(&room.app, token).await {
            Ok(SignedIn { caller, form_secret }) => {
                let caller = welcomed(parts, room, caller).map_err(IntoResponse::into_response)?;
                Ok(Self { caller, form_secret })
            }
            Err(refusal) => Err(refused(parts, room, refusal)),
        }
    }
}

impl Visitor {
    /// Refuses a form that does not carry the secret of this session.
    pub(super) fn must_own(&self, given: &str) -> Result<(), Fault> {
        match sign_in::is_own_form(&self.form_secret, given) {
            true => Ok(()),
            false => Err(Fault::ForeignOrigin),
        }
    }
}

/// Whether a request is paid for by a key once its session is known, or by more than the usual when a key is wrong.
pub(crate) fn pays_later(request: &Request) -> bool {
    let path = request.uri().path();
    page::is_ours(path) && (token(request.headers()).is_some() || (path == LOGIN && *request.method() == Method::POST))
}

/// The token that a browser has sent.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value).next()
}

/// The header that gives a browser a token.
pub(super) fn given(token: &str) -> Option<HeaderValue> {
    cookie(token, SESSION_MAX_MS / 1_000)
}

/// The header that takes it away.
pub(super) fn taken() -> Option<HeaderValue> {
    cookie("", 0)
}

fn cookie(token: &str, seconds: i64) -> Option<HeaderValue> {
    let text = format!("{COOKIE_NAME}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A place of ours to go to next; the inbox for anything else.
pub(super) fn next_place(given: &str) -> &str {
    let is_plain = given.len() <= NEXT_MAX && !given.contains('\\') && !given.chars().any(char::is_control);
    match given.starts_with(super::HOME) && is_plain {
        true => given,
        false => super::HOME,
    }
}

/// What becomes of a request without a living session: a page leads to the login, anything else is refused.
fn refused(parts: &Parts, room: &Room, refusal: Refusal) -> Response {
    if !matches!(refusal, Refusal::Unauthorized) {
        return Fault::from(refusal).into_response();
    }
    let fault = turned_away(&parts.extensions, room, refusal.into());
    let is_visit = parts.method == Method::GET && page::prefers_pages(&parts.headers);
    if !is_visit || !matches!(fault, Fault::Refused(Refusal::Unauthorized)) {
        return fault.into_response();
    }
    let place = parts.uri.path_and_query().map_or(super::HOME, |place| place.as_str());
    if is_led_by_others(&parts.headers) && token(&parts.headers).is_none() {
        // A link of another site comes without the cookie; asked for by a page of ours it comes with it.
        return page::passing_on(place).unwrap_or_else(IntoResponse::into_response);
    }
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("next", place).finish();
    Redirect::to(&format!("{LOGIN}?{query}")).into_response()
}

fn is_led_by_others(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(token(&headers), None);
        headers.append(COOKIE, HeaderValue::from_static("a=b; __Host-threadkeepx=1;  __Host-threadkeep=t0k ; c"));
        assert_eq!(token(&headers), Some("t0k"));
    }

    #[test]
    fn nobody_is_led_elsewhere_by_the_login() {
        for place in ["/ui/", "/ui/thread/a/b?before=c#m-2-d", "/ui/search?q=%22"] {
            assert_eq!(next_place(place), place);
        }
        for place in ["", "/", "//evil.test", "https://evil.test/ui/", "/ui", "/ui/\\evil", "/ui/\r\nSet-Cookie: a=b"] {
            assert_eq!(next_place(place), "/ui/", "{place:?}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_host_and_no_script() {
        let value = given("t").unwrap();
        assert!(value.is_sensitive());
        let text = value.to_str().unwrap();
        for part in ["__Host-threadkeep=t;", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("Domain"));
        assert!(taken().unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
