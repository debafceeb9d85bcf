//! The help teaches: every command explains itself with examples, and the page of commands is complete.

use anyhow::Result;
use insta::assert_snapshot;

use crate::cli_harness::Room;

const COMMANDS: [&str; 17] = [
    "demo", "serve", "account", "sync", "search", "status", "verify", "oddities", "key", "media", "secrets", "audit",
    "export", "import", "doctor", "config", "db",
];

#[test]
fn the_first_page_shows_the_way() -> Result<()> {
    let ran = Room::new()?.run(&["--help"])?;
    assert_eq!(ran.code, Some(0));
    assert_snapshot!(ran.out, @"
    Keeps a faithful, queryable copy of your own LinkedIn conversations in a database that you own

    Usage: threadkeep [OPTIONS] <COMMAND>

    Commands:
      demo      Try everything against a simulated LinkedIn
      serve     Serve the API and the viewer, and sync in the background
      account   Connect, show, pause and remove LinkedIn accounts
      sync      Copy what is new from LinkedIn into the database
      search    Search the messages of the mirror
      status    Show how the mirrors stand: how much is here, what is missing and why
      verify    Compare the copy with what LinkedIn shows
      oddities  Show records that could not be read and are kept as they came
      key       Make, list and revoke the keys of the API
      media     List, fetch and write out the attachments of messages
      secrets   Change the key that protects the stored sessions, and show how the keys stand
      audit     Show who did what: accounts, keys, runs and secrets, refused attempts too
      export    Write the mirror of an account: JSON Lines, CSV, HTML, Markdown, mbox, SQLite or Parquet
      import    Take in LinkedIn's own data export; no session is needed
      doctor    Look for what is wrong and say what to do
      config    Show and check the configuration
      db        Bring the database's schema up to date, back it up, restore it, make its index anew
      help      Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Settings:
          --config <FILE>       Configuration file instead of the threadkeep.toml that is found
          --data-dir <DIR>      Directory of the database
          --database-url <URL>  Where the mirror is kept: sqlite:PATH or postgres://...
          --log-level <LEVEL>   What is logged: error, warn, info, debug, trace, or a filter
          --set <NAME=VALUE>    Any other setting, for example --set pace=polite

    Try it without an account:
      threadkeep demo

    Your own conversations:
      threadkeep import FILE          LinkedIn's own data export; no session needed
      threadkeep account add          paste a request of a logged-in browser
      threadkeep sync                 copy what is new; Ctrl-C at any time, the next run goes on
      threadkeep export --format jsonl > conversations.jsonl
      threadkeep key create           a key for the API
      threadkeep serve                API and background syncs

    Settings: defaults < file < environment (THREADKEEP_...) < flags; see `threadkeep config show`.
    Exit codes: 0 done, 2 wrong input, 3 not found, 4 conflict, 5 login, 6 LinkedIn, 7 database,
    8 secrets, 9 drift found, 130 Ctrl-C, 1 anything else.
    ");
    Ok(())
}

#[test]
fn a_command_explains_itself() -> Result<()> {
    let ran = Room::new()?.run(&["key", "create", "-h"])?;
    assert_eq!(ran.code, Some(0));
    assert_snapshot!(ran.out, @"
    Make a key; it alone goes to standard output, this one time

    Usage: threadkeep key create [OPTIONS]

    Options:
          --scopes <SCOPES>    What it may do: read, media, sync, admin [default: read,media,sync]
          --accounts <ID,...>  The accounts that it reaches; otherwise all, also those added later
          --label <LABEL>      A name for people
      -h, --help               Print help

    Settings:
          --config <FILE>       Configuration file instead of the threadkeep.toml that is found
          --data-dir <DIR>      Directory of the database
          --database-url <URL>  Where the mirror is kept: sqlite:PATH or postgres://...
          --log-level <LEVEL>   What is logged: error, warn, info, debug, trace, or a filter
          --set <NAME=VALUE>    Any other setting, for example --set pace=polite
    ");
    Ok(())
}

#[test]
fn every_command_has_examples_and_is_documented() -> Result<()> {
    let room = Room::new()?;
    let page = include_str!("../../../../docs/CLI.md");
    for command in COMMANDS {
        let ran = room.run(&[command, "--help"])?;
        assert_eq!(ran.code, Some(0), "{command}");
        assert!(ran.out.contains(&format!("threadkeep {command}")), "{command}: {}", ran.out);
        assert!(ran.out.contains("Example") || command == "serve", "{command}: {}", ran.out);
        assert!(page.contains(&format!("`{command}")), "docs/CLI.md lacks {command}");
    }
    Ok(())
}

#[test]
fn the_help_of_a_rotation_teaches_each_case_and_warns_of_the_command_line() -> Result<()> {
    let ran = Room::new()?.run(&["secrets", "rotate", "--help"])?;
    assert_eq!(ran.code, Some(0));
    for taught in [
        "THREADKEEP_NEW_MASTER_KEY",
        "--new-key-file",
        "KEYFILE.new",
        "KEYFILE.ID.old",
        "KEEP THE OLD KEY as long as there is a backup",
        "run it again to finish",
        "Never give a key on the command line",
    ] {
        assert!(ran.out.contains(taught), "{taught} is missing: {}", ran.out);
    }
    // No flag takes a key itself.
    for words in [["secrets", "rotate", "--new-key"], ["--set", "new_master_key=x", "status"]] {
        assert_eq!(Room::new()?.run(&words)?.code, Some(2), "{words:?}");
    }
    Ok(())
}
