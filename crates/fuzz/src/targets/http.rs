//! The API from outside: query strings, cursors, keys and bodies, through the real router over a synced invented mailbox.
//!
//! Whatever comes, the answer is none of the server's own mistakes, has the one form of errors, and repeats no value.

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use threadkeep::app::{App, Media, MediaSettings, SyncSettings, Upstream};
use threadkeep::chance::SystemChance;
use threadkeep::clock::SystemClock;
use threadkeep::http::{HttpSettings, Rate, router};
use threadkeep::lifecycle::{Stop, spawn};
use threadkeep::seal::{MasterKey, Sealer};
use threadkeep::source::voyager::QueryIds;
use threadkeep::store::{Actor, OpenOptions, open};
use threadkeep::verbs::keys::{self, NewKey, Scope};
use threadkeep::verbs::sync::Ticket;
use threadkeep::verbs::{accounts, sync};
use threadkeep::worker;
use threadkeep::worker::presence::Presence;
use threadkeep_core::id::ConversationId;
use threadkeep_core::sync::pace::Pace;
use threadkeep_core::time::Timestamp;
use threadkeep_sim::{GenerateOptions, RunningServer, Simulator, SimulatorOptions, World};
use tower::ServiceExt as _;
use url::form_urlencoded;

use crate::findings::{Breach, CANARY, Outcome, Shape, holds};

/// Words of query strings.
pub const QUERY_WORDS: &[&str] = &[
    "accountId=",
    "linkedinAccountIds=",
    "limit=",
    "count=",
    "nextCursor=",
    "cursor=",
    "category=INBOX",
    "unreadOnly=true",
    "keywords=",
    "since=",
    "deliveredAt=",
    "&",
    "=",
    "%",
    "+",
    "%00",
    "%F0%9F%98%80",
];
/// Words of cursors.
pub const CURSOR_WORDS: &[&str] = &["AAAA", "_-", "=", "eyJ"];
/// Words of keys.
pub const KEY_WORDS: &[&str] = &["Bearer ", "bearer ", "Basic ", "tk_", "_", "0123456789ab"];
/// Words of bodies.
pub const BODY_WORDS: &[&str] = &[
    "\"accountId\":",
    "\"force\":",
    "true",
    "null",
    "{",
    "}",
    "[",
    "\"",
    "\"url\":",
    "\"cookies\":",
    "\"scopes\":[\"read\"]",
];

const NOW_MS: i64 = 1_790_000_000_000;
/// Largest answer, in bytes.
const ANSWER_MAX: usize = 4 << 20;
/// The reads that a query may be asked of.
const PATHS: [&str; 6] = [
    "/linkedin/conversations?",
    "/linkedin/conversations/THREAD/messages?sync=false&",
    "/linkedin/conversations/THREAD?",
    "/linkedin/conversations/sync/status?",
    "/linkedin/conversations/sync/runs?",
    "/linkedin/accounts?",
];
/// What takes a body and asks nobody.
const POSTS: [&str; 3] = ["/linkedin/conversations/sync", "/linkedin/conversations/download-media", "/linkedin/keys"];

/// A server without a socket.
struct Stage {
    runtime: tokio::runtime::Runtime,
    router: Router,
    key: String,
    account: String,
    thread: String,
    /// A cursor that the API has given.
    cursor: String,
    _folder: tempfile::TempDir,
}

struct Told {
    status: u16,
    text: String,
}

/// Asks one of the reads with the text as its query.
pub fn query(input: &[u8]) -> Outcome {
    let (which, query) = input.split_first().unwrap_or((&0, &[]));
    let path = PATHS[usize::from(*which) % PATHS.len()];
    // A read of messages may wait for a sync, and nobody works here.
    let Some(query) = sendable(query).filter(|query| !query.contains("sync")) else { return Ok(Shape::of(&())) };
    let stage = stage()?;
    let told = stage.ask("GET", &format!("{}{query}", path.replace("THREAD", &stage.thread)), &stage.key, "")?;
    let is_named = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.contains(CANARY));
    told.shape(!is_named)
}

