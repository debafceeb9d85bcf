//! The parts of the gate as programs that are built once, and what they say about a planted bug.
//!
//! A test program that does not end in time has caught the bug too: it would not pass either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use anyhow::{Context, ensure};

use super::rows::{Row, SHOWN_BY_SEEDS, Stage};
use crate::seeds::SQLITE_FLAGS;

/// How the name of the bug reaches the test programs.
const VARIABLE: &str = "THREADKEEP_PLANTED";
/// How many random worlds the core's test runs.
const WORLDS: &str = "THREADKEEP_TEST_WORLDS";
/// A test program that takes longer hangs.
const SECONDS_MAX: u32 = 60;
/// A bug that seeds have to show has to be among so many.
const SEEDS_ENOUGH: u32 = 1_000;
/// The exit code of `timeout` when it had to end the program.
const TIMED_OUT: i32 = 124;
/// The test programs by what cargo calls them, and the folder in which they run.
const PROGRAMS: [(Program, &str, &str); 4] = [
    (Program::Values, "tests/values/main.rs", "crates/core"),
    (Program::Worlds, "tests/worlds/main.rs", "crates/core"),
    (Program::Unit, "unittests src/lib.rs", "crates/app"),
    (Program::It, "tests/it/main.rs", "crates/app"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Program {
    Values,
    Worlds,
    Unit,
    It,
    Seeds,
}

/// The programs of the gate.
pub struct Gate {
    programs: BTreeMap<Program, (PathBuf, PathBuf)>,
    seeds: Option<u32>,
}

/// What became of a bug.
pub struct Caught {
    /// Who caught it: a test, a world, a seed.
    pub by: Vec<String>,
    /// Who should have and did not.
    pub missed_by: Vec<&'static str>,
    /// How long it took.
    pub seconds: f64,
}

impl Caught {
    /// Whether everybody did who has to.
    pub fn is_caught(&self) -> bool {
        self.missed_by.is_empty()
    }
}

impl Gate {
    /// Builds the test programs with every bug in them.
    pub fn build(root: &Path, rows: &[Row], seeds: Option<u32>) -> anyhow::Result<Self> {
        let needs_seeds = seeds.is_some() || rows.iter().any(|row| SHOWN_BY_SEEDS.contains(&row.bug));
        let mut build = cargo(root);
        build.args(["test", "--no-run", "--locked", "-p", "threadkeep-core", "-p", "threadkeep"]);
        build.args(["--features", "threadkeep/planted,threadkeep-core/planted", "--lib"]);
        build.args(["--test", "values", "--test", "worlds", "--test", "it"]);
        let told = text_of(&mut build)?;
        let mut programs = BTreeMap::new();
        for (program, name, folder) in PROGRAMS {
            let path = executables(&told, name).filter(|path| program != Program::Unit || is_of_program(path)).last();
            let path = path.with_context(|| format!("cargo built no {name}"))?;
            programs.insert(program, (root.join(path), root.join(folder)));
        }
        if let Some((test, _)) = programs.get(&Program::It).filter(|_| needs_seeds) {
            let seeds = built_seeds(root, test)?;
            programs.insert(Program::Seeds, (seeds, root.to_path_buf()));
        }
        Ok(Self { programs, seeds })
    }

    /// Without a bug the value tests pass, or nothing that follows would mean anything.
    pub fn passes_unharmed(&self) -> anyhow::Result<()> {
        let output = self.test(Program::Values, "", None)?;
        ensure!(output.status.success(), "the tests fail without any bug");
        Ok(())
    }

    /// Plants a bug and runs what has to catch it.
    pub fn catch(&self, row: &Row) -> Caught {
        let started = now();
        let mut by = match row.by {
            Stage::Values(filter) => self.tried(Program::Values, filter, row.bug),
            Stage::Unit(filter) => self.tried(Program::Unit, filter, row.bug),
            Stage::It(filter) => self.tried(Program::It, filter, row.bug),
        };
        let mut missed_by: Vec<&'static str> = by.is_empty().then_some("its test").into_iter().collect();
        if let Some(seeds) = self.seeds {
            by.extend(self.tried(Program::Worlds, "", row.bug).into_iter().map(|one| format!("worlds: {one}")));
            by.extend(self.seeded(row.bug, seeds));
        } else if SHOWN_BY_SEEDS.contains(&row.bug) {
            let shown = self.seeded(row.bug, SEEDS_ENOUGH);
            missed_by.extend(shown.is_none().then_some("the seeds"));
            by.extend(shown);
        }
        Caught { by, missed_by, seconds: now().duration_since(started).map_or(0.0, |passed| passed.as_secs_f64()) }
    }

    fn tried(&self, program: Program, filter: &str, bug: &str) -> Vec<String> {
        match self.test(program, filter, Some(bug)) {
            Ok(output) if output.status.success() => Vec::new(),
            Ok(output) => vec![first_failure(&output)],
            Err(error) => vec![format!("{error:#}")],
        }
    }

    fn test(&self, program: Program, filter: &str, bug: Option<&str>) -> anyhow::Result<Output> {
        let (path, folder) = self.programs.get(&program).context("this program was not built")?;
        let mut run = bounded(path, folder, bug);
        run.args([filter, "--skip", "postgres", "--test-threads", "2"]);
        if let Some(seeds) = self.seeds {
            run.env(WORLDS, seeds.to_string());
        }
        run.output().context("a test program could not be started")
    }

    /// The first seed that shows a bug.
    fn seeded(&self, bug: &str, seeds: u32) -> Option<String> {
        let (path, folder) = self.programs.get(&Program::Seeds)?;
        let count = seeds.to_string();
        let mut run = bounded(path, folder, Some(bug));
        run.args(["run", "--from", "1", "--count", &count, "--threads", "1", "--stop-at-first", "--no-shrink"]);
        match run.output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(format!("seeds: {}", first_seed(&output))),
            Err(error) => Some(error.to_string()),
        }
    }
}

fn bounded(path: &Path, folder: &Path, bug: Option<&str>) -> Command {
    let mut run = Command::new("timeout");
    run.arg(SECONDS_MAX.to_string()).arg(path).current_dir(folder);
    run.envs(bug.map(|bug| (VARIABLE, bug)));
    run
}

fn first_failure(output: &Output) -> String {
    if output.status.code() == Some(TIMED_OUT) {
        return format!("does not end within {SECONDS_MAX} s");
    }
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let all = String::from_utf8_lossy(&all);
    if let Some(seed) = all.split("THREADKEEP_TEST_SEED=").nth(1) {
        return format!("world {}", seed.split_whitespace().next().unwrap_or_default());
    }
    let failed: Vec<&str> = all
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix("FAILED")?.split(" ... ").next())
        .filter(|name| !name.starts_with("result"))
        .collect();
    match failed.as_slice() {
        [] => "the test program ends in an unusual way".to_owned(),
        [one] => (*one).to_owned(),
        [one, rest @ ..] => format!("{one} and {} more", rest.len()),
    }
}

