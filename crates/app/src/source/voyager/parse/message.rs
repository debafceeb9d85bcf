//! Messages of a page (upstream protocol 4.3, 4.4), always of the conversation that was asked for.
//!
//! A message needs an id and a time, nothing else; everything that is absent stays untold.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::value::RawValue;
use threadkeep_core::content::{Attribute, Reaction};
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::time::Timestamp;

use super::super::wire::message::{Entity, Hyperlink, ListKind, Message, Reaction as WireReaction};
use super::super::wire::person::Participant;
use super::super::wire::{Attribute as WireAttribute, Attributed, List, Text, Told, Words};
use super::person::People;
use super::{Notes, Record, Strange, content};

/// Messages as records.
pub(super) struct Whole;

impl Record for Whole {
    type Wire<'a> = Message<'a, &'a RawValue>;
    type Lone<'a> = Message<'a>;
    type Seen = MessageSeen;
    type Context<'c> = &'c ConversationId;

    fn seen(wire: Self::Wire<'_>, of: &ConversationId, people: &mut People) -> Result<MessageSeen, Strange> {
        let mut notes = Notes::new();
        let message = seen(wire, of, people, &mut notes)?;
        notes.first().map_or(Ok(message), |note| Err(*note))
    }

    fn seen_alone(
        lone: Message<'_>,
        of: &ConversationId,
        people: &mut People,
        notes: &mut Notes,
    ) -> Result<MessageSeen, Strange> {
        seen(lone, of, people, notes)
    }

    fn rescued(_raw: &str, of: &ConversationId) -> (Option<MessageSeen>, Option<ConversationId>) {
        (None, Some(of.clone()))
    }

    fn conversation(seen: &MessageSeen) -> &ConversationId {
        &seen.conversation
    }
}

/// How a sender stands in a message.
pub(super) trait Sender {
    /// Takes note of the sender and says who it is.
    fn noted(&self, people: &mut People) -> Result<PersonId, Strange>;
}

impl Sender for Participant<'_> {
    fn noted(&self, people: &mut People) -> Result<PersonId, Strange> {
        people.see(self)
    }
}

impl Sender for &RawValue {
    fn noted(&self, people: &mut People) -> Result<PersonId, Strange> {
        people.see_raw(self.get())
    }
}

/// What a message tells.
pub(super) fn seen<S: Sender>(
    wire: Message<'_, S>,
    of: &ConversationId,
    people: &mut People,
    notes: &mut Notes,
) -> Result<MessageSeen, Strange> {
    let urn = wire.backend_urn.as_ref().or(wire.entity_urn.as_ref());
    let urn = urn.ok_or(Strange("a message without id"))?;
    let id = MessageId::parse(&urn.0).map_err(|_| Strange("a message whose id is none"))?;
    check_conversation(&wire, of)?;
    let delivered_at = delivered_at(&wire, &id)?;
    let sender = wire.sender.as_ref().and_then(|sender| match sender.noted(people) {
        Ok(id) => Some(id),
        Err(strange) => {
            notes.push(strange);
            None
        }
    });
    let (body, attributes) = body(wire.body);
    let content = wire.render_content.map(|list| content::read(list, people));
    Ok(MessageSeen {
        id,
        conversation: of.clone(),
        sender,
        delivered_at,
        body,
        attributes,
        subject: words(wire.subject),
        format: wire.message_body_render_format.map(|format| MessageFormat::from(format.0.into_owned())),
        content,
        fallback_text: words(wire.render_content_fallback_text),
        reactions: wire.reaction_summaries.map(reactions),
    })
}

fn check_conversation<S>(wire: &Message<'_, S>, of: &ConversationId) -> Result<(), Strange> {
    let stub = || wire.conversation.as_ref().and_then(|stub| stub.entity_urn.as_ref());
    let urn = wire.backend_conversation_urn.as_ref().or_else(stub).or(wire.conversation_urn.as_ref());
    match urn.map(|urn| ConversationId::parse(&urn.0)) {
        None => Ok(()),
        Some(Ok(id)) if id == *of => Ok(()),
        Some(_) => Err(Strange("a message of another conversation")),
    }
}

/// When it was delivered, else when it was made, else the time inside its id (upstream protocol 2.1, 4.3).
fn delivered_at<S>(wire: &Message<'_, S>, id: &MessageId) -> Result<Timestamp, Strange> {
    match wire.delivered_at.or(wire.created_at) {
        Some(ms) => Timestamp::from_upstream(ms).ok_or(Strange("a message of an impossible time")),
        None => embedded_time(id).ok_or(Strange("a message without time")),
    }
}

fn embedded_time(id: &MessageId) -> Option<Timestamp> {
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let plain = BASE64.decode(id.as_str().strip_prefix("2-")?).ok()?;
    let plain = std::str::from_utf8(&plain).ok()?;
    let (ms, _) = plain.split_once('b')?;
    ms.parse().ok().filter(|_| ms.len() == 13).and_then(Timestamp::from_upstream)
}

fn body(told: Told<Attributed<'_>>) -> (Option<String>, Option<Vec<Attribute>>) {
    match told {
        None => (None, None),
        Some(None) => (Some(String::new()), Some(Vec::new())),
        Some(Some(body)) => (Some(body.text.into_owned()), body.attributes.map(attributes)),
    }
}

fn attributes(list: List<WireAttribute<'_>>) -> Vec<Attribute> {
    list.0.into_iter().filter_map(attribute).collect()
}

fn attribute(wire: WireAttribute<'_>) -> Option<Attribute> {
    let (name, raw) = wire.kind?.0.into_iter().next()?;
    let (kind, target) = match &*name.0 {
        "entity" => {
            let urn = serde_json::from_str::<Entity<'_>>(raw.get()).ok().and_then(|entity| entity.urn);
            ("mention", urn.map(|urn| mentioned(&urn)))
        }
        "hyperlink" => {
            let url = serde_json::from_str::<Hyperlink<'_>>(raw.get()).ok().and_then(|link| link.url);
            ("hyperlink", url.map(|url| url.0.into_owned()))
        }
        "list" => {
            let is_ordered = serde_json::from_str::<ListKind>(raw.get()).ok().and_then(|list| list.ordered);
            ("list", Some(if is_ordered.unwrap_or(false) { "ordered" } else { "unordered" }.to_owned()))
        }
        other => (other, None),
    };
    let (start, length) = (u32::try_from(wire.start).ok()?, u32::try_from(wire.length).ok()?);
    Some(Attribute { start, length, kind: kind.to_owned(), target })
}

fn mentioned(urn: &Text<'_>) -> String {
    PersonId::parse(&urn.0).map_or_else(|_| urn.0.as_ref().to_owned(), String::from)
}

fn reactions(list: Option<List<Option<WireReaction<'_>>>>) -> Vec<Reaction> {
    let list = list.map(|list| list.0).unwrap_or_default();
    let reaction = |wire: WireReaction<'_>| Reaction {
        emoji: wire.emoji.0.into_owned(),
        count: u32::try_from(wire.count.unwrap_or(0).max(0)).unwrap_or(u32::MAX),
        first_reacted_at: wire.first_reacted_at.and_then(Timestamp::from_upstream),
        viewer_reacted: wire.viewer_reacted.unwrap_or(false),
    };
    list.into_iter().flatten().map(reaction).collect()
}

/// Null is told to be none.
fn words(told: Told<Words<'_>>) -> Option<String> {
    told.map(|words| words.map(|words| words.0.into_owned()).unwrap_or_default())
}
