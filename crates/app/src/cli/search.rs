//! `threadkeep search`: finds messages in the mirror, newest first, and shows the piece around each hit.
//!
//! Texts come from strangers: nothing of them may steer the terminal. LinkedIn is not asked.

use clap::Args;
use serde_json::json;
use threadkeep_core::search::Snippet;

use crate::app::App;
use crate::config::Config;
use crate::store::{Account, IndexLag, shown_name};
use crate::verbs::accounts;
use crate::verbs::search::{PAGE_MAX, SearchHit, search};

use super::failure::{Ended, Failure, NOT_FOUND, OK};
use super::table::{number, safe, safe_line, time, time_json};
use super::{account, console, open};

/// Hits that are shown unless told otherwise.
const LIMIT_DEFAULT: u32 = 20;
/// Most hits of one command.
const LIMIT_MAX: u32 = 10_000;
/// Pages that one command looks through.
const PAGES_MAX: u32 = 2_000;
/// What begins and ends a mark on a terminal: bold and yellow, and plain again.
const MARK: (&str, &str) = ("\u{1b}[1;33m", "\u{1b}[0m");

const AFTER_HELP: &str = "\
Words are found whatever their case and accents. \"next week\" finds a phrase, contr* what begins so, -word leaves out; \
from:NAME or from:me, in:NAME (a person or a title), after:2024-05 before:2025, has:attachment, is:unread. \
docs/SEARCH.md tells all.

Examples:
  threadkeep search contract from:olga
  threadkeep search '\"next week\" -in:newsletter' --limit 5
  threadkeep search 'after:2024 has:attachment' --json
  threadkeep search -- -newsletter

Exit code 3 when nothing is found.";

/// Search the messages of the mirror.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SearchArgs {
    /// What to search for; several words may come without quotes.
    #[arg(required = true, value_name = "QUERY", num_args = 1..)]
    query: Vec<String>,
    /// Only this account; otherwise every account.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Most hits to show.
    #[arg(long, value_name = "N", default_value_t = LIMIT_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,
    /// As JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: SearchArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let shown = show(&app, &args).await;
    app.store.close().await;
    shown
}

async fn show(app: &App, args: &SearchArgs) -> Ended {
    let wanted: Vec<Account> = match &args.account {
        Some(text) => vec![accounts::find(app, &account::parse_id(text)?).await?],
        None => accounts::list(app).await?,
    };
    if wanted.is_empty() {
        return Err(open::no_account_yet());
    }
    let question = args.query.join(" ");
    let (mut after, mut left) = (None, args.limit);
    for _ in 0..PAGES_MAX {
        let page = search(app, &wanted, &question, after, left.min(PAGE_MAX)).await?;
        for hit in &page.hits {
            match args.json {
                true => console::json(&object(hit))?,
                false => print(hit)?,
            }
        }
        left = left.saturating_sub(u32::try_from(page.hits.len()).unwrap_or(u32::MAX));
        after = page.next;
        if after.is_none() || left == 0 {
            tell_lag(page.lag);
            break;
        }
    }
    if after.is_some() && left == 0 && !args.json {
        console::tell("there is more: --limit shows more hits, before: older ones");
    }
    if left < args.limit {
        return Ok(OK);
    }
    console::tell("nothing is found");
    Ok(NOT_FOUND)
}

fn tell_lag(lag: IndexLag) {
    if lag.building > 0 {
        let (indexed, all) = (number(lag.indexed), number(lag.messages));
        console::tell(&format!("the index is being built ({indexed} of {all} messages): older hits may be missing"));
    } else if lag.changes > 0 {
        console::tell(&format!("{} changes are not in the index yet", number(lag.changes)));
    }
}

fn print(found: &SearchHit) -> Result<(), Failure> {
    let is_colored = console::is_colored();
    let sender = sender(found);
    let head = format!("{}  {}  in {}", time(found.hit.message.delivered_at), safe(&sender), safe(&found.title));
    console::result(&head)?;
    if let Some(subject) = &found.subject {
        console::result(&format!("    {}", marked(subject, is_colored)))?;
    }
    console::result(&format!("    {}", marked(&found.snippet, is_colored)))
}

fn sender(found: &SearchHit) -> String {
    match &found.hit.sender {
        _ if found.hit.is_mine => "you".to_owned(),
        sender => shown_name(&sender.as_ref().map(|one| one.full_name()).unwrap_or_default()),
    }
}

/// A piece of a text with what was looked for made bold, or between stars where there is no colour.
fn marked(snippet: &Snippet, is_colored: bool) -> String {
    let (begin, end) = if is_colored { MARK } else { ("*", "*") };
    let parts = snippet.parts.iter().map(|part| match part.is_match {
        true => format!("{begin}{}{end}", safe_line(&part.text)),
        false => safe_line(&part.text),
    });
    parts.collect()
}

fn object(found: &SearchHit) -> serde_json::Value {
    let parts = |snippet: &Snippet| {
        let parts = snippet.parts.iter().map(|part| json!({"text": part.text, "isMatch": part.is_match}));
        parts.collect::<Vec<_>>()
    };
    json!({
        "kind": "hit",
        "accountId": found.hit.account,
        "conversationId": found.conversation,
        "conversationTitle": found.title,
        "messageId": found.hit.message.id,
        "sentAt": time_json(Some(found.hit.message.delivered_at)),
        "senderId": found.hit.message.sender,
        "senderName": shown_name(&found.hit.sender.as_ref().map(|one| one.full_name()).unwrap_or_default()),
        "isMine": found.hit.is_mine,
        "subject": found.subject.as_ref().map(&parts),
        "snippet": parts(&found.snippet),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadkeep_core::search::{parse, snippet};

    #[test]
    fn a_hit_is_marked_and_cannot_steer_the_terminal() {
        let shown = snippet("a \u{1b}[31mred needle\u{7}", parse("needle").unwrap().phrases());
        assert_eq!(marked(&shown, false), "a [31mred *needle* ");
        assert_eq!(marked(&shown, true), "a [31mred \u{1b}[1;33mneedle\u{1b}[0m ");
    }
}
