//! A backup of the database and its way back: one SQLite file, and beside it a small one that tells its hash.
//!
//! A backup is taken while servers run. It is put back only when nobody uses the database, and only when every byte is as
//! it was written. The database that was there is kept beside; nothing is ever deleted.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use threadkeep_core::time::Timestamp;

use crate::refusal::Refusal;
use crate::store::{self, BackupFault};

/// The name of the form, in each manifest.
const FORM: &str = "threadkeep-backup";
/// The version of the form.
const VERSION: u32 = 1;
/// Largest manifest, in bytes.
const MANIFEST_MAX_BYTES: u64 = 64 * 1024;
/// Bytes that are copied or hashed in one go.
const CHUNK_BYTES: usize = 1 << 20;

/// What stands beside a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    form: String,
    version: u32,
    /// The version of the database's schema.
    pub schema: i64,
    /// Its size in bytes.
    pub size_bytes: u64,
    sha256: String,
    /// When it was taken, in milliseconds since 1970.
    pub taken_at: Timestamp,
}

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBack {
    /// What was told of the backup.
    pub manifest: Manifest,
    /// Where the database is now that was there before.
    pub kept: Option<PathBuf>,
}

/// The file beside a backup.
pub fn manifest_path(backup: &Path) -> PathBuf {
    let mut name = backup.file_name().unwrap_or_default().to_owned();
    name.push(".manifest.json");
    backup.with_file_name(name)
}

/// Copies the database at an address into an empty file; gives what belongs beside it, or `None` when `tell`, which is
/// told pages done and pages in all, wanted no more.
pub fn take(
    url: &str,
    to: &Path,
    now: Timestamp,
    tell: impl FnMut(u64, u64) -> bool,
) -> Result<Option<String>, Refusal> {
    let from = database_file(url)?;
    if !from.is_file() {
        return Err(Refusal::NotFound("there is no database yet".into()));
    }
    if !store::copy_database(&from, to, tell)? {
        return Ok(None);
    }
    let schema = store::examine_backup(to).map_err(|fault| {
        Refusal::Conflict(format!("the database cannot be backed up: {fault}; run `threadkeep doctor`"))
    })?;
    let (sha256, size_bytes) = hashed(&mut File::open(to).map_err(unreadable)?, None).map_err(unreadable)?;
    File::open(to).and_then(|file| file.sync_all()).map_err(unreadable)?;
    let manifest = Manifest { form: FORM.into(), version: VERSION, schema, size_bytes, sha256, taken_at: now };
    let text = serde_json::to_string(&manifest).map_err(|error| Refusal::Internal(error.to_string()))?;
    Ok(Some(format!("{text}\n")))
}

/// Puts a backup in the place of the database at an address.
pub fn put_back(url: &str, backup: &Path, now: Timestamp) -> Result<PutBack, Refusal> {
    let target = database_file(url)?;
    let manifest = manifest(backup)?;
    check_bytes(backup, &manifest)?;
    let schema = store::examine_backup(backup).map_err(|fault| refused(&fault))?;
    if schema != manifest.schema {
        return Err(altered());
    }
    let taken = match target.exists() {
        true => Some(store::take_database(&target)?),
        false => None,
    };
    let coming = beside(&target, &format!("restoring-{}", std::process::id()));
    let copied = copy_checked(backup, &coming, &target, &manifest);
    let placed = copied.and_then(|()| place(&target, &coming, taken.is_some(), now));
    if placed.is_err() {
        // Only the copy; what was there is where it was.
        let _ = std::fs::remove_file(&coming);
    }
    drop(taken);
    Ok(PutBack { kept: placed?, manifest })
}

