//! The fixed corpus: small things that the program does, and what has to hold when it is stopped in the middle.
//!
//! A scenario is one command on a prepared installation. Afterwards the same command is run again, and the end is the
//! same as without the fault.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use threadkeep_sim::switches::DeadForm;
use threadkeep_sim::{GenerateOptions, World};

use crate::content::number;
use crate::stage::{Place, Ran, Stage, Words};

const NOW_MS: i64 = 1_790_000_000_000;

/// One thing that the program does.
pub struct Scenario {
    /// The name by which it is tried alone.
    pub name: &'static str,
    /// Where.
    pub stage: Stage,
    /// The command that is stopped.
    pub words: Words,
    /// Whether the command has said that it is done.
    pub is_told: fn(&Ran) -> bool,
    /// What then has to hold, and at the end in any case.
    pub holds: fn(&Stage, &Place) -> Result<()>,
    /// Whether a sync belongs to it, so that the mirror equals the truth afterwards.
    pub ends_with: Ends,
    /// Requests that a fault may cost on top of those without one.
    pub requests_more: u64,
}

/// What follows before the end is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Nothing: the mirror is complete.
    Complete,
    /// A sync.
    Sync,
}

/// All of them.
pub const NAMES: [&str; 7] = ["first_start", "first_sync", "changes", "media", "reconnect", "rotate", "revoke"];

/// A scenario by its name.
pub async fn scenario(name: &str, shim: &'static Path) -> Result<Scenario> {
    match name {
        "first_start" => first_start(shim).await,
        "first_sync" => first_sync(shim).await,
        "changes" => changes(shim).await,
        "media" => media(shim).await,
        "reconnect" => reconnect(shim).await,
        "rotate" => rotate(shim).await,
        "revoke" => revoke(shim).await,
        _ => anyhow::bail!("no scenario {name}"),
    }
}

fn world(seed: u64, conversations: usize, messages_mean: f64) -> World {
    World::generate(&GenerateOptions { seed, conversations, messages_mean, ..GenerateOptions::at(NOW_MS) })
}

/// An account is added where nothing was: key file, schema, login.
async fn first_start(shim: &'static Path) -> Result<Scenario> {
    let mut stage = Stage::new(shim, world(31, 2, 2.0)).await?;
    let member = stage.linkedin.owner()?;
    stage.account =
        threadkeep::source::voyager::account_id(&threadkeep_core::id::PersonId::parse(&member)?)?.to_string();
    let words = Words::of(&["account", "add", "--media", "eager", "--cookies-file", "-"]).reading(&stage.cookie);
    Ok(Scenario {
        name: "first_start",
        words,
        is_told: |ran| !ran.out.is_empty(),
        holds: |stage, place| {
            let listed = stage.run(place, &Words::of(&["account", "list", "--json"]))?.well("account list")?;
            ensure!(listed.out.contains(&stage.account) && listed.out.contains("\"eager\""), "{}", listed.out);
            Ok(())
        },
        ends_with: Ends::Sync,
        requests_more: 1,
        stage,
    })
}

/// A whole mailbox, two pages of one conversation included.
async fn first_sync(shim: &'static Path) -> Result<Scenario> {
    let file = json!({
        "accounts": [{"key": "sam", "name": "Sam Sample"}],
        "people": [{"key": "olga", "name": "Olga Test"}, {"key": "ben", "name": "Ben Probe"}],
        "conversations": [
            {"key": "long", "with": ["olga"], "messages": (0..23_i64).map(|number| json!({
                "from": "olga", "at": 1_700_000_000_000_i64 + number, "text": format!("invented {number}")})).collect::<Vec<_>>()},
            {"key": "short", "with": ["olga", "ben"], "title": "A group", "messages": [
                {"from": "ben", "at": 1_700_000_100_000_i64, "text": "one"}]},
        ],
    });
    let world = World::from_json(&file.to_string(), NOW_MS).map_err(|error| anyhow::anyhow!("{error}"))?;
    let stage = Stage::new(shim, world).await?.with_account(&[])?;
    Ok(syncing("first_sync", stage))
}

/// What came, went and changed since the last sync.
async fn changes(shim: &'static Path) -> Result<Scenario> {
    let stage = Stage::new(shim, world(33, 5, 4.0)).await?.with_account(&[])?;
    stage.prepare(&stage.sync())?;
    let (newest, second, third) = (json!({"index": 0}), json!({"index": 1}), json!({"index": 2}));
    for verb in [
        json!({"verb": "message_arrives", "conversation": third, "text": "hello"}),
        json!({"verb": "message_arrives", "conversation": second, "text": "hello again"}),
        json!({"verb": "message_edited", "conversation": newest, "message": newest, "text": "edited"}),
        json!({"verb": "message_recalled", "conversation": second, "message": newest}),
        json!({"verb": "message_arrives", "with": [stage_person(&stage)?], "title": "Before", "text": "new group"}),
        json!({"verb": "marked_unread", "conversation": second}),
        json!({"verb": "conversation_archived", "conversation": third}),
    ] {
        stage.linkedin.mutate(&verb, NOW_MS)?;
    }
    stage.linkedin.mutate(&json!({"verb": "random", "seed": 4, "count": 6}), NOW_MS)?;
    Ok(syncing("changes", stage))
}

/// Somebody of the world who is no owner.
fn stage_person(stage: &Stage) -> Result<String> {
    let (owner, truth) = (stage.linkedin.owner()?, stage.linkedin.truth()?);
    for line in truth.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        let id =
            record["id"].as_str().filter(|id| record["kind"] == "person" && *id != owner && id.starts_with("ACoAA"));
        if let Some(id) = id {
            return Ok(id.to_owned());
        }
    }
    anyhow::bail!("nobody else is there")
}

