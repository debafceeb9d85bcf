//! Stories of attachments on both databases: fetched by the sync, on demand or never; renewed, refused, removed.
//!
//! What is kept is compared by hash with what the simulator says that a client has to hold, and its ledger tells how
//! often it was asked.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::refusal::Refusal;
use threadkeep::store::{Actor, AttachmentRow, AttachmentState, MediaPolicy};
use threadkeep::verbs::media::{self, Wanted};
use threadkeep::verbs::{accounts, sync};
use threadkeep::worker;
use threadkeep_core::sync::Health;
use threadkeep_sim::media::Wanted as Shown;
use threadkeep_sim::{GenerateOptions, Purpose, World};

use crate::harness::Harness;
use crate::store_database::Database;

const NOW_MS: i64 = 1_790_000_000_000;
/// Longest that a story waits for an attachment.
const WAIT_MS: i64 = 60_000;
/// Runs in which an attachment is tried to its limit; far more than it takes.
const RUNS_MAX: u32 = 100;
/// How often one attachment is tried.
const TRIES_MAX: u32 = 5;
/// Attachments of one world: far above any.
const ROWS_MAX: u32 = 1_000;

fn world(conversations: usize, seed: u64) -> World {
    World::generate(&GenerateOptions { seed, conversations, messages_mean: 12.0, ..GenerateOptions::at(NOW_MS) })
}

impl Harness {
    async fn set_policy(&self, policy: MediaPolicy) -> Result<()> {
        Ok(media::set_policy(&self.app, &Actor::Setup, &self.account, policy).await?)
    }

    /// All attachments that the mirror knows.
    async fn attachments(&self) -> Result<Vec<AttachmentRow>> {
        Ok(self.app.store.attachments_page(&self.account, None, 0, ROWS_MAX).await?)
    }

    async fn in_state(&self, state: AttachmentState) -> Result<Vec<AttachmentRow>> {
        Ok(self.app.store.attachments_page(&self.account, Some(state), 0, ROWS_MAX).await?)
    }

    /// A photo of a message: it has a link that needs cookies.
    async fn photo(&self) -> Result<AttachmentRow> {
        let all = self.attachments().await?;
        all.into_iter().find(|one| one.kind == "image" && one.url.is_some()).context("a photo")
    }

    /// Hash and size of what a client has to hold, by link.
    fn files(&self) -> Result<BTreeMap<String, (String, u64)>> {
        let owner = self.linkedin.owner()?;
        let mut out = Vec::new();
        let shown = Shown { owner: Some(owner), ..Shown::default() };
        threadkeep_sim::media::report(self.linkedin.simulator()?.world(), &shown, &mut out)?;
        let mut files = BTreeMap::new();
        for line in String::from_utf8(out)?.lines() {
            let line: Value = serde_json::from_str(line)?;
            let text = |name: &str| line[name].as_str().map(str::to_owned).context("a text");
            files.insert(text("url")?, (text("sha256")?, line["byteSize"].as_u64().context("a size")?));
        }
        Ok(files)
    }

    /// Requests for files: all, and those that carried cookies to a host that must get none.
    fn file_requests(&self) -> Result<(usize, usize)> {
        let simulator = self.linkedin.simulator()?;
        let notes = || simulator.ledger().lines().filter(|line| line.purpose == Purpose::Media);
        let leaks = notes().filter(|line| line.media.as_ref().is_some_and(|note| note.cookies_leaked)).count();
        Ok((notes().count(), leaks))
    }

    /// Reads an attachment as the API does, while a worker works.
    async fn read(&self, wanted: Wanted<'_>) -> Result<Vec<u8>, Refusal> {
        let account = accounts::find(&self.app, &self.account).await?;
        let stop = Stop::default();
        let worker = spawn(worker::run_account(self.app.clone(), stop.clone(), self.account.clone()));
        let until = self.app.clock.now().plus_ms(WAIT_MS);
        let read = media::read(&self.app, &account, wanted, |_| None, until).await;
        stop.ask();
        worker.await.map_err(|error| Refusal::Internal(error.to_string()))??;
        Ok(read?.1.bytes.to_vec())
    }

    async fn read_row(&self, row: &AttachmentRow) -> Result<Vec<u8>, Refusal> {
        let message = row.message.as_ref().ok_or(Refusal::Internal("no message".into()))?;
        self.read(Wanted::Place { message, ordinal: row.ordinal }).await
    }

