//! The whole pipeline: parse, absorb, commit; each page is one transaction.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use threadkeep::source::voyager::parse_reply;
use threadkeep_core::sync::{absorb, next_step};

use crate::mirror::Mirror;
use crate::recording::Recording;

/// Takes in a recording; gives the time from the first byte to the last commit, and the number of events of each page.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub async fn take_in(path: &Path, recording: &Recording) -> Result<(Duration, Vec<u64>)> {
    let mut mirror = Mirror::open(path, &recording.member).await?;
    let mut events = Vec::with_capacity(recording.answers.len());
    let mut messages = 0;
    let start = Instant::now();
    for (step, body) in &recording.answers {
        ensure!(next_step(&mirror.state, mirror.now()) == *step, "the recording does not fit");
        let reply = parse_reply(step, body)?;
        let batch = absorb(&mirror.state, step, reply, mirror.now());
        let (so_far, told) = mirror.commit(batch).await?;
        messages = so_far;
        events.push(told);
    }
    let time = start.elapsed();
    ensure!(messages == recording.messages, "{messages} messages, expected {}", recording.messages);
    mirror.close().await;
    Ok((time, events))
}
