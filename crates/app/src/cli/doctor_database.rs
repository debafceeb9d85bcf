//! What the doctor says of the database: whether it answers, is sound and may be written to, its log, its index of search.
//!
//! Nothing is made or changed: a database that is missing is a finding, not an order to make one.

use std::path::Path;

use secrecy::ExposeSecret;
use threadkeep_core::time::Timestamp;

use crate::config::{Config, masked_url};
use crate::store::{self, ImportJob, ImportState, OpenOptions, SharedStore};
use crate::verbs::import::as_it_stands;
use crate::worker::presence::is_alive;

use super::doctor_checks::{Check, Finding, others_may_read};
use super::open::WORKERS;
use super::table::time;

/// A log of what is not in the file yet that is larger than this cannot be taken in. It is cut to an eighth of this
/// whenever it has been.
const LOG_BYTES_MAX: u64 = 512 << 20;
/// How long an import that failed is told.
const IMPORT_TOLD_MS: i64 = 7 * 24 * 3_600_000;

/// Opens it as it is.
pub(super) async fn open_store(config: &Config) -> Result<SharedStore, Check> {
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

/// All lines about a database that is open.
pub(super) async fn all(config: &Config, store: &SharedStore, now: Timestamp) -> Vec<Check> {
    let mut checks = sound(store).await;
    checks.extend(file(config));
    checks.push(index(store).await);
    checks.extend(import(config, store, now).await);
    checks
}

async fn sound(store: &SharedStore) -> Vec<Check> {
    let rows = match store.examine().await {
        Ok(rows) => rows,
        Err(error) => return vec![Check::new("database", Finding::Fail, error.to_string(), "try again")],
    };
    let line = |(subject, found, is_fine): (String, String, bool)| {
        let found = format!("{subject}: {found}");
        if is_fine {
            return Check::ok("database", found);
        }
        let (finding, remedy) = remedy(&subject);
        Check::new("database", finding, found, remedy)
    };
    rows.into_iter().map(line).collect()
}

/// How grave it is what an examination has found, and what to do about it.
fn remedy(subject: &str) -> (Finding, &'static str) {
    let remedy = match subject {
        // An old server may do; what does not work there says so itself.
        "server" => {
            return (Finding::Warn, "threadkeep is tested with PostgreSQL 15 and later: bring the server up to date");
        }
        "journal" => {
            "the file needs a disk of this machine on which it may be written to; the next `sync` sets it right"
        }
        "synchronous_commit" => {
            "with it off, a crash of PostgreSQL loses what was told as kept: set it on for this database (ALTER DATABASE)"
        }
        "writing" => {
            "nothing can be kept: give the address of the primary, or end what makes this server or database read-only"
        }
        _ => "stop threadkeep, make a copy of the database, and restore a backup if this stays",
    };
    (Finding::Fail, remedy)
}

/// The file of a database that is one: who may read it, and whether its log grows.
fn file(config: &Config) -> Vec<Check> {
    let Some(file) = store::database_file(config.database_url.expose_secret()).ok().flatten() else {
        return Vec::new();
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut checks = Vec::new();
    if others_may_read(&file) == Some(true) && others_may_read(folder) == Some(true) {
        let found = format!("other users of this machine may read {}", file.display());
        checks.push(Check::new("database", Finding::Warn, found, "chmod 600 on that file"));
    }
    let mut log = file.into_os_string();
    log.push("-wal");
    let bytes = std::fs::metadata(&log).map_or(0, |about| about.len());
    checks.extend(log_length(bytes));
    checks
}

fn log_length(bytes: u64) -> Option<Check> {
    (bytes > LOG_BYTES_MAX).then(|| {
        let found = format!("{} MB wait beside the file to be taken into it", bytes / 1_000_000);
        let remedy = "end the program that has been reading the database for long; the next write takes them in";
        Check::new("database", Finding::Warn, found, remedy)
    })
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

/// The newest import that somebody has asked for, when nothing came of it: who has closed the page was told nothing.
async fn import(config: &Config, store: &SharedStore, now: Timestamp) -> Option<Check> {
    match store.newest_import().await {
        Ok(newest) => {
            let workers = config.data_dir.join(WORKERS);
            broken_off(&as_it_stands(newest?, store, now, |owner| is_alive(&workers, owner)), now)
        }
        Err(error) => Some(Check::new("import", Finding::Warn, error.to_string(), "try again")),
    }
}

fn broken_off(newest: &ImportJob, now: Timestamp) -> Option<Check> {
    let ended_at = newest.finished_at.unwrap_or(newest.created_at);
    let found = match newest.state {
        ImportState::Failed => {
            let what = newest.failure.as_ref().map_or("it failed", |failure| &failure.what);
            format!("the newest one ({}) failed at {}: {what}", newest.id, time(ended_at))
        }
        ImportState::Interrupted => format!("the newest one ({}) was broken off at {}", newest.id, time(ended_at)),
        ImportState::Running | ImportState::Done => return None,
    };
    let remedy = "nothing of it was kept, and nothing else is touched: import the archive again";
    (now.since_ms(ended_at) < IMPORT_TOLD_MS).then(|| Check::new("import", Finding::Warn, found, remedy))
}

#[cfg(test)]
mod tests {
    use crate::store::JobFailure;

    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn import(state: ImportState) -> ImportJob {
        ImportJob {
            id: 7,
            account: None,
            state,
            created_at: NOW.plus_ms(-60_000),
            finished_at: (state != ImportState::Running).then(|| NOW.plus_ms(-30_000)),
            lease_until: (state == ImportState::Running).then(|| NOW.plus_ms(30_000)),
            owner: None,
            asked_by: None,
            report: None,
            failure: (state == ImportState::Failed)
                .then(|| JobFailure { code: "bad_archive".into(), what: "it is no archive".into() }),
        }
    }

    #[test]
    fn an_import_of_which_nothing_came_is_told_for_a_week() {
        let told = |one: &ImportJob, now| broken_off(one, now).map(|check| (check.finding, check.found));
        assert_eq!(told(&import(ImportState::Done), NOW), None);
        assert_eq!(told(&import(ImportState::Running), NOW), None, "it goes on");
        let (finding, found) = told(&import(ImportState::Failed), NOW).unwrap();
        assert!(finding == Finding::Warn && found.contains("it is no archive"), "{found}");
        let gone = told(&import(ImportState::Interrupted), NOW).unwrap();
        assert!(gone.1.contains("broken off"), "{gone:?}");
        assert_eq!(told(&import(ImportState::Failed), NOW.plus_ms(IMPORT_TOLD_MS)), None);
    }

    #[test]
    fn each_finding_of_an_examination_has_its_own_remedy() {
        let words = [
            ("writing", "primary"),
            ("synchronous_commit", "ALTER DATABASE"),
            ("journal", "disk"),
            ("event numbers", "restore a backup"),
        ];
        for (subject, word) in words {
            let (finding, remedy) = remedy(subject);
            assert!(finding == Finding::Fail && remedy.contains(word), "{subject}: {remedy}");
        }
        assert!(remedy("server").0 == Finding::Warn && remedy("server").1.contains("up to date"));
    }

    #[test]
    fn a_log_that_cannot_be_taken_in_is_told() {
        assert!(log_length(LOG_BYTES_MAX).is_none());
        assert!(log_length(LOG_BYTES_MAX + 1).is_some_and(|check| check.finding == Finding::Warn));
    }
}
