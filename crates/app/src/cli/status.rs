//! `threadkeep status`: how the mirrors stand, and with `--conversations` how complete each conversation is.
//!
//! It reads rows only. The completeness ledger is printed page by page, so that it may be of any length.

use clap::Args;
use serde_json::{Value, json};
use threadkeep_core::id::AccountId;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::config::Config;
use crate::store::{Account, Job, Ledgered};
use crate::verbs::accounts;
use crate::verbs::sync::{Status, status, stopped};

use super::failure::{Ended, Failure, OK};
use super::table::{number, time, time_json, time_or};
use super::{account, console, media, open};

/// Conversations of one page of the ledger.
const PAGE_ROWS: u32 = 500;
/// Pages of one ledger: far above any mailbox.
const PAGES_MAX: u32 = 1_000_000;

const AFTER_HELP: &str = "\
Examples:
  threadkeep status
  threadkeep status --account ID --conversations
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
        if args.conversations {
            show_ledger(app, &one.account.id, args.json).await?;
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
        format!("  attachments    {}", media::words(&one.media)),
        format!("  last sync      {}", time_or(account.last_sync_at, "never")),
        format!("  run            {}", run_words(one, now)),
    ];
    if let Some((_, remedy)) = stopped(account) {
        lines.push(format!("  to do          {remedy}"));
    }
    if let Some(hold) = account.hold.as_ref().filter(|hold| hold.until > now) {
        lines.push(format!("  waits until    {} ({})", time(hold.until), hold.why.as_str()));
    }
    if let Some(error) = &account.last_error {
        lines.push(format!("  last error     {} ({})", error.what, error.code));
    }
    lines.join("\n")
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

fn object(one: &Status, now: Timestamp) -> Value {
    let (account, overview) = (&one.account, &one.overview);
    json!({
        "kind": "account",
        "accountId": account.id,
        "health": account.health.as_str(),
        "remedy": stopped(account).map(|(_, remedy)| remedy),
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

async fn show_ledger(app: &App, id: &AccountId, json: bool) -> Result<(), Failure> {
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = app.store.ledgered(id, after.as_ref(), PAGE_ROWS).await?;
        for one in &page {
            match json {
                true => console::json(&ledger_object(id, one))?,
                false => console::result(&ledger_line(one))?,
            }
        }
        match page.into_iter().next_back() {
            Some(last) => after = Some(last.track.conversation),
            None => break,
        }
    }
    Ok(())
}

fn ledger_line(one: &Ledgered) -> String {
    let detail = &one.track.detail;
    let oldest = time_or(detail.oldest, "-");
    let why = detail.trouble.as_deref().map(|why| format!("  {why}")).unwrap_or_default();
    let (id, messages) = (&one.track.conversation, number(one.messages));
    format!("  {id}  {}  {messages} messages  oldest {oldest}{why}", one.track.detail.completeness.as_str())
}

fn ledger_object(account: &AccountId, one: &Ledgered) -> Value {
    let detail = &one.track.detail;
    json!({
        "kind": "conversation",
        "accountId": account,
        "conversationId": one.track.conversation,
        "completeness": detail.completeness.as_str(),
        "messages": one.messages,
        "oldestMessageAt": time_json(detail.oldest),
        "reason": detail.trouble,
        "attempts": detail.attempts,
    })
}
