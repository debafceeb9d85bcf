//! What every request passes: one log line, safe headers, a net under panics, and what is refused before any handler.
//!
//! The log line names the matched route and never the path, the query or a header, because those carry ids and keys
//! (invariant I8).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;
use url::form_urlencoded;

use super::answer::Fault;
use super::audit::Watch;
use super::{Room, hosts, limits, origin};
use crate::web;

/// Methods that any path might know; all others are refused everywhere.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Names of parameters, in small letters and digits alone, under which people put keys into addresses.
const CREDENTIAL_NAMES: [&str; 7] =
    ["apikey", "xapikey", "token", "accesstoken", "authtoken", "authorization", "bearer"];

/// Lets a request pass all of it, from the outside in. One function and no chain of layers: a layer has everything behind
/// it copied for each request.
pub(super) async fn pass(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!("request", %method, route = route.as_ref().map_or("unmatched", MatchedPath::as_str));
    let began = room.app.clock.now();
    async move {
        let is_page = web::wants_page(&request);
        let mut response = survive(admit(&room, request, next)).await;
        if is_page {
            response = web::as_page(response).await;
        }
        harden(&mut response);
        let duration_ms = room.app.clock.now().since_ms(began);
        tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Asks for the right name first, then who pays, then what is refused whoever asks.
async fn admit(room: &Room, mut request: Request, next: Next) -> Response {
    if !hosts::is_ours(room, &request) {
        return Fault::WrongHost.into_response();
    }
    origin::locate(room, &mut request);
    let meter = match limits::begin(room, &mut request) {
        Ok(meter) => meter,
        Err(refused) => return *refused,
    };
    let watch = Watch::begin(&mut request);
    let response = match refusal(room, &request) {
        Some(fault) => fault.into_response(),
        None => next.run(request).await,
    };
    if let Some(watch) = watch {
        watch.end(room, response.extensions().get().copied()).await;
    }
    meter.end(room, response)
}

/// What is refused before any handler: pages of other sites, strange methods, and keys in the address.
fn refusal(room: &Room, request: &Request) -> Option<Fault> {
    if origin::is_foreign(room, request) {
        return Some(Fault::ForeignOrigin);
    }
    if !METHODS.contains(request.method()) {
        return Some(Fault::NoMethod);
    }
    let query = request.uri().query().unwrap_or_default();
    if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_credential(&name)) {
        tracing::warn!(query = "***", "a key came in the address and may be in logs on its way: revoke it");
        return Some(Fault::CredentialsInUrl);
    }
    None
}

/// Adds headers that keep answers out of caches, frames and guesses about their type.
fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page of the viewer tells itself where it was, and nobody else: forms without an origin would be refused.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    // A page says what it needs itself. Attachments have a policy of their own, and may be kept by the caller.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
}

/// Turns a panic into an answer; the next request finds everything as it was, because all state is in the database.
async fn survive(answer: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("a handler panicked");
            Fault::Panicked.into_response()
        }
    }
}

/// Bounds answers that do not wait for a sync.
pub(super) async fn in_time(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response {
    let within = Duration::from_millis(room.settings.request_timeout_ms);
    match tokio::time::timeout(within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::TimedOut.into_response(),
    }
}

fn is_credential(name: &str) -> bool {
    let plain = || name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    CREDENTIAL_NAMES.iter().any(|known| known.bytes().eq(plain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn broken() -> Response {
        panic!("a mistake")
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let fine = async { "fine".into_response() };
        assert_eq!((survive(broken()).await.status().as_u16(), survive(fine).await.status().as_u16()), (500, 200));
    }

    #[test]
    fn names_of_credentials_are_known_in_any_spelling() {
        for name in ["api_key", "apiKey", "API-KEY", "x-api-key", "token", "access_token", "Authorization"] {
            assert!(is_credential(name), "{name}");
        }
        for name in ["nextCursor", "q", "key", "accountId", ""] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
