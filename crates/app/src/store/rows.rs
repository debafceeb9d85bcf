//! How the records of the domain lie in rows: the columns of each, in one order, read and written here alone.
//!
//! A value that cannot be read back is an error that names table and column, never the value.

use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::ConversationId;
use threadkeep_core::message::{Message, MessageFormat};
use threadkeep_core::person::{Person, PersonKind};
use threadkeep_core::sync::track::{Completeness, ConversationTrack};
use threadkeep_core::sync::{Health, Hold, HoldReason};
use threadkeep_core::verify::Ask;

use super::statement::{Columns, Kind, Outcome, Row, Value, json, json_list};
use super::{Account, Job, JobFailure, JobState, KeyRow, MediaPolicy, StoreResult};

/// What a link to a profile begins with.
const PROFILE: &str = "https://www.linkedin.com/in/";
/// Longest link in which a vanity name is looked for, in bytes.
const SLUGGED_MAX: usize = 400;

/// Columns of a person, from `people p`.
pub(super) const PERSON: &str =
    "p.id, p.kind, p.first_name, p.last_name, p.headline, p.profile_url, p.picture_url, p.distance, p.backend_urn";
/// Columns of a conversation, from `conversations c`.
pub(super) const CONVERSATION: &str = "c.id, c.categories, c.is_group, c.title, c.state, c.label, c.is_sponsored, \
     c.participants, c.created_at, c.last_activity_at, c.last_read_at, c.is_read, c.unread_count, c.is_muted, \
     c.is_deleted, c.version";
/// Columns of a message, from `messages m` without its conversation.
pub(super) const MESSAGE: &str = "m.id, m.sender_id, m.delivered_at, m.body, m.attributes, m.subject, m.format, \
     m.content, m.fallback_text, m.reactions, m.is_deleted, m.prior, m.version";
/// Columns of a track, from `tracks t` without its conversation.
pub(super) const TRACK: &str = "t.activity, t.synced_to, t.detail";
/// Columns of an account, from `accounts a`.
pub(super) const ACCOUNT: &str = "a.id, a.member_id, a.first_name, a.last_name, a.public_id, a.picture_url, a.premium, \
     a.health, a.health_detail, a.hold_until, a.hold_why, a.next_request_at, a.scope, a.inbox, a.created_at, \
     a.last_sync_at, a.consecutive_failures, a.last_error_code, a.last_error, a.media_policy, \
     a.login_expires_at";
/// Columns of a job, from `jobs j` with `accounts a`.
pub(super) const JOB: &str = "j.id, a.id, j.state, j.is_forced, j.cancel_requested, j.media_only, j.verify, j.not_before, j.due_at, \
     j.created_at, j.started_at, j.finished_at, j.failure_code, j.failure, j.progress";
/// Columns of an API key.
pub(super) const KEY: &str = "id, hash, scopes, accounts, label, created_at, last_used_at, revoked_at";

/// All rows of all outcomes.
pub(super) fn rows(outcomes: Vec<Outcome>) -> impl Iterator<Item = Row> {
    outcomes.into_iter().flat_map(|one| one.rows)
}

pub(super) fn person(row: &mut Columns) -> StoreResult<Person> {
    Ok(Person {
        id: row.id("id")?,
        kind: PersonKind::from_name(&row.text("kind")?),
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        headline: row.text_or_null("headline")?,
        profile_url: row.text_or_null("profile_url")?,
        picture_url: row.text_or_null("picture_url")?,
        distance: row.text_or_null("distance")?,
        backend_urn: row.text_or_null("backend_urn")?,
    })
}

pub(super) fn person_values(account_pk: i64, one: &Person) -> [Value; 11] {
    [
        account_pk.into(),
        (&one.id).into(),
        one.kind.as_str().into(),
        (&one.first_name).into(),
        (&one.last_name).into(),
        (&one.headline).into(),
        (&one.profile_url).into(),
        (&one.picture_url).into(),
        (&one.distance).into(),
        (&one.backend_urn).into(),
        one.profile_url.as_deref().and_then(slug).into(),
    ]
}

