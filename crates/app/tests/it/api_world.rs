//! A server in process over a real database, with a clock that is moved by hand: what the API tests are made of.
//!
//! Mirrored records get in as they do in the product, by a leased commit. No test may sleep, measure time, or reach
//! further than loopback.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use threadkeep::app::{App, Media, MediaSettings, SyncSettings, Upstream};
use threadkeep::chance::Chance;
use threadkeep::clock::Clock;
use threadkeep::http::{HttpSettings, router};
use threadkeep::seal::{MasterKey, Sealer};
use threadkeep::source::voyager::request::QueryIds;
use threadkeep::store::{Actor, Claimed, Commit, JobEnd, JobFailure, Login, MediaPolicy, OpenOptions, SharedStore};
use threadkeep::verbs::keys::{self, NewKey, Scope};
use threadkeep::worker::presence::Presence;
use threadkeep_core::content::{Content, Reaction};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::{MessageFormat, MessageSeen, Origin};
use threadkeep_core::person::{PersonKind, PersonSeen};
use threadkeep_core::sync::track::{ConversationTrack, RunId, Sighting};
use threadkeep_core::sync::{Batch, Hold, SyncState};
use threadkeep_core::time::Timestamp;
use tokio::sync::Notify;
use tower::ServiceExt;

/// When every test begins: 2026-01-02 03:04:05 UTC.
pub const BEGIN: Timestamp = Timestamp(1_767_323_045_000);
/// The account of Ines Sample.
pub const INES: &str = "a1a1a1a1a1a1a1a1a1a1a1a1";
/// The account of Otto Other.
pub const OTTO: &str = "b2b2b2b2b2b2b2b2b2b2b2b2";
/// Ines's profile id.
pub const INES_MEMBER: &str = "ACoAAInes";
/// Otto's profile id.
pub const OTTO_MEMBER: &str = "ACoAAOtto";
/// How long the leases of these tests go.
const LEASE_MS: i64 = 30_000;

/// A clock that is moved by hand, or by those who wait.
#[derive(Default)]
pub struct HandClock {
    now_ms: AtomicI64,
    moves_when_waited_for: AtomicBool,
    waited_for: Notify,
}

impl HandClock {
    /// Lets time pass.
    pub fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Returns once somebody waits, so that a test goes on only when a request has joined a run.
    pub async fn is_waited_for(&self) {
        self.waited_for.notified().await;
    }

    /// From now on, whoever waits for a time moves the clock there.
    pub fn move_when_waited_for(&self) {
        self.moves_when_waited_for.store(true, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::SeqCst))
    }

    async fn nap_until(&self, until: Timestamp) {
        self.waited_for.notify_one();
        tokio::task::yield_now().await;
        if self.moves_when_waited_for.load(Ordering::SeqCst) {
            self.now_ms.fetch_max(until.0, Ordering::SeqCst);
        }
    }
}

/// Randomness that is the same in every run.
#[derive(Default)]
struct CountedChance(AtomicU8);

impl Chance for CountedChance {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// Status and code of an error, after checking that its body is the one that every error has.
    pub fn fault(&self) -> String {
        let body = self.json();
        let has_form = body.get("success") == Some(&json!(false))
            && body.get("error").is_some_and(Value::is_string)
            && body.get("error") == body.get("message")
            // A search tells the place of its mistake besides.
            && body.as_object().is_some_and(|fields| {
                fields.len() == 4 + usize::from(fields.get("position").is_some_and(Value::is_u64))
            });
        let code = body.get("code").and_then(Value::as_str).unwrap_or("-");
        match has_form {
            true => format!("{} {code}", self.status.as_u16()),
            false => format!("{} without the body of an error: {body}", self.status.as_u16()),
        }
    }

    /// A header as text; empty when there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }
}

/// The server and what stands behind it.
pub struct World {
    /// Its parts.
    pub app: App,
    /// Its clock.
    pub clock: Arc<HandClock>,
    router: Router,
    _folder: TempDir,
}

impl World {
    /// A server over an empty database.
    pub async fn empty() -> anyhow::Result<Self> {
        Self::facing("http://127.0.0.1:9").await
    }

