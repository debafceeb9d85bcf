//! The runs of an account: the list, one of them, and asking one to stop.

use insta::{assert_json_snapshot, assert_snapshot};
use threadkeep::verbs::keys::Scope;

use crate::api_world::{INES, INES_MEMBER, OTTO, Taught, World, failed};

#[tokio::test]
async fn the_list_is_walked_newest_first() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    for _ in 0..3 {
        world.clock.pass(1_000);
        world.sync(INES, Taught::default()).await?;
    }
    let mut seen = Vec::new();
    let mut path = format!("/linkedin/conversations/sync/runs?accountId={INES}&count=2");
    loop {
        let page = world.get(&key, &path).await?.json();
        seen.extend(page["runs"].as_array().into_iter().flatten().filter_map(|run| run["runId"].as_i64()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/conversations/sync/runs?accountId={INES}&count=2&nextCursor={cursor}");
    }
    assert_eq!(seen, [3, 2, 1]);
    let none = world.get(&key, &format!("/conversations/sync/runs?accountId={OTTO}")).await?.json();
    assert_eq!((&none["runs"], &none["hasMore"]), (&serde_json::json!([]), &false.into()));
    Ok(())
}

#[tokio::test]
async fn a_run_tells_what_it_did_and_why_it_failed() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let mut claimed = world.begin_sync(INES).await?;
    world.clock.pass(1_500);
    let taught = Taught::default().person(INES_MEMBER, "Ines Sample")?.conversation("2-a", 10, &[INES_MEMBER])?;
    world.commit(&mut claimed, taught).await?;
    world.end_sync(&claimed, &failed("upstream_unavailable", "LinkedIn did not answer")).await?;
    assert_json_snapshot!(world.get(&key, "/conversations/sync/runs/1").await?.json(), @r#"
    {
      "run": {
        "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
        "cancelRequested": false,
        "code": "upstream_unavailable",
        "completed": true,
        "counters": {
          "conversationsChanged": 1,
          "conversationsFinished": 0,
          "drift": 0,
          "listPages": 0,
          "mediaFailed": 0,
          "mediaFetched": 0,
          "mediaRemaining": 0,
          "messagePages": 0,
          "messagesChanged": 0,
          "messagesNew": 0,
          "oddities": 0,
          "requests": 0,
          "troubles": 0,
          "verified": 0
        },
        "createdAt": "2026-01-02T03:04:06.000Z",
        "currentConversationId": null,
        "durationMs": 1500,
        "error": "LinkedIn did not answer",
        "finishedAt": "2026-01-02T03:04:07.500Z",
        "isForced": false,
        "isInterrupted": false,
        "notBefore": null,
        "phase": "",
        "runId": 1,
        "startedAt": "2026-01-02T03:04:06.000Z",
        "state": "failed"
      },
      "success": true
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_run_can_be_cancelled_once() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read, Scope::Sync], &[]).await?;
    let reader = world.key(&[Scope::Read], &[]).await?;
    let ottos = world.key(&[Scope::Sync], &[OTTO]).await?;
    let async_ = crate::api_world::with_key(&key).method("POST").header("prefer", "respond-async");
    let body = axum::body::Body::from(format!("{{\"accountId\":\"{INES}\"}}"));
    assert_eq!(world.send(async_.uri("/conversations/sync").body(body)?).await?.status, 202);
    let path = "/conversations/sync/runs/1";
    let mut lines = vec![
        format!("read key: {}", world.post(&reader, &format!("{path}/cancel"), "").await?.fault()),
        format!("out of reach: {}", world.delete(&ottos, path).await?.fault()),
        format!("no such: {}", world.delete(&key, "/conversations/sync/runs/7").await?.fault()),
        format!("no number: {}", world.delete(&key, "/conversations/sync/runs/-1").await?.fault()),
        format!("too large: {}", world.get(&key, "/conversations/sync/runs/99999999999999999999").await?.fault()),
    ];
    let queued = world.post(&key, &format!("{path}/cancel"), "").await?.json();
    lines.push(format!("queued: {} {}", queued["run"]["state"], queued["run"]["completed"]));
    lines.push(format!("again: {}", world.delete(&key, path).await?.fault()));
    world.begin_sync(INES).await?;
    let running = world.delete(&key, "/conversations/sync/runs/2").await?.json();
    lines.push(format!("running: {} {}", running["run"]["state"], running["run"]["cancelRequested"]));
    assert_snapshot!(lines.join("\n"), @r#"
    read key: 403 scope_required
    out of reach: 404 not_found
    no such: 404 not_found
    no number: 400 invalid_parameter
    too large: 400 invalid_parameter
    queued: "cancelled" true
    again: 409 conflict
    running: "running" true
    "#);
    Ok(())
}
