//! Search: what a question means, which words a text is made of, and how a hit is shown.
//!
//! Questions and texts are cut into words by the same function, and both databases are only ever handed those words, so
//! that they find the same. Pure: no database, no clock; nothing here may panic, whatever is asked or kept.

mod date;
mod fold;
mod parse;
mod query;
mod snippet;
mod words;

pub use parse::{QueryError, parse, position_of};
pub use query::{Clause, Phrase, Query, What, Whom};
pub use snippet::{Part, Snippet, snippet};
pub use words::{Word, words, words_alone};

/// Grows whenever the same text is cut into other words: an index of another version is built anew.
pub const WORDS_VERSION: u32 = 1;
