//! Ids in all their forms: what is taken has one form, and that form is taken again.

use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};

use crate::findings::{Outcome, Shape, holds, is_discreet};

/// Words of ids.
pub const WORDS: &[&str] = &[
    "urn:li:msg_message:(",
    "urn:li:msg_conversation:(",
    "urn:li:fsd_profile:",
    "urn:li:messagingThread:",
    "urn:li:member:",
    "2-",
    "%3D",
    "==",
    ")",
    ",",
];

/// Takes the text as each kind of id.
pub fn run(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(Shape::of(&())) };
    let owner = PersonId::parse("urn:li:fsd_profile:ACoAAOwner").ok();
    let mut taken = Vec::new();
    let again = |same: Option<String>, id: &str| holds(same.as_deref() == Some(id), "an id is not read back as itself");
    let is_plain =
        |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && !b".:(),\"\\".contains(&byte));
    let plain = |id: &str| holds(is_plain(id), "an id has strange characters");
    match ConversationId::parse(text) {
        Ok(id) => {
            plain(id.as_str())?;
            again(ConversationId::parse(id.as_str()).ok().map(|id| id.as_str().to_owned()), id.as_str())?;
            let urn = owner.as_ref().map(|owner| id.urn(owner)).unwrap_or_default();
            again(ConversationId::parse(&urn).ok().map(|id| id.as_str().to_owned()), id.as_str())?;
            taken.push("conversation");
        }
        Err(error) => is_discreet(&error.to_string())?,
    }
    match MessageId::parse(text) {
        Ok(id) => {
            plain(id.as_str())?;
            let urn = owner.as_ref().map(|owner| id.urn(owner)).unwrap_or_default();
            again(MessageId::parse(&urn).ok().map(|id| id.as_str().to_owned()), id.as_str())?;
            taken.push("message");
        }
        Err(error) => is_discreet(&error.to_string())?,
    }
    match PersonId::parse(text) {
        Ok(id) => {
            again(PersonId::parse(&id.urn()).ok().map(|id| id.as_str().to_owned()), id.as_str())?;
            taken.push("person");
        }
        Err(error) => is_discreet(&error.to_string())?,
    }
    match AccountId::new(text) {
        Ok(_) => taken.push("account"),
        Err(error) => is_discreet(&error.to_string())?,
    }
    Ok(Shape::of(&(taken, text.len().min(64))))
}
