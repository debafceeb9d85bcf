//! One trial: the command with a fault, the command again, and a look at the end.
//!
//! The end is compared with the truth of the simulated LinkedIn and with the run without a fault; then one more sync has
//! to change nothing.

use anyhow::{Context as _, Result, ensure};
use threadkeep::store::{OpenOptions, open};
use threadkeep::verbs::export::{self, ExportWish};
use threadkeep_core::id::AccountId;

use crate::content::Content;
use crate::scenarios::{Ends, Scenario};
use crate::shim::Fault;
use crate::stage::{Place, Ran};

/// What the run without a fault did.
pub struct Reference {
    /// Durable effects.
    pub effects: u64,
    /// What each of them was.
    pub log: Vec<String>,
    /// Requests of the command, where it tells.
    requests: Option<u64>,
    events: Vec<String>,
}

impl Reference {
    /// Runs the scenario without a fault, twice: the second run must change nothing.
    pub async fn of(scenario: &Scenario) -> Result<Self> {
        let place = scenario.stage.place()?;
        let (ran, shimmed) = scenario.stage.run_with(&place, &scenario.words, Fault::None)?;
        let ran = ran.well(scenario.name)?;
        ensure!((scenario.is_told)(&ran), "it does not tell that it is done: {} {}", ran.out, ran.err);
        let requests = ran.report().ok().and_then(|report| report["requests"].as_u64());
        let reference = Self { effects: shimmed.effects()?, log: shimmed.log()?, requests, events: Vec::new() };
        let content = the_end(scenario, &place).await.context("without a fault")?;
        Ok(Self { events: content.events, ..reference })
    }

    /// What an effect was, in words.
    pub fn name(&self, at: u64) -> &str {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        self.log.get(at.saturating_sub(1)).map_or("beyond the last", String::as_str)
    }
}

/// Runs the scenario with a fault that ends the process, and then to its end.
pub async fn stopped(scenario: &Scenario, reference: &Reference, fault: Fault) -> Result<()> {
    let place = scenario.stage.place()?;
    let (ran, shimmed) = scenario.stage.run_with(&place, &scenario.words, fault)?;
    match shimmed.has_struck()? {
        true => ensure!(ran.code.is_none(), "it went on: {ran:?}"),
        false => ensure!(ran.code == Some(0), "it ended otherwise without a fault: {ran:?}"),
    }
    if (scenario.is_told)(&ran) {
        (scenario.holds)(&scenario.stage, &place).context("what was told does not hold")?;
    }
    goes_on(scenario, reference, &place).await
}

/// Runs the scenario again at a place, and looks at the end.
pub async fn goes_on(scenario: &Scenario, reference: &Reference, place: &Place) -> Result<()> {
    let again = scenario.stage.run(place, &scenario.words)?;
    // A key that is revoked already is not found.
    ensure!(matches!(again.code, Some(0 | 3)), "the next run ended with {:?}: {} {}", again.code, again.out, again.err);
    let requests = again.report().ok().and_then(|report| report["requests"].as_u64());
    if let (Some(requests), Some(most)) = (requests, reference.requests) {
        let most = most + scenario.requests_more;
        ensure!(requests <= most, "the next run sent {requests} requests, {most} at most");
    }
    let content = the_end(scenario, place).await?;
    ensure!(
        content.events == reference.events,
        "other events: {} and {}",
        content.events.len(),
        reference.events.len()
    );
    Ok(())
}

/// Looks at the end of a scenario: what was told holds, the mirror equals the truth, one more sync changes nothing.
async fn the_end(scenario: &Scenario, place: &Place) -> Result<Content> {
    let stage = &scenario.stage;
    (scenario.holds)(stage, place)?;
    if scenario.ends_with == Ends::Sync {
        stage.run(place, &stage.sync())?.well("sync")?;
    }
    let before = Content::of(&place.database())?;
    equal(scenario, place).await?;
    let quiet = stage.run(place, &stage.sync())?.well("one more sync")?;
    is_quiet(&quiet)?;
    let after = Content::of(&place.database())?;
    ensure!(before == after, "one more sync changed something: {:?}", before.difference(&after));
    Ok(after)
}

fn is_quiet(ran: &Ran) -> Result<()> {
    let report = ran.report()?;
    ensure!(report["requests"] == 1, "one more sync asked more than once: {report}");
    ensure!(report["messagesNew"] == 0 && report["messagesChanged"] == 0, "one more sync found something: {report}");
    Ok(())
}

/// Fails with the first line that differs unless the mirror equals the truth.
pub async fn equal(scenario: &Scenario, place: &Place) -> Result<()> {
    let url = format!("sqlite:{}", place.database().display());
    let store = open(&url, OpenOptions { sqlite_readers: 0, ..OpenOptions::default() }).await?;
    let wish = ExportWish {
        account: AccountId::new(&scenario.stage.account)?,
        categories: threadkeep::app::SyncSettings::default().categories,
        with_history: false,
        with_deleted: false,
    };
    let mut mirror = Vec::new();
    let written = export::write(store.as_ref(), &wish, &mut mirror).await;
    store.close().await;
    written?;
    let (truth, mirror) = (scenario.stage.linkedin.truth()?, String::from_utf8(mirror)?);
    for (number, (left, right)) in truth.lines().zip(mirror.lines()).enumerate() {
        ensure!(left == right, "line {number}\n truth: {left}\nmirror: {right}");
    }
    ensure!(truth.lines().count() == mirror.lines().count(), "the mirror has another number of lines");
    Ok(())
}
