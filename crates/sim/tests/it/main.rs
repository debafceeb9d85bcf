//! The simulator from outside: its world, and its wire as seen by a small client that knows nothing of its insides.
//!
//! Everything but `http` and `media_http` runs in process with invented times: no socket, no clock, no sleep.

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
mod media;
#[cfg(test)]
mod media_http;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod switches;
#[cfg(test)]
mod variants;
#[cfg(test)]
mod walk;
#[cfg(test)]
mod world_file;
#[cfg(test)]
mod world_generate;
#[cfg(test)]
mod world_truth;
#[cfg(test)]
mod world_verbs;
