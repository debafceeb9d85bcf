//! The canonical export: one JSON line for each record, as `docs/EXPORT.md` defines it.
//!
//! Two programs that share no code write this form, so every key, its order and its absence are fixed. Nothing may be
//! added to a canonical line without a new version of the page.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::content::{Attribute, Content, Reaction};
use crate::conversation::Conversation;
use crate::message::Message;
use crate::person::Person;

/// The line of a conversation, without its line end.
pub fn conversation_line(one: &Conversation) -> String {
    let title = one.title.as_deref().filter(|title| !title.is_empty());
    written(&json!({
        "categories": one.categories,
        "createdAt": one.created_at,
        "group": one.group,
        "id": one.id,
        "kind": "conversation",
        "label": one.label,
        "lastActivityAt": one.last_activity_at,
        "lastReadAt": one.last_read_at,
        "muted": one.muted,
        "participants": one.participants,
        "read": one.read,
        "sponsored": one.sponsored,
        "state": one.state,
        "title": title,
        "unreadCount": one.unread_count,
    }))
}

/// The line of a message, without its line end.
pub fn message_line(one: &Message) -> String {
    let mut attributes: Vec<&Attribute> = one.attributes.iter().collect();
    attributes.sort_by(|a, b| (a.start, a.length, &a.kind).cmp(&(b.start, b.length, &b.kind)));
    let mut reactions: Vec<&Reaction> = one.reactions.iter().collect();
    reactions.sort_by(|a, b| a.emoji.cmp(&b.emoji));
    written(&json!({
        "attributes": attributes.into_iter().map(attribute).collect::<Vec<_>>(),
        "body": one.body,
        "content": one.content.iter().map(content).collect::<Vec<_>>(),
        "conversation": one.conversation,
        "deliveredAt": one.delivered_at,
        "format": one.format.as_str(),
        "id": one.id,
        "kind": "message",
        "reactions": reactions.into_iter().map(reaction).collect::<Vec<_>>(),
        "sender": one.sender,
        "subject": one.subject,
    }))
}

/// The line of a person, without its line end.
pub fn person_line(one: &Person) -> String {
    written(&json!({
        "headline": one.headline,
        "id": one.id,
        "kind": "person",
        "name": one.full_name(),
        "type": one.kind.as_str(),
    }))
}

fn attribute(one: &Attribute) -> Value {
    json!({"kind": one.kind, "length": one.length, "start": one.start, "target": one.target})
}

fn reaction(one: &Reaction) -> Value {
    json!({
        "count": one.count,
        "emoji": one.emoji,
        "firstReactedAt": one.first_reacted_at,
        "viewerReacted": one.viewer_reacted,
    })
}

fn content(one: &Content) -> Value {
    match one {
        Content::Image { asset, .. } => json!({"kind": "image", "asset": asset}),
        Content::File { asset, byte_size, media_type, name, .. } => {
            json!({"kind": "file", "asset": asset, "byteSize": byte_size, "mediaType": media_type, "name": name})
        }
        Content::Video { asset, duration_ms, .. } => {
            json!({"kind": "video", "asset": asset, "durationMs": duration_ms})
        }
        Content::Audio { duration_ms, .. } => json!({"kind": "audio", "durationMs": duration_ms}),
        Content::External { title, url, width, height } => {
            json!({"kind": "external", "title": title, "url": url, "width": width, "height": height})
        }
        Content::Forwarded { body, sender, sent_at } => {
            json!({"kind": "forwarded", "body": body, "sender": sender, "sentAt": sent_at})
        }
        Content::Reply { body, message, sender, sent_at } => {
            json!({"kind": "reply", "body": body, "message": message, "sender": sender, "sentAt": sent_at})
        }
        Content::HostUrn { type_name, urn } => json!({"kind": "hostUrn", "type": type_name, "urn": urn}),
        Content::Away { text } => json!({"kind": "away", "text": text}),
        Content::Ad { urn } => json!({"kind": "ad", "urn": urn}),
        Content::Meeting { .. } => json!({"kind": "meeting"}),
        Content::Unavailable => json!({"kind": "unavailable"}),
        Content::Call { .. } => json!({"kind": "call"}),
        Content::Unknown { key, .. } => json!({"kind": "unknown", "key": key}),
    }
}

/// Compact JSON with the keys of every object in byte order, whatever order the map type keeps.
pub fn written(value: &Value) -> String {
    let mut line = String::new();
    write_value(&mut line, value);
    line
}

fn write_value(line: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            line.push('{');
            for (position, (key, value)) in entries.into_iter().enumerate() {
                if position > 0 {
                    line.push(',');
                }
                write_value(line, &Value::String(key.clone()));
                line.push(':');
                write_value(line, value);
            }
            line.push('}');
        }
        Value::Array(items) => {
            line.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    line.push(',');
                }
                write_value(line, item);
            }
            line.push(']');
        }
        scalar => {
            // Writing to a string cannot fail.
            let _ = write!(line, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_byte_order_at_every_depth() {
        let value = json!({"b": [{"z": 1, "a": null}], "a": "é\n\u{1F44D}", "B": true});
        assert_eq!(written(&value), "{\"B\":true,\"a\":\"é\\n👍\",\"b\":[{\"a\":null,\"z\":1}]}");
    }
}
