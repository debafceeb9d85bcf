//! Starts the exhaustive suites: crashes at each durable effect, damaged pages, fuzz targets.
//!
//! Nothing is tried here: the suites are tests and programs of their own, which an ordinary test run tries a share of.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Args;

/// Which points of the crash suites are tried.
#[derive(Debug, Args)]
pub struct Crash {
    /// Only suites whose name contains this: killed, power_lost, disk, cut, busy, or a scenario
    #[arg(long)]
    only: Option<String>,
    /// Only losses of power
    #[arg(long, conflicts_with = "only")]
    power_loss: bool,
    /// One of so many points instead of each
    #[arg(long, default_value_t = 1, value_name = "K")]
    sample: u64,
    /// Where a sample begins
    #[arg(long, default_value_t = 0, value_name = "N")]
    offset: u64,
    /// Only this point
    #[arg(long, value_name = "POINT")]
    at: Option<u64>,
    /// What a loss of power loses follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Another build of the program, such as a release, which is several times faster
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// How recorded pages are damaged.
#[derive(Debug, Args)]
pub struct Pages {
    /// One of so many places instead of each
    #[arg(long, default_value_t = 1, value_name = "K")]
    every: u32,
    /// Which bytes are put in follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In a build without optimization, which need not be made first
    #[arg(long)]
    debug: bool,
}

/// What is fed to fuzz targets.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// Only this target
    #[arg(long)]
    target: Option<String>,
    /// How long each target is fed
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// What is mutated how follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tries one kept input once, instead
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
    /// In a release build, which is made first
    #[arg(long)]
    release: bool,
}

/// Crashes at each durable effect of the fixed corpus.
pub fn crash(root: &Path, wanted: &Crash) -> anyhow::Result<ExitCode> {
    let mut words = vec![format!("every={},offset={},seed={}", wanted.sample, wanted.offset, wanted.seed)];
    words.extend(wanted.at.map(|at| format!("at={at}")));
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--locked", "--package", "threadkeep", "--test", "crash", "--"]);
    cargo.args(if wanted.power_loss { Some("power_lost") } else { wanted.only.as_deref() });
    cargo.env("THREADKEEP_TEST_CRASH", words.join(","));
    if let Some(program) = &wanted.program {
        // A test runs in the folder of its package.
        let program = std::fs::canonicalize(program).with_context(|| format!("{}", program.display()))?;
        cargo.env("THREADKEEP_TEST_PROGRAM", program);
    }
    run(cargo.current_dir(root))
}

/// Every recorded page cut and changed at every byte.
pub fn pages(root: &Path, wanted: &Pages) -> anyhow::Result<ExitCode> {
    let mut cargo = program(!wanted.debug);
    cargo.args(["pages", "--every", &wanted.every.to_string(), "--seed", &wanted.seed.to_string()]);
    run(cargo.current_dir(root))
}

/// Fuzz targets with mutated inputs.
pub fn fuzz(root: &Path, wanted: &Fuzz) -> anyhow::Result<ExitCode> {
    let mut cargo = program(wanted.release);
    cargo.args(["fuzz", "--seconds", &wanted.seconds.to_string(), "--seed", &wanted.seed.to_string()]);
    if let Some(target) = &wanted.target {
        cargo.args(["--target", target]);
    }
    if let Some(input) = &wanted.replay {
        cargo.arg("--replay").arg(std::fs::canonicalize(input).with_context(|| format!("{}", input.display()))?);
    }
    run(cargo.current_dir(root))
}

fn program(is_release: bool) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--locked", "--package", "threadkeep-fuzz"]);
    cargo.args(is_release.then_some("--release")).arg("--");
    cargo
}

fn run(cargo: &mut Command) -> anyhow::Result<ExitCode> {
    let status = cargo.status().context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
