//! Invents whole mailboxes from a seed: the same options always give the same world, to the byte.
//!
//! Everything that the protocol is known to send occurs in a mailbox of the default size. No clock, no thread, no
//! hash order may have a say in here.

pub(super) mod messages;
pub(super) mod plan;
mod showcase;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use self::messages::{Scene, messages, smallest_size, times};
use self::plan::{Kind, Plan, Shelf, Theme, activity_times, plans, sizes};
use super::content::Content;
use super::id::{Stem, WorldRng};
use super::model::{Entry, Format, Mailbox, Message, Ms, PersonId, Thread, World};
use super::names::{Wanted, invent};
use super::phrases::HOSTILE_TEXTS;

/// Other accounts share at most this many groups with the first one.
const SHARED_GROUPS: usize = 3;
const GROUP_SIZES: std::ops::Range<usize> = 2..8;
const LARGE_GROUP_SIZE: usize = 60;
/// People without any conversation, for new ones to come from.
const SPARE_PEOPLE: usize = 5;
const MOST_UNREAD: usize = 9;
const LARGEST_READ_DELAY_MS: Ms = 300_000;
const EARLIEST_CREATION_MS: Ms = 30 * 86_400_000;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// Everything invented follows from it.
    pub seed: u64,
    /// Conversations in each account's mailbox, whatever their category.
    pub conversations: usize,
    /// Mean number of messages of a conversation.
    pub messages_mean: f64,
    /// Number of accounts; at least one is made.
    pub accounts: usize,
    /// With which of the telling conversations a mailbox begins, so that small ones can have any of them.
    pub first: usize,
    /// Nothing generated is newer than this.
    pub now_ms: Ms,
}

impl GenerateOptions {
    /// The default mailbox, ending at this time.
    pub fn at(now_ms: Ms) -> Self {
        Self { seed: 1, conversations: 120, messages_mean: 30.0, accounts: 1, first: 0, now_ms }
    }
}

impl World {
    /// Invents a world.
    pub fn generate(options: &GenerateOptions) -> Self {
        let mut builder = Builder::new(Self::default(), options);
        for number in 0..options.accounts.max(1) {
            let owner = invent(&mut builder.world, &mut builder.rng, Wanted::Member);
            builder.world.add_account(owner.clone());
            let shared = if number == 0 { 0 } else { builder.share_groups(&owner, options.conversations) };
            builder.fill_mailbox(&owner, options.conversations - shared, options.messages_mean);
        }
        builder.finish()
    }

    /// Adds generated conversations to a mailbox that exists.
    pub(super) fn generate_into(self, owner: &str, options: &GenerateOptions) -> Self {
        let mut builder = Builder::new(self, options);
        builder.fill_mailbox(owner, options.conversations, options.messages_mean);
        builder.finish()
    }

    /// The newest change of a world that has just been made is the newest that any mailbox shows.
    pub(super) fn settle_change_time(&mut self) {
        let entries = self.mailboxes.values().flat_map(|mailbox| mailbox.entries.values());
        let newest_ms = entries.map(|entry| entry.changed_at_ms).max().unwrap_or_default();
        self.changed_at_ms = self.changed_at_ms.max(newest_ms);
    }

    pub(super) fn add_account(&mut self, owner: PersonId) {
        self.mailboxes.insert(owner.clone(), Mailbox { owner: owner.clone(), entries: Default::default() });
        self.accounts.push(owner);
    }
}

struct Builder {
    world: World,
    rng: WorldRng,
    now_ms: Ms,
    first: usize,
    /// Members who have a one-to-one conversation with somebody.
    contacts: Vec<PersonId>,
}

impl Builder {
    fn new(world: World, options: &GenerateOptions) -> Self {
        let rng = WorldRng::seed_from_u64(options.seed);
        Self { world, rng, now_ms: options.now_ms, first: options.first, contacts: Vec::new() }
    }

    fn finish(mut self) -> World {
        for _ in 0..SPARE_PEOPLE {
            invent(&mut self.world, &mut self.rng, Wanted::Member);
        }
        self.world.settle_change_time();
        self.world
    }

    fn fill_mailbox(&mut self, owner: &str, conversations: usize, mean: f64) {
        self.contacts.clear();
        let plans = plans(&mut self.rng, conversations, self.first);
        let sizes = sizes(&mut self.rng, &plans, mean);
        let activity = activity_times(&mut self.rng, &plans, self.now_ms);
        for ((plan, size), activity_ms) in plans.iter().zip(sizes).zip(activity) {
            self.add_thread(owner, *plan, size, activity_ms);
        }
    }

