//! The contract of neighbours: what is done to one account, conversation, message or file leaves every row of the others.
//!
//! A statement that forgets whose a record is passes every test in which there is only one.

use anyhow::{Context, Result, ensure};
use threadkeep::store::{
    AttachmentState, Commit, ConversationFilter, Copied, CopiedAccount, CopyOutcome, DataKeyRow, JobEnd, JobFailure,
    Login, MediaOutcome, MediaPolicy, NewAttachment, Resealed, SealedSession,
};
use threadkeep_core::content::Content;
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::AccountId;
use threadkeep_core::message::MessageSeen;
use threadkeep_core::person::PersonSeen;
use threadkeep_core::sync::track::InboxTrack;
use threadkeep_core::sync::{Batch, Health, Hold, HoldReason};
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::{Ask, Depth};

use crate::store_contract_copies::{Source, handed_out};
use crate::store_contract_search::indexed;
use crate::store_database::Database;
use crate::store_fixture::{
    LEASE_MS, NOW, Worker, account_id, batch, conversation, conversation_id, delta, listed, login, message, message_id,
    person, person_id, sealed, spoken,
};
use crate::store_neighbourhood::{
    assert_lived_in, assert_no_strays, import, lived_in, object, photo, pictured, rows_of, rows_of_accounts,
    rows_of_messages, rows_of_talks, settle_next,
};

crate::on_both_databases!(
    a_person_who_acts_on_an_account_leaves_the_others,
    a_run_leaves_the_other_accounts,
    the_end_of_a_run_leaves_the_other_accounts,
    media_of_an_account_leave_the_others,
    an_archive_leaves_the_other_accounts,
    a_copy_that_is_taken_in_is_told_like_its_source,
    a_removed_account_leaves_nothing_and_the_others_all,
    what_happens_in_a_conversation_leaves_the_others,
    what_happens_to_a_message_leaves_the_others,
);

/// The account to which things happen, between two others.
const OWN: u32 = 2;
const OTHERS: [u32; 2] = [1, 3];

/// Three accounts alike; something is done to the second one, and the others are as they were.
struct Street<'a> {
    db: &'a Database,
    worker: Worker,
}

impl<'a> Street<'a> {
    async fn on(db: &'a Database) -> Result<Self> {
        lived_in(db, OTHERS[0]).await?;
        let worker = lived_in(db, OWN).await?;
        lived_in(db, OTHERS[1]).await?;
        for number in [OTHERS[0], OWN, OTHERS[1]] {
            assert_lived_in(&rows_of_accounts(db, &[number]).await?);
        }
        Ok(Self { db, worker })
    }

    /// Asserts that what is done changes this account, and no other one.
    async fn only_here(&mut self, what: &str, done: impl AsyncFnOnce(&mut Worker) -> Result<()>) -> Result<()> {
        let (own, others) = (rows_of_accounts(self.db, &[OWN]).await?, rows_of_accounts(self.db, &OTHERS).await?);
        done(&mut self.worker).await.with_context(|| what.to_owned())?;
        for (table, rows) in rows_of_accounts(self.db, &OTHERS).await? {
            assert_eq!(Some(&rows), others.get(&table), "{table}, after: {what}");
        }
        ensure!(rows_of_accounts(self.db, &[OWN]).await? != own, "nothing came of: {what}");
        Ok(())
    }
}

