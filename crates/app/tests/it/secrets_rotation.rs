//! Changing the master key: stopped after any step, everything starts, opens and goes on.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use threadkeep::seal::{KeyFile, KeySource, MasterKey, SESSIONS, SealedBy, Sealer};
use threadkeep::store::{Actor, AuditFilter, MASTER_KEY, MASTER_KEY_BEFORE};
use threadkeep::verbs::rotation::{Rotation, RotationStep};
use threadkeep::verbs::secrets;
use threadkeep_sim::{GenerateOptions, World};

use crate::canaries::Server;
use crate::cli_harness::Room;
use crate::harness::SimulatedLinkedIn;
use crate::secrets_home::{Home, assert_opens, plain};
use crate::store_database::Database;
use crate::store_fixture::account_id;

const NOW_MS: i64 = 1_790_000_000_000;
/// Steps of a change; a test that takes more has a mistake.
const STEPS_MAX: usize = 50;

crate::on_both_databases!(
    row_48_stopped_after_any_step_everything_opens_and_the_next_run_finishes,
    row_48_a_running_server_follows_a_change,
    row_48_keys_from_the_environment_are_changed_in_steps,
    data_keys_are_renewed_when_asked_for,
);

fn source(home: &Home) -> KeySource {
    KeySource::new(None, None, &home.key_file())
}

/// Takes steps as a process that is killed after so many; tells how many there were, and the last.
async fn stopped_after(home: &Home, steps: usize) -> Result<(usize, Option<RotationStep>)> {
    let app = home.app().await?;
    let mut rotation = Rotation::new(Actor::Setup, source(home), false);
    let mut last = None;
    for taken in 0..steps {
        match rotation.step(&app).await? {
            Some(step) => last = Some(step),
            None => return Ok((taken, last)),
        }
    }
    Ok((steps, last))
}

async fn row_48_stopped_after_any_step_everything_opens_and_the_next_run_finishes(db: &Database) -> Result<()> {
    let home = Home::new(db).await?;
    home.connect(1..=3).await?;
    let mut accounts = 3;
    let mut all_steps = 0;
    for stop in 0..STEPS_MAX {
        let before = home.status()?;
        accounts += 1;
        home.connect_directly(accounts).await?;
        let (taken, last) = stopped_after(&home, stop).await?;
        let when = format!("stopped after {stop} steps ({last:?})");
        home.assert_opens(1..=accounts, &when).await?;
        let status = home.status().context(when.clone())?;
        ensure!(status["unreadableAccounts"].as_array().is_some_and(Vec::is_empty), "{when}: {status}");
        // New logins go on in the middle of a change.
        accounts += 1;
        home.connect(accounts..=accounts).await?;

        let ran = home.rotate(&[])?;
        ensure!(ran.code == Some(0), "{when}: {}", ran.told());
        home.assert_opens(1..=accounts, &when).await?;
        let after = home.status()?;
        ensure!(after["rotationUnfinished"] == false && after["sessionsOfEarlierForm"] == 0, "{when}: {after}");
        ensure!(after["keyId"] != before["keyId"], "{when}: the key is another one");
        ensure!(after["dataKeys"].as_array().is_some_and(|keys| keys.len() == 1), "{when}: {after}");
        ensure!(after["dataKeys"][0]["dataKeys"] == accounts, "{when}: {after}");
        if taken < stop {
            all_steps = taken;
            break;
        }
    }
    // Made, begun, taken, wrapped, sealed anew, ended.
    ensure!(all_steps == 6, "{all_steps} steps were tried");
    let old = home.room.run(&["secrets", "status"])?.out.lines().filter(|line| line.starts_with("old key")).count();
    ensure!(old >= all_steps, "every old key is kept: {old}");
    Ok(())
}

