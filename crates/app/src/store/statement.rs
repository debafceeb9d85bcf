//! Statements with their values, and rows as they come back: the only form in which this room speaks to a database.
//!
//! Placeholders are written `?` and are counted in the order of the text. No value may ever be written into a text, and no error here may carry a value.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::time::Timestamp;

use super::{StoreError, StoreResult};

/// Rows or keys in one statement, largest first: few sizes, so that the statements are prepared once.
const CHUNKS: [usize; 4] = [100, 20, 5, 1];

/// The kinds of values, for a null that has to have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
}

/// One value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null(Kind),
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// One statement.
pub(super) struct Statement {
    pub(super) text: Cow<'static, str>,
    pub(super) values: Vec<Value>,
    form: Form,
}

/// What the values of a statement are.
enum Form {
    /// One for each mark in the text.
    Plain,
    /// Rows of this width; the text is what stands before them, `tail` what stands after them.
    Rows { tail: &'static str, width: usize },
}

impl Statement {
    pub(super) fn new(text: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Self {
        Self { text: text.into(), values, form: Form::Plain }
    }

    /// The text, for this many rows at once if it inserts rows.
    pub(super) fn of_rows(&self, rows: usize) -> Cow<'_, str> {
        let Form::Rows { tail, width } = self.form else {
            return Cow::Borrowed(&self.text);
        };
        let mut text = String::with_capacity(self.text.len() + tail.len() + rows * (width * 2 + 2) + 2);
        text.push_str(&self.text);
        for row in 0..rows {
            text.push_str(if row == 0 { " (" } else { ",(" });
            push_marks(&mut text, width);
            text.push(')');
        }
        text.push(' ');
        text.push_str(tail);
        Cow::Owned(text)
    }

    /// The values for each time that the text for one row is run: all at once for a statement that inserts no rows.
    pub(super) fn rounds(&self) -> impl Iterator<Item = &[Value]> {
        let (size, once) = match self.form {
            Form::Plain => (self.values.len().max(1), self.values.is_empty()),
            Form::Rows { width, .. } => (width, false),
        };
        let nothing: &[Value] = &[];
        self.values.chunks(size).chain(once.then_some(nothing))
    }

    /// The same as few statements of many rows each, for a database to which each statement is a journey.
    pub(super) fn into_parts(self) -> Vec<(Cow<'static, str>, Vec<Value>)> {
        let Form::Rows { width, .. } = self.form else {
            return vec![(self.text, self.values)];
        };
        let mut sizes = Vec::new();
        let mut rows_left = self.values.len() / width;
        while let Some(rows) = CHUNKS.into_iter().find(|chunk| *chunk <= rows_left) {
            sizes.push((rows, Cow::Owned(self.of_rows(rows).into_owned())));
            rows_left -= rows;
        }
        let mut values = self.values.into_iter();
        sizes.into_iter().map(|(rows, text)| (text, values.by_ref().take(rows * width).collect())).collect()
    }
}

/// A statement from a text and its values in order.
macro_rules! sql {
    ($text:expr $(, $value:expr)* $(,)?) => {
        $crate::store::statement::Statement::new(
            $text,
            vec![$($crate::store::statement::Value::from($value)),*],
        )
    };
}
pub(super) use sql;

/// What a statement did.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) rows: Vec<Row>,
    pub(super) affected: u64,
}

/// One row.
pub(super) struct Row(pub(super) Vec<Value>);

impl Row {
    /// Reads the columns in their order; the table is named in errors.
    pub(super) fn columns(self, table: &'static str) -> Columns {
        Columns { table, values: self.0.into_iter() }
    }
}

