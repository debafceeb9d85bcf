//! Participants on the wire (upstream protocol 3.4). Every field may be missing: deleted accounts exist.

use serde::Deserialize;

use super::{List, Text, Told, Words, told};

/// Somebody, in full or brief.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant<'a> {
    /// `urn:li:msg_messagingParticipant:…`
    #[serde(borrow, default)]
    pub entity_urn: Option<Text<'a>>,
    /// `urn:li:fsd_profile:…`
    #[serde(borrow, default)]
    pub host_identity_urn: Option<Text<'a>>,
    /// `urn:li:member:…`
    #[serde(borrow, default, deserialize_with = "told")]
    pub backend_urn: Told<Text<'a>>,
    /// What it is; absent when brief.
    #[serde(borrow, default)]
    pub participant_type: Option<ParticipantType<'a>>,
}

/// The union of kinds.
#[derive(Deserialize)]
pub struct ParticipantType<'a> {
    /// A member.
    #[serde(borrow, default)]
    pub member: Option<Member<'a>>,
    /// A page.
    #[serde(borrow, default)]
    pub organization: Option<Organization<'a>>,
    /// A name chosen by LinkedIn.
    #[serde(borrow, default)]
    pub custom: Option<Custom<'a>>,
    /// An automation.
    #[serde(borrow, default)]
    pub agent: Option<Agent<'a>>,
}

/// A member.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member<'a> {
    /// First name.
    #[serde(borrow, default, deserialize_with = "told")]
    pub first_name: Told<Words<'a>>,
    /// Last name.
    #[serde(borrow, default, deserialize_with = "told")]
    pub last_name: Told<Words<'a>>,
    /// Headline.
    #[serde(borrow, default, deserialize_with = "told")]
    pub headline: Told<Words<'a>>,
    /// Link to the profile.
    #[serde(borrow, default, deserialize_with = "told")]
    pub profile_url: Told<Text<'a>>,
    /// Distance from the mailbox owner.
    #[serde(borrow, default, deserialize_with = "told")]
    pub distance: Told<Text<'a>>,
    /// Picture.
    #[serde(borrow, default, deserialize_with = "told")]
    pub profile_picture: Told<VectorImage<'a>>,
}

/// A page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization<'a> {
    /// Name.
    #[serde(borrow, default)]
    pub name: Option<Words<'a>>,
    /// Tagline.
    #[serde(borrow, default, deserialize_with = "told")]
    pub tagline: Told<Words<'a>>,
    /// Link to the page.
    #[serde(borrow, default, deserialize_with = "told")]
    pub page_url: Told<Text<'a>>,
    /// Logo.
    #[serde(borrow, default, deserialize_with = "told")]
    pub logo: Told<VectorImage<'a>>,
}

/// A name and an image chosen by LinkedIn.
#[derive(Deserialize)]
pub struct Custom<'a> {
    /// Name.
    #[serde(borrow, default)]
    pub name: Option<Words<'a>>,
    /// Image.
    #[serde(borrow, default, deserialize_with = "told")]
    pub image: Told<VectorImage<'a>>,
}

/// An automation; its fields were never captured.
#[derive(Deserialize)]
pub struct Agent<'a> {
    /// Name, where there is one.
    #[serde(borrow, default)]
    pub name: Option<Words<'a>>,
}

/// A picture in several sizes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VectorImage<'a> {
    /// Beginning of every link, or the whole link when there are no sizes.
    #[serde(borrow, default)]
    pub root_url: Option<Text<'a>>,
    /// The sizes, in any order.
    #[serde(borrow, default)]
    pub artifacts: Option<List<Artifact<'a>>>,
    /// URN of the media asset.
    #[serde(borrow, default)]
    pub digitalmedia_asset: Option<Text<'a>>,
}

/// One size of a picture.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact<'a> {
    /// Width in pixels.
    #[serde(default)]
    pub width: Option<i64>,
    /// Height in pixels.
    #[serde(default)]
    pub height: Option<i64>,
    /// End of the link.
    #[serde(borrow, default)]
    pub file_identifying_url_path_segment: Option<Text<'a>>,
}

impl VectorImage<'_> {
    /// Link to the largest size.
    pub fn link(&self) -> Option<String> {
        let root = self.root_url.as_ref().and_then(Text::filled)?;
        let sizes = self.artifacts.as_ref().map_or(&[][..], |list| &list.0);
        let area = |one: &&Artifact<'_>| one.width.unwrap_or(0).saturating_mul(one.height.unwrap_or(0));
        let largest = sizes.iter().filter(|one| one.file_identifying_url_path_segment.is_some()).max_by_key(area);
        let segment = largest.and_then(|one| one.file_identifying_url_path_segment.as_ref());
        Some(format!("{root}{}", segment.map_or("", |segment| &segment.0)))
    }
}
