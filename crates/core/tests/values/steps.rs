//! What is asked next: by urgency, by need, and never before a wait is over.

use threadkeep_core::page::Cursor;
use threadkeep_core::sync::paging::Paging;
use threadkeep_core::sync::track::{Completeness, MessageWalk, Need, RunId};
use threadkeep_core::sync::{DEFAULT_CATEGORIES, Hold, HoldReason, Step, SyncState, next_step};
use threadkeep_core::time::Timestamp;

use crate::fixture::{NOW, RUN, changes_step, delta_step, first_page, mark, state, thread, track, unfilled, walking};

fn messages(anchor: i64, cursor: Option<&str>) -> Step {
    let cursor = cursor.map(|name| Cursor(name.into()));
    Step::Messages { conversation: thread(), anchor: Timestamp(anchor), cursor }
}

fn waiting(until: i64, why: HoldReason) -> (SyncState, Step) {
    let hold = Hold { until: Timestamp(until), why };
    (SyncState { hold: Some(hold.clone()), ..state(None) }, Step::Rest(hold))
}

#[test]
fn a_wait_holds_until_its_end_and_not_a_moment_longer() {
    let (state, rest) = waiting(NOW.0, HoldReason::RateLimited);
    assert_eq!(next_step(&state, Timestamp(NOW.0 - 1)), rest);
    assert_eq!(next_step(&state, NOW), Step::Done);
}

#[test]
fn a_wait_that_a_wrong_clock_has_made_longer_than_any_does_not_hold() {
    let hours = |count: i64| count * 3_600_000;
    let cases =
        [(HoldReason::RateLimited, hours(24)), (HoldReason::Blocked, hours(24)), (HoldReason::Unavailable, 300_000)];
    for (why, longest_ms) in cases {
        let (state, rest) = waiting(NOW.0 + longest_ms, why);
        assert_eq!(next_step(&state, NOW), rest);
        let (state, _) = waiting(NOW.0 + longest_ms + 1, why);
        assert_eq!(next_step(&state, NOW), Step::Done, "{why:?}");
    }
}

#[test]
fn first_a_mark_then_what_changed_since() {
    let mut fresh = walking(Some(unfilled()));
    fresh.inbox.token = None;
    assert_eq!(next_step(&fresh, NOW), Step::StartToken);
    let mut known = walking(Some(unfilled()));
    assert_ne!(next_step(&known, NOW), delta_step());
    known.inbox.more = true;
    assert_eq!(next_step(&known, NOW), delta_step(), "one answer did not hold all");
    known.inbox.more = false;
    // A clock may have been set between two runs, and shows the same time again; the same number is there in another
    // database: only whether it is the same run counts.
    let began = |at: i64| Some(RunId { started_at: Timestamp(at), ..RUN });
    let numbered = |job: i64| Some(RunId { job, ..RUN });
    let at = RUN.started_at.0;
    for other in [None, began(at - 1), began(at + 1), numbered(RUN.job - 1), numbered(RUN.job + 1)] {
        known.inbox.marked_by = other;
        assert_eq!(next_step(&known, NOW), delta_step(), "each run asks once");
    }
}

#[test]
fn newest_pages_go_before_lists_and_lists_before_history() {
    let list = Step::List { category: "INBOX".into(), cursor: None };
    assert_eq!(next_step(&walking(Some(unfilled())), NOW), messages(NOW.0 + 1, None));
    let mut begun = unfilled();
    let mut paging = Paging::default();
    paging.advance(&[(Timestamp(9), "2-m")], Some(Cursor("next".into())));
    begun.detail.walk = Some(MessageWalk { paging, target: Timestamp(100), mark: None, is_doubtful: false });
    assert_eq!(begun.due_rank(), Some(1));
    assert_eq!(next_step(&walking(Some(begun.clone())), NOW), list);
    assert_eq!(next_step(&state(Some(begun.clone())), NOW), messages(NOW.0 + 1, Some("next")));
    begun.detail.attempts = 1;
    assert_eq!(begun.due_rank(), Some(2));
    assert_eq!(next_step(&walking(Some(begun)), NOW), list);
    assert_eq!(next_step(&walking(None), NOW), list);
    assert_eq!(DEFAULT_CATEGORIES, ["INBOX", "ARCHIVE"]);
}

#[test]
fn a_mark_is_asked_for_changes_unless_a_walk_goes_on() {
    let mut due = track();
    due.detail.need = Need::Changes;
    assert_eq!(next_step(&state(Some(due.clone())), NOW), changes_step());
    let mut swept = due.clone();
    swept.detail.need = Need::Sweep;
    assert_eq!(next_step(&state(Some(swept)), NOW), first_page_behind_now());
    let mut unmarked = due.clone();
    unmarked.detail.mark = None;
    assert_eq!(next_step(&state(Some(unmarked)), NOW), first_page_behind_now());
    due.detail.walk =
        Some(MessageWalk { paging: Paging::default(), target: Timestamp(1), mark: None, is_doubtful: false });
    assert_eq!(next_step(&state(Some(due)), NOW), first_page_behind_now());
}

fn first_page_behind_now() -> Step {
    let Step::Messages { conversation, anchor, cursor } = first_page() else { unreachable!() };
    Step::Messages { conversation, anchor: anchor.plus_ms(1), cursor }
}

#[test]
fn the_first_page_is_asked_behind_the_newest_activity_whatever_our_clock_says() {
    let mut ahead = unfilled();
    ahead.activity = Timestamp(NOW.0 + 500);
    assert_eq!(next_step(&state(Some(ahead)), NOW), messages(NOW.0 + 501, None));
}

#[test]
fn what_moved_during_the_walks_is_drained_and_not_for_ever() {
    assert_eq!(next_step(&state(None), NOW), Step::Done);
    let mut stirred = state(None);
    stirred.inbox.stirred = true;
    assert_eq!(next_step(&stirred, NOW), delta_step());
    stirred.inbox.drains = 9;
    assert_eq!(next_step(&stirred, NOW), delta_step());
    stirred.inbox.drains = 10;
    assert_eq!(next_step(&stirred, NOW), Step::Done, "the rest is left to the next run");
    let old = state(None);
    let taken_at = old.inbox.token_at.unwrap();
    assert_eq!(next_step(&old, taken_at.plus_ms(600_000)), Step::Done);
    assert_eq!(next_step(&old, taken_at.plus_ms(600_001)), delta_step(), "the mark is ten minutes old");
}

#[test]
fn only_what_is_needed_and_possible_is_due() {
    assert_eq!((track().due_rank(), unfilled().due_rank()), (None, Some(0)));
    for completeness in [Completeness::SetAside, Completeness::OutOfScope] {
        let mut one = unfilled();
        one.detail.completeness = completeness;
        assert_eq!(one.due_rank(), None);
    }
    let mut walked = track();
    let paging = Paging::default();
    walked.detail.walk =
        Some(MessageWalk { paging, target: Timestamp(1), mark: Some(mark("own", false)), is_doubtful: false });
    assert_eq!(walked.due_rank(), Some(0), "a walk that has not begun");
}
