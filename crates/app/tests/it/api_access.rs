//! Who may do what: keys, scopes, and accounts out of reach.
//!
//! What a key does not reach must look, byte for byte, like what does not exist.

use axum::body::Body;
use axum::http::Request;
use insta::assert_snapshot;
use threadkeep::store::Actor;
use threadkeep::verbs::keys::{self, Scope};

use crate::api_world::{Answer, INES, INES_MEMBER, OTTO, OTTO_MEMBER, Taught, World, with_key};

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
async fn row_05_a_key_does_only_what_its_scopes_say() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let mut lines = Vec::new();
    for scope in Scope::ALL {
        let key = world.key(&[scope], &[]).await?;
        let asked = with_key(&key).method("POST").uri("/conversations/sync").header("prefer", "respond-async");
        let sync = world.send(asked.body(Body::empty())?).await?;
        let read = world.get(&key, "/accounts").await?;
        lines.push(format!("{}: sync {} read {}", scope.as_str(), sync.status.as_u16(), read.status.as_u16()));
        if sync.status == 403 {
            assert_eq!(sync.fault(), "403 scope_required");
        }
    }
    assert_snapshot!(lines.join("\n"), @r#"
    read: sync 403 read 200
    media: sync 403 read 403
    sync: sync 202 read 403
    admin: sync 202 read 200
    "#);
    Ok(())
}

#[tokio::test]
async fn row_06_what_is_out_of_reach_looks_like_what_does_not_exist() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let taught = Taught::default()
        .person(OTTO_MEMBER, "Otto Other")?
        .conversation("2-secret", 10, &[OTTO_MEMBER])?
        .message(("2-secret", "2-m"), OTTO_MEMBER, 10)?;
    world.sync(OTTO, taught).await?;
    let key = world.key(&[Scope::Read, Scope::Sync], &[INES]).await?;
    let nobody = "cccccccccccccccccccccccc";
    let pairs = [
        (format!("/conversations?accountId={OTTO}"), format!("/conversations?accountId={nobody}")),
        (
            format!("/conversations?linkedinAccountIds={INES},{OTTO}"),
            format!("/conversations?linkedinAccountIds={INES},{nobody}"),
        ),
        (
            format!("/conversations/sync/status?accountId={OTTO}"),
            format!("/conversations/sync/status?accountId={nobody}"),
        ),
        (format!("/account/{OTTO}/status"), format!("/account/{nobody}/status")),
        (format!("/account/status?accountId={OTTO}"), format!("/account/status?accountId={nobody}")),
        ("/conversations/2-secret/messages".into(), "/conversations/2-nothing/messages".into()),
        ("/conversations/2-secret".into(), "/conversations/2-nothing".into()),
        ("/conversations/2-secret/participants".into(), "/conversations/2-nothing/participants".into()),
        ("/messages/2-m".into(), "/messages/2-nothing".into()),
        ("/messages/2-m/reactions".into(), "/messages/2-nothing/reactions".into()),
        ("/conversations/sync/runs/1".into(), "/conversations/sync/runs/99".into()),
        (
            format!("/conversations/exists/{OTTO_MEMBER}?accountId={OTTO}"),
            format!("/conversations/exists/{OTTO_MEMBER}?accountId={nobody}"),
        ),
        (format!("/account/{OTTO}/quota"), format!("/account/{nobody}/quota")),
        (
            "/messaging/conversation-details?conversationUrn=2-secret".into(),
            "/messaging/conversation-details?conversationUrn=2-nothing".into(),
        ),
        (
            format!("/messaging/recent-messages?accountId={OTTO}"),
            format!("/messaging/recent-messages?accountId={nobody}"),
        ),
        (
            format!("/conversations/2-secret/messages?accountId={OTTO}"),
            format!("/conversations/2-secret/messages?accountId={nobody}"),
        ),
    ];
    for (foreign, unknown) in pairs {
        let (foreign_answer, unknown_answer) = (world.get(&key, &foreign).await?, world.get(&key, &unknown).await?);
        assert_eq!(foreign_answer.status, 404, "{foreign}");
        assert_eq!(without_counts(&foreign_answer), without_counts(&unknown_answer), "{foreign}");
        assert_eq!(foreign_answer.bytes, unknown_answer.bytes, "{foreign}");
    }
    let sync = world.post(&key, "/conversations/sync", format!("{{\"accountId\":\"{OTTO}\"}}")).await?;
    assert_eq!(sync.fault(), "404 account_not_found");
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
