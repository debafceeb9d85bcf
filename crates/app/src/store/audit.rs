//! The log of administrative acts: an act and its line are one transaction, so neither is there without the other.
//!
//! The log is bounded by count, for acts that were done and for refused ones apart: whoever is refused again and again
//! cannot push out what was done. Of sign-ins, which are many, only some are kept among them.

use async_trait::async_trait;

use super::accounts::{log_in, paused, removal};
use super::dialect::Dialect;
use super::jobs::cancelling;
use super::keys::{adding, revoking};
use super::media::deciding;
use super::rows;
use super::secrets::resetting;
use super::sign_ins::{signing_in, signing_out};
use super::statement::{Columns, Statement, Value, push_marks, sql};
use super::{Act, ActOutcome, Actor, Audit, AuditFilter, AuditLine, Deed, Object, ObjectKind, SqlStore, StoreResult};

/// Lines of acts that were done that are kept.
const DONE_MAX: i64 = 50_000;
/// Lines of refused acts that are kept.
const REFUSED_MAX: i64 = 10_000;
/// Lines of signing in and of signing out that are kept, each.
const SIGN_INS_MAX: i64 = 5_000;
/// Lines of refused sign-ins that are kept; strangers can cause them.
const REFUSED_SIGN_INS_MAX: i64 = 1_000;
/// Most lines on a page.
const PAGE_MAX: u32 = 1_000;

#[async_trait]
impl<D: Dialect> Audit for SqlStore<D> {
    async fn carry_out(&self, deed: &Deed<'_>, line: &AuditLine) -> StoreResult<bool> {
        let mut tx = self.db.begin().await?;
        let script = match deed {
            Deed::LogIn(login) => log_in(login, line.at)?,
            Deed::Remove(id) => {
                let found = self.db.run(&mut tx, vec![super::accounts::locked(id, D::LOCKING)]).await?;
                match rows::rows(found).next() {
                    Some(row) => removal(D::SEARCH, row.columns("accounts").int("pk")?),
                    None => {
                        self.db.abandon(tx).await;
                        return Ok(false);
                    }
                }
            }
            Deed::SetPaused(id, is_paused) => vec![paused(id, *is_paused)],
            Deed::SetMediaPolicy(id, policy) => deciding(id, *policy),
            Deed::AddKey(key) => vec![adding(key)?],
            Deed::RevokeKey(id) => vec![revoking(id, line.at)],
            Deed::Cancel(id) => vec![cancelling(*id, line.at)],
            Deed::SignIn(row, created_before, seen_before) => signing_in(row, *created_before, *seen_before),
            Deed::SignOut(token_hash) => vec![signing_out(token_hash)],
            Deed::ResetSecrets(master_key) => resetting(master_key),
        };
        let outcomes = self.db.run(&mut tx, script).await?;
        if outcomes.last().is_none_or(|last| last.affected == 0) {
            self.db.abandon(tx).await;
            return Ok(false);
        }
        self.db.finish(tx, written(line)).await?;
        Ok(true)
    }

    async fn note(&self, line: &AuditLine) -> StoreResult<()> {
        self.write(written(line)).await.map(|_| ())
    }

    async fn audit_lines(&self, filter: &AuditFilter, limit: u32) -> StoreResult<Vec<(i64, AuditLine)>> {
        let mut text =
            "SELECT l.id, l.at, l.who, l.who_id, l.address, l.act, l.object_kind, l.object_id, l.account_id, \
             l.outcome, l.code FROM audit_log l WHERE l.id < ? AND l.at >= ?"
                .to_owned();
        let since = filter.since.map_or(i64::MIN, |since| since.0);
        let mut values: Vec<Value> = vec![filter.before.unwrap_or(i64::MAX).into(), since.into()];
        if let Some(accounts) = &filter.accounts {
            if accounts.is_empty() {
                return Ok(Vec::new());
            }
            text.push_str(" AND l.account_id IN (");
            push_marks(&mut text, accounts.len());
            text.push(')');
            values.extend(accounts.iter().map(Value::from));
        }
        text.push_str(" ORDER BY l.id DESC LIMIT ?");
        values.push(limit.min(PAGE_MAX).into());
        let rows = self.rows(Statement::new(text, values)).await?;
        rows.into_iter().map(|row| line(&mut row.columns("audit_log"))).collect()
    }
}

