//! The storm: turns of the processes, one after another, while everything of the plan happens.
//!
//! Between two turns time passes until something is due, and people do what anybody would: connect an account again
//! whose login was lost, ask for a sync when nothing happens.

use std::sync::Arc;

use rand::RngExt;
use threadkeep::store::DUE_WITHIN_MS;

use crate::acts;
use crate::ask::number;
use crate::draw::stream;
use crate::node::{TurnEnd, idle_ms};
use crate::plan::{Act, Place};
use crate::seam::interlude;
use crate::stage::{Stage, Who};

/// Requests after which a storm is over, whatever is left of it.
const REQUESTS_MAX: u64 = 140;
/// Longest time that passes at once in a storm.
const WAIT_MAX_MS: i64 = 26 * 3_600_000;
/// How long a server waits after the database failed (`worker`).
const STORE_RETRY_MS: i64 = 1_000;

/// Lets the storm happen.
pub async fn rage(stage: &Arc<Stage>) {
    stage.with(|state| {
        state.simulator.set_faults(stage.plan.faults());
        state.is_stormy = true;
    });
    let mut rng = stream(stage.plan.seed, "turns");
    for n in 0..stage.plan.turns {
        let drawn = rng.random_range(0..stage.plan.nodes.max(1));
        interlude(stage, Place::Turn(n), Who::Nature, true).await;
        pass_until_due(stage).await;
        turn(stage, drawn).await;
        if stage.is_broken() || stage.stormy_requests() > REQUESTS_MAX {
            break;
        }
    }
    stage.with(|state| {
        for (kind, times) in state.simulator.faults_struck() {
            *state.tally.faults.entry(kind).or_default() += times;
        }
        state.is_stormy = false;
    });
}

async fn turn(stage: &Arc<Stage>, number: usize) {
    let Some(node) = stage.nodes().get(number) else { return };
    match node.turn(stage).await {
        TurnEnd::Worked | TurnEnd::Busy | TurnEnd::Killed => {}
        TurnEnd::Failed(code) => {
            stage.tell(Who::Node(number), format_args!("failed: {code}"));
            stage.let_pass(STORE_RETRY_MS);
        }
        TurnEnd::Idle => nudge(stage, number).await,
    }
}

/// Nothing was due: time passes, or a person helps where only a person can.
async fn nudge(stage: &Arc<Stage>, number: usize) {
    let is_stuck = number_of(stage, "SELECT COUNT(*) FROM accounts WHERE health <> 'connected'").await > 0;
    let is_empty = number_of(stage, "SELECT COUNT(*) FROM accounts").await == 0;
    if is_stuck || is_empty {
        stage.let_pass(60_000);
        acts::perform(stage, if is_empty { Act::Sync } else { Act::Resume }).await;
        acts::perform(stage, Act::Reconnect).await;
    } else if number == 0 {
        stage.let_pass(idle_ms(stage.plan.pace));
    }
}

async fn number_of(stage: &Arc<Stage>, text: &str) -> i64 {
    number(&stage.ground, text).await.ok().flatten().unwrap_or_default()
}

/// Time passes until the next job may be taken.
pub async fn pass_until_due(stage: &Arc<Stage>) {
    let text = "SELECT MIN(due_at) FROM jobs WHERE state IN ('queued', 'running', 'waiting')";
    let Ok(Some(due)) = number(&stage.ground, text).await else { return };
    let wait_ms = (due - stage.wall_ms()).clamp(0, WAIT_MAX_MS);
    // What is due later than anything can be was put off by a wrong clock, and is taken at once.
    if (1..=DUE_WITHIN_MS).contains(&wait_ms) {
        stage.let_pass(wait_ms);
        if wait_ms > 10_000 {
            stage.tell(Who::Nature, format_args!("{} s pass until something is due", wait_ms / 1_000));
        }
    }
}
