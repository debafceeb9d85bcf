//! What the program remembers: the traits of the store, by topic, and the values that cross them.
//!
//! One method is one transaction, and no transaction crosses a trait. Only verbs and workers may hold a store; readers
//! are handed [`Reads`] alone, so that by type they cannot write. No SQL and no database type leaves this room.

use std::sync::Arc;

use async_trait::async_trait;
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::Ask;
use threadkeep_core::verify::compare::{Kept, Window};

/// What went wrong in the store, sorted by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer or is busy for too long: try again later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database answers, but takes no writes: make it writable; reads go on.
    #[error("the database takes no writes: {0}")]
    ReadOnly(String),
    /// No space is left: free some; nothing was written.
    #[error("the disk of the database is full: {0}")]
    Full(String),
    /// A stored value cannot be read back: stop and run `threadkeep doctor`.
    #[error("the database holds something unreadable in {table}.{column}: {what}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody else works on this job now: drop the work.
    #[error("the lease of this job was taken over")]
    LeaseLost,
    /// The database was written by a newer version of the program: upgrade the program.
    #[error("the database has schema {found}, this program knows up to {known}: install a newer threadkeep")]
    SchemaNewer {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration that this program has.
        known: i64,
    },
    /// The address of the database cannot be used.
    #[error("the database address cannot be used: {0}")]
    BadAddress(String),
}

/// A shorthand for results of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Accounts and their sessions.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds an account, or gives an existing one a new session: health becomes connected and a wait for a login ends;
    /// all that was mirrored stays.
    async fn log_in(&self, login: &Login, now: Timestamp) -> StoreResult<()>;
    /// One account.
    async fn account(&self, id: &AccountId) -> StoreResult<Option<Account>>;
    /// All accounts, by the time they were added.
    async fn accounts(&self) -> StoreResult<Vec<Account>>;
    /// Removes an account with everything that belongs to it; false when there is none.
    async fn remove_account(&self, id: &AccountId) -> StoreResult<bool>;
    /// The sealed session of an account.
    async fn sealed_session(&self, id: &AccountId) -> StoreResult<Option<Vec<u8>>>;
    /// Pauses an account, or makes a paused one connected again; false when there is none.
    async fn set_paused(&self, id: &AccountId, paused: bool) -> StoreResult<bool>;
    /// Ends a wait that a person may end (a 999).
    async fn clear_blocked(&self, id: &AccountId) -> StoreResult<()>;
}

/// The one write of a sync, and what it starts from.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// All that a worker needs for its next step.
    async fn work_state(&self, lease: &Lease) -> StoreResult<WorkState>;
    /// Writes a step's result: records, tracks, events, session, report and lease in one transaction.
    async fn commit(&self, commit: &Commit<'_>) -> StoreResult<Committed>;
}

/// What is due.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Asks for a sync of an account, or joins the one that is not over; true when it joined. Forcing gives set-aside
    /// conversations one more try.
    async fn enqueue_sync(&self, account: &AccountId, forced: bool, now: Timestamp) -> StoreResult<(Job, bool)>;
    /// Takes a due job for an owner: queued, or waiting past its time, or running with an expired lease.
    async fn claim(
        &self,
        only: Option<&AccountId>,
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> StoreResult<Option<Claimed>>;
    /// Ends the leases of an owner that is known to be gone, so that its work goes on at once.
    async fn release(&self, owner: &str, now: Timestamp) -> StoreResult<u64>;
    /// Puts a job back until a time.
    async fn put_back(&self, lease: &Lease, not_before: Timestamp, progress: &Progress) -> StoreResult<()>;
    /// Ends a job and notes the outcome at its account.
    async fn finish(&self, lease: &Lease, end: &JobEnd, progress: &Progress, now: Timestamp) -> StoreResult<()>;
    /// One job.
    async fn job(&self, id: i64) -> StoreResult<Option<Job>>;
    /// The newest jobs of an account, newest first.
    async fn jobs(&self, account: &AccountId, limit: u32) -> StoreResult<Vec<Job>>;
    /// Asks a job to stop at its next step; false when there is no such unfinished job.
    async fn request_cancel(&self, id: i64, now: Timestamp) -> StoreResult<bool>;
    /// Enqueues a sync for each connected account without an open job whose last run ended at or before `before`.
    async fn enqueue_idle(&self, before: Timestamp, now: Timestamp) -> StoreResult<u64>;
    /// When the earliest unfinished job may be worked on.
    async fn next_due(&self) -> StoreResult<Option<Timestamp>>;
}

