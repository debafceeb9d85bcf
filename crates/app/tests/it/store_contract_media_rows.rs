//! The contract of a file's row: each outcome writes all that it tells, into the row of that file and no other.
//!
//! Another message has the same file by the same link; only bytes that came are for both.

use anyhow::{Context, Result};
use threadkeep::store::{AttachmentRow, MediaCommit, MediaOutcome, MediaPolicy};
use threadkeep_core::message::MessageSeen;

use crate::store_database::Database;
use crate::store_fixture::{LEASE_MS, NOW, Worker, conversation, listed, message, spoken};
use crate::store_neighbourhood::{object, photo};

crate::on_both_databases!(
    each_outcome_writes_the_row_of_its_file,
    bytes_that_came_are_for_all_with_their_link,
    bytes_that_are_lost_are_fetched_again,
    off_forgets_what_is_waited_for_and_nothing_else,
);

/// A row in which everything is told that an outcome may change.
const TOLD: &str = "state = 'failed' AND failure_code = 'media_timeout' AND not_before = 5 AND tries = 2 AND asked_at = 3 \
     AND renewal = 'due' AND object_hash IS NULL AND media_type IS NULL AND size_bytes IS NULL AND fetched_at IS NULL";
/// Makes every row one of these.
const TELL: &str = "UPDATE attachments SET state = 'failed', failure_code = 'media_timeout', not_before = 5, tries = 2, \
     asked_at = 3, renewal = 'due', object_hash = NULL, media_type = NULL, size_bytes = NULL, fetched_at = NULL, name = NULL";

/// Two messages with two files each; the first file of both is the same.
async fn shared(db: &Database) -> Result<Worker> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("talk", 20, "Mara")?])).await?;
    let carrying = |name: &str, other: &str| {
        let content = Some(vec![photo("same", "1"), photo(other, "1")]);
        anyhow::Ok(MessageSeen { content, ..message("talk", name, 10, "text")? })
    };
    worker.commit(&spoken(vec![carrying("m1", "one")?, carrying("m2", "two")?])).await?;
    db.raw(TELL).await?;
    Ok(worker)
}

/// Writes what came of the file that is next, and gives its row as it was.
async fn settle(worker: &Worker, outcome: &MediaOutcome) -> Result<AttachmentRow> {
    let task = worker.store.next_media(&worker.lease, true, NOW).await?.context("nothing is due")?;
    let commit = MediaCommit {
        lease: &worker.lease,
        task: &task,
        outcome,
        sealed_session: None,
        next_request_at: NOW,
        lease_until: NOW.plus_ms(LEASE_MS),
        progress: &worker.progress,
        now: NOW,
    };
    assert!(worker.store.commit_media(&commit).await?.is_written);
    Ok(task.attachment)
}

async fn count(db: &Database, which: &str) -> Result<i64> {
    db.count(&format!("SELECT COUNT(*) FROM attachments WHERE {which}")).await
}

