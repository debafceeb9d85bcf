//! `POST /conversations/sync` and `GET /conversations/sync/status` in each of their forms.
//!
//! There is no worker here: the tests do its part by the same store methods.

use axum::body::Body;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::Value;
use threadkeep::store::JobEnd;
use threadkeep::verbs::keys::Scope;
use threadkeep_core::id::AccountId;

use crate::api_world::{Answer, INES, INES_MEMBER, Taught, World, failed, with_key};

const SYNC: &str = "/linkedin/conversations/sync";
const BOTH: [Scope; 2] = [Scope::Read, Scope::Sync];

async fn ask(world: &World, key: &str, prefer: &str, body: &str) -> anyhow::Result<Answer> {
    let request = with_key(key).method("POST").uri(SYNC).header("prefer", prefer);
    world.send(request.body(Body::from(body.to_owned()))?).await
}

fn an_inbox() -> anyhow::Result<Taught> {
    Taught::default()
        .person(INES_MEMBER, "Ines Sample")?
        .person("ACoAAMara", "Mara Muster")?
        .conversation("2-one", 2_000, &[INES_MEMBER, "ACoAAMara"])?
        .message(("2-one", "2-m1"), "ACoAAMara", 1_000)?
        .message(("2-one", "2-m2"), INES_MEMBER, 2_000)
}

#[tokio::test]
async fn a_run_that_ends_within_the_wait_is_told_with_the_fields_of_the_seed() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    let mut run = world.begin_sync(INES).await?;
    // The caller joins the run, waits at a standing clock, and is answered when the worker has ended it.
    let work = async {
        world.clock.is_waited_for().await;
        world.commit(&mut run, an_inbox()?).await?;
        world.clock.pass(12_340);
        world.end_sync(&run, &JobEnd::Done).await
    };
    let (answer, worked) = tokio::join!(ask(&world, &key, "", "{}"), work);
    worked?;
    let answer = answer?;
    assert_eq!(answer.status, 200);
    assert_json_snapshot!(answer.json(), @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "code": null,
      "completed": true,
      "conversationsFinished": 0,
      "conversationsProcessed": 1,
      "durationMs": 12340,
      "durationSeconds": "12.34",
      "error": null,
      "joined": true,
      "lastSyncAt": "2026-01-02T03:04:18.340Z",
      "message": null,
      "messagesChanged": 0,
      "messagesNew": 2,
      "messagesProcessed": 2,
      "notBefore": null,
      "oddities": 0,
      "requests": 0,
      "runId": 1,
      "skipped": false,
      "state": "done",
      "statusUrl": "/linkedin/conversations/sync/status?accountId=a1a1a1a1a1a1a1a1a1a1a1a1",
      "success": true
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_run_that_goes_on_is_202_with_the_same_fields_so_far() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    let mut run = world.begin_sync(INES).await?;
    world.commit(&mut run, an_inbox()?).await?;
    world.clock.pass(1_500);
    let answer = ask(&world, &key, "respond-async", "").await?;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("preference-applied"), "respond-async");
    assert_eq!(answer.header("location"), answer.json()["statusUrl"].as_str().unwrap_or_default());
    assert_json_snapshot!(answer.json(), @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "code": null,
      "completed": false,
      "conversationsFinished": 0,
      "conversationsProcessed": 1,
      "durationMs": 1500,
      "durationSeconds": "1.50",
      "error": null,
      "joined": true,
      "lastSyncAt": null,
      "message": null,
      "messagesChanged": 0,
      "messagesNew": 2,
      "messagesProcessed": 2,
      "notBefore": null,
      "oddities": 0,
      "requests": 0,
      "runId": 1,
      "skipped": false,
      "state": "running",
      "statusUrl": "/linkedin/conversations/sync/status?accountId=a1a1a1a1a1a1a1a1a1a1a1a1",
      "success": true
    }
    "#);
    let status = world.get(&key, &answer.header("location")).await?;
    assert_eq!(status.json()["accounts"][0]["currentRun"]["runId"], answer.json()["runId"]);
    Ok(())
}

