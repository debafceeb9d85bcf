//! What the changes of one conversation teach.

use threadkeep_core::message::Origin;
use threadkeep_core::page::{MessageChanges, Reply};
use threadkeep_core::sync::track::{Completeness, ConversationTrack, Need};
use threadkeep_core::sync::{Batch, absorb};
use threadkeep_core::time::Timestamp;

use crate::fixture::{NOW, changed, changes_step, mark, message_id, oddity, seen, state, track};

fn due() -> ConversationTrack {
    let mut track = track();
    track.activity = Timestamp(150);
    track.detail.need = Need::Changes;
    track.detail.attempts = 3;
    track.detail.trouble = Some("simulated".into());
    track
}

fn taken(track: &ConversationTrack, reply: MessageChanges) -> (Batch, ConversationTrack) {
    let batch = absorb(&state(Some(track.clone())), &changes_step(), Reply::MessageChanges(reply), NOW);
    let track = batch.track.clone().unwrap();
    (batch, track)
}

#[test]
fn changes_move_the_mark_and_bring_the_conversation_up_to_date() {
    let reply = MessageChanges { deleted: vec![message_id("gone")], ..changed(vec![seen("a", 120, "one")], "new") };
    let (batch, track) = taken(&due(), reply);
    assert_eq!((batch.origin, batch.messages.len(), batch.deleted_messages.len()), (Origin::Delta, 1, 1));
    assert_eq!((track.synced_to, track.due_rank()), (Some(Timestamp(150)), None));
    let detail = track.detail;
    assert_eq!((detail.mark, detail.need), (Some(mark("new", false)), Need::Nothing));
    assert_eq!((detail.attempts, detail.trouble, detail.newest), (0, None, Some(Timestamp(120))));
    assert_eq!(detail.completeness, Completeness::Complete);
}

#[test]
fn an_empty_answer_keeps_the_mark() {
    let (_, track) = taken(&due(), changed(Vec::new(), "new"));
    assert_eq!((track.detail.mark, track.detail.need), (Some(mark("own", false)), Need::Nothing));
    let tombstone = MessageChanges { deleted: vec![message_id("gone")], ..changed(Vec::new(), "new") };
    assert_eq!(taken(&due(), tombstone).1.detail.mark, Some(mark("new", false)));
    let unmarked = MessageChanges { token: None, ..changed(vec![seen("a", 120, "one")], "") };
    assert_eq!(taken(&due(), unmarked).1.detail.mark, Some(mark("own", false)));
}

#[test]
fn a_full_answer_is_followed_by_another() {
    let all = |count: usize, gone: usize| MessageChanges {
        deleted: vec![message_id("gone"); gone],
        ..changed((0..count).map(|at| seen(&format!("m{at}"), 120, "one")).collect(), "new")
    };
    for (count, gone, need) in
        [(19, 0, Need::Nothing), (20, 0, Need::Changes), (10, 10, Need::Changes), (10, 9, Need::Nothing)]
    {
        assert_eq!(taken(&due(), all(count, gone)).1.detail.need, need, "{count} and {gone}");
    }
}

#[test]
fn a_refused_mark_is_asked_again_before_the_conversation_is_swept() {
    let reset = || MessageChanges { reset: true, ..changed(vec![seen("a", 120, "one")], "new") };
    let (batch, first) = taken(&due(), reset());
    assert_eq!((first.detail.resets, first.detail.need, batch.messages.len()), (1, Need::Changes, 0));
    let (batch, track) = taken(&first, reset());
    assert_eq!((track.detail.need, track.detail.completeness), (Need::Sweep, Completeness::Partial));
    assert_eq!((track.detail.resets, track.detail.mark.clone()), (0, Some(mark("new", false))));
    assert_eq!((batch.origin, batch.messages.len(), track.synced_to), (Origin::Walk, 1, Some(Timestamp(100))));
    let empty = MessageChanges { messages: Vec::new(), ..reset() };
    assert_eq!(taken(&first, empty).1.detail.mark, Some(mark("new", false)), "a reset always has a good mark");
}

#[test]
fn a_stale_answer_is_asked_again_and_a_doubtful_one_proves_nothing() {
    let mut waiting = due();
    waiting.detail.expected = Some((Timestamp(150), message_id("shown")));
    let (batch, track) = taken(&waiting, changed(vec![seen("a", 120, "one")], "new"));
    assert_eq!((batch.messages.len(), track.detail.stale, track.detail.mark.clone()), (0, 1, Some(mark("own", false))));
    waiting.detail.stale = 5;
    let (batch, track) = taken(&waiting, changed(vec![seen("a", 120, "one")], "new"));
    assert_eq!((batch.messages.len(), track.detail.completeness), (1, Completeness::EndUnproven));
}

#[test]
fn a_damaged_answer_that_stays_so_keeps_the_old_mark() {
    let mut tried = due();
    tried.detail.odd = 3;
    let reply = MessageChanges { oddities: vec![oddity()], ..changed(vec![seen("a", 120, "one")], "new") };
    let (batch, track) = taken(&tried, reply);
    assert_eq!((batch.messages.len(), batch.oddities.len()), (1, 1));
    assert_eq!((track.detail.mark, track.detail.odd), (Some(mark("own", false)), 0), "what it hides is asked again");
    assert_eq!(track.detail.completeness, Completeness::EndUnproven);
}
