//! The export over HTTP: the same bytes as `threadkeep export` writes of an account, as they are made.
//!
//! Nothing is gathered: a page is read when the client has taken the one before, and a client that goes away ends the work.
//! What goes wrong after the first byte breaks the connection off, so that half an export is never taken for a whole one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use threadkeep_core::id::ConversationId;
use threadkeep_core::time::Timestamp;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::Room;
use super::accounts::choose;
use super::answer::{Fault, invalid};
use super::caller::Reader;
use super::document::{AccountParam, ExportParams};
use super::messages::TIME_MAX_MS;
use super::params::Params;
use crate::app::App;
use crate::forms::{Form, csv::Csv, html::Html, markdown::Markdown, mbox::Mbox};
use crate::lifecycle::{Stop, spawn};
use crate::refusal::Refusal;
use crate::store::Account;
use crate::verbs::export::{BookWish, ExportError, ExportWish, Outlet, Part, copy, write_book, write_lines};
use crate::verbs::keys::Scope;
use crate::verbs::read;

/// Exports that are made at the same time; others wait for their turn.
pub(super) const EXPORTS_MAX: usize = 4;
/// Pieces that wait for a slow client.
const PIECES_MAX: usize = 2;
/// How long a client may take no more; it holds a turn, and with a copy the database as it was at one moment.
const STALL_MAX: Duration = Duration::from_secs(600);

/// The forms that can be made from the beginning to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jsonl,
    /// Lines that can be read back.
    Copy,
    Csv,
    Html,
    Markdown,
    Mbox,
}

impl Format {
    fn named(name: &str) -> Result<Self, Fault> {
        Ok(match name {
            "jsonl" => Self::Jsonl,
            "csv" => Self::Csv,
            "html" => Self::Html,
            "markdown" => Self::Markdown,
            "mbox" => Self::Mbox,
            "sqlite" | "parquet" => {
                let what = "this form is a file and no stream: `threadkeep export` on the server makes it";
                return Err(invalid("format", what));
            }
            _ => return Err(invalid("format", "jsonl, csv, html, markdown or mbox")),
        })
    }

    /// Media type, and the ending of a file.
    fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Jsonl | Self::Copy => ("application/x-ndjson", "jsonl"),
            Self::Csv => ("text/csv; charset=utf-8", "csv"),
            Self::Html => ("text/html; charset=utf-8", "html"),
            Self::Markdown => ("text/markdown; charset=utf-8", "md"),
            Self::Mbox => ("application/mbox", "mbox"),
        }
    }

    /// The form; `None` for lines of JSON.
    fn form(self) -> Option<Box<dyn Form>> {
        Some(match self {
            Self::Jsonl | Self::Copy => return None,
            Self::Csv => Box::new(Csv::default()),
            Self::Html => Box::new(Html::default()),
            Self::Markdown => Box::new(Markdown::default()),
            Self::Mbox => Box::new(Mbox::default()),
        })
    }
}

/// Export conversations
///
/// A file of one account's conversations, or of one of them, sent as it is made; how each form looks is told in
/// `docs/EXPORT.md`. An answer that breaks off is not whole. Never asks LinkedIn. With `complete` it is a copy of everything,
/// deleted messages and the log of changes too, that `threadkeep import` reads back, and needs an `admin` key.
#[utoipa::path(get, path = "/export", operation_id = "export", tag = "conversations", security(("key" = ["read"])),
    params(ExportParams, AccountParam),
    responses(
        (status = 200, description = "The file", body = String, content_type = "*/*"),
        (status = 404, description = "account_not_found, conversation_not_found")
    ))]
