//! People as answers show them (HTTP contract 3.1): the form in which the others lie ready in a conversation's row.
//!
//! It is here because it is stored. Whoever changes it makes the rows that lie ready stale: a migration then has to set
//! `conversations.others` to null, and they are written anew.

use serde::Serialize;
use threadkeep_core::id::PersonId;
use threadkeep_core::person::{Person, PersonKind};
use utoipa::ToSchema;

/// What LinkedIn shows for somebody whose name it does not tell.
const NAMELESS: &str = "LinkedIn Member";

/// Somebody in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    profile_id: String,
    name: String,
    headline: String,
    profile_url: String,
    profile_picture: String,
    distance: String,
    first_name: String,
    last_name: String,
    profile_urn: String,
    participant_urn: String,
    backend_urn: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    is_owner: bool,
}

/// Somebody as shown in the mailbox of this owner.
pub fn participant(person: &Person, owner: &PersonId) -> Participant {
    let urn = person.id.urn();
    Participant {
        profile_id: person.id.to_string(),
        name: shown_name(&person.full_name()),
        headline: person.headline.clone().unwrap_or_default(),
        profile_url: profile_url(person),
        profile_picture: person.picture_url.clone().unwrap_or_default(),
        distance: person.distance.clone().unwrap_or_default(),
        first_name: person.first_name.clone(),
        last_name: person.last_name.clone(),
        participant_urn: format!("urn:li:msg_messagingParticipant:{urn}"),
        profile_urn: urn,
        backend_urn: person.backend_urn.clone(),
        kind: person.kind.as_str(),
        is_owner: person.id == *owner,
    }
}

/// A name, or what LinkedIn shows in place of one.
pub fn shown_name(name: &str) -> String {
    match name {
        "" => NAMELESS.into(),
        name => name.into(),
    }
}

/// The link as told, else the one that any profile id makes.
fn profile_url(person: &Person) -> String {
    match &person.profile_url {
        Some(url) => url.clone(),
        None if person.kind != PersonKind::Organization && person.id.is_profile() => {
            format!("https://www.linkedin.com/in/{}", person.id)
        }
        None => String::new(),
    }
}
