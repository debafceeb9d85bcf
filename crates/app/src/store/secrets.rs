//! Data keys, the secrets that they seal, and the change of the master key that wraps them.
//!
//! Everything here is sealed or wrapped; nothing can be opened in this room. Which master key is in use is a row, and
//! whoever adds a data key holds that row, so that no key of a retired master key comes in behind a change.

use async_trait::async_trait;
use threadkeep_core::id::AccountId;
use threadkeep_core::time::Timestamp;

use super::audit::written;
use super::dialect::Dialect;
use super::rows;
use super::statement::{Columns, Outcome, Statement, Value, sql};
use super::{AuditLine, DataKeyRow, MASTER_KEY, MASTER_KEY_BEFORE, Resealed, Secrets, SqlStore, StoreResult};

/// Most rows on a page.
const PAGE_MAX: u32 = 1_000;
/// Columns of a data key, from `data_keys d`.
const DATA_KEY: &str = "d.account_id, d.version, d.wrapped, d.master_key, d.created_at";
const INSERT_KEY: &str = "INSERT INTO data_keys (account_id, version, wrapped, master_key, created_at) \
     VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id, version) DO NOTHING";

#[async_trait]
impl<D: Dialect> Secrets for SqlStore<D> {
    async fn data_key(&self, account: &AccountId, version: Option<u32>) -> StoreResult<Option<DataKeyRow>> {
        let row = self.row(asked(account, version)).await?;
        row.map(|row| data_key(&mut row.columns("data_keys"))).transpose()
    }

    async fn data_key_or_insert(&self, key: &DataKeyRow) -> StoreResult<Option<DataKeyRow>> {
        let mut tx = self.db.begin().await?;
        if !is_in_use(self.db.run(&mut tx, vec![in_use(D::LOCKING)]).await?, &key.master_key)? {
            self.db.abandon(tx).await;
            return Ok(None);
        }
        let outcomes = self.db.finish(tx, vec![inserted(key), asked(&key.account, None)]).await?;
        rows::rows(outcomes).last().map(|row| data_key(&mut row.columns("data_keys"))).transpose()
    }

    async fn data_keys_of_others(
        &self,
        master_key: &str,
        after: Option<(&AccountId, u32)>,
        limit: u32,
    ) -> StoreResult<Vec<DataKeyRow>> {
        let (account, version) = after.map_or(("", 0), |(account, version)| (account.as_str(), version));
        let text = format!(
            "SELECT {DATA_KEY} FROM data_keys d WHERE d.master_key <> ? AND (d.account_id, d.version) > (?, ?) \
             ORDER BY d.account_id, d.version LIMIT ?"
        );
        let rows = self.rows(sql!(text, master_key, account, version, limit.min(PAGE_MAX))).await?;
        rows.into_iter().map(|row| data_key(&mut row.columns("data_keys"))).collect()
    }

    async fn rewrap(&self, pairs: &[(DataKeyRow, DataKeyRow)]) -> StoreResult<u64> {
        let text = "UPDATE data_keys SET wrapped = ?, master_key = ? \
             WHERE account_id = ? AND version = ? AND master_key = ? AND wrapped = ?";
        let one = |(from, to): &(DataKeyRow, DataKeyRow)| {
            sql!(
                text,
                to.wrapped.as_slice(),
                &to.master_key,
                &from.account,
                from.version,
                &from.master_key,
                from.wrapped.as_slice(),
            )
        };
        let outcomes = self.write(pairs.iter().map(one).collect()).await?;
        Ok(outcomes.iter().map(|one| one.affected).sum())
    }

    async fn sealed_sessions(&self, after: Option<&AccountId>, limit: u32) -> StoreResult<Vec<(AccountId, Vec<u8>)>> {
        let text = "SELECT a.id, s.sealed FROM accounts a JOIN sessions s ON s.account_pk = a.pk WHERE a.id > ? \
             ORDER BY a.id LIMIT ?";
        let rows = self.rows(sql!(text, after.map_or("", AccountId::as_str), limit.min(PAGE_MAX))).await?;
        let one = |mut row: Columns| Ok((row.id("account_id")?, row.blob("sealed")?));
        rows.into_iter().map(|row| one(row.columns("sessions"))).collect()
    }

    async fn reseal(&self, change: &Resealed<'_>, now: Timestamp) -> StoreResult<bool> {
        let mut tx = self.db.begin().await?;
        if let Some(key) = change.key
            && !is_in_use(self.db.run(&mut tx, vec![in_use(D::LOCKING)]).await?, &key.master_key)?
        {
            self.db.abandon(tx).await;
            return Ok(false);
        }
        let mut script = vec![sql!(
            "UPDATE sessions SET sealed = ?, updated_at = ? \
             WHERE account_pk = (SELECT a.pk FROM accounts a WHERE a.id = ?) AND sealed = ?",
            change.to,
            now,
            change.account,
            change.from,
        )];
        script.extend(change.key.map(inserted));
        let outcomes = self.db.run(&mut tx, script).await?;
        if outcomes.iter().any(|one| one.affected == 0) {
            self.db.abandon(tx).await;
            return Ok(false);
        }
        self.db.finish(tx, change.key.map(forgotten).into_iter().collect()).await?;
        Ok(true)
    }

