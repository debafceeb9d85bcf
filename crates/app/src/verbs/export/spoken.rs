//! What an export reads beside the records: names, attachments and their bytes, how complete a conversation is.
//!
//! Everything is read in pages and little of it is kept, so that memory does not grow with the mailbox. Bytes that are not
//! here are left out; an export never asks LinkedIn for anything.

use std::collections::{BTreeSet, HashMap, VecDeque};

use threadkeep_core::attachment::attachments;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::Completeness;

use super::{ExportError, PAGE_ROWS};
use crate::app::App;
use crate::forms::{Attached, Spoken, shown};
use crate::store::{AttachmentRow, ExportScope, LedgerFilter, Ledgered};
use crate::verbs::media;

/// People that are kept in mind.
const PEOPLE_MAX: usize = 5_000;

/// Names of people, as far as they were asked for lately.
pub(super) struct People<'a> {
    app: &'a App,
    account: &'a AccountId,
    known: HashMap<PersonId, Option<Person>>,
}

impl<'a> People<'a> {
    pub(super) fn new(app: &'a App, account: &'a AccountId) -> Self {
        Self { app, account, known: HashMap::new() }
    }

    /// Sees to it that these are known.
    pub(super) async fn learn(&mut self, ids: &BTreeSet<PersonId>) -> Result<(), ExportError> {
        if self.known.len() + ids.len() > PEOPLE_MAX {
            self.known.clear();
        }
        let missing: Vec<PersonId> = ids.iter().filter(|id| !self.known.contains_key(*id)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        for person in self.app.store.people(self.account, &missing).await? {
            self.known.insert(person.id.clone(), Some(person));
        }
        for id in missing {
            self.known.entry(id).or_insert(None);
        }
        Ok(())
    }

    /// Somebody, also when nothing is known of them.
    pub(super) fn person(&self, id: &PersonId) -> Person {
        let known = self.known.get(id).cloned().flatten();
        known.unwrap_or_else(|| Person {
            id: id.clone(),
            kind: threadkeep_core::person::PersonKind::Unknown,
            first_name: String::new(),
            last_name: String::new(),
            headline: None,
            profile_url: None,
            picture_url: None,
            distance: None,
            backend_urn: None,
        })
    }
}

/// The messages in scope, in the order of their conversations.
pub(super) struct Messages<'a> {
    app: &'a App,
    scope: ExportScope<'a>,
    page: VecDeque<Message>,
    last: Option<Message>,
    rows: HashMap<MessageId, Vec<AttachmentRow>>,
    is_over: bool,
}

impl<'a> Messages<'a> {
    pub(super) fn new(app: &'a App, scope: ExportScope<'a>) -> Self {
        Self { app, scope, page: VecDeque::new(), last: None, rows: HashMap::new(), is_over: false }
    }

    /// The next message of a conversation; conversations are asked for in their order.
    pub(super) async fn next_in(
        &mut self,
        conversation: &ConversationId,
        people: &mut People<'_>,
    ) -> Result<Option<Message>, ExportError> {
        loop {
            match self.page.front() {
                None if self.is_over => return Ok(None),
                None => self.turn(people).await?,
                // Its conversation came up after the list of conversations was read.
                Some(one) if one.conversation < *conversation => drop(self.page.pop_front()),
                Some(one) if one.conversation == *conversation => return Ok(self.page.pop_front()),
                Some(_) => return Ok(None),
            }
        }
    }

    async fn turn(&mut self, people: &mut People<'_>) -> Result<(), ExportError> {
        let after = self.last.as_ref().map(|one| (&one.conversation, one.delivered_at, &one.id));
        let page = self.app.store.export_messages(&self.scope, after, PAGE_ROWS).await?;
        self.is_over = page.is_empty();
        if let Some(last) = page.last() {
            self.last = Some(last.clone());
        }
        people.learn(&page.iter().filter_map(|one| one.sender.clone()).collect()).await?;
        let carrying = page.iter().filter(|one| attachments(&one.content).next().is_some());
        let carrying: Vec<MessageId> = carrying.map(|one| one.id.clone()).collect();
        self.rows.clear();
        for row in media::of_messages(self.app, self.scope.account, &carrying).await? {
            if let Some(message) = row.message.clone() {
                self.rows.entry(message).or_default().push(row);
            }
        }
        self.page = page.into();
        Ok(())
    }

    /// What hangs on a message; with their bytes when they are wanted and here.
    async fn attached(&self, message: &Message, with_bytes: bool) -> Result<Vec<Attached>, ExportError> {
        let rows = self.rows.get(&message.id).map(Vec::as_slice).unwrap_or_default();
        let mut all = Vec::new();
        for one in attachments(&message.content) {
            let row = rows.iter().find(|row| row.ordinal == one.ordinal);
            let kept = row.and_then(media::kept);
            let bytes = match &kept {
                Some(kept) if with_bytes => media::bytes_of(self.app, kept).await?,
                _ => None,
            };
            all.push(Attached {
                ordinal: one.ordinal,
                kind: one.kind().to_owned(),
                name: media::file_name(row.and_then(|row| row.name.as_deref()).or(one.name()), one.kind()),
                media_type: kept.as_ref().map(|kept| kept.content_type),
                is_image: kept.as_ref().is_some_and(|kept| kept.is_image),
                size_bytes: kept.as_ref().map(|kept| kept.size_bytes),
                hash: kept.as_ref().map(|kept| kept.hash.to_string()),
                bytes,
                file: None,
            });
        }
        Ok(all)
    }

    /// A message with what belongs to it.
    pub(super) async fn spoken<'m>(
        &self,
        message: &'m Message,
        people: &People<'_>,
        owner: &PersonId,
        (with_bytes, with_history): (bool, bool),
    ) -> Result<Spoken<'m>, ExportError> {
        let sender = message.sender.as_ref();
        Ok(Spoken {
            message,
            sender: sender.map_or_else(|| "LinkedIn".to_owned(), |id| shown(&people.person(id))),
            is_mine: sender == Some(owner),
            attachments: self.attached(message, with_bytes).await?,
            with_history,
        })
    }
}

/// How complete conversations are, in their order.
pub(super) struct Ledger<'a> {
    app: &'a App,
    account: &'a AccountId,
    page: VecDeque<Ledgered>,
    last: Option<ConversationId>,
    is_over: bool,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(app: &'a App, account: &'a AccountId) -> Self {
        Self { app, account, page: VecDeque::new(), last: None, is_over: false }
    }

    /// How complete this one is; conversations are asked for in their order.
    pub(super) async fn of(&mut self, conversation: &ConversationId) -> Result<Option<Completeness>, ExportError> {
        loop {
            match self.page.front() {
                None if self.is_over => return Ok(None),
                None => {
                    let page = self
                        .app
                        .store
                        .ledgered(
                            self.account,
                            &LedgerFilter { after: self.last.clone(), ..LedgerFilter::default() },
                            PAGE_ROWS,
                        )
                        .await?;
                    self.is_over = page.is_empty();
                    self.last = page.last().map(|one| one.track.conversation.clone()).or(self.last.take());
                    self.page = page.into();
                }
                Some(one) if one.track.conversation < *conversation => drop(self.page.pop_front()),
                Some(one) if one.track.conversation == *conversation => {
                    return Ok(Some(one.track.detail.completeness));
                }
                Some(_) => return Ok(None),
            }
        }
    }
}
