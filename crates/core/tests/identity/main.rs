//! One message is one row: archives and live pages over the same conversation, in any order and any overlap, with edits
//! in between.
//!
//! The mirror here keeps what it is told by the rules of `identity` alone. Two messages of one person in one second are
//! left out where texts change: nothing could tell such two apart, and the rules say so.

use std::collections::BTreeSet;

use proptest::prelude::*;
use threadkeep_core::id::PersonId;
use threadkeep_core::identity::{Moment, Trace, Who, comparable_text, match_up};

/// A message as it is true.
#[derive(Debug, Clone)]
struct True {
    at_ms: i64,
    sender: usize,
    texts: Vec<String>,
}

/// What a source tells, as of a number of edits.
#[derive(Debug, Clone)]
enum Told {
    /// An archive of everything up to a message.
    Archive { upto: usize, edits: usize },
    /// A page of the messages from one place on.
    Page { from: usize, count: usize, edits: usize },
}

/// A row of the mirror.
#[derive(Debug, Clone)]
struct Kept {
    /// The place of the true message, once its id was told.
    id: Option<usize>,
    /// What was told last.
    trace: Trace,
    /// Which messages it was made of: the truth that only the test knows.
    truth: BTreeSet<usize>,
    /// The rows of archives that it is, by their fingerprints.
    rows: BTreeSet<(i64, usize, String)>,
}

fn text_at(message: &True, edits: usize) -> String {
    message.texts[edits.min(message.texts.len() - 1)].clone()
}

fn live(message: &True, edits: usize) -> Trace {
    let id = PersonId::new(&format!("ACoAA{}", message.sender)).ok();
    let who = Who { id, name: format!("person {}", message.sender) };
    Trace {
        at: Moment::Exact(message.at_ms),
        who,
        text: comparable_text(&text_at(message, edits)),
        has_attachment: false,
    }
}

fn archived(message: &True, edits: usize) -> Trace {
    let id = PersonId::new(&format!("in:person-{}", message.sender)).ok();
    let who = Who { id, name: format!("person {}", message.sender) };
    let at = Moment::Second(message.at_ms.div_euclid(1_000));
    // Older exports flatten line breaks.
    let text = comparable_text(&text_at(message, edits).replace('\n', " "));
    Trace { at, who, text, has_attachment: false }
}

fn take_page(mirror: &mut Vec<Kept>, world: &[True], from: usize, count: usize, edits: usize) {
    let told: Vec<usize> = (from..world.len().min(from + count)).collect();
    let fresh: Vec<usize> =
        told.iter().copied().filter(|place| !mirror.iter().any(|kept| kept.id == Some(*place))).collect();
    for place in &told {
        if let Some(kept) = mirror.iter_mut().find(|kept| kept.id == Some(*place)) {
            kept.trace = live(&world[*place], edits);
        }
    }
    let open: Vec<usize> = (0..mirror.len()).filter(|at| mirror[*at].id.is_none()).collect();
    let rows: Vec<Trace> = open.iter().map(|at| mirror[*at].trace.clone()).collect();
    let messages: Vec<Trace> = fresh.iter().map(|place| live(&world[*place], edits)).collect();
    let pairs = match_up(&rows, &messages);
    for (number, place) in fresh.iter().enumerate() {
        match pairs.iter().find(|pair| pair.message == number) {
            Some(pair) => {
                let kept = &mut mirror[open[pair.row]];
                kept.id = Some(*place);
                kept.trace = messages[number].clone();
                kept.truth.insert(*place);
            }
            None => mirror.push(Kept {
                id: Some(*place),
                trace: messages[number].clone(),
                truth: BTreeSet::from([*place]),
                rows: BTreeSet::new(),
            }),
        }
    }
}

