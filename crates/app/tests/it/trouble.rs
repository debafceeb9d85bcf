//! Every kind of trouble in a tenth of the requests: afterwards the mirror equals the truth.

use anyhow::{Result, ensure};
use serde_json::json;
use threadkeep_sim::{GenerateOptions, World};

use crate::harness::Harness;
use crate::store_database::Database;

const NOW_MS: i64 = 1_790_000_000_000;
/// Runs that a mirror may need while a tenth of all requests end the session.
const RUNS_MAX: u32 = 200;

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
        "clear_cache",
        "stale_answer",
        "errors_answer",
    ];
    let mut kinds: Vec<_> = plain.into_iter().map(|name| (name, json!({"rate": 0.1}))).collect();
    kinds.push(("rate_limited", json!({"rate": 0.1})));
    kinds.push(("rate_limited", json!({"rate": 0.02, "retry_after_s": 0})));
    kinds.push(("latency", json!({"rate": 0.1, "min_ms": 1, "max_ms": 20})));
    kinds
}

async fn after_trouble_of_each_kind_the_mirror_equals_the_truth(database: &Database) -> Result<()> {
    for (seed, (kind, fault)) in kinds().into_iter().enumerate() {
        let options = GenerateOptions { seed: seed as u64, conversations: 30, messages_mean: 15.0, ..GenerateOptions::at(NOW_MS) };
        let story = Harness::connect(database, World::generate(&options)).await?;
        story.linkedin.set_faults(&json!({ kind: fault }))?;
        let job = story.sync_through_trouble(RUNS_MAX).await?;
        ensure!(job.failure.is_none(), "{kind}: {:?}", job.failure);
        if let Err(error) = story.assert_equal().await {
            // A walk that could not be proved to its end is tried again by the next forced run.
            story.sync_through_trouble(RUNS_MAX).await?;
            story.assert_equal().await.map_err(|_| error.context(kind))?;
        }
        story.linkedin.assert_only_read()?;
        ensure!(story.linkedin.faults_struck()? > 0, "{kind} never struck");
    }
    Ok(())
}

crate::on_both_databases! {
    after_trouble_of_each_kind_the_mirror_equals_the_truth,
}
