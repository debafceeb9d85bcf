//! Rows of an archive become records, a batch at a time, in the one transaction of an import.
//!
//! What another source has told is never replaced by what an archive tells: a row joins the message that it is, fills in
//! what nobody told, or is a message of its own. What is the same is decided in `core::identity`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use threadkeep_core::archived::ArchivedMessage;
use threadkeep_core::conversation::{Conversation, ConversationSeen};
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::identity::{ARCHIVE_PREFIX, Likeness, Trace, UNKNOWN_OWNER, match_up};
use threadkeep_core::message::{MessageFormat, MessageSeen, Origin};
use threadkeep_core::sync::Batch;
use threadkeep_core::time::Timestamp;

use super::adopt::Adopted;
use super::archive_people::{bridge, linked, people};
use super::ready::NEWEST;
use super::{fold, gather, write};
use crate::archive::conversation_of_names;
use crate::store::dialect::Dialect;
use crate::store::import::Importing;
use crate::store::import::found::{Found, Near};
use crate::store::rows;
use crate::store::statement::{Statement, Value, for_keys, insert_rows, sql};
use crate::store::{Commit, Lease, Progress, SqlStore, StoreError, StoreResult};

pub(in crate::store) const ARCHIVED_HEAD: &str = "INSERT INTO archived_messages \
     (conversation_pk, second, fingerprint, account_pk, message_id, import_id, other_body) VALUES";
const ARCHIVED_TAIL: &str = "ON CONFLICT (conversation_pk, second, fingerprint) DO NOTHING";
pub(in crate::store) const ALIAS_HEAD: &str = "INSERT INTO person_aliases (account_pk, alias, person_id) VALUES";
const ALIAS_TAIL: &str = "ON CONFLICT (account_pk, alias) DO UPDATE SET person_id = excluded.person_id";
/// How much earlier the activity of a conversation is put that LinkedIn has told of: times of an archive are not exact,
/// and activity that seems newer than LinkedIn's own would make its next page an old one.
const ACTIVITY_SLACK_MS: i64 = 2_000;

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct ArchiveCounts {
    pub(in crate::store) imported: u64,
    pub(in crate::store) joined: u64,
    pub(in crate::store) changed: u64,
    pub(in crate::store) known: u64,
    pub(in crate::store) duplicates: u64,
    pub(in crate::store) conversations: u64,
    pub(in crate::store) people: u64,
}

/// Where a row goes: the place of the row in its batch, and the message that it is.
struct Placed {
    row: usize,
    message: MessageId,
    /// The conversation of the message, where it is not the row's.
    elsewhere: Option<i64>,
    /// Its text, when the message has another one.
    other_body: Option<String>,
}

/// A message that moves from the conversation of an old export to the thread that it was in.
struct Move {
    message: MessageId,
    from: i64,
    to: ConversationId,
}

/// What the rows of a batch become.
#[derive(Default)]
struct Decided {
    placed: Vec<Placed>,
    messages: Vec<MessageSeen>,
    /// Texts of rows whose messages are here with other ones.
    earlier: Vec<(MessageId, String)>,
    moves: Vec<Move>,
    counts: ArchiveCounts,
}

impl Decided {
    /// Rows that became messages of their own and name no thread.
    fn without_thread(&self, rows: &[ArchivedMessage]) -> Vec<usize> {
        let own = self.placed.iter().filter(|one| self.messages.iter().any(|seen| seen.id == one.message));
        own.map(|one| one.row).filter(|at| rows.get(*at).is_some_and(|row| row.is_thread_derived)).collect()
    }
}

