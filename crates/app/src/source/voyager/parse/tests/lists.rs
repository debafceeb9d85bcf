//! Lists of conversations, the people in them, and tombstones. Every id, name and text is invented.

use super::*;

pub(super) fn conversation(id: &str) -> Value {
    json!({"_type": "com.linkedin.messenger.Conversation",
        "entityUrn": format!("urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAMe,{id})"),
        "backendUrn": format!("urn:li:messagingThread:{id}"),
        "categories": ["PRIMARY_INBOX", "INBOX"], "groupChat": false, "state": null, "title": null,
        "conversationParticipants": [sender("ACoAAMe"), full(OLGA, "member", &member(&text("Olga"), &text("Test")))],
        "createdAt": 1, "lastActivityAt": 5, "lastReadAt": null, "read": false, "unreadCount": 1,
        "notificationStatus": "ACTIVE", "conversationTypeText": null, "contentMetadata": null,
        "messages": {"elements": [message("2-bQ==")]}})
}

#[test]
fn a_conversation_is_read_with_its_newest_message_and_people() {
    let page = list_page(&json!([conversation(THREAD)]));
    let expected = ConversationSeen {
        id: thread(),
        categories: Some(BTreeSet::from(["INBOX".into(), "PRIMARY_INBOX".into()])),
        group: Some(false),
        title: Some(None),
        state: Some(None),
        label: Some(None),
        sponsored: Some(false),
        participants: Some(BTreeSet::from([person("ACoAAMe"), person(OLGA)])),
        created_at: Some(Some(Timestamp(1))),
        last_activity_at: Some(Timestamp(5)),
        last_read_at: Some(None),
        read: Some(false),
        unread_count: Some(1),
        muted: Some(false),
    };
    assert_eq!(page.listed[0].conversation, expected);
    assert_eq!(page.listed[0].newest.as_ref().unwrap().id.as_str(), "2-bQ==");
    assert_eq!((page.next, page.oddities.len()), (Some(Cursor("next==".into())), 0));
    let olga = page.people.iter().find(|one| one.id.as_str() == OLGA).unwrap();
    assert_eq!((olga.kind, olga.first_name.as_deref()), (Some(PersonKind::Member), Some("Olga")));
    assert_eq!(olga.picture_url.as_deref(), Some("https://media.invalid/large"));
    assert_eq!(page.people.len(), 2);
}

#[test]
fn a_sparse_conversation_tells_nothing_and_a_rich_one_everything() {
    let sparse = list_page(&json!([{"backendUrn": format!("urn:li:messagingThread:{THREAD}"), "lastActivityAt": 5}]));
    let expected = ConversationSeen { last_activity_at: Some(Timestamp(5)), ..ConversationSeen::only_id(thread()) };
    assert_eq!((&sparse.listed[0].conversation, &sparse.listed[0].newest), (&expected, &None));
    let changes = json!({"title": "Team", "state": "PENDING", "conversationTypeText": text("Sponsored"),
        "contentMetadata": {"_type": "x", "conversationAdContent": {"a": 1}}, "notificationStatus": "MUTE",
        "unreadCount": -3, "lastReadAt": 4, "createdAt": -1, "messages": {"elements": []}, "groupChat": true});
    let rich = list_page(&json!([with(conversation(THREAD), &changes)]));
    let seen = &rich.listed[0].conversation;
    assert_eq!((seen.title.clone(), seen.state.clone()), (Some(Some("Team".into())), Some(Some("PENDING".into()))));
    assert_eq!((seen.label.clone(), seen.sponsored), (Some(Some("Sponsored".into())), Some(true)));
    assert_eq!((seen.muted, seen.unread_count, seen.group), (Some(true), Some(0), Some(true)));
    assert_eq!((seen.last_read_at, seen.created_at), (Some(Some(Timestamp(4))), None));
    assert_eq!(rich.listed[0].newest, None);
}

#[test]
fn people_of_every_kind_and_deleted_ones() {
    let organization =
        json!({"name": text("Acme"), "tagline": text("We try"), "pageUrl": "https://x.invalid/", "logo": null});
    let described = with(member(&text("Mara"), &text("Test")), &json!({"headline": text("Engineer")}));
    let placeholder =
        with(member(&text("LinkedIn"), &text("Member")), &json!({"headline": null, "profilePicture": null}));
    let mononym = with(member(&text("Olga"), &Value::Null), &json!({"headline": null, "profilePicture": null}));
    let nobody = json!({"firstName": null, "lastName": null, "headline": null, "profilePicture": null});
    let mut page = full("x", "organization", &organization);
    page["entityUrn"] = json!("urn:li:msg_messagingParticipant:urn:li:fsd_company:12");
    let people = json!([
        page,
        full("ACoA1", "custom", &json!({"name": text("News"), "image": null})),
        full("ACoA2", "agent", &json!({})),
        full("ACoA3", "member", &placeholder),
        full("ACoA4", "member", &mononym),
        full("ACoA5", "member", &nobody),
        full("ACoA6", "robot", &json!({})),
        sender("ACoA7"),
        full("ACoA8", "member", &described)
    ]);
    let changes = json!({"conversationParticipants": people, "messages": null});
    let page = list_page(&json!([with(conversation(THREAD), &changes)]));
    let shown: Vec<_> = page
        .people
        .iter()
        .map(|one| {
            (one.id.as_str(), one.kind, one.first_name.as_deref(), one.last_name.as_deref(), one.headline.as_deref())
        })
        .collect();
    let expected = [
        ("fsd_company:12", Some(PersonKind::Organization), Some("Acme"), None, Some("We try")),
        ("ACoA1", Some(PersonKind::Custom), Some("News"), None, None),
        ("ACoA2", Some(PersonKind::Agent), None, None, None),
        ("ACoA3", Some(PersonKind::Member), None, None, None),
        ("ACoA4", Some(PersonKind::Member), Some("Olga"), Some(""), Some("")),
        ("ACoA5", Some(PersonKind::Member), None, None, None),
        ("ACoA6", None, None, None, None),
        ("ACoA7", None, None, None, None),
        ("ACoA8", Some(PersonKind::Member), Some("Mara"), Some("Test"), Some("Engineer")),
    ];
    assert_eq!(shown, expected);
    assert_eq!(page.people[0].profile_url.as_deref(), Some("https://x.invalid/"));
}

