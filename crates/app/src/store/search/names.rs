//! Who and what a name in a question means: people whose name has its words, conversations with them or of that title.
//!
//! Names are looked up when somebody asks and are in no index, so that whoever is renamed is found at once. A name that
//! too many have is told, not cut.

use std::collections::{BTreeSet, HashMap};

use threadkeep_core::search::words_alone;

use crate::store::dialect::Dialect;
use crate::store::rows;
use crate::store::statement::{Statement, Value, for_keys, push_marks};
use crate::store::{SqlStore, StoreResult};

/// Most people that one name may mean.
const PEOPLE_MAX: usize = 200;
/// Most conversations that one name may mean.
const CONVERSATIONS_MAX: usize = 400;
/// Names that are looked at with one look.
const NAMES_AT_ONCE: i64 = 10_000;
/// Looks for one name: a million names.
const PAGES_MAX: usize = 100;
/// Words of a name that are compared.
const WORDS_MAX: usize = 40;

/// Somebody: the account and the id.
pub(super) type Somebody = (i64, String);

/// Has a name all these words, each as the beginning of one of its own?
fn has_words(name: &str, wanted: &[String]) -> bool {
    let words = words_alone(name, WORDS_MAX);
    wanted.iter().all(|wanted| words.iter().any(|word| word.starts_with(wanted.as_str())))
}

impl<D: Dialect> SqlStore<D> {
    /// Those whose name has these words; `None` when they are too many. Who has several ids has all of them.
    pub(super) async fn people_named(
        &self,
        account_pks: &[i64],
        wanted: &[String],
    ) -> StoreResult<Option<BTreeSet<Somebody>>> {
        // What the database leaves out cannot be meant: a name of plain letters that has not even the first word in it.
        let mut text = String::from(
            "SELECT p.account_pk, p.id, p.first_name, p.last_name FROM people p WHERE \
             (LENGTH(p.first_name) + LENGTH(p.last_name) < OCTET_LENGTH(p.first_name) + OCTET_LENGTH(p.last_name) \
             OR LOWER(p.first_name) LIKE ? OR LOWER(p.last_name) LIKE ?) AND p.account_pk IN (",
        );
        push_marks(&mut text, account_pks.len());
        text.push_str(") AND (p.account_pk, p.id) > (?, ?) ORDER BY p.account_pk, p.id LIMIT ?");
        let like = format!("%{}%", wanted.first().map_or("", String::as_str));
        let (mut found, mut last) = (BTreeSet::new(), (0, String::new()));
        for _ in 0..PAGES_MAX {
            let mut values = vec![Value::from(&like), Value::from(&like)];
            values.extend(account_pks.iter().map(|pk| Value::from(*pk)));
            values.extend([last.0.into(), Value::from(&last.1), NAMES_AT_ONCE.into()]);
            let rows = self.rows(Statement::new(text.clone(), values)).await?;
            let is_end = is_last_page(rows.len());
            for row in rows {
                let mut row = row.columns("people");
                last = (row.int("account_pk")?, row.text("id")?);
                let name = format!("{} {}", row.text("first_name")?, row.text("last_name")?);
                if has_words(&name, wanted) {
                    found.insert(last.clone());
                }
            }
            if found.len() > PEOPLE_MAX {
                return Ok(None);
            }
            if is_end {
                let aliases = self.aliases(&found).await?;
                found.extend(aliases);
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Other ids under which archives have told of these people.
    async fn aliases(&self, people: &BTreeSet<Somebody>) -> StoreResult<Vec<Somebody>> {
        let mut script = Vec::new();
        for (account_pk, ids) in by_account(people) {
            let head = "SELECT n.account_pk, n.alias FROM person_aliases n WHERE n.account_pk = ? AND n.person_id";
            for_keys(&mut script, head, "", &[account_pk.into()], ids.into_iter());
        }
        let found = rows::rows(self.db.read(script).await?).map(|row| {
            let mut row = row.columns("person_aliases");
            Ok((row.int("account_pk")?, row.text("alias")?))
        });
        found.collect()
    }

    /// Conversations with somebody, besides the owner, whose name has these words, or with a title that has them.
    pub(super) async fn conversations_named(
        &self,
        account_pks: &[i64],
        wanted: &[String],
    ) -> StoreResult<Option<BTreeSet<i64>>> {
        let Some(people) = self.people_named(account_pks, wanted).await? else { return Ok(None) };
        let mut script = Vec::new();
        for (account_pk, ids) in by_account(&people) {
            let head = "SELECT cp.conversation_pk FROM conversation_people cp JOIN accounts a ON a.pk = cp.account_pk \
                 WHERE cp.account_pk = ? AND cp.person_id <> a.member_id AND cp.person_id";
            for_keys(&mut script, head, "", &[account_pk.into()], ids.into_iter());
        }
        let mut found = BTreeSet::new();
        for row in rows::rows(self.db.read(script).await?) {
            found.insert(row.columns("conversation_people").int("conversation_pk")?);
        }
        let titled = self.titled(account_pks, wanted).await?;
        Ok(titled.and_then(|titled| {
            found.extend(titled);
            (found.len() <= CONVERSATIONS_MAX).then_some(found)
        }))
    }

    /// Conversations with a title that has these words; `None` when they are too many.
    async fn titled(&self, account_pks: &[i64], wanted: &[String]) -> StoreResult<Option<BTreeSet<i64>>> {
        let mut text = String::from(
            "SELECT c.pk, c.title FROM conversations c WHERE c.title IS NOT NULL AND c.is_deleted = 0 AND c.account_pk IN (",
        );
        push_marks(&mut text, account_pks.len());
        text.push_str(") AND c.pk > ? ORDER BY c.pk LIMIT ?");
        let (mut found, mut last) = (BTreeSet::new(), i64::MIN);
        for _ in 0..PAGES_MAX {
            let mut values: Vec<Value> = account_pks.iter().map(|pk| Value::from(*pk)).collect();
            values.extend([last.into(), NAMES_AT_ONCE.into()]);
            let rows = self.rows(Statement::new(text.clone(), values)).await?;
            let is_end = is_last_page(rows.len());
            for row in rows {
                let mut row = row.columns("conversations");
                last = row.int("pk")?;
                if has_words(&row.text("title")?, wanted) {
                    found.insert(last);
                }
            }
            if found.len() > CONVERSATIONS_MAX {
                return Ok(None);
            }
            if is_end {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// Whether a page of names has none behind it.
fn is_last_page(rows: usize) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows < NAMES_AT_ONCE)
}

fn by_account(people: &BTreeSet<Somebody>) -> HashMap<i64, Vec<&str>> {
    let mut grouped: HashMap<i64, Vec<&str>> = HashMap::new();
    for (account_pk, id) in people {
        grouped.entry(*account_pk).or_default().push(id);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_words_by_their_beginnings() {
        let words = |text: &str| words_alone(text, 9);
        assert!(has_words("Jos\u{e9} Test", &words("jose")));
        assert!(has_words("Olga Test, PhD", &words("te olg")));
        assert!(!has_words("Olga Test", &words("lga")));
        assert!(has_words("\u{7530}\u{4e2d}", &words("\u{7530}")));
    }
}
