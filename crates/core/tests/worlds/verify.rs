//! Verifications in random worlds: a world that is equal has no drift, whatever moves meanwhile; drift that was planted
//! behind the mirror's back is found, healed by a repair, and gone afterwards.

use rand::RngExt;
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::ConversationId;
use threadkeep_core::message::{Message, MessageFormat};
use threadkeep_core::page::{Reply, SyncToken, Trouble};
use threadkeep_core::sync::pace::Pace;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::sync::{Batch, GLANCE_AFTER_MS, Step, SyncState, absorb, settle};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::compare::{Kept, Window};
use threadkeep_core::verify::look::{chosen, finished, found, heard, judged, listed, read, take, troubled};
use threadkeep_core::verify::{Ask, Depth, Doing, Kind, Verdict, Verification, VerifyBatch, drift_of, next};

use crate::world::{RunEnd, Weather, World};

/// Steps of one verification; more is a livelock.
const STEPS_MAX: u32 = 4_000;

const DEEP: Ask = Ask { depth: Depth::Messages, repairs: false };
const DEEP_REPAIR: Ask = Ask { depth: Depth::Messages, repairs: true };
const LISTS: Ask = Ask { depth: Depth::Lists, repairs: false };
const LISTS_REPAIR: Ask = Ask { depth: Depth::Lists, repairs: true };

/// Runs a verification to its end; `None` when the run failed.
fn verify(world: &mut World, ask: Ask, run: i64) -> Option<Vec<Verdict>> {
    world.clock += 1;
    world.run_started_at = world.clock;
    if ask.repairs {
        world.mirror.revive();
    }
    world.mirror.verdicts.clear();
    let scope = world.mirror.state(Timestamp(0)).scope;
    world.mirror.verification = Some(Verification::begin(ask, run, &scope));
    for _ in 0..STEPS_MAX {
        let mut state = world.mirror.state(Timestamp(world.run_started_at));
        let at = world.mirror.verification.clone()?;
        let doing = next(&at, &state, Timestamp(world.clock));
        let batch = match &doing {
            Doing::Done => return Some(world.mirror.verdicts.clone()),
            Doing::Sync(Step::Rest(hold)) => {
                world.clock = hold.until.0;
                continue;
            }
            Doing::Sync(step) | Doing::Drain(step) => {
                if matches!(doing, Doing::Drain(_)) {
                    state.inbox.drains = 0;
                }
                sync_step(world, &at, &state, step)
            }
            Doing::Look(step) => look_step(world, &at, &state, step),
            Doing::Judge => written(&state, judged(&at)),
            Doing::Find => written(&state, found(&at, unlisted(world, &at))),
            Doing::Choose(after) => written(&state, chosen(&at, choose(world, after.as_ref()))),
            Doing::Finish => written(&state, finished(&at)),
        };
        if world.weather.crash > 0 && world.rng.random_range(0..1_000) < world.weather.crash {
            continue;
        }
        if world.tells {
            let told = batch.verification.as_ref().map(|one| (&one.state.pending, one.state.undrained, &one.verdicts));
            eprintln!("{} {doing:?}\n    -> {told:?}", world.clock);
        }
        let failed = batch.failure.is_some();
        world.note_lost_mark(&state.inbox, &batch);
        world.mirror.commit(batch, Timestamp(world.clock));
        if failed {
            return None;
        }
    }
    panic!("a verification does not end: {:?}", world.mirror.verification);
}

fn written(state: &SyncState, verification: VerifyBatch) -> Batch {
    Batch { verification: Some(verification), ..Batch::unchanged(state) }
}

fn sync_step(world: &mut World, at: &Verification, state: &SyncState, step: &Step) -> Batch {
    let asked_at = Timestamp(world.clock);
    match world.ask(step) {
        Ok(reply) => {
            let mut batch = absorb(state, step, reply, asked_at);
            batch.verification = heard(at, step, &batch);
            batch
        }
        Err(trouble) => settle(state, step, &trouble, Pace::Open, Timestamp(world.clock)),
    }
}

fn look_step(world: &mut World, at: &Verification, state: &SyncState, step: &Step) -> Batch {
    let answer = world.ask(step);
    let now = Timestamp(world.clock);
    let mirror = &world.mirror;
    let kept = Kept {
        conversations: mirror.conversations.clone().into_iter().collect(),
        messages: mirror.messages.clone().into_iter().collect(),
    };
    match (step, answer) {
        (Step::List { category, .. }, Ok(Reply::Conversations(page))) => listed(at, state, category, page, &kept, now),
        (Step::Messages { conversation, .. }, Ok(Reply::Messages(page))) => {
            let taken = take(at, conversation, page);
            let stretch = taken.window.map(|window| stretch(world, conversation, window)).unwrap_or_default();
            read(at, state, taken, &kept, &stretch, now)
        }
        (step, Err(trouble)) => troubled(at, state, step, &trouble, Pace::Open, now),
        (step, answer) => panic!("{step:?}: {answer:?}"),
    }
}

