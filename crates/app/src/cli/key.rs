//! `threadkeep key`: makes, lists and revokes the keys of the API.
//!
//! A key is printed once, alone on standard output, and never again: only its hash is kept.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use threadkeep_core::id::AccountId;

use crate::app::App;
use crate::config::Config;
use crate::store::{Act, Actor, KeyRow, Object, ObjectKind};
use crate::verbs::audit::noted;
use crate::verbs::keys::{self, NewKey, Scope};

use super::failure::{Ended, Failure, OK};
use super::table::{lines, safe, time, time_json, time_or, titled};
use super::{account, console, open};

const AFTER_HELP: &str = "\
Examples:
  KEY=$(threadkeep key create)
  threadkeep key create --scopes read --accounts ID --label dashboard
  curl -H \"Authorization: Bearer $KEY\" http://127.0.0.1:7878/linkedin/conversations";

/// Make, list and revoke the keys of the API.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key; it alone goes to standard output, this one time.
    Create {
        /// What it may do: read, media, sync, admin.
        #[arg(long, value_delimiter = ',', default_value = "read,media,sync")]
        scopes: Vec<String>,
        /// The accounts that it reaches; otherwise all, also those added later.
        #[arg(long, value_delimiter = ',', value_name = "ID,...")]
        accounts: Option<Vec<String>>,
        /// A name for people.
        #[arg(long)]
        label: Option<String>,
    },
    /// List all keys, without their secrets.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key; it stops working at once.
    Revoke {
        /// The key's id, as listed.
        id: String,
    },
}

/// Runs the command.
pub(crate) async fn run(args: KeyArgs, config: &Config) -> Ended {
    let app = open::app(config, open::Use::Command).await?;
    let ended = carry_out(&app, &open::actor(config), args.command).await;
    app.store.close().await;
    ended.map(|()| OK)
}

async fn carry_out(app: &App, who: &Actor, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create { scopes, accounts, label } => {
            let act = (Act::KeyCreated, Object::of(ObjectKind::Key, None));
            let wanted = wanted(&scopes, accounts.as_deref(), label)?;
            let (text, row) = noted(app, who, act, keys::create(app, who, wanted).await).await?;
            console::tell(&format!("key {} may {}; keep it, it is not shown again", row.id, row.scopes.join(", ")));
            console::result(&text)
        }
        KeyCommand::List { json } => list(&keys::list(app).await?, json),
        KeyCommand::Revoke { id } => {
            // What is no id of a key may be a whole key, given by mistake.
            let named = Some(id.as_str()).filter(|id| keys::is_id(id));
            let act = (Act::KeyRevoked, Object::of(ObjectKind::Key, named));
            noted(app, who, act, keys::revoke(app, who, &id).await).await?;
            console::tell("revoked");
            Ok(())
        }
    }
}

fn wanted(scopes: &[String], accounts: Option<&[String]>, label: Option<String>) -> Result<NewKey, Failure> {
    let scopes: Result<Vec<Scope>, _> = scopes.iter().map(|name| Scope::parse(name.trim())).collect();
    let accounts: Option<Result<Vec<AccountId>, _>> =
        accounts.map(|ids| ids.iter().map(|id| account::parse_id(id.trim())).collect());
    Ok(NewKey { scopes: scopes?, accounts: accounts.transpose()?, label })
}

fn list(all: &[KeyRow], json: bool) -> Result<(), Failure> {
    if json {
        return console::json(&Value::Array(all.iter().map(object).collect()));
    }
    if all.is_empty() {
        console::tell("no keys; `threadkeep key create` makes one");
        return Ok(());
    }
    let mut table = titled(&["ID", "LABEL", "SCOPES", "ACCOUNTS", "MADE", "LAST USED", "STATE"]);
    for key in all {
        let reach = key.accounts.as_ref().map_or_else(|| "all".to_owned(), |ids| ids.len().to_string());
        let state = if key.revoked_at.is_some() { "revoked" } else { "in use" };
        table.add_row([
            key.id.clone(),
            key.label.as_deref().map_or_else(|| "-".to_owned(), safe),
            key.scopes.join(","),
            reach,
            time(key.created_at),
            time_or(key.last_used_at, "never"),
            state.to_owned(),
        ]);
    }
    console::result(&lines(&table))
}

fn object(key: &KeyRow) -> Value {
    json!({
        "id": key.id,
        "label": key.label,
        "scopes": key.scopes,
        "accounts": key.accounts,
        "createdAt": time_json(Some(key.created_at)),
        "lastUsedAt": time_json(key.last_used_at),
        "revokedAt": time_json(key.revoked_at),
    })
}
