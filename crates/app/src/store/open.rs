//! How a store is opened: the address, the file and its permissions, the schema's version.
//!
//! A database file holds private conversations: it is created for its owner alone. No address may get into an error,
//! because it may hold a password.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dialect::Dialect;
use super::migrate::MigrationStatus;
use super::postgres::PostgresDialect;
use super::sqlite::SqliteDialect;
use super::{SharedStore, SqlStore, StoreError, StoreResult, Upkeep};

/// What is accepted as an address.
const ACCEPTED: &str = "use sqlite:PATH, sqlite::memory:, or postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/// Connections to a SQLite file that only read, unless told otherwise.
const SQLITE_READERS: usize = 3;

/// How to open a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// Whether missing migrations are applied; otherwise a database that lacks some is refused.
    pub migrate: bool,
    /// Largest size of a SQLite file, in pages; a write beyond it fails as on a full disk. `None` is no limit.
    pub sqlite_pages_max: Option<u32>,
    /// Connections to a SQLite file that only read. With none, the connection that writes also reads: slower for many
    /// at once, and less memory for a command that does one thing.
    pub sqlite_readers: usize,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { migrate: true, sqlite_pages_max: None, sqlite_readers: SQLITE_READERS }
    }
}

enum Address {
    Memory,
    File(PathBuf),
    Postgres,
}

/// Opens the store at an address: `sqlite:PATH`, `sqlite:///PATH`, `sqlite::memory:`, `postgres://…`.
pub async fn open(url: &str, options: OpenOptions) -> StoreResult<SharedStore> {
    match address(url)? {
        Address::Memory => opened(SqliteDialect::open(None, options)?, options).await,
        Address::File(path) => {
            create_file(&path)?;
            opened(SqliteDialect::open(Some(path), options)?, options).await
        }
        Address::Postgres => opened(PostgresDialect::open(url).await?, options).await,
    }
}

/// Where the schema of the database at an address stands; a SQLite file that does not exist is not created.
pub async fn migration_status(url: &str) -> StoreResult<MigrationStatus> {
    match address(url)? {
        Address::Memory => Ok(MigrationStatus::of(&[])),
        Address::File(path) if !path.exists() => Ok(MigrationStatus::of(&[])),
        Address::File(path) => status_and_close(SqliteDialect::open(Some(path), OpenOptions::default())?).await,
        Address::Postgres => status_and_close(PostgresDialect::open(url).await?).await,
    }
}

/// The SQLite file at an address; `None` for PostgreSQL.
pub fn database_file(url: &str) -> StoreResult<Option<PathBuf>> {
    match address(url)? {
        Address::File(path) => Ok(Some(path)),
        Address::Postgres => Ok(None),
        Address::Memory => Err(StoreError::BadAddress("a database in memory has no file".to_owned())),
    }
}

async fn status_and_close<D: Dialect>(dialect: D) -> StoreResult<MigrationStatus> {
    let found = status(&dialect).await;
    dialect.close().await;
    found
}

async fn status<D: Dialect>(dialect: &D) -> StoreResult<MigrationStatus> {
    Ok(MigrationStatus::of(&dialect.applied().await?))
}

async fn opened<D: Dialect>(dialect: D, options: OpenOptions) -> StoreResult<SharedStore> {
    if let Err(error) = brought_up(&dialect, options).await {
        dialect.close().await;
        return Err(error);
    }
    let store = SqlStore::new(dialect);
    if let Err(error) = store.fill_attachments().await {
        store.close().await;
        return Err(error);
    }
    if options.migrate {
        store.lay_all().await;
    }
    Ok(Arc::new(store))
}

async fn brought_up<D: Dialect>(dialect: &D, options: OpenOptions) -> StoreResult<()> {
    let MigrationStatus { applied, known } = status(dialect).await?;
    if applied > known {
        return Err(StoreError::SchemaNewer { found: applied, known });
    }
    if applied == known {
        return Ok(());
    }
    if !options.migrate {
        return Err(StoreError::Unavailable(format!(
            "its schema has version {applied} and needs {known}: run `threadkeep db migrate`"
        )));
    }
    dialect.migrate().await
}

fn address(url: &str) -> StoreResult<Address> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Address::Postgres);
    }
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Err(StoreError::BadAddress(ACCEPTED.to_owned()));
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    match path {
        ":memory:" => Ok(Address::Memory),
        "" => Err(StoreError::BadAddress(format!("the path is empty; {ACCEPTED}"))),
        _ if path.contains(['?', '\0']) => {
            Err(StoreError::BadAddress(format!("a path has no options and no `?`; {ACCEPTED}")))
        }
        _ => Ok(Address::File(PathBuf::from(path))),
    }
}

/// Creates the file, and its folder, for the owner alone.
pub(super) fn create_file(path: &Path) -> StoreResult<()> {
    let failed = |what: &str, error: std::io::Error| match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full(format!("{what}: no space is left")),
        kind => StoreError::Unavailable(format!("{what}: {kind}")),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| failed("its folder cannot be created", error))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("its file cannot be created", error)),
    }
}
