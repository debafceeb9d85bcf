//! threadkeep-sim: a simulated LinkedIn messaging server, for tests, demonstrations and judges.
//!
//! It shares no type and no parser with the mirror: a mistake in one can never hide the same mistake in the other. The
//! heart, [`Simulator::respond`], is pure; [`RunningServer`] serves it on loopback.

pub mod chance;
pub mod cli;
pub mod clock;
pub mod control;
pub mod faults;
pub mod ledger;
pub mod request;
pub mod server;
pub mod sessions;
pub mod simulator;
mod strikes;
pub mod switches;
pub mod voyager;
mod walls;
pub mod world;

pub use control::Credentials;
pub use faults::{Fault, FaultKind, Faults, FaultsError, Malformation};
pub use ledger::{Ledger, LedgerLine, Purpose};
pub use request::{Answer, Outcome, Request};
pub use server::{RunningServer, SharedSimulator, listen, serve};
pub use simulator::{Simulator, SimulatorOptions};
pub use switches::Switches;
pub use world::{GenerateOptions, Mutation, World};
