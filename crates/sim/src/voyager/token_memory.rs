//! What the server remembers about tokens although they are stateless: on which list each was issued.
//!
//! It serves the switch `foreign_token` and keeps a lagging replica from going back behind a token it has given out. It is
//! bounded; a token that was forgotten is taken as fitting.

use std::collections::{BTreeMap, VecDeque};

use crate::world::model::{Ms, PersonId, ThreadId};

/// A list that can be synced by token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenScope {
    /// The conversations of a mailbox.
    Conversations(PersonId),
    /// The messages of a thread, read in a mailbox.
    Messages(PersonId, ThreadId),
}

/// Tokens that are remembered.
pub const TOKENS_MAX: usize = 100_000;
/// Lists that are remembered for one token text: tokens of equal times are equal texts.
const SCOPES_MAX: usize = 16;

/// The memory.
#[derive(Debug, Default)]
pub struct TokenMemory {
    scopes: BTreeMap<String, Vec<TokenScope>>,
    order: VecDeque<String>,
    newest: BTreeMap<PersonId, Ms>,
}

impl TokenMemory {
    /// Notes that a token was given out for a list.
    pub fn issued(&mut self, token: &str, scope: TokenScope, issued_ms: Ms) {
        if let TokenScope::Conversations(owner) = &scope {
            let newest = self.newest.entry(owner.clone()).or_insert(issued_ms);
            *newest = issued_ms.max(*newest);
        }
        if let Some(known) = self.scopes.get_mut(token) {
            if !known.contains(&scope) && known.len() < SCOPES_MAX {
                known.push(scope);
            }
            return;
        }
        if self.order.len() >= TOKENS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.scopes.remove(&oldest);
        }
        self.order.push_back(token.to_owned());
        self.scopes.insert(token.to_owned(), vec![scope]);
    }

    /// Whether a token was given out for this list, as far as is remembered.
    pub fn fits(&self, token: &str, scope: &TokenScope) -> bool {
        self.scopes.get(token).is_none_or(|known| known.contains(scope) || known.len() >= SCOPES_MAX)
    }

    /// Time of the newest token for the conversations of this mailbox.
    pub fn newest_ms(&self, owner: &str) -> Option<Ms> {
        self.newest.get(owner).copied()
    }
}
