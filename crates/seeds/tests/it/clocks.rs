//! A wall clock that is wrong, and set right in the middle of the work (F16).
//!
//! The mirror stood still, or asked on and on, until the clock had caught up. A seed found the first of these; the others
//! were found by reading on from there.

use threadkeep_seeds::draw::quiet;
use threadkeep_seeds::life::Scene;
use threadkeep_seeds::plan::{Act, Piece, Place, Plan};

const YEARS_MS: i64 = 10 * 365 * 86_400_000;
const HOUR_MS: i64 = 3_600_000;

fn holds(plan: &Plan) {
    let ended = Scene::memory().unwrap().play(plan, true);
    assert_eq!(ended.breach, None, "{}", ended.lines.join("\n"));
}

fn news(turn: u64) -> (Place, Piece) {
    (Place::Turn(turn), Piece::Mutate { seed: 1, count: 3 })
}

#[test]
fn a_clock_that_was_years_ahead_does_not_stop_the_mirror() {
    for place in [Place::Turn(2), Place::Asking(3), Place::Answered(3)] {
        let mut plan = quiet(7);
        plan.pieces = vec![(place, Piece::Jump(YEARS_MS)), (Place::Turn(6), Piece::Jump(-YEARS_MS)), news(7), news(8)];
        holds(&plan);
    }
}

#[test]
fn a_clock_that_is_set_back_in_a_run_does_not_make_it_ask_on_and_on() {
    for by_ms in [-YEARS_MS, -HOUR_MS, -5_000] {
        for place in [Place::Asking(1), Place::Answered(2), Place::Asking(4), Place::Turn(3)] {
            let mut plan = quiet(7);
            plan.pieces = vec![(place, Piece::Jump(by_ms)), news(5)];
            holds(&plan);
        }
    }
}

#[test]
fn a_person_who_asks_after_the_clock_was_set_back_is_not_told_that_it_was_synced_recently() {
    let mut plan = quiet(7);
    plan.pieces = vec![(Place::Turn(6), Piece::Jump(-YEARS_MS)), news(6), (Place::Turn(7), Piece::Act(Act::Sync))];
    holds(&plan);
}
