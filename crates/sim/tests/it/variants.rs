//! Each stored query: its variables, its answer field, its edges; and the strictness of the URL.

use serde_json::{Value, json};
use threadkeep_sim::{Outcome, Request};

use super::client::{
    ANCHOR, CATEGORY, Client, MESSAGE_SYNC, NORMALIZED, OLDER, SYNC, encode, read, resolved, target, text, way_on,
};

fn urn_of_longest(client: &mut Client) -> String {
    let urns = client.conversation_urns();
    let counts: Vec<usize> =
        urns.iter().map(|urn| client.walk_messages(urn).iter().map(|page| page.elements.len()).sum()).collect();
    let longest = (0..urns.len()).max_by_key(|index| counts[*index]).unwrap();
    assert!(counts[longest] > 45, "the generated world has a long conversation");
    urns[longest].clone()
}

#[test]
fn every_query_id_of_the_table_answers_in_its_own_field() {
    let mut client = Client::generated(25, 5.0);
    let conversation = encode(&client.conversation_urns()[0]);
    let mailbox = encode(&client.mailbox);
    let (_, table) = client.control("GET", "/_sim/query_ids", "");
    let message = client.page(ANCHOR, &Client::anchor_variables(&client.conversation_urns()[0])).elements[0].clone();
    let message = encode(message["entityUrn"].as_str().unwrap());
    let table = table.as_object().unwrap().clone();
    assert!(table.len() > 40);
    for (query_id, variant) in table {
        let (field, variables) = match variant.as_str().unwrap() {
            "conversations_by_sync_token" => ("messengerConversationsBySyncToken", format!("(mailboxUrn:{mailbox})")),
            "conversations_by_category_query" => {
                ("messengerConversationsByCategoryQuery", client.list_variables("INBOX", None))
            }
            "conversations_by_category" => (
                "messengerConversationsByCategory",
                format!("(category:INBOX,count:20,mailboxUrn:{mailbox},lastUpdatedBefore:9999999999999)"),
            ),
            "conversations_by_search_criteria" => (
                "messengerConversationsBySearchCriteria",
                format!("(categories:List(INBOX,ARCHIVE),count:25,firstDegreeConnections:false,mailboxUrn:{mailbox})"),
            ),
            "conversations_by_recipients" => (
                "messengerConversationsByRecipients",
                format!("(mailboxUrn:{mailbox},recipients:List({mailbox}),count:20)"),
            ),
            "conversations_by_ids" => {
                ("messengerConversationsByIds", format!("(conversationIds:List({conversation}),count:1)"))
            }
            "conversations_by_id" => {
                ("messengerConversationsById", format!("(messengerConversationsId:{conversation},count:20)"))
            }
            "mailbox_counts" => ("messengerMailboxCountsByMailbox", format!("(mailboxUrn:{mailbox})")),
            "seen_receipts" => ("messengerSeenReceiptsByConversation", format!("(conversationUrn:{conversation})")),
            "quick_replies" => ("messengerQuickRepliesByConversation", format!("(conversationUrn:{conversation})")),
            "messages_by_sync_token" => ("messengerMessagesBySyncToken", format!("(conversationUrn:{conversation})")),
            "messages_by_anchor_timestamp" => (
                "messengerMessagesByAnchorTimestamp",
                format!("(deliveredAt:9999999999999,conversationUrn:{conversation},countBefore:20,countAfter:0)"),
            ),
            "messages_by_conversation" => {
                ("messengerMessagesByConversation", format!("(conversationUrn:{conversation},count:20)"))
            }
            _ => (
                "messengerMessagingParticipantsByMessageAndEmoji",
                format!("(messageUrn:{message},emoji:%F0%9F%91%8D)"),
            ),
        };
        let answer = client.query(&query_id, &variables);
        assert_eq!(answer.status, 200, "{query_id}");
        assert!(!read(&answer)["data"][field].is_null(), "{query_id}");
        client.accept = NORMALIZED;
        let normalized = resolved(&read(&client.query(&query_id, &variables)));
        assert!(!normalized["data"][field].is_null(), "{query_id}");
        client.accept = super::client::GRAPHQL;
        let wrong = client.query(&query_id, "(nonsense:1)");
        assert_eq!(wrong.status, 200);
        assert!(read(&wrong)["data"][field].is_null() && read(&wrong)["errors"].is_array(), "{query_id}");
    }
}

