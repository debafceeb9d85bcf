//! Whose archive it is (official sources B5).
//!
//! An export names its owner nowhere. The rules go from certain to likely, and the first that names one person alone
//! decides; a guess between two is no answer, because it would turn every message around.

use std::collections::HashMap;

use threadkeep_core::identity::{NOBODY, ProfileSlug, comparable_name, profiles_in};

use super::names;
use super::neighbours::{Neighbours, count, most};
use super::rows::Cells;
use super::survey::Owner;

/// Conversations that are looked at; of more, a part that does not depend on their order.
const CONVERSATIONS_MAX: usize = 4_096;
/// People who are looked at.
const PEOPLE_MAX: usize = 50_000;
/// Most people of one conversation who are looked at.
const MEMBERS_MAX: usize = 200;
/// Of ten conversations the owner is in eight at least, by the fourth rule.
const SHARE_OF_TEN: usize = 8;

/// Who is in which conversations.
#[derive(Default)]
pub(super) struct Presence {
    /// Hash of a conversation to places in `people`.
    conversations: HashMap<u64, Vec<u32>>,
    /// How many low bits of the hash are nothing in those that are looked at.
    level: u32,
    places: HashMap<Key, u32>,
    people: Vec<Seen>,
    /// Who sends under the name of the profile, and under the direction `OUTGOING`.
    under_profile_name: HashMap<ProfileSlug, u64>,
    outgoing: HashMap<Key, u64>,
    has_links: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Link(ProfileSlug),
    Name(String),
}

struct Seen {
    key: Key,
    /// The first name that was seen with it.
    name: String,
    /// Whether it has sent under another name too.
    is_double: bool,
}

impl Presence {
    pub(super) fn see(&mut self, cells: &Cells<'_>, profile_name: Option<&str>) {
        let sender = key(&cells.sender_url, &cells.from);
        if let Some(Key::Link(slug)) = &sender
            && profile_name.is_some_and(|name| comparable_name(name) == comparable_name(&cells.from))
        {
            count(&mut self.under_profile_name, slug.clone());
        }
        if let Some(sender) = sender.clone().filter(|_| cells.is_outgoing) {
            count(&mut self.outgoing, sender);
        }
        let conversation =
            hash_of(if cells.conversation.is_empty() { pair(cells) } else { cells.conversation.to_string() });
        let is_sampled = conversation.trailing_zeros() >= self.level;
        if !is_sampled {
            return;
        }
        let slugs = profiles_in(&cells.recipient_urls);
        self.has_links |= !slugs.is_empty() || matches!(sender, Some(Key::Link(_)));
        let mut present: Vec<u32> = sender.and_then(|key| self.place(key, &cells.from)).into_iter().collect();
        if slugs.is_empty() {
            let named = names::split_freely(&cells.to);
            present.extend(named.iter().filter_map(|name| self.place(key("", name)?, name)));
        } else {
            let named = names::split(&cells.to, slugs.len()).unwrap_or_default();
            let places = slugs.into_iter().enumerate();
            present.extend(
                places.filter_map(|(at, slug)| {
                    self.place_unsent(Key::Link(slug), named.get(at).map_or("", String::as_str))
                }),
            );
        }
        let members = self.conversations.entry(conversation).or_default();
        for place in present {
            if members.len() < MEMBERS_MAX && !members.contains(&place) {
                members.push(place);
            }
        }
        while self.conversations.len() > CONVERSATIONS_MAX {
            self.level += 1;
            let level = self.level;
            self.conversations.retain(|hash, _| hash.trailing_zeros() >= level);
        }
    }

    fn place_unsent(&mut self, key: Key, name: &str) -> Option<u32> {
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        if self.people.len() >= PEOPLE_MAX {
            return None;
        }
        let place = u32::try_from(self.people.len()).ok()?;
        self.places.insert(key.clone(), place);
        self.people.push(Seen { key, name: name.to_owned(), is_double: false });
        Some(place)
    }

    fn place(&mut self, key: Key, name: &str) -> Option<u32> {
        let place = self.place_unsent(key, name)?;
        let seen = self.people.get_mut(place as usize)?;
        let (old, new) = (comparable_name(&seen.name), comparable_name(name));
        if old.is_empty() {
            seen.name = name.to_owned();
        }
        seen.is_double |= !old.is_empty() && !new.is_empty() && old != new;
        Some(place)
    }

    /// Those in at least this share of ten of the conversations.
    fn in_most(&self, share_of_ten: usize) -> Vec<&Seen> {
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for member in self.conversations.values().flatten() {
            *counts.entry(*member).or_default() += 1;
        }
        let enough = |count: usize| count * 10 >= self.conversations.len() * share_of_ten;
        let mut found: Vec<u32> =
            counts.into_iter().filter(|(_, count)| enough(*count)).map(|(place, _)| place).collect();
        found.sort_unstable();
        let seen = found.into_iter().filter_map(|place| self.people.get(place as usize));
        // Where there are links, a name alone is not an answer.
        seen.filter(|one| !self.has_links || matches!(one.key, Key::Link(_))).collect()
    }

