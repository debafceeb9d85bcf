//! `threadkeep import`: takes in LinkedIn's own data export, without any session.
//!
//! Every file is taken in whole or not at all; the report is for people on standard error and for programs, with
//! `--json`, one object a line on standard output.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::archive::Scratch;
use crate::config::Config;
use crate::lifecycle::{Stop, spawn, stop_on_signal};
use crate::store::Actor;
use crate::verbs::import::{ArchiveAt, ImportAsk, ImportPhase, ImportResult, Meter, import};

use super::failure::{Ended, Failure, INTERRUPTED, OK};
use super::table::number;
use super::{account, console, copy, indexing, open};

/// How often the bar moves.
const LOOK_MS: i64 = 100;
/// How often a plain line tells how far it is.
const LINE_MS: i64 = 5_000;

const AFTER_HELP: &str = "\
Examples:
  threadkeep import Basic_LinkedInDataExport_11-20-2026.zip
  threadkeep import messages.csv --me https://www.linkedin.com/in/olga-test
  threadkeep import old.zip new.zip --dry-run --json
  threadkeep import copy.jsonl        (what `export --format jsonl --complete` has written)

How to ask LinkedIn for the archive, and what is in it: docs/IMPORT.md. The same archive twice changes nothing, and what \
a sync has brought is joined with what the archive tells.";

/// Take in LinkedIn's own data export; no session is needed.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ImportArgs {
    /// The archive as it came, an unpacked folder, messages.csv alone, or a complete copy of `export --complete`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whose archive it is, when that cannot be told: the link to your profile.
    #[arg(long, value_name = "URL")]
    me: Option<String>,
    /// The account to import into; otherwise that of the archive's owner, which is made when there is none.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Tell what an import would bring, and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object for each file on standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: ImportArgs, config: &Config) -> Ended {
    let account = args.account.as_deref().map(account::parse_id).transpose()?;
    let app = open::app(config, open::Use::Command).await?;
    let ask = ImportAsk {
        me: args.me.clone(),
        account,
        is_dry_run: args.dry_run,
        scratch: Scratch::new(config.data_dir.join("imports")),
        job: None,
    };
    let ended = all(&app, &open::actor(config), &args, &ask).await;
    app.store.close().await;
    ended
}

async fn all(app: &App, who: &Actor, args: &ImportArgs, ask: &ImportAsk) -> Ended {
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let ended = each(app, who, (args, ask), &stop).await;
    if !stop.is_asked() && !args.dry_run {
        indexing::follow(&app.store, &stop).await;
    }
    ended
}

async fn each(app: &App, who: &Actor, (args, ask): (&ImportArgs, &ImportAsk), stop: &Stop) -> Ended {
    let mut worst = OK;
    for file in &args.files {
        if stop.is_asked() {
            return Ok(INTERRUPTED);
        }
        let shown = file.display().to_string();
        if args.files.len() > 1 {
            console::tell(&format!("{shown}:"));
        }
        let taken = match file {
            file if copy::is_copy_file(file) => one_copy(app, args, file, stop).await,
            file if copy::is_plain_lines(file) => Err(Failure::usage(format!("{shown} is no complete copy"))
                .hint("plain jsonl is for other programs: only --complete can be read back")),
            file => one_archive(app, who, (file, ask), args, stop).await,
        };
        match taken {
            // What was taken in stays, whenever somebody has said stop.
            Ok(()) => {}
            Err(_) if stop.is_asked() => {
                console::tell("stopped: nothing of this file was kept");
                return Ok(INTERRUPTED);
            }
            // The other files are still taken in: each stands for itself.
            Err(failure) if args.files.len() > 1 => worst = failure.report(),
            Err(failure) => return Err(failure),
        }
    }
    Ok(worst)
}

/// Reads a complete copy back, which names its own account.
async fn one_copy(app: &App, args: &ImportArgs, file: &Path, stop: &Stop) -> Result<(), Failure> {
    if args.me.is_some() || args.account.is_some() || args.dry_run {
        return Err(Failure::usage(
            "a complete copy is read back as it was: --me, --account and --dry-run are for LinkedIn's archives",
        ));
    }
    let told = copy::read_back(app, file, stop).await?;
    match args.json {
        true => console::json(&told),
        false => Ok(()),
    }
}

async fn one_archive(
    app: &App,
    who: &Actor,
    (file, ask): (&Path, &ImportAsk),
    args: &ImportArgs,
    stop: &Stop,
) -> Result<(), Failure> {
    let result = one(app, who, (file.to_owned(), ask), stop).await?;
    tell(&file.display().to_string(), &result, args.json)
}

async fn one(app: &App, who: &Actor, (file, ask): (PathBuf, &ImportAsk), stop: &Stop) -> Result<ImportResult, Failure> {
    let meter = Arc::new(Meter::default());
    let (own, asked, who) = (app.clone(), ask.clone(), who.clone());
    let (seen, stopping) = (meter.clone(), stop.clone());
    let task = spawn(async move { import(&own, &who, (ArchiveAt::Path(file), &asked), &seen, &stopping).await });
    let mut view = View::new(app.clock.now());
    while !task.is_finished() {
        let now = app.clock.now();
        view.show(&meter, now);
        app.clock.nap_until(now.plus_ms(LOOK_MS)).await;
    }
    view.end();
    let ended = task.await.map_err(|_| Failure::new(super::failure::OTHER, "the import broke off"))?;
    Ok(ended?)
}

fn tell(file: &str, result: &ImportResult, is_json: bool) -> Result<(), Failure> {
    console::tell(&result.report.words());
    if !result.report.is_repeated && !result.report.is_dry_run {
        let what = if result.is_new_account { "a new account" } else { "the account" };
        console::tell(&format!("into {what} {}", result.account));
        if result.is_new_account {
            console::tell("hint: `threadkeep account add` with your own session joins it and keeps it up to date");
        }
    }
    match is_json {
        true => console::json(&object(file, result)?),
        false => Ok(()),
    }
}

fn object(file: &str, result: &ImportResult) -> Result<Value, Failure> {
    let report = serde_json::to_value(&result.report);
    let report = report
        .map_err(|error| Failure::new(super::failure::OTHER, format!("the report cannot be written: {error}")))?;
    Ok(json!({"file": file, "accountId": result.account, "isNewAccount": result.is_new_account, "report": report}))
}

/// A bar for people, a line now and then for files.
struct View {
    bar: Option<ProgressBar>,
    told_at: Timestamp,
}

impl View {
    fn new(now: Timestamp) -> Self {
        let bar = console::is_watched().then(|| {
            let style = ProgressStyle::with_template("{spinner} {bar:24} {percent:>3}%  {msg}");
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, told_at: now }
    }

    fn show(&mut self, meter: &Meter, now: Timestamp) {
        let (phase, done, all, rows) = meter.shown();
        let words = match phase {
            ImportPhase::Reading => "looking through the archive".to_owned(),
            ImportPhase::Importing => format!("{} rows", number(rows)),
        };
        match &self.bar {
            Some(bar) => {
                bar.set_length(all.max(1));
                bar.set_position(done.min(all));
                bar.set_message(words);
                bar.tick();
            }
            None if now.since_ms(self.told_at) >= LINE_MS => {
                self.told_at = now;
                let percent = done.min(all).saturating_mul(100).checked_div(all).unwrap_or(0);
                console::tell(&format!("import: {percent}%, {words}"));
            }
            None => {}
        }
    }

    fn end(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}
