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

use super::Room;
use super::answer::Fault;

/// Methods that any path might know; all others are refused everywhere.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Names of parameters, in small letters and digits alone, under which people put keys into addresses.
const CREDENTIAL_NAMES: [&str; 7] =
    ["apikey", "xapikey", "token", "accesstoken", "authtoken", "authorization", "bearer"];

/// Writes one line for each request.
pub(super) async fn trace(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", %method, route);
    let began = room.app.clock.now();
    async move {
        let response = next.run(request).await;
        let duration_ms = room.app.clock.now().since_ms(began);
        tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Adds headers that keep answers out of caches, frames and guesses about their type.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // A page says what it needs itself. Attachments have a policy of their own, and may be kept by the caller.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    response
}

/// Turns a panic into an answer; the next request finds everything as it was, because all state is in the database.
pub(super) async fn survive(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("a handler panicked");
            Fault::Panicked.into_response()
        }
    }
}

/// Refuses strange methods, and keys in the address.
pub(super) async fn refuse_early(request: Request, next: Next) -> Response {
    if !METHODS.contains(request.method()) {
        return Fault::NoMethod.into_response();
    }
    let query = request.uri().query().unwrap_or_default();
    if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_credential(&name)) {
        tracing::warn!(query = "***", "a key came in the address and may be in logs on its way: revoke it");
        return Fault::CredentialsInUrl.into_response();
    }
    next.run(request).await
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
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    CREDENTIAL_NAMES.contains(&plain.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn broken() -> &'static str {
        panic!("a mistake")
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_the_next_request_is_served() {
        let router =
            Router::new().route("/broken", get(broken)).route("/fine", get(async || "fine")).layer(from_fn(survive));
        let ask = async |path: &str| {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().status().as_u16()
        };
        assert_eq!((ask("/broken").await, ask("/fine").await), (500, 200));
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
