//! The rows that tell how an import goes that somebody has asked for over the API.
//!
//! A row is written before the import begins and ended with it. One whose process is gone tells so by its lease: nothing
//! of such an import was kept.

use threadkeep_core::time::Timestamp;

use crate::store::dialect::Dialect;
use crate::store::import_values::{ImportJob, ImportState};
use crate::store::rows;
use crate::store::statement::{Columns, json, sql};
use crate::store::{JobFailure, SqlStore, StoreError, StoreResult};

/// Rows that are kept of imports that have brought nothing.
const FAILED_KEPT_MAX: i64 = 200;
const JOB: &str = "SELECT i.id, a.id, i.state, i.created_at, i.finished_at, i.lease_until, i.asked_by, i.report, \
     i.failure_code, i.failure FROM imports i LEFT JOIN accounts a ON a.pk = i.account_pk";

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn begun(&self, asked_by: &str, now: Timestamp, lease_until: Timestamp) -> StoreResult<i64> {
        let forget = sql!(
            "DELETE FROM imports WHERE state <> 'done' AND id < (SELECT MIN(newest.id) FROM \
             (SELECT i.id FROM imports i WHERE i.state <> 'done' ORDER BY i.id DESC LIMIT ?) newest)",
            FAILED_KEPT_MAX
        );
        let text = "INSERT INTO imports (state, created_at, lease_until, asked_by) VALUES ('running', ?, ?, ?) \
             RETURNING imports.id";
        let answers = self.write(vec![forget, sql!(text, now, lease_until, asked_by)]).await?;
        let row = rows::rows(answers).next();
        row.ok_or_else(|| StoreError::Unavailable("the import could not be begun".to_owned()))?
            .columns("imports")
            .int("id")
    }

    pub(super) async fn ended(&self, job: &ImportJob) -> StoreResult<()> {
        let report = job.report.as_ref().map(json).transpose()?;
        let (code, what) =
            (job.failure.as_ref().map(|one| one.code.as_str()), job.failure.as_ref().map(|one| one.what.as_str()));
        let text = "UPDATE imports SET state = ?, finished_at = ?, lease_until = NULL, report = ?, failure_code = ?, \
             failure = ?, account_pk = COALESCE(account_pk, (SELECT a.pk FROM accounts a WHERE a.id = ?)) WHERE id = ?";
        let account = job.account.as_ref().map(|id| id.as_str());
        let statement = sql!(text, job.state.as_str(), job.finished_at, report, code, what, account, job.id);
        self.write_one(statement).await.map(|_| ())
    }

    pub(super) async fn told(&self, id: i64) -> StoreResult<Option<ImportJob>> {
        let row = self.row(sql!(format!("{JOB} WHERE i.id = ?"), id)).await?;
        row.map(|row| read(&mut row.columns("imports"))).transpose()
    }
}

fn read(row: &mut Columns) -> StoreResult<ImportJob> {
    let (id, account) = (row.int("id")?, row.id_or_null("account")?);
    let state = row.named("state", ImportState::from_name)?;
    let (created_at, finished_at) = (row.time("created_at")?, row.time_or_null("finished_at")?);
    let (lease_until, asked_by) = (row.time_or_null("lease_until")?, row.text_or_null("asked_by")?);
    let report = row.text_or_null("report")?;
    let report = report.map(|text| serde_json::from_str(&text)).transpose();
    let report = report.map_err(|_| row.corrupt("report", "it is not a report"))?;
    let failure = row.text_or_null("failure_code")?.zip(row.text_or_null("failure")?);
    let failure = failure.map(|(code, what)| JobFailure { code, what });
    Ok(ImportJob { id, account, state, created_at, finished_at, lease_until, asked_by, report, failure })
}
