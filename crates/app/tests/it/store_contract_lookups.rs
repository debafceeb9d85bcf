//! The contract of single records: somebody by profile, the conversation with somebody, a message by id.

use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::person::PersonSeen;
use threadkeep_core::sync::Batch;
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{
    Worker, account_id, batch, conversation, conversation_id, delta, listed, message, message_id, person, person_id,
};

crate::on_both_databases!(
    somebody_is_found_by_id_and_by_vanity_name,
    the_conversation_with_somebody_is_the_newest_that_is_no_group,
    a_message_is_found_in_the_first_account,
    what_follows_a_time_comes_oldest_first,
);

async fn somebody_is_found_by_id_and_by_vanity_name(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let link = |url: &str| Some(url.to_owned());
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.people = vec![
        PersonSeen { profile_url: link("https://www.linkedin.com/in/Ben-Test/"), ..person("Ben")? },
        PersonSeen { profile_url: link("https://www.linkedin.com/in/eva"), ..person("Eva")? },
    ];
    worker.commit(&page).await?;
    let (own, other) = (account_id(1)?, account_id(2)?);
    for (profile, expected) in [
        ("ACoAABen", Some("ACoAABen")),
        ("ben-test", Some("ACoAABen")),
        ("BEN-TEST", Some("ACoAABen")),
        ("EVA", Some("ACoAAEva")),
        ("ben", None),
        ("%", None),
        ("' OR '1'='1", None),
        ("", None),
    ] {
        let found = db.store.person_by_profile(&own, profile).await?;
        assert_eq!(found.as_ref().map(|one| one.id.as_str()), expected, "{profile}");
    }
    assert_eq!(db.store.person_by_profile(&other, "ben-test").await?, None);
    Ok(())
}

async fn the_conversation_with_somebody_is_the_newest_that_is_no_group(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let group = ConversationSeen { group: Some(true), ..conversation("group", 40, "Ben")? };
    let all = vec![conversation("a", 10, "Ben")?, conversation("b", 20, "Ben")?, conversation("c", 30, "Ben")?, group];
    worker.commit(&listed(all)).await?;
    worker.commit(&delta(Batch { deleted_conversations: vec![conversation_id("c")?], ..batch() })).await?;
    let (own, ben) = (account_id(1)?, person_id("Ben")?);
    assert_eq!(db.store.conversation_with(&own, &ben).await?, Some(conversation_id("b")?));
    assert_eq!(db.store.conversation_with(&own, &person_id("Eva")?).await?, None);
    assert_eq!(db.store.conversation_with(&account_id(2)?, &ben).await?, None);
    Ok(())
}

async fn a_message_is_found_in_the_first_account(db: &Database) -> anyhow::Result<()> {
    for number in [1, 2] {
        let mut worker = Worker::new(&db.store, number).await?;
        let mut page = listed(vec![conversation("a", 20, "Ben")?]);
        page.messages = vec![message("a", "m1", 10, &format!("of {number}"))?, message("a", "m2", 11, "to go")?];
        worker.commit(&page).await?;
        worker.commit(&Batch { deleted_messages: vec![message_id("m2")?], ..batch() }).await?;
    }
    let (one, two) = (account_id(1)?, account_id(2)?);
    for (accounts, expected) in
        [(vec![one.clone()], Some("of 1")), (vec![two.clone(), one.clone()], Some("of 2")), (vec![], None)]
    {
        let found = db.store.message(&accounts, &message_id("m1")?).await?;
        assert_eq!(found.as_ref().map(|(_, message)| message.body.as_str()), expected);
        assert_eq!(found.map(|(account, _)| account).as_ref(), accounts.first());
    }
    assert_eq!(db.store.message(&[one, two], &message_id("m2")?).await?, None, "it was deleted");
    Ok(())
}

async fn what_follows_a_time_comes_oldest_first(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.messages = (1..=5).map(|at| message("a", &format!("m{at}"), at, "text")).collect::<Result<_, _>>()?;
    let first = page.messages[0].delivered_at;
    worker.commit(&page).await?;
    let found = db.store.messages_after(&account_id(1)?, &conversation_id("a")?, (first, None), 2).await?;
    let ids: Vec<&str> = found.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["2-m2", "2-m3"]);
    for (id, expected) in [("m0", "2-m1"), ("m1", "2-m2")] {
        let id = message_id(id)?;
        let found = db.store.messages_after(&account_id(1)?, &conversation_id("a")?, (first, Some(&id)), 1).await?;
        assert_eq!(found.first().map(|message| message.id.as_str()), Some(expected), "those of the same time by id");
    }
    let none = db.store.messages_after(&account_id(1)?, &conversation_id("a")?, (Timestamp(i64::MAX), None), 2).await?;
    assert_eq!(none, []);
    Ok(())
}
