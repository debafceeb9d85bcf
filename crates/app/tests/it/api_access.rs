//! Keys, and what is out of their reach. Scopes and single records are in `api_matrix`.
//!
//! What a key does not reach must look, byte for byte, like what does not exist.

use axum::body::Body;
use axum::http::Request;
use insta::assert_snapshot;
use threadkeep::store::Actor;
use threadkeep::verbs::keys::{self, Scope};

use crate::api_world::{Answer, INES, INES_MEMBER, OTTO, OTTO_MEMBER, Taught, World};

/// The headers but for those that count requests.
fn without_counts(answer: &Answer) -> Vec<(String, String)> {
    let headers = answer.headers.keys().map(|name| (name.to_string(), answer.header(name.as_str())));
    headers.filter(|(name, _)| !name.starts_with("x-ratelimit-")).collect()
}

async fn with_header(world: &World, value: &str) -> anyhow::Result<Answer> {
    world.send(Request::builder().uri("/accounts").header("authorization", value).body(Body::empty())?).await
}

#[tokio::test]
async fn only_a_whole_bearer_key_that_is_in_use_is_let_in() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let none = world.send(Request::builder().uri("/accounts").body(Body::empty())?).await?;
    let twice = Request::builder()
        .uri("/accounts")
        .header("authorization", format!("Bearer {key}"))
        .header("authorization", format!("Bearer {key}"));
    let cookie = Request::builder().uri("/accounts").header("cookie", format!("key={key}")).header("x-api-key", &key);
    let lines = [
        ("none", none.fault()),
        ("empty", with_header(&world, "").await?.fault()),
        ("another scheme", with_header(&world, &format!("Basic {key}")).await?.fault()),
        ("no scheme", with_header(&world, &key).await?.fault()),
        ("twice", world.send(twice.body(Body::empty())?).await?.fault()),
        ("elsewhere", world.send(cookie.body(Body::empty())?).await?.fault()),
        ("nonsense", with_header(&world, "Bearer nonsense").await?.fault()),
        ("cut", with_header(&world, &format!("Bearer {}", &key[..key.len() - 1])).await?.fault()),
        ("small letters", with_header(&world, &format!("bearer {key}")).await?.status.to_string()),
        ("right", with_header(&world, &format!("Bearer {key}")).await?.status.to_string()),
    ];
    assert_snapshot!(lines.map(|(name, seen)| format!("{name}: {seen}")).join("\n"), @r#"
    none: 401 unauthorized
    empty: 401 unauthorized
    another scheme: 401 unauthorized
    no scheme: 401 unauthorized
    twice: 401 unauthorized
    elsewhere: 401 unauthorized
    nonsense: 401 invalid_key
    cut: 401 invalid_key
    small letters: 200 OK
    right: 200 OK
    "#);
    assert_snapshot!(none.json()["error"].as_str().unwrap_or("-"), @"Unauthorized - Invalid credentials");
    assert_eq!(none.header("www-authenticate"), "Bearer");
    Ok(())
}

#[tokio::test]
async fn row_01_a_wrong_checksum_is_refused_without_the_database() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let last = if key.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &key[..key.len() - 1]);
    world.app.store.close().await;
    assert_eq!(world.get(&wrong, "/accounts").await?.fault(), "401 invalid_key");
    assert_eq!(world.get(&key, "/accounts").await?.fault(), "503 storage_unavailable", "a whole key is looked up");
    Ok(())
}

#[tokio::test]
async fn row_02_a_whole_key_with_an_unknown_secret_is_refused() -> anyhow::Result<()> {
    let (world, other) = (World::empty().await?, World::empty().await?);
    // Made elsewhere: checksum and form are right, but here nobody knows it.
    let key = other.key(&[Scope::Admin], &[]).await?;
    assert_eq!(world.get(&key, "/accounts").await?.fault(), "401 invalid_key");
    Ok(())
}

