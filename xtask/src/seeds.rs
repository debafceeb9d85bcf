//! Runs the simulation of the whole program, which is a crate of its own, in a build of its own profile.
//!
//! Nothing is simulated here: arguments are handed on and the exit code comes back.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Args;

/// How SQLite is built for seeds: without what it counts and locks for hosts of many threads, which takes a tenth of the
/// time. What it does with a database is the same.
pub const SQLITE_FLAGS: (&str, &str) =
    ("LIBSQLITE3_FLAGS", "-USQLITE_ENABLE_API_ARMOR -USQLITE_ENABLE_MEMORY_MANAGEMENT -DSQLITE_DEFAULT_MEMSTATUS=0");

/// Which seeds.
#[derive(Debug, Args)]
pub struct Seeds {
    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many
    #[arg(long, default_value_t = 1_000)]
    count: u64,
    /// Threads; as many as there are processors without it
    #[arg(long)]
    threads: Option<usize>,
    /// On a SQLite file instead of SQLite in memory
    #[arg(long, conflicts_with = "postgres")]
    file: bool,
    /// On a PostgreSQL database instead of SQLite in memory
    #[arg(long)]
    postgres: bool,
    /// Other amounts of trouble: network=2,machine=0.5,changes=1,people=1,size=1,media=1
    #[arg(long, value_name = "NAME=FACTOR,…")]
    fault_rates: Option<String>,
    /// Ends at the first failure
    #[arg(long)]
    stop_at_first: bool,
}

/// One seed.
#[derive(Debug, Args)]
pub struct Seed {
    /// The seed
    seed: u64,
    /// Other amounts of trouble, as the run had them
    #[arg(long, value_name = "NAME=FACTOR,…")]
    fault_rates: Option<String>,
    /// On a SQLite file
    #[arg(long, conflicts_with = "postgres")]
    file: bool,
    /// On a PostgreSQL database
    #[arg(long)]
    postgres: bool,
    /// Looks for the smallest plan with the same failure first
    #[arg(long)]
    shrink: bool,
}

impl Seeds {
    /// Runs them.
    pub fn run(&self, root: &Path) -> anyhow::Result<ExitCode> {
        let mut arguments = vec!["run".to_owned()];
        arguments.extend([format!("--from={}", self.from), format!("--count={}", self.count)]);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        arguments.push(format!("--threads={}", self.threads.unwrap_or(processors)));
        arguments.extend(self.fault_rates.iter().map(|rates| format!("--fault-rates={rates}")));
        arguments.extend(self.file.then(|| "--file".to_owned()));
        arguments.extend(self.postgres.then(|| "--postgres".to_owned()));
        arguments.extend(self.stop_at_first.then(|| "--stop-at-first".to_owned()));
        arguments.extend(commit(root).map(|commit| format!("--commit={commit}")));
        hand_on(root, &arguments)
    }
}

impl Seed {
    /// Tells its story.
    pub fn run(&self, root: &Path) -> anyhow::Result<ExitCode> {
        let mut arguments = vec!["one".to_owned(), self.seed.to_string()];
        arguments.extend(self.fault_rates.iter().map(|rates| format!("--fault-rates={rates}")));
        arguments.extend(self.file.then(|| "--file".to_owned()));
        arguments.extend(self.postgres.then(|| "--postgres".to_owned()));
        arguments.extend(self.shrink.then(|| "--shrink".to_owned()));
        hand_on(root, &arguments)
    }
}

/// The commit that a failure belongs to; nothing outside of a repository.
fn commit(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let hash = git(&["rev-parse", "--short=12", "HEAD"]).filter(|hash| !hash.is_empty())?;
    let is_changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if is_changed { format!("{hash}-changed") } else { hash })
}

fn hand_on(root: &Path, arguments: &[String]) -> anyhow::Result<ExitCode> {
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--locked", "--profile", "seeds", "--package", "threadkeep-seeds", "--"])
        .args(arguments)
        .env(SQLITE_FLAGS.0, SQLITE_FLAGS.1)
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
