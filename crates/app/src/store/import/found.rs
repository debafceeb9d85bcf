//! What is stored of what a batch of rows names: conversations, people, messages of the same seconds, rows of archives.
//!
//! A few scripts a batch, each bounded by the rows of the batch and the messages around them: a file that puts a million
//! rows into one second must not have each batch read those before it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use threadkeep_core::archived::{ArchivedMessage, ArchivedPerson};
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::identity::{ARCHIVE_PREFIX, Moment, Trace, Who, comparable_name, comparable_text};
use threadkeep_core::person::Person;
use threadkeep_core::time::Timestamp;

use super::Importing;
use crate::store::commit::twin_of;
use crate::store::dialect::Dialect;
use crate::store::rows::{self, CONVERSATION, PERSON};
use crate::store::statement::{Outcome, Statement, Value, for_keys, for_pairs};
use crate::store::{SqlStore, StoreResult};

/// Messages, and rows of archives, around the seconds of a hundred rows. Where there are more, which nobody writes by
/// hand, none of them is compared: a row is what was taken in word for word before, or a message of its own.
const CROWD_MAX: usize = 5_000;
/// Messages around seconds, with the names of those who wrote them.
const NEAR: &str = " SELECT m.conversation_pk, c.id, m.id, m.delivered_at, m.sender_id, m.body, \
     CASE WHEN m.content IS NULL THEN 0 ELSE 1 END, p.first_name, p.last_name \
     FROM (SELECT DISTINCT pk, s FROM w) w JOIN messages m ON m.conversation_pk = w.pk \
     AND m.delivered_at BETWEEN w.s * 1000 - 2000 AND w.s * 1000 + 2999 \
     JOIN conversations c ON c.pk = m.conversation_pk \
     LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id LIMIT ?";
/// Rows of archives around seconds.
const ARCHIVED: &str = " SELECT a.second, a.fingerprint, a.message_id, a.import_id, i.newest_second \
     FROM (SELECT DISTINCT pk, s FROM w) w \
     JOIN archived_messages a ON a.conversation_pk = w.pk AND a.second BETWEEN w.s - 4 AND w.s + 4 \
     LEFT JOIN imports i ON i.id = a.import_id LIMIT ?";
/// Rows of archives that are word for word the same.
const WORD_FOR_WORD: &str = "SELECT a.second, a.fingerprint, a.message_id, a.import_id, i.newest_second \
     FROM archived_messages a LEFT JOIN imports i ON i.id = a.import_id \
     WHERE a.conversation_pk = ? AND a.second = ? AND a.fingerprint";
/// The same, in whatever conversation their messages are now.
const ARCHIVED_ANYWHERE: &str = " SELECT a.second, a.fingerprint, a.message_id, a.import_id, i.newest_second \
     FROM (SELECT DISTINCT pk, s FROM w) w JOIN archived_messages a ON a.account_pk = w.pk AND a.second = w.s \
     LEFT JOIN imports i ON i.id = a.import_id LIMIT ?";

/// A conversation that is here.
pub(in crate::store) struct KnownConversation {
    pub(in crate::store) pk: i64,
    pub(in crate::store) conversation: Conversation,
    /// Whether LinkedIn itself has told of it.
    pub(in crate::store) is_tracked: bool,
}

/// A message that is here, sent around the second of a row.
#[derive(Clone)]
pub(in crate::store) struct Near {
    pub(in crate::store) pk: i64,
    pub(in crate::store) conversation: ConversationId,
    pub(in crate::store) message: MessageId,
    pub(in crate::store) delivered_at: Timestamp,
    pub(in crate::store) sender: Option<PersonId>,
    pub(in crate::store) sender_name: String,
    pub(in crate::store) body: String,
    pub(in crate::store) has_attachment: bool,
    /// How new the newest archive is that has told it, when only archives have.
    pub(in crate::store) told_by: Option<i64>,
}

