//! Pages that lie ready, shown row by row to whoever writes the answer, in one visit to the database.
//!
//! A row holds all that is shown of it; the owner of a mailbox, who takes part almost everywhere, is in no row and is shown
//! first. What does not lie ready yet is not shown: the caller then asks for records instead.

use std::sync::{Arc, Mutex, PoisonError};

use threadkeep_core::id::{AccountId, ConversationId, PersonId};
use threadkeep_core::person::{Person, PersonKind, PersonSeen, merge_person};
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;

use super::dialect::Dialect;
use super::look::{Look, Viewer, unfit};
use super::reads::{NEWEST_FIRST, page_filter, page_of_messages};
use super::rows;
use super::statement::{Statement, Value, push_marks, sql};
use super::{ConversationFilter, MessageFilter, SqlStore, StoreResult};

/// What a list shows, from `conversations c`, behind the account's id.
const LISTED: &str = "c.id, c.categories, c.is_group, \
     c.title, c.state, c.label, c.is_sponsored, c.created_at, c.last_activity_at, c.last_read_at, c.is_read, \
     c.unread_count, c.is_muted, c.others, c.has_owner, c.newest_id, c.newest_at, c.newest_sender_id, \
     c.newest_first_name, c.newest_last_name, c.newest_body, c.newest_content, \
     (SELECT t.completeness FROM tracks t WHERE t.conversation_pk = c.pk)";
/// What a page shows of a conversation.
const THREAD: &str = "SELECT c.others, c.has_owner, (SELECT t.completeness FROM tracks t \
     WHERE t.conversation_pk = c.pk) FROM conversations c WHERE c.is_deleted = 0 \
     AND c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id = ?";
/// Those who were there or wrote without being listed, and what is shown of them beside their messages.
const GUESTS: &str = "SELECT cp.person_id, p.first_name, p.last_name, p.picture_url FROM conversation_people cp \
     LEFT JOIN people p ON p.account_pk = cp.account_pk AND p.id = cp.person_id \
     WHERE cp.conversation_pk = (SELECT c.pk FROM conversations c \
     WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id = ?) AND cp.is_present = 0 LIMIT ?";
/// Guests of one conversation that are shown at once; messages of others are made of records.
const GUESTS_MAX: u32 = 1_000;
/// What a page shows of a message, from `messages m`.
const SPOKEN: &str = "m.id, m.sender_id, m.delivered_at, m.body, m.subject, m.format, m.content, m.fallback_text, \
     m.reactions";

/// A conversation with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedLook<'a> {
    /// Whose mailbox it is in.
    pub account: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its categories, as a JSON list.
    pub categories: &'a str,
    /// Whether it is a group.
    pub group: bool,
    /// Its title, where somebody gave it one.
    pub title: Option<&'a str>,
    /// The state of a message request.
    pub state: Option<&'a str>,
    /// What kind of message it began with.
    pub label: Option<&'a str>,
    /// Whether somebody has paid for it.
    pub sponsored: bool,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// Its newest activity.
    pub last_activity_at: Timestamp,
    /// When the member last read it.
    pub last_read_at: Option<Timestamp>,
    /// Whether it is read.
    pub read: bool,
    /// Messages that are not read.
    pub unread_count: u32,
    /// Whether it is muted.
    pub muted: bool,
    /// Its participants but the owner: [`super::Participant`]s in JSON with commas between them.
    pub others: &'a str,
    /// Whether the owner is a participant.
    pub has_owner: bool,
    /// Its newest message that is not deleted.
    pub newest: Option<NewestLook<'a>>,
    /// How much of it we have.
    pub completeness: Completeness,
}

/// The newest message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct NewestLook<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// Who wrote it, where told.
    pub sender: Option<&'a str>,
    /// First and last name of whoever wrote it, where known, unless that is the owner.
    pub sender_names: (&'a str, &'a str),
    /// Its text.
    pub body: &'a str,
    /// What came with it, as a JSON list.
    pub content: Option<&'a str>,
}

/// A conversation with what a page of its messages shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadLook<'a> {
    /// Its participants but the owner: [`super::Participant`]s in JSON with commas between them.
    pub others: &'a str,
    /// Whether the owner is a participant.
    pub has_owner: bool,
    /// How much of it we have.
    pub completeness: Completeness,
}

/// Somebody who wrote in a conversation and takes no part in it.
#[derive(Debug, Clone, PartialEq)]
pub struct GuestLook<'a> {
    /// The person.
    pub id: &'a str,
    /// First and last name, where known.
    pub names: (&'a str, &'a str),
    /// Link to the picture, where known.
    pub picture_url: &'a str,
}

/// A message with what a page shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenLook<'a> {
    /// Its id.
    pub id: &'a str,
    /// Who wrote it, where told.
    pub sender: Option<&'a str>,
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// Its text.
    pub body: &'a str,
    /// Its subject.
    pub subject: Option<&'a str>,
    /// The name of its format.
    pub format: &'a str,
    /// What came with it, as a JSON list.
    pub content: Option<&'a str>,
    /// What to show instead of what cannot be shown.
    pub fallback_text: Option<&'a str>,
    /// Reactions to it, as a JSON list.
    pub reactions: Option<&'a str>,
}

