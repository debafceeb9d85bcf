//! `threadkeep sync`: brings accounts up to date, with progress, and tells how it went.
//!
//! With `--json` every account is one line on standard output, and the last line of a single account is its report.

use clap::Args;
use threadkeep_core::id::AccountId;

use crate::app::App;
use crate::config::Config;
use crate::lifecycle::{Stop, stop_on_signal};
use crate::verbs::accounts;

use super::failure::{Ended, Failure, INTERRUPTED, OK};
use super::one_run::Errand;
use super::{account, console, indexing, one_run, open, progress, report};

const AFTER_HELP: &str = "\
Examples:
  threadkeep sync                       every account, one after another
  threadkeep sync --account ID          one account
  threadkeep sync --account ID --json   ends with one JSON object on standard output

Ctrl-C stops within a second; the next run goes on from there. When LinkedIn asks to slow down the command waits as \
long as asked and says so; the wait holds when you leave, too.";

/// Copy what is new from LinkedIn into the database.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SyncArgs {
    /// Only this account; otherwise every account, one after another.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Sync although the last sync is recent, and try again what was set aside.
    #[arg(long)]
    force: bool,
    /// End with one JSON object for each account on standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: SyncArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let code = sync(&app, &args).await;
    app.store.close().await;
    code
}

async fn sync(app: &App, args: &SyncArgs) -> Ended {
    let wanted = wanted(app, args.account.as_deref()).await?;
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let code = sync_all(app, &wanted, args, &stop).await;
    if !stop.is_asked() {
        indexing::follow(&app.store, &stop).await;
    }
    code
}

async fn sync_all(app: &App, wanted: &[AccountId], args: &SyncArgs, stop: &Stop) -> Ended {
    let mut code = OK;
    for id in wanted {
        if wanted.len() > 1 {
            console::tell(&format!("account {id}"));
        }
        let ended = sync_one(app, id, args, stop).await?;
        if ended == INTERRUPTED {
            return Ok(INTERRUPTED);
        }
        if code == OK {
            code = ended;
        }
    }
    Ok(code)
}

async fn sync_one(app: &App, id: &AccountId, args: &SyncArgs, stop: &Stop) -> Ended {
    let mut view = progress::view();
    let ran = one_run::run(app, id, Errand::Sync { forced: args.force }, stop, view.as_mut()).await;
    let report = report::of(id, &ran);
    console::tell(&report.text);
    if args.json {
        console::json(&report.json)?;
    }
    Ok(report.code)
}

/// The account that was named, else all accounts.
pub(super) async fn wanted(app: &App, named: Option<&str>) -> Result<Vec<AccountId>, Failure> {
    if let Some(text) = named {
        let id = account::parse_id(text)?;
        accounts::find(app, &id).await?;
        return Ok(vec![id]);
    }
    let all: Vec<AccountId> = accounts::list(app).await?.into_iter().map(|one| one.id).collect();
    match all.is_empty() {
        false => Ok(all),
        true => Err(open::no_account_yet()),
    }
}
