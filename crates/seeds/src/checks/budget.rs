//! How many requests a life may take: the least for what there is, and a bounded price for everything that went wrong.
//!
//! A mistake that only asks too much passes every comparison, and fails here.

use std::sync::Arc;

use threadkeep_core::sync::pace::Pace;

use crate::breach;
use crate::stage::{Breach, Stage};

/// What a lost place in a list costs at most, in walks of everything.
const PRICE_OF_TROUBLE: u64 = 6;
/// What an answer that is no good costs: itself, and being asked for once more.
const PRICE_OF_FAULT: u64 = 2;
const PRICE_OF_CHANGE: u64 = 4;
const PRICE_OF_ACT: u64 = 3;

/// Requests that are enough, or the breach.
pub fn within(stage: &Arc<Stage>, syncs: u64) -> Result<(), Breach> {
    let clamp = u64::from(stage.plan.switches.page_clamp.unwrap_or(20)).clamp(1, 20);
    stage.with(|state| {
        let world = state.simulator.world();
        let pages = |count: usize| u64::try_from(count).unwrap_or(u64::MAX).div_ceil(clamp).max(1);
        let mut least = 0;
        for owner in world.owners() {
            let rows = world.newest_first(owner);
            // A mark, both lists, and each conversation; an end that has to be probed costs one more each.
            least += 1 + pages(rows.len()) * 2 + 2;
            least += rows.iter().map(|(thread, _)| pages(thread.messages.len()) + 1).sum::<u64>();
        }
        let tally = &state.tally;
        // Counted when the storm ended: the simulator forgets its own count with its faults.
        let struck = tally.faults_struck();
        let troubles = tally.disk_troubles + tally.crashes + tally.jumps;
        let anew = state.book.lost_marks.values().sum::<u64>() + tally.refusals + tally.logins;
        let media = 2 * tally.media_requests;
        let budget = least
            + 8
            + 2 * syncs
            + PRICE_OF_FAULT * struck
            + PRICE_OF_TROUBLE * troubles
            + PRICE_OF_CHANGE * tally.mutations
            + PRICE_OF_ACT * tally.acts
            + anew * least
            + media;
        let requests = tally.requests;
        match requests <= budget {
            true => Ok(()),
            false => Err(breach!(
                "requests within the bound",
                "{requests} requests, {budget} are enough (least {least}, faults {struck}, troubles {troubles}, anew {anew}, pace \
                 {})",
                if stage.plan.pace == Pace::Polite { "polite" } else { "open" }
            )),
        }
    })
}
