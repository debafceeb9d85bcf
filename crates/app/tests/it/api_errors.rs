//! Bad input to the API: each gets the one error body with its code, and changes nothing.
//!
//! Rows are those of the project's table of bad inputs; the row's number is in the test's name.

use axum::body::Body;
use axum::http::{Method, Request};
use insta::assert_snapshot;
use threadkeep::verbs::keys::Scope;

use crate::api_world::{INES, World, with_key};

const ALL: [Scope; 2] = [Scope::Read, Scope::Sync];

/// Answers to `POST /conversations/sync` with each of these bodies, one line each.
async fn sync_bodies(bodies: &[(&str, Vec<u8>)]) -> anyhow::Result<String> {
    let world = World::with_accounts().await?;
    let key = world.key(&ALL, &[]).await?;
    let mut lines = Vec::new();
    for (name, body) in bodies {
        let answer = world.post(&key, "/conversations/sync", body.clone()).await?;
        lines.push(format!("{name}: {} | {}", answer.fault(), answer.json()["error"].as_str().unwrap_or("-")));
    }
    let id = threadkeep_core::id::AccountId::new(INES)?;
    anyhow::ensure!(world.app.store.jobs(&id, 1).await?.is_empty(), "a refused request asked for a sync");
    Ok(lines.join("\n"))
}

/// Answers to `GET` of each of these paths, one line each.
async fn paths(paths: &[&str]) -> anyhow::Result<String> {
    let world = World::with_accounts().await?;
    let key = world.key(&ALL, &[]).await?;
    let mut lines = Vec::new();
    for path in paths {
        let answer = world.get(&key, path).await?;
        lines.push(format!("{path}: {} | {}", answer.fault(), answer.json()["error"].as_str().unwrap_or("-")));
    }
    Ok(lines.join("\n"))
}

