//! The contract of each column: a record that comes again with everything changed is read back with everything changed.
//!
//! The rules of `core` say what the record has to be; a column that a statement forgets shows as a difference.

use std::collections::BTreeSet;

use anyhow::Context;
use threadkeep::store::{Commit, ConversationFilter, MessageFilter, Reads};
use threadkeep_core::content::{Attribute, Content, Reaction};
use threadkeep_core::conversation::{Conversation, ConversationSeen, merge_conversation};
use threadkeep_core::message::{Merged, Message, MessageFormat, MessageSeen, Origin, merge_message};
use threadkeep_core::page::SyncToken;
use threadkeep_core::person::{Person, PersonKind, PersonSeen, merge_person};
use threadkeep_core::sync::track::{ConversationTrack, InboxTrack};
use threadkeep_core::sync::{Batch, FailureCode, Health, Hold, HoldReason, RunFailure};
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{
    NOW, Worker, batch, conversation_id, delta, listed, message, message_id, person_id, spoken,
};

crate::on_both_databases!(
    every_column_of_a_conversation_follows,
    every_column_of_a_message_follows,
    every_column_of_a_person_follows,
    the_columns_of_a_track_follow_it,
    every_column_of_an_account_follows_whatever_else_happens,
);

/// A conversation with every field told, each told differently in another form.
fn conversation(form: i64) -> anyhow::Result<ConversationSeen> {
    let is_odd = form % 2 == 1;
    let text = |what: &str| Some(Some(format!("{what} {form}")));
    let at = |offset: i64| Timestamp(1_000 * form + offset);
    Ok(ConversationSeen {
        id: conversation_id("a")?,
        categories: Some(BTreeSet::from([format!("CATEGORY_{form}"), "INBOX".to_owned()])),
        group: Some(is_odd),
        title: text("title"),
        state: text("state"),
        label: text("label"),
        sponsored: Some(!is_odd),
        participants: Some(BTreeSet::from([person_id("Owner")?, person_id(&format!("Ben{form}"))?])),
        created_at: Some(Some(at(1))),
        last_activity_at: Some(at(2)),
        last_read_at: Some(Some(at(3))),
        read: Some(is_odd),
        unread_count: Some(u32::try_from(form)?),
        muted: Some(is_odd),
    })
}

async fn every_column_of_a_conversation_follows(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut kept: Option<Conversation> = None;
    for form in 1..=3 {
        let seen = conversation(form)?;
        worker.commit(&delta(listed(vec![seen.clone()]))).await?;
        let wanted = merge_conversation(kept.as_ref(), &seen, Origin::Delta);
        let reads: &dyn Reads = &*worker.store;
        let row = reads.conversation(&[worker.account().clone()], &seen.id).await?.context("it is kept")?;
        assert_eq!(Some(&row.conversation), wanted.as_ref(), "form {form}");
        kept = wanted;
    }
    Ok(())
}

/// A message with every field told, each told differently in another form.
fn spoken_as(form: i64) -> anyhow::Result<MessageSeen> {
    let text = |what: &str| Some(format!("{what} {form}"));
    let content = Content::Image { asset: text("asset"), url: text("https://media.licdn.com/dms/image/x") };
    let reaction = Reaction {
        emoji: format!("{form}"),
        count: u32::try_from(form)?,
        first_reacted_at: Some(Timestamp(form)),
        viewer_reacted: form % 2 == 1,
    };
    let attribute = Attribute { start: 0, length: u32::try_from(form)?, kind: "mention".into(), target: text("ACoAA") };
    Ok(MessageSeen {
        sender: Some(person_id(&format!("Ben{form}"))?),
        delivered_at: Timestamp(20 + form),
        attributes: Some(vec![attribute]),
        subject: text("subject"),
        format: Some(if form == 1 { MessageFormat::Default } else { MessageFormat::Edited }),
        content: Some(vec![content]),
        fallback_text: text("fallback"),
        reactions: Some(vec![reaction]),
        ..message("a", "m1", 20, &format!("text {form}"))?
    })
}

async fn every_column_of_a_message_follows(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation(1)?])).await?;
    let mut kept: Option<Message> = None;
    for form in 1..=3 {
        let seen = spoken_as(form)?;
        worker.commit(&delta(spoken(vec![seen.clone()]))).await?;
        let wanted = match merge_message(kept.as_ref(), &seen, Origin::Delta, NOW) {
            Merged::Changed(message, _) => Some(message),
            other => anyhow::bail!("form {form} brings nothing: {other:?}"),
        };
        let reads: &dyn Reads = &*worker.store;
        let rows = reads.messages(worker.account(), &conversation_id("a")?, &MessageFilter::default(), 10).await?;
        assert_eq!(rows.first(), wanted.as_ref(), "form {form}");
        let told = reads.overview(worker.account()).await?;
        assert_eq!(told.oldest_message_at, wanted.as_ref().map(|one| one.delivered_at), "form {form}");
        let list = ConversationFilter { accounts: vec![worker.account().clone()], ..ConversationFilter::default() };
        let newest = reads.conversations(&list, 1).await?.remove(0).newest.map(|(message, _)| message);
        let shown = newest.map(|one| (one.delivered_at, one.body, one.content));
        assert_eq!(shown, wanted.clone().map(|one| (one.delivered_at, one.body, one.content)), "form {form}");
        kept = wanted;
    }
    // A time that the list is ordered by, and what only a full read shows.
    assert_eq!(db.count("SELECT COUNT(*) FROM messages WHERE delivered_at = 23").await?, 1);
    assert_eq!(kept.map(|one| (one.id, one.prior.len())), Some((message_id("m1")?, 2)));
    Ok(())
}

