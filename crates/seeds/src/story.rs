//! The story of a life: every request, answer, commit, act and trouble in its order, as one hash and, if wanted, as lines.
//!
//! Two lives of one seed must have the same hash. Everything in a world is invented, so lines may show it.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher};

use crate::doors::BEGIN_MS;

/// What has happened so far.
pub struct Story {
    hasher: DefaultHasher,
    line: String,
    lines: Option<Vec<String>>,
    events: u64,
}

impl Story {
    /// A story without events; keeps its lines or only their hash.
    pub fn new(keeps_lines: bool) -> Self {
        Self { hasher: DefaultHasher::new(), line: String::new(), lines: keeps_lines.then(Vec::new), events: 0 }
    }

    /// Something happened.
    pub fn tell(&mut self, now_ms: i64, who: impl fmt::Display, what: fmt::Arguments<'_>) {
        self.line.clear();
        let since_ms = now_ms - BEGIN_MS;
        // Writing to a text does not fail.
        let _ = write!(self.line, "{:>10}.{:03} {who:<7} {what}", since_ms / 1_000, since_ms % 1_000);
        self.hasher.write(self.line.as_bytes());
        self.events += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(self.line.clone());
        }
    }

    /// Bytes that count for the hash and are not shown.
    pub fn count(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The lines, if they were kept.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