/// Whoever writes a page. Owners come first, then a thread and its guests, then the rows in their order.
pub trait PageWriter: Send {
    /// The member whose mailbox it is.
    fn owner(&mut self, account: AccountId, owner: Person);
    /// The conversation whose messages follow.
    fn thread(&mut self, _: &ThreadLook<'_>) {}
    /// Somebody who is no participant and may have written.
    fn guest(&mut self, _: &GuestLook<'_>) {}
    /// Asked for each row that follows: whether there is no room for it, so that it need not be looked at.
    fn is_full(&mut self) -> bool {
        false
    }
    /// A conversation of a list.
    fn conversation(&mut self, _: &ListedLook<'_>) {}
    /// A message.
    fn message(&mut self, _: &SpokenLook<'_>) {}
}

/// A writer that the reader and whoever waits for the page share.
pub type SharedWriter = Arc<Mutex<dyn PageWriter>>;

/// What the rows of a page are.
enum Rows {
    /// Of this account, or of several.
    Conversations(Option<AccountId>),
    Messages,
}

/// Shows a page to its writer.
struct Shown {
    writer: SharedWriter,
    rows: Rows,
    is_ready: bool,
}

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn shown_list(
        &self,
        filter: &ConversationFilter,
        limit: u32,
        writer: SharedWriter,
    ) -> StoreResult<bool> {
        let Some((condition, mut values)) = page_filter(filter) else {
            return Ok(true);
        };
        self.show_owners(&filter.accounts, &writer).await?;
        // The account of each row has to be asked for only where there are several.
        let (account, only) = match filter.accounts.as_slice() {
            [one] => ("NULL", Some(one.clone())),
            _ => ("(SELECT a.id FROM accounts a WHERE a.pk = c.account_pk)", None),
        };
        let text =
            format!("SELECT {account}, {LISTED} FROM conversations c {condition} ORDER BY {NEWEST_FIRST} LIMIT ?");
        values.push(Value::from(limit));
        let viewer = Shown { writer, rows: Rows::Conversations(only), is_ready: true };
        Ok(self.db.show(vec![Statement::new(text, values)], viewer).await?.is_ready)
    }

    pub(super) async fn shown_thread(
        &self,
        (account, conversation): (&AccountId, &ConversationId),
        filter: &MessageFilter,
        limit: u32,
        writer: SharedWriter,
    ) -> StoreResult<bool> {
        self.show_owners(std::slice::from_ref(account), &writer).await?;
        let script = vec![
            sql!(THREAD, account, conversation),
            sql!(GUESTS, account, conversation, GUESTS_MAX),
            page_of_messages(SPOKEN, (account, conversation), filter, limit),
        ];
        Ok(self.db.show(script, Shown { writer, rows: Rows::Messages, is_ready: true }).await?.is_ready)
    }

    /// Shows who the members of these accounts are.
    async fn show_owners(&self, accounts: &[AccountId], writer: &SharedWriter) -> StoreResult<()> {
        let state = self.db.state();
        let known = accounts.iter().map(|id| Some((id.clone(), self.known.owners.get(state, id)?)));
        let owners = match known.collect::<Option<Vec<_>>>() {
            Some(known) => known,
            None => {
                let rows = self.db.glance(vec![owners_of(accounts)]).await?;
                let read: StoreResult<Vec<_>> =
                    rows::rows(rows).map(|row| owner(&mut Look::at_values(&row.0))).collect();
                let read = read?;
                for (id, owner) in &read {
                    self.known.owners.put(state, id.clone(), owner);
                }
                read
            }
        };
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        owners.into_iter().for_each(|(account, owner)| writer.owner(account, owner));
        Ok(())
    }
}

impl Viewer for Shown {
    fn see(&mut self, statement: usize, row: &mut Look<'_>) -> StoreResult<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match (statement, &self.rows) {
            (0, Rows::Messages) => match thread(row)? {
                Some(look) => writer.thread(&look),
                None => self.is_ready = false,
            },
            (1, Rows::Messages) => writer.guest(&guest(row)?),
            _ if writer.is_full() => {}
            (_, Rows::Messages) => writer.message(&spoken(row)?),
            (_, Rows::Conversations(only)) => match listed(row, only.as_ref())? {
                Some(look) => writer.conversation(&look),
                None => self.is_ready = false,
            },
        }
        Ok(())
    }
}

fn owner(row: &mut Look<'_>) -> StoreResult<(AccountId, Person)> {
    let account = AccountId::new(row.text("account")?).map_err(|_| unfit("account"))?;
    let id = PersonId::new(row.text("member_id")?).map_err(|_| unfit("member_id"))?;
    let Some(kind) = row.text_or_null("kind")? else {
        let stranger = merge_person(None, &PersonSeen::only_id(id));
        return stranger.map(|owner| (account, owner)).ok_or_else(|| unfit("member_id"));
    };
    let mut told = |column| row.text_or_null(column).map(|text| text.map(str::to_owned));
    let owner = Person {
        id,
        kind: PersonKind::from_name(kind),
        first_name: told("first_name")?.unwrap_or_default(),
        last_name: told("last_name")?.unwrap_or_default(),
        headline: told("headline")?,
        profile_url: told("profile_url")?,
        picture_url: told("picture_url")?,
        distance: told("distance")?,
        backend_urn: told("backend_urn")?,
    };
    Ok((account, owner))
}

/// Asks who the members of these accounts are.
fn owners_of(accounts: &[AccountId]) -> Statement {
    let mut text = String::from(
        "SELECT a.id, a.member_id, p.kind, p.first_name, p.last_name, p.headline, p.profile_url, p.picture_url, \
         p.distance, p.backend_urn FROM accounts a LEFT JOIN people p \
         ON p.account_pk = a.pk AND p.id = a.member_id WHERE a.id IN (",
    );
    push_marks(&mut text, accounts.len());
    text.push(')');
    Statement::new(text, accounts.iter().map(Value::from).collect())
}

fn listed<'b, 'a: 'b>(row: &mut Look<'a>, only: Option<&'b AccountId>) -> StoreResult<Option<ListedLook<'b>>> {
    let account = row.text_or_null("account")?.or(only.map(AccountId::as_str)).ok_or_else(|| unfit("account"))?;
    let id = row.text("id")?;
    let categories = row.text("categories")?;
    let group = row.flag("is_group")?;
    let (title, state, label) = (row.text_or_null("title")?, row.text_or_null("state")?, row.text_or_null("label")?);
    let sponsored = row.flag("is_sponsored")?;
    let created_at = row.time_or_null("created_at")?;
    let last_activity_at = row.time("last_activity_at")?;
    let last_read_at = row.time_or_null("last_read_at")?;
    let (read, unread_count, muted) = (row.flag("is_read")?, row.number("unread_count")?, row.flag("is_muted")?);
    let Some(others) = row.text_or_null("others")? else {
        return Ok(None);
    };
    let has_owner = row.flag("has_owner")?;
    let newest = newest(row)?;
    Ok(Some(ListedLook {
        account,
        id,
        categories,
        group,
        title,
        state,
        label,
        sponsored,
        created_at,
        last_activity_at,
        last_read_at,
        read,
        unread_count,
        muted,
        others: unbracketed(others)?,
        has_owner,
        newest,
        completeness: completeness(row)?,
    }))
}

fn newest<'a>(row: &mut Look<'a>) -> StoreResult<Option<NewestLook<'a>>> {
    let id = row.text_or_null("newest_id")?;
    let delivered_at = row.time_or_null("newest_at")?;
    let sender = row.text_or_null("newest_sender_id")?;
    let first_name = row.text_or_null("newest_first_name")?.unwrap_or_default();
    let last_name = row.text_or_null("newest_last_name")?.unwrap_or_default();
    let body = row.text_or_null("newest_body")?.unwrap_or_default();
    let content = row.text_or_null("newest_content")?;
    let found = id.zip(delivered_at);
    Ok(found.map(|(id, delivered_at)| NewestLook {
        id,
        delivered_at,
        sender,
        sender_names: (first_name, last_name),
        body,
        content,
    }))
}

