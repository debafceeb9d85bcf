//! Changing the master key: one small lasting step at a time, each decided by what lies in the files and rows.
//!
//! Whoever is stopped between two steps, or within one, leaves a state from which every program starts, opens
//! everything, and goes on. Nothing about a change is remembered anywhere else. Old and new data can be read at every
//! moment, as long as both keys are there; no key and no secret is ever removed here.

use std::path::{Path, PathBuf};

use threadkeep_core::id::AccountId;

use crate::app::App;
use crate::refusal::Refusal;
use crate::seal::{KeyError, KeySource, MasterKey, SESSIONS, SealError, SealedBy};
use crate::store::{Act, Actor, DataKeyRow, MASTER_KEY, MASTER_KEY_BEFORE, Object, ObjectKind, Resealed};
use crate::verbs::{audit, secrets};

/// Data keys that one step wraps anew.
const REWRAP_PAGE: u32 = 200;
/// How often a session is sealed anew that changes meanwhile.
const RESEAL_TRIES: u32 = 3;
/// Sessions that one step looks at.
const SESSIONS_PAGE: u32 = 200;

/// A change of the master key that is going on.
pub struct Rotation {
    who: Actor,
    source: KeySource,
    /// Whether every account gets a new data key, too.
    renews: bool,
    phase: Phase,
    /// Data keys that nobody can unwrap, and that stay as they are.
    keys_left: u64,
    told: Rotated,
}

/// Which part of the work comes next; after a crash all begin again, and find done what is done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Keys,
    Wrapping { after: Option<(AccountId, u32)> },
    Sessions { after: Option<AccountId> },
    End,
    Over,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationStep {
    /// A new key lies beside the key file.
    KeyMade,
    /// The database uses the new key.
    Begun,
    /// The key file holds the new key; the old one is kept there.
    KeyTaken(Option<PathBuf>),
    /// The key file could not be replaced, for this reason; somebody else has to do it.
    KeyNotTaken(String),
    /// So many data keys are wrapped by the new key by now.
    Rewrapped(u64),
    /// So many sessions are sealed anew by now.
    Resealed(u64),
    /// Only the new key is needed.
    Ended,
}

/// What a change has done in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rotated {
    /// The fingerprint of the key that is in use now.
    pub master_key: String,
    /// That of the one before, where it was replaced by this run or the one that it went on with.
    pub before: Option<String>,
    /// Whether it went on with a change that had been stopped.
    pub resumed: bool,
    /// Data keys that were wrapped anew.
    pub rewrapped: u64,
    /// Sessions that were sealed anew.
    pub resealed: u64,
    /// Accounts whose data key or session could not be opened, and was left as it is.
    pub unreadable: Vec<AccountId>,
    /// Where the old key is kept.
    pub old_key: Option<PathBuf>,
    /// Why the key file could not be replaced.
    pub not_taken: Option<String>,
}

impl Rotation {
    /// A change whose keys come from this source.
    pub fn new(who: Actor, source: KeySource, renews: bool) -> Self {
        Self { who, source, renews, phase: Phase::Keys, keys_left: 0, told: Rotated::default() }
    }

    /// What was done so far.
    pub fn told(&self) -> &Rotated {
        &self.told
    }

    /// Takes the next step; `None` when all is done.
    pub async fn step(&mut self, app: &App) -> Result<Option<RotationStep>, Refusal> {
        loop {
            let step = match self.phase.clone() {
                Phase::Keys => self.keys(app).await?,
                Phase::Wrapping { after } => self.wrap(app, after).await?,
                Phase::Sessions { after } => self.reseal(app, after).await?,
                Phase::End => self.end(app).await?,
                Phase::Over => return Ok(None),
            };
            if step.is_some() {
                return Ok(step);
            }
        }
    }

    /// Brings the new key into use, and into its place.
    async fn keys(&mut self, app: &App) -> Result<Option<RotationStep>, Refusal> {
        secrets::follow(app).await?;
        let current = app.store.setting(MASTER_KEY).await?;
        let current = current.ok_or_else(|| Refusal::Conflict("this database has no key yet".into()))?;
        if let Some(step) = self.take(&current)? {
            return Ok(Some(step));
        }
        let Some(before) = app.store.setting(MASTER_KEY_BEFORE).await? else {
            return self.begin(app, &current).await;
        };
        if !app.sealer.has(&before) {
            return Err(Refusal::Secret(
                "the key from before is missing, and some data keys may still need it: put it back".into(),
            ));
        }
        self.told.resumed |= self.told.before.is_none();
        self.told.master_key = current;
        self.told.before = Some(before);
        self.phase = Phase::Wrapping { after: None };
        Ok(None)
    }

