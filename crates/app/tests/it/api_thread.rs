//! One conversation, one message, whether a conversation exists, and asking for news of one.

use insta::{assert_json_snapshot, assert_snapshot};
use threadkeep::verbs::keys::Scope;

use crate::api_world::{INES, INES_MEMBER, Taught, World};

const THREAD: &str = "urn%3Ali%3Amsg_conversation%3A%28urn%3Ali%3Afsd_profile%3AACoAAInes%2C2-YQ%3D%3D%29";
const MESSAGE: &str = "urn%3Ali%3AmessagingMessage%3A2-bQ%3D%3D";

/// Ines has written with Ada alone and with Ada and Bo in a group; one message was edited twice.
async fn world() -> anyhow::Result<World> {
    let world = World::with_accounts().await?;
    let first = Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person("ACoAAAda", "Ada Example")?
        .linked("https://www.linkedin.com/in/Ada-Example/")
        .person("ACoAABo", "Bo Example")?
        .conversation("2-YQ==", 10, &[INES_MEMBER, "ACoAAAda"])?
        .conversation("2-group", 30, &[INES_MEMBER, "ACoAAAda", "ACoAABo"])?
        .grouped()
        .message(("2-YQ==", "2-bQ=="), "ACoAAAda", 10)?
        .message(("2-YQ==", "2-plain"), INES_MEMBER, 5)?;
    world.sync(INES, first).await?;
    for (text, pass_ms) in [("second text", 1_000), ("third text", 2_000)] {
        world.clock.pass(pass_ms);
        let taught = Taught::default().message(("2-YQ==", "2-bQ=="), "ACoAAAda", 10)?.saying(text).reacted("👍", 2);
        world.sync(INES, taught).await?;
    }
    Ok(world)
}

#[tokio::test]
async fn one_conversation_and_those_who_take_part() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let one = world.get(&key, &format!("/linkedin/conversations/{THREAD}")).await?.json();
    let listed = world.get(&key, &format!("/conversations?accountId={INES}")).await?.json();
    assert_eq!(one["conversation"], listed["conversations"][1], "as in the list");
    assert_eq!(one["accountId"], INES);
    let people = world.get(&key, "/conversations/2-group/participants").await?.json();
    let names: Vec<&str> =
        people["participants"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["Ada Example", "Bo Example", "Ines Sample"], "the owner last");
    assert_eq!(people["conversationUrn"], "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-group)");
    Ok(())
}

