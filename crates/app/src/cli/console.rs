//! What is printed where: results on standard output, everything meant for people on standard error.
//!
//! Nothing else in the program prints. A reader that goes away (`| head`) is no failure; a full disk is one.

use std::io::{self, IsTerminal, Write};

use super::failure::Failure;

/// Prints a line of a result.
pub fn result(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::output)
}

/// Prints a result as one line of JSON.
pub fn json(value: &serde_json::Value) -> Result<(), Failure> {
    result(&value.to_string())
}

/// Tells a person something; nothing depends on its arrival.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether a person looks at standard error.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Whether a person types at standard input.
pub fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// Whether a person looks at standard output, in colours.
pub fn is_colored() -> bool {
    io::stdout().is_terminal()
}
