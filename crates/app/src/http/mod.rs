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
pub mod document;
mod exists;
mod export;
mod gate;
mod health;
mod hosts;
mod import;
mod keys;
mod legacy;
mod limits;
mod listen;
mod logins;
mod media;
mod messages;
mod origin;
mod params;
mod patience;
mod peers;
mod prefer;
mod quota;
mod refresh;
mod runs;
mod search;
mod shape;
mod status;
mod sync;
mod thread;
mod tls;
mod validity;
mod verify;
mod writes;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::sync::{OnceCell, Semaphore};
use utoipa_axum::routes;

use crate::app::App;
use crate::lifecycle::Stop;
use crate::web;

pub use limits::Rate;
pub use listen::{serve, serve_beside};
pub use tls::{Tls, TlsRefused};
pub use validity::Validity;

use document::Documented;
use limits::Limits;

// What the viewer shares: it passes the same gate, and shows the same things.
pub(crate) use accounts::within_reach;
pub(crate) use answer::{Fault, FaultCode, invalid};
pub(crate) use body::collect;
pub(crate) use caller::{address, note_refused_sign_in, turned_away, welcomed};
pub(crate) use cursor::Cursors;
pub(crate) use import::{ImportAnswer, Upload, import_within_reach, receive, take, take_received};
pub(crate) use media::send;
pub(crate) use params::Params;

/// Limits of the server; the defaults are those of `docs/API.md`.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Largest request body, in bytes.
    pub body_max_bytes: usize,
    /// Largest archive that may be uploaded, in bytes.
    pub import_max_bytes: u64,
    /// Where uploads lie while they are read; nothing in it has a name for long.
    pub scratch: PathBuf,
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
            import_max_bytes: 512 << 20,
            scratch: std::env::temp_dir().join("threadkeep-imports"),
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
pub(crate) struct Room {
    pub(crate) app: App,
    pub(crate) settings: HttpSettings,
    stop: Stop,
    cursor_secret: OnceCell<String>,
    limits: Limits,
    imports: import::Running,
    /// Turns to make an export.
    exports: Arc<Semaphore>,
}

/// The API, whose every route is there under `/linkedin` and bare, and the viewer under `/ui/`.
pub fn router(app: App, settings: HttpSettings) -> Router {
    router_until(app, settings, Stop::default())
}

/// The API, whose waiting requests answer at once when a stop is asked for.
fn router_until(app: App, settings: HttpSettings, stop: Stop) -> Router {
    let limits = Limits::new(settings.key_rate, settings.address_rate);
    let room = Arc::new(Room {
        app,
        settings,
        stop,
        cursor_secret: OnceCell::new(),
        limits,
        imports: import::Running::default(),
        exports: Arc::new(Semaphore::new(export::EXPORTS_MAX)),
    });
    let quick = quick().into_router().route_layer(from_fn_with_state(room.clone(), gate::in_time));
    let api = waiting().into_router().merge(quick);
    let pages = web::quick().route_layer(from_fn_with_state(room.clone(), gate::in_time)).merge(web::waiting());

    Router::new()
        .nest("/linkedin", api.clone())
        .merge(api)
        .merge(pages)
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        .layer(from_fn_with_state(room.clone(), gate::pass))
        .with_state(room)
}

/// Those that wait for LinkedIn or for a run, each with a limit of its own.
fn waiting() -> Documented {
    Documented::new()
        .routes(routes!(sync::run))
        .routes(routes!(media::download))
        .routes(routes!(media::linked))
        .routes(routes!(messages::page))
        .routes(routes!(legacy::details))
        .routes(routes!(logins::add))
        .routes(routes!(import::begin))
        .routes(routes!(logins::reconnect))
}

/// Those that are bounded by the time of one request.
fn quick() -> Documented {
    reads().merge(acts()).merge(writes::routes()).merge(document::routes())
}

/// Those that only read the database.
fn reads() -> Documented {
    Documented::new()
        .routes(routes!(conversations::page))
        .routes(routes!(search::messages))
        .routes(routes!(thread::one))
        .routes(routes!(thread::people))
        .routes(routes!(exists::check))
        .routes(routes!(export::export))
        .routes(routes!(status::all))
        .routes(routes!(verify::ledger))
        .routes(routes!(runs::list))
        .routes(routes!(runs::one, runs::cancel_by_delete))
        .routes(routes!(thread::message_by_id))
        .routes(routes!(thread::reactions_of))
        .routes(routes!(legacy::recent))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::one, accounts::one_by_post))
        .routes(routes!(accounts::named))
        .routes(routes!(quota::of_account))
        .routes(routes!(audit::list))
        .routes(routes!(import::one))
        .routes(routes!(health::check))
}

/// Those that change something of ours.
fn acts() -> Documented {
    Documented::new()
        .routes(routes!(refresh::ask))
        .routes(routes!(verify::ask, verify::found))
        .routes(routes!(runs::cancel))
        .routes(routes!(logins::remove, logins::change))
        .routes(routes!(logins::pause))
        .routes(routes!(logins::resume))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
}
