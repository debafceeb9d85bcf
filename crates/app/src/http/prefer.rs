//! How long a caller is willing to wait: the `Prefer` header (RFC 7240).
//!
//! A preference is a wish: what cannot be understood is ignored, and what is too long is cut to what is allowed.

use axum::http::{HeaderMap, HeaderValue};

use crate::app::SyncSettings;

/// How long to wait, and what to say about having obeyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patience {
    /// Milliseconds to wait.
    pub(super) wait_ms: i64,
    /// Value of `Preference-Applied`, when there was a preference.
    pub(super) applied: Option<HeaderValue>,
}

/// The wish of a request; `wait` goes before `respond-async`.
pub(super) fn patience(headers: &HeaderMap, settings: &SyncSettings) -> Patience {
    let wishes: Vec<String> = headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|wish| wish.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .collect();
    let wait = wishes.iter().find_map(|wish| {
        let (name, seconds) = wish.split_once('=')?;
        let seconds = seconds.trim().trim_matches('"').parse::<u32>().ok()?;
        (name.trim() == "wait").then_some(i64::from(seconds))
    });
    if let Some(seconds) = wait {
        let wait_ms = (seconds * 1_000).min(settings.wait_max_ms);
        let applied = HeaderValue::from_str(&format!("wait={}", wait_ms / 1_000)).ok();
        return Patience { wait_ms, applied };
    }
    match wishes.iter().any(|wish| wish == "respond-async") {
        true => Patience { wait_ms: 0, applied: Some(HeaderValue::from_static("respond-async")) },
        false => Patience { wait_ms: settings.wait_default_ms.min(settings.wait_max_ms), applied: None },
    }
}
