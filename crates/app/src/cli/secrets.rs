//! `threadkeep secrets`: changes the master key, and tells how the keys stand.
//!
//! A key never goes through a command line and is never printed; what is printed is where it is and its id. Stopped at any
//! moment, the command goes on where it was when it is run again.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app::App;
use crate::config::Config;
use crate::seal::KeySource;
use crate::store::{Act, Object, ObjectKind};
use crate::verbs::audit::noted;
use crate::verbs::rotation::{Rotated, Rotation, RotationStep};
use crate::verbs::secrets::{self, KeyState};

use super::failure::{Ended, Failure, OK, SECRET};
use super::secrets_reset::{self, ResetArgs};
use super::table::number;
use super::{console, open};

/// Steps of one change: far above any installation.
const STEPS_MAX: u32 = 10_000_000;
/// Digits of a fingerprint that name a key.
const ID_DIGITS: usize = 8;

const AFTER_HELP: &str = "\
Each account's session is sealed with a data key of its own, and the master key wraps the data keys.

Examples:
  threadkeep secrets status
  threadkeep secrets rotate
  threadkeep secrets rotate --data-keys --json
  threadkeep secrets reset";

const ROTATE_HELP: &str = "\
With a key file, on one machine, this is all: servers go on working. A new key is made beside the key file, the data
keys are wrapped with it, and it takes the place of the old one, which is kept as KEYFILE.ID.old. Stopped at any moment
(a kill, a power cut), everything still opens; run it again to finish.

With the key in the environment, or several machines, every server has to know both keys before the change:
  1. make a key:               openssl rand -hex 32 > new.key; chmod 600 new.key
  2. give it to every server:  THREADKEEP_NEW_MASTER_KEY=... beside THREADKEEP_MASTER_KEY, and restart;
                               with key files, put it beside each as KEYFILE.new, no restart needed
  3. change:                   threadkeep secrets rotate, with the same two variables (or --new-key-file new.key)
  4. give the new key alone:   THREADKEEP_MASTER_KEY=..., without THREADKEEP_NEW_MASTER_KEY, and restart;
                               with key files, rename KEYFILE.new to KEYFILE on the other machines
A server that was left out refuses the work on sessions that it cannot open, changes nothing, and works again after a
restart with the new key.

KEEP THE OLD KEY as long as there is a backup of the database from before: only the old key opens that. After that,
delete KEYFILE.ID.old yourself; nothing else does.

Never give a key on the command line: every process of the machine can read it there.

Examples:
  threadkeep secrets rotate
  threadkeep secrets rotate --new-key-file new.key
  threadkeep secrets rotate --data-keys             also gives every account a new data key";

/// Change the key that protects the stored sessions, and show how the keys stand.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Change the master key; sessions stay as they are and open with the new one.
    #[command(after_help = ROTATE_HELP)]
    Rotate(RotateArgs),
    /// Start over with a new master key after the old one was lost; accounts have to be connected again.
    #[command(after_help = secrets_reset::HELP)]
    Reset(ResetArgs),
    /// Tell which key is in use, where it is and what it protects.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct RotateArgs {
    /// File with the new key, instead of a fresh one: 64 hex digits or base64, readable by its owner alone.
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    /// Also give every account a new data key, and seal its session with that.
    #[arg(long)]
    data_keys: bool,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: SecretsArgs, config: &Config) -> Ended {
    let next_file = match &args.command {
        SecretsCommand::Rotate(rotate) => rotate.new_key_file.clone(),
        SecretsCommand::Reset(reset) => return secrets_reset::run(reset, config).await,
        SecretsCommand::Status { .. } => None,
    };
    let source = open::key_source(config).followed_by(next_file);
    let app = open::app_with(config, open::Use::Command, source.clone()).await?;
    let ended = match args.command {
        SecretsCommand::Rotate(args) => rotate(&app, config, source, &args).await,
        SecretsCommand::Status { json } => status(&app, &source, json).await,
        SecretsCommand::Reset(_) => Ok(OK),
    };
    app.store.close().await;
    ended
}

/// What names a key for people: the first digits of its fingerprint.
pub(super) fn key_id(fingerprint: &str) -> &str {
    fingerprint.get(..ID_DIGITS).unwrap_or(fingerprint)
}

async fn rotate(app: &App, config: &Config, source: KeySource, args: &RotateArgs) -> Ended {
    let who = open::actor(config);
    let mut rotation = Rotation::new(who.clone(), source, args.data_keys);
    for _ in 0..STEPS_MAX {
        let act = (Act::SecretsRotated, Object::of(ObjectKind::MasterKey, None));
        match noted(app, &who, act, rotation.step(app).await).await? {
            Some(step) => console::tell(&told(&step)),
            None => return ended(rotation.told(), args.json),
        }
    }
    Err(Failure::new(SECRET, "the change takes more steps than it may").hint("run `threadkeep doctor`"))
}

