//! How many requests somebody may make: a bucket of tokens for each key, and for each address without a working key.
//!
//! A key pays for what it asks; everything else is paid by the address of the peer, an IPv6 one by its network of 64 bits.
//! A key that does not work costs more, so that guessing ends early. The memory is bounded: beyond it newcomers share one
//! bucket.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use threadkeep_core::time::Timestamp;

use super::Room;
use super::answer::Fault;
use crate::planted::{self, Bug};
use crate::web;

/// Buckets of one kind that are remembered.
const BUCKETS_MAX: usize = 10_000;
/// Buckets that are full again are looked for at most this often.
const SWEEP_MS: i64 = 1_000;
/// Parts of a token that are counted.
const PARTS: i64 = 60_000;
/// What a request costs, in tokens.
pub(super) const PLAIN: i64 = 1;
/// What a request with a key that does not work costs: thirty empty the bucket of an address.
pub(super) const WRONG_KEY: i64 = 2;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const USED: HeaderName = HeaderName::from_static("x-ratelimit-used");
const ACTION: HeaderName = HeaderName::from_static("x-ratelimit-action");

/// How many requests a bucket allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests at once, when nothing was asked for a while; 0 is no limit at all.
    pub burst: u32,
    /// Requests that come back in a minute.
    pub per_minute: u32,
}

/// Refused sign-ins that are noted in the log of administrative acts, of all strangers together.
const NOTED: Rate = Rate { burst: 20, per_minute: 2 };

/// The network address of a peer, as a request carries it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// How a bucket stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    limit: u32,
    remaining: i64,
    /// When the bucket is full again.
    reset_at: Timestamp,
    /// How long it takes until there are enough tokens; 0 when there were.
    wait_ms: i64,
}

/// Who has paid for a request; set once.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<OnceLock<Standing>>);

/// A request that is being answered.
pub(super) struct Metering {
    meter: Meter,
    peer: Option<Peer>,
}

/// All buckets.
pub(super) struct Limits {
    keys: Buckets<String>,
    addresses: Buckets<Option<IpAddr>>,
    noted: Buckets<()>,
}

struct Buckets<K> {
    rate: Rate,
    kept: Mutex<Kept<K>>,
}

struct Kept<K> {
    buckets: HashMap<K, Bucket>,
    shared: Bucket,
    swept_at: Timestamp,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Parts of tokens that are there.
    parts: i64,
    at: Timestamp,
}

/// Makes the peer pay for what no key will pay for; the answer, when it cannot.
pub(super) fn begin(room: &Room, request: &mut Request) -> Result<Metering, Box<Response>> {
    let meter = Meter::default();
    let peer = request.extensions().get::<Peer>().copied();
    // Without a key or a session nothing is done before the address has paid.
    if !request.headers().contains_key(AUTHORIZATION)
        && !web::pays_later(request)
        && let Err(fault) = room.limits.charge_address(&meter, (peer, PLAIN), room.app.clock.now())
    {
        return Err(Box::new(told(fault.into_response(), &meter)));
    }
    request.extensions_mut().insert(meter.clone());
    Ok(Metering { meter, peer })
}

impl Metering {
    /// Makes the peer pay for what nobody has paid for, and tells in the answer how the bucket stands.
    pub(super) fn end(self, room: &Room, response: Response) -> Response {
        let Self { meter, peer } = self;
        match room.limits.charge_address(&meter, (peer, PLAIN), room.app.clock.now()) {
            Ok(()) => told(response, &meter),
            Err(fault) => told(fault.into_response(), &meter),
        }
    }
}

fn told(mut response: Response, meter: &Meter) -> Response {
    let Some(standing) = meter.0.get().filter(|standing| standing.limit > 0) else { return response };
    let headers = response.headers_mut();
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(USED, HeaderValue::from(i64::from(standing.limit) - standing.remaining));
    headers.insert(ACTION, HeaderValue::from_static("requests"));
    headers.insert(RESET, HeaderValue::from(seconds(standing.reset_at.0)));
    if standing.wait_ms > 0 {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds(standing.wait_ms)));
    }
    response
}

