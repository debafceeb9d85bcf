//! The stored queries that answer with conversations (upstream protocol 3.1).
//!
//! Somebody else's mailbox is an empty collection, never an error. No query here changes any read state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::switches::{Border, Honour, SEARCH_ITEMS};
use crate::world::model::{Entry, Ms, Thread};

use super::conversation::Detail;
use super::desk::{Desk, Reply, TokenUse};
use super::json::Json;
use super::kinds;
use super::lists::ConversationList;
use super::query_ids::Variant;
use super::restli::Restli;
use super::sequence::{self, Direction, PageWish, Position};
use super::token_memory::TokenScope;
use super::urns;
use super::writer::Writer;

/// Conversations of a first load by sync token (upstream protocol 3.1).
const FIRST_LOAD: usize = 20;
/// Messages at the end of a thread that a search looks through.
const SEARCHED_MESSAGES: usize = 100;

/// One page by category, in the newer or the older style.
pub fn by_category<'a>(desk: &mut Desk<'a>, variant: Variant) -> Reply<'a> {
    let categories = match variant {
        Variant::ConversationsByCategory => desk.leaf("category").map(|one| vec![one.to_owned()]),
        _ => desk.variables.member("query").and_then(predicate_categories),
    };
    let (Some(own), Some(categories), Some(asked)) = (desk.own_mailbox(), categories, desk.count("count")) else {
        return Reply::WrongVariables;
    };
    let Some(position) = list_position(desk) else { return Reply::WrongVariables };
    let mut writer = desk.writer();
    let older_style = variant == Variant::ConversationsByCategory;
    let wish = PageWish {
        position,
        count: desk.switches.page_items(asked),
        trouble: desk.trouble.page,
        nonce: desk.trouble.nonce,
        probe: desk.probes(),
    };
    let list = own.then(|| conversation_list(desk, categories)).flatten();
    let (elements, older, troubled) = match &list {
        Some(list) => {
            let cut = sequence::cut(list, &wish);
            let elements = write_page(desk, &mut writer, list, &cut.indices);
            (elements, cut.older, cut.troubled)
        }
        None => (Vec::new(), None, false),
    };
    let back = older_style.then(|| super::writer::member("prevCursor", Json::Null));
    let cursors = vec![desk.cursor_member("nextCursor", older), back];
    let metadata = desk.page_metadata(&writer, kinds::CONVERSATION_CURSOR, cursors);
    let collection = writer.collection(true, elements, metadata);
    Reply::Answer(writer.answer(variant.answer_field(), collection), troubled)
}

/// The newest conversations, or what changed since a token.
pub fn by_sync_token<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let Some(own) = desk.own_mailbox() else { return Reply::WrongVariables };
    let scope = TokenScope::Conversations(desk.owner.to_owned());
    match desk.token_use(&scope) {
        TokenUse::Refused => Reply::Refused,
        TokenUse::Fresh => first_load(desk, own, scope),
        TokenUse::Since(since_ms) => delta(desk, own, scope, since_ms),
    }
}

/// Search by keywords, category and read state.
pub fn by_search<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let categories = desk.variables.member("categories").and_then(leaves);
    let (Some(own), Some(asked), Some(categories)) = (desk.own_mailbox(), desk.count("count"), categories) else {
        return Reply::WrongVariables;
    };
    let offset = match desk.leaf("nextCursor").filter(|text| !text.is_empty()) {
        None => 0,
        Some(text) => match read_offset(text) {
            Some(offset) => offset,
            None => return Reply::WrongVariables,
        },
    };
    let count = usize::try_from(asked.unwrap_or(SEARCH_ITEMS).min(SEARCH_ITEMS)).unwrap_or(0);
    let mut writer = desk.writer();
    let list = own.then(|| conversation_list(desk, categories)).flatten();
    let found: Vec<(&Thread, &Entry)> = match &list {
        Some(list) => matches(desk, list).skip(offset).take(count + 1).collect(),
        None => Vec::new(),
    };
    let detail = Detail { embeds_message: true, sparse: desk.switches.sparse_search, drafts: false };
    let shown = found.iter().take(count);
    let elements = shown.map(|(thread, entry)| writer.conversation(thread, entry, detail)).collect();
    let more = (found.len() > count).then(|| STANDARD.encode(format!("0&{}", offset + count)));
    let cursor = desk.cursor_member("nextCursor", more);
    let metadata = desk.page_metadata(&writer, kinds::CONVERSATION_CURSOR, vec![cursor]);
    let collection = writer.collection(true, elements, metadata);
    Reply::Answer(writer.answer(Variant::ConversationsBySearchCriteria.answer_field(), collection), false)
}