    async fn begin(&mut self, app: &App, current: &str) -> Result<Option<RotationStep>, Refusal> {
        let given = self.source.given_next().map_err(unusable)?;
        let next = match self.source.file() {
            Some(file) => match (file.load_next().map_err(unusable)?, &given) {
                (Some(waiting), Some(given)) if waiting.fingerprint() != given.fingerprint() => {
                    return Err(Refusal::Conflict(format!(
                        "another key waits in {}: take it away, or leave out the one that you gave",
                        file.next_path().display()
                    )));
                }
                (Some(waiting), _) if waiting.fingerprint() == current => return Err(same_key(&file.next_path())),
                (Some(waiting), _) => waiting,
                (None, Some(given)) if given.fingerprint() == current => return self.nothing_to_begin(current),
                (None, given) => {
                    return match file.make_next(given.as_ref(), app.chance.as_ref()) {
                        // Another run was faster: what waits now is looked at again.
                        Err(error) if error.is_taken() => Ok(None),
                        made => made.map(|_| Some(RotationStep::KeyMade)).map_err(unusable),
                    };
                }
            },
            None => match given.ok_or_else(no_next_key)? {
                given if given.fingerprint() == current => return self.nothing_to_begin(current),
                given => given,
            },
        };
        self.switch(app, current, &next).await
    }

    async fn switch(&mut self, app: &App, from: &str, next: &MasterKey) -> Result<Option<RotationStep>, Refusal> {
        let to = next.fingerprint();
        let object = Object::of(ObjectKind::MasterKey, Some(&to));
        let line = audit::done(app, &self.who, Act::RotationBegun, object);
        match app.store.begin_rotation(from, &to, &line).await? {
            true => {
                self.told.before = Some(from.to_owned());
                Ok(Some(RotationStep::Begun))
            }
            false => {
                Err(Refusal::Conflict("somebody else is changing the key: run `threadkeep secrets status`".into()))
            }
        }
    }

    /// The key that was given is in use already: what an earlier run may have left is looked for all the same.
    fn nothing_to_begin(&mut self, current: &str) -> Result<Option<RotationStep>, Refusal> {
        self.told.master_key = current.to_owned();
        self.phase = Phase::Wrapping { after: None };
        Ok(None)
    }

    /// Puts the key that is in use into the key file, if it waits beside it.
    fn take(&mut self, current: &str) -> Result<Option<RotationStep>, Refusal> {
        let Some(file) = self.source.file().filter(|_| self.told.not_taken.is_none()) else { return Ok(None) };
        let is_current = |key: Option<MasterKey>| key.is_some_and(|key| key.fingerprint() == current);
        if is_current(file.load().map_err(unusable)?) || !is_current(file.load_next().map_err(unusable)?) {
            return Ok(None);
        }
        match file.take_next() {
            Ok(kept) => {
                self.told.old_key.clone_from(&kept);
                Ok(Some(RotationStep::KeyTaken(kept)))
            }
            // Everything works with the new key beside the old one, too.
            Err(error) => {
                self.told.not_taken = Some(error.to_string());
                Ok(Some(RotationStep::KeyNotTaken(error.to_string())))
            }
        }
    }

    async fn wrap(&mut self, app: &App, after: Option<(AccountId, u32)>) -> Result<Option<RotationStep>, Refusal> {
        let from = after.as_ref().map(|(account, version)| (account, *version));
        let page = app.store.data_keys_of_others(&self.told.master_key, from, REWRAP_PAGE).await?;
        let Some(last) = page.last() else {
            self.phase = Phase::Sessions { after: None };
            return Ok(None);
        };
        self.phase = Phase::Wrapping { after: Some((last.account.clone(), last.version)) };
        let mut pairs = Vec::with_capacity(page.len());
        for row in page {
            match rewrapped(app, &row) {
                Ok(anew) => pairs.push((row, anew)),
                Err(SealError::WrongKey) => return Err(secrets::unreadable(SealError::WrongKey)),
                // Nobody can open it, and what it has sealed is lost already.
                Err(_) => {
                    self.keys_left += 1;
                    self.told.unreadable.push(row.account);
                }
            }
        }
        self.told.rewrapped += app.store.rewrap(&pairs).await?;
        Ok(Some(RotationStep::Rewrapped(self.told.rewrapped)))
    }