impl Limits {
    pub(super) fn new(key: Rate, address: Rate) -> Self {
        Self { keys: Buckets::new(key), addresses: Buckets::new(address), noted: Buckets::new(NOTED) }
    }

    /// Makes a key pay.
    pub(super) fn charge_key(&self, meter: &Meter, key: &str, now: Timestamp) -> Result<(), Fault> {
        pay(meter, self.keys.take(key.to_owned(), PLAIN, now))
    }

    /// Whether one more refused sign-in may be noted.
    pub(super) fn may_note(&self, now: Timestamp) -> bool {
        self.noted.take((), PLAIN, now).wait_ms == 0
    }

    /// Makes the address of a peer pay, unless somebody has paid.
    pub(super) fn charge_address(
        &self,
        meter: &Meter,
        (peer, cost): (Option<Peer>, i64),
        now: Timestamp,
    ) -> Result<(), Fault> {
        match meter.0.get() {
            Some(_) => Ok(()),
            None => pay(meter, self.addresses.take(peer.map(|peer| network(peer.0.ip())), cost, now)),
        }
    }
}

fn pay(meter: &Meter, standing: Standing) -> Result<(), Fault> {
    // The first to set it has paid; a request is never charged twice.
    let _ = meter.0.set(standing);
    match standing.wait_ms {
        0 => Ok(()),
        _ => Err(Fault::TooManyRequests),
    }
}

/// The part of an address that one household or company has to itself.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}

impl<K: Eq + Hash> Buckets<K> {
    fn new(rate: Rate) -> Self {
        let full = Bucket { parts: i64::from(rate.burst) * PARTS, at: Timestamp(0) };
        let kept = Kept { buckets: HashMap::new(), shared: full, swept_at: Timestamp(0) };
        Self { rate, kept: Mutex::new(kept) }
    }

    fn take(&self, who: K, cost: i64, now: Timestamp) -> Standing {
        let rate = self.rate;
        let full = Bucket { parts: i64::from(rate.burst) * PARTS, at: now };
        // Counting goes on after a panic: the worst that it can leave is one bucket that is not brought up to date.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_crowded = kept.buckets.len() >= BUCKETS_MAX && !kept.buckets.contains_key(&who);
        if is_crowded && now.since_ms(kept.swept_at) >= SWEEP_MS {
            kept.swept_at = now;
            kept.buckets.retain(|_, bucket| bucket.refilled(rate, now).parts < full.parts);
        }
        let is_crowded = is_crowded && kept.buckets.len() >= BUCKETS_MAX;
        let bucket = match is_crowded {
            true => &mut kept.shared,
            false => kept.buckets.entry(who).or_insert(full),
        };
        *bucket = bucket.refilled(rate, now);
        bucket.take(rate, cost)
    }
}

impl Bucket {
    /// The bucket as it stands now. A clock that was put back takes nothing away and gives nothing.
    fn refilled(self, rate: Rate, now: Timestamp) -> Self {
        let passed_ms = now.since_ms(self.at).max(0);
        let came = passed_ms.saturating_mul(i64::from(rate.per_minute)).saturating_mul(PARTS / 60_000);
        let parts = self.parts.saturating_add(came).min(i64::from(rate.burst) * PARTS);
        Self { parts, at: if planted::is(Bug::RateLimitRefillsTwice) { self.at } else { now } }
    }

