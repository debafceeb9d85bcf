//! What is the same across sources: normal forms of texts, names and profile links, and which row is which message.
//!
//! LinkedIn's own data export gives no id of a message and tells times in seconds. Everything that decides whether such a
//! row and a message with a true id are one is here, so that no two rooms can decide differently. Nothing here may
//! depend on the order in which sources arrive (official sources 4.3).

mod matching;
mod profile;

pub use matching::{Likeness, Moment, Pair, Trace, Who, match_alone, match_up};
pub use profile::{ProfileSlug, profiles_in};

use unicode_normalization::UnicodeNormalization;

/// What an id of a message begins with that only an archive has told.
pub const ARCHIVE_PREFIX: &str = "csv-";

/// A text as it is compared: composed, every run of white space one blank, none at the ends. Older exports have
/// flattened line breaks, so this is what they have in common with the text itself.
pub fn comparable_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.nfc());
    }
    plain
}

/// A name as it is compared: as a text, in small letters.
pub fn comparable_name(name: &str) -> String {
    comparable_text(name).to_lowercase()
}

/// The name that LinkedIn shows for a closed or hidden account; it names nobody.
pub const NOBODY: &str = "linkedin member";

/// The person that the owner of an archive is whose owner could not be told; takes part in nothing.
pub const UNKNOWN_OWNER: &str = "name:unknown-owner";

/// What tells a row of an archive from every other one, to be hashed: equal rows are one message.
pub fn row_identity(
    conversation: &str,
    second: Option<i64>,
    sender: &str,
    text: &str,
    attachments: impl Iterator<Item = String>,
) -> String {
    let second = second.map(|second| second.to_string()).unwrap_or_default();
    let mut identity = [conversation, &second, sender, &comparable_text(text)].join("\u{1f}");
    for one in attachments {
        identity.push('\u{1f}');
        identity.push_str(&one);
    }
    identity
}

/// A link to an attachment as it is compared: without its parameters, which are renewed all the time.
pub fn comparable_link(url: &str) -> String {
    url.trim().split(['?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattened_breaks_and_decomposed_letters_do_not_matter() {
        assert_eq!(comparable_text(" caf\u{65}\u{301}\r\n  two "), "caf\u{e9} two");
        assert_eq!(comparable_name("  OLGA  Test "), "olga test");
        assert_eq!(comparable_text("\u{a0}"), "");
    }

    #[test]
    fn a_renewed_link_is_the_same_and_another_second_is_not() {
        let link = |url: &str| std::iter::once(comparable_link(url));
        let one = row_identity("2-a", Some(5), "in:olga", "hi\nyou", link("https://x.invalid/a?e=1"));
        assert_eq!(one, row_identity("2-a", Some(5), "in:olga", "hi you", link("https://x.invalid/a?e=2")));
        assert_ne!(one, row_identity("2-a", Some(6), "in:olga", "hi you", link("https://x.invalid/a?e=1")));
    }
}
