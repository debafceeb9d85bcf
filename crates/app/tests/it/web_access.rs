//! Who gets to see a page: the login and its life, keys that are revoked or limited, forms of other sites.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use threadkeep::store::Actor;
use threadkeep::verbs::keys::{self, Scope};
use threadkeep::verbs::sign_in::{IDLE_MAX_MS, SESSION_MAX_MS};

use crate::api_world::{INES, OTTO, OTTO_MEMBER, Taught, World};
use crate::web_world::{MARA, Visit, open, pleasant, sign_in};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn a_page_without_a_session_leads_to_the_login_and_back() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let answer = open(&world, "/ui/thread/a/b?before=c", &[]).await?;
    assert_eq!(
        (answer.status, answer.header("location").as_str()),
        (StatusCode::SEE_OTHER, "/ui/login?next=%2Fui%2Fthread%2Fa%2Fb%3Fbefore%3Dc")
    );
    let key = world.key(&[Scope::Read], &[]).await?;
    let entered = sign_in(&world, &key, "/ui/search?q=a").await?;
    assert_eq!(entered.header("location"), "/ui/entered?next=%2Fui%2Fsearch%3Fq%3Da");
    let cookie = entered.header("set-cookie");
    for part in ["__Host-threadkeep=", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{part}");
    }
    assert!(!cookie.contains(&key) && !cookie.contains(key.split('_').nth(1).unwrap_or("-")), "no part of the key");
    let elsewhere = sign_in(&world, &key, "https://evil.test/").await?;
    assert_eq!(elsewhere.header("location"), "/ui/entered?next=%2Fui%2F");
    let unkept = open(&world, "/ui/entered?next=%2Fui%2F", &[]).await?;
    assert!(String::from_utf8(unkept.bytes)?.contains("did not keep the session"));
    Ok(())
}

#[tokio::test]
async fn a_link_of_another_site_is_opened_with_the_session() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let answer = open(&world, "/ui/?show=all", &[("sec-fetch-site", "cross-site")]).await?;
    let page = String::from_utf8(answer.bytes)?;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(page.contains("http-equiv=\"refresh\" content=\"0;url=/ui/?show=all\""), "{page}");
    Ok(())
}

#[tokio::test]
async fn wrong_keys_are_refused_and_guessing_ends() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let wrong = sign_in(&world, "tk_nonsense", "").await?;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(String::from_utf8(wrong.bytes)?.contains("This key does not work"));
    let blind = sign_in(&world, &world.key(&[Scope::Sync], &[]).await?, "").await?;
    assert_eq!(blind.status, StatusCode::FORBIDDEN, "a key that may not read opens nothing");
    let mut tries = 2;
    while sign_in(&world, "tk_nonsense", "").await?.status == StatusCode::UNAUTHORIZED {
        tries += 1;
        assert!(tries < 100);
    }
    assert!(tries <= 30, "{tries}");
    assert_eq!(sign_in(&world, "tk_nonsense", "").await?.status, StatusCode::TOO_MANY_REQUESTS);
    Ok(())
}

#[tokio::test]
async fn a_session_ends_with_its_key_its_age_and_by_leaving() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let status = async |visit: &Visit<'_>| anyhow::Ok(visit.open("/ui/").await?.status.as_u16());
    let key = world.key(&[Scope::Read], &[]).await?;
    let cookie = sign_in(&world, &key, "").await?.header("set-cookie");
    let cookie = cookie.split(';').next().unwrap_or_default();
    let request = || Request::builder().uri("/ui/").header("accept", "text/html").header("cookie", cookie);
    assert_eq!(world.send(request().body(Body::empty())?).await?.status, StatusCode::OK);
    keys::revoke(&world.app, &Actor::Setup, key.split('_').nth(1).unwrap_or_default()).await?;
    assert_eq!(world.send(request().body(Body::empty())?).await?.status, StatusCode::SEE_OTHER, "revoked");

    let left = Visit::begin(&world, &[Scope::Read], &[]).await?;
    let secret = left.secret().await?;
    assert_eq!(left.submit("/ui/logout", &[("secret", "wrong")]).await?.status, StatusCode::FORBIDDEN);
    assert_eq!(status(&left).await?, 200);
    let over = left.submit("/ui/logout", &[("secret", &secret)]).await?;
    assert!(over.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(status(&left).await?, 303, "the token is worth nothing any more");

    let idle = Visit::begin(&world, &[Scope::Read], &[]).await?;
    let busy = Visit::begin(&world, &[Scope::Read], &[]).await?;
    for _ in 0..IDLE_MAX_MS / HOUR_MS {
        world.clock.pass(HOUR_MS);
        assert_eq!(status(&busy).await?, 200);
    }
    assert_eq!(status(&idle).await?, 303, "not used for a day");
    for _ in IDLE_MAX_MS / HOUR_MS..SESSION_MAX_MS / HOUR_MS - 1 {
        world.clock.pass(HOUR_MS);
        assert_eq!(status(&busy).await?, 200);
    }
    world.clock.pass(HOUR_MS);
    assert_eq!(status(&busy).await?, 303, "a week old");
    Ok(())
}

