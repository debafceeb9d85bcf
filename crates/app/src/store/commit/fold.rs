//! What the stored rows become: the core's merge functions over one batch, in the order in which it was told.
//!
//! Pure: old rows and a batch in, changed rows and events out. Each version of a record gives exactly one event.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use threadkeep_core::conversation::{Conversation, ConversationSeen, delete_conversation, merge_conversation};
use threadkeep_core::event::EventKind;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::message::{Merged, Message, Origin, delete_message, merge_message, with_archived_text};
use threadkeep_core::person::merge_person;
use threadkeep_core::sync::Health;
use threadkeep_core::sync::track::{ConversationTrack, leave, sight, sweep};
use threadkeep_core::time::Timestamp;

use super::CONVERSATIONS_OF_ACCOUNT;
use super::adopt::Adopted;
use super::attach::AttachmentChanges;
use super::gather::{Before, Kept};
use crate::planted::{self, Bug};
use crate::store::Commit;

/// Hex digits of an event id after its prefix.
const EVENT_ID_DIGITS: usize = 32;

/// One change, for the log.
pub(super) struct NewEvent {
    pub(super) id: String,
    pub(super) kind: EventKind,
    pub(super) object: String,
    pub(super) version: i64,
}

/// How many records changed.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) conversations_changed: u64,
    pub(super) messages_new: u64,
    pub(super) messages_changed: u64,
    /// Messages that are not deleted, more or fewer.
    pub(super) messages_balance: i64,
}

/// A conversation whose child rows have to be written again.
#[derive(Default)]
pub(super) struct Children {
    /// Whether the row had any before.
    pub(super) is_new: bool,
    pub(super) categories_changed: bool,
    /// Participants who are no longer there; they may have written.
    pub(super) gone: BTreeSet<PersonId>,
    pub(super) participants_changed: bool,
    /// Senders who are no participants.
    pub(super) strangers: BTreeSet<PersonId>,
}

/// What the batch made of the stored rows.
pub(super) struct Folded {
    pub(super) before: Before,
    pub(super) people: BTreeSet<PersonId>,
    pub(super) conversations: BTreeSet<ConversationId>,
    pub(super) children: BTreeMap<ConversationId, Children>,
    pub(super) messages: BTreeSet<MessageId>,
    pub(super) attachments: AttachmentChanges,
    /// Keys of conversations that a tombstone removed.
    pub(super) lost: Vec<i64>,
    /// Keys of the conversations whose newest message may be another one or another text.
    pub(super) newest: BTreeSet<i64>,
    pub(super) tracks: BTreeSet<ConversationId>,
    pub(super) events: Vec<NewEvent>,
    pub(super) counts: Counts,
    pub(super) oldest_message_at: Option<Timestamp>,
    /// Whether the oldest message may have gone or moved.
    pub(super) oldest_is_unsure: bool,
    pub(super) logins_lost: i64,
    pub(super) asked_was_due: bool,
    pub(super) account: String,
}

/// Folds a batch into the stored rows, with what rows of archives it has taken over.
pub(super) fn fold(commit: &Commit<'_>, before: Before, adopted: &Adopted) -> Folded {
    let batch = commit.batch;
    let mut folded = Folded {
        people: BTreeSet::new(),
        conversations: BTreeSet::new(),
        children: BTreeMap::new(),
        messages: BTreeSet::new(),
        attachments: AttachmentChanges::default(),
        lost: Vec::new(),
        newest: BTreeSet::new(),
        tracks: BTreeSet::new(),
        events: Vec::with_capacity(batch.messages.len() + batch.conversations.len()),
        counts: Counts::default(),
        oldest_message_at: before.oldest_message_at,
        oldest_is_unsure: adopted.oldest_is_unsure,
        logins_lost: before.logins_lost,
        asked_was_due: false,
        account: commit.lease.account.as_str().to_owned(),
        before,
    };
    for (id, version) in &adopted.gone {
        folded.tell(EventKind::MessageDeleted, id.as_str(), i64::from(*version) + 1);
    }
    folded.take_people(commit);
    for seen in &batch.conversations {
        folded.take_conversation(seen, commit);
    }
    for id in &batch.deleted_conversations {
        folded.lose_conversation(id);
    }
    folded.take_messages(commit, adopted);
    folded.take_tracks(commit);
    folded.take_health(commit);
    folded
}

impl Folded {
    /// Those who have changed, without the owner, who takes part almost everywhere and is looked up by readers.
    pub(super) fn others(&self) -> impl Iterator<Item = &PersonId> {
        self.people.iter().filter(|id| **id != self.before.member)
    }

    /// Whether what lists show of people has to be written anew somewhere.
    pub(super) fn lays(&self) -> bool {
        self.others().next().is_some() || self.children.values().any(|children| children.participants_changed)
    }

