//! The half of the control surface that changes something: mutations, faults, switches, sessions, ledger.
//!
//! A whole body is read and checked before anything is done with it.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::Faults;
use crate::media::bare_asset;
use crate::request::Answer;
use crate::simulator::Simulator;
use crate::switches::{DeadForm, Switches};
use crate::world::Mutation;
use crate::world::links::EXPIRED_STATUS;
use crate::world::model::Ms;

use super::refused;
use super::report::{find_account, json_answer};

type Done = Result<Answer, Answer>;

pub(super) fn mutate(simulator: &mut Simulator, now_ms: Ms, body: &[u8]) -> Done {
    let (items, single) = match parse(body)? {
        Value::Array(items) => (items, false),
        one => (vec![one], true),
    };
    let mut mutations = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let read = Mutation::from_json(item);
        mutations.push(read.map_err(|error| refused(400, &format!("[{index}]: {error}")))?);
    }
    let mut applied = Vec::with_capacity(mutations.len());
    for (index, mutation) in mutations.iter().enumerate() {
        match simulator.mutate(mutation, now_ms) {
            Ok(done) => applied.push(json!(done)),
            Err(error) => {
                let body = json!({"error": format!("[{index}]: {error}"), "applied": applied});
                return Err(Answer::json(400, body.to_string().into_bytes()));
            }
        }
    }
    match applied.pop() {
        Some(only) if single => json_answer(&only),
        last => json_answer(&applied.into_iter().chain(last).collect::<Vec<_>>()),
    }
}

/// Takes a whole configuration, a preset's name, or `{"faults":…,"switches":…}`.
pub(super) fn faults(simulator: &mut Simulator, body: &[u8]) -> Done {
    let (faults, switches) = match parse(body)? {
        Value::Object(mut map) if map.contains_key("faults") || map.contains_key("switches") => {
            let parts = (map.remove("faults"), map.remove("switches"));
            if let Some(key) = map.keys().next() {
                return Err(refused(400, &format!("{key}: unknown beside \"faults\" and \"switches\"")));
            }
            parts
        }
        other => (Some(other), None),
    };
    let faults = faults.map(read_faults).transpose()?;
    let switches = switches.map(|patch| read_switches(simulator, patch)).transpose()?;
    if let Some(faults) = faults {
        simulator.set_faults(faults);
    }
    if let Some(switches) = switches {
        simulator.set_switches(switches);
    }
    json_answer(simulator.faults())
}

pub(super) fn switches(simulator: &mut Simulator, body: &[u8]) -> Done {
    let patch = parse(body)?;
    let switches = read_switches(simulator, patch)?;
    simulator.set_switches(switches);
    json_answer(simulator.switches())
}

pub(super) fn clear_ledger(simulator: &mut Simulator) -> Done {
    simulator.ledger.clear();
    Ok(Answer::empty(204))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    account: String,
    form: Option<DeadForm>,
}

pub(super) fn kill_session(simulator: &mut Simulator, body: &[u8]) -> Done {
    let read: Result<Kill, _> = serde_json::from_slice(body);
    let kill = read.map_err(|error| refused(400, &error.to_string()))?;
    let owner = find_account(simulator, &kill.account)?;
    let killed = simulator.kill_sessions(&owner, kill.form.unwrap_or(DeadForm::RevokedRedirect));
    json_answer(&json!({ "killed": killed }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    asset: Option<String>,
    status: Option<u16>,
}

pub(super) fn expire_links(simulator: &mut Simulator, body: &[u8]) -> Done {
    let body = if body.is_empty() { b"{}" } else { body };
    let read: Result<Expire, _> = serde_json::from_slice(body);
    let expire = read.map_err(|error| refused(400, &error.to_string()))?;
    let status = expire.status.unwrap_or(EXPIRED_STATUS);
    if !matches!(status, 403 | 404 | 410) {
        return Err(refused(400, "status: give 403, 404 or 410"));
    }
    match &expire.asset {
        None => simulator.world.links.renew_all(status),
        Some(asset) if simulator.world.links.renew(bare_asset(asset), status) => {}
        Some(_) => return Err(refused(409, "asset: too many links were renewed one by one; expire all of them")),
    }
    Ok(Answer::empty(204))
}

fn parse(body: &[u8]) -> Result<Value, Answer> {
    serde_json::from_slice(body).map_err(|error| refused(400, &format!("the body is not JSON: {error}")))
}

fn read_faults(value: Value) -> Result<Faults, Answer> {
    if let Some(name) = value.as_str() {
        let preset = Faults::preset(name);
        return preset.ok_or_else(|| refused(400, "faults: the presets are none, light and heavy"));
    }
    Faults::from_json(value.to_string().as_bytes()).map_err(|error| refused(400, &error.to_string()))
}

/// The present switches with the keys of the patch replaced.
fn read_switches(simulator: &Simulator, patch: Value) -> Result<Switches, Answer> {
    let Value::Object(patch) = patch else {
        return Err(refused(400, "switches: give an object of switches"));
    };
    let mut whole = serde_json::to_value(simulator.switches()).unwrap_or_default();
    if let Some(known) = whole.as_object_mut() {
        known.extend(patch);
    }
    serde_json::from_value(whole).map_err(|error| refused(400, &format!("switches: {error}")))
}
