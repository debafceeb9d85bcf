//! Sealing and opening the secrets of an account, by its data key, and telling how the keys stand.
//!
//! A plain secret is here only between a caller and the cipher. A secret that cannot be opened is left as it is: only a
//! new login of its account replaces it.

use threadkeep_core::id::AccountId;
use zeroize::Zeroizing;

use crate::app::App;
use crate::refusal::Refusal;
use crate::seal::{DataKey, KEY_LENGTH, NONCE_LENGTH, Place, SealError, SealedBy, Sealer};
use crate::store::{DataKeyRow, MASTER_KEY, MASTER_KEY_BEFORE, SharedStore, StoreResult};

/// How often a data key is made anew because the master key was changed meanwhile, or because its number was taken.
const TRIES: u32 = 4;
/// Sessions that are looked at by one question.
const PAGE: u32 = 500;
/// Pages of sessions: far above any installation.
const PAGES_MAX: u32 = 1_000_000;

/// Seals a secret of an account with its newest data key, which is made when there is none that can be used.
pub async fn seal(app: &App, place: Place, id: &AccountId, plain: &[u8]) -> Result<Vec<u8>, Refusal> {
    let key = data_key(app, id).await?;
    key.seal(place, id, plain, nonce(app)).map_err(unreadable)
}

/// Opens a secret of an account.
pub async fn open(app: &App, place: Place, id: &AccountId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    opened(&app.store, &app.sealer, (place, id), sealed).await?.map_err(unreadable)
}

async fn opened(
    store: &SharedStore,
    sealer: &Sealer,
    (place, id): (Place, &AccountId),
    sealed: &[u8],
) -> StoreResult<Result<Zeroizing<Vec<u8>>, SealError>> {
    let version = match SealedBy::of(sealed) {
        Ok(SealedBy::Master) => return Ok(sealer.open_direct(place, id, sealed)),
        Ok(SealedBy::Data(version)) => version,
        Err(error) => return Ok(Err(error)),
    };
    let Some(row) = store.data_key(id, Some(version)).await? else {
        return Ok(Err(SealError::Corrupt));
    };
    Ok(unwrapped(sealer, &row).and_then(|key| key.open(place, id, sealed)))
}

/// A data key of an account, unwrapped.
pub fn unwrapped(sealer: &Sealer, row: &DataKeyRow) -> Result<DataKey, SealError> {
    sealer.unwrap(&row.account, row.version, (&row.master_key, &row.wrapped))
}

/// A fresh data key, and how it is kept.
pub fn fresh(app: &App, id: &AccountId, version: u32) -> Result<(DataKey, DataKeyRow), Refusal> {
    let mut random = Zeroizing::new([0_u8; KEY_LENGTH]);
    app.chance.fill(&mut *random);
    let key = DataKey::new(version, *random);
    let (master_key, wrapped) = app.sealer.wrap(id, &key, nonce(app)).map_err(unreadable)?;
    let row = DataKeyRow { account: id.clone(), version, wrapped, master_key, created_at: app.clock.now() };
    Ok((key, row))
}

/// The newest data key of an account. One that cannot be unwrapped stays where it is, and a newer one is made.
async fn data_key(app: &App, id: &AccountId) -> Result<DataKey, Refusal> {
    let mut kept = app.store.data_key(id, None).await?;
    for _ in 0..TRIES {
        let version = match &kept {
            Some(row) => match unwrapped(&app.sealer, row) {
                Ok(key) => return Ok(key),
                Err(_) => row.version.saturating_add(1),
            },
            None => 1,
        };
        let (_, row) = fresh(app, id, version)?;
        match app.store.data_key_or_insert(&row).await? {
            Some(newest) => kept = Some(newest),
            // The master key was changed meanwhile.
            None => follow(app).await?,
        }
    }
    Err(unreadable(SealError::WrongKey))
}

/// Uses the master key that the database uses.
pub async fn follow(app: &App) -> Result<(), Refusal> {
    match app.store.setting(MASTER_KEY).await? {
        Some(fingerprint) => app.sealer.follow(&fingerprint).map_err(unreadable),
        None => Ok(()),
    }
}

/// A nonce that was never used.
pub fn nonce(app: &App) -> [u8; NONCE_LENGTH] {
    let mut nonce = [0_u8; NONCE_LENGTH];
    app.chance.fill(&mut nonce);
    nonce
}

/// A secret that cannot be opened, as a refusal.
pub fn unreadable(error: SealError) -> Refusal {
    Refusal::Secret(error.to_string())
}

/// How the keys and what they seal stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyState {
    /// The fingerprint of the master key that is in use; `None` when the database has never had one.
    pub master_key: Option<String>,
    /// The one before, while the master key is being changed.
    pub before: Option<String>,
    /// How many data keys each master key has wrapped, by its fingerprint.
    pub data_keys: Vec<(String, u64)>,
    /// Sessions that a data key has sealed.
    pub sessions: u64,
    /// Sessions that a master key itself has sealed, as the first databases have it.
    pub sessions_direct: u64,
    /// The accounts whose session cannot be opened.
    pub unreadable: Vec<AccountId>,
}

impl KeyState {
    /// Whether the master key is being changed.
    pub fn is_rotating(&self) -> bool {
        self.before.is_some()
    }
}

/// Tells how the keys stand; opens every session for it, and shows none.
pub async fn state(store: &SharedStore, sealer: Option<&Sealer>) -> Result<KeyState, Refusal> {
    let mut state = KeyState {
        master_key: store.setting(MASTER_KEY).await?,
        before: store.setting(MASTER_KEY_BEFORE).await?,
        data_keys: store.data_key_counts().await?,
        ..KeyState::default()
    };
    let mut after: Option<AccountId> = None;
    for _ in 0..PAGES_MAX {
        let page = store.sealed_sessions(after.as_ref(), PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (id, sealed) in page {
            match SealedBy::of(&sealed) {
                Ok(SealedBy::Master) => state.sessions_direct += 1,
                _ => state.sessions += 1,
            }
            if let Some(sealer) = sealer
                && opened(store, sealer, (crate::seal::SESSIONS, &id), &sealed).await?.is_err()
            {
                state.unreadable.push(id);
            }
        }
    }
    Ok(state)
}
