//! Every operation of the OpenAPI document, and how to ask it: what the tests over all operations are made of.
//!
//! Whatever an operation takes is filled in here by name, or the tests that walk over all operations fail; so a new
//! route cannot slip past them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Map, Value, json};
use threadkeep::http::document::{self, Example, SCOPE_EXTENSION};
use threadkeep::http::{HttpSettings, Rate};
use threadkeep::lifecycle::Stop;
use threadkeep::store::{Actor, BegunImport, ImportJob, ImportState, JobFailure};
use threadkeep::verbs::accounts;
use threadkeep::verbs::keys::{self, NewKey, Scope};
use threadkeep::worker;
use threadkeep_core::id::AccountId;
use threadkeep_core::sync::pace::Pace;
use threadkeep_sim::{GenerateOptions, World as LinkedInWorld};

use crate::api_world::{Answer, BEGIN, World, with_key};
use crate::harness::SimulatedLinkedIn;

/// The present of the simulated worlds, before the clock of the tests begins.
const WORLD_MS: i64 = BEGIN.0 - 3_600_000;

/// A picture that may be asked for.
const PICTURE: &str =
    "https://media.licdn.com/dms/image/v2/C4E03AQ/profile-displayphoto-shrink_100_100/0/1?e=2&v=beta&t=x";

/// An archive of one message.
const ARCHIVE: &str = "CONVERSATION ID,FROM,SENDER PROFILE URL,TO,RECIPIENT PROFILE URLS,DATE,CONTENT\n\
    2-aW1wb3J0ZWQ=,Eva Invented,https://www.linkedin.com/in/eva-invented,Me,,2019-11-06 02:08:20 UTC,hello\n";

/// An operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its name.
    pub id: String,
    /// Its method, in capitals.
    pub method: String,
    /// Its path with the names of its parameters in braces.
    pub path: String,
    /// What it says of itself.
    pub told: Value,
}

/// The document as JSON, with these examples.
pub fn document(examples: &[Example]) -> Result<Value> {
    Ok(serde_json::to_value(document::document(examples))?)
}

/// Every operation, by path and method.
pub fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let methods = ["get", "post", "put", "patch", "delete"];
        methods.into_iter().filter_map(move |method| Some((path.clone(), method, item.get(method)?.clone())))
    });
    let operation = |(path, method, told): (String, &str, Value)| Operation {
        id: told["operationId"].as_str().unwrap_or_default().to_owned(),
        method: method.to_uppercase(),
        path,
        told,
    };
    all.map(operation).collect()
}

impl Operation {
    /// The scope that a key needs: `None` without any key, `any` for every key.
    pub fn scope(&self) -> Option<&str> {
        self.told[SCOPE_EXTENSION].as_str()
    }

    /// The names of everything that names a record here: in the path, the query and the body.
    pub fn slots(&self, document: &Value) -> BTreeSet<String> {
        let parameters = self.told["parameters"].as_array().into_iter().flatten();
        // In the query it is accepted for the sake of old clients, and means nothing.
        let means = parameters.filter(|one| one["name"] != "profileId" || one["in"] == "path");
        let named = means.filter_map(|one| one["name"].as_str().map(ToOwned::to_owned));
        let fields = self.fields(document);
        let all = named.chain(fields.keys().cloned());
        // A place within a record names none.
        all.filter(|name| name != "ordinal" && Records::default().get(name).is_some()).collect()
    }

    /// The schema of an answer with this status and the type of its body.
    pub fn answer<'a>(&'a self, document: &'a Value, status: u16) -> Option<&'a Value> {
        let told = self.told["responses"].get(status.to_string())?;
        let told = resolved(document, told);
        Some(&told["content"]["application/json"]["schema"])
    }

