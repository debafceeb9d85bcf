//! `threadkeep export`: the mirror in a form of one's choice, to standard output, into a file or a folder.
//!
//! Ctrl-C stops at once and leaves nothing behind; the mirror is only read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use threadkeep_core::id::ConversationId;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::config::Config;
use crate::forms::{Form, csv::Csv, html::Html, markdown::Markdown, mbox::Mbox};
use crate::lifecycle::{Stop, stop_on_signal};
use crate::store::{Account, portable_file};
use crate::verbs::export::{
    BookWish, ExportError, ExportWish, Exported, Outlet, Part, copy, holds, write_book, write_lines,
};
use crate::verbs::{accounts, read};

use super::audit::since;
use super::delivery::{Delivery, Folder, Stream};
use super::failure::{Ended, Failure, INTERRUPTED, OK};
use super::table::number;
use super::{account, console, open};

/// Most conversations that are named one by one.
const NAMED_MAX: usize = 100;

const AFTER_HELP: &str = "\
Examples:
  threadkeep export --format jsonl > conversations.jsonl
  threadkeep export --format html --media --output conversations
  threadkeep export --format markdown --conversation 2-… --since 2026-01-01 > one.md
  threadkeep export --format csv --bom --output messages.csv
  threadkeep export --format jsonl --complete --output copy.jsonl

html and markdown make a folder with one file for each conversation and an index; on standard output they are one \
document. All forms are documented in docs/EXPORT.md. Plain jsonl is the canonical form: two of them can be compared with \
diff. With --complete it is a copy that `threadkeep import` reads back.";

/// Write the mirror of an account: JSON Lines, CSV, HTML, Markdown, mbox, SQLite or Parquet.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExportArgs {
    /// The form.
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
    /// The account; may be left out when there is only one.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// This conversation alone, in whatever folder; may be given again.
    #[arg(long, value_name = "ID")]
    conversation: Vec<String>,
    /// Only messages from this time on: 2026-01-31, 2026-01-31T10:00:00Z, or so long ago: 90m, 24h, 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Conversations in any of these folders; otherwise those that are mirrored for the account.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    categories: Vec<String>,
    /// Add the earlier texts of edited and recalled messages.
    #[arg(long)]
    with_history: bool,
    /// Add deleted conversations and messages, marked as such.
    #[arg(long, alias = "with-deleted")]
    include_deleted: bool,
    /// Add attachments that are here; for html, markdown, mbox and sqlite.
    #[arg(long)]
    media: bool,
    /// A copy of everything, to be read back; for jsonl.
    #[arg(long, conflicts_with_all = ["conversation", "since", "with_history", "include_deleted"])]
    complete: bool,
    /// Begin with a byte order mark, so that Excel reads UTF-8; for csv.
    #[arg(long)]
    bom: bool,
    /// Write to this file, or this folder for html and markdown, instead of standard output.
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace an earlier export.
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// One JSON object a line.
    Jsonl,
    /// One message a line, for spreadsheets.
    Csv,
    /// Pages that open without a network and without scripts.
    Html,
    /// Text for notes.
    Markdown,
    /// Messages as mail.
    Mbox,
    /// A database with plain tables.
    Sqlite,
    /// Columns for data tools.
    Parquet,
}

impl ExportFormat {
    fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Mbox => "mbox",
            Self::Sqlite => "sqlite",
            Self::Parquet => "parquet",
        }
    }

    /// The ending of its files, when it has one for each conversation.
    fn files_ending(self) -> Option<&'static str> {
        match self {
            Self::Html => Some("html"),
            Self::Markdown => Some("md"),
            _ => None,
        }
    }
}

/// What is asked for, checked.
struct Order {
    account: Account,
    categories: Vec<String>,
    only: Vec<ConversationId>,
    since: Option<Timestamp>,
}

/// Runs the command.
pub(crate) async fn run(args: ExportArgs, config: &Config) -> Ended {
    check(&args)?;
    let app = open::app(config, open::Use::Command).await?;
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let exported = tokio::select! {
        exported = export(&app, &args) => Some(exported),
        () = stop.asked() => None,
    };
    app.store.close().await;
    let Some(exported) = exported else {
        console::tell("stopped: nothing was left behind");
        return Ok(INTERRUPTED);
    };
    tell(&args, &exported?);
    Ok(OK)
}

fn check(args: &ExportArgs) -> Result<(), Failure> {
    let format = args.format;
    let takes_media = !matches!(format, ExportFormat::Jsonl | ExportFormat::Csv | ExportFormat::Parquet);
    if args.media && !takes_media {
        return Err(Failure::usage("--media goes with html, markdown, mbox and sqlite"));
    }
    if args.complete && format != ExportFormat::Jsonl {
        return Err(Failure::usage("--complete goes with jsonl"));
    }
    if args.bom && format != ExportFormat::Csv {
        return Err(Failure::usage("--bom goes with csv"));
    }
    if format == ExportFormat::Sqlite && args.output.is_none() {
        return Err(Failure::usage("a database is a file: name it with --output"));
    }
    if cfg!(not(feature = "parquet")) && format == ExportFormat::Parquet {
        return Err(Failure::usage("this threadkeep was built without Parquet")
            .hint("build it without `--no-default-features`, or take --format csv or sqlite"));
    }
    match args.conversation.len() > NAMED_MAX {
        true => Err(Failure::usage(format!("--conversation can be given {NAMED_MAX} times"))),
        false => Ok(()),
    }
}

