//! How the program behaves towards LinkedIn: reads only, one request at a time for an account, waits when it is told to,
//! and stops at the first sign that a session is over.
//!
//! A wait counts from the commit that wrote it: who is killed before that cannot remember it.

use std::collections::{BTreeMap, BTreeSet};

use threadkeep::source::egress::Answer;
use threadkeep_core::sync::pace::{Pace, RATE_LIMIT_MAX_MS, RATE_LIMIT_MS};
use threadkeep_sim::{LedgerLine, Purpose};

use super::book::Book;
use crate::breach;
use crate::doors::seconds_of_http_date;
use crate::stage::{Breach, Who};

/// A lease runs out after this; who is suspended longer may be overtaken (`SyncSettings`).
const LEASE_MS: i64 = 30_000;

/// How the paths of all files begin that LinkedIn hands out.
const LINKEDIN_FILES: &str = "/dms/";

/// After a jump of the clock the first write may have read the time before it.
const WRITES_OUT_OF_TIME: u32 = 2;

/// A date that is further away than this is not meant (`verdict`).
const RETRY_AFTER_MAX_MS: i64 = 7 * 24 * 3_600_000;

/// What an answer asks of whoever has asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// To wait until this time of the wall clock.
    Wait { until_ms: i64, is_block: bool },
    /// To ask nothing more with this session.
    Stop,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    account_pk: i64,
    demand: Demand,
    is_excused: bool,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    account_pk: i64,
    begun_at_ms: i64,
    /// The clock has jumped since, and leases with it.
    is_loose: bool,
    /// Somebody else has the account now: what this one learns it cannot write.
    is_overtaken: bool,
    /// The answer just before refused the CSRF secret, and this asks once more with the new one.
    is_second_try: bool,
}

/// The behaviour so far.
#[derive(Debug, Default)]
pub struct Manners {
    is_polite: bool,
    in_flight: BTreeMap<Who, InFlight>,
    /// The clock has jumped, and these have so many writes to go until their leases are of the clock of now: to the others
    /// they may look as if they were over.
    out_of_time: BTreeMap<Who, u32>,
    pending: BTreeMap<Who, Pending>,
    waits: BTreeMap<i64, (i64, bool)>,
    stopped: BTreeSet<i64>,
    rate_limits: BTreeMap<i64, u32>,
    /// Requests whose answer refused the CSRF secret, until they are sent once more.
    csrf_refused: BTreeMap<Who, InFlight>,
    takeovers: u64,
}

impl Manners {
    /// Nothing was asked yet.
    pub fn new(pace: Pace) -> Self {
        Self { is_polite: pace == Pace::Polite, ..Self::default() }
    }

    /// Leases that were taken over while their holder lived.
    pub fn takeovers(&self) -> u64 {
        self.takeovers
    }

    /// Waits that were measured by the old clock are not judged by the new one.
    pub fn clock_jumped(&mut self, workers: impl Iterator<Item = Who>) {
        self.waits.clear();
        self.out_of_time.extend(workers.map(|who| (who, WRITES_OUT_OF_TIME)));
        for one in self.in_flight.values_mut() {
            one.is_loose = true;
        }
        for pending in self.pending.values_mut() {
            if matches!(pending.demand, Demand::Wait { .. }) {
                pending.is_excused = true;
            }
        }
    }

    /// Somebody has written.
    pub fn has_written(&mut self, who: Who) {
        if let Some(left) = self.out_of_time.get_mut(&who) {
            *left -= 1;
        }
        self.out_of_time.retain(|_, left| *left > 0);
    }

    /// Whoever acts cannot write what it has learnt.
    pub fn excuse(&mut self, who: Who) {
        self.csrf_refused.remove(&who);
        if let Some(pending) = self.pending.get_mut(&who) {
            pending.is_excused = true;
        }
    }

    /// Others have written: who does not hold the job of its account any more cannot write what it has learnt.
    pub fn overtaken(&mut self, who: Who, holds: impl Fn(i64) -> bool) {
        if let Some(pending) = self.pending.get_mut(&who) {
            pending.is_excused |= !holds(pending.account_pk);
        }
        for one in [self.in_flight.get_mut(&who), self.csrf_refused.get_mut(&who)].into_iter().flatten() {
            one.is_overtaken |= !holds(one.account_pk);
        }
    }

    /// The account was removed.
    pub fn account_gone(&mut self, pk: i64) {
        self.pending.retain(|_, pending| pending.account_pk != pk);
        self.waits.remove(&pk);
        self.stopped.remove(&pk);
        self.rate_limits.remove(&pk);
    }

    /// A person has given new cookies.
    pub fn logged_in(&mut self, pk: i64) {
        self.stopped.remove(&pk);
    }

    /// A person has ended a wait after a 999.
    pub fn forced(&mut self, pk: i64) {
        if self.waits.get(&pk).is_some_and(|(_, is_block)| *is_block) {
            self.waits.remove(&pk);
        }
    }

