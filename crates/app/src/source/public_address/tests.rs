//! The predicate against the second opinion; all 2^32 addresses of IPv4 are in `cargo xtask addresses`.

#[path = "ranges.rs"]
mod ranges;

use std::net::IpAddr;

use ranges::{CLOSED_V4, CLOSED_V6, Numbers, boundaries, is_public_by_ranges, networks};

use super::public_address::is_public;

/// Random addresses of each family.
const RANDOM: usize = 1_000_000;

#[test]
fn both_opinions_agree_on_every_boundary_and_on_random_addresses() {
    let (v4, v6) = (networks(&CLOSED_V4), networks(&CLOSED_V6));
    assert_eq!((v4.len(), v6.len()), (CLOSED_V4.len(), CLOSED_V6.len()));
    let agrees = |address: IpAddr| assert_eq!(is_public(address), is_public_by_ranges(address, &v4, &v6), "{address}");
    boundaries(&v4, &v6).into_iter().for_each(agrees);
    let mut numbers = Numbers(7);
    for number in numbers.by_ref().take(RANDOM) {
        agrees(IpAddr::from((number as u32).to_be_bytes()));
    }
    // Most of IPv6 is closed at a glance: half of the addresses lie where the exceptions are.
    let starts: [u16; 8] = [0x2000, 0x2001, 0x2002, 0x2a00, 0x3ffe, 0x3fff, 0x0064, 0x0000];
    for place in 0..RANDOM {
        let (high, low) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        let mut segments = [0u16; 8];
        for (index, segment) in segments.iter_mut().enumerate() {
            let half = if index < 4 { high } else { low };
            *segment = (half >> (16 * (index % 4))) as u16;
        }
        if place % 2 == 0 {
            segments[0] = starts[place / 2 % starts.len()];
            segments[1] = if place % 3 == 0 { segments[1] % 0x0400 } else { segments[1] };
        }
        agrees(IpAddr::from(segments));
    }
}

#[test]
fn well_known_addresses_are_judged_as_everybody_knows() {
    let closed = "127.0.0.1 0.0.0.0 10.1.2.3 100.64.0.1 169.254.169.254 172.31.255.255 192.168.1.1 192.0.0.8 192.88.99.1 \
                  198.19.255.255 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::7f00:1 \
                  64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fe80::1 \
                  ff02::1";
    for address in closed.split_whitespace() {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
    for address in "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 172.32.0.0 192.0.1.0 223.255.255.255 2606:4700::1111 \
                    2a00:1450:4001:81b::200e 2001:4860:4860::8888 ::ffff:8.8.8.8"
        .split_whitespace()
    {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}
