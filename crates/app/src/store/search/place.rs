//! The place of a message in the index: a number made of its time, so that the newest stands first.
//!
//! Both databases then give the newest by walking places upwards, a date is a range of places, and a page goes on behind
//! a place. Messages of one millisecond, and of one second where an archive told only that, get places beside each
//! other; a crowd may push some of them milliseconds towards the past.

use std::collections::BTreeSet;

use threadkeep_core::time::Timestamp;

/// Times from here on share their place: the year 2248.
const LATEST_MS: i64 = 1 << 43;
/// Places of one millisecond.
const PLACES: i64 = 1 << 4;
/// How far from its own place a message still stays where it is.
pub(super) const NEAR: i64 = 1 << 10;

/// The first place of a moment.
pub(super) fn first_of(at: Timestamp) -> i64 {
    (LATEST_MS - at.0.clamp(0, LATEST_MS)) * PLACES
}

/// The places of moments from one on, and before another: (above, up to).
pub(super) fn range(after: Option<Timestamp>, before: Option<Timestamp>) -> (i64, i64) {
    let above = before.map_or(-1, |before| first_of(before) + PLACES - 1);
    let up_to = after.map_or(i64::MAX, |after| first_of(after) + PLACES - 1);
    (above, up_to)
}

/// The first place from here on that is not taken; takes it.
pub(super) fn take(taken: &mut BTreeSet<i64>, from: i64) -> i64 {
    let mut place = from;
    while !taken.insert(place) {
        place += 1;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_moments_stand_before_older_ones() {
        assert!(first_of(Timestamp(2)) < first_of(Timestamp(1)));
        assert!(first_of(Timestamp(i64::MAX)) >= 0);
        assert_eq!(first_of(Timestamp(i64::MIN)), first_of(Timestamp(0)));
    }

    #[test]
    fn a_range_has_its_first_moment_and_not_its_end() {
        let (above, up_to) = range(Some(Timestamp(10)), Some(Timestamp(20)));
        let is_in = |at: i64| {
            let place = first_of(Timestamp(at));
            place > above && place + PLACES - 1 <= up_to
        };
        assert!(is_in(10) && is_in(19) && !is_in(9) && !is_in(20));
    }

    #[test]
    fn a_place_that_is_taken_is_passed_over() {
        let mut taken = BTreeSet::from([5, 6]);
        assert_eq!([take(&mut taken, 5), take(&mut taken, 5), take(&mut taken, 9)], [7, 8, 9]);
    }
}