#[tokio::test]
async fn the_status_tells_of_the_run_that_is_going_on() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    let mut run = world.begin_sync(INES).await?;
    world.commit(&mut run, an_inbox()?).await?;
    let status = world.get(&key, "/conversations/sync/status").await?.json();
    let one = &status["accounts"][0];
    assert_json_snapshot!(one["currentRun"], @r#"
    {
      "cancelRequested": false,
      "counters": {
        "conversationsChanged": 1,
        "conversationsFinished": 0,
        "drift": 0,
        "listPages": 0,
        "mediaFailed": 0,
        "mediaFetched": 0,
        "mediaRemaining": 0,
        "messagePages": 0,
        "messagesChanged": 0,
        "messagesNew": 2,
        "oddities": 0,
        "requests": 0,
        "troubles": 0,
        "verified": 0
      },
      "createdAt": "2026-01-02T03:04:06.000Z",
      "currentConversationId": null,
      "estimate": {
        "durationMsAtLeast": 2750,
        "requestsAtLeast": 1
      },
      "isForced": false,
      "isInterrupted": false,
      "notBefore": null,
      "phase": "",
      "runId": 1,
      "startedAt": "2026-01-02T03:04:06.000Z",
      "state": "running"
    }
    "#);
    assert_json_snapshot!([&one["syncState"], &one["completeness"]], @r#"
    [
      {
        "consecutiveFailures": 0,
        "initialSyncCompleted": true,
        "lastError": null,
        "lastErrorCode": null,
        "lastSyncAt": null,
        "syncInProgress": true,
        "totalConversations": 1,
        "totalMessages": 2
      },
      {
        "conversationsComplete": 0,
        "conversationsDue": 1,
        "conversationsEndUnproven": 0,
        "conversationsListedOnly": 1,
        "conversationsPartial": 1,
        "conversationsQuarantined": 0,
        "conversationsWithDrift": 0,
        "oddities": 0,
        "oldestMessageAt": "2026-01-02T03:04:06.000Z",
        "verifiedAt": null,
        "verifiedDeep": null
      }
    ]
    "#);
    Ok(())
}

#[tokio::test]
async fn how_long_a_caller_waits_is_its_wish_within_bounds() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[]).await?;
    world.clock.move_when_waited_for();
    let mut lines = Vec::new();
    let wishes = [
        "",
        "respond-async",
        "wait=0",
        "wait=5",
        "Wait = \"5\"; x=1",
        "respond-async, wait=2",
        "wait=100000",
        "wait=soon",
    ];
    for wish in wishes {
        let began = world.app.clock.now();
        let answer = ask(&world, &key, wish, "{}").await?;
        let waited_ms = world.app.clock.now().since_ms(began);
        lines.push(format!(
            "{wish:?}: {} after {waited_ms} ms, applied {:?}, joined {}",
            answer.status.as_u16(),
            answer.header("preference-applied"),
            answer.json()["joined"]
        ));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    "": 202 after 30000 ms, applied "", joined false
    "respond-async": 202 after 0 ms, applied "respond-async", joined true
    "wait=0": 202 after 0 ms, applied "wait=0", joined true
    "wait=5": 202 after 5000 ms, applied "wait=5", joined true
    "Wait = \"5\"; x=1": 202 after 5000 ms, applied "wait=5", joined true
    "respond-async, wait=2": 202 after 2000 ms, applied "wait=2", joined true
    "wait=100000": 202 after 300000 ms, applied "wait=300", joined true
    "wait=soon": 202 after 30000 ms, applied "", joined true
    "#);
    Ok(())
}

#[tokio::test]
async fn nobody_waits_for_a_run_that_rests_longer_than_the_wait() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    let run = world.begin_sync(INES).await?;
    let later = world.app.clock.now().plus_ms(900_000);
    world.app.store.put_back(&run.lease, later, &run.job.progress).await?;
    // The clock stands: an answer proves that nobody waited.
    let answer = ask(&world, &key, "", "").await?;
    let seen = answer.json();
    assert_eq!((answer.status.as_u16(), &seen["state"]), (202, &"waiting".into()));
    assert_snapshot!(seen["notBefore"].as_str().unwrap_or("-"), @"2026-01-02T03:19:06.000Z");
    Ok(())
}

