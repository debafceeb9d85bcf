//! The contract of what `doctor` asks the database: each kind of damage is found and counted where it is, and nowhere else.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::store_database::Database;
use crate::store_fixture::account_id;
use crate::store_neighbourhood::lived_in;

crate::on_both_databases!(what_is_sound_is_said_to_be_sound, each_damage_is_found_where_it_is);

/// What is wrong: the line, and what it tells.
async fn wrong(db: &Database) -> Result<BTreeMap<String, String>> {
    let told = db.store.examine().await?;
    Ok(told.into_iter().filter(|(_, _, is_fine)| !is_fine).map(|(what, found, _)| (what, found)).collect())
}

async fn street(db: &Database) -> Result<()> {
    for number in 1..=3 {
        lived_in(db, number).await?;
    }
    Ok(())
}

async fn what_is_sound_is_said_to_be_sound(db: &Database) -> Result<()> {
    street(db).await?;
    assert_eq!(wrong(db).await?, BTreeMap::new());
    Ok(())
}

async fn each_damage_is_found_where_it_is(db: &Database) -> Result<()> {
    street(db).await?;
    let pk = db.count(&format!("SELECT a.pk FROM accounts a WHERE a.id = '{}'", account_id(2)?)).await?;
    let message = format!("account_pk = {pk} AND id = '2-before1'");
    let newest = format!("account_pk = {pk} AND id = '2-mine'");
    let file = format!("account_pk = {pk} AND message_id = '2-mine2' AND ordinal = 1");
    let damages = [
        (
            format!("UPDATE accounts SET event_seq = event_seq + 1 WHERE pk = {pk}"),
            format!("UPDATE accounts SET event_seq = event_seq - 1 WHERE pk = {pk}"),
            vec![("event numbers", 1)],
        ),
        (
            format!("UPDATE accounts SET message_count = message_count + 1 WHERE pk = {pk}"),
            format!("UPDATE accounts SET message_count = message_count - 1 WHERE pk = {pk}"),
            vec![("message counts", 1)],
        ),
        (
            format!("UPDATE messages SET is_deleted = 1 WHERE {message}"),
            format!("UPDATE messages SET is_deleted = 0 WHERE {message}"),
            vec![("attachments without a message", 3), ("message counts", 1)],
        ),
        (
            format!("UPDATE attachments SET message_id = '2-none' WHERE {file}"),
            "UPDATE attachments SET message_id = '2-mine2' WHERE message_id = '2-none'".to_owned(),
            vec![("attachments without a message", 1)],
        ),
        (
            "UPDATE media_objects SET state = 'leaving' WHERE hash = 'aa'".to_owned(),
            "UPDATE media_objects SET state = 'kept' WHERE hash = 'aa'".to_owned(),
            vec![("attachments whose bytes are unknown", 3)],
        ),
        (
            format!("UPDATE conversations SET newest_at = newest_at, newest_id = '2-mine1' WHERE {newest}"),
            format!(
                "UPDATE conversations SET newest_id = (SELECT m.id FROM messages m WHERE m.conversation_pk = \
                 conversations.pk ORDER BY m.delivered_at DESC LIMIT 1) WHERE {newest}"
            ),
            vec![("newest messages", 1)],
        ),
    ];
    for (damage, repair, found) in damages {
        db.raw(&damage).await?;
        let found = found.into_iter().map(|(what, count)| (what.to_owned(), format!("{count} wrong"))).collect();
        assert_eq!(wrong(db).await?, found, "{damage}");
        db.raw(&repair).await?;
        assert_eq!(wrong(db).await?, BTreeMap::new(), "{repair}");
    }
    let told = db.store.examine().await?;
    let sound = told.iter().find(|(what, ..)| what == "messages without a conversation").context("a line")?;
    assert_eq!(sound.1, "0 wrong");
    Ok(())
}