    /// A server over an empty database, for which LinkedIn is at this address.
    pub async fn facing(upstream: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = open(&folder).await?;
        let clock = Arc::new(HandClock::default());
        clock.pass(BEGIN.0);
        let app = app(store, clock.clone(), upstream, &folder)?;
        Ok(Self { router: router(app.clone(), HttpSettings::default()), app, clock, _folder: folder })
    }

    /// A server over a database that others may use, too.
    pub fn over(store: SharedStore) -> anyhow::Result<Self> {
        let clock = Arc::new(HandClock::default());
        clock.pass(BEGIN.0);
        let folder = tempfile::tempdir()?;
        let app = app(store, clock.clone(), "http://127.0.0.1:9", &folder)?;
        let router = router(app.clone(), HttpSettings::default());
        Ok(Self { router, app, clock, _folder: folder })
    }

    /// A server with the accounts of Ines, who has never been synced, and of Otto.
    pub async fn with_accounts() -> anyhow::Result<Self> {
        let world = Self::empty().await?;
        world.add_account(INES, INES_MEMBER, ("Ines", "Sample")).await?;
        world.clock.pass(1_000);
        world.add_account(OTTO, OTTO_MEMBER, ("Otto", "Other")).await?;
        Ok(world)
    }

    /// From now on LinkedIn is at this address.
    pub fn look_at(&mut self, upstream: &str) -> anyhow::Result<()> {
        self.app.upstream = Arc::new(Upstream::at(upstream, QueryIds::default())?);
        self.set(HttpSettings::default());
        Ok(())
    }

    /// The same server with other settings.
    pub fn set(&mut self, settings: HttpSettings) {
        self.router = router(self.app.clone(), settings);
    }

    async fn add_account(&self, id: &str, member: &str, name: (&str, &str)) -> anyhow::Result<()> {
        let login = Login {
            id: AccountId::new(id)?,
            member: PersonId::new(member)?,
            first_name: name.0.into(),
            last_name: name.1.into(),
            public_id: format!("{}-{}", name.0, name.1).to_lowercase(),
            picture_url: None,
            premium: Some(false),
            scope: vec!["INBOX".into()],
            new_media_policy: MediaPolicy::Lazy,
            media_policy: None,
            sealed_session: crate::store_fixture::sealed(&[1, 2, 3]),
        };
        self.app.store.log_in(&login, self.app.clock.now()).await?;
        Ok(())
    }

    /// A key with these scopes that reaches these accounts; none named is all.
    pub async fn key(&self, scopes: &[Scope], accounts: &[&str]) -> anyhow::Result<String> {
        let ids: Result<Vec<AccountId>, _> = accounts.iter().map(|id| AccountId::new(id)).collect();
        let wanted =
            NewKey { scopes: scopes.to_vec(), accounts: Some(ids?).filter(|ids| !ids.is_empty()), label: None };
        Ok(keys::create(&self.app, &Actor::Setup, wanted).await?.0)
    }

    /// Asks for a sync of an account and takes the job, as a worker does.
    pub async fn begin_sync(&self, account: &str) -> anyhow::Result<Claimed> {
        let id = AccountId::new(account)?;
        let now = self.app.clock.now();
        self.app.store.enqueue_sync(&id, false, now).await?;
        let claimed = self.app.store.claim(Some(&id), "tester", now, now.plus_ms(LEASE_MS)).await?;
        claimed.context("the job could not be claimed")
    }

    /// Writes what an answer taught.
    pub async fn commit(&self, claimed: &mut Claimed, taught: Taught) -> anyhow::Result<()> {
        let state = self.app.store.work_state(&claimed.lease).await?;
        let now = self.app.clock.now();
        let batch = taught.into_batch(&SyncState {
            scope: state.account.scope.clone(),
            inbox: state.account.inbox.clone(),
            due: state.due,
            hold: None,
            run: RunId { job: 1, started_at: now },
        });
        let commit = Commit {
            lease: &claimed.lease,
            batch: &batch,
            sealed_session: None,
            next_request_at: now,
            lease_until: now.plus_ms(LEASE_MS),
            progress: &claimed.job.progress,
            now,
        };
        claimed.job.progress = self.app.store.commit(&commit).await?.progress;
        Ok(())
    }

