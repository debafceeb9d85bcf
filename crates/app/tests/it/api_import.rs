//! Importing LinkedIn's data export over the API: uploads, how they go, and what a key must not.

use std::io;
use std::sync::Arc;

use anyhow::{Result, ensure};
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::future::join_all;
use futures_util::stream;
use serde_json::Value;
use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;
use tokio::sync::{Semaphore, mpsc};

use crate::api_world::{Answer, INES, OTTO, World, with_key};
use crate::archives::{Packed, TEN, csv, row, zip};

const NOON: &str = "2024-11-06 12:00:00 UTC";
/// How often an import is looked at before it is taken for lost.
const LOOKS_MAX: u32 = 20_000;

async fn upload(world: &World, key: &str, path: &str, bytes: Vec<u8>) -> Result<Answer> {
    let request = with_key(key).method("POST").uri(path);
    world.send(request.body(Body::from(bytes))?).await
}

/// Looks at an import until it is over.
async fn ended(world: &World, key: &str, answer: &Answer) -> Result<Value> {
    ensure!(answer.status == 202, "{}: {}", answer.status, answer.json());
    let path = answer.json()["import"]["statusUrl"].as_str().unwrap_or_default().to_owned();
    for _ in 0..LOOKS_MAX {
        let told = world.get(key, &path).await?.json();
        if told["import"]["completed"] == true {
            return Ok(told);
        }
        tokio::task::yield_now().await;
    }
    anyhow::bail!("the import does not end")
}

#[tokio::test]
async fn an_archive_is_uploaded_and_its_messages_are_served() -> Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let bytes = zip(&[Packed::new("messages.csv", &csv(TEN, &[row("2-YQ==", true, NOON, "hi")]))])?;
    let path = "/linkedin/import?me=https%3A%2F%2Fwww.linkedin.com%2Fin%2Folga-test";
    let told = ended(&world, &key, &upload(&world, &key, path, bytes.clone()).await?).await?;
    ensure!(told["success"] == true && told["import"]["report"]["imported"] == 1, "{told}");
    let account = told["import"]["accountId"].as_str().unwrap_or_default().to_owned();
    let list = world.get(&key, &format!("/conversations?accountId={account}")).await?.json();
    ensure!(list["conversations"][0]["latestMessage"]["text"] == "hi", "{list}");
    let again = ended(&world, &key, &upload(&world, &key, path, bytes).await?).await?;
    ensure!(again["import"]["report"]["isRepeated"] == true, "{again}");
    // A key for another account sees neither the import nor a difference to none at all.
    let other = world.key(&[Scope::Admin], &[OTTO]).await?;
    let id = told["import"]["importId"].to_string();
    let foreign = world.get(&other, &format!("/import/{id}")).await?;
    let missing = world.get(&other, "/import/999999").await?;
    ensure!(foreign.status == 404 && foreign.bytes == missing.bytes);
    Ok(())
}

#[tokio::test]
async fn row_37_to_39_hostile_uploads_are_refused_at_once() -> Result<()> {
    let mut world = World::with_accounts().await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let climbing = Packed { name: b"../../x".to_vec(), ..Packed::new("", b"x") };
    let good = csv(TEN, &[row("2-YQ==", true, NOON, "hi")]);
    let cases = [
        (zip(&[Packed::new("messages.csv", &good), climbing])?, 422, "archive_rejected"),
        (zip(&[Packed::new("Profile.csv", b"First Name,Last Name\nOlga,Test\n")])?, 422, "archive_without_messages"),
        (b"not an archive".to_vec(), 422, "archive_rejected"),
        (Vec::new(), 422, "archive_rejected"),
    ];
    for (bytes, status, code) in cases {
        let answer = upload(&world, &key, "/import", bytes).await?;
        ensure!(answer.status == status && answer.json()["code"] == code, "{}", answer.json());
    }
    world.set(HttpSettings { import_max_bytes: 100, ..HttpSettings::default() });
    let answer = upload(&world, &key, "/import", vec![b'x'; 101]).await?;
    ensure!(answer.status == 413 && answer.json()["code"] == "body_too_large", "{}", answer.json());
    Ok(())
}

#[tokio::test]
async fn uploads_that_are_still_coming_count_as_imports() -> Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Admin], &[]).await?;
    let (begun, mut all_begun) = mpsc::channel(4);
    let gate = Arc::new(Semaphore::new(0));
    let mut uploads = Vec::new();
    for _ in 0..4 {
        let (begun, gate) = (begun.clone(), Arc::clone(&gate));
        let body = stream::once(async move {
            let _ = begun.send(()).await;
            let _ = gate.acquire().await;
            Ok::<_, io::Error>(Bytes::from_static(b"not an archive"))
        });
        let request = with_key(&key).method("POST").uri("/import").body(Body::from_stream(body))?;
        uploads.push(world.send(request));
    }
    let mut uploads = std::pin::pin!(join_all(uploads));
    let fifth = async {
        for _ in 0..4 {
            all_begun.recv().await;
        }
        upload(&world, &key, "/import", b"not an archive".to_vec()).await
    };
    let fifth = tokio::select! {
        _ = &mut uploads => anyhow::bail!("an upload has ended before its body"),
        fifth = fifth => fifth?,
    };
    ensure!(fifth.status == 409 && fifth.json()["code"] == "conflict", "{}", fifth.json());
    gate.add_permits(4);
    for answer in uploads.await {
        ensure!(answer?.status == 422);
    }
    ensure!(upload(&world, &key, "/import", b"not an archive".to_vec()).await?.status == 422);
    Ok(())
}

#[tokio::test]
async fn a_key_of_some_accounts_has_to_name_one_of_them() -> Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Admin], &[OTTO]).await?;
    let bytes = csv(TEN, &[row("2-YQ==", true, NOON, "hi")]);
    let answer = upload(&world, &key, "/import", bytes.clone()).await?;
    ensure!(answer.status == 403 && answer.json()["code"] == "scope_required", "{}", answer.json());
    let answer = upload(&world, &key, &format!("/import?accountId={INES}"), bytes).await?;
    ensure!(answer.status == 404 && answer.json()["code"] == "account_not_found", "{}", answer.json());
    let request = Request::builder().method("POST").uri("/import").body(Body::empty())?;
    ensure!(world.send(request).await?.status == 401);
    Ok(())
}
