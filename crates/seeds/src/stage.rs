//! The stage of one life: the simulated LinkedIn, the true time, the plan's pieces and everything that is written down.
//!
//! All of it is behind one lock that is never held while somebody acts. Whoever finds that an invariant is broken says so
//! here; the first breach ends the life.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use threadkeep::store::simulated::Ground;
use threadkeep::vault::Vault;
use threadkeep_sim::{Simulator, SimulatorOptions, World};

use crate::acts::Memory;
use crate::checks::book::Book;
use crate::checks::manners::Manners;
use crate::doors::BEGIN_MS;
use crate::node::Node;
use crate::plan::{Piece, Place, Plan};
use crate::story::Story;
use crate::tally::Tally;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A process that works.
    Node(usize),
    /// A person, by way of a process that only serves.
    Person,
    /// Nobody: time, chance, LinkedIn.
    Nature,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(number) => f.pad(&format!("node {number}")),
            Self::Person => f.pad("person"),
            Self::Nature => f.pad("nature"),
        }
    }
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Its name.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
}

/// A breach with its text.
#[macro_export]
macro_rules! breach {
    ($invariant:expr, $($text:tt)*) => {
        $crate::stage::Breach { invariant: $invariant, what: format!($($text)*) }
    };
}

/// What is behind the lock.
pub struct State {
    /// The upstream.
    pub simulator: Simulator,
    /// What happened.
    pub story: Story,
    /// Pieces of the plan that did not happen yet.
    pub pieces: BTreeMap<Place, Vec<Piece>>,
    /// Counts.
    pub tally: Tally,
    /// What the database held after the last commit.
    pub book: Book,
    /// How the program behaves towards the upstream.
    pub manners: Manners,
    /// What people remember.
    pub memory: Memory,
    /// The first breach.
    pub breach: Option<Breach>,
    /// How many actors are inside one another.
    pub depth: u32,
    /// Whether the plan's pieces happen.
    pub is_stormy: bool,
    requests: u64,
    effects: u64,
}

/// The stage.
pub struct Stage {
    /// The plan.
    pub plan: Plan,
    /// The database.
    pub ground: Arc<Ground>,
    state: Mutex<State>,
    nodes: Vec<Arc<Node>>,
    /// The process that serves people.
    pub desk: Arc<Node>,
    vault: Vault,
    now_ms: AtomicI64,
    skew_ms: AtomicI64,
}

impl Stage {
    /// The stage of a plan, before anything happened.
    pub fn new(plan: Plan, ground: Arc<Ground>, keeps_lines: bool) -> Arc<Self> {
        let world = World::generate(&plan.world);
        let options =
            SimulatorOptions { seed: plan.seed, switches: plan.switches.clone(), ..SimulatorOptions::default() };
        let mut pieces = BTreeMap::<Place, Vec<Piece>>::new();
        for (place, piece) in &plan.pieces {
            pieces.entry(*place).or_default().push(*piece);
        }
        let state = State {
            book: Book::of(&world),
            simulator: Simulator::new(world, options),
            story: Story::new(keeps_lines),
            pieces,
            tally: Tally { seeds: 1, ..Tally::default() },
            manners: Manners::new(plan.pace),
            memory: Memory::default(),
            breach: None,
            depth: 0,
            is_stormy: false,
            requests: 0,
            effects: 0,
        };
        Arc::new(Self {
            nodes: (0..plan.nodes).map(|number| Arc::new(Node::new(Who::Node(number)))).collect(),
            desk: Arc::new(Node::new(Who::Person)),
            plan,
            ground,
            state: Mutex::new(state),
            vault: crate::node::vault(),
            now_ms: AtomicI64::new(BEGIN_MS),
            skew_ms: AtomicI64::new(0),
        })
    }

    /// Looks at the state or changes it; must not be called inside itself.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the bytes of attachments are kept.
    pub fn vault(&self) -> Vault {
        self.vault.clone()
    }

    /// The processes that work.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The true time.
    pub fn true_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// What the machine's clock shows.
    pub fn wall_ms(&self) -> i64 {
        self.true_ms() + self.skew_ms.load(Ordering::Relaxed)
    }

    /// Time passes.
    pub fn let_pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms.max(0), Ordering::Relaxed);
    }

    /// The machine's clock jumps.
    pub fn jump(&self, ms: i64) {
        self.skew_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Sets the machine's clock right.
    pub fn set_clock_right(&self) {
        self.skew_ms.store(0, Ordering::Relaxed);
    }

    /// Tells something.
    pub fn tell(&self, who: Who, what: fmt::Arguments<'_>) {
        let now_ms = self.true_ms();
        self.with(|state| state.story.tell(now_ms, who, what));
    }

    /// An invariant does not hold.
    pub fn report(&self, breach: Breach) {
        self.tell(Who::Nature, format_args!("BREACH {}: {}", breach.invariant, breach.what));
        self.with(|state| {
            state.breach.get_or_insert(breach);
        });
    }

    /// Whether an invariant is broken already.
    pub fn is_broken(&self) -> bool {
        self.with(|state| state.breach.is_some())
    }

    /// The number of the next request.
    pub fn next_request(&self) -> u64 {
        self.with(|state| {
            // Logins before and quiet runs after the storm do not move the plan.
            if state.is_stormy {
                state.requests += 1;
            }
            state.tally.requests += 1;
            state.requests
        })
    }

    /// The number of the next effect on the database.
    pub fn next_effect(&self) -> u64 {
        self.with(|state| {
            if state.is_stormy {
                state.effects += 1;
            }
            state.effects
        })
    }

    /// The requests of the storm so far.
    pub fn stormy_requests(&self) -> u64 {
        self.with(|state| state.requests)
    }

    /// The pieces of a place, which do not come again.
    pub fn take(&self, place: Place) -> Vec<Piece> {
        self.with(|state| if state.is_stormy { state.pieces.remove(&place).unwrap_or_default() } else { Vec::new() })
    }
}
