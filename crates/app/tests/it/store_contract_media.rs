//! The contract of media: rows that follow their messages, wishes that are jobs, objects that leave only unneeded.

use anyhow::Context;
use threadkeep::store::{
    AttachmentName, AttachmentState, JobEnd, JobState, MediaCommit, MediaCommitted, MediaOutcome, MediaPolicy,
    MediaTask, NewAttachment, SealedSession, StoreError, StoredObject, url_digest,
};
use threadkeep_core::content::Content;
use threadkeep_core::id::{ConversationId, MessageId};
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{
    LEASE_MS, NOW, Worker, account_id, batch, conversation, delta, listed, message, sealed, spoken,
};

crate::on_both_databases!(
    attachments_have_rows_and_other_contents_have_none,
    a_renewed_link_keeps_the_copy_and_another_thing_does_not,
    a_message_that_goes_takes_its_attachments_along,
    a_wish_is_a_job_that_grows_into_a_sync,
    what_was_given_up_is_asked_for_anew_only_by_whoever_says_so,
    what_somebody_waits_for_goes_first,
    a_lost_lease_writes_no_attachment,
    a_session_that_a_file_renewed_is_kept_with_its_date,
    an_object_leaves_only_when_nothing_refers_to_it,
    an_expected_object_does_not_leave,
    files_that_are_asked_for_are_due_when_the_first_one_is,
    a_new_link_forgets_why_the_old_one_was_given_up,
    a_failure_is_tried_again_at_its_time,
    what_came_by_an_old_link_does_not_settle_the_new_one,
    a_new_link_lets_a_failure_be_tried_at_once,
    a_run_hears_that_somebody_asks_for_files,
    what_came_is_not_waited_for_and_keeps_the_gap,
    off_forgets_what_was_asked_for,
    old_messages_get_their_rows_when_a_database_is_opened,
);

fn photo(asset: &str, url: &str) -> Content {
    Content::Image { asset: Some(asset.into()), url: Some(format!("https://www.linkedin.com/dms/prv/{url}")) }
}

fn carrying(name: &str, content: Vec<Content>) -> anyhow::Result<MessageSeen> {
    Ok(MessageSeen { content: Some(content), ..message("talk", name, 10, "text")? })
}

async fn talk(db: &Database, messages: Vec<MessageSeen>) -> anyhow::Result<Worker> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("talk", 20, "Mara")?])).await?;
    worker.commit(&spoken(messages)).await?;
    Ok(worker)
}

fn object(hash: &str) -> StoredObject {
    StoredObject { hash: hash.into(), size_bytes: 7, media_type: "image/png".into() }
}

impl Worker {
    /// Settles what is due first.
    async fn settle_next(&self, outcome: &MediaOutcome) -> anyhow::Result<(MediaTask, MediaCommitted)> {
        let task = self.store.next_media(&self.lease, true, NOW).await?.context("nothing is due")?;
        let committed = self.settle(&task, outcome).await?;
        Ok((task, committed))
    }

    async fn settle(&self, task: &MediaTask, outcome: &MediaOutcome) -> Result<MediaCommitted, StoreError> {
        self.store.commit_media(&self.unwritten(task, outcome)).await
    }

    fn unwritten<'a>(&'a self, task: &'a MediaTask, outcome: &'a MediaOutcome) -> MediaCommit<'a> {
        MediaCommit {
            lease: &self.lease,
            task,
            outcome,
            sealed_session: None,
            next_request_at: NOW,
            lease_until: NOW.plus_ms(LEASE_MS),
            progress: &self.progress,
            now: NOW,
        }
    }

    async fn store_next(&self, hash: &str) -> anyhow::Result<MediaTask> {
        assert!(self.store.expect_object(&object(hash), NOW.plus_ms(LEASE_MS)).await?);
        let outcome = MediaOutcome::Stored { object: object(hash), name: Some("a.png".into()) };
        let (task, committed) = self.settle_next(&outcome).await?;
        assert!(committed.is_written);
        Ok(task)
    }

    async fn states(&self) -> anyhow::Result<Vec<(Option<MessageId>, u32, AttachmentState)>> {
        let rows = self.store.attachments_page(self.account(), None, 0, 100).await?;
        Ok(rows.into_iter().map(|row| (row.message, row.ordinal, row.state)).collect())
    }
}

