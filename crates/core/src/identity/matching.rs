//! Which rows of an archive and which messages with a true id are the same (official sources 4.3).
//!
//! Both sides are of one conversation. A pair is certain by its text or, when the text was changed in between, by being
//! the only one that it can be. No message is ever in two pairs, and who certainly wrote different messages is never
//! paired, so what is paired wrongly costs a note of an earlier text at worst and never a message.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::id::PersonId;

/// How far the second of a row and the time of its message may be apart, in milliseconds. An export may tell when a
/// message was written, the web when it was delivered.
const TOLERANCE_MS: i64 = 2_000;
/// The same for a text that was changed in between.
const CHANGED_TOLERANCE_MS: i64 = 1_000;
/// Milliseconds of a second after its beginning.
const SECOND_REST_MS: i64 = 999;

/// When something was sent, as exactly as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// At this millisecond.
    Exact(i64),
    /// Within this second, counted from 1970.
    Second(i64),
}

impl Moment {
    /// The first and the last millisecond that it can be.
    fn span(self) -> (i64, i64) {
        match self {
            Self::Exact(ms) => (ms, ms),
            Self::Second(second) => {
                let ms = second.saturating_mul(1_000);
                (ms, ms.saturating_add(SECOND_REST_MS))
            }
        }
    }

    /// How far two are apart at least, in milliseconds.
    fn distance_ms(self, other: Self) -> i64 {
        let ((from, to), (other_from, other_to)) = (self.span(), other.span());
        (other_from.saturating_sub(to)).max(from.saturating_sub(other_to)).max(0)
    }
}

/// Who wrote something, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// The id, perhaps one that an archive's link was made into.
    pub id: Option<PersonId>,
    /// The name as it is compared; empty when it is not known.
    pub name: String,
}

/// How sure it is that two are one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sameness {
    Different,
    Perhaps,
    Same,
}

impl Who {
    fn sameness(&self, other: &Self) -> Sameness {
        match (&self.id, &other.id) {
            (Some(one), Some(two)) if one == two => return Sameness::Same,
            (Some(one), Some(two)) if one.is_profile() && two.is_profile() => return Sameness::Different,
            _ => {}
        }
        let is_known = |name: &str| !name.is_empty() && name != super::NOBODY;
        match is_known(&self.name) && is_known(&other.name) {
            true if self.name == other.name => Sameness::Same,
            // Both are hidden: nothing speaks against it, and nobody else is meant.
            false if !is_known(&self.name) && !is_known(&other.name) => Sameness::Same,
            // People change their names; only ids tell that two are different.
            _ => Sameness::Perhaps,
        }
    }
}

/// A message or a row as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// When.
    pub at: Moment,
    /// Who.
    pub who: Who,
    /// The text as it is compared.
    pub text: String,
    /// Whether something is attached.
    pub has_attachment: bool,
}

/// What makes a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// The texts are the same.
    SameText,
    /// The texts differ: the same message before and after it was changed.
    OtherText,
}

/// A row and a message that are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Place among the rows.
    pub row: usize,
    /// Place among the messages.
    pub message: usize,
    /// Why.
    pub likeness: Likeness,
}

/// Pairs up rows and messages of one conversation, both oldest first.
pub fn match_up(rows: &[Trace], messages: &[Trace]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut is_row_free = vec![true; rows.len()];
    let mut is_message_free = vec![true; messages.len()];
    let mut alike: Vec<(Reverse<Sameness>, i64, usize, usize)> = Vec::new();
    for (message, other) in messages.iter().enumerate() {
        let close = rows.iter().enumerate().filter(|(_, one)| is_same_text(one, other));
        alike.extend(
            close.map(|(row, one)| (Reverse(one.who.sameness(&other.who)), one.at.distance_ms(other.at), row, message)),
        );
    }
    alike.sort_unstable();
    for (_, _, row, message) in alike {
        if is_free(&mut is_row_free, row, &mut is_message_free, message) {
            pairs.push(Pair { row, message, likeness: Likeness::SameText });
        }
    }
    let mut changed: Vec<(usize, usize)> = Vec::new();
    for (message, other) in messages.iter().enumerate().filter(|(at, _)| is_message_free[*at]) {
        let close = rows.iter().enumerate().filter(|(at, one)| is_row_free[*at] && is_perhaps_changed(one, other));
        changed.extend(close.map(|(row, _)| (row, message)));
    }
    pairs.extend(in_order(&changed, rows, messages));
    pairs
}