/// What is stored of what a batch names.
#[derive(Default)]
pub(in crate::store) struct Found {
    pub(in crate::store) conversations: HashMap<ConversationId, KnownConversation>,
    pub(in crate::store) people: HashMap<PersonId, Person>,
    pub(in crate::store) aliases: HashMap<PersonId, PersonId>,
    members: HashMap<i64, Vec<Person>>,
    /// By key of the conversation.
    near: HashMap<i64, Vec<Near>>,
    /// Where messages of a conversation may be.
    places: HashMap<ConversationId, Vec<i64>>,
    archived: HashMap<(i64, String), (MessageId, i64)>,
    own: HashSet<(MessageId, i64)>,
    /// Rows of earlier imports in whatever conversation.
    anywhere: HashMap<(i64, String), (MessageId, i64)>,
    /// Messages that rows without a thread are, by the places of the rows in their batch.
    pub(in crate::store) alone: HashMap<usize, Near>,
}

impl Near {
    /// As it is compared.
    pub(in crate::store) fn trace(&self) -> Trace {
        let is_archived = self.message.as_str().starts_with(ARCHIVE_PREFIX);
        let at = match is_archived {
            true => Moment::Second(self.delivered_at.0.div_euclid(1_000)),
            false => Moment::Exact(self.delivered_at.0),
        };
        Trace {
            at,
            who: Who { id: self.sender.clone(), name: self.sender_name.clone() },
            text: comparable_text(&self.body),
            has_attachment: self.has_attachment,
        }
    }
}

impl Found {
    /// A row as it is compared.
    pub(in crate::store) fn trace(&self, row: &ArchivedMessage) -> Trace {
        let sender = row.sender.as_ref();
        Trace {
            // A row without a time is only ever the same as another such row.
            at: Moment::Second(row.noted_second()),
            who: Who {
                id: sender.map(|one| self.resolved(&one.id)),
                name: sender.map(ArchivedPerson::comparable).unwrap_or_default(),
            },
            text: comparable_text(&row.body),
            has_attachment: !row.content.is_empty(),
        }
    }

    /// The id that somebody has now.
    pub(in crate::store) fn resolved(&self, id: &PersonId) -> PersonId {
        self.aliases.get(id).unwrap_or(id).clone()
    }

    /// Notes that somebody is a member of one of the conversations.
    pub(in crate::store) fn name(&mut self, alias: &PersonId, id: &PersonId) {
        self.aliases.insert(alias.clone(), id.clone());
        let member = self.members.values().flatten().find(|one| one.id == *id).cloned();
        self.people.extend(member.map(|member| (id.clone(), member)));
    }

    /// Whether LinkedIn itself has told who is in a conversation.
    pub(in crate::store) fn is_live(&self, id: &ConversationId) -> bool {
        self.conversations.get(id).is_some_and(|known| known.is_tracked)
    }

    /// Who is in a conversation.
    pub(in crate::store) fn members(&self, id: &ConversationId) -> &[Person] {
        let pk = self.conversations.get(id).map(|known| known.pk);
        pk.and_then(|pk| self.members.get(&pk)).map_or(&[], Vec::as_slice)
    }

    /// Messages that a row of a conversation may be.
    pub(in crate::store) fn near<'a>(&'a self, id: &ConversationId) -> impl Iterator<Item = &'a Near> {
        let places = self.places.get(id).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|pk| self.near.get(pk)).flatten()
    }

    /// The message and the import of a row that was taken in before.
    pub(in crate::store) fn archived(&self, row: &ArchivedMessage) -> Option<(&MessageId, i64)> {
        let key = (row.noted_second(), row.fingerprint.clone());
        let anywhere = || self.anywhere.get(&key).filter(|_| row.is_thread_derived);
        self.archived.get(&key).or_else(anywhere).map(|(message, import)| (message, *import))
    }

    /// Whether a message was told by a row of this import already.
    pub(in crate::store) fn is_of_import(&self, message: &MessageId, import: i64) -> bool {
        self.own.contains(&(message.clone(), import))
    }
}

impl<D: Dialect> SqlStore<D> {
    /// Looks up all that a batch names.
    pub(in crate::store) async fn find(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        batch: &[ArchivedMessage],
    ) -> StoreResult<Found> {
        let mut found = Found::default();
        found.aliases.insert(import.owner.clone(), import.member.clone());
        self.find_names(tx, import, batch, &mut found).await?;
        self.find_conversations(tx, import, ids_of(batch), &mut found).await?;
        self.find_people(tx, import, batch, &mut found).await?;
        self.find_places(tx, import, batch, &mut found).await?;
        self.find_near(tx, batch, &mut found).await?;
        if import.is_alone {
            self.find_anywhere(tx, import, batch, &mut found).await?;
        }
        Ok(found)
    }

