//! What may overwrite what: messages, conversations, people.

use std::collections::BTreeSet;

use threadkeep_core::content::{Attribute, Content, Reaction};
use threadkeep_core::conversation::{ConversationSeen, delete_conversation, merge_conversation};
use threadkeep_core::message::{
    Merged, Message, MessageChange, MessageFormat, MessageSeen, Origin, PRIOR_TEXTS_MAX, delete_message, merge_message,
};
use threadkeep_core::person::{Person, PersonKind, PersonSeen, merge_person};
use threadkeep_core::time::Timestamp;

use crate::fixture::{NOW, person_id, seen, thread};

fn changed(old: Option<&Message>, seen: &MessageSeen, origin: Origin) -> (Message, MessageChange) {
    match merge_message(old, seen, origin, NOW) {
        Merged::Changed(message, change) => (message, change),
        other => panic!("expected a change, got {other:?}"),
    }
}

fn sent() -> Message {
    changed(None, &seen("m", 5, "one"), Origin::Walk).0
}

fn edited(body: &str) -> MessageSeen {
    MessageSeen { format: Some(MessageFormat::Edited), ..seen("m", 5, body) }
}

/// Only the id and the time are told.
fn silent() -> MessageSeen {
    MessageSeen { body: None, format: None, ..seen("m", 5, "") }
}

fn image(link: &str) -> Content {
    Content::Image { asset: Some("urn:li:digitalmediaAsset:1".into()), url: Some(link.into()) }
}

fn reaction(emoji: &str) -> Reaction {
    Reaction { emoji: emoji.into(), count: 1, first_reacted_at: None, viewer_reacted: false }
}

#[test]
fn an_edit_is_a_version_and_keeps_what_it_replaced() {
    let (two, why) = changed(Some(&sent()), &edited("two"), Origin::Walk);
    assert_eq!((why, two.version, two.body.as_str()), (MessageChange::Edited, 2, "two"));
    assert_eq!((two.prior[0].body.as_str(), two.prior[0].version, two.prior[0].replaced_at), ("one", 1, NOW));
    let (three, why) = changed(Some(&two), &edited("three"), Origin::Walk);
    assert_eq!((why, three.version, three.prior.len()), (MessageChange::Edited, 3, 2));
}

#[test]
fn an_older_text_never_overwrites_an_edit() {
    let (two, _) = changed(Some(&sent()), &edited("two"), Origin::Walk);
    let (three, _) = changed(Some(&two), &edited("three"), Origin::Walk);
    for origin in [Origin::Walk, Origin::Delta] {
        assert_eq!(merge_message(Some(&three), &seen("m", 5, "one"), origin, NOW), Merged::Unchanged);
    }
    assert_eq!(merge_message(Some(&three), &edited("two"), Origin::Walk, NOW), Merged::Unchanged);
    assert_eq!(merge_message(Some(&three), &edited("three"), Origin::Walk, NOW), Merged::Unchanged);
    assert_eq!(changed(Some(&three), &edited("two"), Origin::Delta).0.body, "two", "it was edited back");
}

#[test]
fn a_message_sent_twice_with_other_words_is_an_edit_without_the_name() {
    let (two, why) = changed(Some(&sent()), &seen("m", 5, "other"), Origin::Walk);
    assert_eq!((why, two.format.as_str()), (MessageChange::Edited, "DEFAULT"));
    let (back, why) = changed(Some(&two), &seen("m", 5, "one"), Origin::Walk);
    assert_eq!((why, back.body.as_str()), (MessageChange::Edited, "one"));
}

#[test]
fn a_recall_and_a_tombstone_are_for_ever() {
    let recall = MessageSeen { format: Some(MessageFormat::Recalled), ..seen("m", 5, "") };
    let (recalled, why) = changed(Some(&sent()), &recall, Origin::Delta);
    assert_eq!((why, recalled.body.as_str(), recalled.prior.len()), (MessageChange::Recalled, "", 1));
    let gone = delete_message(&sent()).unwrap();
    assert_eq!((gone.deleted, gone.version), (true, 2));
    assert_eq!(delete_message(&gone), None);
    for origin in [Origin::Walk, Origin::Delta] {
        for kept in [&recalled, &gone] {
            assert_eq!(merge_message(Some(kept), &edited("two"), origin, NOW), Merged::Unchanged);
        }
    }
    let again = MessageSeen { reactions: Some(vec![reaction("👍")]), ..recall };
    assert_eq!(changed(Some(&recalled), &again, Origin::Walk).1, MessageChange::Updated, "a recall is told once");
}

