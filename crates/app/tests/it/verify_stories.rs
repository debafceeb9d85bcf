//! Stories of verifications, on both databases: what is equal has no drift, what was planted behind the program's back is
//! found and healed, what a lost mark hid comes, and what breaks off goes on.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::store::{Job, JobState, LedgerFilter, MessageFilter, VerdictRow};
use threadkeep::verbs::sync::Ticket;
use threadkeep::verbs::verify::{Found, newest, request};
use threadkeep::verbs::{completeness, sync};
use threadkeep::worker;
use threadkeep_core::id::{ConversationId, MessageId};
use threadkeep_core::message::MessageFormat;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::verify::{Ask, Depth, Kind};
use threadkeep_sim::{GenerateOptions, World};

use crate::harness::Harness;
use crate::store_database::Database;

const NOW_MS: i64 = 1_790_000_000_000;
const RUN_MAX_MS: i64 = 120_000;

const LISTS: Ask = Ask { depth: Depth::Lists, repairs: false };
const LISTS_REPAIR: Ask = Ask { depth: Depth::Lists, repairs: true };
const DEEP: Ask = Ask { depth: Depth::Messages, repairs: false };
const DEEP_REPAIR: Ask = Ask { depth: Depth::Messages, repairs: true };

fn world(conversations: usize, seed: u64) -> World {
    World::generate(&GenerateOptions { seed, conversations, messages_mean: 12.0, ..GenerateOptions::at(NOW_MS) })
}

/// Verifies for at most this long; the job may be unfinished afterwards.
async fn verify_until(story: &Harness, ask: Ask, run_ms: i64) -> Result<Job> {
    let ticket = request(&story.app, &story.account, ask).await?;
    let Ticket::Job { job, .. } = ticket else {
        anyhow::bail!("no job: {ticket:?}");
    };
    let stop = Stop::default();
    let worker = spawn(worker::run_account(story.app.clone(), stop.clone(), story.account.clone()));
    let job = sync::wait(&story.app, job.id, story.app.clock.now().plus_ms(run_ms)).await?;
    stop.ask();
    worker.await??;
    Ok(job)
}

async fn verify(story: &Harness, ask: Ask) -> Result<Found> {
    let job = verify_until(story, ask, RUN_MAX_MS).await?;
    ensure!(job.state == JobState::Done, "{:?} {:?}", job.state, job.failure);
    let found = newest(&story.app, &story.account).await?.context("a verification")?;
    ensure!(found.run == job.id && found.finished_at.is_some(), "{found:?}");
    Ok(found)
}

async fn verdicts(story: &Harness) -> Result<Vec<VerdictRow>> {
    Ok(story.app.store.verdicts(&story.account, None, 1_000).await?)
}

async fn connected(database: &Database, conversations: usize, seed: u64) -> Result<Harness> {
    let story = Harness::connect(database, world(conversations, seed)).await?;
    story.sync().await?;
    story.assert_equal().await?;
    Ok(story)
}

async fn an_equal_mirror_has_no_drift_and_looking_changes_nothing(database: &Database) -> Result<()> {
    let story = connected(database, 60, 1).await?;
    let events = database.count("SELECT COUNT(*) FROM events").await?;
    let before = story.linkedin.requests()?;
    let found = verify(&story, LISTS).await?;
    ensure!(found.drift + found.kept + found.unsure == 0, "{found:?} {:?}", verdicts(&story).await?);
    let lists = story.linkedin.requests()? - before;
    // The delta of the sync, the pages of both lists, and a drain.
    ensure!(lists <= 2 + found.listed.div_ceil(20) + 2, "{lists} requests for {} conversations", found.listed);
    let found = verify(&story, DEEP).await?;
    ensure!(found.drift + found.kept + found.unsure == 0, "{found:?} {:?}", verdicts(&story).await?);
    ensure!(found.read > 50, "{found:?}");
    ensure!(database.count("SELECT COUNT(*) FROM events").await? == events, "a look has changed something");
    story.assert_equal().await?;
    story.linkedin.assert_only_read()?;
    let rows = completeness::page(&story.app, &story.account, &LedgerFilter::default(), 500).await?.0;
    ensure!(rows.iter().all(|one| one.verdict.read_at.is_some() || one.is_deleted || out_of_scope(one)));
    let shown = rows.iter().filter(|one| one.verdict.upstream_messages.is_some_and(|count| count == one.messages));
    ensure!(shown.count() > 50, "the counts of messages agree");
    Ok(())
}

