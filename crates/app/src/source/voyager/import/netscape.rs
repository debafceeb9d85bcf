//! The cookies file of Netscape, as `curl`, `yt-dlp` and browser extensions write it: seven fields between tabs.
//!
//! Cookies of other sites are passed over silently; they are none of our business.

use super::super::cookies::is_own_domain;
use super::{ImportError, Taken, expiry};

const FIELDS: usize = 7;
const HTTP_ONLY: &str = "#HttpOnly_";

/// Whether a text is such a file.
pub(super) fn looks_like(text: &str) -> bool {
    let is_titled = text.lines().next().is_some_and(|line| line.contains("HTTP Cookie File"));
    is_titled || lines(text).next().is_some_and(|line| line.split('\t').count() >= FIELDS)
}

/// Takes the cookies of a file.
pub(super) fn read(text: &str, taken: &mut Taken) -> Result<(), ImportError> {
    for (position, line) in lines(text).enumerate() {
        let fields: Vec<&str> = line.splitn(FIELDS, '\t').collect();
        let (Some(domain), Some(name), Some(value)) = (fields.first(), fields.get(5), fields.get(6)) else {
            let what = format!("cookie line {} has fewer than {FIELDS} fields", position + 1);
            return Err(ImportError::Damaged { form: "cookies file", what });
        };
        if is_own_domain(domain.trim()) {
            let expires_at = fields.get(4).and_then(|field| expiry::of_text(field));
            taken.cookie(name.trim(), value.trim_matches([' ', '\r']), expires_at)?;
        }
    }
    Ok(())
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| match line.strip_prefix(HTTP_ONLY) {
        Some(cookie) => Some(cookie),
        None => Some(line).filter(|line| !line.starts_with('#') && !line.trim().is_empty()),
    })
}
