//! The contract of keys, settings and the database itself.

use anyhow::Context;
use threadkeep::store::{BegunImport, KeyRow, MigrationStatus, OpenOptions, StoreError, migration_status, open};
use threadkeep_core::sync::track::Completeness;

use crate::store_database::Database;
use crate::store_fixture::{NOW, Worker, account_id, conversation, listed, message, person};

/// The newest version of the schema.
const NEWEST: i64 = 13;

crate::on_both_databases!(
    keys_are_kept_and_revoked,
    a_setting_is_stored_once,
    a_sound_database_is_said_to_be_sound,
    the_newest_import_is_told,
    damage_is_found,
    an_unreadable_value_names_its_place_alone,
    a_newer_schema_is_refused,
    the_schema_has_a_status,
    views_show_names_and_times,
    the_time_is_that_of_the_server_if_there_is_one,
    a_closed_store_says_so,
    two_open_a_fresh_database_at_once,
);

async fn keys_are_kept_and_revoked(db: &Database) -> anyhow::Result<()> {
    let first = KeyRow {
        id: "k1".into(),
        hash: vec![0, 255],
        scopes: vec!["read".into(), "sync".into()],
        accounts: Some(vec![account_id(1)?]),
        label: Some("laptop".into()),
        created_at: NOW,
        last_used_at: None,
        revoked_at: None,
    };
    let second = KeyRow { id: "k0".into(), accounts: None, label: None, created_at: NOW.plus_ms(1), ..first.clone() };
    db.store.add_key(&first).await?;
    db.store.add_key(&second).await?;
    assert!(db.store.add_key(&first).await.is_err(), "a public part is unique");
    assert_eq!(db.store.keys().await?, [first.clone(), second]);
    db.store.touch_key("k1", NOW.plus_ms(5)).await?;
    assert!(db.store.revoke_key("k1", NOW.plus_ms(6)).await?);
    assert!(!db.store.revoke_key("k1", NOW.plus_ms(7)).await?);
    assert!(!db.store.revoke_key("none", NOW).await?);
    let kept = db.store.key("k1").await?.context("no key")?;
    assert_eq!((kept.last_used_at, kept.revoked_at), (Some(NOW.plus_ms(5)), Some(NOW.plus_ms(6))));
    assert_eq!(db.store.key("none").await?, None);
    Ok(())
}

async fn a_setting_is_stored_once(db: &Database) -> anyhow::Result<()> {
    assert_eq!(db.store.setting("install").await?, None);
    assert_eq!(db.store.setting_or_insert("install", "one").await?, "one");
    assert_eq!(db.store.setting_or_insert("install", "two").await?, "one");
    assert_eq!(db.store.setting("install").await?.as_deref(), Some("one"));
    Ok(())
}

async fn a_sound_database_is_said_to_be_sound(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 1, "Ben")?])).await?;
    let told = db.store.examine().await?;
    assert!(told.len() >= 6 && told.iter().all(|(_, _, is_fine)| *is_fine), "{told:?}");
    Ok(())
}

async fn the_newest_import_is_told(db: &Database) -> anyhow::Result<()> {
    assert_eq!(db.store.newest_import().await?, None);
    for expected in [1, 2] {
        let id = db
            .store
            .begin_import(&BegunImport { asked_by: "tester", owner: "own", now: NOW, lease_until: NOW.plus_ms(1_000) })
            .await?;
        assert_eq!((id, db.store.newest_import().await?.map(|newest| newest.id)), (expected, Some(expected)));
    }
    Ok(())
}

async fn damage_is_found(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 1, "Ben")?])).await?;
    db.raw("DELETE FROM events").await?;
    let told = db.store.examine().await?;
    let wrong: Vec<_> = told.iter().filter(|(_, _, is_fine)| !is_fine).map(|(what, ..)| what.as_str()).collect();
    assert_eq!(wrong, ["event numbers"]);
    Ok(())
}

