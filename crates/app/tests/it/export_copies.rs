//! The complete copy: out of one database and into another, byte for byte; a changed one is refused and changes nothing.

use std::io;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use threadkeep::refusal::Refusal;
use threadkeep::store::{Actor, MediaPolicy};
use threadkeep::verbs::export::{Outlet, copy};
use threadkeep::verbs::restore_copy::{is_copy, restore};
use threadkeep::verbs::{accounts, media};
use threadkeep_sim::{ArchiveEra, GenerateOptions, World};

use crate::archives::{Desk, TEN, csv, link, row};
use crate::harness::Harness;
use crate::import_stories::import;
use crate::store_database::Database;

/// A fixed present for worlds.
const NOW_MS: i64 = 1_790_000_000_000;

crate::on_both_databases!(
    a_copy_comes_back_byte_for_byte_and_the_sync_goes_on,
    a_changed_copy_is_refused_and_changes_nothing,
    a_copy_never_meets_an_account_that_is_here,
    a_copy_knows_what_came_from_an_archive,
    a_copy_is_of_one_moment_however_much_is_written_meanwhile,
);

async fn synced(database: &Database) -> Result<Harness> {
    let options = GenerateOptions { seed: 22, conversations: 25, messages_mean: 10.0, ..GenerateOptions::at(NOW_MS) };
    let story = Harness::connect(database, World::generate(&options)).await?;
    media::set_policy(&story.app, &Actor::Setup, &story.account, MediaPolicy::Off).await?;
    story.sync().await?;
    for seed in 0..4 {
        story.mutate(json!({"verb": "random", "seed": seed, "count": 15}))?;
        story.sync().await?;
    }
    story.assert_equal().await?;
    Ok(story)
}

async fn copied(story: &Harness) -> Result<String> {
    let account = accounts::find(&story.app, &story.account).await?;
    let mut out = Vec::new();
    copy::write(&story.app, &account, &mut out).await?;
    Ok(String::from_utf8(out)?)
}

async fn a_copy_comes_back_byte_for_byte_and_the_sync_goes_on(database: &Database) -> Result<()> {
    let story = synced(database).await?;
    let odd = |number: u32, conversation: &str| {
        format!(
            "INSERT INTO oddities (account_pk, digest, conversation_id, what, raw, times, first_seen_at, last_seen_at) \
             SELECT a.pk, 'digest{number}', {conversation}, 'no id', '{{\"n\":{number}}}', {number}, 5, 6 FROM accounts a"
        )
    };
    database.raw(&odd(1, "NULL")).await?;
    database.raw(&odd(2, "'2-somewhere'")).await?;
    let before = copied(&story).await?;
    ensure!(is_copy(before.lines().next().unwrap_or_default().as_bytes()) && !is_copy(b"{\"categories\":[]}"));
    ensure!(before == copied(&story).await?, "a copy differs the second time");
    for kind in ["person", "conversation", "message", "event", "oddity", "end"] {
        ensure!(before.contains(&format!("\"kind\":\"{kind}\"")), "no {kind}");
    }
    ensure!(
        before.contains("\"deleted\":true") && before.contains("\"replaced_at\""),
        "the world has too little in it"
    );
    let canonical = story.export().await?;

    accounts::remove(&story.app, &Actor::Setup, &story.account).await?;
    ensure!(database.count("SELECT COUNT(*) FROM messages").await? == 0);
    let restored = restore(&story.app, before.as_bytes()).await?;
    ensure!(restored.account == story.account && restored.messages > 0, "{restored:?}");
    ensure!(before == copied(&story).await?, "the copy of what came back differs");
    ensure!(canonical == story.export().await?);
    let lists = "SELECT COUNT(*) FROM conversations WHERE others IS NULL OR (newest_id IS NULL AND EXISTS \
        (SELECT 1 FROM messages m WHERE m.conversation_pk = conversations.pk AND m.is_deleted = 0))";
    ensure!(database.count(lists).await? == 0, "lists do not lie ready");
    ensure!(database.count("SELECT COUNT(*) FROM attachments").await? > 0, "attachments are not known");

    // With a login the sync goes on where it was: nothing doubles, and little is asked.
    story.log_in_again().await?;
    let requests = story.linkedin.requests()?;
    story.mutate(json!({"verb": "message_arrives", "conversation": {"index": 3}, "text": "hello again"}))?;
    let job = story.sync().await?;
    ensure!(job.failure.is_none() && job.progress.messages_new == 1, "{:?}", job.progress);
    ensure!(story.linkedin.requests()? - requests <= 3, "it began anew");
    story.assert_equal().await
}

