//! Crashes, lost power, broken disks, foreign locks and cut connections: at each durable effect of a fixed corpus.
//!
//! A program of its own, so that `cargo xtask crash` builds and runs nothing else. No hook is in the program under test:
//! the shim takes the place of the system's calls, and a proxy that of the network.

#[cfg(test)]
mod busy;
#[cfg(test)]
mod content;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod dose;
#[cfg(test)]
mod errors;
#[cfg(test)]
#[expect(dead_code, reason = "the other test program uses the rest of it")]
#[path = "../it/harness.rs"]
mod harness;
#[cfg(test)]
mod kills;
#[cfg(test)]
#[expect(dead_code, reason = "the other test program uses the rest of it")]
#[path = "../it/pg.rs"]
mod pg;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod shim;
#[cfg(test)]
mod stage;
#[cfg(test)]
#[expect(dead_code, reason = "the other test program uses the rest of it")]
#[path = "../it/store_database.rs"]
mod store_database;
#[cfg(test)]
mod trial;
