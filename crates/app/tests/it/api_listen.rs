//! The server on a real socket of the loopback: framing, limits of a connection, and the stop.

use insta::assert_snapshot;
use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api_socket::{Server, first_line, get};
use crate::api_world::World;

/// Looks at a server before it is taken for stuck.
const LOOKS_MAX: u32 = 10_000;
/// After this time a server is taken for stuck.
const STUCK: std::time::Duration = std::time::Duration::from_secs(60);
/// Bundles of a hundred questions whose answers are more than the buffers of two sockets hold.
const QUESTIONS_MAX: u32 = 4_000;

#[tokio::test]
async fn row_13_framing_that_two_readers_could_read_differently_is_refused() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let server = Server::start(&world, HttpSettings { header_timeout_ms: 300, ..HttpSettings::default() }).await?;
    let cases: [(&str, &[u8]); 7] = [
        ("fine", b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
        ("two lengths", b"POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        ("a length and chunks", b"POST /conversations/refresh HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer KEY\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ("chunk size overflow", b"POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer KEY\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("chunks of another kind", b"POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        ("folded header", b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n"),
        ("no HTTP", b"hello\r\n\r\n"),
    ];
    let key = world.key(&[Scope::Sync], &[]).await?;
    let mut lines = Vec::new();
    for (name, bytes) in cases {
        let bytes = String::from_utf8_lossy(bytes).replace("KEY", &key);
        let answer = server.answer(bytes.as_bytes()).await?;
        lines.push(format!("{name}: {} ({} in all)", first_line(&answer), answer.matches("HTTP/1.1 ").count()));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    fine: HTTP/1.1 200 OK (1 in all)
    two lengths: HTTP/1.1 400 Bad Request (1 in all)
    a length and chunks: HTTP/1.1 400 Bad Request (1 in all)
    chunk size overflow: HTTP/1.1 400 Bad Request (1 in all)
    chunks of another kind: HTTP/1.1 400 Bad Request (1 in all)
    folded header: HTTP/1.1 400 Bad Request (1 in all)
    no HTTP: HTTP/1.1 400 Bad Request (1 in all)
    "#);
    server.end().await
}

#[tokio::test]
async fn row_14_a_head_that_does_not_come_is_cut_off_and_others_are_served() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let settings = HttpSettings { header_timeout_ms: 300, peer_connections_max: 40, ..HttpSettings::default() };
    let server = Server::start(&world, settings).await?;
    let mut slow = Vec::new();
    for _ in 0..30 {
        let mut stream = TcpStream::connect(server.address).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: loc").await?;
        slow.push(stream);
    }
    assert_eq!(server.exchange(&get("/health", "")).await?, "HTTP/1.1 200 OK");
    for mut stream in slow {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).contains(" 200 "), "half a head is no request");
    }
    server.end().await
}

#[tokio::test]
async fn row_14_a_peer_that_takes_none_of_its_answers_is_cut_off() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let settings = HttpSettings { stall_timeout_ms: 200, ..HttpSettings::default() };
    let server = Server::start(&world, settings).await?;
    let mut stream = TcpStream::connect(server.address).await?;
    let question = b"GET /no/such/path HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    // Once the answers find no place the server stops reading, so that this would stand still for ever.
    let asking = async {
        for _ in 0..QUESTIONS_MAX {
            if stream.write_all(&question).await.is_err() {
                return true;
            }
        }
        false
    };
    let is_cut = tokio::time::timeout(STUCK, asking).await.unwrap_or(false);
    assert!(is_cut, "the server waits for ever, or takes more than any socket holds");
    server.end().await
}

#[tokio::test]
async fn row_15_http_2_is_not_spoken() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let server = Server::start(&world, HttpSettings::default()).await?;
    let flood = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0].repeat(1_000)].concat();
    let answer = server.exchange(&flood).await?;
    assert!(
        ["closed", "HTTP/1.1 400 Bad Request", "HTTP/1.1 505 HTTP Version Not Supported"].contains(&answer.as_str()),
        "{answer}"
    );
    let upgrade = get("/health", "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n");
    assert_eq!(server.exchange(&upgrade).await?, "HTTP/1.1 200 OK", "the invitation is not taken");
    server.end().await
}

#[tokio::test]
async fn one_peer_has_so_many_connections_and_gets_a_place_back() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let settings = HttpSettings { peer_connections_max: 3, ..HttpSettings::default() };
    let server = Server::start(&world, settings).await?;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address).await?;
        // An answer proves that the connection was taken.
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        assert!(stream.read_u8().await.is_ok());
        open.push(stream);
    }
    for _ in 0..20 {
        assert_eq!(server.exchange(&get("/health", "")).await?, "closed", "no place beyond the third");
    }
    open.pop();
    let mut seen = String::new();
    for _ in 0..LOOKS_MAX {
        seen = server.exchange(&get("/health", "")).await?;
        if seen != "closed" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(seen, "HTTP/1.1 200 OK");
    drop(open);
    server.end().await
}

#[tokio::test]
async fn a_proxy_is_not_one_peer() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let settings = HttpSettings { peer_connections_max: 1, behind_proxy: true, ..HttpSettings::default() };
    let server = Server::start(&world, settings).await?;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(server.address).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        assert!(stream.read_u8().await.is_ok());
        open.push(stream);
    }
    drop(open);
    server.end().await
}

#[tokio::test]
async fn a_stop_answers_those_who_wait_for_a_sync() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Sync], &[]).await?;
    let server = Server::start(&world, HttpSettings::default()).await?;
    let request = format!(
        "POST /linkedin/conversations/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-length: 0\r\n\r\n"
    );
    // The clock stands: without the stop this request would wait for ever.
    let stop = async {
        while world.app.store.next_due().await?.is_none() && world.app.store.job(1).await?.is_none() {
            tokio::task::yield_now().await;
        }
        server.ask_to_stop();
        anyhow::Ok(())
    };
    let (answer, stopped) = tokio::join!(server.exchange(request.as_bytes()), stop);
    stopped?;
    assert_eq!(answer?, "HTTP/1.1 202 Accepted");
    let address = server.address;
    server.end().await?;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    Ok(())
}
