//! A run made visible: a live bar on a terminal, a plain line now and then in a log, nothing when nobody asked.
//!
//! It only reads snapshots. What it says about a wait comes from the rows, so it is true for a wait that another process
//! began, too.

use std::collections::VecDeque;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use threadkeep_core::sync::HoldReason;
use threadkeep_core::time::Timestamp;

use crate::store::{Job, JobState};

use super::console;
use super::one_run::{Snapshot, View};
use super::table::{number, span, time};

/// How often a plain line is printed.
const LINE_MS: i64 = 5_000;
/// Samples that the rate is computed from, one each [`SAMPLE_MS`].
const SAMPLES_MAX: usize = 10;
/// How far samples are apart.
const SAMPLE_MS: i64 = 1_000;
/// Waits below this are the ordinary pace and not worth a word.
const WAIT_MIN_MS: i64 = 5_000;

/// The view that suits where standard error goes.
pub fn view() -> Box<dyn View> {
    match console::is_watched() {
        true => Box::new(Bar::new()),
        false => Box::new(Lines::default()),
    }
}

/// A live bar.
struct Bar {
    bar: ProgressBar,
    rate: Rate,
    /// Whether it has a length: a bar of nothing would look full.
    has_length: bool,
}

/// A line now and then.
#[derive(Default)]
struct Lines {
    rate: Rate,
    last: Option<(Timestamp, String)>,
}

/// Messages per second over the last seconds.
#[derive(Default)]
struct Rate {
    samples: VecDeque<(Timestamp, u64)>,
}

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("{spinner} {msg}"));
        Self { bar, rate: Rate::default(), has_length: false }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl View for Bar {
    fn show(&mut self, snapshot: &Snapshot<'_>) {
        let per_second = self.rate.of(snapshot);
        let listed = listed(snapshot);
        if listed > 0 && !self.has_length {
            self.bar.set_style(style("{spinner} {bar:24} {pos}/{len} conversations  {msg}"));
            self.has_length = true;
        }
        self.bar.set_length(listed);
        self.bar.set_position(snapshot.overview.complete);
        self.bar.set_message(figures(snapshot, per_second));
        self.bar.tick();
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl View for Lines {
    fn show(&mut self, snapshot: &Snapshot<'_>) {
        let per_second = self.rate.of(snapshot);
        let reason = wait(snapshot).map(|(_, reason)| reason).unwrap_or_default();
        // A wait is told once when it begins and not every five seconds for an hour.
        let (at, told) = self.last.get_or_insert_with(|| (snapshot.now, String::new()));
        let is_due = *told != reason || (reason.is_empty() && snapshot.now.since_ms(*at) >= LINE_MS);
        if is_due && !snapshot.job.state.is_over() {
            let (filled, listed) = (number(snapshot.overview.complete), number(listed(snapshot)));
            let figures = figures(snapshot, per_second);
            console::tell(&format!("sync: {filled}/{listed} conversations, {figures}"));
            self.last = Some((snapshot.now, reason));
        }
    }

    fn end(&mut self) {}
}

impl Rate {
    fn of(&mut self, snapshot: &Snapshot<'_>) -> u64 {
        let messages = snapshot.overview.messages;
        let is_new = self.samples.back().is_none_or(|(at, _)| snapshot.now.since_ms(*at) >= SAMPLE_MS);
        if is_new {
            self.samples.push_back((snapshot.now, messages));
            if self.samples.len() > SAMPLES_MAX {
                self.samples.pop_front();
            }
        }
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return 0 };
        let ms = last.0.since_ms(first.0).max(0).unsigned_abs();
        last.1.saturating_sub(first.1).saturating_mul(1_000).checked_div(ms).unwrap_or(0)
    }
}

fn listed(snapshot: &Snapshot<'_>) -> u64 {
    let overview = snapshot.overview;
    overview.complete + overview.partial + overview.set_aside
}

fn figures(snapshot: &Snapshot<'_>, per_second: u64) -> String {
    let messages = number(snapshot.overview.messages);
    let requests = number(snapshot.job.progress.requests);
    let mut text = format!("{messages} messages, {per_second} msg/s, {requests} requests");
    let done = &snapshot.job.progress;
    if done.media_fetched + done.media_remaining > 0 {
        let (fetched, all) = (done.media_fetched, done.media_fetched + done.media_failed + done.media_remaining);
        text.push_str(&format!(", {}/{} attachments", number(fetched), number(all)));
    }
    if done.verified > 0 {
        text.push_str(&format!(", {} compared, {} differences", number(done.verified), number(done.drift)));
    }
    if snapshot.overview.set_aside > 0 {
        text.push_str(&format!(", {} set aside", number(snapshot.overview.set_aside)));
    }
    if let Some((until, reason)) = wait(snapshot) {
        let rest = span(until.since_ms(snapshot.now));
        text.push_str(&format!("; waiting {rest} until {}: {reason}", time(until)));
    } else if let Some(doing) = doing(snapshot.job) {
        text.push_str(&format!("; {doing}"));
    }
    text
}

fn doing(job: &Job) -> Option<&'static str> {
    Some(match (job.state, job.progress.phase.as_str()) {
        (JobState::Queued, _) => "waiting for a worker",
        (_, "start") => "taking a mark",
        (_, "changes") => "asking what changed",
        (_, "list") => "listing conversations",
        (_, "messages") => "filling conversations",
        (_, "verify") => "comparing",
        (_, "media") => "fetching attachments",
        _ => return None,
    })
}

/// Until when and why nothing is asked, when that is worth a word.
fn wait(snapshot: &Snapshot<'_>) -> Option<(Timestamp, String)> {
    let now = snapshot.now;
    if let Some(hold) = snapshot.account.hold.as_ref().filter(|hold| hold.until > now) {
        let reason = match hold.why {
            HoldReason::RateLimited => "LinkedIn asked to slow down",
            HoldReason::Unavailable => "LinkedIn did not answer properly",
            HoldReason::Blocked => "LinkedIn blocked the request (999)",
        };
        let is_long = hold.why != HoldReason::Unavailable || hold.until.since_ms(now) >= WAIT_MIN_MS;
        return is_long.then(|| (hold.until, reason.to_owned()));
    }
    let until = snapshot.job.not_before;
    (snapshot.job.state == JobState::Waiting && until.since_ms(now) >= WAIT_MIN_MS)
        .then(|| (until, "the pace protects the account".to_owned()))
}
