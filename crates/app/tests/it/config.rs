//! The configuration as a user meets it: layers, provenance, and errors that name the place to correct.

use anyhow::Result;
use serde_json::Value;

use crate::cli_harness::Room;

fn shown(room: &Room, words: &[&str]) -> Result<Value> {
    let ran = room.run(words)?;
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    Ok(serde_json::from_str(&ran.out)?)
}

#[test]
fn later_layers_win_and_each_value_knows_its_place() -> Result<()> {
    let room = Room::new()?.with("THREADKEEP_RECENT_MS", "2").with("THREADKEEP_WAIT_MS", "20");
    room.write("threadkeep.toml", "recent_ms = 1\nwait_ms = 10\nlease_ms = 9000\nlisten = \"127.0.0.1:9000\"\n")?;
    let words = ["--config", "threadkeep.toml", "--set", "recent_ms=3", "config", "show", "--json"];
    let all = shown(&room, &words)?;
    let place = |name: &str| all[name]["from"].as_str().unwrap_or_default().to_owned();
    assert_eq!((&all["recent_ms"]["value"], place("recent_ms")), (&3.into(), "flag".into()));
    let from_environment = "environment THREADKEEP_WAIT_MS".to_owned();
    assert_eq!((&all["wait_ms"]["value"], place("wait_ms")), (&20.into(), from_environment));
    let from_file = "file ROOM/threadkeep.toml".to_owned();
    assert_eq!((&all["lease_ms"]["value"], place("lease_ms")), (&9000.into(), from_file));
    assert_eq!((&all["pace"]["value"], place("pace")), (&"polite".into(), "default".into()));
    Ok(())
}

#[test]
fn without_a_flag_the_file_is_found_in_the_data_directory_and_then_at_home() -> Result<()> {
    let room = Room::new()?;
    room.write(".config/threadkeep/threadkeep.toml", "recent_ms = 1\n")?;
    let words = ["config", "show", "--json"];
    assert_eq!(shown(&room, &words)?["recent_ms"]["value"], 1);
    room.write("mirror/threadkeep.toml", "recent_ms = 2\n")?;
    let room = room.with("THREADKEEP_DATA_DIR", "mirror");
    assert_eq!(shown(&room, &words)?["recent_ms"]["value"], 2);
    Ok(())
}

#[test]
fn data_and_key_lie_where_they_should() -> Result<()> {
    let room = Room::new()?;
    let all = shown(&room, &["config", "show", "--json"])?;
    assert_eq!(all["data_dir"]["value"], "ROOM/.local/share/threadkeep");
    assert_eq!(all["database_url"]["value"], "sqlite:ROOM/.local/share/threadkeep/threadkeep.db");
    assert_eq!(all["master_key_file"]["value"], "ROOM/.config/threadkeep/master.key");
    let all = shown(&room, &["--data-dir", "mirror", "config", "show", "--json"])?;
    assert_eq!(all["master_key_file"]["value"], "ROOM/mirror.key");
    assert_eq!(all["database_url"]["value"], "sqlite:ROOM/mirror/threadkeep.db");
    Ok(())
}

#[test]
fn secrets_are_never_shown() -> Result<()> {
    let key = "5eed".repeat(16);
    let room = Room::new()?
        .with("THREADKEEP_MASTER_KEY", &key)
        .with("THREADKEEP_DATABASE_URL", "postgres://olga:s3cret@127.0.0.1:1/mirror");
    for words in [&["config", "show"][..], &["config", "show", "--json"]] {
        let ran = room.run(words)?;
        assert_eq!(ran.code, Some(0), "{}", ran.told());
        assert!(!ran.out.contains("5eed") && !ran.out.contains("s3cret"), "{}", ran.out);
        assert!(ran.out.contains("(set)") && ran.out.contains("olga:***@"), "{}", ran.out);
    }
    let ran = room.run(&["--set", &format!("master_key={key}"), "config", "check"])?;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("THREADKEEP_MASTER_KEY") && !ran.err.contains("5eed"), "{}", ran.err);
    Ok(())
}

#[test]
fn what_is_wrong_is_named_with_its_place() -> Result<()> {
    let cases: [(&str, &str, &str); 10] = [
        (
            "THREADKEEP_DATADIR",
            "x",
            "unknown setting THREADKEEP_DATADIR in the environment (did you mean THREADKEEP_DATA_DIR?)",
        ),
        ("THREADKEEP_PACE", "fast", "pace: it must be polite or open"),
        ("THREADKEEP_LISTEN", "localhost", "listen: it must be an address with a port"),
        ("THREADKEEP_RECENT_MS", "soon", "THREADKEEP_RECENT_MS: it must be a whole number"),
        ("THREADKEEP_LEASE_MS", "1", "lease_ms: it must be from 1000"),
        ("THREADKEEP_CATEGORIES", "inbox", "categories: names of folders are upper-case"),
        ("THREADKEEP_QUERY_IDS", "colour=a.b", "query_ids: unknown field `colour`"),
        ("THREADKEEP_DATABASE_URL", "mysql://h/d", "database_url: it must begin with sqlite: or postgres://"),
        ("THREADKEEP_UPSTREAM_URL", "http://linkedin.example", "upstream_url: it must be https://"),
        ("THREADKEEP_LOG_LEVEL", "threadkeep=loud", "log_level: it must be error, warn"),
    ];
    for (name, value, expected) in cases {
        let ran = Room::new()?.with(name, value).run(&["config", "check"])?;
        assert_eq!(ran.code, Some(2), "{name}");
        assert!(ran.err.starts_with(&format!("error: {expected}")), "{name}: {}", ran.err);
    }
    Ok(())
}

#[test]
fn a_file_is_read_strictly() -> Result<()> {
    let room = Room::new()?;
    let cases = [
        ("recent_sm = 1", "error: unknown setting recent_sm in file ROOM/bad.toml (did you mean recent_ms?)"),
        ("recent_ms = \"1\"", "error: recent_ms in file ROOM/bad.toml: it must be a whole number"),
        ("categories = \"INBOX\"", "error: categories in file ROOM/bad.toml: it must be a list"),
        ("recent_ms = ", "error: the configuration file ROOM/bad.toml: "),
    ];
    for (text, expected) in cases {
        room.write("bad.toml", text)?;
        let ran = room.run(&["--config", "bad.toml", "config", "check"])?;
        assert_eq!(ran.code, Some(2), "{text}");
        assert!(ran.err.starts_with(expected), "{text}: {}", ran.err);
    }
    let ran = room.run(&["--config", "none.toml", "config", "check"])?;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("there is no such file"), "{}", ran.err);
    Ok(())
}

#[test]
fn the_open_pace_is_only_for_a_simulator_on_this_machine() -> Result<()> {
    let room = Room::new()?.with("THREADKEEP_PACE", "open");
    assert_eq!(room.run(&["config", "check"])?.code, Some(0));
    let room = room.with("THREADKEEP_UPSTREAM_URL", "https://www.linkedin.com");
    let ran = room.run(&["config", "check"])?;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("would endanger the member's account"), "{}", ran.err);
    Ok(())
}

#[test]
fn an_empty_variable_counts_as_not_set() -> Result<()> {
    let room = Room::new()?.with("THREADKEEP_DATA_DIR", "");
    let all = shown(&room, &["config", "show", "--json"])?;
    assert_eq!(all["data_dir"]["from"], "default");
    Ok(())
}
