//! The contract of somebody who gets another id: it is theirs wherever the old one was.

use anyhow::{Context, Result};
use threadkeep::store::{ConversationFilter, MessageFilter};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::message::MessageSeen;
use threadkeep_core::person::PersonSeen;
use threadkeep_core::sync::Batch;

use crate::store_database::Database;
use crate::store_fixture::{Worker, conversation, conversation_id, delta, listed, message, person, person_id, spoken};

crate::on_both_databases!(
    another_id_is_theirs_everywhere,
    whoever_is_present_under_one_id_is_present,
    a_third_id_follows_the_second,
);

async fn another_id_is_theirs_everywhere(db: &Database) -> Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let (old, new) = (person_id("Max")?, person_id("Maximilian")?);
    let mut page = listed(vec![conversation("a", 20, "Max")?, conversation("b", 10, "Ann")?]);
    page.people = vec![person("Max")?, person("Ann")?];
    page.messages = vec![
        MessageSeen { sender: Some(old.clone()), ..message("a", "a1", 20, "theirs")? },
        message("a", "a2", 19, "mine")?,
        message("b", "b1", 10, "elsewhere")?,
    ];
    worker.commit(&page).await?;
    let id = worker.account().clone();
    let filter = ConversationFilter { accounts: vec![id.clone()], ..ConversationFilter::default() };
    let before = db.store.conversations(&filter, 10).await?;
    db.store.take_over(&id, &old, &new).await?;
    let after = db.store.conversations(&filter, 10).await?;
    let row = &after[0];
    assert!(row.conversation.participants.contains(&new) && !row.conversation.participants.contains(&old));
    assert!(row.participants.iter().any(|one| one.id == new && one.full_name() == "Max Test"), "{row:?}");
    assert!(row.participants.iter().all(|one| one.id != old), "{row:?}");
    let (newest, name) = row.newest.as_ref().context("the newest")?;
    assert_eq!((newest.sender.as_ref(), name.as_str()), (Some(&new), "Max Test"));
    let messages = db.store.messages(&id, &conversation_id("a")?, &MessageFilter::default(), 10).await?;
    let senders: Vec<_> = messages.into_iter().filter_map(|one| one.sender).collect();
    assert_eq!(senders, [new.clone(), person_id("Owner")?]);
    assert_eq!(after[1], before[1], "the other conversation");
    assert!(db.store.people(&id, std::slice::from_ref(&old)).await?.is_empty());
    let known = db.store.people(&id, std::slice::from_ref(&new)).await?.remove(0);
    assert_eq!((known.first_name.as_str(), known.headline.as_deref()), ("Max", Some("Engineer")));
    Ok(())
}

async fn whoever_is_present_under_one_id_is_present(db: &Database) -> Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let (old, new) = (person_id("Max")?, person_id("Maximilian")?);
    let with = |name: &str, people: &[&str]| {
        let participants = people.iter().map(|one| person_id(one)).collect::<Result<_>>()?;
        anyhow::Ok(ConversationSeen { participants: Some(participants), ..conversation(name, 20, "Max")? })
    };
    // Both were in each; then the new id left the one, the old id the other, and both the third.
    let both = ["Owner", "Max", "Maximilian"];
    worker.commit(&listed(vec![with("a", &both)?, with("b", &both)?, with("c", &both)?])).await?;
    let left =
        listed(vec![with("a", &["Owner", "Max"])?, with("b", &["Owner", "Maximilian"])?, with("c", &["Owner"])?]);
    worker.commit(&delta(left)).await?;
    db.store.take_over(worker.account(), &old, &new).await?;
    let present = async |name: &str| {
        let pk = format!("(SELECT c.pk FROM conversations c WHERE c.id = '{}')", conversation_id(name)?);
        let theirs = format!("conversation_pk = {pk} AND person_id IN ('{old}', '{new}')");
        let count = db.count(&format!("SELECT COUNT(*) FROM conversation_people WHERE {theirs}")).await?;
        anyhow::Ok((count, db.count(&format!("SELECT MAX(is_present) FROM conversation_people WHERE {theirs}")).await?))
    };
    assert_eq!(present("a").await?, (1, 1));
    assert_eq!(present("b").await?, (1, 1));
    assert_eq!(present("c").await?, (1, 0));
    Ok(())
}

async fn a_third_id_follows_the_second(db: &Database) -> Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let ids = [person_id("Max")?, person_id("Maximilian")?, person_id("Maxim")?];
    let named = PersonSeen { first_name: Some("Maxim".into()), ..person("Maxim")? };
    let page = listed(vec![conversation("a", 20, "Max")?]);
    worker.commit(&Batch { people: vec![person("Max")?, named], ..page }).await?;
    worker
        .commit(&spoken(vec![MessageSeen { sender: Some(ids[0].clone()), ..message("a", "a1", 20, "one")? }]))
        .await?;
    db.store.take_over(worker.account(), &ids[0], &ids[1]).await?;
    db.store.take_over(worker.account(), &ids[1], &ids[2]).await?;
    // The first id is told once more, and is somebody else now.
    let (again, other) = (conversation("b", 21, "Max")?, person_id("Other")?);
    worker.commit(&Batch { people: vec![person("Max")?], ..listed(vec![again]) }).await?;
    db.store.take_over(worker.account(), &ids[0], &other).await?;
    let known = db.store.people(worker.account(), &ids).await?;
    assert_eq!(
        known.iter().map(|one| one.full_name()).collect::<Vec<_>>(),
        ["Maxim Test"],
        "who is known keeps the name"
    );
    let held = db.store.held().await?;
    let aliases = held.copied_aliases(worker.account(), "", 10).await?;
    held.release().await;
    let mut told: Vec<_> = aliases.into_iter().map(|one| (one.alias, one.person)).collect();
    told.sort();
    assert_eq!(
        told,
        [(ids[0].clone(), other), (ids[1].clone(), ids[2].clone())].map(|(alias, id)| (alias.as_str().to_owned(), id))
    );
    Ok(())
}
