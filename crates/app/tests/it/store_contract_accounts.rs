//! The contract of accounts and their sessions.

use anyhow::Context;
use threadkeep::store::{Login, MediaPolicy, SealedSession, StoreError};
use threadkeep_core::page::SyncToken;
use threadkeep_core::sync::track::InboxTrack;
use threadkeep_core::sync::{Batch, FailureCode, Health, Hold, HoldReason, RunFailure};
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::{
    NOW, Worker, account_id, batch, conversation, listed, login, message, person_id, sealed, spoken,
};

crate::on_both_databases!(
    an_account_is_added_and_read,
    a_new_login_keeps_what_was_mirrored,
    a_new_login_brings_all_that_it_tells,
    a_login_decides_when_media_are_fetched,
    a_login_has_the_date_of_its_session_and_no_other,
    a_removed_account_leaves_nothing,
    only_a_pause_is_taken_back,
    a_block_is_cleared_and_nothing_else,
);

async fn an_account_is_added_and_read(db: &Database) -> anyhow::Result<()> {
    assert_eq!(db.store.account(&account_id(1)?).await?, None);
    db.store.log_in(&login(2)?, NOW).await?;
    db.store.log_in(&login(1)?, NOW.plus_ms(1)).await?;
    let all = db.store.accounts().await?;
    assert_eq!(all.iter().map(|one| one.id.clone()).collect::<Vec<_>>(), [account_id(2)?, account_id(1)?]);
    let one = &all[1];
    assert_eq!(db.store.account(&account_id(1)?).await?.as_ref(), Some(one));
    assert_eq!((one.scope.as_slice(), one.health), (login(1)?.scope.as_slice(), Health::Connected));
    assert_eq!((one.created_at, one.premium, one.last_sync_at), (NOW.plus_ms(1), Some(false), None));
    assert_eq!(db.store.sealed_session(&account_id(1)?).await?, Some(vec![1, 2, 3]));
    assert_eq!(db.store.sealed_session(&account_id(9)?).await?, None);
    Ok(())
}

async fn a_new_login_keeps_what_was_mirrored(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&spoken(vec![message("a", "m1", 20, "one")?])).await?;
    let inbox = InboxTrack { token: Some(SyncToken("mark".into())), ..InboxTrack::default() };
    worker.commit(&Batch { health: Some(Health::NeedsLogin), inbox: inbox.clone(), ..batch() }).await?;
    let again = Login { sealed_session: sealed(&[7]), scope: vec!["SPAM".into()], ..login(1)? };
    db.store.log_in(&again, NOW.plus_ms(5)).await?;
    let account = db.store.account(&account_id(1)?).await?;
    let told = account.map(|one| (one.health, one.scope, one.created_at, one.inbox));
    assert_eq!(told, Some((Health::Connected, login(1)?.scope, NOW, inbox)));
    assert_eq!(db.store.sealed_session(&account_id(1)?).await?, Some(vec![7]));
    assert_eq!(db.store.overview(&account_id(1)?).await?.messages, 1);
    Ok(())
}

async fn a_new_login_brings_all_that_it_tells(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let failure = RunFailure { code: FailureCode::NeedsLogin, what: "the login has ended".into() };
    worker.commit(&Batch { health: Some(Health::NeedsLogin), failure: Some(failure), ..batch() }).await?;
    let account = async || anyhow::Ok(db.store.account(&account_id(1)?).await?.context("the account")?);
    assert_eq!(account().await?.health_detail.as_deref(), Some("the login has ended"));
    let told = Login {
        member: person_id("Other")?,
        first_name: "Olivia".into(),
        last_name: "Other".into(),
        public_id: "olivia-other".into(),
        picture_url: Some("https://media.example.com/olivia".into()),
        premium: Some(true),
        ..login(1)?
    };
    db.store.log_in(&told, NOW).await?;
    let kept = account().await?;
    assert_eq!((&kept.member, &kept.first_name, &kept.last_name), (&told.member, &told.first_name, &told.last_name));
    assert_eq!((&kept.public_id, &kept.picture_url), (&told.public_id, &told.picture_url));
    assert_eq!((kept.premium, kept.health, kept.health_detail), (Some(true), Health::Connected, None));
    assert_eq!(db.count("SELECT updated_at FROM sessions").await?, NOW.0);
    db.store.log_in(&told, NOW.plus_ms(7)).await?;
    assert_eq!(db.count("SELECT updated_at FROM sessions").await?, NOW.plus_ms(7).0);
    Ok(())
}

