//! The list of conversations: newest first, in windows, all accounts within reach unless one is chosen.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use threadkeep_core::content::Content;
use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::message::{Message, MessageFormat};
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;
use url::form_urlencoded;

use super::faces::{self, Face, face};
use super::page::{self, Empty, Frame};
use super::text::line;
use super::visitor::Visitor;
use super::when::{Stamp, listed};
use crate::http::{Cursors, Fault, Params, Room, invalid};
use crate::refusal::Refusal;
use crate::store::{Account, ConversationFilter, ConversationRow};
use crate::verbs::read::{self, ConversationsPage};

/// Conversations of one window: with names and texts of the longest kind a page stays within 50 kB.
const WINDOW: u32 = 30;
/// Longest beginning of a text in the list, in characters.
const PREVIEW_MAX: usize = 120;
/// Longest label, in characters.
const LABEL_MAX: usize = 24;

/// What a list is of: name in the address, words, and whether a conversation is in it.
type Choice = (&'static str, &'static str, fn(&ConversationRow) -> bool);
const CHOICES: [Choice; 7] = [
    ("inbox", "Inbox", |row| !["ARCHIVE", "SPAM"].iter().any(|name| row.conversation.categories.contains(*name))),
    ("unread", "Unread", is_unread),
    ("starred", "Starred", |row| row.conversation.categories.contains("STARRED")),
    ("groups", "Groups", |row| row.conversation.group),
    ("inmail", "InMail", |row| row.conversation.categories.contains("INMAIL")),
    ("archive", "Archived", |row| row.conversation.categories.contains("ARCHIVE")),
    ("all", "All", |_| true),
];

/// The last choice is the list as it lies.
const CHOICES_ALL: usize = CHOICES.len();

/// Which list somebody looks at.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// The account, all within reach without one.
    pub(super) account: Option<String>,
    /// Which of the choices.
    pub(super) choice: usize,
    /// Where the window begins.
    pub(super) after: Option<String>,
}

/// A window of the list as pages show it.
pub(super) struct List {
    /// The conversations.
    pub(super) rows: Vec<Row>,
    /// The choices, with their addresses.
    pub(super) choices: Vec<Tab>,
    /// The accounts, when there are several.
    pub(super) accounts: Vec<Tab>,
    /// Where older ones are.
    pub(super) older: Option<String>,
    /// The beginning, when this is not it.
    pub(super) newest: Option<String>,
    /// What to say when there is nothing.
    pub(super) empty: Option<Empty>,
    /// How many accounts there are within reach.
    pub(super) accounts_all: usize,
}

/// Something to choose.
pub(super) struct Tab {
    pub(super) href: String,
    pub(super) words: String,
    pub(super) is_current: bool,
}

/// A conversation in the list.
pub(super) struct Row {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) face: Face,
    pub(super) people: usize,
    pub(super) is_group: bool,
    pub(super) is_unread: bool,
    pub(super) unread_count: u32,
    pub(super) at: Stamp,
    /// Who wrote the newest message, where it is not plain.
    pub(super) speaker: Option<String>,
    pub(super) preview: String,
    /// Whether the preview is our words and not theirs.
    pub(super) is_told: bool,
    pub(super) labels: Vec<Label>,
    pub(super) is_current: bool,
}

/// A mark of a conversation.
pub(super) struct Label {
    pub(super) words: String,
    /// Which look: `star`, `archive`, `mail`, `account`, `soft`.
    pub(super) look: &'static str,
}

#[derive(Template)]
#[template(path = "inbox.html", whitespace = "minimize")]
struct InboxPage {
    frame: Frame,
    list: List,
}

#[derive(Serialize, Deserialize)]
struct Position {
    at: Timestamp,
    conversation: ConversationId,
    account: AccountId,
}

/// `GET /ui/`
pub(super) async fn page(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    mut params: Params,
) -> Result<Response, Fault> {
    let asked = Asked::take(&mut params)?;
    params.finish()?;
    let list = list(&room, &visitor, &asked, None).await?;
    page::show(&InboxPage { frame: Frame::of(&visitor, "inbox", "Inbox"), list })
}

impl Asked {
    /// Takes what tells the list.
    pub(super) fn take(params: &mut Params) -> Result<Self, Fault> {
        let show = params.take("show").unwrap_or_else(|| CHOICES[0].0.to_owned());
        let choice = CHOICES.iter().position(|(name, ..)| *name == show);
        let names = CHOICES.map(|(name, ..)| name).join(", ");
        Ok(Self {
            account: params.take("account").filter(|id| !id.is_empty()),
            choice: choice.ok_or_else(|| invalid("show", &names))?,
            after: params.take("after"),
        })
    }

    /// The address of a list like this one.
    fn href(&self, account: Option<&str>, choice: usize, after: Option<&str>) -> String {
        let show = CHOICES.get(choice).map(|(name, ..)| *name).filter(|name| *name != CHOICES[0].0);
        with_query(super::HOME, &[("account", account), ("show", show), ("after", after)])
    }

    /// The address of this list, from its beginning.
    pub(super) fn place(&self) -> String {
        self.href(self.account.as_deref(), self.choice, None)
    }

