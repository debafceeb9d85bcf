//! Writes answers while the database is read, out of what lies ready there and without taking it apart.
//!
//! The shapes are those of the typed answers; only lists that stand empty at the end of an object are filled with JSON
//! that is there already. A writer that meets anything it cannot write says so at the end, and is thrown away.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use threadkeep_core::content::Content;
use threadkeep_core::id::{AccountId, ConversationId, MessageId};
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::Completeness;

use super::conversation::bare;
use super::message::{Mailbox, attachments_of, spoken};
use super::person::{participant, shown_name};
use crate::store::{GuestLook, ListedLook, PageWriter, SpokenLook, ThreadLook};
use crate::verbs::read::{ConversationPosition, MessagePosition};

/// Room for a conversation and for a message, in bytes: more than most take, so that a page seldom moves.
const CONVERSATION_BYTES: usize = 3_200;
const MESSAGE_BYTES: usize = 1_280;
/// Room for the attachments of a message, in bytes.
const ATTACHMENTS_BYTES: usize = 1_024;
/// A list that stands empty, and the end of an object whose last field it is.
const EMPTY_LIST: &[u8] = b"[]";
const GAP_END: &[u8] = b"[]}";

/// The member of an account.
struct Owner {
    account: AccountId,
    person: Person,
    /// As a participant.
    shown: Vec<u8>,
}

impl Owner {
    fn of(account: AccountId, person: Person) -> Option<Self> {
        let shown = serde_json::to_vec(&participant(&person, &person.id)).ok()?;
        Some(Self { account, person, shown })
    }
}

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
    /// Those who take part and those they are shown as, when a conversation was found.
    found: Option<(Completeness, Box<RawValue>)>,
    /// Name and picture of everybody who takes part or has written.
    people: HashMap<String, (String, String)>,
    items: Items<MessagePosition>,
    gaps: Vec<Gap>,
    /// The message that was written last.
    last: Option<MessagePosition>,
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
    /// Who takes part, as a list.
    pub(crate) participants: Box<RawValue>,
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
    text: Vec<u8>,
    /// How many more there is room for.
    room: u32,
    /// Where the page ends so far.
    last: Option<P>,
    has_some: bool,
    has_more: bool,
    has_failed: bool,
}

/// Somebody in the stored list of participants.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    profile_id: String,
    name: String,
    profile_picture: String,
}

impl<P> Default for Items<P> {
    fn default() -> Self {
        Self { text: Vec::new(), room: 0, last: None, has_some: false, has_more: false, has_failed: false }
    }
}

impl<P> Items<P> {
    /// A list of this name in an object that has just begun.
    fn new(name: &str, room: u32, item_bytes: usize) -> Self {
        let items = usize::try_from(room).unwrap_or_default().saturating_add(1);
        let mut text = Vec::with_capacity(items.saturating_mul(item_bytes));
        text.extend_from_slice(format!("{{\"{name}\":[").as_bytes());
        Self { text, room, ..Self::default() }
    }

    /// Writes an item with something behind it, unless the page is full.
    fn add(
        &mut self,
        item: Option<&impl Serialize>,
        position: impl FnOnce() -> Option<P>,
        end: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        if self.room == 0 {
            self.has_more = true;
            return;
        }
        self.room -= 1;
        if self.has_some {
            self.text.push(b',');
        }
        self.has_some = true;
        let is_written = item.is_some_and(|item| serde_json::to_writer(&mut self.text, item).is_ok());
        self.has_failed |= !is_written || !end(&mut self.text);
        if self.room == 0 {
            self.last = position();
            self.has_failed |= self.last.is_none();
        }
    }

    /// The items, and the position of the last one when more follow; `None` when something could not be written.
    fn end(self) -> Option<(Vec<u8>, Option<P>)> {
        let next = self.last.filter(|_| self.has_more);
        (!self.has_failed).then_some((self.text, next))
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
    fn owner(&mut self, account: AccountId, owner: Person) {
        self.owners.extend(Owner::of(account, owner));
    }

    fn conversation(&mut self, row: &ListedLook<'_>) {
        let owner = self.owners.iter().find(|owner| owner.account.as_str() == row.account);
        let item = owner.and_then(|owner| bare(row, &owner.person.id, newest_sender(row, &owner.person)));
        let position = || Some((row.last_activity_at, ConversationId::new(row.id).ok()?, owner?.account.clone()));
        self.items.add(item.as_ref(), position, |text| {
            let is_open = open_list(text);
            add_participants(text, row.others, owner.filter(|_| row.has_owner));
            text.extend_from_slice(b"]}");
            is_open
        });
    }
}

impl ThreadPage {
    /// A page of so many.
    pub(crate) fn new(room: u32) -> Self {
        Self { items: Items::new("messages", room, MESSAGE_BYTES), ..Self::default() }
    }