/// The vanity name in a link to a profile, in the letters in which it is looked for.
pub(super) fn slug(profile_url: &str) -> Option<String> {
    let plain = profile_url.to_ascii_lowercase();
    let name = plain.strip_prefix(PROFILE)?.trim_end_matches('/');
    (!name.is_empty() && plain.len() <= SLUGGED_MAX).then(|| name.to_owned())
}

pub(super) fn conversation(row: &mut Columns) -> StoreResult<Conversation> {
    Ok(Conversation {
        id: row.id("id")?,
        categories: row.json("categories")?,
        group: row.flag("is_group")?,
        title: row.text_or_null("title")?,
        state: row.text_or_null("state")?,
        label: row.text_or_null("label")?,
        sponsored: row.flag("is_sponsored")?,
        participants: row.json("participants")?,
        created_at: row.time_or_null("created_at")?,
        last_activity_at: row.time("last_activity_at")?,
        last_read_at: row.time_or_null("last_read_at")?,
        read: row.flag("is_read")?,
        unread_count: row.number("unread_count")?,
        muted: row.flag("is_muted")?,
        deleted: row.flag("is_deleted")?,
        version: row.number("version")?,
    })
}

pub(super) fn conversation_values(pk: i64, account_pk: i64, one: &Conversation) -> StoreResult<[Value; 18]> {
    Ok([
        pk.into(),
        account_pk.into(),
        (&one.id).into(),
        json(&one.categories)?.into(),
        one.group.into(),
        (&one.title).into(),
        (&one.state).into(),
        (&one.label).into(),
        one.sponsored.into(),
        json(&one.participants)?.into(),
        one.created_at.into(),
        one.last_activity_at.into(),
        one.last_read_at.into(),
        one.read.into(),
        one.unread_count.into(),
        one.muted.into(),
        one.deleted.into(),
        one.version.into(),
    ])
}

pub(super) fn message(row: &mut Columns, conversation: ConversationId) -> StoreResult<Message> {
    Ok(Message {
        id: row.id("id")?,
        conversation,
        sender: row.id_or_null("sender_id")?,
        delivered_at: row.time("delivered_at")?,
        body: row.text("body")?,
        attributes: row.list("attributes")?,
        subject: row.text_or_null("subject")?,
        format: MessageFormat::from(row.text("format")?),
        content: row.list("content")?,
        fallback_text: row.text_or_null("fallback_text")?,
        reactions: row.list("reactions")?,
        deleted: row.flag("is_deleted")?,
        prior: row.list("prior")?,
        version: row.number("version")?,
    })
}

pub(super) fn message_values(account_pk: i64, conversation_pk: i64, one: &Message) -> StoreResult<[Value; 15]> {
    Ok([
        account_pk.into(),
        (&one.id).into(),
        conversation_pk.into(),
        one.delivered_at.into(),
        one.sender.as_ref().into(),
        (&one.body).into(),
        (&one.subject).into(),
        one.format.as_str().into(),
        (&one.fallback_text).into(),
        json_list(&one.attributes)?,
        json_list(&one.content)?,
        json_list(&one.reactions)?,
        json_list(&one.prior)?,
        one.deleted.into(),
        one.version.into(),
    ])
}

pub(super) fn track(row: &mut Columns, conversation: ConversationId) -> StoreResult<ConversationTrack> {
    Ok(ConversationTrack {
        conversation,
        activity: row.time("activity")?,
        synced_to: row.time_or_null("synced_to")?,
        detail: row.json("detail")?,
    })
}

pub(super) fn track_values(conversation_pk: i64, account_pk: i64, one: &ConversationTrack) -> StoreResult<[Value; 7]> {
    Ok([
        conversation_pk.into(),
        account_pk.into(),
        one.activity.into(),
        one.synced_to.into(),
        one.due_rank().map(i64::from).into(),
        one.detail.completeness.as_str().into(),
        json(&one.detail)?.into(),
    ])
}

