//! The canonical lines, key by key, and the attachments of a message.

use std::collections::BTreeSet;

use serde_json::json;
use threadkeep_core::attachment::{Attachment, attachments, is_attachment};
use threadkeep_core::canonical::{conversation_line, message_line, person_line, written};
use threadkeep_core::content::{Attribute, Content, Reaction, same_content};
use threadkeep_core::conversation::{ConversationSeen, merge_conversation};
use threadkeep_core::message::{Merged, MessageSeen, Origin, merge_message};
use threadkeep_core::person::{PersonKind, PersonSeen, merge_person};
use threadkeep_core::time::Timestamp;

use crate::fixture::{NOW, begin, message_id, person_id, seen, thread};

#[test]
fn a_conversation_is_a_line_with_every_key() {
    let seen = ConversationSeen {
        categories: Some(BTreeSet::from(["STARRED".to_owned(), "INBOX".to_owned()])),
        title: Some(Some(String::new())),
        participants: Some(BTreeSet::from([person_id()])),
        last_activity_at: Some(Timestamp(7)),
        unread_count: Some(2),
        ..ConversationSeen::only_id(thread())
    };
    let kept = merge_conversation(None, &seen, Origin::Walk).unwrap();
    assert_eq!(
        conversation_line(&kept),
        "{\"categories\":[\"INBOX\",\"STARRED\"],\"createdAt\":null,\"group\":false,\"id\":\"2-thread\",\
         \"kind\":\"conversation\",\"label\":null,\"lastActivityAt\":7,\"lastReadAt\":null,\"muted\":false,\
         \"participants\":[\"ACoAAOlga\"],\"read\":true,\"sponsored\":false,\"state\":null,\"title\":null,\
         \"unreadCount\":2}"
    );
    let titled = ConversationSeen { title: Some(Some("Team".into())), ..seen };
    let kept = merge_conversation(None, &titled, Origin::Walk).unwrap();
    assert!(conversation_line(&kept).contains("\"title\":\"Team\""));
}

