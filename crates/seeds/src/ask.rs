//! Questions to the database behind the program's back, and rows as the checks read them.

use threadkeep::store::StoreResult;
use threadkeep::store::simulated::{Cell, Ground};

/// A row that is read from left to right.
pub struct Cells(std::vec::IntoIter<Cell>);

impl Cells {
    /// The next number; 0 for anything else.
    pub fn int(&mut self) -> i64 {
        self.int_or_none().unwrap_or_default()
    }

    /// The next number, if there is one.
    pub fn int_or_none(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(Cell::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// The next text; empty for anything else.
    pub fn text(&mut self) -> String {
        match self.0.next() {
            Some(Cell::Text(value)) => value,
            _ => String::new(),
        }
    }
}

/// The rows of a question.
pub async fn rows(ground: &Ground, text: &str, values: &[i64]) -> StoreResult<Vec<Cells>> {
    Ok(ground.ask(text, values).await?.into_iter().map(|row| Cells(row.into_iter())).collect())
}

/// The first number of the first row.
pub async fn number(ground: &Ground, text: &str) -> StoreResult<Option<i64>> {
    Ok(rows(ground, text, &[]).await?.into_iter().next().and_then(|mut row| row.int_or_none()))
}
