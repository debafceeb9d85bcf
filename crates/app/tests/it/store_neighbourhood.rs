//! Accounts with the same conversations, messages and files, and every row of some of them as text.
//!
//! What a statement does to the wrong row cannot be seen where there is only one. The tables are asked of the database:
//! one that is new and empty here is an error.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use threadkeep::archive::ImportReport;
use threadkeep::store::{
    Act, ActOutcome, Actor, AuditLine, DataKeyRow, ImportRows, ImportWish, Imported, MediaCommit, MediaOutcome, Object,
    StoredObject,
};
use threadkeep_core::archived::{ArchivedMessage, ArchivedPerson};
use threadkeep_core::content::Content;
use threadkeep_core::id::PersonId;
use threadkeep_core::message::MessageSeen;
use threadkeep_core::page::Oddity;
use threadkeep_core::sync::Batch;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::{Ask, Depth, Finding, Kind, Verdict, Verification, VerifyBatch};

use crate::store_contract_search::indexed;
use crate::store_database::Database;
use crate::store_fixture::{
    LEASE_MS, NOW, Worker, account_id, batch, conversation, conversation_id, listed, message, message_id, person,
    person_id, spoken,
};

/// The conversations of each account, and who is in each besides the owner.
pub const TALKS: [(&str, &str); 3] = [("before", "Ann"), ("mine", "Max"), ("behind", "Zoe")];

/// Tables of accounts that are empty when nothing waits to be done.
const MAY_BE_EMPTY: [&str; 1] = ["search_again"];

/// Every row of something, by table.
pub type Rows = BTreeMap<String, Vec<String>>;

pub fn photo(name: &str, signature: &str) -> Content {
    let url = format!("https://www.linkedin.com/dms/prv/{name}?t={signature}");
    Content::Image { asset: Some(name.into()), url: Some(url) }
}

/// A message with three photos.
pub fn pictured(talk: &str, number: i64) -> Result<MessageSeen> {
    let name = format!("{talk}{number}");
    let photos = (0..3).map(|place| photo(&format!("{name}-{place}"), "1")).collect();
    Ok(MessageSeen { content: Some(photos), ..message(talk, &name, 10 + number, "some words")? })
}

pub fn object(hash: &str) -> StoredObject {
    StoredObject { hash: hash.into(), size_bytes: 7, media_type: "image/png".into() }
}

/// An account in which everything has happened that leaves rows.
pub async fn lived_in(db: &Database, number: u32) -> Result<Worker> {
    let mut worker = Worker::new(&db.store, number).await?;
    let conversations = TALKS.iter().map(|(talk, other)| conversation(talk, 20, other)).collect::<Result<_>>()?;
    let people = TALKS.iter().map(|(_, other)| person(other)).collect::<Result<_>>()?;
    let odd = |talk| {
        let conversation = Some(conversation_id(talk)?);
        anyhow::Ok(Oddity { conversation, what: "no id".into(), raw: format!("{{\"of\":\"{talk}\"}}") })
    };
    let oddities = TALKS.iter().map(|(talk, _)| odd(talk)).collect::<Result<_>>()?;
    worker.commit(&Batch { people, oddities, ..listed(conversations) }).await?;
    for (talk, _) in TALKS {
        worker.commit(&spoken((1..=3).map(|number| pictured(talk, number)).collect::<Result<_>>()?)).await?;
    }
    verify(&mut worker).await?;
    fetch_some(&worker).await?;
    let key = DataKeyRow {
        account: worker.account().clone(),
        version: 1,
        wrapped: vec![1],
        master_key: "m".into(),
        created_at: NOW,
    };
    db.store.data_key_or_insert(&key).await?;
    import(&worker, "d1", 1).await?;
    indexed(&db.store).await?;
    // Only one message in 50,000 has a fence.
    let own = format!("(SELECT a.pk FROM accounts a WHERE a.id = '{}')", worker.account());
    let place = format!("SELECT MIN(s.place) FROM search_rows s WHERE s.account_pk = {own}");
    db.raw(&format!("INSERT INTO search_fences (place) {place}")).await?;
    Ok(worker)
}

