//! The command line: reads what is asked, calls verbs, and tells how it went.
//!
//! One file is one command. A command holds no rule of the domain: it turns words into calls and values into words. No
//! command may reach below the verbs except to assemble the program.

mod account;
mod audit;
mod backup;
mod config;
mod console;
mod copy;
mod database;
mod delivery;
mod demo;
mod doctor;
mod doctor_accounts;
mod doctor_checks;
mod doctor_database;
mod doctor_disk;
mod doctor_keys;
mod doctor_tls;
mod export;
mod failure;
mod import;
mod indexing;
mod key;
mod ledger;
mod media;
mod oddities;
mod one_run;
mod open;
mod progress;
mod report;
mod search;
mod secrets;
mod secrets_reset;
mod serve;
mod status;
mod sync;
mod table;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Environment, Inputs};
use crate::telemetry;

use failure::{Ended, Failure};

const ABOUT: &str = "Keeps a faithful, queryable copy of your own LinkedIn conversations in a database that you own";

const AFTER_HELP: &str = "\
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
8 secrets, 9 drift found, 130 Ctrl-C, 1 anything else.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "threadkeep", version, about = ABOUT, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct GlobalArgs {
    /// Configuration file instead of the threadkeep.toml that is found.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the database.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Where the mirror is kept: sqlite:PATH or postgres://...
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or a filter.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Any other setting, for example --set pace=polite.
    #[arg(long = "set", global = true, value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Serve(serve::ServeArgs),
    Account(account::AccountArgs),
    Sync(sync::SyncArgs),
    Search(search::SearchArgs),
    Status(status::StatusArgs),
    Verify(verify::VerifyArgs),
    Oddities(oddities::OdditiesArgs),
    Key(key::KeyArgs),
    Media(media::MediaArgs),
    Secrets(secrets::SecretsArgs),
    Audit(audit::AuditArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Doctor(doctor::DoctorArgs),
    Config(config::ConfigArgs),
    Db(database::DatabaseArgs),
}

impl Command {
    /// Whether many are answered at once, so that every processor is worth its memory.
    fn serves(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Serve(_))
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    telemetry::hush_panics(console::tell);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, wrong usage to standard error with code 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    let mut runtime = match cli.command.serves() {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let ended = match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(carry_out(cli)),
        Err(error) => Err(Failure::new(failure::OTHER, format!("the program cannot start its threads: {error}"))),
    };
    ExitCode::from(ended.unwrap_or_else(|failure| failure.report()))
}

async fn carry_out(cli: Cli) -> Ended {
    let inputs = inputs(cli.global)?;
    match cli.command {
        Command::Demo(args) => demo::run(args, inputs).await,
        Command::Serve(args) => serve::run(args, inputs).await,
        Command::Account(args) => account::run(args, &load(&inputs)?).await,
        Command::Sync(args) => sync::run(args, &load_with(&inputs, Some(telemetry::PROGRESS_LEVEL))?).await,
        Command::Verify(args) => verify::run(args, &load_with(&inputs, Some(telemetry::PROGRESS_LEVEL))?).await,
        Command::Oddities(args) => oddities::run(args, &load(&inputs)?).await,
        Command::Search(args) => search::run(args, &load(&inputs)?).await,
        Command::Status(args) => status::run(args, &load(&inputs)?).await,
        Command::Secrets(args) => secrets::run(args, &load(&inputs)?).await,
        Command::Audit(args) => audit::run(args, &load(&inputs)?).await,
        Command::Key(args) => key::run(args, &load(&inputs)?).await,
        Command::Media(args) => media::run(args, &load(&inputs)?).await,
        Command::Export(args) => export::run(args, &load(&inputs)?).await,
        Command::Import(args) => import::run(args, &load(&inputs)?).await,
        Command::Doctor(args) => doctor::run(args, &inputs).await,
        Command::Config(args) => config::run(&args, &load(&inputs)?),
        Command::Db(args) => database::run(args, &load(&inputs)?).await,
    }
}

/// Reads the configuration and starts the log.
fn load(inputs: &Inputs) -> Result<Config, Failure> {
    load_with(inputs, None)
}

/// Reads the configuration and starts the log, with the command's own level unless somebody has chosen one.
fn load_with(inputs: &Inputs, own_level: Option<&str>) -> Result<Config, Failure> {
    let config = Config::load(inputs)?;
    telemetry::start(&config.log, own_level)?;
    Ok(config)
}

fn inputs(global: GlobalArgs) -> Result<Inputs, Failure> {
    let mut flags = Vec::new();
    for setting in global.settings {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::usage("--set needs NAME=VALUE, for example --set recent_ms=0"))?;
        flags.push((name.to_owned(), value.to_owned()));
    }
    let named = [("data_dir", global.data_dir), ("database_url", global.database_url), ("log_level", global.log_level)];
    flags.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Ok(Inputs { environment: Environment::of_process()?, file: global.config, flags })
}
