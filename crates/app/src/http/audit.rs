//! The log of administrative acts over HTTP: the list, and the noting of acts that were refused. Ours; admin only.
//!
//! What was refused is noted with the key, the address, the act and the code, and never with anything else that was sent.
//! Whoever has no working key leaves no line but a few of refused sign-ins, and neither does a request beyond the rate:
//! strangers must not fill the log.

use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use threadkeep_core::id::{ACCOUNT_ID_LENGTH, AccountId};
use threadkeep_core::time::Timestamp;
use utoipa::ToSchema;

use super::Room;
use super::answer::{Fault, FaultCode, date_time};
use super::caller::Admin;
use super::conversations::{COUNT_DEFAULT, count};
use super::cursor::Cursors;
use super::document::{PageParams, SinceParam};
use super::params::Params;
use crate::store::{Act, ActOutcome, Actor, AuditLine, Object, ObjectKind};
use crate::verbs::audit;
use crate::verbs::keys::{self, Caller};

/// Latest time that is taken, in milliseconds.
const TIME_MAX_MS: i64 = 253_402_300_799_999;
/// Digits of the number of a run.
const RUN_DIGITS_MAX: usize = 18;

/// What only some may do: method, route, what it is in the log, and what it is about. A reading that only an admin may do
/// has to be here to be noted; any other act for which the scope was lacking is noted with its route.
static ACTS: [(Method, &str, Act, ObjectKind); 14] = [
    (Method::POST, "/accounts", Act::AccountAdded, ObjectKind::Account),
    (Method::PATCH, "/accounts/{accountId}", Act::MediaPolicyChanged, ObjectKind::Account),
    (Method::POST, "/accounts/{accountId}/reconnect", Act::AccountReconnected, ObjectKind::Account),
    (Method::POST, "/accounts/{accountId}/pause", Act::AccountPaused, ObjectKind::Account),
    (Method::POST, "/accounts/{accountId}/resume", Act::AccountResumed, ObjectKind::Account),
    (Method::DELETE, "/accounts/{accountId}", Act::AccountRemoved, ObjectKind::Account),
    (Method::POST, "/keys", Act::KeyCreated, ObjectKind::Key),
    (Method::GET, "/keys", Act::KeysListed, ObjectKind::Key),
    (Method::HEAD, "/keys", Act::KeysListed, ObjectKind::Key),
    (Method::DELETE, "/keys/{keyId}", Act::KeyRevoked, ObjectKind::Key),
    (Method::POST, "/conversations/sync/runs/{runId}/cancel", Act::RunCancelled, ObjectKind::Run),
    (Method::DELETE, "/conversations/sync/runs/{runId}", Act::RunCancelled, ObjectKind::Run),
    (Method::GET, "/audit", Act::AuditRead, ObjectKind::Route),
    (Method::HEAD, "/audit", Act::AuditRead, ObjectKind::Route),
];

/// Who has asked, once the key is proved.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(pub(super) Arc<OnceLock<Caller>>);

/// A request that may be one for an administrative act.
pub(super) struct Watch {
    method: Method,
    route: String,
    path: String,
    seen: Seen,
}

/// A page of lines.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditAnswer {
    success: bool,
    entries: Vec<Entry>,
    next_cursor: Option<String>,
    has_more: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    who: Who,
    act: &'static str,
    object: About,
    outcome: &'static str,
    code: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Who {
    kind: &'static str,
    id: Option<String>,
    address: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct About {
    kind: &'static str,
    id: Option<String>,
    account_id: Option<String>,
}

/// A position as it stands in a cursor.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    line: i64,
}

