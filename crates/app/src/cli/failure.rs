//! How a command fails: one sentence that says what is wrong, hints that say what to do, and an exit code.
//!
//! The codes are a promise to scripts (`docs/CLI.md`). No text here carries message contents or secrets.

use std::io;

use crate::config::ConfigError;
use crate::refusal::Refusal;
use crate::store::StoreError;

use super::console;

/// Everything went well.
pub const OK: u8 = 0;
/// Something else went wrong.
pub const OTHER: u8 = 1;
/// The command line, an input or the configuration is wrong.
pub const USAGE: u8 = 2;
/// What was asked for is not there.
pub const NOT_FOUND: u8 = 3;
/// It does not fit the present state.
pub const CONFLICT: u8 = 4;
/// A login or a permission is missing.
pub const LOGIN: u8 = 5;
/// LinkedIn cannot be reached, refuses or asks to slow down.
pub const UPSTREAM: u8 = 6;
/// A stored secret cannot be opened.
pub const SECRET: u8 = 8;
/// A verification found drift that is still there.
pub const DRIFT: u8 = 9;
/// Stopped by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// A command that was not carried out.
#[derive(Debug)]
pub struct Failure {
    what: String,
    hints: Vec<String>,
    code: u8,
    is_silent: bool,
}

/// A shorthand for results of commands: the exit code, or why there is none.
pub type Ended = Result<u8, Failure>;

impl Failure {
    /// A failure with its exit code.
    pub fn new(code: u8, what: impl Into<String>) -> Self {
        Self { what: what.into(), hints: Vec::new(), code, is_silent: false }
    }

    /// A wrong command line or input.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(USAGE, what)
    }

    /// Output that cannot be written; silent when the reader has gone away.
    pub fn output(error: io::Error) -> Self {
        let is_silent = error.kind() == io::ErrorKind::BrokenPipe;
        let code = if is_silent { OK } else { OTHER };
        Self { is_silent, ..Self::new(code, format!("the output cannot be written: {error}")) }
    }

    /// The same failure with one more thing to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Tells the person, and gives the exit code.
    pub fn report(&self) -> u8 {
        if !self.is_silent {
            console::tell(&format!("error: {}", self.what));
            for hint in &self.hints {
                console::tell(&format!("hint: {hint}"));
            }
        }
        self.code
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
            .hint("`threadkeep config --help` tells how settings are given, docs/CONFIG.md lists them")
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let failure = Self::new(refusal.exit_code(), refusal.to_string());
        match hint(&refusal) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn hint(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::BadCookies(_) => {
            "in a private browser window log in to LinkedIn, open the developer tools, and in the network panel copy any \
             request to www.linkedin.com \"as cURL\"; paste it with `threadkeep account add`"
        }
        Refusal::NoAccount => "`threadkeep account list` shows the accounts",
        Refusal::NeedsLogin(_) => "close the private window without logging out, or the session ends with it",
        Refusal::Upstream(_) => "nothing was changed; try again later",
        Refusal::Secret(_) => {
            "was the key file changed or moved? `threadkeep doctor` tells; without it, run `threadkeep account reconnect`"
        }
        Refusal::Store(StoreError::Unavailable(_)) => "is the database running, and is the address right?",
        Refusal::Store(StoreError::ReadOnly(_)) => {
            "use the address of the server that takes writes, or make this one writable; nothing was changed"
        }
        Refusal::Store(StoreError::Full(_)) => "free some space and try again; nothing was lost",
        Refusal::Store(StoreError::Corrupt { .. }) => "run `threadkeep doctor`",
        Refusal::Store(StoreError::BadAddress(_)) => "use sqlite:/path/to/file.db or postgres://user@host/database",
        _ => return None,
    })
}
