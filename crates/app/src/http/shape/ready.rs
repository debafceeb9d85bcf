//! Writes answers while the database is read, out of what lies ready there and without taking it apart.
//!
//! The shapes are those of the typed answers; only lists that stand empty at the end of an object are filled with JSON
//! that is there already. A writer that meets anything it cannot write says so at the end, and is thrown away.

use serde::Serialize;
use threadkeep_core::content::Content;
use threadkeep_core::id::{AccountId, ConversationId, MessageId};
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;

use super::conversation::write_listed;
use super::message::{Mailbox, attachments_of, write_spoken};
use super::owner::Owner;
use super::senders::Senders;
use super::text::Text;
use crate::store::{GuestLook, ListedLook, PageWriter, SpokenLook, ThreadLook};
use crate::verbs::read::{ConversationPosition, MessagePosition};

/// Room for a conversation and for a message, in bytes: more than most take, so that a page seldom moves.
const CONVERSATION_BYTES: usize = 3_200;
const MESSAGE_BYTES: usize = 1_280;
/// Room for the attachments of a message, in bytes.
const ATTACHMENTS_BYTES: usize = 1_024;
/// Room for what stands around the items, in bytes.
const REST_BYTES: usize = 4_096;

/// The list of conversations of a page.
#[derive(Default)]
pub(crate) struct ListPage {
    owners: Vec<Owner>,
    items: Items<ConversationPosition>,
}

/// The messages of a page, and who takes part.
#[derive(Default)]
pub(crate) struct ThreadPage {
    owner: Option<Owner>,
    /// How much we have of the conversation, when one was found.
    found: Option<Completeness>,
    /// Those who take part, with commas between them.
    participants: Text,
    senders: Senders,
    items: Items<()>,
    gaps: Vec<Gap>,
    /// Time and id of the message that was written last. The id is checked at the end: nobody needs those before it.
    last: Option<(Timestamp, String)>,
}

/// Where the attachments of a message belong, which are in another table.
pub(crate) struct Gap {
    at: usize,
    pub(crate) message: MessageId,
    contents: Vec<Content>,
}

/// A page of messages as it was written.
pub(crate) struct WrittenThread {
    /// How much of the conversation we have.
    pub(crate) completeness: Completeness,
    /// Those who take part, with commas between them.
    pub(crate) participants: Vec<u8>,
    /// The answer up to the end of its messages.
    pub(crate) messages: Vec<u8>,
    /// Where attachments are missing in it, from its beginning on.
    pub(crate) gaps: Vec<Gap>,
    /// Whether older messages follow.
    pub(crate) has_more: bool,
    /// Its last message.
    pub(crate) last: Option<MessagePosition>,
}

/// What is written of a list.
struct Items<P> {
    text: Text,
    /// How many more there is room for.
    room: u32,
    /// Where the page ends so far.
    last: Option<P>,
    has_some: bool,
    has_more: bool,
    has_failed: bool,
}

impl<P> Default for Items<P> {
    fn default() -> Self {
        Self { text: Text::default(), room: 0, last: None, has_some: false, has_more: false, has_failed: false }
    }
}

impl<P> Items<P> {
    /// A list of this name in an object that has just begun.
    fn new(name: &str, room: u32, item_bytes: usize) -> Self {
        let items = usize::try_from(room).unwrap_or_default().saturating_add(1);
        let mut text = Text::with_capacity(items.saturating_mul(item_bytes).saturating_add(REST_BYTES));
        text.raw("{").string(name).raw(":[");
        Self { text, room, ..Self::default() }
    }

    /// Whether the page is full, which is asked of it for an item that follows.
    fn is_full(&mut self) -> bool {
        self.has_more |= self.room == 0;
        self.has_more
    }

    /// Writes an item, unless the page is full.
    fn add(&mut self, write: impl FnOnce(&mut Text) -> bool, position: impl FnOnce() -> Option<P>) {
        if self.is_full() {
            return;
        }
        self.room -= 1;
        if self.has_some {
            self.text.raw(",");
        }
        self.has_some = true;
        self.has_failed |= !write(&mut self.text);
        if self.room == 0 {
            self.last = position();
            self.has_failed |= self.last.is_none();
        }
    }

    /// The items, and the position of the last one when more follow; `None` when something could not be written.
    fn end(self) -> Option<(Vec<u8>, Option<P>)> {
        let next = self.last.filter(|_| self.has_more);
        (!self.has_failed).then(|| (self.text.into_bytes(), next))
    }
}

impl ListPage {
    /// A page of so many.
    pub(crate) fn new(room: u32) -> Self {
        Self { items: Items::new("conversations", room, CONVERSATION_BYTES), ..Self::default() }
    }

    /// The answer up to the end of its conversations, and where the next page begins.
    pub(crate) fn end(self) -> Option<(Vec<u8>, Option<ConversationPosition>)> {
        self.items.end()
    }
}

