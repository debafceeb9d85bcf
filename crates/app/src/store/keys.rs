//! API keys: only the hash of a secret is kept, and a revoked key is never removed.

use async_trait::async_trait;
use threadkeep_core::time::Timestamp;

use super::dialect::Dialect;
use super::rows::{self, KEY};
use super::statement::{Statement, json, sql};
use super::{KeyRow, Keys, SqlStore, StoreResult};

#[async_trait]
impl<D: Dialect> Keys for SqlStore<D> {
    async fn add_key(&self, key: &KeyRow) -> StoreResult<()> {
        self.write_one(adding(key)?).await.map(|_| ())
    }

    async fn key(&self, id: &str) -> StoreResult<Option<KeyRow>> {
        let state = self.db.state();
        if let Some(known) = self.known.keys.get(state, &id.to_owned()) {
            return Ok(Some(known));
        }
        let rows = self.db.glance(vec![sql!(format!("SELECT {KEY} FROM api_keys WHERE id = ?"), id)]).await?;
        let found = rows::rows(rows).next().map(|row| rows::key(&mut row.columns("api_keys"))).transpose()?;
        if let Some(found) = &found {
            self.known.keys.put(state, id.to_owned(), found);
        }
        Ok(found)
    }

    async fn keys(&self) -> StoreResult<Vec<KeyRow>> {
        let rows = self.rows(sql!(format!("SELECT {KEY} FROM api_keys ORDER BY created_at, id"))).await?;
        rows.into_iter().map(|row| rows::key(&mut row.columns("api_keys"))).collect()
    }

    async fn revoke_key(&self, id: &str, now: Timestamp) -> StoreResult<bool> {
        Ok(self.write_one(revoking(id, now)).await? > 0)
    }

    async fn touch_key(&self, id: &str, now: Timestamp) -> StoreResult<()> {
        self.write_one(sql!("UPDATE api_keys SET last_used_at = ? WHERE id = ?", now, id)).await.map(|_| ())
    }
}

/// Adds a key.
pub(super) fn adding(key: &KeyRow) -> StoreResult<Statement> {
    let accounts = key.accounts.as_ref().map(json).transpose()?;
    Ok(sql!(
        format!("INSERT INTO api_keys ({KEY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
        &key.id,
        key.hash.as_slice(),
        json(&key.scopes)?,
        accounts,
        &key.label,
        key.created_at,
        key.last_used_at,
        key.revoked_at,
    ))
}

/// Revokes a key that is in use.
pub(super) fn revoking(id: &str, now: Timestamp) -> Statement {
    sql!("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", now, id)
}
