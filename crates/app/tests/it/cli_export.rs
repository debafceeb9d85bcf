//! Exports, backups and restores at the command line: what appears, what is refused, what is never overwritten.

use anyhow::{Result, ensure};
use threadkeep_sim::{GenerateOptions, World};

use crate::cli_harness::{Ran, Room};
use crate::harness::SimulatedLinkedIn;

const NOW_MS: i64 = 1_790_000_000_000;

/// A room with a synced account.
async fn synced() -> Result<(Room, String, SimulatedLinkedIn)> {
    let options = GenerateOptions { seed: 31, conversations: 12, messages_mean: 6.0, ..GenerateOptions::at(NOW_MS) };
    let linkedin = SimulatedLinkedIn::start(World::generate(&options)).await?;
    let room = Room::new()?
        .with("THREADKEEP_UPSTREAM_URL", &linkedin.url())
        .with("THREADKEEP_PACE", "open")
        .with("THREADKEEP_DATA_DIR", "mirror");
    let added = room.run_with(&["account", "add", "--cookies-file", "-"], &linkedin.credentials()?.1)?;
    ensure!(added.code == Some(0), "{}", added.told());
    let ran = room.run(&["sync"])?;
    ensure!(ran.code == Some(0), "{}", ran.told());
    Ok((room, added.out.trim().to_owned(), linkedin))
}

/// What a run said that went well.
struct Said {
    out: String,
    err: String,
}

fn done(ran: Ran) -> Result<Said> {
    ensure!(ran.code == Some(0), "{}", ran.told());
    Ok(Said { out: ran.out, err: ran.err })
}

fn refused(ran: &Ran, code: i32, what: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.told());
    assert!(ran.err.contains(what) && ran.err.contains("error: "), "{what}: {}", ran.err);
}