    fn take(&mut self, rate: Rate, cost: i64) -> Standing {
        let speed = i64::from(rate.per_minute).max(1) * (PARTS / 60_000);
        // A bucket that is smaller than the price would never be full enough.
        let price = cost.min(i64::from(rate.burst)) * PARTS;
        let has_enough = self.parts >= price || (self.parts >= 0 && planted::is(Bug::RateLimitOffByOne));
        if has_enough {
            self.parts -= price;
        }
        let missing = i64::from(rate.burst) * PARTS - self.parts;
        Standing {
            limit: rate.burst,
            remaining: self.parts / PARTS,
            reset_at: self.at.plus_ms(divided_up(missing, speed)),
            wait_ms: if has_enough { 0 } else { divided_up(price - self.parts, speed) },
        }
    }
}

fn seconds(ms: i64) -> i64 {
    divided_up(ms, 1_000)
}

fn divided_up(number: i64, by: i64) -> i64 {
    number.saturating_add(by - 1).div_euclid(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, per_minute: 60 };

    #[test]
    fn tokens_come_back_with_time_and_never_beyond_the_burst() {
        let buckets = Buckets::new(RATE);
        let take = |at| {
            let seen = buckets.take("a", PLAIN, Timestamp(at));
            (seen.remaining, seen.wait_ms, seen.reset_at.0)
        };
        assert_eq!(take(10_000), (2, 0, 11_000));
        assert_eq!(take(10_000), (1, 0, 12_000));
        assert_eq!(take(10_000), (0, 0, 13_000));
        assert_eq!(take(10_000), (0, 1_000, 13_000));
        assert_eq!(take(10_400), (0, 600, 13_000), "a refused request costs nothing");
        assert_eq!(take(9_000), (0, 600, 11_600), "a clock that was put back gives nothing");
        assert_eq!(take(10_000), (0, 0, 13_000 - 400));
        assert_eq!(take(1_000_000), (2, 0, 1_001_000));
    }

    #[test]
    fn the_memory_is_bounded_and_newcomers_share() {
        let buckets = Buckets::new(RATE);
        for one in 0..BUCKETS_MAX + 3 {
            assert_eq!(buckets.take(one, PLAIN, Timestamp(10_000)).wait_ms, 0, "{one}");
        }
        assert!(buckets.take(usize::MAX, PLAIN, Timestamp(10_000)).wait_ms > 0, "three have emptied the shared one");
        assert_eq!(buckets.take(0, PLAIN, Timestamp(10_000)).remaining, 1, "those that are known keep their own");
        assert_eq!(buckets.kept.lock().unwrap().buckets.len(), BUCKETS_MAX);
        assert_eq!(buckets.take(usize::MAX, PLAIN, Timestamp(20_000)).remaining, 2);
        assert_eq!(buckets.kept.lock().unwrap().buckets.len(), 1, "full ones are forgotten");
    }

    #[test]
    fn a_wrong_key_costs_twice_and_never_more_than_a_whole_bucket() {
        let take = |buckets: &Buckets<&str>| {
            let seen = buckets.take("a", WRONG_KEY, Timestamp(10_000));
            (seen.remaining, seen.wait_ms)
        };
        let buckets = Buckets::new(RATE);
        assert_eq!([take(&buckets), take(&buckets)], [(1, 0), (1, 1_000)]);
        let small = Buckets::new(Rate { burst: 1, per_minute: 60 });
        assert_eq!([take(&small), take(&small)], [(0, 0), (0, 1_000)]);
    }

    #[test]
    fn no_burst_is_no_limit() {
        let buckets = Buckets::new(Rate { burst: 0, per_minute: 0 });
        assert!((0..1_000).all(|_| buckets.take("a", PLAIN, Timestamp(5)).wait_ms == 0));
    }

    #[test]
    fn an_ipv6_network_is_one_peer_and_a_mapped_address_is_the_address() {
        let parse = |text: &str| network(text.parse().unwrap());
        assert_eq!(parse("2001:db8:1:2:3::9"), parse("2001:db8:1:2:ffff::"));
        assert_ne!(parse("2001:db8:1:2::"), parse("2001:db8:1:3::"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
        assert_ne!(parse("192.0.2.1"), parse("192.0.2.2"));
    }
}
