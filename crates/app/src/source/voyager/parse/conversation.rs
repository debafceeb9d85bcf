//! Conversations of a list, with the newest message that came inside (upstream protocol 3.4).
//!
//! A conversation that cannot be read is still listed when its id and its time can: otherwise its messages would never be
//! asked for.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::{ConversationId, PersonId};
use threadkeep_core::message::MessageSeen;
use threadkeep_core::page::ListedConversation;
use threadkeep_core::time::Timestamp;

use super::super::wire;
use super::super::wire::conversation::Conversation;
use super::super::wire::person::Participant;
use super::super::wire::{List, Text, Told, Words};
use super::person::People;
use super::{Notes, Record, Strange, message};
use crate::planted::{self, Bug};

/// Conversations as records.
pub(super) struct Whole;

impl Record for Whole {
    type Wire<'a> = Conversation<'a, wire::message::Message<'a, &'a RawValue>>;
    type Lone<'a> = Conversation<'a, &'a RawValue>;
    type Seen = ListedConversation;
    type Context<'c> = ();

    fn seen(wire: Self::Wire<'_>, (): (), people: &mut People) -> Result<ListedConversation, Strange> {
        let mut notes = Notes::new();
        let conversation = seen(&wire, people, &mut notes)?;
        let newest = match newest_element(wire.messages) {
            Some(message) => Some(message::seen(message, &conversation.id, people, &mut notes)?),
            None => None,
        };
        notes.first().map_or(Ok(ListedConversation { conversation, newest }), |note| Err(*note))
    }

    fn seen_alone(
        lone: Self::Lone<'_>,
        (): (),
        people: &mut People,
        notes: &mut Notes,
    ) -> Result<ListedConversation, Strange> {
        let conversation = seen(&lone, people, notes)?;
        let newest = newest_element(lone.messages).and_then(|raw| newest_alone(raw, &conversation.id, people, notes));
        Ok(ListedConversation { conversation, newest })
    }

    fn rescued(raw: &str, (): ()) -> (Option<ListedConversation>, Option<ConversationId>) {
        let Ok(value) = serde_json::from_str::<Value>(raw) else {
            return (None, None);
        };
        let read = |key| ConversationId::parse(value.get(key)?.as_str()?).ok();
        let id = ["backendUrn", "entityUrn"].into_iter().find_map(read);
        let activity = value.get("lastActivityAt").and_then(Value::as_i64).and_then(Timestamp::from_upstream);
        let listed = id.clone().zip(activity).map(|(id, activity)| ListedConversation {
            conversation: ConversationSeen { last_activity_at: Some(activity), ..ConversationSeen::only_id(id) },
            newest: None,
        });
        (listed, id)
    }

    fn conversation(seen: &ListedConversation) -> &ConversationId {
        &seen.conversation.id
    }
}

fn seen<M>(wire: &Conversation<'_, M>, people: &mut People, notes: &mut Notes) -> Result<ConversationSeen, Strange> {
    let urn = wire.backend_urn.as_ref().or(wire.entity_urn.as_ref());
    let urn = urn.ok_or(Strange("a conversation without id"))?;
    let id = ConversationId::parse(&urn.0).map_err(|_| Strange("a conversation whose id is none"))?;
    let last_activity_at = match wire.last_activity_at {
        Some(ms) => Some(Timestamp::from_upstream(ms).ok_or(Strange("a conversation of an impossible time"))?),
        None => None,
    };
    Ok(ConversationSeen {
        id,
        categories: wire.categories.as_ref().map(|list| list.0.iter().map(|name| name.0.to_string()).collect()),
        group: wire.group_chat,
        title: words(wire.title.as_ref()),
        state: wire.state.as_ref().map(|state| state.as_ref().and_then(Text::filled).map(str::to_owned)),
        label: words(wire.conversation_type_text.as_ref()),
        sponsored: wire
            .content_metadata
            .as_ref()
            .map(|content| content.as_ref().is_some_and(|content| content.conversation_ad_content.is_some())),
        participants: participants(wire.conversation_participants.as_ref(), people, notes),
        created_at: time(wire.created_at),
        last_activity_at,
        last_read_at: time(wire.last_read_at),
        read: wire.read,
        unread_count: wire.unread_count.map(|count| u32::try_from(count.max(0)).unwrap_or(u32::MAX)),
        muted: wire.notification_status.as_ref().map(|status| status.0 != "ACTIVE"),
    })
}

/// Everybody, or not told when somebody cannot be read: a part of the list must not look like all of it.
fn participants(
    list: Option<&List<Option<Participant<'_>>>>,
    people: &mut People,
    notes: &mut Notes,
) -> Option<BTreeSet<PersonId>> {
    let mut everybody = BTreeSet::new();
    let mut is_all = true;
    for participant in list?.0.iter().flatten() {
        match people.see(participant) {
            Ok(id) => {
                everybody.insert(id);
            }
            Err(strange) => {
                notes.push(strange);
                is_all = false;
            }
        }
    }
    (is_all || planted::is(Bug::HalfTheParticipants)).then_some(everybody)
}

fn newest_element<M>(messages: Option<wire::conversation::Embedded<M>>) -> Option<M> {
    messages?.elements?.0.into_iter().flatten().next()
}

fn newest_alone(
    raw: &RawValue,
    conversation: &ConversationId,
    people: &mut People,
    notes: &mut Notes,
) -> Option<MessageSeen> {
    match super::read_alone::<message::Whole>(raw.get(), conversation, people, notes) {
        Ok(message) => Some(message),
        Err(strange) => {
            notes.push(strange);
            None
        }
    }
}

/// Null and the empty text are told to be none.
fn words(told: Option<&Option<Words<'_>>>) -> Told<String> {
    told.map(|words| words.as_ref().map(|words| words.0.to_string()).filter(|text| !text.is_empty()))
}

/// An impossible time is not told.
fn time(told: Told<i64>) -> Told<Timestamp> {
    match told {
        Some(Some(ms)) => Timestamp::from_upstream(ms).map(Some),
        Some(None) => Some(None),
        None => None,
    }
}
