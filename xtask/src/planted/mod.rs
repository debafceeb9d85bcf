//! `cargo xtask planted`: plants one bug after the other and runs the part of the gate that has to catch it.
//!
//! A gate that has never been seen to fail proves nothing. The tests are built once with every bug in them; which one
//! acts is chosen when they are run. A bug that survives fails the command.

mod page;
mod rows;
mod sites;
mod stages;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;
use clap::Args;

use crate::tidy::report::say_result;
pub use page::{check, write};
use rows::{ROWS, Row};
use stages::{Caught, Gate};

/// Test programs that run at the same time.
const AT_ONCE: usize = 2;

/// Which bugs, and how.
#[derive(Debug, Args)]
pub struct Planted {
    /// Only this bug
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Also tries to catch each bug with so many random worlds and seeds, and tells which was the first
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Only writes docs/PLANTED.md
    #[arg(long)]
    page: bool,
}

/// Runs the bugs and reports; the exit code is 1 when one survives.
pub fn run(root: &Path, wanted: &Planted) -> anyhow::Result<ExitCode> {
    if wanted.page {
        return write(root);
    }
    let rows: Vec<Row> =
        ROWS.iter().copied().filter(|row| wanted.only.as_ref().is_none_or(|name| row.bug == name)).collect();
    ensure!(!rows.is_empty(), "there is no such bug: docs/PLANTED.md has the list");
    let gate = Gate::build(root, &rows, wanted.seeds)?;
    gate.passes_unharmed()?;
    let survivors = all(&gate, &rows);
    say_result(&format!("{} of {} planted bugs are caught", rows.len() - survivors.len(), rows.len()));
    for bug in &survivors {
        say_result(&format!("survives: {bug}; make the gate stronger, the bug stays"));
    }
    Ok(if survivors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plants every bug, a few at the same time, and gives the names of those that survive.
fn all(gate: &Gate, rows: &[Row]) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let survivors = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = gate.catch(row);
                    say_result(&told(row, &found));
                    if !found.is_caught() {
                        survivors.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(row.bug);
                    }
                }
            });
        }
    });
    survivors.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn told(row: &Row, found: &Caught) -> String {
    let verdict = if found.is_caught() { "caught  " } else { "SURVIVES" };
    let missed = found.missed_by.iter().map(|who| format!("missed by {who}"));
    let by: Vec<String> = found.by.iter().cloned().chain(missed).collect();
    format!("{verdict} {:<26} {:>6.1} s  {}", row.bug, found.seconds, by.join("; "))
}
