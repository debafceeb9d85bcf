//! What must hold after every commit: versions go up one by one, each with its event; tombstones stay; the log has no gap;
//! nobody writes with a lease that somebody else has taken over; what is complete is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use threadkeep::store::StoreResult;
use threadkeep_core::sync::track::InboxTrack;

use super::book::{AccountPage, Book, JobPage};
use super::ending::unread;
use crate::ask::{Cells, rows};
use crate::breach;
use crate::stage::{Breach, Stage, Who};

/// All rows are compared with the log after so many commits.
const COMMITS_BETWEEN: u32 = 12;

const ACCOUNTS: &str = "SELECT a.pk, a.created_at, a.member_id, a.event_seq, a.inbox, a.hold_until, a.hold_why, a.health, \
     a.next_request_at, (SELECT COUNT(*) FROM tracks t WHERE t.account_pk = a.pk AND t.detail LIKE '%\"need\":\"sweep\"%') \
     FROM accounts a ORDER BY a.pk";
const EVENTS: &str =
    "SELECT seq, id, kind, object_id, version FROM events WHERE account_pk = ? AND seq > ? ORDER BY seq";
/// All of them: one that goes on may be older than many that have ended.
const JOBS: &str = "SELECT j.id, j.account_pk, j.state, j.epoch, j.owner FROM jobs j";

/// Checks what a transaction has left behind; one that has written nothing has left nothing.
pub async fn after_write(stage: &Arc<Stage>, who: Who) -> StoreResult<()> {
    let ground = &stage.ground;
    let presences = stage.nodes().iter().enumerate().filter_map(|(number, node)| Some((number, node.presence()?)));
    let presences: BTreeMap<usize, String> = presences.collect();
    let written = ground.rows_written();
    if written.is_some() && stage.with(|state| state.book.rows_written == written) {
        stage.with(|state| {
            let jobs = std::mem::take(&mut state.book.jobs);
            see_who_holds(&mut state.book, &mut state.manners, who, &jobs, presences);
            state.book.jobs = jobs;
        });
        return Ok(());
    }
    stage.with(|state| state.manners.has_written(who));
    let accounts: BTreeMap<i64, AccountPage> = rows(ground, ACCOUNTS, &[]).await?.into_iter().map(account).collect();
    let jobs: BTreeMap<i64, JobPage> = rows(ground, JOBS, &[]).await?.into_iter().map(job).collect();
    let found = stage.with(|state| {
        state.book.rows_written = written;
        let manners = &mut state.manners;
        let found = turn_page(&mut state.book, manners, who, accounts, jobs, presences);
        state.tally.takeovers = manners.takeovers();
        found
    });
    let news = match found {
        Ok(news) => news,
        Err(breach) => {
            stage.report(breach);
            return Ok(());
        }
    };
    for (pk, after) in news {
        let events = rows(ground, EVENTS, &[pk, after]).await?;
        if let Err(breach) = stage.with(|state| read_events(&mut state.book, pk, after, events)) {
            stage.report(breach);
        }
    }
    let is_due = stage.with(|state| {
        state.book.commits_since += 1;
        state.book.commits_since >= COMMITS_BETWEEN
    });
    if is_due { everything(stage).await } else { Ok(()) }
}

fn account(mut row: Cells) -> (i64, AccountPage) {
    let pk = row.int();
    let page = AccountPage {
        created_at: row.int(),
        member: row.text(),
        event_seq: row.int(),
        inbox: row.text(),
        hold: (row.int_or_none(), row.text()),
        health: row.text(),
        next_request_at: row.int(),
        sweeps: row.int(),
        ..AccountPage::default()
    };
    (pk, page)
}

fn job(mut row: Cells) -> (i64, JobPage) {
    (row.int(), JobPage { account_pk: row.int(), state: row.text(), epoch: row.int(), owner: row.text() })
}

