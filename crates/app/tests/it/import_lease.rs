//! Whether an import goes on, as others see it: one that takes long, one whose process is gone, one that has lost its lease.
//!
//! Time is moved by hand; nothing here waits.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use axum::http::StatusCode;
use threadkeep::app::App;
use threadkeep::archive::{ImportReport, Scratch};
use threadkeep::chance::SystemChance;
use threadkeep::clock::Clock;
use threadkeep::lifecycle::Stop;
use threadkeep::store::{
    Act, ActOutcome, Actor, AuditLine, BegunImport, ImportJob, ImportRows, ImportState, ImportWish, Imported, Object,
};
use threadkeep::verbs::import::{ArchiveAt, ImportAsk, begin, carry_on, find, look, take_rows};
use threadkeep::verbs::keys::Scope;
use threadkeep::worker::presence::Presence;
use threadkeep_core::archived::{ArchivedMessage, ArchivedPerson};
use threadkeep_core::id::{AccountId, ConversationId, PersonId};
use threadkeep_core::time::Timestamp;

use crate::api_world::{HandClock, World};
use crate::archives::{Desk, TEN, csv, link, row};
use crate::store_database::Database;

crate::on_both_databases!(
    a_long_import_goes_on_for_others,
    an_import_whose_process_is_gone_is_told_as_interrupted,
    an_import_that_somebody_has_ended_changes_nothing,
    a_lease_that_ran_out_is_not_renewed,
    the_rows_of_imports_that_go_on_are_not_forgotten,
);

const LEASE_MS: i64 = 30_000;
const NOW: Timestamp = Timestamp(1_767_323_045_000);

/// Two processes on one machine and one database, with one clock.
struct Two {
    one: App,
    other: App,
    clock: Arc<HandClock>,
    desk: Desk,
}

impl Two {
    async fn on(db: &Database) -> Result<Self> {
        let mut desk = Desk::on(db)?;
        let clock = Arc::new(HandClock::default());
        clock.pass(NOW.0);
        let folder = desk.folder.path().join("workers");
        let process = |store, folder: &Path| {
            anyhow::Ok(App {
                store,
                clock: clock.clone(),
                presence: Arc::new(Presence::enter(folder, &SystemChance)?),
                ..desk.app.clone()
            })
        };
        let (one, other) = (process(db.store.clone(), &folder)?, process(db.second().await?, &folder)?);
        desk.app = one.clone();
        Ok(Self { one, other, clock, desk })
    }

    /// How another process sees an import.
    async fn seen(&self, id: i64) -> Result<ImportJob> {
        find(&self.other, id).await?.context("the import")
    }

    async fn end(self) {
        self.other.store.close().await;
    }
}

/// An archive of which each part takes time, and what others see meanwhile.
struct SlowRows {
    clock: Arc<HandClock>,
    other: App,
    id: i64,
    left: Vec<ArchivedMessage>,
    takes_ms: i64,
    seen: Vec<ImportState>,
}

