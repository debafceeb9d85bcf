//! Exports of a synced inbox in every form: whole, the same each time, filtered, with attachments; over HTTP the same bytes.

use std::collections::BTreeMap;
use std::io;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use threadkeep::forms::csv::Csv;
use threadkeep::forms::html::Html;
use threadkeep::forms::markdown::Markdown;
use threadkeep::forms::mbox::Mbox;
use threadkeep::forms::{Form, csv};
use threadkeep::store::{Actor, MediaPolicy, portable_file};
use threadkeep::verbs::export::{BookWish, Outlet, write_book};
use threadkeep::verbs::{accounts, media};
use threadkeep_core::id::ConversationId;
use threadkeep_core::time::Timestamp;
use threadkeep_sim::{GenerateOptions, World};

use crate::harness::Harness;
use crate::store_database::Database;

/// A fixed present for worlds.
const NOW_MS: i64 = 1_790_000_000_000;

crate::on_both_databases!(
    every_form_has_every_message_and_is_the_same_each_time,
    a_part_is_a_part,
    a_folder_has_a_page_for_each_conversation_and_its_pictures,
    a_database_to_take_away_has_plain_tables_and_no_secrets,
);

/// Makes a form.
type Maker = fn() -> Box<dyn Form>;

/// Files in memory.
#[derive(Default)]
struct Files {
    files: BTreeMap<String, Vec<u8>>,
    at: String,
}

#[async_trait::async_trait]
impl Outlet for Files {
    async fn put(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.files.entry(self.at.clone()).or_default().append(bytes);
        Ok(())
    }

    async fn begin_file(&mut self, name: &str) -> io::Result<()> {
        if self.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.at = name.to_owned();
        Ok(())
    }

    async fn put_file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.files.insert(name.to_owned(), bytes.to_owned());
        Ok(())
    }
}

async fn synced(database: &Database, policy: MediaPolicy) -> Result<Harness> {
    let options = GenerateOptions { seed: 21, conversations: 30, messages_mean: 10.0, ..GenerateOptions::at(NOW_MS) };
    let story = Harness::connect(database, World::generate(&options)).await?;
    media::set_policy(&story.app, &Actor::Setup, &story.account, policy).await?;
    story.sync().await?;
    story.mutate(json!({"verb": "random", "seed": 5, "count": 30}))?;
    story.sync().await?;
    story.assert_equal().await?;
    Ok(story)
}

async fn wish(story: &Harness) -> Result<BookWish> {
    let account = accounts::find(&story.app, &story.account).await?;
    Ok(BookWish { categories: Some(story.app.sync.categories.clone()), ..BookWish::of(account) })
}

async fn written(story: &Harness, wish: &BookWish, mut form: Box<dyn Form>) -> Result<String> {
    let mut out = Vec::new();
    write_book(&story.app, wish, form.as_mut(), &mut out).await?;
    Ok(String::from_utf8(out)?)
}

/// Records of a kind in the truth.
fn truth(story: &Harness, kind: &str) -> Result<Vec<Value>> {
    let truth = story.linkedin.truth()?;
    let all: Result<Vec<Value>, _> = truth.lines().map(serde_json::from_str).collect();
    Ok(all?.into_iter().filter(|one| one["kind"] == kind).collect())
}

async fn every_form_has_every_message_and_is_the_same_each_time(database: &Database) -> Result<()> {
    let story = synced(database, MediaPolicy::Off).await?;
    let messages = truth(&story, "message")?;
    let wish = BookWish { with_history: true, ..wish(&story).await? };
    let forms: [(&str, Maker); 4] = [
        ("csv", || Box::new(Csv::default())),
        ("html", || Box::new(Html::default())),
        ("markdown", || Box::new(Markdown::default())),
        ("mbox", || Box::new(Mbox::default())),
    ];
    for (name, form) in forms {
        let text = written(&story, &wish, form()).await?;
        ensure!(text == written(&story, &wish, form()).await?, "{name} differs the second time");
        let mark = |one: &Value| {
            let id = one["id"].as_str().unwrap_or_default().to_owned();
            match name {
                // Behind its own id stands when it was sent.
                "csv" => Some(format!(",{id},20")),
                "html" => Some(format!("<article id=\"{id}\"")),
                "mbox" => Some(format!("\nMessage-ID: <{id}@")),
                _ => None,
            }
        };
        for one in &messages {
            let Some(mark) = mark(one) else { continue };
            ensure!(text.matches(&mark).count() == 1, "{name}: {mark} is there {} times", text.matches(&mark).count());
        }
    }
    let text = written(&story, &wish, Box::new(Csv::default())).await?;
    ensure!(text.starts_with(&csv::COLUMNS.join(",")));
    let text = written(&story, &wish, Box::new(Mbox::default())).await?;
    let first_lines = text.lines().filter(|line| line.starts_with("From ")).count();
    ensure!(first_lines == messages.len(), "{first_lines} mails of {} messages", messages.len());
    Ok(())
}

