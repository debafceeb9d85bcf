//! The request budget of an account, in the contract's shape.

use insta::assert_json_snapshot;
use threadkeep::verbs::keys::Scope;
use threadkeep_core::sync::{Hold, HoldReason};

use crate::api_world::{INES, Taught, World};

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

#[tokio::test]
async fn the_budget_is_what_the_pace_allows_less_what_runs_have_asked() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    for requests in [5, 7] {
        let mut claimed = world.begin_sync(INES).await?;
        claimed.job.progress.requests = requests;
        world.commit(&mut claimed, Taught::default()).await?;
        world.end_sync(&claimed, &threadkeep::store::JobEnd::Done).await?;
        world.clock.pass(DAY_MS);
    }
    let body = world.get(&key, &format!("/linkedin/account/{INES}/quota")).await?.json();
    assert_json_snapshot!(body, @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "quotas": [
        {
          "feature": "sync_requests",
          "holdReason": null,
          "isExact": true,
          "limit": 31418,
          "limitReached": false,
          "limitReachedAt": null,
          "linkedinLimit": null,
          "remaining": 31418,
          "resetAt": "2026-01-05T00:00:00.000Z",
          "used": 0,
          "window": "daily"
        },
        {
          "feature": "sync_requests",
          "holdReason": null,
          "isExact": true,
          "limit": 219927,
          "limitReached": false,
          "limitReachedAt": null,
          "linkedinLimit": null,
          "remaining": 219915,
          "resetAt": "2026-01-05T00:00:00.000Z",
          "used": 12,
          "window": "weekly"
        }
      ]
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_wait_that_linkedin_asked_for_leaves_nothing() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let mut claimed = world.begin_sync(INES).await?;
    let until = world.app.clock.now().plus_ms(900_000);
    world.commit(&mut claimed, Taught::default().held(Hold { until, why: HoldReason::RateLimited })).await?;
    let body = world.get(&key, &format!("/account/{INES}/quota")).await?.json();
    let daily = &body["quotas"][0];
    assert_eq!(
        (&daily["remaining"], &daily["limitReached"], &daily["resetAt"], &daily["holdReason"]),
        (&0.into(), &true.into(), &"2026-01-02T03:19:06.000Z".into(), &"rate_limited".into())
    );
    assert_eq!(world.get(&key, "/account/nonsense/quota").await?.fault(), "400 invalid_parameter");
    Ok(())
}
