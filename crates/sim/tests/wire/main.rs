//! The wire of the simulator, seen by a small client of its own that knows nothing of the simulator's insides.
//!
//! Everything but `http` runs in process with invented times: no socket, no clock, no sleep.

#[cfg(test)]
mod canonical;
#[cfg(test)]
mod client;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod http;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod switches;
#[cfg(test)]
mod variants;
#[cfg(test)]
mod walk;