/// Takes over the new rows; gives the accounts that have new events, with the number before them.
fn turn_page(
    book: &mut Book,
    manners: &mut super::manners::Manners,
    who: Who,
    accounts: BTreeMap<i64, AccountPage>,
    jobs: BTreeMap<i64, JobPage>,
    presences: BTreeMap<usize, String>,
) -> Result<Vec<(i64, i64)>, Breach> {
    check_jobs(book, &jobs)?;
    let mut news = Vec::new();
    see_who_holds(book, manners, who, &jobs, presences);
    let gone: Vec<i64> = book.accounts.keys().filter(|pk| !accounts.contains_key(pk)).copied().collect();
    for pk in gone {
        if let Some(page) = book.accounts.remove(&pk) {
            manners.account_gone(pk);
            book.lost_marks.remove(&page.member);
        }
    }
    for (pk, mut page) in accounts {
        let before = book.accounts.remove(&pk).filter(|before| before.created_at == page.created_at);
        let before = before.unwrap_or_else(|| AccountPage { created_at: page.created_at, ..AccountPage::default() });
        if page.event_seq < before.event_seq {
            return Err(breach!(
                "log without gaps",
                "the log went back from {} to {}",
                before.event_seq,
                page.event_seq
            ));
        }
        let is_changed = page.event_seq != before.event_seq
            || page.inbox != before.inbox
            || page.hold != before.hold
            || page.next_request_at != before.next_request_at;
        if is_changed && let Who::Node(number) = who {
            fenced(book, &jobs, number, pk)?;
        }
        // A second wait may have the very end of the first.
        let is_held = page.hold.0.is_some_and(|until_ms| manners.is_covered(who, pk, until_ms));
        if page.hold != before.hold || page.health != before.health || is_held {
            manners.settled(who, pk);
        }
        if who == Who::Person {
            // Also when the person was never told that it was done.
            if page.health == "connected" && before.health != "connected" {
                manners.logged_in(pk);
            }
            if page.hold.0.is_none() && before.hold.0.is_some() {
                manners.forced(pk);
            }
        }
        note_lost_mark(book, &before, &page);
        if page.event_seq > before.event_seq {
            news.push((pk, before.event_seq));
        }
        page.versions = before.versions;
        page.deleted = before.deleted;
        page.recalled = before.recalled;
        page.completed = before.completed;
        book.accounts.insert(pk, page);
    }
    book.jobs = jobs;
    Ok(news)
}

/// Whoever of the others does not hold the job of its account any more was overtaken.
fn see_who_holds(
    book: &mut Book,
    manners: &mut super::manners::Manners,
    who: Who,
    jobs: &BTreeMap<i64, JobPage>,
    presences: BTreeMap<usize, String>,
) {
    book.presences = presences;
    for (number, name) in book.presences.iter().filter(|(number, _)| who != Who::Node(**number)) {
        let is_held = |job: &JobPage, pk| job.account_pk == pk && job.state == "running" && job.owner == *name;
        manners.overtaken(Who::Node(*number), |pk| jobs.values().any(|job| is_held(job, pk)));
    }
}

fn check_jobs(book: &Book, jobs: &BTreeMap<i64, JobPage>) -> Result<(), Breach> {
    let mut open = BTreeMap::<i64, u32>::new();
    for (id, job) in jobs {
        if let Some(before) = book.jobs.get(id).filter(|before| before.epoch > job.epoch) {
            return Err(breach!("epochs go up", "job {id} went from epoch {} to {}", before.epoch, job.epoch));
        }
        if matches!(job.state.as_str(), "queued" | "running" | "waiting") {
            let count = open.entry(job.account_pk).or_default();
            *count += 1;
            if *count > 1 {
                return Err(breach!("one open job", "account {} has {count} open jobs", job.account_pk));
            }
        }
    }
    Ok(())
}

/// A worker may change an account only while it is the last one who took its newest job.
fn fenced(book: &Book, jobs: &BTreeMap<i64, JobPage>, number: usize, pk: i64) -> Result<(), Breach> {
    let name = book.presences.get(&number).map(String::as_str).unwrap_or_default();
    let was_held = book.jobs.values().any(|job| job.account_pk == pk && job.state == "running" && job.owner == name);
    let is_held = jobs.values().any(|job| job.account_pk == pk && job.owner == name);
    match was_held && is_held {
        true => Ok(()),
        false => Err(breach!("fencing", "node {number} wrote to account {pk}, whose job it does not hold")),
    }
}

/// A mark that was given up: what was removed or edited meanwhile cannot be known to anybody.
fn note_lost_mark(book: &mut Book, before: &AccountPage, page: &AccountPage) {
    let is_lost = page.sweeps > before.sweeps
        || (page.inbox != before.inbox && !before.inbox.is_empty() && is_given_up(&before.inbox, &page.inbox));
    if is_lost {
        *book.lost_marks.entry(page.member.clone()).or_default() += 1;
    }
}

fn is_given_up(before: &str, after: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<InboxTrack>(text).unwrap_or_default();
    let (before, after) = (read(before), read(after));
    let was_reset = before.resets > 0 && after.resets == 0 && after.drains == 0;
    before.token.is_some() && (was_reset || after.token.is_none())
}

fn read_events(book: &mut Book, pk: i64, after: i64, events: Vec<Cells>) -> Result<(), Breach> {
    let Some(page) = book.accounts.get_mut(&pk) else { return Ok(()) };
    let mut expected = after;
    for mut row in events {
        expected += 1;
        let (seq, id, kind, object, version) = (row.int(), row.text(), row.text(), row.text(), row.int());
        if seq != expected || id.is_empty() {
            return Err(breach!("log without gaps", "event {expected} is missing; {seq} follows"));
        }
        if kind == "account.needs_login" {
            continue;
        }
        let known = page.versions.insert(object.clone(), version).unwrap_or_default();
        if version != known + 1 {
            return Err(breach!("versions go up by one", "{kind} {object}: version {version} after {known}"));
        }
        if page.deleted.contains(&object) {
            return Err(breach!("tombstones stay", "{kind} of {object}, which was deleted"));
        }
        match kind.as_str() {
            "message.deleted" => drop(page.deleted.insert(object)),
            "message.recalled" => drop(page.recalled.insert(object)),
            "message.edited" if page.recalled.contains(&object) => {
                return Err(breach!("a recalled message stays so", "{object} was edited after that"));
            }
            _ => {}
        }
    }
    match expected == page.event_seq {
        true => Ok(()),
        false => Err(breach!("log without gaps", "the newest event is {expected} and not {}", page.event_seq)),
    }
}

