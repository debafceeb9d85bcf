//! Whole accounts as they leave a database and enter one: `docs/EXPORT.md`, the complete copy.
//!
//! A copy is read as the database is at one moment: parts of different moments need not fit together. It is put in by one
//! transaction, in parts of bounded size: whatever goes wrong on the way, nothing of it stays. It never meets an account
//! that is there.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use threadkeep_core::attachment::attachments;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::ConversationTrack;
use threadkeep_core::time::Timestamp;

use super::commit::{
    CATEGORY_LENGTH_MAX, CONVERSATIONS_HEAD, CONVERSATIONS_OF_ACCOUNT, EVENTS_HEAD, MESSAGES_HEAD, NEWEST,
    ODDITIES_HEAD, PEOPLE_HEAD, attachment_rows, track_rows,
};
use super::copies_archive::archive_rows;
use super::dialect::Dialect;
use super::rows::{self, CONVERSATION, PERSON, TRACK};
use super::statement::{Columns, Row, Statement, Value, for_keys, insert_rows, json, sql};
use super::{
    ArchivedPlace, Copied, CopiedAccount, CopiedAlias, CopiedArchived, CopiedConversation, CopiedEvent, CopiedImport,
    CopiedOddity, CopiedRows, CopyOutcome, CopySource, ExportScope, MediaPolicy, NewAttachment, SqlStore, StoreError,
    StoreResult,
};

/// Whole accounts, out of a database and into one: all that was mirrored, without sessions and jobs.
#[async_trait]
pub trait Copies: Send + Sync {
    /// The database as it is at this moment, to be read page by page while others go on writing.
    async fn held(&self) -> StoreResult<Box<dyn CopyReads>>;
    /// Puts a copy in by one transaction; nothing is changed when the account is there or the copy is broken.
    async fn put_copy(&self, source: &mut dyn CopySource) -> StoreResult<CopyOutcome>;
}

