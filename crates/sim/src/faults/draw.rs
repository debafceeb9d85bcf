//! Draws the trouble of one request from a configuration.
//!
//! At most one fault strikes a request, besides latency. The only memory is how often each kind was asked and has
//! struck, so equal seeds and equal requests give equal trouble.

use std::collections::BTreeMap;

use crate::chance::Chance;
use crate::ledger::Purpose;

use super::{Fault, FaultKind, Faults, LATENCY_MAX_MS};

/// The trouble of one request.
#[derive(Debug, Clone, Default)]
pub struct Drawn {
    /// The fault that strikes, with its particulars.
    pub fault: Option<(FaultKind, Fault)>,
    /// How long the answer waits.
    pub delay_ms: u64,
}

/// A configuration at work.
#[derive(Debug, Default)]
pub struct FaultState {
    faults: Faults,
    counters: BTreeMap<FaultKind, Counter>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    asked: u64,
    struck: u64,
    /// Value of `asked` when it struck last.
    last: Option<u64>,
    burst_left: u32,
}

impl FaultState {
    /// Starts with a configuration; every count begins anew.
    pub fn new(faults: Faults) -> Self {
        Self { faults, counters: BTreeMap::new() }
    }

    /// The configuration.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How often each kind has struck.
    pub fn struck(&self) -> impl Iterator<Item = (FaultKind, u64)> {
        self.counters.iter().map(|(kind, counter)| (*kind, counter.struck))
    }

    /// Draws for a request of this purpose to this path.
    pub fn draw(&mut self, purpose: Purpose, path: &str, chance: &mut Chance) -> Drawn {
        let mut hits: Vec<(FaultKind, &Fault)> = Vec::new();
        let mut delay_ms = 0;
        for (&kind, fault) in &self.faults.kinds {
            let meant = fault.only.is_empty() || fault.only.contains(&purpose);
            let there = fault.path.as_deref().is_none_or(|part| path.contains(part));
            if !meant || !there || !kind.concerns(purpose) {
                continue;
            }
            let counter = self.counters.entry(kind).or_default();
            if !strikes(counter, fault, chance) || is_too_soon(kind, counter, fault) {
                continue;
            }
            if kind == FaultKind::Latency {
                counter.struck += 1;
                let low = fault.min_ms.unwrap_or(0);
                let high = fault.max_ms.unwrap_or(low.max(LATENCY_DEFAULT_MS));
                delay_ms = chance.between(low, high.min(LATENCY_MAX_MS));
            } else {
                hits.push((kind, fault));
            }
        }
        let chosen = hits.get(chance.index(hits.len())).map(|(kind, fault)| (*kind, (*fault).clone()));
        Drawn { fault: chosen, delay_ms }
    }

    /// Notes that a drawn fault really made a difference.
    pub fn note(&mut self, kind: FaultKind) {
        let counter = self.counters.entry(kind).or_default();
        counter.struck += 1;
        counter.last = Some(counter.asked);
    }
}

/// Longest wait of a latency fault that names none.
const LATENCY_DEFAULT_MS: u64 = 50;

/// A passing `csrf_failed` never strikes twice in a row unless a burst is asked for: a client that sees it again at once
/// has to stop (upstream protocol 1.5).
fn is_too_soon(kind: FaultKind, counter: &Counter, fault: &Fault) -> bool {
    let again = counter.last.is_some_and(|last| last + 1 == counter.asked);
    kind == FaultKind::CsrfFailed && fault.burst.is_none() && !fault.kills(kind) && again
}

fn strikes(counter: &mut Counter, fault: &Fault, chance: &mut Chance) -> bool {
    counter.asked += 1;
    if fault.times.is_some_and(|most| counter.struck >= most) {
        return false;
    }
    if counter.burst_left > 0 {
        counter.burst_left -= 1;
        return true;
    }
    let hit = fault.at.contains(&counter.asked) || chance.happens(fault.rate);
    if hit {
        counter.burst_left = fault.burst.unwrap_or(1).saturating_sub(1);
    }
    hit
}
