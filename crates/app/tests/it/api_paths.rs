//! Hostile paths, ids, cursors and times: none finds what it should not, reaches a file, or leaves a trace.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use serde_json::{Value, json};
use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;
use threadkeep_core::id::AccountId;

use crate::api_limits::NO_LIMIT;
use crate::api_socket::{Server, first_line};
use crate::api_world::{Answer, BEGIN, INES, INES_MEMBER, OTTO, OTTO_MEMBER, Taught, World, with_key};

fn told(answer: &Answer) -> String {
    if answer.status.is_success() { answer.status.as_u16().to_string() } else { answer.fault() }
}

/// Both accounts with a conversation and two messages each; nobody is slowed down.
async fn furnished() -> anyhow::Result<World> {
    let mut world = World::with_accounts().await?;
    world.set(HttpSettings { key_rate: NO_LIMIT, address_rate: NO_LIMIT, ..HttpSettings::default() });
    for (account, member, name) in [(INES, INES_MEMBER, "ines"), (OTTO, OTTO_MEMBER, "otto")] {
        let conversation = format!("2-{name}");
        let taught = Taught::default()
            .person(member, "Some Body")?
            .conversation(&conversation, 10, &[member])?
            .conversation(&format!("2-{name}-more"), 5, &[member])?
            .message((&conversation, &format!("2-{name}-1")), member, 5)?
            .message((&conversation, &format!("2-{name}-2")), member, 10)?;
        world.sync(account, taught).await?;
    }
    Ok(world)
}

fn encoded(text: &[u8]) -> String {
    url::form_urlencoded::byte_serialize(text).collect::<String>().replace('+', "%20")
}

