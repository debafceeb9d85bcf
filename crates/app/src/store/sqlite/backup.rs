//! Copies of a SQLite file: made while others write, looked at before they are believed, put in its place while nobody uses it.
//!
//! A file that comes back may come from a stranger: nothing in its schema may ever be run. Everything here blocks and
//! belongs on a thread of its own.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sha2::{Digest, Sha384};

use super::schema;
use crate::store::failure::sqlite_failure;
use crate::store::migrate::{self, TABLE};
use crate::store::{StoreError, StoreResult};

/// Pages that are copied in one go; between two of them somebody may say stop.
const STEP_PAGES: i32 = 2_000;
/// Steps of one copy: far above any file.
const STEPS_MAX: u32 = 100_000_000;
/// A look that changes nothing and calls nothing.
const CAREFULLY: &str = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;";
/// Everything that a schema has, but for what SQLite makes by itself: indexes of keys, and tables of statistics. A name
/// alone proves nothing: whoever writes into the schema names a trigger as they like.
const OBJECTS: &str = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || COALESCE(sql, '') FROM sqlite_schema \
     WHERE NOT (type = 'index' AND sql IS NULL) AND NOT (type = 'table' AND sql IN \
     ('CREATE TABLE sqlite_stat1(tbl,idx,stat)', 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)'))";

/// What is wrong with a file that is to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupFault {
    /// It is no database, or a damaged one.
    #[error("it is no sound database")]
    Unsound,
    /// It is a database, but not one of threadkeep's.
    #[error("it is not a database of threadkeep")]
    Foreign,
    /// A newer program has written it.
    #[error("it has schema {found}, and this program knows up to {known}: install a newer threadkeep")]
    Newer {
        /// Its schema.
        found: i64,
        /// The newest that this program has.
        known: i64,
    },
    /// Its schema has something more, or less, or something else than that of threadkeep.
    #[error("its schema was altered")]
    Altered,
}

/// Copies the database at a path into an empty file, as it is at one moment, while others go on writing. `tell` is told
/// how many pages are done and how many there are; when it says no more the copy ends, and false is given.
pub fn copy_database(from: &Path, to: &Path, mut tell: impl FnMut(u64, u64) -> bool) -> StoreResult<bool> {
    let failed = |error| sqlite_failure(&error);
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, read_only).map_err(failed)?;
    let read_write = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, read_write).map_err(failed)?;
    // As long as this transaction reads, the copy is of this moment, however much is written meanwhile.
    source.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_schema;").map_err(failed)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(failed)?;
        let mut is_done = false;
        for _ in 0..STEPS_MAX {
            is_done = match backup.step(STEP_PAGES).map_err(failed)? {
                StepResult::Done => true,
                StepResult::More => false,
                _ => return Err(StoreError::Unavailable("it is locked by somebody else".to_owned())),
            };
            let progress = backup.progress();
            let pages = |count: i32| u64::try_from(count).unwrap_or_default();
            let is_wanted = tell(pages(progress.pagecount - progress.remaining), pages(progress.pagecount));
            if is_done || !is_wanted {
                break;
            }
        }
        if !is_done {
            return Ok(false);
        }
    }
    // One file, without a log beside it.
    let mode: String = target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(failed)?;
    match mode.as_str() {
        "delete" => Ok(true),
        _ => Err(StoreError::Unavailable("the copy cannot be closed".to_owned())),
    }
}

/// Looks at a file without changing it; gives the version of its schema.
pub fn examine_backup(path: &Path) -> Result<i64, BackupFault> {
    let unsound = |_| BackupFault::Unsound;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(unsound)?;
    connection.execute_batch(CAREFULLY).map_err(unsound)?;
    let check: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(unsound)?;
    if check != "ok" {
        return Err(BackupFault::Unsound);
    }
    let version = version(&connection)?;
    let expected = Connection::open_in_memory().map_err(unsound)?;
    schema::make_up_to(&expected, version).map_err(|_| BackupFault::Altered)?;
    match objects(&connection)? == objects(&expected)? {
        true => Ok(version),
        false => Err(BackupFault::Altered),
    }
}

/// The version of a schema of ours, each of whose migrations is the one that this program has.
fn version(connection: &Connection) -> Result<i64, BackupFault> {
    let has_table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?";
    let exists = connection.prepare(has_table).and_then(|mut asked| asked.exists([TABLE]));
    if !exists.map_err(|_| BackupFault::Unsound)? {
        return Err(BackupFault::Foreign);
    }
    let foreign = |_| BackupFault::Foreign;
    let mut asked =
        connection.prepare("SELECT version, checksum FROM _sqlx_migrations ORDER BY version").map_err(foreign)?;
    let rows = asked.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).map_err(foreign)?;
    let applied: Vec<(i64, Vec<u8>)> = rows.collect::<Result<_, _>>().map_err(foreign)?;
    let newest = applied.last().map(|(version, _)| *version).ok_or(BackupFault::Foreign)?;
    let known = migrate::newest_known();
    if newest > known {
        return Err(BackupFault::Newer { found: newest, known });
    }
    let own = migrate::sqlite_texts().filter(|(version, ..)| *version <= newest);
    let own: Vec<(i64, Vec<u8>)> = own.map(|(version, _, text)| (version, Sha384::digest(text).to_vec())).collect();
    if own == applied { Ok(newest) } else { Err(BackupFault::Foreign) }
}

