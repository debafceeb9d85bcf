//! The bytes of attachments as rows: announced before they are put into the object store, marked before they leave it.
//!
//! An object is kept while an attachment refers to it. Whoever removes one has marked it in a transaction that saw no
//! reference; whoever stores one refers to it only while it is not marked. So a crash anywhere leaves an object too
//! many, never one too few.

use super::dialect::Dialect;
use super::rows;
use super::statement::{Statement, sql};
use super::{SqlStore, StoreResult, StoredObject};
use crate::planted::{self, Bug};
use threadkeep_core::time::Timestamp;

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn announce_object(&self, object: &StoredObject, until: Timestamp) -> StoreResult<bool> {
        let text = "INSERT INTO media_objects (hash, size_bytes, media_type, state, is_loose, expected_until) \
             VALUES (?, ?, ?, 'kept', 1, ?) ON CONFLICT (hash) DO UPDATE SET expected_until = excluded.expected_until \
             WHERE media_objects.state = 'kept'";
        Ok(self.write_one(sql!(text, &object.hash, size(object), &object.media_type, until)).await? > 0)
    }

    pub(super) async fn mark_unknown(&self, object: &StoredObject) -> StoreResult<bool> {
        let text = "INSERT INTO media_objects (hash, size_bytes, media_type, state, is_loose, expected_until) \
             VALUES (?, ?, ?, 'leaving', 1, NULL) ON CONFLICT (hash) DO NOTHING";
        Ok(self.write_one(sql!(text, &object.hash, size(object), &object.media_type)).await? > 0)
    }

    pub(super) async fn mark_leaving(&self, limit: u32, now: Timestamp) -> StoreResult<Vec<String>> {
        let text = "SELECT o.hash FROM media_objects o WHERE o.is_loose = 1 \
             AND (o.expected_until IS NULL OR o.expected_until <= ?) ORDER BY o.hash LIMIT ?";
        let mut leaving = Vec::new();
        for row in self.rows(sql!(text, now, limit)).await? {
            let hash = row.columns("media_objects").text("hash")?;
            if self.leaves(&hash, now).await? {
                leaving.push(hash);
            }
        }
        Ok(leaving)
    }

    /// Marks an object as leaving when nothing refers to it. The row is locked first, so that a reference written
    /// meanwhile is either seen by the second statement or refused afterwards.
    async fn leaves(&self, hash: &str, now: Timestamp) -> StoreResult<bool> {
        let mut tx = self.db.begin().await?;
        let locked = format!("SELECT o.state FROM media_objects o WHERE o.hash = ?{}", D::LOCKING);
        self.db.run(&mut tx, vec![sql!(locked, hash)]).await?;
        let referred = match planted::is(Bug::ReferredBytesRemoved) {
            true => "1 = 0",
            false => "EXISTS (SELECT 1 FROM attachments t WHERE t.object_hash = media_objects.hash)",
        };
        let script: Vec<Statement> = vec![
            sql!(format!("UPDATE media_objects SET is_loose = 0 WHERE hash = ? AND {referred}"), hash),
            sql!(
                format!(
                    "UPDATE media_objects SET state = 'leaving', expected_until = NULL WHERE hash = ? \
                     AND is_loose = 1 AND (expected_until IS NULL OR expected_until <= ?) AND NOT {referred}"
                ),
                hash,
                now
            ),
            sql!("SELECT o.state FROM media_objects o WHERE o.hash = ?", hash),
        ];
        let outcomes = self.db.finish(tx, script).await?;
        let state = rows::rows(outcomes).last().map(|row| row.columns("media_objects").text("state")).transpose()?;
        Ok(state.as_deref() == Some("leaving"))
    }
}

fn size(object: &StoredObject) -> i64 {
    i64::try_from(object.size_bytes).unwrap_or(i64::MAX)
}
