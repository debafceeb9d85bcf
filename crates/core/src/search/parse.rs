//! Reads a question: words, "phrases", beginnings*, -exclusions, and what is asked of a message besides.
//!
//! `docs/SEARCH.md` is the grammar. What is not understood is an error that names the place, never a guess; a colon that
//! belongs to no operator and every other sign are only gaps between words.

use std::str::FromStr;

use super::date;
use super::fold::{self, Kind};
use super::query::{Clause, Phrase, Query, What, Whom};
use super::words::{words, words_alone};

/// Longest question, in characters.
const QUERY_CHARS_MAX: usize = 256;
/// Most things that one question asks.
const TERMS_MAX: usize = 16;
/// Shortest beginning of a word that is looked for, in characters: shorter ones begin half of a mailbox.
const PREFIX_CHARS_MIN: usize = 3;

/// Why a question is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at character {position})")]
pub struct QueryError {
    /// The character where the mistake is, counted from 1.
    pub position: usize,
    /// What is wrong, and what to do.
    pub what: String,
    /// Whether it is understood, but asks for too much.
    pub is_too_complex: bool,
}

/// Reads a question.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    placed(text).map(|(query, _)| query)
}

/// Where one of the clauses of a question begins, counted from the first one: a character, counted from 1.
pub fn position_of(text: &str, clause: usize) -> Option<usize> {
    placed(text).ok()?.1.get(clause).copied()
}

