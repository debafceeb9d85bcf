//! The vault: bytes of attachments, kept under the hash of what they are.
//!
//! An object is written once and whole, or not at all; its name is its content, so writing it again changes nothing and
//! two accounts with the same file keep one. What is read whole is checked against its name. The vault knows no account
//! and no message: who may read what is decided by whoever holds a hash. No secret of a store may reach an error.

mod error;
mod hash;
mod local;
mod policy;
mod s3;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::planted::{self, Bug};

pub use error::VaultError;
pub use hash::{HashInvalid, ObjectHash};
pub use policy::MediaPolicy;
pub use s3::S3Settings;

/// Shards that the objects lie in, by the first byte of their hash; also the pages of [`Vault::files`].
pub const SHARDS: u16 = 256;
/// Most objects of one shard that are listed; more of them are a mistake.
pub const SHARD_FILES_MAX: usize = 100_000;
/// What is written and read back to see whether the store works.
const PROBE: &[u8] = b"threadkeep looks whether it may write here";

/// Where the bytes are kept.
#[derive(Debug, Clone)]
pub enum VaultSettings {
    /// A folder of this machine.
    Local(PathBuf),
    /// A bucket of a store that speaks S3.
    S3(S3Settings),
}

/// What a read gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// Size of the whole object, in bytes.
    pub size_bytes: u64,
    /// Which of its bytes these are.
    pub range: Range<u64>,
    /// The bytes.
    pub bytes: Bytes,
}

impl Object {
    /// A part of a whole object.
    fn cut(self, range: Range<u64>) -> Result<Self, VaultError> {
        let place = |at: u64| usize::try_from(at).ok().filter(|at| *at <= self.bytes.len());
        let (Some(start), Some(end)) = (place(range.start), place(range.end)) else { return Err(VaultError::Damaged) };
        Ok(Self { size_bytes: self.size_bytes, range, bytes: self.bytes.slice(start..end) })
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("size_bytes", &self.size_bytes).field("range", &self.range).finish()
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// An object as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredFile {
    /// What it is.
    pub hash: ObjectHash,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// When it was last written, in milliseconds since 1970, by the store's clock.
    pub written_at_ms: i64,
}

/// Keeps bytes.
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn ObjectStore>,
    /// Before all keys: empty, or ending without a slash.
    prefix: Path,
    /// The folder, when it is one of this machine.
    folder: Option<PathBuf>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("is_local", &self.folder.is_some()).finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens the store; a missing folder is made, for its owner alone. A bucket is not asked: [`Vault::check`] does.
    pub fn open(settings: &VaultSettings) -> Result<Self, VaultError> {
        match settings {
            VaultSettings::Local(folder) => {
                let store = local::open(folder)?;
                Ok(Self { store: Arc::new(store), prefix: Path::default(), folder: Some(folder.clone()) })
            }
            VaultSettings::S3(settings) => {
                let store = s3::open(settings)?;
                let prefix = settings.prefix.as_deref().map(Path::from).unwrap_or_default();
                Ok(Self { store: Arc::new(store), prefix, folder: None })
            }
        }
    }

    /// A vault in memory, for a simulation.
    #[cfg(feature = "simulation")]
    pub fn in_memory() -> Self {
        let store = object_store::memory::InMemory::new();
        Self { store: Arc::new(store), prefix: Path::default(), folder: None }
    }

    /// Keeps bytes and tells under which hash. When it returns, they survive a crash. Again is the same as once, and
    /// mends what has rotted.
    pub async fn put(&self, bytes: Bytes) -> Result<ObjectHash, VaultError> {
        let hash = ObjectHash::of(&bytes);
        let path = self.path(&hash);
        self.store.put(&path, PutPayload::from_bytes(bytes)).await.map_err(VaultError::of_store)?;
        if let Some(folder) = &self.folder {
            local::close_to_others(folder, path.as_ref()).await?;
        }
        Ok(hash)
    }

