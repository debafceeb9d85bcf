//! `GET /conversations`: what a page shows, and walks that neither skip nor repeat while others come.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::Value;
use threadkeep::verbs::keys::Scope;
use threadkeep_core::content::Content;

use crate::api_world::{INES, INES_MEMBER, OTTO, OTTO_MEMBER, Taught, World};

const MARA: &str = "ACoAAMara";

/// Five conversations; the odd ones are unread, two have the same activity.
fn five() -> anyhow::Result<Taught> {
    Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person(MARA, "Mara Muster")?
        .conversation("2-a", 10, &[INES_MEMBER, MARA])?
        .conversation("2-b", 21, &[INES_MEMBER, MARA])?
        .conversation("2-c", 21, &[INES_MEMBER, MARA])?
        .conversation("2-d", 40, &[INES_MEMBER, MARA])?
        .conversation("2-e", 51, &[INES_MEMBER, MARA])
}

fn ids(page: &Value) -> Vec<String> {
    let all = page["conversations"].as_array().into_iter().flatten();
    all.filter_map(|one| one["conversationId"].as_str()).map(str::to_owned).collect()
}

/// Walks a list to its end, doing something after the first page.
async fn walk(world: &World, key: &str, path: &str, between: Option<Taught>) -> anyhow::Result<Vec<String>> {
    let mut page = world.get(key, path).await?.json();
    let mut all = ids(&page);
    if let Some(taught) = between {
        world.sync(INES, taught).await?;
    }
    for _ in 0..20 {
        let Some(cursor) = page["nextCursor"].as_str() else {
            anyhow::ensure!(page["hasMore"] == false, "a walk ends without a cursor: {page}");
            return Ok(all);
        };
        page = world.get(key, &format!("{path}&nextCursor={cursor}")).await?.json();
        all.extend(ids(&page));
    }
    anyhow::bail!("the walk does not end")
}

/// The page of a mirror with one conversation of three.
async fn page_of_one() -> anyhow::Result<Value> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    let taught = Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person(MARA, "Mara Muster")?
        .person("ACoAAGone", "")?
        .conversation("2-MTIz==", 2_001, &[INES_MEMBER, MARA, "ACoAAGone"])?
        .message(("2-MTIz==", "2-m1"), INES_MEMBER, 1_000)?
        .message(("2-MTIz==", "2-m2"), MARA, 2_001)?;
    world.sync(INES, taught).await?;
    let bare = world.get(&key, "/conversations").await?;
    assert_eq!(bare.bytes, world.get(&key, "/linkedin/conversations").await?.bytes);
    Ok(bare.json())
}

