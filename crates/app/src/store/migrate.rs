//! The schema's versions: which there are, which a database has, and how it gets the others.
//!
//! A released migration is never changed; the next change is a new file in both folders. A database with a migration
//! that this program does not know belongs to a newer program and must not be touched.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use super::failure::store_error;
use super::statement::Outcome;
use super::{StoreError, StoreResult};

/// The table in which the applied migrations are noted.
pub(super) const TABLE: &str = "_sqlx_migrations";
/// The versions in it.
pub(super) const APPLIED: &str = "SELECT version FROM _sqlx_migrations ORDER BY version";
/// The advisory lock under which PostgreSQL migrates; any fixed number of our own.
pub(super) const LOCK_KEY: i64 = 0x7468_7265_6164;

/// Version, name, and the text for SQLite and for PostgreSQL.
const MIGRATIONS: [(i64, &str, &str, &str); 13] = [
    (
        1,
        "start",
        include_str!("../../migrations/sqlite/0001_start.sql"),
        include_str!("../../migrations/postgres/0001_start.sql"),
    ),
    (
        2,
        "media",
        include_str!("../../migrations/sqlite/0002_media.sql"),
        include_str!("../../migrations/postgres/0002_media.sql"),
    ),
    (
        3,
        "secrets",
        include_str!("../../migrations/sqlite/0003_secrets.sql"),
        include_str!("../../migrations/postgres/0003_secrets.sql"),
    ),
    (
        4,
        "reads",
        include_str!("../../migrations/sqlite/0004_reads.sql"),
        include_str!("../../migrations/postgres/0004_reads.sql"),
    ),
    (
        5,
        "verify",
        include_str!("../../migrations/sqlite/0005_verify.sql"),
        include_str!("../../migrations/postgres/0005_verify.sql"),
    ),
    (
        6,
        "archives",
        include_str!("../../migrations/sqlite/0006_archives.sql"),
        include_str!("../../migrations/postgres/0006_archives.sql"),
    ),
    (
        7,
        "views",
        include_str!("../../migrations/sqlite/0007_views.sql"),
        include_str!("../../migrations/postgres/0007_views.sql"),
    ),
    (
        8,
        "search",
        include_str!("../../migrations/sqlite/0008_search.sql"),
        include_str!("../../migrations/postgres/0008_search.sql"),
    ),
    (
        9,
        "archive_times",
        include_str!("../../migrations/sqlite/0009_archive_times.sql"),
        include_str!("../../migrations/postgres/0009_archive_times.sql"),
    ),
    (
        10,
        "viewer",
        include_str!("../../migrations/sqlite/0010_viewer.sql"),
        include_str!("../../migrations/postgres/0010_viewer.sql"),
    ),
    (
        11,
        "import_owner",
        include_str!("../../migrations/sqlite/0011_import_owner.sql"),
        include_str!("../../migrations/postgres/0011_import_owner.sql"),
    ),
    (
        12,
        "audit_sign_ins",
        include_str!("../../migrations/sqlite/0012_audit_sign_ins.sql"),
        include_str!("../../migrations/postgres/0012_audit_sign_ins.sql"),
    ),
    (
        13,
        "login_expiry",
        include_str!("../../migrations/sqlite/0013_login_expiry.sql"),
        include_str!("../../migrations/postgres/0013_login_expiry.sql"),
    ),
];

/// Where a database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The newest migration that it has with all before it; 0 for an empty one. One that this program does not know
    /// stands above all others.
    pub applied: i64,
    /// The newest migration that this program has.
    pub known: i64,
}

impl MigrationStatus {
    /// Where a database with these migrations stands. One that lacks any is not up to date, whichever is its newest.
    pub(super) fn of(found: &[i64]) -> Self {
        let strange = found.iter().copied().filter(|version| !is_known(*version)).max();
        let unbroken = MIGRATIONS.iter().map(|one| one.0).take_while(|version| found.contains(version)).last();
        Self { applied: strange.or(unbroken).unwrap_or_default(), known: newest_known() }
    }
}

/// The newest migration that this program has.
pub(super) fn newest_known() -> i64 {
    MIGRATIONS.iter().map(|one| one.0).max().unwrap_or_default()
}

/// Whether this program has a migration.
pub(super) fn is_known(version: i64) -> bool {
    MIGRATIONS.iter().any(|one| one.0 == version)
}

/// Version, name and text of the migrations for SQLite, oldest first.
pub(super) fn sqlite_texts() -> impl Iterator<Item = (i64, &'static str, &'static str)> {
    MIGRATIONS.iter().map(|(version, name, text, _)| (*version, *name, *text))
}

/// The migrations for PostgreSQL.
pub(super) fn postgres_migrations() -> Migrator {
    let one = |(version, name, _, text): &(i64, &'static str, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, (*text).into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().map(one).collect());
    // The caller holds a lock of its own, in the transaction that this runs in.
    migrator.set_locking(false);
    migrator
}

/// Applies what is missing at PostgreSQL, inside the transaction of this connection.
pub(super) async fn run<C: Migrate>(migrator: &Migrator, connection: &mut C) -> StoreResult<()> {
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::SchemaNewer { found, known: newest_known() },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => store_error(error),
        MigrateError::VersionMismatch(version) => mismatch(version),
        _ => StoreError::Corrupt { table: TABLE, column: "version", what: "it cannot be migrated".to_owned() },
    })
}

/// The error about a migration that was applied with another text.
pub(super) fn mismatch(version: i64) -> StoreError {
    let what = format!("migration {version} is not the one of this program");
    StoreError::Corrupt { table: TABLE, column: "checksum", what }
}

/// Whole numbers out of the first column.
pub(super) fn versions(outcomes: Vec<Outcome>) -> StoreResult<Vec<i64>> {
    outcomes.into_iter().flat_map(|one| one.rows).map(|row| row.columns(TABLE).int("version")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_lacks_a_migration_is_not_up_to_date() {
        let all: Vec<i64> = MIGRATIONS.iter().map(|one| one.0).collect();
        let applied = |found: &[i64]| MigrationStatus::of(found).applied;
        assert_eq!(applied(&all), newest_known());
        assert_eq!((applied(&[]), applied(&all[1..]), applied(&[1, newest_known()]), applied(&[1, 2])), (0, 0, 1, 2));
        assert_eq!(applied(&[&all[..], &[9_999]].concat()), 9_999);
    }
}
