//! The log: standard error, filtered, as text or as JSON lines.
//!
//! Log lines are about runs, requests and rows; message texts, names, cookies, tokens and keys never enter a field
//! (invariant I8). What stands in a line is not trusted to be plain all the same: one event is one line, and nothing in
//! it can steer a terminal or look like another line. A panic tells where it was and never what it said.

use std::io::{self, Write};
use std::panic::Location;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

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
    // Colours would have to be told from those that somebody has sent: there are none.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Plain(io::stderr as fn() -> _));
    // An error means that a log was started before, which is as good.
    let _ = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
    std::panic::set_hook(Box::new(|panic| tracing::error!("a panic at {}", place(panic.location()))));
    Ok(())
}

/// From now on a panic tells its place alone, to standard error until a log is started.
pub fn hush_panics(tell: fn(&str)) {
    std::panic::set_hook(Box::new(move |panic| {
        tell(&format!("error: a mistake of ours at {}; please report it", place(panic.location())));
    }));
}

/// Where a panic was. Its message is left out: it may quote any text that the program was working on.
fn place(location: Option<&Location<'_>>) -> String {
    location.map_or_else(|| "an unknown place".to_owned(), |at| format!("{}:{}", at.file(), at.line()))
}

/// Writes what another writer makes, without anything that is not plain.
struct Plain<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Plain<M> {
    type Writer = PlainWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        PlainWriter(self.0.make_writer())
    }
}

/// Writes each event, which comes as one piece with a line break at its end, as one line.
struct PlainWriter<W>(W);

impl<W: Write> Write for PlainWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        self.0.write_all((plain(line) + "\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text in which every character that is not plain is written as JSON writes it, so that both forms of the log stay
/// what they are.
fn plain(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for one in text.chars() {
        match is_plain(one) {
            true => written.push(one),
            false => written.push_str(&format!("\\u{:04x}", u32::from(one))),
        }
    }
    written
}

/// Whether a character neither steers a terminal, nor breaks a line, nor turns the direction of a text.
fn is_plain(one: char) -> bool {
    let turns = matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !one.is_control() && !turns && !matches!(one, '\u{2028}' | '\u{2029}' | '\u{feff}')
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
    fn row_44_an_event_is_one_line_whatever_is_in_it() {
        let hostile = "ok\n2026-01-01 INFO fake\r\x1b[31mred\u{9b}2J\u{2028}\u{202e}evil\x07\t\0é";
        let mut written = Vec::new();
        let taken = PlainWriter(&mut written).write(format!("{hostile}\n").as_bytes()).unwrap();
        assert_eq!(taken, hostile.len() + 1);
        let line = String::from_utf8(written).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with("é\n") && line.chars().filter(|one| one.is_control()).count() == 1, "{line:?}");
        assert!(line.starts_with(r"ok\u000a2026-01-01 INFO fake\u000d\u001b[31mred\u009b2J\u2028\u202eevil"), "{line}");
        let json: String = serde_json::from_str(&format!("\"{}\"", plain(hostile))).unwrap();
        assert_eq!(json, hostile, "in a JSON text it means the same");
    }

    #[test]
    fn row_45_a_panic_tells_its_place_alone() {
        let told = place(Some(Location::caller()));
        assert!(told.ends_with(&format!("telemetry.rs:{}", line!() - 1)), "{told}");
        assert_eq!(place(None), "an unknown place");
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert!(filter("threadkeep=debug,warn").is_ok());
        assert!(filter("threadkeep=loud").is_err());
    }
}
