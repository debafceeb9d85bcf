//! The vault as a folder of this machine, for its owner alone.
//!
//! Files are written beside their place, forced to the disk and renamed, folders too. The outermost folder is closed to
//! others before anything is in it, so what is inside is closed at every moment.

use std::path::Path;

use object_store::local::LocalFileSystem;

use super::SHARD_FILES_MAX;
use super::error::VaultError;
use super::hash::ObjectHash;

/// Age from which an unfinished file is nobody's, in milliseconds.
const UNFINISHED_MS: i64 = 24 * 3_600_000;

/// Opens the folder; makes it when it is missing.
pub(super) fn open(folder: &Path) -> Result<LocalFileSystem, VaultError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| VaultError::of_disk(&error))?;
    let store = LocalFileSystem::new_with_prefix(folder).map_err(VaultError::of_store)?;
    Ok(store.with_fsync(true))
}

/// Removes unfinished files that nobody can be writing any more: those are named like the object, with `#` and a number.
pub(super) async fn sweep(shard: &Path, now_ms: i64) -> Result<usize, VaultError> {
    let mut entries = match tokio::fs::read_dir(shard).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(VaultError::of_disk(&error)),
    };
    let mut removed = 0;
    for _ in 0..SHARD_FILES_MAX {
        let Some(entry) = entries.next_entry().await.map_err(|error| VaultError::of_disk(&error))? else { break };
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.split_once('#'));
        let is_unfinished = parts.is_some_and(|(object, number)| {
            ObjectHash::parse(object).is_ok() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        // Somebody else may sweep at the same time: what is gone is gone.
        let Ok(about) = entry.metadata().await else { continue };
        if is_unfinished && now_ms.saturating_sub(written_at_ms(&about)) > UNFINISHED_MS {
            removed += usize::from(tokio::fs::remove_file(entry.path()).await.is_ok());
        }
    }
    Ok(removed)
}

fn written_at_ms(about: &std::fs::Metadata) -> i64 {
    let since_1970 = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    since_1970.map_or(i64::MAX, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Closes a new file and the folders above it to everybody else.
#[cfg(unix)]
pub(super) async fn close_to_others(folder: &Path, key: &str) -> Result<(), VaultError> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    const FILE: u32 = 0o600;
    const FOLDER: u32 = 0o700;
    let mut path = folder.join(key);
    let mut mode = FILE;
    while path != folder && path.starts_with(folder) {
        tokio::fs::set_permissions(&path, Permissions::from_mode(mode)).await.map_err(|e| VaultError::of_disk(&e))?;
        path.pop();
        mode = FOLDER;
    }
    Ok(())
}

/// Nothing to do: here a folder's rights hold for what is inside.
#[cfg(not(unix))]
pub(super) async fn close_to_others(_folder: &Path, _key: &str) -> Result<(), VaultError> {
    Ok(())
}