#[tokio::test]
async fn row_48_stopped_within_a_step_that_changes_files_the_next_run_finishes() -> Result<()> {
    let db = Database::sqlite().await?;
    let home = Home::new(&db).await?;
    home.connect(1..=2).await?;
    // Made and begun; then killed between keeping the old key and putting the new one into its place.
    stopped_after(&home, 2).await?;
    let file = KeyFile::at(&home.key_file());
    let old = file.load()?.context("no key")?;
    std::fs::copy(home.key_file(), file.old_path(&old))?;
    home.assert_opens(1..=2, "kept").await?;
    ensure!(home.status()?["rotationUnfinished"] == true);
    // A half-written file of a killed process is looked at by nobody.
    std::fs::write(home.room.path("mirror.key.new.1.part"), "0f0f")?;
    let ran = home.rotate(&[])?;
    ensure!(ran.code == Some(0), "{}", ran.told());
    let told: serde_json::Value = serde_json::from_str(&ran.out)?;
    ensure!(told["resumed"] == true && told["dataKeysRewrapped"] == 2, "{told}");
    home.assert_opens(1..=2, "after").await?;
    // The key file alone is enough now, and the old key still opens a backup from before.
    std::fs::remove_file(file.old_path(&old))?;
    ensure!(home.room.run(&["account", "list"])?.code == Some(0));
    home.assert_opens(1..=2, "without the old key").await?;
    db.finish().await
}

async fn row_48_a_running_server_follows_a_change(db: &Database) -> Result<()> {
    let home = Home::new(db).await?;
    home.connect(1..=2).await?;
    home.connect_directly(3).await?;
    // A server that runs all the time, and one that only reads now and then.
    let server = home.app().await?;
    let sleeper = home.app().await?;
    let rotator = home.app().await?;
    let mut rotation = Rotation::new(Actor::Setup, source(&home), false);
    let mut number = 3;
    while let Some(step) = rotation.step(&rotator).await? {
        let when = format!("{step:?}");
        assert_opens(&server, 1..=number, &when).await?;
        // It renews a session, and somebody connects an account.
        let id = account_id(1)?;
        let sealed = secrets::seal(&server, SESSIONS, &id, &plain(1)).await?;
        ensure!(SealedBy::of(&sealed)? == SealedBy::Data(1), "{when}");
        number += 1;
        let fresh = secrets::seal(&server, SESSIONS, &account_id(number)?, &plain(number)).await?;
        let sealed_session = crate::store_fixture::sealed(&fresh);
        let login = threadkeep::store::Login { sealed_session, ..crate::store_fixture::login(number)? };
        home.store.log_in(&login, crate::store_fixture::NOW).await?;
    }
    assert_opens(&sleeper, 1..=number, "at the end").await?;
    assert_opens(&server, 1..=number, "at the end").await?;
    let in_use = home.store.setting(MASTER_KEY).await?;
    let counts = home.store.data_key_counts().await?;
    ensure!(counts.len() == 1 && Some(&counts[0].0) == in_use.as_ref(), "{counts:?}");
    let acts: Vec<&str> =
        home.store.audit_lines(&AuditFilter::default(), 10).await?.iter().map(|(_, line)| line.act.as_str()).collect();
    ensure!(acts == ["secrets_rotated", "rotation_begun"], "{acts:?}");
    Ok(())
}

