//! Makes a failing life smaller: takes pieces of its plan away as long as the same invariant breaks.
//!
//! What is left is what it takes. The number of tries is bounded; a smaller plan that was not found does not matter.

use std::collections::BTreeSet;

use crate::life::Scene;
use crate::plan::Plan;

/// Lives that are tried.
const TRIES_MAX: u32 = 600;

/// The smallest plan that was found with the same breach.
pub fn shrink(scene: &Scene, plan: &Plan, invariant: &str) -> Plan {
    let mut tries = 0;
    let mut fails = |plan: &Plan| {
        tries += 1;
        tries <= TRIES_MAX && scene.play(plan, false).breach.is_some_and(|breach| breach.invariant == invariant)
    };
    let mut best = plan.clone();
    let mut step = best.size().div_ceil(2).max(1);
    while step >= 1 {
        let mut from = 0;
        while from < best.size() {
            let away: BTreeSet<usize> = (from..from + step).collect();
            let smaller = best.only(|number| !away.contains(&number));
            if fails(&smaller) { best = smaller } else { from += step }
        }
        if step == 1 {
            break;
        }
        step /= 2;
    }
    simpler(best, &mut fails)
}

/// A smaller world, fewer processes, fewer turns.
fn simpler(mut best: Plan, fails: &mut impl FnMut(&Plan) -> bool) -> Plan {
    let changes: [fn(&mut Plan); 6] = [
        |plan| plan.nodes = 1,
        |plan| plan.world.accounts = 1,
        |plan| plan.world.conversations /= 2,
        |plan| plan.world.conversations = plan.world.conversations.saturating_sub(1),
        |plan| plan.world.messages_mean /= 2.0,
        |plan| plan.turns /= 2,
    ];
    for change in changes {
        let mut smaller = best.clone();
        change(&mut smaller);
        if fails(&smaller) {
            best = smaller;
        }
    }
    best
}
