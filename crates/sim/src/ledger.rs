//! The book of every request that came in, so that anyone can judge a client from outside.
//!
//! Control requests are not in it. No cookie, header or body is ever kept, and its length is bounded.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Requests that are kept; the oldest are dropped first.
pub const LEDGER_MAX: usize = 500_000;

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The member's own profile.
    Me,
    /// Conversations by sync token, without a token.
    StartToken,
    /// Conversations by sync token, with a token.
    Delta,
    /// A page of conversations.
    List,
    /// A page of messages.
    Messages,
    /// Messages by sync token, with a token.
    MessageDelta,
    /// Conversations by id or by recipients.
    ByIds,
    /// Mailbox counts.
    Counts,
    /// Seen receipts, quick replies.
    Receipts,
    /// Who reacted.
    Reactors,
    /// A file: a photo, a document, a picture of somebody, a GIF.
    Media,
    /// Anything that would change something.
    Write,
    /// Anything else, requests that cannot be understood included.
    Other,
}

/// What the ledger tells of a request for a file besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaNote {
    /// `site` needs cookies, `open` must get none.
    pub host: &'static str,
    /// Whether a range was asked for.
    pub range: bool,
    /// Whether cookies came along.
    pub cookies_sent: bool,
    /// Whether cookies came along to a host that must get none.
    pub cookies_leaked: bool,
}

/// One line of the ledger.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerLine {
    /// Number of the request, from 1.
    pub n: u64,
    /// When it came.
    pub at_ms: i64,
    /// Method as sent.
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Raw query as sent, or the form body of a tunnelled request.
    pub query: String,
    /// What it was for.
    pub purpose: Purpose,
    /// Member URN of the account its session belongs to.
    pub account: Option<String>,
    /// Status of the answer, 0 when the connection was closed instead.
    pub status: u16,
    /// Whether it would change something at LinkedIn.
    pub writes: bool,
    /// The fault that it met.
    pub fault: Option<&'static str>,
    /// How many requests of this account were in flight, this one included.
    pub concurrent: u32,
    /// What is known besides of a request for a file.
    #[serde(flatten)]
    pub media: Option<MediaNote>,
}

/// All lines that are kept.
#[derive(Debug, Default)]
pub struct Ledger {
    lines: VecDeque<LedgerLine>,
    dropped: u64,
}

impl Ledger {
    /// Adds a line and forgets the oldest one when there are too many.
    pub fn push(&mut self, line: LedgerLine) {
        if self.lines.len() >= LEDGER_MAX {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LedgerLine> {
        self.lines.iter()
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many lines were forgotten for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets everything; numbering goes on.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.dropped = 0;
    }
}
