//! Links to profiles in their normal form (official sources B5).
//!
//! A link of another host, with credentials, or to something that is not a person must never name somebody.

use unicode_normalization::UnicodeNormalization;

use crate::id::{InvalidId, PersonId};

/// Longest slug that is accepted, in bytes.
const SLUG_LENGTH_MAX: usize = 200;
/// Most links that are read out of one field.
const LINKS_MAX: usize = 1_000;
/// What the person id begins with of somebody who is known by the link to the profile alone.
const PREFIX: &str = "in:";
/// What the person id begins with of somebody who is known by the name alone.
const NAME_PREFIX: &str = "name:";
/// What a slug begins with that is the profile id itself.
const MEMBER: &str = "ACoAA";

/// The part of a link to a profile that names somebody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileSlug {
    /// Decoded, composed, in small letters.
    plain: String,
    /// The profile id, when the slug is one; its letters count.
    member: Option<PersonId>,
}

impl ProfileSlug {
    /// Reads a link to a profile, with or without a scheme.
    pub fn parse(link: &str) -> Option<Self> {
        let link = link.trim();
        let (scheme, rest) = link.split_once("://").unwrap_or(("https", link));
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let rest = rest.split(['?', '#']).next()?;
        let (host, path) = rest.split_once('/')?;
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if host != "linkedin.com" && !host.strip_suffix(".linkedin.com").is_some_and(is_label) {
            return None;
        }
        let slug = path.strip_prefix("in/").or_else(|| path.strip_prefix("IN/"))?;
        Self::of_slug(slug.split('/').next()?)
    }

    /// The same from the slug alone, which may be percent-encoded.
    pub fn of_slug(slug: &str) -> Option<Self> {
        let decoded = percent_decoded(slug)?;
        let plain: String = decoded.trim().nfc().collect::<String>().to_lowercase();
        let is_name = |letter: char| !letter.is_control() && !letter.is_whitespace() && !"/?#@\\".contains(letter);
        if plain.is_empty() || plain.len() > SLUG_LENGTH_MAX || !plain.chars().all(is_name) {
            return None;
        }
        let is_member = decoded.starts_with(MEMBER) && decoded.len() > 20;
        let member = is_member.then(|| PersonId::new(&decoded).ok().filter(PersonId::is_profile)).flatten();
        Some(Self { plain, member })
    }

    /// The slug in its normal form.
    pub fn as_str(&self) -> &str {
        &self.plain
    }

    /// The id of a person who is known by this: the profile id itself, or one that is made of the slug.
    pub fn person(&self) -> Result<PersonId, InvalidId> {
        if let Some(member) = &self.member {
            return Ok(member.clone());
        }
        let mut id = PREFIX.to_owned();
        for byte in self.plain.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => id.push(char::from(byte)),
                _ => id.push_str(&format!("={byte:02X}")),
            }
        }
        PersonId::new(&id)
    }

    /// The link in its normal form, where the slug can stand in one as it is.
    pub fn link(&self) -> String {
        match &self.member {
            Some(member) => format!("https://www.linkedin.com/in/{member}"),
            None => format!("https://www.linkedin.com/in/{}", self.plain),
        }
    }
}

impl PersonId {
    /// Whether it was made of a name or a link of an archive and is no id of LinkedIn's.
    pub fn is_from_archive(&self) -> bool {
        self.as_str().starts_with(PREFIX) || self.is_from_name()
    }

    /// Whether it was made of a name alone.
    pub fn is_from_name(&self) -> bool {
        self.as_str().starts_with(NAME_PREFIX)
    }
}

/// A part of a host name, without credentials or a port.
fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Every link to a profile in a field that holds a list of links, by what they look like and not by what divides them.
pub fn profiles_in(field: &str) -> Vec<ProfileSlug> {
    let parts = field.split([',', ';', ' ', '\n', '\t', '|']).filter(|part| !part.is_empty());
    parts.filter_map(ProfileSlug::parse).take(LINKS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_link_is_one() {
        for link in [
            "https://www.linkedin.com/in/olga-t%C3%A9st",
            "http://de.linkedin.com/in/Olga-T\u{e9}st/",
            "linkedin.com/in/olga-te\u{301}st?trk=x#y",
            "WWW.LINKEDIN.COM/in/olga-t\u{e9}st/details/",
        ] {
            let slug = ProfileSlug::parse(link).unwrap();
            assert_eq!(slug.as_str(), "olga-t\u{e9}st", "{link}");
            assert_eq!(slug.person().unwrap().as_str(), "in:olga-t=C3=A9st");
        }
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for link in [
            "",
            "https://www.linkedin.com/in/",
            "https://www.linkedin.com/company/example",
            "https://linkedin.com.evil.example/in/olga",
            "https://evillinkedin.com/in/olga",
            "https://me@www.linkedin.com/in/olga",
            "ftp://www.linkedin.com/in/olga",
            "https://www.linkedin.com/in/%zz",
            "https://www.linkedin.com/in/%00",
        ] {
            assert_eq!(ProfileSlug::parse(link), None, "{link}");
        }
    }

    #[test]
    fn a_profile_id_in_a_link_is_the_id() {
        let link = "https://www.linkedin.com/in/ACoAABcDeFgHiJkLmNoPqRsTuVwXyZ";
        let slug = ProfileSlug::parse(link).unwrap();
        assert_eq!((slug.person().unwrap().as_str(), slug.link().as_str()), (&link[28..], link));
        assert!(!slug.person().unwrap().is_from_archive());
    }

    #[test]
    fn lists_of_links_are_read_whatever_divides_them() {
        let field = "https://www.linkedin.com/in/a,https://www.linkedin.com/in/b; https://www.linkedin.com/in/c, x";
        let found: Vec<String> = profiles_in(field).iter().map(|one| one.as_str().to_owned()).collect();
        assert_eq!(found, ["a", "b", "c"]);
    }
}