/// Verifications: what they ask, and what they left.
#[async_trait]
pub trait Verifications: Send + Sync {
    /// Asks for a verification of an account: a sync that compares once it is done. Joins the job that is not over, which
    /// then does what serves all who asked; true when it joined one that is a sync. A repair gives set-aside
    /// conversations one more try.
    async fn enqueue_verify(&self, account: &AccountId, ask: Ask, now: Timestamp) -> StoreResult<(Job, bool)>;
    /// The newest verification of an account, going on or over.
    async fn verification(&self, account: &AccountId) -> StoreResult<Option<VerificationRow>>;
    /// What is kept of these ids, deleted records included.
    async fn kept(
        &self,
        account: &AccountId,
        conversations: &[ConversationId],
        messages: &[MessageId],
    ) -> StoreResult<Kept>;
    /// The messages of a stretch of a conversation, deleted ones included, oldest first; 5,000 at most.
    async fn stretch(
        &self,
        account: &AccountId,
        conversation: &ConversationId,
        window: Window,
    ) -> StoreResult<Vec<Message>>;
    /// The mirrored conversation after this one, by id.
    async fn next_to_read(
        &self,
        account: &AccountId,
        after: Option<&ConversationId>,
    ) -> StoreResult<Option<ConversationId>>;
    /// Mirrored conversations that this pass of the lists has not shown; 5,000 at most.
    async fn unlisted(&self, account: &AccountId, pass: i64) -> StoreResult<Vec<ConversationId>>;
    /// A page of verdicts that found something, by conversation id.
    async fn verdicts(
        &self,
        account: &AccountId,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> StoreResult<Vec<VerdictRow>>;
    /// A page of the records that could not be read, by digest.
    async fn oddities(&self, account: &AccountId, after: Option<&str>, limit: u32) -> StoreResult<Vec<OddityRow>>;
    /// Makes mirrored conversations due of which a list has shown more than was brought; tells how many, 100 at most.
    async fn rouse(&self, lease: &Lease) -> StoreResult<u64>;
}

/// Everything that readers may do.
#[async_trait]
pub trait Reads: Send + Sync {
    /// A page of conversations that are not deleted, newest activity first.
    async fn conversations(&self, filter: &ConversationFilter, limit: u32) -> StoreResult<Vec<ConversationRow>>;
    /// Shows the same page to whoever writes it, as it lies ready; false when some of it does not, and what was written
    /// is of no use.
    async fn show_list(&self, filter: &ConversationFilter, limit: u32, writer: SharedWriter) -> StoreResult<bool>;
    /// Shows a conversation and a page of its messages in the same way; nothing is shown of one that there is not.
    async fn show_thread(
        &self,
        thread: (&AccountId, &ConversationId),
        filter: &MessageFilter,
        limit: u32,
        writer: SharedWriter,
    ) -> StoreResult<bool>;
    /// One conversation in the first of these accounts that has it.
    async fn conversation(&self, accounts: &[AccountId], id: &ConversationId) -> StoreResult<Option<ConversationRow>>;
    /// A page of messages that are not deleted, newest first.
    async fn messages(
        &self,
        account: &AccountId,
        conversation: &ConversationId,
        filter: &MessageFilter,
        limit: u32,
    ) -> StoreResult<Vec<Message>>;
    /// People by id; unknown ones are left out.
    async fn people(&self, account: &AccountId, ids: &[PersonId]) -> StoreResult<Vec<Person>>;
    /// What the mirror of an account holds.
    async fn overview(&self, account: &AccountId) -> StoreResult<Overview>;
    /// A page of the completeness ledger, by conversation id.
    async fn ledgered(&self, account: &AccountId, filter: &LedgerFilter, limit: u32) -> StoreResult<Vec<Ledgered>>;
    /// A page of the export: conversations in these categories, by id (`docs/EXPORT.md`).
    async fn export_conversations(
        &self,
        scope: &ExportScope<'_>,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> StoreResult<Vec<Conversation>>;
    /// A page of the export: messages of conversations in these categories, by (conversation, delivery, id).
    async fn export_messages(
        &self,
        scope: &ExportScope<'_>,
        after: Option<(&ConversationId, Timestamp, &MessageId)>,
        limit: u32,
    ) -> StoreResult<Vec<Message>>;
    /// A page of the export: participants and senders of what is in scope, by id.
    async fn export_people(
        &self,
        scope: &ExportScope<'_>,
        after: Option<&PersonId>,
        limit: u32,
    ) -> StoreResult<Vec<Person>>;
}

/// Single records for readers.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// Somebody by profile id or by the vanity name in the link to the profile.
    async fn person_by_profile(&self, account: &AccountId, profile: &str) -> StoreResult<Option<Person>>;
    /// The conversation with somebody alone that was active last and is not deleted.
    async fn conversation_with(&self, account: &AccountId, person: &PersonId) -> StoreResult<Option<ConversationId>>;
    /// A message that is not deleted, in the first of these accounts that has it.
    async fn message(&self, accounts: &[AccountId], id: &MessageId) -> StoreResult<Option<(AccountId, Message)>>;
    /// Messages that are not deleted and were delivered after a time, oldest first; with an id also those of that time
    /// that come after it.
    async fn messages_after(
        &self,
        account: &AccountId,
        conversation: &ConversationId,
        after: (Timestamp, Option<&MessageId>),
        limit: u32,
    ) -> StoreResult<Vec<Message>>;
}

/// API keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Adds a key.
    async fn add_key(&self, key: &KeyRow) -> StoreResult<()>;
    /// The key with this public part.
    async fn key(&self, id: &str) -> StoreResult<Option<KeyRow>>;
    /// All keys, by the time they were made.
    async fn keys(&self) -> StoreResult<Vec<KeyRow>>;
    /// Revokes a key; false when there is none that is not revoked.
    async fn revoke_key(&self, id: &str, now: Timestamp) -> StoreResult<bool>;
    /// Notes that a key was used.
    async fn touch_key(&self, id: &str, now: Timestamp) -> StoreResult<()>;
}