    /// Puts groups of the first account into another mailbox too.
    fn share_groups(&mut self, owner: &str, most: usize) -> usize {
        let groups = self.world.threads.values().filter(|thread| thread.group && !thread.messages.is_empty());
        let ids: Vec<_> = groups.take(SHARED_GROUPS.min(most)).map(|thread| thread.id.clone()).collect();
        for id in &ids {
            let Some(thread) = self.world.threads.get_mut(id) else { continue };
            thread.participants.push(owner.to_owned());
            let entry = entry(&mut self.rng, thread, owner, Shelf::Primary, Kind::Group, self.now_ms);
            if let Some(mailbox) = self.world.mailboxes.get_mut(owner) {
                mailbox.entries.insert(id.clone(), entry);
            }
        }
        ids.len()
    }

    fn add_thread(&mut self, owner: &str, plan: Plan, size: usize, activity_ms: Ms) {
        let stem = Stem::random(&mut self.rng);
        let others = self.others(plan);
        let mut participants = others.clone();
        participants.insert(self.rng.random_range(0..=others.len()), owner.to_owned());
        let group = matches!(plan.kind, Kind::Group | Kind::LargeGroup);
        let former: Vec<PersonId> = if group { self.invent_some(2, Wanted::Member) } else { Vec::new() };
        let senders = if plan.kind == Kind::SelfOnly { vec![owner.to_owned()] } else { participants.clone() };
        let present = match plan.kind {
            Kind::Request | Kind::Sponsored => &others,
            _ => &senders,
        };
        let size = size.max(smallest_size(plan.theme));
        let moments = times(&mut self.rng, size, activity_ms, plan.theme);
        let scene = Scene { world: &self.world, stem: &stem, owner, present, former: &former, now_ms: self.now_ms };
        let mut messages = messages(&scene, &mut self.rng, &moments, plan.theme);
        mark_kind(plan.kind, &mut messages);
        let oldest_ms = moments.first().copied().unwrap_or(activity_ms);
        let early_ms =
            if self.rng.random_bool(0.5) || size == 0 { 0 } else { self.rng.random_range(0..EARLIEST_CREATION_MS) };
        let thread = Thread {
            id: stem.thread_id(),
            group,
            title: self.title(plan),
            creator: if self.rng.random_bool(0.9) { others.first().cloned() } else { None },
            participants,
            created_at_ms: oldest_ms - early_ms,
            last_activity_at_ms: activity_ms,
            label: label(plan.kind),
            sponsored: plan.kind == Kind::Sponsored,
            messages,
            poison: None,
        };
        let entry = entry(&mut self.rng, &thread, owner, plan.shelf, plan.kind, self.now_ms);
        if let Some(mailbox) = self.world.mailboxes.get_mut(owner) {
            mailbox.entries.insert(thread.id.clone(), entry);
        }
        self.world.threads.insert(thread.id.clone(), thread);
    }

    /// Everybody in the conversation but the owner.
    fn others(&mut self, plan: Plan) -> Vec<PersonId> {
        let hostile = plan.theme == Theme::Hostile || self.rng.random_ratio(1, 40);
        let member = if hostile { Wanted::HostileMember } else { Wanted::Member };
        match plan.kind {
            Kind::SelfOnly => Vec::new(),
            Kind::Organization | Kind::Sponsored => self.invent_some(1, Wanted::Organization),
            Kind::DeletedMember => self.invent_some(1, Wanted::DeletedMember),
            Kind::Custom => self.invent_some(1, Wanted::Custom),
            Kind::Agent => self.invent_some(1, Wanted::Agent),
            Kind::SamePerson if !self.contacts.is_empty() => {
                self.contacts.choose(&mut self.rng).cloned().into_iter().collect()
            }
            Kind::OneToOne | Kind::SamePerson | Kind::InMail | Kind::Request => {
                let people = self.invent_some(1, member);
                self.contacts.extend(people.iter().cloned());
                people
            }
            Kind::Group => {
                let count = self.rng.random_range(GROUP_SIZES);
                self.crowd(count, member)
            }
            Kind::LargeGroup => self.crowd(LARGE_GROUP_SIZE, member),
        }
    }

    /// A group of this many people: half of them known, one deleted in every fourth group.
    fn crowd(&mut self, count: usize, wanted: Wanted) -> Vec<PersonId> {
        let mut people: Vec<PersonId> = self.contacts.sample(&mut self.rng, count / 2).cloned().collect();
        if self.rng.random_ratio(1, 4) {
            people.extend(self.invent_some(1, Wanted::DeletedMember));
        }
        let missing = count.saturating_sub(people.len()).max(1);
        people.extend(self.invent_some(missing, wanted));
        people
    }

