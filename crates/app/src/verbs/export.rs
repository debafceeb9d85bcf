//! The export: everything in scope as JSON Lines, in the canonical order of `docs/EXPORT.md`.
//!
//! It reads page by page and hands on as it goes, so memory does not grow with the mailbox. The canonical form is exactly
//! what the page defines; the two variants (earlier texts, deleted records) add keys to it and are not canonical.

mod book;
pub mod copy;
pub mod copy_lines;
mod outlet;
mod spoken;

use std::io;

use serde_json::{Map, Value, json};
use threadkeep_core::canonical::{conversation_line, message_line, person_line, written};
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::message::Message;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{ExportScope, Reads, StoreError};

pub use book::{BookWish, write_book};
pub use outlet::Outlet;

/// Records of one page.
const PAGE_ROWS: u32 = 500;
/// Pages of one section: far above any mailbox, so that a store that never ends is noticed.
const PAGES_MAX: u32 = 10_000_000;

/// What to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportWish {
    /// Whose mailbox.
    pub account: AccountId,
    /// Conversations in any of these categories.
    pub categories: Vec<String>,
    /// Add the earlier texts of edited and recalled messages; not canonical.
    pub with_history: bool,
    /// Add deleted conversations and messages, marked; not canonical.
    pub with_deleted: bool,
}

/// Which part of what is asked for; by itself all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// These conversations alone, in whatever category; none named is all.
    pub only: Vec<ConversationId>,
    /// Messages that were delivered from then on, and conversations that were active since.
    pub since: Option<Timestamp>,
}

/// Refuses a conversation that the mirror of an account does not have, be it a deleted one.
pub async fn holds(app: &App, account: &AccountId, conversation: &ConversationId) -> Result<(), Refusal> {
    let only = std::slice::from_ref(conversation);
    let scope = ExportScope { only, ..ExportScope::everything(account) };
    match app.store.export_conversations(&scope, None, 1).await?.is_empty() {
        true => Err(Refusal::NoConversation),
        false => Ok(()),
    }
}

/// Writes the export of a part of an account's mirror; the caller has made sure that the account exists.
pub async fn write_lines(
    app: &App,
    wish: &ExportWish,
    part: &Part,
    out: &mut dyn Outlet,
) -> Result<Exported, ExportError> {
    write_part(&*app.store, wish, part, out).await
}

/// How much was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Conversations.
    pub conversations: u64,
    /// Messages.
    pub messages: u64,
    /// People.
    pub people: u64,
}

/// Why an export is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It was refused, or the database failed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The output cannot be written.
    #[error("the export cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// Writes the export; the caller has made sure that the account exists.
pub async fn write(
    reads: &(impl Reads + ?Sized),
    wish: &ExportWish,
    out: &mut dyn Outlet,
) -> Result<Exported, ExportError> {
    write_part(reads, wish, &Part::default(), out).await
}

async fn write_part(
    reads: &(impl Reads + ?Sized),
    wish: &ExportWish,
    part: &Part,
    out: &mut dyn Outlet,
) -> Result<Exported, ExportError> {
    let is_named = !part.only.is_empty();
    let scope = ExportScope {
        account: &wish.account,
        categories: Some(wish.categories.as_slice()).filter(|_| !is_named),
        with_deleted: wish.with_deleted,
        only: &part.only,
        since: part.since,
    };
    let mut exported = Exported::default();
    write_conversations(reads, &scope, &mut exported, out).await?;
    write_messages(reads, &scope, wish.with_history, &mut exported, out).await?;
    write_people(reads, &scope, &mut exported, out).await?;
    Ok(exported)
}

async fn write_conversations(
    reads: &(impl Reads + ?Sized),
    scope: &ExportScope<'_>,
    exported: &mut Exported,
    out: &mut dyn Outlet,
) -> Result<(), ExportError> {
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = reads.export_conversations(scope, after.as_ref(), PAGE_ROWS).await?;
        exported.conversations += put_lines(out, page.iter().map(conversation_text)).await?;
        out.tell(exported);
        match page.into_iter().next_back() {
            Some(last) => after = Some(last.id),
            None => return Ok(()),
        }
    }
    Err(endless())
}

