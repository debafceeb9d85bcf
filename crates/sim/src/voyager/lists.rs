//! The two lists that are paged: the conversations of a mailbox and the messages of a thread, newest first.
//!
//! The order of a mailbox is sorted once per change of the world, never per request.

use std::collections::BTreeMap;

use crate::world::World;
use crate::world::model::{Entry, Mailbox, Ms, PersonId, Thread, ThreadId};

use super::sequence::Sequence;

/// The order of every mailbox, as of one state of the world.
#[derive(Debug, Default)]
pub struct Orders {
    revision: u64,
    by_owner: BTreeMap<PersonId, Vec<(Ms, ThreadId)>>,
}

/// The conversations of a mailbox in some categories.
pub struct ConversationList<'a> {
    /// Whose mailbox.
    pub mailbox: &'a Mailbox,
    /// All threads of the mailbox, newest activity first.
    pub order: &'a [(Ms, ThreadId)],
    /// Only these categories; every category when there is none.
    pub categories: Vec<String>,
}

/// The messages of a thread.
pub struct MessageList<'a> {
    /// The thread, perhaps as it was a moment ago.
    pub thread: &'a Thread,
}

impl Orders {
    /// The order of a mailbox; sorts it when the world has changed since.
    pub fn of(&mut self, world: &World, owner: &str, revision: u64) -> &[(Ms, ThreadId)] {
        if self.revision != revision {
            self.by_owner.clear();
            self.revision = revision;
        }
        if !self.by_owner.contains_key(owner) {
            self.by_owner.insert(owner.to_owned(), sorted(world, owner));
        }
        self.by_owner.get(owner).map_or(&[], Vec::as_slice)
    }
}

impl<'a> ConversationList<'a> {
    /// How the mailbox sees the thread at this place, unless it is deleted or in another category.
    pub fn entry(&self, index: usize) -> Option<(&'a str, &'a Entry)> {
        let (_, id) = self.order.get(index)?;
        let entry = self.mailbox.entries.get(id)?;
        let wanted = self.categories.is_empty() || entry.categories.iter().any(|one| self.categories.contains(one));
        (wanted && entry.deleted_at_ms.is_none()).then_some((id.as_str(), entry))
    }
}

impl Sequence for ConversationList<'_> {
    fn length(&self) -> usize {
        self.order.len()
    }

    fn key(&self, index: usize) -> (Ms, &str) {
        self.order.get(index).map_or((Ms::MIN, ""), |(at_ms, id)| (*at_ms, id.as_str()))
    }

    fn shown(&self, index: usize) -> bool {
        self.entry(index).is_some()
    }
}

impl<'a> MessageList<'a> {
    /// The message at this place.
    pub fn message(&self, index: usize) -> Option<&'a crate::world::model::Message> {
        let from_start = self.thread.messages.len().checked_sub(index + 1)?;
        self.thread.messages.get(from_start)
    }
}

impl Sequence for MessageList<'_> {
    fn length(&self) -> usize {
        self.thread.messages.len()
    }

    fn key(&self, index: usize) -> (Ms, &str) {
        self.message(index).map_or((Ms::MIN, ""), |one| (one.delivered_at_ms, one.id.as_str()))
    }

    fn shown(&self, index: usize) -> bool {
        self.message(index).is_some_and(|message| message.deleted_at_ms.is_none())
    }
}

fn sorted(world: &World, owner: &str) -> Vec<(Ms, ThreadId)> {
    let entries = world.mailboxes.get(owner).into_iter().flat_map(|mailbox| mailbox.entries.keys());
    let mut order: Vec<(Ms, ThreadId)> =
        entries.filter_map(|id| Some((world.threads.get(id)?.last_activity_at_ms, id.clone()))).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    order
}
