//! The pure middle of threadkeep: what is kept, what is the same, what changed, and what to ask next.
//!
//! | file | what is in it |
//! |---|---|
//! | `id`, `time` | ids as types, checked once; points in time |
//! | `person`, `conversation`, `message`, `content` | records as seen and as kept, and what may overwrite what |
//! | `archived` | a message as LinkedIn's data export tells it |
//! | `attachment` | which contents of a message are attachments, and in which order |
//! | `event` | the names of changes |
//! | `identity` | what is the same across sources: texts, names, profile links, rows without ids |
//! | `page` | what a source hands over, or the trouble that came instead |
//! | `search` | what a question means, the words of a text, how a hit is shown |
//! | `sync` | the engine: `next_step`, `absorb`, `settle` |
//! | `planted` | bugs that only a test build can have, to test the tests |
//! | `verify` | whether the mirror holds what LinkedIn shows |
//! | `canonical` | the one written form by which a mirror and a truth are compared |
//!
//! No I/O, no clock, no randomness, no async: the manifest has no crate that could (invariant I1).

pub mod archived;
pub mod attachment;
pub mod canonical;
pub mod content;
pub mod conversation;
pub mod event;
pub mod id;
pub mod identity;
pub mod message;
pub mod page;
pub mod person;
pub mod planted;
pub mod search;
pub mod sync;
pub mod time;
pub mod verify;
