//! What the tests of the viewer look at: a visitor with a session, an inbox to look at, and an inbox of hostile texts.
//!
//! Everything is invented. The hostile texts are what a stranger could write; each would leave a mark if it ran.

use std::io::Write;

use anyhow::Context;
use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use threadkeep::store::{ConversationFilter, JobEnd, MediaCommit, MediaOutcome, StoredObject};
use threadkeep::verbs::keys::Scope;
use threadkeep::verbs::media::{self, Wanted};
use threadkeep_core::content::Content;
use threadkeep_core::id::{AccountId, MessageId, PersonId};
use threadkeep_core::message::MessageFormat::{Default as Plain, Edited, Recalled, System};
use threadkeep_core::sync::track::{Completeness, ConversationTrack};

use crate::api_world::{Answer, INES, INES_MEMBER, Taught, World};

/// Somebody whom Ines writes with.
pub const MARA: &str = "ACoAAMara";
/// The conversation with Mara.
pub const TALK: &str = "2-talk";
/// What browsers accept when they open a page.
const PAGES: &str = "text/html,application/xhtml+xml";
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A browser without a screen: it keeps its cookie.
pub struct Visit<'a> {
    world: &'a World,
    /// The cookie, with its name.
    pub cookie: String,
}

impl<'a> Visit<'a> {
    /// Signs in with a key of these scopes that reaches these accounts.
    pub async fn begin(world: &'a World, scopes: &[Scope], accounts: &[&str]) -> anyhow::Result<Self> {
        let key = world.key(scopes, accounts).await?;
        let answer = sign_in(world, &key, "").await?;
        assert_eq!((answer.status.as_u16(), answer.header("location").as_str()), (303, "/ui/entered?next=%2Fui%2F"));
        let cookie = answer.header("set-cookie");
        Ok(Self { world, cookie: cookie.split(';').next().unwrap_or_default().to_owned() })
    }

    /// Opens a page.
    pub async fn open(&self, path: &str) -> anyhow::Result<Answer> {
        let request = Request::builder().uri(path).header("cookie", &self.cookie).header("accept", PAGES);
        self.world.send(request.body(Body::empty())?).await
    }

    /// The text of a page that has to be there.
    pub async fn read(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.open(path).await?;
        let text = String::from_utf8(answer.bytes)?;
        anyhow::ensure!(answer.status.as_u16() == 200, "{path}: {} {text}", answer.status);
        Ok(text)
    }

    /// Sends a form.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let request = Request::builder().method(Method::POST).uri(path).header("accept", PAGES);
        self.world.send(request.header("cookie", &self.cookie).body(form(fields).into())?).await
    }

    /// What the forms of this session carry.
    pub async fn secret(&self) -> anyhow::Result<String> {
        let page = self.read("/ui/sync").await?;
        let secret = page.split("name=\"secret\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        Ok(secret.unwrap_or_default().to_owned())
    }
}

/// Sends the form of the login.
pub async fn sign_in(world: &World, key: &str, next: &str) -> anyhow::Result<Answer> {
    let request = Request::builder().method(Method::POST).uri("/ui/login").header("accept", PAGES);
    world.send(request.body(form(&[("key", key), ("next", next)]).into())?).await
}

/// Opens a page without a session.
pub async fn open(world: &World, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let mut request = Request::builder().uri(path).header("accept", PAGES);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::empty())?).await
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An inbox that is good to look at.
pub async fn pleasant() -> anyhow::Result<World> {
    let world = World::with_accounts().await?;
    world.sync(INES, people(Taught::default())?).await?;
    world.sync(INES, others(Taught::default())?).await?;
    world.sync(INES, talk(Taught::default())?).await?;
    let later = Taught::default()
        .message((TALK, "2-m06"), INES_MEMBER, -25 * MINUTE)?
        .written("Thursday at ten works. I bring the numbers of both rooms.", Edited)
        .message((TALK, "2-m08"), MARA, -21 * MINUTE)?
        .written("", Recalled);
    world.sync(INES, later).await?;
    keep_image(&world).await?;
    complete(&world).await?;
    Ok(world)
}

