//! From an answer's bytes to a reply: pure, and on the path of every record that is kept.
//!
//! A page is read in one pass. Only when something in it is strange is it read again record by record, so that one
//! strange record never costs the others (invariant I5): it becomes an oddity with its raw form. A page without the
//! collection that was asked for is no page. No error text may carry anything of the body.

use serde::Deserialize;
use serde_json::value::RawValue;
use threadkeep_core::id::ConversationId;
use threadkeep_core::page::{
    ConversationChanges, ConversationPage, Cursor, MessageChanges, MessagePage, ODDITY_RAW_MAX, Oddity, Reply,
    SyncToken, Trouble,
};
use threadkeep_core::sync::Step;

use super::wire::{Collection, Envelope, Metadata, Question, Text};
use crate::planted::{self, Bug};

mod content;
mod conversation;
mod deleted;
mod message;
mod person;
mod repair;

use person::People;

/// Most objects in one answer; the largest page seen upstream has some thousand.
const OBJECTS_MAX: usize = 200_000;

/// Why a record cannot be used, in words that name no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Strange(&'static str);

/// What a page brings besides its records.
#[derive(Default)]
struct Gathered {
    people: People,
    oddities: Vec<Oddity>,
}

/// Reads the answer to a step.
pub fn parse_reply(step: &Step, body: &[u8]) -> Result<Reply, Trouble> {
    let text = guarded(body)?;
    match step {
        Step::StartToken => changes(text).and_then(|changes| match changes.token {
            Some(_) => Ok(Reply::ConversationChanges(changes)),
            None => Err(unreadable("it has no sync token")),
        }),
        Step::Delta { .. } => changes(text).map(Reply::ConversationChanges),
        Step::List { .. } => list(text).map(Reply::Conversations),
        Step::Messages { conversation, .. } => messages(text, conversation).map(Reply::Messages),
        Step::MessageChanges { conversation, .. } => message_changes(text, conversation).map(Reply::MessageChanges),
        Step::Rest(_) | Step::Done => Err(Trouble::Refused { what: "this step asks nothing".to_owned() }),
    }
}

struct BySyncToken;
impl Question for BySyncToken {
    const FIELDS: &'static [&'static str] = &["messengerConversationsBySyncToken"];
}

struct ByCategory;
impl Question for ByCategory {
    const FIELDS: &'static [&'static str] = &[
        "messengerConversationsByCategoryQuery",
        "messengerConversationsByCategory",
        "messengerConversationsBySearchCriteria",
    ];
}

/// A query by sync token would show the newest page for ever, so it is no answer here (upstream protocol 4.1).
struct OfConversation;
impl Question for OfConversation {
    const FIELDS: &'static [&'static str] = &["messengerMessagesByAnchorTimestamp", "messengerMessagesByConversation"];
}

struct MessagesBySyncToken;
impl Question for MessagesBySyncToken {
    const FIELDS: &'static [&'static str] = &["messengerMessagesBySyncToken"];
}

fn changes(text: &str) -> Result<ConversationChanges, Trouble> {
    let (listed, metadata, mut gathered) = read_page::<BySyncToken, conversation::Whole>(text, ())?;
    let deleted = deleted::conversations(metadata.deleted_urns.as_ref(), &mut gathered.oddities);
    Ok(ConversationChanges {
        listed,
        deleted,
        token: filled(metadata.new_sync_token.as_ref()).map(SyncToken),
        reset: metadata.should_clear_cache.unwrap_or(false),
        people: gathered.people.into_list(),
        oddities: gathered.oddities,
    })
}

fn list(text: &str) -> Result<ConversationPage, Trouble> {
    let (listed, metadata, gathered) = read_page::<ByCategory, conversation::Whole>(text, ())?;
    Ok(ConversationPage {
        listed,
        next: filled(metadata.next_cursor.as_ref()).map(Cursor),
        people: gathered.people.into_list(),
        oddities: gathered.oddities,
    })
}

fn messages(text: &str, conversation: &ConversationId) -> Result<MessagePage, Trouble> {
    let (messages, metadata, gathered) = read_page::<OfConversation, message::Whole>(text, conversation)?;
    Ok(MessagePage {
        messages,
        older: filled(metadata.prev_cursor.as_ref()).map(Cursor),
        people: gathered.people.into_list(),
        oddities: gathered.oddities,
    })
}

fn message_changes(text: &str, conversation: &ConversationId) -> Result<MessageChanges, Trouble> {
    let (messages, metadata, mut gathered) = read_page::<MessagesBySyncToken, message::Whole>(text, conversation)?;
    let deleted = deleted::messages(metadata.deleted_urns.as_ref(), conversation, &mut gathered.oddities);
    Ok(MessageChanges {
        messages,
        deleted,
        token: filled(metadata.new_sync_token.as_ref()).map(SyncToken),
        reset: metadata.should_clear_cache.unwrap_or(false),
        people: gathered.people.into_list(),
        oddities: gathered.oddities,
    })
}

/// A kind of record: how it is read from the wire, at once or by itself.
trait Record {
    /// The record on the wire.
    type Wire<'a>: Deserialize<'a>;
    /// The record by itself, whose parts may be read one by one.
    type Lone<'a>: Deserialize<'a>;
    /// What it becomes.
    type Seen;
    /// What has to be known to read it.
    type Context<'c>: Copy;

    /// Reads a record in the first pass; anything strange is an error.
    fn seen(wire: Self::Wire<'_>, context: Self::Context<'_>, people: &mut People) -> Result<Self::Seen, Strange>;