    /// Whether an owner can be told apart in the rows: by a link, or by a name that belongs to no link.
    pub(super) fn tells(&self, owner: &Owner) -> bool {
        let is_named = |seen: &Seen| owner.is_named(&seen.name) && matches!(seen.key, Key::Name(_));
        let by_name = || self.links_of(owner).next().is_none() && self.people.iter().any(is_named);
        owner.slug.is_some() || !self.has_links || by_name()
    }

    /// The links under which somebody of this name takes part.
    fn links_of(&self, named: &Owner) -> impl Iterator<Item = &ProfileSlug> {
        let named = self.people.iter().filter(|seen| named.is_named(&seen.name));
        named.filter_map(|seen| match &seen.key {
            Key::Link(slug) => Some(slug),
            Key::Name(_) => None,
        })
    }

    fn name_of(&self, slug: &ProfileSlug) -> Option<&str> {
        let place = self.places.get(&Key::Link(slug.clone()))?;
        self.people.get(*place as usize).map(|seen| seen.name.as_str())
    }
}

fn key(link: &str, name: &str) -> Option<Key> {
    if let Some(slug) = ProfileSlug::parse(link) {
        return Some(Key::Link(slug));
    }
    let name = comparable_name(name);
    (!name.is_empty() && name != NOBODY).then_some(Key::Name(name))
}

/// Who is in a conversation that has no id.
fn pair(cells: &Cells<'_>) -> String {
    let mut names: Vec<String> = names::split_freely(&cells.to);
    names.push(cells.from.to_string());
    let mut names: Vec<String> = names.iter().map(|name| comparable_name(name)).collect();
    names.sort_unstable();
    names.join("\u{1f}")
}

fn hash_of(text: String) -> u64 {
    u64::from_str_radix(super::digest(&text).get(..16).unwrap_or_default(), 16).unwrap_or_default()
}

/// An owner whom somebody has named, with the link or the name that the archive knows: a name is that of the one who has it.
pub(super) fn completed(given: Owner, neighbours: &Neighbours, presence: &Presence) -> Owner {
    if given.slug.is_none() {
        let links: Vec<ProfileSlug> = presence.links_of(&given).take(2).cloned().collect();
        let linked = match &links[..] {
            [only] => Owner::of(Some(only.clone()), Some(&given.person.name)),
            _ => None,
        };
        return linked.unwrap_or(given);
    }
    let seen = given.slug.as_ref().and_then(|slug| presence.name_of(slug)).filter(|name| !name.is_empty());
    let own = Some(given.person.name.as_str()).filter(|name| !name.is_empty());
    let name = seen.or(own).or(neighbours.profile_name.as_deref());
    Owner::of(given.slug.clone(), name).unwrap_or(given)
}

/// The owner by the first rule that names one person alone, and the rule's name.
pub(super) fn decide(neighbours: &Neighbours, presence: &Presence) -> (Option<Owner>, &'static str) {
    let profile_name = neighbours.profile_name.as_deref();
    let linked = |slug: &ProfileSlug| Owner::of(Some(slug.clone()), profile_name.or(presence.name_of(slug)));
    let of_key = |seen: &Key, name: &str| match seen {
        Key::Link(slug) => linked(slug),
        Key::Name(_) => Owner::of(None, Some(name)),
    };
    if let Some(owner) = neighbours.inviting.as_ref().and_then(linked) {
        return (Some(owner), "invitations");
    }
    if let Some(key) = most(presence.outgoing.clone()) {
        let name = match &key {
            Key::Name(name) => presence
                .places
                .get(&key)
                .and_then(|at| presence.people.get(*at as usize))
                .map_or(name.as_str(), |seen| &seen.name),
            Key::Link(_) => "",
        };
        if let Some(owner) = of_key(&key, name) {
            return (Some(owner), "direction");
        }
    }
    let by_profile = match presence.has_links {
        true => most(presence.under_profile_name.clone()).as_ref().and_then(linked),
        false => Owner::of(None, profile_name),
    };
    if by_profile.is_some() {
        return (by_profile, "profile");
    }
    // One conversation tells nothing: whoever is in it may be the other one.
    if presence.conversations.len() < 2 {
        return (None, "unknown");
    }
    if let [only] = presence.in_most(SHARE_OF_TEN)[..] {
        return (of_key(&only.key, &only.name), "presence");
    }
    match presence.in_most(10).into_iter().filter(|seen| !seen.is_double).collect::<Vec<_>>()[..] {
        [only] => (of_key(&only.key, &only.name), "elimination"),
        _ => (None, "unknown"),
    }
}
