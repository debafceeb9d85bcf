//! Messages on the wire (upstream protocol 4.3 to 4.6).
//!
//! A recalled message stays a message; hard-deleted ones never reach this file.

use std::borrow::Cow;

use crate::chance::stable_hash;
use crate::switches::SubjectForm;
use crate::world::id::person_urn;
use crate::world::model::{Attribute, Message, Reaction, Thread};

use super::json::{Json, Member};
use super::kinds;
use super::urns;
use super::writer::{Form, Writer, member};

/// Members of the union of attribute kinds; all are present, one is not null.
const ATTRIBUTE_KINDS: [&str; 11] = [
    "bold",
    "italic",
    "underline",
    "subscript",
    "superscript",
    "lineBreak",
    "paragraph",
    "listItem",
    "hyperlink",
    "entity",
    "list",
];

impl<'a> Writer<'a> {
    /// A message of a thread; a reference in the normalized form.
    pub fn message(&mut self, thread: &'a Thread, message: &'a Message) -> Json<'a> {
        let urn = urns::message(self.owner, &message.id);
        if self.form == Form::Normalized && self.has_included(&urn) {
            return Json::from(urn);
        }
        let value = self.message_object(thread, message, &urn);
        self.entity(urn, value)
    }

    fn message_object(&mut self, thread: &'a Thread, message: &'a Message, urn: &str) -> Json<'a> {
        let conversation = urns::conversation(self.owner, &thread.id);
        let time = if message.hides_delivered_at { "createdAt" } else { "deliveredAt" };
        let sender = self.sender(thread, &message.sender);
        let actor = self.sender(thread, message.actor.as_ref().unwrap_or(&message.sender));
        let mut members = vec![
            member("entityUrn", urn.to_owned()),
            member("backendUrn", format!("urn:li:messagingMessage:{}", message.id)),
            member("backendConversationUrn", format!("urn:li:messagingThread:{}", thread.id)),
            self.conversation_reference(conversation),
            member("body", self.body(message)),
            member("subject", self.subject(message)),
            member(time, message.delivered_at_ms),
            self.reference("sender", "*sender", sender),
            self.reference("actor", "*actor", actor),
            member("originToken", Json::Null),
            member("messageBodyRenderFormat", message.format.as_str()),
        ];
        let content = message.content.iter().map(|(name, value)| self.content(name, value));
        let content: Vec<_> = content.collect();
        let reactions = message.reactions.iter().map(|reaction| self.reaction(reaction)).collect();
        members.extend([
            member("renderContent", Json::List(content)),
            member("renderContentFallbackText", Json::optional(message.fallback_text.as_deref())),
            member("reactionSummaries", Json::List(reactions)),
            member("footer", Json::Null),
            member("inlineWarning", Json::Null),
            member("incompleteRetriableData", false),
        ]);
        self.object(kinds::MESSAGE, stable_hash(&message.id), members)
    }

    /// Somebody who is no longer a participant is always given in full, because nothing else tells who it was.
    fn sender(&mut self, thread: &'a Thread, id: &'a str) -> Json<'a> {
        let known = thread.participants.iter().any(|participant| participant == id);
        if self.switches.brief_senders && known { self.brief_person(id) } else { self.person(id) }
    }

    fn conversation_reference(&self, urn: String) -> Member<'a> {
        match self.form {
            Form::Normalized => member("*conversation", urn),
            Form::Graphql => {
                let stub = self.object(kinds::CONVERSATION, 3, vec![member("entityUrn", urn)]);
                member("conversation", stub)
            }
        }
    }

    fn body(&self, message: &'a Message) -> Json<'a> {
        let Some(text) = message.body.as_deref() else { return Json::Null };
        let attributes = message.attributes.iter().map(|one| self.attribute(one)).collect();
        let members = vec![member("text", text), member("attributes", Json::List(attributes))];
        self.object(kinds::TEXT, 0, members)
    }

    fn subject(&self, message: &'a Message) -> Json<'a> {
        match self.switches.subject_form {
            SubjectForm::Text => Json::optional(message.subject.as_deref()),
            SubjectForm::Attributed => self.optional_text(message.subject.as_deref()),
        }
    }

    fn attribute(&self, attribute: &'a Attribute) -> Json<'a> {
        let target = attribute.target.as_deref();
        let value = match attribute.kind.as_str() {
            "entity" => {
                let urn = target.map_or(Json::Null, |id| Json::from(person_urn(id)));
                self.object(kinds::ENTITY, 0, vec![member("urn", urn)])
            }
            "hyperlink" => self.object(kinds::HYPERLINK, 0, vec![member("url", Json::optional(target))]),
            "list" => {
                let ordered = member("ordered", target == Some("ordered"));
                self.object(kinds::TEXT_LIST, 0, vec![ordered])
            }
            _ => self.object(kinds::TEXT_STYLE, 0, Vec::new()),
        };
        let others = ATTRIBUTE_KINDS.into_iter().filter(|known| *known != attribute.kind);
        let mut union: Vec<Member<'a>> = others.map(|known| member(known, Json::Null)).collect();
        union.push((Cow::Borrowed(attribute.kind.as_str()), value));
        let members = vec![
            member("start", attribute.start),
            member("length", attribute.length),
            member("attributeKind", self.object(kinds::ATTRIBUTE_KIND, 1, union)),
        ];
        self.object(kinds::ATTRIBUTE, 2, members)
    }

    fn reaction(&self, reaction: &'a Reaction) -> Json<'a> {
        let count = i64::try_from(reaction.people.len()).unwrap_or(i64::MAX);
        let mine = reaction.people.iter().any(|person| person == self.owner);
        let members = vec![
            member("count", count),
            member("emoji", reaction.emoji.as_str()),
            member("firstReactedAt", reaction.first_reacted_at_ms),
            member("viewerReacted", mine),
        ];
        self.object(kinds::REACTION, stable_hash(&reaction.emoji), members)
    }
}
