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
pub mod media;
mod payload;
pub mod request;
pub mod server;
pub mod sessions;
pub mod simulator;
mod spoiled_bodies;
mod strikes;
pub mod switches;
pub mod voyager;
mod walls;
pub mod world;
pub mod zip;

pub use control::Credentials;
pub use faults::{Disguise, Fault, FaultKind, Faults, FaultsError, LengthLie, Malformation, RedirectTarget};
pub use ledger::{Ledger, LedgerLine, MediaNote, Purpose};
pub use request::{Answer, Listener, Outcome, Pace, Request};
pub use server::{RunningServer, SharedSimulator, listen, serve, serve_door};
pub use simulator::{Simulator, SimulatorOptions};
pub use switches::Switches;
pub use world::{ArchiveEra, ArchiveFile, GenerateOptions, Mutation, World};
