//! The second script of a commit: what changed, the log, the tracks, the report and the lease.
//!
//! Every row is written by its key, so that the same script twice leaves the same rows. The last statement asks what is
//! due now, which saves the worker a question.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use threadkeep_core::sync::track::ConversationTrack;

use super::attach::{AttachmentChanges, drop_conversation};
use super::fold::{Children, Folded, push_hex};
use super::{ready, verified};
use crate::planted::{self, Bug};
use crate::store::accounts::login_expiry;
use crate::store::rows::{self, TRACK};
use crate::store::statement::{Kind, Statement, Value, for_keys, insert_rows, json, sql};
use crate::store::{Commit, Progress, StoreResult};

/// Unreadable records kept for an account, newest first.
pub(in crate::store) const ODDITIES_MAX: i64 = 1_000;
/// Longest name of a category that is searched by; longer ones are kept in the conversation's row alone.
pub(in crate::store) const CATEGORY_LENGTH_MAX: usize = 400;

/// Inserts or replaces tracks.
pub(in crate::store) const TRACKS_HEAD: &str =
    "INSERT INTO tracks (conversation_pk, account_pk, activity, synced_to, due_rank, completeness, detail) VALUES";
pub(in crate::store) const TRACKS_TAIL: &str = "ON CONFLICT (conversation_pk) DO UPDATE SET \
     activity = excluded.activity, synced_to = excluded.synced_to, due_rank = excluded.due_rank, \
     completeness = excluded.completeness, detail = excluded.detail";
/// Columns of a track's row.
pub(in crate::store) const TRACK_WIDTH: usize = 7;

/// Inserts rows of what it is named after.
pub(in crate::store) const PEOPLE_HEAD: &str = "INSERT INTO people (account_pk, id, kind, first_name, last_name, headline, profile_url, \
     picture_url, distance, backend_urn, slug) VALUES";
const PEOPLE_TAIL: &str = "ON CONFLICT (account_pk, id) DO UPDATE SET kind = excluded.kind, \
     first_name = excluded.first_name, last_name = excluded.last_name, headline = excluded.headline, \
     profile_url = excluded.profile_url, picture_url = excluded.picture_url, distance = excluded.distance, \
     backend_urn = excluded.backend_urn, slug = excluded.slug";

/// Inserts rows of what it is named after.
pub(in crate::store) const CONVERSATIONS_HEAD: &str = "INSERT INTO conversations (pk, account_pk, id, categories, is_group, title, state, \
     label, is_sponsored, participants, created_at, last_activity_at, last_read_at, is_read, unread_count, is_muted, \
     is_deleted, version) VALUES";
const CONVERSATIONS_TAIL: &str = "ON CONFLICT (pk) DO UPDATE SET categories = excluded.categories, \
     is_group = excluded.is_group, title = excluded.title, state = excluded.state, label = excluded.label, \
     is_sponsored = excluded.is_sponsored, participants = excluded.participants, created_at = excluded.created_at, \
     last_activity_at = excluded.last_activity_at, last_read_at = excluded.last_read_at, is_read = excluded.is_read, \
     unread_count = excluded.unread_count, is_muted = excluded.is_muted, is_deleted = excluded.is_deleted, \
     version = excluded.version, \
     others = CASE WHEN conversations.participants = excluded.participants THEN conversations.others END";

/// Inserts rows of what it is named after.
pub(in crate::store) const MESSAGES_HEAD: &str = "INSERT INTO messages (account_pk, id, conversation_pk, delivered_at, sender_id, body, \
     subject, format, fallback_text, attributes, content, reactions, prior, is_deleted, version) VALUES";
const MESSAGES_TAIL: &str = "ON CONFLICT (account_pk, id) DO UPDATE SET delivered_at = excluded.delivered_at, \
     sender_id = excluded.sender_id, body = excluded.body, subject = excluded.subject, format = excluded.format, \
     fallback_text = excluded.fallback_text, attributes = excluded.attributes, content = excluded.content, \
     reactions = excluded.reactions, prior = excluded.prior, is_deleted = excluded.is_deleted, \
     version = excluded.version";

/// Inserts rows of what it is named after.
pub(in crate::store) const EVENTS_HEAD: &str =
    "INSERT INTO events (account_pk, seq, id, kind, object_id, version, at) VALUES";

