//! The accounts and people of a world file.
//!
//! A key is a handle for the rest of the file and for verbs; it never appears on the wire.

use serde_json::{Value, json};

use super::super::id::{bare_person, profile_id, rng_of};
use super::super::model::{Person, PersonId, PersonKind};
use super::super::reading::{FieldError, Fields, Problem, expected};
use super::{Loader, is_id};

/// Numbers of people without one: this plus their place among all people.
const FIRST_NUMBER: u64 = 1_000_000;
/// The handle that always means the owner of the mailbox.
const OWN_KEY: &str = "me";

impl Loader {
    pub(super) fn accounts(&mut self, accounts: &[Value]) -> Result<(), FieldError> {
        let default = [json!({"name": "Sam Sample", "headline": "Owner of this mailbox"})];
        let accounts = if accounts.is_empty() { &default } else { accounts };
        for (index, account) in accounts.iter().enumerate() {
            let mut fields = Fields::new(account, &format!("accounts[{index}]"))?;
            let key = fields.filled("key")?.unwrap_or_else(|| format!("account{}", index + 1));
            let id = self.add_person(fields, key, PersonKind::Member)?;
            self.world.add_account(id);
        }
        Ok(())
    }

    pub(super) fn person(&mut self, person: &Value, index: usize) -> Result<(), FieldError> {
        let mut fields = Fields::new(person, &format!("people[{index}]"))?;
        let kind = match fields.text("kind")?.as_deref() {
            None | Some("member") => PersonKind::Member,
            Some("organization") => PersonKind::Organization,
            Some("custom") => PersonKind::Custom,
            Some("agent") => PersonKind::Agent,
            Some(_) => return Err(expected(&fields.at("kind"), "member, organization, custom or agent")),
        };
        let key = match (fields.filled("key")?, fields.filled("id")?) {
            (Some(key), _) => key,
            (None, Some(id)) => id,
            (None, None) => return Err(expected(&fields.at("key"), "a key of your choice, or an id")),
        };
        self.add_person(fields, key, kind)?;
        Ok(())
    }

    fn add_person(&mut self, mut fields: Fields, key: String, kind: PersonKind) -> Result<PersonId, FieldError> {
        if key == OWN_KEY || self.world.person_keys.contains_key(&key) {
            return Err(fields.fail("key", Problem::Duplicate { what: key }));
        }
        let number = FIRST_NUMBER + self.world.people.len() as u64;
        let number = fields.number("number")?.unwrap_or(number);
        let id = person_id(&mut fields, &key, kind, number)?;
        if self.world.people.contains_key(&id) {
            return Err(fields.fail("id", Problem::Duplicate { what: id }));
        }
        let deleted = fields.flag("deleted")?.unwrap_or(false);
        if deleted && kind != PersonKind::Member {
            return Err(expected(&fields.at("deleted"), "false, since only a member can be deleted"));
        }
        let (first_name, last_name) = names(&mut fields, kind)?;
        let person = Person {
            id: id.clone(),
            kind,
            deleted,
            first_name,
            last_name,
            headline: fields.filled("headline")?,
            number,
            public_id: fields.filled("publicId")?.unwrap_or_else(|| format!("member-{number}")),
            has_picture: fields.flag("picture")?.unwrap_or(false),
        };
        fields.finish()?;
        self.world.people.insert(id.clone(), person);
        self.world.person_keys.insert(key, id.clone());
        Ok(id)
    }
}

fn person_id(fields: &mut Fields, key: &str, kind: PersonKind, number: u64) -> Result<PersonId, FieldError> {
    let Some(id) = fields.filled("id")? else {
        return Ok(match kind {
            PersonKind::Member => profile_id(&mut rng_of(&["person", key])),
            PersonKind::Organization => format!("fsd_company:{number}"),
            PersonKind::Custom => format!("messagingCustomParticipant:{number}"),
            PersonKind::Agent => format!("fsd_agent:{number}"),
        });
    };
    let id = bare_person(&id);
    let fits = match (kind, id.split_once(':')) {
        (PersonKind::Member, None) => is_id(id),
        (PersonKind::Member, Some(_)) | (_, None) => false,
        (_, Some((family, rest))) => is_id(family) && is_id(rest),
    };
    if fits {
        return Ok(id.to_owned());
    }
    let wanted = "a profile id of a member, or for example fsd_company:1234 of anybody else";
    Err(expected(&fields.at("id"), wanted))
}

/// First and last name; `name` is split at its first blank.
fn names(fields: &mut Fields, kind: PersonKind) -> Result<(String, String), FieldError> {
    let name = fields.text("name")?;
    let first = fields.text("firstName")?;
    let last = fields.text("lastName")?;
    if name.is_some() && (first.is_some() || last.is_some()) {
        return Err(fields.fail("name", Problem::Exclusive { other: "firstName and lastName" }));
    }
    match (kind, name) {
        (PersonKind::Agent, None) if first.is_none() && last.is_none() => Ok(Default::default()),
        (PersonKind::Agent, _) => Err(expected(&fields.at("name"), "nothing: an agent has no name on the wire")),
        (PersonKind::Organization | PersonKind::Custom, name) => {
            let name = name.or(first).unwrap_or_default();
            Ok((name.trim().to_owned(), String::new()))
        }
        (PersonKind::Member, Some(name)) => {
            let (first, last) = name.split_once(' ').unwrap_or((name.as_str(), ""));
            Ok((first.to_owned(), last.to_owned()))
        }
        (PersonKind::Member, None) => Ok((first.unwrap_or_default(), last.unwrap_or_default())),
    }
}
