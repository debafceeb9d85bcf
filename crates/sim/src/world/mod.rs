//! The ground truth of the simulator: what is true, how it is invented, read from a file, changed and written down.
//!
//! Nothing here knows about requests, answers or faults. The clock never comes in by itself: every function that
//! needs the time is told it.

mod archive;
pub mod content;
mod file;
mod generate;
mod history;
pub mod id;
pub mod links;
pub mod model;
mod names;
mod parts;
mod phrases;
mod reading;
mod truth;
mod verbs;

pub use archive::{ArchiveEra, ArchiveFile};
pub use file::WorldFileError;
pub use generate::GenerateOptions;
pub use history::{Before, History};
pub use model::*;
pub use reading::{FieldError, Problem};
pub use truth::CANONICAL_CATEGORIES;
pub use verbs::{Applied, Arrival, Mutation, MutationError, Selector};

impl World {
    /// Owners of the mailboxes in the order in which they were declared.
    pub fn owners(&self) -> &[PersonId] {
        &self.accounts
    }

    /// The time that the next change will get: later than every change before it.
    pub fn next_change_ms(&self, now_ms: Ms) -> Ms {
        now_ms.max(self.changed_at_ms.saturating_add(1))
    }

    /// Takes the time of the next change.
    pub fn touch(&mut self, now_ms: Ms) -> Ms {
        self.changed_at_ms = self.next_change_ms(now_ms);
        self.changed_at_ms
    }

    /// Somebody by person id.
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(id)
    }

    /// A thread by bare id.
    pub fn thread(&self, id: &str) -> Option<&Thread> {
        self.threads.get(id)
    }

    /// The mailbox of a member who has an account here.
    pub fn mailbox(&self, owner: &str) -> Option<&Mailbox> {
        self.mailboxes.get(owner)
    }

    /// How a mailbox sees a thread, deleted or not.
    pub fn entry(&self, owner: &str, thread_id: &str) -> Option<&Entry> {
        self.mailboxes.get(owner)?.entries.get(thread_id)
    }

    /// A message of a thread by bare id, hard-deleted or not.
    pub fn message(&self, thread_id: &str, message_id: &str) -> Option<&Message> {
        self.threads.get(thread_id)?.message(message_id)
    }

    /// Conversations of a mailbox that are not deleted, newest activity first, the smaller id first among equals.
    pub fn newest_first(&self, owner: &str) -> Vec<(&Thread, &Entry)> {
        let mut rows: Vec<_> = self
            .mailboxes
            .get(owner)
            .into_iter()
            .flat_map(|mailbox| &mailbox.entries)
            .filter(|(_, entry)| entry.deleted_at_ms.is_none())
            .filter_map(|(id, entry)| Some((self.threads.get(id)?, entry)))
            .collect();
        rows.sort_by(|(a, _), (b, _)| b.last_activity_at_ms.cmp(&a.last_activity_at_ms).then_with(|| a.id.cmp(&b.id)));
        rows
    }
}

impl PersonKind {
    /// What stands in the path of such a picture (upstream protocol 6.1).
    pub fn picture_recipe(self) -> &'static str {
        match self {
            Self::Organization => "company-logo",
            Self::Member | Self::Custom | Self::Agent => "profile-displayphoto-shrink",
        }
    }
}

impl Person {
    /// What the canonical export calls this person: empty for a deleted member and for an automation.
    pub fn display_name(&self) -> String {
        match self.kind {
            PersonKind::Member if self.deleted => String::new(),
            PersonKind::Member => {
                let name = format!("{} {}", self.first_name, self.last_name);
                let name = name.trim();
                // The placeholder means a deleted member wherever it stands (docs/EXPORT.md, person).
                if name == "LinkedIn Member" { String::new() } else { name.to_owned() }
            }
            PersonKind::Organization | PersonKind::Custom => self.first_name.clone(),
            PersonKind::Agent => String::new(),
        }
    }
}

impl Thread {
    /// Messages that are not hard-deleted, oldest first.
    pub fn visible_messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter().filter(|message| message.deleted_at_ms.is_none())
    }

    /// The newest message that is not hard-deleted.
    pub fn newest_message(&self) -> Option<&Message> {
        self.visible_messages().next_back()
    }

    /// A message by bare id, hard-deleted or not.
    pub fn message(&self, message_id: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == message_id)
    }

    /// Puts a message where its time and id belong.
    pub(crate) fn insert(&mut self, message: Message) {
        let place = self
            .messages
            .partition_point(|other| (other.delivered_at_ms, &other.id) < (message.delivered_at_ms, &message.id));
        self.last_activity_at_ms = self.last_activity_at_ms.max(message.delivered_at_ms);
        self.messages.insert(place, message);
    }
}

impl Message {
    /// A plain message.
    pub fn plain(id: MessageId, sender: PersonId, at_ms: Ms, text: String) -> Self {
        Self {
            id,
            sender,
            actor: None,
            delivered_at_ms: at_ms,
            hides_delivered_at: false,
            body: Some(text),
            attributes: Vec::new(),
            subject: None,
            format: Format::Default,
            content: Vec::new(),
            fallback_text: None,
            reactions: Vec::new(),
            changed_at_ms: at_ms,
            deleted_at_ms: None,
        }
    }
}

impl Format {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Default => "DEFAULT",
            Self::Edited => "EDITED",
            Self::Recalled => "RECALLED",
            Self::System => "SYSTEM",
            Self::Other(word) => word,
        }
    }

    /// The format that a word on the wire stands for.
    pub fn from_word(word: &str) -> Self {
        match word {
            "DEFAULT" => Self::Default,
            "EDITED" => Self::Edited,
            "RECALLED" => Self::Recalled,
            "SYSTEM" => Self::System,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Entry {
    /// Whether the owner has not deleted the conversation and it is in one of these categories.
    pub fn is_in(&self, categories: &[&str]) -> bool {
        self.deleted_at_ms.is_none() && self.categories.iter().any(|own| categories.contains(&own.as_str()))
    }
}
