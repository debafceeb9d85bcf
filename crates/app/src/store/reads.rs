//! Pages for readers: conversations, messages, people, and how much there is.
//!
//! A page is one keyset statement, so that what arrives meanwhile shifts nothing; participants of a page are one more.
//! Nothing here may write, and no page may be larger than its limit.

use std::collections::HashMap;

use async_trait::async_trait;
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::{Person, PersonSeen, merge_person};
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;

use super::dialect::Dialect;
use super::rows::{self, CONVERSATION, MESSAGE, PERSON};
use super::statement::{Columns, Outcome, Row, Statement, Value, for_keys, push_marks, sql};
use super::{
    ConversationFilter, ConversationRow, ExportScope, LedgerFilter, Ledgered, MessageFilter, Overview, Reads,
    SharedWriter,
};
use super::{SqlStore, StoreResult};
use crate::planted::{self, Bug};

/// Rows of one page, whatever is asked for.
const PAGE_MAX: u32 = 5_000;
/// Order of every list of conversations.
pub(super) const NEWEST_FIRST: &str = "c.last_activity_at DESC, c.id DESC, c.account_pk DESC";

/// Asks who takes part in conversations, up to their keys.
const PARTICIPANTS: &str = "SELECT cp.conversation_pk, cp.person_id, p.known, p.id, p.kind, p.first_name, p.last_name, \
     p.headline, p.profile_url, p.picture_url, p.distance, p.backend_urn FROM conversation_people cp \
     LEFT JOIN (SELECT 1 AS known, people.* FROM people) p ON p.account_pk = cp.account_pk AND p.id = cp.person_id \
     WHERE cp.is_present = 1 AND cp.conversation_pk";
/// The order of what it answers.
const BY_PERSON: &str = "ORDER BY cp.conversation_pk, cp.person_id";

#[async_trait]
impl<D: Dialect> Reads for SqlStore<D> {
    async fn conversations(&self, filter: &ConversationFilter, limit: u32) -> StoreResult<Vec<ConversationRow>> {
        match page_of_conversations(filter, limit) {
            Some(page) => self.conversation_rows(page).await,
            None => Ok(Vec::new()),
        }
    }

    async fn show_list(&self, filter: &ConversationFilter, limit: u32, writer: SharedWriter) -> StoreResult<bool> {
        self.shown_list(filter, limit.min(PAGE_MAX), writer).await
    }

    async fn show_thread(
        &self,
        thread: (&AccountId, &ConversationId),
        filter: &MessageFilter,
        limit: u32,
        writer: SharedWriter,
    ) -> StoreResult<bool> {
        self.shown_thread(thread, filter, limit.min(PAGE_MAX), writer).await
    }

    async fn conversation(&self, accounts: &[AccountId], id: &ConversationId) -> StoreResult<Option<ConversationRow>> {
        if accounts.is_empty() {
            return Ok(None);
        }
        let mut text = String::from("SELECT c.* FROM conversations c WHERE c.is_deleted = 0 AND c.id = ?");
        let mut values = vec![Value::from(id)];
        if !planted::is(Bug::ForeignConversationRead) {
            of_accounts(&mut text, &mut values, "c.account_pk", accounts);
        }
        let mut found = self.conversation_rows(Statement::new(text, values)).await?;
        found.sort_by_key(|row| accounts.iter().position(|account| *account == row.account));
        Ok(found.into_iter().next())
    }

    async fn messages(
        &self,
        account: &AccountId,
        conversation: &ConversationId,
        filter: &MessageFilter,
        limit: u32,
    ) -> StoreResult<Vec<Message>> {
        let rows = self.rows(page_of_messages(MESSAGE, (account, conversation), filter, limit.min(PAGE_MAX))).await?;
        read_messages(rows.into_iter(), conversation)
    }

