//! What a Rust file names: the paths in it and the fields that it reaches into, each with its line.
//!
//! Only looks; which names are wrong is decided by the checks. What stands inside macros is not seen.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A path or a field, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The parts of a path; a field is one part.
    pub parts: Vec<String>,
    /// Whether it is a field of a value.
    pub is_field: bool,
    /// The line, from 1.
    pub line: usize,
}

/// All that a file names outside of its modules for tests; nothing for a file that cannot be read.
pub fn named(text: &str) -> Vec<Named> {
    let mut visitor = Names::default();
    if let Ok(file) = syn::parse_file(text) {
        visitor.visit_file(&file);
    }
    visitor.found
}

#[derive(Default)]
struct Names {
    found: Vec<Named>,
}

impl Names {
    fn path(&mut self, parts: Vec<String>, line: usize) {
        self.found.push(Named { parts, is_field: false, line });
    }

    fn used(&mut self, tree: &syn::UseTree, mut parts: Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                parts.push(path.ident.to_string());
                self.used(&path.tree, parts);
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.used(item, parts.clone())),
            syn::UseTree::Name(syn::UseName { ident }) | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                parts.push(ident.to_string());
                self.path(parts, ident.span().start().line);
            }
            syn::UseTree::Glob(glob) => {
                parts.push("*".to_owned());
                self.path(parts, glob.span().start().line);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.used(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path.segments.iter().map(|one| one.ident.to_string()).collect();
        self.path(parts, path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        if let syn::Member::Named(name) = &field.member {
            let line = name.span().start().line;
            self.found.push(Named { parts: vec![name.to_string()], is_field: true, line });
        }
        visit::visit_expr_field(self, field);
    }
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        named(text).into_iter().map(|one| format!("{}:{}", one.line, one.parts.join("::"))).collect()
    }

    #[test]
    fn imports_are_taken_apart() {
        assert_eq!(told("use crate::{a::B, c as d};\nuse e::*;"), ["1:crate::a::B", "1:crate::c", "2:e::*"]);
    }

    #[test]
    fn paths_and_fields_are_found_where_they_stand() {
        assert_eq!(told("fn f() {\n  a::b(x.store);\n}"), ["2:a::b", "2:store", "2:x"]);
    }

    #[test]
    fn modules_for_tests_are_passed_over() {
        assert!(told("#[cfg(test)]\nmod tests { use crate::a; }").is_empty());
        assert_eq!(told("#[cfg(unix)]\nmod b { use crate::a; }").last().map(String::as_str), Some("2:crate::a"));
    }
}
