//! The small stored queries: mailbox counts, seen receipts, quick replies, reactors (upstream protocol 3.1, 3.8, 4.7).
//!
//! None of them pages and none of them changes anything.

use crate::world::model::{Message, Thread};

use super::desk::{Desk, Reply};
use super::json::Json;
use super::kinds;
use super::query_ids::Variant;
use super::urns;
use super::writer::{Writer, member};

/// Categories whose unread conversations are counted, by the names of the web client.
const COUNTED: [(&str, &str); 6] = [
    ("INBOX", "INBOX"),
    ("PRIMARY_INBOX", "PRIMARY_INBOX"),
    ("SECONDARY_INBOX", "SECONDARY_INBOX"),
    ("ARCHIVE", "ARCHIVE"),
    ("SPAM", "SPAM"),
    ("MESSAGE_REQUEST_PENDING", "MESSAGE_REQUESTS"),
];

/// Unread conversations of each category.
pub fn mailbox_counts<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let Some(own) = desk.own_mailbox() else { return Reply::WrongVariables };
    let writer = desk.writer();
    let mailbox = desk.world.mailboxes.get(desk.owner).filter(|_| own);
    let count = |category: &str| {
        let entries = mailbox.into_iter().flat_map(|mailbox| mailbox.entries.values());
        let unread = entries.filter(|one| !one.read && one.deleted_at_ms.is_none());
        unread.filter(|one| one.categories.iter().any(|own| own == category)).count()
    };
    let counted = COUNTED.iter().filter(|_| mailbox.is_some());
    let element = |(category, name): &(&'static str, &'static str)| {
        let unread = i64::try_from(count(category)).unwrap_or(i64::MAX);
        let members = vec![member("category", *name), member("unreadConversationCount", unread)];
        writer.object(kinds::COUNT, 0, members)
    };
    let elements = counted.map(element).collect();
    finish(writer, Variant::MailboxCounts, false, elements)
}

/// What each other participant has seen last, as far as their mailbox is here.
pub fn seen_receipts<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let Some(own) = desk.own_thread("conversationUrn") else { return Reply::WrongVariables };
    let mut writer = desk.writer();
    let thread = own.and_then(|id| desk.world.threads.get(id)).filter(|_| desk.switches.seen_receipts);
    let elements = thread.map(|thread| receipts(desk, &mut writer, thread)).unwrap_or_default();
    finish(writer, Variant::SeenReceipts, false, elements)
}

/// Suggestions, of which there are none.
pub fn quick_replies<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    match desk.own_thread("conversationUrn") {
        Some(_) => finish(desk.writer(), Variant::QuickReplies, false, Vec::new()),
        None => Reply::WrongVariables,
    }
}

/// Who chose an emoji for a message.
pub fn reactors<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let message = desk.leaf("messageUrn").and_then(urns::read_message);
    let (Some((owner, message_id)), Some(emoji)) = (message, desk.leaf("emoji")) else {
        return Reply::WrongVariables;
    };
    let mut writer = desk.writer();
    let found = find_message(desk, message_id).filter(|_| owner == desk.owner);
    let reactions = found.into_iter().flat_map(|message| &message.reactions);
    let people = reactions.filter(|one| one.emoji == emoji).flat_map(|one| &one.people);
    let elements = people.map(|id| writer.person(id)).collect();
    finish(writer, Variant::Reactors, true, elements)
}

fn receipts<'a>(desk: &Desk<'a>, writer: &mut Writer<'a>, thread: &'a Thread) -> Vec<Json<'a>> {
    let others = thread.participants.iter().filter(|id| id.as_str() != desk.owner);
    let mut elements = Vec::new();
    for id in others {
        let mailbox = desk.world.mailboxes.get(id);
        let entry = mailbox.and_then(|mailbox| mailbox.entries.get(&thread.id));
        let Some(read_ms) = entry.and_then(|entry| entry.last_read_at_ms) else { continue };
        let mut seen = thread.visible_messages().rev();
        let Some(last) = seen.find(|message| message.delivered_at_ms <= read_ms) else { continue };
        let stub = member("entityUrn", urns::message(desk.owner, &last.id));
        let person = writer.person(id);
        let members = vec![
            member("seenAt", read_ms),
            member("message", writer.object(kinds::MESSAGE, 3, vec![stub])),
            writer.reference("seenByParticipant", "*seenByParticipant", person),
        ];
        elements.push(writer.object(kinds::RECEIPT, 0, members));
    }
    elements
}

fn find_message<'a>(desk: &Desk<'a>, message_id: &str) -> Option<&'a Message> {
    let embedded = urns::thread_of_message(message_id);
    let thread = embedded.filter(|id| desk.visible(id)).and_then(|id| desk.world.threads.get(&id));
    if let Some(message) = thread.and_then(|thread| thread.message(message_id)) {
        return Some(message);
    }
    let visible = desk.order.iter().filter(|(_, id)| desk.visible(id));
    visible.filter_map(|(_, id)| desk.world.threads.get(id)?.message(message_id)).next()
}

fn finish<'a>(writer: Writer<'a>, variant: Variant, entities: bool, elements: Vec<Json<'a>>) -> Reply<'a> {
    let collection = writer.collection(entities, elements, Json::Null);
    Reply::Answer(writer.answer(variant.answer_field(), collection), false)
}
