//! Pages of every kind, friendly and hostile. Every id, name and text is invented.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use threadkeep_core::content::{Attribute, Content, Reaction};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::{MessageId, PersonId};
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::person::{PersonKind, PersonSeen};
use threadkeep_core::time::Timestamp;

use super::*;

mod lists;
mod wrong_types;

use lists::conversation;

const THREAD: &str = "2-VGhyZWFk";
const OLGA: &str = "ACoAAOlga-_x";

fn asked_messages() -> Step {
    Step::Messages { conversation: thread(), anchor: Timestamp(1), cursor: None }
}

fn asked_list() -> Step {
    Step::List { category: "INBOX".into(), cursor: None }
}

fn asked_delta() -> Step {
    Step::Delta { token: SyncToken("t".into()) }
}

fn asked_changes() -> Step {
    Step::MessageChanges { conversation: thread(), token: SyncToken("t".into()) }
}

fn thread() -> ConversationId {
    ConversationId::new(THREAD).unwrap()
}

fn person(id: &str) -> PersonId {
    PersonId::new(id).unwrap()
}

fn answer(field: &str, elements: &Value, metadata: &Value) -> String {
    json!({"data": {"_type": "com.linkedin.0", "_recipeType": "x", field: {
        "_type": "com.linkedin.restli.common.CollectionResponse", "elements": elements, "metadata": metadata}}})
    .to_string()
}

fn message_page(elements: &Value) -> MessagePage {
    let body =
        answer("messengerMessagesByAnchorTimestamp", elements, &json!({"prevCursor": "older==", "nextCursor": null}));
    match parse_reply(&asked_messages(), body.as_bytes()) {
        Ok(Reply::Messages(page)) => page,
        other => panic!("{other:?}"),
    }
}

fn list_page(elements: &Value) -> ConversationPage {
    let body = answer("messengerConversationsByCategoryQuery", elements, &json!({"nextCursor": "next=="}));
    match parse_reply(&asked_list(), body.as_bytes()) {
        Ok(Reply::Conversations(page)) => page,
        other => panic!("{other:?}"),
    }
}

fn sender(id: &str) -> Value {
    json!({"_type": "com.linkedin.messenger.MessagingParticipant",
        "entityUrn": format!("urn:li:msg_messagingParticipant:urn:li:fsd_profile:{id}"),
        "hostIdentityUrn": format!("urn:li:fsd_profile:{id}"), "backendUrn": "urn:li:member:42", "preview": null})
}

fn full(id: &str, kind: &str, value: &Value) -> Value {
    let mut participant = sender(id);
    let mut union = json!({"_type": "x", "member": null, "organization": null, "custom": null, "agent": null});
    union[kind] = value.clone();
    participant["participantType"] = union;
    participant
}

fn text(text: &str) -> Value {
    json!({"_type": "com.linkedin.pemberly.text.AttributedText", "text": text, "attributes": []})
}

fn member(first: &Value, last: &Value) -> Value {
    json!({"profileUrl": "https://www.linkedin.com/in/x", "firstName": first, "lastName": last,
        "headline": text("Engineer"), "distance": "DISTANCE_1", "pronoun": null, "profilePicture": {
            "rootUrl": "https://media.invalid/", "artifacts": [
                {"width": 100, "height": 100, "fileIdentifyingUrlPathSegment": "small"},
                {"width": 400, "height": 400, "fileIdentifyingUrlPathSegment": "large"}]}})
}

fn message(id: &str) -> Value {
    json!({"_type": "com.linkedin.messenger.Message",
        "entityUrn": format!("urn:li:msg_message:(urn:li:fsd_profile:ACoAAMe,{id})"),
        "backendUrn": format!("urn:li:messagingMessage:{id}"),
        "backendConversationUrn": format!("urn:li:messagingThread:{THREAD}"),
        "conversation": {"entityUrn": format!("urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAMe,{THREAD})")},
        "body": text("hello"), "subject": null, "deliveredAt": 1_700_000_005_000_i64, "sender": sender(OLGA),
        "actor": sender(OLGA), "messageBodyRenderFormat": "DEFAULT", "renderContent": [],
        "renderContentFallbackText": null, "reactionSummaries": [], "incompleteRetriableData": false})
}

fn with(mut value: Value, changes: &Value) -> Value {
    for (key, change) in changes.as_object().unwrap() {
        value[key] = change.clone();
    }
    value
}

