//! An archive and a live sync over the same conversations, in every order: one message is one row, and what LinkedIn
//! itself tells is what the mirror shows.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use threadkeep::store::MessageFilter;
use threadkeep_core::id::{ConversationId, MessageId};
use threadkeep_sim::{ArchiveEra, GenerateOptions, World, zip::zipped};

use crate::archives::{Desk, import_into};
use crate::harness::Harness;
use crate::store_database::Database;

/// A fixed present for worlds, so that a story is the same every day.
const NOW_MS: i64 = 1_790_000_000_000;

fn world(conversations: usize, seed: u64) -> World {
    World::generate(&GenerateOptions { seed, conversations, messages_mean: 12.0, ..GenerateOptions::at(NOW_MS) })
}

/// The mailbox as an export, in a file.
fn archive(story: &Harness, era: ArchiveEra, name: &str) -> Result<(tempfile::TempDir, PathBuf)> {
    archive_of(story.linkedin.simulator()?.world(), &story.linkedin.owner()?, era, name)
}

fn archive_of(world: &World, owner: &str, era: ArchiveEra, name: &str) -> Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let files = world.archive(owner, era);
    let path = folder.path().join(name);
    std::fs::write(&path, zipped(files.iter().map(|file| (file.name, file.bytes.as_slice())))?)?;
    Ok((folder, path))
}

/// Imports the mailbox as an export of an era.
pub async fn import(story: &Harness, era: ArchiveEra) -> Result<threadkeep::archive::ImportReport> {
    let (folder, path) = archive(story, era, "Basic_LinkedInDataExport.zip")?;
    let result = import_into(&story.app, &path, None, None, folder.path()).await?;
    ensure!(result.account == story.account && !result.is_new_account, "it went elsewhere: {:?}", result.report);
    Ok(result.report)
}

/// Rows that only an archive has told.
async fn archived_only(database: &Database) -> Result<i64> {
    database.count("SELECT COUNT(*) FROM messages WHERE id LIKE 'csv-%'").await
}

async fn an_archive_before_the_first_sync_leaves_no_double(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(60, 1)).await?;
    let report = import(&story, ArchiveEra::Year2026).await?;
    ensure!(report.imported > 300 && report.joined == 0, "{report:?}");
    let job = story.sync().await?;
    ensure!(job.failure.is_none(), "{:?}", job.failure);
    story.assert_equal().await?;
    story.linkedin.assert_only_read()
}

async fn an_archive_after_a_sync_adds_nothing(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(60, 2)).await?;
    story.sync().await?;
    let before = database.count("SELECT COUNT(*) FROM events").await?;
    for era in [ArchiveEra::Year2026, ArchiveEra::Year2021, ArchiveEra::Year2023] {
        let report = import(&story, era).await?;
        ensure!(report.joined + report.known + report.duplicates > 300, "{era:?}: {report:?}");
        story.assert_equal().await.with_context(|| format!("{era:?}: {report:?}"))?;
    }
    let created = "SELECT COUNT(*) FROM events WHERE kind = 'message.created'";
    ensure!(database.count(created).await? <= before);
    story.sync().await?;
    story.assert_equal().await
}

async fn every_era_with_threads_meets_a_sync(database: &Database) -> Result<()> {
    for (number, era) in
        [ArchiveEra::Year2021, ArchiveEra::Year2023, ArchiveEra::Year2024, ArchiveEra::Year2025].into_iter().enumerate()
    {
        let story = Harness::connect(database, world(20, 10 + number as u64)).await?;
        import(&story, era).await?;
        story.sync().await?;
        story.assert_equal().await.with_context(|| format!("{era:?}"))?;
    }
    Ok(())
}

async fn edits_between_archive_and_sync_are_one_message(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(40, 3)).await?;
    import(&story, ArchiveEra::Year2026).await?;
    story.mutate(json!({"verb": "random", "seed": 5, "count": 40, "only": [
        "message_arrives", "message_edited", "message_recalled", "reaction_added", "marked_read", "conversation_renamed"
    ]}))?;
    story.sync().await?;
    story.assert_equal().await?;
    ensure!(archived_only(database).await? == 0 || has_other_folders(database).await?);
    // An archive that is newer than the last sync, and the sync after it.
    story.mutate(json!({"verb": "random", "seed": 6, "count": 40, "only": ["message_arrives", "message_edited"]}))?;
    import(&story, ArchiveEra::Year2025).await?;
    story.sync().await?;
    story.assert_equal().await
}

