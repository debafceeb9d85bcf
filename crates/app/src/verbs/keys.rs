//! API keys: making, showing, revoking them, and telling who presents one.
//!
//! A key is `tk_<id>_<secret><checksum>`. The secret is shown once and only its hash is kept; a key with a wrong checksum
//! is refused without asking the database. No key or part of one may ever be logged or put into an error.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use threadkeep_core::id::AccountId;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::planted::{self, Bug};
use crate::refusal::Refusal;
use crate::store::{Act, Actor, Deed, KeyRow, Object, ObjectKind};
use crate::verbs::audit;

/// What every key begins with, so that scanners for leaked secrets find it.
pub const KEY_PREFIX: &str = "tk_";
/// Bytes of the public part; written as twice as many hex digits.
const ID_BYTES: usize = 6;
/// Bytes of randomness in the secret part.
const SECRET_BYTES: usize = 32;
/// Base62 digits of the secret part: enough for [`SECRET_BYTES`].
const SECRET_DIGITS: usize = 43;
/// Base62 digits of the checksum.
const CHECKSUM_DIGITS: usize = 6;
/// Longest text that is looked at as a key, in bytes.
const PRESENTED_MAX: usize = 128;
/// Longest name of a key, in bytes.
const LABEL_MAX: usize = 100;
/// Keys that are not revoked at the same time.
const KEYS_MAX: usize = 100;
/// Accounts that one key may name.
const KEY_ACCOUNTS_MAX: usize = 1_000;
/// The last use is noted at most this often.
const TOUCH_MS: i64 = 60_000;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a key may do. `admin` implies all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read the mirror.
    Read,
    /// Fetch media.
    Media,
    /// Ask for syncs.
    Sync,
    /// Accounts and keys.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Media, Self::Sync, Self::Admin];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Media => "media",
            Self::Sync => "sync",
            Self::Admin => "admin",
        }
    }

    /// The scope with this name.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        Self::ALL
            .into_iter()
            .find(|one| one.as_str() == name)
            .ok_or_else(|| Refusal::Invalid("scopes: there are read, media, sync and admin; name some of them".into()))
    }
}

/// Who asks, as proved by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Public part of the key.
    pub key_id: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The accounts it reaches; `None` is all.
    pub accounts: Option<Vec<AccountId>>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Whether the key may do this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Refuses unless the key may do this.
    pub fn must(&self, scope: Scope) -> Result<(), Refusal> {
        match self.may(scope) {
            true => Ok(()),
            false => Err(Refusal::ScopeRequired(scope.as_str())),
        }
    }

    /// The accounts that the key reaches; `None` is all.
    pub fn reach(&self) -> Option<&[AccountId]> {
        self.accounts.as_deref()
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The accounts it reaches; `None` is all, also those added later.
    pub accounts: Option<Vec<AccountId>>,
    /// A name for people.
    pub label: Option<String>,
}

/// Makes a key; its text is given here and never again.
pub async fn create(app: &App, who: &Actor, wanted: NewKey) -> Result<(String, KeyRow), Refusal> {
    check(app, &wanted).await?;
    let mut random = [0_u8; ID_BYTES + SECRET_BYTES];
    app.chance.fill(&mut random);
    let (id_bytes, secret_bytes) = random.split_at(ID_BYTES);
    let id: String = id_bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = base62(secret_bytes, SECRET_DIGITS);
    let text = format!("{KEY_PREFIX}{id}_{secret}{}", checksum(&id, &secret));
    let row = KeyRow {
        id,
        hash: hash(&secret),
        scopes: wanted.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        accounts: wanted.accounts,
        label: wanted.label,
        created_at: app.clock.now(),
        last_used_at: None,
        revoked_at: None,
    };
    let line = audit::done(app, who, Act::KeyCreated, Object::of(ObjectKind::Key, Some(&row.id)));
    app.store.carry_out(&Deed::AddKey(&row), &line).await?;
    Ok((text, row))
}