/// The threads with exactly these people.
pub fn by_recipients<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let recipients = desk.variables.member("recipients").and_then(leaves);
    let (Some(own), Some(recipients)) = (desk.own_mailbox(), recipients) else {
        return Reply::WrongVariables;
    };
    let mut wanted: Vec<&str> = recipients.iter().filter_map(|urn| urns::read_person(urn)).collect();
    wanted.push(desk.owner);
    wanted.sort_unstable();
    wanted.dedup();
    let mut writer = desk.writer();
    let list = own.then(|| conversation_list(desk, Vec::new())).flatten();
    let all = list.iter().flat_map(|list| shown(desk, list));
    let same = all.filter(|(thread, _)| {
        let mut people: Vec<&str> = thread.participants.iter().map(String::as_str).collect();
        people.sort_unstable();
        people == wanted
    });
    let elements = same.map(|(thread, entry)| writer.conversation(thread, entry, full(desk))).collect();
    let collection = writer.collection(true, elements, Json::Null);
    Reply::Answer(writer.answer(Variant::ConversationsByRecipients.answer_field(), collection), false)
}

/// Conversations by URN, as a bare list.
pub fn by_ids<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let Some(wanted) = desk.variables.member("conversationIds").and_then(leaves) else {
        return Reply::WrongVariables;
    };
    let mut writer = desk.writer();
    let detail = Detail { embeds_message: false, ..full(desk) };
    let found = wanted.iter().filter_map(|urn| own_conversation(desk, urn));
    let elements = found.map(|(thread, entry)| writer.conversation(thread, entry, detail)).collect();
    Reply::Answer(writer.answer(Variant::ConversationsByIds.answer_field(), Json::List(elements)), false)
}

/// One conversation by URN.
pub fn by_id<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let Some(urn) = desk.leaf("messengerConversationsId") else { return Reply::WrongVariables };
    let mut writer = desk.writer();
    let found = own_conversation(desk, urn);
    let value = found.map(|(thread, entry)| writer.conversation(thread, entry, full(desk)));
    let answer = writer.answer(Variant::ConversationsById.answer_field(), value.unwrap_or(Json::Null));
    Reply::Answer(answer, false)
}

fn first_load<'a>(desk: &mut Desk<'a>, own: bool, scope: TokenScope) -> Reply<'a> {
    let newest_ms = desk.order.first().map_or(0, |(at_ms, _)| *at_ms);
    let token = desk.new_token(scope, newest_ms, desk.issued_ms);
    let mut writer = desk.writer();
    let list = own.then(|| conversation_list(desk, Vec::new())).flatten();
    let newest = list.iter().flat_map(|list| shown(desk, list)).take(FIRST_LOAD);
    let elements = newest.map(|(thread, entry)| writer.conversation(thread, entry, full(desk))).collect();
    let metadata = desk.sync_metadata(&writer, token, Vec::new(), true);
    let collection = writer.collection(true, elements, metadata);
    let answer = writer.answer(Variant::ConversationsBySyncToken.answer_field(), collection);
    Reply::Answer(answer, desk.trouble.clears_cache)
}

fn delta<'a>(desk: &mut Desk<'a>, own: bool, scope: TokenScope, since_ms: Ms) -> Reply<'a> {
    let snapshot_ms = desk.snapshot_ms();
    let mailbox = desk.world.mailboxes.get(desk.owner).filter(|_| own);
    let entries = mailbox.into_iter().flat_map(|mailbox| &mailbox.entries);
    let news = entries.filter(|(_, one)| one.changed_at_ms > since_ms && one.changed_at_ms <= snapshot_ms);
    let mut changed: Vec<(Ms, (&String, &Entry))> = news.map(|pair| (pair.1.changed_at_ms, pair)).collect();
    changed.sort_by_key(|(at_ms, _)| *at_ms);
    let issued_ms = limit_delta(&mut changed, desk.switches.delta_limit).unwrap_or(snapshot_ms);
    let newest_ms = desk.order.first().map_or(0, |(at_ms, _)| *at_ms);
    let token = desk.new_token(scope, newest_ms, issued_ms);
    let mut writer = desk.writer();
    let (mut elements, mut deleted) = (Vec::new(), Vec::new());
    for (_, (id, entry)) in changed.into_iter().rev() {
        match (entry.deleted_at_ms, desk.world.threads.get(id)) {
            (None, Some(thread)) => elements.push(writer.conversation(thread, entry, full(desk))),
            _ => deleted.push(writer.tombstone("conversation", urns::conversation(desk.owner, id))),
        }
    }
    let metadata = desk.sync_metadata(&writer, token, deleted, false);
    let collection = writer.collection(true, elements, metadata);
    let answer = writer.answer(Variant::ConversationsBySyncToken.answer_field(), collection);
    Reply::Answer(answer, desk.is_stale())
}

