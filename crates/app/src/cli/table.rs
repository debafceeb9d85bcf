//! Lists for people: plain columns without frames, so that they read well and cut well.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp as Instant;
use threadkeep_core::time::Timestamp;

/// A table with these column titles.
pub fn titled(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(titles);
    table
}

/// A table as lines without blanks at their ends.
pub fn lines(table: &Table) -> String {
    table.to_string().lines().map(|line| line.trim_end().trim_start_matches(' ')).collect::<Vec<_>>().join("\n")
}

/// A point in time for people, in UTC.
pub fn time(at: Timestamp) -> String {
    match Instant::from_millisecond(at.0) {
        Ok(instant) => instant.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{} ms", at.0),
    }
}

/// A point in time for people, or a word for none.
pub fn time_or(at: Option<Timestamp>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), time)
}

/// A point in time for programs.
pub fn time_json(at: Option<Timestamp>) -> serde_json::Value {
    let text = at.and_then(|at| Instant::from_millisecond(at.0).ok()).map(|instant| format!("{instant:.3}"));
    text.map_or(serde_json::Value::Null, Into::into)
}

/// A span of time for people.
pub fn span(ms: i64) -> String {
    let seconds = ms.max(0).saturating_add(999) / 1_000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A number for people, with its digits in groups of three.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Text that comes from upstream, safe for a terminal: no control characters, and not endless.
pub fn safe(text: &str) -> String {
    const LENGTH_MAX: usize = 60;
    let mut clean: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(LENGTH_MAX).collect();
    if text.chars().nth(LENGTH_MAX).is_some() {
        clean.push('…');
    }
    clean
}

/// A sentence of our own that may quote something from outside: no control characters.
pub fn safe_line(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!((number(7), number(1_000), number(1_234_567)), ("7".into(), "1,000".into(), "1,234,567".into()));
        assert_eq!((span(1), span(119_000), span(120_000)), ("1 s".into(), "119 s".into(), "2 min".into()));
        assert_eq!(time(Timestamp(1_700_000_000_000)), "2023-11-14 22:13:20 UTC");
        assert_eq!(time_json(Some(Timestamp(1_700_000_000_000))), "2023-11-14T22:13:20.000Z");
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\nc"), "a [31mb c");
        assert_eq!(safe(&"x".repeat(100)).chars().count(), 61);
    }
}