async fn attachments_have_rows_and_other_contents_have_none(db: &Database) -> anyhow::Result<()> {
    let contents = vec![Content::Unavailable, photo("a", "a?t=1"), Content::Away { text: None }, photo("b", "b?t=1")];
    let worker = talk(db, vec![carrying("m1", contents)?, message("talk", "m2", 11, "no file")?]).await?;
    let id = MessageId::new("2-m1")?;
    let both = [(Some(id.clone()), 0, AttachmentState::Remote), (Some(id.clone()), 1, AttachmentState::Remote)];
    assert_eq!(worker.states().await?, both);
    let found = worker.store.attachments(worker.account(), &[MessageId::new("2-m2")?, id.clone()]).await?;
    assert_eq!(found.iter().map(|row| row.ordinal).collect::<Vec<_>>(), [0, 1]);
    // The parameters of a link are a signature and name nothing.
    let link = "https://www.linkedin.com/dms/prv/b?t=other";
    let by_link = worker.store.attachment(worker.account(), AttachmentName::Url(link)).await?.context("by link")?;
    assert_eq!(by_link.ordinal, 1);
    assert_ne!(url_digest(link), url_digest("https://www.linkedin.com/dms/prv/c"));
    let elsewhere = worker.store.attachment(&account_id(2)?, AttachmentName::Url(link)).await?;
    assert!(elsewhere.is_none(), "another account has nothing of it");
    let counts = worker.store.media_counts(worker.account()).await?;
    assert_eq!((counts.remote, counts.remaining(), counts.stored), (2, 2, 0));
    Ok(())
}

async fn a_renewed_link_keeps_the_copy_and_another_thing_does_not(db: &Database) -> anyhow::Result<()> {
    let mut worker = talk(db, vec![carrying("m1", vec![photo("a", "a?t=1"), photo("b", "b?t=1")])?]).await?;
    worker.store_next("aa").await?;
    worker.settle_next(&MediaOutcome::Gone).await?;
    worker.commit(&spoken(vec![carrying("m1", vec![photo("a", "a?t=2"), photo("b", "b?t=2")])?])).await?;
    let rows = worker.store.attachments_page(worker.account(), None, 0, 10).await?;
    let seen: Vec<_> =
        rows.iter().map(|row| (row.state, row.url.as_deref().is_some_and(|url| url.ends_with("t=2")))).collect();
    assert_eq!(seen, [(AttachmentState::Stored, true), (AttachmentState::Remote, true)], "a new link is a new chance");
    assert_eq!(rows[0].name.as_deref(), Some("a.png"));

    let other = MessageSeen { format: Some(MessageFormat::Edited), ..carrying("m1", vec![photo("z", "z?t=1")])? };
    worker.commit(&delta(spoken(vec![other]))).await?;
    assert_eq!(worker.states().await?, [(Some(MessageId::new("2-m1")?), 0, AttachmentState::Remote)]);
    assert_eq!(worker.store.leaving_objects(10, NOW).await?, ["aa"]);
    Ok(())
}

async fn a_message_that_goes_takes_its_attachments_along(db: &Database) -> anyhow::Result<()> {
    let messages = vec![
        carrying("m1", vec![photo("a", "a")])?,
        carrying("m2", vec![photo("b", "b")])?,
        carrying("m3", vec![photo("c", "c")])?,
    ];
    let mut worker = talk(db, messages).await?;
    for hash in ["aa", "bb", "cc"] {
        worker.store_next(hash).await?;
    }
    let mut gone = delta(batch());
    gone.deleted_messages = vec![MessageId::new("2-m1")?];
    worker.commit(&gone).await?;
    let recalled = MessageSeen { format: Some(MessageFormat::Recalled), ..carrying("m2", Vec::new())? };
    worker.commit(&delta(spoken(vec![recalled]))).await?;
    assert_eq!(worker.states().await?, [(Some(MessageId::new("2-m3")?), 0, AttachmentState::Stored)]);
    let mut gone = delta(batch());
    gone.deleted_conversations = vec![ConversationId::new("2-talk")?];
    worker.commit(&gone).await?;
    assert!(worker.states().await?.is_empty());
    let mut leaving = worker.store.leaving_objects(10, NOW).await?;
    leaving.sort();
    assert_eq!(leaving.len(), 3);
    Ok(())
}

