//! Forms: how conversations look in files that people take elsewhere.
//!
//! A form turns records into bytes and knows nothing else: no database, no disk, no network, no clock, so that the same
//! records always give the same bytes. Every name and text in a record is a stranger's; each form writes it so that it
//! stays text wherever the file is opened.

pub mod csv;
pub mod html;
pub mod markdown;
pub mod mbox;
#[cfg(feature = "parquet")]
pub mod parquet;
mod quoted;

use std::io;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use threadkeep_core::content::Content;
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, PersonId};
use threadkeep_core::message::{Message, MessageFormat};
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::Completeness;
use threadkeep_core::time::Timestamp;

/// Longest part of a title that goes into the name of a file, in letters.
const SLUG_MAX: usize = 40;
/// Names in a title that LinkedIn has not given.
const TITLE_NAMES_MAX: usize = 3;
/// Longest title, in letters.
const TITLE_MAX: usize = 200;

/// Turns conversations into the bytes of one or several files.
///
/// A file is `begin`, any number of conversations (`open`, `message` …, `close`), `end`. What is ready is added to `out`.
pub trait Form: Send {
    /// The beginning of a file.
    fn begin(&mut self, head: &Head<'_>, out: &mut Vec<u8>) -> io::Result<()>;
    /// The beginning of a conversation.
    fn open(&mut self, thread: &Thread, out: &mut Vec<u8>) -> io::Result<()>;
    /// A message of the conversation that was opened last; they come oldest first.
    fn message(&mut self, thread: &Thread, message: &Spoken<'_>, out: &mut Vec<u8>) -> io::Result<()>;
    /// The end of a conversation.
    fn close(&mut self, _: &Thread, _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }
    /// The end of a file.
    fn end(&mut self, _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }
    /// The list of files, for a form that has one file for each conversation.
    fn index(&mut self, _: &Head<'_>, _: &[Entry], _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}

/// What stands above a file.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// What the file is about.
    pub title: &'a str,
    /// The account whose mailbox it is.
    pub account: &'a AccountId,
    /// The member whose mailbox it is.
    pub owner: &'a PersonId,
    /// The member's name.
    pub owner_name: &'a str,
}

/// A conversation and what is known around it.
#[derive(Debug, Clone)]
pub struct Thread {
    /// The conversation.
    pub conversation: Conversation,
    /// Its title, or the names of the others in it.
    pub title: String,
    /// Everybody in it, in the order of their ids.
    pub people: Vec<Person>,
    /// The member whose mailbox it is.
    pub owner: PersonId,
    /// How much of it there is; `None` when that is not followed.
    pub completeness: Option<Completeness>,
}

/// A message and what is known around it.
#[derive(Debug)]
pub struct Spoken<'a> {
    /// The message.
    pub message: &'a Message,
    /// The name of whoever wrote it, or LinkedIn's word for nobody.
    pub sender: String,
    /// Whether the member wrote it.
    pub is_mine: bool,
    /// What hangs on it.
    pub attachments: Vec<Attached>,
    /// Whether earlier texts are to be shown.
    pub with_history: bool,
}

/// An attachment as a file shows it.
#[derive(Debug, Clone)]
pub struct Attached {
    /// Its place in the message, from 0.
    pub ordinal: u32,
    /// `image`, `file`, `video`, `audio` or `external`.
    pub kind: String,
    /// A name that is safe on any disk.
    pub name: String,
    /// What its bytes were seen to be; `None` while they are not here.
    pub media_type: Option<&'static str>,
    /// Whether its bytes are an image of the few kinds that may be shown in place.
    pub is_image: bool,
    /// Its size in bytes, once it was fetched.
    pub size_bytes: Option<u64>,
    /// SHA-256 of its bytes in hex digits, once it was fetched.
    pub hash: Option<String>,
    /// Its bytes, where the export has them.
    pub bytes: Option<Bytes>,
    /// The file beside this one that holds its bytes.
    pub file: Option<String>,
}

/// A file of an index.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub file: String,
    /// The conversation's title.
    pub title: String,
    /// When something last happened in it.
    pub last_activity_at: Timestamp,
    /// How many messages it has.
    pub messages: u64,
}

impl Thread {
    /// A conversation with the people in it, as the owner sees it.
    pub fn new(
        conversation: Conversation,
        people: Vec<Person>,
        owner: PersonId,
        completeness: Option<Completeness>,
    ) -> Self {
        let title = title(&conversation, &people, &owner);
        Self { conversation, title, people, owner, completeness }
    }

    /// Everybody but the owner, by name.
    pub fn others(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|one| one.id != self.owner)
    }

