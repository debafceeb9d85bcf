//! What must hold of attachments when the trouble is over: what is kept is what LinkedIn hands out for that place of that
//! message, and where everything is wanted nothing is left to fetch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use threadkeep::refusal::Refusal;
use threadkeep::vault::ObjectHash;
use threadkeep_sim::media::{Wanted, report};

use crate::ask::{number, rows};
use crate::breach;
use crate::stage::{Breach, Stage};

const ATTACHMENTS: &str = "SELECT a.member_id, a.media_policy, COALESCE(t.message_id, ''), t.ordinal, t.state, \
     COALESCE(t.object_hash, ''), COALESCE(t.not_before, 0) \
     FROM attachments t JOIN accounts a ON a.pk = t.account_pk";
/// Those that are tried again with a sync of their account: nobody waits for them, so no job is open.
const PUT_OFF: &str = "SELECT MAX(t.not_before) FROM attachments t JOIN accounts a ON a.pk = t.account_pk \
     WHERE a.media_policy = 'eager' AND t.state IN ('remote', 'failed')";

/// The files of a place: member, message, number of the attachment.
type Places = BTreeMap<(String, String, i64), BTreeSet<String>>;

/// What does not hold first.
pub async fn kept(stage: &Arc<Stage>) -> Result<Option<Breach>, Refusal> {
    let places = handed_out(stage)?;
    let vault = stage.vault();
    for mut row in rows(&stage.ground, ATTACHMENTS, &[]).await? {
        let (member, policy, message, ordinal) = (row.text(), row.text(), row.text(), row.int());
        let (state, hash, not_before) = (row.text(), row.text(), row.int());
        let is_to_come = matches!(state.as_str(), "remote" | "wanted") || state == "failed" && not_before != 0;
        if policy == "eager" && is_to_come {
            return Ok(Some(breach!("every file is fetched", "{ordinal} of {message} is {state}")));
        }
        if state != "stored" {
            continue;
        }
        if let Some(hashes) = places.get(&(member, message.clone(), ordinal))
            && !hashes.contains(&hash)
        {
            return Ok(Some(breach!("files equal the truth", "{ordinal} of {message} is another file")));
        }
        let read = match ObjectHash::parse(&hash) {
            Ok(hash) => vault.read(&hash, None).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = read {
            return Ok(Some(breach!("what is kept is there", "{ordinal} of {message}: {error}")));
        }
    }
    Ok(None)
}

/// Until when the last of those is put off that the next sync would fetch.
pub async fn put_off_until(stage: &Arc<Stage>) -> Result<Option<i64>, Refusal> {
    Ok(number(&stage.ground, PUT_OFF).await?)
}

fn handed_out(stage: &Arc<Stage>) -> Result<Places, Refusal> {
    stage.with(|state| {
        let world = state.simulator.world();
        let mut places = Places::new();
        for owner in world.owners() {
            let wanted = Wanted { owner: Some(owner.clone()), ..Wanted::default() };
            let mut lines = Vec::new();
            report(world, &wanted, &mut lines).map_err(|error| Refusal::Internal(error.to_string()))?;
            for line in serde_json::Deserializer::from_slice(&lines).into_iter::<Value>() {
                let line = line.map_err(|error| Refusal::Internal(error.to_string()))?;
                let text = |key| line.get(key).and_then(Value::as_str).unwrap_or_default();
                let urn = text("messageUrn");
                let message = urn.rsplit_once(',').map_or(urn, |(_, id)| id.trim_end_matches(')'));
                let ordinal = line.get("ordinal").and_then(Value::as_i64).unwrap_or_default();
                let place = (owner.clone(), message.to_owned(), ordinal);
                places.entry(place).or_default().insert(text("sha256").to_owned());
            }
        }
        Ok(places)
    })
}