/// Inserts rows of what it is named after.
pub(in crate::store) const ODDITIES_HEAD: &str = "INSERT INTO oddities \
     (account_pk, digest, conversation_id, what, raw, times, first_seen_at, last_seen_at) VALUES";
const ODDITIES_TAIL: &str = "ON CONFLICT (account_pk, digest) DO UPDATE SET \
     times = oddities.times + excluded.times, last_seen_at = excluded.last_seen_at";

/// Everything that a step changes.
pub(super) fn script(
    commit: &Commit<'_>,
    folded: &Folded,
    attachments: AttachmentChanges,
    progress: &Progress,
) -> StoreResult<Vec<Statement>> {
    let mut script = Vec::new();
    write_records(&mut script, commit, folded, attachments)?;
    write_tracks(&mut script, folded)?;
    write_oddities(&mut script, commit, folded);
    let account_pk = folded.before.account_pk;
    if let Some(written) = &commit.batch.verification {
        verified::write(&mut script, commit, account_pk, written)?;
    }
    if let Some(session) = commit.sealed_session {
        script.push(sql!(
            "INSERT INTO sessions (account_pk, sealed, updated_at) VALUES (?, ?, ?) \
             ON CONFLICT (account_pk) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
            account_pk,
            session.sealed.as_slice(),
            commit.now,
        ));
        script.push(login_expiry(account_pk, session));
    }
    script.push(write_account(commit, folded)?);
    script.push(sql!(
        "UPDATE jobs SET due_at = ?, progress = ? WHERE id = ? AND epoch = ? AND state = 'running'",
        if planted::is(Bug::LeaseNotExtended) { commit.now } else { commit.lease_until },
        json(progress)?,
        commit.lease.job,
        commit.lease.epoch,
    ));
    script.push(due(account_pk));
    Ok(script)
}

/// Records and the log of what changed.
fn write_records(
    script: &mut Vec<Statement>,
    commit: &Commit<'_>,
    folded: &Folded,
    attachments: AttachmentChanges,
) -> StoreResult<()> {
    write_people(script, folded);
    write_conversations(script, folded)?;
    write_messages(script, folded)?;
    attachments.write(script, folded.before.account_pk);
    for pk in &folded.lost {
        drop_conversation(script, folded.before.account_pk, *pk);
    }
    ready::write(script, folded);
    write_events(script, commit, folded);
    Ok(())
}

/// Everything that rows of an archive change; the sync of the account is left as it is.
pub(super) fn archive_script(
    commit: &Commit<'_>,
    folded: &Folded,
    attachments: AttachmentChanges,
) -> StoreResult<Vec<Statement>> {
    let mut script = Vec::new();
    write_records(&mut script, commit, folded, attachments)?;
    let events = i64::try_from(folded.events.len()).unwrap_or(i64::MAX);
    script.push(sql!(
        "UPDATE accounts SET event_seq = ?, conversation_seq = ?, message_count = message_count + ?, \
         oldest_message_at = ?, has_archive = 1 WHERE pk = ?",
        folded.before.event_seq.saturating_add(events),
        folded.before.conversation_seq,
        folded.counts.messages_balance,
        folded.oldest_message_at,
        folded.before.account_pk,
    ));
    Ok(script)
}

/// The conversation that is due first.
pub(in crate::store) fn due(account_pk: impl Into<Value>) -> Statement {
    let text = format!(
        "SELECT c.id, {TRACK} FROM tracks t JOIN conversations c ON c.pk = t.conversation_pk \
         WHERE t.account_pk = ? AND t.due_rank IS NOT NULL \
         ORDER BY t.due_rank, t.activity DESC, t.conversation_pk LIMIT 1"
    );
    Statement::new(text, vec![account_pk.into()])
}

fn write_people(script: &mut Vec<Statement>, folded: &Folded) {
    let people = folded.people.iter().filter_map(|id| folded.before.people.get(id));
    let values = people.flat_map(|person| rows::person_values(folded.before.account_pk, person)).collect();
    insert_rows(script, PEOPLE_HEAD, PEOPLE_TAIL, 11, values);
}

fn write_conversations(script: &mut Vec<Statement>, folded: &Folded) -> StoreResult<()> {
    let mut values = Vec::with_capacity(folded.conversations.len() * 18);
    for kept in folded.conversations.iter().filter_map(|id| folded.before.conversations.get(id)) {
        values.extend(rows::conversation_values(kept.pk, folded.before.account_pk, &kept.conversation)?);
    }
    insert_rows(script, CONVERSATIONS_HEAD, CONVERSATIONS_TAIL, 18, values);
    write_categories(script, folded);
    write_participants(script, folded);
    Ok(())
}

