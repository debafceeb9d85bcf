//! Looking for messages: the box, what was found with what was looked for marked, and where it is.
//!
//! The words that are marked come as plain pieces; the template writes the marks.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use threadkeep_core::search::{Part, Snippet};

use super::faces::{self, Face, face};
use super::inbox::{Asked, Tab, with_query};
use super::message::message_href;
use super::page::{self, Empty, Frame};
use super::visitor::Visitor;
use super::when::{Stamp, listed};
use crate::http::{Cursors, Fault, Params, Room};
use crate::refusal::Refusal;
use crate::store::{Account, SearchPosition};
use crate::verbs::read;
use crate::verbs::search::{self, SearchHit};

/// Hits of one window.
const WINDOW: u32 = 30;

/// A message that was found.
struct Found {
    href: String,
    face: Face,
    name: String,
    title: String,
    at: Stamp,
    subject: Vec<Part>,
    text: Vec<Part>,
}

#[derive(Template)]
#[template(path = "search.html", whitespace = "minimize")]
struct SearchPage {
    frame: Frame,
    hits: Vec<Found>,
    accounts: Vec<Tab>,
    account: Option<String>,
    /// What is wrong with the question.
    wrong: Option<String>,
    /// What the index lacks.
    lag: Option<String>,
    more: Option<String>,
    empty: Option<Empty>,
}

#[derive(Serialize, Deserialize)]
struct Position {
    after: SearchPosition,
}

/// `GET /ui/search`
pub(super) async fn page(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    mut params: Params,
) -> Result<Response, Fault> {
    let query = params.take("q").unwrap_or_default().trim().to_owned();
    let account = params.take("account").filter(|id| !id.is_empty());
    let after = params.take("after");
    params.finish()?;
    let within = read::accounts(&room.app, visitor.caller.reach()).await?;
    let mut page = SearchPage {
        frame: Frame { query: query.clone(), ..Frame::of(&visitor, "search", "Search") },
        hits: Vec::new(),
        accounts: tabs(&within, &query, account.as_deref()),
        wrong: None,
        lag: None,
        more: None,
        empty: None,
        account: account.clone(),
    };
    if query.is_empty() {
        page.empty = Some(how());
        return page::show(&page);
    }
    let chosen = chosen(&within, account.as_deref())?;
    match look(&room, &chosen, &mut page, after).await {
        Ok(()) => page::show(&page),
        Err(Fault::Refused(refusal @ (Refusal::Invalid(_) | Refusal::Query(_)))) => {
            page.wrong = Some(refusal.to_string());
            page::show_as(StatusCode::BAD_REQUEST, &page)
        }
        Err(other) => Err(other),
    }
}

/// Asks the index, and writes what it says into the page.
async fn look(room: &Room, accounts: &[Account], page: &mut SearchPage, after: Option<String>) -> Result<(), Fault> {
    let query = page.frame.query.clone();
    let account = page.account.as_deref();
    let question = vec!["viewer-search/1".into(), query.clone(), account.unwrap_or_default().to_owned()];
    let cursors = Cursors::of(room, question).await?;
    let after: Option<Position> = after.as_deref().map(|cursor| cursors.open(cursor)).transpose()?;
    let is_first = after.is_none();
    let found = search::search(&room.app, accounts, &query, after.map(|position| position.after), WINDOW).await?;
    let cursor = found.next.map(|after| cursors.seal(&Position { after })).transpose()?;
    let query = [("q", Some(query.as_str())), ("account", account), ("after", cursor.as_deref())];
    page.more = cursor.is_some().then(|| with_query("/ui/search", &query));
    page.lag = (found.lag.indexed < found.lag.messages).then(|| {
        format!("{} of {} messages can be found yet; the others follow.", found.lag.indexed, found.lag.messages)
    });
    let now = room.app.clock.now();
    for hit in found.hits {
        let Some(account) = accounts.iter().find(|account| account.id == hit.hit.account) else { continue };
        page.hits.push(shown(hit, account, now));
    }
    if page.hits.is_empty() {
        page.empty = Some(match (page.more.is_some(), is_first) {
            (true, _) => Empty {
                what: "Nothing was found among the newest messages".to_owned(),
                remedy: "Older ones were not looked at yet: “Older hits” goes on.".to_owned(),
                link: None,
            },
            (false, true) => Empty { what: "Nothing was found".to_owned(), ..how() },
            (false, false) => Empty { what: "That was all".to_owned(), ..how() },
        });
    }
    Ok(())
}

fn shown(hit: SearchHit, account: &Account, now: threadkeep_core::time::Timestamp) -> Found {
    let message = &hit.hit.message;
    let name = match (&hit.hit.sender, hit.hit.is_mine) {
        (_, true) => "You".to_owned(),
        (Some(sender), _) => faces::name(sender),
        (None, _) => faces::unknown(message.sender.as_ref()),
    };
    let parts = |snippet: Option<Snippet>| snippet.map(|snippet| snippet.parts).unwrap_or_default();
    Found {
        href: message_href(account, &hit.conversation, &message.id, &Asked::default()),
        face: match &hit.hit.sender {
            Some(sender) => face(&faces::name(sender), sender.id.as_str()),
            None => face(&name, ""),
        },
        title: faces::titled(&hit.title),
        at: listed(message.delivered_at, now),
        name,
        subject: parts(hit.subject),
        text: parts(Some(hit.snippet)),
    }
}

fn chosen(within: &[Account], account: Option<&str>) -> Result<Vec<Account>, Fault> {
    let Some(id) = account else { return Ok(within.to_vec()) };
    let one = within.iter().find(|account| account.id.as_str() == id).ok_or(Refusal::NoAccount)?;
    Ok(vec![one.clone()])
}

fn tabs(within: &[Account], query: &str, account: Option<&str>) -> Vec<Tab> {
    if within.len() < 2 {
        return Vec::new();
    }
    let tab = |id: Option<&str>, words: String| Tab {
        href: with_query("/ui/search", &[("q", Some(query)), ("account", id)]),
        words,
        is_current: id == account,
    };
    let ones = within.iter().map(|one| tab(Some(one.id.as_str()), faces::owner(one)));
    [tab(None, "All accounts".to_owned())].into_iter().chain(ones).collect()
}

/// What a question may be made of.
fn how() -> Empty {
    Empty {
        what: "Look for words in all your messages".to_owned(),
        remedy: "Words, \"whole phrases\", begin*, from:name, in:conversation, before:2026-01-31, after:2025, \
                 has:attachment, is:unread."
            .to_owned(),
        link: None,
    }
}
