//! A server that answers as it is told, byte for byte, and counts who came: for what no honest server sends.
//!
//! It listens on loopback, serves a bounded number of connections, and never waits for a time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow};
use threadkeep::lifecycle::spawn;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Connections that are served.
const CONNECTIONS_MAX: usize = 64;
/// Longest request that is read, in bytes.
const REQUEST_MAX: usize = 64 * 1024;
/// Most bytes that an endless answer has, so that a mistake in the client ends.
const ENDLESS_MAX: u64 = 256 * 1024 * 1024;

/// What follows the first bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The connection ends.
    Close,
    /// Nothing, until the other side goes.
    Silence,
    /// More and more, until the other side goes.
    Endless,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    sent: AtomicU64,
    requests: Mutex<Vec<String>>,
}

/// The server.
pub struct Hostile {
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Hostile {
    /// Answers every request with these bytes.
    pub async fn answering(answer: impl Into<Vec<u8>>, then: Then) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, seen, answer) =
            (listener.local_addr()?, Arc::<Seen>::default(), Arc::<[u8]>::from(answer.into()));
        let noted = seen.clone();
        spawn(async move {
            for _ in 0..CONNECTIONS_MAX {
                let Ok((stream, _)) = listener.accept().await else { return };
                noted.connections.fetch_add(1, Ordering::SeqCst);
                spawn(serve(stream, answer.clone(), then, noted.clone()));
            }
        });
        Ok(Self { address, seen })
    }

    /// A server that nobody may reach.
    pub async fn sink() -> Result<Self> {
        Self::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno", Then::Close).await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Bytes that an endless answer has had so far.
    pub fn sent(&self) -> u64 {
        self.seen.sent.load(Ordering::SeqCst)
    }

    /// The heads of the requests, in lower case except for the first line.
    pub fn requests(&self) -> Result<Vec<String>> {
        Ok(self.seen.requests.lock().map_err(|_| anyhow!("a server panicked"))?.clone())
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<[u8]>, then: Then, seen: Arc<Seen>) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < REQUEST_MAX {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&piece[..count]),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let (line, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
    if let Ok(mut requests) = seen.requests.lock() {
        requests.push(format!("{line}\n{}", rest.to_ascii_lowercase()));
    }
    if stream.write_all(&answer).await.is_err() {
        return;
    }
    match then {
        Then::Close => {
            // An error means that the other side has gone already.
            let _ = stream.shutdown().await;
        }
        Then::Silence => {
            let _ = stream.read(&mut piece).await;
        }
        Then::Endless => endless(stream, &seen).await,
    }
}

async fn endless(mut stream: TcpStream, seen: &Seen) {
    let block = [b'x'; 64 * 1024];
    while seen.sent.load(Ordering::SeqCst) < ENDLESS_MAX {
        if stream.write_all(&block).await.is_err() {
            return;
        }
        seen.sent.fetch_add(block.len() as u64, Ordering::SeqCst);
    }
}
