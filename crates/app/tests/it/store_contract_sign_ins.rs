//! The contract of sessions of the viewer: known by the hash of their token, ended at once, and never too many.

use threadkeep::store::{KeyRow, SignInRow};
use threadkeep_core::time::Timestamp;

use crate::store_database::Database;
use crate::store_fixture::NOW;

crate::on_both_databases!(a_session_is_found_used_and_ended, old_sessions_are_removed);

/// The public part of a key.
const KEY: &str = "0123456789ab";

async fn with_key(db: &Database, id: &str) -> anyhow::Result<()> {
    let key = KeyRow {
        id: id.into(),
        hash: vec![1],
        scopes: vec!["read".into()],
        accounts: None,
        label: None,
        created_at: NOW,
        last_used_at: None,
        revoked_at: None,
    };
    Ok(db.store.add_key(&key).await?)
}

fn session(number: u8, at: Timestamp) -> SignInRow {
    SignInRow { token_hash: vec![number; 32], key_id: KEY.into(), created_at: at, seen_at: at }
}

async fn a_session_is_found_used_and_ended(db: &Database) -> anyhow::Result<()> {
    with_key(db, KEY).await?;
    let (one, long_ago) = (session(1, NOW), Timestamp(0));
    db.store.add_sign_in(&one, long_ago, long_ago).await?;
    assert_eq!(db.store.sign_in(&one.token_hash).await?, Some(one.clone()));
    assert_eq!(db.store.sign_in(&[2; 32]).await?, None);
    db.store.touch_sign_in(&one.token_hash, NOW.plus_ms(5)).await?;
    assert_eq!(db.store.sign_in(&one.token_hash).await?.map(|row| row.seen_at), Some(NOW.plus_ms(5)));
    let other = session(3, NOW);
    db.store.add_sign_in(&other, NOW, NOW).await?;
    assert!(db.store.end_sign_in(&one.token_hash).await?);
    assert_eq!(db.store.sign_in(&other.token_hash).await?, Some(other), "somebody else stays");
    assert!(!db.store.end_sign_in(&one.token_hash).await?);
    assert_eq!(db.store.sign_in(&one.token_hash).await?, None);
    Ok(())
}

async fn old_sessions_are_removed(db: &Database) -> anyhow::Result<()> {
    with_key(db, KEY).await?;
    with_key(db, "ba9876543210").await?;
    let long_ago = Timestamp(0);
    let of_other_key = SignInRow { key_id: "ba9876543210".into(), ..session(255, NOW.plus_ms(500)) };
    db.store.add_sign_in(&of_other_key, long_ago, long_ago).await?;
    for number in 0..=100 {
        db.store.add_sign_in(&session(number, NOW.plus_ms(i64::from(number))), long_ago, long_ago).await?;
    }
    assert_eq!(db.store.sign_in(&[0; 32]).await?, None, "a key has a hundred, and the oldest goes");
    assert!(db.store.sign_in(&[1; 32]).await?.is_some());
    assert!(
        db.store.sign_in(&of_other_key.token_hash).await?.is_some(),
        "those of another key are counted by themselves"
    );
    db.store.add_sign_in(&session(200, NOW.plus_ms(900)), NOW.plus_ms(50), NOW.plus_ms(60)).await?;
    assert_eq!(db.store.sign_in(&[59; 32]).await?, None, "begun or last used too long ago");
    assert!(db.store.sign_in(&[60; 32]).await?.is_some());
    Ok(())
}
