//! The HTTP server of the simulator: the only part with sockets, tasks and waiting.
//!
//! It listens on loopback only and knows nothing about LinkedIn. Headers and bodies are bounded; a fault that breaks a
//! connection really breaks it.

use std::future::Future;
use std::io;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::clock;
use crate::payload::Payload;
use crate::request::{Answer, Listener, Outcome, Pace, Request};
use crate::simulator::Simulator;

/// Bytes of request line and headers together.
pub const HEADERS_MAX: usize = 64 * 1024;
/// Header lines of a request.
pub const HEADER_LINES_MAX: usize = 200;
/// Bytes of a request body.
pub const BODY_MAX: usize = 1024 * 1024;
/// Smaller bodies are never compressed.
const COMPRESS_FROM: usize = 1_024;

/// A simulator that several tasks may ask.
pub type SharedSimulator = Arc<Mutex<Simulator>>;

/// A simulator that listens.
pub struct RunningServer {
    address: SocketAddr,
    media_address: SocketAddr,
    simulator: SharedSimulator,
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

impl RunningServer {
    /// Listens on a loopback address (port 0 takes a free one), and on a free port as the host of pictures, and serves
    /// in the present runtime.
    pub async fn start(address: SocketAddr, simulator: Simulator) -> io::Result<Self> {
        Self::start_both(address, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), simulator).await
    }

    /// The same with a chosen address for the host of pictures.
    pub async fn start_both(address: SocketAddr, media: SocketAddr, simulator: Simulator) -> io::Result<Self> {
        let (site, media) = (listen(address).await?, listen(media).await?);
        let (address, media_address) = (site.local_addr()?, media.local_addr()?);
        let simulator = Arc::new(Mutex::new(simulator));
        let (stop, stopped) = watch::channel(false);
        let tasks = [(site, Listener::Site), (media, Listener::Media)].map(|(listener, door)| {
            let (shared, mut stopped) = (Arc::clone(&simulator), stopped.clone());
            spawn(async move {
                serve_door((listener, door), shared, async move {
                    // An error means that the handle is gone, which stops the server too.
                    let _ = stopped.wait_for(|stop| *stop).await;
                })
                .await;
            })
        });
        Ok(Self { address, media_address, simulator, stop, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens as the host of pictures and GIFs, which must get no cookies.
    pub fn media_address(&self) -> SocketAddr {
        self.media_address
    }

    /// Where it listens as the host of pictures and GIFs, as a base URL.
    pub fn media_url(&self) -> String {
        format!("http://{}", self.media_address)
    }

    /// The simulator behind it.
    pub fn simulator(&self) -> &SharedSimulator {
        &self.simulator
    }

    /// Stops listening, drops every connection and waits for the end.
    pub async fn shutdown(self) {
        // Nobody listening any more is just as good.
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Opens a listener on a loopback address and on nothing else.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let reason = "the simulator listens on loopback addresses only, for example 127.0.0.1:8080";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    TcpListener::bind(address).await
}

/// Serves a simulator until `stop` is done, files included, at one door for all hosts.
pub async fn serve(listener: TcpListener, simulator: SharedSimulator, stop: impl Future<Output = ()>) {
    serve_door((listener, Listener::Site), simulator, stop).await;
}

/// Serves one door of a simulator until `stop` is done.
pub async fn serve_door(
    (listener, door): (TcpListener, Listener),
    simulator: SharedSimulator,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // A connection that failed before it was accepted is the client's affair.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, door, Arc::clone(&simulator)));
                }
            }
        }
    }
    connections.shutdown().await;
}

#[expect(clippy::disallowed_methods, reason = "the simulator's one place where a task begins")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

#[expect(clippy::disallowed_methods, reason = "slow answers: the simulator's one place that waits")]
pub(crate) async fn wait(delay_ms: u64) {
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
}

async fn connection(stream: TcpStream, door: Listener, simulator: SharedSimulator) {
    // Small answers must not wait for more; a socket without this option still works.
    let _ = stream.set_nodelay(true);
    let is_reset = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_reset);
    let service = service_fn(move |request| respond(request, door, (Arc::clone(&simulator), Arc::clone(&told))));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEADERS_MAX).max_headers(HEADER_LINES_MAX);
    // Broken connections are part of the game: a client that goes away, or a fault.
    let mut served = builder.serve_connection(TokioIo::new(stream), service);
    let _ = (&mut served).await;
    if is_reset.load(Ordering::Relaxed) {
        // Without a farewell the client is told that the connection was reset, not that it has ended.
        let _ = served.into_parts().io.into_inner().set_zero_linger();
    }
}

/// The connection is to be broken.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken on purpose")]
pub(crate) struct Broken;

async fn respond(
    request: hyper::Request<Incoming>,
    listener: Listener,
    (simulator, is_reset): (SharedSimulator, Arc<AtomicBool>),
) -> Result<Response<Payload>, Broken> {
    let (head, body) = request.into_parts();
    let accepts_gzip = head
        .headers
        .get_all(hyper::header::ACCEPT_ENCODING)
        .iter()
        .any(|value| value.to_str().is_ok_and(|text| text.contains("gzip")));
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(finish(Answer::text(413, "the body is larger than 1 MiB"), false, false));
        }
        Err(_) => return Err(Broken),
    };
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let request = Request {
        method: head.method.as_str().to_owned(),
        target: head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: headers.collect(),
        body,
        listener,
    };
    let is_head = request.method == "HEAD";
    let (outcome, gzip) = {
        let mut simulator = simulator.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = simulator.respond(clock::now_ms(), &request);
        (outcome, simulator.switches().gzip && accepts_gzip && !is_head)
    };
    match outcome {
        Outcome::Reset => {
            is_reset.store(true, Ordering::Relaxed);
            Err(Broken)
        }
        Outcome::Answer(answer) => {
            wait(answer.delay_ms).await;
            Ok(finish(answer, gzip, is_head))
        }
    }
}

fn finish(mut answer: Answer, gzip: bool, is_head: bool) -> Response<Payload> {
    if gzip
        && answer.may_compress
        && answer.body.len() >= COMPRESS_FROM
        && let Some(small) = compress(&answer.body)
    {
        // A cut stays at the same part of what goes over the wire.
        let length = answer.body.len();
        answer.cut_after = answer.cut_after.map(|cut| cut.min(length) * small.len() / length);
        answer.body = small;
        answer.headers.push((CONTENT_ENCODING.as_str().to_owned(), "gzip".to_owned()));
    }
    let promised = promised(&answer);
    let payload =
        if is_head { Payload::nothing() } else { Payload::of(answer.body, answer.cut_after, answer.pace, promised) };
    let mut response = Response::new(payload);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else { continue };
        response.headers_mut().append(name, value);
    }
    if let Some(length) = promised.filter(|_| !matches!(answer.status, 204 | 304)) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// The length that is announced; none when the body has no end in sight.
fn promised(answer: &Answer) -> Option<u64> {
    let length = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
    match answer.pace {
        Pace::Repeat { .. } => None,
        Pace::AtOnce | Pace::Drip { .. } => Some(answer.claimed_bytes.unwrap_or(length)),
    }
}

fn compress(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
