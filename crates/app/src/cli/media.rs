//! `threadkeep media`: lists attachments, fetches them, writes one out, removes what nobody refers to.
//!
//! Asking is a row and fetching is a worker's, as everywhere; this command only works on the jobs of the account while
//! it waits. Bytes go to standard output or to a file that was named, never to a place that their sender chose.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use threadkeep_core::id::MessageId;

use crate::app::App;
use crate::config::Config;
use crate::lifecycle::{Stop, spawn, stop_on_signal};
use crate::store::{Account, AttachmentRow, AttachmentState, MediaCounts};
use crate::verbs::media::{self, Wanted};
use crate::verbs::{accounts, sync};
use crate::worker;

use super::failure::{Ended, Failure, INTERRUPTED, OK, UPSTREAM};
use super::table::{lines, number, safe, time_json, titled};
use super::{account, console, open};

/// Attachments of one page of the list.
const PAGE_ROWS: u32 = 500;
/// Pages of one list: far above any mailbox.
const PAGES_MAX: u32 = 1_000_000;
/// How often the rows are looked at.
const LOOK_MS: i64 = 200;
/// How often a line tells how far it is.
const LINE_MS: i64 = 5_000;

const AFTER_HELP: &str = "\
Examples:
  threadkeep media list --account ID --state gone
  threadkeep media fetch --account ID            everything that is not here yet
  threadkeep media get --account ID 2-MTIz/0 --output photo.jpg
  threadkeep media sweep";

/// List, fetch and write out the attachments of messages.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct MediaArgs {
    #[command(subcommand)]
    command: MediaCommand,
}

