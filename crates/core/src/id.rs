//! Identity as types: every id of the domain is its own type and is checked once, where it enters.
//!
//! Upstream ids are kept in their bare, owner-independent form (upstream protocol 2.2), because the same message has
//! a different URN in every mailbox. No owner-dependent URN may ever become a key.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest id that is accepted, in bytes; the longest seen upstream has 110.
pub const ID_LENGTH_MAX: usize = 400;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing, or nothing between the delimiters.
    #[error("the id is empty")]
    Empty,
    /// More than [`ID_LENGTH_MAX`] bytes.
    #[error("the id is longer than {ID_LENGTH_MAX} bytes")]
    TooLong,
    /// A blank, a control character, a delimiter of URNs or anything outside visible ASCII.
    #[error("the id has a character that no id has")]
    BadCharacter,
    /// A URN of a kind that does not name this thing.
    #[error("the URN names something else")]
    WrongKind,
}

fn checked(text: &str, is_allowed: fn(u8) -> bool) -> Result<&str, InvalidId> {
    match text {
        "" => Err(InvalidId::Empty),
        _ if text.len() > ID_LENGTH_MAX => Err(InvalidId::TooLong),
        _ if !text.bytes().all(is_allowed) => Err(InvalidId::BadCharacter),
        _ => Ok(text),
    }
}

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'+' | b'/')
}

fn is_person(byte: u8) -> bool {
    is_bare(byte) || matches!(byte, b':' | b'(' | b')' | b',' | b'.')
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $allowed:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks a bare id.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                checked(text, $allowed).map(|text| Self(text.into()))
            }

            /// The bare id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.into()
            }
        }
    };
}

text_id!(
    /// A member's account in this program: 24 lower-case hex digits, the same after every new login.
    AccountId,
    is_account
);
text_id!(
    /// A thread, as its bare id `2-…`.
    ConversationId,
    is_bare
);
text_id!(
    /// A message, as its bare id `2-…`.
    MessageId,
    is_bare
);
text_id!(
    /// Somebody who takes part: the profile id of a member, else the URN without `urn:li:`.
    PersonId,
    is_person
);

fn is_account(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

/// Length of an account id in hex digits.
pub const ACCOUNT_ID_LENGTH: usize = 24;

impl ConversationId {
    /// Reads a bare id or any URN that names a thread, whoever owns the mailbox.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::new(last_part(text, &["msg_conversation", "messagingThread", "fs_conversation", "fsd_conversation"])?)
    }

    /// The URN of this thread in a member's mailbox.
    pub fn urn(&self, owner: &PersonId) -> String {
        format!("urn:li:msg_conversation:(urn:li:fsd_profile:{owner},{self})")
    }
}

impl MessageId {
    /// Reads a bare id or any URN that names a message, whoever owns the mailbox.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::new(last_part(text, &["msg_message", "messagingMessage", "fs_event", "fsd_message"])?)
    }

    /// The URN of this message in a member's mailbox.
    pub fn urn(&self, owner: &PersonId) -> String {
        format!("urn:li:msg_message:(urn:li:fsd_profile:{owner},{self})")
    }
}

/// Kinds of URNs that name a member's profile.
const PROFILE_KINDS: [&str; 2] = ["fsd_profile:", "fs_miniProfile:"];
/// The kind of a participant, around the URN of whoever takes part.
const PARTICIPANT_KIND: &str = "msg_messagingParticipant:";

fn without_urn(text: &str) -> &str {
    text.strip_prefix("urn:li:").unwrap_or(text)
}

impl PersonId {
    /// Reads a profile id or a URN of a member, an organisation or a participant.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let text = without_urn(text);
        let text = text.strip_prefix(PARTICIPANT_KIND).map_or(text, without_urn);
        let id = PROFILE_KINDS.iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
        // What is wrapped once more would be another id for the same person.
        let is_wrapped = id.starts_with(PARTICIPANT_KIND) || PROFILE_KINDS.iter().any(|kind| id.starts_with(kind));
        match is_wrapped {
            true => Err(InvalidId::WrongKind),
            false => Self::new(id),
        }
    }

    /// The URN of this person: of the profile for a member, else what [`PersonId::parse`] took off put back.
    pub fn urn(&self) -> String {
        match self.is_profile() {
            true => format!("urn:li:fsd_profile:{self}"),
            false => format!("urn:li:{self}"),
        }
    }

    /// Whether this is a member's profile id rather than the rest of another URN.
    pub fn is_profile(&self) -> bool {
        !self.0.contains(':')
    }
}

