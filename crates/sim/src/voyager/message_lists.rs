//! The stored queries that answer with messages (upstream protocol 4.1, 4.2).
//!
//! A thread of somebody else is an empty collection. A poisoned thread answers with a collection that has the wrong shape,
//! to everybody and for ever.

use crate::chance::stable_hash;
use crate::switches::{Border, MessageOrder};
use crate::world::model::{Message, Ms, Thread};

use super::conversation_lists::limit_delta;
use super::desk::{Desk, Reply, TokenUse};
use super::json::Json;
use super::kinds;
use super::lists::MessageList;
use super::query_ids::Variant;
use super::sequence::{self, Direction, PageWish, Position, Sequence as _};
use super::token_memory::TokenScope;
use super::urns;
use super::writer::{Form, Writer, member};

/// Messages of a first load by sync token (upstream protocol 4.1).
const FIRST_LOAD: usize = 20;

/// Messages around a time.
pub fn by_anchor<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let (Some(own), Some(Some(anchor_ms))) = (desk.own_thread("conversationUrn"), desk.number("deliveredAt")) else {
        return Reply::WrongVariables;
    };
    let (Some(before), Some(after)) = (desk.number("countBefore"), desk.number("countAfter")) else {
        return Reply::WrongVariables;
    };
    let items = |asked: Option<Ms>, default: u32| {
        let asked = asked.map_or(Some(default), |number| u32::try_from(number).ok())?;
        Some(desk.switches.page_items(Some(asked)))
    };
    let (Some(before), Some(after)) = (items(before, 20), items(after, 0)) else {
        return Reply::WrongVariables;
    };
    let position = match desk.switches.time_border {
        Border::Strict => Position::Before(anchor_ms),
        Border::Inclusive => Position::AtOrBefore(anchor_ms),
    };
    let thread = match readable(desk, own, Variant::MessagesByAnchorTimestamp) {
        Ok(thread) => thread,
        Err(reply) => return reply,
    };
    page(desk, thread, Variant::MessagesByAnchorTimestamp, Window { position, before, after })
}

/// Older or newer messages by cursor, or the newest ones.
pub fn by_conversation<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let (Some(own), Some(asked), Some(anchor)) =
        (desk.own_thread("conversationUrn"), desk.count("count"), desk.number("deliveredAt"))
    else {
        return Reply::WrongVariables;
    };
    let count = desk.switches.page_items(asked);
    let text = desk.leaf("prevCursor").or_else(|| desk.leaf("nextCursor")).filter(|text| !text.is_empty());
    let window = match (text.map(sequence::read_cursor), anchor) {
        (Some(None), _) => return Reply::WrongVariables,
        (Some(Some((Direction::Descending, position))), _) => Window { position, before: count, after: 0 },
        (Some(Some((Direction::Ascending, position))), _) => Window { position, before: 0, after: count },
        (None, Some(at_ms)) if desk.switches.time_border == Border::Strict => {
            Window { position: Position::Before(at_ms), before: count, after: 0 }
        }
        (None, Some(at_ms)) => Window { position: Position::AtOrBefore(at_ms), before: count, after: 0 },
        (None, None) => Window { position: Position::Start, before: count, after: 0 },
    };
    let thread = match readable(desk, own, Variant::MessagesByConversation) {
        Ok(thread) => thread,
        Err(reply) => return reply,
    };
    page(desk, thread, Variant::MessagesByConversation, window)
}

/// The newest messages, or what changed since a token.
pub fn by_sync_token<'a>(desk: &mut Desk<'a>) -> Reply<'a> {
    let Some(own) = desk.own_thread("conversationUrn") else { return Reply::WrongVariables };
    let scope = TokenScope::Messages(desk.owner.to_owned(), own.unwrap_or_default().to_owned());
    let token = desk.token_use(&scope);
    if token == TokenUse::Refused {
        return Reply::Refused;
    }
    let variant = Variant::MessagesBySyncToken;
    let thread = match readable(desk, own, variant) {
        Ok(thread) => thread,
        Err(Reply::Answer(..)) if own.is_none() => return empty_sync(desk, scope),
        Err(reply) => return reply,
    };
    match token {
        TokenUse::Since(since_ms) => delta(desk, thread, scope, since_ms),
        _ => first_load(desk, as_seen(desk, thread), scope),
    }
}

