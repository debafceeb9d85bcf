//! One step against answers of every sort, over loopback. Every id and value is invented.

use std::sync::Mutex;

use threadkeep_core::page::{Reply, SyncToken};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::source::egress::BODY_MAX;

const NOW_MS: i64 = 1_795_359_600_000;
const EMPTY: &str =
    r#"{"data":{"messengerConversationsBySyncToken":{"elements":[],"metadata":{"newSyncToken":"t2"}}}}"#;
const REVOKED: &str = "li_at=delete me; Domain=.linkedin.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

/// A canned answer: status line, headers, body.
fn canned(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\n{lines}content-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn session() -> Session {
    Session::import("li_at=AQEDtest; JSESSIONID=\"ajax:1\"; lidc=one").unwrap()
}

struct Outcome {
    result: Result<Fetched, FetchFailed>,
    session: Session,
    heads: Vec<String>,
}

/// More requests than this for one step are without end.
const ANSWERS_MAX: usize = 20;

/// Answers one request after the other with what is canned, the last one again and again.
async fn serve(listener: &TcpListener, answers: &[Vec<u8>], heads: &Mutex<Vec<String>>) {
    for number in 0..ANSWERS_MAX {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        heads.lock().unwrap().push(String::from_utf8(head).unwrap());
        let answer = answers.get(number).or(answers.last()).unwrap();
        // A client that gives up early closes the connection.
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    }
}

async fn voyager_at(listener: &TcpListener) -> Voyager {
    let address = listener.local_addr().unwrap();
    let upstream = Upstream::parse(&format!("http://{address}")).unwrap();
    let now_ms: NowMs = Arc::new(|| NOW_MS);
    Voyager::new(Egress::new().unwrap(), upstream, QueryIds::default(), session(), now_ms)
        .of_member(PersonId::new("ACoAAMe").unwrap())
}

struct Never;

#[async_trait]
impl Leave for Never {
    async fn is_given(&self) -> bool {
        false
    }
}

async fn fetch(answers: &[Vec<u8>]) -> Outcome {
    fetch_with(answers, &Always).await
}

async fn fetch_with(answers: &[Vec<u8>], leave: &dyn Leave) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut voyager = voyager_at(&listener).await;
    let heads = Mutex::new(Vec::new());
    let step = Step::Delta { token: SyncToken("t1".into()) };
    let result = tokio::select! {
        result = voyager.fetch(&step, leave) => result,
        () = serve(&listener, answers, &heads) => panic!("asked again and again"),
    };
    Outcome { result, session: voyager.session().clone(), heads: heads.into_inner().unwrap() }
}

async fn trouble(answer: Vec<u8>) -> Trouble {
    let outcome = fetch(&[answer]).await;
    assert_eq!(outcome.heads.len(), 1);
    let failed = outcome.result.unwrap_err();
    assert_eq!((failed.requests, failed.renewed.is_some()), (1, false));
    assert!(outcome.session == session());
    failed.trouble
}

#[tokio::test]
async fn one_step_is_one_get_with_the_headers_of_a_browser() {
    let outcome = fetch(&[canned(200, &[], EMPTY.as_bytes())]).await;
    let fetched = outcome.result.unwrap();
    assert!(
        matches!(fetched.reply, Reply::ConversationChanges(changes) if changes.token == Some(SyncToken("t2".into())))
    );
    assert_eq!((fetched.requests, fetched.renewed), (1, None));
    assert_eq!(outcome.heads.len(), 1);
    let head = &outcome.heads[0];
    let line = "GET /voyager/api/voyagerMessagingGraphQL/graphql?queryId=messengerConversations.\
                0d5e6781bbee71c3e51c8843c6519f48&variables=(mailboxUrn:urn%3Ali%3Afsd_profile%3AACoAAMe,syncToken:t1) HTTP/1.1";
    assert_eq!(head.lines().next(), Some(line));
    for expected in [
        "accept: application/graphql\r\n",
        "csrf-token: ajax:1\r\n",
        "cookie: li_at=AQEDtest; JSESSIONID=\"ajax:1\"; lidc=one\r\n",
        "x-restli-protocol-version: 2.0.0\r\n",
        "accept-encoding: gzip\r\n",
    ] {
        assert!(head.contains(expected), "{expected} in {head}");
    }
}

