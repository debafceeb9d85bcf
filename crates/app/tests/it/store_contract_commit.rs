//! The contract of the one write of a sync: all of a step or nothing, and nothing twice.

use std::collections::BTreeSet;

use threadkeep::store::{MessageFilter, OpenOptions, Reads, SealedSession, SharedStore, StoreError, open};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::message::MessageFormat;
use threadkeep_core::page::{Oddity, SyncToken};
use threadkeep_core::sync::track::{Completeness, ConversationTrack, Need};
use threadkeep_core::sync::{Batch, FailureCode, Health, Hold, HoldReason, RunFailure};
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{
    NOW, Worker, batch, conversation, conversation_id, delta, listed, message, message_id, person, person_id, spoken,
};

crate::on_both_databases!(
    a_page_is_kept_and_told_once,
    a_lost_lease_writes_nothing,
    events_have_no_gap_and_one_for_each_version,
    a_changed_conversation_is_told_once,
    a_stale_page_changes_nothing,
    edits_keep_the_earlier_text,
    what_is_due_comes_with_the_commit,
    a_finished_conversation_is_counted_once,
    a_deleted_conversation_leaves_its_track,
    deletions_are_kept_and_counted,
    a_dead_session_is_told_once,
    a_hold_passes,
    oddities_are_kept_once_and_bounded,
    a_message_of_an_unlisted_thread_makes_the_thread,
    strange_characters_come_back_as_they_were,
    thousands_of_records_fit_into_one_commit,
    a_full_disk_is_an_error_that_changes_nothing,
    a_renewed_session_is_kept,
);

const EVENTS: &str = "SELECT COUNT(*) FROM events";

async fn messages(worker: &Worker, name: &str) -> anyhow::Result<Vec<threadkeep_core::message::Message>> {
    let reads: &dyn Reads = &*worker.store;
    Ok(reads.messages(worker.account(), &conversation_id(name)?, &MessageFilter::default(), 5_000).await?)
}

async fn a_page_is_kept_and_told_once(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.messages = vec![message("a", "m1", 20, "hello")?, message("a", "m2", 20, "again")?];
    page.people = vec![person("Owner")?, person("Ben")?, person("Ben")?];
    page.inbox.token = Some(SyncToken("mark".into()));
    let first = worker.commit(&page).await?;
    assert_eq!(first.events, 3);
    let counted = (first.progress.messages_new, first.progress.conversations_changed, first.progress.messages_changed);
    assert_eq!(counted, (2, 1, 0));
    let again = worker.commit(&page).await?;
    assert_eq!((again.events, &again.progress), (0, &first.progress));
    assert_eq!(db.count(EVENTS).await?, 3);
    let state = db.store.work_state(&worker.lease).await?;
    assert_eq!(state.account.inbox, page.inbox);
    let kept = messages(&worker, "a").await?;
    let shown: Vec<_> = kept.iter().map(|one| (one.id.as_str(), one.body.as_str(), one.version)).collect();
    assert_eq!(shown, [("2-m2", "again", 1), ("2-m1", "hello", 1)]);
    assert_eq!(db.store.overview(worker.account()).await?.messages, 2);
    Ok(())
}

async fn a_lost_lease_writes_nothing(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let later = NOW.plus_ms(120_000);
    let second = db.second().await?;
    let taken = second.claim(None, "tester", later, later.plus_ms(60_000)).await?;
    assert!(taken.is_some_and(|taken| taken.lease.epoch > worker.lease.epoch));
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.messages = vec![message("a", "m1", 20, "hello")?];
    page.inbox.token = Some(SyncToken("mark".into()));
    let mut step = worker.step(&page);
    let renewed = SealedSession { sealed: vec![9], login_expires_at: Some(NOW) };
    step.sealed_session = Some(&renewed);
    assert!(matches!(db.store.commit(&step).await, Err(StoreError::LeaseLost)));
    assert!(matches!(db.store.work_state(&worker.lease).await, Err(StoreError::LeaseLost)));
    for table in ["messages", "conversations", "events", "tracks"] {
        assert_eq!(db.count(&format!("SELECT COUNT(*) FROM {table}")).await?, 0, "{table}");
    }
    let account = db.store.account(worker.account()).await?;
    assert!(account.is_some_and(|account| account.inbox.token.is_none() && account.login_expires_at.is_none()));
    assert_eq!(db.store.sealed_session(worker.account()).await?, Some(vec![1, 2, 3]));
    worker.lease.epoch += 1;
    worker.commit(&page).await?;
    second.close().await;
    Ok(())
}

