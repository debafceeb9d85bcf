//! The simulated LinkedIn of a demo, in this process and on loopback.
//!
//! The program talks to it over HTTP only, like to the real one. What is taken from it directly is what no client could
//! see: the credentials of its member, the truth, and what went wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{MutexGuard, PoisonError};

use threadkeep_sim::{Faults, GenerateOptions, RunningServer, Simulator, SimulatorOptions, World};

use crate::clock::{Clock as _, SystemClock};

use super::super::failure::{Failure, OTHER};
use super::super::table::number;
use super::DemoArgs;

/// A running simulator.
pub(super) struct Simulated {
    server: RunningServer,
    url: String,
}

impl Simulated {
    /// Invents an inbox and serves it on a free port.
    pub(super) async fn start(args: &DemoArgs) -> Result<Self, Failure> {
        let world = World::generate(&GenerateOptions {
            seed: args.seed,
            conversations: usize::try_from(args.conversations).unwrap_or(usize::MAX),
            messages_mean: f64::from(args.messages_mean),
            accounts: 1,
            first: 0,
            now_ms: SystemClock.now().0,
        });
        let simulator = Simulator::new(world, SimulatorOptions { seed: args.seed, ..SimulatorOptions::default() });
        let server = RunningServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), simulator).await;
        let server =
            server.map_err(|error| Failure::new(OTHER, format!("the simulated LinkedIn cannot start: {error}")))?;
        Ok(Self { url: server.url(), server })
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A logged-in request of its member, as a browser copies it.
    pub(super) fn session(&self) -> Result<String, Failure> {
        let member = self.lock().credentials().into_iter().next();
        let member = member.ok_or_else(|| Failure::new(OTHER, "the simulated LinkedIn has no member"))?;
        Ok(format!(
            "curl 'https://www.linkedin.com/messaging/' -H 'user-agent: {}' -H 'cookie: {}'",
            member.user_agent, member.cookie
        ))
    }

    /// Lets things go wrong from now on.
    pub(super) fn make_trouble(&self, preset: &str) -> Result<(), Failure> {
        let faults = Faults::preset(preset);
        let faults = faults.ok_or_else(|| Failure::new(OTHER, format!("the simulator has no faults {preset}")))?;
        self.lock().set_faults(faults);
        Ok(())
    }

    /// What went wrong, in words.
    pub(super) fn trouble_made(&self) -> Result<String, Failure> {
        let struck = self.lock().faults_struck();
        let kinds = struck.iter().filter(|(kind, _)| **kind != "latency");
        let words: Vec<String> =
            kinds.map(|(kind, times)| format!("{} {}", number(*times), kind.replace('_', " "))).collect();
        Ok(match words.is_empty() {
            true => "no faults".to_owned(),
            false => words.join(", "),
        })
    }

    /// The truth of a member's mailbox in the canonical form.
    pub(super) fn truth(&self, member: &str, categories: &[String]) -> Result<String, Failure> {
        let names: Vec<&str> = categories.iter().map(String::as_str).collect();
        let mut bytes = Vec::new();
        let failed = |what: String| Failure::new(OTHER, format!("the truth cannot be written: {what}"));
        self.lock().world().truth(member, &names, &mut bytes).map_err(|error| failed(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
    }

    /// Stops serving.
    pub(super) async fn stop(self) {
        self.server.shutdown().await;
    }

    fn lock(&self) -> MutexGuard<'_, Simulator> {
        self.server.simulator().lock().unwrap_or_else(PoisonError::into_inner)
    }
}
