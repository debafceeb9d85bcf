//! What happens to messages: they arrive, are edited, recalled, removed, reacted to.
//!
//! An edit, a recall and a reaction never move a conversation; only a new message does (upstream protocol 4.6).

use serde_json::Value;

use super::super::id::{Stem, rng_of};
use super::super::model::{Entry, Format, Message, MessageId, Ms, PersonId, Reaction, Thread, ThreadId, World};
use super::super::parts::{Known, Quoted, attributes, contents, people};
use super::super::phrases::everyday;
use super::apply::{Checked, Target};
use super::{Applied, Arrival, Mutation, MutationError, Selector};

/// How many numbers are tried for the id of a new message when hand-made ids are in the way.
const ID_ATTEMPTS: usize = 1_000;

impl World {
    pub(super) fn apply_to_message(&mut self, mutation: &Mutation, now_ms: Ms) -> Result<Applied, MutationError> {
        let verb = mutation.verb();
        match mutation {
            Mutation::MessageEdited { account, conversation, message, text } => {
                let place = (self.target(account.as_deref(), conversation)?, message);
                self.change_message(verb, place, now_ms, |message, _| edit(message, text))
            }
            Mutation::MessageRecalled { account, conversation, message } => {
                let place = (self.target(account.as_deref(), conversation)?, message);
                self.change_message(verb, place, now_ms, |message, _| recall(message))
            }
            Mutation::MessageDeleted { account, conversation, message } => {
                let place = (self.target(account.as_deref(), conversation)?, message);
                self.change_message(verb, place, now_ms, |message, at_ms| {
                    message.deleted_at_ms = Some(at_ms);
                    Ok(())
                })
            }
            Mutation::ReactionAdded { account, conversation, message, emoji, by } => {
                let target = self.target(account.as_deref(), conversation)?;
                let person = self.reactor(&target, by.as_deref())?;
                self.change_message(verb, (target, message), now_ms, |message, at_ms| {
                    react(message, emoji, person, at_ms)
                })
            }
            Mutation::ReactionRemoved { account, conversation, message, emoji, by } => {
                let target = self.target(account.as_deref(), conversation)?;
                let person = by.as_deref().map(|by| self.somebody(&target.owner, by)).transpose()?;
                self.change_message(verb, (target, message), now_ms, |message, _| {
                    unreact(message, emoji, person.as_deref())
                })
            }
            _ => Err(MutationError::NotPossible("this verb is not about a message")),
        }
    }

    pub(super) fn message_arrives(&mut self, arrival: &Arrival, now_ms: Ms) -> Result<Applied, MutationError> {
        let owner = self.owner_of(arrival.account.as_deref())?;
        let (thread, new) = match (&arrival.conversation, &arrival.with) {
            (Some(conversation), None) => {
                if arrival.title.is_some() {
                    return Err(MutationError::NotPossible("a title needs \"with\", which starts a conversation"));
                }
                (self.target(Some(&owner), conversation)?.thread_id, None)
            }
            (None, Some(with)) => {
                let thread = self.new_thread(&owner, with, arrival, now_ms)?;
                (thread.id.clone(), Some(thread))
            }
            _ => return Err(MutationError::Malformed("write either \"conversation\" or \"with\"".to_owned())),
        };
        let existing = self.threads.get(&thread);
        let place = new.as_ref().or(existing).ok_or(MutationError::UnknownConversation)?;
        let message = self.new_message(&owner, place, arrival, now_ms)?;
        let message_id = message.id.clone();
        let at_ms = self.begin(&thread, now_ms);
        if let Some(new) = new {
            self.add_thread(new, at_ms);
        }
        self.deliver(&thread, message, at_ms);
        Ok(Target { owner, thread_id: thread }.applied("message_arrives", at_ms, Some(message_id)))
    }