    /// Ends a run.
    pub async fn end_sync(&self, claimed: &Claimed, end: &JobEnd) -> anyhow::Result<()> {
        let now = self.app.clock.now();
        self.app.store.finish(&claimed.lease, end, &claimed.job.progress, now).await?;
        Ok(())
    }

    /// A whole run that teaches this.
    pub async fn sync(&self, account: &str, taught: Taught) -> anyhow::Result<()> {
        let mut claimed = self.begin_sync(account).await?;
        self.commit(&mut claimed, taught).await?;
        self.end_sync(&claimed, &JobEnd::Done).await
    }

    /// Sends a request.
    pub async fn send(&self, request: Request<Body>) -> anyhow::Result<Answer> {
        let response = self.router.clone().oneshot(request).await?;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 24).await?.to_vec();
        Ok(Answer { status: parts.status, headers: parts.headers, bytes })
    }

    /// Sends a request and leaves its answer to be taken.
    pub async fn begin(&self, request: Request<Body>) -> anyhow::Result<axum::response::Response> {
        Ok(self.router.clone().oneshot(request).await?)
    }

    /// `GET` with a key.
    pub async fn get(&self, key: &str, path: &str) -> anyhow::Result<Answer> {
        self.send(with_key(key).uri(path).body(Body::empty())?).await
    }

    /// `POST` with a key and a body.
    pub async fn post(&self, key: &str, path: &str, body: impl Into<Body>) -> anyhow::Result<Answer> {
        self.send(with_key(key).method(Method::POST).uri(path).body(body.into())?).await
    }

    /// `DELETE` with a key.
    pub async fn delete(&self, key: &str, path: &str) -> anyhow::Result<Answer> {
        self.send(with_key(key).method(Method::DELETE).uri(path).body(Body::empty())?).await
    }
}

/// A request with a key.
pub fn with_key(key: &str) -> axum::http::request::Builder {
    Request::builder().header("authorization", format!("Bearer {key}"))
}

/// The end of a run that failed.
pub fn failed(code: &str, what: &str) -> JobEnd {
    JobEnd::Failed(JobFailure { code: code.into(), what: what.into() })
}

async fn open(folder: &TempDir) -> anyhow::Result<SharedStore> {
    let address = format!("sqlite:{}", folder.path().join("mirror.db").display());
    Ok(threadkeep::store::open(&address, OpenOptions::default()).await?)
}

fn app(store: SharedStore, clock: Arc<HandClock>, upstream: &str, folder: &TempDir) -> anyhow::Result<App> {
    let upstream = Upstream::at(upstream, QueryIds::default())?;
    let media = MediaSettings::in_folder(folder.path().join("media"));
    Ok(App {
        store,
        media: Arc::new(Media::open(&upstream, media, clock.clone())?),
        clock,
        chance: Arc::new(CountedChance::default()),
        sealer: Arc::new(Sealer::new(&MasterKey::from_text(&"07".repeat(32))?)),
        bell: Arc::new(Notify::new()),
        presence: Arc::new(Presence::alone(&CountedChance::default())),
        storage: Arc::default(),
        upstream: Arc::new(upstream),
        sync: SyncSettings::default(),
    })
}

/// What an answer of LinkedIn teaches.
#[derive(Debug, Default)]
pub struct Taught {
    people: Vec<PersonSeen>,
    conversations: Vec<ConversationSeen>,
    deleted: Vec<ConversationId>,
    messages: Vec<MessageSeen>,
    hold: Option<Hold>,
    track: Option<ConversationTrack>,
}

impl Taught {
    /// A wait that LinkedIn asks for.
    pub fn held(mut self, hold: Hold) -> Self {
        self.hold = Some(hold);
        self
    }

    /// How far we are sure of a conversation.
    pub fn tracked(mut self, track: ConversationTrack) -> Self {
        self.track = Some(track);
        self
    }

    /// Somebody with a name; one word is a first name.
    pub fn person(mut self, id: &str, name: &str) -> anyhow::Result<Self> {
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        self.people.push(PersonSeen {
            kind: Some(PersonKind::Member),
            first_name: Some(first.into()),
            last_name: Some(last.into()),
            ..PersonSeen::only_id(PersonId::new(id)?)
        });
        Ok(self)
    }

