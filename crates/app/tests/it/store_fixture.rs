//! Invented accounts, conversations and messages for the tests of the store, and a worker that commits them.

use std::collections::BTreeSet;

use anyhow::Context;
use threadkeep::store::{Commit, Committed, Lease, Login, MediaPolicy, Progress, SealedSession, SharedStore};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::{MessageFormat, MessageSeen, Origin};
use threadkeep_core::person::{PersonKind, PersonSeen};
use threadkeep_core::sync::track::{InboxTrack, RunId, Sighting};
use threadkeep_core::sync::{Batch, SyncState};
use threadkeep_core::time::Timestamp;

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);
/// How long leases last.
pub const LEASE_MS: i64 = 60_000;

pub fn account_id(number: u32) -> anyhow::Result<AccountId> {
    Ok(AccountId::new(&format!("{number:024x}"))?)
}

pub fn conversation_id(name: &str) -> anyhow::Result<ConversationId> {
    Ok(ConversationId::new(&format!("2-{name}"))?)
}

pub fn message_id(name: &str) -> anyhow::Result<MessageId> {
    Ok(MessageId::new(&format!("2-{name}"))?)
}

pub fn person_id(name: &str) -> anyhow::Result<PersonId> {
    Ok(PersonId::new(&format!("ACoAA{name}"))?)
}

pub fn login(number: u32) -> anyhow::Result<Login> {
    Ok(Login {
        id: account_id(number)?,
        member: person_id("Owner")?,
        first_name: "Olga".into(),
        last_name: "Owner".into(),
        public_id: "olga-owner".into(),
        picture_url: None,
        premium: Some(false),
        scope: vec!["INBOX".into(), "ARCHIVE".into()],
        new_media_policy: MediaPolicy::Lazy,
        media_policy: None,
        sealed_session: sealed(&[1, 2, 3]),
    })
}

/// A session that is told to be sealed, without a date.
pub fn sealed(bytes: &[u8]) -> SealedSession {
    SealedSession { sealed: bytes.to_vec(), login_expires_at: None }
}

pub fn person(name: &str) -> anyhow::Result<PersonSeen> {
    Ok(PersonSeen {
        kind: Some(PersonKind::Member),
        first_name: Some(name.into()),
        last_name: Some("Test".into()),
        headline: Some("Engineer".into()),
        ..PersonSeen::only_id(person_id(name)?)
    })
}

/// A conversation of the owner with one other, in the inbox.
pub fn conversation(name: &str, activity: i64, other: &str) -> anyhow::Result<ConversationSeen> {
    Ok(ConversationSeen {
        categories: Some(BTreeSet::from(["INBOX".to_owned(), "PRIMARY_INBOX".to_owned()])),
        participants: Some(BTreeSet::from([person_id("Owner")?, person_id(other)?])),
        created_at: Some(Some(Timestamp(1))),
        last_activity_at: Some(Timestamp(activity)),
        read: Some(true),
        ..ConversationSeen::only_id(conversation_id(name)?)
    })
}

pub fn message(conversation: &str, name: &str, at: i64, body: &str) -> anyhow::Result<MessageSeen> {
    Ok(MessageSeen {
        id: message_id(name)?,
        conversation: conversation_id(conversation)?,
        sender: Some(person_id("Owner")?),
        delivered_at: Timestamp(at),
        body: Some(body.into()),
        attributes: Some(Vec::new()),
        subject: None,
        format: Some(MessageFormat::Default),
        content: Some(Vec::new()),
        fallback_text: None,
        reactions: Some(Vec::new()),
    })
}

/// A batch that brings nothing yet.
pub fn batch() -> Batch {
    Batch::unchanged(&SyncState {
        scope: Vec::new(),
        inbox: InboxTrack::default(),
        due: None,
        hold: None,
        run: RunId { job: 1, started_at: NOW },
    })
}

/// A page of a list: these conversations, sighted.
pub fn listed(conversations: Vec<ConversationSeen>) -> Batch {
    let scope = ["INBOX".to_owned(), "ARCHIVE".to_owned()];
    let sightings = conversations.iter().map(|one| Sighting::of(one, None, &scope)).collect();
    Batch { conversations, sightings, ..batch() }
}

/// A page of messages.
pub fn spoken(messages: Vec<MessageSeen>) -> Batch {
    Batch { messages, ..batch() }
}

/// The same batch as an answer to a sync token.
pub fn delta(batch: Batch) -> Batch {
    Batch { origin: Origin::Delta, ..batch }
}

/// Somebody who holds a lease and commits.
pub struct Worker {
    pub store: SharedStore,
    pub lease: Lease,
    pub progress: Progress,
}

impl Worker {
    /// Logs an account in, enqueues a sync and claims it.
    pub async fn new(store: &SharedStore, number: u32) -> anyhow::Result<Self> {
        store.log_in(&login(number)?, NOW).await?;
        store.enqueue_sync(&account_id(number)?, false, NOW).await?;
        let claimed = store.claim(Some(&account_id(number)?), "tester", NOW, NOW.plus_ms(LEASE_MS)).await?;
        let lease = claimed.context("nothing to claim")?.lease;
        Ok(Self { store: store.clone(), lease, progress: Progress::default() })
    }

    pub fn account(&self) -> &AccountId {
        &self.lease.account
    }

    pub async fn commit(&mut self, batch: &Batch) -> anyhow::Result<Committed> {
        let committed = self.store.commit(&self.step(batch)).await?;
        self.progress = committed.progress.clone();
        Ok(committed)
    }

    pub fn step<'a>(&'a self, batch: &'a Batch) -> Commit<'a> {
        Commit {
            lease: &self.lease,
            batch,
            sealed_session: None,
            next_request_at: NOW,
            lease_until: NOW.plus_ms(LEASE_MS),
            progress: &self.progress,
            now: NOW,
        }
    }
}
