//! `threadkeep status`: how the mirrors stand, and with `--conversations` how complete each conversation is.
//!
//! It reads rows only.

use clap::Args;
use serde_json::{Value, json};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::Depth;

use crate::app::App;
use crate::config::Config;
use crate::store::{Account, Job, LedgerFilter};
use crate::verbs::accounts;
use crate::verbs::freshness::Freshness;
use crate::verbs::login_end::{LoginEnd, login_end, renewal};
use crate::verbs::sync::{Status, status, stopped};

use super::failure::{Ended, Failure, OK};
use super::table::{number, time, time_json, time_or};
use super::{account, console, ledger, media, open};

const AFTER_HELP: &str = "\
Examples:
  threadkeep status
  threadkeep status --account ID --conversations
  threadkeep status --conversations --incomplete
  threadkeep status --json";

/// Show how the mirrors stand: how much is here, what is missing and why.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct StatusArgs {
    /// Only this account.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Also list every conversation with how complete it is.
    #[arg(long)]
    conversations: bool,
    /// Of these only what is not complete, with the reason and what to do.
    #[arg(long)]
    incomplete: bool,
    /// Of these only what a verification found to differ.
    #[arg(long)]
    drift: bool,
    /// As JSON: one object a line, accounts first.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let shown = show(&app, &args).await;
    app.store.close().await;
    shown.map(|()| OK)
}

async fn show(app: &App, args: &StatusArgs) -> Result<(), Failure> {
    let wanted: Vec<Account> = match &args.account {
        Some(text) => vec![accounts::find(app, &account::parse_id(text)?).await?],
        None => accounts::list(app).await?,
    };
    if wanted.is_empty() && !args.json {
        console::tell("no accounts; `threadkeep account add` connects one, `threadkeep demo` shows what it does");
    }
    let now = app.clock.now();
    for one in status(app, wanted).await? {
        match args.json {
            true => console::json(&object(&one, now))?,
            false => console::result(&paragraph(&one, now))?,
        }
        if args.conversations || args.incomplete || args.drift {
            let filter = LedgerFilter { incomplete: args.incomplete, with_drift: args.drift, after: None };
            ledger::show(app, &one.account.id, filter, args.json).await?;
        }
    }
    Ok(())
}

fn paragraph(one: &Status, now: Timestamp) -> String {
    let (account, overview) = (&one.account, &one.overview);
    let mut lines = vec![
        format!("{}  {}  {}", account.id, account::name(account), account.health.as_str()),
        format!(
            "  conversations  {} ({} complete, {} partial, {} set aside)",
            number(overview.conversations),
            number(overview.complete),
            number(overview.partial),
            number(overview.set_aside)
        ),
        format!(
            "  messages       {}, the oldest of {}",
            number(overview.messages),
            time_or(overview.oldest_message_at, "no time yet")
        ),
        format!("  unreadable     {} records, kept as they came", number(overview.oddities)),
        format!("  verified       {}", verified_words(one)),
        format!("  attachments    {}", media::words(&one.media)),
        format!("  freshness      {}", fresh_words(one.freshness(now))),
        format!("  last sync      {}", time_or(account.last_sync_at, "never")),
        format!("  run            {}", run_words(one, now)),
    ];
    if let Some((_, remedy)) = stopped(account) {
        lines.push(format!("  to do          {remedy}"));
    }
    if let Some(end) = login_end(account, now) {
        lines.push(format!("  login          {}", login_words(end)));
        if end.is_due() {
            lines.push(format!("  to do          {}", renewal(account)));
        }
    }
    if let Some(hold) = account.hold.as_ref().filter(|hold| hold.until > now) {
        lines.push(format!("  waits until    {} ({})", time(hold.until), hold.why.as_str()));
    }
    if let Some(error) = &account.last_error {
        lines.push(format!("  last error     {} ({})", error.what, error.code));
    }
    lines.join("\n")
}

fn verified_words(one: &Status) -> String {
    let Some(found) = &one.verified else { return "never; `threadkeep verify` compares".to_owned() };
    let how = match found.asked.depth {
        Depth::Lists => "lists",
        Depth::Messages => "every message",
    };
    match (found.finished_at, one.overview.drifted) {
        (None, _) => format!("not finished, begun at {} ({how})", time(found.started_at)),
        (Some(at), 0) => format!("{} ({how}), no drift", time(at)),
        (Some(at), drifted) => {
            let drifted = number(drifted);
            format!("{} ({how}), {drifted} conversations differ; `threadkeep verify --repair` brings it", time(at))
        }
    }
}

