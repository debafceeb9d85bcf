//! Starts cargo-mutants on the core, with the flags under which a surviving mutant means something.
//!
//! It is no part of the gate, since it takes an hour; what survives with a reason stands in `.cargo/mutants.toml`.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

/// Random worlds for each mutant; the tests of single values have found nearly all before.
const WORLDS: &str = "1500";
/// A mutant whose tests take so many seconds does not end.
const TIMEOUT_SECONDS: &str = "60";

/// Runs cargo-mutants and gives its exit code.
pub fn run(root: &Path, rest: &[String]) -> anyhow::Result<ExitCode> {
    let status = Command::new("cargo")
        .args(["mutants", "--package", "threadkeep-core", "--timeout", TIMEOUT_SECONDS, "--no-shuffle"])
        .args(rest)
        .env("THREADKEEP_TEST_WORLDS", WORLDS)
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    // 101 is what cargo says when it has no such command.
    anyhow::ensure!(status.code() != Some(101), "install it first: cargo install cargo-mutants --locked");
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