#[tokio::test]
async fn a_conversation_has_every_field_of_the_contract() -> anyhow::Result<()> {
    let mut item = page_of_one().await?["conversations"][0].take();
    item["participants"] = item["participants"].as_array().map(Vec::len).into();
    assert_json_snapshot!(item, @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "backendConversationUrn": "urn:li:messagingThread:2-MTIz==",
      "categories": [
        "INBOX"
      ],
      "completeness": "listed",
      "conversationId": "2-MTIz==",
      "conversationUrl": "https://www.linkedin.com/messaging/thread/2-MTIz==/",
      "conversationUrn": "urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAInes,2-MTIz==)",
      "createdAt": null,
      "isGroup": false,
      "isMuted": false,
      "isRead": false,
      "isSponsored": false,
      "label": null,
      "lastActivityAt": "2026-01-02T03:04:07.001Z",
      "lastReadAt": null,
      "latestMessage": {
        "hasAttachment": false,
        "isSentByOwner": false,
        "messageId": "2-m2",
        "messageUrn": "urn:li:msg_message:(urn:li:fsd_profile:ACoAAInes,2-m2)",
        "senderName": "Mara Muster",
        "sentAt": 1767323047001,
        "text": "text of 2-m2"
      },
      "participants": 3,
      "source": "linkedin",
      "state": null,
      "title": null,
      "unreadCount": 1
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_participant_has_every_field_and_the_owner_stands_last() -> anyhow::Result<()> {
    let page = page_of_one().await?;
    let all = &page["conversations"][0]["participants"];
    let names = all.as_array().into_iter().flatten().map(|one| format!("{} {}", one["name"], one["isOwner"]));
    assert_snapshot!(names.collect::<Vec<_>>().join("\n"), @r#"
    "LinkedIn Member" false
    "Mara Muster" false
    "Ines Sample" true
    "#);
    assert_json_snapshot!(all[1], @r#"
    {
      "backendUrn": null,
      "distance": "",
      "firstName": "Mara",
      "headline": "",
      "isOwner": false,
      "lastName": "Muster",
      "name": "Mara Muster",
      "participantUrn": "urn:li:msg_messagingParticipant:urn:li:fsd_profile:ACoAAMara",
      "profileId": "ACoAAMara",
      "profilePicture": "",
      "profileUrl": "https://www.linkedin.com/in/ACoAAMara",
      "profileUrn": "urn:li:fsd_profile:ACoAAMara",
      "type": "member"
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn an_empty_mirror_is_an_empty_page() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    assert_json_snapshot!(world.get(&key, "/conversations").await?.json(), @r#"
    {
      "accounts": [
        {
          "id": "a1a1a1a1a1a1a1a1a1a1a1a1",
          "name": "Ines Sample"
        }
      ],
      "conversations": [],
      "fromCache": true,
      "hasMore": false,
      "nextCursor": null,
      "success": true
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_walk_shows_each_conversation_once_while_others_come() -> anyhow::Result<()> {
    let expected = ["2-e", "2-d", "2-c", "2-b", "2-a"];
    for count in 1..=6 {
        let world = World::with_accounts().await?;
        let key = world.key(&[Scope::Read], &[INES]).await?;
        world.sync(INES, five()?).await?;
        let newcomer = Taught::default().conversation("2-new", 60, &[INES_MEMBER])?;
        let path = format!("/conversations?count={count}");
        assert_eq!(walk(&world, &key, &path, Some(newcomer)).await?, expected, "{count} on a page");
    }
    Ok(())
}

#[tokio::test]
async fn a_walk_of_the_default_account_stays_with_it() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    world.sync(INES, five()?).await?;
    let first = world.get(&key, "/conversations?limit=2").await?.json();
    world.clock.pass(1);
    world.sync(OTTO, Taught::default().conversation("2-otto", 99, &[OTTO_MEMBER])?).await?;
    let cursor = first["nextCursor"].as_str().unwrap_or_default();
    let second = world.get(&key, &format!("/conversations?limit=2&nextCursor={cursor}")).await?.json();
    assert_eq!((ids(&first), ids(&second)), (vec!["2-e".into(), "2-d".into()], vec!["2-c".into(), "2-b".into()]));
    Ok(())
}

#[tokio::test]
async fn several_accounts_are_one_list() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    world.sync(INES, five()?).await?;
    let ottos = Taught::default().conversation("2-c", 21, &[OTTO_MEMBER])?.conversation("2-o", 45, &[OTTO_MEMBER])?;
    world.sync(OTTO, ottos).await?;
    let path = format!("/conversations?linkedinAccountIds={OTTO},{INES}&count=2");
    let expected = ["2-e", "2-o", "2-d", "2-c", "2-c", "2-b", "2-a"];
    assert_eq!(walk(&world, &key, &path, None).await?, expected);
    let page = world.get(&key, &path).await?.json();
    assert_json_snapshot!(page["accounts"], @r#"
    [
      {
        "id": "a1a1a1a1a1a1a1a1a1a1a1a1",
        "name": "Ines Sample"
      },
      {
        "id": "b2b2b2b2b2b2b2b2b2b2b2b2",
        "name": "Otto Other"
      }
    ]
    "#);
    Ok(())
}

#[tokio::test]
async fn filters_and_deleted_conversations() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    world.sync(INES, five()?).await?;
    world.sync(INES, Taught::default().without("2-c")?).await?;
    assert_eq!(
        walk(&world, &key, "/conversations?count=1&unreadOnly=false", None).await?,
        ["2-e", "2-d", "2-b", "2-a"]
    );
    assert_eq!(walk(&world, &key, "/conversations?count=1&unreadOnly=true", None).await?, ["2-e", "2-b"]);
    assert_eq!(ids(&world.get(&key, "/conversations?labeledOnly=true").await?.json()), Vec::<String>::new());
    assert_eq!(ids(&world.get(&key, "/conversations?labelId=anything").await?.json()), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_list_item_is_the_conversation_as_it_is_shown_alone() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let picture = vec![Content::Image { asset: None, url: Some("https://media.example.org/1".into()) }];
    let taught = Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person(MARA, "Mara \"Quote\" \\ Muster\u{2028}")?
        .conversation("2-owned", 50, &[INES_MEMBER, MARA])?
        .conversation("2-group", 41, &["ACoAAUnknown", MARA, INES_MEMBER])?
        .grouped()
        .conversation("2-left", 30, &[MARA])?
        .conversation("2-empty", 20, &[])?
        .message(("2-owned", "2-m1"), INES_MEMBER, 50)?
        .message(("2-group", "2-m2"), MARA, 41)?
        .carrying(picture)
        .message(("2-left", "2-m3"), "", 30)?;
    world.sync(INES, taught).await?;
    world.sync(OTTO, five()?).await?;
    let page = world.get(&key, &format!("/conversations?linkedinAccountIds={INES},{OTTO}")).await?.json();
    let items = page["conversations"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 9);
    for item in items {
        let (id, account) = (item["conversationId"].as_str(), item["accountId"].as_str());
        let path = format!("/conversations/{}?accountId={}", id.unwrap_or_default(), account.unwrap_or_default());
        assert_eq!(world.get(&key, &path).await?.json()["conversation"], item, "{path}");
    }
    Ok(())
}
