//! The control surface: truth, ledger, mutations, faults and switches from outside, and what it refuses.

use serde_json::{Value, json};
use threadkeep_sim::{Outcome, Request};

use super::client::{Client, encode, read};

fn raw(client: &mut Client, target: &str) -> (u16, String) {
    let Outcome::Answer(answer) = client.send(&Request::get(target)) else { panic!() };
    (answer.status, String::from_utf8(answer.body).unwrap())
}

#[test]
fn credentials_have_the_promised_names() {
    let mut client = Client::generated(3, 1.0);
    let (status, all) = client.control("GET", "/_sim/credentials", "");
    assert_eq!((status, all.as_array().unwrap().len()), (200, 2));
    for one in all.as_array().unwrap() {
        let id = one["accountId"].as_str().unwrap();
        assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(one["memberUrn"].as_str().unwrap().starts_with("urn:li:fsd_profile:ACoAA"));
        let cookie = one["cookie"].as_str().unwrap();
        for name in ["li_at=AQED", "JSESSIONID=\"ajax:", "bcookie=\"v=2&", "bscookie=", "lidc=", "li_rm="] {
            assert!(cookie.contains(name), "{name}");
        }
        assert!(one["name"].is_string() && one["userAgent"].is_string());
    }
    assert_eq!(client.control("GET", "/_sim/credentials", "").1, all, "a living session stays");
}

#[test]
fn truth_is_told_by_account_and_category() {
    let mut client = Client::generated(30, 2.0);
    let mailbox = client.mailbox.clone();
    let expected = client.sim.world().truth_text(&client.owner());
    for account in [mailbox.clone(), encode(&mailbox)] {
        assert_eq!(raw(&mut client, &format!("/_sim/truth?account={account}")), (200, expected.clone()));
    }
    let (_, archive) = raw(&mut client, &format!("/_sim/truth?account={mailbox}&categories=ARCHIVE"));
    assert!(archive.len() < expected.len() && archive.contains("ARCHIVE"));
    assert_eq!(raw(&mut client, "/_sim/truth?account=urn:li:fsd_profile:nobody").0, 404);
    assert_eq!(raw(&mut client, "/_sim/truth").0, 400);
}

#[test]
fn the_ledger_tells_every_request_and_no_control_request() {
    let mut client = Client::generated(25, 2.0);
    let token = client.start_token();
    client.delta(&token);
    client.walk_list("INBOX");
    let urn = client.conversation_urns()[0].clone();
    client.walk_messages(&urn);
    client.get("/voyager/api/me");
    client.get("/somewhere/else");
    let (_, text) = raw(&mut client, "/_sim/ledger");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let purposes: Vec<&str> = lines.iter().map(|line| line["purpose"].as_str().unwrap()).collect();
    assert!(["start_token", "delta", "list", "messages", "me", "other"].iter().all(|one| purposes.contains(one)));
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["n"], index + 1);
        assert_eq!(line["account"], client.mailbox);
        for key in ["atMs", "method", "path", "query", "status", "writes"] {
            assert!(!line[key].is_null(), "{key}");
        }
        assert!(!line["path"].as_str().unwrap().starts_with("/_sim"));
    }
    assert_eq!(raw(&mut client, "/_sim/ledger?since=2").1.lines().count(), lines.len() - 2);
    assert_eq!(client.control("POST", "/_sim/ledger/clear", "").0, 204);
    assert_eq!(raw(&mut client, "/_sim/ledger").1, "");
    assert_eq!(client.control("GET", "/_sim/stats", "").1["requests"], 0);
}

#[test]
fn mutations_are_applied_one_or_many() {
    let mut client = Client::generated(5, 3.0);
    let one = json!({"verb": "marked_unread", "conversation": {"index": 0}});
    let (status, done) = client.control("POST", "/_sim/mutate", &one.to_string());
    assert_eq!((status, &done["verb"]), (200, &json!("marked_unread")));
    let many = json!([one, {"verb": "marked_read", "conversation": {"index": 0}}]);
    let (status, done) = client.control("POST", "/_sim/mutate", &many.to_string());
    assert_eq!((status, done.as_array().unwrap().len()), (200, 2));
}

#[test]
fn what_is_not_understood_changes_nothing_and_says_why() {
    let mut client = Client::generated(5, 3.0);
    let before = client.sim.world().truth_text(&client.owner());
    let good = json!({"verb": "message_arrives", "conversation": {"index": 0}});
    let cases = [
        ("/_sim/mutate", "not json".to_owned(), "JSON"),
        ("/_sim/mutate", json!([good, {"verb": "explodes"}]).to_string(), "[1]"),
        (
            "/_sim/mutate",
            json!({"verb": "marked_read", "conversation": {"index": 0}, "colour": 1}).to_string(),
            "colour",
        ),
        ("/_sim/faults", json!({"server_error": {"rate": 2}}).to_string(), "rate"),
        ("/_sim/faults", json!({"server_error": {"rate": 0.1, "lag_ms": 1}}).to_string(), "lag_ms"),
        ("/_sim/faults", json!({"earthquake": {"rate": 0.1}}).to_string(), "earthquake"),
        ("/_sim/faults", json!({"reset": {"often": 1}}).to_string(), "often"),
        ("/_sim/faults", json!("medium").to_string(), "light"),
        ("/_sim/switches", json!({"page_clamp": "many"}).to_string(), "switches"),
        ("/_sim/switches", json!({"colour": "red"}).to_string(), "colour"),
        ("/_sim/kill_session", json!({"form": "checkpoint"}).to_string(), "account"),
    ];
    for (target, body, names) in cases {
        let (status, answer) = client.control("POST", target, &body);
        assert_eq!(status, 400, "{target} {body}");
        assert!(answer["error"].as_str().unwrap().contains(names), "{answer}");
    }
    assert_eq!(client.sim.world().truth_text(&client.owner()), before);
    assert!(client.sim.faults().kinds.is_empty());
    assert_eq!(client.control("GET", "/_sim/nothing", "").0, 404);
    assert_eq!(client.control("DELETE", "/_sim/mutate", "").0, 405);
    assert_eq!(raw(&mut client, "/_sim/").0, 200);
}

#[test]
fn faults_and_switches_may_come_together() {
    let mut client = Client::generated(5, 3.0);
    let body = json!({"faults": "light", "switches": {"page_clamp": 5}}).to_string();
    assert_eq!(client.control("POST", "/_sim/faults", &body).0, 200);
    assert_eq!(client.control("GET", "/_sim/switches", "").1["page_clamp"], 5);
    assert!(client.control("GET", "/_sim/faults", "").1["latency"].is_object());
    assert_eq!(client.control("POST", "/_sim/faults", "\"none\"").0, 200);
    assert!(read(&client.get("/voyager/api/me"))["plainId"].is_number());
}
