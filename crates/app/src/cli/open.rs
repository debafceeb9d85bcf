//! The program assembled from its configuration: store, key, upstream.
//!
//! A wrong key must stop here, before anything is written with it: the database knows the fingerprint of the key that its
//! sessions were sealed with. A new key is made only for a database that has never had one.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::sync::Notify;

use crate::app::{App, Media, Upstream};
use crate::chance::SystemChance;
use crate::clock::{Clock, DatabaseClock, SharedClock, SystemClock};
use crate::config::Config;
use crate::seal::{KeyError, KeySource, Sealer};
use crate::store::{self, Actor, MASTER_KEY, MASTER_KEY_BEFORE, OpenOptions, SharedStore};
use crate::worker::presence::Presence;

use super::failure::{Failure, SECRET, USAGE};

/// The folder beside the data in which processes show that they are there.
pub(super) const WORKERS: &str = "workers";
/// What is left when the key is nowhere.
const LOST_FOR_GOOD: &str = "is it lost for good? `threadkeep secrets reset` tells what that means and makes a new one";

/// The database is asked this often for its time until it answers at once.
const TIME_ASKED_MAX: usize = 8;

/// How many threads of its own a command gives to reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It does one thing and ends: little memory.
    Command,
    /// It serves: many read at once.
    Server,
}

/// Opens everything that verbs and workers use.
pub async fn app(config: &Config, used: Use) -> Result<App, Failure> {
    app_with(config, used, key_source(config)).await
}

/// The same with master keys from elsewhere.
pub async fn app_with(config: &Config, used: Use, source: KeySource) -> Result<App, Failure> {
    prepare_data_dir(config)?;
    let options = match used {
        Use::Command => OpenOptions { sqlite_readers: 0, ..OpenOptions::default() },
        Use::Server => OpenOptions::default(),
    };
    let store = store::open(config.database_url.expose_secret(), options).await?;
    match sealer(source, &store).await {
        Ok(sealer) => {
            let clock = clock(&store).await?;
            assembled(config, store, sealer, clock)
        }
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

/// The time of the database where it has one, which all nodes share; else the machine's.
async fn clock(store: &SharedStore) -> Result<SharedClock, Failure> {
    let asked_ms = SystemClock.passed_ms();
    let Some(told) = store.time().await? else { return Ok(Arc::new(SystemClock)) };
    let clock = DatabaseClock::new(told, asked_ms);
    // The first answer has waited for a connection, so it says little about when it was given.
    for _ in 0..TIME_ASKED_MAX {
        let asked_ms = SystemClock.passed_ms();
        let Some(told) = store.time().await? else { break };
        if clock.heed(told, asked_ms) {
            break;
        }
    }
    Ok(Arc::new(clock))
}

fn assembled(config: &Config, store: SharedStore, sealer: Sealer, clock: SharedClock) -> Result<App, Failure> {
    let upstream = Upstream::at(config.upstream_url.as_str(), config.query_ids.clone())?;
    let presence = Presence::enter(&config.data_dir.join(WORKERS), &SystemChance)
        .map_err(|error| Failure::new(1, format!("the data directory cannot be written: {error}")))?;
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

/// The master keys that the configuration names.
pub fn key_source(config: &Config) -> KeySource {
    KeySource::new(config.master_key.clone(), config.new_master_key.clone(), &config.master_key_file)
}

/// Who asks at this command line, for the log of administrative acts.
pub fn actor(config: &Config) -> Actor {
    Actor::Command { user: config.user.clone() }
}

async fn sealer(source: KeySource, store: &SharedStore) -> Result<Sealer, Failure> {
    // A key that was given and cannot be read is told now; later it would only be missing.
    source.given_next().map_err(no_key)?;
    let known = store.setting(MASTER_KEY).await?;
    let key = match source.main().map_err(no_key)? {
        Some(key) => key,
        None if known.is_none() => source.main_or_create(&SystemChance).map_err(no_key)?,
        None => return Err(key_is_gone(&source)),
    };
    let kept = store.setting_or_insert(MASTER_KEY, &key.fingerprint()).await?;
    let sealer = Sealer::with_source(&key, source.clone());
    if sealer.follow(&kept).is_err() {
        return Err(wrong_key(&source, known.is_some()));
    }
    match store.setting(MASTER_KEY_BEFORE).await? {
        Some(before) if !sealer.has(&before) => Err(key_before_is_gone(&source)),
        _ => Ok(sealer),
    }
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

fn key_is_gone(source: &KeySource) -> Failure {
    let place = source.place();
    Failure::new(SECRET, format!("the key file {place} is missing, and the stored sessions were sealed with it"))
        .hint("put the file back, or name its place with THREADKEEP_MASTER_KEY_FILE")
        .hint(LOST_FOR_GOOD)
}

fn wrong_key(source: &KeySource, was_known: bool) -> Failure {
    let place = match source.file() {
        Some(file) => format!("the key file {}", file.path().display()),
        None => source.place(),
    };
    let failure = Failure::new(SECRET, format!("{place} is not the key that the stored sessions were sealed with"))
        .hint("use the key that belongs to this database; nothing was changed");
    match was_known {
        true => failure.hint("was the key changed with `threadkeep secrets rotate`? then this is the one from before"),
        false => failure,
    }
}

fn key_before_is_gone(source: &KeySource) -> Failure {
    let what =
        format!("a change of the master key is not finished, and the key from before is not at {}", source.place());
    Failure::new(SECRET, what).hint(
        "put the old key back beside the key file (NAME.….old), or give the old key as THREADKEEP_MASTER_KEY and the \
               new one as THREADKEEP_NEW_MASTER_KEY; then run `threadkeep secrets rotate` to finish",
    )
}