fn write_categories(script: &mut Vec<Statement>, folded: &Folded) {
    let mut old = Vec::new();
    let mut values = Vec::new();
    for (kept, children) in children(folded).filter(|(_, children)| children.categories_changed) {
        if !children.is_new && !planted::is(Bug::CategoriesPileUp) {
            old.push(kept.pk);
        }
        let searched = kept.conversation.categories.iter().filter(|one| one.len() <= CATEGORY_LENGTH_MAX);
        values.extend(searched.flat_map(|category| [Value::from(kept.pk), category.into()]));
    }
    for_keys(script, "DELETE FROM conversation_categories WHERE conversation_pk", "", &[], old.into_iter());
    insert_rows(script, "INSERT INTO conversation_categories (conversation_pk, category) VALUES", "", 2, values);
}

fn write_participants(script: &mut Vec<Statement>, folded: &Folded) {
    const HEAD: &str = "INSERT INTO conversation_people (conversation_pk, person_id, account_pk, is_present) VALUES";
    let account_pk = folded.before.account_pk;
    let mut present = Vec::new();
    let mut strangers = Vec::new();
    for (kept, children) in children(folded) {
        let participants = &kept.conversation.participants;
        for id in children.gone.difference(participants) {
            let gone = "WHERE conversation_pk = ? AND person_id = ?";
            let verb = match planted::is(Bug::LeaverForgotten) {
                true => "DELETE FROM conversation_people",
                false => "UPDATE conversation_people SET is_present = 0",
            };
            script.push(sql!(format!("{verb} {gone}"), kept.pk, id));
        }
        if children.participants_changed {
            let row = |id| [Value::from(kept.pk), Value::from(id), account_pk.into(), true.into()];
            present.extend(participants.iter().flat_map(row));
        }
        let row = |id| [Value::from(kept.pk), Value::from(id), account_pk.into(), false.into()];
        strangers.extend(children.strangers.difference(participants).flat_map(row));
    }
    insert_rows(
        script,
        HEAD,
        "ON CONFLICT (conversation_pk, person_id) DO UPDATE SET is_present = excluded.is_present",
        4,
        present,
    );
    insert_rows(script, HEAD, "ON CONFLICT (conversation_pk, person_id) DO NOTHING", 4, strangers);
}

fn children(folded: &Folded) -> impl Iterator<Item = (&super::gather::Kept, &Children)> {
    folded.children.iter().filter_map(|(id, children)| Some((folded.before.conversations.get(id)?, children)))
}

fn write_messages(script: &mut Vec<Statement>, folded: &Folded) -> StoreResult<()> {
    let mut values = Vec::with_capacity(folded.messages.len() * 15);
    for (conversation_pk, message) in folded.messages.iter().filter_map(|id| folded.before.messages.get(id)) {
        values.extend(rows::message_values(folded.before.account_pk, *conversation_pk, message)?);
    }
    let tail = if planted::is(Bug::ChangedRowNotWritten) { "ON CONFLICT DO NOTHING" } else { MESSAGES_TAIL };
    insert_rows(script, MESSAGES_HEAD, tail, 15, values);
    Ok(())
}

fn write_events(script: &mut Vec<Statement>, commit: &Commit<'_>, folded: &Folded) {
    let mut seq = folded.before.event_seq;
    let mut values = Vec::with_capacity(folded.events.len() * 7);
    for event in &folded.events {
        seq += 1;
        values.extend([
            folded.before.account_pk.into(),
            seq.into(),
            (&event.id).into(),
            event.kind.as_str().into(),
            (&event.object).into(),
            event.version.into(),
            commit.now.into(),
        ]);
    }
    insert_rows(script, EVENTS_HEAD, "", 7, values);
}

fn write_tracks(script: &mut Vec<Statement>, folded: &Folded) -> StoreResult<()> {
    let mut values = Vec::with_capacity(folded.tracks.len() * TRACK_WIDTH);
    for kept in folded.tracks.iter().filter_map(|id| folded.before.conversations.get(id)) {
        if let Some(track) = &kept.track {
            values.extend(rows::track_values(kept.pk, folded.before.account_pk, track)?);
        }
    }
    insert_rows(script, TRACKS_HEAD, TRACKS_TAIL, TRACK_WIDTH, values);
    Ok(())
}