async fn a_copy_knows_what_came_from_an_archive(database: &Database) -> Result<()> {
    let story = synced(database).await?;
    for era in [ArchiveEra::Year2023, ArchiveEra::Year2026] {
        import(&story, era).await?;
    }
    let before = copied(&story).await?;
    for kind in ["import", "archived", "alias"] {
        ensure!(before.contains(&format!("\"kind\":\"{kind}\"")), "no {kind}");
    }
    accounts::remove(&story.app, &Actor::Setup, &story.account).await?;
    // Another account's imports have taken numbers in the meantime.
    let desk = Desk::on(database)?;
    let file = desk.file("messages.csv", &csv(TEN, &[row("2-other", true, "2026-01-02 03:04:05 UTC", "hello")]))?;
    desk.import_as(&file, Some(&link("olga-test"))).await?;
    restore(&story.app, before.as_bytes()).await?;
    ensure!(before == copied(&story).await?, "the copy of what came back differs");
    ensure!(import(&story, ArchiveEra::Year2026).await?.is_repeated, "the archive is not known any more");
    story.log_in_again().await?;
    story.sync().await?;
    story.assert_equal().await
}

/// Takes a copy, and has everything change as soon as the first conversations have come.
struct Unquiet<'a> {
    story: &'a Harness,
    copy: Vec<u8>,
    is_changed: bool,
}

impl Unquiet<'_> {
    /// A new thread, many changes, and an archive.
    async fn change(&self) -> Result<()> {
        let people: Vec<serde_json::Value> =
            self.story.export().await?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let owner = self.story.linkedin.owner()?;
        let is_other = |one: &&serde_json::Value| one["type"] == "member" && one["id"] != owner.as_str();
        let with: Vec<_> = people.iter().filter(is_other).take(3).map(|one| one["id"].clone()).collect();
        self.story.mutate(json!({"verb": "message_arrives", "with": with, "title": "Late", "text": "hello"}))?;
        self.story.mutate(json!({"verb": "random", "seed": 77, "count": 20}))?;
        self.story.sync().await?;
        import(self.story, ArchiveEra::Year2026).await.map(drop)
    }
}

#[async_trait]
impl Outlet for Unquiet<'_> {
    async fn put(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let is_time = !self.is_changed && String::from_utf8_lossy(bytes).contains("\"kind\":\"conversation\"");
        self.copy.append(bytes);
        if is_time {
            self.is_changed = true;
            self.change().await.map_err(io::Error::other)?;
        }
        Ok(())
    }
}

async fn a_copy_is_of_one_moment_however_much_is_written_meanwhile(database: &Database) -> Result<()> {
    let story = synced(database).await?;
    let before = copied(&story).await?;
    let account = accounts::find(&story.app, &story.account).await?;
    let mut taken = Unquiet { story: &story, copy: Vec::new(), is_changed: false };
    copy::write(&story.app, &account, &mut taken).await?;
    ensure!(taken.is_changed && before != copied(&story).await?, "nothing was written meanwhile");
    ensure!(before.as_bytes() == taken.copy, "the copy tells of several moments");
    accounts::remove(&story.app, &Actor::Setup, &story.account).await?;
    restore(&story.app, taken.copy.as_slice()).await?;
    ensure!(before == copied(&story).await?);
    Ok(())
}

