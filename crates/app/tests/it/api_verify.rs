//! Verifications and the completeness ledger over the API.

use anyhow::ensure;
use insta::assert_snapshot;
use serde_json::{Value, json};
use threadkeep::verbs::keys::Scope;

use crate::api_world::{INES, INES_MEMBER, OTTO, Taught, World};

#[tokio::test]
async fn a_verification_is_asked_for_and_joined_and_only_by_who_may() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let reader = world.key(&[Scope::Read], &[]).await?;
    let syncer = world.key(&[Scope::Read, Scope::Sync], &[INES]).await?;
    let path = "/linkedin/conversations/verify";
    let of_ines = format!("{{\"accountId\":\"{INES}\"}}");
    let none = world.get(&reader, &format!("{path}?accountId={INES}")).await?.json();
    ensure!(none["verification"] == Value::Null && none["conversations"] == json!([]), "{none}");
    let lines = [
        format!("read key: {}", world.post(&reader, path, of_ines.clone()).await?.fault()),
        format!("out of reach: {}", world.post(&syncer, path, of_ines.replace(INES, OTTO)).await?.fault()),
        format!("no flag: {}", world.post(&syncer, path, "{\"deep\":\"yes\"}").await?.fault()),
        format!("unknown: {}", world.post(&syncer, path, "{\"purge\":true}").await?.fault()),
    ];
    assert_snapshot!(lines.join("\n"), @r"
    read key: 403 scope_required
    out of reach: 404 account_not_found
    no flag: 400 invalid_parameter
    unknown: 400 unknown_field
    ");
    let asked = world.post(&syncer, path, of_ines.clone()).await?;
    ensure!(asked.status == 202, "{}", asked.status);
    let first = asked.json();
    ensure!(first["runId"] == 1 && first["joined"] == false && first["success"] == true, "{first}");
    let deep = format!("{{\"accountId\":\"{INES}\",\"deep\":true,\"repair\":true}}");
    let second = world.post(&syncer, path, deep).await?.json();
    ensure!(second["runId"] == 1 && second["joined"] == true, "{second}");
    let run = world.get(&syncer, "/conversations/sync/runs/1").await?.json();
    ensure!(run["run"]["state"] == "queued", "{run}");
    Ok(())
}

#[tokio::test]
async fn the_ledger_is_walked_by_its_cursor_and_says_why() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    let mut taught = Taught::default().person(INES_MEMBER, "Ines Sample")?;
    for (name, at) in [("2-a", 10), ("2-b", 20), ("2-c", 30)] {
        taught = taught.conversation(name, at, &[INES_MEMBER])?;
    }
    world.sync(INES, taught).await?;
    let mut seen = Vec::new();
    let mut path = format!("/conversations/completeness?accountId={INES}&count=2");
    loop {
        let page = world.get(&key, &path).await?.json();
        seen.extend(page["conversations"].as_array().into_iter().flatten().cloned());
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        let foreign = world.get(&key, &format!("/conversations/verify?nextCursor={cursor}")).await?;
        ensure!(foreign.fault() == "400 invalid_cursor", "{}", foreign.fault());
        path = format!("/conversations/completeness?accountId={INES}&count=2&nextCursor={cursor}");
    }
    let ids: Vec<_> = seen.iter().map(|one| one["conversationId"].as_str().unwrap_or_default()).collect();
    ensure!(ids == ["2-a", "2-b", "2-c"], "{ids:?}");
    let count = |answer: &serde_json::Value| answer["conversations"].as_array().map_or(0, Vec::len);
    let two = world.get(&key, &format!("/conversations/completeness?accountId={INES}&count=2")).await?.json();
    ensure!(count(&two) == 2, "as many as were asked for, of {}: {two}", seen.len());
    ensure!(seen[0]["completeness"] == "listed" && seen[0]["messageCount"] == 0, "{}", seen[0]);
    let remedy = seen[0]["remedy"].as_str().unwrap_or_default();
    ensure!(remedy.contains("sync") && seen[0]["verification"]["drift"] == 0, "{}", seen[0]);
    let incomplete = world.get(&key, &format!("/conversations/completeness?accountId={INES}&incomplete=true")).await?;
    ensure!(incomplete.json()["conversations"].as_array().map(Vec::len) == Some(3));
    let drifted = world.get(&key, &format!("/conversations/completeness?accountId={INES}&drift=true")).await?.json();
    ensure!(drifted["conversations"] == json!([]), "{drifted}");
    let foreign = world.get(&key, &format!("/conversations/completeness?accountId={OTTO}")).await?;
    ensure!(foreign.fault() == "404 account_not_found", "{}", foreign.fault());
    Ok(())
}