/// Writes a line and forgets the oldest of its kind.
pub(super) fn written(line: &AuditLine) -> Vec<Statement> {
    let (who, who_id, address) = match &line.who {
        Actor::Key { id, address } => ("key", Some(id.as_str()), address.as_deref()),
        // A key that nobody knows.
        Actor::Stranger { address } => ("key", None, address.as_deref()),
        Actor::Command { user } => ("command", user.as_deref(), None),
        Actor::Setup => ("setup", None, None),
    };
    let (outcome, code, kept_max) = match &line.outcome {
        ActOutcome::Done => ("done", None, DONE_MAX),
        ActOutcome::Refused(code) => ("refused", Some(code.as_str()), REFUSED_MAX),
    };
    let insert = sql!(
        "INSERT INTO audit_log (at, who, who_id, address, act, object_kind, object_id, account_id, outcome, code) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        line.at,
        who,
        who_id,
        address,
        line.act.as_str(),
        line.object.kind.as_str(),
        line.object.id.as_deref(),
        line.object.account.as_ref().map(|id| id.as_str()),
        outcome,
        code,
    );
    let forget = sql!(
        "DELETE FROM audit_log WHERE outcome = ? AND id <= (SELECT l.id FROM audit_log l WHERE l.outcome = ? \
         ORDER BY l.id DESC LIMIT 1 OFFSET ?)",
        outcome,
        outcome,
        kept_max,
    );
    [insert, forget].into_iter().chain(sign_ins_forgotten(line.act, outcome)).collect()
}

/// Forgets the oldest lines about sign-ins, of which there may be so many that they would push out all others.
fn sign_ins_forgotten(act: Act, outcome: &'static str) -> Option<Statement> {
    let kept_max = match (act, outcome) {
        (Act::SignedIn | Act::SignedOut, "done") => SIGN_INS_MAX,
        (Act::SignedIn | Act::SignedOut, _) => REFUSED_SIGN_INS_MAX,
        _ => return None,
    };
    let text = "DELETE FROM audit_log WHERE act = ? AND outcome = ? AND id <= (SELECT l.id FROM audit_log l \
         WHERE l.act = ? AND l.outcome = ? ORDER BY l.id DESC LIMIT 1 OFFSET ?)";
    Some(sql!(text, act.as_str(), outcome, act.as_str(), outcome, kept_max))
}

fn line(row: &mut Columns) -> StoreResult<(i64, AuditLine)> {
    let id = row.int("id")?;
    let at = row.time("at")?;
    let who = row.text("who")?;
    let (who_id, address) = (row.text_or_null("who_id")?, row.text_or_null("address")?);
    let who = match who.as_str() {
        "key" => match who_id {
            Some(id) => Actor::Key { id, address },
            None => Actor::Stranger { address },
        },
        "command" => Actor::Command { user: who_id },
        "setup" => Actor::Setup,
        _ => return Err(row.corrupt("who", "it is a name that this version does not know")),
    };
    let act = row.named("act", Act::from_name)?;
    let kind = row.named("object_kind", ObjectKind::from_name)?;
    let object = Object { kind, id: row.text_or_null("object_id")?, account: row.id_or_null("account_id")? };
    let outcome = row.text("outcome")?;
    let outcome = match (outcome.as_str(), row.text_or_null("code")?) {
        ("refused", Some(code)) => ActOutcome::Refused(code),
        _ => ActOutcome::Done,
    };
    Ok((id, AuditLine { at, who, act, object, outcome }))
}
