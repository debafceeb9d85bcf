//! Lays ready what lists show of the people in a conversation, wherever it is missing.
//!
//! A commit only marks what has to be written anew (`others` is null); here it is written, in transactions of its own and
//! of bounded size. Nothing depends on it being done: what does not lie ready yet is put together by the reader, so a
//! failure here fails nobody, and whoever opens the database or commits next goes on.

use threadkeep_core::id::PersonId;
use threadkeep_core::person::Person;

use super::dialect::Dialect;
use super::rows;
use super::shown::participant;
use super::statement::{Statement, json, sql};
use super::{SqlStore, StoreResult};

/// Conversations of one transaction.
const LAID_AT_ONCE: i64 = 100;
/// Transactions after a commit.
const ROUNDS_OF_COMMIT: u32 = 2;
/// Transactions when a database is opened; commits do the rest.
const ROUNDS_OF_OPENING: u32 = 1_000;

impl<D: Dialect> SqlStore<D> {
    /// Lays ready what a commit has marked.
    pub(super) async fn lay(&self, account_pk: i64) {
        self.lay_rounds(account_pk, ROUNDS_OF_COMMIT).await;
    }

    /// Lays ready what an import has marked.
    pub(super) async fn lay_imported(&self, account_pk: i64) {
        self.lay_rounds(account_pk, ROUNDS_OF_OPENING).await;
    }

    /// Lays ready what an older program or an interrupted one has left.
    pub(super) async fn lay_all(&self) {
        let text = "SELECT DISTINCT c.account_pk FROM conversations c WHERE c.others IS NULL";
        let Ok(accounts) = self.rows(sql!(text)).await else { return };
        for row in accounts {
            if let Ok(account_pk) = row.columns("conversations").int("account_pk") {
                self.lay_rounds(account_pk, ROUNDS_OF_OPENING).await;
            }
        }
    }

    async fn lay_rounds(&self, account_pk: i64, rounds: u32) {
        for _ in 0..rounds {
            // Whatever is in the way is told to the next one who has to write.
            if !self.lay_some(account_pk).await.unwrap_or(false) {
                return;
            }
        }
    }

    /// Lays ready some conversations; true when there may be more.
    async fn lay_some(&self, account_pk: i64) -> StoreResult<bool> {
        let mut tx = self.db.begin().await?;
        let owner = sql!("SELECT member_id FROM accounts WHERE pk = ?", account_pk);
        // What is locked here cannot be marked again before it is written; people are read after that. What a commit
        // holds is left to it, so that the two never wait for each other.
        let unlaid = format!(
            "SELECT c.pk FROM conversations c WHERE c.account_pk = ? AND c.others IS NULL ORDER BY c.pk LIMIT ?{}",
            D::SKIPPING_LOCKED
        );
        let answers = self.db.run(&mut tx, vec![owner, sql!(unlaid, account_pk, LAID_AT_ONCE)]).await?;
        let mut rows = rows::rows(answers);
        let Some(owner) = rows.next() else {
            self.db.abandon(tx).await;
            return Ok(false);
        };
        let owner: PersonId = owner.columns("accounts").id("member_id")?;
        let pks = rows.map(|row| row.columns("conversations").int("pk")).collect::<StoreResult<Vec<_>>>()?;
        if pks.is_empty() {
            self.db.abandon(tx).await;
            return Ok(false);
        }
        let people = Self::asked_participants(pks.iter().copied());
        let mut people = Self::read_participants(self.db.run(&mut tx, people).await?)?;
        let laid = pks.iter().map(|pk| laid(*pk, &people.remove(pk).unwrap_or_default(), &owner));
        let script = laid.collect::<StoreResult<Vec<_>>>()?;
        self.db.finish(tx, script).await?;
        Ok(i64::try_from(pks.len()).is_ok_and(|count| count == LAID_AT_ONCE))
    }
}

fn laid(pk: i64, people: &[Person], owner: &PersonId) -> StoreResult<Statement> {
    let text = "UPDATE conversations SET others = ?, has_owner = ? WHERE pk = ?";
    Ok(sql!(text, others(people, owner)?, has_owner(people, owner), pk))
}

/// Everybody but the owner as a JSON list, in the order of their ids.
fn others(people: &[Person], owner: &PersonId) -> StoreResult<String> {
    let others: Vec<_> = people.iter().filter(|one| one.id != *owner).map(|one| participant(one, owner)).collect();
    json(&others)
}

fn has_owner(people: &[Person], owner: &PersonId) -> bool {
    people.iter().any(|one| one.id == *owner)
}
