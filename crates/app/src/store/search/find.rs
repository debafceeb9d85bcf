//! Looks into the index: a question becomes words and marks, and is asked of one stretch of places after the other.
//!
//! Newest first means from the lowest place on. A stretch ends at a fence, of which there is one for so many messages;
//! the next stretch is longer, and a page costs a bounded number of them. So the page of a question that hardly anything
//! answers may end before the mailbox does: it then says where to go on. Nothing is ever ranked.
//!
//! FTS5 gives its places in order and stops when enough are read, but it looks for the end of a stretch only where it finds
//! something, and for the beginning only after the first thing found. So what it alone can answer is asked of it in one.

use threadkeep_core::id::{AccountId, ConversationId};
use threadkeep_core::search::{What, Whom};

use super::plan::{Plan, Term};
use super::{among, entry, place};
use crate::store::dialect::Dialect;
use crate::store::rows;
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
        let mut plan = Plan { account_pks: account_pks.clone(), above, up_to, fences_max, ..Plan::default() };
        // These are conversations of the accounts alone.
        let mut is_in_conversations = false;
        for (number, clause) in query.clauses.iter().enumerate() {
            let terms = match self.terms(&account_pks, &clause.what).await? {
                Ok(terms) => terms,
                Err(operator) => return Ok(Err(NoPlan::TooMany { operator, clause: number })),
            };
            match terms {
                None => plan.unread.push(!clause.is_negated),
                Some(terms) if clause.is_negated => plan.none.extend(terms),
                Some(terms) if terms.is_empty() => return Ok(Err(NoPlan::Nothing)),
                Some(terms) => {
                    is_in_conversations |= matches!(clause.what, What::In(_));
                    plan.all.push(terms);
                }
            }
        }
        if plan.unread.contains(&true)
            && let Some(pks) = self.unread(&account_pks).await?
        {
            if pks.is_empty() {
                return Ok(Err(NoPlan::Nothing));
            }
            is_in_conversations = true;
            plan.all.push(pks.into_iter().map(|pk| Term::Mark(entry::of_conversation(pk))).collect());
        } else {
            plan.is_sifted = !plan.unread.is_empty();
        }
        // What must not be there is looked for among what must.
        let is_of_all = is_everybody || is_in_conversations;
        if !is_of_all || (plan.all.is_empty() && !plan.none.is_empty()) {
            let mailboxes = account_pks.iter().map(|pk| Term::Mark(entry::of_account(*pk)));
            plan.all.push(mailboxes.collect());
        }
        plan.all = self.rarest_first(plan.all).await?;
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