fn without(mut value: Value, keys: &[&str]) -> Value {
    for key in keys {
        value.as_object_mut().unwrap().remove(*key);
    }
    value
}

fn only(elements: Value) -> MessageSeen {
    let mut page = message_page(&json!([elements]));
    assert!(page.oddities.is_empty(), "{:?}", page.oddities);
    page.messages.pop().unwrap()
}

#[test]
fn a_plain_message_is_read_whole() {
    let page = message_page(&json!([message("2-bQ==")]));
    let expected = MessageSeen {
        id: MessageId::new("2-bQ==").unwrap(),
        conversation: thread(),
        sender: Some(person(OLGA)),
        delivered_at: Timestamp(1_700_000_005_000),
        body: Some("hello".into()),
        attributes: Some(Vec::new()),
        subject: Some(String::new()),
        format: Some(MessageFormat::Default),
        content: Some(Vec::new()),
        fallback_text: Some(String::new()),
        reactions: Some(Vec::new()),
    };
    assert_eq!(page.messages, [expected]);
    assert_eq!(page.older, Some(Cursor("older==".into())));
    let brief = PersonSeen { backend_urn: Some("urn:li:member:42".into()), ..PersonSeen::only_id(person(OLGA)) };
    assert_eq!(page.people, [brief]);
    assert_eq!(page.oddities, []);
}

#[test]
fn absent_is_not_told_and_null_is_told_to_be_none() {
    let bare = only(json!({"entityUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAMe,2-bQ==)", "deliveredAt": 5}));
    let untold = MessageSeen {
        id: MessageId::new("2-bQ==").unwrap(),
        conversation: thread(),
        sender: None,
        delivered_at: Timestamp(5),
        body: None,
        attributes: None,
        subject: None,
        format: None,
        content: None,
        fallback_text: None,
        reactions: None,
    };
    assert_eq!(bare, untold);
    let null = json!({"body": null, "subject": null, "renderContent": null, "reactionSummaries": null, "sender": null,
        "messageBodyRenderFormat": null});
    let nulls = only(with(message("2-bQ=="), &null));
    assert_eq!((nulls.body.as_deref(), nulls.subject.as_deref()), (Some(""), Some("")));
    assert_eq!((nulls.attributes, nulls.content, nulls.reactions), (Some(vec![]), Some(vec![]), Some(vec![])));
    assert_eq!((nulls.sender, nulls.format), (None, None));
}

#[test]
fn texts_come_bare_or_as_objects() {
    let bare = only(with(message("2-bQ=="), &json!({"body": "line\n\"two\" 👍", "subject": "Offer"})));
    assert_eq!((bare.body.as_deref(), bare.subject.as_deref()), (Some("line\n\"two\" 👍"), Some("Offer")));
    let object = only(with(message("2-bQ=="), &json!({"subject": text("Offer"), "body": {"_type": "x"}})));
    assert_eq!((object.body.as_deref(), object.subject.as_deref()), (Some(""), Some("Offer")));
}

