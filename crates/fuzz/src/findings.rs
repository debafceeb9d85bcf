//! What a trial showed: that all is well, in which shape, or which property was broken.
//!
//! A broken property is told without the input; the input is kept as a file.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What an input led to: inputs of a new shape are worth changing further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape(u64);

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach(pub String);

/// How a trial went.
pub type Outcome = Result<Shape, Breach>;

impl Shape {
    /// The shape that these values stand for.
    pub fn of(what: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Fails unless the property holds.
pub fn holds(is_so: bool, property: &str) -> Result<(), Breach> {
    match is_so {
        true => Ok(()),
        false => Err(Breach(property.to_owned())),
    }
}

/// What is planted in inputs where a secret would be.
pub const CANARY: &str = "canary-7f3a";

/// Fails when a text for logs or people repeats what was planted, or has no end.
pub fn is_discreet(text: &str) -> Result<(), Breach> {
    holds(!text.contains(CANARY), "an error repeats a secret")?;
    holds(text.len() <= 2_000, "an error has no bound")
}
