//! What is not here, conversation by conversation, with the reason and what to do: the ledger for people.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use threadkeep_core::id::ConversationId;

use super::faces;
use super::inbox::{href, with_query};
use super::page::{self, Frame};
use super::visitor::Visitor;
use super::when::{Stamp, full};
use crate::http::{Cursors, Fault, Params, Room, within_reach};
use crate::refusal::Refusal;
use crate::store::{Account, LedgerFilter, Ledgered, Overview};
use crate::verbs::{completeness, read, sync};

/// Conversations of one window.
const WINDOW: u32 = 30;

/// A conversation that is not complete.
pub(super) struct Gap {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) messages: u64,
    pub(super) oldest: Option<Stamp>,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

#[derive(Template)]
#[template(path = "missing.html", whitespace = "minimize")]
struct MissingPage {
    frame: Frame,
    owner: String,
    gaps: Vec<Gap>,
    is_whole: bool,
    more: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Position {
    conversation: ConversationId,
}

/// `GET /ui/sync/{account}/missing`
pub(super) async fn page(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    mut params: Params,
) -> Result<Response, Fault> {
    let Path(id) = path.map_err(|_| Fault::from(Refusal::NoAccount))?;
    let account = within_reach(&room.app, &visitor.caller, &id).await?;
    let cursors = Cursors::of(&room, vec!["viewer-missing/1".into(), account.id.to_string()]).await?;
    let after = params.take("after").map(|cursor| cursors.open::<Position>(&cursor)).transpose()?;
    params.finish()?;
    let (gaps, last) = gaps(&room, &account, after.map(|after| after.conversation), WINDOW).await?;
    let cursor = last.map(|conversation| cursors.seal(&Position { conversation })).transpose()?;
    let more =
        cursor.map(|cursor| with_query(&format!("/ui/sync/{}/missing", account.id), &[("after", Some(&cursor))]));
    let frame = Frame::of(&visitor, "sync", "What is missing");
    let owner = faces::owner(&account);
    let is_whole =
        gaps.is_empty() && sync::status(&room.app, vec![account]).await?.iter().all(|one| is_whole(&one.overview));
    page::show(&MissingPage { frame, owner, gaps, is_whole, more })
}

/// Whether everything that a sync mirrors is here: where no sync has been, nobody knows what there is.
pub(super) fn is_whole(overview: &Overview) -> bool {
    overview.complete > 0 && overview.partial + overview.set_aside == 0
}

/// Conversations that are not complete, and where more begin.
pub(super) async fn gaps(
    room: &Room,
    account: &Account,
    after: Option<ConversationId>,
    limit: u32,
) -> Result<(Vec<Gap>, Option<ConversationId>), Fault> {
    let filter = LedgerFilter { incomplete: true, with_drift: false, after };
    let (rows, has_more) = completeness::page(&room.app, &account.id, &filter, limit).await?;
    let last = rows.last().map(|row| row.track.conversation.clone()).filter(|_| has_more);
    let mut gaps = Vec::with_capacity(rows.len());
    for row in rows {
        gaps.extend(gap(room, account, &row).await?);
    }
    Ok((gaps, last))
}

async fn gap(room: &Room, account: &Account, row: &Ledgered) -> Result<Option<Gap>, Fault> {
    let Some(why) = completeness::why(row) else { return Ok(None) };
    let id = &row.track.conversation;
    let name = match read::conversation(&room.app, std::slice::from_ref(&account.id), id).await {
        Ok(found) => faces::conversation(&found, account),
        Err(Refusal::NoConversation) => "A conversation that is gone".to_owned(),
        Err(other) => return Err(other.into()),
    };
    Ok(Some(Gap {
        name,
        href: href(&account.id, id, &[]),
        messages: row.messages,
        oldest: row.oldest_at.map(full),
        what: why.what,
        remedy: why.remedy,
    }))
}