#[test]
fn formats_attributes_and_reactions_are_kept_as_they_came() {
    let kinds = json!([
        {"start": 3, "length": 5, "attributeKind": {"_type": "x", "bold": null, "entity": {"urn": format!("urn:li:fsd_profile:{OLGA}")}}},
        {"start": 0, "length": 2, "attributeKind": {"hyperlink": {"url": "https://example.invalid/"}}},
        {"start": 0, "length": 1, "attributeKind": {"list": {"ordered": true}}},
        {"start": 0, "length": 1, "attributeKind": {"list": {"ordered": false}}},
        {"start": 1, "length": 1, "attributeKind": {"bold": {"_type": "x"}, "italic": null}},
        {"start": 1, "length": 1, "attributeKind": {"sparkle": {}}},
        {"start": 1, "length": 1, "attributeKind": {"bold": null}},
        {"start": -1, "length": 1, "attributeKind": {"bold": {}}},
    ]);
    let reactions = json!([{"count": 2, "emoji": "👍", "firstReactedAt": 7, "viewerReacted": true}, null,
        {"emoji": "🎉", "count": -1, "firstReactedAt": null}]);
    let changes = json!({"body": {"text": "hi Olga", "attributes": kinds}, "reactionSummaries": reactions,
        "messageBodyRenderFormat": "EDITED"});
    let message = only(with(message("2-bQ=="), &changes));
    let attribute = |start, length, kind: &str, target: Option<&str>| Attribute {
        start,
        length,
        kind: kind.into(),
        target: target.map(str::to_owned),
    };
    let expected = [
        attribute(3, 5, "mention", Some(OLGA)),
        attribute(0, 2, "hyperlink", Some("https://example.invalid/")),
        attribute(0, 1, "list", Some("ordered")),
        attribute(0, 1, "list", Some("unordered")),
        attribute(1, 1, "bold", None),
        attribute(1, 1, "sparkle", None),
    ];
    assert_eq!(message.attributes.unwrap(), expected);
    assert_eq!(message.format, Some(MessageFormat::Edited));
    let reaction = |emoji: &str, count, at, viewer_reacted| Reaction {
        emoji: emoji.into(),
        count,
        first_reacted_at: at,
        viewer_reacted,
    };
    let expected = [reaction("👍", 2, Some(Timestamp(7)), true), reaction("🎉", 0, None, false)];
    assert_eq!(message.reactions.unwrap(), expected);
    let formats = [
        ("RECALLED", MessageFormat::Recalled),
        ("SYSTEM", MessageFormat::System),
        ("NEW", MessageFormat::Other("NEW".into())),
    ];
    for (name, format) in formats {
        let read = only(with(super::tests::message("2-bQ=="), &json!({"messageBodyRenderFormat": name})));
        assert_eq!(read.format, Some(format));
    }
}

#[test]
fn every_kind_of_content_is_read() {
    let olga = full(OLGA, "member", &member(&text("Olga"), &text("Test")));
    let contents = json!([
        {"_type": "x", "vectorImage": {"rootUrl": "https://media.invalid/i", "artifacts": [], "digitalmediaAsset": "urn:li:digitalmediaAsset:1"}, "file": null},
        {"file": {"assetUrn": "urn:li:a:2", "byteSize": 9, "mediaType": "text/html", "name": "../x", "url": "https://media.invalid/f"}},
        {"video": {"media": "urn:li:v:3", "duration": 1000, "progressiveStreams": [
            {"width": 10, "height": 10, "streamingLocations": [{"url": "https://media.invalid/s"}]},
            {"width": 20, "height": 10, "mimeType": "video/mp4", "streamingLocations": [{"url": "https://media.invalid/l"}]}]}},
        {"video": {"media": "urn:li:v:4", "duration": null, "progressiveStreams": []}},
        {"audio": {"duration": 5, "url": "https://media.invalid/a"}},
        {"externalMedia": {"title": "cat", "media": {"url": "https://gif.invalid/c", "originalWidth": 3, "originalHeight": 4}}},
        {"forwardedMessageContent": {"forwardedBody": text("old"), "originalSender": olga, "originalSendAt": 6}},
        {"repliedMessageContent": {"originalMessage": {"entityUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAMe,2-bTA=)"},
            "originalSender": {"entityUrn": format!("urn:li:msg_messagingParticipant:urn:li:fsd_profile:{OLGA}")},
            "originalSendAt": 7, "messageBody": text("question")}},
        {"hostUrnData": {"type": "FEED_UPDATE", "hostUrn": "urn:li:fsd_update:1"}},
        {"awayMessage": {"text": text("back on Monday")}}, {"awayMessage": {}},
        {"conversationAdsMessageContent": {"sponsoredMessageContentUrn": "urn:li:s:1"}},
        {"messageAdRenderContent": {"sponsoredCampaignUrn": "urn:li:s:2"}},
        {"videoMeeting": {"_type": "x", "url": "m"}}, {"unavailableContent": {}}, {"callMessageContent": {"a": [{"$type": "x", "b": 1}]}},
        {"file": null, "video": null}, null,
        {"hologram": {"_recipeType": "x", "depth": 3, "trackingId": "y"}},
        {"file": {"byteSize": "many"}},
    ]);
    let page = message_page(&json!([with(message("2-bQ=="), &json!({"renderContent": contents}))]));
    assert_eq!(page.oddities, []);
    let owned = |text: &str| Some(text.to_owned());
    let expected = [
        Content::Image { asset: owned("urn:li:digitalmediaAsset:1"), url: owned("https://media.invalid/i") },
        Content::File {
            asset: owned("urn:li:a:2"),
            byte_size: Some(9),
            media_type: owned("text/html"),
            name: owned("../x"),
            url: owned("https://media.invalid/f"),
        },
        Content::Video {
            asset: owned("urn:li:v:3"),
            duration_ms: Some(1000),
            media_type: owned("video/mp4"),
            url: owned("https://media.invalid/l"),
        },
        Content::Video { asset: owned("urn:li:v:4"), duration_ms: None, media_type: None, url: None },
        Content::Audio { duration_ms: Some(5), url: owned("https://media.invalid/a") },
        Content::External { title: owned("cat"), url: owned("https://gif.invalid/c"), width: Some(3), height: Some(4) },
        Content::Forwarded { body: "old".into(), sender: Some(person(OLGA)), sent_at: Some(Timestamp(6)) },
        Content::Reply {
            body: "question".into(),
            message: Some(MessageId::new("2-bTA=").unwrap()),
            sender: Some(person(OLGA)),
            sent_at: Some(Timestamp(7)),
        },
        Content::HostUrn { type_name: owned("FEED_UPDATE"), urn: owned("urn:li:fsd_update:1") },
        Content::Away { text: owned("back on Monday") },
        Content::Away { text: None },
        Content::Ad { urn: owned("urn:li:s:1") },
        Content::Ad { urn: owned("urn:li:s:2") },
        Content::Meeting { raw: json!({"url": "m"}) },
        Content::Unavailable,
        Content::Call { raw: json!({"a": [{"b": 1}]}) },
        Content::Unknown { key: "hologram".into(), raw: json!({"depth": 3}) },
        Content::Unknown { key: "file".into(), raw: json!({"byteSize": "many"}) },
    ];
    assert_eq!(page.messages[0].content.as_deref().unwrap(), expected);
}

