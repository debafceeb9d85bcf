//! A mailbox that changes, as upstream: small pages, cursors, sync tokens, tombstones, snapshots of its past.
//!
//! It answers in the core's own page types, so that a hundred thousand requests a second are possible; the wire is the
//! business of other tests. It must never know what the engine has stored.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::page::{
    ConversationChanges, ConversationPage, Cursor, ListedConversation, MessageChanges, MessagePage, SyncToken,
};
use threadkeep_core::time::Timestamp;

pub const PAGE: usize = 3;
/// Changes in one delta; the engine's constant for "there may be more".
const DELTA: usize = 20;
const SNAPSHOTS_MAX: usize = 6;

#[derive(Debug, Clone)]
pub struct Conv {
    pub id: ConversationId,
    pub category: &'static str,
    pub title: Option<String>,
    pub read: bool,
    pub activity: i64,
    pub changed_at: i64,
    pub deleted: bool,
    /// Oldest first.
    pub messages: Vec<Msg>,
}

#[derive(Debug, Clone)]
pub struct Msg {
    pub id: MessageId,
    pub at: i64,
    pub body: String,
    pub format: MessageFormat,
    pub deleted: bool,
    pub changed_at: i64,
}

#[derive(Debug, Clone, Default)]
pub struct Mailbox {
    pub convs: Vec<Conv>,
    /// Time of the newest change; each has its own.
    pub changed_at: i64,
    made: u32,
}

#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// List cursors are offsets, which shift when something arrives on top.
    pub offset_cursors: bool,
    /// A token of the inbox is refused for a conversation.
    pub refuses_borrowed: bool,
}

pub struct Upstream {
    pub now: Mailbox,
    pub rules: Rules,
    past: Vec<Mailbox>,
}

impl Upstream {
    pub fn generate(rng: &mut ChaCha8Rng, rules: Rules, clock: &mut i64) -> Self {
        let mut now = Mailbox { changed_at: 1_000, ..Mailbox::default() };
        for _ in 0..rng.random_range(0..9) {
            now.new_conversation(rng, clock);
            let at = now.convs.len() - 1;
            for _ in 0..[0, 1, 2, 3, 4, 6, 9][rng.random_range(0..7)] {
                now.arrive(rng, clock, at);
            }
        }
        now.changed_at = now.changed_at.max(*clock);
        Self { now, rules, past: Vec::new() }
    }

    /// Changes something; tells whether it did.
    pub fn mutate(&mut self, rng: &mut ChaCha8Rng, clock: &mut i64) {
        self.past.push(self.now.clone());
        if self.past.len() > SNAPSHOTS_MAX {
            self.past.remove(0);
        }
        *clock += rng.random_range(0..3);
        self.now.mutate(rng, clock, self.rules.offset_cursors);
    }

    /// The mailbox as some replica may still see it, but never from before `mark`.
    pub fn view(&self, rng: &mut ChaCha8Rng, is_stale: bool, mark: i64) -> &Mailbox {
        let old: Vec<_> = self.past.iter().filter(|one| one.changed_at >= mark).collect();
        match (is_stale, old.len()) {
            (false, _) | (_, 0) => &self.now,
            (true, count) => old[rng.random_range(0..count)],
        }
    }
}

impl Mailbox {
    fn tick(&mut self, clock: &mut i64) -> i64 {
        self.changed_at = (*clock).max(self.changed_at + 1);
        *clock = self.changed_at;
        self.changed_at
    }

