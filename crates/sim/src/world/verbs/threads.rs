//! What happens to whole conversations: titles, members, health, and how one mailbox files them.
//!
//! A change that everybody sees also writes a system message; a change of one mailbox touches that mailbox only
//! (upstream protocol 3.7).

use super::super::model::{Entry, Format, Message, MessageId, Ms, PersonId, Thread, World};
use super::apply::{Checked, Target};
use super::{Applied, Mutation, MutationError};

const NO_GROUP: MutationError = MutationError::NotPossible("the conversation is no group");

impl World {
    pub(super) fn apply_to_entry(&mut self, mutation: &Mutation, now_ms: Ms) -> Result<Applied, MutationError> {
        use Mutation as M;
        let (account, conversation) = match mutation {
            M::ConversationArchived { account, conversation }
            | M::ConversationRestored { account, conversation }
            | M::ConversationMoved { account, conversation, .. }
            | M::MarkedRead { account, conversation }
            | M::MarkedUnread { account, conversation }
            | M::ConversationMuted { account, conversation }
            | M::ConversationUnmuted { account, conversation }
            | M::ConversationDeleted { account, conversation } => (account, conversation),
            _ => return Err(MutationError::NotPossible("this verb is not about one mailbox")),
        };
        let target = self.target(account.as_deref(), conversation)?;
        self.change_entry(mutation.verb(), target, now_ms, |entry, at_ms| change(entry, mutation, at_ms))
    }

    pub(super) fn rename(
        &mut self,
        target: Target,
        title: Option<&str>,
        by: Option<&str>,
        now_ms: Ms,
    ) -> Result<Applied, MutationError> {
        let title = title.filter(|title| !title.is_empty());
        let thread = self.group(&target)?;
        let actor = match by {
            Some(by) => self.somebody(&target.owner, by)?,
            None => thread.other_than(&target.owner).unwrap_or_else(|| target.owner.clone()),
        };
        let text = match title {
            Some(title) => format!("{} named the conversation {title}", self.name_of(&actor)),
            None => format!("{} removed the name of the conversation", self.name_of(&actor)),
        };
        let at_ms = self.begin(&target.thread_id, now_ms);
        if let Some(thread) = self.threads.get_mut(&target.thread_id) {
            thread.title = title.map(str::to_owned);
        }
        let message = self.announce(&target, actor, text, at_ms);
        Ok(target.applied("conversation_renamed", at_ms, message))
    }

    pub(super) fn join(
        &mut self,
        target: Target,
        person: &str,
        by: Option<&str>,
        now_ms: Ms,
    ) -> Result<Applied, MutationError> {
        let person = self.somebody(&target.owner, person)?;
        let thread = self.group(&target)?;
        if thread.participants.contains(&person) {
            return Err(MutationError::NotPossible("this person is a member already"));
        }
        let actor = match by {
            Some(by) => self.somebody(&target.owner, by)?,
            None => thread.other_than(&target.owner).unwrap_or_else(|| target.owner.clone()),
        };
        let text = format!("{} added {} to the conversation", self.name_of(&actor), self.name_of(&person));
        let at_ms = self.begin(&target.thread_id, now_ms);
        if let Some(thread) = self.threads.get_mut(&target.thread_id) {
            thread.participants.push(person.clone());
        }
        if let Some(mailbox) = self.mailboxes.get_mut(&person) {
            let known = mailbox.entries.get(&target.thread_id).is_some_and(|entry| entry.deleted_at_ms.is_none());
            if !known {
                mailbox.entries.insert(target.thread_id.clone(), Entry::fresh(at_ms));
            }
        }
        let message = self.announce(&target, actor, text, at_ms);
        Ok(target.applied("member_joined", at_ms, message))
    }

