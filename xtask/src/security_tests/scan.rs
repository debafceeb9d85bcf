//! Finds the tests that try a row of the table of bad inputs: their names begin with `row_07_` or `row_40_and_41_`.
//!
//! Only functions with a test attribute count, and those that a macro of the store's contract turns into tests; a name
//! alone proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};

use crate::tidy::tree::Tree;

/// A test that tries a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, from the root.
    pub path: String,
    /// The name of the function.
    pub name: String,
}

/// The tests of each row.
pub fn rows(tree: &Tree) -> BTreeMap<u32, Vec<Place>> {
    let mut found: BTreeMap<u32, Vec<Place>> = BTreeMap::new();
    for (path, text) in tree.ending(".rs") {
        for name in tests(text) {
            for row in numbers(&name) {
                found.entry(row).or_default().push(Place { path: path.to_owned(), name: name.clone() });
            }
        }
    }
    found.values_mut().for_each(|places| {
        places.sort();
        places.dedup();
    });
    found
}

/// The names of all tests.
pub fn names(tree: &Tree) -> BTreeSet<String> {
    tree.ending(".rs").flat_map(|(_, text)| tests(text)).collect()
}

/// The rows that a name tells.
fn numbers(name: &str) -> Vec<u32> {
    let Some(rest) = name.strip_prefix("row_") else { return Vec::new() };
    let words = rest.split('_').take_while(|word| *word == "and" || is_row(word));
    words.filter(|word| is_row(word)).filter_map(|word| word.parse().ok()).collect()
}

fn is_row(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The names of the tests of a file; none when it cannot be read.
fn tests(text: &str) -> Vec<String> {
    let mut visitor = Tests::default();
    if let Ok(file) = syn::parse_file(text) {
        visitor.visit_file(&file);
    }
    visitor.names
}

#[derive(Default)]
struct Tests {
    names: Vec<String>,
}

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if item.attrs.iter().any(is_test) {
            self.names.push(item.sig.ident.to_string());
        }
        visit::visit_item_fn(self, item);
    }

    /// `on_both_databases!(a, b)` makes a test of each of its names, for each database.
    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        let is_contract = found.path.segments.last().is_some_and(|last| last.ident == "on_both_databases");
        let words = found.tokens.clone().into_iter().filter(|_| is_contract);
        self.names.extend(words.filter_map(|token| match token {
            TokenTree::Ident(name) => Some(name.to_string()),
            _ => None,
        }));
        visit::visit_macro(self, found);
    }
}

fn is_test(attribute: &syn::Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_rows() {
        assert_eq!(numbers("row_07_a_cursor"), [7]);
        assert_eq!(numbers("row_40_and_41_cookies"), [40, 41]);
        assert_eq!(numbers("row_44_45_log"), [44, 45]);
        assert_eq!(numbers("row_11_100_mib_is_too_much"), [11]);
        for other in ["row_of", "a_row_07_x", "row_7_x", "row_100_x", "arrow_07_x"] {
            assert!(numbers(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn only_tests_count_wherever_they_stand() {
        let text = "#[test]\nfn row_01_a() {}\nfn row_02_b() {}\nmod m {\n#[tokio::test(flavor = \"x\")]\nasync fn \
                    row_03_c() {}\n}\ncrate::on_both_databases!(row_04_d, e);\nother!(row_05_f);\n#[cfg(test)]\nmod t \
                    { #[test] fn row_01_g() {} }\n";
        let found = rows(&Tree::from([("a.rs", text)]));
        let names: Vec<_> =
            found.iter().map(|(row, at)| (*row, at.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())).collect();
        assert_eq!(names, [(1, vec!["row_01_a", "row_01_g"]), (3, vec!["row_03_c"]), (4, vec!["row_04_d"])]);
    }
}
