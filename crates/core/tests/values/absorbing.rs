//! What the pages of lists and of conversations teach.

use threadkeep_core::message::Origin;
use threadkeep_core::page::{ConversationChanges, ConversationPage, Cursor, ListedConversation, MessagePage, Reply};
use threadkeep_core::sync::track::{Completeness, ConversationTrack, ListWalk, Need, RunId};
use threadkeep_core::sync::{Batch, Step, SyncState, absorb};
use threadkeep_core::time::Timestamp;

use crate::fixture::{
    NOW, RUN, changed, changes_step, delta_step, first_page, listed, mark, message_id, oddity, page, seen, state,
    thread, token, track, unfilled, walking,
};

fn list_step(category: &str) -> Step {
    Step::List { category: category.into(), cursor: None }
}

fn list_page(listed: Vec<ListedConversation>, next: Option<&str>) -> Reply {
    let next = next.map(|name| Cursor(name.into()));
    Reply::Conversations(ConversationPage { listed, next, ..ConversationPage::default() })
}

fn inbox_delta(listed: Vec<ListedConversation>, token: Option<&str>) -> ConversationChanges {
    let token = token.map(|name| threadkeep_core::page::SyncToken(name.into()));
    ConversationChanges { listed, token, ..ConversationChanges::default() }
}

fn taken(state: &SyncState, step: &Step, reply: Reply) -> Batch {
    absorb(state, step, reply, NOW)
}

fn track_of(batch: &Batch) -> ConversationTrack {
    batch.track.clone().unwrap()
}

#[test]
fn an_answer_ends_the_count_of_failures() {
    let mut tired = walking(None);
    tired.inbox.attempts = 7;
    tired.inbox.rate_limits = 3;
    let batch = taken(&tired, &list_step("INBOX"), list_page(vec![listed(50)], None));
    assert_eq!((batch.inbox.attempts, batch.inbox.rate_limits), (0, 0));
}

#[test]
fn an_answer_of_another_kind_teaches_nothing() {
    let state = walking(Some(unfilled()));
    let batch = taken(&state, &first_page(), list_page(vec![listed(50)], None));
    assert_eq!(batch, Batch::unchanged(&state));
}

#[test]
fn a_start_takes_the_mark_and_opens_every_list() {
    let mut fresh = state(None);
    fresh.inbox = Default::default();
    fresh.inbox.resets = 1;
    fresh.inbox.drains = 4;
    fresh.inbox.more = true;
    fresh.inbox.stirred = true;
    let reply = ConversationChanges { oddities: Vec::new(), ..inbox_delta(vec![listed(70), listed(60)], Some("new")) };
    let batch = taken(&fresh, &Step::StartToken, Reply::ConversationChanges(reply));
    let inbox = &batch.inbox;
    assert_eq!((inbox.token.clone(), inbox.token_at, inbox.high), (Some(token("new")), Some(NOW), Timestamp(70)));
    assert_eq!(inbox.marked_by, Some(RUN));
    assert_eq!((inbox.resets, inbox.drains, inbox.more, inbox.stirred), (0, 0, false, false));
    let names: Vec<_> = inbox.lists.iter().map(|list| list.category.as_str()).collect();
    assert_eq!(
        (names, inbox.open_list().map(|list| list.category.as_str())),
        (vec!["INBOX", "ARCHIVE"], Some("INBOX"))
    );
    assert_eq!((batch.conversations.len(), batch.sightings.len(), batch.origin), (2, 2, Origin::Walk));
    assert_eq!(batch.sightings[0].mark, Some(token("new")), "the mark was taken before anything was walked");
    assert!(!batch.sightings[0].changed);
}

#[test]
fn a_delta_moves_the_mark_and_names_what_changed() {
    let mut known = state(None);
    known.inbox.marked_by = Some(RunId { job: 6, ..RUN });
    known.inbox.drains = 5;
    known.inbox.stirred = true;
    known.inbox.resets = 1;
    let newest = Some(seen("m", 300, "one"));
    let reply = ConversationChanges {
        deleted: vec![thread()],
        ..inbox_delta(vec![ListedConversation { newest, ..listed(300) }], Some("new"))
    };
    let batch = taken(&known, &delta_step(), Reply::ConversationChanges(reply));
    let inbox = &batch.inbox;
    assert_eq!((inbox.token.clone(), inbox.token_at, inbox.high), (Some(token("new")), Some(NOW), Timestamp(300)));
    assert_eq!((inbox.drains, inbox.stirred, inbox.resets, inbox.more), (1, false, 0, false), "the first of this run");
    assert_eq!(inbox.marked_by, Some(RUN));
    assert_eq!((batch.origin, batch.deleted_conversations.len(), batch.messages.len()), (Origin::Delta, 1, 1));
    assert!(batch.sightings[0].changed && batch.sightings[0].newest.is_some());
    assert_eq!(batch.sightings[0].mark, Some(token("new")));
    let second = taken(&state(None), &delta_step(), Reply::ConversationChanges(inbox_delta(Vec::new(), None)));
    assert_eq!(
        (second.inbox.drains, second.inbox.token.clone()),
        (1, Some(token("inbox"))),
        "no mark, the old one stays"
    );
    let mut drained = state(None);
    drained.inbox.drains = 1;
    let third = taken(&drained, &delta_step(), Reply::ConversationChanges(inbox_delta(Vec::new(), None)));
    assert_eq!((third.inbox.drains, third.inbox.high), (2, Timestamp(100)));
}

