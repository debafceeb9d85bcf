//! The one door to the system clock of the simulator.
//!
//! Only the HTTP server asks it. Everything else is told the time, so that a test may invent it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 in UTC; 0 when the clock stands before that.
#[expect(clippy::disallowed_methods, reason = "the door through which time enters the simulator's server")]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|span| i64::try_from(span.as_millis()).ok()).unwrap_or(0)
}