fn out_of_scope(one: &threadkeep::store::Ledgered) -> bool {
    one.track.detail.completeness == Completeness::OutOfScope
}

/// Spoils the mirror behind the program's back: a message is gone, one is older, a read mark and an activity differ, and a
/// conversation is gone with all that belongs to it.
async fn spoil(database: &Database) -> Result<()> {
    let of_many = "(SELECT conversation_pk FROM messages GROUP BY conversation_pk HAVING COUNT(*) > 5 \
         ORDER BY conversation_pk LIMIT 1)";
    let oldest = format!("SELECT MIN(delivered_at) FROM messages WHERE conversation_pk = {of_many}");
    let oldest = database.count(&oldest).await?;
    let gone = "(SELECT MAX(pk) FROM conversations WHERE is_deleted = 0)";
    for text in [
        format!("DELETE FROM messages WHERE delivered_at = {oldest}"),
        format!(
            "UPDATE messages SET body = 'an older text' WHERE id = (SELECT MAX(id) FROM messages WHERE body <> '' \
             AND format = 'DEFAULT' AND conversation_pk = {of_many})"
        ),
        "UPDATE conversations SET is_read = 1 - is_read WHERE pk = (SELECT MIN(pk) FROM conversations)".to_owned(),
        "UPDATE conversations SET last_activity_at = last_activity_at - 1000 \
         WHERE pk = (SELECT MIN(pk) + 1 FROM conversations)"
            .to_owned(),
        format!("DELETE FROM tracks WHERE conversation_pk = {gone}"),
        format!("DELETE FROM messages WHERE conversation_pk = {gone}"),
        format!("DELETE FROM conversation_people WHERE conversation_pk = {gone}"),
        format!("DELETE FROM conversation_categories WHERE conversation_pk = {gone}"),
        format!("DELETE FROM conversations WHERE pk = {gone}"),
    ] {
        database.raw(&text).await?;
    }
    Ok(())
}

async fn planted_drift_is_told_in_words_and_healed_only_by_a_repair(database: &Database) -> Result<()> {
    let story = connected(database, 40, 7).await?;
    spoil(database).await?;
    let spoilt = story.export().await?;
    let found = verify(&story, DEEP).await?;
    for kind in
        [Kind::ConversationMissing, Kind::MessageMissing, Kind::MessageOlder, Kind::ReadState, Kind::ActivityOlder]
    {
        ensure!(found.totals.contains_key(&kind), "{kind:?} was not found: {found:?}");
    }
    ensure!(found.repaired == 0 && found.drift_left() >= 5, "{found:?}");
    ensure!(story.export().await? == spoilt, "a look has changed something");
    let drifted = LedgerFilter { with_drift: true, ..LedgerFilter::default() };
    let rows = completeness::page(&story.app, &story.account, &drifted, 100).await?.0;
    ensure!(!rows.is_empty() && rows.iter().all(|one| completeness::why(one).is_some()), "{rows:?}");

    let repaired = verify(&story, DEEP_REPAIR).await?;
    ensure!(repaired.drift > 0 && repaired.drift_left() == 0, "{repaired:?}");
    story.assert_equal().await?;
    let after = verify(&story, DEEP).await?;
    ensure!(after.drift + after.unsure == 0, "{after:?} {:?}", verdicts(&story).await?);
    story.linkedin.assert_only_read()
}

async fn what_the_lists_show_is_enough_to_heal_a_conversation(database: &Database) -> Result<()> {
    let story = connected(database, 30, 9).await?;
    // The newest message and an older one of the same conversation are gone; a list shows only the newest.
    let of_many = "(SELECT conversation_pk FROM messages GROUP BY conversation_pk HAVING COUNT(*) > 5 \
         ORDER BY conversation_pk LIMIT 1)";
    for end in ["MAX", "MIN"] {
        let text = format!(
            "DELETE FROM messages WHERE conversation_pk = {of_many} AND delivered_at = \
             (SELECT {end}(delivered_at) FROM messages WHERE conversation_pk = {of_many})"
        );
        database.raw(&text).await?;
    }
    let found = verify(&story, LISTS).await?;
    ensure!(found.drift == 1 && found.totals.contains_key(&Kind::MessageMissing), "{found:?}");
    verify(&story, LISTS_REPAIR).await?;
    story.assert_equal().await?;
    let after = verify(&story, DEEP).await?;
    ensure!(after.drift == 0, "{after:?} {:?}", verdicts(&story).await?);
    Ok(())
}

