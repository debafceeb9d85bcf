//! The indexer of a server: takes into the index of search what the workers have committed.
//!
//! It follows by a mark in the database, so nothing is handed to it and nothing waits for it; a failure is waited out and
//! fails nobody. Several servers on one database take different accounts. What it has filled it tidies when there is
//! nothing to take in.

use crate::app::App;
use crate::lifecycle::Stop;
use crate::refusal::Refusal;
use crate::store::{Merge, SharedStore};
use crate::verbs::search::{catch_up, tidy};

/// An indexer without work looks again after this long.
const LOOK_MS: i64 = 500;
/// It waits this long after a failure, twice as long after the next one, up to the most.
const RETRY_MS: i64 = 1_000;
const RETRY_MOST_MS: i64 = 60_000;

/// Follows the commits until a stop is asked for.
pub(super) async fn serve(app: App, stop: Stop) {
    let mut retry_ms = RETRY_MS;
    let mut upkeep = Upkeep::default();
    while !stop.is_asked() {
        let rest_ms = match step(&app.store, &mut upkeep).await {
            Ok(true) => 0,
            Ok(false) => LOOK_MS,
            Err(refusal) => {
                tracing::warn!(code = refusal.code(), "the index of search could not be brought up to date: {refusal}");
                let wait_ms = retry_ms;
                retry_ms = retry_ms.saturating_mul(2).min(RETRY_MOST_MS);
                wait_ms
            }
        };
        if rest_ms == 0 {
            retry_ms = RETRY_MS;
            continue;
        }
        // Not by the bell: each of its strokes wakes one worker.
        tokio::select! {
            () = app.clock.nap_until(app.clock.now().plus_ms(rest_ms)) => {}
            () = stop.asked() => {}
        }
    }
}

/// Whether the index was looked at since something was taken in, and how far that is.
#[derive(Debug, Default)]
struct Upkeep {
    is_tidy: bool,
    merge: Merge,
}

/// Takes something in, or tidies what was taken in; tells whether something may be left to do.
async fn step(store: &SharedStore, upkeep: &mut Upkeep) -> Result<bool, Refusal> {
    if catch_up(store, 1).await? {
        upkeep.is_tidy = false;
        return Ok(true);
    }
    if !upkeep.is_tidy {
        upkeep.is_tidy = !tidy(store, &mut upkeep.merge).await?;
    }
    Ok(!upkeep.is_tidy)
}