    /// Puts a message into its thread and shows it in every mailbox that has the thread.
    pub(super) fn deliver(&mut self, thread_id: &ThreadId, mut message: Message, at_ms: Ms) {
        message.changed_at_ms = at_ms;
        for (owner, mailbox) in &mut self.mailboxes {
            if let Some(entry) = mailbox.entries.get_mut(thread_id) {
                show(entry, &message, owner == &message.sender);
                entry.changed_at_ms = at_ms;
            }
        }
        if let Some(thread) = self.threads.get_mut(thread_id) {
            thread.insert(message);
        }
    }

    fn add_thread(&mut self, thread: Thread, at_ms: Ms) {
        for (owner, mailbox) in &mut self.mailboxes {
            if thread.participants.contains(owner) {
                mailbox.entries.insert(thread.id.clone(), Entry::fresh(at_ms));
            }
        }
        self.threads.insert(thread.id.clone(), thread);
    }

    fn new_thread(
        &self,
        owner: &PersonId,
        with: &[String],
        arrival: &Arrival,
        now_ms: Ms,
    ) -> Result<Thread, MutationError> {
        let mut participants = people(with, "with", self, owner)?;
        participants.retain(|person| person != owner);
        let group = participants.len() > 1;
        let creator = participants.first().cloned();
        participants.push(owner.clone());
        let at_ms = self.next_change_ms(now_ms);
        let created_at_ms = arrival.at.unwrap_or(at_ms).min(at_ms);
        Ok(Thread {
            id: Stem::random(&mut rng_of(&["thread", owner, &at_ms.to_string()])).thread_id(),
            group,
            title: arrival.title.clone().filter(|title| !title.is_empty()),
            participants,
            creator,
            created_at_ms,
            last_activity_at_ms: created_at_ms,
            label: None,
            sponsored: false,
            messages: Vec::new(),
            poison: None,
        })
    }

    fn new_message(
        &self,
        owner: &PersonId,
        thread: &Thread,
        arrival: &Arrival,
        now_ms: Ms,
    ) -> Result<Message, MutationError> {
        let change_ms = self.next_change_ms(now_ms);
        let at_ms = arrival.at.unwrap_or(change_ms);
        if !(0..=change_ms).contains(&at_ms) {
            return Err(MutationError::NotPossible("the delivery time lies in the future or before 1970"));
        }
        let sender = match &arrival.from {
            Some(name) => self.somebody(owner, name)?,
            None => thread.other_than(owner).unwrap_or_else(|| owner.clone()),
        };
        let id = thread.next_message_id(at_ms);
        let quoted = |value: &Value| {
            let selector = Selector::try_from(value.clone()).ok()?;
            thread.select(&selector).map(Quoted::of)
        };
        let known = Known { world: self, owner, sender: &sender, at_ms, message_id: &id, quoted: &quoted };
        let content = contents(&arrival.content, "content", &known)?;
        let attributes = attributes(&arrival.attributes, "attributes", &known)?;
        let invented = || everyday(&mut rng_of(&["text", &id]));
        let text = match &arrival.text {
            Some(text) => text.clone(),
            None if content.is_empty() => invented(),
            None => String::new(),
        };
        let format = arrival.format.as_deref().map_or(Format::Default, Format::from_word);
        let subject = arrival.subject.clone().filter(|subject| !subject.is_empty());
        let plain = Message::plain(id.clone(), sender, at_ms, text);
        Ok(Message { attributes, content, format, subject, ..plain })
    }

    /// Who reacts when nobody is named: somebody else than the owner.
    fn reactor(&self, target: &Target, by: Option<&str>) -> Result<PersonId, MutationError> {
        if let Some(by) = by {
            return self.somebody(&target.owner, by);
        }
        let other = self.threads.get(&target.thread_id).and_then(|thread| thread.other_than(&target.owner));
        Ok(other.unwrap_or_else(|| target.owner.clone()))
    }
}

impl Thread {
    /// The first participant who is not this one.
    pub(super) fn other_than(&self, person: &str) -> Option<PersonId> {
        self.participants.iter().find(|other| *other != person).cloned()
    }