async fn events_have_no_gap_and_one_for_each_version(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut other = Worker::new(&db.store, 2).await?;
    worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?;
    worker.commit(&spoken(vec![message("a", "m1", 20, "one")?])).await?;
    other.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?;
    let mut edited = message("a", "m1", 20, "two")?;
    edited.format = Some(MessageFormat::Edited);
    let mut twice = edited.clone();
    twice.body = Some("three".into());
    let both = worker.commit(&delta(spoken(vec![edited, twice]))).await?;
    assert_eq!(both.events, 2, "two versions in one answer are two events");
    let mut gone = batch();
    gone.deleted_messages = vec![message_id("m1")?, message_id("never-seen")?];
    gone.deleted_conversations = vec![conversation_id("a")?];
    assert_eq!(worker.commit(&gone).await?.events, 2);
    assert_eq!(worker.commit(&gone).await?.events, 0);
    let of_first = "SELECT COUNT(*) FROM events e JOIN accounts a ON a.pk = e.account_pk WHERE a.id LIKE '%1'";
    assert_eq!(db.count(of_first).await?, 6);
    assert_eq!(db.count(&of_first.replace("COUNT(*)", "MAX(e.seq)")).await?, 6);
    assert_eq!(db.count("SELECT COUNT(DISTINCT id) FROM events").await?, db.count(EVENTS).await?);
    let doubles = "SELECT COUNT(*) FROM (SELECT object_id, version, account_pk FROM events \
         GROUP BY object_id, version, account_pk HAVING COUNT(*) > 1) d";
    assert_eq!(db.count(doubles).await?, 0);
    assert!(db.store.examine().await?.iter().all(|(_, _, is_fine)| *is_fine));
    Ok(())
}

async fn a_changed_conversation_is_told_once(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    for (activity, events) in [(20, 1), (20, 0), (21, 1), (21, 0)] {
        let page = listed(vec![conversation("a", activity, "Ben")?]);
        assert_eq!(worker.commit(&page).await?.events, events, "activity {activity}");
    }
    assert_eq!(db.count("SELECT COUNT(*) FROM events WHERE kind = 'conversation.updated'").await?, 1);
    assert!(db.store.examine().await?.iter().all(|(_, _, is_fine)| *is_fine));
    Ok(())
}

async fn a_stale_page_changes_nothing(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut newer = conversation("a", 20, "Ben")?;
    newer.title = Some(Some("new".into()));
    worker.commit(&listed(vec![newer])).await?;
    let mut edited = message("a", "m1", 20, "new")?;
    edited.format = Some(MessageFormat::Edited);
    worker.commit(&spoken(vec![edited])).await?;
    let mut stale = listed(vec![ConversationSeen { title: Some(None), ..conversation("a", 10, "Ben")? }]);
    stale.messages = vec![message("a", "m1", 20, "old")?];
    assert_eq!(worker.commit(&stale).await?.events, 0);
    let row = db.store.conversation(&[worker.account().clone()], &conversation_id("a")?).await?;
    assert!(row.is_some_and(|row| row.conversation.title.as_deref() == Some("new")));
    assert_eq!(messages(&worker, "a").await?[0].body, "new");
    Ok(())
}

async fn edits_keep_the_earlier_text(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&spoken(vec![message("a", "m1", 20, "one")?])).await?;
    let mut edited = message("a", "m1", 20, "two")?;
    edited.format = Some(MessageFormat::Edited);
    let committed = worker.commit(&delta(spoken(vec![edited]))).await?;
    assert_eq!(committed.progress.messages_changed, 1);
    let kept = messages(&worker, "a").await?;
    assert_eq!((kept[0].body.as_str(), kept[0].prior[0].body.as_str(), kept[0].version), ("two", "one", 2));
    Ok(())
}

async fn what_is_due_comes_with_the_commit(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let page =
        listed(vec![conversation("a", 20, "Ben")?, conversation("b", 30, "Ben")?, conversation("c", 10, "Ben")?]);
    let due = worker.commit(&page).await?.due;
    assert_eq!(due.as_ref().map(|track| track.conversation.as_str()), Some("2-b"));
    assert_eq!(db.store.work_state(&worker.lease).await?.due, due);
    // A failed one goes behind the others; one that is done is not due any more.
    let mut failed = due.clone();
    failed.iter_mut().for_each(|track| track.detail.attempts = 1);
    let due = worker.commit(&Batch { track: failed, ..batch() }).await?.due;
    assert_eq!(due.as_ref().map(|track| track.conversation.as_str()), Some("2-a"));
    let mut done = due;
    done.iter_mut().for_each(|track| track.detail.need = Need::Nothing);
    let due = worker.commit(&Batch { track: done, ..batch() }).await?.due;
    assert_eq!(due.as_ref().map(|track| track.conversation.as_str()), Some("2-c"));
    Ok(())
}

