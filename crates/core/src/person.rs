//! People as a source shows them, and as they are kept.
//!
//! A source often tells little about somebody (a brief sender, a deleted member). What it does not tell must never
//! erase what is already known.

use serde::{Deserialize, Serialize};

use crate::id::PersonId;
use crate::planted::{self, Bug};

/// What somebody is (upstream protocol 3.4, the `participantType` union).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonKind {
    /// A member of LinkedIn.
    Member,
    /// A company, school or other page.
    Organization,
    /// A name and an image chosen by LinkedIn.
    Custom,
    /// An automation.
    Agent,
    /// Not told yet.
    #[default]
    Unknown,
}

impl PersonKind {
    /// The stable name in the database and in exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Organization => "organization",
            Self::Custom => "custom",
            Self::Agent => "agent",
            Self::Unknown => "unknown",
        }
    }

    /// The kind with this stable name; anything else is unknown.
    pub fn from_name(name: &str) -> Self {
        match name {
            "member" => Self::Member,
            "organization" => Self::Organization,
            "custom" => Self::Custom,
            "agent" => Self::Agent,
            _ => Self::Unknown,
        }
    }
}

/// What one answer told about somebody; `None` is not told, an empty text is told to be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSeen {
    /// Who it is.
    pub id: PersonId,
    /// What it is.
    pub kind: Option<PersonKind>,
    /// First name, or the whole name of anybody who is not a member.
    pub first_name: Option<String>,
    /// Last name of a member.
    pub last_name: Option<String>,
    /// Headline of a member, tagline of an organisation.
    pub headline: Option<String>,
    /// Link to the profile or page.
    pub profile_url: Option<String>,
    /// Link to the picture or logo; temporary.
    pub picture_url: Option<String>,
    /// Distance from the mailbox owner, for example `DISTANCE_1`.
    pub distance: Option<String>,
    /// The numeric URN, for example `urn:li:member:42`.
    pub backend_urn: Option<String>,
}

impl PersonSeen {
    /// Somebody of whom only the id was told.
    pub fn only_id(id: PersonId) -> Self {
        Self {
            id,
            kind: None,
            first_name: None,
            last_name: None,
            headline: None,
            profile_url: None,
            picture_url: None,
            distance: None,
            backend_urn: None,
        }
    }
}

/// Somebody as kept for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub id: PersonId,
    /// What it is.
    pub kind: PersonKind,
    /// First name, or the whole name of anybody who is not a member; empty when never told.
    pub first_name: String,
    /// Last name of a member; empty when never told.
    pub last_name: String,
    /// Headline or tagline.
    pub headline: Option<String>,
    /// Link to the profile or page.
    pub profile_url: Option<String>,
    /// Link to the picture or logo as last seen.
    pub picture_url: Option<String>,
    /// Distance from the mailbox owner as last seen.
    pub distance: Option<String>,
    /// The numeric URN.
    pub backend_urn: Option<String>,
}

impl Person {
    /// First and last name as one text; empty for a deleted member who was never seen with a name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

/// What is known of somebody after this answer, or `None` when nothing changed.
pub fn merge_person(old: Option<&Person>, seen: &PersonSeen) -> Option<Person> {
    let base = old.cloned().unwrap_or_else(|| Person {
        id: seen.id.clone(),
        kind: PersonKind::Unknown,
        first_name: String::new(),
        last_name: String::new(),
        headline: None,
        profile_url: None,
        picture_url: None,
        distance: None,
        backend_urn: None,
    });
    let mut new = base.clone();
    if let Some(kind) = seen.kind {
        new.kind = kind;
    }
    if let Some(name) = &seen.first_name {
        new.first_name.clone_from(name);
    }
    if let Some(name) = &seen.last_name {
        new.last_name.clone_from(name);
    } else if planted::is(Bug::UntoldNameErased) {
        new.last_name.clear();
    }
    tell(&mut new.headline, &seen.headline);
    tell(&mut new.profile_url, &seen.profile_url);
    tell(&mut new.picture_url, &seen.picture_url);
    tell(&mut new.distance, &seen.distance);
    tell(&mut new.backend_urn, &seen.backend_urn);
    (old.is_none() || new != base).then_some(new)
}

fn tell(kept: &mut Option<String>, told: &Option<String>) {
    if let Some(text) = told {
        *kept = Some(text.clone()).filter(|text| !text.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_never_erases_and_repeats_change_nothing() {
        let id = PersonId::new("ACoAAOlga").unwrap();
        let full = PersonSeen {
            kind: Some(PersonKind::Member),
            first_name: Some("Olga".into()),
            last_name: Some("Test".into()),
            headline: Some("Engineer".into()),
            ..PersonSeen::only_id(id.clone())
        };
        let kept = merge_person(None, &full).unwrap();
        assert_eq!(kept.full_name(), "Olga Test");
        assert_eq!(merge_person(Some(&kept), &full), None);
        assert_eq!(merge_person(Some(&kept), &PersonSeen::only_id(id.clone())), None);
        let no_headline = PersonSeen { headline: Some(String::new()), ..PersonSeen::only_id(id) };
        assert_eq!(merge_person(Some(&kept), &no_headline).unwrap().headline, None);
    }
}
