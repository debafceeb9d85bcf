//! The contract of what lies ready: whatever a commit changes, the ready page says the same as the records.

use std::sync::{Arc, Mutex};

use anyhow::Context;
use serde_json::{Value, json};
use threadkeep::store::{
    ConversationFilter, ConversationRow, GuestLook, ListedLook, MessageFilter, PageWriter, SpokenLook, ThreadLook,
    participant,
};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::person::{Person, PersonSeen};
use threadkeep_core::sync::Batch;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{
    NOW, Worker, account_id, batch, conversation, conversation_id, delta, listed, login, message, message_id, person,
    person_id, spoken,
};

crate::on_both_databases!(
    a_ready_page_shows_what_the_records_say,
    a_renamed_person_is_renamed_everywhere,
    the_newest_message_follows_every_change,
    read_marks_and_titles_follow,
    participants_who_join_and_leave_follow,
    what_does_not_lie_ready_is_not_shown_and_is_laid_by_the_next,
    what_an_older_program_left_is_laid_when_the_database_is_opened,
    ready_pages_do_not_shift,
    ready_pages_of_several_accounts_are_one_list,
    a_thread_is_the_conversation_and_its_page,
    a_committed_change_is_seen_by_every_store_at_once,
);

/// Keeps what it is shown.
#[derive(Default)]
struct Keeper {
    owners: Vec<(AccountId, Person)>,
    threads: Vec<(Value, bool, Completeness)>,
    rows: Vec<Kept>,
    guests: Vec<String>,
    messages: Vec<Value>,
}

/// What was shown of a conversation.
#[derive(Debug, PartialEq)]
pub struct Kept {
    account: String,
    id: String,
    at: Timestamp,
    /// Everything else, with the owner's name where it belongs.
    rest: Value,
    others: Value,
    has_owner: bool,
    newest: Option<String>,
}

impl PageWriter for Keeper {
    fn owner(&mut self, account: AccountId, owner: Person) {
        self.owners.push((account, owner));
    }

    fn thread(&mut self, row: &ThreadLook<'_>) {
        self.threads.push((list(row.others), row.has_owner, row.completeness));
    }

    fn conversation(&mut self, row: &ListedLook<'_>) {
        let owner = self.owners.iter().find(|(account, _)| account.as_str() == row.account);
        let newest = row.newest.as_ref().map(|newest| {
            let (first, last) = newest.sender_names;
            let name = match owner.filter(|(_, owner)| Some(owner.id.as_str()) == newest.sender) {
                Some((_, owner)) => owner.full_name(),
                None => format!("{first} {last}").trim().to_owned(),
            };
            let content = newest.content.map(|text| serde_json::from_str::<Value>(text).unwrap_or_default());
            json!([newest.id, newest.delivered_at, newest.sender, name, newest.body, content.unwrap_or(json!([]))])
        });
        let told = newest.as_ref().map(|newest| {
            format!("{}: {}", newest[3].as_str().unwrap_or_default(), newest[4].as_str().unwrap_or_default())
        });
        self.rows.push(Kept {
            account: row.account.to_owned(),
            id: row.id.to_owned(),
            at: row.last_activity_at,
            rest: json!([
                serde_json::from_str::<Value>(row.categories).unwrap_or_default(),
                (row.group, row.title, row.state, row.label, row.sponsored),
                (row.created_at, row.last_read_at, row.read, row.unread_count, row.muted),
                row.completeness.as_str(),
                newest,
            ]),
            others: list(row.others),
            has_owner: row.has_owner,
            newest: told,
        });
    }

    fn guest(&mut self, row: &GuestLook<'_>) {
        self.guests.push(format!("{} {} {}", row.id, row.names.0, row.names.1));
    }

    fn message(&mut self, row: &SpokenLook<'_>) {
        self.messages.push(json!([row.id, row.sender, row.delivered_at, row.body, row.subject, row.format]));
    }
}

fn list(items: &str) -> Value {
    serde_json::from_str(&format!("[{items}]")).unwrap_or_default()
}

