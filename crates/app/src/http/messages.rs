//! `GET /conversations/{urn}/messages`: pages of messages from the mirror, newest first.
//!
//! Always answered from the database. The `sync` parameter only decides whether a refresh is asked for and awaited
//! before (design 5); a refresh that does not come in time or fails never fails the read.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use threadkeep_core::id::{AccountId, ConversationId, InvalidId, MessageId};
use threadkeep_core::sync::Health;
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::Room;
use super::accounts::within_reach;
use super::answer::{Fault, invalid};
use super::caller::Reader;
use super::conversations::count;
use super::cursor::Cursors;
use super::document::{AccountParam, MessagesParams};
use super::params::Params;
use super::shape::{Mailbox, MessageItem, Participant, ThreadPage, fill_gaps, filled, message, participants};
use super::sync::wait;
use crate::refusal::Refusal;
use crate::store::{Account, ConversationRow, JobState, MessageFilter};
use crate::verbs::keys::{Caller, Scope};
use crate::verbs::media;
use crate::verbs::read::{self, MessagesPage};
use crate::verbs::sync::{self, Ticket};

/// Messages on a page unless the caller says otherwise (HTTP contract 3.2).
const COUNT_DEFAULT: i64 = 50;
/// How long a read waits for a refresh that nobody asked for.
const BRIEF_WAIT_MS: i64 = 2_000;
/// Last millisecond of the year 9999.
pub(super) const TIME_MAX_MS: i64 = 253_402_300_799_999;

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) account: Option<String>,
    pub(super) count: u32,
    pub(super) cursor: Option<String>,
    pub(super) since: Option<Timestamp>,
    /// Instead of a page: so many up to this time and so many after it.
    pub(super) around: Option<(Timestamp, (u32, u32))>,
    pub(super) sync: Option<bool>,
}

/// A page, and what came of refreshing before it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) found: MessagesPage,
    pub(super) account: Account,
    next: Option<String>,
    freshness: Freshness,
}

/// A position as it stands in a cursor.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    at: Timestamp,
    message: MessageId,
}

/// What came of refreshing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// A sync ended within this request.
    Synced,
    /// The database answers, for this reason.
    Kept(&'static str),
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessagesAnswer<'a> {
    success: bool,
    has_more: bool,
    cursor: Option<String>,
    note: &'static str,
    from_cache: bool,
    account_id: String,
    conversation_id: String,
    conversation_urn: String,
    completeness: &'static str,
    // Last, so that what lies ready can be written into them.
    participants: Vec<Participant>,
    messages: Vec<MessageItem<'a>>,
}

/// Messages of a conversation
///
/// Newest first, always from the database; `sync` only decides whether a refresh is asked for and awaited before.
/// `fromCache` and `note` tell what happened. `sync=true` needs the scope `sync`, too.
#[utoipa::path(get, path = "/conversations/{conversationUrn}/messages", operation_id = "get-conversation-messages", tag = "conversations",
    security(("key" = ["read"])),
    params(AccountParam, MessagesParams),
    responses(
        (status = 200, description = "A page of messages", body = MessagesAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 404, description = "account_not_found, conversation_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn page(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, Fault> {
    let question = question(params)?;
    let id = conversation_id(path)?;
    if let Some(body) = ready(&room, &caller, &question, &id).await? {
        return Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response());
    }
    Ok(Json(answer(&load(&room, &caller, &question, &id).await?)).into_response())
}

/// The answer as it lies ready, where it is plain whose conversation it is and nothing is to be refreshed before;
/// otherwise `None`, and also for whatever is refused.
async fn ready(
    room: &Room,
    caller: &Caller,
    question: &Question,
    id: &ConversationId,
) -> Result<Option<Vec<u8>>, Fault> {
    let accounts = candidates(room, caller, question.account.as_deref()).await?;
    let [account] = accounts.as_slice() else { return Ok(None) };
    let Ok(Some(note)) = why_kept(room, caller, account, question) else { return Ok(None) };
    let cursors = Cursors::of(room, binding(account, id, question)).await?;
    let Ok(before) = question.cursor.as_deref().map(|cursor| position(&cursors, cursor)).transpose() else {
        return Ok(None);
    };
    let page = Arc::new(Mutex::new(ThreadPage::new(question.count)));
    let filter = MessageFilter { before, since: question.since };
    let is_ready = read::show_thread(&room.app, (&account.id, id), &filter, question.count, page.clone()).await?;
    let page = std::mem::take(&mut *page.lock().unwrap_or_else(PoisonError::into_inner));
    let Some(written) = page.end().filter(|_| is_ready) else { return Ok(None) };
    let messages = match written.gaps.as_slice() {
        [] => Some(written.messages),
        gaps => {
            let carriers: Vec<MessageId> = gaps.iter().map(|gap| gap.message.clone()).collect();
            let media = media::of_messages(&room.app, &account.id, &carriers).await?;
            let mailbox = Mailbox { account: &account.id, owner: &account.member, media: &media };
            fill_gaps(&written.messages, gaps, mailbox)
        }
    };
    let Some(messages) = messages else { return Ok(None) };
    let cursor = written.last.map(|(at, message)| cursors.seal(&Position { at, message })).transpose()?;
    let answer = MessagesAnswer {
        success: true,
        has_more: written.has_more,
        cursor,
        note,
        from_cache: true,
        account_id: account.id.to_string(),
        conversation_id: id.to_string(),
        conversation_urn: id.urn(&account.member),
        completeness: written.completeness.as_str(),
        participants: Vec::new(),
        messages: Vec::new(),
    };
    Ok(filled(("messages", messages), Some(("participants", &written.participants)), &answer))
}

