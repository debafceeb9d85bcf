//! Decides what a generated mailbox consists of before anything is written: which kinds, how long, how recent.
//!
//! The rare kinds come first, the most telling ones before the others, so that small mailboxes have them too.

use rand::RngExt;

use super::super::id::WorldRng;
use super::super::model::Ms;

/// Spread of mailbox sizes: the standard deviation of the logarithm of a conversation's length.
const SIZE_SIGMA: f64 = 1.2;
/// No conversation is longer than this, or than `SIZE_CAP_MEANS` times the mean if that is more.
const SIZE_CAP_MESSAGES: usize = 5_000;
const SIZE_CAP_MEANS: f64 = 20.0;
/// Below this number of conversations all lengths are free, so that the mean is met.
const EXACT_SIZES_FROM: usize = 20;
/// The list pages of the protocol hold this many conversations.
const LIST_PAGE: usize = 20;
/// How many conversations around a page border share one activity time.
const BORDER_BEFORE: usize = 2;
const BORDER_AFTER: usize = 1;
const LARGEST_ACTIVITY_GAP_MS: Ms = 14 * 3_600_000;
/// The whole mailbox spans at most this time.
const MAILBOX_SPAN_MS: Ms = 4 * 365 * 86_400_000;
const NEWEST_ACTIVITY_AGE_MS: Ms = 600_000;

/// What sort of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    OneToOne,
    /// Another thread with somebody who has one already.
    SamePerson,
    Group,
    LargeGroup,
    SelfOnly,
    InMail,
    Request,
    Sponsored,
    Organization,
    DeletedMember,
    Custom,
    Agent,
}

/// Where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Primary,
    Secondary,
    Starred,
    Archive,
    Spam,
    Request,
}

/// How many messages it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Drawn from the distribution.
    Free,
    Exact(usize),
}

/// What its messages show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Theme {
    Everyday,
    /// Every kind of attachment.
    Contents,
    /// Every format, kind of span, and reactions.
    Formats,
    /// Equal delivery times across page borders.
    EqualTimes,
    /// Texts that break careless programs.
    Hostile,
}

/// One conversation to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) shelf: Shelf,
    pub(super) size: Size,
    pub(super) theme: Theme,
}

const fn plan(kind: Kind, shelf: Shelf, size: Size, theme: Theme) -> Plan {
    Plan { kind, shelf, size, theme }
}

/// Each of these exists in a mailbox that is large enough.
pub(super) const SPECIALS: [Plan; 32] = [
    plan(Kind::OneToOne, Shelf::Primary, Size::Free, Theme::Everyday),
    plan(Kind::Group, Shelf::Primary, Size::Free, Theme::Formats),
    plan(Kind::OneToOne, Shelf::Primary, Size::Free, Theme::Contents),
    plan(Kind::OneToOne, Shelf::Archive, Size::Free, Theme::Everyday),
    plan(Kind::InMail, Shelf::Primary, Size::Exact(3), Theme::Everyday),
    plan(Kind::Request, Shelf::Request, Size::Exact(1), Theme::Everyday),
    plan(Kind::SelfOnly, Shelf::Primary, Size::Exact(5), Theme::Everyday),
    plan(Kind::Sponsored, Shelf::Secondary, Size::Exact(1), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Spam, Size::Exact(2), Theme::Everyday),
    plan(Kind::Organization, Shelf::Primary, Size::Exact(4), Theme::Everyday),
    plan(Kind::DeletedMember, Shelf::Primary, Size::Exact(7), Theme::Everyday),
    plan(Kind::SamePerson, Shelf::Secondary, Size::Exact(2), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Primary, Size::Exact(0), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Primary, Size::Exact(1), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Secondary, Size::Exact(19), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Primary, Size::Exact(20), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Starred, Size::Exact(21), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Primary, Size::Exact(40), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Primary, Size::Exact(65), Theme::EqualTimes),
    plan(Kind::OneToOne, Shelf::Primary, Size::Free, Theme::Hostile),
    plan(Kind::Group, Shelf::Archive, Size::Free, Theme::Everyday),
    plan(Kind::LargeGroup, Shelf::Primary, Size::Free, Theme::Everyday),
    plan(Kind::Custom, Shelf::Secondary, Size::Exact(2), Theme::Everyday),
    plan(Kind::Agent, Shelf::Secondary, Size::Exact(3), Theme::Everyday),
    plan(Kind::Group, Shelf::Primary, Size::Exact(0), Theme::Everyday),
    plan(Kind::Group, Shelf::Starred, Size::Exact(41), Theme::EqualTimes),
    plan(Kind::DeletedMember, Shelf::Archive, Size::Exact(20), Theme::Everyday),
    plan(Kind::InMail, Shelf::Archive, Size::Exact(2), Theme::Everyday),
    plan(Kind::Sponsored, Shelf::Archive, Size::Exact(1), Theme::Everyday),
    plan(Kind::Request, Shelf::Request, Size::Exact(2), Theme::Everyday),
    plan(Kind::OneToOne, Shelf::Archive, Size::Exact(40), Theme::EqualTimes),
    plan(Kind::Group, Shelf::Spam, Size::Exact(20), Theme::Everyday),
];

