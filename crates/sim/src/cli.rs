//! The command line of `threadkeep-sim`: reads options and files, listens, says so in one line, and serves.
//!
//! Anything that cannot be used is named on standard error with exit code 2, before a port is opened.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use serde_json::json;

use crate::clock;
use crate::faults::Faults;
use crate::server::RunningServer;
use crate::simulator::{Simulator, SimulatorOptions};
use crate::switches::Switches;
use crate::world::{ArchiveEra, GenerateOptions, World};
use crate::zip::zipped;

/// A simulated LinkedIn messaging server on loopback. Nothing it serves is real.
#[derive(Debug, Parser)]
#[command(name = "threadkeep-sim", version)]
pub struct Options {
    /// Where to listen; loopback only, port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8765")]
    pub listen: SocketAddr,
    /// Where to listen as the host of pictures and GIFs, which must get no cookies; loopback only, port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen_media: SocketAddr,
    /// Everything invented follows from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Conversations of each account.
    #[arg(long, default_value_t = 120)]
    pub conversations: usize,
    /// Mean number of messages of a conversation.
    #[arg(long, default_value_t = 30.0)]
    pub messages_mean: f64,
    /// Number of accounts.
    #[arg(long, default_value_t = 1)]
    pub accounts: usize,
    /// A world file instead of an invented world.
    #[arg(long, conflicts_with_all = ["conversations", "messages_mean", "accounts"])]
    pub world: Option<PathBuf>,
    /// What goes wrong: none, light, heavy, or a file.
    #[arg(long, default_value = "none")]
    pub faults: String,
    /// Write the first account's mailbox as LinkedIn's data export into this file, and end.
    #[arg(long, value_name = "FILE")]
    pub write_archive: Option<PathBuf>,
    /// The year whose form the data export has.
    #[arg(long, default_value = "2026", value_parser = ["2017", "2020", "2021", "2023", "2024", "2025", "2026"])]
    pub archive_era: String,
    /// A file with switches: how this LinkedIn behaves.
    #[arg(long)]
    pub switches: Option<PathBuf>,
}

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Most accounts of an invented world.
const ACCOUNTS_MAX: usize = 1_000;
/// Most conversations of each account of an invented world.
const CONVERSATIONS_MAX: usize = 100_000;
/// Largest mean number of messages.
const MESSAGES_MEAN_MAX: f64 = 100_000.0;

/// Runs the program until it is told to stop.
pub fn run() -> ExitCode {
    let options = Options::parse();
    let simulator = match simulator(&options) {
        Ok(simulator) => simulator,
        Err(error) => return failed(&error, 2),
    };
    if let Some(path) = &options.write_archive {
        return match write_archive(&simulator, &options.archive_era, path) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error, 1),
        };
    }
    for (option, address) in [("--listen", options.listen), ("--listen-media", options.listen_media)] {
        if !address.ip().is_loopback() {
            let error = anyhow::anyhow!("{option}: only loopback addresses are allowed, for example 127.0.0.1:8765");
            return failed(&error, 2);
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served = runtime.context("cannot start").and_then(|runtime| runtime.block_on(serve(&options, simulator)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

/// The simulator that these options describe.
pub fn simulator(options: &Options) -> Result<Simulator> {
    let faults = match Faults::preset(&options.faults) {
        Some(preset) => preset,
        None => {
            let text =
                read(Path::new(&options.faults)).context("--faults: give none, light, heavy or the path of a file")?;
            Faults::from_json(&text).with_context(|| format!("--faults {}", options.faults))?
        }
    };
    let switches = match &options.switches {
        None => Switches::default(),
        Some(path) => {
            let text = read(path).context("--switches")?;
            serde_json::from_slice(&text).with_context(|| format!("--switches {}", path.display()))?
        }
    };
    let world = match &options.world {
        Some(path) => world_file(path)?,
        None => generated(options)?,
    };
    Ok(Simulator::new(world, SimulatorOptions { seed: options.seed, switches, faults }))
}

fn write_archive(simulator: &Simulator, era: &str, path: &Path) -> Result<()> {
    let era = ArchiveEra::from_name(era).context("--archive-era: give a year of the list")?;
    let owner = simulator.world().owners().first().context("the world has no account")?.clone();
    let files = simulator.world().archive(&owner, era);
    let bytes = zipped(files.iter().map(|file| (file.name, file.bytes.as_slice())))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn generated(options: &Options) -> Result<World> {
    let mean = options.messages_mean;
    if !(1..=ACCOUNTS_MAX).contains(&options.accounts) {
        bail!("--accounts: give a number from 1 to {ACCOUNTS_MAX}");
    }
    if options.conversations > CONVERSATIONS_MAX {
        bail!("--conversations: give a number from 0 to {CONVERSATIONS_MAX}");
    }
    if !(0.0..=MESSAGES_MEAN_MAX).contains(&mean) {
        bail!("--messages-mean: give a number from 0 to {MESSAGES_MEAN_MAX}");
    }
    Ok(World::generate(&GenerateOptions {
        seed: options.seed,
        conversations: options.conversations,
        messages_mean: mean,
        accounts: options.accounts,
        first: 0,
        now_ms: clock::now_ms(),
    }))
}

fn world_file(path: &Path) -> Result<World> {
    let bytes = read(path).context("--world")?;
    let text = String::from_utf8(bytes).with_context(|| format!("--world {}: not UTF-8", path.display()))?;
    World::from_json(&text, clock::now_ms()).with_context(|| format!("--world {}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let about = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if about.len() > FILE_BYTES_MAX {
        bail!("{} is larger than {FILE_BYTES_MAX} bytes", path.display());
    }
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

async fn serve(options: &Options, simulator: Simulator) -> Result<()> {
    let world = simulator.world();
    let messages: usize = world.threads.values().map(|thread| thread.messages.len()).sum();
    let (accounts, threads) = (world.owners().len(), world.threads.len());
    let (listen, media) = (options.listen, options.listen_media);
    let server = RunningServer::start_both(listen, media, simulator).await;
    let server = server.with_context(|| format!("--listen, --listen-media: cannot listen on {listen} and {media}"))?;
    let line = json!({
        "listening": server.url(), "mediaUrl": server.media_url(), "accounts": accounts, "conversations": threads, "messages": messages,
    });
    say(&line.to_string())?;
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
    server.shutdown().await;
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
}

fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors repeat their cause in their own words.
        if !told.contains(&cause) {
            told.push_str(": ");
            told.push_str(&cause);
        }
    }
    // When even standard error is closed, the exit code has to do.
    let _ = writeln!(std::io::stderr(), "threadkeep-sim{told}");
    ExitCode::from(code)
}
