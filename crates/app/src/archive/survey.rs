//! The first reading of an archive: is it sound, whose is it, what is it called by its bytes.
//!
//! Everything is read once before anything is written, so that a damaged or hostile archive is refused while nothing is
//! open. Memory does not grow with the file: whose it is, is told from a sample of its conversations.

use std::io::{self, Read};

use sha2::{Digest, Sha256};
use threadkeep_core::archived::ArchivedPerson;
use threadkeep_core::id::PersonId;
use threadkeep_core::identity::{ProfileSlug, comparable_name};

use super::bundle::{Bundle, Part};
use super::neighbours::{self, KnownNames};
use super::owner::{self, Presence};
use super::report::ImportReport;
use super::rows::{Cells, find_header};
use super::table::Table;
use super::{ArchiveError, digest};

/// What stands where a file has no messages but a profile.
const WAIT: &str = "this archive has no messages yet: wait for the second mail";
/// How often the number of bytes is told.
const TELL_ROWS: u64 = 1_000;
/// Bytes that are read at once when only their hash counts.
const CHUNK_BYTES: usize = 64 * 1024;

/// The member whose archive it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The slug of the profile, where it is known.
    pub slug: Option<ProfileSlug>,
    /// The member as rows name people.
    pub person: ArchivedPerson,
    /// The name as it is compared.
    name: String,
}

impl Owner {
    /// The member of a link, of a name, or of both.
    pub fn of(slug: Option<ProfileSlug>, name: Option<&str>) -> Option<Self> {
        let name = name.map(str::trim).unwrap_or_default();
        let comparable = comparable_name(name);
        let id = match &slug {
            Some(slug) => slug.person().ok()?,
            None if comparable.is_empty() => return None,
            None => PersonId::new(&format!("name:{}", digest(&format!("owner\u{1f}{comparable}")))).ok()?,
        };
        let person = ArchivedPerson {
            id,
            slug: slug.as_ref().map(|slug| slug.as_str().to_owned()),
            name: name.to_owned(),
            link: slug.as_ref().map(ProfileSlug::link),
        };
        Some(Self { slug, person, name: comparable })
    }

    /// Whether this is the owner's name.
    pub fn is_named(&self, name: &str) -> bool {
        !self.name.is_empty() && comparable_name(name) == self.name
    }

    /// Reads what somebody has given as `--me`: a link to a profile, or a name.
    pub fn given(text: &str) -> Option<Self> {
        match ProfileSlug::parse(text) {
            Some(slug) => Self::of(Some(slug), None),
            None if text.contains(['/', ':']) => None,
            None => Self::of(None, Some(text)),
        }
    }
}

/// What the first reading has found.
#[derive(Debug)]
pub struct Survey {
    /// Whose it is, when that could be told.
    pub owner: Option<Owner>,
    /// Whose it certainly is, whatever somebody has said.
    pub detected: Option<Owner>,
    /// The hash of everything that was read.
    pub digest: String,
    /// Rows of messages.
    pub rows: u64,
    /// Bytes of messages.
    pub bytes: u64,
    /// The newest message, in seconds since 1970: how new the archive is.
    pub newest_second: Option<i64>,
    /// Whether any row has no id of a conversation.
    pub lacks_threads: bool,
    /// Whether the owner can be told apart in the rows.
    pub is_owner_told: bool,
    pub(super) part: Part,
    pub(super) names: KnownNames,
    rule: &'static str,
    decoys: Vec<String>,
    others: Vec<String>,
}

impl Survey {
    /// A report in which nothing is counted yet.
    pub fn report(&self) -> ImportReport {
        ImportReport {
            decoys: self.decoys.clone(),
            others: self.others.clone(),
            owner: self.rule.to_owned(),
            ..ImportReport::default()
        }
    }
}

