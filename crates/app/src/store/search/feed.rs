//! Feeds the index behind the commits: one account, one bounded step, one transaction.
//!
//! A mark says up to which event of an account the index has followed. An account without one, or whose words were cut
//! by another version, is walked once through all its messages; what changes meanwhile has later events. A step that
//! fails leaves the mark where it was, and is done again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use threadkeep_core::content::Content;
use threadkeep_core::search::WORDS_VERSION;
use threadkeep_core::time::Timestamp;

use super::entry::{self, Entry, digest};
use super::{place, without_account};
use crate::store::dialect::Dialect;
use crate::store::rows;
use crate::store::statement::{Columns, Kind, Row, Statement, Value, for_keys, for_pairs, insert_rows, sql};
use crate::store::{IndexStep, SqlStore, StoreError, StoreResult};

/// Messages of one step: the writer is held for some tens of milliseconds.
const MESSAGES_AT_ONCE: usize = 400;
/// One message in so many has a fence at its place.
pub(super) const FENCE_EVERY: u64 = 50_000;
/// Times that a free place is looked for, each time further on.
const PLACE_ROUNDS_MAX: i64 = 1_000;

/// What is indexed of a message, from `messages m`.
const SOURCE: &str = "SELECT m.id, m.conversation_pk, m.delivered_at, m.sender_id, m.subject, m.body, m.content, m.is_deleted \
     FROM messages m WHERE m.account_pk = ? AND";
/// Accounts with something to do: first those that are followed, then those that are walked.
const DUE: &str = "SELECT k.account_pk, k.seq, k.walk, k.words_version, \
     (SELECT a.event_seq FROM accounts a WHERE a.pk = k.account_pk), \
     (SELECT a.member_id FROM accounts a WHERE a.pk = k.account_pk) FROM search_marks k \
     WHERE k.walk IS NOT NULL OR k.words_version <> ? \
     OR k.seq <> COALESCE((SELECT a.event_seq FROM accounts a WHERE a.pk = k.account_pk), -1) \
     OR EXISTS (SELECT 1 FROM search_again g WHERE g.account_pk = k.account_pk) \
     ORDER BY CASE WHEN k.walk IS NULL THEN 0 ELSE 1 END, k.account_pk LIMIT 1";
/// Accounts that nobody has looked at yet begin with a walk.
const BEGIN: &str = "INSERT INTO search_marks (account_pk, seq, walk, words_version) \
     SELECT a.pk, a.event_seq, '', ? FROM accounts a \
     WHERE NOT EXISTS (SELECT 1 FROM search_marks k WHERE k.account_pk = a.pk) ON CONFLICT (account_pk) DO NOTHING";
/// Whether there is anything to do, asked without writing.
const IS_DUE: &str = "SELECT CASE WHEN EXISTS (SELECT 1 FROM accounts a LEFT JOIN search_marks k \
     ON k.account_pk = a.pk WHERE k.account_pk IS NULL OR k.walk IS NOT NULL OR k.words_version <> ? \
     OR k.seq <> a.event_seq) OR EXISTS (SELECT 1 FROM search_again) \
     OR EXISTS (SELECT 1 FROM search_marks k WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.pk = k.account_pk)) \
     THEN 1 ELSE 0 END";

/// How far the index is with an account.
struct Mark {
    account_pk: i64,
    seq: i64,
    /// The last message of the walk; `None` when all were walked.
    walk: Option<String>,
    /// Whether the index was made by this version.
    is_current: bool,
    event_seq: i64,
    owner: String,
}

/// What a step takes in, and where it leaves the mark.
struct Task {
    sources: Vec<Row>,
    /// Messages that were named and may be gone.
    ids: BTreeSet<String>,
    again: Vec<String>,
    seq: i64,
    walk: Option<String>,
}