/// The columns of a row, from left to right.
pub(super) struct Columns {
    table: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl Columns {
    /// An error about a column of this row; `what` must not carry its value.
    pub(super) fn corrupt(&self, column: &'static str, what: impl Into<String>) -> StoreError {
        StoreError::Corrupt { table: self.table, column, what: what.into() }
    }

    fn next(&mut self, column: &'static str) -> StoreResult<Value> {
        self.values.next().ok_or_else(|| self.corrupt(column, "it is missing"))
    }

    pub(super) fn int_or_null(&mut self, column: &'static str) -> StoreResult<Option<i64>> {
        match self.next(column)? {
            Value::Int(value) => Ok(Some(value)),
            Value::Null(_) => Ok(None),
            _ => Err(self.corrupt(column, "it is not an integer")),
        }
    }

    pub(super) fn int(&mut self, column: &'static str) -> StoreResult<i64> {
        self.int_or_null(column)?.ok_or_else(|| self.corrupt(column, "it is null"))
    }

    pub(super) fn count(&mut self, column: &'static str) -> StoreResult<u64> {
        let value = self.int(column)?;
        u64::try_from(value).map_err(|_| self.corrupt(column, "it is negative"))
    }

    pub(super) fn number(&mut self, column: &'static str) -> StoreResult<u32> {
        let value = self.int(column)?;
        u32::try_from(value).map_err(|_| self.corrupt(column, "it is out of range"))
    }

    pub(super) fn flag(&mut self, column: &'static str) -> StoreResult<bool> {
        Ok(self.int(column)? != 0)
    }

    pub(super) fn time(&mut self, column: &'static str) -> StoreResult<Timestamp> {
        self.int(column).map(Timestamp)
    }

    pub(super) fn time_or_null(&mut self, column: &'static str) -> StoreResult<Option<Timestamp>> {
        Ok(self.int_or_null(column)?.map(Timestamp))
    }

    pub(super) fn text_or_null(&mut self, column: &'static str) -> StoreResult<Option<String>> {
        match self.next(column)? {
            Value::Text(value) => Ok(Some(value)),
            Value::Null(_) => Ok(None),
            _ => Err(self.corrupt(column, "it is not a text")),
        }
    }

    pub(super) fn text(&mut self, column: &'static str) -> StoreResult<String> {
        self.text_or_null(column)?.ok_or_else(|| self.corrupt(column, "it is null"))
    }

    pub(super) fn blob(&mut self, column: &'static str) -> StoreResult<Vec<u8>> {
        match self.next(column)? {
            Value::Blob(value) => Ok(value),
            _ => Err(self.corrupt(column, "it is not binary")),
        }
    }

    pub(super) fn id<T: TryFrom<String>>(&mut self, column: &'static str) -> StoreResult<T> {
        let text = self.text(column)?;
        T::try_from(text).map_err(|_| self.corrupt(column, "it is not an id"))
    }

    pub(super) fn id_or_null<T: TryFrom<String>>(&mut self, column: &'static str) -> StoreResult<Option<T>> {
        let text = self.text_or_null(column)?;
        text.map(|text| T::try_from(text).map_err(|_| self.corrupt(column, "it is not an id"))).transpose()
    }

    /// A value with a stable name.
    pub(super) fn named<T>(&mut self, column: &'static str, from: fn(&str) -> Option<T>) -> StoreResult<T> {
        let name = self.text(column)?;
        from(&name).ok_or_else(|| self.corrupt(column, "it is a name that this version does not know"))
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self, column: &'static str) -> StoreResult<T> {
        let text = self.text(column)?;
        self.parsed(column, &text)
    }

    /// A list; null is an empty one.
    pub(super) fn list<T: DeserializeOwned>(&mut self, column: &'static str) -> StoreResult<Vec<T>> {
        match self.text_or_null(column)? {
            Some(text) => self.parsed(column, &text),
            None => Ok(Vec::new()),
        }
    }

    fn parsed<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> StoreResult<T> {
        serde_json::from_str(text).map_err(|error| {
            // Only the place: the message of the parser may quote the value.
            self.corrupt(column, format!("it is not the expected JSON (position {})", error.column()))
        })
    }
}

/// A value as JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt {
        table: "memory",
        column: "value",
        what: "it cannot be written as JSON".to_owned(),
    })
}

/// A list as JSON text; an empty one is null.
pub(super) fn json_list<T: Serialize>(values: &[T]) -> StoreResult<Value> {
    match values {
        [] => Ok(Value::Null(Kind::Text)),
        _ => json(&values).map(Value::Text),
    }
}

/// A statement that inserts these rows, if there are any: `head` ends with `VALUES`, `tail` is what stands after them.
pub(super) fn insert_rows(
    script: &mut Vec<Statement>,
    head: &'static str,
    tail: &'static str,
    width: usize,
    values: Vec<Value>,
) {
    if !values.is_empty() {
        script.push(Statement { text: Cow::Borrowed(head), values, form: Form::Rows { tail, width } });
    }
}

/// Statements that are asked for these keys, each with the same first values: `IN (…)` stands between head and tail.
pub(super) fn for_keys<T: Copy + Into<Value>>(
    script: &mut Vec<Statement>,
    head: &str,
    tail: &str,
    first: &[Value],
    keys: impl Iterator<Item = T>,
) {
    let keys: Vec<T> = keys.collect();
    for part in keys.chunks(CHUNKS[0]) {
        let size = CHUNKS.into_iter().rev().find(|chunk| *chunk >= part.len()).unwrap_or(CHUNKS[0]);
        let mut text = String::with_capacity(head.len() + tail.len() + size * 2 + 8);
        text.push_str(head);
        text.push_str(" IN (");
        push_marks(&mut text, size);
        text.push_str(") ");
        text.push_str(tail);
        let mut values = first.to_vec();
        // The list is filled up with its last key: a few texts serve all lengths.
        let padding = std::iter::repeat_n(part.last(), size - part.len()).flatten();
        values.extend(part.iter().chain(padding).map(|key| (*key).into()));
        script.push(Statement::new(text, values));
    }
}