/// Acts and reads, with a word in the place of each kind of id.
const ACTS: [(&str, &str, &str); 13] = [
    ("POST", "/conversations/sync", r#"{"accountId":"ACCOUNT"}"#),
    ("POST", "/conversations/refresh", r#"{"conversationUrn":"THREAD"}"#),
    ("POST", "/conversations/refresh", r#"{"conversationUrn":"urn:li:messagingThread:THREAD"}"#),
    (
        "POST",
        "/conversations/refresh",
        r#"{"conversationUrn":"urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAOtto,THREAD)"}"#,
    ),
    (
        "GET",
        "/conversations/urn%3Ali%3Amsg_conversation%3A%28urn%3Ali%3Afsd_profile%3AACoAAOtto%2CTHREAD%29/messages",
        "",
    ),
    ("POST", "/accounts/ACCOUNT/reconnect", r#"{"cookies":"li_at=AQEDtest; JSESSIONID=\"ajax:1\""}"#),
    ("POST", "/accounts/ACCOUNT/pause", ""),
    ("POST", "/accounts/ACCOUNT/resume", ""),
    ("DELETE", "/accounts/ACCOUNT", ""),
    ("POST", "/conversations/sync/runs/RUN/cancel", ""),
    ("DELETE", "/conversations/sync/runs/RUN", ""),
    ("DELETE", "/keys/KEY", ""),
    ("POST", "/account/status?accountId=ACCOUNT", ""),
];

#[tokio::test]
async fn row_06_acts_on_what_is_out_of_reach_look_like_acts_on_nothing() -> anyhow::Result<()> {
    let world = furnished().await?;
    let key = world.key(&Scope::ALL, &[INES]).await?;
    let foreign_key = world.key(&[Scope::Read], &[OTTO]).await?;
    let key_id = foreign_key.split('_').nth(1).unwrap_or_default();
    let runs = world.app.store.jobs(&AccountId::new(OTTO)?, 1).await?;
    let run = runs.first().map(|job| job.id.to_string()).unwrap_or_default();
    let foreign = [("ACCOUNT", OTTO), ("THREAD", "2-otto"), ("RUN", run.as_str()), ("KEY", key_id)];
    let unknown =
        [("ACCOUNT", "cccccccccccccccccccccccc"), ("THREAD", "2-nothing"), ("RUN", "999"), ("KEY", "000000000000")];
    for (method, path, body) in ACTS {
        let ask = async |ids: [(&str, &str); 4]| {
            let put_in = |text: &str| ids.iter().fold(text.to_owned(), |text, (word, id)| text.replace(word, id));
            let request = with_key(&key).method(method).uri(put_in(path)).body(Body::from(put_in(body)))?;
            world.send(request).await
        };
        let (foreign, unknown) = (ask(foreign).await?, ask(unknown).await?);
        assert_eq!(foreign.status, 404, "{method} {path}: {}", foreign.fault());
        assert_eq!((&foreign.bytes, foreign.status), (&unknown.bytes, unknown.status), "{method} {path}");
    }
    assert_eq!(world.app.store.accounts().await?.len(), 2);
    assert_eq!(world.get(&foreign_key, "/accounts").await?.status, 200, "the foreign key still works");
    Ok(())
}

#[tokio::test]
async fn row_07_a_cursor_of_another_tenant_or_with_any_bit_flipped_is_refused() -> anyhow::Result<()> {
    let world = furnished().await?;
    let (ines, ottos) = (world.key(&[Scope::Read], &[INES]).await?, world.key(&[Scope::Read], &[OTTO]).await?);
    let lists = [
        ("/conversations?count=1", "nextCursor", "/conversations?count=1", "nextCursor"),
        ("/conversations/2-otto/messages?count=1", "cursor", "/conversations/2-ines/messages?count=1", "cursor"),
        ("/messaging/recent-messages?count=1", "nextCursor", "/messaging/recent-messages?count=1", "nextCursor"),
    ];
    for (path, name, own_path, own_name) in lists {
        let body = world.get(&ottos, path).await?.json();
        let cursor = body[name].as_str().unwrap_or_default().to_owned();
        assert!(!cursor.is_empty(), "{path}: {body}");
        assert_eq!(world.get(&ottos, &format!("{path}&{name}={cursor}")).await?.status, 200, "{path}");
        let replayed = world.get(&ines, &format!("{own_path}&{own_name}={cursor}")).await?;
        assert_eq!(replayed.fault(), "400 invalid_cursor", "{own_path}");
        let bytes = URL_SAFE_NO_PAD.decode(&cursor)?;
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = URL_SAFE_NO_PAD.encode(flipped);
            let answer = world.get(&ottos, &format!("{path}&{name}={flipped}")).await?;
            assert_eq!(answer.fault(), "400 invalid_cursor", "{path}, bit {bit}");
        }
        for end in 1..cursor.len() {
            let answer = world.get(&ottos, &format!("{path}&{name}={}", &cursor[..end])).await?;
            // A message list takes a plain number for a time.
            let is_number = cursor[..end].bytes().all(|byte| byte.is_ascii_digit());
            assert!(is_number || answer.fault() == "400 invalid_cursor", "{path}, {end} characters");
        }
    }
    Ok(())
}

/// Texts that would mean something in a statement.
const TEXTS: [&[u8]; 8] = [
    b"1' OR '1'='1",
    b"'; DROP TABLE messages; --",
    b"text; DROP TABLE messages",
    b"\" UNION SELECT hash FROM api_keys --",
    b"%",
    b"?1",
    b"\0",
    b"2-ines\0",
];

#[tokio::test]
async fn row_08_texts_of_sql_change_nothing_wherever_they_stand() -> anyhow::Result<()> {
    let world = furnished().await?;
    let key = world.key(&Scope::ALL, &[]).await?;
    let count = async || {
        let conversations = world.get(&key, "/conversations").await?.json()["conversations"].as_array().map(Vec::len);
        let messages = world.get(&key, "/conversations/2-ines/messages?sync=false").await?.json()["messages"]
            .as_array()
            .map(Vec::len);
        anyhow::Ok((
            conversations,
            messages,
            world.app.store.accounts().await?.len(),
            world.app.store.keys().await?.len(),
        ))
    };
    let before = count().await?;
    for text in TEXTS {
        let value = encoded(text);
        for path in [
            format!("/conversations?accountId={value}"),
            format!("/conversations?linkedinAccountIds={value}"),
            format!("/conversations?sort={value}"),
            format!("/conversations?count={value}"),
            format!("/conversations?nextCursor={value}"),
            format!("/conversations/{value}"),
            format!("/conversations/{value}/messages?sync=false"),
            format!("/conversations/2-ines/messages?sync=false&since={value}"),
            format!("/conversations/exists/{value}"),
            format!("/conversations/sync/runs/{value}"),
            format!("/messages/{value}"),
            format!("/messages/{value}/reactions"),
            format!("/account/{value}/status"),
            format!("/accounts/{value}/pause"),
            format!("/keys/{value}"),
            format!("/messaging/conversation-details?conversationUrn={value}"),
        ] {
            let method = if path.starts_with("/accounts/") {
                "POST"
            } else if path.starts_with("/keys/") {
                "DELETE"
            } else {
                "GET"
            };
            let answer = world.send(with_key(&key).method(method).uri(&path).body(Body::empty())?).await?;
            assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {}", answer.fault());
        }
        let text = String::from_utf8_lossy(text).into_owned();
        for (path, body) in [
            ("/conversations/sync", json!({ "accountId": text })),
            ("/conversations/refresh", json!({ "conversationUrn": text })),
            ("/keys", json!({ "scopes": [text] })),
            ("/keys", json!({ "scopes": ["read"], "accounts": [text] })),
            ("/accounts", json!({ "cookies": text })),
        ] {
            let answer = world.post(&key, path, body.to_string()).await?;
            assert!([400, 404].contains(&answer.status.as_u16()), "{path} {body}: {}", answer.fault());
        }
    }
    assert_eq!(count().await?, before, "the tables are as they were");
    Ok(())
}

#[tokio::test]
async fn row_52_no_path_leads_to_a_file() -> anyhow::Result<()> {
    let world = furnished().await?;
    let key = world.key(&Scope::ALL, &[]).await?;
    let paths = [
        "/..%2f..%2fetc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/linkedin/../../etc/passwd",
        "/linkedin/..%2f..%2fetc/passwd",
        "/..%5c..%5cwindows/win.ini",
        "/%252e%252e/etc/passwd",
        "//x",
        "//evil.test/accounts",
        "/.git/config",
        "/linkedin/.git/config",
        "/.env",
        "/~",
        "/~root/",
        "/threadkeep.db",
        "/static/app.js",
        "/accounts%00.json",
    ];
    for path in paths {
        for key in [key.as_str(), ""] {
            let answer = world.get(key, path).await?;
            assert_eq!(answer.fault(), "404 not_found", "{path}");
        }
    }
    // As they stand on the wire, where no client has tidied them.
    let server = Server::start(&world, HttpSettings::default()).await?;
    let mut lines = Vec::new();
    for path in ["/../../etc/passwd", "//x", "~", "*", "../x", "/a\\..\\b"] {
        let bytes = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        lines.push(format!("{path}: {}", first_line(&server.answer(bytes.as_bytes()).await?)));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    /../../etc/passwd: HTTP/1.1 404 Not Found
    //x: HTTP/1.1 404 Not Found
    ~: HTTP/1.1 421 Misdirected Request
    *: HTTP/1.1 404 Not Found
    ../x: HTTP/1.1 400 Bad Request
    /a\..\b: HTTP/1.1 404 Not Found
    "#);
    server.end().await
}

/// Times as clients with strange clocks give them.
const TIMES: [&str; 22] = [
    "since=9999-12-31",
    "since=9999-12-31T23:59:59Z",
    "since=253402300799999",
    "since=253402300800000",
    "since=9223372036854775807",
    "since=9223372036854775808",
    "since=99999999999999999999999",
    "since=-1",
    "since=-9223372036854775808",
    "since=2026-06-30T23:59:60Z",
    "since=1e12",
    "since=0x7f",
    "since=%20%31",
    "since=NaN",
    "since=",
    "since=0&count=1",
    "since=LATE",
    "cursor=0",
    "cursor=253402300799999",
    "cursor=253402300800000",
    "cursor=99999999999999999999999",
    "cursor=-1",
];

#[tokio::test]
async fn row_53_times_that_cannot_be_are_refused_and_far_ones_find_nothing() -> anyhow::Result<()> {
    let world = furnished().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let late = BEGIN.0 + 9;
    let mut lines = Vec::new();
    for query in TIMES {
        let query = query.replace("LATE", &late.to_string());
        let answer = world.get(&key, &format!("/conversations/2-ines/messages?sync=false&{query}")).await?;
        let rows = answer.json()["messages"].as_array().map_or(0, Vec::len);
        lines.push(format!("{query}: {} {rows}", told(&answer)));
    }
    for query in
        ["deliveredAt=-1", "deliveredAt=253402300799999", "deliveredAt=253402300800000", "deliveredAt=9999-12-31"]
    {
        let path = format!(
            "/messaging/conversation-details?conversationUrn=2-ines&sync=false&{query}&countBefore=1&countAfter=1"
        );
        let answer = world.get(&key, &path).await?;
        let rows = answer.json()["messages"].as_array().map_or(0, Vec::len);
        lines.push(format!("{query}: {} {rows}", told(&answer)));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    since=9999-12-31: 400 invalid_parameter 0
    since=9999-12-31T23:59:59Z: 400 invalid_parameter 0
    since=253402300799999: 200 0
    since=253402300800000: 400 invalid_parameter 0
    since=9223372036854775807: 400 invalid_parameter 0
    since=9223372036854775808: 400 invalid_parameter 0
    since=99999999999999999999999: 400 invalid_parameter 0
    since=-1: 400 invalid_parameter 0
    since=-9223372036854775808: 400 invalid_parameter 0
    since=2026-06-30T23:59:60Z: 400 invalid_parameter 0
    since=1e12: 400 invalid_parameter 0
    since=0x7f: 400 invalid_parameter 0
    since=%20%31: 400 invalid_parameter 0
    since=NaN: 400 invalid_parameter 0
    since=: 400 invalid_parameter 0
    since=0&count=1: 200 1
    since=1767323045009: 200 1
    cursor=0: 200 0
    cursor=253402300799999: 200 2
    cursor=253402300800000: 400 invalid_cursor 0
    cursor=99999999999999999999999: 400 invalid_cursor 0
    cursor=-1: 400 invalid_cursor 0
    deliveredAt=-1: 400 invalid_parameter 0
    deliveredAt=253402300799999: 200 1
    deliveredAt=253402300800000: 400 invalid_parameter 0
    deliveredAt=9999-12-31: 400 invalid_parameter 0
    "#);
    let body: Value = world.get(&key, "/conversations/2-ines/messages?sync=false&since=0").await?.json();
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(2), "since the beginning is all, page by page");
    Ok(())
}
