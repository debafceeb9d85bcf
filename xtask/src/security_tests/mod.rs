//! `cargo xtask security-tests`: writes docs/SECURITY-TESTS.md, which tells for each bad input which tests try it.
//!
//! The page is made of the table in `rows.rs` and of the names of the tests, and nothing else; a row that has to be tried
//! and is not is a finding, never a gap in the page.

mod rows;
mod scan;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::tidy::report::{self, Finding};
use crate::tidy::tree::Tree;
use rows::{Need, ROWS, Row};
use scan::Place;
pub use scan::names as test_names;

/// The page.
const PAGE: &str = "docs/SECURITY-TESTS.md";
const BEGINNING: &str = "\
# Bad inputs and the tests that try them

Written by `cargo xtask security-tests` from the names of the tests: a test whose name begins with `row_07_` tries row 7.
`cargo xtask tidy` fails when this page is not what the command would write, or when a row that has to be tried is not.
What is expected is told in one line; the tests are exact. The table itself is in `xtask/src/security_tests/rows.rs`.

| row | where | input | expected | state |
|---|---|---|---|---|
";

/// Writes the page, or only checks it.
pub fn run(root: &Path, is_check: bool) -> anyhow::Result<ExitCode> {
    let tree = Tree::read(root)?;
    let mut findings = uncovered(&tree);
    if is_check {
        findings.extend(drift(&tree));
    } else {
        fs::write(root.join(PAGE), page(&tree)).with_context(|| format!("cannot write {PAGE}"))?;
    }
    report::say(&findings, tree.files.len(), &["bad inputs"])?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The check of `cargo xtask tidy`.
pub fn check(tree: &Tree) -> Vec<Finding> {
    drift(tree).into_iter().chain(uncovered(tree)).collect()
}

fn drift(tree: &Tree) -> Option<Finding> {
    let is_same = tree.text(PAGE) == Some(page(tree).as_str());
    (!is_same).then(|| Finding::new(PAGE, 1, "it does not tell the tests that there are", "cargo xtask security-tests"))
}

/// Rows that have to be tried and are not, and tests of rows that do not exist.
fn uncovered(tree: &Tree) -> Vec<Finding> {
    let found = scan::rows(tree);
    let missing = ROWS.iter().filter(|row| row.need == Need::Now && !found.contains_key(&row.number)).map(|row| {
        let what = format!("no test tries row {} ({})", row.number, row.input);
        Finding::new(PAGE, 1, what, format!("write one whose name begins with `row_{:02}_`", row.number))
    });
    let unknown = found.iter().filter(|(number, _)| !ROWS.iter().any(|row| row.number == **number));
    let unknown = unknown.flat_map(|(number, places)| {
        places.iter().map(move |at| {
            let fix = "correct its number, or add the row to xtask/src/security_tests/rows.rs";
            Finding::new(&at.path, 1, format!("`{}` tries row {number}, which does not exist", at.name), fix)
        })
    });
    missing.chain(unknown).collect()
}

fn page(tree: &Tree) -> String {
    let found = scan::rows(tree);
    let mut page = BEGINNING.to_owned();
    for row in &ROWS {
        let tests = found.get(&row.number).map(Vec::as_slice).unwrap_or_default();
        page.push_str(&line(row, tests));
    }
    page.push_str("\n## The tests\n");
    for row in &ROWS {
        if let Some(tests) = found.get(&row.number) {
            page.push_str(&format!("\nRow {}\n\n", row.number));
            tests.iter().for_each(|test| page.push_str(&format!("- {}\n", shown(test))));
        }
    }
    page
}

fn line(row: &Row, tests: &[Place]) -> String {
    let Row { number, surface, input, expected, .. } = row;
    let state = match (tests.len(), row.need) {
        (0, Need::Now) => "**not tested**".to_owned(),
        (0, Need::Later(why)) => format!("not applicable yet: {why}"),
        (0, Need::Outside(why)) => format!("not tested here: {why}"),
        (1, _) => "1 test".to_owned(),
        (count, _) => format!("{count} tests"),
    };
    let note = row.note.map(|note| format!("; {note}")).unwrap_or_default();
    format!("| {number} | {surface} | {input} | {expected} | {state}{note} |\n")
}

fn shown(place: &Place) -> String {
    format!("`{}` `{}`", place.path, place.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_row_once_and_in_order() {
        let numbers: Vec<u32> = ROWS.iter().map(|row| row.number).collect();
        assert_eq!(numbers, (1..=54).collect::<Vec<_>>());
        for row in &ROWS {
            let cells = [row.surface, row.input, row.expected];
            assert!(cells.iter().all(|cell| !cell.is_empty() && !cell.contains(['|', '\n'])), "row {}", row.number);
        }
    }

    #[test]
    fn a_row_without_tests_a_stale_page_and_a_wrong_number_are_told() {
        let tree = Tree::from([(PAGE, ""), ("a.rs", "#[test]\nfn row_01_a() {}\n#[test]\nfn row_99_b() {}\n")]);
        let told: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert!(told[0].contains("cargo xtask security-tests"), "{told:?}");
        assert!(told.iter().any(|one| one.contains("no test tries row 2 ")), "{told:?}");
        assert!(!told.iter().any(|one| one.contains("no test tries row 1 ")), "{told:?}");
        assert!(told.iter().any(|one| one.contains("`row_99_b` tries row 99")), "{told:?}");
    }

    #[test]
    fn the_page_names_what_there_is() {
        let tree = Tree::from([("crates/a/src/x.rs", "#[test]\nfn row_01_a() {}\n")]);
        let page = page(&tree);
        assert!(page.contains("| 1 test") && page.contains("- `crates/a/src/x.rs` `row_01_a`\n"), "{page}");
        assert!(page.contains("**not tested**"));
        let with_page = Tree::from([(PAGE, page.as_str()), ("crates/a/src/x.rs", "#[test]\nfn row_01_a() {}\n")]);
        assert_eq!(drift(&with_page), None);
    }
}
