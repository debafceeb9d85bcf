//! `GET /conversations/{urn}/messages`: what a page shows, its cursors, and what the `sync` parameter does.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::Value;
use threadkeep::store::JobEnd;
use threadkeep::verbs::keys::Scope;
use threadkeep_core::content::Content;
use threadkeep_core::id::AccountId;

use crate::api_world::{BEGIN, INES, INES_MEMBER, OTTO, OTTO_MEMBER, Taught, World, failed};

const MARA: &str = "ACoAAMara";
const PAGE: &str = "/conversations/2-talk/messages";

/// Five messages of which two were delivered at the same time, and one of somebody who left.
fn talk() -> anyhow::Result<Taught> {
    Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person(MARA, "Ines Sample")?
        .person("ACoAALeft", "Lea Left")?
        .conversation("2-talk", 50, &[INES_MEMBER, MARA])?
        .message(("2-talk", "2-m1"), "ACoAALeft", 10)?
        .message(("2-talk", "2-m2"), INES_MEMBER, 20)?
        .message(("2-talk", "2-m3"), MARA, 20)?
        .message(("2-talk", "2-m4"), "", 40)?
        .message(("2-talk", "2-m5"), INES_MEMBER, 50)
}

fn ids(page: &Value) -> Vec<String> {
    let all = page["messages"].as_array().into_iter().flatten();
    all.filter_map(|one| one["messageId"].as_str()).map(str::to_owned).collect()
}

async fn synced() -> anyhow::Result<(World, String)> {
    let world = World::with_accounts().await?;
    world.sync(INES, talk()?).await?;
    let key = world.key(&[Scope::Read, Scope::Sync], &[]).await?;
    Ok((world, key))
}

/// A mirror with one file in one conversation, and the page of it under one name of the conversation.
async fn page_with_a_file(name: &str) -> anyhow::Result<Value> {
    let world = World::with_accounts().await?;
    let content = vec![
        Content::File {
            asset: Some("urn:li:digitalmediaAsset:1".into()),
            byte_size: Some(1_234),
            media_type: Some("application/pdf".into()),
            name: Some("plan.pdf".into()),
            url: Some("https://www.linkedin.com/dms/prv/plan".into()),
        },
        Content::Away { text: Some("on holiday".into()) },
    ];
    let taught = Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person(MARA, "Mara Muster")?
        .conversation("2-talk", 20, &[INES_MEMBER, MARA])?
        .message(("2-talk", "2-m1"), MARA, 10)?
        .carrying(content);
    world.sync(INES, taught).await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    Ok(world.get(&key, &format!("/linkedin/conversations/{name}/messages")).await?.json())
}

