//! How fresh the mirror of an account is, judged by what it holds and never by whether somebody is connected.
//!
//! Pure: rows in, a word out. "Fresh" is said only when nothing that LinkedIn has shown is left to be brought, and the
//! time that it names is the time of the last answer that told of changes, not the time of the last run.

use threadkeep_core::sync::{Health, HoldReason};
use threadkeep_core::time::Timestamp;

use crate::store::{Account, Job, JobState, Overview};

/// A wait after a passing failure is told from this length on; shorter ones are over before they are read.
const PASSING_MIN_MS: i64 = 10_000;
/// The codes of runs that a dead session has ended.
const LOGIN_CODES: [&str; 2] = ["needs_login", "challenged"];

/// How fresh the mirror of an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// All that LinkedIn had shown at that time is here.
    Fresh {
        /// The time.
        as_of: Timestamp,
    },
    /// There is more than is here, or nobody can tell.
    Behind {
        /// From this time on something may be missing.
        since: Timestamp,
    },
    /// Only the member can go on: by a new login, or by a check in the browser.
    NeedsLogin {
        /// When the session was seen to be dead.
        since: Timestamp,
    },
    /// Nothing is asked before a time.
    Held {
        /// The time.
        until: Timestamp,
        /// Why.
        why: HoldReason,
    },
    /// The member paused it.
    Paused,
    /// A run ended without having said so; it is not going on.
    Interrupted {
        /// When its lease ended.
        since: Timestamp,
    },
}

impl Freshness {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh { .. } => "fresh",
            Self::Behind { .. } => "behind",
            Self::NeedsLogin { .. } => "needs_login",
            Self::Held { .. } => "held",
            Self::Paused => "paused",
            Self::Interrupted { .. } => "interrupted",
        }
    }

    /// "Fresh as of", when it is.
    pub fn as_of(self) -> Option<Timestamp> {
        match self {
            Self::Fresh { as_of } => Some(as_of),
            _ => None,
        }
    }

    /// Since when it is not.
    pub fn since(self) -> Option<Timestamp> {
        match self {
            Self::Behind { since } | Self::NeedsLogin { since } | Self::Interrupted { since } => Some(since),
            Self::Fresh { .. } | Self::Held { .. } | Self::Paused => None,
        }
    }

    /// Until when nothing is asked, and why.
    pub fn held(self) -> Option<(Timestamp, HoldReason)> {
        match self {
            Self::Held { until, why } => Some((until, why)),
            _ => None,
        }
    }
}

/// How fresh the mirror of an account is, from its row, what it holds, and its newest run.
pub fn freshness(account: &Account, overview: &Overview, newest: Option<&Job>, now: Timestamp) -> Freshness {
    match account.health {
        Health::Paused => return Freshness::Paused,
        Health::NeedsLogin | Health::Challenged => return Freshness::NeedsLogin { since: lost_at(account, newest) },
        Health::Connected => {}
    }
    if let Some(hold) = account.hold.as_ref().filter(|hold| hold.until > now) {
        let is_passing = hold.why == HoldReason::Unavailable && hold.until.since_ms(now) < PASSING_MIN_MS;
        if !is_passing {
            return Freshness::Held { until: hold.until, why: hold.why };
        }
    }
    if let Some(job) = newest.filter(|job| job.is_interrupted(now)) {
        return Freshness::Interrupted { since: job.lease_until.unwrap_or(job.created_at) };
    }
    let known_to = account.inbox.token_at.unwrap_or(account.created_at);
    match left_behind(account, overview, newest) {
        true => Freshness::Behind { since: overview.lagging_since.map_or(known_to, |at| at.min(known_to)) },
        false => Freshness::Fresh { as_of: known_to },
    }
}

/// Whether something that LinkedIn has shown is not here yet, or the last attempt to ask has failed.
fn left_behind(account: &Account, overview: &Overview, newest: Option<&Job>) -> bool {
    let inbox = &account.inbox;
    let is_unknown = inbox.token_at.is_none() || inbox.imported_at.is_none();
    let is_walking = inbox.more || inbox.open_list().is_some();
    let has_failed = newest.is_some_and(|job| job.state == JobState::Failed);
    is_unknown || is_walking || has_failed || overview.due > 0 || overview.lagging > 0
}

/// When the session was seen to be dead: the end of the run that met it, else the last time that something was known.
fn lost_at(account: &Account, newest: Option<&Job>) -> Timestamp {
    let ended_so =
        |job: &&Job| job.failure.as_ref().is_some_and(|failure| LOGIN_CODES.contains(&failure.code.as_str()));
    let ended_at = newest.filter(ended_so).and_then(|job| job.finished_at);
    ended_at.or(account.inbox.token_at).unwrap_or(account.created_at)
}

#[cfg(test)]
mod tests {
    use threadkeep_core::id::{AccountId, PersonId};
    use threadkeep_core::page::SyncToken;
    use threadkeep_core::sync::Hold;
    use threadkeep_core::sync::track::InboxTrack;