#[tokio::test]
async fn a_session_sees_the_accounts_of_its_key_alone() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let taught = Taught::default()
        .person(MARA, "Mara Muster")?
        .conversation("2-own", 40, &[OTTO_MEMBER, MARA])?
        .message(("2-own", "2-own1"), MARA, 10)?;
    world.sync(OTTO, taught).await?;
    let otto = Visit::begin(&world, &[Scope::Read], &[OTTO]).await?;
    let inbox = otto.read("/ui/").await?;
    assert!(inbox.contains("2-own") && !inbox.contains(INES) && !inbox.contains("Ines"), "{inbox}");
    assert!(!otto.read("/ui/sync").await?.contains(INES));
    assert!(!otto.read("/ui/search?q=outline").await?.contains("<mark>"));
    for path in [
        format!("/ui/thread/{INES}/2-talk"),
        format!("/ui/?account={INES}"),
        format!("/ui/sync/{INES}/missing"),
        format!("/ui/search?q=a&account={INES}"),
        format!("/ui/thread/{OTTO}/2-talk"),
        format!("/ui/thread/{OTTO}/2-own?message=2-m01"),
    ] {
        assert_eq!(otto.open(&path).await?.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(otto.open(&format!("/ui/media/{INES}/2-m04/0")).await?.status, StatusCode::FORBIDDEN, "no scope media");
    let media = Visit::begin(&world, &[Scope::Read, Scope::Media], &[OTTO]).await?;
    assert_eq!(media.open(&format!("/ui/media/{INES}/2-m04/0")).await?.status, StatusCode::NOT_FOUND);
    let cursor = inbox.split("after=").nth(1);
    assert!(cursor.is_none(), "one window");
    Ok(())
}

#[tokio::test]
async fn row_19_forms_of_other_sites_change_nothing() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let visit = Visit::begin(&world, &[Scope::Admin], &[]).await?;
    let secret = visit.secret().await?;
    let other = Visit::begin(&world, &[Scope::Admin], &[]).await?.secret().await?;
    assert!(!secret.is_empty() && secret != other);
    for given in ["", "wrong", other.as_str()] {
        let answer = visit.submit("/ui/sync/start", &[("account", INES), ("secret", given)]).await?;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{given:?}");
    }
    let body = format!("account={INES}&secret={secret}");
    for (name, value) in [("origin", "https://evil.test"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let request = Request::builder().method(Method::POST).uri("/ui/sync/start").header("cookie", &visit.cookie);
        let request = request.header("host", "localhost").header("accept", "text/html").header(name, value);
        let answer = world.send(request.body(body.clone().into())?).await?;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value}");
        assert!(String::from_utf8(answer.bytes)?.contains("403 · csrf"), "as a page");
    }
    for path in
        ["/ui/sync/start", "/ui/sync/cancel", "/ui/logout", "/ui/media/fetch", "/ui/import/upload", "/ui/import/form"]
    {
        let status = visit.open(path).await?.status;
        assert!([StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_FOUND].contains(&status), "{path}: {status} by GET");
    }
    let upload = Request::builder().method(Method::POST).uri("/ui/import/upload").header("cookie", &visit.cookie);
    assert_eq!(world.send(upload.body("x".into())?).await?.fault(), "403 csrf");
    assert_eq!(world.app.store.jobs(&threadkeep_core::id::AccountId::new(INES)?, 9).await?, [], "nothing was begun");
    Ok(())
}

#[tokio::test]
async fn a_sync_is_started_and_cancelled_by_forms() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let visit = Visit::begin(&world, &[Scope::Admin], &[]).await?;
    let secret = visit.secret().await?;
    let started = visit.submit("/ui/sync/start", &[("account", INES), ("secret", &secret)]).await?;
    assert_eq!((started.status, started.header("location").as_str()), (StatusCode::SEE_OTHER, "/ui/sync?told=started"));
    let page = visit.read("/ui/sync").await?;
    assert!(page.contains("about to begin") && page.contains("data-watch=") && page.contains("<noscript><meta"));
    let run = page.split("name=\"run\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let cancelled = visit.submit("/ui/sync/cancel", &[("run", run), ("secret", &secret)]).await?;
    assert_eq!(cancelled.header("location"), "/ui/sync?told=cancelled");
    let reader = Visit::begin(&world, &[Scope::Read], &[]).await?;
    let secret = reader.secret().await?;
    for path in ["/ui/sync/start", "/ui/sync/cancel", "/ui/media/fetch"] {
        let answer = reader.submit(path, &[("account", INES), ("run", run), ("secret", &secret)]).await?;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_archive_is_uploaded_and_its_report_shown() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let visit = Visit::begin(&world, &[Scope::Admin], &[]).await?;
    let secret = visit.secret().await?;
    let table = "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,DATE,SUBJECT,CONTENT,FOLDER\n\
                 2-a,,Mara Muster,https://www.linkedin.com/in/mara,Ines Sample,2025-01-02 03:04:05 UTC,,Hello,INBOX\n";
    let upload = Request::builder().method(Method::POST).uri("/ui/import/upload?me=Ines%20Sample");
    let upload = upload.header("cookie", &visit.cookie).header("x-threadkeep-form", &secret);
    let begun = world.send(upload.body(table.into())?).await?;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{:?}", begun.json());
    let place = begun.json()["place"].as_str().unwrap_or_default().to_owned();
    for _ in 0..20_000 {
        let told = visit.open(&format!("{place}/progress")).await?.json();
        if told["running"] == false {
            break;
        }
        tokio::task::yield_now().await;
    }
    let page = visit.read(&place).await?;
    assert!(page.contains("<h1>Imported</h1>") && page.contains("new messages"), "{page}");
    assert!(visit.read("/ui/").await?.contains("Mara Muster"));
    Ok(())
}
