//! Participants on the wire (upstream protocol 3.4, MessagingParticipant).
//!
//! A deleted member keeps its id and loses everything else. Names never go anywhere but into an answer.

use crate::chance::stable_hash;
use crate::switches::DeletedMembers;
use crate::world::id::person_urn;
use crate::world::links::{self, PICTURE_ROOT};
use crate::world::model::{Person, PersonKind};

use super::json::Json;
use super::kinds;
use super::urns;
use super::writer::{Form, Writer, member};

impl<'a> Writer<'a> {
    /// Somebody, in full; a reference in the normalized form.
    pub fn person(&mut self, id: &'a str) -> Json<'a> {
        let urn = urns::participant(id);
        if self.form == Form::Normalized && (self.has_included(&urn) || self.dangles(id, &urn)) {
            return Json::from(urn);
        }
        let value = self.participant(id, &urn, false);
        self.entity(urn, value)
    }

    /// Somebody without `participantType` where a message may name its sender so; in full in the normalized form.
    pub fn brief_person(&mut self, id: &'a str) -> Json<'a> {
        match self.form {
            Form::Graphql => self.participant(id, &urns::participant(id), true),
            Form::Normalized => self.person(id),
        }
    }

    fn dangles(&self, id: &str, urn: &str) -> bool {
        let deleted = self.world.people.get(id).is_some_and(|person| person.deleted);
        self.switches.dangling_references && deleted && stable_hash(urn).is_multiple_of(2)
    }

    fn participant(&self, id: &'a str, urn: &str, brief: bool) -> Json<'a> {
        let person = self.world.people.get(id);
        let backend = person.and_then(|person| match person.kind {
            PersonKind::Member => Some(format!("urn:li:member:{}", person.number)),
            PersonKind::Organization => Some(format!("urn:li:company:{}", person.number)),
            PersonKind::Custom | PersonKind::Agent => None,
        });
        let mut members = vec![
            member("entityUrn", urn.to_owned()),
            member("hostIdentityUrn", person_urn(id)),
            member("backendUrn", backend.map_or(Json::Null, Json::from)),
        ];
        if !brief {
            members.extend([
                member("preview", Json::Null),
                member("memberBadgeType", Json::Null),
                member("showPremiumInBug", false),
                member("showVerificationBadge", false),
                member("participantType", self.participant_type(person)),
            ]);
        }
        self.object(kinds::PARTICIPANT, stable_hash(id), members)
    }

    fn participant_type(&self, person: Option<&'a Person>) -> Json<'a> {
        let of = |kind, value: &dyn Fn(&'a Person) -> Json<'a>| {
            person.filter(|one| one.kind == kind).map_or(Json::Null, value)
        };
        let members = vec![
            member("member", of(PersonKind::Member, &|one| self.member_info(one))),
            member("organization", of(PersonKind::Organization, &|one| self.organization(one))),
            member("custom", of(PersonKind::Custom, &|one| self.custom(one))),
            member("agent", of(PersonKind::Agent, &|_| self.object(kinds::AGENT, 0, Vec::new()))),
        ];
        self.object(kinds::PARTICIPANT_TYPE, 1, members)
    }

    fn member_info(&self, person: &'a Person) -> Json<'a> {
        let names = match (person.deleted, self.switches.deleted_members) {
            (false, _) => Some((person.first_name.as_str(), person.last_name.as_str())),
            (true, DeletedMembers::Placeholder) => Some(("LinkedIn", "Member")),
            (true, DeletedMembers::NullNames) => None,
        };
        let headline = person.headline.as_deref().filter(|_| !person.deleted);
        let picture = person.has_picture && !person.deleted;
        let members = vec![
            member("profileUrl", format!("https://www.linkedin.com/in/{}", person.id)),
            member("firstName", self.optional_text(names.map(|(first, _)| first))),
            member("lastName", self.optional_text(names.map(|(_, last)| last))),
            member("headline", self.optional_text(headline)),
            member("distance", self.distance(person)),
            member("pronoun", Json::Null),
            member("profilePicture", if picture { self.picture(person) } else { Json::Null }),
            member("profileFrameA11yContent", Json::Null),
        ];
        self.object(kinds::MEMBER, person.number, members)
    }

    fn distance(&self, person: &Person) -> &'static str {
        let others = ["DISTANCE_1", "DISTANCE_1", "DISTANCE_2", "DISTANCE_3", "OUT_OF_NETWORK"];
        if person.id == self.owner {
            return "SELF";
        }
        let choice = usize::try_from(stable_hash(&person.id) % 5).unwrap_or(0);
        others.get(choice).copied().unwrap_or("DISTANCE_1")
    }

    fn organization(&self, person: &'a Person) -> Json<'a> {
        let page = format!("https://www.linkedin.com/company/{}/", person.number);
        let members = vec![
            member("name", self.text(&person.first_name)),
            member("tagline", self.optional_text(person.headline.as_deref())),
            member("industryName", Json::Null),
            member("pageType", "COMPANY"),
            member("pageUrl", page),
            member("following", false),
            member("averageResponseTimeText", Json::Null),
            member("logo", if person.has_picture { self.picture(person) } else { Json::Null }),
        ];
        self.object(kinds::ORGANIZATION, person.number, members)
    }

    fn custom(&self, person: &'a Person) -> Json<'a> {
        let image = if person.has_picture { self.picture(person) } else { Json::Null };
        let members = vec![member("name", self.text(&person.first_name)), member("image", image)];
        self.object(kinds::CUSTOM, person.number, members)
    }

    /// A picture in two sizes, the bigger one first: the order of artifacts is not guaranteed.
    pub fn picture(&self, person: &Person) -> Json<'a> {
        let root = links::picture_root(&person.id, person.kind.picture_recipe());
        let artifacts = PICTURE_SIDES.map(|size| {
            let tail = links::picture_size(size);
            let path = format!("{root}{tail}");
            let segment = format!("{tail}?{}", self.world.links.picture_query(&path));
            let members = vec![
                member("width", size),
                member("height", size),
                member("fileIdentifyingUrlPathSegment", segment),
                member("expiresAt", self.world.links.picture_expires_ms(&path)),
            ];
            self.object(kinds::VECTOR_ARTIFACT, 2, members)
        });
        let asset = links::picture_asset(&person.id);
        let members = vec![
            member("rootUrl", format!("{PICTURE_ROOT}{root}")),
            member("artifacts", Json::List(artifacts.into())),
            member("digitalmediaAsset", format!("urn:li:digitalmediaAsset:{asset}")),
            member("attribution", Json::Null),
            member("focalPoint", Json::Null),
        ];
        self.object(kinds::VECTOR_IMAGE, 0, members)
    }
}

/// The sizes in which pictures of people come.
pub const PICTURE_SIDES: [i64; 2] = [400, 100];
