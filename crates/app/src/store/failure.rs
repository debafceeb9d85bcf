//! What an error of a database means for the caller.
//!
//! Nothing of a row may get into an error: only codes and the texts of this file do, because a server's own words
//! may quote the values of a statement.

use super::StoreError;

/// Sorts an error of SQLite by what the caller has to do.
pub(super) fn sqlite_failure(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error() {
        Some(error) => sqlite_error(error.extended_code),
        None => refused("a value has an unexpected type"),
    }
}

/// Sorts an error of PostgreSQL by what the caller has to do.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => postgres_error(&error.code().unwrap_or_default()),
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            StoreError::Full("no space is left on the device".to_owned())
        }
        sqlx::Error::Io(error) => StoreError::Unavailable(unreachable(error.kind())),
        sqlx::Error::Tls(_) => StoreError::Unavailable("the TLS connection could not be made".to_owned()),
        sqlx::Error::PoolTimedOut => StoreError::Unavailable(
            "no connection became free in time; the server may be gone or overloaded".to_owned(),
        ),
        sqlx::Error::PoolClosed => StoreError::Unavailable("the store is closed".to_owned()),
        sqlx::Error::WorkerCrashed => StoreError::Unavailable("the connection's thread has ended".to_owned()),
        sqlx::Error::Protocol(_) => StoreError::Unavailable("the server's answer was not understood".to_owned()),
        sqlx::Error::Configuration(_) => StoreError::BadAddress("its options are not understood".to_owned()),
        _ => refused("a value has an unexpected type"),
    }
}

/// What is known of a server that does not answer.
fn unreachable(kind: std::io::ErrorKind) -> String {
    use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied, TimedOut, UnexpectedEof};
    let what = match kind {
        ConnectionRefused => "nobody listens at its address: is the server running, and are host and port right",
        // How the resolver's refusal arrives.
        kind if kind.to_string() == "uncategorized error" => "its host's name is not known, or no way leads there",
        NotFound => "its socket does not exist",
        PermissionDenied => "its socket may not be used by this user",
        TimedOut => "the server does not answer",
        UnexpectedEof => "the server closed the connection: does it speak PostgreSQL, and is it starting or stopping",
        _ => return format!("the connection failed ({kind})"),
    };
    what.to_owned()
}

/// Extended result codes; the low byte is the primary code.
fn sqlite_error(code: i32) -> StoreError {
    let what = match code & 0xff {
        13 => return StoreError::Full("no space is left for the database file".to_owned()),
        11 | 26 => return refused(&format!("the file is damaged or is not a database (SQLite {code})")),
        5 | 6 => "another program is writing to it for too long",
        3 | 8 | 14 | 23 => "the file cannot be opened for writing: check its owner and permissions",
        10 => "reading or writing the file failed",
        7 => "there is not enough memory",
        9 | 15 => "the statement was interrupted",
        _ => return refused(&format!("a statement was refused (SQLite {code})")),
    };
    StoreError::Unavailable(format!("{what} (SQLite {code})"))
}

fn postgres_error(code: &str) -> StoreError {
    let what = match code {
        "25006" => {
            let what = "it is a standby, or default_transaction_read_only is set (PostgreSQL 25006)";
            return StoreError::ReadOnly(what.to_owned());
        }
        "53100" => return StoreError::Full("no space is left at the PostgreSQL server".to_owned()),
        "42501" => "this user may not write to it",
        "3D000" => "there is no such database: create it first",
        "55P03" => "another program holds a lock for too long",
        _ => match code.get(..2).unwrap_or_default() {
            "08" | "57" | "58" => "the server is not reachable or shuts down",
            "28" => "the server refuses the user or the password",
            "40" => "another transaction was in the way",
            "55" => "the server cannot do that in the state it is in: is it a standby, or being started or changed",
            "53" => "the server has no resources left",
            "XX" => return refused(&format!("the server reports damage (PostgreSQL {code})")),
            _ => return refused(&format!("a statement was refused (PostgreSQL {code})")),
        },
    };
    StoreError::Unavailable(format!("{what} (PostgreSQL {code})"))
}

/// The error about something that the database does not take or must not hold.
pub(super) fn refused(what: &str) -> StoreError {
    StoreError::Corrupt { table: "database", column: "schema", what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_has_to_be_done() {
        assert!(matches!(sqlite_error(13), StoreError::Full(_)));
        assert!(matches!(sqlite_error(5), StoreError::Unavailable(_)));
        assert!(matches!(sqlite_error(517), StoreError::Unavailable(_)));
        assert!(matches!(sqlite_error(778), StoreError::Unavailable(_)));
        assert!(matches!(sqlite_error(11), StoreError::Corrupt { .. }));
        assert!(matches!(sqlite_error(2067), StoreError::Corrupt { .. }));
        assert!(matches!(postgres_error("53100"), StoreError::Full(_)));
        assert!(matches!(postgres_error("25006"), StoreError::ReadOnly(_)));
        assert!(matches!(postgres_error("40P01"), StoreError::Unavailable(_)));
        assert!(matches!(postgres_error("57P01"), StoreError::Unavailable(_)));
        assert!(matches!(postgres_error("23505"), StoreError::Corrupt { .. }));
    }
}
