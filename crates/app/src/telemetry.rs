//! The log: standard error, filtered, as text or as JSON lines.
//!
//! Log lines are about runs, requests and rows; message texts, names, cookies, tokens and keys never enter a field
//! (invariant I8), so nothing has to be filtered out here.

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogFormat, LogSettings};

/// What a server logs unless somebody has chosen otherwise.
pub const SERVER_LEVEL: &str = "info,sqlx=warn,hyper=warn,reqwest=warn";
/// What a command with a progress bar logs unless somebody has chosen otherwise: passing trouble is shown by the bar and
/// counted by the report.
pub const PROGRESS_LEVEL: &str = "error";

/// Starts the log of this process. A second start changes nothing.
pub fn start(settings: &LogSettings, own_level: Option<&str>) -> Result<(), ConfigError> {
    let level = match (settings.is_chosen, own_level) {
        (false, Some(level)) => level,
        _ => &settings.level,
    };
    let filter = filter(level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that a log was started before, which is as good.
    let _ = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_target(false).try_init()
        }
    };
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::builder().parse(level).map_err(|_| {
        ConfigError::bad("log_level", "it must be error, warn, info, debug, trace or a filter such as threadkeep=debug")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert!(filter("threadkeep=debug,warn").is_ok());
        assert!(filter("threadkeep=loud").is_err());
    }
}
