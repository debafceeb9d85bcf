//! Each kind of trouble: what it looks like, whom it concerns, and that a patient client loses nothing by it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use threadkeep_sim::{FaultKind, Outcome};

use super::client::{
    ANCHOR, CATEGORY, Client, GRAPHQL, MESSAGE_SYNC, NORMALIZED, SYNC, encode, page, read, target, text, way_on,
};

fn list(client: &mut Client, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    let variables = client.list_variables("INBOX", cursor);
    let page = client.page(CATEGORY, &variables);
    let urns = page.elements.iter().map(|one| text(&one["entityUrn"])).collect();
    (urns, way_on(&page.metadata["nextCursor"]))
}

fn last_fault(client: &Client) -> Option<&'static str> {
    client.sim.ledger().lines().last().unwrap().fault
}

#[test]
fn answers_that_are_no_answers() {
    let mut client = Client::generated(30, 3.0);
    let variables = client.list_variables("INBOX", None);
    client.set_faults(json!({
        "rate_limited": {"at": [1], "retry_after_s": 7}, "server_error": {"at": [2], "status": 503, "burst": 2},
        "bot_wall": {"at": [4]}, "reset": {"at": [5]}, "errors_answer": {"at": [6]},
        "malformed_body": {"at": [7], "form": "bad_json"}, "cut_body": {"at": [8], "after_bytes": 10},
    }));
    let limited = client.query(CATEGORY, &variables);
    assert_eq!(limited.status, 429);
    assert!(limited.headers.contains(&("retry-after".to_owned(), "7".to_owned())));
    assert_eq!(client.query(CATEGORY, &variables).status, 503);
    assert_eq!(client.query(CATEGORY, &variables).status, 503);
    assert_eq!(client.query(CATEGORY, &variables).status, 999);
    let request = client.request(&target(CATEGORY, &variables));
    assert!(matches!(client.send(&request), Outcome::Reset));
    assert_eq!((client.sim.ledger().lines().last().unwrap().status, last_fault(&client)), (0, Some("reset")));
    let errors = read(&client.query(CATEGORY, &variables));
    assert!(errors["errors"].is_array() && errors["data"].is_null());
    assert!(serde_json::from_slice::<Value>(&client.query(CATEGORY, &variables).body).is_err());
    let cut = client.query(CATEGORY, &variables);
    assert_eq!((cut.status, cut.cut_after), (200, Some(10)));
    assert_eq!(client.query(CATEGORY, &variables).cut_after, None);
}

#[test]
fn malformed_bodies_in_all_forms() {
    let mut client = Client::generated(3, 3.0);
    for form in ["bad_json", "wrong_shape", "html_entities", "invalid_utf8", "deep_nesting"] {
        client.set_faults(json!({"malformed_body": {"rate": 1, "form": form}}));
        let variables = client.list_variables("INBOX", None);
        let answer = client.query(CATEGORY, &variables);
        let parsed = if form == "deep_nesting" {
            Err(())
        } else {
            serde_json::from_slice::<Value>(&answer.body).map_err(|_| ())
        };
        let has_collection =
            parsed.is_ok_and(|value| value["data"]["messengerConversationsByCategoryQuery"].is_object());
        assert!(!has_collection && answer.status == 200, "{form}");
        assert_eq!(last_fault(&client), Some("malformed_body"));
    }
}

#[test]
fn strange_pages_lead_on_to_the_proper_ones() {
    let mut client = Client::generated(70, 1.0);
    let (first, second_cursor) = list(&mut client, None);
    let (second, third_cursor) = list(&mut client, second_cursor.as_deref());
    let second_cursor = second_cursor.as_deref();
    client.set_faults(json!({"repeated_page": {"at": [1]}}));
    assert_eq!(list(&mut client, second_cursor), (second.clone(), second_cursor.map(str::to_owned)));
    client.set_faults(json!({"empty_page": {"at": [1]}}));
    let (nothing, on) = list(&mut client, second_cursor);
    assert!(nothing.is_empty() && on.as_deref() != second_cursor);
    assert_eq!(list(&mut client, on.as_deref()), (second.clone(), third_cursor.clone()));
    client.set_faults(json!({"shifted_page": {"at": [1], "items": 1}}));
    let (shifted, on) = list(&mut client, second_cursor);
    assert_eq!((&shifted[0], &shifted[1]), (&first[19], &second[0]));
    assert_eq!(list(&mut client, on.as_deref()).0[0], second[19], "nothing is skipped");
    client.set_faults(json!({"cursor_cycle": {"at": [1]}}));
    let (_, back) = list(&mut client, third_cursor.as_deref());
    let (earlier, _) = list(&mut client, back.as_deref());
    assert!(earlier.iter().all(|urn| first.contains(urn) || second.contains(urn)));
}

