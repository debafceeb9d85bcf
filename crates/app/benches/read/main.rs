//! How many pages a second the API serves, beside a constant body of the same size from the same server.
//!
//! A conversation list of 20 and a message page of 20, at random positions of a large mailbox, over HTTP on loopback with
//! kept connections. The constant body comes from a route that passes nothing of the API: no key, no limit, no log, no
//! database. Server and load share the machine and the load does the same for both, so the ratio is the result. The log
//! is off. Nothing is cached by anybody but the operating system.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../client/mod.rs"]
mod client;
mod load;
#[path = "../mirror/mod.rs"]
mod mirror;
mod paced;
#[cfg(target_os = "linux")]
mod placed;
#[cfg(not(target_os = "linux"))]
#[path = "unplaced.rs"]
mod placed;
mod questions;
#[path = "../site/mod.rs"]
mod site;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use load::Load;
use paced::{Latency, at_half_load};
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
    cpu_ratio: f64,
    paced: Latency,
    constant: Latency,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let site = runtime.block_on(Site::open(args.keep.as_deref(), args.messages, args.conversations))?;
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
        let ratio = pages.rate / f64::midpoint(before.rate, after.rate);
        let cpu_ratio = f64::midpoint(before.cpu_us, after.cpu_us) / pages.cpu_us;
        let paced = at_half_load(&read.read, MEASURED)?;
        let constant = at_half_load(&read.constant, MEASURED)?;
        println!(
            "  round {number}: {:.0} pages/s ({:.0} us of processors each), constant {:.0} and {:.0}/s ({:.0} and {:.0} \
             us); ratio {ratio:.3}, by processor time {cpu_ratio:.3}",
            pages.rate, pages.cpu_us, before.rate, after.rate, before.cpu_us, after.cpu_us,
        );
        tell_latency("at half load", &paced);
        tell_latency("the constant body at its half load", &constant);
        rounds.push(Round { ratio, cpu_ratio, paced, constant });
    }
    let of = |figure: fn(&Round) -> f64| rounds.iter().map(figure);
    tell(read.name, "ratio", "bar: 0.15, aim: 0.60", of(|round| round.ratio))?;
    tell(read.name, "ratio by processor time", "to tell neighbours apart", of(|round| round.cpu_ratio))?;
    let p99 = "p99 at half load, in ms";
    tell(read.name, p99, "bar: 3.00", of(|round| round.paced.p99_ms))?;
    let of_windows = format!("{p99}, of the median quarter of a second");
    tell(read.name, &of_windows, "bar: 3.00", of(|round| round.paced.p99_of_windows_ms))?;
    let what = "what the machine itself takes";
    tell(read.name, "p99 of the constant body at its half load, in ms", what, of(|round| round.constant.p99_ms))
}

fn tell_latency(what: &str, latency: &Latency) {
    let Latency { rate, p50_ms, p99_ms, p99_of_windows_ms, stolen_percent } = latency;
    println!(
        "    {what} ({rate:.0}/s): p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms, of the median quarter of a second {p99_of_windows_ms:.2} \
         ms; the host took {stolen_percent:.1} % of the processors"
    );
}

fn tell(name: &str, what: &str, bar: &str, figures: impl Iterator<Item = f64>) -> Result<()> {
    let Spread { least, median, most } = Spread::of(figures).context("no round")?;
    println!("{name} {what}: median {median:.3} ({least:.3} to {most:.3}) ({bar})");
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
