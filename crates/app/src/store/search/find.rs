//! Looks into the index: a question becomes words and marks, and is asked of one stretch of places after the other.
//!
//! Newest first means from the lowest place on. A stretch ends at a fence, of which there is one for so many messages;
//! the next stretch is longer, and a page costs a bounded number of them. So the page of a question that hardly anything
//! answers may end before the mailbox does: it then says where to go on. Nothing is ever ranked.
//!
//! FTS5 gives its places in order and stops when enough are read, but it looks for the end of a stretch only where it finds
//! something, and for the beginning only after the first thing found. So what it alone can answer is asked of it in one.

use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::message::MessageFormat;
use threadkeep_core::search::{Phrase, What, Whom};

use super::{among, entry, place};
use crate::store::dialect::{Dialect, SearchForm};
use crate::store::rows::{self, MESSAGE, PERSON};
use crate::store::statement::{Columns, Statement, Value, for_keys, push_marks, sql};
use crate::store::{Found, Hit, SearchPosition, Searched, SqlStore, StoreResult, Wanted};

/// Hits of one page, whatever is asked for.
const HITS_MAX: u32 = 1_000;
/// How much longer each stretch is than the one before, in fences.
const STRETCH_GROWTH: i64 = 4;
/// Fences after which a page ends: the first is for questions of plain words, the second for those that cost more. It
/// ends with a stretch, so up to 1 + 4 + 16 + 64 + 256 + 1,024 = 1,365 and 1 + 4 + 16 + 64 = 85 are passed.
const FENCES_MAX: (i64, i64) = (512, 32);
/// Unread conversations that are looked up by their marks; of more, what is found is sifted.
const UNREAD_MAX: i64 = 400;
/// No account has this key.
const NOBODY: i64 = -1;

/// What a hit is made of; the place and the keys stand before.
const HIT: &str = "a.id, c.id, c.pk, CASE WHEN m.sender_id = a.member_id THEN 1 ELSE 0 END";

/// A question as both databases can be asked it.
struct Plan {
    /// All of these: each a list of which one has to be there.
    all: Vec<Vec<Term>>,
    /// None of these.
    none: Vec<Term>,
    /// Whether a mailbox has to have it unread, or must not.
    unread: Vec<bool>,
    /// Whether rows have to be looked at that are no hits, which the index alone does not tell.
    is_sifted: bool,
    above: i64,
    up_to: i64,
    fences_max: i64,
}

/// Something that can stand in the index.
#[derive(Clone)]
enum Term {
    Mark(String),
    Words(Phrase),
}

/// Why there is no plan.
enum NoPlan {
    /// Nothing can be found.
    Nothing,
    /// A name in this clause means too many.
    TooMany { operator: &'static str, clause: usize },
}

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn searched(&self, wanted: &Wanted<'_>) -> StoreResult<Searched> {
        let plan = match self.plan(wanted).await? {
            Ok(plan) => plan,
            Err(NoPlan::Nothing) => return Ok(Searched::Found(Found::default())),
            Err(NoPlan::TooMany { operator, clause }) => return Ok(Searched::TooMany { operator, clause }),
        };
        let limit = usize::try_from(wanted.limit.clamp(1, HITS_MAX)).unwrap_or(1);
        let (mut found, next) = self.walk(&plan, limit).await?;
        found.truncate(limit);
        let mut pks: Vec<i64> = found.iter().map(|(_, pk)| *pk).collect();
        pks.sort_unstable();
        pks.dedup();
        let mut conversations = Vec::with_capacity(pks.len());
        if !pks.is_empty() {
            let mut script = Vec::new();
            for_keys(&mut script, "SELECT c.* FROM conversations c WHERE c.pk", "", &[], pks.into_iter());
            for statement in script {
                conversations.extend(self.conversation_rows(statement).await?);
            }
        }
        let hits = found.into_iter().map(|(hit, _)| hit).collect();
        Ok(Searched::Found(Found { hits, conversations, next }))
    }

    /// Asks one stretch after the other until the page is full, the end is reached, or enough was looked through.
    async fn walk(&self, plan: &Plan, limit: usize) -> StoreResult<(Vec<(Hit, i64)>, Option<SearchPosition>)> {
        let mut found: Vec<(Hit, i64)> = Vec::new();
        let (mut above, mut stretch, mut passed) = (plan.above, 1, 0);
        while above < plan.up_to {
            let end = match plan.is_asked_in_one(D::SEARCH) {
                true => plan.up_to,
                false => self.fence(above, plan.up_to, stretch).await?,
            };
            let missing = limit + 1 - found.len();
            let asked = plan.statement(D::SEARCH, above, end, missing);
            for row in self.rows(asked).await? {
                found.push(hit(&mut row.columns("messages"))?);
            }
            if found.len() > limit {
                let last = found.get(limit.saturating_sub(1)).map(|(hit, _)| hit.position);
                return Ok((found, last));
            }
            above = end;
            passed += stretch;
            stretch *= STRETCH_GROWTH;
            if passed >= plan.fences_max && above < plan.up_to {
                return Ok((found, Some(SearchPosition(above))));
            }
        }
        Ok((found, None))
    }

