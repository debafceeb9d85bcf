//! Files in process: who may have them, under which links, what they are, and each way in which they go wrong.

use serde_json::{Value, json};
use threadkeep_sim::{Answer, Listener, Outcome, Pace, Request};

use super::client::{ANCHOR, Client, NORMALIZED, encode};

const SITE: &str = "https://www.linkedin.com";

fn world() -> Value {
    json!({
        "accounts": [{"key": "sam", "name": "Sam Sample"}, {"key": "kim", "name": "Kim Second"}],
        "people": [{"key": "olga", "name": "Olga Test", "picture": true},
                   {"key": "works", "kind": "organization", "id": "fsd_company:7", "name": "Works", "picture": true}],
        "conversations": [{"key": "chat", "with": ["olga", "kim"], "messages": [
            {"from": "olga", "text": "look https://www.linkedin.com/dms/prv/image/v2/x/y", "content": [
                {}, {"vectorImage": {"asset": "D4E0photo"}},
                {"file": {"asset": "D4E0plan", "name": "pl\u{e4}n \"1\".pdf", "mediaType": "application/pdf", "byteSize": 5000}}]},
            {"from": "olga", "content": [{"video": {"asset": "D4E0film", "streams": 2}}, {"audio": {"asset": "D4E0voice"}},
                                         {"externalMedia": {"asset": "cat"}}]},
        ]}],
    })
}

