//! The values that cross the traits of the store: accounts, jobs, what a worker commits, what readers ask and get.
//!
//! Plain data: nothing here knows of a database, and nothing of it holds a secret that is not sealed.

use serde::{Deserialize, Serialize};
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::{Completeness, ConversationTrack, InboxTrack};
use threadkeep_core::sync::{Batch, Health, Hold};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::Ask;

use super::MediaPolicy;

/// No wait is longer than a day. What is put off longer than this was put off by a clock that was wrong, and is due now.
pub const DUE_WITHIN_MS: i64 = 25 * 3_600_000;

/// A member's account as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id in this program.
    pub id: AccountId,
    /// The member's profile id.
    pub member: PersonId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Public slug.
    pub public_id: String,
    /// Link to the picture.
    pub picture_url: Option<String>,
    /// Whether the member has a paid plan, where told.
    pub premium: Option<bool>,
    /// Whether it can be synced.
    pub health: Health,
    /// What is wrong, in words, when it cannot.
    pub health_detail: Option<String>,
    /// A wait that is going on.
    pub hold: Option<Hold>,
    /// Nothing may be asked before this, by the pace.
    pub next_request_at: Timestamp,
    /// Categories that are mirrored, in the order of their walks.
    pub scope: Vec<String>,
    /// How far we are sure of the inbox.
    pub inbox: InboxTrack,
    /// When it was added.
    pub created_at: Timestamp,
    /// When a run last ended having done its work.
    pub last_sync_at: Option<Timestamp>,
    /// Runs in a row that failed.
    pub consecutive_failures: u32,
    /// Code and text of the last failure, until a run succeeds.
    pub last_error: Option<JobFailure>,
    /// When its media are fetched.
    pub media_policy: MediaPolicy,
    /// When its login ends, by the date of its cookie; `None` is not known.
    pub login_expires_at: Option<Timestamp>,
}

/// A session as it is stored: sealed, and beside it what may be known without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSession {
    /// The session, sealed.
    pub sealed: Vec<u8>,
    /// When its login ends, where that was told.
    pub login_expires_at: Option<Timestamp>,
}

/// What is needed to add an account or to give it a new login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its id in this program.
    pub id: AccountId,
    /// The member's profile id.
    pub member: PersonId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Public slug.
    pub public_id: String,
    /// Link to the picture.
    pub picture_url: Option<String>,
    /// Whether the member has a paid plan, where told.
    pub premium: Option<bool>,
    /// Categories to mirror; used only when the account is new.
    pub scope: Vec<String>,
    /// When its media are fetched; used only when the account is new.
    pub new_media_policy: MediaPolicy,
    /// The same, decided by whoever logs in.
    pub media_policy: Option<MediaPolicy>,
    /// The session, sealed.
    pub sealed_session: SealedSession,
}

/// The right to work on a job until a time; every write of the work proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: i64,
    /// The account that the job is about.
    pub account: AccountId,
    /// Grows with each claim; a write with an older one is refused.
    pub epoch: i64,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Due, nobody works on it.
    Queued,
    /// Somebody works on it.
    Running,
    /// Waits for its not-before time.
    Waiting,
    /// Ended with its work done.
    Done,
    /// Ended without.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
}

impl JobState {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Waiting, Self::Done, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|one| one.as_str() == name)
    }

    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// Stable code.
    pub code: String,
    /// What happened and what to do, in words that name no content.
    pub what: String,
}

/// What a run has done so far; the report of the job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Requests that were sent.
    pub requests: u64,
    /// Requests of them that only repeated one that had failed.
    pub troubles: u64,
    /// Pages of lists that were read.
    pub list_pages: u64,
    /// Pages of messages that were read.
    pub message_pages: u64,
    /// Conversations that were new or changed.
    pub conversations_changed: u64,
    /// Conversations whose messages were brought up to date.
    pub conversations_finished: u64,
    /// Messages that were new.
    pub messages_new: u64,
    /// Messages that were known and changed.
    pub messages_changed: u64,
    /// Records that could not be read.
    pub oddities: u64,
    /// Attachments that were fetched.
    pub media_fetched: u64,
    /// Attachments that were not to be had: refused, gone, or failed.
    pub media_failed: u64,
    /// Attachments that are still to be fetched by this run; 0 until its messages are done.
    pub media_remaining: u64,
    /// Conversations that were compared by a verification.
    pub verified: u64,
    /// Differences that it found which a repair brings.
    pub drift: u64,
    /// What it does now: `start`, `changes`, `list`, `messages`, `media`, `verify`, `wait`.
    pub phase: String,
    /// The conversation that it does it with.
    pub current: Option<ConversationId>,
}

/// A piece of work on an account; its row is also the report of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// The account.
    pub account: AccountId,
    /// Where it is.
    pub state: JobState,
    /// Whether it was asked for although the last run is recent.
    pub forced: bool,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// Whether it only fetches media that somebody asked for, and is no sync.
    pub media_only: bool,
    /// What it is to verify, once everything that is due was brought.
    pub verify: Option<Ask>,
    /// Nothing is done before this.
    pub not_before: Timestamp,
    /// Until when somebody holds the lease; running and in the past means interrupted.
    pub lease_until: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<JobFailure>,
    /// What it has done.
    pub progress: Progress,
}

