//! Accepting connections and closing them: limits that belong to a connection and not to a request.
//!
//! A slow or idle peer is cut off, a large head is refused, and a stop lets answers that are being written end. What
//! is parsed here is only HTTP; malformed framing is refused by the HTTP library with 400 and a closed connection.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use super::limits::Peer;
use super::{HttpSettings, router_until};
use crate::app::App;
use crate::lifecycle::{Stop, spawn};

/// Pause after a connection could not be accepted, for example because no file handle is free.
const ACCEPT_PAUSE_MS: i64 = 200;

/// Serves the API until a stop is asked for and the answers that are being written have ended.
pub async fn serve(app: App, listener: TcpListener, settings: HttpSettings, stop: Stop) -> std::io::Result<()> {
    let listen = Some(listener.local_addr()?.ip());
    let settings = HttpSettings { listen: settings.listen.or(listen), ..settings };
    let router = router_until(app.clone(), settings.clone(), stop.clone());
    serve_router(&app, router, listener, (settings, stop)).await
}

async fn serve_router(
    app: &App,
    router: Router,
    listener: TcpListener,
    (settings, stop): (HttpSettings, Stop),
) -> std::io::Result<()> {
    let all = settings.connections_max.max(1);
    let places = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(1)));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.asked() => break,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let (router, settings, stop) = (router.clone(), settings.clone(), stop.clone());
                spawn(async move {
                    connection((stream, Peer(peer)), router, &settings, &stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                app.clock.nap_until(app.clock.now().plus_ms(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
    drop(listener);
    let grace = Duration::from_millis(settings.stop_grace_ms);
    if tokio::time::timeout(grace, places.acquire_many(all)).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
    }
    Ok(())
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Answers are small: sending them at once is worth more than filling packets.
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

async fn connection((stream, peer): (TcpStream, Peer), router: Router, settings: &HttpSettings, stop: &Stop) {
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        // Whatever the request says of itself: this is who has sent it.
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request.map(Body::new))
    });
    // The number of headers is left at the library's limit, which is 100.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(settings.header_timeout_ms))
        .max_buf_size(settings.head_max_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.asked() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
