//! What was read of small tables and still holds: keys and accounts, of which every request needs some.
//!
//! It is used only while the database tells that nobody, in whatever process, has committed anything since before it
//! was read. Where that cannot be told, everything is read anew: a revoked key stops working at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use threadkeep_core::id::AccountId;
use threadkeep_core::person::Person;

use super::dialect::DatabaseState;
use super::{Account, KeyRow};

/// Records of one kind that are kept.
const KEPT_MAX: usize = 1_000;

/// All that is kept.
#[derive(Default)]
pub(super) struct Known {
    pub(super) keys: Kept<String, KeyRow>,
    pub(super) accounts: Kept<AccountId, Account>,
    /// All accounts in their order.
    pub(super) all_accounts: Kept<(), Vec<Account>>,
    /// Members as people of their own mailboxes.
    pub(super) owners: Kept<AccountId, Person>,
}

/// Records of one kind, all read in the same state of the database.
pub(super) struct Kept<K, V>(Mutex<Option<(DatabaseState, HashMap<K, V>)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// What was kept in this state.
    pub(super) fn get(&self, state: Option<DatabaseState>, key: &K) -> Option<V> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept_in, records) = kept.as_ref()?;
        records.get(key).filter(|_| state == Some(*kept_in)).cloned()
    }

    /// Keeps what was read after the database had told this state.
    pub(super) fn put(&self, state: Option<DatabaseState>, key: K, value: &V) {
        let Some(state) = state else { return };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_mut() {
            Some((kept_in, records)) if *kept_in == state && records.len() < KEPT_MAX => {
                records.insert(key, value.clone());
            }
            _ => *kept = Some((state, HashMap::from([(key, value.clone())]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_in_another_state_is_not_known() {
        let kept = Kept::<u8, &str>::default();
        let (first, second) = (Some(DatabaseState(1)), Some(DatabaseState(2)));
        kept.put(None, 7, &"unsure");
        assert_eq!(kept.get(None, &7), None);
        kept.put(first, 7, &"old");
        assert_eq!((kept.get(first, &7), kept.get(first, &8), kept.get(second, &7)), (Some("old"), None, None));
        kept.put(second, 8, &"new");
        assert_eq!((kept.get(first, &7), kept.get(second, &7), kept.get(second, &8)), (None, None, Some("new")));
        assert_eq!(kept.get(None, &8), None);
    }

    #[test]
    fn the_memory_is_bounded() {
        let kept = Kept::<usize, usize>::default();
        let state = Some(DatabaseState(1));
        for number in 0..=KEPT_MAX {
            kept.put(state, number, &number);
        }
        assert_eq!((kept.get(state, &0), kept.get(state, &KEPT_MAX)), (None, Some(KEPT_MAX)));
    }
}
