//! Bytes of attachments over HTTP: what is sent, with which headers, to whom, and what is refused.
//!
//! Nothing listens where LinkedIn would be, so an answer here never came from there.

use anyhow::Context;
use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use insta::assert_snapshot;
use serde_json::json;
use threadkeep::store::{Actor, JobEnd, MediaCommit, MediaOutcome, MediaPolicy, StoredObject};
use threadkeep::verbs::keys::Scope;
use threadkeep::verbs::media;
use threadkeep_core::content::Content;
use threadkeep_core::id::AccountId;

use crate::api_world::{Answer, INES, INES_MEMBER, OTTO, OTTO_MEMBER, Taught, World, with_key};

const MARA: &str = "ACoAAMara";
const URL: &str = "https://www.linkedin.com/dms/prv/document/1?m=a&t=b";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const LINK: &str = "/linkedin/media/a1a1a1a1a1a1a1a1a1a1a1a1/2-m1/0";

fn file(name: &str, url: &str) -> Content {
    Content::File {
        asset: Some("urn:li:digitalmediaAsset:1".into()),
        byte_size: None,
        media_type: Some("image/png".into()),
        name: Some(name.into()),
        url: Some(url.into()),
    }
}

/// Ines and Otto, each with one file of this name in a message of their own.
async fn with_files(name: &str) -> anyhow::Result<World> {
    let world = World::with_accounts().await?;
    for (account, member, message, url) in
        [(INES, INES_MEMBER, "2-m1", URL), (OTTO, OTTO_MEMBER, "2-m2", "https://www.linkedin.com/dms/prv/2")]
    {
        let taught = Taught::default()
            .person(MARA, "Mara Muster")?
            .conversation("2-talk", 20, &[member, MARA])?
            .message(("2-talk", message), MARA, 10)?
            .carrying(vec![file(name, url)]);
        world.sync(account, taught).await?;
    }
    Ok(world)
}

/// Settles the one attachment of an account as a worker does.
async fn settle(world: &World, account: &str, outcome: &MediaOutcome) -> anyhow::Result<()> {
    world.clock.pass(1_000_000);
    let claimed = world.begin_sync(account).await?;
    let now = world.app.clock.now();
    let store = &world.app.store;
    let task = store.next_media(&claimed.lease, true, now).await?.context("an attachment")?;
    if let MediaOutcome::Stored { object, .. } = outcome {
        assert!(store.expect_object(object, now.plus_ms(1_000)).await?);
    }
    let commit = MediaCommit {
        lease: &claimed.lease,
        task: &task,
        outcome,
        sealed_session: None,
        next_request_at: now,
        lease_until: now.plus_ms(1_000),
        progress: &claimed.job.progress,
        now,
    };
    assert!(store.commit_media(&commit).await?.is_written);
    world.end_sync(&claimed, &JobEnd::Done).await
}

/// Keeps these bytes as the one attachment of an account.
async fn keep(world: &World, account: &str, bytes: &'static [u8], media_type: &str) -> anyhow::Result<()> {
    let hash = world.app.media.vault.put(Bytes::from_static(bytes)).await?;
    let object = StoredObject { hash: hash.to_string(), size_bytes: bytes.len() as u64, media_type: media_type.into() };
    settle(world, account, &MediaOutcome::Stored { object, name: None }).await
}

async fn download(world: &World, key: &str, account: &str, url: &str) -> anyhow::Result<Answer> {
    let body = json!({"accountId": account, "url": url}).to_string();
    world.post(key, "/linkedin/conversations/download-media", body).await
}

async fn ask(world: &World, key: &str, method: Method, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let mut request = with_key(key).method(method).uri(LINK);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::empty())?).await
}

