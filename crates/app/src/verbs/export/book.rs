//! Conversations one after the other, each with its messages: the export in every form but JSON Lines.
//!
//! One pass over conversations and one over messages, both in the order of ids, so that neither a long conversation nor a
//! large mailbox takes memory. Of a folder's list of files a line is kept for each conversation.

use std::collections::BTreeSet;

use threadkeep_core::id::ConversationId;
use threadkeep_core::time::Timestamp;

use super::outlet::Outlet;
use super::spoken::{Ledger, Messages, People};
use super::{ExportError, Exported, PAGE_ROWS, PAGES_MAX, endless};
use crate::app::App;
use crate::forms::{Entry, Form, Head, Spoken, Thread};
use crate::store::{Account, ExportScope};

/// Bytes that are gathered before they are handed on.
const BUFFER_BYTES: usize = 256 * 1024;

/// What to put into a file, or into files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookWish {
    /// Whose mailbox.
    pub account: Account,
    /// Conversations in any of these categories; `None` is all.
    pub categories: Option<Vec<String>>,
    /// These conversations alone; none named is all.
    pub only: Vec<ConversationId>,
    /// Messages that were delivered from then on, and conversations that were active since.
    pub since: Option<Timestamp>,
    /// Add the earlier texts of edited and recalled messages.
    pub with_history: bool,
    /// Add deleted conversations and messages, marked.
    pub with_deleted: bool,
    /// Add the bytes of attachments that are here.
    pub with_media: bool,
    /// One file for each conversation, with this ending; `None` is one file.
    pub files_ending: Option<&'static str>,
}

impl BookWish {
    /// All that a mailbox shows.
    pub fn of(account: Account) -> Self {
        Self {
            account,
            categories: None,
            only: Vec::new(),
            since: None,
            with_history: false,
            with_deleted: false,
            with_media: false,
            files_ending: None,
        }
    }

    fn scope(&self) -> ExportScope<'_> {
        ExportScope {
            account: &self.account.id,
            categories: self.categories.as_deref(),
            with_deleted: self.with_deleted,
            only: &self.only,
            since: self.since,
        }
    }

    fn owner_name(&self) -> String {
        format!("{} {}", self.account.first_name, self.account.last_name).trim().to_owned()
    }
}

/// Writes conversations in a form.
pub async fn write_book(
    app: &App,
    wish: &BookWish,
    form: &mut dyn Form,
    outlet: &mut dyn Outlet,
) -> Result<Exported, ExportError> {
    let owner_name = wish.owner_name();
    let title = format!("Conversations of {owner_name}");
    let head = Head { title: &title, account: &wish.account.id, owner: &wish.account.member, owner_name: &owner_name };
    let account = &wish.account.id;
    let mut book = Book {
        wish,
        form,
        outlet,
        ready: Vec::new(),
        exported: Exported::default(),
        entries: Vec::new(),
        people: People::new(app, account),
        messages: Messages::new(app, wish.scope()),
        ledger: Ledger::new(app, account),
    };
    if wish.files_ending.is_none() {
        book.form.begin(&head, &mut book.ready)?;
    }
    book.conversations(app, &head).await?;
    match wish.files_ending {
        None => book.form.end(&mut book.ready)?,
        Some(ending) => {
            book.entries.sort_by(|a, b| (b.last_activity_at, &a.file).cmp(&(a.last_activity_at, &b.file)));
            book.outlet.begin_file(&format!("index.{ending}")).await?;
            book.form.index(&head, &book.entries, &mut book.ready)?;
        }
    }
    book.outlet.put(&mut book.ready).await?;
    Ok(book.exported)
}

struct Book<'a> {
    wish: &'a BookWish,
    form: &'a mut dyn Form,
    outlet: &'a mut dyn Outlet,
    ready: Vec<u8>,
    exported: Exported,
    entries: Vec<Entry>,
    people: People<'a>,
    messages: Messages<'a>,
    ledger: Ledger<'a>,
}

impl Book<'_> {
    async fn conversations(&mut self, app: &App, head: &Head<'_>) -> Result<(), ExportError> {
        let scope = self.wish.scope();
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = app.store.export_conversations(&scope, after.as_ref(), PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for conversation in page {
                self.people.learn(&conversation.participants).await?;
                let people = conversation.participants.iter().map(|id| self.people.person(id)).collect();
                let completeness = self.ledger.of(&conversation.id).await?;
                let thread = Thread::new(conversation, people, self.wish.account.member.clone(), completeness);
                self.conversation(&thread, head).await?;
            }
        }
        Err(endless())
    }

    async fn conversation(&mut self, thread: &Thread, head: &Head<'_>) -> Result<(), ExportError> {
        let file = self.wish.files_ending.map(|ending| thread.file_name(ending));
        if let Some(file) = &file {
            self.outlet.begin_file(file).await?;
            self.form.begin(&Head { title: &thread.title, ..*head }, &mut self.ready)?;
        }
        self.form.open(thread, &mut self.ready)?;
        let before = self.exported.messages;
        while let Some(message) = self.messages.next_in(&thread.conversation.id, &mut self.people).await? {
            if let Some(sender) = &message.sender {
                self.people.learn(&BTreeSet::from([sender.clone()])).await?;
            }
            let with = (self.wish.with_media, self.wish.with_history);
            let mut spoken = self.messages.spoken(&message, &self.people, &thread.owner, with).await?;
            if file.is_some() {
                self.put_media(&mut spoken).await?;
            }
            self.form.message(thread, &spoken, &mut self.ready)?;
            self.exported.messages += 1;
            if self.ready.len() >= BUFFER_BYTES {
                self.outlet.put(&mut self.ready).await?;
                self.outlet.tell(&self.exported);
            }
        }
        self.form.close(thread, &mut self.ready)?;
        self.exported.conversations += 1;
        if let Some(file) = file {
            self.form.end(&mut self.ready)?;
            self.outlet.put(&mut self.ready).await?;
            let (title, last_activity_at) = (thread.title.clone(), thread.conversation.last_activity_at);
            self.entries.push(Entry { file, title, last_activity_at, messages: self.exported.messages - before });
        }
        self.outlet.tell(&self.exported);
        Ok(())
    }

    /// Puts the bytes of attachments beside the files; those with the same bytes and name are one file.
    async fn put_media(&mut self, spoken: &mut Spoken<'_>) -> Result<(), ExportError> {
        for one in &mut spoken.attachments {
            let (Some(bytes), Some(hash)) = (&one.bytes, &one.hash) else { continue };
            let mark = hash.get(..16).unwrap_or(hash);
            let file = format!("media/{mark}{}", ending(&one.name));
            self.outlet.put_file(&file, bytes).await?;
            one.file = Some(file);
        }
        Ok(())
    }
}

/// The ending of a name, when it is a plain one: it stands in links as it is.
fn ending(name: &str) -> String {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    let is_plain = (1..=8).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain { format!(".{}", ending.to_ascii_lowercase()) } else { String::new() }
}
