//! Each limit of the server at its edge: what is just within it is served, what is one beyond it is refused, and so is a
//! hundred times as much.

use axum::body::Body;
use axum::http::Request;
use insta::assert_snapshot;
use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;

use crate::api_socket::{Server, get};
use crate::api_world::{Answer, INES, INES_MEMBER, Taught, World, with_key};

/// A `GET` whose head has exactly this many bytes.
fn head_of(bytes: usize) -> Vec<u8> {
    let bare = get("/health", "x: \r\n").len();
    get("/health", &format!("x: {}\r\n", "a".repeat(bytes - bare)))
}

#[tokio::test]
async fn a_head_has_16_kib() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let server = Server::start(&world, HttpSettings::default()).await?;
    let mut lines = Vec::new();
    for bytes in [16 * 1024, 16 * 1024 + 1, 100 * 16 * 1024] {
        lines.push(format!("{bytes}: {}", server.exchange(&head_of(bytes)).await?));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    16384: HTTP/1.1 200 OK
    16385: HTTP/1.1 431 Request Header Fields Too Large
    1638400: HTTP/1.1 431 Request Header Fields Too Large
    "#);
    server.end().await
}

#[tokio::test]
async fn a_head_has_100_headers() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let server = Server::start(&world, HttpSettings::default()).await?;
    let mut lines = Vec::new();
    // Two are there already.
    for headers in [100, 101, 10_000] {
        let bytes = get("/health", &"x: 1\r\n".repeat(headers - 2));
        lines.push(format!("{headers}: {}", server.exchange(&bytes).await?));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    100: HTTP/1.1 200 OK
    101: HTTP/1.1 431 Request Header Fields Too Large
    10000: HTTP/1.1 431 Request Header Fields Too Large
    "#);
    server.end().await
}

#[tokio::test]
async fn a_body_has_256_kib() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Sync], &[]).await?;
    let mut lines = Vec::new();
    for bytes in [256 * 1024, 256 * 1024 + 1, 100 * 256 * 1024] {
        let request = with_key(&key).method("POST").uri("/conversations/sync").header("prefer", "respond-async");
        let answer = world.send(request.body(Body::from(vec![b' '; bytes]))?).await?;
        lines.push(format!("{bytes}: {}", told(&answer)));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    262144: 202
    262145: 413 body_too_large
    26214400: 413 body_too_large
    "#);
    Ok(())
}

#[tokio::test]
async fn row_10_a_page_has_100_rows() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let mut taught = Taught::default().person(INES_MEMBER, "Ines Sample")?;
    for number in 0..120 {
        taught = taught.conversation(&format!("2-c{number}"), number, &[INES_MEMBER])?;
        taught = taught.message(("2-c0", &format!("2-m{number}")), INES_MEMBER, number)?;
    }
    world.sync(INES, taught).await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let mut lines = Vec::new();
    for path in [
        "/conversations?count=",
        "/conversations?limit=",
        "/conversations/2-c0/messages?sync=false&count=",
        "/conversations/sync/runs?count=",
        "/messaging/recent-messages?count=",
        "/messaging/conversation-details?conversationUrn=2-c0&sync=false&count=",
    ] {
        for count in [100, 101, 10_000] {
            let answer = world.get(&key, &format!("{path}{count}")).await?;
            let body = answer.json();
            let lists = ["conversations", "messages", "runs"].into_iter().filter_map(|name| body[name].as_array());
            let rows = lists.map(Vec::len).max().unwrap_or_default();
            lines.push(format!("{path}{count}: {} {rows}", told(&answer)));
        }
    }
    assert_snapshot!(lines.join("\n"), @r#"
    /conversations?count=100: 200 100
    /conversations?count=101: 400 invalid_parameter 0
    /conversations?count=10000: 400 invalid_parameter 0
    /conversations?limit=100: 200 100
    /conversations?limit=101: 400 invalid_parameter 0
    /conversations?limit=10000: 400 invalid_parameter 0
    /conversations/2-c0/messages?sync=false&count=100: 200 100
    /conversations/2-c0/messages?sync=false&count=101: 400 invalid_parameter 0
    /conversations/2-c0/messages?sync=false&count=10000: 400 invalid_parameter 0
    /conversations/sync/runs?count=100: 200 1
    /conversations/sync/runs?count=101: 400 invalid_parameter 0
    /conversations/sync/runs?count=10000: 400 invalid_parameter 0
    /messaging/recent-messages?count=100: 200 100
    /messaging/recent-messages?count=101: 400 invalid_parameter 0
    /messaging/recent-messages?count=10000: 400 invalid_parameter 0
    /messaging/conversation-details?conversationUrn=2-c0&sync=false&count=100: 200 100
    /messaging/conversation-details?conversationUrn=2-c0&sync=false&count=101: 400 invalid_parameter 0
    /messaging/conversation-details?conversationUrn=2-c0&sync=false&count=10000: 400 invalid_parameter 0
    "#);
    Ok(())
}

#[tokio::test]
async fn there_are_100_keys() -> anyhow::Result<()> {
    let mut world = World::with_accounts().await?;
    world.set(HttpSettings { key_rate: NO_LIMIT, ..HttpSettings::default() });
    let admin = world.key(&[Scope::Admin], &[]).await?;
    let make = async || world.post(&admin, "/keys", "{\"scopes\":[\"read\"]}").await;
    for number in 2..=100 {
        assert_eq!(make().await?.status, 201, "key {number}");
    }
    for _ in 0..3 {
        assert_eq!(make().await?.fault(), "409 conflict");
    }
    let ids: Vec<String> = world.app.store.keys().await?.into_iter().map(|key| key.id).collect();
    assert_eq!(ids.len(), 100);
    world.delete(&admin, &format!("/keys/{}", ids[50])).await?;
    assert_eq!(make().await?.status, 201, "a revoked key gives its place back");
    assert_eq!(make().await?.fault(), "409 conflict");
    Ok(())
}

#[tokio::test]
async fn a_key_asks_600_times_a_minute_and_an_address_60_times() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    for number in 1..=600 {
        assert_eq!(world.get(&key, "/accounts").await?.status, 200, "{number}");
    }
    for _ in 0..100 {
        assert_eq!(world.get(&key, "/accounts").await?.fault(), "429 too_many_requests");
    }
    let bare = async || world.send(Request::builder().uri("/health").body(Body::empty())?).await;
    for number in 1..=60 {
        assert_eq!(bare().await?.status, 200, "{number}");
    }
    for _ in 0..100 {
        assert_eq!(bare().await?.fault(), "429 too_many_requests");
    }
    world.clock.pass(60_000);
    assert_eq!(world.get(&key, "/accounts").await?.header("x-ratelimit-remaining"), "599");
    assert_eq!(bare().await?.header("x-ratelimit-remaining"), "59");
    Ok(())
}

/// A rate that refuses nothing.
pub const NO_LIMIT: threadkeep::http::Rate = threadkeep::http::Rate { burst: 0, per_minute: 0 };

fn told(answer: &Answer) -> String {
    if answer.status.is_success() { answer.status.as_u16().to_string() } else { answer.fault() }
}