/// Who is signed in to the viewer.
#[async_trait]
pub trait SignIns: Send + Sync {
    /// Adds a session; those that began or were last seen before these times are removed, and so is the oldest of a key
    /// that has too many.
    async fn add_sign_in(&self, row: &SignInRow, created_before: Timestamp, seen_before: Timestamp) -> StoreResult<()>;
    /// The session with this hash of its token.
    async fn sign_in(&self, token_hash: &[u8]) -> StoreResult<Option<SignInRow>>;
    /// Notes that a session was used.
    async fn touch_sign_in(&self, token_hash: &[u8], now: Timestamp) -> StoreResult<()>;
    /// Ends a session; false when there is none.
    async fn end_sign_in(&self, token_hash: &[u8]) -> StoreResult<bool>;
}

/// Data keys, the secrets that they seal, and the change of the master key that wraps them.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// A data key of an account: of this version, or the newest.
    async fn data_key(&self, account: &AccountId, version: Option<u32>) -> StoreResult<Option<DataKeyRow>>;
    /// Adds a data key unless its account has one of that version; gives the newest afterwards. `None`, and nothing
    /// added, when it was wrapped by a master key that is not in use any more.
    async fn data_key_or_insert(&self, key: &DataKeyRow) -> StoreResult<Option<DataKeyRow>>;
    /// A page of data keys that another master key than this one has wrapped, by account and version.
    async fn data_keys_of_others(
        &self,
        master_key: &str,
        after: Option<(&AccountId, u32)>,
        limit: u32,
    ) -> StoreResult<Vec<DataKeyRow>>;
    /// Replaces the wrapping of data keys, each (as it was, as it is to be), unless it has changed meanwhile; gives how
    /// many were replaced.
    async fn rewrap(&self, pairs: &[(DataKeyRow, DataKeyRow)]) -> StoreResult<u64>;
    /// A page of sealed sessions, by account.
    async fn sealed_sessions(&self, after: Option<&AccountId>, limit: u32) -> StoreResult<Vec<(AccountId, Vec<u8>)>>;
    /// Replaces a sealed session unless it has changed meanwhile, and adds the data key that sealed it, if it is new;
    /// data keys two versions older are forgotten. False when nothing was replaced.
    async fn reseal(&self, change: &Resealed<'_>, now: Timestamp) -> StoreResult<bool>;
    /// From now on this master key is in use, and the one before is kept in mind; false when another one than `from` is
    /// in use or a change is going on.
    async fn begin_rotation(&self, from: &str, to: &str, line: &AuditLine) -> StoreResult<bool>;
    /// Ends the change of the master key, when at most this many data keys are left that another one has wrapped.
    async fn end_rotation(&self, to: &str, left_max: u64, line: &AuditLine) -> StoreResult<bool>;
    /// How many data keys each master key has wrapped, by its fingerprint.
    async fn data_key_counts(&self) -> StoreResult<Vec<(String, u64)>>;
}