async fn row_48_keys_from_the_environment_are_changed_in_steps(db: &Database) -> Result<()> {
    let (old, new) = ("0a".repeat(32), "0b".repeat(32));
    let mut home = Home::new(db).await?;
    db.raw("DELETE FROM settings").await?;
    home.room = home.room.with("THREADKEEP_MASTER_KEY", &old);
    ensure!(home.room.run(&["account", "list"])?.code == Some(0));
    let (old_key, new_key) = (MasterKey::from_text(&old)?, MasterKey::from_text(&new)?);
    let app = home.app_with(Sealer::new(&old_key))?;
    let sealed_session =
        crate::store_fixture::sealed(&secrets::seal(&app, SESSIONS, &account_id(1)?, &plain(1)).await?);
    let login = threadkeep::store::Login { sealed_session, ..crate::store_fixture::login(1)? };
    home.store.log_in(&login, crate::store_fixture::NOW).await?;

    let refused = home.rotate(&[])?;
    ensure!(refused.code == Some(2) && refused.err.contains("THREADKEEP_NEW_MASTER_KEY"), "{}", refused.told());
    home.room = home.room.with("THREADKEEP_NEW_MASTER_KEY", &new);
    ensure!(home.room.run(&["account", "list"])?.code == Some(0), "a server with both keys, before");
    // Killed once the database uses the new key.
    let source = KeySource::new(Some(old.clone().into()), Some(new.clone().into()), &home.key_file());
    let both = home.app_with(Sealer::with_source(&old_key, source.clone()))?;
    Rotation::new(Actor::Setup, source, false).step(&both).await?;
    ensure!(home.store.setting(MASTER_KEY_BEFORE).await?.is_some());
    assert_opens(&both, 1..=1, "begun").await?;
    ensure!(home.status()?["rotationUnfinished"] == true);
    for again in ["finishes", "has nothing to do"] {
        let ran = home.rotate(&[])?;
        ensure!(ran.code == Some(0), "{again}: {}", ran.told());
        assert_opens(&both, 1..=1, again).await?;
    }
    // A server that was left out refuses, and changes nothing.
    let left_out = home.app_with(Sealer::new(&old_key))?;
    ensure!(assert_opens(&left_out, 1..=1, "left out").await.is_err());
    ensure!(secrets::seal(&left_out, SESSIONS, &account_id(2)?, b"x").await.is_err());
    ensure!(home.store.data_key(&account_id(2)?, None).await?.is_none());
    home.room = home.room.with("THREADKEEP_NEW_MASTER_KEY", "");
    ensure!(home.room.run(&["account", "list"])?.code == Some(8), "the old key alone");
    home.room = home.room.with("THREADKEEP_MASTER_KEY", &new);
    ensure!(home.room.run(&["account", "list"])?.code == Some(0), "the new key alone");
    assert_opens(&home.app_with(Sealer::new(&new_key))?, 1..=1, "the new key alone").await
}

#[tokio::test]
async fn a_new_key_can_be_given_in_a_file() -> Result<()> {
    let db = Database::sqlite().await?;
    let home = Home::new(&db).await?;
    home.connect(1..=1).await?;
    home.room.write("given.key", &"0c".repeat(32))?;
    let exposed = home.rotate(&["--new-key-file", "given.key"])?;
    ensure!(exposed.code == Some(8) && exposed.err.contains("chmod 600"), "{}", exposed.told());
    make_private(&home.room.path("given.key"))?;
    let missing = home.rotate(&["--new-key-file", "none.key"])?;
    ensure!(missing.code == Some(8) && missing.err.contains("none.key"), "{}", missing.told());
    let ran = home.rotate(&["--new-key-file", "given.key"])?;
    ensure!(ran.code == Some(0), "{}", ran.told());
    ensure!(home.key_text()? == "0c".repeat(32) && !ran.out.contains("0c0c") && !ran.err.contains("0c0c"));
    home.assert_opens(1..=1, "given").await?;
    let again: serde_json::Value = serde_json::from_str(&home.rotate(&["--new-key-file", "given.key"])?.out)?;
    ensure!(again["changed"] == false, "{again}");

    // Another key waits already: nobody can know which one is meant.
    std::fs::write(home.room.path("mirror.key.new"), "0d".repeat(32))?;
    make_private(&home.room.path("mirror.key.new"))?;
    home.room.write("other.key", &"0e".repeat(32))?;
    make_private(&home.room.path("other.key"))?;
    let two = home.rotate(&["--new-key-file", "other.key"])?;
    ensure!(two.code == Some(4) && two.err.contains("mirror.key.new"), "{}", two.told());
    home.assert_opens(1..=1, "refused").await?;
    db.finish().await
}

#[cfg(unix)]
fn make_private(path: &PathBuf) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
}

