//! The doubtful points of the protocol, each in both of its forms.

use serde_json::{Value, json};

use super::client::{ANCHOR, CATEGORY, Client, MESSAGE_SYNC, NORMALIZED, SYNC, encode, page, read, target, text};

fn list_before(client: &mut Client, before_ms: i64) -> Vec<Value> {
    let variables = client.list_variables("INBOX", None);
    let variables = variables.replacen("count:20", &format!("count:20,lastUpdatedBefore:{before_ms}"), 1);
    client.page(CATEGORY, &variables).elements
}

#[test]
fn the_end_of_a_list_has_four_forms() {
    let mut client = Client::generated(40, 2.0);
    let pages = client.walk_list("INBOX").len();
    for (form, more) in [("null", 0), ("missing", 0), ("empty", 0), ("probe", 1)] {
        client.set_switches(json!({"end_of_list": form}));
        let walked = client.walk_list("INBOX");
        assert_eq!(walked.len(), pages + more, "{form}");
        let last = &walked[walked.len() - 1].metadata;
        match form {
            "missing" => assert!(last.get("nextCursor").is_none()),
            "empty" => assert_eq!(last["nextCursor"], ""),
            _ => assert!(last["nextCursor"].is_null() && last.get("nextCursor").is_some()),
        }
    }
}

#[test]
fn last_updated_before_pages_or_is_ignored() {
    let mut client = Client::generated(40, 2.0);
    let first = client.page(CATEGORY, &client.list_variables("INBOX", None)).elements;
    let border = first[5]["lastActivityAt"].as_i64().unwrap();
    assert_eq!(list_before(&mut client, border)[0]["entityUrn"], first[6]["entityUrn"]);
    client.set_switches(json!({"time_border": "inclusive"}));
    assert_eq!(list_before(&mut client, border)[0]["entityUrn"], first[5]["entityUrn"]);
    client.set_switches(json!({"last_updated_before": "ignore"}));
    assert_eq!(list_before(&mut client, border)[0]["entityUrn"], first[0]["entityUrn"]);
}

#[test]
fn the_page_clamp_can_be_lifted() {
    let mut client = Client::generated(60, 2.0);
    let variables = client.list_variables("INBOX", None).replace("count:20", "count:50");
    assert_eq!(client.page(CATEGORY, &variables).elements.len(), 20);
    client.set_switches(json!({"page_clamp": null}));
    assert!(client.page(CATEGORY, &variables).elements.len() > 20);
    client.set_switches(json!({"page_clamp": 7}));
    assert_eq!(client.page(CATEGORY, &variables).elements.len(), 7);
}

#[test]
fn messages_come_in_three_orders() {
    let mut client = Client::generated(25, 20.0);
    let urn = client
        .conversation_urns()
        .into_iter()
        .find(|urn| client.page(ANCHOR, &Client::anchor_variables(urn)).elements.len() == 20);
    let variables = Client::anchor_variables(&urn.unwrap());
    let ids = |client: &mut Client| -> Vec<String> {
        client.page(ANCHOR, &variables).elements.iter().map(|one| text(&one["backendUrn"])).collect()
    };
    let newest_first = ids(&mut client);
    client.set_switches(json!({"message_order": "oldest_first"}));
    let mut oldest_first = ids(&mut client);
    client.set_switches(json!({"message_order": "shuffled"}));
    let shuffled = ids(&mut client);
    assert!(shuffled != newest_first && shuffled != oldest_first);
    oldest_first.reverse();
    assert_eq!(oldest_first, newest_first);
}

#[test]
fn a_token_of_another_list() {
    let mut client = Client::generated(25, 5.0);
    client.now_ms += 5;
    let token = encode(&client.start_token());
    let urn = encode(&client.conversation_urns()[0]);
    let variables = format!("(conversationUrn:{urn},syncToken:{token})");
    let honoured = client.page(MESSAGE_SYNC, &variables);
    assert!(honoured.elements.is_empty() && honoured.metadata["shouldClearCache"] == false);
    client.set_switches(json!({"foreign_token": "reset"}));
    assert_eq!(client.page(MESSAGE_SYNC, &variables).metadata["shouldClearCache"], true);
    client.set_switches(json!({"foreign_token": "refuse"}));
    assert_eq!(client.query(MESSAGE_SYNC, &variables).status, 400);
}

#[test]
fn tokens_may_grow_old() {
    let mut client = Client::generated(5, 2.0);
    let token = client.start_token();
    client.set_switches(json!({"token_lifetime_ms": 1_000}));
    let variables = format!("(mailboxUrn:{},syncToken:{})", encode(&client.mailbox), encode(&token));
    assert_eq!(client.page(SYNC, &variables).metadata["shouldClearCache"], false);
    client.now_ms += 2_000;
    assert_eq!(client.page(SYNC, &variables).metadata["shouldClearCache"], true);
    client.set_switches(json!({"expired_token": "refuse"}));
    assert_eq!(client.query(SYNC, &variables).status, 400);
    assert_eq!(client.query(SYNC, &variables.replace(&encode(&token), "nonsense")).status, 400);
}