/// What the control surface says about files.
fn files(client: &mut Client, query: &str) -> Vec<Value> {
    let request = Request::get(&format!("/_sim/media{query}"));
    let Outcome::Answer(answer) = client.send(&request) else { panic!("control never resets") };
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Path and query of the reader's own link to the part of that name.
fn link(client: &mut Client, part: &str) -> String {
    let account = client.mailbox.clone();
    let all = files(client, &format!("?account={}", encode(&account)));
    let line = all.iter().find(|line| line["part"] == part).unwrap();
    target(line["url"].as_str().unwrap())
}

fn target(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    format!("/{}", rest.split_once('/').unwrap().1)
}

/// Asks with the cookies of the session and without a token.
fn fetch(client: &mut Client, target: &str) -> Answer {
    let cookie = format!("li_at={}; JSESSIONID=\"{}\"", client.login, client.session);
    answered(client, &Request::get(target).header("cookie", &cookie))
}

fn answered(client: &mut Client, request: &Request) -> Answer {
    match client.send(request) {
        Outcome::Answer(answer) => answer,
        Outcome::Reset => Answer::default(),
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// Every text under a key called `url` or `rootUrl`, wherever it is.
fn urls(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| urls(item, found)),
        Value::Object(members) => {
            for (key, inner) in members {
                match inner.as_str() {
                    Some(text) if matches!(key.as_str(), "url" | "rootUrl") => found.push(text.to_owned()),
                    _ => urls(inner, found),
                }
            }
        }
        _ => {}
    }
}

fn urls_on_the_wire(client: &mut Client) -> Vec<String> {
    let conversation = client.conversation_urns().remove(0);
    let page = client.page(ANCHOR, &Client::anchor_variables(&conversation));
    let mut found = Vec::new();
    page.elements.iter().for_each(|element| urls(&element["renderContent"], &mut found));
    found.sort();
    found
}

#[test]
fn the_links_of_a_message_are_the_ones_that_are_told_in_both_forms() {
    let mut client = Client::from_world(&world());
    let told = |client: &mut Client| -> Vec<String> {
        let query = format!("?account={}", encode(&client.mailbox));
        let mut urls: Vec<String> = files(client, &query).iter().map(|line| line["url"].to_string()).collect();
        urls.iter_mut().for_each(|url| *url = url.trim_matches('"').to_owned());
        urls.sort();
        urls
    };
    let wire = urls_on_the_wire(&mut client);
    assert_eq!(wire.len(), 7);
    assert_eq!(told(&mut client), wire);
    client.accept = NORMALIZED;
    assert_eq!(urls_on_the_wire(&mut client), wire);
    let photo = wire.iter().find(|url| url.contains("/image/")).unwrap();
    assert!(photo.starts_with(&format!("{SITE}/dms/prv/image/v2/D4E0photo/messaging-image-720/")), "{photo}");
    let query = photo.split_once('?').unwrap().1;
    let keys: Vec<&str> = query.split('&').map(|pair| pair.split_once('=').unwrap().0).collect();
    assert_eq!(keys, ["m", "ne", "v", "t"]);
    let text = format!("{:?}", client.page(ANCHOR, &Client::anchor_variables(&client.conversation_urns()[0])).elements);
    assert!(text.contains("look https://www.linkedin.com/dms/prv/image/v2/x/y\""), "texts are never signed");
}

#[test]
fn a_file_has_the_bytes_the_type_and_the_name_that_are_told() {
    let mut client = Client::from_world(&world());
    let query = format!("?account={}", encode(&client.mailbox));
    for line in files(&mut client, &query) {
        let answer = fetch(&mut client, &target(line["url"].as_str().unwrap()));
        assert_eq!((answer.status, answer.body.len() as u64), (200, line["byteSize"].as_u64().unwrap()), "{line}");
        assert_eq!(header(&answer, "content-type"), line["contentType"]);
        assert_eq!(line["sha256"].as_str().unwrap().len(), 64);
    }
    let plan = link(&mut client, "file");
    let answer = fetch(&mut client, &plan);
    assert_eq!(answer.body.len(), 5_000);
    assert!(answer.body.starts_with(b"%PDF-"));
    let name = "attachment; filename=\"pl_n _1_.pdf\"; filename*=UTF-8''pl%C3%A4n%20%221%22.pdf";
    assert_eq!(header(&answer, "content-disposition"), name);
    let told = files(&mut client, "?asset=urn:li:digitalmediaAsset:D4E0plan");
    assert_eq!(told.len(), 2, "one line for each of the two accounts");
    assert_eq!((&told[0]["ordinal"], &told[0]["part"]), (&json!(1), &json!("file")));
    assert!(told[0]["messageUrn"].as_str().unwrap().starts_with("urn:li:msg_message:(urn:li:fsd_profile:"));
    let ranged = Request::get(&plan).header("range", "bytes=0-9");
    let cookie = format!("li_at={}", client.login);
    let answer = answered(&mut client, &ranged.header("cookie", &cookie));
    assert_eq!((answer.status, answer.body.len()), (200, 5_000), "ranges are not honoured");
}

#[test]
fn private_media_need_the_cookies_of_the_reader_whose_link_it_is() {
    let mut client = Client::from_world(&world());
    let photo = link(&mut client, "image");
    assert_eq!(answered(&mut client, &Request::get(&photo)).status, 302, "a dead session by default");
    client.set_switches(json!({"unknown_session": "unauthorized"}));
    assert_eq!(answered(&mut client, &Request::get(&photo)).status, 401);
    assert_eq!(fetch(&mut client, &photo).status, 200);
    let (_, all) = client.control("GET", "/_sim/credentials", "");
    let kim = all[1]["cookie"].as_str().unwrap().to_owned();
    assert_eq!(answered(&mut client, &Request::get(&photo).header("cookie", &kim)).status, 403);
    let query = format!("?account={}&asset=D4E0photo", encode(all[1]["memberUrn"].as_str().unwrap()));
    let own = target(files(&mut client, &query)[0]["url"].as_str().unwrap());
    assert_ne!(own, photo);
    assert_eq!(answered(&mut client, &Request::get(&own).header("cookie", &kim)).status, 200);
    client.control("POST", "/_sim/kill_session", &json!({"account": client.mailbox}).to_string());
    assert_eq!(fetch(&mut client, &photo).status, 302);
}

#[test]
fn a_query_that_is_sorted_or_encoded_anew_is_refused() {
    let mut client = Client::from_world(&world());
    let photo = link(&mut client, "image");
    let (path, query) = photo.split_once('?').unwrap();
    let mut sorted: Vec<&str> = query.split('&').collect();
    sorted.sort_unstable();
    for other in [sorted.join("&"), query.replace('~', "%7E"), format!("{query}&x=1"), String::new()] {
        assert_eq!(fetch(&mut client, &format!("{path}?{other}")).status, 403, "{other}");
    }
    assert_eq!(fetch(&mut client, path).status, 403);
    assert_eq!(fetch(&mut client, "/dms/prv/image/v2/D4E0none/x?m=1").status, 404);
    assert_eq!(fetch(&mut client, &photo).status, 200);
}

#[test]
fn pictures_and_gifs_are_for_everybody_and_a_cookie_there_is_a_leak() {
    let mut client = Client::from_world(&world());
    let all = files(&mut client, "");
    let pictures: Vec<&Value> = all.iter().filter(|line| line["part"] == "picture").collect();
    assert_eq!(pictures.len(), 8, "two sizes of Sam, Kim, Olga and the company");
    assert!(
        pictures.iter().all(|line| line["url"].as_str().unwrap().starts_with("https://media.licdn.com/dms/image/v2/"))
    );
    assert!(pictures.iter().any(|line| line["url"].as_str().unwrap().contains("/company-logo_400_400/0/")));
    let picture = target(pictures[0]["url"].as_str().unwrap());
    let gif = link(&mut client, "gif");
    let photo = link(&mut client, "image");
    let door = |target: &str| Request { listener: Listener::Media, ..Request::get(target) };
    assert_eq!(answered(&mut client, &door(&picture)).status, 200);
    assert!(answered(&mut client, &door(&gif)).body.starts_with(b"GIF89a"));
    assert_eq!(answered(&mut client, &Request::get(&picture)).status, 200, "the one door serves all hosts");
    assert_eq!(answered(&mut client, &door(&photo)).status, 404, "private media are elsewhere");
    assert_eq!(answered(&mut client, &door("/_sim/ledger")).status, 404);
    assert!(client.sim.ledger().lines().all(|line| !line.media.as_ref().is_some_and(|media| media.cookies_leaked)));
    let cookie = format!("li_at={}", client.login);
    assert_eq!(answered(&mut client, &door(&picture).header("cookie", &cookie)).status, 200);
    let line = client.sim.ledger().lines().last().unwrap();
    assert!(line.media.as_ref().unwrap().cookies_leaked && line.account.is_some());
    let named = Request::get(&gif).header("cookie", &cookie).header("host", "media.tenor.com:80");
    answered(&mut client, &named);
    assert_eq!(client.control("GET", "/_sim/stats", "").1["cookiesLeaked"], 2);
    let line = serde_json::to_value(client.sim.ledger().lines().last().unwrap()).unwrap();
    assert_eq!(
        (&line["purpose"], &line["cookiesLeaked"], &line["host"]),
        (&json!("media"), &json!(true), &json!("open"))
    );
}

#[test]
fn the_ledger_tells_heads_ranges_and_cookies() {
    let mut client = Client::from_world(&world());
    let photo = link(&mut client, "image");
    let cookie = format!("li_at={}", client.login);
    let mut request = Request::get(&photo).header("cookie", &cookie).header("range", "bytes=0-");
    "HEAD".clone_into(&mut request.method);
    answered(&mut client, &request);
    let line = serde_json::to_value(client.sim.ledger().lines().last().unwrap()).unwrap();
    assert_eq!((&line["method"], &line["range"], &line["cookiesSent"]), (&json!("HEAD"), &json!(true), &json!(true)));
    assert_eq!(
        (&line["host"], &line["cookiesLeaked"], &line["account"]),
        (&json!("site"), &json!(false), &json!(client.mailbox))
    );
    assert_eq!((&line["writes"], &line["purpose"]), (&json!(false), &json!("media")));
    client.get("/voyager/api/me");
    let line = serde_json::to_value(client.sim.ledger().lines().last().unwrap()).unwrap();
    assert!(line.get("cookiesSent").is_none(), "only files have these keys");
}

#[test]
fn an_expired_link_is_replaced_by_the_message_and_nothing_else_changes() {
    let mut client = Client::from_world(&world());
    let truth = client.sim.world().truth_text(&client.owner());
    let token = client.start_token();
    let (old, file) = (link(&mut client, "image"), link(&mut client, "file"));
    client.set_faults(json!({"expired_link": {"at": [1], "status": 410}}));
    assert_eq!(fetch(&mut client, &old).status, 410);
    assert_eq!(client.sim.ledger().lines().last().unwrap().fault, Some("expired_link"));
    assert_eq!(fetch(&mut client, &old).status, 410, "it stays expired");
    assert_eq!(fetch(&mut client, &file).status, 200, "another file's link stays good");
    let wire = urls_on_the_wire(&mut client);
    let new = wire.iter().find(|url| url.contains("/image/")).unwrap();
    assert_ne!(target(new), old);
    assert_eq!(fetch(&mut client, &target(new)).status, 200);
    assert_eq!(client.sim.world().truth_text(&client.owner()), truth);
    assert!(client.delta(&token).0.is_empty(), "nobody is told of a new link");
    assert_eq!(client.control("POST", "/_sim/media/expire", r#"{"asset":"D4E0plan","status":404}"#).0, 204);
    assert_eq!(fetch(&mut client, &file).status, 404);
    assert_eq!(fetch(&mut client, &target(new)).status, 200);
    assert_eq!(client.control("POST", "/_sim/media/expire", "").0, 204);
    assert_eq!(fetch(&mut client, &target(new)).status, 410, "the status of its own expiry is kept");
    let picture = target(files(&mut client, "").last().unwrap()["url"].as_str().unwrap());
    client.control("POST", "/_sim/media/expire", "{}");
    assert_eq!(fetch(&mut client, &picture).status, 403);
    for bad in [r#"{"status":500}"#, r#"{"what":1}"#, "["] {
        assert_eq!(client.control("POST", "/_sim/media/expire", bad).0, 400, "{bad}");
    }
}

#[test]
fn each_trouble_of_a_file_looks_as_it_says() {
    let mut client = Client::from_world(&world());
    let file = link(&mut client, "file");
    client.set_faults(json!({
        "login_page": {"at": [1]}, "redirect": {"at": [2, 3, 4, 5], "to": "itself"},
        "wrong_length": {"at": [6], "length": "short"}, "wrong_type": {"at": [7], "disguise": "svg"},
        "slow_body": {"at": [8], "piece_bytes": 7, "pause_ms": 9}, "endless_body": {"at": [9], "total_bytes": 100000},
        "gzip_bomb": {"at": [10], "total_bytes": 30000000}, "rate_limited": {"at": [11]}, "server_error": {"at": [12]},
        "cut_body": {"at": [13], "after_bytes": 3}, "html_wall": {"at": [14], "dead_session_kills": false},
    }));
    let page = fetch(&mut client, &file);
    assert!(page.status == 200 && header(&page, "content-type").starts_with("text/html"));
    let redirect = fetch(&mut client, &file);
    assert_eq!((redirect.status, header(&redirect, "location")), (302, file.as_str()));
    for _ in 0..3 {
        fetch(&mut client, &file);
    }
    assert_eq!(fetch(&mut client, &file).claimed_bytes, Some(2_500));
    let svg = fetch(&mut client, &file);
    assert!(header(&svg, "content-type") == "application/pdf" && svg.body.starts_with(b"<?xml"));
    assert_eq!(fetch(&mut client, &file).pace, Pace::Drip { piece_bytes: 7, pause_ms: 9 });
    assert_eq!(fetch(&mut client, &file).pace, Pace::Repeat { total_bytes: 100_000 });
    let bomb = fetch(&mut client, &file);
    assert!(header(&bomb, "content-encoding") == "gzip" && bomb.body.len() < 100_000);
    assert_eq!(fetch(&mut client, &file).status, 429);
    assert!(fetch(&mut client, &file).status >= 500);
    assert_eq!(fetch(&mut client, &file).cut_after, Some(3));
    assert!(fetch(&mut client, &file).body.starts_with(b"<!DOCTYPE"));
    let plain = fetch(&mut client, &file);
    assert_eq!((plain.status, plain.body.len(), plain.pace, plain.claimed_bytes), (200, 5_000, Pace::AtOnce, None));
}

#[test]
fn a_redirect_leads_where_it_is_told() {
    let mut client = Client::from_world(&world());
    let file = link(&mut client, "file");
    for (fault, expected) in [
        (json!({"rate": 1}), "/uas/login"),
        (json!({"rate": 1, "to": "loopback"}), "http://127.0.0.1:9/"),
        (json!({"rate": 1, "location": "http://169.254.0.1/x"}), "http://169.254.0.1/x"),
    ] {
        client.set_faults(json!({"redirect": fault}));
        let answer = fetch(&mut client, &file);
        assert_eq!((answer.status, header(&answer, "location")), (302, expected));
    }
}

#[test]
fn a_fault_can_mean_one_path_and_files_alone() {
    let mut client = Client::from_world(&world());
    let (file, photo) = (link(&mut client, "file"), link(&mut client, "image"));
    client.set_faults(json!({"server_error": {"rate": 1, "path": "/dms/prv/document/", "status": 503},
                             "malformed_body": {"rate": 1, "only": ["media"]}, "wrong_length": {"rate": 1, "path": "/voyager/"}}));
    assert_eq!(fetch(&mut client, &file).status, 503);
    let plain = fetch(&mut client, &photo);
    assert_eq!((plain.status, plain.claimed_bytes), (200, None));
    assert_eq!(client.get("/voyager/api/me").claimed_bytes, None, "a lie about lengths concerns files");
    for bad in [
        json!({"expired_link": {"status": 500}}),
        json!({"server_error": {"status": 404}}),
        json!({"slow_body": {"piece_bytes": 0}}),
        json!({"endless_body": {"total_bytes": 0}}),
        json!({"gzip_bomb": {"pause_ms": 1}}),
        json!({"redirect": {"location": "a b"}}),
        json!({"wrong_length": {"length": "wide"}}),
    ] {
        assert_eq!(client.control("POST", "/_sim/faults", &bad.to_string()).0, 400, "{bad}");
    }
}

#[test]
fn a_recalled_message_takes_its_files_along() {
    let mut client = Client::from_world(&world());
    let (photo, gif) = (link(&mut client, "image"), link(&mut client, "gif"));
    assert_eq!(fetch(&mut client, &photo).status, 200);
    client.mutate(json!({"verb": "message_recalled", "conversation": "chat", "message": {"index": 1}}));
    assert_eq!(fetch(&mut client, &photo).status, 404);
    assert_eq!(fetch(&mut client, &gif).status, 200);
}