async fn data_keys_are_renewed_when_asked_for(db: &Database) -> Result<()> {
    let home = Home::new(db).await?;
    home.connect(1..=2).await?;
    for version in 2..=4_u32 {
        let ran = home.rotate(&["--data-keys"])?;
        ensure!(ran.code == Some(0), "{}", ran.told());
        home.assert_opens(1..=2, "renewed").await?;
        let sealed = home.store.sealed_session(&account_id(1)?).await?.context("no session")?;
        ensure!(SealedBy::of(&sealed)? == SealedBy::Data(version));
    }
    ensure!(db.count("SELECT COUNT(*) FROM data_keys").await? == 4, "the present ones and those before");
    Ok(())
}

#[tokio::test]
async fn a_session_that_nothing_opens_is_named_and_stops_no_change() -> Result<()> {
    let db = Database::sqlite().await?;
    let home = Home::new(&db).await?;
    home.connect(1..=3).await?;
    db.raw(&format!("UPDATE data_keys SET wrapped = x'01' WHERE account_id = '{}'", account_id(2)?)).await?;
    let ran = home.rotate(&[])?;
    ensure!(ran.code == Some(8), "{}", ran.told());
    ensure!(ran.err.contains(account_id(2)?.as_str()) && ran.err.contains("reconnect"), "{}", ran.err);
    home.assert_opens(1..=1, "after").await?;
    home.assert_opens(3..=3, "after").await?;
    ensure!(home.status()?["rotationUnfinished"] == false);
    let doctor = home.room.run(&["doctor"])?;
    ensure!(doctor.code == Some(1) && doctor.out.contains(account_id(2)?.as_str()), "{}", doctor.out);
    // A new login repairs it: a newer data key is made beside the broken one.
    home.connect(2..=2).await?;
    home.assert_opens(1..=3, "connected again").await?;
    db.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_48_the_real_server_syncs_on_while_the_key_is_changed() -> Result<()> {
    let options = GenerateOptions { seed: 8, conversations: 4, messages_mean: 3.0, ..GenerateOptions::at(NOW_MS) };
    let linkedin = SimulatedLinkedIn::start(World::generate(&options)).await?;
    let room = Room::new()?
        .with("THREADKEEP_DATA_DIR", "mirror")
        .with("THREADKEEP_UPSTREAM_URL", &linkedin.url())
        .with("THREADKEEP_PACE", "open");
    let added = room.run_with(&["account", "add", "--cookies-file", "-"], &linkedin.credentials()?.1)?;
    let id = added.out.trim().to_owned();
    let key = room.run(&["key", "create", "--scopes", "sync"])?.out.trim().to_owned();
    let server = Server::start(&room, &room.path("serve.log"))?;
    for turn in 0..3 {
        let ran = room.run(&[&["secrets", "rotate"][..], if turn == 1 { &["--data-keys"] } else { &[] }].concat())?;
        ensure!(ran.code == Some(0), "{}", ran.told());
        // LinkedIn renews the cookies, too, so that the server seals as well as opens.
        linkedin.set_faults(&serde_json::json!({ "rotate_routing_cookie": { "at": [1] } }))?;
        let body = serde_json::json!({ "accountId": id, "force": true }).to_string();
        let (status, answer) = server.ask(&key, "POST", "/conversations/sync", &body)?;
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        ensure!(status == 200 && answer["success"] == true && answer["completed"] == true, "{turn}: {status} {answer}");
    }
    let status: serde_json::Value = serde_json::from_str(&room.run(&["secrets", "status", "--json"])?.out)?;
    ensure!(status["unreadableAccounts"] == serde_json::json!([]) && status["sessions"] == 1, "{status}");
    drop(server);
    // Without any of the old keys.
    for path in KeyFile::at(&room.path("mirror.key")).old_paths() {
        std::fs::remove_file(path)?;
    }
    let synced = room.run(&["sync", "--force"])?;
    ensure!(synced.code == Some(0), "{}", synced.told());
    Ok(())
}
