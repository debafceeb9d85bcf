//! `GET /conversations`: pages of conversations from the mirror, newest activity first.
//!
//! Never asks LinkedIn. A cursor belongs to the question that it came from; see `cursor`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::Room;
use super::accounts::{choose, within_reach};
use super::answer::{Fault, invalid};
use super::caller::Reader;
use super::cursor::Cursors;
use super::document::{AccountsParams, ListParams, PageParams};
use super::params::Params;
use super::shape::{AccountName, ConversationItem, ListPage, conversation, filled};
use crate::refusal::Refusal;
use crate::store::{Account, ConversationFilter, ConversationRow};
use crate::verbs::keys::Caller;
use crate::verbs::read::{self, ConversationPosition, ConversationsPage};

/// Conversations on a page unless the caller says otherwise (HTTP contract 3.1).
pub(super) const COUNT_DEFAULT: i64 = 20;
/// Most accounts that one request may name.
const ACCOUNTS_MAX: usize = 100;

/// Which accounts are meant.
#[derive(Debug)]
pub(super) enum Chosen {
    /// The default account of the key.
    Default,
    /// These.
    Named(BTreeSet<String>),
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) chosen: Chosen,
    pub(super) unread_only: bool,
    /// A mirror has no labels: asking for labelled conversations finds none.
    pub(super) labelled_only: bool,
    pub(super) sift: Option<Sift>,
    pub(super) count: u32,
    pub(super) cursor: Option<String>,
}

/// What the legacy list may ask for besides (HTTP contract 6).
#[derive(Debug)]
pub(super) struct Sift {
    /// Only those without anything unread.
    pub(super) read_only: bool,
    /// Words, in small letters, each of which a name, the title or the newest text has to contain.
    pub(super) words: Vec<String>,
}

/// A page with the accounts it is of.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) rows: Vec<ConversationRow>,
    pub(super) accounts: Vec<Account>,
    pub(super) next_cursor: Option<String>,
}

/// A position as it stands in a cursor.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    at: Timestamp,
    conversation: ConversationId,
    account: AccountId,
}

/// A page of conversations.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationsAnswer {
    success: bool,
    accounts: Vec<AccountName>,
    next_cursor: Option<String>,
    has_more: bool,
    from_cache: bool,
    // Last, so that what lies ready can be written into it.
    conversations: Vec<ConversationItem<'static>>,
}

/// List conversations
///
/// Newest activity first, from the database alone. A walk by `nextCursor` shows each conversation that rests
/// exactly once.
#[utoipa::path(get, path = "/conversations", operation_id = "list-conversations", tag = "conversations",
    security(("key" = ["read"])),
    params(AccountsParams, PageParams, ListParams),
    responses(
        (status = 200, description = "A page of conversations", body = ConversationsAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn page(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    params: Params,
) -> Result<Response, Fault> {
    let question = question(params)?;
    let asked = Asked::of(&room, &caller, &question).await?;
    if let (false, Some(body)) = (question.labelled_only, ready(&room, &asked).await?) {
        return Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response());
    }
    let listed = list(&room, &caller, &question).await?;
    let conversations = listed.items().map(|(row, account)| conversation(row, account)).collect();
    let answer = ConversationsAnswer { conversations, ..ConversationsAnswer::of(&listed.accounts, listed.next_cursor) };
    Ok(Json(answer).into_response())
}

/// The answer as it lies ready; `None` when it has to be made of records.
async fn ready(room: &Room, asked: &Asked<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let page = Arc::new(Mutex::new(ListPage::new(asked.count)));
    let is_ready = read::show_list(&room.app, &asked.filter, asked.count, page.clone()).await?;
    let page = std::mem::take(&mut *page.lock().unwrap_or_else(PoisonError::into_inner));
    let Some((items, next)) = page.end().filter(|_| is_ready) else { return Ok(None) };
    let next_cursor = next.map(|next| asked.cursors.seal(&Position::from(next))).transpose()?;
    Ok(filled(("conversations", items), None, &ConversationsAnswer::of(&asked.accounts, next_cursor)))
}

impl ConversationsAnswer {
    fn of(accounts: &[Account], next_cursor: Option<String>) -> Self {
        Self {
            success: true,
            accounts: accounts.iter().map(AccountName::of).collect(),
            has_more: next_cursor.is_some(),
            next_cursor,
            from_cache: true,
            conversations: Vec::new(),
        }
    }
}

/// A question with everything that it takes to answer it.
struct Asked<'a> {
    cursors: Cursors<'a>,
    accounts: Vec<Account>,
    filter: ConversationFilter,
    count: u32,
}

impl<'a> Asked<'a> {
    async fn of(room: &'a Room, caller: &Caller, question: &Question) -> Result<Self, Fault> {
        let cursors = Cursors::of(room, question.binding()).await?;
        let after: Option<Position> = question.cursor.as_deref().map(|cursor| cursors.open(cursor)).transpose()?;
        let accounts = accounts(room, caller, question, after.as_ref()).await?;
        let filter = ConversationFilter {
            accounts: accounts.iter().map(|account| account.id.clone()).collect(),
            unread_only: question.unread_only,
            after: after.map(|position| (position.at, position.conversation, position.account)),
        };
        Ok(Self { cursors, accounts, filter, count: question.count })
    }
}