    /// A conversation that was active this many milliseconds after the beginning of the test.
    pub fn conversation(mut self, id: &str, after_ms: i64, people: &[&str]) -> anyhow::Result<Self> {
        let people: Result<BTreeSet<PersonId>, _> = people.iter().map(|id| PersonId::new(id)).collect();
        self.conversations.push(ConversationSeen {
            categories: Some(BTreeSet::from(["INBOX".to_owned()])),
            participants: Some(people?),
            last_activity_at: Some(BEGIN.plus_ms(after_ms)),
            read: Some(after_ms % 2 == 0),
            unread_count: Some(u32::from(after_ms % 2 != 0)),
            ..ConversationSeen::only_id(ConversationId::new(id)?)
        });
        Ok(self)
    }

    /// Makes the last conversation a group.
    pub fn grouped(mut self) -> Self {
        if let Some(conversation) = self.conversations.last_mut() {
            conversation.group = Some(true);
        }
        self
    }

    /// A tombstone of a conversation.
    pub fn without(mut self, id: &str) -> anyhow::Result<Self> {
        self.deleted.push(ConversationId::new(id)?);
        Ok(self)
    }

    /// A message in a conversation, delivered this many milliseconds after the beginning of the test.
    pub fn message(mut self, (conversation, id): (&str, &str), from: &str, after_ms: i64) -> anyhow::Result<Self> {
        self.messages.push(MessageSeen {
            id: MessageId::new(id)?,
            conversation: ConversationId::new(conversation)?,
            sender: Some(from).filter(|from| !from.is_empty()).map(PersonId::new).transpose()?,
            delivered_at: BEGIN.plus_ms(after_ms),
            body: Some(format!("text of {id}")),
            attributes: None,
            subject: None,
            format: None,
            content: None,
            fallback_text: None,
            reactions: None,
        });
        Ok(self)
    }

    /// Gives the last message another text than the one that it has at first.
    pub fn saying(mut self, text: &str) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.body = Some(text.into());
            message.format = Some(MessageFormat::Edited);
        }
        self
    }

    /// Gives the last conversation a title, folders and marks, and a label.
    pub fn filed(mut self, title: &str, categories: &[&str], label: &str) -> Self {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        if let Some(conversation) = self.conversations.last_mut() {
            conversation.title = Some(some(title));
            conversation.label = Some(some(label));
            conversation.categories = Some(categories.iter().map(|name| (*name).to_owned()).collect());
        }
        self
    }

    /// Gives the last message a text and a form.
    pub fn written(mut self, text: &str, format: MessageFormat) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.body = Some(text.into());
            message.format = Some(format);
        }
        self
    }

    /// Gives the last message a subject.
    pub fn about(mut self, subject: &str) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.subject = Some(subject.into());
        }
        self
    }

    /// Gives the last message a reaction.
    pub fn reacted(mut self, emoji: &str, count: u32) -> Self {
        if let Some(message) = self.messages.last_mut() {
            let first_reacted_at = Some(BEGIN);
            message.reactions =
                Some(vec![Reaction { emoji: emoji.into(), count, first_reacted_at, viewer_reacted: false }]);
        }
        self
    }

    /// Gives the last person a link to the profile.
    pub fn linked(mut self, url: &str) -> Self {
        if let Some(person) = self.people.last_mut() {
            person.profile_url = Some(url.into());
        }
        self
    }

    /// Gives the last message contents.
    pub fn carrying(mut self, content: Vec<Content>) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.content = Some(content);
        }
        self
    }

    fn into_batch(self, state: &SyncState) -> Batch {
        let mut batch = Batch::unchanged(state);
        batch.origin = Origin::Delta;
        batch.inbox.imported_at = Some(state.run.started_at);
        batch.sightings = self.conversations.iter().map(|seen| Sighting::of(seen, None, &state.scope)).collect();
        batch.hold = self.hold;
        batch.track = self.track;
        batch.people = self.people;
        batch.conversations = self.conversations;
        batch.deleted_conversations = self.deleted;
        batch.messages = self.messages;
        batch
    }
}
