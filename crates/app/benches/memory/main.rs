//! How much memory a first sync takes for a large mailbox, beside a small one: it must not grow with the mailbox.
//!
//! The real program runs `sync` against a simulated LinkedIn in this process, once for 10,000 messages and once for as
//! many as asked. What counts is the peak of its anonymous memory (`RssAnon`), read every few milliseconds. Linux only.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use threadkeep_sim::{GenerateOptions, RunningServer, Simulator, SimulatorOptions, World};

const MESSAGES: u32 = 1_000_000;
const MESSAGES_SMALL: u32 = 10_000;
/// Mean of a conversation, in both mailboxes: the large one has more conversations, too.
const MESSAGES_MEAN: u32 = 50;
/// Some moment of the simulated inbox, in milliseconds since 1970.
const NOW_MS: i64 = 1_780_000_000_000;
/// How often the memory is read.
const LOOK: Duration = Duration::from_millis(5);

fn main() -> Result<()> {
    let messages = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(MESSAGES);
    let small = peak(MESSAGES_SMALL)?;
    let large = peak(messages)?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let ratio = large as f64 / small as f64;
    println!(
        "memory ratio: {ratio:.2} ({large} KiB for {messages} messages, {small} KiB for {MESSAGES_SMALL}; bar: 1.25)"
    );
    Ok(())
}

/// Peak of the anonymous memory of a first sync of about this many messages, in KiB.
fn peak(messages: u32) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let world = World::generate(&GenerateOptions {
        seed: 9,
        conversations: usize::try_from(messages / MESSAGES_MEAN)?,
        messages_mean: f64::from(MESSAGES_MEAN),
        accounts: 1,
        first: 0,
        now_ms: NOW_MS,
    });
    let mut simulator = Simulator::new(world, SimulatorOptions::default());
    let cookie = simulator.credentials().into_iter().next().context("the simulator has no member")?.cookie;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = runtime.block_on(RunningServer::start(listen, simulator))?;

    let folder = tempfile::tempdir()?;
    let cookies = folder.path().join("cookies.txt");
    std::fs::write(&cookies, cookie)?;
    let cookies = cookies.to_str().context("the folder's name is no text")?;
    let added = program(folder.path(), &server.url()).args(["account", "add", "--cookies-file", cookies]).output()?;
    ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let mut sync = program(folder.path(), &server.url()).args(["sync", "--force"]).spawn()?;
    let peak = watch(&mut sync)?;
    runtime.block_on(server.shutdown());
    println!("{messages} messages: {peak} KiB");
    Ok(peak)
}

fn program(folder: &Path, upstream: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_threadkeep"));
    command.env("THREADKEEP_DATA_DIR", folder.join("data")).env("THREADKEEP_UPSTREAM_URL", upstream);
    command.env("THREADKEEP_PACE", "open").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[expect(clippy::disallowed_methods, reason = "a bench looks at another process, again and again")]
fn watch(child: &mut Child) -> Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "the sync ended with {ended}");
            ensure!(peak > 0, "the memory of another process cannot be read here");
            return Ok(peak);
        }
        // A program that is about to end has no memory to tell of.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
        peak = peak.max(kib.unwrap_or_default());
        std::thread::sleep(LOOK);
    }
}