impl<D: Dialect> SqlStore<D> {
    /// Takes in a batch of rows.
    pub(in crate::store) async fn take_rows(
        &self,
        tx: &mut D::Tx,
        import: &mut Importing,
        rows: &[ArchivedMessage],
    ) -> StoreResult<ArchiveCounts> {
        let mut found = self.find(tx, import, rows).await?;
        let mut aliases = bridge(import, rows, &mut found);
        let (linked, renaming) = linked(import, rows, &mut found);
        aliases.extend(linked);
        if !renaming.is_empty() {
            self.db.run(tx, renaming).await?;
        }
        let mut decided = decide(import, rows, &found);
        let left = decided.without_thread(rows);
        if import.is_alone && !left.is_empty() {
            found.alone = self.find_alone(tx, import, rows, (&left, &found)).await?;
            decided = decide(import, rows, &found);
        }
        let (people, new_people) = people(rows, &found);
        let conversations = conversations(import, rows, &decided, &found);
        decided.counts.people = new_people;
        decided.counts.conversations =
            conversations.iter().filter(|one| !found.conversations.contains_key(&one.id)).count() as u64;
        let messages = std::mem::take(&mut decided.messages);
        let batch = Batch { origin: Origin::Delta, people, conversations, messages, ..nothing() };
        let adopted = Adopted::of_earlier(std::mem::take(&mut decided.earlier));
        let (mut script, kept) = self.archived(tx, import, &batch, &adopted).await?;
        let pk_of = |id: &ConversationId| kept.get(id).copied();
        let left = write_moves(&mut script, &decided.moves, &pk_of);
        write_archived(&mut script, import, rows, &decided.placed, &pk_of);
        // One statement may name an alias once; what was told last holds.
        let aliases: BTreeMap<_, _> = aliases.iter().map(|(alias, id)| (alias, id)).collect();
        let values = aliases.into_iter().flat_map(|(alias, id)| [import.account_pk.into(), alias.into(), id.into()]);
        insert_rows(&mut script, ALIAS_HEAD, ALIAS_TAIL, 3, values.collect());
        self.db.run(tx, script).await?;
        self.remove_emptied(tx, import, left).await?;
        import.taken = decided.placed.into_iter().map(|placed| placed.message).collect();
        Ok(decided.counts)
    }

    /// Removes conversations of exports without threads out of which the last message has moved.
    async fn remove_emptied(&self, tx: &mut D::Tx, import: &Importing, left: BTreeSet<i64>) -> StoreResult<()> {
        let mut script = Vec::new();
        let head = "SELECT c.id FROM conversations c WHERE c.newest_id IS NULL AND c.is_deleted = 0 AND c.pk";
        for_keys(&mut script, head, "", &[], left.into_iter());
        if script.is_empty() {
            return Ok(());
        }
        let emptied = rows::rows(self.db.run(tx, script).await?).map(|row| row.columns("conversations").id("id"));
        let deleted_conversations = emptied.collect::<StoreResult<Vec<ConversationId>>>()?;
        if deleted_conversations.is_empty() {
            return Ok(());
        }
        let batch = Batch { origin: Origin::Delta, deleted_conversations, ..nothing() };
        let (script, _) = self.archived(tx, import, &batch, &Adopted::default()).await?;
        self.db.run(tx, script).await.map(|_| ())
    }

    /// The statements that write what a batch changes, and the keys of the conversations that it names.
    async fn archived(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
        batch: &Batch,
        adopted: &Adopted,
    ) -> StoreResult<(Vec<Statement>, HashMap<ConversationId, i64>)> {
        let lease = Lease { job: 0, account: import.account.clone(), epoch: 0 };
        let progress = Progress::default();
        let commit = Commit {
            lease: &lease,
            batch,
            sealed_session: None,
            next_request_at: import.now,
            lease_until: import.now,
            progress: &progress,
            now: import.now,
        };
        let (questions, script) = gather::script_after(gather::account(&commit), &commit);
        let answers = self.db.run(tx, script).await?;
        let before = gather::read(&questions, answers, &commit)?.ok_or(StoreError::LeaseLost)?;
        let mut folded = fold::fold(&commit, before, adopted);
        let attachments = std::mem::take(&mut folded.attachments);
        let script = write::archive_script(&commit, &folded, attachments)?;
        let kept = folded.before.conversations.iter().map(|(id, kept)| (id.clone(), kept.pk)).collect();
        Ok((script, kept))
    }
}