/// The copy with another line in the place of one, and a last line that fits to it.
fn forged(copy: &str, change: impl Fn(usize, &str) -> Option<String>) -> Result<String> {
    let mut text = String::new();
    let lines: Vec<&str> = copy.lines().collect();
    let (last, body) = lines.split_last().context("lines")?;
    for (at, line) in body.iter().enumerate() {
        if let Some(line) = change(at, line) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    let mut end: serde_json::Value = serde_json::from_str(last)?;
    let digest = Sha256::digest(text.as_bytes());
    end["sha256"] = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    Ok(format!("{text}{end}\n"))
}

/// The copy, changed in many ways.
fn changed(copy: &str, plain: &str) -> Result<Vec<(&'static str, String)>> {
    let lines: Vec<&str> = copy.lines().collect();
    let of = |kind: &str| {
        let mark = format!("\"kind\":\"{kind}\"");
        lines.iter().position(|line| line.contains(&mark)).context("a line")
    };
    let (person, message) = (of("person")?, of("message")?);
    let swapped = |at: usize, line: &str| {
        let other = if at == person { person + 1 } else { person };
        Some(if at == person || at == person + 1 { lines[other].to_owned() } else { line.to_owned() })
    };
    let strange = |line: &str, from: &str, to: &str| Some(line.replacen(from, to, 1));
    let id_of = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        format!("\"id\":\"{}\"", line["id"].as_str().unwrap_or_default())
    };
    let (first, second) = (id_of(lines[message]), id_of(lines[message + 1]));
    let twice =
        |at: usize, line: &str| Some(if at == message + 1 { line.replacen(&second, &first, 1) } else { line.into() });
    let cases = vec![
        ("a message twice", forged(copy, twice)?),
        ("a letter", copy.replacen("\"body\":\"", "\"body\":\"!", 1)),
        ("a line less", forged(copy, |at, line| (at != message).then(|| line.to_owned()))?),
        ("cut", copy.chars().take(copy.chars().count() / 2).collect()),
        ("without its end", lines[..lines.len() - 1].join("\n") + "\n"),
        ("more behind the end", format!("{copy}{}\n", lines[message])),
        ("out of order", forged(copy, swapped)?),
        (
            "an unknown key",
            forged(copy, |at, line| if at == message { strange(line, "{", "{\"a\":1,") } else { Some(line.into()) })?,
        ),
        (
            "a missing key",
            forged(
                copy,
                |at, line| if at == message { strange(line, "\"subject\":null,", "") } else { Some(line.into()) },
            )?,
        ),
        (
            "another version",
            forged(
                copy,
                |at, line| if at == 0 { strange(line, "\"version\":1}", "\"version\":2}") } else { Some(line.into()) },
            )?,
        ),
        (
            "a message of no conversation",
            forged(copy, |at, line| {
                if at == message {
                    strange(line, "\"conversation\":\"2-", "\"conversation\":\"1-")
                } else {
                    Some(line.into())
                }
            })?,
        ),
        ("plain export", format!("{plain}{}\n", "{\"kind\":\"conversation\"}")),
        ("nothing", String::new()),
        ("rubbish", "PK\u{3}\u{4}".repeat(100)),
    ];
    Ok(cases)
}

async fn a_changed_copy_is_refused_and_changes_nothing(database: &Database) -> Result<()> {
    let story = synced(database).await?;
    let (copy, plain) = (copied(&story).await?, story.export().await?);
    accounts::remove(&story.app, &Actor::Setup, &story.account).await?;
    for (name, changed) in changed(&copy, &plain)? {
        ensure!(changed != copy, "{name} is not changed");
        match restore(&story.app, changed.as_bytes()).await {
            Err(Refusal::Invalid(what)) => ensure!(what.contains("nothing was changed"), "{name}: {what}"),
            other => anyhow::bail!("{name}: {other:?}"),
        }
        for table in ["accounts", "people", "conversations", "messages", "events"] {
            ensure!(database.count(&format!("SELECT COUNT(*) FROM {table}")).await? == 0, "{name} has left {table}");
        }
    }
    restore(&story.app, copy.as_bytes()).await?;
    ensure!(copy == copied(&story).await?);
    Ok(())
}

async fn a_copy_never_meets_an_account_that_is_here(database: &Database) -> Result<()> {
    let story = synced(database).await?;
    let copy = copied(&story).await?;
    let refused = restore(&story.app, copy.as_bytes()).await;
    ensure!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    ensure!(copy == copied(&story).await?);
    // What was refused does not stand in the way of the next write.
    story.mutate(json!({"verb": "message_arrives", "conversation": {"index": 1}, "text": "hello"}))?;
    story.sync().await?;
    story.assert_equal().await
}

#[tokio::test]
async fn a_copy_goes_from_one_kind_of_database_to_the_other() -> Result<()> {
    let sqlite = Database::sqlite().await?;
    let Some(postgres) = Database::postgres("a_copy_goes_from_one_kind_of_database_to_the_other").await? else {
        return Ok(());
    };
    let story = synced(&sqlite).await?;
    let copy = copied(&story).await?;
    let mut other = story.app.clone();
    other.store = postgres.store.clone();
    restore(&other, copy.as_bytes()).await?;
    let account = accounts::find(&other, &story.account).await?;
    let mut out = Vec::new();
    copy::write(&other, &account, &mut out).await?;
    ensure!(copy.as_bytes() == out, "the copies differ");
    drop(story);
    sqlite.finish().await?;
    postgres.finish().await
}
