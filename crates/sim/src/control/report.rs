//! The half of the control surface that only tells: credentials, truth, ledger, statistics, settings.

use serde::Serialize;
use serde_json::{Value, json};

use crate::chance::stable_hash;
use crate::media::{self, Wanted};
use crate::request::Answer;
use crate::sessions::ISSUED_USER_AGENT;
use crate::simulator::Simulator;
use crate::voyager::query_ids::Variant;
use crate::voyager::restli::percent_decode;
use crate::voyager::urns;
use crate::world::model::PersonId;
use crate::world::{ArchiveEra, CANONICAL_CATEGORIES};
use crate::zip::zipped;

use super::refused;

/// What a tester needs to log in as a member.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// 24 hexadecimal characters, the same for a member in every run.
    pub account_id: String,
    /// `urn:li:fsd_profile:…`
    pub member_urn: String,
    /// The member's name.
    pub name: String,
    /// A ready `Cookie` header.
    pub cookie: String,
    /// The browser that made the session.
    pub user_agent: &'static str,
}

type Told = Result<Answer, Answer>;

/// Credentials of every account.
pub fn credentials(simulator: &mut Simulator) -> Vec<Credentials> {
    let owners: Vec<PersonId> = simulator.world.owners().to_vec();
    let mut all = Vec::new();
    for owner in owners {
        let Some(cookie) = simulator.sessions.credentials(&owner, &mut simulator.chance) else { continue };
        let person = simulator.world.people.get(&owner);
        all.push(Credentials {
            account_id: account_id(&owner),
            member_urn: urns::profile(&owner),
            name: person.map(|one| format!("{} {}", one.first_name, one.last_name)).unwrap_or_default(),
            cookie,
            user_agent: ISSUED_USER_AGENT,
        });
    }
    all
}

/// 24 hexadecimal characters that stand for a member.
pub fn account_id(owner: &str) -> String {
    let second = stable_hash(&format!("account {owner}")) & 0xffff_ffff;
    format!("{:016x}{second:08x}", stable_hash(owner))
}

pub(super) fn credentials_answer(simulator: &mut Simulator) -> Told {
    json_answer(&credentials(simulator))
}

pub(super) fn truth(simulator: &Simulator, query: &str) -> Told {
    let account = parameter(query, "account")?;
    let account = account.ok_or_else(|| refused(400, "account: give the memberUrn of an account"))?;
    let owner = find_account(simulator, &account)?;
    let named = parameter(query, "categories")?;
    let categories: Vec<&str> = match named.as_deref() {
        None | Some("") => CANONICAL_CATEGORIES.to_vec(),
        Some(list) => list.split(',').map(str::trim).collect(),
    };
    let mut body = Vec::new();
    let written = simulator.world.truth(&owner, &categories, &mut body);
    written.map_err(|error| refused(500, &error.to_string()))?;
    Ok(lines(body))
}

pub(super) fn archive(simulator: &Simulator, query: &str) -> Told {
    let account = parameter(query, "account")?;
    let account = account.ok_or_else(|| refused(400, "account: give the memberUrn of an account"))?;
    let owner = find_account(simulator, &account)?;
    let era = match parameter(query, "era")? {
        None => ArchiveEra::default(),
        Some(name) => ArchiveEra::from_name(&name)
            .ok_or_else(|| refused(400, "era: give 2017, 2020, 2021, 2023, 2024, 2025 or 2026"))?,
    };
    let files = simulator.world.archive(&owner, era);
    let zipped = zipped(files.iter().map(|file| (file.name, file.bytes.as_slice())));
    let mut answer = Answer::json(200, zipped.map_err(|error| refused(500, &error.to_string()))?);
    answer.headers = vec![("content-type".to_owned(), "application/zip".to_owned())];
    Ok(answer)
}

pub(super) fn media(simulator: &Simulator, query: &str) -> Told {
    let account = parameter(query, "account")?;
    let owner = account.map(|account| find_account(simulator, &account)).transpose()?;
    let wanted = Wanted { owner, asset: parameter(query, "asset")? };
    let mut body = Vec::new();
    let written = media::report(&simulator.world, &wanted, &mut body);
    written.map_err(|error| refused(500, &error.to_string()))?;
    Ok(lines(body))
}

pub(super) fn ledger(simulator: &Simulator, query: &str) -> Told {
    let since = match parameter(query, "since")? {
        None => 0,
        Some(text) => text.parse().map_err(|_| refused(400, "since: give a request number"))?,
    };
    let mut body = Vec::new();
    for line in simulator.ledger.lines().filter(|line| line.n > since) {
        let written = serde_json::to_writer(&mut body, line);
        written.map_err(|error| refused(500, &error.to_string()))?;
        body.push(b'\n');
    }
    Ok(lines(body))
}

pub(super) fn stats(simulator: &Simulator) -> Told {
    let mut purposes = serde_json::Map::new();
    let (mut writes, mut leaks, mut concurrent) = (0_u64, 0_u64, 0);
    for line in simulator.ledger.lines() {
        let count = purposes.entry(line.purpose.name()).or_insert_with(|| json!(0));
        *count = json!(count.as_u64().unwrap_or(0) + 1);
        writes += u64::from(line.writes);
        leaks += u64::from(line.media.as_ref().is_some_and(|media| media.cookies_leaked));
        concurrent = line.concurrent.max(concurrent);
    }
    let world = &simulator.world;
    let messages: usize = world.threads.values().map(|thread| thread.messages.len()).sum();
    json_answer(&json!({
        "requests": simulator.ledger.len(),
        "dropped": simulator.ledger.dropped(),
        "purposes": purposes,
        "writes": writes,
        "cookiesLeaked": leaks,
        "mostConcurrent": concurrent,
        "faults": simulator.faults_struck(),
        "accounts": world.owners().len(),
        "threads": world.threads.len(),
        "messages": messages,
        "changedAtMs": world.changed_at_ms,
    }))
}

pub(super) fn faults(simulator: &Simulator) -> Told {
    json_answer(simulator.faults())
}

pub(super) fn switches(simulator: &Simulator) -> Told {
    json_answer(simulator.switches())
}

pub(super) fn query_ids() -> Told {
    let rows = Variant::table().into_iter().map(|(id, variant)| (id, json!(variant)));
    json_answer(&Value::Object(rows.collect()))
}

/// The owner that an account's member URN, account id or bare profile id names.
pub(super) fn find_account(simulator: &Simulator, named: &str) -> Result<PersonId, Answer> {
    let id = urns::read_profile(named).unwrap_or(named);
    let mut owners = simulator.world.owners().iter();
    let found = owners.find(|owner| owner.as_str() == id || account_id(owner) == id);
    found.cloned().ok_or_else(|| refused(404, "account: no such account; GET /_sim/credentials lists them"))
}

pub(super) fn json_answer(value: &impl Serialize) -> Told {
    let body = serde_json::to_vec(value).map_err(|error| refused(500, &error.to_string()))?;
    Ok(Answer::json(200, body))
}

fn lines(body: Vec<u8>) -> Answer {
    let mut answer = Answer::json(200, body);
    answer.headers = vec![("content-type".to_owned(), "application/x-ndjson; charset=UTF-8".to_owned())];
    answer
}

fn parameter(query: &str, wanted: &str) -> Result<Option<String>, Answer> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, raw)) = pairs.find(|(name, _)| *name == wanted) else { return Ok(None) };
    let decoded = percent_decode(raw.as_bytes());
    decoded.map(Some).ok_or_else(|| refused(400, &format!("{wanted}: bad percent-encoding")))
}
