//! Accounts and health as the API shows them, with the prefix and without.

use insta::{assert_json_snapshot, assert_snapshot};
use threadkeep::verbs::keys::Scope;
use threadkeep_core::id::AccountId;

use crate::api_world::{INES, OTTO, Taught, World};

#[tokio::test]
async fn the_list_is_a_bare_array() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let bare = world.get(&key, "/accounts").await?;
    assert_eq!(bare.bytes, world.get(&key, "/linkedin/accounts").await?.bytes);
    assert_json_snapshot!(bare.json(), @r#"
    [
      {
        "apiSeatAllocated": true,
        "enabled": true,
        "firstName": "Ines",
        "health": "connected",
        "id": "a1a1a1a1a1a1a1a1a1a1a1a1",
        "lastName": "Sample",
        "picture": null,
        "publicId": "ines-sample",
        "status": "WARMUP"
      },
      {
        "apiSeatAllocated": true,
        "enabled": true,
        "firstName": "Otto",
        "health": "connected",
        "id": "b2b2b2b2b2b2b2b2b2b2b2b2",
        "lastName": "Other",
        "picture": null,
        "publicId": "otto-other",
        "status": "WARMUP"
      }
    ]
    "#);
    Ok(())
}

#[tokio::test]
async fn a_search_looks_at_names_slugs_ids_and_profile_addresses() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let mut lines = Vec::new();
    let searches = [
        "ines",
        "SAMPLE",
        "o",
        "otto-other",
        OTTO,
        "https%3A%2F%2Fwww.linkedin.com%2Fin%2Fines-sample%2F%3Fx%3D1",
        "https%3A%2F%2Fwww.linkedin.com%2Fin%2Fines",
        "nobody",
    ];
    for search in searches {
        let found = world.get(&key, &format!("/accounts?q={search}")).await?.json();
        let names: Vec<&str> =
            found.as_array().into_iter().flatten().filter_map(|one| one["firstName"].as_str()).collect();
        lines.push(format!("{search}: {names:?}"));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    ines: ["Ines"]
    SAMPLE: ["Ines"]
    o: ["Otto"]
    otto-other: ["Otto"]
    b2b2b2b2b2b2b2b2b2b2b2b2: ["Otto"]
    https%3A%2F%2Fwww.linkedin.com%2Fin%2Fines-sample%2F%3Fx%3D1: ["Ines"]
    https%3A%2F%2Fwww.linkedin.com%2Fin%2Fines: []
    nobody: []
    "#);
    Ok(())
}

#[tokio::test]
async fn the_state_of_an_account_is_a_bare_object_by_three_ways() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let named = world.get(&key, &format!("/account/{INES}/status")).await?;
    let asked = world.get(&key, &format!("/linkedin/account/status?accountId={INES}")).await?;
    let posted = world.post(&key, &format!("/account/status?accountId={INES}"), "").await?;
    assert_eq!(named.bytes, asked.bytes);
    assert_eq!(named.bytes, posted.bytes);
    assert_json_snapshot!(named.json(), @r#"
    {
      "enabled": true,
      "firstName": "Ines",
      "hasTokens": true,
      "health": "connected",
      "healthDetail": null,
      "id": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "lastName": "Sample",
      "lastUsed": null,
      "linkedinPlan": {
        "hasAdvertiseBadge": false,
        "hasAwayMessages": false,
        "hasHiringManager": false,
        "hasRecruiter": false,
        "hasSalesNavigator": false,
        "isPremium": false,
        "premiumType": "NON_PREMIUM"
      },
      "loginExpiresAt": null,
      "media": "lazy",
      "picture": null,
      "platform": "LINKEDIN",
      "profileId": "ACoAAInes",
      "profileUrn": "urn:li:fsd_profile:ACoAAInes",
      "publicId": "ines-sample",
      "status": "WARMUP"
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn the_default_account_is_the_one_synced_last() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let who = async || -> anyhow::Result<String> {
        Ok(world.get(&key, "/account/status").await?.json()["firstName"].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(who().await?, "Ines", "nobody was synced: the oldest");
    world.sync(OTTO, Taught::default()).await?;
    assert_eq!(who().await?, "Otto");
    world.clock.pass(1);
    world.sync(INES, Taught::default()).await?;
    assert_eq!(who().await?, "Ines");
    Ok(())
}

#[tokio::test]
async fn a_paused_account_is_not_enabled() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    world.sync(INES, Taught::default()).await?;
    world.app.store.set_paused(&AccountId::new(INES)?, true).await?;
    let seen = world.get(&key, "/account/status").await?.json();
    assert_eq!(
        (&seen["status"], &seen["enabled"], &seen["health"]),
        (&"AVAILABLE".into(), &false.into(), &"paused".into())
    );
    Ok(())
}

#[tokio::test]
async fn without_any_account_there_is_no_default_one() -> anyhow::Result<()> {
    let world = World::empty().await?;
    let key = world.key(&[Scope::Read, Scope::Sync], &[]).await?;
    assert_eq!(world.get(&key, "/accounts").await?.json(), serde_json::json!([]));
    for path in ["/conversations", "/account/status"] {
        assert_eq!(world.get(&key, path).await?.fault(), "404 account_not_found", "{path}");
    }
    assert_eq!(world.post(&key, "/conversations/sync", "").await?.fault(), "404 account_not_found");
    assert_json_snapshot!(world.get(&key, "/conversations/sync/status").await?.json(), @r#"
    {
      "accounts": [],
      "success": true
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn health_needs_no_key() -> anyhow::Result<()> {
    let world = World::empty().await?;
    for path in ["/health", "/linkedin/health"] {
        let answer = world.get("", path).await?;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &"ok".into()), "{path}");
    }
    Ok(())
}
