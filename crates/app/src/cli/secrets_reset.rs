//! `threadkeep secrets reset`: what is left to do when the master key is lost for good.
//!
//! It removes what no key opens any more, and nothing else: conversations, messages, attachments and API keys stay. It refuses
//! while a key that opens the sessions lies anywhere it is looked for, and it never replaces a key file that is there.

use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::chance::SystemChance;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::seal::{KeyError, KeySource};
use crate::store::{self, Act, ActOutcome, AuditLine, Deed, Object, ObjectKind, OpenOptions, SharedStore};
use crate::verbs::secrets::{self, KeyState};

use super::failure::{CONFLICT, Ended, Failure, OK, SECRET};
use super::secrets::key_id;
use super::table::number;
use super::{console, open};

pub(super) const HELP: &str = "\
When the master key is lost, the stored sessions cannot be opened by anybody, and no command that needs them starts. A
reset removes the sessions and makes a new key; a key that is in the environment or in the key file is used as it is.
Every account then has to be connected again with `threadkeep account reconnect ID`. Conversations, messages, attachments
and API keys stay. Stop all servers before.

Look for the key first: a backup of the key file, KEYFILE.….old beside it, the environment of another server.

Examples:
  threadkeep secrets reset            tells what would be lost, and changes nothing
  threadkeep secrets reset --yes";

#[derive(Debug, Args)]
pub(super) struct ResetArgs {
    /// Do it; without this, only what would be lost is told.
    #[arg(long)]
    yes: bool,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command; it opens the database alone, because nothing else opens without the key.
pub(super) async fn run(args: &ResetArgs, config: &Config) -> Ended {
    let options = OpenOptions { sqlite_readers: 0, ..OpenOptions::default() };
    let store = store::open(config.database_url.expose_secret(), options).await?;
    let ended = reset(args, config, &store).await;
    store.close().await;
    ended
}

async fn reset(args: &ResetArgs, config: &Config, store: &SharedStore) -> Ended {
    let source = open::key_source(config);
    let state = secrets::state(store, None).await?;
    let Some(lost) = &state.master_key else {
        return Err(Failure::new(CONFLICT, "this database has never had a key: there is nothing to reset"));
    };
    source.given_next().map_err(unusable)?;
    if is_whole(&source, &state) {
        return Err(Failure::new(
            CONFLICT,
            "the key that opens the stored sessions is still there: nothing was changed",
        )
        .hint("`threadkeep secrets status` tells where it is, `threadkeep secrets rotate` changes it"));
    }
    let sessions = state.sessions + state.sessions_direct;
    if !args.yes {
        console::tell(&format!(
            "the key {} is not at {}; a reset removes the sessions of {} accounts, which nobody can open without it",
            key_id(lost),
            source.place(),
            number(sessions)
        ));
        return Err(Failure::usage("nothing was changed")
            .hint("look for the key: in a backup, beside the key file (NAME.….old), on another server")
            .hint("--yes makes a new key; each account then needs `threadkeep account reconnect ID`, all else stays"));
    }
    let key = source.main_or_create(&SystemChance).map_err(unusable)?.fingerprint();
    let line = AuditLine {
        at: SystemClock.now(),
        who: open::actor(config),
        act: Act::SecretsReset,
        object: Object::of(ObjectKind::MasterKey, Some(key_id(&key))),
        outcome: ActOutcome::Done,
    };
    if !store.carry_out(&Deed::ResetSecrets(&key), &line).await? {
        return Err(Failure::new(CONFLICT, "the database lost its key meanwhile: nothing was changed"));
    }
    if args.json {
        console::json(
            &json!({"success": true, "keyId": key_id(&key), "lostKeyId": key_id(lost), "sessionsRemoved": sessions}),
        )?;
    }
    console::tell(&format!("the key is {} now, at {}; keep a copy of it elsewhere", key_id(&key), source.place()));
    console::tell(
        "hint: `threadkeep account list` tells which accounts to connect again with `threadkeep account reconnect ID`",
    );
    Ok(OK)
}

/// Whether the keys that can be read open everything.
fn is_whole(source: &KeySource, state: &KeyState) -> bool {
    let keys: Vec<String> = source.all().iter().map(|key| key.fingerprint()).collect();
    [&state.master_key, &state.before].into_iter().flatten().all(|needed| keys.contains(needed))
}

fn unusable(error: KeyError) -> Failure {
    Failure::new(SECRET, error.to_string())
        .hint("a file that is no key has to be moved away first; nothing was changed")
}
