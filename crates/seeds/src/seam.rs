//! What happens at the effects on the database: others act, the process is killed, the disk fails; and every commit is
//! checked before anybody else sees it.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt};
use threadkeep::store::simulated::{Moment, Seam};
use threadkeep::store::{StoreError, StoreResult};
use threadkeep_sim::Mutation;

use crate::acts;
use crate::checks;
use crate::node::TurnEnd;
use crate::plan::{DiskTrouble, Piece, Place};
use crate::stage::{Stage, Who};

/// Actors inside one another at most.
const DEPTH_MAX: u32 = 3;

/// The seam of one process.
pub struct StoreSeam {
    /// The stage.
    pub stage: Arc<Stage>,
    /// Whose effects these are.
    pub who: Who,
}

/// What becomes of whoever acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    GoesOn,
    /// It is killed here.
    Dies,
    /// Its disk fails.
    Fails(DiskTrouble),
    /// Nobody takes its connection.
    IsRefused,
}

#[async_trait]
impl Seam for StoreSeam {
    async fn pass(&self, moment: Moment) -> StoreResult<()> {
        let stage = &self.stage;
        if moment == Moment::AfterWrite {
            stage.with(|state| state.tally.commits += 1);
            checks::commits::after_write(stage, self.who).await?;
        }
        let n = stage.next_effect();
        let trouble = match interlude(stage, Place::Effect(n), self.who, moment != Moment::Inside).await {
            Fate::GoesOn | Fate::IsRefused => return Ok(()),
            Fate::Dies => {
                kill(stage, self.who).await;
                return Ok(());
            }
            Fate::Fails(trouble) => trouble,
        };
        stage.tell(self.who, format_args!("disk: {trouble:?} at {moment:?} (effect {n})"));
        stage.with(|state| {
            state.tally.disk_troubles += 1;
            state.manners.excuse(self.who);
        });
        Err(match (trouble, moment) {
            (DiskTrouble::Full, Moment::BeforeWrite | Moment::Inside) => StoreError::Full("simulated".to_owned()),
            _ => StoreError::Unavailable("simulated".to_owned()),
        })
    }
}

/// Kills whoever acts; only a process that works can be.
pub async fn kill(stage: &Arc<Stage>, who: Who) {
    let Who::Node(number) = who else { return };
    stage.tell(who, format_args!("is killed"));
    stage.with(|state| {
        state.tally.crashes += 1;
        state.manners.excuse(who);
    });
    if let Some(node) = stage.nodes().get(number) {
        node.die().await;
    }
}

/// What the plan has for a place, one after another.
pub fn interlude<'a>(stage: &'a Arc<Stage>, place: Place, who: Who, may_nest: bool) -> BoxFuture<'a, Fate> {
    let pieces = stage.take(place);
    if pieces.is_empty() {
        return std::future::ready(Fate::GoesOn).boxed();
    }
    async move {
        let mut fate = Fate::GoesOn;
        for piece in pieces {
            let is_deep = stage.with(|state| state.depth >= DEPTH_MAX);
            match piece {
                Piece::Crash if matches!(who, Who::Node(_)) => fate = Fate::Dies,
                Piece::Disk(trouble) => fate = Fate::Fails(trouble),
                Piece::Refuse if fate == Fate::GoesOn => fate = Fate::IsRefused,
                Piece::Refuse => {}
                Piece::Crash => {}
                Piece::Turn(_) | Piece::Act(_) | Piece::Suspend(_) if !may_nest || is_deep => {}
                other => happen(stage, other, who).await,
            }
        }
        fate
    }
    .boxed()
}

/// A piece that leaves whoever acts alone.
async fn happen(stage: &Arc<Stage>, piece: Piece, who: Who) {
    match piece {
        Piece::Mutate { seed, count } => mutate(stage, seed, count),
        Piece::Wait(ms) => {
            stage.let_pass(ms);
            stage.tell(Who::Nature, format_args!("{ms} ms pass"));
        }
        Piece::Jump(ms) => {
            let workers = stage.nodes().len();
            stage.jump(ms);
            stage.tell(Who::Nature, format_args!("the wall clock jumps by {ms} ms"));
            stage.with(|state| {
                state.tally.jumps += 1;
                state.manners.clock_jumped((0..workers).map(Who::Node));
            });
        }
        Piece::Suspend(ms) => {
            stage.let_pass(ms);
            stage.tell(who, format_args!("is suspended for {ms} ms"));
            for number in 0..stage.nodes().len() {
                nested_turn(stage, number).await;
            }
        }
        Piece::Turn(number) => nested_turn(stage, number).await,
        Piece::Act(act) => {
            stage.with(|state| state.depth += 1);
            acts::perform(stage, act).await;
            stage.with(|state| state.depth -= 1);
        }
        Piece::Crash | Piece::Disk(_) | Piece::Refuse => {}
    }
}

async fn nested_turn(stage: &Arc<Stage>, number: usize) {
    let Some(node) = stage.nodes().get(number).filter(|node| !node.is_busy()) else { return };
    stage.with(|state| state.depth += 1);
    let ended = node.turn(stage).await;
    stage.with(|state| state.depth -= 1);
    if ended != TurnEnd::Idle {
        stage.tell(Who::Node(number), format_args!("had a turn meanwhile: {ended:?}"));
    }
}

/// The upstream changes.
pub fn mutate(stage: &Arc<Stage>, seed: u64, count: usize) {
    let now_ms = stage.true_ms();
    let applied = stage.with(|state| {
        let applied = state.simulator.mutate(&Mutation::Random { seed, count, only: None }, now_ms);
        let changes = applied.map(|applied| applied.changes).unwrap_or_default();
        state.tally.mutations += u64::try_from(changes.len()).unwrap_or(0);
        let deleted = changes.iter().filter(|change| change.verb == "conversation_deleted");
        state.book.once_deleted.extend(deleted.filter_map(|change| change.conversation.clone()));
        changes
    });
    for change in applied {
        let short = |id: &Option<String>| id.as_deref().map(short).unwrap_or_default();
        let (conversation, message) = (short(&change.conversation), short(&change.message));
        stage.tell(Who::Nature, format_args!("upstream: {} {conversation} {message}", change.verb));
    }
}

/// The end of an id, which is enough to tell it from others.
pub fn short(id: &str) -> String {
    let letters: Vec<char> = id.trim_end_matches('=').chars().collect();
    letters.iter().skip(letters.len().saturating_sub(6)).collect()
}
