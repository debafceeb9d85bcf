//! Verifications and the completeness ledger. Ours, in the style of the contract.
//!
//! Asking for a verification only writes a job; what was found is read from the database. No answer holds a text or a
//! name, and an account out of reach is answered exactly as one that does not exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::verify::{Ask, Depth, Finding};
use utoipa::ToSchema;

use super::Room;
use super::accounts::choose;
use super::answer::{Fault, date_time};
use super::body::Fields;
use super::caller::{Reader, Syncer};
use super::conversations::{COUNT_DEFAULT, count};
use super::cursor::Cursors;
use super::document::{AccountParam, LedgerParams, PageParams};
use super::params::Params;
use crate::store::{LedgerFilter, Ledgered, VerdictRow};
use crate::verbs::completeness::{self, why};
use crate::verbs::sync::Ticket;
use crate::verbs::verify::{self, Found, words};

/// What is asked for; no body at all is the same as an empty one.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct VerifyBody {
    /// The account; left out it is the one that was synced last among those that the key reaches.
    account_id: Option<String>,
    /// Also read and compare every message; left out it is `false`.
    deep: Option<bool>,
    /// Copy what is missing or older here; left out it is `false`. Nothing is ever deleted.
    repair: Option<bool>,
}

/// What became of the question.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AskedAnswer {
    success: bool,
    account_id: String,
    run_id: Option<i64>,
    joined: bool,
    message: String,
    error: Option<String>,
    code: Option<&'static str>,
    status_url: String,
}

/// What the newest verification found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundAnswer {
    success: bool,
    account_id: String,
    verification: Option<VerificationItem>,
    conversations: Vec<VerdictItem>,
    next_cursor: Option<String>,
    has_more: bool,
}

/// A verification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VerificationItem {
    run_id: i64,
    deep: bool,
    repair: bool,
    completed: bool,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    conversations_listed: u64,
    conversations_read: u64,
    drift: u64,
    repaired: u64,
    here_only: u64,
    unsure: u64,
    totals: BTreeMap<&'static str, u64>,
}

/// What was found about a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VerdictItem {
    conversation_id: String,
    drift: u64,
    findings: Vec<FindingItem>,
    #[schema(format = DateTime)]
    listed_at: Option<String>,
    #[schema(format = DateTime)]
    read_at: Option<String>,
    upstream_messages: Option<u64>,
    #[schema(format = DateTime)]
    repaired_at: Option<String>,
}

/// One kind of finding.
#[derive(Debug, Serialize, ToSchema)]
struct FindingItem {
    kind: &'static str,
    count: u32,
    what: &'static str,
}

/// A page of the completeness ledger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerAnswer {
    success: bool,
    account_id: String,
    conversations: Vec<LedgerItem>,
    next_cursor: Option<String>,
    has_more: bool,
}

/// How complete a conversation is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LedgerItem {
    conversation_id: String,
    completeness: &'static str,
    is_deleted: bool,
    message_count: u64,
    #[schema(format = DateTime)]
    oldest_message_at: Option<String>,
    #[schema(format = DateTime)]
    newest_message_at: Option<String>,
    #[schema(format = DateTime)]
    last_activity_at: String,
    reason: Option<String>,
    remedy: Option<&'static str>,
    attempts: u32,
    oddities: u64,
    verification: VerdictItem,
}

/// A position as it stands in a cursor.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    conversation: ConversationId,
}

/// Verify an account
///
/// Puts a run into the queue, or joins the one that is going on: first everything new is copied, then the lists are
/// walked and compared, and with `deep` every message. Answers at once; `GET /conversations/verify` tells what was found.
#[utoipa::path(post, path = "/conversations/verify", operation_id = "verify-conversations", tag = "sync",
    security(("key" = ["sync"])),
    params(AccountParam),
    request_body = VerifyBody,
    responses(
        (status = 200, description = "It cannot be verified until somebody acts", body = AskedAnswer),
        (status = 202, description = "It goes on", body = AskedAnswer, headers(("Location" = String, description = "Where to ask what was found"))),
        (status = 404, description = "account_not_found"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn ask(
    State(room): State<Arc<Room>>,
    Syncer(caller): Syncer,
    mut params: Params,
    body: Body,
) -> Result<Response, Fault> {
    let in_query = params.take("accountId");
    params.finish()?;
    let mut fields = Fields::read(body, &room.settings).await?;
    let asked = VerifyBody {
        account_id: fields.take_text("accountId")?,
        deep: fields.take_flag("deep")?,
        repair: fields.take_flag("repair")?,
    };
    fields.finish()?;
    let named = asked.account_id.or(in_query);
    let account = choose(&room.app, &caller, named.as_deref()).await?.id;
    let depth = if asked.deep.unwrap_or(false) { Depth::Messages } else { Depth::Lists };
    let ask = Ask { depth, repairs: asked.repair.unwrap_or(false) };
    let status_url = format!("/linkedin/conversations/verify?accountId={account}");
    let location = HeaderValue::from_str(&status_url).ok();
    let answer = AskedAnswer {
        success: true,
        account_id: account.to_string(),
        run_id: None,
        joined: false,
        message: String::new(),
        error: None,
        code: None,
        status_url,
    };
    Ok(match verify::request(&room.app, &account, ask).await? {
        Ticket::Job { job, joined } => {
            let message = "a verification was asked for: ask statusUrl what it finds".into();
            let answer = AskedAnswer { run_id: Some(job.id), joined, message, ..answer };
            let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
            response.headers_mut().extend(location.map(|url| (header::LOCATION, url)));
            response
        }
        Ticket::Stopped { code, what } => {
            let answer =
                AskedAnswer { success: false, message: what.clone(), error: Some(what), code: Some(code), ..answer };
            Json(answer).into_response()
        }
        // A verification is never too recent.
        Ticket::Recent { .. } => Json(answer).into_response(),
    })
}

/// What verifications found
///
/// The newest verification of an account, going on or over, and a page of the conversations in which verifications found
/// something, by id.
#[utoipa::path(get, path = "/conversations/verify", operation_id = "get-verification", tag = "sync",
    security(("key" = ["read"])),
    params(AccountParam, PageParams),
    responses(
        (status = 200, description = "What was found", body = FoundAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 404, description = "account_not_found")
    ))]