/// Makes a key for somebody who may be limited to some accounts: the new key reaches no others.
pub async fn create_within(app: &App, caller: &Caller, mut wanted: NewKey) -> Result<(String, KeyRow), Refusal> {
    if let Some(reach) = caller.reach() {
        let accounts = wanted.accounts.get_or_insert_with(|| reach.to_vec());
        if !accounts.iter().all(|id| reach.contains(id)) && !planted::is(Bug::KeyGrowsBeyondItself) {
            return Err(Refusal::NoAccount);
        }
    }
    create(app, &caller.actor(), wanted).await
}

/// The keys that reach nothing beyond what a caller reaches, revoked ones too, by the time they were made.
pub async fn list_within(app: &App, caller: &Caller) -> Result<Vec<KeyRow>, Refusal> {
    let mut all = list(app).await?;
    all.retain(|row| is_within(caller, row));
    Ok(all)
}

/// Revokes a key that a caller may see.
pub async fn revoke_within(app: &App, caller: &Caller, id: &str) -> Result<(), Refusal> {
    let found = app.store.key(id).await?.filter(|row| is_within(caller, row));
    found.ok_or_else(|| Refusal::NotFound("no such key".into()))?;
    revoke(app, &caller.actor(), id).await
}

/// All keys, revoked ones too, by the time they were made.
pub async fn list(app: &App) -> Result<Vec<KeyRow>, Refusal> {
    Ok(app.store.keys().await?)
}

/// Revokes a key; it stops working at once.
pub async fn revoke(app: &App, who: &Actor, id: &str) -> Result<(), Refusal> {
    let line = audit::done(app, who, Act::KeyRevoked, Object::of(ObjectKind::Key, Some(id)));
    match app.store.carry_out(&Deed::RevokeKey(id), &line).await? {
        true => Ok(()),
        false => Err(Refusal::NotFound("no such key: `threadkeep key list` shows those that are in use".into())),
    }
}

/// Tells who presents a key; anything but a working key is the same refusal.
pub async fn authenticate(app: &App, presented: &str) -> Result<Caller, Refusal> {
    let (id, secret) = take_apart(presented).ok_or(Refusal::Unauthorized)?;
    let found = app.store.key(id).await?;
    // Compared also when there is no such key, so that the two cases take the same work.
    let expected = found.as_ref().map_or_else(|| vec![0; 32], |row| row.hash.clone());
    let is_secret = bool::from(hash(secret).ct_eq(&expected));
    let row = found
        .filter(|row| is_secret && (row.revoked_at.is_none() || planted::is(Bug::RevokedKeyAccepted)))
        .ok_or(Refusal::Unauthorized)?;
    touch(app, &row, app.clock.now()).await;
    Ok(named(row))
}

/// Who asks by a key that was proved before; nobody when it was revoked meanwhile.
pub(super) fn caller_of(row: KeyRow) -> Option<Caller> {
    row.revoked_at.is_none().then(|| named(row))
}

fn named(row: KeyRow) -> Caller {
    Caller {
        scopes: row.scopes.iter().filter_map(|name| Scope::parse(name).ok()).collect(),
        key_id: row.id,
        accounts: row.accounts,
        address: None,
    }
}

/// Notes the use; failing to (a full disk) is no reason to refuse a reader.
async fn touch(app: &App, row: &KeyRow, now: Timestamp) {
    if row.last_used_at.is_some_and(|at| now.since_ms(at) < TOUCH_MS) {
        return;
    }
    if let Err(error) = app.store.touch_key(&row.id, now).await {
        tracing::warn!(key = row.id, %error, "the use of a key could not be noted");
    }
}

/// Whether a key reaches only what a caller reaches.
fn is_within(caller: &Caller, row: &KeyRow) -> bool {
    match (caller.reach(), &row.accounts) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(reach), Some(ids)) => ids.iter().all(|id| reach.contains(id)),
    }
}

