//! Checks and chores of the workspace, written in Rust so that they run wherever the program builds.
//!
//! `cargo xtask` alone says what there is. A chore never changes a tracked file unless its name says so. To add one:
//! a module beside this file, a variant of [`Task`], a line in [`run`].

mod addresses;
mod bench;
mod damage;
mod mutants;
mod openapi;
mod planted;
mod security_tests;
mod seeds;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks and chores of the threadkeep workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true, after_help = AFTER_HELP)]
struct Args {
    /// The root of the workspace; the one this program was built from unless told otherwise
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

const AFTER_HELP: &str = "Before a commit: cargo fmt, cargo xtask tidy, cargo clippy --workspace --all-targets.
All that has to pass is in .ci/run; why each rule is there is in docs/STYLE.md.";

#[derive(Debug, Subcommand)]
enum Task {
    /// Checks the rules that no compiler checks: sizes, headers, names, walls between crates, documents
    Tidy,
    /// Compares the predicate of the egress gate with a second opinion on all addresses of IPv4; less than a minute
    Addresses {
        /// In this build; without it, in a release build that is made first
        #[arg(long)]
        here: bool,
    },
    /// Writes docs/SECURITY-TESTS.md: which tests try which bad input
    SecurityTests {
        /// Only tells whether the page is as it would be written
        #[arg(long)]
        check: bool,
    },
    /// Plants one bug after the other in a build for tests, and fails when the gate misses one
    Planted(planted::Planted),
    /// Changes the core in every small way and tells what no test notices; an hour
    Mutants {
        /// Passed on to cargo-mutants, for example `--file crates/core/src/sync/step.rs`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Writes what is made from the handlers: docs/openapi.json and docs/ACCESS.md
    Openapi,
    /// Simulates the whole program by seeds: any trouble in any order, and it still equals the truth
    Seeds(seeds::Seeds),
    /// Tells the story of one seed
    Seed(seeds::Seed),
    /// Stops, starves and cuts off the real program at each durable effect of a fixed corpus
    Crash(damage::Crash),
    /// Cuts and changes every recorded page of LinkedIn's at every byte
    Pages(damage::Pages),
    /// Feeds the fuzz targets
    Fuzz(damage::Fuzz),
    /// Measures against a denominator of the same run and prints the ratio
    Bench {
        /// What to measure
        #[command(subcommand)]
        what: bench::Bench,
    },
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            tidy::report::say_error(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let root = args.root.as_deref().unwrap_or(built_from);
    match &args.task {
        Task::Tidy => tidy::run(root),
        Task::Addresses { here: false } => addresses::built(root),
        Task::Addresses { here: true } => Ok(addresses::run()),
        Task::SecurityTests { check } => security_tests::run(root, *check),
        Task::Planted(wanted) => planted::run(root, wanted),
        Task::Mutants { rest } => mutants::run(root, rest),
        Task::Openapi => openapi::run(root),
        Task::Seeds(seeds) => seeds.run(root),
        Task::Seed(seed) => seed.run(root),
        Task::Crash(wanted) => damage::crash(root, wanted),
        Task::Pages(wanted) => damage::pages(root, wanted),
        Task::Fuzz(wanted) => damage::fuzz(root, wanted),
        Task::Bench { what } => bench::run(root, what),
    }
}