/// What a typed row has to be shown as.
fn expected(typed: &ConversationRow, owner: &Person) -> Kept {
    let kept = &typed.conversation;
    let newest = typed
        .newest
        .as_ref()
        .map(|(one, name)| json!([one.id, one.delivered_at, one.sender, name, one.body, one.content]));
    let others = typed.participants.iter().filter(|one| one.id != owner.id);
    Kept {
        account: typed.account.to_string(),
        id: kept.id.to_string(),
        at: kept.last_activity_at,
        rest: json!([
            kept.categories,
            (kept.group, &kept.title, &kept.state, &kept.label, kept.sponsored),
            (kept.created_at, kept.last_read_at, kept.read, kept.unread_count, kept.muted),
            typed.completeness.as_str(),
            newest,
        ]),
        others: json!(others.map(|one| participant(one, &owner.id)).collect::<Vec<_>>()),
        has_owner: typed.participants.iter().any(|one| one.id == owner.id),
        newest: typed.newest.as_ref().map(|(one, name)| format!("{name}: {}", one.body)),
    }
}

/// What is shown of a page; `None` when some of it does not lie ready.
async fn shown(db: &Database, filter: &ConversationFilter, limit: u32) -> anyhow::Result<Option<Keeper>> {
    let keeper = Arc::new(Mutex::new(Keeper::default()));
    let is_ready = db.store.show_list(filter, limit, keeper.clone()).await?;
    let kept = std::mem::take(&mut *keeper.lock().unwrap());
    Ok(is_ready.then_some(kept))
}

/// What is shown of the conversations of these accounts, after checking that it is what the typed rows say, whatever is
/// asked for.
pub async fn ready(db: &Database, accounts: &[u32]) -> anyhow::Result<Vec<Kept>> {
    let accounts = accounts.iter().map(|number| account_id(*number)).collect::<anyhow::Result<_>>()?;
    let filter = ConversationFilter { accounts, ..ConversationFilter::default() };
    let all = as_typed(db, &filter, 1_000).await?;
    as_typed(db, &ConversationFilter { unread_only: true, ..filter.clone() }, 1_000).await?;
    for row in db.store.conversations(&filter, 1_000).await? {
        let after = Some((row.conversation.last_activity_at, row.conversation.id, row.account));
        for unread_only in [false, true] {
            as_typed(db, &ConversationFilter { unread_only, after: after.clone(), ..filter.clone() }, 2).await?;
        }
    }
    for (what, found, is_fine) in db.store.examine().await? {
        assert!(is_fine, "{what}: {found}");
    }
    Ok(all)
}

/// A page as it is shown, which is what the typed rows of it say.
async fn as_typed(db: &Database, filter: &ConversationFilter, limit: u32) -> anyhow::Result<Vec<Kept>> {
    let keeper = shown(db, filter, limit).await?.context("not all lies ready")?;
    let typed = db.store.conversations(filter, limit).await?;
    let owner = |account| keeper.owners.iter().find(|(id, _)| id == account).map(|(_, owner)| owner);
    let typed: Option<Vec<Kept>> = typed.iter().map(|row| Some(expected(row, owner(&row.account)?))).collect();
    assert_eq!(keeper.rows, typed.context("no owner")?, "{filter:?}");
    Ok(keeper.rows)
}

fn from(name: &str, message: MessageSeen) -> anyhow::Result<MessageSeen> {
    Ok(MessageSeen { sender: Some(person_id(name)?), ..message })
}

fn newest(rows: &[Kept], id: &str) -> Option<String> {
    rows.iter().find(|row| row.id == id)?.newest.clone()
}

async fn a_ready_page_shows_what_the_records_say(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?, conversation("b", 30, "Nobody")?]);
    page.messages = vec![message("a", "m1", 10, "older")?, from("Ben", message("a", "m2", 20, "newest")?)?];
    page.people = vec![person("Owner")?, person("Ben")?];
    worker.commit(&page).await?;
    let rows = ready(db, &[1]).await?;
    assert_eq!(newest(&rows, "2-a").as_deref(), Some("Ben Test: newest"));
    assert_eq!(rows[0].newest, None);
    assert!(rows[0].others.to_string().contains("LinkedIn Member"), "nobody has described them yet");
    assert_eq!(db.count("SELECT COUNT(*) FROM conversations WHERE others IS NULL").await?, 0);
    assert_eq!(ready(db, &[]).await?, []);
    Ok(())
}