fn write_oddities(script: &mut Vec<Statement>, commit: &Commit<'_>, folded: &Folded) {
    let account_pk = folded.before.account_pk;
    let mut times = BTreeMap::new();
    for oddity in &commit.batch.oddities {
        let mut hash = Sha256::new();
        let conversation = oddity.conversation.as_ref().map_or("", |id| id.as_str());
        for part in [conversation, &oddity.what, &oddity.raw] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let mut digest = String::new();
        push_hex(&mut digest, &hash.finalize(), 32);
        times.entry(digest).or_insert((oddity, 0i64)).1 += 1;
    }
    if times.is_empty() {
        return;
    }
    let mut values = Vec::new();
    for (digest, (oddity, times)) in times {
        values.extend([
            account_pk.into(),
            digest.into(),
            oddity.conversation.as_ref().into(),
            (&oddity.what).into(),
            (&oddity.raw).into(),
            times.into(),
            commit.now.into(),
            commit.now.into(),
        ]);
    }
    let tail = if planted::is(Bug::OdditiesCountOnce) { "ON CONFLICT DO NOTHING" } else { ODDITIES_TAIL };
    insert_rows(script, ODDITIES_HEAD, tail, 8, values);
    script.push(sql!(
        "DELETE FROM oddities WHERE account_pk = ? AND digest NOT IN (SELECT o.digest FROM oddities o \
         WHERE o.account_pk = ? ORDER BY o.last_seen_at DESC, o.digest LIMIT ?)",
        account_pk,
        account_pk,
        ODDITIES_MAX,
    ));
}

fn write_account(commit: &Commit<'_>, folded: &Folded) -> StoreResult<Statement> {
    let batch = commit.batch;
    let before = &folded.before;
    let events = i64::try_from(folded.events.len()).unwrap_or(i64::MAX);
    let mut text = String::from(
        "UPDATE accounts SET next_request_at = ?, inbox = ?, event_seq = ?, conversation_seq = ?, logins_lost = ?, \
         message_count = message_count + ?",
    );
    let mut values: Vec<Value> = vec![
        commit.next_request_at.into(),
        json(&batch.inbox)?.into(),
        before.event_seq.saturating_add(events).saturating_add(i64::from(planted::is(Bug::EventGap))).into(),
        before.conversation_seq.into(),
        folded.logins_lost.into(),
        folded.counts.messages_balance.into(),
    ];
    let mut set = |fragment: &str, more: Vec<Value>| {
        text.push_str(fragment);
        values.extend(more);
    };
    if folded.oldest_is_unsure {
        let oldest = ", oldest_message_at = \
             (SELECT MIN(m.delivered_at) FROM messages m WHERE m.account_pk = ? AND m.is_deleted = 0)";
        set(oldest, vec![before.account_pk.into()]);
    } else {
        set(", oldest_message_at = ?", vec![folded.oldest_message_at.into()]);
    }
    match &batch.hold {
        Some(hold) => {
            set(", hold_until = ?, hold_why = ?", vec![hold.until.into(), hold.why.as_str().into()]);
        }
        None if planted::is(Bug::HoldDropped) => set(", hold_until = NULL, hold_why = NULL", Vec::new()),
        None => set(
            ", hold_until = CASE WHEN hold_until > ? THEN hold_until END, \
             hold_why = CASE WHEN hold_until > ? THEN hold_why END",
            vec![commit.now.into(), commit.now.into()],
        ),
    }
    if let Some(health) = batch.health {
        let detail = batch.failure.as_ref().map_or(Value::Null(Kind::Text), |failure| (&failure.what).into());
        set(", health = ?, health_detail = ?", vec![health.as_str().into(), detail]);
    }
    set(" WHERE pk = ?", vec![before.account_pk.into()]);
    Ok(Statement::new(text, values))
}

/// A track that is written outside of a commit.
pub(in crate::store) fn track_rows(
    script: &mut Vec<Statement>,
    account_pk: i64,
    tracks: &[(i64, ConversationTrack)],
) -> StoreResult<()> {
    let mut values = Vec::with_capacity(tracks.len() * TRACK_WIDTH);
    for (conversation_pk, track) in tracks {
        values.extend(rows::track_values(*conversation_pk, account_pk, track)?);
    }
    insert_rows(script, TRACKS_HEAD, TRACKS_TAIL, TRACK_WIDTH, values);
    Ok(())
}
