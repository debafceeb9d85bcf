//! Single records for readers: somebody by profile, the conversation with somebody, a message by id, and what follows a
//! time.
//!
//! Nothing here may write, and what is deleted is not found.

use async_trait::async_trait;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::time::Timestamp;

use super::dialect::Dialect;
use super::rows::{self, MESSAGE, PERSON};
use super::statement::{Statement, Value, push_marks, sql};
use super::{Lookups, SqlStore, StoreResult};

/// Rows of one page, whatever is asked for.
const PAGE_MAX: u32 = 1_000;

#[async_trait]
impl<D: Dialect> Lookups for SqlStore<D> {
    async fn person_by_profile(&self, account: &AccountId, profile: &str) -> StoreResult<Option<Person>> {
        let of_account =
            format!("SELECT {PERSON} FROM people p WHERE p.account_pk = (SELECT pk FROM accounts WHERE id = ?)");
        let by_id = sql!(format!("{of_account} AND p.id = ?"), account, profile);
        let slug = profile.to_ascii_lowercase();
        let by_slug = sql!(format!("{of_account} AND p.slug = ? ORDER BY p.id LIMIT 1"), account, slug);
        // An id goes before a vanity name that is spelt like it.
        let row = rows::rows(self.db.read(vec![by_id, by_slug]).await?).next();
        row.map(|row| rows::person(&mut row.columns("people"))).transpose()
    }

    async fn conversation_with(&self, account: &AccountId, person: &PersonId) -> StoreResult<Option<ConversationId>> {
        let text = "SELECT c.id FROM conversation_people cp JOIN conversations c ON c.pk = cp.conversation_pk \
             WHERE cp.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND cp.person_id = ? AND cp.is_present = 1 \
             AND c.is_deleted = 0 AND c.is_group = 0 ORDER BY c.last_activity_at DESC, c.id DESC LIMIT 1";
        let row = self.row(sql!(text, account, person)).await?;
        row.map(|row| row.columns("conversations").id("id")).transpose()
    }

    async fn message(&self, accounts: &[AccountId], id: &MessageId) -> StoreResult<Option<(AccountId, Message)>> {
        if accounts.is_empty() {
            return Ok(None);
        }
        let mut text = format!(
            "SELECT a.id, c.id, {MESSAGE} FROM messages m JOIN accounts a ON a.pk = m.account_pk \
             JOIN conversations c ON c.pk = m.conversation_pk \
             WHERE m.id = ? AND m.is_deleted = 0 AND c.is_deleted = 0 \
             AND m.account_pk IN (SELECT b.pk FROM accounts b WHERE b.id IN ("
        );
        push_marks(&mut text, accounts.len());
        text.push_str("))");
        let mut values = vec![Value::from(id)];
        values.extend(accounts.iter().map(Value::from));
        let mut found: Vec<(AccountId, Message)> = Vec::new();
        for row in self.rows(Statement::new(text, values)).await? {
            let mut row = row.columns("messages");
            let account = row.id("account")?;
            let conversation = row.id("conversation_id")?;
            found.push((account, rows::message(&mut row, conversation)?));
        }
        found.sort_by_key(|(account, _)| accounts.iter().position(|one| one == account));
        Ok(found.into_iter().next())
    }

    async fn messages_after(
        &self,
        account: &AccountId,
        conversation: &ConversationId,
        (after, id): (Timestamp, Option<&MessageId>),
        limit: u32,
    ) -> StoreResult<Vec<Message>> {
        let text = format!(
            "SELECT {MESSAGE} FROM messages m WHERE m.conversation_pk = (SELECT c.pk FROM conversations c \
             WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id = ?) AND m.is_deleted = 0 \
             AND (m.delivered_at, m.id) > (?, ?) ORDER BY m.delivered_at, m.id LIMIT ?"
        );
        // No id is before all ids of the next millisecond.
        let (at, id) = id.map_or((after.plus_ms(1), ""), |id| (after, id.as_str()));
        let rows = self.rows(sql!(text, account, conversation, at, id, limit.min(PAGE_MAX))).await?;
        rows.into_iter().map(|row| rows::message(&mut row.columns("messages"), conversation.clone())).collect()
    }
}
