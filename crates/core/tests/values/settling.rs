//! What each trouble means: how long is waited, what is given up, and what stays as it was.

use threadkeep_core::page::{Cursor, Trouble};
use threadkeep_core::sync::pace::Pace;
use threadkeep_core::sync::paging::Paging;
use threadkeep_core::sync::track::{Completeness, ListWalk, MessageWalk, Need};
use threadkeep_core::sync::{Batch, FailureCode, Health, HoldReason, Step, SyncState, settle};
use threadkeep_core::time::Timestamp;

use crate::fixture::{NOW, changes_step, delta_step, first_page, mark, state, thread, track, unfilled, walking};

fn what() -> String {
    "simulated".into()
}

fn settled(state: &SyncState, step: &Step, trouble: Trouble) -> Batch {
    let batch = settle(state, step, &trouble, Pace::Polite, NOW);
    assert!(batch.messages.is_empty() && batch.conversations.is_empty(), "a failure brings and removes nothing");
    assert!(batch.deleted_messages.is_empty() && batch.deleted_conversations.is_empty());
    batch
}

fn code(batch: &Batch) -> Option<FailureCode> {
    batch.failure.as_ref().map(|failure| failure.code)
}

fn wait_ms(batch: &Batch) -> (Option<i64>, Option<HoldReason>) {
    (batch.hold.as_ref().map(|hold| hold.until.since_ms(NOW)), batch.hold.as_ref().map(|hold| hold.why))
}

#[test]
fn a_dead_session_stops_the_account_at_once() {
    let cases = [
        (Trouble::NeedsLogin { what: what() }, Health::NeedsLogin, FailureCode::NeedsLogin),
        (Trouble::Challenged { what: what() }, Health::Challenged, FailureCode::Challenged),
    ];
    for (trouble, health, expected) in cases {
        let batch = settled(&state(None), &delta_step(), trouble);
        assert_eq!((batch.health, code(&batch), batch.hold.is_none()), (Some(health), Some(expected), true));
        assert_eq!(batch.inbox, state(None).inbox, "everything else is as before the answer");
    }
}

#[test]
fn a_block_stops_the_account_for_a_day() {
    let batch = settled(&state(None), &delta_step(), Trouble::Blocked);
    assert_eq!(wait_ms(&batch), (Some(24 * 3_600_000), Some(HoldReason::Blocked)));
    assert_eq!((batch.health, code(&batch)), (None, Some(FailureCode::UpstreamBlocked)));
}

#[test]
fn a_429_waits_as_it_says_or_longer_each_time_and_ends_after_twelve() {
    let limited = |retry_after_ms| Trouble::RateLimited { retry_after_ms };
    let mut state = state(None);
    for minutes in [15, 30, 60] {
        let batch = settled(&state, &delta_step(), limited(None));
        assert_eq!(wait_ms(&batch), (Some(minutes * 60_000), Some(HoldReason::RateLimited)));
        assert_eq!(code(&batch), None);
        state.inbox = batch.inbox;
    }
    assert_eq!(state.inbox.rate_limits, 3);
    assert_eq!(wait_ms(&settled(&state, &delta_step(), limited(Some(7_000)))).0, Some(7_000));
    state.inbox.rate_limits = 10;
    assert_eq!(code(&settled(&state, &delta_step(), limited(None))), None);
    state.inbox.rate_limits = 11;
    assert_eq!(code(&settled(&state, &delta_step(), limited(None))), Some(FailureCode::RateLimited));
}

#[test]
fn a_passing_failure_is_waited_out_and_given_up_after_eight() {
    let cases = [
        (Trouble::Unavailable { what: what() }, FailureCode::UpstreamUnavailable),
        (Trouble::Unreadable { what: what() }, FailureCode::UpstreamUnreadable),
        (Trouble::Refused { what: what() }, FailureCode::UpstreamRefused),
    ];
    for (trouble, expected) in cases {
        let mut state = walking(None);
        let step = Step::List { category: "INBOX".into(), cursor: None };
        for number in 1..=7 {
            let batch = settled(&state, &step, trouble.clone());
            let expected_ms = (2_000 << (number - 1)).min(5 * 60_000);
            assert_eq!(wait_ms(&batch), (Some(expected_ms), Some(HoldReason::Unavailable)));
            assert_eq!((code(&batch), batch.inbox.attempts, batch.track.is_none()), (None, number, true));
            state.inbox = batch.inbox;
        }
        let batch = settled(&state, &step, trouble);
        assert_eq!((code(&batch), batch.inbox.attempts), (Some(expected), 0));
    }
}

