//! How people and conversations are called on pages, and the coloured initials that stand for a picture.
//!
//! No picture is loaded from elsewhere, ever: a page that asked LinkedIn for one would tell LinkedIn what is read.

use threadkeep_core::id::PersonId;
use threadkeep_core::person::Person;

use super::text::line;
use crate::store::{Account, ConversationRow};
use crate::verbs::read;

/// Colours of initials; the style has a class for each.
const HUES: u32 = 10;
/// Longest name on a page, in characters.
const NAME_MAX: usize = 80;
/// Longest name of a conversation, in characters: two long names of people.
const TITLE_MAX: usize = 2 * NAME_MAX;
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

/// What a conversation is called, as everywhere, on one line.
pub(super) fn conversation(row: &ConversationRow, account: &Account) -> String {
    titled(&read::title(row, account))
}

/// The same where it was said already.
pub(super) fn titled(title: &str) -> String {
    line(title, TITLE_MAX)
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
