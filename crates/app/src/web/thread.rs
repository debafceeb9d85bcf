//! A conversation: its people, a window of its messages from old to new, and the list beside it where there is room.
//!
//! A window is all that a page holds, however long the conversation is; links lead to the windows before and after it.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use threadkeep_core::id::{ConversationId, MessageId};
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;

use super::faces::{self, Face, face};
use super::inbox::{self, Asked, List, href};
use super::message::{self, Around, Shape, Shown};
use super::page::{self, Frame};
use super::parts::Part;
use super::text::{Piece, line, link};
use super::visitor::Visitor;
use crate::http::{Cursors, Fault, Params, Room, within_reach};
use crate::refusal::Refusal;
use crate::store::{Account, ConversationRow, MessageFilter};
use crate::verbs::read::{self, MessagesPage};

/// Messages of one window.
const WINDOW: u32 = 50;
/// Messages on either side of one that the address names.
const AROUND: (u32, u32) = (25, 25);
/// People who are listed with a conversation.
const PEOPLE_MAX: usize = 200;
/// Longest headline, in characters.
const HEADLINE_MAX: usize = 160;

/// Somebody in a conversation.
struct Guest {
    name: String,
    face: Face,
    headline: String,
    profile: Option<String>,
    is_owner: bool,
}

#[derive(Template)]
#[template(path = "thread.html", whitespace = "minimize")]
struct ThreadPage {
    frame: Frame,
    list: List,
    name: String,
    face: Face,
    owner: String,
    people: Vec<Guest>,
    people_more: usize,
    messages: Vec<Shown>,
    /// Windows beside this one.
    older: Option<String>,
    newer: Option<String>,
    newest: String,
    /// Why not everything is here.
    incomplete: Option<&'static str>,
    /// Whether the window is read from its beginning.
    is_from_top: bool,
    back: String,
}

#[derive(Serialize, Deserialize)]
struct Position {
    at: Timestamp,
    message: MessageId,
}

/// Which window is asked for.
struct Window {
    page: MessagesPage,
    asked: Option<MessageId>,
    is_from_top: bool,
    is_newest: bool,
}

/// `GET /ui/thread/{account}/{conversation}`
pub(super) async fn page(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    mut params: Params,
) -> Result<Response, Fault> {
    let unknown = || Fault::from(Refusal::NoConversation);
    let Path((account, id)) = path.map_err(|_| unknown())?;
    let account = within_reach(&room.app, &visitor.caller, &account).await?;
    let id = ConversationId::parse(&id).map_err(|_| unknown())?;
    let row = read::conversation(&room.app, std::slice::from_ref(&account.id), &id).await?;
    let cursors = Cursors::of(&room, vec!["viewer-thread/1".into(), account.id.to_string(), id.to_string()]).await?;
    let window = window(&room, &mut params, &cursors, row).await?;
    let asked = Asked::take(&mut params)?;
    params.finish()?;
    let list = inbox::list(&room, &visitor, &Asked { after: None, ..asked.clone() }, Some((&account.id, &id))).await?;
    let page = compose(&visitor, (list, &asked), &account, window, &cursors)?;
    page::show(&page)
}

async fn window(
    room: &Room,
    params: &mut Params,
    cursors: &Cursors<'_>,
    row: ConversationRow,
) -> Result<Window, Fault> {
    let open = |cursor: String| cursors.open::<Position>(&cursor).map(|position| (position.at, position.message));
    let app = &room.app;
    let at_newest = |page, is_newest| Window { page, asked: None, is_from_top: false, is_newest };
    match (params.take("before"), params.take("since"), params.take("message")) {
        (Some(cursor), ..) => {
            let filter = MessageFilter { before: Some(open(cursor)?), since: None };
            Ok(at_newest(read::messages(app, row, &filter, WINDOW).await?, false))
        }
        (_, Some(cursor), _) => {
            let (page, has_more) = read::messages_following(app, row, &open(cursor)?, WINDOW).await?;
            Ok(Window { is_from_top: true, ..at_newest(page, !has_more) })
        }
        (.., Some(text)) => {
            let unknown = || Refusal::NotFound("no such message in this conversation".into());
            let id = MessageId::parse(&text).map_err(|_| unknown())?;
            let found = read::message(app, std::slice::from_ref(&row.account), &id).await?;
            if found.message.conversation != row.conversation.id {
                return Err(unknown().into());
            }
            let (page, has_more) = read::messages_beside(app, row, found, AROUND).await?;
            Ok(Window { asked: Some(id), is_from_top: true, ..at_newest(page, !has_more) })
        }
        _ => Ok(at_newest(read::messages(app, row, &MessageFilter::default(), WINDOW).await?, true)),
    }
}

fn compose(
    visitor: &Visitor,
    (list, beside): (List, &Asked),
    account: &Account,
    window: Window,
    cursors: &Cursors<'_>,
) -> Result<ThreadPage, Fault> {
    let Window { page, asked, is_from_top, is_newest } = window;
    let (row, id) = (&page.conversation, &page.conversation.conversation.id);
    let name = faces::conversation(row, account);
    let frame = Frame::of(visitor, "inbox", name.clone());
    let seal = |(at, message): (Timestamp, MessageId)| cursors.seal(&Position { at, message });
    let older = page.next.clone().map(seal).transpose()?;
    let last = message::newest(&page).filter(|_| !is_newest);
    let newer = last.map(|(at, id)| seal((at, id.clone()))).transpose()?;
    let guests: Vec<Guest> = row.participants.iter().take(PEOPLE_MAX).map(|person| guest(person, account)).collect();
    let seed = if row.conversation.group {
        id.as_str()
    } else {
        read::others(row, account).first().map_or(id.as_str(), |one| one.id.as_str())
    };
    let around = Around { page: &page, account, list: beside, asked: asked.as_ref(), may_media: frame.may_media };
    Ok(ThreadPage {
        messages: message::shown(&around),
        face: face(&name, seed),
        owner: faces::owner(account),
        people_more: row.participants.len().saturating_sub(guests.len()),
        people: guests,
        older: older.map(|cursor| message::beside(account, id, ("before", &cursor), beside)),
        newer: newer.map(|cursor| message::beside(account, id, ("since", &cursor), beside)),
        newest: href(&account.id, id, &beside.carried()),
        incomplete: incomplete(row.completeness),
        back: beside.place(),
        is_from_top,
        name,
        frame,
        list,
    })
}

fn guest(person: &threadkeep_core::person::Person, account: &Account) -> Guest {
    let name = faces::name(person);
    Guest {
        face: face(&name, person.id.as_str()),
        headline: person.headline.as_deref().map(|headline| line(headline, HEADLINE_MAX)).unwrap_or_default(),
        profile: person.profile_url.as_deref().and_then(link),
        is_owner: person.id == account.member,
        name,
    }
}

fn incomplete(completeness: Completeness) -> Option<&'static str> {
    match completeness {
        Completeness::Listed => Some("No message was asked for yet: the next sync fills this conversation."),
        Completeness::Partial => Some("Older messages are still to come: the next sync goes on."),
        Completeness::EndUnproven => Some("The beginning of this conversation could not be proved."),
        Completeness::SetAside => Some("This conversation was set aside after failures: a forced sync tries it again."),
        Completeness::OutOfScope => Some(
            "No sync asks for more of this conversation: it is outside of what is mirrored, or came from an archive.",
        ),
        Completeness::Complete => None,
    }
}