fn thread<'a>(row: &mut Look<'a>) -> StoreResult<Option<ThreadLook<'a>>> {
    let Some(others) = row.text_or_null("others")? else {
        return Ok(None);
    };
    let has_owner = row.flag("has_owner")?;
    Ok(Some(ThreadLook { others: unbracketed(others)?, has_owner, completeness: completeness(row)? }))
}

fn guest<'a>(row: &mut Look<'a>) -> StoreResult<GuestLook<'a>> {
    let id = row.text("person_id")?;
    let first_name = row.text_or_null("first_name")?.unwrap_or_default();
    let last_name = row.text_or_null("last_name")?.unwrap_or_default();
    let picture_url = row.text_or_null("picture_url")?.unwrap_or_default();
    Ok(GuestLook { id, names: (first_name, last_name), picture_url })
}

fn spoken<'a>(row: &mut Look<'a>) -> StoreResult<SpokenLook<'a>> {
    Ok(SpokenLook {
        id: row.text("id")?,
        sender: row.text_or_null("sender_id")?,
        delivered_at: row.time("delivered_at")?,
        body: row.text("body")?,
        subject: row.text_or_null("subject")?,
        format: row.text("format")?,
        content: row.text_or_null("content")?,
        fallback_text: row.text_or_null("fallback_text")?,
        reactions: row.text_or_null("reactions")?,
    })
}

fn completeness(row: &mut Look<'_>) -> StoreResult<Completeness> {
    match row.text_or_null("completeness")? {
        None => Ok(Completeness::OutOfScope),
        Some(name) => Completeness::from_name(name).ok_or_else(|| unfit("completeness")),
    }
}

fn unbracketed(list: &str) -> StoreResult<&str> {
    list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(|| unfit("others"))
}
