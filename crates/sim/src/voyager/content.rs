//! Attachments on the wire: the `renderContent` union with all its members, one of them not null (upstream protocol 4.5).
//!
//! The world stores the value; this file adds the marks, signs links, fills in people and makes references. It must never change a
//! text inside.

use std::borrow::Cow;

use serde_json::Value;

use crate::world::content::{OWNER_MARK, UNION_MEMBERS};
use crate::world::links::{PRIVATE_PREFIX, SITE_ROOT};

use super::json::{Json, Member};
use super::kinds::{self, Kind};
use super::urns;
use super::writer::{Form, Writer, member};

impl<'a> Writer<'a> {
    /// One element of `renderContent`; the name `""` is the element whose members are all null.
    pub fn content(&mut self, name: &'a str, value: &'a Value) -> Json<'a> {
        let others = UNION_MEMBERS.into_iter().filter(|known| *known != name);
        let mut members: Vec<Member<'a>> = others.map(|known| member(known, Json::Null)).collect();
        if !name.is_empty() {
            members.push(self.content_member(name, value));
        }
        self.object(kinds::CONTENT, 1, members)
    }

    fn content_member(&mut self, name: &'a str, value: &'a Value) -> Member<'a> {
        match (self.form, entity_urn(value)) {
            (Form::Normalized, Some(urn)) if name == "externalMedia" => {
                let object = self.marked(name, value);
                self.include(urn, object);
                member("*externalMedia", urn)
            }
            _ => (Cow::Borrowed(name), self.marked(name, value)),
        }
    }

    /// The value with marks on each object inside.
    fn marked(&mut self, key: &'a str, value: &'a Value) -> Json<'a> {
        match value {
            Value::Object(entries) => {
                let members = entries.iter().map(|(name, inner)| self.inner(key, name, inner)).collect();
                self.object(kind_of(key), 1, members)
            }
            Value::Array(items) => Json::List(items.iter().map(|item| self.marked(key, item)).collect()),
            Value::String(text) => Json::from(text.as_str()),
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Number(_) => Json::Ready(value),
        }
    }

    fn inner(&mut self, parent: &str, name: &'a str, value: &'a Value) -> Member<'a> {
        if let Some(link) = self.signed(name, value) {
            return member_named(name, link);
        }
        match (name, entity_urn(value)) {
            ("originalMessage", Some(urn)) => self.original_message(urn),
            ("originalSender", Some(urn)) => self.original_sender(parent, urn, value),
            _ => (Cow::Borrowed(name), self.marked(name, value)),
        }
    }

    /// A link to private media with the signature for this reader (upstream protocol 6.1).
    fn signed(&self, name: &str, value: &Value) -> Option<String> {
        let url = value.as_str().filter(|_| matches!(name, "url" | "rootUrl"))?;
        let path = url.strip_prefix(SITE_ROOT)?;
        let unsigned = path.starts_with(PRIVATE_PREFIX) && !path.contains('?');
        unsigned.then(|| format!("{url}?{}", self.world.links.private_query(path, self.owner)))
    }

    fn original_message(&self, urn: &str) -> Member<'a> {
        let urn = urn.replace(OWNER_MARK, self.owner);
        match self.form {
            Form::Normalized => member("*originalMessage", urn),
            Form::Graphql => {
                let stub = self.object(kinds::MESSAGE, 3, vec![member("entityUrn", urn)]);
                member("originalMessage", stub)
            }
        }
    }

    /// A forwarded message names its sender in full, a quoted one by URN only (upstream protocol 4.5).
    fn original_sender(&mut self, parent: &str, urn: &'a str, value: &'a Value) -> Member<'a> {
        let known = urns::read_person(urn).filter(|id| self.world.people.contains_key(*id));
        let Some(id) = known else {
            return member("originalSender", self.marked("originalSender", value));
        };
        let person = match self.form {
            Form::Graphql if parent == "repliedMessageContent" => self.marked("originalSender", value),
            _ => self.person(id),
        };
        self.reference("originalSender", "*originalSender", person)
    }
}

fn member_named<'a>(name: &'a str, text: String) -> Member<'a> {
    (Cow::Borrowed(name), Json::from(text))
}

fn entity_urn(value: &Value) -> Option<&str> {
    value.get("entityUrn").and_then(Value::as_str)
}

fn kind_of(key: &str) -> Kind {
    match key {
        "vectorImage" | "thumbnail" => kinds::VECTOR_IMAGE,
        "artifacts" => kinds::VECTOR_ARTIFACT,
        "file" => kinds::FILE,
        "video" => kinds::VIDEO,
        "progressiveStreams" => kinds::STREAM,
        "streamingLocations" => kinds::LOCATION,
        "audio" => kinds::AUDIO,
        "externalMedia" => kinds::EXTERNAL,
        "media" | "previewMedia" => kinds::PROXY_IMAGE,
        "forwardedMessageContent" => kinds::FORWARDED,
        "repliedMessageContent" => kinds::REPLIED,
        "hostUrnData" => kinds::HOST_URN,
        "conversationAdsMessageContent" => kinds::AD,
        "forwardedBody" | "messageBody" | "footerText" => kinds::TEXT,
        "originalSender" => kinds::PARTICIPANT,
        _ => kinds::OTHER,
    }
}
