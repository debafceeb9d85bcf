//! `threadkeep verify`, the ledger, and what the doctor says of them, as scripts and people meet them.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use threadkeep_sim::{GenerateOptions, World};

use crate::cli_harness::Room;
use crate::harness::SimulatedLinkedIn;

const NOW_MS: i64 = 1_790_000_000_000;

struct Home {
    room: Room,
    account: String,
    linkedin: SimulatedLinkedIn,
}

impl Home {
    async fn synced() -> Result<Self> {
        let options =
            GenerateOptions { seed: 31, conversations: 12, messages_mean: 6.0, ..GenerateOptions::at(NOW_MS) };
        let linkedin = SimulatedLinkedIn::start(World::generate(&options)).await?;
        let room = Room::new()?
            .with("THREADKEEP_UPSTREAM_URL", &linkedin.url())
            .with("THREADKEEP_PACE", "open")
            .with("THREADKEEP_DATABASE_URL", "sqlite:mirror.db");
        let added = room.run_with(&["account", "add", "--cookies-file", "-"], &linkedin.credentials()?.1)?;
        ensure!(added.code == Some(0), "{}", added.told());
        let synced = room.run(&["sync"])?;
        ensure!(synced.code == Some(0), "{}", synced.told());
        Ok(Self { room, account: added.out.trim().to_owned(), linkedin })
    }

    fn sql(&self, text: &str) -> Result<()> {
        Ok(rusqlite::Connection::open(self.room.path("mirror.db"))?.execute_batch(text)?)
    }
}

