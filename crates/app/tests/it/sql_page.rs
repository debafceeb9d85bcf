//! `docs/SQL.md`: each question is asked as it stands there, on both databases, of an invented inbox whose answers are known.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use threadkeep_core::content::{Content, Reaction};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::sync::Batch;
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{Worker, conversation, delta, listed, message, person, person_id, spoken};

crate::on_both_databases!(the_questions_of_the_page_have_these_answers, every_view_can_be_read);

const PAGE: &str = include_str!("../../../../docs/SQL.md");
/// 2026-01-05 09:00 UTC.
const MORNING: i64 = 1_767_603_600_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// The questions by their numbers.
fn questions() -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for part in PAGE.split("\n### ").skip(1) {
        let number = part.split('.').next().and_then(|number| number.parse().ok());
        let text = part.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next());
        if let (Some(number), Some(text)) = (number, text) {
            found.insert(number, text.trim().trim_end_matches(';').to_owned());
        }
    }
    found
}

/// The rows of an answer, each as an object.
async fn asked(db: &Database, text: &str) -> Result<Vec<Value>> {
    if db.is_postgres() {
        let mut connection = sqlx::PgConnection::connect(&db.url).await?;
        let wrapped = format!("SELECT row_to_json(answer)::text FROM ({text}) answer");
        let rows = sqlx::query(AssertSqlSafe(wrapped)).fetch_all(&mut connection).await?;
        connection.close().await?;
        return rows.into_iter().map(|row| Ok(serde_json::from_str(row.try_get::<&str, _>(0)?)?)).collect();
    }
    let connection = db.connect()?;
    connection.execute_batch("PRAGMA trusted_schema = OFF")?;
    let mut statement = connection.prepare(text)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut object = Map::new();
        for (at, name) in names.iter().enumerate() {
            object.insert(
                name.clone(),
                match row.get_ref(at)? {
                    rusqlite::types::ValueRef::Null => Value::Null,
                    rusqlite::types::ValueRef::Integer(value) => value.into(),
                    rusqlite::types::ValueRef::Real(value) => value.into(),
                    rusqlite::types::ValueRef::Text(bytes) => std::str::from_utf8(bytes)?.into(),
                    rusqlite::types::ValueRef::Blob(_) => anyhow::bail!("{name} is binary"),
                },
            );
        }
        all.push(object.into());
    }
    Ok(all)
}

/// A message of somebody, at a time after that morning.
fn said(conversation: &str, name: &str, from: &str, after_ms: i64) -> Result<MessageSeen> {
    Ok(MessageSeen {
        sender: Some(person_id(from)?),
        ..message(conversation, name, MORNING + after_ms, &format!("text of {name}"))?
    })
}

/// An inbox: Ann is answered fast, Ben waits, a group, an InMail without an answer, one that is not complete.
async fn inbox(db: &Database) -> Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let group = ConversationSeen {
        group: Some(true),
        title: Some(Some("Team".into())),
        participants: Some(["Owner", "Ann", "Ben", "Cleo"].into_iter().map(person_id).collect::<Result<_>>()?),
        ..conversation("group", MORNING + 3 * DAY, "Ann")?
    };
    let conversations = vec![
        conversation("ann", MORNING, "Ann")?,
        conversation("ben", MORNING, "Ben")?,
        group,
        conversation("cleo", MORNING, "Cleo")?,
    ];
    let people = ["Owner", "Ann", "Ben", "Cleo"].into_iter().map(person).collect::<Result<_>>()?;
    worker.commit(&Batch { people, ..listed(conversations) }).await?;
    let mut photo = said("ben", "b3", "Ben", 41 * DAY)?;
    photo.content = Some(vec![Content::Image { asset: None, url: Some("https://media.licdn.com/x".into()) }]);
    photo.reactions = Some(vec![Reaction {
        emoji: "👍\0".into(),
        count: 2,
        first_reacted_at: Some(Timestamp(MORNING)),
        viewer_reacted: true,
    }]);
    let mut inmail = said("cleo", "c1", "Cleo", 2 * DAY)?;
    inmail.subject = Some("An offer".into());
    worker
        .commit(&spoken(vec![
            said("ann", "a1", "Ann", 0)?,
            said("ann", "a2", "Owner", 10 * MINUTE)?,
            said("ann", "a3", "Ann", 12 * MINUTE)?,
            said("ann", "a4", "Owner", 42 * MINUTE)?,
            said("ben", "b1", "Ben", 0)?,
            said("ben", "b2", "Owner", 20 * MINUTE)?,
            photo,
            inmail,
            said("group", "g1", "Ann", 3 * DAY)?,
            MessageSeen { body: Some("before\0".into()), ..said("group", "g2", "Owner", 3 * DAY + MINUTE)? },
        ]))
        .await?;
    let edited = MessageSeen { format: Some(MessageFormat::Edited), ..said("group", "g2", "Owner", 3 * DAY + MINUTE)? };
    worker.commit(&delta(spoken(vec![edited]))).await?;
    Ok(())
}

