//! Names that say nothing: a file, folder or module called after its being of use to others.
//!
//! A room is named by a noun of the domain, a file by a noun or a verb of it. This file must not grow a list of
//! exceptions.

use syn::visit::{self, Visit};

use super::report::Finding;
use super::tree::Tree;

const FORBIDDEN: [&str; 9] =
    ["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "miscellaneous"];
const FIX: &str = "name it by what it is about; what belongs to no subject belongs where it is used";

/// Checks the name of each Rust file, of its folders and of the modules in it.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs").flat_map(|(path, text)| path_names(path).chain(module_names(path, text))).collect()
}

fn path_names(path: &str) -> impl Iterator<Item = Finding> {
    let parts = path.trim_end_matches(".rs").split('/');
    parts
        .filter(|part| FORBIDDEN.contains(part))
        .map(move |part| Finding::new(path, 1, format!("`{part}` is a name that says nothing"), FIX))
}

fn module_names(path: &str, text: &str) -> Vec<Finding> {
    let mut visitor = Modules { path, findings: Vec::new() };
    if let Ok(parsed) = syn::parse_file(text) {
        visitor.visit_file(&parsed);
    }
    visitor.findings
}

struct Modules<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Modules<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        if FORBIDDEN.contains(&name.as_str()) {
            let what = format!("module `{name}` has a name that says nothing");
            self.findings.push(Finding::new(self.path, item.ident.span().start().line, what, FIX));
        }
        visit::visit_item_mod(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        check(&Tree::from([(path, text)])).into_iter().map(|one| one.what).collect()
    }

    #[test]
    fn files_folders_and_modules_are_looked_at() {
        assert_eq!(told("a/utils.rs", ""), ["`utils` is a name that says nothing"]);
        assert_eq!(told("a/common/mod.rs", ""), ["`common` is a name that says nothing"]);
        assert_eq!(told("a/b.rs", "mod helpers {}"), ["module `helpers` has a name that says nothing"]);
    }

    #[test]
    fn a_part_of_a_name_is_fine() {
        assert!(told("a/common_ground.rs", "mod utility_bill {}").is_empty());
    }
}
