//! The load: connections, each on a thread of its own.
//!
//! The requests are written out beforehand, so that asking costs the same whatever is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::client::Client;

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
        Ok(client.body(length).to_vec())
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

/// Seconds of processors that this process has taken, as Linux counts them.
fn cpu_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = text.rsplit_once(')').context("no name")?;
    let mut fields = rest.split_whitespace().skip(11);
    let ticks = |field: Option<&str>| -> Result<f64> { Ok(field.context("no time")?.parse()?) };
    Ok((ticks(fields.next())? + ticks(fields.next())?) / TICKS_A_SECOND)
}
