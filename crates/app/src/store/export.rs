//! Pages of the canonical export (`docs/EXPORT.md`), in the byte order of ids.
//!
//! Each page is found by its keys alone, so that the memory of an export does not grow with the mailbox.

use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::time::Timestamp;

use super::dialect::Dialect;
use super::reads::person_or_stranger;
use super::rows::{self, CONVERSATION, MESSAGE, PERSON};
use super::statement::{Row, Statement, Value, push_marks};
use super::{ExportScope, SqlStore, StoreResult};

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn exported_conversations(
        &self,
        scope: &ExportScope<'_>,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> StoreResult<Vec<Conversation>> {
        let mut query = Query::new(format!("SELECT {CONVERSATION} FROM conversations c WHERE "), scope);
        query.push(" AND c.id > ? ORDER BY c.id LIMIT ?", [after.map_or("", |id| id.as_str()).into(), limit.into()]);
        let rows = self.rows(query.statement()).await?;
        rows.into_iter().map(|row| rows::conversation(&mut row.columns("conversations"))).collect()
    }

    pub(super) async fn exported_messages(
        &self,
        scope: &ExportScope<'_>,
        after: Option<(&ConversationId, Timestamp, &MessageId)>,
        limit: u32,
    ) -> StoreResult<Vec<Message>> {
        let mut found = Vec::new();
        if let Some((conversation, at, id)) = after {
            // The rest of the conversation that the last page ended in.
            let mut query = messages(scope);
            query
                .push(" AND c.id = ? AND (m.delivered_at, m.id) > (?, ?)", [conversation.into(), at.into(), id.into()]);
            query.push(" ORDER BY m.delivered_at, m.id LIMIT ?", [limit.into()]);
            found = self.rows(query.statement()).await?;
        }
        let missing = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if missing > 0 {
            let mut query = messages(scope);
            query.push(" AND c.id > ?", [after.map_or("", |(id, ..)| id.as_str()).into()]);
            query.push(" ORDER BY c.id, m.delivered_at, m.id LIMIT ?", [missing.into()]);
            found.extend(self.rows(query.statement()).await?);
        }
        let read = |row: Row| {
            let mut row = row.columns("messages");
            let conversation = row.id("conversation_id")?;
            rows::message(&mut row, conversation)
        };
        found.into_iter().map(read).collect()
    }

    pub(super) async fn exported_people(
        &self,
        scope: &ExportScope<'_>,
        after: Option<&PersonId>,
        limit: u32,
    ) -> StoreResult<Vec<Person>> {
        let mut query = Query::new(
            format!(
                "SELECT x.person_id, p.known, {PERSON} FROM (SELECT DISTINCT cp.account_pk, cp.person_id \
                 FROM conversation_people cp JOIN conversations c ON c.pk = cp.conversation_pk WHERE "
            ),
            scope,
        );
        query.push(
            " AND cp.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND cp.person_id > ? \
             AND (cp.is_present = 1 OR EXISTS (SELECT 1 FROM messages m \
             WHERE m.conversation_pk = cp.conversation_pk AND m.sender_id = cp.person_id",
            [scope.account.into(), after.map_or("", |id| id.as_str()).into()],
        );
        query.messages_in_scope(scope);
        query.push(
            ")) ORDER BY cp.person_id LIMIT ?) x LEFT JOIN (SELECT 1 AS known, people.* FROM people) p \
             ON p.account_pk = x.account_pk AND p.id = x.person_id ORDER BY x.person_id",
            [limit.into()],
        );
        let rows = self.rows(query.statement()).await?;
        let read = |row: Row| person_or_stranger(&mut row.columns("people"));
        rows.into_iter().filter_map(|row| read(row).transpose()).collect()
    }
}

fn messages(scope: &ExportScope<'_>) -> Query {
    // CROSS JOIN makes SQLite go through the conversations in their order; for PostgreSQL it is a plain join.
    let text = format!("SELECT c.id, {MESSAGE} FROM conversations c CROSS JOIN messages m WHERE ");
    let mut query = Query::new(text, scope);
    query.push(" AND m.conversation_pk = c.pk", []);
    query.messages_in_scope(scope);
    query
}

/// A statement that grows from left to right.
struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    /// A statement whose text goes on with the conversations in scope.
    fn new(text: String, scope: &ExportScope<'_>) -> Self {
        let mut query = Self { text, values: Vec::new() };
        query.conversations_in_scope(scope);
        query
    }

    fn push<const N: usize>(&mut self, text: &str, values: [Value; N]) {
        self.text.push_str(text);
        self.values.extend(values);
    }

    /// `c` is a conversation of the account, in one of the categories, and not deleted unless those are wanted.
    fn conversations_in_scope(&mut self, scope: &ExportScope<'_>) {
        self.push("c.account_pk = (SELECT pk FROM accounts WHERE id = ?)", [scope.account.into()]);
        if !scope.with_deleted {
            self.push(" AND c.is_deleted = 0", []);
        }
        if let Some(since) = scope.since {
            self.push(" AND c.last_activity_at >= ?", [since.into()]);
        }
        if !scope.only.is_empty() {
            self.push(" AND c.id IN (", []);
            push_marks(&mut self.text, scope.only.len());
            self.values.extend(scope.only.iter().map(Value::from));
            self.push(")", []);
        }
        let Some(categories) = scope.categories else { return };
        if categories.is_empty() {
            return self.push(" AND 1 = 0", []);
        }
        self.push(
            " AND EXISTS (SELECT 1 FROM conversation_categories k WHERE k.conversation_pk = c.pk AND k.category IN (",
            [],
        );
        push_marks(&mut self.text, categories.len());
        self.values.extend(categories.iter().map(Value::from));
        self.push("))", []);
    }

    /// `m` is a message that is not deleted, unless those are wanted, and not too old.
    fn messages_in_scope(&mut self, scope: &ExportScope<'_>) {
        if !scope.with_deleted {
            self.push(" AND m.is_deleted = 0", []);
        }
        if let Some(since) = scope.since {
            self.push(" AND m.delivered_at >= ?", [since.into()]);
        }
    }

    fn statement(self) -> Statement {
        Statement::new(self.text, self.values)
    }
}
