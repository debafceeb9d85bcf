//! What a character is to search, and what is left of it when case, accents and widths do not matter.
//!
//! A table of the few ranges that matter, not of all of Unicode. What comes out may hold letters, digits, marks that
//! change a letter's meaning, and symbols; never ASCII punctuation or white space, which cut words in the databases.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What a character is to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A letter or digit of a script that writes words apart.
    Letter,
    /// A character of a script that does not: each is a word.
    Single,
    /// An emoji, arrow, currency sign: each is a word.
    Symbol,
    /// It belongs to the character before.
    Mark,
    /// It is passed over and ends nothing.
    Ignored,
    /// It ends a word.
    Gap,
}

pub(super) fn kind(one: char) -> Kind {
    match one {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Kind::Letter,
        '\0'..='\u{7F}' => Kind::Gap,
        // Soft hyphen, joiners, variation selectors, skin tones, tags of flags.
        '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{FE00}'..='\u{FE0F}' => Kind::Ignored,
        '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E01EF}' | '\u{20E3}' | '\u{640}' => Kind::Ignored,
        // Voiced sound marks of half width are letters to Unicode.
        '\u{FF9E}' | '\u{FF9F}' => Kind::Mark,
        _ if is_combining_mark(one) => Kind::Mark,
        _ if is_single(one) && one.is_alphanumeric() => Kind::Single,
        _ if one.is_alphanumeric() => Kind::Letter,
        _ if is_symbol(one) => Kind::Symbol,
        _ => Kind::Gap,
    }
}

/// Parts of Korean syllables, which come one by one when a text was decomposed.
pub(super) fn is_jamo(one: char) -> bool {
    matches!(one, '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{D7B0}'..='\u{D7FF}')
}

fn is_single(one: char) -> bool {
    matches!(one,
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{1100}'..='\u{11FF}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{3130}'..='\u{318F}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FFDC}' | '\u{20000}'..='\u{3FFFF}')
}

fn is_symbol(one: char) -> bool {
    matches!(one,
        '\u{A2}'..='\u{A5}' | '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{20A0}'..='\u{20CF}' | '\u{2122}'
        | '\u{2139}' | '\u{2190}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{1F000}'..='\u{1FBFF}')
}

/// Marks that are written or left out at will: accents, Hebrew points, Arabic vowel signs.
fn is_dropped_mark(one: char) -> bool {
    matches!(one,
        '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5C7}' | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}'
        | '\u{6D6}'..='\u{6ED}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}')
}

/// Writes what is left of a letter or a mark behind it.
pub(super) fn push_folded(folded: &mut String, one: char) {
    if one.is_ascii() {
        folded.push(one.to_ascii_lowercase());
        return;
    }
    // Small letters first and last: a letter may decompose to a capital one, and a capital one to a letter and a mark.
    for part in one.nfkd().flat_map(char::to_lowercase).nfkd() {
        match part {
            _ if is_dropped_mark(part) => {}
            '\u{DF}' => folded.push_str("ss"),
            '\u{E6}' => folded.push_str("ae"),
            '\u{153}' => folded.push_str("oe"),
            '\u{FE}' => folded.push_str("th"),
            '\u{F8}' => folded.push('o'),
            '\u{F0}' | '\u{111}' => folded.push('d'),
            '\u{142}' => folded.push('l'),
            '\u{127}' => folded.push('h'),
            '\u{131}' => folded.push('i'),
            // The sigma at the end of a word.
            '\u{3C2}' => folded.push('\u{3C3}'),
            _ if part.is_alphanumeric() || (is_combining_mark(part) && !folded.is_empty()) => folded.push(part),
            _ => {}
        }
    }
}