async fn a_wish_is_a_job_that_grows_into_a_sync(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a")])?]).await?;
    let account = worker.account().clone();
    worker.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?;
    let wanted = NewAttachment::link("https://media.licdn.com/dms/image/x?t=1");
    let row = db.store.want(&account, &wanted, false, NOW).await?;
    assert_eq!((row.state, row.is_asked, row.message), (AttachmentState::Wanted, true, None));
    let again = db.store.want(&account, &wanted, false, NOW.plus_ms(1)).await?;
    assert_eq!(again.pk, row.pk, "one row for one link");
    assert_eq!(db.store.jobs(&account, 10).await?.len(), 1, "it is no sync");
    assert_eq!(db.store.media_jobs(&account, 10).await?.len(), 1);

    let claimed = db.store.claim(Some(&account), "tester", NOW, NOW.plus_ms(LEASE_MS)).await?.context("a job")?;
    assert!(claimed.job.media_only);
    let (sync, joined) = db.store.enqueue_sync(&account, false, NOW.plus_ms(2)).await?;
    assert_eq!((sync.id, joined, sync.media_only), (claimed.job.id, false, false), "an account has one job");
    assert_eq!(sync.started_at, Some(NOW.plus_ms(2)), "a run of its own, which asks for what is new");
    db.store.finish(&claimed.lease, &JobEnd::MediaDone, &claimed.job.progress, NOW.plus_ms(3)).await?;
    let goes_on = db.store.job(sync.id).await?.context("the job")?;
    assert_eq!((goes_on.state, goes_on.media_only), (JobState::Waiting, false), "the sync is still to be done");
    assert_eq!(db.store.account(&account).await?.context("it")?.last_sync_at, Some(NOW));
    Ok(())
}

async fn what_was_given_up_is_asked_for_anew_only_by_whoever_says_so(db: &Database) -> anyhow::Result<()> {
    let contents = ["a", "b", "c"].map(|name| photo(name, &format!("{name}?t=1")));
    let worker = talk(db, vec![carrying("m1", contents.into())?]).await?;
    let account = worker.account().clone();
    let outcomes = [
        (0, MediaOutcome::Gone, AttachmentState::Gone),
        (1, MediaOutcome::Refused { code: "media_too_large" }, AttachmentState::Refused),
        (2, MediaOutcome::Failed { code: "media_timeout", not_before: None }, AttachmentState::Failed),
    ];
    let wanted = |ordinal: u32, signature: &str| {
        let name = ["a", "b", "c"][ordinal as usize];
        let link = NewAttachment::link(&format!("https://www.linkedin.com/dms/prv/{name}?t={signature}"));
        anyhow::Ok(NewAttachment { message: Some(MessageId::new("2-m1")?), ordinal, ..link })
    };
    for (ordinal, outcome, state) in outcomes {
        worker.settle_next(&outcome).await?;
        let again = db.store.want(&account, &wanted(ordinal, "1")?, false, NOW).await?;
        let is_tried = state == AttachmentState::Failed;
        assert_eq!(again.state == AttachmentState::Wanted, is_tried, "{outcome:?}");
        let anew = db.store.want(&account, &wanted(ordinal, "1")?, true, NOW).await?;
        assert_eq!(
            (anew.state, anew.is_asked, anew.failure_code, anew.tries),
            (AttachmentState::Wanted, true, None, 0)
        );
        let newer = db.store.want(&account, &wanted(ordinal, "2")?, false, NOW).await?;
        assert_eq!((newer.pk, newer.url), (anew.pk, anew.url), "its message will tell the newer link");
        worker.settle_next(&outcome).await?;
    }
    // A link by itself has only those who ask.
    let link = |signature: u32| NewAttachment::link(&format!("https://www.linkedin.com/dms/prv/alone?t={signature}"));
    let alone = db.store.want(&account, &link(1), false, NOW).await?;
    worker.settle_next(&MediaOutcome::Gone).await?;
    let newer = db.store.want(&account, &link(2), false, NOW).await?;
    assert_eq!((newer.pk, newer.url, newer.state), (alone.pk, link(2).url, AttachmentState::Wanted));
    worker.store_next("aa").await?;
    let kept = db.store.want(&account, &link(3), false, NOW).await?;
    assert_eq!((kept.url, kept.state), (link(2).url, AttachmentState::Stored), "it is here");
    Ok(())
}