    async fn people(&self, account: &AccountId, ids: &[PersonId]) -> StoreResult<Vec<Person>> {
        let mut script = Vec::new();
        for_keys(
            &mut script,
            &format!(
                "SELECT {PERSON} FROM people p WHERE p.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND p.id"
            ),
            "ORDER BY p.id",
            &[account.into()],
            ids.iter(),
        );
        if script.is_empty() {
            return Ok(Vec::new());
        }
        rows::rows(self.db.read(script).await?).map(|row| rows::person(&mut row.columns("people"))).collect()
    }

    async fn overview(&self, account: &AccountId) -> StoreResult<Overview> {
        let totals = "SELECT a.message_count, a.oldest_message_at, (SELECT COUNT(*) FROM conversations c \
             WHERE c.account_pk = a.pk AND c.is_deleted = 0), (SELECT COUNT(*) FROM oddities o \
             WHERE o.account_pk = a.pk), (SELECT COUNT(*) FROM verdicts v WHERE v.account_pk = a.pk \
             AND v.listed_drift + v.read_drift > 0) FROM accounts a WHERE a.id = ?";
        let tracks = "SELECT t.completeness, COUNT(*), COUNT(t.due_rank), \
             COUNT(CASE WHEN t.synced_to IS NULL OR t.activity > t.synced_to THEN 1 END), \
             MIN(CASE WHEN t.synced_to IS NULL OR t.activity > t.synced_to THEN t.activity END) FROM tracks t \
             WHERE t.account_pk = (SELECT pk FROM accounts WHERE id = ?) GROUP BY t.completeness";
        let mut answers = self.db.read(vec![sql!(totals, account), sql!(tracks, account)]).await?.into_iter();
        let mut overview = Overview::default();
        for row in answers.next().into_iter().flat_map(|one| one.rows) {
            let mut row = row.columns("accounts");
            overview.messages = row.count("message_count")?;
            overview.oldest_message_at = row.time_or_null("oldest_message_at")?;
            overview.conversations = row.count("conversations")?;
            overview.oddities = row.count("oddities")?;
            overview.drifted = row.count("drifted")?;
        }
        for row in answers.flat_map(|one| one.rows) {
            count_tracks(&mut overview, &mut row.columns("tracks"))?;
        }
        Ok(overview)
    }

    async fn ledgered(&self, account: &AccountId, filter: &LedgerFilter, limit: u32) -> StoreResult<Vec<Ledgered>> {
        self.ledger_page(account, filter, limit.min(PAGE_MAX)).await
    }

    async fn export_conversations(
        &self,
        scope: &ExportScope<'_>,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> StoreResult<Vec<Conversation>> {
        self.exported_conversations(scope, after, limit.min(PAGE_MAX)).await
    }

    async fn export_messages(
        &self,
        scope: &ExportScope<'_>,
        after: Option<(&ConversationId, Timestamp, &MessageId)>,
        limit: u32,
    ) -> StoreResult<Vec<Message>> {
        self.exported_messages(scope, after, limit.min(PAGE_MAX)).await
    }

    async fn export_people(
        &self,
        scope: &ExportScope<'_>,
        after: Option<&PersonId>,
        limit: u32,
    ) -> StoreResult<Vec<Person>> {
        self.exported_people(scope, after, limit.min(PAGE_MAX)).await
    }
}

impl<D: Dialect> SqlStore<D> {
    /// What a list shows of the conversations that a statement selects, newest first.
    pub(super) async fn conversation_rows(&self, page: Statement) -> StoreResult<Vec<ConversationRow>> {
        let rows = self.rows(rows_of(&page)).await?;
        let mut listed = Vec::with_capacity(rows.len());
        for row in rows {
            let mut row = row.columns("conversations");
            listed.push((row.int("pk")?, listed_row(&mut row)?));
        }
        let mut participants = self.participants(listed.iter().map(|(pk, _)| *pk)).await?;
        Ok(listed
            .into_iter()
            .map(|(pk, row)| ConversationRow { participants: participants.remove(&pk).unwrap_or_default(), ..row })
            .collect())
    }

