//! The viewer in a real browser: reading, keys, a narrow screen, no scripts, progress, an upload, and an inbox of a
//! thousand hostile messages in which nothing runs.
//!
//! Pictures of the pages are left under `target/screenshots`.

use std::path::Path;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;
use threadkeep::http::{HttpSettings, Rate, serve_beside};
use threadkeep::lifecycle::{Bound, Stop, spawn_bound};
use threadkeep::store::JobEnd;
use threadkeep::verbs::keys::Scope;
use tokio::net::TcpListener;

use crate::api_world::{INES, INES_MEMBER, OTTO, Taught, World};
use crate::web_world::{HOSTILE, HOSTILE_MESSAGES, HOSTILE_TALKS, MARA, TALK, hostile, pleasant};
use crate::webdriver::{Browser, Looks};

/// Keys as WebDriver names them.
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const PHONE: Looks = Looks { size: (360, 740), is_dark: false, has_scripts: true };
/// Counts what breaks the policy of a page, from before the page begins.
const WITNESS: &str = "window.breaches = []; document.addEventListener('securitypolicyviolation', \
     breach => window.breaches.push(breach.violatedDirective + ' ' + breach.blockedURI));";

/// A served world, and where it is.
struct Site {
    url: String,
    key: String,
    _served: Bound<std::io::Result<()>>,
}

impl Site {
    async fn of(world: &World, accounts: &[&str]) -> anyhow::Result<Self> {
        Self::beside(world, accounts, Router::new()).await
    }

