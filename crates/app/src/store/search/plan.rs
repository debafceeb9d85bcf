//! A question as both databases can be asked it: lists of words and marks, and the stretch of places where they are looked
//! for.
//!
//! Pure. Whatever was asked, nothing but words and marks may reach a database as a condition.

use threadkeep_core::message::MessageFormat;
use threadkeep_core::search::Phrase;

use super::entry;
use crate::store::dialect::SearchForm;
use crate::store::rows::{MESSAGE, PERSON};
use crate::store::statement::{Statement, Value, push_marks};

/// What a hit is made of; the place and the keys stand before.
const HIT: &str = "a.id, c.id, c.pk, CASE WHEN m.sender_id = a.member_id THEN 1 ELSE 0 END";

/// A question as both databases can be asked it.
#[derive(Default)]
pub(super) struct Plan {
    /// The accounts that are asked.
    pub(super) account_pks: Vec<i64>,
    /// All of these: each a list of which one has to be there.
    pub(super) all: Vec<Vec<Term>>,
    /// None of these.
    pub(super) none: Vec<Term>,
    /// Whether a mailbox has to have it unread, or must not.
    pub(super) unread: Vec<bool>,
    /// Whether rows have to be looked at that are no hits, which the index alone does not tell.
    pub(super) is_sifted: bool,
    /// What is looked for stands above this place.
    pub(super) above: i64,
    /// And not behind this one.
    pub(super) up_to: i64,
    /// Fences after which a page ends.
    pub(super) fences_max: i64,
}

/// Something that can stand in the index.
#[derive(Clone)]
pub(super) enum Term {
    /// What is told of a message.
    Mark(String),
    /// What stands in it.
    Words(Phrase),
}

impl Plan {
    /// Whether the database stops by itself when the page is full, at no more cost than that of the index.
    pub(super) fn is_asked_in_one(&self, form: SearchForm) -> bool {
        form == SearchForm::Fts5 && !self.all.is_empty() && !self.is_sifted
    }

    /// Asks for what is in a stretch of places.
    pub(super) fn statement(&self, form: SearchForm, above: i64, up_to: i64, limit: usize) -> Statement {
        let mut text = format!("SELECT s.place, {HIT}, {PERSON}, {MESSAGE} FROM ");
        let mut values = Vec::new();
        let condition = self.condition(form);
        // The index is walked in the order of its places, and each row of it leads to a message by keys.
        let place = if condition.is_some() { "f.rowid" } else { "s.place" };
        text.push_str(match condition {
            Some(_) => "search_index f JOIN search_rows s ON s.place = f.rowid ",
            None => "search_rows s ",
        });
        text.push_str(
            "JOIN messages m ON m.account_pk = s.account_pk AND m.id = s.message_id \
             JOIN conversations c ON c.pk = m.conversation_pk JOIN accounts a ON a.pk = m.account_pk \
             LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id WHERE ",
        );
        if let Some(condition) = condition {
            text.push_str(match form {
                SearchForm::Fts5 => "f.words MATCH ? AND ",
                SearchForm::TsVector => "f.words @@ CAST(? AS tsquery) AND ",
            });
            values.push(Value::from(condition));
        }
        // What was taken back is still a row, and stands in the index with its sender, its subject and its conversation.
        text.push_str(&format!(
            "{place} > ? AND {place} <= ? AND m.is_deleted = 0 AND m.format <> ? AND c.is_deleted = 0"
        ));
        values.extend([above.into(), up_to.into(), MessageFormat::Recalled.as_str().into()]);
        // The index has left out other accounts, unless one was added a moment ago; the plus keeps it the one that leads.
        text.push_str(" AND +s.account_pk IN (");
        push_marks(&mut text, self.account_pks.len());
        text.push(')');
        values.extend(self.account_pks.iter().map(|pk| Value::from(*pk)));
        for is_unread in &self.unread {
            text.push_str(match is_unread {
                true => " AND (c.is_read = 0 OR c.unread_count > 0)",
                false => " AND c.is_read <> 0 AND c.unread_count = 0",
            });
        }
        text.push_str(&format!(" ORDER BY {place} LIMIT ?"));
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        Statement::new(text, values)
    }

