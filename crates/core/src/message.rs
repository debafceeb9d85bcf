//! Messages as a source shows them, and as they are kept: the rules of what may overwrite what.
//!
//! Upstream gives no time of an edit, so versions are ordered by what they are: sent, then edited, then recalled. A
//! newer version never goes back to an older one, a recalled or deleted message never comes back, and the earlier texts
//! of an edited message are never thrown away (upstream protocol 4.6).

use serde::{Deserialize, Serialize};

use crate::content::{Attribute, Content, Reaction, same_content};
use crate::id::{ConversationId, MessageId, PersonId};
use crate::identity::comparable_text;
use crate::planted::{self, Bug};
use crate::time::Timestamp;

/// Earlier texts kept for one message; the oldest beyond it are dropped.
pub const PRIOR_TEXTS_MAX: usize = 50;
/// The version of an earlier text that no version of the record had: only an archive has told it.
pub const ARCHIVED_VERSION: u32 = 0;

/// What kind of answer an observation came from, which decides how far it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A page of a walk; may be stale.
    Walk,
    /// An answer to a sync token; says what changed.
    Delta,
}

/// `messageBodyRenderFormat` (upstream protocol 4.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum MessageFormat {
    /// As it was sent.
    Default,
    /// Changed by its sender after sending.
    Edited,
    /// Taken back by its sender for everyone; an empty tombstone.
    Recalled,
    /// Written by LinkedIn: somebody joined, left, renamed.
    System,
    /// Not known to us; kept as it came, shown as default.
    Other(String),
}

impl MessageFormat {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Default => "DEFAULT",
            Self::Edited => "EDITED",
            Self::Recalled => "RECALLED",
            Self::System => "SYSTEM",
            Self::Other(name) => name,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Default | Self::System | Self::Other(_) => 0,
            Self::Edited => 1,
            Self::Recalled => 2,
        }
    }
}

impl From<String> for MessageFormat {
    fn from(name: String) -> Self {
        match name.as_str() {
            "DEFAULT" => Self::Default,
            "EDITED" => Self::Edited,
            "RECALLED" => Self::Recalled,
            "SYSTEM" => Self::System,
            _ => Self::Other(name),
        }
    }
}

impl From<MessageFormat> for String {
    fn from(format: MessageFormat) -> Self {
        format.as_str().to_owned()
    }
}

/// What one answer told about a message; `None` is not told, an empty text is told to be none.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageSeen {
    /// Which message.
    pub id: MessageId,
    /// Which thread it is in.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub sender: Option<PersonId>,
    /// When it was delivered; the order of every page.
    pub delivered_at: Timestamp,
    /// Its text.
    pub body: Option<String>,
    /// Marked spans of its text.
    pub attributes: Option<Vec<Attribute>>,
    /// Subject of an InMail.
    pub subject: Option<String>,
    /// Sent, edited, recalled or written by LinkedIn.
    pub format: Option<MessageFormat>,
    /// What it carries besides text.
    pub content: Option<Vec<Content>>,
    /// Text to show when the content is of an unknown kind.
    pub fallback_text: Option<String>,
    /// Reactions, one for each emoji.
    pub reactions: Option<Vec<Reaction>>,
}

/// An earlier text of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorText {
    /// The version of the record that had it; [`ARCHIVED_VERSION`] when none had.
    pub version: u32,
    /// The text.
    pub body: String,
    /// When we saw it replaced, or met it in an archive.
    pub replaced_at: Timestamp,
}

/// A message as kept for one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Which message.
    pub id: MessageId,
    /// Which thread it is in.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub sender: Option<PersonId>,
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// Its text; empty for none.
    pub body: String,
    /// Marked spans of its text.
    pub attributes: Vec<Attribute>,
    /// Subject of an InMail.
    pub subject: Option<String>,
    /// Sent, edited, recalled or written by LinkedIn.
    pub format: MessageFormat,
    /// What it carries besides text.
    pub content: Vec<Content>,
    /// Text to show when the content is of an unknown kind.
    pub fallback_text: Option<String>,
    /// Reactions, sorted by emoji.
    pub reactions: Vec<Reaction>,
    /// Whether a tombstone said that it is gone.
    pub deleted: bool,
    /// Its earlier texts, oldest first.
    pub prior: Vec<PriorText>,
    /// Counts the changes of this record, from 1; each has one event.
    pub version: u32,
}

/// What an answer did to a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Merged {
    /// Nothing.
    Unchanged,
    /// It changed in a way that only we care about, such as a renewed media link: written, but no event.
    Refreshed(Message),
    /// It is new or changed, for this reason.
    Changed(Message, MessageChange),
}

/// How a message changed; the name of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageChange {
    /// Seen for the first time.
    Created,
    /// Its text or content was changed.
    Edited,
    /// It was taken back.
    Recalled,
    /// A tombstone said that it is gone.
    Deleted,
    /// Something else changed, such as its reactions.
    Updated,
}