    async fn begin_rotation(&self, from: &str, to: &str, line: &AuditLine) -> StoreResult<bool> {
        let mut tx = self.db.begin().await?;
        let script = vec![
            sql!(
                "UPDATE settings SET value = ? WHERE name = ? AND value = ? \
                 AND NOT EXISTS (SELECT 1 FROM settings s WHERE s.name = ?)",
                to,
                MASTER_KEY,
                from,
                MASTER_KEY_BEFORE,
            ),
            sql!(
                "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                MASTER_KEY_BEFORE,
                from
            ),
        ];
        let outcomes = self.db.run(&mut tx, script).await?;
        if outcomes.iter().any(|one| one.affected == 0) {
            self.db.abandon(tx).await;
            return Ok(false);
        }
        self.db.finish(tx, written(line)).await?;
        Ok(true)
    }

    async fn end_rotation(&self, to: &str, left_max: u64, line: &AuditLine) -> StoreResult<bool> {
        let mut tx = self.db.begin().await?;
        let left_max = i64::try_from(left_max).unwrap_or(i64::MAX);
        let held = self.db.run(&mut tx, vec![in_use(D::LOCKING)]).await?;
        let script = vec![sql!(
            "DELETE FROM settings WHERE name = ? AND (SELECT COUNT(*) FROM data_keys d WHERE d.master_key <> ?) <= ?",
            MASTER_KEY_BEFORE,
            to,
            left_max,
        )];
        let is_over = is_in_use(held, to)? && self.db.run(&mut tx, script).await?.iter().all(|one| one.affected > 0);
        match is_over {
            true => self.db.finish(tx, written(line)).await.map(|_| true),
            false => {
                self.db.abandon(tx).await;
                Ok(false)
            }
        }
    }

    async fn data_key_counts(&self) -> StoreResult<Vec<(String, u64)>> {
        let text = "SELECT d.master_key, COUNT(*) FROM data_keys d GROUP BY d.master_key ORDER BY d.master_key";
        let one = |mut row: Columns| Ok((row.text("master_key")?, row.count("count")?));
        self.rows(sql!(text)).await?.into_iter().map(|row| one(row.columns("data_keys"))).collect()
    }
}

/// Forgets what a lost master key has sealed. Paused accounts stay so; they need a login when they go on.
pub(super) fn resetting(master_key: &str) -> Vec<Statement> {
    vec![
        sql!("DELETE FROM sessions"),
        sql!("DELETE FROM data_keys"),
        sql!(
            "UPDATE accounts SET health = 'needs_login', health_detail = ? WHERE health <> 'paused'",
            "the key that sealed its session was lost"
        ),
        sql!("UPDATE accounts SET login_expires_at = NULL"),
        sql!("DELETE FROM settings WHERE name = ?", MASTER_KEY_BEFORE),
        sql!("UPDATE settings SET value = ? WHERE name = ?", master_key, MASTER_KEY),
    ]
}

/// Asks for the master key that is in use, and keeps everybody else from changing it.
fn in_use(locking: &str) -> Statement {
    sql!(format!("SELECT s.value FROM settings s WHERE s.name = ?{locking}"), MASTER_KEY)
}

/// Whether it is this one. A database that was never told is one in which nobody has sealed anything yet.
fn is_in_use(outcomes: Vec<Outcome>, master_key: &str) -> StoreResult<bool> {
    match rows::rows(outcomes).next() {
        Some(row) => Ok(row.columns("settings").text("value")? == master_key),
        None => Ok(true),
    }
}

fn asked(account: &AccountId, version: Option<u32>) -> Statement {
    let mut text = format!("SELECT {DATA_KEY} FROM data_keys d WHERE d.account_id = ?");
    let mut values = vec![Value::from(account)];
    if let Some(version) = version {
        text.push_str(" AND d.version = ?");
        values.push(version.into());
    }
    text.push_str(" ORDER BY d.version DESC LIMIT 1");
    Statement::new(text, values)
}

fn inserted(key: &DataKeyRow) -> Statement {
    sql!(INSERT_KEY, &key.account, key.version, key.wrapped.as_slice(), &key.master_key, key.created_at)
}

/// Forgets keys that nothing is sealed with any more. The one before the new one stays: a worker may be about to write
/// what it has just sealed with it.
fn forgotten(key: &DataKeyRow) -> Statement {
    sql!("DELETE FROM data_keys WHERE account_id = ? AND version < ?", &key.account, key.version.saturating_sub(1))
}

fn data_key(row: &mut Columns) -> StoreResult<DataKeyRow> {
    Ok(DataKeyRow {
        account: row.id("account_id")?,
        version: row.number("version")?,
        wrapped: row.blob("wrapped")?,
        master_key: row.text("master_key")?,
        created_at: row.time("created_at")?,
    })
}
