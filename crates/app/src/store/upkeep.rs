//! The database itself: settings, what `doctor` tells, closing.
//!
//! What is told here names places and numbers, never content.

use async_trait::async_trait;
use threadkeep_core::time::Timestamp;

use super::dialect::Dialect;
use super::migrate;
use super::rows;
use super::statement::{Statement, sql};
use super::{SqlStore, StoreError, StoreResult, Upkeep};

/// Questions whose answer has to be 0: what was looked at, and the statement that counts what is wrong.
const COUNTS_OF_WRONG: [(&str, &str); 7] = [
    (
        "event numbers",
        "SELECT COUNT(*) FROM accounts a WHERE a.event_seq <> (SELECT COUNT(*) FROM events e WHERE e.account_pk = a.pk)",
    ),
    (
        "message counts",
        "SELECT COUNT(*) FROM accounts a WHERE a.message_count <> \
         (SELECT COUNT(*) FROM messages m WHERE m.account_pk = a.pk AND m.is_deleted = 0)",
    ),
    (
        "tracks without a conversation",
        "SELECT COUNT(*) FROM tracks t WHERE NOT EXISTS \
         (SELECT 1 FROM conversations c WHERE c.pk = t.conversation_pk)",
    ),
    (
        "messages without a conversation",
        "SELECT COUNT(*) FROM messages m WHERE NOT EXISTS \
         (SELECT 1 FROM conversations c WHERE c.pk = m.conversation_pk AND c.account_pk = m.account_pk)",
    ),
    (
        "attachments without a message",
        "SELECT COUNT(*) FROM attachments t WHERE t.message_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM messages m WHERE m.account_pk = t.account_pk AND m.id = t.message_id AND m.is_deleted = 0)",
    ),
    (
        "attachments whose bytes are unknown",
        "SELECT COUNT(*) FROM attachments t WHERE t.state = 'stored' AND NOT EXISTS \
         (SELECT 1 FROM media_objects o WHERE o.hash = t.object_hash AND o.state = 'kept')",
    ),
    (
        "newest messages",
        "SELECT COUNT(*) FROM conversations c WHERE COALESCE(c.newest_id, '') <> COALESCE((SELECT m.id \
          FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0 \
          ORDER BY m.delivered_at DESC, m.id DESC LIMIT 1), '')",
    ),
];

#[async_trait]
impl<D: Dialect> Upkeep for SqlStore<D> {
    async fn setting(&self, name: &str) -> StoreResult<Option<String>> {
        let row = self.row(sql!("SELECT value FROM settings WHERE name = ?", name)).await?;
        row.map(|row| row.columns("settings").text("value")).transpose()
    }

    async fn setting_or_insert(&self, name: &str, value: &str) -> StoreResult<String> {
        let insert = "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING";
        let select = "SELECT value FROM settings WHERE name = ?";
        let outcomes = self.write(vec![sql!(insert, name, value), sql!(select, name)]).await?;
        let row = rows::rows(outcomes).last();
        let row = row.ok_or_else(|| StoreError::Unavailable("the setting was not kept".to_owned()))?;
        row.columns("settings").text("value")
    }

    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>> {
        let mut told = self.db.examine().await?;
        let applied = self.db.applied().await?.into_iter().max().unwrap_or_default();
        let known = migrate::newest_known();
        told.push(("schema".to_owned(), format!("version {applied} of {known}"), applied == known));
        for (what, text) in COUNTS_OF_WRONG {
            let row = self.row(Statement::new(text, Vec::new())).await?;
            let wrong = row.map(|row| row.columns("database").int("count")).transpose()?.unwrap_or_default();
            told.push((what.to_owned(), format!("{wrong} wrong"), wrong == 0));
        }
        Ok(told)
    }

    async fn time(&self) -> StoreResult<Option<Timestamp>> {
        self.db.time().await
    }

    async fn close(&self) {
        self.db.close().await;
    }
}
