//! `GET /search`: messages that are what a question asks, newest first, with the marked piece of each. Ours.
//!
//! Never asks LinkedIn. What was asked is in no log and no error; a cursor belongs to the question that it came from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use threadkeep_core::id::AccountId;
use threadkeep_core::search::Snippet;
use utoipa::ToSchema;

use super::Room;
use super::accounts::{choose, within_reach};
use super::answer::{Fault, invalid};
use super::caller::Reader;
use super::conversations::{COUNT_DEFAULT, Chosen, chosen, count};
use super::cursor::Cursors;
use super::document::{AccountsParams, PageParams, QueryParam};
use super::params::Params;
use super::shape::{AccountName, full_name};
use crate::refusal::Refusal;
use crate::store::{Account, IndexLag, SearchPosition, shown_name};
use crate::verbs::keys::Caller;
use crate::verbs::read;
use crate::verbs::search::{self, SearchHit};

/// A page of hits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SearchAnswer {
    success: bool,
    /// What was understood: the same question in its plainest form.
    query: String,
    accounts: Vec<AccountName>,
    hits: Vec<HitItem>,
    next_cursor: Option<String>,
    has_more: bool,
    index: IndexState,
}

/// A message that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HitItem {
    account_id: String,
    conversation_id: String,
    conversation_title: String,
    message_id: String,
    sent_at: i64,
    sender: HitSender,
    subject: Option<Piece>,
    snippet: Piece,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HitSender {
    profile_id: Option<String>,
    name: String,
    is_owner: bool,
}

/// A piece of a text: as HTML that is safe to show, and as plain parts.
#[derive(Debug, Serialize, ToSchema)]
struct Piece {
    html: String,
    parts: Vec<PieceOf>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PieceOf {
    text: String,
    is_match: bool,
}

/// How far the index is behind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IndexState {
    up_to_date: bool,
    changes_behind: u64,
    accounts_building: u64,
}

/// A position as it stands in a cursor.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    at: SearchPosition,
    /// The account, where none was named: a walk stays with it.
    account: Option<AccountId>,
}

/// Search messages
///
/// Newest first, from the database alone; `docs/SEARCH.md` is the grammar of `q`. What one page costs is limited: it may
/// hold fewer than `count`, even none, and have a `nextCursor` all the same.
#[utoipa::path(get, path = "/search", operation_id = "search-messages", tag = "conversations",
    security(("key" = ["read"])),
    params(QueryParam, AccountsParams, PageParams),
    responses(
        (status = 200, description = "A page of hits", body = SearchAnswer),
        (status = 400, description = "invalid_query, query_too_complex, invalid_cursor"),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn messages(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<SearchAnswer>, Fault> {
    let question = params.take("q").ok_or_else(|| invalid("q", "give what to search for"))?;
    let chosen = chosen(&mut params)?;
    let count = count(&mut params, COUNT_DEFAULT)?;
    let cursor = params.take("nextCursor");
    params.finish()?;
    let cursors = Cursors::of(&room, vec!["search/1".into(), question.clone(), chosen.to_string()]).await?;
    let after: Option<Position> = cursor.as_deref().map(|cursor| cursors.open(cursor)).transpose()?;
    let accounts = accounts(&room, &caller, &chosen, after.as_ref()).await?;
    let page = search::search(&room.app, &accounts, &question, after.map(|after| after.at), count).await?;
    let default = matches!(chosen, Chosen::Default).then(|| accounts.first().map(|one| one.id.clone())).flatten();
    let next = page.next.map(|at| cursors.seal(&Position { at, account: default })).transpose()?;
    Ok(Json(SearchAnswer {
        success: true,
        query: page.query.to_string(),
        hits: page.hits.iter().map(|hit| item(hit, &accounts)).collect(),
        accounts: accounts.iter().map(AccountName::of).collect(),
        has_more: next.is_some(),
        next_cursor: next,
        index: IndexState::from(page.lag),
    }))
}

async fn accounts(
    room: &Room,
    caller: &Caller,
    chosen: &Chosen,
    after: Option<&Position>,
) -> Result<Vec<Account>, Fault> {
    let walked = after.and_then(|position| position.account.as_ref());
    match (chosen, walked) {
        (Chosen::Named(ids), _) => {
            let mut accounts = Vec::with_capacity(ids.len());
            for id in ids {
                accounts.push(within_reach(&room.app, caller, id).await?);
            }
            Ok(accounts)
        }
        (Chosen::Default, None) => Ok(vec![choose(&room.app, caller, None).await?]),
        (Chosen::Default, Some(account)) => match read::account(&room.app, caller.reach(), account).await {
            Ok(account) => Ok(vec![account]),
            Err(Refusal::NoAccount) => Err(Refusal::InvalidCursor.into()),
            Err(other) => Err(other.into()),
        },
    }
}

fn item(found: &SearchHit, accounts: &[Account]) -> HitItem {
    let hit = &found.hit;
    let owner = accounts.iter().find(|account| account.id == hit.account).filter(|_| hit.is_mine);
    let name = match (owner, &hit.sender) {
        (Some(owner), _) => full_name(owner),
        (None, Some(sender)) => shown_name(&sender.full_name()),
        (None, None) => shown_name(""),
    };
    HitItem {
        account_id: hit.account.to_string(),
        conversation_id: found.conversation.to_string(),
        conversation_title: found.title.clone(),
        message_id: hit.message.id.to_string(),
        sent_at: hit.message.delivered_at.0,
        sender: HitSender {
            profile_id: hit.message.sender.as_ref().map(ToString::to_string),
            name,
            is_owner: hit.is_mine,
        },
        subject: found.subject.as_ref().map(Piece::from),
        snippet: Piece::from(&found.snippet),
    }
}

impl From<&Snippet> for Piece {
    fn from(snippet: &Snippet) -> Self {
        let part = |part: &threadkeep_core::search::Part| PieceOf { text: part.text.clone(), is_match: part.is_match };
        Self { html: snippet.html(), parts: snippet.parts.iter().map(part).collect() }
    }
}

impl From<IndexLag> for IndexState {
    fn from(lag: IndexLag) -> Self {
        Self { up_to_date: !lag.is_behind(), changes_behind: lag.changes, accounts_building: lag.building }
    }
}
