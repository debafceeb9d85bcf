//! Starts the measurements, which live beside the code that they measure.
//!
//! Nothing is measured here: a bench is a program of its own crate, built as a release.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Args, Subcommand};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Messages a second from bytes in memory to committed, beside a bare prepared loop over the same rows
    Ingest {
        /// Messages to take in
        #[arg(long, default_value_t = 100_000)]
        messages: u32,
        /// Rounds; the median counts
        #[arg(long, default_value_t = 5)]
        rounds: u32,
    },
    /// Peak memory and rows a second of an import of LinkedIn's data export; below 128 MiB whatever its size
    Import {
        /// Size of the archive, in millions of bytes
        #[arg(long, default_value_t = 2_000)]
        megabytes: u32,
    },
    /// Peak memory of a first sync of a large mailbox, beside that of 10,000 messages
    Memory {
        /// Messages to take in
        #[arg(long, default_value_t = 100_000)]
        messages: u32,
    },
    /// Pages a second over HTTP, beside a constant body of the same size from the same server
    Read(Read),
    /// How long a search takes for the newest 20 of a large mailbox, beside a raw call of the index
    Search {
        /// Messages in all mailboxes
        #[arg(long, default_value_t = 1_000_000)]
        messages: u32,
        /// Accounts that they are spread over
        #[arg(long, default_value_t = 100)]
        accounts: u32,
        /// Questions of each kind
        #[arg(long, default_value_t = 1_000)]
        questions: u32,
        /// Where the filled database stays for the next run; without it, nothing stays
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    /// How long the work of a killed node lies until another one asks on, beside the lease
    Takeover {
        /// Nodes to kill
        #[arg(long, default_value_t = 40)]
        kills: u32,
        /// Lease, in milliseconds
        #[arg(long, default_value_t = 2_000)]
        lease_ms: u32,
    },
    /// Bytes and time of the viewer's first page, beside a constant body of the same size from the same server
    Viewer {
        /// Conversations in the simulated mailbox; some of them are in no category that is mirrored
        #[arg(long, default_value_t = 10_500)]
        conversations: u32,
        /// Messages in the mailbox
        #[arg(long, default_value_t = 100_000)]
        messages: u32,
        /// How often the page is asked for
        #[arg(long, default_value_t = 200)]
        asked: u32,
        /// Where the filled database stays for the next run; without it, nothing stays
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
}

/// How the reads are measured.
#[derive(Debug, Args)]
pub struct Read {
    /// Messages in the mailbox
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    /// Conversations in the mailbox
    #[arg(long, default_value_t = 20_000)]
    conversations: u32,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Where the filled database stays for the next run; without it, nothing stays
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Measures only this read
    #[arg(long, value_name = "READ", value_parser = ["conversations", "messages"])]
    only: Option<String>,
}

impl Bench {
    fn name(&self) -> &'static str {
        match self {
            Self::Import { .. } => "import",
            Self::Ingest { .. } => "ingest",
            Self::Memory { .. } => "memory",
            Self::Read(_) => "read",
            Self::Search { .. } => "search",
            Self::Takeover { .. } => "takeover",
            Self::Viewer { .. } => "viewer",
        }
    }

    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Import { megabytes } => Ok(vec![megabytes.to_string()]),
            Self::Memory { messages } => Ok(vec![messages.to_string()]),
            Self::Ingest { messages, rounds } => Ok(vec![messages.to_string(), rounds.to_string()]),
            Self::Read(read) => read.arguments(),
            Self::Search { messages, accounts, questions, keep } => {
                let numbers = [("--messages", messages), ("--accounts", accounts), ("--questions", questions)];
                with_keep(numbers.map(|(name, value)| (name, *value)), keep.as_deref())
            }
            Self::Takeover { kills, lease_ms } => Ok(vec![kills.to_string(), lease_ms.to_string()]),
            Self::Viewer { conversations, messages, asked, keep } => {
                let numbers = [("--conversations", conversations), ("--messages", messages), ("--asked", asked)];
                with_keep(numbers.map(|(name, value)| (name, *value)), keep.as_deref())
            }
        }
    }
}

impl Read {
    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        let numbers =
            [("--messages", self.messages), ("--conversations", self.conversations), ("--rounds", self.rounds)];
        let mut all = with_keep(numbers, self.keep.as_deref())?;
        all.extend(self.only.iter().flat_map(|only| ["--only".into(), only.clone()]));
        Ok(all)
    }
}

/// Numbers by their names, and where the database stays.
fn with_keep(numbers: [(&str, u32); 3], keep: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let mut all: Vec<String> = numbers.into_iter().flat_map(|(name, value)| [name.into(), value.to_string()]).collect();
    if let Some(keep) = keep {
        // A bench runs in the folder of its package.
        let keep = std::path::absolute(keep)?;
        all.extend(["--keep".into(), keep.to_str().context("the path is not text")?.to_owned()]);
    }
    Ok(all)
}

/// Runs a bench and gives its exit code.
pub fn run(root: &Path, what: &Bench) -> anyhow::Result<ExitCode> {
    let status = Command::new("cargo")
        .args(["bench", "--quiet", "--locked", "--package", "threadkeep", "--bench", what.name(), "--"])
        .args(what.arguments()?)
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
