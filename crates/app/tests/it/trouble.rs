//! Every kind of trouble in a tenth of the requests: afterwards the mirror equals the truth.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use threadkeep_sim::{GenerateOptions, World};

use crate::harness::Harness;
use crate::store_database::Database;

const NOW_MS: i64 = 1_790_000_000_000;
/// Runs that a mirror may need while a tenth of all requests end the session.
const RUNS_MAX: u32 = 200;
/// Rounds of changes that each kind meets.
const ROUNDS: u32 = 5;

/// Every kind, as the simulator names it, with what else it needs.
fn kinds() -> Vec<(&'static str, serde_json::Value)> {
    let plain = [
        "reset",
        "cut_body",
        "malformed_body",
        "server_error",
        "bot_wall",
        "revoked_redirect",
        "unauthorized",
        "html_wall",
        "checkpoint",
        "csrf_failed",
        "rotate_session_cookie",
        "repeated_page",
        "shifted_page",
        "empty_page",
        "endless_page",
        "cursor_cycle",
        "stale_answer",
        "errors_answer",
    ];
    let mut kinds: Vec<_> = plain.into_iter().map(|name| (name, json!({"rate": 0.1}))).collect();
    kinds.push(("rate_limited", json!({"rate": 0.1})));
    kinds.push(("rate_limited", json!({"rate": 0.02, "retry_after_s": 0})));
    // Never twice in a row: a lost mark is asked again before it is believed.
    kinds.push(("clear_cache", json!({"at": [1, 3, 5]})));
    kinds.push(("latency", json!({"rate": 0.1, "min_ms": 1, "max_ms": 20})));
    kinds
}

async fn after_trouble_of_each_kind_the_mirror_equals_the_truth(database: &Database) -> Result<()> {
    for (seed, (kind, fault)) in kinds().into_iter().enumerate() {
        let options = GenerateOptions {
            seed: seed as u64,
            conversations: 30,
            messages_mean: 15.0,
            ..GenerateOptions::at(NOW_MS)
        };
        let story = Harness::connect(database, World::generate(&options)).await?;
        story.linkedin.set_faults(&json!({ kind: fault }))?;
        story.sync_through_trouble(RUNS_MAX).await.context(kind)?;
        for round in 0..ROUNDS {
            story.mutate(json!({"verb": "random", "seed": round, "count": 3}))?;
            story.sync_through_trouble(RUNS_MAX).await.context(kind)?;
        }
        if story.assert_equal().await.is_err() {
            // A walk that could not be proved to its end is tried again by the next forced run.
            story.sync_through_trouble(RUNS_MAX).await.context(kind)?;
            story.assert_equal().await.context(kind)?;
        }
        story.linkedin.assert_only_read()?;
        ensure!(story.linkedin.faults_struck()? > 0, "{kind} never struck");
    }
    Ok(())
}

async fn a_mark_that_is_lost_for_good_costs_a_walk_of_the_lists(database: &Database) -> Result<()> {
    let options = GenerateOptions { seed: 77, conversations: 45, messages_mean: 8.0, ..GenerateOptions::at(NOW_MS) };
    let story = Harness::connect(database, World::generate(&options)).await?;
    story.sync().await?;
    for index in [2, 9, 30] {
        story.mutate(json!({"verb": "message_arrives", "conversation": {"index": index}, "text": "missed"}))?;
    }
    story.linkedin.set_faults(&json!({"clear_cache": {"at": [1, 2]}}))?;
    let before = story.linkedin.requests()?;
    story.sync().await?;
    story.assert_equal().await?;
    let cost = story.linkedin.requests()? - before;
    // Asked twice, then the pages of both lists, then the conversations that changed.
    ensure!(cost <= 2 + 4 + 3, "{cost} requests");
    Ok(())
}

crate::on_both_databases! {
    after_trouble_of_each_kind_the_mirror_equals_the_truth,
    a_mark_that_is_lost_for_good_costs_a_walk_of_the_lists,
}
