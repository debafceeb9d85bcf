//! Test programs live in folders, in which no file is forgotten.
//!
//! A file of tests that the `main.rs` beside it does not name is never compiled and passes forever; a loose file is a
//! test program of its own, which costs another link.

use super::report::Finding;
use super::tree::Tree;

/// Checks that each `tests/NAME/main.rs` names every file beside it, and that there is no loose test program.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let programs = tree.ending("/main.rs").filter(|(path, _)| is_program(path));
    let forgotten = programs.flat_map(|(main, text)| {
        let folder = main.trim_end_matches("main.rs");
        let named =
            |name: &str| text.lines().any(|line| line.trim().trim_start_matches("pub ") == format!("mod {name};"));
        modules_beside(tree, folder).into_iter().filter(move |name| !named(name)).map(move |name| {
            Finding::new(main, 1, format!("`{name}` beside it is never compiled"), format!("add `mod {name};`"))
        })
    });
    let stray = tree.ending(".rs").filter(|(path, _)| is_stray(path)).map(|(path, _)| {
        Finding::new(path, 1, "a loose test program", "move it into tests/it/ and name it in main.rs there")
    });
    forgotten.collect::<Vec<_>>().into_iter().chain(stray).collect()
}

fn modules_beside(tree: &Tree, folder: &str) -> Vec<String> {
    let inside = tree.files.keys().filter_map(|path| path.strip_prefix(folder));
    let names = inside.filter_map(|path| match path.split_once('/') {
        None => path.strip_suffix(".rs"),
        Some((name, "mod.rs")) => Some(name),
        Some(_) => None,
    });
    names.filter(|name| *name != "main").map(str::to_owned).collect()
}

fn is_program(path: &str) -> bool {
    path.rsplit('/').nth(2) == Some("tests")
}

fn is_stray(path: &str) -> bool {
    path.split_once("/tests/").is_some_and(|(krate, file)| !krate.contains("/src") && !file.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: [(&str, &str); 3]) -> Vec<String> {
        check(&Tree::from(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_forgotten_file_is_told() {
        let main = ("crates/a/tests/it/main.rs", "//! All tests.\nmod api;\n");
        let found = told([main, ("crates/a/tests/it/api.rs", ""), ("crates/a/tests/it/harness/mod.rs", "")]);
        assert_eq!(found, ["crates/a/tests/it/main.rs:1: `harness` beside it is never compiled: add `mod harness;`"]);
    }

    #[test]
    fn files_inside_a_module_folder_are_its_own_affair() {
        let main = ("crates/a/tests/it/main.rs", "mod harness;\n");
        let files = [main, ("crates/a/tests/it/harness/mod.rs", ""), ("crates/a/tests/it/harness/world.rs", "")];
        assert!(told(files).is_empty());
    }

    #[test]
    fn a_loose_test_program_is_told() {
        let found = told([("crates/a/tests/api.rs", ""), ("crates/a/src/tests/b.rs", ""), ("crates/a/src/c.rs", "")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/a/tests/api.rs:1: a loose test program"));
    }
}
