//! Importing LinkedIn's own data export: whose it is, into which account, and the way of its rows into the store.
//!
//! An archive is read on a thread of its own, twice: once before anything is written, so that a damaged or hostile one
//! is refused while nothing is open, and once while its rows are taken in. It is taken in whole or not at all, and never
//! needs a session or the network.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use threadkeep_core::archived::ArchivedMessage;
use threadkeep_core::id::{ACCOUNT_ID_LENGTH, AccountId, PersonId};
use threadkeep_core::identity::{ProfileSlug, UNKNOWN_OWNER, comparable_name};
use threadkeep_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::app::App;
use crate::archive::{ArchiveError, Bundle, ImportReport, Owner, Rows, Scratch, Survey, survey};
use crate::clock::SharedClock;
use crate::lifecycle::{Stop, spawn_thread};
use crate::refusal::Refusal;
use crate::store::{Account, Act, Actor, ImportJob, ImportRows, ImportState, ImportWish, Imported, JobFailure, Object};
use crate::verbs::{accounts, audit, import_lease};

pub use import_lease::{as_it_stands, begin, find, take_rows};

/// Batches that wait between the reader and the database.
const BATCHES_AHEAD: usize = 2;

/// Where an archive is.
#[derive(Debug)]
pub enum ArchiveAt {
    /// A file or a folder.
    Path(PathBuf),
    /// An open file without a name.
    File(File),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct ImportAsk {
    /// Whose archive it is: a link to a profile, or a name.
    pub me: Option<String>,
    /// The account to import into; otherwise that of the owner.
    pub account: Option<AccountId>,
    /// Nothing is kept.
    pub is_dry_run: bool,
    /// Where a file can lie that nobody sees.
    pub scratch: Scratch,
    /// The row that tells how it goes, when there is one.
    pub job: Option<i64>,
}

/// What came of an import.
#[derive(Debug, Clone)]
pub struct ImportResult {
    /// The account.
    pub account: AccountId,
    /// Whether the account was made by it.
    pub is_new_account: bool,
    /// What became of the archive.
    pub report: ImportReport,
}

/// How far an import is.
#[derive(Debug, Default)]
pub struct Meter {
    phase: AtomicU8,
    done_bytes: AtomicU64,
    all_bytes: AtomicU64,
    rows: AtomicU64,
}

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportPhase {
    /// The archive is looked through.
    Reading,
    /// Its rows are taken in.
    Importing,
}

impl ImportPhase {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Importing => "importing",
        }
    }
}

impl Meter {
    /// What it is doing, how many bytes of how many are done, and how many rows were read.
    pub fn shown(&self) -> (ImportPhase, u64, u64, u64) {
        let phase = match self.phase.load(Ordering::Relaxed) {
            0 => ImportPhase::Reading,
            _ => ImportPhase::Importing,
        };
        let [done, all, rows] = [&self.done_bytes, &self.all_bytes, &self.rows].map(|one| one.load(Ordering::Relaxed));
        (phase, done, all, rows)
    }

    fn begin(&self, phase: ImportPhase, all_bytes: u64) {
        self.phase.store(u8::from(phase == ImportPhase::Importing), Ordering::Relaxed);
        self.done_bytes.store(0, Ordering::Relaxed);
        self.all_bytes.store(all_bytes, Ordering::Relaxed);
    }
}

/// An archive that was looked through and found sound, and where it goes.
pub struct Looked {
    read: (Bundle, Survey),
    account: Option<Account>,
}

/// Imports an archive.
pub async fn import(
    app: &App,
    who: &Actor,
    (at, ask): (ArchiveAt, &ImportAsk),
    meter: &Arc<Meter>,
    stop: &Stop,
) -> Result<ImportResult, Refusal> {
    let looked = look(app, (at, ask), meter, stop).await?;
    take_in(app, who, (looked, ask), (meter, stop)).await
}

/// Looks an archive through; nothing is written.
pub async fn look(
    app: &App,
    (at, ask): (ArchiveAt, &ImportAsk),
    meter: &Arc<Meter>,
    stop: &Stop,
) -> Result<Looked, Refusal> {
    let named = match &ask.me {
        Some(me) => Some(Owner::given(me).ok_or_else(|| {
            Refusal::Invalid(
                "--me is the link to your profile, as https://www.linkedin.com/in/YOU, or your name".into(),
            )
        })?),
        None => None,
    };
    let chosen = match &ask.account {
        Some(id) => Some(accounts::find(app, id).await?),
        None => None,
    };
    let given = named.clone().or_else(|| chosen.as_ref().and_then(owner_of));
    let surveyed = read(at, ask.scratch.clone(), given, meter.clone(), stop.clone()).await?;
    if named.is_some() && !surveyed.1.is_owner_told {
        return Err(Refusal::Invalid(
            "the name that --me says is nobody's in this archive, or that of several: give the link to your profile, as \
             https://www.linkedin.com/in/YOU"
                .into(),
        ));
    }
    if let (Some(account), None, Some(found)) = (&chosen, &named, &surveyed.1.detected) {
        refuse_foreign(account, found)?;
    }
    let all = accounts::list(app).await?;
    if surveyed.1.owner.is_some() {
        refuse_ownerless(app, &all, &surveyed.1.digest).await?;
    }
    let account = chosen.or_else(|| account_of(&all, surveyed.1.owner.as_ref()));
    Ok(Looked { read: surveyed, account })
}