/// Reads an archive for the first time; `given` is who somebody says that the owner is, and `told` is told bytes and
/// says whether to go on.
pub fn survey(
    bundle: &Bundle,
    given: Option<Owner>,
    told: &mut dyn FnMut(u64) -> bool,
) -> Result<Survey, ArchiveError> {
    let mut hash = Hashed::default();
    let neighbours = neighbours::read(bundle, &mut hash)?;
    for (place, part) in bundle.messages.iter().enumerate() {
        let Some(seen) = messages(bundle, part, &mut hash, &neighbours, told)? else { continue };
        let (found, rule) = owner::decide(&neighbours, &seen.presence);
        // What is only likely must not speak against what somebody says.
        let detected = found.clone().filter(|_| matches!(rule, "invitations" | "direction" | "profile"));
        let (owner, rule) = match given {
            Some(given) => (Some(owner::completed(given, &neighbours, &seen.presence)), "named"),
            None => (found, rule),
        };
        let is_owner_told = owner.as_ref().is_none_or(|owner| seen.presence.tells(owner));
        let others = bundle.messages.iter().enumerate().filter(|(other, _)| *other != place);
        return Ok(Survey {
            owner,
            detected,
            digest: hash.finish(),
            rows: seen.rows,
            bytes: part.bytes,
            newest_second: seen.newest,
            lacks_threads: seen.lacks_threads,
            is_owner_told,
            part: part.clone(),
            names: neighbours.names,
            rule,
            decoys: bundle.decoys.clone(),
            others: others.map(|(_, part)| part.name.clone()).collect(),
        });
    }
    Err(no_messages(bundle))
}

fn no_messages(bundle: &Bundle) -> ArchiveError {
    match (bundle.messages.is_empty(), bundle.profile.is_some()) {
        (true, true) => ArchiveError::NoMessages(WAIT.to_owned()),
        (true, false) => ArchiveError::NoMessages(
            "there is no messages.csv in it: ask LinkedIn for an archive with your messages (docs/IMPORT.md)"
                .to_owned(),
        ),
        (false, _) => ArchiveError::rejected(
            "this is not the messages.csv of an export: it has no header with FROM and CONTENT in its first lines",
        ),
    }
}

struct Seen {
    rows: u64,
    newest: Option<i64>,
    lacks_threads: bool,
    presence: Presence,
}

/// Reads the messages once; nothing when it is no table of messages.
fn messages(
    bundle: &Bundle,
    part: &Part,
    hash: &mut Hashed,
    neighbours: &neighbours::Neighbours,
    told: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Seen>, ArchiveError> {
    let mut table = Table::new(hash.reading(&part.name, bundle.read(part)?));
    let Some(header) = find_header(&mut table)? else { return Ok(None) };
    let mut seen = Seen { rows: 0, newest: None, lacks_threads: false, presence: Presence::default() };
    let mut unsaid = 0;
    loop {
        if unsaid >= TELL_ROWS {
            if !told(table.bytes_read) {
                return Err(ArchiveError::Stopped);
            }
            unsaid = 0;
        }
        unsaid += 1;
        let Some(record) = table.next()? else { break };
        if !Cells::is_row(&header, &record) {
            continue;
        }
        let cells = Cells::read(&header, &record);
        seen.rows += 1;
        if cells.is_draft {
            continue;
        }
        seen.newest = seen.newest.max(super::dates::second_of(&cells.date));
        seen.lacks_threads |= cells.conversation.is_empty();
        seen.presence.see(&cells, neighbours.profile_name.as_deref());
    }
    told(table.bytes_read);
    Ok(Some(seen))
}

/// A hash of all files that were read, by their names and bytes.
#[derive(Default)]
pub(super) struct Hashed(std::sync::Arc<std::sync::Mutex<Sha256>>);

/// A reader whose bytes are hashed.
pub(super) struct Reading {
    from: Box<dyn Read + Send>,
    hash: std::sync::Arc<std::sync::Mutex<Sha256>>,
}

impl Hashed {
    /// Reads a file; its base name is a part of the hash, its folder is not.
    pub(super) fn reading(&self, name: &str, from: Box<dyn Read + Send>) -> Reading {
        let base = name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let reading = Reading { from, hash: self.0.clone() };
        reading.note(&[base.as_bytes(), &[0]].concat());
        reading
    }

    /// Reads what is left of a file.
    pub(super) fn rest(&self, mut from: Reading) -> Result<(), ArchiveError> {
        let mut buffer = vec![0; CHUNK_BYTES];
        while from.read(&mut buffer).map_err(|error| ArchiveError::reading(&error))? > 0 {}
        Ok(())
    }

    fn finish(self) -> String {
        let hash = self.0.lock().map_or_else(|locked| locked.into_inner().clone(), |hash| hash.clone());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Reading {
    fn note(&self, bytes: &[u8]) {
        self.hash.lock().unwrap_or_else(std::sync::PoisonError::into_inner).update(bytes);
    }
}

impl Read for Reading {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.note(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}
