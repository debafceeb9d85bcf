//! docs/PLANTED.md, made of the list, the places and the table; and the check that the three agree.
//!
//! A bug without a place tests nothing, one with two places is two bugs, and no manifest may switch them on.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::rows::{ROWS, Row, SHOWN_BY_SEEDS, Stage};
use super::sites::{LIST, listed, sites};
use crate::tidy::report::{Finding, say};
use crate::tidy::tree::Tree;

/// The page.
const PAGE: &str = "docs/PLANTED.md";
const FIX: &str = "cargo xtask planted --page";
const BEGINNING: &str = "\
# Planted bugs

A test that was never seen to fail proves nothing. Each of these mistakes can be switched on in a build for tests, one at
a time, and the gate has to catch it. `cargo xtask planted` does so for all, `--only NAME` for one, and `--seeds 30000`
also tells in which random world and in which seed of the whole program each shows first. Where the last column names the
seeds, they have to catch the bug, too, within the first thousand, and the command tells which one does. A bug that
survives fails the command, and is never taken off the list: the gate is made stronger.

None can be in a release: without the feature `planted` the question for a bug is `false` at compile time, the feature
does not compile without debug assertions, and no manifest asks for it.

Written by `cargo xtask planted --page`; `cargo xtask tidy` fails when it is not what the command would write.

";

/// Writes the page.
pub fn write(root: &Path) -> anyhow::Result<ExitCode> {
    let tree = Tree::read(root)?;
    fs::write(root.join(PAGE), page(&tree)).with_context(|| format!("cannot write {PAGE}"))?;
    let findings = disagreements(&tree);
    say(&findings, tree.files.len(), &["planted bugs"])?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The check of `cargo xtask tidy`.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let is_same = tree.text(PAGE) == Some(page(tree).as_str());
    let drift = (!is_same).then(|| Finding::new(PAGE, 1, "it does not tell the bugs that there are", FIX));
    drift.into_iter().chain(disagreements(tree)).chain(switched_on(tree)).collect()
}

fn disagreements(tree: &Tree) -> Vec<Finding> {
    let (listed, sites) = (listed(tree), sites(tree));
    let mut findings = Vec::new();
    for one in &listed {
        let places = sites.get(&one.name).map_or(0, Vec::len);
        if places != 1 {
            let what = format!("`{}` is asked for at {places} places", one.name);
            findings.push(Finding::new(LIST, 1, what, "ask for it at exactly one"));
        }
        if !ROWS.iter().any(|row| row.bug == one.name) {
            let what = format!("nothing is said to catch `{}`", one.name);
            findings.push(Finding::new(LIST, 1, what, "add it to xtask/src/planted/rows.rs"));
        }
    }
    let unknown = ROWS.iter().filter(|row| !listed.iter().any(|one| one.name == row.bug));
    findings.extend(unknown.map(|row| {
        let what = format!("there is no bug `{}`", row.bug);
        Finding::new("xtask/src/planted/rows.rs", 1, what, "correct its name, or add it to the list of the core")
    }));
    findings
}

/// Manifests that switch the bugs on by default or for a dependency.
fn switched_on(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.ending("Cargo.toml");
    let wrong = manifests.flat_map(|(path, text)| {
        let lines = text.lines().enumerate().filter(|(_, line)| is_switch(line));
        lines.map(move |(index, _)| {
            let fix = "only `cargo xtask planted` asks for the feature";
            Finding::new(path, index + 1, "planted bugs are switched on", fix)
        })
    });
    wrong.collect()
}

fn is_switch(line: &str) -> bool {
    let line = line.trim();
    let is_definition = line.starts_with("planted =");
    line.contains("planted") && !line.starts_with('#') && !is_definition
}

fn page(tree: &Tree) -> String {
    let (listed, sites) = (listed(tree), sites(tree));
    let mut page = BEGINNING.to_owned();
    page.push_str(&format!("{} bugs.\n\n| bug | what it does wrong | where | breaks | caught by |\n", listed.len()));
    page.push_str("|---|---|---|---|---|\n");
    for one in &listed {
        let place = sites.get(&one.name).and_then(|places| places.first());
        let place = place.map_or("nowhere".to_owned(), |site| format!("`{}` `{}`", site.path, site.function));
        let row = ROWS.iter().find(|row| row.bug == one.name);
        let (breaks, by) = row.map_or(("", "nothing".to_owned()), |row| (row.breaks, caught_by(row)));
        page.push_str(&format!("| `{}` | {} | {place} | {breaks} | {by} |\n", one.name, one.what));
    }
    page
}

fn caught_by(row: &Row) -> String {
    let test = match row.by {
        Stage::Values(filter) => format!("core values, `{filter}`"),
        Stage::Unit(filter) => format!("unit tests, `{filter}`"),
        Stage::It(filter) => format!("`it`, `{filter}`"),
    };
    if SHOWN_BY_SEEDS.contains(&row.bug) { format!("{test}; seeds") } else { test }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_switches_bugs_on_is_told() {
        let tree = Tree::from([
            ("crates/core/Cargo.toml", "[features]\n# planted bugs\nplanted = []\n"),
            ("crates/app/Cargo.toml", "[features]\ndefault = [\"planted\"]\n"),
        ]);
        let told: Vec<_> = switched_on(&tree).into_iter().map(|one| (one.path, one.line)).collect();
        assert_eq!(told, [("crates/app/Cargo.toml".to_owned(), 2)]);
    }

    #[test]
    fn a_bug_without_a_place_is_told() {
        let tree = Tree::from([(LIST, "\nbugs! {\n    /// Does this.\n    Nowhere,\n}\n")]);
        let told: Vec<String> = disagreements(&tree).iter().map(ToString::to_string).collect();
        assert!(told[0].contains("`Nowhere` is asked for at 0 places"), "{told:?}");
        assert!(told[1].contains("nothing is said to catch `Nowhere`"), "{told:?}");
    }
}