    /// What has to be in the index, in the words of the database; `None` when nothing has to.
    fn condition(&self, form: SearchForm) -> Option<String> {
        let (or, not) = match form {
            SearchForm::Fts5 => (" OR ", " NOT "),
            SearchForm::TsVector => (" | ", " & !"),
        };
        let any = |terms: &[Term]| {
            let each: Vec<String> = terms.iter().map(|term| term.written(form)).collect();
            format!("({})", each.join(or))
        };
        let lists: Vec<String> = self.all.iter().map(|terms| any(terms)).collect();
        let mut condition = match form {
            SearchForm::Fts5 => two_by_two(lists)?,
            SearchForm::TsVector if lists.is_empty() => return None,
            SearchForm::TsVector => format!("({})", lists.join(" & ")),
        };
        if !self.none.is_empty() {
            condition.push_str(not);
            condition.push_str(&any(&self.none));
        }
        Some(condition)
    }
}

/// All of these for FTS5, which walks the lists of one AND side by side: each is moved on to wherever another one stands, so
/// that the longest is read from end to end. Two by two, a list is only looked at where those before it met. FTS5 makes one
/// AND of several, unless there is something else between them: what nobody has is taken away from what was found.
fn two_by_two(lists: Vec<String>) -> Option<String> {
    let mut lists = lists.into_iter();
    let mut condition = lists.next()?;
    for (number, list) in lists.enumerate() {
        condition = match number {
            0 => format!("({condition} AND {list})"),
            _ => {
                format!("(({condition} NOT {}) AND {list})", Term::Mark(entry::of_nothing()).written(SearchForm::Fts5))
            }
        };
    }
    Some(condition)
}

impl Term {
    /// In the words of the database. Words hold letters, digits and symbols alone: nothing in them needs an escape.
    pub(super) fn written(&self, form: SearchForm) -> String {
        let (words, is_prefix): (&[String], bool) = match self {
            Self::Mark(mark) => (std::slice::from_ref(mark), false),
            Self::Words(phrase) => (&phrase.words, phrase.is_prefix),
        };
        match form {
            SearchForm::Fts5 => format!("\"{}\"{}", words.join(" "), if is_prefix { " *" } else { "" }),
            SearchForm::TsVector => {
                let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
                format!("({}{})", quoted.join(" <-> "), if is_prefix { ":*" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadkeep_core::search::{Clause, Query, What, parse};

    fn written(form: SearchForm, text: &str) -> String {
        let query: Query = parse(text).unwrap();
        let mut plan = Plan::default();
        for Clause { is_negated, what } in query.clauses {
            let What::Text(phrase) = what else { continue };
            match is_negated {
                true => plan.none.push(Term::Words(phrase)),
                false => plan.all.push(vec![Term::Words(phrase)]),
            }
        }
        plan.condition(form).unwrap_or_default()
    }

    #[test]
    fn a_question_is_written_in_the_words_of_each_database() {
        let text = "caf\u{e9} \"next week\" contr* -spam -\"of course\"";
        assert_eq!(
            written(SearchForm::Fts5, text),
            "((((\"cafe\") AND (\"next week\")) NOT \"\u{F8FF}z\") AND (\"contr\" *)) NOT (\"spam\" OR \"of course\")"
        );
        assert_eq!(
            written(SearchForm::TsVector, text),
            "((('cafe')) & (('next' <-> 'week')) & (('contr':*))) & !(('spam') | ('of' <-> 'course'))"
        );
    }

    #[test]
    fn nothing_that_is_asked_is_anything_but_words() {
        for text in ["a' | 'b", "NEAR(a b, 2) OR c", "x\" OR y \"z", "{words}: a ^b", "\\':a & !"] {
            for form in [SearchForm::Fts5, SearchForm::TsVector] {
                let written = written(form, text)
                    .replace(" AND ", "")
                    .replace(" OR ", "")
                    .replace(" NOT ", "")
                    .replace("\u{F8FF}z", "");
                let is_sign = |one: char| !one.is_ascii_alphanumeric() && one.is_ascii();
                let signs: String = written.chars().filter(|one| is_sign(*one)).collect();
                assert!(signs.chars().all(|one| "()\"'&|!<-> ".contains(one)), "{signs}");
                assert!(!written.chars().any(|one| one.is_ascii_uppercase()));
            }
        }
    }
}