/// All of them are here from their beginning, but one.
async fn complete(world: &World) -> anyhow::Result<()> {
    let mut claimed = world.begin_sync(INES).await?;
    let filter = ConversationFilter { accounts: vec![AccountId::new(INES)?], ..ConversationFilter::default() };
    for row in world.app.store.conversations(&filter, 100).await? {
        let mut track = ConversationTrack::new(row.conversation.id.clone());
        track.activity = row.conversation.last_activity_at;
        track.synced_to = Some(track.activity);
        track.detail.completeness = match row.conversation.id.as_str() {
            "2-c7" => Completeness::EndUnproven,
            _ => Completeness::Complete,
        };
        world.commit(&mut claimed, Taught::default().tracked(track)).await?;
    }
    world.end_sync(&claimed, &JobEnd::Done).await
}

fn people(mut taught: Taught) -> anyhow::Result<Taught> {
    for (id, name) in [
        (INES_MEMBER, "Ines Sample"),
        (MARA, "Mara Muster"),
        ("ACoAABen", "Ben Beispiel"),
        ("ACoAAAda", "Ada Exempel"),
        ("ACoAAJun", "Jun Rei"),
        ("ACoAANour", "Nour Namuna"),
        ("ACoAAPia", "Pia Próba"),
        ("ACoAATom", "Tom Voorbeeld"),
        ("ACoAALea", "Léa Exemple"),
        ("ACoAAIvo", "Ivo Primjer"),
    ] {
        taught = taught.person(id, name)?.linked(&format!("https://www.linkedin.com/in/{}", id.to_lowercase()));
    }
    Ok(taught)
}

