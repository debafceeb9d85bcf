//! Every field of a record with a value of every wrong kind: the other records come through whatever happens to this one.

use super::*;

/// Values that a field may have instead of its own.
fn strange() -> Vec<Value> {
    let long = "x".repeat(20_000);
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1_514_764_800_000_000_i64),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("urn:li:msg_message:(../../x)"),
        json!("\u{0}\u{202e}"),
        json!(long),
        json!([]),
        json!([[[]]]),
        json!({}),
        json!({"_type": 7, "elements": "x"}),
    ]
}

/// The places of all values inside a record, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, value)| places(value, &format!("{at}/{number}"), found));
        }
        _ => {}
    }
}

/// The record with each of its values replaced by each strange one.
fn damaged(record: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    places(record, "", &mut found);
    let mut all = Vec::new();
    for place in found {
        for value in strange() {
            let mut copy = record.clone();
            *copy.pointer_mut(&place).unwrap() = value;
            all.push((place.clone(), copy));
        }
    }
    all
}

#[test]
fn row_42_a_wrong_type_in_any_field_of_a_message_costs_no_other_message() {
    let mut record = message("2-b2Rk");
    record["sender"] = full(OLGA, "member", &member(&text("Olga"), &text("Test")));
    let all = damaged(&record);
    assert!(all.len() > 300, "{}", all.len());
    for (place, strange) in all {
        let page = message_page(&json!([message("2-YQ=="), strange, message("2-eg==")]));
        let ids: Vec<&str> = page.messages.iter().map(|message| message.id.as_str()).collect();
        assert!(ids.first() == Some(&"2-YQ==") && ids.last() == Some(&"2-eg=="), "{place}: {ids:?}");
        assert!(page.messages.len() + page.oddities.len() >= 3, "{place}: it is kept or told of");
        for message in &page.messages {
            assert!(!message.id.as_str().contains(['/', '.']), "{place}: {}", message.id.as_str());
            let year_10000 = Timestamp(253_402_300_800_000);
            assert!(message.delivered_at >= Timestamp(0) && message.delivered_at < year_10000, "{place}");
        }
    }
}

#[test]
fn row_42_a_wrong_type_in_any_field_of_a_conversation_costs_no_other_conversation() {
    let all = damaged(&conversation(THREAD));
    assert!(all.len() > 300, "{}", all.len());
    for (place, strange) in all {
        let page = list_page(&json!([conversation("2-YQ=="), strange, conversation("2-eg==")]));
        let ids: Vec<&str> = page.listed.iter().map(|one| one.conversation.id.as_str()).collect();
        assert!(ids.first() == Some(&"2-YQ==") && ids.last() == Some(&"2-eg=="), "{place}: {ids:?}");
        assert!(page.listed.len() + page.oddities.len() >= 3, "{place}: it is kept or told of");
        assert!(ids.iter().all(|id| !id.contains(['/', '.'])), "{place}: {ids:?}");
    }
}
