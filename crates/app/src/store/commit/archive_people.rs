//! People of rows of an archive: who of them is somebody that is here under another id, and who is new.
//!
//! An id that was made of a name is a stand-in: it must not stay beside the same person's link or profile id in one
//! conversation, and nobody gets another's id by a name that two have.

use std::collections::BTreeMap;

use threadkeep_core::archived::{ArchivedMessage, ArchivedPerson};
use threadkeep_core::id::{ConversationId, PersonId};
use threadkeep_core::identity::{Who, comparable_name};
use threadkeep_core::person::{Person, PersonKind, PersonSeen};

use super::adopt::{renamed, same_names, same_people};
use crate::store::import::Importing;
use crate::store::import::found::Found;
use crate::store::statement::Statement;

/// People of the rows who are in the same conversation under an id of LinkedIn's: from here on they have that.
pub(super) fn bridge(import: &Importing, rows: &[ArchivedMessage], found: &mut Found) -> Vec<(PersonId, PersonId)> {
    let mut told: BTreeMap<&ConversationId, BTreeMap<PersonId, &ArchivedPerson>> = BTreeMap::new();
    for row in rows.iter().filter(|row| found.is_live(&row.conversation)) {
        let people = told.entry(&row.conversation).or_default();
        for one in row.sender.iter().chain(&row.recipients) {
            people.insert(found.resolved(&one.id), one);
        }
    }
    let mut pairs = Vec::new();
    for (conversation, people) in told {
        let members = found.members(conversation);
        let is_free = |id: &PersonId| !people.contains_key(id) && *id != import.member && !id.is_from_archive();
        let new: Vec<Who> = members.iter().filter(|one| is_free(&one.id)).map(who).collect();
        let old: Vec<Who> = people
            .iter()
            .filter(|(id, _)| id.is_from_archive() && **id != import.member)
            .map(|(id, one)| Who { id: Some(id.clone()), name: one.comparable() })
            .collect();
        // Rows of a batch may name some of the people only: without equal names nothing is sure.
        let named = old.iter().any(|one| new.iter().any(|other| other.name == one.name));
        if named {
            pairs.extend(same_people(&old, &new));
        }
    }
    for (alias, id) in &pairs {
        found.name(alias, id);
    }
    pairs
}

fn who(person: &Person) -> Who {
    Who { id: Some(person.id.clone()), name: comparable_name(&person.full_name()) }
}

/// People of conversations that only archives tell of who have a link in one row and a name alone in another: exports of
/// 2021 link whoever sends and name whoever receives. Gives the statements that rename those who are stored.
pub(super) fn linked(
    import: &Importing,
    rows: &[ArchivedMessage],
    found: &mut Found,
) -> (Vec<(PersonId, PersonId)>, Vec<Statement>) {
    let mut told: BTreeMap<&ConversationId, BTreeMap<PersonId, String>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !found.is_live(&row.conversation)) {
        let people = told.entry(&row.conversation).or_default();
        for one in row.sender.iter().chain(&row.recipients) {
            let name = people.entry(found.resolved(&one.id)).or_default();
            if name.is_empty() {
                *name = one.comparable();
            }
        }
    }
    let (mut pairs, mut script) = (Vec::new(), Vec::new());
    for (conversation, mut people) in told {
        let members = found.members(conversation);
        for one in members {
            people.entry(one.id.clone()).or_insert_with(|| comparable_name(&one.full_name()));
        }
        let all = people.into_iter().map(|(id, name)| Who { id: Some(id), name });
        let is_named = |one: &Who| one.id.as_ref().is_some_and(PersonId::is_from_name);
        let (mut old, new): (Vec<Who>, Vec<Who>) = all.partition(is_named);
        old.retain(|one| one.id.as_ref() != Some(&import.member));
        for (alias, id) in same_names(&old, &new) {
            if members.iter().any(|one| one.id == alias) {
                script.extend(renamed(import.account_pk, &alias, &id));
            }
            pairs.push((alias, id));
        }
    }
    for (alias, id) in &pairs {
        found.name(alias, id);
    }
    (pairs, script)
}

/// People who are new or of whom something was not known.
pub(super) fn people(rows: &[ArchivedMessage], found: &Found) -> (Vec<PersonSeen>, u64) {
    let mut told: BTreeMap<PersonId, &ArchivedPerson> = BTreeMap::new();
    for one in rows.iter().flat_map(|row| row.sender.iter().chain(&row.recipients)) {
        let kept = told.entry(found.resolved(&one.id)).or_insert(one);
        // A row that links somebody tells more than one that only names them.
        let is_more = kept.link.is_none() && one.link.is_some() && !one.name.is_empty();
        if kept.name.is_empty() || is_more {
            *kept = one;
        }
    }
    let mut new = 0;
    let mut seen = Vec::new();
    for (id, one) in told {
        let (first, last) = one.names();
        let known = found.people.get(&id);
        let is_nameless = known.is_none_or(|known| known.full_name().is_empty());
        let is_told = is_nameless && !one.name.is_empty();
        let is_linked = known.is_none_or(|known| known.profile_url.is_none()) && one.link.is_some();
        if known.is_some() && !is_told && !is_linked {
            continue;
        }
        new += u64::from(known.is_none());
        let kind = if one.link.is_some() { PersonKind::Member } else { PersonKind::Unknown };
        seen.push(PersonSeen {
            kind: known.is_none().then_some(kind),
            first_name: is_told.then(|| first.to_owned()),
            last_name: is_told.then(|| last.to_owned()),
            profile_url: if is_linked { one.link.clone() } else { None },
            ..PersonSeen::only_id(id)
        });
    }
    (seen, new)
}
