//! Migrations on a SQLite connection, all of them in one transaction that keeps other processes out.
//!
//! The table of what was applied is the one that sqlx keeps at PostgreSQL, so that both databases tell the same.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha384};

use crate::store::failure::sqlite_failure;
use crate::store::migrate::{self, APPLIED, TABLE};
use crate::store::{StoreError, StoreResult};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, \
     description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
     checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
const NOTE: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
     VALUES (?, ?, TRUE, ?, 0)";

/// The versions that were applied; none in a database without the table.
pub(super) fn applied(connection: &Connection) -> StoreResult<Vec<i64>> {
    versions(connection).map_err(|error| sqlite_failure(&error))
}

fn versions(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let exists = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?";
    if !connection.prepare(exists)?.exists([TABLE])? {
        return Ok(Vec::new());
    }
    connection.prepare(APPLIED)?.query_map([], |row| row.get(0))?.collect()
}

/// Applies what is missing.
pub(super) fn migrate(connection: &mut Connection) -> StoreResult<()> {
    let failed = |error| sqlite_failure(&error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    transaction.execute_batch(CREATE).map_err(failed)?;
    let known = migrate::newest_known();
    if let Some(found) = applied(&transaction)?.into_iter().find(|version| !migrate::is_known(*version)) {
        return Err(StoreError::SchemaNewer { found, known });
    }
    for (version, name, text) in migrate::sqlite_texts() {
        apply(&transaction, version, name, text)?;
    }
    transaction.commit().map_err(failed)
}

/// Makes a schema of an older version; for comparison with one that is to be believed.
pub(super) fn make_up_to(connection: &Connection, newest: i64) -> StoreResult<()> {
    connection.execute_batch(CREATE).map_err(|error| sqlite_failure(&error))?;
    for (version, name, text) in migrate::sqlite_texts().filter(|(version, ..)| *version <= newest) {
        apply(connection, version, name, text)?;
    }
    Ok(())
}

fn apply(connection: &Connection, version: i64, name: &str, text: &str) -> StoreResult<()> {
    let failed = |error| sqlite_failure(&error);
    let checksum = Sha384::digest(text.as_bytes());
    let kept: Option<Vec<u8>> = connection
        .query_row("SELECT checksum FROM _sqlx_migrations WHERE version = ?", [version], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    match kept {
        Some(kept) if kept.as_slice() == checksum.as_slice() => Ok(()),
        Some(_) => Err(migrate::mismatch(version)),
        None => {
            connection.execute_batch(text).map_err(failed)?;
            connection.execute(NOTE, params![version, name, checksum.as_slice()]).map_err(failed)?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_made_once_and_a_strange_one_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(applied(&connection).unwrap().is_empty());
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(applied(&connection).unwrap().last(), Some(&migrate::newest_known()));

        connection.execute_batch("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Corrupt { column: "checksum", .. })));
        connection.execute_batch("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::SchemaNewer { found: 9999, .. })));
        assert!(connection.is_autocommit());
    }
}