/// Verdicts about all conversations, of both depths.
async fn verify(worker: &mut Worker) -> Result<()> {
    let ask = Ask { depth: Depth::Messages, repairs: false };
    worker.store.enqueue_verify(worker.account(), ask, NOW).await?;
    let shown = TALKS.iter().map(|(talk, _)| conversation_id(talk)).collect::<Result<Vec<_>>>()?;
    for depth in [Depth::Lists, Depth::Messages] {
        let verdict = |conversation| Verdict {
            conversation,
            depth,
            findings: vec![Finding::one(Kind::MessageMissing)],
            upstream_messages: Some(4),
            is_repaired: false,
        };
        let verdicts = shown.iter().cloned().map(verdict).collect();
        let state = Verification::begin(ask, worker.lease.job, &[]);
        let verification = VerifyBatch { verdicts, shown: shown.clone(), ..state.alone() };
        worker.commit(&Batch { verification: Some(verification), ..batch() }).await?;
    }
    Ok(())
}

/// Keeps the first two files, which are those of the first message; all accounts have the same ones.
async fn fetch_some(worker: &Worker) -> Result<()> {
    for hash in ["aa", "bb"] {
        worker.store.expect_object(&object(hash), NOW.plus_ms(LEASE_MS)).await?;
        settle_next(worker, &MediaOutcome::Stored { object: object(hash), name: None }).await?;
    }
    Ok(())
}

/// Writes what came of the file that is next.
pub async fn settle_next(worker: &Worker, outcome: &MediaOutcome) -> Result<()> {
    let task = worker.store.next_media(&worker.lease, true, NOW).await?.context("nothing is to be fetched")?;
    let commit = MediaCommit {
        lease: &worker.lease,
        task: &task,
        outcome,
        sealed_session: None,
        next_request_at: NOW.plus_ms(1 + i64::from(task.attachment.ordinal)),
        lease_until: NOW.plus_ms(LEASE_MS + task.attachment.pk),
        progress: &worker.progress,
        now: NOW,
    };
    ensure!(worker.store.commit_media(&commit).await?.is_written);
    Ok(())
}

/// Rows of an archive, a message for each conversation.
struct Archive(Vec<ArchivedMessage>);

#[async_trait]
impl ImportRows for Archive {
    async fn next(&mut self) -> Option<Vec<ArchivedMessage>> {
        Some(std::mem::take(&mut self.0))
    }

    fn now(&self) -> Timestamp {
        NOW
    }

    fn report(&self) -> ImportReport {
        ImportReport::default()
    }
}

fn archived_person(name: &str) -> Result<ArchivedPerson> {
    let slug = format!("{}-test", name.to_lowercase());
    let link = format!("https://www.linkedin.com/in/{slug}");
    Ok(ArchivedPerson {
        id: PersonId::new(&format!("in:{slug}"))?,
        slug: Some(slug),
        name: format!("{name} Test"),
        link: Some(link),
    })
}

fn archived(talk: &str, other: &str, number: i64) -> Result<ArchivedMessage> {
    let second = 1_600_000_000 + number;
    Ok(ArchivedMessage {
        conversation: conversation_id(talk)?,
        is_thread_derived: false,
        title: None,
        second: Some(second),
        ordered_at: second,
        rank: 0,
        sender: Some(archived_person(other)?),
        recipients: vec![archived_person("Olga")?],
        body: format!("an old word {number}"),
        subject: None,
        content: vec![photo(&format!("{talk}-old{number}"), "1")],
        category: "INBOX".to_owned(),
        is_sponsored: false,
        fingerprint: format!("{talk}{number}"),
    })
}

/// Takes an archive in, in which each conversation has one message more.
pub async fn import(worker: &Worker, digest: &str, number: i64) -> Result<()> {
    import_for(worker, digest, number, None).await
}