    /// Reads a record by itself; what is strange in a part of it is noted.
    fn seen_alone(
        lone: Self::Lone<'_>,
        context: Self::Context<'_>,
        people: &mut People,
        notes: &mut Notes,
    ) -> Result<Self::Seen, Strange>;

    /// What can be saved of a record that cannot be read, and its conversation.
    fn rescued(raw: &str, context: Self::Context<'_>) -> (Option<Self::Seen>, Option<ConversationId>);

    /// The conversation of a record.
    fn conversation(seen: &Self::Seen) -> &ConversationId;
}

/// What was strange in the parts of one record.
type Notes = Vec<Strange>;

type Page<'a, R> = (Vec<<R as Record>::Seen>, Metadata<'a>, Gathered);

fn read_page<'a, Q: Question, R: Record>(text: &'a str, context: R::Context<'_>) -> Result<Page<'a, R>, Trouble> {
    if let Ok(envelope) = serde_json::from_str::<Envelope<'a, Q, R::Wire<'a>>>(text) {
        let (elements, metadata) = collection(envelope)?;
        if let Some((seen, gathered)) = at_once::<R>(elements, context) {
            return Ok((seen, metadata, gathered));
        }
    }
    let envelope = serde_json::from_str::<Envelope<'a, Q, &'a RawValue>>(text).map_err(|error| {
        unreadable(match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Syntax => "it is not JSON",
            _ => "it has another shape",
        })
    })?;
    if planted::is(Bug::OddRecordEndsPage) {
        return Err(unreadable("a record is strange"));
    }
    let (elements, metadata) = collection(envelope)?;
    let (seen, gathered) = one_by_one::<R>(elements, context);
    Ok((seen, metadata, gathered))
}

/// The records of an answer, or why it is none.
fn collection<'a, Q: Question, T>(envelope: Envelope<'a, Q, T>) -> Result<(Vec<Option<T>>, Metadata<'a>), Trouble> {
    if envelope.errors.is_some_and(|errors| !errors.0.is_empty()) {
        return Err(unreadable("it reports errors"));
    }
    let answer = envelope.data.and_then(|data| data.answer);
    let Some(Collection { elements: Some(elements), metadata }) = answer else {
        return Err(unreadable("it has not the collection that was asked for"));
    };
    Ok((elements.0, metadata.unwrap_or_default()))
}

fn at_once<R: Record>(elements: Vec<Option<R::Wire<'_>>>, context: R::Context<'_>) -> Option<(Vec<R::Seen>, Gathered)> {
    let mut gathered = Gathered::default();
    let mut all = Vec::with_capacity(elements.len());
    for wire in elements {
        all.push(R::seen(wire?, context, &mut gathered.people).ok()?);
    }
    Some((all, gathered))
}

fn one_by_one<R: Record>(elements: Vec<Option<&RawValue>>, context: R::Context<'_>) -> (Vec<R::Seen>, Gathered) {
    let mut gathered = Gathered::default();
    let mut all = Vec::with_capacity(elements.len());
    for raw in elements {
        let raw = raw.map_or("null", RawValue::get);
        let mut notes = Notes::new();
        let seen = match read_alone::<R>(raw, context, &mut gathered.people, &mut notes) {
            Ok(seen) => Some(seen),
            Err(strange) => {
                let (rescued, conversation) = R::rescued(raw, context);
                let kept = Some(oddity(conversation, strange, raw));
                gathered.oddities.extend(kept.filter(|_| !planted::is(Bug::OddityDropped)));
                rescued
            }
        };
        if let Some(seen) = seen {
            let conversation = R::conversation(&seen);
            gathered.oddities.extend(notes.into_iter().map(|note| oddity(Some(conversation.clone()), note, raw)));
            all.push(seen);
        }
    }
    (all, gathered)
}

fn read_alone<R: Record>(
    raw: &str,
    context: R::Context<'_>,
    people: &mut People,
    notes: &mut Notes,
) -> Result<R::Seen, Strange> {
    match serde_json::from_str::<R::Lone<'_>>(raw) {
        Ok(lone) => R::seen_alone(lone, context, people, notes),
        Err(_) => {
            let repaired = repair::without_lone_surrogates(raw).ok_or(Strange("a record of another shape"))?;
            let lone =
                serde_json::from_str::<R::Lone<'_>>(&repaired).map_err(|_| Strange("a record of another shape"))?;
            R::seen_alone(lone, context, people, notes)
        }
    }
}

fn oddity(conversation: Option<ConversationId>, strange: Strange, raw: &str) -> Oddity {
    Oddity { conversation, what: strange.0.to_owned(), raw: cut(raw).to_owned() }
}

/// The first [`ODDITY_RAW_MAX`] bytes, ending at a whole character.
fn cut(raw: &str) -> &str {
    raw.get(..raw.floor_char_boundary(ODDITY_RAW_MAX)).unwrap_or(raw)
}

/// The body as text, when it is one that may be taken apart.
fn guarded(body: &[u8]) -> Result<&str, Trouble> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable("it is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    // A shorter text cannot hold as many.
    if text.len() > OBJECTS_MAX && text.bytes().filter(|byte| *byte == b'{').count() > OBJECTS_MAX {
        return Err(unreadable("it has too many objects"));
    }
    Ok(text)
}

fn unreadable(what: &str) -> Trouble {
    Trouble::Unreadable { what: what.to_owned() }
}

fn filled(text: Option<&Text<'_>>) -> Option<String> {
    text.and_then(Text::filled).map(str::to_owned)
}

#[cfg(test)]
mod tests;
