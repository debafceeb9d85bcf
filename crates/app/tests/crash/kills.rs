//! The process is killed, or the power is lost, before and after each durable effect (invariants I6 and I7).
//!
//! A suite is one scenario with one kind of end. An ordinary test run tries a share; `cargo xtask crash` tries each.

use anyhow::{Context as _, Result};

use crate::dose::{Dose, each};
use crate::scenarios::scenario;
use crate::shim::{Fault, shim};
use crate::trial::{Reference, stopped};

/// One of so many points is tried in an ordinary test run.
const EVERY: u64 = 50;

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    Power,
}

async fn suite(name: &str, end: End) -> Result<()> {
    let test = format!("{end:?} {name}");
    let Some(shim) = shim(&test)? else { return Ok(()) };
    let scenario = scenario(name, shim).await?;
    let reference = Reference::of(&scenario).await?;
    let dose = Dose::of_environment(EVERY)?;
    // Each effect has two points: before it, and after it.
    let points = dose.points(&test, reference.effects * 2)?;
    let (scenario, reference) = (&scenario, &reference);
    let runtime = tokio::runtime::Handle::current();
    each(&points, 1, |point| {
        let (at, after) = (point.div_ceil(2), point % 2 == 0);
        let fault = match end {
            End::Kill => Fault::Kill { at, after },
            End::Power => Fault::Power { at, after, seed: dose.seed() * 1_000_003 + point },
        };
        let when = if after { "after" } else { "before" };
        let outcome = runtime.block_on(stopped(scenario, reference, fault));
        outcome.with_context(|| format!("{test}, point {point}, {when} {}", reference.name(at)))
    })?;
    scenario.stage.linkedin.assert_only_read()
}

/// One test for each scenario and each end.
macro_rules! suites {
    ($($name:ident),* $(,)?) => {
        mod killed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::suite(stringify!($name), super::End::Kill).await
            })*
        }
        mod power_lost {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::suite(stringify!($name), super::End::Power).await
            })*
        }
        #[test]
        fn every_scenario_has_its_suites() {
            assert_eq!(crate::scenarios::NAMES, [$(stringify!($name)),*]);
        }
    };
}

suites!(first_start, first_sync, changes, media, reconnect, rotate, revoke);
