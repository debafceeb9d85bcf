//! How the syncs go, for the script of the page: the same words and numbers that the page itself shows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use threadkeep_core::time::Timestamp;

use super::visitor::Visitor;
use crate::http::{Fault, Room};
use crate::store::{Job, JobState};
use crate::verbs::freshness::Freshness;
use crate::verbs::read;
use crate::verbs::sync::{self, Status};

/// How the mirrors of all accounts within reach stand.
#[derive(Serialize)]
pub(super) struct Progress {
    accounts: Vec<Live>,
}

/// What changes while a run goes on.
#[derive(Serialize)]
pub(super) struct Live {
    /// The account.
    pub(super) id: String,
    /// Whether a run goes on.
    pub(super) running: bool,
    /// What it does, in words.
    pub(super) doing: String,
    /// Requests that were sent.
    pub(super) requests: u64,
    /// Messages that were new.
    pub(super) new: u64,
    /// Messages that are here.
    pub(super) messages: u64,
    /// Conversations whose messages are all here.
    pub(super) complete: u64,
    /// Conversations of which they should be.
    pub(super) wanted: u64,
    /// Attachments that are here.
    pub(super) stored: u64,
    /// How fresh the mirror is: a name for the look.
    pub(super) state: &'static str,
    /// The same in words.
    pub(super) fresh: String,
}

/// `GET /ui/sync/progress`
pub(super) async fn all(State(room): State<Arc<Room>>, visitor: Visitor) -> Result<Json<Progress>, Fault> {
    let accounts = read::accounts(&room.app, visitor.caller.reach()).await?;
    let now = room.app.clock.now();
    let all = sync::status(&room.app, accounts).await?;
    Ok(Json(Progress { accounts: all.iter().map(|one| live(one, now)).collect() }))
}

/// What changes of how a mirror stands.
pub(super) fn live(one: &Status, now: Timestamp) -> Live {
    let (overview, progress) = (&one.overview, one.job.as_ref().map(|job| &job.progress));
    let fresh = one.freshness(now);
    Live {
        id: one.account.id.to_string(),
        running: one.in_progress(now),
        doing: one.job.as_ref().map(|job| doing(job, now)).unwrap_or_else(|| "never synced".to_owned()),
        requests: progress.map_or(0, |progress| progress.requests),
        new: progress.map_or(0, |progress| progress.messages_new),
        messages: overview.messages,
        complete: overview.complete,
        wanted: overview.complete + overview.partial + overview.set_aside,
        stored: one.media.stored,
        state: fresh.as_str(),
        fresh: fresh_words(fresh, now),
    }
}

/// What a run does, or how it ended.
pub(super) fn doing(job: &Job, now: Timestamp) -> String {
    if job.is_interrupted(now) {
        return "interrupted: the next sync goes on from there".to_owned();
    }
    let failed = || job.failure.as_ref().map_or("failed", |failure| failure.what.as_str());
    match job.state {
        JobState::Queued => "about to begin".to_owned(),
        JobState::Waiting => format!("waiting, {}", ahead(job.not_before, now)),
        JobState::Done => "done".to_owned(),
        JobState::Failed => format!("failed: {}", failed()),
        JobState::Cancelled => "cancelled".to_owned(),
        JobState::Running if job.cancel_requested => "stopping after this step".to_owned(),
        JobState::Running => match job.progress.phase.as_str() {
            "changes" => "asking what has changed",
            "list" => "reading the list of conversations",
            "messages" => "reading messages",
            "media" => "fetching attachments",
            "verify" => "comparing with LinkedIn",
            "wait" => "pausing between two requests",
            _ => "beginning",
        }
        .to_owned(),
    }
}

fn fresh_words(fresh: Freshness, now: Timestamp) -> String {
    match fresh {
        Freshness::Fresh { as_of } => format!("Fresh: everything LinkedIn had shown {} is here", ago(as_of, now)),
        Freshness::Behind { since } => format!("Behind: something since {} may be missing", ago(since, now)),
        Freshness::NeedsLogin { since } => format!("Needs a login since {}", ago(since, now)),
        Freshness::Held { until, why } => format!("On hold ({}), {}", why.as_str(), ahead(until, now)),
        Freshness::Paused => "Paused by you".to_owned(),
        Freshness::Interrupted { since } => format!("Interrupted {}: the next sync goes on", ago(since, now)),
    }
}

/// A time that has passed, as people say it.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.since_ms(at) {
        ..5_000 => "just now".to_owned(),
        ms => format!("{} ago", span(ms)),
    }
}

fn ahead(at: Timestamp, now: Timestamp) -> String {
    match at.since_ms(now) {
        ..1 => "due now".to_owned(),
        ms => format!("next request in {}", span(ms)),
    }
}

fn span(ms: i64) -> String {
    let (amount, unit) = match ms / 1_000 {
        seconds @ ..100 => (seconds, "second"),
        seconds @ 100..7_200 => (seconds / 60, "minute"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_say_them() {
        let now = Timestamp(1_000_000_000_000);
        let told = |ms: i64| ago(now.plus_ms(-ms), now);
        assert_eq!(
            [told(0), told(60_000), told(600_000), told(3 * 3_600_000), told(50 * 3_600_000)],
            ["just now", "60 seconds ago", "10 minutes ago", "3 hours ago", "2 days ago"]
        );
        assert_eq!(ahead(now.plus_ms(1_500), now), "next request in 1 second");
    }
}
