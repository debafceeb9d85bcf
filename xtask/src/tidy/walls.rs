//! The walls between the crates, as their manifests and sources show them (invariants I1 and I7).
//!
//! `core` may not have what could do I/O, and the simulator may not know the program's parser, or it would agree with
//! its mistakes. A wall is never opened here without an ADR.

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};

use super::paths::named;
use super::report::Finding;
use super::tree::Tree;

const CORE: &str = "crates/core";
const SIMULATOR: &str = "crates/sim";
/// All that `core` may depend on: nothing in it can read a file, a socket or a clock.
const CORE_MAY_USE: [&str; 4] = ["serde", "serde_json", "thiserror", "unicode-normalization"];
/// What the simulator may not depend on.
const SIMULATOR_MAY_NOT_USE: [&str; 2] = ["threadkeep", "threadkeep-core"];
/// The crate of the simulation, and the feature of the program that only it may switch on.
const SEEDS: &str = "crates/seeds";
const SEEDS_PACKAGE: &str = "threadkeep-seeds";
const SIMULATION: &str = "simulation";
/// The doors of the standard library that `core` may not open.
const CORE_MAY_NOT_OPEN: [&str; 7] = ["fs", "net", "env", "process", "thread", "io", "os"];

/// Checks manifests, and the sources of `core`.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let core = manifest(tree, CORE, |name| !CORE_MAY_USE.contains(&name), "core has no I/O, clock or randomness (I1)");
    let simulator = manifest(
        tree,
        SIMULATOR,
        |name| SIMULATOR_MAY_NOT_USE.contains(&name),
        "the simulator shares nothing with the program",
    );
    let doors = tree
        .ending(".rs")
        .filter(|(path, _)| path.starts_with("crates/core/src/"))
        .flat_map(|(path, text)| opened_doors(path, text));
    core.into_iter().chain(simulator).chain(doors).chain(unlinted(tree)).chain(simulated(tree)).collect()
}

/// Whatever could bring the doors of the simulation into a build of the program.
fn simulated(tree: &Tree) -> Vec<Finding> {
    let why = "the doors of the simulation may be in no build of the program: only crates/seeds switches them on";
    let mut findings = Vec::new();
    for (path, text) in tree.ending("Cargo.toml").filter(|(path, _)| !path.starts_with(SEEDS)) {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
            let is_named = line.contains(&format!("\"{SIMULATION}\"")) || line.contains(&format!("/{SIMULATION}\""));
            let is_default = line.starts_with("default-members") && line.contains(SEEDS);
            let is_needed = line.trim_start().starts_with(SEEDS_PACKAGE);
            if is_named || is_default || is_needed {
                findings.push(Finding::new(path, index + 1, "the simulation is let in", why));
            }
        }
    }
    let root = tree.text("Cargo.toml").unwrap_or_default();
    if root.contains(SEEDS) && !root.contains("default-members") {
        findings.push(Finding::new("Cargo.toml", 1, "there are no default-members", why));
    }
    findings
}

/// A dependency as a manifest names it.
#[derive(Debug, PartialEq, Eq)]
struct Dependency<'a> {
    line: usize,
    name: &'a str,
    is_for_tests: bool,
}

fn manifest(tree: &Tree, krate: &str, is_wrong: impl Fn(&str) -> bool, why: &str) -> Vec<Finding> {
    let path = format!("{krate}/Cargo.toml");
    let Some(text) = tree.text(&path) else {
        return vec![Finding::new(&path, 1, "the manifest is missing", "put the crate back or change xtask's walls")];
    };
    let wrong = dependencies(text).into_iter().filter(|one| is_wrong(one.name) && !(krate == CORE && one.is_for_tests));
    wrong.map(|one| Finding::new(&path, one.line, format!("`{}` may not be used here", one.name), why)).collect()
}

/// The dependencies of a manifest: keys of `[…dependencies]`, or tables `[…dependencies.NAME]`.
fn dependencies(text: &str) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    let mut section = "";
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            if let Some((kind, name)) = name.rsplit_once("dependencies.") {
                found.push(Dependency { line: index + 1, name, is_for_tests: kind.ends_with("dev-") });
            }
        } else if let Some((key, value)) = line.split_once('=').filter(|_| section.ends_with("dependencies")) {
            let key = key.split('.').next().unwrap_or_default().trim().trim_matches('"');
            let is_for_tests = section.ends_with("dev-dependencies");
            if !key.starts_with('#') {
                found.push(Dependency { line: index + 1, name: renamed(value).unwrap_or(key), is_for_tests });
            }
        }
    }
    found
}

/// The package behind `name = { package = "other" }`.
fn renamed(value: &str) -> Option<&str> {
    value.split_once("package")?.1.split('"').nth(1)
}

fn unlinted(tree: &Tree) -> Vec<Finding> {
    let members = tree.ending("Cargo.toml").filter(|(path, _)| *path != "Cargo.toml");
    let unlinted = members.filter(|(_, text)| !text.replace(' ', "").contains("[lints]\nworkspace=true"));
    unlinted
        .map(|(path, _)| Finding::new(path, 1, "the crate has no lints", "add `[lints]` with `workspace = true`"))
        .collect()
}