    async fn again(&self, row: &AttachmentRow) -> Result<AttachmentRow> {
        let all = self.attachments().await?;
        all.into_iter().find(|one| one.message == row.message && one.ordinal == row.ordinal).context("the same row")
    }

    fn expire_links(&self) -> Result<()> {
        let mut simulator = self.linkedin.simulator()?;
        let request = threadkeep_sim::Request {
            method: "POST".into(),
            target: "/_sim/media/expire".into(),
            ..threadkeep_sim::Request::default()
        };
        simulator.respond(NOW_MS, &request);
        Ok(())
    }

    /// Every attachment that is here is what the simulator says, and lies in the vault.
    async fn assert_files_are_true(&self, files: &BTreeMap<String, (String, u64)>) -> Result<usize> {
        let stored = self.in_state(AttachmentState::Stored).await?;
        for row in &stored {
            let (hash, size) = files.get(row.url.as_deref().context("a link")?).context("a file of the world")?;
            let object = row.object.as_ref().context("an object")?;
            ensure!((&object.hash, object.size_bytes) == (hash, *size), "another file than LinkedIn's");
            ensure!(&sha256(&self.read_row(row).await?) == hash, "the vault has other bytes");
        }
        Ok(stored.len())
    }
}

fn sha256(bytes: &[u8]) -> String {
    threadkeep::vault::ObjectHash::of(bytes).to_string()
}

async fn an_eager_sync_fetches_everything_once(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(60, 21)).await?;
    story.set_policy(MediaPolicy::Eager).await?;
    let job = story.sync().await?;
    ensure!(job.failure.is_none(), "{:?}", job.failure);
    story.assert_equal().await?;
    let all = story.attachments().await?;
    let stored = story.assert_files_are_true(&story.files()?).await?;
    ensure!(stored > 10 && job.progress.media_fetched as usize == stored, "{stored}: {:?}", job.progress);
    let left: Vec<_> = all.iter().filter(|row| row.state != AttachmentState::Stored).collect();
    ensure!(left.iter().all(|row| row.url.is_none()), "not fetched: {left:?}");
    let (requests, leaks) = story.file_requests()?;
    ensure!((requests, leaks) == (stored, 0), "{requests} requests for {stored} files, {leaks} with cookies");
    let again = story.sync().await?;
    ensure!(again.progress.media_fetched == 0 && story.file_requests()?.0 == stored, "fetched twice");
    story.linkedin.assert_only_read()
}

async fn a_lazy_account_is_asked_for_what_somebody_wants(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(30, 22)).await?;
    story.sync().await?;
    ensure!(story.file_requests()?.0 == 0, "nobody asked");
    let photo = story.photo().await?;
    let url = photo.url.clone().context("a link")?;
    let expected = story.files()?.get(&url).context("its file")?.0.clone();
    ensure!(sha256(&story.read(Wanted::Url(&url)).await?) == expected);
    let syncs = story.app.store.jobs(&story.account, 10).await?.len();
    ensure!(syncs == 1, "a fetch is no sync");
    story.expire_links()?;
    ensure!(sha256(&story.read(Wanted::Url(&url)).await?) == expected, "the copy outlives the link");
    ensure!(sha256(&story.read_row(&photo).await?) == expected);
    ensure!(story.file_requests()? == (1, 0), "{:?}", story.file_requests()?);
    Ok(())
}

async fn an_account_that_is_off_fetches_nothing(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.set_policy(MediaPolicy::Off).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    ensure!(matches!(story.read_row(&photo).await, Err(Refusal::MediaOff)));
    ensure!(story.file_requests()?.0 == 0);
    Ok(())
}

async fn a_dead_link_is_renewed_once_through_its_message(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    let dead = photo.url.clone().context("a link")?;
    story.expire_links()?;
    let before = story.linkedin.requests()?;
    let bytes = story.read_row(&photo).await?;
    let row = story.again(&photo).await?;
    ensure!(row.url.as_ref() != Some(&dead), "the link is the new one");
    let files = story.files()?;
    ensure!(files.get(row.url.as_deref().context("a link")?).context("its file")?.0 == sha256(&bytes));
    ensure!(story.linkedin.requests()? == before + 3, "the dead link, the message, the new link");
    ensure!(story.read(Wanted::Url(&dead)).await? == bytes, "the old link still names it");
    story.assert_equal().await
}

