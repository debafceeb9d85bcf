//! The contract of the rows that tell how an import goes: each end is told whole, of that import and no other.

use anyhow::{Context, Result};
use threadkeep::archive::ImportReport;
use threadkeep::store::{BegunImport, ConversationFilter, ImportJob, ImportState, JobFailure};

use crate::store_database::Database;
use crate::store_fixture::{LEASE_MS, NOW, Worker};
use crate::store_neighbourhood::import_for;

crate::on_both_databases!(what_was_taken_in_is_told, why_it_failed_is_told, who_takes_part_is_told);

/// Two that go on.
async fn begun(db: &Database) -> Result<(ImportJob, ImportJob)> {
    let begun = BegunImport { asked_by: "a key", owner: "a process", now: NOW, lease_until: NOW.plus_ms(LEASE_MS) };
    let (one, other) = (db.store.begin_import(&begun).await?, db.store.begin_import(&begun).await?);
    Ok((told(db, one).await?, told(db, other).await?))
}

async fn told(db: &Database, id: i64) -> Result<ImportJob> {
    db.store.import_job(id).await?.context("an import")
}

async fn what_was_taken_in_is_told(db: &Database) -> Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let (one, other) = begun(db).await?;
    import_for(&worker, "d1", 1, Some(one.id)).await?;
    let done = told(db, one.id).await?;
    let report = done.report.clone().context("the report")?;
    assert_eq!((report.imported, report.known), (3, 0));
    let wanted = ImportJob {
        account: Some(worker.account().clone()),
        state: ImportState::Done,
        finished_at: Some(NOW),
        lease_until: None,
        report: Some(report),
        ..one
    };
    assert_eq!(done, wanted);
    assert_eq!(told(db, other.id).await?, other, "the other one goes on");
    assert!(db.store.has_imported(worker.account(), "d1").await?);
    assert!(!db.store.has_imported(worker.account(), "d2").await?);
    assert_eq!(db.count(&format!("SELECT newest_second FROM imports WHERE id = {}", done.id)).await?, 9);
    Ok(())
}

async fn why_it_failed_is_told(db: &Database) -> Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let (one, other) = begun(db).await?;
    let failed = ImportJob {
        account: Some(worker.account().clone()),
        state: ImportState::Failed,
        finished_at: Some(NOW.plus_ms(3)),
        lease_until: None,
        report: Some(ImportReport { rows: 7, ..ImportReport::default() }),
        failure: Some(JobFailure { code: "archive_damaged".into(), what: "it ends too early".into() }),
        ..one
    };
    db.store.end_import(&failed).await?;
    assert_eq!(told(db, failed.id).await?, failed);
    assert_eq!(told(db, other.id).await?, other, "the other one goes on");
    // Who it was for is not forgotten by somebody who does not know it.
    let unknown = ImportJob { account: None, ..failed.clone() };
    db.store.end_import(&unknown).await?;
    assert_eq!(told(db, failed.id).await?.account, failed.account);
    Ok(())
}

async fn who_takes_part_is_told(db: &Database) -> Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    for (digest, number) in [("d1", 100), ("d2", 200), ("d3", 1)] {
        import_for(&worker, digest, number, None).await?;
    }
    let filter = ConversationFilter { accounts: vec![worker.account().clone()], ..ConversationFilter::default() };
    let rows = db.store.conversations(&filter, 10).await?;
    assert_eq!(rows.len(), 3);
    for row in rows {
        let owner = &worker.store.account(worker.account()).await?.context("the account")?.member;
        assert!(row.conversation.participants.contains(owner), "{row:?}");
        assert_eq!((row.conversation.participants.len(), row.conversation.group), (2, false), "{row:?}");
        assert_eq!(row.conversation.last_activity_at.0, 1_600_000_200_000, "its newest message");
    }
    Ok(())
}
