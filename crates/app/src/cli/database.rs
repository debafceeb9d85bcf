//! `threadkeep db`: brings the schema up to date, tells where it stands, takes a backup and puts one back, makes the index
//! of search anew.
//!
//! Needs no key: whoever may reach the database may migrate it. `status` changes nothing.

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::config::{Config, masked_url};
use crate::lifecycle::{Stop, stop_on_signal};
use crate::refusal::Refusal;
use crate::store::{self, IndexLag, MigrationStatus, OpenOptions, SharedStore};
use crate::verbs::search;

use super::backup::{self, BackupArgs, RestoreArgs};
use super::failure::{CONFLICT, Ended, Failure, INTERRUPTED, OK};
use super::table::number;
use super::{console, indexing};

const AFTER_HELP: &str = "\
Every command that opens the database brings it up to date by itself. This is for doing it at a chosen time, for example \
before several nodes start.

Examples:
  threadkeep db status
  threadkeep db backup mirror-2026-01-31.db        while servers run; a .manifest.json comes beside it
  threadkeep db restore mirror-2026-01-31.db       while none runs; what was there is kept
  threadkeep db reindex
  threadkeep db migrate --database-url postgres://user@host/threadkeep";

/// Bring the database's schema up to date, back it up, restore it, make its index anew.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DatabaseArgs {
    #[command(subcommand)]
    command: DatabaseCommand,
}

#[derive(Debug, Subcommand)]
enum DatabaseCommand {
    /// Apply what is missing.
    Migrate,
    /// Copy the SQLite database to a file, also while servers run.
    Backup(BackupArgs),
    /// Put a backup in the place of the SQLite database, which is kept beside; while nobody uses it.
    Restore(RestoreArgs),
    /// Make the index of search anew out of the messages.
    Reindex {
        /// End with a JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Tell where the schema stands; exit code 4 when something is missing.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub(crate) async fn run(args: DatabaseArgs, config: &Config) -> Ended {
    let url = config.database_url.expose_secret();
    match args.command {
        DatabaseCommand::Backup(args) => backup::take(args, config).await,
        DatabaseCommand::Restore(args) => backup::put_back(args, config).await,
        DatabaseCommand::Migrate => {
            let status = store::migration_status(url).await?;
            store::open(url, OpenOptions::default()).await?.close().await;
            let (from, to) = (status.applied, status.known);
            console::tell(&match from == to {
                true => format!("the schema has version {to} already"),
                false => format!("the schema went from version {from} to {to}"),
            });
            Ok(OK)
        }
        DatabaseCommand::Reindex { json } => reindex(url, json).await,
        DatabaseCommand::Status { json } => tell(config, &store::migration_status(url).await?, json),
    }
}

async fn reindex(url: &str, is_json: bool) -> Ended {
    let store = store::open(url, OpenOptions::default()).await?;
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let made = anew(&store, &stop).await;
    store.close().await;
    let lag = made?;
    console::tell(&format!("{} of {} messages are in the index", number(lag.indexed), number(lag.messages)));
    if is_json {
        console::json(&json!({"indexed": lag.indexed, "messages": lag.messages, "upToDate": !lag.is_behind()}))?;
    }
    if stop.is_asked() {
        console::tell("stopped: a server, a sync or a search goes on from here");
        return Ok(INTERRUPTED);
    }
    Ok(OK)
}

async fn anew(store: &SharedStore, stop: &Stop) -> Result<IndexLag, Refusal> {
    search::forget(store).await?;
    indexing::bring(store, stop).await
}

fn tell(config: &Config, status: &MigrationStatus, json: bool) -> Ended {
    let MigrationStatus { applied, known } = *status;
    if json {
        let state = json!({"applied": applied, "known": known, "upToDate": applied == known});
        console::json(&state)?;
    } else {
        let place = masked_url(config.database_url.expose_secret());
        console::result(&format!("{place}: version {applied} of {known}"))?;
    }
    match applied.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(OK),
        std::cmp::Ordering::Less => {
            console::tell("hint: `threadkeep db migrate` brings it up to date");
            Ok(CONFLICT)
        }
        std::cmp::Ordering::Greater => Err(Failure::new(CONFLICT, "the database was written by a newer threadkeep")
            .hint("install that version or a newer one")),
    }
}