/// Rows with these columns alone, as lists.
fn cut(rows: &[Value], columns: &[&str]) -> Value {
    rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect::<Value>()).collect()
}

async fn the_questions_of_the_page_have_these_answers(db: &Database) -> Result<()> {
    inbox(db).await?;
    let questions = questions();
    ensure!(questions.len() == 10, "{} questions", questions.len());
    let expected: [(u32, &[&str], Value); 10] = [
        (
            1,
            &["conversation_id", "sender_name", "delivered_at"],
            json!([
                ["2-cleo", "Cleo Test", "2026-01-07T09:00:00.000Z"],
                ["2-ben", "Ben Test", "2026-02-15T09:00:00.000Z"]
            ]),
        ),
        // I answered after 10, 20, 30 and 1 minutes; I was answered after 2 minutes, and after 41 days less 20 minutes.
        (2, &["is_mine", "answers", "median_minutes"], json!([[0, 2, (41 * 1440 - 20 + 2) / 2], [1, 4, 15]])),
        (3, &["month", "messages", "mine"], json!([["2026-01", 9, 4], ["2026-02", 1, 0]])),
        (4, &["hour", "messages"], json!([["09", 10]])),
        (
            5,
            &["conversation_id", "days", "ended_by"],
            json!([["2-ben", 40, "Ben Test"], ["2-ann", 0, "Owner Test"], ["2-ben", 0, "Owner Test"]]),
        ),
        (6, &["is_mine", "conversation_id", "subject", "sender_name"], json!([[0, "2-cleo", "An offer", "Cleo Test"]])),
        (7, &["conversation_id", "attachments", "here"], json!([["2-ben", 1, 0]])),
        (8, &["format", "sender_name", "before", "now"], json!([["EDITED", "Owner Test", "before?", "text of g2"]])),
        (9, &["conversation_id", "title", "participant_count"], json!([["2-group", "Team", 4]])),
        (
            10,
            &["conversation_id", "completeness", "messages"],
            json!([["2-ann", "listed", 4], ["2-ben", "listed", 3], ["2-cleo", "listed", 1], ["2-group", "listed", 2]]),
        ),
    ];
    for (number, columns, answer) in expected {
        let text = questions.get(&number).with_context(|| format!("question {number}"))?;
        let rows = asked(db, text).await.with_context(|| format!("question {number}"))?;
        // Where a database cannot show the character U+0000 it shows another.
        let found = cut(&rows, columns).to_string().replace("\\u0000", "?").replace('\u{FFFD}', "?");
        ensure!(
            serde_json::from_str::<Value>(&found)? == answer,
            "question {number}\n   found {found}\nexpected {answer}"
        );
    }
    Ok(())
}

async fn every_view_can_be_read(db: &Database) -> Result<()> {
    inbox(db).await?;
    let table = PAGE.split("## Views").nth(1).and_then(|rest| rest.split("## Questions").next()).context("views")?;
    let mut seen = 0;
    for line in table.lines().filter(|line| line.starts_with("| `v_")) {
        let names: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let (view, columns) = names.split_first().context("a view")?;
        let plain = |name: &&&str| {
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !matches!(**name, "stored" | "tracks")
        };
        let columns: Vec<&str> = columns.iter().filter(plain).copied().collect();
        let text = format!("SELECT account_id, {} FROM {view}", columns.join(", "));
        let rows = asked(db, &text).await.with_context(|| text.clone())?;
        ensure!(!rows.is_empty(), "{view} shows nothing");
        seen += 1;
    }
    ensure!(seen == 8, "{seen} views");
    Ok(())
}
