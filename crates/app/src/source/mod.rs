//! Where conversations come from: one question at a time to somebody who has them.
//!
//! Only workers may hold a source. A source asks, reads and reports; it never waits, never retries except for the one
//! re-read of a rotated secret, never decides what comes next, and never writes upstream (invariant I10).

use async_trait::async_trait;
use threadkeep_core::page::{Reply, Trouble};
use threadkeep_core::sync::Step;

/// One answer, and the session when upstream renewed it.
#[derive(Debug)]
pub struct Fetched {
    /// The answer.
    pub reply: Reply,
    /// The session to keep from now on, when an answer changed it.
    pub renewed: Option<voyager::Session>,
    /// Requests that were sent for it.
    pub requests: u32,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct FetchFailed {
    /// What has to be done about it.
    pub trouble: Trouble,
    /// The session to keep from now on: a failure that is not fatal may have rotated it.
    pub renewed: Option<voyager::Session>,
    /// Requests that were sent for it.
    pub requests: u32,
}

/// Knows whether whoever asks may still ask.
#[async_trait]
pub trait Leave: Send + Sync {
    /// Whether a question may be sent once more; long may have passed since the first time.
    async fn is_given(&self) -> bool;
}

/// Leave of somebody who shares the account with nobody.
#[derive(Debug, Clone, Copy)]
pub struct Always;

#[async_trait]
impl Leave for Always {
    async fn is_given(&self) -> bool {
        true
    }
}

/// Somebody to ask.
#[async_trait]
pub trait Source: Send + Sync {
    /// Asks what a step wants to know, and once more only with leave. Steps that ask nothing (rest, done) are a mistake of
    /// the caller and give [`Trouble::Refused`].
    async fn fetch(&mut self, step: &Step, leave: &dyn Leave) -> Result<Fetched, FetchFailed>;
    /// The session that media of this source are asked with.
    fn session(&self) -> &voyager::Session;
    /// Goes on with a session that an answer elsewhere has renewed.
    fn renew(&mut self, session: voyager::Session);
}

pub mod egress;
pub mod media;
pub mod public_address;
#[cfg(feature = "simulation")]
pub mod simulated;
pub mod vetting;
pub mod voyager;

// Here and not inside the predicate's file, which `cargo xtask addresses` compiles for itself.
#[cfg(test)]
#[path = "public_address/tests.rs"]
mod public_address_tests;
