//! `cargo xtask tidy`: the rules of docs/STYLE.md that neither rustc nor clippy checks.
//!
//! Each check is a function from the [`Tree`] of files to findings, so that it is tested on invented trees. A check
//! must never change a file, and every finding says how to fix it.

mod documents;
mod leaks;
mod names;
mod pains;
mod paths;
pub mod report;
mod rooms;
mod rust_source;
mod test_lists;
pub mod tree;
mod walls;

use std::path::Path;
use std::process::ExitCode;

use crate::{planted, security_tests};
use report::Finding;
use tree::Tree;

/// A rule: what it looks at and what it found.
type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: [(&str, Check); 10] = [
    ("rust sources", rust_source::check),
    ("names", names::check),
    ("walls between crates", walls::check),
    ("walls between rooms", rooms::check),
    ("test lists", test_lists::check),
    ("documents", documents::check),
    ("leaks", leaks::check),
    ("bad inputs", security_tests::check),
    ("planted bugs", planted::check),
    ("pains", pains::check),
];

/// Runs every check on a workspace and reports; the exit code is 1 when anything was found.
pub fn run(root: &Path) -> anyhow::Result<ExitCode> {
    let tree = Tree::read(root)?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(&tree)).collect();
    findings.sort();
    findings.dedup();
    let rules: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    report::say(&findings, tree.files.len(), &rules)?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
