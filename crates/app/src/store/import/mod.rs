//! Imports: an archive is taken in whole or not at all, in one transaction; and the rows that tell how one goes.
//!
//! The rows are pulled in batches of bounded size, so that memory does not grow with the archive (docs/adr/0010). Whoever
//! else writes to the account waits meanwhile.

mod alone;
pub(in crate::store) mod found;
mod jobs;

use std::collections::HashMap;

use async_trait::async_trait;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::identity::ARCHIVE_PREFIX;
use threadkeep_core::person::Person;
use threadkeep_core::sync::track::InboxTrack;
use threadkeep_core::time::Timestamp;

use super::audit::written;
use super::commit::{ArchiveCounts, renamed};
use super::dialect::Dialect;
use super::import_values::{BegunImport, ImportJob, ImportLease, ImportRows, ImportWish, Imported, Imports};
use super::rows;
use super::statement::{Statement, Value, json, sql};
use super::{SqlStore, StoreError, StoreResult};
use crate::archive::{ImportReport, conversation_of_names};
use jobs::Completed;

/// What the health of an account says that was made of an archive.
pub const ARCHIVE_ONLY: &str = "made from LinkedIn's data export: there is no login yet";
/// How often exactly an archive was taken into an account.
const REPEATED: &str = "SELECT COUNT(*) FROM imports i JOIN accounts a ON a.pk = i.account_pk \
     WHERE a.id = ? AND i.digest = ? AND i.state = 'done'";
/// Conversations whose people are looked up at once.
const THREADS_AT_ONCE: i64 = 1_000;
/// Conversations of which it is known who is in them, when an archive tells no ids.
const THREADS_MAX: usize = 200_000;
/// Batches of one archive: far above the largest.
const BATCHES_MAX: u32 = 10_000_000;

/// An import that is going on.
pub(in crate::store) struct Importing {
    pub(in crate::store) id: i64,
    pub(in crate::store) account: AccountId,
    pub(in crate::store) account_pk: i64,
    pub(in crate::store) member: PersonId,
    /// The id that the archive's owner has by its link or name.
    pub(in crate::store) owner: PersonId,
    pub(in crate::store) newest_second: Option<i64>,
    pub(in crate::store) now: Timestamp,
    /// Messages that the last batch was about.
    pub(in crate::store) taken: Vec<MessageId>,
    /// Conversations by those in them, where the archive tells no ids.
    pub(in crate::store) threads: HashMap<ConversationId, Vec<i64>>,
    /// Whether there are conversations without an id of LinkedIn's.
    pub(in crate::store) has_derived: bool,
    /// Whether rows without a thread may be messages that a sync has brought.
    pub(in crate::store) is_alone: bool,
}

#[async_trait]
impl<D: Dialect> Imports for SqlStore<D> {
    async fn import(&self, wish: &ImportWish<'_>, rows: &mut dyn ImportRows) -> StoreResult<Imported> {
        let mut tx = self.db.begin().await?;
        let done = self.import_in(&mut tx, wish, rows).await;
        let (report, import) = match done {
            Ok((Some(report), import)) => (report, import),
            Ok((None, _)) => {
                self.db.abandon(tx).await;
                return Ok(Imported::Stopped);
            }
            Err(error) => {
                self.db.abandon(tx).await;
                return Err(error);
            }
        };
        if wish.is_dry_run || report.is_repeated {
            self.db.abandon(tx).await;
            return Ok(Imported::Done(Box::new(report)));
        }
        let end = Completed { wish, import: &import, report: &report, now: rows.now() };
        if let Err(error) = self.completed(&mut tx, end).await {
            self.db.abandon(tx).await;
            return Err(error);
        }
        self.db.finish(tx, written(wish.line)).await?;
        self.lay_imported(import.account_pk).await;
        Ok(Imported::Done(Box::new(report)))
    }

    async fn has_imported(&self, account: &AccountId, digest: &str) -> StoreResult<bool> {
        match self.row(sql!(REPEATED, account, digest)).await? {
            Some(row) => Ok(row.columns("imports").int("count")? > 0),
            None => Ok(false),
        }
    }