/// A conversation: id, when it was active, with whom, title, folders, label, newest text.
type Talk<'a> = (&'a str, i64, &'a [&'a str], &'a str, &'a [&'a str], &'a str, &'a str);

fn others(taught: Taught) -> anyhow::Result<Taught> {
    let inbox: &[&str] = &["INBOX"];
    let rows: [Talk<'_>; 9] = [
        (
            "2-g1",
            -95 * MINUTE - 1,
            &["ACoAABen", "ACoAAAda", "ACoAAJun"],
            "Meetup crew",
            &["INBOX", "STARRED"],
            "",
            "The room is booked for forty people 🎉",
        ),
        ("2-c2", -3 * 60 * MINUTE, &["ACoAANour"], "", inbox, "", "Thank you for the introduction, we talk on Monday."),
        (
            "2-c3",
            -5 * 60 * MINUTE - 1,
            &["ACoAAPia"],
            "",
            &["INBOX", "INMAIL"],
            "InMail",
            "Staff engineer, storage team: would you have twenty minutes?",
        ),
        ("2-c4", -DAY, &["ACoAATom"], "", inbox, "", "The slides are at https://example.org/slides/durable-queues"),
        ("2-c5", -2 * DAY, &["ACoAALea"], "", inbox, "", "À bientôt !"),
        (
            "2-g2",
            -3 * DAY - 1,
            &["ACoAAIvo", "ACoAAAda"],
            "Paper reading",
            inbox,
            "",
            "Next one: the log is the database.",
        ),
        ("2-c6", -9 * DAY, &["ACoAAJun"], "", inbox, "", "了解です。また来週お願いします。"),
        ("2-c7", -21 * DAY, &["ACoAAIvo"], "", inbox, "", "Agreed. Let us write it down before we build it."),
        ("2-c8", -40 * DAY, &["ACoAABen"], "", &["ARCHIVE"], "", "See you there."),
    ];
    let mut all = taught;
    for (at, (id, when, with, title, categories, label, text)) in rows.into_iter().enumerate() {
        let everybody: Vec<&str> = [&[INES_MEMBER], with].concat();
        all = all.conversation(id, when, &everybody)?.filed(title, categories, label);
        if with.len() > 1 {
            all = all.grouped();
        }
        let from = if at % 3 == 1 { INES_MEMBER } else { with[0] };
        all = all.message((id, &format!("2-o{at}")), from, when)?.written(text, Plain);
    }
    Ok(all)
}

fn talk(taught: Taught) -> anyhow::Result<Taught> {
    let say = |taught: Taught, id: &str, from: &str, minutes: i64, text: &str| -> anyhow::Result<Taught> {
        Ok(taught.message((TALK, id), from, minutes * MINUTE)?.written(text, Plain))
    };
    let all = taught.conversation(TALK, -12 * MINUTE - 1, &[INES_MEMBER, MARA])?;
    let all = say(
        all,
        "2-m01",
        MARA,
        -2 * 24 * 60,
        "Hello Ines, we met at the storage meetup. Your talk on write-ahead logs was the best of the day.",
    )?
    .about("Your talk on write-ahead logs");
    let all = say(
        all,
        "2-m02",
        INES_MEMBER,
        -2 * 24 * 60 + 9,
        "Thank you, that is kind! The code is at https://example.org/code/wal?chapter=2 if you want to try it.",
    )?
    .reacted("👏", 1);
    let all = say(
        all,
        "2-m03",
        MARA,
        -2 * 24 * 60 + 12,
        "We would like to have it again, for our own people. Two rooms, about sixty seats each.",
    )?;
    let all = say(all, "2-m04", MARA, -2 * 24 * 60 + 13, "This is the larger one:")?.carrying(vec![Content::Image {
        asset: Some("urn:li:digitalmediaAsset:1".into()),
        url: Some("https://www.linkedin.com/dms/prv/1".into()),
    }]);
    let all = all
        .message((TALK, "2-m05"), "", -28 * MINUTE)?
        .written("Mara Muster changed the topic of the conversation", System);
    let all = say(all, "2-m06", INES_MEMBER, -25, "Wednesday at ten works.")?;
    let all = say(all, "2-m07", MARA, -22, "Perfect.")?.reacted("🎉", 2).carrying(vec![Content::Reply {
        body: "Wednesday at ten works.".into(),
        message: Some(MessageId::new("2-m06")?),
        sender: Some(PersonId::new(INES_MEMBER)?),
        sent_at: None,
    }]);
    let all = say(all, "2-m08", MARA, -21, "(wrong window, sorry)")?;
    say(all, "2-m09", MARA, -12, "The outline, with the times:").map(|all| {
        all.carrying(vec![Content::File {
            asset: Some("urn:li:digitalmediaAsset:2".into()),
            byte_size: Some(48_213),
            media_type: Some("application/pdf".into()),
            name: Some("outline-storage-evening.pdf".into()),
            url: Some("https://www.linkedin.com/dms/prv/2".into()),
        }])
    })
}

/// Keeps the image of the talk, as a worker does.
async fn keep_image(world: &World) -> anyhow::Result<()> {
    let (store, message) = (&world.app.store, MessageId::new("2-m04")?);
    let account = store.account(&AccountId::new(INES)?).await?.context("an account")?;
    media::want(&world.app, &account, Wanted::Place { message: &message, ordinal: 0 }).await?;
    let claimed = world.begin_sync(INES).await?;
    let now = world.app.clock.now();
    let task = store.next_media(&claimed.lease, false, now).await?.context("an attachment")?;
    let bytes = picture()?;
    let hash = world.app.media.vault.put(Bytes::from(bytes.clone())).await?;
    let object =
        StoredObject { hash: hash.to_string(), size_bytes: bytes.len() as u64, media_type: "image/png".into() };
    assert!(store.expect_object(&object, now.plus_ms(1_000)).await?);
    let commit = MediaCommit {
        lease: &claimed.lease,
        task: &task,
        outcome: &MediaOutcome::Stored { object, name: None },
        sealed_session: None,
        next_request_at: now,
        lease_until: now.plus_ms(30_000),
        progress: &claimed.job.progress,
        now,
    };
    assert!(store.commit_media(&commit).await?.is_written);
    world.end_sync(&claimed, &JobEnd::Done).await
}

/// A picture of a room with rows of seats, as PNG.
fn picture() -> anyhow::Result<Vec<u8>> {
    let (width, height) = (440_u32, 240_u32);
    let mut pixels = Vec::new();
    for y in 0..height {
        // No filter.
        pixels.push(0);
        for x in 0..width {
            let (in_x, in_y) = (x % 30, y % 30);
            let is_seat = y > 70 && y < 210 && x > 30 && x < 410 && (6..24).contains(&in_x) && (8..24).contains(&in_y);
            let is_stage = (20..45).contains(&y) && (120..320).contains(&x);
            let colour: [u8; 3] = match (is_seat, is_stage) {
                (true, _) => [23, 105 + (x / 8) as u8, 98],
                (_, true) => [244, 213, 141],
                _ => [240, 236, 226],
            };
            pixels.extend(colour);
        }
    }
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&pixels)?;
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, body) in [(b"IHDR", head), (b"IDAT", zlib.finish()?), (b"IEND", Vec::new())] {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(&body);
        png.extend(u32::try_from(body.len())?.to_be_bytes());
        png.extend(kind);
        png.extend(&body);
        png.extend(crc.sum().to_be_bytes());
    }
    Ok(png)
}