async fn a_link_that_stays_dead_is_gone_and_not_asked_again(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    story.linkedin.set_faults(&json!({"expired_link": {"rate": 1.0}}))?;
    let before = story.linkedin.requests()?;
    ensure!(matches!(story.read_row(&photo).await, Err(Refusal::MediaGone)));
    ensure!(story.linkedin.requests()? == before + 3, "once renewed, once tried again");
    ensure!(matches!(story.read_row(&photo).await, Err(Refusal::MediaGone)));
    ensure!(story.linkedin.requests()? == before + 3, "gone is gone");
    ensure!(story.again(&photo).await?.state == AttachmentState::Gone);
    Ok(())
}

async fn row_30_a_login_page_is_not_kept_as_a_picture(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    story.linkedin.set_faults(&json!({"login_page": {"rate": 1.0}}))?;
    let refusal = story.read_row(&photo).await.err();
    ensure!(matches!(&refusal, Some(Refusal::MediaFailed(why)) if why == "media_not_media"), "{refusal:?}");
    ensure!(story.again(&photo).await?.object.is_none());
    story.linkedin.set_faults(&json!({}))?;
    let bytes = story.read_row(&photo).await?;
    ensure!(story.files()?.values().any(|(hash, _)| *hash == sha256(&bytes)));
    Ok(())
}

async fn row_28_a_redirect_is_not_followed(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    story.linkedin.set_faults(&json!({"redirect": {"rate": 1.0, "to": "itself"}}))?;
    let refusal = story.read_row(&photo).await.err();
    ensure!(matches!(&refusal, Some(Refusal::MediaRefused(why)) if why == "media_redirected"), "{refusal:?}");
    ensure!(story.file_requests()?.0 == 1, "asked once, followed never");
    ensure!(matches!(story.read_row(&photo).await, Err(Refusal::MediaRefused(_))));
    ensure!(story.file_requests()?.0 == 1, "what was refused is not asked again");
    Ok(())
}

async fn row_30_bodies_that_lie_swell_or_break_are_not_kept(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    for (fault, why) in [
        (json!({"wrong_length": {"rate": 1.0, "length": "long"}}), "media_cut_off"),
        (json!({"cut_body": {"rate": 1.0, "only": ["media"], "after_bytes": 10}}), "media_cut_off"),
        (json!({"endless_body": {"rate": 1.0, "only": ["media"]}}), "media_too_large"),
        (json!({"gzip_bomb": {"rate": 1.0, "only": ["media"]}}), "media_encoded"),
    ] {
        story.linkedin.set_faults(&fault)?;
        let told = match story.read_row(&photo).await {
            Err(Refusal::MediaFailed(told) | Refusal::MediaRefused(told)) => told,
            other => anyhow::bail!("{fault}: {other:?}"),
        };
        ensure!(told == why, "{fault}: {told}");
        let account = accounts::find(&story.app, &story.account).await?;
        media::want_all(&story.app, &account, true).await?;
        ensure!(story.in_state(AttachmentState::Stored).await?.is_empty(), "{fault}");
    }
    Ok(())
}

async fn what_fails_again_and_again_is_given_up(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    story.linkedin.set_faults(&json!({"server_error": {"rate": 1.0, "only": ["media"]}}))?;
    let (before, _) = story.file_requests()?;
    ensure!(story.read_row(&photo).await.is_err(), "it was read");
    // Whoever waited was told; the tries go on without them, up to their limit. A worker that is told to stop may drop a
    // request, which is no try.
    let mut dropped_most = 1;
    for _ in 0..RUNS_MAX {
        if story.again(&photo).await?.not_before.is_none() {
            break;
        }
        story.sync().await?;
        dropped_most += 1;
    }
    let given_up = story.again(&photo).await?;
    ensure!(given_up.state == AttachmentState::Failed, "{:?}", given_up.state);
    ensure!(given_up.not_before.is_none() && given_up.tries == TRIES_MAX, "{given_up:?}");
    let asked = story.file_requests()?.0 - before;
    ensure!((TRIES_MAX as usize..=TRIES_MAX as usize + dropped_most).contains(&asked), "{asked} requests");
    Ok(())
}

