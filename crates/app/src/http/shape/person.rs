//! People in answers.
//!
//! The owner of the mailbox stands last among the participants, because callers take the first as the other side.

use serde::Serialize;
use threadkeep_core::id::PersonId;
use threadkeep_core::person::Person;
use utoipa::ToSchema;

use crate::store::Account;
pub(crate) use crate::store::{Participant, participant, shown_name};

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

/// The participants of a conversation, the owner of the mailbox last.
pub(crate) fn participants<'a>(people: impl IntoIterator<Item = &'a Person>, owner: &PersonId) -> Vec<Participant> {
    let (owners, others): (Vec<&Person>, Vec<&Person>) = people.into_iter().partition(|person| person.id == *owner);
    others.into_iter().chain(owners).map(|person| participant(person, owner)).collect()
}
