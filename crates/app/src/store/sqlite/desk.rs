//! Pages that lie ready, read at once on the thread that asks: a keyset statement over few rows takes less than the way
//! to another thread and back.
//!
//! Only for reads that are bounded by the rows of a page, and never waiting: where a connection is missing or the database
//! is locked, nothing was shown and the reader threads are asked instead.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::connection::{Settings, run, show};
use crate::store::look::Viewer;
use crate::store::statement::{Outcome, Statement};
use crate::store::{StoreError, StoreResult};

/// Connections that lie ready: about one for each thread of the runtime.
const CONNECTIONS_MAX: usize = 4;

/// The connections that nobody uses now.
pub(super) struct Desk {
    settings: Settings,
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    connections: Vec<Connection>,
    /// Those that were opened, free or not.
    opened: usize,
    is_closed: bool,
}

impl Desk {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, free: Mutex::default() }
    }

    /// Runs statements and shows their rows; `None` when that cannot be done at once and nothing was shown.
    pub(super) fn show(&self, script: &[Statement], viewer: &mut impl Viewer) -> Option<StoreResult<()>> {
        let connection = self.take()?;
        let mut seen = Counted { viewer, has_seen: false };
        let shown = show(&connection, script, &mut seen);
        let is_untouched = !seen.has_seen;
        self.put(connection);
        match shown {
            Err(StoreError::Unavailable(_)) if is_untouched => None,
            shown => Some(shown),
        }
    }

    /// Runs statements; `None` when that cannot be done at once.
    pub(super) fn run(&self, script: &[Statement]) -> Option<StoreResult<Vec<Outcome>>> {
        let connection = self.take()?;
        let found = run(&connection, script);
        self.put(connection);
        match found {
            Err(StoreError::Unavailable(_)) => None,
            found => Some(found),
        }
    }

    /// Closes what is free; what is in use is closed when it comes back.
    pub(super) fn close(&self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.is_closed = true;
        free.connections.clear();
    }

    fn take(&self) -> Option<Connection> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = free.connections.pop() {
            return Some(connection);
        }
        if free.is_closed || free.opened >= CONNECTIONS_MAX {
            return None;
        }
        let connection = self.settings.connect().ok()?;
        free.opened += 1;
        Some(connection)
    }

    fn put(&self, connection: Connection) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if !free.is_closed {
            free.connections.push(connection);
        }
    }
}

/// Notes whether anything was shown.
struct Counted<'a, V> {
    viewer: &'a mut V,
    has_seen: bool,
}

impl<V: Viewer> Viewer for Counted<'_, V> {
    fn see(&mut self, statement: usize, row: &mut crate::store::look::Look<'_>) -> StoreResult<()> {
        self.has_seen = true;
        self.viewer.see(statement, row)
    }
}
