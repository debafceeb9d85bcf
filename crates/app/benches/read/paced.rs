//! Pages at half load: the server on one processor, the load on another one, as the anchors of the bars were measured.
//!
//! One thread asks and never sleeps, so no request waits for the load itself. A request has a time at which it is due and
//! its latency counts from there: a slow answer delays no clock. Where the machine itself stands still for milliseconds,
//! because its host does something else, every latency shows that; so the p99 is told of all requests and of short
//! stretches, and beside it what the host took.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::client::Client;
use crate::load::Load;
use crate::placed::Placed;

/// Connections, of which as many are used as answers are under way.
const CONNECTIONS: usize = 16;
/// How long the full load is measured, half of which is asked for then.
const FULL: Duration = Duration::from_millis(1_500);
/// A stretch of requests with a p99 of its own.
const WINDOW: Duration = Duration::from_millis(250);

/// How long requests took at half load.
pub struct Latency {
    /// Requests a second.
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// The p99 of the median [`WINDOW`]: what a standstill of the whole machine in some of them leaves as it is.
    pub p99_of_windows_ms: f64,
    /// The part of its processors' time that the machine was not given meanwhile, in percent.
    pub stolen_percent: f64,
}

/// Asks at half of what the server can do on its processor.
pub fn at_half_load(load: &Load, time: Duration) -> Result<Latency> {
    let placed = Placed::apart()?;
    let rate = load.without_pause(CONNECTIONS, FULL)?.rate / 2.0;
    let stolen = Stolen::now()?;
    let taken = paced(load, rate, time)?;
    let stolen_percent = stolen.percent_since()?;
    drop(placed);
    let mut windows: BTreeMap<u128, Vec<Duration>> = BTreeMap::new();
    for (due, taken) in taken {
        windows.entry(due.as_nanos() / WINDOW.as_nanos()).or_default().push(taken);
    }
    let mut all: Vec<Duration> = windows.values().flatten().copied().collect();
    let mut tops: Vec<Duration> = windows.values_mut().filter_map(|window| percentile(window, 99)).collect();
    let in_ms = |found: Option<Duration>| found.map(|one| one.as_secs_f64() * 1e3).context("no request was due");
    Ok(Latency {
        rate,
        p50_ms: in_ms(percentile(&mut all, 50))?,
        p99_ms: in_ms(percentile(&mut all, 99))?,
        p99_of_windows_ms: in_ms(percentile(&mut tops, 50))?,
        stolen_percent,
    })
}

/// Asks so many times a second; gives when each request was due, and how long after that it was answered.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn paced(load: &Load, rate: f64, time: Duration) -> Result<Vec<(Duration, Duration)>> {
    let gap = Duration::from_secs_f64(1.0 / rate.max(1.0));
    let mut free = (0..CONNECTIONS).map(|_| load.client_that_never_waits()).collect::<Result<Vec<Client>>>()?;
    let mut asked: Vec<(Duration, Client)> = Vec::with_capacity(CONNECTIONS);
    let mut taken = Vec::new();
    let (began, mut due, mut position) = (Instant::now(), Duration::ZERO, 0);
    while due < time || !asked.is_empty() {
        if due < time
            && due <= began.elapsed()
            && let Some(mut client) = free.pop()
        {
            client.send(load.at(position)?)?;
            asked.push((due, client));
            due += gap;
            position += 1;
        }
        let mut waiting = Vec::with_capacity(CONNECTIONS);
        for (due, mut client) in asked.drain(..) {
            if client.take_in()?.is_some() {
                taken.push((due, began.elapsed().saturating_sub(due)));
                free.push(client);
            } else {
                waiting.push((due, client));
            }
        }
        asked = waiting;
    }
    Ok(taken)
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