    fn fields<'a>(&'a self, document: &'a Value) -> Map<String, Value> {
        let schema = &self.told["requestBody"]["content"]["application/json"]["schema"];
        resolved(document, schema)["properties"].as_object().cloned().unwrap_or_default()
    }

    /// The request that names these records. Everything that names a record is filled in; of the rest, what has to be.
    pub fn request(&self, document: &Value, records: &Records, key: Option<&str>) -> Result<Request<Body>> {
        let mut path = self.path.clone();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut request = key.map_or_else(Request::builder, with_key);
        for parameter in self.told["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            let value = records.get(name);
            match (parameter["in"].as_str().unwrap_or_default(), value) {
                ("path", Some(value)) => path = path.replace(&format!("{{{name}}}"), &encoded(value)),
                ("query", Some(value)) => {
                    query.append_pair(name, value);
                }
                // Nobody waits for a worker here.
                ("header", None) if matches!(name, "Range" | "If-None-Match") => {}
                ("header", None) if name == "Prefer" => request = request.header("prefer", "respond-async"),
                ("query", None) if name == "q" && parameter["required"] == true => {
                    query.append_pair(name, "hello");
                }
                ("query", None) if parameter["required"] != true => {}
                (place, _) => bail!("{}: nobody knows how to fill {name} in the {place}", self.id),
            }
        }
        ensure!(!path.contains('{'), "{}: {path} has a parameter that is not described", self.id);
        let query = query.finish();
        let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
        let request = request.method(self.method.as_str()).uri(uri);
        if self.id == "import-archive" {
            return Ok(request.body(Body::from(ARCHIVE))?);
        }
        Ok(request.body(self.body(document, records)?.map_or_else(Body::empty, |body| Body::from(body.to_string())))?)
    }

    /// The body that names these records.
    pub fn body(&self, document: &Value, records: &Records) -> Result<Option<Value>> {
        let mut body = Map::new();
        for name in self.fields(document).keys() {
            let value = match name.as_str() {
                "cookies" => json!(records.cookies),
                "scopes" => json!(["read"]),
                "accounts" => json!([records.account]),
                "label" => json!("reporting"),
                "media" => json!("lazy"),
                "url" => json!(PICTURE),
                "force" | "deep" | "repair" => json!(true),
                name => json!(records.get(name).with_context(|| format!("{}: how is {name} filled?", self.id))?),
            };
            body.insert(name.clone(), value);
        }
        Ok(Some(body).filter(|body| !body.is_empty()).map(Value::Object))
    }
}

/// What a `$ref` points to, else the value itself.
pub fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|link| link.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(&Value::Null),
        None => value,
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Records that requests name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// An account.
    pub account: String,
    /// A conversation of it.
    pub conversation: String,
    /// A message in it.
    pub message: String,
    /// Somebody in it.
    pub profile: String,
    /// A run.
    pub run: String,
    /// A key.
    pub key: String,
    /// A login.
    pub cookies: String,
    /// An import.
    pub import: String,
}

impl Records {
    /// The record that a parameter of this name means; `None` when it means none.
    pub fn get(&self, name: &str) -> Option<&str> {
        Some(match name {
            "accountId" | "accounts" => &self.account,
            "conversationUrn" => &self.conversation,
            "messageUrn" => &self.message,
            "profileId" => &self.profile,
            "runId" => &self.run,
            "keyId" => &self.key,
            "importId" => &self.import,
            "ordinal" => "0",
            // A mirror has none: any id will do.
            "threadId" => "12",
            _ => return None,
        })
    }

    /// These records, but for what a parameter of this name means.
    pub fn with(&self, name: &str, other: &Self) -> Self {
        let mut mixed = self.clone();
        match name {
            "accountId" | "accounts" => mixed.account.clone_from(&other.account),
            "conversationUrn" => mixed.conversation.clone_from(&other.conversation),
            "messageUrn" => mixed.message.clone_from(&other.message),
            "profileId" => mixed.profile.clone_from(&other.profile),
            "runId" => mixed.run.clone_from(&other.run),
            "keyId" => mixed.key.clone_from(&other.key),
            "importId" => mixed.import.clone_from(&other.import),
            _ => {}
        }
        mixed
    }

    /// Well-formed ids of nothing.
    pub fn missing() -> Self {
        Self {
            account: "c".repeat(24),
            conversation: "2-nothing".into(),
            message: "2-nothing".into(),
            profile: "nobody-at-all".into(),
            run: "999999".into(),
            key: "cccccccccccc".into(),
            cookies: String::new(),
            import: "999999".into(),
        }
    }
}

/// A server whose two accounts were synced from a simulated LinkedIn, with a clock that stands still.
pub struct Synced {
    /// The server.
    pub world: World,
    /// The records of each account.
    pub records: [Records; 2],
    _linkedin: SimulatedLinkedIn,
}