fn opened_doors(path: &str, text: &str) -> Vec<Finding> {
    let mut visitor = Doors { path, findings: Vec::new() };
    for one in named(text) {
        if let Some(door) = forbidden_door(&one.parts) {
            visitor.told(one.line, format!("`std::{door}` may not be used in core"));
        }
    }
    if let Ok(parsed) = syn::parse_file(text) {
        visitor.visit_file(&parsed);
    }
    visitor.findings
}

struct Doors<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Doors<'_> {
    fn told(&mut self, line: usize, what: String) {
        let fix = "core is values and functions (I1): do it in crates/app and pass the value in";
        self.findings.push(Finding::new(self.path, line, what, fix));
    }
}

/// The part of the standard library that a path opens, when `core` may not open it.
fn forbidden_door(parts: &[String]) -> Option<&str> {
    let [first, door, rest @ ..] = parts else {
        return None;
    };
    let is_clock = door == "time" && rest.first().is_some_and(|name| name != "Duration");
    let is_forbidden = first == "std" && (CORE_MAY_NOT_OPEN.contains(&door.as_str()) || is_clock);
    is_forbidden.then_some(door)
}

impl<'ast> Visit<'ast> for Doors<'_> {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(keyword) = &signature.asyncness {
            self.told(keyword.span.start().line, format!("`{}` is async", signature.ident));
        }
        visit::visit_signature(self, signature);
    }

    /// Macros are looked into by their words alone.
    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        let words = found.tokens.clone().into_iter().filter_map(|token| match token {
            TokenTree::Ident(ident) => Some(ident),
            _ => None,
        });
        for ident in words.filter(|ident| ident == "SystemTime" || ident == "Instant") {
            self.told(ident.span().start().line, format!("`{ident}` may not be used in core"));
        }
        visit::visit_macro(self, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn told(core: &str, simulator: &str) -> Vec<String> {
        let core = format!("{core}{LINTS}");
        let simulator = format!("{simulator}{LINTS}");
        let tree =
            Tree::from([("crates/core/Cargo.toml", core.as_str()), ("crates/sim/Cargo.toml", simulator.as_str())]);
        check(&tree).into_iter().map(|one| format!("{}:{}: {}", one.path, one.line, one.what)).collect()
    }

    #[test]
    fn core_has_four_dependencies_and_its_tests_may_have_more() {
        assert!(told("[dependencies]\nserde.workspace = true\n[dev-dependencies]\nrand = \"0\"\n", "").is_empty());
        let plain = told("[dependencies]\ntokio = { version = \"1\" }\n", "");
        assert_eq!(plain, ["crates/core/Cargo.toml:2: `tokio` may not be used here"]);
    }

    #[test]
    fn a_dependency_cannot_hide_behind_a_table_a_target_or_another_name() {
        assert_eq!(told("[dependencies.tokio]\nversion = \"1\"\n", "").len(), 1);
        assert_eq!(told("[target.'cfg(unix)'.dependencies]\nlibc = \"0\"\n", "").len(), 1);
        assert_eq!(told("[build-dependencies]\ncc = \"1\"\n", "").len(), 1);
        assert_eq!(told("[dependencies]\nserde = { package = \"reqwest\", version = \"0\" }\n", "").len(), 1);
    }

    #[test]
    fn the_simulator_knows_neither_core_nor_the_program() {
        let found = told("", "[dev-dependencies]\nthreadkeep-core.workspace = true\n");
        assert_eq!(found, ["crates/sim/Cargo.toml:2: `threadkeep-core` may not be used here"]);
    }

    #[test]
    fn a_crate_without_lints_is_told() {
        let tree =
            Tree::from([("crates/core/Cargo.toml", LINTS), ("crates/sim/Cargo.toml", LINTS), ("x/Cargo.toml", "")]);
        assert_eq!(check(&tree).iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["x/Cargo.toml"]);
    }

    #[test]
    fn the_simulation_is_let_in_nowhere() {
        let told = |path: &str, text: &str| simulated(&Tree::from([(path, text)])).len();
        assert_eq!(told("crates/app/Cargo.toml", "[features]\nsimulation = []\n"), 0);
        assert_eq!(told("crates/app/Cargo.toml", "[features]\ndefault = [\"simulation\"]\n"), 1);
        assert_eq!(told("xtask/Cargo.toml", "threadkeep = { features = [\"simulation\"] }\n"), 1);
        assert_eq!(told("crates/app/Cargo.toml", "threadkeep-seeds.workspace = true\n"), 1);
        assert_eq!(told("crates/seeds/Cargo.toml", "threadkeep = { features = [\"simulation\"] }\n"), 0);
        assert_eq!(told("Cargo.toml", "members = [\"crates/app\", \"crates/seeds\"]\n"), 1);
        assert_eq!(told("Cargo.toml", "members = [\"crates/seeds\"]\ndefault-members = [\"crates/seeds\"]\n"), 1);
    }

    #[test]
    fn core_opens_no_door() {
        let lines = |text: &str| opened_doors("a.rs", text).into_iter().map(|one| one.what).collect::<Vec<_>>();
        assert!(lines("use std::{fmt, collections::BTreeMap, time::Duration};").is_empty());
        assert_eq!(lines("use std::{fmt, fs::File};"), ["`std::fs` may not be used in core"]);
        assert_eq!(lines("use std::time::Instant;"), ["`std::time` may not be used in core"]);
        assert_eq!(lines("fn a() { std::env::var(\"A\"); }"), ["`std::env` may not be used in core"]);
        assert_eq!(lines("async fn a() {}"), ["`a` is async"]);
    }
}
