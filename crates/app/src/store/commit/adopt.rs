//! What a step of a sync takes over from archives: people, and messages that had no id of LinkedIn's before.
//!
//! Runs in the transaction of the step, before its own rows are read, and only for accounts that something was imported
//! into. A row of an archive that is the same as a message of the step is removed, and the message is written as any
//! other: so one message is one row, whichever source was first. What is the same is decided in `core::identity`.

use std::collections::{BTreeSet, HashMap, HashSet};

use threadkeep_core::attachment::is_attachment;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::identity::{
    ARCHIVE_PREFIX, Likeness, Moment, Trace, Who, comparable_name, comparable_text, match_up,
};
use threadkeep_core::message::{Message, MessageSeen, PriorText, note_archived_text};
use threadkeep_core::person::Person;
use threadkeep_core::sync::Batch;
use threadkeep_core::time::Timestamp;

use super::attach::drop_message;
use super::ready::NEWEST;
use crate::archive::conversation_of_names;
use crate::planted::{self, Bug};
use crate::store::dialect::Dialect;
use crate::store::rows;
use crate::store::statement::{Row, Statement, Value, for_keys, for_pairs, sql};
use crate::store::{Commit, SqlStore, StoreResult};

/// Rows of archives around seconds, in the scope that each pair begins with, and the conversation that they are noted in
/// (`a`) or stand in (`m`).
pub(super) fn candidates_in(scope: &str, table: char) -> String {
    format!(
        " SELECT {table}.conversation_pk, a.second, m.id, m.delivered_at, m.sender_id, m.body, m.subject, \
         CASE WHEN m.content IS NULL THEN 0 ELSE 1 END, m.prior, m.version, p.first_name, p.last_name \
         FROM w JOIN archived_messages a ON a.{scope} = w.pk AND a.second BETWEEN w.s - 3 AND w.s + 3 \
         JOIN messages m ON m.account_pk = a.account_pk AND m.id = a.message_id \
         LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id"
    )
}

/// The account of a step.
pub(super) struct Place {
    pub(super) account_pk: i64,
    pub(super) member: PersonId,
    oldest: Option<Timestamp>,
}

impl Place {
    pub(super) fn read(row: Row) -> StoreResult<Self> {
        let mut row = row.columns("accounts");
        let (account_pk, member) = (row.int("pk")?, row.id("member_id")?);
        for column in ["event_seq", "conversation_seq"] {
            row.int(column)?;
        }
        row.text("health")?;
        row.int("logins_lost")?;
        Ok(Self { account_pk, member, oldest: row.time_or_null("oldest_message_at")? })
    }
}

/// What was taken over.
#[derive(Default)]
pub(super) struct Adopted {
    /// What rows told of the messages that they have become.
    pub(super) former: HashMap<MessageId, Former>,
    /// Earlier texts that rows tell of messages that are here.
    pub(super) earlier: Vec<(MessageId, String)>,
    /// Rows that are gone, with their versions.
    pub(super) gone: Vec<(MessageId, u32)>,
    /// Whether the oldest message may be another one now.
    pub(super) oldest_is_unsure: bool,
    /// Conversations of archives in which nothing is left.
    emptied: Vec<ConversationId>,
}

pub(super) struct Former {
    /// The text, where it is another one.
    body: Option<String>,
    /// The texts before it, oldest first.
    prior: Vec<PriorText>,
    subject: Option<String>,
}