    /// What a reader has to know about messages that are not here; `None` when all of them are.
    pub fn lack(&self) -> Option<&'static str> {
        match self.completeness {
            Some(Completeness::Complete | Completeness::EndUnproven) => None,
            Some(Completeness::Listed) => Some("Its messages were not copied yet."),
            Some(Completeness::Partial) => Some("Older messages were not copied yet."),
            Some(Completeness::SetAside) => Some("Some messages could not be copied."),
            Some(Completeness::OutOfScope) | None => {
                Some("It is not followed any more: later messages may be missing.")
            }
        }
    }

    /// A name for its file: readable, the same each time, different from that of any other conversation, and safe on
    /// systems that take capital and small letters for the same.
    pub fn file_name(&self, extension: &str) -> String {
        let digest = Sha256::digest(self.conversation.id.as_str().as_bytes());
        let mark: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let mut slug = String::new();
        for letter in self.title.chars() {
            match letter {
                _ if slug.len() >= SLUG_MAX => break,
                'a'..='z' | '0'..='9' => slug.push(letter),
                'A'..='Z' => slug.push(letter.to_ascii_lowercase()),
                _ if slug.is_empty() || slug.ends_with('-') => {}
                _ => slug.push('-'),
            }
        }
        match slug.trim_end_matches('-') {
            "" => format!("conversation-{mark}.{extension}"),
            slug => format!("{slug}-{mark}.{extension}"),
        }
    }
}

impl Spoken<'_> {
    /// The message that this one answers.
    pub fn reply(&self) -> Option<(Option<&str>, &str)> {
        self.message.content.iter().find_map(|one| match one {
            Content::Reply { body, message, .. } => Some((message.as_ref().map(|id| id.as_str()), body.as_str())),
            _ => None,
        })
    }

    /// What became of it, in words; `None` for an ordinary message.
    pub fn fate(&self) -> Option<&'static str> {
        match (&self.message.format, self.message.deleted) {
            (_, true) => Some("deleted at LinkedIn"),
            (MessageFormat::Recalled, _) => Some("recalled"),
            (MessageFormat::Edited, _) => Some("edited"),
            (MessageFormat::System, _) => Some("by LinkedIn"),
            _ => None,
        }
    }

    /// Its text, or what stands for content of a kind without one.
    pub fn text(&self) -> &str {
        match self.message.body.as_str() {
            "" => self.message.fallback_text.as_deref().unwrap_or_default(),
            body => body,
        }
    }

    /// What it carries besides text and attachments, each in one line.
    pub fn extras(&self) -> Vec<String> {
        self.message.content.iter().filter_map(extra).collect()
    }

    /// Its reactions in one line; empty when there are none.
    pub fn reactions(&self) -> String {
        let each = self.message.reactions.iter().map(|one| match one.count {
            0 | 1 => one.emoji.clone(),
            count => format!("{} {count}", one.emoji),
        });
        each.collect::<Vec<_>>().join(", ")
    }
}

fn extra(content: &Content) -> Option<String> {
    Some(match content {
        Content::Forwarded { body, .. } => format!("forwarded: {body}"),
        Content::HostUrn { type_name, urn } => {
            format!("shared: {} {}", type_name.as_deref().unwrap_or_default(), urn.as_deref().unwrap_or_default())
        }
        Content::Away { text } => format!("automatic reply: {}", text.as_deref().unwrap_or_default()),
        Content::Ad { .. } => "advertisement".to_owned(),
        Content::Meeting { .. } => "video meeting".to_owned(),
        Content::Call { .. } => "call".to_owned(),
        Content::Unavailable => "content that is no longer available".to_owned(),
        Content::Unknown { key, .. } => format!("content of an unknown kind ({key})"),
        _ => return None,
    })
}