/// Reads a question, and where each of its clauses begins.
fn placed(text: &str) -> Result<(Query, Vec<usize>), QueryError> {
    if text.chars().count() > QUERY_CHARS_MAX {
        let what = format!("the query is too long: at most {QUERY_CHARS_MAX} characters");
        return Err(too_complex(QUERY_CHARS_MAX + 1, what));
    }
    let mut reader = Reader { all: text.chars().collect(), at: 0 };
    let (mut query, mut positions) = (Query::default(), Vec::new());
    while let Some(begin) = reader.next_begin() {
        let is_negated = reader.takes_minus();
        match reader.operator() {
            Some(operator) => reader.value(operator, is_negated, begin, &mut query)?,
            None => reader.text(is_negated, &mut query)?,
        }
        positions.resize(query.clauses.len(), begin + 1);
        if query.clauses.len() > TERMS_MAX {
            return Err(too_complex(
                begin + 1,
                format!("the query asks too much: at most {TERMS_MAX} words or filters"),
            ));
        }
    }
    if query.clauses.is_empty() && query.after.is_none() && query.before.is_none() {
        return Err(wrong(1, "there is nothing to search for: give a word of at least one letter or digit"));
    }
    Ok((query, positions))
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        parse(text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    From,
    In,
    Before,
    After,
    Has,
    Is,
}

const OPERATORS: [(&str, Operator); 6] = [
    ("from:", Operator::From),
    ("in:", Operator::In),
    ("before:", Operator::Before),
    ("after:", Operator::After),
    ("has:", Operator::Has),
    ("is:", Operator::Is),
];

struct Reader {
    all: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.all.get(self.at).copied()
    }

    /// Passes over blanks; where the next item begins.
    fn next_begin(&mut self) -> Option<usize> {
        while self.peek()?.is_whitespace() {
            self.at += 1;
        }
        Some(self.at)
    }

    /// A minus; one that stands alone is a dash and has nothing to exclude.
    fn takes_minus(&mut self) -> bool {
        let takes = self.peek() == Some('-');
        self.at += usize::from(takes);
        takes
    }

    fn operator(&mut self) -> Option<Operator> {
        let rest = self.all.get(self.at..)?;
        let (name, operator) = OPERATORS.iter().find(|(name, _)| {
            rest.len() >= name.len() && name.chars().zip(rest).all(|(a, b)| a == b.to_ascii_lowercase())
        })?;
        self.at += name.len();
        Some(*operator)
    }

    /// What stands between quotes here, without them; `None` when there is no quote.
    fn quoted(&mut self) -> Result<Option<String>, QueryError> {
        if self.peek() != Some('"') {
            return Ok(None);
        }
        let begin = self.at + 1;
        let length = self.all.iter().skip(begin).position(|one| *one == '"');
        let length =
            length.ok_or_else(|| wrong(begin, "this quote is not closed: add a \" at the end of the phrase"))?;
        self.at = begin + length + 1;
        Ok(Some(self.all.iter().skip(begin).take(length).collect()))
    }

    /// What stands here up to a blank or a quote.
    fn bare(&mut self) -> String {
        let rest = self.all.iter().skip(self.at);
        let bare: Vec<char> = rest.copied().take_while(|one| !one.is_whitespace() && *one != '"').collect();
        self.at += bare.len();
        bare.into_iter().collect()
    }

    fn text(&mut self, is_negated: bool, query: &mut Query) -> Result<(), QueryError> {
        let begin = self.at;
        let (piece, has_star) = match self.quoted()? {
            Some(phrase) => {
                let has_star = self.peek() == Some('*');
                self.at += usize::from(has_star);
                (phrase, has_star)
            }
            None => {
                let bare = self.bare();
                let stem = bare.trim_end_matches('*');
                (stem.to_owned(), stem.len() < bare.len())
            }
        };
        let found = words(&piece, QUERY_CHARS_MAX);
        let is_at_end = found.last().is_some_and(|word| word.end == piece.len());
        let found: Vec<String> = found.into_iter().map(|word| word.text).collect();
        let is_prefix = match (has_star, found.last()) {
            (false, _) => false,
            (true, Some(last)) if is_at_end => is_prefix(last).ok_or_else(|| {
                let what = format!("give at least {PREFIX_CHARS_MIN} letters before *");
                too_complex(begin + 1, what)
            })?,
            (true, _) => return Err(wrong(begin + 1, "there is no word before *: put * at the end of a word")),
        };
        if !found.is_empty() {
            query.clauses.push(Clause { is_negated, what: What::Text(Phrase { words: found, is_prefix }) });
        }
        Ok(())
    }

    fn value(
        &mut self,
        operator: Operator,
        is_negated: bool,
        begin: usize,
        query: &mut Query,
    ) -> Result<(), QueryError> {
        let here = self.at + 1;
        let quoted = self.quoted()?;
        let is_quoted = quoted.is_some();
        let value = quoted.unwrap_or_else(|| self.bare());
        let what = match operator {
            Operator::From if !is_quoted && value.eq_ignore_ascii_case("me") => What::From(Whom::Me),
            Operator::From => What::From(Whom::Named(name(&value, here, "from: needs a name, for example from:olga")?)),
            Operator::In => What::In(name(&value, here, "in: needs a name or a title, for example in:olga")?),
            Operator::Has => match value.to_ascii_lowercase().as_str() {
                "attachment" | "attachments" => What::HasAttachment,
                _ => return Err(wrong(here, "has: knows only has:attachment")),
            },
            Operator::Is => match value.to_ascii_lowercase().as_str() {
                "unread" => What::Unread,
                _ => return Err(wrong(here, "is: knows only is:unread")),
            },
            Operator::Before | Operator::After if is_negated => {
                return Err(wrong(begin + 1, "a date cannot be excluded: after: is the other side of before:"));
            }
            Operator::Before | Operator::After => {
                let at = date::begin_of(&value);
                let at = at.ok_or_else(|| wrong(here, "give a date as 2024-05-17, 2024-05 or 2024"))?;
                match operator {
                    Operator::Before => query.before = Some(query.before.map_or(at, |other| other.min(at))),
                    _ => query.after = Some(query.after.map_or(at, |other| other.max(at))),
                }
                return Ok(());
            }
        };
        query.clauses.push(Clause { is_negated, what });
        Ok(())
    }
}

/// Whether a word with a star has to be looked for as a beginning; `None` when it is too short. A character that is a
/// word of its own does not go on.
fn is_prefix(word: &str) -> Option<bool> {
    match word.chars().next().map(fold::kind) {
        Some(Kind::Letter) => (word.chars().count() >= PREFIX_CHARS_MIN).then_some(true),
        _ => Some(false),
    }
}

fn name(value: &str, position: usize, what: &str) -> Result<Vec<String>, QueryError> {
    let found = words_alone(value, QUERY_CHARS_MAX);
    if found.is_empty() { Err(wrong(position, what)) } else { Ok(found) }
}

fn wrong(position: usize, what: &str) -> QueryError {
    QueryError { position, what: what.to_owned(), is_too_complex: false }
}

