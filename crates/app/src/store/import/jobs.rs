//! The rows that tell how an import goes that somebody has asked for over the API.
//!
//! A row is written before the import begins and ended with it. One whose process is gone tells so by its lease: nothing
//! of such an import was kept.

use threadkeep_core::time::Timestamp;

use super::Importing;
use crate::archive::ImportReport;
use crate::store::dialect::Dialect;
use crate::store::import_values::{BegunImport, INTERRUPTED, ImportJob, ImportLease, ImportState, ImportWish};
use crate::store::rows;
use crate::store::statement::{Columns, Statement, Value, json, sql};
use crate::store::{JobFailure, SqlStore, StoreError, StoreResult};

/// Rows that are kept of imports that have brought nothing.
const FAILED_KEPT_MAX: i64 = 200;
const JOB: &str = "SELECT i.id, a.id, i.state, i.created_at, i.finished_at, i.lease_until, i.owner, i.asked_by, \
     i.report, i.failure_code, i.failure FROM imports i LEFT JOIN accounts a ON a.pk = i.account_pk";

/// An archive that was read to its end.
pub(super) struct Completed<'a> {
    pub(super) wish: &'a ImportWish<'a>,
    pub(super) import: &'a Importing,
    pub(super) report: &'a ImportReport,
    pub(super) now: Timestamp,
}

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn begun(&self, begun: &BegunImport<'_>) -> StoreResult<i64> {
        let BegunImport { asked_by, owner, now, lease_until } = *begun;
        // One that goes on needs its row to end with.
        let forget = sql!(
            "DELETE FROM imports WHERE (state = 'failed' OR (state = 'running' AND lease_until <= ?)) AND id < (SELECT MIN(newest.id) FROM \
             (SELECT i.id FROM imports i WHERE i.state <> 'done' ORDER BY i.id DESC LIMIT ?) newest)",
            now,
            FAILED_KEPT_MAX
        );
        let text = "INSERT INTO imports (state, created_at, lease_until, owner, asked_by) VALUES ('running', ?, ?, ?, ?) \
             RETURNING imports.id";
        let answers = self.write(vec![forget, sql!(text, now, lease_until, owner, asked_by)]).await?;
        let row = rows::rows(answers).next();
        row.ok_or_else(|| StoreError::Unavailable("the import could not be begun".to_owned()))?
            .columns("imports")
            .int("id")
    }

    pub(super) async fn prolonged(&self, lease: ImportLease, now: Timestamp, until: Timestamp) -> StoreResult<()> {
        if D::HAS_ONE_WRITER {
            return Ok(());
        }
        // Whoever looks takes one for gone whose lease is over, so it stays gone.
        let text = "UPDATE imports SET lease_until = ? WHERE id = ? AND state = 'running' AND lease_until > ?";
        match self.write_one(sql!(text, until, lease.0, now)).await? {
            0 => Err(StoreError::LeaseLost),
            _ => Ok(()),
        }
    }

    /// Ends an import as the last part of its transaction; fails when it is not ours any more.
    pub(super) async fn completed(&self, tx: &mut D::Tx, end: Completed<'_>) -> StoreResult<()> {
        let Completed { wish, import, report, now } = end;
        let is_ours = if D::HAS_ONE_WRITER { "" } else { " AND (lease_until IS NULL OR lease_until > ?)" };
        let text = format!(
            "UPDATE imports SET state = 'done', account_pk = ?, digest = ?, newest_second = ?, finished_at = ?, \
             lease_until = NULL, report = ? WHERE id = ? AND state = 'running'{is_ours} RETURNING imports.id"
        );
        let mut values: Vec<Value> = vec![
            import.account_pk.into(),
            wish.digest.into(),
            wish.newest_second.into(),
            now.into(),
            json(report)?.into(),
            import.id.into(),
        ];
        values.extend((!D::HAS_ONE_WRITER).then_some(Value::from(now)));
        let answers = self.db.run(tx, vec![Statement::new(text, values)]).await?;
        rows::rows(answers).next().map(drop).ok_or(StoreError::LeaseLost)
    }

    pub(super) async fn ended(&self, job: &ImportJob) -> StoreResult<()> {
        let report = job.report.as_ref().map(json).transpose()?;
        let (code, what) =
            (job.failure.as_ref().map(|one| one.code.as_str()), job.failure.as_ref().map(|one| one.what.as_str()));
        let text = "UPDATE imports SET state = ?, finished_at = ?, lease_until = NULL, report = ?, failure_code = ?, \
             failure = ?, account_pk = COALESCE(account_pk, (SELECT a.pk FROM accounts a WHERE a.id = ?)) WHERE id = ?";
        let account = job.account.as_ref().map(|id| id.as_str());
        // An interrupted one has failed; its code tells the difference.
        let stored = match job.state {
            ImportState::Interrupted => ImportState::Failed.as_str(),
            other => other.as_str(),
        };
        let statement = sql!(text, stored, job.finished_at, report, code, what, account, job.id);
        self.write_one(statement).await.map(|_| ())
    }

    pub(super) async fn told(&self, id: i64) -> StoreResult<Option<ImportJob>> {
        let row = self.row(sql!(format!("{JOB} WHERE i.id = ?"), id)).await?;
        row.map(|row| read(&mut row.columns("imports"))).transpose()
    }

    pub(super) async fn newest_told(&self) -> StoreResult<Option<ImportJob>> {
        let row = self.row(sql!(format!("{JOB} ORDER BY i.id DESC LIMIT 1"))).await?;
        row.map(|row| read(&mut row.columns("imports"))).transpose()
    }
}

fn read(row: &mut Columns) -> StoreResult<ImportJob> {
    let (id, account) = (row.int("id")?, row.id_or_null("account")?);
    let state = row.named("state", ImportState::from_name)?;
    let (created_at, finished_at) = (row.time("created_at")?, row.time_or_null("finished_at")?);
    let (lease_until, owner) = (row.time_or_null("lease_until")?, row.text_or_null("owner")?);
    let asked_by = row.text_or_null("asked_by")?;
    let report = row.text_or_null("report")?;
    let report = report.map(|text| serde_json::from_str(&text)).transpose();
    let report = report.map_err(|_| row.corrupt("report", "it is not a report"))?;
    let failure = row.text_or_null("failure_code")?.zip(row.text_or_null("failure")?);
    let failure = failure.map(|(code, what)| JobFailure { code, what });
    let is_interrupted = failure.as_ref().is_some_and(|one| one.code == INTERRUPTED);
    let state = if is_interrupted { ImportState::Interrupted } else { state };
    Ok(ImportJob { id, account, state, created_at, finished_at, lease_until, owner, asked_by, report, failure })
}
