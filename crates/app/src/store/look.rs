//! A row where it lies: what is in its columns is borrowed from the database for as long as the reader stands on it.
//!
//! For the pages that are read most: nothing is copied but what goes into the answer.

use rusqlite::types::ValueRef;
use threadkeep_core::time::Timestamp;

use super::statement::Value;
use super::{StoreError, StoreResult};

/// Whoever is shown rows; runs where the database is read and must not wait for anything.
pub(super) trait Viewer: Send {
    /// A row of the answer to one of the statements, which are counted from 0.
    fn see(&mut self, statement: usize, row: &mut Look<'_>) -> StoreResult<()>;
}

/// The columns of a row, from left to right.
pub(super) struct Look<'a> {
    cells: Cells<'a>,
    at: usize,
}

#[derive(Clone, Copy)]
enum Cells<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Values(&'a [Value]),
}

enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Unfit,
}

impl<'a> Look<'a> {
    pub(super) fn at_sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self { cells: Cells::Sqlite(row), at: 0 }
    }

    pub(super) fn at_values(values: &'a [Value]) -> Self {
        Self { cells: Cells::Values(values), at: 0 }
    }

    fn next(&mut self) -> Cell<'a> {
        let at = self.at;
        self.at += 1;
        match self.cells {
            Cells::Sqlite(row) => match row.get_ref(at) {
                Ok(ValueRef::Null) => Cell::Null,
                Ok(ValueRef::Integer(value)) => Cell::Int(value),
                Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map_or(Cell::Unfit, Cell::Text),
                _ => Cell::Unfit,
            },
            Cells::Values(values) => match values.get(at) {
                Some(Value::Null(_)) => Cell::Null,
                Some(Value::Int(value)) => Cell::Int(*value),
                Some(Value::Text(text)) => Cell::Text(text),
                _ => Cell::Unfit,
            },
        }
    }

    pub(super) fn int_or_null(&mut self, column: &'static str) -> StoreResult<Option<i64>> {
        match self.next() {
            Cell::Int(value) => Ok(Some(value)),
            Cell::Null => Ok(None),
            _ => Err(unfit(column)),
        }
    }

    pub(super) fn int(&mut self, column: &'static str) -> StoreResult<i64> {
        self.int_or_null(column)?.ok_or_else(|| unfit(column))
    }

    pub(super) fn flag(&mut self, column: &'static str) -> StoreResult<bool> {
        Ok(self.int(column)? != 0)
    }

    pub(super) fn number(&mut self, column: &'static str) -> StoreResult<u32> {
        u32::try_from(self.int(column)?).map_err(|_| unfit(column))
    }

    pub(super) fn time(&mut self, column: &'static str) -> StoreResult<Timestamp> {
        self.int(column).map(Timestamp)
    }

    pub(super) fn time_or_null(&mut self, column: &'static str) -> StoreResult<Option<Timestamp>> {
        Ok(self.int_or_null(column)?.map(Timestamp))
    }

    pub(super) fn text_or_null(&mut self, column: &'static str) -> StoreResult<Option<&'a str>> {
        match self.next() {
            Cell::Text(text) => Ok(Some(text)),
            Cell::Null => Ok(None),
            _ => Err(unfit(column)),
        }
    }

    pub(super) fn text(&mut self, column: &'static str) -> StoreResult<&'a str> {
        self.text_or_null(column)?.ok_or_else(|| unfit(column))
    }
}

/// An error about a column of a page; it names no value.
pub(super) fn unfit(column: &'static str) -> StoreError {
    StoreError::Corrupt { table: "page", column, what: "it is not what it has to be".to_owned() }
}