#[tokio::test]
async fn row_03_a_key_in_the_address_is_refused_on_every_path() -> anyhow::Result<()> {
    let seen = paths(&[
        "/conversations?api_key=tk_x",
        "/linkedin/accounts?apiKey=tk_x",
        "/health?token=tk_x",
        "/no/such/path?access_token=tk_x",
    ])
    .await?;
    assert_snapshot!(seen, @r#"
    /conversations?api_key=tk_x: 400 credentials_in_url | a key in the URL ends in logs: send it as `Authorization: Bearer <key>`, and revoke the one in the URL
    /linkedin/accounts?apiKey=tk_x: 400 credentials_in_url | a key in the URL ends in logs: send it as `Authorization: Bearer <key>`, and revoke the one in the URL
    /health?token=tk_x: 400 credentials_in_url | a key in the URL ends in logs: send it as `Authorization: Bearer <key>`, and revoke the one in the URL
    /no/such/path?access_token=tk_x: 400 credentials_in_url | a key in the URL ends in logs: send it as `Authorization: Bearer <key>`, and revoke the one in the URL
    "#);
    Ok(())
}

#[tokio::test]
async fn row_08_hostile_ids_find_nothing() -> anyhow::Result<()> {
    let seen = paths(&[
        "/conversations?accountId=1'%20OR%20'1'='1",
        "/conversations?accountId=%00",
        "/conversations?linkedinAccountIds=",
        "/conversations/1'%20OR%20'1'='1/messages",
        "/conversations/%00/messages",
        "/conversations/%ff/messages",
        "/conversations/..%2f..%2fetc%2fpasswd/messages",
        "/conversations/urn%3Ali%3AsalesNav_thread%3A12/messages",
        "/conversations/2-unknown/messages",
        "/account/nonsense/status",
        "/account/cccccccccccccccccccccccc/status",
        "/account/status?accountId=acc_12345",
        "/conversations/sync/status?accountId=acc_12345",
        "/accounts?sort=text;DROP%20TABLE%20messages",
    ])
    .await?;
    assert_snapshot!(seen, @r#"
    /conversations?accountId=1'%20OR%20'1'='1: 404 account_not_found | no such account
    /conversations?accountId=%00: 400 invalid_parameter | accountId: too long, or not plain text
    /conversations?linkedinAccountIds=: 404 account_not_found | no such account
    /conversations/1'%20OR%20'1'='1/messages: 400 invalid_parameter | conversationUrn: the URN or the bare id of a conversation, URL-encoded
    /conversations/%00/messages: 400 invalid_parameter | conversationUrn: the URN or the bare id of a conversation, URL-encoded
    /conversations/%ff/messages: 400 invalid_parameter | conversationUrn: the URN or the bare id of a conversation, URL-encoded
    /conversations/..%2f..%2fetc%2fpasswd/messages: 400 invalid_parameter | conversationUrn: the URN or the bare id of a conversation, URL-encoded
    /conversations/urn%3Ali%3AsalesNav_thread%3A12/messages: 404 conversation_not_found | no such conversation
    /conversations/2-unknown/messages: 404 conversation_not_found | no such conversation
    /account/nonsense/status: 400 invalid_parameter | accountId: 24 lower-case hex digits
    /account/cccccccccccccccccccccccc/status: 404 account_not_found | no such account
    /account/status?accountId=acc_12345: 404 account_not_found | no such account
    /conversations/sync/status?accountId=acc_12345: 404 account_not_found | no such account
    /accounts?sort=text;DROP%20TABLE%20messages: 400 unknown_field | unknown field sort
    "#);
    Ok(())
}

#[tokio::test]
async fn row_10_page_sizes_and_repeated_parameters() -> anyhow::Result<()> {
    let seen = paths(&[
        "/conversations?limit=-1",
        "/conversations?limit=0",
        "/conversations?limit=1e9",
        "/conversations?limit=1000000000",
        "/conversations?count=NaN",
        "/conversations?count=1;1",
        "/conversations?count=%2B1",
        "/conversations?count=",
        "/conversations?count=101",
        "/conversations?count=1&count=1",
        "/conversations?count=1&limit=2",
        "/conversations?unreadOnly=yes",
        "/conversations?accountId=a&linkedinAccountIds=b",
        "/conversations?nextCursor=x",
        "/conversations?nextCursor=linkedin:abc",
        "/conversations/2-a/messages?since=-1",
        "/conversations/2-a/messages?since=253402300800000",
        "/conversations/2-a/messages?since=2026-01-01",
        "/conversations/2-a/messages?sync=maybe",
        "/conversations/2-a/messages?page=2",
        "/conversations/sync/status?verbose=1",
    ])
    .await?;
    assert_snapshot!(seen, @r#"
    /conversations?limit=-1: 400 invalid_parameter | limit: a whole number from 1 to 100
    /conversations?limit=0: 400 invalid_parameter | limit: a whole number from 1 to 100
    /conversations?limit=1e9: 400 invalid_parameter | limit: a whole number from 1 to 100
    /conversations?limit=1000000000: 400 invalid_parameter | limit: a whole number from 1 to 100
    /conversations?count=NaN: 400 invalid_parameter | count: a whole number from 1 to 100
    /conversations?count=1;1: 400 invalid_parameter | count: a whole number from 1 to 100
    /conversations?count=%2B1: 400 invalid_parameter | count: a whole number from 1 to 100
    /conversations?count=: 400 invalid_parameter | count: a whole number from 1 to 100
    /conversations?count=101: 400 invalid_parameter | count: a whole number from 1 to 100
    /conversations?count=1&count=1: 400 invalid_parameter | count: give it once
    /conversations?count=1&limit=2: 400 invalid_parameter | limit: it is another name of count: give one of them
    /conversations?unreadOnly=yes: 400 invalid_parameter | unreadOnly: true or false
    /conversations?accountId=a&linkedinAccountIds=b: 400 invalid_parameter | linkedinAccountIds: give either this or accountId
    /conversations?nextCursor=x: 400 invalid_cursor | the cursor is not valid here: start again without it
    /conversations?nextCursor=linkedin:abc: 400 invalid_cursor | the cursor is not valid here: start again without it
    /conversations/2-a/messages?since=-1: 400 invalid_parameter | since: a whole number from 0 to 253402300799999
    /conversations/2-a/messages?since=253402300800000: 400 invalid_parameter | since: a whole number from 0 to 253402300799999
    /conversations/2-a/messages?since=2026-01-01: 400 invalid_parameter | since: a whole number from 0 to 253402300799999
    /conversations/2-a/messages?sync=maybe: 400 invalid_parameter | sync: true or false
    /conversations/2-a/messages?page=2: 400 unknown_field | unknown field page
    /conversations/sync/status?verbose=1: 400 unknown_field | unknown field verbose
    "#);
    Ok(())
}

#[tokio::test]
async fn row_11_bodies_that_are_no_json() -> anyhow::Result<()> {
    let deep = format!("{{\"accountId\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let seen = sync_bodies(&[
        ("cut", b"{\"force\":tr".to_vec()),
        ("an array", b"[]".to_vec()),
        ("a text", b"\"force\"".to_vec()),
        ("deep", deep.into_bytes()),
        ("too large", vec![b' '; 256 * 1024 + 1]),
        ("much too large", vec![b'x'; 25 * 1024 * 1024]),
        ("a key repeated", b"{\"force\":true,\"force\":false}".to_vec()),
        ("a number out of range", b"{\"force\":1e999}".to_vec()),
        ("a lone surrogate", b"{\"accountId\":\"\\ud800\"}".to_vec()),
        ("not UTF-8", b"{\"accountId\":\"\xff\"}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("something after it", b"{} {}".to_vec()),
    ])
    .await?;
    assert_snapshot!(seen, @r#"
    cut: 400 invalid_json | the body is not usable: it is not JSON
    an array: 400 invalid_json | the body is not usable: it has to be a JSON object
    a text: 400 invalid_json | the body is not usable: it has to be a JSON object
    deep: 400 invalid_json | the body is not usable: it is not JSON
    too large: 413 body_too_large | the body is larger than 262144 bytes
    much too large: 413 body_too_large | the body is larger than 262144 bytes
    a key repeated: 400 invalid_parameter | force: give it once
    a number out of range: 400 invalid_json | the body is not usable: it is not JSON
    a lone surrogate: 400 invalid_json | the body is not usable: it is not JSON
    not UTF-8: 400 invalid_json | the body is not usable: it is not JSON
    a byte order mark: 400 invalid_json | the body is not usable: it is not JSON
    something after it: 400 invalid_json | the body is not usable: it is not JSON
    "#);
    Ok(())
}

#[tokio::test]
async fn row_12_fields_that_do_not_exist_or_have_another_type() -> anyhow::Result<()> {
    let seen = sync_bodies(&[
        ("unknown", b"{\"isAdmin\":true,\"tenantId\":\"B\"}".to_vec()),
        ("in other letters", b"{\"accountid\":\"x\"}".to_vec()),
        ("force as a text", b"{\"force\":\"true\"}".to_vec()),
        ("force as a number", b"{\"force\":1}".to_vec()),
        ("accountId as a number", b"{\"accountId\":12}".to_vec()),
        ("accountId as a list", format!("{{\"accountId\":[\"{INES}\"]}}").into_bytes()),
        ("an account that does not exist", b"{\"accountId\":\"acc_12345\"}".to_vec()),
        ("no account", b"{\"accountId\":\"\"}".to_vec()),
    ])
    .await?;
    assert_snapshot!(seen, @r#"
    unknown: 400 unknown_field | unknown field isAdmin
    in other letters: 400 unknown_field | unknown field accountid
    force as a text: 400 invalid_parameter | force: true or false
    force as a number: 400 invalid_parameter | force: true or false
    accountId as a number: 400 invalid_parameter | accountId: a text
    accountId as a list: 400 invalid_parameter | accountId: a text
    an account that does not exist: 404 account_not_found | no such account
    no account: 404 account_not_found | no such account
    "#);
    Ok(())
}

#[tokio::test]
async fn row_16_methods_that_no_path_knows() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&ALL, &[]).await?;
    let mut lines = Vec::new();
    let cases = [
        ("TRACE", "/health"),
        ("CONNECT", "/health"),
        ("PROPFIND", "/linkedin/conversations"),
        ("PROPFIND", "/no/such/path"),
        ("DELETE", "/linkedin/conversations"),
        ("GET", "/conversations/sync"),
        ("GET", "/linkedin/conversations/sync"),
        ("PUT", "/accounts"),
        ("TRACE", "/conversations/send"),
        ("GET", "/no/such/path"),
        ("GET", "/linkedin"),
        ("GET", "/linkedin/linkedin/accounts"),
        ("GET", "//accounts"),
        ("GET", "/accounts/"),
    ];
    for (method, path) in cases {
        let method = Method::from_bytes(method.as_bytes())?;
        let answer = world.send(with_key(&key).method(method.clone()).uri(path).body(Body::empty())?).await?;
        lines.push(format!("{method} {path}: {} | {:?}", answer.fault(), answer.header("allow")));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    TRACE /health: 405 method_not_allowed | "GET,HEAD"
    CONNECT /health: 405 method_not_allowed | "GET,HEAD"
    PROPFIND /linkedin/conversations: 405 method_not_allowed | "GET,HEAD"
    PROPFIND /no/such/path: 405 method_not_allowed | ""
    DELETE /linkedin/conversations: 405 method_not_allowed | "GET,HEAD"
    GET /conversations/sync: 405 method_not_allowed | "POST"
    GET /linkedin/conversations/sync: 405 method_not_allowed | "POST"
    PUT /accounts: 405 method_not_allowed | "POST,GET,HEAD"
    TRACE /conversations/send: 405 method_not_allowed | "POST"
    GET /no/such/path: 404 not_found | ""
    GET /linkedin: 404 not_found | ""
    GET /linkedin/linkedin/accounts: 404 not_found | ""
    GET //accounts: 404 not_found | ""
    GET /accounts/: 404 not_found | ""
    "#);
    Ok(())
}

#[tokio::test]
async fn row_16_a_method_in_a_header_is_ignored() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&ALL, &[]).await?;
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let request = with_key(&key).uri("/accounts").header(name, "DELETE").body(Body::empty())?;
        assert_eq!(world.send(request).await?.status, 200, "{name}");
    }
    assert_eq!(world.get(&key, "/accounts?_method=DELETE").await?.fault(), "400 unknown_field");
    assert_eq!(world.get(&key, "/accounts").await?.json().as_array().map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test]
async fn every_answer_has_safe_headers_and_none_for_other_origins() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    for path in ["/health", "/accounts", "/no/such/path"] {
        let request = Request::builder().uri(path).header("origin", "null").body(Body::empty())?;
        let answer = world.send(request).await?;
        let names = ["x-content-type-options", "cache-control", "access-control-allow-origin"];
        assert_eq!(names.map(|name| answer.header(name)), ["nosniff", "no-store", ""], "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_told_and_nothing_crashes() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&ALL, &[]).await?;
    world.app.store.close().await;
    let health = world.get("", "/health").await?;
    let read = world.get(&key, "/conversations").await?;
    assert_snapshot!(format!("{} {}\n{}", health.fault(), health.header("retry-after"), read.fault()), @r#"
    503 storage_unavailable 5
    503 storage_unavailable
    "#);
    Ok(())
}
