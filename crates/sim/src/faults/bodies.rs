//! Particulars of the faults that strike files and bodies: which lie, which disguise, how far, how slowly.
//!
//! Everything is bounded, so that a test that waits for the end of a body sees one.

use serde::{Deserialize, Serialize};

use super::{Fault, FaultKind};

/// How a promised length differs from the true one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthLie {
    /// Half of it is promised and sent; nothing on the wire tells that there was more.
    Short,
    /// More is promised than there is; the connection ends early.
    Long,
}

/// What comes instead of the file, under the type of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disguise {
    /// A web page.
    Html,
    /// An SVG with a script.
    Svg,
}

/// Where a redirect leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectTarget {
    /// To the login page.
    Login,
    /// To a port of this machine at which nobody should ever knock.
    Loopback,
    /// To the very same address.
    Itself,
}

/// Longest pause before a piece of a slow body.
pub const PAUSE_MAX_MS: u64 = 60_000;
/// Most bytes of an endless body and of an unpacked bomb.
pub const TOTAL_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Longest target of a redirect.
const LOCATION_MAX: usize = 2_048;

impl Fault {
    /// The first key of this file that makes no sense, and what would be right.
    pub(super) fn check_bodies(&self, kind: FaultKind) -> Option<(&'static str, &'static str)> {
        if let Some(status) = self.status {
            let (right, advice) = match kind {
                FaultKind::ExpiredLink => (matches!(status, 403 | 404 | 410), "give 403, 404 or 410"),
                _ => ((500..=599).contains(&status), "give a status from 500 to 599"),
            };
            if !right {
                return Some(("status", advice));
            }
        }
        if self.piece_bytes == Some(0) {
            return Some(("piece_bytes", "give at least 1"));
        }
        if self.pause_ms.is_some_and(|pause_ms| pause_ms > PAUSE_MAX_MS) {
            return Some(("pause_ms", "give at most 60000"));
        }
        if self.total_bytes.is_some_and(|bytes| !(1..=TOTAL_BYTES_MAX).contains(&bytes)) {
            return Some(("total_bytes", "give a number from 1 to 68719476736"));
        }
        let location = self.location.as_deref();
        if location.is_some_and(|text| text.len() > LOCATION_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Some(("location", "give at most 2048 visible ASCII characters without blanks"));
        }
        None
    }

    /// The keys of this file: name, whether it is given, whether this kind has it.
    pub(super) fn body_keys(&self, kind: FaultKind) -> [(&'static str, bool, bool); 8] {
        use FaultKind as K;
        [
            ("status", self.status.is_some(), matches!(kind, K::ServerError | K::ExpiredLink)),
            ("piece_bytes", self.piece_bytes.is_some(), kind == K::SlowBody),
            ("pause_ms", self.pause_ms.is_some(), kind == K::SlowBody),
            ("total_bytes", self.total_bytes.is_some(), matches!(kind, K::EndlessBody | K::GzipBomb)),
            ("length", self.length.is_some(), kind == K::WrongLength),
            ("disguise", self.disguise.is_some(), kind == K::WrongType),
            ("to", self.to.is_some(), kind == K::Redirect),
            ("location", self.location.is_some(), kind == K::Redirect),
        ]
    }
}
