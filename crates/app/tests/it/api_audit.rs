//! The log of administrative acts over HTTP: what was done and what was refused, by whom, and nothing else.

use axum::body::Body;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};
use threadkeep::store::{ActOutcome, Actor, AuditFilter};
use threadkeep::verbs::keys::Scope;

use crate::api_world::{INES, OTTO, World, with_key};

/// The lines, oldest first: act, object, outcome.
async fn told(world: &World) -> anyhow::Result<String> {
    let mut lines = world.app.store.audit_lines(&AuditFilter::default(), 1_000).await?;
    lines.reverse();
    let one = |(_, line): &(i64, threadkeep::store::AuditLine)| {
        let who = match &line.who {
            Actor::Key { id, .. } => format!("key {id}"),
            Actor::Stranger { address } => format!("stranger {}", address.as_deref().unwrap_or("-")),
            Actor::Command { .. } => "command".to_owned(),
            Actor::Setup => "setup".to_owned(),
        };
        let outcome = match &line.outcome {
            ActOutcome::Done => "done",
            ActOutcome::Refused(code) => code,
        };
        let id = line.object.id.as_deref().unwrap_or("-");
        format!("{who}: {} {} {id}: {outcome}", line.act.as_str(), line.object.kind.as_str())
    };
    Ok(lines.iter().map(one).collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn row_05_every_refused_act_of_a_key_without_the_scope_leaves_a_line_and_changes_nothing() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let job = world.begin_sync(INES).await?.job.id;
    let secret = "li_at=AQEDAcanary; JSESSIONID=\"ajax:1\"";
    let acts = [
        ("POST", "/linkedin/accounts".to_owned(), json!({ "cookies": secret }).to_string()),
        ("POST", format!("/accounts/{INES}/reconnect"), json!({ "cookies": secret }).to_string()),
        ("POST", format!("/linkedin/accounts/{INES}/pause"), String::new()),
        ("POST", format!("/accounts/{INES}/resume"), String::new()),
        ("DELETE", format!("/accounts/{INES}"), String::new()),
        ("DELETE", "/accounts/li_at=AQEDAcanary".to_owned(), String::new()),
        ("POST", "/keys".to_owned(), json!({ "scopes": ["admin"], "label": "canarylabel" }).to_string()),
        ("GET", "/keys".to_owned(), String::new()),
        ("DELETE", "/keys/000102030405".to_owned(), String::new()),
        ("DELETE", "/keys/tk_canary".to_owned(), String::new()),
        ("POST", format!("/conversations/sync/runs/{job}/cancel"), String::new()),
        ("DELETE", format!("/conversations/sync/runs/{job}"), String::new()),
        ("GET", "/audit".to_owned(), String::new()),
    ];
    for (method, path, body) in &acts {
        let request = with_key(&key).method(*method).uri(path).body(Body::from(body.clone()))?;
        assert_eq!(world.send(request).await?.fault(), "403 scope_required", "{method} {path}");
    }
    assert_snapshot!(told(&world).await?, @"
    setup: key_created key 000102030405: done
    key 000102030405: account_added account -: scope_required
    key 000102030405: account_reconnected account a1a1a1a1a1a1a1a1a1a1a1a1: scope_required
    key 000102030405: account_paused account a1a1a1a1a1a1a1a1a1a1a1a1: scope_required
    key 000102030405: account_resumed account a1a1a1a1a1a1a1a1a1a1a1a1: scope_required
    key 000102030405: account_removed account a1a1a1a1a1a1a1a1a1a1a1a1: scope_required
    key 000102030405: account_removed account -: scope_required
    key 000102030405: key_created key -: scope_required
    key 000102030405: keys_listed key -: scope_required
    key 000102030405: key_revoked key 000102030405: scope_required
    key 000102030405: key_revoked key -: scope_required
    key 000102030405: run_cancelled run 1: scope_required
    key 000102030405: run_cancelled run 1: scope_required
    key 000102030405: audit_read route /audit: scope_required
    ");
    assert_eq!(world.app.store.accounts().await?.len(), 2, "nothing was changed");
    assert_eq!(world.app.store.keys().await?.len(), 1, "nothing was changed");
    assert!(world.app.store.job(job).await?.is_some_and(|job| !job.cancel_requested), "nothing was changed");
    let all = world.app.store.audit_lines(&AuditFilter::default(), 100).await?;
    assert!(!format!("{all:?}").contains("canary"), "nothing that was sent is kept");
    Ok(())
}

#[tokio::test]
async fn what_an_admin_does_and_fails_to_do_is_told_and_reading_is_not() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let admin = world.key(&[Scope::Admin], &[]).await?;
    world.post(&admin, &format!("/accounts/{INES}/pause"), "").await?;
    world.post(&admin, "/accounts", json!({ "cookies": "no session" }).to_string()).await?;
    world.post(&admin, "/keys", json!({ "scopes": ["root"] }).to_string()).await?;
    world.delete(&admin, "/accounts/cccccccccccccccccccccccc").await?;
    world.delete(&admin, &format!("/accounts/{OTTO}")).await?;
    for path in ["/keys", "/accounts", "/conversations?x=1", "/nothing", "/audit?x=1"] {
        world.get(&admin, path).await?;
    }
    world.get("tk_stranger", "/keys").await?;
    assert_snapshot!(told(&world).await?, @"
    setup: key_created key 000102030405: done
    key 000102030405: account_paused account a1a1a1a1a1a1a1a1a1a1a1a1: done
    key 000102030405: account_added account -: bad_cookies
    key 000102030405: key_created key -: invalid_parameter
    key 000102030405: account_removed account cccccccccccccccccccccccc: account_not_found
    key 000102030405: account_removed account b2b2b2b2b2b2b2b2b2b2b2b2: done
    key 000102030405: audit_read route /audit: unknown_field
    ");
    Ok(())
}

#[tokio::test]
async fn the_log_is_read_in_pages() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let admin = world.key(&[Scope::Admin], &[]).await?;
    for _ in 0..3 {
        world.clock.pass(1_000);
        world.post(&admin, &format!("/accounts/{INES}/pause"), "").await?;
    }
    let first = world.get(&admin, "/linkedin/audit?count=2").await?.json();
    assert_json_snapshot!(first["entries"][0], @r#"
    {
      "act": "account_paused",
      "at": "2026-01-02T03:04:09.000Z",
      "code": null,
      "id": 4,
      "object": {
        "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
        "id": "a1a1a1a1a1a1a1a1a1a1a1a1",
        "kind": "account"
      },
      "outcome": "done",
      "who": {
        "address": null,
        "id": "000102030405",
        "kind": "key"
      }
    }
    "#);
    assert_eq!((&first["success"], &first["hasMore"]), (&json!(true), &json!(true)));
    // A line that is written between two pages is on neither, and none is twice.
    world.post(&admin, &format!("/accounts/{INES}/resume"), "").await?;
    let cursor = first["nextCursor"].as_str().unwrap_or_default();
    let second = world.get(&admin, &format!("/audit?count=2&nextCursor={cursor}")).await?.json();
    let ids = |page: &Value| -> Vec<i64> {
        page["entries"].as_array().into_iter().flatten().filter_map(|line| line["id"].as_i64()).collect()
    };
    assert_eq!((ids(&first), ids(&second)), (vec![4, 3], vec![2, 1]));
    assert_eq!((&second["hasMore"], &second["nextCursor"]), (&json!(false), &Value::Null));
    let since = world.app.clock.now().0;
    assert_eq!(ids(&world.get(&admin, &format!("/audit?since={since}")).await?.json()), [5, 4]);
    for bad in ["/audit?since=yesterday", "/audit?count=0", "/audit?count=101", "/audit?x=1"] {
        assert_eq!(world.get(&admin, bad).await?.status, 400, "{bad}");
    }
    let foreign = world.get(&admin, &format!("/audit?since=1&nextCursor={cursor}")).await?;
    assert_eq!(foreign.fault(), "400 invalid_cursor");
    Ok(())
}

#[tokio::test]
async fn an_admin_of_one_account_reads_only_of_that_account() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let admin = world.key(&[Scope::Admin], &[]).await?;
    let ottos = world.key(&[Scope::Admin], &[OTTO]).await?;
    for id in [INES, OTTO] {
        world.post(&admin, &format!("/accounts/{id}/pause"), "").await?;
    }
    let seen = world.get(&ottos, "/audit").await?.json();
    let about: Vec<&Value> =
        seen["entries"].as_array().into_iter().flatten().map(|line| &line["object"]["id"]).collect();
    assert_eq!(about, [&json!(OTTO)]);
    Ok(())
}