    async fn participants(&self, pks: impl Iterator<Item = i64>) -> StoreResult<HashMap<i64, Vec<Person>>> {
        let script = Self::asked_participants(pks);
        match script.is_empty() {
            true => Ok(HashMap::new()),
            false => Self::read_participants(self.db.read(script).await?),
        }
    }

    /// Asks who takes part in these conversations.
    pub(super) fn asked_participants(pks: impl Iterator<Item = i64>) -> Vec<Statement> {
        let mut script = Vec::new();
        for_keys(&mut script, PARTICIPANTS, BY_PERSON, &[], pks);
        script
    }

    /// The answers to that, by conversation.
    pub(super) fn read_participants(answers: Vec<Outcome>) -> StoreResult<HashMap<i64, Vec<Person>>> {
        let mut found: HashMap<i64, Vec<Person>> = HashMap::new();
        for row in rows::rows(answers) {
            let mut row = row.columns("people");
            let pk = row.int("conversation_pk")?;
            found.entry(pk).or_default().extend(person_or_stranger(&mut row)?);
        }
        Ok(found)
    }
}

/// Somebody by id, with what is known of them: an id, a mark that is null when nothing is, and the columns.
pub(super) fn person_or_stranger(row: &mut Columns) -> StoreResult<Option<Person>> {
    let id: PersonId = row.id("person_id")?;
    match row.int_or_null("known")? {
        Some(_) => rows::person(row).map(Some),
        None => Ok(merge_person(None, &PersonSeen::only_id(id))),
    }
}

fn listed_row(row: &mut Columns) -> StoreResult<ConversationRow> {
    let account = row.id("account")?;
    let conversation = rows::conversation(row)?;
    let completeness = rows::completeness(row)?;
    let first_name = row.text_or_null("first_name")?.unwrap_or_default();
    let last_name = row.text_or_null("last_name")?.unwrap_or_default();
    let newest = match row.int_or_null("message")? {
        Some(_) => {
            let name = format!("{first_name} {last_name}").trim().to_owned();
            Some((rows::message(row, conversation.id.clone())?, name))
        }
        None => None,
    };
    Ok(ConversationRow { account, conversation, participants: Vec::new(), newest, completeness })
}

/// The keyset statement of a page; `None` when no account is asked for.
fn page_of_conversations(filter: &ConversationFilter, limit: u32) -> Option<Statement> {
    let (condition, mut values) = page_filter(filter)?;
    values.push(limit.min(PAGE_MAX).into());
    let text = format!("SELECT c.* FROM conversations c {condition} ORDER BY {NEWEST_FIRST} LIMIT ?");
    Some(Statement::new(text, values))
}

/// What a page is cut out of; `None` when no account is asked for.
pub(super) fn page_filter(filter: &ConversationFilter) -> Option<(String, Vec<Value>)> {
    let mut text = String::from(if planted::is(Bug::DeletedShown) { "WHERE 1 = 1" } else { "WHERE c.is_deleted = 0" });
    let mut values = Vec::new();
    match filter.accounts.as_slice() {
        [] => return None,
        [one] => {
            text.push_str(" AND c.account_pk = (SELECT pk FROM accounts WHERE id = ?)");
            values.push(one.into());
        }
        // The sign keeps the index of one account out: the list of all is walked in its own order.
        several => of_accounts(&mut text, &mut values, "+c.account_pk", several),
    }
    if filter.unread_only {
        text.push_str(match planted::is(Bug::UnreadByFlagAlone) {
            true => " AND c.is_read = 0",
            false => " AND (c.is_read = 0 OR c.unread_count > 0)",
        });
    }
    if let Some((at, id, account)) = &filter.after {
        let below = if planted::is(Bug::ListKeysetRepeats) { "<=" } else { "<" };
        text.push_str(&format!(
            " AND (c.last_activity_at, c.id, c.account_pk) {below} \
             (?, ?, COALESCE((SELECT pk FROM accounts WHERE id = ?), 0))",
        ));
        values.extend([(*at).into(), id.into(), account.into()]);
    }
    Some((text, values))
}