/// The plans of a mailbox with this many conversations, which begins with this one of the special ones.
pub(super) fn plans(rng: &mut WorldRng, conversations: usize, first: usize) -> Vec<Plan> {
    let specials = SPECIALS.iter().cycle().skip(first % SPECIALS.len()).take(SPECIALS.len());
    let mut all: Vec<Plan> = specials.take(conversations).copied().collect();
    while all.len() < conversations {
        all.push(random_plan(rng));
    }
    all
}

/// The length of each conversation; they add up to the mean times their number where the fixed ones allow it.
pub(super) fn sizes(rng: &mut WorldRng, plans: &[Plan], mean: f64) -> Vec<usize> {
    let mean = if mean.is_finite() { mean.max(0.0) } else { 0.0 };
    let total = (mean * plans.len() as f64).round() as usize;
    let keep_exact = plans.len() >= EXACT_SIZES_FROM;
    let short = |kind| matches!(kind, Kind::Request | Kind::Sponsored);
    let weights: Vec<Option<f64>> = plans
        .iter()
        .map(|plan| match plan.size {
            Size::Exact(_) if keep_exact || short(plan.kind) => None,
            _ => Some((SIZE_SIGMA * normal(rng)).exp()),
        })
        .collect();
    let fixed: usize = plans
        .iter()
        .zip(&weights)
        .filter(|(_, weight)| weight.is_none())
        .map(|(plan, _)| if let Size::Exact(size) = plan.size { size } else { 0 })
        .sum();
    let cap = SIZE_CAP_MESSAGES.max((mean * SIZE_CAP_MEANS) as usize);
    let scale = total.saturating_sub(fixed) as f64 / weights.iter().flatten().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut sizes: Vec<usize> = plans
        .iter()
        .zip(&weights)
        .map(|(plan, weight)| match (weight, plan.size) {
            (Some(weight), _) => ((weight * scale) as usize).clamp(usize::from(mean > 0.0), cap),
            (None, Size::Exact(size)) => size,
            (None, Size::Free) => 0,
        })
        .collect();
    spread_rest(&mut sizes, &weights, total, cap);
    sizes
}

/// The activity time of each conversation: newest first by rank, equal around the borders of the inbox pages.
pub(super) fn activity_times(rng: &mut WorldRng, plans: &[Plan], now_ms: Ms) -> Vec<Ms> {
    let mut order: Vec<usize> = (0..plans.len()).collect();
    for place in (1..order.len()).rev() {
        order.swap(place, rng.random_range(0..=place));
    }
    let gap_ms = LARGEST_ACTIVITY_GAP_MS.min(MAILBOX_SPAN_MS / plans.len().max(1) as Ms).max(2);
    let mut times = vec![0; plans.len()];
    let mut at_ms = now_ms - NEWEST_ACTIVITY_AGE_MS;
    let mut inbox_place = 0;
    for index in order {
        let in_inbox = plans.get(index).is_some_and(|plan| !matches!(plan.shelf, Shelf::Archive | Shelf::Spam));
        let to_border = (inbox_place + BORDER_BEFORE) % LIST_PAGE;
        // What lies between two tied ones in another category has the same time too.
        let tied = inbox_place >= BORDER_BEFORE && (1..BORDER_BEFORE + BORDER_AFTER).contains(&to_border);
        if !tied {
            at_ms -= rng.random_range(1..gap_ms);
        }
        if let Some(slot) = times.get_mut(index) {
            *slot = at_ms;
        }
        inbox_place += usize::from(in_inbox);
    }
    times
}

fn random_plan(rng: &mut WorldRng) -> Plan {
    let kind = match rng.random_range(0..100) {
        0..64 => Kind::OneToOne,
        64..76 => Kind::Group,
        76..84 => Kind::InMail,
        84..88 => Kind::Organization,
        88..91 => Kind::Request,
        91..94 => Kind::DeletedMember,
        94..96 => Kind::Sponsored,
        96..99 => Kind::SamePerson,
        _ => Kind::Custom,
    };
    let shelf = match (kind, rng.random_range(0..100)) {
        (Kind::Request, _) => Shelf::Request,
        (_, 0..56) => Shelf::Primary,
        (_, 56..78) => Shelf::Secondary,
        (_, 78..82) => Shelf::Starred,
        (_, 82..97) => Shelf::Archive,
        _ => Shelf::Spam,
    };
    let size = match kind {
        Kind::Request => Size::Exact(rng.random_range(1..4)),
        Kind::Sponsored => Size::Exact(1),
        _ => Size::Free,
    };
    plan(kind, shelf, size, Theme::Everyday)
}

fn spread_rest(sizes: &mut [usize], weights: &[Option<f64>], total: usize, cap: usize) {
    let free: Vec<usize> = (0..sizes.len()).filter(|index| weights.get(*index).is_some_and(Option::is_some)).collect();
    let mut rest = total.saturating_sub(sizes.iter().sum());
    while rest > 0 {
        let before = rest;
        for index in &free {
            let Some(size) = sizes.get_mut(*index).filter(|size| rest > 0 && **size < cap) else { continue };
            // Large rests come from the cap: they are spread in proportion, at least one message at a time.
            let step = (*size / 4).clamp(1, rest).min(cap - *size);
            *size += step;
            rest -= step;
        }
        if rest == before {
            return;
        }
    }
}

/// A standard normal number (Box-Muller).
fn normal(rng: &mut WorldRng) -> f64 {
    let radius: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
    let angle: f64 = rng.random_range(0.0..std::f64::consts::TAU);
    (-2.0 * radius.ln()).sqrt() * angle.cos()
}