/// What lies in the room, but for what it had before.
fn names(room: &Room) -> Result<Vec<String>> {
    let all: Result<Vec<_>, _> = std::fs::read_dir(room.path(""))?.collect();
    let mut all: Vec<String> = all?.iter().map(|one| one.file_name().to_string_lossy().into_owned()).collect();
    all.retain(|name| !name.starts_with("mirror"));
    all.sort();
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_folders_appear_whole_and_nothing_is_overwritten() -> Result<()> {
    let (room, _, linkedin) = synced().await?;
    let canonical = done(room.run(&["export"])?)?;
    ensure!(canonical.out == linkedin.truth()?, "the canonical form is not the truth");

    done(room.run(&["export", "--format", "html", "--media", "--output", "pages"])?)?;
    ensure!(std::fs::read_to_string(room.path("pages/index.html"))?.matches("<li>").count() > 5);
    refused(&room.run(&["export", "--format", "html", "--output", "pages"])?, 2, "nothing is overwritten");
    done(room.run(&["export", "--format", "html", "--output", "pages", "--force"])?)?;
    refused(&room.run(&["export", "--format", "csv", "--output", "pages", "--force"])?, 2, "is not replaced");

    done(room.run(&["export", "--format", "csv", "--bom", "--output", "all.csv"])?)?;
    ensure!(std::fs::read(room.path("all.csv"))?.starts_with("\u{FEFF}account_id,".as_bytes()));
    done(room.run(&["export", "--format", "sqlite", "--output", "mine.db"])?)?;
    ensure!(std::fs::read(room.path("mine.db"))?.starts_with(b"SQLite format 3\0"));
    done(room.run(&["export", "--format", "mbox", "--since", "2000-01-01", "--output", "all.mbox"])?)?;
    let one = done(room.run(&["export", "--format", "markdown", "--since", "0m"])?)?;
    ensure!(!one.out.contains("# "), "nothing is that new: {}", one.out);
    assert_eq!(names(&room)?, ["all.csv", "all.mbox", "mine.db", "pages"]);

    let cases: [(&[&str], &str); 6] = [
        (&["--format", "sqlite"], "name it with --output"),
        (&["--media"], "--media goes with"),
        (&["--format", "csv", "--complete"], "--complete goes with jsonl"),
        (&["--format", "html", "--bom"], "--bom goes with csv"),
        (&["--conversation", "../../x"], "--conversation"),
        (&["--since", "soon"], "--since is not a time"),
    ];
    for (words, what) in cases {
        refused(&room.run(&[&["export"], words].concat())?, 2, what);
    }
    if cfg!(not(feature = "parquet")) {
        refused(&room.run(&["export", "--format", "parquet"])?, 2, "built without Parquet");
    }
    for words in
        [&["export", "--conversation", "2-nothing"][..], &["export", "--conversation", "2-x", "--include-deleted"]]
    {
        refused(&room.run(words)?, 3, "no such conversation");
    }
    assert_eq!(names(&room)?, ["all.csv", "all.mbox", "mine.db", "pages"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_serving_program_is_put_back() -> Result<()> {
    let (room, account, linkedin) = synced().await?;
    let serving = room.serve(&[])?;
    let ran = done(room.run(&["db", "backup", "copy.db"])?)?;
    ensure!(ran.err.contains("master key") && ran.err.contains("attachments are not in it"), "{}", ran.err);
    refused(&room.run(&["db", "backup", "copy.db"])?, 2, "nothing is overwritten");
    refused(&room.run(&["db", "restore", "copy.db"])?, 7, "it is in use");
    drop(serving);
    assert_eq!(names(&room)?, ["copy.db", "copy.db.manifest.json"]);
    // What tells of another backup is not overwritten either, not even when that one is gone.
    std::fs::write(room.path("other.db.manifest.json"), "mine")?;
    refused(&room.run(&["db", "backup", "other.db"])?, 2, "nothing is overwritten");
    ensure!(std::fs::read(room.path("other.db.manifest.json"))? == b"mine" && !room.path("other.db").exists());
    done(room.run(&["db", "backup", "copy.db", "--force"])?)?;

    done(room.run(&["account", "remove", &account, "--yes"])?)?;
    ensure!(room.run(&["export"])?.code == Some(3));
    let ran = done(room.run(&["db", "restore", "copy.db"])?)?;
    ensure!(ran.err.contains("is kept as ROOM/mirror/threadkeep.db.before-restore-"), "{}", ran.err);
    ensure!(done(room.run(&["export"])?)?.out == linkedin.truth()?, "what came back is not what was there");
    // The login is there as well: the key is the same.
    done(room.run(&["sync", "--force"])?)?;
    let kept = std::fs::read_dir(room.path("mirror"))?.filter_map(Result::ok);
    ensure!(kept.filter(|one| one.file_name().to_string_lossy().contains("before-restore")).count() >= 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_copy_comes_back_after_everything_was_wiped() -> Result<()> {
    let (room, account, linkedin) = synced().await?;
    done(room.run(&["export", "--complete", "--output", "copy.jsonl"])?)?;
    let before = std::fs::read(room.path("copy.jsonl"))?;
    refused(&room.run(&["import", "copy.jsonl"])?, 4, "here already");
    // Nothing is left, not even the key.
    std::fs::remove_dir_all(room.path("mirror"))?;
    std::fs::remove_file(room.path("mirror.key"))?;
    done(room.run(&["import", "copy.jsonl"])?)?;
    done(room.run(&["export", "--complete", "--output", "again.jsonl"])?)?;
    ensure!(before == std::fs::read(room.path("again.jsonl"))?, "the copies differ");
    ensure!(done(room.run(&["export"])?)?.out == linkedin.truth()?);
    let ran = room.run(&["sync"])?;
    ensure!(ran.code == Some(5), "{}", ran.told());
    let cookies = linkedin.credentials()?.1;
    done(room.run_with(&["account", "reconnect", &account, "--cookies-file", "-"], &cookies)?)?;
    done(room.run(&["sync", "--force"])?)?;
    ensure!(done(room.run(&["export"])?)?.out == linkedin.truth()?);

    let plain = done(room.run(&["export", "--output", "plain.jsonl"])?)?;
    ensure!(plain.out.is_empty());
    refused(&room.run(&["import", "plain.jsonl"])?, 2, "only --complete can be read back");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_54_an_altered_backup_is_refused_and_nothing_is_changed() -> Result<()> {
    let (room, _, linkedin) = synced().await?;
    done(room.run(&["db", "backup", "copy.db"])?)?;
    let (copy, manifest) = (room.path("copy.db"), room.path("copy.db.manifest.json"));
    let (whole, told) = (std::fs::read(&copy)?, std::fs::read_to_string(&manifest)?);

    // Somebody changes the file and makes a manifest that fits to it.
    let connection = rusqlite::Connection::open(&copy)?;
    connection.execute_batch("CREATE TRIGGER t AFTER INSERT ON messages BEGIN DELETE FROM accounts; END")?;
    drop(connection);
    refused(&room.run(&["db", "restore", "copy.db"])?, 2, "was altered or cut");
    let forged = std::fs::read(&copy)?;
    let mut fitting: serde_json::Value = serde_json::from_str(&told)?;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&forged);
    fitting["sha256"] = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    fitting["sizeBytes"] = forged.len().into();
    std::fs::write(&manifest, fitting.to_string())?;
    refused(&room.run(&["db", "restore", "copy.db"])?, 2, "its schema was altered");

    std::fs::write(&manifest, &told)?;
    std::fs::write(&copy, &whole[..whole.len() - 4096])?;
    refused(&room.run(&["db", "restore", "copy.db"])?, 2, "was altered or cut");
    std::fs::remove_file(&manifest)?;
    refused(&room.run(&["db", "restore", "copy.db"])?, 2, "no manifest");
    refused(&room.run(&["db", "restore", "none.db"])?, 2, "no manifest");
    ensure!(done(room.run(&["export"])?)?.out == linkedin.truth()?);
    ensure!(
        !std::fs::read_dir(room.path("mirror"))?
            .filter_map(Result::ok)
            .any(|one| { one.file_name().to_string_lossy().contains("restor") })
    );
    Ok(())
}

#[test]
fn postgres_is_told_of_its_own_tools() -> Result<()> {
    let room = Room::new()?.with("THREADKEEP_DATABASE_URL", "postgres://somebody:secret@127.0.0.1:9/none");
    for command in ["backup", "restore"] {
        let ran = room.run(&["db", command, "copy.db"])?;
        refused(&ran, 2, "pg_dump");
        ensure!(!ran.err.contains("secret"), "{}", ran.err);
    }
    assert_eq!(names(&room)?, Vec::<String>::new());
    Ok(())
}
