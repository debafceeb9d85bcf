//! Texts of strangers on pages: what is a link in them, what cannot be shown, how much of them is shown.
//!
//! Nothing here writes markup; the templates escape every piece. A link is only ever http or https, and what is shown of
//! it is where it leads.

use url::Url;

/// Characters of one message that a page shows unless the message is asked for by its link.
pub(super) const SHOWN_MAX: usize = 12_000;
/// Longest link, in bytes.
const LINK_MAX: usize = 2_048;
/// Links of one text.
const LINKS_MAX: usize = 200;
/// What may stand before a link and is none of it.
const BEFORE: [char; 7] = ['(', '[', '{', '<', '"', '\'', '„'];
/// What may stand behind it.
const BEHIND: [char; 10] = ['.', ',', ';', ':', '!', '?', '>', '"', '\'', '…'];
/// So may closing brackets that the link did not open.
const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Nothing but text.
    Text(String),
    /// A link, written as where it leads.
    Link(String),
}

/// A text in pieces, and whether it was cut.
pub(super) fn pieces(text: &str, shown_max: usize) -> (Vec<Piece>, bool) {
    let (text, is_cut) = shortened(text, shown_max);
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut links = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        match link_in(word).filter(|_| links < LINKS_MAX) {
            None => plain.push_str(word),
            Some((before, link, behind)) => {
                links += 1;
                plain.push_str(before);
                push_text(&mut pieces, &mut plain);
                pieces.push(Piece::Link(link));
                plain.push_str(behind);
            }
        }
    }
    push_text(&mut pieces, &mut plain);
    (pieces, is_cut)
}

/// A text as one short line.
pub(super) fn line(text: &str, chars_max: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().take(chars_max).collect();
    let (mut short, is_cut) = shortened(&words.join(" "), chars_max);
    if is_cut {
        short.push('…');
    }
    short
}

/// A link that may be followed, as it is written out; anything but http and https is none.
pub(super) fn link(text: &str) -> Option<String> {
    if text.len() > LINK_MAX {
        return None;
    }
    let url = Url::parse(text.trim()).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    // A name before the host looks like a host.
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_web && is_plain && url.as_str().len() <= LINK_MAX).then(|| url.to_string())
}

fn link_in(word: &str) -> Option<(&str, String, &str)> {
    // The first of them: an address may have another one in it.
    let start = ["http://", "https://"].iter().filter_map(|scheme| word.find(scheme)).min()?;
    let (before, rest) = word.split_at_checked(start)?;
    if !before.chars().all(|one| BEFORE.contains(&one)) {
        return None;
    }
    let bare = without_tail(rest.trim_end());
    let behind = rest.get(bare.len()..)?;
    Some((before, link(bare)?, behind))
}

/// A link without what stands behind it. A closing bracket stays where it closes one of the link itself.
fn without_tail(text: &str) -> &str {
    let count = |one: char| text.matches(one).count();
    let mut unopened = BRACKETS.map(|(open, close)| count(close).saturating_sub(count(open)));
    let mut bare = text;
    while let Some(last) = bare.chars().next_back() {
        let at = BRACKETS.iter().position(|(_, close)| *close == last);
        match at.and_then(|at| unopened.get_mut(at)) {
            Some(0) => break,
            Some(count) => *count -= 1,
            None if BEHIND.contains(&last) => {}
            None => break,
        }
        bare = bare.strip_suffix(last).unwrap_or_default();
    }
    bare
}

fn push_text(pieces: &mut Vec<Piece>, plain: &mut String) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain)));
    }
}

/// The beginning of a text, without what no page can hold, and whether there is more.
fn shortened(text: &str, chars_max: usize) -> (String, bool) {
    let mut chars = text.chars();
    let short = chars.by_ref().take(chars_max).map(|one| if is_unshowable(one) { '\u{FFFD}' } else { one }).collect();
    (short, chars.next().is_some())
}

/// Control characters, which have no place in HTML.
fn is_unshowable(one: char) -> bool {
    one.is_control() && !matches!(one, '\n' | '\t' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<String> {
        let (pieces, _) = pieces(text, SHOWN_MAX);
        let links = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Link(link) => Some(link),
            Piece::Text(_) => None,
        });
        links.collect()
    }

    #[test]
    fn only_web_links_are_links_and_they_show_where_they_lead() {
        assert_eq!(links("see (https://example.org/a?b=c&d), ok"), ["https://example.org/a?b=c&d"]);
        assert_eq!(
            links("http://EXAMPLE.org\nhttps://пример.example/ü"),
            ["http://example.org/", "https://xn--e1afmkfd.example/%C3%BC"]
        );
        for (text, link) in [
            (
                "https://web.archive.org/web/2020/http://example.org",
                "https://web.archive.org/web/2020/http://example.org",
            ),
            ("http://example.org/?to=https://example.com.", "http://example.org/?to=https://example.com"),
            ("https://example.org/wiki/SQL_(language)", "https://example.org/wiki/SQL_(language)"),
            ("(see: (https://example.org/wiki/SQL_(language)).)", "https://example.org/wiki/SQL_(language)"),
            ("[https://example.org/a_(b)_c]),", "https://example.org/a_(b)_c"),
            ("https://example.org/)(", "https://example.org/)("),
        ] {
            assert_eq!(links(text), [link], "{text}");
        }
        for text in [
            "javascript:alert(1)",
            "data:text/html,<script>",
            "xhttps://example.org",
            "https://user@evil.test/",
            "https://",
            "https:///",
            "ftp://example.org",
            "//example.org",
            "www.example.org",
        ] {
            assert_eq!(links(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_text_in_pieces_is_the_text() {
        let text = "a <b> \"https://example.org/x\".\n\n\tend";
        let (all, is_cut) = pieces(text, SHOWN_MAX);
        let joined: String = all
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) | Piece::Link(text) => text.as_str(),
            })
            .collect();
        assert_eq!((joined.as_str(), is_cut), (text, false));
    }

    #[test]
    fn long_texts_are_cut_and_control_characters_are_shown_as_unknown() {
        assert_eq!(pieces("ab\0cd", 4), (vec![Piece::Text("ab\u{FFFD}c".into())], true));
        assert_eq!(line("  a\n\n b\u{1b}c  ", 80), "a b\u{FFFD}c");
        assert_eq!(line("abcdef", 3), "abc…");
        let many = "https://example.org/ ".repeat(LINKS_MAX + 5);
        assert_eq!(links(&many).len(), LINKS_MAX);
    }
}
