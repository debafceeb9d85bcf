//! Each kind of fault alone, at each of the first requests; and the same seed twice.

use threadkeep_seeds::draw::{FAULT_RATES, Rates, draw, quiet};
use threadkeep_seeds::life::Scene;
use threadkeep_sim::Fault;

/// Requests of a small first sync.
const REQUESTS: u64 = 6;

#[test]
fn one_fault_anywhere_is_survived() {
    let scene = Scene::memory().unwrap();
    let mut struck = std::collections::BTreeSet::new();
    for (kind, _) in FAULT_RATES {
        for at in 1..=REQUESTS {
            let mut plan = quiet(5);
            plan.faults = vec![(kind, Fault { at: vec![at], total_bytes: None, ..Fault::default() })];
            let ended = scene.play(&plan, true);
            assert_eq!(ended.breach, None, "{} at {at}\n{}", kind.name(), ended.lines.join("\n"));
            struck.extend(ended.tally.faults.into_keys());
        }
    }
    assert!(struck.len() > 20, "only {struck:?} struck");
}

#[test]
fn the_same_seed_is_the_same_life() {
    let (one, other) = (Scene::memory().unwrap(), Scene::memory().unwrap());
    for seed in 40..52 {
        let plan = draw(seed, Rates::default());
        // Another seed in between must not leave anything behind.
        other.play(&draw(seed + 1_000, Rates::default()), false);
        assert_eq!(one.play(&plan, false).hash, other.play(&plan, false).hash, "seed {seed}");
    }
}