/// What the index is to hold of a message.
struct Source {
    id: String,
    /// `None` when it is to hold nothing.
    entry: Option<(Timestamp, Entry)>,
}

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn feed_some(&self) -> StoreResult<IndexStep> {
        let due = self.row(sql!(IS_DUE, WORDS_VERSION)).await?;
        if !due.map(|row| row.columns("search_marks").flag("due")).transpose()?.unwrap_or(false) {
            return Ok(IndexStep::default());
        }
        let mut tx = self.db.begin().await?;
        let locked = sql!(format!("{DUE}{}", D::SKIPPING_LOCKED), WORDS_VERSION);
        let answers = self.db.run(&mut tx, vec![sql!(BEGIN, WORDS_VERSION), locked]).await?;
        let Some(row) = rows::rows(answers).next() else {
            // Somebody else is at it, or only marks were begun.
            self.db.finish(tx, Vec::new()).await?;
            return Ok(IndexStep::default());
        };
        let mark = mark(&mut row.columns("search_marks"))?;
        let planned = match mark {
            Ok(mark) => self.feed(&mut tx, &mark).await,
            Err(account_pk) => Ok((without_account(D::SEARCH, account_pk), 0)),
        };
        match planned {
            Ok((script, messages)) => {
                self.db.finish(tx, script).await?;
                Ok(IndexStep { messages, is_work: true })
            }
            Err(error) => {
                self.db.abandon(tx).await;
                Err(error)
            }
        }
    }

    async fn feed(&self, tx: &mut D::Tx, mark: &Mark) -> StoreResult<(Vec<Statement>, u64)> {
        let account_pk = mark.account_pk;
        if !mark.is_current {
            let mut script = without_account(D::SEARCH, account_pk);
            script.push(sql!(BEGIN, WORDS_VERSION));
            return Ok((script, 0));
        }
        let task = self.task(tx, mark).await?;
        let sources = task.sources.into_iter().map(|row| source(row, mark)).collect::<StoreResult<Vec<_>>>()?;
        let mut ids = task.ids;
        ids.extend(sources.iter().map(|one| one.id.clone()));
        let old = self.places_of(tx, account_pk, &ids).await?;
        let placed = self.placed(tx, &sources, &old).await?;
        let messages = u64::try_from(ids.len()).unwrap_or(u64::MAX);

        let mut script = Vec::new();
        for head in [
            "DELETE FROM search_index WHERE rowid",
            "DELETE FROM search_fences WHERE place",
            "DELETE FROM search_rows WHERE place",
        ] {
            for_keys(&mut script, head, "", &[], old.values().copied());
        }
        write_entries(&mut script, D::SEARCH, account_pk, sources, placed, &old);
        let forgotten = "DELETE FROM search_again WHERE account_pk = ? AND message_id";
        for_keys(&mut script, forgotten, "", &[account_pk.into()], task.again.iter().map(String::as_str));
        let walk = task.walk.map_or(Value::Null(Kind::Text), Value::from);
        let text = "UPDATE search_marks SET seq = ?, walk = ? WHERE account_pk = ?";
        script.push(sql!(text, task.seq, walk, account_pk));
        Ok((script, messages))
    }

    /// What is next: messages that were told to be looked at again, else those of the walk, else those of the events.
    async fn task(&self, tx: &mut D::Tx, mark: &Mark) -> StoreResult<Task> {
        let account_pk = mark.account_pk;
        let again = "SELECT g.message_id FROM search_again g WHERE g.account_pk = ? ORDER BY g.message_id LIMIT ?";
        let again = texts(self.db.run(tx, vec![sql!(again, account_pk, limit())]).await?)?;
        if !again.is_empty() {
            let sources = self.sources(tx, account_pk, again.iter()).await?;
            let ids = again.iter().cloned().collect();
            return Ok(Task { sources, ids, again, seq: mark.seq, walk: mark.walk.clone() });
        }
        if let Some(walk) = &mark.walk {
            let text = format!("{SOURCE} m.id > ? ORDER BY m.id LIMIT ?");
            let answers = self.db.run(tx, vec![sql!(text, account_pk, walk, limit())]).await?;
            let sources: Vec<Row> = rows::rows(answers).collect();
            let is_over = sources.len() < MESSAGES_AT_ONCE;
            let last = sources.last().and_then(|row| match row.0.first() {
                Some(Value::Text(id)) => Some(id.clone()),
                _ => None,
            });
            let walk = if is_over { None } else { last };
            return Ok(Task { sources, ids: BTreeSet::new(), again, seq: mark.seq, walk });
        }
        let text = "SELECT e.seq, e.kind, e.object_id FROM events e WHERE e.account_pk = ? AND e.seq > ? \
             ORDER BY e.seq LIMIT ?";
        let answers = self.db.run(tx, vec![sql!(text, account_pk, mark.seq, limit())]).await?;
        let (mut seq, mut ids) = (None, BTreeSet::new());
        for row in rows::rows(answers) {
            let mut row = row.columns("events");
            seq = Some(row.int("seq")?);
            if row.text("kind")?.starts_with("message.") {
                ids.insert(row.text("object_id")?);
            }
        }
        let sources = self.sources(tx, account_pk, ids.iter()).await?;
        Ok(Task { sources, ids, again, seq: seq.unwrap_or(mark.event_seq), walk: None })
    }

    async fn sources(
        &self,
        tx: &mut D::Tx,
        account_pk: i64,
        ids: impl Iterator<Item = &String>,
    ) -> StoreResult<Vec<Row>> {
        let mut script = Vec::new();
        for_keys(&mut script, &format!("{SOURCE} m.id"), "", &[account_pk.into()], ids.map(String::as_str));
        Ok(rows::rows(self.db.run(tx, script).await?).collect())
    }

    /// Where these messages stand in the index now.
    async fn places_of(
        &self,
        tx: &mut D::Tx,
        account_pk: i64,
        ids: &BTreeSet<String>,
    ) -> StoreResult<HashMap<String, i64>> {
        let mut script = Vec::new();
        let head = "SELECT s.message_id, s.place FROM search_rows s WHERE s.account_pk = ? AND s.message_id";
        for_keys(&mut script, head, "", &[account_pk.into()], ids.iter().map(String::as_str));
        let found = rows::rows(self.db.run(tx, script).await?).map(|row| {
            let mut row = row.columns("search_rows");
            Ok((row.text("message_id")?, row.int("place")?))
        });
        found.collect()
    }

    /// A place for each of these messages, by their order here: the one that it has, where that is near its time.
    async fn placed(
        &self,
        tx: &mut D::Tx,
        sources: &[Source],
        old: &HashMap<String, i64>,
    ) -> StoreResult<Vec<Option<i64>>> {
        let mut places: Vec<Option<i64>> = vec![None; sources.len()];
        let mut kept = BTreeSet::new();
        let mut open: Vec<(usize, i64)> = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let Some((at, _)) = &source.entry else { continue };
            let first = place::first_of(*at);
            match old.get(&source.id).filter(|place| (first..first + place::NEAR).contains(*place)) {
                Some(place) => {
                    kept.insert(*place);
                    places[number] = Some(*place);
                }
                None => open.push((number, first)),
            }
        }
        for round in 0..PLACE_ROUNDS_MAX {
            if open.is_empty() {
                return Ok(places);
            }
            let step = round * place::NEAR;
            let spans: Vec<(i64, i64)> =
                open.iter().map(|(_, first)| (first + step, first + step + place::NEAR - 1)).collect();
            let mut taken = self.taken(tx, &spans).await?;
            taken.extend(&kept);
            for (number, first) in std::mem::take(&mut open) {
                let place = place::take(&mut taken, first + step);
                match place < first + step + place::NEAR {
                    true => {
                        kept.insert(place);
                        places[number] = Some(place);
                    }
                    false => {
                        taken.remove(&place);
                        open.push((number, first));
                    }
                }
            }
        }
        let what = "there is no place left beside the time of a message".to_owned();
        Err(StoreError::Corrupt { table: "search_rows", column: "place", what })
    }

    async fn taken(&self, tx: &mut D::Tx, spans: &[(i64, i64)]) -> StoreResult<BTreeSet<i64>> {
        let mut script = Vec::new();
        let text = " SELECT DISTINCT r.place FROM w JOIN search_rows r ON r.place BETWEEN w.pk AND w.s";
        for_pairs(&mut script, text, spans, &[]);
        rows::rows(self.db.run(tx, script).await?).map(|row| row.columns("search_rows").int("place")).collect()
    }
}

