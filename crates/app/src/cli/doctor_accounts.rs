//! What `threadkeep doctor` says of each account: one line for each class of trouble, each with its remedy.
//!
//! Pure: how an account stands in, lines out. No line names a member or holds a text, and nothing here asks anybody.

use threadkeep_core::identity::UNKNOWN_OWNER;
use threadkeep_core::sync::{Health, HoldReason};
use threadkeep_core::time::Timestamp;

use crate::store::{ARCHIVE_ONLY, Account};
use crate::verbs::freshness::Freshness;
use crate::verbs::login_end::{LoginEnd, login_end, renewal};
use crate::verbs::sync::{Status, stopped};

use super::doctor_checks::{Check, Finding};
use super::table::{number, span, time};

/// A mirror that nobody has asked for news for so long is told.
const STALE_MS: i64 = 24 * 3_600_000;
/// A verification older than this is told.
const VERIFIED_MS: i64 = 30 * 24 * 3_600_000;
/// A last write that is so far ahead of the clock cannot be a matter of two clocks.
const AHEAD_MS: i64 = 10 * 60_000;

/// All lines about an account.
pub(super) fn of_account(one: &Status, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![state(one, now)];
    checks.extend(login(one, now));
    checks.extend(clock(one, now));
    checks.extend(contract(one));
    checks.extend(run(one, now));
    checks.extend(freshness(one, now));
    checks.extend(completeness(one));
    checks.extend(verification(one, now));
    checks.extend(attachments(one));
    checks
}

/// Whether LinkedIn may be asked at all.
fn state(one: &Status, now: Timestamp) -> Check {
    let (subject, account) = ("account", &one.account);
    let id = &account.id;
    if let Some((code, remedy)) = stopped(account) {
        let finding = match account.health {
            Health::Paused => Finding::Warn,
            _ if is_archive(account) && account.member.as_str() == UNKNOWN_OWNER => Finding::Warn,
            // Who has only ever imported has all that was asked for.
            _ if is_archive(account) => Finding::Ok,
            _ => Finding::Fail,
        };
        return Check::new(subject, finding, format!("{id}: {code}"), &remedy);
    }
    if let Some(hold) = account.hold.as_ref().filter(|hold| hold.until > now) {
        let found = format!("{id}: waits until {} ({})", time(hold.until), hold.why.as_str());
        let (finding, remedy) = match hold.why {
            HoldReason::Blocked => (
                Finding::Fail,
                "look at LinkedIn in a browser; when all is well there, `threadkeep sync --force` tries again earlier",
            ),
            HoldReason::RateLimited => (Finding::Warn, "nothing to do: LinkedIn asked for this wait, then it goes on"),
            HoldReason::Unavailable => (Finding::Warn, "nothing to do: it goes on by itself"),
        };
        return Check::new(subject, finding, found, remedy);
    }
    match &account.last_error {
        Some(error) => {
            let found = format!("{id}: {} failed runs in a row, last {}", account.consecutive_failures, error.code);
            Check::new(subject, Finding::Warn, found, &error.what)
        }
        None => Check::ok(subject, format!("{id}: {}", account.health.as_str())),
    }
}

/// Whether the login ends soon: nobody has to wait for the day on which nothing comes any more.
fn login(one: &Status, now: Timestamp) -> Option<Check> {
    let (subject, id) = ("login", &one.account.id);
    let (finding, found) = match login_end(&one.account, now)? {
        LoginEnd::Unknown => return Some(Check::ok(subject, format!("{id}: it did not come with a date of its end"))),
        LoginEnd::Later(at) => return Some(Check::ok(subject, format!("{id}: ends at {}", time(at)))),
        LoginEnd::Soon(at) => (Finding::Warn, format!("ends at {}, in {}", time(at), span(at.since_ms(now)))),
        LoginEnd::Past(at) => (Finding::Fail, format!("ended at {}", time(at))),
        LoginEnd::Outlived(at) => (Finding::Warn, format!("was to end at {}, and LinkedIn still takes it", time(at))),
    };
    Some(Check::new(subject, finding, format!("{id}: {found}"), &renewal(&one.account)))
}

/// Rows from the future: then waits and ages mean nothing.
fn clock(one: &Status, now: Timestamp) -> Option<Check> {
    let account = &one.account;
    let ended = one.job.as_ref().map(|job| job.finished_at.unwrap_or(job.created_at));
    let newest = [account.last_sync_at, account.inbox.token_at, ended].into_iter().flatten().max()?;
    (newest.since_ms(now) > AHEAD_MS).then(|| {
        let found = format!("{}: it is {}, and the last write was at {}", account.id, time(now), time(newest));
        Check::new("clock", Finding::Fail, found, "set the clock of this machine, or that of the one that wrote")
    })
}