#[tokio::test]
async fn every_answer_means_what_the_protocol_says() {
    let page = |text: &str| canned(200, &[], text.as_bytes());
    let at = |target: &str| canned(302, &[("location", target)], b"");
    let after = |text: &str| canned(429, &[("retry-after", text)], b"");
    let csrf = b"\"CSRF check failed\"";
    let cases = [
        (canned(302, &[("set-cookie", REVOKED), ("location", "/voyager/api/x")], b""), "NeedsLogin"),
        (canned(303, &[], b""), "NeedsLogin"),
        (canned(304, &[], b""), "NeedsLogin"),
        (at("https://www.linkedin.com/checkpoint/lg/login-submit"), "NeedsLogin"),
        (at("/uas/login"), "NeedsLogin"),
        (at("/authwall"), "NeedsLogin"),
        (at("https://www.linkedin.com/checkpoint/challenge/AgF"), "Challenged"),
        (canned(302, &[("set-cookie", REVOKED), ("location", "/checkpoint/challenge/x")], b""), "Challenged"),
        (canned(401, &[], br#"{"status":401}"#), "NeedsLogin"),
        (canned(403, &[], br#"{"status":403}"#), "NeedsLogin"),
        (canned(403, &[], csrf), "NeedsLogin"),
        (canned(400, &[], br#"{"status":400}"#), "Refused"),
        (canned(404, &[], b""), "Refused"),
        (canned(410, &[], b""), "Refused"),
        (canned(429, &[], b""), "RateLimited None"),
        (after("120"), "RateLimited Some(120000)"),
        (after("Sun, 22 Nov 2026 15:01:00 GMT"), "RateLimited Some(60000)"),
        (after("Sun, 22 Nov 2026 14:00:00 GMT"), "RateLimited None"),
        (after("-1"), "RateLimited None"),
        (after("999999999"), "RateLimited None"),
        (after("99999999999999999999"), "RateLimited None"),
        (after("soon"), "RateLimited None"),
        (canned(999, &[("set-cookie", "lidc=two")], b""), "Blocked"),
        (canned(500, &[], b"oops"), "Unavailable"),
        (canned(503, &[], b""), "Unavailable"),
        (canned(204, &[], b""), "Unreadable"),
        (page("<!DOCTYPE html><form action=\"/checkpoint/lg/login-submit\">"), "NeedsLogin"),
        (page("\n <html><a href=\"/Checkpoint/Challenge/x\">"), "Challenged"),
        (page("{\"data\":{}}"), "Unreadable"),
        (page("{\"data\":{\"mess"), "Unreadable"),
        (canned(200, &[("set-cookie", REVOKED)], EMPTY.as_bytes()), "NeedsLogin"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\"".to_vec(), "Unavailable"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd".to_vec(), "Unavailable"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc".to_vec(), "Unavailable"),
        (b"nonsense\r\n\r\n".to_vec(), "Unavailable"),
        (Vec::new(), "Unavailable"),
    ];
    for (answer, expected) in cases {
        let start = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        let shown = match trouble(answer).await {
            Trouble::RateLimited { retry_after_ms } => format!("RateLimited {retry_after_ms:?}"),
            other => format!("{other:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
        };
        assert_eq!(shown, expected, "{start}");
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_names_no_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut voyager = voyager_at(&listener).await;
    drop(listener);
    let failed = voyager.fetch(&Step::StartToken, &Always).await.unwrap_err();
    assert_eq!(failed.trouble, Trouble::Unavailable { what: "no connection".into() });
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let vast = canned(200, &[], &vec![b' '; BODY_MAX + 1]);
    assert_eq!(trouble(vast).await, Trouble::Unreadable { what: "the answer is larger than 16 MiB".into() });
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_once() {
    let csrf = canned(403, &[("set-cookie", "JSESSIONID=\"ajax:2\"; Path=/")], b"CSRF check failed.");
    let outcome = fetch(&[csrf.clone(), canned(200, &[], EMPTY.as_bytes())]).await;
    let fetched = outcome.result.unwrap();
    assert_eq!(fetched.requests, 2);
    assert!(outcome.heads[0].contains("csrf-token: ajax:1\r\n") && outcome.heads[1].contains("csrf-token: ajax:2\r\n"));
    assert_eq!(fetched.renewed.unwrap().cookies.get("JSESSIONID"), Some("\"ajax:2\""));

    let outcome = fetch_with(std::slice::from_ref(&csrf), &Never).await;
    let failed = outcome.result.unwrap_err();
    assert!(matches!(failed.trouble, Trouble::Unavailable { .. }), "whoever is not there any more asks nothing");
    assert_eq!((failed.requests, outcome.heads.len()), (1, 1));

    let outcome = fetch(&[csrf]).await;
    let failed = outcome.result.unwrap_err();
    assert!(matches!(failed.trouble, Trouble::NeedsLogin { .. }));
    assert_eq!((failed.requests, failed.renewed, outcome.heads.len()), (2, None, 2));
    assert!(outcome.session == session());
}

#[tokio::test]
async fn a_renewed_session_comes_with_good_answers_and_with_passing_trouble() {
    let cookies = [("set-cookie", "lidc=two; Domain=.linkedin.com"), ("set-cookie", "evil=1; Domain=.com")];
    let fetched = fetch(&[canned(200, &cookies, EMPTY.as_bytes())]).await.result.unwrap();
    let renewed = fetched.renewed.unwrap();
    assert_eq!((renewed.cookies.get("lidc"), renewed.cookies.get("evil")), (Some("two"), None));
    for status in [429, 500, 400] {
        let outcome = fetch(&[canned(status, &cookies, b"")]).await;
        let renewed = outcome.result.unwrap_err().renewed.unwrap();
        assert_eq!(renewed.cookies.get("lidc"), Some("two"), "{status}");
        assert!(outcome.session == renewed);
    }
}

#[tokio::test]
async fn row_43_cookies_for_others_and_floods_of_them_leave_the_session_as_it_was() {
    let foreign = [".com", "com", "evil.test", "linkedin.com.evil.test", "ads.linkedin.com"]
        .map(|at| format!("evil=1; Domain={at}"));
    let headers: Vec<(&str, &str)> = foreign.iter().map(|value| ("set-cookie", value.as_str())).collect();
    let fetched = fetch(&[canned(200, &headers, EMPTY.as_bytes())]).await.result.unwrap();
    assert_eq!(fetched.renewed, None);

    // More headers, or longer ones, than the HTTP client takes are a broken answer, which is asked for again later.
    let many: Vec<String> = (0..10_000).map(|number| format!("c{number}=x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|value| ("set-cookie", value.as_str())).collect();
    let vast = format!("li_at={}", "y".repeat(1024 * 1024));
    for headers in [many.as_slice(), &[("set-cookie", vast.as_str())]] {
        let outcome = fetch(&[canned(200, headers, EMPTY.as_bytes())]).await;
        let renewed = match outcome.result {
            Ok(fetched) => fetched.renewed,
            Err(failed) => failed.renewed,
        };
        assert_eq!(renewed.map_or(3, |session| session.cookies.len()), 3);
        assert!(outcome.session == session());
    }
    let some: Vec<String> = (0..80).map(|number| format!("c{number}={}", "z".repeat(2_000))).collect();
    let some: Vec<(&str, &str)> = some.iter().map(|value| ("set-cookie", value.as_str())).collect();
    let renewed = fetch(&[canned(200, &some, EMPTY.as_bytes())]).await.result.unwrap().renewed.unwrap();
    assert!(renewed.cookies.check().is_ok() && renewed.cookies.len() < 80, "{:?}", renewed.cookies);
    assert_eq!(renewed.cookies.get("li_at"), Some("AQEDtest"));
}

#[tokio::test]
async fn the_member_is_asked_by_name_and_a_compressed_answer_is_read() {
    let zipped = [
        31_u8, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 205, 204, 203, 12, 40, 202, 79, 203, 204, 73, 85, 178, 170,
        86, 74, 73, 44, 206, 112, 205, 43, 201, 44, 169, 12, 45, 202, 83, 178, 82, 42, 45, 202, 179, 202, 201, 180, 74,
        43, 78, 137, 47, 128, 168, 178, 114, 116, 206, 119, 116, 244, 207, 73, 79, 84, 170, 173, 5, 0, 89, 111, 69,
        186, 64, 0, 0, 0,
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut voyager = voyager_at(&listener).await;
    let heads = Mutex::new(Vec::new());
    let answers = [canned(200, &[("content-encoding", "gzip")], &zipped)];
    let member = tokio::select! {
        member = voyager.me() => member.unwrap(),
        () = serve(&listener, &answers, &heads) => panic!("asked again and again"),
    };
    assert_eq!(member.id.as_str(), "ACoAAOlga");
    assert!(heads.into_inner().unwrap()[0].starts_with("GET /voyager/api/me HTTP/1.1\r\n"));
}

#[tokio::test]
async fn steps_that_ask_nothing_send_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let failed = voyager_at(&listener).await.fetch(&Step::Done, &Always).await.unwrap_err();
    assert_eq!(failed.requests, 0);
    assert!(matches!(failed.trouble, Trouble::Refused { .. }));
}

#[test]
fn an_account_is_the_same_after_every_login() {
    let id = account_id(&PersonId::new("ACoAAOlga").unwrap()).unwrap();
    assert_eq!(id.as_str(), "63016b9f0b22d128972484ca");
    assert_eq!(id.as_str().len(), ACCOUNT_ID_LENGTH);
}
