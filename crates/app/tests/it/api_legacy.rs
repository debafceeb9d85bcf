//! The two reads of the older family: answered directly, with the fields of both families.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::Value;
use threadkeep::verbs::keys::Scope;

use crate::api_world::{BEGIN, INES, INES_MEMBER, Taught, World};

async fn world(messages: i64) -> anyhow::Result<World> {
    let world = World::with_accounts().await?;
    let mut taught = Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person("ACoAAAda", "Ada Example")?
        .person("ACoAABo", "Bo Example")?
        .conversation("2-a", 11, &[INES_MEMBER, "ACoAAAda"])?
        .conversation("2-b", 20, &[INES_MEMBER, "ACoAABo"])?
        .message(("2-b", "2-mb"), INES_MEMBER, 20)?;
    for number in 1..=messages {
        taught = taught.message(("2-a", &format!("2-m{number}")), "ACoAAAda", number)?;
    }
    world.sync(INES, taught).await?;
    Ok(world)
}

fn ids(body: &Value, list: &str, id: &str) -> String {
    let items = body[list].as_array().into_iter().flatten();
    items.filter_map(|one| one[id].as_str()).collect::<Vec<_>>().join(" ")
}

/// Whether an object has everything that another one has; times of activity differ by design.
fn assert_superset(old: &Value, new: &Value) {
    for (name, value) in new.as_object().into_iter().flatten() {
        let is_other_form = ["lastActivityAt", "messageId", "participants", "latestMessage"].contains(&name.as_str());
        assert!(old.get(name).is_some_and(|kept| is_other_form || kept == value), "{name}");
    }
}