/// A message after an answer.
pub fn merge_message(old: Option<&Message>, seen: &MessageSeen, origin: Origin, now: Timestamp) -> Merged {
    match old {
        None => Merged::Changed(created(seen), MessageChange::Created),
        Some(old) if old.deleted && planted::is(Bug::TombstoneRevived) => merged(old, seen, now),
        Some(old) if is_stale(old, seen, origin) => Merged::Unchanged,
        Some(old) => merged(old, seen, now),
    }
}

/// A message after a tombstone, when it was not gone before.
pub fn delete_message(old: &Message) -> Option<Message> {
    (!old.deleted).then(|| Message { deleted: true, version: old.version.saturating_add(1), ..old.clone() })
}

/// Notes an earlier text that only an archive has told; tells whether it was not known before.
///
/// It stands before the texts that a sync has seen replaced. An archive may also be newer than what a sync has seen, so
/// such a text never makes an answer an old one.
pub fn note_archived_text(message: &mut Message, body: &str, now: Timestamp) -> bool {
    let text = comparable_text(body);
    let is_known = |other: &str| comparable_text(other) == text;
    let is_told = is_known(&message.body) || message.prior.iter().any(|prior| is_known(&prior.body));
    if text.is_empty() || is_told || message.prior.len() >= PRIOR_TEXTS_MAX {
        return false;
    }
    let at = message.prior.iter().take_while(|prior| prior.version == ARCHIVED_VERSION).count();
    message.prior.insert(at, PriorText { version: ARCHIVED_VERSION, body: body.to_owned(), replaced_at: now });
    true
}

/// A message after an archive has told an earlier text of it, when that was not known.
pub fn with_archived_text(old: &Message, body: &str, now: Timestamp) -> Option<Message> {
    let mut new = old.clone();
    let is_noted = !old.deleted && note_archived_text(&mut new, body, now);
    new.version = old.version.saturating_add(1);
    is_noted.then_some(new)
}

fn created(seen: &MessageSeen) -> Message {
    let mut new = Message {
        id: seen.id.clone(),
        conversation: seen.conversation.clone(),
        sender: None,
        delivered_at: seen.delivered_at,
        body: String::new(),
        attributes: Vec::new(),
        subject: None,
        format: MessageFormat::Default,
        content: Vec::new(),
        fallback_text: None,
        reactions: Vec::new(),
        deleted: false,
        prior: Vec::new(),
        version: 1,
    };
    overwrite(&mut new, seen);
    new
}

fn is_stale(old: &Message, seen: &MessageSeen, origin: Origin) -> bool {
    if old.deleted {
        return true;
    }
    let rank = seen.format.as_ref().map_or(old.format.rank(), MessageFormat::rank);
    if rank < old.format.rank() && !planted::is(Bug::OlderEditOverwrites) {
        return true;
    }
    let is_earlier_text = || {
        let body = seen.body.as_deref().unwrap_or_default();
        let is_earlier = |prior: &PriorText| prior.version != ARCHIVED_VERSION && prior.body == body;
        body != old.body && old.prior.iter().any(is_earlier)
    };
    rank == 1 && origin == Origin::Walk && is_earlier_text() && !planted::is(Bug::EarlierTextOverwrites)
}

fn merged(old: &Message, seen: &MessageSeen, now: Timestamp) -> Merged {
    let mut new = Message { deleted: false, ..old.clone() };
    overwrite(&mut new, seen);
    if new == *old {
        return Merged::Unchanged;
    }
    let text_changed = new.body != old.body;
    let is_same =
        |a: &[Content], b: &[Content]| same_content(a, b) && (a == b || !planted::is(Bug::RenewedLinkIsAnEdit));
    let content_changed = !is_same(&new.content, &old.content);
    if text_changed {
        // What a newer archive has told before is the text itself now.
        new.prior.retain(|prior| prior.version != ARCHIVED_VERSION || !is_same_text(&prior.body, &new.body));
    }
    if text_changed && !old.body.is_empty() && !planted::is(Bug::PriorTextLost) {
        new.prior.push(PriorText { version: old.version, body: old.body.clone(), replaced_at: now });
        let excess = new.prior.len().saturating_sub(PRIOR_TEXTS_MAX);
        new.prior.drain(..excess);
    }
    let change = if new.format == MessageFormat::Recalled && old.format != MessageFormat::Recalled {
        MessageChange::Recalled
    } else if old.format == MessageFormat::Edited && planted::is(Bug::EditWithoutEvent) {
        return Merged::Refreshed(new);
    } else if text_changed || content_changed {
        MessageChange::Edited
    } else if (Message { content: old.content.clone(), ..new.clone() }) == *old {
        return Merged::Refreshed(new);
    } else {
        MessageChange::Updated
    };
    new.version = old.version.saturating_add(if planted::is(Bug::VersionSkipped) { 2 } else { 1 });
    Merged::Changed(new, change)
}

fn is_same_text(one: &str, other: &str) -> bool {
    comparable_text(one) == comparable_text(other)
}