fn place(target: &Path, coming: &Path, is_there: bool, now: Timestamp) -> Result<Option<PathBuf>, Refusal> {
    let mut kept = None;
    if is_there {
        let old = beside(target, &format!("before-restore-{}", now.0));
        std::fs::rename(target, &old).map_err(unwritable)?;
        kept = Some(old);
    }
    // A log of another database must not be taken for one of this.
    for ending in ["-wal", "-shm", "-journal"] {
        let mut log = target.file_name().unwrap_or_default().to_owned();
        log.push(ending);
        let log = target.with_file_name(log);
        if log.exists() {
            let away = beside(&log, &format!("before-restore-{}", now.0));
            std::fs::rename(&log, away).map_err(unwritable)?;
        }
    }
    std::fs::rename(coming, target).map_err(|error| {
        // What was there goes on; when even that fails it lies beside, under its other name.
        let _ = kept.as_ref().map(|old| std::fs::rename(old, target));
        unwritable(error)
    })?;
    Ok(kept)
}

fn copy_checked(backup: &Path, coming: &Path, target: &Path, manifest: &Manifest) -> Result<(), Refusal> {
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(unwritable)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(coming).map_err(unwritable)?;
    let (sha256, size_bytes) =
        hashed(&mut File::open(backup).map_err(unreadable)?, Some(&mut out)).map_err(unwritable)?;
    out.sync_all().map_err(unwritable)?;
    match sha256 == manifest.sha256 && size_bytes == manifest.size_bytes {
        true => Ok(()),
        false => Err(altered()),
    }
}

fn manifest(backup: &Path) -> Result<Manifest, Refusal> {
    let missing = || {
        Refusal::Invalid(
            "there is no manifest beside this file: only backups of `threadkeep db backup` are restored, \
             together with their .manifest.json"
                .into(),
        )
    };
    let mut text = String::new();
    let file = File::open(manifest_path(backup)).map_err(|_| missing())?;
    file.take(MANIFEST_MAX_BYTES).read_to_string(&mut text).map_err(|_| missing())?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|_| altered())?;
    match manifest.form == FORM && manifest.version == VERSION {
        true => Ok(manifest),
        false => {
            Err(Refusal::Invalid("this backup is of another kind: install the threadkeep that has taken it".into()))
        }
    }
}

fn check_bytes(backup: &Path, manifest: &Manifest) -> Result<(), Refusal> {
    let mut file = File::open(backup).map_err(|_| Refusal::Invalid("there is no such backup".into()))?;
    let (sha256, size_bytes) = hashed(&mut file, None).map_err(unreadable)?;
    match sha256 == manifest.sha256 && size_bytes == manifest.size_bytes {
        true => Ok(()),
        false => Err(altered()),
    }
}

/// The hash and the size of all bytes, which are copied on the way.
fn hashed(from: &mut File, mut to: Option<&mut File>) -> io::Result<(String, u64)> {
    let (mut hash, mut size_bytes) = (Sha256::new(), 0_u64);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        size_bytes = size_bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if let Some(to) = to.as_mut() {
            to.write_all(bytes)?;
        }
    }
    Ok((hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), size_bytes))
}

fn database_file(url: &str) -> Result<PathBuf, Refusal> {
    store::database_file(url)?.ok_or_else(|| {
        Refusal::Invalid(
            "PostgreSQL has its own tools for this, which are better: `pg_dump --format=custom --file=PATH DATABASE_URL` \
             takes a backup while servers run, `pg_restore --clean --if-exists --dbname=DATABASE_URL PATH` puts it back \
             while none runs"
                .into(),
        )
    })
}

fn beside(path: &Path, mark: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{mark}"));
    path.with_file_name(name)
}

fn refused(fault: &BackupFault) -> Refusal {
    Refusal::Invalid(format!("this backup is not restored: {fault}; nothing was changed"))
}

fn altered() -> Refusal {
    Refusal::Invalid("this backup was altered or cut since it was taken: nothing was changed; take another one".into())
}

fn unreadable(error: io::Error) -> Refusal {
    Refusal::Invalid(format!("the backup cannot be read: {}", error.kind()))
}

fn unwritable(error: io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::StorageFull => store::StoreError::Full("no space is left for the copy".into()).into(),
        kind => Refusal::Conflict(format!("the database cannot be put in its place: {kind}; nothing was deleted")),
    }
}
