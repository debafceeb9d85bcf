//! The pages of the viewer as they are written: what is on them, their windows, their size, and that nothing of a
//! stranger is markup.

use axum::http::StatusCode;
use threadkeep::store::{Login, SealedSession};
use threadkeep::verbs::keys::Scope;
use threadkeep_core::content::Content;
use threadkeep_core::id::{AccountId, ConversationId, PersonId};
use threadkeep_core::message::MessageFormat;
use threadkeep_core::sync::track::{Completeness, ConversationTrack};
use threadkeep_core::time::Timestamp;

use crate::api_world::{INES, INES_MEMBER, OTTO, Taught, World};
use crate::web_world::{HOSTILE, HOSTILE_TALKS, MARA, TALK, Visit, hostile, pleasant};

/// Largest first page, in bytes.
const FIRST_PAGE_MAX: usize = 50_000;
/// A day.
const DAY_MS: i64 = 24 * 3_600_000;

async fn reader(world: &World) -> anyhow::Result<Visit<'_>> {
    Visit::begin(world, &[Scope::Admin], &[]).await
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

/// The address in a link with these words.
fn link(page: &str, words: &str) -> Option<String> {
    let before = page.split(&format!(">{words}</a>")).next().filter(|before| before.len() < page.len())?;
    let address = before.rsplit("href=\"").next()?.split('"').next()?;
    Some(address.replace("&amp;", "&").replace("&#38;", "&"))
}

