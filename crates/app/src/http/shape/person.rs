//! People in answers.
//!
//! The owner of the mailbox stands last among the participants, because callers take the first as the other side.

use serde::Serialize;
use threadkeep_core::id::PersonId;
use threadkeep_core::person::{Person, PersonKind};
use utoipa::ToSchema;

use crate::store::Account;

/// What LinkedIn shows for somebody whose name it does not tell.
const NAMELESS: &str = "LinkedIn Member";

/// An account by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountName {
    id: String,
    name: String,
}

impl AccountName {
    /// The name of an account.
    pub(crate) fn of(account: &Account) -> Self {
        Self { id: account.id.to_string(), name: full_name(account) }
    }
}

/// First and last name of a member.
pub(crate) fn full_name(account: &Account) -> String {
    format!("{} {}", account.first_name, account.last_name).trim().to_owned()
}

/// Somebody in a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
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

/// The participants of a conversation, the owner of the mailbox last.
pub(crate) fn participants<'a>(people: impl IntoIterator<Item = &'a Person>, owner: &PersonId) -> Vec<Participant> {
    let mut all: Vec<Participant> = people.into_iter().map(|person| participant(person, owner)).collect();
    all.sort_by_key(|one| one.is_owner);
    all
}

fn participant(person: &Person, owner: &PersonId) -> Participant {
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
pub(crate) fn shown_name(name: &str) -> String {
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
