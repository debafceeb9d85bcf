//! The program assembled from its configuration: store, key, upstream.
//!
//! A wrong key must stop here, before anything is written with it: the database knows the fingerprint of the key that its
//! sessions were sealed with. A new key is made only for a database that has never had one.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::sync::Notify;

use crate::app::{App, Media, Upstream};
use crate::chance::SystemChance;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::seal::{KeyError, MasterKey, Sealer};
use crate::store::{self, OpenOptions, SharedStore};
use crate::worker::presence::Presence;

use super::failure::{Failure, SECRET, USAGE};

/// The stored setting that tells which key sealed the sessions.
pub const FINGERPRINT: &str = "master_key_fingerprint";

/// Opens everything that verbs and workers use, for a command that does one thing and ends: little memory.
pub async fn app(config: &Config) -> Result<App, Failure> {
    opened(config, OpenOptions { sqlite_readers: 0, ..OpenOptions::default() }).await
}

/// The same for a server, where many read at once.
pub async fn app_of_server(config: &Config) -> Result<App, Failure> {
    opened(config, OpenOptions::default()).await
}

async fn opened(config: &Config, options: OpenOptions) -> Result<App, Failure> {
    prepare_data_dir(config)?;
    let store = store::open(config.database_url.expose_secret(), options).await?;
    match sealer(config, &store).await {
        Ok(sealer) => assembled(config, store, sealer),
        Err(failure) => {
            store.close().await;
            Err(failure)
        }
    }
}

/// What to tell somebody who has not connected an account.
pub fn no_account_yet() -> Failure {
    Failure::new(3, "there is no account yet")
        .hint("`threadkeep account add` connects one")
        .hint("`threadkeep demo` shows everything without an account")
}

fn assembled(config: &Config, store: SharedStore, sealer: Sealer) -> Result<App, Failure> {
    let upstream = Upstream::at(config.upstream_url.as_str(), config.query_ids.clone())?;
    let presence = Presence::enter(&config.data_dir.join("workers"), &SystemChance)
        .map_err(|error| Failure::new(1, format!("the data directory cannot be written: {error}")))?;
    let clock = Arc::new(SystemClock);
    let media = Media::open(&upstream, config.media.clone(), clock.clone())?;
    Ok(App {
        store,
        clock,
        chance: Arc::new(SystemChance),
        sealer: Arc::new(sealer),
        bell: Arc::new(Notify::new()),
        presence: Arc::new(presence),
        storage: Arc::default(),
        upstream: Arc::new(upstream),
        media: Arc::new(media),
        sync: config.sync.clone(),
    })
}

async fn sealer(config: &Config, store: &SharedStore) -> Result<Sealer, Failure> {
    let known = store.setting(FINGERPRINT).await?;
    let sealer = match own_key(config)? {
        Some(sealer) => sealer,
        None if known.is_none() => new_key(config)?,
        None => return Err(key_is_gone(config)),
    };
    let kept = store.setting_or_insert(FINGERPRINT, sealer.fingerprint()).await?;
    match kept == sealer.fingerprint() {
        true => Ok(sealer),
        false => Err(wrong_key(config)),
    }
}

/// The key that was given, or the one in the key file; `None` when there is no such file.
pub fn own_key(config: &Config) -> Result<Option<Sealer>, Failure> {
    if let Some(text) = &config.master_key {
        return Ok(Some(Sealer::new(&MasterKey::from_text(text.expose_secret()).map_err(no_key)?)));
    }
    match config.master_key_file.exists() {
        true => new_key(config).map(Some),
        false => Ok(None),
    }
}

/// The key in the key file, which is made when it is missing.
fn new_key(config: &Config) -> Result<Sealer, Failure> {
    let key = MasterKey::load_or_create(&config.master_key_file, &SystemChance).map_err(no_key)?;
    Ok(Sealer::new(&key))
}

fn no_key(error: KeyError) -> Failure {
    Failure::new(SECRET, error.to_string())
}

/// The data directory, for its owner alone.
fn prepare_data_dir(config: &Config) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&config.data_dir).map_err(|error| {
        Failure::new(USAGE, format!("the data directory {} cannot be made: {error}", config.data_dir.display()))
            .hint("choose another one with THREADKEEP_DATA_DIR or --data-dir")
    })
}

fn key_is_gone(config: &Config) -> Failure {
    let path = config.master_key_file.display();
    Failure::new(SECRET, format!("the key file {path} is missing, and the stored sessions were sealed with it"))
        .hint("put the file back, or name its place with THREADKEEP_MASTER_KEY_FILE")
}

/// What is told when the key is not the one that the database knows.
pub fn wrong_key(config: &Config) -> Failure {
    let place = match &config.master_key {
        Some(_) => "THREADKEEP_MASTER_KEY".to_owned(),
        None => format!("the key file {}", config.master_key_file.display()),
    };
    Failure::new(SECRET, format!("{place} is not the key that the stored sessions were sealed with"))
        .hint("use the key that belongs to this database; nothing was changed")
}