fn tell(args: &ExportArgs, exported: &Exported) {
    let (conversations, messages) = (number(exported.conversations), number(exported.messages));
    console::tell(&match args.format {
        ExportFormat::Jsonl => {
            format!("{conversations} conversations, {messages} messages, {} people", number(exported.people))
        }
        _ => format!("{conversations} conversations, {messages} messages"),
    });
    if exported.conversations == 0 && !args.categories.is_empty() {
        let names = args.categories.join(" or ");
        console::tell(&format!(
            "hint: the mirror has no conversation in {names}; LinkedIn's names are INBOX, ARCHIVE, SPAM, \
             STARRED, MESSAGE_REQUEST_PENDING …, and the setting `categories` says which are mirrored"
        ));
    }
}

async fn export(app: &App, args: &ExportArgs) -> Result<Exported, Failure> {
    let order = order(app, args).await?;
    match &args.output {
        None => {
            let mut out = Stream::standard();
            let exported = write(app, args, &order, None, &mut out).await?;
            out.flush()?;
            Ok(exported)
        }
        Some(path) if args.format.files_ending().is_some() => {
            let delivery = Delivery::begin(path, true, args.force)?;
            let mut out = Folder::of(&delivery);
            let exported = write(app, args, &order, Some(&delivery), &mut out).await?;
            out.settle(args.format.as_str())?;
            delivery.finish()?;
            Ok(exported)
        }
        Some(path) => {
            let delivery = Delivery::begin(path, false, args.force)?;
            let mut out = Stream::of(&delivery)?;
            let exported = write(app, args, &order, Some(&delivery), &mut out).await?;
            out.settle()?;
            delivery.finish()?;
            Ok(exported)
        }
    }
}

async fn order(app: &App, args: &ExportArgs) -> Result<Order, Failure> {
    let account = match &args.account {
        Some(text) => accounts::find(app, &account::parse_id(text)?).await?,
        None => only_account(app).await?,
    };
    let mut only = Vec::new();
    for text in &args.conversation {
        let id = ConversationId::parse(text)
            .map_err(|error| Failure::usage(format!("--conversation: {error}")).hint("an id is `2-…`"))?;
        match args.include_deleted {
            true => holds(app, &account.id, &id).await?,
            false => read::conversation(app, std::slice::from_ref(&account.id), &id).await.map(drop)?,
        }
        only.push(id);
    }
    let since = args.since.as_deref().map(|text| since(text, app.clock.now())).transpose()?;
    let named = Some(&args.categories).filter(|named| !named.is_empty());
    Ok(Order { categories: named.unwrap_or(&account.scope).clone(), account, only, since })
}

async fn write(
    app: &App,
    args: &ExportArgs,
    order: &Order,
    delivery: Option<&Delivery>,
    out: &mut dyn Outlet,
) -> Result<Exported, Failure> {
    if args.complete {
        return copy::write(app, &order.account, out).await.map_err(failure);
    }
    if args.format == ExportFormat::Jsonl {
        let wish = ExportWish {
            account: order.account.id.clone(),
            categories: order.categories.clone(),
            with_history: args.with_history,
            with_deleted: args.include_deleted,
        };
        let part = Part { only: order.only.clone(), since: order.since };
        return write_lines(app, &wish, &part, out).await.map_err(failure);
    }
    let wish = BookWish {
        categories: Some(order.categories.clone()).filter(|_| order.only.is_empty()),
        only: order.only.clone(),
        since: order.since,
        with_history: args.with_history,
        with_deleted: args.include_deleted,
        with_media: args.media,
        files_ending: args.format.files_ending().filter(|_| delivery.is_some()),
        ..BookWish::of(order.account.clone())
    };
    let mut form = form(args, delivery)?;
    write_book(app, &wish, form.as_mut(), out).await.map_err(failure)
}

fn form(args: &ExportArgs, delivery: Option<&Delivery>) -> Result<Box<dyn Form>, Failure> {
    Ok(match args.format {
        ExportFormat::Csv | ExportFormat::Jsonl => Box::new(Csv::new(args.bom)),
        ExportFormat::Html => Box::new(Html::default()),
        ExportFormat::Markdown => Box::new(Markdown::default()),
        ExportFormat::Mbox => Box::new(Mbox::default()),
        ExportFormat::Sqlite => {
            let place = delivery.ok_or_else(|| Failure::usage("a database is a file: name it with --output"))?;
            portable_file(place.part())?
        }
        ExportFormat::Parquet => parquet()?,
    })
}

#[cfg(feature = "parquet")]
fn parquet() -> Result<Box<dyn Form>, Failure> {
    Ok(Box::new(crate::forms::parquet::Parquet::new()))
}

#[cfg(not(feature = "parquet"))]
fn parquet() -> Result<Box<dyn Form>, Failure> {
    Err(Failure::usage("this threadkeep was built without Parquet"))
}

/// Writes the canonical export into a file that appears when it is complete, and replaces an earlier one.
pub(crate) async fn to_file(app: &App, wish: &ExportWish, path: &Path) -> Result<Exported, Failure> {
    let delivery = Delivery::begin(path, false, true)?;
    let mut out = Stream::of(&delivery)?;
    let exported = write_lines(app, wish, &Part::default(), &mut out).await.map_err(failure)?;
    out.settle()?;
    delivery.finish()?;
    Ok(exported)
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
