//! Attachments on pages: the bytes of our own copy, and asking for one that is not here.
//!
//! Looking at a page never fetches anything from LinkedIn; only the button does, and only by a job.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use threadkeep_core::id::MessageId;

use super::form::Form;
use super::visitor::{Visitor, next_place};
use crate::http::{Fault, Room, send, within_reach};
use crate::refusal::Refusal;
use crate::store::AttachmentState;
use crate::verbs::keys::Scope;
use crate::verbs::media::{self, Wanted};

/// `GET /ui/media/{account}/{message}/{ordinal}`
pub(super) async fn one(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    path: Result<Path<(String, String, u32)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    visitor.caller.must(Scope::Media)?;
    let unknown = || Fault::from(Refusal::NotFound("this attachment is not here".into()));
    let Path((account, message, ordinal)) = path.map_err(|_| unknown())?;
    let account = within_reach(&room.app, &visitor.caller, &account).await?;
    let message = MessageId::parse(&message).map_err(|_| unknown())?;
    let rows = media::of_messages(&room.app, &account.id, std::slice::from_ref(&message)).await?;
    let is_here = rows.iter().any(|row| row.ordinal == ordinal && row.state == AttachmentState::Stored);
    match is_here {
        true => send(&room, &account, Wanted::Place { message: &message, ordinal }, &headers).await,
        false => Err(unknown()),
    }
}

/// `POST /ui/media/fetch`
pub(super) async fn fetch(State(room): State<Arc<Room>>, visitor: Visitor, body: Body) -> Result<Response, Fault> {
    visitor.caller.must(Scope::Media)?;
    let mut form = Form::of(&visitor, &room, body).await?;
    let unknown = || Fault::from(Refusal::NotFound("no such attachment".into()));
    let account = within_reach(&room.app, &visitor.caller, &form.need("account")?).await?;
    let message = MessageId::parse(&form.need("message")?).map_err(|_| unknown())?;
    let ordinal = form.need("ordinal")?.parse().map_err(|_| unknown())?;
    media::want(&room.app, &account, Wanted::Place { message: &message, ordinal }).await?;
    Ok(Redirect::to(next_place(&form.take("next").unwrap_or_default())).into_response())
}