/// Asks for a page with the text as its cursor: only one of ours is taken.
pub fn cursor(input: &[u8]) -> Outcome {
    let stage = stage()?;
    let text = String::from_utf8_lossy(input);
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("accountId", &stage.account)
        .append_pair("limit", "2")
        .append_pair("nextCursor", &text)
        .finish();
    let told = stage.ask("GET", &format!("/linkedin/conversations?{query}"), &stage.key, "")?;
    holds(
        (told.status == 200) == (text == stage.cursor || text.is_empty()) || told.status == 400,
        "a strange cursor is taken",
    )?;
    holds(text != stage.cursor || told.status == 200, "our own cursor is refused")?;
    holds(told.status != 200 || text == stage.cursor || text.is_empty(), "a strange cursor is taken")?;
    told.shape(true)
}

/// The cursor of the first page.
pub fn cursors() -> Result<Vec<Vec<u8>>> {
    Ok(vec![stage().map_err(|breach| anyhow::anyhow!(breach.0))?.cursor.clone().into_bytes()])
}

/// Shows the text as a key: only the one that was made is taken.
pub fn key(input: &[u8]) -> Outcome {
    let stage = stage()?;
    let Ok(header) = axum::http::HeaderValue::from_bytes(input) else { return Ok(Shape::of(&())) };
    let request = Request::get("/linkedin/conversations").header("authorization", header).header("host", "localhost");
    let request = request.body(Body::empty()).map_err(|error| Breach(error.to_string()))?;
    let told = stage.send(request)?;
    let shown = String::from_utf8_lossy(input);
    let (scheme, presented) = shown.trim().split_once(' ').unwrap_or_default();
    let is_ours = scheme.eq_ignore_ascii_case("bearer") && presented.trim() == stage.key;
    holds(is_ours || told.status == 401, "a strange key is taken")?;
    holds(!told.text.contains(&stage.key), "an answer repeats a key")?;
    told.shape(true)
}

/// The key that was made.
pub fn keys() -> Result<Vec<Vec<u8>>> {
    let stage = stage().map_err(|breach| anyhow::anyhow!(breach.0))?;
    Ok(vec![format!("Bearer {}", stage.key).into_bytes()])
}

/// Sends the text as a body with a key that may only read: it is refused, whatever it says.
pub fn body(input: &[u8]) -> Outcome {
    let (which, body) = input.split_first().unwrap_or((&0, &[]));
    let stage = stage()?;
    let request = Request::post(POSTS[usize::from(*which) % POSTS.len()])
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", stage.key));
    let request = request.body(Body::from(body.to_vec())).map_err(|error| Breach(error.to_string()))?;
    let told = stage.send(request)?;
    holds((400..500).contains(&told.status), "a key that may only read has done something")?;
    told.shape(!has_named(body))
}

/// Whether what was planted may be the name of a field, which an error repeats.
fn has_named(body: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => fields.keys().any(|name| name.contains(CANARY)),
        _ => false,
    }
}

/// A text that can stand in the first line of a request.
fn sendable(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let is_plain = text.bytes().all(|byte| (b'!'..0x7f).contains(&byte) && byte != b'#');
    (is_plain && text.len() <= 8_000).then_some(text)
}

impl Told {
    /// What the answer was; fails when it is the server's mistake or has another form.
    fn shape(&self, is_planted: bool) -> Outcome {
        holds(self.status < 500, "the server made a mistake")?;
        if self.status < 400 {
            return Ok(Shape::of(&self.status));
        }
        holds(!is_planted || !self.text.contains(CANARY), "an error repeats a value")?;
        holds(self.text.len() <= 4_000, "an error has no bound")?;
        let body: Value = serde_json::from_str(&self.text).map_err(|_| Breach("an error is not JSON".to_owned()))?;
        let has_all = ["error", "code", "message"].iter().all(|name| body[*name].is_string());
        holds(has_all && body["success"] == false, "an error has another form")?;
        Ok(Shape::of(&(self.status, body["code"].as_str(), body["message"].as_str())))
    }
}

impl Stage {
    fn ask(&self, method: &str, target: &str, key: &str, body: &str) -> Result<Told, Breach> {
        let request = Request::builder().method(method).uri(target).header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {key}")).body(Body::from(body.to_owned()));
        // What is no address at all never reaches the router.
        match request {
            Ok(request) => self.send(request),
            Err(_) => Ok(Told { status: 200, text: String::new() }),
        }
    }