async fn somebody_who_waits_goes_before_history(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(300, 24)).await?;
    let mut photo = None;
    // Each run is a little longer, so that on any machine one of them comes far enough and none to the end.
    for tries in 1..200 {
        let job = story.sync_until(tries * 10).await?;
        ensure!(!job.state.is_over(), "the sync was over before it could be interrupted");
        photo = story.photo().await.ok();
        if photo.is_some() {
            break;
        }
    }
    let photo = photo.context("a photo before the end")?;
    let message = photo.message.as_ref().context("a message")?;
    let wanted = threadkeep::store::NewAttachment {
        message: Some(message.clone()),
        ordinal: photo.ordinal,
        ..threadkeep::store::NewAttachment::link("")
    };
    story.app.store.want(&story.account, &wanted, false, story.app.clock.now()).await?;
    let before = story.linkedin.requests()? as usize;
    story.sync().await?;
    let purposes: Vec<Purpose> = {
        let simulator = story.linkedin.simulator()?;
        simulator.ledger().lines().map(|line| line.purpose).filter(|one| *one != Purpose::Me).skip(before).collect()
    };
    ensure!(purposes.first() == Some(&Purpose::Media) && purposes.len() > 1, "{:?}", purposes.first());
    ensure!(story.again(&photo).await?.state == AttachmentState::Stored);
    story.assert_equal().await
}

async fn a_dead_session_stops_the_account_and_the_wish_stays(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    story.linkedin.set_faults(&json!({"revoked_redirect": {"at": [1], "only": ["media"]}}))?;
    let refusal = story.read_row(&photo).await.err();
    ensure!(matches!(refusal, Some(Refusal::NeedsLogin(_))), "{refusal:?}");
    let account = accounts::find(&story.app, &story.account).await?;
    ensure!(account.health == Health::NeedsLogin && sync::stopped(&account).is_some());
    ensure!(story.again(&photo).await?.state == AttachmentState::Wanted, "nobody has to ask again");
    story.linkedin.set_faults(&json!({}))?;
    story.log_in_again().await?;
    story.sync().await?;
    ensure!(story.again(&photo).await?.state == AttachmentState::Stored, "the next sync fetches it");
    story.assert_equal().await
}

async fn a_request_to_slow_down_holds_the_account(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    story.linkedin.set_faults(&json!({"rate_limited": {"at": [1], "only": ["media"], "retry_after_s": 0}}))?;
    let bytes = story.read_row(&photo).await?;
    ensure!(story.file_requests()?.0 == 2, "it was asked again after the wait");
    ensure!(story.files()?.values().any(|(hash, _)| *hash == sha256(&bytes)));
    Ok(())
}

async fn trouble_on_the_way_does_not_matter(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(40, 23)).await?;
    story.set_policy(MediaPolicy::Eager).await?;
    story.linkedin.set_faults(&json!({
        "server_error": {"rate": 0.1, "only": ["media"]}, "cut_body": {"rate": 0.1, "only": ["media"]},
        "reset": {"rate": 0.05, "only": ["media"]}, "wrong_length": {"rate": 0.05, "length": "long"}, "expired_link": {"rate": 0.05}
    }))?;
    story.sync().await?;
    story.linkedin.set_faults(&json!({}))?;
    for _ in 0..5 {
        story.sync().await?;
    }
    let left = story.attachments().await?;
    let left: Vec<_> = left.iter().filter(|row| row.state != AttachmentState::Stored && row.url.is_some()).collect();
    ensure!(left.is_empty(), "{left:?}");
    story.assert_files_are_true(&story.files()?).await?;
    story.assert_equal().await
}

async fn an_eager_sync_goes_on_where_it_was_stopped(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(60, 21)).await?;
    story.set_policy(MediaPolicy::Eager).await?;
    let mut stops = 0;
    for _ in 0..200 {
        let job = story.sync_until(20).await?;
        if job.state.is_over() {
            break;
        }
        stops += 1;
    }
    story.sync().await?;
    let stored = story.assert_files_are_true(&story.files()?).await?;
    let requests = story.file_requests()?.0;
    ensure!(requests >= stored && requests <= stored + stops, "{requests} requests, {stored} files, {stops} stops");
    Ok(())
}

