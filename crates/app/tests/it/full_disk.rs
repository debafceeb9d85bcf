//! A disk that fills up under a running server: callers are told, and once there is room again nothing is missing.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use threadkeep::app::App;
use threadkeep::http::{HttpSettings, router};
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::store::{Actor, OpenOptions, open};
use threadkeep::verbs::keys::{self, NewKey, Scope};
use threadkeep::worker;
use threadkeep_sim::{GenerateOptions, World};
use tower::ServiceExt;

use crate::harness::Harness;
use crate::store_database::Database;

/// Room for the account and the first conversations, not for all of them, in pages.
const PAGES: u32 = 120;

/// Asks a server for something and gives the status and the body.
async fn ask(app: &App, request: Request<Body>) -> Result<(u16, Value)> {
    let response = router(app.clone(), HttpSettings::default()).oneshot(request).await?;
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
    Ok((status, serde_json::from_slice(&bytes)?))
}

#[tokio::test]
async fn a_full_disk_is_told_by_a_server_and_nothing_is_lost() -> Result<()> {
    let database = Database::sqlite().await?;
    let world =
        World::generate(&GenerateOptions { seed: 11, conversations: 60, ..GenerateOptions::at(1_790_000_000_000) });
    let story = Harness::connect(&database, world).await?;
    let wanted = NewKey { scopes: vec![Scope::Sync, Scope::Read], accounts: None, label: None };
    let key = keys::create(&story.app, &Actor::Setup, wanted).await?.0;

    let options = OpenOptions { sqlite_pages_max: Some(PAGES), ..OpenOptions::default() };
    let store = open(&database.url, options).await?;
    let app = App { store, storage: Arc::default(), ..story.app.clone() };
    let stop = Stop::default();
    let workers = spawn(worker::serve(app.clone(), stop.clone()));
    let sync = Request::post("/linkedin/conversations/sync").header("authorization", format!("Bearer {key}"));
    let body = json!({"accountId": story.account.as_str(), "force": true}).to_string();
    let (status, answer) = ask(&app, sync.body(Body::from(body))?).await?;
    ensure!(status == 507, "{status} {answer}");
    ensure!(answer["code"] == "storage_full" && answer["success"] == false, "{answer}");
    let (status, health) = ask(&app, Request::get("/health").body(Body::empty())?).await?;
    ensure!(status == 507 && health["code"] == "storage_full", "{status} {health}");
    stop.ask();
    workers.await.context("the workers")?;
    app.store.close().await;

    let job = story.sync().await?;
    ensure!(job.failure.is_none(), "{:?}", job.failure);
    story.assert_equal().await?;
    story.linkedin.assert_only_read()
}