impl Job {
    /// Whether its worker is gone and nobody has gone on with it yet; then it is not in progress.
    pub fn is_interrupted(&self, now: Timestamp) -> bool {
        self.state == JobState::Running && self.lease_until.is_none_or(|until| until <= now)
    }

    /// Whether it is due, waits, or is worked on.
    pub fn is_in_progress(&self, now: Timestamp) -> bool {
        !self.state.is_over() && !self.is_interrupted(now)
    }
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// Its work is done.
    Done,
    /// All media that it was for are settled. When it has become a sync meanwhile, it goes on instead.
    MediaDone,
    /// It is not.
    Failed(JobFailure),
    /// Somebody asked for it.
    Cancelled,
}

/// A job that somebody now works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The job.
    pub job: Job,
    /// The right to work on it.
    pub lease: Lease,
}

/// All that a worker needs for its next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkState {
    /// The account.
    pub account: Account,
    /// The conversation that is due first: lowest [`ConversationTrack::due_rank`], then newest activity.
    pub due: Option<ConversationTrack>,
}

/// One step's result, to be written in one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// The right to write it.
    pub lease: &'a Lease,
    /// What the step taught.
    pub batch: &'a Batch,
    /// The sealed session, when upstream renewed it.
    pub sealed_session: Option<&'a SealedSession>,
    /// Nothing may be asked before this, by the pace.
    pub next_request_at: Timestamp,
    /// How long the lease goes on from now.
    pub lease_until: Timestamp,
    /// The run's report before this step; the counts of this commit are added to it.
    pub progress: &'a Progress,
    /// Now.
    pub now: Timestamp,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The run's report with this commit's counts.
    pub progress: Progress,
    /// Events that were written.
    pub events: u64,
    /// The conversation that is due now.
    pub due: Option<ConversationTrack>,
    /// Whether somebody asked to cancel the job.
    pub cancel_requested: bool,
    /// How often somebody has asked for media of the account.
    pub media_asks: i64,
}

/// Which conversations to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConversationFilter {
    /// Only those of these accounts.
    pub accounts: Vec<AccountId>,
    /// Only unread ones.
    pub unread_only: bool,
    /// Only those that come after this position (activity, conversation, account), newest first.
    pub after: Option<(Timestamp, ConversationId, AccountId)>,
}

/// A conversation with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    /// Whose mailbox it is in.
    pub account: AccountId,
    /// The conversation.
    pub conversation: Conversation,
    /// Its participants.
    pub participants: Vec<Person>,
    /// Its newest message that is not deleted, with the sender's name.
    pub newest: Option<(Message, String)>,
    /// How much of it we have.
    pub completeness: Completeness,
}

/// Which messages of a conversation to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// Only older ones than this position (delivery, message).
    pub before: Option<(Timestamp, MessageId)>,
    /// Only ones delivered after this.
    pub since: Option<Timestamp>,
}

/// What an account's mirror holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overview {
    /// Conversations that are not deleted.
    pub conversations: u64,
    /// Messages that are not deleted.
    pub messages: u64,
    /// Conversations whose messages are all here.
    pub complete: u64,
    /// Conversations that are listed or partly filled, those whose end is not proved among them.
    pub partial: u64,
    /// Conversations of these of which no message was asked for yet.
    pub listed: u64,
    /// Conversations of these whose end is not proved.
    pub end_unproven: u64,
    /// Known conversations that are in no mirrored category or gone.
    pub out_of_scope: u64,
    /// Conversations in which a verification found drift that was not repaired.
    pub drifted: u64,
    /// Conversations that were set aside.
    pub set_aside: u64,
    /// Conversations that are due.
    pub due: u64,
    /// Mirrored conversations of which a list has shown more than was brought, without those that were set aside.
    pub lagging: u64,
    /// The oldest activity of these.
    pub lagging_since: Option<Timestamp>,
    /// Records that could not be read and are kept in their raw form.
    pub oddities: u64,
    /// The oldest message.
    pub oldest_message_at: Option<Timestamp>,
}

/// An API key as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Public part.
    pub id: String,
    /// Hash of the secret part.
    pub hash: Vec<u8>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The accounts it reaches; `None` is all.
    pub accounts: Option<Vec<AccountId>>,
    /// A name for people.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Somebody who is signed in to the viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInRow {
    /// Hash of the session's token.
    pub token_hash: Vec<u8>,
    /// Public part of the key that it was opened with.
    pub key_id: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
}

/// What an export covers.
#[derive(Debug, Clone, Copy)]
pub struct ExportScope<'a> {
    /// Whose mailbox.
    pub account: &'a AccountId,
    /// Conversations in any of these categories; `None` is all.
    pub categories: Option<&'a [String]>,
    /// Whether deleted conversations and messages are in it too.
    pub with_deleted: bool,
    /// These conversations alone; none named is all.
    pub only: &'a [ConversationId],
    /// Messages that were delivered from then on, and conversations that were active since.
    pub since: Option<Timestamp>,
}

impl<'a> ExportScope<'a> {
    /// Everything of an account, whatever became of it.
    pub fn everything(account: &'a AccountId) -> Self {
        Self { account, categories: None, with_deleted: true, only: &[], since: None }
    }
}