async fn a_part_is_a_part(database: &Database) -> Result<()> {
    let story = synced(database, MediaPolicy::Off).await?;
    let messages = truth(&story, "message")?;
    let busy = messages.iter().find(|one| one["body"] != "").context("a message")?;
    let id = busy["conversation"].as_str().unwrap_or_default();
    let of_it: Vec<&Value> = messages.iter().filter(|one| one["conversation"] == id).collect();
    let only = BookWish { only: vec![ConversationId::new(id)?], ..wish(&story).await? };
    let mut out = Vec::new();
    let exported = write_book(&story.app, &only, &mut Html::default(), &mut out).await?;
    ensure!((exported.conversations, exported.messages) == (1, of_it.len() as u64), "{exported:?}");

    let mut times: Vec<i64> = messages.iter().filter_map(|one| one["deliveredAt"].as_i64()).collect();
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().context("a time")?;
    let since = BookWish { since: Some(Timestamp(middle)), ..wish(&story).await? };
    let exported = write_book(&story.app, &since, &mut Html::default(), &mut Vec::new()).await?;
    let expected = times.iter().filter(|at| **at >= middle).count() as u64;
    ensure!(exported.messages == expected, "{} of {expected}", exported.messages);
    Ok(())
}

async fn a_folder_has_a_page_for_each_conversation_and_its_pictures(database: &Database) -> Result<()> {
    let story = synced(database, MediaPolicy::Eager).await?;
    let wish = BookWish { with_media: true, files_ending: Some("html"), ..wish(&story).await? };
    let mut files = Files::default();
    let exported = write_book(&story.app, &wish, &mut Html::default(), &mut files).await?;
    let pages: Vec<&String> = files.files.keys().filter(|name| name.ends_with(".html")).collect();
    ensure!(pages.len() as u64 == exported.conversations + 1, "{} pages", pages.len());
    let index = String::from_utf8(files.files.get("index.html").context("an index")?.clone())?;
    ensure!(pages.iter().filter(|page| **page != "index.html").all(|page| index.contains(&format!("href=\"{page}\""))));
    let mut shown = 0;
    for (name, bytes) in files.files.iter().filter(|(name, _)| name.ends_with(".html")) {
        let text = std::str::from_utf8(bytes)?;
        shown += text.matches("<img alt=").count();
        ensure!(!text.contains("<script") && !text.contains("src=\"http"), "{name} loads something");
        for link in text.split("href=\"media/").skip(1) {
            let file = format!("media/{}", link.split('"').next().unwrap_or_default());
            ensure!(files.files.contains_key(&file), "{name} refers to {file}, which is not there");
        }
    }
    ensure!(shown > 0 && files.files.keys().any(|name| name.starts_with("media/")), "{shown} pictures");
    let again = {
        let mut again = Files::default();
        write_book(&story.app, &wish, &mut Html::default(), &mut again).await?;
        again.files
    };
    ensure!(again == files.files, "the second export differs");
    Ok(())
}

async fn a_database_to_take_away_has_plain_tables_and_no_secrets(database: &Database) -> Result<()> {
    let story = synced(database, MediaPolicy::Eager).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mine.db");
    std::fs::write(&path, "")?;
    let wish = BookWish { with_media: true, with_history: true, ..wish(&story).await? };
    let mut form = portable_file(&path)?;
    let exported = write_book(&story.app, &wish, form.as_mut(), &mut Vec::new()).await?;
    drop(form);
    let kept = rusqlite::Connection::open(&path)?;
    let count = |text: &str| kept.query_row(text, [], |row| row.get::<_, i64>(0));
    ensure!(count("SELECT COUNT(*) FROM messages")? as u64 == exported.messages);
    ensure!(count("SELECT COUNT(*) FROM conversations")? as u64 == exported.conversations);
    ensure!(count("SELECT COUNT(*) FROM attachments WHERE bytes IS NOT NULL")? > 0);
    ensure!(count("SELECT COUNT(*) FROM message_versions")? > 0);
    ensure!(count("SELECT COUNT(*) FROM participants p LEFT JOIN people USING (person_id) WHERE name IS NULL")? == 0);
    let tables: String = kept.query_row(
        "SELECT GROUP_CONCAT(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name)",
        [],
        |row| row.get(0),
    )?;
    assert_eq!(tables, "account attachments conversations message_versions messages participants people reactions");
    Ok(())
}
