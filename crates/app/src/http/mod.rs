//! The HTTP API: the list of routes, and what every request passes on its way.
//!
//! A handler reads its input strictly, calls one verb, and shapes the answer. It may not touch the store, cause a
//! request to LinkedIn, or log anything of a query, a body or a key. What the routes mean is told in `docs/API.md`.

mod accounts;
mod answer;
mod audit;
mod body;
mod caller;
mod conversations;
mod cursor;
mod exists;
mod gate;
mod health;
mod hosts;
mod keys;
mod legacy;
mod limits;
mod listen;
mod logins;
mod messages;
mod origin;
mod params;
mod patience;
mod peers;
mod prefer;
mod quota;
mod refresh;
mod runs;
mod shape;
mod status;
mod sync;
mod thread;
mod tls;
mod writes;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post};
use tokio::sync::OnceCell;

use crate::app::App;
use crate::lifecycle::Stop;

pub use limits::Rate;
pub use listen::serve;
pub use tls::{Tls, TlsRefused};

use limits::Limits;

/// Limits of the server; the defaults are those of `docs/API.md`.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Largest request body, in bytes.
    pub body_max_bytes: usize,
    /// How long an answer may take that does not wait for a sync.
    pub request_timeout_ms: u64,
    /// How long a client may take to send a request's head, or keep a connection without one.
    pub header_timeout_ms: u64,
    /// How long a client may take nothing of an answer.
    pub stall_timeout_ms: u64,
    /// Largest request head, in bytes.
    pub head_max_bytes: usize,
    /// Connections at the same time; others wait to be accepted.
    pub connections_max: u32,
    /// Connections of one peer at the same time; more are closed at once. A proxy is not counted.
    pub peer_connections_max: u32,
    /// How long a stop waits for answers that are being written.
    pub stop_grace_ms: u64,
    /// Names besides those of this machine under which the server may be asked, without a port.
    pub hosts: Vec<String>,
    /// Whether only a proxy can reach the server: then the last hop that it tells is the client.
    pub behind_proxy: bool,
    /// The certificate to speak TLS with; without one plain HTTP is spoken.
    pub tls: Option<Tls>,
    /// The address that is listened on; `serve` fills it in.
    pub listen: Option<IpAddr>,
    /// How often a key may ask.
    pub key_rate: Rate,
    /// How often an address may ask without a working key.
    pub address_rate: Rate,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            body_max_bytes: 256 * 1024,
            request_timeout_ms: 30_000,
            header_timeout_ms: 10_000,
            stall_timeout_ms: 30_000,
            head_max_bytes: 16 * 1024,
            connections_max: 2_048,
            peer_connections_max: 1_024,
            stop_grace_ms: 10_000,
            hosts: Vec::new(),
            behind_proxy: false,
            tls: None,
            listen: None,
            key_rate: Rate { burst: 600, per_minute: 600 },
            address_rate: Rate { burst: 60, per_minute: 60 },
        }
    }
}

/// What handlers share.
struct Room {
    app: App,
    settings: HttpSettings,
    stop: Stop,
    cursor_secret: OnceCell<String>,
    limits: Limits,
}

/// The API; every route is there under `/linkedin` and bare.
pub fn router(app: App, settings: HttpSettings) -> Router {
    router_until(app, settings, Stop::default())
}

/// The API, whose waiting requests answer at once when a stop is asked for.
fn router_until(app: App, settings: HttpSettings, stop: Stop) -> Router {
    let limits = Limits::new(settings.key_rate, settings.address_rate);
    let room = Arc::new(Room { app, settings, stop, cursor_secret: OnceCell::new(), limits });
    let quick = reads().merge(acts()).merge(writes::routes());
    let api = waiting().merge(quick.route_layer(from_fn_with_state(room.clone(), gate::in_time)));

    Router::new()
        .nest("/linkedin", api.clone())
        .merge(api)
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        .layer(from_fn(gate::refuse_early))
        .layer(from_fn_with_state(room.clone(), origin::refuse_foreign))
        .layer(from_fn_with_state(room.clone(), audit::watch))
        .layer(from_fn_with_state(room.clone(), limits::meter))
        .layer(from_fn_with_state(room.clone(), origin::locate))
        .layer(from_fn_with_state(room.clone(), hosts::check))
        .layer(from_fn(gate::survive))
        .layer(from_fn(gate::harden))
        .layer(from_fn_with_state(room.clone(), gate::trace))
        .with_state(room)
}

/// Those that wait for LinkedIn or for a run, each with a limit of its own.
fn waiting() -> Router<Arc<Room>> {
    Router::new()
        .route("/conversations/sync", post(sync::run))
        .route("/conversations/{urn}/messages", get(messages::page))
        .route("/messaging/conversation-details", get(legacy::details))
        .route("/accounts", post(logins::add))
        .route("/accounts/{id}/reconnect", post(logins::reconnect))
}

/// Those that only read the database.
fn reads() -> Router<Arc<Room>> {
    Router::new()
        .route("/conversations", get(conversations::page))
        .route("/conversations/{urn}", get(thread::one))
        .route("/conversations/{urn}/participants", get(thread::people))
        .route("/conversations/exists/{profile}", get(exists::check))
        .route("/conversations/sync/status", get(status::all))
        .route("/conversations/sync/runs", get(runs::list))
        .route("/conversations/sync/runs/{id}", get(runs::one).delete(runs::cancel))
        .route("/messages/{urn}", get(thread::message_by_id))
        .route("/messages/{urn}/reactions", get(thread::reactions_of))
        .route("/messaging/recent-messages", get(legacy::recent))
        .route("/accounts", get(accounts::list))
        .route("/account/status", get(accounts::one).post(accounts::one))
        .route("/account/{id}/status", get(accounts::named))
        .route("/account/{id}/quota", get(quota::of_account))
        .route("/audit", get(audit::list))
        .route("/health", get(health::check))
}

/// Those that change something of ours.
fn acts() -> Router<Arc<Room>> {
    Router::new()
        .route("/conversations/refresh", post(refresh::ask))
        .route("/conversations/sync/runs/{id}/cancel", post(runs::cancel))
        .route("/accounts/{id}", delete(logins::remove))
        .route("/accounts/{id}/pause", post(logins::pause))
        .route("/accounts/{id}/resume", post(logins::resume))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{id}", delete(keys::revoke))
}
