//! All addresses of IPv4, and many of IPv6: whether the egress gate's predicate and a second opinion are the same.
//!
//! Both are compiled from the program's own files. The second opinion is asked once for each stretch between the borders
//! of its networks, so that four billion addresses take seconds. A difference is an address that could be reached and
//! must not be, or the other way round.

#[path = "../../crates/app/src/source/public_address.rs"]
mod public_address;
#[path = "../../crates/app/src/source/public_address/ranges.rs"]
mod ranges;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::tidy::report::{say_error, say_result};
use public_address::is_public;
use ranges::{CLOSED_V4, CLOSED_V6, Network, Numbers, boundaries, is_public_by_ranges, networks};

/// Random addresses of IPv6.
const RANDOM_V6: usize = 100_000_000;
/// Differences that are shown.
const SHOWN_MAX: usize = 20;

/// Runs this chore in a release build.
pub fn built(root: &Path) -> anyhow::Result<ExitCode> {
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--locked", "--release", "--package", "xtask", "--", "addresses", "--here"])
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares.
pub fn run() -> ExitCode {
    let (v4, v6) = (networks(&CLOSED_V4), networks(&CLOSED_V6));
    let mut different = Vec::new();
    let mut compared: u64 = 0;
    for (first, last) in stretches(&v4) {
        let expected = is_public_by_ranges(Ipv4Addr::from(first).into(), &v4, &v6);
        compared += u64::from(last - first) + 1;
        let wrong = (first..=last).map(|number| IpAddr::from(Ipv4Addr::from(number)));
        different.extend(wrong.filter(|address| is_public(*address) != expected).take(SHOWN_MAX));
    }
    let random = random_v6().take(RANDOM_V6).chain(boundaries(&v4, &v6));
    for address in random {
        compared += 1;
        if is_public(address) != is_public_by_ranges(address, &v4, &v6) && different.len() < SHOWN_MAX {
            different.push(address);
        }
    }
    for address in different.iter().take(SHOWN_MAX) {
        say_error(&format!("the two opinions differ on {address}"));
    }
    match different.is_empty() {
        true => {
            say_result(&format!("{compared} addresses compared, no difference"));
            ExitCode::SUCCESS
        }
        false => ExitCode::FAILURE,
    }
}

/// All of IPv4, cut where a network begins or ends.
fn stretches(v4: &[Network]) -> Vec<(u32, u32)> {
    let narrow = |number: u128| u32::try_from(number).ok();
    let starts = v4.iter().filter_map(|(first, _)| narrow(*first));
    let after = v4.iter().filter_map(|(first, mask)| narrow((first | (u128::from(u32::MAX) & !mask)) + 1));
    let mut starts: Vec<u32> = starts.chain(after).chain([0]).collect();
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([u32::MAX]);
    starts.iter().copied().zip(ends).collect()
}

/// Random addresses, half of them where the exceptions are.
fn random_v6() -> impl Iterator<Item = IpAddr> {
    let mut numbers = Numbers(11);
    std::iter::from_fn(move || {
        let (high, low, kind) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let start: u64 = match kind % 8 {
            0 => 0x2001 << 48 | (high & 0x0000_03ff_ffff_ffff),
            1 => 0x2002 << 48 | (high >> 16),
            2 => 0x3fff << 48 | (high & 0x0000_1fff_ffff_ffff),
            3 => 0x2000 << 48 | (high >> 3),
            _ => high,
        };
        Some(IpAddr::from(Ipv6Addr::from(u128::from(start) << 64 | u128::from(low))))
    })
}
