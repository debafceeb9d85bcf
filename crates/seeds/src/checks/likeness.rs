//! Compares a mirror with the truth, line by line of the canonical export.
//!
//! Where a mark was lost, nobody tells the mirror what was removed or edited while it had none. Then it must still have
//! every conversation and message of the truth; only that is compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The first difference, or none.
pub fn exact(truth: &str, mirror: &str) -> Option<String> {
    if truth == mirror {
        return None;
    }
    let (left, right): (BTreeSet<&str>, BTreeSet<&str>) = (truth.lines().collect(), mirror.lines().collect());
    let missing: Vec<&str> = left.difference(&right).copied().collect();
    let extra: Vec<&str> = right.difference(&left).copied().collect();
    if missing.is_empty() && extra.is_empty() {
        return Some("the same lines in another order".to_owned());
    }
    let first = |lines: &[&str]| lines.first().map(|line| (*line).to_owned()).unwrap_or_default();
    Some(format!(
        "{} lines are missing, {} are too many\n  truth:  {}\n  mirror: {}",
        missing.len(),
        extra.len(),
        first(&missing),
        first(&extra)
    ))
}

/// The first record of the truth that the mirror lacks, or none; for a member whose mark was lost.
pub fn covering(truth: &str, mirror: &str) -> Option<String> {
    let known = records(mirror);
    let wanted = records(truth);
    let mut at = BTreeMap::<(&str, i64), u32>::new();
    for (id, record) in &wanted {
        if let Record::Message { conversation, delivered_at, .. } = record {
            let _ = id;
            *at.entry((conversation.as_str(), *delivered_at)).or_default() += 1;
        }
    }
    for (id, record) in &wanted {
        match (record, known.get(id)) {
            (_, Some(_)) => {}
            (Record::Conversation, None) => return Some(format!("conversation {id} is missing")),
            // One that shares its millisecond with another cannot be noticed: the conversation's activity is the same.
            (Record::Message { conversation, delivered_at }, None)
                if at.get(&(conversation.as_str(), *delivered_at)).is_some_and(|count| *count > 1) => {}
            (Record::Message { conversation, .. }, None) => {
                return Some(format!("message {id} of {conversation} is missing"));
            }
        }
    }
    None
}

/// The lines about conversations that are not named by what could not be read; with any of those, people are left out,
/// too: who is known only from such a conversation cannot be told.
pub fn without(text: &str, unread: &[String]) -> String {
    let is_kept = |line: &&str| {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return true };
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let conversation = match text("kind") {
            "conversation" => text("id"),
            "message" => text("conversation"),
            _ => return false,
        };
        !unread.iter().any(|one| one.contains(conversation))
    };
    match unread.is_empty() {
        true => text.to_owned(),
        false => text.lines().filter(is_kept).collect::<Vec<_>>().join("\n"),
    }
}

enum Record {
    Conversation,
    Message { conversation: String, delivered_at: i64 },
}

fn records(text: &str) -> BTreeMap<String, Record> {
    let one = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match value.get("kind")?.as_str()? {
            "conversation" => Some((text("id"), Record::Conversation)),
            "message" => {
                let delivered_at = value.get("deliveredAt").and_then(Value::as_i64).unwrap_or_default();
                Some((text("id"), Record::Message { conversation: text("conversation"), delivered_at }))
            }
            _ => None,
        }
    };
    text.lines().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONVERSATION: &str = r#"{"id":"2-c","kind":"conversation"}"#;

    fn message(id: &str, at: i64) -> String {
        format!(r#"{{"conversation":"2-c","deliveredAt":{at},"id":"{id}","kind":"message"}}"#)
    }

    #[test]
    fn what_could_not_be_read_excuses_its_own_conversation_only() {
        let other = r#"{"conversation":"2-d","deliveredAt":1,"id":"z","kind":"message"}"#;
        let text = [CONVERSATION, &message("a", 1), other, r#"{"id":"p","kind":"person"}"#].join("\n");
        assert_eq!(without(&text, &[]), text);
        assert_eq!(without(&text, &["2-c".to_owned()]), other);
        assert_eq!(without(&text, &[r#"{"raw":"urn:(x,2-c)"}"#.to_owned()]), other);
    }

    #[test]
    fn a_covering_mirror_may_have_more_and_may_lack_only_a_twin() {
        let truth = [CONVERSATION.to_owned(), message("a", 1), message("b", 2), message("c", 2)].join("\n");
        let without = |id: &str| {
            truth.lines().filter(|line| !line.contains(&format!("\"id\":\"{id}\""))).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(covering(&truth, &truth), None);
        assert_eq!(covering(&without("b"), &truth), None);
        assert_eq!(covering(&truth, &without("b")), None);
        assert!(covering(&truth, &without("a")).is_some());
        assert!(covering(&truth, &without("2-c")).is_some());
        assert!(exact(&truth, &without("b")).is_some() && exact(&truth, &truth).is_none());
    }
}