pub(super) async fn export(
    State(room): State<Arc<Room>>,
    Reader(caller): Reader,
    mut params: Params,
) -> Result<Response, Fault> {
    let named = params.take("accountId");
    let mut format = Format::named(params.take("format").as_deref().unwrap_or("jsonl"))?;
    let conversation = params.take("conversationUrn");
    let since = params.take_number("since", 0..=TIME_MAX_MS)?.map(Timestamp);
    if params.take_flag("complete")?.unwrap_or(false) {
        caller.must(Scope::Admin)?;
        if format != Format::Jsonl || conversation.is_some() || since.is_some() {
            return Err(invalid("complete", "false, or everything as jsonl: no part and no other form"));
        }
        format = Format::Copy;
    }
    params.finish()?;
    let account = choose(&room.app, &caller, named.as_deref()).await?;
    let mut only = Vec::new();
    if let Some(text) = conversation {
        let unknown = |error| match error {
            threadkeep_core::id::InvalidId::WrongKind => Fault::from(Refusal::NoConversation),
            _ => invalid("conversationUrn", "the id of a conversation, or a URN of it"),
        };
        let id = ConversationId::parse(&text).map_err(unknown)?;
        read::conversation(&room.app, std::slice::from_ref(&account.id), &id).await?;
        only.push(id);
    }
    // Never closed, so there is always a turn at last.
    let turn = Arc::clone(&room.exports).acquire_owned().await.map_err(|_| Fault::TimedOut)?;
    let (pieces, taken) = channel(PIECES_MAX);
    let (app, stop, part) = (room.app.clone(), room.stop.clone(), Part { only, since });
    spawn(async move {
        make(&app, account, format, part, pieces, &stop).await;
        drop(turn);
    });
    Ok(answer(format, taken))
}

fn answer(format: Format, taken: Receiver<io::Result<Bytes>>) -> Response {
    let (media_type, ending) = format.kind();
    let body = Body::from_stream(stream::unfold(taken, |mut taken| async move { Some((taken.recv().await?, taken)) }));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let name = format!("attachment; filename=\"conversations.{ending}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

/// Makes an export until it is whole, the client has gone, or the server stops.
async fn make(app: &App, account: Account, format: Format, part: Part, pieces: Sender<io::Result<Bytes>>, stop: &Stop) {
    let mut outlet = Pieces(pieces.clone());
    let made = tokio::select! {
        made = write(app, account, format, part, &mut outlet) => made,
        () = stop.asked() => Err(ExportError::Output(io::ErrorKind::Interrupted.into())),
    };
    let Err(error) = made else { return };
    match error {
        ExportError::Refused(refusal) => tracing::error!(code = refusal.code(), "an export was broken off"),
        ExportError::Output(error) => tracing::info!(kind = ?error.kind(), "an export was not taken to its end"),
    }
    // An error breaks the connection off; nobody is there to see it when this fails.
    let _ = pieces.send(Err(io::Error::other("the export was broken off"))).await;
}

async fn write(
    app: &App,
    account: Account,
    format: Format,
    part: Part,
    outlet: &mut dyn Outlet,
) -> Result<(), ExportError> {
    match format.form() {
        None if format == Format::Copy => copy::write(app, &account, outlet).await.map(|_| ()),
        None => {
            let wish =
                ExportWish { account: account.id, categories: account.scope, with_history: false, with_deleted: false };
            write_lines(app, &wish, &part, outlet).await.map(|_| ())
        }
        Some(mut form) => {
            let wish = BookWish {
                categories: Some(account.scope.clone()).filter(|_| part.only.is_empty()),
                only: part.only,
                since: part.since,
                ..BookWish::of(account)
            };
            write_book(app, &wish, form.as_mut(), outlet).await.map(|_| ())
        }
    }
}

/// Pieces on their way to a client.
struct Pieces(Sender<io::Result<Bytes>>);

#[async_trait::async_trait]
impl Outlet for Pieces {
    async fn put(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(bytes));
        let sent = tokio::time::timeout(STALL_MAX, self.0.send(Ok(piece))).await;
        sent.map_err(|_| io::ErrorKind::TimedOut)?.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
