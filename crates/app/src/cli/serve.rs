//! `threadkeep serve`: the API, with the workers in the same process.
//!
//! It listens on this machine only, unless it speaks TLS or somebody vouches for a proxy in front that does: keys and
//! messages must not cross a network in the clear.

use std::net::SocketAddr;

use clap::Args;
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::{Config, ConfigError, Inputs, TlsFiles};
use crate::http::{self, HttpSettings, Tls};
use crate::lifecycle::{Stop, spawn, stop_on_signal};
use crate::telemetry;
use crate::verbs::keys;
use crate::worker;

use super::failure::{Ended, Failure, OK, OTHER};
use super::{console, open};

/// How long a stop waits for answers that are being written, in milliseconds.
const STOP_GRACE_MS: u64 = 700;
/// How long a stop waits for the workers; with a database that answers they need no time at all.
const WORKERS_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

const AFTER_HELP: &str = "\
Examples:
  threadkeep serve
  threadkeep serve --listen 127.0.0.1:9000
  threadkeep serve --listen 0.0.0.0:7878 --tls-cert fullchain.pem --tls-key privkey.pem --allow-host mirror.example
  threadkeep serve --listen 0.0.0.0:7878 --behind-proxy --allow-host mirror.example

Every request but /health needs a key: `threadkeep key create`. Ctrl-C stops within a second; runs go on next time.";

/// Serve the API and the viewer, and sync in the background.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArgs {
    /// Address and port of the API; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Certificate to speak TLS with, as PEM, the server's own first; a renewed one is read at the next start.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// Private key of that certificate, as PEM; only its owner and group may be able to read it.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Only a proxy that speaks TLS can reach this server: allows an address that other machines reach, and takes the
    /// last entry of X-Forwarded-For for the client.
    #[arg(long)]
    behind_proxy: bool,
    /// A name by which clients reach the API, besides the address it listens on; may be given several times.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow_host: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(args: ServeArgs, mut inputs: Inputs) -> Ended {
    let named = [("listen", args.listen), ("tls_cert_file", args.tls_cert), ("tls_key_file", args.tls_key)];
    inputs.flags.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    let config = super::load_with(&inputs, Some(telemetry::SERVER_LEVEL))?;
    refuse_open_address(config.listen, config.tls.is_some() || args.behind_proxy)?;
    let tls = config.tls.as_ref().map(tls).transpose()?;
    let listener = bind(config.listen).await?;
    let app = open::app(&config, open::Use::Server).await?;
    let settings = HttpSettings { hosts: args.allow_host, behind_proxy: args.behind_proxy, tls, ..settings(&config) };
    let ended = serve(&app, listener, settings).await;
    app.store.close().await;
    ended
}

/// What the configuration says of the server.
pub(crate) fn settings(config: &Config) -> HttpSettings {
    HttpSettings {
        stop_grace_ms: STOP_GRACE_MS,
        scratch: config.data_dir.join("imports"),
        key_rate: config.key_rate,
        address_rate: config.address_rate,
        ..HttpSettings::default()
    }
}

async fn serve(app: &App, listener: TcpListener, settings: HttpSettings) -> Ended {
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let url = url(scheme, &listener)?;
    console::result(&format!("listening on {url}"))?;
    tracing::info!("the viewer is at {url}/ui/");
    if keys::list(app).await?.iter().all(|key| key.revoked_at.is_some()) {
        console::tell("hint: there is no API key yet; `threadkeep key create` makes one");
    }
    until_stopped(app, listener, settings, stop).await
}

/// Serves and works until a stop is asked for.
pub(crate) async fn until_stopped(app: &App, listener: TcpListener, settings: HttpSettings, stop: Stop) -> Ended {
    let mut workers = spawn(worker::serve(app.clone(), stop.clone()));
    let served = http::serve(app.clone(), listener, settings, stop.clone()).await;
    stop.ask();
    if tokio::time::timeout(WORKERS_GRACE, &mut workers).await.is_err() {
        // Whatever was in flight is asked again by the next run.
        workers.abort();
    }
    worker::leave(app).await;
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
pub(crate) fn url(scheme: &str, listener: &TcpListener) -> Result<String, Failure> {
    let address = listener.local_addr();
    let address = address.map_err(|error| Failure::new(OTHER, format!("the address is not known: {error}")))?;
    Ok(format!("{scheme}://{address}"))
}

fn tls(files: &TlsFiles) -> Result<Tls, Failure> {
    Tls::load(&files.cert, &files.key).map_err(|refused| Failure::usage(refused.to_string()).hint(refused.remedy()))
}

/// Refuses an address that other machines reach, unless TLS or a proxy protects what goes over it.
pub(crate) fn refuse_open_address(address: SocketAddr, is_protected: bool) -> Result<(), Failure> {
    if address.ip().is_loopback() || is_protected {
        return Ok(());
    }
    let problem = format!("{address} can be reached by other machines, and keys would cross the network in the clear");
    Err(Failure::from(ConfigError::bad("listen", problem)).hint(
        "listen on 127.0.0.1, give --tls-cert and --tls-key, or put a proxy with TLS in front and add --behind-proxy",
    ))
}
