//! What the server logs of a request: one line with the route, and nothing that the caller sent.

use std::cell::RefCell;
use std::io::Write;

use threadkeep::verbs::keys::Scope;

use crate::api_world::{INES, INES_MEMBER, Taught, World};

thread_local! {
    /// What this thread logged, once it wants to know.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Writes to the log of the thread.
struct OwnLog;

impl Write for OwnLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.iter_mut().for_each(|log| log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what this thread logs. The subscriber is that of the process, because one of a single thread is
/// missed by places in the code that another thread reached first.
fn keep_log() -> anyhow::Result<()> {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(|| OwnLog)
        .with_ansi(false)
        .without_time()
        .finish();
    tracing::subscriber::set_global_default(subscriber)?;
    LOG.set(Some(Vec::new()));
    Ok(())
}

#[tokio::test]
async fn row_03_and_44_and_45_the_log_has_the_route_and_none_of_what_was_sent_or_answered() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let taught = Taught::default()
        .person(INES_MEMBER, "Canaryname Sample")?
        .conversation("2-canaryid", 10, &[INES_MEMBER])?
        .message(("2-canaryid", "2-canarymessage"), INES_MEMBER, 10)?;
    world.sync(INES, taught).await?;
    let key = world.key(&[Scope::Admin], &[]).await?;

    keep_log()?;
    world.get(&key, "/linkedin/conversations/2-canaryid/messages?sync=false").await?;
    world.get(&key, "/conversations?nextCursor=canarycursor").await?;
    world.get(&key, "/canarypath?canaryname=canaryvalue").await?;
    world.get(&key, "/health?api_key=canarykey").await?;
    world.get("tk_canary", "/accounts").await?;
    world.post(&key, "/conversations/sync", "{\"canaryfield\":\"canaryvalue\"}").await?;
    world.post(&key, "/accounts", "{\"cookies\":\"li_at=canarycookie; JSESSIONID=ajax:canary\"}").await?;
    world.get(&key, "/messaging/recent-messages?keywords=canaryword").await?;
    world.get(&key, "/conversations/exists/canaryslug").await?;
    let made = world.post(&key, "/keys", "{\"scopes\":[\"read\"],\"label\":\"canarylabel\"}").await?.json();
    let made = made["key"].as_str().unwrap_or("no key").to_owned();
    world.send(axum::http::Request::builder().uri("/health").header("host", "canary.test").body("".into())?).await?;
    let log = String::from_utf8(LOG.take().unwrap_or_default())?;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("gate: answered")).collect();
    assert!(!log.to_lowercase().contains("canary") && !log.contains(&key) && !log.contains(&made), "{log}");
    assert!(log.contains("WARN") && log.contains("query=\"***\""), "a key in the address is told of: {log}");
    insta::assert_snapshot!(lines.join("\n"), @r#"
    INFO request{method=GET route="/linkedin/conversations/{conversationUrn}/messages"}: threadkeep::http::gate: answered status=200 duration_ms=0
    INFO request{method=GET route="/conversations"}: threadkeep::http::gate: answered status=400 duration_ms=0
    INFO request{method=GET route="unmatched"}: threadkeep::http::gate: answered status=404 duration_ms=0
    INFO request{method=GET route="/health"}: threadkeep::http::gate: answered status=400 duration_ms=0
    INFO request{method=GET route="/accounts"}: threadkeep::http::gate: answered status=401 duration_ms=0
    INFO request{method=POST route="/conversations/sync"}: threadkeep::http::gate: answered status=400 duration_ms=0
    INFO request{method=POST route="/accounts"}: threadkeep::http::gate: answered status=502 duration_ms=0
    INFO request{method=GET route="/messaging/recent-messages"}: threadkeep::http::gate: answered status=200 duration_ms=0
    INFO request{method=GET route="/conversations/exists/{profileId}"}: threadkeep::http::gate: answered status=404 duration_ms=0
    INFO request{method=POST route="/keys"}: threadkeep::http::gate: answered status=201 duration_ms=0
    INFO request{method=GET route="/health"}: threadkeep::http::gate: answered status=421 duration_ms=0
    "#);
    Ok(())
}
