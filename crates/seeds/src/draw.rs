//! Draws the plan of a seed: which trouble this life has, how much of it, and where.
//!
//! Half of the troubles are off in each life and the others have rates of their own (swarm testing), because what is
//! there all the time hides what else could happen. Each topic has a stream of its own.

use std::fmt;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threadkeep::vault::MediaPolicy;
use threadkeep_core::sync::pace::Pace;
use threadkeep_sim::switches::{
    Border, DeletedMembers, DeletedUrns, EndOfList, ExpiredToken, ForeignToken, Honour, MessageOrder, SubjectForm,
};
use threadkeep_sim::{Fault, FaultKind, GenerateOptions, LengthLie, Switches};

use crate::doors::BEGIN_MS;
use crate::plan::{Act, DiskTrouble, Piece, Place, Plan};

/// Requests up to which faults are planned; few lives have more.
const REQUESTS_PLANNED: u64 = 160;
/// Effects up to which something is planned.
const EFFECTS_PLANNED: u64 = 1_200;
/// One life in so many is long and may have large mailboxes. What is wrong shows in short ones as a rule, and there can be
/// many more of them; what needs a long list or a long time shows in the others.
const LONG_EVERY: u32 = 12;
/// How many more lives fetch every file for each step of the factor of media.
const EAGER_SHARE: f64 = 0.2;
/// A mailbox that begins here begins with a conversation that has one file of each kind.
const FULL_OF_FILES: usize = 2;
/// Most turns of a storm.
const TURNS_MAX: u64 = 40;

/// How much of everything there is, as a factor of the usual; for runs with other rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Faults of the network and of LinkedIn.
    pub network: f64,
    /// Crashes, suspended processes, failing disks.
    pub machine: f64,
    /// Changes upstream.
    pub changes: f64,
    /// What people do.
    pub people: f64,
    /// How large the mailboxes are.
    pub size: f64,
    /// How many lives fetch every file, and how often that goes wrong.
    pub media: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { network: 1.0, machine: 1.0, changes: 1.0, people: 1.0, size: 1.0, media: 1.0 }
    }
}

/// As it is read: what differs from the usual.
impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            ("network", self.network),
            ("machine", self.machine),
            ("changes", self.changes),
            ("people", self.people),
            ("size", self.size),
            ("media", self.media),
        ];
        let told = all.iter().filter(|(_, factor)| *factor != 1.0).map(|(name, factor)| format!("{name}={factor}"));
        f.write_str(&told.collect::<Vec<_>>().join(","))
    }
}

impl Rates {
    /// Reads `network=2,machine=0.5`; what is not named stays as usual.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rates = Self::default();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?}: write name=factor"))?;
            let factor: f64 = value.trim().parse().map_err(|_| format!("{value:?} is no number"))?;
            let slot = match name.trim() {
                "network" => &mut rates.network,
                "machine" => &mut rates.machine,
                "changes" => &mut rates.changes,
                "people" => &mut rates.people,
                "size" => &mut rates.size,
                "media" => &mut rates.media,
                other => return Err(format!("{other:?}: there are network, machine, changes, people, size, media")),
            };
            *slot = factor.clamp(0.0, 100.0);
        }
        Ok(rates)
    }
}

/// A stream of chance for one topic of a seed.
pub fn stream(seed: u64, topic: &str) -> ChaCha8Rng {
    let mixed = topic
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    ChaCha8Rng::seed_from_u64(seed ^ mixed)
}