/// The page that is asked for.
pub(super) async fn list(room: &Room, caller: &Caller, question: &Question) -> Result<Listed, Fault> {
    let Asked { cursors, accounts, filter, .. } = Asked::of(room, caller, question).await?;
    let found = match &question.sift {
        _ if question.labelled_only => ConversationsPage::default(),
        None => read::conversations(&room.app, &filter, question.count).await?,
        Some(sift) => {
            read::conversations_sifted(&room.app, &filter, question.count, &|row: &ConversationRow| sift.keeps(row))
                .await?
        }
    };
    let next_cursor = found.next.map(|next| cursors.seal(&Position::from(next))).transpose()?;
    Ok(Listed { rows: found.rows, accounts, next_cursor })
}

impl Listed {
    /// Each conversation with its account.
    pub(super) fn items(&self) -> impl Iterator<Item = (&ConversationRow, &Account)> {
        self.rows.iter().filter_map(|row| Some((row, self.accounts.iter().find(|account| account.id == row.account)?)))
    }
}

impl Sift {
    fn keeps(&self, row: &ConversationRow) -> bool {
        let kept = &row.conversation;
        if self.read_only && (!kept.read || kept.unread_count > 0) {
            return false;
        }
        let mut text: String = row.participants.iter().map(|person| person.full_name() + "\n").collect();
        text.extend(kept.title.as_deref());
        text.push('\n');
        text.extend(row.newest.as_ref().map(|(message, _)| message.body.as_str()));
        let text = text.to_lowercase();
        self.words.iter().all(|word| text.contains(word))
    }
}

impl Question {
    /// Everything that decides what the list holds.
    fn binding(&self) -> Vec<String> {
        let mut all = vec![
            "conversations/1".into(),
            self.chosen.to_string(),
            self.unread_only.to_string(),
            self.labelled_only.to_string(),
        ];
        if let Some(sift) = &self.sift {
            all.push(sift.read_only.to_string());
            all.extend(sift.words.iter().cloned());
        }
        all
    }
}

impl std::fmt::Display for Chosen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Named(ids) => formatter.write_str(&ids.iter().cloned().collect::<Vec<_>>().join(",")),
        }
    }
}

impl From<ConversationPosition> for Position {
    fn from((at, conversation, account): ConversationPosition) -> Self {
        Self { at, conversation, account }
    }
}

/// Takes the accounts that are meant.
pub(super) fn chosen(params: &mut Params) -> Result<Chosen, Fault> {
    let one = params.take("accountId");
    let several = params.take("linkedinAccountIds");
    let chosen = match (one, several) {
        (None, None) => Chosen::Default,
        (Some(id), None) => Chosen::Named(BTreeSet::from([id])),
        (None, Some(ids)) => Chosen::Named(ids.split(',').map(|id| id.trim().to_owned()).collect()),
        (Some(_), Some(_)) => return Err(invalid("linkedinAccountIds", "give either this or accountId")),
    };
    if matches!(&chosen, Chosen::Named(ids) if ids.len() > ACCOUNTS_MAX) {
        return Err(invalid("linkedinAccountIds", &format!("at most {ACCOUNTS_MAX}")));
    }
    Ok(chosen)
}

fn question(mut params: Params) -> Result<Question, Fault> {
    let chosen = chosen(&mut params)?;
    let count = count(&mut params, COUNT_DEFAULT)?;
    let has_label = params.take("labelId").is_some();
    let question = Question {
        chosen,
        unread_only: params.take_flag("unreadOnly")?.unwrap_or(false),
        labelled_only: params.take_flag("labeledOnly")?.unwrap_or(false) || has_label,
        sift: None,
        count,
        cursor: params.take("nextCursor"),
    };
    params.finish()?;
    Ok(question)
}

/// How many are wanted on a page: `count`, or `limit`, which many clients send.
pub(super) fn count(params: &mut Params, default: i64) -> Result<u32, Fault> {
    let count = params.take_number("count", 1..=i64::from(read::PAGE_MAX))?;
    let limit = params.take_number("limit", 1..=i64::from(read::PAGE_MAX))?;
    if count.is_some() && limit.is_some() && count != limit {
        return Err(invalid("limit", "it is another name of count: give one of them"));
    }
    Ok(u32::try_from(count.or(limit).unwrap_or(default)).unwrap_or(read::PAGE_MAX))
}

/// The accounts that are read. A walk through the default account stays with it, whichever is the default by then.
async fn accounts(
    room: &Room,
    caller: &Caller,
    question: &Question,
    after: Option<&Position>,
) -> Result<Vec<Account>, Fault> {
    match (&question.chosen, after) {
        (Chosen::Named(ids), _) => {
            let mut accounts = Vec::with_capacity(ids.len());
            for id in ids {
                accounts.push(within_reach(&room.app, caller, id).await?);
            }
            Ok(accounts)
        }
        (Chosen::Default, None) => Ok(vec![choose(&room.app, caller, None).await?]),
        (Chosen::Default, Some(position)) => match read::account(&room.app, caller.reach(), &position.account).await {
            Ok(account) => Ok(vec![account]),
            Err(Refusal::NoAccount) => Err(Refusal::InvalidCursor.into()),
            Err(other) => Err(other.into()),
        },
    }
}