    /// A request is about to be sent.
    pub fn begin(
        &mut self,
        who: Who,
        account: Option<i64>,
        (wall_ms, true_ms): (i64, i64),
        book: &Book,
    ) -> Result<(), Breach> {
        let Who::Node(number) = who else { return Ok(()) };
        // Who was overtaken meanwhile notices it when it wants to write.
        let Some(account_pk) = account.or_else(|| book.held_by(number)) else { return Ok(()) };
        let others = self.in_flight.iter().filter(|(other, one)| **other != who && one.account_pk == account_pk);
        let overtaken = others.clone().count();
        if others.map(|(_, one)| one).any(|one| !one.is_loose && true_ms - one.begun_at_ms < LEASE_MS) {
            return Err(breach!("one request in flight", "two processes ask for account {account_pk} at once"));
        }
        self.takeovers += u64::try_from(overtaken).unwrap_or(0);
        let first = self.csrf_refused.remove(&who);
        let (is_second_try, is_overtaken) = (first.is_some(), first.is_some_and(|one| one.is_overtaken));
        let is_loose = self.out_of_time.contains_key(&who);
        let one = InFlight { account_pk, begun_at_ms: true_ms, is_loose, is_overtaken, is_second_try };
        self.in_flight.insert(who, one);
        if let Some(pending) = self.pending.remove(&who)
            && pending.account_pk == account_pk
            && !pending.is_excused
        {
            return Err(breach!("backoff is obeyed", "node {number} asks on after {:?}", pending.demand));
        }
        if self.stopped.contains(&account_pk) {
            return Err(breach!("a dead session asks nothing", "node {number} asks for account {account_pk}"));
        }
        match self.waits.get(&account_pk) {
            Some((until_ms, _)) if *until_ms > wall_ms => {
                let early_ms = until_ms - wall_ms;
                Err(breach!("backoff is obeyed", "node {number} asks {early_ms} ms too early"))
            }
            _ => Ok(()),
        }
    }

    /// Nobody waits for the request any more.
    pub fn end(&mut self, who: Who) {
        self.in_flight.remove(&who);
    }

    /// What an answer asks for.
    pub fn judge(&mut self, who: Who, wall_ms: i64, line: &LedgerLine, seen: Option<&Answer>) -> Result<(), Breach> {
        if line.writes {
            return Err(breach!("only reads", "a writing request was sent: {} {}", line.method, line.path));
        }
        if line.media.as_ref().is_some_and(|media| media.cookies_leaked) {
            return Err(breach!("cookies stay home", "cookies went to a host that only serves files"));
        }
        let Some(one) = self.in_flight.get(&who).copied() else { return Ok(()) };
        let InFlight { account_pk, is_overtaken, is_second_try, .. } = one;
        let Some(answer) = seen else { return Ok(()) };
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let is_file = line.purpose == Purpose::Media;
        let demand = match answer.status {
            429 => Some(self.rate_limited(account_pk, wall_ms, header("retry-after"))),
            // A service of GIFs is not LinkedIn, and knows nothing of the account.
            999 if is_file && !line.path.starts_with(LINKEDIN_FILES) => None,
            999 => Some(Demand::Wait { until_ms: self.blocked_until(wall_ms), is_block: true }),
            // A file that is refused may only have a dead link: its message is asked, and tells.
            401 | 403 if is_file => None,
            401 => Some(Demand::Stop),
            302 if !is_file => Some(Demand::Stop),
            403 if answer.body.starts_with(b"CSRF") && !is_second_try => {
                self.csrf_refused.insert(who, one);
                None
            }
            403 => Some(Demand::Stop),
            _ => None,
        };
        if answer.status != 429 && answer.status < 400 {
            self.rate_limits.remove(&account_pk);
        }
        if let Some(demand) = demand {
            self.pending.insert(who, Pending { account_pk, demand, is_excused: is_overtaken });
        }
        Ok(())
    }

    fn blocked_until(&self, wall_ms: i64) -> i64 {
        if self.is_polite { wall_ms + threadkeep_core::sync::pace::BLOCKED_MS } else { wall_ms }
    }

    fn rate_limited(&mut self, account_pk: i64, wall_ms: i64, retry_after: Option<&str>) -> Demand {
        let count = self.rate_limits.entry(account_pk).or_default();
        let doubled = RATE_LIMIT_MS.saturating_mul(1 << (*count).min(10)).min(RATE_LIMIT_MAX_MS);
        let own_ms = if self.is_polite { doubled } else { 0 };
        let date = retry_after.and_then(seconds_of_http_date);
        let wait_ms = match retry_after.map(str::parse::<i64>) {
            Some(Ok(seconds)) if (0..=1_000_000).contains(&seconds) => (seconds * 1_000).min(RATE_LIMIT_MAX_MS),
            // A date of the past asks for nothing, and neither does one that is too far away to be meant.
            Some(Err(_)) => match date.map(|seconds| seconds * 1_000 - wall_ms) {
                Some(wait_ms) if (0..=RETRY_AFTER_MAX_MS).contains(&wait_ms) => wait_ms.min(RATE_LIMIT_MAX_MS),
                _ => own_ms,
            },
            _ => own_ms,
        };
        Demand::Wait { until_ms: wall_ms + wait_ms, is_block: false }
    }

    /// Whether a wait until then is all that is asked of somebody.
    pub fn is_covered(&self, who: Who, pk: i64, until_ms: i64) -> bool {
        self.pending.get(&who).filter(|pending| pending.account_pk == pk).is_some_and(
            |pending| matches!(pending.demand, Demand::Wait { until_ms: asked_ms, .. } if asked_ms <= until_ms),
        )
    }

    /// What was asked for is written: from now on it holds for everybody.
    pub fn settled(&mut self, who: Who, pk: i64) {
        let Some(pending) = self.pending.get(&who).filter(|pending| pending.account_pk == pk).copied() else { return };
        self.pending.remove(&who);
        match pending.demand {
            Demand::Stop => drop(self.stopped.insert(pk)),
            Demand::Wait { until_ms, is_block } if !pending.is_excused => {
                self.waits.insert(pk, (until_ms, is_block));
                if !is_block {
                    *self.rate_limits.entry(pk).or_default() += 1;
                }
            }
            Demand::Wait { .. } => {}
        }
    }
}
