//! Conversations as a source shows them, and as they are kept.
//!
//! A stale page must never take a conversation back, and absence from a page must never delete one (invariant I6).

use std::collections::BTreeSet;

use crate::id::{ConversationId, PersonId};
use crate::message::Origin;
use crate::planted::{self, Bug};
use crate::time::Timestamp;

/// What an answer told: `None` is not told. Where the value itself may be missing the type is `Told<Option<T>>`.
pub type Told<T> = Option<T>;

/// What one answer told about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSeen {
    /// Which thread.
    pub id: ConversationId,
    /// Folders and marks, for example `INBOX`, `ARCHIVE`, `STARRED` (upstream protocol 3.7).
    pub categories: Told<BTreeSet<String>>,
    /// Whether it is a group chat.
    pub group: Told<bool>,
    /// Name of a group.
    pub title: Told<Option<String>>,
    /// State of a message request: `PENDING`, `ACCEPTED`, `DECLINED`.
    pub state: Told<Option<String>>,
    /// Label such as `InMail` or `Sponsored`, in the language of the account.
    pub label: Told<Option<String>>,
    /// Whether it is an advertisement.
    pub sponsored: Told<bool>,
    /// Everybody in it now, the member included.
    pub participants: Told<BTreeSet<PersonId>>,
    /// When it began.
    pub created_at: Told<Option<Timestamp>>,
    /// When something last happened in it; the order of every list.
    pub last_activity_at: Told<Timestamp>,
    /// When the member last read it.
    pub last_read_at: Told<Option<Timestamp>>,
    /// Whether the member has read it.
    pub read: Told<bool>,
    /// How many messages are unread; may be 0 while `read` is false.
    pub unread_count: Told<u32>,
    /// Whether notifications are off.
    pub muted: Told<bool>,
}

impl ConversationSeen {
    /// A conversation of which only the id was told.
    pub fn only_id(id: ConversationId) -> Self {
        Self {
            id,
            categories: None,
            group: None,
            title: None,
            state: None,
            label: None,
            sponsored: None,
            participants: None,
            created_at: None,
            last_activity_at: None,
            last_read_at: None,
            read: None,
            unread_count: None,
            muted: None,
        }
    }
}

/// A conversation as kept for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Which thread.
    pub id: ConversationId,
    /// Folders and marks.
    pub categories: BTreeSet<String>,
    /// Whether it is a group chat.
    pub group: bool,
    /// Name of a group.
    pub title: Option<String>,
    /// State of a message request.
    pub state: Option<String>,
    /// Label such as `InMail`.
    pub label: Option<String>,
    /// Whether it is an advertisement.
    pub sponsored: bool,
    /// Everybody in it.
    pub participants: BTreeSet<PersonId>,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// When something last happened in it.
    pub last_activity_at: Timestamp,
    /// When the member last read it.
    pub last_read_at: Option<Timestamp>,
    /// Whether the member has read it.
    pub read: bool,
    /// How many messages are unread.
    pub unread_count: u32,
    /// Whether notifications are off.
    pub muted: bool,
    /// Whether a tombstone said that it is gone. Its messages are kept.
    pub deleted: bool,
    /// Counts the changes of this record, from 1; each has one event.
    pub version: u32,
}

impl Conversation {
    fn unknown(id: ConversationId) -> Self {
        Self {
            id,
            categories: BTreeSet::new(),
            group: false,
            title: None,
            state: None,
            label: None,
            sponsored: false,
            participants: BTreeSet::new(),
            created_at: None,
            last_activity_at: Timestamp(0),
            last_read_at: None,
            read: true,
            unread_count: 0,
            muted: false,
            deleted: false,
            version: 0,
        }
    }
}

