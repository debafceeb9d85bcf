//! Attachments of messages that were mirrored before there was a table of attachments.
//!
//! Done once for a database, when it is opened; in pages, each of which is found again after a crash. What was fetched
//! is never touched by it.

use threadkeep_core::attachment::attachments;
use threadkeep_core::content::Content;
use threadkeep_core::id::MessageId;

use super::commit::attachment_rows;
use super::dialect::Dialect;
use super::statement::{Statement, sql};
use super::{NewAttachment, SqlStore, StoreResult, Upkeep};

/// The setting that says that it is done.
const DONE: &str = "attachments_filled";
/// Messages looked at in one go.
const PAGE_ROWS: i64 = 500;
/// Pages: far above any mailbox.
const PAGES_MAX: u32 = 10_000_000;

impl<D: Dialect> SqlStore<D> {
    /// Makes the rows, unless it was done before.
    pub(super) async fn fill_attachments(&self) -> StoreResult<()> {
        if self.setting(DONE).await?.is_some() {
            return Ok(());
        }
        let mut after = (0, String::new());
        for _ in 0..PAGES_MAX {
            match self.fill_page(&after).await? {
                Some(last) => after = last,
                None => break,
            }
        }
        self.setting_or_insert(DONE, "1").await.map(|_| ())
    }

    /// Fills one page; gives its last message.
    async fn fill_page(&self, after: &(i64, String)) -> StoreResult<Option<(i64, String)>> {
        let text = "SELECT m.account_pk, m.id, m.content FROM messages m JOIN conversations c \
             ON c.pk = m.conversation_pk WHERE (m.account_pk, m.id) > (?, ?) AND m.content IS NOT NULL \
             AND m.is_deleted = 0 AND c.is_deleted = 0 ORDER BY m.account_pk, m.id LIMIT ?";
        let mut script: Vec<Statement> = Vec::new();
        let mut last = None;
        for row in self.rows(sql!(text, after.0, &after.1, PAGE_ROWS)).await? {
            let mut row = row.columns("messages");
            let account_pk = row.int("account_pk")?;
            let id: MessageId = row.id("id")?;
            let contents: Vec<Content> = row.list("content")?;
            let found: Vec<NewAttachment> = attachments(&contents).map(|one| NewAttachment::of(&id, &one)).collect();
            attachment_rows(&mut script, account_pk, found.into_iter());
            last = Some((account_pk, id.as_str().to_owned()));
        }
        if !script.is_empty() {
            self.write(script).await?;
        }
        Ok(last)
    }
}
