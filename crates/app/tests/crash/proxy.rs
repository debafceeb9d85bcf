//! A proxy in front of PostgreSQL that sees each transaction's end and can cut the connection there.
//!
//! It understands just enough of the protocol: messages have a kind and a length, and `COMMIT` is a simple query. What it
//! does not cut it passes on byte for byte.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use threadkeep::lifecycle::spawn;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Connections that are served.
const CONNECTIONS_MAX: usize = 10_000;
/// Longest message, in bytes.
const MESSAGE_MAX: usize = 64 * 1024 * 1024;

/// Where the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// At which end of a transaction, from 1.
    pub at: u64,
    /// Once the server has committed, before it has told; otherwise before it hears of it.
    pub after: bool,
}

/// The proxy.
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    commits: AtomicU64,
    has_struck: AtomicBool,
    cut: Mutex<Option<Cut>>,
}

impl Proxy {
    /// Stands in front of the server at this address.
    pub async fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, seen) = (listener.local_addr()?, Arc::<Seen>::default());
        let noted = seen.clone();
        spawn(async move {
            for _ in 0..CONNECTIONS_MAX {
                let Ok((client, _)) = listener.accept().await else { return };
                let seen = noted.clone();
                spawn(async move {
                    // A connection that ends ends both ways; who used it sees that.
                    let _ = connection(client, server, seen).await;
                });
            }
        });
        Ok(Self { address, seen })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Counts anew, and cuts there.
    pub fn set(&self, cut: Option<Cut>) -> Result<()> {
        self.seen.commits.store(0, Ordering::SeqCst);
        self.seen.has_struck.store(false, Ordering::SeqCst);
        *self.seen.cut.lock().map_err(|_| anyhow::anyhow!("the proxy panicked"))? = cut;
        Ok(())
    }

    /// Ends of transactions since then.
    pub fn commits(&self) -> u64 {
        self.seen.commits.load(Ordering::SeqCst)
    }

    /// Whether it has cut.
    pub fn has_struck(&self) -> bool {
        self.seen.has_struck.load(Ordering::SeqCst)
    }
}

impl Seen {
    /// Counts an end of a transaction; says whether it is the one to cut at.
    fn commit(&self) -> Option<Cut> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let cut = self.cut.lock().ok().and_then(|cut| *cut).filter(|cut| cut.at == number)?;
        self.has_struck.store(true, Ordering::SeqCst);
        Some(cut)
    }
}

/// One connection, until either side or the cut ends it.
async fn connection(client: TcpStream, server: SocketAddr, seen: Arc<Seen>) -> Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (is_silent, committed) = (Arc::<AtomicBool>::default(), Arc::<Notify>::default());
    tokio::select! {
        ended = requests(from_client, to_server, &seen, &is_silent, &committed) => ended,
        ended = answers(from_server, to_client, &is_silent, &committed) => ended,
    }
}

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    seen: &Seen,
    is_silent: &AtomicBool,
    committed: &Notify,
) -> Result<()> {
    // The first message has no kind; the address asks for a connection without TLS.
    let length = client.read_u32().await?;
    server.write_u32(length).await?;
    pass(&mut client, &mut server, rest(length)?).await?;
    loop {
        let (kind, length) = (client.read_u8().await?, client.read_u32().await?);
        let mut body = vec![0; rest(length)?];
        client.read_exact(&mut body).await?;
        let cut = (kind == b'Q' && body == b"COMMIT\0").then(|| seen.commit()).flatten();
        match cut {
            Some(Cut { after: false, .. }) => return Ok(()),
            Some(Cut { after: true, .. }) => is_silent.store(true, Ordering::SeqCst),
            None => {}
        }
        server.write_u8(kind).await?;
        server.write_u32(length).await?;
        server.write_all(&body).await?;
        if cut.is_some() {
            committed.notified().await;
            return Ok(());
        }
    }
}

async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    is_silent: &AtomicBool,
    committed: &Notify,
) -> Result<()> {
    loop {
        let (kind, length) = (server.read_u8().await?, server.read_u32().await?);
        let mut body = vec![0; rest(length)?];
        server.read_exact(&mut body).await?;
        if is_silent.load(Ordering::SeqCst) {
            // `ReadyForQuery`: the transaction is over.
            if kind == b'Z' {
                committed.notify_one();
            }
            continue;
        }
        client.write_u8(kind).await?;
        client.write_u32(length).await?;
        client.write_all(&body).await?;
    }
}

async fn pass(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, length: usize) -> Result<()> {
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    Ok(to.write_all(&body).await?)
}

/// The bytes after the length, which counts itself.
fn rest(length: u32) -> Result<usize> {
    let length = usize::try_from(length)?.checked_sub(4).context("a length")?;
    anyhow::ensure!(length <= MESSAGE_MAX, "a message of {length} bytes");
    Ok(length)
}