#[test]
fn a_missing_time_is_found_elsewhere() {
    let made = only(with(without(message("2-bQ=="), &["deliveredAt"]), &json!({"createdAt": 9})));
    assert_eq!(made.delivered_at, Timestamp(9));
    let id = "2-MTcwMDAwMDAwNTAwMGIxMjM0NS0xMDAmMDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAwXzEwMA==";
    let hidden = only(with(message(id), &json!({"deliveredAt": null})));
    assert_eq!(hidden.delivered_at, Timestamp(1_700_000_005_000));
    let page = message_page(&json!([without(message("2-bQ=="), &["deliveredAt"])]));
    assert_eq!((page.messages.len(), page.oddities[0].what.as_str()), (0, "a message without time"));
}

#[test]
fn row_42_one_strange_message_costs_no_other() {
    let long = format!("urn:li:messagingMessage:2-{}", "a".repeat(1024 * 1024));
    let strange = [
        json!({"backendUrn": "urn:li:msg_message:(../../x)"}),
        json!({"backendUrn": "urn:li:messagingThread:2-x"}),
        json!({"backendUrn": long}),
        json!({"backendUrn": 7}),
        json!({"deliveredAt": "yesterday"}),
        json!({"deliveredAt": -1}),
        json!({"deliveredAt": 1_600_000_000_000_000_i64}),
        json!({"body": 7}),
        json!({"renderContent": {}}),
        json!({"reactionSummaries": [{"count": 1}]}),
        json!({"backendConversationUrn": "urn:li:messagingThread:2-T3RoZXI="}),
    ];
    let mut elements = vec![message("2-YQ=="), Value::Null, json!(7), json!("x"), json!([])];
    elements.extend(strange.iter().map(|changes| with(message("2-b2Rk"), changes)));
    elements.push(message("2-eg=="));
    let count = elements.len();
    let page = message_page(&Value::from(elements));
    let ids: Vec<_> = page.messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["2-YQ==", "2-eg=="]);
    assert_eq!(page.oddities.len(), count - 2);
    for oddity in &page.oddities {
        assert_eq!(oddity.conversation, Some(thread()));
        assert!(oddity.raw.len() <= ODDITY_RAW_MAX && !oddity.what.contains("2-"), "{}", oddity.what);
    }
}

