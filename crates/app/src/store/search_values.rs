//! The values of search that cross the store's traits: what is looked for, what was found, how far the index is.
//!
//! Plain data, as in `values`.

use serde::{Deserialize, Serialize};
use threadkeep_core::id::AccountId;
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::search::Query;

use super::ConversationRow;

/// How far somebody is who makes the index one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Merge {
    /// Nothing is done yet: all parts are taken together, where searches gain by it.
    #[default]
    IfScattered,
    /// The same, whatever the index lies in.
    Anyway,
    /// It goes on with those that were taken together.
    GoOn,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// In these accounts.
    pub accounts: &'a [AccountId],
    /// What a message has to be.
    pub query: &'a Query,
    /// Only what stands behind this position.
    pub after: Option<SearchPosition>,
    /// So many hits at most.
    pub limit: u32,
}

/// A position in a list of hits: messages stand by their time, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchPosition(pub i64);

/// What came of looking.
#[derive(Debug, Clone, PartialEq)]
pub enum Searched {
    /// This.
    Found(Found),
    /// So many people or conversations have the name in one of the clauses that another name has to be given.
    TooMany {
        /// The operator of the clause.
        operator: &'static str,
        /// Its number, from 0.
        clause: usize,
    },
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The hits, newest first.
    pub hits: Vec<Hit>,
    /// The conversations that they are in.
    pub conversations: Vec<ConversationRow>,
    /// Where to go on; `None` at the end. A page may be short and go on all the same: what a page may cost is limited.
    pub next: Option<SearchPosition>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Whose mailbox it is in.
    pub account: AccountId,
    /// Its place among all messages.
    pub position: SearchPosition,
    /// The message.
    pub message: Message,
    /// Who wrote it, where known.
    pub sender: Option<Person>,
    /// Whether that is the owner of the mailbox.
    pub is_mine: bool,
}

/// How far the index is behind what was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct IndexLag {
    /// Changes that are not in it yet.
    pub changes: u64,
    /// Accounts whose messages are still being taken in for the first time.
    pub building: u64,
    /// Messages that it has.
    pub indexed: u64,
    /// Messages that there are.
    pub messages: u64,
}

impl IndexLag {
    /// Whether something is missing in it.
    pub fn is_behind(&self) -> bool {
        self.changes > 0 || self.building > 0
    }
}

/// What one step of the indexer has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStep {
    /// Messages that were looked at.
    pub messages: u64,
    /// Whether there was anything to do; when not, the index is up to date or somebody else is at it.
    pub is_work: bool,
}