/// Statements that are asked for these pairs: `WITH w(pk, s) AS (VALUES …)` stands before the text, which begins with a
/// blank and has these further values.
pub(super) fn for_pairs(script: &mut Vec<Statement>, text: &str, pairs: &[(i64, i64)], further: &[Value]) {
    for part in pairs.chunks(CHUNKS[0]) {
        let size = CHUNKS.into_iter().rev().find(|chunk| *chunk >= part.len()).unwrap_or(CHUNKS[0]);
        let mut all = String::with_capacity(text.len() + size * 6 + 32);
        all.push_str("WITH w(pk, s) AS (VALUES ");
        for place in 0..size {
            all.push_str(if place == 0 { "(?,?)" } else { ",(?,?)" });
        }
        all.push(')');
        all.push_str(text);
        // Filled up with its last pair, as the keys above.
        let padding = std::iter::repeat_n(part.last(), size - part.len()).flatten();
        let mut values: Vec<Value> =
            part.iter().chain(padding).flat_map(|(pk, second)| [Value::from(*pk), (*second).into()]).collect();
        values.extend_from_slice(further);
        script.push(Statement::new(all, values));
    }
}

/// `?,?,?`
pub(super) fn push_marks(text: &mut String, count: usize) {
    for position in 0..count {
        text.push_str(if position == 0 { "?" } else { ",?" });
    }
}

macro_rules! value_from {
    ($($type:ty: $value:ident => $made:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

value_from! {
    i64: value => Self::Int(value);
    u32: value => Self::Int(i64::from(value));
    bool: value => Self::Int(i64::from(value));
    Timestamp: value => Self::Int(value.0);
    &str: value => Self::Text(value.to_owned());
    String: value => Self::Text(value);
    &String: value => Self::Text(value.clone());
    Vec<u8>: value => Self::Blob(value);
    &[u8]: value => Self::Blob(value.to_vec());
    &AccountId: value => Self::Text(value.as_str().to_owned());
    &ConversationId: value => Self::Text(value.as_str().to_owned());
    &MessageId: value => Self::Text(value.as_str().to_owned());
    &PersonId: value => Self::Text(value.as_str().to_owned());
    Option<i64>: value => value.map_or(Self::Null(Kind::Int), Self::Int);
    Option<bool>: value => value.map_or(Self::Null(Kind::Int), Self::from);
    Option<Timestamp>: value => value.map_or(Self::Null(Kind::Int), Self::from);
    Option<&str>: value => value.map_or(Self::Null(Kind::Text), Self::from);
    Option<String>: value => value.map_or(Self::Null(Kind::Text), Self::Text);
    &Option<String>: value => value.clone().into();
    Option<&ConversationId>: value => value.map_or(Self::Null(Kind::Text), Self::from);
    Option<&PersonId>: value => value.map_or(Self::Null(Kind::Text), Self::from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_split_into_few_sizes_and_nothing_is_lost() {
        let mut script = Vec::new();
        insert_rows(&mut script, "INSERT INTO t VALUES", "", 2, (0..2 * 127i64).map(Value::from).collect());
        assert_eq!(script[0].of_rows(1), "INSERT INTO t VALUES (?,?) ");
        assert_eq!(script[0].rounds().map(<[Value]>::len).collect::<Vec<_>>(), [2; 127]);
        let parts: Vec<_> = script.into_iter().flat_map(Statement::into_parts).collect();
        assert_eq!(parts.iter().map(|(_, values)| values.len() / 2).collect::<Vec<_>>(), [100, 20, 5, 1, 1]);
        assert_eq!(parts[4].0, "INSERT INTO t VALUES (?,?) ");
        let all: Vec<Value> = parts.into_iter().flat_map(|(_, values)| values).collect();
        assert!(all == (0..2 * 127i64).map(Value::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_statement_without_values_is_run_once() {
        assert_eq!(sql!("SELECT 1").rounds().map(<[Value]>::len).collect::<Vec<_>>(), [0]);
        assert_eq!(sql!("SELECT ?, ?", 1i64, 2i64).rounds().map(<[Value]>::len).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn keys_are_padded_to_few_sizes() {
        let keys: Vec<String> = (0..107).map(|n| n.to_string()).collect();
        let mut script = Vec::new();
        for_keys(&mut script, "a = ? AND b", "x", &[Value::from(7i64)], keys.iter().map(String::as_str));
        let sizes: Vec<usize> = script.iter().map(|one| one.values.len()).collect();
        assert_eq!(sizes, [101, 21]);
        assert!(script[1].values[20] == Value::from("106"));
    }
}