    fn send(&self, request: Request<Body>) -> Result<Told, Breach> {
        let router = self.router.clone();
        let told = self.runtime.block_on(async move {
            let response = router.oneshot(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let bytes = to_bytes(response.into_body(), ANSWER_MAX).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(Told { status, text: String::from_utf8_lossy(&bytes).into_owned() })
        });
        told.map_err(Breach)
    }
}

fn stage() -> Result<&'static Stage, Breach> {
    static STAGE: OnceLock<Result<Stage, String>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Stage::make().map_err(|error| format!("{error:#}")));
    stage.as_ref().map_err(|error| Breach(error.clone()))
}

impl Stage {
    fn make() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let folder = tempfile::tempdir()?;
        let (app, account) = runtime.block_on(synced(folder.path()))?;
        let wanted = NewKey { scopes: vec![Scope::Read], accounts: None, label: None };
        let key = runtime.block_on(keys::create(&app, &Actor::Setup, wanted))?.0;
        let often = Rate { burst: u32::MAX, per_minute: u32::MAX };
        let settings = HttpSettings { key_rate: often, address_rate: often, ..HttpSettings::default() };
        let router = router(app, settings);
        let mut stage =
            Self { runtime, router, key, account, thread: String::new(), cursor: String::new(), _folder: folder };
        let first = format!("/linkedin/conversations?accountId={}&limit=2", stage.account);
        let told = stage.ask("GET", &first, &stage.key, "").map_err(|breach| anyhow::anyhow!(breach.0))?;
        let page: Value = serde_json::from_str(&told.text)?;
        let cursor = page["nextCursor"].as_str().or_else(|| page["pagination"]["nextCursor"].as_str());
        stage.cursor = cursor.context("no cursor")?.to_owned();
        let urn =
            page["conversations"][0]["conversationUrn"].as_str().or_else(|| page["conversations"][0]["id"].as_str());
        let id = ConversationId::parse(urn.context("no conversation")?)?;
        stage.thread = id.as_str().replace('=', "%3D");
        Ok(stage)
    }
}

/// A synced invented mailbox in memory.
async fn synced(folder: &std::path::Path) -> Result<(App, String)> {
    let options = GenerateOptions { seed: 5, conversations: 12, messages_mean: 4.0, ..GenerateOptions::at(NOW_MS) };
    let simulator = Simulator::new(World::generate(&options), SimulatorOptions::default());
    let server = RunningServer::start("127.0.0.1:0".parse()?, simulator).await?;
    let cookie = {
        let mut simulator = server.simulator().lock().map_err(|_| anyhow::anyhow!("the simulator panicked"))?;
        simulator.credentials().into_iter().next().context("an account")?.cookie
    };
    let upstream = Upstream::at(&server.url(), QueryIds::default())?;
    let media = MediaSettings::in_folder(folder.to_owned());
    let app = App {
        media: Arc::new(Media::open(&upstream, media, Arc::new(SystemClock))?),
        store: open("sqlite::memory:", OpenOptions::default()).await?,
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        sealer: Arc::new(Sealer::new(&MasterKey::from_text(&"07".repeat(32))?)),
        bell: Arc::default(),
        presence: Arc::new(Presence::alone(&SystemChance)),
        storage: Arc::default(),
        upstream: Arc::new(upstream),
        sync: SyncSettings { pace: Pace::Open, ..SyncSettings::default() },
    };
    let account = accounts::add(&app, &Actor::Setup, &cookie).await?.id;
    let Ticket::Job { job, .. } = sync::request(&app, &account, true).await? else { anyhow::bail!("no job") };
    let stop = Stop::default();
    let worker = spawn(worker::run_account(app.clone(), stop.clone(), account.clone()));
    let job = sync::wait(&app, job.id, Timestamp(i64::MAX)).await?;
    anyhow::ensure!(job.failure.is_none(), "{:?}", job.failure);
    stop.ask();
    worker.await??;
    // Nothing is asked any more.
    server.shutdown().await;
    Ok((app, account.as_str().to_owned()))
}
