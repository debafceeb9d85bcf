//! Query parameters, read strictly: each known, given once, and of its type.
//!
//! A handler takes what it knows and then calls [`Params::finish`], which refuses the rest by name. Values are never
//! repeated in an error.

use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use url::form_urlencoded;

use super::answer::{Fault, invalid};
use crate::refusal::Refusal;

/// Most parameters of one request.
const PARAMS_MAX: usize = 50;
/// Longest value, in bytes.
const VALUE_MAX: usize = 8 * 1024;
/// How much of an unknown name is repeated in an error.
const SHOWN_MAX: usize = 64;

/// The parameters of a request that were not taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Params {
    fn parse(query: &str) -> Result<Self, Fault> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let name = shown(&name);
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(invalid(&name, "give it once"));
            }
            if pairs.len() >= PARAMS_MAX {
                return Err(invalid(&name, "too many parameters"));
            }
            if value.len() > VALUE_MAX || value.chars().any(|one| one.is_control() || one == '\u{FFFD}') {
                return Err(invalid(&name, "too long, or not plain text"));
            }
            pairs.push((name, value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// Takes a parameter.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a whole number.
    pub(crate) fn take_number(&mut self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Fault> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<i64>() {
            Ok(number) if is_plain && range.contains(&number) => Ok(Some(number)),
            _ => Err(invalid(name, &format!("a whole number from {} to {}", range.start(), range.end()))),
        }
    }

    /// Takes `true` or `false`.
    pub(crate) fn take_flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        match self.take(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(invalid(name, "true or false")),
        }
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::UnknownField(name).into()),
        }
    }
}

/// A name of the caller's, fit to stand in an error: short and plain.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|one| !one.is_control()).take(SHOWN_MAX).collect()
}
