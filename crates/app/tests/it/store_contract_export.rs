//! The contract of the export's pages: all that is in scope, in byte order, nothing else.

use std::collections::BTreeSet;

use threadkeep::store::ExportScope;
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::sync::Batch;

use crate::store_database::Database;
use crate::store_fixture::{
    Worker, batch, conversation, conversation_id, delta, listed, message, message_id, person, person_id, spoken,
};

crate::on_both_databases!(
    pages_of_the_export_meet_in_byte_order,
    the_export_has_what_is_in_scope,
    people_of_the_export_are_participants_and_senders,
);

fn inbox() -> Vec<String> {
    vec!["INBOX".into(), "ARCHIVE".into()]
}

async fn pages_of_the_export_meet_in_byte_order(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    // In byte order, unlike in any language's.
    let names = ["B", "Z_", "Zz", "a", "a-b", "a1"];
    let mut in_order = names.map(|name| format!("2-{name}"));
    in_order.sort();
    for (at, name) in names.iter().enumerate() {
        let other = format!("P{name}").replace('_', "-");
        let mut page = listed(vec![conversation(name, 100 - at as i64, &other)?]);
        page.messages = (0..7).map(|n| message(name, &format!("{name}{n}"), n / 3, "x")).collect::<Result<_, _>>()?;
        page.people = vec![person(&other)?];
        worker.commit(&page).await?;
    }
    let categories = inbox();
    let scope =
        ExportScope { categories: Some(&categories), with_deleted: false, ..ExportScope::everything(worker.account()) };
    for limit in [1, 3, 5, 100] {
        let mut conversations = Vec::new();
        loop {
            let page = db.store.export_conversations(&scope, conversations.last(), limit).await?;
            if page.is_empty() {
                break;
            }
            conversations.extend(page.into_iter().map(|one| one.id));
        }
        assert_eq!(conversations.iter().map(|id| id.as_str()).collect::<Vec<_>>(), in_order);
        let mut messages: Vec<threadkeep_core::message::Message> = Vec::new();
        loop {
            let after = messages.last().map(|one| (&one.conversation, one.delivered_at, &one.id));
            let page = db.store.export_messages(&scope, after, limit).await?;
            if page.is_empty() {
                break;
            }
            messages.extend(page);
        }
        let keys: Vec<_> = messages.iter().map(|one| (&one.conversation, one.delivered_at, &one.id)).collect();
        assert_eq!(messages.len(), 42);
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]));
        let mut people = Vec::new();
        loop {
            let page = db.store.export_people(&scope, people.last(), limit).await?;
            if page.is_empty() {
                break;
            }
            people.extend(page.into_iter().map(|one| one.id));
        }
        assert_eq!(people.len(), 7);
        assert!(people.is_sorted());
    }
    Ok(())
}