fn objects(connection: &Connection) -> Result<BTreeSet<String>, BackupFault> {
    let mut asked = connection.prepare(OBJECTS).map_err(|_| BackupFault::Unsound)?;
    let rows = asked.query_map([], |row| row.get(0)).map_err(|_| BackupFault::Unsound)?;
    rows.collect::<Result<_, _>>().map_err(|_| BackupFault::Unsound)
}

/// A database that nobody else can use as long as this value lives.
pub struct Taken {
    _connection: Option<Connection>,
}

/// Takes the database at a path away from everybody else, all of it in its one file; refused while anybody has it open.
pub fn take_database(path: &Path) -> StoreResult<Taken> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let taken = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(std::time::Duration::ZERO)?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE;")?;
        let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok((connection, mode))
    });
    match taken {
        Ok((connection, mode)) if mode == "delete" => Ok(Taken { _connection: Some(connection) }),
        Ok(_) => Err(in_use()),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(in_use()),
            // What is no database any more is what a backup is for.
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(Taken { _connection: None }),
            _ => Err(sqlite_failure(&error)),
        },
    }
}

fn in_use() -> StoreError {
    StoreError::Unavailable("it is in use: stop `threadkeep serve` and every other command first".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated(path: &Path) -> Connection {
        let mut connection = Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    #[test]
    fn a_copy_is_of_one_moment_and_can_be_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.db"), folder.path().join("b.db"));
        let writer = migrated(&from);
        std::fs::write(&to, "").unwrap();
        let put = |name: String| {
            writer.execute("INSERT INTO settings VALUES (?, 'x')", [name]).unwrap();
        };
        (0..500).for_each(|n| put(format!("before{n}")));
        let mut steps = 0;
        let is_whole = copy_database(&from, &to, |_, _| {
            steps += 1;
            put(format!("while{steps}"));
            true
        });
        assert!(is_whole.unwrap() && steps > 0);
        assert_eq!(examine_backup(&to), Ok(migrate::newest_known()));
        let copied = Connection::open(&to).unwrap();
        let count = |like: &str| -> i64 {
            copied.query_row("SELECT COUNT(*) FROM settings WHERE name LIKE ?", [like], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("before%"), count("while%")), (500, 0));
    }

    #[test]
    fn row_54_an_altered_or_foreign_file_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let altered = |text: &str| {
            let _ = std::fs::remove_file(&path);
            let connection = migrated(&path);
            connection.execute_batch(text).unwrap();
            connection.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
            drop(connection);
            examine_backup(&path)
        };
        assert_eq!(altered(""), Ok(migrate::newest_known()));
        let trigger = "CREATE TRIGGER t AFTER INSERT ON messages BEGIN DELETE FROM accounts; END";
        assert_eq!(altered(trigger), Err(BackupFault::Altered));
        assert_eq!(altered("DROP VIEW v_people; CREATE VIEW v_people AS SELECT 1"), Err(BackupFault::Altered));
        assert_eq!(altered("DROP INDEX people_by_slug"), Err(BackupFault::Altered));
        assert_eq!(altered("ANALYZE"), Ok(migrate::newest_known()));
        let hidden = "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES \
             ('trigger', 'sqlite_t', 'messages', 0, 'CREATE TRIGGER sqlite_t AFTER INSERT ON messages BEGIN DELETE FROM \
             accounts; END'); PRAGMA writable_schema = OFF";
        assert_eq!(altered(hidden), Err(BackupFault::Altered));
        assert_eq!(altered("UPDATE _sqlx_migrations SET checksum = x'00'"), Err(BackupFault::Foreign));
        assert_eq!(altered("DROP TABLE _sqlx_migrations"), Err(BackupFault::Foreign));
        let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'x', 'x', TRUE, x'00', 0)";
        assert!(matches!(altered(newer), Err(BackupFault::Newer { found: 9999, .. })));
        std::fs::write(&path, "no database at all, but long enough to be looked at").unwrap();
        assert_eq!(examine_backup(&path), Err(BackupFault::Unsound));
    }

    #[test]
    fn what_somebody_has_open_cannot_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let other = migrated(&path);
        assert!(matches!(take_database(&path), Err(StoreError::Unavailable(_))));
        drop(other);
        let taken = take_database(&path).unwrap();
        let late = Connection::open(&path).unwrap();
        assert!(late.execute("INSERT INTO settings VALUES ('a', 'b')", []).is_err());
        drop(taken);
        assert!(late.execute("INSERT INTO settings VALUES ('a', 'b')", []).is_ok());
    }
}
