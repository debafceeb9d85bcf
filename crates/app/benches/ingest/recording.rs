//! The answers of a whole import, recorded once from the simulated LinkedIn.

use std::path::Path;

use anyhow::Result;
use threadkeep::source::voyager::parse_reply;
use threadkeep_core::id::PersonId;
use threadkeep_core::sync::{Step, absorb, next_step};

use crate::mirror::{Inbox, Mirror};

const MESSAGES_PER_CONVERSATION: f64 = 100.0;

/// Questions and answers in their order.
pub struct Recording {
    pub answers: Vec<(Step, Vec<u8>)>,
    pub messages: u64,
    pub member: PersonId,
}

impl Recording {
    /// Size of all answers.
    pub fn megabytes(&self) -> f64 {
        let bytes: usize = self.answers.iter().map(|(_, body)| body.len()).sum();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let bytes = bytes as f64;
        bytes / 1e6
    }
}

/// Imports a generated inbox once and keeps what was answered.
pub async fn record(path: &Path, messages: u32) -> Result<Recording> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive count")]
    let conversations = (f64::from(messages) / MESSAGES_PER_CONVERSATION).ceil() as usize;
    let mut inbox = Inbox::generate(conversations, MESSAGES_PER_CONVERSATION)?;
    let mut mirror = Mirror::open(path, &inbox.member).await?;
    let mut answers = Vec::new();
    let mut count = 0;
    loop {
        let now = mirror.now();
        let step = next_step(&mirror.state, now);
        if step == Step::Done {
            break;
        }
        let body = inbox.answer(&step)?;
        let reply = parse_reply(&step, &body)?;
        let batch = absorb(&mirror.state, &step, reply, now);
        (count, _) = mirror.commit(batch).await?;
        answers.push((step, body));
    }
    mirror.close().await;
    Ok(Recording { answers, messages: count, member: inbox.member })
}