    async fn beside(world: &World, accounts: &[&str], more: Router) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        // The clock of these tests stands still, so no token would come back.
        let free = Rate { burst: 0, per_minute: 0 };
        let settings = HttpSettings { key_rate: free, address_rate: free, ..HttpSettings::default() };
        let served = spawn_bound(serve_beside(more, world.app.clone(), listener, settings, Stop::default()));
        Ok(Self { url, key: world.key(&[Scope::Admin], accounts).await?, _served: served })
    }

    /// A browser that is signed in; `None` when there is no browser.
    async fn visited(&self, test: &str, looks: Looks) -> anyhow::Result<Option<Browser>> {
        let Some(browser) = Browser::open(test, looks).await? else { return Ok(None) };
        browser.go(&format!("{}/ui/", self.url)).await?;
        browser.write("#key", &self.key).await?;
        browser.click("button.main").await?;
        // A page in between sends it on by itself, so that the strict cookie comes along.
        browser.arrives("/ui/").await?;
        Ok(Some(browser))
    }

    fn talk(&self) -> String {
        format!("{}/ui/thread/{INES}/{TALK}", self.url)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_read_in_light_and_dark_and_on_a_phone() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let site = Site::of(&world, &[INES]).await?;
    let Some(browser) = Browser::open("pages_are_read", Looks::default()).await? else { return Ok(()) };
    browser.go(&format!("{}/ui/", site.url)).await?;
    browser.picture("login").await?;
    browser.close().await?;
    let Some(browser) = site.visited("pages_are_read", Looks::default()).await? else { return Ok(()) };
    for (name, address) in [
        ("inbox", format!("{}/ui/", site.url)),
        ("conversation", site.talk()),
        ("search", format!("{}/ui/search?q=rooms", site.url)),
        ("sync", format!("{}/ui/sync", site.url)),
        ("import", format!("{}/ui/import", site.url)),
        ("not-found", format!("{}/ui/nothing", site.url)),
    ] {
        browser.go(&address).await?;
        for is_dark in [false, true] {
            browser.dress(is_dark).await?;
            browser.picture(&format!("{name}{}", if is_dark { "-dark" } else { "" })).await?;
        }
    }
    browser.dress(false).await?;
    browser.go(&site.talk()).await?;
    assert_eq!(browser.text(".title h1").await?, "Mara Muster");
    browser.until("[...document.images].every(one => one.complete && one.naturalWidth > 0)").await?;
    let end = "(s => s.scrollTop + s.clientHeight >= s.scrollHeight - 2 || s.scrollTop === 0)\
               (document.querySelector('.thread > .scroll'))";
    assert_eq!(browser.value(end).await?, true, "the newest message is in sight");
    browser.close().await?;

    let Some(phone) = site.visited("pages_are_read", PHONE).await? else { return Ok(()) };
    for (name, address) in [
        ("inbox", format!("{}/ui/", site.url)),
        ("conversation", site.talk()),
        ("search", format!("{}/ui/search?q=rooms", site.url)),
        ("sync", format!("{}/ui/sync", site.url)),
        ("import", format!("{}/ui/import", site.url)),
    ] {
        phone.go(&address).await?;
        phone.picture(&format!("{name}-phone")).await?;
        let fits = phone.value("document.documentElement.scrollWidth <= 360").await?;
        assert_eq!(fits, true, "{name} is not wider than the screen");
    }
    phone.go(&site.talk()).await?;
    // What is not in sight is still said by a screen reader; the times of all messages are in sight without a pointer.
    let style = |of: &str, what: &str| format!("getComputedStyle(document.querySelector('{of}')).{what}");
    for of in [".mine .by b", ".at.late .unseen"] {
        assert_eq!(phone.value(&style(of, "clipPath")).await?, "inset(50%)", "{of}");
        assert_ne!(phone.value(&style(of, "display")).await?, "none", "{of}");
    }
    assert_ne!(phone.value(&style(".at.late", "display")).await?, "none");
    assert_eq!(phone.value(&style(".at.late", "opacity")).await?, "1");
    let reactions = "document.querySelector('.reactions').getAttribute('role')";
    assert_eq!(phone.value(reactions).await?, "group");
    phone.click(".back").await?;
    phone.arrives("/ui/").await?;
    phone.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_done_with_keys_alone() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let site = Site::of(&world, &[]).await?;
    let Some(browser) = site.visited("everything_is_done_with_keys_alone", Looks::default()).await? else {
        return Ok(());
    };
    let focused = "document.activeElement.querySelector('.who')?.textContent.trim()";
    browser.press("jj").await?;
    let second = browser.value(focused).await?;
    browser.press("k").await?;
    let first = browser.value(focused).await?;
    assert!(first != second && first == json!("Mara Muster"), "{first} {second}");
    browser.picture("inbox-keys").await?;
    browser.press(ENTER).await?;
    browser.until("location.pathname.startsWith('/ui/thread/')").await?;
    browser.press("pp").await?;
    assert_eq!(browser.value("document.activeElement.classList.contains('message')").await?, true);
    browser.press("?").await?;
    assert_eq!(browser.value("document.querySelector('#keys').open").await?, true);
    browser.picture("keys").await?;
    browser.press("\u{e00c}u").await?;
    browser.arrives("/ui/").await?;
    browser.go(&format!("{}?show=all", site.talk())).await?;
    browser.press("u").await?;
    browser.arrives("/ui/").await?;
    assert_eq!(browser.value("location.search").await?, json!("?show=all"));
    browser.press("/").await?;
    assert_eq!(browser.value("document.activeElement.id").await?, json!("q"));
    browser.press(&format!("rooms{ENTER}")).await?;
    browser.arrives("/ui/search").await?;
    browser.press(&format!("j{ENTER}")).await?;
    browser.until("location.hash.startsWith('#m-')").await?;
    assert_eq!(browser.value("document.querySelectorAll('.message.asked').length").await?, 1);
    browser.go(&format!("{}/ui/", site.url)).await?;
    browser.press(TAB).await?;
    assert_eq!(browser.value("document.activeElement.className").await?, json!("skip"), "the first stop skips the bar");
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_everything_is_read() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let site = Site::of(&world, &[]).await?;
    let looks = Looks { has_scripts: false, ..Looks::default() };
    let Some(browser) = site.visited("without_scripts_everything_is_read", looks).await? else { return Ok(()) };
    assert_eq!(browser.value("document.querySelector('[data-keys]').hidden").await?, true, "no script has run");
    browser.click(".row").await?;
    browser.says(".title h1", "Mara Muster").await?;
    browser.says(".messages", "Thursday at ten works.").await?;
    browser.click(".prior summary").await?;
    browser.says(".prior", "Wednesday at ten works.").await?;
    browser.click(".people summary").await?;
    browser.says(".people", "Ines Sample").await?;
    browser.picture("conversation-no-script").await?;
    browser.write("#q", &format!("rooms{ENTER}")).await?;
    browser.says("mark", "rooms").await?;
    browser.click(".places a[href='/ui/sync']").await?;
    browser.click("button[name=force]").await?;
    browser.says(".going", "about to begin").await?;
    browser.click(".ways button").await?;
    browser.click(".leave button").await?;
    browser.says("main", "You are signed out.").await?;
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_while_it_happens() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let site = Site::of(&world, &[]).await?;
    let Some(browser) = site.visited("progress_is_shown_while_it_happens", Looks::default()).await? else {
        return Ok(());
    };
    browser.go(&format!("{}/ui/sync", site.url)).await?;
    browser.click(&format!("[data-account='{INES}'] button.main")).await?;
    browser.until("!!document.querySelector('[data-watch]')").await?;
    let mut claimed = world.begin_sync(INES).await?;
    let mut taught = Taught::default().person(MARA, "Mara Muster")?.conversation(TALK, 500, &[INES_MEMBER, MARA])?;
    for at in 0..42 {
        taught = taught.message((TALK, &format!("2-m{at}")), MARA, at)?;
    }
    world.commit(&mut claimed, taught).await?;
    browser.until("document.querySelector('[data-live=messages]').textContent === '42'").await?;
    browser.picture("sync-running").await?;
    world.end_sync(&claimed, &JobEnd::Done).await?;
    browser.until("!document.querySelector('[data-watch]')").await?;
    browser.says(".going", "done").await?;
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_that_ends_and_a_session_that_ends_are_seen() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let site = Site::of(&world, &[]).await?;
    let Some(browser) = site.visited("each_run_that_ends_and_a_session_that_ends_are_seen", Looks::default()).await?
    else {
        return Ok(());
    };
    let (ines, otto) = (world.begin_sync(INES).await?, world.begin_sync(OTTO).await?);
    browser.go(&format!("{}/ui/sync", site.url)).await?;
    assert_eq!(browser.value("document.querySelectorAll('[name=run]').length").await?, 2);
    world.end_sync(&ines, &JobEnd::Done).await?;
    browser.until(&format!("!!document.querySelector('[data-account=\"{INES}\"] button.main')")).await?;
    assert_eq!(browser.value("document.querySelectorAll('[name=run]').length").await?, 1, "the other one goes on");
    for key in world.app.store.keys().await? {
        world.app.store.revoke_key(&key.id, world.app.clock.now()).await?;
    }
    browser.arrives("/ui/login").await?;
    world.end_sync(&otto, &JobEnd::Done).await?;
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_day_of_the_reader_begins_with_a_name() -> anyhow::Result<()> {
    // From the beginning of the test to the next day in Tokyo, which is no other one in UTC.
    const MIDNIGHT_MS: i64 = (11 * 60 + 56) * 60_000;
    let world = World::with_accounts().await?;
    let mut taught = Taught::default().person(MARA, "Mara Muster")?.conversation(TALK, 500, &[INES_MEMBER, MARA])?;
    for at in -1..2 {
        taught = taught.message((TALK, &format!("2-m{}", at + 1)), MARA, MIDNIGHT_MS + at * 60_000)?;
    }
    world.sync(INES, taught).await?;
    let site = Site::of(&world, &[]).await?;
    let Some(browser) = site.visited("each_day_of_the_reader_begins_with_a_name", Looks::default()).await? else {
        return Ok(());
    };
    browser.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "Asia/Tokyo"})).await?;
    browser.go(&site.talk()).await?;
    let names = "[...document.querySelectorAll('.day + .message .by b')].map(one => one.innerText)";
    assert_eq!(browser.value(names).await?, json!(["Mara Muster", "Mara Muster"]));
    assert_eq!(browser.value("document.querySelectorAll('.message:not(.first)').length").await?, 1);
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_chosen_sent_and_read() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let site = Site::of(&world, &[]).await?;
    let Some(browser) = site.visited("an_archive_is_chosen_sent_and_read", Looks::default()).await? else {
        return Ok(());
    };
    browser.picture("inbox-empty").await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("messages.csv");
    archive(&file)?;
    browser.go(&format!("{}/ui/import", site.url)).await?;
    browser.write("#file", &file.to_string_lossy()).await?;
    browser.write("#me", "Ines Sample").await?;
    browser.click("button.main").await?;
    browser.until("location.pathname.startsWith('/ui/import/') && !document.querySelector('[data-watch]')").await?;
    browser.says("h1", "Imported").await?;
    browser.picture("imported").await?;
    browser.click(".ways a").await?;
    browser.says(".rows", "Mara Muster").await?;
    std::fs::write(&file, "no archive at all")?;
    browser.go(&format!("{}/ui/import", site.url)).await?;
    browser.write("#file", &file.to_string_lossy()).await?;
    browser.click("button.main").await?;
    browser.until("document.querySelector('#say').className === 'notice bad'").await?;
    browser.picture("import-refused").await?;
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_an_archive_is_sent_all_the_same() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let site = Site::of(&world, &[]).await?;
    let looks = Looks { has_scripts: false, ..Looks::default() };
    let Some(browser) = site.visited("without_scripts_an_archive_is_sent", looks).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("messages.csv");
    archive(&file)?;
    browser.go(&format!("{}/ui/import", site.url)).await?;
    browser.picture("import-no-script").await?;
    browser.write("#file", &file.to_string_lossy()).await?;
    browser.write("#me", "Ines Sample").await?;
    browser.click("button.main").await?;
    browser.says("h1", "Imported").await?;
    browser.click(".ways a").await?;
    browser.says(".rows", "Mara Muster").await?;
    browser.close().await
}