    fn name(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn new_conversation(&mut self, rng: &mut ChaCha8Rng, clock: &mut i64) {
        let at = self.tick(clock);
        let id = ConversationId::new(&format!("2-c{}", self.name())).unwrap();
        let category = ["INBOX", "INBOX", "INBOX", "ARCHIVE", "SPAM"][rng.random_range(0..5)];
        self.convs.push(Conv {
            id,
            category,
            title: None,
            read: false,
            activity: at,
            changed_at: at,
            deleted: false,
            messages: Vec::new(),
        });
    }

    fn arrive(&mut self, rng: &mut ChaCha8Rng, clock: &mut i64, index: usize) {
        let changed_at = self.tick(clock);
        // A third of the messages share their millisecond with the one before.
        let newest = self.convs[index].messages.iter().map(|one| one.at).max();
        let at = match newest {
            Some(newest) if !self.convs[index].deleted && rng.random_range(0..3) == 0 => newest,
            _ => changed_at,
        };
        let number = self.name();
        let conv = &mut self.convs[index];
        let id = MessageId::new(&format!("2-m{:02}{number}", rng.random_range(0..100))).unwrap();
        conv.messages.push(Msg {
            id,
            at,
            body: format!("text {number}"),
            format: MessageFormat::Default,
            deleted: false,
            changed_at,
        });
        conv.messages.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        conv.activity = conv.activity.max(at);
        conv.changed_at = changed_at;
        conv.deleted = false;
    }

    fn mutate(&mut self, rng: &mut ChaCha8Rng, clock: &mut i64, keeps_lists: bool) {
        let count = self.convs.len();
        if count == 0 || rng.random_range(0..12) == 0 {
            self.new_conversation(rng, clock);
            let last = self.convs.len() - 1;
            return self.arrive(rng, clock, last);
        }
        let index = rng.random_range(0..count);
        let choice = rng.random_range(0..12);
        if self.convs[index].deleted || choice < 4 {
            for _ in 0..[1, 1, 1, 2, 5][rng.random_range(0..5)] {
                self.arrive(rng, clock, index);
            }
            return;
        }
        let at = self.tick(clock);
        let number = self.name();
        let conv = &mut self.convs[index];
        conv.changed_at = at;
        match choice {
            4 => conv.read = !conv.read,
            5 => conv.title = Some(format!("title {number}")),
            6 if !keeps_lists => conv.category = ["INBOX", "ARCHIVE", "SPAM"][rng.random_range(0..3)],
            7 if !keeps_lists => conv.deleted = true,
            _ => change_message(rng, conv, at, number),
        }
    }

    fn listed(&self, conv: &Conv) -> ListedConversation {
        let newest = conv.messages.iter().rev().find(|one| !one.deleted);
        ListedConversation {
            conversation: ConversationSeen {
                categories: Some(BTreeSet::from([conv.category.to_owned()])),
                title: Some(conv.title.clone()),
                read: Some(conv.read),
                last_activity_at: Some(Timestamp(conv.activity)),
                ..ConversationSeen::only_id(conv.id.clone())
            },
            newest: newest.map(|one| seen(conv, one)),
        }
    }

    fn by_activity(&self, category: Option<&str>) -> Vec<&Conv> {
        let mut convs: Vec<_> = self
            .convs
            .iter()
            .filter(|one| !one.deleted && category.map_or(one.category != "SPAM", |name| one.category == name))
            .collect();
        convs.sort_by(|a, b| (b.activity, &b.id).cmp(&(a.activity, &a.id)));
        convs
    }

    /// The newest conversations and a mark.
    pub fn first_load(&self, reset: bool) -> ConversationChanges {
        ConversationChanges {
            listed: self.by_activity(None).into_iter().take(PAGE).map(|one| self.listed(one)).collect(),
            token: Some(token("i", self.changed_at)),
            reset,
            ..ConversationChanges::default()
        }
    }

    pub fn delta(&self, since: &SyncToken) -> ConversationChanges {
        let since = token_time(since);
        let mut changed: Vec<_> = self.convs.iter().filter(|one| one.changed_at > since).collect();
        changed.sort_by_key(|one| one.changed_at);
        let last = if changed.len() > DELTA { changed[DELTA - 1].changed_at } else { self.changed_at };
        changed.truncate(DELTA);
        let (gone, there): (Vec<_>, Vec<_>) = changed.into_iter().partition(|one| one.deleted);
        ConversationChanges {
            listed: there.into_iter().rev().map(|one| self.listed(one)).collect(),
            deleted: gone.into_iter().map(|one| one.id.clone()).collect(),
            token: Some(token("i", last)),
            ..ConversationChanges::default()
        }
    }

    pub fn list(&self, category: &str, cursor: Option<&Cursor>, offsets: bool) -> ConversationPage {
        let convs = self.by_activity(Some(category));
        let start = match cursor {
            None => 0,
            Some(Cursor(text)) if offsets => text.parse().unwrap(),
            Some(Cursor(text)) => {
                let (activity, id) = text.split_once('&').unwrap();
                let below = |one: &&Conv| (one.activity, one.id.as_str()) < (activity.parse().unwrap(), id);
                convs.iter().position(below).unwrap_or(convs.len())
            }
        };
        let page: Vec<_> = convs.iter().skip(start).take(PAGE).collect();
        let has_more = start + page.len() < convs.len();
        let next = page.last().filter(|_| has_more).map(|last| match offsets {
            true => Cursor((start + page.len()).to_string()),
            false => Cursor(format!("{}&{}", last.activity, last.id)),
        });
        ConversationPage {
            listed: page.into_iter().map(|one| self.listed(one)).collect(),
            next,
            ..ConversationPage::default()
        }
    }

    fn conv(&self, id: &ConversationId) -> Option<&Conv> {
        self.convs.iter().find(|one| one.id == *id && !one.deleted)
    }

    pub fn messages(&self, id: &ConversationId, anchor: Timestamp, cursor: Option<&Cursor>) -> MessagePage {
        let Some(conv) = self.conv(id) else {
            return MessagePage::default();
        };
        let is_below = |one: &&Msg| match cursor {
            None => one.at < anchor.0,
            Some(Cursor(text)) => {
                let (at, id) = text.split_once('&').unwrap();
                (one.at, one.id.as_str()) < (at.parse().unwrap(), id)
            }
        };
        let below: Vec<_> = conv.messages.iter().rev().filter(|one| !one.deleted).filter(is_below).collect();
        let page = &below[..below.len().min(PAGE)];
        let older = page.last().filter(|_| below.len() > PAGE).map(|one| Cursor(format!("{}&{}", one.at, one.id)));
        MessagePage { messages: page.iter().map(|one| seen(conv, one)).collect(), older, ..MessagePage::default() }
    }

    pub fn message_delta(&self, id: &ConversationId, since: &SyncToken, is_reset: bool) -> MessageChanges {
        let Some(conv) = self.conv(id) else {
            return MessageChanges { token: Some(token("m", self.changed_at)), ..MessageChanges::default() };
        };
        if is_reset {
            let newest = conv.messages.iter().rev().filter(|one| !one.deleted).take(PAGE);
            return MessageChanges {
                messages: newest.map(|one| seen(conv, one)).collect(),
                token: Some(token("m", self.changed_at)),
                reset: true,
                ..MessageChanges::default()
            };
        }
        let since = token_time(since);
        let mut changed: Vec<_> = conv.messages.iter().filter(|one| one.changed_at > since).collect();
        changed.sort_by_key(|one| one.changed_at);
        let last = if changed.len() > DELTA { changed[DELTA - 1].changed_at } else { self.changed_at };
        changed.truncate(DELTA);
        let (gone, there): (Vec<_>, Vec<_>) = changed.into_iter().partition(|one| one.deleted);
        MessageChanges {
            messages: there.into_iter().map(|one| seen(conv, one)).collect(),
            deleted: gone.into_iter().map(|one| one.id.clone()).collect(),
            token: Some(token("m", last)),
            ..MessageChanges::default()
        }
    }
}

fn change_message(rng: &mut ChaCha8Rng, conv: &mut Conv, at: i64, number: u32) {
    let count = conv.messages.len();
    if count == 0 {
        conv.read = !conv.read;
        return;
    }
    let message = &mut conv.messages[rng.random_range(0..count)];
    if message.deleted || message.format == MessageFormat::Recalled {
        return;
    }
    message.changed_at = at;
    match rng.random_range(0..4) {
        0 => {
            message.format = MessageFormat::Recalled;
            message.body.clear();
        }
        1 => message.deleted = true,
        _ => {
            message.format = MessageFormat::Edited;
            message.body = format!("edited {number}");
        }
    }
}

fn seen(conv: &Conv, message: &Msg) -> MessageSeen {
    MessageSeen {
        id: message.id.clone(),
        conversation: conv.id.clone(),
        sender: PersonId::new("ACoAASomebody").ok(),
        delivered_at: Timestamp(message.at),
        body: Some(message.body.clone()),
        attributes: None,
        subject: None,
        format: Some(message.format.clone()),
        content: Some(Vec::new()),
        fallback_text: None,
        reactions: None,
    }
}

fn token(kind: &str, at: i64) -> SyncToken {
    SyncToken(format!("{kind}{at}"))
}

fn token_time(token: &SyncToken) -> i64 {
    token.0[1..].parse().unwrap()
}
