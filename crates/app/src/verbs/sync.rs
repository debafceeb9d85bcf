//! Asking for a sync, waiting for it, and telling how it stands.
//!
//! Asking only writes a job; the work is done by workers, here or on another node. Waiting only looks at the row.

use threadkeep_core::id::AccountId;
use threadkeep_core::identity::UNKNOWN_OWNER;
use threadkeep_core::sync::{Health, HoldReason};
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{ARCHIVE_ONLY, Account, Act, Actor, Deed, Job, MediaCounts, Object, Overview};
use crate::verbs::audit;
use crate::verbs::freshness::{Freshness, freshness};
use crate::verbs::read::{Reach, is_within};
use crate::verbs::verify::{self, Found};

/// How often a waiting caller looks at the row when nothing wakes it.
const LOOK_MS: i64 = 100;

/// What came of asking for a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticket {
    /// A job is due or going on.
    Job {
        /// The job.
        job: Box<Job>,
        /// Whether it was there before.
        joined: bool,
    },
    /// The last sync is recent and nobody forced another.
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
}

/// How an account's mirror stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The account.
    pub account: Account,
    /// What its mirror holds.
    pub overview: Overview,
    /// Its attachments.
    pub media: MediaCounts,
    /// Its newest job.
    pub job: Option<Job>,
    /// What its newest verification found.
    pub verified: Option<Found>,
}

/// Asks for a sync of an account.
pub async fn request(app: &App, account: &AccountId, forced: bool) -> Result<Ticket, Refusal> {
    let now = app.clock.now();
    let kept = app.store.account(account).await?.ok_or(Refusal::NoAccount)?;
    if let Some((code, what)) = stopped(&kept) {
        return Ok(Ticket::Stopped { code, what });
    }
    let blocked = kept.hold.as_ref().filter(|hold| hold.why == HoldReason::Blocked && hold.holds_at(now));
    if !forced && let Some(hold) = blocked {
        return Ok(Ticket::Stopped { code: "upstream_blocked", what: blocked_until(hold.until) });
    }
    let is_open = app.store.jobs(account, 1).await?.first().is_some_and(|job| !job.state.is_over());
    // What ended in the future was ended by a clock that was wrong.
    let is_recent = |at: &Timestamp| (0..app.sync.recent_ms).contains(&now.since_ms(*at));
    if let (false, false, Some(last_sync_at)) = (forced, is_open, kept.last_sync_at.filter(is_recent)) {
        return Ok(Ticket::Recent { last_sync_at });
    }
    if blocked.is_some() {
        app.store.clear_blocked(account).await?;
    }
    let (job, joined) = app.store.enqueue_sync(account, forced, now).await?;
    if !joined {
        // The database has just taken a write: what the workers met before is over, or they will meet it again.
        app.storage.note(None);
    }
    app.bell.notify_waiters();
    Ok(Ticket::Job { job: Box::new(job), joined })
}

/// Why an account cannot be synced until somebody acts.
pub fn stopped(account: &Account) -> Option<(&'static str, String)> {
    let detail = account.health_detail.clone().unwrap_or_default();
    let id = &account.id;
    match account.health {
        Health::Connected => None,
        Health::NeedsLogin if detail == ARCHIVE_ONLY && account.member.as_str() == UNKNOWN_OWNER => Some((
            "needs_login",
            format!(
                "{detail}, and whose it is could not be told; `threadkeep account remove {id}`, then import it again and \
                 say with --me whose it is"
            ),
        )),
        Health::NeedsLogin if detail == ARCHIVE_ONLY => Some((
            "needs_login",
            format!("{detail}; `threadkeep account add` with the member's own session joins this account"),
        )),
        Health::NeedsLogin => Some((
            "needs_login",
            format!("{detail}; log in to LinkedIn again and run `threadkeep account reconnect {id}`"),
        )),
        Health::Challenged => Some((
            "challenged",
            format!("{detail}; answer it in a browser, then run `threadkeep account reconnect {id}`"),
        )),
        Health::Paused => Some(("paused", format!("the account is paused; run `threadkeep account resume {id}`"))),
    }
}