/// The id inside a URN of one of these kinds, or the text itself when it is no URN.
///
/// The last component of a URN is either parenthesised or has no colon (upstream protocol 2.2); of a parenthesised pair
/// the second part is the thing itself, the first its mailbox or thread.
fn last_part<'a>(text: &'a str, kinds: &[&str]) -> Result<&'a str, InvalidId> {
    let Some(rest) = text.strip_prefix("urn:li:") else {
        return Ok(text);
    };
    let (kind, id) = rest.split_once(':').ok_or(InvalidId::WrongKind)?;
    if !kinds.contains(&kind) {
        return Err(InvalidId::WrongKind);
    }
    match id.strip_prefix('(').and_then(|pair| pair.strip_suffix(')')) {
        Some(pair) => Ok(pair.rsplit_once(',').ok_or(InvalidId::WrongKind)?.1),
        None => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_one_id_however_the_urn_was_cut_or_wrapped() {
        let forms = [
            "ACoAAx",
            "fsd_profile:ACoAAx",
            "urn:li:fsd_profile:ACoAAx",
            "urn:li:fs_miniProfile:ACoAAx",
            "msg_messagingParticipant:urn:li:fsd_profile:ACoAAx",
            "urn:li:msg_messagingParticipant:urn:li:fsd_profile:ACoAAx",
        ];
        for form in forms {
            let person = PersonId::parse(form).unwrap();
            assert_eq!((person.as_str(), person.urn().as_str()), ("ACoAAx", "urn:li:fsd_profile:ACoAAx"), "{form}");
        }
        for form in [
            "fsd_profile:",
            "urn:li:fsd_profile:fsd_profile:x",
            "urn:li:msg_messagingParticipant:msg_messagingParticipant:x",
        ] {
            assert!(PersonId::parse(form).is_err(), "{form}");
        }
    }

    #[test]
    fn every_form_of_a_message_urn_gives_the_same_bare_id() {
        let forms = [
            "2-MTIz==",
            "urn:li:msg_message:(urn:li:fsd_profile:ACoAAOwner,2-MTIz==)",
            "urn:li:messagingMessage:2-MTIz==",
            "urn:li:fs_event:(2-VGhyZWFk,2-MTIz==)",
            "urn:li:fsd_message:2-MTIz==",
        ];
        for form in forms {
            assert_eq!(MessageId::parse(form).unwrap().as_str(), "2-MTIz==", "{form}");
        }
    }

    #[test]
    fn hostile_ids_are_refused() {
        let long = "a".repeat(ID_LENGTH_MAX + 1);
        let cases = [
            ("", InvalidId::Empty),
            (long.as_str(), InvalidId::TooLong),
            ("../../etc", InvalidId::BadCharacter),
            ("1' OR '1'='1", InvalidId::BadCharacter),
            ("2-a\0b", InvalidId::BadCharacter),
            ("urn:li:msg_message:(../../x)", InvalidId::WrongKind),
            ("urn:li:msg_conversation:(a,2-x)", InvalidId::WrongKind),
        ];
        for (text, expected) in cases {
            assert_eq!(MessageId::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn people_are_members_or_the_rest_of_their_urn() {
        let member = PersonId::parse("urn:li:msg_messagingParticipant:urn:li:fsd_profile:ACoAAx-_").unwrap();
        assert_eq!((member.as_str(), member.is_profile()), ("ACoAAx-_", true));
        let company = PersonId::parse("urn:li:msg_messagingParticipant:urn:li:fsd_company:12").unwrap();
        assert_eq!(company.as_str(), "fsd_company:12");
        assert_eq!(company.urn(), "urn:li:fsd_company:12");
    }
}