/// What a copy is made of; all of it as it was at the moment from which on the database is held.
#[async_trait]
pub trait CopyReads: Send + Sync {
    /// An account without its session.
    async fn copied_account(&self, account: &AccountId) -> StoreResult<Option<CopiedAccount>>;
    /// A page of everybody whom the account's mirror knows, by id.
    async fn copied_people(
        &self,
        account: &AccountId,
        after: Option<&PersonId>,
        limit: u32,
    ) -> StoreResult<Vec<Person>>;
    /// A page of all its conversations, by id.
    async fn copied_conversations(
        &self,
        account: &AccountId,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> StoreResult<Vec<CopiedConversation>>;
    /// A page of all its messages, by (conversation, delivery, id).
    async fn copied_messages(
        &self,
        account: &AccountId,
        after: Option<(&ConversationId, Timestamp, &MessageId)>,
        limit: u32,
    ) -> StoreResult<Vec<Message>>;
    /// A page of its log of changes, by number.
    async fn copied_events(&self, account: &AccountId, after: i64, limit: u32) -> StoreResult<Vec<CopiedEvent>>;
    /// A page of its records that could not be read.
    async fn copied_oddities(&self, account: &AccountId, after: &str, limit: u32) -> StoreResult<Vec<CopiedOddity>>;
    /// A page of the exports of LinkedIn's that were taken in, by number, with that number.
    async fn copied_imports(
        &self,
        account: &AccountId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<(i64, CopiedImport)>>;
    /// A page of the rows of those exports, by place; imports have their numbers in this database.
    async fn copied_archived(
        &self,
        account: &AccountId,
        after: Option<&ArchivedPlace>,
        limit: u32,
    ) -> StoreResult<Vec<CopiedArchived>>;
    /// A page of the other names of people.
    async fn copied_aliases(&self, account: &AccountId, after: &str, limit: u32) -> StoreResult<Vec<CopiedAlias>>;
    /// Lets the database go.
    async fn release(self: Box<Self>);
}

/// Parts of one copy: far above any mailbox, so that a source that never ends is noticed.
const PARTS_MAX: u32 = 10_000_000;
/// What an account says of itself until somebody logs in.
const NEEDS_LOGIN: &str = "this account came from a copy, which has no login";

#[async_trait]
impl<D: Dialect> CopyReads for SqlStore<D> {
    async fn copied_account(&self, account: &AccountId) -> StoreResult<Option<CopiedAccount>> {
        let text = "SELECT a.id, a.member_id, a.first_name, a.last_name, a.public_id, a.picture_url, a.premium, \
             a.scope, a.inbox, a.created_at, a.last_sync_at, a.media_policy, a.logins_lost, a.has_archive \
             FROM accounts a WHERE a.id = ?";
        let read = |row: Row| account_of(&mut row.columns("accounts"));
        self.row(sql!(text, account)).await?.map(read).transpose()
    }

    async fn copied_people(
        &self,
        account: &AccountId,
        after: Option<&PersonId>,
        limit: u32,
    ) -> StoreResult<Vec<Person>> {
        let text = format!(
            "SELECT {PERSON} FROM people p WHERE p.account_pk = (SELECT pk FROM accounts WHERE id = ?) \
             AND p.id > ? ORDER BY p.id LIMIT ?"
        );
        let rows = self.rows(sql!(text, account, after.map_or("", |id| id.as_str()), limit)).await?;
        rows.into_iter().map(|row| rows::person(&mut row.columns("people"))).collect()
    }

    async fn copied_conversations(
        &self,
        account: &AccountId,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> StoreResult<Vec<CopiedConversation>> {
        let text = format!(
            "SELECT c.pk, {CONVERSATION}, {TRACK} FROM conversations c LEFT JOIN tracks t ON t.conversation_pk = c.pk \
             WHERE c.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND c.id > ? ORDER BY c.id LIMIT ?"
        );
        let rows = self.rows(sql!(text, account, after.map_or("", |id| id.as_str()), limit)).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let mut row = row.columns("conversations");
            let pk = row.int("pk")?;
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
            found.push((pk, CopiedConversation { conversation, former: Vec::new(), track }));
        }
        let mut former = self.former(found.iter().map(|(pk, _)| *pk)).await?;
        let with_former = |(pk, one): (i64, CopiedConversation)| CopiedConversation {
            former: former.remove(&pk).unwrap_or_default(),
            ..one
        };
        Ok(found.into_iter().map(with_former).collect())
    }

    async fn copied_messages(
        &self,
        account: &AccountId,
        after: Option<(&ConversationId, Timestamp, &MessageId)>,
        limit: u32,
    ) -> StoreResult<Vec<Message>> {
        self.exported_messages(&ExportScope::everything(account), after, limit).await
    }

    async fn copied_events(&self, account: &AccountId, after: i64, limit: u32) -> StoreResult<Vec<CopiedEvent>> {
        let text = "SELECT e.seq, e.id, e.kind, e.object_id, e.version, e.at FROM events e \
             WHERE e.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND e.seq > ? ORDER BY e.seq LIMIT ?";
        let rows = self.rows(sql!(text, account, after, limit)).await?;
        rows.into_iter().map(|row| event(&mut row.columns("events"))).collect()
    }

    async fn copied_oddities(&self, account: &AccountId, after: &str, limit: u32) -> StoreResult<Vec<CopiedOddity>> {
        // In bytes, also where a database compares texts by a language.
        let text = "SELECT o.digest, o.conversation_id, o.what, o.raw, o.times, o.first_seen_at, o.last_seen_at \
             FROM oddities o WHERE o.account_pk = (SELECT pk FROM accounts WHERE id = ?) AND o.digest > ? \
             ORDER BY o.digest LIMIT ?";
        let rows = self.rows(sql!(text, account, after, limit)).await?;
        rows.into_iter().map(|row| oddity(&mut row.columns("oddities"))).collect()
    }

    async fn copied_imports(
        &self,
        account: &AccountId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<(i64, CopiedImport)>> {
        self.imports_out(account, after, limit).await
    }

    async fn copied_archived(
        &self,
        account: &AccountId,
        after: Option<&ArchivedPlace>,
        limit: u32,
    ) -> StoreResult<Vec<CopiedArchived>> {
        self.archived_out(account, after, limit).await
    }

    async fn copied_aliases(&self, account: &AccountId, after: &str, limit: u32) -> StoreResult<Vec<CopiedAlias>> {
        self.aliases_out(account, after, limit).await
    }

    async fn release(self: Box<Self>) {
        let Self { db, .. } = *self;
        db.release().await;
    }
}

#[async_trait]
impl<D: Dialect> Copies for SqlStore<D> {
    async fn held(&self) -> StoreResult<Box<dyn CopyReads>> {
        Ok(Box::new(SqlStore::new(self.db.held().await?)))
    }

    async fn put_copy(&self, source: &mut dyn CopySource) -> StoreResult<CopyOutcome> {
        let mut tx = self.db.begin().await?;
        let id = source.account().id.clone();
        let account_pk = sql!("SELECT a.pk FROM accounts a WHERE a.id = ?", &id);
        let found = self.db.run(&mut tx, vec![account_pk]).await?;
        if rows::rows(found).next().is_some() {
            self.db.abandon(tx).await;
            return Ok(CopyOutcome::AccountExists);
        }
        let account_pk = sql!("SELECT a.pk FROM accounts a WHERE a.id = ?", &id);
        let made = self.db.run(&mut tx, vec![new_account(source.account())?, account_pk]).await?;
        let row = rows::rows(made).next();
        let row = row.ok_or_else(|| StoreError::Unavailable("the account could not be made".to_owned()))?;
        let mut putting = Putting {
            account_pk: row.columns("accounts").int("pk")?,
            conversations: 0,
            event_seq: 0,
            imports: Vec::new(),
        };
        for _ in 0..PARTS_MAX {
            match source.next_rows() {
                Copied::Rows(rows) => {
                    if !self.put_rows(&mut tx, &mut putting, &rows).await? {
                        break;
                    }
                }
                Copied::End => {
                    self.db.finish(tx, putting.end()).await?;
                    self.lay(putting.account_pk).await;
                    self.lay_all().await;
                    return Ok(CopyOutcome::Restored);
                }
                Copied::Broken => break,
            }
        }
        self.db.abandon(tx).await;
        Ok(CopyOutcome::Broken)
    }
}

impl<D: Dialect> SqlStore<D> {
    /// People who are no participants now, of each of these conversations.
    async fn former(&self, pks: impl Iterator<Item = i64>) -> StoreResult<BTreeMap<i64, Vec<PersonId>>> {
        let mut script = Vec::new();
        let head = "SELECT cp.conversation_pk, cp.person_id FROM conversation_people cp \
             WHERE cp.is_present = 0 AND cp.conversation_pk";
        for_keys(&mut script, head, "ORDER BY cp.conversation_pk, cp.person_id", &[], pks);
        let mut former: BTreeMap<i64, Vec<PersonId>> = BTreeMap::new();
        if script.is_empty() {
            return Ok(former);
        }
        for row in rows::rows(self.db.read(script).await?) {
            let mut row = row.columns("conversation_people");
            former.entry(row.int("conversation_pk")?).or_default().push(row.id("person_id")?);
        }
        Ok(former)
    }

    /// Puts some records in; false when they do not fit together.
    async fn put_rows(&self, tx: &mut D::Tx, putting: &mut Putting, rows: &CopiedRows) -> StoreResult<bool> {
        let mut script = Vec::new();
        putting.people(&mut script, rows);
        putting.conversations(&mut script, rows)?;
        putting.events(&mut script, rows);
        putting.oddities(&mut script, rows);
        putting.imports.extend(self.imports_in(tx, putting.account_pk, &rows.imports).await?);
        let archived = rows.archived.iter().map(|one| one.conversation.as_str());
        let homes: BTreeSet<&str> = rows.messages.iter().map(|one| one.conversation.as_str()).chain(archived).collect();
        let before = script.len();
        let account = [Value::from(putting.account_pk)];
        let head = "SELECT c.id, c.pk, c.is_deleted FROM conversations c WHERE c.account_pk = ? AND c.id";
        for_keys(&mut script, head, "", &account, homes.into_iter());
        let answers = self.db.run(tx, script).await?;
        let mut homes = BTreeMap::new();
        for row in rows::rows(answers.into_iter().skip(before).collect()) {
            let mut row = row.columns("conversations");
            let id: ConversationId = row.id("id")?;
            homes.insert(id, (row.int("pk")?, row.flag("is_deleted")?));
        }
        let mut script = Vec::new();
        if !putting.messages(&mut script, &rows.messages, &homes)? {
            return Ok(false);
        }
        let home = |id: &ConversationId| homes.get(id).map(|(pk, _)| *pk);
        let Some(archive) = archive_rows(putting.account_pk, rows, &putting.imports, home) else { return Ok(false) };
        script.extend(archive);
        self.db.run(tx, script).await.map(|_| true)
    }
}

/// How far a copy was put in.
struct Putting {
    account_pk: i64,
    conversations: i64,
    event_seq: i64,
    /// The numbers of the copy's imports in this database, in their order.
    imports: Vec<i64>,
}

impl Putting {
    fn people(&self, script: &mut Vec<Statement>, rows: &CopiedRows) {
        let values = rows.people.iter().flat_map(|one| rows::person_values(self.account_pk, one)).collect();
        insert_rows(script, PEOPLE_HEAD, "", 11, values);
    }

    fn conversations(&mut self, script: &mut Vec<Statement>, rows: &CopiedRows) -> StoreResult<()> {
        let (mut values, mut categories, mut people) = (Vec::new(), Vec::new(), Vec::new());
        let mut tracks = Vec::new();
        for one in &rows.conversations {
            self.conversations += 1;
            let pk = self.account_pk.saturating_mul(CONVERSATIONS_OF_ACCOUNT).saturating_add(self.conversations);
            values.extend(rows::conversation_values(pk, self.account_pk, &one.conversation)?);
            let searched = one.conversation.categories.iter().filter(|one| one.len() <= CATEGORY_LENGTH_MAX);
            categories.extend(searched.flat_map(|category| [Value::from(pk), category.into()]));
            let row =
                |id, is_present: bool| [Value::from(pk), Value::from(id), self.account_pk.into(), is_present.into()];
            people.extend(one.conversation.participants.iter().flat_map(|id| row(id, true)));
            let gone = one.former.iter().filter(|id| !one.conversation.participants.contains(*id));
            people.extend(gone.flat_map(|id| row(id, false)));
            tracks.extend(one.track.clone().map(|track| (pk, track)));
        }
        insert_rows(script, CONVERSATIONS_HEAD, "", 18, values);
        let head = "INSERT INTO conversation_categories (conversation_pk, category) VALUES";
        insert_rows(script, head, "", 2, categories);
        let head = "INSERT INTO conversation_people (conversation_pk, person_id, account_pk, is_present) VALUES";
        insert_rows(script, head, "", 4, people);
        track_rows(script, self.account_pk, &tracks)
    }

    /// False when a message has no conversation.
    fn messages(
        &self,
        script: &mut Vec<Statement>,
        messages: &[Message],
        homes: &BTreeMap<ConversationId, (i64, bool)>,
    ) -> StoreResult<bool> {
        let (mut values, mut attached) = (Vec::new(), Vec::new());
        for one in messages {
            let Some((pk, is_gone)) = homes.get(&one.conversation) else { return Ok(false) };
            values.extend(rows::message_values(self.account_pk, *pk, one)?);
            if !one.deleted && !is_gone {
                attached.extend(attachments(&one.content).map(|found| NewAttachment::of(&one.id, &found)));
            }
        }
        insert_rows(script, MESSAGES_HEAD, "", 15, values);
        attachment_rows(script, self.account_pk, attached.into_iter());
        Ok(true)
    }

    fn events(&mut self, script: &mut Vec<Statement>, rows: &CopiedRows) {
        let mut values = Vec::new();
        for one in &rows.events {
            self.event_seq = one.seq;
            values.extend([
                self.account_pk.into(),
                one.seq.into(),
                (&one.id).into(),
                (&one.kind).into(),
                (&one.object).into(),
                one.version.into(),
                one.at.into(),
            ]);
        }
        insert_rows(script, EVENTS_HEAD, "", 7, values);
    }

    fn oddities(&self, script: &mut Vec<Statement>, rows: &CopiedRows) {
        let mut values = Vec::new();
        for one in &rows.oddities {
            values.extend([
                self.account_pk.into(),
                (&one.digest).into(),
                one.conversation.as_ref().into(),
                (&one.what).into(),
                (&one.raw).into(),
                one.times.into(),
                one.first_seen_at.into(),
                one.last_seen_at.into(),
            ]);
        }
        insert_rows(script, ODDITIES_HEAD, "", 8, values);
    }

    /// What follows from the records.
    fn end(&self) -> Vec<Statement> {
        let newest = format!("{NEWEST} IN (SELECT c.pk FROM conversations c WHERE c.account_pk = ?)");
        let counts = "UPDATE accounts SET event_seq = ?, conversation_seq = ?, \
             message_count = (SELECT COUNT(*) FROM messages m WHERE m.account_pk = ? AND m.is_deleted = 0), \
             oldest_message_at = (SELECT MIN(m.delivered_at) FROM messages m WHERE m.account_pk = ? \
             AND m.is_deleted = 0) WHERE pk = ?";
        let pk = self.account_pk;
        vec![sql!(newest, pk), sql!(counts, self.event_seq, self.conversations, pk, pk, pk)]
    }
}

fn new_account(one: &CopiedAccount) -> StoreResult<Statement> {
    let text = "INSERT INTO accounts (id, member_id, first_name, last_name, public_id, picture_url, premium, health, \
         health_detail, next_request_at, scope, inbox, created_at, last_sync_at, media_policy, logins_lost, has_archive) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 'needs_login', ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    Ok(sql!(
        text,
        &one.id,
        &one.member,
        &one.first_name,
        &one.last_name,
        &one.public_id,
        &one.picture_url,
        one.premium,
        NEEDS_LOGIN,
        Timestamp(0),
        json(&one.scope)?,
        json(&one.inbox)?,
        one.created_at,
        one.last_sync_at,
        one.media_policy.as_str(),
        one.logins_lost,
        one.has_archive,
    ))
}

fn account_of(row: &mut Columns) -> StoreResult<CopiedAccount> {
    Ok(CopiedAccount {
        id: row.id("id")?,
        member: row.id("member_id")?,
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        public_id: row.text("public_id")?,
        picture_url: row.text_or_null("picture_url")?,
        premium: row.int_or_null("premium")?.map(|value| value != 0),
        scope: row.json("scope")?,
        inbox: row.json("inbox")?,
        created_at: row.time("created_at")?,
        last_sync_at: row.time_or_null("last_sync_at")?,
        media_policy: row.named("media_policy", MediaPolicy::named)?,
        logins_lost: row.int("logins_lost")?,
        has_archive: row.flag("has_archive")?,
    })
}

fn event(row: &mut Columns) -> StoreResult<CopiedEvent> {
    Ok(CopiedEvent {
        seq: row.int("seq")?,
        id: row.text("id")?,
        kind: row.text("kind")?,
        object: row.text("object_id")?,
        version: row.number("version")?,
        at: row.time("at")?,
    })
}

fn oddity(row: &mut Columns) -> StoreResult<CopiedOddity> {
    Ok(CopiedOddity {
        digest: row.text("digest")?,
        conversation: row.id_or_null("conversation_id")?,
        what: row.text("what")?,
        raw: row.text("raw")?,
        times: row.int("times")?,
        first_seen_at: row.time("first_seen_at")?,
        last_seen_at: row.time("last_seen_at")?,
    })
}
