//! Participants: who somebody is, and what an answer tells about them.
//!
//! A deleted member keeps the id and has no name; silence about a name must never look like a name (upstream protocol
//! 3.4, docs/EXPORT.md).

use std::collections::HashMap;

use threadkeep_core::id::PersonId;
use threadkeep_core::person::{PersonKind, PersonSeen};

use super::super::wire::person::{Member, Organization, Participant, ParticipantType, VectorImage};
use super::super::wire::{Text, Told, Words};
use super::Strange;
use crate::planted::{self, Bug};

/// Senders of a page whose words are remembered; most conversations have two.
const SENDERS_MAX: usize = 16;

/// Everybody whom a page describes, each once.
#[derive(Default)]
pub(super) struct People {
    list: Vec<PersonSeen>,
    places: HashMap<PersonId, usize>,
    /// Senders as they stood in the body. A page repeats each with every message, in the same words; comparing the
    /// words is much cheaper than reading them again.
    senders: Vec<(Box<str>, PersonId)>,
}

impl People {
    /// Takes note of somebody and says who it is.
    pub(super) fn see(&mut self, participant: &Participant<'_>) -> Result<PersonId, Strange> {
        let id = person_id(participant)?;
        match self.places.get(&id).and_then(|place| self.list.get_mut(*place)) {
            // The same person is described again and again in a page, in the same way.
            Some(known) if known.kind.is_some() || participant.participant_type.is_none() => {}
            Some(known) => *known = described(id.clone(), participant),
            None => {
                self.places.insert(id.clone(), self.list.len());
                self.list.push(described(id.clone(), participant));
            }
        }
        Ok(id)
    }

    /// Takes note of a sender that was not read yet and says who it is.
    pub(super) fn see_raw(&mut self, raw: &str) -> Result<PersonId, Strange> {
        if let Some((_, id)) = self.senders.iter().find(|(known, _)| **known == *raw) {
            return Ok(id.clone());
        }
        let participant = serde_json::from_str(raw).map_err(|_| Strange("a participant of another shape"))?;
        let id = self.see(&participant)?;
        if self.senders.len() < SENDERS_MAX {
            self.senders.push((raw.into(), id.clone()));
        }
        Ok(id)
    }

    /// Everybody, in the order in which they were first seen.
    pub(super) fn into_list(self) -> Vec<PersonSeen> {
        self.list
    }
}

/// Who a participant is.
pub(super) fn person_id(participant: &Participant<'_>) -> Result<PersonId, Strange> {
    let urn = participant.entity_urn.as_ref().or(participant.host_identity_urn.as_ref());
    let urn = urn.ok_or(Strange("a participant without id"))?;
    PersonId::parse(&urn.0).map_err(|_| Strange("a participant whose id is none"))
}

fn described(id: PersonId, participant: &Participant<'_>) -> PersonSeen {
    let mut seen = PersonSeen::only_id(id);
    seen.backend_urn = text(participant.backend_urn.as_ref());
    match &participant.participant_type {
        Some(ParticipantType { member: Some(member), .. }) => describe_member(&mut seen, member),
        Some(ParticipantType { organization: Some(page), .. }) => describe_page(&mut seen, page),
        Some(ParticipantType { custom: Some(custom), .. }) => {
            seen.kind = Some(PersonKind::Custom);
            seen.first_name = custom.name.as_ref().map(|name| name.0.as_ref().to_owned());
            seen.picture_url = picture(custom.image.as_ref());
        }
        Some(ParticipantType { agent: Some(agent), .. }) => {
            seen.kind = Some(PersonKind::Agent);
            seen.first_name = agent.name.as_ref().map(|name| name.0.as_ref().to_owned());
        }
        Some(_) | None => {}
    }
    seen
}

fn describe_member(seen: &mut PersonSeen, member: &Member<'_>) {
    seen.kind = Some(PersonKind::Member);
    seen.profile_url = text(member.profile_url.as_ref());
    seen.distance = text(member.distance.as_ref());
    if is_nameless(member) && !planted::is(Bug::PlaceholderIsAName) {
        seen.headline = words(member.headline.as_ref()).filter(|headline| !headline.is_empty());
        return;
    }
    seen.first_name = words(member.first_name.as_ref());
    seen.last_name = words(member.last_name.as_ref());
    seen.headline = words(member.headline.as_ref());
    seen.picture_url = picture(member.profile_picture.as_ref());
}

/// No name, or the placeholder: a deleted member. What was known before stays known.
fn is_nameless(member: &Member<'_>) -> bool {
    let name =
        |told: &Told<Words<'_>>| told.as_ref().and_then(Option::as_ref).map_or("", |words| &words.0).trim().to_owned();
    let (first, last) = (name(&member.first_name), name(&member.last_name));
    matches!((first.as_str(), last.as_str()), ("", "") | ("LinkedIn", "Member"))
}

fn describe_page(seen: &mut PersonSeen, page: &Organization<'_>) {
    seen.kind = Some(PersonKind::Organization);
    seen.first_name = page.name.as_ref().map(|name| name.0.as_ref().to_owned());
    seen.headline = words(page.tagline.as_ref());
    seen.profile_url = text(page.page_url.as_ref());
    seen.picture_url = picture(page.logo.as_ref());
}

/// Null is told to be none.
fn text(told: Option<&Option<Text<'_>>>) -> Option<String> {
    told.map(|text| text.as_ref().map(|text| text.0.as_ref().to_owned()).unwrap_or_default())
}

fn words(told: Option<&Option<Words<'_>>>) -> Option<String> {
    told.map(|words| words.as_ref().map(|words| words.0.as_ref().to_owned()).unwrap_or_default())
}

fn picture(told: Option<&Option<VectorImage<'_>>>) -> Option<String> {
    told.map(|image| image.as_ref().and_then(VectorImage::link).unwrap_or_default())
}