async fn a_renamed_person_is_renamed_everywhere(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?, conversation("b", 30, "Ben")?]);
    let guest = from("Guest", message("b", "m2", 20, "from outside")?)?;
    page.messages = vec![from("Ben", message("a", "m1", 20, "hello")?)?, guest];
    worker.commit(&page).await?;
    ready(db, &[1]).await?;
    // Nobody was described so far; then they are; then one has another name.
    worker.commit(&Batch { people: vec![person("Ben")?, person("Guest")?, person("Owner")?], ..batch() }).await?;
    let rows = ready(db, &[1]).await?;
    assert_eq!(newest(&rows, "2-b").as_deref(), Some("Guest Test: from outside"));
    let benno = PersonSeen { first_name: Some("Benno".into()), ..person("Ben")? };
    let owner = PersonSeen { headline: Some("Another".into()), ..person("Owner")? };
    worker.commit(&Batch { people: vec![benno, owner], ..batch() }).await?;
    let rows = ready(db, &[1]).await?;
    assert_eq!(newest(&rows, "2-a").as_deref(), Some("Benno Test: hello"));
    assert!(rows.iter().all(|row| row.others.to_string().contains("Benno Test")));
    assert_eq!(db.count("SELECT COUNT(*) FROM conversations WHERE others IS NULL").await?, 0);
    Ok(())
}

async fn the_newest_message_follows_every_change(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.people = vec![person("Ben")?, person("Owner")?];
    worker.commit(&page).await?;
    let steps: [(Batch, Option<&str>); 8] = [
        (spoken(vec![message("a", "m1", 10, "one")?, message("a", "m2", 20, "two")?]), Some("Owner Test: two")),
        (spoken(vec![message("a", "m0", 5, "history")?]), Some("Owner Test: two")),
        (spoken(vec![from("Ben", message("a", "m3", 20, "same time")?)?]), Some("Ben Test: same time")),
        (Batch { deleted_messages: vec![message_id("m3")?], ..batch() }, Some("Owner Test: two")),
        (
            spoken(vec![MessageSeen { format: Some(MessageFormat::Edited), ..message("a", "m2", 20, "better")? }]),
            Some("Owner Test: better"),
        ),
        (
            spoken(vec![MessageSeen {
                format: Some(MessageFormat::Recalled),
                body: Some(String::new()),
                ..message("a", "m2", 20, "")?
            }]),
            Some("Owner Test: "),
        ),
        (
            Batch { deleted_messages: vec![message_id("m2")?, message_id("m1")?], ..batch() },
            Some("Owner Test: history"),
        ),
        (Batch { deleted_messages: vec![message_id("m0")?], ..batch() }, None),
    ];
    for (number, (step, expected)) in steps.into_iter().enumerate() {
        worker.commit(&step).await?;
        assert_eq!(newest(&ready(db, &[1]).await?, "2-a").as_deref(), expected, "step {number}");
    }
    worker.commit(&spoken(vec![message("unlisted", "m9", 9, "a thread that no list has shown")?])).await?;
    assert!(newest(&ready(db, &[1]).await?, "2-unlisted").is_some());
    Ok(())
}

async fn read_marks_and_titles_follow(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?;
    let unread = ConversationSeen {
        read: Some(false),
        unread_count: Some(3),
        title: Some(Some("Team".into())),
        last_read_at: Some(Some(Timestamp(4))),
        ..conversation("a", 25, "Ben")?
    };
    worker.commit(&listed(vec![unread])).await?;
    let rows = ready(db, &[1]).await?;
    assert!(rows[0].rest.to_string().contains("Team"), "{:?}", rows[0]);
    let filter = ConversationFilter { accounts: vec![account_id(1)?], unread_only: true, after: None };
    assert_eq!(shown(db, &filter, 10).await?.map(|page| page.rows.len()), Some(1));
    worker.commit(&delta(listed(vec![conversation("a", 25, "Ben")?]))).await?;
    assert_eq!(shown(db, &filter, 10).await?.map(|page| page.rows.len()), Some(1), "a count that is not told stays");
    Ok(())
}