#[test]
fn unknown_ids_and_bad_syntax_are_400() {
    let mut client = Client::generated(3, 2.0);
    let mailbox = encode(&client.mailbox);
    let good = client.list_variables("INBOX", None);
    let bad = [
        target("messengerConversations.00000000000000000000000000000000", &format!("(mailboxUrn:{mailbox})")),
        target(SYNC, &format!("%28mailboxUrn:{mailbox}%29")),
        target(SYNC, &format!("(mailboxUrn%3A{mailbox})")),
        target(SYNC, &format!("(mailboxUrn:{})", client.mailbox)),
        target(SYNC, &format!("(mailboxUrn:{mailbox}")),
        target(CATEGORY, &good.replacen("query:(", "query:%28", 1)),
        target(CATEGORY, &format!("(query:x,count:20,mailboxUrn:{mailbox})")),
        target(SYNC, &format!("(mailboxUrn:{mailbox})&queryId={SYNC}")),
        "/voyager/api/voyagerMessagingGraphQL/graphql".to_owned(),
    ];
    for target in bad {
        let answer = client.get(&target);
        assert_eq!((answer.status, answer.body.as_slice()), (400, br#"{"status":400}"#.as_slice()), "{target}");
    }
    let swapped = format!(
        "/voyager/api/voyagerMessagingGraphQL/graphql?variables={good}&includeWebMetadata=true&queryId={CATEGORY}"
    );
    assert_eq!(client.get(&swapped).status, 200);
    client.set_switches(json!({"parameter_order": "query_id_first"}));
    assert_eq!(client.get(&swapped).status, 400);
}

#[test]
fn a_long_query_may_come_as_a_form_body() {
    let mut client = Client::generated(3, 2.0);
    let query = target(CATEGORY, &client.list_variables("INBOX", None));
    let (path, query) = query.split_once('?').unwrap();
    let mut request = client.request(path).header("X-HTTP-Method-Override", "GET");
    request.method = "POST".to_owned();
    request.body = query.as_bytes().to_vec();
    request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let Outcome::Answer(answer) = client.send(&request) else { panic!() };
    assert_eq!(answer.status, 200);
    let line = client.sim.ledger().lines().last().unwrap();
    assert!(!line.writes && line.query == query && line.method == "POST");
}

#[test]
fn what_is_not_ones_own_is_empty() {
    let mut client = Client::generated(10, 3.0);
    let (_, credentials) = client.control("GET", "/_sim/credentials", "");
    let stranger = text(&credentials[1]["memberUrn"]);
    let variables = client.list_variables("INBOX", None).replace(&encode(&client.mailbox), &encode(&stranger));
    let page = client.page(CATEGORY, &variables);
    assert!(page.elements.is_empty() && page.metadata["nextCursor"].is_null());
    let thread = client.conversation_urns()[0].replace(&client.mailbox, &stranger);
    for unknown in [thread, client.conversation_urn("2-unknown")] {
        assert!(client.page(ANCHOR, &Client::anchor_variables(&unknown)).elements.is_empty());
        let sync = client.page(MESSAGE_SYNC, &format!("(conversationUrn:{})", encode(&unknown)));
        assert!(sync.elements.is_empty() && sync.metadata["newSyncToken"].is_string());
    }
}

#[test]
fn the_sync_hash_ignores_the_variables_of_an_anchor_query() {
    let mut client = Client::generated(25, 30.0);
    let urn = urn_of_longest(&mut client);
    let newest = client.page(MESSAGE_SYNC, &format!("(conversationUrn:{})", encode(&urn)));
    let trap = format!("(deliveredAt:1,conversationUrn:{},countBefore:20,countAfter:0)", encode(&urn));
    let same = client.page(MESSAGE_SYNC, &trap);
    assert_eq!(same.elements, newest.elements);
    assert_eq!((newest.elements.len(), &newest.metadata["shouldClearCache"]), (20, &json!(true)));
}

#[test]
fn anchor_pages_reach_both_ways() {
    let mut client = Client::generated(25, 30.0);
    let urn = urn_of_longest(&mut client);
    let all: Vec<Value> = client.walk_messages(&urn).into_iter().flat_map(|page| page.elements).collect();
    let ids: Vec<&Value> = all.iter().map(|message| &message["entityUrn"]).collect();
    let time = |index: usize| all[index]["deliveredAt"].as_i64().or(all[index]["createdAt"].as_i64()).unwrap();
    let border = (10..30).find(|&index| time(index) < time(index - 1)).unwrap();
    let variables =
        format!("(deliveredAt:{},conversationUrn:{},countBefore:3,countAfter:4)", time(border - 1), encode(&urn));
    let page = client.page(ANCHOR, &variables);
    let got: Vec<&Value> = page.elements.iter().map(|message| &message["entityUrn"]).collect();
    let first_newer = (0..border).rev().take_while(|&index| time(index) == time(border - 1)).last().unwrap();
    assert_eq!(got, ids[border - 4..border + 3], "newer ones begin at {first_newer}");
    let newer = way_on(&page.metadata["nextCursor"]).unwrap();
    let next = client.page(OLDER, &format!("(conversationUrn:{},count:2,nextCursor:{})", encode(&urn), encode(&newer)));
    let got: Vec<&Value> = next.elements.iter().map(|message| &message["entityUrn"]).collect();
    assert_eq!(got, ids[border - 6..border - 4]);
    let older = way_on(&next.metadata["prevCursor"]).unwrap();
    let back = client.page(OLDER, &Client::older_variables(&urn, &older));
    assert_eq!(back.elements[0]["entityUrn"], *ids[border - 4]);
}

#[test]
fn deltas_of_messages_tell_news_edits_reactions_and_deletions() {
    let world = json!({
        "accounts": [{"key": "sam", "name": "Sam Sample"}],
        "people": [{"key": "olga", "name": "Olga Test"}],
        "conversations": [{"key": "chat", "with": ["olga"], "messages": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}],
    });
    let mut client = Client::from_world(&world);
    let urn = client.conversation_urns()[0].clone();
    let first = client.page(MESSAGE_SYNC, &format!("(conversationUrn:{})", encode(&urn)));
    client.mutate(json!({"verb": "message_arrives", "conversation": "chat", "text": "d"}));
    client.mutate(json!({"verb": "message_deleted", "conversation": "chat", "message": {"index": 1}}));
    client.mutate(json!({"verb": "message_edited", "conversation": "chat", "message": {"index": 1}, "text": "B"}));
    let token = encode(&text(&first.metadata["newSyncToken"]));
    let variables = format!("(conversationUrn:{},syncToken:{token})", encode(&urn));
    let news = client.page(MESSAGE_SYNC, &variables);
    let texts: Vec<&Value> = news.elements.iter().map(|message| &message["body"]["text"]).collect();
    assert_eq!(texts, ["d", "B"]);
    assert_eq!(news.metadata["deletedUrns"][0]["message"]["entityUrn"], first.elements[0]["entityUrn"]);
    assert_eq!(news.metadata["shouldClearCache"], false);
    client.accept = NORMALIZED;
    let strings = client.page(MESSAGE_SYNC, &variables);
    assert_eq!(strings.metadata["deletedUrns"], json!([first.elements[0]["entityUrn"]]));
    let raw = text(&first.metadata["newSyncToken"]);
    let unescaped = client.page(MESSAGE_SYNC, &format!("(conversationUrn:{},syncToken:{raw})", encode(&urn)));
    assert_eq!(unescaped.elements.len(), 2, "a token may come raw");
}

#[test]
fn a_poisoned_conversation_is_listed_but_cannot_be_read() {
    let mut client = Client::generated(5, 3.0);
    client.mutate(json!({"verb": "conversation_poisoned", "conversation": {"index": 0}}));
    let listed = client.walk_list("INBOX").remove(0);
    let urn = text(&listed.elements[0]["entityUrn"]);
    for (id, variables) in [
        (ANCHOR, Client::anchor_variables(&urn)),
        (MESSAGE_SYNC, format!("(conversationUrn:{})", encode(&urn))),
        (OLDER, format!("(conversationUrn:{},count:20)", encode(&urn))),
    ] {
        let answer = read(&client.query(id, &variables));
        let data = answer["data"].as_object().unwrap();
        let (_, collection) = data.iter().find(|(key, _)| key.starts_with("messenger")).unwrap();
        assert!(collection["elements"].is_string());
    }
}

#[test]
fn search_and_recipients_find_conversations() {
    let mut client = Client::generated(60, 3.0);
    let mailbox = encode(&client.mailbox);
    const SEARCH: &str = "messengerConversations.737b27144cf922499202658a5345016f";
    let (mut found, mut cursor) = (0, String::new());
    for _ in 0..10 {
        let variables =
            format!("(categories:List(INBOX),count:25,firstDegreeConnections:false,mailboxUrn:{mailbox}{cursor})");
        let page = client.page(SEARCH, &variables);
        found += page.elements.len();
        assert!(page.elements.iter().all(|one| one.get("unreadCount").is_none()), "search answers are sparse");
        let Some(next) = way_on(&page.metadata["nextCursor"]) else { break };
        cursor = format!(",nextCursor:{}", encode(&next));
    }
    let listed: usize = client.walk_list("INBOX").iter().map(|page| page.elements.len()).sum();
    assert_eq!(found, listed);
    let pages = client.walk_list("INBOX");
    let one = pages.iter().flat_map(|page| &page.elements).find(|one| one["groupChat"] == false).unwrap();
    let people = one["conversationParticipants"].as_array().unwrap();
    let others = people.iter().map(|person| text(&person["hostIdentityUrn"])).filter(|urn| *urn != client.mailbox);
    let others: Vec<String> = others.map(|urn| encode(&urn)).collect();
    const RECIPIENTS: &str = "messengerConversations.9c3ab648b616451570c715e4a184465e";
    let variables = format!("(mailboxUrn:{mailbox},recipients:List({}))", others.join(","));
    let same = client.page(RECIPIENTS, &variables);
    assert!(same.elements.iter().any(|found| found["entityUrn"] == one["entityUrn"]));
}

#[test]
fn writes_are_answered_and_noted_but_change_nothing() {
    let mut client = Client::generated(5, 3.0);
    let before = client.sim.world().truth_text(&client.owner());
    let base = "/voyager/api/voyagerMessagingDashMessengerMessages";
    let cases: [(&str, String, &str, u16); 4] = [
        ("POST", format!("{base}?action=createMessage"), r#"{"message":{"body":{"text":"hi"}}}"#, 200),
        ("POST", format!("{base}?action=recall"), "{}", 200),
        ("POST", "/voyager/api/voyagerMessagingDashMessengerConversations?action=typing".to_owned(), "{}", 202),
        ("DELETE", "/voyager/api/voyagerMessagingDashMessengerConversations/x".to_owned(), "", 204),
    ];
    for (method, target, body, status) in cases {
        let mut request: Request = client.request(&target);
        request.method = method.to_owned();
        request.body = body.as_bytes().to_vec();
        let Outcome::Answer(answer) = client.send(&request) else { panic!() };
        assert_eq!(answer.status, status, "{target}");
        assert!(client.sim.ledger().lines().last().unwrap().writes);
    }
    assert_eq!(client.sim.world().truth_text(&client.owner()), before);
}