/// The conversation and the id of an ordinary message with a text, and that text.
fn ordinary_message(story: &Harness) -> Result<(ConversationId, MessageId, String)> {
    for line in story.linkedin.truth()?.lines() {
        let record: Value = serde_json::from_str(line)?;
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        if text("kind") == "message" && text("format") == "DEFAULT" && text("body").len() > 20 {
            return Ok((ConversationId::new(&text("conversation"))?, MessageId::new(&text("id"))?, text("body")));
        }
    }
    anyhow::bail!("nothing was said")
}

async fn earlier_texts_of_archives_are_kept_in_every_order(database: &Database) -> Result<()> {
    for (number, order) in ["12s", "21s", "s12", "s21", "1s2", "2s1"].into_iter().enumerate() {
        let story = Harness::connect(database, world(6, 50 + number as u64)).await?;
        let (conversation, id, first) = ordinary_message(&story)?;
        let edit = |text: &str| {
            story.mutate(json!({"verb": "message_edited", "conversation": conversation, "message": id, "text": text}))
        };
        let (folder, old) = archive(&story, ArchiveEra::Year2026, "old.zip")?;
        edit("the second text")?;
        let (_newer, new) = archive(&story, ArchiveEra::Year2026, "new.zip")?;
        edit("the third text")?;
        for step in order.chars() {
            match step {
                's' => story.sync().await.map(|_| ())?,
                _ => {
                    let path = if step == '1' { &old } else { &new };
                    import_into(&story.app, path, None, None, folder.path()).await?;
                }
            }
        }
        story.assert_equal().await.context(order)?;
        let page = story.app.store.messages(&story.account, &conversation, &MessageFilter::default(), 1_000).await?;
        let kept = page.into_iter().find(|one| one.id == id).context("the message")?;
        let mut prior: Vec<&str> = kept.prior.iter().map(|one| one.body.as_str()).collect();
        prior.sort_unstable();
        let mut told = [first.as_str(), "the second text"];
        told.sort_unstable();
        ensure!(kept.body == "the third text" && prior == told, "{order}: {kept:?}");
        ensure!(kept.prior.iter().all(|one| one.version == 0), "{order}: {kept:?}");
        // An edit of what was taken over has a version of its own, and an archive of before does not undo it.
        edit("the fourth text")?;
        story.sync().await?;
        story.assert_equal().await.context(order)?;
    }
    Ok(())
}

async fn an_archive_that_is_newer_than_the_sync_does_not_hide_the_edit(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(6, 60)).await?;
    story.sync().await?;
    let (conversation, id, first) = ordinary_message(&story)?;
    story.mutate(json!({"verb": "message_edited", "conversation": conversation, "message": id, "text": "newer"}))?;
    import(&story, ArchiveEra::Year2026).await?;
    story.sync().await?;
    story.assert_equal().await?;
    let page = story.app.store.messages(&story.account, &conversation, &MessageFilter::default(), 1_000).await?;
    let kept = page.into_iter().find(|one| one.id == id).context("the message")?;
    let prior: Vec<&str> = kept.prior.iter().map(|one| one.body.as_str()).collect();
    ensure!(kept.body == "newer" && prior == [first], "{kept:?}");
    Ok(())
}

/// Conversations outside of the mirrored folders are known by the archive alone.
async fn has_other_folders(database: &Database) -> Result<bool> {
    let left = "SELECT COUNT(*) FROM messages m JOIN conversations c ON c.pk = m.conversation_pk WHERE m.id LIKE 'csv-%' \
         AND EXISTS (SELECT 1 FROM conversation_categories x WHERE x.conversation_pk = c.pk AND x.category IN ('INBOX', 'ARCHIVE'))";
    Ok(database.count(left).await? == 0)
}

async fn a_sync_that_is_broken_off_an_archive_and_the_rest(database: &Database) -> Result<()> {
    let story = Harness::connect(database, world(60, 4)).await?;
    for era in [ArchiveEra::Year2023, ArchiveEra::Year2026] {
        story.sync_until(40).await?;
        import(&story, era).await?;
    }
    story.sync().await?;
    story.assert_equal().await
}

