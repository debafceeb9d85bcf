//! Feeds a target: starts from its corpus, keeps inputs that lead somewhere new, stops at the first that breaks something.
//!
//! What broke is made smaller, kept as a file, and the command that tries it again is told. An input that takes too long
//! is a finding like any other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use threadkeep::clock::{Clock as _, SystemClock};
use threadkeep::lifecycle::spawn_thread;

use crate::chance::Chance;
use crate::findings::Breach;
use crate::mutation::mutated;
use crate::say;
use crate::targets::{Target, all};

/// An input that takes longer hangs.
const HANG: Duration = Duration::from_secs(30);
/// Inputs that are kept to be changed further.
const POOL_MAX: usize = 4_096;
/// Inputs between two looks at the clock.
const ROUND: u32 = 16;
/// Tries to make a finding smaller.
const SHRINKS_MAX: u32 = 3_000;

/// What the feeding thread tells.
enum News {
    /// It is alive.
    Alive,
    /// It has stopped: after so many inputs of so many shapes, or at a finding.
    Over(Result<(u64, usize), (Vec<u8>, Breach)>),
}

/// Feeds one target or all of them.
pub fn run(only: Option<&str>, seconds: u32, seed: u64) -> Result<()> {
    let targets: Vec<Target> = all().into_iter().filter(|one| only.is_none_or(|name| one.name == name)).collect();
    if targets.is_empty() {
        let names: Vec<&str> = all().iter().map(|one| one.name).collect();
        bail!("no such target; there are {}", names.join(", "));
    }
    // A panic is a finding; it is told once, with its input.
    std::panic::set_hook(Box::new(|_| {}));
    targets.into_iter().try_for_each(|target| feed(target, seconds, seed))
}

/// Tries one kept input, and lets a panic tell where it is.
pub fn replay(name: &str, path: &Path) -> Result<()> {
    let target = all().into_iter().find(|one| one.name == name).context("no such target")?;
    let input = std::fs::read(path)?;
    match (target.run)(&input) {
        Ok(_) => {
            say("nothing is broken");
            Ok(())
        }
        Err(breach) => bail!("{}", breach.0),
    }
}

/// The committed inputs of a target.
pub fn corpus(target: &Target) -> Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("{} has no corpus", target.name))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    let mut inputs = paths.iter().map(|path| Ok(std::fs::read(path)?)).collect::<Result<Vec<_>>>()?;
    inputs.extend((target.more)()?);
    Ok(inputs)
}

/// Tries one input; a panic is a breach.
pub fn tried(target: &Target, input: &[u8]) -> crate::findings::Outcome {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).unwrap_or_else(|panic| {
        let told = panic.downcast_ref::<String>().cloned();
        let told = told.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Breach(format!("it panicked: {}", told.unwrap_or_default())))
    })
}

fn feed(target: Target, seconds: u32, seed: u64) -> Result<()> {
    let current = Arc::<Mutex<Vec<u8>>>::default();
    let (news, told) = channel();
    let seen = current.clone();
    let name = target.name;
    let inputs = corpus(&target)?;
    spawn_thread(name, move || {
        let over = fed(&target, inputs, seconds, seed, &seen, &news);
        // Nobody listens any more when it was given up.
        let _ = news.send(News::Over(over));
    })?;
    loop {
        match told.recv_timeout(HANG) {
            Ok(News::Alive) => {}
            Ok(News::Over(Ok((count, shapes)))) => {
                say(&format!("{name}: {count} inputs, {shapes} shapes, nothing broken"));
                return Ok(());
            }
            Ok(News::Over(Err((input, breach)))) => return keep(name, &input, &breach),
            Err(RecvTimeoutError::Timeout) => {
                let input = current.lock().map(|input| input.clone()).unwrap_or_default();
                return keep(name, &input, &Breach("it takes too long".to_owned()));
            }
            Err(RecvTimeoutError::Disconnected) => bail!("{name}: the runner itself panicked"),
        }
    }
}

fn fed(
    target: &Target,
    mut pool: Vec<Vec<u8>>,
    seconds: u32,
    seed: u64,
    current: &Mutex<Vec<u8>>,
    news: &Sender<News>,
) -> Result<(u64, usize), (Vec<u8>, Breach)> {
    let until = SystemClock.now().plus_ms(i64::from(seconds) * 1_000);
    let mut chance = Chance::seeded(seed);
    let mut shapes = std::collections::BTreeSet::new();
    let mut count = 0;
    let mut attempt = |input: &[u8], shapes: &mut std::collections::BTreeSet<_>| {
        count += 1;
        if let Ok(mut current) = current.lock() {
            current.clear();
            current.extend_from_slice(input);
        }
        match tried(target, input) {
            Ok(shape) => Ok(shapes.insert(shape)),
            Err(breach) => Err(shrunk(target, input.to_vec(), breach)),
        }
    };
    for input in &pool {
        attempt(input, &mut shapes)?;
    }
    while SystemClock.now() < until {
        let _ = news.send(News::Alive);
        for _ in 0..ROUND {
            let base = chance.one(&pool).cloned().unwrap_or_default();
            let input = mutated(&base, &pool, target.words, &mut chance);
            if attempt(&input, &mut shapes)? && pool.len() < POOL_MAX {
                pool.push(input);
            }
        }
    }
    Ok((count, shapes.len()))
}

/// A smaller input that breaks the same.
fn shrunk(target: &Target, mut input: Vec<u8>, breach: Breach) -> (Vec<u8>, Breach) {
    let mut piece = input.len() / 2;
    let mut tries = 0;
    while piece > 0 && tries < SHRINKS_MAX {
        let mut at = 0;
        while at < input.len() && tries < SHRINKS_MAX {
            tries += 1;
            let mut less = input.clone();
            less.drain(at..(at + piece).min(input.len()));
            match tried(target, &less) {
                Err(same) if same == breach => input = less,
                _ => at += piece,
            }
        }
        piece /= 2;
    }
    (input, breach)
}

/// Keeps a finding as a file, and fails with the command that tries it again.
fn keep(name: &str, input: &[u8], breach: &Breach) -> Result<()> {
    let folder = std::env::current_dir()?.join("target/fuzz").join(name);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{:016x}", fingerprint(input)));
    std::fs::write(&path, input)?;
    bail!(
        "{name}: {}\n{} bytes are kept; again: cargo xtask fuzz --target {name} --replay {}",
        breach.0,
        input.len(),
        path.display()
    )
}

/// FNV-1a.
fn fingerprint(input: &[u8]) -> u64 {
    input.iter().fold(0xCBF2_9CE4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Shape;

    #[test]
    fn the_corpus_of_each_target_breaks_nothing() {
        for target in all() {
            let inputs = corpus(&target).unwrap();
            assert!(inputs.len() >= 3, "{} has a small corpus", target.name);
            for input in inputs {
                assert!(tried(&target, &input).is_ok(), "{}: {:?}", target.name, tried(&target, &input));
            }
        }
    }

    #[test]
    fn a_finding_is_found_and_made_smaller() {
        let target = Target {
            name: "wire",
            words: &["needle"],
            more: || Ok(Vec::new()),
            run: |input| match String::from_utf8_lossy(input).contains("needle") {
                true => panic!("found"),
                false => Ok(Shape::of(&input.len())),
            },
        };
        let current = Mutex::default();
        let (news, _told) = channel();
        let found = fed(&target, vec![b"hay hay hay".to_vec()], 60, 3, &current, &news);
        let (input, breach) = found.err().unwrap();
        assert_eq!((input.as_slice(), breach.0.as_str()), (&b"needle"[..], "it panicked: found"));
    }
}