/// The page that is asked for.
pub(super) async fn load(
    room: &Room,
    caller: &Caller,
    question: &Question,
    id: &ConversationId,
) -> Result<Loaded, Fault> {
    let (account, kept) = find(room, caller, question, id).await?;
    let cursors = Cursors::of(room, binding(&account, id, question)).await?;
    let before = question.cursor.as_deref().map(|cursor| position(&cursors, cursor)).transpose()?;

    let freshness = refresh(room, caller, &account, question).await?;
    let conversation = match kept {
        Some(kept) if freshness != Freshness::Synced => kept,
        _ => read::conversation(&room.app, std::slice::from_ref(&account.id), id).await?,
    };
    let found = match question.around {
        Some((at, counts)) => read::messages_around(&room.app, conversation, at, counts).await?,
        None => {
            let filter = MessageFilter { before, since: question.since };
            read::messages(&room.app, conversation, &filter, question.count).await?
        }
    };
    // The contract knows a text here on every page, and clients go by `hasMore`; so the last page has one, too.
    let last = found.messages.last().map(|last| (last.delivered_at, last.id.clone()));
    let next = found.next.clone().or(last).map(|(at, message)| cursors.seal(&Position { at, message })).transpose()?;
    Ok(Loaded { found, account, next, freshness })
}

/// Everything that decides what the pages hold.
fn binding(account: &Account, id: &ConversationId, question: &Question) -> Vec<String> {
    vec!["messages/1".into(), account.id.to_string(), id.to_string(), format!("{:?}", question.since)]
}

/// A page as the contract shows it.
pub(super) fn answer(loaded: &Loaded) -> MessagesAnswer<'_> {
    let (found, freshness) = (&loaded.found, loaded.freshness);
    let owner = &loaded.account.member;
    let row = &found.conversation;
    let mailbox = Mailbox { account: &loaded.account.id, owner, media: &found.media };
    let shown = found.messages.iter().map(|kept| {
        let sender = kept.sender.as_ref().and_then(|id| found.people.get(id));
        message(kept, sender, mailbox)
    });
    MessagesAnswer {
        success: true,
        messages: shown.collect(),
        participants: participants(&row.participants, owner),
        has_more: found.next.is_some(),
        cursor: loaded.next.clone(),
        note: match freshness {
            Freshness::Synced => "the account was synced just now",
            Freshness::Kept(why) => why,
        },
        from_cache: freshness != Freshness::Synced,
        account_id: loaded.account.id.to_string(),
        conversation_id: row.conversation.id.to_string(),
        conversation_urn: row.conversation.id.urn(owner),
        completeness: row.completeness.as_str(),
    }
}

fn question(mut params: Params) -> Result<Question, Fault> {
    let question = take_question(&mut params)?;
    params.finish()?;
    Ok(question)
}

/// What is asked, as far as both families ask it alike.
pub(super) fn take_question(params: &mut Params) -> Result<Question, Fault> {
    Ok(Question {
        account: params.take("accountId"),
        count: count(params, COUNT_DEFAULT)?,
        cursor: params.take("cursor"),
        since: params.take_number("since", 0..=TIME_MAX_MS)?.map(Timestamp),
        around: None,
        sync: params.take_flag("sync")?,
    })
}

/// The id in the path. What is well-formed but names no thread of the mirror, such as one of Sales Navigator, is not
/// found; what no id looks like is refused.
pub(super) fn conversation_id(path: Result<Path<String>, PathRejection>) -> Result<ConversationId, Fault> {
    let Path(text) = path.map_err(|_| malformed())?;
    parse_conversation(&text)
}

