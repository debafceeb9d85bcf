//! Many lives: seeds in a row, on as many threads as wanted, and what came of all of them.
//!
//! Each thread has a scene of its own, and each seed is independent of its neighbours: every hundredth one is lived twice
//! and must come out the same.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::breach;
use crate::draw::{Rates, draw};
use crate::life::{Ended, Scene};
use crate::tally::Tally;

/// Every so many seeds one is lived twice.
const TWICE_EVERY: u64 = 100;
/// Failures that are kept.
const FAILURES_MAX: usize = 50;

/// Which lives.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub count: u64,
    /// Threads.
    pub threads: usize,
    /// Whether the first failure ends it.
    pub stops_at_first: bool,
    /// How much trouble.
    pub rates: Rates,
}

/// What came of them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// All counts together.
    pub tally: Tally,
    /// Lives in which something did not hold, by seed.
    pub failures: Vec<Ended>,
    /// How many there were, also of those that were not kept.
    pub failed: u64,
}

/// Lives them all; `scene` makes a thread's own place, `failed` is told of each failure at once.
pub fn live_all(
    wanted: Wanted,
    scene: impl Fn(usize) -> anyhow::Result<Scene> + Sync,
    failed: impl Fn(&Ended) + Sync,
) -> anyhow::Result<Outcome> {
    let next = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let outcome = Mutex::new(Outcome::default());
    let work = |thread: usize| -> anyhow::Result<()> {
        let scene = scene(thread)?;
        let mut tally = Tally::default();
        while !is_over.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= wanted.count {
                break;
            }
            let ended = live_one(&scene, wanted.from.wrapping_add(number), wanted.rates);
            tally.add(&ended.tally);
            if ended.breach.is_some() {
                failed(&ended);
                is_over.fetch_or(wanted.stops_at_first, Ordering::Relaxed);
                let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                outcome.failed += 1;
                if outcome.failures.len() < FAILURES_MAX {
                    outcome.failures.push(ended);
                }
            }
        }
        outcome.lock().unwrap_or_else(PoisonError::into_inner).tally.add(&tally);
        scene.finish()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..wanted.threads.max(1)).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked")))
    })?;
    let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.failures.sort_by_key(|ended| ended.seed);
    Ok(outcome)
}

/// One seed, and for every hundredth the proof that it is repeatable.
pub fn live_one(scene: &Scene, seed: u64, rates: Rates) -> Ended {
    let plan = draw(seed, rates);
    let mut ended = scene.play(&plan, false);
    if seed.is_multiple_of(TWICE_EVERY) && ended.breach.is_none() {
        let again = scene.play(&plan, false);
        if again.hash != ended.hash {
            let (first, second) = (ended.hash, again.hash);
            ended.breach = Some(breach!("a seed is repeatable", "its story has the hashes {first:x} and {second:x}"));
        }
    }
    ended
}
