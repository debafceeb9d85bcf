//! Writes a mailbox as the canonical export (docs/EXPORT.md), the page against which every mirror is compared.
//!
//! It shares no code with the mirror. Keys are written in order by hand: a sorted map is not enough, since a feature
//! of the JSON library can switch the order off from another crate.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::Value;

use super::id::{bare, bare_person};
use super::model::{Attribute, Entry, Message, PersonKind, Reaction, Thread, World};

/// What the canonical export holds when nobody says otherwise.
pub const CANONICAL_CATEGORIES: [&str; 2] = ["INBOX", "ARCHIVE"];

impl World {
    /// Writes the canonical export of one mailbox; an owner without a mailbox here has an empty one.
    pub fn truth(&self, owner: &str, categories: &[&str], out: &mut dyn Write) -> io::Result<()> {
        let threads: Vec<(&Thread, &Entry)> = self
            .mailboxes
            .get(owner)
            .into_iter()
            .flat_map(|mailbox| &mailbox.entries)
            .filter(|(_, entry)| entry.is_in(categories))
            .filter_map(|(id, entry)| Some((self.threads.get(id)?, entry)))
            .collect();
        for (thread, entry) in &threads {
            write_line(out, &conversation_line(thread, entry))?;
        }
        let mut people = BTreeSet::new();
        for (thread, _) in &threads {
            people.extend(thread.participants.iter().map(String::as_str));
            for message in thread.visible_messages() {
                people.insert(message.sender.as_str());
                write_line(out, &message_line(thread, message, owner))?;
            }
        }
        for id in people {
            write_line(out, &self.person_line(id))?;
        }
        Ok(())
    }

    /// The canonical export of the default categories as text, for tests and small mailboxes.
    pub fn truth_text(&self, owner: &str) -> String {
        let mut bytes = Vec::new();
        // Writing to memory does not fail, and only whole characters are written.
        if self.truth(owner, &CANONICAL_CATEGORIES, &mut bytes).is_err() {
            bytes.clear();
        }
        String::from_utf8(bytes).unwrap_or_default()
    }

    fn person_line(&self, id: &str) -> String {
        let mut line = Line::default();
        let person = self.people.get(id);
        let headline = person.filter(|person| !person.deleted).and_then(|person| match person.kind {
            PersonKind::Member | PersonKind::Organization => person.headline.as_deref(),
            PersonKind::Custom | PersonKind::Agent => None,
        });
        let kind = match person.map(|person| person.kind) {
            Some(PersonKind::Member) => "member",
            Some(PersonKind::Organization) => "organization",
            Some(PersonKind::Custom) => "custom",
            Some(PersonKind::Agent) => "agent",
            None => "unknown",
        };
        line.optional_text("headline", headline);
        line.text("id", id);
        line.text("kind", "person");
        line.text("name", &person.map(|person| person.display_name()).unwrap_or_default());
        line.text("type", kind);
        line.finish()
    }
}

fn conversation_line(thread: &Thread, entry: &Entry) -> String {
    let mut line = Line::default();
    line.texts("categories", &entry.categories);
    line.raw("createdAt", thread.created_at_ms);
    line.raw("group", thread.group);
    line.text("id", &thread.id);
    line.text("kind", "conversation");
    line.optional_text("label", thread.label.as_deref());
    line.raw("lastActivityAt", thread.last_activity_at_ms);
    line.optional("lastReadAt", entry.last_read_at_ms);
    line.raw("muted", entry.muted);
    line.texts("participants", &thread.participants);
    line.raw("read", entry.read);
    line.raw("sponsored", thread.sponsored);
    line.optional_text("state", entry.state.as_deref());
    line.optional_text("title", thread.title.as_deref().filter(|title| !title.is_empty()));
    line.raw("unreadCount", entry.unread_count);
    line.finish()
}

fn message_line(thread: &Thread, message: &Message, owner: &str) -> String {
    let mut line = Line::default();
    line.list("attributes", attributes(&message.attributes));
    line.text("body", message.body.as_deref().unwrap_or_default());
    line.list("content", message.content.iter().filter_map(|(member, value)| content(member, value)));
    line.text("conversation", &thread.id);
    line.raw("deliveredAt", message.delivered_at_ms);
    line.text("format", message.format.as_str());
    line.text("id", &message.id);
    line.text("kind", "message");
    line.list("reactions", reactions(&message.reactions, owner));
    line.text("sender", &message.sender);
    line.optional_text("subject", message.subject.as_deref());
    line.finish()
}

fn attributes(all: &[Attribute]) -> impl Iterator<Item = String> {
    let mut rows: Vec<(u32, u32, &str, Option<&str>)> = all
        .iter()
        .map(|one| match one.kind.as_str() {
            "entity" => (one.start, one.length, "mention", one.target.as_deref()),
            kind @ ("hyperlink" | "list") => (one.start, one.length, kind, one.target.as_deref()),
            kind => (one.start, one.length, kind, None),
        })
        .collect();
    rows.sort_by_key(|(start, length, kind, _)| (*start, *length, *kind));
    rows.into_iter().map(|(start, length, kind, target)| {
        let mut line = Line::default();
        line.text("kind", kind);
        line.raw("length", length);
        line.raw("start", start);
        line.optional_text("target", target);
        line.finish()
    })
}