#[test]
fn an_endless_list_repeats_and_brings_nothing_new() {
    let mut client = Client::generated(30, 3.0);
    client.set_faults(json!({"endless_page": {"rate": 1, "times": 1}}));
    let mut seen = BTreeSet::new();
    let mut cursor: Option<String> = None;
    let mut news_less = 0;
    for _ in 0..20 {
        let (urns, next) = list(&mut client, cursor.as_deref());
        assert!(!urns.is_empty() && next != cursor);
        let before = seen.len();
        seen.extend(urns);
        news_less += usize::from(seen.len() == before);
        cursor = next;
        assert!(cursor.is_some());
    }
    let all: BTreeSet<String> = {
        client.set_faults(json!({}));
        client.walk_list("INBOX").iter().flat_map(|page| &page.elements).map(|one| text(&one["entityUrn"])).collect()
    };
    assert_eq!(seen, all);
    assert_eq!(news_less, 20 - all.len().div_ceil(20));
}

#[test]
fn a_cleared_cache_comes_with_the_newest_page_and_a_fresh_token() {
    let mut client = Client::generated(30, 2.0);
    let token = client.start_token();
    client.set_faults(json!({"clear_cache": {"at": [1]}}));
    let variables = format!("(mailboxUrn:{},syncToken:{})", encode(&client.mailbox), encode(&token));
    let cleared = client.page(SYNC, &variables);
    assert_eq!((cleared.elements.len(), &cleared.metadata["shouldClearCache"]), (20, &json!(true)));
    let fresh = text(&cleared.metadata["newSyncToken"]);
    client.mutate(json!({"verb": "marked_unread", "conversation": {"index": 3}}));
    assert_eq!(client.delta(&fresh).0.len(), 1);
}

#[test]
fn a_stale_answer_hides_only_what_the_delta_will_tell() {
    let world = json!({
        "accounts": [{"key": "sam", "name": "Sam Sample"}], "people": [{"key": "olga", "name": "Olga Test"}],
        "conversations": [{"key": "chat", "with": ["olga"], "messages": [{"text": "a"}, {"text": "b"}]}],
    });
    let mut client = Client::from_world(&world);
    let urn = client.conversation_urns()[0].clone();
    client.now_ms += 10_000;
    let token = client.start_token();
    client.mutate(json!({"verb": "message_edited", "conversation": "chat", "message": {"index": 0}, "text": "B"}));
    client.set_faults(json!({"stale_answer": {"rate": 1}}));
    let stale = client.page(ANCHOR, &Client::anchor_variables(&urn));
    assert_eq!((&stale.elements[0]["body"]["text"], last_fault(&client)), (&json!("b"), Some("stale_answer")));
    let sync = client.page(MESSAGE_SYNC, &format!("(conversationUrn:{})", encode(&urn)));
    assert_eq!(sync.elements[0]["body"]["text"], "b");
    let (hidden, _, later) = client.delta(&token);
    assert!(hidden.is_empty());
    client.set_faults(json!({}));
    let message_token = encode(&text(&sync.metadata["newSyncToken"]));
    let news = client.page(MESSAGE_SYNC, &format!("(conversationUrn:{},syncToken:{message_token})", encode(&urn)));
    assert_eq!(news.elements[0]["body"]["text"], "B");
    assert_eq!(client.delta(&later).0.len(), 1);
    client.set_faults(json!({"stale_answer": {"rate": 1}}));
    let fresh = client.page(ANCHOR, &Client::anchor_variables(&urn));
    assert_eq!(fresh.elements[0]["body"]["text"], "B", "a replica never goes back behind a token");
}