fn told(step: &RotationStep) -> String {
    match step {
        RotationStep::KeyMade => "a new key waits beside the key file".to_owned(),
        RotationStep::Begun => "the database uses the new key".to_owned(),
        RotationStep::KeyTaken(Some(old)) => {
            format!("the key file holds the new key; the old one is kept in {}", old.display())
        }
        RotationStep::KeyTaken(None) => "the key file holds the new key".to_owned(),
        RotationStep::KeyNotTaken(why) => {
            format!("warning: {why}; put the new key there yourself, and keep the old one")
        }
        RotationStep::Rewrapped(count) => format!("{} data keys are wrapped with the new key", number(*count)),
        RotationStep::Resealed(count) => format!("{} sessions are sealed anew", number(*count)),
        RotationStep::Ended => "only the new key is needed now".to_owned(),
    }
}

fn ended(done: &Rotated, as_json: bool) -> Ended {
    let is_whole = done.unreadable.is_empty();
    if as_json {
        console::json(&json!({
            "success": is_whole,
            "keyId": key_id(&done.master_key),
            "previousKeyId": done.before.as_deref().map(key_id),
            "changed": done.before.is_some(),
            "resumed": done.resumed,
            "dataKeysRewrapped": done.rewrapped,
            "sessionsResealed": done.resealed,
            "unreadableAccounts": done.unreadable,
            "oldKeyFile": done.old_key,
            "keyFileNotReplaced": done.not_taken,
        }))?;
    }
    match &done.before {
        Some(before) => console::tell(&format!(
            "the key is {} now, {} before; keep the old key as long as there is a backup of the database from before",
            key_id(&done.master_key),
            key_id(before)
        )),
        None => console::tell(&format!(
            "the key {} is in use already; nothing was left to change",
            key_id(&done.master_key)
        )),
    }
    if is_whole {
        return Ok(OK);
    }
    let ids: Vec<String> = done.unreadable.iter().map(ToString::to_string).collect();
    Err(Failure::new(
        SECRET,
        format!("what is stored for these accounts cannot be opened by any key: {}", ids.join(", ")),
    )
    .hint("`threadkeep account reconnect ID` gives each a new login; everything else was done"))
}

async fn status(app: &App, source: &KeySource, as_json: bool) -> Ended {
    let state = secrets::state(&app.store, Some(&app.sealer)).await?;
    match as_json {
        true => console::json(&object(&state, source))?,
        false => lines(&state, source).iter().try_for_each(|line| console::result(line))?,
    }
    if state.is_rotating() {
        console::tell("hint: the change of the key is not finished; `threadkeep secrets rotate` finishes it");
    }
    Ok(OK)
}

fn lines(state: &KeyState, source: &KeySource) -> Vec<String> {
    let mut rows =
        vec![("key", state.master_key.as_deref().map_or("none", key_id).to_owned()), ("from", source.place())];
    if let Some(before) = &state.before {
        rows.push(("before", format!("{} (the change is not finished)", key_id(before))));
    }
    for (key, count) in &state.data_keys {
        rows.push(("data keys", format!("{} wrapped by {}", number(*count), key_id(key))));
    }
    rows.push(("sessions", format!("{} sealed by data keys", number(state.sessions))));
    if state.sessions_direct > 0 {
        rows.push((
            "sessions",
            format!("{} sealed by a master key itself (earlier form)", number(state.sessions_direct)),
        ));
    }
    for id in &state.unreadable {
        rows.push(("unreadable", id.to_string()));
    }
    for old in source.file().map(|file| file.old_paths()).unwrap_or_default() {
        rows.push(("old key", old.display().to_string()));
    }
    rows.into_iter().map(|(title, value)| format!("{title:<12} {value}")).collect()
}

fn object(state: &KeyState, source: &KeySource) -> Value {
    let per_key: Vec<Value> =
        state.data_keys.iter().map(|(key, count)| json!({"keyId": key_id(key), "dataKeys": count})).collect();
    json!({
        "keyId": state.master_key.as_deref().map(key_id),
        "keyFrom": source.place(),
        "previousKeyId": state.before.as_deref().map(key_id),
        "rotationUnfinished": state.is_rotating(),
        "dataKeys": per_key,
        "sessions": state.sessions,
        "sessionsOfEarlierForm": state.sessions_direct,
        "unreadableAccounts": state.unreadable,
        "oldKeyFiles": source.file().map(|file| file.old_paths()).unwrap_or_default(),
    })
}