async fn what_somebody_waits_for_goes_first(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a"), photo("b", "b"), photo("c", "c")])?]).await?;
    let account = worker.account().clone();
    assert!(worker.store.next_media(&worker.lease, false, NOW).await?.is_none());
    let message = MessageId::new("2-m1")?;
    let place = NewAttachment { message: Some(message.clone()), ordinal: 1, ..NewAttachment::link("x") };
    worker.store.want(&account, &place, false, NOW).await?;
    let task = worker.store.next_media(&worker.lease, false, NOW).await?.context("the wish")?;
    assert_eq!(task.attachment.ordinal, 1);
    assert_eq!(task.origin, Some((ConversationId::new("2-talk")?, Timestamp(10))));
    assert_eq!(worker.store.media_due_at(&account).await?, Some(NOW));
    // When the sync ends without having come to it, a job of its own is made.
    worker.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?;
    worker.store.enqueue_media(&account, NOW).await?;
    worker.store.enqueue_media(&account, NOW).await?;
    assert_eq!(worker.store.media_jobs(&account, 10).await?.len(), 1);
    let claimed = worker.store.claim(Some(&account), "tester", NOW, NOW.plus_ms(LEASE_MS)).await?.context("it")?;
    let worker = Worker { lease: claimed.lease, ..worker };
    worker.settle(&task, &MediaOutcome::Gone).await?;
    assert_eq!(worker.store.media_due_at(&account).await?, None);
    worker.store.enqueue_media(&account, NOW).await?;
    assert!(worker.store.next_media(&worker.lease, false, NOW).await?.is_none());
    let rest = worker.store.next_media(&worker.lease, true, NOW).await?.context("the rest")?;
    assert_eq!(rest.attachment.ordinal, 0);
    Ok(())
}

async fn a_lost_lease_writes_no_attachment(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a")])?]).await?;
    let task = worker.store.next_media(&worker.lease, true, NOW).await?.context("a task")?;
    let later = NOW.plus_ms(LEASE_MS);
    db.store.claim(None, "other", later, later.plus_ms(LEASE_MS)).await?.context("taken over")?;
    let lost = worker.settle(&task, &MediaOutcome::Gone).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
    assert!(matches!(worker.store.prolong(&worker.lease, later).await, Err(StoreError::LeaseLost)));
    assert!(worker.store.next_media(&worker.lease, true, NOW).await?.is_none());
    assert_eq!(worker.states().await?[0].2, AttachmentState::Remote);
    Ok(())
}