fn limit() -> i64 {
    i64::try_from(MESSAGES_AT_ONCE).unwrap_or(i64::MAX)
}

fn write_entries(
    script: &mut Vec<Statement>,
    form: crate::store::dialect::SearchForm,
    account_pk: i64,
    sources: Vec<Source>,
    places: Vec<Option<i64>>,
    old: &HashMap<String, i64>,
) {
    let (mut entries, mut rows, mut fences) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for (source, place) in sources.into_iter().zip(places) {
        let (Some((_, entry)), Some(place)) = (source.entry, place) else { continue };
        if digest(&source.id).is_multiple_of(FENCE_EVERY) {
            fences.insert(place);
        }
        entries.insert(place, entry);
        rows.insert(place, source.id);
    }
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let more = count(rows.len()) - count(old.len());
    entry::write(script, form, &entries);
    let values = rows.into_iter().flat_map(|(place, id)| [Value::from(place), account_pk.into(), id.into()]).collect();
    insert_rows(script, "INSERT INTO search_rows (place, account_pk, message_id) VALUES", "", 3, values);
    let values = fences.into_iter().map(Value::from).collect();
    insert_rows(script, "INSERT INTO search_fences (place) VALUES", "", 1, values);
    script.push(sql!("UPDATE search_marks SET indexed = indexed + ? WHERE account_pk = ?", more, account_pk));
}