    /// Messages that the rows may be, and what archives have told of those.
    async fn find_near(&self, tx: &mut D::Tx, batch: &[ArchivedMessage], found: &mut Found) -> StoreResult<()> {
        let pairs = pairs_of(batch, found);
        let (mut script, limit) = (Vec::new(), [beyond_crowd()]);
        for_pairs(&mut script, ARCHIVED, &pairs, &limit);
        let count = script.len();
        for_pairs(&mut script, NEAR, &pairs, &limit);
        if script.is_empty() {
            return Ok(());
        }
        let mut archived = self.db.run(tx, script).await?;
        let mut near = archived.split_off(count);
        let mut has_crowd = false;
        for (archived, near) in archived.iter_mut().zip(&mut near) {
            if is_crowd(archived) || is_crowd(near) {
                (*archived, *near) = (Outcome::default(), Outcome::default());
                has_crowd = true;
            }
        }
        let told = read_archived(archived, found)?;
        found.near = read_near(near, &told)?;
        if has_crowd {
            let same = self.db.run(tx, word_for_word_script(batch, found)).await?;
            read_archived(same, found)?;
        }
        Ok(())
    }

    /// Rows of earlier imports that name no thread, and whose messages have found theirs since.
    async fn find_anywhere(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        batch: &[ArchivedMessage],
        found: &mut Found,
    ) -> StoreResult<()> {
        let derived = batch.iter().filter(|row| row.is_thread_derived);
        let pairs: BTreeSet<(i64, i64)> = derived.map(|row| (import.account_pk, row.noted_second())).collect();
        let mut script = Vec::new();
        for_pairs(&mut script, ARCHIVED_ANYWHERE, &pairs.into_iter().collect::<Vec<_>>(), &[beyond_crowd()]);
        let mut anywhere = Found::default();
        let mut answers = self.db.run(tx, script).await?;
        answers.retain(|one| !is_crowd(one));
        read_archived(answers, &mut anywhere)?;
        // The same words to two people in one second are two rows of this import.
        anywhere.archived.retain(|_, (_, import_id)| *import_id != import.id);
        found.anywhere = anywhere.archived;
        Ok(())
    }

    /// Ids that people of the rows have now.
    async fn find_names(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        batch: &[ArchivedMessage],
        found: &mut Found,
    ) -> StoreResult<()> {
        let (count, script) = names_script(import, batch);
        let answers = self.db.run(tx, script).await?;
        read_names(answers, count, batch, found)
    }

    async fn find_conversations(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        ids: Vec<ConversationId>,
        found: &mut Found,
    ) -> StoreResult<()> {
        let mut script = Vec::new();
        let head = format!(
            "SELECT c.pk, CASE WHEN t.conversation_pk IS NULL THEN 0 ELSE 1 END, {CONVERSATION} FROM conversations c \
             LEFT JOIN tracks t ON t.conversation_pk = c.pk WHERE c.account_pk = ? AND c.id"
        );
        for_keys(&mut script, &head, "", &[import.account_pk.into()], ids.iter().map(|id| id.as_str()));
        for row in rows::rows(self.db.run(tx, script).await?) {
            let mut row = row.columns("conversations");
            let (pk, is_tracked) = (row.int("pk")?, row.flag("conversation_pk")?);
            let conversation = rows::conversation(&mut row)?;
            let id = conversation.id.clone();
            found.conversations.insert(id, KnownConversation { pk, conversation, is_tracked });
        }
        Ok(())
    }

    async fn find_people(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        batch: &[ArchivedMessage],
        found: &mut Found,
    ) -> StoreResult<()> {
        let mut script: Vec<Statement> = Self::asked_participants(found.conversations.values().map(|known| known.pk));
        let count = script.len();
        people_script(&mut script, import, batch, found);
        let mut answers = self.db.run(tx, script).await?;
        let people = answers.split_off(count);
        found.members = Self::read_participants(answers)?;
        for row in rows::rows(people) {
            let person = rows::person(&mut row.columns("people"))?;
            found.people.insert(person.id.clone(), person);
        }
        Ok(())
    }

