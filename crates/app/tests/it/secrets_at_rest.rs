//! What a thief of the database finds: no cookie and no key; and what becomes of values that were tampered with.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use threadkeep::seal::SESSIONS;
use threadkeep::store::OpenOptions;
use threadkeep::verbs::secrets;
use threadkeep_sim::{GenerateOptions, World};

use crate::cli_harness::Room;
use crate::harness::SimulatedLinkedIn;
use crate::planted::Planted;
use crate::secrets_home::Home;
use crate::store_database::Database;
use crate::store_fixture::account_id;

const NOW_MS: i64 = 1_790_000_000_000;

/// Tables that hold something, by name.
const TABLES: &str = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'";

async fn linkedin() -> Result<SimulatedLinkedIn> {
    let options = GenerateOptions { seed: 9, conversations: 3, messages_mean: 3.0, ..GenerateOptions::at(NOW_MS) };
    SimulatedLinkedIn::start(World::generate(&options)).await
}

/// Connects, makes a key, syncs and changes the master key; tells what must not be found anywhere.
fn lived_in(room: &Room, linkedin: &SimulatedLinkedIn) -> Result<Planted> {
    let cookie = linkedin.credentials()?.1;
    let mut planted = Planted::default();
    for part in cookie.split("; ") {
        let (name, value) = part.split_once('=').context("a cookie")?;
        if ["li_at", "JSESSIONID"].contains(&name) {
            planted.plant(name, value.trim_matches('"'));
        }
    }
    let added = room.run_with(&["account", "add", "--cookies-file", "-"], &cookie)?;
    ensure!(added.code == Some(0), "{}", added.told());
    let key = room.run(&["key", "create", "--scopes", "admin"])?.out.trim().to_owned();
    planted.plant("API key", &key);
    planted.plant("secret of the API key", key.rsplit('_').next().context("a key")?);
    planted.plant("master key", std::fs::read_to_string(room.path("mirror.key"))?.trim());
    for words in [&["sync", "--force"][..], &["secrets", "rotate", "--data-keys"], &["sync", "--force"]] {
        let ran = room.run(words)?;
        ensure!(ran.code == Some(0), "{words:?}: {}", ran.told());
    }
    planted.plant("new master key", std::fs::read_to_string(room.path("mirror.key"))?.trim());
    Ok(planted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_46_no_cookie_and_no_key_lies_in_the_files_of_sqlite() -> Result<()> {
    let linkedin = linkedin().await?;
    let room = Room::new()?
        .with("THREADKEEP_DATA_DIR", "mirror")
        .with("THREADKEEP_UPSTREAM_URL", &linkedin.url())
        .with("THREADKEEP_PACE", "open");
    // Somebody else has the database open, so that the log beside the file is not folded in.
    ensure!(room.run(&["db", "migrate"])?.code == Some(0));
    let url = format!("sqlite:{}", room.path("mirror/threadkeep.db").display());
    let open = threadkeep::store::open(&url, OpenOptions::default()).await?;
    let mut planted = lived_in(&room, &linkedin)?;
    ensure!(std::fs::metadata(room.path("mirror/threadkeep.db-wal"))?.len() > 0, "there is a log to be searched");
    let backup = rusqlite::Connection::open(room.path("mirror/threadkeep.db"))?;
    let to = room.path("mirror/backup.db").display().to_string();
    backup.execute("VACUUM INTO ?", [&to])?;
    planted.search_folder(&room.path("mirror"))?;
    open.close().await;
    planted.search_folder(&room.path("mirror"))?;
    let export = room.run(&["export", "--format", "jsonl"])?;
    ensure!(export.code == Some(0) && !export.out.is_empty(), "{}", export.told());
    planted.search("export", export.out.as_bytes());
    planted.assert_unseen(5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_46_no_cookie_and_no_key_lies_in_postgresql() -> Result<()> {
    let Some(db) = Database::postgres("row_46").await? else { return Ok(()) };
    let linkedin = linkedin().await?;
    let room = Room::new()?
        .with("THREADKEEP_DATA_DIR", "mirror")
        .with("THREADKEEP_DATABASE_URL", &db.url)
        .with("THREADKEEP_UPSTREAM_URL", &linkedin.url())
        .with("THREADKEEP_PACE", "open");
    let mut planted = lived_in(&room, &linkedin)?;
    let pool = sqlx::PgPool::connect(&db.url).await?;
    let tables: String = sqlx::query_scalar(TABLES).fetch_one(&pool).await?;
    for table in tables.split(',') {
        let text = format!("SELECT COALESCE(string_agg(t::text, chr(10)), '') FROM \"{table}\" t");
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_one(&pool).await?;
        planted.search(table, rows.as_bytes());
    }
    pool.close().await;
    // A dump is the backup; where the program for it is missing, the tables above stand for it.
    if let Ok(dump) = Command::new("pg_dump").arg("--dbname").arg(&db.url).output()
        && dump.status.success()
    {
        ensure!(String::from_utf8_lossy(&dump.stdout).contains("data_keys"));
        planted.search("dump", &dump.stdout);
    }
    planted.assert_unseen(10);
    db.finish().await
}

#[tokio::test]
async fn row_47_a_wrong_master_key_refuses_to_start_and_changes_nothing() -> Result<()> {
    let db = Database::sqlite().await?;
    let mut home = Home::new(&db).await?;
    home.connect(1..=1).await?;
    let sealed = home.store.sealed_session(&account_id(1)?).await?;
    let key = home.store.data_key(&account_id(1)?, None).await?;
    home.room = home.room.with("THREADKEEP_MASTER_KEY", &"0f".repeat(32));
    let all: [&[&str]; 6] = [
        &["account", "list"],
        &["sync"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["secrets", "rotate"],
        &["secrets", "status"],
        &["key", "create"],
    ];
    for words in all {
        let ran = home.room.run(words)?;
        ensure!(ran.code == Some(8) && ran.out.is_empty(), "{words:?}: {}", ran.told());
        ensure!(ran.err.contains("is not the key") && !ran.err.contains("0f0f"), "{words:?}: {}", ran.told());
    }
    ensure!(home.store.sealed_session(&account_id(1)?).await? == sealed, "nothing is overwritten");
    ensure!(home.store.data_key(&account_id(1)?, None).await? == key, "nothing is overwritten");
    ensure!(home.store.keys().await?.is_empty());
    home.room = home.room.with("THREADKEEP_MASTER_KEY", "");
    ensure!(home.room.run(&["account", "list"])?.code == Some(0));
    db.finish().await
}

#[tokio::test]
async fn row_47_what_was_tampered_with_is_noticed_and_its_account_alone_stops() -> Result<()> {
    let db = Database::sqlite().await?;
    let home = Home::new(&db).await?;
    home.connect(1..=5).await?;
    let app = home.app().await?;
    let pk = |number: u32| anyhow::Ok(format!("(SELECT pk FROM accounts WHERE id = '{}')", account_id(number)?));
    // One bit of a session; one of a data key; a session, and one with its data key, moved to other accounts.
    let mut sealed = home.store.sealed_session(&account_id(1)?).await?.context("no session")?;
    if let Some(last) = sealed.last_mut() {
        *last ^= 1;
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    db.raw(&format!("UPDATE sessions SET sealed = x'{}' WHERE account_pk = {}", hex(&sealed), pk(1)?)).await?;
    let mut wrapped = home.store.data_key(&account_id(2)?, None).await?.context("no key")?.wrapped;
    wrapped[30] ^= 0x80;
    let id = account_id(2)?;
    db.raw(&format!("UPDATE data_keys SET wrapped = x'{}' WHERE account_id = '{id}'", hex(&wrapped))).await?;
    let fifth = home.store.sealed_session(&account_id(5)?).await?.context("no session")?;
    for number in [3, 4] {
        db.raw(&format!("UPDATE sessions SET sealed = x'{}' WHERE account_pk = {}", hex(&fifth), pk(number)?)).await?;
    }
    let fifth_key = home.store.data_key(&account_id(5)?, None).await?.context("no key")?;
    let id = account_id(4)?;
    db.raw(&format!("UPDATE data_keys SET wrapped = x'{}' WHERE account_id = '{id}'", hex(&fifth_key.wrapped))).await?;

    for number in 1..=4 {
        let id = account_id(number)?;
        let kept = home.store.sealed_session(&id).await?;
        let opened = secrets::open(&app, SESSIONS, &id, kept.as_deref().unwrap_or_default()).await;
        ensure!(opened.is_err_and(|refusal| refusal.code() == "secret_unreadable"), "{number} was opened");
        let ran = home.room.run(&["sync", "--account", id.as_str(), "--json"])?;
        let report: Value = serde_json::from_str(&ran.out).with_context(|| ran.told())?;
        ensure!(report["code"] == "secret_unreadable" && ran.code != Some(0), "{number}: {report}");
        let shown: Value = serde_json::from_str(&home.room.run(&["account", "show", id.as_str(), "--json"])?.out)?;
        ensure!(shown["lastError"]["code"] == "secret_unreadable", "{number}: {shown}");
        ensure!(home.store.sealed_session(&id).await? == kept, "nothing is overwritten");
    }
    home.assert_opens(5..=5, "untouched").await?;
    let status = home.status()?;
    ensure!(status["unreadableAccounts"].as_array().is_some_and(|ids| ids.len() == 4), "{status}");
    db.finish().await
}

#[cfg(unix)]
#[tokio::test]
async fn the_doctor_tells_how_to_mend_an_exposed_key_file() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let db = Database::sqlite().await?;
    let home = Home::new(&db).await?;
    let set = |mode: u32| std::fs::set_permissions(home.key_file(), std::fs::Permissions::from_mode(mode));
    for mode in [0o644, 0o640, 0o604] {
        set(mode)?;
        let refused = home.room.run(&["account", "list"])?;
        ensure!(refused.code == Some(8) && refused.err.contains("chmod 600 ROOM/mirror.key"), "{}", refused.told());
        let ran = home.room.run(&["doctor", "--json"])?;
        let report: Value = serde_json::from_str(&ran.out)?;
        let checks = report["checks"].as_array().context("no checks")?;
        let key = checks.iter().find(|check| check["check"] == "key").context("no check of the key")?;
        ensure!(ran.code == Some(1) && key["state"] == "fail", "{key}");
        ensure!(key["remedy"] == "run `chmod 600 ROOM/mirror.key`", "{mode:o}: {key}");
    }
    // What the remedy says works.
    set(0o600)?;
    ensure!(home.room.run(&["doctor", "--json"])?.out.contains("\"check\":\"key\",\"found\":\"ROOM/mirror.key: "));
    ensure!(home.room.run(&["account", "list"])?.code == Some(0));
    db.finish().await
}
