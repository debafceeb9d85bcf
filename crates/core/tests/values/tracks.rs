//! What a list or a delta says about a conversation, and what follows for its track.

use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::sync::paging::Paging;
use threadkeep_core::sync::track::{
    Completeness, ConversationTrack, MessageWalk, Need, Sighting, UNPROVEN_WALKS_MAX, leave, revive, sight,
};
use threadkeep_core::time::Timestamp;

use crate::fixture::{mark, message_id, thread, token, track, unfilled};

fn sighting(at: i64) -> Sighting {
    let seen = ConversationSeen { last_activity_at: Some(Timestamp(at)), ..ConversationSeen::only_id(thread()) };
    Sighting::of(&seen, None, &[])
}

fn told(at: i64) -> Sighting {
    Sighting { changed: true, ..sighting(at) }
}

fn outside(at: i64) -> Sighting {
    Sighting { in_scope: Some(false), ..sighting(at) }
}

fn walk() -> MessageWalk {
    let mut paging = Paging::default();
    paging.advance(&[(Timestamp(9), "2-m")], Some(threadkeep_core::page::Cursor("next".into())));
    MessageWalk { paging, target: Timestamp(100), mark: Some(mark("inbox", true)), is_doubtful: false }
}

#[test]
fn a_sighting_says_what_the_list_told() {
    let seen = ConversationSeen {
        categories: Some(["STARRED".to_owned(), "ARCHIVE".to_owned()].into()),
        last_activity_at: Some(Timestamp(7)),
        ..ConversationSeen::only_id(thread())
    };
    let newest = Some((Timestamp(7), message_id("m")));
    let of = |scope: &[&str]| {
        let scope: Vec<String> = scope.iter().map(|name| (*name).to_owned()).collect();
        Sighting::of(&seen, newest.clone(), &scope)
    };
    let one = of(&["INBOX", "ARCHIVE"]);
    assert_eq!((one.conversation, one.activity, one.in_scope), (thread(), Some(Timestamp(7)), Some(true)));
    assert_eq!((one.newest, one.changed, one.mark), (newest.clone(), false, None));
    assert_eq!(of(&["INBOX"]).in_scope, Some(false));
    assert_eq!(sighting(7).in_scope, None, "not told");
}

#[test]
fn a_new_conversation_is_filled_from_the_mark_it_was_shown_with() {
    let first = Sighting { mark: Some(token("inbox")), newest: Some((Timestamp(7), message_id("m"))), ..sighting(7) };
    let new = sight(None, &first);
    assert_eq!((new.activity, new.synced_to, new.detail.need), (Timestamp(7), None, Need::Fill));
    assert_eq!((new.detail.completeness, new.detail.mark.clone()), (Completeness::Listed, Some(mark("inbox", true))));
    assert_eq!(new.detail.expected, Some((Timestamp(7), message_id("m"))));
    assert!(!new.detail.stirred, "what brought it is what will be walked");
    let again = sight(Some(&new), &Sighting { mark: Some(token("later")), ..first });
    assert_eq!(again.detail.mark, Some(mark("inbox", true)), "the first mark covers more");
}

#[test]
fn only_newer_activity_or_a_told_change_makes_it_due() {
    for known in [99, 100] {
        let seen = sight(Some(&track()), &sighting(known));
        assert_eq!((seen.detail.need, seen.activity), (Need::Nothing, Timestamp(100)));
    }
    let newer = sight(Some(&track()), &sighting(101));
    assert_eq!((newer.detail.need, newer.activity), (Need::Changes, Timestamp(101)));
    assert_eq!(sight(Some(&track()), &told(100)).detail.need, Need::Changes);
    let silent = Sighting { activity: None, ..sighting(0) };
    assert_eq!(sight(Some(&track()), &silent).detail.need, Need::Nothing);
}