#[tokio::test]
async fn recent_messages_has_the_old_and_the_new_fields() -> anyhow::Result<()> {
    let world = world(1).await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let old = world.get(&key, &format!("/linkedin/messaging/recent-messages?accountId={INES}")).await?;
    assert_eq!(old.status, 200, "no redirect");
    let (old, new) = (old.json(), world.get(&key, "/conversations").await?.json());
    assert_superset(&old["conversations"][0], &new["conversations"][0]);
    assert_superset(&old["conversations"][0]["participants"][0], &new["conversations"][0]["participants"][0]);
    assert_superset(&old["conversations"][0]["latestMessage"], &new["conversations"][0]["latestMessage"]);
    let mut shown = old;
    let item = shown["conversations"][0].take();
    shown["conversations"] = Value::Null;
    assert_json_snapshot!(shown, @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "accounts": [
        {
          "id": "a1a1a1a1a1a1a1a1a1a1a1a1",
          "name": "Ines Sample"
        }
      ],
      "conversations": null,
      "fromCache": true,
      "hasMore": false,
      "nextCursor": null,
      "profileUrn": "urn:li:fsd_profile:ACoAAInes",
      "success": true,
      "total": 2
    }
    "#);
    assert_json_snapshot!(item["participants"][0], @r#"
    {
      "backendUrn": null,
      "distance": "",
      "firstName": "Bo",
      "headline": "",
      "hostIdentityUrn": "urn:li:fsd_profile:ACoAABo",
      "isOwner": false,
      "lastName": "Example",
      "memberBadgeType": null,
      "name": "Bo Example",
      "participantUrn": "urn:li:msg_messagingParticipant:urn:li:fsd_profile:ACoAABo",
      "profileId": "ACoAABo",
      "profilePicture": "",
      "profileUrl": "https://www.linkedin.com/in/ACoAABo",
      "profileUrn": "urn:li:fsd_profile:ACoAABo",
      "type": "member"
    }
    "#);
    assert_json_snapshot!(item["latestMessage"], @r#"
    {
      "backendMessageUrn": "urn:li:messagingMessage:2-mb",
      "hasAttachment": false,
      "isSentByOwner": true,
      "messageId": "2-mb",
      "messageUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAInes,2-mb)",
      "senderName": "Ines Sample",
      "senderProfileUrl": "https://www.linkedin.com/in/ACoAAInes",
      "senderUrn": "urn:li:fsd_profile:ACoAAInes",
      "sentAt": 1767323045020,
      "text": "text of 2-mb"
    }
    "#);
    assert_eq!(item["lastActivityAt"], BEGIN.0 + 20);
    Ok(())
}

#[tokio::test]
async fn recent_messages_takes_the_filters_of_old_clients() -> anyhow::Result<()> {
    let world = world(1).await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let mut lines = Vec::new();
    for query in [
        "count=1",
        "limit=2",
        "read=true",
        "read=false",
        "unreadOnly=true",
        "read=true&unreadOnly=true",
        "keywords=ada",
        "keywords=TEXT%20of%202-mb",
        "keywords=nothing",
        "keywords=%20",
        "read=maybe",
        "count=0",
        "nextCursor=linkedin:x",
        "sort=new",
    ] {
        let answer = world.get(&key, &format!("/messaging/recent-messages?{query}")).await?;
        lines.push(match answer.status.is_success() {
            true => format!("{query}: {}", ids(&answer.json(), "conversations", "conversationId")),
            false => format!("{query}: {}", answer.fault()),
        });
    }
    assert_snapshot!(lines.join("\n"), @r#"
    count=1: 2-b
    limit=2: 2-b 2-a
    read=true: 2-b
    read=false: 2-a
    unreadOnly=true: 2-a
    read=true&unreadOnly=true: 
    keywords=ada: 2-a
    keywords=TEXT%20of%202-mb: 2-b
    keywords=nothing: 
    keywords=%20: 2-b 2-a
    read=maybe: 400 invalid_parameter
    count=0: 400 invalid_parameter
    nextCursor=linkedin:x: 400 invalid_cursor
    sort=new: 400 unknown_field
    "#);
    Ok(())
}

#[tokio::test]
async fn a_search_walks_on_by_its_cursor() -> anyhow::Result<()> {
    let world = world(1).await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let path = "/messaging/recent-messages?keywords=example&count=1";
    let first = world.get(&key, path).await?.json();
    let cursor = first["nextCursor"].as_str().unwrap_or_default().to_owned();
    let second = world.get(&key, &format!("{path}&nextCursor={cursor}")).await?.json();
    let walked = [&first, &second].map(|page| ids(page, "conversations", "conversationId"));
    assert_eq!((walked, &second["hasMore"]), (["2-b".into(), "2-a".into()], &false.into()));
    let other = world.get(&key, &format!("/messaging/recent-messages?keywords=ada&nextCursor={cursor}")).await?;
    assert_eq!(other.fault(), "400 invalid_cursor");
    Ok(())
}

#[tokio::test]
async fn conversation_details_has_the_old_and_the_new_fields() -> anyhow::Result<()> {
    let world = world(1).await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let urn = "urn%3Ali%3AmessagingThread%3A2-a";
    let old = world.get(&key, &format!("/messaging/conversation-details?conversationUrn={urn}&profileId=ada")).await?;
    assert_eq!(old.status, 200, "no redirect");
    let (old, new) = (old.json(), world.get(&key, "/conversations/2-a/messages").await?.json());
    assert_superset(&old["messages"][0], &new["messages"][0]);
    for profile in ["ACoAAAda", "urn:li:fsd_profile:ACoAAAda"] {
        let named = world.get(&key, &format!("/messaging/conversation-details?profileId={profile}")).await?;
        assert_eq!(named.json(), old, "the conversation with that person");
    }
    let unknown = world.get(&key, "/messaging/conversation-details?profileId=nobody-here").await?;
    assert_snapshot!(unknown.fault(), @"404 not_found");
    let mut shown = old;
    let item = shown["messages"][0].take();
    (shown["participants"], shown["messages"]) = (Value::Null, Value::Null);
    assert_json_snapshot!(shown, @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "completeness": "listed",
      "conversationDetails": {
        "messages": [
          {
            "body": "text of 2-m1",
            "createdAt": 1767323045001,
            "messageUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAInes,2-m1)",
            "sender": {
              "name": "Ada Example",
              "participantUrn": "urn:li:msg_messagingParticipant:urn:li:fsd_profile:ACoAAAda",
              "profileId": "ACoAAAda",
              "profilePicture": "",
              "profileUrl": "https://www.linkedin.com/in/ACoAAAda"
            }
          }
        ]
      },
      "conversationId": "2-a",
      "conversationUrn": "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-a)",
      "cursor": "0K1SoOZvvvOWZWmXqMJUJnsiYXQiOjE3NjczMjMwNDUwMDEsIm1lc3NhZ2UiOiIyLW0xIn0",
      "fromCache": true,
      "hasMore": false,
      "messages": null,
      "note": "from the local copy, which is fresh",
      "participants": null,
      "profileUrn": "urn:li:fsd_profile:ACoAAInes",
      "success": true,
      "total": 1
    }
    "#);
    let olds = ["messageId", "body", "createdAt"].map(|name| item[name].to_string());
    assert_snapshot!(olds.join("\n"), @r#"
    "urn:li:msg_message:(urn:li:fsd_profile:ACoAAInes,2-m1)"
    "text of 2-m1"
    1767323045001
    "#);
    assert_eq!(item["sender"], shown["conversationDetails"]["messages"][0]["sender"]);
    Ok(())
}

#[tokio::test]
async fn conversation_details_shows_what_is_around_a_time() -> anyhow::Result<()> {
    let world = world(9).await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let at = BEGIN.0 + 5;
    let mut lines = Vec::new();
    for query in [
        format!("deliveredAt={at}&countBefore=2&countAfter=2"),
        format!("deliveredAt={at}&countBefore=0&countAfter=1"),
        format!("deliveredAt={at}&countBefore=1"),
        "deliveredAt=0&countAfter=2".into(),
        "countBefore=3".into(),
        "count=2".into(),
        format!("deliveredAt={at}&since=1"),
        "countBefore=101".into(),
        "deliveredAt=-1".into(),
    ] {
        let answer = world.get(&key, &format!("/messaging/conversation-details?conversationUrn=2-a&{query}")).await?;
        let query = query.replace(&at.to_string(), "T");
        lines.push(match answer.status.is_success() {
            true => format!("{query}: {}", ids(&answer.json(), "messages", "text").replace("text of ", "")),
            false => format!("{query}: {}", answer.fault()),
        });
    }
    assert_snapshot!(lines.join("\n"), @r#"
    deliveredAt=T&countBefore=2&countAfter=2: 2-m7 2-m6 2-m5 2-m4
    deliveredAt=T&countBefore=0&countAfter=1: 2-m6
    deliveredAt=T&countBefore=1: 2-m5
    deliveredAt=0&countAfter=2: 2-m2 2-m1
    countBefore=3: 2-m9 2-m8 2-m7
    count=2: 2-m9 2-m8
    deliveredAt=T&since=1: 400 invalid_parameter
    countBefore=101: 400 invalid_parameter
    deliveredAt=-1: 400 invalid_parameter
    "#);
    let none = world.get(&key, "/messaging/conversation-details").await?;
    assert_snapshot!(format!("{} | {}", none.fault(), none.json()["error"].as_str().unwrap_or("-")), @"400 invalid_parameter | conversationUrn: it is required, or profileId");
    Ok(())
}