/// Attachments that the sync brings along.
async fn media(shim: &'static Path) -> Result<Scenario> {
    let photo = |name: &str| json!([{"file": {"name": name, "mediaType": "application/pdf", "byteSize": 3_000}}]);
    let file = json!({
        "accounts": [{"key": "sam", "name": "Sam Sample"}],
        "people": [{"key": "olga", "name": "Olga Test"}],
        "conversations": [{"key": "chat", "with": ["olga"], "messages": [
            {"from": "olga", "at": 1_700_000_000_000_i64, "text": "one", "content": photo("one.pdf")},
            {"from": "olga", "at": 1_700_000_001_000_i64, "text": "two", "content": photo("two.pdf")},
        ]}],
    });
    let world = World::from_json(&file.to_string(), NOW_MS).map_err(|error| anyhow::anyhow!("{error}"))?;
    let stage = Stage::new(shim, world).await?.with_account(&["--media", "eager"])?;
    let holds = |stage: &Stage, place: &Place| {
        let words = Words::of(&["media", "list", "--account", &stage.account, "--json"]);
        let listed = stage.run(place, &words)?.well("media list")?;
        ensure!(listed.out.lines().count() == 2, "{}", listed.out);
        for line in listed.out.lines() {
            let one: serde_json::Value = serde_json::from_str(line)?;
            let hash = one["hash"].as_str().and_then(|hash| hash.strip_prefix("sha256-")).context("not stored")?;
            let path = place.root().join("data/media/sha256").join(hash.get(..2).context("a hash")?).join(hash);
            let bytes = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
            ensure!(threadkeep::vault::ObjectHash::of(&bytes).to_string() == hash, "other bytes than the name says");
        }
        Ok(())
    };
    // A run whose attachments have failed for now is done, too, and says that some remain.
    let is_told = |ran: &Ran| {
        let report = ran.report().unwrap_or_default();
        report["success"] == true && report["mediaRemaining"] == 0 && report["mediaFailed"] == 0
    };
    Ok(Scenario { holds, is_told, requests_more: 3, ..syncing("media", stage) })
}

fn syncing(name: &'static str, stage: Stage) -> Scenario {
    Scenario {
        name,
        words: stage.sync(),
        is_told: |ran| ran.out.contains("\"success\":true"),
        holds: |_, place| {
            let done = "SELECT COUNT(*) FROM jobs WHERE state = 'done' AND id = (SELECT MAX(id) FROM jobs)";
            ensure!(number(&place.database(), done)? == 1, "a run that was reported is not done");
            Ok(())
        },
        ends_with: Ends::Complete,
        requests_more: 2,
        stage,
    }
}

/// A new login for a session that has died.
async fn reconnect(shim: &'static Path) -> Result<Scenario> {
    let stage = Stage::new(shim, world(35, 2, 2.0)).await?.with_account(&[])?;
    stage.prepare(&stage.sync())?;
    stage.linkedin.simulator()?.kill_sessions(&stage.linkedin.owner()?, DeadForm::RevokedRedirect);
    let dead = stage.prepare(&stage.sync());
    ensure!(dead.is_err(), "the session is dead");
    let cookie = stage.linkedin.credentials()?.1;
    let words = Words::of(&["account", "reconnect", &stage.account, "--cookies-file", "-"]).reading(&cookie);
    Ok(Scenario {
        name: "reconnect",
        words,
        is_told: |ran| !ran.out.is_empty(),
        holds: |stage, place| {
            let synced = stage.run(place, &stage.sync())?;
            ensure!(synced.code == Some(0), "the new login is not there: {}", synced.err);
            Ok(())
        },
        ends_with: Ends::Sync,
        requests_more: 1,
        stage,
    })
}

/// Another master key.
async fn rotate(shim: &'static Path) -> Result<Scenario> {
    let stage = Stage::new(shim, world(36, 2, 2.0)).await?.with_account(&[])?;
    stage.prepare(&stage.sync())?;
    Ok(Scenario {
        name: "rotate",
        words: Words::of(&["secrets", "rotate", "--json"]),
        is_told: |ran| ran.out.contains("\"success\":true"),
        holds: |stage, place| {
            let status = stage.run(place, &Words::of(&["secrets", "status", "--json"]))?.well("secrets status")?;
            let status: serde_json::Value = serde_json::from_str(&status.out)?;
            ensure!(status["unreadableAccounts"] == json!([]) && status["rotationUnfinished"] == false, "{status}");
            Ok(())
        },
        ends_with: Ends::Sync,
        requests_more: 0,
        stage,
    })
}

/// A key of the API that must not work again.
async fn revoke(shim: &'static Path) -> Result<Scenario> {
    let stage = Stage::new(shim, world(37, 1, 1.0)).await?.with_account(&[])?;
    stage.prepare(&stage.sync())?;
    stage.prepare(&Words::of(&["key", "create"]))?;
    let listed = stage.prepare(&Words::of(&["key", "list", "--json"]))?;
    let listed: serde_json::Value = serde_json::from_str(&listed.out)?;
    let id = listed[0]["id"].as_str().context("a key")?.to_owned();
    Ok(Scenario {
        name: "revoke",
        words: Words::of(&["key", "revoke", &id]),
        is_told: |ran| ran.err.lines().any(|line| line == "revoked"),
        holds: |_, place| {
            let kept = "SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL";
            ensure!(number(&place.database(), kept)? == 0, "a revoked key works again");
            Ok(())
        },
        ends_with: Ends::Complete,
        requests_more: 0,
        stage,
    })
}