/// A batch of nothing.
fn nothing() -> Batch {
    Batch::unchanged(&threadkeep_core::sync::SyncState {
        scope: Vec::new(),
        inbox: threadkeep_core::sync::track::InboxTrack::default(),
        due: None,
        hold: None,
        run: threadkeep_core::sync::track::RunId { job: 0, started_at: Timestamp(0) },
    })
}

fn decide(import: &Importing, rows: &[ArchivedMessage], found: &Found) -> Decided {
    let mut decided = Decided::default();
    let mut taken: HashSet<&MessageId> = import.taken.iter().collect();
    let mut fresh: BTreeMap<&ConversationId, Vec<usize>> = BTreeMap::new();
    let mut seen: HashSet<(&ConversationId, i64, &str)> = HashSet::new();
    for (at, row) in rows.iter().enumerate() {
        let is_first = seen.insert((&row.conversation, row.noted_second(), &row.fingerprint));
        match found.archived(row) {
            _ if !is_first => decided.counts.duplicates += 1,
            Some((message, import_id)) => {
                taken.insert(message);
                let is_own = import_id == import.id;
                decided.counts.duplicates += u64::from(is_own);
                decided.counts.known += u64::from(!is_own);
            }
            None => fresh.entry(&row.conversation).or_default().push(at),
        }
    }
    for (conversation, mut places) in fresh {
        places.sort_by_key(|at| (rows[*at].ordered_at, rows[*at].rank));
        let mut near: Vec<&Near> = found
            .near(conversation)
            .filter(|near| !taken.contains(&near.message) && !found.is_of_import(&near.message, import.id))
            .collect();
        near.sort_by(|a, b| (a.delivered_at, &a.message).cmp(&(b.delivered_at, &b.message)));
        let messages: Vec<Trace> = near.iter().map(|near| near.trace()).collect();
        let traces: Vec<Trace> = places.iter().map(|at| found.trace(&rows[*at])).collect();
        let pairs: HashMap<usize, (usize, Likeness)> =
            match_up(&traces, &messages).into_iter().map(|pair| (pair.row, (pair.message, pair.likeness))).collect();
        for (number, at) in places.into_iter().enumerate() {
            let alone = found.alone.get(&at).map(|near| (near, Likeness::SameText));
            let known = pairs.get(&number).map(|(place, likeness)| (near[*place], *likeness));
            match known.or(alone) {
                Some((near, likeness)) => join(import, (at, &rows[at]), near, likeness, &mut decided),
                None => add(at, &rows[at], found, &mut decided),
            }
        }
    }
    decided
}

/// A row is a message that is here.
fn join(
    import: &Importing,
    (at, row): (usize, &ArchivedMessage),
    near: &Near,
    likeness: Likeness,
    decided: &mut Decided,
) {
    let is_archived = near.message.as_str().starts_with(ARCHIVE_PREFIX);
    let is_newer = import.newest_second > near.told_by;
    let of_row = || seen(near.message.clone(), near.conversation.clone(), near.delivered_at, row, None);
    let mut other_body = (likeness == Likeness::OtherText).then(|| row.body.clone());
    match (is_archived, likeness) {
        (false, _) => decided.counts.joined += 1,
        (true, Likeness::OtherText) if is_newer => {
            decided.counts.changed += 1;
            other_body = None;
            decided.messages.push(MessageSeen { format: Some(MessageFormat::Edited), ..of_row() });
        }
        (true, _) => {
            decided.counts.known += 1;
            // The archive that has told it may be of the time before the column of attachments.
            if !near.has_attachment && !row.content.is_empty() {
                decided.messages.push(MessageSeen { body: None, ..of_row() });
            }
        }
    }
    if let Some(body) = other_body.clone() {
        // The message is only looked up by this: nothing is told of it but the earlier text.
        decided.messages.push(MessageSeen { body: None, subject: None, content: None, ..of_row() });
        decided.earlier.push((near.message.clone(), body));
    }
    let is_elsewhere = near.conversation != row.conversation;
    if is_elsewhere && is_archived && !row.is_thread_derived {
        decided.moves.push(Move { message: near.message.clone(), from: near.pk, to: row.conversation.clone() });
    }
    let elsewhere = (is_elsewhere && row.is_thread_derived).then_some(near.pk);
    decided.placed.push(Placed { row: at, message: near.message.clone(), elsewhere, other_body });
}

