//! JSON bodies, read strictly: an object whose fields are each known, given once, and of their type.
//!
//! Nothing at all is an empty object, and the `Content-Type` is not looked at (HTTP contract 2.1). Not more than the
//! allowed size is ever read. Values are never repeated in an error.

use std::fmt;

use axum::body::Body;
use futures_util::StreamExt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::HttpSettings;
use super::answer::{Fault, invalid};
use super::params::shown;
use crate::refusal::Refusal;

/// Most fields of one body.
const FIELDS_MAX: usize = 100;

/// The fields of a body that were not taken yet; all of them, also repeated ones.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Reads a body.
    pub(super) async fn read(body: Body, settings: &HttpSettings) -> Result<Self, Fault> {
        let within = std::time::Duration::from_millis(settings.request_timeout_ms);
        let bytes = tokio::time::timeout(within, collect(body, settings.body_max_bytes))
            .await
            .map_err(|_| Fault::SlowBody)??;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Vec::new()));
        }
        let fields: Self = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Fault::InvalidJson("it has to be a JSON object"),
            _ => Fault::InvalidJson("it is not JSON"),
        })?;
        for (at, (name, _)) in fields.0.iter().enumerate() {
            if fields.0.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(invalid(&shown(name), "give it once"));
            }
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        // `null` says the same as leaving the field out.
        Some(self.0.swap_remove(at).1).filter(|value| !value.is_null())
    }

    /// Takes a text.
    pub(super) fn take_text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(name, "a text")),
        }
    }

    /// Takes `true` or `false`.
    pub(super) fn take_flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(invalid(name, "true or false")),
        }
    }

    /// Takes a list of texts.
    pub(super) fn take_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wrong = || invalid(name, "a list of texts");
        let Value::Array(items) = value else { return Err(wrong()) };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) => Ok(text),
            _ => Err(wrong()),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// Refuses what was not taken.
    pub(super) fn finish(self) -> Result<(), Fault> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::UnknownField(shown(&name)).into()),
        }
    }
}

/// A whole body, not larger than allowed.
pub(crate) async fn collect(body: Body, max: usize) -> Result<Vec<u8>, Fault> {
    use axum::body::HttpBody;

    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > max) {
        return Err(Fault::TooLarge(max));
    }
    let mut bytes = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| Fault::InvalidJson("it was cut off"))?;
        if bytes.len() + part.len() > max {
            return Err(Fault::TooLarge(max));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry::<String, Value>()? {
            if fields.len() >= FIELDS_MAX {
                return Err(serde::de::Error::custom("too many fields"));
            }
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}
