//! The server on a real socket of the loopback, and clients that send it bytes of their own.
//!
//! Reads are bounded, and nothing waits for a time: a test waits for what the server does.

use std::net::SocketAddr;

use anyhow::Context;
use threadkeep::http::{HttpSettings, serve};
use threadkeep::lifecycle::{Stop, spawn};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::api_world::World;

/// Most bytes of an answer that are read.
const ANSWER_MAX: u64 = 1 << 20;

/// A server that listens.
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    stop: Stop,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Serves a world on a free port.
    pub async fn start(world: &World, settings: HttpSettings) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, stop) = (listener.local_addr()?, Stop::default());
        let ended = spawn(serve(world.app.clone(), listener, settings, stop.clone()));
        Ok(Self { address, stop, ended })
    }

    /// Asks for the stop.
    pub fn ask_to_stop(&self) {
        self.stop.ask();
    }

    /// Stops it and waits for its end.
    pub async fn end(self) -> anyhow::Result<()> {
        self.stop.ask();
        Ok(self.ended.await??)
    }

    /// Sends bytes, reads until the server closes, and gives the first line of the answer.
    pub async fn exchange(&self, bytes: &[u8]) -> anyhow::Result<String> {
        Ok(first_line(&self.answer(bytes).await?))
    }

    /// Sends bytes and reads until the server closes.
    pub async fn answer(&self, bytes: &[u8]) -> anyhow::Result<String> {
        say(TcpStream::connect(self.address).await?, bytes).await
    }
}

/// Sends bytes over a connection and reads until the other side closes it.
pub async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> anyhow::Result<String> {
    // A server that has refused what comes need not read it.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    // A refused connection may be reset after its answer.
    let _ = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The first line of an answer; "closed" when there is none.
pub fn first_line(answer: &str) -> String {
    answer.lines().next().unwrap_or("closed").to_owned()
}

/// The head of a `GET` that ends the connection, with more header lines.
pub fn get(path: &str, lines: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{lines}connection: close\r\n\r\n").into_bytes()
}

/// A header of an answer.
pub fn header<'a>(answer: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim()).with_context(|| format!("no {name} in {head}"))
}