#[tokio::test]
async fn the_inbox_shows_people_marks_and_the_last_message() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let visit = reader(&world).await?;
    let page = visit.read("/ui/").await?;
    for text in
        ["Mara Muster", "Meetup crew", "Starred", "InMail", "<b><bdi>You</bdi>:</b>", "The outline, with the times:"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(count(&page, "<a class=\"row"), 9, "what was archived is in a list of its own");
    assert!(page.contains(">unread </span>1</span>"), "unread is told in words, too");
    let archive = visit.read("/ui/?show=archive").await?;
    assert!(archive.contains("See you there.") && count(&archive, "<a class=\"row") == 1);
    assert_eq!(count(&visit.read("/ui/?show=all").await?, "<a class=\"row"), 10);
    assert_eq!(count(&visit.read("/ui/?show=groups").await?, "<a class=\"row"), 2);
    assert!(visit.read("/ui/?show=unread").await?.contains("Paper reading"));
    assert_eq!(visit.open("/ui/?show=nonsense").await?.status, StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn a_conversation_shows_what_became_of_its_messages() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let visit = reader(&world).await?;
    let page = visit.read(&format!("/ui/thread/{INES}/{TALK}")).await?;
    for text in [
        "Your talk on write-ahead logs",
        "Thursday at ten works. I bring the numbers of both rooms.",
        "Edited: earlier text",
        "Wednesday at ten works.",
        "This message was taken back.",
        "What it said",
        "(wrong window, sorry)",
        "Mara Muster changed the topic of the conversation",
        "Reply to",
        "outline-storage-evening.pdf",
        "not copied yet",
        "🎉 2",
        "The beginning of this conversation",
        "Wed 31 Dec 2025",
        "https://www.linkedin.com/in/acoaamara",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let link = "<a href=\"https://example.org/code/wal?chapter=2\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">\
                https://example.org/code/wal?chapter=2</a>";
    assert!(page.contains(link));
    assert!(page.contains(&format!("<img src=\"/ui/media/{INES}/2-m04/0\"")) && count(&page, "loading=\"lazy\"") == 1);
    let image = visit.open(&format!("/ui/media/{INES}/2-m04/0")).await?;
    assert_eq!((image.status, image.header("content-type").as_str()), (StatusCode::OK, "image/png"));
    assert_eq!(image.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(
        visit.open(&format!("/ui/media/{INES}/2-m09/0")).await?.status,
        StatusCode::NOT_FOUND,
        "looking fetches nothing"
    );
    Ok(())
}

#[tokio::test]
async fn the_list_beside_a_conversation_stays_on_the_way_through_it() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let mut taught = Taught::default().person(MARA, "Mara Muster")?.conversation(TALK, 500, &[INES_MEMBER, MARA])?;
    for at in 0..60 {
        taught = taught.message((TALK, &format!("2-m{at:02}")), MARA, at)?;
    }
    world.sync(INES, taught.grouped()).await?;
    let visit = reader(&world).await?;
    let list = format!("account={INES}&show=groups");
    let is_there = |page: &str| page.contains(&format!("href=\"/ui/?{}\" aria-current", list.replace('&', "&#38;")));
    let is_all_carried = |page: &str| {
        let window = format!("href=\"/ui/thread/{INES}/{TALK}");
        page.split(&window).skip(1).all(|rest| rest.split('"').next().is_some_and(|rest| rest.contains("show=groups")))
    };
    let mut page = visit.read(&format!("/ui/thread/{INES}/{TALK}?{list}")).await?;
    for words in ["Older messages", "Newer messages", "Older messages", "To the newest"] {
        assert!(is_there(&page) && is_all_carried(&page), "before {words}");
        let back = page.split("class=\"back\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        assert_eq!(back, Some(format!("/ui/?{}", list.replace('&', "&#38;")).as_str()));
        page = visit.read(&link(&page, words).unwrap_or_default()).await?;
    }
    let asked = visit.read(&format!("/ui/thread/{INES}/{TALK}?message=2-m10&{list}")).await?;
    assert!(is_there(&asked) && is_all_carried(&asked));
    Ok(())
}

#[tokio::test]
async fn what_is_quoted_names_its_author_and_is_whole_behind_its_own_link() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let forwarded = |sender: Option<&str>, body: String| {
        let sender = sender.map(PersonId::new).transpose()?;
        anyhow::Ok(Content::Forwarded { body, sender, sent_at: None })
    };
    let long = |end: &str| format!("{} {end}", "long ".repeat(2_500));
    let taught = Taught::default()
        .person(MARA, "Mara Muster")?
        .person("ACoAABen", "Ben Beispiel")?
        .conversation(TALK, 500, &[INES_MEMBER, MARA])?
        .message((TALK, "2-m1"), MARA, 1_000)?
        .written(&long("THE-FIRST-TEXT"), MessageFormat::Default)
        .carrying(vec![forwarded(Some("ACoAABen"), long("THE-END"))?])
        .message((TALK, "2-m2"), "ACoAAGone", 2_000)?
        .carrying(vec![forwarded(Some("ACoAAGone"), "short".into())?])
        .message((TALK, "2-m3"), "", 3_000)?
        .carrying(vec![forwarded(None, "of nobody".into())?]);
    world.sync(INES, taught).await?;
    let edited = Taught::default().message((TALK, "2-m1"), MARA, 1_000)?.written("new", MessageFormat::Edited);
    world.sync(INES, edited).await?;
    let visit = reader(&world).await?;
    let page = visit.read(&format!("/ui/thread/{INES}/{TALK}")).await?;
    assert!(page.contains("Forwarded from <bdi>Ben Beispiel</bdi>"));
    assert!(page.contains("Forwarded from <bdi>LinkedIn Member</bdi>") && page.contains("Forwarded <bdi></bdi>"));
    assert!(page.contains("<b><bdi>LinkedIn Member</bdi></b>") && page.contains("<b><bdi>LinkedIn</bdi></b>"));
    // The forwarded text and the earlier one.
    assert_eq!(count(&page, "Show all of it"), 2);
    assert!(!page.contains("THE-END") && !page.contains("THE-FIRST-TEXT"));
    let own = visit.read(&link(&page, "Show all of it").unwrap_or_default()).await?;
    assert!(own.contains("THE-END") && own.contains("THE-FIRST-TEXT") && count(&own, "Show all of it") == 0);
    assert!(own.contains("Forwarded from <bdi>Ben Beispiel</bdi>"));
    Ok(())
}

#[tokio::test]
async fn windows_of_a_conversation_meet_without_gap_in_both_directions() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let mut taught = Taught::default().person(MARA, "Mara Muster")?.conversation(TALK, 500, &[INES_MEMBER, MARA])?;
    for at in 0..230 {
        // Many at one moment, as an archive has them.
        taught = taught.message((TALK, &format!("2-m{at:03}")), MARA, (at / 90) * 1_000)?;
    }
    world.sync(INES, taught).await?;
    let visit = reader(&world).await?;
    let shown = |page: &str| -> Vec<String> {
        page.split("id=\"m-").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let mut page = visit.read(&format!("/ui/thread/{INES}/{TALK}")).await?;
    let mut all = shown(&page);
    let mut windows = 1;
    while let Some(older) = link(&page, "Older messages") {
        page = visit.read(&older).await?;
        all.splice(0..0, shown(&page));
        windows += 1;
    }
    let expected: Vec<String> = (0..230).map(|at| format!("2-m{at:03}")).collect();
    assert_eq!((windows, &all), (5, &expected));
    let mut back = shown(&page);
    while let Some(newer) = link(&page, "Newer messages") {
        page = visit.read(&newer).await?;
        back.extend(shown(&page));
    }
    assert_eq!(back, expected);
    let asked = visit.read(&format!("/ui/thread/{INES}/{TALK}?message=2-m100")).await?;
    assert!(asked.contains("asked\" id=\"m-2-m100\"") && link(&asked, "To the newest").is_some());
    assert_eq!(visit.open(&format!("/ui/thread/{INES}/{TALK}?message=2-nothing")).await?.status, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn the_first_page_of_ten_thousand_conversations_is_small_and_a_walk_shows_each_once() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let mut claimed = world.begin_sync(INES).await?;
    for block in 0..10 {
        let mut taught = Taught::default();
        for at in block * 1_000..(block + 1) * 1_000 {
            let (id, person) = (format!("2-c{at}"), format!("ACoAAP{at}"));
            taught = taught
                .person(&person, &format!("Maximiliane-Theodora {at} von und zu Beispielhausen"))?
                .conversation(&id, at * 2 + 1, &[INES_MEMBER, &person])?
                .filed("", &["INBOX", "STARRED", "INMAIL"], "InMail")
                .message((&id, &format!("2-m{at}")), &person, at)?
                .written(&"A text that is longer than what a list shows of it. ".repeat(6), MessageFormat::Default);
        }
        world.commit(&mut claimed, taught).await?;
    }
    world.end_sync(&claimed, &threadkeep::store::JobEnd::Done).await?;
    let visit = reader(&world).await?;
    let mut page = visit.read("/ui/").await?;
    assert!(page.len() <= FIRST_PAGE_MAX, "{} bytes", page.len());
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        for id in page.split(&format!("/ui/thread/{INES}/")).skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(seen.insert(id.to_owned()), "{id} twice");
        }
        let Some(older) = link(&page, "Older conversations") else { break };
        page = visit.read(&older).await?;
    }
    assert_eq!(seen.len(), 40 * 30);
    Ok(())
}

#[tokio::test]
async fn row_21_22_nothing_of_a_stranger_is_markup() -> anyhow::Result<()> {
    let world = hostile().await?;
    let visit = reader(&world).await?;
    let mut paths = vec!["/ui/".to_owned(), "/ui/sync".to_owned(), format!("/ui/sync/{INES}/missing")];
    paths.extend((0..HOSTILE_TALKS).map(|talk| format!("/ui/thread/{INES}/2-h{talk}")));
    for text in HOSTILE {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", text).finish();
        paths.push(format!("/ui/search?{query}"));
    }
    for path in paths {
        let answer = visit.open(&path).await?;
        let page = String::from_utf8(answer.bytes)?;
        let own =
            ["<script src=\"/ui/assets/viewer-", "<link rel=\"stylesheet\" href=\"/ui/assets/", "<link rel=\"icon\" "];
        let mut rest = page.clone();
        for one in own {
            assert!(count(&rest, one) <= 1);
            rest = rest.replace(one, "");
        }
        for markup in [
            "<script",
            "<img src=x",
            "<svg on",
            "<iframe",
            "<link",
            "<style",
            "<base",
            "<math",
            "<video",
            "javascript:window",
        ] {
            let in_link = rest.contains(&format!("href=\"{markup}"));
            let is_text = markup == "javascript:window" && !in_link;
            assert!(is_text || !rest.contains(markup), "{path}: {markup}");
        }
        assert!(!rest.contains(" onerror=window.pwned=1>") && !rest.contains(" style="), "{path}");
        assert!(!page.contains('\u{0}') && !page.contains('\u{1b}'), "{path}");
        assert!(page.len() < 2_000_000, "{path}: {}", page.len());
    }
    Ok(())
}

#[tokio::test]
async fn every_page_forbids_what_is_not_ours() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let visit = reader(&world).await?;
    for path in
        ["/ui/", &format!("/ui/thread/{INES}/{TALK}"), "/ui/sync", "/ui/search?q=log", "/ui/import", "/ui/nothing"]
    {
        let answer = visit.open(path).await?;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "same-origin"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn files_of_the_page_are_named_by_their_content_and_kept() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let visit = reader(&world).await?;
    let page = visit.read("/ui/").await?;
    let assets: std::collections::BTreeSet<&str> =
        page.split('"').filter(|part| part.starts_with("/ui/assets/")).collect();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for asset in assets {
        let answer = visit.open(asset).await?;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(answer.bytes.len() < 20_000, "{asset}: {}", answer.bytes.len());
    }
    assert_eq!(visit.open("/ui/assets/..%2f..%2fCargo.toml").await?.status, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn empty_and_wrong_places_say_what_to_do() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let visit = reader(&world).await?;
    assert!(visit.read("/ui/").await?.contains("There is no account yet"));
    assert!(visit.read("/ui/sync").await?.contains("threadkeep account add"));
    assert!(visit.read("/ui/search").await?.contains("has:attachment"));
    assert!(visit.read("/ui/import").await?.contains("threadkeep import FILE"));
    for path in ["/ui/nothing", &format!("/ui/thread/{OTTO}/2-x"), "/ui/import/7", "/ui/thread/x/y"] {
        let answer = visit.open(path).await?;
        let page = String::from_utf8(answer.bytes)?;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.contains("There is nothing here") && page.contains("href=\"/ui/\""), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_called_whole_of_which_nothing_is_known() -> anyhow::Result<()> {
    const WHOLE: &str = "Nothing is missing";
    const UNKNOWN: &str = "Nothing was mirrored by a sync yet";
    let world = World::with_accounts().await?;
    let visit = reader(&world).await?;
    let missing = format!("/ui/sync/{INES}/missing");
    for path in ["/ui/sync", &missing] {
        let page = visit.read(path).await?;
        assert!(page.contains(UNKNOWN) && !page.contains(WHOLE), "{path}");
    }
    // What came by itself, as out of an archive.
    world.sync(INES, Taught::default().message((TALK, "2-m1"), INES_MEMBER, 1_000)?).await?;
    let mut claimed = world.begin_sync(INES).await?;
    let mut track = ConversationTrack::new(ConversationId::new(TALK)?);
    track.detail.completeness = Completeness::OutOfScope;
    world.commit(&mut claimed, Taught::default().tracked(track.clone())).await?;
    assert!(visit.read(&missing).await?.contains(UNKNOWN));
    let talk = visit.read(&format!("/ui/thread/{INES}/{TALK}")).await?;
    assert!(talk.contains("No sync asks for more of this conversation") && !talk.contains("The beginning of this"));
    track.detail.completeness = Completeness::Complete;
    world.commit(&mut claimed, Taught::default().tracked(track)).await?;
    let page = visit.read(&missing).await?;
    assert!(page.contains(WHOLE) && !page.contains(UNKNOWN));
    let page = visit.read("/ui/sync").await?;
    assert_eq!((count(&page, WHOLE), count(&page, UNKNOWN)), (1, 1), "the other account has not been synced");
    Ok(())
}

#[tokio::test]
async fn an_account_says_when_its_login_ends() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let visit = reader(&world).await?;
    assert!(!visit.read("/ui/sync").await?.contains("The login"), "no date is known");
    let date = |at: Timestamp| -> anyhow::Result<Login> {
        let session = SealedSession { login_expires_at: Some(at), ..crate::store_fixture::sealed(&[1]) };
        Ok(Login { id: AccountId::new(INES)?, sealed_session: session, ..crate::store_fixture::login(1)? })
    };
    let now = world.app.clock.now();
    world.app.store.log_in(&date(now.plus_ms(20 * DAY_MS))?, now).await?;
    let page = visit.read("/ui/sync").await?;
    assert!(page.contains("The login ends on <time") && !page.contains("account reconnect"));
    world.app.store.log_in(&date(now.plus_ms(DAY_MS))?, now).await?;
    let page = visit.read("/ui/sync").await?;
    assert!(page.contains("The login ends soon") && page.contains(&format!("account reconnect {INES}</code>")));
    world.app.store.log_in(&date(now.plus_ms(-DAY_MS))?, now).await?;
    assert!(visit.read("/ui/sync").await?.contains("The login ended on"));
    Ok(())
}

#[tokio::test]
async fn a_conversation_without_messages_says_why() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    world.sync(INES, Taught::default().conversation(TALK, 500, &[INES_MEMBER, MARA])?).await?;
    let visit = reader(&world).await?;
    let page = visit.read(&format!("/ui/thread/{INES}/{TALK}")).await?;
    assert!(page.contains("No message is here") && page.contains("No message was asked for yet"));
    assert!(!page.contains("The beginning of this conversation"));
    Ok(())
}

#[tokio::test]
async fn what_is_found_is_marked_and_leads_to_its_message() -> anyhow::Result<()> {
    let world = pleasant().await?;
    let visit = reader(&world).await?;
    let page = visit.read("/ui/search?q=outline").await?;
    assert!(page.contains("<mark>outline</mark>"), "{page}");
    assert!(page.contains(&format!("href=\"/ui/thread/{INES}/{TALK}?message=2-m09#m-2-m09\"")));
    assert!(visit.read("/ui/search?q=nothinglikethis").await?.contains("Nothing was found"));
    let wrong = visit.open("/ui/search?q=from%3A").await?;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8(wrong.bytes)?.contains("role=\"alert\""));
    Ok(())
}
