//! SQLite: one connection that writes, a few that read, each on a thread of its own, and one round trip a script.
//!
//! A call into SQLite may block for seconds and must never run on a thread of the runtime; the exceptions are
//! in `watch` and `desk`. A transaction that is dropped half-way is rolled back before anybody writes again.

mod backup;
mod connection;
mod desk;
#[cfg(feature = "simulation")]
mod direct;
mod schema;
mod threads;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use threadkeep_core::time::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

use super::dialect::{DatabaseState, Dialect, SearchForm};
use super::look::Viewer;
use super::statement::{Outcome, Statement, sql};
use super::{OpenOptions, StoreError, StoreResult};
pub use backup::{BackupFault, Taken, copy_database, examine_backup, take_database};
use connection::{Access, Settings, run, show, transact};
use desk::Desk;
use threads::Threads;
use watch::Watch;

#[cfg(feature = "simulation")]
pub(super) use direct::DirectDialect;

/// How long a reader waits for a free connection.
const READER_WAIT: Duration = Duration::from_secs(10);
/// Oldest SQLite without the WAL-reset bug, which could damage a file with two connections: 3.51.3.
const SQLITE_OLDEST: i32 = 3_051_003;

/// A SQLite database.
pub(super) struct SqliteDialect {
    writer: Arc<Threads>,
    /// Held by whoever writes; what waits for the writer waits here, so that its queue holds two jobs at most.
    turn: Arc<Mutex<()>>,
    /// `None` for a database in memory, which only its one connection sees, and when none were asked for.
    readers: Option<Readers>,
    path: Option<PathBuf>,
}

struct Readers {
    threads: Threads,
    watch: Watch,
    desk: Desk,
    /// One permit for each thread, held by the job that runs on it.
    free: Arc<Semaphore>,
}

/// A write transaction: the only user of the writer connection. It begins with its first script.
pub(super) struct SqliteTx {
    writer: Arc<Threads>,
    turn: Option<OwnedMutexGuard<()>>,
    state: TxState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TxState {
    /// Nothing was sent yet.
    Idle,
    /// It may be open.
    Begun,
    /// It was committed or undone.
    Over,
}

impl SqliteDialect {
    /// Opens the file at this path, or a private database in memory.
    pub(super) fn open(path: Option<PathBuf>, options: OpenOptions) -> StoreResult<Self> {
        if rusqlite::version_number() < SQLITE_OLDEST {
            let found = rusqlite::version();
            let what = format!("SQLite {found} may damage databases; build with 3.51.3 or newer");
            return Err(StoreError::Unavailable(what));
        }
        let OpenOptions { sqlite_pages_max: pages_max, sqlite_readers: count, .. } = options;
        let settings = Settings { path: path.clone(), pages_max, access: Access::Write };
        let writer = Arc::new(Threads::start("sqlite-writer", 1, &settings)?);
        let readers = match &path {
            Some(_) if count > 0 => Some(Readers {
                threads: Threads::start(
                    "sqlite-reader",
                    count,
                    &Settings { access: Access::Read, ..settings.clone() },
                )?,
                watch: Watch::new(Settings { access: Access::Watch, ..settings.clone() }),
                desk: Desk::new(Settings { access: Access::Page, ..settings }),
                free: Arc::new(Semaphore::new(count)),
            }),
            _ => None,
        };
        Ok(Self { writer, turn: Arc::default(), readers, path })
    }

    async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Does something with the writer connection, outside of a transaction.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let turn = self.turn().await;
        let work = move |connection: &mut rusqlite::Connection| {
            let done = work(connection);
            drop(turn);
            done
        };
        self.writer.ask(work).await
    }

    /// Does something with a connection that only reads, once there is a free one.
    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let Some(readers) = &self.readers else {
            return self.write(work).await;
        };
        let permit = tokio::time::timeout(READER_WAIT, Arc::clone(&readers.free).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(StoreError::Unavailable("all connections are in use".to_owned()));
        };
        let work = move |connection: &mut rusqlite::Connection| {
            let found = work(connection);
            drop(permit);
            found
        };
        readers.threads.ask(work).await
    }

    /// The text that a statement gives, asked of the writer connection.
    async fn text(&self, statement: Statement) -> StoreResult<String> {
        let outcomes = self.write(move |connection| run(connection, &[statement])).await?;
        let row = outcomes.into_iter().flat_map(|one| one.rows).next();
        let row = row.ok_or_else(|| StoreError::Unavailable("SQLite gave no answer".to_owned()))?;
        row.columns("sqlite").text("pragma")
    }
}

impl SqliteTx {
    async fn send(&mut self, script: Vec<Statement>, is_last: bool) -> StoreResult<Vec<Outcome>> {
        let is_first = self.state == TxState::Idle;
        self.state = TxState::Begun;
        let work = move |connection: &mut rusqlite::Connection| transact(connection, script, is_first, is_last);
        let sent = self.writer.ask(work).await;
        if is_last || sent.is_err() {
            self.state = TxState::Over;
        }
        sent
    }