async fn the_export_has_what_is_in_scope(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let of = |categories: &[&str]| Some(categories.iter().map(|one| (*one).to_owned()).collect::<BTreeSet<_>>());
    let spam = ConversationSeen { categories: of(&["SPAM"]), ..conversation("s", 3, "Sam")? };
    let both = ConversationSeen { categories: of(&["ARCHIVE", "INBOX"]), ..conversation("b", 2, "Ben")? };
    let mut page = listed(vec![conversation("a", 1, "Ann")?, both, spam, conversation("gone", 4, "Gus")?]);
    page.messages = ["a", "b", "s", "gone"]
        .map(|name| message(name, &format!("m-{name}"), 1, "x"))
        .into_iter()
        .collect::<Result<_, _>>()?;
    page.messages.push(message("a", "m-removed", 2, "x")?);
    worker.commit(&page).await?;
    let gone = Batch {
        deleted_conversations: vec![conversation_id("gone")?],
        deleted_messages: vec![message_id("m-removed")?],
        ..batch()
    };
    worker.commit(&delta(gone)).await?;
    let mut counted = Vec::new();
    let none: Vec<String> = Vec::new();
    let spam = vec!["SPAM".to_owned()];
    for (categories, with_deleted) in [(&inbox(), false), (&inbox(), true), (&spam, false), (&none, true)] {
        let scope =
            ExportScope { categories: Some(categories), with_deleted, ..ExportScope::everything(worker.account()) };
        counted.push((
            db.store.export_conversations(&scope, None, 100).await?.len(),
            db.store.export_messages(&scope, None, 100).await?.len(),
            db.store.export_people(&scope, None, 100).await?.len(),
        ));
    }
    assert_eq!(counted, [(2, 2, 3), (3, 4, 4), (1, 1, 2), (0, 0, 0)]);
    // Moved to another folder: in scope of that one, and of the old one no more.
    let moved = ConversationSeen { categories: of(&["SPAM"]), ..conversation("a", 5, "Ann")? };
    worker.commit(&delta(listed(vec![moved]))).await?;
    let inboxed = inbox();
    let scope =
        ExportScope { categories: Some(&inboxed), with_deleted: false, ..ExportScope::everything(worker.account()) };
    assert_eq!(db.store.export_conversations(&scope, None, 100).await?.len(), 1);
    let scope = ExportScope { categories: Some(&spam), ..scope };
    assert_eq!(db.store.export_conversations(&scope, None, 100).await?.len(), 2);
    Ok(())
}

async fn people_of_the_export_are_participants_and_senders(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let with = |at: i64, names: &[&str]| -> anyhow::Result<ConversationSeen> {
        let participants = names.iter().map(|name| person_id(name)).collect::<Result<_, _>>()?;
        Ok(ConversationSeen { participants: Some(participants), ..conversation("a", at, "Ben")? })
    };
    worker.commit(&listed(vec![with(1, &["Owner", "Wrote", "Silent"])?])).await?;
    let by = |name: &str, id: &str, at: i64| -> anyhow::Result<_> {
        let mut one = message("a", id, at, "x")?;
        one.sender = Some(person_id(name)?);
        Ok(one)
    };
    worker.commit(&spoken(vec![by("Wrote", "m1", 1)?, by("Former", "m2", 1)?])).await?;
    // Two leave: one of them has written. A third comes and has not.
    worker.commit(&delta(listed(vec![with(2, &["Owner", "New"])?]))).await?;
    let people = vec![person("Owner")?, person("Wrote")?, person("Former")?, person("Elsewhere")?];
    worker.commit(&Batch { people, ..batch() }).await?;
    let categories = inbox();
    let account = worker.account().clone();
    let scope = ExportScope { categories: Some(&categories), with_deleted: false, ..ExportScope::everything(&account) };
    let found = db.store.export_people(&scope, None, 100).await?;
    let found: Vec<_> = found.iter().map(|one| (one.id.as_str(), one.full_name())).collect();
    let named = |name: &str| (format!("ACoAA{name}"), format!("{name} Test"));
    let expected = [named("Former"), ("ACoAANew".into(), String::new()), named("Owner"), named("Wrote")];
    let expected: Vec<_> = expected.iter().map(|(id, name)| (id.as_str(), name.clone())).collect();
    assert_eq!(found, expected);
    // They come back: present again.
    worker.commit(&delta(listed(vec![with(3, &["Owner", "Silent"])?]))).await?;
    let found = db.store.export_people(&scope, None, 100).await?;
    assert_eq!(found.iter().filter(|one| one.id.as_str() == "ACoAASilent").count(), 1);
    assert_eq!(found.iter().filter(|one| one.id.as_str() == "ACoAANew").count(), 0);
    worker.commit(&delta(Batch { deleted_messages: vec![message_id("m2")?], ..batch() })).await?;
    let found = db.store.export_people(&scope, None, 100).await?;
    assert!(found.iter().all(|one| one.id.as_str() != "ACoAAFormer"));
    Ok(())
}