#[tokio::test]
async fn a_kept_image_is_sent_with_its_true_type() -> anyhow::Result<()> {
    let world = with_files("photo.png").await?;
    keep(&world, INES, PNG, "image/png").await?;
    let key = world.key(&[Scope::Media], &[INES]).await?;
    let by_url = download(&world, &key, INES, URL).await?;
    let by_link = ask(&world, &key, Method::GET, &[]).await?;
    assert_eq!((by_url.bytes.as_slice(), by_link.bytes.as_slice()), (PNG, PNG));
    let shown = |answer: &Answer| {
        let names = [
            "content-type",
            "content-length",
            "content-disposition",
            "etag",
            "accept-ranges",
            "cache-control",
            "x-content-type-options",
            "content-security-policy",
            "referrer-policy",
        ];
        let lines = names.map(|name| format!("{name}: {}", answer.header(name)));
        format!("{}\n{}", answer.status.as_u16(), lines.join("\n"))
    };
    assert_snapshot!(shown(&by_link), @r#"
    200
    content-type: image/png
    content-length: 18
    content-disposition: inline; filename="photo.png"; filename*=UTF-8''photo.png
    etag: "sha256-e103dc84851b76cf5ce939661e70bd97ad9accff3cc9c24a930f3bdf94f1ec46"
    accept-ranges: bytes
    cache-control: private, no-cache
    x-content-type-options: nosniff
    content-security-policy: default-src 'none'; sandbox
    referrer-policy: no-referrer
    "#);
    assert_eq!(shown(&by_url), shown(&by_link));
    let head = ask(&world, &key, Method::HEAD, &[]).await?;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!((head.header("content-length"), head.header("etag")), ("18".to_owned(), by_link.header("etag")));
    Ok(())
}

#[tokio::test]
async fn a_message_tells_what_became_of_its_attachment() -> anyhow::Result<()> {
    let world = with_files("photo.png").await?;
    keep(&world, INES, PNG, "image/png").await?;
    let key = world.key(&[Scope::Read, Scope::Media], &[INES]).await?;
    let page = world.get(&key, "/conversations/2-talk/messages?sync=false").await?.json();
    let one = &page["messages"][0]["attachments"][0];
    assert_eq!((&one["state"], &one["size"], &one["contentType"]), (&json!("stored"), &json!(18), &json!("image/png")));
    assert_eq!(one["url"], URL, "LinkedIn's link stays");
    let bytes = world.get(&key, one["link"].as_str().context("a link")?).await?;
    assert_eq!(
        (bytes.bytes.as_slice(), bytes.header("etag")),
        (PNG, format!("\"{}\"", one["hash"].as_str().context("a hash")?))
    );
    let alone = world.get(&key, "/messages/2-m1").await?.json();
    assert_eq!(&alone["message"]["attachments"][0], one);
    Ok(())
}

#[tokio::test]
async fn parts_and_known_copies_are_answered_briefly() -> anyhow::Result<()> {
    let world = with_files("photo.png").await?;
    keep(&world, INES, PNG, "image/png").await?;
    let key = world.key(&[Scope::Media], &[INES]).await?;
    let tag = ask(&world, &key, Method::GET, &[]).await?.header("etag");
    let mut lines = Vec::new();
    for (name, value) in [
        ("range", "bytes=1-3"),
        ("range", "bytes=-2"),
        ("range", "bytes=18-"),
        ("range", "bytes=0-1,4-5"),
        ("if-none-match", tag.as_str()),
        ("if-none-match", "W/\"other\", *"),
        ("if-none-match", "\"other\""),
    ] {
        let answer = ask(&world, &key, Method::GET, &[(name, value)]).await?;
        let (status, range) = (answer.status.as_u16(), answer.header("content-range"));
        let size = if status == 416 { 0 } else { answer.bytes.len() };
        let value = if value == tag { "its tag" } else { value };
        lines.push(format!("{name}: {value} -> {status} {range} {size}").trim_end().to_owned());
    }
    assert_snapshot!(lines.join("\n"), @r#"
    range: bytes=1-3 -> 206 bytes 1-3/18 3
    range: bytes=-2 -> 206 bytes 16-17/18 2
    range: bytes=18- -> 416 bytes */18 0
    range: bytes=0-1,4-5 -> 200  18
    if-none-match: its tag -> 304  0
    if-none-match: W/"other", * -> 304  0
    if-none-match: "other" -> 200  18
    "#);
    let part = ask(&world, &key, Method::GET, &[("range", "bytes=1-3"), ("if-range", &tag)]).await?;
    assert_eq!((part.status.as_u16(), part.bytes.as_slice()), (206, &PNG[1..4]));
    let other = ask(&world, &key, Method::GET, &[("range", "bytes=1-3"), ("if-range", "\"other\"")]).await?;
    assert_eq!((other.status.as_u16(), other.bytes.as_slice()), (200, PNG), "a part of other bytes is of no use");
    Ok(())
}

#[tokio::test]
async fn row_23_what_could_run_is_only_ever_downloaded() -> anyhow::Result<()> {
    let world = with_files("page.html").await?;
    keep(&world, INES, b"<html><script>alert(1)</script>", "application/octet-stream").await?;
    let key = world.key(&[Scope::Media], &[INES]).await?;
    let answer = ask(&world, &key, Method::GET, &[]).await?;
    assert_eq!(answer.header("content-type"), "application/octet-stream", "declared as image/png");
    assert!(answer.header("content-disposition").starts_with("attachment; "));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
    Ok(())
}

#[tokio::test]
async fn row_24_a_hostile_name_stays_inside_its_header() -> anyhow::Result<()> {
    let long = "x".repeat(5_000);
    for name in
        ["../../etc/passwd", "..\\..\\x", "\r\nSet-Cookie: a=b", "\";filename=x.html", "a\u{202e}gpj.exe", &long]
    {
        let world = with_files(name).await?;
        keep(&world, INES, PNG, "image/png").await?;
        let key = world.key(&[Scope::Media], &[INES]).await?;
        let answer = ask(&world, &key, Method::GET, &[]).await?;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie").as_str()), (200, ""), "{name:?}");
        let header = answer.header("content-disposition");
        assert!(!header.contains("..") && !header.contains('/') && !header.contains('\\'), "{header}");
        assert!(header.matches('"').count() == 2 && header.len() < 1_000, "{header}");
    }
    Ok(())
}

#[tokio::test]
async fn row_25_26_27_foreign_addresses_are_refused_before_anything_is_asked() -> anyhow::Result<()> {
    let world = with_files("a.png").await?;
    let key = world.key(&[Scope::Media], &[INES]).await?;
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:22",
        "http://[::1]/",
        "http://2130706433/",
        "https://media.licdn.com@evil.test/",
        "https://evil.test#media.licdn.com",
        "https://media.licdn.com.evil.test/",
        "https://xmedia.licdn.com/",
        "https://media.licdn.com:22/",
        "https://www.linkedin.com/feed",
        "http://www.linkedin.com/dms/prv/1",
        "file:///etc/passwd",
        "gopher://x/",
        "data:text/plain,x",
        "nonsense",
        "",
    ] {
        assert_eq!(download(&world, &key, INES, url).await?.fault(), "422 media_host_not_allowed", "{url}");
    }
    let account = AccountId::new(INES)?;
    assert!(world.app.store.media_jobs(&account, 1).await?.is_empty(), "no worker was asked");
    Ok(())
}

#[tokio::test]
async fn row_06_media_out_of_reach_are_as_if_they_did_not_exist() -> anyhow::Result<()> {
    let world = with_files("a.png").await?;
    keep(&world, OTTO, PNG, "image/png").await?;
    let key = world.key(&[Scope::Media], &[INES]).await?;
    let unknown = "c3c3c3c3c3c3c3c3c3c3c3c3";
    let theirs = download(&world, &key, OTTO, "https://www.linkedin.com/dms/prv/2").await?;
    let nobody = download(&world, &key, unknown, "https://www.linkedin.com/dms/prv/2").await?;
    assert_eq!((theirs.fault(), &theirs.bytes), ("404 account_not_found".to_owned(), &nobody.bytes));
    let theirs = world.get(&key, &format!("/media/{OTTO}/2-m2/0")).await?;
    let nobody = world.get(&key, &format!("/media/{unknown}/2-m2/0")).await?;
    assert_eq!((theirs.fault(), &theirs.bytes), ("404 account_not_found".to_owned(), &nobody.bytes));
    for path in [format!("/media/{INES}/2-m2/0"), format!("/media/{INES}/2-m1/1"), format!("/media/{INES}/2-x/0")] {
        assert_eq!(world.get(&key, &path).await?.fault(), "404 not_found", "{path}");
    }
    let read = world.key(&[Scope::Read], &[INES]).await?;
    assert_eq!(download(&world, &read, INES, URL).await?.fault(), "403 scope_required");
    Ok(())
}

#[tokio::test]
async fn what_is_not_here_is_told_apart() -> anyhow::Result<()> {
    let world = with_files("a.png").await?;
    world.clock.move_when_waited_for();
    let key = world.key(&[Scope::Media], &[INES]).await?;
    let account = AccountId::new(INES)?;
    let late = download(&world, &key, INES, URL).await?;
    assert_eq!((late.fault(), late.header("retry-after")), ("504 media_pending".to_owned(), "5".to_owned()));
    assert_eq!(world.app.store.media_counts(&account).await?.wanted, 1, "it is still wanted");
    media::set_policy(&world.app, &Actor::Setup, &account, MediaPolicy::Off).await?;
    assert_eq!(download(&world, &key, INES, URL).await?.fault(), "409 media_off");
    media::set_policy(&world.app, &Actor::Setup, &account, MediaPolicy::Lazy).await?;
    world.app.store.set_paused(&account, true).await?;
    assert_eq!(download(&world, &key, INES, URL).await?.fault(), "409 conflict");
    world.app.store.set_paused(&account, false).await?;
    for (outcome, expected) in [
        (MediaOutcome::Failed { code: "media_timeout", not_before: None }, "504 media_pending"),
        (MediaOutcome::Refused { code: "media_too_large" }, "422 media_refused"),
    ] {
        settle(&world, INES, &outcome).await?;
        assert_eq!(download(&world, &key, INES, URL).await?.fault(), expected, "{outcome:?}");
    }
    let gone = with_files("a.png").await?;
    settle(&gone, INES, &MediaOutcome::Gone).await?;
    let key = gone.key(&[Scope::Media], &[INES]).await?;
    assert_eq!(download(&gone, &key, INES, URL).await?.fault(), "410 media_gone");
    Ok(())
}

#[tokio::test]
async fn bad_questions_are_named() -> anyhow::Result<()> {
    let world = with_files("a.png").await?;
    let key = world.key(&[Scope::Media], &[]).await?;
    let path = "/conversations/download-media";
    let mut lines = Vec::new();
    for body in [
        String::new(),
        json!({"accountId": INES}).to_string(),
        json!({"url": URL}).to_string(),
        json!({"accountId": INES, "url": 7}).to_string(),
        json!({"accountId": INES, "url": URL, "proxy": true}).to_string(),
        json!({"accountId": "x", "url": URL}).to_string(),
    ] {
        lines.push(world.post(&key, path, body).await?.fault());
    }
    for path in [format!("/media/{INES}/2-m1/x"), format!("/media/{INES}/..%2f/0"), format!("/media/{INES}/2-m1/0?a=1")]
    {
        lines.push(world.get(&key, &path).await?.fault());
    }
    assert_snapshot!(lines.join("\n"), @r#"
    400 invalid_parameter
    400 invalid_parameter
    400 invalid_parameter
    400 invalid_parameter
    400 unknown_field
    404 account_not_found
    400 invalid_parameter
    400 invalid_parameter
    400 unknown_field
    "#);
    Ok(())
}

#[tokio::test]
async fn the_policy_of_an_account_is_shown_and_changed() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let patch = async |body: &str| {
        let request = with_key(&key).method(Method::PATCH).uri(format!("/accounts/{INES}"));
        world.send(request.body(Body::from(body.to_owned()))?).await
    };
    assert_eq!(patch("{}").await?.json()["account"]["media"], "lazy");
    assert_eq!(patch(r#"{"media":"eager"}"#).await?.json()["account"]["media"], "eager");
    assert_eq!(patch(r#"{"media":"sometimes"}"#).await?.fault(), "400 invalid_parameter");
    assert_eq!(world.get(&key, &format!("/account/{INES}/status")).await?.json()["media"], "eager");
    Ok(())
}

#[tokio::test]
async fn lost_bytes_are_wanted_again() -> anyhow::Result<()> {
    let world = with_files("a.png").await?;
    keep(&world, INES, PNG, "image/png").await?;
    let hash = threadkeep::vault::ObjectHash::of(PNG);
    world.app.media.vault.delete(&hash).await?;
    world.clock.move_when_waited_for();
    let key = world.key(&[Scope::Media], &[INES]).await?;
    assert_eq!(ask(&world, &key, Method::GET, &[]).await?.fault(), "504 media_pending");
    assert_eq!(world.app.store.media_counts(&AccountId::new(INES)?).await?.wanted, 1);
    Ok(())
}
