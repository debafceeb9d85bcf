//! What must not be in a public tree: paths of somebody's machine and addresses of package registries.
//!
//! Both creep in by copied command lines, work on one machine and fail on the next. The words looked for are put
//! together from pieces, so that this file does not find itself.

use super::report::Finding;
use super::tree::Tree;

/// Folders in which only a particular machine keeps things.
const MACHINE_FOLDERS: [&str; 6] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Use", "rs/"),
    concat!("/wo", "rk/"),
    concat!("/far", "m/"),
    concat!("C:", "\\Users\\"),
];
/// Names of invented users, whose homes may stand in tests.
const INVENTED_USERS: [&str; 2] = ["olga", "example"];
/// Hosts of registries; the ordinary clients know them and a tracked file does not need to.
const REGISTRY_HOSTS: [&str; 9] = [
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("registry.npmjs", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("ghcr", ".io"),
];

/// Checks every text of the tree.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(|(path, text)| file(path, text)).collect()
}

fn file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let folder = MACHINE_FOLDERS.into_iter().find(|folder| begins_a_path(line, folder));
        if let Some(folder) = folder {
            let fix = "use a path relative to the workspace, or a variable";
            findings.push(Finding::new(path, index + 1, format!("a path below `{folder}` of one machine"), fix));
        }
        if let Some(host) = REGISTRY_HOSTS.into_iter().find(|host| line.contains(host)) {
            let fix = "leave the address to the package client";
            findings.push(Finding::new(path, index + 1, format!("the registry host `{host}`"), fix));
        }
    }
    findings
}

/// Whether a folder stands at the beginning of a path in a line, and not in the middle of another path or an address.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let is_inside = before.is_some_and(|one| one.is_alphanumeric() || "._-~}/".contains(one));
        let is_invented = INVENTED_USERS.iter().any(|user| line[at + folder.len()..].starts_with(user));
        !is_inside && !is_invented
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Vec<String> {
        file("a.md", line).into_iter().map(|one| one.what).collect()
    }

    #[test]
    fn paths_of_one_machine_are_told() {
        assert_eq!(told(concat!("cd /ho", "me/somebody/x")).len(), 1);
        assert_eq!(told(concat!("\"/ro", "ot/.cache/x\"")).len(), 1);
    }

    #[test]
    fn other_paths_with_such_parts_are_fine() {
        for line in ["src/home/page.rs", "https://example.org/home/", "$HOME/x", "/var/lib/x", "/home/olga/x"] {
            assert!(told(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn registry_hosts_are_told() {
        assert_eq!(told(concat!("pip install -i https://pypi", ".org/simple x")).len(), 1);
        assert!(told("registry+https://github.com/rust-lang/crates.io-index").is_empty());
    }
}
