//! How many connections each peer has open, so that one of them cannot take all places.
//!
//! A place is given back when its value is dropped; nothing else may count down.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::limits::network;

/// The open connections of each peer; an IPv6 one is its network of 64 bits.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    max: u32,
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// One open connection; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Place {
    peers: Peers,
    network: IpAddr,
}

impl Peers {
    /// None has more than this many.
    pub(super) fn new(max: u32) -> Self {
        Self { max: max.max(1), open: Arc::default() }
    }

    /// A place for one more connection; `None` when the peer has all that it may have.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Place { peers: self.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_places_and_gives_them_back() {
        let peers = Peers::new(2);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let first = peers.enter(one);
        let second = peers.enter(one);
        assert!(first.is_some() && second.is_some() && peers.enter(one).is_none());
        assert!(peers.enter(other).is_some(), "another peer has its own");
        drop(first);
        let third = peers.enter(one);
        assert!(third.is_some() && peers.enter(one).is_none());
        drop((second, third));
        assert!(peers.open.lock().unwrap().is_empty(), "nobody is remembered for ever");
    }
}
