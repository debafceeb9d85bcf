//! The JSON of the API: kept records as the contract shows them.
//!
//! Every field of the contract is there, of its type; a text that is not known is empty unless the contract says null.
//! More fields may be added, none may be taken away. `docs/API.md` lists them.

mod conversation;
mod message;
mod owner;
mod person;
mod ready;
mod senders;
mod text;

pub(super) use conversation::{ConversationItem, LatestMessage, conversation};
pub(super) use message::{Mailbox, MessageItem, ReactionItem, message, reactions};
pub(super) use person::{AccountName, Participant, full_name, participants};
pub(super) use ready::{ListPage, ThreadPage, fill_gaps, filled};
