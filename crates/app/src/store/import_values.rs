//! The values of imports, and the trait by which they are asked for.
//!
//! A report names lines and never a text, so it may be stored and shown as it is.

use async_trait::async_trait;
use threadkeep_core::archived::ArchivedMessage;
use threadkeep_core::id::{AccountId, PersonId};
use threadkeep_core::time::Timestamp;

use super::{AuditLine, JobFailure, StoreResult};
use crate::archive::ImportReport;

/// The state, and the code, of an import whose process is gone.
pub(crate) const INTERRUPTED: &str = "interrupted";

/// What is to be imported, and into what.
#[derive(Debug, Clone, Copy)]
pub struct ImportWish<'a> {
    /// The account; it is made when there is none.
    pub account: &'a AccountId,
    /// The id that the archive's owner has by its link or name; the member of a new account.
    pub owner: &'a PersonId,
    /// First name of a new account's member.
    pub first_name: &'a str,
    /// Last name of a new account's member.
    pub last_name: &'a str,
    /// Public slug of a new account's member.
    pub public_id: &'a str,
    /// Categories that a new account mirrors once it has a login.
    pub scope: &'a [String],
    /// The hash of the archive.
    pub digest: &'a str,
    /// How new the archive is.
    pub newest_second: Option<i64>,
    /// Whether some rows have no id of a conversation.
    pub lacks_threads: bool,
    /// The row that tells how it goes, when there is one.
    pub job: Option<i64>,
    /// Nothing is kept; the report tells what would be.
    pub is_dry_run: bool,
    /// The line of the log of administrative acts.
    pub line: &'a AuditLine,
    /// Now.
    pub now: Timestamp,
}

/// Where the rows come from.
#[async_trait]
pub trait ImportRows: Send {
    /// The next rows, none at the end; nothing at all when reading has failed and nothing is to be kept.
    async fn next(&mut self) -> Option<Vec<ArchivedMessage>>;
    /// The present; asked for at the end.
    fn now(&self) -> Timestamp;
    /// What the reader has counted; asked for at the end.
    fn report(&self) -> ImportReport;
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is done; nothing is kept of a dry run.
    Done(Box<ImportReport>),
    /// Reading failed, and nothing was kept.
    Stopped,
}

/// Where an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportState {
    /// It is going on.
    Running,
    /// Everything was taken in.
    Done,
    /// Nothing was.
    Failed,
    /// Nothing was, because whoever did it is gone or was taken for gone.
    Interrupted,
}

impl ImportJob {
    /// Whether it does not go on any more.
    pub fn is_over(&self) -> bool {
        self.state != ImportState::Running
    }
}

impl ImportState {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => INTERRUPTED,
        }
    }

    /// The state with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Done, Self::Failed, Self::Interrupted].into_iter().find(|one| one.as_str() == name)
    }
}

/// The lease of an import: the number of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLease(pub i64);

/// An import that begins.
#[derive(Debug, Clone, Copy)]
pub struct BegunImport<'a> {
    /// The public part of the key that has asked for it.
    pub asked_by: &'a str,
    /// The process that does it.
    pub owner: &'a str,
    /// Now.
    pub now: Timestamp,
    /// Until when the process is believed to be there.
    pub lease_until: Timestamp,
}

/// An import as its row tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportJob {
    /// Its number.
    pub id: i64,
    /// The account, once it is known.
    pub account: Option<AccountId>,
    /// Where it is.
    pub state: ImportState,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Until when its process is believed to be there.
    pub lease_until: Option<Timestamp>,
    /// The process.
    pub owner: Option<String>,
    /// The public part of the key that has asked for it.
    pub asked_by: Option<String>,
    /// What became of it.
    pub report: Option<ImportReport>,
    /// Why it failed.
    pub failure: Option<JobFailure>,
}

/// Imports of LinkedIn's data export.
#[async_trait]
pub trait Imports: Send + Sync {
    /// Takes in an archive, whole or not at all.
    async fn import(&self, wish: &ImportWish<'_>, rows: &mut dyn ImportRows) -> StoreResult<Imported>;
    /// Whether exactly this archive was taken into an account.
    async fn has_imported(&self, account: &AccountId, digest: &str) -> StoreResult<bool>;
    /// Writes the row of an import that begins; gives its number.
    async fn begin_import(&self, begun: &BegunImport<'_>) -> StoreResult<i64>;
    /// Prolongs the lease of an import, from now on; one that is over is lost. Where there is one writer, nothing is
    /// written, because that is the import itself.
    async fn prolong_import(&self, lease: ImportLease, now: Timestamp, until: Timestamp) -> StoreResult<()>;
    /// Whether nobody else can write as long as an archive is taken in, so that its lease cannot be prolonged meanwhile.
    fn has_one_writer(&self) -> bool;
    /// Writes how an import has ended: its state, account, report and failure.
    async fn end_import(&self, job: &ImportJob) -> StoreResult<()>;
    /// One import.
    async fn import_job(&self, id: i64) -> StoreResult<Option<ImportJob>>;
    /// The newest import, however it stands.
    async fn newest_import(&self) -> StoreResult<Option<ImportJob>>;
    /// Gives somebody another id, wherever they are: the member of an archive has logged in.
    async fn take_over(&self, account: &AccountId, old: &PersonId, new: &PersonId) -> StoreResult<()>;
}
