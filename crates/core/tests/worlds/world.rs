//! One world: weather that disturbs a walk, a mirror that walks, and what must be true when it is over.
//!
//! Everything follows from the seed; a step never looks at a clock.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threadkeep_core::message::MessageFormat;
use threadkeep_core::page::{Cursor, Reply, Trouble};
use threadkeep_core::sync::pace::Pace;
use threadkeep_core::sync::{Step, absorb, next_step, settle};
use threadkeep_core::time::Timestamp;

use crate::mirror::Mirror;
use crate::upstream::{self, Mailbox, PAGE, Rules, Upstream};

const WORLDS: u64 = 24_000;
/// Requests of one world; more is a livelock.
const REQUESTS_MAX: u32 = 6_000;

/// How much of each trouble a world has, in thousandths of its requests.
#[derive(Debug, Default, Clone, Copy)]
pub struct Weather {
    pub unavailable: u32,
    pub unreadable: u32,
    pub rate_limited: u32,
    pub refused: u32,
    pub login: u32,
    pub repeated: u32,
    pub empty: u32,
    pub endless: u32,
    pub cycle: u32,
    pub reset: u32,
    pub stale: u32,
    pub crash: u32,
    pub mutate: u32,
}

impl Weather {
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut rate = |max: u32| if rng.random_range(0..2) == 0 { 0 } else { rng.random_range(0..=max) };
        Self {
            unavailable: rate(200),
            unreadable: rate(100),
            rate_limited: rate(100),
            refused: rate(20),
            login: rate(20),
            repeated: rate(150),
            empty: rate(150),
            endless: rate(100),
            cycle: rate(100),
            reset: rate(50),
            stale: rate(200),
            crash: rate(150),
            mutate: rate(300),
        }
    }
}

pub struct World {
    pub rng: ChaCha8Rng,
    pub upstream: Upstream,
    pub mirror: Mirror,
    pub weather: Weather,
    pub clock: i64,
    pub run_started_at: i64,
    pub requests: u32,
    pub faults: u32,
    pub mutations: u32,
    /// A mark was lost for good, so deletions and deep edits of that time cannot be known.
    pub lost_marks: u32,
    /// Walks that had to begin anew.
    pub restarts: u32,
    pub last_page: Option<Reply>,
    /// Cursors that were asked, by what was walked.
    pub cursors: std::collections::BTreeMap<String, Vec<Cursor>>,
    /// Whether answers to tokens are never older than pages that were shown before.
    pub is_stream_true: bool,
    /// Whether to tell each step, for a seed that is replayed alone.
    pub tells: bool,
}

#[derive(PartialEq, Debug)]
pub enum RunEnd {
    Done,
    Failed,
}

impl World {
    pub fn new(seed: u64, weather: impl FnOnce(&mut ChaCha8Rng) -> Weather, plain: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut clock = 1_000;
        let rules = Rules {
            offset_cursors: !plain && rng.random_range(0..4) == 0,
            refuses_borrowed: !plain && rng.random_range(0..8) == 0,
        };
        let weather = weather(&mut rng);
        let upstream = Upstream::generate(&mut rng, rules, &mut clock);
        Self {
            rng,
            upstream,
            mirror: Mirror::default(),
            weather,
            clock: clock + 10,
            run_started_at: 0,
            requests: 0,
            faults: 0,
            mutations: 0,
            lost_marks: 0,
            restarts: 0,
            last_page: None,
            cursors: std::collections::BTreeMap::new(),
            is_stream_true: false,
            tells: tells(),
        }
    }

    pub fn hits(&mut self, rate: u32) -> bool {
        let hit = rate > 0 && self.rng.random_range(0..1_000) < rate;
        self.faults += u32::from(hit);
        hit
    }

