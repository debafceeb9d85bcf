//! Whether an address of the network belongs to the public internet: the one predicate of the egress gate.
//!
//! Everything that is not known to be global is refused, so that a name can never lead into somebody's own network or
//! to a machine's metadata. Only values of the standard library: `cargo xtask addresses` compiles this file by itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address may be connected to when a name led to it.
///
/// An IPv4 address inside an IPv6 one (`::ffff:a.b.c.d`) is judged as the IPv4 address that it is.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This host, private, loopback, and from multicast on all that follows: class E and broadcast.
        [0 | 10 | 127 | 224..=255, ..] => false,
        // Shared by providers' customers (CGNAT).
        [100, 64..=127, ..] => false,
        // Link-local, where clouds keep their metadata.
        [169, 254, ..] => false,
        [172, 16..=31, ..] | [192, 168, ..] => false,
        // Protocol assignments, documentation, relays of 6to4.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] => false,
        // Benchmarks, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => false,
        _ => true,
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocol assignments (2001::/23, Teredo among them), documentation, 6to4, documentation again.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Global unicast. Outside of it is nothing that a name may lead to: unspecified, loopback, NAT64, discard, SRv6,
        // ULA, link-local, multicast.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}