/// The plan of a seed.
pub fn draw(seed: u64, rates: Rates) -> Plan {
    let mut rng = stream(seed, "shape");
    // One life in twelve has no trouble at all: what holds then has to be exact.
    let is_calm = rng.random_ratio(1, 12);
    let nodes = *[1, 1, 2, 2, 3].choose(&mut rng).unwrap_or(&1);
    let pace = if rng.random_bool(0.5) { Pace::Polite } else { Pace::Open };
    let is_long = rng.random_ratio(1, LONG_EVERY);
    let turns = match (pace, is_long) {
        (Pace::Polite, true) => rng.random_range(8..TURNS_MAX),
        (Pace::Open, true) => rng.random_range(3..TURNS_MAX / 2),
        (Pace::Polite, false) => rng.random_range(4..12),
        (Pace::Open, false) => rng.random_range(2..6),
    };
    let media = if rng.random_ratio(1, if is_long { 2 } else { 6 }) { MediaPolicy::Eager } else { MediaPolicy::Lazy };
    let mut plan = Plan {
        seed,
        world: if is_long { world(seed, rates.size) } else { small_world(seed, rates.size) },
        switches: switches(seed),
        pace,
        media,
        nodes,
        turns,
        faults: Vec::new(),
        pieces: Vec::new(),
    };
    vary_media(&mut plan, rates.media);
    if !is_calm {
        plan.faults = faults(seed, rates);
        plan.pieces = pieces(seed, nodes, turns, rates);
    }
    plan
}

/// More lives than usual that fetch every file, and mailboxes that are full of them; or fewer.
fn vary_media(plan: &mut Plan, factor: f64) {
    let mut rng = stream(plan.seed, "media");
    if factor < 1.0 && !rng.random_bool(factor) {
        plan.media = MediaPolicy::Lazy;
    }
    if factor > 1.0 && rng.random_bool(((factor - 1.0) * EAGER_SHARE).min(0.9)) {
        plan.media = MediaPolicy::Eager;
        if rng.random_bool(0.5) {
            plan.world.first = FULL_OF_FILES;
            plan.world.conversations = plan.world.conversations.max(1);
        }
    }
}

/// A life without trouble, to which a test adds its own.
pub fn quiet(seed: u64) -> Plan {
    Plan {
        seed,
        world: GenerateOptions { seed, conversations: 3, messages_mean: 4.0, ..GenerateOptions::at(BEGIN_MS) },
        switches: Switches { page_clamp: Some(4), gzip: false, ..Switches::default() },
        pace: Pace::Polite,
        media: MediaPolicy::Lazy,
        nodes: 1,
        turns: 16,
        faults: Vec::new(),
        pieces: Vec::new(),
    }
}

fn world(seed: u64, size: f64) -> GenerateOptions {
    let mut rng = stream(seed, "world");
    let usual = [0, 1, 1, 2, 2, 3, 3, 4, 5, 6];
    let conversations = match rng.random_range(0..40) {
        0 => *[19, 20, 21, 24].choose(&mut rng).unwrap_or(&20),
        1 => *[8, 10, 12].choose(&mut rng).unwrap_or(&8),
        _ => *usual.choose(&mut rng).unwrap_or(&2),
    };
    let messages_mean = match rng.random_range(0..10) {
        0 => 0.6,
        1..=6 => 4.0,
        7..=8 => 9.0,
        _ if conversations <= 3 => 21.0,
        _ => 3.0,
    };
    GenerateOptions {
        seed: rng.random(),
        conversations,
        messages_mean: messages_mean * size,
        accounts: if rng.random_ratio(1, 5) { 2 } else { 1 },
        first: rng.random_range(0..32),
        ..GenerateOptions::at(BEGIN_MS)
    }
}

/// A mailbox of a few pages.
fn small_world(seed: u64, size: f64) -> GenerateOptions {
    let mut rng = stream(seed, "world");
    GenerateOptions {
        seed: rng.random(),
        conversations: *[0, 1, 1, 1, 2, 2, 3].choose(&mut rng).unwrap_or(&1),
        messages_mean: *[0.6, 2.0, 2.0, 4.0].choose(&mut rng).unwrap_or(&2.0) * size,
        accounts: if rng.random_ratio(1, 12) { 2 } else { 1 },
        first: rng.random_range(0..32),
        ..GenerateOptions::at(BEGIN_MS)
    }
}