fn run_words(one: &Status, now: Timestamp) -> String {
    let Some(job) = &one.job else { return "none yet".to_owned() };
    let done = &job.progress;
    let state = match one.is_interrupted(now) {
        true => "interrupted; `threadkeep sync` goes on from there",
        false => job.state.as_str(),
    };
    format!(
        "{state} ({} requests, {} new messages, since {})",
        number(done.requests),
        number(done.messages_new),
        time(job.started_at.unwrap_or(job.created_at))
    )
}

/// How fresh a mirror is, for people.
pub(super) fn fresh_words(found: Freshness) -> String {
    match found {
        Freshness::Fresh { as_of } => format!("fresh as of {}", time(as_of)),
        Freshness::Behind { since } => format!("behind since {}", time(since)),
        Freshness::NeedsLogin { since } => format!("needs login since {}", time(since)),
        Freshness::Held { until, why } => format!("held until {} ({})", time(until), why.as_str()),
        Freshness::Paused => "paused".to_owned(),
        Freshness::Interrupted { since } => format!("interrupted since {}", time(since)),
    }
}

/// When a login ends, for people.
pub(super) fn login_words(end: LoginEnd) -> String {
    match end {
        LoginEnd::Unknown => "no date of its end came with it".to_owned(),
        LoginEnd::Later(at) | LoginEnd::Soon(at) => format!("ends at {}", time(at)),
        LoginEnd::Past(at) => format!("ended at {}", time(at)),
        LoginEnd::Outlived(at) => format!("was to end at {}", time(at)),
    }
}

/// How fresh a mirror is, for programs.
pub(super) fn fresh_object(found: Freshness) -> Value {
    json!({
        "state": found.as_str(),
        "asOf": time_json(found.as_of()),
        "since": time_json(found.since()),
        "until": time_json(found.held().map(|(until, _)| until)),
        "reason": found.held().map(|(_, why)| why.as_str()),
    })
}

fn object(one: &Status, now: Timestamp) -> Value {
    let (account, overview) = (&one.account, &one.overview);
    json!({
        "kind": "account",
        "accountId": account.id,
        "health": account.health.as_str(),
        "freshness": fresh_object(one.freshness(now)),
        "remedy": stopped(account).map(|(_, remedy)| remedy),
        "loginExpiresAt": time_json(account.login_expires_at),
        "syncInProgress": one.in_progress(now),
        "interrupted": one.is_interrupted(now),
        "lastSyncAt": time_json(account.last_sync_at),
        "conversations": overview.conversations,
        "messages": overview.messages,
        "complete": overview.complete,
        "partial": overview.partial,
        "setAside": overview.set_aside,
        "oddities": overview.oddities,
        "media": media::counts_json(&one.media),
        "due": overview.due,
        "lagging": overview.lagging,
        "endUnproven": overview.end_unproven,
        "drifted": overview.drifted,
        "verifiedAt": time_json(one.verified.as_ref().and_then(|found| found.finished_at)),
        "oldestMessageAt": time_json(overview.oldest_message_at),
        "holdUntil": time_json(account.hold.as_ref().map(|hold| hold.until)),
        "holdReason": account.hold.as_ref().map(|hold| hold.why.as_str()),
        "consecutiveFailures": account.consecutive_failures,
        "lastError": account.last_error.as_ref().map(|error| json!({"code": error.code, "what": error.what})),
        "run": one.job.as_ref().map(run_object),
    })
}

fn run_object(job: &Job) -> Value {
    json!({
        "runId": job.id,
        "state": job.state.as_str(),
        "forced": job.forced,
        "progress": job.progress,
        "createdAt": time_json(Some(job.created_at)),
        "startedAt": time_json(job.started_at),
        "finishedAt": time_json(job.finished_at),
        "notBefore": time_json(Some(job.not_before)),
        "failure": job.failure.as_ref().map(|failure| json!({"code": failure.code, "what": failure.what})),
    })
}
