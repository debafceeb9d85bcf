//! The desk where one stored query is answered: everything an answer may depend on, and what came out.
//!
//! Handlers borrow from here; none of them may look at the clock or at chance.

use crate::switches::{EndOfList, ExpiredToken, ForeignToken, Switches};
use crate::world::World;
use crate::world::model::{Ms, ThreadId};

use super::json::{Json, Member};
use super::kinds::{self, Kind};
use super::restli::Restli;
use super::sequence::{Cut, PageTrouble};
use super::sync_token::SyncToken;
use super::token_memory::{TokenMemory, TokenScope};
use super::urns;
use super::writer::{Form, Writer, member};

/// What goes wrong with one answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble {
    /// A strange page.
    pub page: Option<PageTrouble>,
    /// The token is not honoured.
    pub clears_cache: bool,
    /// The answer comes from a replica that lags this far behind.
    pub lag_ms: Option<Ms>,
    /// One record has the wrong shape.
    pub odd_record: bool,
    /// The items of the page come in another order.
    pub reorders: bool,
    /// A number that makes odd cursors differ from each other.
    pub nonce: u64,
}

/// Everything that an answer may depend on.
pub struct Desk<'a> {
    /// What is true.
    pub world: &'a World,
    /// The threads of the reader's mailbox, newest activity first.
    pub order: &'a [(Ms, ThreadId)],
    /// Whose mailbox is read.
    pub owner: &'a str,
    /// How this LinkedIn behaves.
    pub switches: &'a Switches,
    /// What is remembered about tokens.
    pub tokens: &'a mut TokenMemory,
    /// The variables of the query.
    pub variables: &'a Restli,
    /// The form of the answer.
    pub form: Form,
    /// Server time, not before the newest change.
    pub issued_ms: Ms,
    /// What goes wrong.
    pub trouble: Trouble,
}

/// What came out.
pub enum Reply<'a> {
    /// An answer, and whether the trouble asked for made a difference.
    Answer(Json<'a>, bool),
    /// Variables that do not belong to this query.
    WrongVariables,
    /// 400.
    Refused,
}

/// How a token is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// There is none, or it is not honoured: the newest page.
    Fresh,
    /// Everything that changed after this time.
    Since(Ms),
    /// 400.
    Refused,
}

