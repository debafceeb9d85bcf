//! Accepting connections and closing them: limits that belong to a connection and not to a request.
//!
//! A slow, idle or deaf peer is cut off, a large head is refused, and a stop lets answers that are being written end. What
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use super::limits::Peer;
use super::patience::Patient;
use super::peers::Peers;
use super::{HttpSettings, router_until};
use crate::app::App;
use crate::lifecycle::{Stop, spawn};

/// Pause after a connection could not be accepted, for example because no file handle is free.
const ACCEPT_PAUSE_MS: i64 = 200;

/// What every connection is served with.
#[derive(Clone)]
struct Server {
    app: App,
    router: Router,
    settings: HttpSettings,
    stop: Stop,
}

/// Serves the API until a stop is asked for and the answers that are being written have ended.
pub async fn serve(app: App, listener: TcpListener, settings: HttpSettings, stop: Stop) -> std::io::Result<()> {
    serve_beside(Router::new(), app, listener, settings, stop).await
}

/// The same with more routes, which pass nothing of what the API's requests pass; for a measurement.
pub async fn serve_beside(
    more: Router,
    app: App,
    listener: TcpListener,
    settings: HttpSettings,
    stop: Stop,
) -> std::io::Result<()> {
    let listen = Some(listener.local_addr()?.ip());
    let settings = HttpSettings { listen: settings.listen.or(listen), ..settings };
    let router = router_until(app.clone(), settings.clone(), stop.clone()).merge(more);
    Server { app, router, settings, stop }.accept_all(listener).await
}

impl Server {
    async fn accept_all(self, listener: TcpListener) -> std::io::Result<()> {
        let all = self.settings.connections_max.max(1);
        let places = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(1)));
        let peers = Peers::new(if self.settings.behind_proxy { all } else { self.settings.peer_connections_max });
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &places) => accepted,
                () = self.stop.asked() => break,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    // Beyond what one peer may have, the connection is closed: to let it wait would let others wait.
                    let Some(own) = peers.enter(peer.ip()) else { continue };
                    let server = self.clone();
                    spawn(async move {
                        server.connection(stream, Peer(peer)).await;
                        drop((own, place));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    self.app.clock.nap_until(self.app.clock.now().plus_ms(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
        drop(listener);
        let grace = Duration::from_millis(self.settings.stop_grace_ms);
        if tokio::time::timeout(grace, places.acquire_many(all)).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
        }
        Ok(())
    }

    async fn connection(&self, stream: TcpStream, peer: Peer) {
        let head_ms = self.settings.header_timeout_ms;
        let Some(tls) = &self.settings.tls else { return self.exchange(stream, peer, head_ms).await };
        let began = self.app.clock.now();
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(Duration::from_millis(head_ms), tls.acceptor(began).accept(stream)) => shaken,
            () = self.stop.asked() => return,
        };
        match shaken {
            Ok(Ok(stream)) => {
                // The handshake is a part of the time that a peer has for its first head.
                let taken_ms = u64::try_from(self.app.clock.now().since_ms(began)).unwrap_or_default();
                self.exchange(stream, peer, head_ms.saturating_sub(taken_ms).max(1)).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake did not end in time"),
        }
    }

    async fn exchange(&self, stream: impl AsyncRead + AsyncWrite + Unpin, peer: Peer, head_ms: u64) {
        let stream = Patient::new(stream, Duration::from_millis(self.settings.stall_timeout_ms));
        let router = self.router.clone();
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            // Whatever the request says of itself: this is who has sent it.
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request.map(Body::new))
        });
        // The number of headers is left at the library's limit, which is 100.
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(head_ms))
            .max_buf_size(self.settings.head_max_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let mut served = pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.stop.asked() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
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