#[tokio::test]
async fn a_recent_sync_is_not_repeated_unless_forced() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    world.sync(INES, an_inbox()?).await?;
    world.clock.pass(59_999);
    let recent = ask(&world, &key, "respond-async", "{\"force\":false,\"accountId\":null}").await?;
    assert_eq!(recent.status, 200);
    assert_json_snapshot!(recent.json(), @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "code": null,
      "completed": true,
      "conversationsFinished": 0,
      "conversationsProcessed": 0,
      "durationMs": 0,
      "durationSeconds": "0.00",
      "error": null,
      "joined": false,
      "lastSyncAt": "2026-01-02T03:04:06.000Z",
      "message": null,
      "messagesChanged": 0,
      "messagesNew": 0,
      "messagesProcessed": 0,
      "notBefore": null,
      "oddities": 0,
      "requests": 0,
      "runId": null,
      "skipped": true,
      "state": "skipped",
      "statusUrl": "/linkedin/conversations/sync/status?accountId=a1a1a1a1a1a1a1a1a1a1a1a1",
      "success": true
    }
    "#);
    assert_eq!(ask(&world, &key, "respond-async", "{\"force\":true}").await?.status, 202);
    Ok(())
}

#[tokio::test]
async fn after_a_while_a_sync_is_no_longer_recent() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    world.sync(INES, an_inbox()?).await?;
    world.clock.pass(60_000);
    assert_eq!(ask(&world, &key, "respond-async", "").await?.status, 202);
    Ok(())
}