async fn participants_who_join_and_leave_follow(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let with = |names: &[&str], activity| {
        let people = names.iter().map(|name| person_id(name)).collect::<anyhow::Result<_>>()?;
        anyhow::Ok(ConversationSeen { participants: Some(people), ..conversation("a", activity, "Ben")? })
    };
    let people = vec![person("Ben")?, person("Cora")?];
    worker.commit(&Batch { people, ..listed(vec![with(&["Owner", "Ben"], 1)?]) }).await?;
    for (step, (names, has_owner)) in
        [(&["Owner", "Ben", "Cora"][..], true), (&["Ben", "Cora"], false), (&["Owner", "Cora"], true), (&[], false)]
            .into_iter()
            .enumerate()
    {
        worker.commit(&listed(vec![with(names, 2 + i64::try_from(step)?)?])).await?;
        let rows = ready(db, &[1]).await?;
        assert_eq!(rows[0].has_owner, has_owner);
        for name in ["Ben", "Cora"] {
            assert_eq!(rows[0].others.to_string().contains(name), names.contains(&name), "step {step}: {name}");
        }
    }
    let left = "SELECT COUNT(*) FROM conversation_people WHERE is_present = 0";
    assert_eq!(db.count(left).await?, 3, "whoever was there stays in its history");
    // Who has left is renamed; nobody minds.
    let gone = PersonSeen { first_name: Some("Gone".into()), ..person("Ben")? };
    worker.commit(&Batch { people: vec![gone], ..batch() }).await?;
    assert_eq!(ready(db, &[1]).await?[0].others, json!([]));
    Ok(())
}

async fn what_does_not_lie_ready_is_not_shown_and_is_laid_by_the_next(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?, conversation("b", 30, "Ben")?]);
    page.people = vec![person("Owner")?, person("Ben")?];
    worker.commit(&page).await?;
    db.raw("UPDATE conversations SET others = NULL, has_owner = 0 WHERE id = '2-a'").await?;
    let filter = ConversationFilter { accounts: vec![account_id(1)?], ..ConversationFilter::default() };
    assert!(shown(db, &filter, 10).await?.is_none());
    assert_eq!(shown(db, &filter, 1).await?.map(|page| page.rows.len()), Some(1), "the first one lies ready");
    // Any commit that has somebody to write anew goes on where another one has left off.
    worker.commit(&Batch { people: vec![person("Cora")?], ..batch() }).await?;
    assert_eq!(db.count("SELECT COUNT(*) FROM conversations WHERE others IS NULL").await?, 0);
    ready(db, &[1]).await?;
    Ok(())
}

async fn what_an_older_program_left_is_laid_when_the_database_is_opened(db: &Database) -> anyhow::Result<()> {
    for number in [1, 2] {
        let mut worker = Worker::new(&db.store, number).await?;
        let many = (0..150).map(|n| conversation(&format!("c{n}"), n, "Ben"));
        worker.commit(&Batch { people: vec![person("Ben")?], ..listed(many.collect::<anyhow::Result<_>>()?) }).await?;
    }
    db.raw("UPDATE conversations SET others = NULL, has_owner = 0").await?;
    assert_eq!(db.count("SELECT COUNT(*) FROM conversations WHERE others IS NULL").await?, 300);
    db.second().await?.close().await;
    assert_eq!(db.count("SELECT COUNT(*) FROM conversations WHERE others IS NULL").await?, 0);
    ready(db, &[1, 2]).await?;
    Ok(())
}

async fn ready_pages_do_not_shift(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    // Two have the same activity: the id decides.
    let all = ["a", "b", "c", "d", "e"];
    let seen = all.iter().enumerate().map(|(n, name)| conversation(name, 10 + (n as i64 / 2), "Ben"));
    worker.commit(&listed(seen.collect::<anyhow::Result<_>>()?)).await?;
    let mut filter = ConversationFilter { accounts: vec![account_id(1)?], ..ConversationFilter::default() };
    let mut seen = Vec::new();
    loop {
        let page = shown(db, &filter, 2).await?.context("not all lies ready")?;
        let Some(last) = page.rows.last() else { break };
        filter.after = Some((last.at, ConversationId::new(&last.id)?, AccountId::new(&last.account)?));
        seen.extend(page.rows.iter().map(|row| row.id.clone()));
        worker.commit(&listed(vec![conversation(&format!("new{}", seen.len()), 99, "Ben")?])).await?;
    }
    assert_eq!(seen, ["2-e", "2-d", "2-c", "2-b", "2-a"]);
    Ok(())
}

