//! The contract of bystanders: what others have changes nothing of what is read of an account.
//!
//! The others have conversations, messages, people and files of the same ids, so that a question that forgets whose they
//! are finds them twice.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use threadkeep::store::{
    AttachmentName, AttachmentState, ConversationFilter, ExportScope, LedgerFilter, MediaOutcome, MessageFilter, Reads,
    SharedStore,
};
use threadkeep_core::id::MessageId;
use threadkeep_core::sync::Batch;
use threadkeep_core::verify::compare::Window;

use crate::store_contract_listed::ready;
use crate::store_contract_search::page;
use crate::store_database::Database;
use crate::store_fixture::{
    LEASE_MS, NOW, Worker, account_id, batch, conversation, conversation_id, delta, listed, login, message_id,
    person_id,
};
use crate::store_neighbourhood::{lived_in, pictured, settle_next};

crate::on_both_databases!(what_others_have_changes_nothing_of_what_is_read);

/// Whom everything is read of; a neighbour before it and one behind it.
const OWN: u32 = 2;
/// More than there is of anything.
const ALL: u32 = 100;

/// What was asked, and the answer.
type Answers = Vec<(&'static str, String)>;

/// An account with something of each kind: read and unread, whole and lacking, wanted and gone.
async fn moved_in(db: &Database, number: u32) -> Result<Worker> {
    let mut worker = lived_in(db, number).await?;
    let mut unread = conversation("before", 30, "Ann")?;
    unread.read = Some(false);
    unread.unread_count = Some(2);
    let mut page = listed(vec![unread, conversation("gone", 5, "Max")?]);
    page.messages = vec![pictured("gone", 1)?];
    worker.commit(&page).await?;
    let gone = Batch {
        deleted_conversations: vec![conversation_id("gone")?],
        deleted_messages: vec![message_id("mine2")?],
        ..delta(batch())
    };
    worker.commit(&gone).await?;
    let later = MediaOutcome::Failed { code: "media_unavailable", not_before: Some(NOW.plus_ms(9)) };
    settle_next(&worker, &later).await?;
    ensure!(worker.store.want_all(worker.account(), &[AttachmentState::Failed], NOW).await? == 1);
    crate::store_contract_search::indexed(&db.store).await?;
    Ok(worker)
}

async fn lists(store: &SharedStore, found: &mut Answers) -> Result<()> {
    let accounts = [account_id(OWN)?];
    let [id] = &accounts;
    let everywhere = ConversationFilter { accounts: accounts.to_vec(), ..ConversationFilter::default() };
    let unread = ConversationFilter { unread_only: true, ..everywhere.clone() };
    let talk = conversation_id("mine")?;
    let reads: &dyn Reads = &**store;
    found.push(("conversations", format!("{:?}", reads.conversations(&everywhere, ALL).await?)));
    found.push(("unread ones", format!("{:?}", reads.conversations(&unread, ALL).await?)));
    found.push(("a conversation", format!("{:?}", reads.conversation(&accounts, &talk).await?)));
    found.push(("messages", format!("{:?}", reads.messages(id, &talk, &MessageFilter::default(), ALL).await?)));
    found.push(("overview", format!("{:?}", reads.overview(id).await?)));
    for (incomplete, with_drift) in [(false, false), (true, false), (false, true)] {
        let filter = LedgerFilter { incomplete, with_drift, after: None };
        found.push(("ledger", format!("{:?}", reads.ledgered(id, &filter, ALL).await?)));
    }
    let people = [person_id("Ann")?, person_id("Max")?];
    found.push(("people", format!("{:?}", reads.people(id, &people).await?)));
    let inbox = ["INBOX".to_owned()];
    for categories in [None, Some(&inbox[..])] {
        let scope = ExportScope { account: id, categories, with_deleted: true, only: &[], since: None };
        found.push(("export of conversations", format!("{:?}", reads.export_conversations(&scope, None, ALL).await?)));
        found.push(("export of messages", format!("{:?}", reads.export_messages(&scope, None, ALL).await?)));
        found.push(("export of people", format!("{:?}", reads.export_people(&scope, None, ALL).await?)));
        let narrow = ExportScope { with_deleted: false, only: std::slice::from_ref(&talk), since: Some(NOW), ..scope };
        found.push((
            "part of the conversations",
            format!("{:?}", reads.export_conversations(&narrow, None, ALL).await?),
        ));
        found.push(("part of the messages", format!("{:?}", reads.export_messages(&narrow, None, ALL).await?)));
        found.push(("part of the people", format!("{:?}", reads.export_people(&narrow, None, ALL).await?)));
    }
    Ok(())
}

async fn single_records(store: &SharedStore, found: &mut Answers) -> Result<()> {
    let accounts = [account_id(OWN)?];
    let [id] = &accounts;
    let talk = conversation_id("mine")?;
    found.push(("the account", format!("{:?}", store.account(id).await?)));
    found.push(("session", format!("{:?}", store.sealed_session(id).await?)));
    found.push(("data key", format!("{:?}", store.data_key(id, None).await?)));
    for profile in ["max-test", "ACoAAMax", "nobody"] {
        found.push(("profile", format!("{:?}", store.person_by_profile(id, profile).await?)));
    }
    found.push(("talk with somebody", format!("{:?}", store.conversation_with(id, &person_id("Max")?).await?)));
    for name in ["mine1", "mine2"] {
        found.push(("message", format!("{:?}", store.message(&accounts, &message_id(name)?).await?)));
    }
    let after = (threadkeep_core::time::Timestamp(11), None::<&MessageId>);
    found.push(("messages after", format!("{:?}", store.messages_after(id, &talk, after, ALL).await?)));
    found.push(("words", format!("{:?}", page(store, &accounts, "words", ALL, None).await?)));
    found.push(("a name", format!("{:?}", page(store, &accounts, "with:Max", ALL, None).await?)));
    found.push(("lag", format!("{:?}", store.index_lag(Some(&accounts)).await?)));
    found.push(("archive", format!("{:?}", store.has_imported(id, "d1").await?)));
    Ok(())
}

async fn work(store: &SharedStore, worker: &Worker, found: &mut Answers) -> Result<()> {
    let id = &account_id(OWN)?;
    let talk = conversation_id("mine")?;
    let ids = [message_id("mine1")?, message_id("behind1")?];
    found.push(("jobs", format!("{:?}", store.jobs(id, ALL).await?)));
    found.push(("media jobs", format!("{:?}", store.media_jobs(id, ALL).await?)));
    found.push(("state of work", format!("{:?}", store.work_state(&worker.lease).await?)));
    found.push(("verification", format!("{:?}", store.verification(id).await?)));
    found.push(("verdicts", format!("{:?}", store.verdicts(id, None, ALL).await?)));
    let oddities = store.oddities(id, None, ALL).await?;
    found.push(("oddities", oddities.iter().map(|one| format!("{} {} ", one.digest, one.times)).collect()));
    found.push(("next to read", format!("{:?}", store.next_to_read(id, Some(&conversation_id("before")?)).await?)));
    found.push(("unlisted", format!("{:?}", store.unlisted(id, 1).await?)));
    let kept = store.kept(id, std::slice::from_ref(&talk), &ids).await?;
    let messages: BTreeMap<_, _> = kept.messages.iter().collect();
    found.push(("kept", format!("{:?} {messages:?}", kept.conversations)));
    let stretch = store.stretch(id, &talk, Window { after: None, up_to: None }).await?;
    found.push(("stretch", format!("{stretch:?}")));
    found.push(("files of messages", format!("{:?}", store.attachments(id, &ids).await?)));
    let link = "https://www.linkedin.com/dms/prv/mine1-0?t=2";
    found.push(("file by link", format!("{:?}", store.attachment(id, AttachmentName::Url(link)).await?)));
    for state in [None, Some(AttachmentState::Stored), Some(AttachmentState::Remote)] {
        found.push(("files", format!("{:?}", store.attachments_page(id, state, 0, ALL).await?)));
    }
    found.push(("counts of files", format!("{:?}", store.media_counts(id).await?)));
    found.push(("next file", format!("{:?}", store.next_media(&worker.lease, true, NOW).await?)));
    found.push(("a file that is asked for", format!("{:?}", store.next_media(&worker.lease, false, NOW).await?)));
    found.push(("due files", format!("{:?}", store.media_due_at(id).await?)));
    Ok(())
}

async fn copies(store: &SharedStore, found: &mut Answers) -> Result<()> {
    let id = &account_id(OWN)?;
    let held = store.held().await?;
    found.push(("copy: account", format!("{:?}", held.copied_account(id).await?)));
    found.push(("copy: people", format!("{:?}", held.copied_people(id, None, ALL).await?)));
    found.push(("copy: conversations", format!("{:?}", held.copied_conversations(id, None, ALL).await?)));
    found.push(("copy: messages", format!("{:?}", held.copied_messages(id, None, ALL).await?)));
    found.push(("copy: events", format!("{:?}", held.copied_events(id, 0, ALL).await?)));
    found.push(("copy: oddities", format!("{:?}", held.copied_oddities(id, "", ALL).await?)));
    found.push(("copy: imports", format!("{:?}", held.copied_imports(id, 0, ALL).await?)));
    found.push(("copy: archived", format!("{:?}", held.copied_archived(id, None, ALL).await?)));
    found.push(("copy: aliases", format!("{:?}", held.copied_aliases(id, "", ALL).await?)));
    held.release().await;
    Ok(())
}

/// Everything that can be read of the account.
async fn all(store: &SharedStore, worker: &Worker) -> Result<Answers> {
    let mut found = Answers::new();
    lists(store, &mut found).await?;
    single_records(store, &mut found).await?;
    work(store, worker, &mut found).await?;
    copies(store, &mut found).await?;
    Ok(found)
}

async fn what_others_have_changes_nothing_of_what_is_read(db: &Database) -> Result<()> {
    // The first neighbour stands before it in every table that counts its rows, once it has any.
    db.store.log_in(&login(1)?, NOW).await?;
    let worker = moved_in(db, OWN).await?;
    db.store.enqueue_media(worker.account(), NOW).await?;
    let alone = all(&db.store, &worker).await?;
    moved_in(db, 3).await?;
    let neighbour = moved_in(db, 1).await?;
    let among_others = all(&db.store, &worker).await?;
    for (before, after) in alone.iter().zip(&among_others) {
        assert_eq!(before, after);
    }
    // What lies ready to be shown is the same, of one and of several.
    let own = ready(db, &[OWN]).await?.len();
    assert_eq!(ready(db, &[1, OWN, 3]).await?.len(), 3 * own);
    // What is told of two is told of each.
    let filter = |numbers: &[u32]| {
        let accounts = numbers.iter().map(|number| account_id(*number)).collect::<Result<_>>()?;
        anyhow::Ok(ConversationFilter { accounts, ..ConversationFilter::default() })
    };
    let both = db.store.conversations(&filter(&[1, OWN])?, ALL).await?;
    assert_eq!(both.len(), 2 * db.store.conversations(&filter(&[OWN])?, ALL).await?.len());
    db.store.prolong(&neighbour.lease, NOW.plus_ms(LEASE_MS)).await?;
    Ok(())
}