fn switches(seed: u64) -> Switches {
    let mut rng = stream(seed, "switches");
    let usual = Switches::default();
    let mut is_odd = || rng.random_ratio(1, 4);
    let odds: [bool; 12] = std::array::from_fn(|_| is_odd());
    let one = |index: usize| odds.get(index).copied().unwrap_or_default();
    let mut rng = stream(seed, "which switches");
    Switches {
        page_clamp: Some(*[3, 3, 4, 5, 20].choose(&mut rng).unwrap_or(&20)),
        last_updated_before: if one(0) { Honour::Ignore } else { Honour::Honour },
        time_border: if one(1) { Border::Inclusive } else { Border::Strict },
        end_of_list: *[EndOfList::Null, EndOfList::Null, EndOfList::Missing, EndOfList::Empty, EndOfList::Probe]
            .choose(&mut rng)
            .unwrap_or(&EndOfList::Null),
        message_order: *[
            MessageOrder::NewestFirst,
            MessageOrder::NewestFirst,
            MessageOrder::OldestFirst,
            MessageOrder::Shuffled,
        ]
        .choose(&mut rng)
        .unwrap_or(&MessageOrder::NewestFirst),
        foreign_token: match rng.random_range(0..8) {
            0 => ForeignToken::Reset,
            1 => ForeignToken::Refuse,
            _ => ForeignToken::Honour,
        },
        expired_token: if one(2) { ExpiredToken::Refuse } else { ExpiredToken::Reset },
        token_lifetime_ms: if rng.random_ratio(1, 16) { Some(rng.random_range(60_000..4_000_000)) } else { None },
        delta_limit: if one(3) { Some(20) } else { None },
        brief_senders: one(4),
        deleted_members: if one(5) { DeletedMembers::Placeholder } else { DeletedMembers::NullNames },
        dangling_references: one(6),
        extra_keys: !one(7),
        embedded_message: !one(8),
        subject_form: if one(9) { SubjectForm::Text } else { SubjectForm::Attributed },
        deleted_urns: *[DeletedUrns::Objects, DeletedUrns::Bare, DeletedUrns::Strings]
            .choose(&mut rng)
            .unwrap_or(&DeletedUrns::Objects),
        gzip: false,
        ..usual
    }
}

/// The kinds of faults and the highest rate of each (fault model F3 to F15).
pub const FAULT_RATES: [(FaultKind, f64); 31] = [
    (FaultKind::Reset, 0.3),
    (FaultKind::CutBody, 0.1),
    (FaultKind::MalformedBody, 0.1),
    (FaultKind::RateLimited, 0.1),
    (FaultKind::ServerError, 0.3),
    (FaultKind::SlowBody, 0.1),
    (FaultKind::EndlessBody, 0.01),
    (FaultKind::GzipBomb, 0.005),
    (FaultKind::BotWall, 0.02),
    (FaultKind::RevokedRedirect, 0.02),
    (FaultKind::Unauthorized, 0.02),
    (FaultKind::HtmlWall, 0.02),
    (FaultKind::Checkpoint, 0.02),
    (FaultKind::CsrfFailed, 0.02),
    (FaultKind::RotateSessionCookie, 0.05),
    (FaultKind::RotateRoutingCookie, 0.05),
    (FaultKind::RotateLoginCookie, 0.05),
    (FaultKind::RepeatedPage, 0.2),
    (FaultKind::ShiftedPage, 0.3),
    (FaultKind::EmptyPage, 0.2),
    (FaultKind::EndlessPage, 0.2),
    (FaultKind::CursorCycle, 0.2),
    (FaultKind::ReorderedPage, 0.2),
    (FaultKind::ClearCache, 0.05),
    (FaultKind::StaleAnswer, 0.2),
    (FaultKind::ErrorsAnswer, 0.1),
    (FaultKind::OddRecord, 0.1),
    (FaultKind::ExpiredLink, 0.1),
    (FaultKind::LoginPage, 0.05),
    (FaultKind::Redirect, 0.05),
    (FaultKind::WrongLength, 0.05),
];

