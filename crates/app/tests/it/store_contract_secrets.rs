//! The contract of data keys and sealed sessions: nothing is overwritten that has changed meanwhile, and no key of a
//! retired master key comes in.

use threadkeep::store::{
    Act, ActOutcome, Actor, AuditLine, DataKeyRow, MASTER_KEY, MASTER_KEY_BEFORE, Object, ObjectKind,
};
use threadkeep::store::{Login, Resealed};

use crate::store_database::Database;
use crate::store_fixture::{NOW, account_id, login, sealed};

crate::on_both_databases!(
    a_data_key_is_added_once,
    a_key_of_a_retired_master_key_is_not_added,
    a_wrapping_is_replaced_only_as_it_was,
    sessions_are_listed_and_replaced_only_as_they_were,
    a_rotation_begins_and_ends_once,
    a_removed_account_takes_its_keys_along,
);

fn key(number: u32, version: u32, master_key: &str) -> anyhow::Result<DataKeyRow> {
    let wrapped = vec![u8::try_from(version)?; 3];
    Ok(DataKeyRow { account: account_id(number)?, version, wrapped, master_key: master_key.into(), created_at: NOW })
}

fn line() -> AuditLine {
    let object = Object::of(ObjectKind::MasterKey, None);
    AuditLine { at: NOW, who: Actor::Setup, act: Act::RotationBegun, object, outcome: ActOutcome::Done }
}

async fn a_data_key_is_added_once(db: &Database) -> anyhow::Result<()> {
    let store = &db.store;
    assert_eq!(store.data_key(&account_id(1)?, None).await?, None);
    let first = key(1, 1, "k")?;
    assert_eq!(store.data_key_or_insert(&first).await?, Some(first.clone()));
    let late = DataKeyRow { wrapped: vec![7], ..first.clone() };
    assert_eq!(store.data_key_or_insert(&late).await?, Some(first.clone()), "who comes second uses the first");
    let second = key(1, 2, "k")?;
    assert_eq!(store.data_key_or_insert(&second).await?, Some(second.clone()));
    assert_eq!(store.data_key(&account_id(1)?, None).await?, Some(second));
    assert_eq!(store.data_key(&account_id(1)?, Some(1)).await?, Some(first));
    assert_eq!(store.data_key(&account_id(1)?, Some(3)).await?, None);
    Ok(())
}

async fn a_key_of_a_retired_master_key_is_not_added(db: &Database) -> anyhow::Result<()> {
    let store = &db.store;
    store.setting_or_insert(MASTER_KEY, "old").await?;
    assert!(store.data_key_or_insert(&key(1, 1, "old")?).await?.is_some());
    assert!(store.begin_rotation("old", "new", &line()).await?);
    assert_eq!(store.data_key_or_insert(&key(2, 1, "old")?).await?, None);
    assert_eq!(store.data_key(&account_id(2)?, None).await?, None);
    assert!(store.data_key_or_insert(&key(2, 1, "new")?).await?.is_some());
    Ok(())
}

async fn a_wrapping_is_replaced_only_as_it_was(db: &Database) -> anyhow::Result<()> {
    let store = &db.store;
    for number in 1..=3 {
        store.data_key_or_insert(&key(number, 1, "old")?).await?;
    }
    store.data_key_or_insert(&key(2, 2, "old")?).await?;
    let page = store.data_keys_of_others("new", None, 2).await?;
    assert_eq!(page, [key(1, 1, "old")?, key(2, 1, "old")?]);
    let after = account_id(2)?;
    let rest = store.data_keys_of_others("new", Some((&after, 1)), 9).await?;
    assert_eq!(rest, [key(2, 2, "old")?, key(3, 1, "old")?]);
    let anew = |row: &DataKeyRow| DataKeyRow { wrapped: vec![8], master_key: "new".into(), ..row.clone() };
    let mut pairs: Vec<_> = page.iter().map(|row| (row.clone(), anew(row))).collect();
    pairs[1].0.wrapped = vec![66];
    assert_eq!(store.rewrap(&pairs).await?, 1, "one was not as it was taken for");
    assert_eq!(store.rewrap(&pairs).await?, 0);
    assert_eq!(store.data_key_counts().await?, [("new".to_owned(), 1), ("old".to_owned(), 3)]);
    assert_eq!(store.data_key(&account_id(1)?, None).await?, Some(anew(&key(1, 1, "old")?)));
    Ok(())
}