/// A row is a message of its own.
fn add(at: usize, row: &ArchivedMessage, found: &Found, decided: &mut Decided) {
    let hash = row.fingerprint.get(..16).unwrap_or(&row.fingerprint);
    let id = format!("{ARCHIVE_PREFIX}{:011}-{:02}{hash}", row.ordered_at, row.rank);
    let Ok(id) = MessageId::new(&id) else { return };
    let sender = row.sender.as_ref().map(|one| found.resolved(&one.id));
    let at_ms = Timestamp(row.ordered_at.saturating_mul(1_000));
    decided.counts.imported += 1;
    decided.messages.push(seen(id.clone(), row.conversation.clone(), at_ms, row, sender));
    decided.placed.push(Placed { row: at, message: id, elsewhere: None, other_body: None });
}

fn seen(
    id: MessageId,
    conversation: ConversationId,
    delivered_at: Timestamp,
    row: &ArchivedMessage,
    sender: Option<PersonId>,
) -> MessageSeen {
    MessageSeen {
        id,
        conversation,
        sender,
        delivered_at,
        body: Some(row.body.clone()),
        attributes: None,
        subject: row.subject.clone(),
        format: None,
        content: Some(row.content.clone()).filter(|content| !content.is_empty()),
        fallback_text: None,
        reactions: None,
    }
}

/// Conversations that are new or of which something was not known.
fn conversations(
    import: &Importing,
    rows: &[ArchivedMessage],
    decided: &Decided,
    found: &Found,
) -> Vec<ConversationSeen> {
    let mut told: BTreeMap<&ConversationId, Vec<&ArchivedMessage>> = BTreeMap::new();
    // A conversation of an old export is none where all its rows are messages of threads.
    let here = decided.placed.iter().filter(|one| one.elsewhere.is_none()).filter_map(|one| rows.get(one.row));
    let here: HashSet<&ConversationId> = here.map(|row| &row.conversation).collect();
    let is_one = |id: &ConversationId| here.contains(id) || found.conversations.contains_key(id);
    for row in rows.iter().filter(|row| is_one(&row.conversation)) {
        told.entry(&row.conversation).or_default().push(row);
    }
    let of_rows = |(id, rows): (_, Vec<_>)| conversation(import, id, (&rows, here.contains(id)), found);
    told.into_iter().filter_map(of_rows).collect()
}