#[tokio::test]
async fn a_run_that_fails_is_200_with_success_false_and_true_counts() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    let mut run = world.begin_sync(INES).await?;
    let work = async {
        world.clock.is_waited_for().await;
        world.commit(&mut run, an_inbox()?).await?;
        world.clock.pass(2_005);
        world.end_sync(&run, &failed("upstream_unavailable", "LinkedIn did not answer: try again later")).await
    };
    let (answer, worked) = tokio::join!(ask(&world, &key, "", ""), work);
    worked?;
    let answer = answer?;
    assert_eq!(answer.status, 200);
    assert_json_snapshot!(answer.json(), @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "code": "upstream_unavailable",
      "completed": true,
      "conversationsFinished": 0,
      "conversationsProcessed": 1,
      "durationMs": 2005,
      "durationSeconds": "2.00",
      "error": "LinkedIn did not answer: try again later",
      "joined": true,
      "lastSyncAt": null,
      "message": "LinkedIn did not answer: try again later",
      "messagesChanged": 0,
      "messagesNew": 2,
      "messagesProcessed": 2,
      "notBefore": null,
      "oddities": 0,
      "requests": 0,
      "runId": 1,
      "skipped": false,
      "state": "failed",
      "statusUrl": "/linkedin/conversations/sync/status?accountId=a1a1a1a1a1a1a1a1a1a1a1a1",
      "success": false
    }
    "#);
    let status = world.get(&key, "/conversations/sync/status").await?.json();
    assert_json_snapshot!(status["accounts"][0]["syncState"], @r#"
    {
      "consecutiveFailures": 1,
      "initialSyncCompleted": true,
      "lastError": "LinkedIn did not answer: try again later",
      "lastErrorCode": "upstream_unavailable",
      "lastSyncAt": null,
      "syncInProgress": false,
      "totalConversations": 1,
      "totalMessages": 2
    }
    "#);
    assert_eq!(status["accounts"][0]["currentRun"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_says_so() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    let run = world.begin_sync(INES).await?;
    let work = async {
        world.clock.is_waited_for().await;
        world.end_sync(&run, &JobEnd::Cancelled).await
    };
    let (answer, worked) = tokio::join!(ask(&world, &key, "", ""), work);
    worked?;
    let seen = answer?.json();
    assert_eq!(
        (&seen["success"], &seen["code"], &seen["completed"]),
        (&false.into(), &"cancelled".into(), &true.into())
    );
    Ok(())
}

#[tokio::test]
async fn an_account_that_waits_for_its_member_is_not_synced() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&BOTH, &[INES]).await?;
    let id = AccountId::new(INES)?;
    world.app.store.set_paused(&id, true).await?;
    let answer = ask(&world, &key, "", "").await?;
    assert_eq!(answer.status, 200);
    assert_json_snapshot!(answer.json(), @r#"
    {
      "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
      "code": "paused",
      "completed": true,
      "conversationsFinished": 0,
      "conversationsProcessed": 0,
      "durationMs": 0,
      "durationSeconds": "0.00",
      "error": "the account is paused; run `threadkeep account resume a1a1a1a1a1a1a1a1a1a1a1a1`",
      "joined": false,
      "lastSyncAt": null,
      "message": "the account is paused; run `threadkeep account resume a1a1a1a1a1a1a1a1a1a1a1a1`",
      "messagesChanged": 0,
      "messagesNew": 0,
      "messagesProcessed": 0,
      "notBefore": null,
      "oddities": 0,
      "requests": 0,
      "runId": null,
      "skipped": false,
      "state": "stopped",
      "statusUrl": "/linkedin/conversations/sync/status?accountId=a1a1a1a1a1a1a1a1a1a1a1a1",
      "success": false
    }
    "#);
    assert!(world.app.store.jobs(&id, 1).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_account_that_was_never_synced_has_nulls_in_its_status() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[]).await?;
    let all = world.get(&key, "/conversations/sync/status").await?.json();
    assert_eq!(all["accounts"].as_array().map(Vec::len), Some(2));
    let one = world.get(&key, &format!("{SYNC}/status?accountId={INES}")).await?.json();
    assert_json_snapshot!(one, @r#"
    {
      "accounts": [
        {
          "accountId": "a1a1a1a1a1a1a1a1a1a1a1a1",
          "accountName": "Ines Sample",
          "accountPicture": "",
          "completeness": {
            "conversationsComplete": 0,
            "conversationsDue": 0,
            "conversationsEndUnproven": 0,
            "conversationsListedOnly": 0,
            "conversationsPartial": 0,
            "conversationsQuarantined": 0,
            "conversationsWithDrift": 0,
            "oddities": 0,
            "oldestMessageAt": null,
            "verifiedAt": null,
            "verifiedDeep": null
          },
          "currentRun": null,
          "freshness": {
            "asOf": null,
            "reason": null,
            "since": "2026-01-02T03:04:05.000Z",
            "state": "behind",
            "until": null
          },
          "health": {
            "detail": null,
            "holdReason": null,
            "holdUntil": null,
            "loginExpiresAt": null,
            "status": "connected"
          },
          "syncState": {
            "consecutiveFailures": 0,
            "initialSyncCompleted": false,
            "lastError": null,
            "lastErrorCode": null,
            "lastSyncAt": null,
            "syncInProgress": false,
            "totalConversations": 0,
            "totalMessages": 0
          }
        }
      ],
      "success": true
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_run_whose_lease_ran_out_is_interrupted_and_not_in_progress() -> anyhow::Result<()> {
    let world = World::with_accounts().await?;
    let key = world.key(&[Scope::Read], &[INES]).await?;
    world.begin_sync(INES).await?;
    let seen = async || -> anyhow::Result<String> {
        let status = world.get(&key, "/conversations/sync/status").await?.json();
        let one = &status["accounts"][0];
        let fresh = one["freshness"]["state"].as_str().unwrap_or_default();
        Ok(format!("{} {} {fresh}", one["syncState"]["syncInProgress"], one["currentRun"]["isInterrupted"]))
    };
    assert_eq!(seen().await?, "true false behind");
    world.clock.pass(30_000);
    assert_eq!(seen().await?, "false true interrupted");
    Ok(())
}
