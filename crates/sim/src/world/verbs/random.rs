//! Random changes for seeded tests: the same seed on the same world does the same.
//!
//! Only changes that can really be done are counted. The owner of a mailbox is never thrown out of a conversation,
//! and a delivery never comes late: those two need a verb of their own.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::super::id::WorldRng;
use super::super::model::{Format, Message, Ms, PersonId, Thread, World};
use super::super::phrases::{EMOJI, HOSTILE_TEXTS, everyday};
use super::{Applied, Arrival, Mutation, MutationError, Selector};

/// A kind of change and how often it comes, in proportion.
const WEIGHTS: [(&str, u32); 17] = [
    ("message_arrives", 34),
    ("message_edited", 8),
    ("message_recalled", 4),
    ("message_deleted", 3),
    ("reaction_added", 8),
    ("reaction_removed", 3),
    ("conversation_renamed", 3),
    ("conversation_archived", 4),
    ("conversation_restored", 3),
    ("conversation_moved", 2),
    ("marked_read", 6),
    ("marked_unread", 3),
    ("conversation_muted", 3),
    ("conversation_unmuted", 4),
    ("conversation_deleted", 2),
    ("member_joined", 3),
    ("member_left", 3),
];
/// Kinds that come only when they are asked for: no mirror can equal the truth of a poisoned conversation.
const ON_REQUEST: [(&str, u32); 2] = [("conversation_poisoned", 1), ("conversation_healed", 1)];
/// Draws for one change before giving up on it.
const ATTEMPTS: usize = 64;
/// Most changes that one verb makes.
const MOST_CHANGES: usize = 100_000;
/// New conversations out of a hundred messages.
const NEW_THREAD_PERCENT: u32 = 8;
/// One message in this many is from the owner, has an attachment, has a hostile text.
const OWN_IN: u32 = 4;
/// How many messages count as newest.
const NEWEST: usize = 5;
const ATTACHED_IN: u32 = 8;
const HOSTILE_IN: u32 = 20;

impl Mutation {
    /// A random change of something that exists, if anything does; it may still be refused when applied.
    pub fn random(world: &World, rng: &mut WorldRng) -> Option<Self> {
        Self::random_of(world, rng, &WEIGHTS)
    }

    fn random_of(world: &World, rng: &mut WorldRng, kinds: &[(&str, u32)]) -> Option<Self> {
        (0..ATTEMPTS).find_map(|_| {
            let owner = world.accounts.choose(rng)?.clone();
            let (kind, _) = kinds.choose_weighted(rng, |(_, weight)| *weight).ok()?;
            Draw { world, owner, rng }.mutation(kind)
        })
    }
}

impl World {
    pub(super) fn apply_random(
        &mut self,
        seed: u64,
        count: usize,
        only: Option<&[String]>,
        now_ms: Ms,
    ) -> Result<Applied, MutationError> {
        let kinds = kinds(only)?;
        if count > MOST_CHANGES {
            return Err(MutationError::NotPossible("at most 100000 random changes are made at once"));
        }
        let mut rng = WorldRng::seed_from_u64(seed);
        let mut changes = Vec::new();
        for _ in 0..count {
            let done = (0..ATTEMPTS).find_map(|_| {
                let mutation = Mutation::random_of(self, &mut rng, &kinds)?;
                self.apply(&mutation, now_ms).ok()
            });
            // Nothing fitted in many draws: more draws would only take time.
            let Some(done) = done else { break };
            changes.push(done);
        }
        Ok(Applied { verb: "random", at_ms: self.changed_at_ms, changes, ..Applied::default() })
    }
}

fn kinds(only: Option<&[String]>) -> Result<Vec<(&'static str, u32)>, MutationError> {
    let Some(only) = only else { return Ok(WEIGHTS.to_vec()) };
    let one = |name: &String| {
        let known = WEIGHTS.iter().chain(&ON_REQUEST).find(|(kind, _)| kind == name).copied();
        known.ok_or_else(|| MutationError::Malformed(format!("only: {name:?} is no verb that random can do")))
    };
    only.iter().map(one).collect()
}

/// One draw for one mailbox.
struct Draw<'a> {
    world: &'a World,
    owner: PersonId,
    rng: &'a mut WorldRng,
}