async fn an_unreadable_value_names_its_place_alone(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 1, "Ben")?])).await?;
    db.raw("UPDATE tracks SET detail = '{\"need\":\"secret words\"}'").await?;
    let error = match db.store.work_state(&worker.lease).await {
        Err(error) => error,
        Ok(_) => anyhow::bail!("it was read"),
    };
    assert!(matches!(error, StoreError::Corrupt { table: "tracks", column: "detail", .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"));
    Ok(())
}

async fn a_newer_schema_is_refused(db: &Database) -> anyhow::Result<()> {
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 99, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    db.raw(newer).await?;
    let refused = open(&db.url, OpenOptions::default()).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::SchemaNewer { found: 99, known: NEWEST })), "{refused:?}");
    assert_eq!(migration_status(&db.url).await?, MigrationStatus { applied: 99, known: NEWEST });
    Ok(())
}

async fn the_schema_has_a_status(db: &Database) -> anyhow::Result<()> {
    assert_eq!(migration_status(&db.url).await?, MigrationStatus { applied: NEWEST, known: NEWEST });
    db.raw("DELETE FROM _sqlx_migrations").await?;
    assert_eq!(migration_status(&db.url).await?, MigrationStatus { applied: 0, known: NEWEST });
    let refused = open(&db.url, OpenOptions { migrate: false, ..OpenOptions::default() }).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::Unavailable(what)) if what.contains("db migrate")));
    Ok(())
}

async fn views_show_names_and_times(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 1_700_000_000_123, "Ben")?]);
    page.people = vec![person("Owner")?];
    page.messages = vec![message("a", "m1", 1_700_000_000_123, "hello")?];
    worker.commit(&page).await?;
    let one_message = "SELECT COUNT(*) FROM v_messages WHERE sender_name = 'Owner Test' AND is_mine = 1 \
         AND delivered_at = '2023-11-14T22:13:20.123Z' AND conversation_id = '2-a'";
    assert_eq!(db.count(one_message).await?, 1);
    let listed = format!(
        "SELECT COUNT(*) FROM v_conversations WHERE last_activity_at = '2023-11-14T22:13:20.123Z' \
         AND completeness = '{}'",
        Completeness::Listed.as_str()
    );
    assert_eq!(db.count(&listed).await?, 1);
    assert_eq!(db.count("SELECT COUNT(*) FROM v_participants WHERE name = 'Owner Test'").await?, 1);
    Ok(())
}

async fn a_closed_store_says_so(db: &Database) -> anyhow::Result<()> {
    db.store.close().await;
    assert!(matches!(db.store.accounts().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(db.store.remove_account(&account_id(1)?).await, Err(StoreError::Unavailable(_))));
    db.store.close().await;
    Ok(())
}

async fn the_time_is_that_of_the_server_if_there_is_one(db: &Database) -> anyhow::Result<()> {
    let Some(told) = db.store.time().await? else {
        assert!(!db.is_postgres(), "a server has a clock");
        return Ok(());
    };
    assert!(db.is_postgres(), "a file has none");
    let seconds = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)";
    let later = db.count(seconds).await?;
    assert!(told.0 / 1_000 <= later && db.store.time().await?.is_some_and(|again| again >= told), "{told:?} {later}");
    Ok(())
}

async fn two_open_a_fresh_database_at_once(db: &Database) -> anyhow::Result<()> {
    let url = match db.is_postgres() {
        false => format!("{}.fresh", db.url),
        true => {
            // A schema of its own is as good as a fresh database.
            db.raw("CREATE SCHEMA fresh").await?;
            format!("{}?options=-c%20search_path%3Dfresh", db.url)
        }
    };
    let options = OpenOptions::default();
    let opened = tokio::join!(open(&url, options), open(&url, options), open(&url, options));
    for store in [opened.0?, opened.1?, opened.2?] {
        assert_eq!(store.setting_or_insert("same", "one").await?, "one");
        store.close().await;
    }
    Ok(())
}
