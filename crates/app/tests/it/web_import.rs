//! An archive that the form of the import page sends, as browsers without scripts do: it is taken in like any other upload,
//! and nothing is taken from a form that is not ours.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::stream;
use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;

use crate::api_world::{Answer, INES, OTTO, World};
use crate::archives::{TEN, csv, row};
use crate::web_world::Visit;

const NOON: &str = "2024-11-06 12:00:00 UTC";
/// How often an import is looked at before it is taken for lost.
const LOOKS_MAX: u32 = 20_000;

fn table() -> String {
    String::from_utf8_lossy(&csv(TEN, &[row("2-YQ==", true, NOON, "hi")])).into_owned()
}

/// A form of these parts, as browsers write it.
fn form(parts: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        let file = if *name == "file" { "; filename=\"messages.csv\"\r\nContent-Type: text/csv" } else { "" };
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    parts.iter().map(part).chain(["--xyz--\r\n".to_owned()]).collect()
}

async fn send(world: &World, cookie: &str, body: impl Into<Body>) -> Result<Answer> {
    let request = Request::builder().method(Method::POST).uri("/ui/import/form").header("accept", "text/html");
    let request = request.header("cookie", cookie).header("content-type", "multipart/form-data; boundary=xyz");
    world.send(request.body(body.into())?).await
}

#[tokio::test]
async fn a_form_with_an_archive_is_taken_in_and_leads_to_its_report() -> Result<()> {
    let world = World::empty().await?;
    let visit = Visit::begin(&world, &[Scope::Admin], &[]).await?;
    let (secret, table) = (visit.secret().await?, table());
    let page = visit.read("/ui/import").await?;
    for part in ["enctype=\"multipart/form-data\"", "action=\"/ui/import/form\"", "name=\"file\"", secret.as_str()] {
        ensure!(page.contains(part), "{part}");
    }
    let parts = [("secret", secret.as_str()), ("file", &table), ("account", ""), ("me", "Olga Test")];
    let answer = send(&world, &visit.cookie, form(&parts)).await?;
    ensure!(answer.status == StatusCode::SEE_OTHER, "{}: {}", answer.status, String::from_utf8_lossy(&answer.bytes));
    let place = answer.header("location");
    for _ in 0..LOOKS_MAX {
        if visit.open(&format!("{place}/progress")).await?.json()["running"] == false {
            break;
        }
        tokio::task::yield_now().await;
    }
    let page = visit.read(&place).await?;
    ensure!(page.contains("<h1>Imported</h1>") && page.contains("new messages"), "{page}");
    ensure!(visit.read("/ui/").await?.contains("Ben Invented"));
    Ok(())
}

#[tokio::test]
async fn row_19_nothing_is_taken_from_a_form_without_the_secret_of_the_session() -> Result<()> {
    let world = World::with_accounts().await?;
    let visit = Visit::begin(&world, &[Scope::Admin], &[]).await?;
    let (secret, table) = (visit.secret().await?, table());
    let other = Visit::begin(&world, &[Scope::Admin], &[]).await?.secret().await?;
    let file = ("file", table.as_str());
    for parts in [
        vec![file],
        vec![("secret", ""), file],
        vec![("secret", &other), file],
        vec![file, ("secret", &secret)],
        vec![("me", "Olga Test"), ("secret", &secret), file],
    ] {
        let answer = send(&world, &visit.cookie, form(&parts)).await?;
        let page = String::from_utf8(answer.bytes)?;
        ensure!(answer.status == StatusCode::FORBIDDEN && page.contains("csrf"), "{}", answer.status);
    }
    // No more of an upload is read than what shows that it is not ours.
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let head = form(&[("secret", "wrong"), ("file", "")]);
    let (head, _) = head.rsplit_once("\r\n--xyz--").context("the end")?;
    let chunks = std::iter::once(head.to_owned()).chain((0..1_000).map(|_| "x".repeat(1_000)));
    let chunks = chunks.map(move |chunk| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok::<_, io::Error>(Bytes::from(chunk))
    });
    let answer = send(&world, &visit.cookie, Body::from_stream(stream::iter(chunks))).await?;
    ensure!(answer.status == StatusCode::FORBIDDEN && taken.load(Ordering::SeqCst) == 1);
    let reader = Visit::begin(&world, &[Scope::Read], &[]).await?;
    let answer = send(&world, &reader.cookie, form(&[("secret", &reader.secret().await?), file])).await?;
    ensure!(answer.status == StatusCode::FORBIDDEN);
    ensure!(world.app.store.accounts().await?.len() == 2 && world.app.store.import_job(1).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn forms_that_are_damaged_too_large_or_for_others_are_refused_on_a_page() -> Result<()> {
    let mut world = World::with_accounts().await?;
    let visit = Visit::begin(&world, &[Scope::Admin], &[OTTO]).await?;
    let (secret, table, cookie) = (visit.secret().await?, table(), visit.cookie);
    let (own, file) = (("secret", secret.as_str()), ("file", table.as_str()));
    let whole = form(&[own, ("account", OTTO), file]);
    let cut = whole.trim_end().strip_suffix("--xyz--").context("the end")?.to_owned();
    let cases = [
        (cut, 400, "cut off"),
        ("no form".to_owned(), 400, "cut off"),
        (form(&[own]), 400, "choose the archive"),
        (form(&[own, file, file]), 400, "does not belong"),
        (form(&[own, ("other", "x"), file]), 400, "does not belong"),
        (form(&[own, ("file", "")]), 422, "the body is empty"),
        (form(&[own, file]), 403, "admin for all accounts"),
        (form(&[own, ("account", INES), file]), 404, "no such account"),
        (form(&[own, file, ("account", INES)]), 404, "no such account"),
        (form(&[own, ("account", OTTO), ("file", "not an archive")]), 422, "archive"),
    ];
    for (body, status, says) in cases {
        let answer = send(&world, &cookie, body).await?;
        let page = String::from_utf8(answer.bytes)?;
        ensure!(answer.status == status && page.contains(says), "{says}: {} {page}", answer.status);
    }
    world.set(HttpSettings { import_max_bytes: 100, ..HttpSettings::default() });
    let answer = send(&world, &cookie, form(&[own, ("account", OTTO), ("file", &"x".repeat(101))])).await?;
    ensure!(answer.status == StatusCode::PAYLOAD_TOO_LARGE);
    ensure!(world.app.store.import_job(1).await?.is_none(), "nothing was begun");
    Ok(())
}