#[test]
fn a_strange_sender_or_half_an_emoji_does_not_cost_the_message() {
    let nobody = with(message("2-YQ=="), &json!({"sender": {"entityUrn": "urn:li:fsd_profile:x y"}}));
    let page = message_page(&json!([nobody]));
    assert_eq!((page.messages.len(), page.messages[0].sender.clone(), page.oddities.len()), (1, None, 1));
    let body = answer("messengerMessagesByConversation", &json!([message("2-YQ==")]), &json!(null));
    let half = body.replace("hello", "hel\\ud83dlo");
    let Ok(Reply::Messages(page)) = parse_reply(&asked_messages(), half.as_bytes()) else { panic!() };
    assert_eq!(page.messages[0].body.as_deref(), Some("hel\u{fffd}lo"));
    assert_eq!((page.older, page.oddities.len()), (None, 0));
}

#[test]
fn what_is_not_the_page_that_was_asked_for_is_unreadable() {
    let good = answer("messengerConversationsByCategoryQuery", &json!([conversation(THREAD)]), &json!(null));
    let cut = &good[..good.len() / 2];
    let many = answer("messengerConversationsByCategoryQuery", &json!(vec![7; wire_max() + 1]), &json!(null));
    let objects = format!("{{\"data\":{{\"x\":[{}{{}}]}}}}", "{},".repeat(OBJECTS_MAX));
    let deep = format!("{{\"data\":{}", "[".repeat(1_000_000));
    let cases = [
        "",
        " ",
        "null",
        "[]",
        "7",
        "{}",
        "<html>",
        cut,
        &many,
        &objects,
        &deep,
        r#"{"data":null}"#,
        r#"{"data":{}}"#,
        r#"{"data":[]}"#,
        r#"{"status":200}"#,
        r#"{"data":{"messengerConversationsByCategoryQuery":null},"errors":[{"message":"x"}]}"#,
        r#"{"data":{"messengerConversationsByCategoryQuery":{"elements":[],"metadata":null}},"errors":[{"message":"x"}]}"#,
        r#"{"data":{"messengerConversationsByCategoryQuery":{"elements":null}}}"#,
        r#"{"data":{"messengerConversationsByCategoryQuery":{}}}"#,
        r#"{"data":{"messengerConversationsByCategoryQuery":[]}}"#,
        r#"{"data":{"messengerConversationsBySyncToken":{"elements":[]}}}"#,
        r#"{"data":{"data":{"messengerConversationsByCategoryQuery":{"*elements":[]}}},"included":[]}"#,
    ];
    for body in cases {
        let read = parse_reply(&asked_list(), body.as_bytes());
        assert!(matches!(read, Err(Trouble::Unreadable { .. })), "{body:.80}: {read:?}");
    }
    assert!(matches!(parse_reply(&asked_list(), b"\xff\xfe"), Err(Trouble::Unreadable { .. })));
    let newest = answer("messengerMessagesBySyncToken", &json!([]), &json!(null));
    assert!(matches!(parse_reply(&asked_messages(), newest.as_bytes()), Err(Trouble::Unreadable { .. })));
    let tokenless = answer("messengerConversationsBySyncToken", &json!([]), &json!(null));
    assert!(matches!(parse_reply(&Step::StartToken, tokenless.as_bytes()), Err(Trouble::Unreadable { .. })));
    assert!(matches!(parse_reply(&Step::Done, good.as_bytes()), Err(Trouble::Refused { .. })));
}

fn wire_max() -> usize {
    super::super::wire::ELEMENTS_MAX
}

#[test]
fn errors_as_an_empty_list_are_none() {
    let body = r#"{"data":{"messengerConversationsByCategoryQuery":{"elements":[],"metadata":{}}},"errors":[]}"#;
    assert!(parse_reply(&asked_list(), body.as_bytes()).is_ok());
}

#[test]
fn no_damage_to_a_page_makes_the_parser_panic_or_lose_the_other_records() {
    let elements = json!([message("2-YQ=="), message("2-eg==")]);
    let good = answer("messengerMessagesByConversation", &elements, &json!({"prevCursor": "p"})).into_bytes();
    for at in (0..good.len()).step_by(3) {
        for byte in *b"\0\"}[7\xff" {
            let mut damaged = good.clone();
            damaged[at] = byte;
            if let Ok(Reply::Messages(page)) = parse_reply(&asked_messages(), &damaged) {
                assert!(page.messages.len() + page.oddities.len() >= 2, "byte {at} as {byte}");
            }
        }
        assert!(parse_reply(&asked_messages(), &good[..at]).is_err());
    }
}