async fn a_person_who_acts_on_an_account_leaves_the_others(db: &Database) -> Result<()> {
    let mut street = Street::on(db).await?;
    let id = account_id(OWN)?;
    for other in OTHERS {
        street.db.store.set_paused(&account_id(other)?, true).await?;
    }
    let laid = async || {
        let own = format!("(SELECT a.pk FROM accounts a WHERE a.id = '{}')", account_id(OWN)?);
        db.count(&format!("SELECT COUNT(*) FROM conversations WHERE others IS NOT NULL AND account_pk = {own}")).await
    };
    db.store.log_in(&login(OWN)?, NOW).await?;
    assert_eq!(laid().await?, 3, "the same member: lists show the same");
    let renamed = Login { member: person_id("Max")?, sealed_session: sealed(&[9]), ..login(OWN)? };
    street.only_here("a login", async |worker| Ok(worker.store.log_in(&renamed, NOW.plus_ms(1)).await?)).await?;
    assert_eq!(laid().await?, 0, "another member is the owner now, whom lists leave out");
    for is_paused in [true, false] {
        street
            .only_here("a pause", async |worker| worker.expect(worker.store.set_paused(&id, is_paused).await?))
            .await?;
    }
    let ask = Ask { depth: Depth::Messages, repairs: true };
    street
        .only_here("a verification", async |worker| {
            worker.store.enqueue_verify(&id, ask, NOW).await?;
            Ok(())
        })
        .await?;
    street
        .only_here("a cancel", async |worker| worker.expect(worker.store.request_cancel(worker.lease.job, NOW).await?))
        .await?;
    let key = |version, byte| DataKeyRow {
        account: id.clone(),
        version,
        wrapped: vec![byte],
        master_key: "m".into(),
        created_at: NOW,
    };
    street
        .only_here("a new data key", async |worker| {
            for version in [2, 3] {
                let key = key(version, 5);
                let resealed = Resealed { account: &id, from: &[9], to: &[9], key: Some(&key) };
                worker.expect(worker.store.reseal(&resealed, NOW).await?)?;
            }
            Ok(())
        })
        .await?;
    street
        .only_here("another wrapping", async |worker| {
            let pair = (key(3, 5), DataKeyRow { master_key: "n".into(), ..key(3, 6) });
            worker.expect(worker.store.rewrap(&[pair]).await? == 1)
        })
        .await
}

async fn a_run_leaves_the_other_accounts(db: &Database) -> Result<()> {
    let mut street = Street::on(db).await?;
    let inbox = InboxTrack { rate_limits: 2, ..InboxTrack::default() };
    let hold = Hold { until: NOW.plus_ms(1_000), why: HoldReason::Blocked };
    let held = Batch { hold: Some(hold), inbox, health: Some(Health::Challenged), ..batch() };
    db.raw(&format!("UPDATE accounts SET hold_until = {}, hold_why = 'blocked'", NOW.0 + 9)).await?;
    street
        .only_here("another session", async |worker| {
            let session = SealedSession { login_expires_at: Some(NOW), ..sealed(&[8]) };
            let batch = batch();
            let step =
                Commit { sealed_session: Some(&session), next_request_at: NOW.plus_ms(3), ..worker.step(&batch) };
            Ok(worker.store.commit(&step).await.map(drop)?)
        })
        .await?;
    street.only_here("a wait", async |worker| worker.commit(&held).await.map(drop)).await?;
    let id = account_id(OWN)?;
    street.only_here("the end of a block", async |worker| Ok(worker.store.clear_blocked(&id).await?)).await?;
    let mut changed = listed(vec![conversation("mine", 90, "Max")?, conversation("new", 95, "Ivo")?]);
    changed.people = vec![PersonSeen { first_name: Some("Maximilian".into()), ..person("Max")? }, person("Ivo")?];
    changed.messages = vec![MessageSeen { body: Some("edited".into()), ..pictured("mine", 1)? }, pictured("new", 1)?];
    street.only_here("changes", async |worker| worker.commit(&delta(changed)).await.map(drop)).await?;
    street.only_here("the index", async |worker| indexed(&worker.store).await).await?;
    let live = out_of_the_archive()?;
    street
        .only_here("a message of the archive", async |worker| worker.commit(&spoken(vec![live])).await.map(drop))
        .await?;
    assert!(db.store.message(&[id], &message_id("live")?).await?.is_some());
    assert_eq!(db.count("SELECT COUNT(*) FROM messages WHERE id LIKE 'csv-%'").await?, 8, "it is the same message");
    assert_no_strays(db).await?;
    let gone = Batch {
        deleted_messages: vec![message_id("mine1")?],
        deleted_conversations: vec![conversation_id("behind")?],
        ..delta(batch())
    };
    street.only_here("removals", async |worker| worker.commit(&gone).await.map(drop)).await?;
    street.only_here("the index again", async |worker| indexed(&worker.store).await).await?;
    Ok(())
}