    async fn begin_import(&self, begun: &BegunImport<'_>) -> StoreResult<i64> {
        self.begun(begun).await
    }

    async fn prolong_import(&self, lease: ImportLease, now: Timestamp, until: Timestamp) -> StoreResult<()> {
        self.prolonged(lease, now, until).await
    }

    fn has_one_writer(&self) -> bool {
        D::HAS_ONE_WRITER
    }

    async fn end_import(&self, job: &ImportJob) -> StoreResult<()> {
        self.ended(job).await
    }

    async fn import_job(&self, id: i64) -> StoreResult<Option<ImportJob>> {
        self.told(id).await
    }

    async fn newest_import(&self) -> StoreResult<Option<ImportJob>> {
        self.newest_told().await
    }

    async fn take_over(&self, account: &AccountId, old: &PersonId, new: &PersonId) -> StoreResult<()> {
        let row = self.row(sql!("SELECT a.pk FROM accounts a WHERE a.id = ?", account)).await?;
        match row {
            Some(row) => self.write(renamed(row.columns("accounts").int("pk")?, old, new)).await.map(|_| ()),
            None => Ok(()),
        }
    }
}

impl<D: Dialect> SqlStore<D> {
    async fn import_in(
        &self,
        tx: &mut D::Tx,
        wish: &ImportWish<'_>,
        rows: &mut dyn ImportRows,
    ) -> StoreResult<(Option<ImportReport>, Importing)> {
        let (mut import, is_repeated) = self.import_begin(tx, wish).await?;
        if is_repeated {
            let report = ImportReport { is_repeated: true, ..ImportReport::default() };
            return Ok((Some(report), import));
        }
        let mut all = ArchiveCounts::default();
        for _ in 0..BATCHES_MAX {
            let Some(batch) = rows.next().await else { return Ok((None, import)) };
            if batch.is_empty() {
                return Ok((Some(counted(rows.report(), all)), import));
            }
            let counts = self.take_rows(tx, &mut import, &batch).await?;
            add(&mut all, counts);
        }
        Err(StoreError::Unavailable("the archive does not end".to_owned()))
    }

    async fn import_begin(&self, tx: &mut D::Tx, wish: &ImportWish<'_>) -> StoreResult<(Importing, bool)> {
        let lookup = format!(
            "SELECT a.pk, a.member_id, (SELECT COUNT(*) FROM conversations c WHERE c.account_pk = a.pk AND \
             c.id >= '{ARCHIVE_PREFIX}' AND c.id < 'csv.'), (SELECT COUNT(*) FROM tracks t WHERE t.account_pk = a.pk) \
             FROM accounts a WHERE a.id = ?{}",
            D::LOCKING
        );
        let script = vec![account(wish)?, sql!(lookup, wish.account), sql!(REPEATED, wish.account, wish.digest)];
        let mut answers = rows::rows(self.db.run(tx, script).await?);
        let gone = || StoreError::Unavailable("the account is not there any more".to_owned());
        let mut row = answers.next().ok_or_else(gone)?.columns("accounts");
        let (account_pk, member) = (row.int("pk")?, row.id("member_id")?);
        let has_derived = row.int("count")? > 0;
        let is_alone = wish.lacks_threads && row.int("tracks")? > 0;
        let is_repeated: bool = answers.next().ok_or_else(gone)?.columns("imports").int("count")? > 0;
        let member = self.import_member(tx, wish, account_pk, member).await?;
        let id = match wish.job {
            Some(id) => id,
            None => self.import_row(tx, wish, account_pk).await?,
        };
        let mut import = Importing {
            id,
            account: wish.account.clone(),
            account_pk,
            member,
            owner: wish.owner.clone(),
            newest_second: wish.newest_second,
            now: wish.now,
            taken: Vec::new(),
            threads: HashMap::new(),
            has_derived,
            is_alone,
        };
        if wish.lacks_threads && !is_repeated {
            import.threads = self.threads_by_people(tx, &import).await?;
        }
        Ok((import, is_repeated))
    }

