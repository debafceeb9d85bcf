//! The load: blocking connections, each on a thread of its own, that do as little as a client can.
//!
//! The requests are written out beforehand; of an answer the status and the length are read and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// Bytes of an answer that are read at once.
const BUFFER: usize = 256 * 1024;

/// The unit of times in `/proc`, which is the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// Requests to one server.
#[derive(Clone)]
pub struct Load {
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
}

/// What asking without a pause came to.
#[derive(Clone, Copy)]
pub struct Speed {
    /// Answers a second.
    pub rate: f64,
    /// Time of processors that the whole process took for an answer, in microseconds; server and load together.
    pub cpu_us: f64,
}

impl Load {
    /// GET requests for these paths, in this order.
    pub fn new(address: SocketAddr, key: &str, paths: &[String]) -> Self {
        let request = |path: &String| {
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
        };
        Self { address, requests: Arc::new(paths.iter().map(request).collect()) }
    }

    /// The body of the first request.
    pub fn one(&self) -> Result<Vec<u8>> {
        let mut client = Client::connect(self.address)?;
        let length = client.ask(self.requests.first().context("no request")?)?;
        Ok(client.buffer.get(client.end - length..client.end).unwrap_or_default().to_vec())
    }

    /// The mean size of the bodies.
    pub fn mean_bytes(&self, every: usize) -> Result<usize> {
        let mut client = Client::connect(self.address)?;
        let (mut sum, mut count) = (0, 0);
        for request in self.requests.iter().step_by(every) {
            sum += client.ask(request)?;
            count += 1;
        }
        Ok(sum / count.max(1))
    }

    /// Asks over so many connections without a pause.
    #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
    pub fn without_pause(&self, connections: usize, time: Duration) -> Result<Speed> {
        let (began, spent) = (Instant::now(), cpu_seconds()?);
        let counts = self.each(connections, |client, mut position| {
            let mut count = 0_u32;
            while began.elapsed() < time {
                client.ask(self.at(position)?)?;
                position += connections;
                count += 1;
            }
            Ok(count)
        })?;
        let answers = f64::from(counts.iter().sum::<u32>());
        let cpu_us = (cpu_seconds()? - spent) * 1e6 / answers.max(1.0);
        Ok(Speed { rate: answers / began.elapsed().as_secs_f64(), cpu_us })
    }

    /// A connection whose answers are looked for, not waited for.
    pub fn client_that_never_waits(&self) -> Result<Client> {
        let client = Client::connect(self.address)?;
        client.stream.set_nonblocking(true)?;
        Ok(client)
    }

    /// The request at a position, from the first one again after the last.
    pub fn at(&self, position: usize) -> Result<&[u8]> {
        self.requests.get(position % self.requests.len().max(1)).map(Vec::as_slice).context("no request")
    }

    /// Does something with each connection, all at once; each begins at a position of its own.
    fn each<T: Send>(
        &self,
        connections: usize,
        work: impl Fn(&mut Client, usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            clients.push(Client::connect(self.address)?);
        }
        std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = clients
                .iter_mut()
                .enumerate()
                .map(|(number, client)| scope.spawn(move || work(client, number)))
                .collect();
            let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("it has broken")));
            ended.map(|one| one.and_then(|done| done)).collect()
        })
    }
}

/// A connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    end: usize,
    /// Where the body begins and how long it is, as soon as the head of the answer was read.
    body: Option<(usize, usize)>,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], end: 0, body: None })
    }

    /// Sends a request and reads its answer, which then ends at `end`; gives the length of the body.
    fn ask(&mut self, request: &[u8]) -> Result<usize> {
        self.send(request)?;
        loop {
            if let Some(length) = self.take_in()? {
                return Ok(length);
            }
        }
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

/// Seconds of processors that this process has taken, as Linux counts them.
fn cpu_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = text.rsplit_once(')').context("no name")?;
    let mut fields = rest.split_whitespace().skip(11);
    let ticks = |field: Option<&str>| -> Result<f64> { Ok(field.context("no time")?.parse()?) };
    Ok((ticks(fields.next())? + ticks(fields.next())?) / TICKS_A_SECOND)
}

/// The length of the body, of an answer with status 200.
fn length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{}", head.lines().next().unwrap_or_default());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
    Ok(length.parse()?)
}
