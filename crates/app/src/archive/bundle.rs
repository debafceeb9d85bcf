//! Which files of an export matter, wherever they lie: in a zip, in a zip around it, in a folder, or alone.
//!
//! What a file is, is told by its bytes and not by its name; which file of an export holds messages is told by its whole
//! name, because several others end in the same letters. No file is ever written under a name from an archive.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::ArchiveError;
use super::entry::Section;
use super::zip::{Bytes, ENTRIES_MAX, Entry, UNPACKED_BYTES_MAX, Zip};

/// How deep a folder is looked into.
const FOLDER_DEPTH_MAX: u32 = 4;
/// What the names of files begin with that LinkedIn puts beside the messages and that hold no conversations.
const DECOYS: [&str; 5] = [
    "guide_messages",
    "coach_messages",
    "learning_coach_messages",
    "learning_role_play_messages",
    "learningcoachmessages",
];
/// Bytes of a spooled archive that are copied at once.
const COPY_BYTES: usize = 64 * 1024;

/// A folder for files that nobody but this process ever sees.
#[derive(Debug, Clone)]
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Scratch files will lie in this folder; it is made when one is needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A new file, gone when it is closed.
    pub fn file(&self) -> io::Result<File> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("import-{}-{number}.part", std::process::id()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        // Where an open file cannot be removed it stays until the next one of this number.
        let _ = std::fs::remove_file(&path);
        Ok(file)
    }
}

/// The files of an export that matter.
pub struct Bundle {
    place: Place,
    /// The messages, the largest first when there are several.
    pub(super) messages: Vec<Part>,
    pub(super) profile: Option<Part>,
    pub(super) connections: Option<Part>,
    pub(super) invitations: Option<Part>,
    /// Files that look like messages and are none.
    pub(super) decoys: Vec<String>,
}

enum Place {
    Zip(Zip),
    Folder,
    Single(Bytes),
}

/// One file of an export.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) bytes: u64,
    at: At,
}

#[derive(Debug, Clone)]
enum At {
    Entry(Entry),
    Path(PathBuf),
    Whole,
}

impl Bundle {
    /// Opens what lies at a path.
    pub fn open(path: &Path, scratch: &Scratch) -> Result<Self, ArchiveError> {
        let cannot = |error: io::Error| ArchiveError::Unreadable(format!("{} cannot be read: {error}", path.display()));
        if std::fs::metadata(path).map_err(cannot)?.is_dir() {
            return Self::of_folder(path);
        }
        // The messages alone may have any name; what LinkedIn names otherwise is something else.
        let name = base_name(&path.to_string_lossy().replace('\\', "/")).replace([' ', '-'], "_");
        if DECOYS.iter().any(|decoy| name.starts_with(decoy)) {
            return Err(ArchiveError::rejected(
                "this file of an export holds no conversations: import messages.csv, or the whole archive",
            ));
        }
        Self::of_file(File::open(path).map_err(cannot)?, scratch)
    }

    /// Opens an archive, or the messages alone.
    pub fn of_file(file: File, scratch: &Scratch) -> Result<Self, ArchiveError> {
        Self::of_bytes(Bytes::new(file)?, scratch, true)
    }

    fn of_bytes(bytes: Bytes, scratch: &Scratch, may_hold_another: bool) -> Result<Self, ArchiveError> {
        let head = bytes.read_at(0, usize::try_from(bytes.len().min(4)).unwrap_or(0))?;
        if !head.starts_with(b"PK\x03\x04") && !head.starts_with(b"PK\x05\x06") {
            if bytes.len() == 0 {
                return Err(ArchiveError::rejected("the file is empty"));
            }
            let whole = Part { name: "messages.csv".to_owned(), bytes: bytes.len(), at: At::Whole };
            return Ok(Self { messages: vec![whole], ..Self::nothing(Place::Single(bytes)) });
        }
        let zip = Zip::open(bytes)?;
        if let Some(inner) = inner_archive(&zip)? {
            if !may_hold_another {
                return Err(ArchiveError::rejected("the archive holds an archive that holds an archive"));
            }
            let file = spool(&zip, &inner, scratch)?;
            return Self::of_bytes(Bytes::new(file)?, scratch, false);
        }
        let parts: Vec<Part> = zip
            .entries
            .iter()
            .map(|entry| Part { name: entry.name.clone(), bytes: entry.bytes, at: At::Entry(entry.clone()) })
            .collect();
        Ok(Self::sorted(Place::Zip(zip), parts))
    }

    fn of_folder(path: &Path) -> Result<Self, ArchiveError> {
        let mut parts = Vec::new();
        list(path, path, 0, &mut parts)?;
        Ok(Self::sorted(Place::Folder, parts))
    }

