//! Every recorded page cut at every byte, with each byte replaced, and with each of its values replaced (F8, invariant I14).
//!
//! A page that was cut is never read as a page, so it changes nothing. One that was changed is refused, or gives only
//! what stands in it. Nothing panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use threadkeep_core::page::Trouble;

use crate::chance::Chance;
use crate::findings::{Breach, holds};
use crate::recorded::{Recorded, pages};
use crate::{say, seen};

/// Bytes that are put in at each place.
const BYTES_EACH: usize = 3;
/// What they are drawn from, besides any byte.
const BYTES: &[u8] = b"\0\"\\\xff{}[],:0-\x80 ne";
/// Findings that are told.
const TOLD_MAX: usize = 5;

/// Tries one of so many places of every page, on all processors.
pub fn run(every: usize, seed: u64) -> Result<()> {
    let all = pages()?;
    let bytes: usize = all.iter().map(|page| page.body.len()).sum();
    say(&format!("{} pages, {bytes} bytes, one of {every} places", all.len()));
    // A panic is a finding; it is told with its place.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, cases) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let findings = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(page) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (tried, found) = damaged(page, every.max(1), seed);
                    cases.fetch_add(tried, Ordering::Relaxed);
                    if let Ok(mut findings) = findings.lock() {
                        findings.extend(found);
                    }
                }
            });
        }
    });
    let findings = findings.into_inner().unwrap_or_default();
    if !findings.is_empty() {
        bail!(
            "{} findings\n{}",
            findings.len(),
            findings.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join("\n")
        );
    }
    say(&format!("{} damaged pages, nothing broken", cases.into_inner()));
    Ok(())
}

/// Damages one page in every way; how many there were, and what broke.
fn damaged(page: &Recorded, every: usize, seed: u64) -> (usize, Vec<String>) {
    let mut findings = Vec::new();
    let mut cases = 0;
    let mut attempt = |what: &dyn Fn() -> String, body: &[u8], is_cut: bool| {
        cases += 1;
        if let Err(breach) = tried(page, body, is_cut) {
            findings.push(format!("{}, {}: {}", page.name, what(), breach.0));
        }
    };
    // Each page begins somewhere else, so that a share covers many kinds of places.
    let first = page.name.len() % every;
    for end in (first..page.body.trim_ascii_end().len()).step_by(every) {
        attempt(&|| format!("cut after {end} bytes"), &page.body[..end], true);
    }
    let mut chance = Chance::seeded(seed);
    let mut body = page.body.clone();
    for at in (first..body.len()).step_by(every) {
        let original = body[at];
        for number in 0..BYTES_EACH {
            let byte = match number {
                0 => chance.byte(),
                _ => chance.one(BYTES).copied().unwrap_or_default(),
            };
            body[at] = byte;
            attempt(&|| format!("byte {at} as {byte:#04x}"), &body, false);
        }
        body[at] = original;
    }
    for (place, body) in hurt(&page.body, every, first) {
        attempt(&|| place.clone(), &body, false);
    }
    (cases, findings)
}

fn tried(page: &Recorded, body: &[u8], is_cut: bool) -> Result<(), Breach> {
    let read = catch_unwind(AssertUnwindSafe(|| page.question.read(body)));
    let Ok(read) = read else { return Err(Breach("it panicked".to_owned())) };
    match read {
        Ok(_) if is_cut => Err(Breach("a cut page was taken for a page".to_owned())),
        Ok(None) => Ok(()),
        Ok(Some(reply)) => seen::is_from(&reply, body),
        // An answer that cannot be read is asked again; no other trouble may come of a body.
        Err(Trouble::Unreadable { what }) => crate::findings::is_discreet(&what),
        Err(_) => holds(false, "it led to another trouble than an unreadable answer"),
    }
}

/// The page with one value after the other replaced by one of another kind.
fn hurt(body: &[u8], every: usize, first: usize) -> Vec<(String, Vec<u8>)> {
    let Ok(page) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let mut places = Vec::new();
    walk(&page, "", &mut places);
    let kinds =
        [json!(null), json!(true), json!(-1), json!(1e300), json!(""), json!([]), json!({}), json!("urn:li:x:(a,b)")];
    // A page is written anew for each, so these are fewer.
    let chosen = places.into_iter().enumerate().filter(|(number, _)| number % every == first % every);
    chosen
        .filter_map(|(number, place)| {
            let mut copy = page.clone();
            *copy.pointer_mut(&place)? = kinds[number % kinds.len()].clone();
            Some((format!("another value at {place}"), copy.to_string().into_bytes()))
        })
        .collect()
}

/// The places of all values, as JSON pointers.
fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            walk(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, value)| walk(value, &format!("{at}/{number}"), found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of so many places in an ordinary test run; `cargo xtask pages` tries each.
    const EVERY: usize = 397;
    /// Places of a page at most: a long page takes long.
    const PLACES_MAX: usize = 30;

    #[test]
    fn a_share_of_all_damaged_pages_breaks_nothing() {
        let mut cases = 0;
        for page in pages().unwrap() {
            let (tried, findings) = damaged(&page, EVERY.max(page.body.len() / PLACES_MAX), 1);
            assert!(findings.is_empty(), "{findings:?}");
            cases += tried;
        }
        assert!(cases > 1_000, "{cases}");
    }

    #[test]
    fn a_page_that_is_read_too_kindly_is_found() {
        let page = pages().unwrap().into_iter().find(|page| page.name.contains("messages")).unwrap();
        assert!(tried(&page, &page.body, true).is_err(), "a whole page is no cut one");
        assert!(tried(&page, &page.body, false).is_ok());
        let reply = page.question.read(&page.body).unwrap().unwrap();
        assert!(seen::is_from(&reply, b"{}").is_err(), "its ids are not in an empty body");
    }
}