impl Adopted {
    /// Nothing but earlier texts that rows of an archive tell of messages that are here.
    pub(super) fn of_earlier(earlier: Vec<(MessageId, String)>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Completes a message that was just made by what a row of an archive has told of it.
    pub(super) fn complete(&self, message: &mut Message, now: Timestamp) {
        let Some(former) = self.former.get(&message.id) else { return };
        for earlier in &former.prior {
            note_archived_text(message, &earlier.body, earlier.replaced_at);
        }
        if let Some(body) = &former.body {
            note_archived_text(message, body, now);
        }
        if message.subject.is_none() {
            message.subject.clone_from(&former.subject);
        }
    }

    /// The batch with the conversations that are empty now.
    pub(super) fn extended(&self, batch: &Batch) -> Batch {
        let mut batch = batch.clone();
        batch.deleted_conversations.extend(self.emptied.iter().cloned());
        batch
    }
}

/// Conversations that a step tells of and that are stored, with those in them.
struct Known {
    pks: HashMap<ConversationId, i64>,
    participants: HashMap<i64, Vec<Person>>,
}

impl<D: Dialect> SqlStore<D> {
    /// Takes over what a step tells anew.
    pub(super) async fn adopt(&self, tx: &mut D::Tx, commit: &Commit<'_>, place: &Place) -> StoreResult<Adopted> {
        let batch = commit.batch;
        let named: BTreeSet<&ConversationId> = batch
            .conversations
            .iter()
            .map(|one| &one.id)
            .chain(batch.messages.iter().map(|one| &one.conversation))
            .collect();
        if named.is_empty() {
            return Ok(Adopted::default());
        }
        let pks = self.keys_of(tx, place, named.into_iter()).await?;
        let mut known = Known { participants: self.members_of(tx, pks.values()).await?, pks };
        let aliases = aliases(batch, place, &known);
        if !aliases.is_empty() {
            let script = aliases.iter().flat_map(|(old, new)| renamed(place.account_pk, old, new)).collect();
            self.db.run(tx, script).await?;
            known.participants = self.members_of(tx, known.pks.values()).await?;
        }
        match batch.messages.is_empty() {
            true => Ok(Adopted::default()),
            false => self.adopt_messages(tx, batch, place, &known).await,
        }
    }

    async fn keys_of(
        &self,
        tx: &mut D::Tx,
        place: &Place,
        ids: impl Iterator<Item = &ConversationId>,
    ) -> StoreResult<HashMap<ConversationId, i64>> {
        let mut script = Vec::new();
        let head = "SELECT c.id, c.pk FROM conversations c WHERE c.account_pk = ? AND c.id";
        for_keys(&mut script, head, "", &[place.account_pk.into()], ids.map(|id| id.as_str()));
        let found = rows::rows(self.db.run(tx, script).await?).map(|row| {
            let mut row = row.columns("conversations");
            Ok((row.id("id")?, row.int("pk")?))
        });
        found.collect()
    }

    async fn members_of(
        &self,
        tx: &mut D::Tx,
        pks: impl Iterator<Item = &i64>,
    ) -> StoreResult<HashMap<i64, Vec<Person>>> {
        let script = Self::asked_participants(pks.copied());
        Self::read_participants(self.db.run(tx, script).await?)
    }

    async fn adopt_messages(
        &self,
        tx: &mut D::Tx,
        batch: &Batch,
        place: &Place,
        known: &Known,
    ) -> StoreResult<Adopted> {
        let fresh = self.fresh(tx, batch, place).await?;
        let twins = self.twins(tx, &fresh, place, known).await?;
        let mut pairs: Vec<(i64, i64)> = Vec::new();
        for seen in &fresh {
            let second = seen.delivered_at.0.div_euclid(1_000);
            let places = [known.pks.get(&seen.conversation), twins.get(&seen.conversation).map(|(pk, _)| pk)];
            pairs.extend(places.into_iter().flatten().map(|pk| (*pk, second)));
        }
        let mut script = Vec::new();
        for_pairs(&mut script, &candidates_in("conversation_pk", 'a'), &pairs, &[]);
        let candidates = candidates(self.db.run(tx, script).await?)?;
        let mut taking = Taking { place, adopted: Adopted::default(), script: Vec::new(), touched: BTreeSet::new() };
        for (conversation, pk) in &known.pks {
            let pks = [Some(*pk), twins.get(conversation).map(|(pk, _)| *pk)];
            let mut rows: Vec<&Candidate> = candidates.iter().filter(|one| pks.contains(&Some(one.pk))).collect();
            rows.sort_by(|a, b| (a.second, &a.message).cmp(&(b.second, &b.message)));
            let mut messages: Vec<&MessageSeen> =
                fresh.iter().copied().filter(|one| one.conversation == *conversation).collect();
            messages.sort_by(|a, b| (a.delivered_at, &a.id).cmp(&(b.delivered_at, &b.id)));
            let names = names(batch, known.participants.get(pk));
            let traces: Vec<Trace> = messages.iter().map(|one| trace(one, &names)).collect();
            let told: Vec<Trace> = rows.iter().map(|one| one.trace.clone()).collect();
            for pair in match_up(&told, &traces) {
                taking.take(rows[pair.row], messages[pair.message], *pk, pair.likeness);
            }
        }
        let sources = self.adopt_alone(tx, place, &fresh, &known.pks, &mut taking).await?;
        let Taking { mut adopted, mut script, touched, .. } = taking;
        if script.is_empty() {
            return Ok(adopted);
        }
        for_keys(&mut script, NEWEST, "", &[], touched.iter().copied());
        self.db.run(tx, script).await?;
        let sources: HashMap<i64, ConversationId> = twins.into_values().chain(sources).collect();
        for (twin, id) in sources.into_iter().filter(|(twin, _)| touched.contains(twin)) {
            let left = sql!("SELECT COUNT(*) FROM messages m WHERE m.conversation_pk = ? AND m.is_deleted = 0", twin);
            let row = rows::rows(self.db.run(tx, vec![left]).await?).next();
            if row.is_some_and(|row| row.columns("messages").int("count").is_ok_and(|count| count == 0)) {
                adopted.emptied.push(id);
            }
        }
        Ok(adopted)
    }

