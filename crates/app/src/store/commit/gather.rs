//! The first script of a commit: the lease, and the old rows of the ids that the batch names.
//!
//! Nothing is asked for when the batch names nothing of a kind.

use std::collections::{BTreeSet, HashMap};

use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::sync::Health;
use threadkeep_core::sync::track::ConversationTrack;
use threadkeep_core::time::Timestamp;

use crate::planted::{self, Bug};
use crate::store::rows::{self, CONVERSATION, MESSAGE, PERSON, TRACK};
use crate::store::statement::{Outcome, Statement, Value, for_keys, sql};
use crate::store::{Commit, StoreResult};

/// A conversation with its key.
pub(super) struct Kept {
    pub(super) pk: i64,
    /// Its newest message that is not deleted, before this batch.
    pub(super) newest: Option<(Timestamp, MessageId)>,
    pub(super) conversation: Conversation,
    pub(super) track: Option<ConversationTrack>,
}

/// What is stored of what a batch names.
pub(super) struct Before {
    pub(super) account_pk: i64,
    pub(super) member: PersonId,
    pub(super) event_seq: i64,
    pub(super) conversation_seq: i64,
    pub(super) health: Health,
    pub(super) logins_lost: i64,
    pub(super) oldest_message_at: Option<Timestamp>,
    /// Whether something of the account came from an archive.
    pub(super) has_archive: bool,
    pub(super) cancel_requested: bool,
    pub(super) media_asks: i64,
    pub(super) people: HashMap<PersonId, Person>,
    pub(super) conversations: HashMap<ConversationId, Kept>,
    pub(super) messages: HashMap<MessageId, (i64, Message)>,
}

/// How many statements of the script ask for what, in this order after the lease.
pub(super) struct Questions {
    people: usize,
    conversations: usize,
}

/// The script, and what its answers are about.
pub(super) fn script(commit: &Commit<'_>, locking: &str) -> (Questions, Vec<Statement>) {
    script_after(lease(commit, locking), commit)
}

/// The account of a lease, if it still holds.
pub(super) fn lease(commit: &Commit<'_>, locking: &str) -> Statement {
    let lease = commit.lease;
    let same = if planted::is(Bug::NoEpochCheck) { ">=" } else { "=" };
    sql!(
        format!(
            "SELECT a.pk, a.member_id, a.event_seq, a.conversation_seq, a.health, a.logins_lost, a.oldest_message_at, \
             a.has_archive, j.cancel_requested, a.media_asks FROM accounts a JOIN jobs j ON j.account_pk = a.pk \
             WHERE a.id = ? AND j.id = ? AND j.epoch {same} ? AND j.state = 'running'{locking}"
        ),
        &lease.account,
        lease.job,
        lease.epoch,
    )
}

/// The same of an account that an archive is imported into.
pub(super) fn account(commit: &Commit<'_>) -> Statement {
    let text = "SELECT a.pk, a.member_id, a.event_seq, a.conversation_seq, a.health, a.logins_lost, \
         a.oldest_message_at, a.has_archive, 0, a.media_asks FROM accounts a WHERE a.id = ?";
    sql!(text, &commit.lease.account)
}

/// The script behind a first statement that gives the account.
pub(super) fn script_after(first: Statement, commit: &Commit<'_>) -> (Questions, Vec<Statement>) {
    let batch = commit.batch;
    let lease = commit.lease;
    let mut script = vec![first];
    let account = [Value::from(&lease.account)];
    let people: BTreeSet<&str> = batch.people.iter().map(|one| one.id.as_str()).collect();
    for_keys(
        &mut script,
        &format!("SELECT {PERSON} FROM people p WHERE p.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND p.id"),
        "",
        &account,
        people.into_iter(),
    );
    let people = script.len() - 1;
    for_keys(
        &mut script,
        &format!(
            "SELECT c.pk, c.newest_at, c.newest_id, {CONVERSATION}, {TRACK} FROM conversations c LEFT JOIN tracks t ON t.conversation_pk = c.pk \
             WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id"
        ),
        "",
        &account,
        conversations(commit).into_iter(),
    );
    let conversations = script.len() - 1 - people;
    let messages = batch.messages.iter().map(|one| &one.id).chain(&batch.deleted_messages);
    let messages: BTreeSet<&str> = messages.map(MessageId::as_str).collect();
    for_keys(
        &mut script,
        &format!(
            "SELECT c.pk, c.id, {MESSAGE} FROM messages m JOIN conversations c ON c.pk = m.conversation_pk \
             WHERE m.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND m.id"
        ),
        "",
        &account,
        messages.into_iter(),
    );
    (Questions { people, conversations }, script)
}

fn conversations<'a>(commit: &Commit<'a>) -> BTreeSet<&'a str> {
    let batch = commit.batch;
    let listed = batch.conversations.iter().map(|one| &one.id);
    let spoken = batch.messages.iter().map(|one| &one.conversation);
    let sighted = batch.sightings.iter().map(|one| &one.conversation);
    let asked = batch.track.iter().map(|one| &one.conversation);
    let swept = batch.verification.iter().flat_map(|one| &one.sweeps);
    let all = listed.chain(swept).chain(spoken).chain(sighted).chain(asked).chain(&batch.deleted_conversations);
    all.map(ConversationId::as_str).collect()
}

/// Reads the answers; `None` when the lease is lost.
pub(super) fn read(questions: &Questions, answers: Vec<Outcome>, commit: &Commit<'_>) -> StoreResult<Option<Before>> {
    let mut answers = answers.into_iter();
    let Some(row) = answers.next().and_then(|one| one.rows.into_iter().next()) else {
        return Ok(None);
    };
    let mut row = row.columns("accounts");
    let mut before = Before {
        account_pk: row.int("pk")?,
        member: row.id("member_id")?,
        event_seq: row.int("event_seq")?,
        conversation_seq: row.int("conversation_seq")?,
        health: row.named("health", Health::from_name)?,
        logins_lost: row.int("logins_lost")?,
        oldest_message_at: row.time_or_null("oldest_message_at")?,
        has_archive: row.flag("has_archive")?,
        cancel_requested: row.flag("cancel_requested")?,
        media_asks: row.int("media_asks")?,
        people: HashMap::with_capacity(commit.batch.people.len()),
        conversations: HashMap::new(),
        messages: HashMap::new(),
    };
    for row in answers.by_ref().take(questions.people).flat_map(|one| one.rows) {
        let person = rows::person(&mut row.columns("people"))?;
        before.people.insert(person.id.clone(), person);
    }
    for row in answers.by_ref().take(questions.conversations).flat_map(|one| one.rows) {
        let mut row = row.columns("conversations");
        let pk = row.int("pk")?;
        let newest_at = row.time_or_null("newest_at")?;
        let newest = newest_at.zip(row.id_or_null("newest_id")?);
        let conversation = rows::conversation(&mut row)?;
        let track = match row.time_or_null("activity")? {
            Some(activity) => Some(ConversationTrack {
                conversation: conversation.id.clone(),
                activity,
                synced_to: row.time_or_null("synced_to")?,
                detail: row.json("detail")?,
            }),
            None => None,
        };
        before.conversations.insert(conversation.id.clone(), Kept { pk, newest, conversation, track });
    }
    for row in answers.flat_map(|one| one.rows) {
        let mut row = row.columns("messages");
        let conversation_pk = row.int("conversation_pk")?;
        let conversation = row.id("conversation_id")?;
        let message = rows::message(&mut row, conversation)?;
        before.messages.insert(message.id.clone(), (conversation_pk, message));
    }
    Ok(Some(before))
}