pub(super) async fn found(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<FoundAnswer>, Fault> {
    let named = params.take("accountId");
    let count = count(&mut params, COUNT_DEFAULT)?;
    let cursor = params.take("nextCursor");
    params.finish()?;
    let account = choose(&room.app, &caller, named.as_deref()).await?.id;
    let (cursors, after) = position(&room, "verify/1", &account, cursor.as_deref()).await?;
    let newest = verify::newest(&room.app, &account).await?;
    let (rows, has_more) = verify::verdicts(&room.app, &account, after.as_ref(), count).await?;
    let last = rows.last().filter(|_| has_more).map(|row| Position { conversation: row.conversation.clone() });
    Ok(Json(FoundAnswer {
        success: true,
        account_id: account.to_string(),
        verification: newest.as_ref().map(verification),
        conversations: rows.iter().map(verdict).collect(),
        next_cursor: last.map(|last| cursors.seal(&last)).transpose()?,
        has_more,
    }))
}

/// How complete each conversation is
///
/// The completeness ledger, by conversation id: how much is here, and if that is not all, why and what to do. With
/// `incomplete=true` only what is mirrored and not complete.
#[utoipa::path(get, path = "/conversations/completeness", operation_id = "list-completeness", tag = "sync",
    security(("key" = ["read"])),
    params(AccountParam, PageParams, LedgerParams),
    responses(
        (status = 200, description = "A page of the ledger", body = LedgerAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 404, description = "account_not_found")
    ))]
pub(super) async fn ledger(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Json<LedgerAnswer>, Fault> {
    let named = params.take("accountId");
    let count = count(&mut params, COUNT_DEFAULT)?;
    let cursor = params.take("nextCursor");
    let incomplete = params.take_flag("incomplete")?.unwrap_or(false);
    let with_drift = params.take_flag("drift")?.unwrap_or(false);
    params.finish()?;
    let account = choose(&room.app, &caller, named.as_deref()).await?.id;
    let question = format!("ledger/1/{incomplete}/{with_drift}");
    let (cursors, after) = position(&room, &question, &account, cursor.as_deref()).await?;
    let filter = LedgerFilter { incomplete, with_drift, after };
    let (rows, has_more) = completeness::page(&room.app, &account, &filter, count).await?;
    let last = rows.last().filter(|_| has_more).map(|row| Position { conversation: row.track.conversation.clone() });
    Ok(Json(LedgerAnswer {
        success: true,
        account_id: account.to_string(),
        conversations: rows.iter().map(item).collect(),
        next_cursor: last.map(|last| cursors.seal(&last)).transpose()?,
        has_more,
    }))
}

async fn position<'a>(
    room: &'a Room,
    question: &str,
    account: &AccountId,
    cursor: Option<&str>,
) -> Result<(Cursors<'a>, Option<ConversationId>), Fault> {
    let cursors = Cursors::of(room, vec![question.to_owned(), account.to_string()]).await?;
    let after: Option<Position> = cursor.map(|cursor| cursors.open(cursor)).transpose()?;
    Ok((cursors, after.map(|position| position.conversation)))
}

fn verification(found: &Found) -> VerificationItem {
    VerificationItem {
        run_id: found.run,
        deep: found.asked.depth == Depth::Messages,
        repair: found.asked.repairs,
        completed: found.finished_at.is_some(),
        started_at: date_time(found.started_at),
        finished_at: found.finished_at.map(date_time),
        conversations_listed: found.listed,
        conversations_read: found.read,
        drift: found.drift,
        repaired: found.repaired,
        here_only: found.kept,
        unsure: found.unsure,
        totals: found.totals.iter().map(|(kind, count)| (kind.as_str(), *count)).collect(),
    }
}

fn verdict(row: &VerdictRow) -> VerdictItem {
    let shown = |one: &Finding| FindingItem { kind: one.kind.as_str(), count: one.count, what: words(one.kind) };
    VerdictItem {
        conversation_id: row.conversation.to_string(),
        drift: row.drift(),
        findings: row.findings().map(shown).collect(),
        listed_at: row.listed_at.map(date_time),
        read_at: row.read_at.map(date_time),
        upstream_messages: row.upstream_messages,
        repaired_at: row.repaired_at.map(date_time),
    }
}

fn item(row: &Ledgered) -> LedgerItem {
    let why = why(row);
    LedgerItem {
        conversation_id: row.track.conversation.to_string(),
        completeness: row.track.detail.completeness.as_str(),
        is_deleted: row.is_deleted,
        message_count: row.messages,
        oldest_message_at: row.oldest_at.map(date_time),
        newest_message_at: row.newest_at.map(date_time),
        last_activity_at: date_time(row.track.activity),
        remedy: why.as_ref().map(|why| why.remedy),
        reason: why.map(|why| why.what),
        attempts: row.track.detail.attempts,
        oddities: row.oddities,
        verification: verdict(&row.verdict),
    }
}
