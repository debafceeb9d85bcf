//! What the functions of the core say about single values: each rule of records, lines, steps and tracks by itself.
//!
//! The random worlds show that the whole converges; these show why, and fail near their cause.

#[cfg(test)]
mod absorbing;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod names;
#[cfg(test)]
mod records;
#[cfg(test)]
mod settling;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod tracks;
#[cfg(test)]
mod walks;