    pub fn run(&mut self) -> RunEnd {
        self.clock += 1;
        self.run_started_at = self.clock;
        self.mirror.revive();
        loop {
            let state = self.mirror.state(Timestamp(self.run_started_at));
            let step = next_step(&state, Timestamp(self.clock));
            match &step {
                Step::Done => return RunEnd::Done,
                Step::Rest(hold) => {
                    self.clock = hold.until.0;
                    continue;
                }
                _ => {}
            }
            let asked_at = Timestamp(self.clock);
            let answer = self.ask(&step);
            self.requests += 1;
            if self.tells {
                eprintln!("{asked_at:?} {step:?}\n    -> {}", told(&answer));
            }
            assert!(self.requests < REQUESTS_MAX, "livelock at {step:?}");
            if self.hits(self.weather.crash) {
                continue;
            }
            let batch = match answer {
                Ok(reply) => absorb(&state, &step, reply, asked_at),
                Err(trouble) => {
                    self.restarts += u32::from(matches!(trouble, Trouble::Refused { .. }));
                    settle(&state, &step, &trouble, Pace::Open, Timestamp(self.clock))
                }
            };
            self.note_lost_mark(&state.inbox, &batch);
            let failed = batch.failure.is_some();
            self.mirror.commit(batch, Timestamp(self.clock));
            if failed {
                return RunEnd::Failed;
            }
        }
    }

    pub fn note_lost_mark(
        &mut self,
        before: &threadkeep_core::sync::track::InboxTrack,
        batch: &threadkeep_core::sync::Batch,
    ) {
        let was_reset = before.resets > 0 && batch.inbox.drains == 0 && before.token.is_some();
        let was_dropped = before.token.is_some() && batch.inbox.token.is_none();
        let swept =
            batch.track.as_ref().is_some_and(|track| track.detail.need == threadkeep_core::sync::track::Need::Sweep);
        self.lost_marks += u32::from(was_reset || was_dropped || swept);
    }

    pub fn ask(&mut self, step: &Step) -> Result<Reply, Trouble> {
        self.clock += self.rng.random_range(1..20);
        if self.weather.mutate > 0 && self.rng.random_range(0..1_000) < self.weather.mutate {
            self.mutations += 1;
            self.upstream.mutate(&mut self.rng, &mut self.clock);
        }
        let weather = self.weather;
        let what = || "simulated".to_owned();
        if self.hits(weather.unavailable) {
            return Err(Trouble::Unavailable { what: what() });
        }
        if self.hits(weather.unreadable) {
            return Err(Trouble::Unreadable { what: what() });
        }
        if self.hits(weather.rate_limited) {
            return Err(Trouble::RateLimited { retry_after_ms: None });
        }
        if self.hits(weather.refused) {
            return Err(Trouble::Refused { what: what() });
        }
        if self.hits(weather.login) {
            return Err(Trouble::NeedsLogin { what: what() });
        }
        let reply = self.answer(step);
        Ok(self.disturb(step, reply))
    }

    fn answer(&mut self, step: &Step) -> Reply {
        // With offsets an older list would skip what a newer one has pushed down; no client can tell.
        let is_offset_list = self.upstream.rules.offset_cursors && matches!(step, Step::List { .. });
        let is_true = self.is_stream_true && matches!(step, Step::Delta { .. });
        let is_stale = self.hits(self.weather.stale) && !is_offset_list && !is_true;
        let is_reset = self.hits(self.weather.reset);
        let mark = self.newest_mark(step);
        let offsets = self.upstream.rules.offset_cursors;
        let refuses = self.upstream.rules.refuses_borrowed;
        let view = self.upstream.view(&mut self.rng, is_stale, mark);
        match step {
            Step::StartToken => Reply::ConversationChanges(self.upstream.now.first_load(true)),
            Step::Delta { .. } if is_reset => Reply::ConversationChanges(self.upstream.now.first_load(true)),
            Step::Delta { token } => Reply::ConversationChanges(view.delta(token)),
            Step::List { category, cursor } => Reply::Conversations(view.list(category, cursor.as_ref(), offsets)),
            Step::Messages { conversation, anchor, cursor } => {
                Reply::Messages(view.messages(conversation, *anchor, cursor.as_ref()))
            }
            Step::MessageChanges { conversation, token } => {
                let is_foreign = refuses && token.0.starts_with('i');
                Reply::MessageChanges(view.message_delta(conversation, token, is_reset || is_foreign))
            }
            Step::Rest(_) | Step::Done => unreachable!("asks nothing"),
        }
    }

