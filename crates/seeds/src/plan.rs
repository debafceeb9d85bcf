//! The plan of one life, drawn before it begins: everything that will go wrong is a value in here.
//!
//! Each piece stands at a place of its own (the nth request, the nth effect, the nth turn), so that a piece can be taken
//! away without moving the others. What is not in the plan may not happen.

use threadkeep::vault::MediaPolicy;
use threadkeep_core::sync::pace::Pace;
use threadkeep_sim::{Fault, FaultKind, Faults, GenerateOptions, Switches};

/// Where a piece stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before the nth request is answered.
    Asking(u64),
    /// After it was answered, before its sender knows.
    Answered(u64),
    /// At the nth effect on the database.
    Effect(u64),
    /// Before the nth turn of the storm.
    Turn(u64),
}

/// What a disk or a database does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskTrouble {
    /// It is busy, or the connection is gone: nothing was done. After a commit: it was done, and nobody is told.
    Unavailable,
    /// No space is left.
    Full,
}

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Asks for a sync.
    Sync,
    /// Forces one.
    ForceSync,
    /// Cancels the newest run.
    Cancel,
    /// Pauses the account.
    Pause,
    /// Lets it go on.
    Resume,
    /// Gives it new cookies.
    Reconnect,
    /// Gives it the cookies of another member, which has to be refused.
    ReconnectStranger,
    /// Removes the account.
    Remove,
    /// Asks for all media.
    WantMedia,
    /// Reads everything.
    Export,
    /// Reads the next page of a walk through the own list.
    ReadPage,
    /// Makes an API key, or revokes the one that there is; a revoked one must stay so.
    TurnKey,
    /// Ends the sessions at LinkedIn.
    EndSessions,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// The upstream changes so many times.
    Mutate {
        /// What changes follows from it.
        seed: u64,
        /// How often.
        count: usize,
    },
    /// Time passes.
    Wait(i64),
    /// The wall clock of the machine jumps.
    Jump(i64),
    /// The process that acts is suspended so long; another one goes on meanwhile.
    Suspend(i64),
    /// Another node has a turn.
    Turn(usize),
    /// Somebody acts.
    Act(Act),
    /// The connection of a request is refused, so that it never arrives.
    Refuse,
    /// The process that acts is killed.
    Crash,
    /// The disk or the database of the process that acts fails.
    Disk(DiskTrouble),
}

/// Everything about one life.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The mailboxes at the beginning.
    pub world: GenerateOptions,
    /// How this LinkedIn behaves.
    pub switches: Switches,
    /// How fast the program goes.
    pub pace: Pace,
    /// When attachments are fetched.
    pub media: MediaPolicy,
    /// Processes that work on the same database.
    pub nodes: usize,
    /// Turns of the storm.
    pub turns: u64,
    /// Faults of the upstream, with the numbers of the requests that they strike.
    pub faults: Vec<(FaultKind, Fault)>,
    /// Everything else.
    pub pieces: Vec<(Place, Piece)>,
}

impl Plan {
    /// The faults as the simulator takes them.
    pub fn faults(&self) -> Faults {
        let with = |all: Faults, (kind, fault): &(FaultKind, Fault)| all.with(*kind, fault.clone());
        self.faults.iter().filter(|(_, fault)| !fault.at.is_empty()).fold(Faults::default(), with)
    }

    /// How many pieces could be taken away.
    pub fn size(&self) -> usize {
        self.pieces.len() + self.faults.iter().map(|(_, fault)| fault.at.len()).sum::<usize>()
    }

    /// The same life with only those pieces for which `keeps` holds, counted over faults and then pieces.
    #[must_use]
    pub fn only(&self, keeps: impl Fn(usize) -> bool) -> Self {
        let mut number = 0;
        let mut kept = || {
            number += 1;
            keeps(number - 1)
        };
        let mut plan = self.clone();
        for (_, fault) in &mut plan.faults {
            fault.at.retain(|_| kept());
        }
        plan.pieces.retain(|_| kept());
        plan
    }
}