async fn each_outcome_writes_the_row_of_its_file(db: &Database) -> Result<()> {
    let worker = shared(db).await?;
    let nothing_kept = "object_hash IS NULL AND media_type IS NULL AND size_bytes IS NULL AND fetched_at IS NULL";
    let over = "asked_at IS NULL AND not_before IS NULL AND tries = 2 AND renewal = 'none'";
    let again = MediaOutcome::Failed { code: "media_unavailable", not_before: Some(NOW) };
    let never = MediaOutcome::Failed { code: "media_unavailable", not_before: None };
    let failed = "state = 'failed' AND failure_code = 'media_unavailable' AND tries = 3 AND renewal = 'due'";
    let unchanged =
        "state = 'failed' AND failure_code = 'media_timeout' AND not_before = 5 AND tries = 2 AND asked_at = 3";
    let outcomes = [
        (MediaOutcome::Gone, format!("state = 'gone' AND failure_code = 'media_gone' AND {over}")),
        (
            MediaOutcome::Refused { code: "media_too_large" },
            format!("state = 'refused' AND failure_code = 'media_too_large' AND {over}"),
        ),
        (again, format!("{failed} AND not_before = {} AND asked_at = 3", NOW.0)),
        (never, format!("{failed} AND not_before IS NULL AND asked_at IS NULL")),
        (MediaOutcome::LinkRenewed, format!("{unchanged} AND renewal = 'done'")),
    ];
    for (outcome, wanted) in outcomes {
        db.raw(TELL).await?;
        let row = settle(&worker, &outcome).await?;
        let (own, others) = (format!("pk = {}", row.pk), format!("pk <> {}", row.pk));
        assert_eq!(count(db, &format!("{own} AND {wanted} AND {nothing_kept}")).await?, 1, "{outcome:?}");
        assert_eq!(count(db, &format!("{others} AND {TOLD}")).await?, 3, "{outcome:?}");
    }
    db.raw(TELL).await?;
    db.raw("UPDATE attachments SET renewal = 'none'").await?;
    let row = settle(&worker, &MediaOutcome::LinkExpired).await?;
    assert_eq!(count(db, &format!("pk = {} AND {unchanged} AND renewal = 'due'", row.pk)).await?, 1);
    assert_eq!(count(db, "renewal = 'due'").await?, 1, "another message has the same link, and is asked by itself");
    settle(&worker, &MediaOutcome::LinkRenewed).await?;
    assert_eq!(count(db, "renewal = 'done'").await?, 1);
    Ok(())
}

async fn bytes_that_came_are_for_all_with_their_link(db: &Database) -> Result<()> {
    let worker = shared(db).await?;
    assert!(db.store.expect_object(&object("aa"), NOW.plus_ms(LEASE_MS)).await?);
    let outcome = MediaOutcome::Stored { object: object("aa"), name: Some("a.png".into()) };
    let row = settle(&worker, &outcome).await?;
    let stored = format!(
        "state = 'stored' AND object_hash = 'aa' AND media_type = 'image/png' AND size_bytes = 7 AND fetched_at = {} \
         AND asked_at IS NULL AND not_before IS NULL AND failure_code IS NULL AND renewal = 'none'",
        NOW.0
    );
    assert_eq!(row.ordinal, 0, "the one that both have");
    assert_eq!(count(db, &format!("pk = {} AND {stored} AND name = 'a.png'", row.pk)).await?, 1);
    assert_eq!(count(db, &format!("pk <> {} AND ordinal = 0 AND {stored}", row.pk)).await?, 1);
    assert_eq!(count(db, &format!("ordinal = 1 AND {TOLD}")).await?, 2, "other files wait on");
    Ok(())
}

async fn bytes_that_are_lost_are_fetched_again(db: &Database) -> Result<()> {
    let worker = shared(db).await?;
    for hash in ["aa", "bb"] {
        assert!(db.store.expect_object(&object(hash), NOW.plus_ms(LEASE_MS)).await?);
        settle(&worker, &MediaOutcome::Stored { object: object(hash), name: None }).await?;
    }
    db.raw("UPDATE attachments SET tries = 2, renewal = 'done'").await?;
    db.store.lose_object("aa").await?;
    let fetched_again = "state = 'remote' AND object_hash IS NULL AND media_type IS NULL AND size_bytes IS NULL \
         AND fetched_at IS NULL AND renewal = 'none' AND tries = 0";
    assert_eq!(count(db, &format!("ordinal = 0 AND {fetched_again}")).await?, 2);
    assert_eq!(count(db, "state = 'stored' AND object_hash = 'bb' AND tries = 2 AND renewal = 'done'").await?, 1);
    Ok(())
}

async fn off_forgets_what_is_waited_for_and_nothing_else(db: &Database) -> Result<()> {
    let worker = shared(db).await?;
    db.raw("UPDATE attachments SET asked_at = NULL WHERE ordinal = 1").await?;
    assert!(db.store.set_media_policy(worker.account(), MediaPolicy::Off).await?);
    let forgotten = "state = 'remote' AND asked_at IS NULL AND not_before IS NULL AND renewal = 'none'";
    assert_eq!(count(db, &format!("ordinal = 0 AND {forgotten}")).await?, 2);
    assert_eq!(count(db, "ordinal = 1 AND state = 'failed' AND not_before = 5 AND renewal = 'due'").await?, 2);
    Ok(())
}
