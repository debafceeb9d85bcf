//! Rows of exports that name no thread and whose people do not tell it either: hidden ones, groups that somebody has left.
//!
//! Such a row stands in a conversation that the import has made. It is a message of the step when text, time and direction
//! are the same and there is no second of the kind on either side; else it stays where it is. Nothing is guessed.

use std::collections::{HashMap, HashSet};

use threadkeep_core::id::{ConversationId, MessageId};
use threadkeep_core::identity::{ARCHIVE_PREFIX, Likeness, Trace, match_alone};
use threadkeep_core::message::MessageSeen;

use super::adopt::{Candidate, Place, Taking, candidates, candidates_in, trace};
use crate::store::dialect::Dialect;
use crate::store::rows;
use crate::store::statement::{for_keys, for_pairs};
use crate::store::{SqlStore, StoreResult};

impl<D: Dialect> SqlStore<D> {
    /// Takes over rows for messages of the step that have found none; gives the conversations that rows were taken from.
    pub(super) async fn adopt_alone(
        &self,
        tx: &mut D::Tx,
        place: &Place,
        fresh: &[&MessageSeen],
        pks: &HashMap<ConversationId, i64>,
        taking: &mut Taking<'_>,
    ) -> StoreResult<HashMap<i64, ConversationId>> {
        let left: Vec<&MessageSeen> = fresh.iter().copied().filter(|one| !taking.has_taken(&one.id)).collect();
        let pairs: Vec<(i64, i64)> =
            left.iter().map(|one| (place.account_pk, one.delivered_at.0.div_euclid(1_000))).collect();
        if pairs.is_empty() {
            return Ok(HashMap::new());
        }
        let mut script = Vec::new();
        for_pairs(&mut script, &candidates_in("account_pk", 'm'), &pairs, &[]);
        let mut candidates: Vec<Candidate> = candidates(self.db.run(tx, script).await?)?;
        candidates.retain(|one| !taking.has_gone(&one.message));
        let derived = self.derived(tx, candidates.iter().map(|one| one.pk)).await?;
        candidates.retain(|one| derived.contains_key(&one.pk));
        candidates.sort_by(|a, b| (a.second, &a.message).cmp(&(b.second, &b.message)));
        let told: Vec<Trace> = candidates.iter().map(|one| one.trace.clone()).collect();
        let traces: Vec<Trace> = left.iter().map(|one| trace(one, &HashMap::new())).collect();
        let is_mine = |trace: &Trace| trace.who.id.as_ref() == Some(&place.member);
        for pair in match_alone(&told, &traces, |row, message| is_mine(&told[row]) == is_mine(&traces[message])) {
            let (row, seen) = (&candidates[pair.row], left[pair.message]);
            // A conversation that comes with this step has no key yet: the note of the row stays where it was.
            let pk = pks.get(&seen.conversation).copied().unwrap_or(row.pk);
            taking.take(row, seen, pk, Likeness::SameText);
        }
        Ok(derived)
    }

    /// Which of these conversations an import has made.
    async fn derived(
        &self,
        tx: &mut D::Tx,
        pks: impl Iterator<Item = i64>,
    ) -> StoreResult<HashMap<i64, ConversationId>> {
        let pks: HashSet<i64> = pks.collect();
        let mut script = Vec::new();
        for_keys(&mut script, "SELECT c.pk, c.id FROM conversations c WHERE c.pk", "", &[], pks.into_iter());
        let mut derived = HashMap::new();
        for row in rows::rows(self.db.run(tx, script).await?) {
            let mut row = row.columns("conversations");
            let (pk, id): (i64, ConversationId) = (row.int("pk")?, row.id("id")?);
            if id.as_str().starts_with(ARCHIVE_PREFIX) {
                derived.insert(pk, id);
            }
        }
        Ok(derived)
    }
}

impl Taking<'_> {
    fn has_taken(&self, message: &MessageId) -> bool {
        self.adopted.former.contains_key(message)
    }

    fn has_gone(&self, row: &MessageId) -> bool {
        self.adopted.gone.iter().any(|(one, _)| one == row)
    }
}