    fn take_people(&mut self, commit: &Commit<'_>) {
        for seen in &commit.batch.people {
            if let Some(person) = merge_person(self.before.people.get(&seen.id), seen) {
                self.people.insert(person.id.clone());
                self.before.people.insert(person.id.clone(), person);
            }
        }
    }

    fn take_conversation(&mut self, seen: &ConversationSeen, commit: &Commit<'_>) {
        let kept = self.before.conversations.get(&seen.id);
        // What only an archive has told has times of whole seconds, by which a page would seem to be an old one.
        let is_from_archive = self.before.has_archive && kept.is_some_and(|kept| kept.track.is_none());
        let origin = if is_from_archive { Origin::Delta } else { commit.batch.origin };
        let old = kept.map(|kept| &kept.conversation);
        let Some(new) = merge_conversation(old, seen, origin) else {
            return;
        };
        let kind = if old.is_some() { EventKind::ConversationUpdated } else { EventKind::ConversationCreated };
        self.put_conversation(new, kind);
    }

    fn lose_conversation(&mut self, id: &ConversationId) {
        let old = self.before.conversations.get(id).map(|kept| (kept.pk, delete_conversation(&kept.conversation)));
        if let Some((pk, Some(new))) = old {
            self.lost.push(pk);
            self.put_conversation(new, EventKind::ConversationDeleted);
        }
    }

    fn put_conversation(&mut self, new: Conversation, kind: EventKind) {
        let id = new.id.clone();
        if kind != EventKind::ConversationUpdated || !planted::is(Bug::ConversationEventMissing) {
            self.tell(kind, id.as_str(), i64::from(new.version));
        }
        self.counts.conversations_changed += u64::from(self.conversations.insert(id.clone()));
        let children = self.children.entry(id.clone()).or_default();
        match self.before.conversations.get_mut(&id) {
            Some(kept) => {
                let old = &kept.conversation;
                children.categories_changed |= old.categories != new.categories;
                if old.participants != new.participants {
                    children.participants_changed = true;
                    children.gone.extend(old.participants.difference(&new.participants).cloned());
                }
                kept.conversation = new;
            }
            None => {
                children.is_new = true;
                children.categories_changed = true;
                children.participants_changed = true;
                self.before.conversation_seq += 1;
                let pk = self.before.account_pk * CONVERSATIONS_OF_ACCOUNT + self.before.conversation_seq;
                self.before.conversations.insert(id, Kept { pk, newest: None, conversation: new, track: None });
            }
        }
    }

    fn take_messages(&mut self, commit: &Commit<'_>, adopted: &Adopted) {
        let batch = commit.batch;
        for seen in &batch.messages {
            if !self.before.conversations.contains_key(&seen.conversation) {
                // A message of a thread that no list has shown: the thread is kept with what its id tells.
                self.take_conversation(&ConversationSeen::only_id(seen.conversation.clone()), commit);
            }
            let old = self.before.messages.get(&seen.id).map(|(_, message)| message);
            let is_new = old.is_none();
            match merge_message(old, seen, batch.origin, commit.now) {
                Merged::Unchanged => {}
                Merged::Refreshed(message) => self.put_message(message),
                Merged::Changed(mut message, change) => {
                    if is_new {
                        adopted.complete(&mut message, commit.now);
                    }
                    self.tell(change.into(), message.id.as_str(), i64::from(message.version));
                    self.counts.messages_new += u64::from(is_new);
                    self.counts.messages_changed += u64::from(!is_new);
                    self.put_message(message);
                }
            }
        }
        for (id, body) in &adopted.earlier {
            let old = self.before.messages.get(id).map(|(_, message)| message);
            if let Some(message) = old.and_then(|old| with_archived_text(old, body, commit.now)) {
                self.tell(EventKind::MessageUpdated, id.as_str(), i64::from(message.version));
                self.put_message(message);
            }
        }
        for id in &batch.deleted_messages {
            let old = self.before.messages.get(id).map(|(_, message)| message);
            if let Some(message) = old.and_then(delete_message) {
                self.tell(EventKind::MessageDeleted, id.as_str(), i64::from(message.version));
                self.counts.messages_changed += 1;
                self.put_message(message);
            }
        }
    }