async fn ready_pages_of_several_accounts_are_one_list(db: &Database) -> anyhow::Result<()> {
    for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
        let mut worker = Worker::new(&db.store, number).await?;
        let page = listed(vec![conversation(name, i64::from(number), "Ben")?, conversation("shared", 50, "Ben")?]);
        worker.commit(&page).await?;
    }
    let rows = ready(db, &[1, 2]).await?;
    let seen: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.account.ends_with('1'))).collect();
    assert_eq!(seen, [("2-shared", false), ("2-shared", true), ("2-b", false), ("2-a", true)]);
    Ok(())
}

async fn a_thread_is_the_conversation_and_its_page(db: &Database) -> anyhow::Result<()> {
    for number in [1, 2] {
        let mut worker = Worker::new(&db.store, number).await?;
        let mut page = listed(vec![conversation("a", 20, "Ben")?, conversation("empty", 20, "Ben")?]);
        page.people = vec![person("Ben")?];
        let messages = (0..9).map(|n| message("a", &format!("m{n}"), n / 2, "text"));
        page.messages = messages.collect::<anyhow::Result<_>>()?;
        page.messages.push(from("Guest", message("a", "m9", 5, "from outside")?)?);
        page.people.push(person("Guest")?);
        worker.commit(&page).await?;
    }
    let (account, id) = (account_id(2)?, conversation_id("a")?);
    let since = MessageFilter { since: Some(Timestamp(1)), before: Some((Timestamp(3), message_id("m7")?)) };
    for filter in [MessageFilter::default(), since] {
        let keeper = thread(db, (&account, &id), &filter).await?;
        let typed = db.store.conversation(std::slice::from_ref(&account), &id).await?.context("no conversation")?;
        let row = expected(&typed, &keeper.owners[0].1);
        assert_eq!(keeper.threads, [(row.others, row.has_owner, typed.completeness)]);
        assert_eq!(keeper.guests, ["ACoAAGuest Guest Test"]);
        let messages = db.store.messages(&account, &id, &filter, 4).await?;
        let messages = messages
            .iter()
            .map(|one| json!([one.id, one.sender, one.delivered_at, one.body, one.subject, one.format.as_str()]));
        assert_eq!(keeper.messages, messages.collect::<Vec<_>>());
        assert!(!keeper.messages.is_empty());
    }
    let all = MessageFilter::default();
    let empty = thread(db, (&account, &conversation_id("empty")?), &all).await?;
    assert_eq!((empty.threads.len(), empty.messages.len()), (1, 0));
    for unknown in [(&account_id(9)?, &id), (&account, &conversation_id("x")?)] {
        let none = thread(db, unknown, &all).await?;
        assert_eq!((none.threads.len(), none.messages.len()), (0, 0));
    }
    Ok(())
}

async fn thread(
    db: &Database,
    thread: (&AccountId, &ConversationId),
    filter: &MessageFilter,
) -> anyhow::Result<Keeper> {
    let keeper = Arc::new(Mutex::new(Keeper::default()));
    assert!(db.store.show_thread(thread, filter, 4, keeper.clone()).await?);
    let kept = std::mem::take(&mut *keeper.lock().unwrap());
    Ok(kept)
}

async fn a_committed_change_is_seen_by_every_store_at_once(db: &Database) -> anyhow::Result<()> {
    let other = db.second().await?;
    for round in 0..20 {
        let name = format!("Olga{round}");
        let login = threadkeep::store::Login { first_name: name.clone(), ..login(1)? };
        db.store.log_in(&login, NOW).await?;
        for store in [&db.store, &other, &db.store, &other] {
            let found = store.account(&account_id(1)?).await?.context("no account")?;
            assert_eq!((found.first_name, store.accounts().await?.len()), (name.clone(), 1));
            assert_eq!(store.accounts().await?.first().map(|one| one.first_name.clone()), Some(name.clone()));
        }
    }
    assert!(other.remove_account(&account_id(1)?).await?);
    assert_eq!((db.store.account(&account_id(1)?).await?, db.store.accounts().await?.len()), (None, 0));
    other.close().await;
    Ok(())
}