async fn a_login_has_the_date_of_its_session_and_no_other(db: &Database) -> anyhow::Result<()> {
    let date = async || anyhow::Ok(db.store.account(&account_id(1)?).await?.and_then(|one| one.login_expires_at));
    let until = |at: Option<Timestamp>| SealedSession { login_expires_at: at, ..sealed(&[7]) };
    let (soon, far) = (Some(NOW.plus_ms(5)), Some(Timestamp(253_402_300_799_999)));
    db.store.log_in(&Login { sealed_session: until(soon), ..login(1)? }, NOW).await?;
    assert_eq!(date().await?, soon);
    db.store.log_in(&Login { sealed_session: until(far), ..login(1)? }, NOW).await?;
    assert_eq!(date().await?, far);
    assert_eq!(db.store.accounts().await?.iter().map(|one| one.login_expires_at).collect::<Vec<_>>(), [far]);
    db.store.log_in(&login(1)?, NOW).await?;
    assert_eq!(date().await?, None, "the date was that of another login");
    Ok(())
}

async fn a_login_decides_when_media_are_fetched(db: &Database) -> anyhow::Result<()> {
    let policy = async || anyhow::Ok(db.store.account(&account_id(1)?).await?.map(|one| one.media_policy));
    db.store.log_in(&Login { new_media_policy: MediaPolicy::Eager, ..login(1)? }, NOW).await?;
    assert_eq!(policy().await?, Some(MediaPolicy::Eager));
    // What the configuration says of new accounts is nothing to one that is here.
    db.store.log_in(&Login { new_media_policy: MediaPolicy::Off, ..login(1)? }, NOW).await?;
    assert_eq!(policy().await?, Some(MediaPolicy::Eager));
    db.store.log_in(&Login { media_policy: Some(MediaPolicy::Off), ..login(1)? }, NOW).await?;
    assert_eq!(policy().await?, Some(MediaPolicy::Off));
    Ok(())
}

async fn a_removed_account_leaves_nothing(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.messages = vec![message("a", "m1", 20, "one")?];
    page.people = vec![crate::store_fixture::person("Ben")?];
    worker.commit(&page).await?;
    let mut other = Worker::new(&db.store, 2).await?;
    other.commit(&page).await?;
    assert!(db.store.remove_account(&account_id(1)?).await?);
    assert!(!db.store.remove_account(&account_id(1)?).await?);
    assert!(matches!(db.store.commit(&worker.step(&page)).await, Err(StoreError::LeaseLost)));
    let tables = [
        ("accounts", 1),
        ("sessions", 1),
        ("jobs", 1),
        ("conversations", 1),
        ("messages", 1),
        ("tracks", 1),
        ("people", 1),
        ("conversation_people", 2),
        ("conversation_categories", 2),
        ("events", 2),
    ];
    for (table, left) in tables {
        assert_eq!(db.count(&format!("SELECT COUNT(*) FROM {table}")).await?, left, "{table}");
    }
    Ok(())
}

async fn only_a_pause_is_taken_back(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let id = account_id(1)?;
    assert!(!db.store.set_paused(&account_id(9)?, true).await?);
    for (paused, health) in [(true, Health::Paused), (false, Health::Connected)] {
        assert!(db.store.set_paused(&id, paused).await?);
        assert_eq!(db.store.account(&id).await?.map(|one| one.health), Some(health));
    }
    worker.commit(&Batch { health: Some(Health::Challenged), ..batch() }).await?;
    db.store.set_paused(&id, false).await?;
    assert_eq!(db.store.account(&id).await?.map(|one| one.health), Some(Health::Challenged));
    Ok(())
}

async fn a_block_is_cleared_and_nothing_else(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let id = account_id(1)?;
    for (why, stays) in [(HoldReason::RateLimited, true), (HoldReason::Blocked, false)] {
        let hold = Hold { until: NOW.plus_ms(1_000), why };
        worker.commit(&Batch { hold: Some(hold), ..batch() }).await?;
        db.store.clear_blocked(&id).await?;
        assert_eq!(db.store.account(&id).await?.is_some_and(|one| one.hold.is_some()), stays, "{why:?}");
    }
    Ok(())
}