/// The same, for somebody who has asked for it.
pub async fn import_for(worker: &Worker, digest: &str, number: i64, job: Option<i64>) -> Result<()> {
    let owner = archived_person("Olga")?.id;
    let line = AuditLine {
        at: NOW,
        who: Actor::Setup,
        act: Act::ArchiveImported,
        object: Object::account(worker.account()),
        outcome: ActOutcome::Done,
    };
    let wish = ImportWish {
        account: worker.account(),
        owner: &owner,
        first_name: "Olga",
        last_name: "Test",
        public_id: "olga-test",
        scope: &["INBOX".to_owned()],
        digest,
        newest_second: Some(9),
        lacks_threads: false,
        job,
        is_dry_run: false,
        line: &line,
        now: NOW,
    };
    let rows = TALKS.iter().map(|(talk, other)| archived(talk, other, number)).collect::<Result<_>>()?;
    let imported = worker.store.import(&wish, &mut Archive(rows)).await?;
    ensure!(matches!(imported, Imported::Done(report) if report.imported > 0));
    Ok(())
}

/// Every row of these accounts.
pub async fn rows_of_accounts(db: &Database, numbers: &[u32]) -> Result<Rows> {
    let ids = numbers.iter().map(|number| Ok(format!("'{}'", account_id(*number)?))).collect::<Result<Vec<_>>>()?;
    let ids = ids.join(", ");
    let own = db.texts(&format!("SELECT CAST(a.pk AS TEXT) FROM accounts a WHERE a.id IN ({ids})")).await?;
    ensure!(own.len() == numbers.len(), "an account is not there");
    rows_of(db, &own.join(", "), &ids).await
}

/// Every row of accounts with these keys and ids; they may be gone.
pub async fn rows_of(db: &Database, pks: &str, ids: &str) -> Result<Rows> {
    let mut found = Rows::new();
    for table in tables(db, "account_pk").await? {
        found.insert(table.clone(), rows(db, &table, &format!("account_pk IN ({pks})")).await?);
    }
    let of_conversation =
        format!("conversation_pk IN (SELECT c.pk FROM conversations c WHERE c.account_pk IN ({pks}))");
    let others = [
        ("accounts", format!("pk IN ({pks})")),
        ("conversation_categories", of_conversation),
        ("data_keys", format!("account_id IN ({ids})")),
        ("search_fences", format!("place IN (SELECT s.place FROM search_rows s WHERE s.account_pk IN ({pks}))")),
    ];
    for (table, which) in others {
        found.insert(table.to_owned(), rows(db, table, &which).await?);
    }
    Ok(found)
}

/// Asserts that nothing is left that belongs to something that is gone.
pub async fn assert_no_strays(db: &Database) -> Result<()> {
    let message = |row: &str| {
        format!("SELECT 1 FROM messages m WHERE m.account_pk = {row}.account_pk AND m.id = {row}.message_id")
    };
    let strays = [
        ("attachments x", format!("x.message_id IS NOT NULL AND NOT EXISTS ({})", message("x"))),
        ("archived_messages x", format!("NOT EXISTS ({} AND m.conversation_pk = x.conversation_pk)", message("x"))),
        ("conversation_categories x", "x.conversation_pk NOT IN (SELECT c.pk FROM conversations c)".to_owned()),
        ("conversation_people x", "x.conversation_pk NOT IN (SELECT c.pk FROM conversations c)".to_owned()),
        ("search_fences x", "x.place NOT IN (SELECT s.place FROM search_rows s)".to_owned()),
    ];
    for (table, which) in strays {
        assert_eq!(db.count(&format!("SELECT COUNT(*) FROM {table} WHERE {which}")).await?, 0, "{table}");
    }
    Ok(())
}

/// Asserts that an account that was [`lived_in`] has rows wherever an account has them.
pub fn assert_lived_in(rows: &Rows) {
    for (table, rows) in rows {
        assert!(!rows.is_empty() || MAY_BE_EMPTY.contains(&table.as_str()), "{table} has no row");
    }
}