#[test]
fn earlier_texts_are_kept_up_to_a_limit() {
    let mut kept = sent();
    for number in 0..=PRIOR_TEXTS_MAX {
        kept = changed(Some(&kept), &edited(&format!("text {number}")), Origin::Walk).0;
    }
    assert_eq!(kept.prior.len(), PRIOR_TEXTS_MAX);
    assert_eq!(kept.prior[0].body, "text 0", "the oldest is dropped first");
}

#[test]
fn an_empty_text_is_no_earlier_text() {
    let (empty, _) = changed(None, &seen("m", 5, ""), Origin::Walk);
    let (written, _) = changed(Some(&empty), &edited("two"), Origin::Walk);
    assert!(written.prior.is_empty());
}

#[test]
fn what_is_not_told_stays_and_what_is_told_empty_goes() {
    let full = MessageSeen {
        sender: Some(person_id()),
        attributes: Some(vec![Attribute { start: 0, length: 1, kind: "mention".into(), target: None }]),
        subject: Some("about".into()),
        content: Some(vec![image("1")]),
        fallback_text: Some("a picture".into()),
        reactions: Some(vec![reaction("👍"), reaction("❤")]),
        ..edited("two")
    };
    let (kept, _) = changed(None, &full, Origin::Walk);
    assert_eq!(kept.reactions.iter().map(|one| one.emoji.as_str()).collect::<Vec<_>>(), ["❤", "👍"], "by emoji");
    assert_eq!(merge_message(Some(&kept), &silent(), Origin::Delta, NOW), Merged::Unchanged);
    let emptied = MessageSeen {
        attributes: Some(Vec::new()),
        subject: Some(String::new()),
        content: Some(Vec::new()),
        fallback_text: Some(String::new()),
        reactions: Some(Vec::new()),
        ..silent()
    };
    let (bare, why) = changed(Some(&kept), &emptied, Origin::Delta);
    assert_eq!(why, MessageChange::Edited);
    assert_eq!((bare.subject, bare.fallback_text, bare.body.as_str()), (None, None, "two"));
    assert!(bare.attributes.is_empty() && bare.content.is_empty() && bare.reactions.is_empty());
    assert_eq!(bare.sender, Some(person_id()), "a sender is never taken away");
}

#[test]
fn a_renewed_link_is_written_without_an_event() {
    let pictured = |link| MessageSeen { content: Some(vec![image(link)]), ..silent() };
    let (kept, _) = changed(None, &pictured("1"), Origin::Walk);
    match merge_message(Some(&kept), &pictured("2"), Origin::Walk, NOW) {
        Merged::Refreshed(new) => assert_eq!((new.version, &new.content), (1, &vec![image("2")])),
        other => panic!("expected a refresh, got {other:?}"),
    }
    let both = MessageSeen { reactions: Some(vec![reaction("👍")]), ..pictured("2") };
    assert_eq!(changed(Some(&kept), &both, Origin::Walk).1, MessageChange::Updated);
    let other = MessageSeen { content: Some(vec![Content::Unavailable]), ..silent() };
    assert_eq!(changed(Some(&kept), &other, Origin::Walk).1, MessageChange::Edited);
}

#[test]
fn a_reaction_is_an_update() {
    let liked = MessageSeen { reactions: Some(vec![reaction("👍")]), ..silent() };
    let (kept, why) = changed(Some(&sent()), &liked, Origin::Walk);
    assert_eq!((why, kept.version), (MessageChange::Updated, 2));
}

fn conversation(at: i64) -> ConversationSeen {
    ConversationSeen { last_activity_at: Some(Timestamp(at)), ..ConversationSeen::only_id(thread()) }
}

fn full_conversation() -> ConversationSeen {
    ConversationSeen {
        categories: Some(BTreeSet::from(["INBOX".to_owned()])),
        group: Some(true),
        title: Some(Some("Team".into())),
        state: Some(Some("ACCEPTED".into())),
        label: Some(Some("InMail".into())),
        sponsored: Some(true),
        participants: Some(BTreeSet::from([person_id()])),
        created_at: Some(Some(Timestamp(1))),
        last_read_at: Some(Some(Timestamp(2))),
        read: Some(false),
        unread_count: Some(3),
        muted: Some(true),
        ..conversation(10)
    }
}