    pub(super) fn leave(&mut self, target: Target, person: Option<&str>, now_ms: Ms) -> Result<Applied, MutationError> {
        let thread = self.group(&target)?;
        let person = match person {
            Some(person) => self.somebody(&target.owner, person)?,
            None => thread.participants.iter().rev().find(|other| **other != target.owner).cloned().unwrap_or_default(),
        };
        if !thread.participants.contains(&person) {
            return Err(MutationError::NotPossible("this person is no member"));
        }
        let text = format!("{} left the conversation", self.name_of(&person));
        let at_ms = self.begin(&target.thread_id, now_ms);
        if let Some(thread) = self.threads.get_mut(&target.thread_id) {
            thread.participants.retain(|other| *other != person);
        }
        let message = self.announce(&target, person, text, at_ms);
        Ok(target.applied("member_left", at_ms, message))
    }

    pub(super) fn set_poison(
        &mut self,
        target: Target,
        poison: Option<String>,
        verb: &'static str,
        now_ms: Ms,
    ) -> Applied {
        let at_ms = self.begin(&target.thread_id, now_ms);
        if let Some(thread) = self.threads.get_mut(&target.thread_id) {
            thread.poison = poison;
        }
        self.mark(&target.thread_id, at_ms);
        target.applied(verb, at_ms, None)
    }

    fn group(&self, target: &Target) -> Result<&Thread, MutationError> {
        let thread = self.threads.get(&target.thread_id).ok_or(MutationError::UnknownConversation)?;
        if thread.group { Ok(thread) } else { Err(NO_GROUP) }
    }

    fn name_of(&self, person: &str) -> String {
        let name = self.people.get(person).map(|person| person.display_name());
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| "Somebody".to_owned())
    }

    fn announce(&mut self, target: &Target, actor: PersonId, text: String, at_ms: Ms) -> Option<MessageId> {
        let id = self.threads.get(&target.thread_id)?.next_message_id(at_ms);
        let message = Message { format: Format::System, ..Message::plain(id.clone(), actor, at_ms, text) };
        self.deliver(&target.thread_id, message, at_ms);
        Some(id)
    }
}

fn change(entry: &mut Entry, mutation: &Mutation, at_ms: Ms) -> Checked {
    use Mutation as M;
    match mutation {
        M::ConversationArchived { .. } => file_under(entry, "ARCHIVE"),
        M::ConversationRestored { .. } => file_under(entry, "INBOX"),
        M::ConversationMoved { to, .. } => match to.as_str() {
            "ARCHIVE" | "INBOX" | "SPAM" => file_under(entry, to),
            _ => Err(MutationError::NotPossible("a conversation moves to INBOX, ARCHIVE or SPAM")),
        },
        M::MarkedRead { .. } => {
            entry.read = true;
            entry.unread_count = 0;
            entry.last_read_at_ms = Some(at_ms);
            Ok(())
        }
        M::MarkedUnread { .. } => {
            // The count stays 0 when somebody only marks a conversation (upstream protocol 3.4).
            entry.read = false;
            Ok(())
        }
        M::ConversationMuted { .. } => set(&mut entry.muted, true, "the conversation is muted already"),
        M::ConversationUnmuted { .. } => set(&mut entry.muted, false, "the conversation is not muted"),
        _ => {
            entry.deleted_at_ms = Some(at_ms);
            Ok(())
        }
    }
}

/// Exactly one of inbox, archive and spam holds a conversation; `INMAIL` and the like stay.
fn file_under(entry: &mut Entry, place: &str) -> Checked {
    const PLACES: [&str; 8] =
        ["INBOX", "PRIMARY_INBOX", "SECONDARY_INBOX", "OTHER", "ARCHIVE", "SPAM", "STARRED", "MESSAGE_REQUEST_PENDING"];
    if entry.categories.iter().any(|category| category == place) {
        return Err(MutationError::NotPossible("the conversation is there already"));
    }
    entry.categories.retain(|category| !PLACES.contains(&category.as_str()));
    entry.categories.push(place.to_owned());
    if place == "INBOX" {
        entry.categories.push("PRIMARY_INBOX".to_owned());
    }
    Ok(())
}

fn set(flag: &mut bool, wanted: bool, already: &'static str) -> Checked {
    if *flag == wanted {
        return Err(MutationError::NotPossible(already));
    }
    *flag = wanted;
    Ok(())
}
