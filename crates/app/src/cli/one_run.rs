//! One sync, worked on in this process and watched on its row.
//!
//! The row is the truth: when another process holds the job, or when it waits for its time, this only watches. A stop
//! leaves the job where it is, and the next run goes on from there.

use std::time::Duration;

use threadkeep_core::id::AccountId;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::Ask;

use crate::app::App;
use crate::lifecycle::{Stop, spawn};
use crate::refusal::Refusal;
use crate::store::{Account, Job, Overview};
use crate::verbs::sync::{Ticket, request};
use crate::verbs::{accounts, verify};
use crate::worker;

/// How often the row is looked at.
const LOOK_MS: i64 = 100;
/// How often the mirror is counted, which costs more.
const COUNT_MS: i64 = 1_000;
/// How long a worker may take to leave its job in order; what it then has not written is asked again.
const GRACE: Duration = Duration::from_millis(700);

/// How a sync ended.
#[derive(Debug)]
pub enum Ran {
    /// The job is over, done or not.
    Over(Job),
    /// A stop was asked for; the job stays.
    Interrupted {
        /// The job as it was left.
        job: Job,
        /// When.
        at: Timestamp,
    },
    /// The last sync is recent, and nobody forced another.
    Recent {
        /// When it ended.
        last_sync_at: Timestamp,
    },
    /// The account cannot be synced until somebody acts.
    Stopped {
        /// Stable code.
        code: &'static str,
        /// What to do.
        what: String,
    },
    /// Something of ours failed on the way; the job stays.
    Broken {
        /// The job as it was last seen.
        job: Job,
        /// What failed.
        refusal: Refusal,
    },
}

/// How a run stands.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its account.
    pub account: &'a Account,
    /// What the mirror holds; a little old.
    pub overview: &'a Overview,
    /// Now.
    pub now: Timestamp,
}

/// Shows how a run stands.
pub trait View: Send {
    /// Shows it.
    fn show(&mut self, snapshot: &Snapshot<'_>);
    /// Takes away what would stand in the way of other output.
    fn end(&mut self);
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// To bring what is new.
    Sync {
        /// Although the last sync is recent.
        forced: bool,
    },
    /// To compare what is here with what is shown.
    Verify(Ask),
}

/// Asks for a run and works on it until it is over or a stop is asked for.
pub async fn run(
    app: &App,
    account: &AccountId,
    errand: Errand,
    stop: &Stop,
    view: &mut dyn View,
) -> Result<Ran, Refusal> {
    let ticket = match errand {
        Errand::Sync { forced } => request(app, account, forced).await?,
        Errand::Verify(ask) => verify::request(app, account, ask).await?,
    };
    let mut seen = match ticket {
        Ticket::Job { job, .. } => *job,
        Ticket::Recent { last_sync_at } => return Ok(Ran::Recent { last_sync_at }),
        Ticket::Stopped { code, what } => return Ok(Ran::Stopped { code, what }),
    };
    let worker_stop = Stop::default();
    let mut worker = spawn(worker::run_account(app.clone(), worker_stop.clone(), account.clone()));
    let watched = watch(app, &mut seen, stop, view, || worker.is_finished()).await;
    view.end();
    worker_stop.ask();
    let left = tokio::time::timeout(GRACE, &mut worker).await;
    let worked = match left {
        Ok(Ok(worked)) => worked,
        Ok(Err(_)) => Err(Refusal::Internal("the worker broke off; run the command again to go on".into())),
        Err(_) => {
            worker.abort();
            worker::leave(app).await;
            Ok(())
        }
    };
    let is_stopped = match watched {
        Ok(is_stopped) => is_stopped,
        Err(refusal) => return Ok(Ran::Broken { job: seen, refusal }),
    };
    // The worker may have written more after the last look.
    let job = match app.store.job(seen.id).await {
        Ok(job) => job.unwrap_or(seen),
        Err(error) => return Ok(Ran::Broken { job: seen, refusal: error.into() }),
    };
    Ok(match (job.state.is_over(), is_stopped) {
        (true, _) => Ran::Over(job),
        (false, true) => Ran::Interrupted { job, at: app.clock.now() },
        (false, false) => Ran::Broken { job, refusal: worked.err().unwrap_or_else(deserted) },
    })
}

fn deserted() -> Refusal {
    Refusal::Internal("the worker ended before the run; run the command again to go on".into())
}

/// Watches a job until it is over, a stop is asked for, or nobody here works any more; tells whether it was the stop.
/// What was seen last stays in `seen`, whatever fails.
async fn watch(
    app: &App,
    seen: &mut Job,
    stop: &Stop,
    view: &mut dyn View,
    is_deserted: impl Fn() -> bool,
) -> Result<bool, Refusal> {
    let mut counted: Option<(Overview, Timestamp)> = None;
    loop {
        let was_deserted = is_deserted();
        let removed = || Refusal::NotFound("the run was removed".into());
        *seen = app.store.job(seen.id).await?.ok_or_else(removed)?;
        let row = &*seen;
        let now = app.clock.now();
        let account = accounts::find(app, &row.account).await?;
        let overview = match counted.take() {
            Some((overview, at)) if now.since_ms(at) < COUNT_MS && !row.state.is_over() => (overview, at),
            _ => (app.store.overview(&row.account).await?, now),
        };
        view.show(&Snapshot { job: row, account: &account, overview: &overview.0, now });
        counted = Some(overview);
        if row.state.is_over() || stop.is_asked() || was_deserted {
            return Ok(stop.is_asked());
        }
        tokio::select! {
            () = app.clock.nap_until(now.plus_ms(LOOK_MS)) => {}
            () = stop.asked() => {}
        }
    }
}
