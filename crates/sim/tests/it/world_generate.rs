//! The generated world: the same for the same seed, and with everything in it that the protocol is known to send.

use std::collections::{BTreeMap, BTreeSet};

use threadkeep_sim::world::content::UNION_MEMBERS;
use threadkeep_sim::world::{Entry, Format, GenerateOptions, PersonKind, Thread, World};

const NOW_MS: i64 = 1_760_000_000_000;

fn default_world() -> World {
    World::generate(&GenerateOptions::at(NOW_MS))
}

fn rows(world: &World) -> Vec<(&Thread, &Entry)> {
    world.owners().first().map(|owner| world.newest_first(owner)).unwrap_or_default()
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let text = |seed| {
        let world = World::generate(&GenerateOptions { seed, accounts: 2, ..GenerateOptions::at(NOW_MS) });
        let texts: Vec<_> = world.owners().iter().map(|owner| world.truth_text(owner)).collect();
        texts.concat()
    };
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn the_mailbox_has_the_wanted_size() {
    for conversations in [0, 1, 2, 5, 19, 20, 40, 120] {
        let options = GenerateOptions { conversations, ..GenerateOptions::at(NOW_MS) };
        assert_eq!(rows(&World::generate(&options)).len(), conversations);
    }
    let options = GenerateOptions { conversations: 300, messages_mean: 50.0, ..GenerateOptions::at(NOW_MS) };
    let total: usize = rows(&World::generate(&options)).iter().map(|(thread, _)| thread.messages.len()).sum();
    assert!((14_900..15_200).contains(&total), "{total}");
    let single = GenerateOptions { conversations: 1, messages_mean: 3_000.0, ..GenerateOptions::at(NOW_MS) };
    let total: usize = rows(&World::generate(&single)).iter().map(|(thread, _)| thread.messages.len()).sum();
    assert_eq!(total, 3_000);
}

#[test]
fn every_kind_of_conversation_is_there() {
    let world = default_world();
    let all = rows(&world);
    let count = |wanted: &dyn Fn(&Thread, &Entry) -> bool| all.iter().filter(|(t, e)| wanted(t, e)).count();
    let has = |entry: &Entry, category: &str| entry.categories.iter().any(|own| own == category);
    let someone = |thread: &Thread, kind| {
        thread.participants.iter().any(|id| world.person(id).is_some_and(|person| person.kind == kind))
    };
    assert!(count(&|t, _| !t.group && t.participants.len() == 2) > 50);
    assert!(count(&|t, _| t.group) > 5);
    assert!(count(&|t, _| t.participants.len() > 50) > 0);
    assert!(count(&|t, _| t.participants.len() == 1) > 0);
    assert!(count(&|t, e| t.label.as_deref() == Some("InMail") && has(e, "INMAIL")) > 0);
    assert!(count(&|_, e| e.state.as_deref() == Some("PENDING") && has(e, "MESSAGE_REQUEST_PENDING")) > 0);
    assert!(count(&|_, e| has(e, "ARCHIVE") && !has(e, "INBOX")) > 5);
    assert!(count(&|_, e| has(e, "SPAM")) > 0);
    assert!(count(&|t, _| t.sponsored && t.label.as_deref() == Some("Sponsored")) > 0);
    for category in ["PRIMARY_INBOX", "SECONDARY_INBOX", "STARRED"] {
        assert!(count(&|_, e| has(e, category)) > 0, "{category}");
    }
    for kind in [PersonKind::Organization, PersonKind::Custom, PersonKind::Agent] {
        assert!(count(&|t, _| someone(t, kind)) > 0, "{kind:?}");
    }
    let deleted = |t: &Thread| t.participants.iter().any(|id| world.person(id).is_some_and(|p| p.deleted));
    assert!(count(&|t, _| deleted(t)) > 0);
    assert!(count(&|t, _| t.messages.iter().any(|m| !t.participants.contains(&m.sender))) > 0);
    assert!(count(&|_, e| e.muted) > 0);
    assert!(count(&|_, e| !e.read && e.unread_count == 0) > 0);
    assert!(count(&|_, e| e.unread_count > 0) > 0);
    for size in [0, 1, 19, 20, 21, 40] {
        assert!(count(&|t, _| t.messages.len() == size) > 0, "{size}");
    }
    let mut pairs = BTreeMap::new();
    for (thread, _) in all.iter().filter(|(thread, _)| !thread.group) {
        let mut people = thread.participants.clone();
        people.sort();
        *pairs.entry(people).or_insert(0) += 1;
    }
    assert!(pairs.values().any(|count| *count > 1), "two threads with the same person");
}

#[test]
fn every_kind_of_message_is_there() {
    let world = default_world();
    let messages: Vec<_> = rows(&world).into_iter().flat_map(|(thread, _)| &thread.messages).collect();
    let members: BTreeSet<&str> =
        messages.iter().flat_map(|message| &message.content).map(|(member, _)| member.as_str()).collect();
    for member in UNION_MEMBERS.into_iter().chain(["", "pollContent"]) {
        assert!(members.contains(member), "{member:?}");
    }
    let streamless = messages
        .iter()
        .flat_map(|message| &message.content)
        .any(|(member, value)| member == "video" && value["progressiveStreams"].as_array().is_some_and(Vec::is_empty));
    assert!(streamless);
    for format in [Format::Edited, Format::Recalled, Format::System, Format::Other("TRANSLATED".to_owned())] {
        assert!(messages.iter().any(|message| message.format == format), "{format:?}");
    }
    let recalled = messages.iter().filter(|message| message.format == Format::Recalled);
    assert!(recalled.clone().all(|message| message.body.as_deref() == Some("") && message.content.is_empty()));
    assert!(messages.iter().any(|message| message.body.is_none()));
    assert!(messages.iter().any(|message| message.hides_delivered_at));
    assert!(messages.iter().any(|message| message.subject.is_some()));
    assert!(messages.iter().any(|message| message.reactions.iter().any(|reaction| reaction.people.len() > 1)));
    assert!(messages.iter().any(|message| message.body.as_ref().is_some_and(|body| body.chars().count() == 8_000)));
    let kinds: BTreeSet<&str> =
        messages.iter().flat_map(|message| &message.attributes).map(|span| span.kind.as_str()).collect();
    assert!(kinds.is_superset(&BTreeSet::from(["entity", "hyperlink", "list", "bold", "listItem"])));
}

#[test]
fn times_and_read_states_agree() {
    let world = World::generate(&GenerateOptions { seed: 3, accounts: 2, ..GenerateOptions::at(NOW_MS) });
    let mut ids = BTreeSet::new();
    for thread in world.threads.values() {
        let keys: Vec<_> = thread.messages.iter().map(|message| (message.delivered_at_ms, &message.id)).collect();
        assert!(keys.is_sorted());
        let newest = thread.newest_message().map_or(thread.created_at_ms, |message| message.delivered_at_ms);
        assert_eq!(thread.last_activity_at_ms, newest);
        assert!(keys.first().is_none_or(|(at_ms, _)| thread.created_at_ms <= *at_ms));
        for message in &thread.messages {
            assert!(ids.insert(&message.id), "an id twice");
            assert!(message.changed_at_ms >= message.delivered_at_ms && message.changed_at_ms < NOW_MS + 1);
            assert!(world.person(&message.sender).is_some());
        }
    }
    for (owner, mailbox) in &world.mailboxes {
        for (id, entry) in &mailbox.entries {
            assert_eq!(entry.read, entry.unread_count == 0 && entry.read);
            assert!(entry.changed_at_ms <= world.changed_at_ms && entry.changed_at_ms <= NOW_MS);
            assert!(world.thread(id).is_some_and(|thread| thread.participants.contains(owner)));
        }
    }
    let [first, second] = [0, 1].map(|n| world.owners().get(n).and_then(|owner| world.mailbox(owner)));
    let shared = first.zip(second).map(|(a, b)| a.entries.keys().filter(|id| b.entries.contains_key(*id)).count());
    assert!(shared.is_some_and(|count| count > 0));
}

#[test]
fn equal_times_lie_on_page_borders() {
    let world = default_world();
    let inbox: Vec<_> = rows(&world).into_iter().filter(|(_, entry)| entry.is_in(&["INBOX"])).collect();
    let tied = |place: usize| inbox[place - 1].0.last_activity_at_ms == inbox[place].0.last_activity_at_ms;
    assert!(tied(20) && tied(40));
    let border = |thread: &Thread| {
        let times: Vec<_> = thread.messages.iter().rev().map(|message| message.delivered_at_ms).collect();
        times.len() > 40 && times[19] == times[20] && times[39] == times[40]
    };
    assert!(rows(&world).iter().any(|(thread, _)| border(thread)));
}