fn stretch(world: &World, conversation: &ConversationId, window: Window) -> Vec<Message> {
    let is_within = |one: &&Message| {
        one.conversation == *conversation
            && window.after.is_none_or(|after| one.delivered_at > after)
            && window.up_to.is_none_or(|up_to| one.delivered_at <= up_to)
    };
    world.mirror.messages.values().filter(is_within).cloned().collect()
}

fn in_scope(world: &World) -> impl Iterator<Item = &Conversation> {
    let is_walked = |id: &ConversationId| {
        world.mirror.tracks.get(id).is_some_and(|track| track.detail.completeness != Completeness::OutOfScope)
    };
    world.mirror.conversations.values().filter(move |one| !one.deleted && is_walked(&one.id))
}

fn unlisted(world: &World, at: &Verification) -> Vec<ConversationId> {
    let pass = at.pass_number();
    in_scope(world).filter(|one| world.mirror.shown.get(&one.id) != Some(&pass)).map(|one| one.id.clone()).collect()
}

fn choose(world: &World, after: Option<&ConversationId>) -> Option<ConversationId> {
    in_scope(world).find(|one| after.is_none_or(|after| one.id > *after)).map(|one| one.id.clone())
}

fn drift(verdicts: &[Verdict]) -> u32 {
    verdicts.iter().map(|one| drift_of(&one.findings)).sum()
}

fn count(verdicts: &[Verdict], kind: Kind) -> u32 {
    verdicts.iter().flat_map(|one| &one.findings).filter(|one| one.kind == kind).map(|one| one.count).sum()
}

/// A mirror at rest, equal to its world.
fn settled(seed: u64) -> World {
    let mut world = World::new(seed, |_| Weather::default(), false);
    assert_eq!(world.run(), RunEnd::Done);
    world.assert_equal();
    world
}

/// Paging faults and failures, but nothing that loses a mark: then drift would be true.
fn rough(world: &mut World) {
    let drawn = Weather::draw(&mut world.rng);
    world.weather = Weather { refused: 0, login: 0, reset: 0, ..drawn };
    // A stream that lags behind the lists, again and again, cannot be told from one that has lost something.
    world.is_stream_true = true;
}

/// An equal world has no drift, whatever moves and fails while it is verified, and nothing is changed by looking.
pub fn equal(seed: u64) {
    let mut world = settled(seed);
    let quiet = (world.mirror.conversations.clone(), world.mirror.messages.clone());
    for (run, ask) in [(1, LISTS), (2, DEEP)] {
        let verdicts = verify(&mut world, ask, run).expect("a calm verification ends");
        assert!(verdicts.iter().all(|one| one.findings.is_empty()), "{ask:?}: {verdicts:?}");
    }
    assert_eq!((world.mirror.conversations.clone(), world.mirror.messages.clone()), quiet);
    rough(&mut world);
    for run in 3..6 {
        let ask = [LISTS, DEEP, DEEP_REPAIR, LISTS_REPAIR][world.rng.random_range(0..4)];
        if let Some(verdicts) = verify(&mut world, ask, run)
            && world.lost_marks == 0
        {
            assert_eq!(drift(&verdicts), 0, "{ask:?}: {verdicts:?}");
            // What comes from an older state may lack what is here; what does not is here only when it was removed.
            let can_lack = world.weather.stale > 0 || world.weather.empty > 0;
            assert!(can_lack || count(&verdicts, Kind::HereOnly) == 0, "{ask:?}: {verdicts:?}");
        }
    }
    world.weather = Weather::default();
    for _ in 0..3 {
        world.run();
    }
    world.assert_equal();
}

/// Spoils something of the mirror behind its back; `None` when there is nothing to spoil.
fn spoil(world: &mut World) -> Option<Kind> {
    let messages: Vec<_> = world.mirror.messages.values().filter(|one| !one.deleted).cloned().collect();
    let conversations: Vec<_> = in_scope(world).cloned().collect();
    let is_walked = |one: &Message| conversations.iter().any(|conversation| conversation.id == one.conversation);
    let messages: Vec<_> = messages.into_iter().filter(is_walked).collect();
    if messages.is_empty() {
        return None;
    }
    let message = messages[world.rng.random_range(0..messages.len())].clone();
    let conversation = conversations[world.rng.random_range(0..conversations.len())].clone();
    let mirror = &mut world.mirror;
    Some(match world.rng.random_range(0..5) {
        0 => {
            mirror.messages.remove(&message.id);
            Kind::MessageMissing
        }
        1 => {
            let kept = mirror.messages.get_mut(&message.id)?;
            kept.body.push_str(" spoilt");
            Kind::MessageOlder
        }
        2 if message.format == MessageFormat::Edited => {
            let kept = mirror.messages.get_mut(&message.id)?;
            (kept.format, kept.body) = (MessageFormat::Default, "as it was".into());
            kept.prior.clear();
            Kind::MessageOlder
        }
        3 => {
            let kept = mirror.conversations.get_mut(&conversation.id)?;
            kept.title = Some("an older title".into());
            Kind::Title
        }
        _ => {
            let kept = mirror.conversations.get_mut(&conversation.id)?;
            kept.read = !kept.read;
            Kind::ReadState
        }
    })
}

