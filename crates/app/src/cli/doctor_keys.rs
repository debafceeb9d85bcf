//! The checks of `threadkeep doctor` about the master key and what it protects.
//!
//! Nothing is made or changed, and no key is shown: only its fingerprint's first digits.

use crate::config::Config;
use crate::seal::{KeyError, KeySource, MasterKey, Sealer};
use crate::store::SharedStore;
use crate::verbs::secrets::{self, KeyState};

use super::doctor_checks::{Check, Finding};
use super::open;
use super::secrets::key_id;

/// Accounts that one finding names.
const NAMED_MAX: usize = 5;

/// Makes all checks about keys.
pub(super) async fn all(config: &Config, store: Option<&SharedStore>) -> Vec<Check> {
    let source = open::key_source(config);
    let own = match source.main() {
        Ok(own) => own,
        Err(error) => return vec![unusable(&error)],
    };
    if let Err(error) = source.given_next() {
        return vec![unusable(&error)];
    }
    let Some(store) = store else {
        return vec![key(&source, own.as_ref(), &KeyState::default())];
    };
    let sealer = own.as_ref().map(|own| Sealer::with_source(own, source.clone()));
    match secrets::state(store, sealer.as_ref()).await {
        Ok(state) => {
            let mut checks = vec![key(&source, own.as_ref(), &state)];
            checks.extend(rotation(&source, &state));
            checks.extend(sessions(&state));
            checks
        }
        Err(refusal) => vec![Check::new("key", Finding::Fail, refusal.to_string(), "try again")],
    }
}

/// A key that is there and cannot be used, with the remedy that fits.
fn unusable(error: &KeyError) -> Check {
    match error {
        KeyError::Exposed { path } => {
            let found = format!("other users of this machine may read the key file {}", path.display());
            Check::new("key", Finding::Fail, found, &format!("run `chmod 600 {}`", path.display()))
        }
        KeyError::Malformed { .. } => {
            Check::new("key", Finding::Fail, error.to_string(), "put the right key in its place")
        }
        KeyError::File { .. } => {
            Check::new("key", Finding::Fail, error.to_string(), "let the user who runs threadkeep read that file")
        }
    }
}

fn key(source: &KeySource, own: Option<&MasterKey>, state: &KeyState) -> Check {
    let place = source.place();
    let Some(known) = &state.master_key else {
        return match own {
            Some(_) => Check::ok("key", place),
            None => Check::ok("key", format!("{place}: made when it is first needed")),
        };
    };
    let Some(own) = own else {
        return Check::new(
            "key",
            Finding::Fail,
            format!("{place} is missing, and the stored sessions were sealed with it"),
            "put it back, from wherever a copy of it is kept",
        );
    };
    if own.fingerprint() == *known {
        return Check::ok("key", format!("{place}: {}", key_id(known)));
    }
    match source.all().iter().any(|key| key.fingerprint() == *known) {
        true => Check::new(
            "key",
            Finding::Warn,
            format!(
                "{place} is the key from before; the database uses {}, which is there as the new one",
                key_id(known)
            ),
            "finish with `threadkeep secrets rotate`; where the key comes from the environment, give the new one as \
             THREADKEEP_MASTER_KEY",
        ),
        false => Check::new(
            "key",
            Finding::Fail,
            format!("{place} is not the key that the stored sessions were sealed with ({})", key_id(known)),
            "use the key that belongs to this database",
        ),
    }
}

fn rotation(source: &KeySource, state: &KeyState) -> Option<Check> {
    let before = state.before.as_ref()?;
    let left: u64 =
        state.data_keys.iter().filter(|(key, _)| Some(key) != state.master_key.as_ref()).map(|(_, count)| count).sum();
    let found = format!("the change of the master key is not finished: {left} data keys need {} still", key_id(before));
    Some(match source.all().iter().any(|key| key.fingerprint() == *before) {
        true => Check::new("rotation", Finding::Warn, found, "run `threadkeep secrets rotate` to finish it"),
        false => Check::new(
            "rotation",
            Finding::Fail,
            format!("{found}, which is not there"),
            "put the old key back, then run `threadkeep secrets rotate`",
        ),
    })
}

fn sessions(state: &KeyState) -> Vec<Check> {
    let mut checks = Vec::new();
    if !state.unreadable.is_empty() {
        let named: Vec<String> = state.unreadable.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let found = format!("{} cannot be opened: {}", state.unreadable.len(), named.join(", "));
        checks.push(Check::new("sessions", Finding::Fail, found, "`threadkeep account reconnect ID` for each"));
    }
    if state.sessions_direct > 0 {
        let found = format!("{} are sealed in the form of an earlier version", state.sessions_direct);
        checks.push(Check::new(
            "sessions",
            Finding::Ok,
            found,
            "`threadkeep secrets rotate` moves them to the present one",
        ));
    }
    checks
}