fn line_with(contents: Vec<Content>) -> String {
    let attribute = |start, kind: &str| Attribute { start, length: 1, kind: kind.into(), target: Some("t".into()) };
    let seen = MessageSeen {
        sender: Some(person_id()),
        subject: Some("about".into()),
        attributes: Some(vec![attribute(5, "b"), attribute(0, "a")]),
        content: Some(contents),
        reactions: Some(vec![Reaction {
            emoji: "👍".into(),
            count: 3,
            first_reacted_at: Some(Timestamp(4)),
            viewer_reacted: true,
        }]),
        ..seen("m", 5, "one")
    };
    match merge_message(None, &seen, Origin::Walk, NOW) {
        Merged::Changed(message, _) => message_line(&message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_is_a_line_with_every_key() {
    assert_eq!(
        line_with(vec![Content::Unavailable]),
        "{\"attributes\":[{\"kind\":\"a\",\"length\":1,\"start\":0,\"target\":\"t\"},{\"kind\":\"b\",\"length\":1,\
         \"start\":5,\"target\":\"t\"}],\"body\":\"one\",\"content\":[{\"kind\":\"unavailable\"}],\
         \"conversation\":\"2-thread\",\"deliveredAt\":5,\"format\":\"DEFAULT\",\"id\":\"2-m\",\"kind\":\"message\",\
         \"reactions\":[{\"count\":3,\"emoji\":\"👍\",\"firstReactedAt\":4,\"viewerReacted\":true}],\
         \"sender\":\"ACoAAOlga\",\"subject\":\"about\"}"
    );
}

/// Every kind of content, and how it is written.
fn contents() -> Vec<(Content, serde_json::Value)> {
    let url = || Some("https://example.org/x".to_owned());
    let sent_at = Some(Timestamp(4));
    let asset = || Some("urn".to_owned());
    let raw = || json!({"a": 1});
    vec![
        (Content::Image { asset: asset(), url: url() }, json!({"kind": "image", "asset": "urn"})),
        (
            Content::File {
                asset: asset(),
                byte_size: Some(9),
                media_type: Some("text/plain".into()),
                name: Some("a.txt".into()),
                url: url(),
            },
            json!({"kind": "file", "asset": "urn", "byteSize": 9, "mediaType": "text/plain", "name": "a.txt"}),
        ),
        (
            Content::Video { asset: asset(), duration_ms: Some(5), media_type: Some("video/mp4".into()), url: url() },
            json!({"kind": "video", "asset": "urn", "durationMs": 5}),
        ),
        (Content::Audio { duration_ms: Some(5), url: url() }, json!({"kind": "audio", "durationMs": 5})),
        (
            Content::External { title: Some("cat".into()), url: url(), width: Some(1), height: Some(2) },
            json!({"kind": "external", "title": "cat", "url": "https://example.org/x", "width": 1, "height": 2}),
        ),
        (
            Content::Forwarded { body: "b".into(), sender: Some(person_id()), sent_at },
            json!({"kind": "forwarded", "body": "b", "sender": "ACoAAOlga", "sentAt": 4}),
        ),
        (
            Content::Reply { body: "b".into(), message: Some(message_id("r")), sender: Some(person_id()), sent_at },
            json!({"kind": "reply", "body": "b", "message": "2-r", "sender": "ACoAAOlga", "sentAt": 4}),
        ),
        (
            Content::HostUrn { type_name: Some("FEED_UPDATE".into()), urn: Some("u".into()) },
            json!({"kind": "hostUrn", "type": "FEED_UPDATE", "urn": "u"}),
        ),
        (Content::Away { text: Some("t".into()) }, json!({"kind": "away", "text": "t"})),
        (Content::Ad { urn: Some("u".into()) }, json!({"kind": "ad", "urn": "u"})),
        (Content::Meeting { raw: raw() }, json!({"kind": "meeting"})),
        (Content::Unavailable, json!({"kind": "unavailable"})),
        (Content::Call { raw: raw() }, json!({"kind": "call"})),
        (Content::Unknown { key: "new".into(), raw: raw() }, json!({"kind": "unknown", "key": "new"})),
    ]
}

#[test]
fn every_content_is_written_by_its_kind() {
    for (content, expected) in contents() {
        let line = line_with(vec![content]);
        assert!(line.contains(&format!("\"content\":[{}]", written(&expected))), "{expected} in {line}");
    }
}

#[test]
fn a_person_is_a_line_with_every_key() {
    let seen = PersonSeen {
        kind: Some(PersonKind::Member),
        first_name: Some("Olga".into()),
        last_name: Some("Test".into()),
        ..PersonSeen::only_id(person_id())
    };
    assert_eq!(
        person_line(&merge_person(None, &seen).unwrap()),
        "{\"headline\":null,\"id\":\"ACoAAOlga\",\"kind\":\"person\",\"name\":\"Olga Test\",\"type\":\"member\"}"
    );
}

#[test]
fn only_what_has_bytes_of_its_own_is_an_attachment() {
    begin();
    let kinds: Vec<_> =
        contents().iter().filter(|(one, _)| is_attachment(one)).map(|(_, json)| json["kind"].clone()).collect();
    assert_eq!(kinds, ["image", "file", "video", "audio", "external"]);
}

#[test]
fn an_attachment_tells_what_its_content_says() {
    let all: Vec<Content> = contents().into_iter().map(|(one, _)| one).collect();
    let told: Vec<_> = attachments(&all)
        .map(|one| (one.ordinal, one.kind(), one.name(), one.declared_type(), one.declared_size_bytes()))
        .collect();
    assert_eq!(
        told,
        [
            (0, "image", None, None, None),
            (1, "file", Some("a.txt"), Some("text/plain"), Some(9)),
            (2, "video", None, Some("video/mp4"), None),
            (3, "audio", None, None, None),
            (4, "external", Some("cat"), None, None),
        ]
    );
    assert!(attachments(&all).all(|one| one.url() == Some("https://example.org/x")));
    let odd =
        |byte_size| Content::File { asset: None, byte_size, media_type: None, name: None, url: Some(String::new()) };
    let sizes = [Some(0), Some(-1), None].map(|size| {
        let content = odd(size);
        let one = Attachment { ordinal: 0, content: &content };
        (one.declared_size_bytes(), one.url().is_none())
    });
    assert_eq!(sizes, [(Some(0), true), (None, true), (None, true)]);
}

#[test]
fn contents_are_the_same_but_for_their_links() {
    begin();
    let linked = |url: &str| {
        let url = Some(url.to_owned());
        vec![
            Content::Image { asset: None, url: url.clone() },
            Content::File { asset: None, byte_size: None, media_type: None, name: None, url: url.clone() },
            Content::Video { asset: None, duration_ms: None, media_type: None, url: url.clone() },
            Content::Audio { duration_ms: None, url },
        ]
    };
    assert!(same_content(&linked("1"), &linked("2")));
    assert!(!same_content(&linked("1"), &linked("1")[..3]));
    let gif = |url: &str| vec![Content::External { title: None, url: Some(url.into()), width: None, height: None }];
    assert!(same_content(&gif("1"), &gif("1")) && !same_content(&gif("1"), &gif("2")), "this link is what it is");
}
