//! A simulated LinkedIn, and installations of the real program that are copied for each trial.
//!
//! The world does not change while trials run, so they may share it. Nothing here knows what is broken.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use threadkeep_sim::World;

use crate::harness::SimulatedLinkedIn;
use crate::shim::{Fault, Shimmed};

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// The report of a sync.
    pub fn report(&self) -> Result<Value> {
        serde_json::from_str(self.out.lines().last().context("no report")?).context("the report")
    }

    /// Fails unless it ended well.
    pub fn well(self, what: &str) -> Result<Self> {
        ensure!(self.code == Some(0), "{what} ended with {:?}: {} {}", self.code, self.out, self.err);
        Ok(self)
    }
}

/// A command line, and what it reads from its standard input.
#[derive(Debug, Clone)]
pub struct Words {
    words: Vec<String>,
    input: String,
}

impl Words {
    /// These words.
    pub fn of(words: &[&str]) -> Self {
        Self { words: words.iter().map(|word| (*word).to_owned()).collect(), input: String::new() }
    }

    /// The same with a text on the standard input.
    pub fn reading(self, input: &str) -> Self {
        Self { input: input.to_owned(), ..self }
    }
}

/// The simulated LinkedIn and the installation that trials start from.
pub struct Stage {
    pub linkedin: SimulatedLinkedIn,
    pub account: String,
    pub cookie: String,
    base: TempDir,
    shim: &'static Path,
}

/// An installation of its own.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// Everything that the program writes.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.root().join("data/threadkeep.db")
    }
}

impl Stage {
    /// A world and an empty installation.
    pub async fn new(shim: &'static Path, world: World) -> Result<Self> {
        let linkedin = SimulatedLinkedIn::start(world).await?;
        let cookie = linkedin.credentials()?.1;
        let base = tempfile::tempdir()?;
        std::fs::create_dir(base.path().join("root"))?;
        Ok(Self { linkedin, account: String::new(), cookie, base, shim })
    }

    /// Adds the account to the installation that trials start from.
    pub fn with_account(mut self, more: &[&str]) -> Result<Self> {
        let words = [&["account", "add", "--cookies-file", "-"], more].concat();
        let added = self.prepare(&Words::of(&words).reading(&self.cookie))?;
        self.account = added.out.trim().to_owned();
        Ok(self)
    }

    /// Runs a command in the installation that trials start from.
    pub fn prepare(&self, words: &Words) -> Result<Ran> {
        let command = self.command(&self.base.path().join("root"), words);
        run(command, &words.input)?.well(&format!("{:?}", words.words))
    }

    /// The words of a sync of the account.
    pub fn sync(&self) -> Words {
        Words::of(&["sync", "--account", &self.account, "--force", "--json"])
    }

    /// A copy of the installation.
    pub fn place(&self) -> Result<Place> {
        let place = Place { folder: tempfile::tempdir()? };
        copy(&self.base.path().join("root"), &place.root())?;
        Ok(place)
    }

    /// Runs a command at a place.
    pub fn run(&self, place: &Place, words: &Words) -> Result<Ran> {
        run(self.command(&place.root(), words), &words.input)
    }

    /// Runs a command at a place with a fault.
    pub fn run_with(&self, place: &Place, words: &Words, fault: Fault) -> Result<(Ran, Shimmed)> {
        let mut command = self.command(&place.root(), words);
        let shimmed = Shimmed::arm(self.shim, &mut command, &place.root(), fault)?;
        Ok((run(command, &words.input)?, shimmed))
    }

    /// A command with a fault, ready to be started.
    pub fn armed(&self, place: &Place, words: &Words, fault: Fault) -> Result<(Command, Shimmed)> {
        let mut command = self.command(&place.root(), words);
        let shimmed = Shimmed::arm(self.shim, &mut command, &place.root(), fault)?;
        Ok((command, shimmed))
    }

    fn command(&self, root: &Path, words: &Words) -> Command {
        let mut command = Command::new(program());
        command
            .env_clear()
            .env("THREADKEEP_DATA_DIR", root.join("data"))
            .env("THREADKEEP_UPSTREAM_URL", self.linkedin.url())
            .env("THREADKEEP_PACE", "open")
            .env("THREADKEEP_LEASE_MS", "1000")
            .args(&words.words)
            .current_dir(root);
        command
    }
}

/// The program: the one that was built with the tests, or another build of it.
#[expect(clippy::disallowed_methods, reason = "the tests' own switches are no configuration of the program")]
fn program() -> String {
    let other = std::env::var("THREADKEEP_TEST_PROGRAM").ok().filter(|path| !path.is_empty());
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_threadkeep").to_owned())
}

fn run(mut command: Command, input: &str) -> Result<Ran> {
    use std::io::Write as _;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // A program that was stopped reads nothing.
    let _ = child.stdin.take().context("a standard input")?.write_all(input.as_bytes());
    let ended = child.wait_with_output()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ran { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => std::fs::copy(entry.path(), target).map(|_| ())?,
        }
    }
    Ok(())
}
