//! The values of verifications and of the completeness ledger.
//!
//! Plain data; no finding holds a text or a name.

use threadkeep_core::id::ConversationId;
use threadkeep_core::sync::track::ConversationTrack;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::{Ask, Finding, Verification};

/// A verification as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationRow {
    /// The run that carries it out.
    pub job: i64,
    /// What was asked for.
    pub asked: Ask,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended having compared everything.
    pub finished_at: Option<Timestamp>,
    /// Where it is, and what it found.
    pub state: Verification,
}

/// What verifications found out about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictRow {
    /// Which conversation; it may be missing here.
    pub conversation: ConversationId,
    /// When a list was last compared with it.
    pub listed_at: Option<Timestamp>,
    /// Drift that was found then and not repaired.
    pub listed_drift: u64,
    /// What was found then.
    pub listed_findings: Vec<Finding>,
    /// When its messages were last read to the end and compared.
    pub read_at: Option<Timestamp>,
    /// Drift that was found then and not repaired.
    pub read_drift: u64,
    /// What was found then.
    pub read_findings: Vec<Finding>,
    /// Messages that were shown then.
    pub upstream_messages: Option<u64>,
    /// When drift was last repaired.
    pub repaired_at: Option<Timestamp>,
}

impl VerdictRow {
    /// Drift that was found and not repaired.
    pub fn drift(&self) -> u64 {
        self.listed_drift.saturating_add(self.read_drift)
    }

    /// When it was last verified, however deeply.
    pub fn verified_at(&self) -> Option<Timestamp> {
        self.listed_at.max(self.read_at)
    }

    /// What was found, of both depths.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.listed_findings.iter().chain(&self.read_findings)
    }
}

/// Which conversations of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerFilter {
    /// Only those that are mirrored and not complete.
    pub incomplete: bool,
    /// Only those in which a verification found drift that was not repaired.
    pub with_drift: bool,
    /// Only those after this one.
    pub after: Option<ConversationId>,
}

/// What the ledger says of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledgered {
    /// Its track.
    pub track: ConversationTrack,
    /// Messages that are here.
    pub messages: u64,
    /// The newest of these.
    pub newest_at: Option<Timestamp>,
    /// The oldest of these.
    pub oldest_at: Option<Timestamp>,
    /// Whether a tombstone removed it.
    pub is_deleted: bool,
    /// Records of it that could not be read and are kept.
    pub oddities: u64,
    /// What verifications found out.
    pub verdict: VerdictRow,
}

/// A record that could not be read, as kept.
#[derive(Clone, PartialEq, Eq)]
pub struct OddityRow {
    /// Names it.
    pub digest: String,
    /// The conversation it belongs to, where known.
    pub conversation: Option<ConversationId>,
    /// What is odd about it.
    pub what: String,
    /// The record as it came, cut; it may hold texts and names.
    pub raw: String,
    /// How often it came.
    pub times: u64,
    /// When it came first.
    pub first_seen_at: Timestamp,
    /// When it came last.
    pub last_seen_at: Timestamp,
}