async fn check(app: &App, wanted: &NewKey) -> Result<(), Refusal> {
    if wanted.scopes.is_empty() {
        return Err(Refusal::Invalid("scopes: a key needs at least one of read, media, sync, admin".into()));
    }
    if wanted.label.as_ref().is_some_and(|label| label.len() > LABEL_MAX || label.chars().any(char::is_control)) {
        return Err(Refusal::Invalid(format!("label: at most {LABEL_MAX} bytes and no control characters")));
    }
    let accounts = wanted.accounts.as_deref();
    if accounts.is_some_and(|ids| ids.is_empty() || ids.len() > KEY_ACCOUNTS_MAX) {
        return Err(Refusal::Invalid(format!("accounts: name 1 to {KEY_ACCOUNTS_MAX}, or leave it out to reach all")));
    }
    for id in accounts.unwrap_or_default() {
        app.store.account(id).await?.ok_or(Refusal::NoAccount)?;
    }
    let in_use = app.store.keys().await?.iter().filter(|row| row.revoked_at.is_none()).count();
    match in_use < KEYS_MAX {
        true => Ok(()),
        false => Err(Refusal::Conflict(format!("there are {KEYS_MAX} keys in use: revoke one first"))),
    }
}

/// Whether a text is the public part of a key.
pub fn is_id(text: &str) -> bool {
    text.len() == ID_BYTES * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The public part of what may be a key.
pub(super) fn id_of(presented: &str) -> Option<&str> {
    take_apart(presented).map(|(id, _)| id)
}

/// Id and secret of a key whose form and checksum are right.
fn take_apart(presented: &str) -> Option<(&str, &str)> {
    if presented.len() > PRESENTED_MAX || !presented.is_ascii() {
        return None;
    }
    let (id, rest) = presented.strip_prefix(KEY_PREFIX)?.split_once('_')?;
    let (secret, sum) = rest.split_at_checked(SECRET_DIGITS)?;
    let is_whole = is_id(id) && bool::from(checksum(id, secret).as_bytes().ct_eq(sum.as_bytes()));
    is_whole.then_some((id, secret))
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Tells mistyped and cut keys from keys; it proves nothing.
fn checksum(id: &str, secret: &str) -> String {
    let digest = Sha256::digest(format!("{KEY_PREFIX}{id}_{secret}").as_bytes());
    base62(digest.get(..4).unwrap_or_default(), CHECKSUM_DIGITS)
}

/// A big-endian number as base62 digits; the lowest digits, when there are more.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut reversed = Vec::with_capacity(digits);
    for _ in 0..digits {
        let mut rest = 0_u32;
        for byte in &mut number {
            let part = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(part / 62).unwrap_or(u8::MAX);
            rest = part % 62;
        }
        let digit = usize::try_from(rest).ok().and_then(|at| BASE62.get(at));
        reversed.push(char::from(digit.copied().unwrap_or(b'0')));
    }
    reversed.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_apart_and_any_changed_character_is_noticed() {
        let (id, secret) = ("0123456789ab", base62(&[7; SECRET_BYTES], SECRET_DIGITS));
        let key = format!("tk_{id}_{secret}{}", checksum(id, &secret));
        assert_eq!(take_apart(&key), Some((id, secret.as_str())));
        for at in 0..key.len() {
            let mut other = key.clone().into_bytes();
            other[at] = if other[at] == b'5' { b'6' } else { b'5' };
            assert_eq!(take_apart(&String::from_utf8(other).unwrap()), None, "changed at {at}");
        }
    }

    #[test]
    fn other_texts_are_no_keys() {
        let long = format!("tk_{}", "a".repeat(PRESENTED_MAX));
        for text in ["", "tk_", "tk__", "tk_0123456789ab_", "tk_0123456789ab_short", "Bearer", "tk_é_é", long.as_str()]
        {
            assert_eq!(take_apart(text), None, "{text:?}");
        }
    }

    #[test]
    fn base62_keeps_the_whole_number() {
        assert_eq!(base62(&[0, 0], 3), "000");
        assert_eq!(base62(&[0, 61], 3), "00z");
        assert_eq!(base62(&[0, 62], 3), "010");
        assert_eq!(base62(&[255; SECRET_BYTES], SECRET_DIGITS).len(), SECRET_DIGITS);
        assert_ne!(base62(&[255; SECRET_BYTES], SECRET_DIGITS).as_bytes()[0], b'0');
    }
}
