//! Documents that tell the truth about the tree: what they name exists, and what exists is named.
//!
//! Looks at words and links only, never at whether the prose is right; that stays a reader's work.

use super::report::Finding;
use super::tree::Tree;

/// Longest ARCHITECTURE.md, in words, so that it stays readable in one sitting.
const ARCHITECTURE_WORDS_MAX: usize = 2_000;
const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// Where a newcomer begins: every page under docs/ is linked from one of these.
const ENTRANCES: [&str; 3] = ["README.md", ARCHITECTURE, "CONTRIBUTING.md"];
/// Where a short path may begin, after the root.
const SHORT_PATHS_BEGIN: [&str; 2] = ["", "crates/app/src/"];

/// Checks the documents.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let links = tree.ending(".md").flat_map(|(path, text)| broken_links(tree, path, text));
    let mentions = tree.ending(".rs").flat_map(|(path, text)| broken_mentions(tree, path, text));
    missing_entrances(tree)
        .into_iter()
        .chain(architecture(tree))
        .chain(unlinked_pages(tree))
        .chain(links)
        .chain(mentions)
        .collect()
}

fn missing_entrances(tree: &Tree) -> Vec<Finding> {
    let missing = ENTRANCES.iter().filter(|path| tree.text(path).is_none());
    missing.map(|path| Finding::new(path, 1, "the document is missing", "write it")).collect()
}

fn architecture(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(ARCHITECTURE) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let words = text.split_whitespace().count();
    if words > ARCHITECTURE_WORDS_MAX {
        let what = format!("{words} words, the limit is {ARCHITECTURE_WORDS_MAX}");
        findings.push(Finding::new(ARCHITECTURE, 1, what, "say less, or move a part to docs/"));
    }
    for (line, quoted) in quoted_words(text) {
        let exists = SHORT_PATHS_BEGIN.iter().any(|start| tree.has(&format!("{start}{quoted}")));
        if is_path(quoted) && !exists {
            let what = format!("there is no `{quoted}`");
            findings.push(Finding::new(
                ARCHITECTURE,
                line,
                what,
                "name the file as it is now, from the root or from crates/app/src",
            ));
        }
    }
    findings
}

/// What stands between backticks outside of fenced blocks, with its line.
fn quoted_words(text: &str) -> Vec<(usize, &str)> {
    prose(text).flat_map(|(line, text)| text.split('`').skip(1).step_by(2).map(move |word| (line, word))).collect()
}

/// The lines outside of fenced blocks, from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        (!is_fenced && !is_fence).then_some((index + 1, line))
    })
}

/// Whether a quoted word means a file of ours: an address path begins with a slash, anything else does not have one.
fn is_path(word: &str) -> bool {
    let is_plain = word.chars().all(|one| one.is_ascii_alphanumeric() || "._-/".contains(one));
    let has_form = word.contains('/') || word.ends_with(".rs") || word.ends_with(".md");
    is_plain && has_form && !word.starts_with('/') && word.contains(char::is_alphabetic)
}

fn unlinked_pages(tree: &Tree) -> Vec<Finding> {
    let texts = ENTRANCES.iter().filter_map(|path| tree.text(path));
    let linked: Vec<String> = texts.flat_map(links).filter_map(|(_, to)| resolved("", to)).collect();
    let pages = tree.ending(".md").filter(|(path, _)| path.starts_with("docs/"));
    let unlinked = pages.filter(|(path, _)| !linked.iter().any(|one| one == path));
    let fix = "link it from README.md, ARCHITECTURE.md or CONTRIBUTING.md";
    unlinked.map(|(path, _)| Finding::new(path, 1, "nobody is led to this page", fix)).collect()
}

fn broken_links(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let broken = links(text).into_iter().filter(|(_, to)| resolved(folder, to).is_some_and(|file| !tree.has(&file)));
    broken
        .map(|(line, to)| Finding::new(path, line, format!("the link to `{to}` leads nowhere"), "correct or remove it"))
        .collect()
}

