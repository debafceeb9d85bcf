//! Writes objects in either answer form: nested in place, or normalized with references (upstream protocol 3.3).
//!
//! Everything that differs between the two forms is decided here. The order of `included` must never follow the order of
//! the page, so that no client can rely on it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::chance::stable_hash;
use crate::switches::{DeletedUrns, Switches};
use crate::world::World;

use super::json::{Json, Member};
use super::kinds::{self, Kind};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/graphql` and `application/json`: objects nested in place.
    Graphql,
    /// `application/vnd.linkedin.normalized+json+2.1`: entities in `included`, references with `*`.
    Normalized,
}

/// Writes the objects of one answer for one reader.
pub struct Writer<'a> {
    /// What is true.
    pub world: &'a World,
    /// Whose mailbox is read.
    pub owner: &'a str,
    /// How this LinkedIn behaves.
    pub switches: &'a Switches,
    /// The form of the answer.
    pub form: Form,
    included: BTreeMap<u64, Json<'a>>,
}

/// One member of an object.
pub fn member<'a>(key: &'static str, value: impl Into<Json<'a>>) -> Member<'a> {
    (Cow::Borrowed(key), value.into())
}

impl Form {
    /// The form that an `accept` header chooses (upstream protocol 1.3).
    pub fn of(accept: Option<&str>) -> Self {
        let normalized = accept.is_some_and(|value| value.contains("vnd.linkedin.normalized+json"));
        if normalized { Self::Normalized } else { Self::Graphql }
    }

    /// The `content-type` of an answer of this form.
    pub fn content_type(self, accept: Option<&str>) -> &'static str {
        let graphql = accept.is_some_and(|value| value.contains("application/graphql"));
        match self {
            Self::Normalized => "application/vnd.linkedin.normalized+json+2.1; charset=UTF-8",
            Self::Graphql if graphql => "application/graphql; charset=UTF-8",
            Self::Graphql => "application/json; charset=UTF-8",
        }
    }
}

impl<'a> Writer<'a> {
    /// A writer with nothing written.
    pub fn new(world: &'a World, owner: &'a str, switches: &'a Switches, form: Form) -> Self {
        Self { world, owner, switches, form, included: BTreeMap::new() }
    }

    /// An object with its marks and, for some, keys that nobody knows.
    pub fn object(&self, kind: Kind, salt: u64, mut members: Vec<Member<'a>>) -> Json<'a> {
        self.mark(kind, &mut members);
        if self.switches.extra_keys {
            self.sprinkle(stable_hash(kind.recipe).wrapping_add(salt), &mut members);
        }
        Json::Object(members)
    }

    /// An attributed text without attributes.
    pub fn text(&self, text: &'a str) -> Json<'a> {
        let members = vec![member("text", text), member("attributes", Json::List(Vec::new()))];
        self.object(kinds::TEXT, 0, members)
    }

    /// An attributed text, or `null`.
    pub fn optional_text(&self, text: Option<&'a str>) -> Json<'a> {
        text.map_or(Json::Null, |text| self.text(text))
    }

    /// Puts an entity where it belongs: in place, or into `included` leaving a reference.
    pub fn entity(&mut self, urn: String, value: Json<'a>) -> Json<'a> {
        match self.form {
            Form::Graphql => value,
            Form::Normalized => {
                self.include(&urn, value);
                Json::from(urn)
            }
        }
    }

    /// Puts an entity into `included` unless one with that URN is there.
    pub fn include(&mut self, urn: &str, value: Json<'a>) {
        self.included.entry(stable_hash(urn)).or_insert(value);
    }

    /// Whether an entity with that URN is in `included`.
    pub fn has_included(&self, urn: &str) -> bool {
        self.included.contains_key(&stable_hash(urn))
    }

    /// A member that holds an entity, or a reference to one in the normalized form.
    pub fn reference(&self, key: &'static str, starred: &'static str, value: Json<'a>) -> Member<'a> {
        let is_reference = self.form == Form::Normalized && !matches!(value, Json::Null);
        (Cow::Borrowed(if is_reference { starred } else { key }), value)
    }

    /// One item of `deletedUrns` (upstream protocol 3.5): an object, or a string in the normalized form.
    pub fn tombstone(&self, key: &'static str, urn: String) -> Json<'a> {
        match (self.form, self.switches.deleted_urns) {
            (Form::Normalized, _) | (_, DeletedUrns::Strings) => Json::from(urn),
            (_, DeletedUrns::Bare) => Json::Object(vec![member("entityUrn", urn)]),
            (_, DeletedUrns::Objects) => {
                let other = if key == "message" { "conversation" } else { "message" };
                let stub = self.object(kinds::OTHER, 3, vec![member("entityUrn", urn)]);
                self.object(kinds::OTHER, 4, vec![member(key, stub), member(other, Json::Null)])
            }
        }
    }

    /// A collection of entities.
    pub fn collection(&self, entities: bool, elements: Vec<Json<'a>>, metadata: Json<'a>) -> Json<'a> {
        let starred = entities && self.form == Form::Normalized;
        let key = if starred { "*elements" } else { "elements" };
        let members = vec![member(key, Json::List(elements)), member("metadata", metadata)];
        self.object(kinds::COLLECTION, 0, members)
    }

    /// The whole answer with one field under `data`.
    pub fn answer(self, field: &'static str, value: Json<'a>) -> Json<'a> {
        let mut data = Vec::new();
        self.mark(kinds::OTHER, &mut data);
        let starred = self.form == Form::Normalized && is_bare_reference(&value);
        let key = if starred { Cow::Owned(format!("*{field}")) } else { Cow::Borrowed(field) };
        data.push((key, value));
        let data = Json::Object(data);
        match self.form {
            Form::Graphql => Json::Object(vec![member("data", data)]),
            Form::Normalized => {
                let inner = Json::Object(vec![member("data", data)]);
                let included = Json::List(self.included.into_values().collect());
                Json::Object(vec![member("data", inner), member("included", included)])
            }
        }
    }

    fn mark(&self, kind: Kind, members: &mut Vec<Member<'a>>) {
        match self.form {
            Form::Graphql => {
                members.push(member("_type", kind.name));
                members.push(member("_recipeType", kind.recipe));
            }
            Form::Normalized => {
                members.push(member("$type", kind.name));
                members.push(member("$recipeTypes", Json::List(vec![Json::from(kind.recipe)])));
            }
        }
    }

    fn sprinkle(&self, salt: u64, members: &mut Vec<Member<'a>>) {
        match salt % 5 {
            0 => members.push(member("lixTreatment", "control")),
            1 => members.push(member("viewerTrackingScope", Json::Null)),
            2 => {
                let hints = Json::object([("density", Json::Int(2)), ("lines", Json::List(vec![Json::Int(1)]))]);
                members.push(member("renderHints", hints));
            }
            _ => {}
        }
    }
}

/// A URN, or a list of them: what stands where a bare entity or list of entities would.
fn is_bare_reference(value: &Json<'_>) -> bool {
    match value {
        Json::Text(_) => true,
        Json::List(items) => items.iter().all(|item| matches!(item, Json::Text(_))),
        _ => false,
    }
}
