//! `threadkeep doctor`: looks at everything that can be wrong and says what to do about it.
//!
//! It asks LinkedIn nothing and repairs nothing: a check reads, and its remedy is a command for the person. One failed
//! check must never hide the others.

use clap::Args;
use serde_json::{Value, json};

use crate::config::{Config, Inputs};

use super::doctor_checks::{Check, Finding, all};
use super::failure::{Ended, OK, OTHER};
use super::{console, table};

const AFTER_HELP: &str = "\
Each line is ok, warn or fail, with what to do. Exit code 1 when anything failed. Sends nothing to LinkedIn.

Examples:
  threadkeep doctor
  threadkeep doctor --json";

/// Look for what is wrong and say what to do.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DoctorArgs {
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: DoctorArgs, inputs: &Inputs) -> Ended {
    let checks = match Config::load(inputs) {
        Ok(config) => all(&config).await,
        Err(error) => {
            vec![Check::new("configuration", Finding::Fail, error.to_string(), "correct it; docs/CONFIG.md lists all")]
        }
    };
    let is_fine = checks.iter().all(|check| check.finding != Finding::Fail);
    match args.json {
        true => console::json(&json!({"ok": is_fine, "checks": checks.iter().map(object).collect::<Vec<Value>>()}))?,
        false => {
            for check in &checks {
                console::result(&line(check))?;
            }
        }
    }
    Ok(if is_fine { OK } else { OTHER })
}

fn line(check: &Check) -> String {
    let mut line = format!("{:<5} {:<14} {}", check.finding.as_str(), check.subject, table::safe_line(&check.found));
    if let Some(remedy) = &check.remedy {
        line.push_str(&format!("\n      {:<14} -> {remedy}", ""));
    }
    line
}

fn object(check: &Check) -> Value {
    json!({
        "check": check.subject,
        "state": check.finding.as_str(),
        "found": check.found,
        "remedy": check.remedy,
    })
}