fn conversation(
    import: &Importing,
    id: &ConversationId,
    (rows, is_here): (&[&ArchivedMessage], bool),
    found: &Found,
) -> Option<ConversationSeen> {
    let known = found.conversations.get(id);
    // What LinkedIn has removed does not come back by an archive. A conversation of archives alone went because all its
    // messages have found their threads; a row that finds none brings it back.
    let is_gone = known.is_some_and(|known| known.conversation.deleted);
    if is_gone && !(is_here && id.as_str().starts_with(ARCHIVE_PREFIX)) {
        return None;
    }
    let newest = rows.iter().max_by_key(|row| row.ordered_at)?;
    let newest_ms = newest.ordered_at.saturating_mul(1_000);
    let kept: Option<&Conversation> = known.map(|known| &known.conversation);
    let title = rows
        .iter()
        .filter(|row| row.title.is_some())
        .max_by_key(|row| row.ordered_at)
        .and_then(|row| row.title.clone());
    let has_title = kept.is_some_and(|kept| kept.title.is_some());
    let mut seen =
        ConversationSeen { title: title.filter(|_| !has_title).map(Some), ..ConversationSeen::only_id(id.clone()) };
    let before = kept.map_or(i64::MIN, |kept| kept.last_activity_at.0);
    if known.is_some_and(|known| known.is_tracked) {
        let activity = newest_ms.saturating_sub(ACTIVITY_SLACK_MS);
        seen.last_activity_at = (activity > before).then_some(Timestamp(activity));
        return Some(seen);
    }
    let people = rows.iter().flat_map(|row| row.sender.iter().chain(&row.recipients));
    let mut participants: BTreeSet<PersonId> = people.map(|one| found.resolved(&one.id)).collect();
    // Whoever was stored under a name may have got a link by these rows.
    participants.extend(kept.iter().flat_map(|kept| kept.participants.iter().map(|id| found.resolved(id))));
    if import.member.as_str() != UNKNOWN_OWNER {
        participants.insert(import.member.clone());
    }
    if newest_ms >= before {
        seen.categories = Some(BTreeSet::from([newest.category.clone()]));
        seen.last_activity_at = Some(Timestamp(newest_ms));
    } else if is_gone {
        // Without a time it would not come back.
        seen.last_activity_at = Some(Timestamp(before));
    }
    if rows.iter().any(|row| row.is_sponsored) {
        seen.sponsored = Some(true);
    }
    seen.group = Some(participants.len() > 2);
    seen.participants = Some(participants);
    seen.read = Some(true);
    Some(seen)
}

/// Writes the moves; gives the conversations that something was moved out of.
fn write_moves(
    script: &mut Vec<Statement>,
    moves: &[Move],
    pk_of: &impl Fn(&ConversationId) -> Option<i64>,
) -> BTreeSet<i64> {
    let (mut touched, mut left) = (BTreeSet::new(), BTreeSet::new());
    for one in moves {
        let Some(to) = pk_of(&one.to) else { continue };
        script.push(sql!(
            "UPDATE messages SET conversation_pk = ? WHERE conversation_pk = ? AND id = ?",
            to,
            one.from,
            &one.message
        ));
        script.push(sql!(
            "UPDATE archived_messages SET conversation_pk = ? WHERE conversation_pk = ? AND message_id = ?",
            to,
            one.from,
            &one.message
        ));
        // No event tells of it, and the index of search knows the conversation of each message.
        script.push(sql!(
            "INSERT INTO search_again (account_pk, message_id) SELECT m.account_pk, m.id FROM messages m \
             WHERE m.conversation_pk = ? AND m.id = ? ON CONFLICT (account_pk, message_id) DO NOTHING",
            to,
            &one.message
        ));
        touched.extend([to, one.from]);
        left.insert(one.from);
    }
    for_keys(script, NEWEST, "", &[], touched.into_iter());
    left
}

fn write_archived(
    script: &mut Vec<Statement>,
    import: &Importing,
    rows: &[ArchivedMessage],
    placed: &[Placed],
    pk_of: &impl Fn(&ConversationId) -> Option<i64>,
) {
    let mut values: Vec<Value> = Vec::with_capacity(placed.len() * 7);
    for one in placed {
        let Some(row) = rows.get(one.row) else { continue };
        let Some(pk) = one.elsewhere.or_else(|| pk_of(&row.conversation)) else { continue };
        values.extend([
            pk.into(),
            row.noted_second().into(),
            (&row.fingerprint).into(),
            import.account_pk.into(),
            (&one.message).into(),
            import.id.into(),
            one.other_body.as_deref().into(),
        ]);
    }
    insert_rows(script, ARCHIVED_HEAD, ARCHIVED_TAIL, 7, values);
}

/// The conversation of an old export between the same people as in these rows.
pub(in crate::store) fn twin_of(
    import: &Importing,
    rows: &[&ArchivedMessage],
    found: &Found,
) -> Option<ConversationId> {
    let mut names: BTreeMap<PersonId, &str> = BTreeMap::new();
    for one in rows.iter().flat_map(|row| row.sender.iter().chain(&row.recipients)) {
        names.insert(found.resolved(&one.id), &one.name);
    }
    names.remove(&import.member);
    conversation_of_names(names.into_values())
}