/// A person with every field told, each told differently in another form.
fn person(form: i64) -> anyhow::Result<PersonSeen> {
    let text = |what: &str| Some(format!("{what}-{form}"));
    Ok(PersonSeen {
        id: person_id("Ben")?,
        kind: Some(if form == 1 { PersonKind::Member } else { PersonKind::Organization }),
        first_name: text("first"),
        last_name: text("last"),
        headline: text("headline"),
        profile_url: text("https://www.linkedin.com/in/ben"),
        picture_url: text("https://media.licdn.com/dms/image/ben"),
        distance: text("DISTANCE"),
        backend_urn: text("urn:li:member:7"),
    })
}

async fn every_column_of_a_person_follows(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut kept: Option<Person> = None;
    for form in 1..=2 {
        let seen = person(form)?;
        worker.commit(&Batch { people: vec![seen.clone()], ..batch() }).await?;
        let wanted = merge_person(kept.as_ref(), &seen);
        let reads: &dyn Reads = &*worker.store;
        let rows = reads.people(worker.account(), std::slice::from_ref(&seen.id)).await?;
        assert_eq!(rows.first(), wanted.as_ref(), "form {form}");
        kept = wanted;
    }
    // What people are looked up by follows their link.
    assert_eq!(db.count("SELECT COUNT(*) FROM people WHERE slug = 'ben-2'").await?, 1);
    Ok(())
}

async fn the_columns_of_a_track_follow_it(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let column = async |name: &str| db.count(&format!("SELECT COALESCE({name}, -1) FROM tracks")).await;
    for form in 1..=3 {
        let due = worker.commit(&listed(vec![conversation(form)?])).await?.due.context("it is due")?;
        assert_eq!(column("activity").await?, 1_000 * form + 2);
        assert_eq!((due.activity, due.synced_to.is_some()), (Timestamp(1_000 * form + 2), form > 1));
        let track = ConversationTrack { synced_to: Some(Timestamp(1_000 * form)), ..due };
        worker.commit(&Batch { track: Some(track), ..batch() }).await?;
        assert_eq!(column("synced_to").await?, 1_000 * form);
    }
    Ok(())
}

/// A wait that began before, a wait that begins, another health, and whether the oldest message goes, in all combinations.
async fn every_column_of_an_account_follows_whatever_else_happens(db: &Database) -> anyhow::Result<()> {
    let hold = |after: i64, why| Hold { until: NOW.plus_ms(after), why };
    for number in 0..16_u32 {
        let case = |bit: u32| number & (1 << bit) != 0;
        let mut worker = Worker::new(&db.store, number + 1).await?;
        // Another account has the same, and neither is counted for the other.
        let messages = [10, 20].map(|at| message("a", &format!("m{at}"), at, "words"));
        let before = Batch {
            hold: Some(hold(if case(0) { 500 } else { 0 }, HoldReason::Unavailable)),
            ..spoken(messages.into_iter().collect::<Result<_, _>>()?)
        };
        worker.commit(&before).await?;
        let inbox = InboxTrack { token: Some(SyncToken(format!("mark {number}"))), ..InboxTrack::default() };
        let failure = RunFailure { code: FailureCode::NeedsLogin, what: "the login has ended".into() };
        let next = Batch {
            messages: vec![message("b", "m30", 30, "words")?],
            deleted_messages: if case(3) { vec![message_id("m10")?] } else { Vec::new() },
            hold: case(1).then(|| hold(900, HoldReason::RateLimited)),
            health: case(2).then_some(Health::NeedsLogin),
            failure: case(2).then_some(failure),
            inbox: inbox.clone(),
            ..delta(batch())
        };
        let step = Commit { next_request_at: NOW.plus_ms(70), ..worker.step(&next) };
        let committed = worker.store.commit(&step).await?;
        let kept = db.store.account(worker.account()).await?.context("the account")?;
        let wanted = match (case(1), case(0)) {
            (true, _) => Some(hold(900, HoldReason::RateLimited)),
            (false, true) => Some(hold(500, HoldReason::Unavailable)),
            (false, false) => None,
        };
        assert_eq!((kept.hold, kept.next_request_at, kept.inbox), (wanted, NOW.plus_ms(70), inbox), "case {number}");
        let (health, detail) = match case(2) {
            true => (Health::NeedsLogin, Some("the login has ended")),
            false => (Health::Connected, None),
        };
        assert_eq!((kept.health, kept.health_detail.as_deref()), (health, detail), "case {number}");
        let told = db.store.overview(worker.account()).await?;
        let (count, oldest) = if case(3) { (2, 20) } else { (3, 10) };
        assert_eq!((told.messages, told.oldest_message_at), (count, Some(Timestamp(oldest))), "case {number}");
        let own = format!("SELECT a.event_seq FROM accounts a WHERE a.id = '{}'", worker.account());
        // Two messages and their conversation, and now one message more, its conversation, and what the case brings.
        let events = 3 + i64::try_from(committed.events)?;
        assert_eq!(db.count(&own).await?, events, "case {number}");
        assert_eq!(committed.events, 2 + u64::from(case(2)) + u64::from(case(3)), "case {number}");
        let lost = own.replace("event_seq", "logins_lost");
        assert_eq!(db.count(&lost).await?, i64::from(case(2)), "case {number}");
        worker.commit(&listed(vec![conversation(1)?])).await.map(drop)?;
    }
    Ok(())
}
