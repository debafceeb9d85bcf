//! `threadkeep verify`: looks whether the mirror holds what LinkedIn shows, and tells the differences in words.
//!
//! It deletes nothing. The exit code tells whether drift is left.

use clap::Args;
use serde_json::{Value, json};
use threadkeep_core::id::AccountId;
use threadkeep_core::verify::{Ask, Depth};

use crate::app::App;
use crate::config::Config;
use crate::lifecycle::{Stop, stop_on_signal};
use crate::store::VerdictRow;
use crate::verbs::verify::{Found, VERDICTS_PAGE_MAX, newest, verdicts, words};

use super::failure::{DRIFT, Ended, Failure, INTERRUPTED, OK};
use super::ledger::findings_json;
use super::one_run::{Errand, Ran};
use super::table::{lines, number, time_json, titled};
use super::{console, one_run, open, progress, report, sync};

/// Pages of verdicts: far above any mailbox.
const PAGES_MAX: u32 = 1_000_000;

const AFTER_HELP: &str = "\
First everything new is copied, as `threadkeep sync` does. Then the lists are walked to their end and compared; with \
--deep every page of messages is, too, which takes one request for each 20 messages. Without --repair nothing that is \
kept is changed; nothing is ever deleted.

Exit codes: 0 no drift, or all of it repaired; 9 drift is left; others as for sync.

Examples:
  threadkeep verify
  threadkeep verify --account ID --deep --repair
  threadkeep verify --json

Ctrl-C stops within a second; the same command goes on from the same page.";

/// Compare the copy with what LinkedIn shows.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct VerifyArgs {
    /// Only this account; otherwise every account, one after another.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Also read and compare every message.
    #[arg(long)]
    deep: bool,
    /// Copy what is missing or older here; deletes nothing.
    #[arg(long)]
    repair: bool,
    /// One JSON object for each conversation with a finding, then one for the account.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: VerifyArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let code = verify(&app, &args).await;
    app.store.close().await;
    code
}

async fn verify(app: &App, args: &VerifyArgs) -> Ended {
    let wanted = sync::wanted(app, args.account.as_deref()).await?;
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let mut code = OK;
    for id in &wanted {
        if wanted.len() > 1 {
            console::tell(&format!("account {id}"));
        }
        let ended = verify_one(app, id, args, &stop).await?;
        if ended == INTERRUPTED {
            return Ok(INTERRUPTED);
        }
        if code == OK {
            code = ended;
        }
    }
    Ok(code)
}

async fn verify_one(app: &App, id: &AccountId, args: &VerifyArgs, stop: &Stop) -> Ended {
    let depth = if args.deep { Depth::Messages } else { Depth::Lists };
    let ask = Ask { depth, repairs: args.repair };
    let mut view = progress::view();
    let ran = one_run::run(app, id, Errand::Verify(ask), stop, view.as_mut()).await;
    let run = match &ran {
        Ok(Ran::Over(job)) if job.failure.is_none() => Some(job.id),
        _ => None,
    };
    let report = report::of(id, &ran);
    // A run that was joined may have been asked for more; one that was cancelled has compared nothing to its end.
    let found = newest(app, id).await?.filter(|found| Some(found.run) == run && found.finished_at.is_some());
    let Some(found) = found else {
        console::tell(&report.text);
        if args.json {
            console::json(&report.json)?;
        }
        return Ok(report.code);
    };
    show_verdicts(app, id, args.json).await?;
    match args.json {
        true => console::json(&object(id, &found))?,
        false => console::result(&summary(&found))?,
    }
    Ok(if found.drift_left() > 0 { DRIFT } else { OK })
}

async fn show_verdicts(app: &App, id: &AccountId, json: bool) -> Result<(), Failure> {
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let (rows, has_more) = verdicts(app, id, after.as_ref(), VERDICTS_PAGE_MAX).await?;
        match json {
            true => rows.iter().try_for_each(|one| console::json(&verdict_object(id, one)))?,
            false if rows.is_empty() => {}
            false => console::result(&table(&rows))?,
        }
        after = rows.into_iter().next_back().map(|last| last.conversation);
        if !has_more {
            break;
        }
    }
    Ok(())
}

fn table(rows: &[VerdictRow]) -> String {
    let mut table = titled(&["CONVERSATION", "FOUND"]);
    for one in rows {
        let found: Vec<String> = one.findings().map(|one| format!("{} ({})", words(one.kind), one.count)).collect();
        let repaired = if one.drift() == 0 && one.repaired_at.is_some() { "; repaired" } else { "" };
        table.add_row([one.conversation.to_string(), format!("{}{repaired}", found.join(", "))]);
    }
    lines(&table)
}

fn summary(found: &Found) -> String {
    let read = match found.asked.depth {
        Depth::Messages => format!("{} conversations read to their end, ", number(found.read)),
        Depth::Lists => String::new(),
    };
    let mut text = format!("{} conversations listed, {read}", number(found.listed));
    text.push_str(&match (found.drift, found.repaired) {
        (0, _) => "no drift".to_owned(),
        (drift, 0) => format!("{} differences; `threadkeep verify --repair` brings them", number(drift)),
        (drift, repaired) => format!("{} differences, {} repaired", number(drift), number(repaired)),
    });
    if found.kept > 0 {
        text.push_str(&format!("; {} only here, and kept", number(found.kept)));
    }
    if found.unsure > 0 {
        text.push_str(&format!("; {} not judged", number(found.unsure)));
    }
    text
}

fn verdict_object(account: &AccountId, one: &VerdictRow) -> Value {
    json!({
        "kind": "conversation",
        "accountId": account,
        "conversationId": one.conversation,
        "drift": one.drift(),
        "findings": findings_json(one.findings()),
        "listedAt": time_json(one.listed_at),
        "readAt": time_json(one.read_at),
        "upstreamMessages": one.upstream_messages,
        "repairedAt": time_json(one.repaired_at),
    })
}

fn object(account: &AccountId, found: &Found) -> Value {
    let totals: serde_json::Map<String, Value> =
        found.totals.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
    json!({
        "kind": "verification",
        "success": true,
        "accountId": account,
        "runId": found.run,
        "asked": found.asked.as_str(),
        "startedAt": time_json(Some(found.started_at)),
        "finishedAt": time_json(found.finished_at),
        "listed": found.listed,
        "read": found.read,
        "drift": found.drift,
        "repaired": found.repaired,
        "hereOnly": found.kept,
        "unsure": found.unsure,
        "totals": totals,
    })
}
