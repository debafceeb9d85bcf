//! Whether anybody has committed anything, asked of a connection that does nothing else.
//!
//! A call into SQLite on a thread of the runtime, as few are: the answer lies in memory that all processes with the file
//! share, and it is never waited for. What is not known at once is not known.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::connection::Settings;
use crate::store::dialect::DatabaseState;

/// Counts the commits of others, of this process or not, for as long as the connection is open.
const VERSION: &str = "PRAGMA data_version";

/// The watching connection.
pub(super) struct Watch {
    settings: Settings,
    connection: Mutex<Watching>,
}

enum Watching {
    /// Nobody has asked yet.
    Idle,
    Open(Connection),
    /// It may not be opened any more.
    Closed,
}

impl Watch {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, connection: Mutex::new(Watching::Idle) }
    }

    /// The state that the database is in; `None` when it cannot be told now.
    pub(super) fn state(&self) -> Option<DatabaseState> {
        let mut watching = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*watching, Watching::Idle) {
            *watching = Watching::Open(self.settings.connect().ok()?);
        }
        let Watching::Open(connection) = &*watching else { return None };
        let mut prepared = connection.prepare_cached(VERSION).ok()?;
        prepared.query_row([], |row| row.get(0)).ok().map(DatabaseState)
    }

    /// Closes it for good.
    pub(super) fn close(&self) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Watching::Closed;
    }
}
