//! Importing LinkedIn's own data export over the API: an upload that is streamed to disk, and how the import goes. Ours.
//!
//! An upload is never held in memory and never lies under a name; it is gone when the import is over. An import of an
//! account out of reach is answered exactly as one that does not exist.

use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use threadkeep_core::id::AccountId;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use super::Room;
use super::accounts::within_reach;
use super::answer::{Fault, date_time, invalid};
use super::caller::Admin;
use super::document::ImportParams;
use super::params::Params;
use crate::archive::{ImportReport, Scratch};
use crate::lifecycle::spawn;
use crate::refusal::Refusal;
use crate::store::{ImportJob, ImportState};
use crate::verbs::import::{self, ArchiveAt, ImportAsk, Meter};
use crate::verbs::keys::Caller;

/// Imports at the same time.
const RUNNING_MAX: usize = 4;

/// Imports that go on in this process.
pub(super) struct Running {
    meters: Mutex<BTreeMap<i64, Arc<Meter>>>,
    /// One turn each, from before the upload until it is over.
    turns: Arc<Semaphore>,
}

impl Default for Running {
    fn default() -> Self {
        Self { meters: Mutex::default(), turns: Arc::new(Semaphore::new(RUNNING_MAX)) }
    }
}

impl Running {
    /// A turn, unless as many are taken as may be.
    fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().ok()
    }

    fn meter(&self, id: i64) -> Option<Arc<Meter>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn put(&self, id: i64, meter: Arc<Meter>) {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner).insert(id, meter);
    }

    fn take(&self, id: i64) {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// How an import goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportAnswer {
    pub(crate) success: bool,
    pub(crate) import: ImportItem,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportItem {
    pub(crate) import_id: i64,
    pub(crate) account_id: Option<String>,
    /// `running`, `done`, `failed` or `interrupted`.
    pub(crate) state: &'static str,
    pub(crate) completed: bool,
    /// `reading` or `importing` while it is running.
    pub(crate) phase: Option<&'static str>,
    /// Bytes of messages that this phase has done, and of how many.
    pub(crate) bytes_done: u64,
    pub(crate) bytes_total: u64,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) finished_at: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) status_url: String,
    pub(crate) report: Option<ReportItem>,
}

/// What became of an archive.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportItem {
    pub(crate) rows: u64,
    pub(crate) imported: u64,
    pub(crate) joined: u64,
    pub(crate) changed: u64,
    pub(crate) known: u64,
    pub(crate) duplicates: u64,
    pub(crate) drafts: u64,
    pub(crate) no_time: u64,
    pub(crate) no_conversation_id: u64,
    pub(crate) no_sender_url: u64,
    pub(crate) sponsored: u64,
    pub(crate) spam: u64,
    pub(crate) repaired: u64,
    pub(crate) conversations: u64,
    pub(crate) people: u64,
    pub(crate) decoys: Vec<String>,
    pub(crate) others: Vec<String>,
    pub(crate) bad_count: u64,
    pub(crate) bad: Vec<BadItem>,
    #[schema(format = DateTime)]
    pub(crate) oldest_at: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) newest_at: Option<String>,
    /// How the owner was found: `named`, `invitations`, `direction`, `profile`, `presence`, `elimination` or `unknown`.
    pub(crate) owner: String,
    pub(crate) is_repeated: bool,
    pub(crate) is_dry_run: bool,
    /// The same for people.
    pub(crate) words: String,
}

/// A record that could not be read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BadItem {
    pub(crate) line: u64,
    pub(crate) what: String,
}

/// Import LinkedIn's data export
///
/// The body is the archive as it came, or `messages.csv`, as bytes. It is taken in whole or not at all; the same archive
/// twice changes nothing. Without `accountId` it goes to the account of its owner, which is made when there is none; a key
/// that is limited to some accounts has to name one.
#[utoipa::path(post, path = "/import", operation_id = "import-archive", tag = "import",
    security(("key" = ["admin"])),
    params(ImportParams),
    request_body(content = String, content_type = "application/octet-stream", description = "The archive"),
    responses(
        (status = 202, description = "It has come and is being taken in", body = ImportAnswer),
        (status = 404, description = "account_not_found"),
        (status = 408, description = "body_timeout"),
        (status = 409, description = "conflict"),
        (status = 413, description = "body_too_large"),
        (status = 422, description = "archive_rejected, archive_without_messages"),
        (status = 507, description = "storage_full")
    ))]
