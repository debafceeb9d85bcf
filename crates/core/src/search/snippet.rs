//! A hit as it is shown: the part of the text around the first thing that was looked for, with every such thing marked.
//!
//! Made of the text itself, never by a database, so that the marks stand in what was written. The parts are plain text;
//! whoever shows them as HTML has to escape them, which [`Snippet::html`] does.

use super::query::Phrase;
use super::words::{Word, words};

/// Most words of a text that are looked at.
const WORDS_MAX: usize = 10_000;
/// How much of the text is shown, in characters, a little more or less.
const SHOWN_CHARS: usize = 180;
/// How much of that stands before the first mark.
const BEFORE_CHARS: usize = 60;
/// Stands where something was left out.
const ELLIPSIS: char = '\u{2026}';

/// A piece of a text with marks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// Its parts, in their order.
    pub parts: Vec<Part>,
}

/// A part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text, plain.
    pub text: String,
    /// Whether it is something that was looked for.
    pub is_match: bool,
}

impl Snippet {
    /// Whether anything in it is marked.
    pub fn has_match(&self) -> bool {
        self.parts.iter().any(|part| part.is_match)
    }

    /// Its text without marks.
    pub fn plain(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    /// As HTML: everything escaped, marks as `<mark>`.
    pub fn html(&self) -> String {
        let mut html = String::new();
        for part in &self.parts {
            html.push_str(if part.is_match { "<mark>" } else { "" });
            for one in part.text.chars() {
                match one {
                    '&' => html.push_str("&amp;"),
                    '<' => html.push_str("&lt;"),
                    '>' => html.push_str("&gt;"),
                    '"' => html.push_str("&quot;"),
                    '\'' => html.push_str("&#39;"),
                    _ => html.push(one),
                }
            }
            html.push_str(if part.is_match { "</mark>" } else { "" });
        }
        html
    }
}

/// The piece of a text around the first of these phrases, or its beginning when none is in it.
pub fn snippet<'a>(text: &str, phrases: impl Iterator<Item = &'a Phrase>) -> Snippet {
    let phrases: Vec<&Phrase> = phrases.collect();
    let found = matches(&words(text, WORDS_MAX), &phrases);
    let begin = found.first().map_or(0, |(start, _)| begin_before(text, *start));
    let end = text
        .get(begin..)
        .and_then(|rest| rest.char_indices().nth(SHOWN_CHARS))
        .map_or(text.len(), |(length, _)| end_after(text, begin + length));
    let mut parts = Vec::new();
    let mut at = begin;
    for (start, stop) in found.into_iter().filter(|(start, _)| *start < end) {
        push(&mut parts, text.get(at..start), false);
        push(&mut parts, text.get(start..stop.min(end)), true);
        at = stop.min(end);
    }
    push(&mut parts, text.get(at..end), false);
    Snippet { parts: framed(parts, begin > 0, end < text.len()) }
}

/// Where the phrases stand, in bytes, from the first to the last and none in another.
fn matches(words: &[Word], phrases: &[&Phrase]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in 0..words.len() {
        let rest = words.get(at..).unwrap_or_default();
        let length = phrases.iter().filter_map(|one| one.length_at(rest.iter().map(|word| word.text.as_str()))).max();
        let Some(last) = length.and_then(|length| rest.get(length - 1)) else { continue };
        let start = rest.first().map_or(last.start, |word| word.start);
        match found.last_mut() {
            Some((_, end)) if start < *end => *end = last.end.max(*end),
            _ => found.push((start, last.end)),
        }
    }
    found
}

/// Where a piece begins that shows what stands at this place: at a word, if there is one near.
fn begin_before(text: &str, start: usize) -> usize {
    let Some(before) = text.get(..start) else { return 0 };
    let Some((earliest, _)) = before.char_indices().rev().nth(BEFORE_CHARS - 1) else { return 0 };
    let rest = before.get(earliest..).unwrap_or_default();
    rest.find(char::is_whitespace).map_or(earliest, |gap| {
        earliest + gap + rest.get(gap..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
    })
}

/// Where a piece ends that may go on up to this place: behind a word, if there is one near.
fn end_after(text: &str, end: usize) -> usize {
    let Some(before) = text.get(..end) else { return text.len() };
    let near = before.char_indices().rev().take(BEFORE_CHARS / 2).find(|(_, one)| one.is_whitespace());
    near.map_or(end, |(at, _)| at)
}

fn push(parts: &mut Vec<Part>, text: Option<&str>, is_match: bool) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        parts.push(Part { text: one_line(text), is_match });
    }
}