/// A part of a thread: so many older and so many newer messages at a position.
struct Window {
    position: Position,
    before: usize,
    after: usize,
}

/// The thread, or the answer for one that cannot be read.
fn readable<'a>(desk: &Desk<'a>, own: Option<&str>, variant: Variant) -> Result<&'a Thread, Reply<'a>> {
    let writer = desk.writer();
    let Some(thread) = own.and_then(|id| desk.world.threads.get(id)) else {
        let cursors = vec![desk.cursor_member("prevCursor", None), desk.cursor_member("nextCursor", None)];
        let metadata = desk.page_metadata(&writer, kinds::MESSAGE_METADATA, cursors);
        let collection = writer.collection(true, Vec::new(), metadata);
        return Err(Reply::Answer(writer.answer(variant.answer_field(), collection), false));
    };
    let Some(poison) = thread.poison.as_deref() else { return Ok(thread) };
    let members = vec![member("elements", poison), member("metadata", Json::Null)];
    let collection = writer.object(kinds::COLLECTION, 0, members);
    Err(Reply::Answer(writer.answer(variant.answer_field(), collection), false))
}

/// The thread as a replica that lags behind sees it.
fn as_seen<'a>(desk: &Desk<'a>, thread: &'a Thread) -> &'a Thread {
    if !desk.is_stale() {
        return thread;
    }
    let before = desk.world.thread_before(&thread.id, desk.snapshot_ms());
    before.map_or(thread, |before| &before.thread)
}

fn page<'a>(desk: &mut Desk<'a>, thread: &'a Thread, variant: Variant, window: Window) -> Reply<'a> {
    let list = MessageList { thread: as_seen(desk, thread) };
    let wish = PageWish {
        position: window.position.clone(),
        count: window.before,
        trouble: desk.trouble.page.filter(|_| window.before > 0),
        nonce: desk.trouble.nonce,
        probe: desk.probes(),
    };
    let cut = sequence::cut(&list, &wish);
    let border = sequence::first_index(&list, &window.position);
    let newer = newer_indices(&list, &window);
    let first = newer.first().copied().or_else(|| cut.indices.first().copied());
    let newest = first.unwrap_or(border);
    let forward = (0..newest).rev().find(|&index| list.shown(index)).and(first).map(|index| {
        let (at_ms, id) = list.key(index);
        sequence::cursor(Direction::Ascending, at_ms, id)
    });
    let differs = desk.made_a_difference(&cut);
    let older = if window.before == 0 { backward(&list, &newer) } else { cut.older };
    let indices: Vec<usize> = newer.into_iter().chain(cut.indices).collect();
    let messages: Vec<&Message> = indices.iter().filter_map(|index| list.message(*index)).collect();
    let mut writer = desk.writer();
    let elements = write(desk, &mut writer, list.thread, messages);
    let cursors = vec![
        desk.cursor_member("prevCursor", older),
        Some(member("nextCursor", forward.map_or(Json::Null, Json::from))),
    ];
    let metadata = desk.page_metadata(&writer, kinds::MESSAGE_METADATA, cursors);
    let collection = writer.collection(true, elements, metadata);
    Reply::Answer(writer.answer(variant.answer_field(), collection), differs)
}

/// Indices of the messages right above the position, newest first.
fn newer_indices(list: &MessageList<'_>, window: &Window) -> Vec<usize> {
    let shown = (0..sequence::first_not_newer(list, &window.position)).rev().filter(|&index| list.shown(index));
    let mut indices: Vec<usize> = shown.take(window.after).collect();
    indices.reverse();
    indices
}

/// The cursor to what is older than a page of newer messages.
fn backward(list: &MessageList<'_>, newer: &[usize]) -> Option<String> {
    let oldest = *newer.last()?;
    (oldest + 1..list.length()).find(|&index| list.shown(index))?;
    let (at_ms, id) = list.key(oldest);
    Some(sequence::cursor(Direction::Descending, at_ms, id))
}