/// Answers or requests that are no longer understood.
fn contract(one: &Status) -> Option<Check> {
    let error = one.account.last_error.as_ref()?;
    let what = match error.code.as_str() {
        "upstream_unreadable" => "LinkedIn's answers cannot be read any more",
        "upstream_refused" => "LinkedIn refuses the queries, whose ids have probably changed",
        _ => return None,
    };
    let remedy = "install a newer threadkeep, or give new ids with the setting query_ids; nothing that is kept is lost";
    Some(Check::new("contract", Finding::Fail, format!("{}: {what}", one.account.id), remedy))
}

fn run(one: &Status, now: Timestamp) -> Option<Check> {
    one.is_interrupted(now).then(|| {
        let found = format!("{}: the last run was interrupted and is not going on", one.account.id);
        Check::new("run", Finding::Warn, found, "`threadkeep sync` or a running server goes on from there")
    })
}

fn freshness(one: &Status, now: Timestamp) -> Option<Check> {
    let (subject, id) = ("freshness", &one.account.id);
    match one.freshness(now) {
        Freshness::Behind { since } => {
            let waiting = one.overview.due.max(one.overview.lagging);
            let found = format!("{id}: behind since {}, {} conversations are due", time(since), number(waiting));
            Some(Check::new(subject, Finding::Warn, found, "`threadkeep sync` or a running server brings them"))
        }
        Freshness::Fresh { as_of } if now.since_ms(as_of) > STALE_MS => {
            let found = format!("{id}: nobody has asked for news for {}", span(now.since_ms(as_of)));
            let remedy = "`threadkeep sync` asks now; `threadkeep serve` goes on asking";
            Some(Check::new(subject, Finding::Warn, found, remedy))
        }
        Freshness::Fresh { as_of } => Some(Check::ok(subject, format!("{id}: fresh as of {}", time(as_of)))),
        // Told by other lines.
        Freshness::NeedsLogin { .. } | Freshness::Held { .. } | Freshness::Paused | Freshness::Interrupted { .. } => {
            None
        }
    }
}

fn completeness(one: &Status) -> Vec<Check> {
    let (id, overview) = (&one.account.id, &one.overview);
    let lines = [
        (
            overview.set_aside,
            "conversations are set aside",
            "`threadkeep status --conversations --incomplete` tells why; `threadkeep sync --force` tries them again",
        ),
        (
            overview.end_unproven,
            "conversations have a beginning that could not be proved",
            "`threadkeep sync --force` walks them again",
        ),
        (
            overview.oddities,
            "records could not be read",
            "they are kept as they came: `threadkeep oddities` shows them; a newer version may read them",
        ),
    ];
    let told = lines.into_iter().filter(|(count, ..)| *count > 0);
    told.map(|(count, what, remedy)| {
        Check::new("completeness", Finding::Warn, format!("{id}: {} {what}", number(count)), remedy)
    })
    .collect()
}

/// Whether it has come from LinkedIn's data export and never had a login.
fn is_archive(account: &Account) -> bool {
    account.health == Health::NeedsLogin && account.health_detail.as_deref() == Some(ARCHIVE_ONLY)
}

fn verification(one: &Status, now: Timestamp) -> Option<Check> {
    if is_archive(&one.account) {
        return None;
    }
    let (subject, id) = ("verify", &one.account.id);
    if one.overview.drifted > 0 {
        let found = format!("{id}: {} conversations differ from LinkedIn", number(one.overview.drifted));
        let remedy = "`threadkeep verify --repair` brings what is missing or older here";
        return Some(Check::new(subject, Finding::Warn, found, remedy));
    }
    let finished_at = one.verified.as_ref().and_then(|found| found.finished_at);
    Some(match finished_at {
        None => Check::new(subject, Finding::Warn, format!("{id}: never verified"), "`threadkeep verify` compares"),
        Some(at) if now.since_ms(at) > VERIFIED_MS => {
            let found = format!("{id}: last verified at {}", time(at));
            Check::new(subject, Finding::Warn, found, "`threadkeep verify` compares again")
        }
        Some(at) => Check::ok(subject, format!("{id}: verified at {}, no drift", time(at))),
    })
}

