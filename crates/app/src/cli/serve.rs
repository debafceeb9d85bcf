//! `threadkeep serve`: the API, with the workers in the same process.
//!
//! It listens on this machine only, unless somebody vouches for a proxy in front that speaks TLS: keys and messages must
//! not cross a network in the clear.

use std::net::SocketAddr;

use clap::Args;
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::{ConfigError, Inputs};
use crate::http::{self, HttpSettings};
use crate::lifecycle::{Stop, spawn, stop_on_signal};
use crate::telemetry;
use crate::verbs::keys;
use crate::worker;

use super::failure::{Ended, Failure, OK, OTHER};
use super::{console, open};

/// How long a stop waits for answers that are being written, in milliseconds.
const STOP_GRACE_MS: u64 = 700;
/// How long a stop waits for the workers.
const WORKERS_GRACE: std::time::Duration = std::time::Duration::from_millis(900);

const AFTER_HELP: &str = "\
Examples:
  threadkeep serve
  threadkeep serve --listen 127.0.0.1:9000
  threadkeep serve --listen 0.0.0.0:7878 --behind-proxy

Every request but /health needs a key: `threadkeep key create`. Ctrl-C stops within a second; runs go on next time.";

/// Serve the API and sync in the background.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArgs {
    /// Address and port of the API; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A proxy in front speaks TLS: allows an address that other machines reach.
    #[arg(long)]
    behind_proxy: bool,
    /// A name by which clients reach the API, besides the address it listens on; may be given several times.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow_host: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(args: ServeArgs, mut inputs: Inputs) -> Ended {
    inputs.flags.extend(args.listen.map(|address| ("listen".to_owned(), address)));
    let config = super::load_with(&inputs, Some(telemetry::SERVER_LEVEL))?;
    refuse_open_address(config.listen, args.behind_proxy)?;
    let listener = bind(config.listen).await?;
    let app = open::app_of_server(&config).await?;
    let ended = serve(&app, listener, args.allow_host).await;
    app.store.close().await;
    ended
}

async fn serve(app: &App, listener: TcpListener, hosts: Vec<String>) -> Ended {
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    console::result(&format!("listening on {}", url(&listener)?))?;
    if keys::list(app).await?.iter().all(|key| key.revoked_at.is_some()) {
        console::tell("hint: there is no API key yet; `threadkeep key create` makes one");
    }
    until_stopped(app, listener, hosts, stop).await
}

/// Serves and works until a stop is asked for.
pub(crate) async fn until_stopped(app: &App, listener: TcpListener, hosts: Vec<String>, stop: Stop) -> Ended {
    let mut workers = spawn(worker::serve(app.clone(), stop.clone()));
    let settings = HttpSettings { stop_grace_ms: STOP_GRACE_MS, hosts, ..HttpSettings::default() };
    let served = http::serve(app.clone(), listener, settings, stop.clone()).await;
    stop.ask();
    if tokio::time::timeout(WORKERS_GRACE, &mut workers).await.is_err() {
        // Whatever was in flight is asked again by the next run.
        workers.abort();
    }
    served.map_err(|error| Failure::new(OTHER, format!("the server broke off: {error}")))?;
    console::tell("stopped");
    Ok(OK)
}

/// Opens a listener, or says what stands in the way.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {address}: {error}"))
            .hint("choose another address with --listen, for example --listen 127.0.0.1:0 for any free port")
    })
}

/// Where a listener is, as a base URL.
pub(crate) fn url(listener: &TcpListener) -> Result<String, Failure> {
    let address = listener.local_addr();
    let address = address.map_err(|error| Failure::new(OTHER, format!("the address is not known: {error}")))?;
    Ok(format!("http://{address}"))
}

/// Refuses an address that other machines reach, unless a proxy protects it.
pub(crate) fn refuse_open_address(address: SocketAddr, is_behind_proxy: bool) -> Result<(), Failure> {
    if address.ip().is_loopback() || is_behind_proxy {
        return Ok(());
    }
    let problem = format!("{address} can be reached by other machines, and the API itself speaks no TLS");
    Err(Failure::from(ConfigError::bad("listen", problem))
        .hint("listen on 127.0.0.1, or put a proxy with TLS in front and add --behind-proxy"))
}
