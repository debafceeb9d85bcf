//! The checks of `threadkeep doctor`, each by itself.
//!
//! Nothing is created: a database or key that is missing is a finding, not an order to make one. No secret and no name
//! of a member gets into a finding.

use std::path::Path;

use threadkeep_core::time::Timestamp;

use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::store::{Account, KeyRow, SharedStore, StoreResult};
use crate::vault::{Vault, VaultSettings};
use crate::verbs::sync::Status;
use crate::verbs::verify::Found;

use super::{doctor_accounts, doctor_database, doctor_disk, doctor_keys, doctor_tls};

const DAY_MS: i64 = 24 * 3_600_000;
/// A key that was not used for so long is named.
const IDLE_MS: i64 = 90 * DAY_MS;
/// Keys that one finding names.
const NAMED_MAX: usize = 5;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Ok,
    /// Works, but somebody should look.
    Warn,
    /// Does not work.
    Fail,
}

impl Finding {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub subject: String,
    /// How grave it is.
    pub finding: Finding,
    /// What was found.
    pub found: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl Check {
    /// A finding with what to do about it.
    pub fn new(subject: &str, finding: Finding, found: impl Into<String>, remedy: &str) -> Self {
        let remedy = Some(remedy.to_owned());
        Self { subject: subject.to_owned(), finding, found: found.into(), remedy }
    }

    /// A finding that asks for nothing.
    pub fn ok(subject: &str, found: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), finding: Finding::Ok, found: found.into(), remedy: None }
    }
}

/// Makes all checks.
pub async fn all(config: &Config) -> Vec<Check> {
    let mut checks = vec![configuration(config), upstream(config)];
    checks.extend(doctor_tls::all(config, SystemClock.now()));
    checks.extend(data_dir(config));
    checks.extend(doctor_disk::all(config));
    checks.push(media(config).await);
    match doctor_database::open_store(config).await {
        Ok(store) => {
            let now = SystemClock.now();
            checks.extend(doctor_database::all(config, &store, now).await);
            checks.extend(doctor_keys::all(config, Some(&store)).await);
            checks.extend(accounts(&store, now).await);
            checks.extend(api_keys(&store, now).await);
            store.close().await;
        }
        Err(check) => {
            checks.push(check);
            checks.extend(doctor_keys::all(config, None).await);
        }
    }
    checks
}

fn configuration(config: &Config) -> Check {
    let file = config.file.as_deref().map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
    Check::ok("configuration", file)
}

fn upstream(config: &Config) -> Check {
    let host = config.upstream_url.host_str().unwrap_or_default();
    if config.is_upstream_local() {
        return Check::ok("upstream", format!("{host}: a simulator on this machine"));
    }
    match host == "linkedin.com" || host.ends_with(".linkedin.com") {
        true => Check::ok("upstream", format!("{host} (not asked)")),
        false => Check::new(
            "upstream",
            Finding::Fail,
            format!("{host} is not LinkedIn, and would be given the session"),
            "remove THREADKEEP_UPSTREAM_URL unless you know who answers there",
        ),
    }
}

fn data_dir(config: &Config) -> Vec<Check> {
    let dir = config.data_dir.display().to_string();
    let mut checks = match others_may_read(&config.data_dir) {
        None => vec![Check::ok("data", format!("{dir} does not exist yet"))],
        Some(false) => vec![Check::ok("data", dir)],
        Some(true) => vec![Check::new(
            "data",
            Finding::Warn,
            format!("other users of this machine may read {dir}"),
            "chmod 700 on that directory",
        )],
    };
    if config.master_key.is_none() && config.master_key_file.starts_with(&config.data_dir) {
        checks.push(Check::new(
            "key",
            Finding::Warn,
            "the key file is inside the data directory: one backup holds both",
            "move it elsewhere and set THREADKEEP_MASTER_KEY_FILE",
        ));
    }
    checks
}

/// Looks whether attachments can be kept: writes, reads and removes a small object, but makes no folder.
async fn media(config: &Config) -> Check {
    let subject = "media";
    let (place, remedy) = match &config.media.store {
        VaultSettings::Local(folder) => {
            if !folder.exists() {
                return Check::ok(subject, format!("{}: made when it is first needed", folder.display()));
            }
            if others_may_read(folder) == Some(true) {
                let found = format!("other users of this machine may look into {}", folder.display());
                return Check::new(subject, Finding::Warn, found, "chmod 700 on that directory");
            }
            (
                folder.display().to_string(),
                "give that folder to the user who runs threadkeep, or set THREADKEEP_MEDIA_DIR",
            )
        }
        VaultSettings::S3(s3) => {
            let place = s3.endpoint.as_deref().unwrap_or("Amazon");
            (format!("bucket {} at {place}", s3.bucket), "check the s3_ settings and the rights of the access key")
        }
    };
    let checked = match Vault::open(&config.media.store) {
        Ok(vault) => vault.check().await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(()) => Check::ok(subject, format!("{place}, policy {}", config.media.policy.as_str())),
        Err(error) => Check::new(subject, Finding::Fail, format!("{place}: {error}"), remedy),
    }
}

