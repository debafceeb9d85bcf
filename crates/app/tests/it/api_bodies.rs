//! Bodies that are too large, too deep or no JSON at all, over real sockets: refused early and without much memory.

use axum::body::Body;
use insta::assert_snapshot;
use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api_socket::{Server, first_line, say};
use crate::api_world::{INES, World, with_key};
use crate::cli_harness::Room;

/// Bytes of a vast body.
const VAST: usize = 100 * 1024 * 1024;
/// Bytes that a client sends before it gives up on being refused.
const SENT_MAX: usize = 8 * 1024 * 1024;
/// By how much the program may grow while it is sent hostile bodies.
#[cfg(target_os = "linux")]
const GROWTH_MAX_KB: u64 = 4 * 1024;

fn head(key: &str, lines: &str) -> String {
    format!("POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n{lines}\r\n")
}

#[tokio::test]
async fn row_11_a_body_of_100_mib_is_refused_before_it_is_sent() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Sync], &[]).await?;
    let server = Server::start(&world, HttpSettings::default()).await?;
    let announced = head(&key, &format!("content-length: {VAST}\r\n"));
    let mut stream = TcpStream::connect(server.address).await?;
    stream.write_all(announced.as_bytes()).await?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    assert_eq!(&start, b"HTTP/1.1 413", "not one byte of the body was needed");
    drop(stream);

    // Of a length that nobody has told, only the allowed part is read.
    let stream = TcpStream::connect(server.address).await?;
    let (mut reading, mut writing) = stream.into_split();
    writing.write_all(head(&key, "transfer-encoding: chunked\r\n").as_bytes()).await?;
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let endless = async {
        let mut sent = 0;
        while sent < SENT_MAX && writing.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    };
    let mut start = [0; 12];
    let answered = reading.read_exact(&mut start);
    // Whoever is done first ends the test; a server that reads on would never answer.
    let (sent, answered) = tokio::join!(endless, answered);
    answered?;
    assert_eq!(&start, b"HTTP/1.1 413");
    assert!(sent < SENT_MAX, "{sent} bytes were taken");
    let wanted = "POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n";
    let stream = TcpStream::connect(server.address).await?;
    let asked = format!("{wanted}authorization: Bearer {key}\r\ncontent-length: {VAST}\r\n\r\n");
    assert_eq!(first_line(&say(stream, asked.as_bytes()).await?), "HTTP/1.1 413 Payload Too Large");
    server.end().await
}

#[tokio::test]
async fn row_11_hostile_json_is_refused_on_every_route_that_reads_a_body() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&Scope::ALL, &[]).await?;
    let open = |count: usize| [b"{\"x\":".as_slice(), &vec![b'['; count]].concat();
    let objects = [b"{\"x\":".as_slice(), &b"{\"x\":".repeat(40_000)].concat();
    let bodies: [(&str, Vec<u8>); 11] = [
        ("depth 10^6", open(1_000_000)),
        ("depth 200,000", open(200_000)),
        ("depth 200", [open(200), vec![b']'; 200], b"}".to_vec()].concat()),
        ("objects in objects", objects),
        ("a key repeated", b"{\"accountId\":null,\"accountId\":null}".to_vec()),
        ("1e999", b"{\"accountId\":1e999}".to_vec()),
        ("a lone surrogate", b"{\"accountId\":\"\\ud83d\"}".to_vec()),
        ("a lone surrogate in a name", b"{\"\\udc00\":1}".to_vec()),
        ("not UTF-8", b"{\"accountId\":\"\xc3\x28\"}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec()),
    ];
    let routes = [
        "/conversations/sync".to_owned(),
        "/conversations/refresh".to_owned(),
        "/accounts".to_owned(),
        format!("/accounts/{INES}/reconnect"),
        "/keys".to_owned(),
    ];
    let mut lines = Vec::new();
    for (name, body) in bodies {
        let mut seen = Vec::new();
        for route in &routes {
            let request = with_key(&key).method("POST").uri(route).body(Body::from(body.clone()))?;
            seen.push(world.send(request).await?.fault());
        }
        seen.dedup();
        lines.push(format!("{name}: {}", seen.join(", ")));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    depth 10^6: 413 body_too_large
    depth 200,000: 400 invalid_json
    depth 200: 400 invalid_json
    objects in objects: 400 invalid_json
    a key repeated: 400 invalid_parameter
    1e999: 400 invalid_json
    a lone surrogate: 400 invalid_json
    a lone surrogate in a name: 400 invalid_json
    not UTF-8: 400 invalid_json
    a byte order mark: 400 invalid_json
    UTF-16: 400 invalid_json
    "#);
    assert_eq!(world.app.store.keys().await?.len(), 1, "nothing was changed");
    Ok(())
}

/// The most memory that a process has had so far, in KiB.
#[cfg(target_os = "linux")]
fn memory_kb(process: u32) -> anyhow::Result<u64> {
    use anyhow::Context as _;

    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_11_the_program_does_not_grow_by_hostile_bodies() -> anyhow::Result<()> {
    let room = Room::new()?;
    let key = room.run(&["key", "create", "--scopes", "admin"])?.out.trim().to_owned();
    let serving = room.serve(&[])?;
    let address = serving.url.trim_start_matches("http://").to_owned();
    let send = async |lines: &str, body: &[u8]| {
        let stream = TcpStream::connect(&address).await?;
        let head = head(&key, &format!("connection: close\r\n{lines}"));
        anyhow::Ok(first_line(&say(stream, &[head.as_bytes(), body].concat()).await?))
    };
    let length = |body: &[u8]| format!("content-length: {}\r\n", body.len());
    // What is allowed takes what it takes; only what is refused may not take more.
    let whole = [b"{\"x\":\"".as_slice(), &vec![b'a'; 256 * 1024 - 8], b"\"}"].concat();
    for _ in 0..8 {
        assert_eq!(send(&length(&whole), &whole).await?, "HTTP/1.1 400 Bad Request");
    }
    let before = memory_kb(serving.child.id())?;
    let deep = [b"{\"x\":".as_slice(), &vec![b'['; 1_000_000]].concat();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 0x10_0000], b"\r\n"].concat().repeat(8);
    for _ in 0..4 {
        send(&length(&deep), &deep).await?;
        send(&format!("content-length: {VAST}\r\n"), &vec![b' '; SENT_MAX]).await?;
        send("transfer-encoding: chunked\r\n", &chunk).await?;
        send(&length(b"{\"force\":1e999}"), b"{\"force\":1e999}").await?;
    }
    let grown = memory_kb(serving.child.id())?.saturating_sub(before);
    assert!(grown < GROWTH_MAX_KB, "it has grown by {grown} KiB");
    Ok(())
}
