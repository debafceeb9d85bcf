//! Another program holds the SQLite file: the lock of the writer for a while or for long, or an old view of it.
//!
//! Waiting is bounded, the refusal names the reason, and nothing is lost.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;

use crate::content::number;
use crate::scenarios::{Scenario, scenario};
use crate::shim::{Fault, shim};
use crate::stage::Place;
use crate::trial::{Reference, goes_on};

/// Looks at the simulator before a run is taken for stuck.
const LOOKS_MAX: u32 = 2_000_000;

struct Held {
    scenario: Scenario,
    reference: Reference,
    place: Place,
}

async fn held(test: &str) -> Result<Option<Held>> {
    let Some(shim) = shim(test)? else { return Ok(None) };
    let scenario = scenario("first_sync", shim).await?;
    let reference = Reference::of(&scenario).await?;
    let place = scenario.stage.place()?;
    Ok(Some(Held { scenario, reference, place }))
}

/// Another program's connection, which holds the lock of the writer until it is dropped.
fn writer(place: &Place) -> Result<Connection> {
    let connection = Connection::open(place.database())?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    Ok(connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_held_for_long_is_named_and_the_next_run_completes() -> Result<()> {
    let Some(Held { scenario, reference, place }) = held("a lock for long").await? else { return Ok(()) };
    let lock = writer(&place)?;
    let ran = scenario.stage.run(&place, &scenario.words)?;
    ensure!(ran.code == Some(7), "{ran:?}");
    ensure!(ran.err.contains("another program is writing to it for too long"), "{ran:?}");
    drop(lock);
    ensure!(number(&place.database(), "SELECT COUNT(*) FROM messages")? == 0, "something was written");
    goes_on(&scenario, &reference, &place).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_held_for_a_while_in_the_middle_costs_nothing() -> Result<()> {
    let Some(Held { scenario, reference, place }) = held("a lock for a while").await? else { return Ok(()) };
    let before = scenario.stage.linkedin.requests()?;
    let (mut command, _shimmed) = scenario.stage.armed(&place, &scenario.words, Fault::None)?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    for _ in 0..LOOKS_MAX {
        if scenario.stage.linkedin.requests()? > before + 1 || child.try_wait()?.is_some() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let lock = writer(&place)?;
    // Whatever it asks for meanwhile, it can write nothing.
    let rows = number(&place.database(), "SELECT COUNT(*) FROM messages")?;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    ensure!(number(&place.database(), "SELECT COUNT(*) FROM messages")? == rows, "it wrote past the lock");
    drop(lock);
    let ended = child.wait_with_output()?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let asked = scenario.stage.linkedin.requests()? - before;
    goes_on(&scenario, &reference, &place).await?;
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).context("a report")?;
    ensure!(report["requests"] == asked, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_an_old_view_neither_stops_a_sync_nor_sees_it() -> Result<()> {
    let Some(Held { scenario, reference, place }) = held("an old view").await? else { return Ok(()) };
    let reader = Connection::open(place.database())?;
    reader.execute_batch("BEGIN")?;
    let count = |connection: &Connection| -> Result<i64> {
        Ok(connection.query_row("SELECT COUNT(*) FROM messages", [], |row| row.get(0))?)
    };
    ensure!(count(&reader)? == 0);
    scenario.stage.run(&place, &scenario.words)?.well("sync")?;
    ensure!(count(&reader)? == 0, "the view has changed");
    reader.execute_batch("COMMIT")?;
    ensure!(count(&reader)? > 20, "the sync is not there");
    drop(reader);
    goes_on(&scenario, &reference, &place).await
}
