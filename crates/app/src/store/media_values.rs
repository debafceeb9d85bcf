//! The values of media that cross the traits of the store: attachments, what is to be fetched, what came of it.
//!
//! Plain data. A link may carry a token, so no value here shows one in its `Debug` form.

use std::fmt;

use sha2::{Digest, Sha256};
use threadkeep_core::attachment::Attachment;
use threadkeep_core::id::{ConversationId, MessageId};
use threadkeep_core::time::Timestamp;

use super::{Lease, Progress, SealedSession};
pub use crate::vault::MediaPolicy;

/// Where an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachmentState {
    /// Known, and at LinkedIn alone.
    Remote,
    /// Somebody asked for it.
    Wanted,
    /// Here.
    Stored,
    /// It will never be fetched: a foreign host, too large, not what it says.
    Refused,
    /// Its link is dead, also after its message was asked again.
    Gone,
    /// It could not be fetched; perhaps later.
    Failed,
}

impl AttachmentState {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Remote, Self::Wanted, Self::Stored, Self::Refused, Self::Gone, Self::Failed];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Wanted => "wanted",
            Self::Stored => "stored",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Failed => "failed",
        }
    }

    /// The state with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// How far the renewal of a dead link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The link is as told.
    None,
    /// The link is dead: its message is to be asked again.
    Due,
    /// Its message was asked again: the link is tried once more.
    Done,
}

impl Renewal {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Due => "due",
            Self::Done => "done",
        }
    }

    /// The stage with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Due, Self::Done].into_iter().find(|one| one.as_str() == name)
    }
}

/// The bytes of an attachment as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Hash of the bytes, as hex digits.
    pub hash: String,
    /// Their number.
    pub size_bytes: u64,
    /// Their media type, as the bytes themselves tell it.
    pub media_type: String,
}

/// An attachment as kept, or a link that no message has.
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentRow {
    /// Its number.
    pub pk: i64,
    /// Its message; `None` for a link that somebody asked for by itself.
    pub message: Option<MessageId>,
    /// Its place among the attachments of the message.
    pub ordinal: u32,
    /// The link as last told.
    pub url: Option<String>,
    /// `image`, `file`, `video`, `audio`, `external`, or `link` without a message.
    pub kind: String,
    /// The name that the sender gave it; hostile.
    pub name: Option<String>,
    /// Where it is.
    pub state: AttachmentState,
    /// How far the renewal of its link is.
    pub renewal: Renewal,
    /// Whether somebody has asked for it.
    pub is_asked: bool,
    /// How often fetching it has failed.
    pub tries: u32,
    /// It is not tried again before this; `None` is never by itself.
    pub not_before: Option<Timestamp>,
    /// Why it is not here, as a stable code.
    pub failure_code: Option<String>,
    /// Its bytes, when they are here.
    pub object: Option<StoredObject>,
    /// When they came.
    pub fetched_at: Option<Timestamp>,
}

impl fmt::Debug for AttachmentRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentRow")
            .field("pk", &self.pk)
            .field("message", &self.message)
            .field("ordinal", &self.ordinal)
            .field("state", &self.state)
            .field("renewal", &self.renewal)
            .field("tries", &self.tries)
            .field("failure_code", &self.failure_code)
            .finish_non_exhaustive()
    }
}

/// Which attachment somebody means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AttachmentName<'a> {
    /// The one with this link.
    Url(&'a str),
    /// The one at this place of a message.
    Place {
        /// The message.
        message: &'a MessageId,
        /// The place.
        ordinal: u32,
    },
}

/// What a row of an attachment begins with.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// Its message; `None` for a link by itself.
    pub message: Option<MessageId>,
    /// Its place.
    pub ordinal: u32,
    /// The link.
    pub url: Option<String>,
    /// Its kind.
    pub kind: &'static str,
    /// The name that the sender gave it.
    pub name: Option<String>,
    /// The media type that it is said to have.
    pub declared_type: Option<String>,
    /// The size that it is said to have.
    pub declared_size_bytes: Option<i64>,
}

impl NewAttachment {
    /// An attachment of a message.
    pub fn of(message: &MessageId, one: &Attachment<'_>) -> Self {
        Self {
            message: Some(message.clone()),
            ordinal: one.ordinal,
            url: one.url().map(str::to_owned),
            kind: one.kind(),
            name: one.name().map(str::to_owned),
            declared_type: one.declared_type().map(str::to_owned),
            declared_size_bytes: one.declared_size_bytes(),
        }
    }

    /// A link that no message has.
    pub fn link(url: &str) -> Self {
        Self {
            message: None,
            ordinal: 0,
            url: Some(url.to_owned()),
            kind: "link",
            name: None,
            declared_type: None,
            declared_size_bytes: None,
        }
    }
}

/// By what a link is found: the hash of what stands before its parameters. These are signatures that change with each
/// renewal (upstream protocol 6.1); what names the media is the path.
pub fn url_digest(url: &str) -> String {
    let lasting = url.split(['?', '#']).next().unwrap_or_default();
    Sha256::digest(lasting.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An attachment to fetch now, and the message by which its link can be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaTask {
    /// The attachment.
    pub attachment: AttachmentRow,
    /// Its message: conversation and delivery, when that is still here.
    pub origin: Option<(ConversationId, Timestamp)>,
}

/// What came of fetching an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaOutcome {
    /// Its bytes are in the object store, and were announced there by [`super::Media::expect_object`].
    Stored {
        /// The bytes.
        object: StoredObject,
        /// The name that came with them, when the message told none.
        name: Option<String>,
    },
    /// It will never be fetched.
    Refused {
        /// Why.
        code: &'static str,
    },
    /// Its link is dead for good.
    Gone,
    /// It could not be fetched.
    Failed {
        /// Why.
        code: &'static str,
        /// When it may be tried again; `None` is never by itself.
        not_before: Option<Timestamp>,
    },
    /// Its link is dead: the message is to be asked again.
    LinkExpired,
    /// The message was asked again.
    LinkRenewed,
}

/// One step of fetching, to be written in one transaction.
#[derive(Debug, Clone, Copy)]
pub struct MediaCommit<'a> {
    /// The right to write it.
    pub lease: &'a Lease,
    /// What was fetched.
    pub task: &'a MediaTask,
    /// What came of it.
    pub outcome: &'a MediaOutcome,
    /// The sealed session, when upstream renewed it.
    pub sealed_session: Option<&'a SealedSession>,
    /// Nothing may be asked before this, by the pace.
    pub next_request_at: Timestamp,
    /// How long the lease goes on from now.
    pub lease_until: Timestamp,
    /// The run's report.
    pub progress: &'a Progress,
    /// Now.
    pub now: Timestamp,
}

/// What a commit of media did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaCommitted {
    /// False when the object was being removed meanwhile: the attachment is as before, to be fetched again.
    pub is_written: bool,
    /// Whether somebody asked to cancel the job.
    pub cancel_requested: bool,
    /// How often somebody has asked for media of the account.
    pub asks: i64,
}

/// How many attachments of an account are in which state, and the bytes that are here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaCounts {
    /// Known, and at LinkedIn alone.
    pub remote: u64,
    /// Asked for.
    pub wanted: u64,
    /// Here.
    pub stored: u64,
    /// Never to be fetched.
    pub refused: u64,
    /// With a dead link.
    pub gone: u64,
    /// Not fetched, perhaps later.
    pub failed: u64,
    /// Bytes that are here.
    pub stored_bytes: u64,
}

impl MediaCounts {
    /// Those that a sync which fetches everything still has to fetch.
    pub fn remaining(&self) -> u64 {
        self.remote + self.wanted
    }
}
