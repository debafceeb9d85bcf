//! The control surface under `/_sim/`: how a tester looks at the simulator and changes it from outside.
//!
//! These requests are never in the ledger, never meet a fault and need no session. A body that is not understood
//! changes nothing and is answered with what is wrong.

mod change;
mod report;

use serde_json::json;

use crate::request::{Answer, Request};
use crate::simulator::Simulator;
use crate::world::model::Ms;

pub use report::{Credentials, account_id, credentials};

/// Every control path begins with this.
pub const PREFIX: &str = "/_sim";

/// Answers a control request.
pub fn answer(simulator: &mut Simulator, now_ms: Ms, request: &Request) -> Answer {
    let path = request.path().trim_end_matches('/');
    let result = match (request.method.as_str(), path) {
        ("GET", "/_sim") => Ok(Answer::text(200, INDEX)),
        ("GET", "/_sim/credentials") => report::credentials_answer(simulator),
        ("GET", "/_sim/truth") => report::truth(simulator, request.query()),
        ("GET", "/_sim/archive") => report::archive(simulator, request.query()),
        ("GET", "/_sim/ledger") => report::ledger(simulator, request.query()),
        ("GET", "/_sim/stats") => report::stats(simulator),
        ("GET", "/_sim/media") => report::media(simulator, request.query()),
        ("GET", "/_sim/faults") => report::faults(simulator),
        ("GET", "/_sim/switches") => report::switches(simulator),
        ("GET", "/_sim/query_ids") => report::query_ids(),
        ("POST", "/_sim/mutate") => change::mutate(simulator, now_ms, &request.body),
        ("POST", "/_sim/faults") => change::faults(simulator, &request.body),
        ("POST", "/_sim/switches") => change::switches(simulator, &request.body),
        ("POST", "/_sim/ledger/clear") => change::clear_ledger(simulator),
        ("POST", "/_sim/media/expire") => change::expire_links(simulator, &request.body),
        ("POST", "/_sim/kill_session") => change::kill_session(simulator, &request.body),
        (_, known) if PATHS.contains(&known) => {
            Err(refused(405, "this path does not take this method; GET /_sim lists them"))
        }
        _ => Err(refused(404, "no such control path; GET /_sim lists them")),
    };
    let mut answer = result.unwrap_or_else(|refusal| refusal);
    answer.may_compress = false;
    answer
}

/// A refusal with its reason.
fn refused(status: u16, error: &str) -> Answer {
    Answer::json(status, json!({ "error": error }).to_string().into_bytes())
}

const PATHS: [&str; 14] = [
    "/_sim",
    "/_sim/credentials",
    "/_sim/truth",
    "/_sim/archive",
    "/_sim/media",
    "/_sim/media/expire",
    "/_sim/ledger",
    "/_sim/stats",
    "/_sim/faults",
    "/_sim/switches",
    "/_sim/query_ids",
    "/_sim/mutate",
    "/_sim/ledger/clear",
    "/_sim/kill_session",
];

const INDEX: &str = "\
threadkeep-sim: a simulated LinkedIn. Nothing here is real.

GET  /_sim/credentials                       accounts with a ready Cookie header each
GET  /_sim/truth?account=URN&categories=A,B  the canonical export of a mailbox, JSON Lines
GET  /_sim/archive?account=URN&era=2026       a mailbox as LinkedIn's data export, a zip
GET  /_sim/media?account=URN&asset=A         every file behind a link, with its hash, JSON Lines
POST /_sim/media/expire                      {\"asset\":A,\"status\":403}; without asset every link
GET  /_sim/ledger?since=N                    every request so far, JSON Lines
POST /_sim/ledger/clear                      forget them
GET  /_sim/stats                             counts
GET  /_sim/faults, POST /_sim/faults         what goes wrong (a preset name or kinds)
GET  /_sim/switches, POST /_sim/switches     how this LinkedIn behaves (missing keys keep their value)
GET  /_sim/query_ids                         known query ids and their variants
POST /_sim/mutate                            one verb or an array of verbs
POST /_sim/kill_session                      {\"account\":URN,\"form\":\"revoked_redirect\"}
";