/// What a stranger could write; each sets a mark, or loads something, if it runs.
pub const HOSTILE: [&str; 20] = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>",
    "\"><script>window.pwned=1</script>",
    "'><img src=x onerror='window.pwned=1'>",
    "</title></textarea></style></script><script>window.pwned=1</script>",
    "javascript:window.pwned=1",
    "data:text/html,<script>window.pwned=1</script>",
    "https://evil.test/\" onmouseover=\"window.pwned=1",
    "https://evil.test/<script>window.pwned=1</script>",
    "{{ 7*7 }} {% raw %} ${7*7} <%= 7*7 %>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<link rel=stylesheet href=//evil.test/x.css><style>*{display:none}</style>",
    "<form action=//evil.test><input name=key autofocus onfocus=window.pwned=1>",
    "<base href=//evil.test/><meta http-equiv=refresh content='0;url=//evil.test/'>",
    "\u{202e}gpj.exe \u{2066}\u{2069} \u{200b}\u{feff}",
    "a\u{0}b\u{1b}[31mc\u{7}\r\nSet-Cookie: a=b",
    "<!-- --!> <![CDATA[ ]]> <a href=JaVaScRiPt:window.pwned=1>x</a>",
    "<math><mi//xlink:href=\"data:x,<script>window.pwned=1</script>\">",
    "<details open ontoggle=window.pwned=1><video><source onerror=window.pwned=1>",
];
/// Conversations of the hostile inbox.
pub const HOSTILE_TALKS: usize = 20;
/// Messages of each.
pub const HOSTILE_MESSAGES: usize = 50;

/// An inbox in which everything that a stranger can choose is hostile: names, titles, labels, texts, subjects, files,
/// quotes, reactions. A thousand messages.
pub async fn hostile() -> anyhow::Result<World> {
    let world = World::with_accounts().await?;
    let text = |at: usize| HOSTILE[at % HOSTILE.len()];
    for talk in 0..HOSTILE_TALKS {
        let (id, stranger) = (format!("2-h{talk}"), format!("ACoAAEvil{talk}"));
        let mut taught = Taught::default()
            .person(INES_MEMBER, "Ines Sample")?
            .person(&stranger, text(talk))?
            .linked(&format!("javascript:window.pwned=1//{}", text(talk)))
            .conversation(&id, i64::try_from(talk)?, &[INES_MEMBER, &stranger])?
            .filed(if talk % 2 == 0 { text(talk + 1) } else { "" }, &["INBOX"], text(talk + 2));
        for at in 0..HOSTILE_MESSAGES {
            let long = match at {
                7 => "\u{0301}".repeat(100_000),
                8 => "W".repeat(50_000),
                _ => String::new(),
            };
            let message = format!("2-h{talk}m{at}");
            let format = [Plain, Edited, System][at % 3].clone();
            taught = taught
                .message((&id, &message), &stranger, -i64::try_from(at)?)?
                .written(&format!("{}{long}", text(talk + at)), format)
                .about(text(at + 3))
                .reacted(text(at + 4), 2)
                .carrying(hostile_contents(text(talk + at + 5), &stranger)?);
        }
        world.sync(INES, taught).await?;
    }
    Ok(world)
}

fn hostile_contents(text: &str, stranger: &str) -> anyhow::Result<Vec<Content>> {
    let sender = Some(PersonId::new(stranger)?);
    Ok(vec![
        Content::File {
            asset: None,
            byte_size: Some(-1),
            media_type: Some(text.into()),
            name: Some(text.into()),
            url: Some(format!("https://www.linkedin.com/dms/{text}")),
        },
        Content::Image { asset: None, url: Some("javascript:window.pwned=1".into()) },
        Content::External { title: Some(text.into()), url: Some(text.into()), width: Some(-1), height: None },
        Content::Forwarded { body: text.into(), sender: sender.clone(), sent_at: None },
        Content::Reply { body: text.into(), message: None, sender, sent_at: None },
        Content::HostUrn { type_name: Some(text.into()), urn: Some(format!("urn:li:{text}")) },
        Content::Away { text: Some(text.into()) },
        Content::Unknown { key: text.into(), raw: serde_json::Value::Null },
    ])
}