    /// What an address of a conversation carries, so that the list beside it is the same.
    pub(super) fn carried(&self) -> [(&'static str, Option<&str>); 2] {
        let show = CHOICES.get(self.choice).map(|(name, ..)| *name).filter(|name| *name != CHOICES[0].0);
        [("account", self.account.as_deref()), ("show", show)]
    }
}

/// A window of the list; the conversation that is open is marked.
pub(super) async fn list(
    room: &Room,
    visitor: &Visitor,
    asked: &Asked,
    open: Option<(&AccountId, &ConversationId)>,
) -> Result<List, Fault> {
    let within = read::accounts(&room.app, visitor.caller.reach()).await?;
    let chosen: Vec<Account> = match &asked.account {
        None => within.clone(),
        Some(id) => within.iter().filter(|account| account.id.as_str() == id).cloned().collect(),
    };
    if asked.account.is_some() && chosen.is_empty() {
        return Err(Refusal::NoAccount.into());
    }
    let found = window(room, asked, &chosen).await?;
    let cursors = cursors(room, asked).await?;
    let next = found.next.map(|(at, conversation, account)| cursors.seal(&Position { at, conversation, account }));
    let older = next.transpose()?.map(|cursor| asked.href(asked.account.as_deref(), asked.choice, Some(&cursor)));
    let now = room.app.clock.now();
    let is_several = within.len() > 1;
    let rows: Vec<Row> = found
        .rows
        .iter()
        .filter_map(|row| {
            let account = chosen.iter().find(|account| account.id == row.account)?;
            let is_current = open == Some((&row.account, &row.conversation.id));
            Some(Row { is_current, ..shown(row, account, (asked, now, is_several)) })
        })
        .collect();
    let empty = rows.is_empty().then(|| empty(within.len(), asked, older.is_some()));
    Ok(List {
        choices: choices(asked),
        accounts: if is_several { account_tabs(&within, asked) } else { Vec::new() },
        newest: asked.after.is_some().then(|| asked.href(asked.account.as_deref(), asked.choice, None)),
        accounts_all: within.len(),
        rows,
        older,
        empty,
    })
}

async fn window(room: &Room, asked: &Asked, accounts: &[Account]) -> Result<ConversationsPage, Fault> {
    let after: Option<Position> = match asked.after.as_deref() {
        Some(cursor) => Some(cursors(room, asked).await?.open(cursor)?),
        None => None,
    };
    let filter = ConversationFilter {
        accounts: accounts.iter().map(|account| account.id.clone()).collect(),
        unread_only: false,
        after: after.map(|position| (position.at, position.conversation, position.account)),
    };
    if filter.accounts.is_empty() {
        return Ok(ConversationsPage::default());
    }
    let (.., keeps) = CHOICES.get(asked.choice).copied().unwrap_or(CHOICES[0]);
    Ok(match asked.choice + 1 {
        CHOICES_ALL => read::conversations(&room.app, &filter, WINDOW).await?,
        _ => read::conversations_sifted(&room.app, &filter, WINDOW, &|row: &ConversationRow| keeps(row)).await?,
    })
}

async fn cursors<'a>(room: &'a Room, asked: &Asked) -> Result<Cursors<'a>, Fault> {
    let question = vec!["viewer-inbox/1".into(), asked.account.clone().unwrap_or_default(), asked.choice.to_string()];
    Ok(Cursors::of(room, question).await?)
}

fn choices(asked: &Asked) -> Vec<Tab> {
    let tab = |(at, (_, words, _)): (usize, &Choice)| Tab {
        href: asked.href(asked.account.as_deref(), at, None),
        words: (*words).to_owned(),
        is_current: at == asked.choice,
    };
    CHOICES.iter().enumerate().map(tab).collect()
}

fn account_tabs(accounts: &[Account], asked: &Asked) -> Vec<Tab> {
    let all = Tab {
        href: asked.href(None, asked.choice, None),
        words: "All accounts".to_owned(),
        is_current: asked.account.is_none(),
    };
    let one = |account: &Account| Tab {
        href: asked.href(Some(account.id.as_str()), asked.choice, None),
        words: faces::owner(account),
        is_current: asked.account.as_deref() == Some(account.id.as_str()),
    };
    [all].into_iter().chain(accounts.iter().map(one)).collect()
}

fn empty(accounts: usize, asked: &Asked, has_more: bool) -> Empty {
    let say = |what: &str, remedy: &str, link| Empty { what: what.to_owned(), remedy: remedy.to_owned(), link };
    match (accounts, asked.choice, has_more) {
        (0, ..) => say(
            "There is no account yet",
            "Import the archive that LinkedIn gives you, or connect an account with `threadkeep account add`.",
            Some(("/ui/import".to_owned(), "Import an archive")),
        ),
        (_, _, true) => say("None of the newest thousand is in this list", "Older ones may be.", None),
        (_, 0, _) => say(
            "No conversation is here yet",
            "A sync brings the newest ones first.",
            Some(("/ui/sync".to_owned(), "Look at the sync")),
        ),
        _ => say("Nothing is in this list", "Choose another one above.", None),
    }
}