impl<'a> Draw<'a> {
    fn mutation(&mut self, kind: &str) -> Option<Mutation> {
        let account = Some(self.owner.clone());
        if kind == "message_arrives" {
            return self.arrival().map(|arrival| Mutation::MessageArrives(Box::new(arrival)));
        }
        let thread = self.thread()?;
        let conversation = Selector::Named(thread.id.clone());
        Some(match kind {
            "message_edited" => {
                let message = self.message(thread, editable)?;
                Mutation::MessageEdited { account, conversation, message, text: self.text() }
            }
            "message_recalled" => {
                let message = self.message(thread, editable)?;
                Mutation::MessageRecalled { account, conversation, message }
            }
            "message_deleted" => {
                Mutation::MessageDeleted { account, conversation, message: self.message(thread, |_| true)? }
            }
            "reaction_added" => {
                let message = self.message(thread, |message| message.format != Format::Recalled)?;
                let emoji = (*EMOJI.choose(self.rng)?).to_owned();
                let by = thread.participants.choose(self.rng).cloned();
                Mutation::ReactionAdded { account, conversation, message, emoji, by }
            }
            "reaction_removed" => {
                let message = self.message(thread, |message| !message.reactions.is_empty())?;
                let emoji = thread.select(&message)?.reactions.choose(self.rng)?.emoji.clone();
                Mutation::ReactionRemoved { account, conversation, message, emoji, by: None }
            }
            "conversation_renamed" => {
                let title = Some(self.text()).filter(|_| self.rng.random_ratio(4, 5));
                Mutation::ConversationRenamed { account, conversation, title, by: None }
            }
            "conversation_moved" => {
                let to = (*["INBOX", "ARCHIVE", "SPAM"].choose(self.rng)?).to_owned();
                Mutation::ConversationMoved { account, conversation, to }
            }
            "member_joined" => {
                let person = self.person()?;
                Mutation::MemberJoined { account, conversation, person, by: None }
            }
            "member_left" => {
                let owner = self.owner.as_str();
                let others: Vec<_> = thread.participants.iter().filter(|other| *other != owner).collect();
                let person = Some((*others.choose(self.rng)?).clone());
                Mutation::MemberLeft { account, conversation, person }
            }
            _ => return simple(kind, account, conversation),
        })
    }

    fn arrival(&mut self) -> Option<Arrival> {
        let mut arrival = Arrival { account: Some(self.owner.clone()), ..Arrival::default() };
        if self.rng.random_ratio(NEW_THREAD_PERCENT, 100) {
            arrival.with = Some(vec![self.person()?]);
        } else {
            let thread = self.thread()?;
            arrival.conversation = Some(Selector::Named(thread.id.clone()));
            let own = self.rng.random_ratio(1, OWN_IN);
            arrival.from = if own { Some("me".to_owned()) } else { thread.participants.choose(self.rng).cloned() };
        }
        if self.rng.random_ratio(1, ATTACHED_IN) {
            arrival.content = vec![self.content()];
        }
        arrival.text = Some(self.text());
        Some(arrival)
    }

    fn content(&mut self) -> Value {
        let kinds = [
            json!({"file": {"name": "report.pdf"}}),
            json!({"vectorImage": {}}),
            json!({"audio": {}}),
            json!({"video": {"streams": 0}}),
            json!({"videoMeeting": {}}),
            json!({"somethingNew": {"a": 1}}),
            json!({}),
        ];
        kinds.choose(self.rng).cloned().unwrap_or_default()
    }

    /// A conversation that the mailbox has not deleted.
    fn thread(&mut self) -> Option<&'a Thread> {
        let mailbox = self.world.mailboxes.get(&self.owner)?;
        let live = mailbox.entries.iter().filter(|(_, entry)| entry.deleted_at_ms.is_none());
        let ids: Vec<&String> = live.map(|(id, _)| id).collect();
        self.world.threads.get(*ids.choose(self.rng)?)
    }

    /// A message of a thread that fits: half of the time among the newest.
    fn message(&mut self, thread: &Thread, fits: fn(&Message) -> bool) -> Option<Selector> {
        let all: Vec<&Message> = thread.visible_messages().filter(|message| fits(message)).collect();
        let newest = if self.rng.random_bool(0.5) { all.len().saturating_sub(NEWEST) } else { 0 };
        let message = all.get(newest..)?.choose(self.rng)?;
        Some(Selector::Named(message.id.clone()))
    }

    fn person(&mut self) -> Option<PersonId> {
        let people: Vec<&PersonId> = self.world.people.keys().filter(|id| **id != self.owner).collect();
        people.choose(self.rng).map(|id| (*id).clone())
    }

    fn text(&mut self) -> String {
        if self.rng.random_ratio(1, HOSTILE_IN) {
            return HOSTILE_TEXTS.choose(self.rng).copied().unwrap_or_default().to_owned();
        }
        everyday(self.rng)
    }
}

fn editable(message: &Message) -> bool {
    !matches!(message.format, Format::Recalled | Format::System)
}

/// The verbs that need nothing but a conversation.
fn simple(kind: &str, account: Option<String>, conversation: Selector) -> Option<Mutation> {
    Some(match kind {
        "conversation_archived" => Mutation::ConversationArchived { account, conversation },
        "conversation_restored" => Mutation::ConversationRestored { account, conversation },
        "marked_read" => Mutation::MarkedRead { account, conversation },
        "marked_unread" => Mutation::MarkedUnread { account, conversation },
        "conversation_muted" => Mutation::ConversationMuted { account, conversation },
        "conversation_unmuted" => Mutation::ConversationUnmuted { account, conversation },
        "conversation_deleted" => Mutation::ConversationDeleted { account, conversation },
        "conversation_poisoned" => Mutation::ConversationPoisoned { account, conversation, reason: None },
        "conversation_healed" => Mutation::ConversationHealed { account, conversation },
        _ => return None,
    })
}