/// Takes in an archive that was looked through, and notes how it ended in its row.
pub async fn carry_on(app: &App, who: &Actor, (looked, ask): (Looked, &ImportAsk), meter: &Arc<Meter>, stop: &Stop) {
    let Some(id) = ask.job else { return };
    let ended = take_in(app, who, (looked, ask), (meter, stop)).await;
    let noted = match app.store.import_job(id).await {
        Ok(Some(job)) if job.state == ImportState::Running => app.store.end_import(&ended_job(app, job, ended)).await,
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        tracing::warn!(import = id, %error, "how an import has ended could not be noted");
    }
}

fn ended_job(app: &App, job: ImportJob, ended: Result<ImportResult, Refusal>) -> ImportJob {
    let finished_at = Some(app.clock.now());
    match ended {
        Ok(result) => ImportJob {
            state: ImportState::Done,
            account: (!result.report.is_dry_run).then_some(result.account),
            report: Some(result.report),
            finished_at,
            ..job
        },
        Err(refusal) if import_lease::is_lost(&refusal) => {
            tracing::warn!(import = job.id, "an import was interrupted: its lease was lost, and nothing was kept");
            ImportJob { finished_at, ..import_lease::interrupted(job) }
        }
        Err(refusal) => {
            tracing::warn!(import = job.id, code = refusal.code(), "an import has failed");
            let failure = Some(JobFailure { code: refusal.code().to_owned(), what: refusal.to_string() });
            ImportJob { state: ImportState::Failed, failure, finished_at, ..job }
        }
    }
}

/// The owner that an account's archive has.
fn owner_of(account: &Account) -> Option<Owner> {
    let name = format!("{} {}", account.first_name, account.last_name);
    match ProfileSlug::of_slug(&account.public_id) {
        Some(slug) => Owner::of(Some(slug), Some(&name)),
        None => Owner::of(None, Some(&name)),
    }
}

fn refuse_foreign(account: &Account, found: &Owner) -> Result<(), Refusal> {
    let own = ProfileSlug::of_slug(&account.public_id);
    match (own, &found.slug) {
        (Some(own), Some(other)) if own != *other => Err(Refusal::Conflict(
            "this archive seems to be of another member than this account: import it without --account, or say whose it \
             is with --me"
                .into(),
        )),
        _ => Ok(()),
    }
}

/// Refuses an archive that is here as that of somebody unknown: in the account of its owner everything would be twice.
async fn refuse_ownerless(app: &App, all: &[Account], digest: &str) -> Result<(), Refusal> {
    for account in all.iter().filter(|one| one.member.as_str() == UNKNOWN_OWNER) {
        if app.store.has_imported(&account.id, digest).await? {
            return Err(Refusal::Conflict(format!(
                "this archive was imported into account {} when it could not be told whose it is: remove that account \
                 first (threadkeep account remove {}), then import it again",
                account.id, account.id
            )));
        }
    }
    Ok(())
}

/// The account whose member is the owner of an archive.
fn account_of(all: &[Account], owner: Option<&Owner>) -> Option<Account> {
    let Some(owner) = owner else {
        return all.iter().find(|one| one.member.as_str() == UNKNOWN_OWNER).cloned();
    };
    let is_owner = |one: &&Account| {
        let slug = ProfileSlug::of_slug(&one.public_id);
        one.member == owner.person.id || (slug.is_some() && slug == owner.slug)
    };
    if let Some(account) = all.iter().find(is_owner) {
        return Some(account.clone());
    }
    // An export without links names its owner by the name alone.
    let name = comparable_name(&owner.person.name);
    let is_named = |one: &&Account| {
        let may_be = owner.slug.is_none() || one.member.as_str().starts_with("name:");
        may_be && comparable_name(&format!("{} {}", one.first_name, one.last_name)) == name
    };
    let mut named = all.iter().filter(is_named).filter(|_| !name.is_empty());
    match (named.next(), named.next()) {
        (Some(account), None) => Some(account.clone()),
        _ => None,
    }
}

/// The id of an account that is made of an archive: the same for every archive of one owner.
fn new_account_id(owner: &PersonId) -> Result<AccountId, Refusal> {
    let digest = Sha256::digest(format!("archive:{owner}"));
    let hex: String = digest.iter().take(ACCOUNT_ID_LENGTH / 2).map(|byte| format!("{byte:02x}")).collect();
    AccountId::new(&hex).map_err(|error| Refusal::Internal(error.to_string()))
}