#[tokio::test]
async fn a_message_has_every_field_of_the_contract() -> anyhow::Result<()> {
    assert_json_snapshot!(page_with_a_file("2-talk").await?["messages"][0], @r#"
    {
      "attachments": [
        {
          "asset": "urn:li:digitalmediaAsset:1",
          "byteSize": 1234,
          "contentType": null,
          "durationMs": null,
          "failure": null,
          "hash": null,
          "height": null,
          "link": "/linkedin/media/a1a1a1a1a1a1a1a1a1a1a1a1/2-m1/0",
          "mediaType": "application/pdf",
          "name": "plan.pdf",
          "size": null,
          "state": "remote",
          "type": "file",
          "url": "https://www.linkedin.com/dms/prv/plan",
          "width": null
        }
      ],
      "backendMessageUrn": "urn:li:messagingMessage:2-m1",
      "contents": [
        {
          "kind": "away",
          "text": "on holiday"
        }
      ],
      "fallbackText": null,
      "format": "DEFAULT",
      "hasAttachment": true,
      "isEdited": false,
      "isRecalled": false,
      "isSentByOwner": false,
      "isSystem": false,
      "messageId": "2-m1",
      "messageUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAInes,2-m1)",
      "reactions": [],
      "senderName": "Mara Muster",
      "senderPhoto": "",
      "senderProfileId": "ACoAAMara",
      "senderUrn": "urn:li:fsd_profile:ACoAAMara",
      "sentAt": 1767323045010,
      "subject": null,
      "text": "text of 2-m1"
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_page_has_every_field_of_the_contract_under_every_name_of_the_conversation() -> anyhow::Result<()> {
    let plain = page_with_a_file("2-talk").await?;
    let encoded = format!("urn%3Ali%3Amsg_conversation%3A%28urn%3Ali%3Afsd_profile%3A{INES_MEMBER}%2C2-talk%29");
    let literal = "urn:li:msg_conversation:(urn:li:fsd_profile:Somebody,2-talk)";
    for name in [encoded.as_str(), literal, "urn%3Ali%3AmessagingThread%3A2-talk"] {
        assert_eq!(page_with_a_file(name).await?, plain, "{name}");
    }
    let mut page = plain;
    for list in ["messages", "participants"] {
        page[list] = page[list].as_array().map(Vec::len).into();
    }
    assert_json_snapshot!(page, @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "completeness": "listed",
      "conversationId": "2-talk",
      "conversationUrn": "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-talk)",
      "cursor": "8-61hj4hPtBDl7TP8sIcG3siYXQiOjE3NjczMjMwNDUwMTAsIm1lc3NhZ2UiOiIyLW0xIn0",
      "fromCache": true,
      "hasMore": false,
      "messages": 1,
      "note": "from the local copy, which is fresh",
      "participants": 2,
      "success": true
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn who_sent_a_message_is_told_by_ids_and_not_by_names() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    let page = world.get(&key, PAGE).await?.json();
    let lines = page["messages"].as_array().into_iter().flatten().map(|one| {
        format!("{} {} {} {}", one["messageId"], one["senderProfileId"], one["senderName"], one["isSentByOwner"])
    });
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    "2-m5" "ACoAAInes" "Ines Sample" true
    "2-m4" "" "" false
    "2-m3" "ACoAAMara" "Ines Sample" false
    "2-m2" "ACoAAInes" "Ines Sample" true
    "2-m1" "ACoAALeft" "Lea Left" false
    "#);
    Ok(())
}

#[tokio::test]
async fn a_walk_shows_each_message_once_while_others_come() -> anyhow::Result<()> {
    for count in 1..=6 {
        let (world, key) = synced().await?;
        let path = format!("{PAGE}?sync=false&count={count}");
        let mut page = world.get(&key, &path).await?.json();
        let mut all = ids(&page);
        world.sync(INES, Taught::default().message(("2-talk", "2-m6"), MARA, 60)?).await?;
        while let Some(cursor) = page["cursor"].as_str() {
            page = world.get(&key, &format!("{path}&cursor={cursor}")).await?.json();
            all.extend(ids(&page));
        }
        assert_eq!(page["hasMore"], false);
        assert_eq!(all, ["2-m5", "2-m4", "2-m3", "2-m2", "2-m1"], "{count} on a page");
    }
    Ok(())
}

#[tokio::test]
async fn a_plain_time_is_a_cursor_and_since_polls() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    let at = |after_ms: i64| BEGIN.plus_ms(after_ms).0;
    let older = world.get(&key, &format!("{PAGE}?cursor={}", at(20))).await?.json();
    assert_eq!(ids(&older), ["2-m1"], "older than the time");
    let newer = world.get(&key, &format!("{PAGE}?since={}", at(20))).await?.json();
    assert_eq!(ids(&newer), ["2-m5", "2-m4"], "newer than the time");
    let none = world.get(&key, &format!("{PAGE}?since=253402300799999")).await?.json();
    assert_eq!((ids(&none), &none["hasMore"]), (vec![], &false.into()));
    Ok(())
}

#[tokio::test]
async fn without_an_account_the_one_that_has_the_conversation_is_found() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    world.clock.pass(1);
    world.sync(OTTO, Taught::default().conversation("2-otto", 5, &[OTTO_MEMBER])?).await?;
    for (id, account) in [("2-talk", INES), ("2-otto", OTTO)] {
        let page = world.get(&key, &format!("/conversations/{id}/messages?sync=false")).await?.json();
        assert_eq!(page["accountId"], account, "{id}");
    }
    let wrong = world.get(&key, &format!("{PAGE}?accountId={OTTO}")).await?;
    assert_eq!(wrong.fault(), "404 conversation_not_found");
    Ok(())
}

/// The note of a page, and whether a sync was asked for.
async fn note(world: &World, key: &str, query: &str) -> anyhow::Result<String> {
    let page = world.get(key, &format!("{PAGE}{query}")).await?.json();
    let jobs = world.app.store.jobs(&AccountId::new(INES)?, 10).await?;
    let open = jobs.iter().filter(|job| !job.state.is_over()).count();
    Ok(format!("fromCache {} | {} | runs asked for: {open}", page["fromCache"], page["note"].as_str().unwrap_or("-")))
}

#[tokio::test]
async fn a_fresh_account_is_read_and_nothing_is_asked() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    let lines = [
        note(&world, &key, "").await?,
        note(&world, &key, "?sync=true").await?,
        note(&world, &key, "?sync=false").await?,
    ];
    assert_snapshot!(lines.join("\n"), @r#"
    fromCache true | from the local copy, which is fresh | runs asked for: 0
    fromCache true | from the local copy, which is fresh | runs asked for: 0
    fromCache true | from the local copy, as asked | runs asked for: 0
    "#);
    Ok(())
}

#[tokio::test]
async fn an_account_that_is_not_fresh_is_refreshed_within_bounds() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    let reader = world.key(&[Scope::Read], &[]).await?;
    world.clock.pass(60_000);
    world.clock.move_when_waited_for();
    let mut lines = vec![note(&world, &reader, "").await?, note(&world, &key, "?sync=false").await?];
    for query in ["", "?sync=true"] {
        let began = world.app.clock.now();
        let seen = note(&world, &key, query).await?;
        lines.push(format!("{seen} | waited {} ms", world.app.clock.now().since_ms(began)));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    fromCache true | from the local copy; this key may not ask for a sync | runs asked for: 0
    fromCache true | from the local copy, as asked | runs asked for: 0
    fromCache true | from the local copy; a sync is going on | runs asked for: 1 | waited 2000 ms
    fromCache true | from the local copy; a sync is going on | runs asked for: 1 | waited 30000 ms
    "#);
    assert_eq!(world.get(&reader, &format!("{PAGE}?sync=true")).await?.fault(), "403 scope_required");
    Ok(())
}

#[tokio::test]
async fn a_refresh_that_ends_in_time_is_in_the_answer() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    world.clock.pass(60_000);
    let mut run = world.begin_sync(INES).await?;
    let work = async {
        world.clock.is_waited_for().await;
        world.commit(&mut run, Taught::default().message(("2-talk", "2-m6"), MARA, 60)?).await?;
        world.end_sync(&run, &JobEnd::Done).await
    };
    let path = format!("{PAGE}?sync=true&count=1");
    let (page, worked) = tokio::join!(world.get(&key, &path), work);
    worked?;
    let page = page?.json();
    assert_eq!((ids(&page), &page["fromCache"]), (vec!["2-m6".into()], &false.into()));
    Ok(())
}

#[tokio::test]
async fn a_conversation_that_the_mirror_lacks_may_come_with_the_refresh() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    world.clock.pass(60_000);
    let path = format!("/conversations/2-late/messages?sync=true&accountId={INES}");
    let mut run = world.begin_sync(INES).await?;
    let work = async {
        world.clock.is_waited_for().await;
        world.commit(&mut run, Taught::default().conversation("2-late", 70, &[INES_MEMBER])?).await?;
        world.end_sync(&run, &JobEnd::Done).await
    };
    let (page, worked) = tokio::join!(world.get(&key, &path), work);
    worked?;
    let page = page?.json();
    assert_eq!((&page["conversationId"], &page["fromCache"]), (&"2-late".into(), &false.into()));
    let never = world.get(&key, &format!("/conversations/2-never/messages?sync=true&accountId={INES}")).await?;
    assert_eq!(never.fault(), "404 conversation_not_found");
    Ok(())
}