/// A conversation after an answer, when the answer changed it.
pub fn merge_conversation(old: Option<&Conversation>, seen: &ConversationSeen, origin: Origin) -> Option<Conversation> {
    let base = old.cloned().unwrap_or_else(|| Conversation::unknown(seen.id.clone()));
    let is_older = seen.last_activity_at.is_some_and(|at| at < base.last_activity_at);
    if is_older && origin == Origin::Walk && !planted::is(Bug::StalePageOverwrites) {
        return None;
    }
    if base.deleted && !revives(&base, seen, origin) {
        return None;
    }
    let mut new = base.clone();
    new.deleted = false;
    overwrite(&mut new, seen);
    if old.is_some() && new == base {
        return None;
    }
    new.version = base.version.saturating_add(1);
    Some(new)
}

/// A page may be older than the tombstone, so it needs newer activity. A delta from an older state comes with an older
/// mark, from which the tombstone is told again.
fn revives(gone: &Conversation, seen: &ConversationSeen, origin: Origin) -> bool {
    seen.last_activity_at.is_some_and(|at| match origin {
        Origin::Walk if !planted::is(Bug::DeletedConversationRevived) => at > gone.last_activity_at,
        _ => at >= gone.last_activity_at,
    })
}

/// A conversation after a tombstone, when it was not gone before.
pub fn delete_conversation(old: &Conversation) -> Option<Conversation> {
    (!old.deleted).then(|| Conversation { deleted: true, version: old.version.saturating_add(1), ..old.clone() })
}

fn overwrite(new: &mut Conversation, seen: &ConversationSeen) {
    fn put<T: Clone>(kept: &mut T, told: &Told<T>) {
        if let Some(value) = told {
            kept.clone_from(value);
        }
    }
    put(&mut new.categories, &seen.categories);
    put(&mut new.group, &seen.group);
    put(&mut new.title, &seen.title.clone().or(planted::is(Bug::UntoldTitleErased).then_some(None)));
    put(&mut new.state, &seen.state);
    put(&mut new.label, &seen.label);
    put(&mut new.sponsored, &seen.sponsored);
    put(&mut new.participants, &seen.participants);
    put(&mut new.created_at, &seen.created_at);
    put(&mut new.last_activity_at, &seen.last_activity_at);
    put(&mut new.last_read_at, &seen.last_read_at);
    put(&mut new.read, &seen.read);
    put(&mut new.unread_count, &seen.unread_count);
    put(&mut new.muted, &seen.muted);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(activity: i64) -> ConversationSeen {
        ConversationSeen {
            last_activity_at: Some(Timestamp(activity)),
            ..ConversationSeen::only_id(ConversationId::new("2-a").unwrap())
        }
    }

    #[test]
    fn a_stale_page_changes_nothing_but_a_delta_is_believed() {
        let kept = merge_conversation(None, &seen(10), Origin::Walk).unwrap();
        assert_eq!(merge_conversation(Some(&kept), &seen(9), Origin::Walk), None);
        let believed = merge_conversation(Some(&kept), &seen(9), Origin::Delta).unwrap();
        assert_eq!((believed.last_activity_at.0, believed.version), (9, 2));
    }

    #[test]
    fn a_deleted_conversation_comes_back_by_a_delta_or_with_new_activity() {
        let kept = merge_conversation(None, &seen(10), Origin::Walk).unwrap();
        let gone = delete_conversation(&kept).unwrap();
        assert_eq!(delete_conversation(&gone), None);
        assert_eq!(merge_conversation(Some(&gone), &seen(10), Origin::Walk), None);
        assert_eq!(merge_conversation(Some(&gone), &seen(9), Origin::Delta), None);
        assert!(!merge_conversation(Some(&gone), &seen(11), Origin::Walk).unwrap().deleted);
    }

    #[test]
    fn absent_keys_never_overwrite() {
        let titled = ConversationSeen { title: Some(Some("Team".into())), ..seen(10) };
        let kept = merge_conversation(None, &titled, Origin::Walk).unwrap();
        assert_eq!(merge_conversation(Some(&kept), &seen(10), Origin::Delta), None);
    }
}