#[test]
fn a_full_delta_is_followed_by_another_up_to_a_limit() {
    let full = |count: usize, gone: usize| {
        let reply = inbox_delta((0..count).map(|_| listed(50)).collect(), Some("new"));
        Reply::ConversationChanges(ConversationChanges { deleted: vec![thread(); gone], ..reply })
    };
    for (count, gone, more) in [(19, 0, false), (20, 0, true), (12, 8, true), (12, 7, false)] {
        assert_eq!(taken(&state(None), &delta_step(), full(count, gone)).inbox.more, more, "{count} and {gone}");
    }
    let mut late = state(None);
    for (drains, more) in [(8, true), (9, false)] {
        late.inbox.drains = drains;
        assert_eq!(taken(&late, &delta_step(), full(20, 0)).inbox.more, more, "{drains}");
    }
}

#[test]
fn a_lost_mark_is_asked_again_before_every_list_is_walked() {
    let reset = || {
        let reply = inbox_delta(vec![listed(70)], Some("new"));
        Reply::ConversationChanges(ConversationChanges { reset: true, ..reply })
    };
    let first = taken(&state(None), &delta_step(), reset());
    assert_eq!((first.inbox.resets, first.inbox.token.clone()), (1, Some(token("inbox"))));
    assert!(first.conversations.is_empty() && first.inbox.open_list().is_none());
    let believed = taken(&SyncState { inbox: first.inbox, ..state(None) }, &delta_step(), reset());
    assert_eq!((believed.inbox.resets, believed.inbox.token.clone()), (0, Some(token("new"))));
    assert!(believed.inbox.open_list().is_some());
    assert_eq!(believed.origin, Origin::Walk);
}

#[test]
fn a_list_is_walked_to_its_end_and_tells_what_moved_meanwhile() {
    let mut walk = walking(None);
    walk.inbox.lists[1].walk = ListWalk::Walking { paging: Default::default() };
    let batch = taken(&walk, &list_step("INBOX"), list_page(vec![listed(100)], Some("next")));
    assert_eq!(batch.inbox.open_list().map(|list| list.category.as_str()), Some("INBOX"));
    assert!(!batch.inbox.stirred, "known activity is no news");
    assert!(taken(&walk, &list_step("INBOX"), list_page(vec![listed(101)], None)).inbox.stirred);
    let batch = taken(&walk, &list_step("INBOX"), list_page(vec![listed(100)], None));
    assert_eq!(batch.inbox.lists[0].walk, ListWalk::Done { proven: true });
    assert_eq!((batch.inbox.imported_at, batch.sightings.len()), (None, 1));
    let last = SyncState { inbox: batch.inbox, ..walk };
    let batch = taken(&last, &list_step("ARCHIVE"), list_page(Vec::new(), None));
    assert_eq!((batch.inbox.imported_at, batch.inbox.open_list()), (Some(NOW), None));
    let mut again = walking(None);
    again.inbox.imported_at = Some(Timestamp(1));
    let batch = taken(&again, &list_step("INBOX"), list_page(Vec::new(), None));
    assert_eq!(batch.inbox.imported_at, Some(Timestamp(1)), "the first time counts");
}