    use crate::store::{JobFailure, MediaPolicy, Progress};

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn account() -> Account {
        let inbox = InboxTrack {
            token: Some(SyncToken("t".into())),
            token_at: Some(Timestamp(900_000)),
            imported_at: Some(Timestamp(500_000)),
            ..InboxTrack::default()
        };
        Account {
            id: AccountId::new("0123456789abcdef01234567").unwrap(),
            member: PersonId::new("ACoAAOlga").unwrap(),
            first_name: "Olga".into(),
            last_name: "Test".into(),
            public_id: "olga-test".into(),
            picture_url: None,
            premium: None,
            health: Health::Connected,
            health_detail: None,
            hold: None,
            next_request_at: Timestamp(0),
            scope: vec!["INBOX".into()],
            inbox,
            created_at: Timestamp(400_000),
            last_sync_at: Some(Timestamp(950_000)),
            consecutive_failures: 0,
            last_error: None,
            media_policy: MediaPolicy::default(),
            login_expires_at: None,
        }
    }

    fn job(state: JobState) -> Job {
        Job {
            id: 1,
            account: account().id,
            state,
            forced: false,
            cancel_requested: false,
            media_only: false,
            verify: None,
            not_before: Timestamp(0),
            lease_until: (state == JobState::Running).then_some(Timestamp(999_000)),
            created_at: Timestamp(940_000),
            started_at: Some(Timestamp(940_000)),
            finished_at: state.is_over().then_some(Timestamp(950_000)),
            failure: None,
            progress: Progress::default(),
        }
    }

    #[test]
    fn fresh_is_as_of_the_last_answer_and_not_of_the_last_run() {
        let found = freshness(&account(), &Overview::default(), Some(&job(JobState::Done)), NOW);
        assert_eq!(found, Freshness::Fresh { as_of: Timestamp(900_000) });
    }

    #[test]
    fn a_connected_account_is_behind_while_lists_show_more_than_is_here() {
        let seen = Overview { lagging: 2, lagging_since: Some(Timestamp(700_000)), ..Overview::default() };
        let found = freshness(&account(), &seen, Some(&job(JobState::Done)), NOW);
        assert_eq!(found, Freshness::Behind { since: Timestamp(700_000) });
        let due = Overview { due: 1, ..Overview::default() };
        assert_eq!(freshness(&account(), &due, None, NOW), Freshness::Behind { since: Timestamp(900_000) });
        let more = Account { inbox: InboxTrack { more: true, ..account().inbox }, ..account() };
        assert_eq!(freshness(&more, &Overview::default(), None, NOW).as_str(), "behind");
        let never = Account { inbox: InboxTrack::default(), ..account() };
        let found = freshness(&never, &Overview::default(), None, NOW);
        assert_eq!(found, Freshness::Behind { since: Timestamp(400_000) });
    }

    #[test]
    fn a_run_that_failed_leaves_it_behind_however_little_is_known_to_be_missing() {
        let found = freshness(&account(), &Overview::default(), Some(&job(JobState::Failed)), NOW);
        assert_eq!(found, Freshness::Behind { since: Timestamp(900_000) });
    }

    #[test]
    fn a_dead_session_goes_before_everything_but_a_pause() {
        let code = JobFailure { code: "needs_login".into(), what: "the session has ended".into() };
        let ended = Job { failure: Some(code), ..job(JobState::Failed) };
        for health in [Health::NeedsLogin, Health::Challenged] {
            let dead = Account { health, ..account() };
            let found = freshness(&dead, &Overview::default(), Some(&ended), NOW);
            assert_eq!(found, Freshness::NeedsLogin { since: Timestamp(950_000) });
            assert_eq!(freshness(&dead, &Overview::default(), None, NOW).since(), Some(Timestamp(900_000)));
        }
        let paused = Account { health: Health::Paused, ..account() };
        assert_eq!(freshness(&paused, &Overview::default(), Some(&ended), NOW), Freshness::Paused);
    }

    #[test]
    fn a_wait_is_told_with_its_reason_unless_it_is_over_before_it_is_read() {
        let held = |why, ms| Account { hold: Some(Hold { until: NOW.plus_ms(ms), why }), ..account() };
        let limited = freshness(&held(HoldReason::RateLimited, 1), &Overview::default(), None, NOW);
        assert_eq!(limited.held(), Some((NOW.plus_ms(1), HoldReason::RateLimited)));
        assert_eq!(freshness(&held(HoldReason::Unavailable, 500), &Overview::default(), None, NOW).as_str(), "fresh");
        assert_eq!(freshness(&held(HoldReason::Unavailable, 60_000), &Overview::default(), None, NOW).as_str(), "held");
        assert_eq!(freshness(&held(HoldReason::Blocked, 0), &Overview::default(), None, NOW).as_str(), "fresh");
    }

    #[test]
    fn a_run_whose_lease_ended_is_interrupted_and_not_in_progress() {
        let died = job(JobState::Running);
        let found = freshness(&account(), &Overview::default(), Some(&died), NOW);
        assert_eq!(found, Freshness::Interrupted { since: Timestamp(999_000) });
        assert_eq!(freshness(&account(), &Overview::default(), Some(&died), Timestamp(998_000)).as_str(), "fresh");
    }
}
