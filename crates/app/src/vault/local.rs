//! The vault as a folder of this machine, for its owner alone.
//!
//! Files are written beside their place, forced to the disk and renamed, folders too. The outermost folder is closed to
//! others before anything is in it, so what is inside is closed at every moment.

use std::path::Path;

use object_store::local::LocalFileSystem;

use super::error::VaultError;

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
