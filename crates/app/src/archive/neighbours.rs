//! The files beside the messages, as far as they tell names (official sources B4).
//!
//! A neighbour never makes an import fail: what cannot be read of it is not known.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::Read;
use std::sync::Arc;

use threadkeep_core::identity::ProfileSlug;

use super::ArchiveError;
use super::bundle::{Bundle, Part};
use super::header::{HEADER_WITHIN, normal};
use super::survey::Hashed;
use super::table::Table;

/// Names that are kept in memory; people beyond them have the names of their rows.
const NAMES_MAX: usize = 100_000;
/// Records that are read of a neighbour.
const RECORDS_MAX: usize = 1_000_000;
/// Slugs and names that are counted; of more, those that came first.
const COUNTED_MAX: usize = 50_000;
/// Longest name that is kept, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Names by the slug of the profile.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownNames(Arc<HashMap<String, String>>);

impl KnownNames {
    pub(super) fn get(&self, slug: &str) -> Option<&str> {
        self.0.get(slug).map(String::as_str)
    }
}

/// What the neighbours tell.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    pub(super) names: KnownNames,
    /// The owner's name.
    pub(super) profile_name: Option<String>,
    /// The slug that has sent and received invitations most often.
    pub(super) inviting: Option<ProfileSlug>,
}

/// Reads them all, and adds their bytes to the hash of the archive.
pub(super) fn read(bundle: &Bundle, hash: &mut Hashed) -> Result<Neighbours, ArchiveError> {
    let mut names = HashMap::new();
    let mut found = Neighbours::default();
    each(bundle, bundle.profile.as_ref(), &["FIRST NAME", "LAST NAME"], hash, |cell| {
        let name = joined(cell("FIRST NAME"), cell("LAST NAME"));
        found.profile_name = found.profile_name.take().or(name);
    })?;
    let mut keep = |link: String, name: Option<String>| {
        let slug = ProfileSlug::parse(&link);
        if let (Some(slug), Some(name)) = (&slug, name)
            && names.len() < NAMES_MAX
        {
            names.entry(slug.as_str().to_owned()).or_insert(name);
        }
        slug
    };
    each(bundle, bundle.connections.as_ref(), &["FIRST NAME", "URL"], hash, |cell| {
        keep(cell("URL"), joined(cell("FIRST NAME"), cell("LAST NAME")));
    })?;
    let mut own: HashMap<ProfileSlug, u64> = HashMap::new();
    each(bundle, bundle.invitations.as_ref(), &["FROM", "TO", "DIRECTION"], hash, |cell| {
        let inviter = keep(cell("INVITERPROFILEURL"), joined(cell("FROM"), String::new()));
        let invitee = keep(cell("INVITEEPROFILEURL"), joined(cell("TO"), String::new()));
        let is_outgoing = cell("DIRECTION").eq_ignore_ascii_case("outgoing");
        if let Some(slug) = if is_outgoing { inviter } else { invitee } {
            count(&mut own, slug);
        }
    })?;
    found.inviting = most(own);
    found.names = KnownNames(Arc::new(names));
    Ok(found)
}

/// Counts one more.
pub(super) fn count<T: Eq + Hash>(counts: &mut HashMap<T, u64>, one: T) {
    if counts.len() < COUNTED_MAX || counts.contains_key(&one) {
        *counts.entry(one).or_default() += 1;
    }
}

/// The one that is counted most often, when there is one.
pub(super) fn most<T: Ord>(counts: HashMap<T, u64>) -> Option<T> {
    let mut counts: Vec<(T, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let is_alone = counts.get(1).is_none_or(|second| counts.first().is_some_and(|first| first.1 > second.1));
    counts.into_iter().next().filter(|_| is_alone).map(|(one, _)| one)
}

fn joined(first: String, last: String) -> Option<String> {
    let name = format!("{} {}", first.trim(), last.trim()).trim().to_owned();
    (!name.is_empty() && name.len() <= NAME_BYTES_MAX).then_some(name)
}

/// Shows each record of a file by the names of its columns; what is no such table shows nothing.
fn each(
    bundle: &Bundle,
    part: Option<&Part>,
    wanted: &[&str],
    hash: &mut Hashed,
    mut see: impl FnMut(&dyn Fn(&str) -> String),
) -> Result<(), ArchiveError> {
    let Some(part) = part else { return Ok(()) };
    let mut from = hash.reading(&part.name, bundle.read(part)?);
    let read = records(&mut from, wanted, &mut see);
    match read {
        // The archive itself is damaged or cannot be read; a table that makes no sense is only not known.
        Err(ArchiveError::Unreadable(what)) => Err(ArchiveError::Unreadable(what)),
        _ => hash.rest(from),
    }
}

fn records(
    from: &mut dyn Read,
    wanted: &[&str],
    see: &mut impl FnMut(&dyn Fn(&str) -> String),
) -> Result<(), ArchiveError> {
    let mut table = Table::new(from);
    let mut columns: Vec<String> = Vec::new();
    for number in 0..RECORDS_MAX {
        let Some(record) = table.next()? else { break };
        if columns.is_empty() {
            let names: Vec<String> = record.cells().map(normal).collect();
            if wanted.iter().all(|name| names.iter().any(|other| other == name)) {
                columns = names;
            } else if number >= HEADER_WITHIN {
                break;
            }
            continue;
        }
        let cell = |name: &str| {
            let at = columns.iter().position(|column| column == name);
            at.map(|at| String::from_utf8_lossy(record.cell(at)).trim().to_owned()).unwrap_or_default()
        };
        see(&cell);
    }
    Ok(())
}