    fn nothing(place: Place) -> Self {
        Self { place, messages: Vec::new(), profile: None, connections: None, invitations: None, decoys: Vec::new() }
    }

    fn sorted(place: Place, parts: Vec<Part>) -> Self {
        let mut bundle = Self::nothing(place);
        for part in parts {
            match base_name(&part.name).as_str() {
                _ if is_shadow(&part.name) => {}
                "messages.csv" => bundle.messages.push(part),
                "profile.csv" => keep_larger(&mut bundle.profile, part),
                "connections.csv" => keep_larger(&mut bundle.connections, part),
                "invitations.csv" => keep_larger(&mut bundle.invitations, part),
                name if name.ends_with("messages.csv") => bundle.decoys.push(part.name),
                _ => {}
            }
        }
        bundle.messages.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        bundle.decoys.sort();
        bundle
    }

    /// How many bytes of messages there are.
    pub fn bytes(&self) -> u64 {
        self.messages.first().map_or(0, |part| part.bytes)
    }

    /// The bytes of a file.
    pub(super) fn read(&self, part: &Part) -> Result<Box<dyn Read + Send>, ArchiveError> {
        match (&self.place, &part.at) {
            (Place::Zip(zip), At::Entry(entry)) => Ok(Box::new(zip.read(entry))),
            (Place::Single(bytes), At::Whole) => Ok(Box::new(Section::whole(bytes.clone()))),
            (_, At::Path(path)) => {
                let opened = File::open(path);
                Ok(Box::new(opened.map_err(|error| ArchiveError::reading(&error))?))
            }
            _ => Err(ArchiveError::Unreadable("the archive is not open any more".to_owned())),
        }
    }
}

fn keep_larger(kept: &mut Option<Part>, part: Part) {
    if kept.as_ref().is_none_or(|kept| kept.bytes < part.bytes) {
        *kept = Some(part);
    }
}

/// The last part of a name in small letters.
fn base_name(name: &str) -> String {
    name.rsplit('/').next().unwrap_or_default().to_lowercase()
}

/// What macOS puts beside files.
fn is_shadow(name: &str) -> bool {
    name.split('/').any(|part| part == "__MACOSX" || part.starts_with("._"))
}

/// The archive that is all that an archive holds: browsers and mail programs wrap one now and then.
fn inner_archive(zip: &Zip) -> Result<Option<Entry>, ArchiveError> {
    let mut others = zip.entries.iter().filter(|entry| !is_shadow(&entry.name));
    let is_archive = |entry: &&Entry| entry.name.to_lowercase().ends_with(".zip");
    if !zip.entries.iter().any(|entry| is_archive(&entry)) {
        return Ok(None);
    }
    match (others.next(), others.next()) {
        (Some(only), None) if is_archive(&only) => Ok(Some(only.clone())),
        _ => Err(ArchiveError::rejected("the archive holds other archives, as LinkedIn's never do")),
    }
}

/// Unpacks an inner archive into a scratch file.
fn spool(zip: &Zip, inner: &Entry, scratch: &Scratch) -> Result<File, ArchiveError> {
    let cannot = |error: io::Error| ArchiveError::reading(&error);
    let mut file = scratch.file().map_err(cannot)?;
    let mut from = zip.read(inner).take(UNPACKED_BYTES_MAX);
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = from.read(&mut buffer).map_err(cannot)?;
        if read == 0 {
            break;
        }
        io::Write::write_all(&mut file, &buffer[..read]).map_err(cannot)?;
    }
    file.seek(SeekFrom::Start(0)).map_err(cannot)?;
    Ok(file)
}

fn list(root: &Path, folder: &Path, depth: u32, parts: &mut Vec<Part>) -> Result<(), ArchiveError> {
    let cannot = |error: io::Error| ArchiveError::Unreadable(format!("the folder cannot be read: {}", error.kind()));
    for found in std::fs::read_dir(folder).map_err(cannot)? {
        let found = found.map_err(cannot)?;
        let path = found.path();
        // A link is not followed: it may lead anywhere.
        let kind = found.file_type().map_err(cannot)?;
        if kind.is_dir() && depth < FOLDER_DEPTH_MAX {
            list(root, &path, depth + 1, parts)?;
        } else if kind.is_file() {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            parts.push(Part { name, bytes: found.metadata().map_err(cannot)?.len(), at: At::Path(path) });
        }
        if parts.len() as u64 > ENTRIES_MAX {
            return Err(ArchiveError::rejected(
                "the folder holds more files than an export has: name the export's own",
            ));
        }
    }
    Ok(())
}