async fn sessions_are_listed_and_replaced_only_as_they_were(db: &Database) -> anyhow::Result<()> {
    let store = &db.store;
    for number in 1..=3_u8 {
        store.log_in(&Login { sealed_session: sealed(&[number]), ..login(number.into())? }, NOW).await?;
    }
    let (first, second) = (account_id(1)?, account_id(2)?);
    assert_eq!(store.sealed_sessions(None, 2).await?, [(first.clone(), vec![1]), (second.clone(), vec![2])]);
    assert_eq!(store.sealed_sessions(Some(&second), 2).await?, [(account_id(3)?, vec![3])]);
    let change = Resealed { account: &first, from: &[1], to: &[11], key: None };
    assert!(store.reseal(&change, NOW).await?);
    assert!(!store.reseal(&change, NOW).await?, "it is not as it was");
    assert_eq!(store.sealed_session(&first).await?, Some(vec![11]));

    for version in 1..=3 {
        store.data_key_or_insert(&key(1, version, "k")?).await?;
    }
    let fourth = key(1, 4, "k")?;
    let stale = Resealed { account: &first, from: &[1], to: &[12], key: Some(&fourth) };
    assert!(!store.reseal(&stale, NOW).await?);
    assert_eq!(store.data_key(&first, Some(4)).await?, None, "a key without a use is not added");
    assert!(store.reseal(&Resealed { from: &[11], ..stale }, NOW).await?);
    assert!(store.data_key(&first, Some(4)).await?.is_some() && store.data_key(&first, Some(3)).await?.is_some());
    assert!(store.data_key(&first, Some(2)).await?.is_none(), "older ones are forgotten");
    assert!(!store.reseal(&Resealed { from: &[12], to: &[13], ..stale }, NOW).await?, "the version is taken");
    assert_eq!(store.sealed_session(&first).await?, Some(vec![12]));
    Ok(())
}

async fn a_rotation_begins_and_ends_once(db: &Database) -> anyhow::Result<()> {
    let store = &db.store;
    store.setting_or_insert(MASTER_KEY, "old").await?;
    store.data_key_or_insert(&key(1, 1, "old")?).await?;
    assert!(!store.begin_rotation("other", "new", &line()).await?, "another key is in use");
    assert_eq!(store.setting(MASTER_KEY_BEFORE).await?, None);
    assert!(store.begin_rotation("old", "new", &line()).await?);
    assert!(!store.begin_rotation("old", "newer", &line()).await?);
    assert!(!store.begin_rotation("new", "newer", &line()).await?, "the first change is not over");
    let now = (store.setting(MASTER_KEY).await?, store.setting(MASTER_KEY_BEFORE).await?);
    assert_eq!(now, (Some("new".into()), Some("old".into())));
    assert!(!store.end_rotation("new", 0, &line()).await?, "a data key is left");
    let row = key(1, 1, "old")?;
    let anew = DataKeyRow { master_key: "new".into(), ..row.clone() };
    store.rewrap(&[(row, anew)]).await?;
    assert!(!store.end_rotation("old", 0, &line()).await?);
    assert!(store.end_rotation("new", 0, &line()).await?);
    assert!(!store.end_rotation("new", 0, &line()).await?, "it is over");
    assert_eq!(db.count("SELECT COUNT(*) FROM audit_log").await?, 2);
    assert!(store.begin_rotation("new", "newer", &line()).await?);
    Ok(())
}

async fn a_removed_account_takes_its_keys_along(db: &Database) -> anyhow::Result<()> {
    let store = &db.store;
    for number in 1..=2 {
        store.log_in(&login(number)?, NOW).await?;
        store.data_key_or_insert(&key(number, 1, "k")?).await?;
    }
    assert!(store.remove_account(&account_id(1)?).await?);
    assert_eq!(store.data_key(&account_id(1)?, None).await?, None);
    assert!(store.data_key(&account_id(2)?, None).await?.is_some());
    Ok(())
}