#[test]
fn a_change_before_or_during_the_first_fill_is_asked_for_afterwards() {
    let before = sight(Some(&unfilled()), &told(100));
    assert_eq!((before.detail.need, before.detail.stirred), (Need::Fill, true));
    let shown = sight(Some(&unfilled()), &sighting(101));
    assert_eq!((shown.detail.need, shown.detail.stirred), (Need::Fill, false));
    let mut walked = unfilled();
    walked.detail.walk = Some(walk());
    walked.detail.need = Need::Nothing;
    assert_eq!(sight(Some(&walked), &told(101)).detail.need, Need::Changes);
    assert_eq!(sight(Some(&walked), &sighting(101)).detail.need, Need::Nothing, "the walk may show it");
    let mut refilled = track();
    refilled.detail.walk = Some(walk());
    assert_eq!(sight(Some(&refilled), &sighting(101)).detail.need, Need::Changes);
    refilled.detail.oldest = None;
    assert_eq!(sight(Some(&refilled), &sighting(101)).detail.need, Need::Changes, "it is being walked");
}

#[test]
fn a_greater_need_is_never_made_smaller() {
    let mut swept = track();
    swept.detail.need = Need::Sweep;
    assert_eq!(sight(Some(&swept), &told(101)).detail.need, Need::Sweep);
    let mut swept = unfilled();
    swept.detail.need = Need::Sweep;
    assert_eq!(sight(Some(&swept), &told(101)).detail.need, Need::Sweep);
}

#[test]
fn a_doubtful_end_is_walked_again_when_something_changes() {
    let mut unproven = track();
    unproven.detail.completeness = Completeness::EndUnproven;
    let mut probed = track();
    probed.detail.probed = 1;
    let mut empty = track();
    empty.detail.oldest = None;
    for one in [unproven, probed, empty] {
        let seen = sight(Some(&one), &sighting(101)).detail;
        assert_eq!((seen.need, seen.stirred), (Need::Sweep, true));
        assert_eq!(sight(Some(&one), &sighting(100)).detail.need, Need::Nothing);
    }
    let mut twice = track();
    twice.detail.probed = 2;
    assert_eq!(sight(Some(&twice), &sighting(101)).detail.need, Need::Changes, "two are enough");
}

#[test]
fn what_was_set_aside_gets_one_more_try_when_something_happens() {
    let mut aside = track();
    aside.detail.completeness = Completeness::SetAside;
    aside.detail.attempts = 8;
    aside.detail.oldest = None;
    assert_eq!(sight(Some(&aside), &sighting(100)).detail.completeness, Completeness::SetAside);
    let tried = sight(Some(&aside), &sighting(101)).detail;
    assert_eq!((tried.completeness, tried.attempts), (Completeness::Listed, 7));
    aside.detail.oldest = Some(Timestamp(1));
    assert_eq!(sight(Some(&aside), &sighting(101)).detail.completeness, Completeness::Partial);
}

#[test]
fn what_leaves_the_mirrored_categories_keeps_its_place_and_asks_when_it_returns() {
    let mut due = track();
    due.detail.need = Need::Changes;
    due.detail.expected = Some((Timestamp(7), message_id("m")));
    let left = sight(Some(&due), &outside(101));
    assert_eq!((left.detail.need, left.detail.completeness), (Need::Nothing, Completeness::OutOfScope));
    assert_eq!((left.detail.before, left.detail.expected.clone()), (Some(Completeness::Complete), None));
    assert_eq!((left.activity, left.detail.mark.clone()), (Timestamp(101), Some(mark("own", false))));
    assert_eq!(leave(&left), left, "leaving twice is leaving once");
    let silent = sight(Some(&left), &told(102));
    assert_eq!(silent.detail.completeness, Completeness::OutOfScope, "not told is where it was");
    let back = sight(Some(&left), &Sighting { in_scope: Some(true), ..sighting(102) });
    assert_eq!((back.detail.need, back.detail.completeness), (Need::Changes, Completeness::Complete));
    assert_eq!((back.detail.before, back.detail.stirred), (None, true));
}