#[test]
fn a_damaged_answer_is_asked_again_three_times_and_then_taken() {
    let mut state = walking(Some(unfilled()));
    let odd_list = || {
        let page = ConversationPage { listed: vec![listed(50)], oddities: vec![oddity()], ..Default::default() };
        Reply::Conversations(page)
    };
    let odd_page = || {
        Reply::Messages(MessagePage {
            messages: vec![seen("m", 5, "one")],
            oddities: vec![oddity()],
            ..Default::default()
        })
    };
    for number in 1..=3 {
        let batch = taken(&state, &list_step("INBOX"), odd_list());
        assert_eq!((batch.inbox.odd, batch.conversations.len(), batch.oddities.len()), (number, 0, 0));
        let asked = taken(&state, &first_page(), odd_page());
        assert_eq!((track_of(&asked).detail.odd, asked.messages.len(), asked.inbox.odd), (number, 0, number - 1));
        state.inbox = batch.inbox;
        state.due = asked.track;
    }
    let batch = taken(&state, &list_step("INBOX"), odd_list());
    assert_eq!((batch.inbox.odd, batch.conversations.len(), batch.oddities.len()), (0, 1, 1));
    let batch = taken(&state, &first_page(), odd_page());
    let detail = track_of(&batch).detail;
    assert_eq!((detail.odd, batch.messages.len(), batch.oddities.len()), (0, 1, 1));
    assert_eq!(detail.completeness, Completeness::EndUnproven, "what could not be read may be missing");
    assert!(detail.trouble.is_some());
}

#[test]
fn a_page_that_is_the_whole_finishes_the_conversation() {
    let batch =
        taken(&state(Some(unfilled())), &first_page(), page(vec![seen("b", 100, "two"), seen("a", 9, "one")], None));
    let track = track_of(&batch);
    let detail = &track.detail;
    assert_eq!(
        (track.synced_to, detail.completeness, detail.need),
        (Some(Timestamp(100)), Completeness::Complete, Need::Nothing)
    );
    assert_eq!((detail.oldest, detail.newest, detail.walk.is_none()), (Some(Timestamp(9)), Some(Timestamp(100)), true));
    assert_eq!((detail.mark.clone(), track.due_rank()), (Some(mark("inbox", true)), None));
    assert_eq!((batch.messages.len(), batch.origin, batch.inbox.stirred), (2, Origin::Walk, false));
}

#[test]
fn a_walk_keeps_its_place_its_target_and_the_mark_from_before() {
    let first = taken(&state(Some(unfilled())), &first_page(), page(vec![seen("b", 90, "two")], Some("older")));
    let mut track = track_of(&first);
    assert_eq!((track.synced_to, track.detail.completeness, track.due_rank()), (None, Completeness::Partial, Some(1)));
    let walk = track.detail.walk.clone().unwrap();
    assert_eq!((walk.target, walk.mark), (Timestamp(100), Some(mark("inbox", true))));
    // Meanwhile something newer was seen, and the inbox has another mark.
    track.activity = Timestamp(140);
    let mut later = state(Some(track));
    later.inbox.token = Some(token("later"));
    let step = Step::Messages { conversation: thread(), anchor: NOW, cursor: Some(Cursor("older".into())) };
    let track = track_of(&taken(&later, &step, page(vec![seen("a", 9, "one")], None)));
    assert_eq!(track.synced_to, Some(Timestamp(100)), "it was started for this, not for the newest seen");
    assert_eq!((track.detail.mark, track.detail.oldest), (Some(mark("inbox", true)), Some(Timestamp(9))));
}

#[test]
fn a_walk_without_a_mark_borrows_that_of_the_inbox() {
    let mut unmarked = unfilled();
    unmarked.detail.mark = None;
    let batch = taken(&state(Some(unmarked)), &first_page(), page(Vec::new(), None));
    assert_eq!(track_of(&batch).detail.mark, Some(mark("inbox", true)));
}

#[test]
fn what_changed_before_the_walk_is_asked_after_it() {
    let mut stirred = unfilled();
    stirred.detail.stirred = true;
    let detail = track_of(&taken(&state(Some(stirred)), &first_page(), page(vec![seen("a", 9, "one")], None))).detail;
    assert_eq!((detail.need, detail.stirred), (Need::Changes, false));
    let mut due = track();
    due.detail.need = Need::Changes;
    due.detail.walk = None;
    let detail = track_of(&taken(&state(Some(due)), &first_page(), page(vec![seen("a", 9, "one")], None))).detail;
    assert_eq!(detail.need, Need::Changes, "a walk is no answer to what changed");
}

#[test]
fn an_answer_without_the_message_that_was_shown_is_asked_again_five_times() {
    let mut due = unfilled();
    due.detail.expected = Some((Timestamp(100), message_id("shown")));
    due.detail.newest = Some(Timestamp(9));
    let mut state = state(Some(due));
    for number in 1..=5 {
        let batch = taken(&state, &first_page(), page(vec![seen("a", 9, "one")], None));
        let track = track_of(&batch);
        assert_eq!((track.detail.stale, batch.messages.len(), track.detail.walk.is_none()), (number, 0, true));
        assert_eq!(track.due_rank(), Some(2), "others go first meanwhile");
        state.due = Some(track);
    }
    let last = taken(&state, &first_page(), page(vec![seen("a", 9, "one")], None));
    let detail = track_of(&last).detail;
    assert_eq!((detail.stale, detail.expected, detail.completeness), (0, None, Completeness::EndUnproven));
    assert_eq!((last.messages.len(), detail.unproven, detail.attempts), (1, 1, 0));
    for shown in [seen("shown", 100, "two"), seen("newer", 101, "two")] {
        let batch = taken(&state, &first_page(), page(vec![shown], None));
        assert_eq!(track_of(&batch).detail.completeness, Completeness::Complete);
    }
    let batch = taken(&state, &first_page(), page(vec![seen("other", 100, "two")], None));
    assert_eq!(track_of(&batch).detail.completeness, Completeness::EndUnproven, "another one of that time is not it");
}