#[derive(Debug, Subcommand)]
enum MediaCommand {
    /// List the attachments of an account.
    List {
        /// The account.
        #[arg(long, value_name = "ID")]
        account: String,
        /// Only those in this state: remote, wanted, stored, refused, gone, failed.
        #[arg(long)]
        state: Option<String>,
        /// As JSON: one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Fetch all attachments of an account that are not here yet.
    Fetch {
        /// The account.
        #[arg(long, value_name = "ID")]
        account: String,
        /// Try those again that were given up.
        #[arg(long)]
        again: bool,
        /// End with one JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Write the bytes of one attachment to standard output; it is fetched when it is not here.
    Get {
        /// The account.
        #[arg(long, value_name = "ID")]
        account: String,
        /// MESSAGE/NUMBER, as in the list, or the URL that a message shows.
        what: String,
        /// A file instead of standard output.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Remove bytes that no message refers to any more.
    Sweep,
}

/// Runs the command.
pub(crate) async fn run(args: MediaArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let ended = carry_out(&app, args.command).await;
    app.store.close().await;
    ended
}

async fn carry_out(app: &App, command: MediaCommand) -> Ended {
    match command {
        MediaCommand::List { account, state, json } => list(app, &find(app, &account).await?, state, json).await,
        MediaCommand::Fetch { account, again, json } => fetch(app, &find(app, &account).await?, again, json).await,
        MediaCommand::Get { account, what, output } => get(app, &find(app, &account).await?, &what, output).await,
        MediaCommand::Sweep => {
            let swept = media::sweep(app).await?;
            let (removed, unknown) = (number(swept.removed), number(swept.unknown));
            console::tell(&format!("removed {removed} objects without a message and {unknown} unknown files"));
            Ok(OK)
        }
    }
}

async fn find(app: &App, id: &str) -> Result<Account, Failure> {
    Ok(accounts::find(app, &account::parse_id(id)?).await?)
}

async fn list(app: &App, account: &Account, state: Option<String>, json: bool) -> Ended {
    let known = |name: String| {
        AttachmentState::from_name(&name)
            .ok_or_else(|| Failure::usage("--state is one of remote, wanted, stored, refused, gone, failed"))
    };
    let state = state.map(known).transpose()?;
    let mut table = titled(&["WHAT", "KIND", "STATE", "BYTES", "TYPE", "NAME", "WHY"]);
    let mut after = 0;
    for _ in 0..PAGES_MAX {
        let page = app.store.attachments_page(&account.id, state, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = last.pk;
        for one in &page {
            match json {
                true => console::json(&object(account, one))?,
                false => drop(table.add_row(columns(one))),
            }
        }
    }
    match json || table.is_empty() {
        true => Ok(OK),
        false => console::result(&lines(&table)).map(|()| OK),
    }
}

async fn fetch(app: &App, account: &Account, is_again: bool, json: bool) -> Ended {
    let asked = media::want_all(app, account, is_again).await?;
    console::tell(&format!("asked for {} attachments", number(asked)));
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let worker_stop = Stop::default();
    let worker = spawn(worker::run_account(app.clone(), worker_stop.clone(), account.id.clone()));
    let watched = watch(app, account, &stop, || worker.is_finished()).await;
    worker_stop.ask();
    let worked = worker.await;
    let trouble = watched?;
    if let Ok(worked) = worked {
        worked?;
    }
    let counts = media::counts(app, &account.id).await?;
    console::tell(&words(&counts));
    if json {
        console::json(&counts_object(account, &counts))?;
    }
    match trouble {
        Some(what) => Err(Failure::new(UPSTREAM, what)),
        None if stop.is_asked() => Ok(INTERRUPTED),
        None => Ok(OK),
    }
}

/// Watches until everything that was asked for is settled; tells what stopped the account, if something did.
async fn watch(
    app: &App,
    account: &Account,
    stop: &Stop,
    is_deserted: impl Fn() -> bool,
) -> Result<Option<String>, Failure> {
    let mut told_at = app.clock.now();
    while !stop.is_asked() && !is_deserted() && media::is_awaited(app, &account.id).await? {
        let kept = accounts::find(app, &account.id).await?;
        if let Some((_, what)) = sync::stopped(&kept) {
            return Ok(Some(what));
        }
        let now = app.clock.now();
        if now.since_ms(told_at) >= LINE_MS {
            told_at = now;
            console::tell(&words(&media::counts(app, &account.id).await?));
        }
        tokio::select! {
            () = app.clock.nap_until(now.plus_ms(LOOK_MS)) => {}
            () = stop.asked() => {}
        }
    }
    Ok(None)
}

async fn get(app: &App, account: &Account, what: &str, output: Option<PathBuf>) -> Ended {
    let place = what
        .rsplit_once('/')
        .and_then(|(message, ordinal)| Some((MessageId::parse(message).ok()?, ordinal.parse::<u32>().ok()?)));
    let wanted = match &place {
        Some((message, ordinal)) => Wanted::Place { message, ordinal: *ordinal },
        None => Wanted::Url(what),
    };
    let worker_stop = Stop::default();
    let worker = spawn(worker::run_account(app.clone(), worker_stop.clone(), account.id.clone()));
    let until = app.clock.now().plus_ms(app.sync.wait_max_ms);
    let read = media::read(app, account, wanted, |_| None, until).await;
    worker_stop.ask();
    // Whatever the worker met is told by the row that was waited for.
    drop(worker.await);
    let (found, object) = read?;
    let failed = |error| Failure::output(error).hint("name another file with --output");
    match output {
        Some(path) => std::fs::write(path, &object.bytes).map_err(failed)?,
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(&object.bytes).and_then(|()| out.flush()).map_err(Failure::output)?;
        }
    }
    console::tell(&format!("{}, {} bytes", found.content_type(), number(object.size_bytes)));
    Ok(OK)
}

/// Counts of states in one line for people.
pub(crate) fn words(counts: &MediaCounts) -> String {
    format!(
        "{} here ({} bytes), {} at LinkedIn, {} asked for, {} failed, {} refused, {} gone",
        number(counts.stored),
        number(counts.stored_bytes),
        number(counts.remote),
        number(counts.wanted),
        number(counts.failed),
        number(counts.refused),
        number(counts.gone)
    )
}

/// Counts of states for programs.
pub(crate) fn counts_json(counts: &MediaCounts) -> Value {
    json!({
        "stored": counts.stored,
        "storedBytes": counts.stored_bytes,
        "remote": counts.remote,
        "wanted": counts.wanted,
        "failed": counts.failed,
        "refused": counts.refused,
        "gone": counts.gone,
    })
}

fn counts_object(account: &Account, counts: &MediaCounts) -> Value {
    json!({"accountId": account.id, "media": counts_json(counts)})
}

fn columns(one: &AttachmentRow) -> [String; 7] {
    let what = match &one.message {
        Some(message) => format!("{message}/{}", one.ordinal),
        None => "a link by itself".to_owned(),
    };
    let object = one.object.as_ref();
    [
        what,
        one.kind.clone(),
        one.state.as_str().to_owned(),
        object.map(|object| number(object.size_bytes)).unwrap_or_default(),
        object.map(|object| object.media_type.clone()).unwrap_or_default(),
        safe(one.name.as_deref().unwrap_or_default()),
        one.failure_code.clone().unwrap_or_default(),
    ]
}

fn object(account: &Account, one: &AttachmentRow) -> Value {
    json!({
        "accountId": account.id,
        "messageId": one.message,
        "ordinal": one.ordinal,
        "kind": one.kind,
        "name": one.name,
        "state": one.state.as_str(),
        "failure": one.failure_code,
        "hash": one.object.as_ref().map(|object| format!("sha256-{}", object.hash)),
        "size": one.object.as_ref().map(|object| object.size_bytes),
        "contentType": one.object.as_ref().map(|object| object.media_type.clone()),
        "fetchedAt": time_json(one.fetched_at),
    })
}