#[test]
fn a_delta_may_be_limited_and_goes_on() {
    let mut client = Client::generated(25, 3.0);
    let mut token = client.start_token();
    for index in 0..7 {
        client.mutate(json!({"verb": "marked_unread", "conversation": {"index": index}}));
        client.mutate(json!({"verb": "marked_read", "conversation": {"index": index}}));
    }
    client.set_switches(json!({"delta_limit": 3}));
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let (changed, _, next) = client.delta(&token);
        sizes.push(changed.len());
        token = next;
    }
    assert_eq!(sizes, [3, 3, 1, 0]);
}

#[test]
fn tombstones_of_conversations_have_three_forms() {
    let mut client = Client::generated(10, 2.0);
    let token = client.start_token();
    let urn = text(&client.walk_list("INBOX")[0].elements[0]["entityUrn"]);
    client.mutate(json!({"verb": "conversation_deleted", "conversation": {"index": 0}}));
    let variables = format!("(mailboxUrn:{},syncToken:{})", encode(&client.mailbox), encode(&token));
    for (form, path) in [("objects", "/0/conversation/entityUrn"), ("bare", "/0/entityUrn"), ("strings", "/0")] {
        client.set_switches(json!({"deleted_urns": form}));
        let deleted = client.page(SYNC, &variables).metadata["deletedUrns"].clone();
        assert_eq!(deleted.pointer(path), Some(&json!(urn)), "{form}");
    }
    client.accept = NORMALIZED;
    client.set_switches(json!({"deleted_urns": "objects"}));
    assert_eq!(client.page(SYNC, &variables).metadata["deletedUrns"], json!([urn]));
}

#[test]
fn people_brief_deleted_and_dangling() {
    let world = json!({
        "accounts": [{"key": "sam", "name": "Sam Sample"}],
        "people": [{"key": "olga", "name": "Olga Test"}, {"key": "left", "name": "Lee Left"}, {"key": "gone", "deleted": true}],
        "conversations": [{"with": ["olga", "gone"], "title": "g", "messages": [
            {"from": "olga", "text": "a"}, {"from": "left", "text": "b"}, {"from": "gone", "text": "c"}]}],
    });
    let mut client = Client::from_world(&world);
    let variables = Client::anchor_variables(&client.conversation_urns()[0]);
    let senders = |client: &mut Client| -> Vec<Value> {
        client.page(ANCHOR, &variables).elements.iter().map(|one| one["sender"].clone()).collect()
    };
    let full = senders(&mut client);
    assert!(full.iter().all(|sender| sender["participantType"]["member"].is_object()));
    assert!(full[0]["participantType"]["member"]["firstName"].is_null());
    client.set_switches(json!({"deleted_members": "placeholder", "brief_senders": true}));
    let brief = senders(&mut client);
    assert!(brief[0].get("participantType").is_none() && brief[2].get("participantType").is_none());
    assert_eq!(brief[1]["participantType"]["member"]["firstName"]["text"], "Lee", "nobody else knows who left");
    client.set_switches(json!({"brief_senders": false}));
    assert_eq!(senders(&mut client)[0]["participantType"]["member"]["lastName"]["text"], "Member");
    client.accept = NORMALIZED;
    client.set_switches(json!({"dangling_references": false}));
    assert!(senders(&mut client).iter().all(|sender| sender.get("dangles").is_none()));
}

#[test]
fn marks_are_everywhere_and_extra_keys_can_be_switched_off() {
    let mut client = Client::generated(25, 5.0);
    let variables = client.list_variables("INBOX", None);
    let with = String::from_utf8(client.query(CATEGORY, &variables).body).unwrap();
    assert!(with.contains("lixTreatment") && with.contains("renderHints"));
    client.set_switches(
        json!({"extra_keys": false, "muted_word": "MUTED", "subject_form": "text", "embedded_message": false}),
    );
    let without = String::from_utf8(client.query(CATEGORY, &variables).body).unwrap();
    assert!(!without.contains("lixTreatment") && !without.contains("renderHints"));
    let value: Value = serde_json::from_str(&without).unwrap();
    let marked = |object: &Value| object["_type"].is_string() && object["_recipeType"].is_string();
    for conversation in page(&value).elements {
        assert!(marked(&conversation) && marked(&conversation["conversationParticipants"][0]["participantType"]));
        assert!(conversation.get("messages").is_none());
    }
}

#[test]
fn query_ids_may_retire_and_appear() {
    let mut client = Client::generated(3, 1.0);
    let variables = format!("(mailboxUrn:{})", encode(&client.mailbox));
    client.set_switches(json!({
        "retired_query_ids": [SYNC],
        "extra_query_ids": {"messengerConversations.new": "conversations_by_sync_token"},
    }));
    assert_eq!(client.get(&target(SYNC, &variables)).status, 400);
    let answer = client.get(&target("messengerConversations.new", &variables));
    assert!(read(&answer)["data"]["messengerConversationsBySyncToken"].is_object());
}