#[async_trait]
impl ImportRows for SlowRows {
    async fn next(&mut self) -> Option<Vec<ArchivedMessage>> {
        self.clock.pass(self.takes_ms);
        let seen = find(&self.other, self.id).await.ok().flatten()?;
        self.seen.push(seen.state);
        Some(self.left.pop().into_iter().collect())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn report(&self) -> ImportReport {
        ImportReport::default()
    }
}

fn person(name: &str, slug: &str) -> Result<ArchivedPerson> {
    let link = link(slug);
    Ok(ArchivedPerson {
        id: PersonId::new(&link)?,
        slug: Some(slug.to_owned()),
        name: name.to_owned(),
        link: Some(link),
    })
}

fn message(number: i64) -> Result<ArchivedMessage> {
    Ok(ArchivedMessage {
        conversation: ConversationId::new("2-YQ==")?,
        is_thread_derived: false,
        title: None,
        second: Some(1_700_000_000 + number),
        ordered_at: 1_700_000_000 + number,
        rank: 0,
        sender: Some(person("Ben Invented", "ben-invented")?),
        recipients: vec![person("Olga Test", "olga-test")?],
        body: format!("number {number}"),
        subject: None,
        content: Vec::new(),
        category: "INBOX".to_owned(),
        is_sponsored: false,
        fingerprint: format!("{number:064}"),
    })
}

/// Takes in an archive of six parts, each of which takes this long.
async fn take(two: &Two, id: i64, takes_ms: i64) -> Result<(Result<Imported, threadkeep::refusal::Refusal>, SlowRows)> {
    let account = AccountId::new(&"c3".repeat(12))?;
    let owner = person("Olga Test", "olga-test")?.id;
    let line = AuditLine {
        at: NOW,
        who: Actor::Setup,
        act: Act::ArchiveImported,
        object: Object::account(&account),
        outcome: ActOutcome::Done,
    };
    let wish = ImportWish {
        account: &account,
        owner: &owner,
        first_name: "Olga",
        last_name: "Test",
        public_id: "olga-test",
        scope: &["INBOX".to_owned()],
        digest: "d1",
        newest_second: None,
        lacks_threads: false,
        job: Some(id),
        is_dry_run: false,
        line: &line,
        now: two.clock.now(),
    };
    let left = (1..=6).map(message).collect::<Result<_>>()?;
    let other = two.other.clone();
    let mut rows = SlowRows { clock: two.clock.clone(), other, id, left, takes_ms, seen: Vec::new() };
    let taken = take_rows(&two.one, &wish, &mut rows).await;
    Ok((taken, rows))
}

async fn kept(db: &Database) -> Result<i64> {
    db.count("SELECT (SELECT COUNT(*) FROM messages) + (SELECT COUNT(*) FROM accounts)").await
}

async fn a_long_import_goes_on_for_others(db: &Database) -> Result<()> {
    let two = Two::on(db).await?;
    let job = begin(&two.one, "tester").await?;
    let (taken, rows) = take(&two, job.id, LEASE_MS * 2 / 3).await?;
    ensure!(matches!(taken?, Imported::Done(report) if report.imported == 6));
    ensure!(rows.seen == [ImportState::Running; 7], "{:?}", rows.seen);
    let seen = two.seen(job.id).await?;
    ensure!(seen.state == ImportState::Done && seen.finished_at == Some(two.clock.now()), "{seen:?}");
    ensure!(seen.finished_at > Some(NOW.plus_ms(4 * LEASE_MS)), "it took longer than its lease");
    ensure!(db.count("SELECT COUNT(*) FROM messages").await? == 6);
    two.end().await;
    Ok(())
}

async fn an_import_whose_process_is_gone_is_told_as_interrupted(db: &Database) -> Result<()> {
    let two = Two::on(db).await?;
    let job = begin(&two.one, "tester").await?;
    ensure!(two.seen(job.id).await?.state == ImportState::Running);
    two.clock.pass(LEASE_MS - 1);
    ensure!(two.seen(job.id).await?.state == ImportState::Running, "its lease lasts");
    two.clock.pass(1);
    // With one writer nothing can be renewed while it writes; its process is seen.
    ensure!(two.seen(job.id).await?.is_over() == db.is_postgres());
    let Two { one, other, desk, .. } = two;
    drop((one, desk));
    let seen = find(&other, job.id).await?.context("the import")?;
    let failure = seen.failure.context("why")?;
    ensure!(seen.state == ImportState::Interrupted && failure.code == "interrupted", "{:?}", seen.state);
    ensure!(failure.what.contains("send the archive again"), "{}", failure.what);
    other.store.close().await;
    Ok(())
}

async fn an_import_that_somebody_has_ended_changes_nothing(db: &Database) -> Result<()> {
    let two = Two::on(db).await?;
    let job = begin(&two.one, "tester").await?;
    db.raw(&format!("UPDATE imports SET state = 'failed', lease_until = NULL WHERE id = {}", job.id)).await?;
    let (taken, _) = take(&two, job.id, 0).await?;
    ensure!(taken.is_err_and(|refusal| refusal.code() == "storage_unavailable"));
    ensure!(kept(db).await? == 0);
    two.end().await;
    Ok(())
}

async fn a_lease_that_ran_out_is_not_renewed(db: &Database) -> Result<()> {
    if !db.is_postgres() {
        return Ok(());
    }
    let two = Two::on(db).await?;
    let job = begin(&two.one, "tester").await?;
    let (taken, rows) = take(&two, job.id, LEASE_MS + 1).await?;
    ensure!(taken.is_err() && rows.seen == [ImportState::Interrupted], "{:?}", rows.seen);
    ensure!(kept(db).await? == 0);

    let path = two.desk.file("messages.csv", &csv(TEN, &[row("2-YQ==", true, "2024-11-06 12:00:00 UTC", "hi")]))?;
    let scratch = Scratch::new(two.desk.folder.path().join("scratch"));
    let ask = ImportAsk { me: Some(link("olga-test")), account: None, is_dry_run: false, scratch, job: None };
    let (meter, stop) = (Arc::default(), Stop::default());
    let looked = look(&two.one, (ArchiveAt::Path(path), &ask), &meter, &stop).await?;
    let job = begin(&two.one, "tester").await?;
    two.clock.pass(LEASE_MS);
    let ask = ImportAsk { job: Some(job.id), ..ask };
    carry_on(&two.one, &Actor::Setup, (looked, &ask), &meter, &stop).await;
    let seen = two.seen(job.id).await?;
    ensure!(seen.state == ImportState::Interrupted && seen.finished_at == Some(two.clock.now()), "{seen:?}");
    let noted = "SELECT COUNT(*) FROM imports WHERE state = 'failed' AND failure_code = 'interrupted'";
    ensure!(db.count(noted).await? == 1 && kept(db).await? == 0);
    two.end().await;
    Ok(())
}

async fn the_rows_of_imports_that_go_on_are_not_forgotten(db: &Database) -> Result<()> {
    let begun = BegunImport { asked_by: "tester", owner: "somebody", now: NOW, lease_until: NOW.plus_ms(LEASE_MS) };
    let first = db.store.begin_import(&begun).await?;
    for _ in 0..201 {
        let id = db.store.begin_import(&begun).await?;
        db.raw(&format!("UPDATE imports SET state = 'failed' WHERE id = {id}")).await?;
    }
    db.store.begin_import(&begun).await?;
    ensure!(db.store.import_job(first).await?.is_some(), "it goes on");
    let later = NOW.plus_ms(LEASE_MS);
    db.store.begin_import(&BegunImport { now: later, lease_until: later.plus_ms(LEASE_MS), ..begun }).await?;
    ensure!(db.store.import_job(first).await?.is_none(), "its process is gone");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_import_is_told_over_the_api() -> Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let now = world.app.clock.now();
    let begun = BegunImport { asked_by: "tester", owner: "somebody", now, lease_until: now.plus_ms(LEASE_MS) };
    let id = world.app.store.begin_import(&begun).await?;
    let path = format!("/linkedin/import/{id}");
    let told = world.get(&key, &path).await?.json();
    ensure!(told["import"]["state"] == "running" && told["import"]["completed"] == false, "{told}");
    world.clock.pass(LEASE_MS);
    let answer = world.get(&key, &path).await?;
    let told = answer.json();
    ensure!(answer.status == StatusCode::OK && told["success"] == false, "{told}");
    let import = &told["import"];
    ensure!(import["state"] == "interrupted" && import["completed"] == true, "{told}");
    ensure!(import["code"] == "interrupted" && import["finishedAt"].is_string(), "{told}");
    Ok(())
}
