//! The door by which a simulation stands in for the network.
//!
//! Compiled only for `crates/seeds`; no build of the program has it. What goes through it is the request that would have
//! been sent, after every check of the egress.

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use url::Url;

use super::egress::{Answer, BODY_MAX, EgressFault, FileLimits, TOTAL_TIMEOUT_S};

/// One GET as it would have been sent.
pub struct Question {
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Whether it is for a file, of whose answer only a good one's body is read.
    pub is_file: bool,
    /// Bytes of the body that are borne.
    pub body_max: usize,
    /// How long the whole exchange may take.
    pub total_ms: u64,
}

impl Question {
    /// A question of a source.
    pub(super) fn of_source(url: Url, headers: HeaderMap) -> Self {
        Self { url, headers, is_file: false, body_max: BODY_MAX, total_ms: TOTAL_TIMEOUT_S * 1_000 }
    }

    /// A question of the gate for files.
    pub(super) fn of_file(url: Url, headers: HeaderMap, limits: FileLimits) -> Self {
        let total_ms = u64::try_from(limits.total.as_millis()).unwrap_or(u64::MAX);
        Self { url, headers, is_file: true, body_max: limits.body_max, total_ms }
    }
}

/// Stands for the network.
#[async_trait]
pub trait Transport: Send + Sync {
    /// What comes of a question.
    async fn get(&self, question: Question) -> Result<Answer, EgressFault>;
}
