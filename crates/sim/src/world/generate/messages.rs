//! Fills a conversation with messages: everyday talk, and the showcases that a client must survive.
//!
//! Texts come from the phrase lists, times are given; the result is ordered as the ground truth wants it.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::super::id::{Stem, WorldRng};
use super::super::model::{Format, Message, Ms, PersonId, Reaction, World};
use super::super::phrases::{EMOJI, HOSTILE_TEXTS, everyday, longest};
use super::plan::Theme;
use super::showcase::{Attachment, Twist, attach, twist};

/// Out of a thousand everyday messages: how many have an attachment, a twist, a reaction, a hostile text.
const ATTACHED_PER_MILLE: u32 = 50;
const TWISTED_PER_MILLE: u32 = 40;
const REACTED_PER_MILLE: u32 = 80;
const HOSTILE_PER_MILLE: u32 = 5;
const MOST_REACTORS: usize = 4;
const LARGEST_DELAY_MS: Ms = 3_600_000;
/// Mean distance between two messages of a conversation: from half a minute to two days.
const SMALLEST_GAP_MS: f64 = 30_000.0;
const LARGEST_GAP_MS: f64 = 2.0 * 86_400_000.0;
const LONGEST_SPAN_MS: f64 = 3.0 * 365.0 * 86_400_000.0;
const EQUAL_PER_MILLE: u32 = 20;
/// Places, counted from the newest message, of which each has the time of the one before: around pages of 20.
const EQUAL_RUNS: [std::ops::Range<usize>; 3] = [16..24, 38..43, 60..62];

/// Who talks, and when now is.
pub(in super::super) struct Scene<'a> {
    pub(in super::super) world: &'a World,
    pub(in super::super) stem: &'a Stem,
    pub(in super::super) owner: &'a str,
    /// Present participants, the owner among them.
    pub(in super::super) present: &'a [PersonId],
    /// Senders of older messages who have left.
    pub(in super::super) former: &'a [PersonId],
    pub(in super::super) now_ms: Ms,
}

impl Scene<'_> {
    pub(super) fn anybody(&self, rng: &mut WorldRng) -> PersonId {
        self.present.choose(rng).cloned().unwrap_or_else(|| self.owner.to_owned())
    }

    /// A moment after the given one that is not in the future.
    pub(super) fn later(&self, at_ms: Ms, rng: &mut WorldRng) -> Ms {
        (at_ms + rng.random_range(1..LARGEST_DELAY_MS)).min(self.now_ms).max(at_ms)
    }
}

/// How many messages a theme needs to show everything.
pub(super) fn smallest_size(theme: Theme) -> usize {
    match theme {
        Theme::Everyday | Theme::EqualTimes => 0,
        Theme::Contents => Attachment::ALL.len(),
        Theme::Formats => Twist::ALL.len() + 1,
        Theme::Hostile => HOSTILE_TEXTS.len() + 1,
    }
}

/// Delivery times, oldest first, the newest as given.
pub(in super::super) fn times(rng: &mut WorldRng, count: usize, newest_ms: Ms, theme: Theme) -> Vec<Ms> {
    let exponent: f64 = rng.random_range(SMALLEST_GAP_MS.ln()..LARGEST_GAP_MS.ln());
    let gap_ms = exponent.exp().min(LONGEST_SPAN_MS / count.max(1) as f64).max(1.0) as Ms;
    let mut at_ms = newest_ms;
    let mut times = Vec::with_capacity(count);
    for place in 0..count {
        times.push(at_ms);
        let equal = match theme {
            Theme::EqualTimes => EQUAL_RUNS.iter().any(|run| run.contains(&place)),
            _ => rng.random_ratio(EQUAL_PER_MILLE, 1000),
        };
        if !equal {
            at_ms -= rng.random_range(1..=2 * gap_ms);
        }
    }
    times.reverse();
    times
}

/// Messages at the given times, which ascend.
pub(in super::super) fn messages(scene: &Scene, rng: &mut WorldRng, times: &[Ms], theme: Theme) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::with_capacity(times.len());
    for (number, at_ms) in times.iter().enumerate() {
        let sender = sender(scene, rng, number * 2 < times.len());
        let id = scene.stem.message_id(*at_ms, number);
        let mut message = Message::plain(id, sender, *at_ms, everyday(rng));
        match theme {
            Theme::Everyday | Theme::EqualTimes => vary(scene, rng, &mut message, all.last()),
            Theme::Contents => match Attachment::ALL.get(number) {
                Some(attachment) => attach(scene, rng, &mut message, *attachment, all.last()),
                None => vary(scene, rng, &mut message, all.last()),
            },
            Theme::Formats => match Twist::ALL.get(number) {
                Some(kind) => twist(scene, rng, &mut message, *kind),
                None if number == Twist::ALL.len() => react(scene, rng, &mut message, EMOJI.len()),
                None => vary(scene, rng, &mut message, all.last()),
            },
            Theme::Hostile => match HOSTILE_TEXTS.get(number) {
                Some(text) => message.body = Some((*text).to_owned()),
                None if number == HOSTILE_TEXTS.len() => message.body = Some(longest(rng)),
                None => vary(scene, rng, &mut message, all.last()),
            },
        }
        all.push(message);
    }
    all.sort_by(|a, b| (a.delivered_at_ms, &a.id).cmp(&(b.delivered_at_ms, &b.id)));
    all
}

fn sender(scene: &Scene, rng: &mut WorldRng, old: bool) -> PersonId {
    if old && !scene.former.is_empty() && rng.random_ratio(1, 3) {
        return scene.former.choose(rng).cloned().unwrap_or_default();
    }
    scene.anybody(rng)
}

/// Now and then something that is not plain text.
fn vary(scene: &Scene, rng: &mut WorldRng, message: &mut Message, before: Option<&Message>) {
    let dice = rng.random_range(0..1000);
    if dice < ATTACHED_PER_MILLE {
        let attachment = Attachment::ALL.choose(rng).copied().unwrap_or(Attachment::Image);
        attach(scene, rng, message, attachment, before);
    } else if dice < ATTACHED_PER_MILLE + TWISTED_PER_MILLE {
        let kind = Twist::ALL.choose(rng).copied().unwrap_or(Twist::Edited);
        twist(scene, rng, message, kind);
    } else if dice < ATTACHED_PER_MILLE + TWISTED_PER_MILLE + HOSTILE_PER_MILLE {
        message.body = HOSTILE_TEXTS.choose(rng).map(|text| (*text).to_owned());
    }
    if message.format != Format::Recalled && rng.random_ratio(REACTED_PER_MILLE, 1000) {
        let kinds = rng.random_range(1..3);
        react(scene, rng, message, kinds);
    }
}

/// Adds up to this many emoji, each by up to `MOST_REACTORS` people.
fn react(scene: &Scene, rng: &mut WorldRng, message: &mut Message, kinds: usize) {
    let first = rng.random_range(0..EMOJI.len());
    for number in 0..kinds.min(EMOJI.len()) {
        let Some(emoji) = EMOJI.get((first + number) % EMOJI.len()) else { continue };
        let wanted = rng.random_range(1..=MOST_REACTORS);
        let people: Vec<PersonId> = scene.present.sample(rng, wanted).cloned().collect();
        if people.is_empty() {
            continue;
        }
        let first_reacted_at_ms = scene.later(message.delivered_at_ms, rng);
        message.changed_at_ms = message.changed_at_ms.max(first_reacted_at_ms);
        message.reactions.push(Reaction { emoji: (*emoji).to_owned(), first_reacted_at_ms, people });
    }
}