#[test]
fn a_conversation_keeps_all_that_was_told() {
    let kept = merge_conversation(None, &full_conversation(), Origin::Walk).unwrap();
    assert_eq!((kept.version, kept.deleted, kept.group, kept.sponsored, kept.muted), (1, false, true, true, true));
    assert_eq!((kept.title.as_deref(), kept.state.as_deref()), (Some("Team"), Some("ACCEPTED")));
    assert_eq!((kept.label.as_deref(), kept.unread_count, kept.read), (Some("InMail"), 3, false));
    assert_eq!((kept.created_at, kept.last_read_at), (Some(Timestamp(1)), Some(Timestamp(2))));
    assert_eq!((kept.categories.len(), kept.participants.len(), kept.last_activity_at.0), (1, 1, 10));
    assert_eq!(merge_conversation(Some(&kept), &full_conversation(), Origin::Walk), None);
    for origin in [Origin::Walk, Origin::Delta] {
        assert_eq!(merge_conversation(Some(&kept), &conversation(10), origin), None, "silence changes nothing");
    }
    let renamed = ConversationSeen { title: Some(None), ..conversation(10) };
    let new = merge_conversation(Some(&kept), &renamed, Origin::Walk).unwrap();
    assert_eq!((new.title, new.version), (None, 2));
}

#[test]
fn a_stale_page_changes_no_conversation_and_a_delta_does() {
    let kept = merge_conversation(None, &full_conversation(), Origin::Walk).unwrap();
    assert_eq!(merge_conversation(Some(&kept), &conversation(9), Origin::Walk), None);
    assert_eq!(merge_conversation(Some(&kept), &conversation(9), Origin::Delta).unwrap().last_activity_at.0, 9);
}

#[test]
fn a_removed_conversation_comes_back_only_with_something_newer() {
    let kept = merge_conversation(None, &full_conversation(), Origin::Walk).unwrap();
    let gone = delete_conversation(&kept).unwrap();
    assert_eq!((gone.deleted, gone.version), (true, 2));
    assert_eq!(delete_conversation(&gone), None);
    assert_eq!(merge_conversation(Some(&gone), &conversation(10), Origin::Walk), None);
    assert_eq!(merge_conversation(Some(&gone), &conversation(9), Origin::Delta), None);
    let silent = ConversationSeen::only_id(thread());
    assert_eq!(merge_conversation(Some(&gone), &silent, Origin::Delta), None);
    for (at, origin) in [(11, Origin::Walk), (10, Origin::Delta)] {
        let back = merge_conversation(Some(&gone), &conversation(at), origin).unwrap();
        assert_eq!((back.deleted, back.version), (false, 3));
    }
}

fn full_person() -> PersonSeen {
    PersonSeen {
        kind: Some(PersonKind::Member),
        first_name: Some("Olga".into()),
        last_name: Some("Test".into()),
        headline: Some("Engineer".into()),
        profile_url: Some("https://example.org/olga".into()),
        picture_url: Some("https://example.org/olga.png".into()),
        distance: Some("DISTANCE_1".into()),
        backend_urn: Some("urn:li:member:1".into()),
        ..PersonSeen::only_id(person_id())
    }
}

fn texts(one: &Person) -> [Option<&str>; 5] {
    [&one.headline, &one.profile_url, &one.picture_url, &one.distance, &one.backend_urn].map(Option::as_deref)
}

#[test]
fn silence_about_somebody_erases_nothing_and_an_empty_text_does() {
    let kept = merge_person(None, &full_person()).unwrap();
    assert_eq!((kept.full_name().as_str(), kept.kind), ("Olga Test", PersonKind::Member));
    let all = ["Engineer", "https://example.org/olga", "https://example.org/olga.png", "DISTANCE_1", "urn:li:member:1"];
    assert_eq!(texts(&kept), all.map(Some));
    assert_eq!(merge_person(Some(&kept), &full_person()), None);
    assert_eq!(merge_person(Some(&kept), &PersonSeen::only_id(person_id())), None);
    let emptied = PersonSeen {
        headline: Some(String::new()),
        profile_url: Some(String::new()),
        picture_url: Some(String::new()),
        distance: Some(String::new()),
        backend_urn: Some(String::new()),
        ..PersonSeen::only_id(person_id())
    };
    assert_eq!(texts(&merge_person(Some(&kept), &emptied).unwrap()), [None; 5]);
    let stranger = merge_person(None, &PersonSeen::only_id(person_id())).unwrap();
    assert_eq!((stranger.full_name().as_str(), stranger.kind), ("", PersonKind::Unknown));
}
