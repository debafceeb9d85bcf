//! The index of search: fed behind the commits, asked newest first, and made anew at any time.
//!
//! Nothing that matters is in it: a row that cannot be indexed is still a row, and whatever is wrong with the index,
//! no commit fails. What a hit says comes from the messages themselves; what was removed since is not shown.

mod entry;
mod feed;
mod find;
mod merge;
mod names;
mod place;
mod plan;
mod rarity;

use async_trait::async_trait;
use threadkeep_core::id::AccountId;
use threadkeep_core::search::WORDS_VERSION;

use super::dialect::{Dialect, SearchForm};
use super::rows;
use super::statement::{Statement, Value, push_marks, sql};
use super::{IndexLag, IndexStep, Merge, Search, Searched, SqlStore, StoreResult, Wanted};

/// What is counted of the index: an account without a mark was never looked at.
const LAG: &str = "SELECT CAST(COALESCE(SUM(CASE WHEN k.walk IS NULL AND k.words_version = ? AND a.event_seq > k.seq \
     THEN a.event_seq - k.seq ELSE 0 END), 0) AS BIGINT), \
     COUNT(CASE WHEN k.account_pk IS NULL OR k.walk IS NOT NULL OR k.words_version <> ? THEN 1 END), \
     CAST(COALESCE(SUM(k.indexed), 0) AS BIGINT), CAST(COALESCE(SUM(a.message_count), 0) AS BIGINT) \
     FROM accounts a LEFT JOIN search_marks k ON k.account_pk = a.pk WHERE 1 = 1";

/// Messages that were told to be looked at again.
const AGAIN: &str = "SELECT COUNT(*) FROM search_again g JOIN accounts a ON a.pk = g.account_pk WHERE 1 = 1";

/// Completes `IN (` with these accounts; of none, nothing is found.
fn among(text: &mut String, values: &mut Vec<Value>, accounts: &[AccountId]) {
    push_marks(text, accounts.len().max(1));
    text.push(')');
    values.extend(accounts.iter().map(Value::from));
    if accounts.is_empty() {
        values.push("".into());
    }
}

#[async_trait]
impl<D: Dialect> Search for SqlStore<D> {
    async fn search(&self, wanted: &Wanted<'_>) -> StoreResult<Searched> {
        self.searched(wanted).await
    }

    async fn index_some(&self) -> StoreResult<IndexStep> {
        self.feed_some().await
    }

    async fn index_lag(&self, accounts: Option<&[AccountId]>) -> StoreResult<IndexLag> {
        let mut lag = sql!(LAG, WORDS_VERSION, WORDS_VERSION);
        let mut again = sql!(AGAIN);
        if let Some(accounts) = accounts {
            for statement in [&mut lag, &mut again] {
                let text = statement.text.to_mut();
                text.push_str(" AND a.id IN (");
                among(text, &mut statement.values, accounts);
            }
        }
        let mut rows = rows::rows(self.db.read(vec![lag, again]).await?);
        let mut found = IndexLag::default();
        if let Some(row) = rows.next() {
            let mut row = row.columns("search_marks");
            found.changes = row.count("seq")?;
            found.building = row.count("walk")?;
            found.indexed = row.count("indexed")?;
            found.messages = row.count("message_count")?;
        }
        if let Some(row) = rows.next() {
            found.changes += row.columns("search_again").count("count")?;
        }
        Ok(found)
    }

    async fn merge_index(&self, merge: Merge) -> StoreResult<bool> {
        self.merge_some(merge).await
    }

    async fn forget_index(&self) -> StoreResult<()> {
        self.write(emptied(D::SEARCH)).await.map(|_| ())
    }
}

/// Empties the index; what was committed is taken in anew.
fn emptied(form: SearchForm) -> Vec<Statement> {
    let index = match form {
        SearchForm::Fts5 => "INSERT INTO search_index (search_index) VALUES ('delete-all')",
        SearchForm::TsVector => "DELETE FROM search_index",
    };
    let tables = ["search_rows", "search_fences", "search_again", "search_marks"];
    let tables = tables.map(|table| Statement::new(format!("DELETE FROM {table}"), Vec::new()));
    std::iter::once(sql!(index)).chain(tables).collect()
}

/// Removes an account from the index.
pub(super) fn without_account(form: SearchForm, account_pk: i64) -> Vec<Statement> {
    let places = "(SELECT s.place FROM search_rows s WHERE s.account_pk = ?)";
    let mut script = vec![
        sql!("DELETE FROM search_marks WHERE account_pk = ?", account_pk),
        sql!("DELETE FROM search_again WHERE account_pk = ?", account_pk),
        sql!(format!("DELETE FROM search_fences WHERE place IN {places}"), account_pk),
        sql!(format!("DELETE FROM search_index WHERE rowid IN {places}"), account_pk),
        sql!("DELETE FROM search_rows WHERE account_pk = ?", account_pk),
    ];
    if form == SearchForm::Fts5 {
        // SQLite only notes what was removed from an index, until it is merged; an index of nobody is emptied at once.
        let text = "INSERT INTO search_index (search_index) SELECT 'delete-all' \
             WHERE NOT EXISTS (SELECT 1 FROM search_rows)";
        script.push(sql!(text));
    }
    script
}