    /// The member of the account; one who was known by the name alone gets the id of the link that is known now.
    async fn import_member(
        &self,
        tx: &mut D::Tx,
        wish: &ImportWish<'_>,
        account_pk: i64,
        member: PersonId,
    ) -> StoreResult<PersonId> {
        let is_better = member.as_str().starts_with("name:") && !wish.owner.as_str().starts_with("name:");
        if !is_better {
            return Ok(member);
        }
        let mut script = renamed(account_pk, &member, wish.owner);
        let text = "UPDATE accounts SET member_id = ?, public_id = ? WHERE pk = ?";
        script.push(sql!(text, wish.owner, wish.public_id, account_pk));
        self.db.run(tx, script).await?;
        Ok(wish.owner.clone())
    }

    async fn import_row(&self, tx: &mut D::Tx, wish: &ImportWish<'_>, account_pk: i64) -> StoreResult<i64> {
        let text = "INSERT INTO imports (account_pk, digest, state, newest_second, created_at) \
             VALUES (?, ?, 'running', ?, ?) RETURNING imports.id";
        let statement = sql!(text, account_pk, wish.digest, wish.newest_second, wish.now);
        let row = rows::rows(self.db.run(tx, vec![statement]).await?).next();
        row.ok_or_else(|| StoreError::Unavailable("the import could not be begun".to_owned()))?
            .columns("imports")
            .int("id")
    }

    /// The conversations of the account by those in them, as an export without ids would name them.
    async fn threads_by_people(
        &self,
        tx: &mut D::Tx,
        import: &Importing,
    ) -> StoreResult<HashMap<ConversationId, Vec<i64>>> {
        let mut threads: HashMap<ConversationId, Vec<i64>> = HashMap::new();
        let mut after = 0;
        let mut count = 0;
        while count < THREADS_MAX {
            let text = "SELECT c.pk FROM conversations c WHERE c.account_pk = ? AND c.pk > ? ORDER BY c.pk LIMIT ?";
            let page = self.db.run(tx, vec![sql!(text, import.account_pk, after, THREADS_AT_ONCE)]).await?;
            let pks: Vec<i64> =
                rows::rows(page).map(|row| row.columns("conversations").int("pk")).collect::<StoreResult<_>>()?;
            let Some(last) = pks.last() else { break };
            after = *last;
            count += pks.len();
            let script = Self::asked_participants(pks.into_iter());
            for (pk, people) in Self::read_participants(self.db.run(tx, script).await?)? {
                let others = people.iter().filter(|one| one.id != import.member).map(Person::full_name);
                let names: Vec<String> = others.collect();
                if let Some(id) = conversation_of_names(names.iter().map(String::as_str)) {
                    threads.entry(id).or_default().push(pk);
                }
            }
        }
        Ok(threads)
    }
}

/// Makes the account unless there is one.
fn account(wish: &ImportWish<'_>) -> StoreResult<Statement> {
    let text = "INSERT INTO accounts (id, member_id, first_name, last_name, public_id, health, health_detail, \
         next_request_at, scope, inbox, created_at) VALUES (?, ?, ?, ?, ?, 'needs_login', ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO NOTHING";
    let values: Vec<Value> = vec![
        wish.account.into(),
        wish.owner.into(),
        wish.first_name.into(),
        wish.last_name.into(),
        wish.public_id.into(),
        ARCHIVE_ONLY.into(),
        wish.now.into(),
        json(&wish.scope)?.into(),
        json(&InboxTrack::default())?.into(),
        wish.now.into(),
    ];
    Ok(Statement::new(text, values))
}

fn add(all: &mut ArchiveCounts, one: ArchiveCounts) {
    all.imported += one.imported;
    all.joined += one.joined;
    all.changed += one.changed;
    all.known += one.known;
    all.duplicates += one.duplicates;
    all.conversations += one.conversations;
    all.people += one.people;
}

fn counted(report: ImportReport, all: ArchiveCounts) -> ImportReport {
    ImportReport {
        imported: all.imported,
        joined: all.joined,
        changed: all.changed,
        known: all.known,
        duplicates: all.duplicates,
        conversations: all.conversations,
        people: all.people,
        ..report
    }
}
