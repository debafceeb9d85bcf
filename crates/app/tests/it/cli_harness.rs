//! Runs the real binary in a room of its own: no environment, a private home, nothing but loopback.
//!
//! Output is a value; a test says what it expects of it. No test may see the machine's own configuration.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A room with a home directory and an environment of its own.
pub struct Room {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// A `threadkeep serve` that goes on until this value is dropped.
pub struct Serving {
    pub url: String,
    pub child: Child,
}

/// What a run left behind.
#[must_use = "say what is expected of the run"]
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Room {
    /// A fresh room whose upstream is a closed port of this machine.
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let room = Self { dir, variables: Vec::new() };
        Ok(room.with("THREADKEEP_UPSTREAM_URL", "http://127.0.0.1:9"))
    }

    /// The same room with one more variable; an empty text takes it away.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in the room.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file into the room.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(std::fs::write(path, text)?)
    }

    /// Runs the program.
    pub fn run(&self, words: &[&str]) -> Result<Ran> {
        self.run_with(words, "")
    }

    /// The program with these words, ready to be started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_threadkeep"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.dir.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path());
        command
    }

    /// Runs the program with a text on standard input.
    pub fn run_with(&self, words: &[&str], input: &str) -> Result<Ran> {
        let mut child =
            self.command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("the program has a standard input")?;
        // A program that reads nothing may be gone before all is written.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let ended = child.wait_with_output()?;
        Ok(Ran { code: ended.status.code(), out: self.normal(ended.stdout)?, err: self.normal(ended.stderr)? })
    }

    /// Starts the API on a free port of the loopback, unless the settings say otherwise, and waits until it listens.
    pub fn serve(&self, words: &[&str]) -> Result<Serving> {
        let mut command = self.command(&["serve"]);
        if !self.variables.iter().any(|(name, _)| name == "THREADKEEP_LISTEN") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child =
            command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().context("the program has a standard output")?;
        BufReader::new(out).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let serving = Serving { url, child };
        anyhow::ensure!(!serving.url.is_empty(), "it does not listen: {line}");
        Ok(serving)
    }

    /// Output without the room's own path.
    fn normal(&self, bytes: Vec<u8>) -> Result<String> {
        Ok(String::from_utf8(bytes)?.replace(&self.dir.path().display().to_string(), "ROOM"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// The code together with what was said to people, for one comparison.
    pub fn told(&self) -> String {
        format!("{}\n{}", self.code.map_or_else(|| "killed".to_owned(), |code| code.to_string()), self.err)
    }
}