/// A message of each longer conversation that is neither its newest nor anything but plain.
async fn old_messages(story: &Harness) -> Result<Vec<(ConversationId, MessageId)>> {
    let rows = completeness::page(&story.app, &story.account, &LedgerFilter::default(), 500).await?.0;
    let mut found = Vec::new();
    for row in rows.into_iter().filter(|one| one.track.detail.completeness == Completeness::Complete) {
        let id = row.track.conversation;
        let page = story.app.store.messages(&story.account, &id, &MessageFilter::default(), 20).await?;
        let plain = page.into_iter().skip(2).find(|one| one.format == MessageFormat::Default && !one.body.is_empty());
        found.extend(plain.map(|one| (id, one.id)));
    }
    Ok(found)
}

async fn what_a_lost_mark_hid_is_brought_and_nothing_is_deleted(database: &Database) -> Result<()> {
    let story = connected(database, 30, 11).await?;
    let mut spoken = old_messages(&story).await?.into_iter();
    for (conversation, message) in spoken.by_ref().take(3) {
        let verb = json!({"verb": "message_edited", "conversation": conversation, "message": message, "text": "new"});
        story.mutate(verb)?;
    }
    let (conversation, message) = spoken.next().context("a fourth conversation")?;
    story.mutate(json!({"verb": "message_deleted", "conversation": conversation, "message": message}))?;
    story.linkedin.set_faults(&json!({"clear_cache": {"at": [1, 2]}}))?;
    story.sync().await?;
    story.linkedin.set_faults(&json!({}))?;
    let messages = database.count("SELECT COUNT(*) FROM messages WHERE is_deleted = 0").await?;

    let found = verify(&story, DEEP).await?;
    ensure!(found.totals.get(&Kind::MessageOlder).is_some_and(|count| *count >= 1), "{found:?}");
    ensure!(found.totals.get(&Kind::HereOnly) == Some(&1), "{found:?}");
    let repaired = verify(&story, DEEP_REPAIR).await?;
    ensure!(repaired.drift_left() == 0 && repaired.drift > 0, "{repaired:?}");
    let after = verify(&story, DEEP).await?;
    ensure!(after.drift == 0 && after.totals.get(&Kind::HereOnly) == Some(&1), "{after:?}");
    let left = database.count("SELECT COUNT(*) FROM messages WHERE is_deleted = 0").await?;
    ensure!(left == messages, "{messages} messages before, {left} after");
    // But for the one that is here only, the mirror equals the truth.
    let (truth, export) = (story.linkedin.truth()?, story.export().await?);
    let missing = truth.lines().filter(|line| !export.lines().any(|other| other == *line)).count();
    ensure!(missing == 0, "{missing} lines of the truth are not here");
    Ok(())
}

async fn what_moves_while_it_is_verified_is_no_drift(database: &Database) -> Result<()> {
    let mut story = connected(database, 40, 13).await?;
    story.app.sync.lease_ms = 200;
    for seed in 0..6 {
        let stopped = verify_until(&story, DEEP, 15).await?;
        ensure!(stopped.failure.is_none(), "{:?}", stopped.failure);
        story.mutate(json!({"verb": "random", "seed": seed, "count": 5}))?;
    }
    let found = verify(&story, DEEP).await?;
    ensure!(found.drift == 0, "{found:?} {:?}", verdicts(&story).await?);
    story.sync().await?;
    story.assert_equal().await
}

async fn a_verification_that_is_killed_goes_on_where_it_was(database: &Database) -> Result<()> {
    let mut story = connected(database, 60, 17).await?;
    story.app.sync.lease_ms = 50;
    let before = story.linkedin.requests()?;
    verify(&story, DEEP).await?;
    let whole = story.linkedin.requests()? - before;
    let before = story.linkedin.requests()?;
    let Ticket::Job { job, .. } = request(&story.app, &story.account, DEEP).await? else {
        anyhow::bail!("no job");
    };
    let mut kills = 0;
    for kill in 1..6 {
        // The worker is dropped in the middle of whatever it does, as by a crash; its lease runs out.
        let worker = spawn(worker::run_account(story.app.clone(), Stop::default(), story.account.clone()));
        let until = before + whole * kill / 6;
        for _ in 0..100_000 {
            if story.linkedin.requests()? >= until || worker.is_finished() {
                break;
            }
            tokio::task::yield_now().await;
        }
        worker.abort();
        kills += 1;
        drop(worker.await);
    }
    let found = verify(&story, DEEP).await?;
    ensure!(found.run == job.id, "another run has done it");
    ensure!(found.drift + found.unsure == 0, "{found:?}");
    let asked = story.linkedin.requests()? - before;
    // Each kill costs the page that was under way; a claim that finds the mark old asks for changes.
    ensure!(asked <= whole + kills * 3, "{asked} requests, {whole} for a whole one");
    Ok(())
}