fn archive(file: &Path) -> anyhow::Result<()> {
    let mut table =
        "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,DATE,SUBJECT,CONTENT,FOLDER\n".to_owned();
    for at in 0..500 {
        let second = at % 60;
        table.push_str(&format!(
            "2-a{},,Mara Muster,https://www.linkedin.com/in/mara,Ines Sample,2025-01-02 03:04:{second:02} UTC,,Hello {at},INBOX\n",
            at % 7
        ));
    }
    Ok(std::fs::write(file, table)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn row_21_22_nothing_runs_in_an_inbox_of_a_thousand_hostile_messages() -> anyhow::Result<()> {
    let world = hostile().await?;
    let bare = || async { Html(HOSTILE[..6].join("\n")) };
    let site = Site::beside(&world, &[], Router::new().route("/bare", get(bare))).await?;
    let test = "row_21_22_nothing_runs_in_an_inbox_of_a_thousand_hostile_messages";
    let Some(browser) = site.visited(test, Looks::default()).await? else { return Ok(()) };
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": WITNESS})).await?;
    browser.console().await?;
    let mut addresses = vec![format!("{}/ui/", site.url), format!("{}/ui/sync", site.url)];
    addresses.extend((0..HOSTILE_TALKS).map(|talk| format!("{}/ui/thread/{INES}/2-h{talk}", site.url)));
    addresses.extend(["script", "evil.test", "onerror"].map(|word| format!("{}/ui/search?q={word}", site.url)));
    let mut messages = 0;
    for address in addresses {
        browser.go(&address).await?;
        // Everything that can be touched is touched.
        browser.value("document.querySelectorAll('details').forEach(one => one.open = true)").await?;
        assert_eq!(browser.value("window.pwned === undefined").await?, true, "{address}");
        assert_eq!(browser.value("window.breaches").await?, json!([]), "{address}");
        assert_eq!(browser.address().await?, address, "nothing led away");
        let links = "[...document.links].every(one => ['http:', 'https:'].includes(one.protocol))";
        assert_eq!(browser.value(links).await?, true, "{address}");
        messages += browser.value("document.querySelectorAll('[id^=m-]').length").await?.as_u64().unwrap_or_default();
        if address.ends_with("2-h1") {
            browser.picture("hostile").await?;
        }
    }
    assert_eq!(messages, (HOSTILE_TALKS * HOSTILE_MESSAGES) as u64);
    let complaints: Vec<String> = browser.console().await?;
    assert_eq!(complaints, Vec::<String>::new());

    // The witness can see: the same texts as markup, without a policy, run.
    browser.go(&format!("{}/bare", site.url)).await?;
    browser.until("window.pwned === 1").await?;
    browser.close().await
}