impl<'a> Desk<'a> {
    /// A writer for this answer.
    pub fn writer(&self) -> Writer<'a> {
        Writer::new(self.world, self.owner, self.switches, self.form)
    }

    /// A variable that is plain text; `None` when it is absent or a structure.
    pub fn leaf(&self, name: &str) -> Option<&'a str> {
        self.variables.member(name)?.leaf()
    }

    /// A variable that is a number. The outer level is empty when it is there but no number.
    pub fn number(&self, name: &str) -> Option<Option<Ms>> {
        match self.variables.member(name) {
            None => Some(None),
            Some(value) => value.leaf()?.parse().ok().map(Some),
        }
    }

    /// A variable that is a number of items, at least 1. The outer level is empty when it is anything else.
    pub fn count(&self, name: &str) -> Option<Option<u32>> {
        match self.number(name)? {
            None => Some(None),
            Some(number) => u32::try_from(number).ok().filter(|items| *items > 0).map(Some),
        }
    }

    /// Whether `mailboxUrn` is there, and whether it names the reader's own mailbox.
    pub fn own_mailbox(&self) -> Option<bool> {
        let owner = urns::read_profile(self.leaf("mailboxUrn")?)?;
        Some(owner == self.owner)
    }

    /// The thread id in `conversationUrn`; the inner level is empty for anything that is not the reader's.
    pub fn own_thread(&self, name: &str) -> Option<Option<&'a str>> {
        let (owner, thread_id) = urns::read_conversation(self.leaf(name)?)?;
        Some(self.visible(thread_id).then_some(thread_id).filter(|_| owner == self.owner))
    }

    /// Whether the reader's mailbox has the thread.
    pub fn visible(&self, thread_id: &str) -> bool {
        let mailbox = self.world.mailboxes.get(self.owner);
        let entry = mailbox.and_then(|mailbox| mailbox.entries.get(thread_id));
        entry.is_some_and(|entry| entry.deleted_at_ms.is_none())
    }

    /// How the token of this request is taken.
    pub fn token_use(&self, scope: &TokenScope) -> TokenUse {
        let Some(text) = self.leaf("syncToken").filter(|text| !text.is_empty()) else {
            return TokenUse::Fresh;
        };
        if self.trouble.clears_cache {
            return TokenUse::Fresh;
        }
        let Some(token) = SyncToken::decode(text) else { return TokenUse::Refused };
        if !self.tokens.fits(text, scope) {
            match self.switches.foreign_token {
                ForeignToken::Honour => {}
                ForeignToken::Reset => return TokenUse::Fresh,
                ForeignToken::Refuse => return TokenUse::Refused,
            }
        }
        let age_ms = self.issued_ms.saturating_sub(token.issued_ms);
        match self.switches.token_lifetime_ms {
            Some(lifetime) if age_ms > lifetime => match self.switches.expired_token {
                ExpiredToken::Reset => TokenUse::Fresh,
                ExpiredToken::Refuse => TokenUse::Refused,
            },
            _ => TokenUse::Since(token.issued_ms),
        }
    }

    /// The time up to which this answer knows what happened. A lagging replica never goes back behind a token that
    /// was given out for this mailbox, else what it hides could be lost for ever.
    pub fn snapshot_ms(&self) -> Ms {
        let floor = self.tokens.newest_ms(self.owner);
        match (self.trouble.lag_ms, floor) {
            (Some(lag), Some(floor)) => self.issued_ms.saturating_sub(lag).max(floor).min(self.issued_ms),
            _ => self.issued_ms,
        }
    }

    /// The text of a new token, which is remembered.
    pub fn new_token(&mut self, scope: TokenScope, newest_ms: Ms, issued_ms: Ms) -> String {
        let text = SyncToken { newest_ms, issued_ms }.encode();
        self.tokens.issued(&text, scope, issued_ms);
        text
    }

    /// A member that holds a cursor, in the form that this LinkedIn has for the end.
    pub fn cursor_member(&self, name: &'static str, cursor: Option<String>) -> Option<Member<'a>> {
        match (cursor, self.switches.end_of_list) {
            (Some(cursor), _) => Some(member(name, cursor)),
            (None, EndOfList::Null | EndOfList::Probe) => Some(member(name, Json::Null)),
            (None, EndOfList::Empty) => Some(member(name, "")),
            (None, EndOfList::Missing) => None,
        }
    }

    /// Whether the last page has a cursor too.
    pub fn probes(&self) -> bool {
        self.switches.end_of_list == EndOfList::Probe
    }

    /// Metadata of an answer by token.
    pub fn sync_metadata(&self, writer: &Writer<'a>, token: String, deleted: Vec<Json<'a>>, clear: bool) -> Json<'a> {
        let members = vec![
            member("newSyncToken", token),
            member("deletedUrns", Json::List(deleted)),
            member("shouldClearCache", clear),
        ];
        writer.object(kinds::SYNC, 0, members)
    }

    /// Metadata of a page.
    pub fn page_metadata(&self, writer: &Writer<'a>, kind: Kind, cursors: Vec<Option<Member<'a>>>) -> Json<'a> {
        writer.object(kind, 0, cursors.into_iter().flatten().collect())
    }

    /// Whether the trouble of this request made a difference to a page.
    pub fn made_a_difference(&self, cut: &Cut) -> bool {
        cut.troubled || self.is_stale()
    }

    /// Whether this answer comes from an earlier moment.
    pub fn is_stale(&self) -> bool {
        self.trouble.lag_ms.is_some() && self.snapshot_ms() < self.issued_ms
    }
}
