//! Who is signed in to the viewer: only the hash of a session's token is kept, and what is over is removed.

use async_trait::async_trait;
use threadkeep_core::time::Timestamp;

use super::dialect::Dialect;
use super::statement::{Statement, sql};
use super::{SignInRow, SignIns, SqlStore, StoreResult};

/// Sessions of one key at the same time; beyond it the oldest end.
const OF_KEY_MAX: i64 = 100;

#[async_trait]
impl<D: Dialect> SignIns for SqlStore<D> {
    async fn add_sign_in(&self, row: &SignInRow, created_before: Timestamp, seen_before: Timestamp) -> StoreResult<()> {
        self.write(signing_in(row, created_before, seen_before)).await.map(|_| ())
    }

    async fn sign_in(&self, token_hash: &[u8]) -> StoreResult<Option<SignInRow>> {
        let text = "SELECT token_hash, key_id, created_at, seen_at FROM sign_ins WHERE token_hash = ?";
        let Some(row) = self.row(sql!(text, token_hash)).await? else { return Ok(None) };
        let mut row = row.columns("sign_ins");
        Ok(Some(SignInRow {
            token_hash: row.blob("token_hash")?,
            key_id: row.text("key_id")?,
            created_at: row.time("created_at")?,
            seen_at: row.time("seen_at")?,
        }))
    }

    async fn touch_sign_in(&self, token_hash: &[u8], now: Timestamp) -> StoreResult<()> {
        self.write_one(sql!("UPDATE sign_ins SET seen_at = ? WHERE token_hash = ?", now, token_hash)).await.map(|_| ())
    }

    async fn end_sign_in(&self, token_hash: &[u8]) -> StoreResult<bool> {
        Ok(self.write_one(signing_out(token_hash)).await? > 0)
    }
}

/// Adds a session, after those that are over and the oldest of a key that has too many were removed.
pub(super) fn signing_in(row: &SignInRow, created_before: Timestamp, seen_before: Timestamp) -> Vec<Statement> {
    let over = sql!("DELETE FROM sign_ins WHERE created_at < ? OR seen_at < ?", created_before, seen_before);
    let excess = sql!(
        "DELETE FROM sign_ins WHERE key_id = ? AND token_hash NOT IN (SELECT kept.token_hash FROM \
         (SELECT s.token_hash FROM sign_ins s WHERE s.key_id = ? ORDER BY s.created_at DESC LIMIT ?) kept)",
        &row.key_id,
        &row.key_id,
        OF_KEY_MAX - 1
    );
    let add = sql!(
        "INSERT INTO sign_ins (token_hash, key_id, created_at, seen_at) VALUES (?, ?, ?, ?)",
        row.token_hash.as_slice(),
        &row.key_id,
        row.created_at,
        row.seen_at
    );
    vec![over, excess, add]
}

/// Ends a session.
pub(super) fn signing_out(token_hash: &[u8]) -> Statement {
    sql!("DELETE FROM sign_ins WHERE token_hash = ?", token_hash)
}
