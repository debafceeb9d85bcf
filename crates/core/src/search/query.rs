//! A question as it is understood, whoever asks it: values without any database in them.
//!
//! Written out it reads as a question again, in one form for each meaning; what was understood can be shown to whoever
//! asked.

use std::fmt;

use super::date;
use crate::time::Timestamp;

/// A question: everything in it has to be true of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// What is asked of the message.
    pub clauses: Vec<Clause>,
    /// Only messages from this moment on.
    pub after: Option<Timestamp>,
    /// Only messages before this moment.
    pub before: Option<Timestamp>,
}

/// One thing that is asked, or asked not to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Whether it must not be so.
    pub is_negated: bool,
    /// What.
    pub what: What,
}

/// What can be asked of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It has these words in this order.
    Text(Phrase),
    /// It was written by somebody.
    From(Whom),
    /// It is in a conversation with somebody, or of this title: words that a name or title has.
    In(Vec<String>),
    /// Something is attached to it.
    HasAttachment,
    /// It is in a conversation that is not read.
    Unread,
}

/// Words that stand beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The words, as they are compared.
    pub words: Vec<String>,
    /// Whether the last one may go on.
    pub is_prefix: bool,
}

/// Somebody who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The owner of the mailbox.
    Me,
    /// Whoever has these words in the name.
    Named(Vec<String>),
}

impl Query {
    /// The words that a hit has to have: what is marked in it.
    pub fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        self.clauses.iter().filter(|one| !one.is_negated).filter_map(|one| match &one.what {
            What::Text(phrase) => Some(phrase),
            _ => None,
        })
    }

    /// Whether looking for it costs more than looking up words: then less of the index is looked through for a page.
    pub fn is_heavy(&self) -> bool {
        self.clauses.iter().any(|one| match &one.what {
            What::Text(phrase) => one.is_negated || phrase.is_prefix || phrase.words.len() > 1,
            What::Unread => true,
            _ => one.is_negated,
        })
    }
}

impl Phrase {
    /// How many of these words, from the first one on, are the phrase; `None` when they are another one.
    pub fn length_at<'a>(&self, mut words: impl Iterator<Item = &'a str>) -> Option<usize> {
        let last = self.words.len().checked_sub(1)?;
        let is_there = self.words.iter().enumerate().all(|(at, wanted)| {
            words.next().is_some_and(|word| match self.is_prefix && at == last {
                true => word.starts_with(wanted.as_str()),
                false => word == wanted,
            })
        });
        is_there.then_some(self.words.len())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for clause in &self.clauses {
            write!(formatter, "{gap}{clause}")?;
            gap = " ";
        }
        for (name, at) in [("after", self.after), ("before", self.before)] {
            if let Some(at) = at {
                write!(formatter, "{gap}{name}:{}", date::shown(at))?;
                gap = " ";
            }
        }
        Ok(())
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negated {
            formatter.write_str("-")?;
        }
        match &self.what {
            What::Text(phrase) => {
                match phrase.words.as_slice() {
                    [only] => formatter.write_str(only)?,
                    several => write!(formatter, "\"{}\"", several.join(" "))?,
                }
                formatter.write_str(if phrase.is_prefix { "*" } else { "" })
            }
            What::From(Whom::Me) => formatter.write_str("from:me"),
            What::From(Whom::Named(words)) => write!(formatter, "from:\"{}\"", words.join(" ")),
            What::In(words) => write!(formatter, "in:\"{}\"", words.join(" ")),
            What::HasAttachment => formatter.write_str("has:attachment"),
            What::Unread => formatter.write_str("is:unread"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn plain_words_and_marks_cost_little_and_the_rest_more() {
        for light in ["week", "week from:olga", "from:me", "in:ben", "has:attachment", "week after:2024"] {
            assert!(!parse(light).unwrap().is_heavy(), "{light}");
        }
        for heavy in ["wee*", "\"next week\"", "-week", "is:unread", "-from:me", "week -in:ben", "week -has:attachment"]
        {
            assert!(parse(heavy).unwrap().is_heavy(), "{heavy}");
        }
    }

    #[test]
    fn only_the_last_word_of_a_beginning_goes_on() {
        let length = |query: &str, words: [&str; 2]| {
            let query = parse(query).unwrap();
            query.phrases().next().unwrap().length_at(words.into_iter())
        };
        assert_eq!(length("\"next wee\"*", ["next", "weekend"]), Some(2));
        assert_eq!(length("\"next wee\"*", ["nextdoor", "week"]), None);
        assert_eq!(length("\"next week\"", ["next", "weekend"]), None);
    }
}