/// Pairs up what is left of rows and messages of a whole mailbox, where no thread is named and the people do not tell
/// which conversation is meant: one row and one message of the same text and time, of which there is no second.
///
/// `may_be` tells whether row and message were sent in the same direction.
pub fn match_alone(rows: &[Trace], messages: &[Trace], may_be: impl Fn(usize, usize) -> bool) -> Vec<Pair> {
    let mut by_text: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, one) in rows.iter().enumerate().filter(|(_, one)| !one.text.is_empty()) {
        by_text.entry(&one.text).or_default().0.push(at);
    }
    for (at, one) in messages.iter().enumerate() {
        if let Some((_, places)) = by_text.get_mut(one.text.as_str()) {
            places.push(at);
        }
    }
    let is_close = |row: usize, message: usize| {
        let (one, other) = (&rows[row], &messages[message]);
        one.at.distance_ms(other.at) <= TOLERANCE_MS
            && one.who.sameness(&other.who) != Sameness::Different
            && may_be(row, message)
    };
    let mut pairs = Vec::new();
    for (of_text, told) in by_text.values() {
        for row in of_text {
            let mut close = told.iter().filter(|message| is_close(*row, **message));
            let (Some(message), None) = (close.next(), close.next()) else { continue };
            if of_text.iter().filter(|other| is_close(**other, *message)).count() == 1 {
                pairs.push(Pair { row: *row, message: *message, likeness: Likeness::SameText });
            }
        }
    }
    pairs
}

/// Pairs of what was changed: groups in which each row can be each message and there are as many of both, in the order of
/// time. One row and one message that can be nothing else are such a group.
fn in_order(changed: &[(usize, usize)], rows: &[Trace], messages: &[Trace]) -> Vec<Pair> {
    let mut candidates: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, message) in changed {
        candidates.entry(*row).or_default().push(*message);
    }
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (row, messages) in candidates {
        groups.entry(messages).or_default().push(row);
    }
    let shares = |one: &[usize], other: &[usize]| one != other && one.iter().any(|message| other.contains(message));
    let alone = groups.keys().filter(|one| !groups.keys().any(|other| shares(one, other)));
    let mut pairs = Vec::new();
    for group in alone {
        let (mut of_group, mut own) = (group.clone(), groups[group].clone());
        if of_group.len() == own.len() {
            // Equal times keep the order in which they came, which is that of time.
            of_group.sort_by_key(|message| messages[*message].at);
            own.sort_by_key(|row| rows[*row].at);
            let both = own.into_iter().zip(of_group);
            pairs.extend(both.map(|(row, message)| Pair { row, message, likeness: Likeness::OtherText }));
        }
    }
    pairs
}

fn is_free(rows: &mut [bool], row: usize, messages: &mut [bool], message: usize) -> bool {
    let both = rows[row] && messages[message];
    if both {
        rows[row] = false;
        messages[message] = false;
    }
    both
}

fn is_same_text(one: &Trace, other: &Trace) -> bool {
    // Without a text, the sender or what is attached has to speak for it.
    let speaks = !one.text.is_empty() || (one.has_attachment && other.has_attachment);
    let least = if speaks { Sameness::Perhaps } else { Sameness::Same };
    one.text == other.text && one.at.distance_ms(other.at) <= TOLERANCE_MS && one.who.sameness(&other.who) >= least
}

