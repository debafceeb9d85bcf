//! How many of all points are tried: a share in an ordinary test run, each of them by `cargo xtask crash`.
//!
//! What is left out is said aloud, and each failure tells how its point is tried alone.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};

/// The variable: words like `every=1`, `offset=3`, `at=17`, `after=1`, `seed=5`, with commas between them.
const VARIABLE: &str = "THREADKEEP_TEST_CRASH";
/// Failures of one suite that are told before it gives up.
const TOLD_MAX: usize = 5;

/// Which points are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dose {
    every: u64,
    offset: u64,
    only: Option<u64>,
    seed: u64,
}

impl Dose {
    /// What the variable says; otherwise one of so many.
    pub fn of_environment(every: u64) -> Result<Self> {
        let mut dose = Self { every, offset: every / 2, only: None, seed: 1 };
        for word in environment().split(',').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').with_context(|| format!("{VARIABLE}: {word}"))?;
            let number: u64 = value.parse().with_context(|| format!("{VARIABLE}: {word}"))?;
            match name {
                "every" => (dose.every, dose.offset) = (number.max(1), 0),
                "offset" => dose.offset = number,
                "at" => dose.only = Some(number),
                "seed" => dose.seed = number,
                _ => anyhow::bail!("{VARIABLE}: {word}"),
            }
        }
        Ok(dose)
    }

    /// What is drawn at a point follows from it.
    pub fn seed(self) -> u64 {
        self.seed
    }

    /// The points of so many that are tried, from 1; says which.
    pub fn points(self, suite: &str, all: u64) -> Result<Vec<u64>> {
        let points: Vec<u64> = match self.only {
            Some(at) => vec![at],
            None => (1..=all).filter(|at| at % self.every == self.offset % self.every).collect(),
        };
        let how = match (self.only, self.every) {
            (Some(at), _) => format!("point {at} alone"),
            (None, 1) => "each".to_owned(),
            (None, every) => format!("every {every}th from {}", self.offset % every),
        };
        // Past the capture of the test runner: whoever reads the log sees what was left out.
        writeln!(std::io::stderr(), "{suite}: {} of {all} points, {how}", points.len())?;
        Ok(points)
    }
}

/// Tries all points, so many at a time; fails with the first few that went wrong.
pub fn each(points: &[u64], at_a_time: usize, trial: impl Fn(u64) -> Result<()> + Sync) -> Result<()> {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = trial(*point)
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push(format!("{error:#}"));
                        if failures.len() >= TOLD_MAX {
                            next.store(points.len(), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().map_err(|_| anyhow::anyhow!("a trial panicked"))?;
    ensure!(failures.is_empty(), "{}\none point alone: cargo xtask crash --only SUITE --at POINT", failures.join("\n"));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the tests' own switches are no configuration of the program")]
fn environment() -> String {
    std::env::var(VARIABLE).unwrap_or_default()
}
