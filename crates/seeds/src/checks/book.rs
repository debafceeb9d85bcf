//! What the database held after the last commit, as far as later commits are measured against it.
//!
//! It is built from the event log alone, so that a record whose change has no event stands out.

use std::collections::{BTreeMap, BTreeSet};

use threadkeep_sim::World;

/// One account.
#[derive(Debug, Clone, Default)]
pub struct AccountPage {
    /// When its row was made: another time is another account.
    pub created_at: i64,
    /// Whose it is.
    pub member: String,
    /// Number of the newest event.
    pub event_seq: i64,
    /// The inbox's track as it is stored.
    pub inbox: String,
    /// Until when nothing is asked, and why.
    pub hold: (Option<i64>, String),
    /// Its health.
    pub health: String,
    /// Nothing is asked before this.
    pub next_request_at: i64,
    /// Conversations that have to be walked again because a mark was lost.
    pub sweeps: i64,
    /// Newest version of each object.
    pub versions: BTreeMap<String, i64>,
    /// Messages that a tombstone removed.
    pub deleted: BTreeSet<String>,
    /// Messages that were taken back.
    pub recalled: BTreeSet<String>,
    /// Conversations that were complete once.
    pub completed: BTreeSet<String>,
}

/// One job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobPage {
    /// Its account.
    pub account_pk: i64,
    /// Where it is.
    pub state: String,
    /// How often it was taken.
    pub epoch: i64,
    /// Who took it last.
    pub owner: String,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The accounts by key.
    pub accounts: BTreeMap<i64, AccountPage>,
    /// The jobs by number.
    pub jobs: BTreeMap<i64, JobPage>,
    /// The names of the processes that work, by number.
    pub presences: BTreeMap<usize, String>,
    /// Messages that were there from the beginning, by owner and conversation.
    pub first: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// Conversations that were deleted upstream at some time: a walk in that time finds them empty.
    pub once_deleted: BTreeSet<String>,
    /// How much had been written when the last commit was checked.
    pub rows_written: Option<i64>,
    /// Commits since everything was compared.
    pub commits_since: u32,
    /// Members whose mark was lost, so that some changes cannot be known.
    pub lost_marks: BTreeMap<String, u64>,
}

impl Book {
    /// The book of a world before anything was mirrored.
    pub fn of(world: &World) -> Self {
        let mut first = BTreeMap::<String, BTreeMap<String, BTreeSet<String>>>::new();
        for owner in world.owners() {
            let of_owner = first.entry(owner.clone()).or_default();
            for (thread, _) in world.newest_first(owner) {
                let ids = thread.visible_messages().map(|message| message.id.clone()).collect();
                of_owner.insert(thread.id.clone(), ids);
            }
        }
        Self { first, ..Self::default() }
    }

    /// The account whose job a process holds; `None` also when there is no telling which of several it works on, since it
    /// could not write that it had ended one.
    pub fn held_by(&self, node: usize) -> Option<i64> {
        let name = self.presences.get(&node)?;
        let mut held = self.jobs.values().filter(|job| job.state == "running" && job.owner == *name);
        let first = held.next()?;
        held.all(|job| job.account_pk == first.account_pk).then_some(first.account_pk)
    }

    /// The account of a member.
    pub fn account_of(&self, member: &str) -> Option<i64> {
        self.accounts.iter().find(|(_, page)| page.member == member).map(|(pk, _)| *pk)
    }
}
