//! The answers of a whole import, recorded once from the simulated LinkedIn.

use std::path::Path;

use anyhow::{Context, Result};
use threadkeep::source::egress::Upstream;
use threadkeep::source::voyager::request::url;
use threadkeep::source::voyager::{QueryIds, parse_reply};
use threadkeep_core::id::PersonId;
use threadkeep_core::sync::{Step, absorb, next_step};
use threadkeep_sim::{GenerateOptions, Outcome, Request, Simulator, SimulatorOptions, World};

use crate::pipeline::Mirror;

/// When the recorded import happened.
pub const NOW_MS: i64 = 1_790_000_000_000;
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
    let world = World::generate(&GenerateOptions {
        seed: 1,
        conversations,
        messages_mean: MESSAGES_PER_CONVERSATION,
        ..GenerateOptions::at(NOW_MS)
    });
    let mut simulator = Simulator::new(world, SimulatorOptions::default());
    let login = simulator.credentials().into_iter().next().context("an account")?;
    let member = PersonId::parse(&login.member_urn)?;
    let upstream = Upstream::parse("http://127.0.0.1:9")?;
    let mut mirror = Mirror::open(path, &member).await?;
    let mut answers = Vec::new();
    let mut count = 0;
    loop {
        let now = mirror.now();
        let step = next_step(&mirror.state, now);
        if step == Step::Done {
            break;
        }
        let target = url(&upstream, &QueryIds::default(), &member, &step)?;
        let target = format!("{}?{}", target.path(), target.query().unwrap_or_default());
        let body = answer(&mut simulator, &target, &login.cookie)?;
        let reply = parse_reply(&step, &body)?;
        let batch = absorb(&mirror.state, &step, reply, now);
        (count, _) = mirror.commit(batch).await?;
        answers.push((step, body));
    }
    mirror.close().await;
    Ok(Recording { answers, messages: count, member })
}

fn answer(simulator: &mut Simulator, target: &str, cookie: &str) -> Result<Vec<u8>> {
    let session = cookie.split("JSESSIONID=").nth(1).and_then(|rest| rest.split(';').next()).context("a session")?;
    let request = Request::get(target)
        .header("cookie", cookie)
        .header("csrf-token", session.trim_matches('"'))
        .header("accept", "application/graphql");
    match simulator.respond(NOW_MS, &request) {
        Outcome::Answer(answer) if answer.status == 200 => Ok(answer.body),
        Outcome::Answer(answer) => anyhow::bail!("status {}", answer.status),
        Outcome::Reset => anyhow::bail!("reset"),
    }
}