fn reactions(all: &[Reaction], owner: &str) -> impl Iterator<Item = String> {
    let mut rows: Vec<&Reaction> = all.iter().collect();
    rows.sort_by_key(|reaction| reaction.emoji.as_str());
    rows.into_iter().map(move |reaction| {
        let mut line = Line::default();
        line.raw("count", reaction.people.len());
        line.text("emoji", &reaction.emoji);
        line.raw("firstReactedAt", reaction.first_reacted_at_ms);
        line.raw("viewerReacted", reaction.people.iter().any(|person| person == owner));
        line.finish()
    })
}

/// One element of the content list; nothing for an all-null element.
fn content(member: &str, value: &Value) -> Option<String> {
    if member.is_empty() || value.is_null() {
        return None;
    }
    let mut line = Line::default();
    match member {
        "vectorImage" => line.value("asset", value.get("digitalmediaAsset")).kind("image"),
        "file" => line
            .value("asset", value.get("assetUrn"))
            .value("byteSize", value.get("byteSize"))
            .kind("file")
            .value("mediaType", value.get("mediaType"))
            .value("name", value.get("name")),
        "video" => line.value("asset", value.get("media")).value("durationMs", value.get("duration")).kind("video"),
        "audio" => line.value("durationMs", value.get("duration")).kind("audio"),
        "externalMedia" => line
            .value("height", value.pointer("/media/originalHeight"))
            .kind("external")
            .value("title", value.get("title"))
            .value("url", value.pointer("/media/url"))
            .value("width", value.pointer("/media/originalWidth")),
        "forwardedMessageContent" => {
            line.text("body", attributed_text(value.get("forwardedBody")));
            line.kind("forwarded").person("sender", value).value("sentAt", value.get("originalSendAt"))
        }
        "repliedMessageContent" => {
            let message = value.pointer("/originalMessage/entityUrn").and_then(Value::as_str);
            line.text("body", attributed_text(value.get("messageBody")));
            line.kind("reply");
            line.optional_text("message", message.map(bare));
            line.person("sender", value).value("sentAt", value.get("originalSendAt"))
        }
        "hostUrnData" => line.kind("hostUrn").value("type", value.get("type")).value("urn", value.get("hostUrn")),
        "awayMessage" => {
            let text = value.get("text").map(|text| text.get("text").unwrap_or(text));
            line.kind("away").value("text", text)
        }
        "conversationAdsMessageContent" => line.kind("ad").value("urn", value.get("sponsoredMessageContentUrn")),
        "messageAdRenderContent" => line.kind("ad").value("urn", value.get("sponsoredCampaignUrn")),
        "videoMeeting" => line.kind("meeting"),
        "unavailableContent" => line.kind("unavailable"),
        "callMessageContent" => line.kind("call"),
        unknown => {
            line.text("key", unknown);
            line.kind("unknown")
        }
    };
    Some(line.finish())
}

fn attributed_text(value: Option<&Value>) -> &str {
    value.and_then(|value| value.get("text")).and_then(Value::as_str).unwrap_or_default()
}

fn write_line(out: &mut dyn Write, line: &str) -> io::Result<()> {
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")
}

/// A JSON object under construction; the caller gives the keys in ascending order.
#[derive(Default)]
struct Line {
    json: String,
}

impl Line {
    fn key(&mut self, key: &str) {
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        push_json_text(&mut self.json, key);
        self.json.push(':');
    }

    fn raw(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.json.push_str(&value.to_string());
    }

    fn optional(&mut self, key: &str, value: Option<i64>) {
        match value {
            Some(value) => self.raw(key, value),
            None => self.raw(key, "null"),
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_json_text(&mut self.json, value);
    }

    fn optional_text(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    fn texts(&mut self, key: &str, values: &[String]) {
        let sorted: BTreeSet<&str> = values.iter().map(String::as_str).collect();
        let items = sorted.into_iter().map(|value| {
            let mut json = String::new();
            push_json_text(&mut json, value);
            json
        });
        self.list(key, items);
    }

    fn list(&mut self, key: &str, items: impl Iterator<Item = String>) {
        self.key(key);
        self.json.push('[');
        for (number, item) in items.enumerate() {
            if number > 0 {
                self.json.push(',');
            }
            self.json.push_str(&item);
        }
        self.json.push(']');
    }

    fn kind(&mut self, kind: &str) -> &mut Self {
        self.text("kind", kind);
        self
    }

    /// A number or text as it is on the wire; anything that is neither counts as unknown.
    fn value(&mut self, key: &str, value: Option<&Value>) -> &mut Self {
        match value {
            Some(Value::String(text)) => self.text(key, text),
            Some(Value::Number(number)) => self.raw(key, number),
            _ => self.raw(key, "null"),
        }
        self
    }

    fn person(&mut self, key: &str, content: &Value) -> &mut Self {
        let sender = content.get("originalSender");
        let urn = sender.and_then(|sender| sender.get("hostIdentityUrn").or_else(|| sender.get("entityUrn")));
        self.optional_text(key, urn.and_then(Value::as_str).map(bare_person));
        self
    }

    fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }
}

/// Text in JSON quotes: the escapes that JSON asks for and no others.
fn push_json_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", control as u32)),
            other => json.push(other),
        }
    }
    json.push('"');
}
