//! The contract of the readers' pages.

use std::collections::BTreeSet;

use anyhow::Context;
use threadkeep::store::{ConversationFilter, ConversationRow, LedgerFilter, MessageFilter};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::sync::Batch;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{
    Worker, account_id, batch, conversation, conversation_id, delta, listed, message, message_id, person, person_id,
    spoken,
};

crate::on_both_databases!(
    a_list_shows_newest_first_with_all_it_needs,
    pages_of_conversations_do_not_shift,
    several_accounts_make_one_list,
    unread_ones_are_found,
    one_conversation_is_found_in_the_first_account,
    pages_of_messages_meet_without_gap,
    people_are_found_by_id,
    the_ledger_is_paged,
    an_empty_account_is_empty,
);

fn filter(accounts: &[u32]) -> anyhow::Result<ConversationFilter> {
    let accounts = accounts.iter().map(|number| account_id(*number)).collect::<anyhow::Result<_>>()?;
    Ok(ConversationFilter { accounts, ..ConversationFilter::default() })
}

fn names(rows: &[ConversationRow]) -> Vec<&str> {
    rows.iter().map(|row| row.conversation.id.as_str()).collect()
}

async fn a_list_shows_newest_first_with_all_it_needs(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?, conversation("b", 30, "Nobody")?]);
    let mut theirs = message("a", "m2", 20, "newest")?;
    theirs.sender = Some(person_id("Ben")?);
    page.messages = vec![message("a", "m1", 10, "older")?, theirs, message("a", "m3", 21, "to go")?];
    page.people = vec![person("Owner")?, person("Ben")?];
    worker.commit(&page).await?;
    worker.commit(&Batch { deleted_messages: vec![message_id("m3")?], ..batch() }).await?;
    let rows = db.store.conversations(&filter(&[1])?, 10).await?;
    assert_eq!(names(&rows), ["2-b", "2-a"]);
    let (newest, sender) = rows[1].newest.as_ref().context("no newest")?;
    assert_eq!((newest.body.as_str(), sender.as_str()), ("newest", "Ben Test"));
    assert_eq!(rows[0].newest, None);
    let shown: Vec<String> = rows[1].participants.iter().map(|one| one.full_name()).collect();
    assert_eq!(shown, ["Ben Test", "Owner Test"]);
    let stranger = rows[0].participants.iter().find(|one| one.id.as_str() == "ACoAANobody");
    assert!(stranger.is_some_and(|one| one.full_name().is_empty()), "nobody has described them yet");
    assert_eq!((&rows[0].account, rows[0].completeness), (worker.account(), Completeness::Listed));
    assert_eq!(db.store.conversations(&filter(&[])?, 10).await?, []);
    Ok(())
}

async fn pages_of_conversations_do_not_shift(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let all = ["a", "b", "c", "d", "e"];
    // Two have the same activity: the id decides.
    let seen = all.iter().enumerate().map(|(n, name)| conversation(name, 10 + (n as i64 / 2), "Ben"));
    worker.commit(&listed(seen.collect::<anyhow::Result<_>>()?)).await?;
    let mut filter = filter(&[1])?;
    let first = db.store.conversations(&filter, 2).await?;
    assert_eq!(names(&first), ["2-e", "2-d"]);
    worker.commit(&listed(vec![conversation("new", 99, "Ben")?])).await?;
    let last = &first[1];
    filter.after = Some((last.conversation.last_activity_at, last.conversation.id.clone(), last.account.clone()));
    assert_eq!(names(&db.store.conversations(&filter, 10).await?), ["2-c", "2-b", "2-a"]);
    worker.commit(&delta(Batch { deleted_conversations: vec![conversation_id("b")?], ..batch() })).await?;
    assert_eq!(names(&db.store.conversations(&filter, 10).await?), ["2-c", "2-a"]);
    Ok(())
}

async fn several_accounts_make_one_list(db: &Database) -> anyhow::Result<()> {
    for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
        let mut worker = Worker::new(&db.store, number).await?;
        let shared = conversation("shared", 50, "Ben")?;
        worker.commit(&listed(vec![conversation(name, i64::from(number), "Ben")?, shared])).await?;
    }
    let mut filter = filter(&[1, 2])?;
    let mut seen = Vec::new();
    loop {
        let page = db.store.conversations(&filter, 1).await?;
        let Some(row) = page.into_iter().next() else {
            break;
        };
        seen.push((row.conversation.id.as_str().to_owned(), row.account.as_str().ends_with('1')));
        filter.after = Some((row.conversation.last_activity_at, row.conversation.id, row.account));
    }
    let seen: Vec<_> = seen.iter().map(|(name, is_first)| (name.as_str(), *is_first)).collect();
    assert_eq!(seen, [("2-shared", false), ("2-shared", true), ("2-b", false), ("2-a", true)]);
    Ok(())
}