pub(super) fn blocked_until(until: Timestamp) -> String {
    let until = jiff::Timestamp::from_millisecond(until.0).map(|at| at.to_string()).unwrap_or_default();
    format!(
        "LinkedIn blocked the last request (999), so nothing is asked before {until}; look at LinkedIn in a browser, \
         then run `threadkeep sync --force` to try again earlier"
    )
}

/// Waits until a job is over or a time has come; gives the job as it then is.
pub async fn wait(app: &App, job: i64, until: Timestamp) -> Result<Job, Refusal> {
    loop {
        let row = app.store.job(job).await?.ok_or_else(|| Refusal::NotFound("no such run".into()))?;
        let now = app.clock.now();
        if row.state.is_over() || now >= until {
            return Ok(row);
        }
        app.storage.check()?;
        app.clock.nap_until(now.plus_ms(LOOK_MS).min(until)).await;
    }
}

/// Most runs on a page.
pub const RUNS_PAGE_MAX: u32 = 100;
/// Runs that are looked at; no account keeps more.
const RUNS_KEPT_MAX: u32 = 250;

/// A page of an account's runs, newest first, those before a number; true when more follow.
pub async fn runs(
    app: &App,
    account: &AccountId,
    before: Option<i64>,
    limit: u32,
) -> Result<(Vec<Job>, bool), Refusal> {
    let mut jobs = app.store.jobs(account, RUNS_KEPT_MAX).await?;
    jobs.retain(|job| before.is_none_or(|before| job.id < before));
    let limit = usize::try_from(limit.clamp(1, RUNS_PAGE_MAX)).unwrap_or(1);
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    Ok((jobs, has_more))
}

/// All runs that are kept of an account, newest first, those included that only fetched media.
pub async fn kept_runs(app: &App, account: &AccountId) -> Result<Vec<Job>, Refusal> {
    let mut runs = app.store.jobs(account, RUNS_KEPT_MAX).await?;
    runs.extend(app.store.media_jobs(account, RUNS_KEPT_MAX).await?);
    runs.sort_by_key(|run| std::cmp::Reverse(run.id));
    Ok(runs)
}

/// One run of an account within reach.
pub async fn run(app: &App, reach: Reach<'_>, id: i64) -> Result<Job, Refusal> {
    let job = app.store.job(id).await?.filter(|job| is_within(reach, &job.account));
    job.ok_or_else(|| Refusal::NotFound("no such run".into()))
}

/// Asks a run to stop; gives it as it then is. One that is worked on stops at its next step.
pub async fn cancel(app: &App, who: &Actor, reach: Reach<'_>, id: i64) -> Result<Job, Refusal> {
    let job = run(app, reach, id).await?;
    let line = audit::done(app, who, Act::RunCancelled, Object::run(id, Some(&job.account)));
    let is_asked = app.store.carry_out(&Deed::Cancel(id), &line).await?;
    app.bell.notify_waiters();
    match is_asked {
        true => run(app, reach, id).await,
        false => Err(Refusal::Conflict("the run is over: there is nothing to cancel".into())),
    }
}

/// How the mirrors of these accounts stand.
pub async fn status(app: &App, accounts: Vec<Account>) -> Result<Vec<Status>, Refusal> {
    let mut all = Vec::with_capacity(accounts.len());
    for account in accounts {
        let overview = app.store.overview(&account.id).await?;
        let job = app.store.jobs(&account.id, 1).await?.into_iter().next();
        let media = app.store.media_counts(&account.id).await?;
        let verified = verify::newest(app, &account.id).await?;
        all.push(Status { account, overview, media, job, verified });
    }
    Ok(all)
}

impl Status {
    /// Whether a run is going on; one whose lease ran out is interrupted and is not.
    pub fn in_progress(&self, now: Timestamp) -> bool {
        self.job.as_ref().is_some_and(|job| job.is_in_progress(now))
    }

    /// Whether a run was interrupted and nobody has gone on with it yet.
    pub fn is_interrupted(&self, now: Timestamp) -> bool {
        self.job.as_ref().is_some_and(|job| job.is_interrupted(now))
    }

    /// How fresh the mirror is.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        freshness(&self.account, &self.overview, self.job.as_ref(), now)
    }
}