/// The line that names the seed.
fn first_seed(output: &Output) -> String {
    if output.status.code() == Some(TIMED_OUT) {
        return format!("one does not end within {SECONDS_MAX} s");
    }
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let all = String::from_utf8_lossy(&all);
    all.lines().find(|line| line.starts_with("seed ")).unwrap_or("fails without naming one").trim().to_owned()
}

/// The programs that cargo says it has built under a name.
fn executables<'a>(told: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!("Executable {name} (");
    told.lines().filter_map(move |line| line.trim().strip_prefix(&begin)?.strip_suffix(')'))
}

/// Whether a test program is the program's own and not that of another crate.
fn is_of_program(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    name.starts_with("threadkeep-")
}

/// Builds the seeds with every bug in them, in the folder in which the tests were built.
fn built_seeds(root: &Path, test: &Path) -> anyhow::Result<PathBuf> {
    let mut build = cargo(root);
    build.args(["build", "--locked", "--profile", "seeds", "-p", "threadkeep-seeds", "--features", "planted"]);
    // Without them nothing can have planted bugs, and the profile has none.
    build.args(["--config", "profile.seeds.package.threadkeep-core.debug-assertions=true"]);
    build.env(SQLITE_FLAGS.0, SQLITE_FLAGS.1);
    text_of(&mut build)?;
    // A test program is target/debug/deps/NAME.
    let target = test.ancestors().nth(3).context("the tests are in no folder")?;
    Ok(target.join("seeds").join("threadkeep-seeds"))
}

fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).env("CARGO_TERM_COLOR", "never");
    cargo
}

fn text_of(build: &mut Command) -> anyhow::Result<String> {
    let output = build.output().context("cargo could not be started")?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "the build failed:\n{told}");
    Ok(told)
}

#[expect(clippy::disallowed_methods, reason = "the command tells how long each bug took")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_found_in_what_cargo_tells() {
        let told = "   Compiling a\n  Executable unittests src/lib.rs (target/debug/deps/threadkeep_core-1)\n  \
                    Executable unittests src/lib.rs (target/debug/deps/threadkeep-2)\n  \
                    Executable tests/it/main.rs (target/debug/deps/it-3)\n";
        let found: Vec<_> = executables(told, "unittests src/lib.rs").filter(|path| is_of_program(path)).collect();
        assert_eq!(found, ["target/debug/deps/threadkeep-2"]);
        assert_eq!(executables(told, "tests/it/main.rs").collect::<Vec<_>>(), ["target/debug/deps/it-3"]);
    }
}
