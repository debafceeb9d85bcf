//! A text as words: what is indexed, what is looked for, and what is marked in a hit.
//!
//! Words are runs of letters and digits without case and accents. Scripts that write no blanks (Chinese, Japanese,
//! Korean, Thai and others) and symbols give one word a character: a text of them is found as a phrase, wherever it
//! begins. The place of each word in the text is kept, so that a hit can be marked in what was really written.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::fold::{Kind, is_jamo, kind, push_folded};

/// Longest word, in bytes; a longer one is cut, in texts and questions alike.
const WORD_BYTES_MAX: usize = 64;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word as it is compared.
    pub text: String,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

/// The words of a text, so many at most.
pub fn words(text: &str, most: usize) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, one)) = rest.next() {
        if found.len() >= most {
            break;
        }
        let kind = kind(one);
        let is_part = |next: char| match self::kind(next) {
            Kind::Mark | Kind::Ignored => true,
            Kind::Letter => kind == Kind::Letter,
            Kind::Single => is_jamo(one) && is_jamo(next),
            Kind::Symbol | Kind::Gap => false,
        };
        if !matches!(kind, Kind::Letter | Kind::Single | Kind::Symbol) {
            continue;
        }
        let mut end = start + one.len_utf8();
        while let Some((at, next)) = rest.next_if(|(_, next)| is_part(*next)) {
            end = at + next.len_utf8();
        }
        let Some(piece) = text.get(start..end) else { continue };
        match kind {
            Kind::Letter => push(&mut found, folded(piece), start, end),
            Kind::Symbol => push(&mut found, one.to_string(), start, end),
            _ => singles(piece).into_iter().for_each(|single| push(&mut found, single, start, end)),
        }
    }
    found.truncate(most);
    found
}

/// The words of a text without their places.
pub fn words_alone(text: &str, most: usize) -> Vec<String> {
    words(text, most).into_iter().map(|word| word.text).collect()
}

fn push(found: &mut Vec<Word>, text: String, start: usize, end: usize) {
    if !text.is_empty() {
        found.push(Word { text, start, end });
    }
}

fn folded(piece: &str) -> String {
    let mut folded = String::with_capacity(piece.len());
    for one in piece.chars().filter(|one| kind(*one) != Kind::Ignored) {
        push_folded(&mut folded, one);
        if folded.len() >= WORD_BYTES_MAX {
            let cut = (0..=WORD_BYTES_MAX).rev().find(|at| folded.is_char_boundary(*at)).unwrap_or(0);
            folded.truncate(cut);
            break;
        }
    }
    folded
}

