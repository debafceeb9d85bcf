//! The one door to randomness of the simulator: a seeded generator, so that a run can be repeated exactly.
//!
//! Nothing else in this crate's wire half may make random choices, and nothing may ever seed this from the outside world.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A seeded source of chance.
#[derive(Debug, Clone)]
pub struct Chance {
    generator: ChaCha8Rng,
}

impl Chance {
    /// The source that belongs to a seed.
    pub fn seeded(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Whether something with this probability happens; values outside 0 to 1 are clamped.
    pub fn happens(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.generator.random_bool(rate.clamp(0.0, 1.0))
    }

    /// A number from `low` to `high`, both included; `low` when the range is empty.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        if low >= high { low } else { self.generator.random_range(low..=high) }
    }

    /// An index below `length`; 0 when there is nothing to choose.
    pub fn index(&mut self, length: usize) -> usize {
        let last = u64::try_from(length.saturating_sub(1)).unwrap_or(0);
        usize::try_from(self.between(0, last)).unwrap_or(0)
    }

    /// That many characters of an alphabet.
    pub fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).filter_map(|_| letters.get(self.index(letters.len())).copied()).collect()
    }
}

/// A stable number for a text (FNV-1a), for choices that must be the same in every run and every answer.
pub fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