async fn an_account_of_an_archive_is_joined_by_its_login(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let invented = world(30, 7);
    let owner = invented.owners().first().context("an account")?.clone();
    let (folder, path) = archive_of(&invented, &owner, ArchiveEra::Year2026, "x.zip")?;
    let archived = import_into(&desk.app, &path, None, None, folder.path()).await?;
    ensure!(archived.is_new_account && archived.report.owner == "invitations", "{:?}", archived.report);
    let account = desk.app.store.account(&archived.account).await?.context("an account")?;
    ensure!(threadkeep::verbs::sync::stopped(&account).is_some_and(|(code, _)| code == "needs_login"));
    let story = Harness::connect(database, invented).await?;
    ensure!(story.account == archived.account, "the login made another account");
    story.sync().await?;
    story.assert_equal().await?;
    ensure!(database.count("SELECT COUNT(*) FROM accounts").await? == 1);
    ensure!(import(&story, ArchiveEra::Year2026).await?.is_repeated);
    let mine = "SELECT COUNT(*) FROM messages m JOIN accounts a ON a.pk = m.account_pk WHERE m.sender_id = a.member_id";
    ensure!(database.count(mine).await? > 0, "the member's own messages are the member's");
    Ok(())
}

/// Rows of archives beside a message of LinkedIn's with the same text and time that no other row is.
async fn doubles(database: &Database) -> Result<i64> {
    let text = "SELECT COUNT(*) FROM messages m WHERE m.id LIKE 'csv-%' AND m.is_deleted = 0 AND m.body <> '' AND EXISTS \
         (SELECT 1 FROM messages n WHERE n.account_pk = m.account_pk AND n.id NOT LIKE 'csv-%' AND n.body = m.body \
         AND n.delivered_at BETWEEN m.delivered_at - 1000 AND m.delivered_at + 1999 \
         AND NOT EXISTS (SELECT 1 FROM archived_messages a WHERE a.message_id = n.id))";
    database.count(text).await
}

/// Conversations of archives in which nothing is left.
async fn empty_threads(database: &Database) -> Result<i64> {
    let text = "SELECT COUNT(*) FROM conversations c WHERE c.id LIKE 'csv-%' AND c.is_deleted = 0 AND NOT EXISTS \
         (SELECT 1 FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0)";
    database.count(text).await
}

async fn an_archive_without_threads_meets_a_sync(database: &Database) -> Result<()> {
    for (number, is_first) in [(0, true), (1, false)] {
        let story = Harness::connect(database, world(25, 30 + number)).await?;
        let report = if is_first {
            let report = import(&story, ArchiveEra::Year2020).await?;
            story.sync().await?;
            report
        } else {
            story.sync().await?;
            import(&story, ArchiveEra::Year2017).await?
        };
        ensure!(report.imported + report.joined > 250, "{report:?}");
        ensure!(doubles(database).await? == 0, "{is_first}: rows stand beside their messages");
        ensure!(empty_threads(database).await? == 0, "{is_first}: conversations of nothing");
        // The other way round, and once more: nothing is added.
        let before = database.count("SELECT COUNT(*) FROM messages").await?;
        let other = if is_first { ArchiveEra::Year2017 } else { ArchiveEra::Year2020 };
        let again = import(&story, other).await?;
        ensure!(again.imported == 0, "{is_first}: {again:?}");
        ensure!(database.count("SELECT COUNT(*) FROM messages").await? == before);
        story.sync().await?;
        ensure!(doubles(database).await? == 0 && empty_threads(database).await? == 0);
    }
    Ok(())
}

crate::on_both_databases! {
    an_archive_before_the_first_sync_leaves_no_double,
    an_archive_after_a_sync_adds_nothing,
    every_era_with_threads_meets_a_sync,
    edits_between_archive_and_sync_are_one_message,
    earlier_texts_of_archives_are_kept_in_every_order,
    an_archive_that_is_newer_than_the_sync_does_not_hide_the_edit,
    a_sync_that_is_broken_off_an_archive_and_the_rest,
    an_account_of_an_archive_is_joined_by_its_login,
    an_archive_without_threads_meets_a_sync,
}
