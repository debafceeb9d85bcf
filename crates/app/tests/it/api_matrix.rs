//! The access matrix: every operation of the document × every kind of key × whose records are named.
//!
//! What a key does not reach must look, byte for byte, like what does not exist. The matrix is complete because it is
//! made from the document; what was seen is written to `docs/ACCESS.md`.

use anyhow::{Result, ensure};
use serde_json::Value;
use threadkeep::verbs::keys::Scope;

use crate::api_operations::{Operation, Records, Synced, assert_committed, document, operations};
use crate::api_schema::faults;
use crate::api_world::Answer;

/// Where the table is.
const FILE: &str = "docs/ACCESS.md";
const HEAD: &str = "\
# Who may do what

Made by a test from the OpenAPI document and from real answers; do not edit. For every operation it asks without a key,
with a broken one, with a key of each single scope and with a key of all, each for records of an account within reach, of
another account, and for ids of nothing. `another's record` is what a key with the scope gets for each id of an account
that it does not reach; it is the same, byte for byte, as for an id of nothing.

| operation | | scope | no key | broken key | `read` | `media` | `sync` | `admin` | another's record |
|---|---|---|---|---|---|---|---|---|---|
";

/// The keys of a world, each limited to the first account.
struct Keys {
    broken: String,
    single: Vec<(Scope, String)>,
    all: String,
}

/// The operations that only a key without limits may ask.
const UNLIMITED: [&str; 1] = ["add-account"];

#[tokio::test]
async fn row_05_and_06_every_operation_keeps_its_scope_and_its_account() -> Result<()> {
    let document = document(&[])?;
    let mut synced = Synced::start().await?;
    let mut keys = keys(&synced).await?;
    let mut table = HEAD.to_owned();
    for operation in operations(&document) {
        let mut cells = vec![
            seen(&operation, &document, ask(&synced, &operation, &document, None).await?)?,
            seen(&operation, &document, ask(&synced, &operation, &document, Some(&keys.broken)).await?)?,
        ];
        let refused = if operation.scope().is_some() { ["401 unauthorized", "401 invalid_key"] } else { ["yes"; 2] };
        assert_eq!(cells, refused, "{}", operation.id);
        for at in 0..=Scope::ALL.len() {
            let (may, key) = match keys.single.get(at) {
                Some((scope, key)) => (may(&operation, *scope), key.clone()),
                None => (true, keys.all.clone()),
            };
            let answer = ask(&synced, &operation, &document, Some(&key)).await?;
            let has_removed = operation.method == "DELETE" && answer.status.is_success();
            let cell = seen(&operation, &document, answer)?;
            let is_let_in = may && !UNLIMITED.contains(&operation.id.as_str());
            assert_eq!(cell == "403 scope_required", !is_let_in, "{} {at}: {cell}", operation.id);
            assert!(!cell.starts_with("401") && !cell.starts_with("404"), "{} {at}: {cell}", operation.id);
            if at < Scope::ALL.len() {
                cells.push(if UNLIMITED.contains(&operation.id.as_str()) && may {
                    "unlimited keys".into()
                } else {
                    cell
                });
            }
            if has_removed {
                synced = Synced::start().await?;
                keys = self::keys(&synced).await?;
            }
        }
        cells.push(foreign(&synced, &operation, &document, &keys.all).await?);
        let scope = operation.scope().unwrap_or("none");
        let line =
            format!("`{} {}` | {} | {scope} | {}", operation.method, operation.path, operation.id, cells.join(" | "));
        table.push_str(&format!("| {line} |\n"));
    }
    assert_committed(FILE, &table)
}

async fn keys(synced: &Synced) -> Result<Keys> {
    let [own, _] = &synced.records;
    let mut single = Vec::new();
    for scope in Scope::ALL {
        single.push((scope, synced.world.key(&[scope], &[&own.account]).await?));
    }
    let all = synced.world.key(&Scope::ALL, &[&own.account]).await?;
    // The checksum is that of another key.
    let last = if all.ends_with('0') { '1' } else { '0' };
    let broken = format!("{}{last}", all.get(..all.len() - 1).unwrap_or_default());
    Ok(Keys { broken, single, all })
}

fn may(operation: &Operation, scope: Scope) -> bool {
    operation.scope().is_none_or(|needed| needed == "any" || needed == scope.as_str() || scope == Scope::Admin)
}

async fn ask(synced: &Synced, operation: &Operation, document: &Value, key: Option<&str>) -> Result<Answer> {
    synced.ask(operation, document, &synced.records[0], key).await
}

/// What an answer means, after checking that the document tells of it.
fn seen(operation: &Operation, document: &Value, answer: Answer) -> Result<String> {
    let status = answer.status.as_u16();
    let schema = operation.answer(document, status);
    ensure!(schema.is_some(), "{}: {status} is not documented", operation.id);
    if answer.header("content-type").starts_with("application/json") {
        let wrong = schema.map(|schema| faults(document, schema, &answer.json())).unwrap_or_default();
        ensure!(wrong.is_empty(), "{}: {status} {wrong:?}", operation.id);
    }
    Ok(match status {
        200..400 => "yes".into(),
        // Let in, and refused for what was asked: the pasted cookies, the run that is over, bytes that no worker fetches.
        400 | 409 | 504 => "yes".into(),
        _ => answer.fault(),
    })
}

/// Names another account's records and those of nobody in each place where one may be named, and compares.
async fn foreign(synced: &Synced, operation: &Operation, document: &Value, key: &str) -> Result<String> {
    let [own, other] = &synced.records;
    let missing = Records::missing();
    let mut told = Vec::new();
    for slot in operation.slots(document) {
        let of_other = synced.ask(operation, document, &own.with(&slot, other), Some(key)).await?;
        let of_nobody = synced.ask(operation, document, &own.with(&slot, &missing), Some(key)).await?;
        assert_eq!(of_other.status, of_nobody.status, "{} {slot}", operation.id);
        assert_eq!(of_other.headers, of_nobody.headers, "{} {slot}", operation.id);
        assert!(of_other.bytes == of_nobody.bytes, "{} {slot}", operation.id);
        let cell = seen(operation, document, of_other)?;
        let is_refused = cell.starts_with("404") || (operation.scope() == Some("any") && cell.starts_with("501"));
        assert!(is_refused, "{}: {slot} of another account: {cell}", operation.id);
        if !told.contains(&cell) {
            told.push(cell);
        }
    }
    Ok(told.join(", "))
}
