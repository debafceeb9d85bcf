//! Importing LinkedIn's own archive from the browser: the upload with its progress, and the report.
//!
//! The file is sent as it is, by the script of the page; without scripts the form of the page sends it.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::faces;
use super::form::SECRET;
use super::multipart::Multipart;
use super::page::{self, Frame};
use super::parts::size;
use super::visitor::Visitor;
use crate::http::{
    Fault, ImportAnswer, Params, Room, Upload, import_within_reach, invalid, receive, take, take_received,
};
use crate::refusal::Refusal;
use crate::verbs::keys::Scope;
use crate::verbs::read;

/// The header with the secret of the session, for what is no form.
const SECRET_HEADER: &str = "x-threadkeep-form";
/// Most parts of the form.
const PARTS_MAX: usize = 8;

#[derive(Template)]
#[template(path = "import.html", whitespace = "minimize")]
struct ImportPage {
    frame: Frame,
    /// Accounts to choose from: id and name.
    accounts: Vec<(String, String)>,
    /// Whether an account has to be chosen.
    must_choose: bool,
    largest: String,
}

#[derive(Template)]
#[template(path = "imported.html", whitespace = "minimize")]
struct ImportedPage {
    frame: Frame,
    id: i64,
    live: Live,
    /// Numbers of the report, with their words.
    figures: Vec<(u64, &'static str)>,
    words: Vec<String>,
    bad: Vec<(u64, String)>,
    account: Option<String>,
}

/// What changes while an import goes on.
#[derive(Serialize)]
pub(super) struct Live {
    running: bool,
    failed: bool,
    doing: String,
    done: u64,
    all: u64,
}

/// Where an import is that has just begun.
#[derive(Serialize)]
pub(super) struct Begun {
    place: String,
}

/// `GET /ui/import`
pub(super) async fn page(State(room): State<Arc<Room>>, visitor: Visitor) -> Result<Response, Fault> {
    let accounts = read::accounts(&room.app, visitor.caller.reach()).await?;
    let frame = Frame::of(&visitor, "import", "Import an archive");
    page::show(&ImportPage {
        accounts: accounts.iter().map(|account| (account.id.to_string(), faces::owner(account))).collect(),
        must_choose: visitor.caller.reach().is_some(),
        largest: size(room.settings.import_max_bytes),
        frame,
    })
}

/// `POST /ui/import/upload`: the bytes of the archive; an answer for the script.
pub(super) async fn upload(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    headers: HeaderMap,
    mut params: Params,
    body: Body,
) -> Result<(StatusCode, Json<Begun>), Fault> {
    visitor.caller.must(Scope::Admin)?;
    let secret = headers.get(SECRET_HEADER).and_then(|value| value.to_str().ok());
    visitor.must_own(secret.unwrap_or_default())?;
    let upload = Upload {
        account: params.take("account").and_then(some),
        me: params.take("me").and_then(some),
        is_dry_run: false,
    };
    params.finish()?;
    let ImportAnswer { import, .. } = take(&room, &visitor.caller, upload, body).await?;
    Ok((StatusCode::ACCEPTED, Json(Begun { place: format!("/ui/import/{}", import.import_id) })))
}

/// `POST /ui/import/form`: the same from a page without scripts. The secret comes first, and before it nothing is taken.
pub(super) async fn form(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    visitor.caller.must(Scope::Admin)?;
    let mut parts = Multipart::of(&headers, body, Duration::from_millis(room.settings.stall_timeout_ms))?;
    let (mut upload, mut received, mut is_own) = (Upload::default(), None, false);
    for _ in 0..PARTS_MAX {
        let Some(name) = parts.next().await? else { break };
        match name.as_str() {
            SECRET => {
                visitor.must_own(&parts.text().await?)?;
                is_own = true;
            }
            _ if !is_own => return Err(Fault::ForeignOrigin),
            "account" => upload.account = some(parts.text().await?),
            "me" => upload.me = some(parts.text().await?),
            "file" if received.is_none() => received = Some(receive(&room, parts.bytes()).await?),
            _ => return Err(invalid("the form", "it has a part that does not belong there")),
        }
    }
    let received = received.ok_or_else(|| invalid("file", "choose the archive"))?;
    let ImportAnswer { import, .. } = take_received(&room, &visitor.caller, upload, received).await?;
    Ok(Redirect::to(&format!("/ui/import/{}", import.import_id)).into_response())
}

fn some(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// `GET /ui/import/{id}`
pub(super) async fn one(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    path: Result<Path<i64>, PathRejection>,
) -> Result<Response, Fault> {
    let answer = found(&room, &visitor, path).await?;
    let live = live(&answer);
    let id = answer.import.import_id;
    let report = answer.import.report;
    let told = report.as_ref();
    let figures = told.map(|told| {
        let all = [
            (told.imported, "new messages"),
            (told.joined, "joined with messages that were here"),
            (told.known, "known already"),
            (told.conversations, "conversations"),
            (told.people, "people"),
            (told.duplicates, "rows that were there twice"),
            (told.drafts, "drafts left out"),
            (told.bad_count, "rows that could not be read"),
        ];
        all.into_iter().enumerate().filter(|(at, (count, _))| *count > 0 || *at == 0).map(|(_, one)| one).collect()
    });
    page::show(&ImportedPage {
        frame: Frame::of(&visitor, "import", "Import"),
        figures: figures.unwrap_or_default(),
        words: told.map(|told| told.words.lines().map(str::to_owned).collect()).unwrap_or_default(),
        bad: told.map(|told| told.bad.iter().map(|bad| (bad.line, bad.what.clone())).collect()).unwrap_or_default(),
        account: answer.import.account_id,
        id,
        live,
    })
}

/// `GET /ui/import/{id}/progress`
pub(super) async fn progress(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    path: Result<Path<i64>, PathRejection>,
) -> Result<Json<Live>, Fault> {
    Ok(Json(live(&found(&room, &visitor, path).await?)))
}

async fn found(room: &Room, visitor: &Visitor, path: Result<Path<i64>, PathRejection>) -> Result<ImportAnswer, Fault> {
    visitor.caller.must(Scope::Admin)?;
    let Path(id) = path.map_err(|_| Fault::from(Refusal::NotFound("no such import".into())))?;
    import_within_reach(room, &visitor.caller, id).await
}

fn live(ImportAnswer { success, import }: &ImportAnswer) -> Live {
    let doing = match (import.completed, import.phase, &import.error) {
        (true, _, Some(error)) => error.clone(),
        (true, ..) if *success => "Everything is in.".to_owned(),
        (true, ..) => "Nothing was taken in.".to_owned(),
        (false, Some("importing"), _) => "Taking the messages in".to_owned(),
        (false, ..) => "Looking the archive through".to_owned(),
    };
    Live {
        running: !import.completed,
        failed: !success,
        doing,
        done: import.bytes_done,
        all: import.bytes_total.max(1),
    }
}
