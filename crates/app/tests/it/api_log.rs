//! What the server logs of a request: one line with the route, and nothing that the caller sent.

use std::io::Write;
use std::sync::{Arc, Mutex};

use threadkeep::verbs::keys::Scope;
use tracing_subscriber::fmt::MakeWriter;

use crate::api_world::{INES, INES_MEMBER, Taught, World};

/// A log that can be read.
#[derive(Clone, Default)]
struct Pages(Arc<Mutex<Vec<u8>>>);

impl Write for Pages {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Pages {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn row_44_and_45_the_log_has_the_route_and_none_of_what_was_sent_or_answered() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let taught = Taught::default()
        .person(INES_MEMBER, "Canaryname Sample")?
        .conversation("2-canaryid", 10, &[INES_MEMBER])?
        .message(("2-canaryid", "2-canarymessage"), INES_MEMBER, 10)?;
    world.sync(INES, taught).await?;
    let key = world.key(&[Scope::Admin], &[]).await?;

    let pages = Pages::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(pages.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    world.get(&key, "/linkedin/conversations/2-canaryid/messages?sync=false").await?;
    world.get(&key, "/conversations?nextCursor=canarycursor").await?;
    world.get(&key, "/canarypath?canaryname=canaryvalue").await?;
    world.get(&key, "/health?api_key=canarykey").await?;
    world.get("tk_canary", "/accounts").await?;
    world.post(&key, "/conversations/sync", "{\"canaryfield\":\"canaryvalue\"}").await?;
    drop(guard);

    let bytes = pages.0.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.clone();
    let log = String::from_utf8(bytes)?;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("answered")).collect();
    assert!(!log.to_lowercase().contains("canary") && !log.contains(&key), "{log}");
    insta::assert_snapshot!(lines.join("\n"), @r#"
    INFO request{method=GET route="/linkedin/conversations/{urn}/messages"}: threadkeep::http::gate: answered status=200 duration_ms=0
    INFO request{method=GET route="/conversations"}: threadkeep::http::gate: answered status=400 duration_ms=0
    INFO request{method=GET route="unmatched"}: threadkeep::http::gate: answered status=404 duration_ms=0
    INFO request{method=GET route="/health"}: threadkeep::http::gate: answered status=400 duration_ms=0
    INFO request{method=GET route="/accounts"}: threadkeep::http::gate: answered status=401 duration_ms=0
    INFO request{method=POST route="/conversations/sync"}: threadkeep::http::gate: answered status=400 duration_ms=0
    "#);
    Ok(())
}
