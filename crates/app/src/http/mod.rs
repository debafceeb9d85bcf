//! The HTTP API: the list of routes, and what every request passes on its way.
//!
//! A handler reads its input strictly, calls one verb, and shapes the answer. It may not touch the store, cause a
//! request to LinkedIn, or log anything of a query, a body or a key. What the routes mean is told in `docs/API.md`.

mod accounts;
mod answer;
mod body;
mod caller;
mod conversations;
mod cursor;
mod gate;
mod health;
mod listen;
mod messages;
mod params;
mod prefer;
mod shape;
mod status;
mod sync;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::sync::OnceCell;

use crate::app::App;
use crate::lifecycle::Stop;

pub use listen::serve;

/// Limits of the server; the defaults are those of `docs/API.md`.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Largest request body, in bytes.
    pub body_max_bytes: usize,
    /// How long an answer may take that does not wait for a sync.
    pub request_timeout_ms: u64,
    /// How long a client may take to send a request's head, or keep a connection without one.
    pub header_timeout_ms: u64,
    /// Largest request head, in bytes.
    pub head_max_bytes: usize,
    /// Connections at the same time; others wait to be accepted.
    pub connections_max: u32,
    /// How long a stop waits for answers that are being written.
    pub stop_grace_ms: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            body_max_bytes: 256 * 1024,
            request_timeout_ms: 30_000,
            header_timeout_ms: 10_000,
            head_max_bytes: 16 * 1024,
            connections_max: 1_024,
            stop_grace_ms: 10_000,
        }
    }
}

/// What handlers share.
struct Room {
    app: App,
    settings: HttpSettings,
    stop: Stop,
    cursor_secret: OnceCell<String>,
}

/// The API; every route is there under `/linkedin` and bare.
pub fn router(app: App, settings: HttpSettings) -> Router {
    router_until(app, settings, Stop::default())
}

/// The API, whose waiting requests answer at once when a stop is asked for.
fn router_until(app: App, settings: HttpSettings, stop: Stop) -> Router {
    let room = Arc::new(Room { app, settings, stop, cursor_secret: OnceCell::new() });

    let waiting = Router::new()
        .route("/conversations/sync", post(sync::run))
        .route("/conversations/{urn}/messages", get(messages::page));
    let quick = Router::new()
        .route("/conversations", get(conversations::page))
        .route("/conversations/sync/status", get(status::all))
        .route("/accounts", get(accounts::list))
        .route("/account/status", get(accounts::one).post(accounts::one))
        .route("/account/{id}/status", get(accounts::named))
        .route("/health", get(health::check))
        .route_layer(from_fn_with_state(room.clone(), gate::in_time));
    let api = waiting.merge(quick);

    Router::new()
        .nest("/linkedin", api.clone())
        .merge(api)
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        .layer(from_fn(gate::refuse_early))
        .layer(from_fn(gate::survive))
        .layer(from_fn(gate::harden))
        .layer(from_fn_with_state(room.clone(), gate::trace))
        .with_state(room)
}