/// A mark that is due, or the key of an account that is gone.
fn mark(row: &mut Columns) -> StoreResult<Result<Mark, i64>> {
    let account_pk = row.int("account_pk")?;
    let seq = row.int("seq")?;
    let walk = row.text_or_null("walk")?;
    let is_current = row.int("words_version")? == i64::from(WORDS_VERSION);
    let (event_seq, owner) = (row.int_or_null("event_seq")?, row.text_or_null("member_id")?);
    Ok(match (event_seq, owner) {
        (Some(event_seq), Some(owner)) => Ok(Mark { account_pk, seq, walk, is_current, event_seq, owner }),
        _ => Err(account_pk),
    })
}

fn source(row: Row, mark: &Mark) -> StoreResult<Source> {
    let mut row = row.columns("messages");
    let id = row.text("id")?;
    let conversation_pk = row.int("conversation_pk")?;
    let delivered_at = row.time("delivered_at")?;
    let sender = row.text_or_null("sender_id")?;
    let subject = row.text_or_null("subject")?;
    let body = row.text("body")?;
    // What cannot be read is told by whoever shows the message; the rest of it is found.
    let contents: Vec<Content> = row.list("content").unwrap_or_default();
    if row.flag("is_deleted")? {
        return Ok(Source { id, entry: None });
    }
    let mut entry = Entry::new((mark.account_pk, conversation_pk), sender.as_deref(), &mark.owner);
    subject.iter().for_each(|subject| entry.add_text(subject));
    entry.add_text(&body);
    entry.add_contents(&contents);
    Ok(Source { id, entry: Some((delivered_at, entry)) })
}

fn texts(outcomes: Vec<crate::store::statement::Outcome>) -> StoreResult<Vec<String>> {
    rows::rows(outcomes).map(|row| row.columns("search_again").text("message_id")).collect()
}
