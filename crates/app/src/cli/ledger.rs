//! The completeness ledger for people and programs, page by page, so that it may be of any length.
//!
//! It shows ids, counts and times; no text and no name of anybody.

use serde_json::{Value, json};
use threadkeep_core::id::AccountId;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::Finding;

use crate::app::App;
use crate::store::{LedgerFilter, Ledgered, VerdictRow};
use crate::verbs::completeness::{LEDGER_PAGE_MAX, page, why};
use crate::verbs::verify::words;

use super::console;
use super::failure::Failure;
use super::table::{lines, number, safe_line, time_json, titled};

/// Pages of one ledger: far above any mailbox.
const PAGES_MAX: u32 = 1_000_000;

/// What was shown, for the line of totals.
#[derive(Default)]
struct Totals {
    conversations: u64,
    messages: u64,
    incomplete: u64,
    drifted: u64,
    never_verified: u64,
}

/// Shows the ledger of an account.
pub(super) async fn show(app: &App, id: &AccountId, mut filter: LedgerFilter, json: bool) -> Result<(), Failure> {
    let mut totals = Totals::default();
    for _ in 0..PAGES_MAX {
        let (rows, has_more) = page(app, id, &filter, LEDGER_PAGE_MAX).await?;
        rows.iter().for_each(|one| totals.count(one));
        match json {
            true => rows.iter().try_for_each(|one| console::json(&object(id, one)))?,
            false if rows.is_empty() => {}
            false => console::result(&table(&rows))?,
        }
        filter.after = rows.into_iter().next_back().map(|last| last.track.conversation);
        if !has_more {
            break;
        }
    }
    match json {
        true => Ok(()),
        false => console::result(&totals.line()),
    }
}

impl Totals {
    fn count(&mut self, one: &Ledgered) {
        self.conversations += 1;
        self.messages += one.messages;
        self.incomplete += u64::from(why(one).is_some());
        self.drifted += u64::from(one.verdict.drift() > 0);
        self.never_verified += u64::from(one.verdict.verified_at().is_none());
    }

    fn line(&self) -> String {
        format!(
            "{} conversations, {} messages; {} not complete, {} with drift, {} never verified",
            number(self.conversations),
            number(self.messages),
            number(self.incomplete),
            number(self.drifted),
            number(self.never_verified)
        )
    }
}

fn table(rows: &[Ledgered]) -> String {
    let mut table =
        titled(&["CONVERSATION", "STATE", "MESSAGES", "OLDEST", "NEWEST", "VERIFIED", "DRIFT", "WHY, AND WHAT TO DO"]);
    for one in rows {
        let why = why(one).map(|why| format!("{}; {}", safe_line(&why.what), why.remedy)).unwrap_or_default();
        table.add_row([
            one.track.conversation.to_string(),
            state(one).to_owned(),
            number(one.messages),
            day(one.oldest_at),
            day(one.newest_at),
            verified(&one.verdict),
            drift(&one.verdict),
            why,
        ]);
    }
    lines(&table)
}

fn state(one: &Ledgered) -> &'static str {
    if one.is_deleted { "gone" } else { one.track.detail.completeness.as_str() }
}

fn day(at: Option<Timestamp>) -> String {
    let instant = at.and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok());
    instant.map_or_else(|| "-".to_owned(), |instant| instant.strftime("%Y-%m-%d").to_string())
}

fn verified(verdict: &VerdictRow) -> String {
    match (verdict.read_at, verdict.listed_at) {
        (Some(read), _) => format!("{} deep", day(Some(read))),
        (None, Some(listed)) => format!("{} lists", day(Some(listed))),
        (None, None) => "never".to_owned(),
    }
}

fn drift(verdict: &VerdictRow) -> String {
    if verdict.verified_at().is_none() && verdict.findings().next().is_none() {
        "-".to_owned()
    } else {
        number(verdict.drift())
    }
}

/// Findings as programs read them.
pub(super) fn findings_json<'a>(findings: impl Iterator<Item = &'a Finding>) -> Value {
    findings.map(|one| json!({"kind": one.kind.as_str(), "count": one.count, "what": words(one.kind)})).collect()
}

fn object(account: &AccountId, one: &Ledgered) -> Value {
    let detail = &one.track.detail;
    let why = why(one);
    json!({
        "kind": "conversation",
        "accountId": account,
        "conversationId": one.track.conversation,
        "completeness": detail.completeness.as_str(),
        "deleted": one.is_deleted,
        "messages": one.messages,
        "oldestMessageAt": time_json(one.oldest_at),
        "newestMessageAt": time_json(one.newest_at),
        "lastActivityAt": time_json(Some(one.track.activity)),
        "syncedTo": time_json(one.track.synced_to),
        "reason": why.as_ref().map(|why| &why.what),
        "remedy": why.as_ref().map(|why| why.remedy),
        "attempts": detail.attempts,
        "oddities": one.oddities,
        "listedAt": time_json(one.verdict.listed_at),
        "readAt": time_json(one.verdict.read_at),
        "drift": one.verdict.drift(),
        "findings": findings_json(one.verdict.findings()),
        "upstreamMessages": one.verdict.upstream_messages,
        "repairedAt": time_json(one.verdict.repaired_at),
    })
}