async fn a_verification_joins_the_run_that_is_open_and_can_be_cancelled(database: &Database) -> Result<()> {
    let story = connected(database, 5, 19).await?;
    let Ticket::Job { job: asked, .. } = sync::request(&story.app, &story.account, true).await? else {
        anyhow::bail!("no job");
    };
    let Ticket::Job { job, joined } = request(&story.app, &story.account, LISTS_REPAIR).await? else {
        anyhow::bail!("no job");
    };
    ensure!(joined && job.id == asked.id && job.verify == Some(LISTS_REPAIR), "{job:?}");
    let Ticket::Job { job, .. } = request(&story.app, &story.account, DEEP).await? else {
        anyhow::bail!("no job");
    };
    ensure!(job.id == asked.id && job.verify == Some(DEEP_REPAIR), "{job:?}");
    let who = threadkeep::store::Actor::Setup;
    let cancelled = sync::cancel(&story.app, &who, None, job.id).await?;
    ensure!(cancelled.state == JobState::Cancelled);
    let found = verify(&story, LISTS).await?;
    ensure!(found.run != job.id && found.drift == 0);
    Ok(())
}

async fn a_conversation_that_cannot_be_read_is_left_unjudged_and_the_others_are_compared(
    database: &Database,
) -> Result<()> {
    let story = connected(database, 12, 23).await?;
    story.mutate(json!({"verb": "conversation_poisoned", "conversation": {"index": 2}}))?;
    let job = verify_until(&story, DEEP, RUN_MAX_MS).await?;
    ensure!(job.state == JobState::Done, "{:?}", job.failure);
    let found = newest(&story.app, &story.account).await?.context("a verification")?;
    ensure!(found.totals.get(&Kind::Unreadable) == Some(&1) && found.drift == 0, "{found:?}");
    ensure!(found.read >= 10, "{found:?}");
    Ok(())
}

async fn a_run_is_not_done_while_a_list_has_shown_more_than_was_brought(database: &Database) -> Result<()> {
    let story = connected(database, 20, 29).await?;
    // The messages of a conversation are said to be brought up to an earlier activity, and nothing is due.
    let newest = "(SELECT MAX(conversation_pk) FROM tracks WHERE completeness = 'complete')";
    let gone = format!(
        "DELETE FROM messages WHERE id = (SELECT m.id FROM messages m WHERE m.conversation_pk = {newest} \
         ORDER BY m.delivered_at DESC, m.id DESC LIMIT 1)"
    );
    let mark = "UPDATE tracks SET synced_to = synced_to - 1, detail = REPLACE(detail, '\"mark\":{', '\"lost\":{') \
         WHERE conversation_pk =";
    database.raw(&gone).await?;
    database.raw(&format!("{mark} {newest}")).await?;
    let status = |all: Vec<sync::Status>| all.into_iter().next().context("an account");
    let account = || story.app.store.account(&story.account);
    let one = status(sync::status(&story.app, account().await?.into_iter().collect()).await?)?;
    ensure!(one.overview.due == 0 && one.freshness(story.app.clock.now()).as_str() == "behind", "{one:?}");
    story.mutate(json!({"verb": "message_arrives", "conversation": {"index": 3}, "text": "elsewhere"}))?;
    story.sync().await?;
    let one = status(sync::status(&story.app, account().await?.into_iter().collect()).await?)?;
    ensure!(one.freshness(story.app.clock.now()).as_str() == "fresh", "{one:?}");
    story.assert_equal().await
}

crate::on_both_databases! {
    a_run_is_not_done_while_a_list_has_shown_more_than_was_brought,
    an_equal_mirror_has_no_drift_and_looking_changes_nothing,
    planted_drift_is_told_in_words_and_healed_only_by_a_repair,
    what_the_lists_show_is_enough_to_heal_a_conversation,
    what_a_lost_mark_hid_is_brought_and_nothing_is_deleted,
    what_moves_while_it_is_verified_is_no_drift,
    a_verification_that_is_killed_goes_on_where_it_was,
    a_verification_joins_the_run_that_is_open_and_can_be_cancelled,
    a_conversation_that_cannot_be_read_is_left_unjudged_and_the_others_are_compared,
}
