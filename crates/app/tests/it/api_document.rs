//! The OpenAPI document: it is complete, it tells the truth about real answers, and the committed file is it.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use threadkeep::http::document::{self, CODES, Example};
use threadkeep::verbs::keys::Scope;

use crate::api_operations::{Operation, Synced, assert_committed, document, operations};
use crate::api_schema::faults;

/// Where the document is.
const FILE: &str = "docs/openapi.json";
/// What stands in place of a login.
const COOKIES: &str = "li_at=(yours); JSESSIONID=\"ajax:(yours)\"";
/// What stands in place of a key.
const KEY: &str = "tk_0123456789ab_(shown once)";

#[tokio::test]
async fn the_committed_document_is_made_from_the_handlers_and_real_answers() -> Result<()> {
    let examples = examples().await?;
    let mut text = document::document(&examples).to_pretty_json()?;
    text.push('\n');
    assert_committed(FILE, &text)
}

#[test]
fn every_operation_is_whole() -> Result<()> {
    let document = document(&[])?;
    let all = operations(&document);
    let ids: BTreeSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "names of operations are different from each other");
    for one in &all {
        let name = &one.id;
        assert!(!name.is_empty() && one.told["summary"].is_string(), "{name}");
        assert_eq!(one.told["tags"].as_array().map(Vec::len), Some(1), "{name}");
        let in_path: BTreeSet<&str> = one.path.split(['{', '}']).skip(1).step_by(2).collect();
        let told = one.told["parameters"].as_array().into_iter().flatten().filter(|told| told["in"] == "path");
        assert_eq!(in_path, told.filter_map(|told| told["name"].as_str()).collect(), "{name}");
        for (status, told) in one.told["responses"].as_object().into_iter().flatten() {
            assert!(
                status == "304" || told["$ref"].is_string() || told["content"].is_object(),
                "{name}: {status} has no body"
            );
        }
    }
    Ok(())
}

#[test]
fn the_names_of_the_contract_are_kept() -> Result<()> {
    let document = document(&[])?;
    let ids: BTreeSet<String> = operations(&document).into_iter().map(|one| one.id).collect();
    let names = [
        "conversations-sync",
        "conversations-sync-status",
        "list-conversations",
        "get-conversation-messages",
        "conversation-exists",
        "conversations-refresh",
        "list-linkedin-accounts",
        "get-account-status",
        "conversations-send-message",
        "conversations-upload-attachment",
    ];
    assert_eq!(names.iter().filter(|name| !ids.contains(**name)).collect::<Vec<_>>(), Vec::<&&str>::new());
    Ok(())
}

#[test]
fn every_code_belongs_to_an_operation() -> Result<()> {
    let responses = document(&[])?["components"]["responses"].to_string();
    let unused: Vec<&str> =
        CODES.iter().map(|one| one.code).filter(|code| !responses.contains(&format!("\"{code}\""))).collect();
    // It is the answer to a method that no operation has.
    assert_eq!(unused, ["method_not_allowed"]);
    Ok(())
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() -> Result<()> {
    let served = Synced::start().await?;
    let committed = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json"))?;
    for path in ["/openapi.json", "/linkedin/openapi.json"] {
        let answer = served.world.get("", path).await?;
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.bytes == committed, "{path}");
    }
    Ok(())
}

/// A real answer of every operation that has one, each checked against what the document says.
async fn examples() -> Result<Vec<Example>> {
    let document = document(&[])?;
    let mut examples = Vec::new();
    let mut synced = Synced::start().await?;
    let (reads, acts): (Vec<_>, Vec<_>) = operations(&document).into_iter().partition(|one| one.method == "GET");
    for operation in reads.into_iter().chain(acts) {
        let example = example(&operation, &document, &synced).await?;
        if operation.method != "GET" && example.is_some() {
            synced = Synced::start().await?;
        }
        examples.extend(example);
    }
    Ok(examples)
}

async fn example(operation: &Operation, document: &Value, synced: &Synced) -> Result<Option<Example>> {
    let key = synced.world.key(&[Scope::Admin], &[]).await?;
    let [own, _] = &synced.records;
    let mut records = own.clone();
    if matches!(operation.id.as_str(), "cancel-sync-run" | "delete-sync-run") {
        // Only a run that is not over can be cancelled.
        synced.world.begin_sync(&own.account).await?;
        let runs = synced.world.get(&key, &format!("/conversations/sync/runs?accountId={}", own.account)).await?.json();
        records.run = runs["runs"][0]["runId"].to_string();
    }
    let mut request = operation.request(document, &records, Some(&key))?;
    if operation.told["parameters"].to_string().contains("\"count\"") {
        let more = if request.uri().query().is_some() { '&' } else { '?' };
        *request.uri_mut() = format!("{}{more}count=2", request.uri()).parse()?;
    }
    let answer = synced.world.send(request).await?;
    let status = answer.status.as_u16();
    ensure!(
        status < 400 || status == 501 || status == 504,
        "{}: {}",
        operation.id,
        String::from_utf8_lossy(&answer.bytes)
    );
    let Some(schema) = operation.answer(document, status).filter(|schema| schema.is_object()) else {
        return Ok(None);
    };
    let mut body = answer.json();
    let wrong = faults(document, schema, &body);
    ensure!(wrong.is_empty(), "{}: {wrong:?}", operation.id);
    if status >= 400 || operation.id == "get-openapi" {
        return Ok(None);
    }
    if body["key"].is_string() {
        body["key"] = json!(KEY);
    }
    let mut sent = operation.body(document, &records)?;
    if let Some(cookies) = sent.as_mut().and_then(|sent| sent.get_mut("cookies")) {
        *cookies = json!(COOKIES);
    }
    Ok(Some(Example { operation: operation.id.clone(), status, sent, body }))
}