#[tokio::test]
async fn an_older_page_asks_for_nothing() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    world.clock.pass(60_000);
    assert_snapshot!(note(&world, &key, "?cursor=1767323045020").await?, @"fromCache true | from the local copy, as the page before | runs asked for: 0");
    Ok(())
}

#[tokio::test]
async fn a_refresh_that_fails_does_not_fail_the_read() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    world.clock.pass(60_000);
    let run = world.begin_sync(INES).await?;
    let work = async {
        world.clock.is_waited_for().await;
        world.end_sync(&run, &failed("upstream_unavailable", "LinkedIn did not answer")).await
    };
    let (seen, worked) = tokio::join!(note(&world, &key, ""), work);
    worked?;
    assert_snapshot!(seen?, @"fromCache true | from the local copy; the sync failed, see /conversations/sync/status | runs asked for: 0");
    Ok(())
}

#[tokio::test]
async fn a_paused_account_is_still_read() -> anyhow::Result<()> {
    let (world, key) = synced().await?;
    world.clock.pass(60_000);
    world.app.store.set_paused(&AccountId::new(INES)?, true).await?;
    let lines = [note(&world, &key, "").await?, note(&world, &key, "?sync=true").await?];
    assert_snapshot!(lines.join("\n"), @r#"
    fromCache true | from the local copy; the account cannot be synced now | runs asked for: 0
    fromCache true | from the local copy; the account cannot be synced now | runs asked for: 0
    "#);
    Ok(())
}

#[tokio::test]
async fn a_page_that_lies_ready_shows_each_message_as_it_is_shown_alone() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let picture = |name: &str| Content::Image { asset: None, url: Some(format!("https://media.example.org/{name}")) };
    let away = Content::Away { text: Some("on \"holiday\" [] {}".into()) };
    let taught = Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person(MARA, "Mara \"Quote\" Muster")?
        .conversation("2-talk", 60, &[INES_MEMBER, MARA])?
        .message(("2-talk", "2-m1"), MARA, 10)?
        .message(("2-talk", "2-m2"), INES_MEMBER, 20)?
        .carrying(vec![picture("a"), away.clone(), picture("b")])
        .message(("2-talk", "2-m3"), MARA, 30)?
        .message(("2-talk", "2-m4"), MARA, 40)?
        .carrying(vec![away])
        .message(("2-talk", "2-m5"), "", 50)?
        .carrying(vec![picture("c")])
        .message(("2-talk", "2-m6"), INES_MEMBER, 60)?;
    world.sync(INES, taught).await?;
    let reply = world.get(&key, &format!("{PAGE}?sync=false&count=5&accountId={INES}")).await?;
    // Only what is written while the database is read begins with the messages.
    assert!(reply.bytes.starts_with(b"{\"messages\":["), "it did not lie ready");
    let page = reply.json();
    assert_eq!(ids(&page), ["2-m6", "2-m5", "2-m4", "2-m3", "2-m2"]);
    let mut attachments = Vec::new();
    for item in page["messages"].as_array().into_iter().flatten() {
        let path = format!("/messages/{}", item["messageId"].as_str().unwrap_or_default());
        assert_eq!(world.get(&key, &path).await?.json()["message"], *item, "{path}");
        attachments.push(item["attachments"].as_array().map_or(0, Vec::len));
    }
    assert_eq!(attachments, [0, 1, 0, 0, 2]);
    Ok(())
}

