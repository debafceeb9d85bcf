//! A connection for the measurements: blocking, kept, and doing as little as a client can.
//!
//! The requests are written out beforehand; of an answer the status and the length are read and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};

/// Bytes of an answer that are read at once.
const BUFFER: usize = 256 * 1024;

/// A connection.
pub struct Client {
    /// What it goes over.
    pub stream: TcpStream,
    buffer: Vec<u8>,
    end: usize,
    /// Where the body begins and how long it is, as soon as the head of the answer was read.
    body: Option<(usize, usize)>,
}

impl Client {
    /// Connects to a server.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], end: 0, body: None })
    }

    /// Sends a request and reads its answer, which then ends at `end`; gives the length of the body.
    pub fn ask(&mut self, request: &[u8]) -> Result<usize> {
        self.send(request)?;
        loop {
            if let Some(length) = self.take_in()? {
                return Ok(length);
            }
        }
    }

    /// The body of the last answer, which has this length.
    pub fn body(&self, length: usize) -> &[u8] {
        self.buffer.get(self.end.saturating_sub(length)..self.end).unwrap_or_default()
    }

    /// Sends a request.
    pub fn send(&mut self, request: &[u8]) -> Result<()> {
        (self.end, self.body) = (0, None);
        Ok(self.stream.write_all(request)?)
    }

    /// Reads what is there of the answer; gives the length of the body when it is whole.
    pub fn take_in(&mut self) -> Result<Option<usize>> {
        match self.stream.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
            Ok(0) => anyhow::bail!("the connection was closed"),
            Ok(read) => self.end += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        if self.body.is_none() {
            let read = self.buffer.get(..self.end).unwrap_or_default();
            let Some(head) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
            let length = length(read.get(..head).unwrap_or_default())?;
            self.body = Some((head + 4, length));
            if self.buffer.len() < head + 4 + length {
                self.buffer.resize(head + 4 + length, 0);
            }
        }
        Ok(self.body.filter(|(head, length)| self.end >= head + length).map(|(_, length)| length))
    }
}

/// The length of the body, of an answer with status 200.
fn length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{}", head.lines().next().unwrap_or_default());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
    Ok(length.parse()?)
}