async fn read(
    at: ArchiveAt,
    scratch: Scratch,
    given: Option<Owner>,
    meter: Arc<Meter>,
    stop: Stop,
) -> Result<(Bundle, Survey), Refusal> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        let opened = match at {
            ArchiveAt::Path(path) => Bundle::open(&path, &scratch),
            ArchiveAt::File(file) => Bundle::of_file(file, &scratch),
        };
        let read = opened.and_then(|bundle| {
            meter.begin(ImportPhase::Reading, bundle.bytes());
            let mut told = |bytes| {
                meter.done_bytes.store(bytes, Ordering::Relaxed);
                !stop.is_asked()
            };
            survey(&bundle, given, &mut told).map(|survey| (bundle, survey))
        });
        // Nobody waits any more when this fails.
        let _ = answer.send(read);
    };
    spawn_thread("archive-reader", work)
        .map_err(|error| Refusal::Internal(format!("no thread can be started ({})", error.kind())))?;
    let read = answered.await.map_err(|_| Refusal::Internal("the reader of the archive broke off".into()))?;
    Ok(read?)
}

/// Rows as they come from the thread that reads them.
struct Rowstream {
    clock: SharedClock,
    batches: mpsc::Receiver<Vec<ArchivedMessage>>,
    state: Arc<Mutex<Reading>>,
}

#[derive(Default)]
struct Reading {
    report: ImportReport,
    error: Option<ArchiveError>,
    is_whole: bool,
}

#[async_trait::async_trait]
impl ImportRows for Rowstream {
    async fn next(&mut self) -> Option<Vec<ArchivedMessage>> {
        match self.batches.recv().await {
            Some(batch) => Some(batch),
            None => self.state.lock().unwrap_or_else(PoisonError::into_inner).is_whole.then(Vec::new),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn report(&self) -> ImportReport {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).report.clone()
    }
}

/// Reads an archive on a thread of its own.
fn pour(
    (bundle, survey): (Bundle, &Survey),
    (sender, kept): (mpsc::Sender<Vec<ArchivedMessage>>, Arc<Mutex<Reading>>),
    meter: Arc<Meter>,
    stop: Stop,
) -> Result<(), Refusal> {
    let mut rows = Rows::open(&bundle, survey)?;
    meter.begin(ImportPhase::Importing, survey.bytes);
    let work = move || {
        let ended = pump(&mut rows, &sender, &meter, &stop);
        let mut reading = kept.lock().unwrap_or_else(PoisonError::into_inner);
        reading.report = rows.report().clone();
        reading.is_whole = ended.is_ok();
        reading.error = ended.err();
        drop(bundle);
        drop(sender);
    };
    spawn_thread("archive-reader", work)
        .map_err(|error| Refusal::Internal(format!("no thread can be started ({})", error.kind())))
}

fn pump(
    rows: &mut Rows,
    sender: &mpsc::Sender<Vec<ArchivedMessage>>,
    meter: &Meter,
    stop: &Stop,
) -> Result<(), ArchiveError> {
    loop {
        let batch = rows.next_batch()?;
        meter.done_bytes.store(rows.bytes_read(), Ordering::Relaxed);
        meter.rows.store(rows.report().rows, Ordering::Relaxed);
        if stop.is_asked() {
            return Err(ArchiveError::Stopped);
        }
        if batch.is_empty() {
            return Ok(());
        }
        if sender.blocking_send(batch).is_err() {
            return Err(ArchiveError::Stopped);
        }
    }
}

async fn take_in(
    app: &App,
    who: &Actor,
    (Looked { read: (bundle, survey), account }, ask): (Looked, &ImportAsk),
    (meter, stop): (&Arc<Meter>, &Stop),
) -> Result<ImportResult, Refusal> {
    let nobody = PersonId::new(UNKNOWN_OWNER).map_err(|error| Refusal::Internal(error.to_string()))?;
    let owner = survey.owner.as_ref().map(|owner| &owner.person);
    let owner_id = owner.map_or(&nobody, |owner| &owner.id);
    let id = match &account {
        Some(account) => account.id.clone(),
        None => new_account_id(owner_id)?,
    };
    let (first_name, last_name) =
        owner.map_or(("", ""), |owner| owner.name.split_once(' ').unwrap_or((&owner.name, "")));
    let line = audit::done(app, who, Act::ArchiveImported, Object::account(&id));
    let wish = ImportWish {
        account: &id,
        owner: owner_id,
        first_name,
        last_name,
        public_id: owner.and_then(|owner| owner.slug.as_deref()).unwrap_or_default(),
        scope: &app.sync.categories,
        digest: &survey.digest,
        newest_second: survey.newest_second,
        lacks_threads: survey.lacks_threads,
        job: ask.job,
        is_dry_run: ask.is_dry_run,
        line: &line,
        now: app.clock.now(),
    };
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let mut rows = Rowstream { clock: app.clock.clone(), batches, state: Arc::default() };
    pour((bundle, &survey), (sender, rows.state.clone()), meter.clone(), stop.clone())?;
    match take_rows(app, &wish, &mut rows).await? {
        Imported::Done(report) => {
            let report = ImportReport { is_dry_run: ask.is_dry_run, ..*report };
            Ok(ImportResult { account: id, is_new_account: account.is_none(), report })
        }
        Imported::Stopped => {
            let error = rows.state.lock().unwrap_or_else(PoisonError::into_inner).error.clone();
            Err(error.map_or_else(|| Refusal::Internal("the reader of the archive broke off".into()), Refusal::from))
        }
    }
}
