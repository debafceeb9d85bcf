//! Processes that are suspended, overtaken and killed (F1, F20, F21).

use threadkeep_seeds::draw::{Rates, draw, quiet};
use threadkeep_seeds::life::Scene;
use threadkeep_seeds::plan::{DiskTrouble, Piece, Place};

/// Effects of a small first sync, and some of the next.
const EFFECTS: u64 = 70;

#[test]
fn a_process_that_slept_through_its_lease_writes_nothing_any_more() {
    let scene = Scene::memory().unwrap();
    let mut plan = quiet(3);
    plan.nodes = 2;
    plan.pieces = (1..8).map(|n| (Place::Answered(n), Piece::Suspend(60_000))).collect();
    let ended = scene.play(&plan, true);
    assert_eq!(ended.breach, None, "{}", ended.lines.join("\n"));
    assert!(ended.tally.takeovers > 0, "nobody was overtaken");
}

/// Seeds in which the second try went out of a process that had slept for longer than its lease: into the wait of another
/// one, and after the session had died.
#[test]
fn a_process_that_slept_before_its_second_try_does_not_ask_again() {
    let scene = Scene::memory().unwrap();
    for seed in [5_013_427, 5_048_350] {
        let ended = scene.play(&draw(seed, Rates::default()), false);
        assert_eq!(ended.breach, None, "seed {seed}");
    }
}

#[test]
fn killed_at_any_effect_it_goes_on_and_equals_the_truth() {
    let scene = Scene::memory().unwrap();
    let mut killed = 0;
    for n in 1..=EFFECTS {
        let mut plan = quiet(3);
        plan.pieces = vec![(Place::Effect(n), Piece::Crash)];
        let ended = scene.play(&plan, true);
        assert_eq!(ended.breach, None, "killed at effect {n}\n{}", ended.lines.join("\n"));
        killed += ended.tally.crashes;
    }
    assert!(killed > EFFECTS / 2, "only {killed} were killed");
}

#[test]
fn a_database_that_fails_at_any_effect_costs_nothing_but_time() {
    let scene = Scene::memory().unwrap();
    for trouble in [DiskTrouble::Unavailable, DiskTrouble::Full] {
        for n in 1..=EFFECTS {
            let mut plan = quiet(3);
            plan.pieces = vec![(Place::Effect(n), Piece::Disk(trouble))];
            let ended = scene.play(&plan, true);
            assert_eq!(ended.breach, None, "{trouble:?} at effect {n}\n{}", ended.lines.join("\n"));
        }
    }
}