async fn accounts(store: &SharedStore, now: Timestamp) -> Vec<Check> {
    let all = match store.accounts().await {
        Ok(all) => all,
        Err(error) => return vec![Check::new("accounts", Finding::Fail, error.to_string(), "try again")],
    };
    if all.is_empty() {
        return vec![Check::new("accounts", Finding::Warn, "none", "`threadkeep account add` connects one")];
    }
    let mut checks = Vec::with_capacity(all.len());
    for account in all {
        match standing(store, account).await {
            Ok(one) => checks.extend(doctor_accounts::of_account(&one, now)),
            Err(error) => checks.push(Check::new("accounts", Finding::Fail, error.to_string(), "try again")),
        }
    }
    checks
}

/// How an account stands; what cannot be read is told by the checks of the database.
async fn standing(store: &SharedStore, account: Account) -> StoreResult<Status> {
    let overview = store.overview(&account.id).await?;
    let media = store.media_counts(&account.id).await?;
    let job = store.jobs(&account.id, 1).await?.into_iter().next();
    let verified = store.verification(&account.id).await?.as_ref().map(Found::of);
    Ok(Status { account, overview, media, job, verified })
}

async fn api_keys(store: &SharedStore, now: Timestamp) -> Option<Check> {
    Some(used_keys(&store.keys().await.ok()?, now))
}

/// A key that nobody uses is one that nobody misses when it is gone, and one less that can be lost.
fn used_keys(keys: &[KeyRow], now: Timestamp) -> Check {
    let subject = "api keys";
    let in_use: Vec<&KeyRow> = keys.iter().filter(|key| key.revoked_at.is_none()).collect();
    if in_use.is_empty() {
        return Check::ok(subject, "none; `threadkeep key create` makes one for the API");
    }
    let seen_at = |key: &KeyRow| key.last_used_at.map_or(key.created_at, |at| at.max(key.created_at));
    let idle: Vec<&str> =
        in_use.iter().filter(|key| now.since_ms(seen_at(key)) > IDLE_MS).map(|key| key.id.as_str()).collect();
    if idle.is_empty() {
        return Check::ok(subject, format!("{} in use", in_use.len()));
    }
    let named = idle.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let days = IDLE_MS / DAY_MS;
    let found = format!("{} in use, {} of them not for {days} days: {named}", in_use.len(), idle.len());
    Check::new(subject, Finding::Ok, found, "`threadkeep key revoke ID`, if nobody needs it any more")
}

/// Whether others than the owner may read something; `None` when it does not exist.
#[cfg(unix)]
pub(super) fn others_may_read(path: &Path) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    std::fs::metadata(path).ok().map(|about| about.permissions().mode() & OTHERS != 0)
}

/// Whether others than the owner may read something; not known here.
#[cfg(not(unix))]
pub(super) fn others_may_read(path: &Path) -> Option<bool> {
    path.exists().then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn keys_that_nobody_uses_are_named_and_revoked_ones_are_not() {
        let key = |id: &str, created: i64, used: Option<i64>, is_revoked: bool| KeyRow {
            id: id.into(),
            hash: Vec::new(),
            scopes: Vec::new(),
            accounts: None,
            label: None,
            created_at: NOW.plus_ms(-created * DAY_MS),
            last_used_at: used.map(|days| NOW.plus_ms(-days * DAY_MS)),
            revoked_at: is_revoked.then_some(NOW),
        };
        let told = |keys: &[KeyRow]| used_keys(keys, NOW);
        assert!(told(&[key("a", 200, Some(150), true)]).found.contains("key create"));
        let well = told(&[key("a", 200, Some(3), false), key("b", 80, None, false)]);
        assert_eq!((well.found.as_str(), well.remedy), ("2 in use", None));
        let idle = told(&[key("a", 200, Some(3), false), key("b", 200, None, false), key("c", 200, Some(91), false)]);
        assert_eq!(idle.finding, Finding::Ok);
        assert!(idle.found.ends_with("2 of them not for 90 days: b, c") && idle.remedy.is_some(), "{idle:?}");
    }
}
