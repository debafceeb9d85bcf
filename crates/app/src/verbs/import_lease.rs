//! Whether an import still goes on: the lease of the process that does it, and what others make of it.
//!
//! The lease is renewed while rows are taken in, however long that takes. One that was lost changes nothing: the
//! transaction that would have kept the archive proves it at its end. SQLite has one writer, the import itself, so nothing
//! can be renewed meanwhile; there the process is believed as long as it is seen on this machine.

use std::sync::Arc;

use async_trait::async_trait;
use threadkeep_core::archived::ArchivedMessage;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::archive::ImportReport;
use crate::planted::{self, Bug};
use crate::refusal::Refusal;
use crate::store::{
    BegunImport, INTERRUPTED, ImportJob, ImportLease, ImportRows, ImportState, ImportWish, Imported, JobFailure,
    SharedStore, StoreError,
};
use crate::tenure::Tenure;

/// What is said of an import whose process is gone.
const GONE: &str = "the import was interrupted (its server was stopped, or was away from the database for too long) and nothing \
     was kept: send the archive again";

/// Writes the row of an import that somebody has asked for and that goes on by itself.
pub async fn begin(app: &App, asked_by: &str) -> Result<ImportJob, Refusal> {
    let now = app.clock.now();
    app.presence.make_durable();
    let begun = BegunImport { asked_by, owner: app.presence.id(), now, lease_until: now.plus_ms(app.sync.lease_ms) };
    let id = app.store.begin_import(&begun).await?;
    let job = app.store.import_job(id).await?;
    job.ok_or_else(|| Refusal::Internal("the import is not there any more".into()))
}

/// One import that somebody has asked for; one whose process is gone is told as interrupted.
pub async fn find(app: &App, id: i64) -> Result<Option<ImportJob>, Refusal> {
    let job = app.store.import_job(id).await?;
    Ok(job.map(|job| as_it_stands(job, &app.store, app.clock.now(), |owner| app.presence.sees(owner))))
}

/// The row of an import at this time: one whose process is gone is interrupted. Processes of this machine may be seen.
pub fn as_it_stands(job: ImportJob, store: &SharedStore, now: Timestamp, sees: impl Fn(&str) -> bool) -> ImportJob {
    let is_silent = job.lease_until.is_none_or(|until| until <= now);
    let is_seen = store.has_one_writer() && job.owner.as_deref().is_some_and(sees);
    match job.state {
        _ if planted::is(Bug::DeadImportGoesOn) => job,
        ImportState::Running if is_silent && !is_seen => interrupted(job),
        _ => job,
    }
}

/// Takes rows in; while there is a row that tells how it goes, its lease is kept.
pub async fn take_rows(app: &App, wish: &ImportWish<'_>, rows: &mut dyn ImportRows) -> Result<Imported, Refusal> {
    let Some(id) = wish.job else {
        return Ok(app.store.import(wish, rows).await?);
    };
    // It was begun a moment ago by this process; the first renewal proves that it is still there.
    let tenure = Tenure::new(ImportLease(id), app.sync.lease_ms, app.clock.passed_ms());
    tenure.renew(app).await?;
    let mut kept = KeptRows { app, tenure: Arc::clone(&tenure), rows, lost: None };
    let ended = tokio::select! {
        ended = app.store.import(wish, &mut kept) => ended,
        lost = tenure.keep(app) => return Err(lost),
    };
    match kept.lost {
        Some(lost) => Err(lost),
        None => Ok(ended?),
    }
}

/// The row of an import that was interrupted.
pub(super) fn interrupted(job: ImportJob) -> ImportJob {
    let failure = Some(JobFailure { code: INTERRUPTED.to_owned(), what: GONE.to_owned() });
    let finished_at = job.finished_at.or(job.lease_until);
    ImportJob { state: ImportState::Interrupted, failure, finished_at, ..job }
}

/// Whether an error means that somebody else may believe this import gone.
pub(super) fn is_lost(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Store(StoreError::LeaseLost))
}

/// Rows that come only as long as the import is ours.
struct KeptRows<'a> {
    app: &'a App,
    tenure: Arc<Tenure<ImportLease>>,
    rows: &'a mut dyn ImportRows,
    lost: Option<Refusal>,
}

#[async_trait]
impl ImportRows for KeptRows<'_> {
    async fn next(&mut self) -> Option<Vec<ArchivedMessage>> {
        let batch = self.rows.next().await?;
        match self.tenure.ensure(self.app).await {
            Err(lost) if is_lost(&lost) => {
                self.lost = Some(lost);
                None
            }
            // As long as the lease lasts, the database may come back.
            Ok(()) | Err(_) => Some(batch),
        }
    }

    fn now(&self) -> Timestamp {
        self.rows.now()
    }

    fn report(&self) -> ImportReport {
        self.rows.report()
    }
}
