//! What stands before every handler: the name that is asked for, how often somebody may ask, and that nothing is written.

use axum::body::Body;
use axum::http::{Method, Request};
use insta::assert_snapshot;
use threadkeep::http::{HttpSettings, Rate};
use threadkeep::verbs::keys::Scope;

use crate::api_world::{Answer, World, with_key};

async fn asked_as(world: &World, host: &str) -> anyhow::Result<Answer> {
    world.send(Request::builder().uri("/health").header("host", host).body(Body::empty())?).await
}

#[tokio::test]
async fn row_17_another_name_is_refused() -> anyhow::Result<()> {
    let mut world = World::empty().await?;
    let settings = || HttpSettings { hosts: vec!["mirror.example".into()], ..HttpSettings::default() };
    world.set(settings());
    let mut lines = Vec::new();
    for host in [
        "localhost:7878",
        "127.0.0.1",
        "[::1]:7878",
        "mirror.example",
        "evil.test",
        "127.0.0.1.evil.test",
        "192.0.2.1",
        "",
    ] {
        let answer = asked_as(&world, host).await?;
        lines.push(format!("{host}: {}", if answer.status == 200 { "200".into() } else { answer.fault() }));
    }
    let twice = Request::builder().uri("/health").header("host", "localhost").header("host", "evil.test");
    lines.push(format!("two: {}", world.send(twice.body(Body::empty())?).await?.fault()));
    let target = Request::builder().uri("http://evil.test/health").header("host", "localhost");
    lines.push(format!("in the target: {}", world.send(target.body(Body::empty())?).await?.fault()));
    let forwarded =
        Request::builder().uri("/health").header("host", "evil.test").header("x-forwarded-host", "localhost");
    lines.push(format!("forwarded: {}", world.send(forwarded.body(Body::empty())?).await?.fault()));
    assert_snapshot!(lines.join("\n"), @r#"
    localhost:7878: 200
    127.0.0.1: 200
    [::1]:7878: 200
    mirror.example: 200
    evil.test: 421 host_not_allowed
    127.0.0.1.evil.test: 421 host_not_allowed
    192.0.2.1: 421 host_not_allowed
    : 421 host_not_allowed
    two: 421 host_not_allowed
    in the target: 421 host_not_allowed
    forwarded: 421 host_not_allowed
    "#);
    Ok(())
}

#[tokio::test]
async fn row_18_an_address_without_a_key_is_slowed_down_whatever_proxies_say() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let ask = async |number: usize| {
        let request = Request::builder().uri("/health").header("x-forwarded-for", format!("192.0.2.{number}"));
        world.send(request.body(Body::empty())?).await
    };
    for number in 0..60 {
        let answer = ask(number).await?;
        assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-remaining")), (200, (59 - number).to_string()));
    }
    let refused = ask(60).await?;
    let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    let headers = names.map(|name| format!("{name}: {}", refused.header(name)));
    assert_snapshot!(format!("{}\n{}", refused.fault(), headers.join("\n")), @r#"
    429 too_many_requests
    x-ratelimit-limit: 60
    x-ratelimit-remaining: 0
    x-ratelimit-reset: 1767323105
    retry-after: 1
    "#);
    world.clock.pass(1_000);
    assert_eq!((ask(61).await?.status.as_u16(), ask(62).await?.status.as_u16()), (200, 429), "one a second comes back");
    Ok(())
}

#[tokio::test]
async fn row_02_guessing_keys_is_slowed_down_and_those_with_keys_go_on() -> anyhow::Result<()> {
    let (world, other) = (World::with_accounts().await?, World::empty().await?);
    let key = world.key(&[Scope::Read], &[]).await?;
    // Randomness is the same everywhere, so only the second key of the other server is unknown here.
    other.key(&[Scope::Admin], &[]).await?;
    let (unknown, mistyped) = (other.key(&[Scope::Admin], &[]).await?, "tk_nonsense");
    for number in 0..30 {
        let wrong = if number % 2 == 0 { unknown.as_str() } else { mistyped };
        assert_eq!(world.get(wrong, "/accounts").await?.fault(), "401 invalid_key", "{number}");
    }
    for path in ["/accounts", "/no/such/path", "/health", "/conversations/send"] {
        assert_eq!(world.get(&unknown, path).await?.fault(), "429 too_many_requests", "{path}");
        assert_eq!(world.get("", path).await?.fault(), "429 too_many_requests", "{path}");
    }
    let bare = Request::builder().uri("/accounts").body(Body::empty())?;
    assert_eq!(world.send(bare).await?.fault(), "429 too_many_requests");
    assert_eq!(world.get(&key, "/accounts").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_key_may_ask_so_often_and_another_key_has_its_own_count() -> anyhow::Result<()> {
    let mut world = World::with_accounts().await?;
    world.set(HttpSettings { key_rate: Rate { burst: 2, per_minute: 60 }, ..HttpSettings::default() });
    let (one, two) = (world.key(&[Scope::Read], &[]).await?, world.key(&[Scope::Read], &[]).await?);
    let mut seen = Vec::new();
    for key in [&one, &one, &one, &two] {
        let answer = world.get(key, "/accounts").await?;
        seen.push((answer.status.as_u16(), answer.header("x-ratelimit-remaining"), answer.header("retry-after")));
    }
    let expect = |status: u16, remaining: &str, wait: &str| (status, remaining.to_owned(), wait.to_owned());
    assert_eq!(seen, [expect(200, "1", ""), expect(200, "0", ""), expect(429, "0", "1"), expect(200, "1", "")]);
    world.clock.pass(1_000);
    assert_eq!(world.get(&one, "/accounts").await?.status, 200);
    // Also what a key may not do counts.
    assert_eq!(world.post(&two, "/conversations/sync", "").await?.header("x-ratelimit-remaining"), "1");
    Ok(())
}

#[tokio::test]
async fn without_a_limit_nothing_is_counted() -> anyhow::Result<()> {
    let mut world = World::with_accounts().await?;
    world.set(HttpSettings { key_rate: Rate { burst: 0, per_minute: 0 }, ..HttpSettings::default() });
    let key = world.key(&[Scope::Read], &[]).await?;
    for _ in 0..700 {
        let answer = world.get(&key, "/accounts").await?;
        assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-limit")), (200, String::new()));
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_ever_written_to_linkedin() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Media], &[]).await?;
    let all = [
        ("POST", "/conversations/send"),
        ("POST", "/conversations/upload-attachment?filename=a.png"),
        ("PATCH", "/conversations/2-a/mark-unread"),
        ("PATCH", "/conversations/2-a/star"),
        ("PATCH", "/conversations/2-a/unstar"),
        ("POST", "/conversations/2-a/messages/2-m/react"),
        ("DELETE", "/conversations/2-a/messages/2-m"),
        ("GET", "/sales-nav/threads"),
        ("GET", "/sales-nav/threads/12"),
        ("POST", "/sales-nav/mark-read"),
        ("POST", "/sales-nav/send"),
        ("POST", "/message"),
        ("POST", "/messaging/mark-seen"),
        ("POST", "/messaging/mark-all-read"),
        ("POST", "/messaging/typing-indicator"),
        ("POST", "/messaging/send"),
        ("POST", "/messaging/send-with-typing"),
        ("POST", "/messaging/send-with-ack"),
        ("POST", "/messaging/send-group"),
        ("POST", "/messaging/send-group-with-typing"),
        ("POST", "/messaging/send-group-with-ack"),
        ("POST", "/messaging/check-email-support"),
    ];
    for (method, path) in all {
        let ask = async |key: &str, prefix: &str| {
            let request = with_key(key).method(Method::from_bytes(method.as_bytes())?).uri(format!("{prefix}{path}"));
            anyhow::Ok(world.send(request.body(Body::from("not even JSON"))?).await?.fault())
        };
        assert_eq!(ask(&key, "").await?, "501 read_only_mirror", "{method} {path}");
        assert_eq!(ask(&key, "/linkedin").await?, "501 read_only_mirror", "{method} {path}");
        assert_eq!(ask("tk_x", "").await?, "401 invalid_key", "{method} {path}");
    }
    Ok(())
}