async fn an_object_leaves_only_when_nothing_refers_to_it(db: &Database) -> anyhow::Result<()> {
    let mut worker =
        talk(db, vec![carrying("m1", vec![photo("a", "a")])?, carrying("m2", vec![photo("b", "b")])?]).await?;
    worker.store_next("same").await?;
    worker.store_next("same").await?;
    let mut gone = delta(batch());
    gone.deleted_messages = vec![MessageId::new("2-m1")?];
    worker.commit(&gone).await?;
    assert!(worker.store.leaving_objects(10, NOW).await?.is_empty(), "the other message has it");
    gone.deleted_messages = vec![MessageId::new("2-m2")?];
    worker.commit(&gone).await?;
    assert_eq!(worker.store.leaving_objects(10, NOW).await?, ["same"]);
    // While it leaves, nobody may come to refer to it; whoever removes it may crash and begin again.
    assert!(!worker.store.expect_object(&object("same"), NOW.plus_ms(1)).await?);
    assert_eq!(worker.store.leaving_objects(10, NOW).await?, ["same"]);
    assert!(!worker.store.disown_object(&object("same")).await?, "it is known");
    worker.store.forget_object("same").await?;
    assert!(worker.store.leaving_objects(10, NOW).await?.is_empty());
    assert!(worker.store.disown_object(&object("strange")).await?, "nobody knows it");
    assert_eq!(worker.store.leaving_objects(10, NOW).await?, ["strange"]);
    Ok(())
}

async fn an_expected_object_does_not_leave(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a")])?]).await?;
    assert!(worker.store.expect_object(&object("aa"), NOW.plus_ms(5)).await?);
    assert!(worker.store.leaving_objects(10, NOW.plus_ms(4)).await?.is_empty());
    assert!(worker.store.expect_object(&object("aa"), NOW.plus_ms(8)).await?);
    assert!(worker.store.leaving_objects(10, NOW.plus_ms(7)).await?.is_empty(), "it is announced anew");
    assert_eq!(worker.store.leaving_objects(10, NOW.plus_ms(8)).await?, ["aa"], "its worker died");
    assert!(worker.store.expect_object(&object("bb"), NOW.plus_ms(8)).await?);
    worker.store.forget_object("bb").await?;
    assert_eq!(worker.store.leaving_objects(10, NOW.plus_ms(8)).await?, ["aa", "bb"], "only what leaves is forgotten");
    let stored = MediaOutcome::Stored { object: object("aa"), name: None };
    let (_, committed) = worker.settle_next(&stored).await?;
    assert!(!committed.is_written, "what leaves cannot be referred to");
    assert_eq!(worker.states().await?[0].2, AttachmentState::Remote);
    worker.store.forget_object("aa").await?;
    worker.store_next("aa").await?;
    worker.store.lose_object("aa").await?;
    assert_eq!(worker.states().await?[0].2, AttachmentState::Remote, "it is fetched again");
    Ok(())
}

async fn files_that_are_asked_for_are_due_when_the_first_one_is(db: &Database) -> anyhow::Result<()> {
    let failed = |after| MediaOutcome::Failed { code: "media_timeout", not_before: Some(NOW.plus_ms(after)) };
    for number in [2, 1, 3] {
        let mut worker = Worker::new(&db.store, number).await?;
        worker.commit(&listed(vec![conversation("talk", 20, "Mara")?])).await?;
        let files = vec![photo("a", "a"), photo("b", "b"), photo("c", "c")];
        worker.commit(&spoken(vec![carrying("m1", files)?])).await?;
        assert_eq!(worker.store.want_all(worker.account(), &[AttachmentState::Remote], NOW).await?, 3);
        for after in [40, 20, 30] {
            worker.settle_next(&failed(after + i64::from(number))).await?;
        }
        worker.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?;
    }
    let account = account_id(1)?;
    db.store.enqueue_media(&account, NOW).await?;
    db.store.enqueue_media(&account, NOW).await?;
    assert_eq!(db.count("SELECT COUNT(*) FROM jobs WHERE state = 'queued'").await?, 1, "one, for this account");
    let job = db.store.media_jobs(&account, 10).await?.remove(0);
    assert_eq!((job.state, job.not_before), (JobState::Queued, NOW.plus_ms(21)));
    assert_eq!(db.store.media_due_at(&account).await?, Some(NOW.plus_ms(21)));
    Ok(())
}

