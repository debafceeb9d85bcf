//! The walls between the rooms of the program: who may name whom (ARCHITECTURE.md, invariant I4).
//!
//! A room that needs something of a room it may not name is handed a value instead. Modules for tests are free.

use super::paths::{Named, named};
use super::report::Finding;
use super::tree::Tree;

/// What a room may not name.
struct Room {
    /// Where it is.
    folder: &'static str,
    /// Files in it for which the rule does not hold.
    except: &'static [&'static str],
    /// Rooms that it may not name.
    rooms: &'static [&'static str],
    /// Fields that it may not reach into.
    fields: &'static [&'static str],
    /// Why, or what to do instead.
    instead: &'static str,
}

const ROOMS: [Room; 8] = [
    Room {
        folder: "crates/app/src/http/",
        except: &[],
        rooms: &["source", "worker", "cli"],
        fields: &["store"],
        instead: "call a verb; a read never reaches a source (I4)",
    },
    Room {
        folder: "crates/app/src/web/",
        except: &[],
        rooms: &["source", "worker", "cli"],
        fields: &["store"],
        instead: "call a verb; looking at a page never reaches a source (I4)",
    },
    Room {
        folder: "crates/app/src/cli/",
        except: &[],
        rooms: &["source"],
        fields: &[],
        instead: "call a verb; only workers reach a source (I4)",
    },
    Room {
        folder: "crates/app/src/verbs/",
        except: &["crates/app/src/verbs/accounts.rs", "crates/app/src/verbs/media.rs"],
        rooms: &["source", "worker", "http", "web", "cli"],
        fields: &[],
        instead: "write a job; only workers reach a source (I4)",
    },
    Room {
        folder: "crates/app/src/store/",
        except: &[],
        rooms: &["source", "worker", "verbs", "http", "web", "cli"],
        fields: &[],
        instead: "the store remembers and knows nobody who asks it",
    },
    Room {
        folder: "crates/app/src/archive/",
        except: &[],
        rooms: &["source", "store", "vault", "worker", "verbs", "http", "web", "cli"],
        fields: &[],
        instead: "readers of archives give values; whoever asks decides what becomes of them",
    },
    Room {
        folder: "crates/app/src/vault/",
        except: &["crates/app/src/vault/s3.rs"],
        rooms: &["source", "store", "worker", "verbs", "http", "web", "cli"],
        fields: &[],
        instead: "the vault keeps bytes and knows nobody who asks it; its HTTP client comes from source::egress in s3.rs",
    },
    Room {
        folder: "crates/app/src/source/",
        except: &[],
        rooms: &["store", "vault", "worker", "verbs", "http", "web", "cli"],
        fields: &[],
        instead: "a source asks and reports; what to keep is decided by the engine",
    },
];

/// Checks each room's files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    ROOMS.iter().flat_map(|room| files(tree, room).flat_map(|(path, text)| file(room, path, text))).collect()
}

fn files<'a>(tree: &'a Tree, room: &'a Room) -> impl Iterator<Item = (&'a str, &'a str)> {
    tree.ending(".rs").filter(|(path, _)| path.starts_with(room.folder) && !room.except.contains(path))
}

fn file(room: &Room, path: &str, text: &str) -> Vec<Finding> {
    let wrong = named(text).into_iter().filter_map(|one| Some((one.line, breach(room, &one)?)));
    wrong.map(|(line, what)| Finding::new(path, line, what, room.instead)).collect()
}

fn breach(room: &Room, named: &Named) -> Option<String> {
    if named.is_field {
        return room
            .fields
            .iter()
            .find(|field| named.parts == [**field])
            .map(|field| format!("reaches into `{field}`"));
    }
    let (first, rest) = named.parts.split_first()?;
    let inner = rest.join("::");
    let is_in = |other: &&&str| inner == ***other || inner.starts_with(&format!("{other}::"));
    let other = room.rooms.iter().find(is_in).filter(|_| first == "crate")?;
    Some(format!("names `crate::{other}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        check(&Tree::from([(path, text)])).into_iter().map(|one| format!("{}: {}", one.line, one.what)).collect()
    }

    #[test]
    fn a_handler_calls_verbs_and_nothing_below() {
        assert!(told("crates/app/src/http/a.rs", "use crate::verbs::sync;\nuse crate::sourcebook;").is_empty());
        assert_eq!(told("crates/app/src/http/a.rs", "use crate::source::Source;"), ["1: names `crate::source`"]);
        assert_eq!(told("crates/app/src/http/a.rs", "fn f() { app.store.job(1) }"), ["1: reaches into `store`"]);
        assert_eq!(told("crates/app/src/http/a.rs", "fn f() { crate::worker::serve() }"), ["1: names `crate::worker`"]);
    }

    #[test]
    fn proving_a_login_is_the_one_verb_that_reaches_a_source() {
        assert!(told("crates/app/src/verbs/accounts.rs", "use crate::source::voyager;").is_empty());
        assert_eq!(told("crates/app/src/verbs/read.rs", "use crate::source;"), ["1: names `crate::source`"]);
    }

    #[test]
    fn the_store_and_the_source_know_nobody() {
        assert_eq!(told("crates/app/src/store/a.rs", "use crate::{clock, verbs::sync};"), ["1: names `crate::verbs`"]);
        assert_eq!(told("crates/app/src/source/a.rs", "use crate::store::Job;"), ["1: names `crate::store`"]);
    }
}