    /// The place of a fence, so many on, or the end of what is looked through.
    async fn fence(&self, above: i64, up_to: i64, count: i64) -> StoreResult<i64> {
        let text = "SELECT f.place FROM search_fences f WHERE f.place > ? ORDER BY f.place LIMIT 1 OFFSET ?";
        let rows = rows::rows(self.db.glance(vec![sql!(text, above, count - 1)]).await?).next();
        let fence = rows.map(|row| row.columns("search_fences").int("place")).transpose()?;
        Ok(fence.map_or(up_to, |fence| fence.min(up_to)))
    }

    async fn plan(&self, wanted: &Wanted<'_>) -> StoreResult<Result<Plan, NoPlan>> {
        let (account_pks, is_everybody) = self.mailboxes(wanted.accounts).await?;
        if account_pks.is_empty() {
            return Ok(Err(NoPlan::Nothing));
        }
        let query = wanted.query;
        let (above, up_to) = place::range(query.after, query.before);
        let above = wanted.after.map_or(above, |position| above.max(position.0));
        let fences_max = if query.is_heavy() { FENCES_MAX.1 } else { FENCES_MAX.0 };
        let mut plan =
            Plan { all: Vec::new(), none: Vec::new(), unread: Vec::new(), is_sifted: false, above, up_to, fences_max };
        for (number, clause) in query.clauses.iter().enumerate() {
            let terms = match self.terms(&account_pks, &clause.what).await? {
                Ok(terms) => terms,
                Err(operator) => return Ok(Err(NoPlan::TooMany { operator, clause: number })),
            };
            match terms {
                None => plan.unread.push(!clause.is_negated),
                Some(terms) if clause.is_negated => plan.none.extend(terms),
                Some(terms) if terms.is_empty() => return Ok(Err(NoPlan::Nothing)),
                Some(terms) => plan.all.push(terms),
            }
        }
        if plan.unread.contains(&true)
            && let Some(pks) = self.unread(&account_pks).await?
        {
            if pks.is_empty() {
                return Ok(Err(NoPlan::Nothing));
            }
            plan.all.push(pks.into_iter().map(|pk| Term::Mark(entry::of_conversation(pk))).collect());
        } else {
            plan.is_sifted = !plan.unread.is_empty();
        }
        // What must not be there is looked for among what must.
        if !is_everybody || (plan.all.is_empty() && !plan.none.is_empty()) {
            let mailboxes = account_pks.iter().map(|pk| Term::Mark(entry::of_account(*pk)));
            plan.all.insert(0, mailboxes.collect());
        }
        Ok(Ok(plan))
    }

    /// What of the index a clause asks for, `None` for what is not in it; else the operator whose name means too many.
    async fn terms(&self, account_pks: &[i64], what: &What) -> StoreResult<Result<Option<Vec<Term>>, &'static str>> {
        Ok(Ok(Some(match what {
            What::Unread => return Ok(Ok(None)),
            What::Text(phrase) => vec![Term::Words(phrase.clone())],
            What::HasAttachment => vec![Term::Mark(entry::with_attachment())],
            What::From(Whom::Me) => vec![Term::Mark(entry::of_owner())],
            What::From(Whom::Named(words)) => match self.people_named(account_pks, words).await? {
                Some(people) => people.iter().map(|(_, id)| Term::Mark(entry::of_sender(id))).collect(),
                None => return Ok(Err("from:")),
            },
            What::In(words) => match self.conversations_named(account_pks, words).await? {
                Some(pks) => pks.into_iter().map(|pk| Term::Mark(entry::of_conversation(pk))).collect(),
                None => return Ok(Err("in:")),
            },
        })))
    }

    /// Conversations that are not read; `None` when they are too many to be looked up one by one. Without them a page
    /// of what is unread would read one row after the other of millions.
    async fn unread(&self, account_pks: &[i64]) -> StoreResult<Option<Vec<i64>>> {
        let mut text = String::from(
            "SELECT c.pk FROM conversations c WHERE c.is_deleted = 0 AND (c.is_read = 0 OR c.unread_count > 0) \
             AND c.account_pk IN (",
        );
        push_marks(&mut text, account_pks.len());
        text.push_str(") LIMIT ?");
        let mut values: Vec<Value> = account_pks.iter().map(|pk| Value::from(*pk)).collect();
        values.push((UNREAD_MAX + 1).into());
        let rows = self.rows(Statement::new(text, values)).await?;
        if i64::try_from(rows.len()).is_ok_and(|count| count > UNREAD_MAX) {
            return Ok(None);
        }
        rows.into_iter().map(|row| row.columns("conversations").int("pk")).collect::<StoreResult<_>>().map(Some)
    }

    /// The keys of accounts, and whether there are no others.
    async fn mailboxes(&self, accounts: &[AccountId]) -> StoreResult<(Vec<i64>, bool)> {
        let mut text = String::from("SELECT a.pk, (SELECT COUNT(*) FROM accounts) FROM accounts a WHERE a.id IN (");
        let mut values = Vec::new();
        among(&mut text, &mut values, accounts);
        let (mut pks, mut count) = (Vec::new(), NOBODY);
        for row in rows::rows(self.db.glance(vec![Statement::new(text, values)]).await?) {
            let mut row = row.columns("accounts");
            pks.push(row.int("pk")?);
            count = row.int("count")?;
        }
        let is_everybody = i64::try_from(pks.len()).is_ok_and(|length| length == count);
        Ok((pks, is_everybody))
    }
}