async fn a_new_link_forgets_why_the_old_one_was_given_up(db: &Database) -> anyhow::Result<()> {
    let files = |signature: &str| {
        let one = |name: &str| photo(name, &format!("{name}?t={signature}"));
        carrying("m1", ["a", "b", "c"].map(one).into())
    };
    let mut worker = talk(db, vec![files("1")?]).await?;
    worker.settle_next(&MediaOutcome::Gone).await?;
    worker.settle_next(&MediaOutcome::Refused { code: "media_too_large" }).await?;
    worker.settle_next(&MediaOutcome::Failed { code: "media_timeout", not_before: None }).await?;
    worker.commit(&spoken(vec![files("2")?])).await?;
    let rows = worker.store.attachments_page(worker.account(), None, 0, 10).await?;
    let told: Vec<_> = rows.iter().map(|row| (row.state, row.failure_code.as_deref(), row.tries)).collect();
    let failed = (AttachmentState::Failed, Some("media_timeout"), 0);
    assert_eq!(told, [(AttachmentState::Remote, None, 0), (AttachmentState::Remote, None, 0), failed]);
    assert!(worker.store.next_media(&worker.lease, true, NOW).await?.is_some());
    Ok(())
}

async fn a_failure_is_tried_again_at_its_time(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a")])?]).await?;
    let account = worker.account().clone();
    let again = NOW.plus_ms(9);
    let failed = MediaOutcome::Failed { code: "media_timeout", not_before: Some(again) };
    worker.settle_next(&failed).await?;
    assert!(worker.store.next_media(&worker.lease, true, NOW).await?.is_none());
    let task = worker.store.next_media(&worker.lease, true, again).await?.context("due")?;
    assert_eq!((task.attachment.tries, task.attachment.failure_code.as_deref()), (1, Some("media_timeout")));
    worker.settle(&task, &MediaOutcome::Failed { code: "media_timeout", not_before: None }).await?;
    assert!(worker.store.next_media(&worker.lease, true, again.plus_ms(1_000_000)).await?.is_none());
    assert_eq!(worker.store.want_all(&account, &[AttachmentState::Failed], NOW).await?, 1);
    let task = worker.store.next_media(&worker.lease, false, NOW).await?.context("asked for")?;
    assert_eq!(task.attachment.tries, 0);
    worker.settle(&task, &MediaOutcome::Refused { code: "media_too_large" }).await?;
    assert_eq!(worker.store.want_all(&account, &[AttachmentState::Remote], NOW).await?, 0);
    Ok(())
}

async fn what_came_by_an_old_link_does_not_settle_the_new_one(db: &Database) -> anyhow::Result<()> {
    let mut worker = talk(db, vec![carrying("m1", vec![photo("a", "a?t=1")])?]).await?;
    let task = worker.store.next_media(&worker.lease, true, NOW).await?.context("a task")?;
    worker.commit(&spoken(vec![carrying("m1", vec![photo("a", "moved?t=1")])?])).await?;
    for outcome in [MediaOutcome::Refused { code: "media_too_large" }, MediaOutcome::Gone] {
        worker.settle(&task, &outcome).await?;
        assert_eq!(worker.states().await?[0].2, AttachmentState::Remote, "{outcome:?}");
    }
    Ok(())
}

async fn a_new_link_lets_a_failure_be_tried_at_once(db: &Database) -> anyhow::Result<()> {
    let mut worker = talk(db, vec![carrying("m1", vec![photo("a", "a?t=1")])?]).await?;
    let failed = MediaOutcome::Failed { code: "media_timeout", not_before: Some(NOW.plus_ms(9)) };
    worker.settle_next(&failed).await?;
    assert!(worker.store.next_media(&worker.lease, true, NOW).await?.is_none());
    worker.commit(&spoken(vec![carrying("m1", vec![photo("a", "a?t=2")])?])).await?;
    let task = worker.store.next_media(&worker.lease, true, NOW).await?.context("due")?;
    assert_eq!(task.attachment.tries, 0);
    Ok(())
}

