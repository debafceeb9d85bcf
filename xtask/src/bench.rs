//! Starts the measurements, which live beside the code that they measure.
//!
//! Nothing is measured here: a bench is a program of its own crate, built as a release.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::ValueEnum;

/// What can be measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Bench {
    /// Messages a second from bytes in memory to committed, beside a bare prepared loop over the same rows
    Ingest,
    /// Peak memory of a first sync of a large mailbox, beside that of 10,000 messages
    Memory,
}

/// Runs a bench and gives its exit code.
pub fn run(root: &Path, what: Bench, messages: u32, rounds: u32) -> anyhow::Result<ExitCode> {
    let name = match what {
        Bench::Ingest => "ingest",
        Bench::Memory => "memory",
    };
    let status = Command::new("cargo")
        .args(["bench", "--quiet", "--locked", "--package", "threadkeep", "--bench", name, "--"])
        .args([messages.to_string(), rounds.to_string()])
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
