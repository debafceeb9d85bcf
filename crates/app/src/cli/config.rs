//! `threadkeep config`: shows every setting with where it came from, and checks the configuration.
//!
//! Secrets are shown as set or not, never by value. Nothing is opened, created or asked.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::config::Config;

use super::console;
use super::failure::{Ended, OK};
use super::table::{lines, titled};

const AFTER_HELP: &str = "\
Examples:
  threadkeep config show
  THREADKEEP_LISTEN=127.0.0.1:9000 threadkeep config show --json
  threadkeep --config server.toml config check

Layers, the later one wins: defaults, file, environment (THREADKEEP_...), flags. docs/CONFIG.md lists all settings.";

/// Show and check the configuration.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show every setting with its value and where it came from.
    Show {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Only check; exit code 2 and what is wrong when it cannot be used.
    Check,
}

/// Runs the command.
pub(crate) fn run(args: &ConfigArgs, config: &Config) -> Ended {
    match args.command {
        ConfigCommand::Show { json: true } => console::json(&object(config))?,
        ConfigCommand::Show { json: false } => console::result(&text(config))?,
        ConfigCommand::Check => console::tell("the configuration is fine"),
    }
    Ok(OK)
}

fn object(config: &Config) -> Value {
    let mut all = Map::new();
    for one in config.shown() {
        all.insert(one.name.to_owned(), json!({"value": one.value, "from": one.from}));
    }
    Value::Object(all)
}

fn text(config: &Config) -> String {
    let mut table = titled(&["SETTING", "FROM", "VALUE"]);
    for one in config.shown() {
        table.add_row([one.name.to_owned(), one.from.clone(), plain(&one.value)]);
    }
    lines(&table)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(all) => {
            all.iter().map(|(name, one)| format!("{name}={}", plain(one))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