async fn the_end_of_a_run_leaves_the_other_accounts(db: &Database) -> Result<()> {
    let mut street = Street::on(db).await?;
    street
        .only_here("a longer lease", async |worker| {
            Ok(worker.store.prolong(&worker.lease, NOW.plus_ms(2 * LEASE_MS)).await?)
        })
        .await?;
    street
        .only_here("a pause of the run", async |worker| {
            Ok(worker.store.put_back(&worker.lease, NOW.plus_ms(5), &worker.progress).await?)
        })
        .await?;
    street
        .only_here("the end of the run", async |worker| {
            let account = worker.account().clone();
            let claimed = worker.store.claim(Some(&account), "tester", NOW.plus_ms(5), NOW.plus_ms(LEASE_MS)).await?;
            worker.lease = claimed.context("it waits no more")?.lease;
            worker.store.enqueue_sync(&account, true, NOW).await?;
            Ok(worker.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?)
        })
        .await?;
    let failure = JobFailure { code: "unavailable".into(), what: "it is down".into() };
    street
        .only_here("a run that fails", async |worker| {
            let account = worker.account().clone();
            worker.store.enqueue_sync(&account, false, NOW).await?;
            let claimed = worker.store.claim(Some(&account), "tester", NOW, NOW.plus_ms(LEASE_MS)).await?;
            worker.lease = claimed.context("nothing to claim")?.lease;
            Ok(worker.store.finish(&worker.lease, &JobEnd::Failed(failure), &worker.progress, NOW).await?)
        })
        .await
}

async fn media_of_an_account_leave_the_others(db: &Database) -> Result<()> {
    let mut street = Street::on(db).await?;
    for other in OTHERS {
        db.store.want_all(&account_id(other)?, &[AttachmentState::Remote], NOW).await?;
    }
    ensure!(db.store.expect_object(&object("cc"), NOW.plus_ms(LEASE_MS)).await?);
    let later = Some(NOW.plus_ms(9));
    let outcomes = [
        MediaOutcome::Stored { object: object("cc"), name: None },
        MediaOutcome::LinkExpired,
        MediaOutcome::LinkRenewed,
        MediaOutcome::Failed { code: "media_unavailable", not_before: later },
        MediaOutcome::Gone,
        MediaOutcome::Refused { code: "too_large" },
    ];
    for outcome in outcomes {
        let what = format!("{outcome:?}");
        street.only_here(&what, async |worker| settle_next(worker, &outcome).await).await?;
    }
    let id = account_id(OWN)?;
    street
        .only_here("all are wanted", async |worker| {
            worker.expect(worker.store.want_all(&id, &[AttachmentState::Remote], NOW).await? > 0)
        })
        .await?;
    let link = NewAttachment {
        message: None,
        ordinal: 0,
        url: Some("https://www.linkedin.com/dms/prv/alone".into()),
        kind: "image",
        name: None,
        declared_type: None,
        declared_size_bytes: None,
    };
    street.only_here("a link", async |worker| Ok(worker.store.want(&id, &link, false, NOW).await.map(drop)?)).await?;
    street
        .only_here("off", async |worker| worker.expect(worker.store.set_media_policy(&id, MediaPolicy::Off).await?))
        .await
}

async fn an_archive_leaves_the_other_accounts(db: &Database) -> Result<()> {
    let mut street = Street::on(db).await?;
    street.only_here("an archive", async |worker| import(worker, "d2", 100).await).await?;
    let (old, new) = (person_id("Max")?, person_id("Maximilian")?);
    let id = account_id(OWN)?;
    street.only_here("another id", async |worker| Ok(worker.store.take_over(&id, &old, &new).await?)).await?;
    street.only_here("the index", async |worker| indexed(&worker.store).await).await
}