    /// Moves what a master key itself has sealed into the envelope, and renews data keys where that was asked for.
    async fn reseal(&mut self, app: &App, after: Option<AccountId>) -> Result<Option<RotationStep>, Refusal> {
        let page = app.store.sealed_sessions(after.as_ref(), SESSIONS_PAGE).await?;
        let Some((last, _)) = page.last() else {
            self.phase = Phase::End;
            return Ok(None);
        };
        self.phase = Phase::Sessions { after: Some(last.clone()) };
        let before = self.told.resealed;
        for (id, sealed) in page {
            let is_direct = SealedBy::of(&sealed) == Ok(SealedBy::Master);
            if !is_direct && !self.renews {
                continue;
            }
            match self.reseal_one(app, &id, &sealed).await {
                Ok(is_new) => self.told.resealed += u64::from(is_new),
                Err(Refusal::Secret(_)) => self.told.unreadable.push(id),
                Err(refusal) => return Err(refusal),
            }
        }
        let changed = self.told.resealed > before;
        Ok(changed.then_some(RotationStep::Resealed(self.told.resealed)))
    }

    /// Seals one session anew; false when it was sealed anew by somebody else, as it should be.
    async fn reseal_one(&self, app: &App, id: &AccountId, sealed: &[u8]) -> Result<bool, Refusal> {
        let mut sealed = sealed.to_vec();
        for _ in 0..RESEAL_TRIES {
            let plain = secrets::open(app, SESSIONS, id, &sealed).await?;
            if self.exchange(app, (id, &sealed), &plain).await? {
                return Ok(true);
            }
            // A worker has renewed it meanwhile, or the account is gone.
            match app.store.sealed_session(id).await? {
                Some(now) if self.renews || SealedBy::of(&now) == Ok(SealedBy::Master) => sealed = now,
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    async fn exchange(&self, app: &App, (id, from): (&AccountId, &[u8]), plain: &[u8]) -> Result<bool, Refusal> {
        if !self.renews {
            let to = secrets::seal(app, SESSIONS, id, plain).await?;
            let change = Resealed { account: id, from, to: &to, key: None };
            return Ok(app.store.reseal(&change, app.clock.now()).await?);
        }
        let newest = app.store.data_key(id, None).await?.map_or(0, |row| row.version);
        let (key, row) = secrets::fresh(app, id, newest.saturating_add(1))?;
        let to = key.seal(SESSIONS, id, plain, secrets::nonce(app)).map_err(secrets::unreadable)?;
        let change = Resealed { account: id, from, to: &to, key: Some(&row) };
        Ok(app.store.reseal(&change, app.clock.now()).await?)
    }

    async fn end(&mut self, app: &App) -> Result<Option<RotationStep>, Refusal> {
        let object = Object::of(ObjectKind::MasterKey, Some(&self.told.master_key));
        let line = audit::done(app, &self.who, Act::SecretsRotated, object);
        let is_over = app.store.end_rotation(&self.told.master_key, self.keys_left, &line).await?;
        self.phase = Phase::Over;
        if !is_over && app.store.setting(MASTER_KEY_BEFORE).await?.is_some() {
            return Err(Refusal::Conflict(
                "data keys of another master key came in meanwhile: run `threadkeep secrets rotate` again".into(),
            ));
        }
        Ok(Some(RotationStep::Ended))
    }
}

fn rewrapped(app: &App, row: &DataKeyRow) -> Result<DataKeyRow, SealError> {
    let key = secrets::unwrapped(&app.sealer, row)?;
    let (master_key, wrapped) = app.sealer.wrap(&row.account, &key, secrets::nonce(app))?;
    Ok(DataKeyRow { wrapped, master_key, ..row.clone() })
}

fn unusable(error: KeyError) -> Refusal {
    Refusal::Secret(error.to_string())
}

fn same_key(waiting: &Path) -> Refusal {
    Refusal::Conflict(format!(
        "the key in {} is in use already: take that file away, then a new key is made",
        waiting.display()
    ))
}

fn no_next_key() -> Refusal {
    Refusal::Invalid(
        "the key comes from the environment, so the new one has to come from there, too: set THREADKEEP_NEW_MASTER_KEY \
         or give --new-key-file (`threadkeep secrets rotate --help` tells the steps)"
            .into(),
    )
}
