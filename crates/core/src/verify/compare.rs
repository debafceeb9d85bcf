//! What a page shows, against what is kept.
//!
//! Drift is what a sync's own rules of merging would take from the page. Nothing here changes a record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::conversation::{Conversation, ConversationSeen, merge_conversation};
use crate::id::{ConversationId, MessageId};
use crate::message::{Merged, Message, MessageChange, MessageSeen, Origin, merge_message};
use crate::page::{ListedConversation, MessagePage};
use crate::time::Timestamp;
use crate::verify::{Finding, Kind};

/// What is kept of that which a page names; deleted records too.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Conversations of these ids.
    pub conversations: HashMap<ConversationId, Conversation>,
    /// Messages of these ids.
    pub messages: HashMap<MessageId, Message>,
}

/// A stretch of a conversation that a page has shown completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Messages after this time belong to it; all down to the first when there is none.
    pub after: Option<Timestamp>,
    /// Messages up to this time belong to it; all up to the newest when there is none.
    pub up_to: Option<Timestamp>,
}

/// What a list shows of a conversation, against what is kept.
pub fn listed(one: &ListedConversation, kept: &Kept, now: Timestamp) -> Vec<Finding> {
    let seen = &one.conversation;
    let Some(old) = kept.conversations.get(&seen.id) else {
        return vec![Finding::one(Kind::ConversationMissing)];
    };
    let mut kinds = conversation(old, seen);
    if let Some(newest) = one.newest.as_ref().filter(|_| !old.deleted) {
        kinds.extend(message(kept.messages.get(&newest.id), newest, now));
    }
    kinds.into_iter().map(Finding::one).collect()
}

fn conversation(old: &Conversation, seen: &ConversationSeen) -> BTreeSet<Kind> {
    let Some(new) = merge_conversation(Some(old), seen, Origin::Walk) else {
        let is_newer_here = seen.last_activity_at.is_some_and(|at| at < old.last_activity_at);
        return match (old.deleted, is_newer_here) {
            (true, _) => BTreeSet::from([Kind::DeletedHere]),
            (false, true) => BTreeSet::from([Kind::ActivityNewer]),
            (false, false) => BTreeSet::new(),
        };
    };
    let differs = [
        (Kind::ActivityOlder, old.last_activity_at != new.last_activity_at || old.deleted),
        (
            Kind::ReadState,
            (old.read, old.unread_count, old.last_read_at) != (new.read, new.unread_count, new.last_read_at),
        ),
        (Kind::Title, old.title != new.title),
        (Kind::Participants, old.participants != new.participants),
        (Kind::Categories, old.categories != new.categories),
        (
            Kind::Details,
            (old.group, old.sponsored, old.muted, old.created_at, &old.state, &old.label)
                != (new.group, new.sponsored, new.muted, new.created_at, &new.state, &new.label),
        ),
    ];
    differs.into_iter().filter_map(|(kind, differs)| differs.then_some(kind)).collect()
}

/// What an answer shows of a message, against what is kept of it.
pub fn message(old: Option<&Message>, seen: &MessageSeen, now: Timestamp) -> Option<Kind> {
    let Some(old) = old else {
        return Some(Kind::MessageMissing);
    };
    if old.deleted {
        return Some(Kind::DeletedHere);
    }
    match merge_message(Some(old), seen, Origin::Walk, now) {
        Merged::Unchanged | Merged::Refreshed(_) => None,
        Merged::Changed(_, MessageChange::Updated) => Some(Kind::Reactions),
        Merged::Changed(..) => Some(Kind::MessageOlder),
    }
}

/// What a page shows of a conversation's messages, against what is kept of these and of the stretch that it shows
/// completely; `border` are messages at the stretch's upper end that the page before has shown.
pub fn page(
    page: &MessagePage,
    kept: &Kept,
    stretch: &[Message],
    border: &[MessageId],
    now: Timestamp,
) -> BTreeMap<Kind, u32> {
    let mut found = BTreeMap::new();
    let mut note = |kind| *found.entry(kind).or_insert(0_u32) += 1;
    let mut shown: BTreeSet<&MessageId> = BTreeSet::new();
    for seen in &page.messages {
        if shown.insert(&seen.id) && !border.contains(&seen.id) {
            message(kept.messages.get(&seen.id), seen, now).into_iter().for_each(&mut note);
        }
    }
    shown.extend(border);
    stretch.iter().filter(|one| !one.deleted && !shown.contains(&one.id)).for_each(|_| note(Kind::HereOnly));
    found
}