    fn put_message(&mut self, new: Message) {
        let Some(kept) = self.before.conversations.get(&new.conversation) else {
            // The conversation of a known message that the batch does not name: its key came with the message.
            self.replace_message(new);
            return;
        };
        let pk = kept.pk;
        if let Some(sender) = new.sender.as_ref().filter(|sender| !kept.conversation.participants.contains(*sender)) {
            let children = self.children.entry(new.conversation.clone()).or_default();
            children.strangers.insert(sender.clone());
        }
        if self.before.messages.contains_key(&new.id) {
            self.replace_message(new);
            return;
        }
        let position = (new.delivered_at, &new.id);
        if kept.newest.as_ref().is_none_or(|(at, id)| (*at, id) < position) {
            self.newest.insert(pk);
        }
        self.counts.messages_balance += 1;
        self.attachments.note(None, &new);
        self.oldest_message_at = Some(self.oldest_message_at.map_or(new.delivered_at, |at| at.min(new.delivered_at)));
        self.messages.insert(new.id.clone());
        self.before.messages.insert(new.id.clone(), (pk, new));
    }

    fn replace_message(&mut self, new: Message) {
        let Some((pk, old)) = self.before.messages.get_mut(&new.id) else {
            return;
        };
        self.attachments.note(Some(old), &new);
        if !planted::is(Bug::NewestNotLaid) {
            self.newest.insert(*pk);
        }
        let went = new.deleted && !old.deleted;
        self.counts.messages_balance -= i64::from(went && !planted::is(Bug::RemovedCountsOn));
        if went || new.delivered_at != old.delivered_at {
            self.oldest_is_unsure |= self.oldest_message_at.is_some_and(|oldest| old.delivered_at <= oldest);
            if !new.deleted {
                let oldest = self.oldest_message_at.map_or(new.delivered_at, |at| at.min(new.delivered_at));
                self.oldest_message_at = Some(oldest);
            }
        }
        self.messages.insert(new.id.clone());
        *old = new;
    }

    fn take_tracks(&mut self, commit: &Commit<'_>) {
        let batch = commit.batch;
        let asked = batch.track.as_ref().and_then(|track| self.before.conversations.get(&track.conversation));
        self.asked_was_due = asked.and_then(|kept| kept.track.as_ref()).is_some_and(|old| old.due_rank().is_some());
        for sighting in &batch.sightings {
            if !self.before.conversations.contains_key(&sighting.conversation) {
                self.take_conversation(&ConversationSeen::only_id(sighting.conversation.clone()), commit);
            }
            if let Some(kept) = self.before.conversations.get_mut(&sighting.conversation) {
                let new = sight(kept.track.as_ref(), sighting);
                if kept.track.as_ref() != Some(&new) {
                    kept.track = Some(new);
                    self.tracks.insert(sighting.conversation.clone());
                }
            }
        }
        for id in &batch.deleted_conversations {
            let track = self.before.conversations.get_mut(id).and_then(|kept| kept.track.as_mut());
            if let Some(track) = track {
                let new = leave(track);
                if *track != new {
                    *track = new;
                    self.tracks.insert(id.clone());
                }
            }
        }
        if let Some(track) = &batch.track {
            self.put_track(track);
        }
        for id in batch.verification.iter().flat_map(|one| &one.sweeps) {
            let kept = self.before.conversations.get(id).and_then(|kept| kept.track.as_ref());
            if let Some(track) = kept.and_then(sweep) {
                self.put_track(&track);
            }
        }
    }

    fn put_track(&mut self, track: &ConversationTrack) {
        let Some(kept) = self.before.conversations.get_mut(&track.conversation) else {
            return;
        };
        if kept.track.as_ref() != Some(track) {
            kept.track = Some(track.clone());
            self.tracks.insert(track.conversation.clone());
        }
    }

    fn take_health(&mut self, commit: &Commit<'_>) {
        if commit.batch.health == Some(Health::NeedsLogin) && self.before.health != Health::NeedsLogin {
            self.logins_lost += 1;
            let account = self.account.clone();
            self.tell(EventKind::AccountNeedsLogin, &account, self.logins_lost);
        }
    }

    fn tell(&mut self, kind: EventKind, object: &str, version: i64) {
        let number = if planted::is(Bug::EventIdOfPosition) { self.events.len() as i64 } else { version };
        let id = event_id(&self.account, object, number, kind);
        self.events.push(NewEvent { id, kind, object: object.to_owned(), version });
    }
}

/// The same change of the same record has the same id, wherever and whenever it is computed.
fn event_id(account: &str, object: &str, version: i64, kind: EventKind) -> String {
    let mut hash = Sha256::new();
    for part in [account.as_bytes(), object.as_bytes(), version.to_string().as_bytes(), kind.as_str().as_bytes()] {
        hash.update(part);
        hash.update([0]);
    }
    let mut id = String::with_capacity(4 + EVENT_ID_DIGITS);
    id.push_str("evt_");
    push_hex(&mut id, &hash.finalize(), EVENT_ID_DIGITS);
    id
}

/// The first hex digits of some bytes.
pub(super) fn push_hex(text: &mut String, bytes: &[u8], digits: usize) {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(nibbles.take(digits).filter_map(|nibble| char::from_digit(u32::from(nibble), 16)));
}
