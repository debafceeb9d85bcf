//! How findings look: `path:line: what: how to fix`, one a line, so that editors can jump to them.
//!
//! The only file of the checks and chores that writes to the terminal.

use std::fmt;
use std::io::{self, Write};

/// One breach of a rule. The order of findings is by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Finding {
    /// A breach in a line of a file.
    pub fn new(path: &str, line: usize, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.what, self.fix)
    }
}

/// Prints findings, or one line that says that there are none.
pub fn say(findings: &[Finding], files: usize, rules: &[&str]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    match findings.len() {
        0 => writeln!(out, "tidy: {files} files, nothing to fix ({})", rules.join(", ")),
        count => writeln!(out, "tidy: {count} to fix; the rules and their reasons are in docs/STYLE.md"),
    }
}

/// Prints what a chore found.
pub fn say_result(text: &str) {
    // The exit code says it, too, when the output is closed.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints why a chore could not be done at all.
pub fn say_error(text: &str) {
    // Nothing is left to do when even the error stream is closed.
    let _ = writeln!(io::stderr().lock(), "error: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_with_place_breach_and_fix() {
        let finding = Finding::new("a/b.rs", 7, "file has 501 lines", "split it by subject");
        assert_eq!(finding.to_string(), "a/b.rs:7: file has 501 lines: split it by subject");
    }
}