fn done(track: Option<ConversationTrack>) -> Option<ConversationTrack> {
    track.map(|mut track| {
        track.synced_to = Some(track.activity);
        track.detail.need = Need::Nothing;
        track.detail.completeness = Completeness::Complete;
        track
    })
}

async fn a_finished_conversation_is_counted_once(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let due = worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?.due;
    let page = Batch { track: done(due), ..spoken(vec![message("a", "m1", 20, "one")?]) };
    let committed = worker.commit(&page).await?;
    assert_eq!((committed.due, committed.progress.conversations_finished), (None, 1));
    assert_eq!(worker.commit(&page).await?.progress.conversations_finished, 1);
    let overview = db.store.overview(worker.account()).await?;
    assert_eq!((overview.complete, overview.partial, overview.due), (1, 0, 0));
    // The track of the batch is written after its sightings: it is what the answer was about.
    let seen = listed(vec![conversation("a", 30, "Ben")?]);
    assert!(worker.commit(&Batch { track: page.track.clone(), ..seen.clone() }).await?.due.is_none());
    Ok(())
}

async fn a_deleted_conversation_leaves_its_track(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?;
    let gone = Batch { deleted_conversations: vec![conversation_id("a")?, conversation_id("x")?], ..batch() };
    let committed = worker.commit(&delta(gone)).await?;
    assert_eq!((committed.due, committed.events), (None, 1));
    assert_eq!(db.store.overview(worker.account()).await?.conversations, 0);
    let back = worker.commit(&delta(listed(vec![conversation("a", 21, "Ben")?]))).await?;
    assert!(back.due.is_some());
    assert_eq!(db.store.overview(worker.account()).await?.conversations, 1);
    Ok(())
}

async fn deletions_are_kept_and_counted(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&spoken(vec![message("a", "m1", 10, "one")?, message("a", "m2", 20, "two")?])).await?;
    assert_eq!(db.store.overview(worker.account()).await?.oldest_message_at, Some(Timestamp(10)));
    let gone = Batch { deleted_messages: vec![message_id("m1")?], ..batch() };
    let committed = worker.commit(&delta(gone)).await?;
    assert_eq!((committed.events, committed.progress.messages_changed), (1, 1));
    assert_eq!(messages(&worker, "a").await?.len(), 1);
    assert_eq!(db.count("SELECT COUNT(*) FROM messages").await?, 2);
    let overview = db.store.overview(worker.account()).await?;
    assert_eq!((overview.messages, overview.oldest_message_at), (1, Some(Timestamp(20))));
    worker.commit(&spoken(vec![message("a", "m1", 10, "one")?])).await?;
    assert_eq!(messages(&worker, "a").await?.len(), 1, "it does not come back");
    Ok(())
}

async fn a_dead_session_is_told_once(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let failure = Some(RunFailure { code: FailureCode::NeedsLogin, what: "the session has ended".into() });
    let dead = Batch { health: Some(Health::NeedsLogin), failure, ..batch() };
    assert_eq!(worker.commit(&dead).await?.events, 1);
    assert_eq!(worker.commit(&dead).await?.events, 0);
    let account = db.store.account(worker.account()).await?;
    let told = account.map(|account| (account.health, account.health_detail));
    assert_eq!(told, Some((Health::NeedsLogin, Some("the session has ended".to_owned()))));
    db.store.log_in(&crate::store_fixture::login(1)?, NOW).await?;
    assert_eq!(worker.commit(&dead).await?.events, 1, "a second death is a second event");
    assert_eq!(db.count("SELECT COUNT(DISTINCT id) FROM events").await?, 2);
    Ok(())
}

async fn a_hold_passes(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let hold = Hold { until: NOW.plus_ms(5_000), why: HoldReason::RateLimited };
    worker.commit(&Batch { hold: Some(hold.clone()), ..batch() }).await?;
    assert_eq!(db.store.work_state(&worker.lease).await?.account.hold, Some(hold.clone()));
    worker.commit(&batch()).await?;
    assert_eq!(db.store.work_state(&worker.lease).await?.account.hold, Some(hold), "it is not over yet");
    let nothing = batch();
    let mut step = worker.step(&nothing);
    step.now = NOW.plus_ms(5_000);
    db.store.commit(&step).await?;
    assert_eq!(db.store.work_state(&worker.lease).await?.account.hold, None);
    Ok(())
}