/// How much of a conversation there is, where it has a track.
pub(super) fn completeness(row: &mut Columns) -> StoreResult<Completeness> {
    match row.text_or_null("completeness")? {
        None => Ok(Completeness::OutOfScope),
        Some(name) => {
            Completeness::from_name(&name).ok_or_else(|| row.corrupt("completeness", "it is an unknown name"))
        }
    }
}

pub(super) fn account(row: &mut Columns) -> StoreResult<Account> {
    let mut account = Account {
        id: row.id("id")?,
        member: row.id("member_id")?,
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        public_id: row.text("public_id")?,
        picture_url: row.text_or_null("picture_url")?,
        premium: row.int_or_null("premium")?.map(|value| value != 0),
        health: row.named("health", Health::from_name)?,
        health_detail: row.text_or_null("health_detail")?,
        hold: hold(row)?,
        next_request_at: row.time("next_request_at")?,
        scope: row.json("scope")?,
        inbox: row.json("inbox")?,
        created_at: row.time("created_at")?,
        last_sync_at: row.time_or_null("last_sync_at")?,
        consecutive_failures: row.number("consecutive_failures")?,
        last_error: None,
        media_policy: MediaPolicy::default(),
        login_expires_at: None,
    };
    account.last_error = failure(row, "last_error_code", "last_error")?;
    account.media_policy = row.named("media_policy", MediaPolicy::named)?;
    account.login_expires_at = row.time_or_null("login_expires_at")?;
    Ok(account)
}

fn hold(row: &mut Columns) -> StoreResult<Option<Hold>> {
    let until = row.time_or_null("hold_until")?;
    let why = row.text_or_null("hold_why")?;
    let (Some(until), Some(why)) = (until, why) else {
        return Ok(None);
    };
    let why = HoldReason::from_name(&why).ok_or_else(|| row.corrupt("hold_why", "it is an unknown name"))?;
    Ok(Some(Hold { until, why }))
}

fn failure(row: &mut Columns, code: &'static str, what: &'static str) -> StoreResult<Option<JobFailure>> {
    let (code, what) = (row.text_or_null(code)?, row.text_or_null(what)?);
    Ok(code.zip(what).map(|(code, what)| JobFailure { code, what }))
}

pub(super) fn job(row: &mut Columns) -> StoreResult<Job> {
    let id = row.int("id")?;
    let account = row.id("account")?;
    let state = row.named("state", JobState::from_name)?;
    let forced = row.flag("is_forced")?;
    let cancel_requested = row.flag("cancel_requested")?;
    let media_only = row.flag("media_only")?;
    let verify = match row.text_or_null("verify")? {
        Some(name) => Some(Ask::from_name(&name).ok_or_else(|| row.corrupt("verify", "it is an unknown name"))?),
        None => None,
    };
    let not_before = row.time("not_before")?;
    let due_at = row.time("due_at")?;
    Ok(Job {
        id,
        account,
        state,
        forced,
        cancel_requested,
        media_only,
        verify,
        not_before,
        lease_until: (state == JobState::Running).then_some(due_at),
        created_at: row.time("created_at")?,
        started_at: row.time_or_null("started_at")?,
        finished_at: row.time_or_null("finished_at")?,
        failure: failure(row, "failure_code", "failure")?,
        progress: row.json("progress")?,
    })
}

pub(super) fn key(row: &mut Columns) -> StoreResult<KeyRow> {
    Ok(KeyRow {
        id: row.text("id")?,
        hash: row.blob("hash")?,
        scopes: row.json("scopes")?,
        accounts: match row.text_or_null("accounts")? {
            Some(text) => Some(
                serde_json::from_str(&text).map_err(|_| row.corrupt("accounts", "it is not a list of account ids"))?,
            ),
            None => None,
        },
        label: row.text_or_null("label")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time_or_null("last_used_at")?,
        revoked_at: row.time_or_null("revoked_at")?,
    })
}

/// A failure as its two columns.
pub(super) fn failure_values(failure: Option<&JobFailure>) -> [Value; 2] {
    match failure {
        Some(failure) => [(&failure.code).into(), (&failure.what).into()],
        None => [Value::Null(Kind::Text), Value::Null(Kind::Text)],
    }
}