fn title(conversation: &Conversation, people: &[Person], owner: &PersonId) -> String {
    if let Some(title) = conversation.title.as_deref().filter(|title| !title.trim().is_empty()) {
        return title.chars().take(TITLE_MAX).collect();
    }
    let others: Vec<String> = people.iter().filter(|one| one.id != *owner).map(shown).collect();
    let mut names = others.iter().take(TITLE_NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    if others.len() > TITLE_NAMES_MAX {
        names.push_str(&format!(" and {} more", others.len() - TITLE_NAMES_MAX));
    }
    match names.as_str() {
        "" => "Conversation".to_owned(),
        names => names.chars().take(TITLE_MAX).collect(),
    }
}

/// The name of somebody, or what LinkedIn shows in place of one.
pub fn shown(person: &Person) -> String {
    match person.full_name() {
        name if name.is_empty() => "LinkedIn Member".to_owned(),
        name => name,
    }
}

/// A time as a date-time text with milliseconds in UTC.
pub fn date_time(at: Timestamp) -> String {
    format!("{:.3}", instant(at))
}

/// A time in this form, in UTC.
fn in_form(at: Timestamp, form: &str) -> String {
    instant(at).strftime(form).to_string()
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Only the first line, without control characters: for a heading or a cell that must stay one line.
fn one_line(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use threadkeep_core::id::{ConversationId, MessageId};
    use threadkeep_core::message::PriorText;
    use threadkeep_core::person::PersonKind;

    use super::*;

    pub(crate) fn person(id: &str, name: &str) -> Person {
        Person {
            id: PersonId::new(id).unwrap(),
            kind: PersonKind::Member,
            first_name: name.into(),
            last_name: String::new(),
            headline: None,
            profile_url: None,
            picture_url: None,
            distance: None,
            backend_urn: None,
        }
    }

    pub(crate) fn thread(title: Option<&str>, names: &[&str]) -> Thread {
        let people: Vec<Person> = names.iter().map(|name| person(&format!("P{}", name.len()), name)).collect();
        let conversation = Conversation {
            id: ConversationId::new("2-c").unwrap(),
            categories: BTreeSet::new(),
            group: false,
            title: title.map(str::to_owned),
            state: None,
            label: None,
            sponsored: false,
            participants: people.iter().map(|one| one.id.clone()).collect(),
            created_at: None,
            last_activity_at: Timestamp(1_767_323_045_000),
            last_read_at: None,
            read: true,
            unread_count: 0,
            muted: false,
            deleted: false,
            version: 1,
        };
        Thread::new(conversation, people, PersonId::new("Owner").unwrap(), Some(Completeness::Complete))
    }

    pub(crate) fn message(body: &str) -> Message {
        Message {
            id: MessageId::new("2-m").unwrap(),
            conversation: ConversationId::new("2-c").unwrap(),
            sender: None,
            delivered_at: Timestamp(1_767_323_045_006),
            body: body.into(),
            attributes: Vec::new(),
            subject: None,
            format: MessageFormat::Edited,
            content: Vec::new(),
            fallback_text: None,
            reactions: Vec::new(),
            prior: vec![PriorText { version: 1, body: "before".into(), replaced_at: Timestamp(9) }],
            deleted: false,
            version: 2,
        }
    }

    pub(crate) fn spoken<'a>(message: &'a Message, sender: &str) -> Spoken<'a> {
        Spoken { message, sender: sender.into(), is_mine: false, attachments: Vec::new(), with_history: true }
    }

    pub(crate) fn attached(name: &str, bytes: &'static [u8], is_image: bool) -> Attached {
        Attached {
            ordinal: 0,
            kind: "file".into(),
            name: name.into(),
            media_type: Some(if is_image { "image/png" } else { "application/pdf" }),
            is_image,
            size_bytes: Some(bytes.len() as u64),
            hash: Some("ab".repeat(32)),
            bytes: Some(Bytes::from_static(bytes)),
            file: None,
        }
    }

    /// A whole file with one conversation of one message.
    pub(crate) fn file(form: &mut dyn Form, thread: &Thread, message: &Spoken<'_>) -> String {
        let mut out = Vec::new();
        let account = AccountId::new("0123456789abcdef01234567").unwrap();
        let head = Head { title: &thread.title, account: &account, owner: &thread.owner, owner_name: "Owner Test" };
        form.begin(&head, &mut out).unwrap();
        form.open(thread, &mut out).unwrap();
        form.message(thread, message, &mut out).unwrap();
        form.close(thread, &mut out).unwrap();
        form.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_of_files_are_readable_safe_and_different() {
        assert!(thread(Some("../../etc/Passwd\0"), &[]).file_name("html").starts_with("etc-passwd-"));
        assert!(thread(Some("日本語"), &[]).file_name("md").starts_with("conversation-"));
        let mut one = thread(Some("Team"), &[]);
        let first = one.file_name("html");
        one.conversation.id = ConversationId::new("2-C").unwrap();
        let second = one.file_name("html");
        assert_ne!(first.to_lowercase(), second.to_lowercase());
    }

    #[test]
    fn a_conversation_without_a_title_is_named_after_the_others() {
        assert_eq!(thread(None, &["Olga", "Ines Bo"]).title, "Olga, Ines Bo");
        assert_eq!(thread(None, &["O", "On", "Ona", "Onal", "Onala"]).title, "O, On, Ona and 2 more");
        assert_eq!(thread(None, &[]).title, "Conversation");
    }
}