#[test]
fn what_changes_while_an_empty_page_is_doubted_is_walked_anew() {
    let mut probing = unfilled();
    let mut asked = walk();
    asked.paging.advance(&[], None);
    assert!(asked.paging.is_probing() && !walk().paging.is_probing());
    probing.detail.walk = Some(asked.clone());
    let paging = |seen: ConversationTrack| seen.detail.walk.map(|walk| walk.paging);
    let known = probing.activity.0;
    assert_eq!(paging(sight(Some(&probing), &sighting(known))), Some(asked.paging), "nothing was told");
    for news in [told(known), sighting(known + 1)] {
        let again = sight(Some(&probing), &news);
        let mark = again.detail.walk.clone().and_then(|walk| walk.mark);
        assert_eq!((paging(again), mark), (Some(Paging::default()), asked.mark.clone()));
    }
    probing.detail.walk = Some(walk());
    assert_eq!(paging(sight(Some(&probing), &told(known))), Some(walk().paging), "it goes on");
}

#[test]
fn what_returns_unfilled_or_doubtful_is_walked() {
    let back = |one: &ConversationTrack| sight(Some(&leave(one)), &Sighting { in_scope: Some(true), ..sighting(102) });
    assert_eq!((back(&unfilled()).detail.need, back(&unfilled()).detail.stirred), (Need::Fill, true));
    let new = sight(None, &Sighting { in_scope: Some(true), ..sighting(102) });
    assert_eq!((new.detail.need, new.detail.stirred), (Need::Fill, false));
    let mut begun = unfilled();
    begun.detail.walk = Some(walk());
    let begun = back(&begun).detail;
    assert_eq!((begun.need, begun.walk.map(|walk| (walk.paging, walk.mark))), {
        (Need::Changes, Some((Paging::default(), Some(mark("inbox", true)))))
    });
    let mut doubtful = track();
    doubtful.detail.completeness = Completeness::EndUnproven;
    assert_eq!(back(&doubtful).detail.need, Need::Sweep);
    let mut probed = track();
    probed.detail.probed = 1;
    assert_eq!(back(&probed).detail.need, Need::Sweep);
    assert_eq!(back(&track()).detail.need, Need::Changes);
    let mut empty = track();
    empty.detail.oldest = None;
    assert_eq!(back(&empty).detail.need, Need::Sweep, "it may have been gone when it was walked");
    let mut aside = track();
    aside.detail.completeness = Completeness::SetAside;
    assert_eq!(back(&aside).detail.completeness, Completeness::Listed);
}

#[test]
fn what_no_list_mirrors_is_known_and_not_asked_for() {
    let new = sight(None, &outside(7));
    assert_eq!(
        (new.detail.need, new.detail.completeness, new.due_rank()),
        (Need::Nothing, Completeness::OutOfScope, None)
    );
    assert_eq!(new.activity, Timestamp(7));
}

#[test]
fn only_a_message_that_is_not_known_yet_is_expected() {
    let shown = |at| Sighting { newest: Some((Timestamp(at), message_id("m"))), ..sighting(101) };
    let mut known = track();
    known.detail.newest = Some(Timestamp(50));
    assert_eq!(sight(Some(&known), &shown(50)).detail.expected, None);
    assert_eq!(sight(Some(&known), &shown(51)).detail.expected, Some((Timestamp(51), message_id("m"))));
}

#[test]
fn a_forced_run_tries_again_what_was_given_up_and_nothing_else() {
    assert_eq!(revive(&track()), None);
    assert_eq!(revive(&unfilled()), None);
    let mut aside = track();
    aside.detail.completeness = Completeness::SetAside;
    aside.detail.need = Need::Changes;
    aside.detail.oldest = None;
    let tried = revive(&aside).unwrap();
    assert_eq!((tried.detail.completeness, tried.due_rank()), (Completeness::Listed, Some(2)));
    let mut unproven = track();
    unproven.detail.completeness = Completeness::EndUnproven;
    unproven.detail.unproven = UNPROVEN_WALKS_MAX - 1;
    let walked = revive(&unproven).unwrap();
    assert_eq!((walked.detail.need, walked.detail.stirred), (Need::Sweep, true));
    unproven.detail.unproven = UNPROVEN_WALKS_MAX;
    assert_eq!(revive(&unproven), None);
}
