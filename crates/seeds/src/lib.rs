//! The whole program under simulation: one seed is one life of it, with any trouble, in any order, on one thread.
//!
//! Engine, parser, session, worker, verbs and store are the real ones; network, clock, randomness and the moments at which
//! something durable happens are played. Nothing here looks at a real clock or a real network, and nothing may depend on
//! anything but the seed: the same seed is the same life, to the byte.

pub mod acts;
pub mod ask;
pub mod calm;
pub mod checks;
pub mod crowd;
pub mod doors;
pub mod draw;
pub mod life;
pub mod node;
pub mod plan;
pub mod seam;
/// A PostgreSQL server: the same as for the tests of the store.
#[path = "../../app/tests/it/pg.rs"]
pub mod server;
pub mod shrink;
pub mod stage;
pub mod storm;
pub mod story;
pub mod tally;
pub mod wire;
