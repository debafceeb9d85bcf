//! The member whose mailbox a page is of, with what is shown of them on many rows.
//!
//! Made once a page and written many times; it must hold nothing that differs from row to row.

use threadkeep_core::id::AccountId;
use threadkeep_core::person::Person;

use super::person::participant;
use super::senders::Sender;
use super::text::Text;

/// The member of an account.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) account: AccountId,
    person: Person,
    sender: Sender,
    participant: Text,
}

impl Owner {
    /// A member as a person of their own mailbox; `None` when they cannot be written.
    pub(super) fn of(account: AccountId, person: Person) -> Option<Self> {
        let mut shown = Text::default();
        let is_written = shown.value(&participant(&person, &person.id));
        is_written.then(|| Self { account, sender: Sender::of(&person), participant: shown, person })
    }

    /// The profile id.
    pub(super) fn id(&self) -> &str {
        self.person.id.as_str()
    }

    /// Name and picture.
    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Writes the others and, where they take part, the owner last.
    pub(super) fn write_participants(&self, text: &mut Text, others: &str, has_owner: bool) {
        text.raw(others);
        if has_owner {
            text.raw(if others.is_empty() { "" } else { "," }).raw(self.participant.as_bytes());
        }
    }
}
