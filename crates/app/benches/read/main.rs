//! How many pages a second the API serves, beside a constant body of the same size from the same server.
//!
//! A conversation list of 20 and a message page of 20, at random positions of a large mailbox, over HTTP on loopback with
//! kept connections. The constant body comes from a route that passes nothing of the API: no key, no limit, no log, no
//! database. Server and load share the machine and the load does the same for both, so the ratio is the result. The log
//! is off. Nothing is cached by anybody but the operating system.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod load;
#[path = "../mirror/mod.rs"]
mod mirror;
mod questions;
mod site;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use load::{Latency, Load};
use site::Site;

/// Connections that ask without a pause.
const CONNECTIONS: usize = 16;
/// How long a figure is measured.
const MEASURED: Duration = Duration::from_secs(3);
/// How long each target is asked before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);

#[derive(Debug, Parser)]
struct Args {
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    #[arg(long, default_value_t = 20_000)]
    conversations: u32,
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Where the database stays for the next run
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Measures only this
    #[arg(long)]
    only: Option<String>,
    /// What `cargo bench` says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// One of the two reads, with what it is measured against.
struct Read {
    name: &'static str,
    read: Load,
    constant: Load,
}

/// The figures of a round.
struct Round {
    ratio: f64,
    p99_ms: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let temporary = tempfile::tempdir()?;
    let folder = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let site = runtime.block_on(Site::open(&folder, args.messages, args.conversations))?;
    println!("{} messages in {} conversations, {:.0} MB", site.messages, site.conversations, site.megabytes);
    let reads = questions::reads(&site)?;
    for read in reads.iter().filter(|read| args.only.as_ref().is_none_or(|only| only == read.name)) {
        measure(read, args.rounds.max(1))?;
    }
    runtime.block_on(site.close());
    Ok(())
}

fn measure(read: &Read, count: u32) -> Result<()> {
    println!("{}: {} bytes in the mean", read.name, read.read.mean_bytes(CONNECTIONS)?);
    read.constant.without_pause(CONNECTIONS, WARM_UP)?;
    read.read.without_pause(CONNECTIONS, WARM_UP)?;
    let mut rounds = Vec::new();
    for number in 1..=count {
        let before = read.constant.without_pause(CONNECTIONS, MEASURED / 2)?;
        let pages = read.read.without_pause(CONNECTIONS, MEASURED)?;
        let after = read.constant.without_pause(CONNECTIONS, MEASURED / 2)?;
        let constant = f64::midpoint(before, after);
        let Latency { p50_ms, p99_ms } = read.read.paced(CONNECTIONS, pages / 2.0, MEASURED)?;
        println!(
            "  round {number}: {pages:.0} pages/s, constant {before:.0} and {after:.0}/s, ratio {:.3}; at half load p50 \
             {p50_ms:.2} ms, p99 {p99_ms:.2} ms",
            pages / constant
        );
        rounds.push(Round { ratio: pages / constant, p99_ms });
    }
    let ratios = Spread::of(rounds.iter().map(|round| round.ratio)).context("no round")?;
    let latencies = Spread::of(rounds.iter().map(|round| round.p99_ms)).context("no round")?;
    println!(
        "{} ratio: median {:.3} ({:.3} to {:.3}) of {count} rounds (bar: 0.15, aim: 0.60)",
        read.name, ratios.median, ratios.least, ratios.most
    );
    println!(
        "{} p99 at half load: median {:.2} ms ({:.2} to {:.2}) (bar: 3.00)",
        read.name, latencies.median, latencies.least, latencies.most
    );
    Ok(())
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        Some(Self { least: *figures.first()?, median: *figures.get(figures.len() / 2)?, most: *figures.last()? })
    }
}
