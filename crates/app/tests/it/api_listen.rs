//! The server on a real socket of the loopback: framing, limits of a connection, and the stop.

use insta::assert_snapshot;
use threadkeep::http::{HttpSettings, serve};
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::verbs::keys::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::api_world::World;

struct Server {
    address: std::net::SocketAddr,
    stop: Stop,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn start(world: &World) -> anyhow::Result<Server> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, stop) = (listener.local_addr()?, Stop::default());
    let ended = spawn(serve(world.app.clone(), listener, HttpSettings::default(), stop.clone()));
    Ok(Server { address, stop, ended })
}

/// Sends bytes, reads until the server closes, and gives the first line of the answer.
async fn exchange(server: &Server, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(server.address).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    // A refused connection may be reset after its answer.
    let _ = stream.read_to_end(&mut answer).await;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or("closed").to_owned())
}

#[tokio::test]
async fn row_13_framing_that_two_readers_could_read_differently_is_refused() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let server = start(&world).await?;
    let long = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(20_000));
    let many = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: 1\r\n".repeat(101));
    let cases: [(&str, &[u8]); 7] = [
        ("fine", b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
        ("two lengths", b"POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        ("chunk size overflow", b"POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer KEY\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("folded header", b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n"),
        ("no HTTP", b"hello\r\n\r\n"),
        ("a head of 20 kB", long.as_bytes()),
        ("101 headers", many.as_bytes()),
    ];
    let key = world.key(&[Scope::Sync], &[]).await?;
    let mut lines = Vec::new();
    for (name, bytes) in cases {
        let bytes = String::from_utf8_lossy(bytes).replace("KEY", &key);
        lines.push(format!("{name}: {}", exchange(&server, bytes.as_bytes()).await?));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    fine: HTTP/1.1 200 OK
    two lengths: HTTP/1.1 400 Bad Request
    chunk size overflow: HTTP/1.1 400 Bad Request
    folded header: HTTP/1.1 400 Bad Request
    no HTTP: HTTP/1.1 400 Bad Request
    a head of 20 kB: HTTP/1.1 431 Request Header Fields Too Large
    101 headers: HTTP/1.1 431 Request Header Fields Too Large
    "#);
    server.stop.ask();
    server.ended.await??;
    Ok(())
}

#[tokio::test]
async fn a_stop_answers_those_who_wait_for_a_sync() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Sync], &[]).await?;
    let server = start(&world).await?;
    let request = format!(
        "POST /linkedin/conversations/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-length: 0\r\n\r\n"
    );
    // The clock stands: without the stop this request would wait for ever.
    let stop = async {
        while world.app.store.next_due().await?.is_none() && world.app.store.job(1).await?.is_none() {
            tokio::task::yield_now().await;
        }
        server.stop.ask();
        anyhow::Ok(())
    };
    let (answer, stopped) = tokio::join!(exchange(&server, request.as_bytes()), stop);
    stopped?;
    assert_eq!(answer?, "HTTP/1.1 202 Accepted");
    server.ended.await??;
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    Ok(())
}