#[tokio::test]
async fn a_message_of_a_page_is_the_message_as_it_is_shown_alone() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    let contents = vec![Content::Image { asset: None, url: Some("https://media.example.org/1".into()) }];
    let taught = Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person("ACoAAMara", "Mara \"Quote\" Muster")?
        .person("ACoAAGuest", "Gerda Guest")?
        .conversation("2-a", 50, &[INES_MEMBER, "ACoAAMara"])?
        .message(("2-a", "2-m1"), INES_MEMBER, 10)?
        .message(("2-a", "2-m2"), "ACoAAMara", 20)?
        .carrying(contents)
        .reacted("👍", 2)
        .message(("2-a", "2-m3"), "ACoAAGuest", 30)?
        .message(("2-a", "2-m4"), "ACoAAUnknown", 40)?
        .message(("2-a", "2-m5"), "", 50)?
        .saying("changed \u{2028} \\ \u{1}");
    world.sync(INES, taught).await?;
    let page = world.get(&key, "/conversations/2-a/messages?sync=false").await?.json();
    let items = page["messages"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 5);
    for item in items {
        let path = format!("/messages/{}", item["messageId"].as_str().unwrap_or_default());
        assert_eq!(world.get(&key, &path).await?.json()["message"], item, "{path}");
    }
    let people = world.get(&key, "/conversations/2-a/participants").await?.json();
    assert_eq!(page["participants"], people["participants"]);
    Ok(())
}