fn first_load<'a>(desk: &mut Desk<'a>, thread: &'a Thread, scope: TokenScope) -> Reply<'a> {
    let newest: Vec<&Message> = thread.visible_messages().rev().take(FIRST_LOAD).collect();
    let newest_ms = newest.first().map_or(0, |message| message.delivered_at_ms + 1);
    let issued_ms = desk.snapshot_ms();
    let token = desk.new_token(scope, newest_ms, issued_ms);
    let mut writer = desk.writer();
    let elements = newest.into_iter().map(|message| writer.message(thread, message)).collect();
    let differs = desk.trouble.clears_cache || desk.is_stale();
    let metadata = desk.sync_metadata(&writer, token, Vec::new(), true);
    finish(writer, thread, elements, metadata, differs)
}

fn delta<'a>(desk: &mut Desk<'a>, thread: &'a Thread, scope: TokenScope, since_ms: Ms) -> Reply<'a> {
    let snapshot_ms = desk.snapshot_ms();
    let news = thread.messages.iter().filter(|one| one.changed_at_ms > since_ms && one.changed_at_ms <= snapshot_ms);
    let mut changed: Vec<(Ms, &Message)> = news.map(|one| (one.changed_at_ms, one)).collect();
    changed.sort_by_key(|(at_ms, _)| *at_ms);
    let issued_ms = limit_delta(&mut changed, desk.switches.delta_limit).unwrap_or(snapshot_ms);
    let newest = thread.newest_message().map_or(0, |message| message.delivered_at_ms + 1);
    let token = desk.new_token(scope, newest, issued_ms);
    changed.sort_by(|(_, a), (_, b)| (b.delivered_at_ms, &b.id).cmp(&(a.delivered_at_ms, &a.id)));
    let mut writer = desk.writer();
    let (mut elements, mut deleted) = (Vec::new(), Vec::new());
    for (_, message) in changed {
        if message.deleted_at_ms.is_none() {
            elements.push(writer.message(thread, message));
        } else {
            deleted.push(writer.tombstone("message", urns::message(desk.owner, &message.id)));
        }
    }
    let differs = desk.is_stale();
    let metadata = desk.sync_metadata(&writer, token, deleted, false);
    finish(writer, thread, elements, metadata, differs)
}

fn empty_sync<'a>(desk: &mut Desk<'a>, scope: TokenScope) -> Reply<'a> {
    let token = desk.new_token(scope, 0, desk.issued_ms);
    let writer = desk.writer();
    let metadata = desk.sync_metadata(&writer, token, Vec::new(), true);
    let collection = writer.collection(true, Vec::new(), metadata);
    Reply::Answer(writer.answer(Variant::MessagesBySyncToken.answer_field(), collection), false)
}

fn finish<'a>(
    mut writer: Writer<'a>,
    thread: &Thread,
    elements: Vec<Json<'a>>,
    metadata: Json<'a>,
    differs: bool,
) -> Reply<'a> {
    include_stub(&mut writer, thread);
    let collection = writer.collection(true, elements, metadata);
    Reply::Answer(writer.answer(Variant::MessagesBySyncToken.answer_field(), collection), differs)
}

fn write<'a>(
    desk: &Desk<'a>,
    writer: &mut Writer<'a>,
    thread: &'a Thread,
    mut messages: Vec<&'a Message>,
) -> Vec<Json<'a>> {
    match desk.switches.message_order {
        MessageOrder::NewestFirst => {}
        MessageOrder::OldestFirst => messages.reverse(),
        MessageOrder::Shuffled => messages.sort_by_key(|message| stable_hash(&message.id)),
    }
    let elements = messages.into_iter().map(|message| writer.message(thread, message)).collect();
    include_stub(writer, thread);
    elements
}

/// In the normalized form every message refers to its conversation, of which a message list has only the URN.
fn include_stub(writer: &mut Writer<'_>, thread: &Thread) {
    if writer.form == Form::Normalized {
        let urn = urns::conversation(writer.owner, &thread.id);
        let stub = writer.object(kinds::CONVERSATION, 3, vec![member("entityUrn", urn.clone())]);
        writer.include(&urn, stub);
    }
}