pub(super) async fn begin(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    mut params: Params,
    body: Body,
) -> Result<(StatusCode, Json<ImportAnswer>), Fault> {
    let upload = Upload {
        account: params.take("accountId"),
        me: params.take("me"),
        is_dry_run: params.take_flag("dryRun")?.unwrap_or(false),
    };
    params.finish()?;
    Ok((StatusCode::ACCEPTED, Json(take(&room, &caller, upload, body).await?)))
}

/// What is said about an upload.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// The account to import into.
    pub(crate) account: Option<String>,
    /// Whose archive it is.
    pub(crate) me: Option<String>,
    /// Nothing is kept.
    pub(crate) is_dry_run: bool,
}

/// An archive that has come, and a turn to take it in.
pub(crate) struct Received {
    file: std::fs::File,
    scratch: Scratch,
    turn: OwnedSemaphorePermit,
}

/// Takes an archive from somebody who may do everything, looks it through, and takes it in beside the answer.
pub(crate) async fn take(room: &Arc<Room>, caller: &Caller, upload: Upload, body: Body) -> Result<ImportAnswer, Fault> {
    // Before anything is sent.
    destination(room, caller, upload.account.as_deref()).await?;
    if body.size_hint().lower() > room.settings.import_max_bytes {
        return Err(too_large(room));
    }
    let cut_off = |_| Refusal::ArchiveRejected("the upload was cut off: send it again".into()).into();
    let received = receive(room, body.into_data_stream().map_err(cut_off)).await?;
    take_received(room, caller, upload, received).await
}

/// The same with an archive that is here already.
pub(crate) async fn take_received(
    room: &Arc<Room>,
    caller: &Caller,
    Upload { account, me, is_dry_run }: Upload,
    Received { file, scratch, turn }: Received,
) -> Result<ImportAnswer, Fault> {
    let account = destination(room, caller, account.as_deref()).await?;
    let ask = ImportAsk { me, account, is_dry_run, scratch, job: None };
    let meter = Arc::new(Meter::default());
    let looked = import::look(&room.app, (ArchiveAt::File(file), &ask), &meter, &room.stop).await?;
    let job = import::begin(&room.app, &caller.key_id).await?;
    room.imports.put(job.id, meter.clone());
    let told = answer(room, &job);
    let (own, who, id) = (room.clone(), caller.actor(), job.id);
    spawn(async move {
        let ask = ImportAsk { job: Some(id), ..ask };
        import::carry_on(&own.app, &who, (looked, &ask), &meter, &own.stop).await;
        own.imports.take(id);
        drop(turn);
    });
    Ok(told)
}

/// The account to import into, when one is named.
async fn destination(room: &Room, caller: &Caller, account: Option<&str>) -> Result<Option<AccountId>, Fault> {
    match account {
        Some(id) => Ok(Some(within_reach(&room.app, caller, id).await?.id)),
        None if caller.reach().is_some() => Err(Refusal::ScopeRequired("admin for all accounts").into()),
        None => Ok(None),
    }
}

/// How an import goes
///
/// Imports are told to the key that has asked for them, and to every key that reaches their account.
#[utoipa::path(get, path = "/import/{importId}", operation_id = "get-import", tag = "import",
    security(("key" = ["admin"])),
    responses(
        (status = 200, description = "The import", body = ImportAnswer),
        (status = 404, description = "not_found")
    ))]
pub(super) async fn one(
    State(room): State<Arc<Room>>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<ImportAnswer>, Fault> {
    params.finish()?;
    let malformed = || invalid("importId", "the number of an import");
    let Path(text) = path.map_err(|_| malformed())?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| is_plain).ok_or_else(malformed)?;
    Ok(Json(import_within_reach(&room, &caller, id).await?))
}

/// An import that somebody may know of.
pub(crate) async fn import_within_reach(room: &Room, caller: &Caller, id: i64) -> Result<ImportAnswer, Fault> {
    let job = import::find(&room.app, id).await?;
    let job = job.filter(|job| is_within_reach(caller, job));
    let job = job.ok_or_else(|| Fault::from(Refusal::NotFound("no such import".into())))?;
    Ok(answer(room, &job))
}