impl PageWriter for ListPage {
    fn is_full(&mut self) -> bool {
        self.items.is_full()
    }

    fn owner(&mut self, account: AccountId, owner: Person) {
        self.owners.extend(Owner::of(account, owner));
    }

    fn conversation(&mut self, row: &ListedLook<'_>) {
        let owner = self.owners.iter().find(|owner| owner.account.as_str() == row.account);
        let position = || Some((row.last_activity_at, ConversationId::new(row.id).ok()?, owner?.account.clone()));
        let write = |text: &mut Text| {
            owner.is_some_and(|owner| {
                let is_written = write_listed(text, row, owner);
                owner.write_participants(text, row.others, row.has_owner);
                text.raw("]}");
                is_written
            })
        };
        self.items.add(write, position);
    }
}

impl ThreadPage {
    /// A page of so many.
    pub(crate) fn new(room: u32) -> Self {
        Self { items: Items::new("messages", room, MESSAGE_BYTES), ..Self::default() }
    }

    /// What was written; `None` when there is no such conversation or something could not be written.
    pub(crate) fn end(self) -> Option<WrittenThread> {
        let completeness = self.found?;
        let (messages, next) = self.items.end()?;
        let last = match self.last {
            Some((at, id)) => Some((at, MessageId::new(&id).ok()?)),
            None => None,
        };
        Some(WrittenThread {
            completeness,
            participants: self.participants.into_bytes(),
            messages,
            gaps: self.gaps,
            has_more: next.is_some(),
            last,
        })
    }
}

impl PageWriter for ThreadPage {
    fn is_full(&mut self) -> bool {
        self.items.is_full()
    }

    fn owner(&mut self, account: AccountId, owner: Person) {
        self.owner = Owner::of(account, owner);
        self.senders.extend(self.owner.as_ref().map(|owner| owner.sender().clone()));
    }

    fn thread(&mut self, row: &ThreadLook<'_>) {
        let Some(owner) = &self.owner else { return };
        owner.write_participants(&mut self.participants, row.others, row.has_owner);
        self.senders.take_part(row.others);
        self.found = Some(row.completeness);
    }

    fn guest(&mut self, row: &GuestLook<'_>) {
        self.senders.add_guest(row);
    }

    fn message(&mut self, row: &SpokenLook<'_>) {
        if self.items.room > 0 {
            let (at, id) = self.last.get_or_insert_default();
            *at = row.delivered_at;
            row.id.clone_into(id);
        }
        let (owner, senders, gaps) = (self.owner.as_ref(), &mut self.senders, &mut self.gaps);
        let write = |text: &mut Text| {
            let carried = owner.and_then(|owner| write_spoken(text, row, (senders, owner)));
            let at = text.len();
            text.raw("]}");
            let is_written = carried.is_some();
            gaps.extend(carried.flatten().map(|(message, contents)| Gap { at, message, contents }));
            is_written
        };
        self.items.add(write, || Some(()));
    }
}

/// Puts the attachments of its messages into a page; `None` when they cannot be written.
pub(crate) fn fill_gaps(text: &[u8], gaps: &[Gap], mailbox: Mailbox<'_>) -> Option<Vec<u8>> {
    let mut full = Vec::with_capacity(text.len() + gaps.len() * ATTACHMENTS_BYTES + REST_BYTES);
    let mut done = 0;
    for gap in gaps {
        full.extend_from_slice(text.get(done..gap.at)?);
        let attachments = Text::of(&attachments_of(&gap.message, &gap.contents, mailbox));
        full.extend_from_slice(attachments.as_bytes().strip_prefix(b"[")?.strip_suffix(b"]")?);
        done = gap.at;
    }
    full.extend_from_slice(text.get(done..)?);
    Some(full)
}

/// An answer whose last fields are lists that stand empty, with what was written for them: a list of items that are finished
/// but for the end of their list, which goes first so that it is not moved, and items of another list.
pub(crate) fn filled(
    items: (&str, Vec<u8>),
    others: Option<(&str, &[u8])>,
    answer: &impl Serialize,
) -> Option<Vec<u8>> {
    let (name, mut text) = items;
    let rest = serde_json::to_vec(answer).ok()?;
    let rest = without_list(rest.strip_prefix(b"{")?.strip_suffix(b"}")?, name)?;
    text.extend_from_slice(b"],");
    match others {
        None => text.extend_from_slice(rest),
        Some((name, items)) => {
            text.extend_from_slice(without_list(rest, name)?);
            text.extend_from_slice(format!(",\"{name}\":[").as_bytes());
            text.extend_from_slice(items);
            text.push(b']');
        }
    }
    text.push(b'}');
    Some(text)
}

/// The fields before the last one, which is an empty list of this name.
fn without_list<'a>(fields: &'a [u8], name: &str) -> Option<&'a [u8]> {
    fields.strip_suffix(format!(",\"{name}\":[]").as_bytes())
}
