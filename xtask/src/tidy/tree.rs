//! The files of the workspace as values: read once, then only looked at.
//!
//! Build output and the repository's own records are left out; a file that is not text is listed without its text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// Folders that are never looked into.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "target", "node_modules"];
/// More files than this means that the root is wrong.
const FILES_MAX: usize = 20_000;
/// A longer file is listed without its text, in bytes.
const TEXT_MAX: u64 = 4 * 1024 * 1024;

/// All files by their path from the root, with `/` between folders; not text is an empty text.
#[derive(Debug, Default)]
pub struct Tree {
    /// The text of each file.
    pub files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads a workspace.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        if !root.join("Cargo.toml").is_file() {
            bail!("{} has no Cargo.toml: give the root of the workspace with --root", root.display());
        }
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                let is_short = entry.metadata()?.len() <= TEXT_MAX;
                let bytes = if is_short { fs::read(entry.path())? } else { Vec::new() };
                self.files.insert(path, String::from_utf8(bytes).unwrap_or_default());
            }
            if self.files.len() > FILES_MAX {
                bail!("more than {FILES_MAX} files: is --root really the root of the workspace?");
            }
        }
        Ok(())
    }

    /// The files whose names end so, in the order of their paths.
    pub fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is such a file, or a folder with files in it.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(first, _)| first.starts_with(&folder))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        Self { files: files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_found_but_not_prefixes_of_names() {
        let tree = Tree::from([("a/store/mod.rs", ""), ("a/storehouse.rs", "")]);
        assert!(tree.has("a/store/mod.rs") && tree.has("a/store") && tree.has("a/store/"));
        assert!(!tree.has("a/sto") && !tree.has("a/storehouse") && !tree.has("a/store/mod"));
    }

    #[test]
    fn a_wrong_root_is_told() {
        let error = Tree::read(Path::new("/dev/null/nowhere")).unwrap_err().to_string();
        assert!(error.contains("--root"), "{error}");
    }
}