async fn unread_ones_are_found(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let unread = ConversationSeen { read: Some(false), ..conversation("u", 10, "Ben")? };
    let counted = ConversationSeen { unread_count: Some(2), ..conversation("n", 5, "Ben")? };
    worker.commit(&listed(vec![conversation("a", 20, "Ben")?, unread, counted])).await?;
    let filter = ConversationFilter { unread_only: true, ..filter(&[1])? };
    assert_eq!(names(&db.store.conversations(&filter, 10).await?), ["2-u", "2-n"]);
    Ok(())
}

async fn one_conversation_is_found_in_the_first_account(db: &Database) -> anyhow::Result<()> {
    for number in [1, 2] {
        let mut worker = Worker::new(&db.store, number).await?;
        worker.commit(&listed(vec![conversation("a", 20, "Ben")?])).await?;
    }
    let id = conversation_id("a")?;
    let found = db.store.conversation(&[account_id(9)?, account_id(2)?, account_id(1)?], &id).await?;
    assert_eq!(found.map(|row| row.account), Some(account_id(2)?));
    assert_eq!(db.store.conversation(&[account_id(1)?], &conversation_id("x")?).await?, None);
    assert_eq!(db.store.conversation(&[], &id).await?, None);
    assert_eq!(db.store.conversation(&[account_id(9)?], &id).await?, None, "it is in the mailboxes of others");
    Ok(())
}

async fn pages_of_messages_meet_without_gap(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    // Three at each time: the id decides.
    let seen = (0..30).map(|n| message("a", &format!("m{n:02}"), n / 3, "text"));
    worker.commit(&spoken(seen.collect::<anyhow::Result<_>>()?)).await?;
    worker.commit(&spoken(vec![message("b", "other", 5, "text")?])).await?;
    let mut filter = MessageFilter::default();
    let mut seen = Vec::new();
    loop {
        let page = db.store.messages(worker.account(), &conversation_id("a")?, &filter, 4).await?;
        let Some(last) = page.last() else {
            break;
        };
        filter.before = Some((last.delivered_at, last.id.clone()));
        seen.extend(page.iter().map(|one| one.id.as_str().to_owned()));
        let newer = message("a", &format!("late{}", seen.len()), 1_000, "text")?;
        worker.commit(&spoken(vec![newer])).await?;
    }
    let expected: Vec<String> = (0..30).rev().map(|n| format!("2-m{n:02}")).collect();
    assert_eq!(seen, expected);
    let recent = MessageFilter { since: Some(Timestamp(8)), before: None };
    let page = db.store.messages(worker.account(), &conversation_id("a")?, &recent, 100).await?;
    assert_eq!(page.iter().filter(|one| one.delivered_at == Timestamp(9)).count(), 3);
    assert!(page.iter().all(|one| one.delivered_at > Timestamp(8)));
    Ok(())
}

async fn people_are_found_by_id(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&Batch { people: vec![person("Ben")?, person("Cora")?], ..batch() }).await?;
    let ids = [person_id("Cora")?, person_id("Unknown")?, person_id("Ben")?];
    let found = db.store.people(worker.account(), &ids).await?;
    let names: Vec<_> = found.iter().map(|one| one.first_name.as_str()).collect();
    assert_eq!(names, ["Ben", "Cora"]);
    assert_eq!(db.store.people(&account_id(9)?, &ids).await?, []);
    assert_eq!(db.store.people(worker.account(), &[]).await?, []);
    Ok(())
}

async fn the_ledger_is_paged(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?, conversation("b", 30, "Ben")?]);
    page.messages = vec![message("a", "m1", 20, "one")?, message("a", "m2", 19, "two")?];
    worker.commit(&page).await?;
    let spam = ConversationSeen { categories: Some(BTreeSet::from(["SPAM".into()])), ..conversation("c", 1, "Ben")? };
    worker.commit(&listed(vec![spam])).await?;
    let first = db.store.ledgered(worker.account(), &LedgerFilter::default(), 1).await?;
    assert_eq!((first[0].track.conversation.as_str(), first[0].messages), ("2-a", 2));
    let rest_of = LedgerFilter { after: Some(first[0].track.conversation.clone()), ..LedgerFilter::default() };
    let rest = db.store.ledgered(worker.account(), &rest_of, 10).await?;
    let rest: Vec<_> = rest.iter().map(|one| (one.messages, one.track.detail.completeness)).collect();
    assert_eq!(rest, [(0, Completeness::Listed), (0, Completeness::OutOfScope)]);
    let overview = db.store.overview(worker.account()).await?;
    assert_eq!((overview.conversations, overview.partial, overview.due), (3, 2, 2));
    Ok(())
}

async fn an_empty_account_is_empty(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    assert_eq!(db.store.overview(worker.account()).await?, Default::default());
    assert_eq!(db.store.overview(&account_id(9)?).await?, Default::default());
    let none = db.store.messages(worker.account(), &conversation_id("a")?, &MessageFilter::default(), 10).await?;
    assert_eq!(none, []);
    assert_eq!(db.store.ledgered(worker.account(), &LedgerFilter::default(), 10).await?, []);
    Ok(())
}
