//! URNs of the messaging API, written and read (upstream protocol 2.2).
//!
//! The owner in a URN is always the mailbox that is read, never the sender. Reading refuses what does not fit exactly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::world::id::person_urn;

/// `urn:li:fsd_profile:…`
pub fn profile(owner: &str) -> String {
    format!("urn:li:fsd_profile:{owner}")
}

/// `urn:li:msg_conversation:(…,…)`
pub fn conversation(owner: &str, thread_id: &str) -> String {
    format!("urn:li:msg_conversation:(urn:li:fsd_profile:{owner},{thread_id})")
}

/// `urn:li:msg_message:(…,…)`
pub fn message(owner: &str, message_id: &str) -> String {
    format!("urn:li:msg_message:(urn:li:fsd_profile:{owner},{message_id})")
}

/// `urn:li:msg_messagingParticipant:…`
pub fn participant(person_id: &str) -> String {
    format!("urn:li:msg_messagingParticipant:{}", person_urn(person_id))
}

/// The id in `urn:li:fsd_profile:…`.
pub fn read_profile(urn: &str) -> Option<&str> {
    let id = urn.strip_prefix("urn:li:fsd_profile:")?;
    (!id.is_empty() && !id.contains([':', '(', ')', ','])).then_some(id)
}

/// The person id in a profile URN, a participant URN or any other URN of somebody.
pub fn read_person(urn: &str) -> Option<&str> {
    let host = urn.strip_prefix("urn:li:msg_messagingParticipant:").unwrap_or(urn);
    read_profile(host).or_else(|| host.strip_prefix("urn:li:"))
}

/// Owner and thread id in a conversation URN.
pub fn read_conversation(urn: &str) -> Option<(&str, &str)> {
    read_pair(urn.strip_prefix("urn:li:msg_conversation:")?)
}

/// Owner and message id in a message URN.
pub fn read_message(urn: &str) -> Option<(&str, &str)> {
    read_pair(urn.strip_prefix("urn:li:msg_message:")?)
}

/// The thread id that a message id embeds (upstream protocol 2.1).
pub fn thread_of_message(message_id: &str) -> Option<String> {
    let plain = STANDARD.decode(message_id.strip_prefix("2-")?).ok()?;
    let text = String::from_utf8(plain).ok()?;
    let (_, thread) = text.split_once('&')?;
    Some(format!("2-{}", STANDARD.encode(thread)))
}

fn read_pair(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let (owner, id) = inner.split_once(',')?;
    let id = (!id.is_empty() && !id.contains([',', '(', ')'])).then_some(id)?;
    Some((read_profile(owner)?, id))
}