    /// Reads an object, or a part of it; a part that ends behind the object is cut.
    ///
    /// Whole objects are checked against their hash. A part cannot be; its size is.
    pub async fn read(&self, hash: &ObjectHash, part: Option<Range<u64>>) -> Result<Object, VaultError> {
        let Some(part) = part else { return self.whole(hash).await };
        let size_bytes = self.size(hash).await?.ok_or(VaultError::Missing)?;
        let range = part.start..part.end.min(size_bytes);
        if range.is_empty() {
            return Err(VaultError::Range { size_bytes });
        }
        match self.store.get_range(&self.path(hash), range.clone()).await.map_err(VaultError::of_store) {
            Ok(bytes) if length(&bytes) == range.end - range.start => Ok(Object { size_bytes, range, bytes }),
            // A store need not know ranges (RFC 9110 14.2); some know them and say so in their own way.
            Ok(_) | Err(VaultError::Unavailable(_)) => self.whole(hash).await?.cut(range),
            Err(error) => Err(error),
        }
    }

    async fn whole(&self, hash: &ObjectHash) -> Result<Object, VaultError> {
        let found = self.store.get(&self.path(hash)).await.map_err(VaultError::of_store)?;
        let bytes = found.bytes().await.map_err(VaultError::of_store)?;
        let size_bytes = length(&bytes);
        match ObjectHash::of(&bytes) == *hash || planted::is(Bug::MediaHashNotChecked) {
            true => Ok(Object { size_bytes, range: 0..size_bytes, bytes }),
            false => Err(VaultError::Damaged),
        }
    }

    /// The size of an object in bytes; `None` when it is not there.
    pub async fn size(&self, hash: &ObjectHash) -> Result<Option<u64>, VaultError> {
        match self.store.head(&self.path(hash)).await.map_err(VaultError::of_store) {
            Ok(found) => Ok(Some(found.size)),
            Err(VaultError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an object. One that is not there is removed already.
    pub async fn delete(&self, hash: &ObjectHash) -> Result<(), VaultError> {
        match self.store.delete(&self.path(hash)).await.map_err(VaultError::of_store) {
            Ok(()) | Err(VaultError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The objects of one shard. All shards together, 0 to 255, are everything; what is no object of ours is left out.
    pub async fn files(&self, shard: u8) -> Result<Vec<StoredFile>, VaultError> {
        let folder = self.in_prefix(&format!("sha256/{shard:02x}"));
        let mut listed = self.store.list(Some(&folder));
        let mut files = Vec::new();
        while let Some(found) = listed.next().await {
            let found = found.map_err(VaultError::of_store)?;
            let hash = found.location.filename().and_then(|name| ObjectHash::parse(name).ok());
            let Some(hash) = hash.filter(|hash| self.path(hash) == found.location) else { continue };
            if files.len() >= SHARD_FILES_MAX {
                return Err(VaultError::TooMany);
            }
            let written_at_ms = found.last_modified.timestamp_millis();
            files.push(StoredFile { hash, size_bytes: found.size, written_at_ms });
        }
        Ok(files)
    }

    /// Removes what writes that were cut short have left in the folder of a shard, when it is older than a day. Gives how
    /// many. A bucket keeps nothing of such a write.
    pub async fn sweep(&self, shard: u8, now_ms: i64) -> Result<usize, VaultError> {
        match &self.folder {
            Some(folder) => local::sweep(&folder.join(format!("sha256/{shard:02x}")), now_ms).await,
            None => Ok(0),
        }
    }

    /// Whether the store can be reached, written, read and cleared: does all of it once with a small object.
    pub async fn check(&self) -> Result<(), VaultError> {
        let path = self.in_prefix(&format!("check/{}", ObjectHash::of(PROBE)));
        self.store.put(&path, PutPayload::from_static(PROBE)).await.map_err(VaultError::of_store)?;
        let found = self.store.get(&path).await.map_err(VaultError::of_store)?;
        let bytes = found.bytes().await.map_err(VaultError::of_store)?;
        if bytes != PROBE {
            return Err(VaultError::Damaged);
        }
        match self.store.delete(&path).await.map_err(VaultError::of_store) {
            // Somebody else may have looked at the same time.
            Ok(()) | Err(VaultError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn path(&self, hash: &ObjectHash) -> Path {
        let text = hash.to_string();
        self.in_prefix(&format!("sha256/{}/{text}", text.get(..2).unwrap_or_default()))
    }

    fn in_prefix(&self, key: &str) -> Path {
        let parts = key.split('/').map(object_store::path::PathPart::from);
        self.prefix.parts().chain(parts).collect()
    }
}