    /// An id that no message of this thread has.
    pub(super) fn next_message_id(&self, at_ms: Ms) -> MessageId {
        let stem = Stem::of_thread(&self.id);
        let first = self.messages.len();
        let mut ids = (first..first + ID_ATTEMPTS).map(|number| stem.message_id(at_ms, number));
        let free = ids.find(|id| self.message(id).is_none());
        free.unwrap_or_else(|| stem.message_id(at_ms, first + ID_ATTEMPTS))
    }
}

impl Quoted {
    /// What a reply says about the message that it answers.
    pub(in super::super) fn of(message: &Message) -> Self {
        Self {
            id: message.id.clone(),
            sender: message.sender.clone(),
            text: message.body.clone().unwrap_or_default(),
            at_ms: message.delivered_at_ms,
        }
    }
}

impl Entry {
    /// How a mailbox sees a conversation that has just come.
    pub(super) fn fresh(at_ms: Ms) -> Self {
        Self {
            categories: vec!["INBOX".to_owned(), "PRIMARY_INBOX".to_owned()],
            state: None,
            read: true,
            unread_count: 0,
            last_read_at_ms: None,
            muted: false,
            changed_at_ms: at_ms,
            deleted_at_ms: None,
        }
    }
}

/// A new message brings a deleted or archived conversation back into the inbox; spam stays where it is.
fn show(entry: &mut Entry, message: &Message, own: bool) {
    let archived = entry.categories.iter().any(|category| category == "ARCHIVE");
    if entry.deleted_at_ms.take().is_some() || archived {
        entry.categories = Entry::fresh(0).categories;
    }
    if own {
        entry.read = true;
        entry.unread_count = 0;
        entry.last_read_at_ms = entry.last_read_at_ms.max(Some(message.delivered_at_ms));
    } else if message.format != Format::System {
        entry.read = false;
        entry.unread_count = entry.unread_count.saturating_add(1);
    }
}

fn edit(message: &mut Message, text: &str) -> Checked {
    if matches!(message.format, Format::Recalled | Format::System) {
        return Err(MutationError::NotPossible("a recalled or system message is not edited"));
    }
    message.body = Some(text.to_owned());
    message.attributes.clear();
    message.format = Format::Edited;
    Ok(())
}

fn recall(message: &mut Message) -> Checked {
    if matches!(message.format, Format::Recalled | Format::System) {
        return Err(MutationError::NotPossible("a recalled or system message is not recalled"));
    }
    message.body = Some(String::new());
    message.attributes.clear();
    message.content.clear();
    message.reactions.clear();
    message.subject = None;
    message.fallback_text = None;
    message.format = Format::Recalled;
    Ok(())
}

fn react(message: &mut Message, emoji: &str, person: PersonId, at_ms: Ms) -> Checked {
    if emoji.is_empty() || message.format == Format::Recalled {
        return Err(MutationError::NotPossible("a reaction needs an emoji and a message that is not recalled"));
    }
    match message.reactions.iter_mut().find(|reaction| reaction.emoji == emoji) {
        Some(reaction) if reaction.people.contains(&person) => {
            return Err(MutationError::NotPossible("this person has reacted with this emoji already"));
        }
        Some(reaction) => reaction.people.push(person),
        None => message.reactions.push(Reaction {
            emoji: emoji.to_owned(),
            first_reacted_at_ms: at_ms,
            people: vec![person],
        }),
    }
    Ok(())
}

/// Takes back the reaction of one person, or of the first one when nobody is named.
fn unreact(message: &mut Message, emoji: &str, person: Option<&str>) -> Checked {
    const NONE: MutationError = MutationError::NotPossible("there is no such reaction to take back");
    let place = message.reactions.iter().position(|reaction| reaction.emoji == emoji).ok_or(NONE)?;
    let reaction = message.reactions.get_mut(place).ok_or(NONE)?;
    let who = match person {
        Some(person) => reaction.people.iter().position(|other| other == person).ok_or(NONE)?,
        None => 0,
    };
    reaction.people.remove(who);
    if reaction.people.is_empty() {
        message.reactions.remove(place);
    }
    Ok(())
}