/// Cuts a delta, oldest changes first; returns the time up to which it then tells everything, if it was cut. Changes of
/// the same moment are never torn apart.
pub(super) fn limit_delta<T>(changed: &mut Vec<(Ms, T)>, limit: Option<u32>) -> Option<Ms> {
    let limit = usize::try_from(limit?).ok()?;
    let (last_ms, _) = changed.get(limit.max(1) - 1)?;
    let last_ms = *last_ms;
    let kept = changed.partition_point(|(at_ms, _)| *at_ms <= last_ms);
    if kept >= changed.len() {
        return None;
    }
    changed.truncate(kept);
    Some(last_ms)
}

fn full(desk: &Desk<'_>) -> Detail {
    Detail { embeds_message: desk.switches.embedded_message, sparse: false, drafts: false }
}

fn list_position(desk: &Desk<'_>) -> Option<Position> {
    if let Some(text) = desk.leaf("nextCursor").filter(|text| !text.is_empty()) {
        let (direction, position) = sequence::read_cursor(text)?;
        return (direction == Direction::Descending).then_some(position);
    }
    let before = desk.number("lastUpdatedBefore")?;
    Some(match (before, desk.switches.last_updated_before, desk.switches.time_border) {
        (None, ..) | (_, Honour::Ignore, _) => Position::Start,
        (Some(at_ms), Honour::Honour, Border::Strict) => Position::Before(at_ms),
        (Some(at_ms), Honour::Honour, Border::Inclusive) => Position::AtOrBefore(at_ms),
    })
}

fn conversation_list<'a>(desk: &Desk<'a>, categories: Vec<String>) -> Option<ConversationList<'a>> {
    let mailbox = desk.world.mailboxes.get(desk.owner)?;
    Some(ConversationList { mailbox, order: desk.order, categories })
}

fn write_page<'a>(
    desk: &Desk<'a>,
    writer: &mut Writer<'a>,
    list: &ConversationList<'a>,
    indices: &[usize],
) -> Vec<Json<'a>> {
    let detail = Detail { drafts: true, ..full(desk) };
    let entries = indices.iter().filter_map(|index| list.entry(*index));
    let pairs = entries.filter_map(|(id, entry)| Some((desk.world.threads.get(id)?, entry)));
    pairs.map(|(thread, entry)| writer.conversation(thread, entry, detail)).collect()
}

fn shown<'a, 'b>(
    desk: &'b Desk<'a>,
    list: &'b ConversationList<'a>,
) -> impl Iterator<Item = (&'a Thread, &'a Entry)> + use<'a, 'b> {
    let world = desk.world;
    let entries = (0..list.order.len()).filter_map(|index| list.entry(index));
    entries.filter_map(move |(id, entry)| Some((world.threads.get(id)?, entry)))
}

fn matches<'a, 'b>(
    desk: &'b Desk<'a>,
    list: &'b ConversationList<'a>,
) -> impl Iterator<Item = (&'a Thread, &'a Entry)> + use<'a, 'b> {
    let read = desk.leaf("read").map(|text| text == "true");
    let keywords = desk.leaf("keywords").unwrap_or_default().to_lowercase();
    let world = desk.world;
    shown(desk, list)
        .filter(move |(_, entry)| read.is_none_or(|read| read == entry.read))
        .filter(move |(thread, _)| keywords.is_empty() || mentions(world, thread, &keywords))
}

fn mentions(world: &crate::world::World, thread: &Thread, keywords: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(keywords);
    let people = thread.participants.iter().filter_map(|id| world.people.get(id));
    let mut names = people.map(|one| format!("{} {}", one.first_name, one.last_name));
    let newest = thread.visible_messages().rev().take(SEARCHED_MESSAGES);
    names.any(|name| has(&name))
        || thread.title.as_deref().is_some_and(has)
        || newest.filter_map(|message| message.body.as_deref()).any(has)
}

fn own_conversation<'a>(desk: &Desk<'a>, urn: &str) -> Option<(&'a Thread, &'a Entry)> {
    let (owner, thread_id) = urns::read_conversation(urn)?;
    let mailbox = desk.world.mailboxes.get(desk.owner).filter(|_| owner == desk.owner)?;
    let entry = mailbox.entries.get(thread_id).filter(|entry| entry.deleted_at_ms.is_none())?;
    Some((desk.world.threads.get(thread_id)?, entry))
}

fn predicate_categories(query: &Restli) -> Option<Vec<String>> {
    let unions = query.member("predicateUnions")?.items()?;
    let one = |union: &Restli| {
        let category = union.member("conversationCategoryPredicate")?.member("category")?.leaf()?;
        Some(category.to_owned())
    };
    let categories: Option<Vec<String>> = unions.iter().map(one).collect();
    categories.filter(|all| !all.is_empty())
}

fn leaves(list: &Restli) -> Option<Vec<String>> {
    list.items()?.iter().map(|item| item.leaf().map(str::to_owned)).collect()
}

fn read_offset(text: &str) -> Option<usize> {
    let plain = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    plain.strip_prefix("0&")?.parse().ok()
}
