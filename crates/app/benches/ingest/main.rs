//! How fast a page gets from bytes in memory to committed, beside the least that a database has to do for it.
//!
//! A round takes in the same recorded answers by the whole pipeline (parse, absorb, commit; one page, one transaction,
//! `synchronous=FULL`), then writes the very rows that came of it, page by page, with prepared statements and nothing
//! else, with the same schema, settings and transactions. The ratio of the two is the result; the absolute figures
//! depend on the disk.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod bare;
#[path = "../mirror/mod.rs"]
mod mirror;
mod pipeline;
mod recording;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

const MESSAGES: u32 = 100_000;
const ROUNDS: u32 = 5;

fn main() -> Result<()> {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let messages = numbers.first().copied().unwrap_or(MESSAGES);
    let rounds = numbers.get(1).copied().unwrap_or(ROUNDS).max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let recording = runtime.block_on(recording::record(&folder.path().join("record.db"), messages))?;
    println!("{} answers, {:.1} MB, {} messages", recording.answers.len(), recording.megabytes(), recording.messages);

    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let whole = folder.path().join(format!("whole{round}.db"));
        let (piped, events) = runtime.block_on(pipeline::take_in(&whole, &recording))?;
        let plain = folder.path().join(format!("bare{round}.db"));
        let written = bare::write(&whole, &plain, &events)?;
        remove(&plain)?;
        let (piped, plain) = (rate(recording.messages, piped), rate(recording.messages, written));
        println!(
            "round {round}: pipeline {piped:.0} messages/s, bare loop {plain:.0} messages/s, ratio {:.2}",
            piped / plain
        );
        ratios.push(piped / plain);
        remove(&whole)?;
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).context("no round")?;
    println!("ingest ratio: median {median:.2} of {rounds} rounds (bar: 0.50)");
    Ok(())
}

fn rate(messages: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let messages = messages as f64;
    messages / time.as_secs_f64()
}

fn remove(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        if Path::new(&file).exists() {
            std::fs::remove_file(file)?;
        }
    }
    Ok(())
}
