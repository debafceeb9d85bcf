//! LinkedIn's side of the wire: how its messaging endpoints read requests and write answers.
//!
//! Everything here is pure. Faults come in as values; time comes in as a number.

pub mod content;
pub mod conversation;
pub mod conversation_lists;
pub mod desk;
pub mod json;
pub mod kinds;
pub mod lists;
pub mod me;
pub mod message;
pub mod message_lists;
pub mod people;
pub mod query_ids;
pub mod restli;
pub mod route;
pub mod sequence;
pub mod small_lists;
pub mod sync_token;
pub mod token_memory;
pub mod urns;
pub mod writer;
pub mod writes;

use desk::{Desk, Reply};
use query_ids::Variant;

/// Answers a stored query.
pub fn answer<'a>(desk: &mut Desk<'a>, variant: Variant) -> Reply<'a> {
    match variant {
        Variant::ConversationsBySyncToken => conversation_lists::by_sync_token(desk),
        Variant::ConversationsByCategoryQuery | Variant::ConversationsByCategory => {
            conversation_lists::by_category(desk, variant)
        }
        Variant::ConversationsBySearchCriteria => conversation_lists::by_search(desk),
        Variant::ConversationsByRecipients => conversation_lists::by_recipients(desk),
        Variant::ConversationsByIds => conversation_lists::by_ids(desk),
        Variant::ConversationsById => conversation_lists::by_id(desk),
        Variant::MailboxCounts => small_lists::mailbox_counts(desk),
        Variant::SeenReceipts => small_lists::seen_receipts(desk),
        Variant::QuickReplies => small_lists::quick_replies(desk),
        Variant::MessagesBySyncToken => message_lists::by_sync_token(desk),
        Variant::MessagesByAnchorTimestamp => message_lists::by_anchor(desk),
        Variant::MessagesByConversation => message_lists::by_conversation(desk),
        Variant::Reactors => small_lists::reactors(desk),
    }
}