    /// A replica may lag, but never behind a mark that was already handed out for what is asked.
    fn newest_mark(&self, step: &Step) -> i64 {
        let own = match step {
            Step::Messages { conversation, .. } => self.mirror.tracks.get(conversation).and_then(|track| {
                let walk = track.detail.walk.as_ref().and_then(|walk| walk.mark.clone());
                walk.or(track.detail.mark.clone()).map(|mark| mark.token)
            }),
            _ => None,
        };
        let time = |token: &threadkeep_core::page::SyncToken| token.0[1..].parse::<i64>().unwrap();
        let inbox = self.mirror.inbox.token.as_ref().map_or(i64::MAX, time);
        own.as_ref().map_or(inbox, |own| inbox.max(time(own)))
    }

    /// Paging faults, as the simulated LinkedIn has them: nothing is lost by following what the answer says.
    fn disturb(&mut self, step: &Step, reply: Reply) -> Reply {
        let weather = self.weather;
        let (subject, cursor) = match step {
            Step::List { category, cursor } => (category.clone(), cursor.clone()),
            Step::Messages { conversation, cursor, .. } => (conversation.to_string(), cursor.clone()),
            _ => return reply,
        };
        let (next, is_empty) = match &reply {
            Reply::Conversations(page) => (page.next.clone(), page.listed.is_empty()),
            Reply::Messages(page) => (page.older.clone(), page.messages.is_empty()),
            _ => (None, true),
        };
        match &cursor {
            None => drop(self.cursors.remove(&subject)),
            Some(cursor) => self.cursors.entry(subject.clone()).or_default().push(cursor.clone()),
        }
        let asked = self.cursors.get(&subject).cloned().unwrap_or_default();
        let same = cursor.clone().unwrap_or(Cursor("0".into()));
        let disturbed = if cursor.is_some() && self.last_page.is_some() && self.hits(weather.repeated) {
            self.last_page.clone().map(|page| with_next(page, Some(same)))
        } else if !is_empty && cursor.is_some() && self.hits(weather.empty) {
            Some(emptied(&reply, cursor))
        } else if next.is_some() && cursor.is_some() && self.hits(weather.cycle) {
            let back = self.rng.random_range(0..asked.len());
            Some(with_next(reply.clone(), asked.get(back).cloned()))
        } else if next.is_none() && cursor.is_some() && self.hits(weather.endless) {
            Some(with_next(reply.clone(), cursor))
        } else {
            None
        };
        let is_same_kind = |page: &Reply| std::mem::discriminant(page) == std::mem::discriminant(&reply);
        let page = disturbed.filter(is_same_kind).unwrap_or_else(|| reply.clone());
        self.last_page = Some(reply);
        page
    }

    pub fn assert_equal(&self) {
        let truth = &self.upstream.now;
        let exact = self.lost_marks == 0;
        for conv in truth.convs.iter().filter(|one| !one.deleted && one.category != "SPAM") {
            let kept = self.mirror.conversations.get(&conv.id).unwrap_or_else(|| panic!("{} is missing", conv.id));
            assert!(!kept.deleted, "{} is deleted here", conv.id);
            assert_eq!(kept.last_activity_at.0, conv.activity, "activity of {}", conv.id);
            assert!(kept.categories.contains(conv.category), "category of {}", conv.id);
            assert_eq!((kept.read, &kept.title), (conv.read, &conv.title), "state of {}", conv.id);
            self.assert_messages(conv, exact);
        }
        let extra = self
            .mirror
            .conversations
            .values()
            .filter(|one| !one.deleted)
            .filter(|one| !truth.convs.iter().any(|conv| conv.id == one.id && !conv.deleted));
        assert!(!exact || extra.count() == 0, "conversations that are gone upstream");
    }

