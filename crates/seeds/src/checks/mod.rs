//! What must hold: at every commit, at every request, and when the trouble is over.
//!
//! Each check has a name of its own, by which a shrunk life is known to be the same failure. A check may look behind the
//! program's back and must never change anything.

pub mod book;
pub mod budget;
pub mod commits;
pub mod ending;
pub mod files;
pub mod likeness;
pub mod manners;