async fn oddities_are_kept_once_and_bounded(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let odd = |number: u32| Oddity { conversation: None, what: "no id".into(), raw: format!("{{\"n\":{number}}}") };
    let page = Batch { oddities: vec![odd(1), odd(1), odd(2)], ..batch() };
    assert_eq!(worker.commit(&page).await?.progress.oddities, 3);
    worker.commit(&page).await?;
    assert_eq!(db.count("SELECT COUNT(*) FROM oddities").await?, 2);
    assert_eq!(db.count("SELECT MAX(times) FROM oddities").await?, 4);
    worker.commit(&Batch { oddities: (0..1_500).map(odd).collect(), ..batch() }).await?;
    assert_eq!(db.count("SELECT COUNT(*) FROM oddities").await?, 1_000);
    Ok(())
}

async fn a_message_of_an_unlisted_thread_makes_the_thread(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let committed = worker.commit(&spoken(vec![message("a", "m1", 20, "one")?])).await?;
    assert_eq!((committed.events, committed.due), (2, None));
    assert_eq!(worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?.events, 1);
    Ok(())
}

async fn strange_characters_come_back_as_they_were(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let body = "null \0 mark \u{FDD0}0 quote ' \" \\ question ? dollar $1 emoji \u{1F44D}\u{200D} line\r\n\u{2028}";
    let mut odd = message("a", "m1", 20, body)?;
    odd.subject = Some("s\0?".into());
    odd.fallback_text = Some("\u{FFFF}".into());
    odd.format = Some(MessageFormat::Other("NEW_KIND".into()));
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.conversations[0].title = Some(Some(body.into()));
    page.conversations[0].categories = Some(BTreeSet::from(["IN\0BOX".to_owned(), "x".repeat(9_000)]));
    page.people = vec![person("Ben")?];
    page.people[0].first_name = Some(body.into());
    page.messages = vec![odd];
    worker.commit(&page).await?;
    let kept = messages(&worker, "a").await?;
    assert_eq!((kept[0].body.as_str(), kept[0].subject.as_deref()), (body, Some("s\0?")));
    assert_eq!(kept[0].format.as_str(), "NEW_KIND");
    let people = db.store.people(worker.account(), &[person_id("Ben")?]).await?;
    assert_eq!(people[0].first_name, body);
    assert_eq!(worker.commit(&page).await?.events, 0);
    Ok(())
}

async fn thousands_of_records_fit_into_one_commit(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = batch();
    for number in 0..3_007 {
        let name = format!("n{number:05}");
        page.conversations.push(conversation(&name, number, "Ben")?);
        page.messages.push(message(&name, &format!("m{number:05}"), number, "text")?);
    }
    let page = Batch { sightings: listed(page.conversations.clone()).sightings, ..page };
    assert_eq!(worker.commit(&delta(page.clone())).await?.events, 2 * 3_007);
    assert_eq!(worker.commit(&delta(page)).await?.events, 0);
    assert_eq!(db.count("SELECT COUNT(*) FROM messages").await?, 3_007);
    assert_eq!(db.count("SELECT MAX(seq) FROM events").await?, 2 * 3_007);
    Ok(())
}

async fn a_full_disk_is_an_error_that_changes_nothing(db: &Database) -> anyhow::Result<()> {
    if db.is_postgres() {
        return Ok(());
    }
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&spoken(vec![message("a", "m1", 20, "one")?])).await?;
    let pages = db.count("PRAGMA page_count").await?;
    db.store.close().await;
    let limited: SharedStore =
        open(&db.url, OpenOptions { sqlite_pages_max: u32::try_from(pages).ok(), ..Default::default() }).await?;
    worker.store = limited.clone();
    let large = spoken(vec![message("a", "m2", 21, &"x".repeat(1_000_000))?]);
    let refused = limited.commit(&worker.step(&large)).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    assert_eq!(messages(&worker, "a").await?.len(), 1);
    assert_eq!(db.count(EVENTS).await?, 2);
    worker.commit(&batch()).await?;
    limited.close().await;
    Ok(())
}

async fn a_renewed_session_is_kept(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let nothing = batch();
    let mut step = worker.step(&nothing);
    let renewed = SealedSession { sealed: vec![4, 5], login_expires_at: Some(NOW.plus_ms(7)) };
    step.sealed_session = Some(&renewed);
    db.store.commit(&step).await?;
    // A step that renews nothing leaves the date as it is.
    db.store.commit(&worker.step(&nothing)).await?;
    assert_eq!(db.store.sealed_session(worker.account()).await?, Some(vec![4, 5]));
    let account = db.store.account(worker.account()).await?;
    assert_eq!(account.and_then(|account| account.login_expires_at), Some(NOW.plus_ms(7)));
    Ok(())
}