/// Compares all rows with the log.
pub async fn everything(stage: &Arc<Stage>) -> StoreResult<()> {
    let ground = &stage.ground;
    let messages = rows(ground, "SELECT account_pk, id, version, is_deleted, format FROM messages", &[]).await?;
    let conversations = rows(ground, "SELECT account_pk, id, version, is_deleted, '' FROM conversations", &[]).await?;
    let orphans = rows(ground, ORPHANS, &[]).await?;
    let complete = rows(ground, COMPLETE, &[]).await?;
    let found = stage.with(|state| {
        state.book.commits_since = 0;
        for row in messages.into_iter().chain(conversations) {
            compare(&state.book, row)?;
        }
        for mut row in orphans {
            let (what, count) = (row.text(), row.int());
            if count != 0 {
                return Err(breach!("no orphans", "{count} {what}"));
            }
        }
        Ok(())
    });
    if let Err(breach) = found {
        stage.report(breach);
    }
    for mut row in complete {
        let (pk, conversation, conversation_pk) = (row.int(), row.text(), row.int());
        covered(stage, pk, &conversation, conversation_pk).await?;
    }
    Ok(())
}

const ORPHANS: &str = "SELECT 'messages without a conversation', COUNT(*) FROM messages m WHERE NOT EXISTS \
     (SELECT 1 FROM conversations c WHERE c.pk = m.conversation_pk AND c.account_pk = m.account_pk) \
     UNION ALL SELECT 'tracks without a conversation', COUNT(*) FROM tracks t WHERE NOT EXISTS \
     (SELECT 1 FROM conversations c WHERE c.pk = t.conversation_pk) \
     UNION ALL SELECT 'wrong counts of messages', COUNT(*) FROM accounts a WHERE a.message_count <> \
     (SELECT COUNT(*) FROM messages m WHERE m.account_pk = a.pk AND m.is_deleted = 0)";
const COMPLETE: &str = "SELECT c.account_pk, c.id, c.pk FROM tracks t JOIN conversations c ON c.pk = t.conversation_pk \
     WHERE t.completeness = 'complete' AND t.due_rank IS NULL AND c.is_deleted = 0";

fn compare(book: &Book, mut row: Cells) -> Result<(), Breach> {
    let (pk, id, version, is_deleted, format) = (row.int(), row.text(), row.int(), row.int() != 0, row.text());
    let Some(page) = book.accounts.get(&pk) else {
        return Err(breach!("no orphans", "{id} belongs to account {pk}, which is not there"));
    };
    let told = page.versions.get(&id).copied().unwrap_or_default();
    if told != version {
        return Err(breach!("one event for each version", "{id} has version {version}, the log tells {told}"));
    }
    if page.deleted.contains(&id) && !is_deleted {
        return Err(breach!("tombstones stay", "{id} was deleted and is not any more"));
    }
    if page.recalled.contains(&id) && !is_deleted && format != "recalled" && format != "RECALLED" {
        return Err(breach!("a recalled message stays so", "{id} has the format {format}"));
    }
    Ok(())
}

/// What was there from the beginning is here as soon as its conversation counts as complete.
async fn covered(stage: &Arc<Stage>, pk: i64, conversation: &str, conversation_pk: i64) -> StoreResult<()> {
    let wanted = stage.with(|state| {
        let page = state.book.accounts.get_mut(&pk)?;
        if !page.completed.insert(conversation.to_owned()) || state.book.once_deleted.contains(conversation) {
            return None;
        }
        state.book.first.get(&page.member)?.get(conversation).cloned()
    });
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return Ok(()) };
    let text = "SELECT id FROM messages WHERE conversation_pk = ?";
    let here = rows(&stage.ground, text, &[conversation_pk]).await?;
    let here: BTreeSet<String> = here.into_iter().map(|mut row| row.text()).collect();
    // What LinkedIn has removed meanwhile need not have come.
    let missing = stage.with(|state| {
        let world = state.simulator.world();
        let is_there = |id: &&String| world.message(conversation, id).is_some_and(|one| one.deleted_at_ms.is_none());
        wanted.difference(&here).find(is_there).cloned()
    });
    if let Some(id) = missing {
        if unread(stage, pk).await?.iter().any(|one| one.contains(conversation)) {
            return Ok(());
        }
        stage.report(breach!("the track is not ahead of the data", "{conversation} is complete and lacks {id}"));
    }
    Ok(())
}