    fn assert_messages(&self, conv: &upstream::Conv, exact: bool) {
        for message in &conv.messages {
            let kept = self.mirror.messages.get(&message.id);
            if message.deleted {
                assert!(!exact || kept.is_none_or(|kept| kept.deleted), "{} is gone upstream", message.id);
                continue;
            }
            // When a mark is lost, a message that shares its millisecond with the newest known one cannot be noticed:
            // the conversation's activity is the same as before.
            let has_twin = conv.messages.iter().any(|one| one.id != message.id && one.at == message.at);
            if kept.is_none() && !exact && has_twin {
                continue;
            }
            let kept = kept.unwrap_or_else(|| panic!("{} of {} is missing", message.id, conv.id));
            assert!(!kept.deleted, "{} is deleted here", message.id);
            if exact {
                assert_eq!(kept.body, message.body, "body of {} in {}", message.id, conv.id);
                assert_eq!(kept.format, message.format);
            }
            if kept.format == MessageFormat::Edited {
                assert!(!kept.prior.is_empty() || kept.version == 1, "earlier text of {}", message.id);
            }
        }
    }

    fn assert_events(&self) {
        let mut counts = std::collections::BTreeMap::<&str, u32>::new();
        for (object, version) in &self.mirror.events {
            let count = counts.entry(object).or_default();
            *count += 1;
            assert_eq!(*version, *count, "events of {object}");
        }
        for one in self.mirror.messages.values() {
            assert_eq!(counts.get(one.id.as_str()), Some(&one.version), "events of {}", one.id);
        }
        for one in self.mirror.conversations.values() {
            assert_eq!(counts.get(one.id.as_str()), Some(&one.version), "events of {}", one.id);
        }
    }
}

/// An answer in one line.
fn told(answer: &Result<Reply, Trouble>) -> String {
    let message = |one: &threadkeep_core::message::MessageSeen| format!("{}@{}", one.id, one.delivered_at.0);
    let listed = |one: &threadkeep_core::page::ListedConversation| {
        let activity = one.conversation.last_activity_at.unwrap_or_default().0;
        format!("{}@{activity}[{}]", one.conversation.id, one.newest.as_ref().map(message).unwrap_or_default())
    };
    match answer {
        Err(trouble) => trouble.to_string(),
        Ok(Reply::ConversationChanges(one)) => format!(
            "changes {:?} deleted {:?} token {:?} reset {}",
            one.listed.iter().map(listed).collect::<Vec<_>>(),
            one.deleted,
            one.token,
            one.reset
        ),
        Ok(Reply::Conversations(one)) => {
            format!("list {:?} next {:?}", one.listed.iter().map(listed).collect::<Vec<_>>(), one.next)
        }
        Ok(Reply::Messages(one)) => {
            format!("messages {:?} older {:?}", one.messages.iter().map(message).collect::<Vec<_>>(), one.older)
        }
        Ok(Reply::MessageChanges(one)) => format!(
            "message changes {:?} deleted {:?} token {:?} reset {}",
            one.messages.iter().map(message).collect::<Vec<_>>(),
            one.deleted,
            one.token,
            one.reset
        ),
    }
}

#[expect(clippy::disallowed_methods, reason = "a seed that is replayed alone tells its story")]
fn tells() -> bool {
    std::env::var_os("THREADKEEP_TEST_SEED").is_some()
}

fn with_next(reply: Reply, next: Option<Cursor>) -> Reply {
    match reply {
        Reply::Conversations(mut page) => {
            page.next = next;
            Reply::Conversations(page)
        }
        Reply::Messages(mut page) => {
            page.older = next;
            Reply::Messages(page)
        }
        other => other,
    }
}