async fn write_messages(
    reads: &(impl Reads + ?Sized),
    scope: &ExportScope<'_>,
    with_history: bool,
    exported: &mut Exported,
    out: &mut dyn Outlet,
) -> Result<(), ExportError> {
    let mut last: Option<Message> = None;
    for _ in 0..PAGES_MAX {
        let after = last.as_ref().map(|one| (&one.conversation, one.delivered_at, &one.id));
        let page = reads.export_messages(scope, after, PAGE_ROWS).await?;
        exported.messages += put_lines(out, page.iter().map(|one| message_text(one, with_history))).await?;
        out.tell(exported);
        match page.into_iter().next_back() {
            Some(one) => last = Some(one),
            None => return Ok(()),
        }
    }
    Err(endless())
}

async fn write_people(
    reads: &(impl Reads + ?Sized),
    scope: &ExportScope<'_>,
    exported: &mut Exported,
    out: &mut dyn Outlet,
) -> Result<(), ExportError> {
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = reads.export_people(scope, after.as_ref(), PAGE_ROWS).await?;
        exported.people += put_lines(out, page.iter().map(person_line)).await?;
        out.tell(exported);
        match page.into_iter().next_back() {
            Some(last) => after = Some(last.id),
            None => return Ok(()),
        }
    }
    Err(endless())
}

/// Hands on lines; tells how many.
async fn put_lines(out: &mut dyn Outlet, lines: impl Iterator<Item = String>) -> io::Result<u64> {
    let mut ready = Vec::new();
    let mut count = 0;
    for line in lines {
        ready.extend_from_slice(line.as_bytes());
        ready.push(b'\n');
        count += 1;
    }
    out.put(&mut ready).await?;
    Ok(count)
}

fn endless() -> ExportError {
    Refusal::Internal("the export does not end".into()).into()
}

fn conversation_text(one: &Conversation) -> String {
    match one.deleted {
        true => with_keys(&conversation_line(one), [("deleted", json!(true))]),
        false => conversation_line(one),
    }
}

fn message_text(one: &Message, with_history: bool) -> String {
    let mut extra = Vec::new();
    if one.deleted {
        extra.push(("deleted", json!(true)));
    }
    if with_history {
        let prior = one.prior.iter();
        let versions =
            prior.map(|text| json!({"body": text.body, "replacedAt": text.replaced_at, "version": text.version}));
        extra.push(("versions", versions.collect()));
    }
    match extra.is_empty() {
        true => message_line(one),
        false => with_keys(&message_line(one), extra),
    }
}

/// A canonical line with more keys, in the canonical form.
fn with_keys(line: &str, extra: impl IntoIterator<Item = (&'static str, Value)>) -> String {
    // Our own line is always an object; anything else would show as a line with the added keys alone.
    let mut keys: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
    keys.extend(extra.into_iter().map(|(key, value)| (key.to_owned(), value)));
    written(&Value::Object(keys))
}

#[cfg(test)]
mod tests {
    use threadkeep_core::id::MessageId;
    use threadkeep_core::message::{MessageFormat, PriorText};

    use super::*;

    fn message() -> Message {
        Message {
            id: MessageId::new("2-m").unwrap(),
            conversation: ConversationId::new("2-c").unwrap(),
            sender: None,
            delivered_at: Timestamp(5),
            body: "second".into(),
            attributes: Vec::new(),
            subject: None,
            format: MessageFormat::Edited,
            content: Vec::new(),
            fallback_text: None,
            reactions: Vec::new(),
            prior: vec![PriorText { version: 1, body: "first".into(), replaced_at: Timestamp(9) }],
            deleted: false,
            version: 2,
        }
    }

    #[test]
    fn without_a_variant_the_line_is_the_canonical_one() {
        assert_eq!(message_text(&message(), false), message_line(&message()));
    }

    #[test]
    fn variants_add_their_keys_in_order() {
        let deleted = Message { deleted: true, ..message() };
        let line = message_text(&deleted, true);
        assert!(line.contains(r#""conversation":"2-c","deleted":true,"deliveredAt":5"#), "{line}");
        assert!(line.ends_with(r#""versions":[{"body":"first","replacedAt":9,"version":1}]}"#), "{line}");
    }
}
