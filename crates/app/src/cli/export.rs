//! `threadkeep export`: the mirror as JSON Lines, to standard output or into a file.
//!
//! A file appears under its name only when it is complete, and only its owner can read it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use threadkeep_core::sync::DEFAULT_CATEGORIES;

use crate::app::App;
use crate::config::Config;
use crate::store::Account;
use crate::verbs::accounts;
use crate::verbs::export::{ExportError, ExportWish, Exported, write};

use super::failure::{Ended, Failure, OK};
use super::table::number;
use super::{account, console, open};

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

const AFTER_HELP: &str = "\
Examples:
  threadkeep export --format jsonl --account ID > conversations.jsonl
  threadkeep export --format jsonl --account ID --with-history --output conversations.jsonl

The form is documented in docs/EXPORT.md: conversations, then messages, then people, each sorted, so that two exports \
can be compared with diff. --with-history and --include-deleted add keys and lines and are not that form.";

/// Write the mirror of an account as JSON Lines.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExportArgs {
    /// The form.
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
    /// The account; may be left out when there is only one.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Conversations in any of these folders.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...", default_values_t = DEFAULT_CATEGORIES.map(String::from))]
    categories: Vec<String>,
    /// Add the earlier texts of edited and recalled messages.
    #[arg(long)]
    with_history: bool,
    /// Add deleted conversations and messages, marked as such.
    #[arg(long)]
    include_deleted: bool,
    /// Write into this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// One JSON object a line.
    Jsonl,
}

/// Runs the command.
pub(crate) async fn run(args: ExportArgs, config: &Config) -> Ended {
    let ExportFormat::Jsonl = args.format;
    let app = open::app(config, open::Use::Command).await?;
    let exported = export(&app, &args).await;
    app.store.close().await;
    let exported = exported?;
    console::tell(&format!(
        "{} conversations, {} messages, {} people",
        number(exported.conversations),
        number(exported.messages),
        number(exported.people)
    ));
    if exported.conversations == 0 && args.categories != DEFAULT_CATEGORIES {
        let names = args.categories.join(" or ");
        console::tell(&format!(
            "hint: the mirror has no conversation in {names}; LinkedIn's names are INBOX, ARCHIVE, SPAM, \
             STARRED, MESSAGE_REQUEST_PENDING …, and the setting `categories` says which are mirrored"
        ));
    }
    Ok(OK)
}

async fn export(app: &App, args: &ExportArgs) -> Result<Exported, Failure> {
    let account = match &args.account {
        Some(text) => accounts::find(app, &account::parse_id(text)?).await?,
        None => only_account(app).await?,
    };
    let wish = ExportWish {
        account: account.id,
        categories: args.categories.clone(),
        with_history: args.with_history,
        with_deleted: args.include_deleted,
    };
    match &args.output {
        Some(path) => to_file(app, &wish, path).await,
        None => {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
            write(&*app.store, &wish, &mut out).await.map_err(failure)
        }
    }
}

/// Writes an export into a file that appears when it is complete.
pub(crate) async fn to_file(app: &App, wish: &ExportWish, path: &Path) -> Result<Exported, Failure> {
    let cannot = |error: io::Error| Failure::usage(format!("{} cannot be written: {error}", path.display()));
    let mut name = path.file_name().ok_or_else(|| Failure::usage("--output needs the name of a file"))?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = into_part(app, wish, &part).await;
    match written {
        Ok(exported) => {
            std::fs::rename(&part, path).map_err(cannot)?;
            Ok(exported)
        }
        Err(failure) => {
            // What is half written helps nobody; when it cannot be removed the first failure is still the one to tell.
            let _ = std::fs::remove_file(&part);
            Err(failure)
        }
    }
}

async fn into_part(app: &App, wish: &ExportWish, part: &Path) -> Result<Exported, Failure> {
    let cannot = |error: io::Error| Failure::usage(format!("{} cannot be written: {error}", part.display()));
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, private_file(part).map_err(cannot)?);
    let exported = write(&*app.store, wish, &mut out).await.map_err(failure)?;
    let file: File = out.into_inner().map_err(|error| cannot(error.into_error()))?;
    file.sync_all().map_err(cannot)?;
    Ok(exported)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::Refused(refusal) => refusal.into(),
        ExportError::Output(error) => Failure::output(error),
    }
}

async fn only_account(app: &App) -> Result<Account, Failure> {
    let mut all = accounts::list(app).await?;
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Failure::usage("there are several accounts: name one with --account")
            .hint("`threadkeep account list` shows them")),
        (None, _) => Err(open::no_account_yet()),
    }
}