    /// The messages of a step that are not stored yet.
    async fn fresh<'a>(&self, tx: &mut D::Tx, batch: &'a Batch, place: &Place) -> StoreResult<Vec<&'a MessageSeen>> {
        let mut script = Vec::new();
        let head = "SELECT m.id FROM messages m WHERE m.account_pk = ? AND m.id";
        let ids = batch.messages.iter().map(|one| one.id.as_str());
        for_keys(&mut script, head, "", &[place.account_pk.into()], ids);
        let stored: HashSet<MessageId> = rows::rows(self.db.run(tx, script).await?)
            .map(|row| row.columns("messages").id("id"))
            .collect::<StoreResult<_>>()?;
        Ok(batch.messages.iter().filter(|one| !stored.contains(&one.id)).collect())
    }

    /// For conversations of messages: the conversation of an old export, which knew no ids, between the same people.
    async fn twins(
        &self,
        tx: &mut D::Tx,
        fresh: &[&MessageSeen],
        place: &Place,
        known: &Known,
    ) -> StoreResult<HashMap<ConversationId, (i64, ConversationId)>> {
        let spoken: BTreeSet<&ConversationId> = fresh.iter().map(|one| &one.conversation).collect();
        let twin = |id: &ConversationId| {
            let members = known.participants.get(known.pks.get(id)?)?;
            let others = members.iter().filter(|one| one.id != place.member).map(Person::full_name);
            conversation_of_names(others.collect::<Vec<_>>().iter().map(String::as_str))
        };
        let twins: Vec<(&ConversationId, ConversationId)> =
            spoken.into_iter().filter_map(|id| Some((id, twin(id)?))).collect();
        let pks = self.keys_of(tx, place, twins.iter().map(|(_, twin)| twin)).await?;
        let found = twins.into_iter().filter_map(|(id, twin)| Some((id.clone(), (*pks.get(&twin)?, twin))));
        Ok(found.collect())
    }
}

pub(super) struct Taking<'a> {
    place: &'a Place,
    pub(super) adopted: Adopted,
    script: Vec<Statement>,
    touched: BTreeSet<i64>,
}

impl Taking<'_> {
    pub(super) fn take(&mut self, row: &Candidate, seen: &MessageSeen, pk: i64, likeness: Likeness) {
        let account_pk = self.place.account_pk;
        self.script.push(sql!("DELETE FROM messages WHERE account_pk = ? AND id = ?", account_pk, &row.message));
        drop_message(&mut self.script, account_pk, &row.message);
        self.script.push(sql!(
            "UPDATE archived_messages SET conversation_pk = ?, message_id = ? \
             WHERE conversation_pk = ? AND second BETWEEN ? AND ? AND message_id = ?",
            pk,
            &seen.id,
            row.pk,
            row.second - 4,
            row.second + 4,
            &row.message,
        ));
        self.touched.extend([pk, row.pk]);
        self.adopted.gone.push((row.message.clone(), row.version));
        self.adopted.oldest_is_unsure |= self.place.oldest.is_some_and(|oldest| row.delivered_at <= oldest);
        let body = (likeness == Likeness::OtherText).then(|| row.body.clone());
        let former = Former { body, prior: row.prior.clone(), subject: row.subject.clone() };
        self.adopted.former.insert(seen.id.clone(), former);
    }
}

