//! The command line as scripts and people meet it: exit codes, what goes to which stream, errors that say what to do.

use anyhow::Result;
use serde_json::Value;
use threadkeep_sim::{GenerateOptions, World};

use crate::cli_harness::Room;
use crate::harness::SimulatedLinkedIn;

const NOW_MS: i64 = 1_790_000_000_000;
const NOBODY: &str = "0123456789abcdef01234567";

#[test]
fn exit_codes_are_as_documented() -> Result<()> {
    let room = Room::new()?;
    let cases: [(&[&str], i32); 13] = [
        (&["--version"], 0),
        (&["account", "list"], 0),
        (&["key", "list", "--json"], 0),
        (&["status", "--json"], 0),
        (&["fetch"], 2),
        (&["sync", "--account", "short"], 2),
        (&["key", "create", "--scopes", "write"], 2),
        (&["--set", "recent_ms", "config", "check"], 2),
        (&["serve", "--listen", "0.0.0.0:0"], 2),
        (&["sync", "--account", NOBODY], 3),
        (&["export", "--format", "jsonl", "--account", NOBODY], 3),
        (&["sync"], 3),
        (&["key", "revoke", "0123456789ab"], 3),
    ];
    for (words, code) in cases {
        let ran = room.run(words)?;
        assert_eq!(ran.code, Some(code), "{words:?}: {}", ran.told());
        if code != 0 {
            assert!(ran.err.contains("error: ") && ran.out.is_empty(), "{words:?}: {}", ran.told());
        }
    }
    Ok(())
}

#[test]
fn a_new_key_stands_alone_on_standard_output() -> Result<()> {
    let room = Room::new()?;
    let ran = room.run(&["key", "create", "--scopes", "read", "--label", "dashboard"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    let key = ran.out.strip_suffix('\n').unwrap_or_default();
    assert!(key.starts_with("tk_") && key.len() > 40 && !key.contains(char::is_whitespace), "{key}");
    assert!(!ran.err.contains(key), "the key is shown once");

    let listed: Value = serde_json::from_str(&room.run(&["key", "list", "--json"])?.out)?;
    let id = key.split('_').nth(1).unwrap_or_default();
    assert_eq!((&listed[0]["id"], &listed[0]["label"]), (&id.into(), &"dashboard".into()));
    assert_eq!((&listed[0]["scopes"][0], &listed[0]["accounts"]), (&"read".into(), &Value::Null));
    assert_eq!(room.run(&["key", "revoke", id])?.code, Some(0));
    assert!(room.run(&["key", "list"])?.out.contains("revoked"));
    Ok(())
}

#[test]
fn a_key_for_an_account_that_does_not_exist_is_not_made() -> Result<()> {
    let room = Room::new()?;
    let ran = room.run(&["key", "create", "--accounts", NOBODY])?;
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
    assert_eq!(room.run(&["key", "list", "--json"])?.out, "[]\n");
    Ok(())
}

#[test]
fn row_40_bad_cookies_are_refused_before_anything_is_asked() -> Result<()> {
    let room = Room::new()?;
    room.write("half.txt", "JSESSIONID=\"ajax:1234567890123456789\"; lang=v=2&lang=en-us")?;
    let ran = room.run(&["account", "add", "--cookies-file", "half.txt"])?;
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    assert!(ran.err.contains("li_at") && ran.err.contains("hint: "), "{}", ran.err);
    assert!(!ran.err.contains("ajax:1234567890123456789"), "{}", ran.err);

    let ran = room.run_with(&["account", "add", "--cookies-file", "-"], "no session at all")?;
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    let ran = room.run(&["account", "add", "--cookies-file", "none.txt"])?;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("none.txt cannot be read"), "{}", ran.err);
    assert_eq!(room.run(&["account", "list", "--json"])?.out, "[]\n");
    Ok(())
}

#[test]
fn an_upstream_that_cannot_be_reached_stores_nothing() -> Result<()> {
    let room = Room::new()?;
    let cookies = format!("li_at={}; JSESSIONID=\"ajax:1234567890123456789\"", "A".repeat(152));
    let ran = room.run_with(&["account", "add", "--cookies-file", "-"], &cookies)?;
    assert_eq!((ran.code, ran.out.as_str()), (Some(6), ""), "{}", ran.err);
    assert!(!ran.err.contains("AAAA") && !ran.err.contains("ajax:"), "{}", ran.err);
    assert_eq!(room.run(&["account", "list", "--json"])?.out, "[]\n");
    Ok(())
}

#[test]
fn another_key_or_none_refuses_to_start() -> Result<()> {
    let room = Room::new()?.with("THREADKEEP_DATA_DIR", "mirror");
    assert_eq!(room.run(&["account", "list"])?.code, Some(0));
    let file = room.path("mirror.key");
    let kept = room.path("kept.key");
    std::fs::rename(&file, &kept)?;

    let ran = room.run(&["account", "list"])?;
    assert_eq!(ran.code, Some(8), "{}", ran.told());
    assert!(ran.err.contains("ROOM/mirror.key is missing"), "{}", ran.err);
    assert!(!file.exists(), "no new key may be made in its place");
    assert_eq!(room.run(&["doctor"])?.code, Some(1));

    let other = room.with("THREADKEEP_MASTER_KEY", &"0f".repeat(32));
    let ran = other.run(&["account", "list"])?;
    assert_eq!(ran.code, Some(8), "{}", ran.told());
    assert!(!ran.err.contains("0f0f"), "{}", ran.err);

    std::fs::rename(&kept, &file)?;
    let room = other.with("THREADKEEP_MASTER_KEY", "");
    assert_eq!(room.run(&["account", "list"])?.code, Some(0));
    Ok(())
}

#[cfg(unix)]
#[test]
fn data_and_key_are_private() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let room = Room::new()?.with("THREADKEEP_DATA_DIR", "mirror");
    assert_eq!(room.run(&["account", "list"])?.code, Some(0));
    for name in ["mirror", "mirror/threadkeep.db", "mirror.key"] {
        let mode = std::fs::metadata(room.path(name))?.permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
    }
    Ok(())
}

