//! Reads JSON objects key by key and says exactly where something is wrong.
//!
//! Used for world files and for the parts of verbs. A key that nobody asked for is an error, never ignored; an
//! error names the place and what to write there, and nothing has been changed by then.

use serde_json::{Map, Value};

/// Something in a world file or a verb that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct FieldError {
    /// The place, for example `conversations[3].messages[2].from`.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key that means nothing here.
    #[error("this key means nothing here; known keys are {known}")]
    UnknownKey {
        /// The keys that do mean something.
        known: String,
    },
    /// Another type or another range is needed.
    #[error("expected {wanted}")]
    Expected {
        /// What is needed.
        wanted: &'static str,
    },
    /// A key or id that belongs to nobody.
    #[error("nobody has the key or id {name:?}; declare them under \"people\" or \"accounts\", or write \"me\"")]
    UnknownPerson {
        /// What was written.
        name: String,
    },
    /// A quoted message that is not there.
    #[error("there is no such message before this one in the conversation")]
    UnknownMessage,
    /// Something that may be there once only.
    #[error("{what} is used twice; each may be used once")]
    Duplicate {
        /// What is used twice.
        what: String,
    },
    /// A time after the present.
    #[error("this time lies in the future; use milliseconds since 1970 that have passed")]
    Future,
    /// Two keys that exclude each other.
    #[error("use either this or {other:?}, not both")]
    Exclusive {
        /// The other key.
        other: &'static str,
    },
    /// More than the simulator makes.
    #[error("at most {most} are made")]
    TooMany {
        /// The limit.
        most: usize,
    },
}

/// An object being read.
pub(super) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(value: &'a Value, path: &str) -> Result<Self, FieldError> {
        match value {
            Value::Object(map) => Ok(Self { path: path.to_owned(), map, known: Vec::new() }),
            _ => Err(expected(path, "an object")),
        }
    }

    /// The place of a key of this object.
    pub(super) fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn fail(&self, key: &str, problem: Problem) -> FieldError {
        FieldError { path: self.at(key), problem }
    }

    /// A value as it is, null included.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.map.get(key)
    }

    /// A value that is neither absent nor null.
    pub(super) fn some(&mut self, key: &'static str) -> Option<&'a Value> {
        self.raw(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, FieldError> {
        match self.some(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(expected(&self.at(key), "text")),
        }
    }

    /// Text of which an empty one means none.
    pub(super) fn filled(&mut self, key: &'static str) -> Result<Option<String>, FieldError> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()))
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>, FieldError> {
        match self.some(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(expected(&self.at(key), "true or false")),
        }
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<u64>, FieldError> {
        match self.some(key) {
            None => Ok(None),
            Some(value) => match value.as_u64().filter(|number| i64::try_from(*number).is_ok()) {
                Some(number) => Ok(Some(number)),
                None => Err(expected(&self.at(key), "a whole number from 0")),
            },
        }
    }

    pub(super) fn small(&mut self, key: &'static str) -> Result<Option<u32>, FieldError> {
        match self.number(key)?.map(u32::try_from) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(expected(&self.at(key), "a whole number from 0 to 4294967295")),
        }
    }

    /// Milliseconds since 1970, not after `now_ms`.
    pub(super) fn time(&mut self, key: &'static str, now_ms: i64) -> Result<Option<i64>, FieldError> {
        match self.number(key)?.map(|number| number as i64) {
            Some(at_ms) if at_ms > now_ms => Err(self.fail(key, Problem::Future)),
            at_ms => Ok(at_ms),
        }
    }

    pub(super) fn list(&mut self, key: &'static str) -> Result<Option<&'a [Value]>, FieldError> {
        match self.some(key) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(expected(&self.at(key), "a list")),
        }
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>, FieldError> {
        let Some(items) = self.list(key)? else { return Ok(None) };
        let texts = items.iter().enumerate().map(|(index, item)| match item {
            Value::String(text) => Ok(text.clone()),
            _ => Err(expected(&format!("{}[{index}]", self.at(key)), "text")),
        });
        texts.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// To be called last: fails on keys that were never asked for.
    pub(super) fn finish(self) -> Result<(), FieldError> {
        let Some(key) = self.map.keys().find(|key| !self.known.contains(&key.as_str())) else {
            return Ok(());
        };
        let mut known = self.known.clone();
        known.sort_unstable();
        known.dedup();
        Err(self.fail(key, Problem::UnknownKey { known: known.join(", ") }))
    }
}

/// The error of a value with the wrong type or range.
pub(super) fn expected(path: &str, wanted: &'static str) -> FieldError {
    FieldError { path: path.to_owned(), problem: Problem::Expected { wanted } }
}
