//! The result of a sync as programs read it: one JSON object with the fields of the API's sync answer.
//!
//! Counts are truthful also when a run failed or was stopped. `success` alone decides the exit code 0.

use serde_json::{Map, Value, json};
use threadkeep_core::id::AccountId;

use crate::refusal::Refusal;
use crate::store::{Job, JobState};

use super::failure;
use super::one_run::Ran;
use super::table::{number, time, time_json};

/// How a sync ended, for people, programs and the shell.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One line for people.
    pub text: String,
    /// The object.
    pub json: Value,
    /// The exit code.
    pub code: u8,
}

/// The report of a sync that was carried out, skipped or refused.
pub fn of(account: &AccountId, ran: &Result<Ran, Refusal>) -> Report {
    match ran {
        Ok(Ran::Over(job)) => over(account, job),
        Ok(Ran::Interrupted { job, at }) => {
            let text = "stopped; nothing is lost, and the next `threadkeep sync` goes on from here";
            let left = Job { finished_at: Some(*at), ..job.clone() };
            let json = object(account, Some(&left), Some(("interrupted", text)));
            Report { text: format!("{text}\n{}", counts(&left)), json, code: failure::INTERRUPTED }
        }
        Ok(Ran::Recent { last_sync_at }) => {
            let at = time(*last_sync_at);
            let mut json = object(account, None, None);
            put(&mut json, "skipped", json!(true));
            put(&mut json, "lastSyncAt", time_json(Some(*last_sync_at)));
            Report { text: format!("the last sync was at {at}; --force syncs again"), json, code: failure::OK }
        }
        Ok(Ran::Stopped { code, what }) => {
            let json = object(account, None, Some((code, what)));
            Report { text: format!("error: {what}"), json, code: exit_code(code) }
        }
        Ok(Ran::Broken { job, refusal }) => {
            let failed = failed(account, Some(job), refusal);
            Report { text: format!("{}\n{}", failed.text, counts(job)), ..failed }
        }
        Err(refusal) => failed(account, None, refusal),
    }
}

fn failed(account: &AccountId, job: Option<&Job>, refusal: &Refusal) -> Report {
    let text = refusal.to_string();
    let json = object(account, job, Some((refusal.code(), &text)));
    Report { text: format!("error: {text}"), json, code: refusal.exit_code() }
}

fn over(account: &AccountId, job: &Job) -> Report {
    let failed = match job.state {
        JobState::Done => None,
        JobState::Cancelled => Some(("cancelled", "the run was cancelled")),
        _ => Some(match &job.failure {
            Some(failure) => (failure.code.as_str(), failure.what.as_str()),
            None => ("internal_error", "the run failed without a reason"),
        }),
    };
    let json = object(account, Some(job), failed);
    match failed {
        None => Report { text: counts(job), json, code: failure::OK },
        Some((code, what)) => Report { text: format!("error: {what}\n{}", counts(job)), json, code: exit_code(code) },
    }
}

/// The exit code that goes with the stable code of a failed run.
fn exit_code(code: &str) -> u8 {
    match code {
        "needs_login" | "challenged" => failure::LOGIN,
        "paused" => failure::CONFLICT,
        "upstream_blocked" | "rate_limited" | "upstream_unavailable" | "upstream_unreadable" | "upstream_refused" => {
            failure::UPSTREAM
        }
        "secret_unreadable" => failure::SECRET,
        _ => failure::OTHER,
    }
}

fn object(account: &AccountId, job: Option<&Job>, failed: Option<(&str, &str)>) -> Value {
    let progress = job.map(|job| job.progress.clone()).unwrap_or_default();
    let duration_ms = job.map_or(0, duration_ms);
    let mut json = json!({
        "success": failed.is_none(),
        "accountId": account,
        "conversationsProcessed": progress.conversations_changed,
        "messagesProcessed": progress.messages_new + progress.messages_changed,
        "durationMs": duration_ms,
        "durationSeconds": format!("{}.{:02}", duration_ms / 1_000, duration_ms % 1_000 / 10),
        "conversationsFinished": progress.conversations_finished,
        "messagesNew": progress.messages_new,
        "messagesChanged": progress.messages_changed,
        "mediaFetched": progress.media_fetched,
        "mediaFailed": progress.media_failed,
        "mediaRemaining": progress.media_remaining,
        "requests": progress.requests,
        "troubles": progress.troubles,
        "skipped": false,
        "code": failed.map(|(code, _)| code),
        "error": failed.map(|(_, what)| what),
    });
    if let Some(job) = job {
        put(&mut json, "runId", json!(job.id));
    }
    json
}

fn put(json: &mut Value, key: &str, value: Value) {
    let keys: Option<&mut Map<String, Value>> = json.as_object_mut();
    keys.into_iter().for_each(|keys| {
        keys.insert(key.to_owned(), value.clone());
    });
}

/// How long a run took, from its first work to its end; 0 while it goes on.
pub fn duration_ms(job: &Job) -> i64 {
    let begun = job.started_at.unwrap_or(job.created_at);
    job.finished_at.map_or(0, |end| end.since_ms(begun).max(0))
}

/// What a run did, in one line.
pub fn counts(job: &Job) -> String {
    let done = &job.progress;
    let seconds = duration_ms(job) / 100;
    let media = match done.media_fetched {
        0 => String::new(),
        fetched => format!("{} attachments, ", number(fetched)),
    };
    format!(
        "{} conversations brought up to date, {} new messages, {} changed, {media}{} requests, {}.{} s",
        number(done.conversations_finished),
        number(done.messages_new),
        number(done.messages_changed),
        number(done.requests),
        seconds / 10,
        seconds % 10
    )
}

#[cfg(test)]
mod tests {
    use threadkeep_core::time::Timestamp;

    use crate::store::{JobFailure, Progress};

    use super::*;

    fn job(state: JobState) -> Job {
        Job {
            id: 7,
            account: AccountId::new("0123456789abcdef01234567").unwrap(),
            state,
            forced: true,
            cancel_requested: false,
            media_only: false,
            verify: None,
            not_before: Timestamp(0),
            lease_until: None,
            created_at: Timestamp(1_000),
            started_at: Some(Timestamp(2_000)),
            finished_at: Some(Timestamp(4_050)),
            failure: None,
            progress: Progress { requests: 3, conversations_changed: 2, messages_new: 5, ..Progress::default() },
        }
    }

    #[test]
    fn a_done_run_has_the_fields_of_the_api() {
        let done = job(JobState::Done);
        let report = of(&done.account.clone(), &Ok(Ran::Over(done)));
        assert_eq!(report.code, 0);
        assert_eq!(report.json["success"], true);
        assert_eq!(report.json["durationMs"], 2_050);
        assert_eq!(report.json["durationSeconds"], "2.05");
        assert_eq!(report.json["conversationsProcessed"], 2);
        assert_eq!(report.json["messagesProcessed"], 5);
        assert_eq!(report.json["error"], Value::Null);
    }

    #[test]
    fn a_failed_run_keeps_its_counts_and_says_why() {
        let what = "the session has ended".to_owned();
        let failed = Job { failure: Some(JobFailure { code: "needs_login".into(), what }), ..job(JobState::Failed) };
        let report = of(&failed.account.clone(), &Ok(Ran::Over(failed)));
        assert_eq!((report.code, &report.json["success"]), (failure::LOGIN, &json!(false)));
        assert_eq!((&report.json["code"], &report.json["messagesProcessed"]), (&json!("needs_login"), &json!(5)));
    }
}
