//! Writes the committed files that are made from the handlers and real answers.
//!
//! The tests that compare them write them anew when they differ, so this only runs those tests, and again to see that the
//! files are right now. It must never make the files in another way.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

/// The tests that compare the files.
const TESTS: [&str; 2] = ["api_document::the_committed_document", "api_matrix::"];

/// Brings the files up to date and gives the exit code.
pub fn run(root: &Path) -> anyhow::Result<ExitCode> {
    // The page of the API is compiled from the document: after a change the program is built once more.
    let is_right = tests(root)? || tests(root)?;
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tests(root: &Path) -> anyhow::Result<bool> {
    let status = Command::new("cargo")
        .args(["test", "--quiet", "--package", "threadkeep", "--test", "it", "--"])
        .args(TESTS)
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    Ok(status.success())
}
