//! The table of pains in docs/TESTING.md: each has its row, and every test that a row names exists.
//!
//! A row without a test says so; it may not be left out.

use std::collections::BTreeSet;

use super::report::Finding;
use super::tree::Tree;
use crate::security_tests::test_names;

/// The page.
const PAGE: &str = "docs/TESTING.md";
/// What its heading is.
const HEADING: &str = "## The 36 pains";
/// Rows of the table.
const PAINS: u32 = 36;
/// What a row without a test has to say.
const HONEST: [&str; 2] = ["not yet", "no surface"];

/// Checks the table.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(PAGE) else { return Vec::new() };
    let Some(at) = page.lines().position(|line| line == HEADING) else {
        return vec![Finding::new(PAGE, 1, format!("there is no `{HEADING}`"), "put the table of pains there")];
    };
    let tests = test_names(tree);
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for (number, line) in page.lines().enumerate().skip(at + 1).take_while(|(_, line)| !line.starts_with("## ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [pain, _, shown] = cells.as_slice() else { continue };
        let Ok(pain) = pain.parse::<u32>() else { continue };
        let line = number + 1;
        if !told.insert(pain) || !(1..=PAINS).contains(&pain) {
            findings.push(Finding::new(PAGE, line, format!("pain {pain} is there twice, or is none"), "correct it"));
        }
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        if named.is_empty() && !HONEST.iter().any(|word| shown.contains(word)) {
            let fix = "name a test, or say `not yet` or `no surface`";
            findings.push(Finding::new(PAGE, line, format!("pain {pain} has no test"), fix));
        }
        let unknown = named.into_iter().filter(|name| !tests.contains(*name));
        findings.extend(
            unknown
                .map(|name| Finding::new(PAGE, line, format!("there is no test `{name}`"), "name one that there is")),
        );
    }
    let missing = (1..=PAINS).filter(|pain| !told.contains(pain));
    findings.extend(missing.map(|pain| {
        Finding::new(PAGE, at + 1, format!("pain {pain} has no row"), "add it, with a test or an honest word")
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(last: &str) -> String {
        let rows: String = (1..PAINS).map(|pain| format!("| {pain} | x | not yet |\n")).collect();
        format!("# T\n\n{HEADING}\n\n| | | |\n|---|---|---|\n{rows}{last}\n## Next\n")
    }

    fn told(page: &str) -> Vec<String> {
        let tree = Tree::from([(PAGE, page), ("a.rs", "#[test]\nfn it_holds() {}\n")]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_and_honest_table_is_fine() {
        assert!(told(&page("| 36 | x | `it_holds`; the rest not yet |\n")).is_empty());
    }

    #[test]
    fn a_missing_row_an_unknown_test_and_an_empty_cell_are_told() {
        assert!(told(&page(""))[0].contains("pain 36 has no row"));
        assert!(told(&page("| 36 | x | `it_does_not` |\n"))[0].contains("no test `it_does_not`"));
        assert!(told(&page("| 36 | x | |\n"))[0].contains("pain 36 has no test"));
        assert!(told("# T\n")[0].contains("there is no `## The 36 pains`"));
    }
}
