//! How people and conversations are called on pages, and the coloured initials that stand for a picture.
//!
//! No picture is loaded from elsewhere, ever: a page that asked LinkedIn for one would tell LinkedIn what is read.

use threadkeep_core::id::PersonId;
use threadkeep_core::person::Person;

use super::text::line;
use crate::store::{Account, ConversationRow};

/// Colours of initials; the style has a class for each.
const HUES: u32 = 10;
/// Longest name on a page, in characters.
const NAME_MAX: usize = 80;
/// People who are named in the name of a conversation.
const NAMED_MAX: usize = 3;
/// What LinkedIn calls somebody who is gone.
const NOBODY: &str = "LinkedIn Member";

/// Initials on a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Face {
    /// One or two letters.
    pub(super) initials: String,
    /// Which colour.
    pub(super) hue: u32,
}

/// The initials of a name, on a colour that follows from an id.
pub(super) fn face(name: &str, id: &str) -> Face {
    let words = name.split_whitespace().filter_map(|word| word.chars().find(|one| one.is_alphabetic()));
    let letters: Vec<char> = words.collect();
    let chosen = match letters.as_slice() {
        [] => vec!['·'],
        [one] => vec![*one],
        [first, .., last] => vec![*first, *last],
    };
    let initials = chosen.into_iter().flat_map(char::to_uppercase).take(2).collect();
    let hue = id.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % HUES;
    Face { initials, hue }
}

/// What somebody is called.
pub(super) fn name(person: &Person) -> String {
    let name = line(&person.full_name(), NAME_MAX);
    if name.is_empty() { NOBODY.to_owned() } else { name }
}

/// What stands where nobody is known: whom we do not know has an id, LinkedIn itself has none.
pub(super) fn unknown(id: Option<&PersonId>) -> String {
    id.map_or("LinkedIn", |_| NOBODY).to_owned()
}

/// What the member of an account is called.
pub(super) fn owner(account: &Account) -> String {
    let name = line(&format!("{} {}", account.first_name, account.last_name), NAME_MAX);
    match (name.is_empty(), account.public_id.is_empty()) {
        (false, _) => name,
        (true, false) => line(&account.public_id, NAME_MAX),
        (true, true) => account.id.to_string(),
    }
}

/// Everybody in a conversation but its owner; the owner when there is nobody else.
pub(super) fn others<'a>(row: &'a ConversationRow, account: &Account) -> Vec<&'a Person> {
    let others: Vec<&Person> = row.participants.iter().filter(|person| person.id != account.member).collect();
    if others.is_empty() { row.participants.iter().collect() } else { others }
}

/// What a conversation is called: its title, else the people in it.
pub(super) fn conversation(row: &ConversationRow, account: &Account) -> String {
    let title = row.conversation.title.as_deref().map(|title| line(title, NAME_MAX)).unwrap_or_default();
    if !title.is_empty() {
        return title;
    }
    let others = others(row, account);
    let named: Vec<String> = others.iter().take(NAMED_MAX).map(|person| name(person)).collect();
    match others.len() {
        0 => NOBODY.to_owned(),
        all if all > NAMED_MAX => format!("{} and {} more", named.join(", "), all - NAMED_MAX),
        _ => named.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_letters_of_the_first_and_the_last_word() {
        let of = |name: &str| face(name, "x").initials;
        assert_eq!(
            [of("Ines Maria Sample"), of("otto"), of("李 小龙"), of("<img> &"), of("  ")],
            ["IS", "O", "李小", "I", "·"]
        );
        assert_eq!(face("a", "one").hue, face("b", "one").hue, "the colour stays when the name changes");
    }
}
