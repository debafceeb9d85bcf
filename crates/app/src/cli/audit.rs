//! `threadkeep audit`: what was done by whom: accounts, keys, runs, secrets; refused attempts too.
//!
//! Lines name things by their ids; there is no text, name or secret in them.

use clap::Args;
use jiff::Timestamp as Instant;
use serde_json::{Value, json};
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::config::Config;
use crate::store::{ActOutcome, Actor, AuditLine};
use crate::verbs::audit::{AUDIT_PAGE_MAX, lines};

use super::failure::{Ended, Failure, OK};
use super::table::{safe, time, time_json, titled};
use super::{console, open, table};

/// Lines shown unless somebody asks for more.
const LINES_DEFAULT: u32 = 100;
/// Most lines shown at once: more than are kept.
const LINES_MAX: i64 = 100_000;

const AFTER_HELP: &str = "\
Newest first. Reading needs no key of the API: whoever can open the database can read it. About 50,000 lines of acts that
were done are kept, and 10,000 of refused ones.

Examples:
  threadkeep audit
  threadkeep audit --since 7d --json
  threadkeep audit --since 2026-01-31 --limit 1000";

/// Show who did what: accounts, keys, runs and secrets, refused attempts too.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct AuditArgs {
    /// Only from this time on: 2026-01-31, 2026-01-31T10:00:00Z, or so long ago: 90m, 24h, 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Most lines.
    #[arg(long, default_value_t = LINES_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=LINES_MAX))]
    limit: u32,
    /// As JSON: one object a line.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: AuditArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let ended = show(&app, &args).await;
    app.store.close().await;
    ended.map(|()| OK)
}

async fn show(app: &App, args: &AuditArgs) -> Result<(), Failure> {
    let since = args.since.as_deref().map(|text| since(text, app.clock.now())).transpose()?;
    let mut table = titled(&["WHEN", "WHO", "ACT", "ON", "OUTCOME", "FROM"]);
    let mut before = None;
    let mut left = args.limit;
    let mut is_empty = true;
    while left > 0 {
        let (page, has_more) = lines(app, None, (since, before), left.min(AUDIT_PAGE_MAX)).await?;
        for (id, line) in &page {
            is_empty = false;
            match args.json {
                true => console::json(&object(*id, line))?,
                false => {
                    table.add_row(cells(line));
                }
            }
        }
        before = page.last().map(|(id, _)| *id);
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        if !has_more {
            break;
        }
    }
    match (args.json, is_empty) {
        (true, _) => Ok(()),
        (false, true) => {
            console::tell("nothing was done yet");
            Ok(())
        }
        (false, false) => console::result(&table::lines(&table)),
    }
}

fn cells(line: &AuditLine) -> [String; 6] {
    let (who, from) = match &line.who {
        Actor::Key { id, address } => {
            (format!("key {}", safe(id)), address.as_deref().map_or_else(|| "-".into(), safe))
        }
        Actor::Stranger { address } => ("no key".to_owned(), address.as_deref().map_or_else(|| "-".into(), safe)),
        Actor::Command { user } => {
            (user.as_deref().map_or_else(|| "command".into(), |user| format!("user {}", safe(user))), "-".into())
        }
        Actor::Setup => ("setup".to_owned(), "-".to_owned()),
    };
    let on = line.object.id.as_deref().map_or_else(|| "-".to_owned(), safe);
    let outcome = match &line.outcome {
        ActOutcome::Done => "done".to_owned(),
        ActOutcome::Refused(code) => format!("refused: {}", safe(code)),
    };
    [time(line.at), who, line.act.as_str().to_owned(), format!("{} {on}", line.object.kind.as_str()), outcome, from]
}

fn object(id: i64, line: &AuditLine) -> Value {
    let (kind, who_id, address) = match &line.who {
        Actor::Key { id, address } => ("key", Some(id), address.as_ref()),
        Actor::Stranger { address } => ("key", None, address.as_ref()),
        Actor::Command { user } => ("command", user.as_ref(), None),
        Actor::Setup => ("setup", None, None),
    };
    let (outcome, code) = match &line.outcome {
        ActOutcome::Done => ("done", None),
        ActOutcome::Refused(code) => ("refused", Some(code)),
    };
    json!({
        "id": id,
        "at": time_json(Some(line.at)),
        "who": {"kind": kind, "id": who_id, "address": address},
        "act": line.act.as_str(),
        "object": {"kind": line.object.kind.as_str(), "id": line.object.id, "accountId": line.object.account},
        "outcome": outcome,
        "code": code,
    })
}

/// A point in time as people write it, or how long ago it was.
pub(super) fn since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || {
        Failure::usage("--since is not a time")
            .hint("write 2026-01-31, 2026-01-31T10:00:00Z, or how long ago: 90m, 24h, 7d")
    };
    let ago = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        .into_iter()
        .find_map(|(unit, ms)| Some(text.strip_suffix(unit)?.parse::<u32>().ok()?).map(|count| i64::from(count) * ms));
    if let Some(ago_ms) = ago {
        return Ok(now.plus_ms(-ago_ms));
    }
    if let Ok(instant) = text.parse::<Instant>() {
        return Ok(Timestamp(instant.as_millisecond()));
    }
    let day: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    let begin = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
    Ok(Timestamp(begin.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Timestamp(1_700_000_000_000);
        let read = |text: &str| since(text, now).ok().map(|at| at.0);
        assert_eq!(read("90m"), Some(now.0 - 90 * 60_000));
        assert_eq!(read("7d"), Some(now.0 - 7 * 86_400_000));
        assert_eq!(read("2023-11-14"), Some(1_699_920_000_000));
        assert_eq!(read("2023-11-14T22:13:20Z"), Some(now.0));
        for bad in ["", "d", "-1d", "yesterday", "99999999999d", "2023-13-01"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
