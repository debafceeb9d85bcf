//! The load: blocking connections, each on a thread of its own, that do as little as a client can.
//!
//! The requests are written out beforehand; of an answer the status and the length are read and nothing else. Paced
//! requests have a time at which they are due, and their latency counts from there: a slow answer delays no clock. Where the
//! machine itself stands still for milliseconds, because its host does something else, every latency shows that; so the
//! p99 is told of all requests and of short stretches.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A stretch of paced requests with a p99 of its own.
const WINDOW: Duration = Duration::from_millis(250);
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

/// How long paced requests took.
pub struct Latency {
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// The p99 of the median [`WINDOW`]: what a standstill of the whole machine in some of them leaves as it is.
    pub p99_of_windows_ms: f64,
    /// The part of its processors' time that the machine was not given meanwhile, in percent.
    pub stolen_percent: f64,
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

    /// Asks so many times a second, evenly over the connections.
    #[expect(clippy::disallowed_methods, reason = "a bench measures time and waits for it")]
    pub fn paced(&self, connections: usize, rate: f64, time: Duration) -> Result<Latency> {
        let (began, stolen) = (Instant::now(), Stolen::now()?);
        let gap = Duration::from_secs_f64(f64::from(u32::try_from(connections)?) / rate.max(1.0));
        let taken = self.each(connections, |client, mut position| {
            let mut taken = Vec::new();
            let mut due =
                began + gap.mul_f64(f64::from(u32::try_from(position)?) / f64::from(u32::try_from(connections)?));
            while due < began + time {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                client.ask(self.at(position)?)?;
                taken.push((due - began, due.elapsed()));
                due += gap;
                position += connections;
            }
            Ok(taken)
        })?;
        let stolen_percent = stolen.percent_since()?;
        let mut windows: BTreeMap<u128, Vec<Duration>> = BTreeMap::new();
        for (due, taken) in taken.into_iter().flatten() {
            windows.entry(due.as_nanos() / WINDOW.as_nanos()).or_default().push(taken);
        }
        let mut all: Vec<Duration> = windows.values().flatten().copied().collect();
        let mut tops: Vec<Duration> = windows.values_mut().filter_map(|window| percentile(window, 99)).collect();
        let in_ms = |found: Option<Duration>| found.map(|one| one.as_secs_f64() * 1e3).context("no request was due");
        Ok(Latency {
            p50_ms: in_ms(percentile(&mut all, 50))?,
            p99_ms: in_ms(percentile(&mut all, 99))?,
            p99_of_windows_ms: in_ms(percentile(&mut tops, 50))?,
            stolen_percent,
        })
    }

    fn at(&self, position: usize) -> Result<&[u8]> {
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

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    end: usize,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], end: 0 })
    }

    /// Sends a request and reads its answer, which then ends at `end`; gives the length of the body.
    fn ask(&mut self, request: &[u8]) -> Result<usize> {
        self.stream.write_all(request)?;
        self.end = 0;
        let (head, length) = loop {
            self.more()?;
            let read = self.buffer.get(..self.end).unwrap_or_default();
            if let Some(head) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break (head + 4, length(read.get(..head).unwrap_or_default())?);
            }
        };
        if self.buffer.len() < head + length {
            self.buffer.resize(head + length, 0);
        }
        while self.end < head + length {
            self.more()?;
        }
        Ok(length)
    }

    fn more(&mut self) -> Result<()> {
        let read = self.stream.read(self.buffer.get_mut(self.end..).unwrap_or_default())?;
        ensure!(read > 0, "the connection was closed");
        self.end += read;
        Ok(())
    }
}

/// Which of these is longer than so many of a hundred.
fn percentile(taken: &mut [Duration], part: usize) -> Option<Duration> {
    taken.sort_unstable();
    taken.get((taken.len() * part / 100).min(taken.len().saturating_sub(1))).copied()
}

/// Time of the processors, as Linux counts it for the whole machine.
struct Stolen {
    stolen: f64,
    all: f64,
}

impl Stolen {
    fn now() -> Result<Self> {
        let text = std::fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().and_then(|line| line.strip_prefix("cpu ")).context("no processors")?;
        let ticks: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted among the first.
        Ok(Self { stolen: ticks.get(7).copied().unwrap_or_default(), all: ticks.iter().take(8).sum() })
    }

    fn percent_since(&self) -> Result<f64> {
        let now = Self::now()?;
        Ok((now.stolen - self.stolen) / (now.all - self.all).max(1.0) * 100.0)
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
