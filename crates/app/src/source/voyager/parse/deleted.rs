//! Tombstones: what is gone, in every form that has been seen (upstream protocol 3.5).
//!
//! A tombstone must name the thing that was asked about; one that names something else deletes nothing and is kept as an
//! oddity (invariant I6).

use serde_json::Value;
use serde_json::value::RawValue;
use threadkeep_core::id::{ConversationId, InvalidId, MessageId};
use threadkeep_core::page::Oddity;

use super::super::wire::List;
use super::{Strange, oddity};
use crate::planted::{self, Bug};

/// The conversations that are gone.
pub(super) fn conversations(urns: Option<&List<&RawValue>>, oddities: &mut Vec<Oddity>) -> Vec<ConversationId> {
    read(urns, ["conversation", "message"], ConversationId::parse, None, oddities)
}

/// The messages of a conversation that are gone.
pub(super) fn messages(
    urns: Option<&List<&RawValue>>,
    conversation: &ConversationId,
    oddities: &mut Vec<Oddity>,
) -> Vec<MessageId> {
    read(urns, ["message", ""], MessageId::parse, Some(conversation), oddities)
}

/// Reads tombstones. `[wanted, foreign]` are the members that name the thing, and that must not be there.
fn read<T>(
    urns: Option<&List<&RawValue>>,
    [wanted, foreign]: [&str; 2],
    parse: fn(&str) -> Result<T, InvalidId>,
    conversation: Option<&ConversationId>,
    oddities: &mut Vec<Oddity>,
) -> Vec<T> {
    let mut gone = Vec::new();
    for raw in urns.into_iter().flat_map(|list| &list.0) {
        let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        let names_other =
            value.get(foreign).is_some_and(|other| !other.is_null()) && !planted::is(Bug::ForeignTombstone);
        let urn = if names_other { None } else { urn_of(&value, wanted) };
        match urn.map(parse) {
            Some(Ok(id)) => gone.push(id),
            _ => oddities.push(oddity(conversation.cloned(), Strange("a tombstone of another form"), raw.get())),
        }
    }
    gone
}

fn urn_of<'v>(value: &'v Value, wanted: &str) -> Option<&'v str> {
    let inner = value.get(wanted).filter(|inner| !inner.is_null());
    let plain = |value: &'v Value| {
        let keys = ["entityUrn", "urn", "backendUrn"];
        value.as_str().or_else(|| keys.into_iter().find_map(|key| value.get(key)?.as_str()))
    };
    plain(inner.unwrap_or(value))
}
