//! Damaged input: fuzz targets with a mutating runner, and every recorded page of LinkedIn's cut and changed at every byte.
//!
//! It works with a stable compiler and without instrumentation. Nothing here may reach a network beyond loopback.

mod chance;
mod findings;
mod mutation;
mod pages;
mod recorded;
mod runner;
mod seen;
mod targets;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Damages what anybody can send to threadkeep, and looks whether everything holds that has to.
#[derive(Debug, Parser)]
#[command(name = "threadkeep-fuzz", arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Feeds targets with mutated inputs
    Fuzz {
        /// Only this target
        #[arg(long)]
        target: Option<String>,
        /// How long each target is fed
        #[arg(long, default_value_t = 10)]
        seconds: u32,
        /// What is mutated how follows from it
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Tries one kept input once, instead; needs --target
        #[arg(long, value_name = "FILE", requires = "target")]
        replay: Option<PathBuf>,
    },
    /// Cuts and changes every recorded page at every byte
    Pages {
        /// Only one of so many places
        #[arg(long, default_value_t = 1)]
        every: usize,
        /// Which bytes are put in follows from it
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Fuzz { target, seconds, seed, replay } => match replay {
            Some(path) => runner::replay(target.as_deref().unwrap_or_default(), &path),
            None => runner::run(target.as_deref(), seconds, seed),
        },
        Task::Pages { every, seed } => pages::run(every, seed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells whoever started this.
fn say(text: &str) {
    // There is nobody else to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
