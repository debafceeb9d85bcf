//! Finds what a verb means and hands it on; the rules that all changes share live here.
//!
//! Every change is checked before anything is touched, gets a time later than every change before it, leaves the
//! state that it replaces in the history, and marks the entry of each mailbox that can see it.

use super::super::id::bare;
use super::super::model::{Entry, Message, MessageId, Ms, PersonId, Thread, ThreadId, World};
use super::{Applied, Mutation, MutationError, Selector};

/// A conversation of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) owner: PersonId,
    pub(super) thread_id: ThreadId,
}

impl Target {
    pub(super) fn applied(self, verb: &'static str, at_ms: Ms, message: Option<MessageId>) -> Applied {
        Applied {
            verb,
            at_ms,
            account: Some(self.owner),
            conversation: Some(self.thread_id),
            message,
            changes: Vec::new(),
        }
    }
}

/// What a change of one thing gives back: nothing, or why it cannot be.
pub(super) type Checked = Result<(), MutationError>;

impl World {
    /// Does what a verb says, or says why not and changes nothing.
    pub fn apply(&mut self, mutation: &Mutation, now_ms: Ms) -> Result<Applied, MutationError> {
        use Mutation as M;
        match mutation {
            M::MessageArrives(arrival) => self.message_arrives(arrival, now_ms),
            M::MessageEdited { .. }
            | M::MessageRecalled { .. }
            | M::MessageDeleted { .. }
            | M::ReactionAdded { .. }
            | M::ReactionRemoved { .. } => self.apply_to_message(mutation, now_ms),
            M::ConversationRenamed { account, conversation, title, by } => {
                let target = self.target(account.as_deref(), conversation)?;
                self.rename(target, title.as_deref(), by.as_deref(), now_ms)
            }
            M::MemberJoined { account, conversation, person, by } => {
                let target = self.target(account.as_deref(), conversation)?;
                self.join(target, person, by.as_deref(), now_ms)
            }
            M::MemberLeft { account, conversation, person } => {
                let target = self.target(account.as_deref(), conversation)?;
                self.leave(target, person.as_deref(), now_ms)
            }
            M::ConversationPoisoned { account, conversation, reason } => {
                let target = self.target(account.as_deref(), conversation)?;
                let reason = reason.clone().unwrap_or_else(|| "poisoned".to_owned());
                Ok(self.set_poison(target, Some(reason), mutation.verb(), now_ms))
            }
            M::ConversationHealed { account, conversation } => {
                let target = self.target(account.as_deref(), conversation)?;
                Ok(self.set_poison(target, None, mutation.verb(), now_ms))
            }
            M::Random { seed, count, only } => self.apply_random(*seed, *count, only.as_deref(), now_ms),
            _ => self.apply_to_entry(mutation, now_ms),
        }
    }

    /// The mailbox meant by a key, id or URN; the first one when nothing is said.
    pub(super) fn owner_of(&self, account: Option<&str>) -> Result<PersonId, MutationError> {
        let owner = match account {
            None => self.accounts.first().cloned(),
            Some(name) => self.find_person("", name),
        };
        let known = owner.filter(|owner| self.mailboxes.contains_key(owner));
        known.ok_or_else(|| MutationError::UnknownAccount(account.unwrap_or_default().to_owned()))
    }

    pub(super) fn target(&self, account: Option<&str>, conversation: &Selector) -> Result<Target, MutationError> {
        let owner = self.owner_of(account)?;
        let thread_id = match conversation {
            Selector::Named(name) => self.thread_keys.get(name).map_or_else(|| bare(name), String::as_str).to_owned(),
            Selector::Newest(index) => {
                let rows = self.newest_first(&owner);
                rows.get(*index).map(|(thread, _)| thread.id.clone()).ok_or(MutationError::UnknownConversation)?
            }
        };
        if self.entry(&owner, &thread_id).is_none() {
            return Err(MutationError::UnknownConversation);
        }
        Ok(Target { owner, thread_id })
    }

    /// Somebody by key, id or URN.
    pub(super) fn somebody(&self, owner: &str, name: &str) -> Result<PersonId, MutationError> {
        self.find_person(owner, name).ok_or_else(|| MutationError::UnknownPerson(name.to_owned()))
    }

    /// Begins a change of a thread: takes its time and remembers what it replaces.
    pub(super) fn begin(&mut self, thread_id: &str, now_ms: Ms) -> Ms {
        let at_ms = self.touch(now_ms);
        self.remember(thread_id, at_ms);
        at_ms
    }

    /// Marks a change in every mailbox that can see the thread.
    pub(super) fn mark(&mut self, thread_id: &str, at_ms: Ms) {
        for mailbox in self.mailboxes.values_mut() {
            if let Some(entry) = mailbox.entries.get_mut(thread_id).filter(|entry| entry.deleted_at_ms.is_none()) {
                entry.changed_at_ms = at_ms;
            }
        }
    }

    /// Changes one visible message, if `change` allows it.
    pub(super) fn change_message(
        &mut self,
        verb: &'static str,
        (target, selector): (Target, &Selector),
        now_ms: Ms,
        change: impl FnOnce(&mut Message, Ms) -> Checked,
    ) -> Result<Applied, MutationError> {
        let at_ms = self.next_change_ms(now_ms);
        let thread = self.threads.get(&target.thread_id).ok_or(MutationError::UnknownConversation)?;
        let mut message = thread.select(selector).ok_or(MutationError::UnknownMessage)?.clone();
        change(&mut message, at_ms)?;
        let at_ms = self.begin(&target.thread_id, now_ms);
        message.changed_at_ms = at_ms;
        let message_id = message.id.clone();
        let messages = self.threads.get_mut(&target.thread_id).into_iter().flat_map(|thread| &mut thread.messages);
        if let Some(slot) = messages.into_iter().find(|slot| slot.id == message_id) {
            *slot = message;
        }
        self.mark(&target.thread_id, at_ms);
        Ok(target.applied(verb, at_ms, Some(message_id)))
    }

    /// Changes how one mailbox sees a conversation that it has not deleted, if `change` allows it.
    pub(super) fn change_entry(
        &mut self,
        verb: &'static str,
        target: Target,
        now_ms: Ms,
        change: impl FnOnce(&mut Entry, Ms) -> Checked,
    ) -> Result<Applied, MutationError> {
        let mut entry = self.entry(&target.owner, &target.thread_id).cloned();
        let entry = entry.as_mut().ok_or(MutationError::UnknownConversation)?;
        if entry.deleted_at_ms.is_some() {
            return Err(MutationError::NotPossible("the conversation is deleted in this mailbox"));
        }
        change(entry, self.next_change_ms(now_ms))?;
        let at_ms = self.begin(&target.thread_id, now_ms);
        entry.changed_at_ms = at_ms;
        if let Some(mailbox) = self.mailboxes.get_mut(&target.owner) {
            mailbox.entries.insert(target.thread_id.clone(), entry.clone());
        }
        Ok(target.applied(verb, at_ms, None))
    }
}

impl Thread {
    /// A message that is not hard-deleted.
    pub(super) fn select(&self, selector: &Selector) -> Option<&Message> {
        match selector {
            Selector::Named(name) => self.message(bare(name)).filter(|message| message.deleted_at_ms.is_none()),
            Selector::Newest(index) => self.visible_messages().rev().nth(*index),
        }
    }
}
