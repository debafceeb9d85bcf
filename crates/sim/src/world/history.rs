//! What the newest changes replaced, so that a lagging replica can be played.
//!
//! It remembers whole earlier states of single threads and is bounded in number and in size. It must never be read
//! for the truth: a thread may have no remembered state at all.

use std::collections::{BTreeMap, VecDeque};

use super::model::{Entry, Ms, PersonId, Thread, World};

/// How many earlier states are kept.
const HISTORY_CHANGES: usize = 64;
/// Threads with more messages than this are not copied before a change.
const HISTORY_THREAD_MESSAGES: usize = 2_000;
/// How many messages all earlier states hold together.
const HISTORY_MESSAGES: usize = 20_000;

/// A thread and how each mailbox saw it just before one change.
#[derive(Debug, Clone)]
pub struct Before {
    /// The time of the change that replaced this state.
    pub changed_at_ms: Ms,
    /// The thread as it was.
    pub thread: Thread,
    /// The entries as they were, by owner.
    pub entries: BTreeMap<PersonId, Entry>,
}

/// The newest earlier states, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    states: VecDeque<Before>,
    messages: usize,
}

impl History {
    fn push(&mut self, before: Before) {
        self.messages += before.thread.messages.len();
        self.states.push_back(before);
        while self.states.len() > HISTORY_CHANGES || self.messages > HISTORY_MESSAGES {
            let Some(oldest) = self.states.pop_front() else { break };
            self.messages -= oldest.thread.messages.len();
        }
    }
}

impl World {
    /// State of a thread just before its first remembered change after `since_ms`, if it changed since then.
    pub fn thread_before(&self, thread_id: &str, since_ms: Ms) -> Option<&Before> {
        self.history.states.iter().find(|before| before.changed_at_ms > since_ms && before.thread.id == thread_id)
    }

    /// Remembers the present state of a thread, to be called before the change of `changed_at_ms` touches it.
    pub(super) fn remember(&mut self, thread_id: &str, changed_at_ms: Ms) {
        let Some(thread) = self.threads.get(thread_id) else { return };
        if thread.messages.len() > HISTORY_THREAD_MESSAGES {
            return;
        }
        let entries = self
            .mailboxes
            .iter()
            .filter_map(|(owner, mailbox)| Some((owner.clone(), mailbox.entries.get(thread_id)?.clone())))
            .collect();
        let thread = thread.clone();
        self.history.push(Before { changed_at_ms, thread, entries });
    }
}
