//! The program's parts in one place: what every verb and worker receives.
//!
//! Made once at start from the configuration. Holds no state of its own: what must be remembered is in the store.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use threadkeep_core::sync::pace::Pace;

use crate::chance::Chance;
use crate::clock::SharedClock;
use crate::refusal::Refusal;
use crate::seal::Sealer;
use crate::source::egress::{self, Egress};
use crate::source::media::{MediaGate, MediaLimits, SIZE_MAX};
use crate::source::voyager::{QueryIds, Session, Voyager};
use crate::store::{SharedStore, StoreError};
use crate::vault::{MediaPolicy, Vault, VaultSettings};
use crate::worker::presence::Presence;

/// Everything that verbs and workers use.
#[derive(Clone)]
pub struct App {
    /// What is remembered.
    pub store: SharedStore,
    /// The time.
    pub clock: SharedClock,
    /// Randomness.
    pub chance: Arc<dyn Chance>,
    /// Seals and opens sessions.
    pub sealer: Arc<Sealer>,
    /// Rung when a job was enqueued, so that the workers look at once.
    pub bell: Arc<Notify>,
    /// This process among those that work on the same machine.
    pub presence: Arc<Presence>,
    /// What is wrong with the database, while the workers cannot write.
    pub storage: Arc<StorageWatch>,
    /// How sources are reached.
    pub upstream: Arc<Upstream>,
    /// How attachments are fetched and kept.
    pub media: Arc<Media>,
    /// How syncs behave.
    pub sync: SyncSettings,
}

/// Where attachments come from and where they stay.
#[derive(Clone)]
pub struct Media {
    /// The one way to their bytes.
    pub gate: MediaGate,
    /// Where their bytes are kept.
    pub vault: Vault,
    /// How they are fetched and kept.
    pub settings: MediaSettings,
}

impl Media {
    /// The gate and the vault of these settings.
    pub fn open(upstream: &Upstream, settings: MediaSettings, clock: SharedClock) -> Result<Self, Refusal> {
        let now_ms = Arc::new(move || clock.now().0);
        let gate = MediaGate::new(upstream.base.clone(), settings.url.clone(), now_ms)
            .map_err(|error| Refusal::Upstream(error.to_string()))?;
        let vault = Vault::open(&settings.store).map_err(|error| Refusal::Invalid(error.to_string()))?;
        Ok(Self { gate, vault, settings })
    }

    /// How much of one attachment's exchange is borne.
    pub fn limits(&self) -> MediaLimits {
        MediaLimits { size_max: self.settings.size_max, ..MediaLimits::default() }
    }
}

/// How attachments are fetched and kept.
#[derive(Debug, Clone)]
pub struct MediaSettings {
    /// When new accounts' attachments are fetched.
    pub policy: MediaPolicy,
    /// Largest attachment that is fetched, in bytes.
    pub size_max: u64,
    /// What stands for LinkedIn's file hosts.
    pub url: Option<egress::Upstream>,
    /// Where they are kept.
    pub store: VaultSettings,
}

impl MediaSettings {
    /// The defaults, with a folder to keep them in.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { policy: MediaPolicy::default(), size_max: SIZE_MAX, url: None, store: VaultSettings::Local(folder) }
    }
}

/// The workers' last failure of the database, so that whoever waits for their work is told.
#[derive(Debug, Default)]
pub struct StorageWatch(Mutex<Option<StorageTrouble>>);

#[derive(Debug, Clone)]
enum StorageTrouble {
    Full(String),
    Unavailable(String),
    ReadOnly(String),
}

impl StorageWatch {
    /// Notes a failure, or with `None` that the database works.
    pub fn note(&self, failure: Option<&StoreError>) {
        let trouble = match failure {
            Some(StoreError::Full(what)) => Some(StorageTrouble::Full(what.clone())),
            Some(StoreError::Unavailable(what)) => Some(StorageTrouble::Unavailable(what.clone())),
            Some(StoreError::ReadOnly(what)) => Some(StorageTrouble::ReadOnly(what.clone())),
            _ => None,
        };
        if let Ok(mut kept) = self.0.lock() {
            *kept = trouble;
        }
    }

    /// Notes that the database answers and takes statements that write; whether it has room shows only when there is
    /// something to write.
    pub fn note_answer(&self) {
        if let Ok(mut kept) = self.0.lock()
            && matches!(*kept, Some(StorageTrouble::Unavailable(_) | StorageTrouble::ReadOnly(_)))
        {
            *kept = None;
        }
    }

    /// Fails while the workers cannot write.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.0.lock().ok().and_then(|kept| kept.clone()) {
            Some(StorageTrouble::Full(what)) => Err(StoreError::Full(what)),
            Some(StorageTrouble::Unavailable(what)) => Err(StoreError::Unavailable(what)),
            Some(StorageTrouble::ReadOnly(what)) => Err(StoreError::ReadOnly(what)),
            None => Ok(()),
        }
    }
}

/// How LinkedIn is reached.
#[derive(Clone)]
pub struct Upstream {
    /// The one way out, shared so that connections are kept.
    pub egress: Egress,
    /// Where it is; the real one unless a simulator stands for it.
    pub base: egress::Upstream,
    /// The stored queries to ask with.
    pub query_ids: QueryIds,
}

impl Upstream {
    /// A way to LinkedIn, or to what stands for it at this address.
    pub fn at(base: &str, query_ids: QueryIds) -> Result<Self, Refusal> {
        let base = egress::Upstream::parse(base).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let egress = Egress::new().map_err(|error| Refusal::Upstream(error.to_string()))?;
        Ok(Self { egress, base, query_ids })
    }
}

impl App {
    /// The web session of a member, ready to ask.
    pub fn voyager(&self, session: Session) -> Voyager {
        let Upstream { egress, base, query_ids } = self.upstream.as_ref().clone();
        let clock = self.clock.clone();
        Voyager::new(egress, base, query_ids, session, Arc::new(move || clock.now().0))
    }
}

/// How syncs behave.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// How fast.
    pub pace: Pace,
    /// Categories that new accounts mirror.
    pub categories: Vec<String>,
    /// A sync that is not forced does nothing when the last one ended less than this ago.
    pub recent_ms: i64,
    /// How long a lease goes without a commit.
    pub lease_ms: i64,
    /// How long `POST /conversations/sync` waits unless the caller says otherwise.
    pub wait_default_ms: i64,
    /// How long it waits at most.
    pub wait_max_ms: i64,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            pace: Pace::Polite,
            categories: threadkeep_core::sync::DEFAULT_CATEGORIES.map(String::from).to_vec(),
            recent_ms: 60_000,
            lease_ms: 30_000,
            wait_default_ms: 30_000,
            wait_max_ms: 300_000,
        }
    }
}