/// A message that only an archive has told.
pub(super) struct Candidate {
    pub(super) pk: i64,
    pub(super) second: i64,
    pub(super) message: MessageId,
    delivered_at: Timestamp,
    body: String,
    prior: Vec<PriorText>,
    subject: Option<String>,
    version: u32,
    pub(super) trace: Trace,
}

pub(super) fn candidates(answers: Vec<crate::store::statement::Outcome>) -> StoreResult<Vec<Candidate>> {
    let mut found: HashMap<MessageId, Candidate> = HashMap::new();
    for row in rows::rows(answers) {
        let mut row = row.columns("messages");
        let (pk, second) = (row.int("conversation_pk")?, row.int("second")?);
        let message: MessageId = row.id("id")?;
        let delivered_at = row.time("delivered_at")?;
        let sender: Option<PersonId> = row.id_or_null("sender_id")?;
        let body = row.text("body")?;
        let subject = row.text_or_null("subject")?;
        let has_attachment = row.flag("content")?;
        let (prior, version) = (row.list("prior")?, row.number("version")?);
        if !message.as_str().starts_with(ARCHIVE_PREFIX) {
            continue;
        }
        let name = name_of(row.text_or_null("first_name")?, row.text_or_null("last_name")?);
        let trace = Trace {
            at: Moment::Second(delivered_at.0.div_euclid(1_000)),
            who: Who { id: sender, name },
            text: comparable_text(&body),
            has_attachment,
        };
        let id = message.clone();
        found
            .insert(message, Candidate { pk, second, message: id, delivered_at, body, prior, subject, version, trace });
    }
    Ok(found.into_values().collect())
}

pub(super) fn name_of(first: Option<String>, last: Option<String>) -> String {
    comparable_name(&format!("{} {}", first.unwrap_or_default(), last.unwrap_or_default()))
}

/// Names of people as far as a step or the rows before it tell them.
fn names(batch: &Batch, members: Option<&Vec<Person>>) -> HashMap<PersonId, String> {
    let stored = members.into_iter().flatten().map(|one| (one.id.clone(), comparable_name(&one.full_name())));
    let told = batch.people.iter().map(|one| (one.id.clone(), name_of(one.first_name.clone(), one.last_name.clone())));
    stored.chain(told.filter(|(_, name)| !name.is_empty())).collect()
}

pub(super) fn trace(seen: &MessageSeen, names: &HashMap<PersonId, String>) -> Trace {
    let name = seen.sender.as_ref().and_then(|id| names.get(id)).cloned().unwrap_or_default();
    Trace {
        at: Moment::Exact(seen.delivered_at.0),
        who: Who { id: seen.sender.clone(), name },
        text: comparable_text(seen.body.as_deref().unwrap_or_default()),
        has_attachment: seen.content.iter().flatten().any(is_attachment),
    }
}

/// People of archives who are shown now under their own ids, by the conversations that they are in.
fn aliases(batch: &Batch, place: &Place, known: &Known) -> Vec<(PersonId, PersonId)> {
    let mut found: HashMap<PersonId, PersonId> = HashMap::new();
    for seen in &batch.conversations {
        let members = known.pks.get(&seen.id).and_then(|pk| known.participants.get(pk));
        let (Some(told), Some(members)) = (&seen.participants, members) else { continue };
        let names = names(batch, None);
        let new: Vec<Who> = told
            .iter()
            .filter(|id| **id != place.member && !members.iter().any(|one| one.id == **id))
            .map(|id| Who { id: Some(id.clone()), name: names.get(id).cloned().unwrap_or_default() })
            .collect();
        let old = members.iter().filter(|one| one.id.is_from_archive() && one.id != place.member);
        let old: Vec<Who> =
            old.map(|one| Who { id: Some(one.id.clone()), name: comparable_name(&one.full_name()) }).collect();
        found.extend(same_people(&old, &new));
    }
    found.into_iter().collect()
}