#[test]
fn a_conversation_that_fails_is_set_aside_and_the_rest_goes_on() {
    let mut state = state(Some(unfilled()));
    for number in 1..=8 {
        let batch = settled(&state, &first_page(), Trouble::Unreadable { what: what() });
        let failed = batch.track.clone().unwrap();
        assert_eq!(failed.detail.attempts, number);
        assert!(failed.detail.trouble.as_deref().is_some_and(|text| text.contains("simulated")));
        assert_eq!((code(&batch), batch.inbox.attempts), (None, if number == 8 { 2 } else { 0 }));
        assert_eq!(failed.detail.completeness == Completeness::SetAside, number == 8);
        assert_eq!(wait_ms(&batch).0, Some((2_000 << (number - 1)).min(5 * 60_000)));
        state.due = batch.track;
        state.inbox = batch.inbox;
    }
    state.inbox.attempts = 6;
    let batch = settled(&state, &first_page(), Trouble::Unreadable { what: what() });
    assert_eq!(code(&batch), Some(FailureCode::UpstreamUnreadable), "several in a row are not their own fault");
}

#[test]
fn a_server_that_is_down_counts_for_the_inbox_whatever_was_asked() {
    for step in [first_page(), changes_step()] {
        let batch = settled(&state(Some(unfilled())), &step, Trouble::Unavailable { what: what() });
        assert_eq!((batch.inbox.attempts, batch.track.map(|track| track.detail.attempts)), (1, Some(1)));
    }
}

fn refused(state: &SyncState, step: &Step) -> Batch {
    settled(state, step, Trouble::Refused { what: what() })
}

#[test]
fn a_refused_mark_of_the_inbox_is_asked_once_more_before_it_is_given_up() {
    let mut state = state(None);
    let batch = refused(&state, &delta_step());
    assert_eq!((batch.inbox.resets, batch.inbox.token.is_some()), (1, true));
    state.inbox = batch.inbox;
    let batch = refused(&state, &delta_step());
    assert_eq!((batch.inbox.resets, batch.inbox.token), (0, None));
}

#[test]
fn a_refused_cursor_starts_its_own_walk_anew() {
    let mut walked = Paging::default();
    walked.advance(&[(Timestamp(9), "2-m")], Some(Cursor("lost".into())));
    let mut state = state(None);
    for list in &mut state.inbox.lists {
        list.walk = ListWalk::Walking { paging: walked.clone() };
    }
    let step = Step::List { category: "ARCHIVE".into(), cursor: Some(Cursor("lost".into())) };
    let batch = refused(&state, &step);
    assert_eq!(batch.inbox.lists[0].walk, ListWalk::Walking { paging: walked.clone() });
    assert_eq!(batch.inbox.lists[1].walk, ListWalk::Walking { paging: Paging::default() });
    let first = Step::List { category: "ARCHIVE".into(), cursor: None };
    assert_eq!(refused(&state, &first).inbox.lists[1].walk, ListWalk::Walking { paging: walked.clone() });

    let mut due = unfilled();
    let kept = Some(mark("inbox", true));
    due.detail.walk =
        Some(MessageWalk { paging: walked, target: Timestamp(100), mark: kept.clone(), is_doubtful: false });
    state.due = Some(due);
    let step = Step::Messages { conversation: thread(), anchor: NOW, cursor: Some(Cursor("lost".into())) };
    let walk = refused(&state, &step).track.unwrap().detail.walk.unwrap();
    assert_eq!((walk.paging, walk.mark), (Paging::default(), kept), "its mark stays");
}

#[test]
fn a_refused_mark_of_a_conversation_leads_to_a_sweep() {
    let mut due = track();
    due.detail.need = Need::Changes;
    let detail = refused(&state(Some(due)), &changes_step()).track.unwrap().detail;
    assert_eq!((detail.mark, detail.need), (None, Need::Sweep));
}

#[test]
fn troubles_are_told_without_content() {
    let told = [
        Trouble::RateLimited { retry_after_ms: None },
        Trouble::Unavailable { what: what() },
        Trouble::NeedsLogin { what: what() },
        Trouble::Blocked,
    ];
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "LinkedIn asked to slow down (429)");
    assert!(told[1].ends_with("simulated") && told[2].ends_with("simulated") && told[3].contains("999"));
}