fn shown(row: &ConversationRow, account: &Account, (asked, now, is_several): (&Asked, Timestamp, bool)) -> Row {
    let (kept, name) = (&row.conversation, faces::conversation(row, account));
    let others = read::others(row, account);
    let id = others.first().map_or(kept.id.as_str(), |person| person.id.as_str());
    let (preview, is_told) = row
        .newest
        .as_ref()
        .map_or_else(|| ("No message is here yet".to_owned(), true), |(message, _)| preview(message));
    Row {
        href: href(&row.account, &kept.id, &asked.carried()),
        face: face(&name, if kept.group { kept.id.as_str() } else { id }),
        people: others.len() + 1,
        is_group: kept.group,
        is_unread: is_unread(row),
        unread_count: kept.unread_count,
        at: listed(kept.last_activity_at, now),
        speaker: speaker(row, account),
        preview,
        is_told,
        labels: labels(row, account, is_several),
        is_current: false,
        name,
    }
}

/// The address of a conversation.
pub(super) fn href(account: &AccountId, id: &ConversationId, query: &[(&str, Option<&str>)]) -> String {
    with_query(&format!("/ui/thread/{account}/{}", encoded(id.as_str())), query)
}

/// A part of a path; ids may have characters that mean something there.
pub(super) fn encoded(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// An address with those parameters that there are.
pub(super) fn with_query(path: &str, query: &[(&str, Option<&str>)]) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    match pairs.finish().as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

fn is_unread(row: &ConversationRow) -> bool {
    !row.conversation.read || row.conversation.unread_count > 0
}

fn speaker(row: &ConversationRow, account: &Account) -> Option<String> {
    let (message, name) = row.newest.as_ref()?;
    match &message.sender {
        _ if message.format == MessageFormat::System => None,
        Some(sender) if *sender == account.member => Some("You".to_owned()),
        Some(_) if row.conversation.group => {
            let first = name.split_whitespace().next().map(|name| line(name, LABEL_MAX));
            first.filter(|name| !name.is_empty())
        }
        _ => None,
    }
}

/// The beginning of a message, or what it carries; true when the words are ours.
fn preview(message: &Message) -> (String, bool) {
    if message.format == MessageFormat::Recalled {
        return ("This message was taken back".to_owned(), true);
    }
    let body = line(&message.body, PREVIEW_MAX);
    if !body.is_empty() {
        return (body, false);
    }
    let carried = message.content.first().map(|content| match content {
        Content::Image { .. } => "An image".to_owned(),
        Content::File { name, .. } => {
            name.as_deref().map_or_else(|| "A file".to_owned(), |name| format!("File: {}", line(name, PREVIEW_MAX)))
        }
        Content::Video { .. } => "A video".to_owned(),
        Content::Audio { .. } => "A voice message".to_owned(),
        Content::External { .. } => "A moving image".to_owned(),
        Content::Forwarded { .. } => "A forwarded message".to_owned(),
        Content::Meeting { .. } => "A meeting".to_owned(),
        Content::Call { .. } => "A call".to_owned(),
        _ => "A message without a text".to_owned(),
    });
    let subject = message.subject.as_deref().map(|subject| line(subject, PREVIEW_MAX));
    (carried.or(subject).unwrap_or_else(|| "An empty message".to_owned()), true)
}

fn labels(row: &ConversationRow, account: &Account, is_several: bool) -> Vec<Label> {
    let kept = &row.conversation;
    let has = |name: &str| kept.categories.contains(name);
    let mut labels = Vec::new();
    let mut add = |words: &str, look| labels.push(Label { words: line(words, LABEL_MAX), look });
    if has("STARRED") {
        add("Starred", "star");
    }
    match kept.label.as_deref() {
        Some(label) => add(label, "mail"),
        None if kept.sponsored => add("Sponsored", "mail"),
        None if has("INMAIL") => add("InMail", "mail"),
        None => {}
    }
    if has("MESSAGE_REQUEST_PENDING") || kept.state.as_deref() == Some("PENDING") {
        add("Request", "mail");
    }
    if has("ARCHIVE") {
        add("Archived", "archive");
    }
    if has("SPAM") {
        add("Spam", "archive");
    }
    if kept.muted {
        add("Muted", "soft");
    }
    match row.completeness {
        Completeness::Listed | Completeness::Partial => add("Filling", "soft"),
        Completeness::SetAside => add("Set aside", "warn"),
        _ => {}
    }
    if is_several {
        add(&faces::owner(account), "account");
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_part_of_an_address() {
        let account = AccountId::new("0123456789abcdef01234567").unwrap();
        let id = ConversationId::new("2-a==").unwrap();
        assert_eq!(href(&account, &id, &[]), "/ui/thread/0123456789abcdef01234567/2-a%3D%3D");
        assert_eq!(encoded("a/../\"<é"), "a%2F..%2F%22%3C%C3%A9");
        assert_eq!(with_query("/ui/", &[("a", Some("b&c")), ("d", None)]), "/ui/?a=b%26c");
    }
}
