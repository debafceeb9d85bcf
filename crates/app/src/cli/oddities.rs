//! `threadkeep oddities`: the records that could not be read and were kept as they came.
//!
//! Their raw form may hold texts and names, so it is shown only to who asks for it.

use clap::Args;
use serde_json::json;

use crate::app::App;
use crate::config::Config;
use crate::store::{Account, OddityRow};
use crate::verbs::{accounts, completeness};

use super::failure::{Ended, Failure, OK};
use super::table::{lines, number, safe_line, time, time_json, titled};
use super::{account, console, open};

/// Rows of one page.
const PAGE_ROWS: u32 = 200;
/// Pages of one account; about 1,000 records are kept.
const PAGES_MAX: u32 = 100;

const AFTER_HELP: &str = "\
A record that this version cannot read never stops a sync: it is kept as it came. --raw shows it, with whatever texts \
and names it holds.

Examples:
  threadkeep oddities
  threadkeep oddities --account ID --json --raw";

/// Show records that could not be read and are kept as they came.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct OdditiesArgs {
    /// Only this account.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Also show the record itself, which may hold texts and names.
    #[arg(long)]
    raw: bool,
    /// As JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: OdditiesArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let shown = show(&app, &args).await;
    app.store.close().await;
    shown.map(|()| OK)
}

async fn show(app: &App, args: &OdditiesArgs) -> Result<(), Failure> {
    let wanted: Vec<Account> = match &args.account {
        Some(text) => vec![accounts::find(app, &account::parse_id(text)?).await?],
        None => accounts::list(app).await?,
    };
    for account in wanted {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let rows = completeness::oddities(app, &account.id, after.as_deref(), PAGE_ROWS).await?;
            match args.json {
                true => rows.iter().try_for_each(|one| print_json(&account, one, args.raw))?,
                false => print(&rows, args.raw)?,
            }
            match rows.into_iter().next_back() {
                Some(last) => after = Some(last.digest),
                None => break,
            }
        }
    }
    Ok(())
}

fn print(rows: &[OddityRow], raw: bool) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    if raw {
        return rows.iter().try_for_each(|one| {
            console::result(&format!("{}  {}\n  {}", one.digest, safe_line(&one.what), safe_line(&one.raw)))
        });
    }
    let mut table = titled(&["RECORD", "CONVERSATION", "TIMES", "LAST SEEN", "WHAT"]);
    for one in rows {
        table.add_row([
            one.digest.clone(),
            one.conversation.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            number(one.times),
            time(one.last_seen_at),
            safe_line(&one.what),
        ]);
    }
    console::result(&lines(&table))
}

fn print_json(account: &Account, one: &OddityRow, raw: bool) -> Result<(), Failure> {
    console::json(&json!({
        "kind": "oddity",
        "accountId": account.id,
        "record": one.digest,
        "conversationId": one.conversation,
        "what": one.what,
        "times": one.times,
        "firstSeenAt": time_json(Some(one.first_seen_at)),
        "lastSeenAt": time_json(Some(one.last_seen_at)),
        "raw": raw.then_some(&one.raw),
    }))
}