fn too_complex(position: usize, what: String) -> QueryError {
    QueryError { position, what, is_too_complex: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        parse(text).map_or_else(|error| format!("{}: {}", error.position, error.what), |query| query.to_string())
    }

    fn place(text: &str) -> Option<usize> {
        parse(text).err().map(|error| error.position)
    }

    #[test]
    fn each_part_of_a_question_is_understood() {
        assert_eq!(shown("Caf\u{e9}  contract*"), "cafe contract*");
        assert_eq!(shown("\"Next week\" -\"of course\" -spam"), "\"next week\" -\"of course\" -spam");
        assert_eq!(shown("FROM:me in:\"Olga Test\" from:Olga"), "from:me in:\"olga test\" from:\"olga\"");
        assert_eq!(shown("has:attachment -is:unread"), "has:attachment -is:unread");
        assert_eq!(shown("a before:2024-05 after:2023"), "a after:2023-01-01 before:2024-05-01");
        assert_eq!(shown("after:2023 after:2024-02-29 before:2025 before:2026"), "after:2024-02-29 before:2025-01-01");
    }

    #[test]
    fn signs_that_mean_nothing_are_gaps() {
        assert_eq!(shown("olga@example.org"), "\"olga example org\"");
        assert_eq!(shown("https://example.org/x"), "\"https example org x\"");
        assert_eq!(shown("foo - bar & NEAR( ^baz {col}:qux"), "foo bar near baz \"col qux\"");
        assert_eq!(shown("- foo -"), "foo");
        assert_eq!(shown("\u{6771}\u{4eac}*"), "\"\u{6771} \u{4eac}\"");
        assert_eq!(shown("from:\"me\""), "from:\"me\"");
        assert_eq!("from:me !".parse::<Query>(), parse("from:me"));
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        assert_eq!(place("hello \"world"), Some(7));
        assert_eq!(place("   "), Some(1));
        assert_eq!(place("!!!"), Some(1));
        assert_eq!(place("a *"), Some(3));
        assert_eq!(place("a week!*"), Some(3), "the star stands behind no word");
        assert_eq!(place("hello from:"), Some(12));
        assert_eq!(place("has:money"), Some(5));
        assert_eq!(place("is:read"), Some(4));
        assert_eq!(place("\u{1f44d} before:soon"), Some(10));
        assert_eq!(place("x -before:2024"), Some(3));
        assert_eq!(place("hello \"ab\"*"), Some(7));
    }

    #[test]
    fn each_clause_has_a_place() {
        let text = "\"from:x\" after:2024 - -from:\u{e9} in:b";
        let places: Vec<usize> = (0..4).filter_map(|clause| position_of(text, clause)).collect();
        assert_eq!(places, [1, 23, 31]);
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        let is_too_complex = |text: &str| parse(text).is_err_and(|error| error.is_too_complex);
        assert!(is_too_complex("a*"));
        assert!(is_too_complex(&"OR ".repeat(80)));
        assert!(is_too_complex(&"x".repeat(QUERY_CHARS_MAX + 1)));
        assert!(parse(&"x ".repeat(TERMS_MAX)).is_ok());
        assert!(is_too_complex(&"x ".repeat(TERMS_MAX + 1)));
        assert_eq!(place(&"x ".repeat(TERMS_MAX + 1)), Some(2 * TERMS_MAX + 1), "the first one too many");
        assert!(parse(&"x".repeat(QUERY_CHARS_MAX)).is_ok());
        assert_eq!(place(&"x".repeat(QUERY_CHARS_MAX + 1)), Some(QUERY_CHARS_MAX + 1), "the first one too many");
    }

    proptest! {
        #[test]
        fn nothing_that_is_asked_breaks_it(text in "[\\u{0}-\\u{10FFFF}]{0,300}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_was_understood_reads_as_the_same_question(
            text in "((-)?(from:|in:|has:|is:|after:|before:)?(\"[a-z\u{c0}-\u{24f}\u{4e00}-\u{4e10} ]{0,9}\"|[a-z0-9:.\u{391}-\u{3c9}*-]{0,9}|2024-05|attachment|unread) ){0,6}"
        ) {
            if let Ok(query) = parse(&text) {
                prop_assert_eq!(parse(&query.to_string()), Ok(query));
            }
        }

        #[test]
        fn a_mistake_stands_inside_or_right_behind(text in "[ a-z\"*:!\\-]{0,40}|(from:|is:|has:)[a-z]{0,3}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.position >= 1 && error.position <= text.chars().count() + 1);
            }
        }
    }
}
