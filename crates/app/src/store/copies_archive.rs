//! What a copy tells of LinkedIn's own exports: which were taken in, which rows of them are which messages, and by what
//! other names their people went.
//!
//! An import has another number in each database, so that a copy counts them from 1 as they stand in it; what came from an
//! export must never look as if a sync had brought it, or the next import would double it.

use threadkeep_core::id::{AccountId, ConversationId};

use super::commit::{ALIAS_HEAD, ARCHIVED_HEAD};
use super::dialect::Dialect;
use super::rows;
use super::statement::{Columns, Row, Statement, Value, insert_rows, sql};
use super::{ArchivedPlace, CopiedAlias, CopiedArchived, CopiedImport, CopiedRows, SqlStore, StoreError, StoreResult};

impl<D: Dialect> SqlStore<D> {
    /// A page of the exports that were taken in, by number.
    pub(super) async fn imports_out(
        &self,
        account: &AccountId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<(i64, CopiedImport)>> {
        let text = "SELECT i.id, i.digest, i.newest_second, i.created_at, i.finished_at, i.asked_by, i.report \
             FROM imports i WHERE i.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND i.state = 'done' \
             AND i.id > ? ORDER BY i.id LIMIT ?";
        let rows = self.rows(sql!(text, account, after, limit)).await?;
        rows.into_iter().map(|row| import(&mut row.columns("imports"))).collect()
    }

    /// A page of the rows of exports, by their place.
    pub(super) async fn archived_out(
        &self,
        account: &AccountId,
        after: Option<&ArchivedPlace>,
        limit: u32,
    ) -> StoreResult<Vec<CopiedArchived>> {
        let text = "SELECT c.id AS conversation_id, a.second, a.fingerprint, a.message_id, a.import_id, a.other_body \
             FROM conversations c JOIN archived_messages a ON a.conversation_pk = c.pk \
             WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND (c.id > ? OR (c.id = ? AND \
             (a.second > ? OR (a.second = ? AND a.fingerprint > ?)))) \
             ORDER BY c.id, a.second, a.fingerprint LIMIT ?";
        let (conversation, second, fingerprint) = match after {
            Some((conversation, second, fingerprint)) => (conversation.as_str(), *second, fingerprint.as_str()),
            None => ("", 0, ""),
        };
        let asked = sql!(text, account, conversation, conversation, second, second, fingerprint, limit);
        self.rows(asked).await?.into_iter().map(|row| archived(&mut row.columns("archived_messages"))).collect()
    }

    /// A page of the other names of people, by name.
    pub(super) async fn aliases_out(
        &self,
        account: &AccountId,
        after: &str,
        limit: u32,
    ) -> StoreResult<Vec<CopiedAlias>> {
        let text = "SELECT x.alias, x.person_id FROM person_aliases x \
             WHERE x.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND x.alias > ? ORDER BY x.alias LIMIT ?";
        let rows = self.rows(sql!(text, account, after, limit)).await?;
        let read = |row: Row| {
            let mut row = row.columns("person_aliases");
            Ok(CopiedAlias { alias: row.text("alias")?, person: row.id("person_id")? })
        };
        rows.into_iter().map(read).collect()
    }

    /// Puts imports in, in their order; gives the numbers that they have here.
    pub(super) async fn imports_in(
        &self,
        tx: &mut D::Tx,
        account_pk: i64,
        imports: &[CopiedImport],
    ) -> StoreResult<Vec<i64>> {
        let text = "INSERT INTO imports (account_pk, digest, state, newest_second, created_at, finished_at, asked_by, \
             report) VALUES (?, ?, 'done', ?, ?, ?, ?, ?) RETURNING imports.id";
        let mut ids = Vec::with_capacity(imports.len());
        for one in imports {
            let statement = sql!(
                text,
                account_pk,
                &one.digest,
                one.newest_second,
                one.created_at,
                one.finished_at,
                &one.asked_by,
                &one.report,
            );
            let row = rows::rows(self.db.run(tx, vec![statement]).await?).next();
            let row = row.ok_or_else(|| StoreError::Unavailable("an import could not be kept".to_owned()))?;
            ids.push(row.columns("imports").int("id")?);
        }
        Ok(ids)
    }
}

/// The statements that put rows of exports and other names in; `None` when a row has no conversation or no import.
pub(super) fn archive_rows(
    account_pk: i64,
    rows: &CopiedRows,
    imports: &[i64],
    home: impl Fn(&ConversationId) -> Option<i64>,
) -> Option<Vec<Statement>> {
    let mut values = Vec::new();
    for one in &rows.archived {
        let import = imports.get(usize::try_from(one.import).ok()?.checked_sub(1)?)?;
        values.extend([
            Value::from(home(&one.conversation)?),
            one.second.into(),
            (&one.fingerprint).into(),
            account_pk.into(),
            (&one.message).into(),
            (*import).into(),
            one.other_body.clone().into(),
        ]);
    }
    let mut script = Vec::new();
    insert_rows(&mut script, ARCHIVED_HEAD, "", 7, values);
    let alias = |one: &CopiedAlias| [account_pk.into(), (&one.alias).into(), (&one.person).into()];
    insert_rows(&mut script, ALIAS_HEAD, "", 3, rows.aliases.iter().flat_map(alias).collect());
    Some(script)
}

fn import(row: &mut Columns) -> StoreResult<(i64, CopiedImport)> {
    let id = row.int("id")?;
    let one = CopiedImport {
        digest: row.text_or_null("digest")?,
        newest_second: row.int_or_null("newest_second")?,
        created_at: row.time("created_at")?,
        finished_at: row.time_or_null("finished_at")?,
        asked_by: row.text_or_null("asked_by")?,
        report: row.text_or_null("report")?,
    };
    Ok((id, one))
}

fn archived(row: &mut Columns) -> StoreResult<CopiedArchived> {
    Ok(CopiedArchived {
        conversation: row.id("conversation_id")?,
        second: row.int("second")?,
        fingerprint: row.text("fingerprint")?,
        message: row.id("message_id")?,
        import: row.int("import_id")?,
        other_body: row.text_or_null("other_body")?,
    })
}