impl Plan {
    /// Whether the database stops by itself when the page is full, at no more cost than that of the index.
    fn is_asked_in_one(&self, form: SearchForm) -> bool {
        form == SearchForm::Fts5 && !self.all.is_empty() && !self.is_sifted
    }

    /// Asks for what is in a stretch of places.
    fn statement(&self, form: SearchForm, above: i64, up_to: i64, limit: usize) -> Statement {
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
        if self.all.is_empty() {
            return None;
        }
        let (and, or, not) = match form {
            SearchForm::Fts5 => (" AND ", " OR ", " NOT "),
            SearchForm::TsVector => (" & ", " | ", " & !"),
        };
        let any = |terms: &[Term]| {
            let each: Vec<String> = terms.iter().map(|term| term.written(form)).collect();
            format!("({})", each.join(or))
        };
        let all: Vec<String> = self.all.iter().map(|terms| any(terms)).collect();
        let mut condition = format!("({})", all.join(and));
        if !self.none.is_empty() {
            condition.push_str(not);
            condition.push_str(&any(&self.none));
        }
        Some(condition)
    }
}

impl Term {
    /// In the words of the database. Words hold letters, digits and symbols alone: nothing in them needs an escape.
    fn written(&self, form: SearchForm) -> String {
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

fn hit(row: &mut Columns) -> StoreResult<(Hit, i64)> {
    let position = SearchPosition(row.int("place")?);
    let account: AccountId = row.id("account")?;
    let conversation: ConversationId = row.id("conversation")?;
    let pk = row.int("pk")?;
    let is_mine = row.flag("is_mine")?;
    let sender = person(row)?;
    let message = rows::message(row, conversation)?;
    Ok((Hit { account, position, message, sender, is_mine }, pk))
}

/// Somebody, where there is one: all columns are null otherwise.
fn person(row: &mut Columns) -> StoreResult<Option<threadkeep_core::person::Person>> {
    let id = row.id_or_null("id")?;
    let kind = row.text_or_null("kind")?.unwrap_or_default();
    let mut told = |column| row.text_or_null(column);
    let (first_name, last_name) = (told("first_name")?, told("last_name")?);
    let (headline, profile_url, picture_url) = (told("headline")?, told("profile_url")?, told("picture_url")?);
    let (distance, backend_urn) = (told("distance")?, told("backend_urn")?);
    Ok(id.map(|id| threadkeep_core::person::Person {
        id,
        kind: threadkeep_core::person::PersonKind::from_name(&kind),
        first_name: first_name.unwrap_or_default(),
        last_name: last_name.unwrap_or_default(),
        headline,
        profile_url,
        picture_url,
        distance,
        backend_urn,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadkeep_core::search::{Clause, Query, parse};

    fn written(form: SearchForm, text: &str) -> String {
        let query: Query = parse(text).unwrap();
        let mut plan = Plan {
            all: Vec::new(),
            none: Vec::new(),
            unread: Vec::new(),
            is_sifted: false,
            above: 0,
            up_to: 0,
            fences_max: 1,
        };
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
            "((\"cafe\") AND (\"next week\") AND (\"contr\" *)) NOT (\"spam\" OR \"of course\")"
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
                let written = written(form, text).replace(" AND ", "").replace(" OR ", "").replace(" NOT ", "");
                let is_sign = |one: char| !one.is_ascii_alphanumeric() && one.is_ascii();
                let signs: String = written.chars().filter(|one| is_sign(*one)).collect();
                assert!(signs.chars().all(|one| "()\"'&|!<-> ".contains(one)), "{signs}");
                assert!(!written.chars().any(|one| one.is_ascii_uppercase()));
            }
        }
    }
}