#[tokio::test]
async fn row_04_a_revoked_key_stops_working_at_once() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    assert_eq!(world.get(&key, "/accounts").await?.status, 200);
    let id = keys::list(&world.app).await?.first().map(|row| row.id.clone()).unwrap_or_default();
    keys::revoke(&world.app, &Actor::Setup, &id).await?;
    assert_eq!(world.get(&key, "/accounts").await?.fault(), "401 invalid_key");
    assert!(keys::revoke(&world.app, &Actor::Setup, &id).await.is_err(), "a key is revoked once");
    Ok(())
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_at_most_once_a_minute() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let mut noted = Vec::new();
    for pass_ms in [0, 59_999, 1] {
        world.clock.pass(pass_ms);
        world.get(&key, "/accounts").await?;
        let row = keys::list(&world.app).await?.remove(0);
        noted.push(row.last_used_at.map(|at| at.since_ms(row.created_at)));
    }
    assert_eq!(noted, [Some(0), Some(0), Some(60_000)]);
    Ok(())
}

#[tokio::test]
async fn row_06_a_list_of_accounts_with_one_out_of_reach_is_as_one_with_nobody() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read, Scope::Sync], &[INES]).await?;
    let nobody = "cccccccccccccccccccccccc";
    let list = async |other: &str| world.get(&key, &format!("/conversations?linkedinAccountIds={INES},{other}")).await;
    let (foreign, unknown) = (list(OTTO).await?, list(nobody).await?);
    assert_eq!(foreign.fault(), "404 account_not_found");
    assert_eq!(without_counts(&foreign), without_counts(&unknown));
    assert_eq!(foreign.bytes, unknown.bytes);
    let accounts = world.get(&key, "/accounts").await?.json();
    assert_eq!(accounts.as_array().map(Vec::len), Some(1), "the list shows what is within reach");
    Ok(())
}

#[tokio::test]
async fn row_07_a_cursor_works_only_for_its_own_question() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    for (account, member) in [(INES, INES_MEMBER), (OTTO, OTTO_MEMBER)] {
        let taught = Taught::default().person(member, "Some Body")?.conversation("2-a", 10, &[member])?.conversation(
            "2-b",
            20,
            &[member],
        )?;
        world.sync(account, taught).await?;
    }
    let ottos = world.key(&[Scope::Read], &[OTTO]).await?;
    let ines = world.key(&[Scope::Read], &[INES]).await?;
    let page = world.get(&ottos, "/conversations?count=1").await?.json();
    let cursor = page["nextCursor"].as_str().unwrap_or_default().to_owned();
    let first = if cursor.starts_with('A') { "B" } else { "A" };
    let flipped = format!("{first}{}", &cursor[1..]);
    let lines = [
        ("its own", world.get(&ottos, &format!("/conversations?count=1&nextCursor={cursor}")).await?),
        ("another page size", world.get(&ottos, &format!("/conversations?count=5&nextCursor={cursor}")).await?),
        ("another key", world.get(&ines, &format!("/conversations?nextCursor={cursor}")).await?),
        ("another filter", world.get(&ottos, &format!("/conversations?unreadOnly=true&nextCursor={cursor}")).await?),
        ("another list", world.get(&ottos, &format!("/conversations/2-a/messages?cursor={cursor}")).await?),
        ("one bit flipped", world.get(&ottos, &format!("/conversations?nextCursor={flipped}")).await?),
        ("cut", world.get(&ottos, &format!("/conversations?nextCursor={}", &cursor[..20])).await?),
    ];
    let lines = lines.map(|(name, answer)| match answer.status.is_success() {
        true => format!("{name}: {}", answer.status.as_u16()),
        false => format!("{name}: {}", answer.fault()),
    });
    assert_snapshot!(lines.join("\n"), @r#"
    its own: 200
    another page size: 200
    another key: 400 invalid_cursor
    another filter: 400 invalid_cursor
    another list: 400 invalid_cursor
    one bit flipped: 400 invalid_cursor
    cut: 400 invalid_cursor
    "#);
    Ok(())
}