#[test]
fn faults_concern_only_the_purposes_they_are_meant_for() {
    let mut client = Client::generated(5, 3.0);
    client.set_faults(json!({"server_error": {"rate": 1, "only": ["messages"]}, "empty_page": {"rate": 1}}));
    assert_eq!(client.get("/voyager/api/me").status, 200);
    let (urns, _) = list(&mut client, None);
    assert!(urns.is_empty());
    let urn = client.conversation_urns()[0].clone();
    let statuses: BTreeSet<u16> =
        (0..40).map(|_| client.query(ANCHOR, &Client::anchor_variables(&urn)).status).collect();
    assert!(statuses.contains(&200) && statuses.len() > 1, "one of two faults is drawn");
}

#[test]
fn one_record_of_the_wrong_shape() {
    let mut client = Client::generated(5, 3.0);
    client.set_faults(json!({"odd_record": {"at": [1]}}));
    let variables = client.list_variables("INBOX", None);
    let answer = client.query(CATEGORY, &variables);
    let odd = page(&read(&answer));
    assert!(odd.elements[0]["conversationParticipants"].is_number());
    assert!(odd.elements[1]["conversationParticipants"].is_array());
}

#[test]
fn latency_waits_without_sleeping_in_process() {
    let mut client = Client::generated(5, 3.0);
    client.set_faults(json!({"latency": {"rate": 1, "min_ms": 30, "max_ms": 40}}));
    for _ in 0..20 {
        assert!((30..=40).contains(&client.get("/voyager/api/me").delay_ms));
    }
    assert!(client.sim.ledger().lines().any(|line| line.concurrent > 1), "they overlapped");
}

#[test]
fn rates_hold_and_burst_and_times_bound_them() {
    let mut client = Client::generated(2, 2.0);
    client.set_faults(json!({"server_error": {"rate": 0.1}}));
    let struck = (0..2_000).filter(|_| client.get("/voyager/api/me").status >= 500).count();
    assert!((140..=260).contains(&struck), "{struck}");
    client.set_faults(json!({"server_error": {"rate": 1, "times": 3}}));
    let struck = (0..20).filter(|_| client.get("/voyager/api/me").status >= 500).count();
    assert_eq!(struck, 3);
    assert_eq!(client.sim.faults_struck()["server_error"], 3);
}

#[test]
fn every_kind_is_named_and_can_be_configured() {
    let mut client = Client::generated(2, 2.0);
    let kinds = [
        "latency",
        "reset",
        "cut_body",
        "malformed_body",
        "rate_limited",
        "server_error",
        "bot_wall",
        "revoked_redirect",
        "unauthorized",
        "html_wall",
        "checkpoint",
        "csrf_failed",
        "rotate_session_cookie",
        "rotate_routing_cookie",
        "rotate_login_cookie",
        "repeated_page",
        "shifted_page",
        "empty_page",
        "endless_page",
        "cursor_cycle",
        "clear_cache",
        "stale_answer",
        "errors_answer",
        "odd_record",
    ];
    for kind in kinds {
        let parsed: FaultKind = serde_json::from_value(json!(kind)).unwrap();
        assert_eq!(parsed.name(), kind);
        client.set_faults(json!({kind: {"rate": 0.1}}));
    }
}

#[test]
fn a_reordered_page_has_the_same_items_in_both_forms() {
    for accept in [GRAPHQL, NORMALIZED] {
        let mut client = Client::generated(30, 3.0);
        client.accept = accept;
        let (plain, way) = list(&mut client, None);
        client.set_faults(json!({"reordered_page": {"at": [1]}}));
        let (mut turned, same_way) = list(&mut client, None);
        assert_eq!(last_fault(&client), Some("reordered_page"));
        assert_ne!(turned, plain);
        turned.reverse();
        assert_eq!((turned, same_way), (plain, way));
    }
}