fn take_archive(mirror: &mut Vec<Kept>, world: &[True], upto: usize, edits: usize) {
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut fresh: Vec<(usize, Trace, (i64, usize, String))> = Vec::new();
    for (place, message) in world.iter().enumerate().take(upto) {
        let trace = archived(message, edits);
        let key = (message.at_ms.div_euclid(1_000), message.sender, trace.text.clone());
        match mirror.iter().position(|kept| kept.rows.contains(&key)) {
            Some(at) => drop(taken.insert(at)),
            None if fresh.iter().any(|(_, _, other)| *other == key) => {}
            None => fresh.push((place, trace, key)),
        }
    }
    let open: Vec<usize> = (0..mirror.len()).filter(|at| !taken.contains(at)).collect();
    let messages: Vec<Trace> = open.iter().map(|at| mirror[*at].trace.clone()).collect();
    let rows: Vec<Trace> = fresh.iter().map(|(_, trace, _)| trace.clone()).collect();
    let pairs = match_up(&rows, &messages);
    for (number, (place, trace, key)) in fresh.into_iter().enumerate() {
        match pairs.iter().find(|pair| pair.row == number) {
            Some(pair) => {
                let kept = &mut mirror[open[pair.message]];
                kept.rows.insert(key);
                kept.truth.insert(place);
                if kept.id.is_none() {
                    kept.trace = trace;
                }
            }
            None => mirror.push(Kept { id: None, trace, truth: BTreeSet::from([place]), rows: BTreeSet::from([key]) }),
        }
    }
}

/// Messages at least a second apart for one sender, so that an edited one can be told from its neighbours.
fn worlds() -> impl Strategy<Value = Vec<True>> {
    let text = prop::sample::select(vec!["ok", "ok", "yes", "two\nlines", "caf\u{e9}", "three  words here"]);
    let message = (0..3_usize, 3_000..20_000_i64, prop::collection::vec(text, 1..3));
    prop::collection::vec(message, 1..14).prop_map(|parts| {
        let mut at_ms = 1_700_000_000_000;
        let mut world = Vec::new();
        for (sender, gap, texts) in parts {
            at_ms += gap;
            world.push(True { at_ms, sender, texts: texts.into_iter().map(str::to_owned).collect() });
        }
        world
    })
}

fn told() -> impl Strategy<Value = Vec<Told>> {
    let archive = (0..15_usize, 0..3_usize).prop_map(|(upto, edits)| Told::Archive { upto, edits });
    let page = (0..14_usize, 1..8_usize, 0..3_usize).prop_map(|(from, count, edits)| Told::Page { from, count, edits });
    prop::collection::vec(prop_oneof![archive, page], 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_message_is_one_row(world in worlds(), told in told()) {
        let mut mirror = Vec::new();
        let mut known: BTreeSet<usize> = BTreeSet::new();
        for source in &told {
            match *source {
                Told::Archive { upto, edits } => {
                    take_archive(&mut mirror, &world, upto, edits);
                    known.extend(0..upto.min(world.len()));
                }
                Told::Page { from, count, edits } => {
                    take_page(&mut mirror, &world, from, count, edits);
                    known.extend(from..world.len().min(from + count));
                }
            }
        }
        prop_assert_eq!(mirror.len(), known.len(), "{:?}", mirror);
        for kept in &mirror {
            prop_assert_eq!(kept.truth.len(), 1, "two messages became one: {:?}", kept);
            // No millisecond is replaced by a second.
            if kept.id.is_some() {
                prop_assert!(matches!(kept.trace.at, Moment::Exact(_)));
            }
        }
    }

    #[test]
    fn nothing_is_ever_in_two_pairs(
        rows in prop::collection::vec((0..6_i64, 0..2_usize, 0..3_usize), 0..12),
        messages in prop::collection::vec((0..6_000_i64, 0..2_usize, 0..3_usize), 0..12),
    ) {
        let texts = ["", "a", "b"];
        let side = |at, sender: usize, text: usize, prefix: &str| Trace {
            at,
            who: Who { id: PersonId::new(&format!("{prefix}{sender}")).ok(), name: format!("person {sender}") },
            text: texts[text].to_owned(),
            has_attachment: false,
        };
        let rows: Vec<Trace> = rows.into_iter().map(|(at, who, text)| side(Moment::Second(at), who, text, "in:p")).collect();
        let messages: Vec<Trace> =
            messages.into_iter().map(|(at, who, text)| side(Moment::Exact(at), who, text, "ACoAA")).collect();
        let pairs = match_up(&rows, &messages);
        let distinct: BTreeSet<usize> = pairs.iter().map(|pair| pair.row).collect();
        let others: BTreeSet<usize> = pairs.iter().map(|pair| pair.message).collect();
        prop_assert_eq!((distinct.len(), others.len()), (pairs.len(), pairs.len()));
        for pair in pairs {
            let (row, message) = (&rows[pair.row], &messages[pair.message]);
            prop_assert!(row.text == message.text || row.who.name == message.who.name);
        }
    }
}
