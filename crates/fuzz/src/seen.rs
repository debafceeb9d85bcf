//! What a reply holds, looked for in the body it was read from: nothing may come from anywhere else.
//!
//! Ids, cursors and tokens are compared as texts; a body may write them with escapes.

use serde_json::Value;
use threadkeep_core::page::{ODDITY_RAW_MAX, Oddity, Reply};

use crate::findings::{Breach, holds};

/// Fails unless everything that a reply names occurs in the body.
pub fn is_from(reply: &Reply, body: &[u8]) -> Result<(), Breach> {
    let (whole, mut strings) = (String::from_utf8_lossy(body), None);
    for (what, text) in named(reply) {
        let is_plain = !text.is_empty() && whole.contains(&text);
        let is_there = is_plain || {
            let strings: &Vec<String> = strings.get_or_insert_with(|| strings_of(body));
            strings.iter().any(|one| one.contains(&text))
        };
        holds(is_there, what)?;
    }
    oddities(reply).iter().try_for_each(|oddity| {
        holds(oddity.raw.len() <= ODDITY_RAW_MAX, "the raw form of an oddity has no bound")?;
        crate::findings::is_discreet(&oddity.what)
    })
}

/// Records of a reply, for its shape.
pub fn counts(reply: &Reply) -> (usize, usize, usize, usize) {
    let (records, deleted, people) = match reply {
        Reply::ConversationChanges(one) => (one.listed.len(), one.deleted.len(), one.people.len()),
        Reply::Conversations(one) => (one.listed.len(), 0, one.people.len()),
        Reply::Messages(one) => (one.messages.len(), 0, one.people.len()),
        Reply::MessageChanges(one) => (one.messages.len(), one.deleted.len(), one.people.len()),
    };
    (records, deleted, people, oddities(reply).len())
}

fn oddities(reply: &Reply) -> &[Oddity] {
    match reply {
        Reply::ConversationChanges(one) => &one.oddities,
        Reply::Conversations(one) => &one.oddities,
        Reply::Messages(one) => &one.oddities,
        Reply::MessageChanges(one) => &one.oddities,
    }
}

/// The ids, cursors and tokens of a reply.
fn named(reply: &Reply) -> Vec<(&'static str, String)> {
    const RECORD: &str = "a record has an id that is not in the body";
    const GONE: &str = "a deletion has an id that is not in the body";
    const MARK: &str = "a cursor or token is not in the body";
    let mut all = Vec::new();
    match reply {
        Reply::ConversationChanges(one) => {
            all.extend(one.listed.iter().map(|listed| (RECORD, listed.conversation.id.as_str().to_owned())));
            all.extend(one.deleted.iter().map(|id| (GONE, id.as_str().to_owned())));
            all.extend(one.token.iter().map(|token| (MARK, token.0.clone())));
        }
        Reply::Conversations(one) => {
            all.extend(one.listed.iter().map(|listed| (RECORD, listed.conversation.id.as_str().to_owned())));
            all.extend(one.next.iter().map(|cursor| (MARK, cursor.0.clone())));
        }
        Reply::Messages(one) => {
            all.extend(one.messages.iter().map(|message| (RECORD, message.id.as_str().to_owned())));
            all.extend(one.older.iter().map(|cursor| (MARK, cursor.0.clone())));
        }
        Reply::MessageChanges(one) => {
            all.extend(one.messages.iter().map(|message| (RECORD, message.id.as_str().to_owned())));
            all.extend(one.deleted.iter().map(|id| (GONE, id.as_str().to_owned())));
            all.extend(one.token.iter().map(|token| (MARK, token.0.clone())));
        }
    }
    all
}

/// All texts of a JSON body without their escapes, those included that a lone surrogate makes unreadable to others.
fn strings_of(body: &[u8]) -> Vec<String> {
    fn collect(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                all.push(name.clone());
                collect(value, all);
            }),
            _ => {}
        }
    }
    let text = String::from_utf8_lossy(body);
    let mut all = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
        collect(&value, &mut all);
        return all;
    }
    // One string by one.
    for (at, _) in text.match_indices('"') {
        let mut stream = serde_json::Deserializer::from_str(&text[at..]).into_iter::<String>();
        all.extend(stream.next().and_then(Result::ok));
    }
    all
}