fn faults(seed: u64, rates: Rates) -> Vec<(FaultKind, Fault)> {
    let one = |(kind, rate_max): &(FaultKind, f64)| {
        let mut rng = stream(seed, kind.name());
        let is_of_files = matches!(
            kind,
            FaultKind::ExpiredLink | FaultKind::LoginPage | FaultKind::Redirect | FaultKind::WrongLength
        );
        let factor = rates.network * if is_of_files { rates.media } else { 1.0 };
        if factor <= 0.0 || rng.random_bool(0.5) {
            return None;
        }
        let rate = (rng.random_range(0.0..=*rate_max) * factor).min(0.9);
        let at: Vec<u64> = (1..=REQUESTS_PLANNED).filter(|_| rng.random_bool(rate)).collect();
        let fault = Fault { at, ..particulars(*kind, &mut rng) };
        (!fault.at.is_empty()).then_some((*kind, fault))
    };
    FAULT_RATES.iter().filter_map(one).collect()
}

fn particulars(kind: FaultKind, rng: &mut ChaCha8Rng) -> Fault {
    let mut fault = Fault::default();
    match kind {
        FaultKind::RateLimited => match rng.random_range(0..8) {
            0 | 1 => {}
            2..=4 => fault.retry_after_s = Some(rng.random_range(1..7_200)),
            5 => fault.retry_after_s = Some(-rng.random_range(1..1_000_i64)),
            6 => fault.retry_after_text = Some("99999999999999999999".to_owned()),
            _ => fault.retry_after_text = Some(crate::doors::http_date(BEGIN_MS / 1_000 + rng.random_range(0..20_000))),
        },
        FaultKind::ServerError if rng.random_bool(0.3) => fault.burst = Some(rng.random_range(2..=20)),
        FaultKind::SlowBody => fault.pause_ms = Some(rng.random_range(1..3_000)),
        // How large it would become does not matter to a client that stops at its limit.
        FaultKind::GzipBomb | FaultKind::EndlessBody => fault.total_bytes = Some(100_000),
        FaultKind::RotateSessionCookie => fault.overlap = Some(rng.random_bool(0.7)),
        FaultKind::CsrfFailed => fault.dead_session_kills = Some(rng.random_bool(0.3)),
        FaultKind::StaleAnswer => fault.lag_ms = Some(rng.random_range(100..60_000)),
        FaultKind::WrongLength => fault.length = Some(LengthLie::Long),
        _ => {}
    }
    fault
}

/// A rate of this life: nothing in half of them.
fn rate(rng: &mut ChaCha8Rng, most: f64, factor: f64) -> f64 {
    let is_off = rng.random_bool(0.5);
    let drawn = rng.random_range(0.0..=most) * factor;
    if is_off { 0.0 } else { drawn.min(0.9) }
}

fn pieces(seed: u64, nodes: usize, turns: u64, rates: Rates) -> Vec<(Place, Piece)> {
    let mut all = Vec::new();
    changes(seed, rates.changes, turns, &mut all);
    machine(seed, rates.machine, nodes, &mut all);
    refusals(seed, rates.network, &mut all);
    people(seed, rates.people, turns, &mut all);
    all.sort_by_key(|(place, _)| *place);
    all
}

fn changes(seed: u64, factor: f64, turns: u64, all: &mut Vec<(Place, Piece)>) {
    let mut rng = stream(seed, "changes");
    let within = rate(&mut rng, 0.4, factor);
    let between = rate(&mut rng, 0.5, factor);
    for n in 1..=REQUESTS_PLANNED {
        if rng.random_bool(within) {
            let piece = Piece::Mutate { seed: rng.random(), count: *[1, 1, 1, 2, 5].choose(&mut rng).unwrap_or(&1) };
            all.push((if rng.random_bool(0.5) { Place::Asking(n) } else { Place::Answered(n) }, piece));
        }
    }
    for n in 0..turns {
        if rng.random_bool(between) {
            all.push((Place::Turn(n), Piece::Mutate { seed: rng.random(), count: rng.random_range(1..6) }));
        }
    }
}

