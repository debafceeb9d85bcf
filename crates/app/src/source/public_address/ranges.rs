//! The addresses that are not public, as the registries list them: the second opinion on `is_public`.
//!
//! Written another way than the predicate on purpose: networks as text, compared by masks. Only tests and
//! `cargo xtask addresses` use it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public (IANA's special-purpose registry, multicast and class E).
pub const CLOSED_V4: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
];

/// IPv6 networks that are not public; the first lines are everything outside of global unicast.
pub const CLOSED_V6: [&str; 24] = [
    "::/3",
    "4000::/2",
    "8000::/1",
    "::/128",
    "::1/128",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:1::/32",
    "2001:2::/48",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// A network: its first address and the bits that count, both as numbers.
pub type Network = (u128, u128);

/// The second opinion.
pub fn is_public_by_ranges(address: IpAddr, v4: &[Network], v6: &[Network]) -> bool {
    let is_outside = |number: u128, networks: &[Network]| networks.iter().all(|(first, mask)| number & mask != *first);
    match address {
        IpAddr::V4(address) => is_outside(u128::from(u32::from(address)), v4),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => is_public_by_ranges(inner.into(), v4, v6),
            None => is_outside(u128::from(address), v6),
        },
    }
}

/// Networks from their texts; a wrong text is left out, which the comparison then shows.
pub fn networks(texts: &[&str]) -> Vec<Network> {
    let read = |text: &&str| {
        let (first, bits) = text.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        let (number, width) = match first.parse().ok()? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let free = width - bits;
        let whole = if width == 32 { u128::from(u32::MAX) } else { u128::MAX };
        let mask = if free == 128 { 0 } else { whole >> free << free };
        Some((number, mask))
    };
    texts.iter().filter_map(read).collect()
}

/// The first and the last address of each network, and their neighbours.
pub fn boundaries(v4: &[Network], v6: &[Network]) -> Vec<IpAddr> {
    let around = |(first, mask): &Network, whole: u128| {
        let last = first | (whole & !mask);
        [first.saturating_sub(1), *first, first + u128::from(*first < whole), last.saturating_sub(1), last, {
            last + u128::from(last < whole)
        }]
    };
    let v4 = v4.iter().flat_map(|network| around(network, u128::from(u32::MAX)));
    let v4 = v4.filter_map(|number| u32::try_from(number).ok()).map(|number| IpAddr::from(Ipv4Addr::from(number)));
    let v6 =
        v6.iter().flat_map(|network| around(network, u128::MAX)).map(|number| IpAddr::from(Ipv6Addr::from(number)));
    v4.chain(v6).collect()
}

/// Numbers that look random and are the same every time (splitmix64).
pub struct Numbers(pub u64);

impl Iterator for Numbers {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(mixed ^ (mixed >> 31))
    }
}
