//! The program: it mirrors a member's conversations into a database and serves them.
//!
//! ```text
//!   cli ──┐                    ┌─ store (SQLite | PostgreSQL)
//!   http ─┼─► verbs ─► App ────┤
//!         │            ▲       └─ clock, chance
//!         └─ worker ───┴─► source (voyager) ─► egress ─► LinkedIn, or the simulator
//! ```
//!
//! HTTP and CLI call verbs; only verbs and workers touch the store; only workers ask a source, and `verbs::accounts`
//! when a login is proved. A read never causes a request to LinkedIn (invariant I4).

pub mod app;
pub mod archive;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod forms;
pub mod http;
pub mod lifecycle;
pub mod planted;
pub mod refusal;
pub mod seal;
pub mod source;
pub mod store;
pub mod telemetry;
mod tenure;
pub mod vault;
pub mod verbs;
mod web;
pub mod worker;