fn attachments(one: &Status) -> Option<Check> {
    let failed = one.media.failed;
    (failed > 0).then(|| {
        let found = format!("{}: {} attachments could not be fetched", one.account.id, number(failed));
        let remedy =
            "`threadkeep media list --state failed` tells why; `threadkeep media fetch --again` tries once more";
        Check::new("attachments", Finding::Warn, found, remedy)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use threadkeep_core::id::{AccountId, PersonId};
    use threadkeep_core::page::SyncToken;
    use threadkeep_core::sync::Hold;
    use threadkeep_core::sync::track::InboxTrack;
    use threadkeep_core::verify::{Ask, Depth};

    use crate::store::{Job, JobFailure, JobState, MediaCounts, MediaPolicy, Overview, Progress};
    use crate::verbs::login_end::SOON_MS;
    use crate::verbs::verify::Found;

    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn well() -> Status {
        let inbox = InboxTrack {
            token: Some(SyncToken("t".into())),
            token_at: Some(NOW.plus_ms(-60_000)),
            imported_at: Some(NOW.plus_ms(-1_000_000)),
            ..InboxTrack::default()
        };
        let account = Account {
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
            created_at: NOW.plus_ms(-2_000_000),
            last_sync_at: Some(NOW.plus_ms(-60_000)),
            consecutive_failures: 0,
            last_error: None,
            media_policy: MediaPolicy::default(),
            login_expires_at: Some(NOW.plus_ms(200 * 24 * 3_600_000)),
        };
        let verified = Found {
            run: 1,
            asked: Ask { depth: Depth::Lists, repairs: false },
            started_at: NOW.plus_ms(-70_000),
            finished_at: Some(NOW.plus_ms(-65_000)),
            listed: 1,
            read: 0,
            totals: BTreeMap::new(),
            drift: 0,
            repaired: 0,
            kept: 0,
            unsure: 0,
        };
        Status {
            account,
            overview: Overview::default(),
            media: MediaCounts::default(),
            job: None,
            verified: Some(verified),
        }
    }

    fn job(state: JobState) -> Job {
        Job {
            id: 1,
            account: well().account.id,
            state,
            forced: false,
            cancel_requested: false,
            media_only: false,
            verify: None,
            not_before: Timestamp(0),
            lease_until: Some(NOW.plus_ms(-1)),
            created_at: NOW.plus_ms(-90_000),
            started_at: None,
            finished_at: None,
            failure: None,
            progress: Progress::default(),
        }
    }

    /// The line about a subject; fails unless there is just one, with this gravity and a remedy that says this.
    #[track_caller]
    fn told(one: &Status, subject: &str, finding: Finding, remedy: &str) {
        let checks = of_account(one, NOW);
        let lines: Vec<_> = checks.iter().filter(|check| check.subject == subject && check.remedy.is_some()).collect();
        assert_eq!(lines.len(), 1, "{checks:?}");
        assert_eq!(lines[0].finding, finding, "{lines:?}");
        assert!(lines[0].remedy.as_deref().unwrap_or_default().contains(remedy), "{lines:?}");
        assert!(!format!("{checks:?}").contains("Olga"), "a line names a member");
    }

    fn failing(code: &str) -> Status {
        let mut one = well();
        one.account.consecutive_failures = 2;
        one.account.last_error = Some(JobFailure { code: code.into(), what: "what to do".into() });
        one
    }

    #[test]
    fn an_account_that_is_well_asks_for_nothing() {
        let checks = of_account(&well(), NOW);
        assert!(checks.iter().all(|check| check.finding == Finding::Ok && check.remedy.is_none()), "{checks:?}");
    }

    #[test]
    fn a_dead_session_a_challenge_and_a_pause_say_how_to_go_on() {
        let with = |health| {
            let mut one = well();
            one.account.health = health;
            one
        };
        told(&with(Health::NeedsLogin), "account", Finding::Fail, "account reconnect");
        told(&with(Health::Challenged), "account", Finding::Fail, "in a browser");
        told(&with(Health::Paused), "account", Finding::Warn, "account resume");
    }

    #[test]
    fn a_login_that_ends_soon_or_has_ended_says_how_to_renew_it() {
        let until = |ms: i64| {
            let mut one = well();
            one.account.login_expires_at = Some(NOW.plus_ms(ms));
            one
        };
        told(&until(SOON_MS), "login", Finding::Warn, "account reconnect 0123456789abcdef01234567");
        told(&until(1), "login", Finding::Warn, "account reconnect");
        told(&until(0), "login", Finding::Fail, "account reconnect");
        // The last answer came a minute ago.
        told(&until(-90_000), "login", Finding::Warn, "account reconnect");
        told(&until(i64::MIN), "login", Finding::Warn, "account reconnect");
        let found = |one: &Status| {
            let line = of_account(one, NOW).into_iter().find(|check| check.subject == "login");
            line.map(|check| (check.finding, check.remedy, check.found))
        };
        let (finding, remedy, text) = found(&until(SOON_MS + 1)).unwrap();
        assert_eq!((finding, remedy), (Finding::Ok, None));
        assert!(text.contains("ends at 2026-"), "{text}");
        let mut unknown = well();
        unknown.account.login_expires_at = None;
        assert_eq!(found(&unknown).map(|told| (told.0, told.1)), Some((Finding::Ok, None)));
        // A dead session has its own line.
        let mut dead = until(-1);
        dead.account.health = Health::NeedsLogin;
        assert_eq!(found(&dead), None);
    }

    #[test]
    fn an_account_of_an_archive_is_well_unless_nobody_knows_whose_it_is() {
        let mut one = well();
        one.account.health = Health::NeedsLogin;
        one.account.health_detail = Some(ARCHIVE_ONLY.into());
        one.verified = None;
        told(&one, "account", Finding::Ok, "account add");
        assert!(of_account(&one, NOW).iter().all(|check| check.finding == Finding::Ok), "nothing of it is wrong");
        one.account.member = PersonId::new(UNKNOWN_OWNER).unwrap();
        told(&one, "account", Finding::Warn, "--me");
    }

    #[test]
    fn a_wait_says_whether_anything_can_be_done() {
        let held = |why| {
            let mut one = well();
            one.account.hold = Some(Hold { until: NOW.plus_ms(60_000), why });
            one
        };
        told(&held(HoldReason::Blocked), "account", Finding::Fail, "in a browser");
        told(&held(HoldReason::RateLimited), "account", Finding::Warn, "asked for this wait");
        told(&held(HoldReason::Unavailable), "account", Finding::Warn, "by itself");
    }

    #[test]
    fn a_changed_contract_asks_for_a_newer_program() {
        told(&failing("upstream_refused"), "contract", Finding::Fail, "query_ids");
        told(&failing("upstream_unreadable"), "contract", Finding::Fail, "newer threadkeep");
        told(&failing("upstream_unavailable"), "account", Finding::Warn, "what to do");
        assert!(!of_account(&failing("upstream_unavailable"), NOW).iter().any(|one| one.subject == "contract"));
    }

    #[test]
    fn an_interrupted_run_is_told() {
        told(&Status { job: Some(job(JobState::Running)), ..well() }, "run", Finding::Warn, "goes on from there");
    }

    #[test]
    fn a_mirror_that_is_behind_or_that_nobody_asks_for_is_told() {
        let behind = Overview { due: 3, ..Overview::default() };
        told(&Status { overview: behind, ..well() }, "freshness", Finding::Warn, "threadkeep sync");
        let mut idle = well();
        idle.account.inbox.token_at = Some(NOW.plus_ms(-2 * STALE_MS));
        told(&idle, "freshness", Finding::Warn, "threadkeep serve");
    }

    #[test]
    fn what_is_not_complete_is_told_by_its_reason() {
        let with = |overview| Status { overview, ..well() };
        let set_aside = with(Overview { set_aside: 1, ..Overview::default() });
        told(&set_aside, "completeness", Finding::Warn, "--incomplete");
        let unproven = with(Overview { end_unproven: 1, ..Overview::default() });
        told(&unproven, "completeness", Finding::Warn, "sync --force");
        told(
            &with(Overview { oddities: 1, ..Overview::default() }),
            "completeness",
            Finding::Warn,
            "threadkeep oddities",
        );
    }

    #[test]
    fn what_was_never_verified_long_ago_or_found_to_differ_is_told() {
        told(&Status { verified: None, ..well() }, "verify", Finding::Warn, "threadkeep verify");
        let drifted = Overview { drifted: 2, ..Overview::default() };
        told(&Status { overview: drifted, ..well() }, "verify", Finding::Warn, "--repair");
        let mut old = well();
        if let Some(found) = &mut old.verified {
            found.finished_at = Some(NOW.plus_ms(-2 * VERIFIED_MS));
        }
        told(&old, "verify", Finding::Warn, "compares again");
    }

    #[test]
    fn attachments_that_failed_are_told() {
        let media = MediaCounts { failed: 2, ..MediaCounts::default() };
        told(&Status { media, ..well() }, "attachments", Finding::Warn, "media fetch --again");
    }

    #[test]
    fn a_clock_before_the_last_write_is_told() {
        let mut ahead = well();
        ahead.account.last_sync_at = Some(NOW.plus_ms(2 * AHEAD_MS));
        told(&ahead, "clock", Finding::Fail, "set the clock");
    }
}