/// The conversation that a text names.
pub(super) fn parse_conversation(text: &str) -> Result<ConversationId, Fault> {
    match ConversationId::parse(text) {
        Ok(id) => Ok(id),
        Err(InvalidId::WrongKind) => Err(Refusal::NoConversation.into()),
        Err(_) => Err(malformed()),
    }
}

fn malformed() -> Fault {
    invalid("conversationUrn", "the URN or the bare id of a conversation, URL-encoded")
}

/// Whose conversation it is, and the conversation when the mirror has it. Without a named account the default one is
/// looked at first, then the others. One that the mirror lacks may come with a sync that the caller asked for, but only
/// when it is plain which account is meant.
async fn find(
    room: &Room,
    caller: &Caller,
    question: &Question,
    id: &ConversationId,
) -> Result<(Account, Option<ConversationRow>), Fault> {
    let accounts = candidates(room, caller, question.account.as_deref()).await?;
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
    let row = match read::conversation(&room.app, &ids, id).await {
        Ok(row) => Some(row),
        Err(Refusal::NoConversation) if question.sync == Some(true) && ids.len() == 1 => None,
        Err(other) => return Err(other.into()),
    };
    let owner = accounts.into_iter().find(|account| row.as_ref().is_none_or(|row| row.account == account.id));
    Ok((owner.ok_or(Refusal::NoConversation)?, row))
}

/// The accounts that may have what is asked for, in the order in which they are looked at.
pub(super) async fn candidates(room: &Room, caller: &Caller, named: Option<&str>) -> Result<Vec<Account>, Fault> {
    let mut accounts = match named {
        Some(named) => vec![within_reach(&room.app, caller, named).await?],
        None => read::accounts(&room.app, caller.reach()).await?,
    };
    accounts.sort_by_key(|account| std::cmp::Reverse(account.last_sync_at));
    Ok(accounts)
}

/// A cursor of ours, or a plain time in milliseconds: older messages than this (HTTP contract 3.2).
fn position(cursors: &Cursors<'_>, cursor: &str) -> Result<(Timestamp, MessageId), Fault> {
    if !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_digit()) {
        let at = cursor.parse().ok().filter(|ms| *ms <= TIME_MAX_MS).ok_or(Refusal::InvalidCursor)?;
        return Ok((Timestamp(at), read::first_message_id()?));
    }
    let position: Position = cursors.open(cursor)?;
    Ok((position.at, position.message))
}

/// Why the database answers without a refresh; `None` when one is to be asked for.
fn why_kept(
    room: &Room,
    caller: &Caller,
    account: &Account,
    question: &Question,
) -> Result<Option<&'static str>, Fault> {
    let age_ms = account.last_sync_at.map(|at| room.app.clock.now().since_ms(at));
    Ok(match question.sync {
        Some(false) => Some("from the local copy, as asked"),
        Some(true) => {
            caller.must(Scope::Sync)?;
            None
        }
        None if question.cursor.is_some() => Some("from the local copy, as the page before"),
        None if age_ms.is_some_and(|age_ms| age_ms < room.app.sync.recent_ms) => {
            Some("from the local copy, which is fresh")
        }
        None if account.health != Health::Connected => Some("from the local copy; the account cannot be synced now"),
        None if !caller.may(Scope::Sync) => Some("from the local copy; this key may not ask for a sync"),
        None => None,
    })
}

/// Asks for a sync and waits for it, as far as the caller wishes and may.
async fn refresh(room: &Room, caller: &Caller, account: &Account, question: &Question) -> Result<Freshness, Fault> {
    if let Some(why) = why_kept(room, caller, account, question)? {
        return Ok(Freshness::Kept(why));
    }
    let settings = &room.app.sync;
    let wait_ms = match question.sync {
        Some(true) => settings.wait_default_ms.min(settings.wait_max_ms),
        _ => BRIEF_WAIT_MS,
    };
    Ok(match sync::request(&room.app, &account.id, false).await? {
        Ticket::Recent { .. } => Freshness::Kept("from the local copy, which is fresh"),
        Ticket::Stopped { .. } => Freshness::Kept("from the local copy; the account cannot be synced now"),
        Ticket::Job { job, .. } => match wait(room, *job, wait_ms).await?.state {
            JobState::Done => Freshness::Synced,
            JobState::Failed | JobState::Cancelled => {
                Freshness::Kept("from the local copy; the sync failed, see /conversations/sync/status")
            }
            JobState::Queued | JobState::Running | JobState::Waiting => {
                Freshness::Kept("from the local copy; a sync is going on")
            }
        },
    })
}
