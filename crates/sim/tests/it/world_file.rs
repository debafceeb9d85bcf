//! World files: the example of the document, the defaults, and an error with a place for every mistake.

use anyhow::{Context, Result};
use threadkeep_sim::world::{Mutation, World};

const NOW_MS: i64 = 1_760_000_000_000;
const DOCUMENT: &str = include_str!("../../WORLD.md");

/// The nth block of JSON in the document.
fn example(number: usize) -> Result<&'static str> {
    let block = DOCUMENT.split("```json\n").nth(number + 1).context("a block of JSON")?;
    block.split("```").next().context("an end of the block")
}

fn error_of(file: &str) -> String {
    World::from_json(file, NOW_MS).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn the_example_of_the_document_is_a_world() -> Result<()> {
    let world = World::from_json(example(0)?, NOW_MS)?;
    let [sam, kim] = [0, 1].map(|number| world.owners().get(number).cloned().unwrap_or_default());
    assert_eq!(world.newest_first(&sam).len(), 7 + 10);
    assert_eq!(world.newest_first(&kim).len(), 2);
    let group = &world.thread_keys["group"];
    assert!(world.entry(&kim, group).is_some_and(|entry| entry.is_in(&["ARCHIVE"]) && !entry.muted));
    assert!(world.entry(&sam, group).is_some_and(|entry| entry.is_in(&["SECONDARY_INBOX"]) && entry.muted));
    assert_eq!(world.thread(group).map(|thread| (thread.group, thread.messages.len())), Some((true, 6)));
    let again = World::from_json(example(0)?, NOW_MS)?;
    assert_eq!(world.truth_text(&sam), again.truth_text(&sam));
    Ok(())
}

#[test]
fn ids_do_not_depend_on_the_clock() -> Result<()> {
    let file = r#"{"people":[{"key":"a","name":"A B"}],"conversations":[{"with":["a"],"messages":[{},{"text":"x"}]},
        {"with":["a"],"generate":{"messages":50}}]}"#;
    let early = World::from_json(file, NOW_MS)?;
    let late = World::from_json(file, NOW_MS + 86_400_000)?;
    assert_eq!(early.truth_text(&early.accounts[0]), late.truth_text(&late.accounts[0]));
    assert_eq!(early.threads.values().map(|thread| thread.messages.len()).sum::<usize>(), 52);
    Ok(())
}

#[test]
fn the_verbs_of_the_document_can_all_be_done() -> Result<()> {
    let mut world = World::from_json(example(0)?, NOW_MS)?;
    let verbs: Vec<serde_json::Value> = serde_json::from_str(example(1)?)?;
    assert_eq!(verbs.len(), 21);
    for verb in verbs {
        let mutation = Mutation::from_json(&verb)?;
        let applied = world.apply(&mutation, NOW_MS).with_context(|| verb.to_string())?;
        assert_eq!(applied.verb, mutation.verb());
        assert_eq!(applied.at_ms, world.changed_at_ms);
    }
    Ok(())
}

#[test]
fn an_empty_file_is_a_world_without_conversations() -> Result<()> {
    for file in ["{}", r#"{"conversations":[]}"#, r#"{"accounts":[],"people":null}"#] {
        let world = World::from_json(file, NOW_MS)?;
        assert_eq!((world.owners().len(), world.threads.len()), (1, 0));
        assert_eq!(world.truth_text(&world.accounts[0]), "");
    }
    Ok(())
}

#[test]
fn mistakes_are_named_with_their_place() {
    let people = r#""people":[{"key":"a","name":"A B"}]"#;
    let one = |conversation: &str| error_of(&format!("{{{people},\"conversations\":[{{}},{conversation}]}}"));
    let cases = [
        (error_of("{"), "not JSON"),
        (error_of("[]"), "expected an object"),
        (error_of(r#"{"convs":[]}"#), "convs: this key means nothing here; known keys are accounts, conversations"),
        (error_of(r#"{"people":[{"name":"x"}]}"#), "people[0].key"),
        (error_of(r#"{"people":[{"key":"me"}]}"#), "people[0].key"),
        (error_of(r#"{"people":[{"key":"a"},{"key":"a"}]}"#), "people[1].key"),
        (error_of(r#"{"people":[{"key":"a","id":"b c"}]}"#), "people[0].id"),
        (error_of(r#"{"people":[{"key":"a","kind":"agent","name":"x"}]}"#), "people[0].name"),
        (error_of(r#"{"people":[{"key":"a","kind":"robot"}]}"#), "people[0].kind"),
        (error_of(r#"{"accounts":[{"nmae":"x"}]}"#), "accounts[0].nmae"),
        (error_of(r#"{"generate":{"messagesMean":-1}}"#), "generate.messagesMean"),
        (one(r#"{"with":["b"]}"#), "conversations[1].with[0]"),
        (one(r#"{"with":["a","a"]}"#), "conversations[1].with[1]"),
        (one(r#"{"with":["a"],"participants":["a"]}"#), "conversations[1].with"),
        (one(r#"{"account":"a"}"#), "conversations[1].account"),
        (one(r#"{"state":"MAYBE"}"#), "conversations[1].state"),
        (one(r#"{"categories":["INBOX","INBOX"]}"#), "conversations[1].categories"),
        (one(r#"{"unreadCount":-1}"#), "conversations[1].unreadCount"),
        (one(r#"{"createdAt":1770000000000}"#), "conversations[1].createdAt"),
        (one(r#"{"mailboxes":{"a":{}}}"#), "conversations[1].mailboxes.a"),
        (one(r#"{"messages":[],"generate":{}}"#), "conversations[1].generate"),
        (one(r#"{"messages":[{},{},{"from":"b"}]}"#), "conversations[1].messages[2].from"),
        (one(r#"{"messages":[{"text":1}]}"#), "conversations[1].messages[0].text"),
        (one(r#"{"messages":[{"at":1770000000000}]}"#), "conversations[1].messages[0].at"),
        (one(r#"{"messages":[{"id":"2-a"},{"id":"2-a"}]}"#), "conversations[1].messages[1].id"),
        (
            one(r#"{"messages":[{"content":[{"file":{"size":1}}]}]}"#),
            "conversations[1].messages[0].content[0].file.size",
        ),
        (one(r#"{"messages":[{"content":[{"a":1,"b":2}]}]}"#), "conversations[1].messages[0].content[0]"),
        (
            one(r#"{"messages":[{"content":[{"repliedMessageContent":{"message":0}}]}]}"#),
            "content[0].repliedMessageContent.message",
        ),
        (one(r#"{"messages":[{"attributes":[{"kind":"mention","length":1}]}]}"#), "attributes[0].target"),
        (one(r#"{"messages":[{"reactions":[{"emoji":"x"},{"emoji":"x"}]}]}"#), "reactions[1].emoji"),
    ];
    for (error, place) in cases {
        assert!(error.contains(place), "{place} is not in {error:?}");
    }
}

#[test]
fn a_large_file_is_read() -> Result<()> {
    let conversation = r#"{"with":["a"],"messages":[{"text":"one"},{"from":"me","text":"two"}]}"#;
    let conversations = vec![conversation; 2_000].join(",");
    let file = format!("{{\"people\":[{{\"key\":\"a\"}}],\"conversations\":[{conversations}]}}");
    let world = World::from_json(&file, NOW_MS)?;
    assert_eq!(world.threads.len(), 2_000);
    Ok(())
}