#[tokio::test]
async fn a_message_has_its_earlier_texts_and_its_reactions() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let seen = world.get(&key, &format!("/messages/{MESSAGE}")).await?.json();
    assert_json_snapshot!(seen, @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "conversationId": "2-YQ==",
      "conversationUrn": "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-YQ==)",
      "message": {
        "attachments": [],
        "backendMessageUrn": "urn:li:messagingMessage:2-bQ==",
        "contents": [],
        "fallbackText": null,
        "format": "EDITED",
        "hasAttachment": false,
        "isEdited": true,
        "isRecalled": false,
        "isSentByOwner": false,
        "isSystem": false,
        "messageId": "2-bQ==",
        "messageUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAInes,2-bQ==)",
        "reactions": [
          {
            "count": 2,
            "emoji": "👍",
            "firstReactedAt": 1767323045000,
            "viewerReacted": false
          }
        ],
        "senderName": "Ada Example",
        "senderPhoto": "",
        "senderProfileId": "ACoAAAda",
        "senderUrn": "urn:li:fsd_profile:ACoAAAda",
        "sentAt": 1767323045010,
        "subject": null,
        "text": "third text"
      },
      "priorVersions": [
        {
          "replacedAt": "2026-01-02T03:04:07.000Z",
          "text": "text of 2-bQ==",
          "version": 1
        },
        {
          "replacedAt": "2026-01-02T03:04:09.000Z",
          "text": "second text",
          "version": 2
        }
      ],
      "success": true,
      "version": 3
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn the_reactions_to_a_message_are_told_alone() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let reactions = world.get(&key, "/linkedin/messages/2-bQ%3D%3D/reactions").await?.json();
    assert_json_snapshot!(reactions, @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "messageId": "2-bQ==",
      "messageUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAInes,2-bQ==)",
      "reactions": [
        {
          "count": 2,
          "emoji": "👍",
          "firstReactedAt": 1767323045000,
          "viewerReacted": false
        }
      ],
      "success": true
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn what_is_deleted_or_malformed_is_not_found() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    world.sync(INES, Taught::default().without("2-YQ==")?).await?;
    let mut lines = Vec::new();
    for path in [
        "/conversations/2-YQ%3D%3D",
        "/conversations/2-YQ%3D%3D/participants",
        "/messages/2-plain",
        "/messages/2-nothing/reactions",
        "/messages/urn%3Ali%3Amsg_conversation%3A2-YQ%3D%3D",
        "/messages/1'%20OR%20'1'='1",
        "/messages/%00",
        "/conversations/%ff",
        "/messages/2-plain?accountId=nobody",
        "/messages/2-plain?verbose=1",
    ] {
        lines.push(format!("{path}: {}", world.get(&key, path).await?.fault()));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    /conversations/2-YQ%3D%3D: 404 conversation_not_found
    /conversations/2-YQ%3D%3D/participants: 404 conversation_not_found
    /messages/2-plain: 404 not_found
    /messages/2-nothing/reactions: 404 not_found
    /messages/urn%3Ali%3Amsg_conversation%3A2-YQ%3D%3D: 404 not_found
    /messages/1'%20OR%20'1'='1: 400 invalid_parameter
    /messages/%00: 400 invalid_parameter
    /conversations/%ff: 400 invalid_parameter
    /messages/2-plain?accountId=nobody: 404 account_not_found
    /messages/2-plain?verbose=1: 400 unknown_field
    "#);
    Ok(())
}

#[tokio::test]
async fn whether_there_is_a_conversation_is_answered_from_the_database() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    assert_json_snapshot!(world.get(&key, &format!("/conversations/exists/ada-example?accountId={INES}")).await?.json(), @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "conversationId": "2-YQ==",
      "conversationUrn": "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-YQ==)",
      "fromCache": true,
      "hasConversation": true,
      "profileUrn": "urn:li:fsd_profile:ACoAAAda",
      "success": true
    }
    "#);
    let mut lines = Vec::new();
    for profile in [
        "ADA-EXAMPLE",
        "ACoAAAda",
        "urn%3Ali%3Afsd_profile%3AACoAAAda",
        "ACoAABo",
        "ines-sample",
        "nobody",
        "1'%20OR%20'1'='1",
        "j%C3%BCrgen",
        "%20",
        "%0a",
        "messages",
    ] {
        let answer = world.get(&key, &format!("/conversations/exists/{profile}")).await?;
        let body = answer.json();
        lines.push(match answer.status.is_success() {
            true => format!("{profile}: {} {}", body["hasConversation"], body["conversationUrn"]),
            false => format!("{profile}: {} | {}", answer.fault(), body["error"].as_str().unwrap_or("-")),
        });
    }
    assert_snapshot!(lines.join("\n"), @r#"
    ADA-EXAMPLE: true "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-YQ==)"
    ACoAAAda: true "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-YQ==)"
    urn%3Ali%3Afsd_profile%3AACoAAAda: true "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-YQ==)"
    ACoAABo: false null
    ines-sample: false null
    nobody: 404 not_found | nobody with this profile is known: a mirror knows those it has met
    1'%20OR%20'1'='1: 404 not_found | nobody with this profile is known: a mirror knows those it has met
    j%C3%BCrgen: 404 not_found | nobody with this profile is known: a mirror knows those it has met
    %20: 400 invalid_parameter | profileId: the last part of a profile's address, or a profile id
    %0a: 400 invalid_parameter | profileId: the last part of a profile's address, or a profile id
    messages: 404 not_found | nobody with this profile is known: a mirror knows those it has met
    "#);
    Ok(())
}

#[tokio::test]
async fn a_refresh_asks_for_a_sync_and_answers_at_once() -> anyhow::Result<()> {
    let world = world().await?;
    let key = world.key(&[Scope::Sync], &[]).await?;
    let body = "{\"conversationUrn\":\"2-YQ==\"}";
    let recent = world.post(&key, "/conversations/refresh", body).await?.json();
    assert_eq!((&recent["message"], &recent["runId"]), (&"the account was synced just now".into(), &().into()));
    world.clock.pass(60_000);
    assert_json_snapshot!(world.post(&key, "/linkedin/conversations/refresh", body).await?.json(), @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "code": null,
      "conversationUrn": "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-YQ==)",
      "error": null,
      "joined": false,
      "message": "a sync of the account was asked for: ask statusUrl how it stands",
      "runId": 4,
      "statusUrl": "/linkedin/conversations/sync/status?accountId=a1a1a1a1a1a1a1a1a1a1a1a1",
      "success": true
    }
    "#);
    assert_eq!(world.post(&key, "/conversations/refresh", body).await?.json()["joined"], true);
    let reader = world.key(&[Scope::Read], &[]).await?;
    let faults = [
        world.post(&key, "/conversations/refresh", "").await?.fault(),
        world.post(&key, "/conversations/refresh", "{\"conversationUrn\":\"2-nothing\"}").await?.fault(),
        world.post(&key, "/conversations/refresh", "{\"conversationUrn\":\"\"}").await?.fault(),
        world.post(&reader, "/conversations/refresh", body).await?.fault(),
    ];
    assert_eq!(
        faults,
        ["400 invalid_parameter", "404 conversation_not_found", "400 invalid_parameter", "403 scope_required"]
    );
    Ok(())
}
