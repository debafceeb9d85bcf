//! A full disk and a broken one, at each durable effect, once and for good (invariant I20).
//!
//! Whatever fails: the process ends in order and says why, the database stays sound, what was told holds, and the next
//! run completes. A server goes on answering reads, and goes on by itself once there is room.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::content::Content;
use crate::dose::{Dose, each};
use crate::scenarios::{Scenario, scenario};
use crate::serving::Serving;
use crate::shim::{EIO, ENOSPC, Fault, shim};
use crate::stage::Words;
use crate::trial::{Reference, goes_on};

/// One of so many points is tried in an ordinary test run.
const EVERY: u64 = 150;
/// Trials at a time: most of their time they wait until the database is tried again.
const AT_A_TIME: usize = 4;
/// What can be wrong with a disk: the error, and whether it stays.
const WAYS: [(i32, bool); 4] = [(ENOSPC, false), (ENOSPC, true), (EIO, false), (EIO, true)];
/// Exit codes that name a reason: of the database, of the key file, of the data directory, and of a command on the way.
const CODES: [i32; 5] = [7, 8, 1, 2, 6];

async fn suite(name: &str) -> Result<()> {
    let test = format!("Disk {name}");
    let Some(shim) = shim(&test)? else { return Ok(()) };
    let scenario = scenario(name, shim).await?;
    let reference = Reference::of(&scenario).await?;
    let ways = WAYS.len() as u64;
    let points = Dose::of_environment(EVERY)?.points(&test, reference.effects * ways)?;
    let (scenario, reference) = (&scenario, &reference);
    let runtime = tokio::runtime::Handle::current();
    each(&points, AT_A_TIME, |point| {
        let at = point.div_ceil(ways);
        let (errno, sticky) = WAYS[usize::try_from(point % ways)?];
        // A full disk takes the first half of a write now and then.
        let fault = Fault::Error { at, half: at % 3 == 0, errno, sticky };
        let outcome = runtime.block_on(broken(scenario, reference, fault));
        outcome.with_context(|| format!("{test}, point {point}, {} ({fault:?})", reference.name(at)))
    })?;
    scenario.stage.linkedin.assert_only_read()
}

async fn broken(scenario: &Scenario, reference: &Reference, fault: Fault) -> Result<()> {
    let place = scenario.stage.place()?;
    let (ran, shimmed) = scenario.stage.run_with(&place, &scenario.words, fault)?;
    let code = ran.code.with_context(|| format!("it was killed: {ran:?}"))?;
    ensure!(!ran.err.contains("panicked"), "{ran:?}");
    match code {
        0 => {}
        _ => {
            ensure!(shimmed.has_struck()?, "it failed without a fault: {ran:?}");
            ensure!(CODES.contains(&code) && ran.err.contains("error: "), "no reason is named: {ran:?}");
        }
    }
    if place.database().exists() {
        crate::content::is_sound(&place.database())?;
    }
    if (scenario.is_told)(&ran) {
        (scenario.holds)(&scenario.stage, &place).context("what was told does not hold")?;
    }
    goes_on(scenario, reference, &place).await
}

/// One test for each scenario.
macro_rules! suites {
    ($($name:ident),* $(,)?) => {
        mod disk {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::suite(stringify!($name)).await
            })*
        }
    };
}

suites!(first_start, first_sync, changes, media, reconnect, rotate, revoke);

/// A server whose disk fails from some moment on: it says so, answers reads, and goes on when the disk is whole again.
async fn serves_through(errno: i32, status: u16, reason: &str) -> Result<()> {
    let Some(shim) = shim(reason)? else { return Ok(()) };
    let scenario = scenario("changes", shim).await?;
    let (stage, place) = (&scenario.stage, scenario.stage.place()?);
    let key = stage.run(&place, &Words::of(&["key", "create"]))?.well("key create")?.out.trim().to_owned();
    let (command, shimmed) = stage.armed(
        &place,
        &Words::of(&["serve", "--listen", "127.0.0.1:0"]),
        Fault::Error { at: 1, half: false, errno, sticky: true },
    )?;
    shimmed.calm(true)?;
    let server = Serving::start(command, key)?;
    let conversations = format!("/linkedin/conversations?accountId={}", stage.account);
    let (before, list) = server.ask("GET", &conversations, "")?;
    ensure!(before == 200, "{list}");

    shimmed.calm(false)?;
    let body = json!({"accountId": stage.account, "force": true}).to_string();
    let (told, answer) = server.ask("POST", "/linkedin/conversations/sync", &body)?;
    ensure!(told == status && answer["code"] == reason && answer["success"] == false, "{told} {answer}");
    for _ in 0..20 {
        let (read, same) = server.ask("GET", &conversations, "")?;
        ensure!(read == 200 && same == list, "a read: {read} {same}");
    }
    ensure!(shimmed.has_struck()?, "nothing was written");

    shimmed.calm(true)?;
    let (done, answer) = server.ask("POST", "/linkedin/conversations/sync", &body)?;
    ensure!(done == 200 && answer["success"] == true && answer["completed"] != false, "{done} {answer}");
    drop(server);
    let _ = Content::of(&place.database())?;
    crate::trial::equal(&scenario, &place).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_a_full_disk_answers_reads_and_goes_on_when_there_is_room() -> Result<()> {
    serves_through(ENOSPC, 507, "storage_full").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_a_broken_disk_answers_reads_and_goes_on_when_it_is_whole() -> Result<()> {
    serves_through(EIO, 503, "storage_unavailable").await
}
