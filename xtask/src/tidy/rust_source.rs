//! The shape of each Rust file: its length, its header, the length of its functions, and leftovers of unfinished work.
//!
//! Files are read by `syn`, so that a brace in a text or a comment never counts.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::report::Finding;
use super::tree::Tree;

/// Longest file, in lines.
const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Fewest words of a header.
const HEADER_WORDS_MIN: usize = 5;
/// Files that a chore writes and nobody reads from top to bottom; they may be long.
const GENERATED: [&str; 0] = [];
/// Macros that mark unfinished or forgotten work.
const LEFTOVERS: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Checks every Rust file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs").filter(|(path, _)| !GENERATED.contains(path)).flat_map(|(path, text)| file(path, text)).collect()
}

fn file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        let what = format!("the file has {lines} lines, the limit is {FILE_LINES_MAX}");
        findings.push(Finding::new(path, FILE_LINES_MAX + 1, what, "split it by subject"));
    }
    findings.extend(header(path, text));
    match syn::parse_file(text) {
        Ok(parsed) => {
            let mut visitor = Shape { path, findings };
            visitor.visit_file(&parsed);
            visitor.findings
        }
        Err(error) => {
            let what = format!("cannot be read as Rust ({error})");
            findings.push(Finding::new(path, line_of(error.span()), what, "make `cargo check` pass first"));
            findings
        }
    }
}

/// A header is a `//!` comment from the first line on that holds at least one sentence.
fn header(path: &str, text: &str) -> Option<Finding> {
    let fix = "begin the file with `//!` and a sentence: why it exists and what must never happen in it";
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    if lines.is_empty() {
        return Some(Finding::new(path, 1, "the file has no header", fix));
    }
    let words =
        lines.iter().flat_map(|line| line.split_whitespace()).filter(|word| word.chars().any(char::is_alphabetic));
    let has_sentence = lines.iter().any(|line| line.contains(['.', '!', '?']));
    let is_told = words.count() >= HEADER_WORDS_MIN && has_sentence;
    (!is_told).then(|| Finding::new(path, 1, "the header says too little", fix))
}

struct Shape<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Shape<'_> {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = line_of(signature.span());
        let lines = block.brace_token.span.close().end().line.saturating_sub(first) + 1;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{}` has {lines} lines, the limit is {FUNCTION_LINES_MAX}", signature.ident);
            self.findings.push(Finding::new(self.path, first, what, "take a part with a name of its own out of it"));
        }
    }
}

impl<'ast> Visit<'ast> for Shape<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        let last = found.path.segments.last().map(|segment| segment.ident.to_string());
        if let Some(name) = last.filter(|name| LEFTOVERS.contains(&name.as_str())) {
            let what = format!("`{name}!` is unfinished work");
            self.findings.push(Finding::new(self.path, line_of(found.span()), what, "finish it or take it out"));
        }
        visit::visit_macro(self, found);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("ignore") {
            let fix = "make the test pass, make it quick, or delete it";
            self.findings.push(Finding::new(self.path, line_of(attribute.span()), "a test is switched off", fix));
        }
        visit::visit_attribute(self, attribute);
    }
}

fn line_of(span: Span) -> usize {
    span.start().line.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "//! A header that says a little more than nothing.\n";

    fn told(text: &str) -> Vec<String> {
        file("a.rs", text).iter().map(|one| format!("{}: {}", one.line, one.what)).collect()
    }

    fn function_of(lines: usize) -> String {
        format!("{HEADER}impl A {{\n    async fn long() {{\n{}    }}\n}}\n", "        x();\n".repeat(lines - 2))
    }

    #[test]
    fn a_plain_file_is_fine() {
        assert!(told(&format!("{HEADER}\nfn a() {{}}\n")).is_empty());
    }

    #[test]
    fn a_header_is_a_sentence_at_the_top() {
        assert_eq!(told("fn a() {}\n"), ["1: the file has no header"]);
        assert_eq!(told("\n//! A header that comes too late for anybody.\n"), ["1: the file has no header"]);
        assert_eq!(told("//! x\n"), ["1: the header says too little"]);
        assert_eq!(told("//! These are words without any end\n"), ["1: the header says too little"]);
        assert!(told("//! What this is for,\n//! in two lines.\n").is_empty());
    }

    #[test]
    fn a_file_of_500_lines_is_fine_and_one_of_501_is_not() {
        assert!(told(&format!("{HEADER}{}", "//\n".repeat(499))).is_empty());
        assert_eq!(told(&format!("{HEADER}{}", "//\n".repeat(500))), ["501: the file has 501 lines, the limit is 500"]);
    }

    #[test]
    fn a_function_of_70_lines_is_fine_and_one_of_71_is_not() {
        assert!(told(&function_of(70)).is_empty());
        assert_eq!(told(&function_of(71)), ["3: `long` has 71 lines, the limit is 70"]);
    }

    #[test]
    fn braces_in_texts_do_not_count() {
        assert!(told(&format!("{HEADER}fn a() {{ let _ = \"fn b() {{{{ \"; }}\n")).is_empty());
    }

    #[test]
    fn unfinished_work_is_told() {
        let text = format!("{HEADER}#[test]\n#[ignore = \"slow\"]\nfn a() {{\n    todo!()\n}}\n");
        assert_eq!(told(&text), ["3: a test is switched off", "5: `todo!` is unfinished work"]);
    }

    #[test]
    fn a_broken_file_is_told_and_not_passed_over() {
        assert!(told(&format!("{HEADER}fn {{\n"))[0].contains("cannot be read as Rust"));
    }
}
