//! Accounts and their sessions.
//!
//! A session is only ever seen sealed, and lies in a table of its own that no view shows. A new login keeps everything
//! that was mirrored.

use async_trait::async_trait;
use threadkeep_core::id::AccountId;
use threadkeep_core::sync::track::InboxTrack;
use threadkeep_core::time::Timestamp;

use super::dialect::{Dialect, SearchForm};
use super::rows::{self, ACCOUNT};
use super::search::without_account;
use super::statement::{Statement, json, sql};
use super::{Account, Accounts, Login, MediaPolicy, SealedSession, SqlStore, StoreResult};
use crate::planted::{self, Bug};

/// Up to so many accounts the list of all is kept in memory.
const ACCOUNTS_KEPT_MAX: usize = 100;
/// Tables with rows of an account, in the order in which they can be emptied, and how they name it.
const TABLES_OF_ACCOUNT: [(&str, &str); 18] = [
    ("archived_messages", "account_pk = ?"),
    ("person_aliases", "account_pk = ?"),
    ("imports", "account_pk = ?"),
    ("attachments", "account_pk = ?"),
    ("messages", "account_pk = ?"),
    ("tracks", "account_pk = ?"),
    ("conversation_people", "account_pk = ?"),
    ("conversation_categories", "conversation_pk IN (SELECT c.pk FROM conversations c WHERE c.account_pk = ?)"),
    ("conversations", "account_pk = ?"),
    ("people", "account_pk = ?"),
    ("events", "account_pk = ?"),
    ("oddities", "account_pk = ?"),
    ("verdicts", "account_pk = ?"),
    ("verifications", "account_pk = ?"),
    ("jobs", "account_pk = ?"),
    ("sessions", "account_pk = ?"),
    ("data_keys", "account_id = (SELECT a.id FROM accounts a WHERE a.pk = ?)"),
    ("accounts", "pk = ?"),
];

#[async_trait]
impl<D: Dialect> Accounts for SqlStore<D> {
    async fn log_in(&self, login: &Login, now: Timestamp) -> StoreResult<()> {
        self.write(log_in(login, now)?).await.map(|_| ())
    }

    async fn account(&self, id: &AccountId) -> StoreResult<Option<Account>> {
        let state = self.db.state();
        if let Some(known) = self.known.accounts.get(state, id) {
            return Ok(Some(known));
        }
        let rows = self.db.glance(vec![sql!(format!("SELECT {ACCOUNT} FROM accounts a WHERE a.id = ?"), id)]).await?;
        let found = rows::rows(rows).next().map(|row| rows::account(&mut row.columns("accounts"))).transpose()?;
        if let Some(found) = &found {
            self.known.accounts.put(state, id.clone(), found);
        }
        Ok(found)
    }

    async fn accounts(&self) -> StoreResult<Vec<Account>> {
        let state = self.db.state();
        if let Some(known) = self.known.all_accounts.get(state, &()) {
            return Ok(known);
        }
        let text = format!("SELECT {ACCOUNT} FROM accounts a ORDER BY a.created_at, a.pk");
        let rows = self.rows(sql!(text)).await?;
        let read = rows.into_iter().map(|row| rows::account(&mut row.columns("accounts")));
        let all: Vec<Account> = read.collect::<StoreResult<_>>()?;
        if all.len() <= ACCOUNTS_KEPT_MAX {
            self.known.all_accounts.put(state, (), &all);
        }
        Ok(all)
    }

    async fn remove_account(&self, id: &AccountId) -> StoreResult<bool> {
        let mut tx = self.db.begin().await?;
        let found = self.db.run(&mut tx, vec![locked(id, D::LOCKING)]).await?;
        let Some(row) = rows::rows(found).next() else {
            self.db.abandon(tx).await;
            return Ok(false);
        };
        self.db.finish(tx, removal(D::SEARCH, row.columns("accounts").int("pk")?)).await?;
        Ok(true)
    }

    async fn sealed_session(&self, id: &AccountId) -> StoreResult<Option<Vec<u8>>> {
        let text = "SELECT s.sealed FROM sessions s JOIN accounts a ON a.pk = s.account_pk WHERE a.id = ?";
        let row = self.row(sql!(text, id)).await?;
        row.map(|row| row.columns("sessions").blob("sealed")).transpose()
    }

    async fn set_paused(&self, id: &AccountId, paused: bool) -> StoreResult<bool> {
        Ok(self.write_one(self::paused(id, paused)).await? > 0)
    }

