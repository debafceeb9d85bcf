//! What lies ready for lists and has to follow a commit: the newest message of a conversation, and the names in it.
//!
//! The newest message is copied by the database itself out of what this transaction has written, so that it cannot
//! differ. People are only marked as changed here; `lay` writes them anew.

use super::fold::Folded;
use crate::store::statement::{Statement, Value, for_keys};

/// The columns of the newest message that is not deleted, as they are now.
pub(in crate::store) const NEWEST: &str = "UPDATE conversations SET (newest_id, newest_at, newest_sender_id, newest_first_name, \
     newest_last_name, newest_body, newest_content) = \
     (SELECT m.id, m.delivered_at, m.sender_id, p.first_name, p.last_name, m.body, m.content \
     FROM messages m LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id \
     WHERE m.conversation_pk = conversations.pk AND m.is_deleted = 0 \
     ORDER BY m.delivered_at DESC, m.id DESC LIMIT 1) WHERE pk";
/// Conversations of people who have changed: whoever takes part is written anew, the sender's name is copied.
const OF_PEOPLE: &str = "UPDATE conversations SET others = NULL, (newest_first_name, newest_last_name) = \
     (SELECT p.first_name, p.last_name FROM people p \
     WHERE p.account_pk = conversations.account_pk AND p.id = conversations.newest_sender_id) \
     WHERE pk IN (SELECT cp.conversation_pk FROM conversation_people cp WHERE cp.account_pk = ? AND cp.person_id";

/// Writes what follows from the rest of the script; stands behind people, conversations and messages.
pub(super) fn write(script: &mut Vec<Statement>, folded: &Folded) {
    let account = [Value::from(folded.before.account_pk)];
    for_keys(script, OF_PEOPLE, ")", &account, folded.others().map(|id| id.as_str()));
    for_keys(script, NEWEST, "", &[], folded.newest.iter().copied());
}
