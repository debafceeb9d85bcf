//! The truth as text: canonical JSON, sorted, complete, and the exact lines of docs/EXPORT.md.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;
use threadkeep_sim::world::{GenerateOptions, World};

const NOW_MS: i64 = 1_760_000_000_000;

/// JSON with the keys of every object in ascending order, whatever the features of the JSON library.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let pairs: Vec<String> =
                keys.iter().map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&map[*key]))).collect();
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[test]
fn lines_are_canonical_and_in_order() -> Result<()> {
    let world = World::generate(&GenerateOptions::at(NOW_MS));
    let owner = world.owners().first().context("an account")?;
    let truth = world.truth_text(owner);
    let mut order = Vec::new();
    let mut kinds = BTreeSet::new();
    for line in truth.lines() {
        let value: Value = serde_json::from_str(line)?;
        assert_eq!(canonical(&value), line);
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        kinds.insert(text("kind"));
        order.push(match text("kind").as_str() {
            "conversation" => (0, text("id"), 0, String::new()),
            "message" => (1, text("conversation"), value["deliveredAt"].as_i64().context("a time")?, text("id")),
            _ => (2, text("id"), 0, String::new()),
        });
    }
    assert!(order.is_sorted());
    assert_eq!(kinds.len(), 3);
    let total = order.len();
    order.dedup();
    assert_eq!(order.len(), total, "a line twice");
    Ok(())
}

#[test]
fn scope_follows_the_categories() -> Result<()> {
    let world = World::generate(&GenerateOptions::at(NOW_MS));
    let owner = world.owners().first().context("an account")?;
    let count = |categories: &[&str]| -> Result<usize> {
        let mut bytes = Vec::new();
        world.truth(owner, categories, &mut bytes)?;
        Ok(String::from_utf8(bytes)?.lines().filter(|line| line.contains("\"kind\":\"conversation\"")).count())
    };
    let [inbox, archive, spam] = [count(&["INBOX"])?, count(&["ARCHIVE"])?, count(&["SPAM"])?];
    assert!(inbox > 0 && archive > 0 && spam > 0);
    assert_eq!(inbox + archive + spam, 120);
    assert_eq!(count(&["INBOX", "ARCHIVE"])?, inbox + archive);
    assert_eq!(count(&["NOTHING"])?, 0);
    assert_eq!(world.truth_text("nobody"), "");
    Ok(())
}

#[test]
fn a_small_world_gives_exactly_these_lines() -> Result<()> {
    let file = r#"{
      "accounts": [{"key": "sam", "id": "ACoAAme", "name": " Sam  Sample "}],
      "people": [
        {"key": "olga", "id": "ACoAAolga", "name": "Olga \"O\" Test", "headline": "Line\nbreak"},
        {"key": "placeholder", "id": "ACoAAplaceholder", "name": "LinkedIn Member"},
        {"key": "works", "kind": "organization", "id": "fsd_company:7", "name": "Works"}
      ],
      "conversations": [{
        "id": "2-thread", "with": ["olga", "works"], "title": "", "categories": ["STARRED", "INBOX"],
        "label": "InMail", "muted": true, "unreadCount": 2, "createdAt": 1700000000000,
        "messages": [
          {"id": "2-b", "at": 1700000000005, "from": "placeholder", "text": null, "hidesDeliveredAt": true},
          {"id": "2-a", "at": 1700000000005, "from": "works", "subject": "S", "text": "a\u0001\u007f\"\\/é👍",
           "attributes": [{"kind": "list", "start": 0, "length": 1, "target": "ordered"},
                          {"kind": "mention", "start": 0, "length": 1, "target": "olga"},
                          {"kind": "bold", "start": 0, "length": 1}],
           "reactions": [{"emoji": "😂", "by": ["olga", "me"], "at": 1700000000009}, {"emoji": "👍", "by": ["olga"]}],
           "content": [{}, {"repliedMessageContent": {"message": 0}}, {"newThing": {"a": 1}}, {"awayMessage": {}},
                       {"externalMedia": {"asset": "x", "title": "t", "width": 3, "height": 4}}]}
        ]
      }]
    }"#;
    let world = World::from_json(file, NOW_MS)?;
    let expected = [
        r#"{"categories":["INBOX","STARRED"],"createdAt":1700000000000,"group":true,"id":"2-thread","kind":"conversation","label":"InMail","lastActivityAt":1700000000005,"lastReadAt":null,"muted":true,"participants":["ACoAAme","ACoAAolga","fsd_company:7"],"read":false,"sponsored":false,"state":null,"title":null,"unreadCount":2}"#,
        "{\"attributes\":[{\"kind\":\"bold\",\"length\":1,\"start\":0,\"target\":null},{\"kind\":\"list\",\"length\":1,\"start\":0,\"target\":\"ordered\"},{\"kind\":\"mention\",\"length\":1,\"start\":0,\"target\":\"ACoAAolga\"}],\"body\":\"a\\u0001\u{7f}\\\"\\\\/é👍\",\"content\":[{\"body\":\"\",\"kind\":\"reply\",\"message\":\"2-b\",\"sender\":\"ACoAAplaceholder\",\"sentAt\":1700000000005},{\"key\":\"newThing\",\"kind\":\"unknown\"},{\"kind\":\"away\",\"text\":null},{\"height\":4,\"kind\":\"external\",\"title\":\"t\",\"url\":\"https://media.tenor.com/x/full.gif\",\"width\":3}],\"conversation\":\"2-thread\",\"deliveredAt\":1700000000005,\"format\":\"DEFAULT\",\"id\":\"2-a\",\"kind\":\"message\",\"reactions\":[{\"count\":1,\"emoji\":\"👍\",\"firstReactedAt\":1700000001005,\"viewerReacted\":false},{\"count\":2,\"emoji\":\"😂\",\"firstReactedAt\":1700000000009,\"viewerReacted\":true}],\"sender\":\"fsd_company:7\",\"subject\":\"S\"}",
        r#"{"attributes":[],"body":"","content":[],"conversation":"2-thread","deliveredAt":1700000000005,"format":"DEFAULT","id":"2-b","kind":"message","reactions":[],"sender":"ACoAAplaceholder","subject":null}"#,
        r#"{"headline":null,"id":"ACoAAme","kind":"person","name":"Sam  Sample","type":"member"}"#,
        r#"{"headline":"Line\nbreak","id":"ACoAAolga","kind":"person","name":"Olga \"O\" Test","type":"member"}"#,
        r#"{"headline":null,"id":"ACoAAplaceholder","kind":"person","name":"","type":"member"}"#,
        r#"{"headline":null,"id":"fsd_company:7","kind":"person","name":"Works","type":"organization"}"#,
    ];
    assert_eq!(world.truth_text("ACoAAme").lines().collect::<Vec<_>>(), expected);
    Ok(())
}