fn emptied(reply: &Reply, next: Option<Cursor>) -> Reply {
    match reply {
        Reply::Conversations(_) => {
            Reply::Conversations(threadkeep_core::page::ConversationPage { next, ..Default::default() })
        }
        _ => Reply::Messages(threadkeep_core::page::MessagePage { older: next, ..Default::default() }),
    }
}

/// 1 for the mark, the pages of the lists, the pages of the messages.
fn least_requests(mailbox: &Mailbox) -> u32 {
    let pages = |count: usize| u32::try_from(count.div_ceil(PAGE).max(1)).unwrap();
    let listed = |category| pages(mailbox.convs.iter().filter(|one| !one.deleted && one.category == category).count());
    let filled = mailbox.convs.iter().filter(|one| !one.deleted && one.category != "SPAM");
    let messages: u32 = filled.map(|one| pages(one.messages.iter().filter(|one| !one.deleted).count())).sum();
    1 + listed("INBOX") + listed("ARCHIVE") + messages
}

/// A world in bad weather, then in good: it comes to rest and equals the truth.
pub fn stormy(seed: u64) {
    let mut world = World::new(seed, Weather::draw, false);
    for _ in 0..world.rng.random_range(1..5) {
        world.run();
        for _ in 0..world.rng.random_range(0..6) {
            world.mutations += 1;
            world.upstream.mutate(&mut world.rng, &mut world.clock);
        }
    }
    // The weather clears: a few quiet runs must bring everything to rest.
    world.weather = Weather::default();
    let mut quiet_runs = 0;
    while world.run() != RunEnd::Done || quiet_runs < 2 {
        quiet_runs += 1;
        assert!(quiet_runs < 5, "does not come to rest");
    }
    world.assert_equal();
    world.assert_events();
    let before = (world.requests, world.mirror.events.len());
    assert!(world.run() == RunEnd::Done);
    assert_eq!((world.requests, world.mirror.events.len()), (before.0 + 1, before.1), "a quiet sync is one request");
    assert_budget(&world);
}

/// What every fault, change and restart may cost at most, on top of the least.
fn assert_budget(world: &World) {
    let least = least_requests(&world.upstream.now);
    let anew = (world.lost_marks + world.restarts) * least;
    let budget = least + 8 + 6 * world.faults + 4 * world.mutations + anew;
    assert!(world.requests <= budget, "{} requests, budget {budget}", world.requests);
}

/// A world in which nothing happens: the least requests, then one.
pub fn calm(seed: u64) {
    let mut world = World::new(seed, |_| Weather::default(), true);
    let least = least_requests(&world.upstream.now);
    assert!(world.run() == RunEnd::Done);
    assert_eq!(world.requests, least, "a clean full sync takes the safe minimum");
    world.assert_equal();
    world.assert_events();
    let events = world.mirror.events.len();
    assert!(world.run() == RunEnd::Done);
    assert_eq!((world.requests, world.mirror.events.len()), (least + 1, events), "a quiet sync is one request");
}

fn seeds() -> std::ops::Range<u64> {
    match number("THREADKEEP_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("THREADKEEP_TEST_WORLDS").unwrap_or(WORLDS),
    }
}

#[expect(clippy::disallowed_methods, reason = "a seed is replayed, or fewer are run, by naming it in the environment")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[cfg(feature = "planted")]
#[expect(clippy::disallowed_methods, reason = "the test runner names the bug in the environment")]
fn plant() {
    threadkeep_core::planted::plant(std::env::var("THREADKEEP_PLANTED").ok().as_deref()).unwrap();
}

/// Runs every seed, or the one that the environment names; a failing one says how to replay it.
pub fn replaying(check: fn(u64)) {
    #[cfg(feature = "planted")]
    plant();
    for seed in seeds() {
        if let Err(panic) = std::panic::catch_unwind(|| check(seed)) {
            eprintln!("failing seed: THREADKEEP_TEST_SEED={seed} cargo test -p threadkeep-core --test worlds");
            std::panic::resume_unwind(panic);
        }
    }
}
