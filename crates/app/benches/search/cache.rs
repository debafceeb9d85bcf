//! What of the database the system has in memory when it is asked: all of it, or nothing.
//!
//! Some hosts give the pages of a file back within seconds, so a file on the disk is never surely in memory. Where there is
//! a file system in memory with enough room, the questions of the first kind are asked of a copy there.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A file system in memory, on Linux.
const MEMORY: &str = "/dev/shm";
/// What stays free there, in bytes.
const SPARE_BYTES: u64 = 1 << 30;

/// Whether the system can be asked to forget what it has read of a file.
pub const CAN_FORGET: bool = cfg!(target_os = "linux");

/// What the system has in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// The whole file.
    Warm,
    /// Nothing of it before each question.
    Cold,
}

/// The database of one state of the cache.
pub struct Place {
    pub cache: Cache,
    pub path: PathBuf,
    /// Removes the copy when it is dropped.
    copy: Option<TempDir>,
}

impl Place {
    /// The file as it lies on the disk, to be asked cold.
    pub fn on_disk(path: &Path) -> Result<Self> {
        // What is not written yet cannot be forgotten.
        std::fs::File::open(path)?.sync_all()?;
        Ok(Self { cache: Cache::Cold, path: path.to_owned(), copy: None })
    }

    /// A copy in memory; the file itself, read now and then, where there is no room for one.
    pub fn in_memory(path: &Path) -> Result<Self> {
        let Some(copy) = memory_for(std::fs::metadata(path)?.len()) else {
            println!("{MEMORY} has no room for the database: warm is what the system keeps of the file");
            return Ok(Self { cache: Cache::Warm, path: path.to_owned(), copy: None });
        };
        let to = copy.path().join("search.db");
        std::fs::copy(path, &to).context("the copy in memory was not made")?;
        Ok(Self { cache: Cache::Warm, path: to, copy: Some(copy) })
    }

    /// Before the questions of a kind.
    pub fn prepare(&self) -> Result<()> {
        if self.cache == Cache::Warm && self.copy.is_none() {
            std::io::copy(&mut std::fs::File::open(&self.path)?, &mut std::io::sink())?;
        }
        Ok(())
    }

    /// Before each question.
    pub fn forget(&self) -> Result<()> {
        #[cfg(target_os = "linux")]
        if self.cache == Cache::Cold {
            let file = std::fs::File::open(&self.path)?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn memory_for(bytes: u64) -> Option<TempDir> {
    let room = rustix::fs::statvfs(MEMORY).ok()?;
    let is_enough = room.f_bavail.checked_mul(room.f_frsize)? > bytes.checked_add(SPARE_BYTES)?;
    is_enough.then(|| tempfile::tempdir_in(MEMORY).ok()).flatten()
}

#[cfg(not(target_os = "linux"))]
fn memory_for(_: u64) -> Option<TempDir> {
    None
}
