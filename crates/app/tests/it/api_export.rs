//! `GET /export`: the bytes of the command, the caller's reach, refusals, clients that go away.

use anyhow::{Result, ensure};
use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt as _;
use threadkeep::verbs::accounts;
use threadkeep::verbs::export::{ExportWish, copy, write};
use threadkeep::verbs::keys::Scope;
use threadkeep::verbs::restore_copy::is_copy;
use threadkeep_core::id::AccountId;

use crate::api_operations::Synced;

#[tokio::test]
async fn an_export_is_the_one_of_the_command() -> Result<()> {
    let synced = Synced::start().await?;
    let account = synced.records[0].account.clone();
    let key = synced.world.key(&[Scope::Read], &[&account]).await?;
    let answer = synced.world.get(&key, "/linkedin/export?format=jsonl").await?;
    ensure!(answer.status == 200 && answer.header("content-type") == "application/x-ndjson", "{}", answer.status);
    let wish = ExportWish {
        account: AccountId::new(&account)?,
        categories: synced.world.app.sync.categories.clone(),
        with_history: false,
        with_deleted: false,
    };
    let mut expected = Vec::new();
    write(&*synced.world.app.store, &wish, &mut expected).await?;
    ensure!(answer.bytes == expected && !expected.is_empty());

    for (format, mark) in [("csv", "account_id,"), ("html", "<!DOCTYPE html>"), ("markdown", "# "), ("mbox", "From ")] {
        let answer = synced.world.get(&key, &format!("/export?format={format}&accountId={account}")).await?;
        let text = String::from_utf8(answer.bytes.clone())?;
        ensure!(answer.status == 200 && text.starts_with(mark), "{format}: {} {}", answer.status, &text[..40]);
        ensure!(answer.header("content-disposition").starts_with("attachment; "), "{format}");
    }
    Ok(())
}

#[tokio::test]
async fn a_part_is_asked_for_and_strange_wishes_are_refused() -> Result<()> {
    let synced = Synced::start().await?;
    let [own, other] = &synced.records;
    let key = synced.world.key(&[Scope::Read], &[&own.account]).await?;
    let urn: String = url::form_urlencoded::byte_serialize(own.conversation.as_bytes()).collect();
    let answer = synced.world.get(&key, &format!("/export?format=html&conversationUrn={urn}")).await?;
    ensure!(answer.status == 200 && String::from_utf8(answer.bytes)?.matches("<section>").count() == 1);
    let answer = synced.world.get(&key, "/export?since=253402300799999").await?;
    ensure!(answer.status == 200 && answer.bytes.is_empty(), "nothing is that new");
    let theirs: String = url::form_urlencoded::byte_serialize(other.conversation.as_bytes()).collect();
    let cases = [
        ("/export?format=sqlite".to_owned(), "400 invalid_parameter"),
        ("/export?format=xml".to_owned(), "400 invalid_parameter"),
        ("/export?since=yesterday".to_owned(), "400 invalid_parameter"),
        ("/export?conversationUrn=%2e%2e%2f".to_owned(), "400 invalid_parameter"),
        ("/export?media=true".to_owned(), "400 unknown_field"),
        (format!("/export?conversationUrn={theirs}"), "404 conversation_not_found"),
        (format!("/export?accountId={}", other.account), "404 account_not_found"),
    ];
    for (path, expected) in cases {
        assert_eq!(synced.world.get(&key, &path).await?.fault(), expected, "{path}");
    }
    assert_eq!(synced.world.send(Request::get("/export").body(Body::empty())?).await?.fault(), "401 unauthorized");
    Ok(())
}

#[tokio::test]
async fn a_complete_copy_is_for_who_may_do_everything() -> Result<()> {
    let synced = Synced::start().await?;
    let id = &synced.records[0].account;
    let reader = synced.world.key(&[Scope::Read], &[id]).await?;
    let path = "/linkedin/export?complete=true";
    assert_eq!(synced.world.get(&reader, path).await?.fault(), "403 scope_required");
    ensure!(synced.world.get(&reader, "/export?complete=false").await?.status == 200);
    let key = synced.world.key(&[Scope::Admin], &[id]).await?;
    let app = &synced.world.app;
    let mut expected = Vec::new();
    copy::write(app, &accounts::find(app, &AccountId::new(id)?).await?, &mut expected).await?;
    let answer = synced.world.get(&key, path).await?;
    ensure!(answer.status == 200 && answer.header("content-type") == "application/x-ndjson", "{}", answer.status);
    ensure!(answer.bytes == expected && is_copy(&expected));
    for further in ["format=csv", "since=1", "conversationUrn=2-x"] {
        let answer = synced.world.get(&key, &format!("{path}&{further}")).await?;
        assert_eq!(answer.fault(), "400 invalid_parameter", "{further}");
    }
    Ok(())
}

#[tokio::test]
async fn clients_that_go_away_end_their_exports() -> Result<()> {
    let synced = Synced::start().await?;
    let key = synced.world.key(&[Scope::Read], &[]).await?;
    // More than there are turns: each has to be given back.
    for _ in 0..20 {
        let request = crate::api_world::with_key(&key).uri("/export?format=html").body(Body::empty())?;
        let mut body = synced.world.begin(request).await?.into_body().into_data_stream();
        ensure!(body.next().await.is_some());
    }
    ensure!(synced.world.get(&key, "/export").await?.status == 200);
    Ok(())
}