/// The log of administrative acts. Whatever a person asks for goes through [`Audit::carry_out`], so that it leaves a line;
/// the same acts without one are there for what nobody asked for.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Carries out an act and writes its line in one transaction; false, and no line, when there was nothing to act on.
    async fn carry_out(&self, deed: &Deed<'_>, line: &AuditLine) -> StoreResult<bool>;
    /// Writes a line alone.
    async fn note(&self, line: &AuditLine) -> StoreResult<()>;
    /// A page of lines, newest first.
    async fn audit_lines(&self, filter: &AuditFilter, limit: u32) -> StoreResult<Vec<(i64, AuditLine)>>;
}

/// Media: which attachments there are, which are to be fetched, and what their bytes are kept as.
#[async_trait]
pub trait Media: Send + Sync {
    /// Decides when an account's media are fetched; false when there is no such account.
    async fn set_media_policy(&self, account: &AccountId, policy: MediaPolicy) -> StoreResult<bool>;
    /// The attachments of these messages, by message and place.
    async fn attachments(&self, account: &AccountId, messages: &[MessageId]) -> StoreResult<Vec<AttachmentRow>>;
    /// One attachment; by its link, one that is here goes first.
    async fn attachment(&self, account: &AccountId, name: AttachmentName<'_>) -> StoreResult<Option<AttachmentRow>>;
    /// A page of an account's attachments in one state or any, in the order in which they were found.
    async fn attachments_page(
        &self,
        account: &AccountId,
        state: Option<AttachmentState>,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<AttachmentRow>>;
    /// Asks for an attachment, which gets a row when it has none, and sees to it that there is a job to fetch it. One
    /// that is here, refused or gone stays as it is, unless it is asked for `anew`.
    async fn want(
        &self,
        account: &AccountId,
        wanted: &NewAttachment,
        is_anew: bool,
        now: Timestamp,
    ) -> StoreResult<AttachmentRow>;
    /// Asks for all attachments of an account in these states; tells how many.
    async fn want_all(&self, account: &AccountId, states: &[AttachmentState], now: Timestamp) -> StoreResult<u64>;
    /// Makes a stored attachment whose bytes are lost one to be fetched again.
    async fn lose_object(&self, hash: &str) -> StoreResult<()>;
    /// What to fetch next: what somebody asked for, and with `is_eager` also everything else that is not here.
    async fn next_media(&self, lease: &Lease, is_eager: bool, now: Timestamp) -> StoreResult<Option<MediaTask>>;
    /// Prolongs a lease, because a file may take long.
    async fn prolong(&self, lease: &Lease, until: Timestamp) -> StoreResult<()>;
    /// When the earliest of those that somebody asked for may be fetched.
    async fn media_due_at(&self, account: &AccountId) -> StoreResult<Option<Timestamp>>;
    /// Sees to it that there is a job for what somebody asked for.
    async fn enqueue_media(&self, account: &AccountId, now: Timestamp) -> StoreResult<()>;
    /// Announces bytes that are about to be put into the object store, so that nobody removes them; false while older
    /// ones of the same hash are being removed.
    async fn expect_object(&self, object: &StoredObject, until: Timestamp) -> StoreResult<bool>;
    /// Writes what came of fetching an attachment: its row, the pace, report and lease in one transaction.
    async fn commit_media(&self, commit: &MediaCommit<'_>) -> StoreResult<MediaCommitted>;
    /// How many attachments are in which state.
    async fn media_counts(&self, account: &AccountId) -> StoreResult<MediaCounts>;
    /// The newest jobs of an account that only fetched media, newest first.
    async fn media_jobs(&self, account: &AccountId, limit: u32) -> StoreResult<Vec<Job>>;
    /// Objects that nothing refers to any more, marked as leaving: to be removed and then forgotten.
    async fn leaving_objects(&self, limit: u32, now: Timestamp) -> StoreResult<Vec<String>>;
    /// Marks an object as leaving that lies in the object store and is unknown here; false when it is known.
    async fn disown_object(&self, object: &StoredObject) -> StoreResult<bool>;
    /// Forgets an object that was removed.
    async fn forget_object(&self, hash: &str) -> StoreResult<()>;
}

/// Search, and the index that it looks into.
#[async_trait]
pub trait Search: Send + Sync {
    /// A page of messages that are what is wanted, newest first.
    async fn search(&self, wanted: &Wanted<'_>) -> StoreResult<Searched>;
    /// One step of the indexer: takes what was committed into the index, a bounded part of it.
    async fn index_some(&self) -> StoreResult<IndexStep>;
    /// How far the index is behind, of these accounts or of all.
    async fn index_lag(&self, accounts: Option<&[AccountId]>) -> StoreResult<IndexLag>;
    /// Makes one part of those that the index lies in, a bounded piece of it; false when nothing was left to do.
    async fn merge_index(&self, merge: Merge) -> StoreResult<bool>;
    /// Empties the index; the steps that follow make it anew.
    async fn forget_index(&self) -> StoreResult<()>;
}

/// The database itself.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// A stored setting.
    async fn setting(&self, name: &str) -> StoreResult<Option<String>>;
    /// Stores a setting unless it exists; gives the one that is stored afterwards.
    async fn setting_or_insert(&self, name: &str, value: &str) -> StoreResult<String>;
    /// What `doctor` tells: (what was looked at, what was found, whether it is fine).
    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>>;
    /// The time of the database's server, by which all nodes go; `None` where there is only this machine's.
    async fn time(&self) -> StoreResult<Option<Timestamp>>;
    /// Closes all connections after pending work.
    async fn close(&self);
}

/// The whole store.
pub trait Store:
    Accounts
    + Ledger
    + Jobs
    + Reads
    + Lookups
    + Keys
    + SignIns
    + Secrets
    + Audit
    + Media
    + Imports
    + Verifications
    + Copies
    + Search
    + Upkeep
{
}

impl<
    T: Accounts
        + Ledger
        + Jobs
        + Reads
        + Lookups
        + Keys
        + SignIns
        + Secrets
        + Audit
        + Media
        + Imports
        + Verifications
        + Copies
        + Search
        + Upkeep,
> Store for T
{
}

/// A store that is shared by verbs and workers.
pub type SharedStore = Arc<dyn Store>;

mod accounts;
mod audit;
mod audit_values;
mod commit;
mod copies;
mod copies_archive;
mod copy_values;
mod dialect;
mod export;
mod failure;
mod import;
mod import_values;
mod jobs;
mod keys;
mod known;
mod lay;
mod ledger;
mod look;
mod lookups;
mod media;
mod media_fill;
mod media_objects;
mod media_values;
mod media_work;
mod migrate;
mod open;
mod pages;
mod portable;
mod postgres;
mod reads;
mod rows;
mod search;
mod search_values;
mod secrets;
mod shown;
mod sign_ins;
#[cfg(feature = "simulation")]
pub mod simulated;
mod sql;
mod sqlite;
mod statement;
mod upkeep;
mod values;
mod verify;
mod verify_values;

pub use audit_values::*;
pub use copies::{Copies, CopyReads};
pub use copy_values::*;
pub use import::ARCHIVE_ONLY;
pub use import_values::*;
pub use media_values::*;
pub use migrate::MigrationStatus;
pub use open::{OpenOptions, database_file, migration_status, open};
pub use pages::{GuestLook, ListedLook, NewestLook, PageWriter, SharedWriter, SpokenLook, ThreadLook};
pub use portable::portable_file;
pub use search_values::*;
pub use shown::{Participant, participant, shown_name};
use sql::SqlStore;
pub use sqlite::{BackupFault, Taken, copy_database, examine_backup, take_database};
pub use values::*;
pub use verify_values::*;
