//! The checks of `threadkeep doctor`, each by itself.
//!
//! Nothing is created: a database or key that is missing is a finding, not an order to make one. No secret and no name
//! of a member gets into a finding.

use std::path::Path;

use secrecy::ExposeSecret;
use threadkeep_core::time::Timestamp;

use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, masked_url};
use crate::store::{self, Account, OpenOptions, SharedStore, StoreResult};
use crate::vault::{Vault, VaultSettings};
use crate::verbs::sync::Status;
use crate::verbs::verify::Found;

use super::{doctor_accounts, doctor_disk, doctor_keys};

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
    let mut checks = vec![configuration(config), upstream(config), listen(config)];
    checks.extend(data_dir(config));
    checks.extend(doctor_disk::all(config));
    checks.push(media(config).await);
    match open_store(config).await {
        Ok(store) => {
            checks.extend(database(&store).await);
            checks.push(index(&store).await);
            checks.extend(doctor_keys::all(config, Some(&store)).await);
            checks.extend(accounts(&store, SystemClock.now()).await);
            checks.extend(api_keys(&store).await);
            store.close().await;
        }
        Err(check) => {
            checks.push(check);
            checks.extend(doctor_keys::all(config, None).await);
        }
    }
    checks
}

/// The index of search: nothing is lost with it, so what is wrong with it is never grave.
async fn index(store: &SharedStore) -> Check {
    const ANEW: &str = "`threadkeep db reindex` makes it anew; no message is lost";
    match store.index_lag(None).await {
        Err(error) => Check::new("search index", Finding::Warn, format!("it cannot be read: {error}"), ANEW),
        Ok(lag) if lag.building > 0 => {
            let found = format!("being built: {} of {} messages", lag.indexed, lag.messages);
            Check::new("search index", Finding::Warn, found, "`serve`, `sync` and `search` go on with it")
        }
        Ok(lag) if lag.changes > 0 => {
            let found = format!("{} changes behind", lag.changes);
            Check::new(
                "search index",
                Finding::Warn,
                found,
                "the next `sync` or `search` takes them in; if not, `threadkeep db reindex`",
            )
        }
        Ok(lag) if lag.indexed != lag.messages => {
            let found = format!("has {} of {} messages", lag.indexed, lag.messages);
            Check::new("search index", Finding::Warn, found, ANEW)
        }
        Ok(lag) => Check::ok("search index", format!("{} messages", lag.indexed)),
    }
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

fn listen(config: &Config) -> Check {
    match config.listen.ip().is_loopback() {
        true => Check::ok("api", format!("{}, this machine only", config.listen)),
        false => Check::new(
            "api",
            Finding::Warn,
            format!("{} can be reached by other machines", config.listen),
            "put a proxy with TLS in front and run `threadkeep serve --behind-proxy`",
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

async fn open_store(config: &Config) -> Result<SharedStore, Check> {
    let url = config.database_url.expose_secret();
    let place = masked_url(url);
    let fail = |found: String, remedy: &str| Check::new("database", Finding::Fail, format!("{place}: {found}"), remedy);
    let status = store::migration_status(url).await;
    let status = status.map_err(|error| fail(error.to_string(), "is it running, and is the address right?"))?;
    if status.applied == 0 {
        let found = format!("{place}: nothing is in it yet");
        return Err(Check::new("database", Finding::Warn, found, "`threadkeep account add` begins"));
    }
    if status.applied < status.known {
        let found = format!("schema {} of {}", status.applied, status.known);
        return Err(fail(found, "run `threadkeep db migrate`"));
    }
    let opened = store::open(url, OpenOptions { migrate: false, ..OpenOptions::default() }).await;
    opened.map_err(|error| fail(error.to_string(), "correct what it says, then run doctor again"))
}

async fn database(store: &SharedStore) -> Vec<Check> {
    match store.examine().await {
        Ok(rows) => rows
            .into_iter()
            .map(|(subject, found, is_fine)| match is_fine {
                true => Check::ok("database", format!("{subject}: {found}")),
                false => Check::new(
                    "database",
                    Finding::Fail,
                    format!("{subject}: {found}"),
                    "stop threadkeep, make a copy of the database, and restore a backup if this stays",
                ),
            })
            .collect(),
        Err(error) => vec![Check::new("database", Finding::Fail, error.to_string(), "try again")],
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

async fn api_keys(store: &SharedStore) -> Option<Check> {
    let keys = store.keys().await.ok()?;
    let in_use = keys.iter().filter(|key| key.revoked_at.is_none()).count();
    Some(match in_use {
        0 => Check::ok("api keys", "none; `threadkeep key create` makes one for the API"),
        count => Check::ok("api keys", format!("{count} in use")),
    })
}

/// Whether others than the owner may read something; `None` when it does not exist.
#[cfg(unix)]
fn others_may_read(path: &Path) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    std::fs::metadata(path).ok().map(|about| about.permissions().mode() & OTHERS != 0)
}

/// Whether others than the owner may read something; not known here.
#[cfg(not(unix))]
fn others_may_read(path: &Path) -> Option<bool> {
    path.exists().then_some(false)
}