/// The characters of a piece, composed, each with the marks that belong to it.
fn singles(piece: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for one in piece.chars().filter(|one| kind(*one) != Kind::Ignored).nfkd().nfc() {
        match found.last_mut() {
            Some(last) if is_combining_mark(one) => last.extend((last.len() < WORD_BYTES_MAX).then_some(one)),
            _ if one.is_alphanumeric() => found.push(one.to_lowercase().collect()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Vec<String> {
        words_alone(text, 100)
    }

    #[test]
    fn case_accents_and_widths_do_not_matter() {
        assert_eq!(of("Caf\u{e9} CAFE\u{301} \u{ff23}afe"), ["cafe", "cafe", "cafe"]);
        assert_eq!(
            of("Stra\u{df}e STRASSE S\u{f8}ren \u{141}ukasz \u{130}zmir"),
            ["strasse", "strasse", "soren", "lukasz", "izmir"]
        );
        assert_eq!(
            of("\u{39f}\u{394}\u{39f}\u{3a3} \u{3bf}\u{3b4}\u{3cc}\u{3c2}"),
            ["\u{3bf}\u{3b4}\u{3bf}\u{3c3}"; 2]
        );
    }

    #[test]
    fn letters_of_northern_and_eastern_europe_are_found_by_plain_ones() {
        let text = "\u{c6}on \u{152}uvre \u{de}or m\u{f0} \u{111}a \u{126}al \u{131}rmak";
        assert_eq!(of(text), ["aeon", "oeuvre", "thor", "md", "da", "hal", "irmak"]);
    }

    #[test]
    fn scripts_without_blanks_give_one_word_a_character() {
        assert_eq!(of("\u{6771}\u{4eac}Tower"), ["\u{6771}", "\u{4eac}", "tower"]);
        // Voiced kana, composed, decomposed, and of half width.
        assert_eq!(of("\u{304c}"), ["\u{304c}"]);
        assert_eq!(of("\u{304b}\u{3099}"), ["\u{304c}"]);
        assert_eq!(of("\u{ff76}\u{ff9e}"), ["\u{30ac}"]);
        assert_eq!(of("\u{e01}\u{e48}\u{e02}"), ["\u{e01}\u{e48}", "\u{e02}"]);
        // Each stands in its own place, also behind a part of a Korean syllable.
        let places: Vec<_> = words("\u{1112}\u{6771}", 9).into_iter().map(|word| (word.start, word.end)).collect();
        assert_eq!(places, [(0, 3), (3, 6)]);
        // A Korean syllable, composed and decomposed.
        assert_eq!(of("\u{d55c}\u{ae00}"), ["\u{d55c}", "\u{ae00}"]);
        assert_eq!(of("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"), ["\u{d55c}", "\u{ae00}"]);
    }

    #[test]
    fn symbols_are_words_and_their_variants_are_one() {
        assert_eq!(of("ok\u{1f44d}\u{1f3fd}!"), ["ok", "\u{1f44d}"]);
        assert_eq!(of("\u{2764}\u{fe0f} \u{20ac}5"), ["\u{2764}", "\u{20ac}", "5"]);
        // A family is its members; a flag is two letters.
        assert_eq!(of("\u{1f468}\u{200d}\u{1f469}"), ["\u{1f468}", "\u{1f469}"]);
        assert_eq!(of("\u{1f1e9}\u{1f1ea}"), ["\u{1f1e9}", "\u{1f1ea}"]);
    }

    #[test]
    fn punctuation_cuts_and_marks_that_matter_stay() {
        assert_eq!(of("olga@example.org don't a_b"), ["olga", "example", "org", "don", "t", "a", "b"]);
        assert_eq!(of("\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}").len(), 1);
        assert_eq!(of("\u{928}\u{93f} \u{928}"), ["\u{928}\u{93f}", "\u{928}"]);
        assert_eq!(of("\u{928}\u{94d}\u{926}"), ["\u{928}\u{94d}\u{926}"]);
        assert_eq!(of("co\u{ad}op"), ["coop"]);
        assert!(of(" .,;!\u{2014} \u{300}").is_empty());
    }

    #[test]
    fn a_long_word_is_cut_and_many_words_are_counted() {
        let long = "\u{4e0}".repeat(500);
        assert!(of(&long)[0].len() <= WORD_BYTES_MAX);
        assert_eq!(words("a b c d", 2).len(), 2);
        // Letters of three bytes, of which none ends where the longest word does.
        assert_eq!(of(&"\u{915}".repeat(50))[0].len(), 63);
        // A character that is a word, with more marks than any script writes.
        assert_eq!(of(&format!("\u{20000}{}", "\u{e48}".repeat(100)))[0].len(), WORD_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn a_word_is_plain_and_stands_where_it_says(text in "\\PC{0,60}|[\\u{0}-\\u{10FFFF}]{0,60}") {
            let mut before = 0;
            for word in words(&text, 1_000) {
                prop_assert!(word.start >= before || word.start < word.end);
                prop_assert!(text.get(word.start..word.end).is_some());
                prop_assert!(!word.text.is_empty() && word.text.len() <= WORD_BYTES_MAX + 8);
                let is_plain = |one: char| one.is_ascii_alphanumeric() || !one.is_ascii();
                let mark = char::from_u32(0xF8FF).unwrap();
                prop_assert!(word.text.chars().all(|one| is_plain(one) && one != mark));
                prop_assert!(!word.text.chars().any(|one| one.is_ascii_uppercase()));
                before = word.start;
            }
        }

        #[test]
        fn letters_are_found_whatever_their_case(text in "[a-zA-Z\u{c0}-\u{17f} ]{0,40}") {
            prop_assert_eq!(of(&text.to_lowercase()), of(&text));
        }
    }
}
