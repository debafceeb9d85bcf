//! One message as a page shows it: who, when, the text in pieces, what became of it, and what it carries.

use threadkeep_core::attachment::attachments;
use threadkeep_core::content::Reaction;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::message::{Message, MessageFormat};
use threadkeep_core::time::Timestamp;

use super::faces::{self, Face, face};
use super::inbox::{Asked, href};
use super::parts::{Part, part};
use super::text::{Piece, SHOWN_MAX, line, pieces};
use super::when::{self, Stamp};
use crate::store::Account;
use crate::verbs::read::MessagesPage;

/// Messages of one person within this time stand together.
const TOGETHER_MS: i64 = 5 * 60_000;
/// Longest subject, in characters.
const SUBJECT_MAX: usize = 300;
/// Reactions of one message.
const REACTIONS_MAX: usize = 30;
/// Longest reaction, in characters: some emoji are made of many.
const EMOJI_MAX: usize = 16;

/// How a message is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Somebody said it.
    Said,
    /// LinkedIn tells something.
    System,
    /// It was taken back.
    Recalled,
}

/// A message on a page.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) shape: Shape,
    pub(super) is_mine: bool,
    /// Whether name and face stand above it.
    pub(super) is_first: bool,
    /// The day, when it is another than that of the message before.
    pub(super) day: Option<Stamp>,
    pub(super) name: String,
    pub(super) face: Face,
    pub(super) at: Stamp,
    pub(super) told: Stamp,
    pub(super) subject: Option<String>,
    pub(super) text: Vec<Piece>,
    pub(super) is_cut: bool,
    pub(super) is_edited: bool,
    pub(super) prior: Vec<Prior>,
    pub(super) parts: Vec<Part>,
    pub(super) reactions: Vec<Emoji>,
    /// Whether it is the one that the address names.
    pub(super) is_asked: bool,
}

/// A text that was replaced.
pub(super) struct Prior {
    pub(super) at: Stamp,
    pub(super) text: Vec<Piece>,
    pub(super) is_cut: bool,
}

/// A reaction.
pub(super) struct Emoji {
    pub(super) emoji: String,
    pub(super) count: u32,
    pub(super) is_mine: bool,
}

/// What a message is shown among.
pub(super) struct Around<'a> {
    pub(super) page: &'a MessagesPage,
    pub(super) account: &'a Account,
    /// The list beside it.
    pub(super) list: &'a Asked,
    /// The message that the address names: all of it is shown.
    pub(super) asked: Option<&'a MessageId>,
    pub(super) may_media: bool,
}

impl Around<'_> {
    /// How much of a text of this message is shown.
    pub(super) fn shown_max(&self, message: &Message, otherwise: usize) -> usize {
        if self.asked == Some(&message.id) { usize::MAX } else { otherwise }
    }
}

/// The messages of a page, oldest first.
pub(super) fn shown(around: &Around<'_>) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::with_capacity(around.page.messages.len());
    let mut before: Option<&Message> = None;
    for message in around.page.messages.iter().rev() {
        let mut one = one(around, message);
        let is_new_day = before.is_none_or(|before| !when::is_same_day(before.delivered_at, message.delivered_at));
        one.day = is_new_day.then(|| when::day(message.delivered_at));
        one.is_first = is_new_day || !before.is_some_and(|before| stand_together(before, message));
        before = Some(message);
        all.push(one);
    }
    all
}

fn stand_together(before: &Message, message: &Message) -> bool {
    before.sender == message.sender
        && before.format != MessageFormat::System
        && message.subject.is_none()
        && message.delivered_at.since_ms(before.delivered_at) < TOGETHER_MS
}

fn one(around: &Around<'_>, message: &Message) -> Shown {
    let account = around.account;
    let sender = message.sender.as_ref();
    let name = name_of(around.page, sender);
    let shown_max = around.shown_max(message, SHOWN_MAX);
    let shape = match message.format {
        MessageFormat::Recalled => Shape::Recalled,
        MessageFormat::System => Shape::System,
        _ => Shape::Said,
    };
    let (text, is_cut) = pieces(body(message, shape), shown_max);
    let recalled_or_edited = |prior: &threadkeep_core::message::PriorText| {
        let (text, is_cut) = pieces(&prior.body, shown_max);
        Prior { at: when::full(prior.replaced_at), text, is_cut }
    };
    Shown {
        href: message_href(account, &message.conversation, &message.id, around.list),
        shape,
        is_mine: sender == Some(&account.member),
        is_first: true,
        day: None,
        face: face(&name, sender.map_or("", PersonId::as_str)),
        name,
        at: when::clock(message.delivered_at),
        told: when::full(message.delivered_at),
        subject: message.subject.as_deref().map(|subject| line(subject, SUBJECT_MAX)),
        text,
        is_cut,
        is_edited: message.format == MessageFormat::Edited,
        prior: message.prior.iter().rev().map(recalled_or_edited).collect(),
        parts: parts(around, message),
        reactions: message.reactions.iter().take(REACTIONS_MAX).map(emoji).collect(),
        is_asked: around.asked == Some(&message.id),
        id: message.id.to_string(),
    }
}

/// The address of a message in its conversation, with this list beside it.
pub(super) fn message_href(account: &Account, conversation: &ConversationId, id: &MessageId, list: &Asked) -> String {
    let place = beside(account, conversation, ("message", id.as_str()), list);
    format!("{place}#m-{}", super::inbox::encoded(id.as_str()))
}

/// The address of a window of a conversation, with this list beside it.
pub(super) fn beside(account: &Account, id: &ConversationId, window: (&str, &str), list: &Asked) -> String {
    let [of_account, show] = list.carried();
    href(&account.id, id, &[(window.0, Some(window.1)), of_account, show])
}

/// What somebody is called on a page of messages.
pub(super) fn name_of(page: &MessagesPage, id: Option<&PersonId>) -> String {
    let person = id.and_then(|id| page.people.get(id));
    person.map_or_else(|| faces::unknown(id), faces::name)
}

fn body(message: &Message, shape: Shape) -> &str {
    match (message.body.is_empty(), shape) {
        (true, Shape::System) => message.fallback_text.as_deref().unwrap_or("Something happened in this conversation"),
        (true, Shape::Said) if message.content.is_empty() => message.fallback_text.as_deref().unwrap_or_default(),
        _ => &message.body,
    }
}

fn parts(around: &Around<'_>, message: &Message) -> Vec<Part> {
    let rows: Vec<_> = around.page.media.iter().filter(|row| row.message.as_ref() == Some(&message.id)).collect();
    let mut ordinals = attachments(&message.content).map(|one| (std::ptr::from_ref(one.content), one.ordinal));
    let mut next = ordinals.next();
    let mut all = Vec::new();
    for content in &message.content {
        let ordinal = next.filter(|(attached, _)| std::ptr::eq(*attached, content)).map(|(_, ordinal)| ordinal);
        if ordinal.is_some() {
            next = ordinals.next();
        }
        let row = ordinal.and_then(|ordinal| rows.iter().find(|row| row.ordinal == ordinal).copied());
        all.extend(part(around, message, content, (ordinal, row)));
    }
    all
}

fn emoji(one: &Reaction) -> Emoji {
    Emoji { emoji: line(&one.emoji, EMOJI_MAX), count: one.count, is_mine: one.viewer_reacted }
}

/// The time of the newest message of a page.
pub(super) fn newest(page: &MessagesPage) -> Option<(Timestamp, &MessageId)> {
    page.messages.first().map(|message| (message.delivered_at, &message.id))
}
