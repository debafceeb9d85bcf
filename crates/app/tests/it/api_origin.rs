//! Where a request comes from: pages of other sites, and proxies that somebody vouches for.

use axum::body::Body;
use insta::assert_snapshot;
use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;

use crate::api_socket::{Server, get, header};
use crate::api_world::{Answer, INES, World, with_key};

fn told(answer: &Answer) -> String {
    if answer.status.is_success() { answer.status.as_u16().to_string() } else { answer.fault() }
}

/// How many requests are left to somebody who sends this from the address of the test.
async fn remaining(server: &Server, lines: &str) -> anyhow::Result<String> {
    Ok(header(&server.answer(&get("/health", lines)).await?, "x-ratelimit-remaining")?.to_owned())
}

#[tokio::test]
async fn row_18_without_a_proxy_nobody_is_who_a_header_says() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let server = Server::start(&world, HttpSettings::default()).await?;
    let mut seen = Vec::new();
    for lines in [
        "x-forwarded-for: 127.0.0.1\r\n",
        "x-forwarded-for: 192.0.2.1\r\n",
        "x-forwarded-for: 192.0.2.2, 192.0.2.3\r\n",
        "forwarded: for=192.0.2.4\r\n",
        "x-real-ip: 192.0.2.5\r\n",
    ] {
        seen.push(remaining(&server, lines).await?);
    }
    assert_eq!(seen, ["59", "58", "57", "56", "55"], "all are the address of the connection");
    server.end().await
}

#[tokio::test]
async fn row_18_behind_a_proxy_its_own_entry_counts_and_what_the_client_wrote_does_not() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let server = Server::start(&world, HttpSettings { behind_proxy: true, ..HttpSettings::default() }).await?;
    let cases = [
        ("x-forwarded-for: 192.0.2.1\r\n", "59"),
        ("x-forwarded-for: 192.0.2.1\r\n", "58"),
        ("x-forwarded-for: 192.0.2.2\r\n", "59"),
        // The client has written the first entry, to look like another.
        ("x-forwarded-for: 198.51.100.9, 192.0.2.1\r\n", "57"),
        ("x-forwarded-for: 198.51.100.9\r\nx-forwarded-for: 192.0.2.1:4711\r\n", "56"),
        ("x-forwarded-for: 2001:db8:1:2::3\r\n", "59"),
        ("x-forwarded-for: [2001:db8:1:2::4]:443\r\n", "58"),
        ("x-forwarded-for: nonsense\r\n", "59"),
        ("forwarded: for=192.0.2.77\r\n", "58"),
        ("", "57"),
    ];
    for (lines, expected) in cases {
        assert_eq!(remaining(&server, lines).await?, expected, "{lines}");
    }
    server.end().await
}