async fn a_copy_that_is_taken_in_is_told_like_its_source(db: &Database) -> Result<()> {
    let mut street = Street::on(db).await?;
    let gone = Batch { deleted_messages: vec![message_id("mine2")?], ..delta(batch()) };
    street.only_here("a removal", async |worker| worker.commit(&gone).await.map(drop)).await?;
    let own = account_id(OWN)?;
    let (account, all) = handed_out(&db.store, &own).await?;
    let copy = account_id(9)?;
    let kept = rows_of_accounts(db, &[OTHERS[0], OWN, OTHERS[1]]).await?;
    let account = CopiedAccount { id: copy.clone(), ..account };
    let mut source = Source { account, parts: [Copied::Rows(all.clone())].into() };
    ensure!(db.store.put_copy(&mut source).await? == CopyOutcome::Restored);
    assert_eq!(rows_of_accounts(db, &[OTHERS[0], OWN, OTHERS[1]]).await?, kept, "nobody else is changed by it");
    let told = async |id: &AccountId| {
        let one = db.store.overview(id).await?;
        anyhow::Ok((one.conversations, one.messages, one.oldest_message_at))
    };
    assert_eq!(told(&copy).await?, told(&own).await?);
    assert_eq!(handed_out(&db.store, &copy).await?.1, all);
    let filter = |id: &AccountId| ConversationFilter { accounts: vec![id.clone()], ..ConversationFilter::default() };
    let listed = async |id: &AccountId| {
        let rows = db.store.conversations(&filter(id), 10).await?;
        let newest = rows.into_iter().map(|row| (row.conversation, row.participants, row.newest));
        anyhow::Ok(newest.collect::<Vec<_>>())
    };
    assert_eq!(listed(&copy).await?, listed(&own).await?);
    Ok(())
}

async fn a_removed_account_leaves_nothing_and_the_others_all(db: &Database) -> Result<()> {
    Street::on(db).await?;
    // Messages that are to be indexed again, which is done soon.
    db.raw("INSERT INTO search_again (account_pk, message_id) SELECT s.account_pk, s.message_id FROM search_rows s")
        .await?;
    let own = account_id(OWN)?;
    let pk = db.count(&format!("SELECT a.pk FROM accounts a WHERE a.id = '{own}'")).await?;
    let others = rows_of_accounts(db, &OTHERS).await?;
    ensure!(db.store.remove_account(&own).await?);
    assert_eq!(rows_of_accounts(db, &OTHERS).await?, others);
    for (table, rows) in rows_of(db, &pk.to_string(), &format!("'{own}'")).await? {
        assert!(rows.is_empty(), "{table}: {rows:?}");
    }
    assert_no_strays(db).await?;
    indexed(&db.store).await?;
    let left = db.store.index_lag(None).await?;
    assert_eq!((left.indexed, left.messages), (24, 24), "each of the others has nine messages and three old ones");
    assert!(
        db.store.leaving_objects(10, NOW.plus_ms(2 * LEASE_MS)).await?.is_empty(),
        "the others have the same files"
    );
    Ok(())
}

impl Worker {
    /// An act that found something to act on.
    fn expect(&self, found: bool) -> Result<()> {
        ensure!(found, "it found nothing");
        Ok(())
    }
}

/// The message in `mine` that an archive has told, as LinkedIn shows it.
fn out_of_the_archive() -> Result<MessageSeen> {
    Ok(MessageSeen {
        sender: Some(person_id("Max")?),
        delivered_at: Timestamp(1_600_000_001_234),
        ..message("mine", "live", 0, "an old word 1")?
    })
}

/// Something is done to the conversation `mine`; the two others of the account are as they were.
async fn only_in_mine(
    worker: &mut Worker,
    db: &Database,
    what: &str,
    done: impl AsyncFnOnce(&mut Worker) -> Result<()>,
) -> Result<()> {
    let (before, own) = (talks_beside(db).await?, rows_of_talks(db, OWN, &["mine"]).await?);
    done(worker).await.with_context(|| what.to_owned())?;
    for (table, rows) in talks_beside(db).await? {
        assert_eq!(Some(&rows), before.get(&table), "{table}, after: {what}");
    }
    ensure!(rows_of_talks(db, OWN, &["mine"]).await? != own, "nothing came of: {what}");
    Ok(())
}

