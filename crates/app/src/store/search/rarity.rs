//! Which of the lists of a question is the shortest, so that the others are only looked at where it has something.
//!
//! A guess that costs some tens of microseconds: how far back its newest messages reach. A wrong one makes a search slower
//! and changes nothing of what is found. Only for SQLite: PostgreSQL makes its own plan.

use super::plan::Term;
use crate::store::dialect::{Dialect, SearchForm};
use crate::store::rows;
use crate::store::statement::{Outcome, Statement, sql};
use crate::store::{SqlStore, StoreResult};

/// Lists of which two suffice for one walk.
const ALIKE: usize = 2;
/// The newest message of a word after so many newer ones tells how far they reach.
const REACH: i64 = 20;
const PROBE: &str = "SELECT f.rowid FROM search_index f WHERE f.words MATCH ? ORDER BY f.rowid LIMIT 1 OFFSET ?";

/// How seldom something comes, more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rarity {
    /// The beginning of words.
    Unknown,
    /// The place that its newest messages reach.
    Reaches(i64),
    /// There are no more than a few.
    Few,
    /// One of several, people or conversations: to look for them costs most, so it is done once.
    OneOfMany,
}

impl<D: Dialect> SqlStore<D> {
    /// The same lists, those of which least is found first.
    pub(super) async fn rarest_first(&self, lists: Vec<Vec<Term>>) -> StoreResult<Vec<Vec<Term>>> {
        if D::SEARCH != SearchForm::Fts5 || lists.len() <= ALIKE {
            return Ok(lists);
        }
        let words: Vec<Vec<Term>> = lists.iter().map(|terms| words_of(terms)).collect();
        let probes = words.iter().flatten().map(|word| sql!(PROBE, word.written(D::SEARCH), REACH));
        let probes: Vec<Statement> = probes.collect();
        let mut answers = if probes.is_empty() { Vec::new() } else { self.db.read(probes).await? }.into_iter();
        let mut judged = Vec::with_capacity(lists.len());
        for (terms, words) in lists.into_iter().zip(words) {
            let mut rarity = if terms.len() > 1 { Rarity::OneOfMany } else { Rarity::Unknown };
            for answer in answers.by_ref().take(words.len()) {
                rarity = rarity.max(reach(answer)?);
            }
            judged.push((rarity, terms));
        }
        judged.sort_by_key(|(rarity, _)| std::cmp::Reverse(*rarity));
        Ok(judged.into_iter().map(|(_, terms)| terms).collect())
    }
}

/// The words of a list that are looked at alone: a phrase is as rare as the rarest of its words, or more so.
fn words_of(terms: &[Term]) -> Vec<Term> {
    match terms {
        [Term::Mark(mark)] => vec![Term::Mark(mark.clone())],
        [Term::Words(phrase)] => {
            let whole = phrase.words.len() - usize::from(phrase.is_prefix);
            phrase.words.iter().take(whole).cloned().map(Term::Mark).collect()
        }
        _ => Vec::new(),
    }
}

fn reach(answer: Outcome) -> StoreResult<Rarity> {
    let row = rows::rows(vec![answer]).next();
    Ok(match row {
        Some(row) => Rarity::Reaches(row.columns("search_index").int("rowid")?),
        None => Rarity::Few,
    })
}