/// Every row of these conversations of an account, and of who is in no other one.
pub async fn rows_of_talks(db: &Database, number: u32, talks: &[&str]) -> Result<Rows> {
    let own = format!("(SELECT a.pk FROM accounts a WHERE a.id = '{}')", account_id(number)?);
    let ids = talks.iter().map(|talk| Ok(format!("'{}'", conversation_id(talk)?))).collect::<Result<Vec<_>>>()?;
    let ids = ids.join(", ");
    let of_talk =
        format!("conversation_pk IN (SELECT c.pk FROM conversations c WHERE c.account_pk = {own} AND c.id IN ({ids}))");
    let of_message = format!("IN (SELECT m.id FROM messages m WHERE m.account_pk = {own} AND m.{of_talk})");
    let mut found = Rows::new();
    for table in tables(db, "conversation_pk").await? {
        found.insert(table.clone(), rows(db, &table, &of_talk).await?);
    }
    let others = TALKS.iter().filter(|(talk, _)| talks.contains(talk));
    let people =
        others.map(|(_, other)| Ok(format!("'{}'", person_id(other)?))).collect::<Result<Vec<_>>>()?.join(", ");
    let more = [
        ("conversations", format!("account_pk = {own} AND id IN ({ids})")),
        ("verdicts", format!("account_pk = {own} AND conversation_id IN ({ids})")),
        ("oddities", format!("account_pk = {own} AND conversation_id IN ({ids})")),
        ("attachments", format!("account_pk = {own} AND message_id {of_message}")),
        ("search_rows", format!("account_pk = {own} AND message_id {of_message}")),
        ("people", format!("account_pk = {own} AND id IN ({people})")),
    ];
    for (table, which) in more {
        found.insert(table.to_owned(), rows(db, table, &which).await?);
    }
    Ok(found)
}

/// Every row of these messages of an account, and of their files at these places.
pub async fn rows_of_messages(db: &Database, number: u32, names: &[&str], places: &[u32]) -> Result<Rows> {
    let own = format!("account_pk = (SELECT a.pk FROM accounts a WHERE a.id = '{}')", account_id(number)?);
    let ids = names.iter().map(|name| Ok(format!("'{}'", message_id(name)?))).collect::<Result<Vec<_>>>()?.join(", ");
    let places = places.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let found = [
        ("messages", format!("{own} AND id IN ({ids})")),
        ("attachments", format!("{own} AND message_id IN ({ids}) AND ordinal IN ({places})")),
        ("search_rows", format!("{own} AND message_id IN ({ids})")),
    ];
    let mut all = Rows::new();
    for (table, which) in found {
        all.insert(table.to_owned(), rows(db, table, &which).await?);
    }
    Ok(all)
}

/// The tables that have a column of this name.
async fn tables(db: &Database, column: &str) -> Result<Vec<String>> {
    let text = match db.is_postgres() {
        true => format!(
            "SELECT t.table_name::text FROM information_schema.tables t JOIN information_schema.columns c \
             ON c.table_schema = t.table_schema AND c.table_name = t.table_name WHERE c.column_name = '{column}' \
             AND t.table_type = 'BASE TABLE' AND t.table_schema = current_schema()"
        ),
        false => format!(
            "SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND c.name = '{column}'"
        ),
    };
    let found = db.texts(&text).await?;
    ensure!(found.len() > 3, "{found:?}");
    Ok(found)
}

/// Rows of a table, each as one text.
async fn rows(db: &Database, table: &str, which: &str) -> Result<Vec<String>> {
    if db.is_postgres() {
        return db.texts(&format!("SELECT t::text FROM {table} t WHERE {which} ORDER BY 1")).await;
    }
    let columns = db.texts(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')")).await?;
    let row = columns.join(" || ' ' || ");
    db.texts(&format!("SELECT {row} FROM {table} WHERE {which} ORDER BY 1")).await
}