    /// What was written; `None` when there is no such conversation or something could not be written.
    pub(crate) fn end(self) -> Option<WrittenThread> {
        let (completeness, participants) = self.found?;
        let (messages, next) = self.items.end()?;
        Some(WrittenThread {
            completeness,
            participants,
            messages,
            gaps: self.gaps,
            has_more: next.is_some(),
            last: self.last,
        })
    }
}

impl PageWriter for ThreadPage {
    fn owner(&mut self, account: AccountId, owner: Person) {
        let known = (shown_name(&owner.full_name()), owner.picture_url.clone().unwrap_or_default());
        self.people.insert(owner.id.to_string(), known);
        self.owner = Owner::of(account, owner);
    }

    fn thread(&mut self, row: &ThreadLook<'_>) {
        let Ok(known) = serde_json::from_str::<Vec<Known>>(&format!("[{}]", row.others)) else { return };
        self.people.extend(known.into_iter().map(|one| (one.profile_id, (one.name, one.profile_picture))));
        let mut people = Vec::with_capacity(row.others.len() * 2);
        people.push(b'[');
        add_participants(&mut people, row.others, self.owner.as_ref().filter(|_| row.has_owner));
        people.push(b']');
        self.found = String::from_utf8(people)
            .ok()
            .and_then(|people| RawValue::from_string(people).ok())
            .map(|people| (row.completeness, people));
    }

    fn guest(&mut self, row: &GuestLook<'_>) {
        let known = (full_name(row.names), row.picture_url.to_owned());
        self.people.insert(row.id.to_owned(), known);
    }

    fn message(&mut self, row: &SpokenLook<'_>) {
        let sender = match row.sender {
            Some(id) => self.people.get(id),
            None => Some(const { &(String::new(), String::new()) }),
        };
        let owner = self.owner.as_ref().map(|owner| &owner.person.id);
        let item = sender.zip(owner).and_then(|((name, photo), owner)| spoken(row, (name, photo), owner));
        let (item, carried) = item.unzip();
        let position = || MessageId::new(row.id).ok().map(|id| (row.delivered_at, id));
        if self.items.room > 0 {
            self.last = position();
        }
        let gaps = &mut self.gaps;
        self.items.add(item.as_ref(), position, |text| match carried.flatten() {
            None => true,
            Some((message, contents)) => {
                let is_open = text.ends_with(GAP_END);
                gaps.push(Gap { at: text.len().saturating_sub(GAP_END.len()), message, contents });
                is_open
            }
        });
    }
}

/// Puts the attachments of its messages into a page; `None` when they cannot be written.
pub(crate) fn fill_gaps(text: &[u8], gaps: &[Gap], mailbox: Mailbox<'_>) -> Option<Vec<u8>> {
    let mut full = Vec::with_capacity(text.len() + gaps.len() * ATTACHMENTS_BYTES);
    let mut done = 0;
    for gap in gaps {
        full.extend_from_slice(text.get(done..gap.at)?);
        serde_json::to_writer(&mut full, &attachments_of(&gap.message, &gap.contents, mailbox)).ok()?;
        done = gap.at + EMPTY_LIST.len();
    }
    full.extend_from_slice(text.get(done..)?);
    Some(full)
}

/// An answer whose last field is a list that stands empty, with what was written of that list in it. The list goes first,
/// so that it is not moved.
pub(crate) fn filled(list: Vec<u8>, name: &str, answer: &impl Serialize) -> Option<Vec<u8>> {
    let mut text = list;
    let rest = serde_json::to_vec(answer).ok()?;
    let end = format!(",\"{name}\":[]}}");
    let rest = rest.strip_prefix(b"{")?.strip_suffix(end.as_bytes())?;
    text.extend_from_slice(b"],");
    text.extend_from_slice(rest);
    text.push(b'}');
    Some(text)
}

fn newest_sender(row: &ListedLook<'_>, owner: &Person) -> String {
    match &row.newest {
        Some(newest) if newest.sender == Some(owner.id.as_str()) => shown_name(&owner.full_name()),
        Some(newest) => full_name(newest.sender_names),
        None => String::new(),
    }
}

fn full_name((first, last): (&str, &str)) -> String {
    shown_name(format!("{first} {last}").trim())
}

/// The others, and the owner last.
fn add_participants(text: &mut Vec<u8>, others: &str, owner: Option<&Owner>) {
    text.extend_from_slice(others.as_bytes());
    if let Some(owner) = owner {
        if !others.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(&owner.shown);
    }
}

/// Takes the end off an object whose last field is an empty list.
fn open_list(text: &mut Vec<u8>) -> bool {
    let is_open = text.ends_with(GAP_END);
    if is_open {
        text.truncate(text.len() - 2);
    }
    is_open
}
