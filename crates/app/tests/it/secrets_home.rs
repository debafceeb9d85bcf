//! An installation with a key and accounts, for the tests of secrets at rest: the real program, real files, and a look
//! at them by a program of our own.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde_json::Value;
use sha2::{Digest, Sha256};
use threadkeep::app::{App, Media, MediaSettings, SyncSettings, Upstream};
use threadkeep::chance::{Chance, SystemChance};
use threadkeep::clock::SystemClock;
use threadkeep::seal::{KeySource, SESSIONS, Sealer};
use threadkeep::source::voyager::QueryIds;
use threadkeep::store::{Login, MASTER_KEY, SharedStore};
use threadkeep::verbs::secrets;
use threadkeep::worker::presence::Presence;
use threadkeep_core::id::AccountId;

use crate::cli_harness::{Ran, Room};
use crate::store_database::Database;
use crate::store_fixture::{NOW, account_id, login, sealed};

/// A room whose program works on a database of the tests.
pub struct Home {
    pub room: Room,
    pub store: SharedStore,
}

impl Home {
    /// Has the program make the key.
    pub async fn new(db: &Database) -> Result<Self> {
        let room = Room::new()?.with("THREADKEEP_DATA_DIR", "mirror").with("THREADKEEP_DATABASE_URL", &db.url);
        let made = room.run(&["account", "list"])?;
        ensure!(made.code == Some(0), "{}", made.told());
        Ok(Self { room, store: db.store.clone() })
    }

    /// The key file.
    pub fn key_file(&self) -> PathBuf {
        self.room.path("mirror.key")
    }

    /// Its text.
    pub fn key_text(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.key_file())?.trim().to_owned())
    }

    /// A process of our own, with the keys that lie there now.
    pub async fn app(&self) -> Result<App> {
        let source = KeySource::new(None, None, &self.key_file());
        let sealer = Sealer::with_source(&source.main()?.context("no key")?, source);
        if let Some(fingerprint) = self.store.setting(MASTER_KEY).await? {
            sealer.follow(&fingerprint)?;
        }
        self.app_with(sealer)
    }

    /// A process of our own with these keys.
    pub fn app_with(&self, sealer: Sealer) -> Result<App> {
        let upstream = Upstream::at("http://127.0.0.1:9", QueryIds::default())?;
        let media = MediaSettings::in_folder(self.room.path("media"));
        Ok(App {
            media: Arc::new(Media::open(&upstream, media, Arc::new(SystemClock))?),
            store: self.store.clone(),
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance),
            sealer: Arc::new(sealer),
            bell: Arc::default(),
            presence: Arc::new(Presence::alone(&SystemChance)),
            storage: Arc::default(),
            upstream: Arc::new(upstream),
            sync: SyncSettings::default(),
        })
    }

    /// Connects accounts with sessions of the present form.
    pub async fn connect(&self, numbers: std::ops::RangeInclusive<u32>) -> Result<()> {
        let app = self.app().await?;
        for number in numbers {
            let sealed_session = sealed(&secrets::seal(&app, SESSIONS, &account_id(number)?, &plain(number)).await?);
            self.store.log_in(&Login { sealed_session, ..login(number)? }, NOW).await?;
        }
        Ok(())
    }

    /// Connects an account whose session the master key itself has sealed, as the first databases have it.
    pub async fn connect_directly(&self, number: u32) -> Result<()> {
        let sealed_session = sealed(&sealed_directly(&self.key_text()?, &account_id(number)?, &plain(number))?);
        self.store.log_in(&Login { sealed_session, ..login(number)? }, NOW).await?;
        Ok(())
    }

    /// Fails unless a process with the keys that lie there now opens the sessions of these accounts.
    pub async fn assert_opens(&self, numbers: std::ops::RangeInclusive<u32>, when: &str) -> Result<()> {
        assert_opens(&self.app().await?, numbers, when).await
    }

    /// What the program tells of its keys.
    pub fn status(&self) -> Result<Value> {
        let ran = self.room.run(&["secrets", "status", "--json"])?;
        ensure!(ran.code == Some(0), "{}", ran.told());
        Ok(serde_json::from_str(&ran.out)?)
    }

    /// Has the program change the key.
    pub fn rotate(&self, words: &[&str]) -> Result<Ran> {
        self.room.run(&[&["secrets", "rotate", "--json"], words].concat())
    }
}

/// Fails unless a process opens the sessions of these accounts.
pub async fn assert_opens(app: &App, numbers: std::ops::RangeInclusive<u32>, when: &str) -> Result<()> {
    for number in numbers {
        let id = account_id(number)?;
        let sealed = app.store.sealed_session(&id).await?.context("no session")?;
        let opened = secrets::open(app, SESSIONS, &id, &sealed).await.with_context(|| format!("{when}: {number}"))?;
        ensure!(*opened == plain(number), "{when}: another session");
    }
    Ok(())
}

/// The session of an account.
pub fn plain(number: u32) -> Vec<u8> {
    format!("li_at=canary{number}").into_bytes()
}

/// Seals as the first version of the program did, written here from its description: 1, the key's id, a nonce, the
/// ciphertext bound to all of that and to purpose and account.
fn sealed_directly(key: &str, account: &AccountId, plain: &[u8]) -> Result<Vec<u8>> {
    let bytes: Result<Vec<u8>, _> = (0..32).map(|at| u8::from_str_radix(&key[at * 2..at * 2 + 2], 16)).collect();
    let bytes = bytes?;
    let id = Sha256::new().chain_update(b"threadkeep key id\0").chain_update(&bytes).finalize();
    let head = [&[1], &id[..4]].concat();
    let mut nonce = [0; 24];
    SystemChance.fill(&mut nonce);
    let aad = [&head[..], b"session\0", account.as_str().as_bytes()].concat();
    let cipher = XChaCha20Poly1305::new(&Key::try_from(&bytes[..])?);
    let payload = Payload { msg: plain, aad: &aad };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| anyhow::anyhow!("not sealed"))?;
    Ok([&head[..], &nonce, &sealed].concat())
}