fn overwrite(new: &mut Message, seen: &MessageSeen) {
    fn some_text(text: &str) -> Option<String> {
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }
    if seen.sender.is_some() {
        new.sender.clone_from(&seen.sender);
    }
    new.delivered_at = seen.delivered_at;
    if let Some(body) = &seen.body {
        new.body.clone_from(body);
    }
    if let Some(attributes) = &seen.attributes {
        new.attributes.clone_from(attributes);
    }
    if let Some(subject) = &seen.subject {
        new.subject = some_text(subject);
    }
    if let Some(format) = &seen.format {
        new.format.clone_from(format);
    }
    if let Some(content) = &seen.content {
        new.content.clone_from(content);
    }
    if let Some(text) = &seen.fallback_text {
        new.fallback_text = some_text(text);
    }
    if let Some(reactions) = &seen.reactions {
        new.reactions.clone_from(reactions);
        new.reactions.sort_by(|a, b| a.emoji.cmp(&b.emoji));
    } else if planted::is(Bug::UntoldReactionsErased) {
        new.reactions.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(format: MessageFormat, body: &str) -> MessageSeen {
        MessageSeen {
            id: MessageId::new("2-m").unwrap(),
            conversation: ConversationId::new("2-c").unwrap(),
            sender: None,
            delivered_at: Timestamp(5),
            body: Some(body.into()),
            attributes: None,
            subject: None,
            format: Some(format),
            content: None,
            fallback_text: None,
            reactions: None,
        }
    }

    fn change(old: Option<&Message>, seen: &MessageSeen, origin: Origin) -> (Message, MessageChange) {
        match merge_message(old, seen, origin, Timestamp(9)) {
            Merged::Changed(message, change) => (message, change),
            other => panic!("expected a change, got {other:?}"),
        }
    }

    #[test]
    fn an_edit_keeps_the_text_it_replaced_and_a_stale_page_does_not_undo_it() {
        let first = seen(MessageFormat::Default, "one");
        let (kept, _) = change(None, &first, Origin::Walk);
        let (edited, why) = change(Some(&kept), &seen(MessageFormat::Edited, "two"), Origin::Walk);
        assert_eq!((why, edited.prior[0].body.as_str(), edited.version), (MessageChange::Edited, "one", 2));
        assert_eq!(merge_message(Some(&edited), &first, Origin::Delta, Timestamp(9)), Merged::Unchanged);
        let (again, _) = change(Some(&edited), &seen(MessageFormat::Edited, "three"), Origin::Delta);
        let stale = seen(MessageFormat::Edited, "two");
        assert_eq!(merge_message(Some(&again), &stale, Origin::Walk, Timestamp(9)), Merged::Unchanged);
        assert_eq!(change(Some(&again), &stale, Origin::Delta).0.body, "two");
    }

    #[test]
    fn a_recalled_or_deleted_message_stays_so() {
        let (kept, _) = change(None, &seen(MessageFormat::Default, "one"), Origin::Walk);
        let (recalled, why) = change(Some(&kept), &seen(MessageFormat::Recalled, ""), Origin::Delta);
        assert_eq!((why, recalled.prior.len()), (MessageChange::Recalled, 1));
        let back = seen(MessageFormat::Edited, "two");
        assert_eq!(merge_message(Some(&recalled), &back, Origin::Delta, Timestamp(9)), Merged::Unchanged);
        let gone = delete_message(&kept).unwrap();
        assert_eq!(merge_message(Some(&gone), &back, Origin::Delta, Timestamp(9)), Merged::Unchanged);
        assert_eq!(delete_message(&gone), None);
    }

    #[test]
    fn a_text_of_an_archive_is_kept_once_and_never_makes_an_answer_an_old_one() {
        let (kept, _) = change(None, &seen(MessageFormat::Default, "one\ntwo"), Origin::Walk);
        assert_eq!(with_archived_text(&kept, "one two", Timestamp(7)), None);
        assert_eq!(with_archived_text(&kept, " ", Timestamp(7)), None);
        let told = with_archived_text(&kept, "older", Timestamp(7)).unwrap();
        let told = with_archived_text(&told, "newer", Timestamp(8)).unwrap();
        let versions = |one: &Message| one.prior.iter().map(|one| (one.version, one.body.clone())).collect::<Vec<_>>();
        assert_eq!(versions(&told), [(0, "older".into()), (0, "newer".into())]);
        assert_eq!((told.version, with_archived_text(&told, "newer", Timestamp(9))), (3, None));
        let (edited, why) = change(Some(&told), &seen(MessageFormat::Edited, "newer"), Origin::Walk);
        assert_eq!((why, edited.body.as_str()), (MessageChange::Edited, "newer"));
        assert_eq!(versions(&edited), [(0, "older".into()), (3, "one\ntwo".into())]);
        assert_eq!(with_archived_text(&delete_message(&edited).unwrap(), "x", Timestamp(9)), None);
    }
}
