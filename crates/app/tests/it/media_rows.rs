//! Bad input for the media gate, by its rows in the table of bad inputs (24 to 30): nothing is sent where nothing may
//! be sent, and whatever a hostile host answers has a name and an end.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use async_trait::async_trait;
use reqwest::dns::Resolve as _;
use threadkeep::source::egress::{REAL_UPSTREAM, Upstream};
use threadkeep::source::media::{
    MediaAddress, MediaBody, MediaFault, MediaGate, MediaLimits, MediaRefused, content_disposition, safe_file_name,
};
use threadkeep::source::vetting::{Lookup, NotPublic, Vetting};
use threadkeep::source::voyager::Session;
use threadkeep_core::page::Trouble;

use crate::hostile::{Hostile, Then};

const NOW_MS: i64 = 1_700_000_000_000;
const LICDN: &str = "https://media.licdn.com/dms/image/v2/D4E/x?e=1&t=abc";
const PRIVATE: &str = "https://www.linkedin.com/dms/prv/image/v2/D4E/x?m=1&t=abc";
const GIF: &str = "https://media.tenor.com/AbC/x.gif";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR-and-so-on";

/// Answers each lookup with the next list of addresses, the last one for ever.
struct Told {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Told {
    fn new(answers: &[&[&str]]) -> Result<Arc<Self>> {
        let parsed =
            answers.iter().map(|one| one.iter().map(|text| Ok(text.parse()?)).collect::<Result<Vec<IpAddr>>>());
        Ok(Arc::new(Self { answers: parsed.collect::<Result<_>>()?, asked: AtomicUsize::new(0) }))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Lookup for Told {
    async fn addresses(&self, _name: &str) -> std::io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Ok(self.answers[turn].clone())
    }
}

fn session() -> Result<Session> {
    Ok(Session::import("li_at=AQEDcanary; JSESSIONID=\"ajax:7\"; lidc=\"b=1\"")?)
}

/// A gate whose hosts all stand on loopback.
fn gate(main: &str, media: Option<&str>) -> Result<MediaGate> {
    let media = media.map(Upstream::parse).transpose()?;
    Ok(MediaGate::new(Upstream::parse(main)?, media, Arc::new(|| NOW_MS))?)
}

/// A gate to the real hosts, whose names are looked up as told.
fn real_gate(lookup: Arc<Told>) -> Result<MediaGate> {
    Ok(MediaGate::with_lookup(Upstream::parse(REAL_UPSTREAM)?, None, Arc::new(|| NOW_MS), lookup)?)
}

const LIMITS: MediaLimits = MediaLimits { size_max: 1024 * 1024, total_ms: 20_000 };

async fn fetched(gate: &MediaGate, text: &str) -> Result<Result<MediaBody, MediaFault>> {
    Ok(gate.fetch(&MediaAddress::parse(text)?, Some(&session()?), LIMITS).await)
}

/// What comes of an answer, from LinkedIn's main host and from a host of files.
async fn both(answer: &[u8], then: Then) -> Result<[MediaFault; 2]> {
    let server = Hostile::answering(answer, then).await?;
    let gate = gate(&server.url(), None)?;
    let mut faults = Vec::new();
    for text in [PRIVATE, LICDN] {
        match fetched(&gate, text).await? {
            Err(fault) => faults.push(fault),
            Ok(body) => anyhow::bail!("{text} was taken: {body:?}"),
        }
    }
    faults.try_into().map_err(|_| anyhow::anyhow!("two were asked"))
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    [format!("HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n").as_bytes(), body].concat()
}

#[test]
fn row_24_names_of_attachments_are_never_paths_or_headers() {
    let cases = [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\x", "x"),
        ("C:\\x", "x"),
        ("C:x", "C_x"),
        ("con.txt", "_con.txt"),
        ("COM1", "_COM1"),
        ("aux .tar.gz", "_aux .tar.gz"),
        ("\r\nSet-Cookie: a=b", "Set-Cookie_ a=b"),
        ("\";filename=x.html", "_;filename=x.html"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("a\0b\u{7f}\u{200b}c\u{feff}.txt", "abc.txt"),
        ("  .hidden. . ", "hidden"),
        ("..", "attachment"),
        ("/", "attachment"),
        ("", "attachment"),
        ("a/b/", "b"),
    ];
    for (given, expected) in cases {
        assert_eq!(safe_file_name(given), expected, "{given:?}");
    }
    assert!(safe_file_name(&"n".repeat(5_000)).len() <= 180);
    for given in
        cases.map(|(given, _)| given.to_owned()).into_iter().chain(["n".repeat(5_000), "年次報告\".pdf".into()])
    {
        for (is_inline, kind) in [(true, "inline; "), (false, "attachment; ")] {
            let header = content_disposition(&given, is_inline);
            let text = header.to_str().unwrap();
            assert!(text.starts_with(kind) && text.matches('"').count() == 2, "{text}");
            assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
            assert!(!text.contains("..") && text.contains("; filename*=UTF-8''"), "{text}");
        }
    }
    let header = content_disposition("Zeugnis für \"Olga\".pdf", false);
    let expected = "attachment; filename=\"Zeugnis f_r _Olga_.pdf\"; filename*=UTF-8''Zeugnis%20f%C3%BCr%20_Olga_.pdf";
    assert_eq!(header.to_str().unwrap(), expected);
}

#[test]
fn row_25_addresses_of_machines_are_no_media() {
    let refused = [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:22",
        "http://[::1]/",
        "http://0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/dms/prv/x",
        "https://[::1]/dms/prv/x",
        "https://8.8.8.8/",
        "http://localhost/",
        "https://localhost/dms/prv/x",
    ];
    for text in refused {
        assert_eq!(MediaAddress::parse(text), Err(MediaRefused::HostNotAllowed), "{text}");
    }
    // Not even a URL for the parser that browsers use.
    for text in ["http://[fe80::1%25eth0]/", "http://[::1", "https://", "https:///dms/x"] {
        assert!(MediaAddress::parse(text).is_err(), "{text}");
    }
}

#[test]
fn row_26_hosts_that_look_like_linkedins_are_not() {
    use MediaRefused::{HostNotAllowed, NotHttps, NotUrl, TooMuch};
    let refused = [
        ("https://media.licdn.com@evil.test/", HostNotAllowed),
        ("https://evil.test#media.licdn.com", HostNotAllowed),
        ("https://evil.test\\@media.licdn.com", HostNotAllowed),
        ("https://media.licdn.com.evil.test/", HostNotAllowed),
        ("https://xmedia.licdn.com/", HostNotAllowed),
        ("https://media.licdn.com:22/", TooMuch),
        ("https://media。licdn。com/", NotUrl),
        ("https://mediа.licdn.com/", NotUrl),
        ("https://media.licdn.com./", HostNotAllowed),
        ("https://licdn.com/", HostNotAllowed),
        ("https://linkedin.com/dms/x", HostNotAllowed),
        ("https://www.linkedin.com.evil.test/dms/x", HostNotAllowed),
        ("https://evil.test/?https://www.linkedin.com/dms/x", HostNotAllowed),
        ("https://user@media.licdn.com/", TooMuch),
        ("https://:pass@www.linkedin.com/dms/x", TooMuch),
        ("https://www.linkedin.com:8443/dms/x", TooMuch),
        ("http://media.licdn.com/", NotHttps),
        ("http://www.linkedin.com/dms/x", NotHttps),
        ("https://media.licdn.com/\r\nHost: evil.test", NotUrl),
        ("https://media.li\tcdn.com/", NotUrl),
        (" https://media.licdn.com/", NotUrl),
        ("https://media.licdn%2ecom.evil.test/", HostNotAllowed),
    ];
    for (text, expected) in refused {
        assert_eq!(MediaAddress::parse(text), Err(expected), "{text}");
    }
    // Other ways to write the true host lead to it.
    for text in ["HTTPS://MEDIA.LICDN.COM:443/a", "https:media.licdn.com/a", "https://media%2elicdn.com/a"] {
        assert_eq!(MediaAddress::parse(text).unwrap().as_str(), "https://media.licdn.com/a", "{text}");
    }
}

#[tokio::test]
async fn row_26_cookies_leave_for_the_main_host_alone() -> Result<()> {
    let (main, files) =
        (Hostile::answering(ok("", PNG), Then::Close).await?, Hostile::answering(ok("", PNG), Then::Close).await?);
    let with_two = gate(&main.url(), Some(&files.url()))?;
    let with_one = gate(&main.url(), None)?;
    for (gate, text) in
        [(&with_two, PRIVATE), (&with_two, LICDN), (&with_two, GIF), (&with_one, LICDN), (&with_one, GIF)]
    {
        fetched(gate, text).await??;
    }
    let (at_main, at_files) = (main.requests()?, files.requests()?);
    assert_eq!((at_main.len(), at_files.len()), (3, 2));
    let cookie = "\r\ncookie: li_at=aqedcanary; jsessionid=\"ajax:7\"; lidc=\"b=1\"\r\n";
    assert!(at_main[0].starts_with("GET /dms/prv/image/v2/D4E/x?m=1&t=abc HTTP/1.1\n") && at_main[0].contains(cookie));
    assert!(!at_main[0].contains("csrf-token") && !at_main[0].contains("restli"), "{}", at_main[0]);
    for request in at_main[1..].iter().chain(&at_files) {
        assert!(!request.contains("cookie") && !request.contains("ajax") && !request.contains("referer"), "{request}");
    }
    for request in at_main.iter().chain(&at_files) {
        assert!(request.starts_with("GET ") && request.contains("accept-encoding: identity\r\n"), "{request}");
    }
    // Without a session, the main host is not asked at all.
    let refused = with_one.fetch(&MediaAddress::parse(PRIVATE)?, None, LIMITS).await;
    assert!(matches!(refused, Err(MediaFault::Account(Trouble::NeedsLogin { .. }))) && main.connections() == 3);
    Ok(())
}

#[tokio::test]
async fn a_signed_query_travels_byte_for_byte() -> Result<()> {
    let server = Hostile::answering(ok("", PNG), Then::Close).await?;
    let gate = gate(&server.url(), None)?;
    let rest = "/dms/image/v2/D4E%2fx+y/a%20b?v=beta&t=Z-_~.!*()&m=%2F%2fa%3D%3d&&=&a=&a&ne=1&t=again&x=1+2%20%zz%&u=@:/?;,$|{}[]^`\\";
    fetched(&gate, &format!("https://media.licdn.com{rest}")).await??;
    let line = server.requests()?[0].lines().next().unwrap_or_default().to_owned();
    assert_eq!(line, format!("GET {rest} HTTP/1.1"));
    Ok(())
}

#[test]
fn row_27_other_schemes_are_no_media() {
    let refused = [
        "file:///etc/passwd",
        "gopher://media.licdn.com/",
        "ftp://media.licdn.com/x",
        "data:image/png;base64,AAAA",
        "unix:/run/x.sock",
        "https:/\\evil",
        "javascript:alert(1)",
        "blob:https://media.licdn.com/x",
        "//media.licdn.com/x",
        "media.licdn.com/x",
        "ws://media.licdn.com/x",
        "",
    ];
    for text in refused {
        assert!(MediaAddress::parse(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn row_28_redirects_are_not_followed() -> Result<()> {
    let sink = Hostile::sink().await?;
    let away = format!("HTTP/1.1 302 Found\r\nlocation: {}/x\r\ncontent-length: 0\r\n\r\n", sink.url());
    assert_eq!(both(away.as_bytes(), Then::Close).await?, [MediaFault::Redirected, MediaFault::Redirected]);
    assert_eq!(sink.connections(), 0);
    let again = "HTTP/1.1 301 Moved\r\nlocation: /dms/prv/image/v2/D4E/x?m=1&t=abc\r\ncontent-length: 0\r\n\r\n";
    let server = Hostile::answering(again, Then::Close).await?;
    let gate = gate(&server.url(), None)?;
    assert_eq!(fetched(&gate, PRIVATE).await?.err(), Some(MediaFault::Redirected));
    assert_eq!(server.connections(), 1);
    Ok(())
}

#[tokio::test]
async fn row_28_a_redirect_to_a_login_or_a_deleted_cookie_is_a_dead_session() -> Result<()> {
    let redirect = |more: &str| format!("HTTP/1.1 302 Found\r\n{more}content-length: 0\r\n\r\n");
    let deletes = "location: /dms/prv/x\r\nset-cookie: li_at=delete me; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    for head in ["location: https://www.linkedin.com/uas/login?x\r\n", "location: /authwall?t=1\r\n", deletes] {
        let [main, files] = both(redirect(head).as_bytes(), Then::Close).await?;
        assert!(matches!(main, MediaFault::Account(Trouble::NeedsLogin { .. })), "{head}: {main:?}");
        // A host that was not given the session cannot end it.
        assert_eq!(files, MediaFault::Redirected, "{head}");
    }
    let challenge = redirect("location: /checkpoint/challenge/abc\r\n");
    let [main, files] = both(challenge.as_bytes(), Then::Close).await?;
    assert!(matches!(main, MediaFault::Account(Trouble::Challenged { .. })), "{main:?}");
    assert_eq!(files, MediaFault::Redirected);
    Ok(())
}

#[tokio::test]
async fn row_29_a_name_that_leads_inside_is_never_connected_to() -> Result<()> {
    let inside: [&[&[&str]]; 7] = [
        &[&["127.0.0.1"]],
        &[&["8.8.8.8", "127.0.0.1"]],
        &[&["8.8.8.8", "::1"]],
        &[&["::ffff:127.0.0.1"]],
        &[&["169.254.169.254"]],
        &[&["64:ff9b::7f00:1"]],
        &[&["10.0.0.1", "fd00::1"]],
    ];
    for answers in inside {
        let lookup = Told::new(answers)?;
        for text in [LICDN, PRIVATE, GIF] {
            assert_eq!(
                fetched(&real_gate(lookup.clone())?, text).await?.err(),
                Some(MediaFault::NotPublic),
                "{answers:?}"
            );
        }
        assert_eq!(lookup.asked(), 3, "one look for one request");
    }
    Ok(())
}

#[tokio::test]
async fn row_29_what_is_connected_to_is_what_was_vetted() -> Result<()> {
    // The first answer is good, and the second would lead away: there is no second look.
    let server = Hostile::answering(ok("", PNG), Then::Close).await?;
    let lookup = Told::new(&[&["127.0.0.1"], &["192.168.0.1"]])?;
    let upstream = Upstream::parse(&format!("http://localhost:{}", server.port()))?;
    let gate = MediaGate::with_lookup(upstream, None, Arc::new(|| NOW_MS), lookup.clone())?;
    assert!(fetched(&gate, LICDN).await?.is_ok());
    assert_eq!((lookup.asked(), server.connections()), (1, 1));
    // The configured name of this machine leads to this machine or nowhere.
    assert_eq!(fetched(&gate, LICDN).await?.err(), Some(MediaFault::NotPublic));
    assert_eq!((lookup.asked(), server.connections()), (2, 1));
    // The resolver gives exactly what was vetted, and looks at every answer anew.
    let lookup = Told::new(&[&["8.8.8.8", "2606:4700::1111"], &["8.8.8.8", "127.0.0.1"]])?;
    let vetting = Vetting::new(lookup, Vec::new());
    let name = || "media.licdn.com".parse::<reqwest::dns::Name>().map_err(|_| anyhow::anyhow!("a name"));
    let found = vetting.resolve(name()?).await.map_err(|error| anyhow::anyhow!(error))?;
    let found: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    assert_eq!(found, ["8.8.8.8", "2606:4700::1111"]);
    let refused = vetting.resolve(name()?).await.err().is_some_and(|error| error.is::<NotPublic>());
    assert!(refused);
    Ok(())
}

#[tokio::test]
async fn row_30_too_much_is_cut_off_at_the_limit() -> Result<()> {
    let too_large = MediaFault::TooLarge { size_max: LIMITS.size_max };
    let server = Hostile::answering("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n", Then::Endless).await?;
    let gate = gate(&server.url(), None)?;
    assert_eq!(fetched(&gate, LICDN).await?.err(), Some(too_large.clone()));
    assert!(server.sent() < 64 * LIMITS.size_max, "{} bytes were taken", server.sent());
    let told = "HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n";
    assert_eq!(both(told.as_bytes(), Then::Endless).await?, [too_large.clone(), too_large.clone()]);
    let exact = vec![b'a'; usize::try_from(LIMITS.size_max)?];
    let server = Hostile::answering(ok("", &exact), Then::Close).await?;
    assert_eq!(fetched(&self::gate(&server.url(), None)?, LICDN).await??.bytes.len(), exact.len());
    let one_more = [exact, vec![b'a']].concat();
    assert_eq!(both(&ok("", &one_more), Then::Close).await?, [too_large.clone(), too_large]);
    Ok(())
}

#[tokio::test]
async fn row_30_lengths_that_lie_are_noticed() -> Result<()> {
    let short = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\n\x89PNG\r\n\x1a\n";
    assert_eq!(both(short, Then::Close).await?, [MediaFault::Cut, MediaFault::Cut]);
    let half = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n\x89PNG\r\n\x1a\n\r\n";
    assert_eq!(both(half, Then::Close).await?, [MediaFault::Cut, MediaFault::Cut]);
    let empty = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(both(empty, Then::Close).await?, [MediaFault::Cut, MediaFault::Cut]);
    // More than was said is not taken.
    let more = [ok("", PNG), b"and more".to_vec()].concat();
    let server = Hostile::answering(more, Then::Close).await?;
    assert_eq!(fetched(&gate(&server.url(), None)?, LICDN).await??.bytes, PNG);
    Ok(())
}

#[tokio::test]
async fn row_30_a_body_that_does_not_come_ends_in_time() -> Result<()> {
    let limits = MediaLimits { total_ms: 300, ..LIMITS };
    for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx"] {
        let server = Hostile::answering(answer, Then::Silence).await?;
        let address = MediaAddress::parse(LICDN)?;
        let fault = gate(&server.url(), None)?.fetch(&address, None, limits).await.err();
        assert_eq!(fault, Some(MediaFault::Timeout), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn row_30_nothing_is_unpacked() -> Result<()> {
    for encoding in ["gzip", "br", "deflate", "identity, gzip", "GZIP"] {
        let answer = ok(&format!("content-encoding: {encoding}\r\n"), b"\x1f\x8b\x08\0\0\0\0\0");
        assert_eq!(both(&answer, Then::Close).await?, [MediaFault::Encoded, MediaFault::Encoded], "{encoding}");
    }
    // An archive is an attachment like others.
    let server =
        Hostile::answering(ok("content-encoding: identity\r\n", b"\x1f\x8b\x08\0\0\0\0\0"), Then::Close).await?;
    let body = fetched(&gate(&server.url(), None)?, LICDN).await??;
    assert_eq!((body.media_type.as_str(), body.bytes.len()), ("application/gzip", 8));
    Ok(())
}

#[tokio::test]
async fn row_30_a_page_is_not_taken_for_a_file() -> Result<()> {
    let page = b"\n<!DOCTYPE html><html><body>Sign in</body></html>";
    for declared in
        ["content-type: text/html; charset=utf-8\r\n", "content-type: image/png\r\n", "content-type: video/mp4\r\n", ""]
    {
        assert_eq!(
            both(&ok(declared, page), Then::Close).await?,
            [MediaFault::NotMedia, MediaFault::NotMedia],
            "{declared}"
        );
    }
    // A page that somebody attached says that it is an attachment, and is bytes without a name.
    let attached =
        ok("content-type: text/html\r\ncontent-disposition: attachment; filename=\"../offer.html\"\r\n", page);
    let server = Hostile::answering(attached, Then::Close).await?;
    let body = fetched(&gate(&server.url(), None)?, PRIVATE).await??;
    assert_eq!((body.media_type.as_str(), body.media_type.is_inline()), ("application/octet-stream", false));
    assert_eq!((body.file_name.as_deref(), body.declared_type.as_deref()), (Some("offer.html"), Some("text/html")));
    assert!(body.is_mismatch());
    Ok(())
}

#[tokio::test]
async fn every_refusal_has_its_name() -> Result<()> {
    let answer = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\n{more}content-length: 4\r\n\r\nwhat");
    for status in [401, 403, 404, 410] {
        let faults = both(answer(&format!("{status} No"), "").as_bytes(), Then::Close).await?;
        assert_eq!(faults, [MediaFault::Expired { status }, MediaFault::Expired { status }]);
    }
    let [main, _] = both(answer("429 Slow", "retry-after: 120\r\n").as_bytes(), Then::Close).await?;
    assert_eq!(main, MediaFault::Throttled { retry_after_ms: Some(120_000) });
    let [main, files] = both(answer("999 Denied", "").as_bytes(), Then::Close).await?;
    assert_eq!([main, files], [MediaFault::Account(Trouble::Blocked), MediaFault::Account(Trouble::Blocked)]);
    let server = Hostile::answering(answer("999 Denied", ""), Then::Close).await?;
    assert_eq!(fetched(&gate(&server.url(), None)?, GIF).await?.err(), Some(MediaFault::Refused { status: 999 }));
    let [main, _] = both(answer("503 Later", "").as_bytes(), Then::Close).await?;
    assert!(matches!(main, MediaFault::Unavailable { .. }) && main.is_passing());
    for status in [204_u16, 206, 400, 418] {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(both(head.as_bytes(), Then::Close).await?[0], MediaFault::Refused { status });
    }
    let closed = gate("http://127.0.0.1:9", None)?;
    assert!(matches!(fetched(&closed, LICDN).await?, Err(MediaFault::Unavailable { .. })));
    Ok(())
}

#[tokio::test]
async fn a_good_answer_is_whole_and_renews_the_session() -> Result<()> {
    let headers = "content-type: image/PNG; x=y\r\ncontent-disposition: inline; filename=\"a b.png\"\r\nset-cookie: lidc=\"b=2\"\r\n";
    let server = Hostile::answering(ok(headers, PNG), Then::Close).await?;
    let gate = gate(&server.url(), None)?;
    let body = fetched(&gate, PRIVATE).await??;
    assert_eq!((&body.bytes[..], body.media_type.as_str(), body.is_mismatch()), (PNG, "image/png", false));
    assert_eq!((body.declared_type.as_deref(), body.file_name.as_deref()), (Some("image/png"), Some("a b.png")));
    let renewed = body.renewed.clone().map(|session| session.cookies.header().to_string());
    assert!(renewed.is_some_and(|cookies| cookies.contains("lidc=\"b=2\"")));
    let shown = format!("{body:?}");
    assert!(!shown.contains("canary") && !shown.contains("a b"), "{shown}");
    // A host of files can change no cookie.
    assert!(fetched(&gate, LICDN).await??.renewed.is_none());
    Ok(())
}