#[test]
fn the_schema_is_migrated_when_asked() -> Result<()> {
    let room = Room::new()?;
    let ran = room.run(&["db", "status", "--json"])?;
    assert_eq!(ran.code, Some(4), "{}", ran.told());
    assert_eq!(serde_json::from_str::<Value>(&ran.out)?["upToDate"], false);
    assert_eq!(room.run(&["db", "migrate"])?.code, Some(0));
    assert_eq!(room.run(&["db", "status"])?.code, Some(0));
    Ok(())
}

#[test]
fn the_doctor_tells_what_to_do_and_asks_nobody() -> Result<()> {
    let room = Room::new()?;
    let ran = room.run(&["doctor", "--json"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    let report: Value = serde_json::from_str(&ran.out)?;
    assert_eq!(report["ok"], true);
    assert!(!room.path(".local/share/threadkeep").exists(), "the doctor makes nothing");

    let room = room.with("THREADKEEP_UPSTREAM_URL", "https://linkedin.example");
    let ran = room.run(&["doctor"])?;
    assert_eq!(ran.code, Some(1), "{}", ran.told());
    assert!(ran.out.contains("fail  upstream"), "{}", ran.out);
    let ran = room.with("THREADKEEP_PACE", "fast").run(&["doctor"])?;
    assert!(ran.code == Some(1) && ran.out.contains("fail  configuration"), "{}", ran.out);
    Ok(())
}

#[test]
fn a_half_written_export_is_not_left_behind() -> Result<()> {
    let room = Room::new()?;
    let ran = room.run(&["export", "--account", NOBODY, "--output", "out.jsonl"])?;
    assert_eq!(ran.code, Some(3), "{}", ran.told());
    assert!(!room.path("out.jsonl").exists() && !room.path("out.jsonl.part").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_41_cookies_of_another_member_do_not_replace_a_login() -> Result<()> {
    let options = |seed| GenerateOptions { seed, conversations: 2, messages_mean: 2.0, ..GenerateOptions::at(NOW_MS) };
    let own = SimulatedLinkedIn::start(World::generate(&options(7))).await?;
    let other = SimulatedLinkedIn::start(World::generate(&options(8))).await?;
    let room = Room::new()?.with("THREADKEEP_UPSTREAM_URL", &own.url());
    let added = room.run_with(&["account", "add", "--cookies-file", "-"], &own.credentials()?.1)?;
    assert_eq!(added.code, Some(0), "{}", added.told());
    let account = added.out.trim().to_owned();

    let pasted = other.credentials()?.1;
    let elsewhere = room.with("THREADKEEP_UPSTREAM_URL", &other.url());
    let ran = elsewhere.run_with(&["account", "reconnect", &account, "--cookies-file", "-"], &pasted)?;
    assert_eq!(ran.code, Some(4), "{}", ran.told());
    assert!(ran.err.contains("belong to another member"), "{}", ran.err);
    assert_eq!(elsewhere.run(&["account", "list", "--json"])?.out.matches(&account).count(), 1);

    // The old jar is kept: it still syncs.
    let room = elsewhere.with("THREADKEEP_UPSTREAM_URL", &own.url()).with("THREADKEEP_PACE", "open");
    let ran = room.run(&["sync", "--account", &account, "--force"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    Ok(())
}

#[test]
fn the_audit_log_tells_who_did_what_at_this_command_line() -> Result<()> {
    let room = Room::new()?.with("USER", "olga\u{1b}[31m");
    let key = room.run(&["key", "create", "--label", "quiet label"])?.out.trim().to_owned();
    let id = key.split('_').nth(1).unwrap_or_default();
    assert_eq!(room.run(&["key", "revoke", id])?.code, Some(0));
    assert_eq!(room.run(&["key", "revoke", &key])?.code, Some(3));
    assert_eq!(room.run(&["account", "pause", NOBODY])?.code, Some(3));
    assert_eq!(room.run_with(&["account", "add", "--cookies-file", "-"], "no session")?.code, Some(2));
    let ran = room.run(&["audit", "--json"])?;
    let lines: Result<Vec<Value>, _> = ran.out.lines().map(serde_json::from_str).collect();
    let told: Vec<String> = lines?
        .iter()
        .map(|line| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let object = text(&line["object"]["id"]);
            format!("{} {} {} {}", text(&line["who"]["id"]), text(&line["act"]), object, text(&line["code"]))
        })
        .collect();
    let expected = [
        "olga[31m account_added - bad_cookies".to_owned(),
        format!("olga[31m account_paused {NOBODY} account_not_found"),
        "olga[31m key_revoked - not_found".to_owned(),
        format!("olga[31m key_revoked {id} -"),
        format!("olga[31m key_created {id} -"),
    ];
    assert_eq!(told, expected);
    assert!(!ran.out.contains("quiet") && !ran.out.contains(&key), "{}", ran.out);
    assert_eq!(room.run(&["audit", "--since", "1h", "--limit", "2", "--json"])?.out.lines().count(), 2);
    assert!(room.run(&["audit"])?.out.contains("key_created"));
    let wrong = room.run(&["audit", "--since", "yesterday"])?;
    assert!(wrong.code == Some(2) && wrong.err.contains("7d"), "{}", wrong.told());
    Ok(())
}