fn last_line(text: &str) -> Result<Value> {
    Ok(serde_json::from_str(text.lines().last().context("a line")?)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_of_a_verification_says_whether_drift_is_left() -> Result<()> {
    let home = Home::synced().await?;
    let doctor = home.room.run(&["doctor"])?;
    ensure!(doctor.out.contains("never verified") && doctor.out.contains("`threadkeep verify`"), "{}", doctor.out);
    let ran = home.room.run(&["verify", "--json"])?;
    ensure!(ran.code == Some(0), "{}", ran.told());
    let report = last_line(&ran.out)?;
    ensure!(report["drift"] == 0 && report["listed"].as_u64() > Some(5), "{report}");

    home.sql(
        "DELETE FROM messages WHERE id = (SELECT m.id FROM messages m WHERE m.conversation_pk = \
         (SELECT conversation_pk FROM messages GROUP BY conversation_pk HAVING COUNT(*) > 3 LIMIT 1) \
         ORDER BY m.delivered_at LIMIT 1)",
    )?;
    let ran = home.room.run(&["verify", "--deep"])?;
    ensure!(ran.code == Some(9), "{}", ran.told());
    ensure!(ran.out.contains("messages are not here (1)") && ran.out.contains("--repair"), "{}", ran.out);
    let ledger = home.room.run(&["status", "--drift"])?;
    ensure!(ledger.out.contains("1 with drift") && ledger.out.contains("verify --repair"), "{}", ledger.out);
    let doctor = home.room.run(&["doctor"])?;
    ensure!(doctor.out.contains("1 conversations differ from LinkedIn"), "{}", doctor.out);

    let ran = home.room.run(&["verify", "--account", &home.account, "--deep", "--repair", "--json"])?;
    ensure!(ran.code == Some(0) && last_line(&ran.out)?["repaired"] == 1, "{}", ran.told());
    let export = home.room.run(&["export", "--format", "jsonl", "--account", &home.account])?;
    ensure!(export.out == home.linkedin.truth()?, "the mirror differs from the truth");
    let status = home.room.run(&["status", "--json"])?;
    let status = last_line(&status.out)?;
    ensure!(status["freshness"]["state"] == "fresh" && status["drifted"] == 0, "{status}");
    home.linkedin.assert_only_read()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_names_what_is_not_complete_and_says_what_to_do() -> Result<()> {
    let home = Home::synced().await?;
    let whole = home.room.run(&["status", "--conversations", "--json"])?;
    let lines: Result<Vec<Value>, _> = whole.out.lines().map(serde_json::from_str).collect();
    let listed = lines?.into_iter().filter(|line| line["kind"] == "conversation").count();
    ensure!(listed > 5, "{}", whole.out);
    home.sql(
        "UPDATE tracks SET completeness = 'set_aside', due_rank = NULL, \
         detail = REPLACE(REPLACE(detail, '\"completeness\":\"complete\"', '\"completeness\":\"set_aside\"'), \
         '\"trouble\":null', '\"trouble\":\"it cannot be read\"') \
         WHERE conversation_pk = (SELECT MIN(conversation_pk) FROM tracks WHERE completeness = 'complete')",
    )?;
    home.sql(
        "INSERT INTO oddities SELECT pk, 'abcd', NULL, 'a strange record', '{\"secret\":1}', 2, 1, 2 FROM accounts",
    )?;
    let ran = home.room.run(&["status", "--conversations", "--incomplete"])?;
    ensure!(ran.out.contains("it cannot be read") && ran.out.contains("`threadkeep sync --force`"), "{}", ran.out);
    ensure!(ran.out.contains("1 conversations,"), "{}", ran.out);
    let oddities = home.room.run(&["oddities"])?;
    ensure!(oddities.out.contains("a strange record") && !oddities.out.contains("secret"), "{}", oddities.out);
    ensure!(home.room.run(&["oddities", "--raw"])?.out.contains("secret"));
    let doctor = home.room.run(&["doctor"])?;
    for line in ["1 conversations are set aside", "1 records could not be read"] {
        ensure!(doctor.out.contains(line), "{line}: {}", doctor.out);
    }
    let list = home.room.run(&["account", "list"])?;
    ensure!(list.out.contains("fresh as of"), "{}", list.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_ends_soon_is_told_with_the_command_that_renews_it() -> Result<()> {
    let mut home = Home::synced().await?;
    let doctor = home.room.run(&["doctor"])?;
    ensure!(doctor.out.contains("it did not come with a date"), "{}", doctor.out);
    let until = |days: i64| format!("UPDATE accounts SET login_expires_at = (unixepoch() + {days} * 86400) * 1000");
    let renews = format!("`threadkeep account reconnect {}`", home.account);
    let told = |days: i64| -> Result<(String, Value)> {
        home.sql(&until(days))?;
        let doctor = home.room.run(&["doctor", "--json"])?;
        let checks: Value = serde_json::from_str(&doctor.out)?;
        let lines = checks["checks"].as_array().context("checks")?;
        let line = lines.iter().find(|check| check["check"] == "login").context("a line")?;
        Ok((format!("{} {}", line["state"].as_str().unwrap_or_default(), line["remedy"]), line["found"].clone()))
    };
    let (far, found) = told(20)?;
    ensure!(far == "ok null" && found.as_str().is_some_and(|found| found.contains("ends at")), "{far} {found}");
    let (soon, _) = told(13)?;
    ensure!(soon.starts_with("warn") && soon.contains(&renews), "{soon}");
    let status = home.room.run(&["status"])?;
    ensure!(status.out.contains("login          ends at") && status.out.contains(&renews), "{}", status.told());
    let (past, _) = told(-1)?;
    // The sync of a moment ago was answered after that date.
    ensure!(past.starts_with("warn") && past.contains(&renews), "{past}");
    home.sql("UPDATE accounts SET last_sync_at = 1, inbox = json_set(inbox, '$.token_at', 1)")?;
    let (past, _) = told(-1)?;
    ensure!(past.starts_with("fail") && past.contains(&renews), "{past}");
    let object = last_line(&home.room.run(&["status", "--json"])?.out)?;
    ensure!(object["loginExpiresAt"].as_str().is_some_and(|at| at.ends_with("Z")), "{object}");
    // Nor does the doctor need a key to tell it: a date is no secret.
    home.room = home.room.with("THREADKEEP_MASTER_KEY_FILE", "elsewhere.key");
    let keyless = home.room.run(&["doctor"])?;
    ensure!(keyless.out.contains("fail  login") && keyless.out.contains("fail  key"), "{}", keyless.told());
    home.sql("UPDATE accounts SET login_expires_at = 9223372036854775807")?;
    let absurd = home.room.run(&["doctor"])?;
    ensure!(absurd.out.contains("ok    login"), "{}", absurd.told());
    Ok(())
}