fn is_perhaps_changed(one: &Trace, other: &Trace) -> bool {
    one.at.distance_ms(other.at) <= CHANGED_TOLERANCE_MS && one.who.sameness(&other.who) == Sameness::Same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(id: &str, name: &str) -> Who {
        Who { id: PersonId::new(id).ok(), name: name.into() }
    }

    fn row(second: i64, text: &str) -> Trace {
        Trace { at: Moment::Second(second), who: who("in:olga", "olga test"), text: text.into(), has_attachment: false }
    }

    fn message(ms: i64, text: &str) -> Trace {
        Trace { at: Moment::Exact(ms), who: who("ACoAAOlga", "olga test"), text: text.into(), has_attachment: false }
    }

    fn paired(rows: &[Trace], messages: &[Trace]) -> Vec<(usize, usize, Likeness)> {
        let mut found: Vec<_> =
            match_up(rows, messages).into_iter().map(|one| (one.row, one.message, one.likeness)).collect();
        found.sort_by_key(|one| one.0);
        found
    }

    #[test]
    fn equal_texts_are_paired_by_the_nearest_time() {
        let rows = [row(10, "ok"), row(11, "ok")];
        let messages = [message(11_200, "ok"), message(10_900, "ok")];
        assert_eq!(paired(&rows, &messages), [(0, 1, Likeness::SameText), (1, 0, Likeness::SameText)]);
        assert_eq!(paired(&[row(10, "ok")], &[message(13_100, "ok")]), []);
        assert_eq!(paired(&[row(10, "ok")], &[message(12_999, "ok")]), [(0, 0, Likeness::SameText)]);
    }

    #[test]
    fn a_changed_text_is_paired_only_when_nothing_else_can_be_meant() {
        assert_eq!(paired(&[row(10, "a")], &[message(10_500, "b")]), [(0, 0, Likeness::OtherText)]);
        assert_eq!(paired(&[row(10, "a")], &[message(10_500, "b"), message(10_700, "c")]), []);
        assert_eq!(paired(&[row(10, "a"), row(10, "x")], &[message(10_500, "b")]), []);
        let both = paired(&[row(10, "a"), row(10, "x")], &[message(10_700, "c"), message(10_500, "b")]);
        assert_eq!(both, [(0, 1, Likeness::OtherText), (1, 0, Likeness::OtherText)]);
        let stranger = Trace { who: who("ACoAAEva", "eva test"), ..message(10_500, "b") };
        assert_eq!(paired(&[row(10, "a")], &[stranger]), []);
    }

    #[test]
    fn without_a_thread_only_what_has_no_second_is_paired() {
        let alone = |rows: &[Trace], messages: &[Trace]| match_alone(rows, messages, |_, _| true).len();
        assert_eq!(alone(&[row(10, "ok")], &[message(10_500, "ok")]), 1);
        assert_eq!(alone(&[row(10, "ok"), row(20, "ok")], &[message(20_500, "ok"), message(10_500, "ok")]), 2);
        // Somebody wrote the same to two others.
        assert_eq!(alone(&[row(10, "ok")], &[message(10_500, "ok"), message(11_500, "ok")]), 0);
        assert_eq!(alone(&[row(10, "ok"), row(11, "ok")], &[message(10_500, "ok")]), 0);
        assert_eq!(alone(&[row(10, "")], &[message(10_500, "")]), 0);
        assert_eq!(alone(&[row(10, "ok")], &[message(13_100, "ok")]), 0);
        assert_eq!(match_alone(&[row(10, "ok")], &[message(10_500, "ok")], |_, _| false), []);
        let (one, other) = (who("ACoAAOlga", ""), who("ACoAAEva", ""));
        assert_eq!(alone(&[Trace { who: one, ..row(10, "ok") }], &[Trace { who: other, ..message(10_000, "ok") }]), 0);
    }

    #[test]
    fn certainly_different_people_are_never_paired() {
        let one = Trace { who: who("ACoAAOlga", ""), ..row(10, "ok") };
        let other = Trace { who: who("ACoAAEva", ""), ..message(10_000, "ok") };
        assert_eq!(paired(&[one], &[other]), []);
        let hidden = Trace { who: Who { id: None, name: super::super::NOBODY.into() }, ..row(10, "ok") };
        assert_eq!(paired(&[hidden], &[message(10_000, "ok")]), [(0, 0, Likeness::SameText)]);
    }

    #[test]
    fn without_a_text_something_has_to_be_attached_or_the_sender_be_sure() {
        let attached = |trace: Trace| Trace { has_attachment: true, ..trace };
        let found = paired(&[attached(row(10, ""))], &[attached(message(11_500, ""))]);
        assert_eq!(found, [(0, 0, Likeness::SameText)]);
        // An export of the time before the column of attachments.
        assert_eq!(paired(&[row(10, "")], &[attached(message(10_100, ""))]), [(0, 0, Likeness::SameText)]);
        let renamed = Trace { who: who("in:olga", "olga before"), ..row(10, "") };
        assert_eq!(paired(std::slice::from_ref(&renamed), &[message(10_100, "")]), []);
        assert_eq!(paired(&[attached(renamed)], &[attached(message(10_100, ""))]), [(0, 0, Likeness::SameText)]);
    }
}
