//! Where the bugs are: their list in the core, and the place of each in the sources.

use std::collections::BTreeMap;

use crate::tidy::tree::Tree;

/// The list.
pub const LIST: &str = "crates/core/src/planted.rs";

/// A bug as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it does wrong.
    pub what: String,
}

/// A place at which a bug is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The file, from the root.
    pub path: String,
    /// The line.
    pub line: usize,
    /// The function around it.
    pub function: String,
}

/// The bugs of the list, in its order.
pub fn listed(tree: &Tree) -> Vec<Listed> {
    let text = tree.text(LIST).unwrap_or_default();
    let list = text.split_once("\nbugs! {\n").and_then(|(_, rest)| rest.split_once("\n}")).map_or("", |(list, _)| list);
    let mut found = Vec::new();
    let mut what = String::new();
    for line in list.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some(text) => what.push_str(text),
            None => {
                let name = line.trim_end_matches(',').to_owned();
                found.push(Listed { name, what: std::mem::take(&mut what).trim().to_owned() });
            }
        }
    }
    found
}

/// Every place at which a bug is asked for, by its name.
pub fn sites(tree: &Tree) -> BTreeMap<String, Vec<Site>> {
    let mut found: BTreeMap<String, Vec<Site>> = BTreeMap::new();
    let sources = tree.ending(".rs").filter(|(path, _)| is_source(path));
    for (path, text) in sources {
        let mut function = "";
        for (index, line) in text.lines().enumerate() {
            function = named_function(line).unwrap_or(function);
            for rest in line.split("Bug::").skip(1) {
                let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                let site = Site { path: path.to_owned(), line: index + 1, function: function.to_owned() };
                found.entry(name).or_default().push(site);
            }
        }
    }
    found
}

fn is_source(path: &str) -> bool {
    path != LIST && (path.starts_with("crates/core/src/") || path.starts_with("crates/app/src/"))
}

fn named_function(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let is_item = before.split_whitespace().all(|word| word.starts_with("pub") || ["async", "const"].contains(&word));
    let is_item = is_item || before.trim_start().starts_with("pub(");
    rest.split(['(', '<']).next().map(str::trim).filter(|name| is_item && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_and_the_places_are_read() {
        let list = "x\nbugs! {\n    /// Does\n    /// this.\n    One,\n    /// Does that.\n    Two,\n}\n";
        let source = "pub(super) fn absorb() {\n    if planted::is(Bug::One) {}\n}\n";
        let tree = Tree::from([(LIST, list), ("crates/app/src/a.rs", source)]);
        let names: Vec<_> = listed(&tree).into_iter().map(|one| (one.name, one.what)).collect();
        assert_eq!(names, [("One".into(), "Does this.".into()), ("Two".into(), "Does that.".into())]);
        let found = sites(&tree);
        let one = &found["One"][0];
        assert_eq!((one.path.as_str(), one.line, one.function.as_str()), ("crates/app/src/a.rs", 2, "absorb"));
    }
}