/// White space of every kind as one blank, so that a snippet is one line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for one in text.chars() {
        match one.is_whitespace() || one.is_control() {
            true if line.ends_with(' ') => {}
            true => line.push(' '),
            false => line.push(one),
        }
    }
    line
}

fn framed(mut parts: Vec<Part>, is_cut_before: bool, is_cut_after: bool) -> Vec<Part> {
    let gap = || Part { text: ELLIPSIS.to_string(), is_match: false };
    if is_cut_before {
        parts.insert(0, gap());
    }
    if is_cut_after {
        parts.push(gap());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use proptest::prelude::*;

    fn html(text: &str, query: &str) -> String {
        snippet(text, parse(query).unwrap().phrases()).html()
    }

    #[test]
    fn what_was_looked_for_is_marked_as_it_was_written() {
        assert_eq!(html("Un Caf\u{e9}, please", "cafe -tea"), "Un <mark>Caf\u{e9}</mark>, please");
        assert_eq!(html("next week, Next Week!", "\"next week\""), "<mark>next week</mark>, <mark>Next Week</mark>!");
        assert_eq!(html("contracts\n \tand\u{7}more", "contr*"), "<mark>contracts</mark> and more");
        assert_eq!(html("\u{6771}\u{4eac}\u{90fd}", "\u{4eac}\u{90fd}"), "\u{6771}<mark>\u{4eac}\u{90fd}</mark>");
        assert_eq!(html("nothing here", "from:olga"), "nothing here");
    }

    #[test]
    fn a_hostile_text_stays_text() {
        let shown = html("<script>alert('x')</script> & \"y\"", "alert");
        assert_eq!(shown, "&lt;script&gt;<mark>alert</mark>(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;");
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_mark() {
        let text = format!("{} needle {}", "hay ".repeat(200), "straw ".repeat(200));
        let shown = snippet(&text, parse("needle").unwrap().phrases());
        let plain = shown.plain();
        assert!(plain.starts_with("\u{2026}hay") && plain.ends_with("straw\u{2026}"), "{plain}");
        assert!(plain.chars().count() <= SHOWN_CHARS + 2 && shown.has_match());
    }

    #[test]
    fn what_overlaps_is_one_mark_and_what_touches_is_two() {
        assert_eq!(html("next week now", "\"next week\" \"week now\""), "<mark>next week now</mark>");
        assert_eq!(html("\u{6771}\u{4eac}", "\u{6771} \u{4eac}"), "<mark>\u{6771}</mark><mark>\u{4eac}</mark>");
        assert!(!snippet("nothing here", parse("else").unwrap().phrases()).has_match());
    }

    #[test]
    fn a_text_without_blanks_near_the_cut_is_cut_where_it_has_to_be() {
        let shown = |text: &str| snippet(text, parse("needle").unwrap().phrases()).plain();
        let dots = ".".repeat(BEFORE_CHARS);
        assert_eq!(shown(&format!("{dots}.needle")), format!("\u{2026}{dots}needle"));
        assert_eq!(shown(&format!("{dots}needle")), format!("{dots}needle"));
        let far = shown(&format!("needle {} {}", "y".repeat(100), "x".repeat(200)));
        assert_eq!(far.chars().count(), SHOWN_CHARS + 1, "{far}");
    }

    proptest! {
        #[test]
        fn every_text_can_be_shown(text in "[\\u{0}-\\u{10FFFF}]{0,400}", word in "[a-z]{1,2}") {
            let shown = snippet(&text, parse(&word).unwrap().phrases());
            prop_assert!(shown.plain().chars().count() <= SHOWN_CHARS + 2 + 400);
            let html = shown.html().replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!html.contains('<') && !html.contains('>'));
        }

        #[test]
        fn a_word_of_the_text_is_marked(before in "[a-m ]{0,300}", after in "[a-m ]{0,300}") {
            let shown = snippet(&format!("{before} needle {after}"), parse("needle").unwrap().phrases());
            prop_assert!(shown.has_match());
        }
    }
}