fn is_within_reach(caller: &Caller, job: &ImportJob) -> bool {
    match (&job.account, caller.reach()) {
        (_, None) => true,
        (Some(account), Some(reach)) => reach.contains(account),
        (None, Some(_)) => job.asked_by.as_deref() == Some(caller.key_id.as_str()),
    }
}

/// Takes an upload to disk, when it is its turn.
pub(crate) async fn receive(room: &Room, body: impl Stream<Item = Result<Bytes, Fault>>) -> Result<Received, Fault> {
    let turn = room.imports.turn();
    let turn =
        turn.ok_or_else(|| Refusal::Conflict("other imports are going on: try again when they are over".into()))?;
    let scratch = Scratch::new(room.settings.scratch.clone());
    let stall = Duration::from_millis(room.settings.stall_timeout_ms);
    let file = scratch.file().map_err(|error| failed(&error))?;
    let mut file = tokio::fs::File::from_std(file);
    let mut body = pin!(body);
    let mut received = 0_u64;
    loop {
        let part = tokio::time::timeout(stall, body.next()).await.map_err(|_| Fault::SlowBody)?;
        let Some(part) = part.transpose()? else { break };
        received += part.len() as u64;
        if received > room.settings.import_max_bytes {
            return Err(too_large(room));
        }
        file.write_all(&part).await.map_err(|error| failed(&error))?;
    }
    if received == 0 {
        return Err(Refusal::ArchiveRejected("the body is empty: send the archive as it came".into()).into());
    }
    file.flush().await.map_err(|error| failed(&error))?;
    file.seek(SeekFrom::Start(0)).await.map_err(|error| failed(&error))?;
    Ok(Received { file: file.into_std().await, scratch, turn })
}

fn too_large(room: &Room) -> Fault {
    Fault::TooLarge(usize::try_from(room.settings.import_max_bytes).unwrap_or(usize::MAX))
}

fn failed(error: &std::io::Error) -> Fault {
    use crate::store::StoreError;
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full("the upload does not fit".into()).into(),
        kind => Refusal::Internal(format!("an upload cannot be kept: {kind}")).into(),
    }
}

fn answer(room: &Room, job: &ImportJob) -> ImportAnswer {
    let meter = room.imports.meter(job.id).filter(|_| job.state == ImportState::Running);
    let shown = meter.map(|meter| meter.shown());
    ImportAnswer {
        success: !matches!(job.state, ImportState::Failed | ImportState::Interrupted),
        import: ImportItem {
            import_id: job.id,
            account_id: job.account.as_ref().map(ToString::to_string),
            state: job.state.as_str(),
            completed: job.is_over(),
            phase: shown.map(|(phase, ..)| phase.as_str()),
            bytes_done: shown.map_or(0, |(_, done, ..)| done),
            bytes_total: shown.map_or(0, |(_, _, all, _)| all),
            created_at: date_time(job.created_at),
            finished_at: job.finished_at.map(date_time),
            error: job.failure.as_ref().map(|failure| failure.what.clone()),
            code: job.failure.as_ref().map(|failure| failure.code.clone()),
            status_url: format!("/linkedin/import/{}", job.id),
            report: job.report.as_ref().map(report),
        },
    }
}

fn report(one: &ImportReport) -> ReportItem {
    ReportItem {
        rows: one.rows,
        imported: one.imported,
        joined: one.joined,
        changed: one.changed,
        known: one.known,
        duplicates: one.duplicates,
        drafts: one.skipped.drafts,
        no_time: one.no_time,
        no_conversation_id: one.no_conversation_id,
        no_sender_url: one.no_sender_url,
        sponsored: one.sponsored,
        spam: one.spam,
        repaired: one.repaired,
        conversations: one.conversations,
        people: one.people,
        decoys: one.decoys.clone(),
        others: one.others.clone(),
        bad_count: one.bad_count,
        bad: one.bad.iter().map(|bad| BadItem { line: bad.line, what: bad.what.clone() }).collect(),
        oldest_at: one.oldest.map(date_time),
        newest_at: one.newest.map(date_time),
        owner: one.owner.clone(),
        is_repeated: one.is_repeated,
        is_dry_run: one.is_dry_run,
        words: one.words(),
    }
}
