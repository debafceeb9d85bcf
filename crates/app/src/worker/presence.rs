//! Which processes of this machine are alive, so that the work of a killed one goes on at once.
//!
//! Each process holds a lock on a file of its own; the system lets go of it however the process ends, and the next
//! process that looks removes the file once the leases are released. Other machines are not seen here: their leases run out. A lock that cannot be read must never count as gone.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::chance::Chance;

/// Files that are looked at in one go.
const PROCESSES_MAX: usize = 1_000;
const SUFFIX: &str = "alive";

/// This process.
#[derive(Debug)]
pub struct Presence {
    id: String,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    folder: PathBuf,
    path: PathBuf,
    locked: File,
    is_durable: AtomicBool,
}

/// A process that is gone; its file stays locked by us until this is dropped.
#[derive(Debug)]
pub struct Gone {
    id: String,
    path: PathBuf,
    _locked: File,
}

impl Presence {
    /// Shows this process to the others that use the same folder.
    pub fn enter(folder: &Path, chance: &dyn Chance) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let id = new_id(chance);
        let path = folder.join(format!("{id}.{SUFFIX}"));
        let file = File::create_new(&path)?;
        file.lock()?;
        Ok(Self {
            id,
            place: Some(Place { folder: folder.to_owned(), path, locked: file, is_durable: AtomicBool::new(false) }),
        })
    }

    /// A process that neither sees others nor is seen.
    pub fn alone(chance: &dyn Chance) -> Self {
        Self { id: new_id(chance), place: None }
    }

    /// The name under which this process holds leases.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Has the file outlast a loss of power, so that also then nobody waits for the leases to run out. Once is enough,
    /// and only who holds leases needs it.
    pub fn make_durable(&self) {
        let Some(place) = self.place.as_ref().filter(|place| !place.is_durable.swap(true, Ordering::Relaxed)) else {
            return;
        };
        // If it is lost after all, the leases run out.
        let _ = place.locked.sync_all().and_then(|()| sync_names(&place.folder));
    }

    /// Whether a process is there for certain: this one, or another one that uses the same folder.
    pub fn sees(&self, id: &str) -> bool {
        id == self.id || self.place.as_ref().is_some_and(|place| is_alive(&place.folder, id))
    }

    /// The processes of this folder that are gone.
    pub fn gone(&self) -> Vec<Gone> {
        let Some(place) = &self.place else {
            return Vec::new();
        };
        let Ok(entries) = fs::read_dir(&place.folder) else {
            return Vec::new();
        };
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| *path != place.path);
        paths.take(PROCESSES_MAX).filter_map(gone).collect()
    }
}

impl Gone {
    /// The name under which it held leases.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Removes its file, once its leases are released.
    pub fn forget(self) {
        // If it stays, its leases are released once more, which changes nothing.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_names(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn gone(path: PathBuf) -> Option<Gone> {
    if path.extension()? != SUFFIX {
        return None;
    }
    let id = path.file_stem()?.to_str()?.to_owned();
    let file = File::open(&path).ok()?;
    match file.try_lock() {
        Ok(()) => Some(Gone { id, path, _locked: file }),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

/// Whether a process that uses this folder is there for certain.
pub fn is_alive(folder: &Path, id: &str) -> bool {
    let is_name = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name && is_locked(&folder.join(format!("{id}.{SUFFIX}")))
}

fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn new_id(chance: &dyn Chance) -> String {
    let mut bytes = [0_u8; 16];
    chance.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    #[test]
    fn only_a_process_that_let_go_of_its_lock_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let here = Presence::enter(folder.path(), &SystemChance).unwrap();
        let other = Presence::enter(folder.path(), &SystemChance).unwrap();
        assert!(here.gone().is_empty());
        assert!(here.sees(here.id()) && here.sees(other.id()) && other.sees(here.id()));
        assert!(!here.sees("nobody") && !here.sees("../other") && !here.sees(""));
        let left_behind = folder.path().join(format!("killed.{SUFFIX}"));
        File::create_new(&left_behind).unwrap();
        let gone = here.gone();
        assert_eq!(gone.iter().map(Gone::id).collect::<Vec<_>>(), ["killed"]);
        gone.into_iter().for_each(Gone::forget);
        assert!(!left_behind.exists());
        let gone = other.id().to_owned();
        drop(other);
        assert!(!here.sees(&gone));
        assert_eq!(here.gone().len(), 1, "an ordinary end may leave leases behind too");
    }
}
