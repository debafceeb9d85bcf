//! Named stories of a sync, on both databases: a whole inbox, quiet syncs, changes of every kind.

use anyhow::{Result, ensure};
use serde_json::json;
use threadkeep::store::Actor;
use threadkeep::verbs::accounts;
use threadkeep_core::time::Timestamp;
use threadkeep_sim::{GenerateOptions, Switches, World};

use crate::harness::Harness;
use crate::store_database::Database;

/// A fixed present for worlds, so that a story is the same every day.
const NOW_MS: i64 = 1_790_000_000_000;

/// How long a login lasts at LinkedIn: about a year (upstream protocol 1.1).
const LOGIN_LASTS_MS: i64 = 365 * 24 * 3_600_000;

fn world(conversations: usize, seed: u64) -> World {
    World::generate(&GenerateOptions { seed, conversations, messages_mean: 12.0, ..GenerateOptions::at(NOW_MS) })
}

async fn a_full_sync_equals_the_truth_in_the_least_requests(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(120, 1)).await?;
    let job = story.sync().await?;
    ensure!(job.failure.is_none(), "{:?}", job.failure);
    story.assert_equal().await?;
    ensure!(story.linkedin.requests()? == story.linkedin.least_requests()?, "{} requests", story.linkedin.requests()?);
    story.linkedin.assert_only_read()
}

async fn an_empty_inbox_is_synced(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(0, 1)).await?;
    story.sync().await?;
    story.assert_equal().await?;
    ensure!(story.linkedin.requests()? == 3, "the mark and two empty lists");
    Ok(())
}

async fn a_quiet_sync_is_one_request_and_a_new_message_two(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(40, 2)).await?;
    story.sync().await?;
    let before = story.linkedin.requests()?;
    let quiet = story.sync().await?;
    ensure!(story.linkedin.requests()? == before + 1, "a quiet sync took {}", story.linkedin.requests()? - before);
    ensure!(quiet.progress.messages_new + quiet.progress.messages_changed == 0);
    story.mutate(json!({"verb": "message_arrives", "conversation": {"index": 3}, "text": "hello"}))?;
    let before = story.linkedin.requests()?;
    let job = story.sync().await?;
    ensure!(story.linkedin.requests()? == before + 2, "one new message took {}", story.linkedin.requests()? - before);
    ensure!(job.progress.messages_new == 1, "{:?}", job.progress);
    story.assert_equal().await
}

async fn changes_of_every_kind_arrive(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(60, 3)).await?;
    story.sync().await?;
    for seed in 0..12 {
        story.mutate(json!({"verb": "random", "seed": seed, "count": 15}))?;
        let job = story.sync().await?;
        ensure!(job.failure.is_none(), "{:?}", job.failure);
        story.assert_equal().await?;
    }
    story.linkedin.assert_only_read()
}

async fn changes_during_the_walk_arrive(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(60, 4)).await?;
    for seed in 0..8 {
        story.sync_until(30).await?;
        story.mutate(json!({"verb": "random", "seed": seed, "count": 6}))?;
    }
    story.sync().await?;
    story.sync().await?;
    story.assert_equal().await
}

async fn doubtful_points_of_the_protocol_do_not_matter(database: &Database) -> Result<()> {
    let odd: Switches = serde_json::from_value(json!({
        "end_of_list": "probe", "foreign_token": "reset", "brief_senders": true, "deleted_members": "placeholder"
    }))?;
    let story = Harness::connect_with(database, world(50, 5), odd).await?;
    story.sync().await?;
    story.assert_equal().await?;
    story.mutate(json!({"verb": "random", "seed": 9, "count": 20, "only": [
        "message_arrives", "message_edited", "message_recalled", "reaction_added", "marked_read", "conversation_renamed"
    ]}))?;
    story.sync().await?;
    story.assert_equal().await
}

async fn a_rotated_login_moves_its_date_and_a_new_one_replaces_it(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(5, 6)).await?;
    let date = async || -> Result<Option<Timestamp>> {
        Ok(accounts::find(&story.app, &story.account).await?.login_expires_at)
    };
    ensure!(date().await?.is_none(), "a copied header tells none");
    // Neither a routing cookie with a date nor a session cookie is a login.
    story
        .linkedin
        .set_faults(&json!({"rotate_routing_cookie": {"rate": 1.0}, "rotate_session_cookie": {"rate": 1.0}}))?;
    story.sync().await?;
    ensure!(date().await?.is_none(), "the date of another cookie");
    let before = story.app.clock.now();
    story.linkedin.set_faults(&json!({"rotate_login_cookie": {"rate": 1.0}}))?;
    story.sync().await?;
    let Some(told) = date().await? else { anyhow::bail!("the simulator tells a year") };
    let since = |at: Timestamp| told.since_ms(at.plus_ms(LOGIN_LASTS_MS));
    ensure!(since(before) >= 0 && since(story.app.clock.now()) <= 0, "{told:?}");
    // A routing cookie that changes the session keeps it, and so does sealing anew.
    story.linkedin.set_faults(&json!({"rotate_routing_cookie": {"rate": 1.0}}))?;
    story.sync().await?;
    ensure!(date().await? == Some(told));
    story.linkedin.set_faults(&json!({}))?;
    story.log_in_again().await?;
    ensure!(date().await?.is_none(), "the date was that of another login");
    story.assert_equal().await?;
    story.linkedin.assert_only_read()
}

async fn a_cookies_file_tells_the_date_of_its_login(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(3, 7)).await?;
    let line = |pair: &str| -> Option<String> {
        let (name, value) = pair.split_once('=')?;
        let end = if name == "li_at" { "1795359600" } else { "1895359600" };
        Some(format!(".linkedin.com\tTRUE\t/\tTRUE\t{end}\t{name}\t{value}\n"))
    };
    let file: String = story.linkedin.credentials()?.1.split("; ").filter_map(line).collect();
    let account = accounts::reconnect(&story.app, &Actor::Setup, &story.account, &file).await?;
    ensure!(account.login_expires_at == Some(Timestamp(1_795_359_600_000)), "{:?}", account.login_expires_at);
    story.sync().await?;
    story.assert_equal().await
}

crate::on_both_databases! {
    a_full_sync_equals_the_truth_in_the_least_requests,
    an_empty_inbox_is_synced,
    a_quiet_sync_is_one_request_and_a_new_message_two,
    changes_of_every_kind_arrive,
    changes_during_the_walk_arrive,
    doubtful_points_of_the_protocol_do_not_matter,
    a_rotated_login_moves_its_date_and_a_new_one_replaces_it,
    a_cookies_file_tells_the_date_of_its_login,
}