async fn talks_beside(db: &Database) -> Result<crate::store_neighbourhood::Rows> {
    rows_of_talks(db, OWN, &["before", "behind"]).await
}

async fn what_happens_in_a_conversation_leaves_the_others(db: &Database) -> Result<()> {
    let mut worker = lived_in(db, OWN).await?;
    assert_lived_in(&talks_beside(db).await?);
    let grown = ConversationSeen {
        participants: Some([person_id("Owner")?, person_id("Ivo")?].into()),
        categories: Some(["ARCHIVE".to_owned()].into()),
        ..conversation("mine", 90, "Max")?
    };
    let mut guest = grown.clone();
    guest.participants = Some([person_id("Owner")?, person_id("Ivo")?, person_id("Ann")?].into());
    let renamed = PersonSeen { first_name: Some("Maximilian".into()), ..person("Max")? };
    let deleted = Batch { deleted_messages: vec![message_id("mine2")?], ..delta(batch()) };
    let batches = [
        ("a guest who is in another one, too", listed(vec![guest])),
        ("the guest leaves", listed(vec![grown])),
        ("a name", Batch { people: vec![renamed], ..batch() }),
        ("messages", spoken(vec![pictured("mine", 4)?, message("mine", "mine1", 11, "no picture")?])),
        ("a message of the archive", spoken(vec![out_of_the_archive()?])),
        ("a recall", deleted),
        ("its end", Batch { deleted_conversations: vec![conversation_id("mine")?], ..delta(batch()) }),
    ];
    for (what, batch) in batches {
        only_in_mine(&mut worker, db, what, async |worker| worker.commit(&delta(batch)).await.map(drop)).await?;
        assert_no_strays(db).await?;
    }
    let (old, new) = (person_id("Max")?, person_id("Maximilian")?);
    only_in_mine(&mut worker, db, "another id", async |worker| {
        Ok(worker.store.take_over(worker.account(), &old, &new).await?)
    })
    .await?;
    indexed(&db.store).await
}

async fn what_happens_to_a_message_leaves_the_others(db: &Database) -> Result<()> {
    let mut worker = lived_in(db, OWN).await?;
    let others = async || rows_of_messages(db, OWN, &["mine1", "mine3"], &[0, 1, 2]).await;
    let before = others().await?;
    assert_lived_in(&before);
    // The file in the middle makes room for something that is none, and the others stay.
    let contents = vec![photo("mine2-0", "2"), Content::Unavailable, photo("mine2-2", "2")];
    let other = MessageSeen { content: Some(contents), ..pictured("mine", 2)? };
    worker.commit(&delta(spoken(vec![other]))).await?;
    assert_eq!(others().await?, before);
    let account = account_id(OWN)?;
    let files = async || {
        let rows = db.store.attachments(&account, &[message_id("mine2")?]).await?;
        anyhow::Ok(rows.iter().map(|row| row.ordinal).collect::<Vec<_>>())
    };
    assert_eq!(files().await?, [0, 1]);
    let shorter =
        MessageSeen { content: Some(vec![photo("before1-0", "2"), photo("before1-1", "2")]), ..pictured("before", 1)? };
    worker.commit(&delta(spoken(vec![shorter]))).await?;
    let rest = db.store.attachments(&account, &[message_id("before1")?]).await?;
    assert_eq!(rest.iter().map(|row| row.state).collect::<Vec<_>>(), [AttachmentState::Stored; 2], "they are here");
    let recalled = Batch { deleted_messages: vec![message_id("mine2")?], ..delta(batch()) };
    worker.commit(&recalled).await?;
    assert!(files().await?.is_empty());
    assert_eq!(others().await?, before);
    Ok(())
}