#[test]
fn row_42_a_strange_conversation_is_saved_as_far_as_it_goes() {
    let other = "2-b3RoZXI=";
    let strange_newest = with(conversation(THREAD), &json!({"messages": {"elements": [{"deliveredAt": "x"}]}}));
    let strange_guest =
        with(conversation(other), &json!({"conversationParticipants": [{}, sender(OLGA)], "messages": null}));
    let strange_field = with(conversation("2-ZmllbGQ="), &json!({"categories": 7, "lastActivityAt": 8}));
    let hopeless = with(conversation(THREAD), &json!({"backendUrn": "../x"}));
    let timeless = with(conversation("2-dGltZQ=="), &json!({"lastActivityAt": -5}));
    let page = list_page(&json!([strange_newest, strange_guest, strange_field, hopeless, timeless]));
    let shown: Vec<_> = page
        .listed
        .iter()
        .map(|one| {
            (
                one.conversation.id.as_str(),
                one.conversation.participants.as_ref().map(BTreeSet::len),
                one.newest.is_some(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [(THREAD, Some(2), false), (other, None, false), ("2-ZmllbGQ=", None, false), (THREAD, None, false)]
    );
    assert_eq!(page.listed[2].conversation.last_activity_at, Some(Timestamp(8)));
    let known: Vec<_> =
        page.oddities.iter().map(|oddity| oddity.conversation.as_ref().map(ConversationId::as_str)).collect();
    assert_eq!(known, [Some(THREAD), Some(other), Some("2-ZmllbGQ="), Some(THREAD), Some("2-dGltZQ==")]);
}

#[test]
fn a_delta_brings_changes_tombstones_and_a_token() {
    let gone = json!([
        format!("urn:li:messagingThread:{THREAD}"),
        {"urn": "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAMe,2-YQ==)"},
        {"_type": "x", "entityUrn": "urn:li:messagingThread:2-Yg=="},
        {"message": null, "conversation": {"entityUrn": "urn:li:messagingThread:2-Yw=="}},
        {"message": {"entityUrn": "urn:li:messagingMessage:2-bQ=="}, "conversation": {"entityUrn": "urn:li:messagingThread:2-ZA=="}},
        "urn:li:messagingMessage:2-bQ==", 7, null,
    ]);
    let metadata = json!({"_type": "x", "newSyncToken": "tok==", "deletedUrns": gone, "shouldClearCache": true});
    let body = answer("messengerConversationsBySyncToken", &json!([conversation(THREAD)]), &metadata);
    let Ok(Reply::ConversationChanges(changes)) = parse_reply(&asked_delta(), body.as_bytes()) else { panic!() };
    let ids: Vec<_> = changes.deleted.iter().map(ConversationId::as_str).collect();
    assert_eq!(ids, [THREAD, "2-YQ==", "2-Yg==", "2-Yw=="]);
    assert_eq!((changes.token, changes.reset, changes.listed.len()), (Some(SyncToken("tok==".into())), true, 1));
    assert_eq!(changes.oddities.len(), 4);

    let gone = json!(["urn:li:messagingMessage:2-YQ==", {"message": {"entityUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAMe,2-Yg==)"}},
        {"message": "urn:li:messagingMessage:2-Yw=="}, {"entityUrn": "urn:li:messagingThread:2-x"}]);
    let metadata = json!({"newSyncToken": "", "deletedUrns": gone, "shouldClearCache": null});
    let body = answer("messengerMessagesBySyncToken", &json!([message("2-bQ==")]), &metadata);
    let Ok(Reply::MessageChanges(changes)) = parse_reply(&asked_changes(), body.as_bytes()) else { panic!() };
    let ids: Vec<_> = changes.deleted.iter().map(MessageId::as_str).collect();
    assert_eq!((ids, changes.token, changes.reset), (vec!["2-YQ==", "2-Yg==", "2-Yw=="], None, false));
    assert_eq!((changes.messages.len(), changes.oddities.len()), (1, 1));
}

#[test]
fn the_end_of_a_list_has_many_forms() {
    for metadata in [json!(null), json!({}), json!({"nextCursor": null}), json!({"nextCursor": ""})] {
        let body = answer("messengerConversationsByCategoryQuery", &json!([]), &metadata);
        let Ok(Reply::Conversations(page)) = parse_reply(&asked_list(), body.as_bytes()) else { panic!("{metadata}") };
        assert_eq!(page, ConversationPage::default());
    }
}