async fn a_run_hears_that_somebody_asks_for_files(db: &Database) -> anyhow::Result<()> {
    let mut worker = talk(db, vec![carrying("m1", vec![photo("a", "a"), photo("b", "b")])?]).await?;
    Worker::new(&db.store, 2).await?;
    let (own, other) = (worker.account().clone(), account_id(2)?);
    let asks = async |worker: &mut Worker| anyhow::Ok(worker.commit(&batch()).await?.media_asks);
    let mut before = asks(&mut worker).await?;
    let link = NewAttachment::link("https://media.licdn.com/dms/image/x?t=1");
    for (account, is_heard) in [(&own, true), (&other, false)] {
        db.store.want(account, &link, false, NOW).await?;
        db.store.want_all(account, &[AttachmentState::Remote], NOW).await?;
        let after = asks(&mut worker).await?;
        assert_eq!(after - before, if is_heard { 2 } else { 0 }, "{account}");
        before = after;
    }
    Ok(())
}

async fn what_came_is_not_waited_for_and_keeps_the_gap(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a")])?]).await?;
    let account = worker.account().clone();
    assert_eq!(worker.store.want_all(&account, &[AttachmentState::Remote], NOW).await?, 1);
    assert!(worker.store.expect_object(&object("aa"), NOW.plus_ms(LEASE_MS)).await?);
    let task = worker.store.next_media(&worker.lease, false, NOW).await?.context("the wish")?;
    let outcome = MediaOutcome::Stored { object: object("aa"), name: None };
    let step = MediaCommit { next_request_at: NOW.plus_ms(5), ..worker.unwritten(&task, &outcome) };
    assert!(worker.store.commit_media(&step).await?.is_written);
    let row = &worker.store.attachments_page(&account, None, 0, 10).await?[0];
    assert_eq!((row.state, row.is_asked), (AttachmentState::Stored, false));
    assert_eq!(worker.store.media_due_at(&account).await?, None);
    let kept = worker.store.work_state(&worker.lease).await?.account;
    assert_eq!(kept.next_request_at, NOW.plus_ms(5));
    Ok(())
}

async fn off_forgets_what_was_asked_for(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a")])?]).await?;
    let account = worker.account().clone();
    worker.store.want_all(&account, &[AttachmentState::Remote], NOW).await?;
    assert!(worker.store.set_media_policy(&account, MediaPolicy::Off).await?);
    assert_eq!(worker.store.account(&account).await?.context("it")?.media_policy, MediaPolicy::Off);
    assert_eq!(
        (worker.store.media_due_at(&account).await?, worker.states().await?[0].2),
        (None, AttachmentState::Remote)
    );
    assert!(!worker.store.set_media_policy(&account_id(9)?, MediaPolicy::Off).await?);
    Ok(())
}

async fn old_messages_get_their_rows_when_a_database_is_opened(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a"), photo("b", "b")])?]).await?;
    worker.store_next("aa").await?;
    // As a database is that was written before there were attachments, but for one row.
    db.raw("DELETE FROM attachments WHERE ordinal = 1").await?;
    db.raw("DELETE FROM settings WHERE name = 'attachments_filled'").await?;
    let opened = db.second().await?;
    let id = MessageId::new("2-m1")?;
    let states = [(Some(id.clone()), 0, AttachmentState::Stored), (Some(id), 1, AttachmentState::Remote)];
    assert_eq!(worker.states().await?, states);
    opened.close().await;
    Ok(())
}

async fn a_session_that_a_file_renewed_is_kept_with_its_date(db: &Database) -> anyhow::Result<()> {
    let worker = talk(db, vec![carrying("m1", vec![photo("a", "a")])?]).await?;
    let renewed = SealedSession { login_expires_at: Some(NOW.plus_ms(9)), ..sealed(&[9]) };
    let task = worker.store.next_media(&worker.lease, true, NOW).await?.context("a task")?;
    let step = MediaCommit { sealed_session: Some(&renewed), ..worker.unwritten(&task, &MediaOutcome::Gone) };
    worker.store.commit_media(&step).await?;
    worker.store.commit_media(&worker.unwritten(&task, &MediaOutcome::Gone)).await?;
    let account = worker.store.account(worker.account()).await?.context("the account")?;
    assert_eq!(account.login_expires_at, Some(NOW.plus_ms(9)));
    assert_eq!(worker.store.sealed_session(worker.account()).await?, Some(vec![9]));
    Ok(())
}
