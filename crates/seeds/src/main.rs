//! The command of the seeds: runs many, or tells the story of one.
//!
//! `cargo xtask seeds` and `cargo xtask seed` build it and hand their arguments on. It prints what was tried, so that
//! nobody has to believe it.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use threadkeep_seeds::crowd::{Outcome, Wanted, live_all};
use threadkeep_seeds::draw::{Rates, draw};
use threadkeep_seeds::life::{Ended, Scene};
use threadkeep_seeds::server;
use threadkeep_seeds::shrink::shrink;

/// Simulates the whole program by seeds
#[derive(Debug, Parser)]
#[command(name = "threadkeep-seeds", arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs many seeds; fails when something does not hold in one of them
    Run {
        /// The first seed
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// How many
        #[arg(long, default_value_t = 1_000)]
        count: u64,
        /// Threads
        #[arg(long, default_value_t = 2)]
        threads: usize,
        /// Ends at the first failure
        #[arg(long)]
        stop_at_first: bool,
        /// One JSON object instead of words
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        setting: Setting,
        /// Does not look for a smaller plan of a failure
        #[arg(long)]
        no_shrink: bool,
        /// The commit of these sources, to tell with a failure
        #[arg(long, default_value = "unknown")]
        commit: String,
    },
    /// Tells the story of one seed
    One {
        /// The seed
        seed: u64,
        #[command(flatten)]
        setting: Setting,
        /// Looks for the smallest plan with the same failure first
        #[arg(long)]
        shrink: bool,
    },
}

/// How lives are drawn, and where they happen.
#[derive(Debug, Args)]
struct Setting {
    /// Other amounts of trouble: network=2,machine=0.5,changes=1,people=1,size=1,media=1
    #[arg(long, value_parser = Rates::parse, default_value = "")]
    fault_rates: Rates,
    /// On a SQLite file instead of SQLite in memory
    #[arg(long, conflicts_with = "postgres")]
    file: bool,
    /// On PostgreSQL instead of SQLite in memory
    #[arg(long)]
    postgres: bool,
}

impl Setting {
    /// Where a thread's lives happen.
    fn scene(&self, thread: usize) -> anyhow::Result<Scene> {
        if self.file {
            return Scene::file();
        }
        if !self.postgres {
            return Scene::memory();
        }
        let server = server::server_url()?;
        let server =
            server.context("there is no PostgreSQL: install its server or set THREADKEEP_TEST_POSTGRES_URL")?;
        Scene::postgres(server, thread)
    }
}

/// The options that draw the same lives in the same place.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = self.fault_rates.to_string();
        if !rates.is_empty() {
            write!(f, " --fault-rates {rates}")?;
        }
        f.write_str(if self.file { " --file" } else { "" })?;
        f.write_str(if self.postgres { " --postgres" } else { "" })
    }
}

fn main() -> ExitCode {
    #[cfg(feature = "planted")]
    threadkeep::planted::choose();
    match run(&Command::parse().task) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(task: &Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Run { from, count, threads, stop_at_first, json, setting, no_shrink, commit } => {
            let wanted = Wanted {
                from: *from,
                count: *count,
                threads: *threads,
                stops_at_first: *stop_at_first,
                rates: setting.fault_rates,
            };
            let begun = begun();
            let outcome = live_all(wanted, |thread| setting.scene(thread), |ended| told_at_once(ended, *json))?;
            let seconds = begun.elapsed().as_secs_f64();
            if *json {
                as_json(&outcome)?
            } else {
                as_words(&outcome, seconds)?
            }
            for ended in outcome.failures.iter().take(3).filter(|_| !*json && !*no_shrink) {
                told_small(ended, setting, commit)?;
            }
            Ok(if outcome.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Task::One { seed, setting, shrink: is_shrunk } => {
            let scene = setting.scene(0)?;
            let mut plan = draw(*seed, setting.fault_rates);
            if *is_shrunk && let Some(breach) = scene.play(&plan, false).breach {
                plan = shrink(&scene, &plan, breach.invariant);
            }
            let ended = scene.play(&plan, true);
            scene.finish()?;
            let mut out = std::io::stdout().lock();
            writeln!(out, "{plan:#?}")?;
            ended.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            writeln!(out, "story {:016x}, {:?}", ended.hash, ended.tally)?;
            match &ended.breach {
                Some(breach) => {
                    writeln!(out, "FAILED: {}: {}", breach.invariant, breach.what)?;
                    Ok(ExitCode::FAILURE)
                }
                None => Ok(ExitCode::SUCCESS),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tells how many seeds a second; nothing of a life depends on it")]
fn begun() -> std::time::Instant {
    std::time::Instant::now()
}

fn as_json(outcome: &Outcome) -> anyhow::Result<()> {
    let failures: Vec<_> = outcome
        .failures
        .iter()
        .filter_map(|ended| {
            let breach = ended.breach.as_ref()?;
            Some(json!({"seed": ended.seed, "invariant": breach.invariant, "what": breach.what}))
        })
        .collect();
    let tally = &outcome.tally;
    let told = json!({
        "seeds": tally.seeds, "requests": tally.requests, "commits": tally.commits, "crashes": tally.crashes,
        "failed": outcome.failed, "failures": failures,
    });
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

fn as_words(outcome: &Outcome, seconds: f64) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let tally = &outcome.tally;
    let per_second = tally.seeds as f64 / seconds.max(0.001);
    writeln!(out, "{} seeds in {seconds:.1} s: {per_second:.0} a second", tally.seeds)?;
    writeln!(
        out,
        "{} requests, {} commits, {} crashes, {} takeovers, {} changes upstream, {} clock jumps, {} disk failures, {} acts",
        tally.requests,
        tally.commits,
        tally.crashes,
        tally.takeovers,
        tally.mutations,
        tally.jumps,
        tally.disk_troubles,
        tally.acts
    )?;
    let faults: Vec<String> = tally.faults.iter().map(|(kind, times)| format!("{kind} {times}")).collect();
    writeln!(out, "faults: {}", faults.join(", "))?;
    let excuses: Vec<String> = tally.excuses.iter().map(|(why, times)| format!("{why} {times}")).collect();
    writeln!(out, "not compared in full: {}", if excuses.is_empty() { "none".to_owned() } else { excuses.join(", ") })?;
    writeln!(out, "{} failed", outcome.failed)?;
    Ok(())
}

/// A long run shows its failures while it goes on.
fn told_at_once(ended: &Ended, json: bool) {
    if let Some(breach) = ended.breach.as_ref().filter(|_| !json) {
        let what = breach.what.lines().next().unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "seed {} failed: {}: {what}", ended.seed, breach.invariant);
    }
}

/// The smallest story of a failure.
fn told_small(ended: &Ended, setting: &Setting, commit: &str) -> anyhow::Result<()> {
    let Some(breach) = &ended.breach else { return Ok(()) };
    let scene = setting.scene(usize::MAX)?;
    let plan = draw(ended.seed, setting.fault_rates);
    let small = shrink(&scene, &plan, breach.invariant);
    let again = scene.play(&small, true);
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nseed {}: {}: {}", ended.seed, breach.invariant, breach.what)?;
    writeln!(out, "  replay: cargo xtask seed {}{setting} (at commit {commit})", ended.seed)?;
    writeln!(out, "  {} of {} pieces of its plan are enough; the story with them:", small.size(), plan.size())?;
    again.lines.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    scene.finish()
}