/// Asks what a list shows of the conversations that a statement selects, newest first.
fn rows_of(page: &Statement) -> Statement {
    let text = format!(
        "SELECT c.pk, a.id, {CONVERSATION}, t.completeness, p.first_name, p.last_name, m.version, {MESSAGE} \
         FROM ({}) c JOIN accounts a ON a.pk = c.account_pk LEFT JOIN tracks t ON t.conversation_pk = c.pk \
         LEFT JOIN messages m ON m.account_pk = c.account_pk AND m.id = c.newest_id \
         LEFT JOIN people p ON p.account_pk = c.account_pk AND p.id = m.sender_id ORDER BY {NEWEST_FIRST}",
        page.text
    );
    Statement::new(text, page.values.clone())
}

/// The keyset statement of a page of messages, newest first, with these columns.
pub(super) fn page_of_messages(
    columns: &str,
    (account, conversation): (&AccountId, &ConversationId),
    filter: &MessageFilter,
    limit: u32,
) -> Statement {
    let mut text = format!(
        "SELECT {columns} FROM messages m WHERE m.conversation_pk = (SELECT c.pk FROM conversations c \
         WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id = ?) AND m.is_deleted = 0"
    );
    let mut values = vec![Value::from(account), conversation.into()];
    if let Some((at, id)) = &filter.before {
        text.push_str(match planted::is(Bug::KeysetSkipsEqual) {
            true => " AND m.delivered_at < ? AND ? <> ''",
            false => " AND (m.delivered_at, m.id) < (?, ?)",
        });
        values.extend([(*at).into(), id.into()]);
    }
    if let Some(since) = filter.since {
        text.push_str(if planted::is(Bug::SinceIsInclusive) {
            " AND m.delivered_at >= ?"
        } else {
            " AND m.delivered_at > ?"
        });
        values.push(since.into());
    }
    text.push_str(" ORDER BY m.delivered_at DESC, m.id DESC LIMIT ?");
    values.push(limit.into());
    Statement::new(text, values)
}

fn read_messages(rows: impl Iterator<Item = Row>, conversation: &ConversationId) -> StoreResult<Vec<Message>> {
    rows.map(|row| rows::message(&mut row.columns("messages"), conversation.clone())).collect()
}

fn of_accounts(text: &mut String, values: &mut Vec<Value>, column: &str, accounts: &[AccountId]) {
    text.push_str(" AND ");
    text.push_str(column);
    text.push_str(" IN (SELECT a.pk FROM accounts a WHERE a.id IN (");
    push_marks(text, accounts.len());
    text.push_str("))");
    values.extend(accounts.iter().map(Value::from));
}

fn count_tracks(overview: &mut Overview, row: &mut Columns) -> StoreResult<()> {
    let completeness = rows::completeness(row)?;
    let tracks = row.count("count")?;
    overview.due += row.count("due")?;
    let lagging = row.count("lagging")?;
    let lagging_since = row.time_or_null("lagging_since")?;
    if !matches!(completeness, Completeness::SetAside | Completeness::OutOfScope) {
        overview.lagging += lagging;
        overview.lagging_since = [overview.lagging_since, lagging_since].into_iter().flatten().min();
    }
    match completeness {
        Completeness::Complete => overview.complete += tracks,
        Completeness::Partial => overview.partial += tracks,
        Completeness::Listed => {
            overview.partial += tracks;
            overview.listed += tracks;
        }
        Completeness::EndUnproven => {
            overview.partial += tracks;
            overview.end_unproven += tracks;
        }
        Completeness::SetAside => overview.set_aside += tracks,
        Completeness::OutOfScope => overview.out_of_scope += tracks,
    }
    Ok(())
}
