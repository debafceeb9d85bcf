//! Makes one part of the many that FTS5's index lies in after it was filled.
//!
//! Each batch of messages is a part of its own at first. SQLite merges some of them by itself, and leaves a dozen; a search
//! asks every one of them for every word. So when there is nothing to take in, they are made one, a bounded piece at a
//! time. It changes nothing of what is found, and a piece is whole or not done: whoever stops in between loses nothing.
//! PostgreSQL has no such parts.

use crate::store::dialect::{Dialect, SearchForm};
use crate::store::rows;
use crate::store::statement::{Outcome, Row, sql};
use crate::store::{Merge, SqlStore, StoreResult};

/// Pages of 4 kB that one piece writes: the writer is held for some tens of milliseconds.
const PAGES_AT_ONCE: i64 = 200;
/// An index of fewer pages is fast whatever it lies in.
const PAGES_WORTH: i64 = 2_000;
/// Parts are made one when all but the largest are more than one in so many: each page is written again seldom.
const SMALL_OF: i64 = 8;
/// Parts that a merge goes on with, however few they are.
const PARTS_LEAST: &str = "INSERT INTO search_index (search_index, rank) VALUES ('usermerge', 2)";
/// A negative number of pages begins with all parts; a positive one goes on with what was begun.
const MERGE: &str = "INSERT INTO search_index (search_index, rank) VALUES ('merge', ?)";
/// A merge that changes fewer rows than two had nothing to do: so says the documentation of FTS5.
const CHANGES_OF_NOTHING: i64 = 2;
const CHANGES: &str = "SELECT total_changes()";
/// The page of the last word of each part, which is about as many as it has: one key is looked up for each. The table is
/// FTS5's own, and documented: the page is all but the last bit.
const PARTS: &str = "WITH RECURSIVE parts (part) AS (SELECT MIN(segid) FROM search_index_idx \
     UNION ALL SELECT (SELECT MIN(i.segid) FROM search_index_idx i WHERE i.segid > parts.part) FROM parts \
     WHERE parts.part IS NOT NULL) \
     SELECT (SELECT i.pgno / 2 FROM search_index_idx i WHERE i.segid = parts.part ORDER BY i.term DESC LIMIT 1) \
     FROM parts WHERE parts.part IS NOT NULL";

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn merge_some(&self, merge: Merge) -> StoreResult<bool> {
        if D::SEARCH != SearchForm::Fts5 || (merge == Merge::IfScattered && !self.is_scattered().await?) {
            return Ok(false);
        }
        let mut script = Vec::new();
        let pages = match merge {
            Merge::GoOn => PAGES_AT_ONCE,
            Merge::IfScattered | Merge::Anyway => {
                script.push(sql!(PARTS_LEAST));
                -PAGES_AT_ONCE
            }
        };
        script.extend([sql!(CHANGES), sql!(MERGE, pages), sql!(CHANGES)]);
        let counted = changes(self.write(script).await?)?;
        Ok(matches!(counted[..], [before, after] if after - before >= CHANGES_OF_NOTHING))
    }

    async fn is_scattered(&self) -> StoreResult<bool> {
        let pages = self.rows(sql!(PARTS)).await?.into_iter().map(number).collect::<StoreResult<Vec<i64>>>()?;
        Ok(is_worth_merging(&pages))
    }
}

fn changes(outcomes: Vec<Outcome>) -> StoreResult<Vec<i64>> {
    rows::rows(outcomes).map(number).collect()
}

fn number(row: Row) -> StoreResult<i64> {
    row.columns("search_index").int("count")
}

fn is_worth_merging(pages: &[i64]) -> bool {
    let largest = pages.iter().copied().max().unwrap_or_default();
    let all: i64 = pages.iter().sum();
    all >= PAGES_WORTH && (all - largest) * SMALL_OF > largest
}

#[cfg(test)]
mod tests {
    use super::is_worth_merging;

    #[test]
    fn parts_are_made_one_when_the_small_ones_are_worth_it() {
        assert!(!is_worth_merging(&[]));
        assert!(!is_worth_merging(&[900, 900]), "it is small");
        assert!(!is_worth_merging(&[1_000_000]));
        assert!(!is_worth_merging(&[1_000_000, 100_000, 25_000]));
        assert!(is_worth_merging(&[1_000_000, 100_000, 25_001]));
        assert!(is_worth_merging(&[1_000, 1_000]));
    }
}