/// The targets of Markdown links outside of fenced blocks.
fn links(text: &str) -> Vec<(usize, &str)> {
    let found = prose(text).flat_map(|(line, text)| {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        targets.map(move |(target, _)| (line, target))
    });
    found.collect()
}

/// The file that a link from a folder means; `None` for other places and for places in the same page.
fn resolved(folder: &str, target: &str) -> Option<String> {
    let target = target.split(['#', ' ']).next().unwrap_or_default();
    if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Pages under docs/ that a source names and that do not exist.
fn broken_mentions(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("//")) {
        let rests = line.split("docs/").skip(1);
        let names = rests
            .filter_map(|rest| rest.split(|one: char| !(one.is_ascii_alphanumeric() || "._-/".contains(one))).next());
        for page in names.map(|name| format!("docs/{}", name.trim_end_matches('.'))) {
            if page.ends_with(".md") && !tree.has(&page) {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    format!("there is no {page}"),
                    "write the page or name another",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: [(&str, &str); 4]) -> Vec<String> {
        check(&Tree::from(files)).into_iter().map(|one| format!("{}:{}: {}", one.path, one.line, one.what)).collect()
    }

    fn told_of(readme: &str, architecture: &str) -> Vec<String> {
        let page = ("docs/API.md", "See [the start](../README.md#start).");
        told([("README.md", readme), (ARCHITECTURE, architecture), ("CONTRIBUTING.md", ""), page])
    }

    #[test]
    fn paths_in_the_architecture_exist() {
        let linked = "[api](docs/API.md)";
        assert!(
            told_of(linked, "`docs/API.md`, `docs`, `docs/`, `/linkedin/x`, `a <- b/c`, `GET /x/y`, `Ok`").is_empty()
        );
        assert_eq!(told_of(linked, "a\n`store/x.rs` b"), ["ARCHITECTURE.md:2: there is no `store/x.rs`"]);
        assert!(told_of(linked, "```\n`store/x.rs`\n```\n").is_empty());
    }

    #[test]
    fn short_paths_begin_in_the_program() {
        let files = [("README.md", ""), (ARCHITECTURE, "`verbs/sync.rs`"), ("CONTRIBUTING.md", "")];
        let with = |extra| check(&Tree::from([files[0], files[1], files[2], extra])).len();
        assert_eq!(with(("crates/app/src/verbs/sync.rs", "")), 0);
        assert_eq!(with(("crates/core/src/verbs/sync.rs", "")), 1);
    }

    #[test]
    fn every_page_is_linked_and_every_link_leads_somewhere() {
        assert_eq!(told_of("", ""), ["docs/API.md:1: nobody is led to this page"]);
        let broken = told_of("[api](docs/API.md#a)\n[b](./docs/B.md) [c](https://example.org/c)", "");
        assert_eq!(broken, ["README.md:2: the link to `./docs/B.md` leads nowhere"]);
    }

    #[test]
    fn an_endless_architecture_is_told() {
        let words = "word ".repeat(ARCHITECTURE_WORDS_MAX + 1);
        assert_eq!(told_of("[api](docs/API.md)", &words), ["ARCHITECTURE.md:1: 2001 words, the limit is 2000"]);
    }

    #[test]
    fn a_page_that_a_comment_names_exists() {
        let entrances = [("README.md", ""), (ARCHITECTURE, ""), ("CONTRIBUTING.md", "")];
        let source = ("a.rs", "//! See docs/GONE.md.\nlet path = \"docs/ANY.md\";\n");
        assert_eq!(told([entrances[0], entrances[1], entrances[2], source]), ["a.rs:1: there is no docs/GONE.md"]);
    }

    #[test]
    fn a_missing_entrance_is_told() {
        assert_eq!(check(&Tree::default()).len(), 3);
    }
}