    /// Has it undone, if need be; whoever is next gets the turn after that.
    fn undo(&mut self) {
        let turn = self.turn.take();
        if std::mem::replace(&mut self.state, TxState::Over) == TxState::Begun {
            self.writer.tell(move |connection| {
                connection::roll_back(connection);
                drop(turn);
            });
        }
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        self.undo();
    }
}

#[async_trait]
impl Dialect for SqliteDialect {
    type Tx = SqliteTx;

    // There is one writer: nobody else is about to change anything.
    const LOCKING: &'static str = "";
    const SKIPPING_LOCKED: &'static str = "";
    const HAS_ONE_WRITER: bool = true;
    const SEARCH: SearchForm = SearchForm::Fts5;

    async fn begin(&self) -> StoreResult<Self::Tx> {
        let turn = Some(self.turn().await);
        Ok(SqliteTx { writer: Arc::clone(&self.writer), turn, state: TxState::Idle })
    }

    async fn run(&self, tx: &mut Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        tx.send(script, false).await
    }

    async fn finish(&self, mut tx: Self::Tx, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        tx.send(script, true).await
    }

    async fn abandon(&self, mut tx: Self::Tx) {
        tx.undo();
    }

    /// All of it is one job: the way to the thread and back costs more than a small script.
    async fn transact<T, F>(&self, first: Vec<Statement>, then: F) -> StoreResult<(Vec<Outcome>, T)>
    where
        T: Send + 'static,
        F: FnOnce(Vec<Outcome>) -> StoreResult<(Vec<Statement>, T)> + Send + 'static,
    {
        self.write(move |connection| {
            let answers = transact(connection, first, true, false)?;
            let (script, rest) = then(answers).inspect_err(|_| connection::roll_back(connection))?;
            Ok((transact(connection, script, false, true)?, rest))
        })
        .await
    }

    async fn read(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        self.reading(move |connection| run(connection, &script)).await
    }

    async fn glance(&self, script: Vec<Statement>) -> StoreResult<Vec<Outcome>> {
        match self.readers.as_ref().and_then(|readers| readers.desk.run(&script)) {
            Some(found) => found,
            None => self.read(script).await,
        }
    }

    async fn show<V: Viewer + 'static>(&self, script: Vec<Statement>, mut viewer: V) -> StoreResult<V> {
        if let Some(found) = self.readers.as_ref().and_then(|readers| readers.desk.show(&script, &mut viewer)) {
            return found.map(|()| viewer);
        }
        self.reading(move |connection| show(connection, &script, &mut viewer).map(|()| viewer)).await
    }

    /// A connection of its own, whose transaction is open as long as its thread lives.
    async fn held(&self) -> StoreResult<Self> {
        let (readers, path) = (None, self.path.clone());
        if path.is_none() {
            return Ok(Self { writer: Arc::clone(&self.writer), turn: Arc::clone(&self.turn), readers, path });
        }
        let settings = Settings { path: path.clone(), pages_max: None, access: Access::Read };
        let reader = Arc::new(Threads::start("sqlite-held", 1, &settings)?);
        reader.ask(|connection| connection::hold(connection)).await?;
        Ok(Self { writer: reader, turn: Arc::default(), readers, path })
    }

    async fn release(self) {
        if self.path.is_some() {
            self.writer.close().await;
        }
    }

    fn state(&self) -> Option<DatabaseState> {
        self.readers.as_ref().and_then(|readers| readers.watch.state())
    }

    async fn migrate(&self) -> StoreResult<()> {
        self.write(schema::migrate).await
    }

    async fn applied(&self) -> StoreResult<Vec<i64>> {
        self.write(|connection| schema::applied(connection)).await
    }

    async fn examine(&self) -> StoreResult<Vec<(String, String, bool)>> {
        let check = self.text(sql!("PRAGMA quick_check(1)")).await?;
        let mode = self.text(sql!("PRAGMA journal_mode")).await?;
        let is_wal = self.path.is_none() || mode == "wal";
        let is_sound = check == "ok";
        let found = if is_sound { "sound" } else { "damaged: restore a backup" };
        let place = self.path.as_ref().map_or("in memory".to_owned(), |path| path.display().to_string());
        Ok(vec![
            ("database".to_owned(), format!("SQLite {}, {place}", rusqlite::version()), true),
            ("journal".to_owned(), mode, is_wal),
            ("file".to_owned(), found.to_owned(), is_sound),
        ])
    }

    async fn time(&self) -> StoreResult<Option<Timestamp>> {
        // Whoever opens the file is on this machine and has its clock.
        Ok(None)
    }

    async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.watch.close();
            readers.desk.close();
            readers.threads.close().await;
        }
        let _turn = self.turn().await;
        // The last connection to close writes the log back into the file.
        self.writer.close().await;
    }
}