#[tokio::test]
async fn row_19_a_page_of_another_site_changes_nothing() -> anyhow::Result<()> {
    let mut world = World::with_accounts().await?;
    world.set(HttpSettings { hosts: vec!["mirror.example".into()], ..HttpSettings::default() });
    let key = world.key(&Scope::ALL, &[]).await?;
    let asked = |headers: &[(&str, &str)]| {
        let mut request = with_key(&key).method("POST").uri(format!("/accounts/{INES}/pause"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty())
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let cases: [(&str, &[(&str, &str)]); 12] = [
        ("a program", &[("host", "localhost:7878")]),
        ("a program with text/plain", &[("host", "localhost:7878"), ("content-type", "text/plain")]),
        (
            "own page",
            &[("host", "localhost:7878"), ("origin", "http://localhost:7878"), ("sec-fetch-site", "same-origin")],
        ),
        ("own page behind a proxy", &[("host", "localhost:7878"), ("origin", "https://mirror.example")]),
        ("a form of another site", &[("host", "localhost:7878"), ("origin", "https://evil.test"), form]),
        ("a form without origin", &[("host", "localhost:7878"), ("sec-fetch-site", "cross-site"), form]),
        ("a form of a cut off frame", &[("host", "localhost:7878"), ("origin", "null"), form]),
        (
            "text/plain JSON of another site",
            &[("host", "localhost:7878"), ("origin", "https://evil.test"), ("content-type", "text/plain")],
        ),
        ("a cookie besides", &[("host", "localhost:7878"), ("sec-fetch-site", "cross-site"), ("cookie", "session=1")]),
        (
            "a sibling site",
            &[("host", "mirror.example"), ("sec-fetch-site", "same-site"), ("origin", "https://blog.example")],
        ),
        ("another port", &[("host", "localhost:7878"), ("origin", "http://localhost:3000")]),
        ("a name that begins alike", &[("host", "localhost:7878"), ("origin", "https://mirror.example.evil.test")]),
    ];
    let mut lines = Vec::new();
    for (name, headers) in cases {
        lines.push(format!("{name}: {}", told(&world.send(asked(headers)?).await?)));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    a program: 200
    a program with text/plain: 200
    own page: 200
    own page behind a proxy: 200
    a form of another site: 403 csrf
    a form without origin: 403 csrf
    a form of a cut off frame: 403 csrf
    text/plain JSON of another site: 403 csrf
    a cookie besides: 403 csrf
    a sibling site: 403 csrf
    another port: 403 csrf
    a name that begins alike: 403 csrf
    "#);
    Ok(())
}

#[tokio::test]
async fn row_19_every_changing_route_is_guarded_and_no_reading_one() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&Scope::ALL, &[]).await?;
    let changing = [
        ("POST", "/conversations/sync".to_owned()),
        ("POST", "/conversations/refresh".to_owned()),
        ("POST", "/conversations/sync/runs/1/cancel".to_owned()),
        ("DELETE", "/conversations/sync/runs/1".to_owned()),
        ("POST", "/accounts".to_owned()),
        ("POST", format!("/accounts/{INES}/reconnect")),
        ("POST", format!("/accounts/{INES}/pause")),
        ("POST", format!("/accounts/{INES}/resume")),
        ("DELETE", format!("/accounts/{INES}")),
        ("POST", "/keys".to_owned()),
        ("DELETE", "/keys/0123456789ab".to_owned()),
        ("POST", "/account/status".to_owned()),
        ("POST", "/conversations/send".to_owned()),
        ("PATCH", "/conversations/2-a/star".to_owned()),
        ("PUT", "/no/such/path".to_owned()),
    ];
    let ask = async |method: &str, path: &str| {
        let request = with_key(&key).method(method).uri(path).header("sec-fetch-site", "cross-site");
        world.send(request.header("origin", "https://evil.test").body(Body::empty())?).await
    };
    for (method, path) in changing {
        for prefix in ["", "/linkedin"] {
            assert_eq!(ask(method, &format!("{prefix}{path}")).await?.fault(), "403 csrf", "{method} {path}");
        }
    }
    assert_eq!(world.app.store.accounts().await?.len(), 2, "nothing was changed");
    for path in ["/accounts", "/conversations/sync/status", "/health"] {
        assert_eq!(ask("GET", path).await?.status, 200, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn row_20_no_answer_grants_another_origin_anything() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&Scope::ALL, &[]).await?;
    let origins = ["null", "https://ok.example.evil.test", "http://localhost", "https://www.linkedin.com", "*"];
    let mut answers = 0;
    for origin in origins {
        for (method, path) in [
            ("GET", "/health"),
            ("GET", "/linkedin/accounts"),
            ("HEAD", "/accounts"),
            ("GET", "/no/such/path"),
            ("POST", "/conversations/sync"),
            ("OPTIONS", "/conversations/sync"),
            ("OPTIONS", "/linkedin/keys"),
            ("TRACE", "/health"),
        ] {
            for with in [true, false] {
                let request = if with { with_key(&key) } else { axum::http::Request::builder() };
                let request = request
                    .method(method)
                    .uri(path)
                    .header("origin", origin)
                    .header("access-control-request-method", "POST")
                    .header("access-control-request-headers", "authorization")
                    .header("access-control-request-private-network", "true");
                let answer = world.send(request.body(Body::empty())?).await?;
                let granted = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(granted, None, "{method} {path} for {origin}");
                answers += 1;
            }
        }
        // Those without a key are counted for the address.
        world.clock.pass(60_000);
    }
    assert_eq!(answers, origins.len() * 16);
    Ok(())
}