    /// Where messages of the rows may be: in the conversation itself, and in those between the same people where one
    /// of the two was told without an id.
    async fn find_places(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        batch: &[ArchivedMessage],
        found: &mut Found,
    ) -> StoreResult<()> {
        let twins = own_places(import, batch, found);
        let mut missing = Found::default();
        let ids = twins.iter().map(|(_, twin)| twin.clone()).collect();
        self.find_conversations(tx, import, ids, &mut missing).await?;
        for (id, twin) in twins {
            let pk = missing.conversations.get(&twin).map(|known| known.pk);
            found.places.entry(id).or_default().extend(pk);
        }
        Ok(())
    }
}

/// Asks which ids people of the rows have now; gives how many statements ask by slugs.
fn names_script(import: &Importing, batch: &[ArchivedMessage]) -> (usize, Vec<Statement>) {
    let ids: BTreeSet<&str> = people_of(batch).map(|one| one.id.as_str()).collect();
    let slugs: BTreeSet<&str> = people_of(batch).filter_map(|one| one.slug.as_deref()).collect();
    let account = [Value::from(import.account_pk)];
    let mut script = Vec::new();
    let by_slug = "SELECT p.slug, p.id FROM people p WHERE p.account_pk = ? AND p.slug";
    for_keys(&mut script, by_slug, "", &account, slugs.into_iter());
    let count = script.len();
    let by_alias = "SELECT x.alias, x.person_id FROM person_aliases x WHERE x.account_pk = ? AND x.alias";
    for_keys(&mut script, by_alias, "", &account, ids.into_iter());
    (count, script)
}

fn read_names(answers: Vec<Outcome>, count: usize, batch: &[ArchivedMessage], found: &mut Found) -> StoreResult<()> {
    let slugs: BTreeMap<&str, &PersonId> =
        people_of(batch).filter_map(|one| Some((one.slug.as_deref()?, &one.id))).collect();
    let mut answers = answers.into_iter();
    for row in answers.by_ref().take(count).flat_map(|one| one.rows) {
        let mut row = row.columns("people");
        let (slug, id) = (row.text("slug")?, row.id::<PersonId>("id")?);
        if let Some(alias) = slugs.get(slug.as_str()).filter(|alias| ***alias != id) {
            found.aliases.entry((*alias).clone()).or_insert(id);
        }
    }
    for row in answers.flat_map(|one| one.rows) {
        let mut row = row.columns("person_aliases");
        found.aliases.insert(row.id("alias")?, row.id("person_id")?);
    }
    Ok(())
}

fn people_script(script: &mut Vec<Statement>, import: &Importing, batch: &[ArchivedMessage], found: &Found) {
    let ids: BTreeSet<PersonId> = people_of(batch).map(|one| found.resolved(&one.id)).collect();
    let head = format!("SELECT {PERSON} FROM people p WHERE p.account_pk = ? AND p.id");
    for_keys(script, &head, "", &[import.account_pk.into()], ids.iter().map(|id| id.as_str()));
}

fn people_of(batch: &[ArchivedMessage]) -> impl Iterator<Item = &ArchivedPerson> {
    batch.iter().flat_map(|row| row.sender.iter().chain(&row.recipients))
}

fn ids_of(batch: &[ArchivedMessage]) -> Vec<ConversationId> {
    let ids: BTreeSet<&ConversationId> = batch.iter().map(|row| &row.conversation).collect();
    ids.into_iter().cloned().collect()
}

/// Where and around which seconds messages may be.
fn pairs_of(batch: &[ArchivedMessage], found: &Found) -> Vec<(i64, i64)> {
    let mut pairs: BTreeSet<(i64, i64)> = BTreeSet::new();
    for row in batch {
        let places = found.places.get(&row.conversation).into_iter().flatten();
        pairs.extend(places.map(|pk| (*pk, row.noted_second())));
    }
    pairs.into_iter().collect()
}