/// The log of administrative acts
///
/// Newest first: who did what, done or refused. An admin key that is limited to some accounts sees only lines about them.
#[utoipa::path(get, path = "/audit", operation_id = "list-audit", tag = "server",
    security(("key" = ["admin"])),
    params(SinceParam, PageParams),
    responses(
        (status = 200, description = "A page of lines", body = AuditAnswer),
        (status = 400, description = "invalid_cursor"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn list(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    mut params: Params,
) -> Result<Json<AuditAnswer>, Fault> {
    let since = params.take_number("since", 0..=TIME_MAX_MS)?.map(Timestamp);
    let count = count(&mut params, COUNT_DEFAULT)?;
    let cursor = params.take("nextCursor");
    params.finish()?;
    let cursors = Cursors::of(&room, vec!["audit/1".into(), format!("{since:?}")]).await?;
    let before: Option<Position> = cursor.as_deref().map(|cursor| cursors.open(cursor)).transpose()?;
    let before = before.map(|position| position.line);
    let (lines, has_more) = audit::lines(&room.app, caller.reach(), (since, before), count).await?;
    let last = lines.last().filter(|_| has_more).map(|(line, _)| Position { line: *line });
    Ok(Json(AuditAnswer {
        success: true,
        next_cursor: last.map(|last| cursors.seal(&last)).transpose()?,
        entries: lines.into_iter().map(|(id, line)| entry(id, line)).collect(),
        has_more,
    }))
}

impl Watch {
    /// Begins to watch a request; most only read, and need none of it.
    pub(super) fn begin(request: &mut Request) -> Option<Self> {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let route = route.as_ref().map(MatchedPath::as_str).unwrap_or_default();
        let method = request.method().clone();
        if matches!(method, Method::GET | Method::HEAD) && known(&method, route).is_none() {
            return None;
        }
        let (path, seen) = (request.uri().path().to_owned(), Seen::default());
        let watch = Self { method, route: route.to_owned(), path, seen: seen.clone() };
        request.extensions_mut().insert(seen);
        Some(watch)
    }

    /// Notes it when it was an administrative one that was refused.
    pub(super) async fn end(self, room: &Room, fault: Option<FaultCode>) {
        let (Some(caller), Some(fault)) = (self.seen.0.get(), fault) else { return };
        if let Some(act) = act_of(&self.method, &self.route, &self.path, fault) {
            audit::refused(&room.app, &caller.actor(), act, fault.code).await;
        }
    }
}

/// What is known of a method of a route.
fn known(method: &Method, route: &str) -> Option<&'static (Method, &'static str, Act, ObjectKind)> {
    let route = route.strip_prefix("/linkedin").unwrap_or(route);
    ACTS.iter().find(|(of, pattern, ..)| of == method && *pattern == route)
}

/// What a refused request was about to do, if that is noted.
fn act_of(method: &Method, route: &str, path: &str, fault: FaultCode) -> Option<(Act, Object)> {
    if fault.code == Fault::TooManyRequests.code() {
        return None;
    }
    let route = route.strip_prefix("/linkedin").unwrap_or(route);
    let path = path.strip_prefix("/linkedin").unwrap_or(path);
    match known(method, route) {
        Some((_, pattern, act, kind)) => Some((*act, object(*kind, pattern, path))),
        None if fault.lacks_admin => {
            Some((Act::AdminRequest, Object::of(ObjectKind::Route, Some(&format!("{method} {route}")))))
        }
        None => None,
    }
}

/// What a path names, if it has the form of an id; anything else may be somebody's secret in the wrong place.
fn object(kind: ObjectKind, pattern: &str, path: &str) -> Object {
    let mut parts = pattern.split('/').zip(path.split('/'));
    let id = parts.find(|(name, _)| name.starts_with('{')).map(|(_, id)| id).unwrap_or_default();
    match kind {
        ObjectKind::Account if id.len() == ACCOUNT_ID_LENGTH => match AccountId::new(id) {
            Ok(id) => Object::account(&id),
            Err(_) => Object::of(kind, None),
        },
        ObjectKind::Key => Object::of(kind, Some(id).filter(|id| keys::is_id(id))),
        ObjectKind::Run => {
            let is_number =
                !id.is_empty() && id.len() <= RUN_DIGITS_MAX && id.bytes().all(|byte| byte.is_ascii_digit());
            Object::of(kind, Some(id).filter(|_| is_number))
        }
        ObjectKind::Route => Object::of(kind, Some(pattern)),
        ObjectKind::Account | ObjectKind::MasterKey => Object::of(kind, None),
    }
}

fn entry(id: i64, line: AuditLine) -> Entry {
    let (outcome, code) = match line.outcome {
        ActOutcome::Done => ("done", None),
        ActOutcome::Refused(code) => ("refused", Some(code)),
    };
    let who = match line.who {
        Actor::Key { id, address } => Who { kind: "key", id: Some(id), address },
        Actor::Stranger { address } => Who { kind: "key", id: None, address },
        Actor::Command { user } => Who { kind: "command", id: user, address: None },
        Actor::Setup => Who { kind: "setup", id: None, address: None },
    };
    let account_id = line.object.account.map(|id| id.to_string());
    let object = About { kind: line.object.kind.as_str(), id: line.object.id, account_id };
    Entry { id, at: date_time(line.at), who, act: line.act.as_str(), object, outcome, code }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(method: &Method, route: &str, path: &str) -> String {
        let fault = FaultCode { code: "scope_required", lacks_admin: true };
        match act_of(method, route, path, fault) {
            Some((act, object)) => format!("{} {} {:?}", act.as_str(), object.kind.as_str(), object.id),
            None => "-".to_owned(),
        }
    }

    #[test]
    fn only_what_is_an_id_is_noted() {
        let id = "a1".repeat(12);
        assert_eq!(
            told(&Method::DELETE, "/linkedin/accounts/{accountId}", &format!("/linkedin/accounts/{id}")),
            format!("account_removed account Some({id:?})")
        );
        for strange in ["li_at=AQED", "A1A1", "%0a", ""] {
            let path = format!("/accounts/{strange}/pause");
            assert_eq!(told(&Method::POST, "/accounts/{accountId}/pause", &path), "account_paused account None");
            assert_eq!(told(&Method::DELETE, "/keys/{keyId}", &format!("/keys/{strange}")), "key_revoked key None");
        }
        let run = "/conversations/sync/runs/{runId}";
        assert_eq!(told(&Method::DELETE, run, "/conversations/sync/runs/17"), "run_cancelled run Some(\"17\")");
        assert_eq!(told(&Method::DELETE, run, "/conversations/sync/runs/1x"), "run_cancelled run None");
        assert_eq!(told(&Method::PUT, "/new/{id}", "/new/x"), "admin_request route Some(\"PUT /new/{id}\")");
    }

    #[test]
    fn what_is_no_administrative_act_and_what_is_beyond_the_rate_leave_no_line() {
        let of = |code, lacks_admin| {
            act_of(&Method::GET, "/conversations", "/conversations", FaultCode { code, lacks_admin })
        };
        assert_eq!(of("invalid_parameter", false), None);
        assert_eq!(of("scope_required", false), None);
        let beyond = FaultCode { code: "too_many_requests", lacks_admin: false };
        assert_eq!(act_of(&Method::POST, "/keys", "/keys", beyond), None);
    }
}