    fn invent_some(&mut self, count: usize, wanted: Wanted) -> Vec<PersonId> {
        (0..count).map(|_| invent(&mut self.world, &mut self.rng, wanted)).collect()
    }

    fn title(&mut self, plan: Plan) -> Option<String> {
        if !matches!(plan.kind, Kind::Group | Kind::LargeGroup) {
            return None;
        }
        match self.rng.random_range(0..10) {
            0..3 => None,
            3 => HOSTILE_TEXTS.choose(&mut self.rng).map(|text| (*text).to_owned()),
            4 => Some("long title ".repeat(60).trim().to_owned()),
            _ => Some(format!("Invented group {}", self.rng.random_range(1..1000))),
        }
    }
}

fn label(kind: Kind) -> Option<String> {
    match kind {
        Kind::InMail => Some("InMail".to_owned()),
        Kind::Sponsored => Some("Sponsored".to_owned()),
        _ => None,
    }
}

/// What the first message of an InMail or an advertisement carries.
fn mark_kind(kind: Kind, messages: &mut [Message]) {
    let Some(first) = messages.first_mut().filter(|message| message.format == Format::Default) else { return };
    let content = match kind {
        Kind::InMail => {
            first.subject = Some("An invented opportunity".to_owned());
            Content::HostUrn { kind: "PREMIUM_INMAIL".to_owned(), urn: "urn:li:fsd_premiumInMail:0".to_owned() }
        }
        Kind::Sponsored => {
            first.subject = Some("An offer that is not one".to_owned());
            Content::ConversationAd { urn: "urn:li:sponsoredMessageContent:600100".to_owned() }
        }
        _ => return,
    };
    first.content = vec![content.into_wire()];
}

/// How a mailbox sees a new thread; read and unread agree with its messages.
fn entry(rng: &mut WorldRng, thread: &Thread, owner: &str, shelf: Shelf, kind: Kind, now_ms: Ms) -> Entry {
    let state = match kind {
        Kind::Request => Some("PENDING"),
        Kind::InMail => *[None, Some("ACCEPTED"), Some("DECLINED")].choose(rng).unwrap_or(&None),
        _ => None,
    };
    let mut entry = Entry {
        categories: categories(shelf, kind),
        state: state.map(str::to_owned),
        read: true,
        unread_count: 0,
        last_read_at_ms: None,
        muted: rng.random_ratio(1, 12),
        changed_at_ms: thread.created_at_ms,
        deleted_at_ms: None,
    };
    let dice = rng.random_range(0..100);
    if dice < 70 || thread.messages.is_empty() {
        let at_ms = thread.last_activity_at_ms + rng.random_range(0..LARGEST_READ_DELAY_MS);
        entry.last_read_at_ms = Some(at_ms.min(now_ms));
    } else if dice < 75 {
        entry.read = false;
        entry.last_read_at_ms = Some(thread.last_activity_at_ms);
    } else {
        let unread = rng.random_range(1..=MOST_UNREAD);
        let last_read = thread.messages.iter().rev().nth(unread).map(|message| message.delivered_at_ms);
        entry.last_read_at_ms = last_read;
        entry.unread_count = thread.unread_since(owner, last_read);
        entry.read = entry.unread_count == 0;
    }
    let messages = thread.messages.iter().map(|message| message.changed_at_ms);
    entry.changed_at_ms = messages.chain(entry.last_read_at_ms).fold(entry.changed_at_ms, Ms::max);
    entry
}

fn categories(shelf: Shelf, kind: Kind) -> Vec<String> {
    let base: &[&str] = match shelf {
        Shelf::Primary => &["INBOX", "PRIMARY_INBOX"],
        Shelf::Secondary => &["INBOX", "SECONDARY_INBOX"],
        Shelf::Starred => &["STARRED", "PRIMARY_INBOX", "INBOX"],
        Shelf::Archive => &["ARCHIVE"],
        Shelf::Spam => &["SPAM"],
        Shelf::Request => &["INBOX", "MESSAGE_REQUEST_PENDING"],
    };
    let inmail = matches!(kind, Kind::InMail | Kind::Sponsored).then_some("INMAIL");
    base.iter().copied().chain(inmail).map(str::to_owned).collect()
}

impl Thread {
    /// Visible messages of others that are newer than this; system messages do not count.
    pub(super) fn unread_since(&self, owner: &str, last_read_ms: Option<Ms>) -> u32 {
        let newer = self
            .visible_messages()
            .rev()
            .take_while(|message| last_read_ms.is_none_or(|last_read_ms| message.delivered_at_ms > last_read_ms));
        newer.filter(|message| message.sender != owner && message.format != Format::System).count() as u32
    }
}