/// One row more than is looked at.
fn beyond_crowd() -> Value {
    i64::try_from(CROWD_MAX).unwrap_or(i64::MAX).saturating_add(1).into()
}

fn is_crowd(found: &Outcome) -> bool {
    found.rows.len() > CROWD_MAX
}

/// Asks for the rows of a batch by all that makes them these rows, wherever their messages may be.
fn word_for_word_script(batch: &[ArchivedMessage], found: &Found) -> Vec<Statement> {
    let mut fingerprints: BTreeMap<(i64, i64), BTreeSet<&str>> = BTreeMap::new();
    for row in batch {
        for pk in found.places.get(&row.conversation).into_iter().flatten() {
            fingerprints.entry((*pk, row.ordered_at)).or_default().insert(&row.fingerprint);
        }
    }
    let mut script = Vec::new();
    for ((pk, second), fingerprints) in fingerprints {
        for_keys(&mut script, WORD_FOR_WORD, "", &[pk.into(), second.into()], fingerprints.into_iter());
    }
    script
}

/// Notes the places that are known; gives the twins whose places are still to be found.
fn own_places(
    import: &Importing,
    batch: &[ArchivedMessage],
    found: &mut Found,
) -> Vec<(ConversationId, ConversationId)> {
    let mut rows_of: BTreeMap<&ConversationId, Vec<&ArchivedMessage>> = BTreeMap::new();
    for row in batch {
        rows_of.entry(&row.conversation).or_default().push(row);
    }
    let mut twins = Vec::new();
    for (id, rows) in rows_of {
        let own = found.conversations.get(id).map(|known| known.pk);
        let is_derived = rows.iter().any(|row| row.is_thread_derived);
        let named = import.threads.get(id).filter(|_| is_derived).into_iter().flatten().copied();
        found.places.insert(id.clone(), own.into_iter().chain(named).collect());
        if import.has_derived && !is_derived {
            twins.extend(twin_of(import, &rows, found).map(|twin| (id.clone(), twin)));
        }
    }
    twins
}

/// Reads rows of archives; gives for each message how new the newest archive is that has told it.
fn read_archived(answers: Vec<Outcome>, found: &mut Found) -> StoreResult<HashMap<MessageId, Option<i64>>> {
    let mut told: HashMap<MessageId, Option<i64>> = HashMap::new();
    for row in rows::rows(answers) {
        let mut row = row.columns("archived_messages");
        let (second, fingerprint) = (row.int("second")?, row.text("fingerprint")?);
        let (message, import): (MessageId, i64) = (row.id("message_id")?, row.int("import_id")?);
        let newest = row.int_or_null("newest_second")?;
        let kept = told.entry(message.clone()).or_default();
        *kept = (*kept).max(newest);
        found.own.insert((message.clone(), import));
        found.archived.insert((second, fingerprint), (message, import));
    }
    Ok(told)
}

pub(super) fn read_near(
    answers: Vec<Outcome>,
    told: &HashMap<MessageId, Option<i64>>,
) -> StoreResult<HashMap<i64, Vec<Near>>> {
    let mut near: HashMap<i64, Vec<Near>> = HashMap::new();
    let mut seen: HashSet<MessageId> = HashSet::new();
    for row in rows::rows(answers) {
        let mut row = row.columns("messages");
        let (pk, conversation) = (row.int("conversation_pk")?, row.id("conversation_id")?);
        let message: MessageId = row.id("id")?;
        if !seen.insert(message.clone()) {
            continue;
        }
        let (delivered_at, sender) = (row.time("delivered_at")?, row.id_or_null("sender_id")?);
        let (body, has_attachment) = (row.text("body")?, row.flag("content")?);
        let (first, last) = (row.text_or_null("first_name")?, row.text_or_null("last_name")?);
        let name = format!("{} {}", first.unwrap_or_default(), last.unwrap_or_default());
        let told_by = told.get(&message).copied().flatten();
        let sender_name = comparable_name(&name);
        let one = Near { pk, conversation, message, delivered_at, sender, sender_name, body, has_attachment, told_by };
        near.entry(pk).or_default().push(one);
    }
    Ok(near)
}