#[test]
fn an_older_page_is_not_expected_to_show_the_newest() {
    let first = taken(&state(Some(unfilled())), &first_page(), page(vec![seen("b", 90, "two")], Some("older")));
    let mut track = track_of(&first);
    track.detail.expected = Some((Timestamp(120), message_id("shown")));
    let step = Step::Messages { conversation: thread(), anchor: NOW, cursor: Some(Cursor("older".into())) };
    let batch = taken(&state(Some(track)), &step, page(vec![seen("a", 9, "one")], None));
    assert_eq!((batch.messages.len(), track_of(&batch).detail.stale), (1, 0));
}

#[test]
fn absence_deletes_nothing_and_proves_nothing() {
    let mut known = unfilled();
    known.detail.newest = Some(Timestamp(9));
    let batch = taken(&state(Some(known)), &first_page(), page(Vec::new(), None));
    assert!(batch.deleted_conversations.is_empty() && batch.deleted_messages.is_empty());
    assert_eq!(track_of(&batch).detail.completeness, Completeness::EndUnproven);
    let empty = taken(&state(Some(unfilled())), &first_page(), page(Vec::new(), None));
    assert_eq!(track_of(&empty).detail.completeness, Completeness::Complete, "it never had any");
}

#[test]
fn an_end_that_was_only_probed_is_counted() {
    let first = taken(&state(Some(unfilled())), &first_page(), page(vec![seen("b", 90, "two")], Some("older")));
    let step = |name: &str| Step::Messages { conversation: thread(), anchor: NOW, cursor: Some(Cursor(name.into())) };
    let probing = taken(&state(first.track), &step("older"), page(Vec::new(), None));
    assert_eq!(track_of(&probing).detail.completeness, Completeness::Partial, "the list may be gone");
    let there = taken(&state(probing.track.clone()), &first_page(), page(vec![seen("b", 90, "two")], Some("older")));
    let detail = track_of(&there).detail;
    assert_eq!((detail.completeness, detail.probed, detail.unproven), (Completeness::Complete, 1, 0));
    let mut again = track_of(&there);
    again.detail.need = Need::Sweep;
    let plain = taken(&state(Some(again)), &first_page(), page(vec![seen("b", 90, "two")], None));
    assert_eq!(track_of(&plain).detail.probed, 0);
    let mut doubted = track_of(&probing);
    doubted.detail.walk.as_mut().unwrap().is_doubtful = true;
    let there = taken(&state(Some(doubted)), &first_page(), page(vec![seen("b", 90, "two")], Some("older")));
    assert_eq!(track_of(&there).detail.completeness, Completeness::EndUnproven);
    let gone = taken(&state(probing.track), &first_page(), page(Vec::new(), None));
    assert_eq!(track_of(&gone).detail.completeness, Completeness::EndUnproven);
}

#[test]
fn newer_messages_than_the_mark_lead_to_a_drain() {
    let newer = taken(&state(Some(unfilled())), &first_page(), page(vec![seen("b", 101, "two")], None));
    assert!(newer.inbox.stirred);
    let known = taken(&state(Some(unfilled())), &first_page(), page(vec![seen("b", 100, "two")], None));
    assert!(!known.inbox.stirred);
}

#[test]
fn messages_are_told_apart_by_id_and_not_by_time() {
    let same = vec![seen("c", 90, "three"), seen("b", 90, "two"), seen("a", 90, "one")];
    let batch = taken(&state(Some(unfilled())), &first_page(), page(same.clone(), None));
    assert_eq!(batch.messages, same);
}

#[test]
fn a_page_for_nobody_teaches_nothing() {
    let nobody = state(None);
    assert_eq!(taken(&nobody, &first_page(), page(vec![seen("a", 9, "one")], None)), Batch::unchanged(&nobody));
    let reply = Reply::MessageChanges(changed(vec![seen("a", 9, "one")], "new"));
    assert_eq!(taken(&nobody, &changes_step(), reply), Batch::unchanged(&nobody));
}