fn machine(seed: u64, factor: f64, nodes: usize, all: &mut Vec<(Place, Piece)>) {
    let mut rng = stream(seed, "machine");
    let crash = rate(&mut rng, 0.05, factor);
    let crash_at_request = rate(&mut rng, 0.05, factor);
    let busy = rate(&mut rng, 0.05, factor);
    let full = rate(&mut rng, 0.03, factor);
    let turn = if nodes > 1 { rate(&mut rng, 0.2, factor) } else { 0.0 };
    let suspend = rate(&mut rng, 0.1, factor);
    let jump = rate(&mut rng, 0.05, factor);
    for n in 1..=EFFECTS_PLANNED {
        let kinds = [
            (crash, Piece::Crash),
            (busy, Piece::Disk(DiskTrouble::Unavailable)),
            (full, Piece::Disk(DiskTrouble::Full)),
            (turn / 8.0, Piece::Turn(rng.random_range(0..nodes))),
        ];
        all.extend(
            kinds.into_iter().filter(|(rate, _)| rng.random_bool(*rate)).map(|(_, one)| (Place::Effect(n), one)),
        );
    }
    for n in 1..=REQUESTS_PLANNED {
        let place = if rng.random_bool(0.5) { Place::Asking(n) } else { Place::Answered(n) };
        let kinds = [
            (crash_at_request, Piece::Crash),
            (turn, Piece::Turn(rng.random_range(0..nodes))),
            (suspend, Piece::Suspend(rng.random_range(1_000..120_000))),
            (jump, Piece::Jump(jump_ms(&mut rng))),
        ];
        all.extend(kinds.into_iter().filter(|(rate, _)| rng.random_bool(*rate)).map(|(_, one)| (place, one)));
    }
}

/// Connections that nobody takes (F3).
fn refusals(seed: u64, factor: f64, all: &mut Vec<(Place, Piece)>) {
    let mut rng = stream(seed, "refused");
    let refused = rate(&mut rng, 0.2, factor);
    all.extend((1..=REQUESTS_PLANNED).filter(|_| rng.random_bool(refused)).map(|n| (Place::Asking(n), Piece::Refuse)));
}

const HOUR_MS: i64 = 3_600_000;
const TEN_YEARS_MS: i64 = 10 * 365 * 24 * HOUR_MS;

/// A jump of the wall clock (F16).
fn jump_ms(rng: &mut ChaCha8Rng) -> i64 {
    match rng.random_range(0..6) {
        0 => TEN_YEARS_MS,
        1 => -TEN_YEARS_MS,
        2 | 3 => -HOUR_MS,
        4 => rng.random_range(-5_000..5_000),
        _ => HOUR_MS,
    }
}

fn people(seed: u64, factor: f64, turns: u64, all: &mut Vec<(Place, Piece)>) {
    let mut rng = stream(seed, "people");
    let within = rate(&mut rng, 0.2, factor);
    let between = rate(&mut rng, 0.4, factor);
    let waits = rate(&mut rng, 0.3, factor);
    for n in 1..=REQUESTS_PLANNED {
        let place = if rng.random_bool(0.5) { Place::Asking(n) } else { Place::Answered(n) };
        let act = act(&mut rng);
        if rng.random_bool(within) {
            all.push((place, Piece::Act(act)));
        }
    }
    for n in 0..turns {
        let (act, wait_ms) = (act(&mut rng), rng.random_range(1..3_000_000));
        if rng.random_bool(between) {
            all.push((Place::Turn(n), Piece::Act(act)));
        }
        if rng.random_bool(waits) {
            all.push((Place::Turn(n), Piece::Wait(wait_ms)));
        }
    }
}

fn act(rng: &mut ChaCha8Rng) -> Act {
    match rng.random_range(0..100) {
        0..12 => Act::Sync,
        12..24 => Act::ForceSync,
        24..32 => Act::Cancel,
        32..37 => Act::Pause,
        37..47 => Act::Resume,
        47..57 => Act::Reconnect,
        57..61 => Act::ReconnectStranger,
        61..63 => Act::Remove,
        63..71 => Act::WantMedia,
        71..75 => Act::Export,
        75..91 => Act::ReadPage,
        91..97 => Act::TurnKey,
        _ => Act::EndSessions,
    }
}
