//! Who wrote the messages of a page: name and picture of each sender as JSON, cut out of the stored list of participants
//! where it lies ready.
//!
//! The list is one that this program has written (`store/shown.rs`); where it is another one nobody is found in it, and the
//! page is made of records.

use threadkeep_core::id::PersonId;
use threadkeep_core::person::Person;

use super::person::shown_name;
use super::text::Text;
use crate::store::GuestLook;

/// What is shown of somebody beside a message, all but the id as JSON strings.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) id: PersonId,
    pub(super) urn: Text,
    pub(super) name: Text,
    pub(super) photo: Text,
}

/// Everybody who may have written.
#[derive(Debug, Default)]
pub(super) struct Senders {
    /// Participants but the owner, as they are stored, with commas between them.
    participants: String,
    /// Those who were needed, and those who are in no list.
    found: Vec<Sender>,
}

impl Sender {
    /// The member whose mailbox it is.
    pub(super) fn of(person: &Person) -> Self {
        let photo = person.picture_url.as_deref().unwrap_or_default();
        Self::shown(person.id.clone(), Text::of(&shown_name(&person.full_name())), Text::of(&photo))
    }

    fn shown(id: PersonId, name: Text, photo: Text) -> Self {
        Self { urn: Text::of(&id.urn()), id, name, photo }
    }
}

impl Senders {
    /// Adds somebody, if there is one.
    pub(super) fn extend(&mut self, sender: Option<Sender>) {
        self.found.extend(sender);
    }

    /// Adds somebody who takes no part.
    pub(super) fn add_guest(&mut self, guest: &GuestLook<'_>) {
        let Ok(id) = PersonId::new(guest.id) else { return };
        let mut name = Text::default();
        push_name(&mut name, guest.names);
        self.found.push(Sender::shown(id, name, Text::of(&guest.picture_url)));
    }

    /// Adds those who take part.
    pub(super) fn take_part(&mut self, participants: &str) {
        participants.clone_into(&mut self.participants);
    }

    /// What is shown of somebody; `None` for a stranger.
    pub(super) fn get(&mut self, id: &str) -> Option<&Sender> {
        let at = match self.found.iter().position(|one| one.id.as_str() == id) {
            Some(at) => at,
            None => {
                let sender = cut_out(&self.participants, id)?;
                self.found.push(sender);
                self.found.len() - 1
            }
        };
        self.found.get(at)
    }
}

/// First and last name as a string of one, or what is shown without any.
pub(super) fn push_name(text: &mut Text, (first, last): (&str, &str)) {
    let is_plain = |name: &str| !name.is_empty() && name.trim().len() == name.len();
    if is_plain(first) && is_plain(last) {
        text.raw("\"").inside(first).raw(" ").inside(last).raw("\"");
    } else {
        text.string(&shown_name(format!("{first} {last}").trim()));
    }
}

/// Somebody in a list of participants. A quote within a string has a backslash before it, so what is looked for is found
/// only where it is a name of a field.
fn cut_out(participants: &str, id: &str) -> Option<Sender> {
    let mark = format!("{{\"profileId\":\"{id}\",\"name\":");
    let (_, rest) = participants.split_once(&mark)?;
    let name = first_string(rest)?;
    let (_, rest) = rest.split_once(",\"profilePicture\":")?;
    let photo = first_string(rest)?;
    let json = |part: &str| {
        let mut text = Text::default();
        text.raw(part);
        text
    };
    Some(Sender::shown(PersonId::new(id).ok()?, json(name), json(photo)))
}

/// The string that a text begins with, with its quotes.
fn first_string(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = inside.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })?;
    text.get(..end + 2)
}

#[cfg(test)]
mod tests {
    use threadkeep_core::person::{PersonSeen, merge_person};

    use super::*;
    use crate::store::participant;

    fn id(text: &str) -> PersonId {
        PersonId::new(text).unwrap()
    }

    fn person(of: &str, name: &str, headline: &str, photo: &str) -> Person {
        let nobody = merge_person(None, &PersonSeen::only_id(id(of))).unwrap();
        Person { first_name: name.into(), headline: Some(headline.into()), picture_url: Some(photo.into()), ..nobody }
    }

    #[test]
    fn participants_are_found_whatever_they_call_themselves() {
        let hostile = r#"{"profileId":"ACoB","name":"No","profilePicture":"no"}"#;
        let people = [
            person("ACoAA", hostile, r#"x","profilePicture":"no"#, "https://media.example.org/a"),
            person("ACoA", "ends with \\", "\\\"", ""),
            person("ACoB", "Olga \"Quote\" Test", hostile, "https://media.example.org/b\\"),
            person("fsd_company:12", "", "", ""),
        ];
        let list: Vec<_> = people.iter().map(|one| participant(one, &id("ACoAAOwner"))).collect();
        let list = serde_json::to_string(&list).unwrap();
        let mut senders = Senders::default();
        senders.take_part(&list[1..list.len() - 1]);
        for _ in 0..2 {
            for one in &people {
                let found = senders.get(one.id.as_str()).unwrap();
                let name: String = serde_json::from_slice(found.name.as_bytes()).unwrap();
                let photo: String = serde_json::from_slice(found.photo.as_bytes()).unwrap();
                assert_eq!((name, Some(photo)), (shown_name(&one.full_name()), one.picture_url.clone()));
            }
        }
        assert!(senders.get("ACo").is_none() && senders.get("ACoAAOwner").is_none());
    }

    #[test]
    fn names_are_put_together_as_everywhere() {
        for names in
            [("", ""), ("Olga", ""), ("", "Test"), ("Olga", "Test"), (" Olga", "Test "), ("a\"", "b\n"), (" ", " ")]
        {
            let mut text = Text::default();
            push_name(&mut text, names);
            let expected = shown_name(format!("{} {}", names.0, names.1).trim());
            assert_eq!(text.into_bytes(), serde_json::to_vec(&expected).unwrap());
        }
    }
}