    async fn clear_blocked(&self, id: &AccountId) -> StoreResult<()> {
        let text = "UPDATE accounts SET hold_until = NULL, hold_why = NULL WHERE id = ? AND hold_why = 'blocked'";
        self.write_one(sql!(text, id)).await.map(|_| ())
    }
}

/// Adds an account or gives it a new login, and then its session.
pub(super) fn log_in(login: &Login, now: Timestamp) -> StoreResult<Vec<Statement>> {
    let anew = if planted::is(Bug::LoginErasesSync) { ", inbox = excluded.inbox" } else { "" };
    let account = sql!(
        format!(
            "INSERT INTO accounts (id, member_id, first_name, last_name, public_id, picture_url, premium, health, \
             next_request_at, scope, inbox, created_at, media_policy, login_expires_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 'connected', ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
             member_id = excluded.member_id, first_name = excluded.first_name, last_name = excluded.last_name, \
             public_id = excluded.public_id, picture_url = excluded.picture_url, premium = excluded.premium, \
             health = 'connected', health_detail = NULL, login_expires_at = excluded.login_expires_at, \
             media_policy = COALESCE(?, accounts.media_policy){anew}"
        ),
        &login.id,
        &login.member,
        &login.first_name,
        &login.last_name,
        &login.public_id,
        &login.picture_url,
        login.premium,
        now,
        json(&login.scope)?,
        json(&InboxTrack::default())?,
        now,
        login.media_policy.unwrap_or(login.new_media_policy).as_str(),
        login.sealed_session.login_expires_at,
        login.media_policy.map(MediaPolicy::as_str),
    );
    let session = sql!(
        "INSERT INTO sessions (account_pk, sealed, updated_at) \
         VALUES ((SELECT pk FROM accounts WHERE id = ?), ?, ?) \
         ON CONFLICT (account_pk) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
        &login.id,
        login.sealed_session.sealed.as_slice(),
        now,
    );
    // Somebody else as the owner: in lists the owner stands apart from the others.
    let others = sql!(
        "UPDATE conversations SET others = NULL WHERE others IS NOT NULL AND account_pk = \
         (SELECT a.pk FROM accounts a WHERE a.id = ? AND a.member_id <> ?)",
        &login.id,
        &login.member,
    );
    let laid = (!planted::is(Bug::ListsOfFormerOwner)).then_some(others);
    Ok(laid.into_iter().chain([account, session]).collect())
}

/// The end of a session's login, with the session that it belongs to.
pub(super) fn login_expiry(account_pk: i64, session: &SealedSession) -> Statement {
    sql!("UPDATE accounts SET login_expires_at = ? WHERE pk = ?", session.login_expires_at, account_pk)
}

/// Asks for an account's key here, and keeps everybody else from changing the account.
pub(super) fn locked(id: &AccountId, locking: &str) -> Statement {
    sql!(format!("SELECT a.pk FROM accounts a WHERE a.id = ?{locking}"), id)
}

/// Removes everything of an account, and the account last.
pub(super) fn removal(form: SearchForm, pk: i64) -> Vec<Statement> {
    let loosened = sql!(
        "UPDATE media_objects SET is_loose = 1 \
         WHERE hash IN (SELECT t.object_hash FROM attachments t WHERE t.account_pk = ?)",
        pk
    );
    let stays = |table: &str| match table {
        "conversation_people" => planted::is(Bug::RemovalLeavesRows),
        "sessions" => planted::is(Bug::RemovalKeepsSession),
        _ => false,
    };
    let whose = |table: &str, of_account: &'static str| match table {
        "attachments" if planted::is(Bug::RemovalTakesNeighbours) => "account_pk >= ?",
        _ => of_account,
    };
    let emptied = TABLES_OF_ACCOUNT
        .into_iter()
        .filter(|(table, _)| !stays(table))
        .map(|(table, of_account)| sql!(format!("DELETE FROM {table} WHERE {}", whose(table, of_account)), pk));
    without_account(form, pk).into_iter().chain([loosened]).chain(emptied).collect()
}

/// Pauses an account, or lets it go on.
pub(super) fn paused(id: &AccountId, is_paused: bool) -> Statement {
    let which = if planted::is(Bug::ResumeRevivesDeadSession) { "<> 'connected'" } else { "= 'paused'" };
    match is_paused {
        true => sql!("UPDATE accounts SET health = 'paused' WHERE id = ?", id),
        // Only a pause is taken back: a dead session stays dead.
        false => sql!(
            format!(
                "UPDATE accounts SET health = CASE WHEN health {which} THEN 'connected' ELSE health END WHERE id = ?"
            ),
            id
        ),
    }
}
