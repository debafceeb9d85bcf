//! What must hold when the trouble is over: the mirror equals the truth, nothing is due, the log tells everything, and one
//! more sync asks once and writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use threadkeep::app::App;
use threadkeep::refusal::Refusal;
use threadkeep::store::{Account, StoreResult};
use threadkeep::verbs::export::{self, ExportError, ExportWish};

use super::{commits, likeness};
use crate::ask::{number, rows};
use crate::breach;
use crate::stage::{Breach, Stage};

/// Whether everything equals the truth; what differs first.
pub async fn equality(stage: &Arc<Stage>, app: &App, accounts: &[Account]) -> Result<Option<Breach>, Refusal> {
    for account in accounts {
        let mirror = exported(app, account).await?;
        let member = account.member.as_str().to_owned();
        let (truth, lost, pk) = stage.with(|state| {
            let truth = state.simulator.world().truth_text(&member);
            let lost = state.book.lost_marks.get(&member).copied().unwrap_or_default();
            (truth, lost, state.book.account_of(&member))
        });
        if likeness::exact(&truth, &mirror).is_none() {
            continue;
        }
        let unread = unread(stage, pk.unwrap_or_default()).await?;
        let (truth, mirror) = (likeness::without(&truth, &unread), likeness::without(&mirror, &unread));
        let excuse = match (lost, likeness::exact(&truth, &mirror)) {
            (0, Some(difference)) => return Ok(Some(breach!("the mirror equals the truth", "{difference}"))),
            (_, None) => "a record could not be read",
            (_, Some(difference)) => {
                if let Some(lacking) = likeness::covering(&truth, &mirror) {
                    return Ok(Some(breach!("the mirror covers the truth", "{lacking}; {difference}")));
                }
                "a mark was lost"
            }
        };
        stage.with(|state| *state.tally.excuses.entry(excuse).or_default() += 1);
    }
    Ok(None)
}

/// What is kept of records of an account that could not be read: the conversation, where it is known, and the raw form.
pub async fn unread(stage: &Arc<Stage>, pk: i64) -> StoreResult<Vec<String>> {
    let text = "SELECT COALESCE(conversation_id, raw) FROM oddities WHERE account_pk = ?";
    Ok(rows(&stage.ground, text, &[pk]).await?.into_iter().map(|mut row| row.text()).collect())
}

/// The canonical export of an account.
pub async fn exported(app: &App, account: &Account) -> Result<String, Refusal> {
    let wish = ExportWish {
        account: account.id.clone(),
        categories: app.sync.categories.clone(),
        with_history: false,
        with_deleted: false,
    };
    let mut out = Vec::new();
    match export::write(app.store.as_ref(), &wish, &mut out).await {
        Ok(_) => String::from_utf8(out).map_err(|_| Refusal::Internal("the export is not UTF-8".into())),
        Err(ExportError::Refused(refusal)) => Err(refusal),
        Err(ExportError::Output(error)) => Err(Refusal::Internal(error.to_string())),
    }
}

/// Whether nothing is left to do and the database is in order.
pub async fn rest(stage: &Arc<Stage>, app: &App) -> Result<Option<Breach>, Refusal> {
    commits::everything(stage).await?;
    let open = "SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running', 'waiting')";
    let due = "SELECT COUNT(*) FROM tracks WHERE due_rank IS NOT NULL";
    for (what, text) in [("jobs are open", open), ("conversations are due", due)] {
        let count = number(&stage.ground, text).await?.unwrap_or_default();
        if count != 0 {
            return Ok(Some(breach!("nothing is due", "{count} {what}")));
        }
    }
    for (what, found, is_fine) in app.store.examine().await? {
        if !is_fine {
            return Ok(Some(breach!("doctor finds nothing", "{what}: {found}")));
        }
    }
    Ok(None)
}

/// Everything that a quiet sync must leave alone.
pub async fn contents(stage: &Arc<Stage>) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
    const TABLES: [&str; 7] = [
        "SELECT account_pk, seq, id, kind, object_id, version, at FROM events ORDER BY account_pk, seq",
        "SELECT account_pk, id, version, format, body, is_deleted FROM messages ORDER BY account_pk, id",
        "SELECT account_pk, id, version, last_activity_at, is_deleted FROM conversations ORDER BY account_pk, id",
        "SELECT account_pk, id, first_name, last_name FROM people ORDER BY account_pk, id",
        "SELECT account_pk, conversation_pk, activity, synced_to, due_rank, completeness FROM tracks \
         ORDER BY conversation_pk",
        "SELECT conversation_pk, person_id, is_present FROM conversation_people ORDER BY conversation_pk, person_id",
        "SELECT account_pk, digest, times FROM oddities ORDER BY account_pk, digest",
    ];
    let mut all = BTreeMap::new();
    for text in TABLES {
        let found = stage.ground.ask(text, &[]).await?;
        all.insert(text.to_owned(), found.into_iter().map(|row| format!("{row:?}")).collect());
    }
    Ok(all)
}

/// Open jobs.
pub async fn open_jobs(stage: &Arc<Stage>) -> Result<usize, Refusal> {
    let text = "SELECT id FROM jobs WHERE state IN ('queued', 'running', 'waiting')";
    Ok(rows(&stage.ground, text, &[]).await?.len())
}