/// Pairs of those who have one name that nobody else in the conversation has; of two people alone, in any case.
pub(super) fn same_people(old: &[Who], new: &[Who]) -> Vec<(PersonId, PersonId)> {
    let mut pairs = same_names(old, new);
    // Whoever is left on both sides is the same, also under another name.
    if let ([one], [other], true) = (old, new, pairs.is_empty())
        && let (Some(from), Some(to)) = (&one.id, &other.id)
    {
        pairs.push((from.clone(), to.clone()));
    }
    pairs
}

/// Pairs of those who have one name that nobody else in the conversation has.
pub(super) fn same_names(old: &[Who], new: &[Who]) -> Vec<(PersonId, PersonId)> {
    let is_only = |all: &[Who], name: &str| all.iter().filter(|one| one.name == name).count() == 1;
    let mut pairs = Vec::new();
    for one in old.iter().filter(|one| !one.name.is_empty() && is_only(old, &one.name)) {
        if let Some(other) = new.iter().find(|other| other.name == one.name && is_only(new, &other.name))
            && let (Some(from), Some(to)) = (&one.id, &other.id)
        {
            pairs.push((from.clone(), to.clone()));
        }
    }
    pairs
}

/// Statements by which somebody gets another id, wherever they are.
pub(in crate::store) fn renamed(account_pk: i64, old: &PersonId, new: &PersonId) -> Vec<Statement> {
    let theirs = "(SELECT cp.conversation_pk FROM conversation_people cp WHERE cp.account_pk = ? AND cp.person_id = ?)";
    let quoted = |id: &PersonId| Value::from(format!("\"{id}\""));
    let there = if planted::is(Bug::NewIdHidesPresence) { "conversation_people.is_present" } else { "1" };
    vec![
        sql!(
            format!("UPDATE messages SET sender_id = ? WHERE conversation_pk IN {theirs} AND sender_id = ?"),
            new,
            account_pk,
            old,
            old,
        ),
        sql!(
            "INSERT INTO people (account_pk, id, kind, first_name, last_name, headline, profile_url, picture_url, distance, \
             backend_urn, slug) SELECT p.account_pk, ?, p.kind, p.first_name, p.last_name, p.headline, p.profile_url, \
             p.picture_url, p.distance, p.backend_urn, p.slug FROM people p WHERE p.account_pk = ? AND p.id = ? \
             ON CONFLICT (account_pk, id) DO NOTHING",
            new,
            account_pk,
            old,
        ),
        Statement::new(
            format!(
                "UPDATE conversations SET participants = REPLACE(participants, ?, ?), others = NULL, \
                 newest_sender_id = CASE WHEN newest_sender_id = ? THEN ? ELSE newest_sender_id END \
                 WHERE pk IN {theirs}"
            ),
            vec![quoted(old), quoted(new), old.into(), new.into(), account_pk.into(), old.into()],
        ),
        sql!(
            format!(
                "INSERT INTO conversation_people (conversation_pk, person_id, account_pk, is_present) \
                 SELECT cp.conversation_pk, ?, cp.account_pk, cp.is_present FROM conversation_people cp \
                 WHERE cp.account_pk = ? AND cp.person_id = ? ON CONFLICT (conversation_pk, person_id) DO UPDATE SET \
                 is_present = CASE WHEN excluded.is_present = 1 THEN {there} ELSE conversation_people.is_present END"
            ),
            new,
            account_pk,
            old,
        ),
        sql!("DELETE FROM conversation_people WHERE account_pk = ? AND person_id = ?", account_pk, old),
        sql!("DELETE FROM people WHERE account_pk = ? AND id = ?", account_pk, old),
        sql!("UPDATE person_aliases SET person_id = ? WHERE account_pk = ? AND person_id = ?", new, account_pk, old),
        sql!(
            "INSERT INTO person_aliases (account_pk, alias, person_id) VALUES (?, ?, ?) \
             ON CONFLICT (account_pk, alias) DO UPDATE SET person_id = excluded.person_id",
            account_pk,
            old,
            new,
        ),
    ]
}