async fn bytes_leave_with_the_last_message_that_has_them(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.set_policy(MediaPolicy::Eager).await?;
    story.sync().await?;
    let stored = story.in_state(AttachmentState::Stored).await?;
    let hashes = || stored.iter().filter_map(|row| row.object.as_ref()).map(|object| object.hash.clone());
    media::remove_loose(&story.app).await?;
    for hash in hashes() {
        let hash = threadkeep::vault::ObjectHash::parse(&hash)?;
        ensure!(story.app.media.vault.size(&hash).await?.is_some(), "what is referred to stays");
    }
    accounts::remove(&story.app, &Actor::Setup, &story.account).await?;
    for hash in hashes() {
        let hash = threadkeep::vault::ObjectHash::parse(&hash)?;
        ensure!(story.app.media.vault.size(&hash).await?.is_none(), "the account is gone, its files are not");
    }
    Ok(())
}

async fn lost_bytes_are_fetched_again(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    let bytes = story.read_row(&photo).await?;
    let hash = threadkeep::vault::ObjectHash::of(&bytes);
    story.app.media.vault.delete(&hash).await?;
    ensure!(story.read_row(&photo).await? == bytes);
    ensure!(story.file_requests()?.0 == 2);
    Ok(())
}

async fn bytes_that_nobody_finished_removing_are_kept_anew(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let photo = story.photo().await?;
    let files = story.files()?;
    let (hash, size) = photo.url.as_ref().and_then(|url| files.get(url)).context("its file")?;
    let leaving = format!(
        "INSERT INTO media_objects (hash, size_bytes, media_type, state, is_loose, expected_until) \
         VALUES ('{hash}', {size}, 'image/png', 'leaving', 1, NULL)"
    );
    database.raw(&leaving).await?;
    let message = photo.message.as_ref().context("a message")?;
    let account = accounts::find(&story.app, &story.account).await?;
    media::want(&story.app, &account, Wanted::Place { message, ordinal: photo.ordinal }).await?;
    let mut syncs = 0;
    while syncs < RUNS_MAX as usize && story.again(&photo).await?.state != AttachmentState::Stored {
        story.sync().await?;
        syncs += 1;
    }
    ensure!(story.again(&photo).await?.state == AttachmentState::Stored, "{:?}", story.again(&photo).await?);
    // Whoever removes them is waited for once. Each worker that is told to stop may drop a request.
    let asked = story.file_requests()?.0;
    ensure!((2..=2 + syncs).contains(&asked), "{asked} requests in {syncs} syncs");
    Ok(())
}

async fn a_link_of_no_message_is_fetched_too(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(20, 22)).await?;
    story.sync().await?;
    let mut out = Vec::new();
    threadkeep_sim::media::report(story.linkedin.simulator()?.world(), &Shown::default(), &mut out)?;
    let text = String::from_utf8(out)?;
    let line = text.lines().find(|line| line.contains("\"part\":\"picture\"")).context("a picture of somebody")?;
    let line: Value = serde_json::from_str(line)?;
    let bytes = story.read(Wanted::Url(line["url"].as_str().context("a link")?)).await?;
    ensure!(sha256(&bytes) == line["sha256"]);
    ensure!(story.file_requests()? == (1, 0), "no cookies go to that host");
    Ok(())
}

crate::on_both_databases! {
    an_eager_sync_fetches_everything_once,
    a_lazy_account_is_asked_for_what_somebody_wants,
    an_account_that_is_off_fetches_nothing,
    a_dead_link_is_renewed_once_through_its_message,
    a_link_that_stays_dead_is_gone_and_not_asked_again,
    row_30_a_login_page_is_not_kept_as_a_picture,
    row_28_a_redirect_is_not_followed,
    row_30_bodies_that_lie_swell_or_break_are_not_kept,
    what_fails_again_and_again_is_given_up,
    somebody_who_waits_goes_before_history,
    a_dead_session_stops_the_account_and_the_wish_stays,
    a_request_to_slow_down_holds_the_account,
    trouble_on_the_way_does_not_matter,
    an_eager_sync_goes_on_where_it_was_stopped,
    bytes_leave_with_the_last_message_that_has_them,
    lost_bytes_are_fetched_again,
    bytes_that_nobody_finished_removing_are_kept_anew,
    a_link_of_no_message_is_fetched_too,
}