impl Synced {
    /// Two small mailboxes.
    pub async fn start() -> Result<Self> {
        let options = GenerateOptions {
            seed: 5,
            conversations: 5,
            messages_mean: 8.0,
            accounts: 2,
            ..GenerateOptions::at(WORLD_MS)
        };
        let linkedin = SimulatedLinkedIn::start(LinkedInWorld::generate(&options)).await?;
        let mut world = World::facing(&linkedin.url()).await?;
        world.app.sync.pace = Pace::Open;
        let unlimited = Rate { burst: 0, per_minute: 0 };
        world.set(HttpSettings { key_rate: unlimited, address_rate: unlimited, ..HttpSettings::default() });
        let mut ids = Vec::new();
        for cookies in linkedin.all_cookies()? {
            let account = accounts::add(&world.app, &Actor::Setup, &cookies).await?;
            world.clock.pass(1_000);
            sync(&world, &account.id).await?;
            world.clock.pass(1_000);
            ids.push((account.id, cookies));
        }
        let [first, second] = ids.as_slice() else { bail!("{} accounts", ids.len()) };
        let records = [records(&world, first).await?, records(&world, second).await?];
        Ok(Self { world, records, _linkedin: linkedin })
    }

    /// Sends the request of an operation.
    pub async fn ask(
        &self,
        operation: &Operation,
        document: &Value,
        records: &Records,
        key: Option<&str>,
    ) -> Result<Answer> {
        self.world.send(operation.request(document, records, key)?).await
    }
}

/// A whole run, by one worker on this task, so that everything comes in the same order each time.
async fn sync(world: &World, account: &AccountId) -> Result<()> {
    let now = world.app.clock.now();
    world.app.store.enqueue_sync(account, true, now).await?;
    let claimed = world.app.store.claim(Some(account), "tester", now, now.plus_ms(30_000)).await?;
    worker::sync::work(&world.app, &Stop::default(), claimed.context("a job")?).await?;
    ensure!(world.app.store.jobs(account, 1).await?.iter().all(|job| job.failure.is_none()), "the sync failed");
    Ok(())
}

/// An import that has brought nothing.
async fn import(world: &World, account: &AccountId) -> Result<i64> {
    let now = world.app.clock.now();
    let id = world
        .app
        .store
        .begin_import(&BegunImport { asked_by: "tester", owner: "somebody", now, lease_until: now.plus_ms(1_000) })
        .await?;
    let job = world.app.store.import_job(id).await?.context("an import")?;
    let failure = JobFailure { code: "archive_rejected".into(), what: "the file is empty".into() };
    let job = ImportJob {
        state: ImportState::Failed,
        account: Some(account.clone()),
        finished_at: Some(now),
        failure: Some(failure),
        ..job
    };
    world.app.store.end_import(&job).await?;
    Ok(id)
}

/// What an account has: its newest conversation with one other person, that one's newest message, and so on.
async fn records(world: &World, (account, cookies): &(AccountId, String)) -> Result<Records> {
    let reader = world.key(&[Scope::Read], &[account.as_str()]).await?;
    let spare =
        NewKey { scopes: vec![Scope::Read], accounts: Some(vec![account.clone()]), label: Some("spare".into()) };
    let (_, spare) = keys::create(&world.app, &Actor::Setup, spare).await?;
    let list = world.get(&reader, "/conversations?count=100").await?.json();
    let mut all = list["conversations"].as_array().into_iter().flatten();
    let chosen = all
        .find(|one| one["isGroup"] == false && one["latestMessage"]["hasAttachment"] == true)
        .context("a conversation")?;
    let runs = world.get(&reader, "/conversations/sync/runs").await?.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Records {
        account: account.to_string(),
        conversation: text(&chosen["conversationUrn"]),
        message: text(&chosen["latestMessage"]["messageUrn"]),
        profile: text(&chosen["participants"][0]["profileId"]),
        run: runs["runs"][0]["runId"].to_string(),
        key: spare.id,
        cookies: cookies.clone(),
        import: import(world, account).await?.to_string(),
    })
}

/// Fails unless a committed file is what was made; then it is written anew, to be looked at and committed.
pub fn assert_committed(path: &str, made: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    if kept != made {
        std::fs::write(&file, made)?;
        bail!("{path} was out of date and has been written anew: look at the difference and commit it");
    }
    Ok(())
}