/// Planted drift is found, by its kind; a repair heals it; then there is none.
pub fn spoilt(seed: u64) {
    let mut world = settled(seed);
    let Some(kind) = spoil(&mut world) else { return };
    let found = verify(&mut world, DEEP, 1).expect("it ends");
    assert!(count(&found, kind) >= 1, "{kind:?} was not found: {found:?}");
    let again = verify(&mut world, DEEP, 2).expect("it ends");
    assert!(count(&again, kind) >= 1, "a look has healed {kind:?}");
    let repaired = verify(&mut world, DEEP_REPAIR, 3).expect("it ends");
    assert!(repaired.iter().any(|one| one.is_repaired), "{repaired:?}");
    let after = verify(&mut world, DEEP, 4).expect("it ends");
    assert_eq!(drift(&after), 0, "{after:?}");
    world.assert_equal();
}

/// What a lost mark hid: removed and edited messages. A repair brings the edits, tells the removals, deletes nothing.
pub fn forgotten(seed: u64) {
    let mut world = settled(seed);
    for _ in 0..12 {
        world.upstream.mutate(&mut world.rng, &mut world.clock);
    }
    world.mirror.inbox.token = None;
    for track in world.mirror.tracks.values_mut() {
        track.detail.mark = None;
    }
    world.run();
    let kept = world.mirror.messages.values().filter(|one| !one.deleted).count();
    verify(&mut world, DEEP_REPAIR, 1).expect("it ends");
    verify(&mut world, LISTS_REPAIR, 2).expect("it ends");
    let after = verify(&mut world, DEEP, 3).expect("it ends");
    assert_eq!(drift(&after), 0, "{after:?}");
    assert!(world.mirror.messages.values().filter(|one| !one.deleted).count() >= kept, "a repair has deleted");
    for conv in world.upstream.now.convs.iter().filter(|one| !one.deleted && one.category != "SPAM") {
        for message in conv.messages.iter().filter(|one| !one.deleted) {
            let kept = world.mirror.messages.get(&message.id).unwrap_or_else(|| panic!("{} is missing", message.id));
            // A text that went back to an earlier one cannot be told from an older page.
            let went_back = kept.prior.iter().any(|prior| prior.body == message.body);
            assert!(kept.body == message.body || went_back, "{} of {}", message.id, conv.id);
        }
    }
}

/// A dead session ends it, and what was found before stays; the next one begins anew.
pub fn broken_off(seed: u64) {
    let mut world = settled(seed);
    world.weather = Weather { login: 300, ..Weather::default() };
    for run in 1..4 {
        verify(&mut world, DEEP, run);
    }
    world.weather = Weather::default();
    let verdicts = verify(&mut world, DEEP, 9).expect("it ends");
    assert!(verdicts.iter().all(|one| one.findings.is_empty()), "{verdicts:?}");
    let trouble = Trouble::Blocked;
    let state = world.mirror.state(Timestamp(0));
    let at = Verification::begin(DEEP, 10, &state.scope);
    let batch = troubled(&at, &state, &Step::Done, &trouble, Pace::Open, Timestamp(0));
    assert!(batch.failure.is_some() && batch.hold.is_some());
}

/// A stream that has fallen silent is noticed, once nobody has looked at a list for long: a run does not succeed by its
/// word alone.
pub fn silent(seed: u64) {
    let mut world = settled(seed);
    let known = world.mirror.messages.len();
    for _ in 0..20 {
        world.upstream.mutate(&mut world.rng, &mut world.clock);
    }
    // The mark is said to cover what it does not.
    world.mirror.inbox.token = Some(SyncToken(format!("i{}", world.upstream.now.changed_at)));
    assert_eq!(world.run(), RunEnd::Done);
    assert_eq!(world.mirror.messages.len(), known, "nothing was told");
    world.clock += GLANCE_AFTER_MS + 1;
    assert_eq!(world.run(), RunEnd::Done);
    let newest = world.upstream.now.convs.iter().filter(|one| !one.deleted && one.category == "INBOX");
    let Some(newest) = newest.max_by(|a, b| (a.activity, &a.id).cmp(&(b.activity, &b.id))) else { return };
    let track = world.mirror.tracks.get(&newest.id).expect("the newest conversation is known");
    assert!(track.activity.0 >= newest.activity && track.due_rank().is_none(), "{track:?}");
    for message in newest.messages.iter().rev().filter(|one| !one.deleted).take(1) {
        assert!(world.mirror.messages.contains_key(&message.id), "{} is missing", message.id);
    }
}
