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
    let cases: [(&str, &str, &str); 18] = [
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
        ("THREADKEEP_MEDIA_POLICY", "always", "media_policy: it must be lazy, eager or off"),
        ("THREADKEEP_MEDIA_MAX_BYTES", "0", "media_max_bytes: it must be from 1 to 268435456"),
        ("THREADKEEP_MEDIA_MAX_BYTES", "268435457", "media_max_bytes: it must be from 1 to 268435456"),
        ("THREADKEEP_MEDIA_URL", "http://media.example", "media_url: it must be https://"),
        ("THREADKEEP_MEDIA_URL", "https://media.example/path", "media_url: it must be https://"),
        ("THREADKEEP_MEDIA_STORE", "ftp", "media_store: it must be local or s3"),
        ("THREADKEEP_MEDIA_STORE", "s3", "s3_bucket: it is needed when media_store is s3"),
        ("THREADKEEP_KEY_RATE_BURST", "2000000", "key_rate_burst: it must be at most 1000000"),
        ("THREADKEEP_LOG_LEVEL", "threadkeep=loud", "log_level: it must be error, warn"),
    ];
    for (name, value, expected) in cases {
        let ran = Room::new()?.with(name, value).run(&["config", "check"])?;
        assert_eq!(ran.code, Some(2), "{name}");
        assert!(ran.err.starts_with(&format!("error: {expected}")), "{name}: {}", ran.err);
    }
    Ok(())
}

/// A room whose attachments are kept in a bucket that nobody serves.
fn room_with_bucket() -> Result<Room> {
    let room = Room::new()?.with("THREADKEEP_MEDIA_STORE", "s3").with("THREADKEEP_S3_ENDPOINT", "http://127.0.0.1:9");
    let room = room.with("THREADKEEP_S3_BUCKET", "mirror").with("THREADKEEP_S3_ACCESS_KEY", "c4nary-id");
    Ok(room.with("THREADKEEP_S3_SECRET_KEY", "c4nary-secret"))
}

#[test]
fn a_bucket_is_checked_and_its_keys_are_never_shown() -> Result<()> {
    for words in [&["config", "show"][..], &["config", "show", "--json"], &["doctor"], &["doctor", "--json"]] {
        let ran = room_with_bucket()?.run(words)?;
        assert!(!ran.out.contains("c4nary") && !ran.err.contains("c4nary"), "{} {}", ran.out, ran.err);
        assert!(ran.out.contains("mirror"), "{}", ran.out);
    }
    let all = shown(&room_with_bucket()?, &["config", "show", "--json"])?;
    assert_eq!((&all["s3_secret_key"]["value"], &all["s3_access_key"]["value"]), (&"(set)".into(), &"(set)".into()));
    let ran = room_with_bucket()?.run(&["doctor"])?;
    assert!(ran.out.contains("fail  media          bucket mirror at http://127.0.0.1:9: "), "{}", ran.out);
    let cases = [
        ("THREADKEEP_S3_BUCKET", "", "s3_bucket: it is needed"),
        ("THREADKEEP_S3_SECRET_KEY", "", "s3_secret_key: it is needed"),
        ("THREADKEEP_S3_BUCKET", "mir/ror", "s3_bucket: it may have letters"),
        ("THREADKEEP_S3_PREFIX", "a/../b", "s3_prefix: it may have letters"),
        ("THREADKEEP_S3_ENDPOINT", "http://s3.example", "s3_endpoint: it must be https://"),
        ("THREADKEEP_S3_ENDPOINT", "https://user:c4nary@s3.example", "s3_endpoint: it must have a host"),
    ];
    for (name, value, expected) in cases {
        let ran = room_with_bucket()?.with(name, value).run(&["config", "check"])?;
        assert_eq!(ran.code, Some(2), "{name}");
        assert!(ran.err.starts_with(&format!("error: {expected}")) && !ran.err.contains("c4nary"), "{}", ran.err);
    }
    let ran = room_with_bucket()?.run(&["--set", "s3_secret_key=c4nary", "config", "check"])?;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("THREADKEEP_S3_SECRET_KEY") && !ran.err.contains("c4nary"), "{}", ran.err);
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
